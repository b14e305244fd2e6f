"""The course's own functions, with its names and argument order.

For batches, and inside a model that `fit` trains, there are `layers.GramMatrix`,
`losses.ContentLoss` and `losses.StyleLoss`, which give the same numbers.

Reference:
    - Course 4, week 4, "Deep learning & art: neural style transfer".
"""

from collections.abc import Sequence

from keras import ops

from dlai_keras.style_transfer.losses import content_loss, gram_matrices, style_loss

# Layers of VGG-19 with their weights, as the edition of 2021 has them.
STYLE_LAYERS = (
    ("block1_conv1", 0.2),
    ("block2_conv1", 0.2),
    ("block3_conv1", 0.2),
    ("block4_conv1", 0.2),
    ("block5_conv1", 0.2),
)


def compute_content_cost(content_output, generated_output):
    """`Σ(a_C - a_G)² / (4 n_H n_W n_C)`.

    Args:
        content_output: what the network makes of the content picture: its outputs, the
            content layer the last, `(m, n_H, n_W, n_C)`, as in 2021; or that layer
            alone, the `a_C` of 2017.
        generated_output: the same of the generated picture.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: a content layer is not `(m, n_H, n_W, n_C)`, or the two differ.

    Example:
        >>> content, generated = ops.zeros((1, 2, 2, 3)), 2 * ops.ones((1, 2, 2, 3))
        >>> float(compute_content_cost([content], [generated]))
        1.0

    Reference:
        - Course 4, week 4, exercise 1.
    """
    a_C, a_G = map(_content_layer, (content_output, generated_output))
    return ops.sum(content_loss(a_C, a_G))


def gram_matrix(A):
    """`A Aᵀ`.

    Args:
        A: `(n_C, n_H * n_W)`.

    Returns:
        Tensor `(n_C, n_C)`.

    Example:
        >>> ops.convert_to_numpy(gram_matrix([[1.0, 1.0], [0.0, 2.0]]))
        array([[2., 2.],
               [2., 4.]], dtype=float32)

    Reference:
        - Course 4, week 4, exercise 2.
    """
    A = ops.convert_to_tensor(A, "float32")
    return ops.matmul(A, ops.transpose(A))


def compute_layer_style_cost(a_S, a_G):
    """`Σ(GS - GG)² / (4 n_C² (n_H n_W)²)` of the Gram matrices of one layer.

    Each matrix is divided by the size of its own picture, so that the style may be of
    another size than the generated picture; where both are alike that is the formula.

    Args:
        a_S: the layer's output for the style picture, `(1, n_H, n_W, n_C)`.
        a_G: that for the generated picture.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: the channels differ, or an output is not `(1, n_H, n_W, n_C)`.

    Example:
        >>> style, generated = ops.zeros((1, 2, 2, 3)), 2 * ops.ones((1, 2, 2, 3))
        >>> float(compute_layer_style_cost(style, generated))
        4.0

    Reference:
        - Course 4, week 4, exercise 3.
    """
    a_S, a_G = map(_checked_layer, (a_S, a_G))
    return ops.sum(style_loss(gram_matrices(a_S), gram_matrices(a_G)))


def compute_style_cost(
    style_image_output,
    generated_image_output,
    STYLE_LAYERS: Sequence[tuple[str, float]] = STYLE_LAYERS,
):
    """The weighted sum of `compute_layer_style_cost` over the style layers.

    That of 2017 took the model and a session of TensorFlow 1 instead of outputs.

    Args:
        style_image_output: what the network makes of the style picture: the outputs of
            the style layers in their order, and that of the content layer, which is not
            used.
        generated_image_output: the same of the generated picture.
        STYLE_LAYERS: name and weight of each style layer.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: there is not one output for every style layer and one more.

    Example:
        >>> style = [ops.zeros((1, 2, 2, 3))] * 3
        >>> generated = [2 * ops.ones((1, 2, 2, 3))] * 3
        >>> layers = [("block1_conv1", 0.25), ("block2_conv1", 0.5)]
        >>> float(compute_style_cost(style, generated, layers))
        3.0

    Reference:
        - Course 4, week 4, "Style weights".
    """
    for outputs in (style_image_output, generated_image_output):
        if len(outputs) != len(STYLE_LAYERS) + 1:
            raise ValueError(
                f"There must be {len(STYLE_LAYERS)} outputs of style layers and, as "
                f"the last, that of the content layer. Received: {len(outputs)}."
            )
    J_style = 0.0
    layers = zip(style_image_output, generated_image_output, STYLE_LAYERS, strict=False)
    for a_S, a_G, (_, weight) in layers:  # the content layer is left over
        J_style += weight * compute_layer_style_cost(a_S, a_G)
    return J_style


def total_cost(J_content, J_style, alpha: float = 10, beta: float = 40):
    """`alpha J_content + beta J_style`.

    Args:
        J_content: content cost.
        J_style: style cost.
        alpha: weight of the content.
        beta: weight of the style.

    Returns:
        A number, or a scalar tensor where the costs are.

    Example:
        >>> total_cost(0.2, 0.8)
        34.0

    Reference:
        - Course 4, week 4, exercise 4.
    """
    return alpha * J_content + beta * J_style


def _content_layer(output):
    """The last of several layers, or the one that there is."""
    if isinstance(output, list | tuple):
        output = output[-1]
    output = ops.convert_to_tensor(output, "float32")
    # The course's check stacks its layers.
    return _checked_layer(output[-1] if len(output.shape) == 5 else output)


def _checked_layer(output):
    output = ops.convert_to_tensor(output, "float32")
    if len(output.shape) != 4:
        raise ValueError(
            "A layer's output must be (1, n_H, n_W, n_C). Received: shape="
            f"{tuple(output.shape)}."
        )
    return output
