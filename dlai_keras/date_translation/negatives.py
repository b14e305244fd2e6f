"""Texts that are no dates, so that a reader learns to say so."""

import calendar
import datetime
import functools
from collections.abc import Iterable
from random import Random

import numpy as np

from dlai_keras.date_translation import formats

PHRASES = (
    *("hello", "how are you?", "see you tomorrow", "call me later", "not today"),
    *("the meeting is on monday", "the third of them", "we may march in august or so"),
    *(
        "as soon as possible",
        "next week",
        "last month",
        "a year ago",
        "to be announced",
    ),
    *("n/a", "none", "null", "unknown", "never", "always", "tbd", "-", "?", "...", ""),
    *("no date", "date of birth", "order number", "total price", "page", "yes", "no"),
    *("guten morgen", "bis später", "ich weiß es nicht", "nächste woche", "kein datum"),
    *("bonjour tout le monde", "à demain", "la semaine prochaine", "je ne sais pas"),
    *("hasta mañana", "no lo sé", "la semana que viene", "buona sera", "a domani"),
    *(
        "até amanhã",
        "tot morgen",
        "vi ses i morgon",
        "nähdään huomenna",
        "do zobaczenia",
    ),
    *("na shledanou", "viszontlátásra", "la revedere", "görüşürüz", "hẹn gặp lại"),
    *(
        "καλημέρα σας",
        "до свидания",
        "на следующей неделе",
        "до побачення",
        "хвала лепо",
    ),
    *("שלום לכם", "مرحبا بك", "إلى اللقاء", "خداحافظ", "नमस्ते", "ধন্যবাদ", "สวัสดี"),
    *(
        "sampai jumpa",
        "また明日",
        "お元気ですか",
        "안녕하세요",
        "다음 주",
        "下星期见",
        "你好",
    ),
    *("ნახვამდის", "ցտեսություն"),
)
UNITS = (
    *("length-kilometer", "length-meter", "mass-kilogram", "volume-liter"),
    *("duration-hour", "duration-minute", "duration-day", "duration-year"),
    *("temperature-celsius", "digital-gigabyte", "speed-kilometer-per-hour"),
)
SIGNS = ("$", "€", "£", "¥", "eur", "usd", "₹")


def make_no_dates(
    rng: np.random.Generator, n: int, *, locales: Iterable[str] = formats.LOCALES
) -> list[str]:
    """Generates texts that are no dates.

    Names of countries, languages and currencies, numbers with units, prices, telephone
    numbers, times, versions, phrases, letters at random; a month without a day, a day
    without a month, both without a year; and dates that do not exist, such as 31 april
    2003 or 1979-13-45. None of them is a date in any order of day and month.

    A larger set begins with the texts of a smaller one from the same seed.

    Args:
        rng: source of the choices.
        n: how many.
        locales: each among `LOCALES`; drawn evenly.

    Returns:
        The texts, normalized. A few are empty.

    Raises:
        ImportError: babel is not installed.
        ValueError: an argument is not as it must be.

    Example:
        >>> make_no_dates(np.random.default_rng(4), 2, locales=["en_US"])
        ['€635.80', 'mon 1980']
    """
    locales = formats.check_locales(locales)
    if n < 0:
        raise ValueError(f"`n` must be 0 or more. Received: n={n}.")
    texts = []
    for seed in rng.integers(2**62, size=n).tolist():
        random = Random(seed)
        locale = _choose(random, locales)
        write = _choose(random, KINDS)
        texts.append(formats.normalize(write(random, locale)))
    return texts


def _choose(random, options):
    return options[int(random.random() * len(options))]


def _number(random, low, high):
    """Returns a whole number from `low` to `high`, both included."""
    return low + int(random.random() * (high - low + 1))


@functools.cache
def _words_of(locale):
    cldr = formats.parse_locale(locale)
    names = [name for code, name in cldr.territories.items() if len(code) == 2]
    names += [*cldr.languages.values(), *cldr.currencies.values()]
    # A number in a name is a span of years, as of a currency.
    return [name for name in names if not any(map(str.isdigit, name))]


@functools.cache
def _units_of(locale):
    """Returns what stands around the number 3 in measures and in spans of time."""
    from babel.dates import format_timedelta
    from babel.units import format_unit

    texts = [format_unit(3, unit, locale=locale) for unit in UNITS]
    for days in (3, 21, 3 * 31, 3 * 366):
        for sign in (-1, 1):
            span = datetime.timedelta(days=days * sign)
            texts.append(
                format_timedelta(span, locale=locale, add_direction=True, threshold=1)
            )
    return [text.split("3", 1) for text in texts if "3" in text]


def _phrase(random, locale):
    return _choose(random, PHRASES)


def _names(random, locale):
    words = _words_of(locale)
    return " ".join(_choose(random, words) for _ in range(_number(random, 1, 2)))


def _amount(random, locale):
    if random.random() < 0.5:
        return f"{_number(random, 0, 3000)} {_choose(random, _words_of(locale))}"
    before, after = _choose(random, _units_of(locale))
    return f"{before}{_number(random, 2, 400)}{after}"


