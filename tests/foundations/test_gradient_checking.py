"""Gradient checking, and every backward pass of the first two courses under it.

`PASSES` lists them once. Each is compared with central differences of its own forward
pass, and with the automatic differentiation of a forward pass written in Keras.
"""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.foundations import (
    deep_network,
    gradient_checking,
    initialization,
    logistic_regression,
    normalization,
    optimization,
    planar_network,
    regularization,
    softmax,
)

RNG = np.random.RandomState(7)
X = RNG.standard_normal((4, 6))
Y = RNG.randint(2, size=(1, 6))
CLASSES = np.eye(3)[RNG.randint(3, size=6)].T
TARGET = RNG.standard_normal((4, 6))  # what weighs the outputs of batch norm
KEEP_PROB = 0.7
LAMBD = 0.7


def drawn(*sizes):
    """Parameters with biases that are not 0: a mistake in one would not show."""
    shapes = deep_network.parameter_shapes(sizes)
    return {key: 0.6 * RNG.standard_normal(shape) for key, shape in shapes.items()}


def masks():
    """The masks of dropout, the same in every pass."""
    return np.random.RandomState(1)


def log_loss(A, labels):
    losses = labels * ops.log(A) + (1 - labels) * ops.log(1 - A)
    return -ops.sum(losses) / labels.shape[1]


def keras_network(p, hidden=ops.relu, drops=None):
    """The last layer's sum, of a network with one or two hidden layers."""
    A, num_layers = X, len(p) // 2
    for layer in range(1, num_layers + 1):
        Z = ops.matmul(p[f"W{layer}"], A) + p[f"b{layer}"]
        if layer == num_layers:
            return Z
        A = hidden(Z)
        if drops is not None:
            A = A * drops[layer - 1] / KEEP_PROB


def keras_dropout(p):
    rng = masks()
    drops = [(rng.random((n, 6)) < KEEP_PROB).astype("float64") for n in (5, 3)]
    return log_loss(ops.sigmoid(keras_network(p, drops=drops)), Y)


def keras_l2(p):
    squares = sum(ops.sum(ops.square(p[key])) for key in ("W1", "W2", "W3"))
    cost = log_loss(ops.sigmoid(keras_network(p)), Y)
    return cost + LAMBD / 2 / 6 * squares


def keras_softmax(p):
    logits = keras_network(p)
    return -ops.sum(CLASSES * ops.log_softmax(logits, axis=0)) / 6


def keras_batch_norm(p):
    mean = ops.mean(p["Z"], axis=1, keepdims=True)
    variance = ops.mean(ops.square(p["Z"] - mean), axis=1, keepdims=True)
    Z_norm = (p["Z"] - mean) / ops.sqrt(variance + 1e-5)
    return ops.sum(TARGET * (p["gamma"] * Z_norm + p["beta"]))


def keras_sigmoid_network(p):
    return log_loss(ops.sigmoid(keras_network(p)), Y)


def keras_tanh_network(p):
    return log_loss(ops.sigmoid(keras_network(p, hidden=ops.tanh)), Y)


def keras_neuron(p):
    A = ops.sigmoid(ops.matmul(ops.transpose(p["w"]), X) + p["b"])
    return log_loss(A, Y)


# Each takes parameters and returns the cost and its gradients.


def logistic_regression_pass(p):
    grads, cost = logistic_regression.propagate(p["w"], p["b"], X, Y)
    return cost, grads


def planar_network_pass(p):
    A2, cache = planar_network.forward_propagation(X, p)
    grads = planar_network.backward_propagation(p, cache, X, Y)
    return planar_network.compute_cost(A2, Y), grads


def deep_network_pass(p):
    AL, caches = deep_network.L_model_forward(X, p)
    return deep_network.compute_cost(AL, Y), deep_network.L_model_backward(
        AL, Y, caches
    )


def initialization_pass(p):
    AL, cache = initialization.forward_propagation(X, p)
    return initialization.compute_loss(AL, Y), initialization.backward_propagation(
        X, Y, cache
    )


def optimization_pass(p):
    AL, cache = optimization.forward_propagation(X, p)
    cost = optimization.compute_cost(AL, Y) / 6
    return cost, optimization.backward_propagation(X, Y, cache)


