"""Is a backward pass right? Its gradient beside that of central differences.

`(J(θ + ε) - J(θ - ε)) / 2ε` needs nothing but the forward pass, so it can judge the
backward one. The network is that of `initialization`. `numerical_gradients` does it
for any cost of any arrays.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, initialization, regularization

Parameters = dict[str, np.ndarray]

_COURSE_SIZES = (4, 5, 3, 1)  # of the network that the course checks
_ALLOWED = 2e-7  # what the course calls right, for an epsilon of 1e-7


def forward_propagation(x: float, theta: float) -> float:
    """The simplest cost, `J = θx`.

    Args:
        x: input.
        theta: parameter.

    Returns:
        The product.

    Example:
        >>> forward_propagation(2, 4)
        8

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    return theta * x


def backward_propagation(x: float, theta: float) -> float:
    """Derivative of `J = θx` with respect to θ, which is x.

    Args:
        x: input.
        theta: parameter.

    Returns:
        `x`.

    Example:
        >>> backward_propagation(2, 4)
        2

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    return x


def gradient_check(
    x: float, theta: float, epsilon: float = 1e-7, print_msg: bool = False
) -> float:
    """How far `backward_propagation` is from central differences.

    Args:
        x: input.
        theta: parameter.
        epsilon: half of the step.
        print_msg: whether to print what the difference means.

    Returns:
        The difference, as of `relative_difference`.

    Example:
        >>> f"{gradient_check(2, 4):.5e}"
        '2.91934e-10'

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    plus = forward_propagation(x, theta + epsilon)
    minus = forward_propagation(x, theta - epsilon)
    approximation = (plus - minus) / (2 * epsilon)
    difference = relative_difference(backward_propagation(x, theta), approximation)
    if print_msg:
        _print_verdict(difference)
    return difference


def forward_propagation_n(
    X: np.ndarray, Y: ArrayLike, parameters: Parameters
) -> tuple[np.float64, tuple[np.ndarray, ...]]:
    """Cost of a network.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        `(cost, cache)`: the cross-entropy, and `(Z1, A1, W1, b1, ..., ZL, AL, WL, bL)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialization.initialize_parameters_zeros([4, 5, 3, 1])
        >>> cost, cache = forward_propagation_n(np.ones((4, 3)), [1, 1, 0], parameters)
        >>> f"{cost:.4f}", len(cache)
        ('0.6931', 12)

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    AL, cache = initialization.forward_propagation(X, parameters)
    return initialization.compute_loss(AL, Y), cache


def backward_propagation_n(
    X: np.ndarray, Y: ArrayLike, cache: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Gradient of the cost of a network, the right one.

    The course hands out one with two mistakes and has them found: that one is
    `backward_propagation_n_with_mistakes`.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation_n` returns it.

    Returns:
        A dict of `dZ3, dW3, db3, dA2, dZ2, dW2, db2, dA1, dZ1, dW1, db1`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialization.initialize_parameters_zeros([4, 5, 3, 1])
        >>> X, Y = np.ones((4, 3)), np.array([1, 1, 0])
        >>> cost, cache = forward_propagation_n(X, Y, parameters)
        >>> backward_propagation_n(X, Y, cache)["db3"].round(4).tolist()
        [[-0.1667]]

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    return regularization.backward_propagation(X, Y, cache)


def backward_propagation_n_with_mistakes(
    X: np.ndarray, Y: ArrayLike, cache: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """A gradient that is wrong on purpose: `dW2` is doubled, `db1` fourfold.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        cache: as `forward_propagation_n` returns it.

    Returns:
        A dict as of `backward_propagation_n`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> rng = np.random.RandomState(0)
        >>> parameters = regularization.initialize_parameters([4, 5, 3, 1], rng=rng)
        >>> X, Y = rng.standard_normal((4, 3)), np.array([1, 1, 0])
        >>> _, cache = forward_propagation_n(X, Y, parameters)
        >>> right = backward_propagation_n(X, Y, cache)
        >>> wrong = backward_propagation_n_with_mistakes(X, Y, cache)
        >>> [key for key in right if not np.array_equal(right[key], wrong[key])]
        ['dW2', 'db1']

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    gradients = backward_propagation_n(X, Y, cache)
    return gradients | {"dW2": 2 * gradients["dW2"], "db1": 4 * gradients["db1"]}


