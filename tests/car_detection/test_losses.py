"""The loss is that of the paper, place by place, and so are its variants."""

import math

import keras
import numpy as np
import pytest
from contract import check_loss
from keras import ops

from dlai_keras.car_detection.anchors import assign_targets
from dlai_keras.car_detection.losses import YoloLoss, yolo_loss, yolo_loss_terms

pytestmark = pytest.mark.backends

ANCHORS = [[12.0, 20.0], [30.0, 16.0]]
GRID, STRIDES, NUM_CLASSES = (3, 4), 16, 3  # pictures of 48 x 64
PAPER = {
    "coordinate_weight": 5.0,
    "object_weight": 1.0,
    "no_object_weight": 0.5,
    "class_weight": 1.0,
    "spare_iou": 0.6,
    "rescore": True,
    "size_scale": False,
    "box_loss": "squared",
    "objectness_loss": "squared",
    "focal_gamma": 0.0,
    "class_loss": "softmax",
    "scale_xy": 1.0,
}
# A few steps are not worth TensorFlow's longer compilation.
JIT = "auto" if keras.backend.backend() == "jax" else False
TERMS = ("coordinates", "objectness", "no_object", "classes")


def targets():
    """Two pictures: three objects and one that is ignored; none."""
    some = assign_targets(
        [[2, 3, 14, 25], [24, 8, 56, 26], [47, 30, 62, 47], [16, 24, 44, 40]],
        [0, 2, 1, 1],
        ANCHORS,
        GRID,
        STRIDES,
        NUM_CLASSES,
        ignored=[False, False, False, True],
    )
    none = assign_targets([], [], ANCHORS, GRID, STRIDES, NUM_CLASSES)
    return np.stack([some, none])


def predictions(seed=0):
    """Random, but with good boxes where nobody asks for them: they must be spared."""
    raw = np.random.default_rng(seed).normal(size=(2, 3, 4, 2, 8)).astype("float32")
    # The objects of the first picture, from other anchors of the same cells.
    for (row, column), anchor, size in (
        ((0, 0), 1, (14, 22)),
        ((1, 2), 0, (32, 18)),
        ((2, 3), 1, (17, 17)),
        ((2, 1), 0, (28, 16)),
    ):
        other = targets()[0, row, column, 1 - anchor]
        if other[4] == 0:
            continue
        xy = np.clip(other[:2], 0.05, 0.95)
        raw[0, row, column, anchor, :2] = np.log(xy / (1 - xy))
        raw[0, row, column, anchor, 2:4] = np.log(np.array(size) / ANCHORS[anchor])
    return raw.reshape(2, 3, 4, 16)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def softmax(x):
    e = np.exp(np.asarray(x) - np.max(x))
    return e / e.sum()


def corners(x, y, w, h):
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def area(x0, y0, x1, y1):
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def overlap(a, b):
    """IoU, GIoU, DIoU and CIoU from their definitions."""
    low = [max(a[0], b[0]), max(a[1], b[1])]
    high = [min(a[2], b[2]), min(a[3], b[3])]
    intersection = area(*low, *high)
    union = area(*a) + area(*b) - intersection
    hull = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    iou = intersection / union
    giou = iou - (area(*hull) - union) / area(*hull)
    apart = sum((a[i] + a[i + 2] - b[i] - b[i + 2]) ** 2 / 4 for i in (0, 1))
    diou = iou - apart / ((hull[2] - hull[0]) ** 2 + (hull[3] - hull[1]) ** 2)
    angles = [math.atan((c[2] - c[0]) / (c[3] - c[1])) for c in (a, b)]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    ciou = diou - v * (v / (1 - iou + v) if v else 0)
    return {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}


