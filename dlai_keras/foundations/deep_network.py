"""A network of any depth: ReLU in the hidden layers, sigmoid at the end.

Examples stand in columns: `X` is `(n_0, examples)`, `Y` is `(n_L, examples)`. A
layer's cache is `(linear_cache, activation_cache)`, which are `(A_prev, W, b)` and
`Z`. Parameters are `W1, b1, ..., WL, bL`, gradients `dW1, db1, ...`.

The course's two assignments start from different weights under one name: "Building
your deep neural network" multiplies draws by 0.01, "Application" divides them by the
square root of the layer's inputs. Here that is the argument `scale`.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import draws, logistic_regression
from dlai_keras.foundations.logistic_regression import cross_entropy, labels_like

Parameters = dict[str, np.ndarray]
LinearCache = tuple[np.ndarray, np.ndarray, np.ndarray]
Cache = tuple[LinearCache, np.ndarray]


def sigmoid(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sigmoid, with what its backward pass needs.

    Args:
        Z: numbers of any shape.

    Returns:
        `(A, Z)`.

    Example:
        >>> sigmoid(np.zeros(2))[0].tolist()
        [0.5, 0.5]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    return logistic_regression.sigmoid(Z), Z


def relu(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`max(0, Z)`, with what its backward pass needs.

    Args:
        Z: numbers of any shape.

    Returns:
        `(A, Z)`.

    Example:
        >>> relu(np.array([-1.0, 2.0]))[0].tolist()
        [0.0, 2.0]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    return np.maximum(0, Z), Z


def sigmoid_backward(dA: np.ndarray, cache: np.ndarray) -> np.ndarray:
    """Gradient through a sigmoid: `dA * s * (1 - s)` with `s = sigmoid(Z)`.

    Args:
        dA: gradient of the activations.
        cache: `Z`, of the same shape.

    Returns:
        `dZ`, of the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> sigmoid_backward(np.ones(1), np.zeros(1)).tolist()
        [0.25]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    _check_gradient(dA, cache)
    slope = logistic_regression.sigmoid(cache)
    return dA * slope * (1 - slope)


def relu_backward(dA: np.ndarray, cache: np.ndarray) -> np.ndarray:
    """Gradient through a ReLU: `dA` where `Z > 0`, else 0.

    Args:
        dA: gradient of the activations.
        cache: `Z`, of the same shape.

    Returns:
        `dZ`, of the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> relu_backward(np.ones(3), np.array([-1.0, 0.0, 1.0])).tolist()
        [0.0, 0.0, 1.0]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    _check_gradient(dA, cache)
    return np.where(cache > 0, dA, 0.0)


def initialize_parameters(
    n_x: int, n_h: int, n_y: int, *, rng: draws.Rng = None
) -> Parameters:
    """Small drawn weights and biases of 0, for two layers.

    Args:
        n_x: size of the input.
        n_h: units of the hidden layer.
        n_y: units of the output layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1` `(n_h, n_x)`, `b1` `(n_h, 1)`, `W2` `(n_y, n_h)`, `b2` `(n_y, 1)`; the
        weights are normal with a deviation of 0.01.

    Example:
        >>> parameters = initialize_parameters(3, 2, 1, rng=np.random.RandomState(1))
        >>> parameters["W2"].round(8).tolist()
        [[0.01744812, -0.00761207]]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    return initialize_parameters_deep((n_x, n_h, n_y), rng=rng)


def initialize_parameters_deep(
    layer_dims: Sequence[int],
    *,
    scale: float | str = 0.01,
    rng: draws.Rng = None,
) -> Parameters:
    """Drawn weights and biases of 0, for any number of layers.

    Args:
        layer_dims: sizes of the input and of each layer.
        scale: deviation of the weights. A number, 0.01 in "Building your deep neural
            network"; "fan_in" for sqrt(1 / inputs of the layer), as "Deep neural
            network: application" has it, which keeps the signal alive through many
            layers; or "he" for sqrt(2 / inputs), which does so with ReLU.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1` `(layer_dims[1], layer_dims[0])`, `b1` `(layer_dims[1], 1)`, and so on.

    Raises:
        ValueError: there are fewer than two sizes, one is below 1, or `scale` is
            neither a number nor one of the two names.

    Example:
        >>> rng = np.random.RandomState(3)
        >>> parameters = initialize_parameters_deep([5, 4, 3], rng=rng)
        >>> sorted(parameters), parameters["W2"].shape
        (['W1', 'W2', 'b1', 'b2'], (3, 4))

    Reference:
        - Course 1, week 4, both assignments.
    """
    gains = {"fan_in": 1.0, "he": 2.0}
    if isinstance(scale, str) and scale not in gains:
        raise ValueError(
            f'`scale` must be a number, "fan_in" or "he". Received: scale={scale!r}.'
        )
    parameters = {}
    for key, shape in parameter_shapes(layer_dims).items():
        if key.startswith("b"):
            parameters[key] = np.zeros(shape)
        elif isinstance(scale, str):
            deviation = np.sqrt(gains[scale] / shape[1])
            parameters[key] = draws.normal(rng, *shape) * deviation
        else:
            parameters[key] = draws.normal(rng, *shape) * scale
    return parameters


def parameter_shapes(layer_dims: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Shapes of the weights and biases of a network.

    Args:
        layer_dims: sizes of the input and of each layer.

    Returns:
        Name -> shape, in the order `W1, b1, W2, b2, ...`.

    Raises:
        ValueError: there are fewer than two sizes, or one is below 1.

    Example:
        >>> parameter_shapes([5, 4, 3])
        {'W1': (4, 5), 'b1': (4, 1), 'W2': (3, 4), 'b2': (3, 1)}
    """
    if len(layer_dims) < 2 or min(layer_dims) < 1:
        raise ValueError(
            "The sizes must be those of the input and of one layer or more, each 1 or "
            f"more. Received: {list(layer_dims)}."
        )
    shapes = {}
    for layer, (inputs, units) in enumerate(itertools.pairwise(layer_dims), start=1):
        shapes[f"W{layer}"] = (units, inputs)
        shapes[f"b{layer}"] = (units, 1)
    return shapes


