"""What a performance means: its melody, its grid, its chords."""

import itertools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.jazz_improvisation import data, improvisation, midi, transcription
from dlai_keras.jazz_improvisation.chords import (
    Chord,
    chord_at,
    parse_chords,
    write_chords,
)
from dlai_keras.jazz_improvisation.midi import Note, Piece

DATA = os.environ.get("DLAI_DATA")
needs_data = pytest.mark.skipif(
    DATA is None, reason="DLAI_DATA is not set: no real MIDI files"
)


@pytest.fixture(scope="module")
def tunes():
    return data.embedded_tunes()


@pytest.fixture(scope="module")
def bands(tunes):
    """Every tune as three players play it, without markers."""
    return [
        replace(
            improvisation.arrange(
                tune.melody, tune.chords, style=tune.style, swing_ratio=0.5
            ),
            markers=(),
        )
        for tune in tunes
    ]


def played(rng, piece, spread=0.03):
    """The same notes as a person plays them: a little early, late, short."""
    return piece.with_notes(
        replace(
            note,
            onset=max(note.onset + rng.uniform(-spread, spread), 0.0),
            duration=note.duration * rng.uniform(0.75, 0.98),
        )
        for note in piece.notes
    )


def line(piece):
    return [(note.pitch, round(note.onset * 12)) for note in piece.notes]


def test_the_melody_is_found_among_the_band(tunes, bands):
    for tune, band in zip(tunes, bands, strict=True):
        melody = transcription.split_melody(band)
        assert line(melody) == line(tune.melody), tune.name
        assert melody.channels == (0,)


def test_the_melody_is_found_whatever_its_channel(bands):
    for channel in (3, 7):
        moved = bands[0].with_notes(
            replace(note, channel=channel if note.channel == 0 else note.channel)
            for note in bands[0].notes
        )
        assert line(transcription.split_melody(moved)) == line(
            transcription.split_melody(bands[0])
        )


def test_the_highest_voice_of_one_player_is_the_melody(tunes):
    """The right hand plays the tune, the left hand an octave and more below."""
    tune = tunes[0]
    left = [
        Note(40 + degree, bar * 4.0, 4.0)
        for bar in range(tune.melody.num_bars)
        for degree in (0, 4)
    ]
    hands = Piece(tune.melody.notes + tuple(left))
    assert line(transcription.split_melody(hands)) == line(tune.melody)


def test_without_notes_there_is_no_melody():
    for function in (transcription.split_melody, transcription.chords_of):
        with pytest.raises(ValueError, match="`piece` must have notes"):
            function(Piece(()))


def test_what_is_on_the_grid_stays(tunes):
    for tune in tunes:
        moved = transcription.quantize(tune.melody)
        assert line(moved) == line(tune.melody)
        assert [round(note.duration * 12) for note in moved.notes] == [
            round(note.duration * 12) for note in tune.melody.notes
        ]


def test_a_performance_is_brought_back_to_the_grid(tunes):
    rng = np.random.default_rng(0)
    right = total = 0
    for tune in tunes:
        moved = transcription.quantize(played(rng, tune.melody))
        right += len(set(line(moved)) & set(line(tune.melody)))
        total += len(tune.melody.notes)
    assert right / total > 0.99


def test_grids_differ_from_quarter_to_quarter():
    onsets = (0.0, 0.26, 0.49, 0.76, 1.02, 1.34, 1.65, 2.0, 2.16, 2.33, 2.5, 2.66, 2.84)
    notes = tuple(Note(60 + i, onset, 0.1) for i, onset in enumerate(onsets))
    found = [note.onset * 12 for note in transcription.quantize(Piece(notes)).notes]
    expected = [0, 3, 6, 9, 12, 16, 20, 24, 26, 28, 30, 32, 34]
    np.testing.assert_allclose(found, expected)


def test_notes_are_kept_apart_rather_than_on_the_simplest_grid():
    """Both 0.2 and 0.3 are nearest to a fourth."""
    notes = tuple(Note(60 + i, onset, 0.1) for i, onset in enumerate((0.0, 0.2, 0.3)))
    found = [note.onset * 12 for note in transcription.quantize(Piece(notes)).notes]
    np.testing.assert_allclose(found, [0, 2, 4])


def test_quantizing_twice_changes_nothing(bands):
    rng = np.random.default_rng(1)
    once = transcription.quantize(played(rng, bands[4], 0.05))
    assert transcription.quantize(once) == once


