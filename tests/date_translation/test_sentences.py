"""Sentences come apart and together again, and no test sentence is learned."""

import os
import re
import string
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.date_translation.sentences import (
    Sentence,
    detokenize,
    group_pairs,
    load_pairs,
    split_pairs,
    to_pairs,
    tokenize,
)

FRENCH = {
    "J'ai faim.": "j' ai faim .",
    "J’ai faim\u202f!": "j' ai faim !",
    "Aujourd'hui, c'est l'été.": "aujourd'hui , c' est l' été .",
    "Qu'est-ce que c'est\xa0?": "qu' est -ce que c' est ?",
    "Avez-vous peut-être vu quelqu'un ?": "avez -vous peut-être vu quelqu' un ?",
    "A-t-il dit « lorsqu'elle vient » ?": "a -t-il dit « lorsqu' elle vient » ?",
    "Là-bas, jusqu'à 10\u202f%.": "là-bas , jusqu' à 10 % .",
}
ENGLISH = {
    "I don't know what it's for.": "i do n't know what it 's for .",
    "Tom's can't, won't: I'm sure you'll see!": (
        "tom 's ca n't , wo n't : i 'm sure you 'll see !"
    ),
    "Pay $2.50 or 10,000 at 6:30 p.m. (maybe)...": (
        "pay $ 2.50 or 10,000 at 6:30 p.m. ( maybe ) ..."
    ),
    'He said "no", then "o\'clock".': 'he said " no " , then " o\'clock " .',
    "My T-shirt is old-fashioned.": "my t-shirt is old-fashioned .",
}


@pytest.mark.parametrize(("text", "tokens"), [*FRENCH.items(), *ENGLISH.items()])
def test_words_and_marks_come_apart_as_a_reader_would_have_it(text, tokens):
    assert tokenize(text) == tokens.split()


@pytest.mark.parametrize(
    ("text", "language"),
    [(text, "fr") for text in FRENCH] + [(text, "en") for text in ENGLISH],
)
def test_sentences_come_together_again(text, language):
    plain = re.sub(r"\s", " ", text.replace("’", "'").lower())
    if language == "fr":
        plain = re.sub(r" ?([?!])", r" \1", plain)
    assert detokenize(tokenize(text), language=language) == plain


def test_tokens_do_not_depend_on_how_a_letter_is_encoded():
    assert tokenize("E\u0301te\u0301") == tokenize("Été") == ["été"]
    assert tokenize("po\u00adssible\u200b") == ["possible"]


@given(st.text(), st.sampled_from(["en", "fr"]))
def test_no_text_breaks_it(text, language):
    tokens = tokenize(text)
    assert all(token and not re.search(r"\s", token) for token in tokens)
    joined = detokenize(tokens, language=language)
    assert re.sub(r"\s", "", joined) == "".join(tokens)


@given(st.text(string.printable + "éÇœ«»€–"))
def test_tokens_are_all_that_is_no_space(text):
    assert "".join(tokenize(text)) == re.sub(r"\s", "", text.lower())


SOME_WORDS = ["j'", "ai", "faim", ",", "n'", "est", "-ce", "pas", "?", "aujourd'hui"]
SOME_WORDS += ["tom", "2.50", "-t-il", "peut-être", "«", "»", "...", "!", ".", "%"]


@given(st.lists(st.sampled_from(SOME_WORDS), max_size=12))
def test_a_models_words_are_joined_to_text_with_the_same_letters(tokens):
    text = detokenize(tokens)
    assert "  " not in text
    assert text == text.strip()
    assert text.replace(" ", "") == "".join(tokens)


def test_an_unknown_language_is_said():
    with pytest.raises(ValueError, match='must be "en" or "fr"'):
        detokenize(["a"], language="de")


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_pairs_are_the_first_two_columns_of_every_line(tmp_path):
    content = "\ufeffGo.\tVa !\tCC-BY 2.0\r\n\nRun!\tCours\u202f!\nHi.\tA\u2028b\n"
    expected = [("Go.", "Va !"), ("Run!", "Cours\u202f!"), ("Hi.", "A\u2028b")]
    assert load_pairs(write(tmp_path / "pairs.tsv", content)) == expected
    archive = tmp_path / "fra-eng.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("fra-eng/_about.txt", "About")
        file.writestr("__MACOSX/fra-eng/fra.txt", "no text")
        file.writestr("fra-eng/fra.txt", content)
    assert load_pairs(str(archive)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Go.\tVa !\nno translation\n", "line 2: must be a sentence, a tab"),
        ("Go.\tVa !\n\nRun!\t \n", "line 3: must be a sentence, a tab"),
        (b"Go.\tVa !\nRun!\t\xe9t\xe9\n", "line 2: must be UTF-8"),
        ("\n\n", "must hold one pair at least"),
    ],
)
def test_a_broken_line_is_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as error:
        load_pairs(write(tmp_path / "pairs.txt", content))
    assert str(tmp_path / "pairs.txt") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt, which is no file"):
        load_pairs(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="a zip that is whole"):
        load_pairs(write(tmp_path / "broken.zip", "no zip"))
    for names in [(), ("a.txt", "b.txt")]:
        with zipfile.ZipFile(tmp_path / "several.zip", "w") as file:
            for name in names:
                file.writestr(name, "Go.\tVa !\n")
        with pytest.raises(ValueError, match="must hold one text file"):
            load_pairs(tmp_path / "several.zip")


