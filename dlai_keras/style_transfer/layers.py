"""A picture that is a weight, what is measured of features, and reflected borders."""

import keras
from keras import ops

from dlai_keras.style_transfer.losses import channel_statistics, gram_matrices


@keras.saving.register_keras_serializable(package="dlai_keras")
class GramMatrix(keras.layers.Layer):
    """Which features come together: the style of a picture, or of each of its regions.

    See `losses.gram_matrices`. Whatever the dtype policy, all is float32: a sum over a
    picture is too large for half precision.

    Args:
        normalize: divides by the number of pixels, of regions by the sum of the squares
            of their maps; `StyleLoss` expects that.

    Input shape:
        Features `(batch, height, width, channels)`, of any height and width; or a list
        of these and of maps `(batch, height, width, regions)`, 0 or more.
    Output shape:
        `(batch, channels, channels)`; with maps `(batch, regions, channels, channels)`,
        zeros for an empty region.

    Raises:
        ValueError: the inputs have other shapes.

    Example:
        >>> features, maps = ops.ones((1, 6, 8, 4)), ops.zeros((1, 6, 8, 2))
        >>> tuple(GramMatrix()(features).shape)
        (1, 4, 4)
        >>> tuple(GramMatrix()([features, maps]).shape)
        (1, 2, 4, 4)

    Reference:
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks", equation 3; course 4, week 4, "Style matrix".
        - Gatys et al., 2017, "Controlling perceptual factors in neural style transfer",
          equations 4 and 5 (guided Gram matrices).
    """

    def __init__(self, normalize=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.normalize = bool(normalize)

    def build(self, input_shape):
        shapes = _shapes(input_shape)
        if len(shapes) > 2 or any(len(shape) != 4 for shape in shapes):
            raise ValueError(
                "GramMatrix takes features (batch, height, width, channels), or a list "
                "of features and maps (batch, height, width, regions). Received: "
                f"shapes={shapes}."
            )
        if len(shapes) == 2 and not all(
            None in (one, other) or one == other
            for one, other in zip(shapes[0][1:3], shapes[1][1:3], strict=True)
        ):
            raise ValueError(
                "Maps must have the height and width of the features: resize them. "
                f"Received: features {shapes[0]} and maps {shapes[1]}."
            )

    def call(self, inputs):
        features, maps = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        return gram_matrices(features, maps, self.normalize)

    def compute_output_shape(self, input_shape):
        features, *maps = _shapes(input_shape)
        regions = [shape[-1] for shape in maps]
        return (features[0], *regions, features[-1], features[-1])

    def compute_output_spec(self, inputs):
        return _float32_spec(self, inputs)

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}


@keras.saving.register_keras_serializable(package="dlai_keras")
class ChannelStatistics(keras.layers.Layer):
    """Mean and standard deviation of every channel: what AdaIN takes for the style.

    Float32 whatever the dtype policy.

    Args:
        epsilon: added to the variance.

    Input shape:
        `(batch, height, width, channels)`.
    Output shape:
        `(batch, 2, channels)`.

    Raises:
        ValueError: `epsilon` is not above 0, or the inputs have another rank.

    Example:
        >>> statistics = ChannelStatistics()(ops.ones((1, 6, 8, 4)))
        >>> ops.convert_to_numpy(statistics[0, :, 0]).round(3)
        array([1.   , 0.003], dtype=float32)

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equations 5 and 6.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.epsilon = _checked_epsilon(epsilon)

    def build(self, input_shape):
        _check_maps(self, input_shape)

    def call(self, inputs):
        return channel_statistics(inputs, self.epsilon)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2, input_shape[-1])

    def compute_output_spec(self, inputs):
        return _float32_spec(self, inputs)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="dlai_keras")
class AdaptiveInstanceNormalization(keras.layers.Layer):
    """Gives the content's features the mean and the deviation of the style's.

    `σ(y) (x - μ(x)) / σ(x) + μ(y)` for every channel of the content x and the style y.
    It has no weights: any style will do.

    Args:
        epsilon: added to the variances.

    Input shape:
        A list of the content's features `(batch, height, width, channels)` and the
        style's, of any height and width; a batch of one style serves all contents.
    Output shape:
        As the content's features.

    Raises:
        ValueError: `epsilon` is not above 0, or the inputs have other shapes.

    Example:
        >>> content = ops.array([[[[0.0], [2.0]]]])
        >>> style = ops.array([[[[8.0], [4.0]]]])
        >>> stylised = AdaptiveInstanceNormalization()([content, style])
        >>> ops.convert_to_numpy(stylised).round(2).tolist()
        [[[[4.0], [8.0]]]]

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equation 8.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = _checked_epsilon(epsilon)

    def build(self, input_shape):
        shapes = _shapes(input_shape)
        if (
            len(shapes) != 2
            or any(len(shape) != 4 for shape in shapes)
            or shapes[0][-1] != shapes[1][-1]
        ):
            raise ValueError(
                "AdaptiveInstanceNormalization takes a list of the content's and the "
                "style's features (batch, height, width, channels), with as many "
                f"channels. Received: shapes={shapes}."
            )

    def call(self, inputs):
        content, style = (ops.cast(features, "float32") for features in inputs)
        mean, deviation = self._statistics(content)
        style_mean, style_deviation = self._statistics(style)
        stylised = style_deviation * ((content - mean) / deviation) + style_mean
        return ops.cast(stylised, self.compute_dtype)

    def _statistics(self, features):
        """Mean and deviation, (batch, 1, 1, channels) each."""
        statistics = channel_statistics(features, self.epsilon)
        return [statistics[:, None, None, i] for i in range(2)]

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="dlai_keras")
class Canvas(keras.layers.Layer):
    """A picture as the one trainable weight, so that `fit` paints it.

    A functional model needs an input; what it is does not matter, but for its batch:
    each example gets the same picture. The weight is `canvas.picture`,
    `(1, height, width, 3)`; `canvas.picture.assign(image)` sets it.

    Args:
        height: of the picture.
        width: of the picture.
        regularizer: of the picture, `TotalVariation(1.0)` for one.
        constraint: of the picture, `PixelRange()` for one.
        initializer: of the picture; None draws noise, evenly from 0 to 1.

    Input shape:
        `(batch, ...)`.
    Output shape:
        `(batch, height, width, 3)`.

    Raises:
        ValueError: `height` or `width` is not a whole number above 0.

    Example:
        >>> canvas = Canvas(6, 8, constraint=PixelRange())
        >>> tuple(canvas(ops.zeros((1, 1))).shape)
        (1, 6, 8, 3)
        >>> [(weight.name, tuple(weight.shape)) for weight in canvas.trainable_weights]
        [('picture', (1, 6, 8, 3))]

    Reference:
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks", figure 2.
    """

    def __init__(
        self,
        height,
        width,
        regularizer=None,
        constraint=None,
        initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, size in (("height", height), ("width", width)):
            if int(size) != size or size < 1:
                raise ValueError(
                    f"`{name}` must be a whole number above 0. Received: {name}={size}."
                )
        self.height, self.width = int(height), int(width)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)
        if initializer is None:
            initializer = keras.initializers.RandomUniform(0.0, 1.0)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.picture = self.add_weight(
            shape=(1, self.height, self.width, 3),
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
            name="picture",
        )

    def call(self, inputs):
        shape = (ops.shape(inputs)[0], self.height, self.width, 3)
        return ops.broadcast_to(self.picture, shape)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, 3)

    def get_config(self):
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "constraint": keras.constraints.serialize(self.constraint),
            "initializer": keras.initializers.serialize(self.initializer),
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class PixelRange(keras.constraints.Constraint):
    """Keeps a picture from 0 to 1 after every step.

    Example:
        >>> ops.convert_to_numpy(PixelRange()(ops.array([-0.5, 0.5, 1.5]))).tolist()
        [0.0, 0.5, 1.0]
    """

    def __call__(self, w):
        return ops.clip(w, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="dlai_keras")
