"""The networks have the published sizes, learn, and end in boxes of the picture."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.car_detection.anchors import assign_targets
from dlai_keras.car_detection.losses import YoloLoss
from dlai_keras.car_detection.model import (
    car_detector,
    detector,
    head_strides,
    residual_block,
    transfer_detector,
    yolo_v2,
)
from dlai_keras.networks import unfreeze

backends = pytest.mark.backends
# A few steps are not worth a compilation, but for JAX each operation is one.
EAGER = keras.backend.backend() != "jax"
TINY, BLOCKS = (4, 8, 8, 8), (0, 0, 0)
ANCHORS = np.array([[10, 10], [20, 12], [30, 30]], "float32")


def pictures(num_images=2, size=(64, 96), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num_images, *size, 3)).astype("uint8")


def outputs_of(model, inputs, training=False):
    return keras.tree.map_structure(
        ops.convert_to_numpy, model(inputs, training=training)
    )


def num_trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def multiply_adds(model):
    """Of its convolutions, for one picture."""
    return sum(
        int(np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape))
        for layer in model.layers
        if isinstance(layer, layers.Conv2D)
    )


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


@pytest.fixture(scope="module")
def small():
    return randomise(
        car_detector((64, 96, 3), 2, 3, widths=TINY, blocks=BLOCKS, strides=16)
    )


# The course's network


@pytest.fixture(scope="module")
def yolo():
    return yolo_v2()


def test_yolo_v2_has_the_published_size(yolo):
    assert yolo.count_params() == 50_983_561
    assert yolo.count_params() - num_trainable(yolo) == 20_672
    assert yolo.output_shape == (None, 19, 19, 425)
    assert not yolo.compiled


def test_yolo_v2_is_the_network_of_darknets_configuration(yolo):
    """Filters, kernel and output size of yolov2.cfg's 23 convolutions."""
    sizes = [608, 304, 152, 152, 152, *[76] * 3, *[38] * 5, *[19] * 7, 38, 19]
    filters = [
        *(32, 64, 128, 64, 128, 256, 128, 256, 512, 256, 512, 256, 512),
        *(1024, 512, 1024, 512, 1024, 1024, 1024, 64, 1024),
    ]
    kernels = [3, 3, 3, 1, 3, 3, 1, 3, *(3, 1) * 2, 3, *(3, 1) * 2, 3, 3, 3, 1, 3]
    for number, expected in enumerate(zip(sizes, filters, kernels, strict=True), 1):
        layer = yolo.get_layer(f"conv{number}")
        found = (layer.output.shape[1], layer.filters, layer.kernel_size[0])
        assert found == expected, layer.name
        assert not layer.use_bias
    assert yolo.get_layer("head").use_bias
    # Darknet prints 62.94 billion operations, two for each multiply-add.
    assert 2 * multiply_adds(yolo) == pytest.approx(62.94e9, rel=0.001)


def test_yolo_v2_passes_the_fine_maps_through_without_loss(yolo):
    passthrough = yolo.get_layer("passthrough")
    assert passthrough.output.shape == (None, 19, 19, 256)
    concatenated = yolo.get_layer("concatenate")
    assert [x.shape[-1] for x in concatenated.input] == [256, 1024]
    slopes = {
        float(layer.negative_slope)
        for layer in yolo.layers
        if isinstance(layer, layers.LeakyReLU)
    }
    assert slopes == {0.1}


@pytest.mark.parametrize("shape", [(600, 608, 3), (16, 32, 3), (608, 608)])
def test_yolo_v2_refuses_what_its_strides_do_not_divide(shape):
    with pytest.raises(ValueError, match="multiples of 32"):
        yolo_v2(shape)


# The network to ship


def test_the_shipped_network_has_the_documented_size():
    model = car_detector((192, 320, 3))
    assert model.output_shape == (None, 24, 40, 3 * 9)
    assert multiply_adds(model) == 195_317_760
    assert 2 * model.count_params() <= 1_500_000, "bytes in half precision"
    assert not model.compiled


