"""The script that writes and checks sentences, as a user meets it."""

import functools

import cv2
import pytest
import scripted

from data_scripts import emojify as script
from dlai_keras.emojify.data import load_sentences

failure = functools.partial(scripted.failure, script)


def test_the_embedded_sentences_come_back_from_their_csv(tmp_path):
    result = script.sentences(output=tmp_path / "deep" / "a.csv")
    known, read = load_sentences(), load_sentences(result["output"])
    assert (read.texts, read.kinds) == (known.texts, known.kinds)
    assert read.groups.tolist() == known.groups.tolist()
    for one, other in zip(read.labels, known.labels, strict=True):
        assert [read.emoji[i] for i in one] == [known.emoji[i] for i in other]


def test_a_list_is_checked(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("I am hapy,2\nI am hapy!,3\nzzgrmpf,2\n", encoding="utf-8")
    found = script.check(path)
    assert found["num_sentences"] == 3 and found["num_emoji"] == 2
    assert found["num_of_the_same_words"] == 1
    assert found["num_with_contradicting_emoji"] == 1
    assert found["num_words_read_as_others"] == found["num_words_left_out"] == 1
    assert "hapy as happy" in capsys.readouterr().err


def test_the_emoji_are_drawn(tmp_path):
    result = script.draw(size=16, output=tmp_path)
    assert result["num_emoji"] == len(list(tmp_path.glob("*.png")))
    assert cv2.imread(str(tmp_path / "baseball.png")).shape == (16, 16, 3)


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    line = failure(capsys, monkeypatch, "draw", "--size", "2")
    assert "`size` must be from 8 to 2048" in line
    line = failure(capsys, monkeypatch, "check", tmp_path / "none.csv")
    assert "No such sentences" in line
    with pytest.raises(ValueError, match="is empty"):
        (tmp_path / "empty.csv").write_text("")
        script.check(tmp_path / "empty.csv")
