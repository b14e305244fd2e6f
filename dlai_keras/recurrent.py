"""Recurrent networks by hand in NumPy: RNN, LSTM and GRU, forward and backward.

Names, dictionary keys, array layouts and caches are the course's: `(n_x, m)` for one
step and `(n_x, m, T_x)` for a sequence, the batch second. A sequence costs one matrix
product for all inputs and one for all predictions; only what depends on the step before
is computed step by step. The backward passes are the same the other way round.

As in the course, the backward passes begin at the gradient of the hidden states: what
comes from the predictions is part of it. They take the cached activations as they are,
so that caches with any numbers in them can be checked.
"""

from collections.abc import Mapping, Sequence

import numpy as np

LSTM_GATES = ("f", "i", "c", "o")  # forget, update, candidate, output
GRU_GATES = ("u", "r", "c")  # update, reset (relevance), candidate

Parameters = Mapping[str, np.ndarray]
Gradients = dict[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function `1 / (1 + exp(-x))`, without overflow.

    Args:
        x: number or array.

    Returns:
        The same shape, from 0 to 1.

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 2.0])).round(4)
        array([0.    , 0.5   , 0.8808])

    Reference:
        - Course 5, week 1, `rnn_utils`.
    """
    small = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1, small) / (1 + small)


def softmax(x: np.ndarray) -> np.ndarray:
    """Turns scores into probabilities along the first axis.

    Args:
        x: scores `(n,)` or `(n, m)`, or with more axes.

    Returns:
        The same shape; sums over the first axis are 1.

    Example:
        >>> softmax(np.array([[0.0, 1000.0], [0.0, 0.0]]))
        array([[0.5, 1. ],
               [0.5, 0. ]])

    Reference:
        - Course 5, week 1, `rnn_utils`.
    """
    powers = np.exp(x - np.max(x, axis=0))
    return powers / powers.sum(axis=0)


# The basic RNN


def rnn_cell_forward(
    xt: np.ndarray, a_prev: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Takes one step of a basic RNN.

    `a_next = tanh(Wax xt + Waa a_prev + ba)`, `yt_pred = softmax(Wya a_next + by)`.

    Args:
        xt: inputs `(n_x, m)`.
        a_prev: hidden state `(n_a, m)`.
        parameters: `Wax (n_a, n_x)`, `Waa (n_a, n_a)`, `Wya (n_y, n_a)`,
            `ba (n_a, 1)`, `by (n_y, 1)`.

    Returns:
        `a_next (n_a, m)`, `yt_pred (n_y, m)` and the cache for `rnn_cell_backward`:
        `(a_next, a_prev, xt, parameters)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {"Wax": np.ones((2, 3)), "Waa": np.zeros((2, 2))}
        >>> parameters |= {"Wya": np.ones((1, 2)), "ba": np.zeros((2, 1))}
        >>> parameters |= {"by": np.zeros((1, 1))}
        >>> xt, a_prev = np.full((3, 1), 0.1), np.zeros((2, 1))
        >>> a_next, yt_pred, cache = rnn_cell_forward(xt, a_prev, parameters)
        >>> a_next.round(4)
        array([[0.2913],
               [0.2913]])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    _check_step(xt, a_prev=a_prev)
    _check_rnn(parameters, len(a_prev), len(xt))
    a_next = np.tanh(
        parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"]
    )
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(
    x: np.ndarray, a0: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Runs a basic RNN over a sequence.

    Args:
        x: inputs `(n_x, m, T_x)`.
        a0: first hidden state `(n_a, m)`.
        parameters: as of `rnn_cell_forward`.

    Returns:
        Hidden states `a (n_a, m, T_x)`, predictions `y_pred (n_y, m, T_x)` and the
        caches for `rnn_backward`: `(list of the steps' caches, x)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.ones((1, 2))}
        >>> parameters |= {"ba": np.zeros((2, 1)), "by": np.zeros((1, 1))}
        >>> a, y_pred, caches = rnn_forward(
        ...     np.ones((2, 1, 3)), np.zeros((2, 1)), parameters
        ... )
        >>> a[0, 0].round(4)
        array([0.7616, 0.9427, 0.9597])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    steps = _check_sequence(x, a0)
    _check_rnn(parameters, len(a0), len(x))
    Waa = parameters["Waa"]
    inputs = parameters["Wax"] @ steps + parameters["ba"]  # (T_x, n_a, m)
    a, caches = a0, []
    for xt, z in zip(steps, inputs, strict=True):
        a_next = np.tanh(z + Waa @ a)
        caches.append((a_next, a, xt, parameters))
        a = a_next
    states = _stacked(caches, 0)
    y_pred = _predictions(parameters["Wya"], states, parameters["by"])
    return _steps_last(states), y_pred, (caches, x)


def rnn_cell_backward(da_next: np.ndarray, cache: tuple) -> Gradients:
    """Takes the gradient back through one step of a basic RNN.

    Args:
        da_next: gradient with respect to `a_next`, `(n_a, m)`.
        cache: what `rnn_cell_forward` returned last.

    Returns:
        `dxt`, `da_prev`, `dWax`, `dWaa`, `dba`, in the shapes of what they are the
        gradients of; summed over the batch.

    Raises:
        ValueError: `da_next` has not the shape of `a_next`.

    Example:
        >>> parameters = {"Wax": np.ones((2, 3)), "Waa": np.zeros((2, 2))}
        >>> cache = (np.zeros((2, 1)), np.zeros((2, 1)), np.ones((3, 1)), parameters)
        >>> rnn_cell_backward(np.ones((2, 1)), cache)["dxt"].ravel()
        array([2., 2., 2.])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    a_next, a_prev, xt, parameters = cache
    _check_gradient("da_next", da_next, a_next)
    dz = da_next * (1 - a_next**2)
    return {
        "dxt": parameters["Wax"].T @ dz,
        "da_prev": parameters["Waa"].T @ dz,
        "dWax": dz @ xt.T,
        "dWaa": dz @ a_prev.T,
        "dba": dz.sum(axis=1, keepdims=True),
    }


