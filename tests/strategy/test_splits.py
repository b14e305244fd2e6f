"""Sizes against published values and simulation, splits against the course's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dlai_keras.intervals import wilson_interval
from dlai_keras.strategy.splits import (
    PARTS,
    num_for_half_width,
    num_to_detect,
    plan_split,
    split_indices,
)


@pytest.mark.parametrize(
    ("error", "difference", "power", "num"),
    [
        # Fleiss' formula without correction, as in R's power.prop.test.
        (0.75, 0.25, 0.9, 77),  # the example of its manual: n = 76.7
        (0.70, 0.10, 0.8, 356),
        (0.20, 0.10, 0.8, 199),
    ],
)
def test_num_to_detect_equals_published_sample_sizes(error, difference, power, num):
    assert num_to_detect(difference, error=error, power=power) == num


def test_so_many_examples_detect_a_difference_as_often_as_promised():
    rng = np.random.default_rng(0)
    num = num_to_detect(0.05, error=0.2, power=0.8)
    one, other = rng.binomial(num, [[0.2], [0.15]], (2, 20_000)) / num
    pooled = (one + other) / 2
    z = (one - other) / np.sqrt(2 * pooled * (1 - pooled) / num)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.015)


def test_two_models_on_the_same_examples_need_as_many_as_mcnemars_test():
    rng = np.random.default_rng(0)
    num = num_to_detect(0.02, error=0.2, disagreement=0.06, power=0.8)
    better, worse, _ = rng.multinomial(num, [0.04, 0.02, 0.94], 20_000).T
    z = (better - worse) / np.sqrt(better + worse)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.015)
    assert num < num_to_detect(0.02, error=0.2) / 3


@settings(deadline=None, max_examples=30)
@given(half_width=st.floats(0.002, 0.3), error=st.floats(0.0, 1.0))
def test_num_for_half_width_is_the_first_that_is_enough(half_width, error):
    num = num_for_half_width(half_width, error=error)

    def half(n):
        z = stats.norm.ppf(0.975)
        spread = np.sqrt(error * (1 - error) / n + z**2 / (4 * n**2))
        return z * spread / (1 + z**2 / n)

    assert half(num) <= half_width * (1 + 1e-9)
    assert num == 1 or half(num - 1) > half_width * (1 - 1e-9)


@pytest.mark.parametrize(("error", "half_width"), [(0.5, 0.05), (0.1, 0.02)])
def test_the_interval_of_so_many_examples_is_as_narrow_as_wanted(error, half_width):
    num = num_for_half_width(half_width, error=error)
    low, high = wilson_interval(round(error * num), num)
    assert (high - low) / 2 == pytest.approx(half_width, rel=0.01)


# The course's examples


def test_the_courses_cats_from_web_and_app():
    # Course 3, week 2: 205,000 to train on, 2,500 and 2,500 of the app.
    plan = plan_split(10_000, 200_000, train_dev=0)
    assert plan.source == {"train": 200_000, "train_dev": 0, "dev": 0, "test": 0}
    assert plan.target == {"train": 5000, "train_dev": 0, "dev": 2500, "test": 2500}
    assert plan.total("train") == 205_000


def test_the_courses_speech_in_a_car():
    # 500,000 utterances, 20,000 from the mirror: 10,000 of these to train on.
    plan = plan_split(20_000, 500_000, dev=5000, test=5000, train_dev=0)
    assert plan.total("train") == 510_000
    # Or all of the mirror's to dev and test.
    plan = plan_split(20_000, 500_000, dev=10_000, test=10_000, train_dev=0)
    assert plan.target["train"] == 0


def test_small_data_is_split_60_20_20_and_big_data_98_1_1():
    assert [plan_split(1000).total(part) for part in PARTS] == [600, 0, 200, 200]
    plan = plan_split(1_000_000)
    assert [plan.total(part) for part in PARTS] == [980_000, 0, 10_000, 10_000]


def test_train_dev_has_the_mixture_of_the_training_set():
    plan = plan_split(10_000, 95_000, dev=2500, test=2500, train_dev=10_000)
    assert plan.target["train_dev"] / plan.total("train_dev") == 0.05
    assert plan.target["train"] / plan.total("train") == 0.05
    rows = {row["part"]: row for row in plan.rows()}
    assert rows["dev"]["target_share"] == 1.0


@settings(deadline=None, max_examples=30)
@given(
    num_target=st.integers(4, 3000),
    num_source=st.integers(0, 3000),
    seed=st.integers(0, 100),
)
def test_every_example_is_in_exactly_one_part(num_target, num_source, seed):
    plan = plan_split(num_target, num_source)
    parts = split_indices(np.random.default_rng(seed), plan)
    assert set(parts) == set(PARTS)
    for name, num in (("source", num_source), ("target", num_target)):
        drawn = np.concatenate([parts[part][name] for part in PARTS])
        np.testing.assert_array_equal(np.sort(drawn), np.arange(num))
    for part in PARTS:
        assert len(parts[part]["source"]) == plan.source[part]
        assert len(parts[part]["target"]) == plan.target[part]
    assert not len(parts["dev"]["source"]) and not len(parts["test"]["source"])


def test_the_split_follows_its_generator():
    plan = plan_split(100, 100)
    one, again, other = (
        split_indices(np.random.default_rng(seed), plan)["dev"]["target"].tolist()
        for seed in (0, 0, 1)
    )
    assert one == again != other


def test_what_a_plan_lacks_is_said():
    assert "cannot be told" in " ".join(plan_split(40, 40, train_dev=0).notes)
    assert "too good" in " ".join(plan_split(40, test=0).notes)
    assert "nothing is left" in " ".join(plan_split(40, dev=20, test=20).notes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: num_for_half_width(0), "half_width=0"),
        (lambda: num_for_half_width(0.1, error=2), "error=2"),
        (lambda: num_for_half_width(0.1, confidence=95), "confidence=95"),
        (lambda: num_for_half_width(1e-9), "No number of examples is enough"),
        (lambda: num_to_detect(0.2, error=0.1), "`error` must be from `difference`"),
        (lambda: num_to_detect(0.1, error=0.2, disagreement=0.05), "disagreement=0.05"),
        (lambda: num_to_detect(0.1, error=0.2, power=1), "power=1"),
        (lambda: plan_split(10, dev=8, test=8), "Collect 6 more"),
        (lambda: plan_split(-1), "num_target"),
        (lambda: plan_split(10, test=1.5), "`test` must be a whole number"),
        (lambda: plan_split(10, 5, dev=5, test=5, train_dev=6), "train_dev=6"),
    ],
)
def test_impossible_wishes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
