"""The features against matplotlib, librosa and their definitions."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import mlab

from dlai_keras.trigger_word.features import (
    log_mel,
    mel_filterbank,
    num_frames,
    output_frames,
    spectrogram,
)


def noise(num_samples, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(num_samples)).astype(dtype)


def speech_like(num_samples=441_000):
    """Full-scale int16 samples with tones, silence and noise, as a wav file has."""
    time = np.arange(num_samples) / 44_100
    sound = 9000 * np.sin(2 * np.pi * 440 * time) * (time % 2 < 1)
    return (sound + 2000 * noise(num_samples)).astype("int16")


def specgram(audio, n_fft=200, hop_length=80, sample_rate=8000):
    power, _, _ = mlab.specgram(
        np.asarray(audio, "float64"),
        NFFT=n_fft,
        Fs=sample_rate,
        noverlap=n_fft - hop_length,
    )
    return power.T


@pytest.mark.parametrize(
    ("n_fft", "hop_length", "sample_rate", "num_samples"),
    [
        (200, 80, 8000, 44_100),
        (201, 80, 8000, 5000),
        (256, 256, 16_000, 9999),
        (3, 1, 8000, 50),
        (200, 80, 8000, 280),
        (200, 199, 44_100, 100_000),
    ],
)
def test_spectrogram_equals_matplotlib_elementwise(
    n_fft, hop_length, sample_rate, num_samples
):
    audio = noise(num_samples)
    ours = spectrogram(
        audio, n_fft=n_fft, hop_length=hop_length, sample_rate=sample_rate
    )
    theirs = specgram(audio, n_fft, hop_length, sample_rate)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0)


def test_spectrogram_of_int16_samples_equals_matplotlib_elementwise():
    audio = speech_like()
    ours = spectrogram(audio)
    assert ours.shape == (5511, 101)
    np.testing.assert_allclose(ours, specgram(audio), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 32_768.0])
def test_float32_spectrogram_is_within_a_millionth_of_the_maximum(scale):
    for audio in (noise(100_000, dtype="float32"), speech_like().astype("float32")):
        audio = audio * np.float32(scale)
        ours, theirs = spectrogram(audio), specgram(audio)
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs).max() < 1e-6 * theirs.max()


def test_spectrogram_of_the_course_recording_equals_matplotlib():
    wavfile = pytest.importorskip("scipy.io.wavfile")
    if "DLAI_DATA" not in os.environ:
        pytest.skip("needs the course's recordings: DLAI_DATA is not set")
    path = Path(os.environ["DLAI_DATA"]) / "trigger_word" / "example_train.wav"
    audio = wavfile.read(path)[1][:, 0]
    ours, theirs = spectrogram(audio), specgram(audio)
    assert ours.shape == (5511, 101)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0)
    float32 = spectrogram(audio.astype("float32"))
    assert np.abs(float32 - theirs).max() < 1e-6 * theirs.max()


def test_power_of_white_noise_sums_to_its_variance():
    audio = noise(400_000)
    density = spectrogram(audio, sample_rate=8000).mean(axis=0)
    assert density.sum() * 8000 / 200 == pytest.approx(audio.var(), rel=0.01)


@pytest.mark.parametrize("feature", [spectrogram, log_mel])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_frames_of_a_part_are_the_frames_of_the_whole(feature, dtype):
    audio = noise(120_000, dtype=dtype)
    whole, part = feature(audio), feature(audio[16_000:40_123])  # 100, 200 hops in
    first = 16_000 // (80 if feature is spectrogram else 160)
    expected = whole[first : first + len(part)]
    np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("feature", [spectrogram, log_mel])
def test_strided_and_read_only_audio_is_taken_as_it_is(feature):
    stereo = np.stack([noise(5000, 1, "float32"), noise(5000, 2, "float32")], axis=1)
    stereo.flags.writeable = False
    before = stereo.copy()
    np.testing.assert_array_equal(
        feature(stereo[:, 0]), feature(np.ascontiguousarray(stereo[:, 0]))
    )
    np.testing.assert_array_equal(stereo, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("num_samples", [0, 1, 199])
def test_sound_shorter_than_a_frame_has_no_frames(num_samples, dtype):
    assert spectrogram(noise(num_samples, dtype=dtype)).shape == (0, 101)
    mel = log_mel(noise(num_samples, dtype=dtype))
    assert mel.shape == (0, 40)
    assert mel.dtype == dtype


@pytest.mark.parametrize("num_samples", [200, 279, 280, 281, 360, 12_345])
def test_num_frames_counts_the_frames(num_samples):
    starts = [s for s in range(0, num_samples, 80) if s + 200 <= num_samples]
    assert num_frames(num_samples, 200, 80) == len(starts)
    assert len(spectrogram(noise(num_samples))) == len(starts)


def test_frame_counts_of_the_course():
    assert num_frames(441_000, 200, 80) == 5511
    assert output_frames(5511) == 1375


@pytest.mark.parametrize("frames", [0, 14, 15, 18, 19, 100])
def test_output_frames_counts_the_positions_of_the_kernel(frames):
    starts = [s for s in range(0, frames, 4) if s + 15 <= frames]
    assert output_frames(frames) == len(starts)


BANDS = [
    {},
    {"sample_rate": 8000, "n_fft": 200, "hop_length": 80, "max_frequency": 4000.0}
    | {"num_mels": 20, "min_frequency": 0.0},
    {"sample_rate": 44_100, "n_fft": 1101, "hop_length": 441, "num_mels": 64}
    | {"max_frequency": 16_000.0, "min_frequency": 200.0},
    {"num_mels": 5, "min_frequency": 1500.0, "max_frequency": 8000.0},
]


def librosa_mel_power(audio, settings):
    librosa = pytest.importorskip("librosa")
    settings = {
        "sample_rate": 16_000,
        "n_fft": 400,
        "hop_length": 160,
        "num_mels": 40,
        "min_frequency": 60.0,
        "max_frequency": 7600.0,
    } | settings
    power = librosa.feature.melspectrogram(
        y=audio,
        sr=settings["sample_rate"],
        n_fft=settings["n_fft"],
        hop_length=settings["hop_length"],
        center=False,
        power=2.0,
        n_mels=settings["num_mels"],
        fmin=settings["min_frequency"],
        fmax=settings["max_frequency"],
        htk=False,
        norm="slaney",
        dtype=np.float64,  # of the filters
    )
    return power.T


@pytest.mark.parametrize("settings", BANDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-5)])
def test_log_mel_equals_librosa_plus_floor(settings, dtype, tolerance):
    audio = noise(50_000, dtype=dtype)
    ours = log_mel(audio, **settings)
    theirs = np.log(librosa_mel_power(audio.astype("float64"), settings) + 1e-6)
    assert ours.dtype == dtype
    assert ours.flags.c_contiguous
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def test_log_mel_of_silence_is_the_floor():
    quiet = log_mel(np.zeros(1600, "float32"), floor=1e-4)
    np.testing.assert_allclose(quiet, np.log(1e-4), rtol=1e-6)


@pytest.mark.parametrize("settings", BANDS)
def test_mel_filterbank_equals_librosa(settings):
    librosa = pytest.importorskip("librosa")
    settings = {key: settings[key] for key in settings if key != "hop_length"}
    ours = mel_filterbank(**settings)
    settings = {
        "sample_rate": 16_000,
        "n_fft": 400,
        "num_mels": 40,
        "min_frequency": 60.0,
        "max_frequency": 7600.0,
    } | settings
    theirs = librosa.filters.mel(
        sr=settings["sample_rate"],
        n_fft=settings["n_fft"],
        n_mels=settings["num_mels"],
        fmin=settings["min_frequency"],
        fmax=settings["max_frequency"],
        dtype=np.float64,
    )
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrogram(np.zeros((2, 500))), "`audio` must be one channel"),
        (lambda: spectrogram(np.zeros(500, complex)), "`audio` must be one channel"),
        (lambda: spectrogram(np.zeros(500), n_fft=2), "`n_fft` must be"),
        (lambda: spectrogram(np.zeros(500), hop_length=0), "`hop_length` must be"),
        (
            lambda: spectrogram(np.zeros(500), hop_length=1.5),
            "Received: hop_length=1.5",
        ),
        (lambda: spectrogram(np.zeros(500), sample_rate=0), "`sample_rate` must be"),
        (lambda: log_mel(np.zeros(500), floor=0.0), "`floor` must be positive"),
        (lambda: log_mel(np.zeros(500), sample_rate=8000), "at most 4000.0"),
        (lambda: log_mel(np.zeros(500), min_frequency=-1.0), "`min_frequency`"),
        (lambda: log_mel(np.zeros(500), num_mels=200), "bands are empty"),
        (lambda: mel_filterbank(num_mels=True), "Received: num_mels=True"),
        (lambda: num_frames(-1, 200, 80), "`num_samples` must be"),
        (lambda: output_frames(10, stride=0), "`stride` must be"),
    ],
)
def test_a_wrong_setting_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_features_import_neither_keras_nor_librosa():
    code = (
        "import sys, dlai_keras.trigger_word.features; "
        "sys.exit(bool({'keras', 'tensorflow', 'librosa'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
