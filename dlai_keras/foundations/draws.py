"""Drawn numbers, from whichever generator the caller has.

`rng` is None, a `numpy.random.RandomState` or a `numpy.random.Generator`. None means
NumPy's legacy global state: after the caller's `np.random.seed(1)` come the numbers
that the course prints. Nothing here, and nothing that draws through here, ever seeds.
"""

import numpy as np

Rng = np.random.RandomState | np.random.Generator | None


def normal(rng: Rng, *shape: int) -> np.ndarray:
    """Draws from the standard normal distribution, as `np.random.randn(*shape)`.

    Args:
        rng: None for NumPy's legacy global state, or a RandomState or Generator.
        *shape: of the result; nothing for a single number.

    Returns:
        float64 array of that shape.

    Raises:
        ValueError: `rng` is none of the three.

    Example:
        >>> rng = np.random.RandomState(1)
        >>> normal(rng, 1, 3).round(8).tolist()
        [[1.62434536, -0.61175641, -0.52817175]]
    """
    return _source(rng).standard_normal(shape)


def uniform(rng: Rng, *shape: int) -> np.ndarray:
    """Draws evenly from [0, 1), as `np.random.rand(*shape)`.

    Args:
        rng: None for NumPy's legacy global state, or a RandomState or Generator.
        *shape: of the result; nothing for a single number.

    Returns:
        float64 array of that shape.

    Raises:
        ValueError: `rng` is none of the three.

    Example:
        >>> uniform(np.random.RandomState(1), 2).round(8).tolist()
        [0.417022, 0.72032449]
    """
    return _source(rng).random(shape)


def permutation(rng: Rng, n: int) -> np.ndarray:
    """Draws an order of the numbers 0 to n - 1, as `np.random.permutation(n)`.

    Args:
        rng: None for NumPy's legacy global state, or a RandomState or Generator.
        n: how many there are.

    Returns:
        Integers `(n,)`, each of 0 to n - 1 once.

    Raises:
        ValueError: `rng` is none of the three.

    Example:
        >>> permutation(np.random.RandomState(0), 4).tolist()
        [2, 3, 1, 0]
    """
    return _source(rng).permutation(n)


def _source(rng):
    """What to draw from: an object with the methods that all three have."""
    if rng is None:
        return np.random  # on purpose: the course's seeds are set on this state
    if isinstance(rng, np.random.RandomState | np.random.Generator):
        return rng
    raise ValueError(
        "`rng` must be None, a numpy.random.RandomState or a numpy.random.Generator. "
        f"Received: rng={rng!r}. For a seed, pass numpy.random.RandomState(seed)."
    )