def rnn_backward(da: np.ndarray, caches: tuple) -> Gradients:
    """Takes the gradient back through a basic RNN and a whole sequence.

    Args:
        da: gradient with respect to the hidden states `(n_a, m, T_x)`. With fewer steps
            than the forward pass had, the sequence ends there, as in the course's test.
        caches: what `rnn_forward` returned last.

    Returns:
        `dx (n_x, m, T_x)`, `da0 (n_a, m)`, `dWax`, `dWaa` and `dba`.

    Raises:
        ValueError: `da` does not fit to the caches.

    Example:
        >>> parameters = {"Wax": np.eye(2), "Waa": np.eye(2), "Wya": np.ones((1, 2))}
        >>> parameters |= {"ba": np.zeros((2, 1)), "by": np.zeros((1, 1))}
        >>> a, _, caches = rnn_forward(
        ...     np.ones((2, 1, 3)), np.zeros((2, 1)), parameters
        ... )
        >>> rnn_backward(np.ones(a.shape), caches)["dx"][0, 0].round(4)
        array([0.4704, 0.1201, 0.0789])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    steps = _check_gradients(da, caches)
    a_next, a_prev, xt = (_stacked(steps, index) for index in range(3))
    parameters = steps[0][-1]
    Waa_T = parameters["Waa"].T
    slopes = 1 - a_next**2
    dz = np.empty_like(slopes)  # (T_x, n_a, m)
    da_prev = 0
    for t in reversed(range(len(steps))):
        dz[t] = (da[:, :, t] + da_prev) * slopes[t]
        da_prev = Waa_T @ dz[t]
    return {
        "dx": _steps_last(parameters["Wax"].T @ dz),
        "da0": da_prev,
        "dWax": _summed_products(dz, xt),
        "dWaa": _summed_products(dz, a_prev),
        "dba": dz.sum(axis=(0, 2))[:, None],
    }


# LSTM


def lstm_cell_forward(
    xt: np.ndarray, a_prev: np.ndarray, c_prev: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple]:
    """Takes one step of an LSTM.

    With `concat = [a_prev, xt]`: the gates `ft, it, ot = sigmoid(W concat + b)` and the
    candidate `cct = tanh(Wc concat + bc)` give `c_next = ft * c_prev + it * cct`,
    `a_next = ot * tanh(c_next)` and `yt_pred = softmax(Wy a_next + by)`.

    Args:
        xt: inputs `(n_x, m)`.
        a_prev: hidden state `(n_a, m)`.
        c_prev: memory `(n_a, m)`.
        parameters: `Wf, Wi, Wc, Wo (n_a, n_a + n_x)` of the forget gate, the update
            gate, the candidate and the output gate; `bf, bi, bc, bo (n_a, 1)`;
            `Wy (n_y, n_a)`, `by (n_y, 1)`.

    Returns:
        `a_next (n_a, m)`, `c_next (n_a, m)`, `yt_pred (n_y, m)` and the cache for
        `lstm_cell_backward`: `(a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt,
        parameters)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "fico"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "ficoy"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> xt, a_prev, c_prev = np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1))
        >>> a_next, c_next, yt_pred, cache = lstm_cell_forward(
        ...     xt, a_prev, c_prev, parameters
        ... )
        >>> print(a_next.round(4), c_next.round(4), yt_pred.ravel())
        [[0.6277]] [[1.2878]] [0.5 0.5]

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
        - Hochreiter, Schmidhuber, 1997, "Long short-term memory"; the forget gate:
          Gers, Schmidhuber, Cummins, 2000, "Learning to forget".
    """
    _check_step(xt, a_prev=a_prev, c_prev=c_prev)
    _check_gates(LSTM_GATES, parameters, len(a_prev), len(xt))
    W, b = _joined(LSTM_GATES, parameters)
    z = W @ np.concatenate([a_prev, xt]) + b
    ft, it, cct, ot = _gates(LSTM_GATES, z)
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_forward(
    x: np.ndarray, a0: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple]:
    """Runs an LSTM over a sequence; the memory begins with zeros.

    Args:
        x: inputs `(n_x, m, T_x)`.
        a0: first hidden state `(n_a, m)`.
        parameters: as of `lstm_cell_forward`.

    Returns:
        Hidden states `a (n_a, m, T_x)`, predictions `y (n_y, m, T_x)`, memories
        `c (n_a, m, T_x)`, in this order, and the caches for `lstm_backward`:
        `(list of the steps' caches, x)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "fico"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "ficoy"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> a, y, c, caches = lstm_forward(
        ...     np.ones((1, 1, 3)), np.zeros((1, 1)), parameters
        ... )
        >>> c[0, 0].round(4)
        array([0.5568, 1.1444, 1.7395])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    steps = _check_sequence(x, a0)
    _check_gates(LSTM_GATES, parameters, len(a0), len(x))
    W, b = _joined(LSTM_GATES, parameters)
    Wa, Wx = W[:, : len(a0)], W[:, len(a0) :]
    inputs = Wx @ steps + b  # (T_x, 4 * n_a, m)
    a, c, caches = a0, np.zeros(a0.shape, inputs.dtype), []
    for xt, z in zip(steps, inputs, strict=True):
        ft, it, cct, ot = _gates(LSTM_GATES, z + Wa @ a)
        c_next = ft * c + it * cct
        a_next = ot * np.tanh(c_next)
        caches.append((a_next, c_next, a, c, ft, it, cct, ot, xt, parameters))
        a, c = a_next, c_next
    states = _stacked(caches, 0)
    y = _predictions(parameters["Wy"], states, parameters["by"])
    return _steps_last(states), y, _steps_last(_stacked(caches, 1)), (caches, x)


