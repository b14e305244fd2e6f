"""Boxes on pictures, sheets of them, and curves of precision over recall."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import boxes, images
from dlai_keras.car_detection.data import AnnotatedImages, Detections
from dlai_keras.car_detection.metrics import PrecisionRecall
from dlai_keras.charts import INK, MUTED, save_figure

PAPER, SHADE = (255, 255, 255), 0.55
_HEAT = cv2.COLORMAP_INFERNO
MISPLACED = 0.1  # the least overlap with an object that a bad box may have been for


@functools.cache
def class_colors(num: int) -> np.ndarray:
    """Colours that are told apart, on asphalt too.

    Each is the one, of the vivid ones, that is farthest (in CIELAB) from black, grey,
    white and all before it. So a class keeps its colour whatever the number of classes.

    Args:
        num: how many.

    Returns:
        uint8 RGB `(num, 3)`; they repeat after some 140.

    Example:
        >>> class_colors(2).tolist()
        [[255, 70, 0], [0, 255, 0]]
    """
    hue, saturation, value = np.meshgrid(
        np.arange(0, 360, 15), (0.5, 0.75, 1.0), (0.6, 0.8, 1.0), indexing="ij"
    )
    vivid = np.stack([hue, saturation, value], -1).reshape(1, -1, 3).astype("float32")
    vivid = cv2.cvtColor(vivid, cv2.COLOR_HSV2RGB)[0]
    greys = np.repeat([[0.0], [0.5], [1.0]], 3, axis=1)
    first = np.array([[1, 0.275, 0]])
    candidates = np.concatenate([first, vivid])
    lab = _lab(candidates)
    is_bright = (lab[:, 0] > 45) & (np.linalg.norm(lab[:, 1:], axis=1) > 35)
    candidates, lab = candidates[is_bright], lab[is_bright]
    distance = np.full(len(lab), np.inf)
    for other in _lab(greys):
        distance = np.minimum(distance, np.linalg.norm(lab - other, axis=1))
    chosen = [0]
    while len(chosen) < min(num, len(lab) - 1):
        last = np.linalg.norm(lab - lab[chosen[-1]], axis=1)
        distance = np.minimum(distance, last)
        chosen.append(int(distance.argmax()))
    colors = np.round(255 * candidates[np.resize(chosen, num)]).astype("uint8")
    colors.setflags(write=False)  # the next caller gets the same array
    return colors


def draw_detections(
    image: np.ndarray,
    detections: Detections,
    class_names: Sequence[str],
    *,
    show_scores: bool = True,
) -> np.ndarray:
    """A picture with its boxes: a colour for each class, name and score beside each.

    Lines and letters grow with the picture. A label stands above its box, or else
    where it hides least of other labels and of small objects; it never leaves the
    picture.

    Args:
        image: uint8 RGB `(height, width, 3)`, left as it is.
        detections: boxes in pixels of `image`.
        class_names: of the class ids.
        show_scores: whether a label has the score behind the name.

    Returns:
        A new picture of the same shape.

    Raises:
        ValueError: the picture is of another kind, or a class has no name.

    Example:
        >>> image = np.zeros((120, 160, 3), "uint8")
        >>> found = Detections([[40, 50, 90, 80]], [0.93], [0])
        >>> drawn = draw_detections(image, found, ["car"])
        >>> drawn.shape, bool(drawn.any()), bool(image.any())
        ((120, 160, 3), True, False)
    """
    names = [_name(one, class_names) for one in detections.class_ids]
    if show_scores:
        names = [
            f"{name} {_percent(score)}"
            for name, score in zip(names, detections.scores, strict=True)
        ]
    return draw_boxes(
        image,
        detections.boxes_xyxy,
        class_colors(len(class_names))[detections.class_ids],
        names,
    )


def draw_boxes(
    image: np.ndarray,
    boxes_xyxy: np.ndarray,
    colors: np.ndarray,
    labels: Sequence[str],
) -> np.ndarray:
    """A picture with boxes and labels of any kind.

    Args:
        image: uint8 RGB `(height, width, 3)`, left as it is.
        boxes_xyxy: `(num_boxes, 4)`, pixels; the most important box first: it gets the
            best place for its label, and lies on top.
        colors: uint8 RGB `(num_boxes, 3)`.
        labels: `num_boxes` lines; an empty one is left out.

    Returns:
        A new picture of the same shape.

    Raises:
        ValueError: the picture is of another kind.
    """
    image = _checked(image).copy()
    height, width = image.shape[:2]
    side = math.sqrt(height * width)
    thickness = max(1, round(side / 320))
    letters = max(10, round(side / 55))
    corners = _frames(boxes_xyxy, thickness, height, width)
    for number in reversed(range(len(corners))):
        _draw_frame(image, corners[number], thickness, colors[number])
    taken = np.zeros((0, 4))
    for box, text, color in zip(corners, labels, colors, strict=True):
        if not text:
            continue
        label = _label(text, letters, color)[:height, :width]
        place = _place(label.shape, box, corners, taken, (height, width))
        left, top = place[:2].astype(int)
        image[top : top + label.shape[0], left : left + label.shape[1]] = label
        taken = np.concatenate([taken, place[None]])
    return image


def draw_comparison(
    path: str | Path,
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    num: int = 8,
    score_threshold: float = 0.0,
    size: tuple[int, int] = (300, 420),
) -> None:
    """A sheet of pictures: true boxes on the left, found ones on the right of each.

    Args:
        path: PNG to write.
        truth: annotated pictures; the first `num` are shown.
        detections: what was found in each.
        num: pictures on the sheet.
        score_threshold: lowest score that is drawn.
        size: height and width of a panel at most, pixels.

    Raises:
        ValueError: there is no picture to show.
    """
    shown = list(zip(truth.images[:num], detections[:num], strict=True))
    if not shown:
        raise ValueError("There is no picture to draw. Pass one or more.")
    fitted = [_fitted(one.read(), size) for one, _ in shown]
    # No higher than the highest picture.
    size = (max(image.shape[0] for image, _ in fitted), size[1])
    tiles = []
    for (one, found), (image, scale) in zip(shown, fitted, strict=True):
        found = found.above(score_threshold)
        true = Detections(one.boxes_xyxy, np.ones(len(one)), one.class_ids)
        for which, text in ((true, "true"), (found, "found")):
            panel = draw_detections(
                image,
                Detections(which.boxes_xyxy * scale, which.scores, which.class_ids),
                truth.class_names,
                show_scores=which is found,
            )
            tiles.append(_captioned(panel, size, f"{text}: {len(which)}"))
    images.write(path, images.grid(tiles, 2 if len(tiles) < 6 else 4, gap=6))


@dataclass(frozen=True)
class Mistake:
    """A box that should not be there, or an object without one.

    Attributes:
        index: of the picture.
        kind: `"missed"`, or of a false box `"nothing there"`, `"misplaced"` (it
            overlaps an object of its class, but not enough), `"twice"` (the object has
            a better box) or `"taken for"` (an object of another class).
        box_xyxy: `(4,)`, of the false box or of the missed object.
        class_id: of that box.
        score: of the false box; NaN for a missed object.
        true_class_id: of the object that the false box is about, -1 for none.
    """

    index: int
    kind: str
    box_xyxy: np.ndarray
    class_id: int
    score: float = math.nan
    true_class_id: int = -1


def find_mistakes(
    truth: AnnotatedImages,
    detections: Sequence[Detections],
    *,
    score_threshold: float = 0.5,
    iou_threshold: float = 0.5,
) -> list[Mistake]:
    """Every false box and every missed object, the worst of both kinds in turn.

    False boxes come with the surest first, missed objects with the largest first
    (relative to their picture). Ignored objects make no mistake of either kind.

    Args:
        truth: annotated pictures.
        detections: what was found in each, best first.
        score_threshold: boxes with a lower score were not found.
        iou_threshold: overlap from which a box is that of an object.

    Returns:
        The mistakes.

    Raises:
        ValueError: there are more pictures of one than of the other.

    Example:
        >>> from dlai_keras.car_detection.data import AnnotatedImage
        >>> one = AnnotatedImage([[0, 0, 10, 10]], [0], (20, 20))
        >>> found = Detections([[12, 0, 20, 8]], [0.9], [0])
        >>> mistakes = find_mistakes(AnnotatedImages([one], ["car"]), [found])
        >>> [mistake.kind for mistake in mistakes]
        ['nothing there', 'missed']
    """
    if len(truth) != len(detections):
        raise ValueError(
            f"There must be detections for each picture. Received: {len(detections)} "
            f"for {len(truth)} pictures."
        )
    false, missed = [], []
    for index, (one, found) in enumerate(zip(truth.images, detections, strict=True)):
        found = found.above(score_threshold)
        iou = boxes.pairwise_iou(found.boxes_xyxy, one.boxes_xyxy)
        has_box = np.zeros(len(one.class_ids), bool)
        explained = np.zeros(len(one.class_ids), bool)
        for box, score, class_id, overlaps in zip(
            found.boxes_xyxy, found.scores, found.class_ids, iou, strict=True
        ):
            is_same = one.class_ids == class_id
            free = np.where(is_same & ~has_box & ~one.ignored, overlaps, 0)
            if free.size and free.max() >= iou_threshold:
                has_box[free.argmax()] = True
                continue
            if _is_ignored(box, one):
                continue
            kind, about = _kind(overlaps, is_same, iou_threshold)
            if about >= 0:
                explained[about] = True
            true = int(one.class_ids[about]) if about >= 0 else -1
            false.append(Mistake(index, kind, box, int(class_id), float(score), true))
        for number in np.flatnonzero(~has_box & ~explained & ~one.ignored):
            box, class_id = one.boxes_xyxy[number], int(one.class_ids[number])
            missed.append(Mistake(index, "missed", box, class_id))
    false.sort(key=lambda mistake: -mistake.score)
    missed.sort(
        key=lambda mistake: (
            -float(boxes.area(mistake.box_xyxy))
            / math.prod(truth.images[mistake.index].size)
        )
    )
    both = min(len(false), len(missed))
    in_turn = [mistake for pair in zip(false, missed, strict=False) for mistake in pair]
    return in_turn + false[both:] + missed[both:]


def draw_mistakes(
    path: str | Path,
    truth: AnnotatedImages,
    mistakes: Sequence[Mistake],
    *,
    num: int = 24,
    columns: int = 6,
    size: int = 220,
) -> None:
    """A sheet of mistakes, each cut out with what is around it.

    Args:
        path: PNG to write.
        truth: the annotated pictures.
        mistakes: as `find_mistakes` returns them; the first `num` are shown.
        num: pictures on the sheet.
        columns: in a row.
        size: height and width of each, pixels.
    """
    tiles = []
    for mistake in mistakes[:num]:
        one = truth.images[mistake.index]
        image, box = _cut_out(one.read(), mistake.box_xyxy, size)
        color = class_colors(len(truth.class_names))[mistake.class_id]
        tile = draw_boxes(image, box[None], color[None], [""])
        tiles.append(_captioned(tile, (size, size), _caption(mistake, truth)))
    if not tiles:
        blank = np.full((size, size, 3), PAPER, "uint8")
        tiles.append(_captioned(blank, (size, size), "no mistake"))
    images.write(path, images.grid(tiles, min(columns, len(tiles)), gap=6))


def draw_precision_recall(
    path: str | Path,
    curves: Mapping[str, PrecisionRecall],
    *,
    title: str = "",
    most: int = 10,
) -> None:
    """Precision over recall, a line for each class; a dot where F1 is best.

    Args:
        path: PNG to write.
        curves: of each class, as `metrics.precision_recall_curves` returns them.
        title: stands above.
        most: with more classes only so many are drawn, evenly from the best to the
            worst.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axis = figure.subplots()
    recall = np.linspace(0.01, 1, 200)
    for f1 in (0.5, 0.7, 0.9):
        part = recall[recall > f1 / (2 - f1)]
        axis.plot(part, f1 * part / (2 * part - f1), color=MUTED, lw=0.6, ls=":")
        axis.text(1.005, f1 / (2 - f1), f"F1 {f1}", color=MUTED, fontsize=7)
    names = list(curves)
    if len(names) > most:
        names.sort(key=lambda name: -curves[name].average_precision)
        places = np.linspace(0, len(names) - 1, most).round().astype(int)
        names = [names[place] for place in places]
    for name, color in zip(names, class_colors(len(names)), strict=True):
        curve = curves[name]
        label = f"{name}: {curve.average_precision:.3f}"
        color = tuple(color * 0.85 / 255)  # on white
        # From the surest detection on; before it there is none.
        found = np.concatenate([[0.0], curve.recall])
        precision = np.concatenate([curve.precision[:1], curve.precision])
        if len(curve.precision):
            axis.plot(found, precision, color=color, lw=1.8, label=label)
            best = np.argmax(curve.scores <= curve.best_f1()[1])
            axis.plot(curve.recall[best], curve.precision[best], "o", ms=5, color=color)
        else:
            axis.plot([], [], color=color, label=f"{name}: nothing found")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    if names:
        axis.legend(frameon=False, loc="lower left", title="AP at IoU 0.5", fontsize=9)
    axis.set_title(title, fontsize=10, color=INK)
    save_figure(figure, path)


