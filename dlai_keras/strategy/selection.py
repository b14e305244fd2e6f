"""Which model of many: one metric to optimise, the others good enough."""

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dlai_keras.intervals import newcombe_interval

RELATIONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
CONSTRAINT = re.compile(r"\s*(.+?)\s*(<=|>=|<|>)\s*([^<>=]+?)\s*")


@dataclass(frozen=True)
class Constraint:
    """What a satisficing metric must reach; better than that is worth nothing.

    Attributes:
        metric: its name, a column of the table.
        relation: `<=`, `>=`, `<` or `>`.
        bound: the number that it is compared with.
    """

    metric: str
    relation: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Reads one from a text such as "milliseconds<=100".

        Raises:
            ValueError: it is not a name, a relation and a number.

        Example:
            >>> Constraint.parse("milliseconds <= 100")
            Constraint(metric='milliseconds', relation='<=', bound=100.0)
        """
        found = CONSTRAINT.fullmatch(text)
        try:
            return cls(found[1], found[2], float(found[3]))
        except (TypeError, ValueError):
            raise ValueError(
                "A constraint must be a metric, one of <=, >=, <, > and a number, such "
                f'as "milliseconds<=100". Received: {text!r}.'
            ) from None

    def holds(self, value: float) -> bool:
        """Whether a value is good enough."""
        return bool(RELATIONS[self.relation](value, self.bound))

    def __str__(self):
        return f"{self.metric} {self.relation} {self.bound:g}"


@dataclass(frozen=True)
class Choice:
    """Which model it is, and why the others are not it.

    Attributes:
        best: the chosen row of the table; None where no model is good enough.
        rows: every model with its metrics, `is_best`, `on_front` (no other model is at
            least as good in everything) and `why`.
        not_told_apart: names of models that are good enough and whose difference from
            the best may be chance; empty where the number of examples is unknown.
    """

    best: dict | None
    rows: tuple[dict, ...]
    not_told_apart: tuple[str, ...]


def choose_model(
    models: Sequence[Mapping],
    optimise: str,
    satisfice: Sequence[str | Constraint] = (),
    *,
    lowest: bool = False,
    num_examples: int | None = None,
    name: str = "model",
) -> Choice:
    """Chooses the best by one metric among the models that are good enough by others.

    Args:
        models: a dict for each, with its name and its metrics.
        optimise: the metric of which more is better.
        satisfice: what the model must reach, as `Constraint` or as text.
        lowest: less of the optimising metric is better, such as of an error.
        num_examples: on which the optimising metric, a share of them, was measured:
            then it is said which models may be as good as the best. Models that were
            measured on the same examples can be told apart with fewer.
        name: key of the models' names.

    Returns:
        The `Choice`. Of equal models the one that stands first is taken.

    Raises:
        ValueError: there is no model, two have the same name, a metric is missing or
            no number, or with `num_examples` no share.

    Example:
        The course's three classifiers: as accurate as can be within 100 ms.

        >>> models = [
        ...     {"model": "A", "accuracy": 0.90, "milliseconds": 80},
        ...     {"model": "B", "accuracy": 0.92, "milliseconds": 95},
        ...     {"model": "C", "accuracy": 0.95, "milliseconds": 1500},
        ... ]
        >>> choice = choose_model(models, "accuracy", ["milliseconds<=100"])
        >>> choice.best["model"], choice.rows[2]["why"]
        ('B', 'milliseconds is 1500, not <= 100')

    Reference:
        - Course 3, week 1: Satisficing and optimizing metric.
    """
    constraints = [
        one if isinstance(one, Constraint) else Constraint.parse(one)
        for one in satisfice
    ]
    metrics = [optimise, *(one.metric for one in constraints)]
    _check(models, metrics, name)
    if num_examples is not None:
        _check_shares(models, optimise, num_examples, name)
    sign = -1 if lowest else 1
    enough = [
        model
        for model in models
        if all(one.holds(model[one.metric]) for one in constraints)
    ]
    best = max(enough, key=lambda model: sign * model[optimise], default=None)
    goals = {one.metric: "min" if "<" in one.relation else "max" for one in constraints}
    goals[optimise] = "min" if lowest else "max"
    front = pareto_front(models, goals)
    rows, not_told_apart = [], []
    for model, on_front in zip(models, front, strict=True):
        failed = [one for one in constraints if not one.holds(model[one.metric])]
        if model is best:
            why = f"the {'lowest' if lowest else 'highest'} {optimise}"
            why += " of what is good enough" if constraints else ""
        elif failed:
            why = "; ".join(
                f"{one.metric} is {model[one.metric]:g}, not {one.relation} "
                f"{one.bound:g}"
                for one in failed
            )
        else:
            why = f"{optimise} is {model[optimise]:g}, the best has {best[optimise]:g}"
            if num_examples is not None and _may_be_equal(
                model[optimise], best[optimise], num_examples
            ):
                not_told_apart.append(model[name])
                why += ": may be chance"
        row = {**model, "is_best": model is best, "on_front": bool(on_front)}
        rows.append(row | {"why": why})
    chosen = None if best is None else dict(best)
    return Choice(chosen, tuple(rows), tuple(not_told_apart))


def pareto_front(models: Sequence[Mapping], goals: Mapping[str, str]) -> np.ndarray:
    """Tells which models no other one beats.

    A model is off the front where another is at least as good in every metric and
    better in one.

    Args:
        models: a dict for each, with its metrics.
        goals: metric -> "max" or "min".

    Returns:
        bool `(num_models,)`.

    Raises:
        ValueError: a goal is neither, or a metric is missing or no number.

    Example:
        >>> models = [{"f1": 0.9, "ms": 5}, {"f1": 0.8, "ms": 9}, {"f1": 0.7, "ms": 2}]
        >>> pareto_front(models, {"f1": "max", "ms": "min"}).tolist()
        [True, False, True]
    """
    for metric, goal in goals.items():
        if goal not in ("max", "min"):
            raise ValueError(
                f'A goal must be "max" or "min". Received: {metric}={goal!r}.'
            )
    if not goals:
        raise ValueError("`goals` must hold a metric or more. Received none.")
    _check(models, goals, None)
    values = np.array(
        [
            [model[one] * (1 if goal == "max" else -1) for one, goal in goals.items()]
            for model in models
        ],
        "float64",
    )  # (num_models, num_metrics), more is better
    as_good = (values[:, None] >= values).all(axis=-1)
    better = (values[:, None] > values).any(axis=-1)
    return ~(as_good & better).any(axis=0)


def add_mean(
    models: Sequence[Mapping], metrics: Sequence[str], name: str = "mean"
) -> list[dict]:
    """Adds the mean of several metrics: one number to choose by.

    Args:
        models: a dict for each, with its metrics.
        metrics: their names, such as the error in each country.
        name: of the new metric.

    Returns:
        New dicts.

    Raises:
        ValueError: a metric is missing or no number.

    Example:
        >>> add_mean([{"US": 0.03, "China": 0.07}], ["US", "China"])[0]["mean"]
        0.05

    Reference:
        - Course 3, week 1: Single number evaluation metric.
    """
    _check(models, metrics, None)
    return [
        {**model, name: float(np.mean([model[one] for one in metrics]))}
        for model in models
    ]


def _check(models, metrics, name):
    if not models:
        raise ValueError("`models` must hold one or more. Received none.")
    for number, model in enumerate(models):
        called = model.get(name, number) if name else number
        if name and name not in model:
            raise ValueError(
                f"Every model must have a name under {name!r}. Received: "
                f"{', '.join(map(str, model))}."
            )
        for metric in metrics:
            if metric not in model:
                raise ValueError(
                    f"Every model must have the metric {metric!r}. Model {called} has: "
                    f"{', '.join(map(str, model))}."
                )
            value = model[metric]
            is_number = isinstance(value, int | float | np.number)
            if not is_number or not np.isfinite(value):
                raise ValueError(
                    f"The metric {metric!r} must be a number. Received: {value!r} of "
                    f"model {called}."
                )
    if name and len({model[name] for model in models}) < len(models):
        raise ValueError(f"Two models have the same name under {name!r}.")


def _check_shares(models, optimise, num_examples, name):
    if num_examples < 1:
        raise ValueError(f"`num_examples` must be 1 or more. Received: {num_examples}.")
    for model in models:
        if not 0 <= model[optimise] <= 1:
            raise ValueError(
                f"With `num_examples`, {optimise} must be a share from 0 to 1. "
                f"Received: {model[optimise]} of model {model[name]}."
            )


def _may_be_equal(one, other, num):
    low, high = newcombe_interval(round(one * num), num, round(other * num), num)
    return bool(low <= 0 <= high)
