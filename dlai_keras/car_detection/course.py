"""The course's own functions, with its names and argument order.

They take one picture, and their outputs are as long as there are boxes. For batches,
and inside a model, there are `layers.YoloDecode` and `layers.NonMaxSuppression`.

The two editions of the course put confidence and boxes in different orders; both are
understood, for the last axes tell them apart.

Reference:
    - Course 4, week 3, "Autonomous driving: car detection".
"""

from collections.abc import Sequence

import numpy as np
from keras import ops

from dlai_keras import boxes as box_functions
from dlai_keras.car_detection.layers import suppress


def yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold: float = 0.6):
    """Keeps the boxes whose best class has a score at or above the threshold.

    Args:
        boxes: `(height, width, anchors, 4)`. The edition of 2017 has `box_confidence`
            first; in that order they are understood, too.
        box_confidence: `(height, width, anchors, 1)`.
        box_class_probs: `(height, width, anchors, num_classes)`.
        threshold: of confidence times class probability.

    Returns:
        `(scores, boxes, classes)`: `(num,)`, `(num, 4)` and `(num,)`, in the order of
        the grid.

    Raises:
        ValueError: the last axes are not 4 and 1.

    Example:
        >>> boxes = np.arange(8.0).reshape(1, 1, 2, 4)
        >>> confidence = np.array([[[[0.9], [0.5]]]])
        >>> probabilities = np.array([[[[0.1, 0.9], [0.5, 0.5]]]])
        >>> scores, boxes, classes = yolo_filter_boxes(boxes, confidence, probabilities)
        >>> np.array(boxes).tolist(), np.array(classes).tolist()
        ([[0.0, 1.0, 2.0, 3.0]], [1])

    Reference:
        - Course 4, week 3, exercise 1.
    """
    boxes, confidence, probabilities = (
        ops.cast(ops.convert_to_tensor(x), "float32")
        for x in (boxes, box_confidence, box_class_probs)
    )
    if (boxes.shape[-1], confidence.shape[-1]) == (1, 4):
        boxes, confidence = confidence, boxes
    if (boxes.shape[-1], confidence.shape[-1]) != (4, 1):
        raise ValueError(
            "`boxes` must be (height, width, anchors, 4) and `box_confidence` (height, "
            f"width, anchors, 1). Received: shapes {tuple(boxes.shape)} and "
            f"{tuple(confidence.shape)}."
        )
    scores = confidence * probabilities
    classes = ops.reshape(ops.argmax(scores, axis=-1), (-1,))
    scores = ops.reshape(ops.max(scores, axis=-1), (-1,))
    (index,) = ops.nonzero(scores >= threshold)
    boxes = ops.reshape(boxes, (-1, 4))
    return tuple(ops.take(x, index, axis=0) for x in (scores, boxes, classes))


def iou(box1: Sequence[float], box2: Sequence[float]) -> float:
    """Intersection over union of two boxes.

    Args:
        box1: x1, y1, x2, y2: the upper left and the lower right corner.
        box2: the same.

    Returns:
        A number in [0, 1]; 0 for boxes that only touch.

    Example:
        >>> round(iou((2, 1, 4, 3), (1, 2, 3, 4)), 8)
        0.14285714

    Reference:
        - Course 4, week 3, exercise 2.
    """
    box1, box2 = (np.asarray(box, "float64") for box in (box1, box2))
    return float(box_functions.iou(box1, box2))


def yolo_non_max_suppression(
    scores, boxes, classes, max_boxes: int = 10, iou_threshold: float = 0.5
):
    """Keeps the best of boxes that overlap, whatever their classes.

    As `tf.image.non_max_suppression`, which the course calls: corners may be inverted,
    and any score will do.

    Args:
        scores: `(num,)`.
        boxes: `(num, 4)`.
        classes: `(num,)`, handed on.
        max_boxes: at most as many are kept.
        iou_threshold: a box drops out if its IoU with a better kept one is above this.

    Returns:
        `(scores, boxes, classes)`: `(num_kept,)`, `(num_kept, 4)` and `(num_kept,)`,
        best first.

    Example:
        >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]]
        >>> scores, boxes, classes = yolo_non_max_suppression(
        ...     [0.8, 0.9, 0.3], boxes, [5, 6, 7]
        ... )
        >>> np.array(classes).tolist()
        [6, 7]

    Reference:
        - Course 4, week 3, exercise 3.
    """
    scores, boxes = (
        ops.cast(ops.convert_to_tensor(x), "float32") for x in (scores, boxes)
    )
    classes = ops.convert_to_tensor(classes)
    num = scores.shape[0]
    if num == 0:
        return scores, boxes, classes
    falling, order = ops.top_k(scores, num)
    kept, num_kept = suppress(
        ops.expand_dims(ops.take(boxes, order, axis=0), 0),
        ops.expand_dims(falling, 0),
        iou_threshold=iou_threshold,
        score_threshold=-float("inf"),
        max_boxes=min(max_boxes, num),
    )
    index = ops.take(order, kept[0, : int(num_kept[0])], axis=0)
    return tuple(ops.take(x, index, axis=0) for x in (scores, boxes, classes))


