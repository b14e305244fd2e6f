"""Audio files in and out, levels, and where a recording is audible.

Audio is mono float32 `(num_samples,)` in [-1, 1] throughout, rates are in hertz,
levels in dBFS: 0 dBFS is the root mean square of a full-scale square wave.
"""

import io
import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dlai_keras import files

SILENCE_DB = -120.0  # the level of digital silence, so that arithmetic stays finite
# What libsndfile decodes by itself; everything else needs pydub and ffmpeg.
# fmt: off
NATIVE_SUFFIXES = frozenset((
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".caf", ".w64",
))
FFMPEG_SUFFIXES = frozenset((
    ".m4a", ".mp4", ".aac", ".wma", ".amr", ".webm", ".3gp", ".mov", ".mka",
))
# fmt: on
SUFFIXES = NATIVE_SUFFIXES | FFMPEG_SUFFIXES


class AudioFileError(ValueError):
    """A file that cannot be read as audio; the message names it and says why."""


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Attributes:
        num_samples: samples per channel at the file's own rate.
        sample_rate: hertz.
        num_channels: 1 for mono, 2 for stereo.
    """

    num_samples: int
    sample_rate: int
    num_channels: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


def list_audio_files(folder: Path) -> list[Path]:
    """Audio files below `folder`, recursively, in an order that never changes."""
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
    )


def info(path: Path) -> AudioInfo:
    """Reads the header of an audio file.

    Raises:
        AudioFileError: the file is broken, empty, or no audio.
    """
    path = Path(path)
    if _needs_ffmpeg(path):
        segment = _open_with_ffmpeg(path)
        return AudioInfo(
            int(segment.frame_count()), segment.frame_rate, segment.channels
        )
    try:
        header = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise _broken(path, error) from None
    if header.frames <= 0:
        raise AudioFileError(f"{path} holds no audio: it has 0 samples.")
    return AudioInfo(header.frames, header.samplerate, header.channels)


def read(
    path: Path,
    *,
    sample_rate: int | None = None,
    start: float = 0.0,
    duration: float | None = None,
) -> np.ndarray:
    """Reads an audio file, or only a part of it, as mono float32.

    Wav, flac, ogg, mp3 and the like are decoded by libsndfile; m4a and the rest by
    pydub, which needs ffmpeg. Channels are averaged. Of a long file only the part
    asked for is read.

    Args:
        path: the file.
        sample_rate: hertz to resample to; None keeps the file's own.
        start: where to begin, in seconds.
        duration: seconds to read; None reads to the end.

    Returns:
        float32 `(num_samples,)`, of `round(duration * sample_rate)` samples where
        the file reaches that far.

    Raises:
        AudioFileError: the file is broken, empty, not finite, or no audio.
    """
    path = Path(path)
    if _needs_ffmpeg(path):
        audio, rate = _read_with_ffmpeg(path, start, duration)
    else:
        audio, rate = _read_natively(path, start, duration)
    audio = audio[:, 0] if audio.shape[1] == 1 else audio.mean(axis=1)
    if not len(audio):
        raise AudioFileError(f"{path} holds no audio from {start:g} s on.")
    if not np.isfinite(audio).all():
        raise AudioFileError(f"{path} holds samples that are not finite numbers.")
    if sample_rate is not None and sample_rate != rate:
        audio = resample(audio, rate, sample_rate)
        if duration is not None:
            audio = audio[: round(duration * sample_rate)]
    return np.ascontiguousarray(audio, dtype="float32")


def check(path: Path) -> None:
    """Decodes a file from end to end and keeps nothing.

    Raises:
        FileNotFoundError: there is no such file.
        AudioFileError: the file is broken, empty, not finite, or no audio.
    """
    for _ in read_blocks(path):
        pass


def read_blocks(
    path: Path,
    *,
    sample_rate: int | None = None,
    seconds: float = 0.1,
    blocks_at_once: int = 600,
):
    """Yields `(num_blocks, block_samples)` arrays of a file of any length.

    The last block is padded with zeros. At most `blocks_at_once * seconds` of audio is
    in memory.
    """
    header = info(path)
    rate = sample_rate or header.sample_rate
    size = max(1, round(seconds * rate))
    chunk = blocks_at_once * size / rate
    start, total = 0.0, header.duration
    while start < total - 0.5 / header.sample_rate:
        audio = read(
            path,
            sample_rate=sample_rate,
            start=start,
            duration=min(chunk, total - start),
        )
        padded = np.zeros(-(-len(audio) // size) * size, "float32")
        padded[: len(audio)] = audio
        yield padded.reshape(-1, size)
        start += chunk


def stream(
    path: Path, *, sample_rate: int, seconds: float = 30.0
) -> Iterator[np.ndarray]:
    """Yields a recording of any length in parts: `read`, with flat memory.

    Args:
        path: the file; one that needs ffmpeg comes as a single part.
        sample_rate: hertz to resample to.
        seconds: length of a part.

    Raises:
        AudioFileError: as `read`.
    """
    path = Path(path)
    if _needs_ffmpeg(path):
        yield read(path, sample_rate=sample_rate)
        return
    resampler = None
    with soundfile.SoundFile(str(path)) as file:
        if file.samplerate != sample_rate:
            resampler = soxr.ResampleStream(
                file.samplerate, sample_rate, 1, dtype="float32"
            )
        size = round(seconds * file.samplerate)
        last = False
        while not last:
            try:
                part = file.read(size, dtype="float32", always_2d=True).mean(axis=1)
            except soundfile.LibsndfileError as error:
                raise _broken(path, error) from None
            last = len(part) < size
            yield resampler.resample_chunk(part, last=last) if resampler else part


def write(path: Path, audio: np.ndarray, sample_rate: int) -> None:
    """Writes 16-bit audio; the format follows the suffix (`.wav`, `.flac`, `.ogg`).

    The file appears under its name only once it is complete.

    Args:
        path: where to; its folder must exist.
        audio: float `(num_samples,)` in [-1, 1]; what is beyond is clipped.
        sample_rate: hertz.
    """
    samples = to_int16(audio)
    form = Path(path).suffix[1:].upper()
    if form == "WAV":
        # The bytes that soundfile would write, without its two copies of them.
        samples = samples.astype("<i2", copy=False)
        files.write_atomically(
            path, _wav_header(samples.nbytes, sample_rate), samples.data
        )
        return
    # Encoded in memory first: an error while writing must surface as an OSError.
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=form)
    files.write_atomically(path, buffer.getbuffer())


def to_int16(audio: np.ndarray) -> np.ndarray:
    """Float audio in [-1, 1] as the nearest 16-bit integers, clipped at full scale."""
    scaled = np.multiply(audio, 32768.0, dtype="float32")
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32768.0, 32767.0, out=scaled)
    return scaled.astype("int16")


def resample(
    audio: np.ndarray, from_rate: float, to_rate: float, *, quality: str = "HQ"
) -> np.ndarray:
    """Changes the sample rate (soxr); a rate ratio also serves as a speed factor."""
    if from_rate == to_rate:
        return audio
    return soxr.resample(audio, from_rate, to_rate, quality=quality)


def level_db(audio: np.ndarray) -> float:
    """Root mean square in dBFS, -120 for silence.

    Example:
        >>> round(level_db(0.1 * np.ones(100, "float32")), 3)
        -20.0
    """
    power = float(np.dot(audio, audio)) / len(audio) if len(audio) else 0.0
    return power_to_db(power)


def power_to_db(power: float) -> float:
    """Mean square as dBFS, never below `SILENCE_DB`."""
    return max(float(10 * np.log10(max(power, 1e-30))), SILENCE_DB)


def gain(db: float) -> np.float32:
    """Decibels as an amplitude factor."""
    return np.float32(10.0 ** (db / 20.0))


def audible_span(
    audio: np.ndarray,
    sample_rate: int,
    *,
    range_db: float = 32.0,
    above_noise_db: float = 6.0,
    frame: float = 0.02,
    max_gap: float = 0.3,
    min_duration: float = 0.06,
) -> tuple[int, int]:
    """Where a recorded word begins and ends, in samples.

    The power of overlapping frames is measured after a pre-emphasis (rumble is no
    speech) and a median over five frames (clicks are none either). The noise is what
    lies steadily away from the loudest stretch; the word is what exceeds both that
    noise by `above_noise_db` and the peak less `range_db`. Stretches nearer to one
    another than `max_gap` are one word; of several, those that hold a twentieth of
    the energy of the strongest are kept.

    Args:
        audio: `(num_samples,)`.
        sample_rate: hertz.
        range_db: how far below the peak a word is still heard.
        above_noise_db: how far above the noise it has to be.
        frame: length of a frame, seconds; frames overlap by half.
        max_gap: longest silence inside a word, seconds.
        min_duration: shorter stretches are clicks, seconds.

    Returns:
        `(start, end)`, `0 <= start < end <= num_samples`; the whole recording where
        it is silent, or too short to tell.
    """
    hop = max(1, round(frame * sample_rate / 2))
    num_hops = len(audio) // hop
    if num_hops < 8:
        return 0, len(audio)
    emphasised = audio.astype("float32", copy=True)
    emphasised[1:] -= np.float32(0.9) * audio[:-1]
    hops = emphasised[: num_hops * hop].reshape(num_hops, hop)
    power = np.einsum("ij,ij->i", hops, hops) / hop
    power = (power[:-1] + power[1:]) / 2  # (num_frames,), frames overlap by half
    padded = np.pad(power, 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    decibels = 10 * np.log10(smooth + 1e-12)
    peak = decibels.max()
    if peak < SILENCE_DB + 30:
        return 0, len(audio)

    # A file cut tightly around the word has no noise to measure; then, and where the
    # noise is as loud as the word, the threshold stays 12 dB below the peak.
    frames_per_second = sample_rate / hop
    loud = np.flatnonzero(decibels >= peak - 12.0)
    margin = round(0.25 * frames_per_second)
    away = np.ones(len(decibels), bool)
    away[max(loud[0] - margin, 0) : loud[-1] + margin] = False
    around = decibels[away & (decibels > peak - 60)]
    noise = -np.inf
    if len(around) >= 5:
        # Noise is steady, speech is not: a wide upper half means that more of the
        # word lies there, and only its quietest tenth may be noise.
        low, middle, high = np.percentile(around, [10, 50, 80])
        long = len(around) >= 0.8 * frames_per_second
        noise = high if long or high - middle < 6.0 else low
    threshold = max(peak - range_db, min(noise + above_noise_db, peak - 12.0))

    joined: list[list[int]] = []
    for first, last in zip(*_runs(decibels >= threshold), strict=True):
        if joined and first - joined[-1][1] <= max_gap * frames_per_second:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    energies = [smooth[first:last].sum() for first, last in joined]
    keep = [
        span
        for span, energy in zip(joined, energies, strict=True)
        if energy >= 0.05 * max(energies)
        and (span[1] - span[0] + 1) / frames_per_second >= min_duration
    ] or [joined[int(np.argmax(energies))]]
    return keep[0][0] * hop, min((keep[-1][1] + 1) * hop, len(audio))


def fade_edges(audio: np.ndarray, num_samples: int) -> np.ndarray:
    """A copy whose first and last `num_samples` rise and fall as a raised cosine."""
    num_samples = min(num_samples, len(audio) // 2)
    audio = audio.copy()
    if num_samples:
        ramp = _raised_cosine(num_samples)
        audio[:num_samples] *= ramp
        audio[len(audio) - num_samples :] *= ramp[::-1]
    return audio


def loop(audio: np.ndarray, num_samples: int, crossfade: int) -> np.ndarray:
    """Repeats `audio` to `num_samples`; each seam is an equal-power crossfade.

    Args:
        audio: `(n,)`.
        num_samples: length wanted.
        crossfade: samples over which one repetition fades into the next; halved
            where `audio` is shorter than that.

    Returns:
        float32 `(num_samples,)`.
    """
    if len(audio) >= num_samples:
        return audio[:num_samples]
    crossfade = min(crossfade, len(audio) // 2)
    step = len(audio) - crossfade
    phase = (np.arange(crossfade) + 0.5) / max(crossfade, 1) * (np.pi / 2)
    rise, fall = np.sin(phase).astype("float32"), np.cos(phase).astype("float32")
    seam = audio[step:] * fall + audio[:crossfade] * rise
    looped = np.empty(num_samples, "float32")
    looped[:step] = audio[:step]
    for start in range(step, num_samples, step):
        part = looped[start : start + step]
        part[:crossfade] = seam[: len(part)]
        part[crossfade:] = audio[crossfade : len(part)]
    return looped


@lru_cache(maxsize=32)
def _raised_cosine(num_samples: int) -> np.ndarray:
    phase = np.pi * (np.arange(num_samples) + 0.5) / num_samples
    ramp = (0.5 - 0.5 * np.cos(phase)).astype("float32")
    ramp.flags.writeable = False  # all callers share it
    return ramp


def _wav_header(num_bytes: int, sample_rate: int) -> bytes:
    """What stands before the samples of a mono 16-bit WAV file."""
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return struct.pack(
        "<4sI4s4sI16s4sI",
        *(b"RIFF", 36 + num_bytes, b"WAVE"),
        *(b"fmt ", len(form), form),
        *(b"data", num_bytes),
    )


def _runs(mask: np.ndarray) -> tuple[list[int], list[int]]:
    """First and one-past-last index of every run of True."""
    edges = np.diff(np.concatenate([[0], mask.astype("int8"), [0]]))
    return np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()


def _needs_ffmpeg(path: Path) -> bool:
    if not path.is_file():
        raise FileNotFoundError(f"No such audio file: {path}")
    return path.suffix.lower() not in NATIVE_SUFFIXES


def _broken(path: Path, error: Exception) -> AudioFileError:
    reason = str(error).split(":")[-1].strip().rstrip(".")
    if reason.startswith("File does not exist"):  # said of what is no mp3 at all
        reason = "Format not recognised"
    return AudioFileError(f"{path} cannot be read as audio: {reason}.")


def _read_natively(path, start, duration):
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate = file.samplerate
            first = round(start * rate)
            if first >= file.frames:
                raise AudioFileError(
                    f"{path} holds no audio from {start:g} s on: it is "
                    f"{file.frames / rate:g} s long."
                )
            if first:
                file.seek(first)
            frames = file.frames - first
            if duration is not None:
                frames = min(frames, round(duration * rate))
            audio = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, MemoryError) as error:
        raise _broken(path, error) from None
    # ogg and mp3 that are broken in the middle just end there; a tenth of a second
    # is what headers of sound mp3 files may be off.
    if len(audio) < frames - 0.1 * rate:
        raise AudioFileError(
            f"{path} is broken: it cannot be read beyond "
            f"{(first + len(audio)) / rate:.2f} s."
        )
    return audio, rate


def _open_with_ffmpeg(path, **part):
    with warnings.catch_warnings():
        # pydub warns that audioop will be gone; audioop-lts stands in for it.
        warnings.simplefilter("ignore")
        import pydub
        from pydub.utils import which
    if which("ffmpeg") is None:
        raise AudioFileError(
            f"{path} needs ffmpeg, which is not installed. Install it "
            "(`apt install ffmpeg`, `brew install ffmpeg`) or convert the file to wav."
        )
    try:
        return pydub.AudioSegment.from_file(os.fspath(path), **part)
    except (pydub.exceptions.CouldntDecodeError, IndexError, OSError):
        raise AudioFileError(
            f"{path} cannot be read as audio: ffmpeg cannot decode it."
        ) from None


def _read_with_ffmpeg(path, start, duration):
    segment = _open_with_ffmpeg(
        path, start_second=start or None, duration=duration or None
    )
    samples = np.array(segment.get_array_of_samples(), "float32")
    samples = samples.reshape(-1, segment.channels) / float(
        segment.max_possible_amplitude
    )
    return samples, segment.frame_rate
