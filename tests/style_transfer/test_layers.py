"""The picture as a weight, Gram matrices, AdaIN, reflected borders."""

import cv2
import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras.style_transfer.layers import (
    AdaptiveInstanceNormalization,
    Canvas,
    ChannelStatistics,
    GramMatrix,
    PixelRange,
    ReflectionPadding2D,
)
from dlai_keras.style_transfer.losses import StyleLoss, TotalVariation

backends = pytest.mark.backends


def array(tensor):
    return ops.convert_to_numpy(tensor)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def draw_maps(*shape):
    return np.random.default_rng(9).uniform(size=shape).astype("float32")


def gram_by_definition(features, weights):
    """Pixel by pixel, in double precision."""
    height, width, channels = features.shape
    total = np.zeros((channels, channels))
    for y in range(height):
        for x in range(width):
            pixel = features[y, x].astype("float64")
            total += weights[y, x] * np.outer(pixel, pixel)
    return total


# Gram matrices


@backends
@pytest.mark.parametrize("normalize", [True, False])
def test_the_gram_matrix_equals_its_definition(normalize):
    features = draw(2, 4, 5, 3)
    weights = np.full((4, 5), 1 / 20 if normalize else 1)
    expected = [gram_by_definition(f, weights) for f in features]
    found = array(GramMatrix(normalize)(features))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@backends
