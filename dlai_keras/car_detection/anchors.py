"""Anchors: sizes that boxes are measured from, and which of them finds which object."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_MAX_ROUNDS = 300


def size_iou(sizes: ArrayLike, anchors: ArrayLike) -> np.ndarray:
    """Intersection over union of boxes that lie on top of each other.

    With the same centre the intersection is `min(w, w') * min(h, h')`: what is left of
    the overlap when places do not count.

    Args:
        sizes: `(num_sizes, 2)`, width and height in any unit, all above 0.
        anchors: `(num_anchors, 2)` in the same unit.

    Returns:
        float64 `(num_sizes, num_anchors)`, above 0 and up to 1.

    Raises:
        ValueError: a size is not above 0, or an array has another shape.

    Example:
        >>> size_iou([[2, 2], [1, 4]], [[2, 4]]).ravel().tolist()
        [0.5, 0.5]

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", section 2.
    """
    sizes, anchors = _check_sizes("sizes", sizes), _check_sizes("anchors", anchors)
    overlap = np.minimum(sizes[:, None], anchors[None]).prod(axis=-1)
    union = sizes.prod(axis=-1)[:, None] + anchors.prod(axis=-1)[None] - overlap
    return overlap / union


def cluster_anchors(
    rng: np.random.Generator,
    sizes: ArrayLike,
    num_anchors: int,
    *,
    num_starts: int = 10,
) -> tuple[np.ndarray, float]:
    """Finds sizes that suit the objects of a dataset, by k-means.

    The distance is `1 - IoU`, since a Euclidean one would care for large boxes only.
    Every size belongs to its nearest anchor, every anchor becomes the mean of its
    sizes, until nothing changes. The first anchors are drawn far from each other
    (k-means++), and the best of several starts is kept.

    Args:
        rng: draws the first anchors.
        sizes: `(num_sizes, 2)`, width and height of the objects in pixels of the
            network's input, not of the pictures they come from.
        num_anchors: how many. More suit better and cost more; the paper takes 5.
        num_starts: how often to begin anew.

    Returns:
        `(anchors, mean_iou)`: float32 `(num_anchors, 2)`, smallest area first, and the
        mean over all sizes of the IoU with their best anchor. The paper reports 0.61
        for 5 anchors on Pascal VOC, and 0.672 for 9.

    Raises:
        ValueError: there are fewer different sizes than anchors, or no sizes.

    Example:
        >>> sizes = [[10, 10], [10, 12], [10, 14], [40, 20], [44, 20]]
        >>> anchors, mean_iou = cluster_anchors(np.random.default_rng(0), sizes, 2)
        >>> anchors.tolist(), round(mean_iou, 3)
        ([[10.0, 12.0], [42.0, 20.0]], 0.919)

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", section 2,
          "Dimension clusters", table 1.
        - Arthur and Vassilvitskii, 2007, "k-means++: the advantages of careful
          seeding".
    """
    sizes = _check_sizes("sizes", sizes)
    if num_starts < 1:
        raise ValueError(f"`num_starts` must be 1 or more. Received: {num_starts}.")
    num_different = len(np.unique(sizes, axis=0))
    if not 1 <= num_anchors <= num_different:
        raise ValueError(
            "`num_anchors` must be 1 or more, and there must be as many different "
            f"sizes. Received: num_anchors={num_anchors}, {num_different} different "
            "sizes."
        )
    best, best_iou = None, -1.0
    for _ in range(num_starts):
        anchors = _k_means(sizes, _first_anchors(rng, sizes, num_anchors))
        mean_iou = float(size_iou(sizes, anchors).max(axis=1).mean())
        if mean_iou > best_iou:
            best, best_iou = anchors, mean_iou
    order = np.lexsort((best[:, 0], best.prod(axis=1)))
    return best[order].astype("float32"), best_iou


def _first_anchors(rng, sizes, num_anchors):
    """Sizes drawn one after another, by the squared distance from those before."""
    chosen = [sizes[rng.integers(len(sizes))]]
    while len(chosen) < num_anchors:
        distance = 1 - size_iou(sizes, chosen).max(axis=1)
        # What is chosen has a distance of 0 but for rounding.
        weights = np.where(distance > 1e-12, distance, 0.0) ** 2
        chosen.append(sizes[rng.choice(len(sizes), p=weights / weights.sum())])
    return np.array(chosen)


def _k_means(sizes, anchors):
    owners = None
    for _ in range(_MAX_ROUNDS):
        iou = size_iou(sizes, anchors)
        nearest = iou.argmax(axis=1)
        if owners is not None and (nearest == owners).all():
            break
        owners = nearest
        anchors = anchors.copy()
        # An anchor that lost all its sizes takes one of those that fit worst.
        worst = iter(iou.max(axis=1).argsort(kind="stable"))
        for index in range(len(anchors)):
            members = sizes[owners == index]
            anchors[index] = (
                members.mean(axis=0) if len(members) else sizes[next(worst)]
            )
    return anchors


def assign_targets(
    boxes_xyxy: ArrayLike,
    class_ids: ArrayLike,
    anchors: ArrayLike,
    grid: tuple[int, int],
    strides: int,
    num_classes: int,
    *,
    ignored: ArrayLike | None = None,
    extra_iou: float | None = None,
    neighbors: bool = False,
) -> np.ndarray:
    """What a network with one head should say about a picture.

    An object belongs to the cell that holds its centre, and there to the anchor whose
    size has the largest IoU with its own. Where two objects want the same place, the
    one that fits better has it and the other takes its next best anchor that is free;
    an object without a free one is left out.

    Args:
        boxes_xyxy: `(num_boxes, 4)` in pixels of the network's input.
        class_ids: `(num_boxes,)`, whole numbers from 0.
        anchors: `(num_anchors, 2)`, width and height in the same pixels.
        grid: `(height, width)` of the head, cells.
        strides: pixels of a cell.
        num_classes: length of the one-hot classes.
        ignored: `(num_boxes,)`, true for objects that count neither way, such as
            crowds (COCO) and difficult ones (Pascal VOC). They get an objectness of -1,
            and come after all others.
        extra_iou: further anchors of the cell, if free, are assigned to an object where
            their sizes have an IoU above this; YOLOv4 takes 0.213. None for the best
            one only, as in YOLOv2.
        neighbors: whether an object is also assigned, where there is room, to the two
            cells next to its own that its centre is nearest to: up to three times as
            many places to learn from. Their x and y are from -0.5 to 1.5, so the head
            needs `scale_xy=2`, as in YOLOv5.

    Returns:
        float32 `(grid height, grid width, num_anchors, 5 + num_classes)`: x and y of
        the centre within its cell, 0 to 1; width and height in pixels; objectness, 1, 0
        or -1; one-hot class. Zeros where there is no object.

    Raises:
        ValueError: a box is empty or its centre is outside of the grid, a class is
            unknown, or shapes do not fit.

    Example:
        >>> target = assign_targets([[8, 16, 24, 32]], [1], [[12, 12], [40, 40]],
        ...                         grid=(3, 4), strides=16, num_classes=2)
        >>> target.shape
        (3, 4, 2, 7)
        >>> target[1, 1, 0].tolist()
        [0.0, 0.5, 16.0, 16.0, 1.0, 0.0, 1.0]

    Reference:
        - Redmon et al., 2016, "You only look once", section 2 (cells); Redmon and
          Farhadi, 2017, "YOLO9000", section 2 (anchors).
        - Bochkovskiy et al., 2020, "YOLOv4", section 3.4, "using multiple anchors for
          a single ground truth".
    """
    [target] = assign_targets_to_heads(
        boxes_xyxy,
        class_ids,
        [anchors],
        [grid],
        [strides],
        num_classes,
        ignored=ignored,
        extra_iou=extra_iou,
        neighbors=neighbors,
    )
    return target


def assign_targets_to_heads(
    boxes_xyxy: ArrayLike,
    class_ids: ArrayLike,
    anchors: Sequence[ArrayLike],
    grids: Sequence[tuple[int, int]],
    strides: Sequence[int],
    num_classes: int,
    *,
    ignored: ArrayLike | None = None,
    extra_iou: float | None = None,
    neighbors: bool = False,
) -> list[np.ndarray]:
    """What a network with several heads should say about a picture.

    As `assign_targets`, but an object's best anchor is looked for among those of all
    heads: large objects belong to the coarse grid, small ones to the fine one.

    Args:
        boxes_xyxy: `(num_boxes, 4)` in pixels of the network's input.
        class_ids: `(num_boxes,)`, whole numbers from 0.
        anchors: of each head, `(num_anchors, 2)`.
        grids: of each head, `(height, width)`.
        strides: of each head.
        num_classes: length of the one-hot classes.
        ignored: see `assign_targets`.
        extra_iou: see `assign_targets`; here for anchors of all heads.
        neighbors: see `assign_targets`.

    Returns:
        One array for each head, as of `assign_targets`.

    Raises:
        ValueError: as `assign_targets`, or the heads' arguments differ in number.

    Example:
        >>> fine, coarse = assign_targets_to_heads(
        ...     [[0, 0, 60, 60]], [0], [[[10, 10]], [[50, 50]]], [(8, 8), (4, 4)],
        ...     [16, 32], num_classes=1)
        >>> float(fine.max()), coarse[0, 0, 0].tolist()
        (0.0, [0.9375, 0.9375, 60.0, 60.0, 1.0, 1.0])

    Reference:
        - Redmon and Farhadi, 2018, "YOLOv3: an incremental improvement", section 2.3.
    """
    if not len(anchors) == len(grids) == len(strides) or not len(anchors):
        raise ValueError(
            "Each head needs its anchors, grid and strides. Received: "
            f"{len(anchors)} anchors, {len(grids)} grids, {len(strides)} strides."
        )
    anchors = [_check_sizes("anchors", sizes) for sizes in anchors]
    boxes, class_ids, ignored = _check_objects(
        boxes_xyxy, class_ids, ignored, num_classes
    )
    targets = [
        np.zeros((*grid, len(sizes), 5 + num_classes), "float32")
        for grid, sizes in zip(grids, anchors, strict=True)
    ]
    if not len(boxes):
        return targets
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    places = [
        _cells(centres, grid, stride)
        for grid, stride in zip(grids, strides, strict=True)
    ]
    owners = [
        (head, index) for head, kind in enumerate(anchors) for index in range(len(kind))
    ]
    fit = size_iou(sizes, np.concatenate(anchors))  # (num_boxes, all anchors)

    def put(number, owner, down=0, right=0):
        """Whether the place, so many cells off, was there and free."""
        head, index = owners[owner]
        cells, offsets = places[head]
        row, column = cells[number] + (down, right)
        height, width = grids[head]
        if not (0 <= row < height and 0 <= column < width):
            return False
        place = targets[head][row, column, index]
        if place[4] != 0:
            return False
        place[:2] = offsets[number] - (right, down)
        place[2:4] = sizes[number]
        place[4] = -1.0 if ignored[number] else 1.0
        place[5 + class_ids[number]] = 1.0
        return True

    # Those that fit best first, so that the order of the boxes makes no difference.
    order = np.lexsort((*boxes.T, -fit.max(axis=1), ignored))
    preferences = np.argsort(-fit, axis=1, kind="stable")
    assigned = []
    for number in order:
        owner = next((one for one in preferences[number] if put(number, one)), None)
        if owner is not None and not ignored[number]:
            assigned.append((number, owner))
    if extra_iou is not None:
        further = np.argwhere((fit > extra_iou) & ~ignored[:, None])
        for number, owner in further[np.argsort(-fit[*further.T], kind="stable")]:
            if put(number, owner):
                assigned.append((number, owner))
    if neighbors:
        for number, owner in assigned:
            x, y = places[owners[owner][0]][1][number]
            put(number, owner, right=1 if x > 0.5 else -1)
            put(number, owner, down=1 if y > 0.5 else -1)
    return targets


def _cells(centres, grid, strides):
    """Row and column of every centre, and x and y within the cell."""
    height, width = grid
    scaled = centres / strides  # x, y in cells
    outside = ((scaled < 0) | (scaled > (width, height))).any(axis=1)
    if outside.any():
        x, y = centres[outside][0]
        raise ValueError(
            f"The centres of `boxes_xyxy` must be within {width * strides} x "
            f"{height * strides} pixels; clip the boxes, or leave out those outside."
            f" Received: x={x:g}, y={y:g}."
        )
    # A centre on the right or lower edge belongs to the last cell.
    cells = np.minimum(scaled.astype("int64"), (width - 1, height - 1))
    return cells[:, ::-1], scaled - cells


def _check_sizes(name, sizes):
    sizes = np.asarray(sizes, "float64")
    if sizes.ndim != 2 or sizes.shape[1] != 2 or not (sizes > 0).all():
        raise ValueError(
            f"`{name}` must be (number, 2), width and height above 0. Received: "
            f"shape={sizes.shape}"
            + (f", smallest={sizes.min():g}." if sizes.size else ".")
        )
    if not len(sizes) or not np.isfinite(sizes).all():
        raise ValueError(f"`{name}` must be finite, and one at least.")
    return sizes


def _check_objects(boxes, class_ids, ignored, num_classes):
    boxes = np.asarray(boxes, "float64").reshape(-1, 4)
    class_ids = np.asarray(class_ids).reshape(-1)
    if ignored is None:
        ignored = np.zeros(len(boxes), bool)
    ignored = np.asarray(ignored, bool).reshape(-1)
    if not len(boxes) == len(class_ids) == len(ignored):
        raise ValueError(
            "`boxes_xyxy`, `class_ids` and `ignored` must be as many. Received: "
            f"{len(boxes)} boxes, {len(class_ids)} classes, {len(ignored)} ignored."
        )
    flat = ~(boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if flat.any():
        raise ValueError(
            "`boxes_xyxy` must have x_max above x_min and y_max above y_min. Received: "
            f"{boxes[flat][0].tolist()}."
        )
    class_ids = class_ids.astype("int64")
    unknown = (class_ids < 0) | (class_ids >= num_classes)
    if unknown.any():
        raise ValueError(
            f"`class_ids` must be from 0 to {num_classes - 1}. Received: "
            f"{class_ids[unknown][0]}."
        )
    return boxes, class_ids, ignored
