"""Dates as people write them; babel and the stated rule are the oracles."""

import datetime
import re
import unicodedata

import babel.dates
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.date_translation import formats
from dlai_keras.date_translation.data import (
    COURSE_EXAMPLES,
    LOCALES,
    course_vocabularies,
    is_real,
    load_dates,
    make_dates,
    normalize,
)

ALL = {"locales": LOCALES, "patterns": "all"}


@pytest.fixture(scope="module")
def course_pairs():
    return make_dates(np.random.default_rng(0), 5000)


@pytest.fixture(scope="module")
def all_pairs():
    return make_dates(np.random.default_rng(0), 100_000, **ALL)


@pytest.fixture(scope="module")
def english_and_french():
    """More of these, since some expressions want a certain day."""
    options = {"locales": ("en_US", "fr"), "patterns": "all"}
    return make_dates(np.random.default_rng(1), 20_000, **options)


@pytest.fixture(scope="module")
def typed_pairs():
    """The same dates as the first of `all_pairs`, with typos."""
    return make_dates(np.random.default_rng(0), 5000, **ALL, typos=2)


def read_numbers(text):
    """The stated rule, for texts whose month is a number between signs or spaces."""
    text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    if compact := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text):
        year, month, day = compact.groups()
        return f"{year}-{month}-{day}"
    found = re.search(r"(\d+)(\D+)(\d+)(\D+)(\d+)", text)
    first, sign, second, _, third = found.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    else:
        day, month, year = first, second, third
        if "/" in sign and int(day) <= 12:
            day, month = month, day
    year = int(year)
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return f"{year}-{int(month):02}-{int(day):02}"


def test_course_texts_are_what_babel_formats(course_pairs):
    for pair in course_pairs[:800]:
        date = datetime.date.fromisoformat(pair.iso)
        expected = babel.dates.format_date(date, pair.pattern, locale="en_US")
        assert pair.text == expected.lower().replace(",", "")


def test_the_year_is_the_calendar_year():
    pairs = make_dates(np.random.default_rng(0), 20_000)
    edges = [pair for pair in pairs if pair.iso[5:] in {"12-30", "12-31", "01-01"}]
    assert len(edges) > 50
    for pair in edges:
        assert pair.text.endswith((pair.iso[:4], pair.iso[2:4])), pair


def test_course_texts_need_the_courses_characters_only(course_pairs):
    human, machine = course_vocabularies()
    assert set("".join(pair.text for pair in course_pairs)) <= set(human.tokens)
    assert set("".join(pair.iso for pair in course_pairs)) <= set(machine.tokens)
    assert max(len(pair.text) for pair in course_pairs) <= 30


def test_course_formats_appear_as_often_as_in_the_course(course_pairs):
    counts = {label: 0 for label in formats.COURSE_PATTERNS}
    for pair in course_pairs:
        counts[pair.pattern] += 1
    for label, count in counts.items():
        share = formats.COURSE_PATTERNS.count(label) / 17
        spread = (share * (1 - share) / len(course_pairs)) ** 0.5
        assert abs(count / len(course_pairs) - share) < 4.5 * spread, label


def test_no_text_has_two_dates(all_pairs):
    dates = {}
    for pair in all_pairs:
        assert dates.setdefault(normalize(pair.text), pair.iso) == pair.iso, pair
    assert len(dates) > 90_000


def test_every_date_is_real_and_within_the_years(all_pairs):
    for pair in all_pairs:
        assert is_real(pair.iso) and "1970" <= pair.iso[:4] <= "2024"


def test_texts_are_normalized(all_pairs):
    assert all(normalize(pair.text) == pair.text for pair in all_pairs[:20_000])


def test_numbers_are_read_by_the_stated_rule(all_pairs):
    checked = 0
    for pair in all_pairs:
        patterns = formats.names_of(pair.locale).patterns
        pattern = patterns.get(pair.pattern, pair.pattern)
        if not re.search("MMM|LLL", pattern):
            assert read_numbers(pair.text) == pair.iso, pair
            checked += 1
    assert checked > 30_000


def test_every_locale_and_many_scripts_appear(all_pairs):
    assert {pair.locale for pair in all_pairs} == set(LOCALES) and len(LOCALES) >= 30
    letters = {c for pair in all_pairs[:20_000] for c in pair.text if c.isalpha()}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters}
    assert len(scripts) >= 12
    digits = {c for pair in all_pairs for c in pair.text if c.isdecimal()}
    assert len(digits) == 60  # ASCII and five scripts


@pytest.mark.parametrize(
    "expression",
    [
        r"the \d+rd of \w+ '\d\d",
        r"\d\d-\d\d-\d{4}",
        r"1er \w+ \d{4}",
        r"\d+1th of \w+ \d{4}",
        r"\d{8}",
        r".* n\. chr\.",
        r"\w+ \d+ \w+ \d{4} ad",
        r"\d+ aout \d{2,4}",
        r"[۰-۹]{4}/[۰-۹]{1,2}/[۰-۹]{1,2}",
    ],
)
def test_what_people_write_appears(expression, all_pairs, english_and_french):
    pairs = [*all_pairs, *english_and_french]
    assert any(re.fullmatch(expression, pair.text) for pair in pairs)


def test_one_weekday_in_ten_is_drawn_anew():
    options = {"locales": ["en_GB"], "patterns": "all"}
    pairs = make_dates(np.random.default_rng(0), 20_000, **options)
    names = formats.names_of("en_GB").weekdays["format", "wide"]
    right = []
    for pair in pairs:
        if pair.pattern in {"full", "EEEE d MMMM y", "yMMMMEEEEd"}:
            weekday = datetime.date.fromisoformat(pair.iso).weekday()
            right.append(pair.text.startswith(names[weekday]))
    assert len(right) > 500
    assert abs(np.mean(right) - (1 - 0.1 * 6 / 7)) < 0.04


