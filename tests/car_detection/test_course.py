"""The course's functions give its published numbers, for both of its editions."""

import functools

import numpy as np
import pytest
from keras import ops

from dlai_keras.car_detection.course import (
    iou,
    scale_boxes,
    yolo_boxes_to_corners,
    yolo_eval,
    yolo_filter_boxes,
    yolo_non_max_suppression,
)

backends = pytest.mark.backends

GRID = (19, 19, 5)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def drawn_2021(*shapes):
    """What the checks of 2021 draw: one seed for all, then one tensor by another."""
    import tensorflow as tf

    tf.random.set_seed(10)
    return [
        tf.random.normal(shape, mean=1, stddev=4, seed=1).numpy() for shape in shapes
    ]


@functools.cache
def drawn_2017(*shapes, times=3):
    """What the notebook of 2017 draws: each run of the session draws anew.

    Every number it prints is a run of its own, so each belongs to other inputs.
    """
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensors = [
            tf.compat.v1.random_normal(shape, mean=1, stddev=4, seed=1)
            for shape in shapes
        ]
        return [session.run(tensors) for _ in range(times)]


# Published values


def test_filtered_boxes_are_the_published_ones():
    confidence, boxes, probabilities = drawn_2021((*GRID, 1), (*GRID, 4), (*GRID, 80))
    outputs = yolo_filter_boxes(boxes, confidence, probabilities, threshold=0.5)
    scores, kept, classes = map(array, outputs)
    assert (scores.shape, kept.shape, classes.shape) == ((1789,), (1789, 4), (1789,))
    assert scores[2] == pytest.approx(9.270486, rel=1e-5)
    expected = [4.6399336, 3.2303846, 4.431282, -2.202031]
    np.testing.assert_allclose(kept[2], expected, rtol=1e-5)
    assert classes[2] == 8
    # The edition of 2017 has the confidence first.
    others = yolo_filter_boxes(confidence, boxes, probabilities, threshold=0.5)
    for one, other in zip(outputs, others, strict=True):
        np.testing.assert_array_equal(array(one), array(other))


@backends
@pytest.mark.parametrize(
    ("box1", "box2", "expected"),
    [
        ((2, 1, 4, 3), (1, 2, 3, 4), 0.14285714285714285),
        ((1, 2, 3, 4), (5, 6, 7, 8), 0.0),
        ((1, 1, 2, 2), (2, 2, 3, 3), 0.0),
        ((1, 1, 3, 3), (2, 3, 3, 4), 0.0),
    ],
)
def test_iou_is_the_published_one(box1, box2, expected):
    assert iou(box1, box2) == pytest.approx(expected, rel=1e-12)
    assert iou(list(box2), np.array(box1)) == pytest.approx(expected, rel=1e-12)


def test_suppression_gives_the_published_values_of_2017():
    draws = drawn_2017((54,), (54, 4), (54,))
    results = [[array(x) for x in yolo_non_max_suppression(*draw)] for draw in draws]
    assert [x.shape for x in results[0]] == [(10,), (10, 4), (10,)]
    assert results[0][0][2] == pytest.approx(6.9384, abs=1e-4)
    expected = [-5.299932, 3.13798141, 4.45036697, 0.95942086]
    np.testing.assert_allclose(results[1][1][2], expected, rtol=1e-5)
    (_, _, classes), _, (scores, boxes, _) = draws
    assert array(yolo_non_max_suppression(scores, boxes, classes)[2])[2] == (
        pytest.approx(-2.24527, abs=1e-5)
    )


def test_suppression_gives_the_published_values_of_2021():
    outputs = yolo_non_max_suppression(*drawn_2021((54,), (54, 4), (54,)))
    scores, boxes, classes = map(array, outputs)
    assert scores[2] == pytest.approx(8.147684, rel=1e-5)
    expected = [6.0797963, 3.743308, 1.3914018, -0.34089637]
    np.testing.assert_allclose(boxes[2], expected, rtol=1e-5)
    assert classes[2] == pytest.approx(1.7079165, rel=1e-5)


