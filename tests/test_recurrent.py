"""Against the course's numbers, its cells step by step, Keras and differences."""

import numpy as np
import pytest

from dlai_keras import recurrent
from dlai_keras.foundations.gradient_checking import numerical_gradients
from dlai_keras.recurrent import (
    lstm_backward,
    lstm_cell_backward,
    lstm_cell_forward,
    lstm_forward,
    rnn_backward,
    rnn_cell_backward,
    rnn_cell_forward,
    rnn_forward,
    sigmoid,
    softmax,
)

KINDS = ("rnn", "lstm", "gru")
GATES = {"lstm": "fioc", "gru": "urc"}  # in the order in which the course draws them
each_kind = pytest.mark.parametrize("kind", KINDS)


def function(kind, name):
    return getattr(recurrent, f"{kind}_{name}")


def drawn_parameters(randn, kind, n_x, n_a, n_y):
    """Parameters in the order in which the course's notebooks draw them."""
    if kind == "rnn":
        shapes = {"Waa": (n_a, n_a), "Wax": (n_a, n_x), "Wya": (n_y, n_a)}
        shapes |= {"ba": (n_a, 1), "by": (n_y, 1)}
    else:
        shapes = {}
        for gate in GATES[kind]:
            shapes |= {f"W{gate}": (n_a, n_a + n_x), f"b{gate}": (n_a, 1)}
        shapes |= {"Wy": (n_y, n_a), "by": (n_y, 1)}
    return {name: randn(*shape) for name, shape in shapes.items()}


def drawn(kind, n_x=3, n_a=4, n_y=2, m=2, T_x=5, seed=0):
    randn = np.random.RandomState(seed).randn
    x, a0 = randn(n_x, m, T_x), randn(n_a, m)
    return x, a0, drawn_parameters(randn, kind, n_x, n_a, n_y)


def row(text):
    return np.array(text.split(), float)


# What the course publishes


def test_rnn_cell_forward_gives_the_courses_numbers():
    randn = np.random.RandomState(1).randn
    xt, a_prev = randn(3, 10), randn(5, 10)
    parameters = drawn_parameters(randn, "rnn", 3, 5, 2)
    a_next, yt, cache = rnn_cell_forward(xt, a_prev, parameters)
    expected = row(
        "0.59584544 0.18141802 0.61311866 0.99808218 0.85016201 0.99980978 "
        "-0.18887155 0.99815551 0.6531151 0.82872037"
    )
    np.testing.assert_allclose(a_next[4], expected, atol=1e-8)
    expected = row(
        "0.9888161 0.01682021 0.21140899 0.36817467 0.98988387 0.88945212 "
        "0.36920224 0.9966312 0.9982559 0.17746526"
    )
    np.testing.assert_allclose(yt[1], expected, atol=1e-8)
    assert cache == (a_next, a_prev, xt, parameters)


def test_rnn_forward_gives_the_courses_numbers():
    x, a0, parameters = drawn("rnn", 3, 5, 2, 10, 4, seed=1)
    a, y_pred, caches = rnn_forward(x, a0, parameters)
    expected = [-0.99999375, 0.77911235, -0.99861469, -0.99833267]
    np.testing.assert_allclose(a[4][1], expected, atol=1e-8)
    expected = [0.79560373, 0.86224861, 0.11118257, 0.81515947]
    np.testing.assert_allclose(y_pred[1][3], expected, atol=1e-8)
    expected = [-1.1425182, -0.34934272, -0.20889423, 0.58662319]
    np.testing.assert_allclose(caches[1][1][3], expected, atol=1e-8)
    assert (a.shape, y_pred.shape, len(caches)) == ((5, 10, 4), (2, 10, 4), 2)


def test_rnn_forward_gives_the_numbers_of_the_courses_check():
    x, a0, parameters = drawn("rnn", 4, 7, 3, 8, 13, seed=17)
    a, y_pred, caches = rnn_forward(x, a0, parameters)
    expected = [0.99999291, 0.99332189, 0.9921928, 0.99503445]
    np.testing.assert_allclose(a[5, 2, 2:6], expected, atol=1e-8)
    expected = [0.19428, 0.14292, 0.24993, 0.00119]
    np.testing.assert_allclose(y_pred[2, 1, 1:5], expected, atol=1e-4)
    assert len(caches[0]) == 13
    assert caches[1] is x


