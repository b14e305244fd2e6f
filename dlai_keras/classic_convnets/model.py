"""The classic convolutional networks, each as published and at any other size.

All return logits. Images come as the papers scaled them, about -1 to 1; with
`rescale=True` a network takes pixels from 0 to 255. `width` is a factor of all channels
and hidden units. `small_stem=True` begins with a small kernel and keeps the resolution,
as is usual for pictures of 32 to 64 pixels; the rest of a network is the same.
"""

import functools
from collections.abc import Sequence

import keras
from keras import layers

from dlai_keras.classic_convnets.codes import class_codes
from dlai_keras.classic_convnets.layers import (
    ConnectionTableConv2D,
    LocalResponseNormalization,
    RadialBasis,
    SpatialExpectation,
    Subsampling,
    scaled_tanh,
)

# Which of S2's six maps each of C3's sixteen sees: table I of the paper.
LENET_TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5)),
    *((0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
VGG16_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
RESNET_WIDTHS = (64, 128, 256, 512)
# 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; projection of the pooling.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# Filters and strides of MobileNet's thirteen blocks.
MOBILENET_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)
# Epsilon of keras.applications' ResNets.
RESNET_EPSILON = 1.001e-5


# LeNet-5


def lenet5(
    input_shape: tuple[int, int, int] = (32, 32, 1),
    num_classes: int = 10,
    *,
    table: Sequence[Sequence[int]] = LENET_TABLE,
    radial_basis: bool = True,
    rescale: bool = False,
    name: str = "lenet5",
) -> keras.Model:
    """LeNet-5 as in 1998: 60,000 trainable parameters, and 840 fixed ones.

    With its trainable subsampling, its table of connections between S2 and C3, its
    scaled hyperbolic tangents and its radial basis outputs. The logits are minus the
    squared distances to the classes' codes, so cross-entropy from logits is the paper's
    criterion without its rubbish class.

    Args:
        input_shape: `(height, width, channels)`, 32 pixels each way or more.
        num_classes: number of logits. For ten the codes are drawn digits.
        table: connections of C3.
        radial_basis: False ends in a dense layer, as everybody does today.
        rescale: whether pixels come from 0 to 255; the paper's go from -0.1
            (background) to 1.175 (ink).
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the images are too small or their size is open.

    Example:
        >>> lenet5().count_params()
        60840

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          section II.B.
    """
    inputs, x = _images(input_shape, rescale, least=32)
    x = layers.Conv2D(6, 5, activation=scaled_tanh, name="c1")(x)
    x = Subsampling(2, name="s2")(x)
    x = layers.Activation(scaled_tanh, name="s2_tanh")(x)
    x = ConnectionTableConv2D(table, 5, name="c3")(x)
    x = layers.Activation(scaled_tanh, name="c3_tanh")(x)
    x = Subsampling(2, name="s4")(x)
    x = layers.Activation(scaled_tanh, name="s4_tanh")(x)
    x = layers.Conv2D(120, 5, activation=scaled_tanh, name="c5")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation=scaled_tanh, name="f6")(x)
    if radial_basis:
        x = RadialBasis(class_codes(num_classes, 84), name="distances")(x)
        outputs = layers.Rescaling(-1.0, name="logits")(x)
    else:
        outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def lenet5_course(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    width: float = 1.0,
    rescale: bool = False,
    name: str = "lenet5_course",
) -> keras.Model:
    """LeNet-5 as the course draws it: 62,958 parameters.

    Max pooling, ReLU and a softmax; colour pictures. Its table of parameters: 608,
    3,216, 48,120, 10,164 and 850.

    Args:
        input_shape: `(height, width, channels)`, 16 pixels each way or more.
        num_classes: number of logits.
        width: factor of all channels and units.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the images are too small or their size is open.

    Example:
        >>> lenet5_course().count_params()
        62958

    Reference:
        - Course 4, week 1, "CNN example".
    """
    inputs, x = _images(input_shape, rescale, least=16)
    for number, filters in ((1, 8), (2, 16)):
        x = _conv(x, _scaled(filters, width), 5, padding="valid", name=f"conv{number}")
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(_scaled(120, width), activation="relu", name="fc3")(x)
    x = layers.Dense(_scaled(84, width), activation="relu", name="fc4")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


# AlexNet and VGG


