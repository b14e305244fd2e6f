import numpy as np
import pytest
from sklearn import datasets

from dlai_keras.foundations import initialization


@pytest.fixture(scope="module")
def circles():
    """As the course draws them: `(2, 300)` points, `(1, 300)` labels."""
    X, Y = datasets.make_circles(
        n_samples=300, noise=0.05, random_state=np.random.RandomState(1)
    )
    return X.T, Y.reshape(1, -1)


def test_zeros_keep_all_units_the_same(circles):
    X, Y = circles
    costs = []
    parameters = initialization.model(
        X, Y, num_iterations=1001, print_cost=False, initialization="zeros", costs=costs
    )
    np.testing.assert_allclose(costs, np.log(2), rtol=1e-12)
    assert not parameters["W1"].any()


@pytest.mark.parametrize(
    ("start", "published"),
    [("random", 0.6247924745506072), ("he", 0.6879825919728063)],
)
def test_the_starts_cost_what_the_course_prints(circles, start, published):
    # Notebook of 2019; the first cost with random weights is printed as inf there.
    costs = []
    initialization.model(
        *circles,
        num_iterations=1001,
        print_cost=False,
        initialization=start,
        costs=costs,
        rng=np.random.RandomState(3),
    )
    assert np.all(np.isfinite(costs))
    assert costs[1] == pytest.approx(published, rel=1e-3)
    if start == "he":
        assert costs == pytest.approx([0.8830537463419761, published], rel=1e-9)


@pytest.mark.parametrize(
    ("initialize", "gain"),
    [
        (initialization.initialize_parameters_he, 2),
        (initialization.initialize_parameters_xavier, 1),
    ],
)
def test_variance_times_inputs_is_the_gain(initialize, gain):
    parameters = initialize([300, 500, 400], rng=np.random.default_rng(0))
    for key, inputs in (("W1", 300), ("W2", 500)):
        assert parameters[key].var() * inputs == pytest.approx(gain, rel=0.02)
    assert not parameters["b1"].any()


def test_he_keeps_the_signal_through_many_relus_and_small_weights_lose_it():
    sizes = [100] * 11
    X = np.random.default_rng(1).normal(size=(100, 200))
    scales = {}
    for name, parameters in {
        "he": initialization.initialize_parameters_he(
            sizes, rng=np.random.default_rng(0)
        ),
        "small": initialization.initialize_parameters_random(
            sizes, scale=0.01, rng=np.random.default_rng(0)
        ),
    }.items():
        _, cache = initialization.forward_propagation(X, parameters)
        scales[name] = np.sqrt(np.mean(cache[-4] ** 2))  # Z of the last layer
    assert 0.3 < scales["he"] < 5
    assert scales["small"] < 1e-8


def test_the_cache_is_flat_and_backward_names_all_it_computes():
    rng = np.random.RandomState(0)
    parameters = initialization.initialize_parameters_he([4, 5, 3, 1], rng=rng)
    X, Y = rng.standard_normal((4, 6)), rng.randint(2, size=(1, 6))
    a3, cache = initialization.forward_propagation(X, parameters)
    z1, a1, W1, b1, z2, a2, W2, b2, z3, a3_too, W3, b3 = cache
    assert a3_too is a3
    np.testing.assert_allclose(z3, W3 @ np.maximum(z2, 0) + b3)
    np.testing.assert_allclose(a2, np.maximum(W2 @ a1 + b2, 0))
    np.testing.assert_allclose(z1, W1 @ X + b1)
    gradients = initialization.backward_propagation(X, Y, cache)
    names = "dz3 dW3 db3 da2 dz2 dW2 db2 da1 dz1 dW1 db1"
    assert list(gradients) == names.split()
    np.testing.assert_allclose(gradients["dz3"], (a3 - Y) / 6)


def test_predictions_agree_with_each_other(capsys):
    parameters = initialization.initialize_parameters_he(
        [2, 3, 1], rng=np.random.default_rng(0)
    )
    X = np.random.default_rng(1).normal(size=(2, 9))
    boundary = initialization.predict_dec(parameters, X)
    found = initialization.predict(X, boundary.astype(int), parameters)
    assert capsys.readouterr().out == "Accuracy: 1.0\n"
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, boundary)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="one of zeros, random, xavier, he"):
        initialization.model(np.ones((2, 3)), np.ones((1, 3)), initialization="glorot")
    with pytest.raises(ValueError, match=r"Received: \[3\]"):
        initialization.initialize_parameters_zeros([3])
    parameters = initialization.initialize_parameters_zeros([2, 3, 1])
    with pytest.raises(ValueError, match=r"shape \(3, 2\), input of shape \(3, 5\)"):
        initialization.forward_propagation(np.ones((3, 5)), parameters)
