"""MIDI files: what is written is read, and what others wrote is understood."""

import os
from pathlib import Path

import mido
import numpy as np
import pytest

from dlai_keras.jazz_improvisation import midi
from dlai_keras.jazz_improvisation.midi import Note, Piece

DATA = os.environ.get("DLAI_DATA")
needs_data = pytest.mark.skipif(
    DATA is None, reason="DLAI_DATA is not set: no real MIDI files"
)


def on(note, time, velocity=64, channel=0):
    return mido.Message(
        "note_on", note=note, time=time, velocity=velocity, channel=channel
    )


def off(note, time, channel=0):
    return mido.Message("note_off", note=note, time=time, channel=channel)


def save(path, *tracks, ticks=100, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file.save(path)
    return path


def times(piece):
    return [(n.pitch, round(n.onset, 4), round(n.duration, 4)) for n in piece.notes]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tune.mid"


def drawn_piece(seed):
    """Many notes on whole ticks, no two of a pitch and channel at once."""
    rng = np.random.default_rng(seed)
    notes, time = [], np.zeros((16, 128))
    for _ in range(200):
        channel, pitch = int(rng.choice([0, 3, 15])), int(rng.integers(21, 109))
        start = time[channel, pitch] + int(rng.integers(0, 2000))
        length = int(rng.integers(1, 2000))
        time[channel, pitch] = start + length
        notes.append(
            Note(
                pitch,
                start / midi.TICKS,
                length / midi.TICKS,
                int(rng.integers(1, 128)),
                channel,
            )
        )
    return Piece(
        tuple(notes),
        tempo=123.45,
        name="tune",
        meter=(6, 8),
        programs=((0, 26), (3, 4), (15, 32)),
        markers=((0.0, "Dm7"), (3.0, "Été")),
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_read(path, seed):
    piece = drawn_piece(seed)
    midi.write_midi(path, piece)
    found = midi.read_midi(path)
    assert found.tempo == pytest.approx(piece.tempo, abs=1e-3)
    for name in ("name", "meter", "programs", "markers"):
        assert getattr(found, name) == getattr(piece, name)
    assert len(found.notes) == len(piece.notes)
    for one, other in zip(found.notes, piece.notes, strict=True):
        assert (one.pitch, one.velocity, one.channel) == (
            other.pitch,
            other.velocity,
            other.channel,
        )
        assert abs(one.onset - other.onset) * midi.TICKS < 1e-6
        assert abs(one.duration - other.duration) * midi.TICKS < 1e-6


def test_times_are_rounded_to_a_tick(path):
    piece = Piece((Note(60, 1 / 7, 1 / 7), Note(62, 2 / 7, 1e-9)))
    midi.write_midi(path, piece)
    for found, note in zip(midi.read_midi(path).notes, piece.notes, strict=True):
        assert abs(found.onset - note.onset) <= 0.5 / midi.TICKS
        assert found.duration >= 1 / midi.TICKS
        assert abs(found.duration - note.duration) <= 1.001 / midi.TICKS


def test_a_note_that_follows_one_of_its_pitch_is_struck_anew(path):
    piece = Piece((Note(60, 0.0, 1.0), Note(60, 1.0, 1.0)))
    midi.write_midi(path, piece)
    assert times(midi.read_midi(path)) == [(60, 0.0, 1.0), (60, 1.0, 1.0)]
    # Other programs would end the second with the first's end, were it written later.
    kinds = [message.type for message in mido.MidiFile(path).tracks[1]]
    assert kinds[1:5] == ["note_on", "note_off", "note_on", "note_off"]


def test_mido_reads_what_is_written(path):
    """The seconds that another program would play are those of the tempo."""
    midi.write_midi(path, Piece((Note(60, 2.0, 2.0),), tempo=60.0))
    file = mido.MidiFile(path)
    assert file.length == pytest.approx(4.0)
    assert file.ticks_per_beat == midi.TICKS and file.type == 1


def test_a_note_on_without_velocity_ends_a_note(path):
    save(path, [on(60, 0), on(60, 150, velocity=0)])
    assert times(midi.read_midi(path)) == [(60, 0.0, 1.5)]


def test_a_note_struck_while_it_sounds_ends_there(path):
    save(path, [on(60, 0), on(60, 100), off(60, 100), off(60, 100)])
    assert times(midi.read_midi(path)) == [(60, 0.0, 1.0), (60, 1.0, 2.0)]
    save(path, [on(60, 0), on(60, 0), off(60, 100), off(60, 100)])
    assert times(midi.read_midi(path)) == [(60, 0.0, 2.0)]


def test_a_note_that_nothing_ends_lasts_until_its_track_does(path):
    end = mido.MetaMessage("end_of_track", time=300)
    save(path, [on(60, 100), end])
    assert times(midi.read_midi(path)) == [(60, 1.0, 3.0)]


def test_percussion_is_left_out(path):
    drums = [on(35, 0, channel=9), off(35, 50, channel=9)]
    save(path, drums, [on(60, 0), off(60, 50)])
    piece = midi.read_midi(path)
    assert times(piece) == [(60, 0.0, 0.5)]
    save(path, drums)
    with pytest.raises(ValueError, match=r"tune\.mid holds no notes with a pitch"):
        midi.read_midi(path)


def test_tracks_of_one_channel_stay_apart(path):
    right = [on(72, 0), off(72, 100)]
    left = [
        mido.Message("program_change", program=32),
        on(48, 0),
        off(48, 100),
        on(50, 0, channel=1),
        off(50, 1, channel=1),
    ]
    save(path, right, left)
    piece = midi.read_midi(path)
    channels = {note.pitch: note.channel for note in piece.notes}
    assert channels == {72: 0, 48: 2, 50: 1}
    assert dict(piece.programs) == {0: 0, 2: 32, 1: 0}


def test_the_first_tempo_and_meter_count_and_later_ones_move_nothing(path):
    conductor = [
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("marker", text="A7", time=50),
        mido.MetaMessage("set_tempo", tempo=900_000, time=50),
    ]
    save(path, conductor, [on(60, 200), off(60, 100)])
    piece = midi.read_midi(path)
    assert (piece.tempo, piece.meter, piece.bar) == (150.0, (3, 4), 3.0)
    assert piece.markers == ((0.5, "A7"),)
    assert times(piece) == [(60, 2.0, 1.0)]


def test_one_track_with_all_channels_will_do(path):
    save(path, [on(60, 0), on(40, 0, channel=1), off(60, 9), off(40, 9, 1)], kind=0)
    assert midi.read_midi(path).channels == (0, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"tune\.mid is empty"),
        (b"These are words.", "is no MIDI file, or is broken"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x20\0\x90\x3c", "it ends too early"),
        (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "counts film frames"),
        (b"MThd\0\0\0\6\0\2\0\0\1\xe0", "independent sequences"),
        (b"MThd\0\0\0\6\0\1\0\0\1\xe0", "no notes with a pitch"),
    ],
)
def test_other_files_are_said_in_one_line(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        midi.read_midi(path)
    assert "\n" not in str(error.value) and "tune.mid" in str(error.value)


def test_a_file_that_is_cut_off_anywhere_is_said_to_be_broken(path):
    midi.write_midi(path, drawn_piece(0))
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"tune\.mid"):
            midi.read_midi(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    midi.write_midi(path, drawn_piece(0))
    before = path.read_bytes()
    monkeypatch.setattr(mido.MidiFile, "save", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        midi.write_midi(path, drawn_piece(1))
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == ["tune.mid"]


def test_folders_are_read_in_order_below_too(tmp_path):
    (tmp_path / "b").mkdir()
    for name, pitch in (("b/1.MIDI", 62), ("a.mid", 60), ("c.kar", 64)):
        midi.write_midi(tmp_path / name, Piece((Note(pitch, 0.0, 1.0),)))
    (tmp_path / ".hidden.mid").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    pieces = midi.read_folder(tmp_path)
    assert [piece.notes[0].pitch for piece in pieces] == [60, 62, 64]
    assert [piece.name for piece in midi.read_folder(tmp_path / "a.mid")] == ["a"]


def test_a_broken_file_of_a_folder_is_fatal_or_left_out_by_name(tmp_path):
    midi.write_midi(tmp_path / "a.mid", Piece((Note(60, 0.0, 1.0),)))
    (tmp_path / "b.mid").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"b\.mid is no MIDI file"):
        midi.read_folder(tmp_path)
    told = []
    assert len(midi.read_folder(tmp_path, "skip", skipped=told.append)) == 1
    assert len(told) == 1 and "b.mid" in told[0]
    (tmp_path / "a.mid").unlink()
    with pytest.raises(ValueError, match="None of the 1 MIDI files"):
        midi.read_folder(tmp_path, "skip")
    (tmp_path / "b.mid").unlink()
    with pytest.raises(FileNotFoundError, match="No MIDI file in"):
        midi.read_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="No such file"):
        midi.read_folder(tmp_path / "c.mid")
    with pytest.raises(ValueError, match="`on_error`"):
        midi.read_folder(tmp_path, "ignore")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pitch": 128}, "`pitch` must be a whole number from 0 to 127"),
        ({"pitch": 60.5}, "`pitch`"),
        ({"velocity": 0}, "`velocity`"),
        ({"channel": 16}, "`channel`"),
        ({"onset": -1.0}, "`onset` must be 0 or more"),
        ({"onset": float("nan")}, "`onset`"),
        ({"duration": 0.0}, "`duration` must be above 0"),
    ],
)
def test_a_note_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Note(**{"pitch": 60, "onset": 0.0, "duration": 1.0, **change})