def test_lstm_cell_forward_gives_the_courses_numbers():
    randn = np.random.RandomState(1).randn
    xt, a_prev, c_prev = randn(3, 10), randn(5, 10), randn(5, 10)
    parameters = drawn_parameters(randn, "lstm", 3, 5, 2)
    a_next, c_next, yt, cache = lstm_cell_forward(xt, a_prev, c_prev, parameters)
    expected = row(
        "-0.66408471 0.0036921 0.02088357 0.22834167 -0.85575339 0.00138482 "
        "0.76566531 0.34631421 -0.00215674 0.43827275"
    )
    np.testing.assert_allclose(a_next[4], expected, atol=1e-8)
    expected = row(
        "0.63267805 1.00570849 0.35504474 0.20690913 -1.64566718 0.11832942 "
        "0.76449811 -0.0981561 -0.74348425 -0.26810932"
    )
    np.testing.assert_allclose(c_next[2], expected, atol=1e-8)
    expected = row(
        "0.79913913 0.15986619 0.22412122 0.15606108 0.97057211 0.31146381 "
        "0.00943007 0.12666353 0.39380172 0.07828381"
    )
    np.testing.assert_allclose(yt[1], expected, atol=1e-8)
    expected = row(
        "-0.16263996 1.03729328 0.72938082 -0.54101719 0.02752074 -0.30821874 "
        "0.07651101 -1.03752894 1.41219977 -0.37647422"
    )
    np.testing.assert_allclose(cache[1][3], expected, atol=1e-8)


def test_lstm_cell_forwards_cache_has_the_courses_layout():
    randn = np.random.RandomState(212).randn
    x, a0, c0 = randn(4, 8), randn(7, 8), randn(7, 8)
    parameters = drawn_parameters(randn, "lstm", 4, 7, 3)
    *_, y_pred, cache = lstm_cell_forward(x, a0, c0, parameters)
    expected = {  # position in the cache: first numbers
        0: [0.10053951, 0.27129536],  # a_next
        1: [0.1352798, 0.39884899],  # c_next
        4: [0.32969833, 0.0574555],  # ft
        5: [0.0036446, 0.9806943],  # it
        6: [0.99903873, 0.57509956],  # cct
        7: [0.7477249, 0.71588751],  # ot
    }
    for position, numbers in expected.items():
        np.testing.assert_allclose(cache[position][0, :2], numbers, atol=1e-7)
    assert cache[2:4] + cache[8:] == (a0, c0, x, parameters)
    expected = row(
        "0.417098 0.449528 0.223159 0.278376 0.68453 0.419221 0.564025 0.538475"
    )
    np.testing.assert_allclose(y_pred[1], expected, atol=1e-5)


def test_lstm_forward_gives_the_courses_numbers():
    a, y, c, caches = lstm_forward(*drawn("lstm", 3, 5, 2, 10, 7, seed=1))
    assert a[4][3][6] == pytest.approx(0.17211776753291672, rel=1e-12)
    assert y[1][4][3] == pytest.approx(0.9508734618501101, rel=1e-12)
    assert c[1][2][1] == pytest.approx(-0.8555449167181981, rel=1e-12)
    expected = row(
        "0.82797464 0.23009474 0.76201118 -0.22232814 -0.20075807 0.18656139 0.41005165"
    )
    np.testing.assert_allclose(caches[1][1][1], expected, atol=1e-8)
    assert len(caches) == 2


def test_lstm_forward_gives_the_numbers_of_the_courses_check():
    a, y, c, caches = lstm_forward(*drawn("lstm", 4, 3, 2, 13, 16, seed=45))
    np.testing.assert_allclose(a[2, 1, 4:6], [-0.01606022, 0.0243569], atol=1e-8)
    np.testing.assert_allclose(c[2, 1, 4:6], [-0.02753855, 0.05668358], atol=1e-8)
    np.testing.assert_allclose(y[1, 1, 4:6], [0.70444592, 0.70648935], atol=1e-8)
    assert (len(caches[0]), len(caches[0][0])) == (16, 10)


