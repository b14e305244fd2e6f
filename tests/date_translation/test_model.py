"""The models' sizes, what they must not depend on, decoding, the course's weights."""

import json
import os
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras import decoding
from dlai_keras.date_translation.course import modelf
from dlai_keras.date_translation.data import (
    COURSE_EXAMPLES,
    course_vocabularies,
    normalize,
)
from dlai_keras.date_translation.layers import legacy_hard_sigmoid
from dlai_keras.date_translation.model import (
    attention_model,
    course_variables,
    date_reader,
    date_translator,
    decoding_step,
    load_course_weights,
    sequence_translator,
    shift_right,
)

backends = pytest.mark.backends
SIZES = dict(encoder_units=3, decoder_units=4, num_characters=5, num_tokens=6)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def randomize(model, scale=0.7):
    """Weights that make a difference; fresh ones are small."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.get_weights()])
    return model


def translator(**arguments):
    return randomize(date_translator(7, 3, **SIZES, **arguments))


def reader(**arguments):
    sizes = {"embedding_dim": 4, "filters": 4, "units": 5, "query_units": 3}
    arguments = {**sizes, **arguments}
    return randomize(date_reader(9, 6, 3, **arguments))


def sentences(**arguments):
    arguments = {"embedding_dim": 4, "units": 5, **arguments}
    return randomize(sequence_translator(9, 6, **arguments))


def ids(batch, length, low=0, high=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (batch, length)).astype("int32")


# Sizes


def test_the_courses_architecture_has_the_published_size():
    model = date_translator()
    assert model.count_params() == 52_960
    decoder = model.get_layer("decoder").cell
    parts = (
        (model.get_layer("encoder"), 17_920),
        (decoder.attention, 1_290 + 11),
        (decoder.cell, 33_024),
        (model.get_layer("logits"), 715),
    )
    for part, size in parts:
        assert sum(int(np.prod(w.shape)) for w in part.weights) == size
    assert model.input_shape == (None, 30)
    assert model.output_shape == (None, 10, 11)


def test_the_decoder_is_one_cell_however_long_the_output():
    counts = {Ty: len(date_translator(Ty=Ty).operations) for Ty in (2, 50)}
    assert counts[2] == counts[50]
    assert date_translator(Ty=50).count_params() == 52_960


def test_the_date_reader_has_the_size_of_its_parts():
    sizes = {layer.name: layer.count_params() for layer in date_reader(37).layers}
    assert sizes["embedding"] == 37 * 32
    assert sizes["characters"] == (5 * 32 + 1) * 96
    assert sizes["encoder"] == 2 * 3 * 96 * (96 + 96 + 2)
    assert sizes["queries"] == 64 * (10 + 192)
    assert sizes["iso"] == 10 * (192 + 1) * 11
    assert sum(sizes.values()) - sizes["is_date"] == 162_927 - 385


@backends
@pytest.mark.parametrize("stride", [1, 3])
def test_padding_changes_nothing_whatever_the_stride(stride):
    model = reader(stride=stride)
    for length in (6, 7, 10):  # two positions at least, or Keras warns of the softmax
        short = ids(2, length, low=1)
        long = np.pad(short, ((0, 0), (0, 6)))
        for name, found in model.predict_on_batch(long).items():
            expected = model.predict_on_batch(short)[name]
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_stride_beyond_the_convolution_is_said():
    with pytest.raises(ValueError, match="`stride` must be 1 to 5"):
        date_reader(37, stride=6)


@backends
@pytest.mark.parametrize(
    ("attention", "feedback"), [("course", False), ("bahdanau", True), ("luong", False)]
)
def test_every_attention_builds_saves_and_shows_its_weights(
    attention, feedback, tmp_path
):
    model = translator(attention=attention, attention_units=4, feedback=feedback)
    inputs = [ids(2, 7), ids(2, 3)] if feedback else ids(2, 7)
    logits = model.predict(inputs, verbose=0)
    assert logits.shape == (2, 3, 6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), logits, atol=1e-6)
    weights = attention_model(loaded).predict(inputs, verbose=0)
    assert weights.shape == (2, 3, 7)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


@backends
def test_the_reader_and_the_translator_of_sentences_survive_saving(tmp_path):
    for model, inputs in (
        (reader(dropout=0.1), ids(2, 8)),
        (sentences(), [ids(2, 8), ids(2, 4)]),
    ):
        path = tmp_path / f"{model.name}.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        pairs = zip(
            keras.tree.flatten(model.predict(inputs, verbose=0)),
            keras.tree.flatten(loaded.predict(inputs, verbose=0)),
            strict=True,
        )
        for one, other in pairs:
            np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("builder", [date_translator, lambda **k: sentences(**k)])
def test_attentions_are_named(builder):
    with pytest.raises(ValueError, match="one of course, bahdanau, luong"):
        builder(attention="dot")


# What a model must not depend on


@backends
def test_the_reader_does_not_see_padding():
    model, token_ids = reader(), ids(4, 6, low=1, high=9)
    padded = np.pad(token_ids, ((0, 0), (0, 5)))
    short, long = (model.predict(x, verbose=0) for x in (token_ids, padded))
    for name in ("iso", "is_date"):
        np.testing.assert_allclose(short[name], long[name], atol=1e-5)
    assert short["iso"].shape == (4, 3, 6) and short["is_date"].shape == (4, 1)
    weights = attention_model(model).predict(padded, verbose=0)
    assert (weights[..., 6:] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


@backends
def test_the_reader_has_finite_logits_for_nothing_at_all():
    found = reader().predict(np.zeros((2, 4), "int32"), verbose=0)
    assert np.isfinite(found["iso"]).all() and np.isfinite(found["is_date"]).all()


@backends
def test_the_translator_of_sentences_does_not_see_padding():
    model, source, target = sentences(), ids(4, 6, low=1, high=9), ids(4, 5, low=1)
    padded = np.pad(source, ((0, 0), (0, 3)))
    short = model.predict([source, target], verbose=0)
    long = model.predict([padded, np.pad(target, ((0, 0), (0, 2)))], verbose=0)
    np.testing.assert_allclose(short, long[:, :5], atol=1e-5)


@backends
@pytest.mark.parametrize("feeding", ["dates", "sentences"])
def test_no_step_sees_what_comes_after_it(feeding):
    model = translator(feedback=True) if feeding == "dates" else sentences()
    source, target = ids(4, 7, low=1), ids(4, 3, low=1)
    other = target.copy()
    other[:, 2] = (other[:, 2] + 1) % 5
    one, two = (model.predict([source, t], verbose=0) for t in (target, other))
    np.testing.assert_allclose(one[:, :2], two[:, :2], atol=1e-6)
    assert np.abs(one[:, 2] - two[:, 2]).max() > 1e-3


@backends
def test_the_loss_of_keras_leaves_padding_out():
    logits = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    targets = np.array([[1, 2, 0, 0], [3, 4, 5, 0], [0, 0, 0, 0]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
    assert float(loss(targets, logits)) == pytest.approx(
        -chosen[targets != 0].mean(), rel=1e-5
    )


@backends
def test_every_weight_learns():
    for model, inputs, targets in (
        (translator(), ids(4, 7), ids(4, 3, seed=1)),
        (sentences(), [ids(4, 7, low=1), ids(4, 3)], ids(4, 3, low=1, seed=1)),
        (
            reader(),
            ids(4, 7, low=1),
            {"iso": ids(4, 3, seed=1), "is_date": np.array([[0], [1], [1], [0]])},
        ),
    ):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if isinstance(targets, dict):
            binary = keras.losses.BinaryCrossentropy(from_logits=True)
            loss = {"iso": loss, "is_date": binary}
        model.compile(keras.optimizers.Adam(0.01, epsilon=1e-30), loss)
        before = [array(v) for v in model.trainable_variables]
        assert np.isfinite(model.train_on_batch(inputs, targets)).all()
        for variable, old in zip(model.trainable_variables, before, strict=True):
            assert (array(variable) != old).any(), f"{variable.path} stayed"


# Decoding


def test_shifting_puts_the_start_first_and_drops_the_last():
    found = shift_right([[5, 6, 7], [8, 9, 0]], 1)
    assert found.dtype == "int32"
    assert found.tolist() == [[1, 5, 6], [1, 8, 9]]


def steps_of(model, source, tokens):
    """Logits `(batch, steps, tokens)` with the given tokens, one step at a time."""
    start, step = decoding_step(model)
    states = start(source)
    for leaf in keras.tree.flatten(states):
        assert leaf.shape[0] == len(source), "a state without the batch first"
    logits = []
    for column in tokens.T:
        now, states = step(column, states)
        logits.append(array(now))
    return np.stack(logits, axis=1)


@backends
@pytest.mark.parametrize("kind", ["unfed", "fed", "sentences", "reader"])
def test_step_by_step_equals_the_whole_sequence(kind):
    source = ids(4, 7, low=1)
    source[1, 4:] = 0
    target = shift_right(ids(4, 3, seed=1), 5)
    if kind in {"fed", "sentences"}:
        model = translator(feedback=True) if kind == "fed" else sentences()
        expected = model.predict([source, target], verbose=0)
    else:
        model = translator() if kind == "unfed" else reader()
        expected = model.predict(source, verbose=0)
        expected = expected["iso"] if kind == "reader" else expected
    found = steps_of(model, source, target)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01, "the inputs made no difference"


@backends
@pytest.mark.parametrize("kind", ["fed", "sentences"])
def test_states_may_be_repeated_and_reordered(kind):
    model = {
        "unfed": translator,
        "fed": lambda: translator(feedback=True),
        "sentences": sentences,
        "reader": reader,
    }[kind]()
    start, step = decoding_step(model)
    source, order = ids(3, 7, low=1), np.array([2, 2, 0, 1, 0])
    states = keras.tree.map_structure(
        lambda leaf: ops.take(leaf, order, axis=0), start(source)
    )
    found, states = step(ids(5, 1)[:, 0], states)
    expected, again = step(ids(5, 1)[:, 0], start(source[order]))
    np.testing.assert_allclose(array(found), array(expected), atol=1e-6)
    keras.tree.assert_same_structure(states, again)


@backends
def test_the_searches_agree_with_the_models_own_probabilities():
    model, source = sentences(), ids(3, 7, low=1)
    source[1, 4:] = 0
    start, step = decoding_step(model)
    settings = dict(start_token=5, max_length=4)
    written, log_probs, _ = decoding.greedy_search(step, start(source), **settings)
    written = array(written)
    logits = model.predict([source, shift_right(written, 5)], verbose=0)
    np.testing.assert_array_equal(logits.argmax(-1), written)
    expected = array(ops.log_softmax(logits, axis=-1))
    expected = np.take_along_axis(expected, written[..., None], axis=-1).sum((1, 2))
    np.testing.assert_allclose(array(log_probs), expected, atol=1e-4)
    beams = decoding.beam_search(step, start(source), beam_width=3, **settings)
    found = array(beams.token_ids)  # (batch, beam, length)
    logits = model.predict([source, shift_right(found[:, 0], 5)], verbose=0)
    expected = array(ops.log_softmax(logits, axis=-1))
    expected = np.take_along_axis(expected, found[:, 0, :, None], axis=-1)
    np.testing.assert_allclose(
        array(beams.log_probs)[:, 0], expected.sum((1, 2)), atol=1e-4
    )


def test_past_the_last_position_the_last_logits_stay():
    source = ids(2, 7)
    found = steps_of(translator(), source, ids(2, 5))
    np.testing.assert_array_equal(found[:, 3], found[:, 2])
    np.testing.assert_array_equal(found[:, 4], found[:, 2])


def test_decoding_follows_the_training_of_the_model():
    model, source, target = sentences(), ids(2, 6, low=1), ids(2, 3)
    start, step = decoding_step(model)
    before = array(step(target[:, 0], start(source))[0])
    randomize(model, 0.3)
    after = array(step(target[:, 0], start(source))[0])
    expected = model.predict([source, target], verbose=0)[:, 0]
    np.testing.assert_allclose(after, expected, atol=1e-5)
    assert np.abs(after - before).max() > 1e-3


def test_other_models_are_not_decoded():
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    for function in (decoding_step, attention_model):
        with pytest.raises(ValueError, match="`model` must be one that"):
            function(other)


# The course's weights


def write_legacy(path, model, gates=None, whole=True):
    """Writes what Keras 2 wrote, for the recurrent or the unrolled form."""
    arrays = [array(variable) for variable in course_variables(model)]
    # Encoder, two Dense layers of the attention, LSTM, output.
    names = ("bidirectional", "dense", "dense_1", "lstm", "dense_2")
    ends = (6, 8, 10, 13, 15)
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        group.attrs["layer_names"] = [b"input_1", *(n.encode() for n in names)]
        group.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for name, begin, end in zip(names, (0, *ends), ends, strict=False):
            stored = group.create_group(name)
            weights = [f"{name}/weight_{i}:0" for i in range(begin, end)]
            stored.attrs["weight_names"] = [weight.encode() for weight in weights]
            for weight, values in zip(weights, arrays[begin:end], strict=True):
                stored[weight] = values
        if gates is not None:
            layers = [{"config": {"recurrent_activation": gates}}] * 2
            file.attrs["model_config"] = json.dumps({"config": {"layers": layers}})
    return path


@backends
@pytest.mark.parametrize("whole", [True, False], ids=["model", "weights"])
def test_legacy_weights_are_read_into_both_forms(whole, tmp_path):
    source = translator()
    path = write_legacy(tmp_path / "course.h5", source, whole=whole)
    token_ids = ids(4, 7)
    expected = source.predict(token_ids, verbose=0)
    recurrent = load_course_weights(date_translator(7, 3, **SIZES), path)
    np.testing.assert_allclose(
        recurrent.predict(token_ids, verbose=0), expected, atol=1e-6
    )
    unrolled = load_course_weights(modelf(7, 3, 3, 4, 5, 6), path)
    zeros = np.zeros((4, 4), "float32")
    found = unrolled.predict(
        [np.eye(5, dtype="float32")[token_ids], zeros, zeros], verbose=0
    )
    probabilities = array(ops.softmax(expected, axis=-1))
    np.testing.assert_allclose(np.stack(found, axis=1), probabilities, atol=1e-5)


@backends
def test_the_gates_are_those_of_the_file(tmp_path):
    source = translator(recurrent_activation=legacy_hard_sigmoid)
    path = write_legacy(tmp_path / "course.h5", source, gates="hard_sigmoid")
    model, token_ids = date_translator(7, 3, **SIZES), ids(4, 7)
    before = model.predict(token_ids, verbose=0)  # compiled with other gates
    load_course_weights(model, path)
    found, expected = (m.predict(token_ids, verbose=0) for m in (model, source))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - before).max() > 0.01
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(token_ids, verbose=0), expected, atol=1e-6
    )


def test_files_that_hold_no_such_weights_are_refused(tmp_path):
    model = date_translator(7, 3, **SIZES)
    with pytest.raises(FileNotFoundError, match="No such weights"):
        load_course_weights(model, tmp_path / "none.h5")
    text = tmp_path / "text.h5"
    text.write_text("no weights")
    with pytest.raises(ValueError, match="is no HDF5 file"):
        load_course_weights(model, text)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(ValueError, match="as Keras 2 saved them"):
        load_course_weights(model, tmp_path / "empty.h5")
    path = write_legacy(tmp_path / "course.h5", model)
    with pytest.raises(ValueError, match=r"does not hold weights of this model\. .*37"):
        load_course_weights(date_translator(), path)
    with pytest.raises(ValueError, match="must be the course's"):
        load_course_weights(date_translator(7, 3, feedback=True, **SIZES), path)


def test_refused_weights_leave_the_model_as_it_was(tmp_path):
    path = write_legacy(tmp_path / "course.h5", translator())
    model = date_translator()
    before = model.get_weights()
    with pytest.raises(ValueError, match="does not hold"):
        load_course_weights(model, path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def course_file():
    if "DLAI_DATA" not in os.environ:
        pytest.skip("needs the course's weights: DLAI_DATA is not set")
    path = Path(os.environ["DLAI_DATA"]) / "date_translation" / "course_model.h5"
    if not path.is_file():
        pytest.skip(f"needs the course's weights: there is no {path}")
    return path


@backends
def test_the_courses_weights_translate_what_the_course_printed():
    model = load_course_weights(date_translator(), course_file())
    human, machine = course_vocabularies()
    texts = [normalize(text) for text, _ in COURSE_EXAMPLES]
    logits = model.predict(human.encode_all(texts, length=30), verbose=0)
    found = ["".join(machine.tokens[i] for i in row) for row in logits.argmax(-1)]
    # The course's notebook, too, prints 2009-05-05 for "5 April 09".
    expected = [iso.replace("2009-04", "2009-05") for _, iso in COURSE_EXAMPLES]
    assert found == expected


def test_the_courses_weights_give_the_same_numbers_in_both_forms():
    recurrent = load_course_weights(date_translator(), course_file())
    unrolled = load_course_weights(modelf(30, 10, 32, 64, 37, 11), course_file())
    token_ids = ids(16, 30, high=37)
    zeros = np.zeros((16, 64), "float32")
    expected = unrolled.predict(
        [np.eye(37, dtype="float32")[token_ids], zeros, zeros], verbose=0
    )
    logits = recurrent.predict(token_ids, verbose=0)
    probabilities = array(ops.softmax(logits, axis=-1))
    np.testing.assert_allclose(probabilities, np.stack(expected, axis=1), atol=1e-5)
