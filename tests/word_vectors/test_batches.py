"""Batches hold the windows that a loop lays, and every pair as often as it should."""

import numpy as np
import pytest

from dlai_keras.word_vectors.batches import CooccurrenceBatches, WindowBatches
from dlai_keras.word_vectors.corpus import LINE_END, Corpus


@pytest.fixture(scope="module")
def corpus():
    """Lines of numbers that rise by one: neighbours are told by their values."""
    lines = [np.arange(start, start + 3 + start % 5) for start in range(0, 900, 9)]
    tokens = np.concatenate([np.append(line, LINE_END) for line in lines])
    counts = np.bincount(tokens[tokens >= 0], minlength=910)
    return Corpus([f"w{i}" for i in range(910)], np.maximum(counts, 1), tokens)


def windows(batches):
    for index in range(len(batches)):
        inputs, reach = batches[index]
        yield from zip(inputs["words"], reach, strict=True)


def test_windows_stay_within_lines_and_vary_in_width(corpus):
    batches = WindowBatches(corpus, rows=2, length=16, window=3, threshold=0)
    widths = set()
    for words, reach in windows(batches):
        for place, (left, right) in enumerate(reach):
            seen = words[place - left : place + right + 1]
            # Of one line, without a gap.
            np.testing.assert_array_equal(np.diff(seen), 1)
            widths.add(int(max(left, right)))
    assert widths == {0, 1, 2, 3}


def test_an_epoch_reads_every_word_once(corpus):
    batches = WindowBatches(corpus, rows=2, length=16, window=3, threshold=0)
    for _ in range(2):
        seen = np.zeros(len(corpus.words), int)
        for words, reach in windows(batches):
            np.add.at(seen, words[(reach > 0).any(axis=-1)], 1)
        spoken = corpus.tokens[corpus.tokens >= 0]
        # A word alone in a row has no window; few are.
        assert seen.max() == 1
        assert seen[spoken].mean() > 0.9
        batches.on_epoch_end()


def test_frequent_words_are_left_out_now_and_then():
    tokens = np.tile([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 400)
    corpus = Corpus("ab", np.array([3600, 400]), tokens)
    batches = WindowBatches(corpus, rows=4, length=16, window=2, threshold=0.02)
    words = np.concatenate(
        [x["words"][(r > 0).any(-1)] for x, r in (batches[i] for i in range(3))]
    )
    ratio = np.sqrt(0.02 / 0.9) + 0.02 / 0.9
    rare = np.sqrt(0.02 / 0.1) + 0.02 / 0.1
    share = 9 * ratio / (9 * ratio + rare)
    assert (words == 0).mean() == pytest.approx(share, abs=0.12)


def test_batches_depend_on_seed_epoch_and_number_alone(corpus):
    options = {"rows": 2, "length": 16, "window": 3, "with_reach": True}
    one, other = (WindowBatches(corpus, **options, seed=5) for _ in range(2))
    for _ in range(3):
        other[2]
    for name, array in one[1][0].items():
        np.testing.assert_array_equal(array, other[1][0][name])
    another = WindowBatches(corpus, **options, seed=6)[1][0]["negatives"]
    assert not np.array_equal(one[1][0]["negatives"][0], another[0])
    one.on_epoch_end()
    assert not np.array_equal(one[1][0]["negatives"][0], other[1][0]["negatives"][0])


def test_pairs_are_met_both_ways_round_once_an_epoch():
    rows, columns = np.array([0, 0, 1]), np.array([0, 1, 2])
    counts = np.array([5, 6, 7], np.float32)
    batches = CooccurrenceBatches(rows, columns, counts, batch_size=2)
    for _ in range(2):
        met = []
        for index in range(len(batches)):
            inputs, targets = batches[index]
            three = (inputs["words"], inputs["contexts"], targets)
            met += zip(*(part.ravel().tolist() for part in three), strict=True)
        assert sorted(met) == [(0, 0, 5), (0, 1, 6), (1, 0, 6), (1, 2, 7), (2, 1, 7)]
        batches.on_epoch_end()


def test_bad_arguments_are_named(corpus):
    with pytest.raises(ValueError, match="`rows` must be 1 or more"):
        WindowBatches(corpus, rows=0)
    with pytest.raises(ValueError, match="`length` must be more than `window`"):
        WindowBatches(corpus, length=5, window=5)
    with pytest.raises(ValueError, match="Received none"):
        CooccurrenceBatches(np.zeros(0), np.zeros(0), np.zeros(0))
    with pytest.raises(IndexError, match="There are"):
        WindowBatches(corpus)[99]