def by_definition(truth, raw, **changes):
    """The terms of one picture, by a loop over its places."""
    o = PAPER | changes
    raw = raw.astype("float64").reshape(truth.shape)
    height, width, num_anchors, _ = truth.shape
    true, predicted = {}, {}
    for i, j, a in np.ndindex(height, width, num_anchors):
        t, p = truth[i, j, a].astype("float64"), raw[i, j, a]
        if t[4] != 0:
            centre = ((j + t[0]) * STRIDES, (i + t[1]) * STRIDES)
            true[i, j, a] = corners(*centre, t[2], t[3])
        x, y = (sigmoid(v) * o["scale_xy"] - (o["scale_xy"] - 1) / 2 for v in p[:2])
        w, h = (ANCHORS[a][k] * math.exp(p[2 + k]) for k in (0, 1))
        predicted[i, j, a] = (
            corners((j + x) * STRIDES, (i + y) * STRIDES, w, h),
            (x, y),
        )

    def objectness(logit, wanted):
        p = sigmoid(logit)
        if o["objectness_loss"] == "squared":
            return (p - wanted) ** 2
        entropy = -wanted * math.log(p) - (1 - wanted) * math.log(1 - p)
        return entropy * abs(p - wanted) ** o["focal_gamma"]

    terms = dict.fromkeys(TERMS, 0.0)
    for (i, j, a), (box, (x, y)) in predicted.items():
        t, p = truth[i, j, a].astype("float64"), raw[i, j, a]
        if t[4] < 0:
            continue
        if t[4] == 0:
            best = max([overlap(box, other)["iou"] for other in true.values()] or [0])
            if best <= o["spare_iou"]:
                terms["no_object"] += o["no_object_weight"] * objectness(p[4], 0.0)
            continue
        values = overlap(box, true[i, j, a])
        if o["box_loss"] == "squared":
            error = (x - t[0]) ** 2 + (y - t[1]) ** 2
            for k in (0, 1):
                error += (p[2 + k] - math.log(t[2 + k] / ANCHORS[a][k])) ** 2
        else:
            error = 1 - values[o["box_loss"]]
        if o["size_scale"]:
            size = height * STRIDES * width * STRIDES
            error *= 2 - t[2] * t[3] / size
        terms["coordinates"] += o["coordinate_weight"] * error
        wanted = values["iou"] if o["rescore"] else 1.0
        terms["objectness"] += o["object_weight"] * objectness(p[4], wanted)
        if o["class_loss"] == "softmax":
            error = -math.log(softmax(p[5:])[t[5:].argmax()])
        elif o["class_loss"] == "squared":
            error = ((softmax(p[5:]) - t[5:]) ** 2).sum()
        else:
            error = sum(
                -math.log(sigmoid(v) if y else 1 - sigmoid(v))
                for v, y in zip(p[5:], t[5:], strict=True)
            )
        terms["classes"] += o["class_weight"] * error
    return terms


def terms_of(y_true, y_pred, **options):
    terms = yolo_loss_terms(y_true, y_pred, ANCHORS, STRIDES, **options)
    return {name: ops.convert_to_numpy(value) for name, value in terms.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"coordinate_weight": 1.0, "object_weight": 5.0, "no_object_weight": 1.0},
        {"class_weight": 2.0, "spare_iou": 0.3},
        {"spare_iou": 1.0, "rescore": False},
        {"size_scale": True, "scale_xy": 1.1},
        {"box_loss": "giou", "size_scale": True},
        {"box_loss": "diou"},
        {"box_loss": "ciou", "scale_xy": 2.0},
        {"objectness_loss": "crossentropy", "class_loss": "squared"},
        {"objectness_loss": "crossentropy", "focal_gamma": 2.0},
        {"class_loss": "sigmoid"},
    ],
    ids=lambda changes: "-".join(changes) or "paper",
)
def test_every_term_equals_a_loop_over_its_definition(changes):
    y_true, y_pred = targets(), predictions()
    terms = terms_of(y_true, y_pred, **changes)
    assert tuple(terms) == TERMS
    for picture in (0, 1):
        expected = by_definition(y_true[picture], y_pred[picture], **changes)
        for name in TERMS:
            assert terms[name][picture] == pytest.approx(
                expected[name], rel=2e-5, abs=1e-6
            ), name
    total = yolo_loss(y_true, y_pred, ANCHORS, STRIDES, **changes)
    np.testing.assert_allclose(
        ops.convert_to_numpy(total), sum(terms.values()), rtol=1e-6
    )


def test_the_loss_keeps_the_contract(tmp_path):
    options = {
        "coordinate_weight": 2.0,
        "object_weight": 3.0,
        "no_object_weight": 0.7,
        "class_weight": 1.5,
        "spare_iou": 0.5,
        "rescore": False,
        "size_scale": True,
        "box_loss": "ciou",
        "objectness_loss": "crossentropy",
        "focal_gamma": 1.5,
        "class_loss": "sigmoid",
        "scale_xy": 1.05,
    }
    loss = YoloLoss(ANCHORS, STRIDES, **options, max_boxes=20)
    values = check_loss(loss, targets(), predictions(), tmp_path)
    expected = [
        sum(by_definition(truth, raw, **options).values())
        for truth, raw in zip(targets(), predictions(), strict=True)
    ]
    np.testing.assert_allclose(values, expected, rtol=2e-5)


def test_the_papers_loss_is_the_default():
    loss = YoloLoss(ANCHORS, STRIDES, reduction=None)
    config = loss.get_config()
    assert {name: config[name] for name in PAPER} == PAPER
    expected = yolo_loss(targets(), predictions(), ANCHORS, STRIDES)
    np.testing.assert_allclose(loss(targets(), predictions()), expected, rtol=1e-6)


def test_good_predictions_for_other_anchors_are_spared():
    y_true, y_pred = targets()[:1], predictions()[:1]
    spared = terms_of(y_true, y_pred)["no_object"]
    not_spared = terms_of(y_true, y_pred, spare_iou=1.0)["no_object"]
    assert spared < not_spared - 0.01
    # Boxes like one that is ignored are spared as well.
    y_true[..., 4] = np.where(y_true[..., 4] < 0, 0, y_true[..., 4])
    assert terms_of(y_true, y_pred)["no_object"] > spared + 0.01


