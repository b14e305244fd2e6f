"""Heads above embeddings."""

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras.face_recognition.layers import (
    ArcFaceLogits,
    PairedDistance,
    SiameseHead,
)
from dlai_keras.face_recognition.losses import ArcFaceLoss, add_angular_margin

backends = pytest.mark.backends


def array(tensor):
    return ops.convert_to_numpy(tensor)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


PAIR = [draw(4, 6), draw(4, 6, seed=1)]
LABELS = np.array([2, 0, 4, 2], "int32")


# One person or two


@backends
def test_the_siamese_head_keeps_the_contract(tmp_path):
    check_layer(SiameseHead("chi-squared"), PAIR, (4, 1), tmp_path)


def test_it_weighs_the_differences_of_the_features():
    layer = SiameseHead()
    layer(PAIR)
    kernel, bias = draw(6, 1, seed=2), np.array([0.5], "float32")
    layer.set_weights([kernel, bias])
    expected = np.abs(PAIR[0] - PAIR[1]) @ kernel + 0.5
    np.testing.assert_allclose(array(layer(PAIR)), expected, rtol=1e-5, atol=1e-6)


def test_chi_squared_is_the_courses_for_features_from_0_up():
    first, second = np.abs(PAIR[0]), np.abs(PAIR[1])
    first[0, :2] = second[0, :1] = 0  # nothing in either, nothing in one
    layer = SiameseHead("chi-squared")
    layer([first, second])
    layer.set_weights([np.ones((6, 1)), np.zeros(1)])
    total = np.where(first + second > 0, first + second, 1)
    expected = ((first - second) ** 2 / total).sum(1)
    found = array(layer([first, second]))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("difference", ["absolute", "chi-squared"])
def test_the_order_of_two_pictures_does_not_matter(difference):
    layer = SiameseHead(difference)
    np.testing.assert_array_equal(layer(PAIR), layer(PAIR[::-1]))
    assert np.ptp(array(layer(PAIR))) > 0


@backends
def test_the_paired_distance_keeps_the_contract(tmp_path):
    found = check_layer(PairedDistance("squared-L2"), PAIR, (4,), tmp_path)
    np.testing.assert_allclose(found, ((PAIR[0] - PAIR[1]) ** 2).sum(1), rtol=1e-5)


@pytest.mark.parametrize("kind", [SiameseHead, PairedDistance])
def test_anything_but_two_of_one_shape_is_refused(kind):
    for inputs in (draw(4, 6), [draw(4, 6)], [draw(4, 6), draw(4, 5)]):
        with pytest.raises(ValueError, match="a list of two tensors of one shape"):
            kind()(inputs)


# One of many people


@backends
def test_arcface_logits_keep_the_contract(tmp_path):
    layer = ArcFaceLogits(5, 8.0, 0.3)
    found = check_layer(layer, [draw(4, 6), LABELS], (4, 5), tmp_path)
    assert np.abs(found).max() <= 8 * (1 + 0.3)


def test_logits_are_scaled_cosines_and_the_own_one_has_the_margin():
    layer, embeddings = ArcFaceLogits(5, scale=8.0, margin=0.3), draw(4, 6)
    plain = array(layer(embeddings))
    (kernel,) = layer.get_weights()
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = units @ (kernel / np.linalg.norm(kernel, axis=0))
    np.testing.assert_allclose(plain, 8 * cosines, rtol=1e-4, atol=1e-5)
    for labels in (LABELS, LABELS[:, None]):
        found = array(layer([embeddings, labels]))
        expected = 8 * array(add_angular_margin(cosines, LABELS, 0.3))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_labels_as_an_input_or_in_the_loss_give_one_loss():
    layer, embeddings = ArcFaceLogits(5, scale=8.0, margin=0.3), draw(4, 6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with_input = loss(LABELS, layer([embeddings, LABELS]))
    in_loss = ArcFaceLoss(8.0, 0.3)(LABELS, layer(embeddings))
    assert float(with_input) == pytest.approx(float(in_loss), rel=1e-5)
    assert float(in_loss) > float(loss(LABELS, layer(embeddings)))


def test_a_model_without_labels_has_the_same_weights_as_one_with():
    embeddings, labels = keras.Input((6,)), keras.Input((), dtype="int32")
    layer = ArcFaceLogits(5)
    trained = keras.Model([embeddings, labels], layer([embeddings, labels]))
    used = keras.Model(embeddings, layer(embeddings))
    assert used.output_shape == trained.output_shape == (None, 5)
    assert [w.path for w in used.weights] == [w.path for w in trained.weights]


def test_half_precision_is_for_the_outputs_only():
    embeddings = draw(4, 6)
    layer = ArcFaceLogits(5, scale=1.0)
    half = ArcFaceLogits(5, scale=1.0, dtype="mixed_float16")
    layer(embeddings), half(embeddings)
    half.set_weights(layer.get_weights())
    found = half([embeddings, LABELS])
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    expected = array(layer([embeddings, LABELS]))
    np.testing.assert_allclose(array(found), expected, atol=2e-3)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`difference` must be one of absolute"):
        SiameseHead("squared")
    with pytest.raises(ValueError, match="`metric` must be one of L2"):
        PairedDistance("cosine")
    for num_classes in (0, 2.5):
        with pytest.raises(ValueError, match="`num_classes` must be a whole number"):
            ArcFaceLogits(num_classes)
    with pytest.raises(ValueError, match="`scale` must be above 0"):
        ArcFaceLogits(5, scale=-1)
    with pytest.raises(ValueError, match="`margin` must be an angle"):
        ArcFaceLogits(5, margin=-0.1)
