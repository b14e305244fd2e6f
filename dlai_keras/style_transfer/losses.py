"""What content and style of a picture are, as numbers, and how far two are apart."""

import math

import keras
from keras import ops

# Style


def gram_matrices(features, maps=None, normalize: bool = True):
    """Which features come together, wherever in the picture that is.

    `A·Aᵀ` of the features `A`, a row for every channel and a column for every pixel,
    divided by the number of pixels. The Gram matrices of pictures of different sizes
    can be compared then.

    With maps there is one matrix for every region r, of the features times its map `T`:
    `G[r] = Σ T[r, i]² a[i]·a[i]ᵀ / Σ T[r, i]²` over all pixels i. The squares of a map
    sum to 1 so, and large and small regions can be compared, too. A map of ones gives
    the matrix of the whole picture, a map of zeros gives zeros.

    Gradients are exact; without maps, those of gradients are not.

    Args:
        features: `(batch, height, width, channels)`.
        maps: `(batch, height, width, regions)`, 0 where a pixel is of another region;
            a batch of 1 serves all pictures.
        normalize: False leaves out the division.

    Returns:
        float32 `(batch, channels, channels)`, or `(batch, regions, channels, channels)`
        with maps.

    Example:
        >>> features = ops.array([[[[1.0, 0.0], [1.0, 2.0]]]])  # two pixels
        >>> ops.convert_to_numpy(gram_matrices(features))
        array([[[1., 1.],
                [1., 2.]]], dtype=float32)

    Reference:
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks", equation 3.
        - Gatys et al., 2017, "Controlling perceptual factors in neural style transfer",
          equations 4 and 5.
        - Course 4, week 4, "Style cost function".
    """
    # A sum over all pixels is too large for half precision.
    features = _float32(features)
    batch, height, width, channels = ops.shape(features)
    features = ops.reshape(features, (batch, -1, channels))
    transposed = ops.transpose(features, (0, 2, 1))  # (batch, channels, pixels)
    if maps is None:
        # A Gram matrix is symmetric: the gradient of one factor, turned and added, is
        # that of the other, and half of the backward pass is saved.
        grams = ops.matmul(ops.stop_gradient(transposed), features)
        turned = ops.transpose(grams, (0, 2, 1))
        grams = grams + (turned - ops.stop_gradient(turned))
        total = ops.cast(height * width, "float32")
    else:
        maps = _float32(maps)
        maps_batch, _, _, regions = ops.shape(maps)
        squares = ops.square(ops.reshape(maps, (maps_batch, -1, regions)))
        squares = ops.transpose(squares, (0, 2, 1))  # (batch, regions, pixels)
        guided = squares[:, :, None, :] * transposed[:, None, :, :]
        grams = ops.matmul(guided, features[:, None, :, :])
        total = ops.sum(squares, axis=-1)[:, :, None, None]
        total = ops.maximum(total, 1e-12)  # of an empty region
    return grams / total if normalize else grams


def channel_statistics(features, epsilon: float = 1e-5):
    """Mean and standard deviation of every channel over the pixels.

    Args:
        features: `(batch, height, width, channels)`.
        epsilon: added to the variance, so that a channel that is the same everywhere
            has a gradient.

    Returns:
        float32 `(batch, 2, channels)`.

    Example:
        >>> features = ops.array([[[[1.0], [3.0]]]])  # two pixels
        >>> ops.convert_to_numpy(channel_statistics(features)).round(3)
        array([[[2.],
                [1.]]], dtype=float32)

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equations 5 and 6.
    """
    features = _float32(features)
    mean = ops.mean(features, axis=(1, 2), keepdims=True)
    variance = ops.mean(ops.square(features - mean), axis=(1, 2))
    deviation = ops.sqrt(variance + epsilon)  # (batch, channels)
    return ops.stack([mean[:, 0, 0], deviation], axis=1)


# Losses


def content_loss(y_true, y_pred):
    """`mean((C - G)²) / 4` of the features C of the content and G of the picture.

    That is the course's `Σ(C - G)² / (4 · height · width · channels)`.

    Args:
        y_true: features of the content, `(batch, height, width, channels)`.
        y_pred: features of the generated picture, of the same shape.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> content, generated = ops.zeros((1, 2, 2, 3)), 2 * ops.ones((1, 2, 2, 3))
        >>> ops.convert_to_numpy(content_loss(content, generated))
        array([1.], dtype=float32)

    Reference:
        - Course 4, week 4, "Content cost function".
        - Gatys et al., 2016, equation 1 (there half the sum).
    """
    _check_shapes("Content features", y_true, y_pred)
    return _quarter_of_mean_square(y_true, y_pred)


