"""The course's model as its own tests see it, and the same in recurrent form."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.date_translation.course import (
    attention_layers,
    copy_weights,
    modelf,
    one_step_attention,
    softmax,
)
from dlai_keras.date_translation.model import course_variables, date_translator

backends = pytest.mark.backends
SIZES = dict(encoder_units=3, decoder_units=4, num_characters=5, num_tokens=6)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def small_unrolled(Tx=7, Ty=3):
    return modelf(Tx, Ty, 3, 4, 5, 6)


def one_hot_inputs(token_ids, num_characters, units):
    zeros = np.zeros((len(token_ids), units), "float32")
    return [np.eye(num_characters, dtype="float32")[token_ids], zeros, zeros]


def randomize(model, scale):
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.get_weights()])
    return model


@backends
def test_the_softmax_sums_to_one_along_the_axis():
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(array(softmax(x)), expected, rtol=1e-5)
    np.testing.assert_allclose(array(softmax(x, axis=-1)).sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(array(softmax(x[:, :, 0])).sum(1), 1, rtol=1e-5)


def test_the_softmax_of_one_axis_is_refused():
    with pytest.raises(ValueError, match=r"two axes or more.*shape=\(3,\)"):
        softmax(np.zeros(3, "float32"))


@backends
def test_one_step_attention_passes_the_courses_check():
    m, Tx, n_a, n_s = 10, 30, 32, 64
    rng = np.random.default_rng(10)
    a = rng.uniform(size=(m, Tx, 2 * n_a)).astype("float32")
    s_prev = rng.uniform(size=(m, n_s)).astype("float32")
    context = array(one_step_attention(a, s_prev))
    assert context.shape == (m, 1, 2 * n_a)
    # A weighted mean of the states lies between the lowest and the highest.
    assert (context[:, 0] > a.min(1)).all() and (context[:, 0] < a.max(1)).all()


@backends
def test_one_step_attention_is_its_definition():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 7, 4)).astype("float32")
    s_prev = rng.normal(size=(2, 3)).astype("float32")
    shared = attention_layers(7)
    context = array(one_step_attention(a, s_prev, shared))
    joined = np.concatenate([a, np.repeat(s_prev[:, None], 7, axis=1)], axis=-1)
    (kernel, bias), (kernel2, bias2) = (
        layer.get_weights() for layer in (shared.densor1, shared.densor2)
    )
    energies = np.maximum(np.tanh(joined @ kernel + bias) @ kernel2 + bias2, 0)
    alphas = np.exp(energies) / np.exp(energies).sum(1, keepdims=True)
    np.testing.assert_allclose(context, (alphas * a).sum(1, keepdims=True), atol=1e-5)


def test_the_model_has_the_courses_layers():
    model = modelf(30, 10, 32, 64, 37, 11)
    found = [
        (type(layer).__name__, layer.count_params())
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    assert sorted(found) == [
        ("Activation", 0),
        ("Bidirectional", 17_920),
        ("Concatenate", 0),
        ("Dense", 11),
        ("Dense", 715),
        ("Dense", 1_290),
        ("Dot", 0),
        ("LSTM", 33_024),
        ("RepeatVector", 0),
    ]
    assert model.count_params() == 52_960
    assert [tuple(i.shape) for i in model.inputs] == [
        (None, 30, 37),
        (None, 64),
        (None, 64),
    ]
    assert [tuple(o.shape) for o in model.outputs] == [(None, 11)] * 10


@backends
def test_the_recurrent_form_gives_the_numbers_of_the_unrolled_one(tmp_path):
    unrolled = randomize(small_unrolled(), 0.7)
    recurrent = copy_weights(unrolled, date_translator(7, 3, **SIZES))
    token_ids = np.random.default_rng(1).integers(0, 5, (4, 7))
    expected = unrolled.predict(one_hot_inputs(token_ids, 5, 4), verbose=0)
    expected = np.stack(expected, axis=1)  # (batch, Ty, tokens)
    logits = recurrent.predict(token_ids, verbose=0)
    np.testing.assert_allclose(array(softmax(logits, -1)), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01, "the inputs made no difference"

    back = copy_weights(recurrent, small_unrolled())
    for one, other in zip(back.get_weights(), unrolled.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

    unrolled.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.predict(one_hot_inputs(token_ids, 5, 4), verbose=0)
    np.testing.assert_allclose(np.stack(again, axis=1), expected, atol=1e-6)


def test_both_forms_have_the_same_gradients():
    unrolled = randomize(small_unrolled(), 0.7)
    recurrent = copy_weights(unrolled, date_translator(7, 3, **SIZES))
    rng = np.random.default_rng(1)
    token_ids, targets = rng.integers(0, 5, (4, 7)), rng.integers(0, 6, (4, 3))
    loss = keras.losses.SparseCategoricalCrossentropy
    unrolled.compile(keras.optimizers.SGD(3.0), [loss()] * 3)
    # The course's loss is the sum over the steps, not their mean.
    recurrent.compile(keras.optimizers.SGD(9.0), loss(from_logits=True))
    before = [array(v) for v in course_variables(unrolled)]
    unrolled.train_on_batch(one_hot_inputs(token_ids, 5, 4), list(targets.T))
    recurrent.train_on_batch(token_ids, targets)
    pairs = zip(course_variables(unrolled), course_variables(recurrent), strict=True)
    for (one, other), old in zip(pairs, before, strict=True):
        np.testing.assert_allclose(array(one), array(other), atol=1e-4)
        assert np.abs(array(one) - old).max() > 1e-3, f"{one.path} stayed"


def test_weights_of_other_sizes_and_other_models_are_not_copied():
    with pytest.raises(ValueError, match="must have the same sizes"):
        copy_weights(small_unrolled(), date_translator())
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="must be the course's"):
        copy_weights(other, date_translator())
    fed = date_translator(7, 3, feedback=True, **SIZES)
    with pytest.raises(ValueError, match="must be the course's"):
        copy_weights(small_unrolled(), fed)