def drawn_rnn_for_backward(shape):
    """The order of the notebooks' backward checks: `Wax` before `Waa`."""
    randn = np.random.RandomState(1).randn
    x, a0 = randn(*shape), randn(5, 10)
    parameters = {"Wax": randn(5, 3), "Waa": randn(5, 5), "Wya": randn(2, 5)}
    parameters |= {"ba": randn(5, 1), "by": randn(2, 1)}
    return randn, x, a0, parameters


def test_rnn_cell_backward_gives_the_courses_numbers():
    randn, xt, a_prev, parameters = drawn_rnn_for_backward((3, 10))
    *_, cache = rnn_cell_forward(xt, a_prev, parameters)
    gradients = rnn_cell_backward(randn(5, 10), cache)
    assert list(gradients) == ["dxt", "da_prev", "dWax", "dWaa", "dba"]
    assert gradients["dxt"][1][2] == pytest.approx(-1.3872130506020925)
    assert gradients["da_prev"][2][3] == pytest.approx(-0.15239949377395495)
    assert gradients["dWax"][3][1] == pytest.approx(0.4107728249354584)
    assert gradients["dWaa"][1][2] == pytest.approx(1.1503450668497135)
    np.testing.assert_allclose(gradients["dba"][4], [0.20023491], atol=1e-8)


def test_rnn_backward_gives_the_courses_numbers():
    randn, x, a0, parameters = drawn_rnn_for_backward((3, 10, 4))
    *_, caches = rnn_forward(x, a0, parameters)
    gradients = rnn_backward(randn(5, 10, 4), caches)
    assert list(gradients) == ["dx", "da0", "dWax", "dWaa", "dba"]
    expected = [-2.07101689, -0.59255627, 0.02466855, 0.01483317]
    np.testing.assert_allclose(gradients["dx"][1][2], expected, atol=1e-8)
    assert gradients["da0"][2][3] == pytest.approx(-0.314942375127)
    assert gradients["dWax"][3][1] == pytest.approx(11.2641044965)
    assert gradients["dWaa"][1][2] == pytest.approx(2.30333312658)
    np.testing.assert_allclose(gradients["dba"][4], [-0.74747722], atol=1e-8)


def test_lstm_cell_backward_gives_the_courses_numbers():
    randn = np.random.RandomState(1).randn
    xt, a_prev, c_prev = randn(3, 10), randn(5, 10), randn(5, 10)
    parameters = drawn_parameters(randn, "lstm", 3, 5, 2)
    *_, cache = lstm_cell_forward(xt, a_prev, c_prev, parameters)
    gradients = lstm_cell_backward(randn(5, 10), randn(5, 10), cache)
    expected = {
        ("dxt", 1, 2): 3.2305591151091875,
        ("da_prev", 2, 3): -0.06396214197109236,
        ("dc_prev", 2, 3): 0.7975220387970015,
        ("dWf", 3, 1): -0.14795483816449687,
        ("dWi", 1, 2): 1.0574980552259903,
        ("dWc", 3, 1): 2.3045621636876668,
        ("dWo", 1, 2): 0.3313115952892109,
        ("dbf", 4, 0): 0.18864637,
        ("dbi", 4, 0): -0.40142491,
        ("dbc", 4, 0): 0.25587763,
        ("dbo", 4, 0): 0.13893342,
    }
    for (name, i, j), number in expected.items():
        assert gradients[name][i][j] == pytest.approx(number, abs=1e-8), name
    assert {name for name, *_ in expected} == set(gradients)


