"""The script that writes texts and fetches vectors, as a user meets it."""

import functools
import hashlib
import zipfile
from dataclasses import replace

import pytest
import scripted

from data_scripts import word_vectors as script
from dlai_keras import embeddings

failure = functools.partial(scripted.failure, script)

LICENCE = "  1 This software and database is being provided to you\n"
# Of each synset: offset, file, kind, words, pointers, and the definition.
NOUNS = (
    '00000001 03 n 02 dog 0 domestic_dog 0 001 @ 00000002 n 0000 | a pet; "good dog"\n'
    "00000002 03 n 01 animal 0 000 | a living thing\n"
)
ADJECTIVES = (
    "00000003 00 a 01 good 0 001 ! 00000004 a 0101 | not bad\n"
    "00000004 00 s 01 bad(p) 0 000 | not good\n"
)


@pytest.fixture
def wordnet(tmp_path):
    folder = tmp_path / "wordnet"
    folder.mkdir()
    for part, text in (("noun", NOUNS), ("adj", ADJECTIVES), ("verb", ""), ("adv", "")):
        (folder / f"data.{part}").write_text(LICENCE + text, encoding="utf-8")
    return folder


def test_a_text_holds_definitions_relations_and_sentences_once(wordnet, tmp_path):
    pairs = tmp_path / "fra-eng.zip"
    with zipfile.ZipFile(pairs, "w") as archive:
        archive.writestr("fra-eng/_about.txt", "about")
        archive.writestr("fra-eng/fra.txt", "Hi.\tSalut.\nHi.\tCoucou.\nGo!\tVa !\n")
    path = tmp_path / "deep" / "corpus.txt"
    result = script.corpus(wordnet=wordnet, tatoeba=pairs, output=path)
    assert path.read_text("utf-8").splitlines() == [
        'dog, domestic dog: a pet; "good dog"',
        "animal: a living thing",
        "good: not bad",
        "bad: not good",
        "dog is a kind of animal",
        "good not bad",
        "Hi.",
        "Go!",
    ]
    assert (result["wordnet_lines"], result["tatoeba_lines"]) == (6, 2)


def test_shipping_trains_and_keeps_the_words_of_the_sentences(
    wordnet, tmp_path, monkeypatch
):
    pairs = tmp_path / "pairs.txt"
    text = "".join(f"a dog sees cat {row % 7}\tx\n" for row in range(60))
    pairs.write_text(text, encoding="utf-8")
    recipe = {"method": "skip_gram", "dim": 4, "window": 2, "epochs": 1}
    monkeypatch.setattr(script, "RECIPE", recipe)
    monkeypatch.setattr(script, "NUM_WORDS", 5)
    path = tmp_path / "small.npz"
    result = script.ship(wordnet=wordnet, tatoeba=pairs, output=path)
    found = embeddings.read_vectors(path)
    assert result["num_words"] == len(found) and found.dim == 4
    assert {"dog", "sees", "cat"} <= set(found.words)


def test_glove_is_unpacked_and_another_file_refused(tmp_path, web, monkeypatch):
    with zipfile.ZipFile(web.folder / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", "the 1 2\ncat 3 4\n")
    known = script.FILES["glove"]
    checksum = hashlib.sha256((web.folder / known.name).read_bytes()).hexdigest()
    options = {"mirror": web.address, "output": tmp_path / "out"}
    with pytest.raises(ValueError, match=r"glove\.6B\.zip"):
        script.fetch(**options, cache=tmp_path / "a")
    monkeypatch.setitem(script.FILES, "glove", replace(known, checksum=checksum))
    result = script.fetch(**options, cache=tmp_path / "b")
    assert embeddings.read_vectors(result["output"]).words == ("the", "cat")


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    line = failure(capsys, monkeypatch, "corpus", "--wordnet", tmp_path)
    assert "Install Debian's wordnet-base" in line
    line = failure(capsys, monkeypatch, "fetch", "bert")
    assert "`what` must be one of glove" in line
    line = failure(capsys, monkeypatch, "fetch", "--dim", "51")
    assert "`dim` must be one of" in line