def test_fewer_boxes_to_compare_with_spare_less():
    y_true, y_pred = targets()[:1], predictions()[:1]
    values = [
        float(terms_of(y_true, y_pred, max_boxes=k)["no_object"][0]) for k in (1, 4, 99)
    ]
    assert values[0] > values[1] == values[2]


def test_an_object_in_several_cells_is_one_to_compare_with():
    boxes = ([2, 3, 14, 25], [24, 8, 56, 26])
    y_true = assign_targets(
        *(boxes, [0, 2], ANCHORS, GRID, STRIDES, NUM_CLASSES),
        neighbors=True,
    )[None]
    assert (y_true[..., 4] > 0).sum() > 2
    one, two, all_of_them = (
        float(terms_of(y_true, predictions()[:1], max_boxes=k)["no_object"][0])
        for k in (1, 2, 99)
    )
    assert one > two == all_of_them


@pytest.mark.parametrize("box_loss", ["squared", "giou", "diou", "ciou"])
def test_perfect_predictions_cost_nothing(box_loss):
    y_true = targets()[:, :, :, :, :]
    y_true[..., 4] = np.maximum(y_true[..., 4], 0)
    xy = np.clip(y_true[..., :2], 1e-4, 1 - 1e-4)
    here = y_true[..., 4:5] > 0
    raw = np.concatenate(
        [
            np.log(xy / (1 - xy)),
            np.log(np.where(here, y_true[..., 2:4], ANCHORS) / ANCHORS),
            np.where(here, 15.0, -15.0),
            y_true[..., 5:] * 20,
        ],
        axis=-1,
    ).astype("float32")
    options = {"box_loss": box_loss}
    values = yolo_loss(y_true, raw.reshape(2, 3, 4, 16), ANCHORS, STRIDES, **options)
    np.testing.assert_allclose(ops.convert_to_numpy(values), 0, atol=1e-4)


def test_extreme_predictions_give_finite_losses_and_gradients():
    for box_loss in ("squared", "ciou"):
        loss = YoloLoss(
            ANCHORS,
            STRIDES,
            box_loss=box_loss,
            objectness_loss="crossentropy",
            focal_gamma=2.0,
        )
        inputs = keras.Input((3, 4, 16))
        scale = keras.layers.Rescaling(1.0)
        dense = keras.layers.Dense(16, use_bias=False, kernel_initializer="identity")
        model = keras.Model(inputs, dense(scale(inputs)))
        model.compile(keras.optimizers.SGD(1e-6), loss=loss, jit_compile=JIT)
        for size in (0.0, 40.0, -40.0):
            raw = np.full((2, 3, 4, 16), size, "float32")
            assert np.isfinite(model.train_on_batch(raw, targets()))
            assert np.isfinite(model.get_weights()[0]).all()
            model.set_weights([np.eye(16)])


def test_no_gradient_flows_through_what_is_asked_for():
    """With boxes of no weight, only the wanted IoU could move tx to th."""
    inputs = keras.Input((3, 4, 16))
    scale = keras.layers.Dense(16, use_bias=False, kernel_initializer="identity")
    model = keras.Model(inputs, scale(inputs))
    loss = YoloLoss(ANCHORS, STRIDES, coordinate_weight=0.0)
    model.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=JIT)
    model.train_on_batch(predictions(), targets())
    change = model.get_weights()[0] - np.eye(16)
    change = np.abs(change).max(axis=0).reshape(2, 8)
    assert (change[:, :4] == 0).all()
    assert (change[:, 4] > 0).all()


def test_targets_for_other_anchors_are_refused():
    with pytest.raises(ValueError, match="2 in y_true, 1 anchors"):
        yolo_loss(targets(), predictions(), ANCHORS[:1], STRIDES)
    with pytest.raises(ValueError, match="`box_loss` must be one of"):
        yolo_loss(targets(), predictions(), ANCHORS, STRIDES, box_loss="iou")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"anchors": [1, 2]}, "`anchors`"),
        ({"anchors": [[1, 0]]}, "`anchors`"),
        ({"strides": 0}, "`strides`.*Received: strides=0"),
        ({"strides": 8.5}, "`strides`"),
        ({"coordinate_weight": -1}, "`coordinate_weight`"),
        ({"no_object_weight": math.inf}, "`no_object_weight`"),
        ({"spare_iou": 1.1}, "`spare_iou`"),
        ({"box_loss": "iou"}, "`box_loss` must be one of squared, giou"),
        ({"objectness_loss": "focal"}, "`objectness_loss`"),
        ({"class_loss": "relu"}, "`class_loss`"),
        ({"focal_gamma": 2.0}, "needs objectness_loss='crossentropy'"),
        ({"focal_gamma": 0.5, "objectness_loss": "crossentropy"}, "0, or 1 or more"),
        ({"scale_xy": 0.5}, "`scale_xy`"),
        ({"max_boxes": 0}, "`max_boxes`"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        YoloLoss(**{"anchors": ANCHORS, "strides": STRIDES, **arguments})
