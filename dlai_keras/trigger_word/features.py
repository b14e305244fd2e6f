"""What the detector sees of a sound: power spectrograms and log-mel energies.

Frames are never padded or centred: frame `t` covers the samples from
`t * hop_length` to `t * hop_length + n_fft`, and a sound shorter than one frame has
none. So a frame depends on its own samples only, and a stream cut anywhere gives the
frames of the whole.
"""

import numbers
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view

# Frames transformed at a time. Up to twice as many are as fast; above that the blocks
# leave the cache and the allocator returns their memory every time, at half the speed.
_BLOCK = 512

# Slaney's mel scale: linear up to 1 kHz, from there 27 mels for every factor of 6.4.
_HERTZ_PER_MEL = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _HERTZ_PER_MEL
_MELS_PER_E_FOLD = 27 / np.log(6.4)


def num_frames(num_samples: int, n_fft: int, hop_length: int) -> int:
    """Number of whole frames in a sound, without padding.

    Args:
        num_samples: length of the sound.
        n_fft: samples per frame.
        hop_length: samples from one frame to the next.

    Returns:
        `1 + (num_samples - n_fft) // hop_length`, or 0 if not one frame fits.

    Raises:
        ValueError: if `num_samples` is negative, or `n_fft` or `hop_length` is not
            a positive whole number.

    Example:
        >>> num_frames(441_000, 200, 80)  # the course's 10 s at 44.1 kHz
        5511
        >>> num_frames(199, 200, 80)
        0
    """
    _check_whole("num_samples", num_samples, 0)
    _check_whole("n_fft", n_fft, 1)
    _check_whole("hop_length", hop_length, 1)
    return max(0, 1 + (num_samples - n_fft) // hop_length)


def output_frames(num_frames: int, kernel_size: int = 15, stride: int = 4) -> int:
    """Number of frames that a strided convolution without padding leaves.

    Args:
        num_frames: frames that go in.
        kernel_size: frames that one output sees; the course's 15.
        stride: frames from one output to the next; the course's 4.

    Returns:
        `1 + (num_frames - kernel_size) // stride`, or 0 if the kernel does not fit.

    Raises:
        ValueError: if `num_frames` is negative, or `kernel_size` or `stride` is not
            a positive whole number.

    Example:
        >>> output_frames(5511)  # the course's Ty
        1375
    """
    _check_whole("num_frames", num_frames, 0)
    _check_whole("kernel_size", kernel_size, 1)
    _check_whole("stride", stride, 1)
    return max(0, 1 + (num_frames - kernel_size) // stride)


def spectrogram(
    audio: np.ndarray,
    *,
    n_fft: int = 200,
    hop_length: int = 80,
    sample_rate: int = 8000,
) -> np.ndarray:
    """Power spectral density of every frame: the course's spectrogram.

    `|rfft(window * frame)|**2 / (sample_rate * sum(window**2))` with a symmetric Hann
    window, doubled in all bins that stand for a negative frequency too. This is
    `matplotlib.mlab.specgram(audio, n_fft, sample_rate, noverlap=n_fft - hop_length)`
    transposed, time first.

    Args:
        audio: sound, `(num_samples,)`. float32 is computed in float32, within 1e-6 of
            the maximum; everything else in float64.
        n_fft: samples per frame, at least 3; the course's 200.
        hop_length: samples from one frame to the next; the course's 80.
        sample_rate: hertz, scales the density only. The course says 8000 for its
            44.1 kHz recordings, and its weights expect that scale.

    Returns:
        Array `(num_frames, n_fft // 2 + 1)`, in `audio`'s units squared per hertz;
        `num_frames` is 0 for a sound shorter than `n_fft`.

    Raises:
        ValueError: if `audio` is not one-dimensional and real, or a setting is not a
            whole number in its range.

    Example:
        >>> spectrogram(np.zeros(441_000, "float32")).shape
        (5511, 101)

    Reference:
        - Welch, 1967, "The use of fast Fourier transform for the estimation of power
          spectra", for the scaling.
        - Course 5, week 3, "Trigger word detection", `graph_spectrogram`.
    """
    audio = _check_audio(audio)
    check_framing(n_fft, hop_length)
    window = _density_window(n_fft, sample_rate, audio.dtype)
    power = _power_spectrum(audio, window, hop_length)
    for unpaired in _unpaired_bins(n_fft):
        power[:, unpaired] *= 0.5
    return power


def log_mel(
    audio: np.ndarray,
    *,
    sample_rate: int = 16_000,
    n_fft: int = 400,
    hop_length: int = 160,
    num_mels: int = 40,
    min_frequency: float = 60.0,
    max_frequency: float = 7600.0,
    floor: float = 1e-6,
) -> np.ndarray:
    """Natural logarithm of the energy in bands as wide as the ear's.

    `log(|rfft(window * frame)|**2 @ mel_filterbank + floor)` with a periodic Hann
    window: `librosa.feature.melspectrogram(center=False)` transposed, plus the floor,
    then the logarithm.

    Args:
        audio: sound, `(num_samples,)`. float32 is computed in float32; everything
            else in float64.
        sample_rate: hertz.
        n_fft: samples per frame, at least 3; 400 is 25 ms at 16 kHz.
        hop_length: samples from one frame to the next; 160 is 10 ms at 16 kHz.
        num_mels: number of bands.
        min_frequency: lower edge of the lowest band, in hertz.
        max_frequency: upper edge of the highest band, in hertz, at most half the
            sample rate.
        floor: positive power added before the logarithm, so that silence stays finite
            and noise far below speech is flattened.

    Returns:
        Array `(num_frames, num_mels)`; `num_frames` is 0 for a sound shorter than
        `n_fft`.

    Raises:
        ValueError: if `audio` is not one-dimensional and real, or a setting is out of
            its range.

    Example:
        >>> log_mel(np.zeros(16_000, "float32")).shape
        (98, 40)

    Reference:
        - Slaney, 1998, "Auditory Toolbox: version 2", for the bands.
    """
    audio = _check_audio(audio)
    check_framing(n_fft, hop_length)
    check_floor(floor)
    weights = _mel_weights(
        sample_rate, n_fft, num_mels, min_frequency, max_frequency, audio.dtype
    )
    power = _power_spectrum(audio, _mel_window(n_fft, audio.dtype), hop_length)
    # A bin is in two bands at most. Sparse is as fast as BLAS here, and unlike BLAS it
    # gives the same bits for any number of threads and frames.
    mel = weights @ power.T  # (num_mels, num_frames)
    mel += audio.dtype.type(floor)
    return np.ascontiguousarray(np.log(mel, out=mel).T)


def mel_filterbank(
    *,
    sample_rate: int = 16_000,
    n_fft: int = 400,
    num_mels: int = 40,
    min_frequency: float = 60.0,
    max_frequency: float = 7600.0,
) -> np.ndarray:
    """Triangular bands, evenly spaced on Slaney's mel scale, each of area 1 in hertz.

    Args:
        sample_rate: hertz.
        n_fft: samples per frame of the spectrum that the bands are for.
        num_mels: number of bands.
        min_frequency: lower edge of the lowest band, in hertz.
        max_frequency: upper edge of the highest band, in hertz.

    Returns:
        float64 `(n_fft // 2 + 1, num_mels)`, to multiply a power spectrum from the
        right: `librosa.filters.mel(norm="slaney")` transposed.

    Raises:
        ValueError: if a setting is out of its range, or a band is so narrow that no
            bin of the spectrum lies in it.

    Example:
        >>> mel_filterbank().shape
        (201, 40)

    Reference:
        - Slaney, 1998, "Auditory Toolbox: version 2".
    """
    _check_whole("sample_rate", sample_rate, 1)
    _check_whole("n_fft", n_fft, 3)
    _check_whole("num_mels", num_mels, 1)
    if not 0 <= min_frequency < max_frequency <= sample_rate / 2:
        raise ValueError(
            "`min_frequency` and `max_frequency` must be in order, between 0 and half "
            f"the sample rate. Received: min_frequency={min_frequency}, "
            f"max_frequency={max_frequency}, sample_rate={sample_rate}. "
            f"Set max_frequency to at most {sample_rate / 2}."
        )
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]  # (num_bins, 1), hertz
    edges = _mel_to_hertz(
        np.linspace(
            _hertz_to_mel(min_frequency), _hertz_to_mel(max_frequency), num_mels + 2
        )
    )
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]  # (num_mels,) each
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    weights = np.maximum(0, np.minimum(rising, falling)) * (2 / (upper - lower))
    empty = np.flatnonzero(~weights.any(axis=0))
    if empty.size:
        raise ValueError(
            "`num_mels` must leave at least one bin of the spectrum to each band. "
            f"Received: num_mels={num_mels}, n_fft={n_fft}: {empty.size} bands are "
            "empty. Take fewer bands or a larger n_fft."
        )
    return weights


