"""How dates are written in many locales; babel's own formatting is the oracle."""

import datetime
import itertools
import re
import subprocess
import sys
import unicodedata

import babel.dates
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.date_translation import formats
from dlai_keras.date_translation.formats import normalize

DATES = [
    datetime.date(2016, 8, 21),
    datetime.date(1979, 12, 31),
    datetime.date(2001, 1, 1),
    datetime.date(1970, 2, 13),
    datetime.date(2024, 10, 30),
]
NUMBER = re.compile(r"\d+")
each_locale = pytest.mark.parametrize("locale", formats.LOCALES)


def written(one, date):
    return "".join(one.write((*date.timetuple()[:3], date.weekday(), (date.day, "th"))))


def distinct(locale, patterns="all"):
    return {one.label: one for one in formats.formats_of(locale, patterns)}.values()


@each_locale
def test_formats_write_what_babel_writes(locale):
    """Days above 12, which the rule leaves as the locale writes them."""
    compared = 0
    for one, date in itertools.product(distinct(locale), DATES):
        if "~" in one.label or date.day <= 12 or date.month not in one.months:
            continue
        pattern = formats.names_of(locale).patterns.get(one.label, one.label)
        if "yy" in pattern and not one.has_short_year:  # its year would be a day
            continue
        expected = normalize(babel.dates.format_date(date, pattern, locale=locale))
        assert written(one, date) == expected, one.label
        compared += 1
    assert compared > 100


@each_locale
def test_babels_four_lengths_and_skeletons_are_all_there(locale):
    names = formats.names_of(locale)
    labels = {one.label for one in distinct(locale)}
    assert {"long", "full"} <= labels
    left_out = set(names.patterns) - labels
    if locale == "fi":
        assert left_out == {"GyMd"}  # CLDR has M.d.y there, by mistake
    elif locale == "vi":
        assert all("E" in names.patterns[label] for label in left_out)  # "th 2"
    else:
        assert not left_out


def test_the_course_has_its_seventeen_formats():
    labels = [one.label for one in formats.formats_of("en_US", "course")]
    assert labels == list(formats.COURSE_PATTERNS) and len(labels) == 17
    date = datetime.date(2008, 12, 30)  # in the first week of 2009
    assert [written(one, date) for one in formats.formats_of("en_US", "course")] == [
        "12/30/08",
        *["dec 30 2008"] * 3,
        "december 30 2008",
        "tuesday december 30 2008",
        "30 dec 2008",
        *["30 december 2008"] * 2,
        "30 dec 2008",
        "30 dec 2008",
        "30 december 2008",
        "30 dec 2008",
        "30 12 08",
        *["december 30 2008"] * 2,
        "30.12.08",
    ]


@each_locale
def test_texts_are_normalized_already(locale):
    for one, date in itertools.product(distinct(locale), DATES):
        text = written(one, date)
        assert normalize(text) == text


@each_locale
def test_every_month_and_year_has_formats(locale):
    for patterns, month, short in itertools.product(
        ("course", "all"), range(1, 13), (False, True)
    ):
        assert formats.usable_formats(locale, patterns, month, short)


def frames():
    """Yields every text with its numbers hidden, and what they and the text mean.

    The day is 7, so that slashes are month first everywhere.
    """
    for locale in formats.LOCALES:
        for one in [*distinct(locale), *distinct(locale, "course")]:
            slips = ("st", "nd", "rd", "th") if "~~" in one.label else ("",)
            weekdays = range(7) if one.has_weekday else (0,)
            for month, weekday, slip in itertools.product(one.months, weekdays, slips):
                pieces = one.write((2016, month, 7, weekday, (7, slip)))
                name = one.month_piece
                if name is not None and not NUMBER.search(pieces[name]):
                    meant = month
                else:
                    meant = None
                    places = (
                        [name]
                        if name is not None
                        else [
                            i
                            for i, piece in enumerate(one.early)
                            if piece[0] == formats.MONTH
                        ]
                    )
                    for place in places:
                        pieces[place] = NUMBER.sub("33", pieces[place])
                plain = [formats.without_marks(piece) for piece in pieces]
                for form in (pieces, plain) if locale in formats.MARKED else (pieces,):
                    yield "".join(form), meant, (locale, one.label, month, weekday)


def test_no_text_of_any_locale_has_two_readings():
    """Every format, month and weekday: the words say the month, the form the order."""
    roles = {"2016": "year", "16": "short year", "33": "month", "7": "day", "07": "day"}
    readings, count = {}, 0
    for text, month, source in frames():
        order = tuple(roles.get(number, number) for number in NUMBER.findall(text))
        frame = NUMBER.sub(lambda m: "####" if len(m[0]) == 4 else "#", text)
        first = readings.setdefault(frame, ((month, order), source))
        assert first[0] == (month, order), (text, source, first)
        count += 1
    assert count > 50_000 and len(readings) > 20_000


