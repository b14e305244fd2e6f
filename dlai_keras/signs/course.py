"""The course's own functions, with its names and argument order, and its networks.

The networks end in logits, where the course's end in a softmax or sigmoid: compile them
with a loss `from_logits=True`. They take images in [0, 1], as the course divides by 255
beforehand; none of them rescales.

Reference:
    - Course 2, week 3, "TensorFlow introduction".
    - Course 4, week 1, "Convolution model: application".
    - Course 4, week 2, "Residual networks".
"""

import inspect
from collections.abc import Callable

import keras
from keras import layers

from dlai_keras.signs.model import bottleneck_block

Initializer = keras.initializers.Initializer | Callable[..., object]


def identity_block(
    X,
    f: int,
    filters: tuple[int, int, int],
    training: bool | None = None,
    initializer: Initializer = keras.initializers.RandomUniform,
):
    """Three convolutions whose result is added to the input.

    The course's default is `training=True`: written into the network, it makes
    inference use the statistics of the batch, so that a picture's prediction depends on
    the pictures beside it. Here it is None, which follows the call. (Keras 3 lets a
    flag given to the whole network, as `fit` and `predict` give it, win in any case.)

    Args:
        X: `(batch, height, width, channels)`, array or symbolic tensor.
        f: kernel size of the convolution in the middle, in pixels.
        filters: of the three convolutions; the last must be `channels`.
        training: whether batch normalisation uses the statistics of the batch.
        initializer: of the kernels: a callable that takes `seed` and returns a Keras
            initializer, called with `seed=0` for each of them, or an initializer.

    Returns:
        `(batch, height, width, channels)`.

    Raises:
        ValueError: if the last of the filters is not the number of channels.

    Example:
        >>> X = keras.ops.ones((1, 4, 4, 3))
        >>> ones = lambda seed=0: keras.initializers.Constant(1)
        >>> out = identity_block(X, f=2, filters=[4, 4, 3], initializer=ones)
        >>> round(float(out[0, 0, 0, 0]), 2)
        192.71

    Reference:
        - Course 4, week 2, "Residual networks", exercise 1.
    """
    return bottleneck_block(
        X,
        filters,
        kernel_size=f,
        training=training,
        initializer=lambda: _seeded(initializer),
    )


def convolutional_block(
    X,
    f: int,
    filters: tuple[int, int, int],
    s: int = 2,
    training: bool | None = None,
    initializer: Initializer = keras.initializers.GlorotUniform,
):
    """Three convolutions whose result is added to a projection of the input.

    Args:
        X: `(batch, height, width, channels)`, array or symbolic tensor.
        f: kernel size of the convolution in the middle, in pixels.
        filters: of the three convolutions.
        s: strides of the first convolution and of the projection.
        training: as in `identity_block`.
        initializer: as in `identity_block`.

    Returns:
        `(batch, ceil(height / s), ceil(width / s), filters[2])`.

    Example:
        >>> X = keras.ops.ones((1, 4, 4, 3))
        >>> keras.ops.shape(convolutional_block(X, f=2, filters=[2, 4, 6]))
        (1, 2, 2, 6)

    Reference:
        - Course 4, week 2, "Residual networks", exercise 2.
    """
    return bottleneck_block(
        X,
        filters,
        kernel_size=f,
        strides=s,
        project=True,
        training=training,
        initializer=lambda: _seeded(initializer),
    )


def convolutional_model(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    num_classes: int = 6,
    *,
    name: str = "convolutional_model",
) -> keras.Model:
    """The course's convolutional network for hand signs: 1,310 parameters.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: number of logits.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` in [0, 1] to logits
        `(batch, num_classes)`; the course's ends in a softmax.

    Example:
        >>> convolutional_model((64, 64, 3)).count_params()
        1310

    Reference:
        - Course 4, week 1, "Convolution model: application", exercise 2.
    """
    inputs = keras.Input(input_shape, name="image")
    x = inputs
    for number, (filters, kernel_size, pool_size) in enumerate(
        ((8, 4, 8), (16, 2, 4)), start=1
    ):
        x = layers.Conv2D(filters, kernel_size, padding="same", name=f"conv{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.MaxPooling2D(pool_size, padding="same", name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def dense_model(
    input_shape: tuple[int, ...] = (64, 64, 3),
    num_classes: int = 6,
    *,
    name: str = "dense_model",
) -> keras.Model:
    """The course's dense network for hand signs, 12288-25-12-6: 307,615 parameters.

    Args:
        input_shape: `(height, width, channels)`, or `(height * width * channels,)` as
            the course flattens the images beforehand.
        num_classes: number of logits.
        name: of the model.

    Returns:
        Uncompiled model: images in [0, 1] to logits `(batch, num_classes)`; the
        course's, too, leaves the softmax to the loss.

    Example:
        >>> dense_model().count_params()
        307615

    Reference:
        - Course 2, week 3, "TensorFlow introduction", `forward_propagation`.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    for number, units in enumerate((25, 12), start=1):
        # The course draws them with Glorot's normal initializer.
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer="glorot_normal",
            name=f"dense{number}",
        )(x)
    outputs = layers.Dense(
        num_classes, kernel_initializer="glorot_normal", name="logits"
    )(x)
    return keras.Model(inputs, outputs, name=name)


def happy_model(
    input_shape: tuple[int, int, int] = (64, 64, 3), *, name: str = "happy_model"
) -> keras.Model:
    """The course's network that tells a smiling face: 37,633 parameters.

    Args:
        input_shape: `(height, width, channels)`.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` in [0, 1] to one
        logit `(batch, 1)`; the course's ends in a sigmoid.

    Example:
        >>> happy_model().count_params()
        37633

    Reference:
        - Course 4, week 1, "Convolution model: application", exercise 1, `happyModel`.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.ZeroPadding2D(3, name="pad")(inputs)
    x = layers.Conv2D(32, 7, name="conv")(x)
    x = layers.BatchNormalization(axis=3, name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(1, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _seeded(initializer):
    """A fresh initializer for one kernel, with the course's seed if it takes one."""
    if isinstance(initializer, keras.initializers.Initializer):
        return type(initializer).from_config(initializer.get_config())
    if "seed" in inspect.signature(initializer).parameters:
        return initializer(seed=0)
    return initializer()