def gradient_check_n(
    parameters: Parameters,
    gradients: Mapping[str, np.ndarray],
    X: np.ndarray,
    Y: ArrayLike,
    epsilon: float = 1e-7,
    print_msg: bool = False,
) -> float:
    """How far the gradient of a network is from central differences.

    Args:
        parameters: `W1, b1, ..., WL, bL`.
        gradients: `dW1, db1, ..., dWL, dbL`; others are ignored.
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        epsilon: half of the step.
        print_msg: whether to print what the difference means.

    Returns:
        The difference, as of `relative_difference`, over all parameters together. With
        an epsilon of 1e-7 it is about 1e-7 where the gradient is right, and above 1e-3
        where it is not.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> rng = np.random.RandomState(0)
        >>> parameters = regularization.initialize_parameters([4, 5, 3, 1], rng=rng)
        >>> X, Y = rng.standard_normal((4, 3)), np.array([1, 1, 0])
        >>> _, cache = forward_propagation_n(X, Y, parameters)
        >>> right = backward_propagation_n(X, Y, cache)
        >>> wrong = backward_propagation_n_with_mistakes(X, Y, cache)
        >>> gradient_check_n(parameters, right, X, Y) < 2e-7
        True
        >>> gradient_check_n(parameters, wrong, X, Y) > 1e-3
        True

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    deep_network.check_gradients(parameters, gradients)
    approximations = numerical_gradients(
        lambda changed: forward_propagation_n(X, Y, changed)[0], parameters, epsilon
    )
    difference = relative_difference(
        gradients_to_vector(gradients), gradients_to_vector(approximations)
    )
    if print_msg:
        _print_verdict(difference)
    return difference


def numerical_gradients(
    cost: Callable[[Parameters], float],
    parameters: Mapping[str, ArrayLike],
    epsilon: float = 1e-7,
) -> dict[str, np.ndarray]:
    """Gradient of any function of arrays, by central differences.

    Args:
        cost: is given parameters, a dict as below in float64, and returns a number.
        parameters: name -> array. They are not changed.
        epsilon: half of the step. 1e-7 is the course's; 1e-5 is the most exact one for
            costs near 1 in float64.

    Returns:
        `d` and the name -> array of the same shape.

    Example:
        >>> gradients = numerical_gradients(
        ...     lambda p: np.sum(p["W"] ** 2), {"W": [1.0, 2.0]}, epsilon=1e-5
        ... )
        >>> gradients["dW"].round(6).tolist()
        [2.0, 4.0]

    Reference:
        - Course 2, week 1, "Numerical approximation of gradients".
    """
    changed = {key: np.array(value, "float64") for key, value in parameters.items()}
    gradients = {}
    for key, array in changed.items():
        gradient = np.empty_like(array)
        for i in np.ndindex(array.shape):
            value = array[i]
            array[i] = value + epsilon
            plus = cost(changed)
            array[i] = value - epsilon
            minus = cost(changed)
            array[i] = value
            gradient[i] = (plus - minus) / (2 * epsilon)
        gradients[f"d{key}"] = gradient
    return gradients


def relative_difference(gradient: ArrayLike, approximation: ArrayLike) -> float:
    """`|a - b| / (|a| + |b|)`, with Euclidean lengths; 0 where both are 0.

    Args:
        gradient: numbers of any shape.
        approximation: as many.

    Returns:
        Between 0, equal, and 1, opposite.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> relative_difference([3.0, 0.0], [1.0, 0.0])
        0.5

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    gradient, approximation = np.asarray(gradient), np.asarray(approximation)
    if gradient.shape != approximation.shape:
        raise ValueError(
            "The two gradients must have the same shape. "
            f"Received: {gradient.shape} and {approximation.shape}."
        )
    distance = np.linalg.norm(gradient - approximation)
    length = np.linalg.norm(gradient) + np.linalg.norm(approximation)
    return float(distance / length) if length > 0 else 0.0


