import numpy as np
import pytest

from dlai_keras.foundations import planar_network


def test_shapes_follow_the_layers():
    parameters = planar_network.initialize_parameters(
        3, 5, 2, rng=np.random.default_rng(0)
    )
    shapes = {key: value.shape for key, value in parameters.items()}
    assert shapes == {"W1": (5, 3), "b1": (5, 1), "W2": (2, 5), "b2": (2, 1)}
    X, Y = np.ones((3, 7)), np.ones((2, 7))
    A2, cache = planar_network.forward_propagation(X, parameters)
    assert A2.shape == (2, 7)
    grads = planar_network.backward_propagation(parameters, cache, X, Y)
    assert {f"d{key}": shape for key, shape in shapes.items()} == {
        key: value.shape for key, value in grads.items()
    }


def test_four_hidden_units_learn_what_no_line_can_separate():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (2, 200))
    Y = (X[:1] * X[1:] > 0).astype(int)
    costs = []
    parameters = planar_network.nn_model(X, Y, 4, 2001, costs=costs, rng=rng)
    assert len(costs) == 3
    assert costs[0] > 0.69 > 0.2 > costs[-1]
    predictions = planar_network.predict(parameters, X)
    assert predictions.dtype == bool
    assert np.mean(predictions == Y) > 0.95


def test_an_update_changes_nothing_that_it_was_given():
    parameters = planar_network.initialize_parameters(
        2, 3, 1, rng=np.random.default_rng(0)
    )
    before = {key: value.copy() for key, value in parameters.items()}
    grads = {f"d{key}": np.ones_like(value) for key, value in parameters.items()}
    updated = planar_network.update_parameters(parameters, grads)
    for key, value in before.items():
        np.testing.assert_array_equal(parameters[key], value)
        np.testing.assert_allclose(updated[key], value - 1.2)


def test_print_cost_prints_every_thousandth(capsys):
    X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
    rng = np.random.RandomState(3)
    planar_network.nn_model(X, Y, 2, 1001, print_cost=True, rng=rng)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed] == [
        "Cost after iteration 0",
        "Cost after iteration 1000",
    ]


def test_what_does_not_fit_is_said():
    parameters = planar_network.initialize_parameters(
        2, 3, 1, rng=np.random.default_rng(0)
    )
    with pytest.raises(ValueError, match=r"shape \(3, 2\), input of shape \(5, 2\)"):
        planar_network.forward_propagation(np.zeros((5, 2)), parameters)
    with pytest.raises(ValueError, match=r"shape \(1, 4\), labels of shape \(4, 1\)"):
        planar_network.compute_cost(np.full((1, 4), 0.5), np.zeros((4, 1)))
    with pytest.raises(ValueError, match=r"`dW1` with the shape of `W1`, \(3, 2\)"):
        planar_network.update_parameters(parameters, {"dW1": np.zeros((2, 3))})