def test_evaluation_gives_the_published_values_of_2021():
    shapes = [(*GRID, n) for n in (2, 2, 1, 80)]
    scores, boxes, classes = map(array, yolo_eval(drawn_2021(*shapes)))
    assert (scores.shape, boxes.shape, classes.shape) == ((10,), (10, 4), (10,))
    assert scores[2] == pytest.approx(171.60194, rel=1e-5)
    expected = [-1240.3483, -3212.5881, -645.78, 2024.3052]
    np.testing.assert_allclose(boxes[2], expected, rtol=1e-5)
    assert classes[2] == 16


def test_evaluation_gives_the_published_values_of_2017():
    draws = drawn_2017(*((*GRID, n) for n in (1, 2, 2, 80)))  # the confidence first
    results = [[array(x) for x in yolo_eval(draw)] for draw in draws]
    assert results[0][0][2] == pytest.approx(138.791, abs=1e-3)
    expected = [1292.3297, -278.52167, 3876.9893, -835.56494]
    np.testing.assert_allclose(results[1][1][2], expected, rtol=1e-5)
    assert results[2][2][2] == 54


# Their definitions


def test_suppression_is_tensorflows_operation():
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0, 10, (150, 4)).astype("float32")  # corners may be inverted
    scores = rng.normal(size=150).astype("float32")
    for max_boxes, threshold in ((10, 0.5), (150, 0.2), (150, 0.0), (200, 0.9)):
        index = tf.image.non_max_suppression(boxes, scores, max_boxes, threshold)
        results = yolo_non_max_suppression(
            scores, boxes, np.arange(150), max_boxes, threshold
        )
        np.testing.assert_array_equal(array(results[2]), index.numpy())
        np.testing.assert_array_equal(array(results[1]), boxes[index.numpy()])
        np.testing.assert_array_equal(array(results[0]), scores[index.numpy()])


def test_filtering_keeps_scores_at_the_threshold():
    confidence = np.array([0.5, 1.0, 1.0]).reshape(1, 1, 3, 1)
    probabilities = np.array([[1.0, 0.5], [0.25, 0.5], [0.375, 0.25]])
    boxes = np.arange(12.0).reshape(1, 1, 3, 4)
    outputs = yolo_filter_boxes(
        boxes, confidence, probabilities.reshape(1, 1, 3, 2), threshold=0.5
    )
    scores, kept, classes = map(array, outputs)
    assert scores.tolist() == [0.5, 0.5]
    assert kept.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert classes.tolist() == [0, 1]


@backends
def test_what_nobody_detects_is_empty():
    outputs = [np.full((2, 2, 1, n), 0.1, "float32") for n in (2, 2, 1, 3)]
    scores, boxes, classes = map(array, yolo_eval(outputs))
    assert (scores.shape, boxes.shape, classes.shape) == ((0,), (0, 4), (0,))


def test_evaluation_finds_the_best_of_each_heap():
    # Two heaps of two boxes; in each the second is the better.
    box_xy = np.array([[0.25, 0.5], [0.26, 0.5], [0.75, 0.5], [0.76, 0.5]])
    box_wh = np.full((4, 2), 0.2)
    confidence = np.array([0.8, 0.9, 0.7, 0.95])[:, None]
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    outputs = [
        x.reshape(2, 2, 1, -1) for x in (box_xy, box_wh, confidence, probabilities)
    ]
    scores, boxes, classes = map(array, yolo_eval(outputs, (100, 200), 10, 0.5, 0.5))
    np.testing.assert_allclose(scores, [0.855, 0.81], rtol=1e-5)
    expected = [[40, 132, 60, 172], [40, 32, 60, 72]]
    np.testing.assert_allclose(boxes, expected, rtol=1e-5)
    assert classes.tolist() == [1, 0]


@backends
def test_corners_and_scales_have_the_courses_order():
    corners = array(yolo_boxes_to_corners(np.array([[3.0, 5]]), np.array([[2.0, 8]])))
    assert corners.tolist() == [[1, 2, 9, 4]]  # y_min, x_min, y_max, x_max
    boxes = array(scale_boxes(np.ones((2, 3, 4), "float32"), (720.0, 1280.0)))
    assert boxes.shape == (2, 3, 4)
    assert boxes[1, 2].tolist() == [720, 1280, 720, 1280]


def test_boxes_and_confidence_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"`box_confidence` \(height"):
        yolo_filter_boxes(np.ones((1, 1, 2, 3)), np.ones((1, 1, 2, 1)), np.ones(2))
