"""What is measured of generated names; a loop over tables is the oracle."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.dinosaur_names import metrics
from dlai_keras.dinosaur_names.data import load_genera

GENERA = load_genera().items
words = st.text("abcé \u0301", max_size=7)


def levenshtein(first, second):
    """Wagner and Fischer's table."""
    table = np.zeros((len(first) + 1, len(second) + 1), int)
    table[:, 0] = range(len(first) + 1)
    table[0] = range(len(second) + 1)
    for i, a in enumerate(first, 1):
        for j, b in enumerate(second, 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (a != b),
            )
    return table[-1, -1]


# Bits


def test_bits_are_nats_by_the_logarithm_of_two():
    assert metrics.bits_per_character(-7 * math.log(27), 7) == pytest.approx(
        4.7549, 1e-4
    )
    assert metrics.bits_per_character(0.0, 1) == 0
    with pytest.raises(ValueError, match="`num_characters` must be 1 or more"):
        metrics.bits_per_character(-1.0, 0)


# Distances


@given(words, st.lists(words, min_size=1, max_size=6))
def test_the_nearest_is_that_of_a_table_for_each(name, names):
    folded = [metrics._folded(one) for one in names]
    distances = [levenshtein(metrics._folded(name), one) for one in folded]
    expected = int(np.argmin(distances))
    assert metrics.nearest(name, names) == (names[expected], distances[expected])


def test_the_nearest_genus_is_found_among_all():
    assert metrics.nearest("TYRANOSAURUS", GENERA) == ("Tyrannosaurus", 1)
    assert metrics.nearest("Triceratops", GENERA) == ("Triceratops", 0)
    name = "Brontodactylus"
    expected = min(levenshtein(name.lower(), other.lower()) for other in GENERA)
    assert metrics.nearest(name, GENERA)[1] == expected
    with pytest.raises(ValueError, match="`names` must hold a name or more"):
        metrics.nearest("Mei", [])


# The rule of what can be spoken


SPOKEN = ["Tyrannosaurus", "Yi", "Pteranodon", "Struthiomimus", "Archaeopteryx", "Aix"]
SPOKEN += ["Schleswig-Holstein", "O'Hara", "Ångström", "New York", "Psittacosaurus"]
UNSPOKEN = ["", "  ", "Brrr", "Tyrannosaurrrus", "Saaaurus", "Tkmsaurus", "Saurustrk"]
UNSPOKEN += ["Xzq", "Aeiouysaurus", "Anklpdon", "Dino5", "Tyra-", "B. rex", "恐竜"]


@pytest.mark.parametrize("name", SPOKEN)
def test_names_that_people_speak_pass(name):
    assert metrics.is_pronounceable(name)


@pytest.mark.parametrize("name", [*UNSPOKEN, "Тиранозавр"])
def test_what_nobody_can_speak_does_not_pass(name):
    assert not metrics.is_pronounceable(name)


def test_the_rule_lets_real_names_pass_and_stops_scrambled_ones():
    rng = np.random.default_rng(0)

    def share(names):
        return np.mean([metrics.is_pronounceable(name) for name in names])

    scrambled = ["".join(rng.permutation([*name.lower()])) for name in GENERA]
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    random = ["".join(rng.choice(letters, len(name))) for name in GENERA]
    # The figures that the docstring states.
    assert share(GENERA) == pytest.approx(0.99, abs=0.005)
    assert share(scrambled) == pytest.approx(0.45, abs=0.03)
    assert share(random) == pytest.approx(0.05, abs=0.02)


# The report


def test_the_report_counts_what_is_new_unique_and_near():
    known = ["Mei", "Minmi", "Gastonia"]
    report = metrics.generation_report(
        ["MEI", "Minmo", "Gastonio", "Minmo", "Xq"], known
    )
    assert report == {
        "new": 4 / 5,
        "unique": 4 / 5,
        "pronounceable": 4 / 5,
        "distance": (0 + 1 + 1 + 1 + 3) / 5,
        "repeated": 0,
    }


def test_names_that_repeat_themselves_are_counted():
    names = ["Saurosauropus", "Saurosaurus", "Rararara", "Sauropus", "Tarataraptor"]
    report = metrics.generation_report(names, ["Mei"])
    assert report["repeated"] == 4 / 5
    of_real_names = metrics.generation_report(GENERA[::3], ["Mei"])["repeated"]
    assert of_real_names < 0.02


def test_other_scripts_are_not_judged():
    report = metrics.generation_report(["Тиранозавр", "Моа"], ["Моа"])
    assert report["pronounceable"] is None
    assert report["new"] == 0.5 and report["distance"] > 0


def test_a_report_needs_names():
    for generated, known in (([], ["Mei"]), (["Mei"], [])):
        with pytest.raises(ValueError, match="must hold a name or more"):
            metrics.generation_report(generated, known)
