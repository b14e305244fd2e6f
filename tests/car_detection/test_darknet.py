"""Darknet's networks in Keras give what OpenCV's own importer of them gives."""

import os
import struct
from pathlib import Path

import keras
import numpy as np
import pytest

from dlai_keras.boxes import iou
from dlai_keras.car_detection.darknet import (
    fold_batch_normalization,
    load_darknet,
    save_darknet_weights,
)
from dlai_keras.car_detection.layers import NonMaxSuppression

ANCHORS = {
    "yolov2": "0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, "
    "3.52778, 9.77052, 9.16828",
    "yolov3": "10,13,  16,30,  33,23,  30,61,  62,45,  59,119,  116,90,  156,198,  "
    "373,326",
    "yolov3-tiny": "10,14,  23,27,  37,58,  81,82,  135,169,  344,319",
    "yolov4": "12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, "
    "459, 401",
}
ANCHORS["yolov4-tiny"] = ANCHORS["yolov3-tiny"]


# The networks of the papers, written for Darknet


def section(kind, **options):
    lines = [f"{name}={value}" for name, value in options.items()]
    return "\n".join([f"[{kind}]", *lines, ""])


def conv(filters, size=3, stride=1, activation="leaky", norm=1, **more):
    return section(
        "convolutional",
        batch_normalize=norm,
        filters=filters,
        size=size,
        stride=stride,
        pad=1,
        activation=activation,
        **more,
    )


def convs(*filters, activation="leaky"):
    """3x3 convolutions, with 1x1 ones between them that have half of the filters."""
    sizes = [3 if i % 2 == 0 else 1 for i in range(len(filters))]
    if len(filters) > 1 and filters[0] < filters[1]:
        sizes = [4 - size for size in sizes]
    pairs = zip(filters, sizes, strict=True)
    return [conv(f, size, activation=activation) for f, size in pairs]


def route(*layers, **more):
    return section("route", layers=", ".join(map(str, layers)), **more)


def shortcut(index, **more):
    return section("shortcut", **{"from": index}, **more)


def maxpool(size=2, stride=2, **more):
    return section("maxpool", size=size, stride=stride, **more)


def net(size, **more):
    width, height = size if isinstance(size, tuple) else (size, size)
    return section("net", width=width, height=height, channels=3, **more)


def yolo(name, mask, classes=80, **more):
    anchors = ANCHORS[name]
    num = len(anchors.split(",")) // 2
    return [
        conv(len(mask.split(",")) * (5 + classes), 1, activation="linear", norm=0),
        section("yolo", mask=mask, anchors=anchors, classes=classes, num=num, **more),
    ]


UPSAMPLE = section("upsample", stride=2)


def yolov2():
    """Darknet-19 without its classifier, and a passage from its 26x26 maps."""
    return [
        net(608),
        *(conv(32), maxpool(), conv(64), maxpool()),
        *(*convs(128, 64, 128), maxpool(), *convs(256, 128, 256), maxpool()),
        *(*convs(512, 256, 512, 256, 512), maxpool()),
        *convs(1024, 512, 1024, 512, 1024),
        *(conv(1024), conv(1024)),
        *(route(-9), conv(64, 1), section("reorg", stride=2), route(-1, -4)),
        *(conv(1024), conv(425, 1, activation="linear", norm=0)),
        section(
            "region",
            anchors=ANCHORS["yolov2"],
            classes=80,
            coords=4,
            num=5,
            softmax=1,
        ),
    ]


