"""Sentences become the vectors of their words."""

import numpy as np
import pytest

from dlai_keras.embeddings import WordVectors
from dlai_keras.emojify.lookup import Lookup, denied_words


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    words = ["the", "not", "happy", "dog", *(f"x{i}" for i in range(30))]
    return WordVectors(words, rng.normal(size=(len(words), 8)))


def unit(vectors, word):
    return vectors[word] / np.linalg.norm(vectors[word])


def test_rows_are_unit_vectors_and_rare_words_weigh_more(vectors):
    found, weights = Lookup(vectors)(["The dog!", "not"])
    assert found.shape == (2, 2, 8) and weights.shape == (2, 2)
    for place, word in enumerate(("the", "dog")):
        np.testing.assert_allclose(found[0, place], unit(vectors, word), rtol=1e-5)
    assert 0 < weights[0, 0] < weights[0, 1] < 1
    assert weights[1, 1] == 0 and not found[1, 1].any()


def test_words_without_a_vector_are_spelled_otherwise_or_left_out(vectors):
    lookup = Lookup(vectors)
    text = "the hapy dogs don't zzgrmpf"
    assert lookup.words(text) == ["the", "hapy", "dogs", "not"]
    replaced = lookup.replaced([text])
    assert replaced == {"hapy": "happy", "dogs": "dog", "do": None, "zzgrmpf": None}
    np.testing.assert_array_equal(lookup(["hapy"])[0], lookup(["happy"])[0])
    found, weights = lookup(["zzgrmpf"])
    assert found.shape == (1, 1, 8) and not weights.any()


def test_two_sets_stand_side_by_side_and_fill_each_others_gaps(vectors):
    others = WordVectors(["dog", "cat"], np.eye(2, 3))
    lookup = Lookup(vectors, others)
    assert lookup.dim == 11
    found, _ = lookup(["happy dog cat"])
    half = 0.5**0.5
    np.testing.assert_allclose(found[0, 0, :8], unit(vectors, "happy") * half, 1e-5)
    assert not found[0, 0, 8:].any() and not found[0, 2, :8].any()
    np.testing.assert_allclose(np.linalg.norm(found[0, 1]), 1, rtol=1e-5)
    assert lookup.replaced(["happy dog cat"]) == {}


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("I am not happy", ["happy"]),
        ("not bad, good", ["bad"]),
        ("never a dull day but a long one", ["a", "dull", "day"]),
        ("I can't see it", ["see", "it"]),
        ("no one two three four five", ["one", "two", "three", "four"]),
        ("without the dog. happy!", ["the", "dog"]),
        ("I am happy", []),
    ],
)
def test_words_after_a_negation_are_denied_to_the_end_of_the_clause(text, denied):
    assert [word for word, is_denied in denied_words(text) if is_denied] == denied


def test_each_word_that_is_named_has_its_vector(vectors):
    lookup = Lookup(vectors)
    text = "The dog isn't happy, but the dog... but zzgrmpf x1!"
    found, weights = lookup([text])
    words = lookup.words(text)
    assert words == ["the", "dog", "not", "happy", "the", "dog", "x1"]
    for place, word in enumerate(words):
        np.testing.assert_allclose(found[0, place], unit(vectors, word), rtol=1e-5)
    assert np.flatnonzero(weights[0]).tolist() == list(range(len(words)))


def test_denied_words_have_negative_weights(vectors):
    _, weights = Lookup(vectors)(["the dog, not happy"])
    assert np.sign(weights).tolist() == [[1, 1, 1, -1]]


def test_long_sentences_are_cut_where_asked(vectors):
    found, _ = Lookup(vectors)(["the dog the dog"], length=3)
    assert found.shape == (1, 3, 8)
    with pytest.raises(ValueError, match="one set or more"):
        Lookup()