def l2_pass(p):
    AL, cache = regularization.forward_propagation(X, p)
    cost = regularization.compute_cost_with_regularization(AL, Y, p, LAMBD)
    return cost, regularization.backward_propagation_with_regularization(
        X, Y, cache, LAMBD
    )


def dropout_pass(p):
    AL, cache = regularization.forward_propagation_with_dropout(
        X, p, KEEP_PROB, rng=masks()
    )
    grads = regularization.backward_propagation_with_dropout(X, Y, cache, KEEP_PROB)
    return regularization.compute_cost(AL, Y), grads


def gradient_checking_pass(p):
    cost, cache = gradient_checking.forward_propagation_n(X, Y, p)
    return cost, gradient_checking.backward_propagation_n(X, Y, cache)


def softmax_pass(p):
    cost = softmax.compute_cost(softmax.forward_propagation(X, p), CLASSES)
    return cost, softmax.backward_propagation(X, CLASSES, p)


def batch_norm_pass(p):
    Z_tilde, cache = normalization.batch_norm_forward(p["Z"], p["gamma"], p["beta"])
    grads = normalization.batch_norm_backward(TARGET, cache)
    return np.sum(TARGET * Z_tilde), dict(
        zip(("dZ", "dgamma", "dbeta"), grads, strict=True)
    )


def neuron():
    return {"w": RNG.standard_normal((4, 1)), "b": RNG.standard_normal(())}


def batch():
    shapes = {"Z": (4, 6), "gamma": (4, 1), "beta": (4, 1)}
    return {key: RNG.standard_normal(shape) for key, shape in shapes.items()}


PASSES = [
    pytest.param(both, parameters, cost, id=both.__name__)
    for both, parameters, cost in [
        (logistic_regression_pass, neuron(), keras_neuron),
        (planar_network_pass, drawn(4, 5, 1), keras_tanh_network),
        (deep_network_pass, drawn(4, 5, 3, 1), keras_sigmoid_network),
        (initialization_pass, drawn(4, 5, 3, 1), keras_sigmoid_network),
        (optimization_pass, drawn(4, 5, 3, 1), keras_sigmoid_network),
        (l2_pass, drawn(4, 5, 3, 1), keras_l2),
        (dropout_pass, drawn(4, 5, 3, 1), keras_dropout),
        (gradient_checking_pass, drawn(4, 5, 3, 1), keras_sigmoid_network),
        (softmax_pass, drawn(4, 5, 3), keras_softmax),
        (batch_norm_pass, batch(), keras_batch_norm),
    ]
]
every_backward_pass = pytest.mark.parametrize(
    ("both", "parameters", "keras_cost"), PASSES
)


@every_backward_pass
def test_it_agrees_with_our_own_gradient_check(both, parameters, keras_cost):
    _, grads = both(parameters)
    numerical = gradient_checking.numerical_gradients(
        lambda changed: both(changed)[0], parameters, epsilon=1e-5
    )
    assert set(numerical) <= set(grads)
    for key, expected in numerical.items():
        found = np.reshape(grads[key], expected.shape)
        difference = gradient_checking.relative_difference(found, expected)
        assert difference < 1e-7, key


@every_backward_pass
def test_it_agrees_with_automatic_differentiation(both, parameters, keras_cost):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the tape is TensorFlow's")
    import tensorflow as tf

    cost, grads = both(parameters)
    tensors = {key: tf.constant(value) for key, value in parameters.items()}
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        expected_cost = keras_cost(tensors)
    assert cost == pytest.approx(float(expected_cost), rel=1e-10)
    for key, expected in tape.gradient(expected_cost, tensors).items():
        np.testing.assert_allclose(
            np.reshape(grads[f"d{key}"], expected.shape),
            expected.numpy(),
            rtol=1e-8,
            atol=1e-12,
            err_msg=key,
        )


