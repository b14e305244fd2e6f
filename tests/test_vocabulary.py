"""Tokens and their numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.vocabulary import Vocabulary

SPECIALS = {"start": "<start>", "end": "<end>"}


def test_special_tokens_come_first_in_a_fixed_order():
    vocabulary = Vocabulary("ba", **SPECIALS)
    assert vocabulary.tokens == ("<pad>", "<unk>", "<start>", "<end>", "b", "a")
    ids = (vocabulary.padding_id, vocabulary.unknown_id)
    assert (*ids, vocabulary.start_id, vocabulary.end_id) == (0, 1, 2, 3)


def test_special_tokens_that_the_tokens_hold_keep_their_places():
    vocabulary = Vocabulary(["a", "<unk>", "b", "<pad>"], end="<end>")
    assert vocabulary.tokens == ("<end>", "a", "<unk>", "b", "<pad>")
    assert (vocabulary.padding_id, vocabulary.unknown_id, vocabulary.end_id) == (
        4,
        2,
        0,
    )


def test_absent_special_tokens_have_no_number():
    vocabulary = Vocabulary("ab", padding=None, unknown=None)
    assert vocabulary.tokens == ("a", "b") and len(vocabulary) == 2
    ids = (vocabulary.padding_id, vocabulary.unknown_id)
    assert (*ids, vocabulary.start_id, vocabulary.end_id) == (None,) * 4


def test_words_and_characters_are_encoded_alike():
    vocabulary = Vocabulary(["le", "chat", "c", "h"])
    np.testing.assert_array_equal(vocabulary.encode(["le", "chat"]), [2, 3])
    np.testing.assert_array_equal(vocabulary.encode("chat"), [4, 5, 1, 1])
    assert "chat" in vocabulary and "chien" not in vocabulary


def test_tokens_from_a_generator_are_encoded():
    vocabulary = Vocabulary("ab", padding=None, unknown=None)
    np.testing.assert_array_equal(vocabulary.encode(c for c in "ba"), [1, 0])


@pytest.mark.parametrize(
    ("length", "add_end", "expected"),
    [
        (None, False, [4, 5, 4]),
        (None, True, [4, 5, 4, 3]),
        (5, False, [4, 5, 4, 0, 0]),
        (5, True, [4, 5, 4, 3, 0]),
        (2, False, [4, 5]),
        (2, True, [4, 3]),
        (1, True, [3]),
        (0, False, []),
    ],
)
def test_sequences_are_cut_and_padded_and_the_end_stays(length, add_end, expected):
    vocabulary = Vocabulary("ab", **SPECIALS)
    ids = vocabulary.encode("aba", length=length, add_end=add_end)
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == np.int32


def test_many_sequences_are_as_long_as_the_longest():
    vocabulary = Vocabulary("ab", **SPECIALS)
    ids = vocabulary.encode_all(["a", "abb", ""], add_end=True)
    expected = [[4, 3, 0, 0], [4, 5, 5, 3], [3, 0, 0, 0]]
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == np.int32
    assert vocabulary.encode_all([]).shape == (0, 0)
    assert vocabulary.encode_all(["a", "abb"], length=2).shape == (2, 2)


def test_decoding_stops_at_the_end_and_leaves_padding_and_start_out():
    vocabulary = Vocabulary("ab", **SPECIALS)
    assert vocabulary.decode([2, 4, 0, 1, 5, 3, 4]) == ["a", "<unk>", "b"]
    assert Vocabulary("ab", padding=None, unknown=None).decode([0, 1]) == ["a", "b"]


@given(st.lists(st.sampled_from("abcé語"), max_size=12), st.integers(0, 4))
def test_decoding_undoes_encoding(tokens, more):
    vocabulary = Vocabulary("abcé語", **SPECIALS)
    ids = vocabulary.encode(tokens, length=len(tokens) + 1 + more, add_end=True)
    assert vocabulary.decode(ids) == tokens


def test_counted_tokens_stand_from_frequent_to_rare_then_sorted():
    lines = [["the", "cat"], ["the", "dog"], ["a", "dog", "<pad>"]]
    vocabulary = Vocabulary.from_counts(lines, end="<end>")
    assert vocabulary.tokens[3:] == ("dog", "the", "a", "cat")
    assert vocabulary == Vocabulary.from_counts(lines[::-1], end="<end>")
    assert Vocabulary.from_counts(lines, min_count=2).tokens[2:] == ("dog", "the")
    assert Vocabulary.from_counts(lines, max_size=3).tokens == ("<pad>", "<unk>", "dog")


def test_a_vocabulary_is_the_same_after_json():
    for vocabulary in (
        Vocabulary(["é", '"', "<pad>"], **SPECIALS),
        Vocabulary("ab", padding=None, unknown=None),
    ):
        again = Vocabulary.from_json(vocabulary.to_json())
        assert again == vocabulary and hash(again) == hash(vocabulary)
        assert again.padding_id == vocabulary.padding_id
    assert Vocabulary("ab") != Vocabulary("ab", end="b")
    assert Vocabulary("ab") != "ab"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"tokens": 3}', '{"tokens": [], "size": 3}', "3"]
)
def test_other_json_is_refused(text):
    with pytest.raises(ValueError, match="`text` must be JSON as"):
        Vocabulary.from_json(text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vocabulary("aba"), "Received twice: 'a'"),
        (lambda: Vocabulary(["a", ""]), "Received: ''"),
        (lambda: Vocabulary([1]), "Received: 1"),
        (lambda: Vocabulary("a", start="<s>", end="<s>"), "must differ"),
        (lambda: Vocabulary("a").encode("a", add_end=True), "needs an end token"),
        (lambda: Vocabulary("a", unknown=None).encode("b"), "Received: 'b'"),
        (lambda: Vocabulary("a", padding=None).encode("a", length=2), "padding token"),
        (lambda: Vocabulary("a").encode("a", length=-1), "Received: length=-1"),
        (
            lambda: Vocabulary("a", end="b").encode("a", length=0, add_end=True),
            "must be 1 or more",
        ),
        (lambda: Vocabulary("a").decode([3]), "from 0 to 2. Received: 3"),
        (lambda: Vocabulary("a").decode([-1]), "Received: -1"),
        (lambda: Vocabulary.from_counts([], max_size=1), "must be 2 or more"),
    ],
)
def test_mistakes_are_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_json_keeps_characters_readable():
    assert json.loads(Vocabulary("é").to_json())["tokens"][-1] == "é"
    assert "é" in Vocabulary("é").to_json()
