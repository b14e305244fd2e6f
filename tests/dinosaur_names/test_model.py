"""One network in three forms: whole texts, pieces, and one character."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.dinosaur_names.model import (
    CELLS,
    character_model,
    initial_states,
    mixture,
    one_step_model,
    stateful_model,
)

backends = pytest.mark.backends
NUM_STATES = {"lstm": 2, "gru": 1, "rnn": 1}


def randomize(model, scale=0.6):
    """Weights that make a difference; fresh ones are small."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.get_weights()])
    return model


def small(**arguments):
    return randomize(character_model(7, **{"units": 4, "embedding_dim": 3} | arguments))


def ids(batch=2, length=5):
    return np.random.default_rng(1).integers(0, 7, (batch, length)).astype("int32")


def zeros(model, batch=2):
    return [ops.convert_to_numpy(state) for state in initial_states(model, batch)]


def test_parameters_are_those_of_the_formula():
    v, d, n = 28, 20, 50
    gates = {"rnn": n * (d + n + 1), "lstm": 4 * n * (d + n + 1)}
    gates["gru"] = 3 * n * (d + n + 2)  # a second bias, as in cuDNN
    for cell, size in gates.items():
        model = character_model(v, units=n, cell=cell, embedding_dim=d)
        assert model.count_params() == v * d + size + (n + 1) * v


def test_the_plain_cell_is_that_of_its_definition():
    model = small(cell="rnn")
    embedding, wx, wh, b, wy, by = model.get_weights()
    tokens = ids()
    hidden = np.zeros((2, 4))
    expected = []
    for step in range(5):
        hidden = np.tanh(embedding[tokens[:, step]] @ wx + hidden @ wh + b)
        expected.append(hidden @ wy + by)
    found = model.predict_on_batch(tokens)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-5)


@backends
@pytest.mark.parametrize(
    ("cell", "tied"), [("lstm", False), ("gru", True), ("rnn", False)]
)
def test_step_by_step_and_in_pieces_equal_the_whole(cell, tied):
    if tied and not hasattr(keras.layers, "ReversibleEmbedding"):
        pytest.skip("this Keras has no ReversibleEmbedding")
    model = small(cell=cell, tied=tied, num_layers=2, dropout=0.5)
    tokens = ids()
    whole = model.predict_on_batch(tokens)
    assert whole.shape == (2, 5, 7)
    states = zeros(model)
    assert len(states) == 2 * NUM_STATES[cell]
    step = one_step_model(model)
    for place in range(5):
        logits, *states = step.predict_on_batch([tokens[:, place : place + 1], *states])
        np.testing.assert_allclose(logits, whole[:, place], atol=1e-5)
    reader = stateful_model(model)
    states, pieces = zeros(model), []
    for part in (tokens[:, :3], tokens[:, 3:]):
        logits, *states = reader.predict_on_batch([part, *states])
        pieces.append(logits)
    np.testing.assert_allclose(np.concatenate(pieces, 1), whole, atol=1e-5)


@backends
def test_a_mixture_has_the_mean_of_the_probabilities_in_all_its_forms(tmp_path):
    members = [small(name="a"), small(name="b", cell="gru", num_layers=2)]
    members[1].set_weights([2 * w for w in members[1].get_weights()])
    model, tokens = mixture(members), ids()
    each = [np.exp(m.predict_on_batch(tokens).astype("float64")) for m in members]
    expected = np.mean([x / x.sum(-1, keepdims=True) for x in each], axis=0)
    whole = model.predict_on_batch(tokens)
    np.testing.assert_allclose(np.exp(whole), expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, again):
        states = zeros(one)
        assert len(states) == NUM_STATES["lstm"] + 2 * NUM_STATES["gru"]
        step = one_step_model(one)
        for place in range(2):
            token = tokens[:, place : place + 1]
            log_probs, *states = step.predict_on_batch([token, *states])
            np.testing.assert_allclose(log_probs, whole[:, place], atol=1e-5)
        rest, *_ = stateful_model(one).predict_on_batch([tokens[:, 2:], *states])
        np.testing.assert_allclose(rest, whole[:, 2:], atol=1e-5)


def test_members_must_fit_together():
    one = small(name="a")
    for members in ([], [one, one], [one, character_model(8, units=4, name="b")]):
        with pytest.raises(ValueError, match="of different names and of one vocab"):
            mixture(members)


def test_the_step_has_the_weights_of_the_whole():
    model = small(cell="gru")
    step = one_step_model(model)
    assert {w.path for w in step.weights} == {w.path for w in model.weights}
    arguments = [ids(2, 1), *zeros(model)]
    before = step.predict_on_batch(arguments)[0]
    model.set_weights([2 * w for w in model.get_weights()])
    assert np.abs(step.predict_on_batch(arguments)[0] - before).max() > 0.1


def test_a_character_does_not_depend_on_those_after_it():
    model = small()
    tokens = ids()
    changed = tokens.copy()
    changed[:, 3:] = (changed[:, 3:] + 1) % 7
    one, other = model.predict_on_batch(tokens), model.predict_on_batch(changed)
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert np.abs(one[:, 3] - other[:, 3]).max() > 0.01


@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
def test_dropout_acts_in_training_only(which):
    model = small(**{which: 0.5})
    one, other = (ops.convert_to_numpy(model(ids(), training=True)) for _ in "ab")
    assert np.abs(one - other).max() > 0.01
    one, other = (ops.convert_to_numpy(model(ids(), training=False)) for _ in "ab")
    np.testing.assert_array_equal(one, other)


def test_tied_weights_are_one_matrix():
    if not hasattr(keras.layers, "ReversibleEmbedding"):
        pytest.skip("this Keras has no ReversibleEmbedding")
    model = small(tied=True, embedding_dim=None)
    assert next(w.shape for w in model.weights) == (7, 4)
    assert model.count_params() == 7 * 4 + 4 * 4 * (4 + 4 + 1)


def test_a_saved_model_is_the_same_in_all_its_forms(tmp_path):
    model = small(cell="lstm", num_layers=2)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    arguments = [ids(2, 1), *zeros(model)]
    for one, other in zip(
        one_step_model(model).predict_on_batch(arguments),
        one_step_model(again).predict_on_batch(arguments),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_every_cell_has_its_states():
    assert set(CELLS) == set(NUM_STATES)
    for cell, num in NUM_STATES.items():
        states = initial_states(small(cell=cell, num_layers=3), 2)
        assert [tuple(state.shape) for state in states] == [(2, 4)] * 3 * num


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary_size": 1}, "`vocabulary_size` must be 2 or more"),
        ({"units": 0}, "`units` must be 1 or more"),
        ({"num_layers": 0}, "`num_layers` must be 1 or more"),
        ({"embedding_dim": 0}, "`embedding_dim` must be 1 or more"),
        ({"cell": "relu"}, "`cell` must be one of lstm, gru, rnn"),
        ({"dropout": 1.0}, "`dropout` must be from 0 to below 1"),
        ({"recurrent_dropout": -0.1}, "`recurrent_dropout` must be from 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        character_model(**{"vocabulary_size": 7} | arguments)


def test_another_model_is_refused():
    inputs = keras.Input((3,))
    other = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="other")
    for function in (one_step_model, stateful_model):
        with pytest.raises(ValueError, match=r"character_model builds.*other"):
            function(other)
    with pytest.raises(ValueError, match="character_model builds"):
        initial_states(other, 1)
