"""Texts that are no dates."""

import itertools
import re
import unicodedata
from random import Random

import numpy as np
import pytest

from dlai_keras.date_translation import formats
from dlai_keras.date_translation.data import LOCALES, is_real, make_dates
from dlai_keras.date_translation.negatives import KINDS, make_no_dates

WEEKDAYS = {
    weekday.rstrip(".")
    for locale in LOCALES
    for weekdays in formats.names_of(locale).weekdays.values()
    for weekday in weekdays
}


@pytest.fixture(scope="module")
def texts():
    return make_no_dates(np.random.default_rng(0), 20_000)


def readings(text):
    """Every date that a text's numbers and month words can mean, in any order."""
    text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if compact := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text):
        numbers = [int(number) for number in compact.groups()]
    words = [w for w in re.findall(r"[^\W\d_]+", text) if w in formats.month_words()[0]]
    if len(words) > 1:  # "paz" is Sunday in Turkish, October in Polish without marks
        words = [word for word in words if word not in WEEKDAYS]
    months = {formats.month_words()[0][word] for word in words}
    found = set()
    for year, day in itertools.permutations(numbers, 2):
        if len(numbers) == 2 and (year >= 1000 or "'" in text):
            found |= {f"{year:04}-{month:02}-{day:02}" for month in months}
    if len(numbers) == 3 and not words:
        for year, month, day in itertools.permutations(numbers):
            if year >= 1000:
                found.add(f"{year:04}-{month:02}-{day:02}")
    return {iso for iso in found if is_real(iso)}


def test_readings_finds_dates():
    """The check of the next test sees dates where there are some."""
    pairs = make_dates(np.random.default_rng(0), 300, years=(2000, 2069))
    four = [pair for pair in pairs if pair.iso[:4] in pair.text]
    assert len(four) > 200
    assert all(pair.iso in readings(pair.text) for pair in four)


def test_none_is_a_date_in_any_order(texts):
    for text in texts:
        assert not readings(text), text


def test_none_is_a_text_of_make_dates(texts):
    options = {"locales": LOCALES, "patterns": "all"}
    dates = make_dates(np.random.default_rng(1), 30_000, **options)
    assert not {pair.text for pair in dates} & set(texts)


def test_they_are_normalized_and_various(texts):
    assert all(formats.normalize(text) == text for text in texts)
    assert len(set(texts)) > 12_000
    scripts = {
        unicodedata.name(c, "?").split()[0]
        for text in texts
        for c in text
        if c.isalpha()
    }
    assert {
        *("LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI"),
        *("THAI", "HANGUL", "CJK", "HIRAGANA", "KATAKANA", "GEORGIAN", "ARMENIAN"),
    } <= scripts
    english = make_no_dates(np.random.default_rng(0), 500, locales=["en_US"])
    assert any(re.fullmatch(r".*3[01]\D+\d{4}", text) for text in english)


@pytest.mark.parametrize("kind", sorted(set(KINDS), key=lambda kind: kind.__name__))
def test_every_kind_can_be_made_in_every_locale(kind):
    for locale, seed in itertools.product(LOCALES, range(3)):
        assert isinstance(kind(Random(seed), locale), str)


def test_the_same_seed_gives_the_same_and_more_begin_with_the_fewer():
    few = make_no_dates(np.random.default_rng(5), 20)
    assert make_no_dates(np.random.default_rng(5), 50)[:20] == few
    assert make_no_dates(np.random.default_rng(6), 20) != few
    assert make_no_dates(np.random.default_rng(6), 0) == []


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="Received: n=-1"):
        make_no_dates(np.random.default_rng(0), -1)
    with pytest.raises(ValueError, match="Received: 'xx'"):
        make_no_dates(np.random.default_rng(0), 1, locales=["xx"])
