"""What a person wants to see: which emoji was taken for which, and why."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts
from dlai_keras.emojify.drawings import draw_emoji, emoji_name

INCHES = 0.5  # of a cell


def draw_confusion(
    path: str | Path, counts: np.ndarray, emoji: Sequence[str], *, title: str = ""
) -> None:
    """A confusion matrix with the emoji themselves at its rows and columns.

    Args:
        path: PNG to write.
        counts: int `(num_labels, num_labels)`, true labels in rows.
        emoji: of the labels. Those that are not drawn here stand as words.
        title: stands above.
    """
    from matplotlib.figure import Figure

    num = len(emoji)
    side = INCHES * num + 1.6
    figure = Figure(figsize=(side, side))
    left, size = 1.1 / side, INCHES * num / side
    axis = figure.add_axes((left, 0.35 / side, size, size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 0.5 else charts.INK
        text = str(counts[row, column])
        axis.text(column, row, text, ha="center", va="center", color=color)
    axis.set_xticks([])
    axis.set_yticks([])
    for place, name in enumerate(emoji):
        _put(axis, name, (place, -0.95), rotation=90)
        _put(axis, name, (-0.95, place), ha="right")
    axis.set_ylabel("is", labelpad=0.8 * 72)
    axis.set_xlabel("columns: taken for")
    axis.set_title(title, fontsize=10, pad=0.6 * 72)
    charts.save_figure(figure, path)


def draw_influence(
    path: str | Path, rows: Sequence[tuple[str, Sequence[tuple[str, float]]]]
) -> None:
    """Sentences with the colour of what each word says about the emoji that was told.

    Args:
        path: PNG to write.
        rows: for each sentence its emoji, and words with their influence, above 0 for
            what speaks for it (red) and below for what speaks against (blue).
    """
    figure, (axis,) = charts.new_figure(1, 0.6 * len(rows))
    axis.set_xlim(0, 100)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.axis("off")
    for place, (emoji, words) in enumerate(rows):
        _put(axis, emoji, (2.5, place))
        most = max((abs(value) for _, value in words), default=0) or 1
        x = 7.0
        for word, value in words:
            color = charts.POSITIVE if value > 0 else charts.NEGATIVE
            patch = {"facecolor": color, "alpha": 0.8 * abs(value) / most, "lw": 0}
            axis.text(x, place, word, va="center", fontsize=12, bbox=patch)
            x += 1.55 * len(word) + 2.5
    charts.save_figure(figure, path)


def _put(axis, emoji, place, **options):
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    image = draw_emoji(emoji)
    if image is None:
        options = {"ha": "center", "va": "center", "fontsize": 8, **options}
        axis.text(*place, emoji_name(emoji), **options)
        return
    picture = OffsetImage(image, zoom=0.4)
    box = AnnotationBbox(picture, place, frameon=False, annotation_clip=False)
    axis.add_artist(box)