def lstm_cell_backward(
    da_next: np.ndarray, dc_next: np.ndarray, cache: tuple
) -> Gradients:
    """Takes the gradient back through one step of an LSTM.

    Args:
        da_next: gradient with respect to `a_next`, `(n_a, m)`.
        dc_next: gradient with respect to `c_next`, `(n_a, m)`, without what goes
            through `a_next`.
        cache: what `lstm_cell_forward` returned last.

    Returns:
        `dxt`, `da_prev`, `dc_prev`, and `dWf, dbf, dWi, dbi, dWc, dbc, dWo, dbo`, in
        the shapes of what they are the gradients of; summed over the batch.

    Raises:
        ValueError: a gradient has not the shape of what it belongs to.

    Example:
        >>> zeros, ones = np.zeros((1, 1)), np.ones((1, 1))
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "fico"}
        >>> cache = (zeros, zeros, zeros, ones, ones / 2, ones / 2, zeros, ones / 2)
        >>> gradients = lstm_cell_backward(ones, zeros, (*cache, ones, parameters))
        >>> print(gradients["dc_prev"], gradients["dWf"])
        [[0.25]] [[0.    0.125]]

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    _check_gradient("da_next", da_next, a_next)
    _check_gradient("dc_next", dc_next, c_next)
    tanh = np.tanh(c_next)
    dc = dc_next + da_next * ot * (1 - tanh**2)
    dz = np.concatenate(
        [
            dc * c_prev * ft * (1 - ft),
            dc * cct * it * (1 - it),
            dc * it * (1 - cct**2),
            da_next * tanh * ot * (1 - ot),
        ]
    )
    W, _ = _joined(LSTM_GATES, parameters, biases=False)
    dconcat = W.T @ dz
    n_a = len(a_prev)
    return {
        "dxt": dconcat[n_a:],
        "da_prev": dconcat[:n_a],
        "dc_prev": dc * ft,
        **_parted(LSTM_GATES, dz @ np.concatenate([a_prev, xt]).T, dz.sum(axis=1)),
    }


def lstm_backward(da: np.ndarray, caches: tuple) -> Gradients:
    """Takes the gradient back through an LSTM and a whole sequence.

    The gradient of the memory is carried from step to step, too. The course's notebook
    of 2018 left that out, and so printed other numbers.

    Args:
        da: gradient with respect to the hidden states `(n_a, m, T_x)`. With fewer steps
            than the forward pass had, the sequence ends there, as in the course's test.
        caches: what `lstm_forward` returned last.

    Returns:
        `dx (n_x, m, T_x)`, `da0 (n_a, m)`, and `dWf, dbf, dWi, dbi, dWc, dbc, dWo,
        dbo`.

    Raises:
        ValueError: `da` does not fit to the caches.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "fico"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "ficoy"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> a, y, c, caches = lstm_forward(
        ...     np.ones((1, 1, 3)), np.zeros((1, 1)), parameters
        ... )
        >>> lstm_backward(np.ones(a.shape), caches)["dx"][0, 0].round(4)
        array([0.6008, 0.316 , 0.1655])

    Reference:
        - Course 5, week 1, "Building your recurrent neural network".
    """
    steps = _check_gradients(da, caches)
    stacked = (_stacked(steps, index) for index in range(1, 9))
    c_next, a_prev, c_prev, ft, it, cct, ot, xt = stacked  # (T_x, n_a, m)
    W, _ = _joined(LSTM_GATES, steps[0][-1], biases=False)
    n_a = da.shape[0]
    Wa_T, Wx_T = W[:, :n_a].T, W[:, n_a:].T
    tanh = np.tanh(c_next)
    through_a = ot * (1 - tanh**2)
    # What dc is multiplied with in f, i and c, and da in o.
    slopes = np.concatenate(
        [
            c_prev * ft * (1 - ft),
            cct * it * (1 - it),
            it * (1 - cct**2),
            tanh * ot * (1 - ot),
        ],
        axis=1,
    )
    slopes = slopes.reshape(len(steps), 4, n_a, -1)  # (T_x, 4, n_a, m)
    dz = np.empty_like(slopes)
    da_prev = dc_prev = 0
    for t in reversed(range(len(steps))):
        da_next = da[:, :, t] + da_prev
        dc = dc_prev + da_next * through_a[t]
        np.multiply(slopes[t, :3], dc, out=dz[t, :3])
        np.multiply(slopes[t, 3], da_next, out=dz[t, 3])
        da_prev = Wa_T @ dz[t].reshape(4 * n_a, -1)
        dc_prev = dc * ft[t]
    dz = dz.reshape(len(steps), 4 * n_a, -1)
    dW = _summed_products(dz, np.concatenate([a_prev, xt], axis=1))
    return {
        "dx": _steps_last(Wx_T @ dz),
        "da0": da_prev,
        **_parted(LSTM_GATES, dW, dz.sum(axis=(0, 2))),
    }


# GRU


def gru_cell_forward(
    xt: np.ndarray, a_prev: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Takes one step of a gated recurrent unit.

    The gates `ut, rt = sigmoid(W [a_prev, xt] + b)` and the candidate
    `cct = tanh(Wc [rt * a_prev, xt] + bc)` give
    `a_next = ut * cct + (1 - ut) * a_prev` and `yt_pred = softmax(Wy a_next + by)`.
    (Keras' update gate is `1 - ut`, its weights are `-Wu` and `-bu`; with
    `reset_after=False` the rest is the same.)

    Args:
        xt: inputs `(n_x, m)`.
        a_prev: hidden state `(n_a, m)`, which is the memory.
        parameters: `Wu, Wr, Wc (n_a, n_a + n_x)` of the update gate, the relevance
            gate and the candidate; `bu, br, bc (n_a, 1)`; `Wy (n_y, n_a)`,
            `by (n_y, 1)`.

    Returns:
        `a_next (n_a, m)`, `yt_pred (n_y, m)` and the cache for `gru_cell_backward`:
        `(a_next, a_prev, ut, rt, cct, xt, parameters)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "urc"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "urc"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> a_next, yt_pred, cache = gru_cell_forward(
        ...     np.ones((1, 1)), np.zeros((1, 1)), parameters
        ... )
        >>> print(a_next.round(4), yt_pred.ravel())
        [[0.5568]] [0.5 0.5]

    Reference:
        - Course 5, week 1, lecture "Gated recurrent unit".
        - Cho et al., 2014, "Learning phrase representations using RNN encoder-decoder".
    """
    _check_step(xt, a_prev=a_prev)
    _check_gates(GRU_GATES, parameters, len(a_prev), len(xt))
    W, b = _joined(GRU_GATES[:2], parameters)
    ut, rt = _gates(GRU_GATES[:2], W @ np.concatenate([a_prev, xt]) + b)
    relevant = np.concatenate([rt * a_prev, xt])
    cct = np.tanh(parameters["Wc"] @ relevant + parameters["bc"])
    a_next = ut * cct + (1 - ut) * a_prev
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, ut, rt, cct, xt, parameters)