def test_a_piece_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="`tempo`"):
        Piece((), tempo=0.0)
    with pytest.raises(ValueError, match="`meter`"):
        Piece((), meter=(4, 5))


def test_bars_are_counted_by_the_meter():
    notes = (Note(60, 0.0, 1.0), Note(60, 5.5, 0.5))
    assert Piece(notes).num_bars == 2
    assert Piece(notes, meter=(3, 4)).num_bars == 2
    assert Piece(notes, meter=(6, 8)).num_bars == 2
    assert Piece(notes, meter=(5, 8)).num_bars == 3
    assert Piece(()).num_bars == 0


def test_transposition_leaves_the_drums():
    piece = Piece((Note(60, 0.0, 1.0), Note(35, 0.0, 1.0, channel=9)))
    assert {n.pitch for n in piece.transposed(-3).notes} == {57, 35}
    with pytest.raises(ValueError, match="`pitch`"):
        piece.transposed(100)


@needs_data
def test_the_courses_piece_is_read():
    """As many notes as mido counts, on the course's ten voices."""
    path = Path(DATA) / "jazz_improvisation/original_metheny.mid"
    piece = midi.read_midi(path)
    counted = sum(
        message.type == "note_on" and message.velocity > 0 and message.channel != 9
        for track in mido.MidiFile(path).tracks
        for message in track
    )
    assert len(piece.notes) == counted == 6799
    assert (piece.tempo, piece.meter, len(piece.channels)) == (112.0, (4, 4), 10)
    assert dict(piece.programs)[5] == 26  # the guitar