def test_lstm_backward_gives_the_courses_numbers():
    randn = np.random.RandomState(1).randn
    x, a0 = randn(3, 10, 7), randn(5, 10)
    parameters = {}
    for gate in GATES["lstm"]:
        parameters |= {f"W{gate}": randn(5, 8), f"b{gate}": randn(5, 1)}
    parameters |= {"Wy": np.zeros((2, 5)), "by": np.zeros((2, 1))}
    *_, caches = lstm_forward(x, a0, parameters)
    gradients = lstm_backward(randn(5, 10, 4), caches)  # fewer steps than x has
    expected = [0.00218254, 0.28205375, -0.48292508, -0.43281115]
    np.testing.assert_allclose(gradients["dx"][1][2], expected, atol=1e-8)
    assert gradients["dx"].shape == (3, 10, 4)
    expected = {
        ("da0", 2, 3): 0.312770310257,
        ("dWf", 3, 1): -0.0809802310938,
        ("dWi", 1, 2): 0.40512433093,
        ("dWc", 3, 1): -0.0793746735512,
        ("dWo", 1, 2): 0.038948775763,
        ("dbf", 4, 0): -0.15745657,
        ("dbi", 4, 0): -0.50848333,
        ("dbc", 4, 0): -0.42510818,
        ("dbo", 4, 0): -0.17958196,
    }
    for (name, i, j), number in expected.items():
        assert gradients[name][i][j] == pytest.approx(number, abs=1e-8), name
    assert set(gradients) == {"dx", *(name for name, *_ in expected)}


# A sequence is its steps


def run_cells(kind, x, a0, parameters):
    """The sequence step by step, with the cell's function."""
    cell = function(kind, "cell_forward")
    states = (a0, np.zeros(a0.shape)) if kind == "lstm" else (a0,)
    steps = []
    for t in range(x.shape[2]):
        *states, yt, cache = cell(x[:, :, t], *states, parameters)
        steps.append((*states, yt, cache))
    *arrays, caches = zip(*steps, strict=True)
    return [np.stack(array, axis=-1) for array in arrays], list(caches)


@each_kind
def test_a_sequence_equals_its_cells_step_by_step(kind):
    x, a0, parameters = drawn(kind)
    outputs = function(kind, "forward")(x, a0, parameters)
    (a, *c, y), caches = run_cells(kind, x, a0, parameters)
    for output, expected in zip(outputs[:-1], [a, y, *c], strict=True):
        np.testing.assert_allclose(output, expected, atol=1e-12)
    assert outputs[-1][1] is x
    for cache, expected in zip(outputs[-1][0], caches, strict=True):
        assert len(cache) == len(expected)
        for one, other in zip(cache[:-1], expected[:-1], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def backward_step_by_step(kind, da, caches):
    """The sequence's backward pass as the course writes it, with the cell's."""
    cell = function(kind, "cell_backward")
    total, dx, carried = {}, [], {"da_prev": 0, "dc_prev": np.zeros(da.shape[:2])}
    for t in reversed(range(da.shape[2])):
        gradients_in = [da[:, :, t] + carried["da_prev"]]
        gradients_in += [carried["dc_prev"]] if kind == "lstm" else []
        gradients = cell(*gradients_in, caches[0][t])
        carried = {name: gradients.pop(name) for name in carried if name in gradients}
        dx.insert(0, gradients.pop("dxt"))
        for name, gradient in gradients.items():
            total[name] = total.get(name, 0) + gradient
    return {"dx": np.stack(dx, axis=-1), "da0": carried["da_prev"], **total}


@each_kind
@pytest.mark.parametrize("activations", ["real", "drawn"])
@pytest.mark.parametrize("num_steps", [5, 3])
def test_backward_equals_its_cells_step_by_step(kind, activations, num_steps):
    """Drawn activations are outside of (0, 1), too, and taken as they are."""
    x, a0, parameters = drawn(kind)
    *_, caches = function(kind, "forward")(x, a0, parameters)
    randn = np.random.RandomState(2).randn
    if activations == "drawn":
        caches = (
            [
                (*(randn(*array.shape) for array in cache[:-1]), cache[-1])
                for cache in caches[0]
            ],
            x,
        )
    da = randn(4, 2, num_steps)
    gradients = function(kind, "backward")(da, caches)
    expected = backward_step_by_step(kind, da, caches)
    assert list(gradients) == list(expected)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], atol=1e-10, err_msg=name)


# Gradients: differences, and Keras


