"""Solos made clean, accompanied and swung."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dlai_keras.jazz_improvisation import data, improvisation
from dlai_keras.jazz_improvisation.chords import Chord, chord_at, parse_chords
from dlai_keras.jazz_improvisation.improvisation import BASS, COMPING, MELODY
from dlai_keras.jazz_improvisation.midi import Note, Piece
from dlai_keras.jazz_improvisation.notation import STYLES

CHANGES = parse_chords(
    "Dm7 | G7 | Cmaj7 | A7b9 | Dm7 G7 | Em7 A7b9 | Fm7 Bb7 Ebmaj7 D7 | C6 | % | %"
)
each_style = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(scope="module")
def tunes():
    return data.embedded_tunes()


def drawn_melody(seed, num=60):
    """Any notes at any time, as a network that learned nothing would draw."""
    rng = np.random.default_rng(seed)
    return Piece(
        tuple(
            Note(
                int(rng.integers(58, 82)),
                float(rng.uniform(0, 38)),
                float(rng.uniform(0.05, 3)),
            )
            for _ in range(num)
        )
    )


def on_channel(piece, channel):
    return [note for note in piece.notes if note.channel == channel]


@pytest.mark.parametrize("seed", range(5))
def test_a_polished_melody_is_what_it_says(seed):
    clean = improvisation.polish(drawn_melody(seed), CHANGES)
    assert len(clean.notes) > 20
    for one, other in itertools.pairwise(clean.notes):
        assert one.end <= other.onset + 1e-9
    for note in clean.notes:
        # On fourths, thirds or sixths of a quarter.
        step = note.onset * 12
        assert step == pytest.approx(round(step)) and round(step) % 12 not in (
            1,
            5,
            7,
            11,
        )
        kind = chord_at(CHANGES, note.onset + note.duration / 2).kind(note.pitch)
        if note.onset % 2 == 0 or note.duration >= 1:
            assert kind != "X"
    for three in zip(clean.notes, clean.notes[1:], clean.notes[2:], strict=False):
        assert len({note.pitch for note in three}) > 1
    last = clean.notes[-1]
    assert chord_at(CHANGES, last.onset + last.duration / 2).kind(last.pitch) == "C"


@pytest.mark.parametrize("seed", range(5))
def test_polishing_twice_changes_nothing(seed):
    once = improvisation.polish(drawn_melody(seed), CHANGES)
    assert improvisation.polish(once, CHANGES) == once


def test_good_melodies_are_left_nearly_as_they_are(tunes):
    kept = total = 0
    for tune in tunes:
        clean = improvisation.polish(tune.melody, tune.chords)
        after = {(note.pitch, round(note.onset * 12)) for note in clean.notes}
        before = {(note.pitch, round(note.onset * 12)) for note in tune.melody.notes}
        kept += len(after & before)
        total += len(before)
    assert kept / total > 0.98


def test_overlaps_end_where_the_next_note_begins():
    notes = (Note(60, 0.0, 4.0), Note(55, 0.0, 1.0), Note(62, 2.0, 1.0))
    found = improvisation.remove_overlaps(Piece(notes)).notes
    assert [(note.pitch, note.duration) for note in found] == [(60, 2.0), (62, 1.0)]


def test_repeats_with_a_rest_between_are_left_out():
    notes = tuple(Note(60, 2.0 * beat, 1.0) for beat in range(4))
    found = improvisation.prune_repeats(Piece(notes), 3).notes
    assert [note.onset for note in found] == [0.0, 2.0, 4.0]
    with pytest.raises(ValueError, match="`most` must be 1 or more"):
        improvisation.prune_repeats(Piece(notes), 0)


def test_snapping_moves_no_rhythm_and_little_else():
    melody = improvisation.remove_overlaps(drawn_melody(3))
    found = improvisation.snap_to_chords(melody, CHANGES)
    for one, other in zip(melody.notes, found.notes, strict=True):
        assert (one.onset, one.duration) == (other.onset, other.duration)
        assert abs(one.pitch - other.pitch) <= 2


@pytest.mark.parametrize(
    ("pitch", "onset", "duration", "chord", "expected"),
    [
        (61, 0.0, 0.5, "Cmaj7", 60),  # outside, on the first beat
        (61, 0.5, 0.5, "Cmaj7", 61),  # passes
        (61, 0.5, 1.0, "Cmaj7", 60),  # outside, and stays
        (65, 2.0, 1.0, "Cmaj7", 64),  # the fourth on the third beat
        (65, 2.0, 0.5, "Cmaj7", 65),  # the same, in passing
        (62, 0.0, 2.0, "Cmaj7", 62),  # the ninth sounds well
        (66, 0.0, 2.0, "C5", 67),  # of a fifth only two notes
        (70, 0.0, 1.0, "C7", 70),
    ],
)
def test_what_grates_moves_to_the_chord(pitch, onset, duration, chord, expected):
    end = Note(72, 3.5, 0.5)  # a last note is a special case
    piece = Piece((Note(pitch, onset, duration), end))
    found = improvisation.snap_to_chords(piece, (Chord(chord),))
    assert found.notes[0].pitch == expected


def test_the_last_note_is_of_the_chord():
    piece = Piece((Note(60, 0.0, 1.0), Note(62, 1.5, 0.5)))
    found = improvisation.snap_to_chords(piece, (Chord("Cmaj7"),))
    assert [note.pitch for note in found.notes] == [60, 64]


@each_style
def test_the_band_plays_the_chords(style):
    piece = improvisation.accompany(CHANGES, style=style)
    assert piece.channels == (COMPING, BASS)
    assert piece.duration == CHANGES[-1].end
    for note in on_channel(piece, COMPING):
        # A chord struck off the beat may be the next one already.
        heard = {chord_at(CHANGES, note.onset), chord_at(CHANGES, note.onset + 0.5)}
        allowed = set().union(*(set(chord.tones) | ninth(chord) for chord in heard))
        assert note.pitch % 12 in allowed
    first_beats = [note for note in on_channel(piece, BASS) if note.onset % 4 == 0]
    assert len(first_beats) == 10
    for note in first_beats:
        assert note.pitch % 12 == chord_at(CHANGES, note.onset).bass


def ninth(chord):
    return {(chord.root + 2) % 12} & set(chord.scale)


@each_style
def test_every_chord_is_struck_and_has_its_root(style):
    piece = improvisation.accompany(CHANGES, style=style)
    for chord in CHANGES:
        comped = {
            note.pitch % 12
            for note in on_channel(piece, COMPING)
            if chord.onset - 0.5 <= note.onset < chord.end
        }
        assert set(chord.tones[1:]) <= comped, chord
        (root,) = (n for n in on_channel(piece, BASS) if n.onset == chord.onset)
        assert root.pitch % 12 == chord.bass


def test_what_is_struck_an_eighth_early_is_the_next_chord():
    changes = parse_chords("Cmaj7 | F#7 | Cmaj7 | F#7 | Cmaj7 | F#7 | Cmaj7 | F#7")
    early = [
        note
        for seed in range(6)
        for note in on_channel(improvisation.accompany(changes, seed=seed), COMPING)
        if note.onset % 4 == 3.5 and note.onset < 31
    ]
    assert len(early) > 10
    for note in early:
        chord = chord_at(changes, note.onset + 0.5)
        assert note.pitch % 12 in {*chord.tones, *ninth(chord)}


def test_the_bass_walks_in_quarters_without_standing_still():
    bass = on_channel(improvisation.accompany(CHANGES), BASS)
    assert [note.onset for note in bass] == list(range(40))
    low, high = improvisation.BASS_RANGE
    for one, other in itertools.pairwise(bass):
        assert one.end <= other.onset
        assert abs(one.pitch - other.pitch) <= 12
        assert low - 1 <= one.pitch <= high
    # Before each root the bass is a semitone beside it, unless it stands there.
    steps = [abs(bass[i].pitch - bass[i - 1].pitch) for i in range(4, 16, 4)]
    assert set(steps) <= {1, 2}


def test_the_hand_of_the_pianist_moves_little(tunes):
    for tune in tunes:
        notes = improvisation.accompany(tune.chords, style=tune.style).notes
        hands = {}
        for note in notes:
            if note.channel == COMPING:
                hands.setdefault(note.onset, []).append(note.pitch)
        low, high = improvisation.VOICING
        for hand in hands.values():
            assert len(hand) >= 3
            assert low - 3 <= min(hand) <= max(hand) <= high + 3
            assert max(hand) - min(hand) < 12
        tops = [max(hand) for hand in hands.values()]
        assert np.abs(np.diff(tops)).mean() < 3


def test_the_same_seed_plays_the_same_and_another_another():
    one, same, other = (improvisation.accompany(CHANGES, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one != other


@each_style
def test_nobody_plays_beyond_the_end(style):
    """Also where the last chord is cut, or a bar has three quarters."""
    short = (Chord("Dm7", 0.0, 3.0), Chord("G7", 3.0, 2.5))
    for meter in ((4, 4), (3, 4)):
        piece = improvisation.accompany(short, meter=meter, style=style)
        assert piece.duration <= 5.5 + 1e-9
        for note in piece.notes:
            assert note.onset < 5.5


def test_an_accompaniment_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="`style` must be one of swing, bossa, ballad"):
        improvisation.accompany(CHANGES, style="pop")
    with pytest.raises(ValueError, match="`chords` must hold a chord"):
        improvisation.accompany(())
    with pytest.raises(ValueError, match="`seed`"):
        improvisation.accompany(CHANGES, seed=-1)


def test_swing_moves_the_second_eighth_and_keeps_triplets():
    notes = (
        Note(60, 0.0, 0.5),
        Note(60, 0.5, 0.5),
        Note(60, 1.0, 1 / 3),
        Note(60, 4 / 3, 1 / 3),
        Note(60, 5 / 3, 1 / 3),
        Note(60, 2.25, 0.5),
    )
    found = improvisation.swing(Piece(notes), 0.6).notes
    np.testing.assert_allclose(
        [note.onset for note in found], [0, 0.6, 1, 4 / 3, 5 / 3, 2.3]
    )
    np.testing.assert_allclose(
        [note.end for note in found], [0.6, 1, 4 / 3, 5 / 3, 2, 2.8]
    )
    with pytest.raises(ValueError, match="`ratio`"):
        improvisation.swing(Piece(notes), 1.0)


def test_swing_keeps_the_order_and_the_quarters(tunes):
    for tune in tunes:
        swung = improvisation.swing(tune.melody).notes
        for one, other in zip(tune.melody.notes, swung, strict=True):
            assert one.pitch == other.pitch
            assert abs(one.onset - other.onset) < 0.17
            if one.onset % 1 == 0:
                assert other.onset == one.onset
    assert improvisation.swing(tunes[0].melody, 0.5) == tunes[0].melody


def test_an_arrangement_is_the_melody_and_its_band(tunes):
    tune = tunes[0]
    piece = improvisation.arrange(tune.melody, tune.chords, seed=3)
    assert (piece.name, piece.tempo) == (tune.name, tune.melody.tempo)
    assert [text for _, text in piece.markers] == [c.symbol for c in tune.chords]
    swung = improvisation.swing(tune.melody).notes
    melody = on_channel(piece, MELODY)
    assert [(n.pitch, n.onset, n.duration) for n in melody] == [
        (n.pitch, n.onset, n.duration) for n in swung
    ]
    band = improvisation.swing(improvisation.accompany(tune.chords, seed=3))
    others = [note for note in piece.notes if note.channel != MELODY]
    assert others == list(band.notes)
    assert len({note.velocity for note in melody}) > 3  # not a machine
    named = improvisation.arrange(tune.melody, tune.chords, tempo=90.0, name="x")
    assert (named.tempo, named.name) == (90.0, "x")


def test_only_swing_swings(tunes):
    bossa = next(tune for tune in tunes if tune.style == "bossa")
    piece = improvisation.arrange(bossa.melody, bossa.chords, style="bossa")
    melody = [replace(note, velocity=80) for note in on_channel(piece, MELODY)]
    assert [note.onset for note in melody] == [n.onset for n in bossa.melody.notes]