def draw_heat_map(
    image: np.ndarray, heat: np.ndarray, windows_xyxy: np.ndarray
) -> np.ndarray:
    """A picture beneath how sure a sliding window is, at the centres of the windows.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        heat: `(rows, columns)` from 0 to 1.
        windows_xyxy: `(rows, columns, 4)`, the windows on a regular grid.

    Returns:
        uint8 of the same shape. Where no window has its centre, at the edges, the
        picture is dark.

    Example:
        >>> windows = np.array([[[0, 0, 8, 8], [4, 0, 12, 8]]])
        >>> image = np.full((8, 12, 3), 99, "uint8")
        >>> warm = draw_heat_map(image, np.array([[0, 1]]), windows)
        >>> bool(warm[4, 8].max() > warm[4, 4].max())
        True
    """
    image = _checked(image)
    height, width = image.shape[:2]
    windows_xyxy = np.asarray(windows_xyxy, "float64")
    centres = (windows_xyxy[..., :2] + windows_xyxy[..., 2:]) / 2
    steps = np.ones(2)
    if len(centres) > 1:
        steps[1] = centres[1, 0, 1] - centres[0, 0, 1]
    if centres.shape[1] > 1:
        steps[0] = centres[0, 1, 0] - centres[0, 0, 0]
    columns = (np.arange(width) + 0.5 - centres[0, 0, 0]) / steps[0]
    rows = (np.arange(height) + 0.5 - centres[0, 0, 1]) / steps[1]
    places = np.meshgrid(columns.astype("float32"), rows.astype("float32"))
    heat = np.asarray(heat, "float32")
    spread = np.clip(cv2.remap(heat, *places, cv2.INTER_LINEAR), 0, 1)
    colors = cv2.applyColorMap(np.round(255 * spread).astype("uint8"), _HEAT)
    mixed = 0.45 * image + 0.65 * colors[..., ::-1]
    return np.clip(mixed, 0, 255).astype("uint8")