def _price(random, locale):
    point = _choose(random, ".,")
    price = f"{_number(random, 0, 2500)}{point}{_number(random, 0, 99):02}"
    sign = _choose(random, SIGNS)
    return _choose(random, (f"{sign}{price}", f"{price} {sign}", price))


def _telephone(random, locale):
    area, first = _number(random, 200, 989), _number(random, 200, 999)
    last = f"{_number(random, 0, 9999):04}"
    return _choose(
        random,
        (
            f"{first}-{last}",
            f"({area}) {first}-{last}",
            f"{area}-{first}-{last}",
            f"+{_number(random, 1, 99)} {area} {first}{last}",
            f"call me at {first}-{last}",
            f"0{area}/{first}{last}",
        ),
    )


def _time(random, locale):
    hour, minute = _number(random, 0, 23), f"{_number(random, 0, 59):02}"
    half = _choose(random, ("am", "pm"))
    return _choose(
        random,
        (
            f"{hour}:{minute}",
            f"{hour:02}:{minute}:{_number(random, 0, 59):02}",
            f"{hour % 12 or 12} {half}",
            f"{hour % 12 or 12}:{minute} {half}",
            f"at {hour}h{minute}",
            f"{hour}.{minute}",
        ),
    )


def _version(random, locale):
    major, minor, patch = (_number(random, 0, 30) for _ in range(3))
    return _choose(
        random,
        (
            f"v{major}.{minor}.{patch}",
            f"version {major}.{minor}",
            f"{major}.{minor}",
            f"{major}.{minor}.{patch}.{_number(random, 0, 9)}",
            f"{major}.{minor}.{patch}-rc1",
            f"{minor}/{patch}",
            f"{minor}/{patch} of it",
            f"{patch} %",
        ),
    )


def _plain_number(random, locale):
    length = _choose(random, (1, 2, 3, 4, 4, 5, 6, 7, 9, 10, 11, 12))
    number = "".join(str(_number(random, 0, 9)) for _ in range(length))
    return _choose(random, (number, number, f"-{number}", f"no. {number}"))


def _letters(random, locale):
    alphabet = "".join(_choose(random, _words_of(locale)) for _ in range(4))
    if random.random() < 0.5:
        alphabet += "0123456789"
    # Never more than two numbers, and no month by chance.
    text = "".join(
        _choose(random, alphabet) for _ in range(_number(random, 1, 14))
    ).replace(" ", "")
    return text if sum(map(str.isdigit, text)) < 3 else text.strip("0123456789")


def _part_of_date(random, locale):
    """Returns a date that lacks its year, its month or its day."""
    names = formats.names_of(locale)
    months = _choose(random, [*names.months.values()])
    weekdays = _choose(random, [*names.weekdays.values()])
    weekday = _choose(random, weekdays)
    month = months[_number(random, 1, 12)]
    day, year = _number(random, 1, 31), _number(random, 1970, 2024)
    number = _number(random, 1, 12)
    written = [
        f"{day}. {weekday}",
        f"{weekday} {day}",
        weekday,
        f"{year}-{number:02}",
        f"{number}/{year}",
        f"{number:02}.{year}",
        f"{day}.{number}.",
        f"{number}/{day}",
        f"{year}",
        f"{weekday} {year}",
    ]
    if names.has_words:
        written += [
            month,
            f"{day} {month}",
            f"{day}. {month}",
            f"{month} {day}",
            f"{month} {year}",
            f"{year} {month}",
            f"{weekday} {day} {month}",
        ]
    else:
        written += [f"{year}年{number}月", f"{number}月{day}日", f"{number}월 {day}일"]
    if locale.startswith("en"):
        suffix = formats.ordinal_suffix("en", day)
        written += [f"the {day}{suffix}", f"{month} {day}{suffix}"]
        written += [f"the {day}{suffix} of {month}", f"in {month} '{year % 100:02}"]
    return _choose(random, written)


def _impossible(random, locale):
    """Returns a date that does not exist, in any order of day and month."""
    year = _number(random, 1970, 2024)
    usable = formats.usable_formats(locale, "all", _number(random, 1, 12), False)
    one = _choose(random, usable)
    kind = random.random()
    if kind < 0.2 and one.month_piece is None:  # both above 12, whichever is the day
        month, day = _number(random, 13, 99), _number(random, 13, 99)
    else:
        month = _choose(random, sorted(one.months))
        beyond = calendar.monthrange(year, month)[1] + 1
        day = _number(random, beyond, 31) if kind < 0.7 and beyond <= 31 else 0
        if day == 0 and kind < 0.9:
            day = _number(random, 32, 99)
    suffix = formats.ordinal_suffix("en", day)
    values = (year, month, day, _number(random, 0, 6), (day, suffix))
    pieces = one.write(values)
    pieces = formats.write_as_people_do(
        locale, pieces, random.random(), random.random()
    )
    return "".join(pieces)


KINDS = (
    *(_phrase, _names, _names, _amount, _amount, _price, _telephone, _time, _version),
    *(_plain_number, _letters, _part_of_date, _part_of_date, _part_of_date),
    *(_impossible, _impossible, _impossible),
)
