"""Accuracy and correlation, always with coverage."""

import os
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.embeddings import WordVectors, read_vectors
from dlai_keras.word_vectors import data, metrics


@pytest.fixture(scope="module")
def vectors():
    words = ["man", "woman", "king", "queen", "boy", "girl", "tree", "leaf"]
    rng = np.random.default_rng(0)
    matrix = np.zeros((8, 6))
    matrix[:6] = np.repeat(3 * rng.normal(size=(3, 6)), 2, axis=0)
    matrix[1:6:2] += [0, 0, 2, 0, 0, 0]
    matrix[6:] = rng.normal(size=(2, 6))
    return WordVectors(words, matrix)


QUESTIONS = {
    "family": [
        ("man", "woman", "king", "queen"),
        ("King", "Queen", "Boy", "Girl"),
        ("man", "woman", "duke", "duchess"),
    ],
    "wrong": [("man", "woman", "king", "leaf")],
    "unknown": [("a", "b", "c", "d")],
}


def test_accuracy_is_of_the_questions_that_can_be_asked(vectors):
    family, wrong, unknown, whole = metrics.analogy_accuracy(vectors, QUESTIONS)
    assert family == {
        "section": "family",
        "accuracy": 1.0,
        "coverage": 2 / 3,
        "right": 2,
        "asked": 2,
        "questions": 3,
    }
    assert (wrong["accuracy"], wrong["coverage"]) == (0, 1)
    assert np.isnan(unknown["accuracy"]) and unknown["coverage"] == 0
    assert (whole["section"], whole["right"], whole["asked"]) == ("all", 2, 3)
    assert (whole["accuracy"], whole["coverage"]) == (2 / 3, 3 / 5)
    one = metrics.analogy_accuracy(vectors, {"wrong": QUESTIONS["wrong"]}, method="mul")
    assert one == [wrong]  # no sum of one section


def ranks(values):
    """Places in order, the mean of them where values are equal."""
    return [
        sum(other < value for other in values)
        + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def test_spearman_is_the_correlation_of_ranks(vectors):
    rng = np.random.default_rng(1)
    words = vectors.words
    judged = [(words[i], words[j], (i * j) % 5) for i in range(8) for j in range(i)]
    judged += [("man", "unknown", 3.0), ("Man", "Girl", 4.0)]
    rng.shuffle(judged)
    found = metrics.similarity(vectors, judged)
    cosines, values = [], []
    for first, second, value in judged:
        if "unknown" not in (first, second):
            u, v = vectors[first.lower()], vectors[second.lower()]
            cosines.append(round(float(u @ v / (u @ u) ** 0.5 / (v @ v) ** 0.5), 6))
            values.append(float(value))
    expected = np.corrcoef(ranks(cosines), ranks(values))[0, 1]
    assert found["spearman"] == pytest.approx(expected)
    assert (found["pairs"], found["coverage"]) == (29, 29 / 30)
    low, high = found["spearman_interval"]
    assert -1 < low < found["spearman"] < high < 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth, hits = 0.5, 0
    # Normal variables: Spearman's is 6/pi asin(r/2).
    r = 2 * np.sin(np.pi * truth / 6)
    for _ in range(200):
        cosines = rng.normal(size=60)
        judged = r * cosines + np.sqrt(1 - r**2) * rng.normal(size=60)
        angles = np.arccos(np.tanh(cosines))
        matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        words = [f"w{i}" for i in range(60)]
        plane = WordVectors(["one", *words], np.concatenate([[[1.0, 0.0]], matrix]))
        pairs = [("one", w, value) for w, value in zip(words, judged, strict=True)]
        low, high = metrics.similarity(plane, pairs)["spearman_interval"]
        hits += low < truth < high
    assert 0.90 <= hits / 200 <= 0.99


def test_too_little_is_said(vectors):
    found = metrics.similarity(vectors, [("man", "woman", 1.0), ("a", "b", 2.0)])
    assert np.isnan(found["spearman"]) and found["coverage"] == 0.5
    with pytest.raises(ValueError, match="`judgments` must have a pair"):
        metrics.similarity(vectors, [])


def test_a_summary_has_coverage_beside_every_figure(vectors):
    table = metrics.analogy_accuracy(vectors, QUESTIONS)
    found = metrics.similarity(vectors, [("man", "woman", 1.0), ("a", "b", 2.0)])
    figures = metrics.summary(table, found)
    assert figures["analogy_accuracy"] == 2 / 3
    low, high = figures["analogy_accuracy_interval"]
    assert low < 2 / 3 < high
    assert (figures["analogy_coverage"], figures["similarity_coverage"]) == (0.6, 0.5)
    assert metrics.summary([], None) == {}
    none = metrics.analogy_accuracy(vectors, {"unknown": QUESTIONS["unknown"]})
    assert "analogy_accuracy" not in metrics.summary(none, None)


@pytest.mark.skipif(not os.environ.get("DLAI_DATA"), reason="DLAI_DATA names no folder")
def test_glove_reaches_what_it_is_known_for():
    folder = Path(os.environ["DLAI_DATA"]) / "word_vectors"
    glove = read_vectors(folder / "glove.6B.50d.subset.txt")
    questions, judged, _ = data.load_evaluation(folder)
    figures = metrics.summary(
        metrics.analogy_accuracy(glove, questions), metrics.similarity(glove, judged)
    )
    # Of the 10,000 most frequent words; published for all of them and 6B.50d: 46 %.
    assert figures["analogy_accuracy"] == pytest.approx(0.583, abs=0.002)
    assert figures["analogy_coverage"] == pytest.approx(0.353, abs=0.001)
    assert figures["spearman"] == pytest.approx(0.529, abs=0.002)
    assert figures["similarity_coverage"] == pytest.approx(0.776, abs=0.001)
