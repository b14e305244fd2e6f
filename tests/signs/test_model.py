"""The networks have the published sizes, learn, and keep what must be kept."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.networks import unfreeze
from dlai_keras.signs.model import (
    TRANSFER_BASES,
    calibrate_batch_norm,
    residual_block,
    resnet50,
    signs_resnet,
    transfer_model,
)

backends = pytest.mark.backends
# A few steps are not worth a compilation, but for JAX each operation is one.
EAGER = keras.backend.backend() != "jax"
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def pictures(num_images, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num_images, size, size, 3)).astype("uint8")


def steps():
    """As long for a tiny gradient as for a large one: an untrained base gives 1e-12."""
    return keras.optimizers.Adam(0.01, epsilon=1e-30)


def outputs_of(model, inputs, training=False):
    return ops.convert_to_numpy(model(inputs, training=training))


def num_trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def randomise(model, seed=0):
    """Weights as after a training: no bias is 0 and no normalisation the identity."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            np.abs(weight + rng.normal(0, 0.2, weight.shape)) + 0.1
            if weight.ndim == 1
            else rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
            for weight in model.get_weights()
        ]
    )
    return model


# The course's ResNet-50


@pytest.fixture(scope="module")
def course_resnet():
    return resnet50((64, 64, 3), 6)


def test_resnet50_has_the_published_size(course_resnet):
    assert course_resnet.count_params() == 23_600_006
    assert course_resnet.count_params() - num_trainable(course_resnet) == 53_120
    assert course_resnet.output_shape == (None, 6)
    assert not course_resnet.compiled


def test_resnet50_has_the_courses_maps_and_layers(course_resnet):
    shapes = [
        course_resnet.get_layer(name).output.shape[1:]
        for name in (
            "stem_relu",
            "stem_pool",
            "stage2_block3_relu3",
            "stage3_block4_relu3",
            "stage4_block6_relu3",
            "stage5_block3_relu3",
            "pool",
        )
    ]
    assert shapes == [
        (32, 32, 64),
        (15, 15, 64),
        (15, 15, 256),
        (8, 8, 512),
        (4, 4, 1024),
        (2, 2, 2048),
        (1, 1, 2048),
    ]
    kinds = [type(layer) for layer in course_resnet.layers]
    assert kinds.count(layers.Conv2D) == 53
    assert kinds.count(layers.Add) == 16


def test_resnet50_gives_finite_logits_that_depend_on_the_image(course_resnet):
    images = pictures(2, 64).astype("float32") / 255
    logits = outputs_of(course_resnet, images)
    assert logits.shape == (2, 6)
    assert np.isfinite(logits).all()
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3, "these are probabilities"
    assert np.abs(logits[0] - logits[1]).max() > 0


def test_resnet50_starts_from_the_courses_initializers_and_seed(course_resnet):
    kernel = course_resnet.get_layer("stage2_block1_conv1").get_weights()[0]
    expected = keras.initializers.GlorotUniform(seed=0)((1, 1, 64, 64))
    np.testing.assert_array_equal(kernel, ops.convert_to_numpy(expected))
    kernel = course_resnet.get_layer("stage2_block2_conv1").get_weights()[0]
    assert 0.04 < np.abs(kernel).max() <= 0.05  # RandomUniform's default range


@pytest.mark.parametrize("size", [32, 96])
def test_resnet50_takes_other_sizes(size, monkeypatch):
    narrow = (((4, 4, 8), 2, 1), *[((4, 4, 8), 1, 2)] * 3)
    monkeypatch.setattr("dlai_keras.signs.model.RESNET50_STAGES", narrow)
    model = resnet50((size, size, 3), 4)
    assert outputs_of(model, np.zeros((1, size, size, 3), "float32")).shape == (1, 4)


@pytest.mark.parametrize("shape", [(31, 64, 3), (64, None, 3), (64, 64)])
def test_resnet50_refuses_what_is_too_small_or_open(shape):
    with pytest.raises(ValueError, match=r"`input_shape` must .* at least 32 pixels"):
        resnet50(shape)


# The network to ship


def test_the_shipped_network_has_the_documented_size():
    model = signs_resnet()
    assert model.count_params() == 836_342
    assert model.output_shape == (None, 6)
    assert not model.compiled
    multiply_adds = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            multiply_adds += np.prod(layer.output.shape[1:3]) * np.prod(
                layer.kernel.shape
            )
    assert multiply_adds / 1e6 == pytest.approx(24.6, abs=0.1)
    assert model.get_layer("stage4_relu2").output.shape == (None, 4, 4, 256)