def density_scale(n_fft: int, sample_rate: int) -> np.ndarray:
    """What turns a Hann-windowed power spectrum into a one-sided density.

    Args:
        n_fft: samples per frame.
        sample_rate: hertz.

    Returns:
        float64 `(n_fft // 2 + 1,)`: `2 / (sample_rate * sum(window**2))`, half of it
        where a bin has no negative frequency (zero, and Nyquist's if `n_fft` is even).

    Raises:
        ValueError: if `n_fft` is below 3 or `sample_rate` below 1.

    Example:
        >>> density_scale(4, 1) * np.sum(np.hanning(4) ** 2)
        array([1., 2., 1.])
    """
    # A symmetric Hann window of one or two samples is zero throughout.
    _check_whole("n_fft", n_fft, 3)
    _check_whole("sample_rate", sample_rate, 1)
    scale = 2 / (sample_rate * np.sum(np.hanning(n_fft) ** 2))
    scale = np.full(n_fft // 2 + 1, scale)
    scale[_unpaired_bins(n_fft)] *= 0.5
    return scale


def check_framing(n_fft: int, hop_length: int) -> None:
    """Raises a ValueError if frames cannot be cut and windowed like this."""
    _check_whole("n_fft", n_fft, 3)
    _check_whole("hop_length", hop_length, 1)


def check_floor(floor: float) -> None:
    """Raises a ValueError if `floor` would leave silence without a logarithm."""
    if not floor > 0:
        raise ValueError(
            "`floor` must be positive, or silence has no logarithm. "
            f"Received: floor={floor}. 1e-6 is usual for samples in [-1, 1]."
        )


def _power_spectrum(audio, window, hop_length):
    """`|rfft(window * frame)|**2`, `(num_frames, num_bins)`, in `audio`'s type."""
    n_fft = len(window)
    frames = num_frames(len(audio), n_fft, hop_length)
    power = np.empty((frames, n_fft // 2 + 1), audio.dtype)
    if not frames:
        return power
    views = sliding_window_view(audio, n_fft)[::hop_length]  # (num_frames, n_fft)
    windowed = np.empty((min(_BLOCK, frames), n_fft), audio.dtype)
    for start in range(0, frames, _BLOCK):
        block = power[start : start + _BLOCK]
        taps = windowed[: len(block)]
        np.multiply(views[start : start + _BLOCK], window, out=taps)
        # Squaring the transform in place, real and imaginary parts side by side,
        # needs neither square roots nor another array. scipy's rfft runs several
        # float32 frames at once in vector registers; NumPy's does not.
        parts = scipy.fft.rfft(taps).view(audio.dtype)  # (block, 2 * num_bins)
        parts *= parts
        np.add(parts[:, ::2], parts[:, 1::2], out=block)
    return power


@lru_cache(maxsize=32)
def _density_window(n_fft, sample_rate, dtype):
    """Symmetric Hann window whose power spectrum is the doubled density."""
    scale = density_scale(n_fft, sample_rate)
    return (np.hanning(n_fft) * np.sqrt(scale[1])).astype(dtype)


@lru_cache(maxsize=32)
def _mel_window(n_fft, dtype):
    return np.hanning(n_fft + 1)[:-1].astype(dtype)


@lru_cache(maxsize=32)
def _mel_weights(sample_rate, n_fft, num_mels, min_frequency, max_frequency, dtype):
    weights = mel_filterbank(
        sample_rate=sample_rate,
        n_fft=n_fft,
        num_mels=num_mels,
        min_frequency=min_frequency,
        max_frequency=max_frequency,
    )
    return scipy.sparse.csr_array(weights.T.astype(dtype))  # (num_mels, num_bins)


def _unpaired_bins(n_fft):
    """Bins that have no negative frequency: zero, and Nyquist's if there is one."""
    return [0] if n_fft % 2 else [0, n_fft // 2]


def _hertz_to_mel(frequency):
    if frequency < _BREAK_HERTZ:
        return frequency / _HERTZ_PER_MEL
    return _BREAK_MEL + _MELS_PER_E_FOLD * np.log(frequency / _BREAK_HERTZ)


def _mel_to_hertz(mel):
    linear = mel * _HERTZ_PER_MEL
    logarithmic = _BREAK_HERTZ * np.exp((mel - _BREAK_MEL) / _MELS_PER_E_FOLD)
    return np.where(mel < _BREAK_MEL, linear, logarithmic)


def _check_audio(audio):
    audio = np.asarray(audio)
    if audio.ndim != 1 or audio.dtype.kind not in "iuf":
        raise ValueError(
            "`audio` must be one channel of real samples, shape (num_samples,). "
            f"Received: shape={audio.shape}, dtype={audio.dtype}. Average the channels "
            "or pass them one by one."
        )
    return audio if audio.dtype == np.float32 else audio.astype(np.float64, copy=False)


def _check_whole(name, value, minimum):
    if (
        not isinstance(value, numbers.Integral)
        or isinstance(value, bool)
        or value < minimum
    ):
        raise ValueError(
            f"`{name}` must be a whole number of at least {minimum}. "
            f"Received: {name}={value!r}."
        )


def log_mel_settings(sample_rate: int) -> dict:
    """Arguments of `log_mel` for a sample rate: 25 ms frames every 10 ms.

    Example:
        >>> log_mel_settings(16_000)["n_fft"], log_mel_settings(8000)["max_frequency"]
        (400, 3800.0)
    """
    return {
        "sample_rate": sample_rate,
        "n_fft": round(0.025 * sample_rate),
        "hop_length": round(0.01 * sample_rate),
        "max_frequency": min(7600.0, 0.475 * sample_rate),
    }
