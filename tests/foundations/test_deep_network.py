import os
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.foundations import deep_network

DATA = os.environ.get("DLAI_DATA")


def layered_loop(X, parameters):
    """Each unit of each layer of each example on its own."""
    num_layers = len(parameters) // 2
    columns = []
    for x in X.T:
        for layer in range(1, num_layers + 1):
            W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
            z = [
                sum(w * value for w, value in zip(row, x, strict=True)) + bias[0]
                for row, bias in zip(W, b, strict=True)
            ]
            is_last = layer == num_layers
            x = [1 / (1 + np.exp(-one)) if is_last else max(0, one) for one in z]
        columns.append(x)
    return np.array(columns).T


def test_the_forward_pass_equals_a_loop_over_units():
    rng = np.random.RandomState(0)
    parameters = deep_network.initialize_parameters_deep(
        [4, 5, 3, 2], scale="he", rng=rng
    )
    X = rng.standard_normal((4, 6))
    AL, caches = deep_network.L_model_forward(X, parameters)
    np.testing.assert_allclose(AL, layered_loop(X, parameters), rtol=1e-12)
    for layer, ((A_prev, W, b), Z) in enumerate(caches, start=1):
        assert W is parameters[f"W{layer}"]
        np.testing.assert_array_equal(Z, W @ A_prev + b)


@pytest.mark.parametrize(
    ("scale", "deviation"), [(0.01, 0.01), ("fan_in", 0.05), ("he", 0.05 * 2**0.5)]
)
def test_scale_is_the_deviation_of_the_weights(scale, deviation):
    parameters = deep_network.initialize_parameters_deep(
        [400, 500, 1], scale=scale, rng=np.random.default_rng(0)
    )
    assert parameters["W1"].std() == pytest.approx(deviation, rel=0.01)
    assert not parameters["b1"].any()


def test_the_two_courses_starts_are_one_drawing():
    small, scaled = (
        deep_network.initialize_parameters_deep(
            [9, 4, 1], scale=scale, rng=np.random.RandomState(1)
        )
        for scale in (0.01, "fan_in")
    )
    np.testing.assert_allclose(small["W1"] / 0.01, scaled["W1"] * 3, rtol=1e-12)
    np.testing.assert_allclose(small["W2"] / 0.01, scaled["W2"] * 2, rtol=1e-12)


def test_a_saturated_output_has_the_gradient_of_its_error():
    # sigmoid(40) is 1 in float64: the course's formula divides 0 by 0 there.
    X = np.array([[40.0, -40.0, 40.0, -800.0]])
    Y = np.array([[0, 1, 1, 1]])
    parameters = {"W1": np.ones((1, 1)), "b1": np.zeros((1, 1))}
    AL, caches = deep_network.L_model_forward(X, parameters)
    assert np.isfinite(deep_network.compute_cost(AL, Y))
    grads = deep_network.L_model_backward(AL, Y, caches)
    np.testing.assert_allclose(grads["dA0"], AL - Y, atol=1e-12)
    np.testing.assert_allclose(grads["dW1"], [[np.sum((AL - Y) * X) / 4]])


def test_training_is_forward_backward_and_update():
    rng = np.random.RandomState(0)
    X, Y = rng.standard_normal((4, 30)), rng.randint(2, size=(1, 30))
    found, costs = deep_network.L_layer_model(
        X, Y, (4, 5, 3, 1), 0.05, 3, rng=np.random.RandomState(1)
    )
    parameters = deep_network.initialize_parameters_deep(
        (4, 5, 3, 1), scale="fan_in", rng=np.random.RandomState(1)
    )
    for step in range(3):
        AL, caches = deep_network.L_model_forward(X, parameters)
        if step == 0:
            np.testing.assert_array_equal(costs, [deep_network.compute_cost(AL, Y)])
        grads = deep_network.L_model_backward(AL, Y, caches)
        parameters = deep_network.update_parameters(parameters, grads, 0.05)
    for key, value in parameters.items():
        np.testing.assert_array_equal(found[key], value)


def test_float32_stays_float32_and_learns_the_same():
    rng = np.random.RandomState(0)
    X, Y = rng.standard_normal((4, 30)), rng.randint(2, size=(1, 30))
    double, single = (
        deep_network.L_layer_model(
            inputs, Y, (4, 5, 1), 0.1, 50, rng=np.random.RandomState(1)
        )[0]
        for inputs in (X, X.astype("float32"))
    )
    for key, value in single.items():
        assert value.dtype == "float32"
        assert double[key].dtype == "float64"
        np.testing.assert_allclose(value, double[key], rtol=1e-3, atol=1e-5)