def _lab(colors):
    """CIELAB of RGB from 0 to 1, `(num, 3)`."""
    return cv2.cvtColor(colors[None].astype("float32"), cv2.COLOR_RGB2LAB)[0]


def _checked(image):
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be uint8 RGB (height, width, 3). Received: "
            f"{image.dtype} {image.shape}."
        )
    return image


def _name(class_id, class_names):
    if not 0 <= class_id < len(class_names):
        raise ValueError(
            f"There is no name for class {class_id}: `class_names` holds "
            f"{len(class_names)}. Pass the names that the model was trained with."
        )
    return str(class_names[class_id])


def _percent(score):
    # 100 % is said of what is certain only.
    return f"{min(math.floor(100 * float(score) + 0.5), 99 if score < 1 else 100)}%"


def _frames(boxes_xyxy, thickness, height, width):
    """Outer corners of the lines around boxes, whole pixels within the picture."""
    boxes_xyxy = np.asarray(boxes_xyxy, "float64").reshape(-1, 4)
    half = thickness // 2
    low = np.floor(boxes_xyxy[:, :2] + 0.5) - half
    high = np.floor(boxes_xyxy[:, 2:] + 0.5) + half
    limits = np.array([width, height])
    low = np.clip(low, 0, limits - 1)
    high = np.clip(high, low + 1, limits)
    return np.concatenate([low, high], axis=1).astype(int)


