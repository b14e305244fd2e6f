"""What the models tell is what their vectors say."""

import numpy as np
import pytest
from keras import ops

from dlai_keras.word_vectors.model import cbow, glove, skip_gram

pytestmark = pytest.mark.backends


def tables(network, *names):
    rng = np.random.default_rng(0)
    found = []
    for name in names:
        layer = network.get_layer(name)
        table = rng.normal(size=layer.get_weights()[0].shape).astype("float32")
        layer.set_weights([table])
        found.append(table)
    return found


@pytest.fixture
def text():
    words = np.array([[1, 2, 3], [4, 4, 0]], "int32")
    return {"words": words, "negatives": np.array([[5, 0], [1, 3]], "int32")}


def test_skip_gram_gives_products_with_the_row_and_its_negatives(text):
    network = skip_gram(6, 4)
    vectors, contexts = tables(network, "vectors", "context_vectors")
    products = ops.convert_to_numpy(network(text))
    assert products.shape == (2, 3, 5)
    for row in range(2):
        others = [*text["words"][row], *text["negatives"][row]]
        for i, word in enumerate(text["words"][row]):
            wanted = [vectors[word] @ contexts[other] for other in others]
            np.testing.assert_allclose(products[row, i], wanted, rtol=1e-4, atol=1e-5)


def test_cbow_gives_products_of_the_mean_with_the_word_itself(text):
    network = cbow(6, 4)
    vectors, contexts = tables(network, "vectors", "context_vectors")
    reach = np.array([[[0, 1], [1, 1], [1, 0]], [[0, 2], [1, 1], [0, 0]]], "int32")
    products = ops.convert_to_numpy(network({**text, "reach": reach}))
    mean = vectors[[1, 3]].mean(axis=0)  # around the word in the middle
    wanted = [mean @ contexts[other] for other in (2, 5, 0)]
    np.testing.assert_allclose(products[0, 1], wanted, rtol=1e-4, atol=1e-5)


def test_glove_adds_the_biases_of_both_words():
    network = glove(6, 4)
    u, v, b, c = tables(
        network, "vectors", "context_vectors", "words_bias", "contexts_bias"
    )
    pairs = {"words": np.array([[2]]), "contexts": np.array([[5]])}
    wanted = u[2] @ v[5] + b[2, 0] + c[5, 0]
    told = ops.convert_to_numpy(network(pairs))
    assert told[0, 0] == pytest.approx(wanted, rel=1e-4)