def dictionary_to_vector(parameters: Mapping[str, np.ndarray]) -> tuple:
    """All parameters in one column.

    Args:
        parameters: `W1, b1, ..., WL, bL`, in any order.

    Returns:
        `(theta, keys)`: `(count, 1)` in the order W1, b1, W2, ..., and for each number
        the name of the parameter that it comes from.

    Example:
        >>> parameters = {"b1": np.array([[3.0]]), "W1": np.array([[1.0, 2.0]])}
        >>> theta, keys = dictionary_to_vector(parameters)
        >>> theta.tolist(), keys
        ([[1.0], [2.0], [3.0]], ['W1', 'W1', 'b1'])

    Reference:
        - Course 2, week 1, `gc_utils.py`.
    """
    columns, keys = [], []
    for key in _keys(parameters):
        columns.append(np.reshape(parameters[key], (-1, 1)))
        keys += [key] * len(columns[-1])
    return np.concatenate(columns), keys


def vector_to_dictionary(
    theta: np.ndarray, layer_dims: Sequence[int] = _COURSE_SIZES
) -> Parameters:
    """Turns the column of `dictionary_to_vector` into parameters again.

    Args:
        theta: as many numbers as the network has parameters.
        layer_dims: sizes of the input and of each layer; by default those of the
            course's network.

    Returns:
        `W1, b1, ..., WL, bL`.

    Raises:
        ValueError: there are too few or too many numbers.

    Example:
        >>> vector_to_dictionary(np.arange(3.0), (2, 1))
        {'W1': array([[0., 1.]]), 'b1': array([[2.]])}

    Reference:
        - Course 2, week 1, `gc_utils.py`.
    """
    shapes = deep_network.parameter_shapes(layer_dims)
    ends = np.cumsum([rows * columns for rows, columns in shapes.values()])
    if np.size(theta) != ends[-1]:
        raise ValueError(
            f"`theta` must hold {ends[-1]} numbers, for layers of sizes "
            f"{tuple(layer_dims)}. Received: theta of shape {np.shape(theta)}."
        )
    parts = np.split(np.ravel(theta), ends[:-1])
    return {
        key: part.reshape(shape)
        for (key, shape), part in zip(shapes.items(), parts, strict=True)
    }


def gradients_to_vector(gradients: Mapping[str, np.ndarray]) -> np.ndarray:
    """The gradients of all parameters in one column.

    Args:
        gradients: `dW1, db1, ..., dWL, dbL`, in any order; others are ignored.

    Returns:
        `(count, 1)`, in the order dW1, db1, dW2, ...

    Example:
        >>> gradients = {"db1": np.array([[3.0]]), "dW1": np.array([[1.0, 2.0]])}
        >>> gradients_to_vector(gradients).tolist()
        [[1.0], [2.0], [3.0]]

    Reference:
        - Course 2, week 1, `gc_utils.py`.
    """
    columns = [gradients[key].reshape(-1, 1) for key in _keys(gradients, "d")]
    return np.concatenate(columns)


def _keys(arrays, prefix=""):
    """`W1, b1, W2, ...` with a prefix, as many as there are."""
    keys, layer = [], 1
    while f"{prefix}W{layer}" in arrays:
        keys += [f"{prefix}W{layer}", f"{prefix}b{layer}"]
        layer += 1
    return keys


def _print_verdict(difference):
    if difference > _ALLOWED:
        print(f"There is a mistake in the backward propagation: {difference}")
    else:
        print(f"The backward propagation is right: {difference}")
