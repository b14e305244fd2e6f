"""Average precision of detections: COCO's, Pascal VOC's, with intervals and curves.

A detection is right where it overlaps an object of its class enough that no better
detection has taken. Objects that are `ignored` (COCO's crowds, VOC's difficult ones)
count neither as found nor as missed, and nor do the detections on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dlai_keras import boxes
from dlai_keras.car_detection.data import (
    AnnotatedImages,
    Detections,
    check_detections,
)

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
# Square pixels; the ends belong to both sides, as in COCO.
AREAS = {
    "all": (0, 1e5**2),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e5**2),
}
MAX_DETECTIONS = (1, 10, 100)  # of one class on one picture
KINDS = ("localisation", "class", "duplicate", "background", "both")
RIGHT, NOT_COUNTED = -1, -2  # beside the indices of KINDS
NONE = -1.0  # COCO's figure where there is no object to find


def evaluate_detections(
    truth: AnnotatedImages, detections: Sequence[Detections]
) -> dict:
    """COCO's twelve figures, and the average precision of each class.

    Equal to those of COCO's own evaluation of boxes. The average precision of a class
    is the mean of its interpolated precision at the recalls 0, 0.01 ... 1; "mean" is
    over the classes that occur. Equal scores go by `image_id`, as there, or by the
    order of the pictures where these are not all numbers.

    Args:
        truth: annotated pictures.
        detections: of each picture, in the same order; an empty one where nothing was
            found.

    Returns:
        dict with

        - `map`: mean over IoU thresholds .5, .55 ... .95; `map_50`, `map_75`: at one;
        - `map_small`, `map_medium`, `map_large`: `map` of the objects below 32² pixels
          of area, between, and from 96² on;
        - `ar_1`, `ar_10`, `ar_100`: mean recall with this many detections of a class
          on a picture at most; `ar_small`, `ar_medium`, `ar_large`: with 100;
        - `ap`, `ap_50`: class name -> average precision, of the classes that occur.

        A figure of no object at all is -1.

    Raises:
        ValueError: the lengths differ, or a class is beyond the list.

    Example:
        >>> from dlai_keras.car_detection.data import AnnotatedImage
        >>> truth = AnnotatedImages(
        ...     [AnnotatedImage([[0, 0, 10, 10]], [0], (20, 20))], ["car"]
        ... )
        >>> result = evaluate_detections(truth, [Detections([[0, 0, 10, 7]], [1], [0])])
        >>> result["map_50"], round(result["map"], 3), result["map_large"]
        (1.0, 0.5, -1.0)

    Reference:
        - https://cocodataset.org/#detection-eval
        - Lin et al., 2014, "Microsoft COCO: Common Objects in Context".
    """
    matches = _match(truth, detections, IOU_THRESHOLDS, AREAS.values())
    shape = (len(truth.class_names), len(AREAS), len(IOU_THRESHOLDS))
    precisions = np.full(shape, np.nan)  # (classes, areas, thresholds)
    recalls = np.full((*shape, len(MAX_DETECTIONS)), np.nan)
    for class_id, one in matches.by_class():
        num_objects = one.objects_counted.sum(axis=1)  # (areas,)
        curves = one.curves()
        for area in np.flatnonzero(num_objects):
            for threshold in range(len(IOU_THRESHOLDS)):
                hits, misses = curves[0][area, threshold], curves[1][area, threshold]
                precisions[class_id, area, threshold] = interpolate(
                    hits, misses, num_objects[area], RECALLS
                ).mean()
        for number, most in enumerate(MAX_DETECTIONS):
            hits = (one.hits & (one.ranks < most)).sum(axis=-1)  # (areas, thresholds)
            with np.errstate(invalid="ignore", divide="ignore"):
                share = hits / num_objects[:, None]
            recalls[class_id, :, :, number] = share
    named = list(AREAS)
    result = {"map": _mean(precisions[:, 0])}
    for share in (50, 75):
        result[f"map_{share}"] = _mean(precisions[:, 0, (share - 50) // 5])
    for area, name in enumerate(named[1:], start=1):
        result[f"map_{name}"] = _mean(precisions[:, area])
    for number, most in enumerate(MAX_DETECTIONS):
        result[f"ar_{most}"] = _mean(recalls[:, 0, :, number])
    for area, name in enumerate(named[1:], start=1):
        result[f"ar_{name}"] = _mean(recalls[:, area, :, -1])
    result["ap"] = _by_name(truth, precisions[:, 0].mean(axis=1))
    result["ap_50"] = _by_name(truth, precisions[:, 0, 0])
    return result


def coco_table(result: dict) -> str:
    """The twelve figures in the words of COCO's own table.

    Args:
        result: as `evaluate_detections` returns it.

    Returns:
        Twelve lines.
    """
    lines = []
    rows = [("map", "0.50:0.95", "all", 100), ("map_50", "0.50", "all", 100)]
    rows += [("map_75", "0.75", "all", 100)]
    rows += [(f"map_{area}", "0.50:0.95", area, 100) for area in list(AREAS)[1:]]
    rows += [(f"ar_{most}", "0.50:0.95", "all", most) for most in MAX_DETECTIONS]
    rows += [(f"ar_{area}", "0.50:0.95", area, 100) for area in list(AREAS)[1:]]
    for key, iou, area, most in rows:
        name, short = ("Precision", "AP") if key[0] == "m" else ("Recall", "AR")
        lines.append(
            f" Average {name:<10} ({short}) @[ IoU={iou:<9} | area={area:>6} | "
            f"maxDets={most:>3} ] = {result[key]:0.3f}"
        )
    return "\n".join(lines)


def average_precision_voc(
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    iou_threshold: float = 0.5,
    points: int | None = None,
    pixel_offset: float = 0.0,
) -> dict:
    """Pascal VOC's average precision of each class, and its mean.

    The rule differs from COCO's: a detection belongs to the object that it overlaps
    most, even if a better one has taken that already; then it is wrong.

    Args:
        truth: annotated pictures.
        detections: of each picture, in the same order.
        iou_threshold: overlap from which a detection is right.
        points: 11 for the mean of the interpolated precision at the recalls 0, 0.1 ...
            1, as until 2009; None for the area below the whole curve, as since 2010.
        pixel_offset: added to every width and height. 1 where corners are the numbers
            of the first and last pixel, as in VOC's own code. `load_voc` has added it
            to the boxes already.

    Returns:
        dict with `map` and `ap` (class name -> average precision), of the classes that
        occur; `map` is -1 where there is no object at all.

    Raises:
        ValueError: the lengths differ, a class is beyond the list, or an argument is
            out of its range.

    Example:
        >>> from dlai_keras.car_detection.data import AnnotatedImage
        >>> one = AnnotatedImage([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0], (20, 40))
        >>> found = Detections([[0, 0, 10, 10], [5, 9, 9, 19]], [0.9, 0.8], [0, 0])
        >>> average_precision_voc(AnnotatedImages([one], ["car"]), [found])
        {'map': 0.5, 'ap': {'car': 0.5}}

    Reference:
        - Everingham et al., 2010, "The Pascal Visual Object Classes (VOC) Challenge",
          section 4.2; development kit of 2012, `VOCevaldet.m`.
    """
    _check_threshold(iou_threshold)
    if points is not None and points < 2:
        raise ValueError(
            "`points` must be None, for the whole curve, or the number of recalls, 11 "
            f"for VOC 2007. Received: points={points}."
        )
    matches = _match(
        truth,
        detections,
        np.array([iou_threshold]),
        [AREAS["all"]],
        by_voc=True,
        pixel_offset=pixel_offset,
    )
    precisions = np.full(len(truth.class_names), np.nan)
    for class_id, one in matches.by_class():
        num_objects = one.objects_counted.sum()
        if not num_objects:
            continue
        hits, misses = (part[0, 0] for part in one.curves())
        if points is None:
            recall = np.concatenate([[0], hits]) / num_objects
            # At each of its own recalls the curve is as high as anywhere later.
            levels = recall[1:][np.diff(recall) > 0]
            heights = interpolate(hits, misses, num_objects, levels)
            precisions[class_id] = heights.sum() / num_objects
        else:
            levels = np.arange(points) / (points - 1)
            precisions[class_id] = interpolate(hits, misses, num_objects, levels).mean()
    return {"map": _mean(precisions), "ap": _by_name(truth, precisions)}


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """What a class would get at each score threshold.

    Attributes:
        scores: float64 `(num,)`, descending: every score that occurs, as a threshold.
        precision: float64 `(num,)`: right ones of those with this score or more.
        recall: float64 `(num,)`: objects that these have found.
        num_objects: how many there are.
        average_precision: COCO's, of this IoU threshold.
    """

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    num_objects: int
    average_precision: float

    def best_f1(self) -> tuple[float, float]:
        """`(F1, score threshold)` where F1 is highest; `(0.0, 1.0)` without a hit."""
        both = self.precision + self.recall
        f1 = 2 * self.precision * self.recall / np.where(both > 0, both, 1)
        if not f1.any():
            return 0.0, 1.0
        return float(f1.max()), float(self.scores[f1.argmax()])


def precision_recall_curves(
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    iou_threshold: float = 0.5,
) -> dict[str, PrecisionRecall]:
    """Precision and recall of each class that occurs, at every score threshold.

    Detections are matched as COCO does it.

    Args:
        truth: annotated pictures.
        detections: of each picture, in the same order.
        iou_threshold: overlap from which a detection is right.

    Returns:
        Class name -> `PrecisionRecall`.

    Raises:
        ValueError: as of `average_precision_voc`.

    Example:
        >>> from dlai_keras.car_detection.data import AnnotatedImage
        >>> one = AnnotatedImage([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0], (20, 40))
        >>> found = Detections([[0, 0, 10, 10], [5, 9, 9, 19]], [0.75, 0.5], [0, 0])
        >>> curves = precision_recall_curves(AnnotatedImages([one], ["car"]), [found])
        >>> curves["car"].precision.tolist(), curves["car"].recall.tolist()
        ([1.0, 0.5], [0.5, 0.5])
        >>> f1, threshold = curves["car"].best_f1()
        >>> round(f1, 3), threshold
        (0.667, 0.75)
    """
    _check_threshold(iou_threshold)
    matches = _match(truth, detections, np.array([iou_threshold]), [AREAS["all"]])
    found = {}
    for class_id, one in matches.by_class():
        num_objects = int(one.objects_counted.sum())
        if not num_objects:
            continue
        hits, misses = (part[0, 0] for part in one.curves())
        precision = interpolate(hits, misses, num_objects, RECALLS)
        # Of equal scores none can be had without the others.
        kept = (one.hits | one.misses)[0, 0]
        scores, hits, misses = one.scores[kept], hits[kept], misses[kept]
        ends = np.flatnonzero(np.append(np.diff(scores) != 0, [True] * bool(len(hits))))
        found[truth.class_names[class_id]] = PrecisionRecall(
            scores[ends].astype("float64"),
            hits[ends] / (hits[ends] + misses[ends]),
            hits[ends] / num_objects,
            num_objects,
            float(precision.mean()),
        )
    return found


def map_interval(
    rng: np.random.Generator,
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    iou_threshold: float = 0.5,
    num_samples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The interval of the mean average precision, by the bootstrap over pictures.

    Pictures are drawn with replacement, as many as there are, and the figure is taken
    of each such sample; the ends are percentiles. The average precision of few
    pictures is a little too high, that of a sample, with fewer different ones, a
    little more so; Efron's correction moves the percentiles back by the share of
    samples below the figure. With 60 to 200 pictures, 95 % intervals held the figure
    of 3,000 in 87 to 94 % of trials (without the correction in 78 to 92 %).

    It tells how far the figure would move with other pictures of the same kind, not
    with another training.

    Args:
        rng: draws the samples; state its seed with the interval.
        truth: annotated pictures.
        detections: of each picture, in the same order.
        iou_threshold: of the average precision, COCO's.
        num_samples: how many samples.
        confidence: how often such an interval is to hold the true figure.

    Returns:
        `(low, high)`; the figure of the pictures themselves is between.

    Raises:
        ValueError: as of `average_precision_voc`, or there is no object.

    Reference:
        - Efron, 1981, "Nonparametric standard errors and confidence intervals",
          Canadian Journal of Statistics 9, 139-158, section 7.
    """
    _check_threshold(iou_threshold)
    if not 0 < confidence < 1:
        raise ValueError(
            "`confidence` must be between 0 and 1. "
            f"Received: confidence={confidence}. Write 95 % as 0.95."
        )
    matches = _match(truth, detections, np.array([iou_threshold]), [AREAS["all"]])
    classes = [one for _, one in matches.by_class() if one.objects_counted.any()]
    if not classes:
        raise ValueError("There is no object in these pictures: nothing to measure.")
    num = len(truth)
    figure = _weighted_map(classes, np.ones(num, int))
    samples = []
    for _ in range(num_samples):
        # How often each picture is in the sample says the same as a list of them.
        weights = np.bincount(rng.integers(0, num, num), minlength=num)
        samples.append(_weighted_map(classes, weights))
    samples = np.array(samples)[~np.isnan(samples)]
    normal = NormalDist()
    below = np.mean(samples < figure) + np.mean(samples == figure) / 2
    edge = 0.5 / len(samples)
    shift = 2 * normal.inv_cdf(float(np.clip(below, edge, 1 - edge)))
    reach = normal.inv_cdf((1 + confidence) / 2)
    ends = [normal.cdf(shift - reach), normal.cdf(shift + reach)]
    low, high = np.quantile(samples, ends)
    return float(min(low, figure)), float(max(high, figure))


