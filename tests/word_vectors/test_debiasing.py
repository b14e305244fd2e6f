"""Bias directions, debiasing and association tests, against their definitions."""

import itertools

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import debiasing

NAMES = [*"abcdefgh", *"ABCD", "nurse", "zero"]
PAIRS = [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")]


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(len(NAMES), 10))
    matrix[0:8:2, 0] += 3  # the first words of the pairs
    matrix[1:8:2, 0] -= 3
    matrix[-1] = 0
    return WordVectors(NAMES, matrix)


def cosine(u, v):
    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def test_the_direction_is_scikit_learns_first_component(vectors):
    found = debiasing.bias_direction(vectors, [*PAIRS, ("a", "missing")])
    centred = []
    for pair in PAIRS:
        units = [vectors[word] / np.linalg.norm(vectors[word]) for word in pair]
        centred += [unit - (units[0] + units[1]) / 2 for unit in units]
    pca = PCA().fit(np.array(centred, np.float64))
    assert abs(found.direction @ pca.components_[0]) == pytest.approx(1, abs=1e-6)
    assert found.direction @ (vectors["a"] - vectors["b"]) > 0
    np.testing.assert_allclose(
        found.shares[:4], pca.explained_variance_ratio_[:4], atol=1e-6
    )


def test_what_is_neutralized_is_orthogonal(vectors):
    direction = np.random.default_rng(1).normal(size=10)
    neutral = debiasing.neutralize(vectors.matrix, direction)
    assert neutral.dtype == np.float32
    for before, after in zip(vectors.matrix[:-1], neutral, strict=False):
        assert abs(cosine(after, direction)) < 1e-6
        assert abs(cosine(before - after, direction)) == pytest.approx(1, abs=1e-4)


def test_what_is_equalized_is_symmetric(vectors):
    direction = np.random.default_rng(1).normal(size=10)
    pairs = vectors.lookup(sum(PAIRS, ())).reshape(-1, 2)
    equal = debiasing.equalize(vectors.matrix, pairs, direction)
    neutral = debiasing.neutralize(vectors.matrix[[12]], direction)[0]
    for first, second in pairs:
        one, other = equal[first], equal[second]
        assert cosine(one, direction) == pytest.approx(
            -cosine(other, direction), abs=1e-6
        )
        assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
        assert cosine(one, neutral) == pytest.approx(cosine(other, neutral), abs=1e-6)
        assert (cosine(one, direction) > 0) == (
            cosine(vectors.matrix[first], direction)
            > cosine(vectors.matrix[second], direction)
        )
    rest = np.setdiff1d(np.arange(len(NAMES)), pairs)
    np.testing.assert_array_equal(equal[rest], vectors.matrix[rest])


def test_debiasing_spares_specific_words_and_equalizes_pairs(vectors):
    direction, _ = debiasing.bias_direction(vectors, PAIRS)
    fair = debiasing.debias(
        vectors, direction, specific=["c", "unknown"], equal_pairs=[("a", "b")]
    )
    along = debiasing.projections(fair, NAMES, direction)
    assert along[0] == pytest.approx(-along[1], abs=1e-6) and along[0] > 0.3
    np.testing.assert_array_equal(fair.matrix[2], vectors.normalized()[2])
    assert np.abs(along[3:]).max() < 1e-6
    lengths = np.linalg.norm(fair.matrix[:-1], axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    assert not fair.matrix[-1].any()
    assert debiasing.direct_bias(fair, ["nurse"], direction) < 1e-6


def test_direct_bias_is_the_mean_of_absolute_cosines(vectors):
    direction = np.arange(10.0)
    words = ["nurse", "A", "B", "unknown"]
    expected = np.mean([abs(cosine(vectors[w], direction)) for w in words[:3]])
    assert debiasing.direct_bias(vectors, words, direction) == pytest.approx(expected)
    assert np.isnan(debiasing.direct_bias(vectors, ["unknown"], direction))


def association(vectors, word, a, b):
    return np.mean([cosine(vectors[word], vectors[w]) for w in a]) - np.mean(
        [cosine(vectors[word], vectors[w]) for w in b]
    )


@pytest.mark.parametrize("sizes", [(4, 4), (3, 4)])
def test_an_association_test_is_its_definition(vectors, sizes):
    x, y = NAMES[: sizes[0]], NAMES[4 : 4 + sizes[1]]
    a, b = ["A", "B"], ["C", "D", "nurse"]
    found = debiasing.weat(vectors, (x, y), (a, b), np.random.default_rng(0))
    scores = {word: association(vectors, word, a, b) for word in [*x, *y]}
    difference = np.mean([scores[w] for w in x]) - np.mean([scores[w] for w in y])
    spread = np.std(list(scores.values()))
    assert found.effect_size == pytest.approx(difference / spread, abs=1e-4)
    as_large = total = 0
    for part in itertools.combinations(scores, len(x)):
        rest = [word for word in scores if word not in part]
        other = np.mean([scores[w] for w in part]) - np.mean([scores[w] for w in rest])
        as_large += other >= difference - 1e-7
        total += 1
    assert found.p_value == pytest.approx(as_large / total)
    assert found.num_words == (*sizes, 2, 3)


def test_drawn_partitions_come_near_to_all_of_them(vectors, monkeypatch):
    sets = ([*"aceg"], [*"bdfh"]), (["A", "B"], ["C", "D"])
    exact = debiasing.weat(vectors, *sets, np.random.default_rng(0))
    monkeypatch.setattr(debiasing, "EXACT", 0)
    drawn = debiasing.weat(vectors, *sets, np.random.default_rng(0))
    again = debiasing.weat(vectors, *sets, np.random.default_rng(0))
    assert drawn == again and drawn.effect_size == exact.effect_size
    assert drawn.p_value != exact.p_value
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.012)  # 3 sigma


def test_nothing_but_rounding_is_no_association():
    noise = 1e-9 * np.random.default_rng(0).normal(size=(6, 5))
    vectors = WordVectors([*"abcdef"], np.ones((6, 5)) + noise)
    found = debiasing.weat(vectors, ("ab", "cd"), ("e", "f"), np.random.default_rng(0))
    assert found[:2] == (0.0, 1.0)


def test_wrong_lists_are_refused(vectors):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="vectors of: 1, 2, 1, 1 words"):
        debiasing.weat(vectors, (["a", "x"], "bc"), ("d", "e"), rng)
    with pytest.raises(ValueError, match="whose words both have vectors"):
        debiasing.bias_direction(vectors, [("a", "x")])
    with pytest.raises(ValueError, match="A pair must be two words"):
        debiasing.bias_direction(vectors, [("a", "b", "c")])
    with pytest.raises(ValueError, match="must not be zero"):
        debiasing.neutralize(vectors.matrix, np.zeros(10))
    with pytest.raises(ValueError, match=r"equal ones in the rows \[0, 0\]"):
        debiasing.equalize(vectors.matrix, [[0, 0]], np.ones(10))
    twice = WordVectors(["a", "b"], np.ones((2, 3)))
    with pytest.raises(ValueError, match="must have different vectors"):
        debiasing.bias_direction(twice, [("a", "b")])