def test_guided_gram_matrices_keep_the_contract(tmp_path):
    features, maps = draw(2, 4, 5, 3), draw_maps(2, 4, 5, 2)
    found = check_layer(
        GramMatrix(normalize=False), [features, maps], (2, 2, 3, 3), tmp_path
    )
    expected = [
        [gram_by_definition(f, m[..., region] ** 2) for region in range(2)]
        for f, m in zip(features, maps, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_squares_of_a_map_sum_to_one():
    """Features times the normalised map, then their Gram matrix: the paper's order."""
    features, maps = draw(1, 4, 5, 3), draw_maps(1, 4, 5, 2)
    found = array(GramMatrix()([features, maps]))[0]
    for region in range(2):
        guide = maps[0, ..., region] / np.linalg.norm(maps[0, ..., region])
        guided = (features[0] * guide[..., None]).reshape(-1, 3)
        np.testing.assert_allclose(found[region], guided.T @ guided, rtol=1e-4)


def test_how_bright_a_map_is_does_not_matter():
    features, maps = draw(1, 4, 5, 3), draw_maps(1, 4, 5, 2)
    found = array(GramMatrix()([features, 100 * maps]))
    np.testing.assert_allclose(found, GramMatrix()([features, maps]), rtol=1e-4)


def test_the_region_of_everything_is_the_picture():
    features, maps = draw(2, 4, 5, 3), np.ones((1, 4, 5, 1), "float32")
    found = array(GramMatrix()([features, maps]))  # one map for both pictures
    assert found.shape == (2, 1, 3, 3)
    np.testing.assert_allclose(found[:, 0], GramMatrix()(features), rtol=1e-5)


def test_regions_that_share_the_picture_sum_to_it():
    features = draw(1, 4, 5, 3)
    regions = np.random.default_rng(1).integers(0, 3, (1, 4, 5))
    maps = np.eye(3, dtype="float32")[regions]
    parts = array(GramMatrix(normalize=False)([features, maps]))
    whole = array(GramMatrix(normalize=False)(features))
    np.testing.assert_allclose(parts.sum(axis=1), whole, rtol=1e-4, atol=1e-5)


@backends
def test_an_empty_region_is_zero():
    maps = np.zeros((1, 4, 5, 2), "float32")
    maps[..., 1] = 1
    found = array(GramMatrix()([draw(1, 4, 5, 3), maps]))
    assert not found[0, 0].any()
    assert np.isfinite(found).all() and found[0, 1].any()


def test_where_something_is_does_not_matter():
    features = draw(1, 4, 5, 3)
    order = np.random.default_rng(0).permutation(20)
    moved = features.reshape(1, 20, 3)[:, order].reshape(1, 2, 10, 3)
    twice = np.tile(features, (1, 2, 3, 1))
    expected = array(GramMatrix()(features))
    for other in (moved, twice):
        np.testing.assert_allclose(
            array(GramMatrix()(other)), expected, rtol=1e-4, atol=1e-6
        )


@backends
def test_the_gradient_is_that_of_central_differences():
    canvas, inputs = Canvas(2, 3), keras.Input((1,))
    model = keras.Model(inputs, GramMatrix()(canvas(inputs)))
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    target = draw(1, 3, 3)  # not symmetric, as the gradient of a loss may be
    before = array(canvas.picture)[0].astype("float64")

    def loss(picture):
        return np.mean(
            (gram_by_definition(picture, np.full((2, 3), 1 / 6)) - target) ** 2
        )

    expected = np.zeros_like(before)
    for place in np.ndindex(*before.shape):
        step = np.zeros_like(before)
        step[place] = 1e-5
        expected[place] = (loss(before + step) - loss(before - step)) / 2e-5
    model.train_on_batch(np.zeros((1, 1)), target)
    found = before - array(canvas.picture)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@backends
def test_pictures_of_all_sizes_go_through_one_model():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, GramMatrix()(inputs))
    assert model.output_shape == (None, 3, 3)
    for shape in ((2, 4, 5, 3), (1, 7, 3, 3)):
        features = draw(*shape)
        expected = array(GramMatrix()(features))
        found = model.predict(features, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_sums_over_a_picture_do_not_overflow_half_precision():
    features = np.full((1, 4, 5, 3), 400, "float16")
    symbol = keras.Input((4, 5, 3), dtype="float16")
    for layer in (GramMatrix, ChannelStatistics):
        half = layer(dtype="mixed_float16")
        found = half(features)
        for tensor in (found, half(symbol)):
            assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
        assert np.isfinite(array(found)).all()
    np.testing.assert_allclose(GramMatrix(dtype="mixed_float16")(features), 160_000)


def test_what_is_no_feature_map_is_refused():
    features = draw(1, 4, 5, 3)
    with pytest.raises(ValueError, match=r"features \(batch, height.*\(1, 4, 5\)"):
        GramMatrix()(features[..., 0])
    with pytest.raises(ValueError, match="a list of features and maps"):
        GramMatrix()([features] * 3)
    with pytest.raises(ValueError, match=r"resize them.*\(1, 8, 10, 2\)"):
        GramMatrix()([features, draw_maps(1, 8, 10, 2)])
    for layer in (ChannelStatistics(), ReflectionPadding2D()):
        with pytest.raises(ValueError, match=r"takes \(batch, height, width, channels"):
            layer(features[0])


# Statistics


@backends
def test_channel_statistics_keep_the_contract(tmp_path):
    features = draw(2, 4, 5, 3)
    found = check_layer(ChannelStatistics(1e-2), features, (2, 2, 3), tmp_path)
    expected = [features.mean((1, 2)), np.sqrt(features.var((1, 2)) + 1e-2)]
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=1e-4, atol=1e-6)


@backends
def test_adaptive_instance_normalization_keeps_the_contract(tmp_path):
    content, style = draw(2, 4, 5, 3), 3 + 2 * draw(2, 6, 3, 3, seed=1)
    layer = AdaptiveInstanceNormalization(1e-2)
    found = check_layer(layer, [content, style], (2, 4, 5, 3), tmp_path, rtol=1e-4)
    # Keras' own instance normalisation, then the style's deviation and mean.
    normalize = keras.layers.GroupNormalization(
        groups=-1, epsilon=1e-2, center=False, scale=False
    )
    deviation = np.sqrt(style.var((1, 2), keepdims=True) + 1e-2)
    expected = array(normalize(content)) * deviation + style.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_what_is_stylised_has_the_statistics_of_the_style():
    content, style = 5 * draw(3, 8, 8, 4) - 7, 3 + 2 * draw(1, 6, 9, 4, seed=1)
    found = AdaptiveInstanceNormalization()([content, style])  # one style for all
    expected = np.repeat(array(ChannelStatistics()(style)), 3, axis=0)
    np.testing.assert_allclose(array(ChannelStatistics()(found)), expected, rtol=1e-3)


def test_a_flat_channel_takes_the_mean_of_the_style():
    content, style = np.full((1, 4, 5, 3), 7, "float32"), draw(1, 4, 5, 3)
    found = array(AdaptiveInstanceNormalization()([content, style]))
    expected = np.broadcast_to(style.mean((1, 2), keepdims=True), found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_half_precision_stays_half_precision():
    content, style = draw(1, 4, 5, 3), draw(1, 4, 5, 3, seed=1)
    layer = AdaptiveInstanceNormalization(dtype="mixed_float16")
    found = layer([content, style])
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    expected = array(AdaptiveInstanceNormalization()([content, style]))
    np.testing.assert_allclose(array(found), expected, atol=1e-2)


def test_contents_and_styles_of_other_channels_are_refused():
    for inputs in (draw(1, 4, 5, 3), [draw(1, 4, 5, 3), draw(1, 4, 5, 2)]):
        with pytest.raises(ValueError, match="with as many channels"):
            AdaptiveInstanceNormalization()(inputs)
    for layer in (ChannelStatistics, AdaptiveInstanceNormalization):
        with pytest.raises(ValueError, match="`epsilon` must be above 0"):
            layer(epsilon=0)


# The canvas


@backends
def test_the_canvas_keeps_the_contract(tmp_path):
    initializer = keras.initializers.RandomUniform(0.2, 0.8, seed=1)
    layer = Canvas(3, 4, TotalVariation(0.1), PixelRange(), initializer)
    inputs = np.zeros((2, 1), "float32")
    found = check_layer(layer, inputs, (2, 3, 4, 3), tmp_path, differentiable=False)
    np.testing.assert_array_equal(found[0], found[1])  # each example, the same picture
    assert 0.2 <= found.min() < found.max() <= 0.8


def test_the_picture_is_the_only_weight_and_can_be_set():
    canvas, picture = Canvas(3, 4), draw_maps(3, 4, 3)
    noise = array(canvas(np.zeros((1, 1))))
    assert 0 <= noise.min() < 0.3 and 0.7 < noise.max() <= 1
    assert [w.name for w in canvas.weights] == ["picture"]
    assert canvas.picture is canvas.trainable_weights[0]
    canvas.picture.assign(picture[None])
    np.testing.assert_array_equal(array(canvas(np.zeros((1, 1))))[0], picture)


@backends
def test_fit_paints_a_picture_with_the_gram_matrix_that_is_asked_for():
    canvas, inputs = Canvas(6, 6, constraint=PixelRange()), keras.Input((1,))
    model = keras.Model(inputs, GramMatrix()(canvas(inputs)))
    model.compile(keras.optimizers.Adam(0.05), loss=StyleLoss())
    style = draw_maps(1, 8, 5, 3) * [0.9, 0.2, 0.5]
    target = array(GramMatrix()(style))
    # Sixty steps.
    unused, targets = np.zeros((60, 1), "float32"), np.repeat(target, 60, axis=0)
    before = StyleLoss()(target, GramMatrix()(array(canvas.picture)))
    model.fit(unused, targets, batch_size=1, shuffle=False, verbose=0)
    picture = array(canvas.picture)
    assert StyleLoss()(target, GramMatrix()(picture)) < before / 100
    assert picture.min() >= 0 and picture.max() <= 1


def test_a_constrained_picture_stays_in_range():
    pictures = []
    for constraint in (PixelRange(), None):
        canvas = Canvas(1, 2, constraint=constraint, initializer="zeros")
        canvas.build((1, 1))
        step = np.array([2, -2, 0.5, 1, 0, 0.25], "float32").reshape(1, 1, 2, 3)
        keras.optimizers.SGD(1.0).apply([-ops.array(step)], [canvas.picture])
        pictures.append(array(canvas.picture).ravel().tolist())
    assert pictures == [[1, 0, 0.5, 1, 0, 0.25], [2, -2, 0.5, 1, 0, 0.25]]


def test_total_variation_of_the_canvas_is_part_of_the_loss():
    canvas = Canvas(3, 4, regularizer=TotalVariation(10.0))
    canvas(np.zeros((1, 1)))
    picture = array(canvas.picture)[0].astype("float64")
    squares = [(np.diff(picture, axis=axis) ** 2).sum() for axis in (0, 1)]
    (loss,) = canvas.losses
    assert float(loss) == pytest.approx(10 * sum(squares) / picture.size, rel=1e-4)


def test_a_canvas_without_size_is_refused():
    for name in ("height", "width"):
        sizes = {"height": 4, "width": 4, name: 0}
        with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}=0"):
            Canvas(**sizes)
    with pytest.raises(ValueError, match="`width` must be a whole number"):
        Canvas(4, 2.5)


# Borders

PADDINGS = [2, (0, 2), (2, 0), ((1, 2), (0, 3)), ((0, 0), (0, 1)), 0]


@backends
def test_reflection_padding_keeps_the_contract(tmp_path):
    layer = ReflectionPadding2D(((1, 2), (0, 3)))
    check_layer(layer, draw(2, 4, 5, 3), (2, 7, 8, 3), tmp_path)


@backends
@pytest.mark.parametrize("padding", PADDINGS)
def test_borders_are_reflected_as_in_opencv(padding):
    images, layer = draw(2, 4, 5, 3), ReflectionPadding2D(padding)
    (top, bottom), (left, right) = layer.padding
    expected = [
        cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        for image in images
    ]
    np.testing.assert_array_equal(array(layer(images)), expected)


def test_one_two_and_four_numbers_are_paddings():
    assert ReflectionPadding2D(2).padding == ((2, 2), (2, 2))
    assert ReflectionPadding2D((1, 2)).padding == ((1, 1), (2, 2))
    assert ReflectionPadding2D([[1, 2], [0, 3]]).padding == ((1, 2), (0, 3))
    assert ReflectionPadding2D((1, (0, 3))).padding == ((1, 1), (0, 3))


def test_unknown_sizes_stay_unknown():
    outputs = ReflectionPadding2D((1, 2))(keras.Input((None, 5, 3)))
    assert outputs.shape == (None, None, 9, 3)


def test_pictures_smaller_than_their_padding_are_refused():
    layer = ReflectionPadding2D(4)
    layer(draw(1, 5, 5, 3))
    for shape in ((1, 4, 5, 3), (1, 5, 4, 3)):
        with pytest.raises(ValueError, match="larger than its padding"):
            layer(draw(*shape))  # after it was built, too
        with pytest.raises(ValueError, match="larger than its padding"):
            ReflectionPadding2D(4)(keras.Input(shape[1:]))


@pytest.mark.parametrize("padding", [-1, 1.5, (1, 2, 3), ((1, 2, 3), 1), "1", (1, "1")])
def test_what_is_no_padding_is_refused(padding):
    with pytest.raises(ValueError, match="`padding` must be a whole number of 0"):
        ReflectionPadding2D(padding)
