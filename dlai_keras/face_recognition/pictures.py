"""Pictures of what a recognizer does: curves, worst pairs, maps of people, faces."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.charts import (
    COLORS,
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    new_figure,
    save_figure,
)
from dlai_keras.face_recognition.metrics import Roc

MOST_DOTS = 1000  # of a map; t-SNE takes seconds for these
MOST_POINTS = 5000  # of a curve
_PAPER = (255, 255, 255)
_KNOWN, _UNKNOWN = (tuple(bytes.fromhex(color[1:])) for color in (NEGATIVE, POSITIVE))
_MARKERS = "osD^vP*X"


class FoundFaces(Protocol):
    """What `mtcnn.Faces` has: boxes `(n, 4)` and landmarks `(n, 5, 2)`, in pixels."""

    boxes_xyxy: np.ndarray
    landmarks: np.ndarray


def draw_roc(path: str | Path, curves: Mapping[str, Roc], *, title: str = "") -> None:
    """TAR over FAR, a line for each curve; a ring where both errors are equal.

    FAR is on a logarithmic scale, for what matters is whether few strangers pass. A
    curve begins at the lowest rate that its pairs can show, one of them.

    Args:
        path: PNG to write.
        curves: name -> curve, as `metrics.roc_curve` makes it.
        title: stands above.

    Raises:
        ValueError: there is no curve.
    """
    if not curves:
        raise ValueError("There is no curve to draw. Pass one or more.")
    figure, (axis,) = new_figure(1, 5.0)
    lowest = min(1 / curve.num_different for curve in curves.values())
    lowest = min(0.1, 10.0 ** math.floor(math.log10(lowest)))
    rates = np.geomspace(lowest, 1, 200)
    axis.plot(rates, 1 - rates, color=MUTED, lw=0.8, ls=":", label="equal errors")
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[(number + 1) % len(COLORS)]
        far, tar = curve.false_accept_rates, curve.true_accept_rates
        # From what is accepted without any false accept.
        start = np.searchsorted(far, 0, "right")
        far = np.append(1 / curve.num_different, far[start:])
        tar = tar[start - 1 :]
        kept = np.linspace(0, len(far) - 1, min(len(far), MOST_POINTS))
        kept = kept.round().astype(int)
        error = curve.equal_error_rate
        label = f"{name}: AUC {curve.auc:.4f}, equal error rate {100 * error:.2f} %"
        axis.plot(far[kept], tar[kept], color=color, lw=1.8, label=label)
        if error > lowest:
            axis.plot(error, 1 - error, "o", ms=8, mfc="none", color=color)
    axis.set_xscale("log")
    axis.set(xlim=(lowest, 1), ylim=(0, 1.02))
    axis.set_xlabel("FAR: pairs of different people that are accepted")
    axis.set_ylabel("TAR: pairs of the same person that are")
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False, loc="lower right", fontsize=9)
    axis.set_title(title, fontsize=10, color=INK)
    save_figure(figure, path)


def find_worst_pairs(
    distances: ArrayLike, same: ArrayLike, num: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of one person that are farthest, and those of two that are nearest.

    Args:
        distances: `(num_pairs,)`.
        same: bool `(num_pairs,)`.
        num: of each kind at most.

    Returns:
        `(of the same person, of different people)`: indices of pairs, the worst first.

    Example:
        >>> same, different = find_worst_pairs([0.2, 1.1, 0.5], [True, True, False])
        >>> same.tolist(), different.tolist()
        ([1, 0], [2])
    """
    distances, same = np.asarray(distances), np.asarray(same, bool)
    worst = []
    for kind, sign in ((same, -1), (~same, 1)):
        indices = np.flatnonzero(kind)
        badness = sign * distances[indices]
        if num < len(indices):
            part = np.argpartition(badness, num)[:num]
            indices, badness = indices[part], badness[part]
        worst.append(indices[np.argsort(badness, kind="stable")])
    return worst[0], worst[1]


