"""Kneser-Ney smoothing; its definition with dictionaries is the oracle."""

import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.dinosaur_names.data import (
    CharacterVocabulary,
    Corpus,
    load_corpus,
    load_genera,
    split_items,
)
from dlai_keras.dinosaur_names.ngram import FALLBACK, KneserNey, best_order

NAMES = load_genera().items[::30]
VOCABULARY = CharacterVocabulary.of(NAMES)
SEQUENCES = [VOCABULARY.encode(name, add_end=True) for name in NAMES]
TEXT = [[token for sequence in SEQUENCES for token in sequence if token]]


class Definition:
    """The same model, one probability at a time."""

    def __init__(self, order, discount, size, sequences):
        self.order, self.size = order, size
        raw = Counter()
        for sequence in sequences:
            tokens = (0, *sequence)
            for end in range(2, len(tokens) + 1):
                for n in range(1, min(order, end) + 1):
                    raw[tokens[end - n : end]] += 1
        continued = Counter(gram[1:] for gram in raw)  # each different gram once
        self.counts = {}
        for gram, count in raw.items():
            begins = len(gram) > 1 and gram[0] == 0
            whole = len(gram) == order or begins
            self.counts[gram] = count if whole else continued[gram]
        self.after = defaultdict(list)
        for gram, count in self.counts.items():
            self.after[gram[:-1]].append(count)
        self.discounts = [
            (discount,) * 3 if discount is not None else self.estimate(n)
            for n in range(1, order + 1)
        ]

    def estimate(self, n):
        of = Counter(count for gram, count in self.counts.items() if len(gram) == n)
        if not (of[1] and of[2] and of[3] and of[4]):
            return FALLBACK
        y = of[1] / (of[1] + 2 * of[2])
        found = (1 - 2 * y * of[2] / of[1], 2 - 3 * y * of[3] / of[2])
        found += (3 - 4 * y * of[4] / of[3],)
        return found if all(0 <= d <= k for k, d in enumerate(found, 1)) else FALLBACK

    def taken(self, count, n):
        return min(count, self.discounts[n - 1][min(count, 3) - 1]) if count else 0

    def prob(self, token, context):
        context = context[max(0, len(context) - self.order + 1) :]
        n = len(context) + 1
        shorter = self.prob(token, context[1:]) if context else 1 / self.size
        after = self.after[context]
        if not after:
            return shorter
        own = self.counts.get((*context, token), 0)
        given = sum(self.taken(count, n) for count in after)
        return (own - self.taken(own, n) + given * shorter) / sum(after)


@pytest.mark.parametrize("sequences", [SEQUENCES, TEXT], ids=["names", "text"])
@pytest.mark.parametrize(
    ("order", "discount"), [(1, None), (2, 0.6), (3, None), (5, None), (4, 0.0)]
)
def test_probabilities_are_those_of_the_definition(order, discount, sequences):
    size = len(VOCABULARY)
    model = KneserNey(order, discount, vocabulary_size=size).fit(sequences)
    definition = Definition(order, discount, size, sequences)
    np.testing.assert_allclose(model.discounts, definition.discounts)
    name = VOCABULARY.encode("Mixosaurus")  # what was seen, and what was not
    for length in (0, 1, 2, 6):
        found = np.exp(model.log_probs(name[:length]))
        context = (0, *name[:length])
        expected = [definition.prob(token, context) for token in range(size)]
        np.testing.assert_allclose(found, expected, atol=1e-14)
        np.testing.assert_allclose(found.sum(), 1)


def test_discounts_are_estimated_and_differ_by_count():
    sequences = [VOCABULARY.encode(n, add_end=True) for n in load_genera().items]
    model = KneserNey(4, vocabulary_size=len(VOCABULARY)).fit(sequences)
    one, two, three = model.discounts[-1]
    assert 0 < one < two < three < 3
    assert model.discounts[0] == FALLBACK  # few letters, all in many contexts
    with_one = KneserNey(4, 0.75, vocabulary_size=len(VOCABULARY)).fit(sequences)
    assert with_one.discounts == [(0.75,) * 3] * 4


def test_whole_sequences_cost_the_sum_of_their_tokens():
    model = KneserNey(4, vocabulary_size=len(VOCABULARY)).fit(SEQUENCES[:25])
    held_out = SEQUENCES[25:31]
    expected = [
        sum(model.log_probs(ids[:place])[ids[place]] for place in range(len(ids)))
        for ids in held_out
    ]
    totals = model.total_log_probs(held_out)
    np.testing.assert_allclose(totals, expected)
    bits = -totals.sum() / np.log(2) / sum(map(len, held_out))
    assert model.bits_per_character(held_out) == pytest.approx(bits)
    np.testing.assert_allclose(model.total_log_probs([[], [0]])[0], 0)


def test_one_token_of_two_without_smoothing_costs_a_bit():
    model = KneserNey(1, 0.0, vocabulary_size=3).fit([[1, 2], [2, 1]])
    assert model.bits_per_character([[1, 2, 1, 1]]) == pytest.approx(1)
    assert model.bits_per_character([[1, 0]]) == np.inf  # what never came