def _draw_frame(image, corners, thickness, color):
    left, top, right, bottom = corners
    rim = max(1, thickness // 2)  # a dark line outside, for pictures of this colour
    outer = image[max(top - rim, 0) : bottom + rim, max(left - rim, 0) : right + rim]
    inner = image[top:bottom, left:right].copy()
    _paint_edge(outer, rim, None)
    image[top:bottom, left:right] = inner
    _paint_edge(image[top:bottom, left:right], thickness, color)


def _paint_edge(region, thickness, color):
    """Paints the border of a region, or darkens it where `color` is None."""
    height, width = region.shape[:2]
    thickness = min(thickness, -(-min(height, width) // 2))
    for part in (
        region[:thickness],
        region[height - thickness :],
        region[thickness : height - thickness, :thickness],
        region[thickness : height - thickness, width - thickness :],
    ):
        part[...] = part * SHADE if color is None else color


def _label(text, letters, color):
    """uint8 RGB: the text on its colour, in white where that is clear, or in black."""
    cover = _text(text, letters)[..., None] / 255
    luminance = (np.asarray(color) / 255) ** 2.2 @ (0.2126, 0.7152, 0.0722)
    ink = 0 if luminance > 0.28 else 255  # a contrast of 3 at least
    return np.round(color + (ink - color.astype("float64")) * cover).astype("uint8")


@functools.lru_cache(maxsize=4096)
def _text(text, letters):
    """How much each pixel is covered by a line of text, uint8 `(height, width)`."""
    from PIL import Image, ImageDraw

    font = _font(letters)
    ascent, descent = font.getmetrics()
    gap = max(2, letters // 4)
    size = (math.ceil(font.getlength(text)) + 2 * gap, ascent + descent + gap // 2)
    cover = Image.new("L", size)
    ImageDraw.Draw(cover).text((gap, gap // 4), text, fill=255, font=font)
    return np.asarray(cover)


@functools.cache
def _font(letters):
    import matplotlib  # brings a typeface with all of Latin, Greek and Cyrillic
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), letters)


def _place(label, box, corners, taken, picture):
    """Corners of a label, where it hides least of other labels and of objects."""
    height, width = label[:2]
    left, top, right, bottom = box
    places = np.array(
        [
            (left, top - height),
            (right - width, top - height),
            (left, bottom),
            (right - width, bottom),
            (right, top),
            (left - width, top),
            (left, top),
            (left, bottom - height),
            ((left + right - width) // 2, top - height),
            ((left + right - width) // 2, bottom),
            (right, bottom - height),
            (left - width, bottom - height),
        ]
    )
    limits = np.array([picture[1] - width, picture[0] - height])
    moved = np.clip(places, 0, limits)
    candidates = np.concatenate([moved, moved + np.array([width, height])], axis=1)
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    hidden_labels = _intersections(candidates, taken).sum(axis=1) / (height * width)
    hidden_objects = (_intersections(candidates, corners) / areas).sum(axis=1)
    away = np.abs(moved - places).sum(axis=1) / (height + width)
    cost = 20 * hidden_labels + hidden_objects + 0.5 * away
    cost += 0.02 * np.arange(len(places))
    return candidates[cost.argmin()]


def _intersections(one, other):
    """Areas `(n, m)` that boxes `(n, 4)` and `(m, 4)` share."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.prod(np.maximum(high - low, 0), axis=-1)


def _fitted(image, size):
    """A picture that fits into `(height, width)`, and by what it was scaled."""
    height, width = image.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, shape, interpolation=way), scale


def _captioned(image, size, text):
    """A picture in a panel of `size`, with a line above it."""
    cover = _text(text, 13)
    strip = 20
    panel = np.full((size[0] + strip, size[1], 3), PAPER, "uint8")
    cover = cover[:strip, : size[1], None]
    panel[: cover.shape[0], : cover.shape[1]] = 255 - cover
    height, width = image.shape[:2]
    left = (size[1] - width) // 2
    panel[strip : strip + height, left : left + width] = image
    return panel


def _is_ignored(box, one):
    """Whether a box lies, by half, in objects that do not count."""
    crowd = np.asarray(one.boxes_xyxy)[one.ignored]
    if not len(crowd):
        return False
    inside = _intersections(np.asarray(box)[None], crowd)
    return inside.max() >= 0.5 * max(float(boxes.area(box)), 1e-9)


def _kind(overlaps, is_same, iou_threshold):
    """What kind of false box this is, and of which object (-1: none)."""
    if not overlaps.size:
        return "nothing there", -1
    same = np.where(is_same, overlaps, 0)
    if same.max() >= iou_threshold:
        return "twice", int(same.argmax())
    if overlaps.max() >= iou_threshold:
        return "taken for", int(overlaps.argmax())
    if same.max() >= MISPLACED:
        return "misplaced", int(same.argmax())
    return "nothing there", -1


def _cut_out(image, box, size, context=2.5):
    """A square around a box, `size` pixels wide, and the box in it."""
    height, width = image.shape[:2]
    longest = max(*(box[2:] - box[:2]), 24)
    side = math.ceil(min(context * longest, max(height, width)))
    left, top = (
        # As far into the picture as it goes, for there is nothing beside it.
        int(np.clip(np.floor(centre - side / 2), min(0, room), max(0, room)))
        for centre, room in zip(
            (box[:2] + box[2:]) / 2, (width - side, height - side), strict=True
        )
    )
    square = np.full((side, side, 3), PAPER, "uint8")
    seen = image[max(top, 0) : top + side, max(left, 0) : left + side]
    row, column = max(-top, 0), max(-left, 0)
    square[row : row + seen.shape[0], column : column + seen.shape[1]] = seen
    box = (box - np.array([left, top, left, top])) * (size / side)
    return _fitted(square, (size, size))[0], box


def _caption(mistake, truth):
    name = truth.class_names[mistake.class_id]
    if mistake.kind == "missed":
        return f"missed: {name}"
    about = ""
    if mistake.kind == "taken for":
        about = f"{truth.class_names[mistake.true_class_id]} "
    if mistake.kind == "taken for":
        return f"{about}taken for {name} {_percent(mistake.score)}"
    return f"{mistake.kind}: {name} {_percent(mistake.score)}"