class ReflectionPadding2D(keras.layers.Layer):
    """Goes on beyond the border as in a mirror that stands on the last pixel.

    A row `1 2 3 4` becomes `3 2 1 2 3 4 3 2` with a padding of 2. Zeros would draw a
    frame around every picture.

    Args:
        padding: pixels at every side; a pair of numbers, for above and below and for
            left and right; or two pairs, `((above, below), (left, right))`.

    Input shape:
        `(batch, height, width, channels)`, larger than the padding.
    Output shape:
        `(batch, height + above + below, width + left + right, channels)`.

    Raises:
        ValueError: `padding` is none of these, or as large as the input or larger.

    Example:
        >>> row = ops.reshape(ops.array([1.0, 2.0, 3.0, 4.0]), (1, 1, 4, 1))
        >>> ops.convert_to_numpy(ReflectionPadding2D((0, 2))(row)).ravel().tolist()
        [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]

    Reference:
        - Dumoulin et al., 2017, "A learned representation for artistic style", appendix
          (mirror padding).
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = _pairs(padding)

    def build(self, input_shape):
        _check_maps(self, input_shape)
        self._check_size(input_shape)

    def call(self, inputs):
        self._check_size(inputs.shape)
        if self.padding == ((0, 0), (0, 0)):
            return inputs  # PyTorch would take no axis for the wrong one
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)), mode="reflect")

    def _check_size(self, shape):
        for size, sides in zip(shape[1:3], self.padding, strict=True):
            if size is not None and size <= max(sides):
                raise ValueError(
                    f"A picture must be larger than its padding, {self.padding}: take "
                    f"a larger one. Received: shape={tuple(shape)}."
                )

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        padded = (
            None if size is None else size + sum(sides)
            for size, sides in zip(sizes, self.padding, strict=True)
        )
        return (batch, *padded, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def _shapes(input_shape):
    """Of one input or of several, always as a list."""
    if isinstance(input_shape[0], list | tuple):
        return [tuple(shape) for shape in input_shape]
    return [tuple(input_shape)]


def _float32_spec(layer, inputs):
    """The symbolic output of a layer that is float32 under any dtype policy."""
    shape = keras.tree.map_structure(lambda x: tuple(x.shape), inputs)
    return keras.KerasTensor(layer.compute_output_shape(shape), "float32")


def _check_maps(layer, input_shape):
    if len(input_shape) != 4 or isinstance(input_shape[0], list | tuple):
        raise ValueError(
            f"{type(layer).__name__} takes (batch, height, width, channels). Received: "
            f"shape={tuple(input_shape)}."
        )


def _checked_epsilon(epsilon):
    if not 0 < epsilon < 1:
        raise ValueError(
            f"`epsilon` must be above 0 and small. Received: epsilon={epsilon}."
        )
    return float(epsilon)


def _pairs(padding):
    """`((above, below), (left, right))`."""
    sides = [padding, padding] if isinstance(padding, int) else padding
    if isinstance(sides, list | tuple):
        pairs = [s if isinstance(s, list | tuple) else (s, s) for s in sides]
        whole = all(isinstance(n, int) and n >= 0 for pair in pairs for n in pair)
        if whole and [len(pair) for pair in pairs] == [2, 2]:
            return tuple(map(tuple, pairs))
    raise ValueError(
        "`padding` must be a whole number of 0 or more, two of them, or two pairs. "
        f"Received: padding={padding!r}."
    )
