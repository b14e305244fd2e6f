"""The layers equal the NumPy features, on every backend and for any length."""

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras.trigger_word import features
from dlai_keras.trigger_word.layers import LogMelSpectrogram, PowerSpectrogram

pytestmark = pytest.mark.backends

LAYERS = [PowerSpectrogram, LogMelSpectrogram]


def noise(*shape):
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype("float32")


def assert_within_a_millionth_of_the_maximum(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_power_spectrogram_keeps_the_contract(tmp_path):
    layer = PowerSpectrogram(n_fft=64, hop_length=30, sample_rate=16_000)
    audio = noise(2, 1000)
    outputs = check_layer(layer, audio, (2, 32, 33), tmp_path)
    expected = [
        features.spectrogram(row, n_fft=64, hop_length=30, sample_rate=16_000)
        for row in audio
    ]
    assert_within_a_millionth_of_the_maximum(outputs, np.stack(expected))


def test_log_mel_spectrogram_keeps_the_contract(tmp_path):
    settings = {
        "sample_rate": 8000,
        "n_fft": 256,
        "hop_length": 100,
        "num_mels": 12,
        "min_frequency": 100.0,
        "max_frequency": 3900.0,
        "floor": 1e-4,
    }
    audio = noise(2, 2000)
    layer = LogMelSpectrogram(**settings)
    outputs = check_layer(layer, audio, (2, 18, 12), tmp_path)
    expected = np.stack([features.log_mel(row, **settings) for row in audio])
    assert_within_a_millionth_of_the_maximum(np.exp(outputs), np.exp(expected))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_power_spectrogram_of_the_course_length_equals_float64():
    audio = noise(1, 441_000)
    ours = ops.convert_to_numpy(PowerSpectrogram()(audio))
    expected = features.spectrogram(audio[0].astype("float64"))
    assert ours.shape == (1, 5511, 101)
    assert_within_a_millionth_of_the_maximum(ours[0], expected)


def test_log_mel_power_equals_float64():
    audio = noise(1, 32_000)
    ours = ops.convert_to_numpy(LogMelSpectrogram()(audio)).astype("float64")
    expected = features.log_mel(audio[0].astype("float64"))
    np.testing.assert_allclose(ours[0], expected, atol=1e-5)
    # The logarithm itself is rounded to 6e-8 of about -5, hence to 3e-7 of the power.
    assert_within_a_millionth_of_the_maximum(np.exp(ours[0]), np.exp(expected))


@pytest.mark.parametrize(
    ("layer_class", "feature"),
    [
        (PowerSpectrogram, features.spectrogram),
        (LogMelSpectrogram, features.log_mel),
    ],
)
def test_one_model_takes_audio_of_any_length(layer_class, feature):
    layer = layer_class()
    inputs = keras.Input((None,))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape[:2] == (None, None)
    for num_samples in (150, 400, 1000, 1234):
        audio = noise(2, num_samples)
        outputs = model.predict(audio, verbose=0)
        assert outputs.shape == layer.compute_output_shape(audio.shape)
        for row, output in zip(audio, outputs, strict=True):
            expected = feature(row)
            tolerance = 1e-6 * np.abs(expected).max(initial=0)
            np.testing.assert_allclose(output, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize("num_samples", [0, 1, 199])
def test_audio_shorter_than_a_frame_has_no_frames(layer_class, num_samples):
    layer = layer_class()
    outputs = ops.convert_to_numpy(layer(noise(3, num_samples)))
    assert outputs.shape == layer.compute_output_shape((3, num_samples))
    assert outputs.shape[:2] == (3, 0)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_a_model_of_unknown_length_trains(layer_class):
    inputs = keras.Input((None,))
    x = layer_class()(inputs)
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse")
    for num_samples in (800, 1600):
        loss = model.train_on_batch(noise(4, num_samples), np.ones((4, 1)))
        assert np.isfinite(loss)


@pytest.mark.parametrize("layer_class", LAYERS)
def test_whole_numbers_are_taken_as_they_are(layer_class):
    samples = (noise(1, 2000) * 32_768).astype("int16")
    whole = ops.convert_to_numpy(layer_class()(samples))
    real = ops.convert_to_numpy(layer_class()(samples.astype("float32")))
    np.testing.assert_array_equal(whole, real)


def test_half_precision_rounds_the_result_and_not_the_samples():
    audio = noise(1, 8000)
    half = LogMelSpectrogram(dtype="mixed_float16")(audio)
    assert keras.backend.standardize_dtype(half.dtype) == "float16"
    full = ops.convert_to_numpy(LogMelSpectrogram()(audio))
    np.testing.assert_array_equal(ops.convert_to_numpy(half), full.astype("float16"))


@pytest.mark.parametrize("layer_class", LAYERS)
def test_audio_with_channels_is_refused(layer_class):
    with pytest.raises(ValueError, match=r"must have the shape \(batch, num_samples\)"):
        layer_class()(noise(2, 1000, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PowerSpectrogram(n_fft=2), "`n_fft` must be"),
        (lambda: PowerSpectrogram(hop_length=0), "`hop_length` must be"),
        (lambda: PowerSpectrogram(sample_rate=0), "`sample_rate` must be"),
        (lambda: LogMelSpectrogram(sample_rate=8000), "at most 4000.0"),
        (lambda: LogMelSpectrogram(floor=0.0), "`floor` must be positive"),
        (lambda: LogMelSpectrogram(hop_length=0), "`hop_length` must be"),
    ],
)
def test_a_wrong_setting_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
