"""A loss of several questions, some without an answer."""

import keras
import numpy as np
import pytest
from contract import check_loss
from keras import ops

from dlai_keras.classic_convnets.losses import (
    KnownBinaryCrossentropy,
    known_binary_crossentropy,
)

pytestmark = pytest.mark.backends

LABELS = np.array([[1, 0, -1], [-1, -1, -1], [0, 1, 1]], "float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logits():
    return np.random.default_rng(0).normal(size=(3, 3)).astype("float32")


def by_definition(labels, probabilities, missing=-1):
    values = np.zeros(len(labels))
    for i, j in np.ndindex(labels.shape):
        y, p = labels[i, j], probabilities[i, j]
        if y != missing:
            values[i] -= y * np.log(p) + (1 - y) * np.log(1 - p)
    return values


def test_the_loss_keeps_the_contract(tmp_path):
    labels = np.where(LABELS == -1, -2, LABELS)
    loss = KnownBinaryCrossentropy(from_logits=True, missing=-2.0)
    values = check_loss(loss, labels, logits(), tmp_path)
    expected = by_definition(LABELS, sigmoid(logits().astype("float64")))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_probabilities_and_logits_give_the_same_loss():
    values = known_binary_crossentropy(LABELS, sigmoid(logits()))
    from_logits = known_binary_crossentropy(LABELS, logits(), from_logits=True)
    np.testing.assert_allclose(values, from_logits, rtol=1e-4, atol=1e-6)


def test_with_every_label_it_is_keras_sum():
    labels = np.abs(LABELS)
    values = known_binary_crossentropy(labels, logits(), from_logits=True)
    keras_mean = keras.losses.binary_crossentropy(labels, logits(), from_logits=True)
    np.testing.assert_allclose(values, 3 * ops.convert_to_numpy(keras_mean), rtol=1e-5)


def test_what_is_missing_changes_nothing_however_wrong_the_prediction():
    one = logits()
    other = np.where(LABELS == -1, 1e4, one).astype("float32")
    values = [
        ops.convert_to_numpy(known_binary_crossentropy(LABELS, x, from_logits=True))
        for x in (one, other)
    ]
    np.testing.assert_array_equal(*values)
    assert values[0][1] == 0


def test_whole_numbers_are_labels_too():
    whole = known_binary_crossentropy(
        LABELS.astype("int64"), logits(), from_logits=True
    )
    real = known_binary_crossentropy(LABELS, logits(), from_logits=True)
    np.testing.assert_array_equal(whole, real)
