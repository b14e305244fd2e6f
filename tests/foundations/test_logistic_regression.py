import numpy as np
import pytest
from scipy import special

from dlai_keras.foundations.logistic_regression import (
    cross_entropy,
    initialize_with_zeros,
    labels_like,
    model,
    optimize,
    predict,
    propagate,
    sigmoid,
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sigmoid_is_scipys_and_never_overflows(dtype):
    limit = np.log(np.finfo(dtype).max) - 1.1
    z = np.concatenate([np.linspace(-limit, limit, 1001), [-30, 0, 30]]).astype(dtype)
    found = sigmoid(z)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found, special.expit(z), rtol=4 * np.finfo(dtype).eps * limit
    )
    extremes = sigmoid(np.array([-np.inf, -1e30, 1e30, np.inf], dtype))
    assert np.all(np.isfinite(np.log(extremes)))
    assert np.all(extremes[:2] < 1e-37)
    assert np.all(extremes[2:] == 1)


def test_sigmoid_equals_the_courses_formula_to_the_last_bit():
    z = np.random.default_rng(0).normal(size=1000) * 20
    np.testing.assert_array_equal(sigmoid(z), 1 / (1 + np.exp(-z)))
    assert np.isnan(sigmoid(np.nan))


def test_cross_entropy_equals_its_definition():
    rng = np.random.default_rng(0)
    A, Y = rng.uniform(0.01, 0.99, (2, 7)), rng.integers(2, size=(2, 7))
    expected = 0
    for a, y in zip(A.ravel(), Y.ravel(), strict=True):
        expected -= np.log(a) if y else np.log(1 - a)
    assert cross_entropy(A, Y) == pytest.approx(expected / 7, rel=1e-12)
    assert cross_entropy(A, Y.astype(bool)) == cross_entropy(A, Y)


def test_a_saturated_activation_has_a_finite_cost():
    A, Y = np.array([[0.0, 1.0, 0.0, 1.0]]), np.array([[0, 1, 1, 0]])
    largest = -np.log(np.finfo("float64").tiny)
    assert cross_entropy(A[:, :2], Y[:, :2]) == 0
    assert cross_entropy(A, Y) == pytest.approx(2 * largest / 4)


def test_labels_may_be_a_row_or_flat_and_are_never_broadcast():
    A = np.zeros((1, 3))
    for Y in ([0, 1, 1], [[0, 1, 1]], np.array([[False, True, True]])):
        np.testing.assert_array_equal(labels_like(A, Y), [[0, 1, 1]])
    for shape in ((3, 1), (4,), (1, 4), (3, 3), ()):
        with pytest.raises(ValueError, match=r"shape \(1, 3\), labels of shape \(.*\)"):
            labels_like(A, np.zeros(shape))
    with pytest.raises(ValueError, match=r"\(2, 3\), labels of shape \(6,\)"):
        labels_like(np.zeros((2, 3)), np.zeros(6))


def test_descent_goes_down_and_leaves_its_start_alone():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4, 50))
    Y = (X[:1] + 0.5 * X[1:2] > 0).astype(int)
    w, b = initialize_with_zeros(4)
    params, _, costs = optimize(w, b, X, Y, 1001, learning_rate=0.1)
    assert len(costs) == 11
    assert all(np.diff(costs) < 0)
    assert not w.any()
    assert np.mean(predict(params["w"], params["b"], X) == Y) > 0.95
    last = propagate(params["w"], params["b"], X, Y)[1]
    assert last < costs[-1]


def test_print_cost_prints_what_is_returned(capsys):
    X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
    result = model(X, Y, X, Y, num_iterations=101, print_cost=True)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == f"Cost after iteration 100: {result['costs'][1]:f}"
    assert printed[-1] == "test accuracy: 100.0 %"
    model(X, Y, X, Y, num_iterations=101)
    assert capsys.readouterr().out == ""


def test_what_does_not_fit_is_said():
    w, b, X, Y = np.zeros((3, 1)), 0.0, np.zeros((2, 4)), np.zeros((1, 4))
    with pytest.raises(ValueError, match=r"w of shape \(3, 1\), X of shape \(2, 4\)"):
        propagate(w, b, X, Y)
    with pytest.raises(ValueError, match=r"shape \(1, 4\), labels of shape \(1, 5\)"):
        propagate(w[:2], b, X, np.zeros((1, 5)))
    with pytest.raises(ValueError, match="`num_iterations` must be 1 or more"):
        optimize(w[:2], b, X, Y, num_iterations=0)