@pytest.mark.parametrize("strides", [8, 16])
def test_the_head_has_the_strides_that_are_asked_for(strides):
    model = car_detector((64, 96, 3), 2, 3, widths=TINY, blocks=BLOCKS, strides=strides)
    maps = outputs_of(model, pictures())
    assert maps.shape == (2, 64 // strides, 96 // strides, 3 * 7)
    assert head_strides(model) == [strides]


def test_pictures_may_have_any_size_that_32_divides(small):
    model = car_detector((None, None, 3), 2, 3, widths=TINY, blocks=BLOCKS, strides=16)
    model.set_weights(small.get_weights())
    images = pictures()
    np.testing.assert_allclose(
        outputs_of(model, images), outputs_of(small, images), atol=1e-5
    )
    assert outputs_of(model, pictures(1, (96, 32))).shape == (1, 6, 2, 21)


@backends
def test_objectness_begins_at_the_prior():
    model = car_detector((64, 96, 3), 2, 3, widths=TINY, prior=0.02)
    bias = ops.convert_to_numpy(model.get_layer("head").bias).reshape(3, 7)
    np.testing.assert_allclose(1 / (1 + np.exp(-bias[:, 4])), 0.02, rtol=1e-5)
    assert not bias[:, [0, 1, 2, 3, 5, 6]].any()


def test_every_stage_has_its_blocks_and_each_block_its_shortcut():
    model = car_detector((64, 96, 3), widths=TINY, blocks=(1, 0, 2))
    adds = [x.name for x in model.layers if isinstance(x, layers.Add)]
    assert adds == [f"stage{s}_block{b}_add" for s, b in ((1, 1), (3, 1), (3, 2))]
    inputs = keras.Input((4, 4, 6))
    block = keras.Model(inputs, residual_block(inputs, name="block"))
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 6)).astype("float32")
    assert (outputs_of(block, x) >= x).all(), "a ReLU was added to the input"
    block.get_layer("block_2_bn").gamma.assign(np.zeros(6))
    np.testing.assert_array_equal(outputs_of(block, x), x)


def test_the_small_detector_learns_a_picture_by_heart():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.integers(60, 90, (2, 64, 64, 3))
    objects = [([8, 10, 20, 20], 0), ([30, 28, 62, 58], 1)]
    targets = []
    for image, ((x0, y0, x1, y1), class_id) in zip(images, objects, strict=True):
        image[y0:y1, x0:x1] = (230, 30, 30) if class_id else (30, 30, 230)
        targets.append(
            assign_targets([[x0, y0, x1, y1]], [class_id], ANCHORS, (4, 4), 16, 2)
        )
    model = car_detector(
        (64, 64, 3), 2, 3, widths=TINY, blocks=(0,) * 3, strides=16, momentum=0.5
    )
    loss = YoloLoss(ANCHORS, 16, objectness_loss="crossentropy")
    # Sixty steps are not worth a longer compilation.
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    targets = np.stack(targets)
    images = images.astype("uint8")
    losses = [float(model.train_on_batch(images, targets)) for _ in range(60)]
    assert losses[-1] < losses[0] / 5
    found = outputs_of(detector(model, ANCHORS, 16, score_threshold=0.3), images)
    for number, (box, class_id) in enumerate(objects):
        assert found["num_detections"][number] == 1
        assert found["class_ids"][number, 0] == class_id
        np.testing.assert_allclose(found["boxes_xyxy"][number, 0], box, atol=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (100, 64, 3)}, "multiples of 32"),
        ({"strides": 32}, "`strides` must be 8 or 16"),
        ({"prior": 0}, "`prior` must be between 0 and 1"),
    ],
)
def test_wrong_arguments_of_the_small_detector_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        car_detector(**{"widths": TINY, **arguments})


# From raw heads to boxes


def hand_made(raw, size=(64, 96)):
    """A network that says `raw` whatever it sees."""
    maps = [np.asarray(one, "float32") for one in raw]
    inputs = keras.Input((*size, 3))
    outputs = []
    for one in maps:
        pool = size[0] // one.shape[0], size[1] // one.shape[1]
        x = layers.AveragePooling2D(pool)(inputs)
        conv = layers.Conv2D(one.shape[-1], 1, use_bias=False)
        x = layers.Rescaling(0.0)(conv(x))
        outputs.append(layers.Add()([x, _Constant(one.tolist())(x)]))
    return keras.Model(inputs, outputs if len(maps) > 1 else outputs[0])


class _Constant(layers.Layer):
    def __init__(self, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, inputs):
        return ops.zeros_like(inputs) + ops.array(self.value, "float32")


def sure(raw, row, column, anchor, num_classes, class_id, score=8.0, t=(0, 0, 0, 0)):
    depth = 5 + num_classes
    raw[row, column, anchor * depth : anchor * depth + 4] = t
    raw[row, column, anchor * depth + 4] = score
    raw[row, column, anchor * depth + 5 + class_id] = 12.0


