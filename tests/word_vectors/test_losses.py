"""The losses equal loops written from the papers."""

import numpy as np
import pytest
from contract import check_loss
from keras import ops

from dlai_keras.word_vectors.losses import (
    CbowLoss,
    GloveLoss,
    SkipGramLoss,
    window_mask,
)

pytestmark = pytest.mark.backends

REACH = np.array(
    [[[0, 2], [1, 1], [2, 1], [1, 0]], [[0, 1], [1, 0], [0, 0], [0, 0]]], "int32"
)


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


@pytest.fixture
def products():
    return np.random.default_rng(0).normal(size=(2, 4, 7)).astype("float32")


def test_a_window_holds_the_words_that_its_reach_says():
    mask = ops.convert_to_numpy(window_mask(REACH))
    for row in range(2):
        for i in range(4):
            left, right = REACH[row, i]
            wanted = [j != i and i - left <= j <= i + right for j in range(4)]
            np.testing.assert_array_equal(mask[row, i], wanted)


def test_skip_gram_is_the_sum_over_pairs(products, tmp_path):
    values = check_loss(
        SkipGramLoss(negatives_per_pair=2.5),
        REACH.astype("float32"),
        products,
        tmp_path,
    )
    for row in range(2):
        total = 0
        for i in range(4):
            left, right = REACH[row, i]
            for j in range(i - left, i + right + 1):
                if j != i:
                    far = log_sigmoid(-products[row, i, 4:]).mean()
                    total -= log_sigmoid(products[row, i, j]) + 2.5 * far
        assert values[row] == pytest.approx(total, rel=1e-5)


def test_cbow_is_the_sum_over_words_with_a_window(products, tmp_path):
    values = check_loss(
        CbowLoss(negatives_per_word=2.0), REACH.astype("float32"), products, tmp_path
    )
    for row in range(2):
        total = 0
        for i in range(4):
            if REACH[row, i].any():
                far = log_sigmoid(-products[row, i, 1:]).mean()
                total -= log_sigmoid(products[row, i, 0]) + 2 * far
        assert values[row] == pytest.approx(total, rel=1e-5)


def test_glove_weighs_rare_pairs_less(tmp_path):
    counts = np.array([[2.0], [50.0]], "float32")
    told = np.array([[0.3], [3.0]], "float32")
    values = check_loss(GloveLoss(x_max=20.0, alpha=0.5), counts, told, tmp_path)
    wanted = [(2 / 20) ** 0.5 * (0.3 - np.log(2)) ** 2, (3 - np.log(50)) ** 2]
    np.testing.assert_allclose(values, wanted, rtol=1e-5)
