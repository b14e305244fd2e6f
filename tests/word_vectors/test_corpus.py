"""Texts become numbers, counts and pairs, as loops over the text find them."""

import math

import numpy as np
import pytest

from dlai_keras.word_vectors import corpus as module
from dlai_keras.word_vectors.corpus import (
    LINE_END,
    Corpus,
    cooccurrences,
    noise_distribution,
    read_corpus,
    subsampling,
)


@pytest.fixture
def lines():
    rng = np.random.default_rng(3)
    words = np.array(["ant", "bee", "cow", "dog", "eel"])
    return [" ".join(rng.choice(words, rng.integers(1, 12))) for _ in range(40)]


def test_a_text_is_read_in_small_blocks_as_in_one(tmp_path, lines, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    whole = read_corpus(path, tmp_path / "a", min_count=1)
    monkeypatch.setattr(module, "BLOCK", 64)
    blocks = read_corpus(path, tmp_path / "b", min_count=1)
    assert blocks.words == whole.words
    np.testing.assert_array_equal(blocks.tokens, whole.tokens)
    written = [[*line.split(), None] for line in lines]
    read = [None if t == LINE_END else whole.words[t] for t in whole.tokens]
    assert read == [word for line in written for word in line]
    counts = {word: " ".join(lines).split().count(word) for word in whole.words}
    assert whole.counts.tolist() == list(counts.values())
    assert whole.counts.tolist() == sorted(counts.values(), reverse=True)


def test_a_long_line_is_cut_between_words(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text("elephant giraffe " * 50, encoding="utf-8")
    monkeypatch.setattr(module, "BLOCK", 60)
    found = read_corpus(path, tmp_path, min_count=1)
    assert found.words == ("elephant", "giraffe")
    assert found.counts.tolist() == [50, 50]


def test_rare_words_and_those_beyond_the_vocabulary_are_left_out(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("a a a b b c c", encoding="utf-8")
    (folder / "b.txt").write_text("d a b\n", encoding="utf-8")
    found = read_corpus(folder, tmp_path, min_count=2, max_words=2)
    assert found.words == ("a", "b")
    assert found.tokens.tolist() == [0, 0, 0, 1, 1, LINE_END, 0, 1, LINE_END]
    assert found.num_tokens == 7


def test_subsampling_keeps_what_is_rare():
    counts = np.array([900, 90, 10])
    kept = subsampling(counts, 0.01)
    assert kept[2] == 1
    assert kept[0] == pytest.approx(math.sqrt(0.01 / 0.9) + 0.01 / 0.9)
    np.testing.assert_array_equal(subsampling(counts, 0), 1)


def test_negatives_are_drawn_by_the_power_of_their_counts():
    found = np.diff(noise_distribution(np.array([81, 16, 1])), prepend=0)
    np.testing.assert_allclose(found, np.array([27, 8, 1]) / 36)


@pytest.mark.parametrize("block", [1 << 20, 16])
def test_cooccurrences_are_those_of_a_loop(tmp_path, lines, monkeypatch, block):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    text = read_corpus(path, tmp_path, min_count=1)
    monkeypatch.setattr(module, "BLOCK", block)
    wanted = np.zeros((len(text.words),) * 2)
    for line in lines:
        row = [text.words.index(word) for word in line.split()]
        for i, word in enumerate(row):
            for j in range(max(0, i - 3), i):
                wanted[word, row[j]] += 1 / (i - j)
                wanted[row[j], word] += 1 / (i - j)
    rows, columns, counts = cooccurrences(text, window=3)
    found = np.zeros_like(wanted)
    found[rows, columns] = counts
    found[columns, rows] = counts
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert (rows <= columns).all()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a b \xff", {}, "is not UTF-8"),
        (b"one two three", {"min_count": 2}, "two or more words that stand 2 times"),
        (b"a a b b", {"min_count": 0}, "`min_count` must be 1 or more"),
    ],
)
def test_a_text_that_cannot_be_used_is_named(tmp_path, content, options, message):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_corpus(path, tmp_path / "ids", **options)


def test_a_missing_text_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such text"):
        read_corpus(tmp_path / "none.txt", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"No \.txt in"):
        read_corpus(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="`threshold` must be 0 or more"):
        subsampling(np.ones(3), -1.0)
    assert Corpus("ab", np.array([2, 1]), np.zeros(3)).num_tokens == 3
