"""Losses equal their definitions, pixel by pixel and channel by channel."""

import math

import keras
import numpy as np
import pytest
from contract import check_loss
from keras import ops

from dlai_keras.style_transfer.losses import (
    ContentLoss,
    StatisticsLoss,
    StyleLoss,
    TotalVariation,
    channel_statistics,
    content_loss,
    gram_matrices,
    statistics_loss,
    style_loss,
    total_variation,
)

backends = pytest.mark.backends


def array(tensor):
    return ops.convert_to_numpy(tensor)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# The contract

LOSSES = [
    (ContentLoss(), (2, 3, 4, 5)),
    (StyleLoss(), (2, 5, 5)),
    (StatisticsLoss(), (2, 2, 5)),
]


@backends
@pytest.mark.parametrize(
    ("loss", "shape"), LOSSES, ids=[loss.name for loss, _ in LOSSES]
)
def test_losses_keep_the_contract(loss, shape, tmp_path):
    y_true, y_pred = draw(*shape), draw(*shape, seed=1)
    values = check_loss(loss, y_true, y_pred, tmp_path)
    assert (values > 0).all()
    function = {
        "content_loss": content_loss,
        "style_loss": style_loss,
        "statistics_loss": statistics_loss,
    }[loss.name]
    np.testing.assert_allclose(values, array(function(y_true, y_pred)), rtol=1e-6)
    np.testing.assert_array_equal(array(function(y_true, y_true)), [0, 0])


# Definitions


