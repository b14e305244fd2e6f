"""Convolution and pooling by hand, forward and backward, without loops over pixels.

Names, signatures and caches are the course's, so its checks run against them. A layer
costs a few large matrix products: every window of the input becomes a row of a matrix
(`im2col`), and the way back adds the windows up again, one position in the window
after the other.
"""

import operator
from collections.abc import Iterator, Mapping

import numpy as np

MAX_COLUMNS = 2**24  # numbers in one matrix of windows; larger batches go in parts


def zero_pad(X: np.ndarray, pad: int) -> np.ndarray:
    """Puts `pad` rows and columns of zeros around every picture.

    Args:
        X: pictures `(m, n_H, n_W, n_C)`.
        pad: how many on each of the four sides.

    Returns:
        An array `(m, n_H + 2 * pad, n_W + 2 * pad, n_C)`.

    Raises:
        ValueError: `X` has not four axes, or `pad` is no whole number of 0 or more.

    Example:
        >>> zero_pad(np.ones((1, 1, 2, 1)), 1)[0, :, :, 0]
        array([[0., 0., 0., 0.],
               [0., 1., 1., 0.],
               [0., 0., 0., 0.]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    X = _check_pictures("X", X)
    pad = _whole("pad", pad, least=0)
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_single_step(a_slice_prev: np.ndarray, W: np.ndarray, b: np.ndarray) -> float:
    """Applies one filter to one window: `sum(a_slice_prev * W) + b`.

    The bias is added once. The course's notebook of 2017 added it to every product, and
    so printed other numbers.

    Args:
        a_slice_prev: window `(f, f, n_C_prev)`.
        W: filter of the same shape.
        b: its bias, one number in an array of any shape.

    Returns:
        A number.

    Raises:
        ValueError: window and filter differ in shape, or `b` is not one number.

    Example:
        >>> print(conv_single_step(np.ones((2, 2, 3)), np.ones((2, 2, 3)), 0.5))
        12.5

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    window, W, b = np.asarray(a_slice_prev), np.asarray(W), np.asarray(b)
    if window.shape != W.shape:
        raise ValueError(
            "`a_slice_prev` and `W` must have one shape. Received: "
            f"a_slice_prev.shape={window.shape}, W.shape={W.shape}."
        )
    if b.size != 1:
        raise ValueError(
            f"`b` must be one number. Received: b.shape={b.shape}, beside "
            f"W.shape={W.shape}. Take the bias of this filter only."
        )
    return np.sum(window * W) + b.item()