def gru_forward(
    x: np.ndarray, a0: np.ndarray, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Runs a gated recurrent unit over a sequence.

    Args:
        x: inputs `(n_x, m, T_x)`.
        a0: first hidden state `(n_a, m)`.
        parameters: as of `gru_cell_forward`.

    Returns:
        Hidden states `a (n_a, m, T_x)`, predictions `y (n_y, m, T_x)` and the caches
        for `gru_backward`: `(list of the steps' caches, x)`.

    Raises:
        ValueError: shapes do not belong together, or a parameter is missing.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "urc"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "urc"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> a, y, caches = gru_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), parameters)
        >>> a[0, 0].round(4)
        array([0.5568, 0.8383, 0.9245])

    Reference:
        - Course 5, week 1, lecture "Gated recurrent unit".
    """
    steps = _check_sequence(x, a0)
    _check_gates(GRU_GATES, parameters, len(a0), len(x))
    n_a = len(a0)
    W, b = _joined(GRU_GATES, parameters)
    W_gates, W_candidate = W[: 2 * n_a, :n_a], W[2 * n_a :, :n_a]
    inputs = W[:, n_a:] @ steps + b  # (T_x, 3 * n_a, m)
    a, caches = a0, []
    for xt, z in zip(steps, inputs, strict=True):
        ut, rt = _gates(GRU_GATES[:2], z[: 2 * n_a] + W_gates @ a)
        cct = np.tanh(z[2 * n_a :] + W_candidate @ (rt * a))
        a_next = ut * cct + (1 - ut) * a
        caches.append((a_next, a, ut, rt, cct, xt, parameters))
        a = a_next
    states = _stacked(caches, 0)
    y = _predictions(parameters["Wy"], states, parameters["by"])
    return _steps_last(states), y, (caches, x)


def gru_cell_backward(da_next: np.ndarray, cache: tuple) -> Gradients:
    """Takes the gradient back through one step of a gated recurrent unit.

    Args:
        da_next: gradient with respect to `a_next`, `(n_a, m)`.
        cache: what `gru_cell_forward` returned last.

    Returns:
        `dxt`, `da_prev`, and `dWu, dbu, dWr, dbr, dWc, dbc`, in the shapes of what they
        are the gradients of; summed over the batch.

    Raises:
        ValueError: `da_next` has not the shape of `a_next`.

    Example:
        >>> zeros, ones = np.zeros((1, 1)), np.ones((1, 1))
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "urc"}
        >>> cache = (zeros, zeros, ones / 2, ones / 2, zeros, ones, parameters)
        >>> print(gru_cell_backward(ones, cache)["da_prev"])
        [[0.75]]

    Reference:
        - Course 5, week 1, lecture "Gated recurrent unit".
    """
    a_next = cache[0]
    _check_gradient("da_next", da_next, a_next)
    gradients = gru_backward(da_next[:, :, None], ([cache], None))
    dxt = gradients.pop("dx")[:, :, 0]
    return {"dxt": dxt, "da_prev": gradients.pop("da0"), **gradients}


def gru_backward(da: np.ndarray, caches: tuple) -> Gradients:
    """Takes the gradient back through a gated recurrent unit and a whole sequence.

    Args:
        da: gradient with respect to the hidden states `(n_a, m, T_x)`. With fewer steps
            than the forward pass had, the sequence ends there.
        caches: what `gru_forward` returned last.

    Returns:
        `dx (n_x, m, T_x)`, `da0 (n_a, m)`, and `dWu, dbu, dWr, dbr, dWc, dbc`.

    Raises:
        ValueError: `da` does not fit to the caches.

    Example:
        >>> parameters = {f"W{gate}": np.ones((1, 2)) for gate in "urc"}
        >>> parameters |= {f"b{gate}": np.zeros((1, 1)) for gate in "urc"}
        >>> parameters |= {"Wy": np.ones((2, 1)), "by": np.zeros((2, 1))}
        >>> a, y, caches = gru_forward(np.ones((1, 1, 3)), np.zeros((1, 1)), parameters)
        >>> gru_backward(np.ones(a.shape), caches)["dx"][0, 0].round(4)
        array([0.6669, 0.2775, 0.1253])

    Reference:
        - Course 5, week 1, lecture "Gated recurrent unit".
    """
    steps = _check_gradients(da, caches)
    stacked = (_stacked(steps, index) for index in range(1, 6))
    a_prev, ut, rt, cct, xt = stacked  # (T_x, n_a, m)
    n_a = da.shape[0]
    W, _ = _joined(GRU_GATES, steps[0][-1], biases=False)
    gates_T, candidate_T = W[: 2 * n_a, :n_a].T, W[2 * n_a :, :n_a].T
    update_slopes = (cct - a_prev) * ut * (1 - ut)
    candidate_slopes = ut * (1 - cct**2)
    relevance_slopes = a_prev * rt * (1 - rt)
    dz = np.empty((len(steps), 3 * n_a, da.shape[1]), W.dtype)
    da_prev = 0
    for t in reversed(range(len(steps))):
        update, relevance, candidate = dz[t].reshape(3, n_a, -1)
        da_next = da[:, :, t] + da_prev
        candidate[:] = da_next * candidate_slopes[t]
        drelevant = candidate_T @ candidate  # of rt * a_prev
        update[:] = da_next * update_slopes[t]
        relevance[:] = drelevant * relevance_slopes[t]
        da_prev = da_next * (1 - ut[t]) + drelevant * rt[t] + gates_T @ dz[t, : 2 * n_a]
    d_gates, d_candidate = dz[:, : 2 * n_a], dz[:, 2 * n_a :]
    dW_gates = _summed_products(d_gates, np.concatenate([a_prev, xt], axis=1))
    relevant = np.concatenate([rt * a_prev, xt], axis=1)
    dW = np.concatenate([dW_gates, _summed_products(d_candidate, relevant)])
    return {
        "dx": _steps_last(W[:, n_a:].T @ dz),
        "da0": da_prev,
        **_parted(GRU_GATES, dW, dz.sum(axis=(0, 2))),
    }


# What the cells share


def _joined(gates, parameters, *, biases=True):
    """The gates' weights below each other: one matrix product instead of several."""
    W = np.concatenate([parameters[f"W{gate}"] for gate in gates])
    b = np.concatenate([parameters[f"b{gate}"] for gate in gates]) if biases else None
    return W, b