def style_loss(y_true, y_pred):
    """`mean((S - G)²) / 4` of the Gram matrices S of the style and G of the picture.

    Of matrices that are divided by the number of pixels that is the course's
    `Σ(S - G)² / (4 · channels² · (height · width)²)`. With regions it is the mean over
    them.

    Args:
        y_true: normalised Gram matrices of the style, `(batch, channels, channels)` or
            `(batch, regions, channels, channels)`, as `gram_matrices` makes them.
        y_pred: those of the generated picture, of the same shape.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: the shapes differ or are not those of Gram matrices.

    Example:
        >>> style, generated = ops.zeros((1, 3, 3)), 2 * ops.ones((1, 3, 3))
        >>> ops.convert_to_numpy(style_loss(style, generated))
        array([1.], dtype=float32)

    Reference:
        - Course 4, week 4, "Style cost function".
        - Gatys et al., 2016, equation 4.
    """
    _check_shapes("Gram matrices", y_true, y_pred)
    shape = tuple(y_pred.shape)
    if len(shape) not in (3, 4) or shape[-1] != shape[-2]:
        raise ValueError(
            "The style loss compares Gram matrices, (batch, channels, channels) or "
            "(batch, regions, channels, channels): put a GramMatrix layer above the "
            f"features. Received: shape={shape}."
        )
    return _quarter_of_mean_square(y_true, y_pred)


def statistics_loss(y_true, y_pred):
    """How far the channels' means are apart, and how far their standard deviations.

    `mean((μS - μG)²) + mean((σS - σG)²)` over the channels.

    Args:
        y_true: statistics of the style, `(batch, 2, channels)`, as `ChannelStatistics`
            gives them.
        y_pred: those of the generated picture, of the same shape.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: the shapes differ or are not those of statistics.

    Example:
        >>> style = ops.array([[[0.0, 0.0], [1.0, 1.0]]])
        >>> generated = ops.array([[[2.0, 0.0], [1.0, 2.0]]])
        >>> ops.convert_to_numpy(statistics_loss(style, generated))  # 4 / 2 + 1 / 2
        array([2.5], dtype=float32)

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equation 13 (there norms; the authors' program takes
          mean squares).
    """
    _check_shapes("Statistics", y_true, y_pred)
    shape = tuple(y_pred.shape)
    if len(shape) != 3 or shape[1] != 2:
        raise ValueError(
            "The statistics loss compares means and deviations, (batch, 2, channels): "
            "put a ChannelStatistics layer above the features. Received: "
            f"shape={shape}."
        )
    squares = _squared_difference(y_true, y_pred)
    return ops.sum(ops.mean(squares, axis=-1), axis=-1)


def total_variation(images):
    """How much neighbouring pixels differ: small for a smooth picture.

    The squared differences of every pixel to the one below and to the one at its right,
    summed and divided by height, width and channels, so that the size of a picture does
    not matter.

    Args:
        images: `(batch, height, width, channels)`.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: `images` has another rank.

    Example:
        >>> checks = ops.array([[[[0.0], [1.0]], [[1.0], [0.0]]]])  # four differences
        >>> ops.convert_to_numpy(total_variation(checks))
        array([1.], dtype=float32)

    Reference:
        - Mahendran and Vedaldi, 2015, "Understanding deep image representations by
          inverting them", section 3 (β = 2).
        - Johnson et al., 2016, "Perceptual losses for real-time style transfer and
          super-resolution", section 3.2.
    """
    images = _float32(images)
    if len(images.shape) != 4:
        raise ValueError(
            "Images must be (batch, height, width, channels). Received: shape="
            f"{tuple(images.shape)}."
        )
    below = ops.square(images[:, 1:] - images[:, :-1])
    right = ops.square(images[:, :, 1:] - images[:, :, :-1])
    # The last row has nothing below: with zeros there, both means are over all pixels.
    below = ops.pad(below, ((0, 0), (0, 1), (0, 0), (0, 0)))
    right = ops.pad(right, ((0, 0), (0, 0), (0, 1), (0, 0)))
    return ops.mean(below + right, axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="dlai_keras")