def test_the_content_loss_is_the_courses_sum():
    content, generated = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    expected = []
    for one, other in zip(content, generated, strict=True):
        total = 0.0
        for place in np.ndindex(3, 4, 5):
            total += (float(one[place]) - float(other[place])) ** 2
        expected.append(total / (4 * 3 * 4 * 5))
    found = array(content_loss(content, generated))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_style_loss_of_normalised_gram_matrices_is_the_courses_sum():
    style, generated = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    expected = []
    for one, other in zip(style, generated, strict=True):
        one, other = (x.reshape(12, 5).astype("float64") for x in (one, other))
        total = 0.0
        for i, j in np.ndindex(5, 5):  # without any division
            total += (one[:, i] @ one[:, j] - other[:, i] @ other[:, j]) ** 2
        expected.append(total / (4 * 5**2 * (3 * 4) ** 2))
    found = array(style_loss(gram_matrices(style), gram_matrices(generated)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_regions_weigh_evenly():
    style, generated = draw(2, 3, 5, 5), draw(2, 3, 5, 5, seed=1)
    each = [array(style_loss(style[:, r], generated[:, r])) for r in range(3)]
    found = array(style_loss(style, generated))
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)


def test_the_statistics_loss_compares_means_and_deviations():
    style, generated = draw(2, 3, 4, 5), 2 * draw(2, 6, 2, 5, seed=1) + 1
    expected = [
        np.mean((s.mean((0, 1)) - g.mean((0, 1))) ** 2)
        + np.mean((s.std((0, 1)) - g.std((0, 1))) ** 2)
        for s, g in zip(style, generated, strict=True)
    ]
    statistics = [channel_statistics(x, 1e-9) for x in (style, generated)]
    np.testing.assert_allclose(array(statistics_loss(*statistics)), expected, rtol=1e-4)


def test_one_target_serves_a_whole_batch():
    for function, shape in (
        (content_loss, (3, 4, 5)),
        (style_loss, (5, 5)),
        (statistics_loss, (2, 5)),
    ):
        one, generated = draw(1, *shape), draw(3, *shape, seed=1)
        found = array(function(one, generated))
        expected = array(function(np.repeat(one, 3, axis=0), generated))
        assert found.shape == (3,)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_half_precision_features_get_full_precision_losses():
    features = np.full((1, 3, 4, 5), 400, "float16")
    values = [
        content_loss(np.zeros_like(features), features),
        style_loss(np.zeros((1, 5, 5)), gram_matrices(features)),
        total_variation(features * (np.arange(5) - 2).astype("float16")),
        statistics_loss(np.zeros((1, 2, 5)), channel_statistics(features)),
    ]
    expected = [400**2 / 4, 400**4 / 4, 0, 400**2]
    for value, number in zip(values, expected, strict=True):
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        assert float(value[0]) == pytest.approx(number, rel=1e-4)


@backends
@pytest.mark.parametrize(
    ("function", "shape", "target"),
    [
        (content_loss, (None, None, 5), (1, 3, 4, 5)),
        (style_loss, (5, 5), (1, 5, 5)),
        (statistics_loss, (2, 5), (1, 2, 5)),
        (lambda _, images: total_variation(images), (None, None, 5), (1, 3, 4, 5)),
    ],
    ids=["content", "style", "statistics", "variation"],
)
def test_a_loss_can_be_the_output_of_a_model(function, shape, target):
    y_true = ops.convert_to_tensor(draw(*target))
    symbol = keras.Input(shape)
    model = keras.Model(symbol, function(y_true, symbol))
    assert model.output_shape == (None,)
    y_pred = draw(2, *target[1:], seed=1)
    expected = array(function(y_true, y_pred))
    np.testing.assert_allclose(array(model(y_pred)), expected, rtol=1e-5)


# Total variation


@backends
def test_total_variation_equals_its_definition():
    images = draw(2, 4, 5, 3)
    expected = []
    for image in images.astype("float64"):
        total = 0.0
        for y, x in np.ndindex(4, 5):
            if y + 1 < 4:
                total += ((image[y + 1, x] - image[y, x]) ** 2).sum()
            if x + 1 < 5:
                total += ((image[y, x + 1] - image[y, x]) ** 2).sum()
        expected.append(total / (4 * 5 * 3))
    np.testing.assert_allclose(array(total_variation(images)), expected, rtol=1e-5)


def test_of_black_and_white_it_is_tensorflows():
    tf = pytest.importorskip("tensorflow")
    images = np.random.default_rng(0).integers(0, 2, (3, 6, 7, 3)).astype("float32")
    # Differences of 0 and 1 are their own squares.
    expected = tf.image.total_variation(tf.constant(images)).numpy() / (6 * 7 * 3)
    np.testing.assert_allclose(array(total_variation(images)), expected, rtol=1e-5)


def test_turned_and_mirrored_pictures_vary_as_much():
    images = draw(2, 4, 5, 3)
    expected = array(total_variation(images))
    for other in (images[:, ::-1], images[:, :, ::-1], images.transpose(0, 2, 1, 3)):
        found = array(total_variation(np.ascontiguousarray(other)))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_flat_picture_does_not_vary_nor_does_a_single_pixel():
    assert float(total_variation(np.full((1, 4, 5, 3), 0.7, "float32"))[0]) == 0
    assert float(total_variation(draw(1, 1, 1, 3))[0]) == 0
    line = np.array([0, 1, 3], "float32").reshape(1, 1, 3, 1)
    assert float(total_variation(line)[0]) == pytest.approx((1 + 4) / 3)


@backends
def test_total_variation_of_an_output_is_part_of_the_loss():
    inputs = keras.Input((None, None, 3))
    layer = keras.layers.Activation("relu", activity_regularizer=TotalVariation(0.5))
    model = keras.Model(inputs, layer(inputs))
    model.compile(loss="mse")
    images = np.abs(draw(2, 4, 5, 3))
    loss = model.evaluate(images, images, verbose=0)
    # Keras divides what a regularizer makes of outputs by the batch.
    expected = 0.5 * array(total_variation(images)).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_the_regularizer_is_its_config():
    regularizer = TotalVariation(0.25)
    assert regularizer.get_config() == {"weight": 0.25}
    written = keras.regularizers.serialize(regularizer)
    read = keras.regularizers.deserialize(written)
    assert isinstance(read, TotalVariation) and read.weight == 0.25


# Refused


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (content_loss, (1, 3, 4, 5)),
        (style_loss, (1, 5, 5)),
        (statistics_loss, (1, 2, 5)),
    ],
)
def test_shapes_that_numpy_would_stretch_are_refused(function, shape):
    for other in (shape[1:], (*shape[:-1], 1), (1, *shape)):
        with pytest.raises(ValueError, match="must have one shape on both sides"):
            function(draw(*other), draw(*shape))


def test_features_are_no_gram_matrices_nor_statistics():
    features = draw(1, 3, 4, 5)
    with pytest.raises(ValueError, match=r"a GramMatrix layer.*\(1, 3, 4, 5\)"):
        style_loss(features, features)
    with pytest.raises(ValueError, match=r"a ChannelStatistics layer.*\(1, 3, 4, 5\)"):
        statistics_loss(features, features)
    with pytest.raises(ValueError, match=r"Images must be .*\(3, 4, 5\)"):
        total_variation(features[0])


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match="`weight` must be 0 or more and finite"):
        TotalVariation(weight)