def made_pairs(num=200):
    """Every third sentence has a second translation, which is long."""
    pairs = []
    for number in range(num):
        source = f"sentence {number}" + " very" * (number % 5) + "."
        pairs.append((source, f"phrase {number}."))
        if number % 3 == 0:
            pairs.append((source.upper(), f"phrase {number}" + " très" * 9))
    return pairs


def test_translations_of_one_sentence_come_together():
    grouped = group_pairs(
        [("Hi.", "Salut !"), ("Go.", "Va !"), ("hi .", "Bonjour."), ("Hi.", "salut !")]
    )
    assert [one.source for one in grouped] == [("hi", "."), ("go", ".")]
    assert grouped[0].references == (("salut", "!"), ("bonjour", "."))
    assert group_pairs([("\u200b", "x"), ("x", "\u200b")]) == []


def test_no_source_sentence_is_in_two_sets_and_none_is_lost():
    pairs = made_pairs()
    splits = split_pairs(
        np.random.default_rng(0), pairs, num_test=30, num_validation=20
    )
    sets = [
        {sentence.source for sentence in one}
        for one in (splits.train, splits.validation, splits.test)
    ]
    assert [len(one) for one in sets] == [150, 20, 30]
    assert len(set.union(*sets)) == 200
    everything = to_pairs(splits.train + splits.validation + splits.test)
    assert sorted(everything) == sorted(
        (tuple(tokenize(source)), tuple(tokenize(target))) for source, target in pairs
    )


def test_references_are_all_translations_and_training_is_short():
    rng = np.random.default_rng(0)
    splits = split_pairs(
        rng, made_pairs(), num_test=30, num_validation=20, max_length=5
    )
    for sentence in splits.test + splits.validation:
        number = int(sentence.source[1])
        assert len(sentence.references) == 1 + (number % 3 == 0)
    assert any(len(sentence.references) == 2 for sentence in splits.test)
    for source, target in to_pairs(splits.train):
        assert max(len(source), len(target)) <= 5
    everything = splits.train + splits.validation + splits.test
    # 3 tokens and up to 4 more: those with up to 2 more are short enough.
    assert len(everything) == 120


def test_the_same_pair_twice_is_one():
    pairs = [("Go.", "Va !"), ("go .", "va\u202f!"), ("Hi.", "Salut !")]
    splits = split_pairs(np.random.default_rng(0), pairs, num_test=0, num_validation=0)
    assert sorted(splits.train, key=str) == [
        Sentence(("go", "."), (("va", "!"),)),
        Sentence(("hi", "."), (("salut", "!"),)),
    ]


def test_the_seed_decides_and_another_one_decides_otherwise():
    def split(seed):
        return split_pairs(
            np.random.default_rng(seed), made_pairs(), num_test=30, num_validation=20
        )

    assert split(0) == split(0)
    assert split(0).test != split(1).test
    assert split(0).train != split(1).train


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_test": -1}, "`num_test` must be 0 or more"),
        ({"num_validation": -5}, "`num_validation` must be 0 or more"),
        ({"max_length": 0}, "`max_length` must be 1 or more"),
        ({"num_test": 150, "num_validation": 50}, "must leave sentences to learn from"),
    ],
)
def test_what_cannot_be_split_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        split_pairs(np.random.default_rng(0), made_pairs(), **options)


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_real_pairs_come_apart_and_together_again():
    pairs = load_pairs(Path(os.environ["DLAI_DATA"], "date_translation/fra-eng.zip"))
    assert len(pairs) == 167_130
    assert pairs[0] == ("Go.", "Va !")
    for side, language in enumerate(["en", "fr"]):
        for pair in pairs[::40]:
            tokens = tokenize(pair[side])
            assert tokenize(detokenize(tokens, language=language)) == tokens
