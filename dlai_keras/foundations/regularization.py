"""Against overfitting: L2 regularisation and dropout, forward and backward.

The network and its flat cache are those of `initialization`. With dropout the cache
holds a mask more in each hidden layer: `(Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3,
A3, W3, b3)`. The course takes one of the two at a time; here they also go together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, draws, initialization
from dlai_keras.foundations.logistic_regression import cross_entropy, labels_like

Parameters = dict[str, np.ndarray]

forward_propagation = initialization.forward_propagation
predict = initialization.predict
predict_dec = initialization.predict_dec


def initialize_parameters(
    layer_dims: Sequence[int], *, rng: draws.Rng = None
) -> Parameters:
    """Weights with a deviation of `1 / sqrt(inputs)`, biases of 0.

    Args:
        layer_dims: sizes of the input and of each layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ...`.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> initialize_parameters([2, 20, 3, 1])["W2"].shape
        (3, 20)

    Reference:
        - Course 2, week 1, `reg_utils.py`.
    """
    return deep_network.initialize_parameters_deep(layer_dims, scale="fan_in", rng=rng)


def compute_cost(a3: np.ndarray, Y: ArrayLike) -> np.float64:
    """Cross-entropy, as `logistic_regression.cross_entropy`.

    Args:
        a3: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.

    Returns:
        The cost.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{compute_cost(np.array([[0.5, 0.5]]), np.array([[1, 0]])):.4f}"
        '0.6931'

    Reference:
        - Course 2, week 1, `reg_utils.py`.
    """
    return cross_entropy(a3, Y)


def compute_cost_with_regularization(
    A3: np.ndarray, Y: ArrayLike, parameters: Parameters, lambd: float
) -> np.float64:
    """Cross-entropy and `lambd / 2m` times the sum of all squared weights.

    Args:
        A3: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.
        parameters: `W1, b1, ...`; the biases are not counted.
        lambd: strength of the regularisation, 0 or more.

    Returns:
        The cost.

    Raises:
        ValueError: the shapes do not fit, or `lambd` is negative.

    Example:
        >>> parameters = {"W1": np.array([[2.0]]), "b1": np.array([[9.0]])}
        >>> A, Y = np.array([[0.5, 0.5]]), np.array([[1, 0]])
        >>> f"{compute_cost_with_regularization(A, Y, parameters, 0.1):.4f}"
        '0.7931'

    Reference:
        - Course 2, week 1, "Regularization".
    """
    _check_lambd(lambd)
    squares = sum(np.sum(W**2) for key, W in parameters.items() if key.startswith("W"))
    return compute_cost(A3, Y) + lambd * squares / (2 * A3.shape[1])


def backward_propagation(
    X: np.ndarray, Y: ArrayLike, cache: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Gradient of the cost, without any regularisation.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation` returns it.

    Returns:
        A dict of `dZ3, dW3, db3, dA2, dZ2, dW2, db2, dA1, dZ1, dW1, db1` (with three
        layers); here `dZ3` is `A3 - Y`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.ones((2, 5)), np.array([[1, 0, 1, 1, 0]])
        >>> a2, cache = forward_propagation(X, initialize_parameters([2, 3, 1]))
        >>> list(backward_propagation(X, Y, cache))
        ['dZ2', 'dW2', 'db2', 'dA1', 'dZ1', 'dW1', 'db1']

    Reference:
        - Course 2, week 1, `reg_utils.py`.
    """
    return _backward(X, Y, _without_masks(cache))


def backward_propagation_with_regularization(
    X: np.ndarray, Y: ArrayLike, cache: Sequence[np.ndarray], lambd: float
) -> dict[str, np.ndarray]:
    """Gradient of the cost with L2 regularisation: `lambd / m W` more for each weight.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation` returns it.
        lambd: strength of the regularisation, 0 or more.

    Returns:
        A dict as of `backward_propagation`.

    Raises:
        ValueError: the shapes do not fit, or `lambd` is negative.

    Example:
        >>> X, Y, rng = np.ones((1, 2)), np.array([[1, 0]]), np.random.RandomState(0)
        >>> a2, cache = forward_propagation(X, initialize_parameters([1, 1], rng=rng))
        >>> plain = backward_propagation(X, Y, cache)
        >>> decayed = backward_propagation_with_regularization(X, Y, cache, 0.5)
        >>> bool(np.isclose(decayed["dW1"], plain["dW1"] + 0.25 * cache[2])[0, 0])
        True

    Reference:
        - Course 2, week 1, "Regularization".
    """
    return _backward(X, Y, _without_masks(cache), lambd=lambd)


def forward_propagation_with_dropout(
    X: np.ndarray,
    parameters: Parameters,
    keep_prob: float = 0.5,
    *,
    rng: draws.Rng = None,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """As `forward_propagation`, but units of the hidden layers are shut down.

    A unit stays with probability `keep_prob`, for each example on its own, and is then
    divided by `keep_prob` ("inverted dropout"), so that its mean is what it was.

    Args:
        X: examples `(n_0, examples)`.
        parameters: `W1, b1, ..., WL, bL`.
        keep_prob: above 0, at most 1.
        rng: draws the masks, in the order of the layers; None for NumPy's legacy
            global state.

    Returns:
        `(A3, cache)`: activations `(n_L, examples)`, and the flat tuple `(Z1, D1, A1,
        W1, b1, ..., ZL, AL, WL, bL)`; the masks `D` are bool.

    Raises:
        ValueError: the shapes do not fit, or `keep_prob` is out of its range.

    Example:
        >>> parameters = initialize_parameters([2, 4, 3, 1])
        >>> A3, cache = forward_propagation_with_dropout(np.ones((2, 5)), parameters)
        >>> A3.shape, len(cache), cache[1].dtype
        ((1, 5), 14, dtype('bool'))

    Reference:
        - Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks
          from overfitting", JMLR 15.
        - Course 2, week 1, "Regularization".
    """
    _check_keep_prob(keep_prob)
    A, cache = X, []
    num_layers = len(parameters) // 2
    for layer in range(1, num_layers):
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        A, (_, Z) = deep_network.linear_activation_forward(A, W, b, "relu")
        D = draws.uniform(rng, *A.shape) < keep_prob
        A = A * D / keep_prob
        cache += [Z, D, A, W, b]
    W, b = parameters[f"W{num_layers}"], parameters[f"b{num_layers}"]
    A, (_, Z) = deep_network.linear_activation_forward(A, W, b, "sigmoid")
    return A, (*cache, Z, A, W, b)


def backward_propagation_with_dropout(
    X: np.ndarray,
    Y: ArrayLike,
    cache: Sequence[np.ndarray],
    keep_prob: float,
    *,
    lambd: float = 0.0,
) -> dict[str, np.ndarray]:
    """Gradient of the cost through the same masks.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation_with_dropout` returns it.
        keep_prob: the one of the forward pass.
        lambd: strength of an L2 regularisation beside it.

    Returns:
        A dict as of `backward_propagation`; `dA2` and `dA1` are masked and divided by
        `keep_prob`.

    Raises:
        ValueError: the shapes do not fit, or a number is out of its range.

    Example:
        >>> X, Y = np.ones((2, 3)), np.array([[1, 0, 1]])
        >>> parameters = initialize_parameters([2, 4, 1])
        >>> _, cache = forward_propagation_with_dropout(X, parameters, 0.8)
        >>> gradients = backward_propagation_with_dropout(X, Y, cache, 0.8)
        >>> bool(np.all(gradients["dA1"][~cache[1]] == 0))
        True

    Reference:
        - Course 2, week 1, "Regularization".
    """
    _check_keep_prob(keep_prob)
    num_hidden = (len(cache) - 4) // 5
    layers = [tuple(cache[5 * i : 5 * i + 5]) for i in range(num_hidden)]
    Z, A, W, b = cache[5 * num_hidden :]
    return _backward(X, Y, [*layers, (Z, None, A, W, b)], lambd, keep_prob)


def model(
    X: np.ndarray,
    Y: ArrayLike,
    learning_rate: float = 0.3,
    num_iterations: int = 30000,
    print_cost: bool = True,
    lambd: float = 0,
    keep_prob: float = 1,
    *,
    costs: list[float] | None = None,
    rng: draws.Rng = None,
) -> Parameters:
    """Trains a network with layers of 20, 3 and 1 units, with either remedy or both.

    The masks of dropout are drawn anew in every step. The course's notebook seeds
    before each pass, so it always drops the same units; its figures for dropout come
    from that.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(1, examples)` or `(examples,)`.
        learning_rate: step size.
        num_iterations: steps, each over all examples.
        print_cost: whether to print the cost every 10,000 steps.
        lambd: strength of the L2 regularisation; 0 for none.
        keep_prob: of dropout; 1 for none.
        costs: a list that the cost before every 1000th step is added to.
        rng: draws the weights and the masks; None for NumPy's legacy global state.

    Returns:
        The parameters.

    Raises:
        ValueError: the shapes do not fit, or a number is out of its range.

    Example:
        >>> costs, X, Y = [], np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> rng = np.random.RandomState(3)
        >>> parameters = model(X, Y, 0.3, 1001, False, lambd=0.1, costs=costs, rng=rng)
        >>> len(costs), costs[1] < costs[0]
        (2, True)

    Reference:
        - Course 2, week 1, "Regularization".
    """
    _check_keep_prob(keep_prob)
    parameters = initialize_parameters([X.shape[0], 20, 3, 1], rng=rng)
    for i in range(num_iterations):
        if keep_prob == 1:
            a3, cache = forward_propagation(X, parameters)
        else:
            a3, cache = forward_propagation_with_dropout(
                X, parameters, keep_prob, rng=rng
            )
        if i % 1000 == 0:
            cost = compute_cost_with_regularization(a3, Y, parameters, lambd)
            if costs is not None:
                costs.append(float(cost))
            if print_cost and i % 10000 == 0:
                print(f"Cost after iteration {i}: {cost}")
        if keep_prob == 1:
            grads = backward_propagation_with_regularization(X, Y, cache, lambd)
        else:
            grads = backward_propagation_with_dropout(
                X, Y, cache, keep_prob, lambd=lambd
            )
        parameters = deep_network.update_parameters(parameters, grads, learning_rate)
    return parameters


def _without_masks(cache):
    """The layers `(Z, D, A, W, b)` of a flat cache, with None for the masks."""
    layers = [cache[i : i + 4] for i in range(0, len(cache), 4)]
    return [(Z, None, A, W, b) for Z, A, W, b in layers]


def _backward(X, Y, layers, lambd=0.0, keep_prob=1.0):
    """Gradients; `layers` holds `(Z, D, A, W, b)` of each."""
    _check_lambd(lambd)
    num_examples = X.shape[1]
    AL = layers[-1][2]
    dZ = AL - labels_like(AL, Y)
    gradients = {}
    for layer in range(len(layers), 0, -1):
        W = layers[layer - 1][3]
        A_prev = layers[layer - 2][2] if layer > 1 else X
        gradients[f"dZ{layer}"] = dZ
        gradients[f"dW{layer}"] = (dZ @ A_prev.T + lambd * W) / num_examples
        gradients[f"db{layer}"] = np.sum(dZ, axis=1, keepdims=True) / num_examples
        if layer > 1:
            dA = W.T @ dZ
            mask = layers[layer - 2][1]
            if mask is not None:
                dA = dA * mask / keep_prob
            gradients[f"dA{layer - 1}"] = dA
            dZ = dA * (A_prev > 0)
    return gradients


def _check_keep_prob(keep_prob):
    if not 0 < keep_prob <= 1:
        raise ValueError(
            "`keep_prob` must be above 0 and at most 1. "
            f"Received: keep_prob={keep_prob}. It is the share that stays."
        )


def _check_lambd(lambd):
    if lambd < 0:
        raise ValueError(f"`lambd` must be 0 or more. Received: lambd={lambd}.")
