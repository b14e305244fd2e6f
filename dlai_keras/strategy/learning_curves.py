"""What learning curves say: more data, a bigger network, or stopping earlier?"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.intervals import newcombe_interval
from dlai_keras.strategy.diagnosis import PROBLEM, SMALL, diagnose

# Exponents of published learning curves lie between 0.07 and 0.35, of simple models on
# simple data up to 1; finer steps change nothing that can be seen.
EXPONENTS = np.geomspace(0.05, 2.0, 60)


def fit_learning_curve(
    num_training: ArrayLike, errors: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """Fits `error(n) = floor + scale · n^-exponent`, neither of them negative.

    Weighted least squares; the exponent is the best of a grid from 0.05 to 2.

    Args:
        num_training: `(num_points,)`, numbers of training examples, three different
            ones at least.
        errors: `(..., num_points)`; every row is fitted on its own.
        weights: of the points, `(num_points,)`; equal without them.

    Returns:
        `floor`, `scale` and `exponent`, float64 `(...)` each.

    Raises:
        ValueError: the shapes do not fit, there are fewer than three sizes, or a
            number is not as it must be.

    Example:
        >>> n = np.array([100, 200, 400, 800])
        >>> fit = fit_learning_curve(n, 0.05 + 2 * n**-0.5)
        >>> round(float(fit["floor"]), 2)
        0.05

    Reference:
        - Hestness et al., 2017, "Deep learning scaling is predictable, empirically".
    """
    n = np.asarray(num_training, "float64")
    errors = np.asarray(errors, "float64")
    weights = np.ones(n.shape) if weights is None else np.asarray(weights, "float64")
    if n.ndim != 1 or errors.shape[-1:] != n.shape or weights.shape != n.shape:
        raise ValueError(
            "`num_training`, the last axis of `errors` and `weights` must have one "
            f"value for each point. Received: shapes {n.shape}, {errors.shape} and "
            f"{weights.shape}."
        )
    if len(np.unique(n)) < 3 or n.min() < 1 or not (weights > 0).all():
        raise ValueError(
            "`num_training` must hold three different numbers at least, of 1 or more, "
            f"and `weights` must be above 0. Received: {np.unique(n).tolist()}."
        )
    unit = n.max()  # powers of large numbers would be tiny
    powers = (n / unit) ** -EXPONENTS[:, None]  # (num_exponents, num_points)
    total = weights.sum()
    mean_power = powers @ weights / total
    mean_error = errors @ weights / total  # (...)
    square = (powers**2) @ weights
    product = (errors * weights) @ powers.T  # (..., num_exponents)
    spread = square - total * mean_power**2
    scale = (product - total * mean_error[..., None] * mean_power) / spread
    floor = mean_error[..., None] - scale * mean_power
    # Where one would be negative, the best without it.
    scale, floor = (
        np.where(floor < 0, product / square, scale),
        np.maximum(floor, 0.0),
    )
    flat = scale < 0
    scale, floor = (
        np.where(flat, 0.0, scale),
        np.where(flat, mean_error[..., None], floor),
    )
    residual = errors[..., None, :] - floor[..., None] - scale[..., None] * powers
    best = ((residual**2) @ weights).argmin(axis=-1)[..., None]
    exponent = EXPONENTS[best[..., 0]]
    scale = np.take_along_axis(scale, best, -1)[..., 0]
    return {
        "floor": np.take_along_axis(floor, best, -1)[..., 0],
        "scale": scale * unit**exponent,
        "exponent": exponent,
    }


def predict_error(fit: Mapping[str, ArrayLike], num_training: float) -> np.ndarray:
    """The error that a fitted curve has at a number of training examples.

    Example:
        >>> fit = {"floor": 0.05, "scale": 2.0, "exponent": 0.5}
        >>> round(float(predict_error(fit, 400)), 3)
        0.15
    """
    scale, exponent = np.asarray(fit["scale"]), np.asarray(fit["exponent"])
    return np.asarray(fit["floor"]) + scale * float(num_training) ** -exponent


def diagnose_learning_curve(
    rng: np.random.Generator,
    rows: Sequence[Mapping],
    *,
    human: float = 0.0,
    tolerance: float = 0.01,
    worth: float = 0.005,
    confidence: float = 0.95,
    num_resamples: int = 500,
) -> dict:
    """Says what is wrong, and whether more data will help.

    Bias and variance are those of the largest training set. What twice as many
    examples will bring is read from a curve `floor + scale · n^-exponent` that is
    fitted to the dev errors; its intervals come from fits to errors that are drawn
    anew from binomial distributions. They know nothing of curves of another form.

    Args:
        rng: draws the errors of the resamples.
        rows: of `training.measure_learning_curve`, of three sizes at least: dicts of
            `num_training`, `train_error`, `dev_error`, `num_train_measured` and
            `num_dev`.
        human: the lowest error that can be had.
        tolerance: a gap up to this is small.
        worth: by how much the dev error must drop for twice the data to be worth it.
        confidence: of the intervals.
        num_resamples: how often it is fitted.

    Returns:
        `num_training`, `train_error` and `dev_error` (at the largest size, the mean
        of its repeats); `bias` and `variance`, each a verdict ("problem", "small",
        "undecided", "reversed"); `fit`; `error_at_twice` and `error_at_ten_times` the
        data and `gain_of_twice`, each with an interval `..._low` and `..._high`;
        `more_data`: "helps", "does not help" or "undecided"; `lines`, all that in
        words.

    Raises:
        ValueError: there are fewer than three sizes, or `worth` is not above 0.

    Example:
        >>> rows = [{"num_training": n, "train_error": 0.0, "dev_error": 2 * n**-0.5,
        ...          "num_train_measured": n, "num_dev": 5000}
        ...         for n in (100, 200, 400, 800, 1600)]
        >>> found = diagnose_learning_curve(np.random.default_rng(0), rows)
        >>> found["bias"], found["variance"], found["more_data"]
        ('small', 'problem', 'helps')

    Reference:
        - Course 2, week 1: Basic recipe for machine learning.
    """
    if not worth > 0:
        raise ValueError(f"`worth` must be above 0. Received: worth={worth}.")
    if not rows:
        raise ValueError("`rows` must hold three sizes at least. Received none.")
    n = np.array([row["num_training"] for row in rows])
    dev = np.array([row["dev_error"] for row in rows], "float64")
    num_dev = np.array([row["num_dev"] for row in rows])
    # Agresti and Coull's: an error of 0 must not have a weight without end.
    shrunk = (dev * num_dev + 2) / (num_dev + 4)
    weights = num_dev / (shrunk * (1 - shrunk))
    fit = fit_learning_curve(n, dev, weights)
    drawn = rng.binomial(num_dev, np.clip(dev, 0, 1), (num_resamples, len(n))) / num_dev
    fits = fit_learning_curve(n, drawn, weights)
    largest = int(n.max())
    last = [row for row in rows if row["num_training"] == largest]
    train_error = float(np.mean([row["train_error"] for row in last]))
    dev_error = float(np.mean([row["dev_error"] for row in last]))
    # The repeats share a dev set: they do not make it larger.
    gaps = diagnose(
        {"human": human, "train": train_error, "dev": dev_error},
        {"train": last[0]["num_train_measured"], "dev": last[0]["num_dev"]},
        tolerance=tolerance,
        confidence=confidence,
    )
    found = {
        "num_training": largest,
        "train_error": train_error,
        "dev_error": dev_error,
        "bias": gaps.gap("avoidable_bias").verdict,
        "variance": gaps.gap("variance").verdict,
        "fit": {name: float(value) for name, value in fit.items()},
    }
    ends = [50 * (1 - confidence), 50 * (1 + confidence)]

    def add(name, compute):
        low, high = np.percentile(compute(fits), ends)
        found.update(
            {
                name: float(compute(fit)),
                f"{name}_low": float(low),
                f"{name}_high": float(high),
            }
        )

    add("error_at_twice", lambda one: predict_error(one, 2 * largest))
    add("error_at_ten_times", lambda one: predict_error(one, 10 * largest))
    add(
        "gain_of_twice",
        lambda one: predict_error(one, largest) - predict_error(one, 2 * largest),
    )
    if found["gain_of_twice_low"] >= worth:
        found["more_data"] = "helps"
    elif found["gain_of_twice_high"] < worth:
        found["more_data"] = "does not help"
    else:
        found["more_data"] = "undecided"
    return found | {"lines": _lines(found, gaps, worth)}


def diagnose_epochs(
    rows: Sequence[Mapping], *, num_dev: int, confidence: float = 0.95
) -> dict:
    """Says whether a training was too short, too long, or neither.

    Args:
        rows: dicts of `epoch`, `train_error` and `dev_error`, in their order, two at
            least.
        num_dev: examples of the dev set.
        confidence: of the intervals of differences; those of one dev set are a little
            narrower in truth.

    Returns:
        `best_epoch` and its `best_dev_error`, `last_dev_error`; `verdict`, "too long"
        (the dev error has risen since its lowest), "too short" (it has fallen in the
        last quarter of the epochs) or "long enough" (neither can be told from
        chance); `line`, that in words.

    Raises:
        ValueError: there are fewer than two epochs.

    Example:
        >>> rows = [{"epoch": e, "train_error": 0.5 / e, "dev_error": 0.1 + 0.5 / e}
        ...         for e in range(1, 6)]
        >>> diagnose_epochs(rows, num_dev=10_000)["verdict"]
        'too short'

    Reference:
        - Course 2, week 1: Other regularization methods, "early stopping".
    """
    if len(rows) < 2:
        raise ValueError(
            f"`rows` must hold two epochs at least. Received: {len(rows)}."
        )
    errors = [row["dev_error"] for row in rows]
    counts = [round(error * num_dev) for error in errors]
    best = int(np.argmin(errors))
    before = min(len(rows) - 2, len(rows) * 3 // 4 - 1)
    before = max(before, 0)

    def is_above(one, other):
        low, _ = newcombe_interval(
            counts[one], num_dev, counts[other], num_dev, confidence
        )
        return low > 0

    if is_above(-1, best):
        verdict = "too long"
        line = (
            f"the dev error has risen since epoch {rows[best]['epoch']}: stop there, "
            "or regularise"
        )
    elif is_above(before, -1):
        verdict = "too short"
        line = "the dev error was still falling at the end: train longer"
    else:
        verdict = "long enough"
        line = "the last quarter of the epochs changed nothing that can be told"
    return {
        "best_epoch": rows[best]["epoch"],
        "best_dev_error": float(errors[best]),
        "last_dev_error": float(errors[-1]),
        "verdict": verdict,
        "line": line,
    }


def _lines(found, gaps, worth):
    bias, variance = gaps.gap("avoidable_bias"), gaps.gap("variance")
    lines = [str(bias), str(variance)]
    words = {
        "helps": "more data will help",
        "does not help": "more data will not help",
        "undecided": "whether more data will help is undecided",
    }[found["more_data"]]
    lines.append(
        f"{words}: twice as much brings {found['gain_of_twice']:.2%} "
        f"({found['gain_of_twice_low']:.2%} to {found['gain_of_twice_high']:.2%}), "
        f"{worth:.2%} would be worth it"
    )
    if bias.verdict == PROBLEM and found["more_data"] != "helps":
        lines.append(
            "work on the bias first: a bigger network, trained longer or otherwise"
        )
    elif variance.verdict == PROBLEM and found["more_data"] == "does not help":
        lines.append("the curve is flat in spite of the variance: regularise")
    elif bias.verdict == variance.verdict == SMALL:
        lines.append("both gaps are small")
    return lines
