"""Sound: the right tones at the right times, without clicks."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dlai_keras.jazz_improvisation import midi, synthesis
from dlai_keras.jazz_improvisation.midi import Note, Piece

RATE = 16_000


def strongest(sound, rate=RATE):
    """The frequency of the highest peak of the spectrum, hertz."""
    padded = sound * np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(padded, 8 * len(padded)))
    return spectrum.argmax() * rate / (8 * len(padded))


@pytest.mark.parametrize("pitch", [45, 60, 69, 84])
def test_the_piano_plays_the_pitch_that_is_written(pitch):
    sound = synthesis.electric_piano(pitch, 1.0, sample_rate=RATE)
    expected = 440 * 2 ** ((pitch - 69) / 12)
    assert strongest(sound) == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize("pitch", [28, 40, 52])
def test_the_bass_plays_the_pitch_that_is_written(pitch):
    sound = synthesis.bass(pitch, 1.0, sample_rate=RATE)
    expected = 440 * 2 ** ((pitch - 69) / 12)
    assert strongest(sound) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("play", [synthesis.bass, synthesis.electric_piano])
@pytest.mark.parametrize("seconds", [0.01, 0.31])
def test_a_note_begins_and_ends_without_a_click(play, seconds):
    """A step in the wave is a step in the second difference; a cut note has one."""
    sound = play(36, seconds, 120, sample_rate=44_100)

    def roughest(part):
        return np.abs(np.diff(np.pad(part, 2), 2)).max() / np.abs(sound).max()

    assert roughest(sound) < 0.02
    loud = np.abs(sound).argmax()
    assert roughest(sound[:loud]) > 0.5  # what the limit would find


def test_the_loudest_sample_is_a_decibel_below_full_scale():
    piece = Piece((Note(60, 0.0, 1.0), Note(64, 0.5, 1.0), Note(40, 0.0, 2.0)))
    sound = synthesis.render(piece, RATE)
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-1, abs=1e-3)
    np.testing.assert_array_equal(sound, synthesis.render(piece, RATE))


def test_a_note_sounds_when_it_is_written_and_no_sooner():
    # At 90 quarters a minute the third quarter begins at 4/3 s.
    piece = Piece((Note(60, 0.0, 0.5), Note(72, 2.0, 1.0)), tempo=90.0)
    sound = synthesis.render(piece, RATE, room=0.0)
    power = np.square(sound).sum(axis=1)
    begins = round(2.0 * 60 / 90 * RATE)
    # Between the end of the first note, with its release, and the second.
    assert power[round((0.5 * 60 / 90 + 0.13) * RATE) : begins].max() == 0
    assert power[begins : begins + 400].max() > 1e-3
    assert power[-1] == 0


def test_a_harder_stroke_is_louder_and_brighter():
    soft, hard = (
        synthesis.electric_piano(48, 0.5, velocity, sample_rate=RATE)
        for velocity in (40, 120)
    )
    assert np.square(hard).sum() > 4 * np.square(soft).sum()

    def centroid(sound):
        spectrum = np.abs(np.fft.rfft(sound)) ** 2
        return (np.arange(len(spectrum)) * spectrum).sum() / spectrum.sum()

    assert centroid(hard) > 1.2 * centroid(soft)


def test_no_overtone_folds_back_below_the_tone():
    """The highest note at a low rate: nothing may sound below it."""
    for pitch in (96, 108):
        sound = synthesis.electric_piano(pitch, 0.5, 127, sample_rate=44_100)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        tone = synthesis.hertz(pitch) * len(sound) / 44_100
        assert spectrum[: int(0.8 * tone)].sum() < 1e-4 * spectrum.sum()


def test_the_room_echoes_in_both_ears_and_dies_away():
    piece = Piece((Note(60, 0.0, 0.1),))
    dry, wet = (synthesis.render(piece, RATE, room=room) for room in (0.0, 0.5))
    after = slice(round(0.3 * RATE), round(0.5 * RATE))
    assert np.abs(dry[after]).max() == 0
    assert np.abs(wet[after]).max() > 1e-3
    left, right = wet[after].T
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.5
    assert np.abs(wet[-20:]).max() < 1e-4


def test_programs_say_who_plays_the_bass_and_pitches_where_there_are_none():
    low, high = (Note(pitch, 0.0, 1.0, channel=c) for pitch, c in ((36, 1), (72, 0)))
    assert synthesis.bass_channels(Piece((low, high))) == {1}
    piece = Piece((low, high), programs=((0, 33), (1, 0)))
    assert synthesis.bass_channels(piece) == {0}


def test_percussion_is_left_out():
    tone, drum = Note(60, 0.0, 1.0), Note(36, 0.0, 1.0, channel=midi.PERCUSSION)
    np.testing.assert_array_equal(
        synthesis.render(Piece((tone, drum)), 8000),
        synthesis.render(Piece((tone,)), 8000),
    )
    with pytest.raises(ValueError, match="percussion only"):
        synthesis.render(Piece((drum,)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 4000}, "`sample_rate` must be 8000 or more"),
        ({"room": 1.5}, "`room` must be from 0 to 1"),
        ({"piece": Piece(())}, "must have notes with a pitch. Received: no notes"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        synthesis.render(**{"piece": Piece((Note(60, 0.0, 1.0),)), **options})


def test_a_wav_file_holds_what_was_rendered(tmp_path):
    sound = synthesis.render(Piece((Note(60, 0.0, 0.5),)), 8000)
    synthesis.write_wav(tmp_path / "a.wav", sound, 8000)
    found, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 8000
    np.testing.assert_allclose(found, sound, atol=1 / 32768)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.fixture
def fluidsynth(tmp_path, monkeypatch):
    """A program of that name, which plays a second of a tone and keeps its score."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for fluidsynth is a script with a shebang")
    program = tmp_path / "bin" / "fluidsynth"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import shutil, sys, wave\n"
        "*options, font, score = sys.argv[1:]\n"
        f"shutil.copy(score, {str(tmp_path / 'kept.mid')!r})\n"
        "assert '-n' in options and '-i' in options\n"
        "if 'broken' in font: sys.exit('no such instrument')\n"
        "rate = int(options[options.index('-r') + 1])\n"
        "with wave.open(options[options.index('-F') + 1], 'wb') as file:\n"
        "    file.setnchannels(2); file.setsampwidth(2); file.setframerate(rate)\n"
        "    file.writeframes(bytes([0, 16, 0, 0]) * rate)\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_fluidsynth_is_given_the_score_and_its_sound_is_read(fluidsynth):
    font = fluidsynth / "piano.sf2"
    font.touch()
    piece = Piece((Note(60, 0.0, 1.0), Note(67, 1.0, 1.0)))
    sound = synthesis.render_with_fluidsynth(piece, 8000, sound_font=font)
    assert sound.shape == (8000, 2)
    np.testing.assert_allclose(sound, [[synthesis.PEAK, 0]] * 8000, rtol=1e-4)
    kept = midi.read_midi(fluidsynth / "kept.mid")
    assert [note.pitch for note in kept.notes] == [60, 67]


def test_what_fluidsynth_lacks_is_said(fluidsynth, monkeypatch):
    piece = Piece((Note(60, 0.0, 1.0),))
    with pytest.raises(FileNotFoundError, match=r"No sound font: .*none\.sf2"):
        synthesis.render_with_fluidsynth(piece, sound_font=fluidsynth / "none.sf2")
    font = fluidsynth / "broken.sf2"
    font.touch()
    with pytest.raises(ValueError, match="could not play the piece: no such instr"):
        synthesis.render_with_fluidsynth(piece, sound_font=font)
    monkeypatch.setenv("PATH", str(fluidsynth / "nowhere"))
    with pytest.raises(FileNotFoundError, match="fluidsynth is not installed"):
        synthesis.render_with_fluidsynth(piece, sound_font=font)


def test_the_first_sound_font_of_a_folder_is_found(tmp_path):
    assert synthesis.find_sound_font([tmp_path, tmp_path / "none"]) is None
    for name in ("readme.txt", "b.SF2", "a.sf3"):
        (tmp_path / name).touch()
    assert synthesis.find_sound_font([Path("none"), tmp_path]).name == "a.sf3"