def linear_forward(
    A: np.ndarray, W: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, LinearCache]:
    """`Z = WA + b`.

    Args:
        A: activations of the layer before, `(n_prev, examples)`.
        W: weights `(n, n_prev)`.
        b: biases `(n, 1)`.

    Returns:
        `(Z, cache)`: `(n, examples)`, and `(A, W, b)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> linear_forward(np.ones((2, 3)), np.ones((1, 2)), np.ones((1, 1)))[0]
        array([[3., 3., 3.]])

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    if A.ndim != 2 or W.ndim != 2 or W.shape[1] != A.shape[0]:
        raise ValueError(
            "The weights must have a column for each row of the input, (n, n_prev) and "
            f"(n_prev, examples). Received: weights of shape {W.shape}, input of shape "
            f"{A.shape}. Examples stand in columns: was the input transposed?"
        )
    if b.shape != (W.shape[0], 1):
        raise ValueError(
            "The biases must be a column with a row for each row of the weights. "
            f"Received: weights of shape {W.shape}, biases of shape {b.shape}."
        )
    return W @ A + b, (A, W, b)


def linear_activation_forward(
    A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, activation: str
) -> tuple[np.ndarray, Cache]:
    """One layer: `linear_forward`, then an activation.

    Args:
        A_prev: activations of the layer before, `(n_prev, examples)`.
        W: weights `(n, n_prev)`.
        b: biases `(n, 1)`.
        activation: "relu" or "sigmoid".

    Returns:
        `(A, cache)`: `(n, examples)`, and `((A_prev, W, b), Z)`.

    Raises:
        ValueError: the shapes do not fit, or the activation is unknown.

    Example:
        >>> inputs = np.array([[1.0, -1.0]]), np.ones((1, 1)), np.zeros((1, 1))
        >>> linear_activation_forward(*inputs, "relu")[0].tolist()
        [[1.0, 0.0]]

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    forward, _ = _activation(activation)
    Z, linear_cache = linear_forward(A_prev, W, b)
    A, activation_cache = forward(Z)
    return A, (linear_cache, activation_cache)


