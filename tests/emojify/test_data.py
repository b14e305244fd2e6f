"""Sentences are read as files have them, and split without leaks."""

import re
from collections import Counter

import numpy as np
import pytest

from dlai_keras.embeddings import tokenize
from dlai_keras.emojify.data import (
    COURSE_EMOJI,
    EMBEDDED,
    load_sentences,
    split_folds,
)


@pytest.fixture(scope="module")
def embedded():
    return load_sentences()


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_the_embedded_sentences_are_many_and_differ(embedded):
    assert len(embedded) >= 400 and len(embedded.emoji) >= 10
    assert embedded.emoji[:5] == COURSE_EMOJI
    told = Counter(tuple(tokenize(text)) for text in embedded.texts)
    assert max(told.values()) == 1
    assert min(Counter(labels[0] for labels in embedded.labels).values()) >= 20
    kinds = Counter(embedded.kinds)
    assert kinds["negation"] >= 60 and kinds["order"] >= 60
    # And a few that deny in other words: "far from satisfied".
    words = re.compile(r"\b(not|no|never|nothing|nobody|none|neither|without|hardly)\b")
    denied = [
        bool(words.search(" ".join(tokenize(text))))
        for text, kind in zip(embedded.texts, embedded.kinds, strict=True)
        if kind == "negation"
    ]
    assert np.mean(denied) > 0.8


def test_both_of_a_pair_have_the_same_words_and_another_emoji(embedded):
    kinds = np.array(embedded.kinds)
    for group in np.unique(embedded.groups[kinds == "order"]):
        rows = np.flatnonzero(embedded.groups == group)
        told = {tuple(sorted(tokenize(embedded.texts[row]))) for row in rows}
        assert len(rows) == 2 and len(told) == 1, [embedded.texts[row] for row in rows]
        assert embedded.labels[rows[0]] != embedded.labels[rows[1]]


def test_groups_stay_on_one_side_of_every_split(embedded):
    for seed in range(3):
        folds = split_folds(np.random.default_rng(seed), embedded, 5)
        for group in np.unique(embedded.groups):
            assert len(set(folds[embedded.groups == group])) == 1
        sizes = np.bincount(folds, minlength=5) / len(folds)
        assert sizes.min() > 0.15
    with pytest.raises(ValueError, match="`num_folds` must be from 2"):
        split_folds(np.random.default_rng(0), embedded, 1)


def test_the_courses_file_is_read(tmp_path):
    path = write(tmp_path / "train_emoji.csv", 'I love you,0,,\n"no, thanks",3,, x\n')
    found = load_sentences(tmp_path)
    assert found.texts == ("I love you", "no, thanks")
    assert [found.emoji[labels[0]] for labels in found.labels] == ["❤️", "😞"]
    assert load_sentences(path).texts == found.texts


def test_sentences_of_the_same_words_are_one_group(tmp_path):
    path = write(tmp_path / "a.csv", "go home!,0\nstay,1\nGo  home,0\n")
    assert load_sentences(path).groups.tolist() == [0, 1, 0]


def test_several_labels_of_any_name_are_read(tmp_path):
    text = "label,sentence\nwork,it broke\nfun|work,we played at work\nfun,hooray\n"
    found = load_sentences(write(tmp_path / "a.csv", text))
    assert found.multi_label and set(found.emoji) == {"work", "fun"}
    named = [{found.emoji[label] for label in labels} for labels in found.labels]
    assert named == [{"work"}, {"fun", "work"}, {"fun"}]
    assert found.targets().sum(axis=1).tolist() == [1, 2, 1]
    assert found.take([2]).texts == ("hooray",)


def test_an_emoji_is_the_same_with_and_without_its_selector(tmp_path):
    path = write(tmp_path / "a.csv", "sentence,emoji\nkiss me,❤\nhug me,❤️\nno,😞\n")
    found = load_sentences(path, emoji=COURSE_EMOJI)
    assert found.labels == ((0,), (0,), (3,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("sentence,mood\nI am,sad\n", "has no column `emoji`"),
        ("I am sad\nme too,1\n", "line 1, has no label"),
        ("a,0\n,1\n", "line 2, has no sentence"),
        ("a,0\n!?,1\n", "line 2, has no sentence"),
        ("a,0\nb,0\n", "two or more emoji"),
        ("sentence,emoji,kind\na,x,odd\nb,y,\n", "line 2: `kind` must be one of"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(tmp_path, text, message):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(ValueError, match=message) as error:
        load_sentences(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_emoji_outside_the_list_and_other_encodings_are_named(tmp_path):
    path = write(tmp_path / "a.csv", "a,0\nb,🦄\n")
    with pytest.raises(ValueError, match="line 2: the emoji must be one of"):
        load_sentences(path, emoji=("0", "1"))
    path.write_bytes(b"caf\xe9,0\n")
    with pytest.raises(ValueError, match="line 1, is not UTF-8"):
        load_sentences(path)
    with pytest.raises(FileNotFoundError, match="No such sentences"):
        load_sentences(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"No train_emoji\.csv"):
        load_sentences(tmp_path)
    assert EMBEDDED.is_file()