def draw_worst_pairs(
    path: str | Path,
    read: Callable[[Any], np.ndarray],
    first: Sequence,
    second: Sequence,
    distances: ArrayLike,
    same: ArrayLike,
    *,
    threshold: float,
    num: int = 8,
    size: int = 112,
) -> None:
    """A sheet of the pairs that are most wrong, their distances in red where they are.

    Above are pairs of the same person, the farthest first, below pairs of different
    people, the nearest first. Only these pictures are read.

    Args:
        path: PNG to write.
        read: makes of an item of `first` or `second` a picture, uint8 RGB `(height,
            width, 3)`: `People.read` of a number, or `images.read` of a file.
        first: of each pair.
        second: of each pair.
        distances: `(num_pairs,)`.
        same: bool `(num_pairs,)`.
        threshold: largest distance that is taken for the same person.
        num: of each kind at most.
        size: height of a picture, pixels.
    """
    from matplotlib.figure import Figure

    distances = np.asarray(distances)
    kinds = find_worst_pairs(distances, same, num)
    columns = 4
    rows = [max(1, -(-len(kind) // columns)) for kind in kinds]
    figure = Figure(figsize=(9, 1.5 * sum(rows) + 1), layout="constrained")
    sheets = figure.subfigures(2, 1, height_ratios=rows)
    texts = "Same person, farthest first", "Different people, nearest first"
    for sheet, kind, text, num_rows in zip(sheets, kinds, texts, rows, strict=True):
        sheet.suptitle(f"{text} (threshold {threshold:.3f})", fontsize=10, color=INK)
        axes = sheet.subplots(num_rows, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        if not len(kind):
            axes.flat[0].set_title("there is no such pair", fontsize=8, color=MUTED)
        for axis, index in zip(axes.flat, kind, strict=False):
            index = int(index)
            two = [_of_height(read(side[index]), size) for side in (first, second)]
            gap = np.full((size, 3, 3), _PAPER, "uint8")
            axis.imshow(np.concatenate([two[0], gap, two[1]], axis=1))
            accepted = distances[index] <= threshold
            color = NEGATIVE if accepted == bool(same[index]) else POSITIVE
            caption = f"{distances[index]:.3f}"
            axis.set_title(caption, fontsize=8, color=color, pad=2)
    save_figure(figure, path)


def draw_embeddings(
    path: str | Path,
    embeddings: np.ndarray,
    labels: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    title: str = "",
) -> str:
    """A map of embeddings: a dot for each picture, near each other if these are.

    It is t-SNE's where scikit-learn is installed, and else the plane of the first two
    principal components. The title says which, and of how many pictures: more than
    1,000 are thinned out.

    Args:
        path: PNG to write.
        embeddings: `(num_pictures, num_dim)`, three or more.
        labels: whole numbers `(num_pictures,)`, who is on each.
        names: of the labels. They are written beside the dots of up to 30 people.
        seed: of t-SNE.
        title: stands above.

    Returns:
        `"t-SNE"` or `"PCA"`.

    Raises:
        ValueError: there are fewer than three pictures, or not as many labels.

    Reference:
        - van der Maaten and Hinton, 2008, "Visualizing Data using t-SNE", JMLR 9.
    """
    embeddings, labels = np.asarray(embeddings, "float64"), np.asarray(labels)
    if (
        embeddings.ndim != 2
        or len(embeddings) < 3
        or labels.shape != (len(embeddings),)
    ):
        raise ValueError(
            "A map needs three embeddings or more, and a label for each. Received: "
            f"shapes {embeddings.shape} and {labels.shape}."
        )
    num = len(embeddings)
    if num > MOST_DOTS:
        kept = np.linspace(0, num - 1, MOST_DOTS).round().astype(int)
        embeddings, labels = embeddings[kept], labels[kept]
    places, method = _on_a_plane(embeddings, seed)
    people = np.unique(labels)
    figure, (axis,) = new_figure(1, 6.5)
    for number, person in enumerate(people):
        own = places[labels == person]
        color = _dot_color(number)
        marker = _MARKERS[number // 20 % len(_MARKERS)]
        axis.scatter(*own.T, s=26, color=color, marker=marker, lw=0)
        if len(people) <= 30:
            name = str(person) if names is None else str(names[person])
            place = np.median(own, axis=0)
            text = axis.annotate(
                name, place, (0, 7), textcoords="offset points", fontsize=8, ha="center"
            )
            paper = {"fc": "white", "ec": "none", "alpha": 0.6, "pad": 0.8}
            text.set(color=INK, bbox=paper)
    axis.set(xticks=[], yticks=[])
    count = f"{len(labels):,} of {num:,}" if num > len(labels) else f"{num:,}"
    text = f"{method} of {count} pictures of {len(people):,} people"
    axis.set_title(f"{title}\n{text}" if title else text, fontsize=10, color=INK)
    save_figure(figure, path)
    return method


def draw_distances(
    path: str | Path,
    positive: Sequence[ArrayLike],
    negative: Sequence[ArrayLike],
    *,
    threshold: float | None = None,
    title: str = "",
) -> None:
    """How the distances of the same and of different people part during a training.

    Args:
        path: PNG to write.
        positive: for each epoch distances between anchors and positives, as many as
            there are, or their mean alone. The line is their median; the band holds 90
            % of them.
        negative: the same between anchors and negatives.
        threshold: drawn across, where there is one.
        title: stands above.

    Raises:
        ValueError: there is no epoch, one without a distance, or the numbers differ.
    """
    if not len(positive) or len(positive) != len(negative):
        raise ValueError(
            "There must be distances of both kinds for each epoch. Received: "
            f"{len(positive)} and {len(negative)} epochs."
        )
    figure, (axis,) = new_figure(1, 4.0)
    epochs = np.arange(1, len(positive) + 1)
    kinds = {
        "same person": (positive, NEGATIVE),
        "different people": (negative, POSITIVE),
    }
    for name, (distances, color) in kinds.items():
        some = [np.ravel(epoch) for epoch in distances]
        if not all(map(len, some)):
            raise ValueError(f"There is an epoch without any distance of: {name}.")
        low, middle, high = np.array(
            [np.quantile(x, [0.05, 0.5, 0.95]) for x in some]
        ).T
        axis.fill_between(epochs, low, high, color=color, alpha=0.18, lw=0)
        axis.plot(epochs, middle, "o-", ms=3, color=color, label=name)
    if threshold is not None:
        label = f"threshold {threshold:.3f}"
        axis.axhline(threshold, color=MUTED, lw=1, ls="--", label=label)
    axis.set_ylim(bottom=0)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(xlabel="epoch", ylabel="distance")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    axis.set_title(title, fontsize=10, color=INK)
    save_figure(figure, path)


def draw_faces(
    image: np.ndarray,
    faces: FoundFaces,
    labels: Sequence[str] = (),
    *,
    known: Sequence[bool] | None = None,
) -> np.ndarray:
    """A picture with the faces that were found: boxes, landmarks, and who they are.

    Lines and letters grow with the picture.

    Args:
        image: uint8 RGB `(height, width, 3)`, left as it is.
        faces: as `FaceFinder.find` returns them, best first.
        labels: a line for each face, or none at all.
        known: red boxes where it is false, blue ones elsewhere.

    Returns:
        A new picture of the same shape.

    Raises:
        ValueError: the picture is of another kind, or the numbers differ.

    Example:
        >>> from types import SimpleNamespace
        >>> image = np.zeros((90, 120, 3), "uint8")
        >>> points = [[45, 40], [65, 40], [55, 50], [48, 58], [62, 58]]
        >>> faces = SimpleNamespace(boxes_xyxy=[[35, 25, 75, 70]], landmarks=[points])
        >>> drawn = draw_faces(image, faces, ["Ann 0.61"])
        >>> drawn.shape, bool(drawn[40, 45].any()), bool(image.any())
        ((90, 120, 3), True, False)
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be uint8 RGB (height, width, 3). Received: "
            f"{image.dtype} {image.shape}."
        )
    boxes_xyxy = np.asarray(faces.boxes_xyxy, "float64").reshape(-1, 4)
    landmarks = np.asarray(faces.landmarks, "float64").reshape(-1, 5, 2)
    known = [True] * len(boxes_xyxy) if known is None else known
    labels = labels or [""] * len(boxes_xyxy)
    if not len(boxes_xyxy) == len(labels) == len(known):
        raise ValueError(
            "There must be a label, and whether it is known, for each face. Received: "
            f"{len(labels)} and {len(known)} for {len(boxes_xyxy)} faces."
        )
    drawn = np.ascontiguousarray(image).copy()
    side = math.sqrt(drawn.shape[0] * drawn.shape[1])
    thickness = max(1, round(side / 320))
    letters = max(10, round(side / 40))
    every = list(zip(boxes_xyxy, landmarks, labels, known, strict=True))
    for box, points, label, is_known in reversed(every):  # the best lies on top
        color = _KNOWN if is_known else _UNKNOWN
        low, high = _pixel(box[:2]), _pixel(box[2:])
        cv2.rectangle(drawn, low, high, color, thickness)
        for point in points:
            cv2.circle(drawn, _pixel(point), thickness + 1, _PAPER, -1, cv2.LINE_AA)
            cv2.circle(drawn, _pixel(point), thickness, color, -1, cv2.LINE_AA)
        if label:
            _write(drawn, str(label), low, high, color, letters)
    return drawn


def _of_height(image, size):
    height, width = image.shape[:2]
    shape = (max(1, round(width * size / height)), size)
    way = cv2.INTER_AREA if height > size else cv2.INTER_LINEAR
    return cv2.resize(image, shape, interpolation=way)


def _dot_color(number):
    import matplotlib

    return matplotlib.colormaps["tab20"](number % 20)


def _on_a_plane(embeddings, seed):
    """Places `(num, 2)`, and how they were found."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        centred = embeddings - embeddings.mean(axis=0)
        places = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        return np.pad(places, [(0, 0), (0, 2 - places.shape[1])]), "PCA"
    # As many neighbours as are usual, or as there are.
    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return tsne.fit_transform(embeddings.astype("float32")), "t-SNE"


def _pixel(point):
    return math.floor(point[0]), math.floor(point[1])


def _write(image, text, low, high, color, letters):
    """Writes a line above a box, or below its upper edge where there is no room."""
    cover = _text(text, letters)[: image.shape[0], : image.shape[1], None] / 255
    height, width = cover.shape[:2]
    left = int(np.clip(low[0], 0, image.shape[1] - width))
    top = low[1] - height if low[1] >= height else high[1]
    top = int(np.clip(top, 0, image.shape[0] - height))
    label = color + (255 - np.array(color)) * cover
    image[top : top + height, left : left + width] = np.round(label).astype("uint8")


@functools.lru_cache(maxsize=1024)
def _text(text, letters):
    """How much each pixel is covered by a line of text, uint8 `(height, width)`."""
    import matplotlib  # brings a typeface with all of Latin, Greek and Cyrillic
    from PIL import Image, ImageDraw, ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(path), letters)
    ascent, descent = font.getmetrics()
    gap = max(2, letters // 4)
    size = (math.ceil(font.getlength(text)) + 2 * gap, ascent + descent + gap // 2)
    cover = Image.new("L", size)
    ImageDraw.Draw(cover).text((gap, gap // 4), text, fill=255, font=font)
    return np.asarray(cover)
