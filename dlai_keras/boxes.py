"""Boxes: their formats, how much two of them share, and which of many to keep.

Every function but `greedy_nms` takes NumPy arrays and lists, and then computes in
NumPy, or tensors of the backend (symbolic ones too), and then computes with
`keras.ops`: the same lines for a data set and for a loss. Boxes are on the last axis;
the axes before it are whatever the caller has.
"""

from typing import Any

import numpy as np

FORMATS = ("xyxy", "xywh", "cxcywh", "yxyx")

Array = Any  # a NumPy array, or a tensor of Keras' backend


def convert(boxes: Array, source: str, target: str) -> Array:
    """Boxes in another format.

    Args:
        boxes: `(..., 4)`.
        source: their format. `"xyxy"`: x_min, y_min, x_max, y_max; `"xywh"`: x_min,
            y_min, width, height (COCO); `"cxcywh"`: centre, width, height (YOLO);
            `"yxyx"`: y_min, x_min, y_max, x_max (TensorFlow, the course).
        target: the format wanted.

    Returns:
        `(..., 4)`; float32, or float64 where NumPy's float64 came.

    Raises:
        ValueError: a format is none of these, or the last axis is not 4.

    Example:
        >>> convert([10, 20, 30, 60], "xyxy", "cxcywh").tolist()
        [20.0, 40.0, 20.0, 40.0]
    """
    for argument, value in (("source", source), ("target", target)):
        if value not in FORMATS:
            raise ValueError(
                f"`{argument}` must be one of {', '.join(FORMATS)}. "
                f"Received: {argument}={value!r}."
            )
    xp, (boxes,) = _load(boxes)
    if source == target:
        return boxes
    a, b, c, d = _split(boxes)
    if source == "yxyx":
        a, b, c, d = b, a, d, c
    elif source == "xywh":
        c, d = a + c, b + d
    elif source == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    # Here they are corners.
    if target == "yxyx":
        a, b, c, d = b, a, d, c
    elif target == "xywh":
        c, d = c - a, d - b
    elif target == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return xp.stack([a, b, c, d], axis=-1)


def clip(boxes_xyxy: Array, height: float, width: float) -> Array:
    """Boxes cut off at the edges of their picture.

    Args:
        boxes_xyxy: `(..., 4)`.
        height: of the picture, pixels.
        width: of the picture, pixels.

    Returns:
        `(..., 4)`. A box that lies outside has no area left.

    Example:
        >>> clip([-5, 10, 700, 20], height=480, width=640).tolist()
        [0.0, 10.0, 640.0, 20.0]
    """
    xp, (boxes,) = _load(boxes_xyxy)
    x_min, y_min, x_max, y_max = _split(boxes)
    columns = [xp.clip(x, 0, width) for x in (x_min, x_max)]
    rows = [xp.clip(y, 0, height) for y in (y_min, y_max)]
    return xp.stack([columns[0], rows[0], columns[1], rows[1]], axis=-1)


def area(boxes_xyxy: Array) -> Array:
    """Width times height.

    Args:
        boxes_xyxy: `(..., 4)`; corners may be inverted.

    Returns:
        `(...)`.

    Example:
        >>> area([[0, 0, 2, 3], [2, 3, 0, 0]]).tolist()
        [6.0, 6.0]
    """
    xp, (boxes,) = _load(boxes_xyxy)
    return _area(_edges(xp, boxes))


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes, one with one.

    Corners may be inverted: they are ordered first, as TensorFlow's operations do it.
    Boxes that only touch share nothing, and a box without area shares nothing, not even
    with itself.

    Args:
        a: boxes as corners, `(..., 4)`, xyxy or yxyx.
        b: boxes of the same format, `(..., 4)`; leading axes broadcast.

    Returns:
        `(...)`, in [0, 1].

    Raises:
        ValueError: a last axis is not 4.

    Example:
        >>> round(float(iou([2, 1, 4, 3], [1, 2, 3, 4])), 6)
        0.142857

    Reference:
        - Course 4, week 3, "Intersection over union".
    """
    xp, (a, b) = _load(a, b)
    intersection, union = _overlap(xp, _edges(xp, a), _edges(xp, b))
    return _divide(xp, intersection, union)


def pairwise_iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes, each with each.

    Args:
        a: `(..., N, 4)`, as `iou` takes them.
        b: `(..., M, 4)`; leading axes broadcast, such as a batch.

    Returns:
        `(..., N, M)`.

    Example:
        >>> pairwise_iou([[0, 0, 2, 2], [0, 0, 2, 1]], [[0, 0, 2, 2]]).tolist()
        [[1.0], [0.5]]
    """
    xp, (a, b) = _load(a, b)
    for argument, value in (("a", a), ("b", b)):
        if len(value.shape) < 2:
            raise ValueError(
                f"`{argument}` must be boxes (..., number, 4). Received: "
                f"shape={tuple(value.shape)}."
            )
    # Ordered before they are spread out: N + M boxes, not N * M pairs.
    rows = [xp.expand_dims(edge, -1) for edge in _edges(xp, a)]  # (..., N, 1)
    columns = [xp.expand_dims(edge, -2) for edge in _edges(xp, b)]  # (..., 1, M)
    return _divide(xp, *_overlap(xp, rows, columns))