def conv_forward(
    A_prev: np.ndarray, W: np.ndarray, b: np.ndarray, hparameters: Mapping
) -> tuple[np.ndarray, tuple]:
    """Convolves pictures with filters: the forward pass of a convolutional layer.

    Args:
        A_prev: pictures `(m, n_H_prev, n_W_prev, n_C_prev)`.
        W: filters `(f, f, n_C_prev, n_C)`.
        b: biases `(1, 1, 1, n_C)`.
        hparameters: `"stride"` and `"pad"`.

    Returns:
        `Z (m, n_H, n_W, n_C)` with `n_H = floor((n_H_prev - f + 2 * pad) / stride) + 1`
        and `n_W` alike, and the cache for `conv_backward`:
        `(A_prev, W, b, hparameters)`.

    Raises:
        ValueError: shapes do not belong together, the filter is larger than the padded
            picture, or a hyperparameter is missing or no whole number.

    Example:
        >>> A_prev, W, b = np.ones((1, 3, 3, 2)), np.ones((2, 2, 2, 1)), np.zeros(1)
        >>> Z, cache = conv_forward(A_prev, W, b, {"stride": 1, "pad": 0})
        >>> Z[0, :, :, 0]
        array([[8., 8.],
               [8., 8.]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    cache = (A_prev, W, b, hparameters)
    A_prev, W, b, stride, pad, n_H, n_W = _check_convolution(*cache)
    padded = zero_pad(A_prev, pad)
    filters = W.reshape(-1, W.shape[-1])  # (f * f * n_C_prev, n_C)
    Z = np.empty(
        (len(A_prev), n_H, n_W, W.shape[-1]), np.result_type(A_prev, W, b, np.float16)
    )
    for part in _parts(len(A_prev), n_H * n_W * len(filters)):
        columns = _columns(padded[part], W.shape[:2], stride)
        Z[part] = (columns @ filters).reshape(Z[part].shape)
    Z += b.reshape(-1)
    return Z, cache


def conv_backward(
    dZ: np.ndarray, cache: tuple
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Takes the gradient back through a convolutional layer.

    Args:
        dZ: gradient of the cost with respect to `Z`, in its shape
            `(m, n_H, n_W, n_C)`.
        cache: what `conv_forward` returned second.

    Returns:
        The gradients `dA_prev`, `dW` and `db`, in the shapes of `A_prev`, `W` and `b`;
        summed over the examples, as the course does it.

    Raises:
        ValueError: `dZ` has not the shape of `Z`.

    Example:
        >>> A_prev, W, b = np.ones((1, 3, 3, 2)), np.ones((2, 2, 2, 1)), np.zeros(1)
        >>> Z, cache = conv_forward(A_prev, W, b, {"stride": 1, "pad": 0})
        >>> dA_prev, dW, db = conv_backward(np.ones(Z.shape), cache)
        >>> dA_prev[0, :, :, 0]
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    A_prev, W, b, stride, pad, n_H, n_W = _check_convolution(*cache)
    m, n_C = len(A_prev), W.shape[-1]
    dZ = _check_gradient("dZ", dZ, (m, n_H, n_W, n_C), "Z")
    padded = zero_pad(A_prev, pad)
    dtype = np.result_type(dZ, A_prev, W, np.float16)
    dA_pad = np.zeros(padded.shape, dtype)
    dW = np.zeros((W[..., 0].size, n_C), dtype)
    for part in _parts(m, n_H * n_W * len(dW)):
        flat = dZ[part].reshape(-1, n_C)
        dW += _columns(padded[part], W.shape[:2], stride).T @ flat
        places = _places(dA_pad[part], W.shape[:2], (n_H, n_W), stride)
        for (i, j), place in places:
            place += (flat @ W[i, j].T).reshape(place.shape)
    dA_prev = dA_pad[:, pad : pad + A_prev.shape[1], pad : pad + A_prev.shape[2]]
    return dA_prev, dW.reshape(W.shape), dZ.sum(axis=(0, 1, 2)).reshape(b.shape)


def pool_forward(
    A_prev: np.ndarray, hparameters: Mapping, mode: str = "max"
) -> tuple[np.ndarray, tuple]:
    """Pools every channel: the largest, or the mean, of each window.

    Args:
        A_prev: pictures `(m, n_H_prev, n_W_prev, n_C)`.
        hparameters: `"f"`, the size of the window, and `"stride"`. Pooling does not
            pad: a `"pad"` of the convolution before it may be there and says nothing.
        mode: `"max"` or `"average"`.

    Returns:
        `A (m, n_H, n_W, n_C)` with `n_H = floor((n_H_prev - f) / stride) + 1` and `n_W`
        alike, and the cache for `pool_backward`: `(A_prev, hparameters)`.

    Raises:
        ValueError: the window is larger than the picture, a hyperparameter is missing
            or no whole number, or there is no such mode.

    Example:
        >>> A_prev = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> pool_forward(A_prev, {"f": 2, "stride": 2})[0][0, :, :, 0]
        array([[ 5.,  7.],
               [13., 15.]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    cache = (A_prev, hparameters)
    A_prev, window, stride, size = _check_pooling(*cache, mode)
    places = _places(A_prev, window, size, stride)
    if mode == "max":
        _, first = next(places)
        A = first.copy()
        for _, place in places:
            np.maximum(A, place, out=A)
    else:
        shape = (len(A_prev), *size, A_prev.shape[-1])
        A = np.zeros(shape, np.result_type(A_prev, np.float16))
        for _, place in places:
            A += place
        A /= window[0] * window[1]
    return A, cache


def create_mask_from_window(x: np.ndarray) -> np.ndarray:
    """Says where the largest entry of a window is; where there are several, all.

    Args:
        x: window `(f, f)`.

    Returns:
        A mask of the same shape.

    Example:
        >>> create_mask_from_window(np.array([[1, 3], [4, 2]]))
        array([[False, False],
               [ True, False]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    x = np.asarray(x)
    return x == np.max(x)


def distribute_value(dz: float, shape: tuple[int, int]) -> np.ndarray:
    """Spreads a gradient evenly over a window.

    Args:
        dz: the gradient of the window's mean.
        shape: of the window, `(n_H, n_W)`.

    Returns:
        An array of that shape, whose sum is `dz`.

    Example:
        >>> distribute_value(2, (2, 2))
        array([[0.5, 0.5],
               [0.5, 0.5]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    n_H, n_W = shape
    return np.full((n_H, n_W), dz / (n_H * n_W))


def pool_backward(dA: np.ndarray, cache: tuple, mode: str = "max") -> np.ndarray:
    """Takes the gradient back through a pooling layer.

    Of a window's maxima each gets the whole gradient, as the course's mask has it.
    (Frameworks choose one of them: for entries that are drawn there is no difference.)

    Args:
        dA: gradient of the cost with respect to `A`, in its shape.
        cache: what `pool_forward` returned second.
        mode: `"max"` or `"average"`, as in the forward pass.

    Returns:
        `dA_prev`, in the shape of `A_prev`.

    Raises:
        ValueError: `dA` has not the shape of `A`, or there is no such mode.

    Example:
        >>> A_prev = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> A, cache = pool_forward(A_prev, {"f": 2, "stride": 2})
        >>> pool_backward(np.ones(A.shape), cache)[0, :, :, 0]
        array([[0., 0., 0., 0.],
               [0., 1., 0., 1.],
               [0., 0., 0., 0.],
               [0., 1., 0., 1.]])

    Reference:
        - Course 4, week 1, "Convolutional neural networks: step by step".
    """
    A_prev, window, stride, size = _check_pooling(*cache, mode)
    dA = _check_gradient("dA", dA, (len(A_prev), *size, A_prev.shape[-1]), "A")
    dA_prev = np.zeros(A_prev.shape, np.result_type(dA, A_prev, np.float16))
    targets = _places(dA_prev, window, size, stride)
    if mode == "average":
        share = dA / (window[0] * window[1])
        for _, target in targets:
            target += share
        return dA_prev
    A, _ = pool_forward(*cache)
    sources = _places(A_prev, window, size, stride)
    for (_, target), (_, source) in zip(targets, sources, strict=True):
        target += np.where(source == A, dA, 0)
    return dA_prev


# Windows


def _columns(padded, window, stride):
    """Windows as rows `(m * n_H * n_W, f * f * n_C)`, in the order of `W`'s axes."""
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(1, 2))
    windows = windows[:, ::stride, ::stride]  # (m, n_H, n_W, n_C, f, f)
    num_inputs = window[0] * window[1] * padded.shape[-1]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, num_inputs)


def _places(A, window, size, stride) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """One position in the window after the other: what lies there in every window.

    A view of `A`, `(m, n_H, n_W, n_C)`: what is added to it is added to `A`. Within one
    view no entry is there twice, so that nothing gets lost.
    """
    rows, columns = (number * stride for number in size)
    for i in range(window[0]):
        for j in range(window[1]):
            yield (i, j), A[:, i : i + rows : stride, j : j + columns : stride]


def _parts(num_pictures, numbers_each):
    step = max(1, MAX_COLUMNS // max(1, numbers_each))
    return [slice(begin, begin + step) for begin in range(0, num_pictures, step)]


# Checks at the door


def _check_convolution(A_prev, W, b, hparameters):
    A_prev, W, b = _check_pictures("A_prev", A_prev), np.asarray(W), np.asarray(b)
    if W.ndim != 4 or W.shape[2] != A_prev.shape[3]:
        raise ValueError(
            "`W` must have the shape (f, f, n_C_prev, n_C), with as many channels as "
            f"the pictures. Received: A_prev.shape={A_prev.shape}, W.shape={W.shape}."
        )
    if b.size != W.shape[3]:
        raise ValueError(
            "`b` must hold one bias for each filter, (1, 1, 1, n_C). Received: "
            f"W.shape={W.shape}, b.shape={b.shape}."
        )
    stride = _hyperparameter(hparameters, "stride", least=1)
    pad = _hyperparameter(hparameters, "pad", least=0)
    n_H, n_W = (
        _num_windows(A_prev, axis, W.shape[axis - 1], stride, pad, f"W.shape={W.shape}")
        for axis in (1, 2)
    )
    return A_prev, W, b, stride, pad, n_H, n_W


def _check_pooling(A_prev, hparameters, mode):
    if mode not in ("max", "average"):
        raise ValueError(f"`mode` must be 'max' or 'average'. Received: mode={mode!r}.")
    A_prev = _check_pictures("A_prev", A_prev)
    stride = _hyperparameter(hparameters, "stride", least=1)
    f = _hyperparameter(hparameters, "f", least=1)
    size = tuple(
        _num_windows(A_prev, axis, f, stride, 0, f"a window {(f, f)}")
        for axis in (1, 2)
    )
    return A_prev, (f, f), stride, size


def _check_pictures(name, pictures):
    pictures = np.asarray(pictures)
    if pictures.ndim != 4:
        raise ValueError(
            f"`{name}` must have the shape (m, n_H, n_W, n_C). Received: "
            f"{name}.shape={pictures.shape}. One picture is a batch of 1."
        )
    return pictures


def _check_gradient(name, gradient, shape, output):
    gradient = np.asarray(gradient)
    if gradient.shape != shape:
        raise ValueError(
            f"`{name}` must have the shape of `{output}`, {shape}. Received: "
            f"{name}.shape={gradient.shape}."
        )
    return gradient


def _num_windows(A_prev, axis, f, stride, pad, what):
    room = A_prev.shape[axis] + 2 * pad - f
    if room < 0 or f < 1:
        raise ValueError(
            "The window must fit into the padded picture. Received: "
            f"A_prev.shape={A_prev.shape}, pad={pad}, {what}. Pad more, or take a "
            "smaller window."
        )
    return room // stride + 1


def _hyperparameter(hparameters, name, least):
    if name not in hparameters:
        raise ValueError(
            f'`hparameters` must have "{name}". Received: '
            f"{', '.join(map(repr, hparameters)) or 'nothing'}."
        )
    return _whole(f'hparameters["{name}"]', hparameters[name], least)


def _whole(name, value, least):
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or isinstance(value, bool):
        raise ValueError(
            f"`{name}` must be a whole number, {least} or more. Received: {value!r}."
        )
    return number