def yolov3():
    """Darknet-53, and heads on three scales."""
    parts = [net(416), conv(32)]
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        parts.append(conv(filters, stride=2))
        parts += [conv(filters // 2, 1), conv(filters), shortcut(-3)] * blocks
    for filters, mask, earlier in ((512, "6,7,8", 61), (256, "3,4,5", 36)):
        parts += convs(*(filters, 2 * filters) * 3)
        parts += yolo("yolov3", mask)
        parts += [route(-4), conv(filters // 2, 1), UPSAMPLE, route(-1, earlier)]
    return [*parts, *convs(*(128, 256) * 3), *yolo("yolov3", "0,1,2")]


def yolov3_tiny():
    parts = [net(416)]
    for filters in (16, 32, 64, 128, 256):
        parts += [conv(filters), maxpool()]
    parts += [conv(512), maxpool(2, 1), conv(1024), conv(256, 1), conv(512)]
    parts += yolo("yolov3-tiny", "3,4,5")
    parts += [route(-4), conv(128, 1), UPSAMPLE, route(-1, 8), conv(256)]
    return [*parts, *yolo("yolov3-tiny", "0,1,2")]


def yolov4():
    """CSPDarknet-53, spatial pyramid pooling, and paths up and down again."""
    parts = [net(608), conv(32, activation="mish")]
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        # The first stage's branches are as wide as the stage.
        branch = max(64, filters // 2)
        inner = branch if filters > 64 else 32
        parts.append(conv(filters, stride=2, activation="mish"))
        parts += [conv(branch, 1, activation="mish"), route(-2)]
        parts += [conv(branch, 1, activation="mish")]
        parts += [
            conv(inner, 1, activation="mish"),
            conv(branch, activation="mish"),
            shortcut(-3),
        ] * blocks
        parts += [conv(branch, 1, activation="mish"), route(-1, -3 * blocks - 4)]
        parts += [conv(filters, 1, activation="mish")]
    parts += convs(512, 1024, 512)
    parts += [maxpool(5, 1), route(-2), maxpool(9, 1), route(-4), maxpool(13, 1)]
    parts += [route(-1, -3, -5, -6), *convs(512, 1024, 512)]
    for filters, earlier in ((256, 85), (128, 54)):
        parts += [conv(filters, 1), UPSAMPLE, route(earlier), conv(filters, 1)]
        parts += [route(-1, -3), *convs(*(filters, 2 * filters) * 2, filters)]
    parts += [conv(256), *yolo("yolov4", "0,1,2", scale_x_y=1.2)]
    for filters, mask, earlier, scale in (
        (256, "3,4,5", -16, 1.1),
        (512, "6,7,8", -37, 1.05),
    ):
        parts += [route(-4), conv(filters, stride=2), route(-1, earlier)]
        parts += convs(*(filters, 2 * filters) * 3)
        parts += yolo("yolov4", mask, scale_x_y=scale)
    return parts


def yolov4_tiny():
    parts = [net(416), conv(32, stride=2), conv(64, stride=2)]
    for filters in (64, 128, 256):
        half = filters // 2
        parts += [conv(filters), route(-1, groups=2, group_id=1), conv(half)]
        parts += [conv(half), route(-1, -2), conv(filters, 1), route(-6, -1), maxpool()]
    parts += [conv(512), conv(256, 1), conv(512)]
    parts += yolo("yolov4-tiny", "3,4,5", scale_x_y=1.05)
    parts += [route(-4), conv(128, 1), UPSAMPLE, route(-1, 23), conv(256)]
    return [*parts, *yolo("yolov4-tiny", "1,2,3", scale_x_y=1.05)]


# Parameters; bytes of the published .weights and of their header; sizes of the heads.
PUBLISHED = {
    yolov2: (50_983_561, 203_934_260, 16, [(19, 425)]),
    yolov3: (62_001_757, 248_007_048, 20, [(13, 255), (26, 255), (52, 255)]),
    yolov3_tiny: (8_858_734, 35_434_956, 20, [(13, 255), (26, 255)]),
    yolov4: (64_429_405, 257_717_640, 20, [(76, 255), (38, 255), (19, 255)]),
    yolov4_tiny: (6_062_814, 24_251_276, 20, [(13, 255), (26, 255)]),
}


@pytest.mark.parametrize("network", PUBLISHED, ids=lambda f: f.__name__)
def test_published_networks_have_the_parameters_of_their_weights(network, tmp_path):
    parameters, size, header, heads = PUBLISHED[network]
    assert header + 4 * parameters == size
    model = load_darknet(write_cfg(tmp_path, network()))
    assert model.count_params() == parameters
    assert [x.shape[1:] for x in model.outputs] == [(n, n, c) for n, c in heads]


# Small networks with random weights


def write_cfg(folder, parts, name="net.cfg"):
    path = folder / name
    path.write_text("\n".join(parts))
    return path


def random_weights(folder, cfg, name="net.weights", **arguments):
    """A file of weights that keep numbers about as large as they are."""
    rng = np.random.default_rng(0)
    model = load_darknet(cfg, **arguments)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in layer.weights:
                variance = variable is layer.moving_variance
                low, high = (0.3, 2) if variance else (-0.5, 0.5)
                if variable is layer.gamma:
                    low, high = 0.7, 1.3
                variable.assign(rng.uniform(low, high, variable.shape))
        elif layer.weights:
            # Fresh kernels are even; louder ones with a spread tell them apart.
            spread = rng.uniform(1, 3, layer.kernel.shape)
            layer.kernel.assign(layer.kernel * spread)
            if layer.use_bias:
                layer.bias.assign(rng.uniform(-0.5, 0.5, layer.bias.shape))
    save_darknet_weights(model, folder / name)
    return folder / name


def picture(height, width, batch=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1, (batch, height, width, 3)).astype("float32")


def run(model, inputs):
    outputs = model(inputs, training=False)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def opencv_network(cfg, weights, inputs):
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        pytest.skip("this OpenCV has no Darknet importer; version 4.14 has")
    network = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    network.setInput(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)))
    return network


def opencv_raw(network, index):
    """What goes into head `index`."""
    names = list(network.getLayerNames())
    before = names[names.index(f"permute_{index}") - 1]
    return network.forward(before).transpose(0, 2, 3, 1)


def opencv_boxes(rows, height, width):
    """OpenCV's rows of shares of the picture as corners and scores."""
    centre, size = rows[:, :2], rows[:, 2:4]
    corners = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    return corners * [width, height, width, height], rows[:, 5:]


# What is in it: odd sizes and different height and width; a convolution with a bias;
# with two groups, one a channel, and one that doubles the channels; poolings of all
# kinds; a route of four, one by index, and of half of the channels; shortcuts to more
# and to fewer channels; attention to channels and pixels; all activations; three heads.
EVERYTHING = [
    net((88, 56)),
    conv(8, stride=2, activation="mish"),  # 0: 28x44
    conv(16, stride=2, groups=2, activation="swish"),  # 1: 14x22
    conv(16, groups=16, activation="relu"),  # 2
    conv(32, size=5, groups=16, activation="leaky"),  # 3
    section("dropout", probability=0.2),  # 4
    maxpool(3, 2),  # 5: 7x11
    conv(16, size=1, norm=0, activation="logistic"),  # 6
    shortcut(-2, activation="leaky"),  # 7: more channels there
    conv(24, size=1, activation="linear"),  # 8
    shortcut(-2, activation="linear"),  # 9: fewer channels there
    maxpool(5, 1),  # 10
    maxpool(2, 1),  # 11
    route(-1, -2, 8, -3),  # 12: 96 channels
    route(-1, groups=4, group_id=2),  # 13
    section("avgpool"),  # 14
    conv(24, size=1, norm=0, activation="logistic"),  # 15
    section("scale_channels", **{"from": -3}),  # 16
    conv(24, size=2, norm=0, activation="linear"),  # 17: 8x12
    maxpool(),  # 18: 4x6
    *yolo("yolov3-tiny", "3,4,5", 3, scale_x_y=1.1, thresh=0, nms_threshold=0),
    route(-3),  # 21
    maxpool(3, 3),  # 22: 2x2
    *yolo("yolov3-tiny", "1", 3, thresh=0, nms_threshold=0, ignore_thresh=0.7),
    route(18),  # 25
    UPSAMPLE,  # 26: 8x12
    route(-1, 17),  # 27
    conv(8 * 3, size=1, norm=0, activation="logistic"),  # 28
    section(
        "yolo",
        mask="0, 2,4",
        anchors=ANCHORS["yolov3-tiny"],
        num=6,
        classes=3,
        new_coords=1,
        scale_x_y=2.0,
        thresh=0,
        nms_threshold=0,
    ),  # 29
]
REGION = [
    net((64, 96)),
    conv(12, stride=2),
    conv(16, stride=2),
    section("maxpool", size=2, stride=2),
    conv(20),
    route(-3),
    conv(8, 1),
    section("reorg", stride=2),
    route(-1, -4),
    conv(3 * 9, 1, norm=0, activation="linear"),
    section(
        "region",
        anchors="0.5,0.7, 1.8,2.0, 3.3,5.4",
        num=3,
        classes=4,
        coords=4,
        softmax=1,
        thresh=0,
    ),
]
CLASSIFIER = [
    net((33, 47)),
    conv(8, size=7, stride=2),
    maxpool(3, 2, padding=0),
    conv(12, norm=1),
    conv(10, 1, norm=0, activation="linear"),
    section("avgpool"),
    section("softmax", groups=1),
    section("cost"),
]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everything")
    cfg = write_cfg(folder, EVERYTHING)
    return cfg, random_weights(folder, cfg)


def test_raw_outputs_of_every_kind_of_section_are_opencvs(everything):
    inputs = picture(56, 88)
    outputs = run(load_darknet(*everything), inputs)
    network = opencv_network(*everything, inputs)
    for index, output in zip((20, 24, 29), outputs, strict=True):
        expected = opencv_raw(network, index)
        assert output.std() > 0.1
        np.testing.assert_allclose(output, expected, atol=1e-4)


def test_decoded_boxes_of_every_kind_of_yolo_are_opencvs(everything):
    inputs = picture(56, 88)
    boxes, scores = run(load_darknet(*everything, decode=True), inputs)
    network = opencv_network(*everything, inputs)
    rows = np.concatenate([network.forward(f"yolo_{i}") for i in (20, 24, 29)])
    expected_boxes, expected_scores = opencv_boxes(rows, 56, 88)
    assert boxes.shape == (1, 3 * 4 * 6 + 2 * 2 + 3 * 8 * 12, 4)
    np.testing.assert_allclose(boxes[0], expected_boxes, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores[0], expected_scores, atol=1e-5)
    assert scores.std() > 0.01


def test_a_region_head_after_a_reorg_is_opencvs(tmp_path):
    cfg = write_cfg(tmp_path, REGION)
    weights = random_weights(tmp_path, cfg)
    inputs = picture(96, 64)
    network = opencv_network(cfg, weights, inputs)
    raw = run(load_darknet(cfg, weights), inputs)
    np.testing.assert_allclose(raw, opencv_raw(network, 9), atol=1e-4)
    boxes, scores = run(load_darknet(cfg, weights, decode=True), inputs)
    expected_boxes, expected = opencv_boxes(network.forward("detection_out"), 96, 64)
    np.testing.assert_allclose(boxes[0], expected_boxes, rtol=1e-4, atol=1e-3)
    # OpenCV suppresses boxes by itself, and takes their scores away.
    kept = expected > 0
    assert 20 < kept.sum() < kept.size
    np.testing.assert_allclose(scores[0][kept], expected[kept], atol=1e-5)


def test_a_classifier_is_opencvs(tmp_path):
    cfg = write_cfg(tmp_path, CLASSIFIER)
    weights = random_weights(tmp_path, cfg)
    inputs = picture(47, 33)
    outputs = run(load_darknet(cfg, weights), inputs)
    assert outputs.shape == (1, 10) and outputs.sum() == pytest.approx(1)
    expected = opencv_network(cfg, weights, inputs).forward().reshape(1, 10)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert outputs.std() > 0.01


def test_another_input_shape_is_the_same_network(everything, tmp_path):
    other = write_cfg(tmp_path, [net((120, 104)), *EVERYTHING[1:]])
    inputs = picture(104, 120, batch=2)
    shape = (104, 120, 3)
    one = load_darknet(*everything, decode=True, input_shape=shape)
    two = load_darknet(other, everything[1], decode=True)
    for found, expected in zip(run(one, inputs), run(two, inputs), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


# Darknet's rules, written as loops


def one_layer(tmp_path, part, height=6, width=9, channels=3):
    """The model of one section, and the kernel and bias of its convolution."""
    first = section("net", height=height, width=width, channels=channels)
    model = load_darknet(write_cfg(tmp_path, [first, part]))
    weights = model.get_weights()
    if len(weights) == 2:
        rng = np.random.default_rng(1)
        weights = [rng.normal(size=w.shape).astype("float32") for w in weights]
        model.set_weights(weights)
    return model, weights


@pytest.mark.backends
@pytest.mark.parametrize(
    "options",
    [
        {"size": 3, "stride": 2, "pad": 1},
        {"size": 3, "stride": 2, "pad": 0},
        {"size": 4, "stride": 1, "pad": 1},
        {"size": 1, "stride": 2, "pad": 1},
        {"size": 5, "stride": 1, "padding": 1},
        {"size": 3, "stride_x": 3, "stride_y": 1, "pad": 1},
        {"size": 3, "stride_x": 2, "stride_y": 1, "pad": 1, "groups": 4},
        {"size": 3, "stride": 1, "pad": 1, "dilation": 2},
        {"size": 3, "stride": 2, "pad": 1, "dilation": 2},
        {"size": 3, "stride": 2, "pad": 1, "dilation": 2, "groups": 4},
    ],
    ids=str,
)
def test_convolutions_equal_darknets_loop(options, tmp_path):
    part = section("convolutional", filters=8, activation="linear", **options)
    model, (kernel, bias) = one_layer(tmp_path, part, channels=4)
    inputs = picture(6, 9)[..., [0, 1, 2, 0]]
    size, groups = options["size"], options.get("groups", 1)
    dilation = options.get("dilation", 1)
    stride = options.get("stride", 1)
    down, right = options.get("stride_y", stride), options.get("stride_x", stride)
    padding = size // 2 if options.get("pad") else options.get("padding", 0)
    rows = (6 + 2 * padding - size) // down + 1
    columns = (9 + 2 * padding - size) // right + 1
    # One kernel for each group: (size, size, channels / groups, filters).
    kernel = kernel.reshape(size, size, 4 // groups, 8)
    expected = np.zeros((1, rows, columns, 8))
    for i, j, f in np.ndindex(rows, columns, 8):
        first = f // (8 // groups) * (4 // groups)
        for m, n in np.ndindex(size, size):
            row = i * down + (m - padding) * dilation
            column = j * right + (n - padding) * dilation
            if 0 <= row < 6 and 0 <= column < 9:
                pixel = inputs[0, row, column, first : first + 4 // groups]
                expected[0, i, j, f] += pixel @ kernel[m, n, :, f]
    outputs = run(model, inputs)
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected + bias, atol=1e-4)


@pytest.mark.backends
@pytest.mark.parametrize(
    "options",
    [
        {"size": 2, "stride": 2},
        {"size": 2, "stride": 1},
        {"size": 3, "stride": 2},
        {"size": 4, "stride": 3},
        {"size": 3, "stride": 1, "padding": 1},
        {"size": 4, "stride": 2, "padding": 2},
        {"size": 3, "stride": 2, "padding": 0},
        {"size": 3, "stride_x": 2, "stride_y": 1},
        {"stride": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("height", [6, 7])
def test_poolings_equal_darknets_loop(options, height, tmp_path):
    model, _ = one_layer(tmp_path, section("maxpool", **options), height)
    inputs = picture(height, 9) - 2  # below 0, where zeros around it would show
    stride = options.get("stride", 1)
    size = options.get("size", stride)
    down, right = options.get("stride_y", stride), options.get("stride_x", stride)
    padding = options.get("padding", size - 1)
    rows = (height + padding - size) // down + 1
    columns = (9 + padding - size) // right + 1
    outputs = run(model, inputs)
    assert outputs.shape == (1, rows, columns, 3)
    for i, j in np.ndindex(rows, columns):
        top, left = i * down - padding // 2, j * right - padding // 2
        window = inputs[0, max(top, 0) : top + size, max(left, 0) : left + size]
        np.testing.assert_array_equal(outputs[0, i, j], window.max((0, 1)))


@pytest.mark.backends
def test_the_largest_of_channels_equals_darknets_loop(tmp_path):
    part = section("maxpool", maxpool_depth=1, out_channels=2)
    model, _ = one_layer(tmp_path, part, channels=6)
    inputs = np.concatenate([picture(6, 9), picture(6, 9, seed=1)], axis=-1)
    outputs = run(model, inputs)
    for channel in range(2):
        expected = inputs[..., channel::2].max(axis=-1)
        np.testing.assert_array_equal(outputs[..., channel], expected)


@pytest.mark.backends
@pytest.mark.parametrize("kind", ["reorg", "reorg3d"])
@pytest.mark.parametrize("stride", [2, 3])
def test_reorg_equals_darknets_loop(kind, stride, tmp_path):
    # Darknet's reorg calls its loop with the sizes of the input, reorg3d with those of
    # the output, for which it was written.
    h, w, c = 6, 12, 2 * stride**2
    part = section(kind, stride=stride)
    model, _ = one_layer(tmp_path, part, h, w, c)
    inputs = np.random.default_rng(0).normal(size=(1, h, w, c)).astype("float32")
    out_h, out_w, out_c = h // stride, w // stride, c * stride**2
    loop_h, loop_w, loop_c = (h, w, c) if kind == "reorg" else (out_h, out_w, out_c)
    flat = inputs[0].transpose(2, 0, 1).ravel()
    result = np.zeros_like(flat)
    few = loop_c // stride**2
    for k, j, i in np.ndindex(loop_c, loop_h, loop_w):
        offset = k // few
        row, column = j * stride + offset // stride, i * stride + offset % stride
        place = column + loop_w * stride * (row + loop_h * stride * (k % few))
        result[i + loop_w * (j + loop_h * k)] = flat[place]
    expected = result.reshape(out_c, out_h, out_w).transpose(1, 2, 0)
    np.testing.assert_array_equal(run(model, inputs)[0], expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("elu", lambda x: np.where(x >= 0, x, np.exp(x) - 1)),
        ("hardtan", lambda x: np.clip(x, -1, 1)),
        ("leaky", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("linear", lambda x: x),
        ("logistic", lambda x: 1 / (1 + np.exp(-x))),
        ("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        ("ramp", lambda x: x * (x > 0) + 0.1 * x),
        ("relie", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("relu", lambda x: x * (x > 0)),
        ("relu6", lambda x: np.clip(x, 0, 6)),
        ("revleaky", lambda x: np.where(x > 0, x, 0.1 * x)),
        (
            "selu",
            lambda x: 1.0507 * np.where(x >= 0, x, 1.6732 * (np.exp(x) - 1)),
        ),
        ("swish", lambda x: x / (1 + np.exp(-x))),
        ("tanh", np.tanh),
    ],
)
def test_activations_are_darknets(name, expected, tmp_path):
    model, _ = one_layer(tmp_path, section("activation", activation=name))
    x = (picture(6, 9) - 0.5) * 20
    atol = 1e-3 if name == "selu" else 1e-5  # Darknet's constants have four digits
    np.testing.assert_allclose(run(model, x), expected(x.astype("float64")), atol=atol)


def test_attention_and_sums_of_several_layers_are_darknets(tmp_path):
    parts = [
        net((9, 6)),
        section("dropout"),
        conv(3, 1, norm=0, activation="logistic"),
        section("sam", **{"from": -2}, activation="leaky"),
        conv(1, 1, norm=0, activation="linear"),
        section("scale_channels", scale_wh=1, **{"from": 2}),
        section("shortcut", **{"from": "-2, 0"}, activation="relu"),
    ]
    model = load_darknet(write_cfg(tmp_path, parts))
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    x = picture(6, 9).astype("float64")
    kernel, bias, kernel2, bias2 = weights
    sam = x / (1 + np.exp(-(x @ kernel[0, 0] + bias)))
    factor = sam @ kernel2[0, 0] + bias2
    total = sam * factor + x
    total[..., :1] += factor
    np.testing.assert_allclose(run(model, x), np.maximum(total, 0), atol=1e-5)


def test_a_shortcut_to_larger_maps_adds_every_second_pixel(tmp_path):
    parts = [net((10, 6)), section("dropout"), maxpool(1, 2), shortcut(0)]
    model = load_darknet(write_cfg(tmp_path, parts))
    x = picture(6, 10)
    np.testing.assert_allclose(run(model, x), 2 * x[:, ::2, ::2])


def test_an_old_classifiers_crop_and_dense_layers_are_darknets(tmp_path):
    parts = [
        net((12, 9)),
        section("crop", crop_height=4, crop_width=6, flip=1, angle=0),
        section("connected", output=5, batch_normalize=1, activation="tanh"),
        section("connected", output=4, activation="linear"),
        section("softmax", temperature=2),
        section("cost", type="sse"),
    ]
    cfg = write_cfg(tmp_path, parts)
    rng = np.random.default_rng(0)
    bias, kernel = rng.normal(size=5), rng.normal(size=(5, 72)) / 8
    scale, mean, variance = rng.uniform(0.5, 2, (3, 5))
    bias2, kernel2 = rng.normal(size=4), rng.normal(size=(4, 5))
    numbers = [bias, kernel, scale, mean, variance, bias2, kernel2]
    values = np.concatenate([n.ravel() for n in numbers]).astype("<f4")
    weights = tmp_path / "old.weights"
    weights.write_bytes(struct.pack("<iiiI", 0, 1, 0, 64) + values.tobytes())
    x = picture(9, 12, batch=2)
    inner = (2 * x[:, 2:6, 3:9] - 1).transpose(0, 3, 1, 2).reshape(2, 72)
    hidden = (inner @ kernel.T - mean) / np.sqrt(variance + 1e-6) * scale + bias
    logits = (np.tanh(hidden) @ kernel2.T + bias2) / 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    model = load_darknet(cfg, weights)
    np.testing.assert_allclose(run(model, x), expected, atol=1e-5)

    # A version above 1000 says that dense kernels are stored the other way round.
    numbers[1], numbers[-1] = kernel.T, kernel2.T
    values = np.concatenate([n.ravel() for n in numbers]).astype("<f4")
    turned = tmp_path / "turned.weights"
    turned.write_bytes(struct.pack("<iiiI", 0, 1001, 0, 64) + values.tobytes())
    model = load_darknet(cfg, turned)
    np.testing.assert_allclose(run(model, x), expected, atol=1e-5)
    save_darknet_weights(model, tmp_path / "again.weights")
    assert (tmp_path / "again.weights").read_bytes() == turned.read_bytes()


def test_a_region_without_softmax_has_logistic_classes(tmp_path):
    parts = [*REGION[:-1], REGION[-1].replace("softmax=1", "softmax=0")]
    cfg = write_cfg(tmp_path, parts)
    weights = random_weights(tmp_path, cfg)
    inputs = picture(96, 64)
    raw = run(load_darknet(cfg, weights), inputs)[0].reshape(12, 8, 3, 9)
    _, scores = run(load_darknet(cfg, weights, decode=True), inputs)
    squashed = 1 / (1 + np.exp(-raw))
    expected = (squashed[..., 4:5] * squashed[..., 5:]).reshape(-1, 4)
    np.testing.assert_allclose(scores[0], expected, atol=1e-6)


# Weights there and back


@pytest.mark.parametrize(
    ("version", "form", "size"),
    [
        ((0, 1, 0, 123), "<iiiI", 16),
        ((0, 2, 0, 2**40), "<iiiQ", 20),
        ((0, 2, 5, 32_013_312), "<iiiQ", 20),
        ((1, 0, 0, 0), "<iiiQ", 20),
        ((1001, 0, -3, 7), "<iiiI", 16),
    ],
)
def test_headers_of_all_versions_come_back(version, form, size, tmp_path):
    cfg = write_cfg(tmp_path, [net(8), conv(4, norm=0)])
    values = np.random.default_rng(0).normal(size=4 + 4 * 27).astype("<f4")
    content = struct.pack(form, *version) + values.tobytes()
    assert len(content) == size + 4 * len(values)
    (tmp_path / "a.weights").write_bytes(content)
    save_darknet_weights(
        load_darknet(cfg, tmp_path / "a.weights"), tmp_path / "b.weights"
    )
    assert (tmp_path / "b.weights").read_bytes() == content


def test_a_saved_model_has_the_same_boxes_and_the_same_weights_file(
    everything, tmp_path
):
    inputs = picture(56, 88)
    model = load_darknet(*everything, decode=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for found, expected in zip(run(loaded, inputs), run(model, inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    whole = keras.Model(loaded.inputs, [output * 2 for output in loaded(loaded.inputs)])
    for number, network in enumerate((model, loaded, whole)):
        path = tmp_path / f"{number}.weights"
        save_darknet_weights(network, path)
        assert path.read_bytes() == everything[1].read_bytes()


def test_folded_normalisation_gives_the_same_boxes(everything, tmp_path):
    model = load_darknet(*everything, decode=True)
    before = model.get_weights()
    folded = fold_batch_normalization(model)
    norms = [layer for layer in model.layers if layer.name.startswith("bn_")]
    num = sum(norm.gamma.shape[0] for norm in norms)
    assert folded.count_params() == model.count_params() - 3 * num
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    folded.save(tmp_path / "folded.keras")
    inputs = picture(56, 88)
    expected = run(model, inputs)
    for network in (folded, keras.saving.load_model(tmp_path / "folded.keras")):
        for found, wanted in zip(run(network, inputs), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"`bn_0` is folded into `conv_0`"):
        save_darknet_weights(folded, tmp_path / "a.weights")


def test_weights_stay_what_they_are_to_the_last_bit(tmp_path):
    """Also those that arithmetic would change: -0, denormals, infinities."""
    cfg = write_cfg(tmp_path, [net(8), conv(4), conv(4, groups=4), conv(6, 1, norm=0)])
    num = load_darknet(cfg).count_params()
    values = np.random.default_rng(0).normal(size=num).astype("<f4")
    values[:5] = -0.0, 1e-42, np.inf, -np.inf, np.nan
    content = struct.pack("<iiiQ", 0, 2, 5, 6) + values.tobytes()
    (tmp_path / "a.weights").write_bytes(content)
    save_darknet_weights(
        load_darknet(cfg, tmp_path / "a.weights"), tmp_path / "b.weights"
    )
    assert (tmp_path / "b.weights").read_bytes() == content


def test_truncated_and_surplus_weights_are_named_with_their_line(tmp_path):
    parts = [net(8), conv(4), maxpool(), conv(6, groups=2), *yolo("yolov3", "0")]
    cfg = write_cfg(tmp_path, parts)
    lines = cfg.read_text().splitlines()
    first, _, last = (i for i, line in enumerate(lines, 1) if line[1:5] == "conv")
    save_darknet_weights(load_darknet(cfg), tmp_path / "whole.weights")
    content = (tmp_path / "whole.weights").read_bytes()
    path = tmp_path / "other.weights"
    for cut, message in (
        (content[:60], rf"line {first} \(\[convolutional\], layer 0\): .*truncated"),
        (content[:-3], rf"line {last} \(\[convolutional\], layer 3\): .*truncated"),
        (content + b"\0\0\0", f"3 bytes more .*line {last} "),
        (content + b"\0" * 4000, f"4,000 bytes more .*line {last} "),
        (content[:15], "header of 16 or 20 bytes"),
        (content[:19], "header of 16 or 20 bytes"),
        (b"", "header of 16 or 20 bytes"),
    ):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match=message) as caught:
            load_darknet(cfg, path)
        assert "other.weights" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="nothing"):
        load_darknet(cfg, tmp_path / "nothing.weights")


def test_weights_can_only_be_written_of_darknets_layers(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="other")(inputs))
    with pytest.raises(ValueError, match=r"must come from load_darknet.*other"):
        save_darknet_weights(model, tmp_path / "a.weights")
    assert not list(tmp_path.iterdir())


# What cannot be


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([section("crnn")], r"line 4 \(\[crnn\], layer 0\): unknown section.*yolo"),
        ([section("local", size=3)], "line 4.*local.*unknown section"),
        ([section("net")], "line 4.*unknown section"),
        ([section("cost"), section("Gaussian_yolo")], "line 5.*unknown section"),
        ([conv(4, antialiasing=1)], "line 11.*antialiasing=1 is not supported"),
        ([conv(4, xnor=1)], "line 11.*xnor=1 is not supported"),
        ([conv(4, binary=1)], "binary=1 is not supported"),
        ([conv(4, activation="stair")], "line 10.*unknown activation.*leaky.*=stair"),
        ([conv(4, groups=2)], "line 11.*`groups` must divide the 3 channels"),
        ([conv("four")], "line 6.*`filters` must be a whole number"),
        ([conv(4, stride=0)], "line 8.*`stride`"),
        ([section("convolutional", size=20)], "kernel of 20 does not fit.*16x16"),
        ([conv(4, size=4, dilation=2)], "line 11.*`dilation` must be 1 without"),
        ([section("maxpool", size=20, padding=0)], "window of 20 does not fit"),
        ([section("maxpool", size=2, padding=2)], "line 6.*`padding` must be below"),
        ([section("maxpool", maxpool_depth=1, out_channels=2)], "line 6.*out_channels"),
        ([route(-1)], "line 4.*there is no layer -1 before"),
        ([conv(4), route(1)], "line 11.*there is no layer 1 before.*is layer 1"),
        ([conv(4), section("route")], "`layers` is missing"),
        ([conv(4), conv(4, stride=2), route(0, 1)], "maps of one size.*16x16, 8x8|8x8"),
        ([conv(4), route(0, groups=3)], "`groups` must divide the 4 channels"),
        ([conv(4), route(0, groups=2, group_id=2)], "`group_id` must be below"),
        ([conv(4, stride=2), UPSAMPLE, shortcut(0)], "one size, 16x16.*: 8x8"),
        ([conv(4), shortcut(-1, weights_type="per_channel")], "weights_type=per_chan"),
        ([section("reorg", stride=2)], "multiple of 4.*gives 3"),
        ([section("reorg", stride=3)], "line 5.*`stride` must divide"),
        ([section("reorg", stride=2, reverse=1)], "line 6.*reverse=1"),
        ([section("sam", **{"from": 0})], "no layer 0 before"),
        (
            [conv(2), section("scale_channels", scale_wh=1, **{"from": 0})],
            "must give 16x16x1.*16x16x2",
        ),
        ([conv(2), section("scale_channels", **{"from": 0})], "must give 1x1x2.*16x16"),
        ([section("crop", crop_height=20)], "line 5.*`crop_height` must be up to 16"),
        ([section("dropout", probability=1)], "line 5.*`probability`"),
        ([section("connected", output=4), conv(4)], "expected feature maps.*4 numbers"),
        ([section("softmax", groups=2)], "line 5.*groups"),
        ([section("softmax", tree="a.tree")], "line 5.*tree"),
        ([section("softmax", temperature=0)], "line 5.*temperature"),
        ([section("upsample", stride="x")], "line 5.*`stride`"),
        ([*yolo("yolov3", "0,1")[:1], yolo("yolov3", "0")[1]], "need 85 f.*: 170"),
        (yolo("yolov3", "9"), "`mask` must be numbers of anchors, 0 to 8"),
        ([section("yolo", num=3, anchors="1,2,3,4")], "line 6.*3 widths and heights"),
        ([section("yolo", num=1, anchors="1,0")], "line 6.*above 0"),
        ([section("yolo", num=1)], "`anchors` is missing"),
        ([section("region", coords=8)], "line 5.*`coords` must be 4"),
        ([section("region", tree="9k.tree")], "line 5.*tree=9k.tree"),
        ([*yolo("yolov3", "0"), conv(4)], "layer 1 is a head"),
        ([*yolo("yolov3", "0"), route(1)], "layer 1 is a head"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(parts, message, tmp_path):
    first = section("net", width=16, height=16).rstrip("\n")
    path = tmp_path / "net.cfg"
    path.write_text(f"{first}\n" + "".join(parts))
    with pytest.raises(ValueError, match=message) as caught:
        load_darknet(path)
    assert "net.cfg, line" in str(caught.value) and "\n" not in str(caught.value)


def test_arguments_that_do_not_fit_are_named(tmp_path):
    cfg = write_cfg(tmp_path, [section("net", width=16), conv(4)])
    with pytest.raises(ValueError, match=r"line 1 .*`height` is missing"):
        load_darknet(cfg)
    assert load_darknet(cfg, input_shape=(8, 12, 3)).output_shape == (None, 8, 12, 4)
    for shape in ((8, 12, 1), (8, 12), (0, 12, 3), (None, None, 3)):
        with pytest.raises(ValueError, match=r"`input_shape` must be .*, 3\)"):
            load_darknet(cfg, input_shape=shape)
    with pytest.raises(ValueError, match=r"no .region. or .yolo. to decode"):
        load_darknet(cfg, input_shape=(8, 12, 3), decode=True)


def test_heads_of_different_classes_are_decoded_apart_only(tmp_path):
    parts = [net(32), *yolo("yolov3", "0", 3), route(0), *yolo("yolov3", "1", 4)]
    cfg = write_cfg(tmp_path, parts)
    assert [x.shape[-1] for x in load_darknet(cfg).outputs] == [8, 9]
    with pytest.raises(ValueError, match=r"`classes` must be 3.*classes=4"):
        load_darknet(cfg, decode=True)


# Real networks


def real_networks():
    folder = Path(os.environ.get("DLAI_DATA", "")) / "car_detection/yolo_fastest_1.1"
    if not os.environ.get("DLAI_DATA") or not folder.is_dir():
        pytest.skip("set DLAI_DATA to the folder with car_detection/yolo_fastest_1.1")
    return folder


def opencv_detections(boxes, scores, threshold, overlap):
    """Box, score and class of what OpenCV leaves, class by class."""
    import cv2

    rectangles = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return [
        (boxes[i], scores[i, class_id], class_id)
        for class_id in range(scores.shape[1])
        for i in cv2.dnn.NMSBoxes(
            rectangles.tolist(), scores[:, class_id].tolist(), threshold, overlap
        )
    ]


@pytest.mark.parametrize("name", ["yolo-fastest-1.1", "yolo-fastest-1.1-xl"])
def test_yolo_fastest_is_opencvs(name, tmp_path):
    folder = real_networks()
    cv2 = pytest.importorskip("cv2")
    cfg, weights = folder / f"{name}.cfg", folder / f"{name}.weights"
    photographs = sorted((folder.parent / "coco128/images").glob("*.jpg"))[:3]
    if not photographs:
        pytest.skip("there is no coco128 beside yolo_fastest_1.1")
    model = load_darknet(cfg, weights, decode=True)
    save_darknet_weights(model, tmp_path / "again.weights")
    assert (tmp_path / "again.weights").read_bytes() == weights.read_bytes()
    raw = [model.get_layer(f"conv_{index}").output for index in (120, 129)]
    suppressed = NonMaxSuppression(0.4, 0.2)(*model.outputs)
    model = keras.Model(model.input, (raw, model.outputs, suppressed))
    num_compared = 0
    for path in photographs:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        image = cv2.resize(image, (320, 320), interpolation=cv2.INTER_AREA)
        inputs = image[None].astype("float32") / 255
        maps, (boxes, scores), ours = run(model, inputs)
        network = opencv_network(cfg, weights, inputs)
        for index, output in zip((121, 130), maps, strict=True):
            expected = opencv_raw(network, index)
            # Values reach 100, where float32 itself is off by 1e-4 after 80 layers.
            np.testing.assert_allclose(output, expected, atol=1e-4, rtol=1e-5)
        rows = np.concatenate(network.forward(["yolo_121", "yolo_130"]))
        their_boxes, their_scores = opencv_boxes(rows, 320, 320)
        # OpenCV sets scores up to 0.2 to 0.
        np.testing.assert_allclose(boxes[0], their_boxes, rtol=1e-4, atol=1e-2)
        clear = np.abs(scores[0] - 0.2) > 1e-4
        expected = np.where(scores[0] > 0.2, scores[0], 0)
        np.testing.assert_allclose(expected[clear], their_scores[clear], atol=1e-4)
        theirs = opencv_detections(their_boxes, their_scores, 0.2, 0.4)
        num = ours["num_detections"][0]
        assert num == len(theirs)
        for found in range(num):
            box, class_id = ours["boxes_xyxy"][0, found], ours["class_ids"][0, found]
            same = [t for t in theirs if t[2] == class_id]
            overlaps = [iou(np.float64(box), t[0]) for t in same]
            assert max(overlaps) >= 0.999
            score = same[int(np.argmax(overlaps))][1]
            assert ours["scores"][0, found] == pytest.approx(score, abs=1e-4)
        num_compared += num
    assert num_compared >= 5