@each_kind
def test_backward_equals_differences(kind):
    x, a0, parameters = drawn(kind, n_x=2, n_a=3, m=2, T_x=3)
    da = np.random.RandomState(1).randn(3, 2, 3)

    def cost(x, a0, **parameters):
        return np.sum(da * function(kind, "forward")(x, a0, parameters)[0])

    *_, caches = function(kind, "forward")(x, a0, parameters)
    gradients = function(kind, "backward")(da, caches)
    expected = numerical_gradients(
        lambda arrays: cost(**arrays), {"x": x, "a0": a0, **parameters}, 1e-5
    )
    for name in [name for name in parameters if "y" in name]:
        assert not expected.pop(f"d{name}").any()  # of the predictions: not in `a`
    assert set(expected) == set(gradients)
    for name, gradient in expected.items():
        np.testing.assert_allclose(gradients[name], gradient, atol=1e-7, err_msg=name)


@each_kind
def test_cell_backward_equals_differences(kind):
    x, a0, parameters = drawn(kind, n_x=2, n_a=3, m=2, T_x=1)
    randn = np.random.RandomState(1).randn
    states = {"a_prev": a0} | ({"c_prev": randn(3, 2)} if kind == "lstm" else {})
    outward = [randn(3, 2) for _ in states]

    def cost(xt, a_prev, c_prev=None, **parameters):
        given = [a_prev, c_prev][: len(states)]
        outputs = function(kind, "cell_forward")(xt, *given, parameters)
        pairs = zip(outputs, outward, strict=False)
        return sum(np.sum(output * gradient) for output, gradient in pairs)

    xt = x[:, :, 0]
    *_, cache = function(kind, "cell_forward")(xt, *states.values(), parameters)
    gradients = function(kind, "cell_backward")(*outward, cache)
    expected = numerical_gradients(
        lambda arrays: cost(**arrays), {"xt": xt, **states, **parameters}, 1e-5
    )
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], atol=1e-7, err_msg=name)


def keras_layer(kind, n_a, parameters):
    """The same layer in Keras, with gates in Keras' order, and how to order back."""
    import keras

    options = {"return_sequences": True, "dtype": "float64"}
    if kind == "rnn":
        layer = keras.layers.SimpleRNN(n_a, **options)
        weights = [parameters[name].T for name in ("Wax", "Waa", "ba")]
        return layer, [*weights[:2], weights[2][0]]
    if kind == "lstm":
        layer, signs = keras.layers.LSTM(n_a, **options), dict.fromkeys("ifco", 1)
    else:
        # Keras' update gate keeps the old state where the course's takes the new one.
        layer = keras.layers.GRU(n_a, reset_after=False, **options)
        signs = {"u": -1, "r": 1, "c": 1}
    W = np.concatenate(
        [sign * parameters[f"W{gate}"].T for gate, sign in signs.items()], 1
    )
    b = np.concatenate(
        [sign * parameters[f"b{gate}"][:, 0] for gate, sign in signs.items()]
    )
    return layer, [W[n_a:], W[:n_a], b]


@each_kind
def test_a_sequence_equals_keras_forward_and_backward(kind):
    import tensorflow as tf

    x, a0, parameters = drawn(kind, n_x=3, n_a=4, m=2, T_x=6)
    a, *_, caches = function(kind, "forward")(x, a0, parameters)
    da = np.random.RandomState(1).randn(*a.shape)
    gradients = function(kind, "backward")(da, caches)

    layer, weights = keras_layer(kind, 4, parameters)
    inputs, state = tf.constant(x.transpose(1, 2, 0)), tf.constant(a0.T)
    layer.build(inputs.shape)
    layer.set_weights(weights)
    states = [state, tf.zeros_like(state)] if kind == "lstm" else state
    with tf.GradientTape() as tape:
        tape.watch([inputs, state])
        outputs = layer(inputs, initial_state=states)
        total = tf.reduce_sum(outputs * da.transpose(1, 2, 0))
    variables = [variable.value for variable in layer.trainable_variables]
    dx, da0, *of_weights = tape.gradient(total, [inputs, state, *variables])
    np.testing.assert_allclose(a, outputs.numpy().transpose(2, 0, 1), atol=1e-10)
    np.testing.assert_allclose(
        gradients["dx"], dx.numpy().transpose(2, 0, 1), atol=1e-10
    )
    np.testing.assert_allclose(gradients["da0"], da0.numpy().T, atol=1e-10)
    ours = {name[1:]: gradient for name, gradient in gradients.items()}
    _, expected = keras_layer(kind, 4, ours)
    for gradient, other in zip(expected, of_weights, strict=True):
        np.testing.assert_allclose(gradient, other.numpy(), atol=1e-10)