def test_a_detector_gives_boxes_in_pixels_best_first():
    raw = np.full((4, 6, 3 * 7), -9.0)
    sure(raw, 1, 2, 0, 2, 1, score=2.0)
    sure(raw, 3, 5, 2, 2, 0, score=4.0, t=(0, 0, np.log(0.5), 0))
    sure(raw, 3, 5, 1, 2, 0, score=3.0, t=(0, 0, np.log(0.75), np.log(2.5)))
    model = detector(hand_made([raw]), ANCHORS, 16, max_boxes=5)
    found = outputs_of(model, pictures())
    assert {name: array.shape for name, array in found.items()} == {
        "boxes_xyxy": (2, 5, 4),
        "scores": (2, 5),
        "class_ids": (2, 5),
        "num_detections": (2,),
    }
    np.testing.assert_array_equal(found["num_detections"], [2, 2])
    np.testing.assert_array_equal(found["class_ids"][0], [0, 1, -1, -1, -1])
    # Cell (3, 5) is centred at 88, 56; cell (1, 2) at 40, 24.
    np.testing.assert_allclose(
        found["boxes_xyxy"][0, :2], [[80.5, 41, 95.5, 71], [35, 19, 45, 29]], atol=1e-3
    )
    expected = 1 / (1 + np.exp([-4.0, -2.0]))
    np.testing.assert_allclose(found["scores"][0, :2], expected, rtol=1e-4)


def test_heads_of_several_strides_are_searched_together():
    fine, coarse = np.full((8, 12, 6), -9.0), np.full((2, 3, 12), -9.0)
    sure(fine, 0, 0, 0, 1, 0, score=3.0)
    sure(coarse, 1, 1, 1, 1, 0, score=5.0)
    network = hand_made([fine, coarse])
    assert head_strides(network) == [8, 32]
    tables = [[[6, 6]], [[20, 20], [40, 40]]]
    for strides in (None, [8, 32]):
        model = detector(network, tables, strides, head="yolo")
        found = outputs_of(model, pictures(1))
        assert found["num_detections"][0] == 2
        np.testing.assert_allclose(
            found["boxes_xyxy"][0, :2], [[28, 28, 68, 68], [1, 1, 7, 7]], atol=1e-3
        )


def test_a_detector_shares_the_networks_weights_and_survives_the_disk(small, tmp_path):
    model = detector(small, ANCHORS, score_threshold=0.01)
    assert model.count_params() == small.count_params()
    before = outputs_of(model, pictures())
    assert before["num_detections"].min() > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    after = outputs_of(loaded, pictures())
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, rtol=1e-4, atol=1e-4)


def test_anchors_that_do_not_fit_a_head_are_refused(small):
    with pytest.raises(ValueError, match="21 channels, 2 anchors"):
        detector(small, ANCHORS[:2])
    with pytest.raises(ValueError, match="1 heads, 2 tables of anchors"):
        detector(small, [ANCHORS, ANCHORS])
    with pytest.raises(ValueError, match=r"2 strides"):
        detector(small, ANCHORS, [16, 16])


# New heads on a network that has seen other pictures


@pytest.fixture(scope="module")
def backbone():
    """As an imported detector: each map is followed by a 1x1 convolution."""
    trunk = car_detector((64, 96, 3), 2, 3, widths=TINY, blocks=(1, 0, 0), strides=16)
    fine = trunk.get_layer("neck_relu").output
    coarse = trunk.get_layer("stage3_conv").output
    heads = [
        layers.Conv2D(3 * (5 + 4), 1, name=f"old{number}")(x)
        for number, x in enumerate((fine, coarse), 1)
    ]
    return randomise(keras.Model(trunk.input, heads))


CUTS = ["neck_relu", "stage3_conv"]