def _gates(gates: Sequence[str], z):
    """Activations of the gates whose sums lie below each other in `z`."""
    parts = np.split(z, len(gates))
    return [
        np.tanh(part) if gate == "c" else sigmoid(part)
        for gate, part in zip(gates, parts, strict=True)
    ]


def _parted(gates, dW, db):
    """The gradients of `_joined` weights, by the course's names."""
    gradients = {}
    parts = zip(gates, np.split(dW, len(gates)), np.split(db, len(gates)), strict=True)
    for gate, dW_gate, db_gate in parts:
        gradients |= {f"dW{gate}": dW_gate, f"db{gate}": db_gate[:, None]}
    return gradients


def _stacked(caches, index):
    return np.stack([cache[index] for cache in caches])  # (T_x, ..., m)


def _steps_last(array):
    return array.transpose(1, 2, 0).copy()  # (..., m, T_x)


def _summed_products(d, inputs):
    """Sum over the steps of `d[t] @ inputs[t].T`, as one matrix product."""
    d, inputs = (array.transpose(1, 0, 2) for array in (d, inputs))
    return d.reshape(len(d), -1) @ inputs.reshape(len(inputs), -1).T


def _predictions(W, states, b):
    scores = W @ states + b  # (T_x, n_y, m)
    return softmax(scores.transpose(1, 2, 0))


