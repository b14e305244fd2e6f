"""The loss of YOLOv2, term by term, with the choices of its successors as arguments."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from dlai_keras import boxes as box

BOX_LOSSES = ("squared", "giou", "diou", "ciou")
OBJECTNESS_LOSSES = ("squared", "crossentropy")
CLASS_LOSSES = ("softmax", "squared", "sigmoid")

# exp(8) = 2981 times an anchor: no box is larger, and an IoU must not become infinite.
_LARGEST_LOG_SIZE = 8.0


def yolo_loss_terms(
    y_true,
    y_pred,
    anchors: Sequence[Sequence[float]],
    strides: int,
    *,
    coordinate_weight: float = 5.0,
    object_weight: float = 1.0,
    no_object_weight: float = 0.5,
    class_weight: float = 1.0,
    spare_iou: float = 0.6,
    rescore: bool = True,
    size_scale: bool = False,
    box_loss: str = "squared",
    objectness_loss: str = "squared",
    focal_gamma: float = 0.0,
    class_loss: str = "softmax",
    scale_xy: float = 1.0,
    max_boxes: int = 50,
) -> dict:
    """The four terms of the YOLOv2 loss, each summed over a picture.

    With the outputs `tx, ty, tw, th, to` and class logits of each anchor in each cell,
    and hats for the truth that is assigned there:

    - coordinates, where there is an object: `coordinate_weight *
      ((σ(tx) - x̂)² + (σ(ty) - ŷ)² + (tw - log(ŵ / anchor w))² + (th - log(ĥ /
      anchor h))²)`;
    - objectness, there too: `object_weight * (IoU - σ(to))²` with the IoU of the
      predicted and the true box, through which no gradient flows;
    - no object, elsewhere: `no_object_weight * σ(to)²`, but nothing where the predicted
      box has an IoU above `spare_iou` with any true one of the picture: it is good,
      only not the one that is asked for;
    - classes, where there is an object: `class_weight` times the cross-entropy of the
      softmax.

    Darknet also pulls all boxes to their anchors for the first 12,800 pictures; this is
    left out.

    Args:
        y_true: `(batch, height, width, num_anchors, 5 + num_classes)` as
            `assign_targets` makes them. Where objectness is -1 nothing is asked, and
            boxes like the one there are spared.
        y_pred: `(batch, height, width, num_anchors * (5 + num_classes))`, raw.
        anchors: `(num_anchors, 2)`, width and height in pixels of the network's input.
        strides: pixels of a cell.
        coordinate_weight: λ coord of the paper.
        object_weight: of the objectness of assigned anchors; Darknet's YOLOv2 takes 5,
            with 1 for the three others.
        no_object_weight: λ noobj of the paper.
        class_weight: of the classes.
        spare_iou: see above; 1 spares nothing.
        rescore: False asks for an objectness of 1 instead of the IoU.
        size_scale: whether coordinates count `2 - w * h` times, with the true width and
            height as shares of the picture, as in Darknet: more for small objects.
        box_loss: `"squared"`, or `"giou"`, `"diou"` or `"ciou"` for
            `coordinate_weight * (1 - GIoU)` and so on, which ask for the overlap that
            is measured in the end.
        objectness_loss: `"squared"`, or `"crossentropy"`, whose gradient does not
            vanish where σ(to) is sure and wrong.
        focal_gamma: with cross-entropy, a factor `|target - σ(to)| ** focal_gamma`, so
            that the many easy places do not drown the few hard ones.
        class_loss: `"softmax"`; `"squared"` for the squared error of the softmax
            (YOLO's first version); `"sigmoid"` for one binary cross-entropy per class
            (YOLOv3's heads).
        scale_xy: factor about the middle of the cell, as in `YoloDecode`.
        max_boxes: true boxes of a picture that predictions are compared with.

    Returns:
        `coordinates`, `objectness`, `no_object` and `classes`, each `(batch,)`.

    Raises:
        ValueError: a kind of loss is unknown, or the anchors are not as many as those
            of `y_true`.

    Reference:
        - Redmon et al., 2016, "You only look once", equation 3.
        - Redmon and Farhadi, 2017, "YOLO9000", section 2; Darknet's region layer.
        - Zheng et al., 2020, "Distance-IoU loss"; Li et al., 2020, "Generalized focal
          loss", equation 3 (the focal factor for targets between 0 and 1).
    """
    _check_kinds(box_loss, objectness_loss, class_loss, focal_gamma)
    # Half precision cannot tell the pixels of a large picture apart.
    y_true, y_pred = (
        ops.cast(ops.convert_to_tensor(y), "float32") for y in (y_true, y_pred)
    )
    _, height, width, num_anchors, depth = ops.shape(y_true)
    if num_anchors != len(anchors):
        raise ValueError(
            f"`y_true` must have as many anchors as `anchors`. Received: {num_anchors} "
            f"in y_true, {len(anchors)} anchors."
        )
    anchors = ops.convert_to_tensor(np.asarray(anchors, "float32"))
    y_pred = ops.reshape(y_pred, (-1, height, width, num_anchors, depth))
    exists = y_true[..., 4] != 0  # an object, or one that nobody is blamed for
    is_object = ops.cast(y_true[..., 4] > 0, "float32")

    columns, rows = ops.meshgrid(ops.arange(width), ops.arange(height))
    corners = ops.cast(ops.stack([columns, rows], axis=-1), "float32")
    corners = corners[:, :, None, :]  # (height, width, 1, 2)
    offsets = ops.sigmoid(y_pred[..., :2]) * scale_xy - (scale_xy - 1) / 2
    log_sizes = y_pred[..., 2:4]
    bounded = ops.clip(log_sizes, -_LARGEST_LOG_SIZE, _LARGEST_LOG_SIZE)
    predicted_sizes = ops.exp(bounded) * anchors
    predicted = _to_corners((offsets + corners) * strides, predicted_sizes)
    # Where there is no object the anchor stands in, lest a logarithm become infinite.
    true_sizes = ops.where(exists[..., None], y_true[..., 2:4], anchors)
    true = _to_corners((y_true[..., :2] + corners) * strides, true_sizes)

    picture = ops.cast(width * height, "float32") * strides**2
    scale = 2 - ops.prod(true_sizes, axis=-1) / picture if size_scale else 1.0
    if box_loss == "squared":
        wanted = ops.log(true_sizes / anchors)
        errors = ops.sum(ops.square(offsets - y_true[..., :2]), axis=-1)
        errors = errors + ops.sum(ops.square(log_sizes - wanted), axis=-1)
    else:
        errors = 1 - _overlap(box_loss, predicted, true, predicted_sizes, true_sizes)

    target = is_object
    if rescore:
        target = is_object * ops.stop_gradient(box.iou(predicted, true))
    objectness = _objectness_errors(
        objectness_loss, y_pred[..., 4], target, focal_gamma
    )
    spared = exists
    if spare_iou < 1:
        # Of an object in several cells the one that it is in is enough.
        inside = (y_true[..., :2] >= 0) & (y_true[..., :2] <= 1)
        known = exists & ops.all(inside, axis=-1)
        spared |= _best_iou(predicted, true, known, max_boxes) > spare_iou
    counted = ops.cast(~spared, "float32")

    def total(weight, values):
        return weight * ops.sum(values, axis=(1, 2, 3))

    return {
        "coordinates": total(coordinate_weight, is_object * scale * errors),
        "objectness": total(object_weight, is_object * objectness),
        "no_object": total(no_object_weight, counted * objectness),
        "classes": total(
            class_weight,
            is_object * _class_errors(class_loss, y_pred[..., 5:], y_true[..., 5:]),
        ),
    }


def yolo_loss(y_true, y_pred, anchors, strides, **options):
    """The YOLOv2 loss of every picture: the sum of its `yolo_loss_terms`.

    Args:
        y_true: `(batch, height, width, num_anchors, 5 + num_classes)`.
        y_pred: `(batch, height, width, num_anchors * (5 + num_classes))`, raw.
        anchors: `(num_anchors, 2)`, width and height in pixels of the network's input.
        strides: pixels of a cell.
        **options: of `yolo_loss_terms`.

    Returns:
        `(batch,)`.

    Example:
        >>> y_true = np.zeros((1, 2, 2, 1, 7), "float32")
        >>> y_true[0, 1, 0, 0] = [0.5, 0.5, 8, 8, 1, 0, 1]
        >>> y_pred = np.zeros((1, 2, 2, 7), "float32")  # the true box, unsure of it
        >>> value = yolo_loss(y_true, y_pred, [[8, 8]], strides=16)
        >>> round(float(value[0]), 4)  # 0.5² + 0.5 * 3 * 0.5² + log 2
        1.3181

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger".
    """
    terms = yolo_loss_terms(y_true, y_pred, anchors, strides, **options)
    return sum(terms.values())


@keras.saving.register_keras_serializable(package="dlai_keras")
class YoloLoss(keras.losses.Loss):
    """The YOLOv2 loss of a head, one value per picture.

    See `yolo_loss_terms` for the formula. The defaults are the papers'.

    Args:
        anchors: `(num_anchors, 2)`, width and height in pixels of the network's input.
        strides: pixels of a cell.
        coordinate_weight: of the boxes.
        object_weight: of the objectness of assigned anchors.
        no_object_weight: of the objectness of all others.
        class_weight: of the classes.
        spare_iou: boxes that overlap a true one by more may claim an object.
        rescore: whether objectness should be the IoU; else 1.
        size_scale: whether small boxes count up to twice.
        box_loss: `"squared"`, `"giou"`, `"diou"` or `"ciou"`.
        objectness_loss: `"squared"` or `"crossentropy"`.
        focal_gamma: with cross-entropy, how much less easy places count.
        class_loss: `"softmax"`, `"squared"` or `"sigmoid"`.
        scale_xy: as in `YoloDecode`.
        max_boxes: true boxes of a picture that predictions are compared with.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: `(batch, height, width, num_anchors, 5 + num_classes)`; `y_pred`:
        `(batch, height, width, num_anchors * (5 + num_classes))`, raw.
    Output shape:
        `(batch,)` with `reduction=None`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> loss = YoloLoss([[8, 8], [16, 16]], strides=16, box_loss="ciou")
        >>> y_true = np.zeros((2, 3, 3, 2, 5 + 4), "float32")
        >>> float(loss(y_true, np.full((2, 3, 3, 2 * 9), -20.0))) < 1e-6
        True

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger".
    """

    def __init__(
        self,
        anchors,
        strides,
        coordinate_weight=5.0,
        object_weight=1.0,
        no_object_weight=0.5,
        class_weight=1.0,
        spare_iou=0.6,
        rescore=True,
        size_scale=False,
        box_loss="squared",
        objectness_loss="squared",
        focal_gamma=0.0,
        class_loss="softmax",
        scale_xy=1.0,
        max_boxes=50,
        reduction="sum_over_batch_size",
        name="yolo_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        sizes = np.asarray(anchors, "float64")
        if sizes.ndim != 2 or sizes.shape[1:] != (2,) or not (sizes > 0).all():
            raise ValueError(
                "`anchors` must be (num_anchors, 2), width and height above 0. "
                f"Received: {anchors}."
            )
        if int(strides) != strides or strides < 1:
            raise ValueError(
                "`strides` must be a whole number of pixels above 0. Received: "
                f"strides={strides}."
            )
        weights = {
            "coordinate_weight": coordinate_weight,
            "object_weight": object_weight,
            "no_object_weight": no_object_weight,
            "class_weight": class_weight,
            "focal_gamma": focal_gamma,
        }
        for argument, value in weights.items():
            if not 0 <= value < math.inf:
                raise ValueError(
                    f"`{argument}` must be 0 or more and finite. Received: {value}."
                )
        if not 0 <= spare_iou <= 1:
            raise ValueError(f"`spare_iou` must be from 0 to 1. Received: {spare_iou}.")
        _check_kinds(box_loss, objectness_loss, class_loss, focal_gamma)
        for argument, value in (("scale_xy", scale_xy), ("max_boxes", max_boxes)):
            if not value >= 1:
                raise ValueError(f"`{argument}` must be 1 or more. Received: {value}.")
        self.anchors = sizes.tolist()
        self.strides = int(strides)
        self.options = {
            **{argument: float(value) for argument, value in weights.items()},
            "spare_iou": float(spare_iou),
            "rescore": bool(rescore),
            "size_scale": bool(size_scale),
            "box_loss": box_loss,
            "objectness_loss": objectness_loss,
            "class_loss": class_loss,
            "scale_xy": float(scale_xy),
            "max_boxes": int(max_boxes),
        }

    def call(self, y_true, y_pred):
        return yolo_loss(y_true, y_pred, self.anchors, self.strides, **self.options)

    def get_config(self):
        return {
            **super().get_config(),
            "anchors": self.anchors,
            "strides": self.strides,
            **self.options,
        }


def _check_kinds(box_loss, objectness_loss, class_loss, focal_gamma):
    for argument, value, known in (
        ("box_loss", box_loss, BOX_LOSSES),
        ("objectness_loss", objectness_loss, OBJECTNESS_LOSSES),
        ("class_loss", class_loss, CLASS_LOSSES),
    ):
        if value not in known:
            raise ValueError(
                f"`{argument}` must be one of {', '.join(known)}. Received: "
                f"{argument}={value!r}."
            )
    if focal_gamma and objectness_loss != "crossentropy":
        raise ValueError(
            "`focal_gamma` needs objectness_loss='crossentropy'. Received: "
            f"objectness_loss={objectness_loss!r}."
        )
    if 0 < focal_gamma < 1:  # an infinite gradient where the prediction is right
        raise ValueError(
            f"`focal_gamma` must be 0, or 1 or more. Received: {focal_gamma}."
        )


def _to_corners(centres, sizes):
    return ops.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)


def _overlap(kind, predicted, true, predicted_sizes, true_sizes):
    """GIoU, DIoU or CIoU, `(batch, height, width, num_anchors)`."""
    if kind == "giou":
        return box.giou(predicted, true)
    distance_iou = box.diou(predicted, true)
    if kind == "diou":
        return distance_iou
    angles = [
        ops.arctan2(sizes[..., 0], sizes[..., 1])
        for sizes in (predicted_sizes, true_sizes)
    ]
    shape = 4 / math.pi**2 * ops.square(angles[0] - angles[1])
    # Boxes that overlap little must first meet, then agree in shape.
    weight = shape / (1 - box.iou(predicted, true) + shape + 1e-7)
    return distance_iou - ops.stop_gradient(weight) * shape


def _objectness_errors(kind, logits, target, gamma):
    if kind == "squared":
        return ops.square(ops.sigmoid(logits) - target)
    errors = ops.softplus(logits) - target * logits
    if not gamma:
        return errors
    return errors * ops.abs(target - ops.sigmoid(logits)) ** gamma


def _class_errors(kind, logits, one_hot):
    if kind == "softmax":
        return -ops.sum(one_hot * ops.log_softmax(logits, axis=-1), axis=-1)
    if kind == "squared":
        return ops.sum(ops.square(ops.softmax(logits, axis=-1) - one_hot), axis=-1)
    return ops.sum(ops.softplus(logits) - one_hot * logits, axis=-1)


def _best_iou(predicted, true, exists, max_boxes):
    """Largest IoU of each predicted box with any true one of its picture."""
    _, height, width, num_anchors, _ = ops.shape(predicted)
    num_places = height * width * num_anchors
    exists = ops.reshape(ops.cast(exists, "float32"), (-1, num_places))
    true = ops.reshape(true, (-1, num_places, 4))
    # The true boxes alone, some fifty, instead of every place with every other.
    known = exists.shape[1]
    present, places = ops.top_k(exists, min(max_boxes, known or max_boxes))
    true = ops.take_along_axis(true, places[..., None], axis=1)
    predicted = ops.stop_gradient(ops.reshape(predicted, (-1, num_places, 4)))
    iou = box.pairwise_iou(predicted, true)  # (batch, num_places, max_boxes)
    best = ops.max(iou * present[:, None, :], axis=-1)
    return ops.reshape(best, (-1, height, width, num_anchors))
