"""The models have the published sizes, look back only, and survive the disk."""

import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import soundfile
from keras import ops

from dlai_keras.losses import MaskedBinaryCrossentropy
from dlai_keras.trigger_word import features
from dlai_keras.trigger_word.detection import DetectorSettings, find_words, score_audio
from dlai_keras.trigger_word.layers import PowerSpectrogram
from dlai_keras.trigger_word.model import (
    causal_trigger_word_detector,
    listen,
    load_course_weights,
    load_detector,
    load_pretrained,
    receptive_field,
    save_detector,
    trigger_word_detector,
)

backends = pytest.mark.backends
LONG = (1, 2, 4, 8, 1, 2, 4)  # the default dilations


def noise(*shape, scale=0.1, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype("float32")


def sound(num_samples):
    """Noise that gets louder and softer."""
    swell = np.exp(2 * np.sin(np.arange(num_samples) / 3000))
    return noise(num_samples, scale=0.05) * swell.astype("float32")


def randomise(model, seed=0):
    """Weights as after a training: no bias is 0 and no normalisation the identity."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            np.abs(weight + rng.normal(0, 0.2, weight.shape)) + 0.1
            if weight.ndim == 1
            else rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
            for weight in model.get_weights()
        ]
    )
    return model


def make_positive(model):
    """Every path through the network counts, and none cancels another."""
    model.set_weights(
        [
            np.full(weight.shape, 1 / np.prod(weight.shape[:-1]))
            if weight.ndim > 1
            else np.ones(weight.shape)
            for weight in model.get_weights()
        ]
    )
    return model


def outputs_of(model, inputs):
    return ops.convert_to_numpy(model(inputs, training=False))


# The course's detector


@backends
@pytest.mark.parametrize(
    ("reset_after", "num_parameters"), [(True, 523_329), (False, 522_561)]
)
def test_the_courses_detector_has_the_published_size(reset_after, num_parameters):
    model = trigger_word_detector(reset_after=reset_after)
    assert model.count_params() == num_parameters
    assert model.output_shape == (None, 1375, 1)
    assert not model.compiled


@backends
@pytest.mark.parametrize("num_frames", [15, 18, 100])
def test_outputs_are_as_many_as_the_targets_of_any_length(num_frames):
    model = trigger_word_detector((None, 7), 3, filters=4, units=5)
    outputs = outputs_of(model, noise(2, num_frames, 7))
    assert outputs.shape == (2, features.output_frames(num_frames), 3)


def test_arguments_of_the_courses_detector_reach_its_layers():
    model = trigger_word_detector(
        (90, 7), filters=4, kernel_size=9, strides=3, units=5, dropout=0.3, name="mine"
    )
    assert model.name == "mine"
    assert model.output_shape == (None, (90 - 9) // 3 + 1, 1)
    conv = model.get_layer("conv")
    assert (conv.filters, conv.kernel_size, conv.strides) == (4, (9,), (3,))
    assert model.get_layer("gru2").units == 5
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.3] * 4


# The causal detector


@backends
@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 98, 100])
def test_the_causal_detector_has_an_output_every_third_frame(num_frames):
    model = causal_trigger_word_detector((None, 7), 2, filters=4)
    outputs = outputs_of(model, noise(2, num_frames, 7))
    assert outputs.shape == (2, (num_frames - 1) // 3 + 1, 2)


@backends
@pytest.mark.parametrize("dilations", [LONG, (1, 3)])
def test_changing_the_future_changes_no_past_output(dilations):
    model = causal_trigger_word_detector((None, 7), 1, filters=6, dilations=dilations)
    randomise(model)
    before = noise(1, 60, 7, scale=3.0)
    expected = outputs_of(model, before)
    for frame in (1, 2, 3, 30, 31, 32, 59):
        after = before.copy()
        after[:, frame:] = noise(1, 60 - frame, 7, scale=9.0, seed=1)
        outputs = outputs_of(model, after)
        past = -(-frame // 3)  # output j hears frames 0 to 3 j
        np.testing.assert_allclose(outputs[:, :past], expected[:, :past], atol=1e-5)
        if past < outputs.shape[1]:
            assert np.abs(outputs[:, past:] - expected[:, past:]).max() > 1e-3


@backends
@pytest.mark.parametrize(
    ("dilations", "kernel_size"), [(LONG, 5), ((1, 2), 3), ((2,), 2)]
)
def test_the_receptive_field_is_exact(dilations, kernel_size):
    model = causal_trigger_word_detector(
        (None, 3), filters=2, dilations=dilations, kernel_size=kernel_size
    )
    make_positive(model)
    seconds = receptive_field(dilations, kernel_size)
    frames = round((seconds - 0.025) / 0.01)  # before the newest one
    last = -(-frames // 3) + 2
    inputs = np.zeros((1, 3 * last + 1, 3), "float32")
    expected = outputs_of(model, inputs)[0, last]
    for age, is_heard in ((frames, True), (frames + 1, False)):
        changed = inputs.copy()
        changed[0, 3 * last - age] = 1e6
        difference = np.abs(outputs_of(model, changed)[0, last] - expected).max()
        assert (difference > 1e-3) == is_heard, age
        assert (difference == 0) != is_heard, age


@backends
def test_an_untrained_detector_says_that_words_are_rare():
    model = causal_trigger_word_detector(filters=8)
    bias = ops.convert_to_numpy(model.get_layer("logits").bias)
    assert 1 / (1 + np.exp(-bias)) == pytest.approx(0.018, abs=1e-3)


@backends
def test_the_causal_detector_trains(tmp_path):
    model = causal_trigger_word_detector((None, 5), filters=8, dilations=(1, 2))
    model.compile(keras.optimizers.Adam(0.05), loss=MaskedBinaryCrossentropy(2.0))
    inputs, targets = noise(8, 61, 5, scale=2.0), np.zeros((8, 21, 1), "float32")
    inputs[:4, 27:33] += 8.0
    targets[:4, 9:12] = 1.0
    targets[:, 12:14] = -1.0
    losses = [model.train_on_batch(inputs, targets) for _ in range(15)]
    assert losses[-1] < 0.6 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.positive_weight == 2.0
    np.testing.assert_allclose(
        outputs_of(loaded, inputs), outputs_of(model, inputs), atol=1e-5
    )


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="XLA is TensorFlow's option here"
)
def test_the_causal_detector_trains_compiled_though_its_length_is_open():
    model = causal_trigger_word_detector((None, 5), filters=4, dilations=(4,))
    model.compile("adam", loss=MaskedBinaryCrossentropy(), jit_compile=True)
    inputs, targets = noise(4, 61, 5), np.zeros((4, 21, 1), "float32")
    losses = model.fit(inputs, targets, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[1] != losses[0]


# Audio in


def test_a_detector_that_listens_gives_the_numbers_of_features_and_network():
    network = randomise(causal_trigger_word_detector(filters=8))
    detector = listen(network)
    for num_samples in (400, 879, 880, 16_000, 40_123):
        audio = noise(num_samples)
        settings = features.log_mel_settings(16_000)
        expected = outputs_of(network, features.log_mel(audio, **settings)[None])
        outputs = outputs_of(detector, audio[None])
        assert outputs.shape == (1, 1 + (num_samples - 400) // 480, 1)
        np.testing.assert_allclose(outputs, expected, atol=2e-4)


def test_a_detector_listens_at_other_sample_rates():
    network = randomise(causal_trigger_word_detector(filters=8))
    outputs = outputs_of(listen(network, 8000), noise(1, 8000))
    assert outputs.shape == (1, 1 + (8000 - 200) // 240, 1)


@pytest.fixture(scope="module")
def detector():
    """With random weights, but scores of sounds that are neither 0 nor 1."""
    network = randomise(causal_trigger_word_detector(num_labels=2, filters=8))
    logits = outputs_of(listen(network), sound(100_000)[None])[0]
    kernel, bias = network.get_layer("logits").get_weights()
    kernel, bias = kernel / logits.std(axis=0), (bias - logits.mean(0)) / logits.std(0)
    network.get_layer("logits").set_weights([kernel, bias])
    return listen(network)


TWO = DetectorSettings(labels=("yes", "no"), context=receptive_field())


# Nothing, less than a frame, one frame, and the edges of frames, chunks and contexts.
@pytest.mark.parametrize(
    "num_samples",
    [0, 1, 399, 400, 401, 879, 880, 32_000, 32_399, 32_400, 44_080, 75_680, 100_001],
)
@pytest.mark.parametrize("loudness", [1, 0], ids=["sound", "silence"])
def test_chunks_of_a_recording_score_as_the_whole_at_once(
    detector, num_samples, loudness
):
    audio = sound(num_samples) * np.float32(loudness)
    scores = score_audio(detector.predict_on_batch, audio, TWO, chunk=2.0)
    assert scores.shape == (max(0, 1 + (num_samples - 400) // 480), 2)
    if len(scores):
        logits = outputs_of(detector, audio[None])[0]
        np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=2e-5)
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("chunk", [0.0, 0.5, 2.705, 20.0])
def test_chunks_of_any_length_score_alike(detector, chunk):
    audio = sound(60_000 if chunk else 4_000)
    whole = 1 / (1 + np.exp(-outputs_of(detector, audio[None])[0]))
    assert np.ptp(whole[-50:]) > 0.1 or not chunk, "scores that could be mistaken"
    scores = score_audio(detector.predict_on_batch, audio, TWO, chunk=chunk)
    np.testing.assert_allclose(scores, whole, atol=2e-5)


def test_chunks_with_less_context_than_the_receptive_field_score_differently(detector):
    audio = sound(100_000)
    short = replace(TWO, context=0.2)
    whole = 1 / (1 + np.exp(-outputs_of(detector, audio[None])[0]))
    scores = score_audio(detector.predict_on_batch, audio, short, chunk=2.0)
    assert np.abs(scores - whole).max() > 1e-2


# On disk


def test_a_saved_detector_comes_back_with_its_numbers_and_settings(detector, tmp_path):
    settings = replace(TWO, threshold=0.62, latency=0.06)
    save_detector(tmp_path / "new" / "folder", detector, settings, word="yes", seed=3)
    folder = tmp_path / "new" / "folder"
    assert sorted(x.name for x in folder.iterdir()) == ["detector.json", "model.keras"]
    audio = noise(2, 20_000)
    for path in (folder, folder / "model.keras", str(folder)):
        loaded, same, notes = load_detector(path)
        assert same == settings
        assert notes == {"word": "yes", "seed": 3}
    np.testing.assert_allclose(
        outputs_of(loaded, audio), outputs_of(detector, audio), atol=1e-6
    )
    save_detector(folder, detector, TWO)  # over the one before
    assert load_detector(folder)[1:] == (TWO, {})


def test_a_missing_detector_is_named(detector, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*train"):
        load_detector(tmp_path / "nowhere")
    detector.save(tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match=r"detector\.json"):
        load_detector(tmp_path / "model.keras")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"detector": []}',
        b'{"detector": {"labels": 3}}',
        b'{"detector": {"labels": ["a"], "no_such_field": 1}}',
        b"\xff\xfe\x00",
    ],
)
def test_broken_settings_are_named(tmp_path, text):
    (tmp_path / "model.keras").write_bytes(b"")
    (tmp_path / "detector.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"detector\.json holds no detector settings"):
        load_detector(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_broken_model_is_named(detector, tmp_path, keep):
    save_detector(tmp_path, detector, TWO)
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(whole[:keep])
    with pytest.raises(ValueError, match=r"model\.keras is no model of this package"):
        load_detector(tmp_path)


def test_the_shipped_detector_loads_and_listens_to_activate():
    model, settings, notes = load_pretrained()
    assert settings.context >= receptive_field()
    assert 0 < settings.threshold < 1
    assert json.loads(json.dumps(notes)) == notes
    scores = score_audio(model.predict_on_batch, noise(20_000), settings)
    assert scores.shape == (41, 1)
    assert scores.max() < settings.threshold  # noise is no word


# The course's weights, as Keras 2 saved them


def write_legacy(path, model, *, whole_model=False):
    """The layout of Keras 2: groups of layers, with their order in attributes."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole_model else file
        names = []
        for number, layer in enumerate(model.layers):
            # Keras 2 names layers by kind and number, and wraps the last one.
            name = f"{type(layer).__name__.lower()}_{number}"
            names.append(name.encode())
            members = [
                f"{name}/cell/{weight.name}:{index}".encode()
                for index, weight in enumerate(layer.weights)
            ]
            stored = group.create_group(name)
            stored.attrs["weight_names"] = members
            for member, weight in zip(members, layer.get_weights(), strict=True):
                stored[member.decode()] = weight
        group.attrs["layer_names"] = names
        group.attrs["keras_version"] = b"2.7.0"


def small_course_model(**options):
    return trigger_word_detector((None, 7), **{"filters": 4, "units": 5, **options})


@backends
@pytest.mark.parametrize("whole_model", [False, True])
@pytest.mark.parametrize("reset_after", [False, True])
def test_weights_in_the_legacy_layout_are_read(tmp_path, whole_model, reset_after):
    written = randomise(small_course_model(reset_after=reset_after), seed=1)
    write_legacy(tmp_path / "weights.h5", written, whole_model=whole_model)
    model = small_course_model(reset_after=reset_after)
    assert load_course_weights(model, tmp_path / "weights.h5") is model
    for ours, theirs in zip(model.get_weights(), written.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    inputs = noise(2, 50, 7)
    expected = outputs_of(written, inputs)
    np.testing.assert_allclose(outputs_of(model, inputs), expected, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"filters": 5}, {"units": 6}, {"kernel_size": 3}, {"reset_after": False}],
    ids=str,
)
def test_weights_of_another_architecture_are_refused_and_change_nothing(
    tmp_path, options
):
    write_legacy(tmp_path / "weights.h5", small_course_model())
    model = small_course_model(**options)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"weights\.h5 does not hold weights of this"):
        load_course_weights(model, str(tmp_path / "weights.h5"))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_files_without_weights_are_named(tmp_path):
    model = small_course_model()
    with pytest.raises(FileNotFoundError, match="missing"):
        load_course_weights(model, tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(ValueError, match=r"text\.h5 is no HDF5 file"):
        load_course_weights(model, tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(ValueError, match=r"other\.h5 holds no weights"):
        load_course_weights(model, tmp_path / "other.h5")
    write_legacy(tmp_path / "cut.h5", model)
    content = (tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut\.h5 is no HDF5 file"):
        load_course_weights(model, tmp_path / "cut.h5")


@pytest.mark.skipif(
    "DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set: the course's weights"
)
def test_the_courses_weights_hear_both_words_of_the_courses_recording():
    folder = Path(os.environ["DLAI_DATA"]) / "trigger_word"
    model = trigger_word_detector((None, 101))
    load_course_weights(model, folder / "course_model.h5")
    samples, rate = soundfile.read(
        folder / "example_train.wav", dtype="int16", always_2d=True
    )
    inputs = features.spectrogram(samples[:, 0].astype("float32"))
    probabilities = 1 / (1 + np.exp(-model.predict_on_batch(inputs[None])))[0]
    assert probabilities.shape == (1375, 1)
    loud = np.flatnonzero(probabilities[:, 0] > 0.5) * 10 / 1375
    assert loud.min() > 3.5 and ((loud > 5.2) & (loud < 7.7)).sum() == 0

    settings = DetectorSettings(
        sample_rate=rate, hop_samples=320, first_samples=1320, scale=32768.0
    )
    audio = keras.Input((None,))
    hears = keras.Model(audio, model(PowerSpectrogram()(audio)))
    recording = samples[:, 0].astype("float32") / 32768
    scores = score_audio(hears.predict_on_batch, recording, settings)
    np.testing.assert_allclose(scores, probabilities, atol=1e-4)
    times = [one.time for one in find_words(scores, settings)]
    assert times == pytest.approx([4.4, 8.1], abs=0.2)
