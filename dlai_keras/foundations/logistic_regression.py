"""Logistic regression as a network of one neuron, and the pieces that all need.

Examples stand in columns: `X` is `(features, examples)`, `Y` is `(1, examples)` of 0
and 1. `sigmoid`, `cross_entropy` and `labels_like` serve the other topics too: they
give the course's numbers, and stay finite where the course's formulas overflow.
"""

import functools

import numpy as np
from numpy.typing import ArrayLike


def sigmoid(z: ArrayLike) -> np.ndarray:
    """Computes the logistic function, `1 / (1 + exp(-z))`.

    For very negative `z`, whose exponential would overflow, it is the smallest number
    that does not: the result is never 0, so its logarithm is finite.

    Args:
        z: numbers of any shape; whole numbers count as float64.

    Returns:
        Array of the shape of `z`, a scalar for a scalar.

    Example:
        >>> sigmoid(np.array([0, 2])).round(8).tolist()
        [0.5, 0.88079708]

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype("float64")
    return 1 / (1 + np.exp(-np.maximum(z, _lowest(z.dtype))))


def cross_entropy(A: ArrayLike, Y: ArrayLike) -> np.float64:
    """Computes `-(1/m) sum(Y log A + (1 - Y) log(1 - A))`.

    Where an activation is exactly 0 or 1, as of a saturated sigmoid, the logarithm of
    0 is taken as that of the smallest number: a wrong and certain answer costs about
    708, not infinity, and a right one nothing.

    Args:
        A: activations `(units, examples)`, between 0 and 1.
        Y: labels of the same shape, or `(examples,)` where there is one unit.

    Returns:
        The cost, summed over the units and averaged over the m examples.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{cross_entropy(np.array([[0.8, 0.9, 0.4]]), np.array([[1, 1, 0]])):.6f}"
        '0.279777'
        >>> f"{cross_entropy(np.array([[1.0, 1.0]]), np.array([[1, 0]])):.1f}"
        '354.2'

    Reference:
        - Course 1, week 2, "Logistic regression cost function".
    """
    A = np.asarray(A)
    if A.dtype.kind != "f":
        A = A.astype("float64")
    Y = labels_like(A, Y)
    tiny = np.finfo(A.dtype).tiny
    likelihood = Y * np.log(np.maximum(A, tiny))
    likelihood = likelihood + (1 - Y) * np.log(np.maximum(1 - A, tiny))
    return -np.sum(likelihood) / A.shape[1]


def labels_like(A: np.ndarray, Y: ArrayLike) -> np.ndarray:
    """Labels in the shape of the activations that they are compared with.

    A column of labels beside a row of activations would broadcast to a square without
    a word, so it is refused.

    Args:
        A: activations `(units, examples)`.
        Y: labels of the same shape, or `(examples,)` where there is one unit. True
            and False count as 1 and 0.

    Returns:
        Numbers of the shape of `A`; of its type, where they were whole.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> labels_like(np.zeros((1, 3)), [True, False, True]).tolist()
        [[1.0, 0.0, 1.0]]
    """
    Y = np.asarray(Y)
    if Y.dtype.kind in "biu" and A.dtype.kind == "f":
        Y = Y.astype(A.dtype)  # whole numbers would turn float32 into float64
    if Y.shape == A.shape:
        return Y
    if A.ndim == 2 and A.shape[0] == 1 and Y.shape == A.shape[1:]:
        return Y[np.newaxis]
    raise ValueError(
        "The labels must have the shape of the activations, (units, examples). "
        f"Received: activations of shape {A.shape}, labels of shape {Y.shape}. "
        "Reshape the labels, for one unit with Y.reshape(1, -1)."
    )


def initialize_with_zeros(dim: int) -> tuple[np.ndarray, float]:
    """Weights and bias of one neuron, all 0.

    Args:
        dim: number of features.

    Returns:
        `(w, b)`: `(dim, 1)` zeros, and 0.0.

    Example:
        >>> w, b = initialize_with_zeros(2)
        >>> w.tolist(), b
        ([[0.0], [0.0]], 0.0)

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    return np.zeros((dim, 1)), 0.0


