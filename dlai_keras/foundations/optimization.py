"""Mini-batches and optimisers: gradient descent, momentum, RMSprop, Adam.

An update returns new dicts and changes none. It takes parameters of any names: the
gradient, the velocity and the average of squares that belong to `W1` are called `dW1`.
So the same function trains a network, and walks over a surface of two numbers.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, draws, initialization
from dlai_keras.foundations.deep_network import check_gradients
from dlai_keras.foundations.schedules import inverse_time_decay, steps

Parameters = dict[str, np.ndarray]

forward_propagation = initialization.forward_propagation
backward_propagation = initialization.backward_propagation
predict = initialization.predict
predict_dec = initialization.predict_dec

_OPTIMIZERS = ("gd", "momentum", "rmsprop", "adam")


def random_mini_batches(
    X: np.ndarray,
    Y: np.ndarray,
    mini_batch_size: int = 64,
    seed: int = 0,
    *,
    rng: draws.Rng = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shuffles the examples and deals them out.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`.
        mini_batch_size: examples of a batch; the last one may have fewer.
        seed: of the order, as in the course. NumPy's global state is left alone.
        rng: draws the order in place of `seed`.

    Returns:
        A list of `(X, Y)`.

    Raises:
        ValueError: the numbers of examples differ, or the size is below 1.

    Example:
        >>> X, Y = np.arange(10).reshape(2, 5), np.ones((1, 5))
        >>> [x.shape for x, y in random_mini_batches(X, Y, mini_batch_size=2)]
        [(2, 2), (2, 2), (2, 1)]

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    if X.ndim != 2 or Y.ndim != 2 or X.shape[1] != Y.shape[1]:
        raise ValueError(
            "`X` and `Y` must be (rows, examples), with as many examples. "
            f"Received: X of shape {X.shape}, Y of shape {Y.shape}."
        )
    if mini_batch_size < 1:
        raise ValueError(
            "`mini_batch_size` must be 1 or more. "
            f"Received: mini_batch_size={mini_batch_size}."
        )
    num_examples = X.shape[1]
    rng = np.random.RandomState(seed) if rng is None else rng
    order = draws.permutation(rng, num_examples)
    return [
        (X[:, chosen], Y[:, chosen])
        for chosen in np.split(
            order, range(mini_batch_size, num_examples, mini_batch_size)
        )
    ]


def initialize_velocity(parameters: Mapping[str, np.ndarray]) -> dict:
    """Zeros for `update_parameters_with_momentum`.

    Args:
        parameters: `W1, b1, ...`.

    Returns:
        `dW1, db1, ...`, zeros of the same shapes.

    Example:
        >>> initialize_velocity({"W1": np.ones((1, 2))})
        {'dW1': array([[0., 0.]])}

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    return {f"d{key}": np.zeros(np.shape(value)) for key, value in parameters.items()}


def initialize_rmsprop(parameters: Mapping[str, np.ndarray]) -> dict:
    """Zeros for `update_parameters_with_rmsprop`.

    Args:
        parameters: `W1, b1, ...`.

    Returns:
        `dW1, db1, ...`, zeros of the same shapes.

    Example:
        >>> initialize_rmsprop({"W1": np.ones((1, 2))})
        {'dW1': array([[0., 0.]])}

    Reference:
        - Course 2, week 2, "RMSprop".
    """
    return initialize_velocity(parameters)


def initialize_adam(parameters: Mapping[str, np.ndarray]) -> tuple[dict, dict]:
    """Zeros for `update_parameters_with_adam`.

    Args:
        parameters: `W1, b1, ...`.

    Returns:
        `(v, s)`, each `dW1, db1, ...`, zeros of the same shapes.

    Example:
        >>> v, s = initialize_adam({"W1": np.ones((1, 2))})
        >>> v, s
        ({'dW1': array([[0., 0.]])}, {'dW1': array([[0., 0.]])})

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_gd(
    parameters: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray],
    learning_rate: float,
) -> Parameters:
    """Gradient descent: `W - α dW`.

    Args:
        parameters: `W1, b1, ...`.
        grads: `dW1, db1, ...`; others are ignored.
        learning_rate: α.

    Returns:
        New parameters.

    Raises:
        ValueError: a gradient has another shape than its parameter.

    Example:
        >>> gradient = {"dW1": np.array([0.5])}
        >>> update_parameters_with_gd({"W1": np.array([1.0])}, gradient, 0.5)
        {'W1': array([0.75])}

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    return deep_network.update_parameters(parameters, grads, learning_rate)


