"""Ceilings and label errors: the course's examples, and counts from the definition."""

import numpy as np
import pytest

from dlai_keras.intervals import wilson_interval
from dlai_keras.strategy.data import Example
from dlai_keras.strategy.error_analysis import measure_label_errors, tabulate_tags


def mistakes(num, **tagged):
    """`num` mistakes, of which the first so many have a tag."""
    return [
        Example(str(n), "cat", "no cat", tuple(t for t, k in tagged.items() if n < k))
        for n in range(num)
    ]


def examples_of(rng, num):
    tags = ("dark", "blurred", "old")
    labels, predictions = rng.integers(0, 3, (2, num))
    return [
        Example(
            str(n),
            str(labels[n]),
            str(predictions[n]) if rng.random() < 0.4 else str(labels[n]),
            tuple(tag for tag in tags if rng.random() < 0.3),
            str(rng.integers(0, 3)) if rng.random() < 0.2 else "",
        )
        for n in range(num)
    ]


@pytest.mark.parametrize(("dogs", "ceiling"), [(5, 0.095), (50, 0.05)])
def test_the_courses_dogs_have_its_ceilings(dogs, ceiling):
    # Course 3, week 2: 10 % error, 100 mistakes looked at, 5 or 50 of them dogs.
    row = tabulate_tags(mistakes(100, dog=dogs), error=0.1)[0]
    assert row["tag"] == "dog"
    assert row["num"] == dogs
    assert row["ceiling"] == pytest.approx(ceiling)
    assert row["gain"] == pytest.approx(0.1 - ceiling)
    low, high = wilson_interval(dogs, 100)
    assert row["ceiling_low"] == pytest.approx(0.1 * (1 - high))
    assert row["ceiling_high"] == pytest.approx(0.1 * (1 - low))


def test_the_courses_spreadsheet_is_added_up():
    # The same lecture: dog 8 %, great cats 43 %, blurry 61 %.
    rows = tabulate_tags(mistakes(100, dog=8, great_cat=43, blurry=61), error=0.1)
    shares = {row["tag"]: row["share"] for row in rows}
    assert shares == {"blurry": 0.61, "great_cat": 0.43, "dog": 0.08, "(no tag)": 0.39}
    assert list(shares) == ["blurry", "great_cat", "dog", "(no tag)"]


@pytest.mark.parametrize("seed", range(6))
def test_a_ceiling_is_the_error_after_all_of_a_tag_are_put_right(seed):
    examples = examples_of(np.random.default_rng(seed), 60)
    error = np.mean([one.is_mistake for one in examples])
    for row in tabulate_tags(examples):
        if row["tag"] == "(no tag)":
            chosen = [not one.tags for one in examples]
        else:
            chosen = [row["tag"] in one.tags for one in examples]
        left = [
            one.is_mistake and not fixed
            for one, fixed in zip(examples, chosen, strict=True)
        ]
        among = [one.is_mistake for one, it in zip(examples, chosen, strict=True) if it]
        assert row["ceiling"] == pytest.approx(np.mean(left))
        assert row["gain"] == pytest.approx(error - np.mean(left))
        assert row["error"] == pytest.approx(np.mean(among))
        assert row["num_examples"] == len(among)
        assert row["ceiling_low"] <= row["ceiling"] <= row["ceiling_high"]
        assert row["error_low"] <= row["error"] <= row["error_high"]


@pytest.mark.parametrize(
    ("error", "num", "of_labels", "of_others", "verdict"),
    [
        # Course 3, week 2: 10 % error, 6 % of the mistakes; 2 % error, 30 % of them.
        (0.10, 6, 0.006, 0.094, "not worth it"),
        (0.02, 30, 0.006, 0.014, "worth it"),
        (0.05, 15, 0.0075, 0.0425, "undecided"),
    ],
)
def test_the_courses_label_errors(error, num, of_labels, of_others, verdict):
    found = measure_label_errors(mistakes(100, mislabeled=num), error=error)
    assert found["error_of_labels"] == pytest.approx(of_labels)
    assert found["error_of_others"] == pytest.approx(of_others)
    assert found["verdict"] == verdict


def test_label_errors_matter_where_models_differ_by_less():
    # The same lecture: 2.1 % or 1.9 %, with 0.6 % of label errors.
    examples = mistakes(400, mislabeled=120)
    found = measure_label_errors(examples, error=0.02, difference=0.002)
    assert found["verdict"] == "worth it"
    found = measure_label_errors(examples, error=0.02, difference=0.02)
    assert found["verdict"] == "not worth it"
    assert "2.00%" in found["why"]


@pytest.mark.parametrize("seed", range(6))
def test_the_corrected_error_is_that_of_the_corrected_labels(seed):
    examples = examples_of(np.random.default_rng(seed), 60)
    found = measure_label_errors(examples)
    corrected = [one.correct_label or one.label for one in examples]
    wrong = [
        one.prediction != label for one, label in zip(examples, corrected, strict=True)
    ]
    assert found["corrected_error"] == pytest.approx(np.mean(wrong))
    assert found["error_of_labels"] + found["error_of_others"] == pytest.approx(
        found["error"]
    )
    for name in ("error", "error_of_labels", "error_of_others", "corrected_error"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
    hidden = sum(
        one.prediction == one.label != label
        for one, label in zip(examples, corrected, strict=True)
    )
    assert found["num_wrong_but_right"] == hidden


def test_a_prediction_that_is_wrong_anyway_is_not_the_labels_fault():
    examples = [
        Example("1", "cat", "dog", correct_label="dog"),
        Example("2", "cat", "dog", correct_label="fox"),
    ]
    found = measure_label_errors(examples)
    assert found["num_label_errors"] == 1
    assert found["corrected_error"] == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tabulate_tags([]), "Received none"),
        (lambda: tabulate_tags([Example("1", "a", "a")]), "nothing to analyse"),
        (lambda: tabulate_tags(mistakes(3), error=10), "error=10"),
        (lambda: measure_label_errors(mistakes(3), difference=0), "difference=0"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