def test_only_the_new_heads_of_a_transfer_detector_train(backbone):
    model = transfer_detector(backbone, CUTS, 1, [ANCHORS, ANCHORS[:2]])
    assert [x.shape[1:] for x in model.outputs] == [(4, 6, 18), (2, 3, 12)]
    assert num_trainable(model) == (8 + 1) * 18 + (8 + 1) * 12
    assert head_strides(model) == [16, 32]
    before = model.get_layer("base").get_weights()
    heads = [model.get_layer(f"head{number}").get_weights()[0] for number in (1, 2)]
    losses = [YoloLoss(ANCHORS, 16), YoloLoss(ANCHORS[:2], 32)]
    model.compile(keras.optimizers.Adam(0.01), losses, run_eagerly=EAGER)
    targets = [np.zeros((2, 4, 6, 3, 6)), np.zeros((2, 2, 3, 2, 6))]
    model.train_on_batch(pictures(), targets)
    for old, new in zip(before, model.get_layer("base").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    for number, old in enumerate(heads, 1):
        assert (model.get_layer(f"head{number}").get_weights()[0] != old).any()


def test_a_transfer_detector_sees_what_the_backbone_sees(backbone):
    model = transfer_detector(backbone, "neck_relu", 1, ANCHORS)
    images = pictures()
    features = keras.Model(backbone.input, backbone.get_layer("neck_relu").output)
    maps = outputs_of(features, images.astype("float32") / 255)
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(
        outputs_of(model, images), maps @ kernel[0, 0] + bias, rtol=1e-3, atol=1e-4
    )
    raw = transfer_detector(backbone, "neck_relu", 1, ANCHORS, rescale=False)
    raw.set_weights(model.get_weights())
    np.testing.assert_allclose(
        outputs_of(raw, images.astype("float32") / 255),
        outputs_of(model, images),
        rtol=1e-3,
        atol=1e-4,
    )


def test_new_heads_may_begin_with_the_old_boxes(backbone):
    model = transfer_detector(
        backbone, CUTS, 2, [ANCHORS, ANCHORS], old_heads=["old1", "old2"]
    )
    images = pictures()
    old = outputs_of(backbone, images.astype("float32") / 255)
    new = outputs_of(model, images)
    for before, after in zip(old, new, strict=True):
        before = before.reshape(*before.shape[:3], 3, 9)
        after = after.reshape(*after.shape[:3], 3, 7)
        np.testing.assert_allclose(
            after[..., :5], before[..., :5], rtol=1e-3, atol=1e-4
        )
        assert not after[..., 5:].any(), "the classes are undecided"


def test_a_hidden_convolution_stands_before_each_head(backbone):
    model = transfer_detector(
        backbone, "stage1_block1_add", 1, ANCHORS, hidden_filters=5
    )
    assert model.output_shape == (None, 8, 12, 18)
    assert model.get_layer("hidden_conv").kernel.shape == (3, 3, 8, 5)


def test_unfreezing_leaves_batch_normalisation_frozen(backbone):
    model = transfer_detector(backbone, CUTS, 1, [ANCHORS, ANCHORS])
    assert unfreeze(model) is model
    base = model.get_layer("base")
    for layer in base.layers:
        if layer.weights:
            assert layer.trainable != isinstance(layer, layers.BatchNormalization)
    for num_layers in (0, 2, 5, 1000):
        unfreeze(model, num_layers)
        last = base.layers[max(0, len(base.layers) - num_layers) :]
        expected = [
            layer.name
            for layer in last
            if layer.weights and not isinstance(layer, layers.BatchNormalization)
        ]
        found = [layer.name for layer in base.layers if layer.trainable_weights]
        assert found == expected
    with pytest.raises(ValueError, match="num_layers=-1"):
        unfreeze(model, -1)
    with pytest.raises(ValueError, match="no layer `base`"):
        unfreeze(car_detector(widths=TINY))


def test_a_transfer_detector_survives_the_disk(backbone, tmp_path):
    model = transfer_detector(backbone, CUTS, 1, [ANCHORS, ANCHORS])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    for one, other in zip(
        outputs_of(model, pictures()), outputs_of(loaded, pictures()), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert num_trainable(loaded) == num_trainable(model)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer_names": "nothing"}, "no layer `nothing`.*old2"),
        ({"layer_names": CUTS}, "2 layer names, 1 tables"),
        ({"old_heads": ["old1", "old2"]}, "2 old heads"),
        ({"old_heads": "old1", "hidden_filters": 4}, "`hidden_filters` must be 0"),
        ({"old_heads": "stage1_conv"}, r"`old_heads` must be 1x1 .* 3 \* \(5"),
        ({"old_heads": "old1", "anchors": ANCHORS[:2]}, "`old_heads` must be 1x1"),
    ],
)
def test_wrong_arguments_of_a_transfer_are_named(backbone, arguments, message):
    usual = {"layer_names": "neck_relu", "num_classes": 1, "anchors": ANCHORS}
    with pytest.raises(ValueError, match=message):
        transfer_detector(backbone, **{**usual, **arguments})


def test_a_layer_that_gives_no_map_is_refused():
    inputs = keras.Input((8, 8, 3))
    flat = layers.Flatten(name="flat")(inputs)
    with pytest.raises(ValueError, match="`flat` with shape"):
        transfer_detector(keras.Model(inputs, flat), "flat", 1, ANCHORS)
