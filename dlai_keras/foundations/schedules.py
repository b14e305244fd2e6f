"""What changes as training goes on: learning rates, averages, and when to stop.

The decays take an epoch or an array of them, counted from 0 (`inverse_sqrt_decay`:
from 1), and the learning rate to start from.
"""

import numpy as np
from numpy.typing import ArrayLike


def inverse_time_decay(
    learning_rate0: float, epoch_num: ArrayLike, decay_rate: float = 1.0
) -> np.ndarray:
    """`α0 / (1 + decay_rate · epoch)`.

    Args:
        learning_rate0: learning rate of epoch 0.
        epoch_num: epochs, from 0 on.
        decay_rate: how fast.

    Returns:
        Learning rates, of the shape of `epoch_num`.

    Raises:
        ValueError: an epoch is negative.

    Example:
        >>> inverse_time_decay(0.2, np.arange(4)).round(3).tolist()
        [0.2, 0.1, 0.067, 0.05]

    Reference:
        - Course 2, week 2, "Learning rate decay".
    """
    epoch_num = _epochs(epoch_num, 0)
    return learning_rate0 / (1 + decay_rate * epoch_num)


def exponential_decay(
    learning_rate0: float, epoch_num: ArrayLike, base: float = 0.95
) -> np.ndarray:
    """`α0 · base^epoch`.

    Args:
        learning_rate0: learning rate of epoch 0.
        epoch_num: epochs, from 0 on.
        base: between 0 and 1; 0.95 in the lecture.

    Returns:
        Learning rates, of the shape of `epoch_num`.

    Raises:
        ValueError: an epoch is negative, or `base` is out of its range.

    Example:
        >>> exponential_decay(1.0, np.arange(3)).round(4).tolist()
        [1.0, 0.95, 0.9025]

    Reference:
        - Course 2, week 2, "Learning rate decay".
    """
    _check_factor("base", base)
    return learning_rate0 * base ** _epochs(epoch_num, 0)


def inverse_sqrt_decay(
    learning_rate0: float, epoch_num: ArrayLike, k: float = 1.0
) -> np.ndarray:
    """`k / sqrt(epoch) · α0`; with the number of the mini-batch for the epoch, too.

    Args:
        learning_rate0: learning rate where k is 1 and the epoch is 1.
        epoch_num: epochs or mini-batches, from 1 on.
        k: a constant.

    Returns:
        Learning rates, of the shape of `epoch_num`.

    Raises:
        ValueError: an epoch is below 1.

    Example:
        >>> inverse_sqrt_decay(0.2, np.array([1, 4, 16])).tolist()
        [0.2, 0.1, 0.05]

    Reference:
        - Course 2, week 2, "Learning rate decay".
    """
    return k / np.sqrt(_epochs(epoch_num, 1)) * learning_rate0


def staircase_decay(
    learning_rate0: float,
    epoch_num: ArrayLike,
    factor: float = 0.5,
    time_interval: int = 10,
) -> np.ndarray:
    """In steps, each a fraction of the last: `α0 · factor^floor(epoch / interval)`.

    Args:
        learning_rate0: learning rate of the first step of the stairs.
        epoch_num: epochs, from 0 on.
        factor: height of a step, between 0 and 1; the lecture halves.
        time_interval: epochs that a step is long.

    Returns:
        Learning rates, of the shape of `epoch_num`.

    Raises:
        ValueError: an epoch is negative, or an argument is out of its range.

    Example:
        >>> staircase_decay(0.8, np.arange(6), time_interval=2).tolist()
        [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]

    Reference:
        - Course 2, week 2, "Learning rate decay".
    """
    _check_factor("factor", factor)
    return learning_rate0 * factor ** steps(epoch_num, time_interval)


def steps(epoch_num: ArrayLike, time_interval: int) -> np.ndarray:
    """How many whole intervals have passed: `floor(epoch / interval)`.

    Args:
        epoch_num: epochs, from 0 on.
        time_interval: epochs, 1 or more.

    Returns:
        float64, of the shape of `epoch_num`.

    Raises:
        ValueError: an epoch is negative, or the interval below 1.

    Example:
        >>> steps([0, 99, 100, 250], 100).tolist()
        [0.0, 0.0, 1.0, 2.0]
    """
    if time_interval < 1:
        raise ValueError(
            "`time_interval` must be 1 epoch or more. "
            f"Received: time_interval={time_interval}."
        )
    return np.floor(_epochs(epoch_num, 0) / time_interval)


