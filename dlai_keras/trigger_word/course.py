"""The course's own functions, with its names and argument order, over pydub segments.

They draw from NumPy's global generator, as the course does, and never seed it; they
assume 10 s of audio wherever the course does. Datasets are made by
`dlai_keras.trigger_word.synthesis`; these are here so that a notebook's cells and their
published values run against this package.

Reference:
    - Course 5, week 3, "Trigger word detection" (version 2a).
"""

import tempfile
import warnings
from os import PathLike
from pathlib import Path

import numpy as np
from matplotlib import mlab
from scipy.io import wavfile

with warnings.catch_warnings():
    # pydub warns that the standard library drops audioop; audioop-lts replaces it.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.exceptions import CouldntDecodeError

Segment = tuple[int, int]  # first and last millisecond, both inclusive

_SCENE_MS = 10_000
_MAX_RETRIES = 5
_NUM_ONES = 50
_OUT_OF_SCENE = (_SCENE_MS, _SCENE_MS)


def get_random_time_segment(segment_ms: int) -> Segment:
    """Draws where in 10 s a clip may lie.

    Args:
        segment_ms: length of the clip, in milliseconds, below 10,000.

    Returns:
        First and last millisecond, both inclusive.

    Raises:
        ValueError: if the clip does not fit.

    Example:
        >>> start, end = get_random_time_segment(916)
        >>> end - start
        915
    """
    if not 0 <= segment_ms < _SCENE_MS:
        raise ValueError(
            f"`segment_ms` must be from 0 to {_SCENE_MS - 1}. "
            f"Received: segment_ms={segment_ms}. Use a shorter clip."
        )
    # The course's published positions are drawn from the global generator.
    start = np.random.randint(0, _SCENE_MS - segment_ms)  # noqa: NPY002
    return start, start + segment_ms - 1


def is_overlapping(segment_time: Segment, previous_segments: list[Segment]) -> bool:
    """Whether a segment shares a millisecond with one of the others.

    Args:
        segment_time: first and last millisecond, both inclusive.
        previous_segments: the others, in any order.

    Returns:
        True if it overlaps at least one.

    Example:
        >>> is_overlapping((750, 1250), [(100, 750), (1300, 1400)])
        True
        >>> is_overlapping((500, 1000), [(100, 499), (1001, 1100)])
        False
    """
    start, end = segment_time
    return any(
        start <= previous_end and previous_start <= end
        for previous_start, previous_end in previous_segments
    )


def insert_audio_clip(
    background: AudioSegment,
    audio_clip: AudioSegment,
    previous_segments: list[Segment],
) -> tuple[AudioSegment, Segment]:
    """Lays a clip over the background at a random place that is still free.

    After 5 retries (version 2a) it gives up: the clip is left out.

    Args:
        background: 10 s of audio; it is not changed.
        audio_clip: the clip.
        previous_segments: where other clips lie, in milliseconds; the new place is
            appended.

    Returns:
        The new audio and the clip's first and last millisecond; or the unchanged
        background and `(10000, 10000)`, which `insert_ones` ignores.

    Raises:
        ValueError: if the clip is not shorter than 10 s.

    Example:
        >>> scene = AudioSegment.silent(10_000)
        >>> insert_audio_clip(scene, scene[:500], [(0, 9_999)])[1]
        (10000, 10000)
    """
    segment_time = get_random_time_segment(len(audio_clip))
    retries = 0
    while is_overlapping(segment_time, previous_segments):
        if retries == _MAX_RETRIES:
            return background, _OUT_OF_SCENE
        segment_time = get_random_time_segment(len(audio_clip))
        retries += 1
    previous_segments.append(segment_time)
    return background.overlay(audio_clip, position=segment_time[0]), segment_time


def insert_ones(y: np.ndarray, segment_end_ms: float) -> np.ndarray:
    """Marks the 50 steps strictly after the end of a word.

    Args:
        y: labels, `(1, Ty)`, for 10 s. Changed in place, as in the course.
        segment_end_ms: end of the word, in milliseconds.

    Returns:
        `y`, with ones from step `int(segment_end_ms * Ty / 10000) + 1` on, fewer than
        50 of them where `y` ends first.

    Example:
        >>> y = insert_ones(np.zeros((1, 1375)), 5000)
        >>> int(y.argmax()), int(y.sum())
        (688, 50)
    """
    end = int(segment_end_ms * y.shape[1] / _SCENE_MS)
    y[0, end + 1 : end + 1 + _NUM_ONES] = 1
    return y


def match_target_amplitude(sound: AudioSegment, target_dBFS: float) -> AudioSegment:
    """Brings the mean level of a sound to a target.

    Args:
        sound: the sound.
        target_dBFS: root mean square level, in dB relative to full scale.

    Returns:
        The sound with one gain applied, samples beyond full scale clipped; digital
        silence, which has no level, as it is.

    Example:
        >>> from pydub.generators import Sine
        >>> round(match_target_amplitude(Sine(440).to_audio_segment(), -20.0).dBFS, 2)
        -20.0
    """
    if sound.rms == 0:
        return sound
    return sound.apply_gain(target_dBFS - sound.dBFS)