def test_a_word_for_two_months_belongs_to_the_first_locale():
    words, taken = formats.month_words()
    assert {(locale, month) for locale, *_, month in taken} == {
        ("hr", 6),  # lip: July in Polish
        ("hr", 7),  # srp: August in Czech
        ("hr", 10),  # lis, listopad: November in Polish and Czech
    }
    expected = {"lip": 7, "srp": 8, "lis": 11, "listopad": 11, "mar": 3, "août": 8}
    assert expected.items() <= words.items()
    for locale in formats.LOCALES:
        for (context, width), names in formats.names_of(locale).months.items():
            for month in range(1, 13):
                if (locale, context, width, month) not in taken:
                    assert words[names[month].rstrip(".")] == month


def test_words_taken_by_another_locale_are_never_written():
    for month, word in ((7, "srp"), (10, "listopad"), (6, "lip")):
        for one in distinct("hr"):
            if month in one.months:
                text = "".join(one.write((2016, month, 7, 0, (7, "th"))))
                assert word not in re.findall(r"[^\W\d]+", text)


@pytest.mark.parametrize(
    ("locale", "label", "day", "text"),
    [
        ("fr", "short", 4, "07/04/1986"),  # month first, whatever the locale
        ("fr", "short", 25, "25/07/1986"),  # which can only be day first
        ("en_US", "short", 4, "7/4/86"),
        ("en_US", "short", 25, "7/25/86"),
        ("de", "short", 4, "04.07.86"),
        ("nl", "short", 4, "04-07-1986"),
        ("ja", "short", 4, "1986/07/04"),
        ("ko", "short", 4, "1986. 7. 4."),  # babel's year has two digits
        ("th", "GyMd", 4, "7/4/ค.ศ. 1986"),
    ],
)
def test_the_rule_orders_day_and_month(locale, label, day, text):
    one = next(one for one in distinct(locale) if one.label == label)
    assert written(one, datetime.date(1986, 7, day)) == text


def test_ordinals_have_the_suffix_of_their_day():
    one = next(one for one in distinct("en_US") if one.label == "'the' d~ 'of' MMMM y")
    texts = [written(one, datetime.date(2001, 3, day)) for day in range(1, 32)]
    special = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    for day, text in enumerate(texts, 1):
        assert text == f"the {day}{special.get(day, 'th')} of march 2001"
    assert formats.ordinal_suffix("fr", 1) == "er"
    assert formats.ordinal_suffix("fr", 2) == ""


def test_own_digits_are_those_of_the_script():
    for locale, digits in {
        "ar": "٠١٢٣٤٥٦٧٨٩",
        "fa": "۰۱۲۳۴۵۶۷۸۹",
        "hi": "०१२३४५६७८९",
        "bn": "০১২৩৪৫৬৭৮৯",
        "th": "๐๑๒๓๔๕๖๗๘๙",
    }.items():
        assert formats.write_as_people_do(locale, ["0123456789"], 0, 1) == [digits]
        assert [unicodedata.digit(digit) for digit in digits] == list(range(10))
        assert formats.write_as_people_do(locale, ["07"], 0.9, 1) == ["07"]
    assert formats.write_as_people_do("ja", ["07"], 0, 1) == ["07"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Saturday, May 9, 2018", "saturday may 9 2018"),
        ("  3\tMay\u00a01979\n", "3 may 1979"),
        ("21 août", "21 août"),  # composed
        ("21 aou\u0302t", "21 août"),  # decomposed
        ("２０１６年８月２１日", "2016年8月21日"),
        ("İyi", "iyi"),
        ("‘79 ’79 `79", "'79 '79 '79"),
        ("الأحد، ٢١", "الأحد ٢١"),
        ("4\u200f/7\u200f/1986", "4/7/1986"),
        ("5 May\u200b 2001\ufeff", "5 may 2001"),
        ("", ""),
    ],
)
def test_normalized_texts(text, expected):
    assert normalize(text) == expected


@given(st.text())
def test_a_normalized_text_stays_the_same(text):
    once = normalize(text)
    assert normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "," not in once and "  " not in once and once == once.strip()


@given(st.text("ABCxyz 0123456789./-"))
def test_on_the_courses_texts_it_is_the_courses_preparation(text):
    text = " ".join(text.split())
    assert normalize(f"{text}") == text.lower().replace(",", "")


def test_names_do_not_depend_on_which_locale_was_asked_for_before():
    """Babel hands Hebrew names to locales that have none of their own, after this."""
    code = """
import babel
from dlai_keras.date_translation import formats
for locale in ("he", "zh", "ja"):
    dict(babel.Locale.parse(locale).months["stand-alone"]["wide"])
    dict(babel.Locale.parse(locale).days["stand-alone"]["abbreviated"])
print([repr(formats.names_of(name)) for name in reversed(formats.LOCALES)])
"""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    here = [repr(formats.names_of(name)) for name in reversed(formats.LOCALES)]
    assert done.stdout.strip() == repr(here)


@pytest.mark.parametrize("locales", [["xx"], [], ["en_US", "en"], ""])
def test_unknown_locales_are_refused_by_name(locales):
    with pytest.raises(ValueError, match="`locales` must be among en_US, en_GB"):
        formats.check_locales(locales)


def test_a_missing_babel_is_one_line_of_advice(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(ImportError, match=r"pip install 'dlai_keras\[dates\]'"):
        formats.parse_locale("en_US")
