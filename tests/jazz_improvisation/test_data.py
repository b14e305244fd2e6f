"""Tunes as tokens, and tokens as tunes."""

import itertools
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.jazz_improvisation import data, midi
from dlai_keras.jazz_improvisation.chords import Chord, chord_at, parse_chords
from dlai_keras.jazz_improvisation.data import Tune
from dlai_keras.jazz_improvisation.midi import Note, Piece

DATA = os.environ.get("DLAI_DATA")
needs_data = pytest.mark.skipif(
    DATA is None, reason="DLAI_DATA is not set: no real MIDI files"
)


@pytest.fixture(scope="module")
def tunes():
    return data.embedded_tunes()


@pytest.fixture(scope="module")
def corpus(tunes):
    return data.encode(tunes)


def line(piece):
    return [
        (note.pitch, round(note.onset * 12), round(note.duration * 12))
        for note in piece.notes
    ]


def test_the_embedded_tunes_are_what_they_say(tunes):
    assert len(tunes) >= 12
    assert len({tune.name for tune in tunes}) == len(tunes)
    assert sum(len(tune.melody.notes) for tune in tunes) > 2000
    assert {tune.style for tune in tunes} == {"swing", "bossa", "ballad"}
    for tune in tunes:
        assert 16 <= tune.melody.num_bars <= 32
        assert tune.chords[-1].end == tune.melody.num_bars * 4
        assert tune.chords[0].onset == 0 and len(tune.chords) >= 3
        pitches = [note.pitch for note in tune.melody.notes]
        assert data.LOW <= min(pitches) <= max(pitches) <= data.HIGH


def test_the_embedded_melodies_are_lines_that_fit_their_chords(tunes):
    for tune in tunes:
        notes = tune.melody.notes
        for one, other in itertools.pairwise(notes):
            assert one.end <= other.onset + 1e-9, tune.name
        kinds = [
            chord_at(tune.chords, note.onset + note.duration / 2).kind(note.pitch)
            for note in notes
        ]
        assert kinds.count("X") <= 0.1 * len(kinds), tune.name


def test_no_tune_is_a_copy_of_another(corpus):
    """Phrases of eight values are nearly all used once."""
    phrases = [
        tuple(tokens[start : start + 8])
        for tokens in corpus.sequences()
        for start in range(len(tokens) - 7)
    ]
    assert len(set(phrases)) > 0.95 * len(phrases)


def test_values_say_kind_duration_and_interval():
    chords = parse_chords("Dm7 G7 | Cmaj7")
    notes = (
        Note(62, 0.0, 1.0),  # the root
        Note(64, 1.0, 1 / 3),  # in the scale
        Note(68, 4 / 3, 1 / 3),  # outside
        Note(69, 5 / 3, 1 / 3),
        Note(59, 2.5, 0.5),  # after a rest; of G7
        Note(64, 3.5, 1.5),  # early: belongs to Cmaj7 already
    )
    assert data.values_of(Tune(Piece(notes), chords)) == [
        "C,1",
        "S,1/3,+2",
        "X,1/3,+4",
        "C,1/3,+1",
        "R,1/2",
        "C,1/2,-10",
        "R,1/2",
        "C,3/2,+5",
    ]


def test_decoding_undoes_encoding(tunes):
    for tune in tunes:
        found = data.decode(
            data.values_of(tune),
            tune.chords,
            start=tune.melody.notes[0].pitch,
            tempo=tune.melody.tempo,
            name=tune.name,
        )
        assert line(found) == line(tune.melody), tune.name
        assert (found.tempo, found.name) == (tune.melody.tempo, tune.name)


def test_values_are_the_same_in_every_key(tunes):
    for tune in tunes[::3]:
        for semitones in (-5, 1, 6):
            assert data.values_of(tune.transposed(semitones)) == data.values_of(tune)


def test_tokens_are_indices_of_sorted_values(tunes, corpus):
    assert list(corpus.values) == sorted(set(corpus.values))
    assert corpus.tokens.dtype == np.int32 and len(corpus) == sum(corpus.lengths)
    assert len(corpus.sequences()) == len(tunes)
    for tune, tokens in zip(tunes, corpus.sequences(), strict=True):
        assert [corpus.values[token] for token in tokens] == data.values_of(tune)
    assert set(corpus.tokens.tolist()) == set(range(len(corpus.values)))


def test_the_embedded_tunes_have_as_many_values_as_the_courses(corpus):
    """The course has 78 or 90, by version."""
    assert 60 <= len(corpus.values) <= 160


