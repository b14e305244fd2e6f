"""The course's functions, with the checks that its notebooks make."""

import numpy as np
import pytest

from dlai_keras.word_vectors import course

ROWS = {
    "a": [3, 3],
    "synonym_of_a": [3, 3],
    "a_nw": [2, 4],
    "a_s": [3, 2],
    "c": [-2, 1],
    "c_n": [-2, 2],
    "c_ne": [-1, 2],
    "c_e": [-1, 1],
    "c_se": [-1, 0],
    "c_s": [-2, 0],
    "c_sw": [-3, 0],
    "c_w": [-3, 1],
    "c_nw": [-3, 2],
}
VECTORS = {word: np.array(row) for word, row in ROWS.items()}


@pytest.fixture
def words():
    rng = np.random.default_rng(0)
    names = ["man", "woman", "doctor", "small", "smaller", "large", "larger"]
    return {name: rng.normal(size=50) for name in names}


def test_cosines_are_the_definitions():
    rng = np.random.default_rng(0)
    for _ in range(20):
        u, v = rng.normal(size=(2, 6))
        dot = sum(a * b for a, b in zip(u, v, strict=True))
        lengths = (sum(a * a for a in u) * sum(b * b for b in v)) ** 0.5
        assert course.cosine_similarity(u, v) == pytest.approx(dot / lengths)
    zeros = np.zeros(6)
    assert course.cosine_similarity(zeros, zeros) == 1  # the course's special cases
    assert course.cosine_similarity(zeros, v) == 0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("a", "a_nw", "c"), "c_nw"),
        (("a", "a_s", "c"), "c_s"),
        (("A", "A_NW", "C"), "c_nw"),
        (("a", "c", "a"), "c"),
    ],
)
def test_the_courses_analogies_are_answered(question, answer):
    assert course.complete_analogy(*question, VECTORS) == answer


def test_the_input_words_are_left_out_of_the_answer(words):
    assert course.complete_analogy("a", "synonym_of_a", "c", VECTORS) != "c"
    step = words["man"]
    words["smaller"] = words["large"] + step  # the best answer, were it none of them
    words["small"] = words["smaller"] - step
    words["larger"] = words["large"] + step + 0.1 * words["woman"]
    assert course.complete_analogy("small", "smaller", "large", words) == "larger"


def test_analogies_equal_a_loop_over_all_words():
    rng = np.random.default_rng(1)
    vectors = {f"w{i}": rng.normal(size=8) for i in range(40)}
    for _ in range(10):
        a, b, c = (f"w{i}" for i in rng.choice(40, 3, replace=False))
        wanted = vectors[b] - vectors[a]
        best = max(
            (word for word in vectors if word not in (a, b, c)),
            key=lambda w: course.cosine_similarity(wanted, vectors[w] - vectors[c]),
        )
        assert course.complete_analogy(a, b, c, vectors) == best


def test_what_is_neutralized_is_orthogonal_and_keeps_the_rest(words):
    g = words["woman"] - words["man"]
    debiased = course.neutralize("doctor", g, words)
    assert abs(course.cosine_similarity(debiased, g)) < 1e-12
    # What was taken away lies along g.
    taken = words["doctor"] - debiased
    assert abs(course.cosine_similarity(taken, g)) == pytest.approx(1)


def test_what_is_equalized_is_symmetric_and_of_length_one(words):
    g = words["woman"] - words["man"]
    e1, e2 = course.equalize(("man", "woman"), g, words)
    first, second = (course.cosine_similarity(e, g) for e in (e1, e2))
    assert first == pytest.approx(-second, abs=1e-12)
    assert first < 0 < second
    assert np.linalg.norm(e1) == pytest.approx(1) == np.linalg.norm(e2)
    # As near to every neutral word.
    doctor = course.neutralize("doctor", g, words)
    distances = [np.linalg.norm(e - doctor) for e in (e1, e2)]
    assert distances[0] == pytest.approx(distances[1])


def test_unit_vectors_are_equalized_by_the_papers_formula(words):
    units = {word: row / np.linalg.norm(row) for word, row in words.items()}
    b = (units["woman"] - units["man"]) / np.linalg.norm(units["woman"] - units["man"])
    mu = (units["small"] + units["large"]) / 2
    nu = mu - (mu @ b) * b
    expected = [
        nu + np.sqrt(1 - nu @ nu) * np.sign((units[w] - mu) @ b) * b
        for w in ("small", "large")
    ]
    found = course.equalize(("small", "large"), 3 * b, words)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_wrong_words_and_axes_are_named(words):
    with pytest.raises(KeyError, match="No vector of the word 'cow'"):
        course.complete_analogy("man", "woman", "cow", words)
    with pytest.raises(ValueError, match="axis must not be zero"):
        course.neutralize("doctor", np.zeros(50), words)
    with pytest.raises(ValueError, match="must differ along the bias axis"):
        course.equalize(("man", "man"), np.ones(50), words)
    with pytest.raises(ValueError, match="other words than the question's"):
        course.complete_analogy("a", "b", "c", dict.fromkeys("abc", np.ones(2)))
