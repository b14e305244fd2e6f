"""F1 and averages against scikit-learn and the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from dlai_keras.intervals import wilson_interval
from dlai_keras.strategy.metrics import (
    classification_table,
    confusion_matrix,
    f1_interval,
    f_score,
    precision_recall_f,
    weighted_error,
)

LABELS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60
)


@settings(deadline=None, max_examples=30)
@given(
    pairs=LABELS,
    average=st.sampled_from([None, "macro", "micro", "weighted"]),
    beta=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_precision_recall_and_f_equal_scikit_learn(pairs, average, beta):
    y_true, y_pred = np.array(pairs).T
    counts = confusion_matrix(y_true, y_pred, 5)
    np.testing.assert_array_equal(
        counts, reference.confusion_matrix(y_true, y_pred, labels=range(5))
    )
    expected = reference.precision_recall_fscore_support(
        y_true,
        y_pred,
        labels=range(5),
        average=average,
        beta=beta,
        zero_division=0,
    )[:3]
    found = precision_recall_f(counts, average=average, beta=beta)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_micro_average_is_the_accuracy():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 4, (2, 200))
    counts = confusion_matrix(y_true, y_pred)
    for figure in precision_recall_f(counts, average="micro"):
        assert figure == pytest.approx(np.mean(y_true == y_pred))


def test_the_courses_classifiers_have_its_f1():
    # Course 3, week 1: A has 95 and 90 %, B 98 and 85 %.
    assert f_score(0.95, 0.90) == pytest.approx(0.924, abs=5e-4)
    assert f_score(0.98, 0.85) == pytest.approx(0.910, abs=5e-4)
    assert f_score(0.0, 0.0) == 0.0


@settings(deadline=None, max_examples=30)
@given(precision=st.floats(0.01, 1), recall=st.floats(0.01, 1), beta=st.floats(0.2, 5))
def test_f_score_is_the_weighted_harmonic_mean(precision, recall, beta):
    weight = 1 / (1 + beta**2)
    expected = 1 / (weight / precision + (1 - weight) / recall)
    assert f_score(precision, recall, beta=beta) == pytest.approx(expected)


def test_f1_intervals_hold_the_truth_as_often_as_promised():
    rng = np.random.default_rng(0)
    shares = np.array([[0.25, 0.05], [0.1, 0.6]])
    true = precision_recall_f(shares)[2]
    drawn = rng.multinomial(300, shares.ravel(), 2000).reshape(-1, 2, 2)
    held = []
    for counts in drawn:
        low, high = f1_interval(counts)
        held.append((low <= true) & (true <= high))
    np.testing.assert_allclose(np.mean(held, axis=0), 0.95, atol=0.015)


def test_the_table_has_every_figure_with_its_interval():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 3, 400)
    y_pred = np.where(rng.random(400) < 0.8, y_true, rng.integers(0, 3, 400))
    counts = confusion_matrix(y_true, y_pred)
    rows = classification_table(np.random.default_rng(1), counts, ["a", "b", "c"])
    names = ["a", "b", "c", "macro average", "weighted average", "accuracy"]
    assert [row["class"] for row in rows] == names
    assert [row["num"] for row in rows[:3]] == counts.sum(axis=1).tolist()
    for row in rows:
        for key in ("precision", "recall", "f1"):
            assert row[f"{key}_low"] < row[key] < row[f"{key}_high"]
    right = int(np.trace(counts))
    accuracy = rows[-1]
    assert (accuracy["f1_low"], accuracy["f1_high"]) == pytest.approx(
        wilson_interval(right, 400)
    )
    assert rows[3]["f1"] == pytest.approx(
        reference.f1_score(y_true, y_pred, average="macro")
    )
    assert rows[0]["recall_low"] == pytest.approx(
        wilson_interval(counts[0, 0], counts[0].sum())[0]
    )


def test_the_bootstrap_of_an_average_is_as_wide_as_its_sampling():
    shares = np.array([[0.3, 0.05, 0.05], [0.05, 0.2, 0.05], [0.05, 0.05, 0.2]])
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(300, shares.ravel(), 2000).reshape(-1, 3, 3)
    macro = [precision_recall_f(counts, average="macro")[2] for counts in drawn]
    row = classification_table(rng, np.round(shares * 300), num_resamples=1000)[3]
    assert row["f1_high"] - row["f1_low"] == pytest.approx(
        np.subtract(*np.percentile(macro, [97.5, 2.5])), rel=0.1
    )


def test_weighted_error_is_the_courses():
    # A picture that must not be shown counts ten times.
    y_true = np.array([1, 1, 0, 0])
    y_pred = np.array([1, 1, 1, 0])
    assert weighted_error(y_true, y_pred) == 0.25
    assert weighted_error(y_true, y_pred, [1, 1, 10, 1]) == pytest.approx(10 / 13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: confusion_matrix([0, 1], [0]), r"shapes \(2,\) and \(1,\)"),
        (lambda: confusion_matrix([0.5], [0]), "whole number"),
        (lambda: confusion_matrix([], []), "whole number"),
        (lambda: confusion_matrix([0, 3], [0, 1], 3), "class 3, num_classes=3"),
        (lambda: precision_recall_f([[1, 2, 3]]), r"shape \(1, 3\)"),
        (lambda: precision_recall_f([[0, 0], [0, 0]]), "not all 0"),
        (lambda: precision_recall_f([[1, 0], [0, 1]], average="mean"), "'mean'"),
        (lambda: precision_recall_f([[1, 0], [0, 1]], beta=0), "beta=0"),
        (lambda: f_score(90, 0.5), "Received: 90"),
        (lambda: f_score(0.9, 0.5, beta=-1), "beta=-1"),
        (
            lambda: classification_table(np.random.default_rng(0), [[1]], ["a", "b"]),
            "2 names",
        ),
        (lambda: weighted_error([0], [0], [0]), "one of them above 0"),
        (lambda: weighted_error([0, 1], [0, 1], [1]), r"\(2,\) and \(1,\)"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
