"""What a person wants to see of dates that were read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts


def draw_attention(
    path: str | Path,
    texts: Sequence[Sequence[str]],
    outputs: Sequence[Sequence[str]],
    weights: Sequence[np.ndarray],
) -> None:
    """Maps of which tokens each token of the output was read from.

    Args:
        path: PNG to write.
        texts: what was read, one map each; a string is its characters.
        outputs: what came out, such as 1979-05-03, or another string than a map has
            rows, such as that it is no date.
        weights: of each `(steps, length)`, rows of sum 1; what is beyond the text, and
            with tokens beyond the output, is left out.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(texts))
    rows = -(-len(texts) // columns)
    highest = max(2.6, 0.22 * max(map(len, outputs)) + 1)
    figure = Figure(figsize=(6.5 * columns, highest * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(texts) :]:
        axis.axis("off")
    for axis, text, output, map_ in zip(axes, texts, outputs, weights, strict=False):
        are_words = not isinstance(text, str)
        map_ = map_[: len(output) if are_words else None, : len(text)]
        axis.imshow(map_, cmap="Blues", vmin=0, vmax=map_.max(), aspect="auto")
        axis.set_xticks(range(len(text)), list(text), rotation=45 if are_words else 0)
        # Of a text that is no date the rows have no names.
        names = list(output) if len(output) == len(map_) else []
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(length=0)
        if not are_words:
            axis.set_title(f"{text}   {output}", fontsize=10)
    charts.save_figure(figure, path)


def draw_accuracy(
    path: str | Path, tables: Mapping[str, Sequence[Mapping]], *, title: str = ""
) -> None:
    """Shares of mistakes with their intervals, one row of bars for each table.

    Args:
        path: PNG to write.
        tables: name -> rows of `metrics.accuracy_by`; the 40 worst groups are shown.
        title: stands above.
    """
    figure, axes = charts.new_figure(len(tables), 2.6)
    for axis, (name, rows) in zip(axes, tables.items(), strict=True):
        rows = sorted(rows, key=lambda row: (row["accuracy"], str(row["group"])))[:40]
        wrong = np.array([1 - row["accuracy"] for row in rows])
        low = wrong - [1 - row["high"] for row in rows]
        high = np.array([1 - row["low"] for row in rows]) - wrong
        places = range(len(rows))
        error = np.maximum([low, high], 0)
        axis.bar(places, wrong, color=charts.POSITIVE)
        axis.errorbar(places, wrong, error, fmt="none", ecolor=charts.MUTED, lw=1)
        labels = [str(row["group"]) for row in rows]
        rotation = 60 if max(map(len, labels)) > 3 and len(rows) > 8 else 0
        axis.set_xticks(
            places,
            labels,
            rotation=rotation,
            ha="right" if rotation else "center",
            fontsize=7,
        )
        axis.set_ylabel("share wrong")
        axis.set_title(f"by {name}", fontsize=10, loc="left")
        axis.set_ylim(bottom=0)
    figure.suptitle(title)
    charts.save_figure(figure, path)
