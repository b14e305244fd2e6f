"""Boxes: formats, overlap and suppression, each against its definition."""

import itertools

import cv2
import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras import boxes

backends = pytest.mark.backends

# One box in every format.
SAME = {
    "xyxy": [10, 20, 30, 60],
    "xywh": [10, 20, 20, 40],
    "cxcywh": [20, 40, 20, 40],
    "yxyx": [20, 10, 60, 30],
}
ALIGNED = (boxes.iou, boxes.giou, boxes.diou)
each_aligned = pytest.mark.parametrize("function", ALIGNED, ids=lambda f: f.__name__)


def draw(*shape, size=100):
    """Corners of which about half are inverted."""
    return np.random.default_rng(0).uniform(0, size, (*shape, 4)).astype("float32")


def painted_iou(a, b, size=24):
    """Pixels that both cover, of those that any covers."""
    maps = np.zeros((2, size, size), bool)
    for canvas, (x1, y1, x2, y2) in zip(maps, (a, b), strict=True):
        canvas[min(y1, y2) : max(y1, y2), min(x1, x2) : max(x1, x2)] = True
    union = (maps[0] | maps[1]).sum()
    return (maps[0] & maps[1]).sum() / union if union else 0.0


def by_definition(name, a, b):
    """IoU and its relatives of two boxes, in Python's own numbers."""
    a, b = ([*map(float, box)] for box in (a, b))
    ax, ay = sorted(a[::2]), sorted(a[1::2])
    bx, by = sorted(b[::2]), sorted(b[1::2])
    width = max(0.0, min(ax[1], bx[1]) - max(ax[0], bx[0]))
    height = max(0.0, min(ay[1], by[1]) - max(ay[0], by[0]))
    union = (ax[1] - ax[0]) * (ay[1] - ay[0]) + (bx[1] - bx[0]) * (by[1] - by[0])
    union -= width * height
    value = width * height / union
    hull_width = max(ax[1], bx[1]) - min(ax[0], bx[0])
    hull_height = max(ay[1], by[1]) - min(ay[0], by[0])
    if name == "giou":
        hull = hull_width * hull_height
        value -= (hull - union) / hull
    if name == "diou":
        distance = ((sum(ax) - sum(bx)) / 2) ** 2 + ((sum(ay) - sum(by)) / 2) ** 2
        value -= distance / (hull_width**2 + hull_height**2)
    return value


def naive_nms(corners, scores, threshold):
    """The definition: a box is kept if no better kept one overlaps it."""
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(by_definition("iou", corners[i], corners[k]) <= threshold for k in kept):
            kept.append(i)
    return kept


# Formats


@backends
@pytest.mark.parametrize(
    ("source", "target"), [*itertools.product(boxes.FORMATS, repeat=2)]
)
def test_every_format_becomes_every_other(source, target):
    converted = boxes.convert([SAME[source]], source, target)
    assert converted.dtype == "float32"
    np.testing.assert_array_equal(converted, [SAME[target]])
    tensor = boxes.convert(ops.convert_to_tensor([SAME[source]]), source, target)
    np.testing.assert_array_equal(ops.convert_to_numpy(tensor), [SAME[target]])


def test_double_precision_stays_and_nothing_else_becomes_it():
    assert boxes.convert(np.ones((2, 4)), "xyxy", "xywh").dtype == "float64"
    for dtype in ("int32", "uint8", "float16", "float32"):
        assert boxes.area(np.ones((2, 4), dtype)).dtype == "float32"


@pytest.mark.parametrize("argument", ["source", "target"])
def test_unknown_formats_are_named(argument):
    formats = {"source": "xyxy", "target": "xyxy"} | {argument: "xxyy"}
    with pytest.raises(ValueError, match=f"`{argument}` must be one of xyxy"):
        boxes.convert(np.ones((2, 4)), **formats)


@pytest.mark.parametrize("function", [boxes.area, lambda x: boxes.iou(x, np.ones(4))])
@pytest.mark.parametrize("shape", [(), (4, 5)])
def test_what_is_no_box_is_refused(function, shape):
    with pytest.raises(ValueError, match=r"4 numbers on their last axis.*shape=\("):
        function(np.ones(shape))


def test_all_pairs_of_a_single_box_are_refused():
    with pytest.raises(ValueError, match=r"`b` must be boxes"):
        boxes.pairwise_iou(np.ones((2, 4)), np.ones(4))


@backends
def test_clipped_boxes_lie_in_their_picture():
    corners = draw(50, size=300) - 100
    for clipped in (
        boxes.clip(corners, 80, 120),
        ops.convert_to_numpy(boxes.clip(ops.convert_to_tensor(corners), 80, 120)),
    ):
        np.testing.assert_array_equal(
            clipped, np.clip(corners, 0, [120, 80, 120, 80]).astype("float32")
        )


# Overlap


def test_iou_counts_pixels():
    rng = np.random.default_rng(1)
    for a, b in rng.integers(0, 24, (200, 2, 4)):
        assert boxes.iou(a, b) == pytest.approx(painted_iou(a, b), abs=1e-6)


