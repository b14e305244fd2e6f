"""What a person wants to see of dates that were read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts


def draw_attention(
    path: str | Path,
    texts: Sequence[str],
    isos: Sequence[str],
    weights: np.ndarray,
) -> None:
    """Maps of which characters each character of the date was read from.

    Args:
        path: PNG to write.
        texts: what was read, one map each.
        isos: what came out, such as 1979-05-03, or that it is no date.
        weights: `(num_texts, 10, length)`, rows of sum 1.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(texts))
    rows = -(-len(texts) // columns)
    figure = Figure(figsize=(6.5 * columns, 2.6 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(texts) :]:
        axis.axis("off")
    for axis, text, iso, map_ in zip(axes, texts, isos, weights, strict=False):
        axis.imshow(map_[:, : len(text)], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(text)), list(text))
        # Of a text that is no date the rows have no names.
        names = list(iso) if len(iso) == len(map_) else []
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(length=0)
        axis.set_title(f"{text}   {iso}", fontsize=10)
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
