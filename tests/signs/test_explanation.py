"""Grad-CAM is its closed form, equals another gradient, and finds what it should."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.signs.course import dense_model
from dlai_keras.signs.explanation import grad_cam
from dlai_keras.signs.model import resnet50, signs_resnet, transfer_model

backends = pytest.mark.backends


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def normalised(maps):
    maps = np.maximum(maps, 0)
    highest = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(highest > 0, highest, 1)


def resized(maps, size):
    maps = ops.image.resize(maps[..., None], size, data_format="channels_last")
    return ops.convert_to_numpy(maps)[..., 0]


def pooling_model(num_classes=3, strides=1):
    inputs = keras.Input((6, 8, 2))
    x = layers.Conv2D(5, 3, strides, padding="same", activation="relu", name="maps")(
        inputs
    )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(num_classes, name="logits")(x))


def deep_model():
    """With a head that is not linear and behaves differently in training."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, 2, padding="same", activation="tanh", name="early")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Conv2D(4, 3, padding="same", name="late")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(7, activation="tanh")(x)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(0)
    model.set_weights(  # all positive where a variance must be
        [
            rng.uniform(0.1, 1, weight.shape)
            if weight.ndim == 1
            else rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
            for weight in model.get_weights()
        ]
    )
    return model


@backends
@pytest.mark.parametrize("strides", [1, 2])
def test_with_a_pooled_linear_head_the_maps_are_the_closed_form(strides):
    model = pooling_model(strides=strides)
    images, classes = noise(4, 6, 8, 2), np.array([0, 1, 2, 1])
    trunk = keras.Model(model.input, model.get_layer("maps").output)
    features = ops.convert_to_numpy(trunk(images))
    kernel = model.get_layer("logits").get_weights()[0]
    evidence = np.einsum("bhwk,kb->bhw", features, kernel[:, classes])
    expected = normalised(resized(np.maximum(evidence, 0), (6, 8)))
    assert expected.max() == 1
    maps = grad_cam(model, images, classes)
    assert maps.dtype == "float32"
    np.testing.assert_allclose(maps, expected, atol=1e-4)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the oracle is TensorFlow's tape"
)
@pytest.mark.parametrize("layer", ["late", "bn", "early"])
def test_with_any_head_the_gradient_is_that_of_the_tape(layer):
    import tensorflow as tf

    model = deep_model()
    images, classes = noise(5, 8, 8, 3), np.array([2, 0, 1, 1, 0])
    both = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        features, logits = both(images, training=False)
        chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
    weights = tape.gradient(chosen, features).numpy().mean(axis=(1, 2), keepdims=True)
    evidence = np.maximum((weights * features.numpy()).sum(axis=-1), 0)
    expected = normalised(resized(evidence, (8, 8)))
    assert expected.max() == 1
    maps = grad_cam(model, images, classes, layer=layer)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


@backends
def test_an_image_is_explained_alike_alone_and_among_others():
    model = deep_model()
    images = noise(3, 8, 8, 3)
    together = grad_cam(model, images)
    assert np.ptp(together, axis=0).max() > 0.1
    for image, expected in zip(images, together, strict=True):
        np.testing.assert_allclose(grad_cam(model, image[None])[0], expected, atol=1e-4)


@backends
def test_a_detector_of_bright_spots_is_explained_by_the_spot():
    inputs = keras.Input((16, 16, 1))
    x = layers.Conv2D(2, 1, activation="relu", name="maps")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    # One map of what is bright, one of what is dark; a class for each.
    spot = [np.array([[[[1.0, -1.0]]]]), np.zeros(2), np.eye(2), np.zeros(2)]
    model.set_weights(spot)
    images = np.zeros((2, 16, 16, 1), "float32")
    images[0, 3:6, 10:13] = 1
    images[1, 12, 1] = 1
    images[:, 8, 8] = -1
    bright, dark = (grad_cam(model, images, index) for index in (0, 1))
    np.testing.assert_allclose(bright, np.maximum(images[..., 0], 0), atol=1e-6)
    np.testing.assert_allclose(dark, np.maximum(-images[..., 0], 0), atol=1e-6)


@backends
def test_by_default_the_greatest_logit_is_explained():
    model = deep_model()
    images = noise(4, 8, 8, 3, seed=3)
    mean = ops.convert_to_numpy(model(images)).mean(axis=0)
    model.get_layer("logits").bias.assign(model.get_layer("logits").bias - mean)
    predicted = ops.convert_to_numpy(model(images)).argmax(axis=1)
    assert len(set(predicted)) > 1
    maps = grad_cam(model, images)
    np.testing.assert_array_equal(maps, grad_cam(model, images, predicted))
    other = grad_cam(model, images, (predicted + 1) % 3)
    assert np.abs(maps - other).max() > 0.1