def exponentially_weighted_averages(
    values: ArrayLike, beta: float = 0.9, *, bias_correction: bool = True
) -> np.ndarray:
    """Running averages, over about the last `1 / (1 - β)` values.

    `v_t = β v_(t-1) + (1 - β) θ_t` with `v_0 = 0`; with the correction for the zeros
    that it starts from, `v_t / (1 - β^t)`.

    Args:
        values: `(time, ...)`, averaged along the first axis.
        beta: from 0, no memory, to below 1.
        bias_correction: whether to divide by `1 - β^t`.

    Returns:
        float64, of the shape of `values`.

    Raises:
        ValueError: `beta` is out of its range, or there is no time axis.

    Example:
        >>> exponentially_weighted_averages([10.0, 10.0, 10.0]).round(6).tolist()
        [10.0, 10.0, 10.0]
        >>> plain = exponentially_weighted_averages([10, 10], bias_correction=False)
        >>> plain.round(6).tolist()
        [1.0, 1.9]

    Reference:
        - Course 2, week 2, "Exponentially weighted averages", "Bias correction".
    """
    if not 0 <= beta < 1:
        raise ValueError(f"`beta` must be from 0 to below 1. Received: beta={beta}.")
    values = np.asarray(values, "float64")
    if values.ndim == 0:
        raise ValueError(
            "`values` must have a first axis, time. Received: a single number."
        )
    averages = np.empty_like(values)
    average = np.zeros(values.shape[1:])
    for t, value in enumerate(values):
        average = beta * average + (1 - beta) * value
        averages[t] = average / (1 - beta ** (t + 1)) if bias_correction else average
    return averages


class EarlyStopping:
    """Says when the dev cost has not improved for a while, and keeps the best weights.

    Args:
        patience: epochs without improvement after which it says stop, 1 or more.
        min_delta: by how much a cost must be below the best one to count as better.

    Attributes:
        best_cost: the lowest cost so far; infinity before the first.
        best_epoch: its epoch, counted from 0; None before the first.
        best_parameters: a copy of what came with it; None if nothing did.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> stopping = EarlyStopping(patience=2)
        >>> [stopping.update(cost) for cost in (0.9, 0.5, 0.6, 0.7)]
        [False, False, False, True]
        >>> stopping.best_epoch, stopping.best_cost
        (1, 0.5)

    Reference:
        - Course 2, week 1, "Other regularization methods".
    """

    def __init__(self, patience: int = 10, min_delta: float = 0.0):
        if patience < 1 or min_delta < 0:
            raise ValueError(
                "`patience` must be 1 or more and `min_delta` 0 or more. "
                f"Received: patience={patience}, min_delta={min_delta}."
            )
        self.patience = patience
        self.min_delta = min_delta
        self.best_cost = float("inf")
        self.best_epoch = None
        self.best_parameters = None
        self._num_epochs = 0
        self._num_waited = 0

    def update(self, cost: float, parameters: dict | None = None) -> bool:
        """Takes note of one epoch.

        Args:
            cost: on the dev set. One that is not a number is no improvement.
            parameters: name -> array, copied if the cost is the best so far.

        Returns:
            Whether to stop.
        """
        epoch = self._num_epochs
        self._num_epochs += 1
        if cost < self.best_cost - self.min_delta:
            self.best_cost, self.best_epoch = float(cost), epoch
            if parameters is not None:
                self.best_parameters = {
                    key: np.array(value) for key, value in parameters.items()
                }
            self._num_waited = 0
        else:
            self._num_waited += 1
        return self._num_waited >= self.patience


def _epochs(epoch_num, lowest):
    epochs = np.asarray(epoch_num, "float64")
    if np.any(epochs < lowest):
        raise ValueError(
            f"`epoch_num` must be {lowest} or more. Received: {epochs.min():g}."
        )
    return epochs[()]


def _check_factor(name, value):
    if not 0 < value <= 1:
        raise ValueError(
            f"`{name}` must be above 0 and at most 1. Received: {name}={value}."
        )
