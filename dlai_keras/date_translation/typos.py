"""Slips of the keyboard: in letters only, and never such that the month is lost."""

import functools
import itertools
from dataclasses import dataclass
from random import Random

from dlai_keras.date_translation import formats

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SHORTEST = 3  # letters of a word; shorter ones, such as 年, say which number is which
MOST_IN_MONTH = 2
ATTEMPTS = 12


def _neighbours():
    """Returns each letter's neighbours on a QWERTY keyboard."""
    neighbours = {}
    for row, letters in enumerate(ROWS):
        for column, letter in enumerate(letters):
            near = [(row, column - 1), (row, column + 1)]
            near += [(row - 1, column), (row - 1, column + 1)]
            near += [(row + 1, column - 1), (row + 1, column)]
            neighbours[letter] = "".join(
                ROWS[r][c]
                for r, c in near
                if 0 <= r < len(ROWS) and 0 <= c < len(ROWS[r])
            )
    return neighbours


NEIGHBOURS = _neighbours()


def distance(first: str, second: str) -> int:
    """Edit distance in which a swap of two neighbouring letters is one edit.

    The restricted Damerau-Levenshtein distance (optimal string alignment).

    Args:
        first: a word.
        second: another.

    Returns:
        The smallest number of insertions, deletions, replacements and swaps.

    Example:
        >>> distance("march", "amrch"), distance("march", "mars")
        (1, 2)

    Reference:
        - Boytsov, 2011, "Indexing methods for approximate dictionary searching".
    """
    before, above = None, list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            best = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != other))
            if (
                before is not None
                and j > 1
                and letter == second[j - 2]
                and first[i - 2] == other
            ):
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]


@functools.lru_cache(100_000)
def is_decidable(typed: str, meant: str, month: int) -> bool:
    """Whether a mistyped month is still nearer to its own month than to any other.

    Args:
        typed: what stands there, two typos away from `meant` at most.
        meant: the month's word as it should be.
        month: which it is, 1 to 12.

    Returns:
        True where every word for another month, in every locale, needs more edits than
        the nearest word for this month.

    Example:
        >>> is_decidable("marhc", "march", 3), is_decidable("jun", "jul", 7)
        (True, False)
    """
    near = [(distance(typed, meant), month)]
    for word, its_month in _words_near(typed):
        near.append((distance(typed, word), its_month))
    own = min(edits for edits, its_month in near if its_month == month)
    return all(edits > own for edits, its_month in near if its_month != month)


def add_typos(
    random: Random,
    text: str,
    num_typos: int,
    *,
    month: int | None = None,
    month_span: tuple[int, int] | None = None,
) -> tuple[str, int]:
    """Mistypes letters of a date: two swapped, one dropped, doubled, or its neighbour.

    A neighbour is one on a QWERTY keyboard, for Latin letters. Only words of three
    letters and more are mistyped, the month's by two typos at most and such that it
    still can be told from the other months, and no other word becomes a month.

    Args:
        random: source of the choices.
        text: a date, normalized.
        num_typos: how many.
        month: which month it is, 1 to 12.
        month_span: where its name stands, from and up to; None where it is a number.

    Returns:
        The text and the number of typos: fewer where there is no room for more.

    Example:
        >>> add_typos(Random(3), "3 april 2001", 1, month=4, month_span=(2, 7))
        ('3 arpil 2001', 1)
    """
    runs = _runs(text, month_span)
    applied = 0
    for _ in range(num_typos):
        for _ in range(ATTEMPTS):
            typable = [run for run in runs if run.has_room()]
            if not typable:
                break
            place = int(random.random() * sum(len(run.typed) for run in typable))
            for run in typable:
                if place < len(run.typed):
                    break
                place -= len(run.typed)
            typed = _mistype(random, run.typed, place)
            if typed not in (run.typed, run.meant) and run.allows(typed, month):
                run.typed, run.num_typos = typed, run.num_typos + 1
                applied += 1
                break
    return "".join(run.typed for run in runs), applied


@dataclass
class _Run:
    """A run of letters, or of what are no letters, in a text."""

    meant: str
    is_word: bool
    is_month: bool
    typed: str
    num_typos: int = 0

    def has_room(self):
        full = self.is_month and self.num_typos >= MOST_IN_MONTH
        return self.is_word and len(self.typed) >= SHORTEST and not full

    def allows(self, typed, month):
        if self.is_month:
            return is_decidable(typed, self.meant, month)
        return typed not in formats.month_words()[0]


def _runs(text, month_span):
    runs, start = [], 0
    first, last = month_span or (0, 0)
    for is_word, letters in itertools.groupby(text, formats.is_letter):
        meant = "".join(letters)
        stop = start + len(meant)
        runs.append(_Run(meant, is_word, start < last and first < stop, meant))
        start = stop
    return runs


def _mistype(random, word, place):
    """Returns the word with one typo at, or next to, a place."""
    before, letter, after = word[:place], word[place], word[place + 1 :]
    near = NEIGHBOURS.get(letter, "")
    kind = int(random.random() * (4 if near else 3))
    if kind == 0:
        return before + after
    if kind == 1:
        return before + letter + letter + after
    if kind == 2:
        return before + after[:1] + letter + after[1:]
    return before + near[int(random.random() * len(near))] + after


def _shortened(word):
    """Returns the word with up to two letters left out, in every way."""
    forms, last = {word}, {word}
    for _ in range(MOST_IN_MONTH):
        last = {form[:i] + form[i + 1 :] for form in last for i in range(len(form))}
        forms |= last
    return forms


@functools.cache
def _index():
    """Returns the words for months by what is left of them without up to two letters.

    Two words that are two edits apart have such a rest in common, so that a word is
    compared with a few others only, not with all.
    """
    words = dict(formats.month_words()[0])
    for (
        locale
    ) in formats.LOCALES:  # as they stand in texts, with what is joined to them
        for one in formats.formats_of(locale, "all"):
            for month in one.months if one.month_piece is not None else ():
                pieces = one.write((2000, month, 1, 0, (1, "")))
                first = sum(map(len, pieces[: one.month_piece]))
                span = (first, first + len(pieces[one.month_piece]))
                for run in _runs("".join(pieces), span):
                    if run.is_word and run.is_month and len(run.meant) >= SHORTEST:
                        words.setdefault(run.meant, month)
    index = {}
    for word, month in words.items():
        for form in _shortened(word):
            index.setdefault(form, []).append((word, month))
    return index


def _words_near(typed):
    index = _index()
    return {pair for form in _shortened(typed) for pair in index.get(form, ())}
