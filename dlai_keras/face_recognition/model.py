"""Networks that make a unit vector of a face: FaceNet, MobileFaceNet, a small one.

All of them take RGB pictures with values from 0 to 255, whole or real numbers, and end
in vectors of length 1, so that the Euclidean distance of two faces is from 0 to 2. What
else a network expects of its pictures is done inside it.
"""

import keras
from keras import layers, ops

from dlai_keras.face_recognition.layers import SiameseHead

# Blocks of nn4.small2: filters of the 3x3 branch, reduced and full; of the 5x5 branch;
# of the projection after pooling; of the 1x1 branch; strides; kind of pooling.
NN4_SMALL2_BLOCKS = {
    "3a": ((96, 128), (16, 32), 32, 64, 1, "max"),
    "3b": ((96, 128), (32, 64), 64, 64, 1, "mean"),
    "3c": ((128, 256), (32, 64), None, None, 2, "max"),
    "4a": ((96, 192), (32, 64), 128, 256, 1, "mean"),
    "4e": ((160, 256), (64, 128), None, None, 2, "max"),
    "5a": ((96, 384), None, 96, 256, 1, "mean"),
    "5b": ((96, 384), None, 96, 256, 1, "max"),
}
# Expansion, channels, number of blocks, strides of the first: table 1 of the paper.
MOBILE_FACENET_STAGES = (
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)
# PyTorch's, and Torch's before it.
TORCH_EPSILON = 1e-5
EDITIONS = ("course", "openface")


# FaceNet


