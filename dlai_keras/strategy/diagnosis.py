"""What an error is made of, which part to work on, and with which knob."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dlai_keras.intervals import newcombe_interval, wilson_interval
from dlai_keras.strategy.splits import num_to_detect

LEVELS = ("human", "train", "train_dev", "dev", "test")
# The gap that each level opens to the one before it.
REASONS = {
    "train": "avoidable_bias",
    "train_dev": "variance",
    "dev": "data_mismatch",
    "test": "dev_overfitting",
}
PROBLEM, SMALL, UNDECIDED, REVERSED = "problem", "small", "undecided", "reversed"


@dataclass(frozen=True)
class Knob:
    """A goal of the chain of assumptions, and what turns it without the others.

    Attributes:
        goal: what is to hold.
        problem: what is wrong where it does not; a key of `find_knobs`.
        seen_in: the figure that shows it.
        steps: what to do, in the order in which the course names it.
    """

    goal: str
    problem: str
    seen_in: str
    steps: tuple[str, ...]


# Course 3, week 1, "Orthogonalization"; week 2, "Addressing data mismatch".
KNOBS = (
    Knob(
        "fit the training set well, at about the human level",
        "avoidable_bias",
        "train error - human error",
        (
            "train a bigger network",
            "train longer, or with a better optimiser (momentum, RMSprop, Adam)",
            "search another architecture and other hyperparameters",
        ),
    ),
    Knob(
        "do as well on fresh examples of the training distribution",
        "variance",
        "train-dev error - train error",
        (
            "get more training data",
            "regularise: L2, dropout, data augmentation",
            "search another architecture and other hyperparameters",
        ),
    ),
    Knob(
        "do as well on the distribution that matters",
        "data_mismatch",
        "dev error - train-dev error",
        (
            "look at dev and training examples, and find out in what they differ",
            "make the training data more similar: collect such data, or synthesise it "
            "(with care: a small variety of synthetic parts is overfitted)",
            "move a part of the target's examples into the training set",
        ),
    ),
    Knob(
        "do as well on the test set as on the dev set",
        "dev_overfitting",
        "test error - dev error",
        ("get a bigger dev set",),
    ),
    Knob(
        "do well in the real world",
        "real_world",
        "users, although the test error is good",
        ("change the dev and test set", "change the metric"),
    ),
)


@dataclass(frozen=True)
class Gap:
    """How far one error is above the one before it.

    Attributes:
        name: what makes such a gap, such as `"variance"`; several names with `" or "`
            between them where a set that would tell them apart is missing.
        lower: the set before.
        upper: the set whose error is larger by the gap.
        size: the difference of the errors.
        low: lower end of its interval, NaN where the numbers of examples are unknown.
        high: upper end.
        verdict: `"problem"`, `"small"`, `"undecided"` (it may be nothing, or not) or
            `"reversed"` (the later set is easier).
    """

    name: str
    lower: str
    upper: str
    size: float
    low: float
    high: float
    verdict: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """What may make it, one by one."""
        return tuple(self.name.split(" or "))

    def __str__(self):
        text = f"{_spoken(self.name)} {self.size:+.2%}"
        if self.low == self.low:
            text += f" ({self.low:+.2%} to {self.high:+.2%})"
        return f"{text}: {self.verdict}"


@dataclass(frozen=True)
class Diagnosis:
    """An error taken apart.

    Attributes:
        levels: a dict for each error that is known: `set`, `error`, `num`, `low`,
            `high` (NaN where the number of examples is unknown).
        gaps: between neighbouring levels.
        focus: name of the largest gap that is a problem; None where there is none.
        steps: what to do, the most urgent first: dicts of `about` and `step`.
    """

    levels: tuple[dict, ...]
    gaps: tuple[Gap, ...]
    focus: str | None
    steps: tuple[dict, ...]

    def gap(self, name: str) -> Gap:
        """The gap of this name.

        Raises:
            ValueError: there is none.
        """
        for gap in self.gaps:
            if gap.name == name:
                return gap
        known = ", ".join(gap.name for gap in self.gaps)
        raise ValueError(f"`name` must be one of {known}. Received: {name!r}.")

    def rows(self) -> list[dict]:
        """A dict for each gap, for a table."""
        return [
            {
                "gap": gap.name,
                "from": gap.lower,
                "to": gap.upper,
                "size": gap.size,
                "low": gap.low,
                "high": gap.high,
                "verdict": gap.verdict,
            }
            for gap in self.gaps
        ]


def diagnose(
    errors: Mapping[str, float],
    num_examples: Mapping[str, int] | None = None,
    *,
    mismatched: bool | None = None,
    tolerance: float = 0.01,
    confidence: float = 0.95,
) -> Diagnosis:
    """Takes an error apart: avoidable bias, variance, data mismatch, dev overfitting.

    The errors of people, on the training set, on held-out examples of the training
    distribution (train-dev), on the dev and on the test set are compared, each with
    the one before. Where one is missing the gap around it has two names, and the first
    step is to measure what is missing.

    With the numbers of examples every gap has an interval (Newcombe's), and one that
    may be nothing, but may also matter, is undecided: neither asserted nor denied.

    Args:
        errors: some of `human`, `train`, `train_dev`, `dev`, `test`, two at least,
            each from 0 to 1. `human` stands for the lowest error that can be had.
        num_examples: of some of these sets; an error without is taken as exact.
        mismatched: whether dev and test are of another distribution than the training
            set. By default they are where there is a `train_dev` error.
        tolerance: a gap up to this is small. The course names no number.
        confidence: of the intervals.

    Returns:
        The `Diagnosis`.

    Raises:
        ValueError: an error is unknown, not from 0 to 1, there are fewer than two, or
            a number of examples is not as it must be.

    Example:
        The course's cats: where people make 1 % of mistakes, the bias is worth the
        work; where they make 7.5 %, the variance.

        >>> diagnose({"human": 0.01, "train": 0.08, "dev": 0.10}).focus
        'avoidable_bias'
        >>> diagnose({"human": 0.075, "train": 0.08, "dev": 0.10}).focus
        'variance'

        Of 300 dev examples nobody can say:

        >>> found = diagnose({"train": 0.08, "dev": 0.10}, {"train": 9000, "dev": 300})
        >>> print(found.gap("variance"))
        variance +2.00% (-0.96% to +5.95%): undecided

    Reference:
        - Course 2, week 1: Bias and variance.
        - Course 3, week 1: Avoidable bias; Understanding human-level performance.
        - Course 3, week 2: Bias and variance with mismatched data distributions.
    """
    num_examples = dict(num_examples or {})
    _check(errors, num_examples, tolerance)
    if mismatched is None:
        mismatched = "train_dev" in errors
    names = [name for name in LEVELS if name in errors]
    levels = []
    for name in names:
        row = {"set": name, "error": float(errors[name])}
        row["num"] = num_examples.get(name)
        row["low"], row["high"] = _interval(row, confidence)
        levels.append(row)
    gaps = tuple(
        _gap(one, other, mismatched, tolerance, confidence)
        for one, other in itertools.pairwise(levels)
    )
    problems = [gap for gap in gaps if gap.verdict == PROBLEM]
    problems.sort(key=lambda gap: -round(gap.size, 12))
    return Diagnosis(
        tuple(levels),
        gaps,
        problems[0].name if problems else None,
        tuple(_steps(problems, gaps, errors, tolerance)),
    )


def find_knobs(problem: str) -> Knob:
    """What to turn for one problem, and nothing else.

    Args:
        problem: `avoidable_bias`, `variance`, `data_mismatch`, `dev_overfitting` or
            `real_world`.

    Returns:
        The `Knob`.

    Raises:
        ValueError: there is no such problem.

    Example:
        >>> find_knobs("dev_overfitting").steps
        ('get a bigger dev set',)

    Reference:
        - Course 3, week 1: Orthogonalization.
        - Course 3, week 2: Addressing data mismatch.
    """
    for knob in KNOBS:
        if knob.problem == problem:
            return knob
    known = ", ".join(knob.problem for knob in KNOBS)
    raise ValueError(f"`problem` must be one of {known}. Received: {problem!r}.")


def compare_sources(
    source: Mapping[str, float], target: Mapping[str, float]
) -> list[dict]:
    """The errors on both distributions side by side, and what lies between them.

    Args:
        source: on the plentiful one, some of `human`, `train` (on examples that were
            trained on) and `held_out` (on others, which is the train-dev error).
        target: the same on the one that matters; `held_out` is the dev error.

    Returns:
        A dict for each of the three: `level`, `source`, `target` (None where unknown),
        `mismatch` (target - source) and, below the first, `source_gap` and
        `target_gap` to the level above: avoidable bias, then variance.

    Raises:
        ValueError: a name is unknown, or an error is not from 0 to 1.

    Example:
        The course's speech in a car: the mirror's sound is harder for people, too.

        >>> rows = compare_sources(
        ...     {"human": 0.04, "train": 0.07, "held_out": 0.10},
        ...     {"human": 0.06, "train": 0.06, "held_out": 0.06},
        ... )
        >>> [round(row["mismatch"], 2) for row in rows]
        [0.02, -0.01, -0.04]

    Reference:
        - Course 3, week 2: Bias and variance with mismatched data distributions, "more
          general formulation".
    """
    names = ("human", "train", "held_out")
    for side in (source, target):
        _check_errors(side, names)
    rows = []
    for number, name in enumerate(names):
        one, other = source.get(name), target.get(name)
        row = {"level": name, "source": one, "target": other}
        row["mismatch"] = _difference(other, one)
        above = names[number - 1] if number else None
        row["source_gap"] = _difference(one, source.get(above))
        row["target_gap"] = _difference(other, target.get(above))
        rows.append(row)
    return rows


def _difference(one, other):
    return None if one is None or other is None else one - other


def _check(errors, num_examples, tolerance):
    _check_errors(errors, LEVELS)
    if len(errors) < 2:
        raise ValueError(
            f"`errors` must hold two at least of {', '.join(LEVELS)}. Received: "
            f"{', '.join(errors) or 'none'}."
        )
    for name, number in num_examples.items():
        if name not in errors:
            raise ValueError(
                "`num_examples` must belong to `errors`. Received: "
                f"num_examples of {name!r}, without its error."
            )
        if number < 1 or number != int(number):
            raise ValueError(
                f"`num_examples` must be whole numbers, 1 or more. Received: "
                f"{name}={number}."
            )
    if not 0 <= tolerance < 1:
        raise ValueError(
            f"`tolerance` must be from 0 to below 1. Received: {tolerance}."
        )


def _check_errors(errors, names):
    for name, error in errors.items():
        if name not in names:
            raise ValueError(
                f"An error must be one of {', '.join(names)}. Received: {name!r}."
            )
        if not 0 <= error <= 1:
            raise ValueError(
                f"An error must be from 0 to 1. Received: {name}={error}. Write 8 % as "
                "0.08."
            )


def _interval(row, confidence):
    if row["num"] is None:
        return float("nan"), float("nan")
    low, high = wilson_interval(*_counts(row), confidence)
    return float(low), float(high)


def _counts(row):
    """Mistakes and examples. An error that was rounded for print is no whole count."""
    return round(row["error"] * row["num"]), row["num"]


def _gap(one, other, mismatched, tolerance, confidence):
    between = LEVELS[LEVELS.index(one["set"]) + 1 : LEVELS.index(other["set"]) + 1]
    reasons = [REASONS[name] for name in between]
    if not mismatched and len(reasons) > 1:
        # Of one distribution, what separates held-out examples from those that were
        # trained on is the variance, whichever set they are called.
        reasons = [reason for reason in reasons if reason != "data_mismatch"]
    size = other["error"] - one["error"]
    low, high = _gap_interval(one, other, size, confidence)
    return Gap(
        " or ".join(reasons),
        one["set"],
        other["set"],
        size,
        low,
        high,
        _verdict(size, low, high, tolerance),
    )


def _gap_interval(one, other, size, confidence):
    if one["num"] and other["num"]:
        low, high = newcombe_interval(*_counts(other), *_counts(one), confidence)
        return float(low), float(high)
    # One of them is taken as exact: the other's interval is shifted.
    if other["num"]:
        return other["low"] - one["error"], other["high"] - one["error"]
    if one["num"]:
        return other["error"] - one["high"], other["error"] - one["low"]
    return float("nan"), float("nan")


def _verdict(size, low, high, tolerance):
    size, low, high = (round(value, 12) for value in (size, low, high))  # 0.1 - 0.09
    if np.isnan(low):
        if size > tolerance:
            return PROBLEM
        return REVERSED if size < -tolerance else SMALL
    if low > 0 and size > tolerance:
        return PROBLEM
    if high < 0 and size < -tolerance:
        return REVERSED
    # Nothing, or less than nothing: there is nothing to gain in either case.
    return SMALL if high <= tolerance else UNDECIDED


def _steps(problems, gaps, errors, tolerance):
    for gap in problems:
        if len(gap.reasons) == 1:
            for step in find_knobs(gap.name).steps:
                yield {"about": gap.name, "step": step}
        else:
            yield {"about": gap.name, "step": _what_is_missing(gap)}
    for gap in gaps:
        if gap.verdict == UNDECIDED:
            step = _what_would_decide(gap, errors, tolerance)
        elif gap.verdict != REVERSED:
            continue
        elif gap.lower == "human":
            step = (
                "the network is better than people: find a better estimate of the "
                "lowest error that can be had, or bias cannot be judged"
            )
        else:
            step = (
                f"the {_spoken(gap.upper)} set is easier than the {_spoken(gap.lower)} "
                "set: find out why before its error is trusted"
            )
        yield {"about": gap.name, "step": step}
    if "human" not in errors:
        yield {
            "about": "avoidable_bias",
            "step": "have people label a part of it: without their error, bias cannot "
            "be told from what cannot be avoided",
        }
    elif not problems and all(gap.verdict == SMALL for gap in gaps):
        yield {
            "about": "real_world",
            "step": "no gap is large; if users still complain, change the dev set or "
            "the metric",
        }


def _what_is_missing(gap):
    first, last = LEVELS.index(gap.lower), LEVELS.index(gap.upper)
    missing = [
        name
        for name in LEVELS[first + 1 : last]
        if name != "train_dev" or "data_mismatch" in gap.reasons
    ]
    return (
        f"measure the {' and the '.join(map(_spoken, missing))} error, to tell "
        f"{' and '.join(map(_spoken, gap.reasons))} apart"
    )


def _what_would_decide(gap, errors, tolerance):
    step = (
        f"undecided: measure {_spoken(gap.lower)} and {_spoken(gap.upper)} on more "
        "examples before you work on it"
    )
    difference = max(abs(gap.size), tolerance)
    error = max(errors[gap.lower], errors[gap.upper], difference)
    if difference > 0:
        step += f" (about {num_to_detect(difference, error=error):,} each)"
    return step


def _spoken(name):
    return "train-dev" if name == "train_dev" else name.replace("_", " ")