def update_parameters_with_momentum(
    parameters: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray],
    v: Mapping[str, np.ndarray],
    beta: float,
    learning_rate: float,
) -> tuple[Parameters, dict]:
    """Momentum: `v = β v + (1 - β) dW`, `W - α v`.

    There is no correction of the bias. `keras.optimizers.SGD` leaves out the factor
    `1 - β`: its learning rate is that much smaller.

    Args:
        parameters: `W1, b1, ...`.
        grads: `dW1, db1, ...`; others are ignored.
        v: `dW1, db1, ...`, from `initialize_velocity` or the step before.
        beta: β, from 0 to below 1.
        learning_rate: α.

    Returns:
        `(parameters, v)`, both new.

    Raises:
        ValueError: a gradient has another shape than its parameter.

    Example:
        >>> parameters, gradient = {"W1": np.array([1.0])}, {"dW1": np.array([1.0])}
        >>> v = initialize_velocity(parameters)
        >>> parameters, v = update_parameters_with_momentum(
        ...     parameters, gradient, v, beta=0.5, learning_rate=0.5
        ... )
        >>> parameters, v
        ({'W1': array([0.75])}, {'dW1': array([0.5])})

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    check_gradients(parameters, grads)
    v = {d: beta * v[d] + (1 - beta) * grads[d] for d in _names(parameters)}
    return update_parameters_with_gd(parameters, v, learning_rate), v


def update_parameters_with_rmsprop(
    parameters: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray],
    s: Mapping[str, np.ndarray],
    beta: float = 0.9,
    learning_rate: float = 0.01,
    epsilon: float = 1e-8,
) -> tuple[Parameters, dict]:
    """RMSprop: `s = β s + (1 - β) dW²`, `W - α dW / (sqrt(s) + ε)`.

    Args:
        parameters: `W1, b1, ...`.
        grads: `dW1, db1, ...`; others are ignored.
        s: `dW1, db1, ...`, from `initialize_rmsprop` or the step before.
        beta: β, from 0 to below 1.
        learning_rate: α.
        epsilon: ε, keeps the divisor above 0.

    Returns:
        `(parameters, s)`, both new.

    Raises:
        ValueError: a gradient has another shape than its parameter.

    Example:
        >>> parameters, gradient = {"W1": np.array([1.0])}, {"dW1": np.array([4.0])}
        >>> s = initialize_rmsprop(parameters)
        >>> parameters, s = update_parameters_with_rmsprop(
        ...     parameters, gradient, s, beta=0.75, learning_rate=0.1
        ... )
        >>> parameters["W1"].round(6).tolist(), s["dW1"].tolist()
        ([0.8], [4.0])

    Reference:
        - Course 2, week 2, "RMSprop".
    """
    check_gradients(parameters, grads)
    s = {d: beta * s[d] + (1 - beta) * np.square(grads[d]) for d in _names(parameters)}
    scaled = {d: grads[d] / (np.sqrt(s[d]) + epsilon) for d in s}
    return update_parameters_with_gd(parameters, scaled, learning_rate), s


def update_parameters_with_adam(
    parameters: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray],
    v: Mapping[str, np.ndarray],
    s: Mapping[str, np.ndarray],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Parameters, dict, dict, dict, dict]:
    """Adam: momentum and RMSprop together, both corrected for their start.

    `v = β1 v + (1 - β1) dW`, `s = β2 s + (1 - β2) dW²`, `v' = v / (1 - β1^t)`,
    `s' = s / (1 - β2^t)`, `W - α v' / (sqrt(s') + ε)`.

    Args:
        parameters: `W1, b1, ...`.
        grads: `dW1, db1, ...`; others are ignored.
        v: `dW1, db1, ...`, from `initialize_adam` or the step before.
        s: `dW1, db1, ...`, from `initialize_adam` or the step before.
        t: number of the step, from 1 on.
        learning_rate: α.
        beta1: β1, from 0 to below 1.
        beta2: β2, from 0 to below 1.
        epsilon: ε, keeps the divisor above 0.

    Returns:
        `(parameters, v, s, v_corrected, s_corrected)`, all new. (Notebooks before 2021
        return the first three.)

    Raises:
        ValueError: a gradient has another shape than its parameter, or `t` is below 1.

    Example:
        The first step is as long as the learning rate, whatever the gradient.

        >>> parameters, gradient = {"W1": np.array([1.0])}, {"dW1": np.array([5.0])}
        >>> v, s = initialize_adam(parameters)
        >>> updated = update_parameters_with_adam(parameters, gradient, v, s, t=1)
        >>> updated[0]["W1"].round(6).tolist()
        [0.99]

    Reference:
        - Kingma and Ba, 2015, "Adam: a method for stochastic optimization", ICLR.
        - Course 2, week 2, "Optimization methods".
    """
    if t < 1:
        raise ValueError(f"`t` must be 1 or more. Received: t={t}. It counts steps.")
    check_gradients(parameters, grads)
    names = _names(parameters)
    v = {d: beta1 * v[d] + (1 - beta1) * grads[d] for d in names}
    s = {d: beta2 * s[d] + (1 - beta2) * np.square(grads[d]) for d in names}
    v_corrected = {d: v[d] / (1 - beta1**t) for d in names}
    s_corrected = {d: s[d] / (1 - beta2**t) for d in names}
    scaled = {d: v_corrected[d] / (np.sqrt(s_corrected[d]) + epsilon) for d in names}
    parameters = update_parameters_with_gd(parameters, scaled, learning_rate)
    return parameters, v, s, v_corrected, s_corrected


def update_lr(learning_rate0: float, epoch_num: ArrayLike, decay_rate: float) -> float:
    """`α0 / (1 + decay_rate · epoch)`, as `schedules.inverse_time_decay`.

    Args:
        learning_rate0: learning rate of epoch 0.
        epoch_num: epoch, from 0 on.
        decay_rate: how fast.

    Returns:
        The learning rate.

    Raises:
        ValueError: the epoch is negative.

    Example:
        >>> f"{update_lr(0.5, 2, 1):.6f}"
        '0.166667'

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    return inverse_time_decay(learning_rate0, epoch_num, decay_rate)