def cost_of_mistakes(
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    iou_threshold: float = 0.5,
    background_threshold: float = 0.1,
) -> dict[str, dict[str, float]]:
    """How many mistakes of each kind there are, and what each kind costs.

    A false detection is, the first that fits:

    - `localisation`: it overlaps an object of its class, but not enough;
    - `class`: it overlaps one of another class enough;
    - `duplicate`: it overlaps one of its class enough that a better one has taken;
    - `background`: it overlaps nothing;
    - `both`: the rest, a bit of an object of another class.

    An object is `missed` if it is not found, and putting the class or the place of no
    detection right would find it.

    The cost is what the mean average precision would gain if all mistakes of the kind
    were mended and nothing else: the box or the class put right (of several for one
    object, the best only), other false detections left out, missed objects not asked
    for. Costs do not add up to what is missing.

    Args:
        truth: annotated pictures.
        detections: of each picture, in the same order, with low scores, too: they
            cost little if they stand behind the right ones.
        iou_threshold: overlap from which a detection is right.
        background_threshold: overlap below which it is on nothing.

    Returns:
        Kind -> `num` and `cost`.

    Raises:
        ValueError: as of `average_precision_voc`.

    Example:
        >>> from dlai_keras.car_detection.data import AnnotatedImage
        >>> one = AnnotatedImage([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1], (20, 40))
        >>> found = Detections([[0, 0, 10, 4], [20, 0, 30, 10]], [0.9, 0.8], [0, 1])
        >>> truth = AnnotatedImages([one], ["car", "lorry"])
        >>> cost_of_mistakes(truth, [found])["localisation"]
        {'num': 1, 'cost': 0.5}

    Reference:
        - Hoiem et al., 2012, "Diagnosing Error in Object Detectors".
        - Bolya et al., 2020, "TIDE: A General Toolbox for Identifying Object Detection
          Errors", sections 2.2 and 2.3.
    """
    _check_threshold(iou_threshold)
    if not 0 < background_threshold < iou_threshold:
        raise ValueError(
            "`background_threshold` must be between 0 and `iou_threshold`. "
            f"Received: {background_threshold}, {iou_threshold}."
        )
    check_detections(detections, truth)
    rows, missed = [], []
    num_objects = np.zeros(len(truth.class_names), int)
    for index in _in_order(truth):
        part, missing = _find_mistakes(
            truth[index], detections[index], iou_threshold, background_threshold
        )
        rows.append(part)
        missed.append(missing)
        counted = truth[index].class_ids[~truth[index].ignored]
        num_objects += np.bincount(counted, minlength=len(num_objects))
    class_ids, scores, kinds, mended = np.concatenate([np.empty((4, 0)), *rows], 1)
    num_missed = np.bincount(
        np.concatenate([np.empty(0, int), *missed]), minlength=len(num_objects)
    )
    right = kinds == RIGHT
    before = _map_of(class_ids, scores, right, num_objects, num_objects)
    result = {}
    for number, kind in enumerate(KINDS):
        wrong = kinds == number
        is_mended = wrong & (mended >= 0)
        kept = ~wrong | is_mended
        after = _map_of(
            np.where(is_mended, mended, class_ids)[kept],
            scores[kept],
            (right | is_mended)[kept],
            num_objects,
            num_objects,
        )
        result[kind] = {"num": int(wrong.sum()), "cost": max(0.0, after - before)}
    after = _map_of(class_ids, scores, right, num_objects, num_objects - num_missed)
    result["missed"] = {"num": int(num_missed.sum()), "cost": max(0.0, after - before)}
    return result


