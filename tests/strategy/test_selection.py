"""Choosing among models: the course's tables, and the definition of the front."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlai_keras.strategy.selection import (
    Constraint,
    add_mean,
    choose_model,
    pareto_front,
)

# Course 3, week 1, "Satisficing and optimizing metric".
CATS = [
    {"model": "A", "accuracy": 0.90, "milliseconds": 80},
    {"model": "B", "accuracy": 0.92, "milliseconds": 95},
    {"model": "C", "accuracy": 0.95, "milliseconds": 1500},
]
# The same week, "Single number evaluation metric": errors by region, and their mean.
REGIONS = {
    "A": (3, 7, 5, 9, 6.0),
    "B": (5, 6, 5, 10, 6.5),
    "C": (2, 3, 4, 5, 3.5),
    "D": (5, 8, 7, 2, 5.5),
    "E": (4, 5, 2, 4, 3.75),
    "F": (7, 11, 8, 12, 9.5),
}


def test_the_courses_classifier_b_is_the_best_that_is_quick_enough():
    choice = choose_model(CATS, "accuracy", ["milliseconds<=100"])
    assert choice.best == CATS[1]
    reasons = {row["model"]: row["why"] for row in choice.rows}
    assert reasons["A"] == "accuracy is 0.9, the best has 0.92"
    assert reasons["C"] == "milliseconds is 1500, not <= 100"
    assert "of what is good enough" in reasons["B"]
    assert choose_model(CATS, "accuracy").best["model"] == "C"


def test_the_courses_single_number_chooses_algorithm_c():
    names = ("US", "China", "India", "other")
    models = [
        {"model": model, **dict(zip(names, values, strict=False))}
        for model, values in REGIONS.items()
    ]
    averaged = add_mean(models, names)
    assert [row["mean"] for row in averaged] == [v[-1] for v in REGIONS.values()]
    assert choose_model(averaged, "mean", lowest=True).best["model"] == "C"
    assert "mean" not in models[0]


def test_several_constraints_must_all_hold():
    # A wake word: false negatives as few as can be, one false positive in 24 hours.
    models = [
        {"model": "quiet", "recall": 0.8, "false_per_day": 0.2, "size": 9},
        {"model": "keen", "recall": 0.99, "false_per_day": 6.0, "size": 90},
        {"model": "good", "recall": 0.95, "false_per_day": 1.0, "size": 10},
    ]
    choice = choose_model(models, "recall", ["false_per_day <= 1", "size<20"])
    assert choice.best["model"] == "good"
    assert choice.rows[1]["why"] == (
        "false_per_day is 6, not <= 1; size is 90, not < 20"
    )


def test_nothing_is_chosen_where_nothing_is_good_enough():
    choice = choose_model(CATS, "accuracy", ["milliseconds<10"])
    assert choice.best is None
    assert not any(row["is_best"] for row in choice.rows)
    assert all("not < 10" in row["why"] for row in choice.rows)


def test_models_that_chance_may_have_ordered_are_named():
    few = choose_model(CATS, "accuracy", ["milliseconds<=100"], num_examples=400)
    many = choose_model(CATS, "accuracy", ["milliseconds<=100"], num_examples=40_000)
    assert few.not_told_apart == ("A",)  # not C: it is too slow in any case
    assert "may be chance" in few.rows[0]["why"]
    assert many.not_told_apart == ()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 4)] * 3),
        min_size=1,
        max_size=12,
    )
)
def test_the_front_is_what_no_other_model_beats(values):
    models = [dict(zip("abc", value, strict=True)) for value in values]
    front = pareto_front(models, {"a": "max", "b": "min", "c": "max"})
    points = [(a, -b, c) for a, b, c in values]
    for one, is_on_front in zip(points, front, strict=True):
        beaten = any(
            all(x >= y for x, y in zip(other, one, strict=True)) and other != one
            for other in points
        )
        assert is_on_front == (not beaten)
    assert front.any()


def test_a_choice_marks_the_front_of_its_metrics():
    slow = {"model": "D", "accuracy": 0.91, "milliseconds": 96}
    choice = choose_model([*CATS, slow], "accuracy", ["milliseconds<=100"])
    assert [row["on_front"] for row in choice.rows] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ms<=100", ("ms", "<=", 100.0)),
        (" false alarms > 1e-3 ", ("false alarms", ">", 1e-3)),
        ("f1>=.5", ("f1", ">=", 0.5)),
        ("size<2", ("size", "<", 2.0)),
    ],
)
def test_constraints_are_read_from_text(text, expected):
    one = Constraint.parse(text)
    assert (one.metric, one.relation, one.bound) == expected
    assert Constraint.parse(str(one)) == one


def test_bounds_belong_to_the_constraint_as_written():
    values = np.array([1.0, 2.0, 3.0])
    held = {
        relation: [Constraint("x", relation, 2.0).holds(v) for v in values]
        for relation in ("<=", ">=", "<", ">")
    }
    assert held["<="] == [True, True, False]
    assert held[">="] == [False, True, True]
    assert held["<"] == [True, False, False]
    assert held[">"] == [False, False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Constraint.parse("ms=100"), "'ms=100'"),
        (lambda: Constraint.parse("ms<=fast"), "'ms<=fast'"),
        (lambda: choose_model([], "f1"), "Received none"),
        (lambda: choose_model(CATS, "f1"), "Model A has: model, accuracy"),
        (lambda: choose_model(CATS, "accuracy", ["size<1"]), "metric 'size'"),
        (lambda: choose_model([CATS[0]] * 2, "accuracy"), "same name"),
        (lambda: choose_model(CATS, "model"), "must be a number. Received: 'A'"),
        (lambda: choose_model(CATS, "accuracy", name="id"), "name under 'id'"),
        (lambda: choose_model(CATS, "milliseconds", num_examples=9), "a share from"),
        (lambda: choose_model(CATS, "accuracy", num_examples=0), "num_examples"),
        (lambda: pareto_front(CATS, {"accuracy": "high"}), "accuracy='high'"),
        (lambda: pareto_front(CATS, {}), "Received none"),
        (lambda: add_mean(CATS, ["US"]), "metric 'US'"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
