"""The networks have the published sizes and say what the published ones say."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.classic_convnets import complexity
from dlai_keras.classic_convnets.model import (
    INCEPTIONS,
    LENET_TABLE,
    NETWORKS,
    alexnet,
    face_network,
    googlenet,
    inception_module,
    lenet5,
    lenet5_course,
    mobilenet,
    network_in_network,
    resnet18,
    resnet34,
    resnet50,
    separable_block,
    vgg16,
)

backends = pytest.mark.backends
# A few steps are not worth a compilation, but for JAX each operation is one.
EAGER = keras.backend.backend() != "jax"
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(autouse=True)
def cheap_weights(request, monkeypatch):
    """Zeros where only sizes are looked at: nobody wants 138 million drawn numbers."""
    if "published" in request.node.name:
        for kind in (keras.initializers.GlorotUniform, keras.initializers.HeNormal):
            monkeypatch.setattr(
                kind,
                "__call__",
                lambda self, shape, dtype=None: ops.zeros(shape, dtype),
            )


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def costs(model):
    return complexity.totals(complexity.summary(model))["multiply_adds"]


def outputs_of(model, inputs):
    return ops.convert_to_numpy(model(inputs, training=False))


def pictures(num, size=32, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (num, size, size, channels)).astype("float32")


def randomise(model):
    """Weights as after a training: no bias is 0 and no normalisation the identity."""
    rng = np.random.default_rng(1)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, weight.shape)
            if weight.ndim == 1
            else rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape)
            for weight in model.get_weights()
        ]
    )
    return model


# Published sizes. Where the count includes moving averages, `trainable` is the paper's.
# Multiply-adds: MobileNets, table 8 (569 million); GoogLeNet, "1.5 billion"; ResNets,
# table 1 (1.8, 3.6 and 3.8 billion); the others from the layers' own definition.
PUBLISHED = {
    "lenet5": (lenet5, {}, 60_000, 60_840, None),
    "alexnet": (alexnet, {}, 60_965_224, 60_965_224, 724e6),
    "alexnet, one card": (alexnet, {"groups": 1}, 62_378_344, 62_378_344, 1135e6),
    "vgg16": (vgg16, {}, 138_357_544, 138_357_544, 15.47e9),
    "resnet18": (resnet18, {}, 11_689_512, 11_699_112, 1.8e9),
    "resnet34": (resnet34, {}, 21_797_672, 21_814_696, 3.6e9),
    "resnet50": (resnet50, {}, 25_557_032, 25_610_152, 4.1e9),
    "resnet50, keras": (
        resnet50,
        {"use_bias": True, "stride_first": True},
        25_583_592,
        25_636_712,
        3.8e9,
    ),
    "googlenet": (googlenet, {"side_outputs": False}, 6_998_552, 6_998_552, 1.5e9),
    "googlenet, sides": (googlenet, {}, 13_378_280, 13_378_280, None),
    "mobilenet": (mobilenet, {}, 4_231_976, 4_253_864, 569e6),
    "network in network": (network_in_network, {}, 966_986, 966_986, None),
}


@pytest.mark.parametrize(
    ("builder", "options", "num_trainable", "num_all", "multiply_adds"),
    PUBLISHED.values(),
    ids=PUBLISHED,
)
def test_sizes_and_costs_are_the_published_ones(
    builder, options, num_trainable, num_all, multiply_adds
):
    model = builder(**options)
    assert trainable(model) == num_trainable
    assert model.count_params() == num_all
    assert not model.compiled
    if multiply_adds:
        assert costs(model) == pytest.approx(multiply_adds, rel=0.06)


def test_mobilenets_published_cost_is_met_to_the_million():
    assert round(costs(mobilenet()) / 1e6) == 569


# LeNet-5. Paper, section II.B: trainable parameters and connections of each layer.
LENET_1998 = {
    "c1": (156, 122_304),
    "s2": (12, 5_880),
    "c3": (1_516, 151_600),
    "s4": (32, 2_000),
    "c5": (48_120, 48_120),
    "f6": (10_164, 10_164),
    "distances": (840, 840),
}


def test_lenet5_has_the_papers_parameters_and_connections():
    model = lenet5()
    total = 0
    for row in complexity.summary(model):
        if row["layer"] not in LENET_1998:
            continue
        parameters, connections = LENET_1998[row["layer"]]
        assert row["parameters"] == parameters
        # The paper counts a bias as a connection of every unit. Its subsampling is
        # added up pixel by pixel, and scaled once, which it does not count.
        units = row["activation_size"]
        ours = row["multiply_adds"] + units * (row["layer"] != "distances")
        if row["kind"] == "Subsampling":
            ours -= units
        assert ours == connections, row["layer"]
        total += connections
    assert total == 340_908


def test_the_connection_table_is_the_papers():
    """Column sums and rows of table I."""
    seen = np.zeros((6, 16), int)
    for column, row in enumerate(LENET_TABLE):
        seen[list(row), column] = 1
    assert seen.sum(axis=0).tolist() == [3] * 6 + [4] * 9 + [6]
    marks = {
        0: [0, 4, 5, 6, 9, 10, 11, 12, 14, 15],
        1: [0, 1, 5, 6, 7, 10, 11, 12, 13, 15],
        2: [0, 1, 2, 6, 7, 8, 11, 13, 14, 15],
        3: [1, 2, 3, 6, 7, 8, 9, 12, 14, 15],
        4: [2, 3, 4, 7, 8, 9, 10, 12, 13, 15],
        5: [3, 4, 5, 8, 9, 10, 11, 13, 14, 15],
    }
    for row, columns in marks.items():
        assert np.flatnonzero(seen[row]).tolist() == columns


def test_lenet5s_logits_are_minus_the_distances_to_the_codes():
    model = randomise(lenet5())
    images = pictures(2, channels=1)
    hidden = keras.Model(model.input, model.get_layer("f6").output)
    codes = np.array(model.get_layer("distances").codes, "float32")
    model.get_layer("distances").set_weights([codes])
    offsets = outputs_of(hidden, images)[:, None] - codes
    expected = -(offsets**2).sum(axis=-1)
    np.testing.assert_allclose(outputs_of(model, images), expected, rtol=1e-4)


def test_lenet5_takes_colour_other_classes_and_a_dense_end():
    model = lenet5((36, 40, 3), 4, radial_basis=False)
    assert model.output_shape == (None, 4)
    assert isinstance(model.layers[-1], layers.Dense)


# Course 4, week 1: activation shape, activation size, parameters of every layer.
LENET_COURSE = [
    ("image", (32, 32, 3), 3072, 0),
    ("conv1", (28, 28, 8), 6272, 608),
    ("pool1", (14, 14, 8), 1568, 0),
    ("conv2", (10, 10, 16), 1600, 3216),
    ("pool2", (5, 5, 16), 400, 0),
    ("fc3", (120,), 120, 48_120),
    ("fc4", (84,), 84, 10_164),
    ("logits", (10,), 10, 850),
]


def test_the_courses_lenet5_has_the_courses_table():
    rows = {row["layer"]: row for row in complexity.summary(lenet5_course())}
    for name, shape, size, parameters in LENET_COURSE:
        row = rows[name]
        assert row["activation_shape"] == shape
        assert row["activation_size"] == size
        assert row["parameters"] == parameters


# The others, against keras.applications


def test_vgg16_says_what_kerases_says_with_the_same_weights():
    """Of the convolutions; the dense layers after them are dense layers."""
    whole = vgg16((32, 32, 3), 5, width=1.0)
    mine = randomise(keras.Model(whole.input, whole.get_layer("pool5").output))
    other = keras.applications.VGG16(
        weights=None, input_shape=(32, 32, 3), include_top=False
    )
    assert [w.shape for w in mine.weights] == [w.shape for w in other.weights]
    other.set_weights(mine.get_weights())
    np.testing.assert_allclose(
        outputs_of(mine, pictures(1)), outputs_of(other, pictures(1)), rtol=1e-3
    )
    dense = [layer.units for layer in whole.layers if isinstance(layer, layers.Dense)]
    assert dense == [4096, 4096, 5]


def test_mobilenet_says_what_kerases_says_with_the_same_weights():
    mine = randomise(mobilenet((32, 32, 3), 5, width=0.25))
    other = keras.applications.MobileNet(
        weights=None,
        input_shape=(32, 32, 3),
        alpha=0.25,
        classes=5,
        classifier_activation=None,
    )
    weights = mine.get_weights()
    weights[-2] = weights[-2][None, None]  # Keras ends in a 1x1 convolution
    other.set_weights(weights)
    expected = outputs_of(other, pictures(2))
    np.testing.assert_allclose(outputs_of(mine, pictures(2)), expected, rtol=1e-3)


def test_resnet50_says_what_kerases_says_with_the_same_weights():
    mine = resnet50((32, 32, 3), 5, use_bias=True, stride_first=True)
    randomise(mine)
    other = keras.applications.ResNet50(
        weights=None, input_shape=(32, 32, 3), classes=5, classifier_activation=None
    )
    # The shortcut's convolution stands elsewhere in the order of the layers.
    names = {"stem": "conv1_conv", "stem_bn": "conv1_bn", "logits": "predictions"}
    for stage, block in [(s, b) for s in range(1, 5) for b in range(1, 7)]:
        old = f"stage{stage}_block{block}"
        new = f"conv{stage + 1}_block{block}"
        for part, number in (("shortcut", 0), ("1", 1), ("2", 2), ("3", 3)):
            names[f"{old}_{part}"] = f"{new}_{number}_conv"
            names[f"{old}_{part}_bn"] = f"{new}_{number}_bn"
    copied = 0
    for layer in mine.layers:
        if layer.weights:
            other.get_layer(names[layer.name]).set_weights(layer.get_weights())
            copied += 1
    assert copied == sum(bool(layer.weights) for layer in other.layers)
    np.testing.assert_allclose(
        outputs_of(mine, pictures(1)), outputs_of(other, pictures(1)), rtol=1e-3
    )


# Inception: table 1 of the paper, output channels. Its thousands of parameters follow
# from its own filters in these three rows only; the sum is that of the authors' model.
INCEPTION_TABLE = {
    "3a": (192, 256, 159),
    "3b": (256, 480, 380),
    "4a": (480, 512, None),
    "4b": (512, 512, 437),
    "4c": (512, 512, None),
    "4d": (512, 528, None),
    "4e": (528, 832, None),
    "5a": (832, 832, None),
    "5b": (832, 1024, None),
}


@pytest.mark.parametrize("module", INCEPTION_TABLE)
def test_inception_modules_have_the_published_sizes(module):
    channels, filters, thousands = INCEPTION_TABLE[module]
    inputs = keras.Input((7, 7, channels))
    outputs = inception_module(inputs, INCEPTIONS[module], name="module")
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (None, 7, 7, filters)
    if thousands:  # of 1,024
        assert model.count_params() / 1024 == pytest.approx(thousands, abs=2)


def test_the_course_counts_a_ninth_for_the_bottleneck():
    """Course 4, week 2: 28x28x192 to 28x28x32 by 5x5, directly and through 16 maps."""
    inputs = keras.Input((28, 28, 192))
    direct = layers.Conv2D(32, 5, padding="same")(inputs)
    assert costs(keras.Model(inputs, direct)) == 120_422_400
    x = layers.Conv2D(16, 1)(inputs)
    through = layers.Conv2D(32, 5, padding="same")(x)
    assert costs(keras.Model(inputs, through)) == 12_443_648


def test_googlenets_sides_are_after_4a_and_4d_and_the_main_output_needs_none():
    model = googlenet((32, 32, 3), 3, width=0.125, small_stem=True)
    assert [tensor.shape for tensor in model.outputs] == [(None, 3)] * 3
    assert model.get_layer("side_4a_pool").input.shape == (None, 8, 8, 64)
    main = keras.Model(model.input, model.outputs[0])
    alone = googlenet((32, 32, 3), 3, width=0.125, small_stem=True, side_outputs=False)
    assert main.count_params() == alone.count_params()


# MobileNet


def test_a_separable_block_costs_what_the_course_counts():
    """Course 4, week 2: 6x6x3 to 4x4x5, 2,160 against 432 + 240 multiplications."""
    inputs = keras.Input((6, 6, 3))
    plain = keras.Model(inputs, layers.Conv2D(5, 3)(inputs))
    assert costs(plain) == 2160
    x = layers.DepthwiseConv2D(3)(inputs)
    model = keras.Model(inputs, layers.Conv2D(5, 1)(x))
    assert [row["multiply_adds"] for row in complexity.summary(model)][1:] == [432, 240]
    assert costs(keras.Model(inputs, layers.SeparableConv2D(5, 3)(inputs))) == 672


def test_a_separable_block_is_keras_separable_convolution():
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, separable_block(inputs, 5, name="b"))
    norms = [x for x in model.layers if isinstance(x, layers.BatchNormalization)]
    for norm in norms:
        norm.epsilon = 0.0  # then it starts as the identity
    plain = layers.SeparableConv2D(5, 3, padding="same", use_bias=False)
    plain.build((None, 6, 6, 3))
    depthwise = model.get_layer("b_depthwise").get_weights()
    pointwise = model.get_layer("b_pointwise").get_weights()
    images = pictures(2, 6)
    plain.set_weights([np.abs(depthwise[0]), *pointwise])
    model.get_layer("b_depthwise").set_weights([np.abs(depthwise[0])])
    # Positive in the middle, or the ReLU between the two would differ.
    expected = np.clip(outputs_of(plain, np.abs(images)), 0, 6)
    np.testing.assert_allclose(outputs_of(model, np.abs(images)), expected, atol=1e-4)


# All of them


SMALL = {
    "lenet5": {},
    "lenet5_course": {"width": 0.5},
    "alexnet": {"width": 0.0625, "small_stem": True},
    "vgg16": {"width": 0.0625, "batch_norm": True, "momentum": 0.8},
    "network_in_network": {"width": 0.0625},
    "googlenet": {"width": 0.0625, "small_stem": True, "batch_norm": True},
    "resnet18": {"width": 0.0625, "small_stem": True},
    "resnet34": {"width": 0.0625},
    "resnet50": {"width": 0.0625, "small_stem": True},
    "mobilenet": {"width": 0.125, "small_stem": True},
}


def test_every_network_has_a_small_version_here():
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_small_networks_give_finite_logits_of_pixels(name):
    model = NETWORKS[name]((32, 32, 3), 4, rescale=True, **SMALL[name])
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")
    for one in keras.tree.flatten(model(images, training=False)):
        logits = ops.convert_to_numpy(one)
        assert logits.shape == (3, 4) and np.isfinite(logits).all()
        assert np.abs(logits[0] - logits[1]).max() > 0


@pytest.mark.parametrize("name", ["lenet5", "alexnet"])
def test_networks_with_layers_of_their_own_survive_the_disk(name, tmp_path):
    model = NETWORKS[name]((32, 32, 3), 4, **SMALL[name])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        outputs_of(loaded, pictures(2)), outputs_of(model, pictures(2)), rtol=1e-3
    )


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "vgg16", "googlenet"])
def test_pictures_that_are_too_small_are_named(name):
    with pytest.raises(ValueError, match=r"`input_shape` must .*Received.*\(8, 8, 3\)"):
        NETWORKS[name]((8, 8, 3), 4)


@backends
@pytest.mark.parametrize("name", ["lenet5", "alexnet"])
def test_networks_learn_on_every_backend(name):
    keras.utils.set_random_seed(0)
    # Grouped convolutions are compiled one by one, which takes a minute.
    options = SMALL[name] | ({"groups": 1} if name == "alexnet" else {})
    model = NETWORKS[name]((32, 32, 3), 2, **options)
    images, labels = pictures(8) / 4, np.repeat([0, 1], 4)
    images[4:, :16] += 0.5  # the upper half is bright
    model.compile(keras.optimizers.Adam(0.003), SPARSE, run_eagerly=EAGER)
    losses = [float(model.train_on_batch(images, labels)) for _ in range(10)]
    assert np.isfinite(losses).all() and min(losses[-3:]) < 0.8 * losses[0]


def test_local_response_normalization_and_groups_are_options():
    kinds = {
        flag: [
            type(layer).__name__
            for layer in alexnet(
                (67, 67, 3),
                2,
                width=0.125,
                groups=1,
                local_response_normalization=flag,
            ).layers
        ]
        for flag in (True, False)
    }
    assert kinds[True].count("LocalResponseNormalization") == 2
    assert "LocalResponseNormalization" not in kinds[False]


# Faces


@backends
def test_the_face_network_says_places_and_attributes():
    model = face_network((32, 32, 3), 3, 2, widths=(4, 4, 8))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    outputs = model(images)
    places = ops.convert_to_numpy(outputs["landmarks"])
    assert places.shape == (2, 3, 2) and (places > 0).all() and (places < 1).all()
    assert tuple(outputs["attributes"].shape) == (2, 2)


def test_the_face_network_needs_multiples_of_16():
    with pytest.raises(ValueError, match=r"multiples of 16.*\(40, 64, 3\)"):
        face_network((40, 64, 3))