def create_training_example(
    background: AudioSegment,
    activates: list[AudioSegment],
    negatives: list[AudioSegment],
    Ty: int = 1375,
    *,
    path: str | PathLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Makes one example: 0-4 activates and 0-2 negatives over a quieter background.

    The background is lowered by 20 dB and the mixture brought to -20 dBFS. As in the
    course, it is written as a WAV file and read back.

    Args:
        background: 10 s of audio.
        activates: clips of the trigger word.
        negatives: clips of other words.
        Ty: number of steps of the labels.
        path: where to leave the WAV file; the course's is `"train.wav"`. By default a
            temporary file that is removed.

    Returns:
        The spectrogram `(101, Tx)`, frequency first, and the labels `(1, Ty)`.

    Raises:
        ValueError: if `activates` or `negatives` is empty, or a clip is not shorter
            than 10 s.

    Example:
        >>> from pydub.generators import WhiteNoise
        >>> noise = WhiteNoise().to_audio_segment(10_000)
        >>> x, y = create_training_example(noise, [noise[:800]], [noise[:300]])
        >>> x.shape, y.shape
        ((101, 5511), (1, 1375))
    """
    for name, clips in (("activates", activates), ("negatives", negatives)):
        if not clips:
            raise ValueError(f"`{name}` must hold at least one clip. Received: none.")
    background = background - 20
    y = np.zeros((1, Ty))
    previous_segments = []
    for clip in _draw(activates, 4):
        background, (_, segment_end) = insert_audio_clip(
            background, clip, previous_segments
        )
        y = insert_ones(y, segment_end)
    for clip in _draw(negatives, 2):
        background, _ = insert_audio_clip(background, clip, previous_segments)
    background = match_target_amplitude(background, -20.0)
    if path is not None:
        return _write_and_read(background, Path(path)), y
    with tempfile.TemporaryDirectory() as folder:
        return _write_and_read(background, Path(folder) / "train.wav"), y


def graph_spectrogram(wav_file: str | PathLike, *, draw: bool = False) -> np.ndarray:
    """The spectrogram of a WAV file's first channel.

    Args:
        wav_file: the file.
        draw: whether to draw it too, into matplotlib's current axes, as the course
            does at every call.

    Returns:
        Power spectral density `(101, Tx)`, frequency first, float64.

    Raises:
        ValueError: if the file is not a WAV file.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     wav_file = Path(folder) / "silence.wav"
        ...     _ = AudioSegment.silent(10_000, 44_100).export(wav_file, "wav").close()
        ...     graph_spectrogram(wav_file).shape
        (101, 5511)
    """
    _, data = get_wav_info(wav_file)
    if data.ndim == 2:
        data = data[:, 0]
    if draw:
        from matplotlib import pyplot as plt  # opens a display, so only when asked

        return plt.specgram(data, NFFT=200, Fs=8000, noverlap=120)[0]
    return mlab.specgram(data, NFFT=200, Fs=8000, noverlap=120)[0]


def get_wav_info(wav_file: str | PathLike) -> tuple[int, np.ndarray]:
    """Reads a WAV file.

    Args:
        wav_file: the file.

    Returns:
        Its sample rate in hertz, and its samples `(num_samples,)` or
        `(num_samples, num_channels)`, as stored: usually int16.

    Raises:
        ValueError: if the file is not a WAV file.
    """
    try:
        return wavfile.read(wav_file)
    except ValueError as error:
        raise ValueError(f"{wav_file} cannot be read as a WAV file: {error}") from None


def load_raw_audio(
    path: str | PathLike = "./raw_data/",
) -> tuple[list[AudioSegment], list[AudioSegment], list[AudioSegment]]:
    """Reads the course's recordings.

    Args:
        path: folder with `activates/`, `negatives/` and `backgrounds/`, each with WAV
            files.

    Returns:
        Activates, negatives and backgrounds, each in the order of the files' names. The
        course takes the order in which the file system lists them.

    Raises:
        FileNotFoundError: if one of the three folders is missing.
        ValueError: if a file is not a WAV file.
    """
    return tuple(
        [_read_wav(file) for file in _wav_files(Path(path) / kind)]
        for kind in ("activates", "negatives", "backgrounds")
    )


def _wav_files(folder):
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is missing. The folder must hold activates/, negatives/ and "
            "backgrounds/ with WAV files."
        )
    return sorted(folder.glob("*.wav"))


def _read_wav(file):
    with file.open("rb") as stream:  # pydub would leave the file open
        try:
            return AudioSegment.from_wav(stream)
        except (CouldntDecodeError, IndexError, OSError):
            # What pydub cannot read it hands to ffmpeg, which may be missing.
            raise ValueError(f"{file} cannot be read as a WAV file.") from None


def _draw(clips, maximum):
    """0 to `maximum` clips, repetitions allowed, in the course's order of draws."""
    count = np.random.randint(0, maximum + 1)  # noqa: NPY002 (the course's generator)
    indices = np.random.randint(len(clips), size=count)  # noqa: NPY002
    return [clips[i] for i in indices]


def _write_and_read(sound, path):
    sound.export(path, format="wav").close()
    return graph_spectrogram(path)
