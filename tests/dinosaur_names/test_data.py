"""Lists and texts as they are read, split and encoded; plain Python is the oracle."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.dinosaur_names import data
from dlai_keras.dinosaur_names.data import CharacterVocabulary, Corpus

SENTENCE = "To be, or not to be: that is the question.\n"


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Reading


@pytest.mark.parametrize(
    ("content", "items"),
    [
        (b"Mei\nMinmi\n", ("Mei", "Minmi")),
        (b"\xef\xbb\xbfMei\nMinmi", ("Mei", "Minmi")),
        (b"Mei\r\nMinmi\r\n", ("Mei", "Minmi")),
        (b"Mei\rMinmi\r", ("Mei", "Minmi")),
        ("  Mei \n\n\t\n\u00a0Minmi\n", ("Mei", "Minmi")),
        ("Minmi\nMei\nMinmi\nmei\n", ("Minmi", "Mei", "mei")),
        ("e\u0301a\n\u00e9a\nb\n", ("\u00e9a", "b")),
        ("Тиран\nМоа\u2028x\n恐竜\n", ("Тиран", "Моа\u2028x", "恐竜")),
    ],
)
def test_a_list_has_an_item_a_line(content, items, tmp_path):
    corpus = data.read_items(write(tmp_path / "names.txt", content))
    assert corpus == Corpus(items, "items", "names.txt")


def test_lower_case_makes_duplicates_equal(tmp_path):
    path = write(tmp_path / "names.txt", "Minmi\nMei\nminmi\n")
    assert data.read_items(path, lower=True).items == ("minmi", "mei")
    assert data.load_corpus(path, lower=True).items == ("minmi", "mei")
    assert set(data.load_corpus(lower=True).items) == {
        item.lower() for item in data.load_genera().items
    }


def test_a_running_text_stays_as_it_is_but_for_its_line_ends(tmp_path):
    text = f"\ufeff  {SENTENCE}\r\n\tÉ\re\u0301 " + SENTENCE * 3
    corpus = data.read_text(write(tmp_path / "play.txt", text))
    assert corpus.items == (f"  {SENTENCE}\n\tÉ\né " + SENTENCE * 3,)
    assert corpus.kind == "text"
    lower = data.read_text(tmp_path / "play.txt", lower=True)
    assert lower.items == (corpus.items[0].lower(),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"two different items or more.*Received none: the file is empty"),
        (b"\n \n\t\n", r"Received none"),
        (b"Minmi", r"Received one: 'Minmi'.*--text"),
        (b"Minmi\nMinmi\n", r"Received one: 'Minmi'"),
        (b"Mei\nCaf\xe9\n", r"line 2, is not UTF-8: byte 8 of the file is 0xe9"),
        ("Mei\nMinmi\n".encode("utf-16"), r"line 1, .*byte 1 of the file is 0xff"),
        ("Mei\nMinmi\n".encode("utf-16-le"), r"byte 2 of the file is 0x00"),
        (b"\xef\xbb\xbfMei\n\xff", r"line 2, .*byte 8 of the file is 0xff"),
    ],
)
def test_a_list_that_cannot_be_used_is_said_in_one_line(content, message, tmp_path):
    path = write(tmp_path / "names.txt", content)
    with pytest.raises(ValueError, match=message) as raised:
        data.read_items(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    if "not UTF-8" in message:
        assert "Save the file as UTF-8" in str(raised.value)


@pytest.mark.parametrize("content", ["", "To be, or not to be", " " * 500])
def test_a_text_that_is_too_short_is_said_in_one_line(content, tmp_path):
    path = write(tmp_path / "play.txt", content)
    with pytest.raises(ValueError, match=r"play\.txt must be a running text of 100"):
        data.read_text(path)


def test_files_that_are_missing_are_named(tmp_path):
    for read in (data.read_items, data.read_text, data.load_corpus):
        with pytest.raises(FileNotFoundError, match=r"No such file: .*gone\.txt"):
            read(tmp_path / "gone.txt")
    with pytest.raises(FileNotFoundError, match=r"no \.txt file\. Expected a text"):
        data.load_corpus(tmp_path)
    with pytest.raises(ValueError, match="Received a folder"):
        data.read_items(tmp_path)


def test_a_corpus_knows_its_kinds():
    with pytest.raises(ValueError, match='must be "items" or "text"'):
        Corpus(("a",), "names", "x")
    with pytest.raises(ValueError, match=r"Received: 2 items"):
        Corpus(("a", "b"), "text", "x")


# Choosing


def test_a_list_is_found_in_a_folder_and_in_the_folder_above(tmp_path):
    folder = tmp_path / "dinosaur_names"
    folder.mkdir()
    write(folder / "towns.txt", "Ulm\nBath\n")
    write(folder / "notes.md", "no list")
    assert data.load_corpus(folder).items == ("Ulm", "Bath")
    assert data.load_corpus(tmp_path).name == "towns.txt"
    write(folder / "other.txt", "a\nb\n")
    with pytest.raises(ValueError, match=r"several files: other\.txt, towns\.txt"):
        data.load_corpus(tmp_path)
    write(folder / "dinos.txt", "Mei\nMinmi\n")
    assert data.load_corpus(tmp_path).items == ("Mei", "Minmi")
    assert data.load_corpus(folder / "other.txt").items == ("a", "b")


def test_a_running_text_is_asked_for_by_another_argument(tmp_path):
    path = write(tmp_path / "play.txt", SENTENCE * 3)
    assert data.load_corpus(text=path) == data.read_text(path)
    with pytest.raises(ValueError, match="give one of them"):
        data.load_corpus(path, path)
    with pytest.raises(ValueError, match=r"Choose a file in it: play\.txt"):
        data.load_corpus(text=tmp_path)


# The embedded list


def test_the_embedded_names_are_names_of_genera_in_order():
    genera = data.load_genera()
    assert genera.kind == "items" and len(genera.items) > 500
    assert list(genera.items) == sorted(genera.items)
    assert len({name.casefold() for name in genera.items}) == len(genera.items)
    for name in genera.items:
        assert name.isascii() and name.isalpha() and name == name.capitalize(), name
        assert 2 <= len(name) <= 26
    lines = data.EMBEDDED.read_text("utf-8").splitlines()
    assert lines == list(genera.items)  # nothing was dropped or changed
    familiar = {"Tyrannosaurus", "Triceratops", "Stegosaurus", "Diplodocus", "Yi"}
    assert familiar < set(genera.items)
    # Reptiles of those days that are no dinosaurs.
    assert not set(genera.items) & {"Pteranodon", "Dimetrodon", "Plesiosaurus"}


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_course_has_most_of_the_embedded_names_and_twelve_names_twice():
    folder = Path(os.environ["DLAI_DATA"])
    course = data.load_corpus(folder)
    assert course.name == "dinos.txt" and len(course.items) == 1524
    genera = set(data.load_genera().items)
    assert 0.8 < len(genera & set(course.items)) / len(genera) < 1
    text = data.load_corpus(text=folder / "dinosaur_names/tinyshakespeare.txt")
    assert len(text.items[0]) == 1_115_394
    assert len(CharacterVocabulary.of(text.items).characters) == 65


# Splitting


def test_the_parts_are_disjoint_and_hold_everything():
    corpus = data.load_genera()
    parts = data.split_items(corpus, np.random.default_rng(3), 0.2, 0.05)
    sizes = {name: len(part) for name, part in parts.items()}
    assert sizes == {"train": 876, "validation": 58, "test": 234}
    assert sorted(sum(parts.values(), ())) == sorted(corpus.items)
    for part in parts.values():
        assert list(part) == sorted(part)  # the order of the corpus


def test_the_split_depends_on_the_generator_alone():
    def split(seed):
        return data.split_items(data.load_genera(), np.random.default_rng(seed))

    assert split(1) == split(1) != split(2)


def test_spellings_in_upper_and_lower_case_stay_together():
    names = [f"{a}{b}" for a in "abcdefghij" for b in "aeiou"]
    corpus = Corpus((*names, *map(str.upper, names), "Straße", "STRASSE"), "items", "x")
    for seed in range(5):
        parts = data.split_items(corpus, np.random.default_rng(seed), 0.3, 0.3)
        folded = [{item.casefold() for item in part} for part in parts.values()]
        assert sum(map(len, folded)) == len(set.union(*folded)) == 51
        assert sum(map(len, parts.values())) == 102


def test_a_running_text_is_cut_into_its_beginning_middle_and_end():
    text = "".join(chr(33 + number % 90) for number in range(1000))
    parts = data.split_items(Corpus((text,), "text", "x"), None, 0.1, 0.2)
    assert parts["train"] == (text[:700],)
    assert parts["validation"] == (text[700:900],)
    assert parts["test"] == (text[900:],)
    parts = data.split_items(Corpus((text,), "text", "x"), None, 0.1, 0)
    assert parts["validation"] == () and parts["train"] == (text[:900],)


def test_few_items_give_one_to_each_part():
    corpus = Corpus(("a", "b", "c"), "items", "three names")
    parts = data.split_items(corpus, np.random.default_rng(0))
    assert [len(part) for part in parts.values()] == [1, 1, 1]
    all_of_it = data.split_items(corpus, np.random.default_rng(0), 0, 0)
    assert all_of_it == {"train": ("a", "b", "c"), "validation": (), "test": ()}


@pytest.mark.parametrize(
    ("items", "shares", "message"),
    [
        (("a", "b"), (0.1, 0.1), "x has 2 different items, too few"),
        (("a", "A", "b"), (0.1, 0.1), "x has 2 different items"),
        (("a", "b", "c"), (0.5, 0.5), "too few for a test set of 2"),
        (("a", "b", "c"), (1, 0), "`test_share` must be from 0 to below 1"),
        (("a", "b", "c"), (0, -0.1), "`validation_share` must be from 0"),
    ],
)
def test_a_split_that_leaves_nothing_is_refused(items, shares, message):
    with pytest.raises(ValueError, match=message):
        data.split_items(Corpus(items, "items", "x"), np.random.default_rng(0), *shares)
    with pytest.raises(ValueError, match="`rng` must draw"):
        data.split_items(Corpus(("a", "b", "c"), "items", "x"), None)


# Characters


@given(st.lists(st.text(), min_size=1))
def test_what_is_encoded_is_read_back_composed(texts):
    vocabulary = CharacterVocabulary.of(texts)
    for text in texts:
        ids = vocabulary.encode(text, add_end=True)
        composed = unicodedata.normalize("NFC", text)
        assert vocabulary.decode(ids) == composed
        assert ids.index(0) == len(composed) == len(ids) - 1
        assert vocabulary.unknown(text) == ["\ufffd"] * ("\ufffd" in text)


def test_ids_are_the_end_the_unknown_and_then_code_points():
    vocabulary = CharacterVocabulary.of(["banana", "É\n"])
    assert vocabulary.characters == ("\n", "a", "b", "n", "É")
    assert len(vocabulary) == 7
    assert vocabulary.encode("E\u0301a?") == [6, 3, 1]
    assert vocabulary.unknown("what, a nut?") == [*"what, u?".replace("a", "")]
    assert vocabulary.decode([1, 3]) == "\ufffda"
    assert vocabulary.encode("<end>").count(0) == 0
    assert CharacterVocabulary.of("ba") == CharacterVocabulary("ab")


def test_a_vocabulary_comes_back_from_json():
    vocabulary = CharacterVocabulary.of(["Zażółć 恐竜"])
    again = CharacterVocabulary.from_json(vocabulary.to_json())
    assert again == vocabulary and hash(again) == hash(vocabulary)
    assert again != CharacterVocabulary("ab")
    with pytest.raises(ValueError, match="a list of strings of length 1"):
        CharacterVocabulary.from_json("ab")
    with pytest.raises(ValueError, match=r"length 1\. Received: 'ab'"):
        CharacterVocabulary(["ab"])
    with pytest.raises(ValueError, match="Received twice: 'a'"):
        CharacterVocabulary("aba")
    with pytest.raises(ValueError, match="from 0 to 3"):
        CharacterVocabulary("ab").decode([4])
