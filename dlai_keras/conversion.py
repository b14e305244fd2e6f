"""From a classifier of one size to one that slides over pictures of any size."""

import math

import keras
import numpy as np
from keras import layers

# Layers that treat every place of a map alike, or only its neighbourhood.
_LOCAL = (
    layers.Activation,
    layers.Add,
    layers.AveragePooling2D,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.Dropout,
    layers.LeakyReLU,
    layers.MaxPooling2D,
    layers.PReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.SeparableConv2D,
    layers.Softmax,
    layers.ZeroPadding2D,
)


def to_convolutional(model: keras.Model, *, name: str | None = None) -> keras.Model:
    """The same network without dense layers, for pictures of any size.

    A dense layer on flattened maps of `h x w` becomes a convolution with a kernel of
    `h x w` without padding, every further one a convolution of `1 x 1`, global pooling
    becomes pooling with a window of `h x w` and strides of 1. All weights are copied.
    On a picture of the old size the outputs are those of the model, as maps of
    `1 x 1`. On a larger picture the output at (row, column) is what the model says of
    the window whose upper left corner is at `stride * (row, column)`, where `stride` is
    the product of the strides: one pass instead of one for each window. Where layers
    pad, the borders of the windows are seen differently, and the two differ a little.

    Args:
        model: functional or sequential, from one picture of a known size to one
            output (several for GoogLeNet's sides).
        name: of the new model; that of the old one with `_convolutional`.

    Returns:
        Uncompiled model: images `(batch, any height, any width, channels)` to
        `(batch, rows, columns, units)`.

    Raises:
        ValueError: the model has no such picture, or a layer that cannot slide.

    Example:
        >>> inputs = keras.Input((14, 14, 3))
        >>> x = layers.Conv2D(4, 5)(inputs)
        >>> x = layers.MaxPooling2D()(x)
        >>> x = layers.Flatten()(x)
        >>> model = keras.Model(inputs, layers.Dense(2)(x))
        >>> sliding = to_convolutional(model)
        >>> tuple(sliding(np.zeros((1, 16, 16, 3))).shape)
        (1, 2, 2, 2)

    Reference:
        - Course 4, week 3, "Convolutional implementation of sliding windows".
        - Sermanet et al., 2014, "OverFeat: integrated recognition, localization and
          detection using convolutional networks".
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 4:
        raise ValueError(
            "`model` must take one batch of images (batch, height, width, channels). "
            f"Received inputs of shape {[tuple(x.shape) for x in graph.inputs]}."
        )
    shape = graph.inputs[0].shape
    if None in shape[1:]:
        raise ValueError(
            "`model` must know its pictures' size, or it slides already. Received an "
            f"input of shape {tuple(shape)}."
        )
    inputs = keras.Input((None, None, shape[-1]), name=graph.inputs[0].name)
    # Where each tensor of the old graph is in the new one, and how large the maps were
    # that a flattened one was made of.
    tensors, flattened = {id(graph.inputs[0]): inputs}, {}
    pairs = []
    for node in nodes(graph):
        if not isinstance(node.operation, layers.InputLayer):
            news = [tensors[id(old)] for old in node.input_tensors]
            result = _convert(node, news, flattened, pairs)
            tensors[id(node.outputs[0])] = result
    outputs = keras.tree.map_structure(
        lambda old: tensors[id(old)], graph._outputs_struct
    )
    new = keras.Model(inputs, outputs, name=name or f"{model.name}_convolutional")
    for layer, weights in pairs:
        layer.set_weights(weights)
    return new


def window_stride(model: keras.Model) -> int:
    """By how many pixels the windows of neighbouring outputs are apart.

    Args:
        model: as `to_convolutional` takes it, or returns it.

    Returns:
        The product of the strides of its layers, along its longest path.

    Example:
        >>> inputs = keras.Input((14, 14, 3))
        >>> x = layers.MaxPooling2D()(layers.Conv2D(4, 5, strides=2)(inputs))
        >>> window_stride(keras.Model(inputs, x))
        4
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    strides = {id(tensor): 1 for tensor in graph.inputs}
    for node in nodes(graph):
        if isinstance(node.operation, layers.InputLayer):
            continue
        before = max(strides[id(old)] for old in node.input_tensors)
        own = getattr(node.operation, "strides", 1)
        own = own if isinstance(own, int) else own[0]
        strides[id(node.outputs[0])] = before * own
    return max(strides[id(output)] for output in graph.outputs)


def nodes(model: keras.Model) -> list:
    """The calls of layers that a functional model is made of, inputs first.

    A layer that is used twice has two. Each has `operation`, `input_tensors` and
    `outputs`.
    """
    by_depth = model._nodes_by_depth
    return [
        node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]
    ]


def _convert(node, news, flattened, pairs):
    """The new tensor of a call; `flattened` and `pairs` grow."""
    operation, old, x = node.operation, node.input_tensors[0], news[0]
    if isinstance(operation, layers.Flatten) or (
        isinstance(operation, layers.Reshape) and math.prod(old.shape[1:-1]) == 1
    ):
        flattened[id(node.outputs[0])] = old.shape[1:]
        return x
    if isinstance(operation, layers.Dense):
        size = flattened.get(id(old), (1, 1, old.shape[-1]))
        return _dense(operation, x, size, pairs)
    if isinstance(operation, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D):
        kind = (
            layers.AveragePooling2D
            if isinstance(operation, layers.GlobalAveragePooling2D)
            else layers.MaxPooling2D
        )
        return kind(old.shape[1:3], strides=1, name=operation.name)(x)
    is_local = getattr(operation, "is_local", isinstance(operation, _LOCAL))
    if not is_local:
        raise ValueError(
            f"{type(operation).__name__} `{operation.name}` cannot slide over a larger "
            "picture. Expected convolutions, pooling, Flatten, Dense, normalisation, "
            "activations, Add and Concatenate."
        )
    if id(old) in flattened:
        if isinstance(operation, layers.BatchNormalization):
            raise ValueError(
                f"`{operation.name}` normalises flattened maps, each place by itself. "
                "Put it before Flatten, or after a dense layer."
            )
        flattened[id(node.outputs[0])] = flattened[id(old)]
    copy = type(operation).from_config(operation.get_config())
    result = copy(news if len(news) > 1 else x)
    if operation.weights:
        pairs.append((copy, operation.get_weights()))
    return result


def _dense(dense, x, size, pairs):
    height, width, channels = size
    convolution = layers.Conv2D(
        dense.units,
        (height, width),
        activation=dense.activation,
        use_bias=dense.use_bias,
        name=dense.name,
    )
    kernel, *bias = dense.get_weights()
    # Flatten goes through rows, columns, channels: the order of a kernel.
    kernel = np.reshape(kernel, (height, width, channels, dense.units))
    pairs.append((convolution, [kernel, *bias]))
    return convolution(x)


def windows(image: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Every window of a picture, one by one: what sliding saves.

    Args:
        image: `(height, width, channels)`.
        size: height and width of the windows.
        stride: pixels between them.

    Returns:
        `(rows, columns, size, size, channels)`, a view.

    Example:
        >>> windows(np.zeros((16, 20, 3)), 14, 2).shape
        (2, 4, 14, 14, 3)
    """
    view = np.lib.stride_tricks.sliding_window_view(image, (size, size), (0, 1))
    return np.moveaxis(view[::stride, ::stride], 2, -1)