def test_two_digits_of_a_year_mean_1970_to_2069():
    options = {"locales": ["en_US", "de"], "patterns": "all", "years": (1900, 2100)}
    pairs = make_dates(np.random.default_rng(0), 20_000, **options)
    short = [pair for pair in pairs if pair.iso[:4] not in pair.text]
    assert short and {pair.iso[:4] for pair in short} <= set(
        map(str, range(1970, 2070))
    )
    assert {pair.iso[:4] for pair in pairs} == set(map(str, range(1900, 2101)))


def test_typos_leave_everything_but_letters_as_it_was(all_pairs, typed_pairs):
    def others(text):
        return "".join(c for c in text if not formats.is_letter(c))

    changed = 0
    for right, typed in zip(all_pairs, typed_pairs, strict=False):
        assert (typed.iso, typed.locale, typed.pattern) == (
            right.iso,
            right.locale,
            right.pattern,
        )
        assert others(typed.text) == others(right.text)
        assert (typed.text != right.text) == (typed.typos > 0)
        assert 0 <= typed.typos <= 2 and right.typos == 0
        changed += typed.typos == 2
    assert changed > 2000


def test_mistyped_texts_have_one_date_as_well():
    options = {"locales": ("en_US", "de", "hr", "pl"), "patterns": "all", "typos": 2}
    dates = {}
    for pair in make_dates(np.random.default_rng(0), 6_000, **options):
        assert dates.setdefault(pair.text, pair.iso) == pair.iso, pair


def test_a_set_grows_by_asking_for_more():
    few = make_dates(np.random.default_rng(3), 10, **ALL, typos=1)
    assert make_dates(np.random.default_rng(3), 40, **ALL, typos=1)[:10] == few
    assert make_dates(np.random.default_rng(4), 10, **ALL, typos=1) != few
    rng = np.random.default_rng(3)
    blocks = make_dates(rng, 4, **ALL, typos=1) + make_dates(rng, 6, **ALL, typos=1)
    assert blocks == few
    assert make_dates(rng, 0) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": -1}, "Received: n=-1"),
        ({"patterns": "some"}, "Received: 'some'"),
        ({"typos": -1}, "Received: typos=-1"),
        ({"years": (2001, 2000)}, r"Received: years=\(2001, 2000\)"),
        ({"years": (79, 2000)}, "from 1000 to 9999"),
        ({"locales": ["en_XX"]}, "Received: 'en_XX'"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        make_dates(np.random.default_rng(0), **{"n": 1} | options)


@given(st.dates())
def test_dates_are_real(date):
    assert is_real(date.isoformat())


@pytest.mark.parametrize(
    "text",
    [
        *("1979-05-33", "2001-02-29", "2001-13-01", "2001-1-1", "20010101", ""),
        *("0000-01-01", "2001-01-01\n", " 2001-01-01", "٢٠٠١-٠١-٠١", "2001-W01-1"),
    ],
)
def test_other_texts_are_no_real_dates(text):
    assert not is_real(text)


def test_the_courses_examples_are_real_dates_with_their_characters():
    human, _ = course_vocabularies()
    assert len(COURSE_EXAMPLES) == 8
    for text, iso in COURSE_EXAMPLES:
        assert is_real(iso) and set(normalize(text)) <= set(human.tokens)


def test_course_vocabularies_are_numbered_as_in_the_course():
    human, machine = course_vocabularies()
    characters = sorted(" ./0123456789abcdefghijlmnoprstuvwy")
    assert human.tokens == (*characters, "<unk>", "<pad>")
    assert (len(human), len(machine)) == (37, 11)
    assert machine.tokens == tuple("-0123456789")
    # As the course's `string_to_int` prints it: "3 May 1979" in 30 places.
    ids = human.encode(normalize("3 May 1979"), length=30)
    assert ids[:10].tolist() == [6, 0, 24, 13, 34, 0, 4, 12, 10, 12]
    assert set(ids[10:].tolist()) == {36}
    assert machine.encode("1979-05-03").tolist() == [2, 10, 8, 10, 0, 1, 6, 0, 1, 4]


def test_files_are_read_as_they_are_written(tmp_path):
    file = tmp_path / "dates.tsv"
    file.write_bytes("\ufeff3 May, 1979\t1979-05-03\r\n\n 1 août \t2001-08-01".encode())
    expected = [("3 May, 1979", "1979-05-03"), ("1 août", "2001-08-01")]
    assert load_dates(file) == load_dates(str(file)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\t2001-01-01\nb 2001-01-01\n", "line 2 has 0 tabs.*'b 2001-01-01'"),
        (b"a\tb\t2001-01-01\n", "line 1 has 2 tabs"),
        (b"a\t2001-02-29\n", "line 1: '2001-02-29' is no real date"),
        (b"\n\na\t1/2/2001\n", "line 3: '1/2/2001' is no real date"),
        (b"\t2001-01-01\n", "line 1 has no text"),
        (b"ok\t2001-01-01\nao\xfbt\t2001-08-01\n", r"line 2 is not UTF-8 \(byte 3"),
        (b"", "holds no dates"),
        (b" \n\n", "holds no dates"),
    ],
)
def test_broken_files_are_told_by_line(content, message, tmp_path):
    file = tmp_path / "dates.tsv"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message) as failure:
        load_dates(file)
    assert str(file) in str(failure.value) and "\n" not in str(failure.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file: .*yyyy-mm-dd"):
        load_dates(tmp_path / "none.tsv")
    with pytest.raises(FileNotFoundError):
        load_dates(tmp_path)
