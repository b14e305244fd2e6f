"""Confidence intervals for counted events: how far a measured rate can be trusted."""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the Wilson score interval of a proportion.

    With `p = successes / trials`, `n = trials` and `z` the two-sided normal
    quantile of `confidence`, the ends are

    `(p + z² / 2n ± z · sqrt(p (1 - p) / n + z² / 4n²)) / (1 + z² / n)`.

    Unlike `p ± z · sqrt(p (1 - p) / n)`, it stays within [0, 1] and keeps a width
    where nothing, or everything, succeeded. No trials say nothing: the interval is
    then the whole of [0, 1].

    Args:
        successes: integers of any shape, how many trials succeeded.
        trials: integers that broadcast with `successes`, how many there were.
        confidence: how often such an interval holds the true proportion, between 0
            and 1. 0.95 is what reports use.

    Returns:
        `(low, high)`, two float64 arrays of the arguments' broadcast shape (scalars
        for scalars).

    Raises:
        ValueError: where a count is negative or no whole number, there are more
            successes than trials, or `confidence` is not between 0 and 1.

    Example:
        2 words missed of 40: the true rate lies between 1 % and 17 %.

        >>> low, high = wilson_interval(2, 40)
        >>> f"{low:.3f} to {high:.3f}"
        '0.014 to 0.165'

    Reference:
        - Wilson, 1927, "Probable inference, the law of succession, and statistical
          inference", Journal of the American Statistical Association 22.
    """
    successes = _counts("successes", successes)
    trials = _counts("trials", trials)
    _check_confidence(confidence)
    successes, trials = np.broadcast_arrays(successes, trials)
    if np.any(successes > trials):
        worst = np.argmax(successes > trials)
        raise ValueError(
            "`successes` must be at most `trials`. Received: "
            f"successes={successes.flat[worst]:g}, trials={trials.flat[worst]:g}. "
            "Were the two swapped?"
        )
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = np.maximum(trials, 1)  # avoids 0 / 0; those entries are replaced below
    p = successes / n
    centre = p + z**2 / (2 * n)
    half_width = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # Rounding can leave the ends a hair outside, or off exact 0 and 1.
    low = np.where(successes == 0, 0.0, np.maximum((centre - half_width) / scale, 0.0))
    high = np.where(
        successes == trials, 1.0, np.minimum((centre + half_width) / scale, 1.0)
    )
    return low[()], high[()]


def share(
    name: str, successes: int, trials: int, confidence: float = 0.95
) -> dict[str, float | list[float]]:
    """A measured share with its Wilson interval, as the scripts report it.

    Args:
        name: of the figure.
        successes: how many trials succeeded.
        trials: how many there were, at least one.
        confidence: as of `wilson_interval`.

    Returns:
        `{name: share, name + "_interval": [low, high]}`, plain numbers that JSON takes;
        the ends have six decimals.

    Raises:
        ValueError: as of `wilson_interval`, and where there were no trials.

    Example:
        >>> share("accuracy", 38, 40)
        {'accuracy': 0.95, 'accuracy_interval': [0.834961, 0.986179]}
    """
    if trials == 0:
        raise ValueError("`trials` must be 1 or more. Received: trials=0.")
    ends = wilson_interval(successes, trials, confidence)
    return {
        name: float(successes / trials),
        f"{name}_interval": [round(float(end), 6) for end in ends],
    }


def newcombe_interval(
    first_successes: ArrayLike,
    first_trials: ArrayLike,
    second_successes: ArrayLike,
    second_trials: ArrayLike,
    confidence: float = 0.95,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the hybrid score interval of the difference of two proportions.

    With `d = p1 - p2` and the Wilson intervals `(l1, u1)` and `(l2, u2)` of the two,
    which were measured on different examples, the ends are

    `d - sqrt((p1 - l1)² + (u2 - p2)²)` and `d + sqrt((u1 - p1)² + (p2 - l2)²)`.

    They stay within [-1, 1] and have a width where nothing, or everything, succeeded.

    Args:
        first_successes: integers of any shape.
        first_trials: integers that broadcast with it.
        second_successes: the same of what is subtracted.
        second_trials: the same.
        confidence: how often such an interval holds the true difference, between 0
            and 1. 0.95 is what reports use.

    Returns:
        `(low, high)`, two float64 arrays of the arguments' broadcast shape (scalars
        for scalars). No trials on either side leave everything possible.

    Raises:
        ValueError: as of `wilson_interval`.

    Example:
        10 % wrong of 500 and 8 % of 500: the two may well be the same.

        >>> low, high = newcombe_interval(50, 500, 40, 500)
        >>> f"{low:+.3f} to {high:+.3f}"
        '-0.016 to +0.056'

    Reference:
        - Newcombe, 1998, "Interval estimation for the difference between independent
          proportions: comparison of eleven methods", Statistics in Medicine 17,
          873-890, method 10.
    """
    sides = []
    for successes, trials in (
        (first_successes, first_trials),
        (second_successes, second_trials),
    ):
        low, high = wilson_interval(successes, trials, confidence)
        successes, trials = np.asarray(successes, "float64"), np.asarray(trials)
        share = np.where(trials == 0, 0.5, successes / np.maximum(trials, 1))
        sides.append((share, low, high, trials == 0))
    (p1, low1, high1, empty1), (p2, low2, high2, empty2) = sides
    difference = p1 - p2
    low = difference - np.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    high = difference + np.sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    empty = empty1 | empty2
    low = np.where(empty, -1.0, np.maximum(low, -1.0))
    high = np.where(empty, 1.0, np.minimum(high, 1.0))
    return low[()], high[()]


