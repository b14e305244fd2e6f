"""Dates as people write them, each with its ISO form: generated, or read from a file.

How a text is read, whatever its locale, is stated in `formats`: slashes are month
first, dots, hyphens and spaces day first, two-digit years from 70 are 19yy, others
20yy, and a weekday that contradicts the date is ignored. The same text never has two
dates.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from dlai_keras.date_translation import formats, typos
from dlai_keras.date_translation.formats import LOCALES, normalize
from dlai_keras.date_translation.negatives import make_no_dates
from dlai_keras.vocabulary import Vocabulary

__all__ = [
    "COURSE_EXAMPLES",
    "LOCALES",
    "DatePair",
    "course_vocabularies",
    "is_real",
    "load_dates",
    "make_dates",
    "make_no_dates",
    "normalize",
]

PATTERNS = ("course", "all")
COURSE_EXAMPLES = (
    ("3 May 1979", "1979-05-03"),
    ("5 April 09", "2009-04-05"),
    ("21th of August 2016", "2016-08-21"),
    ("Tue 10 Jul 2007", "2007-07-10"),
    ("Saturday May 9 2018", "2018-05-09"),
    ("March 3 2001", "2001-03-03"),
    ("March 3rd 2001", "2001-03-03"),
    ("1 March 2001", "2001-03-01"),
)
FIRST_SHORT, LAST_SHORT = 1970, 2069  # what two digits of a year can mean
CONTRADICTING = 0.1  # share of the weekdays that are drawn anew
SLIPS = ("st", "nd", "rd", "th")


@dataclass(frozen=True)
class DatePair:
    """A date as it is written, and as it is meant.

    Attributes:
        text: as people write it, normalized.
        iso: yyyy-mm-dd.
        locale: whose way of writing it is.
        pattern: which of the locale's patterns.
        typos: how many were made.
    """

    text: str
    iso: str
    locale: str
    pattern: str
    typos: int


def make_dates(
    rng: np.random.Generator,
    n: int,
    *,
    locales: Iterable[str] = ("en_US",),
    patterns: str = "course",
    years: tuple[int, int] = (1970, 2024),
    typos: int = 0,
) -> list[DatePair]:
    """Generates dates as people write them, with their ISO forms.

    `patterns="course"` are the 17 formats of the course, with the calendar year (the
    course has the week's year, wrong around New Year). `patterns="all"` are all of
    babel's with day, month and year: the four lengths and the skeletons, with weekday
    and era; and what people write besides: ordinals, also with a wrong suffix ("21th"),
    '79, two-digit years, digits in many orders, names without their accents, a
    locale's own digits, one weekday in ten that contradicts the date. Two-digit years
    are used from 1970 to 2069 only.

    A larger set begins with the dates of a smaller one from the same seed.

    Args:
        rng: source of the choices.
        n: how many.
        locales: each among `LOCALES`; drawn evenly.
        patterns: "course" or "all".
        years: first and last, of four digits.
        typos: in each text, in letters only; fewer where a text has no letters for it.

    Returns:
        The dates.

    Raises:
        ImportError: babel is not installed.
        ValueError: an argument is not as it must be.

    Example:
        >>> pair = make_dates(np.random.default_rng(0), 1)[0]
        >>> pair.text, pair.iso, pair.pattern
        ('1/12/05', '2005-01-12', 'short')
    """
    locales = formats.check_locales(locales)
    first, last = _check(n, patterns, years, typos)
    first_day = datetime.date(first, 1, 1).toordinal()
    num_days = datetime.date(last, 12, 31).toordinal() - first_day + 1
    # A row a date, so that a date depends on its row alone.
    draws = rng.random((n, 9))
    days = (first_day + (draws[:, 0] * num_days).astype("int64")).tolist()
    return [
        _make_date(datetime.date.fromordinal(day), row, locales, patterns, typos)
        for day, row in zip(days, draws[:, 1:].tolist(), strict=True)
    ]


def _check(n, patterns, years, typos):
    if n < 0:
        raise ValueError(f"`n` must be 0 or more. Received: n={n}.")
    if patterns not in PATTERNS:
        raise ValueError(
            f'`patterns` must be "course" or "all". Received: {patterns!r}.'
        )
    if typos < 0:
        raise ValueError(f"`typos` must be 0 or more. Received: typos={typos}.")
    first, last = years
    if not 1000 <= first <= last <= 9999:
        raise ValueError(
            "`years` must be the first and the last year, from 1000 to 9999. Received: "
            f"years={tuple(years)}."
        )
    return first, last


def _make_date(date, draws, locales, patterns, num_typos):
    where, which, contradicts, other, digits, marks, slip, seed = draws
    locale = locales[int(where * len(locales))]
    is_short = FIRST_SHORT <= date.year <= LAST_SHORT
    usable = formats.usable_formats(locale, patterns, date.month, is_short)
    one = usable[int(which * len(usable))]
    weekday = date.weekday()
    if patterns == "all" and contradicts < CONTRADICTING:
        weekday = int(other * 7)
    suffix = SLIPS[int(slip * len(SLIPS))]
    pieces = one.write((date.year, date.month, date.day, weekday, (date.day, suffix)))
    if patterns == "all":
        pieces = formats.write_as_people_do(locale, pieces, digits, marks)
    text, applied = "".join(pieces), 0
    if num_typos:
        span = None
        if one.month_piece is not None:
            start = sum(map(len, pieces[: one.month_piece]))
            span = (start, start + len(pieces[one.month_piece]))
        text, applied = typos.add_typos(
            Random(int(seed * 2**53)),
            text,
            num_typos,
            month=date.month,
            month_span=span,
        )
    return DatePair(text, date.isoformat(), locale, one.label, applied)


def is_real(iso: str) -> bool:
    """Whether a text is a date that exists, as yyyy-mm-dd.

    Args:
        iso: any text.

    Returns:
        True for real dates.

    Example:
        >>> is_real("2000-02-29"), is_real("1900-02-29"), is_real("1979-05-33")
        (True, False, False)
    """
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", iso):
        return False
    try:
        datetime.date.fromisoformat(iso)
    except ValueError:
        return False
    return True


def load_dates(path: str | Path) -> list[tuple[str, str]]:
    r"""Reads dates from a file with lines of text, tab, yyyy-mm-dd.

    Args:
        path: a file in UTF-8. Blank lines are skipped.

    Returns:
        `(text, iso)` of every line; the text as it stands there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is something else; the message says which.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "dates.tsv"
        ...     _ = file.write_text("3 May 1979\t1979-05-03\n")
        ...     load_dates(file)
        [('3 May 1979', '1979-05-03')]
    """
    path = Path(path)
    layout = "Expected lines of a text, a tab and yyyy-mm-dd"
    if not path.is_file():
        raise FileNotFoundError(f"No such file: {path}. {layout}.")
    pairs = []
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            line = line.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{where} is not UTF-8 (byte {error.start + 1} is "
                f"{line[error.start]:#04x}). Save the file as UTF-8."
            ) from error
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != 2:
            raise ValueError(
                f"{where} has {len(fields) - 1} tabs. {layout}. Received: "
                f"{line[:60]!r}."
            )
        text, iso = fields[0].strip(), fields[1].strip()
        if not text:
            raise ValueError(f"{where} has no text before the tab. {layout}.")
        if not is_real(iso):
            raise ValueError(
                f"{where}: {iso[:40]!r} is no real date of the form yyyy-mm-dd."
            )
        pairs.append((text, iso))
    if not pairs:
        raise ValueError(f"{path} holds no dates. {layout}.")
    return pairs


def course_vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """The vocabularies of the course's model, numbered as its weights want.

    Returns:
        `(human, machine)`: the 37 characters of texts, "<unk>" and "<pad>" the last
        two, and the 11 of ISO dates, the hyphen first.

    Example:
        >>> human, machine = course_vocabularies()
        >>> len(human), human.unknown_id, human.padding_id, "".join(machine.tokens)
        (37, 35, 36, '-0123456789')

    Reference:
        - Course 5, week 3, "Neural machine translation with attention", `load_dataset`.
    """
    human = Vocabulary([*" ./0123456789abcdefghijlmnoprstuvwy", "<unk>", "<pad>"])
    return human, Vocabulary("-0123456789", padding=None, unknown=None)