def test_known_values_become_what_they_are_and_others_what_is_most_alike(tunes, corpus):
    again = data.encode(tunes[:2], corpus.values)
    assert again.values == corpus.values
    both = np.concatenate(corpus.sequences()[:2])
    np.testing.assert_array_equal(again.tokens, both)

    values = ("C,1", "C,1,+2", "C,1/2,-3", "R,1", "S,1,+2")
    notes = (Note(60, 0.0, 1.0), Note(62, 1.0, 1.0), Note(67, 2.5, 0.5))
    found = data.encode([Tune(Piece(notes), (Chord("C6"),))], values)
    # The rest of an eighth and the leap of five, C,1/2,+5, are unknown. For the leap
    # three semitones and twice the duration count less than eight semitones.
    expected = ["C,1", "S,1,+2", "R,1", "C,1,+2"]
    assert [values[token] for token in found.tokens] == expected


def test_long_rests_keep_their_place_in_the_bar_and_lose_whole_bars():
    notes = (Note(60, 9.0, 1.0), Note(62, 23.5, 9.0))
    values = data.values_of(Tune(Piece(notes), (Chord("C", 0.0, 40.0),)))
    # From bar 3 on; of 13.5 quarters of rest a bar and 1.5; of 9 quarters 4.
    assert values == ["R,1", "C,1", "R,4", "R,3/2", "S,4,+2"]


def test_a_waltz_has_bars_of_three():
    notes = (Note(60, 1.0, 1.0), Note(64, 11.0, 1.0))
    tune = Tune(Piece(notes, meter=(3, 4)), (Chord("C", 0.0, 12.0),))
    assert data.values_of(tune) == ["R,1", "C,1", "R,3", "C,1,+4"]


def test_wide_leaps_lose_octaves():
    notes = (Note(30, 0.0, 1.0), Note(80, 1.0, 1.0), Note(20, 2.0, 1.0))
    values = data.values_of(Tune(Piece(notes), (Chord("C"),)))
    assert [value.split(",")[2] for value in values[1:]] == ["+14", "-24"]


def test_a_lick_over_other_chords_keeps_rhythm_and_kinds(tunes):
    """What was learned over one progression is right over another."""
    other = parse_chords("Ebmaj7 | Fm7 Bb7 | Gm7b5 C7b9 | F#m7 B7 | Emaj7 | Am7 D7")
    values = data.values_of(tunes[0])
    piece = data.decode(values, other)
    durations = [data.duration_of(value) for value in values]
    onsets = np.cumsum([0.0, *durations])[:-1]
    sounding = [
        (onset, value)
        for onset, value in zip(onsets, values, strict=True)
        if value[0] != "R" and onset < 24
    ]
    assert len(piece.notes) == len(sounding)
    right = 0
    for note, (onset, value) in zip(piece.notes, sounding, strict=True):
        assert note.onset == pytest.approx(onset)
        assert data.LOW <= note.pitch <= data.HIGH
        kind = chord_at(other, note.onset + note.duration / 2).kind(note.pitch)
        right += kind == value[0]
    assert right / len(sounding) > 0.97
    assert piece.duration <= 24


def test_the_range_is_kept_whatever_the_values():
    rng = np.random.default_rng(0)
    values = [f"C,1/2,{interval:+d}" for interval in rng.integers(-24, 25, 400)]
    chords = (Chord("F7", 0.0, 200.0),)
    piece = data.decode(values, chords, low=60, high=72)
    assert len(piece.notes) == 400
    assert {note.pitch for note in piece.notes} <= set(range(60, 73))


def test_a_melody_ends_with_its_chords():
    piece = data.decode(["C,3", "C,3,+2", "C,1,+2"], (Chord("C"),))
    assert [note.duration for note in piece.notes] == [3.0, 1.0]
    assert not data.decode(["R,4", "C,1"], (Chord("C"),)).notes


def test_a_triplet_that_breaks_off_does_not_make_the_rest_late():
    values = ["C,1/3", "C,1/3,+4", "C,1/2,-4", "C,1/2,+4", "C,1/3,-4", "R,1/2", "C,1"]
    chords = (Chord("C", 0.0, 8.0),)
    notes = data.decode(values, chords).notes
    found = [(round(note.onset * 12), round(note.end * 12)) for note in notes]
    assert found == [(0, 4), (4, 12), (12, 18), (18, 24), (24, 30), (36, 48)]
    notes = data.decode(values, chords, align=False).notes
    assert [round(note.onset * 12) for note in notes] == [0, 4, 8, 14, 20, 30]


@pytest.mark.parametrize(
    "value", ["C", "Q,1", "C,0", "C,1/5", "C,1/0", "C,1,up", "C,1,+1,+2", "R,x", ""]
)
def test_a_value_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"A value must be C, S, X or R"):
        data.duration_of(value)


