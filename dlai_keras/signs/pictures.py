"""Sheets of pictures with what a classifier made of them, and where it looked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlai_keras.charts import INK, NEGATIVE, POSITIVE, save_figure


def draw_predictions(
    path: str | Path,
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    heatmaps: np.ndarray | None = None,
    correct: Sequence[bool] | None = None,
    columns: int = 8,
    title: str = "",
) -> None:
    """Pictures with a line of text each; below each, where the network looked.

    Args:
        path: PNG to write.
        images: uint8 `(height, width, 3)` each.
        captions: a line for each.
        heatmaps: `(num_images, h, w)` in [0, 1], as `grad_cam` makes them.
        correct: red captions where it is false.
        columns: pictures in a row.
        title: stands above.
    """
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    parts = 1 if heatmaps is None else 2
    figure = Figure(
        figsize=(1.35 * columns + 0.2, (1.3 * parts + 0.3) * rows + 0.4),
        layout="constrained",
    )
    axes = figure.subplots(rows * parts, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        above = axes[parts * row, column]
        above.imshow(image)
        color = INK
        if correct is not None:
            color = NEGATIVE if correct[number] else POSITIVE
        above.set_title(caption, fontsize=8, color=color, pad=2)
        if heatmaps is not None:
            below = axes[parts * row + 1, column]
            height, width = image.shape[:2]
            below.imshow(image, extent=(0, width, height, 0))
            below.imshow(
                heatmaps[number],
                extent=(0, width, height, 0),
                cmap="inferno",
                alpha=0.55,
                vmin=0,
                vmax=1,
                interpolation="bilinear",
            )
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)
