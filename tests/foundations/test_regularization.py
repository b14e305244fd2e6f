import os
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.foundations import regularization

DATA = os.environ.get("DLAI_DATA")


@pytest.fixture
def network():
    """`(X, Y, parameters)` of a small network."""
    rng = np.random.RandomState(0)
    parameters = regularization.initialize_parameters([3, 6, 4, 1], rng=rng)
    return rng.standard_normal((3, 8)), rng.randint(2, size=(1, 8)), parameters


def test_the_cost_counts_weights_and_no_biases(network):
    X, Y, parameters = network
    A, _ = regularization.forward_propagation(X, parameters)
    plain = regularization.compute_cost(A, Y)
    squares = sum(np.sum(parameters[key] ** 2) for key in ("W1", "W2", "W3"))
    cost = regularization.compute_cost_with_regularization(A, Y, parameters, 0.7)
    assert cost == pytest.approx(plain + 0.7 / 2 / 8 * squares, rel=1e-12)
    parameters |= {"b1": parameters["b1"] + 100}
    same = regularization.compute_cost_with_regularization(A, Y, parameters, 0.7)
    assert same == cost


def test_without_a_remedy_all_passes_agree(network):
    X, Y, parameters = network
    A, cache = regularization.forward_propagation(X, parameters)
    dropped, masked = regularization.forward_propagation_with_dropout(X, parameters, 1)
    np.testing.assert_array_equal(dropped, A)
    plain = regularization.backward_propagation(X, Y, cache)
    for gradients in (
        regularization.backward_propagation_with_regularization(X, Y, cache, 0),
        regularization.backward_propagation_with_dropout(X, Y, masked, 1),
    ):
        assert list(gradients) == list(plain)
        for key, value in plain.items():
            np.testing.assert_array_equal(gradients[key], value)


def test_dropout_keeps_the_share_and_the_mean():
    parameters = {"W1": np.ones((1, 1)), "b1": np.zeros((1, 1))}
    parameters |= {"W2": np.ones((1, 1)), "b2": np.zeros((1, 1))}
    X = np.full((1, 20000), 3.0)
    _, (_, D1, A1, *_) = regularization.forward_propagation_with_dropout(
        X, parameters, 0.8, rng=np.random.default_rng(0)
    )
    assert D1.mean() == pytest.approx(0.8, abs=0.01)
    assert A1.mean() == pytest.approx(3.0, abs=0.05)
    assert set(np.unique(A1).round(9)) == {0.0, 3.75}


def test_every_call_drops_others_unless_its_generator_is_the_same(network):
    X, _, parameters = network
    rng = np.random.default_rng(0)
    drop = regularization.forward_propagation_with_dropout
    first, _ = drop(X, parameters, rng=rng)
    second, _ = drop(X, parameters, rng=rng)
    assert not np.array_equal(first, second)
    again, _ = drop(X, parameters, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(first, again)


def cost_after_training(**remedy):
    """On 40 noisy points beside a line, which the network learns by heart."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (2, 40))
    Y = (X[:1] + X[1:] + 0.6 * rng.normal(size=(1, 40)) > 0).astype(int)
    parameters = regularization.model(
        X, Y, 0.5, 1000, False, **remedy, rng=np.random.RandomState(3)
    )
    A, _ = regularization.forward_propagation(X, parameters)
    return regularization.compute_cost(A, Y)


def test_a_remedy_makes_the_fit_worse():
    without = cost_after_training()
    assert without < cost_after_training(lambd=3.0) < np.log(2)
    assert without < cost_after_training(keep_prob=0.6) < np.log(2)


def test_both_remedies_go_together(network):
    X, Y, _ = network
    costs = []
    regularization.model(
        X, Y, 0.1, 1001, False, 0.1, 0.9, costs=costs, rng=np.random.RandomState(0)
    )
    assert costs[1] < costs[0]


def test_print_cost_prints_every_ten_thousandth(network, capsys):
    X, Y, _ = network
    regularization.model(X, Y, num_iterations=1, rng=np.random.RandomState(0))
    assert capsys.readouterr().out.startswith("Cost after iteration 0: ")


@pytest.mark.skipif(not DATA, reason="DLAI_DATA, the folder of real data, is not set")
@pytest.mark.parametrize(
    ("lambd", "published"), [(0, 0.6557412523481002), (0.7, 0.6974484493131264)]
)
def test_the_first_cost_on_the_footballers_is_the_published_one(lambd, published):
    # Notebook of 2019.
    io = pytest.importorskip("scipy.io")
    data = io.loadmat(Path(DATA) / "foundations" / "data.mat")
    costs = []
    regularization.model(
        data["X"].T,
        data["y"].T,
        num_iterations=1,
        print_cost=False,
        lambd=lambd,
        costs=costs,
        rng=np.random.RandomState(3),
    )
    assert costs == pytest.approx([published], rel=1e-9)


def test_what_does_not_fit_is_said(network):
    X, Y, parameters = network
    for keep_prob in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match="`keep_prob` must be above 0"):
            regularization.forward_propagation_with_dropout(X, parameters, keep_prob)
        with pytest.raises(ValueError, match="`keep_prob` must be above 0"):
            regularization.model(X, Y, keep_prob=keep_prob)
    with pytest.raises(ValueError, match="`lambd` must be 0 or more"):
        regularization.model(X, Y, lambd=-1)
    _, cache = regularization.forward_propagation(X, parameters)
    with pytest.raises(ValueError, match=r"shape \(1, 8\), labels of shape \(8, 1\)"):
        regularization.backward_propagation(X, Y.T, cache)