def test_gaps_of_articulation_are_closed_and_rests_stay():
    notes = (Note(60, 0.0, 0.8), Note(62, 1.0, 0.4), Note(64, 3.0, 0.9))
    tune = transcription.tune_of(Piece(notes))
    assert [note.duration for note in tune.melody.notes] == [1.0, 0.5, 1.0]


def test_chords_of_a_band_are_found(tunes, bands):
    """A third of the symbols stand beside another in their bar."""
    root = third = total = 0
    for tune, band in zip(tunes, bands, strict=True):
        found = transcription.chords_of(band)
        for beat in np.arange(0.5, tune.chords[-1].end, 1.0):
            true, heard = chord_at(tune.chords, beat), chord_at(found, beat)
            same = true.root == heard.root
            root += same
            third += same and is_minor(true) == is_minor(heard)
            total += 1
    assert root / total > 0.8
    assert third / total > 0.75


def is_minor(chord):
    return (chord.root + 3) % 12 in chord.tones


@pytest.mark.parametrize("symbol", ["Cmaj7", "Eb7", "F#m7", "Bm7b5", "Abdim7"])
def test_a_plain_chord_is_found_in_every_voicing(symbol):
    chord = Chord(symbol)
    for inversion in range(4):
        upper = chord.tones[inversion:] + chord.tones[:inversion]
        notes = [Note(36 + chord.bass, 0.0, 4.0)]
        notes += [Note(60 + tone, 0.0, 4.0) for tone in upper]
        (found,) = transcription.chords_of(Piece(tuple(notes)))
        assert found.tones == chord.tones
        assert (found.onset, found.duration) == (0.0, 4.0)


def blocks(text, channel=0):
    """A progression as chords of whole length, the root below."""
    return tuple(
        Note(pitch, chord.onset, chord.duration, channel=channel)
        for chord in parse_chords(text)
        for pitch in (36 + chord.root, *(60 + tone for tone in chord.tones))
    )


def test_two_chords_in_a_bar_are_two():
    text = "Dm7 G7 | Cmaj7 | F#m7b5 B7 | Em7"
    assert write_chords(transcription.chords_of(Piece(blocks(text)))) == text


def test_the_melody_says_little_about_the_chords():
    """A line of notes that short chords do not have, an arpeggio of E major."""
    pitches = (76, 80, 83, 88)
    melody = tuple(Note(pitches[i % 4], i / 2, 0.5) for i in range(16))
    chords = tuple(
        replace(note, duration=1.0) for note in blocks("Dm7 | Ebmaj7", channel=1)
    )
    piece = Piece(chords + melody)
    assert write_chords(transcription.chords_of(piece)) == "Dm7 | Ebmaj7"


def test_markers_that_are_chords_are_believed(tunes):
    tune = tunes[3]
    band = improvisation.arrange(tune.melody, tune.chords)
    assert write_chords(transcription.chords_of(band)) == write_chords(tune.chords)


@pytest.mark.parametrize("texts", [("A", "B"), ("Intro", "Dm7")])
def test_markers_that_name_parts_are_not_chords(texts):
    notes = tuple(Note(48 + tone, 0.0, 8.0) for tone in (2, 5, 9, 12))
    markers = tuple(zip((0.0, 4.0), texts, strict=True))
    (found,) = transcription.chords_of(Piece(notes, markers=markers))
    assert found.symbol == "Dm7" and found.duration == 8.0


def test_silence_keeps_the_chord_before():
    chord = tuple(Note(48 + tone, 4.0, 4.0) for tone in (2, 5, 9, 12))
    piece = Piece((*chord, Note(43, 16.0, 4.0), Note(59, 16.0, 4.0), Note(65, 16.0, 4)))
    assert write_chords(transcription.chords_of(piece)) == "Dm7 | % | % | % | G7"


@needs_data
def test_the_guitar_plays_the_courses_solo():
    """The course takes the guitar's 192 notes from quarter 476 to 548."""
    piece = midi.read_midi(Path(DATA) / "jazz_improvisation/original_metheny.mid")
    tune = transcription.tune_of(piece)
    assert tune.melody.programs == ((0, 26),)
    solo = [note for note in tune.melody.notes if 476 <= note.onset < 548]
    assert len(solo) == 192
    played = np.array([note.onset for note in piece.notes if note.channel == 5])
    moves = [np.abs(played - note.onset).min() for note in solo]
    assert np.median(moves) < 0.03
    assert all(one.end <= other.onset + 1e-6 for one, other in itertools.pairwise(solo))