# Checks at the door


def _check_step(xt, **states):
    shape = np.shape(xt)
    for name, state in states.items():
        if len(shape) != 2 or np.ndim(state) != 2 or np.shape(state)[1] != shape[1]:
            raise ValueError(
                f"`xt` must be (n_x, m) and `{name}` (n_a, m), for one batch. "
                f"Received: xt.shape={shape}, {name}.shape={np.shape(state)}."
            )
    if len({np.shape(state) for state in states.values()}) > 1:
        shapes = ", ".join(f"{name}.shape={np.shape(s)}" for name, s in states.items())
        raise ValueError(f"The states must have one shape. Received: {shapes}.")


def _check_sequence(x, a0):
    """Returns the inputs with the steps first, `(T_x, n_x, m)`."""
    if np.ndim(x) != 3 or np.ndim(a0) != 2 or np.shape(x)[1] != np.shape(a0)[1]:
        raise ValueError(
            "`x` must be (n_x, m, T_x) and `a0` (n_a, m), for one batch. Received: "
            f"x.shape={np.shape(x)}, a0.shape={np.shape(a0)}."
        )
    if np.shape(x)[2] == 0:
        raise ValueError(f"`x` must have a step or more. Received: x.shape={x.shape}.")
    return np.ascontiguousarray(np.moveaxis(x, 2, 0))


