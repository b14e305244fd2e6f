"""Mean 0 and variance 1: of the inputs, and of every layer (batch normalisation).

Examples stand in columns: `Z` is `(units, examples)`, what belongs to a unit is
`(units, 1)`.
"""

import numpy as np

Moments = dict[str, np.ndarray]


def normalize_inputs(
    X: np.ndarray, mu: np.ndarray | None = None, sigma2: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brings every feature to mean 0 and variance 1: `(X - μ) / σ`.

    The test set is to be normalised with the moments of the training set: pass them.
    A feature that never changes is only shifted.

    Args:
        X: examples `(features, examples)`.
        mu: means `(features, 1)`; None to take those of `X`.
        sigma2: variances `(features, 1)`; None to take those of `X`.

    Returns:
        `(X_norm, mu, sigma2)`.

    Raises:
        ValueError: the shapes do not fit, or one of the moments is missing.

    Example:
        >>> train, mu, sigma2 = normalize_inputs(np.array([[1.0, 3.0]]))
        >>> test, _, _ = normalize_inputs(np.array([[4.0]]), mu, sigma2)
        >>> train.tolist(), test.tolist()
        ([[-1.0, 1.0]], [[2.0]])

    Reference:
        - Course 2, week 1, "Normalizing inputs".
    """
    if (mu is None) != (sigma2 is None):
        raise ValueError("`mu` and `sigma2` must be given both or not at all.")
    _check_matrix("X", X)
    if mu is None:
        mu, sigma2 = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
    _check_columns(X, mu=mu, sigma2=sigma2)
    return (X - mu) / np.sqrt(np.where(sigma2 == 0, 1, sigma2)), mu, sigma2


def batch_norm_forward(
    Z: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float = 1e-5
) -> tuple[np.ndarray, dict]:
    """Normalises each unit over the batch, then scales and shifts it.

    `Z_norm = (Z - μ) / sqrt(σ² + ε)`, `Z_tilde = γ Z_norm + β`, where μ and σ² are mean
    and variance over the examples.

    Args:
        Z: `(units, examples)`.
        gamma: scales `(units, 1)`.
        beta: shifts `(units, 1)`; a bias before it would be without effect.
        epsilon: keeps the divisor above 0.

    Returns:
        `(Z_tilde, cache)`: of the shape of `Z`, and a dict of `Z_norm`, `mu`, `sigma2`,
        `gamma` and `epsilon`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> Z, ones = np.array([[1.0, 3.0]]), np.ones((1, 1))
        >>> batch_norm_forward(Z, 2 * ones, 5 * ones, epsilon=0.0)[0].tolist()
        [[3.0, 7.0]]

    Reference:
        - Ioffe and Szegedy, 2015, "Batch normalization", algorithm 1.
        - Course 2, week 3, "Fitting batch norm into a neural network".
    """
    _check_matrix("Z", Z)
    _check_columns(Z, gamma=gamma, beta=beta)
    mu, sigma2 = Z.mean(axis=1, keepdims=True), Z.var(axis=1, keepdims=True)
    Z_norm = (Z - mu) / np.sqrt(sigma2 + epsilon)
    cache = {"Z_norm": Z_norm, "mu": mu, "sigma2": sigma2}
    return gamma * Z_norm + beta, cache | {"gamma": gamma, "epsilon": epsilon}


def batch_norm_backward(
    dZ_tilde: np.ndarray, cache: dict
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient through `batch_norm_forward`, mean and variance included.

    With `g = γ dZ_tilde` and means over the examples,
    `dZ = (g - mean(g) - Z_norm mean(g Z_norm)) / sqrt(σ² + ε)`.

    Args:
        dZ_tilde: gradient of the cost (a division by m, if any, is in it),
            `(units, examples)`.
        cache: as `batch_norm_forward` returns it.

    Returns:
        `(dZ, dgamma, dbeta)`: `(units, examples)` and twice `(units, 1)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        A shift of all examples changes nothing, so nothing flows back.

        >>> rng = np.random.default_rng(0)
        >>> ones = np.ones((3, 1))
        >>> _, cache = batch_norm_forward(rng.standard_normal((3, 8)), ones, ones)
        >>> dZ, dgamma, dbeta = batch_norm_backward(np.ones((3, 8)), cache)
        >>> bool(np.allclose(dZ, 0)), dbeta.tolist()
        (True, [[8.0], [8.0], [8.0]])

    Reference:
        - Ioffe and Szegedy, 2015, "Batch normalization", section 3.
    """
    Z_norm = cache["Z_norm"]
    if np.shape(dZ_tilde) != Z_norm.shape:
        raise ValueError(
            "`dZ_tilde` must have the shape of what was normalised. Received: dZ_tilde "
            f"of shape {np.shape(dZ_tilde)}, Z of shape {Z_norm.shape}."
        )
    g = cache["gamma"] * dZ_tilde
    dZ = g - g.mean(axis=1, keepdims=True)
    dZ -= Z_norm * (g * Z_norm).mean(axis=1, keepdims=True)
    dZ /= np.sqrt(cache["sigma2"] + cache["epsilon"])
    dgamma = np.sum(dZ_tilde * Z_norm, axis=1, keepdims=True)
    return dZ, dgamma, np.sum(dZ_tilde, axis=1, keepdims=True)


def initialize_moving_averages(units: int) -> Moments:
    """What `batch_norm_predict` normalises with before any batch was seen.

    Args:
        units: of the layer.

    Returns:
        A dict of `mu`, zeros, and `sigma2`, ones, `(units, 1)`.

    Example:
        >>> initialize_moving_averages(1)
        {'mu': array([[0.]]), 'sigma2': array([[1.]])}
    """
    return {"mu": np.zeros((units, 1)), "sigma2": np.ones((units, 1))}


def update_moving_averages(moving: Moments, cache: dict, momentum: float = 0.9):
    """Exponentially weighted averages of the batches' means and variances.

    `μ = momentum μ + (1 - momentum) μ_batch`, and so of σ².

    Args:
        moving: from `initialize_moving_averages` or the batch before.
        cache: of the batch, as `batch_norm_forward` returns it.
        momentum: from 0 to below 1. 0.99 is what Keras has.

    Returns:
        A new dict of `mu` and `sigma2`.

    Raises:
        ValueError: the momentum is out of its range, or the shapes differ.

    Example:
        >>> cache = {"mu": np.array([[10.0]]), "sigma2": np.array([[1.0]])}
        >>> moving = update_moving_averages(initialize_moving_averages(1), cache)
        >>> moving["mu"].round(6).tolist(), moving["sigma2"].tolist()
        ([[1.0]], [[1.0]])

    Reference:
        - Course 2, week 3, "Batch norm at test time".
    """
    if not 0 <= momentum < 1:
        raise ValueError(
            f"`momentum` must be from 0 to below 1. Received: momentum={momentum}."
        )
    _check_columns(cache["mu"], **moving)
    return {
        name: momentum * moving[name] + (1 - momentum) * cache[name]
        for name in ("mu", "sigma2")
    }


def batch_norm_predict(
    Z: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    moving: Moments,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """As `batch_norm_forward`, with moving averages: for one example as for many.

    Args:
        Z: `(units, examples)`.
        gamma: scales `(units, 1)`.
        beta: shifts `(units, 1)`.
        moving: a dict of `mu` and `sigma2`.
        epsilon: the one of training.

    Returns:
        `Z_tilde`, of the shape of `Z`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> moving = {"mu": np.array([[2.0]]), "sigma2": np.array([[4.0]])}
        >>> ones = np.ones((1, 1))
        >>> batch_norm_predict(6 * ones, ones, ones, moving, epsilon=0.0).tolist()
        [[3.0]]

    Reference:
        - Course 2, week 3, "Batch norm at test time".
    """
    _check_matrix("Z", Z)
    _check_columns(Z, gamma=gamma, beta=beta, **moving)
    return gamma * (Z - moving["mu"]) / np.sqrt(moving["sigma2"] + epsilon) + beta


def _check_matrix(name, Z):
    if np.ndim(Z) != 2:
        raise ValueError(
            f"`{name}` must be (units, examples). Received: {name} of shape "
            f"{np.shape(Z)}."
        )


def _check_columns(Z, **columns):
    for name, column in columns.items():
        if np.shape(column) != (Z.shape[0], 1):
            raise ValueError(
                f"`{name}` must be a column with a row for each unit. Received: {name} "
                f"of shape {np.shape(column)}, units in an array of shape {Z.shape}."
            )
