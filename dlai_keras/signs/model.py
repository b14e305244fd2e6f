"""Classifiers of images: the course's ResNet-50, a small one to ship, and transfer."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

# Filters of the three convolutions, number of blocks, strides of the first of them.
RESNET50_STAGES = (
    ((64, 64, 256), 3, 1),
    ((128, 128, 512), 4, 2),
    ((256, 256, 1024), 6, 2),
    ((512, 512, 2048), 3, 2),
)

# Networks of keras.applications by what they expect of pixels from 0 to 255: to be
# brought to [-1, 1], or to be left alone, since the network rescales them itself.
_SCALED_BASES = (
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "NASNetMobile",
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "Xception",
)
_RAW_BASES = (
    "ConvNeXtTiny",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2S",
    "MobileNetV3Large",
    "MobileNetV3Small",
)
TRANSFER_BASES = tuple(sorted(_SCALED_BASES + _RAW_BASES))


# The course's network


def bottleneck_block(
    x,
    filters: tuple[int, int, int],
    *,
    kernel_size: int = 3,
    strides: int = 1,
    project: bool = False,
    training: bool | None = None,
    initializer: Callable[[], keras.initializers.Initializer] = (
        keras.initializers.GlorotUniform
    ),
    name: str | None = None,
):
    """Three convolutions (1x1, kxk, 1x1) plus a shortcut, as in ResNet-50.

    `relu(bn(conv(relu(bn(conv(relu(bn(conv(x)))))))) + shortcut)`, where the shortcut
    is `x`, or `bn(conv(x))` of kernel 1 where `project` is true.

    Args:
        x: `(batch, height, width, channels)`, array or symbolic tensor.
        filters: of the three convolutions; without a projection the last of them must
            be `channels`.
        kernel_size: of the convolution in the middle, in pixels.
        strides: of the first convolution and of the projection.
        project: whether the shortcut is a convolution.
        training: handed to every batch normalisation; None follows the call.
        initializer: called once for the kernel of each convolution.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters[2])`.

    Raises:
        ValueError: if the shortcut has another shape than what it is added to.

    Example:
        >>> x = np.zeros((1, 8, 8, 6), "float32")
        >>> ops.shape(bottleneck_block(x, (2, 2, 6)))
        (1, 8, 8, 6)
        >>> ops.shape(bottleneck_block(x, (2, 2, 5), strides=2, project=True))
        (1, 4, 4, 5)

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 5.
    """
    if not project and (strides != 1 or x.shape[-1] != filters[-1]):
        raise ValueError(
            "`filters` must end in the number of channels of the input, and `strides` "
            f"must be 1, where the shortcut is not projected. Received: filters="
            f"{tuple(filters)}, strides={strides}, channels={x.shape[-1]}."
        )

    def conv_bn(x, filters, kernel_size, strides, part):
        x = layers.Conv2D(
            filters,
            kernel_size,
            strides,
            padding="same",
            kernel_initializer=initializer(),
            name=_name(name, f"conv{part}"),
        )(x)
        normalise = layers.BatchNormalization(axis=3, name=_name(name, f"bn{part}"))
        return normalise(x, training=training)

    shortcut = conv_bn(x, filters[2], 1, strides, "_shortcut") if project else x
    x = conv_bn(x, filters[0], 1, strides, 1)
    x = layers.Activation("relu", name=_name(name, "relu1"))(x)
    x = conv_bn(x, filters[1], kernel_size, 1, 2)
    x = layers.Activation("relu", name=_name(name, "relu2"))(x)
    x = conv_bn(x, filters[2], 1, 1, 3)
    x = layers.Add(name=_name(name, "add"))([x, shortcut])
    return layers.Activation("relu", name=_name(name, "relu3"))(x)


def resnet50(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    num_classes: int = 6,
    *,
    name: str = "resnet50",
) -> keras.Model:
    """The course's ResNet-50: 23,600,006 parameters with the defaults.

    As the course builds it, with two differences: it ends in logits, where the
    course's ends in a softmax, and maps of one pixel, as images of 36 pixels or fewer
    leave, pass the last pooling as they are. Every kernel is drawn with seed
    0, as in the course, whatever the global seed.

    Args:
        input_shape: `(height, width, channels)`, height and width at least 32 pixels.
        num_classes: number of logits.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` in [0, 1] to logits
        `(batch, num_classes)`. The course divides by 255 before the network, so there
        is no rescaling in it.

    Raises:
        ValueError: if the images are too small or their size is open.

    Example:
        >>> resnet50().count_params()
        23600006

    Reference:
        - Course 4, week 2, "Residual networks", `ResNet50`.
        - He et al., 2016, "Deep residual learning for image recognition", table 1.
    """
    if len(input_shape) != 3 or any(
        size is None or size < 32 for size in input_shape[:2]
    ):
        raise ValueError(
            "`input_shape` must be (height, width, channels) with at least 32 pixels "
            f"each way. Received: input_shape={input_shape}."
        )
    glorot = functools.partial(keras.initializers.GlorotUniform, seed=0)
    uniform = functools.partial(keras.initializers.RandomUniform, seed=0)
    inputs = keras.Input(input_shape, name="image")
    x = layers.ZeroPadding2D(3, name="stem_pad")(inputs)
    x = layers.Conv2D(64, 7, 2, kernel_initializer=glorot(), name="stem_conv")(x)
    x = layers.BatchNormalization(axis=3, name="stem_bn")(x)
    x = layers.Activation("relu", name="stem_relu")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, (filters, num_blocks, strides) in enumerate(RESNET50_STAGES, start=2):
        for block in range(1, num_blocks + 1):
            first = block == 1
            x = bottleneck_block(
                x,
                filters,
                strides=strides if first else 1,
                project=first,
                initializer=glorot if first else uniform,
                name=f"stage{stage}_block{block}",
            )
    pool_size = tuple(min(2, size) for size in x.shape[1:3])
    x = layers.AveragePooling2D(pool_size, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(num_classes, kernel_initializer=glorot(), name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


# The network to ship


def residual_block(x, filters, *, strides=1, momentum=0.9, name):
    """Two 3x3 convolutions plus a shortcut, projected when the shape changes.

    Two changes since the first residual networks that cost nothing: the shortcut is
    averaged before its convolution, where a convolution with strides would never see
    three of four pixels; and the scale of the second normalisation starts at zero, so
    that a block starts as its shortcut and the first steps are calmer.

    Args:
        x: symbolic tensor `(batch, height, width, channels)`.
        filters: channels of the result.
        strides: of the first convolution and of the shortcut.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 2.
        - He et al., 2019, "Bag of tricks for image classification with convolutional
          neural networks", sections 3.1 (zero scale) and 4.1 (ResNet-D).
    """

    def conv_bn(x, kernel_size, strides, part, gamma="ones"):
        x = layers.Conv2D(
            filters,
            kernel_size,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv{part}",
        )(x)
        return layers.BatchNormalization(
            momentum=momentum, gamma_initializer=gamma, name=f"{name}_bn{part}"
        )(x)

    shortcut = x
    if strides != 1:
        shortcut = layers.AveragePooling2D(
            strides, padding="same", name=f"{name}_shortcut_pool"
        )(shortcut)
    if strides != 1 or x.shape[-1] != filters:
        shortcut = conv_bn(shortcut, 1, 1, "_shortcut")
    x = conv_bn(x, 3, strides, 1)
    x = layers.Activation("relu", name=f"{name}_relu1")(x)
    x = conv_bn(x, 3, 1, 2, gamma="zeros")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.Activation("relu", name=f"{name}_relu2")(x)


def signs_resnet(
    input_shape: tuple[int | None, int | None, int] = (64, 64, 3),
    num_classes: int = 6,
    *,
    widths: tuple[int, ...] = (16, 32, 64, 256),
    momentum: float = 0.9,
    dropout: float = 0.2,
    name: str = "signs_resnet",
) -> keras.Model:
    """The network to ship: a small residual classifier that trains in minutes.

    836,342 parameters and 25 million multiply-adds an image with the defaults: a
    convolution of stride 2, then one residual block for every width, each but the
    first of stride 2, so that 64 pixels end as maps of 4 x 4.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        num_classes: number of logits.
        widths: channels of the blocks.
        momentum: of the moving averages of batch normalisation. Keras' own 0.99 needs
            some 500 steps before the averages forget their first values; 0.9 needs 50.
        dropout: share of the pooled features dropped.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` with values from 0
        to 255, whole or real numbers, to logits `(batch, num_classes)`.

    Example:
        >>> model = signs_resnet(widths=(8, 16))
        >>> ops.shape(model(np.zeros((2, 64, 64, 3), "uint8")))
        (2, 6)

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 2.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = layers.Conv2D(
        widths[0],
        3,
        2,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name="stem_conv",
    )(x)
    x = layers.BatchNormalization(momentum=momentum, name="stem_bn")(x)
    x = layers.Activation("relu", name="stem_relu")(x)
    for stage, width in enumerate(widths, start=1):
        x = residual_block(
            x,
            width,
            strides=1 if stage == 1 else 2,
            momentum=momentum,
            name=f"stage{stage}",
        )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    # In single precision, where the rest is in half: the loss needs it.
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


# The statistics of batch normalisation


@keras.saving.register_keras_serializable(package="dlai_keras")
class _BatchStatistics(layers.BatchNormalization):
    """Normalises by the batch and keeps its statistics, in inference too."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)


def calibrate_batch_norm(
    model: keras.Model, images: np.ndarray, *, batch_size: int = 64
) -> keras.Model:
    """Measures the moving mean and variance of every batch normalisation anew.

    While it trains, batch normalisation uses the statistics of the batch; afterwards it
    uses their moving averages, which start at 0 and 1 and, with the usual momentum of
    0.99, still hold much of that after a few hundred steps: public runs of the course's
    ResNet-50 fit their training set and print 20 % on the test set after a few epochs.
    Here the averages become the plain mean of the statistics of all batches, with the
    weights as they are now. Nothing else in the model changes; dropout and augmentation
    are not active. Layers that are not trainable, as in a frozen base, keep what they
    have.

    Args:
        model: functional or sequential. Changed in place.
        images: training images `(num_images, height, width, channels)`, in the order in
            which they are to be put in batches; shuffle them if they are sorted.
        batch_size: images in a batch, best the one of the training. A smaller last
            batch counts for as much less.

    Returns:
        `model`.

    Raises:
        ValueError: if there is no image, or `batch_size` is not positive.

    Example:
        >>> model = signs_resnet((16, 16, 3), widths=(8, 8))
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 16, 16, 3))
        >>> _ = calibrate_batch_norm(model, images)
        >>> np.allclose(model(images, training=False), model(images), atol=1e-4)
        True

    Reference:
        - Wu and Johnson, 2021, "Rethinking 'batch' in BatchNorm", section 3.
    """
    if len(images) == 0 or batch_size < 1:
        raise ValueError(
            "`images` must hold at least one image, and `batch_size` must be positive. "
            f"Received: {len(images)} images, batch_size={batch_size}."
        )
    pairs = []

    def measure(layer):
        config = layer.get_config()
        if not isinstance(layer, layers.BatchNormalization) or not layer.trainable:
            return type(layer).from_config(config)
        # With a momentum of 0 the averages are those of the last batch.
        measured = _BatchStatistics.from_config({**config, "momentum": 0.0})
        pairs.append((layer, measured))
        return measured

    # A view of the same graph, lest the copy be compiled too.
    view = keras.Model(model.input, model.output)
    copy = keras.models.clone_model(view, clone_function=measure, recursive=True)
    copy.set_weights(view.get_weights())
    totals = [0.0] * len(pairs)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        copy(batch, training=False)
        for index, (_, measured) in enumerate(pairs):
            totals[index] += len(batch) * _statistics(measured).astype("float64")
    for (layer, _), total in zip(pairs, totals, strict=True):
        mean, variance = total / len(images)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
    return model


def _statistics(layer):
    """`(2, channels)`: mean and variance."""
    both = (layer.moving_mean, layer.moving_variance)
    return np.stack([ops.convert_to_numpy(weight) for weight in both])


# A network that has seen other images before


def transfer_model(
    num_classes: int,
    *,
    input_shape: tuple[int, int, int] = (96, 96, 3),
    base: str = "MobileNetV2",
    weights: str | Path | None = "imagenet",
    dropout: float = 0.2,
    name: str = "transfer_model",
) -> keras.Model:
    """A network trained on ImageNet, frozen, below a new classifier.

    Resizing and the preprocessing that the base was trained with are inside. Train the
    classifier first; then `networks.unfreeze` and train on, with a learning rate ten
    to a hundred times smaller.

    Args:
        num_classes: number of logits.
        input_shape: `(height, width, 3)` to which images are resized for the base, at
            least 32 pixels each way, for some bases more.
        base: a network of `keras.applications`, one of `TRANSFER_BASES`.
        weights: `"imagenet"` (fetched once, kept by Keras), a file with weights of the
            base without its top, or None for random ones.
        dropout: share of the pooled features dropped.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, any height, any width, 3)` with values from 0
        to 255 to logits `(batch, num_classes)`. Its layer `base` is the base.

    Raises:
        ValueError: if the base is unknown, the input shape does not suit it, or the
            file does not hold its weights.
        FileNotFoundError: if there is no such file.
        OSError: if the weights cannot be fetched.

    Example:
        >>> transfer_model(6, weights=None).count_params()
        2265670

    Reference:
        - Course 4, week 2, "Transfer learning with MobileNetV2".
        - Sandler et al., 2018, "MobileNetV2: inverted residuals and linear
          bottlenecks".
    """
    if base not in TRANSFER_BASES:
        raise ValueError(
            f"`base` must be one of {', '.join(TRANSFER_BASES)}. Received: base={base}."
        )
    if len(input_shape) != 3 or None in input_shape:
        raise ValueError(
            "`input_shape` must be (height, width, channels), all known. Received: "
            f"input_shape={input_shape}."
        )
    network = _base_network(base, tuple(input_shape), weights)
    network.trainable = False
    inputs = keras.Input((None, None, input_shape[-1]), name="image")
    x = layers.Resizing(*input_shape[:2], antialias=True, name="resize")(inputs)
    if base in _SCALED_BASES:
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(x)
    # Keras replaces this flag by the one of an outer call that has one, as in `fit`;
    # frozen batch normalisation is in inference mode all the same.
    x = network(x, training=False)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _base_network(base, input_shape, weights):
    build = functools.partial(
        getattr(keras.applications, base), input_shape=input_shape, include_top=False
    )
    if weights == "imagenet":
        try:
            with warnings.catch_warnings():
                # That sizes between those of the original training share weights.
                warnings.filterwarnings("ignore", "`input_shape` is undefined")
                network = build(weights="imagenet")
        except (ValueError, TypeError):
            raise  # of the arguments
        except Exception as error:
            # Keras raises a plain Exception where a download fails.
            raise OSError(
                f"The ImageNet weights of {base} cannot be fetched ({_reason(error)}). "
                "Give --weights FILE with weights of the base without its top, or "
                "--weights none to train from scratch."
            ) from None
    else:
        network = build(weights=None)
    if weights not in {"imagenet", None}:
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(
                f"No such weights: {path}. Expected imagenet, none or a file as "
                "`save_weights` leaves it."
            )
        try:
            network.load_weights(path)
        except Exception as error:  # Keras and h5py raise many kinds
            raise ValueError(
                f"{path} does not hold weights of {base} without its top: "
                f"{_reason(error)}"
            ) from None
    network.name = "base"  # EfficientNetV2 cannot be built with another name
    return network


def _reason(error):
    """On one line."""
    return " ".join(str(error).split())[:200]


def _name(prefix, part):
    return None if prefix is None else f"{prefix}_{part}"