def test_durations_are_fractions_of_a_quarter(corpus):
    for value in corpus.values:
        assert data.duration_of(value) == float(Fraction(value.split(",")[1]))


def test_what_cannot_be_encoded_or_decoded_is_said():
    with pytest.raises(ValueError, match="`tunes` must hold a tune"):
        data.encode([])
    with pytest.raises(ValueError, match="'silent' must have notes"):
        data.encode([Tune(Piece((), name="silent"), (Chord("C"),))])
    with pytest.raises(ValueError, match="`chords` must hold a chord"):
        data.decode(["C,1"], ())
    with pytest.raises(ValueError, match="`low` and `high`"):
        data.decode(["C,1"], (Chord("C"),), low=60, high=65)


def test_windows_are_the_definition(corpus):
    """Beside a loop as the course's: what is given is what was said a step before."""
    tokens, num = corpus.tokens[:100], len(corpus.values)
    X, Y = data.windows(tokens, 30, num_values=num, stride=7)
    assert X.shape == (11, 30, num) and Y.shape == (30, 11, num)
    assert X.dtype == Y.dtype == bool
    for i in range(11):
        for t in range(30):
            said = np.zeros(num, bool)
            said[tokens[7 * i + t]] = True
            np.testing.assert_array_equal(Y[t, i], said)
            before = Y[t - 1, i] if t else np.zeros(num, bool)
            np.testing.assert_array_equal(X[i, t], before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], 3), "a window of 3 at least. Received: 2"),
        (([0, 1], 0), "`length` and `stride`"),
        (([0, -1], 2), "from 0 to 0"),
    ],
)
def test_windows_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.windows(*arguments)
    with pytest.raises(ValueError, match=r"from 0 to 1\. Received: from 0 to 2"):
        data.windows(np.array([0, 2]), 2, num_values=2)


@pytest.fixture
def folder(tmp_path):
    """A folder with two MIDI files, one of them broken, and a text."""
    inner = tmp_path / "jazz_improvisation"
    (inner / "more").mkdir(parents=True)
    notes = tuple(Note(60 + step, float(step), 1.0) for step in (0, 2, 4, 5))
    midi.write_midi(inner / "more/a.mid", Piece(notes, markers=((0.0, "C6"),)))
    (inner / "b.mid").write_bytes(b"x")
    (inner / "c.abc").write_text('X:1\nT:Text\nK:C\n"G7" G4 B4 |\n')
    return tmp_path


def test_folders_of_files_are_read(folder):
    with pytest.raises(ValueError, match=r"b\.mid is no MIDI file"):
        data.load_tunes(folder)
    told = []
    for path in (folder, folder / "jazz_improvisation"):
        found = data.load_tunes(path, on_error="skip", skipped=told.append)
        assert [tune.name for tune in found] == ["Text", "a"]
        assert [tune.chords[0].symbol for tune in found] == ["G7", "C6"]
    assert len(told) == 2 and "b.mid" in told[0]


def test_single_files_are_read(folder):
    inner = folder / "jazz_improvisation"
    assert data.load_tunes(inner / "more/a.mid")[0].name == "a"
    assert data.load_tunes(inner / "c.abc")[0].name == "Text"
    assert len(data.load_tunes(data.EMBEDDED)) == len(data.load_tunes())


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or folder"):
        data.load_tunes(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"No tunes in .*\.mid"):
        data.load_tunes(tmp_path)
    with pytest.raises(ValueError, match="`on_error`"):
        data.load_tunes(tmp_path, on_error="ignore")
    (tmp_path / "a.mid").write_bytes(b"x")
    with pytest.raises(ValueError, match="None of the 1 files"):
        data.load_tunes(tmp_path, on_error="skip")


@needs_data
def test_the_courses_solo_becomes_values_and_back():
    path = Path(DATA) / "jazz_improvisation/original_metheny.mid"
    (tune,) = data.load_tunes(path)
    solo = [note for note in tune.melody.notes if 476 <= note.onset < 548]
    first = [replace(note, onset=note.onset - 476) for note in solo]
    chords = [chord for chord in tune.chords if chord.end > 476 and chord.onset < 548]
    moved = tuple(
        replace(chord, onset=max(chord.onset - 476, 0.0), duration=1.0)
        for chord in chords
    )
    moved = (*moved[:-1], replace(moved[-1], duration=100.0))
    values = data.values_of(Tune(Piece(tuple(first)), moved))
    assert 60 <= len(set(values)) <= 130  # the course: 78 or 90
    back = data.decode(values, moved, start=solo[0].pitch, low=40, high=90)
    assert [note.pitch for note in back.notes] == [note.pitch for note in solo]
