"""What a person wants to see of a network that writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts

END = "⏎"  # what stands for the end of a name
MOST_BITS = 8.0  # of the colours; what surprises more has the same
WIDEST = 60  # characters of a row


def draw_training(
    path: str | Path,
    history: Mapping[str, Sequence[float]],
    levels: Mapping[str, float] | None = None,
) -> None:
    """Learning curves: bits per character after every epoch.

    Args:
        path: PNG to write.
        history: name -> value per epoch, such as of training and validation.
        levels: name -> what other models reach, drawn as dotted lines.
    """
    figure, (axis,) = charts.new_figure(1, 4.0)
    for (name, values), color in zip(history.items(), charts.COLORS, strict=False):
        epochs = range(1, len(values) + 1)
        name = name.replace(" nats", "")
        axis.plot(epochs, values, "o-", ms=3, color=color, label=name)
    for name, level in (levels or {}).items():
        axis.axhline(level, color=charts.MUTED, ls=":")
        axis.annotate(
            name,
            (1, level),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            color=charts.MUTED,
        )
    axis.set_xlabel("epoch")
    axis.set_ylabel("bits per character")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    charts.save_figure(figure, path)


def draw_comparison(path: str | Path, bits: Mapping[str, Sequence[float]]) -> None:
    """Bits per character of several models: their mean, and every seed as a point.

    Args:
        path: PNG to write.
        bits: name -> a value for every seed; the best stands above.
    """
    label = "bits per character of what was kept back; less is better"
    charts.draw_seeds(path, bits, label=label, less_is_better=True)


def draw_surprise(
    path: str | Path, texts: Sequence[str], bits: Sequence[np.ndarray]
) -> None:
    """Texts with each character on the colour of its surprise.

    Pale is what the network expected, dark what it did not. What is longer than a row
    goes on in the next ones, up to twelve.

    Args:
        path: PNG to write.
        texts: one row or more each.
        bits: of each text `-log2 P` of every character, `(length,)`, or one more for
            the end.
    """
    from matplotlib.figure import Figure

    rows = []
    for text, own in zip(texts, bits, strict=True):
        cells = [*text, END][: len(own)]
        for start in range(0, min(len(cells), 12 * WIDEST), WIDEST):
            part = slice(start, start + WIDEST)
            rows.append((cells[part], own[part]))
    width = max((len(cells) for cells, _ in rows), default=1)
    grid = np.full((max(len(rows), 1), width), np.nan)
    for row, (_, own) in enumerate(rows):
        grid[row, : len(own)] = own
    figure = Figure(
        figsize=(max(4.0, 0.24 * width + 1.2), 0.27 * len(grid) + 0.9),
        layout="constrained",
    )
    axis = figure.subplots()
    image = axis.imshow(grid, cmap="Blues", vmin=0, vmax=MOST_BITS, aspect="auto")
    for row, (cells, own) in enumerate(rows):
        for column, (cell, value) in enumerate(zip(cells, own, strict=True)):
            shown = "↵" if cell == "\n" else cell
            color = "white" if value > MOST_BITS / 2 else charts.INK
            axis.text(column, row, shown, ha="center", va="center", color=color)
    axis.axis("off")
    figure.colorbar(image, ax=axis, label="bits", fraction=0.05, pad=0.02)
    charts.save_figure(figure, path)
