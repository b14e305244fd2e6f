"""Files of questions, judgments and word lists; broken ones are named with a line."""

import json
import os
import re
from pathlib import Path

import pytest

from dlai_keras.word_vectors import data

FOLDER = Path(os.environ.get("DLAI_DATA", "")) / "word_vectors"
on_real_data = pytest.mark.skipif(
    not os.environ.get("DLAI_DATA"), reason="DLAI_DATA names no folder"
)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_pairs_make_a_question_of_every_two(tmp_path):
    text = ": a b\none two three four\r\n\n: pairs\nman woman\nking queen\nboy girl\n"
    questions = data.read_questions(write(tmp_path / "q.txt", text))
    assert questions["a b"] == [("one", "two", "three", "four")]
    assert len(questions["pairs"]) == 3 * 2
    assert ("boy", "girl", "man", "woman") in questions["pairs"]
    assert all(q[:2] != q[2:] for q in questions["pairs"])


@pytest.mark.parametrize(
    "text",
    [
        "# judged\nWord 1\tWord 2\tHuman (mean)\nnew york\tcity\t7.5\na\tb\t1\n",
        "Word 1,Word 2,Human (mean)\nnew york,city,7.5\na,b,1\n",
        "new york;city;7.5\na;b;1\n",
        "word1\tword2\tPOS\tSimLex999\nnew york\tcity\tN\t7.5\t9\na\tb\tA\t1\t2\n",
    ],
)
def test_judgments_are_read_from_every_usual_form(tmp_path, text):
    judged = data.read_similarities(write(tmp_path / "pairs.txt", text))
    assert judged == [("new york", "city", 7.5), ("a", "b", 1.0)]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (data.read_questions, "a b c d\na b c\n", "q, line 2, must have four words"),
        (data.read_questions, ": a\na b\n", "q must have a question"),
        (data.read_similarities, "a\tb\t1\nc\td\n", "q, line 2, must have two words"),
        (data.read_similarities, "a\tb\t1\nc\td\tx\n", r"q, line 2, must .* 'c.td.tx'"),
        (data.read_similarities, "one\n", "q must have two lines or more"),
        (data.read_pairs, '[["a", "b"],\n["c"]', "q, line 2, is no JSON"),
        (data.read_pairs, '[["a", "b"], ["c"]]', r"q must be a JSON list of pairs"),
        (data.read_pairs, '[["a", "b"], ["c", 2]]', r"Received in it: \['c', 2\]"),
        (data.read_words, '["a", 2]', "Received in it: 2"),
        (data.read_words, '{"a": 2}', "q must be a JSON list of words"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, read, text, message):
    with pytest.raises(ValueError, match=message) as error:
        read(write(tmp_path / "q", text))
    assert "\n" not in str(error.value)
    (tmp_path / "q").write_bytes(b"a b c d\n\xff\n")
    with pytest.raises(ValueError, match="q, line 2, is not UTF-8"):
        read(tmp_path / "q")
    with pytest.raises(FileNotFoundError, match=r"No such file: .*none"):
        read(tmp_path / "none")


def test_an_evaluation_is_a_folder_the_one_above_or_a_file(tmp_path):
    questions = write(tmp_path / "word_vectors/questions-words.txt", "a b c d\n")
    judged = write(tmp_path / "word_vectors/wordsim353.tsv", "a\tb\t1\nc\td\t2\n")
    for where in (tmp_path, tmp_path / "word_vectors"):
        asked, judgments, name = data.load_evaluation(where)
        assert (len(asked["questions-words"]), len(judgments)) == (1, 2)
        assert name == "word_vectors"
    assert data.load_evaluation(questions)[:2] == (asked, [])
    assert data.load_evaluation(judged)[:2] == ({}, judgments)
    judged.unlink()
    assert data.load_evaluation(tmp_path)[1] == []
    questions.unlink()
    with pytest.raises(FileNotFoundError, match="No questions-words"):
        data.load_evaluation(tmp_path)


def test_lists_of_bolukbasi_are_read_from_any_folder_above(tmp_path):
    folder = tmp_path / "word_vectors" / "debias"
    lists = {
        "definitional_pairs": [["woman", "man"]],
        "equalize_pairs": [["queen", "king"]],
        "gender_specific_full": ["he", "she"],
        "professions": [["nurse", -0.1, -0.9]],
    }
    for name, content in lists.items():
        write(folder / f"{name}.json", json.dumps(content))
    expected = data.BiasLists(
        [("woman", "man")], [("queen", "king")], ["he", "she"], ["nurse"]
    )
    for where in (tmp_path, tmp_path / "word_vectors", folder):
        assert data.load_bias_lists(where) == expected
    (folder / "professions.json").unlink()
    with pytest.raises(FileNotFoundError, match=re.escape("professions.json")):
        data.load_bias_lists(tmp_path)


def test_the_embedded_lists_are_sound():
    questions = data.load_evaluation()[0]
    assert len(questions) >= 10
    assert sum(map(len, questions.values())) > 1000
    lists = data.load_bias_lists()
    pairs = [word for pair in lists.equal_pairs for word in pair]
    assert len(set(pairs)) == len(pairs)  # nobody is equalized twice
    neutral = {*lists.neutral_words}
    assert not neutral & {*pairs, *lists.specific_words}
    for test in data.load_associations():
        for words in (*test.targets, *test.attributes):
            assert len(set(words)) == len(words) == 8
        assert not {*test.targets[0]} & {*test.targets[1]}
        assert not {*test.attributes[0]} & {*test.attributes[1]}


@on_real_data
def test_the_published_files_are_read_whole():
    questions, judged, _ = data.load_evaluation(FOLDER)
    assert len(questions) == 14 and sum(map(len, questions.values())) == 19544
    assert len(judged) == 353
    lists = data.load_bias_lists(FOLDER)
    assert len(lists.definitional_pairs) == 10
    assert ("mother", "father") in lists.definitional_pairs
