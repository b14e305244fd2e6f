"""A network with one hidden layer of tanh, for points in the plane.

Examples stand in columns: `X` is `(n_x, examples)`, `Y` is `(n_y, examples)`.
"""

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, draws
from dlai_keras.foundations.deep_network import linear_forward
from dlai_keras.foundations.logistic_regression import (
    cross_entropy,
    labels_like,
    sigmoid,
)

Parameters = dict[str, np.ndarray]


def layer_sizes(X: np.ndarray, Y: np.ndarray) -> tuple[int, int, int]:
    """Sizes of the three layers, 4 units in the hidden one.

    Args:
        X: examples `(n_x, examples)`.
        Y: labels `(n_y, examples)`.

    Returns:
        `(n_x, 4, n_y)`.

    Example:
        >>> layer_sizes(np.zeros((5, 3)), np.zeros((2, 3)))
        (5, 4, 2)

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    return X.shape[0], 4, Y.shape[0]


def initialize_parameters(
    n_x: int, n_h: int, n_y: int, *, rng: draws.Rng = None
) -> Parameters:
    """Small drawn weights and biases of 0.

    Args:
        n_x: size of the input.
        n_h: units of the hidden layer.
        n_y: units of the output layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1` `(n_h, n_x)`, `b1` `(n_h, 1)`, `W2` `(n_y, n_h)`, `b2` `(n_y, 1)`; the
        weights are normal with a deviation of 0.01.

    Example:
        >>> parameters = initialize_parameters(2, 4, 1, rng=np.random.RandomState(2))
        >>> parameters["W1"][0].round(8).tolist()
        [-0.00416758, -0.00056267]

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    return {
        "W1": draws.normal(rng, n_h, n_x) * 0.01,
        "b1": np.zeros((n_h, 1)),
        "W2": draws.normal(rng, n_y, n_h) * 0.01,
        "b2": np.zeros((n_y, 1)),
    }


def forward_propagation(
    X: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Linear, tanh, linear, sigmoid.

    Args:
        X: examples `(n_x, examples)`.
        parameters: `W1, b1, W2, b2`.

    Returns:
        `(A2, cache)`: activations `(n_y, examples)`, and a dict of `Z1, A1, Z2, A2`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialize_parameters(2, 4, 1, rng=np.random.RandomState(2))
        >>> A2, cache = forward_propagation(np.zeros((2, 3)), parameters)
        >>> A2.tolist(), sorted(cache)
        ([[0.5, 0.5, 0.5]], ['A1', 'A2', 'Z1', 'Z2'])

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    Z1, _ = linear_forward(X, parameters["W1"], parameters["b1"])
    A1 = np.tanh(Z1)
    Z2, _ = linear_forward(A1, parameters["W2"], parameters["b2"])
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def compute_cost(
    A2: np.ndarray, Y: ArrayLike, parameters: Parameters | None = None
) -> float:
    """Cross-entropy, as `logistic_regression.cross_entropy`.

    Args:
        A2: activations `(n_y, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_y is 1.
        parameters: not used; notebooks before 2021 pass them.

    Returns:
        The cost, a Python float.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{compute_cost(np.array([[0.5, 0.25]]), np.array([[1, 0]])):.4f}"
        '0.4904'

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    return float(cross_entropy(A2, Y))


def backward_propagation(
    parameters: Parameters, cache: dict[str, np.ndarray], X: np.ndarray, Y: ArrayLike
) -> dict[str, np.ndarray]:
    """Gradient of the cost.

    `dZ2 = A2 - Y`, `dZ1 = W2ᵀ dZ2 * (1 - A1²)`, and of each layer `dW = dZ Aᵀ / m`,
    `db = sum(dZ) / m`.

    Args:
        parameters: `W1, b1, W2, b2`.
        cache: as `forward_propagation` returns it.
        X: examples `(n_x, examples)`.
        Y: labels `(n_y, examples)`, or `(examples,)` where n_y is 1.

    Returns:
        A dict of `dW1, db1, dW2, db2`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.array([[0.0, 1.0]]), np.array([[0, 1]])
        >>> parameters = initialize_parameters(1, 4, 1, rng=np.random.RandomState(2))
        >>> _, cache = forward_propagation(X, parameters)
        >>> sorted(backward_propagation(parameters, cache, X, Y))
        ['dW1', 'dW2', 'db1', 'db2']

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    num_examples = X.shape[1]
    dZ2 = cache["A2"] - labels_like(cache["A2"], Y)
    dZ1 = (parameters["W2"].T @ dZ2) * (1 - cache["A1"] ** 2)
    return {
        "dW1": dZ1 @ X.T / num_examples,
        "db1": np.sum(dZ1, axis=1, keepdims=True) / num_examples,
        "dW2": dZ2 @ cache["A1"].T / num_examples,
        "db2": np.sum(dZ2, axis=1, keepdims=True) / num_examples,
    }


def update_parameters(
    parameters: Parameters, grads: dict[str, np.ndarray], learning_rate: float = 1.2
) -> Parameters:
    """One step of gradient descent.

    Args:
        parameters: `W1, b1, W2, b2`; they are not changed.
        grads: `dW1, db1, dW2, db2`.
        learning_rate: step size, 1.2 in the course.

    Returns:
        New parameters.

    Raises:
        ValueError: a gradient has another shape than its parameter.

    Example:
        >>> parameters = {"W1": np.array([[1.0]])}
        >>> update_parameters(parameters, {"dW1": np.array([[0.5]])})["W1"].tolist()
        [[0.4]]

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    return deep_network.update_parameters(parameters, grads, learning_rate)


def nn_model(
    X: np.ndarray,
    Y: np.ndarray,
    n_h: int,
    num_iterations: int = 10000,
    print_cost: bool = False,
    *,
    learning_rate: float = 1.2,
    costs: list[float] | None = None,
    rng: draws.Rng = None,
) -> Parameters:
    """Trains a network with one hidden layer.

    Args:
        X: examples `(n_x, examples)`.
        Y: labels `(n_y, examples)`.
        n_h: units of the hidden layer.
        num_iterations: steps, each over all examples.
        print_cost: whether to print the cost every 1000 steps.
        learning_rate: step size, 1.2 in the course.
        costs: a list that the cost before every 1000th step is added to.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        The parameters.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> parameters = nn_model(X, Y, 4, 100, rng=np.random.RandomState(0))
        >>> predict(parameters, X).tolist()
        [[False, True]]

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    n_x, _, n_y = layer_sizes(X, Y)
    parameters = initialize_parameters(n_x, n_h, n_y, rng=rng)
    for i in range(num_iterations):
        A2, cache = forward_propagation(X, parameters)
        if i % 1000 == 0:
            cost = compute_cost(A2, Y)
            if costs is not None:
                costs.append(cost)
            if print_cost:
                print(f"Cost after iteration {i}: {cost:f}")
        grads = backward_propagation(parameters, cache, X, Y)
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters


def predict(parameters: Parameters, X: np.ndarray) -> np.ndarray:
    """Says whether the activation is above one half.

    Args:
        parameters: `W1, b1, W2, b2`.
        X: examples `(n_x, examples)`.

    Returns:
        bool `(n_y, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> weights = {"W1": [[1.0]], "b1": [[0.0]], "W2": [[1.0]], "b2": [[-0.5]]}
        >>> parameters = {key: np.array(value) for key, value in weights.items()}
        >>> predict(parameters, np.array([[0.0, 1.0]])).tolist()
        [[False, True]]

    Reference:
        - Course 1, week 3, "Planar data classification with one hidden layer".
    """
    return forward_propagation(X, parameters)[0] > 0.5
