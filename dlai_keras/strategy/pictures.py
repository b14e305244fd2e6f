"""Errors taken apart, learning curves and tags, as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras.charts import INK, MUTED, NEGATIVE, POSITIVE, new_figure, save_figure
from dlai_keras.strategy.diagnosis import PROBLEM, SMALL, Diagnosis
from dlai_keras.strategy.learning_curves import predict_error

UNSURE = "#e0a526"


def draw_diagnosis(path: str | Path, diagnosis: Diagnosis, *, title: str = "") -> None:
    """The errors from people to the test set, and the gaps between them.

    A gap is red where it is a problem, yellow where it is undecided, grey where it is
    small and blue where the later set is easier; whiskers are intervals.

    Args:
        path: PNG to write.
        diagnosis: what to draw.
        title: stands above.
    """
    figure, (axis,) = new_figure(1, 4.2)
    levels = diagnosis.levels
    places = np.arange(len(levels))
    errors = np.array([level["error"] for level in levels])
    axis.bar(places, errors, width=0.5, color="#d5dde3")
    for place, level in zip(places, levels, strict=True):
        top = level["error"]
        if level["num"]:
            below, above = top - level["low"], level["high"] - top
            axis.errorbar(
                place, top, [[below], [above]], fmt="none", ecolor=INK, capsize=4
            )
            top = level["high"]
        axis.annotate(
            f"{level['error']:.1%}",
            (place, top),
            (0, 3),
            textcoords="offset points",
            ha="center",
        )
    colors = {PROBLEM: POSITIVE, SMALL: MUTED, "undecided": UNSURE}
    names = [level["set"] for level in levels]
    for gap in diagnosis.gaps:
        left, right = names.index(gap.lower), names.index(gap.upper)
        low, high = errors[left], errors[right]
        color = colors.get(gap.verdict, NEGATIVE)
        axis.plot([left + 0.25, right - 0.27], [low, low], color=color, lw=1, ls=":")
        axis.plot([right - 0.27] * 2, [low, high], color=color, lw=5)
        axis.annotate(
            f"{gap.name.replace('_', ' ')}\n{gap.size:+.1%}: {gap.verdict}",
            ((left + right) / 2, max(low, high)),
            (0, 14),
            textcoords="offset points",
            ha="center",
            color=color,
            fontsize=9,
        )
    labels = [
        name.replace("train_dev", "train-dev")
        + (f"\n{level['num']:,} examples" if level["num"] else "")
        for name, level in zip(names, levels, strict=True)
    ]
    axis.set_xticks(places, labels)
    highest = np.nanmax([errors, [level["high"] for level in levels]])
    axis.set_ylim(0, max(highest * 1.3, 0.01))
    axis.set_ylabel("error")
    _in_percent(axis.yaxis)
    axis.set_title(title, fontsize=10)
    save_figure(figure, path)


def draw_learning_curve(
    path: str | Path,
    rows: Sequence[Mapping],
    diagnosis: Mapping | None = None,
    *,
    human: float | None = None,
    title: str = "",
) -> None:
    """Errors against the number of training examples, and the curve through them.

    Args:
        path: PNG to write.
        rows: of `training.measure_learning_curve`.
        diagnosis: of `diagnose_learning_curve`: the fitted curve goes on to ten times
            the examples, and what it says stands below.
        human: the lowest error that can be had, as a line.
        title: stands above.
    """
    figure, (axis,) = new_figure(1, 4.4)
    n = np.array([row["num_training"] for row in rows])
    sizes = np.unique(n)
    for key, color, name in (
        ("dev_error", POSITIVE, "dev"),
        ("train_error", NEGATIVE, "train"),
    ):
        errors = np.array([row[key] for row in rows])
        means = [errors[n == size].mean() for size in sizes]
        axis.plot(n, errors, "o", ms=3, color=color, alpha=0.4)
        axis.plot(sizes, means, "o-", ms=5, color=color, label=f"{name} error")
    if diagnosis is not None:
        beyond = np.geomspace(sizes[0], 10 * sizes[-1], 100)
        fitted = [predict_error(diagnosis["fit"], size) for size in beyond]
        axis.plot(
            beyond, fitted, "--", color=INK, lw=1, label="fitted to the dev error"
        )
        for times, key in ((2, "error_at_twice"), (10, "error_at_ten_times")):
            middle = diagnosis[key]
            ends = [
                [max(0.0, middle - diagnosis[f"{key}_low"])],
                [max(0.0, diagnosis[f"{key}_high"] - middle)],
            ]
            axis.errorbar(
                times * sizes[-1], middle, ends, fmt="s", ms=4, color=INK, capsize=4
            )
        axis.set_xlabel("training examples\n" + "\n".join(diagnosis["lines"]))
    else:
        axis.set_xlabel("training examples")
    if human is not None:
        axis.axhline(human, color=MUTED, lw=1, ls=":", label="the lowest to be had")
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    _finish(figure, axis, title, path)


def draw_epoch_curve(
    path: str | Path,
    rows: Sequence[Mapping],
    diagnosis: Mapping | None = None,
    *,
    title: str = "",
) -> None:
    """Errors against epochs.

    Args:
        path: PNG to write.
        rows: dicts of `epoch`, `train_error` and `dev_error`.
        diagnosis: of `diagnose_epochs`: its best epoch is marked, its line stands
            below.
        title: stands above.
    """
    figure, (axis,) = new_figure(1, 3.6)
    epochs = [row["epoch"] for row in rows]
    for key, color, name in (
        ("dev_error", POSITIVE, "dev"),
        ("train_error", NEGATIVE, "train"),
    ):
        errors = [row[key] for row in rows]
        axis.plot(epochs, errors, "o-", ms=3, color=color, label=f"{name} error")
    axis.set_xlabel("epoch")
    if diagnosis is not None:
        axis.axvline(diagnosis["best_epoch"], color=MUTED, lw=1, ls=":")
        axis.set_xlabel(f"epoch\n{diagnosis['line']}")
    axis.set_ylim(bottom=0)
    _finish(figure, axis, title, path)


def draw_tags(path: str | Path, rows: Sequence[Mapping], *, title: str = "") -> None:
    """How far the error would drop if all mistakes of a tag were put right.

    Args:
        path: PNG to write.
        rows: of `tabulate_tags`; the 20 largest are drawn.
        title: stands above.
    """
    rows = list(rows)[:20]
    figure, (axis,) = new_figure(1, 1.2 + 0.32 * len(rows))
    places = np.arange(len(rows))[::-1]
    error = rows[0]["ceiling"] + rows[0]["gain"]
    gains = np.array([row["gain"] for row in rows])
    ends = [
        np.maximum(0, gains - [error * row["share_low"] for row in rows]),
        np.maximum(0, [error * row["share_high"] for row in rows] - gains),
    ]
    axis.barh(places, gains, color=POSITIVE, height=0.6)
    axis.errorbar(gains, places, xerr=ends, fmt="none", ecolor=INK, capsize=3, lw=1)
    labels = [f"{row['tag']}  ({row['num']})" for row in rows]
    axis.set_yticks(places, labels)
    axis.set_xlabel(f"what the error of {error:.1%} would drop by, and its interval")
    _in_percent(axis.xaxis)
    axis.set_xlim(left=0)
    axis.set_title(title, fontsize=10)
    save_figure(figure, path)


def draw_models(
    path: str | Path,
    rows: Sequence[Mapping],
    optimise: str,
    against: str,
    *,
    bound: float | None = None,
    name: str = "model",
    title: str = "",
) -> None:
    """Models by two metrics: the chosen one, and those that no other one beats.

    Args:
        path: PNG to write.
        rows: of `Choice.rows`.
        optimise: metric of the vertical axis.
        against: metric of the horizontal one.
        bound: where it is good enough, as a line.
        name: key of the models' names.
        title: stands above.
    """
    figure, (axis,) = new_figure(1, 3.8)
    middle = (min(row[against] for row in rows) + max(r[against] for r in rows)) / 2
    for row in rows:
        is_right = row[against] > middle
        color = POSITIVE if row["is_best"] else NEGATIVE if row["on_front"] else MUTED
        axis.plot(row[against], row[optimise], "o", color=color)
        axis.annotate(
            str(row[name]),
            (row[against], row[optimise]),
            (-6 if is_right else 6, 4),
            textcoords="offset points",
            ha="right" if is_right else "left",
            color=color,
        )
    front = sorted((row[against], row[optimise]) for row in rows if row["on_front"])
    axis.plot(*zip(*front, strict=True), color=NEGATIVE, lw=1, ls="--")
    if bound is not None:
        axis.axvline(bound, color=MUTED, lw=1, ls=":")
    values = [row[against] for row in rows]
    if min(values) > 0 and max(values) > 20 * min(values):
        axis.set_xscale("log")
    axis.margins(x=0.15, y=0.15)
    axis.set_xlabel(against.replace("_", " "))
    axis.set_ylabel(optimise.replace("_", " "))
    axis.set_title(title, fontsize=10)
    save_figure(figure, path)


def _in_percent(axis):
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, decimals=None))


def _finish(figure, axis, title, path):
    axis.set_ylabel("error")
    _in_percent(axis.yaxis)
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False)
    axis.set_title(title, fontsize=10)
    save_figure(figure, path)