def giou(a: Array, b: Array) -> Array:
    """Generalised IoU: also tells far from near where boxes do not overlap.

    `IoU - (hull - union) / hull`, where the hull is the smallest box around both.

    Args:
        a: as `iou` takes them; `a[..., :, None, :]` gives all pairs.
        b: the same; leading axes broadcast.

    Returns:
        `(...)`, in [-1, 1].

    Example:
        >>> giou([0, 0, 1, 1], [[0, 0, 1, 1], [3, 0, 4, 1]]).tolist()
        [1.0, -0.5]

    Reference:
        - Rezatofighi et al., 2019, "Generalized intersection over union", algorithm 1.
    """
    xp, (a, b) = _load(a, b)
    a, b = _edges(xp, a), _edges(xp, b)
    intersection, union = _overlap(xp, a, b)
    hull = _area(_hull(xp, a, b))
    return _divide(xp, intersection, union) - _divide(xp, hull - union, hull)


def diou(a: Array, b: Array) -> Array:
    """Distance IoU: IoU less the distance of the centres.

    `IoU - d ** 2 / c ** 2`, where d is the distance of the centres and c the diagonal
    of the smallest box around both.

    Args:
        a: as `iou` takes them; `a[..., :, None, :]` gives all pairs.
        b: the same; leading axes broadcast.

    Returns:
        `(...)`, in [-1, 1].

    Example:
        >>> diou([0, 0, 1, 1], [[0, 0, 1, 1], [1, 1, 2, 2]]).tolist()
        [1.0, -0.25]

    Reference:
        - Zheng et al., 2020, "Distance-IoU loss", equation 6.
    """
    xp, (a, b) = _load(a, b)
    a, b = _edges(xp, a), _edges(xp, b)
    x_min, y_min, x_max, y_max = _hull(xp, a, b)
    diagonal = (x_max - x_min) ** 2 + (y_max - y_min) ** 2
    dx = ((a[0] + a[2]) - (b[0] + b[2])) / 2
    dy = ((a[1] + a[3]) - (b[1] + b[3])) / 2
    intersection, union = _overlap(xp, a, b)
    distance = _divide(xp, dx**2 + dy**2, diagonal)
    return _divide(xp, intersection, union) - distance


def greedy_nms(
    boxes_xyxy: np.ndarray,
    scores: np.ndarray,
    iou_threshold: float = 0.5,
    max_boxes: int | None = None,
) -> np.ndarray:
    """Non-maximum suppression of the boxes of one class, in NumPy.

    The best box is kept, all that overlap it too much are dropped, and so on with what
    is left. `car_detection.layers.NonMaxSuppression` is this for batches and classes.

    Args:
        boxes_xyxy: `(num, 4)`; corners may be inverted.
        scores: `(num,)`; of equal ones the earlier is the better.
        iou_threshold: a box is dropped if its IoU with a kept one is above this.
        max_boxes: at most as many are kept; None for no bound.

    Returns:
        Indices of the kept boxes, int64 `(num_kept,)`, best first.

    Raises:
        ValueError: there are not as many scores as boxes.

    Example:
        >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]]
        >>> greedy_nms(boxes, [0.8, 0.9, 0.3]).tolist()
        [1, 2]

    Reference:
        - Course 4, week 3, "Non-max suppression".
    """
    _, (boxes,) = _load(np.asarray(boxes_xyxy))
    scores = np.asarray(scores)
    if boxes.ndim != 2 or scores.shape != boxes.shape[:1]:
        raise ValueError(
            "`boxes_xyxy` must be (num, 4) and `scores` (num,). Received: shapes "
            f"{boxes.shape} and {scores.shape}."
        )
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order) and (max_boxes is None or len(kept) < max_boxes):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[~(iou(boxes[best], boxes[order]) > iou_threshold)]
    return np.array(kept, "int64")


def _load(*arrays):
    """NumPy or `keras.ops`, and the arrays as its floating-point ones."""
    if all(isinstance(a, np.ndarray | np.generic | list | tuple) for a in arrays):
        xp = np
        arrays = [np.asarray(array) for array in arrays]
        arrays = [
            array if array.dtype == "float64" else array.astype("float32", copy=False)
            for array in arrays
        ]
    else:
        from keras import ops as xp  # here, for data must not wait for Keras

        # Half precision cannot tell the pixels of a large picture apart.
        arrays = [xp.cast(xp.convert_to_tensor(array), "float32") for array in arrays]
    for array in arrays:
        if len(array.shape) == 0 or array.shape[-1] != 4:
            raise ValueError(
                "Boxes must have 4 numbers on their last axis. Received: "
                f"shape={tuple(array.shape)}."
            )
    return xp, arrays


def _split(boxes):
    return tuple(boxes[..., i] for i in range(4))


def _edges(xp, boxes):
    """x_min, y_min, x_max, y_max, whichever corners were given."""
    a, b, c, d = _split(boxes)
    return xp.minimum(a, c), xp.minimum(b, d), xp.maximum(a, c), xp.maximum(b, d)


def _area(edges):
    x_min, y_min, x_max, y_max = edges
    return (x_max - x_min) * (y_max - y_min)


def _overlap(xp, a, b):
    """The areas of intersection and union."""
    width = xp.minimum(a[2], b[2]) - xp.maximum(a[0], b[0])
    height = xp.minimum(a[3], b[3]) - xp.maximum(a[1], b[1])
    intersection = xp.maximum(width, 0) * xp.maximum(height, 0)
    return intersection, _area(a) + _area(b) - intersection


def _hull(xp, a, b):
    lows = [xp.minimum(a[i], b[i]) for i in (0, 1)]
    return *lows, *(xp.maximum(a[i], b[i]) for i in (2, 3))


def _divide(xp, numerator, denominator):
    """The quotient, 0 where the denominator is; so is its gradient."""
    positive = denominator > 0
    quotient = numerator / xp.where(positive, denominator, 1)
    return xp.where(positive, quotient, 0)
