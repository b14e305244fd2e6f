"""Neighbours and analogies, against loops over all words."""

import numpy as np
import pytest

from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import analogies

NUM, DIM = 300, 12


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    return WordVectors([f"w{i}" for i in range(NUM)], rng.normal(size=(NUM, DIM)))


@pytest.fixture(scope="module")
def cosines(vectors):
    units = vectors.matrix / np.linalg.norm(vectors.matrix, axis=1, keepdims=True)
    return units @ units.T


@pytest.fixture(params=[analogies.TILE, 640], ids=["one tile", "many tiles"])
def tiles(request, monkeypatch):
    monkeypatch.setattr(analogies, "TILE", request.param)
    monkeypatch.setattr(analogies, "BATCH", 7)


def ranked(scores, left_out):
    """Rows by score, the best first, as a loop finds them."""
    rows = [row for row in range(len(scores)) if row not in left_out]
    return sorted(rows, key=lambda row: -scores[row])


def test_neighbours_are_those_of_a_loop_over_all_words(vectors, cosines, tiles):
    rows, scores = analogies.nearest(
        vectors, 3 * vectors.matrix[:20], 5, left_out=[[row] for row in range(20)]
    )
    for row in range(20):
        expected = ranked(cosines[row], {row})[:5]
        assert rows[row].tolist() == expected
        np.testing.assert_allclose(scores[row], cosines[row][expected], atol=1e-6)
    found = analogies.neighbours(vectors, "w3", 5)
    assert [word for word, _ in found] == [f"w{row}" for row in rows[3]]
    one, _ = analogies.nearest(vectors, vectors.matrix[:3], 1)
    assert one.ravel().tolist() == [0, 1, 2]  # nothing left out: the words themselves


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogies_are_those_of_a_loop_over_all_words(vectors, cosines, tiles, method):
    rng = np.random.default_rng(1)
    questions = rng.integers(0, NUM, (30, 3))
    rows, scores = analogies.solve(vectors, questions, 3, method=method)
    best, _ = analogies.solve(vectors, questions, method=method)
    for (a, b, c), row, score, (only,) in zip(
        questions, rows, scores, best, strict=True
    ):
        if method == "add":
            expected = cosines[b] - cosines[a] + cosines[c]
        else:
            moved = (cosines + 1) / 2
            expected = moved[b] * moved[c] / (moved[a] + 0.001)
        order = ranked(expected, {a, b, c})[:3]
        assert row.tolist() == order
        assert only == order[0]
        np.testing.assert_allclose(score, expected[order], rtol=1e-4)


def test_the_words_of_a_question_are_no_answers(vectors):
    # b and c together are nearer to b - a + c than any other word.
    questions = np.random.default_rng(2).integers(0, NUM, (200, 3))
    rows, _ = analogies.solve(vectors, questions, 10)
    assert not (rows[:, :, None] == questions[:, None]).any()


def test_where_there_are_fewer_answers_there_are_fewer(vectors):
    few = vectors.take(["w0", "w1", "w2", "w3"])
    assert len(analogies.neighbours(few, "w0", 10)) == 3
    assert len(analogies.complete(few, "w0", "w1", "w2", 10)) == 1
    rows, scores = analogies.solve(few, [[0, 1, 2]], 4)
    assert rows[0].tolist() == [3, -1, -1, -1] and np.isneginf(scores[0, 1:]).all()
    assert analogies.solve(few, np.zeros((0, 3)))[0].shape == (0, 1)


@pytest.mark.parametrize(
    ("questions", "options", "message"),
    [
        ([[0, 1]], {}, r"shape \(num_questions, 3\)"),
        ([[0, 1, NUM]], {}, "rows from 0 to 299. Received: 0 to 300"),
        ([[-1, 1, 2]], {}, "rows from 0 to 299. Received: -1 to 2"),
        ([[0, 1, 2]], {"method": "x"}, "Received: method='x'"),
        ([[0, 1, 2]], {"count": 0}, "`count` must be 1 or more"),
    ],
)
def test_wrong_questions_are_refused(vectors, questions, options, message):
    with pytest.raises(ValueError, match=message):
        analogies.solve(vectors, questions, **options)
    with pytest.raises(ValueError, match=r"shape \(num_queries, 12\)"):
        analogies.nearest(vectors, np.ones((2, 5)))
