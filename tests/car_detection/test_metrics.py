"""Average precision equals COCO's own code, VOC's definition and published values."""

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dlai_keras import boxes
from dlai_keras.car_detection import metrics
from dlai_keras.car_detection.data import (
    AnnotatedImage,
    AnnotatedImages,
    Detections,
    detections_to_coco,
    load_boxes,
)

KEYS = (
    *("map", "map_50", "map_75", "map_small", "map_medium", "map_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)
NAMES = ["car", "lorry", "light"]


def coco_evaluation(truth, detections):
    """COCO's own evaluation, and what it prints."""
    images, annotations = [], []
    for image in truth.images:
        images.append({"id": image.image_id})
        for box, class_id, crowd, area in zip(
            image.boxes_xyxy, image.class_ids, image.ignored, image.areas, strict=True
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image.image_id,
                    "category_id": truth.category_ids[class_id],
                    "bbox": boxes.convert(box, "xyxy", "xywh").tolist(),
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    printed = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "info": {},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": number} for number in truth.category_ids],
        }
        known.createIndex()
        results = detections_to_coco(detections, truth)
        found = known.loadRes(results) if results else COCO()
        evaluation = COCOeval(known, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        with contextlib.redirect_stdout(printed):
            evaluation.summarize()
    return evaluation, printed.getvalue()


def random_boxes(rng, num, longest=140):
    """Whole numbers: overlaps of exactly one half occur, and areas on the borders."""
    low = rng.integers(0, 60, (num, 2)) * 2
    size = rng.integers(1, longest // 4, (num, 2)) * 4
    return np.concatenate([low, low + size], axis=1)


def random_case(seed, num_pictures=8, most=9, num_scores=6):
    """Ties, crowds, empty pictures, classes that do not occur, areas of their own."""
    rng = np.random.default_rng(seed)
    images, detections = [], []
    for number in rng.permutation(num_pictures):
        num = int(rng.integers(0, most)) * (rng.random() < 0.8)
        truth = random_boxes(rng, num)
        class_ids = rng.integers(0, 2, num)
        sizes = (truth[:, 2:] - truth[:, :2]).prod(axis=1)
        images.append(
            AnnotatedImage(
                truth,
                class_ids,
                (300, 300),
                ignored=rng.random(num) < 0.2,
                areas=sizes * rng.choice([1.0, 0.6], num),
                image_id=int(number) * 3 + 1,
            )
        )
        copies = rng.integers(0, max(num, 1), 2 * num)
        found = truth[copies] + rng.integers(-3, 4, (2 * num, 4)) * 2
        widths = (truth[copies[:num], 2] - truth[copies[:num], 0]) // 4
        found[:num] = truth[copies[:num]]
        found[:num, 2] -= widths * rng.integers(0, 3, num)  # 1, 3/4 or 1/2 of it
        found = np.concatenate([found, random_boxes(rng, int(rng.integers(0, 4)))])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2])  # some without area
        labels = np.concatenate(
            [class_ids[copies], rng.integers(0, 3, len(found) - 2 * num)]
        )
        scores = rng.integers(0, num_scores, len(found)) / num_scores
        detections.append(Detections(found, scores, labels))
    return AnnotatedImages(images, NAMES, (3, 7, 90)), detections


@pytest.mark.parametrize("seed", range(12))
def test_random_cases_equal_cocos_own_code(seed):
    truth, detections = random_case(seed, num_pictures=4 + seed)
    result = metrics.evaluate_detections(truth, detections)
    evaluation, printed = coco_evaluation(truth, detections)
    np.testing.assert_allclose([result[k] for k in KEYS], evaluation.stats, atol=1e-9)
    assert metrics.coco_table(result) == printed.rstrip("\n")
    precision = evaluation.eval["precision"][..., 0, 2]  # all areas, 100 detections
    for class_id, name in enumerate(NAMES):
        expected = precision[:, :, class_id]
        if expected.min() < 0:
            assert name not in result["ap"]
        else:
            assert result["ap"][name] == pytest.approx(expected.mean(), abs=1e-9)
            assert result["ap_50"][name] == pytest.approx(expected[0].mean(), abs=1e-9)


def test_the_random_cases_hold_what_they_are_for():
    cases = [random_case(seed) for seed in range(12)]
    images = [image for truth, _ in cases for image in truth.images]
    assert any(len(image) == 0 for image in images)
    assert any(image.ignored.any() for image in images)
    assert any((image.areas == 1024).any() for image in images)
    overlaps = [
        boxes.pairwise_iou(found.boxes_xyxy, image.boxes_xyxy).ravel()
        for truth, detections in cases
        for image, found in zip(truth.images, detections, strict=True)
    ]
    assert np.isin([0.5, 0.75, 1.0], np.concatenate(overlaps)).all()
    _, detections = cases[0]
    scores = np.concatenate([found.scores for found in detections])
    assert len(np.unique(scores)) < len(scores)


def test_more_than_a_hundred_detections_are_cut_off_as_coco_does():
    rng = np.random.default_rng(0)
    objects = random_boxes(rng, 40)
    found = np.repeat(objects, 4, axis=0) + rng.integers(-1, 2, (160, 4))
    image = AnnotatedImage(objects, [0] * 40, (300, 300), image_id=1)
    truth = AnnotatedImages([image], NAMES)
    detections = [Detections(found, rng.random(160), [0] * 160)]
    result = metrics.evaluate_detections(truth, detections)
    expected = coco_evaluation(truth, detections)[0].stats
    np.testing.assert_allclose([result[k] for k in KEYS], expected, atol=1e-9)
    assert result["ar_100"] < 1


def test_of_two_objects_overlapped_alike_the_last_is_taken_as_coco_does():
    objects = [[0, 0, 40, 20], [20, 0, 60, 20]]
    between, at_the_last = [10, 0, 50, 20], [24, 0, 64, 20]
    truth = AnnotatedImages(
        [AnnotatedImage(objects, [0, 0], (90, 90), image_id=1)], NAMES
    )
    detections = [Detections([between, at_the_last], [0.9, 0.8], [0, 0])]
    result = metrics.evaluate_detections(truth, detections)
    expected = coco_evaluation(truth, detections)[0].stats
    np.testing.assert_allclose([result[k] for k in KEYS], expected, atol=1e-9)
    assert result["map_50"] == pytest.approx(51 / 101)  # the second finds nothing


def test_boxes_of_any_fraction_that_are_the_same_overlap_wholly():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 99, (500, 4))
    corners[:, 2:] += corners[:, :2]
    truth = AnnotatedImages([AnnotatedImage(corners, [0] * 500, (300, 300))], ["car"])
    found = [Detections(corners, np.ones(500), [0] * 500)]
    figure = metrics.average_precision_voc(truth, found, iou_threshold=1)
    assert figure["map"] == pytest.approx(1)


def test_nothing_to_find_and_nothing_found_are_as_cocos():
    empty = Detections([], [], [])
    nothing = AnnotatedImages([AnnotatedImage([], [], (20, 20), image_id=1)], NAMES)
    result = metrics.evaluate_detections(nothing, [empty])
    assert {result[key] for key in KEYS} == {-1.0}
    assert result["ap"] == {}
    one = AnnotatedImage([[0, 0, 9, 9]], [1], (20, 20), image_id=1)
    truth = AnnotatedImages([one], NAMES)
    result = metrics.evaluate_detections(truth, [empty])
    expected = coco_evaluation(truth, [empty])[0].stats
    assert [result[key] for key in KEYS] == expected.tolist()
    assert result["ap_50"] == {"lorry": 0.0}


def test_the_objects_themselves_as_detections_are_perfect():
    truth, _ = random_case(3)
    detections = [
        Detections(image.boxes_xyxy, np.ones(len(image)), image.class_ids)
        for image in truth.images
    ]
    result = metrics.evaluate_detections(truth, detections)
    assert result["map"] == result["ar_100"] == 1.0
    assert set(result["ap"].values()) == {1.0}


def naive_voc(truth, detections, class_id, iou_threshold):
    """Precision and recall after each detection, as the development kit's loop."""
    rows = sorted(
        (
            (-float(score), index, box)
            for index, found in enumerate(detections)
            for box, score, label in zip(
                found.boxes_xyxy, found.scores, found.class_ids, strict=True
            )
            if label == class_id
        ),
        key=lambda row: row[0],
    )
    taken, right, wrong, curve = set(), 0, 0, []
    num = sum(
        int((~image.ignored[image.class_ids == class_id]).sum())
        for image in truth.images
    )
    for _, index, box in rows:
        image = truth[index]
        best, place = -1.0, None
        for number in np.flatnonzero(image.class_ids == class_id):
            overlap = float(boxes.iou(box, image.boxes_xyxy[number]))
            if overlap > best:
                best, place = overlap, (index, int(number))
        if best >= iou_threshold:
            if image.ignored[place[1]]:
                continue
            right, wrong = right + (place not in taken), wrong + (place in taken)
            taken.add(place)
        else:
            wrong += 1
        curve.append((right / (right + wrong), right / num))
    return curve


def naive_area(curve):
    """Below the curve, from the right."""
    total, height, end = 0.0, 0.0, curve[-1][1]
    for precision, recall in reversed(curve):
        total += height * (end - recall)
        height, end = max(height, precision), recall
    return total + height * end


@pytest.mark.parametrize("seed", range(6))
def test_vocs_figures_equal_the_development_kits_loop(seed):
    truth, detections = random_case(seed, num_scores=997)
    every = metrics.average_precision_voc(truth, detections, iou_threshold=0.4)
    eleven = metrics.average_precision_voc(
        truth, detections, iou_threshold=0.4, points=11
    )
    for class_id in range(2):
        curve = naive_voc(truth, detections, class_id, 0.4)
        name = NAMES[class_id]
        assert every["ap"][name] == pytest.approx(naive_area(curve), abs=1e-12)
        levels = [
            max((p for p, recall in curve if recall >= tenth / 10), default=0)
            for tenth in range(11)
        ]
        assert eleven["ap"][name] == pytest.approx(np.mean(levels), abs=1e-12)
    assert every["map"] == pytest.approx(np.mean(list(every["ap"].values())))


def by_hand():
    """Three objects on two pictures; right, wrong, right, twice, difficult."""
    first = AnnotatedImage([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0], (40, 40))
    second = AnnotatedImage(
        [[0, 0, 10, 10], [20, 20, 30, 30]], [0, 0], (40, 40), ignored=[False, True]
    )
    detections = [
        Detections(
            [[0, 0, 10, 9], [11, 0, 19, 9], [0, 0, 9, 10]], [0.9, 0.8, 0.6], [0] * 3
        ),
        Detections([[0, 0, 10, 10], [20, 20, 30, 30]], [0.7, 0.5], [0] * 2),
    ]
    return AnnotatedImages([first, second], ["car"]), detections


def test_a_case_counted_by_hand():
    truth, detections = by_hand()
    # After each: 1/1, 1/2, 2/3, 2/4 right; recalls 1/3, 1/3, 2/3, 2/3.
    every = metrics.average_precision_voc(truth, detections)
    assert every["map"] == pytest.approx((1 + 2 / 3) / 3)
    eleven = metrics.average_precision_voc(truth, detections, points=11)
    assert eleven["ap"]["car"] == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)
    curve = metrics.precision_recall_curves(truth, detections)["car"]
    np.testing.assert_allclose(curve.scores, [0.9, 0.8, 0.7, 0.6], atol=1e-7)
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 2 / 4])
    np.testing.assert_allclose(curve.recall, [1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert curve.num_objects == 3
    f1, threshold = curve.best_f1()
    assert f1 == pytest.approx(2 / 3) and threshold == pytest.approx(0.7)
    result = metrics.evaluate_detections(truth, detections)
    assert curve.average_precision == result["ap_50"]["car"]
    assert result["ap_50"]["car"] == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_the_old_pixel_moves_the_overlap():
    truth = AnnotatedImages([AnnotatedImage([[0, 0, 9, 9]], [0], (20, 20))], ["car"])
    found = [Detections([[5, 0, 14, 9]], [1], [0])]  # 4/14, with the pixel 5/15
    for offset, expected in ((0, 0.0), (1, 1.0)):
        figure = metrics.average_precision_voc(
            truth, found, iou_threshold=0.3, pixel_offset=offset
        )
        assert figure["map"] == expected


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_published_average_precisions_come_out():
    """24.57 % and, with 11 points, 26.84 %: rafaelpadilla/Object-Detection-Metrics."""
    folder = Path(os.environ["DLAI_DATA"], "car_detection/map_oracle/samples/sample_2")
    images, detections = [], []
    for path in sorted((folder / "groundtruths").iterdir()):
        rows = np.loadtxt(path, usecols=range(1, 5), ndmin=2)
        corners = boxes.convert(rows, "xywh", "xyxy")
        images.append(AnnotatedImage(corners, [0] * len(rows), (400, 400)))
        rows = np.loadtxt(folder / "detections" / path.name, usecols=range(1, 6))
        corners = boxes.convert(rows[:, 1:], "xywh", "xyxy")
        detections.append(Detections(corners, rows[:, 0], [0] * len(rows)))
    truth = AnnotatedImages(images, ["object"])
    for iou_threshold, pixel_offset, points, expected in (
        (0.3, 1, None, 0.2457),
        (0.3, 1, 11, 0.2684),
        (0.3, 0, None, 0.2254),
        (0.5, 0, None, 0.0222),
    ):
        figure = metrics.average_precision_voc(
            truth,
            detections,
            iou_threshold=iou_threshold,
            points=points,
            pixel_offset=pixel_offset,
        )
        assert round(figure["map"], 4) == expected


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_shaken_boxes_of_real_pictures_equal_cocos_own_code():
    truth = load_boxes(os.environ["DLAI_DATA"], dataset="coco128")
    rng = np.random.default_rng(0)
    detections = []
    for image in truth.images:
        shaken = image.boxes_xyxy + rng.normal(0, 6, (len(image), 4))
        corners = np.concatenate([shaken[:, :2], shaken[:, :2] + 9], 1)
        corners[:, 2:] = np.maximum(shaken[:, 2:], corners[:, :2] + 1)
        detections.append(Detections(corners, rng.random(len(image)), image.class_ids))
    result = metrics.evaluate_detections(truth, detections)
    expected = coco_evaluation(truth, detections)[0].stats
    np.testing.assert_allclose([result[k] for k in KEYS], expected, atol=1e-6)
    assert 0.2 < result["map"] < 0.9


def test_equal_scores_are_one_point_of_the_curve():
    truth, detections = random_case(1, num_scores=4)
    for curve in metrics.precision_recall_curves(truth, detections).values():
        assert (np.diff(curve.scores) < 0).all()
        assert (np.diff(curve.recall) >= 0).all()


def test_the_best_threshold_gives_the_best_f1_when_it_is_used():
    truth, detections = random_case(2, num_scores=50)
    for name, curve in metrics.precision_recall_curves(truth, detections).items():
        f1, threshold = curve.best_f1()
        cut = [found.above(threshold) for found in detections]
        last = metrics.precision_recall_curves(truth, cut)[name]
        precision, recall = last.precision[-1], last.recall[-1]
        assert 2 * precision * recall / (precision + recall) == pytest.approx(f1)


def test_a_class_without_a_hit_has_no_best_threshold():
    truth = AnnotatedImages([AnnotatedImage([[0, 0, 9, 9]], [0], (20, 20))], ["car"])
    for found in (Detections([], [], []), Detections([[9, 9, 20, 20]], [0.5], [0])):
        curve = metrics.precision_recall_curves(truth, [found])["car"]
        assert curve.best_f1() == (0.0, 1.0)
        assert curve.average_precision == 0


def test_the_interval_is_that_of_pictures_drawn_again():
    truth, detections = random_case(5, num_scores=10**6)
    found = metrics.map_interval(
        np.random.default_rng(7), truth, detections, num_samples=8, confidence=0.5
    )
    rng = np.random.default_rng(7)
    figures = []
    for _ in range(8):
        drawn = np.sort(rng.integers(0, len(truth), len(truth)))
        images = [truth[index] for index in drawn]
        # COCO orders equal scores by the numbers of the pictures.
        order = sorted(range(len(images)), key=lambda place: images[place].image_id)
        again = AnnotatedImages([images[place] for place in order], NAMES)
        results = [detections[drawn[place]] for place in order]
        figures.append(metrics.evaluate_detections(again, results)["map_50"])
    figure = metrics.evaluate_detections(truth, detections)["map_50"]
    assert not np.isclose(figures, figure).any()
    # Efron's correction, with the normal distribution's table.
    shift = 2 * scipy.stats.norm.ppf(np.mean(np.array(figures) < figure))
    ends = scipy.stats.norm.cdf(shift + scipy.stats.norm.ppf([0.25, 0.75]))
    low, high = np.quantile(figures, ends)
    assert found == pytest.approx((min(low, figure), max(high, figure)), abs=1e-12)
    assert found[0] < found[1]


def test_the_interval_holds_the_figure_and_follows_its_seed():
    truth, detections = random_case(6, num_pictures=30)
    figure = metrics.evaluate_detections(truth, detections)["map_50"]
    wide, again, other = (
        metrics.map_interval(
            np.random.default_rng(seed), truth, detections, num_samples=60
        )
        for seed in (0, 0, 1)
    )
    assert wide == again != other
    assert wide[0] < figure < wide[1]


def test_what_does_not_belong_together_is_said():
    truth, detections = random_case(0)
    with pytest.raises(ValueError, match="one `Detections` for each picture"):
        metrics.evaluate_detections(truth, detections[:-1])
    wrong = [Detections([[0, 0, 1, 1]], [1], [3]), *detections[1:]]
    with pytest.raises(ValueError, match=r"The detections on picture \d+: class ids"):
        metrics.evaluate_detections(truth, wrong)
    with pytest.raises(ValueError, match="one picture at least"):
        metrics.evaluate_detections(AnnotatedImages([], NAMES), [])
    for threshold in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="`iou_threshold`"):
            metrics.average_precision_voc(truth, detections, iou_threshold=threshold)
    with pytest.raises(ValueError, match="`points`"):
        metrics.average_precision_voc(truth, detections, points=1)
    with pytest.raises(ValueError, match=r"Write 95 % as 0\.95"):
        metrics.map_interval(np.random.default_rng(0), truth, detections, confidence=95)
    nothing = AnnotatedImages([AnnotatedImage([], [], (9, 9))], NAMES)
    with pytest.raises(ValueError, match="nothing to measure"):
        metrics.map_interval(
            np.random.default_rng(0), nothing, [Detections([], [], [])]
        )


def mistaken_case(seed):
    """Two classes, no crowds, and no overlap of exactly one half."""
    rng = np.random.default_rng(seed)
    truth, detections = random_case(seed, num_pictures=20, num_scores=10**6)
    images, found = [], []
    for image, one in zip(truth.images, detections, strict=True):
        images.append(
            AnnotatedImage(image.boxes_xyxy, image.class_ids, image.size, image_id=None)
        )
        labels = np.where(rng.random(len(one)) < 0.2, 1, one.class_ids % 2)
        shaken = one.boxes_xyxy + rng.normal(0, 1, (len(one), 4))
        found.append(Detections(shaken, one.scores, labels))
    return AnnotatedImages(images, NAMES[:2]), found


# Made with tidecv 1.0.1 from the cases above: how many, and the gain in points.
TIDE = {
    0: (
        (27, 8, 26, 24, 2, 3),
        (21.267549, 5.45474, 2.660694, 5.824726, 0.187903, 3.544507),
    ),
    1: (
        (49, 9, 38, 25, 5, 8),
        (20.228723, 3.099031, 3.377305, 3.622128, 3.64053, 5.032168),
    ),
    2: (
        (57, 10, 62, 19, 5, 12),
        (17.276224, 3.44216, 4.844995, 2.609014, 0.584249, 6.569856),
    ),
}


@pytest.mark.parametrize("seed", TIDE)
def test_mistakes_and_their_cost_equal_tides(seed):
    result = metrics.cost_of_mistakes(*mistaken_case(seed))
    kinds = (*metrics.KINDS, "missed")
    assert tuple(result) == kinds
    assert tuple(result[kind]["num"] for kind in kinds) == TIDE[seed][0]
    costs = [100 * result[kind]["cost"] for kind in kinds]
    np.testing.assert_allclose(costs, TIDE[seed][1], atol=1e-5)


@pytest.mark.parametrize(
    ("box", "class_id", "kind"),
    [
        ([0, 0, 20, 20], 0, None),
        ([0, 0, 20, 9], 0, "localisation"),
        ([0, 0, 20, 19], 1, "class"),
        ([0, 0, 20, 15], 0, "duplicate"),
        ([30, 20, 39, 39], 0, "background"),
        ([0, 0, 20, 9], 1, "both"),
        ([60, 0, 70, 10], 0, None),
        ([60, 0, 70, 10], 1, "background"),
    ],
)
def test_a_mistake_of_each_kind_is_known(box, class_id, kind):
    image = AnnotatedImage(
        [[0, 0, 20, 20], [60, 0, 90, 30]], [0, 0], (40, 90), ignored=[False, True]
    )
    truth = AnnotatedImages([image], ["car", "lorry"])
    rows = [([0, 0, 20, 18], 0.9, 0)] if kind == "duplicate" else []
    rows.append((box, 0.5, class_id))
    found = Detections(*zip(*rows, strict=True))
    result = metrics.cost_of_mistakes(truth, [found])
    false = {name for name in metrics.KINDS if result[name]["num"]}
    assert false == ({kind} if kind else set())
    is_found = kind in {"localisation", "class", "duplicate"} or box[2] == box[3] == 20
    assert result["missed"]["num"] == (not is_found)


def test_mending_all_kinds_of_nothing_costs_nothing():
    empty = Detections([], [], [])
    truth, _ = random_case(0)
    result = metrics.cost_of_mistakes(truth, [empty] * len(truth))
    counted = sum(int((~image.ignored).sum()) for image in truth.images)
    assert result["missed"] == {"num": counted, "cost": 0.0}
    assert not any(result[kind]["num"] for kind in metrics.KINDS)
    with pytest.raises(ValueError, match="`background_threshold`"):
        metrics.cost_of_mistakes(truth, [empty] * len(truth), background_threshold=0.6)
