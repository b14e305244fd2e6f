"""Boxes on pictures, sheets and curves."""

import cv2
import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.car_detection import pictures
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages, Detections
from dlai_keras.car_detection.metrics import PrecisionRecall

NAMES = ["car", "lorry", "pedestrian"]
GREY = 90


def plain(height=240, width=320):
    return np.full((height, width, 3), GREY, "uint8")


def is_color(image, class_id):
    """Where a picture has exactly the colour of a class."""
    return (image == pictures.class_colors(class_id + 1)[class_id]).all(axis=-1)


def is_changed(image):
    return (image != GREY).any(axis=-1)


def lab(colors):
    colors = np.float32(colors)[None] / 255
    return cv2.cvtColor(colors, cv2.COLOR_RGB2LAB)[0]


# Colours


@pytest.mark.parametrize(("num", "least"), [(4, 70), (8, 45), (20, 25), (80, 10)])
def test_class_colors_are_told_apart_from_each_other_and_from_grey(num, least):
    colors = lab(pictures.class_colors(num))
    distances = np.linalg.norm(colors[:, None] - colors, axis=-1)
    assert distances[~np.eye(num, dtype=bool)].min() > least
    assert np.linalg.norm(colors[:, 1:], axis=1).min() > 35  # grey has 0


def test_a_class_keeps_its_color_whatever_the_number_of_classes():
    np.testing.assert_array_equal(
        pictures.class_colors(4), pictures.class_colors(80)[:4]
    )
    assert len(np.unique(pictures.class_colors(80), axis=0)) == 80
    assert pictures.class_colors(500).shape == (500, 3)


def luminance(color):
    part = np.asarray(color) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def test_letters_stand_out_from_every_color():
    for class_id, color in enumerate(pictures.class_colors(80)):
        names = ["m"] * 80
        found = Detections([[20, 60, 70, 90]], [0.5], [class_id])
        image = pictures.draw_detections(plain(720, 960), found, names)
        label = image[is_changed(image)].reshape(-1, 3)
        label = label[(label == 0).all(axis=1) | (label == 255).all(axis=1)]
        assert len(label) > 5
        low, high = sorted([luminance(label[0]), luminance(color)])
        assert (high + 0.05) / (low + 0.05) > 3  # WCAG's least for large letters


# Boxes


def test_a_frame_stands_around_its_box_and_leaves_the_inside_free():
    before = plain()
    found = Detections([[100, 80, 180, 140]], [0.9], [0])
    image = pictures.draw_detections(before, found, NAMES)
    np.testing.assert_array_equal(before, plain())
    assert image.dtype == np.uint8 and image.shape == before.shape
    frame = is_color(image, 0)
    for edge in (frame[80:140, 100], frame[80:140, 179], frame[139, 100:180]):
        assert edge.all()
    assert not is_changed(image)[82:138, 103:177].any()


def test_nothing_found_changes_nothing():
    image = pictures.draw_detections(plain(), Detections([], [], []), NAMES)
    np.testing.assert_array_equal(image, plain())


@pytest.mark.parametrize(
    "box", [(0, 0, 320, 240), (-50, -50, 400, 300), (310, 230, 500, 500), (5, 5, 5, 5)]
)
def test_boxes_at_the_edge_and_beyond_are_drawn_inside(box):
    image = pictures.draw_boxes(
        plain(), np.array([box]), pictures.class_colors(3)[:1], [""]
    )
    frame = is_color(image, 0)
    assert frame.sum() >= 1
    if box[2] >= 320 and box[0] <= 0:
        assert frame[0].all() and frame[-1].all() and frame[:, 0].all()


