"""The mean of a window is that of a loop."""

import numpy as np
import pytest
from contract import check_layer

from dlai_keras.word_vectors.layers import WindowMean

pytestmark = pytest.mark.backends


def test_each_word_gets_the_mean_of_those_around_it(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 5, 3)).astype("float32")
    reach = np.array([[[0, 2], [1, 3], [2, 0], [0, 0], [1, 0]]] * 2, "int32")
    means = check_layer(WindowMean(), [vectors, reach], (2, 5, 3), tmp_path)
    for i, (left, right) in enumerate(reach[0]):
        around = [j for j in range(i - left, i + right + 1) if j != i]
        wanted = vectors[:, around].mean(axis=1) if around else np.zeros((2, 3))
        np.testing.assert_allclose(means[:, i], wanted, rtol=1e-5, atol=1e-6)