@backends
def test_maps_are_finite_from_zero_to_one_and_zero_without_evidence():
    model = pooling_model(2)
    weights = model.get_weights()
    model.set_weights([*weights[:2], np.tile([1.0, -1.0], (5, 1)), weights[3]])
    images = noise(3, 6, 8, 2)
    maps = grad_cam(model, images, 0)
    assert maps.min() >= 0
    np.testing.assert_array_equal(maps.max(axis=(1, 2)), 1)
    np.testing.assert_array_equal(grad_cam(model, images, 1), np.zeros((3, 6, 8)))


@backends
def test_a_model_is_as_before_once_it_is_explained():
    model = deep_model()
    model.compile("adam", loss=lambda y, logits: ops.sum(logits, axis=-1))
    images = noise(2, 8, 8, 3)
    weights, logits = model.get_weights(), ops.convert_to_numpy(model(images))
    trainable = [layer.trainable for layer in model.layers]
    first = grad_cam(model, images, layer="early")
    np.testing.assert_array_equal(grad_cam(model, images, layer="early"), first)
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(images)), logits)
    assert [layer.trainable for layer in model.layers] == trainable
    assert model.get_layer("late").output.shape == (None, 4, 4, 4)
    assert np.isfinite(model.train_on_batch(images, np.zeros(2)))
    assert (model.get_layer("late").get_weights()[0] != weights[6]).any()


# The networks of this assignment


def test_the_shipped_network_is_explained_whatever_the_dtype_of_its_images():
    model = signs_resnet(widths=(4, 8, 8, 8))
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype("uint8")
    maps = grad_cam(model, images, 4)
    assert maps.shape == (3, 64, 64)
    np.testing.assert_array_equal(maps, grad_cam(model, images, 4, "stage4_relu2"))
    np.testing.assert_allclose(
        maps, grad_cam(model, images.astype("float32"), 4), atol=1e-5
    )


def test_a_transfer_model_is_explained_at_the_maps_of_its_base():
    model = transfer_model(3, base="MobileNet", weights=None, input_shape=(64, 64, 3))
    kernel, bias = model.get_layer("logits").get_weights()
    # The maps of the base are never negative, and so is then the evidence for a class.
    model.get_layer("logits").set_weights([np.abs(kernel), bias])
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3)).astype("uint8")
    maps = grad_cam(model, images, [2, 0])
    assert maps.shape == (2, 40, 50)
    assert maps.max() == 1
    np.testing.assert_array_equal(maps, grad_cam(model, images, [2, 0], layer="base"))
    with pytest.raises(ValueError, match=r"not of a model nested in it.*conv_pw_13"):
        grad_cam(model, images, layer="conv_pw_13")


def test_the_last_maps_of_one_pixel_are_passed_over(monkeypatch):
    narrow = (((4, 4, 8), 1, 1), *[((4, 4, 8), 1, 2)] * 3)
    monkeypatch.setattr("dlai_keras.signs.model.RESNET50_STAGES", narrow)
    model = resnet50()
    images = np.abs(noise(1, 64, 64, 3))
    assert model.get_layer("pool").output.shape == (None, 1, 1, 8)
    np.testing.assert_array_equal(
        grad_cam(model, images, 0), grad_cam(model, images, 0, "stage5_block1_relu3")
    )


# Mistakes


def test_layers_that_cannot_be_explained_are_named():
    images = noise(1, 64, 64, 3)
    model = signs_resnet(widths=(4, 8))
    with pytest.raises(ValueError, match=r"outputs are maps: rescale, .*layer=pool"):
        grad_cam(model, images, layer="pool")
    with pytest.raises(ValueError, match=r"every path.*layer=stage2_conv1"):
        grad_cam(model, images, layer="stage2_conv1")
    with pytest.raises(ValueError, match="no layer whose outputs are maps"):
        grad_cam(dense_model(), images)


def test_what_is_no_classifier_is_refused():
    inputs = keras.Input((8, 8, 3))
    maps = keras.Model(inputs, layers.Conv2D(2, 3)(inputs))
    with pytest.raises(ValueError, match=r"logits \(batch, num_classes\)"):
        grad_cam(maps, noise(1, 8, 8, 3))
    sequential = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten()])
    with pytest.raises(ValueError, match=r"functional.*Sequential"):
        grad_cam(sequential, noise(1, 8, 8, 3))


@pytest.mark.parametrize("classes", [3, -1, [0, 1, 2], [0, 3], 0.5, [[0, 1]]], ids=str)
def test_classes_that_are_none_are_refused(classes):
    with pytest.raises(ValueError, match=r"`class_indices` must be .* from 0 to 2"):
        grad_cam(pooling_model(3), noise(2, 6, 8, 2), classes)


@pytest.mark.parametrize("shape", [(6, 8, 2), (0, 6, 8, 2)])
def test_images_without_a_batch_are_refused(shape):
    with pytest.raises(ValueError, match=r"`images` must have the shape .* Received"):
        grad_cam(pooling_model(), noise(*shape))
