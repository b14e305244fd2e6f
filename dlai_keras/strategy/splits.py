"""How many examples a dev and a test set need, and which example goes where."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

PARTS = ("train", "train_dev", "dev", "test")
MOST = 10**12  # examples; who needs more has asked for the impossible


@dataclass(frozen=True)
class SplitPlan:
    """How many examples of which source go into which part.

    Attributes:
        source: part -> examples of the plentiful source, such as the web.
        target: part -> examples of the distribution that matters, such as the app.
            Without a second source all examples are of this one.
        notes: why it is so, and what is short.
    """

    source: Mapping[str, int]
    target: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def total(self, part: str) -> int:
        """Examples of a part, of both sources."""
        return self.source[part] + self.target[part]

    def rows(self) -> list[dict]:
        """A dict for each part that has examples, for a table."""
        return [
            {
                "part": part,
                "source": self.source[part],
                "target": self.target[part],
                "total": self.total(part),
                "target_share": self.target[part] / self.total(part),
            }
            for part in PARTS
            if self.total(part)
        ]


def num_for_half_width(
    half_width: float, *, error: float = 0.5, confidence: float = 0.95
) -> int:
    """The fewest examples that measure a share to plus or minus `half_width`.

    Half of the width of the Wilson interval is, with `n` examples, a share `p` and the
    normal quantile `z`,

    `z · sqrt(p (1 - p) / n + z² / 4n²) / (1 + z² / n)`.

    Args:
        half_width: wanted, between 0 and 0.5.
        error: the share that is expected, such as an error of 0.1. 0.5, of which the
            interval is widest, where nothing is known.
        confidence: of the interval.

    Returns:
        A number of examples.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        An error of about 10 % to within one percentage point:

        >>> num_for_half_width(0.01, error=0.1)
        3461

    Reference:
        - Wilson, 1927, "Probable inference, the law of succession, and statistical
          inference".
        - Course 3, week 1: Size of the dev and test sets.
    """
    _check_between("half_width", half_width, 0, 0.5)
    _check_between("confidence", confidence, 0, 1)
    if not 0 <= error <= 1:
        raise ValueError(f"`error` must be from 0 to 1. Received: error={error}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)

    def is_enough(n):
        spread = math.sqrt(error * (1 - error) / n + z**2 / (4 * n**2))
        return z * spread / (1 + z**2 / n) <= half_width

    return _first(is_enough, f"half_width={half_width}")


def num_to_detect(
    difference: float,
    *,
    error: float,
    disagreement: float | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
) -> int:
    """The fewest examples that tell an error from one lower by `difference`.

    Without `disagreement` each of the two errors is measured on as many examples of
    its own, `p1 = error`, `p2 = error - difference`, `p = (p1 + p2) / 2` and

    `n = (z_a · sqrt(2 p (1 - p)) + z_b · sqrt(p1 (1 - p1) + p2 (1 - p2)))² / d²`.

    Two models on the same dev set differ only where one is right and the other wrong.
    With `disagreement` `q`, the share of such examples,

    `n = (z_a · sqrt(q) + z_b · sqrt(q - d²))² / d²`.

    Args:
        difference: to be detected, above 0.
        error: the higher of the two.
        disagreement: share of the examples on which exactly one of two models is
            wrong, for two models on the same examples; at least `difference`.
        confidence: 0.95 finds a difference where there is none once in 20 times.
        power: how often a difference as large as this is found.

    Returns:
        Examples of each set.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        Is the new model's 9 % better than 10 %? On sets of their own, and on the same:

        >>> num_to_detect(0.01, error=0.1)
        13495
        >>> num_to_detect(0.01, error=0.1, disagreement=0.04)
        3138

    Reference:
        - Fleiss, Levin, Paik, 2003, "Statistical methods for rates and proportions",
          equation 4.14, without the continuity correction.
        - Connor, 1987, "Sample size for testing differences in proportions for the
          paired-sample design", Biometrics 43.
    """
    _check_between("difference", difference, 0, 1)
    _check_between("confidence", confidence, 0, 1)
    _check_between("power", power, 0, 1)
    if not difference <= error <= 1:
        raise ValueError(
            "`error` must be from `difference` to 1: the lower error is `error` - "
            f"`difference`. Received: error={error}, difference={difference}."
        )
    if disagreement is not None and not difference <= disagreement <= 1:
        raise ValueError(
            "`disagreement` must be from `difference` to 1: two models whose errors "
            "differ so much disagree at least as often. Received: "
            f"disagreement={disagreement}, difference={difference}."
        )
    normal = NormalDist()
    z_a, z_b = normal.inv_cdf((1 + confidence) / 2), normal.inv_cdf(power)
    if disagreement is None:
        lower = error - difference
        mean = (error + lower) / 2
        null = 2 * mean * (1 - mean)
        alternative = error * (1 - error) + lower * (1 - lower)
    else:
        null, alternative = disagreement, disagreement - difference**2
    root = z_a * math.sqrt(null) + z_b * math.sqrt(alternative)
    return max(1, math.ceil((max(root, 0.0) / difference) ** 2 - 1e-9))


def plan_split(
    num_target: int,
    num_source: int = 0,
    *,
    dev: int | None = None,
    test: int | None = None,
    train_dev: int | None = None,
) -> SplitPlan:
    """Plans train, train-dev, dev and test sets, as the course teaches it.

    Dev and test set are drawn from the target only: they are where the team aims. Of
    two sources the whole plentiful one goes to the training, with what is left of the
    target. The train-dev set is carved out of the shuffled training set, so it has its
    mixture; between it and the dev set only the distribution differs.

    Args:
        num_target: examples of the distribution that matters.
        num_source: examples of another one, which may only be trained on.
        dev: examples; by default a quarter of the target where there are two sources.
            Where there is one: a fifth up to 10,000 examples, at most 10,000 beyond.
        test: the same; 0 for none.
        train_dev: examples; by default as many as in the dev set, but at most a tenth
            of the training set, where there are two sources, else none.

    Returns:
        The `SplitPlan`.

    Raises:
        ValueError: a number is negative or no whole number, or there are not enough
            examples.

    Example:
        The course's cats: 200,000 from the web, 10,000 from the app.

        >>> plan = plan_split(10_000, 200_000, train_dev=0)
        >>> plan.source["train"], plan.target["train"], plan.target["dev"]
        (200000, 5000, 2500)

    Reference:
        - Course 3, week 1: Train/dev/test distributions.
        - Course 3, week 2: Training and testing on different distributions; Bias and
          variance with mismatched data distributions.
    """
    numbers = {"num_target": num_target, "num_source": num_source}
    numbers |= {"dev": dev, "test": test, "train_dev": train_dev}
    for name, number in numbers.items():
        if number is not None and (number < 0 or number != int(number)):
            raise ValueError(
                f"`{name}` must be a whole number, 0 or more. Received: {number}."
            )
    usual = num_target // 4 if num_source else min(num_target // 5, 10_000)
    notes = []
    dev = usual if dev is None else int(dev)
    test = usual if test is None else int(test)
    if dev + test > num_target:
        raise ValueError(
            f"`dev` + `test` must be at most `num_target`, {num_target}: both are of "
            f"the target only. Received: dev={dev}, test={test}. Collect "
            f"{dev + test - num_target} more, or ask for a wider interval."
        )
    left = num_target - dev - test
    training = num_source + left
    if train_dev is None:
        train_dev = min(dev, training // 10) if num_source else 0
    if train_dev > training:
        raise ValueError(
            f"`train_dev` must be at most what is left to train on, {training}. "
            f"Received: train_dev={train_dev}."
        )
    if num_source:
        notes.append(
            "dev and test are of the target only; all of the source, and what is left "
            "of the target, is trained on"
        )
        if not train_dev:
            notes.append(
                "without a train-dev set, variance and data mismatch cannot be told "
                "apart"
            )
    if not test:
        notes.append(
            "without a test set, the dev error is too good by as much as the choices "
            "were fitted to it"
        )
    if not training - train_dev:
        notes.append("nothing is left to train on")
    # Of a shuffled training set the carved-out part has its mixture.
    carved = round(train_dev * left / training) if training else 0
    target = {
        "train": left - carved,
        "train_dev": carved,
        "dev": dev,
        "test": test,
    }
    source = {
        "train": num_source - (train_dev - carved),
        "train_dev": train_dev - carved,
        "dev": 0,
        "test": 0,
    }
    return SplitPlan(source, target, tuple(notes))


def split_indices(
    rng: np.random.Generator, plan: SplitPlan
) -> dict[str, dict[str, np.ndarray]]:
    """Draws which example goes into which part.

    Args:
        rng: shuffles both sources.
        plan: of `plan_split`.

    Returns:
        Part -> `{"source": indices, "target": indices}`: int64 arrays, sorted, into
        the two sources. Every example is in exactly one part.

    Example:
        >>> plan = plan_split(8, 20, dev=2, test=2, train_dev=6)
        >>> parts = split_indices(np.random.default_rng(0), plan)
        >>> {part: (len(i["source"]), len(i["target"])) for part, i in parts.items()}
        {'train': (15, 3), 'train_dev': (5, 1), 'dev': (0, 2), 'test': (0, 2)}
    """
    drawn = {part: {} for part in PARTS}
    for name, counts in (("source", plan.source), ("target", plan.target)):
        numbers = [counts[part] for part in PARTS]
        order = rng.permutation(sum(numbers))
        pieces = np.split(order, np.cumsum(numbers)[:-1])
        for part, piece in zip(PARTS, pieces, strict=True):
            drawn[part][name] = np.sort(piece)
    return drawn


def _first(is_enough, asked):
    """The smallest whole number for which a condition holds from there on."""
    high = 1
    while not is_enough(high):
        high *= 2
        if high > MOST:
            raise ValueError(f"No number of examples is enough for {asked}.")
    low = high // 2  # not enough, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _check_between(name, value, low, high):
    if not low < value < high:
        raise ValueError(
            f"`{name}` must be above {low} and below {high}. Received: {name}={value}."
        )
