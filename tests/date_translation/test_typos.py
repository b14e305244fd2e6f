"""Slips of the keyboard."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlai_keras.date_translation import formats
from dlai_keras.date_translation.typos import NEIGHBOURS, add_typos, distance
from dlai_keras.date_translation.typos import is_decidable as decidable


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("march", "march", 0),
        ("march", "mrach", 1),
        ("kitten", "sitting", 3),
        ("ca", "abc", 3),  # restricted: 2 where a swapped pair may be edited again
        ("август", "авгсут", 1),
    ],
)
def test_the_distance_equals_published_values(first, second, expected):
    assert distance(first, second) == expected == distance(second, first)


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_the_distance_is_bounded_as_edits_are(first, second, third):
    assert distance(first, second) <= max(len(first), len(second))
    assert distance(first, second) >= abs(len(first) - len(second))
    assert (distance(first, second) == 0) == (first == second)
    assert distance(third + first, third + second) <= distance(first, second)


def test_neighbours_are_mutual_and_near():
    assert set(NEIGHBOURS["g"]) == set("ftyhbv")
    assert set(NEIGHBOURS["q"]) == set("wa")
    for letter, near in NEIGHBOURS.items():
        assert all(letter in NEIGHBOURS[other] for other in near)


def edits(first, second):
    """Damerau and Levenshtein's distance without restriction, Lowrance and Wagner 1975.

    A typo may fall on letters that another has swapped or brought together; the
    restricted distance of the package counts such a pair as three.
    """
    rows, columns = len(first), len(second)
    far = rows + columns
    table = {(-1, -1): far}
    for i in range(rows + 1):
        table[i, -1], table[i, 0] = far, i
    for j in range(columns + 1):
        table[-1, j], table[0, j] = far, j
    seen = {}  # the last row of every letter
    for i, letter in enumerate(first, 1):
        match = 0  # the last column with this row's letter
        for j, other in enumerate(second, 1):
            k, m = seen.get(other, 0), match
            if letter == other:
                match = j
            table[i, j] = min(
                table[i - 1, j - 1] + (letter != other),
                table[i, j - 1] + 1,
                table[i - 1, j] + 1,
                table[k - 1, m - 1] + (i - k - 1) + 1 + (j - m - 1),
            )
        seen[letter] = i
    return table[rows, columns]


def test_a_drop_and_a_swap_at_one_place_are_two_edits():
    assert edits("ca", "abc") == edits("wednesyd", "wednesday") == 2
    assert edits("kitten", "sitting") == distance("kitten", "sitting") == 3
    assert edits("march", "mrach") == 1 and edits("", "abc") == 3


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 5))
@example(seed=1800, num_typos=2)
def test_only_letters_of_words_change(seed, num_typos):
    text = "wednesday 21 september 2016 (8月 the)"
    typed, applied = add_typos(
        Random(seed), text, num_typos, month=9, month_span=(13, 22)
    )
    assert applied == num_typos  # there is room for them

    def others(text):
        return "".join(c for c in text if not c.isalpha() or c in "月")

    assert others(typed) == others(text)
    assert 0 <= edits(typed, text) <= num_typos
    assert (typed != text) == (num_typos > 0)


def brute_force(typed, meant, month):
    words = formats.month_words()[0]
    own = min(
        distance(typed, w) for w in [meant, *words] if words.get(w, month) == month
    )
    others = min(distance(typed, w) for w, its in words.items() if its != month)
    return own < others


def test_decidable_months_are_so_among_all_words():
    """The index of shortened words finds what a comparison with every word finds."""
    random, checked, no = Random(0), 0, 0
    for word, month in [*formats.month_words()[0].items()][::15]:
        if len(word) < 3 or not word.isalpha():
            continue
        for _ in range(2):
            place = int(random.random() * len(word))
            typed = word[:place] + word[place + 1 :]
            expected = brute_force(typed, word, month)
            assert decidable(typed, word, month) == expected, (typed, word)
            checked, no = checked + 1, no + (not expected)
    assert checked > 60 and no > 1


@settings(deadline=None)  # the other words are looked up by brute force
@given(st.integers(0, 10_000), st.sampled_from(["mai", "juin", "jul", "mar", "sept"]))
def test_a_mistyped_month_is_nearer_to_itself_than_to_others(seed, word):
    month = formats.month_words()[0][word]
    span = (2, 2 + len(word))
    text = f"3 {word} 2001"
    typed, applied = add_typos(Random(seed), text, 5, month=month, month_span=span)
    assert applied <= 2  # no other word is there
    typed = typed.split()[1] if applied else word
    assert brute_force(typed, word, month)


def test_no_weekday_becomes_a_month():
    for seed in range(300):
        typed, _ = add_typos(Random(seed), "mat 3/5/2001", 1)
        assert typed.split()[0] not in formats.month_words()[0]


def test_texts_without_words_stay():
    for text in ("2016-08-21", "2016年8月21日", "3 de 5", ""):
        assert add_typos(Random(0), text, 3) == (text, 0)
