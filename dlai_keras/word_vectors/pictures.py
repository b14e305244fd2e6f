"""What a person wants to see of word vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts
from dlai_keras.embeddings import WordVectors, on_a_plane

MOST_WORDS = 600  # of a map
GROUPS = "tab10"
LETTER = 8  # points, of a map


def draw_map(
    path: str | Path,
    vectors: WordVectors,
    words: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> np.ndarray:
    """A map of words, similar ones near one another (t-SNE of the unit vectors).

    Args:
        path: PNG to write.
        vectors: that have the words.
        words: 4 to 600 of them.
        groups: name -> words in the colour of the group; the others are black.

    Returns:
        Where the words are, `(num_words, 2)`.

    Raises:
        KeyError: a word has no vector.
        ValueError: too few words, or too many.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    if not 4 <= len(words) <= MOST_WORDS:
        raise ValueError(
            f"`words` must be 4 to {MOST_WORDS} for a map. Received: {len(words)}."
        )
    rows = [vectors.index(word) for word in words]
    places = on_a_plane(vectors.normalized()[rows])
    color_of, groups = {}, groups or {}
    for number, own in enumerate(groups.values()):
        color_of |= dict.fromkeys(own, colormaps[GROUPS](number % 10))
    # Room for so many words, whatever their number.
    side = float(np.clip(0.62 * len(words) ** 0.5, 6, 16))
    figure = Figure(figsize=(1.35 * side, side), layout="constrained")
    axis = figure.subplots()
    low, high = places.min(axis=0), places.max(axis=0)
    room = 0.06 * (high - low)
    low, high = low - room, high + room
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    dots = (places - low) / (high - low) * np.multiply(72, figure.get_size_inches())
    labels = dots + np.array([0, 0.9 * LETTER])
    sizes = np.array([[0.62 * LETTER * len(word), 1.2 * LETTER] for word in words])
    labels = _apart(labels, sizes)
    for word, place, moved in zip(words, places, labels - dots, strict=True):
        color = color_of.get(word, charts.INK)
        axis.plot(*place, ".", ms=3, color=color)
        axis.annotate(
            word,
            place,
            xytext=moved,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=LETTER,
            color=color,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": charts.MUTED},
        )
    for name, own in groups.items():
        if own:
            axis.plot([], [], "o", color=color_of[own[0]], label=name)
    if groups:
        axis.legend(frameon=False, loc="best")
    axis.set_axis_off()
    charts.save_figure(figure, path)
    return places


def _apart(centers, sizes):
    """Boxes `(num, 2)` moved until none covers another, or for a while.

    Args:
        centers: of the boxes, points.
        sizes: width and height of each, points.
    """
    centers = np.array(centers)
    least = (sizes[:, None] + sizes) / 2  # (num, num, 2)
    # Of boxes in one place the later is above.
    above = np.sign(np.arange(len(centers))[:, None] - np.arange(len(centers)))
    for _ in range(200):
        between = centers[:, None] - centers
        overlap = np.maximum(least - np.abs(between), 0)
        overlap[~(overlap > 0).all(axis=2)] = 0
        overlap[np.diag_indices(len(centers))] = 0
        if not overlap.any():
            break
        side = np.where(between == 0, above[:, :, None], np.sign(between))
        is_flat = overlap[:, :, 1] <= overlap[:, :, 0]
        overlap[:, :, 0][is_flat] = 0  # the shorter way out
        overlap[:, :, 1][~is_flat] = 0
        centers += (0.3 * side * overlap).sum(axis=1)
    return centers


def draw_bias(
    path: str | Path,
    words: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    *,
    ends: tuple[str, str] = ("", ""),
) -> None:
    """How far words lie along a bias, before and after it was taken out.

    Args:
        path: PNG to write.
        words: a row each; the highest before stands above.
        before: cosines with the direction.
        after: the same of the debiased vectors.
        ends: what the negative and the positive side of the direction mean.
    """
    order = np.argsort(before)
    before, after = np.asarray(before)[order], np.asarray(after)[order]
    places = np.arange(len(order))
    figure, (axis,) = charts.new_figure(1, 0.8 + 0.17 * len(order))
    axis.hlines(places, before, after, color=charts.MUTED, lw=0.7)
    axis.plot(before, places, "o", ms=4, color=charts.POSITIVE, label="before")
    axis.plot(after, places, "o", ms=4, color=charts.NEGATIVE, label="after")
    axis.axvline(0, color=charts.INK, lw=0.7)
    axis.set_yticks(places, [words[index] for index in order], fontsize=7)
    axis.set_ylim(-1, len(order))
    axis.set_xlabel(
        f"{ends[0]}   ←   cosine with the bias direction   →   {ends[1]}".strip()
    )
    axis.grid(alpha=0.3, axis="x")
    axis.legend(frameon=False, loc="lower right")
    charts.save_figure(figure, path)