def schedule_lr_decay(
    learning_rate0: float,
    epoch_num: ArrayLike,
    decay_rate: float,
    time_interval: int = 1000,
) -> float:
    """`update_lr` in steps: `α0 / (1 + decay_rate · floor(epoch / interval))`.

    Args:
        learning_rate0: learning rate of the first interval.
        epoch_num: epoch, from 0 on.
        decay_rate: how fast.
        time_interval: epochs for which it stays the same.

    Returns:
        The learning rate.

    Raises:
        ValueError: the epoch is negative, or the interval below 1.

    Example:
        >>> [schedule_lr_decay(0.5, epoch, 1, 100).item() for epoch in (10, 100)]
        [0.5, 0.25]

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    intervals = steps(epoch_num, time_interval)
    return inverse_time_decay(learning_rate0, intervals, decay_rate)


def initialize_parameters(
    layer_dims: Sequence[int], *, rng: draws.Rng = None
) -> Parameters:
    """He's weights, as `initialization.initialize_parameters_he`.

    Args:
        layer_dims: sizes of the input and of each layer.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ...`.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> initialize_parameters([2, 5, 2, 1])["W2"].shape
        (2, 5)

    Reference:
        - Course 2, week 2, `opt_utils_v1a.py`.
    """
    return initialization.initialize_parameters_he(layer_dims, rng=rng)


def compute_cost(a3: np.ndarray, Y: ArrayLike) -> np.float64:
    """Cross-entropy, summed over the examples: mini-batches differ in size.

    Args:
        a3: activations `(n_L, examples)`.
        Y: labels of the same shape, or `(examples,)` where n_L is 1.

    Returns:
        The cost, not divided by the number of examples. (Notebooks of 2017 divide.)

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> f"{compute_cost(np.array([[0.5, 0.5]]), np.array([[1, 0]])):.4f}"
        '1.3863'

    Reference:
        - Course 2, week 2, `opt_utils_v1a.py`.
    """
    return initialization.compute_loss(a3, Y) * a3.shape[1]


def model(
    X: np.ndarray,
    Y: np.ndarray,
    layers_dims: Sequence[int],
    optimizer: str,
    learning_rate: float = 0.0007,
    mini_batch_size: int = 64,
    beta: float = 0.9,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    num_epochs: int = 5000,
    print_cost: bool = True,
    decay: Callable[[float, int, float], float] | None = None,
    decay_rate: float = 1,
    *,
    seed: int = 10,
    costs: list[float] | None = None,
    rng: draws.Rng = None,
) -> Parameters:
    """Trains a network on mini-batches.

    Args:
        X: examples `(n_0, examples)`.
        Y: labels `(n_L, examples)`.
        layers_dims: sizes of the input and of each layer.
        optimizer: "gd", "momentum", "rmsprop" or "adam".
        learning_rate: to start with.
        mini_batch_size: examples of a batch.
        beta: of momentum and RMSprop.
        beta1: of Adam.
        beta2: of Adam.
        epsilon: of Adam and RMSprop.
        num_epochs: passes over all examples. (10,000 before 2021.)
        print_cost: whether to print the cost every 1000 epochs.
        decay: is given the learning rate to start with, the epoch and `decay_rate`
            after each epoch, and returns the learning rate of the next, such as
            `update_lr` or `schedule_lr_decay`.
        decay_rate: for `decay`.
        seed: epoch i is dealt out with `seed + 1 + i`; 10 in the course.
        costs: a list that the cost of every 100th epoch is added to.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        The parameters.

    Raises:
        ValueError: the shapes do not fit, or the optimiser is unknown.

    Example:
        >>> costs, X, Y = [], np.array([[-1.0, 1.0]]), np.array([[0, 1]])
        >>> parameters = model(
        ...     X, Y, [1, 5, 2, 1], "adam", 0.01, num_epochs=101, print_cost=False,
        ...     costs=costs, rng=np.random.RandomState(3),
        ... )
        >>> len(costs), costs[1] < costs[0]
        (2, True)

    Reference:
        - Course 2, week 2, "Optimization methods".
    """
    if optimizer not in _OPTIMIZERS:
        raise ValueError(
            f"`optimizer` must be one of {', '.join(_OPTIMIZERS)}. "
            f"Received: optimizer={optimizer!r}."
        )
    learning_rate0 = learning_rate
    parameters = initialize_parameters(layers_dims, rng=rng)
    v, s = initialize_adam(parameters)
    t = 0
    for i in range(num_epochs):
        total = 0.0
        for x, y in random_mini_batches(X, Y, mini_batch_size, seed + 1 + i):
            a3, cache = forward_propagation(x, parameters)
            total += compute_cost(a3, y)
            grads = backward_propagation(x, y, cache)
            t += 1
            if optimizer == "gd":
                parameters = update_parameters_with_gd(parameters, grads, learning_rate)
            elif optimizer == "momentum":
                parameters, v = update_parameters_with_momentum(
                    parameters, grads, v, beta, learning_rate
                )
            elif optimizer == "rmsprop":
                parameters, s = update_parameters_with_rmsprop(
                    parameters, grads, s, beta, learning_rate, epsilon
                )
            else:
                parameters, v, s, _, _ = update_parameters_with_adam(
                    parameters, grads, v, s, t, learning_rate, beta1, beta2, epsilon
                )
        cost = total / X.shape[1]
        if decay is not None:
            learning_rate = decay(learning_rate0, i, decay_rate)
        if costs is not None and i % 100 == 0:
            costs.append(float(cost))
        if print_cost and i % 1000 == 0:
            print(f"Cost after epoch {i}: {cost:f}")
            if decay is not None:
                print(f"learning rate after epoch {i}: {learning_rate:f}")
    return parameters


def _names(parameters):
    """Of the gradients."""
    return [f"d{key}" for key in parameters]