def L_model_forward(
    X: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, list[Cache]]:
    """The whole network: ReLU in all layers but the last, which has a sigmoid.

    Args:
        X: examples `(n_0, examples)`.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        `(AL, caches)`: activations `(n_L, examples)`, and the cache of each layer.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> rng = np.random.RandomState(0)
        >>> parameters = initialize_parameters_deep([5, 4, 3, 1], rng=rng)
        >>> AL, caches = L_model_forward(np.zeros((5, 2)), parameters)
        >>> AL.tolist(), len(caches)
        ([[0.5, 0.5]], 3)

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    A, caches = X, []
    num_layers = len(parameters) // 2
    for layer in range(1, num_layers + 1):
        activation = "sigmoid" if layer == num_layers else "relu"
        A, cache = linear_activation_forward(
            A, parameters[f"W{layer}"], parameters[f"b{layer}"], activation
        )
        caches.append(cache)
    return A, caches


def compute_cost(AL: np.ndarray, Y: ArrayLike) -> np.ndarray:
    """Cross-entropy, as `logistic_regression.cross_entropy`.

    Args:
        AL: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.

    Returns:
        The cost, an array without axes: the course's checks ask for that.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{compute_cost(np.array([[0.8, 0.9, 0.4]]), np.array([[1, 1, 0]])):.8f}"
        '0.27977656'

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    return np.array(cross_entropy(AL, Y))


