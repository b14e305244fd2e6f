"""Where to start from: zeros, large weights, Xavier's, He's, and what becomes of it.

The network is ReLU, ..., ReLU, sigmoid, as in `deep_network`, but with the second
course's cache: one flat tuple `(Z1, A1, W1, b1, Z2, A2, W2, b2, ...)`. What follows in
that course, `regularization`, `gradient_checking` and `optimization`, uses it too. Any
number of layers will do.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, draws
from dlai_keras.foundations.logistic_regression import cross_entropy, labels_like

Parameters = dict[str, np.ndarray]


def initialize_parameters_zeros(layers_dims: Sequence[int]) -> Parameters:
    """Weights of 0: all units of a layer stay the same, and nothing is learnt.

    Args:
        layers_dims: sizes of the input and of each layer.

    Returns:
        `W1, b1, ...`, all 0.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> initialize_parameters_zeros([3, 2, 1])["W2"].tolist()
        [[0.0, 0.0]]

    Reference:
        - Course 2, week 1, "Initialization".
    """
    shapes = deep_network.parameter_shapes(layers_dims)
    return {key: np.zeros(shape) for key, shape in shapes.items()}


def initialize_parameters_random(
    layers_dims: Sequence[int], *, scale: float = 10.0, rng: draws.Rng = None
) -> Parameters:
    """Weights that are too large: the sigmoid starts saturated.

    Args:
        layers_dims: sizes of the input and of each layer.
        scale: deviation of the weights, 10 in the course.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ...`; the biases are 0.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> rng = np.random.RandomState(3)
        >>> initialize_parameters_random([3, 2, 1], rng=rng)["W2"].round(6).tolist()
        [[-0.827415, -6.270007]]

    Reference:
        - Course 2, week 1, "Initialization".
    """
    return deep_network.initialize_parameters_deep(layers_dims, scale=scale, rng=rng)


def initialize_parameters_he(
    layers_dims: Sequence[int], *, rng: draws.Rng = None
) -> Parameters:
    """Weights with a deviation of `sqrt(2 / inputs)`, for ReLU.

    Args:
        layers_dims: sizes of the input and of each layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ...`; the biases are 0.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> rng = np.random.RandomState(3)
        >>> initialize_parameters_he([2, 4, 1], rng=rng)["W1"][0].round(8).tolist()
        [1.78862847, 0.43650985]

    Reference:
        - He et al., 2015, "Delving deep into rectifiers", equation 10.
        - Course 2, week 1, "Initialization".
    """
    return deep_network.initialize_parameters_deep(layers_dims, scale="he", rng=rng)


def initialize_parameters_xavier(
    layers_dims: Sequence[int], *, rng: draws.Rng = None
) -> Parameters:
    """Weights with a deviation of `sqrt(1 / inputs)`, for tanh.

    Args:
        layers_dims: sizes of the input and of each layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ...`; the biases are 0.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> weights = initialize_parameters_xavier([400, 500], rng=rng)["W1"]
        >>> f"{weights.std():.2f}"
        '0.05'

    Reference:
        - Glorot and Bengio, 2010, "Understanding the difficulty of training deep
          feedforward neural networks", AISTATS.
        - Course 2, week 1, "Weight initialization for deep networks".
    """
    return deep_network.initialize_parameters_deep(layers_dims, scale="fan_in", rng=rng)


def forward_propagation(
    X: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """ReLU in all layers but the last, which has a sigmoid.

    Args:
        X: examples `(n_0, examples)`.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        `(aL, cache)`: activations `(n_L, examples)`, and the flat tuple
        `(Z1, A1, W1, b1, ..., ZL, AL, WL, bL)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> a3, cache = forward_propagation(
        ...     np.ones((2, 5)), initialize_parameters_zeros([2, 4, 3, 1])
        ... )
        >>> a3.tolist(), len(cache)
        ([[0.5, 0.5, 0.5, 0.5, 0.5]], 12)

    Reference:
        - Course 2, week 1, `init_utils.py`.
    """
    AL, caches = deep_network.L_model_forward(X, parameters)
    activations = [linear_cache[0] for linear_cache, _ in caches[1:]] + [AL]
    cache = []
    for A, ((_, W, b), Z) in zip(activations, caches, strict=True):
        cache += [Z, A, W, b]
    return AL, tuple(cache)


def backward_propagation(
    X: np.ndarray, Y: ArrayLike, cache: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Gradient of the cost, the division by m at the top.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation` returns it.

    Returns:
        A dict of `dz3, dW3, db3, da2, dz2, dW2, db2, da1, dz1, dW1, db1` (with three
        layers); here `dz3` is `(a3 - Y) / m`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.ones((2, 5)), np.array([[1, 0, 1, 1, 0]])
        >>> a3, cache = forward_propagation(X, initialize_parameters_zeros([2, 3, 1]))
        >>> list(backward_propagation(X, Y, cache))
        ['dz2', 'dW2', 'db2', 'da1', 'dz1', 'dW1', 'db1']

    Reference:
        - Course 2, week 1, `init_utils.py`.
    """
    A = cache[-3]
    dZ = (A - labels_like(A, Y)) / X.shape[1]
    gradients = {}
    for layer in range(len(cache) // 4, 0, -1):
        _, _, W, _ = cache[4 * layer - 4 : 4 * layer]
        A_prev = cache[4 * layer - 7] if layer > 1 else X
        gradients[f"dz{layer}"] = dZ
        gradients[f"dW{layer}"] = dZ @ A_prev.T
        gradients[f"db{layer}"] = np.sum(dZ, axis=1, keepdims=True)
        if layer > 1:
            gradients[f"da{layer - 1}"] = W.T @ dZ
            dZ = gradients[f"da{layer - 1}"] * (A_prev > 0)
    return gradients


def compute_loss(a3: np.ndarray, Y: ArrayLike) -> np.float64:
    """Cross-entropy, as `logistic_regression.cross_entropy`.

    The course prints `inf` where a saturated activation is wrong; here the cost is
    large and finite. All other values are the same.

    Args:
        a3: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.

    Returns:
        The cost.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{compute_loss(np.array([[0.5, 0.5]]), np.array([[1, 0]])):.4f}"
        '0.6931'

    Reference:
        - Course 2, week 1, `init_utils.py`.
    """
    return cross_entropy(a3, Y)


def predict(
    X: np.ndarray, y: ArrayLike, parameters: Parameters, *, print_accuracy: bool = True
) -> np.ndarray:
    """Says 1 where the activation is above one half, else 0, and how often it is right.

    Args:
        X: examples `(n_0, examples)`.
        y: labels, only for the accuracy.
        parameters: `W1, b1, ..., WL, bL`.
        print_accuracy: whether to print the accuracy, as the course does.

    Returns:
        Integers `(n_L, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialize_parameters_zeros([2, 3, 1])
        >>> predict(np.ones((2, 2)), np.array([[0, 1]]), parameters)
        Accuracy: 0.5
        array([[0, 0]])

    Reference:
        - Course 2, week 1, `init_utils.py`.
    """
    predictions = deep_network.predict(X, y, parameters, print_accuracy=print_accuracy)
    return predictions.astype("int64")


def predict_dec(parameters: Parameters, X: np.ndarray) -> np.ndarray:
    """Says whether the activation is above one half, for drawing a boundary.

    Args:
        parameters: `W1, b1, ..., WL, bL`.
        X: examples `(n_0, examples)`.

    Returns:
        bool `(n_L, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> predict_dec(initialize_parameters_zeros([2, 3, 1]), np.ones((2, 2)))
        array([[False, False]])

    Reference:
        - Course 2, week 1, `init_utils.py`.
    """
    return forward_propagation(X, parameters)[0] > 0.5


def model(
    X: np.ndarray,
    Y: ArrayLike,
    learning_rate: float = 0.01,
    num_iterations: int = 15000,
    print_cost: bool = True,
    initialization: str = "he",
    *,
    costs: list[float] | None = None,
    rng: draws.Rng = None,
) -> Parameters:
    """Trains a network with layers of 10, 5 and 1 units from one of the starts.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(1, examples)` or `(examples,)`.
        learning_rate: step size.
        num_iterations: steps, each over all examples.
        print_cost: whether to print the cost every 1000 steps.
        initialization: "zeros", "random", "xavier" or "he".
        costs: a list that the cost before every 1000th step is added to.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        The parameters.

    Raises:
        ValueError: the shapes do not fit, or the start is unknown.

    Example:
        >>> costs, X, Y = [], np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> _ = model(X, Y, 0.1, 1001, False, costs=costs, rng=np.random.RandomState(3))
        >>> len(costs), costs[1] < costs[0]
        (2, True)

    Reference:
        - Course 2, week 1, "Initialization".
    """
    starts: dict[str, Callable[[], Parameters]] = {
        "zeros": lambda: initialize_parameters_zeros(layers_dims),
        "random": lambda: initialize_parameters_random(layers_dims, rng=rng),
        "xavier": lambda: initialize_parameters_xavier(layers_dims, rng=rng),
        "he": lambda: initialize_parameters_he(layers_dims, rng=rng),
    }
    if initialization not in starts:
        raise ValueError(
            f"`initialization` must be one of {', '.join(starts)}. "
            f"Received: initialization={initialization!r}."
        )
    layers_dims = [X.shape[0], 10, 5, 1]
    parameters = starts[initialization]()
    for i in range(num_iterations):
        a3, cache = forward_propagation(X, parameters)
        if i % 1000 == 0:
            cost = compute_loss(a3, Y)
            if costs is not None:
                costs.append(float(cost))
            if print_cost:
                print(f"Cost after iteration {i}: {cost}")
        gradients = backward_propagation(X, Y, cache)
        parameters = deep_network.update_parameters(
            parameters, gradients, learning_rate
        )
    return parameters
