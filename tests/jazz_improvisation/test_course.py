"""The course's functions: its shapes, its numbers of parameters, its loop by hand."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras import recurrent
from dlai_keras.jazz_improvisation import course

N_A, N_VALUES = 6, 5


@pytest.fixture(scope="module")
def shared():
    """The three layers that the course has as globals."""
    keras.utils.set_random_seed(0)
    return (
        layers.LSTM(N_A, return_state=True),
        layers.Dense(N_VALUES, activation="softmax"),
        layers.Reshape((1, N_VALUES)),
    )


@pytest.fixture(scope="module")
def played(shared):
    course.djmodel(3, *shared)  # trained weights would be in it
    return course.music_inference_model(*shared[:2], Ty=4)


@pytest.mark.parametrize(("n_values", "expected"), [(78, 41_678), (90, 45_530)])
def test_the_models_have_as_many_parameters_as_the_courses(n_values, expected):
    lstm, densor = layers.LSTM(64, return_state=True), layers.Dense(n_values)
    model = course.djmodel(2, lstm, densor, layers.Reshape((1, n_values)))
    assert model.count_params() == expected
    assert course.music_inference_model(lstm, densor, Ty=3).count_params() == expected


def test_one_hot_marks_the_most_probable_value():
    x = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]], "float32")
    found = ops.convert_to_numpy(course.one_hot(x))
    np.testing.assert_array_equal(found, [[[0, 1, 0]], [[1, 0, 0]]])
    with pytest.raises(ValueError, match=r"`x` must be \(batch, n_values\)"):
        course.one_hot(np.zeros((1, 1, 3), "float32"))


def by_numpy(shared, inputs, a, c):
    """The same steps with the NumPy cell of Keras' weights; probabilities by step."""
    kernel, recurrent_kernel, bias = (
        ops.convert_to_numpy(weight) for weight in shared[0].weights
    )
    W_out, b_out = (ops.convert_to_numpy(weight) for weight in shared[1].weights)
    found = []
    for x in inputs:
        z = x @ kernel + a @ recurrent_kernel + bias
        i, f, g, o = np.split(z, 4, axis=-1)
        c = recurrent.sigmoid(f) * c + recurrent.sigmoid(i) * np.tanh(g)
        a = recurrent.sigmoid(o) * np.tanh(c)
        logits = a @ W_out + b_out
        probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found.append(probs / probs.sum(axis=-1, keepdims=True))
    return np.array(found), a, c


def test_djmodel_takes_every_step_with_the_same_weights(shared):
    model = course.djmodel(4, *shared)
    assert len(model.outputs) == 4
    rng = np.random.default_rng(0)
    X = np.eye(N_VALUES, dtype="float32")[rng.integers(N_VALUES, size=(2, 4))]
    a0, c0 = rng.standard_normal((2, 2, N_A)).astype("float32")
    found = [ops.convert_to_numpy(out) for out in model([X, a0, c0])]
    expected, _, _ = by_numpy(shared, X.transpose(1, 0, 2), a0, c0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_inference_model_is_fed_its_own_most_probable_value(shared, played):
    results, indices = course.predict_and_sample(played)
    assert results.shape == (4, N_VALUES) and indices.shape == (4, 1)
    np.testing.assert_array_equal(results.argmax(axis=-1), indices[:, 0])
    x, a, c = np.zeros((1, N_VALUES)), np.zeros((1, N_A)), np.zeros((1, N_A))
    for step in range(4):
        probs, a, c = by_numpy(shared, x[None], a, c)
        assert probs.argmax() == indices[step, 0]
        x = np.eye(N_VALUES)[probs[0].argmax(axis=-1)]


def test_another_beginning_plays_another_melody(played):
    rng = np.random.default_rng(3)
    first, _ = course.predict_and_sample(played)
    states = 9 * rng.standard_normal((2, 1, N_A))
    x = np.eye(N_VALUES)[2][None, None]
    other, _ = course.predict_and_sample(played, x, *states)
    assert not np.array_equal(first, other)
    with pytest.raises(ValueError, match=r"of x0 must be \(1, 1, 5\)"):
        course.predict_and_sample(played, np.zeros((2, 1, N_VALUES)))


def test_the_models_survive_saving_without_lambdas(shared, played, tmp_path):
    for name, model in (("dj", course.djmodel(3, *shared)), ("play", played)):
        assert not any(isinstance(one, layers.Lambda) for one in model.layers)
        model.save(tmp_path / f"{name}.keras")
        again = keras.saving.load_model(tmp_path / f"{name}.keras")
        inputs = [np.ones((1, *tensor.shape[1:]), "float32") for tensor in model.inputs]
        for one, other in zip(model(inputs), again(inputs), strict=True):
            np.testing.assert_allclose(*map(ops.convert_to_numpy, (one, other)), 1e-5)


def test_bad_arguments_are_named(shared):
    with pytest.raises(ValueError, match="`Tx` must be 1 or more"):
        course.djmodel(0, *shared)
    with pytest.raises(ValueError, match="`Ty` must be 1 or more"):
        course.music_inference_model(*shared[:2], Ty=0)
    with pytest.raises(ValueError, match="`LSTM_cell` must return its state"):
        course.djmodel(2, layers.LSTM(4), *shared[1:])