def linear_backward(
    dZ: np.ndarray, cache: LinearCache
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient through `linear_forward`.

    `dW = dZ A_prevᵀ / m`, `db = sum(dZ) / m`, `dA_prev = Wᵀ dZ`.

    Args:
        dZ: `(n, examples)`, for each example the gradient of its own loss.
        cache: `(A_prev, W, b)`.

    Returns:
        `(dA_prev, dW, db)`, of the shapes of `A_prev`, `W` and `b`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> cache = np.ones((2, 4)), np.ones((1, 2)), np.zeros((1, 1))
        >>> dA_prev, dW, db = linear_backward(np.ones((1, 4)), cache)
        >>> dW.tolist(), db.tolist()
        ([[1.0, 1.0]], [[1.0]])

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    dW, db = _parameter_gradients(dZ, cache)
    return cache[1].T @ dZ, dW, db


def linear_activation_backward(
    dA: np.ndarray, cache: Cache, activation: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient through one layer.

    Args:
        dA: gradient of the layer's activations, `(n, examples)`.
        cache: `((A_prev, W, b), Z)`.
        activation: "relu" or "sigmoid".

    Returns:
        `(dA_prev, dW, db)`, of the shapes of `A_prev`, `W` and `b`.

    Raises:
        ValueError: the shapes do not fit, or the activation is unknown.

    Example:
        >>> cache = (np.ones((2, 4)), np.ones((1, 2)), np.zeros((1, 1)))
        >>> dA = np.ones((1, 4))
        >>> linear_activation_backward(dA, (cache, np.zeros((1, 4))), "sigmoid")[1]
        array([[0.25, 0.25]])

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    _, backward = _activation(activation)
    linear_cache, activation_cache = cache
    return linear_backward(backward(dA, activation_cache), linear_cache)


def L_model_backward(
    AL: np.ndarray, Y: ArrayLike, caches: Sequence[Cache]
) -> dict[str, np.ndarray]:
    """Gradient of the cost in the whole network.

    It starts with `dAL = -(Y / AL - (1 - Y) / (1 - AL))`. Where an activation is
    exactly 0 or 1 that is infinite, the slope of the sigmoid is 0, and their product
    has the limit `AL - Y`, which is taken. `AL` is not clipped: it need not lie
    between 0 and 1.

    Args:
        AL: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.
        caches: of each layer, as `L_model_forward` returns them.

    Returns:
        A dict of `dW1, db1, ..., dWL, dbL`, and `dA0` to `dA(L-1)`, where `dAl` is
        the gradient of layer l's activations. (Notebooks before 2018 call it
        `dA(l+1)`.)

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> rng = np.random.RandomState(0)
        >>> parameters = initialize_parameters_deep([2, 3, 1], rng=rng)
        >>> AL, caches = L_model_forward(np.ones((2, 4)), parameters)
        >>> sorted(L_model_backward(AL, np.array([[0, 1, 1, 0]]), caches))
        ['dA0', 'dA1', 'dW1', 'dW2', 'db1', 'db2']

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    grads = _backward(AL, Y, caches)
    grads["dA0"] = caches[0][0][1].T @ grads.pop("dZ1")
    return grads


def update_parameters(
    parameters: Parameters, grads: dict[str, np.ndarray], learning_rate: float
) -> Parameters:
    """One step of gradient descent.

    Args:
        parameters: `W1, b1, ...`; they are not changed.
        grads: `dW1, db1, ...`; others are ignored.
        learning_rate: step size.

    Returns:
        New parameters.

    Raises:
        ValueError: a gradient has another shape than its parameter.

    Example:
        >>> parameters = {"W1": np.array([[1.0]])}
        >>> update_parameters(parameters, {"dW1": np.array([[0.5]])}, 0.5)
        {'W1': array([[0.75]])}

    Reference:
        - Course 1, week 4, "Building your deep neural network: step by step".
    """
    check_gradients(parameters, grads)
    return {
        key: value - learning_rate * grads[f"d{key}"]
        for key, value in parameters.items()
    }


def check_gradients(parameters: Parameters, grads: dict[str, np.ndarray]) -> None:
    """Refuses gradients that do not fit the parameters, before they broadcast.

    Args:
        parameters: `W1, b1, ...`, of any names.
        grads: of each parameter one with a `d` before its name; others are ignored.

    Raises:
        ValueError: a gradient is missing or has another shape than its parameter.

    Example:
        >>> check_gradients({"b1": np.zeros((2, 1))}, {"db1": np.zeros((2, 1))})
    """
    for key, value in parameters.items():
        gradient = grads.get(f"d{key}")
        if np.shape(gradient) != np.shape(value) or gradient is None:
            found = "none" if gradient is None else f"one of shape {np.shape(gradient)}"
            raise ValueError(
                f"`grads` must hold `d{key}` with the shape of `{key}`, "
                f"{np.shape(value)}. Received: {found}."
            )


def two_layer_model(
    X: np.ndarray,
    Y: ArrayLike,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    rng: draws.Rng = None,
) -> tuple[Parameters, list[np.ndarray]]:
    """Trains a network of two layers, from weights with a deviation of 0.01.

    Args:
        X: examples `(n_x, examples)`. In float32 the training is in float32 too,
            and about twice as fast; else in float64.
        Y: labels `(n_y, examples)`, or `(examples,)` where n_y is 1.
        layers_dims: `(n_x, n_h, n_y)`.
        learning_rate: step size.
        num_iterations: steps, each over all examples.
        print_cost: whether to print the cost every 100 steps, and of the last.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `(parameters, costs)`: the cost before every 100th step, from the first on.
        (Notebooks before 2021 return the parameters only.)

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> rng = np.random.RandomState(1)
        >>> parameters, costs = two_layer_model(X, Y, (1, 3, 1), 0.5, 101, rng=rng)
        >>> len(costs), bool(costs[1] < costs[0])
        (2, True)

    Reference:
        - Course 1, week 4, "Deep neural network for image classification".
    """
    n_x, n_h, n_y = layers_dims
    parameters = initialize_parameters(n_x, n_h, n_y, rng=rng)
    return _train(X, Y, parameters, learning_rate, num_iterations, print_cost)


def L_layer_model(
    X: np.ndarray,
    Y: ArrayLike,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    scale: float | str = "fan_in",
    rng: draws.Rng = None,
) -> tuple[Parameters, list[np.ndarray]]:
    """Trains a network of any depth.

    Args:
        X: examples `(n_0, examples)`. In float32 the training is in float32 too,
            and about twice as fast; else in float64.
        Y: labels `(n_L, examples)`, or `(examples,)` where n_L is 1.
        layers_dims: sizes of the input and of each layer.
        learning_rate: step size.
        num_iterations: steps, each over all examples.
        print_cost: whether to print the cost every 100 steps, and of the last.
        scale: of the weights to start from, as of `initialize_parameters_deep`.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `(parameters, costs)`, as of `two_layer_model`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> rng = np.random.RandomState(1)
        >>> parameters, costs = L_layer_model(X, Y, (1, 4, 3, 1), 0.5, 201, rng=rng)
        >>> len(costs), bool(costs[2] < costs[0])
        (3, True)

    Reference:
        - Course 1, week 4, "Deep neural network for image classification".
    """
    parameters = initialize_parameters_deep(layers_dims, scale=scale, rng=rng)
    return _train(X, Y, parameters, learning_rate, num_iterations, print_cost)


def predict(
    X: np.ndarray,
    y: ArrayLike,
    parameters: Parameters,
    *,
    print_accuracy: bool = True,
) -> np.ndarray:
    """Says 1 where the activation is above one half, else 0, and how often it is right.

    Args:
        X: examples `(n_0, examples)`.
        y: labels, only for the accuracy.
        parameters: `W1, b1, ..., WL, bL`.
        print_accuracy: whether to print the accuracy, as the course does.

    Returns:
        float64 `(n_L, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = {"W1": np.array([[1.0]]), "b1": np.array([[0.0]])}
        >>> predict(np.array([[-1.0, 1.0]]), np.array([[1, 1]]), parameters)
        Accuracy: 0.5
        array([[0., 1.]])

    Reference:
        - Course 1, week 4, "Deep neural network for image classification".
    """
    AL, _ = L_model_forward(X, parameters)
    predictions = (AL > 0.5).astype("float64")
    if print_accuracy:
        print(f"Accuracy: {np.mean(predictions == labels_like(AL, y))}")
    return predictions


def _activation(name):
    """Forward and backward function of an activation."""
    known = {"relu": (relu, relu_backward), "sigmoid": (sigmoid, sigmoid_backward)}
    if name not in known:
        raise ValueError(
            f"`activation` must be one of {', '.join(known)}. "
            f"Received: activation={name!r}."
        )
    return known[name]


def _parameter_gradients(dZ, cache):
    """`dW` and `db` of one layer."""
    A_prev, W, _ = cache
    if dZ.shape != (W.shape[0], A_prev.shape[1]):
        raise ValueError(
            "The gradient must have a row for each row of the weights and a column "
            f"for each example. Received: gradient of shape {dZ.shape}, weights of "
            f"shape {W.shape}, input of shape {A_prev.shape}."
        )
    num_examples = A_prev.shape[1]
    dW = dZ @ A_prev.T
    dW /= num_examples
    return dW, np.sum(dZ, axis=1, keepdims=True) / num_examples


def _backward(AL, Y, caches):
    """As `L_model_backward`, with `dZ1` for `dA0`, which training has no use for.

    With pictures of 12,288 numbers, `dA0` would be a third of the work.
    """
    AL = np.asarray(AL)
    Y = labels_like(AL, Y)
    grads = {}
    dZ = _output_gradient(AL, Y, caches[-1][1])
    for layer in range(len(caches), 0, -1):
        linear_cache, _ = caches[layer - 1]
        grads[f"dW{layer}"], grads[f"db{layer}"] = _parameter_gradients(
            dZ, linear_cache
        )
        if layer > 1:
            grads[f"dA{layer - 1}"] = linear_cache[1].T @ dZ
            dZ = relu_backward(grads[f"dA{layer - 1}"], caches[layer - 2][1])
    return grads | {"dZ1": dZ}


def _output_gradient(AL, Y, ZL):
    """Gradient of the cost with respect to what the last sigmoid is given."""
    is_saturated = (AL == 0) | (AL == 1)
    A = np.where(is_saturated, 0.5, AL)  # any number that can be divided by
    dZ = sigmoid_backward(-(Y / A - (1 - Y) / (1 - A)), ZL)
    return np.where(is_saturated, AL - Y, dZ)


def _train(X, Y, parameters, learning_rate, num_iterations, print_cost):
    if X.dtype == "float32":
        parameters = {key: value.astype("float32") for key, value in parameters.items()}
    costs = []
    for i in range(num_iterations):
        AL, caches = L_model_forward(X, parameters)
        if i % 100 == 0 or (print_cost and i == num_iterations - 1):
            cost = compute_cost(AL, Y)
            if i % 100 == 0:
                costs.append(cost)
            if print_cost:
                print(f"Cost after iteration {i}: {cost}")
        grads = _backward(AL, Y, caches)
        parameters = update_parameters(parameters, grads, learning_rate)
    return parameters, costs


def _check_gradient(gradient, value):
    if np.shape(gradient) != np.shape(value):
        raise ValueError(
            "A gradient must have the shape of what it belongs to. Received: gradient "
            f"of shape {np.shape(gradient)}, value of shape {np.shape(value)}."
        )