def alexnet(
    input_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    groups: int = 2,
    local_response_normalization: bool = True,
    dropout: float = 0.5,
    small_stem: bool = False,
    rescale: bool = False,
    name: str = "alexnet",
) -> keras.Model:
    """AlexNet: 60,965,224 parameters.

    The paper says 224 pixels; its own sizes of 55 and 13 need 227. `groups` are its two
    graphics cards: the second, fourth and fifth convolution see half of the maps each.
    Biases start at 0, kernels as He et al. draw them.

    Args:
        input_shape: `(height, width, channels)`, 67 pixels each way or more (15 with
            the small stem).
        num_classes: number of logits.
        width: factor of all channels and units.
        groups: 1 for one card.
        local_response_normalization: after the first two convolutions.
        dropout: before the two hidden dense layers.
        small_stem: 5x5 without strides in place of 11x11 with strides of 4.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the images are too small or their size is open.

    Example:
        >>> alexnet((32, 32, 3), 10, width=0.125, small_stem=True).output_shape
        (None, 10)

    Reference:
        - Krizhevsky et al., 2012, "ImageNet classification with deep convolutional
          neural networks".
    """
    inputs, x = _images(input_shape, rescale, least=15 if small_stem else 67)
    scaled = functools.partial(_scaled, width=width, divisor=groups)

    def pool(x, number):
        if local_response_normalization and number < 3:
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        return layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)

    if small_stem:
        x = _conv(x, scaled(96), 5, name="conv1")
    else:
        x = _conv(x, scaled(96), 11, strides=4, padding="valid", name="conv1")
    x = pool(x, 1)
    x = _conv(x, scaled(256), 5, groups=groups, name="conv2")
    x = pool(x, 2)
    x = _conv(x, scaled(384), 3, name="conv3")
    x = _conv(x, scaled(384), 3, groups=groups, name="conv4")
    x = _conv(x, scaled(256), 3, groups=groups, name="conv5")
    x = pool(x, 5)
    x = layers.Flatten(name="flatten")(x)
    outputs = _dense_top(x, scaled(4096), num_classes, dropout, first=6)
    return keras.Model(inputs, outputs, name=name)


def vgg16(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    dropout: float = 0.5,
    batch_norm: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "vgg16",
) -> keras.Model:
    """VGG-16: 138,357,544 parameters, 3x3 convolutions and 2x2 pooling throughout.

    Args:
        input_shape: `(height, width, channels)`, 32 pixels each way or more.
        num_classes: number of logits.
        width: factor of all channels and units.
        dropout: after the two hidden dense layers.
        batch_norm: after every convolution, which the paper did not know.
        momentum: of its moving averages.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the images are too small or their size is open.

    Example:
        >>> vgg16((32, 32, 3), 10, width=0.125).count_params()
        531634

    Reference:
        - Simonyan and Zisserman, 2015, "Very deep convolutional networks for
          large-scale image recognition", table 1, column D.
    """
    inputs, x = _images(input_shape, rescale, least=32)
    for stage, (filters, repeats) in enumerate(VGG16_STAGES, start=1):
        for number in range(1, repeats + 1):
            x = _conv(
                x,
                _scaled(filters, width),
                3,
                momentum=momentum if batch_norm else None,
                name=f"conv{stage}_{number}",
            )
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = _dense_top(x, _scaled(4096, width), num_classes, dropout, first=6)
    return keras.Model(inputs, outputs, name=name)


# ResNets


