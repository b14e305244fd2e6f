"""The networks have the published sizes and maps, learn, and survive the disk."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.face_recognition.model import (
    face_embedder,
    facenet_nn4_small2,
    inception_block,
    inverted_residual_block,
    mobile_facenet,
    residual_block,
    siamese_model,
)

backends = pytest.mark.backends
# A few steps are not worth a compilation, but for JAX each operation is one.
EAGER = keras.backend.backend() != "jax"


def pictures(num=2, size=(32, 24), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num, *size, 3)).astype("uint8")


def outputs_of(model, inputs, training=False):
    return ops.convert_to_numpy(model(inputs, training=training))


def num_trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def multiply_adds(model):
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            height, width = layer.output.shape[1:3]
            total += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


def assert_unit_vectors(vectors, shape):
    assert vectors.shape == shape
    assert vectors.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    # They depend on the picture.
    assert np.linalg.norm(vectors[0] - vectors[1]) > 1e-4


# FaceNet


@pytest.fixture(scope="module")
def facenet():
    return facenet_nn4_small2()


def test_nn4_small2_has_the_published_size(facenet):
    assert facenet.count_params() == 3_743_280
    # What Torch counts in OpenFace's own definition.
    assert num_trainable(facenet) == 3_733_968
    assert not facenet.compiled


def test_nn4_small2_has_the_published_maps(facenet):
    assert facenet.get_layer("pool1").output.shape[1:] == (24, 24, 64)
    assert facenet.get_layer("pool2").output.shape[1:] == (12, 12, 192)
    shapes = {
        name: facenet.get_layer(f"inception_{name}").output.shape[1:]
        for name in ("3a", "3b", "3c", "4a", "4e", "5a", "5b")
    }
    assert shapes == {
        "3a": (12, 12, 256),
        "3b": (12, 12, 320),
        "3c": (6, 6, 640),
        "4a": (6, 6, 640),
        "4e": (3, 3, 1024),
        "5a": (3, 3, 736),
        "5b": (3, 3, 736),
    }


def test_nn4_small2_pads_its_pooling_as_the_course_does(facenet):
    padding = {
        name: facenet.get_layer(f"inception_{name}_pool_pad").padding
        for name in ("3a", "3b", "3c", "4a", "4e", "5a", "5b")
    }
    assert padding == {
        "3a": ((3, 4), (3, 4)),
        "3b": ((4, 4), (4, 4)),
        "3c": ((0, 1), (0, 1)),
        "4a": ((2, 2), (2, 2)),
        "4e": ((0, 1), (0, 1)),
        "5a": ((1, 1), (1, 1)),
        "5b": ((1, 1), (1, 1)),
    }


def test_only_the_first_epsilon_of_the_course_is_that_of_keras(facenet):
    epsilons = {
        layer.name: layer.epsilon
        for layer in facenet.layers
        if isinstance(layer, layers.BatchNormalization)
    }
    assert epsilons.pop("bn1") == 1e-3
    assert len(epsilons) == 36
    assert set(epsilons.values()) == {1e-5}


@pytest.mark.parametrize("shape", [(64, 96, 3), (96, None, 3), (96, 96)])
def test_nn4_small2_refuses_what_is_too_small_or_open(shape):
    with pytest.raises(ValueError, match=r"`input_shape` must .* 65 pixels or more"):
        facenet_nn4_small2(shape)


def test_an_unknown_edition_is_named():
    with pytest.raises(ValueError, match=r"course, openface. Received: 'caffe'"):
        facenet_nn4_small2(edition="caffe")


@backends
@pytest.mark.parametrize(("pooling", "size"), [("max", 3), ("mean", 2), ("l2", 2)])
def test_pooling_of_a_block_is_its_definition(pooling, size):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 7, 8, 2)).astype("float32")
    x[0, :3, :3] = 0  # where a root has no slope
    inputs = keras.Input(x.shape[1:])
    outputs = inception_block(
        inputs, (1, 1), None, None, None, pooling=pooling, name="a"
    )
    found = outputs_of(keras.Model(inputs, outputs), x)[0, ..., 1:]
    pooled = np.zeros((7, 8, 2))
    height, width = (3, 3) if pooling == "max" else (2, 2)
    top, left = (7 - height) // 2, (8 - width) // 2
    for row in range(height):
        for column in range(width):
            step = 2 if pooling == "max" else 3
            y0, x0 = step * row, step * column
            window = x[0, y0 : y0 + 3, x0 : x0 + 3].reshape(9, 2)
            pooled[top + row, left + column] = {
                "max": window.max(axis=0),
                "mean": window.mean(axis=0),
                "l2": np.sqrt((window.astype("float64") ** 2).sum(axis=0)),
            }[pooling]
    np.testing.assert_allclose(found, pooled, atol=1e-5)


@backends
def test_a_root_of_nothing_has_finite_gradients():
    inputs = keras.Input((6, 6, 2))
    x = layers.Dense(2, name="dense")(inputs)
    block = inception_block(x, (1, 1), None, 1, None, pooling="l2", name="a")
    model = keras.Model(inputs, block)
    model.compile("sgd", "mse", run_eagerly=EAGER)
    model.train_on_batch(np.zeros((2, 6, 6, 2)), np.ones((2, 6, 6, 2)))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


# MobileFaceNet


def test_mobile_facenet_takes_other_sizes(monkeypatch):
    stages = ((2, 8, 1, 2), (2, 8, 2, 2), (2, 8, 1, 2))
    module = "dlai_keras.face_recognition.model"
    monkeypatch.setattr(f"{module}.MOBILE_FACENET_STAGES", stages)
    model = mobile_facenet((33, 16, 3), 5)
    assert model.get_layer("linear7_conv").kernel.shape[:2] == (3, 1)
    assert_unit_vectors(outputs_of(model, pictures(2, (33, 16))), (2, 5))
    with pytest.raises(ValueError, match=r"`input_shape` must .* 16 pixels or more"):
        mobile_facenet((112, 15, 3))


def test_an_inverted_block_adds_its_input_where_it_fits():
    for filters, strides, is_added in ((4, 1, True), (4, 2, False), (6, 1, False)):
        inputs = keras.Input((6, 6, 4))
        block = inverted_residual_block(inputs, filters, 2, strides=strides, name="a")
        model = keras.Model(inputs, block)
        # Nothing comes through the convolutions.
        model.get_layer("a_conv_7").gamma.assign(np.zeros(filters))
        x = np.random.default_rng(0).normal(size=(1, 6, 6, 4)).astype("float32")
        found = outputs_of(model, x)
        expected = x if is_added else np.zeros(found.shape)
        np.testing.assert_array_equal(found, expected)


# The network to train


def test_the_small_network_has_the_documented_size():
    model = face_embedder()
    assert model.count_params() == 326_512
    assert multiply_adds(model) == 30_084_352
    assert model.get_layer("pool").kernel.shape[:2] == (7, 6)
    assert not model.compiled


def test_arguments_of_the_small_network_reach_its_layers():
    model = face_embedder(
        (24, 20, 1), 7, widths=(4, 6), momentum=0.8, dropout=0.3, name="mine"
    )
    assert model.name == "mine"
    assert model.get_layer("dropout").rate == 0.3
    norms = [x for x in model.layers if isinstance(x, layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.8}
    assert model.get_layer("stage2_add").output.shape == (None, 3, 3, 6)
    images = pictures(2, (24, 20))[..., :1]
    whole = outputs_of(model, images)
    assert_unit_vectors(whole, (2, 7))
    real = outputs_of(model, images.astype("float32"))
    np.testing.assert_allclose(real, whole, atol=1e-6)


def test_the_last_convolution_starts_as_the_mean_over_the_maps():
    model = face_embedder((32, 24, 3), 8, widths=(4, 6))
    maps = model.get_layer("stage2_relu2").output
    flat = model.get_layer("flatten").output
    before, after = keras.Model(model.input, [maps, flat])(pictures())
    mean = ops.convert_to_numpy(before).mean(axis=(1, 2))
    np.testing.assert_allclose(ops.convert_to_numpy(after), mean, rtol=1e-4, atol=1e-5)


def test_a_residual_block_is_its_branches_plus_its_shortcut():
    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, residual_block(inputs, 4, name="a"))
    model.get_layer("a_2_bn").gamma.assign(np.zeros(4))
    x = np.random.default_rng(0).normal(size=(1, 5, 6, 3)).astype("float32")
    # Windows of 2 x 2; the last row has one row only.
    mean = np.stack([x[:, y : y + 2].mean(axis=1) for y in (0, 2, 4)], axis=1)
    mean = mean.reshape(1, 3, 3, 2, 3).mean(axis=3)
    kernel = model.get_layer("a_shortcut_conv").get_weights()[0][0, 0]
    expected = np.maximum(mean @ kernel / np.sqrt(1 + 1e-3), 0)
    np.testing.assert_allclose(outputs_of(model, x), expected, atol=1e-5)
    same = keras.Model(inputs, residual_block(inputs, 3, strides=1, name="a"))
    same.get_layer("a_2_bn").gamma.assign(np.zeros(3))
    np.testing.assert_allclose(outputs_of(same, x), np.maximum(x, 0), atol=1e-6)


@pytest.mark.parametrize("shape", [(7, 8, 3), (None, 24, 3), (32, 24)])
def test_the_small_network_refuses_what_is_too_small_or_open(shape):
    with pytest.raises(ValueError, match=r"`input_shape` must .* 8 pixels or more"):
        face_embedder(shape, widths=(4, 4))


def test_the_small_network_learns_who_is_who_and_survives_the_disk(tmp_path):
    keras.utils.set_random_seed(0)
    model = face_embedder((16, 12, 3), 4, widths=(8,), momentum=0.5)
    same_person = np.repeat(np.arange(3), 4)
    images = pictures(12, (16, 12)) // 4
    for index, person in enumerate(same_person):
        images[index, 5 * person : 5 * person + 5] += 150  # a bright band

    def scatter(y_true, y_pred):
        """Every embedding should be its person's own direction."""
        directions = ops.one_hot(ops.cast(y_true[:, 0], "int32"), 4)
        return ops.sum(ops.square(y_pred - directions), axis=-1)

    model.compile(keras.optimizers.Adam(0.1), scatter, run_eagerly=True)
    targets = same_person[:, None]
    losses = [float(model.train_on_batch(images, targets)) for _ in range(5)]
    assert losses[-1] < 0.5 * losses[0], losses
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(
        outputs_of(loaded, images), outputs_of(model, images), atol=1e-5
    )


# Two faces


def test_a_siamese_model_shares_its_embedder_and_survives_the_disk(tmp_path):
    embedder = face_embedder((16, 12, 3), 4, widths=(4,))
    model = siamese_model(embedder, name="two", difference="chi-squared")
    assert model.name == "two"
    assert model.get_layer("face_embedder") is embedder
    assert model.get_layer("same").difference == "chi-squared"
    first, second = pictures(3, (16, 12)), pictures(3, (16, 12), seed=1)
    logits = outputs_of(model, [first, second])
    assert logits.shape == (3, 1)
    # The order of two faces says nothing.
    np.testing.assert_allclose(outputs_of(model, [second, first]), logits, atol=1e-5)
    same = outputs_of(model, [first, first])
    np.testing.assert_allclose(same, np.full((3, 1), same[0, 0]), atol=1e-5)
    assert np.abs(logits - same).min() > 1e-3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(outputs_of(loaded, [first, second]), logits, atol=1e-5)
