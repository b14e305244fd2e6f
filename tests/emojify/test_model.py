"""The networks have the course's parameters, and padding changes nothing."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.emojify import course
from dlai_keras.emojify.model import BUILDERS, emojify_v2

pytestmark = pytest.mark.backends


def test_the_course_s_second_network_has_its_parameters():
    words = [f"w{i}" for i in range(30)]
    vectors = {word: np.ones(50) for word in words}
    numbers = {word: place for place, word in enumerate(words, 1)}
    layer = course.pretrained_embedding_layer(vectors, numbers)
    network = emojify_v2(layer, max_len=10)
    counts = [one.count_params() for one in network.layers if one.weights]
    assert counts == [31 * 50, 91_648, 131_584, 645]
    assert network.count_params() - 31 * 50 == 223_877
    # What is padded reads as what is not: the course's layer did not mask.
    short = emojify_v2(layer)
    short.set_weights(network.get_weights())
    row = np.array([[3, 7, 9, 0, 0, 0, 0, 0, 0, 0]])
    told = [ops.convert_to_numpy(x) for x in (network(row), short(row[:, :3]))]
    np.testing.assert_allclose(*told, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BUILDERS)
def test_padding_changes_nothing_and_order_does_where_it_should(name):
    keras.utils.set_random_seed(0)
    network = BUILDERS[name](6, 3)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 4, 6)).astype("float32")
    weights = np.full((2, 4), 0.5, "float32")
    longer = np.pad(vectors, ((0, 0), (0, 3), (0, 0)))
    told = ops.convert_to_numpy(network([vectors, weights]))
    padded = ops.convert_to_numpy(network([longer, np.pad(weights, ((0, 0), (0, 3)))]))
    assert told.shape == (2, 3)
    np.testing.assert_allclose(padded, told, rtol=1e-4, atol=1e-5)
    turned = ops.convert_to_numpy(network([vectors[:, ::-1], weights]))
    assert np.allclose(turned, told, atol=1e-4) == (name == "emojify_v1")


def test_a_sentence_without_words_gives_finite_logits():
    network = BUILDERS["emoji_network"](6, 3)
    told = network([np.zeros((1, 2, 6), "float32"), np.zeros((1, 2), "float32")])
    assert np.isfinite(ops.convert_to_numpy(told)).all()


def test_the_members_are_averaged():
    network = BUILDERS["emoji_network"](6, 3, members=4, filters=5)
    members = keras.Model(network.inputs, network.get_layer("members").output)
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=(2, 3, 6)).astype("float32"),
        np.ones((2, 3), "float32"),
    ]
    each = ops.convert_to_numpy(members(inputs))
    assert each.shape == (2, 4, 3)
    told = ops.convert_to_numpy(network(inputs))
    np.testing.assert_allclose(told, each.mean(axis=1), rtol=1e-4, atol=1e-6)
