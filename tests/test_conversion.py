"""One pass over a large picture says what every window's own pass says."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.classic_convnets.model import (
    NETWORKS,
    lenet5,
    lenet5_course,
    resnet18,
)
from dlai_keras.conversion import to_convolutional, window_stride, windows


def pictures(num, height, width, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (num, height, width, channels)).astype("float32")


def outputs_of(model, inputs):
    return ops.convert_to_numpy(model(inputs, training=False))


def check_windows(model, image, atol=1e-4):
    """Compares sliding with every window by itself; returns how many there were."""
    size = model.input_shape[1]
    parts = windows(image, size, window_stride(model))
    rows, columns = parts.shape[:2]
    expected = outputs_of(model, parts.reshape(-1, *parts.shape[2:]))
    sliding = outputs_of(to_convolutional(model), image[None])[0]
    assert sliding.shape == (rows, columns, expected.shape[-1])
    np.testing.assert_allclose(
        sliding.reshape(rows * columns, -1), expected, rtol=1e-3, atol=atol
    )
    spread = np.abs(expected - expected[0]).max()
    assert spread > 10 * atol, "all windows say the same"
    return rows * columns


@pytest.mark.backends
def test_sliding_windows_of_the_courses_lenet5_equal_its_windows():
    assert window_stride(lenet5_course()) == 4
    assert check_windows(lenet5_course(), pictures(1, 44, 40)[0]) == 12


def test_sliding_windows_of_the_lenet5_of_1998_equal_its_windows():
    image = pictures(1, 36, 44, 1)[0]
    assert check_windows(lenet5(), image, atol=1e-2) == 8  # distances of about 100


def test_sliding_windows_of_a_network_with_global_pooling_equal_its_windows():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, activation="relu")(inputs)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 3)(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) ** 2 for w in model.get_weights()])
    assert check_windows(model, pictures(1, 20, 22)[0], atol=1e-5) == 12


def test_the_courses_example_has_two_by_two_outputs():
    """Course 4, week 3: 14x14x3, 5x5 to 16, max 2, dense 400, 400 and 4; on 16x16x3."""
    model = keras.Sequential(
        [
            keras.Input((14, 14, 3)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(400, activation="relu"),
            layers.Dense(400, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    sliding = to_convolutional(model)
    shapes = [layer.output.shape[-1] for layer in sliding.layers[1:]]
    assert shapes == [16, 16, 400, 400, 4]
    assert sliding.layers[3].kernel.shape == (5, 5, 16, 400)
    assert outputs_of(sliding, pictures(1, 28, 28)).shape == (1, 8, 8, 4)
    assert check_windows(model, pictures(1, 16, 16)[0], atol=1e-5) == 4


SMALL = {
    "alexnet": {"width": 0.0625, "small_stem": True},
    "vgg16": {"width": 0.0625, "batch_norm": True},
    "googlenet": {"width": 0.0625, "small_stem": True},
    "network_in_network": {"width": 0.0625},
    "mobilenet": {"width": 0.125},
}


@pytest.mark.parametrize("name", SMALL)
def test_on_a_picture_of_the_old_size_every_network_says_the_same(name):
    model = NETWORKS[name]((32, 32, 3), 4, rescale=True, **SMALL[name])
    images = 100 + 100 * pictures(2, 32, 32)
    sliding = to_convolutional(model)
    assert sliding.count_params() == model.count_params()
    pairs = zip(
        keras.tree.flatten(model(images, training=False)),
        keras.tree.flatten(sliding(images, training=False)),
        strict=True,
    )
    for expected, outputs in pairs:
        assert tuple(outputs.shape) == (2, 1, 1, 4)
        np.testing.assert_allclose(
            ops.convert_to_numpy(outputs)[:, 0, 0], expected, rtol=1e-3, atol=1e-5
        )


def test_a_network_that_pads_is_close_in_the_middle_of_a_larger_picture():
    model = resnet18((32, 32, 3), 4, width=0.125)
    outputs = outputs_of(to_convolutional(model), pictures(1, 64, 96))
    assert outputs.shape[0] == 1 and outputs.shape[3] == 4
    assert outputs.shape[1] > 1 and outputs.shape[2] > outputs.shape[1]


def test_weights_are_copied_not_shared():
    model = lenet5_course()
    sliding = to_convolutional(model, name="mine")
    assert sliding.name == "mine"
    before = sliding.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    for one, other in zip(before, sliding.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.LayerNormalization(name="norm"), "LayerNormalization `norm` cannot"),
        (layers.Flatten(), "normalises flattened maps"),
    ],
)
def test_what_cannot_slide_is_named(layer, message):
    inputs = keras.Input((8, 8, 3))
    x = layer(inputs)
    if "flattened" in message:
        x = layers.BatchNormalization()(x)
    with pytest.raises(ValueError, match=message):
        to_convolutional(keras.Model(inputs, x))


@pytest.mark.parametrize("shape", [(7,), (None, 8, 3)])
def test_pictures_of_no_known_size_are_refused(shape):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="`model` must"):
        to_convolutional(model)
