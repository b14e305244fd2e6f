"""From feature maps to boxes, and from many boxes to few."""

import keras
from keras import ops

from dlai_keras import boxes

HEADS = ("region", "yolo")

# So many candidates are settled at a time: enough for most pictures, and few enough
# that each can be compared with each.
_TILE = 64
# Most pictures have so few boxes above the threshold that sorting can end there.
_FEW_BOXES = 256


@keras.saving.register_keras_serializable(package="dlai_keras")
class SpaceToDepth(keras.layers.Layer):
    """Squares of pixels become channels: the map is smaller, and nothing is lost.

    As `tf.nn.space_to_depth`: the channels of a square follow each other row by row.
    Darknet's reorg layer orders them in another way.

    Args:
        block_size: height and width of the squares.

    Input shape:
        `(batch, height, width, channels)`, height and width multiples of `block_size`.
    Output shape:
        `(batch, height / block_size, width / block_size, block_size ** 2 * channels)`.

    Raises:
        ValueError: `block_size` is not 1 or more, or does not divide height and width.

    Example:
        >>> tuple(SpaceToDepth(2)(ops.ones((1, 26, 26, 64))).shape)
        (1, 13, 13, 256)

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", section 2
          (the passthrough layer).
    """

    def __init__(self, block_size=2, **kwargs):
        super().__init__(**kwargs)
        self.block_size = _whole("block_size", block_size)

    def build(self, input_shape):
        if len(input_shape) != 4 or any(
            size is not None and size % self.block_size for size in input_shape[1:3]
        ):
            raise ValueError(
                "SpaceToDepth takes maps (batch, height, width, channels) whose height "
                f"and width are multiples of block_size={self.block_size}. Received: "
                f"shape={tuple(input_shape)}."
            )

    def call(self, inputs):
        size = self.block_size
        _, height, width, channels = ops.shape(inputs)
        x = ops.reshape(
            inputs, (-1, height // size, size, width // size, size, channels)
        )
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(
            x, (-1, height // size, width // size, size * size * channels)
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (
            None if size is None else size // self.block_size
            for size in (height, width)
        )
        return (batch, height, width, self.block_size**2 * channels)

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}


@keras.saving.register_keras_serializable(package="dlai_keras")
class YoloDecode(keras.layers.Layer):
    """Boxes and scores from the last feature map of a YOLO network.

    In every cell each anchor has `tx, ty, tw, th`, an objectness and the classes:

    - centre: `(sigmoid(t) * scale_xy - (scale_xy - 1) / 2 + cell) * strides`, for x
      with the cell's column and for y with its row;
    - width and height: `anchor * exp(t)`;
    - scores: `sigmoid(objectness) * softmax(classes)` for a region head, and
      `sigmoid(objectness) * sigmoid(classes)` for a yolo head.

    With `new_coordinates` the map holds sigmoids already, and width and height are
    `anchor * (2 * t) ** 2`.

    Args:
        anchors: a width and a height for every anchor, pixels of the network's input.
        num_classes: number of classes.
        strides: pixels of the network's input from one cell to the next.
        head: `"region"` as YOLOv2 has it, or `"yolo"` as YOLOv3 and later.
        scale_xy: above 1 the centre can reach the edges of its cell (YOLOv4).
        new_coordinates: Darknet's `new_coords=1` (Scaled-YOLOv4), of yolo heads.
        max_boxes: if given, only this many boxes of a picture are decoded: those of the
            highest objectness, in its order. That saves most of the work, and loses
            nothing above a score threshold unless more boxes than this have an
            objectness above it, for no score is above the objectness. Where the map's
            size is unknown even at run time, all are decoded.

    Input shape:
        `(batch, height, width, anchors * (5 + num_classes))`.
    Output shape:
        `boxes_xyxy` `(batch, num, 4)`, pixels of the network's input, not cut off at
        its edges, and `scores` `(batch, num, num_classes)`, where `num` is
        `height * width * anchors`: row by row, in a row cell by cell, in a cell anchor
        by anchor; or `max_boxes`, the highest objectness first. Both are float32
        whatever the dtype policy, for half precision cannot tell the pixels of a large
        picture apart.

    Raises:
        ValueError: an argument is out of its range, or the channels do not fit.

    Example:
        >>> decode = YoloDecode([(32, 64)], num_classes=2, strides=32, head="yolo")
        >>> boxes_xyxy, scores = decode(ops.zeros((1, 1, 2, 7)))
        >>> ops.convert_to_numpy(boxes_xyxy)[0].tolist()
        [[0.0, -16.0, 32.0, 48.0], [32.0, -16.0, 64.0, 48.0]]
        >>> ops.convert_to_numpy(scores)[0].tolist()
        [[0.25, 0.25], [0.25, 0.25]]

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", figure 3.
        - Redmon and Farhadi, 2018, "YOLOv3: an incremental improvement", section 2.1.
        - Bochkovskiy et al., 2020, "YOLOv4", section 3.4 (grid sensitivity).
    """

    def __init__(
        self,
        anchors,
        num_classes,
        strides,
        head="region",
        scale_xy=1.0,
        new_coordinates=False,
        max_boxes=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        anchors = [tuple(float(size) for size in anchor) for anchor in anchors]
        if not anchors or any(
            len(anchor) != 2 or min(anchor) <= 0 for anchor in anchors
        ):
            raise ValueError(
                "`anchors` must be pairs of width and height above 0, at least one. "
                f"Received: anchors={anchors}."
            )
        if head not in HEADS:
            raise ValueError(
                f"`head` must be one of {', '.join(HEADS)}. Received: head={head!r}."
            )
        if new_coordinates and head != "yolo":
            raise ValueError(
                "`new_coordinates` are of yolo heads. Received: "
                f"new_coordinates={new_coordinates}, head={head!r}."
            )
        if scale_xy <= 0:
            raise ValueError(
                f"`scale_xy` must be above 0. Received: scale_xy={scale_xy}."
            )
        self.anchors = anchors
        self.num_classes = _whole("num_classes", num_classes)
        self.strides = _whole("strides", strides)
        self.head = head
        self.scale_xy = float(scale_xy)
        self.new_coordinates = bool(new_coordinates)
        self.max_boxes = max_boxes
        if max_boxes is not None:
            self.max_boxes = _whole("max_boxes", max_boxes)

    def build(self, input_shape):
        channels = len(self.anchors) * (5 + self.num_classes)
        if len(input_shape) != 4 or input_shape[-1] != channels:
            raise ValueError(
                f"YoloDecode takes maps (batch, height, width, {channels}): "
                f"{len(self.anchors)} anchors of 5 + {self.num_classes} numbers. "
                f"Received: shape={tuple(input_shape)}."
            )

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        num_anchors = len(self.anchors)
        num = height * width * num_anchors
        rows = ops.cast(inputs, "float32")
        rows = ops.reshape(rows, (-1, num, 5 + self.num_classes))
        place = ops.arange(num, dtype="int32")
        if self.max_boxes is not None and rows.shape[1] is not None:
            num = min(self.max_boxes, num)
            # An objectness has the order of its logit.
            _, place = ops.top_k(rows[..., 4], num)
            place = ops.cast(place, "int32")
            rows = _gather(rows, place)  # (batch, num, 5 + num_classes)
        cell = place // num_anchors
        corner = ops.stack([cell % width, cell // width], axis=-1)
        anchors = ops.convert_to_tensor(self.anchors, "float32")
        anchors = ops.take(anchors, place % num_anchors, axis=0)  # (..., num, 2)
        offset, size = rows[..., :2], rows[..., 2:4]
        objectness, classes = rows[..., 4:5], rows[..., 5:]
        if self.new_coordinates:
            size = ops.square(2 * size)
        else:
            offset, size = ops.sigmoid(offset), ops.exp(size)
            objectness = ops.sigmoid(objectness)
            if self.head == "yolo":
                classes = ops.sigmoid(classes)
            elif self.num_classes == 1:
                classes = ops.ones_like(classes)  # the softmax of one number
            else:
                classes = ops.softmax(classes)
        offset = offset * self.scale_xy - (self.scale_xy - 1) / 2
        centre = (offset + ops.cast(corner, "float32")) * self.strides
        half = size * (anchors / 2)
        boxes_xyxy = ops.concatenate([centre - half, centre + half], axis=-1)
        return boxes_xyxy, objectness * classes

    def compute_output_spec(self, inputs):
        batch, height, width, _ = inputs.shape
        num = None
        if height is not None and width is not None:
            num = height * width * len(self.anchors)
            num = num if self.max_boxes is None else min(self.max_boxes, num)
        return (
            keras.KerasTensor((batch, num, 4), "float32"),
            keras.KerasTensor((batch, num, self.num_classes), "float32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "anchors": self.anchors,
            "num_classes": self.num_classes,
            "strides": self.strides,
            "head": self.head,
            "scale_xy": self.scale_xy,
            "new_coordinates": self.new_coordinates,
            "max_boxes": self.max_boxes,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class NonMaxSuppression(keras.layers.Layer):
    """Of boxes that overlap keeps the best: few boxes, with a class each.

    Every box is a candidate for every class whose score is above the threshold. The
    best candidate is kept, and those of its class drop out whose IoU with it is above
    the threshold; then the best of the rest, and so on until `max_boxes` are kept.
    This is exact for the `max_candidates` best candidates of a picture, which is all
    of them unless a very low threshold lets more through.

    All pictures of a batch go at once. Candidates are taken best first, 64 at a time;
    of these, those that a kept box does not suppress settle among themselves:
    `keep[i] = not any(keep[j] and overlap[i, j])` over the better ones j, over and over
    until nothing changes. That is the greedy rule, for its first r answers are right
    after r rounds; a few rounds are enough where boxes do not suppress each other in
    long chains. It ends as soon as no picture has candidates left, or room.

    Of equal scores the earlier box is the better, but PyTorch sorts them in any order.
    JAX compiles the loops anew in every call outside of a compiled function: there,
    call the model through `predict` or `jax.jit`.

    Args:
        iou_threshold: candidates drop out above this.
        score_threshold: candidates have a score above this.
        max_boxes: as many are kept at most, of all classes together.
        max_candidates: as many (box, class) pairs of a picture take part at most.
        soft_sigma: if given, overlapping candidates are not dropped but their scores
            lowered (soft-NMS), and drop out where they fall to the score threshold. A
            number: times `exp(-iou ** 2 / soft_sigma)`, with no IoU threshold (the
            paper has 0.5; TensorFlow's `soft_nms_sigma` is half of this). `"linear"`:
            times `1 - iou` above the IoU threshold. It takes as many rounds as boxes
            are kept.
        class_agnostic: whether boxes of any class suppress each other. Each box is then
            a candidate for its best class only.

    Input shape:
        `boxes_xyxy`: `(batch, num, 4)`, any unit; corners may be inverted, and y may
        come before x. `scores`: `(batch, num, num_classes)`.
    Output shape:
        A dict, best first: `boxes_xyxy` `(batch, max_boxes, 4)` and `scores`
        `(batch, max_boxes)`, float32, zeros where there are fewer; `class_ids`
        `(batch, max_boxes)`, int32, -1 where there are fewer; `num_detections`
        `(batch,)`, int32.

    Raises:
        ValueError: an argument is out of its range, or the inputs do not fit.

    Example:
        >>> boxes_xyxy = [[[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]]]
        >>> scores = [[[0.8, 0.0], [0.9, 0.0], [0.0, 0.6]]]
        >>> suppress = NonMaxSuppression(max_boxes=3)
        >>> result = suppress(ops.array(boxes_xyxy), ops.array(scores))
        >>> ops.convert_to_numpy(result["class_ids"]).tolist()
        [[0, 1, -1]]
        >>> ops.convert_to_numpy(result["num_detections"]).tolist()
        [2]

    Reference:
        - Course 4, week 3, "Non-max suppression".
        - Bodla et al., 2017, "Soft-NMS: improving object detection with one line of
          code", equations 2 and 3.
    """

    def __init__(
        self,
        iou_threshold=0.45,
        score_threshold=0.25,
        max_boxes=100,
        max_candidates=1000,
        soft_sigma=None,
        class_agnostic=False,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        for argument, value in (
            ("iou_threshold", iou_threshold),
            ("score_threshold", score_threshold),
        ):
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{argument}` must be in 0 to 1. Received: {argument}={value}."
                )
        if soft_sigma not in (None, "linear") and (
            isinstance(soft_sigma, str) or soft_sigma <= 0
        ):
            raise ValueError(
                "`soft_sigma` must be None, a number above 0 or 'linear'. Received: "
                f"soft_sigma={soft_sigma!r}."
            )
        self.iou_threshold = float(iou_threshold)
        self.score_threshold = float(score_threshold)
        self.max_boxes = _whole("max_boxes", max_boxes)
        self.max_candidates = _whole("max_candidates", max_candidates)
        self.soft_sigma = soft_sigma
        self.class_agnostic = bool(class_agnostic)

    def build(self, boxes_xyxy_shape, scores_shape):
        one, other = tuple(boxes_xyxy_shape), tuple(scores_shape)
        if len(one) != 3 or one[-1] != 4 or len(other) != 3 or other[-1] is None:
            raise ValueError(
                "NonMaxSuppression takes boxes_xyxy (batch, num, 4) and scores (batch, "
                f"num, num_classes). Received: shapes {one} and {other}."
            )

    def call(self, boxes_xyxy, scores):
        candidates = self._candidates(
            ops.cast(boxes_xyxy, "float32"), ops.cast(scores, "float32")
        )
        boxes_xyxy, scores, class_ids = candidates
        groups = None if self.class_agnostic else class_ids
        if self.soft_sigma is None:
            kept, num = suppress(
                boxes_xyxy,
                scores,
                groups,
                iou_threshold=self.iou_threshold,
                score_threshold=self.score_threshold,
                max_boxes=self.max_boxes,
            )
            scores = _gather(scores, kept)
        else:
            kept, num, scores = _suppress_softly(
                boxes_xyxy,
                scores,
                groups,
                self._weights,
                score_threshold=self.score_threshold,
                max_boxes=self.max_boxes,
            )
        there = ops.arange(self.max_boxes, dtype="int32") < ops.expand_dims(num, 1)
        return {
            "boxes_xyxy": ops.where(
                ops.expand_dims(there, -1), _gather(boxes_xyxy, kept), 0.0
            ),
            "scores": ops.where(there, scores, 0.0),
            "class_ids": ops.where(there, _gather(class_ids, kept), -1),
            "num_detections": num,
        }

    def _candidates(self, boxes_xyxy, scores):
        """The best (box, class) pairs of every picture, best first."""
        best = ops.max(scores, axis=-1)  # (batch, num)
        # Sorting goes faster where most are equal.
        best = ops.where(best > self.score_threshold, best, 0.0)
        limit = self.max_candidates
        if scores.shape[1] is None:  # at least as many as are wanted
            best = ops.pad(best, ((0, 0), (0, limit)))
        else:
            limit = min(limit, scores.shape[1])
        num_pairs = limit
        if not self.class_agnostic:
            num_pairs = min(self.max_candidates, limit * scores.shape[2])

        def choose(num_boxes):
            return self._best_pairs(boxes_xyxy, scores, best, num_boxes, num_pairs)

        few = _FEW_BOXES
        if self.class_agnostic or limit <= few or num_pairs > few * scores.shape[2]:
            return choose(limit)  # there is nothing to gain
        counts = ops.sum(ops.cast(best > 0, "int32"), axis=-1)
        return ops.cond(
            ops.max(counts) <= few, lambda: choose(few), lambda: choose(limit)
        )

    def _best_pairs(self, boxes_xyxy, scores, best, num_boxes, num_pairs):
        """The `num_pairs` best pairs, which are of the `num_boxes` best boxes.

        A box that is not among the best has as many pairs before it as there are those.
        """
        num_classes = scores.shape[2]
        best, index = ops.top_k(best, num_boxes)
        index = ops.cast(index, "int32")
        if scores.shape[1] is None:
            index = ops.minimum(index, ops.shape(scores)[1] - 1)
        if num_classes == 1:
            return _gather(boxes_xyxy, index), best, ops.zeros_like(index)
        scores = _gather(scores, index)  # (batch, num_boxes, num_classes)
        if self.class_agnostic:
            class_ids = ops.cast(ops.argmax(scores, axis=-1), "int32")
            return _gather(boxes_xyxy, index), best, class_ids
        # What is below the threshold counts for nothing, and so does what stands in
        # for boxes that are not there.
        there = ops.minimum(scores, ops.expand_dims(best, -1)) > self.score_threshold
        pairs = ops.reshape(
            ops.where(there, scores, 0.0), (-1, num_boxes * num_classes)
        )
        best, pair = ops.top_k(pairs, num_pairs)
        pair = ops.cast(pair, "int32")
        index = _gather(index, pair // num_classes)
        return _gather(boxes_xyxy, index), best, pair % num_classes

    def _weights(self, iou):
        """What is left of a score beside a kept box."""
        if self.soft_sigma == "linear":
            return ops.where(iou > self.iou_threshold, 1 - iou, 1.0)
        return ops.exp(-ops.square(iou) / self.soft_sigma)

    def compute_output_spec(self, boxes_xyxy, scores):
        batch, num = scores.shape[0], self.max_boxes
        return {
            "boxes_xyxy": keras.KerasTensor((batch, num, 4), "float32"),
            "scores": keras.KerasTensor((batch, num), "float32"),
            "class_ids": keras.KerasTensor((batch, num), "int32"),
            "num_detections": keras.KerasTensor((batch,), "int32"),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "iou_threshold": self.iou_threshold,
            "score_threshold": self.score_threshold,
            "max_boxes": self.max_boxes,
            "max_candidates": self.max_candidates,
            "soft_sigma": self.soft_sigma,
            "class_agnostic": self.class_agnostic,
        }


def suppress(
    boxes_xyxy, scores, groups=None, *, iou_threshold, score_threshold, max_boxes
):
    """Greedy non-maximum suppression of candidates in order, a batch at once.

    Args:
        boxes_xyxy: `(batch, num, 4)`, float32, best first.
        scores: `(batch, num)`, float32, falling.
        groups: int32 `(batch, num)`: only boxes of one group suppress each other; None
            for one group.
        iou_threshold: boxes above this drop out.
        score_threshold: boxes must have a score above this.
        max_boxes: as many are kept at most.

    Returns:
        `(kept, num_kept)`: int32 `(batch, max_boxes)`, indices of the kept boxes, best
        first, 0 where there are fewer; int32 `(batch,)`.

    Example:
        >>> kept, num_kept = suppress(
        ...     ops.array([[[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]]]),
        ...     ops.array([[0.9, 0.8, 0.7]]),
        ...     iou_threshold=0.5,
        ...     score_threshold=0.1,
        ...     max_boxes=4,
        ... )
        >>> ops.convert_to_numpy(kept).tolist(), ops.convert_to_numpy(num_kept).tolist()
        ([[0, 2, 0, 0]], [2])
    """
    num = scores.shape[1]
    tile = min(_TILE, num)
    num_tiles = -(-num // tile)
    if groups is None:
        groups = ops.zeros_like(scores, "int32")

    def tiles(x):  # (num_tiles, batch, tile, ...)
        rest = tuple(x.shape[2:])
        missing = num_tiles * tile - num
        if missing:
            x = ops.pad(x, ((0, 0), (0, missing)) + ((0, 0),) * len(rest))
        x = ops.reshape(x, (-1, num_tiles, tile, *rest))
        return ops.transpose(x, (1, 0, 2, *range(3, 3 + len(rest))))

    present = ops.greater(scores, score_threshold)
    box_tiles, group_tiles, present_tiles = map(tiles, (boxes_xyxy, groups, present))
    places = ops.arange(tile, dtype="int32")
    slots = ops.arange(max_boxes, dtype="int32")
    better = ops.expand_dims(places, 1) > places  # (tile, tile), j better than i

    def overlaps(a, a_groups, b, b_groups):
        same = ops.expand_dims(a_groups, -1) == ops.expand_dims(b_groups, -2)
        return ops.logical_and(same, boxes.pairwise_iou(a, b) > iou_threshold)

    def unfinished(number, kept, num_kept):
        # Falling scores: a tile without its first box has none.
        rest = ops.take(present_tiles, ops.minimum(number, num_tiles - 1), axis=0)
        some = ops.any(ops.logical_and(rest[:, 0], num_kept < max_boxes))
        return ops.logical_and(number < num_tiles, some)

    def one_tile(number, kept, num_kept):
        own, own_groups, alive = (
            ops.take(x, number, axis=0) for x in (box_tiles, group_tiles, present_tiles)
        )
        taken = slots < ops.expand_dims(num_kept, 1)  # (batch, max_boxes)
        hit = overlaps(
            own, own_groups, _gather(boxes_xyxy, kept), _gather(groups, kept)
        )
        hit = ops.any(ops.logical_and(hit, ops.expand_dims(taken, 1)), axis=-1)
        alive = ops.logical_and(alive, ops.logical_not(hit))
        among = ops.logical_and(overlaps(own, own_groups, own, own_groups), better)
        keep = _settle(alive, among)
        # The n-th of the newly kept goes into the n-th free slot.
        counts = ops.cumsum(ops.cast(keep, "int32"), axis=-1)  # (batch, tile)
        slot = ops.where(keep, ops.expand_dims(num_kept, 1) + counts - 1, -1)
        goes = ops.expand_dims(slot, -1) == slots  # (batch, tile, max_boxes)
        index = ops.expand_dims(number * tile + places, -1)
        kept = kept + ops.sum(ops.where(goes, index, 0), axis=1)
        num_kept = ops.minimum(num_kept + counts[:, -1], max_boxes)
        return number + 1, kept, num_kept

    nothing = ops.zeros_like(scores[:, 0], "int32")  # (batch,)
    _, kept, num_kept = ops.while_loop(
        unfinished,
        one_tile,
        (
            ops.convert_to_tensor(0, "int32"),
            ops.tile(ops.expand_dims(nothing, 1), (1, max_boxes)),
            nothing,
        ),
    )
    return kept, num_kept


def _settle(alive, overlap):
    """Which of the living are kept: those that no better kept one overlaps.

    Args:
        alive: bool `(batch, num)`.
        overlap: bool `(batch, num, num)`: j is better than i and suppresses it.
    """

    def one_round(keep, previous):
        hit = ops.any(ops.logical_and(overlap, ops.expand_dims(keep, 1)), axis=-1)
        return ops.logical_and(alive, ops.logical_not(hit)), keep

    keep, _ = ops.while_loop(
        lambda keep, previous: ops.any(keep != previous),
        one_round,
        one_round(alive, alive),
    )
    return keep


def _suppress_softly(
    boxes_xyxy, scores, groups, weights, *, score_threshold, max_boxes
):
    """As `suppress`, with scores that fall by `weights(iou)`: these are returned too.

    One box a round, for each changes the order of the rest.
    """
    places = ops.arange(scores.shape[1], dtype="int32")
    slots = ops.arange(max_boxes, dtype="int32")

    def unfinished(number, rest, kept, kept_scores, num_kept):
        return ops.logical_and(number < max_boxes, ops.any(rest > score_threshold))

    def one_box(number, rest, kept, kept_scores, num_kept):
        index = ops.cast(ops.argmax(rest, axis=-1, keepdims=True), "int32")
        score = ops.max(rest, axis=-1, keepdims=True)  # (batch, 1)
        found = score > score_threshold
        iou = boxes.pairwise_iou(_gather(boxes_xyxy, index), boxes_xyxy)[:, 0]
        factor = weights(iou)
        if groups is not None:
            factor = ops.where(groups == _gather(groups, index), factor, 1.0)
        # Whoever is taken is below every threshold, and stays there.
        rest = ops.where(places == index, -1.0, rest * factor)
        free = ops.logical_and(slots == number, found)
        return (
            number + 1,
            rest,
            ops.where(free, index, kept),
            ops.where(free, score, kept_scores),
            num_kept + ops.cast(found[:, 0], "int32"),
        )

    nothing = ops.zeros_like(scores[:, 0], "int32")
    kept = ops.tile(ops.expand_dims(nothing, 1), (1, max_boxes))
    _, _, kept, kept_scores, num_kept = ops.while_loop(
        unfinished,
        one_box,
        (
            ops.convert_to_tensor(0, "int32"),
            ops.where(scores > score_threshold, scores, -1.0),
            kept,
            ops.zeros_like(kept, "float32"),
            nothing,
        ),
    )
    return kept, num_kept, kept_scores


def _gather(x, index):
    """Rows of every picture: `(batch, num, ...)`, `(batch, k)` -> `(batch, k, ...)`.

    Through one flat table: `take_along_axis` goes number by number.
    """
    rest = tuple(x.shape[2:])
    num = ops.shape(x)[1]
    first = ops.arange(ops.shape(x)[0], dtype="int32") * num
    flat = ops.reshape(index + ops.expand_dims(first, 1), (-1,))
    rows = ops.take(ops.reshape(x, (-1, *rest)), flat, axis=0)
    return ops.reshape(rows, (-1, index.shape[1], *rest))


def _whole(argument, value):
    if value != int(value) or value < 1:
        raise ValueError(
            f"`{argument}` must be a whole number of 1 or more. "
            f"Received: {argument}={value}."
        )
    return int(value)