def facenet_nn4_small2(
    input_shape: tuple[int, int, int] = (96, 96, 3),
    embedding_size: int = 128,
    *,
    edition: str = "course",
    momentum: float = 0.9,
    name: str = "facenet_nn4_small2",
) -> keras.Model:
    """OpenFace's small FaceNet: 3,743,280 parameters with the defaults.

    Inception's stem, seven of its blocks, and a dense layer. The course took OpenFace's
    weights without two things that have no weights: the normalisation across channels
    in the stem, and pooling by the root of the sum of squares in three blocks, for
    which it averages; and its first batch normalisation has Keras' epsilon. With
    `edition="course"` one gets the distances that the notebooks print, with
    `edition="openface"` the network that was trained. Weights of one fit the other:
    `load_openface` reads them.

    Args:
        input_shape: `(height, width, 3)`, 65 pixels or more each way.
        embedding_size: length of the vectors.
        edition: `"course"` or `"openface"`.
        momentum: of the moving averages of batch normalisation.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, 3)` from 0 to 255 to unit
        vectors `(batch, embedding_size)`.

    Raises:
        ValueError: pictures too small, or of open size; no such edition.

    Example:
        >>> facenet_nn4_small2().count_params()
        3743280

    Reference:
        - Schroff et al., 2015, "FaceNet: a unified embedding for face recognition and
          clustering", table 2.
        - Amos et al., 2016, "OpenFace: a general-purpose face recognition library with
          mobile applications", model nn4.small2.
        - Course 4, week 4, "Face recognition", `faceRecoModel`.
    """
    # The last blocks need maps of 3 x 3.
    _check_images(input_shape, least=65)
    if edition not in EDITIONS:
        raise ValueError(
            f"`edition` must be one of {', '.join(EDITIONS)}. Received: {edition!r}."
        )
    is_original = edition == "openface"

    def conv(x, filters, kernel_size, number, *, epsilon=TORCH_EPSILON, strides=1):
        names = (f"conv{number}", f"bn{number}")
        return _conv_bn_relu(x, filters, kernel_size, names, strides, momentum, epsilon)

    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    epsilon = TORCH_EPSILON if is_original else 1e-3
    x = conv(x, 64, 7, 1, epsilon=epsilon, strides=2)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = _normalize_across_channels(x) if is_original else x
    x = conv(x, 64, 1, 2)
    x = conv(x, 192, 3, 3)
    x = _normalize_across_channels(x) if is_original else x
    x = layers.ZeroPadding2D(1, name="pool2_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    for block, (*filters, strides, pooling) in NN4_SMALL2_BLOCKS.items():
        x = inception_block(
            x,
            *filters,
            strides=strides,
            pooling="l2" if is_original and pooling == "mean" else pooling,
            momentum=momentum,
            name=f"inception_{block}",
        )
    x = layers.GlobalAveragePooling2D(name="pool3")(x)
    x = layers.Dense(embedding_size, name="dense")(x)
    outputs = layers.UnitNormalization(dtype="float32", name="embedding")(x)
    return keras.Model(inputs, outputs, name=name)


def inception_block(
    x,
    three: tuple[int, int],
    five: tuple[int, int] | None,
    projected: int | None,
    one: int | None,
    *,
    strides: int = 1,
    pooling: str = "max",
    momentum: float = 0.9,
    name: str,
):
    """Convolutions of 3, 5 and 1 and pooling side by side, as OpenFace has them.

    Pooling here makes the maps smaller, also where the other branches do not; zeros
    around them bring them back to the others' size.

    Args:
        x: `(batch, height, width, channels)`, three pixels or more each way.
        three: filters of the 1x1 and of the 3x3 convolution.
        five: filters of the 1x1 and of the 5x5 convolution; None for no such branch.
        projected: filters of the 1x1 convolution after pooling; None for none.
        one: filters of the 1x1 convolution; None for no such branch.
        strides: of the 3x3 and 5x5 convolutions.
        pooling: `"max"` over 3x3 with strides of 2, `"mean"` or `"l2"` (the root of the
            sum of squares) over 3x3 without overlap.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names, which are those of OpenFace's files.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), channels)`, the channels
        those of the branches, in the order 3x3, 5x5, pooling, 1x1.

    Example:
        >>> x = keras.Input((12, 12, 192))
        >>> block = NN4_SMALL2_BLOCKS["3a"]
        >>> inception_block(x, *block[:4], name="3a").shape
        (None, 12, 12, 256)
    """

    def conv(x, filters, kernel_size, part, number="", strides=1):
        names = tuple(f"{name}_{part}_{kind}{number}" for kind in ("conv", "bn"))
        return _conv_bn_relu(
            x, filters, kernel_size, names, strides, momentum, TORCH_EPSILON
        )

    branches = []
    for kernel_size, filters in ((3, three), (5, five)):
        if filters:
            part = f"{kernel_size}x{kernel_size}"
            y = conv(x, filters[0], 1, part, 1)
            branches.append(conv(y, filters[1], kernel_size, part, 2, strides))
    height, width = branches[0].shape[1:3]
    if pooling == "max":
        y = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    else:
        squares = ops.square(x) if pooling == "l2" else x
        y = layers.AveragePooling2D(3, name=f"{name}_pool")(squares)
        # A root has no slope at zero that could be used.
        y = ops.sqrt(ops.maximum(9.0 * y, 1e-12)) if pooling == "l2" else y
    y = conv(y, projected, 1, "pool") if projected else y
    margins = ((height - y.shape[1]), (width - y.shape[2]))
    around = tuple((margin // 2, margin - margin // 2) for margin in margins)
    branches.append(layers.ZeroPadding2D(around, name=f"{name}_pool_pad")(y))
    if one:
        branches.append(conv(x, one, 1, "1x1"))
    return layers.Concatenate(name=name)(branches)


def _conv_bn_relu(x, filters, kernel_size, names, strides, momentum, epsilon):
    conv, bn = names
    if kernel_size > 1:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{conv}_pad")(x)
    x = layers.Conv2D(
        filters, kernel_size, strides, kernel_initializer="he_normal", name=conv
    )(x)
    x = layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name=bn)(x)
    return layers.Activation("relu", name=f"{conv}_relu")(x)


def _normalize_across_channels(x):
    """Torch's: `x / (1 + 1e-4 * mean of the squares of 5 channels) ** 0.75`."""
    channels = x.shape[-1]
    squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
    total = sum(squares[..., i : i + channels] for i in range(5))
    return x * ops.power(1.0 + 1e-4 / 5 * total, -0.75)


# MobileFaceNet


def mobile_facenet(
    input_shape: tuple[int, int, int] = (112, 96, 3),
    embedding_size: int = 128,
    *,
    momentum: float = 0.9,
    name: str = "mobile_facenet",
) -> keras.Model:
    """MobileFaceNet, made for telephones: 1,019,136 parameters with the defaults.

    Inverted residual blocks, and in place of a mean over the last maps a depthwise
    convolution as large as they are: the corner of a face says other things than its
    middle. Zeros are put around the maps as PyTorch does it, the same number on all
    sides, so that `load_mobile_facenet` can read what was trained there.

    Args:
        input_shape: `(height, width, 3)`, 16 pixels or more each way.
        embedding_size: length of the vectors.
        momentum: of the moving averages of batch normalisation.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, 3)` from 0 to 255 to unit
        vectors `(batch, embedding_size)`.

    Raises:
        ValueError: pictures too small, or of open size.

    Example:
        >>> mobile_facenet().count_params()
        1019136

    Reference:
        - Chen et al., 2018, "MobileFaceNets: efficient CNNs for accurate real-time face
          verification on mobile devices", table 1.
    """
    _check_images(input_shape, least=16)

    def conv(x, filters, kernel_size, prefix, *, strides=1, prelu=True):
        names = tuple(f"{prefix}_{part}" for part in ("conv", "bn", "prelu"))
        return _mobile_conv(
            x, filters, kernel_size, names if prelu else names[:2], strides, momentum
        )

    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 128, offset=-127.5 / 128, name="rescale")(inputs)
    x = conv(x, 64, 3, "conv1", strides=2)
    x = conv(x, None, 3, "dw_conv1")
    number = 0
    for expansion, filters, num_blocks, first_strides in MOBILE_FACENET_STAGES:
        for block in range(num_blocks):
            x = inverted_residual_block(
                x,
                filters,
                expansion,
                strides=1 if block else first_strides,
                momentum=momentum,
                name=f"blocks_{number}",
            )
            number += 1
    x = conv(x, 512, 1, "conv2")
    x = conv(x, None, x.shape[1:3], "linear7", prelu=False)
    x = conv(x, embedding_size, 1, "linear1", prelu=False)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.UnitNormalization(dtype="float32", name="embedding")(x)
    return keras.Model(inputs, outputs, name=name)


def inverted_residual_block(
    x, filters: int, expansion: int, *, strides: int = 1, momentum: float = 0.9, name
):
    """More channels by a 1x1 convolution, a depthwise one, fewer again, plus `x`.

    Args:
        x: `(batch, height, width, channels)`.
        filters: channels of the result.
        expansion: how many times more channels there are inside.
        strides: of the depthwise convolution. Where they are not 1, or `filters` is not
            `channels`, `x` is not added.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names, which are those of the PyTorch module.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> inverted_residual_block(keras.Input((14, 12, 8)), 16, 2, name="a").shape
        (None, 14, 12, 16)

    Reference:
        - Sandler et al., 2018, "MobileNetV2: inverted residuals and linear
          bottlenecks", figure 3; with PReLU, as MobileFaceNet has it.
    """
    names = [f"{name}_conv_{part}" for part in range(8)]
    inside = x.shape[-1] * expansion
    y = _mobile_conv(x, inside, 1, names[:3], 1, momentum)
    y = _mobile_conv(y, None, 3, names[3:6], strides, momentum)
    y = _mobile_conv(y, filters, 1, names[6:], 1, momentum)
    if strides != 1 or x.shape[-1] != filters:
        return y
    return layers.Add(name=f"{name}_add")([x, y])


def _mobile_conv(x, filters, kernel_size, names, strides, momentum):
    """A convolution (depthwise without `filters`), normalisation, perhaps PReLU.

    A kernel of 3 has a zero on every side, others see only what is there.
    """
    conv, bn, *prelu = names
    if kernel_size == 3:
        x = layers.ZeroPadding2D(1, name=f"{conv}_pad")(x)
    if filters is None:
        layer = layers.DepthwiseConv2D(
            kernel_size,
            strides,
            use_bias=False,
            depthwise_initializer="he_normal",
            name=conv,
        )
    else:
        layer = layers.Conv2D(
            filters,
            kernel_size,
            strides,
            use_bias=False,
            kernel_initializer="he_normal",
            name=conv,
        )
    x = layer(x)
    x = layers.BatchNormalization(momentum=momentum, epsilon=TORCH_EPSILON, name=bn)(x)
    if prelu:
        quarter = keras.initializers.Constant(0.25)
        x = layers.PReLU(quarter, shared_axes=[1, 2], name=prelu[0])(x)
    return x


# The network to train


def face_embedder(
    input_shape: tuple[int, int, int] = (112, 96, 3),
    embedding_size: int = 128,
    *,
    widths: tuple[int, ...] = (32, 64, 128),
    momentum: float = 0.9,
    dropout: float = 0.0,
    name: str = "face_embedder",
) -> keras.Model:
    """The network to train here: minutes on two cores for a few hundred pictures.

    326,512 parameters and 30 million multiply-adds a picture with the defaults: a
    convolution with strides of 2, and for every width one residual block with strides
    of 2, so that 112 x 96 pixels end as maps of 7 x 6. The last convolution is
    depthwise and as large as the maps, as in MobileFaceNet, and starts as their mean.
    Faces that are cut out alike have an eye at the same place; a mean would forget
    where it was.

    Args:
        input_shape: `(height, width, channels)`, 2 pixels or more for every halving.
        embedding_size: length of the vectors.
        widths: channels of the blocks; the convolution before them has half of the
            first.
        momentum: of the moving averages of batch normalisation. Keras' own 0.99 needs
            some 500 steps before the averages forget their first values; 0.9 needs 50.
        dropout: share of the features dropped before the last layer.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` from 0 to 255 to
        unit vectors `(batch, embedding_size)`.

    Raises:
        ValueError: pictures too small, or of open size.

    Example:
        >>> model = face_embedder((56, 48, 3), 16, widths=(8, 16))
        >>> model.output_shape
        (None, 16)

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 2.
        - Chen et al., 2018, "MobileFaceNets", section 3.2 (the last convolution).
    """
    _check_images(input_shape, least=2 ** (1 + len(widths)))
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = _conv_bn(x, widths[0] // 2, 3, 2, momentum, "stem")
    x = layers.Activation("relu", name="stem_relu")(x)
    for stage, width in enumerate(widths, start=1):
        x = residual_block(x, width, strides=2, momentum=momentum, name=f"stage{stage}")
    height, width = x.shape[1:3]
    x = layers.DepthwiseConv2D(
        (height, width),
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(1 / (height * width)),
        name="pool",
    )(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embedding_size, use_bias=False, name="dense")(x)
    # Centred and of one size in every direction, embeddings use the whole sphere.
    x = layers.BatchNormalization(momentum=momentum, name="bn")(x)
    outputs = layers.UnitNormalization(dtype="float32", name="embedding")(x)
    return keras.Model(inputs, outputs, name=name)


def residual_block(x, filters: int, *, strides: int = 2, momentum: float = 0.9, name):
    """Two 3x3 convolutions plus a shortcut, averaged and projected.

    Args:
        x: `(batch, height, width, channels)`.
        filters: channels of the result.
        strides: of the first convolution and of the shortcut.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> residual_block(keras.Input((14, 12, 8)), 16, name="a").shape
        (None, 7, 6, 16)

    Reference:
        - He et al., 2019, "Bag of tricks for image classification with convolutional
          neural networks", figure 2c (ResNet-D).
    """
    shortcut = x
    if strides != 1:
        shortcut = layers.AveragePooling2D(
            strides, padding="same", name=f"{name}_shortcut_pool"
        )(shortcut)
    if strides != 1 or x.shape[-1] != filters:
        shortcut = _conv_bn(shortcut, filters, 1, 1, momentum, f"{name}_shortcut")
    y = _conv_bn(x, filters, 3, strides, momentum, f"{name}_1")
    y = layers.Activation("relu", name=f"{name}_relu1")(y)
    y = _conv_bn(y, filters, 3, 1, momentum, f"{name}_2")
    y = layers.Add(name=f"{name}_add")([y, shortcut])
    return layers.Activation("relu", name=f"{name}_relu2")(y)


def _conv_bn(x, filters, kernel_size, strides, momentum, name):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(momentum=momentum, name=f"{name}_bn")(x)


# Two faces


def siamese_model(
    embedder: keras.Model, *, name: str = "siamese_model", **head_arguments
) -> keras.Model:
    """One network that looks at two faces, and a logit of whether they are one person.

    Args:
        embedder: maps pictures to vectors; both pictures share its weights.
        name: of the model.
        **head_arguments: of `SiameseHead`.

    Returns:
        Uncompiled model: two batches of images to logits `(batch, 1)`, above 0 for the
        same person. Its layer named as the embedder is the embedder.

    Example:
        >>> model = siamese_model(face_embedder((32, 32, 3), 8, widths=(8,)))
        >>> model.output_shape
        (None, 1)

    Reference:
        - Taigman et al., 2014, "DeepFace: closing the gap to human-level performance in
          face verification", section 4.2.
        - Course 4, week 4, "Face verification and binary classification".
    """
    shape, dtype = embedder.input_shape[1:], embedder.inputs[0].dtype
    images = [
        keras.Input(shape, dtype=dtype, name=f"{number}_image")
        for number in ("first", "second")
    ]
    head = SiameseHead(name="same", **head_arguments)
    outputs = head([embedder(image) for image in images])
    return keras.Model(images, outputs, name=name)


def _check_images(input_shape, least):
    sizes = tuple(input_shape)[:2]
    is_small = any(size is None or size < least for size in sizes)
    if len(input_shape) != 3 or is_small:
        raise ValueError(
            f"`input_shape` must be (height, width, channels), {least} pixels or more "
            f"each way. Received: input_shape={tuple(input_shape)}."
        )
