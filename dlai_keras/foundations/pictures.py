"""What the course shows of its small networks: boundaries, costs, weights and paths."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts

COLORS = (*charts.COLORS, "#e09f3e", "#4f772d", "#7b5ea7")
GRID = 200  # places each way at which a boundary is looked up
# (title, probability of class 1 for points (2, n), X, Y)
Panel = tuple[str, Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]


def draw_boundaries(path: str | Path, panels: Sequence[Panel]) -> None:
    """What a classifier says of every place in the plane, with the points on it.

    The deeper the colour, the surer the classifier; the line is where it cannot decide.
    Points on the wrong side of it have a ring.

    Args:
        path: PNG to write.
        panels: of each classifier its title, a function from points `(2, num_places)`
            to the probability (or class) of each, and the points `(2, num_points)` with
            their classes `(1, num_points)`.

    Raises:
        ValueError: there is no panel, or a function returns too few values.
    """
    axes, figure = _panels(len(panels), 3.4, 3.2)
    for axis, (title, predict, X, Y) in zip(axes, panels, strict=True):
        low, high = X.min(axis=1), X.max(axis=1)
        low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
        across, up = (np.linspace(low[i], high[i], GRID) for i in (0, 1))
        places = np.stack([grid.ravel() for grid in np.meshgrid(across, up)])
        map_ = _probabilities(predict, places).reshape(GRID, GRID)
        extent = (low[0], high[0], low[1], high[1])
        axis.imshow(
            map_,
            cmap="RdBu",
            vmin=0,
            vmax=1,
            alpha=0.55,
            extent=extent,
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
        )
        if map_.min() < 0.5 < map_.max():
            axis.contour(across, up, map_, [0.5], colors=charts.INK, linewidths=1.3)
        wrong = (_probabilities(predict, X) > 0.5) != (np.ravel(Y) > 0.5)
        for label, color in ((0, charts.POSITIVE), (1, charts.NEGATIVE)):
            mine = np.ravel(Y) == label
            axis.scatter(
                *X[:, mine & ~wrong], s=15, c=color, edgecolors="white", lw=0.5
            )
            axis.scatter(
                *X[:, mine & wrong], s=20, c=color, edgecolors=charts.INK, lw=1.2
            )
        axis.set_title(title, fontsize=9)
        _bare(axis)
    charts.save_figure(figure, path)


def draw_costs(
    path: str | Path,
    curves: Mapping[str, Sequence[float]],
    *,
    every: float = 1,
    xlabel: str = "iteration",
    ylabel: str = "cost",
    log: bool = False,
) -> None:
    """How the cost falls, one curve for each training.

    Args:
        path: PNG to write.
        curves: name -> values; what is infinite or NaN is left out.
        every: iterations from one value to the next.
        xlabel: what is counted to the right.
        ylabel: what the values are.
        log: whether the values have a logarithmic axis.

    Raises:
        ValueError: there is no curve.
    """
    _check_any(curves, "curve")
    figure, (axis,) = charts.new_figure(1, 3.8)
    for number, (name, values) in enumerate(curves.items()):
        values = np.array(values, "float64")
        steps = np.arange(len(values)) * every
        known = np.isfinite(values)
        # Thinner and thinner: where two are the same, both are seen.
        width = 3.0 - 1.7 * number / max(len(curves) - 1, 1)
        color = COLORS[number % len(COLORS)]
        axis.plot(steps[known], values[known], color=color, label=name, lw=width)
    if log:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False)
    charts.save_figure(figure, path)


def draw_images(
    path: str | Path,
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int = 6,
    colors: Sequence[str] | None = None,
) -> None:
    """Small pictures in rows, each with a line above.

    Args:
        path: PNG to write.
        images: uint8 or from 0 to 1, `(height, width, 3)`; or `(height, width)`, drawn
            in grey from its least value to its greatest, or in red and blue about 0
            where it has values below 0.
        titles: a line for each.
        columns: pictures in a row.
        colors: of each title.

    Raises:
        ValueError: there is no picture, or a title is missing.
    """
    _check_any(images, "picture")
    if len(titles) != len(images):
        raise ValueError(
            "There must be one title a picture. Received: "
            f"{len(images)} pictures, {len(titles)} titles."
        )
    axes, figure = _panels(len(images), 1.6, 1.8, columns=columns)
    for number, (axis, image, title) in enumerate(
        zip(axes, images, titles, strict=True)
    ):
        options = {}
        if image.ndim == 2:
            most = np.abs(image).max() or 1.0
            options = {"cmap": "gray"}
            if image.min() < 0:
                options = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        axis.imshow(image, interpolation="nearest", **options)
        color = charts.INK if colors is None else colors[number]
        axis.set_title(title, fontsize=7.5, color=color)
        _bare(axis)
    charts.save_figure(figure, path)


def draw_weights(
    path: str | Path, units: Mapping[str, np.ndarray], size: int, *, columns: int = 7
) -> None:
    """What the units of a first layer look for: their weights as pictures.

    Grey is a weight of 0. Where a picture is bright in a colour, the unit wants it
    there; where it is dark, the unit is against it.

    Args:
        path: PNG to write.
        units: name -> weights `(size * size * 3,)`.
        size: height and width of the pictures that are classified.
        columns: units in a row.

    Raises:
        ValueError: there are no units, or one has another number of weights.
    """
    _check_any(units, "unit")
    images = []
    for name, weights in units.items():
        weights = np.ravel(weights)
        if weights.shape != (size * size * 3,):
            raise ValueError(
                f"The weights of {name} must have the shape {(size * size * 3,)}, "
                f"for pictures of {size} by {size}. Received: {weights.shape}."
            )
        most = 3 * weights.std() or 1.0
        image = np.clip(0.5 + 0.5 * weights / most, 0, 1)
        images.append(image.reshape(size, size, 3))
    draw_images(path, images, list(units), columns=columns)


def draw_race(
    path: str | Path,
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    paths: Mapping[str, np.ndarray],
    *,
    limits: tuple[float, float, float, float],
    goal: tuple[float, float],
) -> None:
    """Optimisers racing down one surface, and how far down each is after every step.

    Args:
        path: PNG to write.
        surface: cost of places, from two arrays of one shape.
        paths: name -> places `(num_steps, 2)`, the start first.
        limits: of the map: left, right, bottom, top.
        goal: where the cost is lowest.

    Raises:
        ValueError: there is no path.
    """
    from matplotlib.figure import Figure

    _check_any(paths, "path")
    figure = Figure(figsize=(10, 7.2), layout="constrained")
    map_axis, axis = figure.subplots(2, 1, height_ratios=(1.5, 1))
    left, right, bottom, top = limits
    across, up = np.meshgrid(
        np.linspace(left, right, 300), np.linspace(bottom, top, 200)
    )
    height = surface(across, up)
    lowest = float(surface(*map(np.asarray, goal)))
    above = height - lowest
    floor = max(float(above[above > 0].min()), 1e-3)
    levels = np.geomspace(floor, above.max(), 22)
    # On a logarithmic scale: or the valley would be one flat colour.
    map_axis.contourf(
        across, up, np.log(np.maximum(above, floor)), np.log(levels), cmap="Greys_r",
        alpha=0.5,
    )  # fmt: skip
    map_axis.contour(
        across, up, above, levels[::2], colors="white", linewidths=0.5, alpha=0.9
    )
    for number, (name, places) in enumerate(paths.items()):
        color = COLORS[number % len(COLORS)]
        places = np.asarray(places)
        map_axis.plot(*places.T, "o-", ms=2.5, lw=1.2, color=color, label=name)
        costs = np.maximum(surface(*places.T) - lowest, 1e-12)
        axis.plot(costs, lw=1.5, color=color, label=name)
    map_axis.plot(*next(iter(paths.values()))[0], "s", ms=8, color=charts.INK)
    map_axis.plot(*goal, "*", ms=15, color="#e0b000", mec=charts.INK)
    map_axis.set_xlim(left, right)
    map_axis.set_ylim(bottom, top)
    map_axis.set_title("from the square to the star", fontsize=10, loc="left")
    axis.set_yscale("log")
    axis.set_xlabel("step")
    axis.set_ylabel("above the lowest point")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, ncols=3, fontsize=8)
    charts.save_figure(figure, path)


def draw_differences(
    path: str | Path, curves: Mapping[str, Mapping[float, float]], *, bound: float
) -> None:
    """How far a gradient is from its approximation, for every step width.

    Args:
        path: PNG to write.
        curves: name -> step width -> relative difference.
        bound: below this difference a gradient counts as right.

    Raises:
        ValueError: there is no curve.
    """
    _check_any(curves, "curve")
    figure, (axis,) = charts.new_figure(1, 4.0)
    for (name, points), color in zip(curves.items(), COLORS, strict=False):
        differences = np.maximum(list(points.values()), 1e-17)
        axis.plot(list(points), differences, "o-", ms=4, color=color, label=name)
    axis.axhline(bound, color=charts.MUTED, lw=1, ls="--")
    axis.text(
        0.995,
        bound,
        "below it: right",
        transform=axis.get_yaxis_transform(),
        ha="right",
        va="bottom",
        fontsize=8,
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("step width epsilon")
    axis.set_ylabel("relative difference")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    charts.save_figure(figure, path)


def draw_search(
    path: str | Path,
    strategies: Mapping[str, Mapping[str, np.ndarray]],
    *,
    names: tuple[str, str],
    goal: str,
) -> None:
    """Where strategies of a search looked, and the best that each had found by then.

    Args:
        path: PNG to write.
        strategies: name -> `"points"` `(num_trials, 2)` of one search, `"values"`
            `(num_trials,)` found there, and `"best"` `(num_searches, num_trials)`: the
            best value so far in every search, the highest being the best.
        names: of the two hyperparameters, both above 0 and drawn on a logarithmic axis.
        goal: what the values are.

    Raises:
        ValueError: there is no strategy.
    """
    from matplotlib.figure import Figure

    _check_any(strategies, "strategy")
    num = len(strategies)
    figure = Figure(figsize=(3.1 * num + 0.6, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, num, height_ratios=(1.15, 1))
    every = np.concatenate([one["values"] for one in strategies.values()])
    low, high = float(every.min()), float(every.max())
    spots = np.concatenate([one["points"] for one in strategies.values()])
    shared, axes = None, []
    for number, (name, one) in enumerate(strategies.items()):
        axis = figure.add_subplot(grid[0, number], sharex=shared, sharey=shared)
        shared = shared or axis
        axes.append(axis)
        dots = axis.scatter(
            *one["points"].T, c=one["values"], vmin=low, vmax=high, cmap="viridis",
            s=38, edgecolors=charts.INK, lw=0.5, zorder=3,
        )  # fmt: skip
        best = one["points"][np.argmax(one["values"])]
        axis.scatter(*best, s=140, facecolors="none", edgecolors=charts.POSITIVE, lw=2)
        axis.set_title(name, fontsize=10, color=COLORS[number % len(COLORS)])
        axis.set_xlabel(names[0])
        axis.grid(alpha=0.3)
        if number == 0:
            axis.set_ylabel(names[1])
    shared.set_xscale("log")
    shared.set_yscale("log")
    for setter, column in ((shared.set_xlim, 0), (shared.set_ylim, 1)):
        least, most = spots[:, column].min(), spots[:, column].max()
        room = (most / least) ** 0.08
        setter(least / room, most * room)
    figure.colorbar(dots, ax=axes, label=goal, pad=0.01)
    axis = figure.add_subplot(grid[1, :])
    for number, (name, one) in enumerate(strategies.items()):
        color = COLORS[number % len(COLORS)]
        best = np.asarray(one["best"])
        trials = np.arange(1, best.shape[1] + 1)
        axis.plot(trials, best.mean(axis=0), "o-", ms=3, color=color, label=name)
        axis.fill_between(trials, best.min(axis=0), best.max(axis=0), color=color,
                          alpha=0.09, lw=0)  # fmt: skip
    axis.set_xlabel(
        "trials; the line is the mean of all searches, the band all of them"
    )
    axis.set_ylabel(f"best {goal} so far")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, loc="lower right")
    charts.save_figure(figure, path)


def draw_states(
    path: str | Path, states: Mapping[str, np.ndarray], *, xlabel: str = "time step"
) -> None:
    """Hidden states over time: a row a unit, a column a step, red and blue about 0.

    Args:
        path: PNG to write.
        states: name -> `(num_units, num_steps)`.
        xlabel: what is counted to the right.

    Raises:
        ValueError: there are no states.
    """
    _check_any(states, "network")
    figure, axes = charts.new_figure(len(states), 1.7)
    for axis, (name, values) in zip(axes, states.items(), strict=True):
        most = np.abs(values).max() or 1.0
        shown = axis.imshow(
            values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        figure.colorbar(shown, ax=axis, pad=0.01)
        axis.set_title(name, fontsize=9, loc="left")
        axis.set_ylabel("unit")
    axes[-1].set_xlabel(xlabel)
    charts.save_figure(figure, path)


def _panels(num, width, height, *, columns=4):
    """Axes for `num` panels in rows of up to `columns`; no empty one is seen."""
    from matplotlib.figure import Figure

    if num < 1:
        raise ValueError("There must be one panel or more. Received: none.")
    # 5 panels stand better in rows of 3 and 2 than of 4 and 1.
    rows = -(-num // columns)
    columns = -(-num // rows)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[num:]:
        axis.axis("off")
    return axes[:num], figure


def _bare(axis):
    axis.set_xticks([])
    axis.set_yticks([])


def _check_any(things, name):
    if not len(things):
        raise ValueError(f"There must be one {name} or more. Received: none.")


def _probabilities(predict, places):
    found = np.ravel(np.asarray(predict(places), "float64"))
    if found.shape != places.shape[1:]:
        raise ValueError(
            "A classifier must give one value a place. Received: "
            f"{places.shape[1]} places, {len(found)} values."
        )
    return np.clip(found, 0, 1)