@backends
@each_aligned
def test_overlap_equals_its_definition_on_arrays_and_tensors(function):
    a, b = draw(40), draw(40)[::-1].copy()
    expected = [
        by_definition(function.__name__, *pair) for pair in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(function(a, b), expected, atol=1e-5)
    tensors = [ops.convert_to_tensor(x) for x in (a, b)]
    np.testing.assert_allclose(
        ops.convert_to_numpy(function(*tensors)), expected, atol=1e-5
    )
    mixed = ops.convert_to_numpy(function(tensors[0], b.astype("float64")))
    np.testing.assert_allclose(mixed, expected, atol=1e-5)


@backends
def test_pairs_of_a_batch_are_those_of_its_boxes_one_by_one():
    a, b = draw(3, 5), draw(3, 7) + 10
    expected = [
        [[by_definition("iou", x, y) for y in ys] for x in xs]
        for xs, ys in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(boxes.pairwise_iou(a, b), expected, atol=1e-6)
    tensors = [ops.convert_to_tensor(x) for x in (a, b)]
    np.testing.assert_allclose(
        ops.convert_to_numpy(boxes.pairwise_iou(*tensors)), expected, atol=1e-6
    )
    np.testing.assert_allclose(boxes.pairwise_iou(a, b[0])[0], expected[0], atol=1e-6)
    assert boxes.pairwise_iou(a, b[:, :0]).shape == (3, 5, 0)


@each_aligned
def test_leading_axes_broadcast(function):
    a, b = draw(5), draw(7) + 10
    pairs = function(a[:, None], b)
    assert pairs.shape == (5, 7)
    assert pairs[3, 4] == function(a[3], b[4])


@each_aligned
def test_the_order_of_corners_and_of_boxes_does_not_matter(function):
    a, b = draw(40), draw(40)[::-1]
    expected = function(a, b)
    np.testing.assert_array_equal(function(b, a), expected)
    np.testing.assert_array_equal(function(a[:, [2, 3, 0, 1]], b), expected)
    np.testing.assert_array_equal(function(a, b[:, [0, 3, 2, 1]]), expected)
    swapped = [1, 0, 3, 2]  # yxyx
    np.testing.assert_allclose(function(a[:, swapped], b[:, swapped]), expected, 1e-5)


@each_aligned
def test_relatives_of_iou_lie_in_their_range(function):
    values = function(draw(300), draw(300)[::-1])
    lowest = 0 if function is boxes.iou else -1
    assert values.min() >= lowest and values.max() <= 1
    assert (values <= boxes.iou(draw(300), draw(300)[::-1]) + 1e-6).all()
    np.testing.assert_allclose(function(draw(9), draw(9)), 1, atol=1e-6)


@pytest.mark.parametrize(
    "other", [(2, 2, 3, 3), (2, 0, 3, 2), (0, 2, 2, 3), (2, 5, 3, 6), (1, 1, 1, 1)]
)
def test_boxes_that_only_touch_share_nothing(other):
    assert boxes.iou((0, 0, 2, 2), other) == 0
    assert boxes.pairwise_iou([(0, 0, 2, 2)], [other])[0, 0] == 0


@each_aligned
def test_boxes_without_area_give_numbers(function):
    point, line = (1, 1, 1, 1), (1, 1, 5, 1)
    assert boxes.iou(point, point) == 0
    for pair in itertools.product((point, line, (0, 0, 3, 3)), repeat=2):
        assert np.isfinite(function(*pair))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses its tape")
@each_aligned
def test_gradients_are_finite_wherever_the_boxes_are(function):
    import tensorflow as tf

    a = tf.constant([[0.0, 0, 2, 2], [1, 1, 1, 1], [0, 0, 2, 2]])
    b = tf.constant([[1.0, 1, 3, 3], [1, 1, 1, 1], [5, 5, 6, 6]])
    with tf.GradientTape() as tape:
        tape.watch(a)
        value = function(a, b)
    gradient = tape.gradient(value, a).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[0]).max() > 0
    # What IoU alone cannot say of boxes apart.
    assert (np.abs(gradient[2]).max() > 0) == (function is not boxes.iou)


@backends
def test_symbolic_boxes_have_shapes():
    a, b = keras.Input((5, 4)), keras.Input((7, 4))
    assert boxes.pairwise_iou(a, b).shape == (None, 5, 7)
    assert boxes.convert(a, "xyxy", "cxcywh").shape == (None, 5, 4)


# Suppression


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_greedy_nms_is_its_definition_and_opencvs(threshold):
    rng = np.random.default_rng(2)
    corners = rng.uniform(0, 40, (60, 2))
    corners = np.concatenate([corners, corners + rng.uniform(5, 40, (60, 2))], axis=-1)
    scores = rng.uniform(0.1, 1, 60)
    kept = boxes.greedy_nms(corners, scores, threshold)
    assert kept.tolist() == naive_nms(corners, scores, threshold)
    if 0 < threshold < 1:
        sizes = boxes.convert(corners, "xyxy", "xywh")
        others = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, threshold)
        assert kept.tolist() == others.tolist()
        assert 3 < len(kept) < 50
    if threshold == 1:
        assert len(kept) == 60


def test_greedy_nms_keeps_the_first_of_equals_and_no_more_than_wanted():
    corners = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10], [90, 0, 99, 10]]
    assert boxes.greedy_nms(corners, [0.5] * 4).tolist() == [0, 2, 3]
    assert boxes.greedy_nms(corners, [0.5] * 4, max_boxes=2).tolist() == [0, 2]
    assert boxes.greedy_nms(np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_greedy_nms_wants_a_score_for_every_box():
    with pytest.raises(ValueError, match=r"`scores` \(num,\).*\(3, 4\) and \(2,\)"):
        boxes.greedy_nms(np.ones((3, 4)), np.ones(2))