def basic_block(x, filters, *, strides=1, momentum=0.99, name):
    """Two 3x3 convolutions plus a shortcut, as in ResNet-18 and 34.

    Args:
        x: `(batch, height, width, channels)`.
        filters: channels of the result.
        strides: of the first convolution and of the shortcut.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 2.
    """
    conv = functools.partial(
        _conv, momentum=momentum, epsilon=RESNET_EPSILON, use_bias=False
    )
    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = conv(
            x, filters, 1, strides=strides, relu=False, name=f"{name}_shortcut"
        )
    x = conv(x, filters, 3, strides=strides, padding="explicit", name=f"{name}_1")
    x = conv(x, filters, 3, relu=False, name=f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def bottleneck_block(
    x,
    filters,
    *,
    strides=1,
    project=False,
    use_bias=False,
    stride_first=False,
    momentum=0.99,
    name,
):
    """1x1, 3x3 and 1x1 convolutions plus a shortcut, as in ResNet-50.

    Args:
        x: `(batch, height, width, channels)`.
        filters: channels of the first two convolutions; the result has four times as
            many.
        strides: of the block.
        project: whether the shortcut is a convolution.
        use_bias: whether convolutions have a bias, which the normalisation after them
            takes away again.
        stride_first: whether the 1x1 convolution has the strides, as in the paper, and
            not the 3x3 one.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), 4 * filters)`.

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", figure 5.
    """
    conv = functools.partial(
        _conv, momentum=momentum, epsilon=RESNET_EPSILON, use_bias=use_bias
    )
    shortcut = x
    if project:
        shortcut = conv(
            x, 4 * filters, 1, strides=strides, relu=False, name=f"{name}_shortcut"
        )
    first, second = (strides, 1) if stride_first else (1, strides)
    x = conv(x, filters, 1, strides=first, name=f"{name}_1")
    x = conv(x, filters, 3, strides=second, padding="explicit", name=f"{name}_2")
    x = conv(x, 4 * filters, 1, relu=False, name=f"{name}_3")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def resnet18(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    small_stem: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "resnet18",
) -> keras.Model:
    """ResNet-18: 11,689,512 trainable parameters, torchvision's count.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        num_classes: number of logits.
        width: factor of all channels.
        small_stem: 3x3 without strides and pooling in place of 7x7 with both.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the shape is none of a picture.

    Example:
        >>> resnet18((32, 32, 3), 10, width=0.125, small_stem=True).output_shape
        (None, 10)

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", table 1.
    """
    return _resnet(
        input_shape,
        num_classes,
        (2, 2, 2, 2),
        width,
        small_stem,
        momentum,
        rescale,
        name,
    )


def resnet34(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    small_stem: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "resnet34",
) -> keras.Model:
    """ResNet-34: 21,797,672 trainable parameters, torchvision's count.

    Args:
        input_shape: as `resnet18`; so are all others.
        num_classes: number of logits.
        width: factor of all channels.
        small_stem: 3x3 without strides and pooling in place of 7x7 with both.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the shape is none of a picture.

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", table 1.
    """
    return _resnet(
        input_shape,
        num_classes,
        (3, 4, 6, 3),
        width,
        small_stem,
        momentum,
        rescale,
        name,
    )


def resnet50(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    small_stem: bool = False,
    use_bias: bool = False,
    stride_first: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "resnet50",
) -> keras.Model:
    """ResNet-50: 25,557,032 trainable parameters, torchvision's count.

    With `use_bias=True, stride_first=True` it is `keras.applications.ResNet50`: with
    biases and moving averages 25,636,712 parameters.

    Args:
        input_shape: as `resnet18`.
        num_classes: number of logits.
        width: factor of all channels.
        small_stem: 3x3 without strides and pooling in place of 7x7 with both.
        use_bias: whether convolutions have biases.
        stride_first: see `bottleneck_block`.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the shape is none of a picture.

    Reference:
        - He et al., 2016, "Deep residual learning for image recognition", table 1.
    """
    return _resnet(
        input_shape,
        num_classes,
        (3, 4, 6, 3),
        width,
        small_stem,
        momentum,
        rescale,
        name,
        bottleneck={"use_bias": use_bias, "stride_first": stride_first},
    )


def _resnet(
    input_shape,
    num_classes,
    depths,
    width,
    small_stem,
    momentum,
    rescale,
    name,
    bottleneck=None,
):
    inputs, x = _images(input_shape, rescale)
    stem = functools.partial(
        _conv,
        x,
        _scaled(RESNET_WIDTHS[0], width),
        momentum=momentum,
        epsilon=RESNET_EPSILON,
        use_bias=bool(bottleneck and bottleneck["use_bias"]),
        name="stem",
    )
    if small_stem:
        x = stem(3)
    else:
        x = stem(7, strides=2, padding="explicit")
        # What is padded is below all that a ReLU gives, or equal.
        x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
        x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, (filters, depth) in enumerate(
        zip(RESNET_WIDTHS, depths, strict=True), start=1
    ):
        for block in range(1, depth + 1):
            options = {
                "strides": 2 if stage > 1 and block == 1 else 1,
                "momentum": momentum,
                "name": f"stage{stage}_block{block}",
            }
            if bottleneck is None:
                x = basic_block(x, _scaled(filters, width), **options)
            else:
                options |= bottleneck | {"project": block == 1}
                x = bottleneck_block(x, _scaled(filters, width), **options)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


# 1x1 convolutions: network in network, Inception


def network_in_network(
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    num_classes: int = 10,
    *,
    width: float = 1.0,
    dropout: float = 0.5,
    rescale: bool = False,
    name: str = "network_in_network",
) -> keras.Model:
    """Network in network: a small dense network, as 1x1 convolutions, at every pixel.

    966,986 parameters for CIFAR-10; no dense layer: the last maps are the classes'.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        num_classes: number of logits.
        width: factor of all channels.
        dropout: after the first two blocks.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the shape is none of a picture.

    Example:
        >>> network_in_network().count_params()
        966986

    Reference:
        - Lin et al., 2014, "Network in network".
        - Course 4, week 2, "Networks in networks and 1x1 convolutions".
    """
    inputs, x = _images(input_shape, rescale)
    blocks = (((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192, None), 3))
    for block, (filters, kernel_size) in enumerate(blocks, start=1):
        for part, channels in enumerate(filters, start=1):
            x = _conv(
                x,
                _scaled(channels, width) if channels else num_classes,
                kernel_size if part == 1 else 1,
                relu=channels is not None,
                name=f"block{block}_{part}",
            )
        if block < 3:
            pool = layers.MaxPooling2D if block == 1 else layers.AveragePooling2D
            x = pool(3, 2, padding="same", name=f"pool{block}")(x)
            x = layers.Dropout(dropout, name=f"dropout{block}")(x)
    outputs = layers.GlobalAveragePooling2D(name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def inception_module(x, filters, *, momentum=None, name):
    """1x1, 3x3 and 5x5 convolutions and pooling side by side, with 1x1 before each.

    Args:
        x: `(batch, height, width, channels)`.
        filters: of 1x1; 3x3 reduced and 3x3; 5x5 reduced and 5x5; the projection after
            pooling.
        momentum: of batch normalisation after every convolution; None for none.
        name: prefix of the layers' names.

    Returns:
        `(batch, height, width, f[0] + f[2] + f[4] + f[5])`.

    Example:
        >>> x = keras.Input((28, 28, 192))
        >>> inception_module(x, INCEPTIONS["3a"], name="3a").shape
        (None, 28, 28, 256)

    Reference:
        - Szegedy et al., 2015, "Going deeper with convolutions", figure 2b.
        - Course 4, week 2, "Inception network".
    """
    conv = functools.partial(_conv, momentum=momentum, use_bias=momentum is None)
    one, three_reduced, three, five_reduced, five, projected = filters
    branches = [conv(x, one, 1, name=f"{name}_1x1")]
    reduced = conv(x, three_reduced, 1, name=f"{name}_3x3_reduce")
    branches.append(conv(reduced, three, 3, name=f"{name}_3x3"))
    reduced = conv(x, five_reduced, 1, name=f"{name}_5x5_reduce")
    branches.append(conv(reduced, five, 5, name=f"{name}_5x5"))
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branches.append(conv(pooled, projected, 1, name=f"{name}_projection"))
    return layers.Concatenate(name=f"{name}_concat")(branches)


def googlenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    side_outputs: bool = True,
    local_response_normalization: bool = True,
    batch_norm: bool = False,
    dropout: float = 0.4,
    small_stem: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "googlenet",
) -> keras.Model:
    """GoogLeNet, nine Inception modules: 6,998,552 parameters, 13,378,280 with sides.

    The side outputs, after 4a and 4d, carry gradient into the middle of the network.
    Train with `loss_weights=[1, 0.3, 0.3]`, and afterwards keep the first:
    `keras.Model(model.input, model.outputs[0])`.

    Args:
        input_shape: `(height, width, channels)`, 32 pixels each way or more.
        num_classes: number of logits of each output.
        width: factor of all channels and units.
        side_outputs: whether there are side outputs.
        local_response_normalization: in the stem.
        batch_norm: after every convolution, and in place of local response
            normalisation, as in the year after.
        dropout: before the last layer; the sides have 0.7.
        small_stem: 3x3 without strides in place of 7x7 with strides and pooling.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`, or to a list of three
        such, the network's own first.

    Raises:
        ValueError: the images are too small or their size is open.

    Example:
        >>> model = googlenet((32, 32, 3), 10, width=0.125, small_stem=True)
        >>> [shape[1] for shape in model.output_shape]
        [10, 10, 10]

    Reference:
        - Szegedy et al., 2015, "Going deeper with convolutions", table 1.
    """
    inputs, x = _images(input_shape, rescale, least=32)
    conv = functools.partial(
        _conv, momentum=momentum if batch_norm else None, use_bias=not batch_norm
    )
    scaled = functools.partial(_scaled, width=width)
    has_norm = local_response_normalization and not batch_norm

    def pool(x, name):
        return layers.MaxPooling2D(3, 2, padding="same", name=name)(x)

    if small_stem:
        x = conv(x, scaled(64), 3, name="conv1")
    else:
        x = conv(x, scaled(64), 7, strides=2, name="conv1")
        x = pool(x, "pool1")
    if has_norm:
        x = LocalResponseNormalization(name="norm1")(x)
    x = conv(x, scaled(64), 1, name="conv2_reduce")
    x = conv(x, scaled(192), 3, name="conv2")
    if has_norm:
        x = LocalResponseNormalization(name="norm2")(x)
    x = pool(x, "pool2")
    sides = []
    for module, filters in INCEPTIONS.items():
        if module in ("4a", "5a"):
            x = pool(x, f"pool{int(module[0]) - 1}")
        x = inception_module(
            x,
            [scaled(number) for number in filters],
            momentum=momentum if batch_norm else None,
            name=f"inception_{module}",
        )
        if side_outputs and module in ("4a", "4d"):
            sides.append(_side_output(x, num_classes, conv, scaled, f"side_{module}"))
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, [outputs, *sides] if sides else outputs, name=name)


