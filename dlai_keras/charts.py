"""Charts that every training and every classifier needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import files

INK, MUTED, POSITIVE, NEGATIVE = "#1b1b1b", "#8a8a8a", "#d1495b", "#3d7ea6"
COLORS = (INK, POSITIVE, NEGATIVE, MUTED)


def new_figure(rows: int, height: float, **options):
    """A figure of `rows` axes below one another, and a list of these.

    Args:
        rows: how many.
        height: of each, inches.
        **options: of `Figure.subplots`.
    """
    from matplotlib.figure import Figure  # no global state, no window

    figure = Figure(figsize=(9, height * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, **options)[:, 0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure, path: str | Path) -> None:
    """Writes a figure as PNG; the file is whole or not there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def draw_history(path: str | Path, history: Mapping[str, Sequence[float]]) -> None:
    """What changed over the epochs: shares such as accuracy above, losses below.

    Args:
        path: PNG to write.
        history: name -> value per epoch. Names that hold "accuracy" are drawn from 0
            to 1, all others on a logarithmic scale.
    """
    shares = {name: values for name, values in history.items() if "accuracy" in name}
    losses = {name: values for name, values in history.items() if name not in shares}
    parts = [part for part in (shares, losses) if part]
    figure, axes = new_figure(len(parts), 3.2, sharex=True)
    for axis, part in zip(axes, parts, strict=True):
        for (name, values), color in zip(part.items(), COLORS, strict=False):
            epochs = range(1, len(values) + 1)
            axis.plot(epochs, values, "o-", ms=3, color=color, label=name)
        if part is losses:
            axis.set_yscale("log")
        axis.grid(alpha=0.3, which="both")
        axis.legend(frameon=False)
    axes[-1].set_xlabel("epoch")
    save_figure(figure, path)


def draw_seeds(
    path: str | Path,
    values: Mapping[str, Sequence[float]],
    *,
    label: str,
    form: str = ".3f",
    less_is_better: bool = False,
) -> None:
    """One figure of several systems: their mean, and every seed as a point.

    Args:
        path: PNG to write.
        values: name -> a value for every seed; the best stands above, in red.
        label: what the figure is.
        form: how a mean is written, such as ".1%".
        less_is_better: whether the lowest mean is the best.
    """
    means = {name: sum(each) / len(each) for name, each in values.items()}
    ordered = sorted(means, key=means.get, reverse=less_is_better)
    figure, (axis,) = new_figure(1, 0.6 + 0.4 * len(ordered))
    for place, name in enumerate(ordered):
        color = POSITIVE if name == ordered[-1] else NEGATIVE
        points = [place] * len(values[name])
        axis.plot(values[name], points, "o", ms=4, color=color, alpha=0.5)
        axis.plot([means[name]], [place], "|", ms=18, mew=2, color=color)
        axis.annotate(
            format(means[name], form),
            (means[name], place),
            xytext=(0, 11),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axis.set_yticks(range(len(ordered)), ordered)
    axis.set_ylim(-0.6, len(ordered) - 0.2)
    axis.set_xlabel(label)
    axis.grid(alpha=0.3, axis="x")
    save_figure(figure, path)


def draw_confusion(
    path: str | Path, counts: np.ndarray, class_names: Sequence[str], *, title: str = ""
) -> None:
    """A confusion matrix: how often each class was taken for which.

    Args:
        path: PNG to write.
        counts: int `(num_classes, num_classes)`, true classes in rows.
        class_names: of the rows and columns.
        title: stands above.
    """
    from matplotlib.figure import Figure

    num = len(class_names)
    side = min(12.0, 2.5 + 0.55 * num)
    figure = Figure(figsize=(side, side), layout="constrained")
    axis = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if num <= 20:
        for row, column in np.argwhere(counts):
            color = "white" if shares[row, column] > 0.5 else INK
            text = str(counts[row, column])
            axis.text(column, row, text, ha="center", va="center", color=color)
    axis.set_xticks(range(num), class_names, rotation=45 if num > 10 else 0)
    axis.set_yticks(range(num), class_names)
    axis.set_xlabel("taken for")
    axis.set_ylabel("is")
    axis.set_title(title, fontsize=10)
    save_figure(figure, path)
