"""Sheets of pictures, comparisons of networks, marked faces."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras.charts import INK, MUTED, NEGATIVE, POSITIVE, save_figure


def draw_augmentations(
    path: str | Path, image: np.ndarray, rows: Mapping[str, Sequence[np.ndarray]]
) -> None:
    """A sheet with a row for each augmentation, the picture itself in front.

    Args:
        path: PNG to write.
        image: uint8 `(height, width, 3)`.
        rows: name -> changed pictures, as `augmentation.examples` makes them.
    """
    from matplotlib.figure import Figure

    columns = 1 + max(map(len, rows.values()))
    figure = Figure(
        figsize=(1.25 * columns + 1.9, 1.3 * len(rows)), layout="constrained"
    )
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, (name, changed) in zip(axes, rows.items(), strict=True):
        for axis, one in zip(line, (image, *changed), strict=False):
            axis.imshow(one)
        line[0].text(
            -0.12,
            0.5,
            name,
            transform=line[0].transAxes,
            ha="right",
            va="center",
            fontsize=11,
            color=INK,
        )
    axes[0, 0].set_title("picture", fontsize=10, color=MUTED)
    save_figure(figure, path)


def draw_predictions(
    path: str | Path,
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    correct: Sequence[bool] | None = None,
    columns: int = 8,
    title: str = "",
) -> None:
    """Pictures with a line of text each.

    Args:
        path: PNG to write.
        images: uint8 `(height, width, 3)` each.
        captions: a line for each.
        correct: red captions where it is false.
        columns: pictures in a row.
        title: stands above.
    """
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.6 * columns, 1.75 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        axis = axes.flat[number]
        axis.imshow(image)
        is_right = correct is None or correct[number]
        axis.set_title(caption, fontsize=8, color=INK if is_right else POSITIVE, pad=3)
    figure.suptitle(title, fontsize=11)
    save_figure(figure, path)


def draw_comparison(path: str | Path, rows: Sequence[Mapping]) -> None:
    """Networks by what they cost and how often they are right.

    Args:
        path: PNG to write.
        rows: each with `network`, `accuracy`, `accuracy_interval`, `parameters`,
            `multiply_adds` and `seconds`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    largest = max(row["parameters"] for row in rows)
    sides = (
        ("multiply_adds", "multiply-adds a picture (area: parameters)", True),
        ("seconds", "seconds of training", False),
    )
    for axis, (key, label, is_log) in zip(axes, sides, strict=True):
        for row in rows:
            low, high = row["accuracy_interval"]
            value = row["accuracy"]
            errors = np.maximum([[value - low], [high - value]], 0)
            axis.errorbar(row[key], value, errors, fmt="none", ecolor=MUTED, lw=1)
            area = 30 + 500 * row["parameters"] / largest if is_log else 40
            axis.scatter(row[key], value, area, color=NEGATIVE, alpha=0.75, zorder=3)
        if is_log:
            axis.set_xscale("log")
        axis.margins(x=0.22, y=0.12)
        _write_names(axis, rows, key, is_log)
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy on test pictures, 95 % interval")
    axes[1].set_xlim(left=0)
    save_figure(figure, path)


def _write_names(axis, rows, key, is_log):
    """Beside the points: to the right, or to the left where another is close."""
    scale = np.log if is_log else np.asarray
    x = scale([row[key] for row in rows])
    y = np.array([row["accuracy"] for row in rows])
    x = (x - x.min()) / max(np.ptp(x), 1e-9)
    y = (y - y.min()) / max(np.ptp(y), 1e-9)
    for number, row in enumerate(rows):
        close = (np.abs(y - y[number]) < 0.08) & (x > x[number]) & (x < x[number] + 0.4)
        is_left = close.any()
        axis.annotate(
            row["network"],
            (row[key], row["accuracy"]),
            xytext=(-10 if is_left else 10, 6),
            textcoords="offset points",
            ha="right" if is_left else "left",
            fontsize=9,
            color=INK,
        )


def draw_landmarks(
    path: str | Path,
    images: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    *,
    truth: Sequence[np.ndarray] | None = None,
    captions: Sequence[str] | None = None,
    columns: int = 6,
    title: str = "",
) -> None:
    """Faces with the landmarks that were found, and where they are.

    Args:
        path: PNG to write.
        images: uint8 `(size, size, 3)` each.
        found: pixels `(num_landmarks, 2)` each, drawn as dots.
        truth: the same, drawn as rings.
        captions: a line for each.
        columns: faces in a row.
        title: stands above.
    """
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(2.1 * columns, 2.35 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, image in enumerate(images):
        axis = axes.flat[number]
        height, width = image.shape[:2]
        axis.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
        if truth is not None:
            axis.scatter(
                *truth[number].T, s=26, facecolors="none", edgecolors="white", lw=1
            )
        axis.scatter(*found[number].T, s=7, color=POSITIVE)
        axis.set(xlim=(0, width), ylim=(height, 0))
        if captions is not None:
            axis.set_title(captions[number], fontsize=7, color=INK, pad=3)
    figure.suptitle(title, fontsize=11)
    save_figure(figure, path)
