"""The course's blocks give its published numbers, and its networks have its sizes."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.signs.course import (
    convolutional_block,
    convolutional_model,
    dense_model,
    happy_model,
    identity_block,
)

backends = pytest.mark.backends

# The input of the course's checks: three images of one number each.
X = np.stack([np.full((4, 4, 3), value) for value in (-1, 1, 3)]).astype("float32")


def ones(seed=0):
    return keras.initializers.Constant(value=1)


def array(tensor):
    return ops.convert_to_numpy(tensor)


# The blocks


@backends
@pytest.mark.parametrize("training", [None, False])
def test_the_identity_block_gives_the_published_values_in_inference(training):
    out = identity_block(X, f=2, filters=[4, 4, 3], training=training, initializer=ones)
    means = array(out)[:, (0, -1)].mean(axis=3)  # (batch, first and last row, width)
    expected = [
        np.zeros((2, 4)),
        [[192.71234] * 3 + [96.85617], [96.85617] * 3 + [48.92808]],
        [[578.1371] * 3 + [290.5685], [290.5685] * 3 + [146.78426]],
    ]
    np.testing.assert_allclose(means, expected, rtol=1e-5)


@backends
def test_the_identity_block_gives_the_published_values_in_training():
    out = identity_block(X, f=3, filters=[3, 3, 3], training=True, initializer=ones)
    means = array(out)[:, (0, -1)].mean(axis=3)
    np.testing.assert_allclose(means[1], np.full((2, 4), 0.37394285), rtol=1e-5)
    row = [3.2379014, 4.1394243, 4.1394243, 3.2379014]
    np.testing.assert_allclose(means[2], [row, row], rtol=1e-5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="the published values are TensorFlow's draws of GlorotUniform(seed=0)",
)
def test_the_convolutional_block_gives_the_published_values():
    out = array(convolutional_block(X, f=2, filters=[2, 4, 6], training=False))
    assert out.shape == (3, 2, 2, 6)
    expected = [
        [
            [0.0, 0.66683817, 0.0, 0.0, 0.88853896, 0.5274254],
            [0.0, 0.65053666, 0.0, 0.0, 0.89592844, 0.49965227],
        ],
        [
            [0.0, 0.6312079, 0.0, 0.0, 0.8636247, 0.47643146],
            [0.0, 0.5688321, 0.0, 0.0, 0.85534114, 0.41709304],
        ],
    ]
    np.testing.assert_allclose(out[0], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("s", [1, 2, 3])
def test_the_convolutional_block_strides(s):
    inputs = keras.Input((7, 8, 3))
    out = convolutional_block(inputs, 3, (2, 2, 5), s=s)
    assert out.shape == (None, -(-7 // s), -(-8 // s), 5)


@backends
def test_training_normalises_by_the_batch_and_inference_does_not():
    def block(training, images):
        return array(convolutional_block(images, 2, (2, 2, 3), 1, training, ones))

    for training, depends in ((True, True), (False, False), (None, False)):
        difference = block(training, X)[1] - block(training, X[:2])[1]
        assert (np.abs(difference).max() > 1e-3) == depends


@backends
def test_blocks_follow_the_flag_of_the_network():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, identity_block(inputs, 2, (2, 2, 3), initializer=ones))
    eager = identity_block(X, 2, (2, 2, 3), initializer=ones)
    np.testing.assert_allclose(array(model(X)), array(eager), rtol=1e-6)
    trained = array(model(X, training=True))
    expected = array(identity_block(X, 2, (2, 2, 3), True, ones))
    np.testing.assert_allclose(trained, expected, rtol=1e-5)
    assert np.abs(trained - array(eager)).max() > 1


@pytest.mark.parametrize(
    "initializer",
    [
        ones,
        lambda seed=0: keras.initializers.Constant(1),
        keras.initializers.Ones,
        keras.initializers.Ones(),
    ],
    ids=["function", "lambda", "class", "instance"],
)
def test_initializers_come_in_every_form(initializer):
    out = identity_block(X, 2, (4, 4, 3), initializer=initializer)
    assert array(out)[1, 0, 0].mean() == pytest.approx(192.71234, rel=1e-5)


def test_the_initializer_is_called_with_the_courses_seed_for_every_kernel():
    seeds = []

    def initializer(seed=None):
        seeds.append(seed)
        return keras.initializers.GlorotUniform(seed=seed)

    convolutional_block(X, 2, (2, 2, 3), initializer=initializer)
    assert seeds == [0] * 4
    identity_block(X, 2, (2, 2, 3), initializer=initializer)
    assert seeds == [0] * 7


def test_an_identity_block_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"number of channels.*channels=3"):
        identity_block(X, 2, (4, 4, 5))


# The networks


@pytest.mark.parametrize(
    ("model", "parameters", "trainable", "outputs"),
    [
        (convolutional_model, 1_310, 1_310, 6),
        (dense_model, 307_615, 307_615, 6),
        (happy_model, 37_633, 37_569, 1),
    ],
)
def test_the_courses_networks_have_the_published_sizes(
    model, parameters, trainable, outputs
):
    model = model()
    assert model.count_params() == parameters
    assert sum(np.prod(w.shape) for w in model.trainable_weights) == trainable
    assert model.output_shape == (None, outputs)
    assert not model.compiled


def test_the_convolutional_model_has_the_published_maps():
    model = convolutional_model((64, 64, 3))
    shapes = [
        model.get_layer(name).output.shape[1:]
        for name in ("relu1", "pool1", "relu2", "pool2", "flatten")
    ]
    assert shapes == [(64, 64, 8), (8, 8, 8), (8, 8, 16), (2, 2, 16), (64,)]


@backends
def test_the_dense_model_is_its_definition():
    model = dense_model((4, 2, 3), 5)
    images = np.random.default_rng(0).uniform(size=(7, 4, 2, 3)).astype("float32")
    w1, b1, w2, b2, w3, b3 = model.get_weights()
    hidden = np.maximum(images.reshape(7, -1) @ w1 + b1, 0)
    expected = np.maximum(hidden @ w2 + b2, 0) @ w3 + b3
    np.testing.assert_allclose(array(model(images)), expected, atol=1e-5)
    flat = dense_model((24,), 5)
    flat.set_weights(model.get_weights())
    outputs = array(flat(images.reshape(7, -1)))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("build", [convolutional_model, dense_model, happy_model])
def test_the_courses_networks_end_in_logits(build):
    model = build((16, 16, 3))
    model.get_layer("logits").bias.assign(np.full(model.output_shape[1:], 30.0))
    outputs = array(model(np.zeros((1, 16, 16, 3), "float32")))
    assert outputs.min() > 20  # neither probabilities nor cut off at 0 or 1
    model.get_layer("logits").bias.assign(np.full(model.output_shape[1:], -30.0))
    assert array(model(np.zeros((1, 16, 16, 3), "float32"))).max() < -20


@pytest.mark.parametrize("build", [convolutional_model, dense_model, happy_model])
def test_the_courses_networks_survive_the_disk(build, tmp_path):
    model = build((16, 16, 3), name="mine")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(size=(3, 16, 16, 3)).astype("float32")
    assert loaded.name == "mine"
    np.testing.assert_allclose(array(loaded(images)), array(model(images)), atol=1e-6)