def yolo_boxes_to_corners(box_xy, box_wh):
    """Corners from centre and size.

    Args:
        box_xy: centres, `(..., 2)`, x before y.
        box_wh: widths and heights, `(..., 2)`.

    Returns:
        `(..., 4)`: y_min, x_min, y_max, x_max, as `tf.image` wants them.

    Example:
        >>> np.array(yolo_boxes_to_corners([[20.0, 40.0]], [[20.0, 40.0]])).tolist()
        [[20.0, 10.0, 60.0, 30.0]]

    Reference:
        - Course 4, week 3, section 2.5.
    """
    centres = ops.concatenate(
        [ops.cast(ops.convert_to_tensor(x), "float32") for x in (box_xy, box_wh)], -1
    )
    return box_functions.convert(centres, "cxcywh", "yxyx")


def scale_boxes(boxes, image_shape: tuple[float, float]):
    """Boxes of a unit square as boxes of a picture.

    Args:
        boxes: y_min, x_min, y_max, x_max as shares of height and width, `(..., 4)`.
        image_shape: height and width of the picture, pixels.

    Returns:
        `(..., 4)`, pixels.

    Example:
        >>> np.array(scale_boxes([[0.0, 0.25, 0.5, 1.0]], (720.0, 1280.0))).tolist()
        [[0.0, 320.0, 360.0, 1280.0]]

    Reference:
        - Course 4, week 3, section 2.5.
    """
    height, width = (float(size) for size in image_shape)
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float32")
    return boxes * ops.convert_to_tensor([height, width, height, width], "float32")


def yolo_eval(
    yolo_outputs,
    image_shape: tuple[float, float] = (720.0, 1280.0),
    max_boxes: int = 10,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
):
    """From what the network says to the few boxes that are drawn into the picture.

    Args:
        yolo_outputs: `box_xy` and `box_wh`, each `(height, width, anchors, 2)`,
            `box_confidence` `(height, width, anchors, 1)` and `box_class_probs`
            `(height, width, anchors, num_classes)`. The edition of 2017 has
            `box_confidence` first; in that order they are understood, too.
        image_shape: height and width of the picture, pixels.
        max_boxes: at most as many are kept.
        score_threshold: boxes have a score at or above this.
        iou_threshold: a box drops out if its IoU with a better kept one is above this.

    Returns:
        `(scores, boxes, classes)`: `(num,)`, `(num, 4)` as y_min, x_min, y_max, x_max
        in pixels, and `(num,)`, best first.

    Example:
        >>> outputs = [np.full((1, 1, 1, n), 0.9) for n in (2, 2, 1, 3)]
        >>> scores, boxes, classes = yolo_eval(outputs, (100.0, 200.0))
        >>> np.array(boxes).round(1).tolist(), np.array(classes).tolist()
        ([[45.0, 90.0, 135.0, 270.0]], [0])

    Reference:
        - Course 4, week 3, exercise 4.
    """
    outputs = [ops.convert_to_tensor(x) for x in yolo_outputs]
    if outputs[0].shape[-1] == 1:
        outputs = [*outputs[1:3], outputs[0], outputs[3]]
    box_xy, box_wh, box_confidence, box_class_probs = outputs
    boxes = yolo_boxes_to_corners(box_xy, box_wh)
    scores, boxes, classes = yolo_filter_boxes(
        boxes, box_confidence, box_class_probs, score_threshold
    )
    return yolo_non_max_suppression(
        scores, scale_boxes(boxes, image_shape), classes, max_boxes, iou_threshold
    )