class ContentLoss(keras.losses.Loss):
    """Mean squared difference of features, divided by 4 as in the course.

    See `content_loss`.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true` and `y_pred`: features `(batch, height, width, channels)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Example:
        >>> float(ContentLoss()(ops.zeros((1, 2, 2, 3)), 2 * ops.ones((1, 2, 2, 3))))
        1.0

    Reference:
        - Course 4, week 4, "Content cost function".
    """

    def __init__(self, reduction="sum_over_batch_size", name="content_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        return content_loss(y_true, y_pred)


@keras.saving.register_keras_serializable(package="dlai_keras")
class StyleLoss(keras.losses.Loss):
    """Mean squared difference of normalised Gram matrices, divided by 4.

    See `style_loss`. One layer's style cost of the course, where a `GramMatrix` layer
    gives both sides; its weight among the layers is Keras' `loss_weights`.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true` and `y_pred`: `(batch, channels, channels)`, or
        `(batch, regions, channels, channels)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Example:
        >>> float(StyleLoss()(ops.zeros((1, 3, 3)), 2 * ops.ones((1, 3, 3))))
        1.0

    Reference:
        - Course 4, week 4, "Style cost function".
    """

    def __init__(self, reduction="sum_over_batch_size", name="style_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        return style_loss(y_true, y_pred)


@keras.saving.register_keras_serializable(package="dlai_keras")
class StatisticsLoss(keras.losses.Loss):
    """AdaIN's style loss: mean and standard deviation of every channel.

    See `statistics_loss`.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true` and `y_pred`: `(batch, 2, channels)`, as `ChannelStatistics` gives.
    Output shape:
        `(batch,)` with `reduction=None`.

    Example:
        >>> float(StatisticsLoss()(ops.zeros((1, 2, 8)), ops.ones((1, 2, 8))))
        2.0

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equation 13.
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="statistics_loss", **kwargs
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        return statistics_loss(y_true, y_pred)


@keras.saving.register_keras_serializable(package="dlai_keras")
class TotalVariation(keras.regularizers.Regularizer):
    """`weight` times the total variation: noise costs, of a canvas or of any output.

    See `total_variation`. Give it to a `Canvas` as its `regularizer`, or to the last
    layer of a network as `activity_regularizer`.

    Args:
        weight: factor, 0 or more.

    Raises:
        ValueError: `weight` is below 0 or not finite.

    Example:
        >>> checks = ops.array([[[[0.0], [1.0]], [[1.0], [0.0]]]])
        >>> float(TotalVariation(0.5)(checks))
        0.5

    Reference:
        - Johnson et al., 2016, "Perceptual losses for real-time style transfer and
          super-resolution", section 3.2.
    """

    def __init__(self, weight):
        if not 0 <= weight < math.inf:
            raise ValueError(
                f"`weight` must be 0 or more and finite. Received: weight={weight}."
            )
        self.weight = float(weight)

    def __call__(self, x):
        # Of a layer's outputs Keras divides the penalty by the batch.
        return self.weight * ops.sum(total_variation(x))

    def get_config(self):
        return {"weight": self.weight}


def _float32(x):
    return ops.cast(x, "float32")


def _squared_difference(y_true, y_pred):
    # A tensor minus a symbol is not understood by every backend's operator.
    return ops.square(ops.subtract(_float32(y_true), _float32(y_pred)))


def _quarter_of_mean_square(y_true, y_pred):
    """Of each example, (batch,)."""
    squares = _squared_difference(y_true, y_pred)
    return ops.mean(squares, axis=tuple(range(1, len(squares.shape)))) / 4


def _check_shapes(what, y_true, y_pred):
    """Refuses what NumPy's rules would stretch without a word."""
    shapes = [tuple(y.shape) for y in (y_true, y_pred)]
    fits = len(shapes[0]) == len(shapes[1]) > 1 and all(
        None in (one, other) or one == other
        for one, other in zip(shapes[0][1:], shapes[1][1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"{what} must have one shape on both sides, with a batch axis. Received: "
            f"{shapes[0]} and {shapes[1]}."
        )
