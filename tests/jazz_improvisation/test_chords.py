"""Chord symbols and progressions."""

import itertools

import numpy as np
import pytest

from dlai_keras.jazz_improvisation import chords
from dlai_keras.jazz_improvisation.chords import Chord, parse_chords, write_chords

LETTERS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


def pitch_classes(names):
    """What a musician would write: C Eb G, as numbers."""
    return [
        (LETTERS[name[0]] + name.count("#") - name[1:].count("b")) % 12
        for name in names.split()
    ]


@pytest.mark.parametrize(
    ("symbol", "notes"),
    [
        ("C", "C E G"),
        ("Dm7", "D F A C"),
        ("G7", "G B D F"),
        ("Cmaj7", "C E G B"),
        ("CM7", "C E G B"),
        ("CΔ", "C E G B"),
        ("F6", "F A C D"),
        ("Bbm6", "Bb Db F G"),
        ("B♭m6", "Bb Db F G"),
        ("F#m7b5", "F# A C E"),
        ("F♯ø", "F# A C E"),
        ("Bdim7", "B D F Ab"),
        ("Bo7", "B D F Ab"),
        ("G7b9", "G B D F Ab"),
        ("G7(b9)", "G B D F Ab"),
        ("G7♭9", "G B D F Ab"),
        ("E7#9", "E G# B D G"),
        ("C9", "C E G Bb D"),
        ("C13", "C E G Bb D A"),
        ("Caug", "C E G#"),
        ("C+7", "C E G# Bb"),
        ("Gsus", "G C D F"),
        ("Cm", "C Eb G"),
        ("C-7", "C Eb G Bb"),
        ("Cmmaj7", "C Eb G B"),
        ("Ab7#11", "Ab C Gb D"),
        ("C/E", "C E G"),
        ("Cb", "B D# F#"),
    ],
)
def test_a_symbol_has_the_notes_that_musicians_play(symbol, notes):
    assert list(Chord(symbol).tones) == pitch_classes(notes)


def test_every_chord_lies_in_its_scale():
    """Sevenths and alterations too; whole scales begin on the root and rise."""
    for suffix, (tones, scale) in chords.BY_SUFFIX.items():
        assert set(tones) <= set(scale), suffix
        assert list(scale) == sorted(set(scale)) and scale[0] == tones[0] == 0
        assert Chord("Eb" + suffix).tones[0] == 3


def test_the_bass_stands_after_the_slash():
    assert (Chord("C/E").root, Chord("C/E").bass) == (0, 4)
    assert (Chord("Dm7/C").root, Chord("Dm7/C").bass) == (2, 0)
    assert Chord("F#7").bass == 6


def test_kinds_agree_with_tones_and_scale():
    chord = Chord("Dm7")
    kinds = "".join(chord.kind(pitch) for pitch in range(60, 72))
    assert kinds == "CXCXSCXSXCXS"  # C . D . E F . G . A . B


def test_transposition_moves_every_note():
    for symbol in ("Dm7", "G7b9/B", "Ebmaj7", "F#m7b5"):
        chord = Chord(symbol, 2.0, 3.0)
        for semitones in (-13, -1, 0, 5, 12):
            moved = chord.transposed(semitones)
            np.testing.assert_array_equal(
                moved.tones, (np.array(chord.tones) + semitones) % 12
            )
            assert moved.bass == (chord.bass + semitones) % 12
            assert (moved.onset, moved.duration) == (2.0, 3.0)
    assert Chord("G7b9/B").transposed(1).symbol == "Ab7b9/C"


def test_roots_are_written_as_musicians_do():
    minors = [Chord("Dm7").transposed(steps).symbol for steps in (4, 6, -1, 1)]
    assert minors == ["F#m7", "G#m7", "C#m7", "Ebm7"]
    others = [Chord("Dmaj7").transposed(steps).symbol for steps in (4, 6, -1, 1)]
    assert others == ["Gbmaj7", "Abmaj7", "Dbmaj7", "Ebmaj7"]


@pytest.mark.parametrize("symbol", ["", "H7", "Cfoo", "c7", "%", "C/X", "Dm7 G7"])
def test_what_is_no_chord_is_refused_with_examples(symbol):
    with pytest.raises(ValueError, match=r"no chord symbol.*Examples: C, Dm7"):
        Chord(symbol)


def test_times_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="duration=0"):
        Chord("C", 0.0, 0.0)
    with pytest.raises(ValueError, match="onset=-1"):
        Chord("C", -1.0)


def test_a_progression_has_no_gaps():
    progression = parse_chords("| Dm7 G7 | Cmaj7 | % ||\n\nA7 D7 G7 | C\n")
    assert progression[0].onset == 0
    for one, following in itertools.pairwise(progression):
        assert one.end == pytest.approx(following.onset)
    assert progression[-1].end == 20
    assert [c.symbol for c in progression][4:7] == ["A7", "D7", "G7"]
    assert progression[4].duration == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    "text",
    ["Dm7 G7 | Cmaj7 | %", "C", "C | Am7 D7 Gm7 C7 | F", "C Am7 D7 | G7", "C7 | % | %"],
)
def test_writing_undoes_parsing(text):
    assert write_chords(parse_chords(text)) == text
    assert write_chords(parse_chords(text, bar=3.0), bar=3.0) == text


def test_long_chords_are_written_bar_by_bar():
    assert write_chords([Chord("Dm7", 0.0, 10.0), Chord("G7", 10.0, 2.0)]) == (
        "Dm7 | % | Dm7 G7"
    )


@pytest.mark.parametrize("text", ["", "Dm7 | | G7", "% | C", "C %", "|"])
def test_a_bar_without_chords_is_named(text):
    with pytest.raises(ValueError, match=r"Bar \d of the chords must hold chords"):
        parse_chords(text)


def test_the_chord_at_a_time_is_the_last_that_has_begun():
    progression = parse_chords("Dm7 G7 | Cmaj7 | A7 D7 G7")
    rng = np.random.default_rng(0)
    for time in [*rng.uniform(0, 15, 50), *(chord.onset for chord in progression)]:
        naive = [chord for chord in progression if chord.onset <= time][-1]
        assert chords.chord_at(progression, time) == naive
    assert chords.chord_at(progression, -1.0) == progression[0]
    with pytest.raises(ValueError, match="Received none"):
        chords.chord_at((), 0.0)


def test_a_loop_repeats_and_is_cut():
    progression = parse_chords("Dm7 G7 | Cmaj7")
    looped = chords.loop_chords(progression, 21.0)
    assert write_chords(looped[:-1]) == "Dm7 G7 | Cmaj7 | Dm7 G7 | Cmaj7 | Dm7 G7"
    assert (looped[-1].symbol, looped[-1].onset, looped[-1].duration) == (
        "Cmaj7",
        20,
        1,
    )
    assert chords.loop_chords(progression, 8.0) == progression
    with pytest.raises(ValueError, match="`duration`"):
        chords.loop_chords(progression, 0.0)
    with pytest.raises(ValueError, match="`chords`"):
        chords.loop_chords((), 4.0)
