"""The course's worked examples, and what may not be asserted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlai_keras.intervals import newcombe_interval, wilson_interval
from dlai_keras.strategy.diagnosis import (
    KNOBS,
    LEVELS,
    REASONS,
    compare_sources,
    diagnose,
    find_knobs,
)


def levels(text):
    """Errors in percent, by position: human, train, train-dev, dev, test."""
    names = ("human", "train", "train_dev", "dev", "test")
    pairs = zip(names, text.split(), strict=False)
    return {name: float(value) / 100 for name, value in pairs if value != "-"}


@pytest.mark.parametrize(
    ("errors", "problems"),
    [
        # Course 2, week 1: bias and variance of a cat classifier; people make no error.
        ("0 1 - 11", {"variance"}),
        ("0 15 - 16", {"avoidable_bias"}),
        ("0 15 - 30", {"avoidable_bias", "variance"}),
        ("0 0.5 - 1", set()),
        ("15 15 - 16", set()),  # blurry pictures: the bias cannot be avoided
        # Course 3, week 1: avoidable bias.
        ("1 8 - 10", {"avoidable_bias", "variance"}),
        ("7.5 8 - 10", {"variance"}),
        # The same week: medical images, of a team's 0.5 %.
        ("0.5 5 - 6", {"avoidable_bias"}),
        ("0.5 1 - 5", {"variance"}),
        # Course 3, week 2: mismatched training and dev sets.
        ("0 1 9 10", {"variance"}),
        ("0 1 1.5 10", {"data_mismatch"}),
        ("0 10 11 12", {"avoidable_bias"}),
        ("0 10 11 20", {"avoidable_bias", "data_mismatch"}),
        ("4 7 10 12 12", {"avoidable_bias", "variance", "data_mismatch"}),
        ("4 7 10 6 6", {"avoidable_bias", "variance"}),  # the dev set is easier
    ],
)
def test_the_courses_examples_have_the_problems_that_it_names(errors, problems):
    found = diagnose(levels(errors))
    named = {gap.name for gap in found.gaps if gap.verdict == "problem"}
    assert named == problems
    steps = [(step["about"], step["step"]) for step in found.steps]
    for problem in problems:
        assert {(problem, step) for step in find_knobs(problem).steps} <= set(steps)
    for step in {about for about, _ in steps} & set(REASONS.values()):
        assert step in problems or found.gap(step).verdict == "reversed"


@pytest.mark.parametrize(
    ("errors", "focus"),
    [
        ("1 8 - 10", "avoidable_bias"),
        ("7.5 8 - 10", "variance"),
        ("0 10 11 20", "avoidable_bias"),
        ("4 4.5 5 9 9", "data_mismatch"),
        ("4 4 4 4 9", "dev_overfitting"),
        ("0 0.5 - 1", None),
    ],
)
def test_the_largest_gap_is_worked_on_first(errors, focus):
    found = diagnose(levels(errors))
    assert found.focus == focus
    if focus:
        assert found.steps[0]["about"] == focus


def test_gaps_are_the_differences_of_neighbours():
    found = diagnose(levels("4 7 10 12 13"))
    sizes = {row["gap"]: round(row["size"], 10) for row in found.rows()}
    assert sizes == {
        "avoidable_bias": 0.03,
        "variance": 0.03,
        "data_mismatch": 0.02,
        "dev_overfitting": 0.01,
    }
    assert all(np.isnan(row["low"]) for row in found.rows())


@pytest.mark.parametrize(
    ("errors", "mismatched", "name", "measure"),
    [
        (
            "1 - - 10",
            False,
            "avoidable_bias or variance",
            "measure the train error, to tell avoidable bias and variance apart",
        ),
        (
            "1 - - 10",
            True,
            "avoidable_bias or variance or data_mismatch",
            "measure the train and the train-dev error, to tell",
        ),
        (
            "- 1 - 10",
            True,
            "variance or data_mismatch",
            "measure the train-dev error, to tell variance and data mismatch apart",
        ),
        ("- 1 - 10", False, "variance", "get more training data"),
        ("- 1 - - 10", False, "variance or dev_overfitting", "measure the dev error"),
        (
            "- - 2 - 10",
            None,
            "data_mismatch or dev_overfitting",
            "measure the dev error",
        ),
    ],
)
def test_what_a_missing_set_would_tell_apart_is_not_guessed(
    errors, mismatched, name, measure
):
    found = diagnose(levels(errors), mismatched=mismatched)
    assert [gap.name for gap in found.gaps] == [name]
    assert found.steps[0]["step"].startswith(measure)


def test_without_people_the_bias_is_not_asserted():
    found = diagnose({"train": 0.15, "dev": 0.16})
    assert "avoidable_bias" not in {gap.name for gap in found.gaps}
    assert any("have people label" in step["step"] for step in found.steps)


def test_better_than_people_is_no_small_bias():
    found = diagnose(levels("5 2 - 3"))
    assert found.gap("avoidable_bias").verdict == "reversed"
    assert any("better than people" in step["step"] for step in found.steps)
    steps = diagnose(levels("4 7 10 6 6")).steps
    assert any("dev set is easier than the train-dev set" in s["step"] for s in steps)


# Uncertainty


def test_a_gap_smaller_than_its_uncertainty_is_undecided():
    errors = {"train": 0.08, "dev": 0.10}
    few = diagnose(errors, {"train": 5000, "dev": 300}).gap("variance")
    many = diagnose(errors, {"train": 50_000, "dev": 30_000}).gap("variance")
    assert few.verdict == "undecided"
    assert few.low < 0 < few.high
    assert many.verdict == "problem"
    assert 0 < many.low < 0.02 < many.high


def test_an_undecided_gap_says_how_many_examples_would_tell():
    found = diagnose({"train": 0.08, "dev": 0.10}, {"train": 5000, "dev": 300})
    assert found.focus is None
    assert "(about 3,213 each)" in found.steps[0]["step"]


def test_intervals_are_newcombes_and_those_of_an_exact_error_wilsons():
    found = diagnose(
        {"human": 0.01, "train": 0.05, "dev": 0.08}, {"train": 2000, "dev": 500}
    )
    bias, variance = found.gaps
    low, high = wilson_interval(100, 2000)
    assert (bias.low, bias.high) == pytest.approx((low - 0.01, high - 0.01))
    expected = newcombe_interval(40, 500, 100, 2000)
    assert (variance.low, variance.high) == pytest.approx(expected)
    # People were counted too, the network exactly known.
    found = diagnose({"human": 0.02, "train": 0.05}, {"human": 500})
    low, high = wilson_interval(10, 500)
    gap = found.gaps[0]
    assert (gap.low, gap.high) == pytest.approx((0.05 - high, 0.05 - low))


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(0, 60), min_size=5, max_size=5),
    num=st.integers(60, 500),
    tolerance=st.sampled_from([0.0, 0.01, 0.05]),
)
def test_verdicts_follow_from_the_interval(counts, num, tolerance):
    errors = {name: n / num for name, n in zip(LEVELS, counts, strict=True)}
    found = diagnose(errors, dict.fromkeys(LEVELS, num), tolerance=tolerance)
    for gap in found.gaps:
        assert gap.low <= gap.size + 1e-12 and gap.size <= gap.high + 1e-12
        if gap.verdict == "problem":
            assert gap.low > 0 and gap.size > tolerance
        elif gap.verdict == "small":
            assert gap.high <= tolerance
        elif gap.verdict == "reversed":
            assert gap.high < 0
        else:
            assert gap.high > tolerance
    assert sum(gap.size for gap in found.gaps) == pytest.approx(
        errors["test"] - errors["human"]
    )


def test_noise_alone_is_seldom_called_a_problem():
    rng = np.random.default_rng(0)
    called = 0
    for train, dev in rng.binomial(400, 0.1, (500, 2)) / 400:
        gaps = diagnose({"train": train, "dev": dev}, {"train": 400, "dev": 400}).gaps
        called += gaps[0].verdict == "problem"
    assert called / 500 < 0.05


# Knobs


def test_every_reason_has_a_knob_and_no_knob_turns_two_things():
    problems = [knob.problem for knob in KNOBS]
    assert set(REASONS.values()) < set(problems)
    assert len(set(problems)) == len(problems)
    for problem in problems:
        assert find_knobs(problem).steps
    assert "get a bigger dev set" in find_knobs("dev_overfitting").steps
    assert any("Adam" in step for step in find_knobs("avoidable_bias").steps)
    assert not any("Adam" in step for step in find_knobs("variance").steps)


def test_both_distributions_side_by_side_are_the_courses_table():
    # Course 3, week 2, the rear-view mirror: 4, 7, 10 % and 6, 6, 6 %.
    rows = compare_sources(
        {"human": 0.04, "train": 0.07, "held_out": 0.10},
        {"human": 0.06, "train": 0.06, "held_out": 0.06},
    )
    assert [row["level"] for row in rows] == ["human", "train", "held_out"]
    assert [round(row["mismatch"], 6) for row in rows] == [0.02, -0.01, -0.04]
    assert rows[0]["source_gap"] is None
    assert [round(row["source_gap"], 6) for row in rows[1:]] == [0.03, 0.03]
    assert [round(row["target_gap"], 6) for row in rows[1:]] == [0.0, 0.0]
    rows = compare_sources({"human": 0.04}, {"held_out": 0.06})
    assert all(row["mismatch"] is None for row in rows)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagnose({"train": 8, "dev": 0.1}), "Write 8 % as 0.08"),
        (lambda: diagnose({"train": 0.08}), "Received: train"),
        (lambda: diagnose({"trian": 0.08, "dev": 0.1}), "'trian'"),
        (
            lambda: diagnose({"train": 0.0, "dev": 0.1}, {"test": 5}),
            "without its error",
        ),
        (lambda: diagnose({"train": 0.0, "dev": 0.1}, {"dev": 0}), "dev=0"),
        (lambda: diagnose({"train": 0.0, "dev": 0.1}, tolerance=1), "`tolerance`"),
        (lambda: diagnose({"train": 0.0, "dev": 0.1}).gap("bias"), "one of variance"),
        (lambda: find_knobs("bias"), "avoidable_bias"),
        (lambda: compare_sources({"dev": 0.1}, {}), "'dev'"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
