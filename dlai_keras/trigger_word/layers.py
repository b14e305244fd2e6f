"""The features as layers, so that a saved model takes raw audio."""

import keras
import numpy as np
from keras import ops

from dlai_keras.trigger_word import features


class _FrameFeature(keras.layers.Layer):
    """What both features share: audio in, one row per whole frame out."""

    def __init__(self, n_fft, hop_length, num_features, **kwargs):
        # Not cast before `call`: half precision would take bits from 16-bit samples.
        super().__init__(autocast=False, **kwargs)
        features.check_framing(n_fft, hop_length)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self._num_features = num_features

    @property
    def _precision(self):
        """At least single precision: no backend transforms less."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def _constant(self, array):
        return ops.convert_to_tensor(array, dtype=self._precision)

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                "The audio must have the shape (batch, num_samples). Received: "
                f"shape={tuple(input_shape)}. Average the channels or pick one."
            )

    def call(self, inputs):
        audio = ops.cast(inputs, self._precision)
        if audio.shape[1] is not None and audio.shape[1] < self.n_fft:
            # Backends differ in what they make of no whole frame, some fail.
            shape = (ops.shape(audio)[0], 0, self._num_features)
            return ops.zeros(shape, self.compute_dtype)
        frames = ops.extract_sequences(audio, self.n_fft, self.hop_length)
        frames = frames * self._constant(self._window())  # (batch, num_frames, n_fft)
        real, imaginary = ops.rfft(frames)
        power = ops.square(real) + ops.square(imaginary)
        return ops.cast(self._from_power(power), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, num_samples = input_shape
        if num_samples is None:
            return (batch, None, self._num_features)
        num_frames = features.num_frames(num_samples, self.n_fft, self.hop_length)
        return (batch, num_frames, self._num_features)


@keras.saving.register_keras_serializable(package="dlai_keras")
class PowerSpectrogram(_FrameFeature):
    """Power spectral density of every frame: the course's spectrogram.

    `|rfft(window * frame)|**2 / (sample_rate * sum(window**2))` with a symmetric Hann
    window, doubled in all bins that stand for a negative frequency too, without
    padding: `dlai_keras.trigger_word.features.spectrogram` of each row, within 1e-6 of
    the maximum. Computed in single precision at least and returned in the layer's
    dtype; densities of quiet samples in [-1, 1] are too small for half precision.

    Args:
        n_fft: samples per frame, at least 3; the course's 200.
        hop_length: samples from one frame to the next; the course's 80.
        sample_rate: hertz, scales the density only; the course says 8000 for its
            44.1 kHz recordings.

    Input shape:
        `(batch, num_samples)`, real or whole numbers; `num_samples` may be None.
    Output shape:
        `(batch, num_frames, n_fft // 2 + 1)` with
        `num_frames = 1 + (num_samples - n_fft) // hop_length`, 0 if none fits.

    Raises:
        ValueError: if an argument is not a whole number in its range, or the input is
            not two-dimensional.

    Example:
        >>> ops.shape(PowerSpectrogram()(np.zeros((2, 441_000), "float32")))
        (2, 5511, 101)

    Reference:
        - Course 5, week 3, "Trigger word detection", `graph_spectrogram`.
    """

    def __init__(self, n_fft=200, hop_length=80, sample_rate=8000, **kwargs):
        scale = features.density_scale(n_fft, sample_rate)
        super().__init__(n_fft, hop_length, len(scale), **kwargs)
        self.sample_rate = sample_rate
        self._scale = scale  # (n_fft // 2 + 1,)

    def _window(self):
        return np.hanning(self.n_fft)

    def _from_power(self, power):
        return power * self._constant(self._scale)

    def get_config(self):
        return {
            **super().get_config(),
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "sample_rate": self.sample_rate,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class LogMelSpectrogram(_FrameFeature):
    """Natural logarithm of the energy in bands as wide as the ear's.

    `log(|rfft(window * frame)|**2 @ mel_filterbank + floor)` with a periodic Hann
    window and Slaney's bands, without padding:
    `dlai_keras.trigger_word.features.log_mel` of each row. Computed in single precision
    at least and returned in the layer's dtype.

    Args:
        sample_rate: hertz.
        n_fft: samples per frame, at least 3; 400 is 25 ms at 16 kHz.
        hop_length: samples from one frame to the next; 160 is 10 ms at 16 kHz.
        num_mels: number of bands.
        min_frequency: lower edge of the lowest band, in hertz.
        max_frequency: upper edge of the highest band, in hertz, at most half the
            sample rate.
        floor: positive power added before the logarithm, so that silence stays finite.

    Input shape:
        `(batch, num_samples)`, real or whole numbers; `num_samples` may be None.
    Output shape:
        `(batch, num_frames, num_mels)` with
        `num_frames = 1 + (num_samples - n_fft) // hop_length`, 0 if none fits.

    Raises:
        ValueError: if an argument is out of its range, or the input is not
            two-dimensional.

    Example:
        >>> ops.shape(LogMelSpectrogram()(np.zeros((2, 16_000), "float32")))
        (2, 98, 40)

    Reference:
        - Slaney, 1998, "Auditory Toolbox: version 2", for the bands.
    """

    def __init__(
        self,
        sample_rate=16_000,
        n_fft=400,
        hop_length=160,
        num_mels=40,
        min_frequency=60.0,
        max_frequency=7600.0,
        floor=1e-6,
        **kwargs,
    ):
        features.check_floor(floor)
        filterbank = features.mel_filterbank(
            sample_rate=sample_rate,
            n_fft=n_fft,
            num_mels=num_mels,
            min_frequency=min_frequency,
            max_frequency=max_frequency,
        )
        super().__init__(n_fft, hop_length, num_mels, **kwargs)
        self.sample_rate = sample_rate
        self.num_mels = num_mels
        self.min_frequency = min_frequency
        self.max_frequency = max_frequency
        self.floor = floor
        self._filterbank = filterbank  # (n_fft // 2 + 1, num_mels)

    def _window(self):
        return np.hanning(self.n_fft + 1)[:-1]

    def _from_power(self, power):
        mel = ops.matmul(power, self._constant(self._filterbank))
        return ops.log(mel + self.floor)

    def get_config(self):
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "num_mels": self.num_mels,
            "min_frequency": self.min_frequency,
            "max_frequency": self.max_frequency,
            "floor": self.floor,
        }