def interpolate(
    hits: np.ndarray, misses: np.ndarray, num_objects: int, recalls: np.ndarray
) -> np.ndarray:
    """The precision at given recalls: the highest at that recall or a higher one.

    Args:
        hits: `(num,)`, right detections among the first, the second ... num-th.
        misses: `(num,)`, wrong ones.
        num_objects: how many there were to be found.
        recalls: `(num_recalls,)`, ascending.

    Returns:
        float64 `(num_recalls,)`; 0 where the recall is never reached.

    Example:
        >>> interpolate([1, 1, 2], [0, 1, 1], 4, [0.25, 0.5, 0.75]).round(3).tolist()
        [1.0, 0.667, 0.0]
    """
    hits, misses = np.asarray(hits, "float64"), np.asarray(misses, "float64")
    total = hits + misses
    precision = hits / np.where(total > 0, total, 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(hits / num_objects, recalls, side="left")
    return np.append(precision, 0.0)[places]


# Matching


@dataclass(frozen=True, eq=False)
class _Matches:
    """All detections of a dataset, the best of each class first, and all objects.

    `hits` and `misses` are `(areas, thresholds, num_detections)`; a detection that is
    neither does not count. `objects_counted` is `(areas, num_objects)`.
    """

    class_ids: np.ndarray
    scores: np.ndarray
    pictures: np.ndarray  # the index of the picture of each detection
    ranks: np.ndarray  # its place among those of its class and picture
    hits: np.ndarray
    misses: np.ndarray
    object_classes: np.ndarray
    object_pictures: np.ndarray
    objects_counted: np.ndarray

    def by_class(self):
        """Yields each class that has a detection or an object, and its matches."""
        for class_id in np.union1d(self.class_ids, self.object_classes):
            start, end = np.searchsorted(self.class_ids, [class_id, class_id + 1])
            mine, own = slice(start, end), self.object_classes == class_id
            yield (
                int(class_id),
                _Matches(
                    self.class_ids[mine],
                    self.scores[mine],
                    self.pictures[mine],
                    self.ranks[mine],
                    self.hits[..., mine],
                    self.misses[..., mine],
                    self.object_classes[own],
                    self.object_pictures[own],
                    self.objects_counted[:, own],
                ),
            )

    def curves(self, weights=None):
        """Right and wrong ones among the first 1, 2 ...; `weights` of the pictures."""
        parts = (self.hits, self.misses)
        if weights is not None:
            parts = (part * weights[self.pictures] for part in parts)
        return tuple(part.cumsum(axis=-1) for part in parts)


def _match_group_coco(overlaps, crowd, skipped, thresholds):
    """Detections of one class on one picture, the best first, each with its object.

    A detection takes the free object that it overlaps most, of equal ones the last;
    one that does not count only if there is no other. A crowd is never taken.

    Args:
        overlaps: `(num_detections, num_objects)`.
        crowd: bool `(num_objects,)`.
        skipped: bool `(areas, num_objects)`: does not count.
        thresholds: `(thresholds,)`.

    Returns:
        int `(areas, thresholds, num_detections)`: the index of the object, or -1.
    """
    shape = (len(skipped), len(thresholds))
    objects = np.full((*shape, len(overlaps)), -1)
    free = np.ones((*shape, len(crowd)), bool)
    regular = ~skipped[:, None]  # (areas, 1, num_objects)
    for number in np.flatnonzero(overlaps.max(axis=1) >= thresholds[0]):
        overlap = overlaps[number]
        possible = free & (overlap >= thresholds[:, None])
        best = possible & regular
        best |= possible & ~best.any(axis=-1, keepdims=True)
        last = np.where(best, overlap, -1.0)[..., ::-1].argmax(axis=-1)
        taken = np.where(best.any(axis=-1), len(crowd) - 1 - last, -1)
        objects[..., number] = taken
        area, threshold = np.nonzero(taken >= 0)
        free[area, threshold, taken[area, threshold]] = False
        free |= crowd
    return objects


def _match_group_voc(overlaps, crowd, skipped, thresholds):
    """As `_match_group_coco`, with one area and one threshold, by VOC's rule."""
    best, most = overlaps.argmax(axis=1), overlaps.max(axis=1)
    is_near = most >= thresholds[0]
    _, first = np.unique(np.where(is_near, best, -1), return_index=True)
    is_first = np.zeros(len(best), bool)
    is_first[first] = True
    return np.where(is_near & (is_first | skipped[0, best]), best, -1)[None, None]


def _match(
    truth,
    detections,
    thresholds,
    areas,
    *,
    by_voc=False,
    pixel_offset=0.0,
):
    check_detections(detections, truth)
    if not len(truth):
        raise ValueError("There must be one picture at least. Received: none.")
    match_group = _match_group_voc if by_voc else _match_group_coco
    areas = np.array(list(areas))  # (areas, 2)
    shape = (len(areas), len(thresholds))
    offset = np.array([0, 0, pixel_offset, pixel_offset], "float64")
    columns: dict = {name: [] for name in _Matches.__dataclass_fields__}
    for index in _in_order(truth):
        image, found = truth[index], detections[index]
        ranks = _ranks(found.class_ids)
        kept = ranks < (len(found) if by_voc else MAX_DETECTIONS[-1])
        found_boxes = found.boxes_xyxy[kept].astype("float64")
        class_ids, ranks = found.class_ids[kept], ranks[kept]
        is_skipped = image.ignored | ~_within(image.areas, areas)  # (areas, objects)
        has_object = np.zeros((*shape, len(ranks)), bool)
        left_out = np.zeros_like(has_object)
        for class_id in np.intersect1d(class_ids, image.class_ids):
            mine = np.flatnonzero(class_ids == class_id)
            own = np.flatnonzero(image.class_ids == class_id)
            crowd = image.ignored[own]
            overlaps = _overlaps(
                found_boxes[mine] + offset,
                image.boxes_xyxy[own] + offset,
                crowd & (not by_voc),
            )
            skipped = is_skipped[:, own]
            objects = match_group(overlaps, crowd, skipped, thresholds)
            has_object[..., mine] = objects >= 0
            area = np.arange(len(areas))[:, None, None]
            left_out[..., mine] = (objects >= 0) & skipped[area, objects]
        fits = _within(boxes.area(found_boxes), areas)[:, None]
        columns["class_ids"].append(class_ids)
        columns["scores"].append(found.scores[kept])
        columns["pictures"].append(np.full(len(ranks), index))
        columns["ranks"].append(ranks)
        columns["hits"].append(has_object & ~left_out)
        columns["misses"].append(~has_object & fits)
        columns["object_classes"].append(image.class_ids)
        columns["object_pictures"].append(np.full(len(image), index))
        columns["objects_counted"].append(~is_skipped)
    joined = {name: np.concatenate(parts, -1) for name, parts in columns.items()}
    order = np.lexsort((-joined["scores"], joined["class_ids"]))  # stable
    for name in ("class_ids", "scores", "pictures", "ranks", "hits", "misses"):
        joined[name] = joined[name][..., order]
    return _Matches(**joined)


def _find_mistakes(image, found, iou_threshold, background_threshold):
    """The mistakes on one picture.

    Returns:
        `(rows, missed)`: for each detection that counts its class, score, kind and the
        class of the object that mending it would find, -1 for none, float64 `(4, num)`;
        and the classes of the objects that are missed.
    """
    kept = _ranks(found.class_ids) < MAX_DETECTIONS[-1]
    class_ids, scores = found.class_ids[kept], found.scores[kept]
    crowd, num = image.ignored, kept.sum()
    # One column more: an object that nothing overlaps, where there is none.
    overlaps = np.zeros((num, len(image) + 1))
    overlaps[:, :-1] = _overlaps(
        found.boxes_xyxy[kept].astype("float64"), image.boxes_xyxy, crowd
    )
    taken = np.full(num, -1)
    for class_id in np.intersect1d(class_ids, image.class_ids):
        mine = np.flatnonzero(class_ids == class_id)
        own = np.flatnonzero(image.class_ids == class_id)
        objects = _match_group_coco(
            overlaps[np.ix_(mine, own)],
            crowd[own],
            crowd[None, own],
            np.array([iou_threshold]),
        )[0, 0]
        taken[mine] = np.where(objects >= 0, own[objects], -1)
    labels, counted = np.append(image.class_ids, -1), np.append(~crowd, True)
    is_same = class_ids[:, None] == labels
    same = np.where(is_same & counted, overlaps, 0)
    other = np.where(~is_same & counted, overlaps, 0)
    best_same, best_other = same.max(axis=1), other.max(axis=1)
    kinds = np.select(
        [
            (taken >= 0) & counted[taken],
            taken >= 0,
            (best_same >= background_threshold) & (best_same < iou_threshold),
            best_other >= iou_threshold,
            best_same >= iou_threshold,
            best_other < background_threshold,
        ],
        [RIGHT, NOT_COUNTED, *range(4)],
        KINDS.index("both"),
    )
    about = np.select([kinds == 0, kinds == 1], [same.argmax(1), other.argmax(1)], -1)
    is_free = counted.copy()
    is_free[taken[kinds == RIGHT]] = False
    is_free[-1] = False
    # The best come first, and only the first one on an object is put right.
    about = np.where(is_free[about], about, -1)
    targets, first = np.unique(about, return_index=True)
    mended = np.full(num, -1)
    mended[first] = labels[targets]
    is_free[targets] = False
    rows = np.stack([class_ids, scores, kinds, mended]).astype("float64")
    return rows[:, kinds != NOT_COUNTED], labels[is_free]


def _weighted_map(classes, weights):
    """The mean average precision where each picture counts so often; NaN of nothing."""
    precisions = []
    for one in classes:
        num_objects = weights[one.object_pictures[one.objects_counted[0]]].sum()
        if num_objects:
            hits, misses = (part[0, 0] for part in one.curves(weights))
            precisions.append(interpolate(hits, misses, num_objects, RECALLS).mean())
    return np.mean(precisions) if precisions else np.nan


def _map_of(class_ids, scores, right, occurring, num_objects):
    """COCO's mean average precision of hits and misses, over classes that occur."""
    figures = []
    order = np.argsort(-scores, kind="stable")
    for class_id in np.flatnonzero(occurring):
        mine = order[class_ids[order] == class_id]
        hits = right[mine]
        if num_objects[class_id]:
            figures.append(
                interpolate(
                    hits.cumsum(), (~hits).cumsum(), num_objects[class_id], RECALLS
                ).mean()
            )
        else:  # nothing is left to find
            figures.append(0.0)
    return float(np.mean(figures)) if figures else 0.0


def _overlaps(found, truth, crowd):
    """IoU of each with each; with a crowd, the share of the detection within it."""
    overlaps = boxes.pairwise_iou(found, truth)
    if crowd.any():
        corners = np.minimum(found[:, None, 2:], truth[crowd, 2:])
        sides = corners - np.maximum(found[:, None, :2], truth[crowd, :2])
        inside = sides.clip(min=0).prod(axis=-1)  # (found, crowds)
        total = boxes.area(found)[:, None]
        overlaps[:, crowd] = inside / np.where(total > 0, total, 1)
    return overlaps


def _ranks(class_ids):
    """The place of each detection among those of its class; the best come first."""
    order = np.argsort(class_ids, kind="stable")
    _, starts, counts = np.unique(
        class_ids[order], return_index=True, return_counts=True
    )
    ranks = np.empty(len(class_ids), int)
    ranks[order] = np.arange(len(class_ids)) - np.repeat(starts, counts)
    return ranks


def _within(values, areas):
    return (values >= areas[:, :1]) & (values <= areas[:, 1:])


def _in_order(truth):
    numbers = [image.image_id for image in truth.images]
    if all(isinstance(number, int) for number in numbers):
        return sorted(range(len(truth)), key=numbers.__getitem__)
    return range(len(truth))


def _check_threshold(iou_threshold):
    if not 0 < iou_threshold <= 1:
        raise ValueError(
            "`iou_threshold` must be above 0, and 1 at most. "
            f"Received: iou_threshold={iou_threshold}."
        )


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else NONE


def _by_name(truth, values):
    return {
        name: float(value)
        for name, value in zip(truth.class_names, values, strict=True)
        if not np.isnan(value)
    }
