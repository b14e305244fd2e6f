"""Sound files in and out, levels, and where a word is audible."""

import errno
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dlai_keras import audio as audio_file

RATE = 16_000


def noise(seconds, *, rate=RATE, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype("float32")


def speech_like(seconds, *, rate=RATE, frequency=700.0):
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * frequency * time)).astype("float32")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 44_100])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_any_rate_and_number_of_channels_are_read_as_mono(
    tmp_path, suffix, rate, num_channels
):
    audio = speech_like(0.5, rate=rate)
    # The channels differ, their mean is the tone.
    channels = np.stack([1.5 * audio, 0.5 * audio], axis=1)[:, :num_channels]
    expected = channels.mean(axis=1)
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, channels, rate)
    header = audio_file.info(path)
    assert (header.sample_rate, header.num_channels) == (rate, num_channels)
    assert header.duration == pytest.approx(0.5, abs=0.1)
    read = audio_file.read(path)
    assert read.dtype == np.float32 and read.ndim == 1
    if suffix in ("wav", "flac"):
        np.testing.assert_allclose(read, expected, atol=1 / 32768)
    middle = slice(len(expected) // 4, len(expected) // 2)
    assert audio_file.level_db(read[middle]) == pytest.approx(
        audio_file.level_db(expected[middle]), abs=0.4
    )
    resampled = audio_file.read(path, sample_rate=RATE, duration=0.25)
    assert len(resampled) == 4000
    spectrum = np.abs(np.fft.rfft(resampled[1000:3000]))
    assert spectrum.argmax() * RATE / 2000 == pytest.approx(700, abs=8)


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_a_part_is_a_slice_of_the_whole(tmp_path, suffix):
    path = tmp_path / f"noise.{suffix}"
    soundfile.write(path, noise(1.0), RATE)
    whole = audio_file.read(path)
    part = audio_file.read(path, start=0.25, duration=0.1)
    np.testing.assert_array_equal(part, whole[4000:5600])
    np.testing.assert_array_equal(audio_file.read(path, start=0.9), whole[14_400:])
    assert len(audio_file.read(path, start=0.9, duration=5.0)) == 1600


def test_of_a_long_file_only_the_part_is_read(tmp_path):
    path = tmp_path / "ten_minutes.flac"
    soundfile.write(path, np.zeros(600 * 8000, "int16"), 8000)
    tracemalloc.start()
    part = audio_file.read(path, start=400.0, duration=2.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(part) == 16_000
    assert peak < 1_000_000  # the whole would be 19 MB


@pytest.mark.parametrize(
    "content",
    [b"", b"no audio at all", b"RIFF", b"fLaC" + bytes(60)],
    ids=["empty", "text", "header", "zeros"],
)
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_what_is_no_audio_is_named(tmp_path, content, suffix):
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(content)
    for function in (audio_file.info, audio_file.read):
        with pytest.raises(audio_file.AudioFileError) as error:
            function(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
        assert "does not exist" not in str(error.value)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
@pytest.mark.parametrize("damage", ["torn", "garbled"])
def test_what_breaks_off_is_an_error_and_not_a_shorter_recording(
    tmp_path, suffix, damage
):
    path = tmp_path / f"broken.{suffix}"
    soundfile.write(path, noise(3.0), RATE)
    content = path.read_bytes()
    half = len(content) // 2
    rest = b"" if damage == "torn" else bytes(3000) + content[half + 3000 :]
    path.write_bytes(content[:half] + rest)
    if (suffix, damage) == ("ogg", "torn"):  # its pages tell no total length
        assert audio_file.info(path).duration < 2
        assert len(audio_file.read(path)) == audio_file.info(path).num_samples
        return
    with pytest.raises(audio_file.AudioFileError, match=r"broken\."):
        audio_file.read(path)


def test_a_length_that_memory_cannot_hold_is_a_broken_file(tmp_path):
    path = tmp_path / "huge.flac"
    soundfile.write(path, noise(0.5), RATE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the 36 bits of the number of samples, in STREAMINFO
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(audio_file.AudioFileError, match=r"huge\.flac"):
        audio_file.read(path)


def test_files_without_samples_or_with_nan_are_errors(tmp_path):
    empty, nan = tmp_path / "empty.wav", tmp_path / "nan.wav"
    soundfile.write(empty, np.zeros(0, "float32"), RATE)
    soundfile.write(nan, np.array([0, np.nan, 0], "float32"), RATE, subtype="FLOAT")
    with pytest.raises(audio_file.AudioFileError, match="0 samples"):
        audio_file.info(empty)
    with pytest.raises(audio_file.AudioFileError, match="no audio"):
        audio_file.read(empty)
    with pytest.raises(audio_file.AudioFileError, match="not finite"):
        audio_file.read(nan)
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        audio_file.read(tmp_path / "missing.wav")
    with pytest.raises(audio_file.AudioFileError, match="from 9 s on"):
        audio_file.read(nan, start=9.0)


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="ffmpeg is not installed: m4a cannot be tested",
)
def test_m4a_is_read_through_ffmpeg(tmp_path):
    audio = speech_like(0.5, rate=44_100)
    soundfile.write(tmp_path / "tone.wav", audio, 44_100)
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", "tone.wav", "tone.m4a"],
        cwd=tmp_path,
        check=True,
    )
    path = tmp_path / "tone.m4a"
    assert audio_file.info(path).duration == pytest.approx(0.5, abs=0.1)
    read = audio_file.read(path, sample_rate=RATE)
    assert audio_file.level_db(read[2000:6000]) == pytest.approx(
        audio_file.level_db(audio), abs=0.3
    )
    part = audio_file.read(path, sample_rate=RATE, start=0.1, duration=0.2)
    assert len(part) == 3200
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(audio_file.AudioFileError, match="ffmpeg cannot decode"):
        audio_file.read(path)


def test_without_ffmpeg_an_m4a_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "voice.m4a"
    path.write_bytes(bytes(1000))
    for function in (audio_file.info, audio_file.read):
        with pytest.raises(audio_file.AudioFileError) as error:
            function(path)
        message = str(error.value)
        assert message.startswith(f"{path} needs ffmpeg")
        assert "apt install ffmpeg" in message and "\n" not in message


def test_list_audio_files_is_sorted_and_leaves_other_files_out(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.WAV", "b/1.flac", "a.m4a", ".hidden.wav", "notes.txt", "c.wavx"):
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    names = [
        path.relative_to(tmp_path).as_posix()
        for path in audio_file.list_audio_files(tmp_path)
    ]
    assert names == ["a.m4a", "b/1.flac", "b/2.WAV"]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_what_is_written_is_read_back_within_half_a_step(tmp_path, suffix):
    audio = np.clip(noise(0.2, level=0.3), -1, 1)
    path = tmp_path / f"noise.{suffix}"
    audio_file.write(path, audio, RATE)
    np.testing.assert_allclose(audio_file.read(path), audio, atol=0.5001 / 32768)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_to_int16_rounds_to_nearest_and_clips():
    audio = np.array([-2, -1, -0.4 / 32768, 0.6 / 32768, 1.0, 7.0], "float32")
    assert audio_file.to_int16(audio).tolist() == [-32768, -32768, 0, 1, 32767, 32767]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "noise.wav"
    audio_file.write(path, noise(0.1), RATE)
    before = path.read_bytes()

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        audio_file.write(path, noise(0.1, seed=1), RATE)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_levels_are_root_mean_squares_in_dbfs():
    assert audio_file.level_db(np.ones(10, "float32")) == 0
    assert audio_file.level_db(speech_like(1.0)) == pytest.approx(-13.468, abs=1e-2)
    assert audio_file.level_db(np.zeros(10, "float32")) == audio_file.SILENCE_DB
    assert audio_file.level_db(np.zeros(0, "float32")) == audio_file.SILENCE_DB
    assert audio_file.gain(-20.0) == np.float32(0.1)


@pytest.mark.parametrize("sample_rate", [None, 8000])
def test_blocks_are_the_whole_file(tmp_path, sample_rate):
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(1.23), RATE)
    blocks = list(
        audio_file.read_blocks(path, sample_rate=sample_rate, blocks_at_once=5)
    )
    rate = sample_rate or RATE
    assert {part.shape[1] for part in blocks} == {rate // 10}
    assert max(len(part) for part in blocks) == 5
    joined = np.concatenate(blocks).reshape(-1)
    assert len(joined) == round(1.3 * rate)
    assert not joined[round(1.23 * rate) :].any()
    whole = audio_file.read(path, sample_rate=sample_rate)
    if sample_rate is None:
        np.testing.assert_array_equal(joined[: len(whole)], whole)
    else:
        assert audio_file.level_db(joined[: len(whole)]) == pytest.approx(
            audio_file.level_db(whole), abs=0.05
        )


def test_resampling_keeps_the_tone_and_its_level():
    resampled = audio_file.resample(speech_like(1.0), RATE, 44_100)
    assert len(resampled) == 44_100
    inner = slice(2000, -2000)
    np.testing.assert_allclose(
        resampled[inner], speech_like(1.0, rate=44_100)[inner], atol=1e-3
    )


@given(
    length=st.integers(1, 400),
    wanted=st.integers(1, 2000),
    crossfade=st.integers(0, 300),
)
@settings(max_examples=100, deadline=None)
def test_a_loop_has_the_length_wanted_and_begins_as_the_recording(
    length, wanted, crossfade
):
    audio = np.random.default_rng(0).standard_normal(length).astype("float32")
    looped = audio_file.loop(audio, wanted, crossfade)
    assert looped.dtype == np.float32 and looped.shape == (wanted,)
    untouched = min(wanted, length - min(crossfade, length // 2))
    np.testing.assert_array_equal(looped[:untouched], audio[:untouched])


def test_a_looped_background_has_no_dip_at_the_seams():
    audio = noise(1.0)
    looped = audio_file.loop(audio, 8 * RATE, RATE // 4)
    frames = looped.reshape(-1, RATE // 20)  # 50 ms
    levels = 10 * np.log10(np.mean(frames**2, axis=1))
    assert np.ptp(levels) < 2.0  # noise itself varies by 1.1 dB here
    assert abs(levels.mean() - audio_file.level_db(audio)) < 0.2
    # and no click either
    assert np.abs(np.diff(looped)).max() < 1.5 * np.abs(np.diff(audio)).max()


def test_faded_edges_rise_from_silence_and_leave_the_middle():
    audio = np.ones(100, "float32")
    faded = audio_file.fade_edges(audio, 10)
    assert audio.min() == 1  # not in place
    np.testing.assert_array_equal(faded[10:90], 1)
    assert (np.diff(faded[:10]) > 0).all() and faded[0] < 0.01
    np.testing.assert_allclose(faded, faded[::-1])
    assert len(audio_file.fade_edges(np.ones(3, "float32"), 10)) == 3
    assert len(audio_file.fade_edges(np.ones(0, "float32"), 10)) == 0


def word_in(background, *, onset, duration, rate=RATE):
    """A word of three syllables, with a pause, over `background`."""
    word = speech_like(duration, rate=rate)
    word *= 1 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(len(word)) / rate)
    gap = slice(int(0.45 * len(word)), int(0.55 * len(word)))
    word[gap] = 0  # as before a plosive
    mixed = background.copy()
    first = round(onset * rate)
    mixed[first : first + len(word)] += word
    return mixed.astype("float32")


def assert_audible(audio, onset, end, rate=RATE):
    first, last = audio_file.audible_span(audio, rate)
    assert first / rate == pytest.approx(onset, abs=0.03)
    assert last / rate == pytest.approx(end, abs=0.03)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize(("onset", "duration"), [(0.5, 0.6), (0.1, 0.3), (1.2, 0.75)])
def test_a_word_in_silence_is_found_within_30_ms(rate, onset, duration):
    silence = np.zeros(2 * rate, "float32")
    audio = word_in(silence, onset=onset, duration=duration, rate=rate)
    assert_audible(audio, onset, onset + duration, rate)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.001, 0.01])
def test_a_word_in_noise_with_clicks_is_found_within_30_ms(level, seed):
    background = noise(2.0, level=level, seed=seed)
    for position in (1000, 3000, 29_000):  # of a switch, 3 ms
        background[position : position + 48] += 0.4
    audio = word_in(background, onset=0.7, duration=0.5)
    assert_audible(audio, 0.7, 1.2)


def test_a_word_cut_tightly_is_kept_whole():
    audio = word_in(np.zeros(9600, "float32"), onset=0.0, duration=0.6)
    assert_audible(audio, 0.0, 0.6)


@pytest.mark.parametrize("num_samples", [0, 1, 100, 1279])
def test_what_is_too_short_to_tell_is_kept_whole(num_samples):
    assert audio_file.audible_span(noise(1.0)[:num_samples], RATE) == (0, num_samples)


def test_silence_is_kept_whole():
    assert audio_file.audible_span(np.zeros(RATE, "float32"), RATE) == (0, RATE)


@given(seed=st.integers(0, 1000), num_samples=st.integers(1, 9000))
@settings(max_examples=50, deadline=None)
def test_the_audible_span_is_never_empty_nor_outside(seed, num_samples):
    rng = np.random.default_rng(seed)
    audio = rng.standard_normal(num_samples) * rng.uniform(0, 1, num_samples) ** 8
    first, last = audio_file.audible_span(audio.astype("float32"), RATE)
    assert 0 <= first < last <= num_samples