# Helpers, and mistakes


def test_sigmoid_and_softmax_are_right_far_out():
    x = np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0])
    assert sigmoid(x).tolist() == [0, np.exp(-40) / (1 + np.exp(-40)), 0.5, 1, 1]
    assert sigmoid(np.float32(0.5)).dtype == np.float32
    scores = np.array([[1e4, -1e4], [0, 0], [1e4, -1e4]])
    np.testing.assert_array_equal(softmax(scores), [[0.5, 0], [0, 1], [0.5, 0]])
    np.testing.assert_allclose(softmax(np.log([1.0, 3.0])), [0.25, 0.75])


@each_kind
def test_what_is_given_and_cached_is_not_changed(kind):
    x, a0, parameters = drawn(kind)
    before = [array.copy() for array in (x, a0, *parameters.values())]
    a, *_, caches = function(kind, "forward")(x, a0, parameters)
    a += 1
    first = function(kind, "backward")(np.ones(a.shape), caches)
    again = function(kind, "backward")(np.ones(a.shape), caches)
    for name, gradient in first.items():
        np.testing.assert_array_equal(gradient, again[name])
    np.testing.assert_allclose(caches[0][0][0] + 1, a[:, :, 0])
    for array, old in zip((x, a0, *parameters.values()), before, strict=True):
        np.testing.assert_array_equal(array, old)


@each_kind
def test_single_precision_stays_single(kind):
    x, a0, parameters = drawn(kind)
    parameters = {name: array.astype("float32") for name, array in parameters.items()}
    *arrays, caches = function(kind, "forward")(
        x.astype("float32"), a0.astype("float32"), parameters
    )
    arrays += caches[0][-1][:-1]
    arrays += function(kind, "backward")(arrays[0], caches).values()
    assert {array.dtype for array in arrays} == {np.dtype("float32")}


@each_kind
def test_mistakes_are_named_with_the_shapes(kind):
    x, a0, parameters = drawn(kind)
    forward = function(kind, "forward")
    with pytest.raises(ValueError, match=r"x.shape=\(3, 1, 5\), a0.shape=\(4, 2\)"):
        forward(x[:, :1], a0, parameters)
    with pytest.raises(ValueError, match=r"a step or more.*\(3, 2, 0\)"):
        forward(x[:, :, :0], a0, parameters)
    name = "Wax" if kind == "rnn" else "Wc"
    wrong = {**parameters, name: parameters[name][:, :-1]}
    shape = parameters[name].shape
    expected = rf"`{name}` must have the shape \({shape[0]}, {shape[1]}\) for n_a=4"
    with pytest.raises(ValueError, match=expected + rf".*\(4, {shape[1] - 1}\)"):
        forward(x, a0, wrong)
    missing = {key: value for key, value in parameters.items() if key != name}
    with pytest.raises(ValueError, match=f"Missing: {name}"):
        forward(x, a0, missing)
    *_, caches = forward(x, a0, parameters)
    backward = function(kind, "backward")
    for shape in ((4, 2, 6), (4, 1, 5), (4, 2)):
        with pytest.raises(ValueError, match=r"\(4, 2, 5\).*Received: da.shape=\(4, "):
            backward(np.ones(shape), caches)
    cell_backward = function(kind, "cell_backward")
    others = [np.ones((4, 2))] if kind == "lstm" else []
    with pytest.raises(ValueError, match=r"\(4, 2\). Received: da_next.shape=\(4, 1\)"):
        cell_backward(np.ones((4, 1)), *others, caches[0][0])
    cell = function(kind, "cell_forward")
    others = [a0] if kind == "lstm" else []
    with pytest.raises(ValueError, match=r"xt.shape=\(3, 2\), a_prev.shape=\(4, 1\)"):
        cell(x[:, :, 0], a0[:, :1], *others, parameters)


def test_the_lstms_two_states_must_have_one_shape():
    x, a0, parameters = drawn("lstm")
    with pytest.raises(ValueError, match=r"a_prev.shape=\(4, 2\), c_prev.shape=\(3, 2"):
        lstm_cell_forward(x[:, :, 0], a0, a0[:3], parameters)