def _check_rnn(parameters, n_a, n_x):
    shapes = {"Wax": (n_a, n_x), "Waa": (n_a, n_a), "ba": (n_a, 1)}
    _check_parameters(parameters, shapes, "Wya", n_a, n_x)


def _check_gates(gates, parameters, n_a, n_x):
    shapes = {}
    for gate in gates:
        shapes |= {f"W{gate}": (n_a, n_a + n_x), f"b{gate}": (n_a, 1)}
    _check_parameters(parameters, shapes, "Wy", n_a, n_x)


def _check_parameters(parameters, shapes, output, n_a, n_x):
    missing = [name for name in (*shapes, output, "by") if name not in parameters]
    if missing:
        raise ValueError(
            f"`parameters` must have {', '.join((*shapes, output, 'by'))}. Missing: "
            f"{', '.join(missing)}."
        )
    n_y = len(parameters["by"])
    shapes |= {output: (n_y, n_a), "by": (n_y, 1)}
    for name, shape in shapes.items():
        if np.shape(parameters[name]) != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape} for n_a={n_a} and n_x={n_x}. "
                f"Received: {name}.shape={np.shape(parameters[name])}."
            )


def _check_gradient(name, gradient, of):
    if np.shape(gradient) != of.shape:
        raise ValueError(
            f"`{name}` must have the shape of what it is the gradient of, {of.shape}. "
            f"Received: {name}.shape={np.shape(gradient)}."
        )


def _check_gradients(da, caches):
    """Returns the caches of the steps that `da` has."""
    steps, _ = caches
    n_a, m = steps[0][0].shape
    shape = np.shape(da)
    if len(shape) != 3 or shape[:2] != (n_a, m) or not 0 < shape[2] <= len(steps):
        raise ValueError(
            f"`da` must have the shape of the hidden states, {(n_a, m, len(steps))}; "
            f"fewer steps are allowed. Received: da.shape={shape}."
        )
    return steps[: shape[2]]