def test_flat_labels_train_the_same():
    rng = np.random.RandomState(0)
    X, Y = rng.standard_normal((4, 30)), rng.randint(2, size=30)
    flat, row = (
        deep_network.two_layer_model(
            X, labels, (4, 3, 1), 0.5, 20, rng=np.random.RandomState(1)
        )[0]
        for labels in (Y, Y.reshape(1, 30))
    )
    np.testing.assert_array_equal(flat["W1"], row["W1"])


def test_costs_are_of_every_hundredth_step_and_printed_on_demand(capsys):
    X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
    arguments = X, Y, (1, 2, 1), 0.1, 150
    _, costs = deep_network.L_layer_model(*arguments, rng=np.random.RandomState(0))
    assert len(costs) == 2
    assert capsys.readouterr().out == ""
    deep_network.L_layer_model(
        *arguments, print_cost=True, rng=np.random.RandomState(0)
    )
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in printed] == ["0:", "100:", "149:"]
    assert printed[1].endswith(f" {costs[1]}")


def test_predict_prints_how_often_it_is_right(capsys):
    parameters = {"W1": np.ones((1, 1)), "b1": np.zeros((1, 1))}
    X, y = np.array([[-1.0, 1.0, 2.0]]), np.array([[1, 1, 1]])
    predictions = deep_network.predict(X, y, parameters)
    np.testing.assert_array_equal(predictions, [[0.0, 1.0, 1.0]])
    assert capsys.readouterr().out.startswith("Accuracy: 0.666")
    deep_network.predict(X, y, parameters, print_accuracy=False)
    assert capsys.readouterr().out == ""


def test_what_does_not_fit_is_said():
    one = np.ones((1, 1))
    with pytest.raises(ValueError, match=r"shape \(2, 3\), input of shape \(4, 5\)"):
        deep_network.linear_forward(np.ones((4, 5)), np.ones((2, 3)), np.ones((2, 1)))
    with pytest.raises(ValueError, match=r"\(2, 3\), biases of shape \(2,\)"):
        deep_network.linear_forward(np.ones((3, 5)), np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match=r"one of relu, sigmoid\. Received: .*'tanh'"):
        deep_network.linear_activation_forward(one, one, one, "tanh")
    with pytest.raises(ValueError, match="one of relu, sigmoid"):
        deep_network.linear_activation_backward(one, ((one, one, one), one), "selu")
    with pytest.raises(ValueError, match=r"gradient of shape \(1, 2\), weights"):
        deep_network.linear_backward(np.ones((1, 2)), (one, one, one))
    with pytest.raises(ValueError, match=r"of shape \(1, 2\), value of shape \(2, 1\)"):
        deep_network.relu_backward(np.ones((1, 2)), np.ones((2, 1)))
    with pytest.raises(ValueError, match=r"shape \(1, 2\), labels of shape \(1, 3\)"):
        deep_network.compute_cost(np.full((1, 2), 0.5), np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"\(1, 1\). Received: one of shape \(1, 2\)"):
        deep_network.update_parameters({"W1": one}, {"dW1": np.ones((1, 2))}, 0.1)
    with pytest.raises(ValueError, match=r"Received: none"):
        deep_network.update_parameters({"W1": one}, {}, 0.1)
    with pytest.raises(ValueError, match=r"Received: \[3, 0\]"):
        deep_network.initialize_parameters_deep([3, 0])
    with pytest.raises(ValueError, match="Received: scale='xavier'"):
        deep_network.initialize_parameters_deep([3, 1], scale="xavier")


@pytest.mark.skipif(not DATA, reason="DLAI_DATA, the folder of real data, is not set")
def test_the_first_costs_on_cats_are_the_published_ones():
    # Notebook v8 of "Deep neural network: application".
    h5py = pytest.importorskip("h5py")
    with h5py.File(Path(DATA) / "foundations" / "train_catvnoncat.h5") as file:
        images, labels = file["train_set_x"][:], file["train_set_y"][:]
    X = images.reshape(len(images), -1).T / 255
    _, two = deep_network.two_layer_model(
        X, labels, (12288, 7, 1), num_iterations=101, rng=np.random.RandomState(1)
    )
    np.testing.assert_allclose(two, [0.693049735659989, 0.6464320953428849], rtol=1e-9)
    _, four = deep_network.L_layer_model(
        X,
        labels,
        (12288, 20, 7, 5, 1),
        num_iterations=101,
        rng=np.random.RandomState(1),
    )
    np.testing.assert_allclose(four, [0.771749, 0.672053], atol=5e-7)
