"""How dates are written: the names and patterns of many locales, from babel's CLDR.

**How a text is read.** Which date a text means depends on the text alone, never on the
locale that it was written in:

- A month in letters has the same meaning in every locale. Where two locales use one
  word for different months ("srp": August in Czech, July in Croatian), it is the
  month of the one that stands first in `LOCALES`; the other does not use the word.
- A number of four digits is the year; a first number of four digits is followed by
  the month, then by the day. Eight digits are yyyymmdd.
- Other numbers: month/day/year with slashes, day first with dots, hyphens and spaces.
  Where that gives a month above 12, slashes are day/month/year.
- A year of two digits stands last: 70 to 99 are 1970 to 1999, 00 to 69 are 2000 to
  2069.
- A weekday that contradicts the date is ignored.

So a locale that writes 4 July 1986 as 04/07/1986 is made to write 07/04/1986 here, and
its 25/12/1986 stays. Everything that is generated keeps to this, by construction.
"""

import functools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

LOCALES = (
    *("en_US", "en_GB", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb"),
    *("fi", "pl", "cs", "sk", "hu", "ro", "hr", "sl", "et", "lv", "lt"),
    *("tr", "el", "ru", "uk", "bg", "sr", "he", "ar", "fa", "hi", "bn"),
    *("th", "vi", "id", "ja", "ko", "zh", "ka", "hy"),
)
COURSE_PATTERNS = (
    "short",
    *["medium"] * 3,
    "long",
    "full",
    "d MMM y",
    *["d MMMM y"] * 2,
    "dd MMM y",
    "d MMM, y",
    "d MMMM, y",
    "dd, MMM y",
    "d MM yy",
    "MMMM d y",
    "MMMM d, y",
    "dd.MM.yy",
)
TEXT_PATTERNS = (
    "d MMM y",
    "d MMMM y",
    "dd MMM y",
    "dd MMMM y",
    "MMMM d y",
    "MMM d y",
    "y MMMM d",
    "d-MMM-y",
    "d MMM yy",
    "d MMMM yy",
    "MMM d ''yy",
    "d MMMM ''yy",
    "EEE d MMM y",
    "EEEE d MMMM y",
    "EEE MMM d y",
    "EEEE MMMM d y",
    "d MMMM y G",
)
NUMBER_PATTERNS = (
    *("y-MM-dd", "yMMdd", "y/MM/dd", "y.MM.dd", "y MM dd"),
    *("M/d/y", "MM/dd/y", "M/d/yy", "dd/MM/y"),
    *("d.M.y", "dd.MM.y", "d.M.yy", "dd.MM.yy"),
    *("d-M-y", "dd-MM-y", "dd-MM-yy", "d M y", "d MM yy"),
)
# `d~` is the day as an ordinal, `d~~` one with any suffix, as people err.
SPOKEN_PATTERNS = {
    "en": (
        *("MMMM d~ y", "MMM d~ y", "d~ MMMM y", "d~ MMM y", "MMMM 'the' d~ y"),
        *("'the' d~ 'of' MMMM y", "d~ 'of' MMMM y", "EEEE MMMM d~ y"),
        *("d~ 'of' MMMM ''yy", "'the' d~ 'of' MMM ''yy", "EEE 'the' d~ 'of' MMMM y"),
        *("d~~ MMMM y", "d~~ 'of' MMMM y", "MMMM d~~ y"),
    ),
    "de": ("'der' d. MMMM y", "EEEE 'den' d. MMMM y", "d.MMM y"),
    "fr": ("d~ MMMM y", "'le' d~ MMMM y", "EEEE d~ MMMM y"),
    "es": ("d~ 'de' MMMM 'de' y", "d 'de' MMMM 'del' y", "'el' d 'de' MMMM 'de' y"),
    "it": ("d~ MMMM y", "'il' d~ MMMM y"),
    "pt": ("d~ 'de' MMMM 'de' y",),
    "nl": ("d~ MMMM y",),
    "sv": ("'den' d~ MMMM y", "'den' d MMMM y"),
}
# The locales of which CLDR has names of months for use without a day. babel gives
# others, in such a place, the names of whichever locale was asked for before.
NOMINATIVE = ("fi", "pl", "cs", "sk", "hr", "lt", "ru", "uk", "el", "hy")
NOMINATIVE_PATTERNS = ("LLLL d y", "d LLLL y", "y LLLL d")
# Marks may be left out when people write these.
MARKED = (
    *("de", "fr", "es", "it", "pt", "sv", "fi", "pl", "cs", "sk"),
    *("hu", "ro", "hr", "sl", "et", "lv", "lt", "tr", "el", "vi"),
)
ZEROS = {"arab": 0x660, "arabext": 0x6F0, "deva": 0x966, "beng": 0x9E6, "thai": 0xE50}
APOSTROPHES = "\u2018\u2019\u02bc\u00b4`"
COMMAS = ",\u060c\u3001"

YEAR, MONTH, DAY, WEEKDAY, SLIP = range(5)  # places in what a format writes


DOTTED = re.compile("i\u0307+")


def _folding():
    folding = {0xFF01 + index: 0x21 + index for index in range(94)}  # full width
    folding |= {ord(character): "'" for character in APOSTROPHES}
    return folding | {ord(character): None for character in f"{COMMAS}\uff0c"}


FOLDING = _folding()


def normalize(text: str) -> str:
    """The form of a text that is encoded: small letters, no commas, single spaces.

    The course's own preparation (small letters, commas removed), and what texts of
    other scripts need: Unicode's composed form (NFC), full-width characters as
    ordinary ones, one kind of apostrophe, and no characters that are not seen, such as
    marks of direction.

    Args:
        text: any.

    Returns:
        The text; normalized again it stays the same.

    Example:
        >>> normalize(" Saturday,  May 9, 2018")
        'saturday may 9 2018'
        >>> normalize("３ Mayıs ’79")
        "3 mayıs '79"
    """
    if text.isascii():
        return " ".join(text.lower().replace(",", "").replace("`", "'").split())
    text = "".join(c for c in text if c.isascii() or unicodedata.category(c) != "Cf")
    text = unicodedata.normalize("NFC", text).translate(FOLDING).lower()
    text = DOTTED.sub("i", text)  # what small letters make of a Turkish İ
    return " ".join(unicodedata.normalize("NFC", text).split())


def without_marks(text: str) -> str:
    """A text as it is typed by those who leave marks such as accents out.

    Args:
        text: in Latin or Greek letters.

    Returns:
        The text without marks; letters that are not composed, such as ø, stay.

    Example:
        >>> without_marks("août")
        'aout'
    """
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text)
    parts = "".join(c for c in parts if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", parts)


@functools.cache
def is_letter(character: str) -> bool:
    """Whether a character is a letter, or a sign that belongs to one, as in Hindi.

    Args:
        character: one.

    Returns:
        True for letters and combining marks.

    Example:
        >>> is_letter("é"), is_letter("7"), is_letter(".")
        (True, False, False)
    """
    return unicodedata.category(character)[0] in "LM"


@dataclass(frozen=True)
class Names:
    """What a locale calls months, weekdays and eras, normalized.

    Attributes:
        months: by context and width, such as `("format", "wide")`; index 1 to 12.
        weekdays: the same; index 0, Monday, to 6.
        eras: our era, by width.
        zero: code point of the locale's own digit 0, or None.
        prefers_own_digits: whether CLDR writes the locale with its own digits.
        patterns: CLDR's patterns of dates by name: the four lengths and skeletons.
    """

    months: dict[tuple[str, str], tuple[str, ...]]
    weekdays: dict[tuple[str, str], tuple[str, ...]]
    eras: dict[str, str]
    zero: int | None
    prefers_own_digits: bool
    patterns: dict[str, str]

    @property
    def has_words(self):
        """Whether months have names, not numbers as in "8月"."""
        text = "".join(name for names in self.months.values() for name in names)
        return not any(map(str.isdigit, text))


@functools.cache
def names_of(locale: str) -> Names:
    """What a locale calls months, weekdays and eras.

    Args:
        locale: one of `LOCALES`.

    Returns:
        The names.

    Raises:
        ImportError: babel is not installed.

    Example:
        >>> names_of("fr").months["format", "wide"][7:9]
        ('juillet', 'août')
    """
    cldr = parse_locale(locale)
    widths = ("wide", "abbreviated")
    months, weekdays = {}, {}
    for width in widths:
        names = cldr.months["format"][width]
        months["format", width] = ("", *(normalize(names[m]) for m in range(1, 13)))
        for context in ("format", "stand-alone"):
            names = cldr.days[context][width]
            weekdays[context, width] = tuple(normalize(names[d]) for d in range(7))
    if locale in NOMINATIVE:
        names = cldr.months["stand-alone"]["wide"]
        names = ("", *(normalize(names[month]) for month in range(1, 13)))
        months["stand-alone", "wide"] = names
    patterns = {name: str(pattern) for name, pattern in cldr.date_formats.items()}
    patterns |= {
        name: str(pattern)
        for name, pattern in sorted(cldr.datetime_skeletons.items())
        if {"y", "M", "d"} <= set(name) <= set("GyMEcd")
    }
    system = cldr.default_numbering_system
    own = system if system in ZEROS else cldr.other_numbering_systems.get("native")
    return Names(
        months,
        weekdays,
        {
            width: normalize(cldr.eras[width][1])
            for width in ("wide", "abbreviated", "narrow")
        },
        ZEROS.get(own),
        system in ZEROS,
        patterns,
    )


@functools.cache
def month_words() -> tuple[dict[str, int], frozenset[tuple]]:
    """Every word for a month, and the names that other locales had before.

    Returns:
        `(words, taken)`: word (with and without its marks, without a full stop at its
        end) -> month, 1 to 12; and `(locale, context, width, month)` of the names that
        are not used, because in an earlier locale they are another month.

    Example:
        >>> words, taken = month_words()
        >>> words["srp"], ("hr", "format", "abbreviated", 7) in taken
        (8, True)
    """
    words, taken = {}, set()
    for locale in LOCALES:
        for (context, width), names in names_of(locale).months.items():
            for month in range(1, 13):
                plain = names[month].rstrip(".")
                forms = {plain, without_marks(plain) if locale in MARKED else plain}
                if any(words.get(form, month) != month for form in forms):
                    taken.add((locale, context, width, month))
                else:
                    words.update(dict.fromkeys(forms, month))
    return words, frozenset(taken)


@dataclass(frozen=True)
class DateFormat:
    """A pattern of one locale, ready to write dates.

    Attributes:
        label: what babel calls it, or the pattern.
        pieces: literal texts, and fields as `(place, function)`: the function gives
            the text of the value at that place of a date's values.
        early: the pieces for days up to 12, where the rule wants another order.
        months: those that can be written with it.
        month_piece: index of the month's name in `pieces`; None where it is a number.
        has_weekday: whether a weekday is written.
        has_short_year: whether the year is written with two digits.
    """

    label: str
    pieces: tuple
    early: tuple
    months: frozenset[int]
    month_piece: int | None
    has_weekday: bool
    has_short_year: bool

    def write(self, values: tuple) -> list[str]:
        """The pieces of a date's text, which together are normalized.

        Args:
            values: year, month, day, weekday (Monday is 0), and `(day, slip)`, with
                the ordinal suffix that `d~~` takes.

        Returns:
            Texts, as many as `pieces`.

        Example:
            >>> full = formats_of("de", "course")[5]
            >>> "".join(full.write((1986, 7, 4, 4, (4, "th"))))
            'freitag 4. juli 1986'
        """
        pieces = self.early if values[DAY] <= 12 else self.pieces
        return [p if type(p) is str else p[1](values[p[0]]) for p in pieces]


def check_locales(locales) -> tuple[str, ...]:
    """The locales, each of which must be known.

    Args:
        locales: names, such as `("en_US", "fr")`, or one.

    Returns:
        The names.

    Raises:
        ValueError: one is not known, or there is none.

    Example:
        >>> check_locales(["fr", "ja"])
        ('fr', 'ja')
    """
    locales = (locales,) if isinstance(locales, str) else tuple(locales)
    for locale in locales or ("",):
        if locale not in LOCALES:
            raise ValueError(
                f"`locales` must be among {', '.join(LOCALES)}. Received: {locale!r}."
            )
    return locales


@functools.cache
def formats_of(locale: str, patterns: str) -> tuple[DateFormat, ...]:
    """The formats that a locale's dates are written in.

    Args:
        locale: one of `LOCALES`.
        patterns: "course" for the 17 of the course, some more than once; "all" for
            every pattern of babel's with day, month and year, and those that people
            use besides.

    Returns:
        The formats. Those that the rule forbids in this locale are not among them.

    Example:
        >>> len(formats_of("en_US", "course"))
        17
    """
    names = names_of(locale)
    if patterns == "course":
        labels = COURSE_PATTERNS
    else:
        language = locale.partition("_")[0]
        words = TEXT_PATTERNS + (NOMINATIVE_PATTERNS if locale in NOMINATIVE else ())
        labels = (
            *names.patterns,
            *(words if names.has_words or locale == "vi" else ()),
            *SPOKEN_PATTERNS.get(language, ()),
            *NUMBER_PATTERNS,
        )
    found = [
        _compile(locale, label, names.patterns.get(label, label)) for label in labels
    ]
    return tuple(filter(None, found))


@functools.cache
def usable_formats(
    locale: str, patterns: str, month: int, short_years: bool
) -> tuple[DateFormat, ...]:
    """The formats that can write a date of this month.

    Args:
        locale: one of `LOCALES`.
        patterns: as `formats_of`.
        month: 1 to 12.
        short_years: whether the year may have two digits.

    Returns:
        At least one format.

    Example:
        >>> {one.label for one in usable_formats("lt", "course", 5, False)} >= {"full"}
        True
    """
    return tuple(
        one
        for one in formats_of(locale, patterns)
        if month in one.months and (short_years or not one.has_short_year)
    )


def parse_locale(locale: str):
    """What babel knows of a locale.

    Args:
        locale: such as "en_US".

    Returns:
        A `babel.Locale`.

    Raises:
        ImportError: babel is not installed.

    Example:
        >>> parse_locale("fr").languages["en"]
        'anglais'
    """
    return _babel().Locale.parse(locale)


def _babel():
    try:
        import babel
        import babel.dates
    except ModuleNotFoundError as error:
        raise ImportError(
            "dates are written with the package babel, which is not installed. "
            "Install it with: pip install 'dlai_keras[dates]'"
        ) from error
    return babel


def _compile(locale, label, pattern):
    """Returns a pattern as a format, or None where the rule leaves no room for it."""
    tokens = [*_babel().dates.tokenize_pattern(pattern)]
    fields = [value for kind, value in tokens if kind == "field"]
    order = "".join(letter for letter, _ in fields if letter in "yMLd")
    month_letter, month_width = next(f for f in fields if f[0] in "ML")
    is_number = month_width < 3
    short = ("y", 2) in fields
    if short and order[0] == "y":  # its year could be taken for a day
        tokens = [
            (kind, ("y", 1) if value == ("y", 2) else value) for kind, value in tokens
        ]
        short = False
    early = tokens
    if is_number and order[0] != "y":
        first, second = (
            index
            for index, (kind, value) in enumerate(tokens)
            if kind == "field" and value[0] in "Md"
        )
        has_slash = any("/" in str(value) for _, value in tokens[first:second])
        if order == "Mdy" and not has_slash:
            return None
        if order == "dMy" and has_slash:
            early = [*tokens]
            early[first] = ("field", ("M", tokens[first][1][1]))
            early[second] = ("field", ("d", tokens[second][1][1]))
    if (is_number and order not in {"yMd", "dMy", "Mdy"}) or (
        short and order[-1] != "y"
    ):
        return None
    pieces = _pieces(locale, tokens)
    has_weekday = any(letter in "Ec" for letter, _ in fields)
    if has_weekday and any(
        character.isdigit()
        for piece in pieces
        if type(piece) is tuple and piece[0] == WEEKDAY
        for character in piece[1](0)
    ):  # a number that is neither day nor month nor year
        return None
    months = frozenset(range(1, 13))
    month_piece = None
    if not is_number:
        place = (
            "stand-alone" if month_letter == "L" else "format",
            _width(month_width),
        )
        months -= {
            month for month in months if (locale, *place, month) in month_words()[1]
        }
        month_piece = next(i for i, piece in enumerate(pieces) if piece[0] == MONTH)
    return DateFormat(
        label,
        pieces,
        pieces if early is tokens else _pieces(locale, early),
        months,
        month_piece,
        has_weekday,
        short,
    )


def _width(count):
    return {3: "abbreviated", 4: "wide", 5: "narrow"}.get(count, "abbreviated")


def _pieces(locale, tokens):
    """Returns literals and fields such that what they write together is normalized."""
    pieces: list = []
    literal = ""
    for index, (kind, value) in enumerate(tokens):
        if kind == "chars":
            literal += value
            continue
        following = tokens[index + 1 : index + 2]
        tildes = 0
        if value[0] == "d" and following and following[0][0] == "chars":
            text = following[0][1]
            tildes = len(text) - len(text.lstrip("~"))
        pieces += [literal.lstrip("~"), _field(locale, *value, tildes)]
        literal = ""
    pieces.append(literal.lstrip("~"))
    texts = [_tidy(piece) if type(piece) is str else piece for piece in pieces]
    texts[0], texts[-1] = texts[0].lstrip(), texts[-1].rstrip()
    return tuple(piece for piece in texts if piece)


def _tidy(literal):
    """Returns a literal normalized, with the spaces at its ends."""
    return normalize(f"|{literal}|")[1:-1]


def _field(locale, letter, count, tildes) -> tuple[int, Callable]:
    names = names_of(locale)
    if letter == "y":
        return YEAR, (lambda year: f"{year % 100:02}") if count == 2 else str
    if letter == "G":
        era = names.eras[{4: "wide", 5: "narrow"}.get(count, "abbreviated")]
        return YEAR, lambda year: era
    if letter in "Ec":
        context = "format" if letter == "E" else "stand-alone"
        return WEEKDAY, names.weekdays[context, _width(count)].__getitem__
    if letter in "ML" and count >= 3:
        context = "format" if letter == "M" else "stand-alone"
        return MONTH, names.months[context, _width(count)].__getitem__
    if letter == "d" and tildes:
        language = locale.partition("_")[0]
        if tildes == 2:
            return SLIP, lambda pair: f"{pair[0]}{pair[1]}"
        return DAY, lambda day: f"{day}{ordinal_suffix(language, day)}"
    if letter not in "Md" or count > 2:
        raise ValueError(f"The pattern letter {letter * count} is not known.")
    numbers = tuple(f"{number:0{count}}" for number in range(100))
    return (DAY if letter == "d" else MONTH), numbers.__getitem__


def ordinal_suffix(language: str, day: int) -> str:
    """What makes the number of a day an ordinal.

    Args:
        language: such as "en".
        day: 0 or more.

    Returns:
        The suffix; empty where the language writes this day as a plain number.

    Example:
        >>> [ordinal_suffix("en", day) for day in (1, 12, 22)], ordinal_suffix("fr", 1)
        (['st', 'th', 'nd'], 'er')
    """
    if language == "en":
        special = {1: "st", 2: "nd", 3: "rd"}
        return "th" if day // 10 == 1 else special.get(day % 10, "th")
    if language == "sv":
        return ":a" if day % 10 in {1, 2} and day // 10 != 1 else ":e"
    if language == "nl":
        return "e"
    first = {"fr": "er", "es": "º", "it": "º", "pt": "º"}.get(language, "")
    return first if day == 1 else ""


def write_as_people_do(
    locale: str, pieces: list[str], digits: float, marks: float
) -> list[str]:
    """Some texts in the locale's own digits, and some without marks on the letters.

    Args:
        locale: whose text it is.
        pieces: of the text.
        digits: from 0 to 1, which texts get other digits: the lower half in locales
            that prefer their own digits, an eighth where they have some.
        marks: from 0 to 1; the lowest 6 % lose their marks, in Latin and Greek letters.

    Returns:
        The pieces.

    Example:
        >>> write_as_people_do("fa", ["21"], 0.3, 0.5)
        ['۲۱']
    """
    names = names_of(locale)
    if names.zero is not None and digits < (0.5 if names.prefers_own_digits else 0.125):
        own = {ord("0") + digit: names.zero + digit for digit in range(10)}
        return [piece.translate(own) for piece in pieces]
    if locale in MARKED and marks < 0.06:
        return [without_marks(piece) for piece in pieces]
    return pieces