def _side_output(x, num_classes, conv, scaled, name):
    window = tuple(min(5, size) for size in x.shape[1:3])
    x = layers.AveragePooling2D(window, 3, name=f"{name}_pool")(x)
    x = conv(x, scaled(128), 1, name=f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(scaled(1024), activation="relu", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(num_classes, name=f"{name}_logits")(x)


# MobileNet


def separable_block(x, filters, *, strides=1, momentum=0.99, name):
    """A depthwise 3x3 convolution, then a 1x1, each normalised: MobileNet's.

    A plain convolution costs `9 * channels * filters` a pixel, this one
    `9 * channels + channels * filters`: about a ninth.

    Args:
        x: `(batch, height, width, channels)`.
        filters: channels of the result.
        strides: of the depthwise convolution.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Reference:
        - Howard et al., 2017, "MobileNets", figure 3.
        - Course 4, week 2, "MobileNet".
    """
    if strides != 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        name=f"{name}_depthwise",
    )(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_pointwise_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_pointwise_relu")(x)


def mobilenet(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    width: float = 1.0,
    dropout: float = 1e-3,
    small_stem: bool = False,
    momentum: float = 0.99,
    rescale: bool = False,
    name: str = "mobilenet",
) -> keras.Model:
    """MobileNet, the first: 4,253,864 parameters, those of `keras.applications`.

    Args:
        input_shape: `(height, width, channels)`; height and width may be None.
        num_classes: number of logits.
        width: factor of all channels, the paper's alpha.
        dropout: before the last layer.
        small_stem: no strides in the first convolution.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to logits `(batch, num_classes)`.

    Raises:
        ValueError: the shape is none of a picture.

    Example:
        >>> mobilenet((32, 32, 3), 10, width=0.25, small_stem=True).count_params()
        221114

    Reference:
        - Howard et al., 2017, "MobileNets: efficient convolutional neural networks for
          mobile vision applications", table 1.
    """
    inputs, x = _images(input_shape, rescale)
    x = layers.Conv2D(
        int(32 * width),
        3,
        1 if small_stem else 2,
        padding="same",
        use_bias=False,
        name="stem",
    )(x)
    x = layers.BatchNormalization(momentum=momentum, name="stem_bn")(x)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    for number, (filters, strides) in enumerate(MOBILENET_BLOCKS, start=1):
        x = separable_block(
            x,
            int(filters * width),
            strides=strides,
            momentum=momentum,
            name=f"block{number}",
        )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


# Landmarks and attributes of faces


def face_network(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    num_landmarks: int = 14,
    num_attributes: int = 5,
    *,
    widths: tuple[int, int, int] = (16, 32, 64),
    momentum: float = 0.9,
    rescale: bool = True,
    name: str = "face_network",
) -> keras.Model:
    """Two tasks on one body: where the landmarks are, and which attributes a face has.

    Every landmark has a map, and its place is the mean under the map's softmax. The
    maps have a quarter of the picture's resolution and see the whole face through a
    branch of a sixteenth. Attributes are independent questions, one sigmoid each.

    Args:
        input_shape: `(height, width, channels)`, multiples of 16.
        num_landmarks: how many.
        num_attributes: how many.
        widths: channels at a half, a quarter and less of the resolution.
        momentum: of the moving averages of batch normalisation.
        rescale: whether pixels come from 0 to 255.
        name: of the model.

    Returns:
        Uncompiled model: images to a dict: `landmarks`, `(batch, num_landmarks, 2)`, x
        and y as shares of width and height, and `attributes`, logits
        `(batch, num_attributes)`.

    Raises:
        ValueError: the size is no multiple of 16.

    Example:
        >>> model = face_network((32, 32, 3), widths=(4, 8, 8))
        >>> {name: output.shape for name, output in model.output.items()}
        {'landmarks': (None, 14, 2), 'attributes': (None, 5)}

    Reference:
        - Course 4, week 3, "Landmark detection"; course 3, week 2, "Multi-task
          learning".
    """
    if any(size is None or size % 16 for size in input_shape[:2]):
        raise ValueError(
            "`input_shape` must be (height, width, channels), height and width "
            f"multiples of 16. Received: input_shape={tuple(input_shape)}."
        )
    inputs, x = _images(input_shape, rescale)
    conv = functools.partial(_conv, momentum=momentum, use_bias=False)
    half, quarter, deep = widths
    x = conv(x, half, 3, strides=2, name="conv1")
    fine = x = conv(x, quarter, 3, strides=2, name="conv2")
    x = conv(x, deep, 3, strides=2, name="conv3")
    coarse = x = conv(x, deep, 3, name="conv4")
    x = conv(x, deep, 3, strides=2, name="conv5")
    x = conv(x, deep, 3, name="conv6")
    context = layers.UpSampling2D(2, interpolation="bilinear", name="up1")(x)
    coarse = layers.Concatenate(name="join1")([coarse, context])
    coarse = conv(coarse, quarter, 3, name="conv7")
    coarse = layers.UpSampling2D(2, interpolation="bilinear", name="up2")(coarse)
    maps = layers.Concatenate(name="join2")([fine, coarse])
    maps = conv(maps, quarter, 3, name="conv8")
    maps = layers.Conv2D(num_landmarks, 1, name="maps")(maps)
    landmarks = SpatialExpectation(name="landmarks")(maps)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    attributes = layers.Dense(num_attributes, name="attributes")(x)
    outputs = {"landmarks": landmarks, "attributes": attributes}
    return keras.Model(inputs, outputs, name=name)


# All networks by name, as scripts offer them.
NETWORKS = {
    "lenet5": lenet5,
    "lenet5_course": lenet5_course,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "network_in_network": network_in_network,
    "googlenet": googlenet,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "mobilenet": mobilenet,
}


# Parts


def _images(input_shape, rescale, least=None):
    """Input and first tensor, once the shape is known to suit the network."""
    sizes = input_shape[:2]
    is_small = least is not None and any(x is None or x < least for x in sizes)
    if len(input_shape) != 3 or is_small:
        raise ValueError(
            "`input_shape` must be (height, width, channels)"
            + (f", {least} pixels each way or more" if least else "")
            + f". Received: input_shape={tuple(input_shape)}."
        )
    inputs = keras.Input(input_shape, name="image")
    if not rescale:
        return inputs, inputs
    return inputs, layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)


def _scaled(number, width, divisor=1):
    """A number of channels times `width`, a multiple of `divisor`."""
    return max(divisor, round(number * width / divisor) * divisor)


def _conv(
    x,
    filters,
    kernel_size,
    *,
    strides=1,
    padding="same",
    groups=1,
    relu=True,
    momentum=None,
    epsilon=1e-3,
    use_bias=True,
    name,
):
    """A convolution, with normalisation where there is a momentum, and ReLU.

    `padding="explicit"` puts the same number of zeros on all sides, as PyTorch and
    Caffe do; "same" puts more of them below and to the right where there are strides.
    """
    if padding == "explicit" and strides == 1:
        padding = "same"
    elif padding == "explicit":
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if momentum is not None:
        x = layers.BatchNormalization(
            momentum=momentum, epsilon=epsilon, name=f"{name}_bn"
        )(x)
    return layers.Activation("relu", name=f"{name}_relu")(x) if relu else x


def _dense_top(x, units, num_classes, dropout, first):
    """Two hidden dense layers and the logits, as in AlexNet and VGG."""
    for number in (first, first + 1):
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"fc{number}",
        )(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    return layers.Dense(num_classes, name="logits")(x)
