"""What a network costs: activation shapes and sizes, parameters, multiply-adds."""

import math
from collections.abc import Sequence

import keras

from dlai_keras.conversion import nodes


def summary(model: keras.Model) -> list[dict]:
    """The course's table of a network: a row a layer.

    Multiply-adds are those of one picture (or other example): of convolutions, plain,
    grouped, depthwise and separable, and of dense layers, without biases; layers of
    this package that say `multiply_adds()` are asked. All other layers have 0:
    pooling, normalisation and activations add, compare and scale, but little. A layer
    that is used several times counts as often, its parameters once.

    Args:
        model: built functional or sequential model, nested ones too. A size that is
            not known makes sizes and multiply-adds of its layers None.

    Returns:
        Rows with `layer` (name), `kind` (class), `activation_shape` (without batch),
        `activation_size`, `parameters` (trainable and not) and `multiply_adds`.

    Raises:
        ValueError: the model is not built.

    Example:
        >>> inputs = keras.Input((32, 32, 3))
        >>> x = keras.layers.Conv2D(8, 5, name="conv")(inputs)
        >>> rows = summary(keras.Model(inputs, x))
        >>> rows[1]["activation_shape"], rows[1]["activation_size"]
        ((28, 28, 8), 6272)
        >>> rows[1]["parameters"], rows[1]["multiply_adds"]
        (608, 470400)

    Reference:
        - Course 4, week 1, "CNN example" (the table); week 2, "Network in network" and
          "MobileNet" (multiplications).
    """
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "`model` must be a built Keras model: call it once, or give it an Input. "
            f"Received: {getattr(model, 'name', model)}."
        )
    rows, seen = [], set()
    _collect(_functional(model), rows, seen, "")
    return rows


def totals(rows: Sequence[dict]) -> dict:
    """Parameters and multiply-adds of all rows of a `summary`.

    Returns:
        `parameters` and `multiply_adds`, the latter None where a row does not know.

    Example:
        >>> totals([{"parameters": 3, "multiply_adds": 5}] * 2)
        {'parameters': 6, 'multiply_adds': 10}
    """
    costs = [row["multiply_adds"] for row in rows]
    return {
        "parameters": sum(row["parameters"] for row in rows),
        "multiply_adds": None if None in costs else sum(costs),
    }


def _functional(model):
    """A sequential model's own graph."""
    return model._functional if isinstance(model, keras.Sequential) else model


def _collect(model, rows, seen, prefix):
    for node in nodes(model):
        operation = node.operation
        name = f"{prefix}{operation.name}"
        if isinstance(operation, keras.Model):
            _collect(_functional(operation), rows, seen, f"{name}/")
            continue
        shape = tuple(node.outputs[0].shape[1:])
        known = all(size is not None for size in shape)
        is_layer = isinstance(operation, keras.layers.Layer)
        is_new = id(operation) not in seen
        seen.add(id(operation))
        rows.append(
            {
                "layer": name,
                "kind": type(operation).__name__.replace("InputLayer", "Input"),
                "activation_shape": shape,
                "activation_size": math.prod(shape) if known else None,
                "parameters": operation.count_params() if is_layer and is_new else 0,
                "multiply_adds": _multiply_adds(operation, shape, known),
            }
        )


def _multiply_adds(layer, shape, known):
    kinds = keras.layers
    weighted = (
        kinds.Dense,
        kinds.Conv1D,
        kinds.Conv2D,
        kinds.Conv3D,
        kinds.DepthwiseConv1D,
        kinds.DepthwiseConv2D,
        kinds.SeparableConv1D,
        kinds.SeparableConv2D,
    )
    asked = getattr(layer, "multiply_adds", None)
    if asked is None and not isinstance(layer, weighted):
        return 0
    if not known:
        return None
    if asked is not None:
        return asked()
    if isinstance(layer, kinds.Dense):
        return math.prod(shape) * layer.kernel.shape[0]
    places = math.prod(shape[:-1])  # of a kernel
    if isinstance(layer, kinds.SeparableConv1D | kinds.SeparableConv2D):
        both = (layer.depthwise_kernel, layer.pointwise_kernel)
        return places * sum(math.prod(kernel.shape) for kernel in both)
    # A grouped kernel is as deep as its group: nothing else to divide by.
    return places * math.prod(layer.kernel.shape)