def test_longer_contexts_help_on_held_out_names():
    parts = split_items(load_genera(), np.random.default_rng(0))
    vocabulary = CharacterVocabulary.of(parts["train"])
    train, validation, test = (
        [vocabulary.encode(name, add_end=True) for name in part]
        for part in parts.values()
    )
    bits = [
        KneserNey(order, vocabulary_size=len(vocabulary))
        .fit(train)
        .bits_per_character(test)
        for order in (1, 2, 3, 5)
    ]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 4 and 2.2 < bits[-1] < 2.6  # log2(54) = 5.8 by chance
    best = best_order(train, validation, len(vocabulary), (1, 3, 5))
    assert best.order == 5
    modified = best.bits_per_character(test)
    plain = KneserNey(5, 0.75, vocabulary_size=len(vocabulary)).fit(train)
    assert modified < plain.bits_per_character(test)


# Drawing


def test_samples_follow_the_probabilities():
    model = KneserNey(2, vocabulary_size=4).fit([[2, 3, 0], [3, 3, 2, 0], [2, 0]])
    drawn = model.sample(np.random.default_rng(0), 3000, max_length=1)
    counts = np.bincount([ids[0] if ids else 0 for ids in drawn], minlength=4)
    np.testing.assert_allclose(counts / 3000, np.exp(model.log_probs()), atol=0.03)
    cold = model.sample(np.random.default_rng(0), 20, max_length=1, temperature=0.05)
    assert cold == [[int(model.log_probs().argmax())]] * 20


def test_samples_are_names_with_the_same_seed_the_same():
    model = KneserNey(5, vocabulary_size=len(VOCABULARY)).fit(SEQUENCES)
    prefix = VOCABULARY.encode("Ty")

    def draw(seed):
        rng = np.random.default_rng(seed)
        return model.sample(rng, 10, prefix=prefix, max_length=12)

    assert draw(0) == draw(0) != draw(1)
    assert all(ids[:2] == prefix and len(ids) <= 12 and 0 not in ids for ids in draw(0))
    text = KneserNey(3, vocabulary_size=len(VOCABULARY)).fit(TEXT)
    (ids,) = text.sample(np.random.default_rng(0), max_length=200, end_id=None)
    assert len(ids) == 200 and 0 not in ids


# Speed, and what is refused


def test_a_megabyte_of_text_is_counted_in_seconds():
    rng = np.random.default_rng(0)
    words = [rng.integers(2, 40, rng.integers(1, 9)).tolist() for _ in range(2000)]
    ranks = np.minimum(rng.zipf(1.3, 15_000) - 1, 1999)
    text = [token for rank in ranks for token in (*words[rank], 40)]
    started = time.process_time()
    model = KneserNey(8, vocabulary_size=41).fit([text[:60_000]])
    bits = model.bits_per_character([text[60_000:]])
    seconds = time.process_time() - started
    assert 1 < bits < 3 and len(text) > 65_000
    assert seconds * 1e6 / len(text) < 30  # a megabyte at the same rate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": 0}, "`order` must be 1 or more"),
        ({"order": 2, "discount": 1.5}, "`discount` must be from 0 to 1"),
        ({"order": 2, "vocabulary_size": 0}, "`vocabulary_size` must be 1 or more"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        KneserNey(**{"vocabulary_size": 4} | arguments)


def test_what_cannot_be_counted_or_scored_is_refused():
    model = KneserNey(2, vocabulary_size=4)
    with pytest.raises(ValueError, match="Call `fit` first"):
        model.log_probs([1])
    for sequences in ([], [[]]):
        with pytest.raises(ValueError, match="must hold a token or more"):
            model.fit(sequences)
    with pytest.raises(ValueError, match=r"from 0 to 3\. Received: 4"):
        model.fit([[1, 4]])
    model.fit([[1, 0]])
    with pytest.raises(ValueError, match=r"from 0 to 3\. Received: -1"):
        model.bits_per_character([[-1]])
    with pytest.raises(ValueError, match="`num_characters` must be 1 or more"):
        model.bits_per_character([])
    with pytest.raises(ValueError, match="`temperature` must be above 0"):
        model.sample(np.random.default_rng(0), temperature=0)


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_shakespeare_costs_little_more_than_two_bits():
    path = Path(os.environ["DLAI_DATA"]) / "dinosaur_names/tinyshakespeare.txt"
    text = load_corpus(text=path).items[0][:200_000]
    parts = split_items(Corpus((text,), "text", "x"), None, 0.1, 0)
    vocabulary = CharacterVocabulary.of([text])
    train, test = ([vocabulary.encode(parts[part][0])] for part in ("train", "test"))
    model = KneserNey(6, vocabulary_size=len(vocabulary)).fit(train)
    assert 2.2 < model.bits_per_character(test) < 2.7