def propagate(
    w: np.ndarray, b: float, X: np.ndarray, Y: ArrayLike
) -> tuple[dict[str, np.ndarray], np.float64]:
    """Cost of one neuron, and its gradient.

    `A = sigmoid(wᵀX + b)`, `dw = X(A - Y)ᵀ / m`, `db = sum(A - Y) / m`.

    Args:
        w: weights `(features, 1)`.
        b: bias.
        X: examples `(features, examples)`.
        Y: labels `(1, examples)` or `(examples,)`, 0 and 1.

    Returns:
        `(grads, cost)`: `grads` holds `dw`, of the shape of `w`, and `db`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> w, b = np.array([[1.0], [2.0]]), 1.5
        >>> X = np.array([[1.0, -2.0, -1.0], [3.0, 0.5, -3.2]])
        >>> grads, cost = propagate(w, b, X, np.array([[1, 1, 0]]))
        >>> f"{cost:.6f}", f"{grads['db']:.6f}"
        ('0.159005', '-0.125004')

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    X = np.asarray(X)
    num_examples = X.shape[1]
    A = _activations(w, b, X)
    error = A - labels_like(A, Y)
    grads = {"dw": X @ error.T / num_examples, "db": np.sum(error) / num_examples}
    return grads, cross_entropy(A, Y)


def optimize(
    w: np.ndarray,
    b: float,
    X: np.ndarray,
    Y: ArrayLike,
    num_iterations: int = 100,
    learning_rate: float = 0.009,
    print_cost: bool = False,
) -> tuple[dict, dict, list]:
    """Gradient descent on the cost of one neuron.

    Args:
        w: weights to start from, `(features, 1)`; they are not changed.
        b: bias to start from.
        X: examples `(features, examples)`.
        Y: labels `(1, examples)` or `(examples,)`, 0 and 1.
        num_iterations: steps, each over all examples.
        learning_rate: step size.
        print_cost: whether to print the cost every 100 steps.

    Returns:
        `(params, grads, costs)`: dicts of `w` and `b`, and of `dw` and `db` of the
        last step; the cost before every 100th step, from the first on.

    Raises:
        ValueError: the shapes do not fit, or there is no step to take.

    Example:
        >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> params, grads, costs = optimize(np.zeros((1, 1)), 0.0, X, Y, 200, 0.1)
        >>> [f"{cost:.3f}" for cost in costs]
        ['0.693', '0.107']

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    if num_iterations < 1:
        raise ValueError(
            "`num_iterations` must be 1 or more. "
            f"Received: num_iterations={num_iterations}."
        )
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
        if i % 100 == 0:
            costs.append(cost)
            if print_cost:
                print(f"Cost after iteration {i}: {cost:f}")
    return {"w": w, "b": b}, grads, costs


def predict(w: np.ndarray, b: float, X: np.ndarray) -> np.ndarray:
    """Says 1 where the activation is above one half, else 0.

    Args:
        w: weights, as many as there are features.
        b: bias.
        X: examples `(features, examples)`.

    Returns:
        float64 `(1, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> predict(np.array([[2.0]]), -1.0, np.array([[0.0, 1.0, 0.5]])).tolist()
        [[0.0, 1.0, 0.0]]

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    return (_activations(w, b, np.asarray(X)) > 0.5).astype("float64")


def model(
    X_train: np.ndarray,
    Y_train: ArrayLike,
    X_test: np.ndarray,
    Y_test: ArrayLike,
    num_iterations: int = 2000,
    learning_rate: float = 0.5,
    print_cost: bool = False,
) -> dict:
    """Trains one neuron from zeros and says what it makes of both sets.

    Args:
        X_train: examples `(features, examples)`.
        Y_train: labels `(1, examples)` or `(examples,)`, 0 and 1.
        X_test: examples `(features, examples)`.
        Y_test: labels; only printed accuracies depend on them.
        num_iterations: steps of `optimize`.
        learning_rate: of `optimize`.
        print_cost: whether to print costs, and both accuracies at the end.

    Returns:
        A dict of `costs`, `Y_prediction_test`, `Y_prediction_train`, `w`, `b`,
        `learning_rate` and `num_iterations`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.array([[-1.0, -0.5, 0.5, 1.0]]), np.array([[0, 0, 1, 1]])
        >>> result = model(X, Y, X, Y, num_iterations=100)
        >>> result["Y_prediction_test"].tolist()
        [[0.0, 0.0, 1.0, 1.0]]

    Reference:
        - Course 1, week 2, "Logistic regression with a neural network mindset".
    """
    w, b = initialize_with_zeros(X_train.shape[0])
    params, _, costs = optimize(
        w, b, X_train, Y_train, num_iterations, learning_rate, print_cost
    )
    predictions = {
        "test": predict(params["w"], params["b"], X_test),
        "train": predict(params["w"], params["b"], X_train),
    }
    if print_cost:
        for name, labels in (("train", Y_train), ("test", Y_test)):
            is_right = predictions[name] == labels_like(predictions[name], labels)
            print(f"{name} accuracy: {100 * np.mean(is_right)} %")
    return {
        "costs": costs,
        "Y_prediction_test": predictions["test"],
        "Y_prediction_train": predictions["train"],
        "w": params["w"],
        "b": params["b"],
        "learning_rate": learning_rate,
        "num_iterations": num_iterations,
    }


@functools.cache
def _lowest(dtype):
    """A number near the lowest whose negative has a finite exponential."""
    return dtype.type(1 - np.log(np.finfo(dtype).max))


def _activations(w, b, X):
    w = np.asarray(w)
    if X.ndim != 2 or w.size != X.shape[0]:
        raise ValueError(
            "`w` must hold one weight for each row of `X`, (features, examples). "
            f"Received: w of shape {w.shape}, X of shape {X.shape}. "
            "Examples stand in columns: was `X` transposed?"
        )
    return sigmoid(w.reshape(1, -1) @ X + b)  # (1, examples)
