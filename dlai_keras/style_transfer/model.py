"""A picture as the weight of a model, and networks that stylise in one pass."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
from keras import layers, ops

from dlai_keras.style_transfer.layers import (
    AdaptiveInstanceNormalization,
    Canvas,
    ChannelStatistics,
    GramMatrix,
    PixelRange,
    ReflectionPadding2D,
)
from dlai_keras.style_transfer.losses import (
    ContentLoss,
    StyleLoss,
    TotalVariation,
    content_loss,
    statistics_loss,
    style_loss,
    total_variation,
)

NORMS = ("instance", "group")
_CHANNELS_OF_GROUP = 8
_EPSILON = 1e-5

# The picture that is optimised


def check_layers(
    extractor: keras.Model, content_layer: str, style_layers: Iterable[str] = ()
) -> None:
    """Refuses layers that an extractor does not have.

    Args:
        extractor: as `load_extractor` returns it.
        content_layer: name of a layer.
        style_layers: names of others.

    Raises:
        ValueError: one is missing; the message names those that are there.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> check_layers(keras.Model(x, {"mean": layers.AveragePooling2D(2)(x)}), "man")
        Traceback (most recent call last):
        ...
        ValueError: The extractor has the layers mean. Received: man. Did you mean mean?
    """
    known = getattr(extractor, "output", None)
    if not isinstance(known, dict):
        raise ValueError(
            "The extractor's output must be a dict of features by layer, as "
            f"`load_extractor` makes it. Received: {type(known).__name__}."
        )
    for layer in (content_layer, *style_layers):
        if layer not in known:
            close = difflib.get_close_matches(str(layer), known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ValueError(
                f"The extractor has the layers {', '.join(known)}. Received: {layer}."
                f"{hint}"
            )


def style_canvas(
    extractor: keras.Model,
    size: tuple[int, int],
    *,
    content_layer: str,
    style_layers: Sequence[str],
    total_variation: float = 0.0,
    maps: Mapping[str, np.ndarray] | None = None,
    name: str = "style_canvas",
) -> keras.Model:
    """The picture as the one trainable weight of a model: `fit` paints it.

    Canvas, then the frozen extractor, then Gram matrices. The targets of `fit` are the
    same figures of the content picture and of the style; `losses_of` makes the losses.

    Args:
        extractor: pictures `(batch, height, width, 3)`, 0 to 1, to a dict of features
            by layer, as `load_extractor` returns it.
        size: (height, width) of the picture, pixels.
        content_layer: whose features are those of the content.
        style_layers: whose Gram matrices are those of the style.
        total_variation: weight of the differences between neighbouring pixels.
        maps: by style layer, regions of its features `(1, height, width, regions)`,
            0 or more; the Gram matrices are then those of each region.
        name: of the model.

    Returns:
        Uncompiled model: any `(1, 1)`, which it does not look at, to a dict of
        `"content"`, features `(1, height, width, channels)`, and for each style layer
        `"style/<layer>"`, `(1, channels, channels)` or
        `(1, regions, channels, channels)`. The picture is the weight `picture` of its
        layer `canvas`.

    Raises:
        ValueError: the extractor has no such layer, or a map has another size than its
            features.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> extractor = keras.Model(x, {"mean": layers.AveragePooling2D(2)(x)})
        >>> model = style_canvas(
        ...     extractor, (6, 8), content_layer="mean", style_layers=["mean"]
        ... )
        >>> [tuple(weight.shape) for weight in model.trainable_weights]
        [(1, 6, 8, 3)]
        >>> {name: ops.shape(y) for name, y in model(np.zeros((1, 1))).items()}
        {'content': (1, 3, 4, 3), 'style/mean': (1, 3, 3)}

    Reference:
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks", figure 2.
        - Gatys et al., 2017, "Controlling perceptual factors in neural style transfer",
          section 4 (the maps).
    """
    check_layers(extractor, content_layer, style_layers)
    canvas = Canvas(
        *size,
        regularizer=TotalVariation(total_variation) if total_variation else None,
        constraint=PixelRange(),
        name="canvas",
    )
    inputs = keras.Input((1,), batch_size=1, name="unused")
    features = extractor(canvas(inputs))
    outputs = {"content": features[content_layer]}
    for layer in style_layers:
        x = features[layer]
        if maps is not None:
            regions = np.asarray(maps[layer], "float32")
            if regions.ndim != 4 or regions.shape[:3] != tuple(x.shape[:3]):
                raise ValueError(
                    f"The map of {layer} must be (1, height, width, regions) with the "
                    f"size of its features, {tuple(x.shape[1:3])}. Received: shape="
                    f"{regions.shape}."
                )
            x = [x, ops.convert_to_tensor(regions)]
        outputs[f"style/{layer}"] = GramMatrix(name=_layer_name("gram", layer))(x)
    return keras.Model(inputs, outputs, name=name)


def losses_of(
    style_layers: Mapping[str, float],
    *,
    content_weight: float = 10.0,
    style_weight: float = 40.0,
) -> dict:
    """The arguments `loss` and `loss_weights` of `compile` for a `style_canvas`.

    Args:
        style_layers: weight of each style layer.
        content_weight: of the content; 10 in the course.
        style_weight: of the style, all layers together; 40 in the course.

    Returns:
        Two dicts with the names of the model's outputs.

    Example:
        >>> losses_of({"a": 0.25, "b": 0.75})["loss_weights"]
        {'content': 10.0, 'style/a': 10.0, 'style/b': 30.0}
    """
    weights = {"content": float(content_weight)}
    for layer, weight in style_layers.items():
        weights[f"style/{layer}"] = float(style_weight * weight)
    loss = {
        name: ContentLoss() if name == "content" else StyleLoss() for name in weights
    }
    return {"loss": loss, "loss_weights": weights}


def training_losses(
    style_layers: Mapping[str, float],
    *,
    content_weight: float = 10.0,
    style_weight: float = 40.0,
    total_variation: float = 0.0,
) -> dict:
    """The same for the trainers, whose outputs are losses: they are to be 0.

    Args:
        style_layers: weight of each style layer.
        content_weight: of the content.
        style_weight: of the style, all layers together.
        total_variation: weight of the differences between neighbouring pixels.

    Returns:
        The arguments `loss` and `loss_weights` of `compile`.

    Example:
        >>> training_losses({"a": 1.0}, total_variation=0.5)["loss_weights"]
        {'content': 10.0, 'style/a': 40.0, 'total_variation': 0.5}
    """
    weights = losses_of(
        style_layers, content_weight=content_weight, style_weight=style_weight
    )["loss_weights"]
    weights["total_variation"] = float(total_variation)
    loss = dict.fromkeys(weights, "mean_absolute_error")
    return {"loss": loss, "loss_weights": weights}


# One style in one pass


def transfer_network(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    *,
    widths: tuple[int, int, int] = (16, 32, 64),
    num_blocks: int = 5,
    norm: str = "instance",
    name: str = "transfer_network",
) -> keras.Model:
    """A network that learns one style and then paints any picture in one pass.

    Down to a quarter of the size, residual blocks, and up again: nearest neighbours
    and a convolution, since transposed convolutions leave a checkerboard. Borders are
    mirrored, since zeros leave a frame.

    Args:
        input_shape: `(height, width, 3)`; any size of 5 pixels or more by default.
        widths: filters at the whole, the half and the quarter of the size; half of
            those of the paper.
        num_blocks: residual blocks.
        norm: `"instance"` normalises each channel of each picture, `"group"` eight
            channels together.
        name: of the model.

    Returns:
        Uncompiled model: pictures `(batch, height, width, 3)`, 0 to 1, to pictures of
        the same size and range.

    Raises:
        ValueError: an argument is none of these.

    Example:
        >>> network = transfer_network(widths=(4, 4, 4), num_blocks=1)
        >>> network.output_shape, ops.shape(network(np.zeros((1, 7, 10, 3))))
        ((None, None, None, 3), (1, 7, 10, 3))

    Reference:
        - Johnson et al., 2016, "Perceptual losses for real-time style transfer and
          super-resolution", supplementary, table 1.
        - Ulyanov et al., 2017, "Improved texture networks" (instance normalisation).
        - Odena et al., 2016, "Deconvolution and checkerboard artifacts".
    """
    if len(widths) != 3 or min(widths) < 1:
        raise ValueError(
            "`widths` must be three numbers of filters, for the whole, the half and "
            f"the quarter of the size. Received: widths={widths}."
        )
    if num_blocks < 0:
        raise ValueError(
            f"`num_blocks` must not be negative. Received: num_blocks={num_blocks}."
        )
    if norm not in NORMS:
        raise ValueError(
            f"`norm` must be one of {', '.join(NORMS)}. Received: norm={norm!r}."
        )

    def conv_norm(x, filters, kernel_size, strides, name, activation="relu"):
        x = _convolve(x, filters, kernel_size, strides, use_bias=False, name=name)
        groups = -1  # as many as there are channels
        if norm == "group":
            groups = math.gcd(filters, max(1, filters // _CHANNELS_OF_GROUP))
        normalise = layers.GroupNormalization(
            groups, epsilon=_EPSILON, name=f"{name}_norm"
        )
        x = normalise(x)
        return layers.Activation(activation, name=f"{name}_{activation}")(x)

    inputs = keras.Input(input_shape, name="picture")
    x = conv_norm(inputs, widths[0], 9, 1, "stem")
    x = conv_norm(x, widths[1], 3, 2, "down1")
    x = conv_norm(x, widths[2], 3, 2, "down2")
    for block in range(1, num_blocks + 1):
        shortcut = x
        x = conv_norm(x, widths[2], 3, 1, f"block{block}_1")
        x = conv_norm(x, widths[2], 3, 1, f"block{block}_2", "linear")
        x = layers.Add(name=f"block{block}_add")([shortcut, x])
    for number, filters in ((2, widths[1]), (1, widths[0])):
        x = layers.UpSampling2D(2, name=f"up{number}_nearest")(x)
        x = conv_norm(x, filters, 3, 1, f"up{number}")
    x = _convolve(x, 3, 9, 1, name="head")
    # A size that is no multiple of 4 has become the next larger one.
    x = SameSize(name="same_size")([x, inputs])
    outputs = layers.Activation("sigmoid", name="stylised")(x)
    return keras.Model(inputs, outputs, name=name)


def transfer_trainer(
    network: keras.Model,
    extractor: keras.Model,
    *,
    content_layer: str,
    grams: Mapping[str, np.ndarray],
    name: str = "transfer_trainer",
) -> keras.Model:
    """A network and the extractor that judges its pictures, as one model for `fit`.

    Its outputs are losses, so all targets are zeros `(batch, 1)`; `training_losses`
    weighs them. Training changes the network only.

    Args:
        network: pictures to pictures, as of `transfer_network`.
        extractor: frozen, as `load_extractor` returns it.
        content_layer: whose features are to stay.
        grams: by layer, the style's Gram matrix `(1, channels, channels)`, as
            `gram_matrices` makes it.
        name: of the model.

    Returns:
        Uncompiled model: pictures `(batch, height, width, 3)` to a dict of `"content"`,
        `"style/<layer>"` and `"total_variation"`, losses `(batch, 1)`.

    Raises:
        ValueError: the extractor has no such layer.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> extractor = keras.Model(x, {"mean": layers.AveragePooling2D(2)(x)})
        >>> network = transfer_network(widths=(4, 4, 4), num_blocks=0)
        >>> grams = {"mean": np.zeros((1, 3, 3), "float32")}
        >>> trainer = transfer_trainer(
        ...     network, extractor, content_layer="mean", grams=grams
        ... )
        >>> trainer.compile("adam", **training_losses({"mean": 1.0}))
        >>> sorted(trainer(np.zeros((2, 8, 8, 3))))
        ['content', 'style/mean', 'total_variation']

    Reference:
        - Johnson et al., 2016, "Perceptual losses for real-time style transfer and
          super-resolution", figure 2.
    """
    check_layers(extractor, content_layer, grams)
    extractor.trainable = False
    inputs = keras.Input((None, None, 3), name="picture")
    stylised = network(inputs)
    after, before = extractor(stylised), extractor(inputs)
    outputs = {
        "content": content_loss(before[content_layer], after[content_layer]),
        "total_variation": total_variation(stylised),
    }
    for layer, gram in grams.items():
        own = GramMatrix(name=_layer_name("gram", layer))(after[layer])
        outputs[f"style/{layer}"] = style_loss(ops.convert_to_numpy(gram), own)
    return keras.Model(inputs, _columns(outputs), name=name)


# Any style in one pass


def adain_decoder(
    channels: Mapping[int, int],
    *,
    widths: Sequence[int] | None = None,
    name: str = "decoder",
) -> keras.Model:
    """Features back to a picture: nearest neighbours and convolutions, no norm.

    Args:
        channels: of the features, by how many times smaller than the picture they are,
            a power of 2. The smallest features come first; others join where the
            decoder has reached their size.
        widths: filters at each size, the smallest first, as many as there are sizes
            up to the picture's. By default the channels of the smallest features,
            halved at each doubling, and 16 or more.
        name: of the model.

    Returns:
        Uncompiled model: features, the smallest first (a list where there are several),
        `(batch, height, width, channels)`, to pictures `(batch, factor * height,
        factor * width, 3)`, before the sigmoid. Where features of a larger size lack
        some pixels, the picture has their size.

    Raises:
        ValueError: there are no features, a factor is no power of 2, or `widths` are
            too few or too many.

    Example:
        >>> decoder = adain_decoder({4: 8}, widths=(8, 8, 4))
        >>> ops.shape(decoder(np.zeros((1, 3, 5, 8))))
        (1, 12, 20, 3)
        >>> decoder = adain_decoder({4: 8, 1: 5})
        >>> ops.shape(decoder([np.zeros((1, 3, 5, 8)), np.zeros((1, 11, 20, 5))]))
        (1, 11, 20, 3)

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", section 6.1.
        - Ronneberger et al., 2015, "U-Net" (features of larger sizes join).
    """
    for factor in channels:
        if factor < 1 or factor & (factor - 1):
            raise ValueError(
                f"The keys of `channels` must be powers of 2. Received: {factor}."
            )
    if not channels:
        raise ValueError("`channels` must have one entry or more. Received: none.")
    largest = max(channels)
    num = largest.bit_length()  # sizes, the picture's own among them
    if widths is None:
        widths = [max(16, channels[largest] >> number) for number in range(num)]
    if len(widths) != num:
        raise ValueError(
            f"`widths` must be {num} numbers of filters, for the features and after "
            f"each doubling of the size. Received: widths={tuple(widths)}."
        )
    inputs = {
        factor: keras.Input((None, None, channels[factor]), name=f"features{factor}")
        for factor in sorted(channels, reverse=True)
    }
    x = inputs[largest]
    for number, filters in enumerate(widths):
        if number:
            x = layers.UpSampling2D(2, name=f"up{number}_nearest")(x)
            joining = inputs.get(largest >> number)
            if joining is not None:
                x = SameSize(name=f"same_size{number}")([x, joining])
                x = layers.Concatenate(name=f"join{number}")([x, joining])
        x = _convolve(x, filters, 3, 1, activation="relu", name=f"conv{number}")
    outputs = _convolve(x, 3, 3, 1, name="head")
    inputs = list(inputs.values())
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=name)


def adain_network(
    extractor: keras.Model,
    encoder_layers: Sequence[str],
    *,
    widths: Sequence[int] | None = None,
    name: str = "adain_network",
) -> keras.Model:
    """A network that paints any picture in the style of any other, in one pass.

    The features of the content get the mean and the standard deviation that each
    channel has in the style, and a decoder makes a picture of them. Only the decoder
    learns.

    Args:
        extractor: frozen, as `load_extractor` returns it; its layers up to those of the
            encoder become the network's own.
        encoder_layers: of the extractor, one as in the paper or several; a deeper one
            knows larger strokes, one of colours brings the colours.
        widths: of the decoder, see `adain_decoder`.
        name: of the model.

    Returns:
        Uncompiled model: a dict of `"content"` `(batch, height, width, 3)`, `"style"`
        `(batch, any height, any width, 3)`, both 0 to 1, and `"alpha"` `(batch, 1)`,
        from 0 for the content's own statistics to 1 for the style's, to pictures of
        the content's size. What the decoder reads of a layer is the output of
        `mixed_<layer>`.

    Raises:
        ValueError: the extractor has no such layer, or none is given.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> extractor = keras.Model(x, {"mean": layers.AveragePooling2D(2)(x)})
        >>> network = adain_network(extractor, ["mean"])
        >>> pictures = np.zeros((1, 7, 10, 3)), np.zeros((1, 8, 8, 3)), np.ones((1, 1))
        >>> ops.shape(network(dict(zip(("content", "style", "alpha"), pictures))))
        (1, 7, 10, 3)

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", figure 2 and equation 14 (alpha).
        - Li et al., 2017, "Universal style transfer via feature transforms" (several
          layers).
    """
    if not encoder_layers:
        raise ValueError("`encoder_layers` must name a layer. Received: none.")
    check_layers(extractor, encoder_layers[0], encoder_layers[1:])
    features = {layer: extractor.output[layer] for layer in encoder_layers}
    encoder = keras.Model(extractor.input, features, name="encoder")
    encoder.trainable = False
    # Convolutions without padding lose some pixels: 63 of 256 is still a quarter.
    factors = {
        layer: 2 ** round(math.log2(256 / shape[1]))
        for layer, shape in encoder.compute_output_shape((1, 256, 256, 3)).items()
    }

    content = keras.Input((None, None, 3), name="content")
    style = keras.Input((None, None, 3), name="style")
    alpha = keras.Input((1,), name="alpha")
    strength = layers.Reshape((1, 1, 1), name="strength")(alpha)
    own, wanted = encoder(content), encoder(style)
    mixed: dict[int, list] = {}
    for layer in encoder_layers:
        new = AdaptiveInstanceNormalization(name=_layer_name("adain", layer))(
            [own[layer], wanted[layer]]
        )
        change = layers.Subtract(name=_layer_name("difference", layer))(
            [new, own[layer]]
        )
        change = layers.Multiply(name=_layer_name("change", layer))([change, strength])
        mix = layers.Add(name=_layer_name("mixed", layer))([own[layer], change])
        mixed.setdefault(factors[layer], []).append(mix)
    joined = [_joined(factor, mixed[factor]) for factor in sorted(mixed, reverse=True)]
    decoder = adain_decoder(
        {
            factor: sum(mix.shape[-1] for mix in mixes)
            for factor, mixes in mixed.items()
        },
        widths=widths,
    )
    x = decoder(joined[0] if len(joined) == 1 else joined)
    x = SameSize(name="same_size")([x, content])
    outputs = layers.Activation("sigmoid", name="stylised")(x)
    inputs = {"content": content, "style": style, "alpha": alpha}
    return keras.Model(inputs, outputs, name=name)


def adain_trainer(
    network: keras.Model,
    extractor: keras.Model,
    *,
    encoder_layers: Sequence[str],
    style_layers: Sequence[str],
    name: str = "adain_trainer",
) -> keras.Model:
    """An AdaIN network and the extractor that judges its pictures, for `fit`.

    Its outputs are losses, as those of `transfer_trainer`. That of the content compares
    the picture's features with those that were decoded, as a mean over the layers; that
    of the style compares means and standard deviations.

    Args:
        network: as of `adain_network`.
        extractor: frozen, the one that the network was made with.
        encoder_layers: the network's.
        style_layers: whose means and standard deviations are to be the style's.
        name: of the model.

    Returns:
        Uncompiled model: the network's inputs to a dict of `"content"`,
        `"style/<layer>"` and `"total_variation"`, losses `(batch, 1)`.

    Raises:
        ValueError: the extractor has no such layer.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> extractor = keras.Model(x, {"mean": layers.AveragePooling2D(2)(x)})
        >>> named = {"encoder_layers": ["mean"], "style_layers": ["mean"]}
        >>> network = adain_network(extractor, ["mean"])
        >>> sorted(adain_trainer(network, extractor, **named).output)
        ['content', 'style/mean', 'total_variation']

    Reference:
        - Huang and Belongie, 2017, "Arbitrary style transfer in real-time with adaptive
          instance normalization", equations 11 to 13.
    """
    check_layers(extractor, encoder_layers[0], (*encoder_layers[1:], *style_layers))
    extractor.trainable = False
    mixed = {
        layer: network.get_layer(_layer_name("mixed", layer)).output
        for layer in encoder_layers
    }
    inside = keras.Model(
        network.input, {"stylised": network.output, "mixed": mixed}, name=network.name
    )
    inputs = {
        "content": keras.Input((None, None, 3), name="content"),
        "style": keras.Input((None, None, 3), name="style"),
        "alpha": keras.Input((1,), name="alpha"),
    }
    results = inside(inputs)
    after, wanted = extractor(results["stylised"]), extractor(inputs["style"])
    kept = [
        content_loss(results["mixed"][layer], after[layer]) for layer in encoder_layers
    ]
    outputs = {
        "content": sum(kept) / len(kept),
        "total_variation": total_variation(results["stylised"]),
    }
    for layer in style_layers:
        statistics = ChannelStatistics(name=_layer_name("statistics", layer))
        outputs[f"style/{layer}"] = statistics_loss(
            statistics(wanted[layer]), statistics(after[layer])
        )
    return keras.Model(inputs, _columns(outputs), name=name)


@keras.saving.register_keras_serializable(package="dlai_keras")
class SameSize(layers.Layer):
    """A picture cropped, or its edges repeated, to the height and width of another.

    Rows and columns too many are dropped at the end; those that lack are added at both
    ends alike. A network that halves its input three times and doubles it again, or one
    whose convolutions have no padding, ends a few pixels off.

    Input shape:
        A list of two, `(batch, height, width, channels)` and
        `(batch, wanted height, wanted width, any)`.
    Output shape:
        `(batch, wanted height, wanted width, channels)`.

    Example:
        >>> x = ops.reshape(ops.arange(4.0), (1, 2, 2, 1))
        >>> ops.convert_to_numpy(SameSize()([x, ops.zeros((1, 1, 3, 3))]))[0, ..., 0]
        array([[0., 1., 1.]], dtype=float32)
    """

    def call(self, inputs):
        x, like = inputs
        for axis in (1, 2):
            length, wanted = ops.shape(x)[axis], ops.shape(like)[axis]
            if {type(length), type(wanted)} == {int} and length == wanted:
                continue
            before = ops.maximum((wanted - length) // 2, 0)
            places = ops.arange(wanted, dtype="int32") - ops.cast(before, "int32")
            x = ops.take(x, ops.clip(places, 0, length - 1), axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        shape, like = input_shape
        return (shape[0], *like[1:3], shape[3])


def _convolve(x, filters, kernel_size, strides, **arguments):
    """A convolution whose borders are mirrored: half of `kernel_size` each way."""
    name = arguments["name"]
    x = ReflectionPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(filters, kernel_size, strides, **arguments)(x)


def _joined(factor, features):
    """Features of one size as one."""
    if len(features) == 1:
        return features[0]
    return layers.Concatenate(name=f"together{factor}")(features)


def _layer_name(kind, layer):
    """Keras' names have no slashes, those of some networks' layers have."""
    return f"{kind}_{layer}".replace("/", "_")


def _columns(outputs):
    """`(batch, 1)` of `(batch,)`: what Keras wants of an output."""
    return {name: x[:, None] for name, x in outputs.items()}