def poisson_interval(
    count: ArrayLike, exposure: ArrayLike, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Computes Garwood's exact interval of a rate, from the events counted in a time.

    With `a = (1 - confidence) / 2` and `Q` the quantile of the chi-squared
    distribution, the ends are

    `Q(a; 2 count) / (2 exposure)` and `Q(1 - a; 2 count + 2) / (2 exposure)`;

    the lower one is 0 where nothing was counted.

    Args:
        count: integers of any shape, events seen (false accepts, say).
        exposure: how long, or how much, was watched (hours, thousands of words);
            broadcasts with `count`. The rate is per this unit.
        confidence: how often such an interval holds the true rate at least, between
            0 and 1. 0.95 is what reports use.

    Returns:
        `(low, high)`, two float64 arrays of the arguments' broadcast shape (scalars
        for scalars), in events per unit of exposure.

    Raises:
        ValueError: where a count is negative or no whole number, an exposure is not
            positive, or `confidence` is not between 0 and 1.

    Example:
        No false accept in two hours still allows almost two an hour:

        >>> low, high = poisson_interval(0, 2.0)
        >>> f"{low:.2f} to {high:.2f}"
        '0.00 to 1.84'

    Reference:
        - Garwood, 1936, "Fiducial limits for the Poisson distribution", Biometrika
          28, 437-442.
    """
    from scipy.special import gammaincinv  # 0.1 s that only this function needs

    count = _counts("count", count)
    exposure = np.asarray(exposure, "float64")
    _check_confidence(confidence)
    if not np.all(np.isfinite(exposure) & (exposure > 0)):
        worst = exposure.flat[np.argmin(np.isfinite(exposure) & (exposure > 0))]
        raise ValueError(
            f"`exposure` must be positive and finite. Received: exposure={worst:g}. "
            "A rate needs some time, or some words, that were watched."
        )
    tail = (1 - confidence) / 2
    # The chi-squared quantile with 2k degrees of freedom is twice the inverse of the
    # regularised lower incomplete gamma function of order k.
    low = np.where(count == 0, 0.0, gammaincinv(np.maximum(count, 1), tail))
    high = gammaincinv(count + 1, 1 - tail)
    return (low / exposure)[()], (high / exposure)[()]


def _counts(name, values):
    values = np.asarray(values, "float64")
    good = np.isfinite(values) & (values >= 0) & (values == np.floor(values))
    if not np.all(good):
        worst = values.flat[np.argmin(good)]
        raise ValueError(
            f"`{name}` must be a whole number, 0 or more. Received: {name}={worst:g}. "
            "Pass counts, not rates."
        )
    return values


def _check_confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(
            "`confidence` must be between 0 and 1. "
            f"Received: confidence={confidence}. Write 95 % as 0.95."
        )