def test_the_gradient_of_the_input_agrees_with_our_own_gradient_check():
    parameters = drawn(4, 5, 3, 1)
    AL, caches = deep_network.L_model_forward(X, parameters)
    found = deep_network.L_model_backward(AL, Y, caches)["dA0"] / 6
    expected = gradient_checking.numerical_gradients(
        lambda p: deep_network.compute_cost(
            deep_network.L_model_forward(p["X"], parameters)[0], Y
        ),
        {"X": X},
        epsilon=1e-5,
    )["dX"]
    assert gradient_checking.relative_difference(found, expected) < 1e-8


@pytest.mark.parametrize("wrong", ["dW1", "db1", "dW2", "db2", "dW3", "db3"])
def test_a_mistake_in_any_parameter_is_found(wrong):
    parameters = drawn(4, 5, 3, 1)
    _, grads = gradient_checking_pass(parameters)
    check = gradient_checking.gradient_check_n
    assert check(parameters, grads, X, Y) < 2e-7
    assert check(parameters, grads | {wrong: grads[wrong] * 1.1}, X, Y) > 1e-4
    assert check(parameters, grads | {wrong: -grads[wrong]}, X, Y) > 1e-4


def test_the_check_says_what_it_found(capsys):
    parameters = drawn(4, 5, 3, 1)
    _, cache = gradient_checking.forward_propagation_n(X, Y, parameters)
    right = gradient_checking.backward_propagation_n(X, Y, cache)
    wrong = gradient_checking.backward_propagation_n_with_mistakes(X, Y, cache)
    check = gradient_checking.gradient_check_n
    check(parameters, right, X, Y, print_msg=True)
    assert capsys.readouterr().out.startswith("The backward propagation is right: ")
    check(parameters, wrong, X, Y, print_msg=True)
    assert capsys.readouterr().out.startswith("There is a mistake in the backward")
    gradient_checking.gradient_check(2, 4, print_msg=True)
    assert capsys.readouterr().out.startswith("The backward propagation is right: ")
    check(parameters, right, X, Y)
    assert capsys.readouterr().out == ""


def test_central_differences_leave_their_input_alone():
    parameters = {"W": np.array([[1.0, 2.0]]), "count": np.array(3)}
    before = {key: value.copy() for key, value in parameters.items()}
    found = gradient_checking.numerical_gradients(
        lambda p: float(np.sum(p["W"] ** 3) * p["count"]), parameters, 1e-5
    )
    np.testing.assert_allclose(found["dW"], [[9.0, 36.0]], rtol=1e-8)
    assert found["dcount"] == pytest.approx(9.0)
    for key, value in before.items():
        np.testing.assert_array_equal(parameters[key], value)


def test_vectors_and_dictionaries_are_the_same_numbers():
    parameters = drawn(4, 5, 3, 1)
    theta, keys = gradient_checking.dictionary_to_vector(parameters)
    assert theta.shape == (47, 1)
    assert keys[20] == "b1"
    assert keys[-1] == "b3"
    again = gradient_checking.vector_to_dictionary(theta)
    assert list(again) == list(parameters)
    for key, value in parameters.items():
        np.testing.assert_array_equal(again[key], value)
    gradients = {f"d{key}": value for key, value in reversed(parameters.items())}
    np.testing.assert_array_equal(
        gradient_checking.gradients_to_vector({**gradients, "dA1": X}), theta
    )


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [([1.0, 2], [1.0, 2], 0), ([1.0], [-1.0], 1), ([0.0], [0.0], 0), ([0.0], [5.0], 1)],
)
def test_relative_difference_is_between_0_and_1(one, other, difference):
    assert gradient_checking.relative_difference(one, other) == difference


def test_what_does_not_fit_is_said():
    parameters = drawn(4, 5, 3, 1)
    _, grads = gradient_checking_pass(parameters)
    with pytest.raises(ValueError, match=r"shape of `W1`, \(5, 4\). Received: one of"):
        gradient_checking.gradient_check_n(
            parameters, grads | {"dW1": grads["dW1"].T}, X, Y
        )
    with pytest.raises(ValueError, match=r"\(2,\) and \(1, 2\)"):
        gradient_checking.relative_difference([1, 2], [[1, 2]])
    with pytest.raises(ValueError, match="must hold 47 numbers"):
        gradient_checking.vector_to_dictionary(np.zeros(46))