def test_arguments_of_the_shipped_network_reach_its_layers():
    model = signs_resnet(
        (None, None, 1), 3, widths=(4, 8), momentum=0.8, dropout=0.4, name="mine"
    )
    assert model.name == "mine"
    assert model.get_layer("dropout").rate == 0.4
    norms = [x for x in model.layers if isinstance(x, layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.8}
    assert len(norms) == 1 + 2 + 3  # the first block needs no projection
    for size in (15, 32):
        images = np.zeros((2, size, size + 3, 1), "uint8")
        assert outputs_of(model, images).shape == (2, 3)


def test_whole_and_real_pixels_give_the_same_logits():
    model = randomise(signs_resnet((16, 16, 3), widths=(4, 8)))
    images = pictures(3)
    whole = outputs_of(model, images)
    assert np.ptp(whole, axis=0).max() > 1e-3
    np.testing.assert_allclose(whole, outputs_of(model, images.astype("float32")))


@pytest.mark.parametrize(("filters", "strides"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_a_block_starts_as_its_shortcut(filters, strides):
    inputs = keras.Input((6, 6, 3))
    outputs = residual_block(inputs, filters, strides=strides, name="block")
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    shortcut = images
    if (filters, strides) != (3, 1):
        kernel = model.get_layer("block_conv_shortcut").get_weights()[0][0, 0]
        size = 6 // strides
        pixels = images.reshape(2, size, strides, size, strides, 3).mean(axis=(2, 4))
        shortcut = pixels @ kernel / np.sqrt(1 + 1e-3)
    assert model.output_shape == (None, 6 // strides, 6 // strides, filters)
    expected = np.maximum(shortcut, 0)
    np.testing.assert_allclose(outputs_of(model, images), expected, atol=1e-5)


@backends
def test_the_shipped_network_learns_and_survives_the_disk(tmp_path):
    keras.utils.set_random_seed(0)
    model = signs_resnet((16, 16, 3), 2, widths=(8,))
    model.compile(keras.optimizers.Adam(0.03), SPARSE, run_eagerly=EAGER)
    images, labels = pictures(16) // 2, np.repeat([0, 1], 8)
    images[8:, :8] += 127  # the upper half is bright
    losses = [model.train_on_batch(images, labels) for _ in range(10)]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        outputs_of(loaded, images), outputs_of(model, images), atol=1e-5
    )


# The statistics of batch normalisation


def norms_of(model):
    return [x for x in model.layers if isinstance(x, layers.BatchNormalization)]


@backends
def test_after_calibration_inference_equals_the_statistics_of_the_batch():
    model = randomise(signs_resnet((16, 16, 3), widths=(4, 8), dropout=0.0))
    images, weights = pictures(12), model.get_weights()
    by_batch = outputs_of(model, images, training=True)
    model.set_weights(weights)  # the call has moved the averages
    assert np.abs(outputs_of(model, images) - by_batch).max() > 0.1
    assert calibrate_batch_norm(model, images) is model
    np.testing.assert_allclose(outputs_of(model, images), by_batch, atol=1e-3)


@backends
def test_statistics_are_the_mean_over_batches_weighted_by_size():
    inputs = keras.Input((5, 5, 3))
    model = keras.Model(inputs, layers.BatchNormalization()(inputs))
    images = pictures(10, 5).astype("float32") * np.arange(10)[:, None, None, None]
    calibrate_batch_norm(model, images, batch_size=4)
    batches = [images[:4], images[4:8], images[8:]]
    for weight, statistic in zip(
        model.get_weights()[2:], (np.mean, np.var), strict=True
    ):
        parts = [statistic(batch, axis=(0, 1, 2)) for batch in batches]
        expected = np.average(parts, axis=0, weights=[4, 4, 2])
        np.testing.assert_allclose(weight, expected, rtol=1e-4)


@backends
def test_calibration_changes_nothing_but_the_moving_statistics():
    inputs = keras.Input((16, 16, 3))
    x = layers.RandomContrast(0.9)(inputs)  # neither it nor dropout may be active
    x = layers.Dropout(0.9)(x)
    outputs = signs_resnet((16, 16, 3), 2, widths=(4, 8))(x)  # nested
    model = randomise(keras.Model(inputs, outputs))
    network = model.layers[-1]
    model.compile("adam", loss=lambda y, logits: ops.sum(logits, axis=-1))
    momenta = [layer.momentum for layer in norms_of(network)]
    states = [np.array(v) for v in model.non_trainable_variables]
    before = {w.path: ops.convert_to_numpy(w).copy() for w in model.weights}

    images = pictures(9)
    calibrate_batch_norm(model, images, batch_size=4)
    first = [ops.convert_to_numpy(w).copy() for w in model.weights]
    calibrate_batch_norm(model, images, batch_size=4)
    moved = 0
    for weight, again in zip(model.weights, first, strict=True):
        now = ops.convert_to_numpy(weight)
        np.testing.assert_array_equal(now, again)  # nothing random, nothing moving
        if "moving" in weight.name:
            moved += 1
            assert (now != before[weight.path]).any(), weight.path
        else:
            np.testing.assert_array_equal(now, before[weight.path])
    assert moved == 2 * len(momenta) == 12
    assert [layer.momentum for layer in norms_of(network)] == momenta
    assert all(type(x) is layers.BatchNormalization for x in norms_of(network))
    assert model.compiled
    assert len(states) == len(model.non_trainable_variables)
    x = model.layers[-1].get_layer("pool").output  # still one node
    assert x.shape == (None, 8)
    assert outputs_of(model, images).shape == (9, 2)


def test_frozen_layers_keep_their_statistics():
    model = randomise(signs_resnet((16, 16, 3), widths=(4, 8)))
    model.get_layer("stem_bn").trainable = False
    frozen = model.get_layer("stem_bn").get_weights()
    other = model.get_layer("stage1_bn1").get_weights()
    calibrate_batch_norm(model, pictures(4))
    for old, new in zip(frozen, model.get_layer("stem_bn").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (model.get_layer("stage1_bn1").get_weights()[2] != other[2]).all()
    assert not model.get_layer("stem_bn").trainable
    assert model.get_layer("stage1_bn1").trainable


@backends
def test_calibration_repairs_the_inference_of_a_short_training():
    keras.utils.set_random_seed(0)
    model = signs_resnet((16, 16, 3), 2, widths=(8,), momentum=0.999, dropout=0.0)
    model.compile(keras.optimizers.Adam(0.03), SPARSE, run_eagerly=EAGER)
    images, labels = pictures(16) // 8 + 100, np.repeat([0, 1], 8)
    images[8:, :8] += 10
    for _ in range(12):
        model.train_on_batch(images, labels)
    by_batch = outputs_of(model, images, training=True).argmax(axis=1)
    assert (by_batch == labels).all()
    assert (outputs_of(model, images).argmax(axis=1) != labels).any(), "cold averages"
    calibrate_batch_norm(model, images)
    assert (outputs_of(model, images).argmax(axis=1) == labels).all()


def test_calibration_without_images_is_refused():
    model = signs_resnet((16, 16, 3), widths=(4,))
    with pytest.raises(ValueError, match=r"at least one image.*0 images"):
        calibrate_batch_norm(model, pictures(0))
    with pytest.raises(ValueError, match="batch_size=0"):
        calibrate_batch_norm(model, pictures(1), batch_size=0)


# Transfer


@pytest.fixture(scope="module")
def mobile():
    return transfer_model(5, weights=None, input_shape=(32, 32, 3))


def test_only_the_classifier_of_a_new_transfer_model_trains(mobile):
    assert mobile.count_params() == 2_257_984 + 1280 * 5 + 5
    assert num_trainable(mobile) == 1280 * 5 + 5
    assert mobile.output_shape == (None, 5)
    assert not mobile.compiled


def test_a_frozen_base_does_not_change_while_it_trains(mobile):
    before = mobile.get_layer("base").get_weights()
    head = mobile.get_layer("logits").get_weights()[0]
    mobile.compile(steps(), SPARSE, run_eagerly=EAGER)
    mobile.train_on_batch(pictures(4, 20), np.arange(4))
    for old, new in zip(before, mobile.get_layer("base").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (mobile.get_layer("logits").get_weights()[0] != head).any()


@pytest.mark.parametrize("size", [(20, 20), (47, 90)])
def test_a_transfer_model_takes_pictures_of_any_size(mobile, size):
    logits = outputs_of(mobile, np.full((2, *size, 3), 200, "uint8"))
    assert logits.shape == (2, 5)
    # A plain picture is the same at every size.
    expected = outputs_of(mobile, np.full((1, 32, 32, 3), 200, "uint8"))
    np.testing.assert_allclose(logits, np.repeat(expected, 2, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("base", "module"),
    [
        ("MobileNet", "mobilenet"),
        ("MobileNetV2", "mobilenet_v2"),
        ("ResNet50V2", "resnet_v2"),
        ("EfficientNetV2B0", "efficientnet_v2"),
        ("MobileNetV3Small", "mobilenet_v3"),
    ],
)
def test_the_preprocessing_of_a_base_is_inside(base, module):
    model = transfer_model(3, base=base, weights=None, input_shape=(32, 32, 3))
    images = pictures(2, 32).astype("float32")
    expected = getattr(keras.applications, module).preprocess_input(images.copy())
    base_input = model.layers[model.layers.index(model.get_layer("base")) - 1].output
    prepare = keras.Model(model.input, base_input)
    np.testing.assert_allclose(outputs_of(prepare, images), expected, atol=1e-4)
    rescaled = {"rescale"} & {layer.name for layer in model.layers}
    inside = [x for x in model.get_layer("base").layers if type(x) is layers.Rescaling]
    assert bool(rescaled) != bool(inside), "pixels are rescaled once"
    assert num_trainable(model) == 3 * (model.get_layer("logits").kernel.shape[0] + 1)


def test_every_base_is_a_network_of_keras_and_others_are_refused():
    assert {"MobileNet", "MobileNetV2", "EfficientNetV2B0", "ResNet50V2"} < {
        *TRANSFER_BASES
    }
    for base in TRANSFER_BASES:
        assert callable(getattr(keras.applications, base))
    for base in ("VGG16", "ResNet50", "mobilenet_v2", ""):
        with pytest.raises(
            ValueError, match=rf"one of ConvNeXt.*Received: base={base}"
        ):
            transfer_model(3, base=base)


@pytest.mark.parametrize("shape", [(None, None, 3), (16, 16, 3), (96, 96)])
def test_input_shapes_that_do_not_suit_are_refused(shape):
    with pytest.raises(ValueError, match=r"[Ii]nput.*[Rr]eceived"):
        transfer_model(3, input_shape=shape, weights=None)


@pytest.mark.parametrize(
    ("base", "error"),
    [
        ("MobileNetV2", Exception("URL fetch failure on https: None -- [Errno -2]")),
        ("MobileNet", TimeoutError("late")),
    ],
    ids=["keras", "timeout"],
)
def test_weights_that_cannot_be_fetched_say_what_to_do(monkeypatch, error, base):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(OSError, match=rf"of {base} cannot be fetched") as raised:
        transfer_model(3, base=base)
    message = str(raised.value)
    assert "--weights FILE" in message
    assert "none" in message
    assert str(error)[:10] in message
    assert "\n" not in message


def test_weights_of_a_file_are_read_and_wrong_files_named(tmp_path):
    def build(weights):
        shape = (32, 32, 3)
        return transfer_model(3, input_shape=shape, base="MobileNet", weights=weights)

    base = build(None).get_layer("base")
    base.save_weights(tmp_path / "base.weights.h5")
    loaded = build(tmp_path / "base.weights.h5").get_layer("base")
    for ours, theirs in zip(loaded.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(FileNotFoundError, match=r"missing\.h5.*imagenet"):
        build(tmp_path / "missing.h5")
    for name in ("text.h5", "text.txt"):
        (tmp_path / name).write_text("no weights")
        with pytest.raises(ValueError, match=rf"{name} does not hold weights of Mob"):
            build(tmp_path / name)


def test_a_transfer_model_survives_the_disk(tmp_path):
    shape = (32, 32, 3)
    mobile = transfer_model(3, base="MobileNet", weights=None, input_shape=shape)
    mobile.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    images = pictures(2, 40)
    np.testing.assert_allclose(
        outputs_of(loaded, images), outputs_of(mobile, images), atol=1e-5
    )
    assert num_trainable(loaded) == num_trainable(mobile)


def test_unfreezing_leaves_batch_normalisation_frozen(tmp_path):
    model = transfer_model(3, weights=None, input_shape=(32, 32, 3), base="MobileNet")
    assert unfreeze(model) is model
    base = model.get_layer("base")
    norms = [x for x in base.layers if isinstance(x, layers.BatchNormalization)]
    assert len(norms) == 27
    assert not any(layer.trainable for layer in norms)
    kernels = sum(int(np.prod(w.shape)) for w in base.weights if w.name == "kernel")
    assert num_trainable(base) == kernels > 3_000_000
    statistics = [layer.get_weights() for layer in norms]
    kernel = base.get_layer("conv_pw_13").get_weights()[0]
    model.compile(steps(), SPARSE, run_eagerly=EAGER)
    model.train_on_batch(pictures(4, 32), np.arange(4) % 3)
    assert (base.get_layer("conv_pw_13").get_weights()[0] != kernel).any()
    for layer, old in zip(norms, statistics, strict=True):
        for before, after in zip(old, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert num_trainable(loaded) == num_trainable(model)


def test_unfreezing_stops_at_the_last_layers(mobile):
    base = mobile.get_layer("base")
    for num_layers in (0, 3, 30, 10_000):
        unfreeze(mobile, num_layers)
        trainable = [layer for layer in base.layers if layer.trainable_weights]
        expected = [
            layer
            for layer in base.layers[len(base.layers) - min(num_layers, 154) :]
            if layer.weights and not isinstance(layer, layers.BatchNormalization)
        ]
        assert trainable == expected
    assert len(base.layers) == 154
    base.trainable = False
    with pytest.raises(ValueError, match="num_layers=-1"):
        unfreeze(mobile, -1)
    with pytest.raises(ValueError, match="no layer `base`"):
        unfreeze(signs_resnet((16, 16, 3), widths=(4,)))