def test_lines_and_letters_grow_with_the_picture():
    widths, heights = [], []
    for height, width in ((180, 320), (720, 1280)):
        box = np.array([[0.25, 0.5, 0.75, 0.9]]) * np.tile([width, height], 2)
        image = pictures.draw_detections(
            plain(height, width), Detections(box, [0.9], [0]), NAMES
        )
        widths.append(is_color(image, 0)[int(0.7 * height), : width // 2].sum())
        heights.append(is_changed(image)[: height // 2 - 4].any(axis=1).sum())
    assert widths == [1, 3]
    assert heights[1] > 1.5 * heights[0]


def label_pixels(box):
    """How many pixels a label changes, beside those of the frame."""
    found = Detections([box], [0.9], [0])
    with_label = is_changed(pictures.draw_detections(plain(), found, NAMES)).sum()
    frame = pictures.draw_boxes(
        plain(), np.array([box]), pictures.class_colors(3)[:1], [""]
    )
    return with_label - is_changed(frame).sum()


@pytest.mark.parametrize(
    "box",
    [(0, 0, 9, 9), (311, 0, 320, 9), (0, 231, 9, 240), (311, 231, 320, 240)],
)
def test_labels_stay_inside_the_picture(box):
    assert label_pixels(box) > 0.8 * label_pixels((150, 100, 159, 109))


def test_labels_stay_off_each_other():
    num = 6
    boxes = np.tile([[140, 100, 180, 130]], (num, 1)) + np.arange(num)[:, None]
    colors = pictures.class_colors(num)
    together = pictures.draw_boxes(plain(), boxes, colors, ["lorry 88%"] * num)
    for number in range(num):
        alone = pictures.draw_boxes(
            plain(), boxes[:1], colors[number : number + 1], ["lorry 88%"]
        )
        frame = pictures.draw_boxes(
            plain(), boxes[:1], colors[number : number + 1], [""]
        )
        label = (is_color(alone, number) & ~is_color(frame, number)).sum()
        assert is_color(together, number).sum() >= 0.8 * label


def test_the_best_box_lies_on_top():
    boxes = [[100, 100, 160, 160]] * 2
    image = pictures.draw_detections(
        plain(), Detections(boxes, [0.4, 0.9], [1, 2]), NAMES, show_scores=False
    )
    assert is_color(image, 2)[159, 100:160].all()


def test_scores_are_shown_unless_not_wanted():
    found = Detections([[100, 100, 160, 160]], [0.5], [0])
    drawn = [
        is_changed(pictures.draw_detections(plain(), found, NAMES, show_scores=one))
        for one in (True, False)
    ]
    assert drawn[0].sum() > drawn[1].sum() + 200
    certain, nearly = (
        pictures.draw_detections(
            plain(), Detections([[100, 100, 160, 160]], [score], [0]), NAMES
        )
        for score in (1.0, 0.9999)
    )
    assert (certain != nearly).any()  # 100 % is said of what is certain only


def test_other_alphabets_have_letters():
    found = Detections([[100, 100, 160, 160]], [0.5], [0])
    drawn = [
        pictures.draw_detections(plain(), found, [name]) for name in ("авто", "бвто")
    ]
    assert (drawn[0] != drawn[1]).any()


def test_what_cannot_be_drawn_is_said():
    found = Detections([[0, 0, 9, 9]], [0.5], [3])
    with pytest.raises(ValueError, match="no name for class 3: `class_names` holds 3"):
        pictures.draw_detections(plain(), found, NAMES)
    with pytest.raises(ValueError, match="must be uint8 RGB"):
        pictures.draw_detections(plain() / 255, Detections([], [], []), NAMES)


# Mistakes


def picture(boxes, class_ids, **options):
    return AnnotatedImage(
        boxes, class_ids, (100, 200), image=plain(100, 200), **options
    )


CAR = [10, 10, 50, 50]
MISTAKES = [
    # true boxes and classes, found boxes, scores and classes, kinds
    ("right", [CAR], [0], [CAR], [0.9], [0], []),
    ("missed", [CAR], [0], [], [], [], [("missed", 0, -1)]),
    ("nothing there", [], [], [CAR], [0.9], [0], [("nothing there", 0, -1)]),
    (
        "misplaced",
        [CAR],
        [0],
        [[30, 10, 70, 50]],
        [0.9],
        [0],
        [("misplaced", 0, 0)],
    ),
    ("taken for", [CAR], [1], [CAR], [0.9], [2], [("taken for", 2, 1)]),
    (
        "twice",
        [CAR],
        [0],
        [CAR, [11, 11, 50, 50]],
        [0.9, 0.8],
        [0, 0],
        [("twice", 0, 0)],
    ),
    ("unsure", [CAR], [0], [CAR], [0.4], [0], [("missed", 0, -1)]),
]


@pytest.mark.parametrize("case", MISTAKES, ids=[case[0] for case in MISTAKES])
def test_every_mistake_has_its_kind(case):
    _, boxes, class_ids, found, scores, found_ids, expected = case
    truth = AnnotatedImages([picture(boxes, class_ids)], NAMES)
    mistakes = pictures.find_mistakes(truth, [Detections(found, scores, found_ids)])
    shown = [(one.kind, one.class_id, one.true_class_id) for one in mistakes]
    assert shown == expected


def test_ignored_objects_make_no_mistake():
    crowd = picture([[0, 0, 100, 100]], [0], ignored=[True])
    truth = AnnotatedImages([crowd, crowd], NAMES)
    found = [Detections([CAR], [0.9], [0]), Detections([], [], [])]
    assert pictures.find_mistakes(truth, found) == []


def test_the_worst_mistakes_come_first_and_both_kinds_in_turn():
    truth = AnnotatedImages(
        [picture([[0, 0, 10, 10], [100, 0, 180, 90]], [0, 1]), picture([], [])], NAMES
    )
    found = [Detections([], [], []), Detections([CAR] * 3, [0.6, 0.9, 0.7], [0, 1, 2])]
    mistakes = pictures.find_mistakes(truth, found)
    assert [one.kind for one in mistakes] == [
        *("nothing there", "missed", "nothing there", "missed", "nothing there")
    ]
    assert [round(one.score, 1) for one in mistakes[::2]] == [0.9, 0.7, 0.6]
    assert [one.class_id for one in mistakes[1::2]] == [1, 0]
    with pytest.raises(ValueError, match="1 for 2 pictures"):
        pictures.find_mistakes(truth, found[:1])


# Sheets


def test_a_comparison_has_two_panels_a_picture(tmp_path):
    truth = AnnotatedImages([picture([CAR], [0])] * 3, NAMES)
    found = [Detections([CAR, CAR], [0.9, 0.2], [1, 2])] * 3
    pictures.draw_comparison(
        tmp_path / "sheet.png", truth, found, num=2, score_threshold=0.5, size=(60, 120)
    )
    sheet = image_file.read(tmp_path / "sheet.png")
    assert sheet.shape == (2 * (60 + 20) + 6, 2 * 120 + 6, 3)
    left, right = sheet[:, :120], sheet[:, 126:]
    assert is_color(left, 0).sum() > 50 and not is_color(left, 1).any()
    assert is_color(right, 1).sum() > 50 and not is_color(right, 0).any()
    assert not is_color(right, 2).any()  # below the threshold
    with pytest.raises(ValueError, match="no picture to draw"):
        pictures.draw_comparison(tmp_path / "none.png", truth, found, num=0)


def test_mistakes_are_cut_out_with_what_is_around_them(tmp_path):
    inside = plain(100, 200)
    inside[10:20, 10:20] = (0, 0, 255)
    one = AnnotatedImage([[10, 10, 20, 20]], [0], (100, 200), image=inside)
    truth = AnnotatedImages([one], NAMES)
    mistakes = pictures.find_mistakes(truth, [Detections([], [], [])]) * 5
    pictures.draw_mistakes(
        tmp_path / "mistakes.png", truth, mistakes, num=4, columns=3, size=90
    )
    sheet = image_file.read(tmp_path / "mistakes.png")
    assert sheet.shape == (2 * (90 + 20) + 6, 3 * 90 + 12, 3)
    blue = (sheet == (0, 0, 255)).all(axis=-1)
    # 10 of 60 pixels become 15 of 90, less the frame.
    assert 4 * 10**2 < blue.sum() < 4 * 16**2
    assert is_color(sheet, 0).sum() > 4 * 30


def test_a_sheet_without_a_mistake_says_so(tmp_path):
    truth = AnnotatedImages([picture([CAR], [0])], NAMES)
    pictures.draw_mistakes(tmp_path / "none.png", truth, [], size=90)
    sheet = image_file.read(tmp_path / "none.png")
    assert sheet.shape == (110, 90, 3)
    assert (sheet[:20] < 100).any()


@pytest.mark.parametrize(("num", "drawn"), [(3, 3), (29, 9)])
def test_every_curve_of_precision_is_drawn_up_to_ten(num, drawn, tmp_path):
    recall, scores = np.linspace(0.1, 1, 10), np.linspace(1, 0.1, 10)
    curves = {
        f"class {number}": PrecisionRecall(
            scores, np.full(10, 1 - number / 40), recall, 10, 1 - number / 40
        )
        for number in range(num)
    }
    curves["nothing"] = PrecisionRecall(*np.zeros((3, 0)), 5, 0.0)
    pictures.draw_precision_recall(tmp_path / "curves.png", curves, title="all")
    image = image_file.read(tmp_path / "curves.png").astype(int)
    colors = pictures.class_colors(11) * 0.85
    seen = [(abs(image - color).max(axis=-1) < 6).sum() > 150 for color in colors]
    assert sum(seen) == drawn


def test_a_curve_may_have_no_class_at_all(tmp_path):
    pictures.draw_precision_recall(tmp_path / "empty.png", {})
    assert image_file.read(tmp_path / "empty.png").std() > 1
