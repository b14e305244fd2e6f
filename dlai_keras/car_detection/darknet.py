"""Any Darknet network as a functional Keras model, and its weights there and back.

Darknet's layers are put together from Keras' own ones. They are named as Darknet counts
them: `conv_12`, `bn_12` and `leaky_12` are what layer 12 does, the first one being 0.
"""

import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from keras import layers

from dlai_keras import files
from dlai_keras.car_detection.darknet_cfg import Section, read_cfg
from dlai_keras.car_detection.layers import SpaceToDepth, YoloDecode

# Activations by Keras' name; those with a slope for negative inputs by the slope.
ACTIVATIONS: dict[str, str | float] = {
    "elu": "elu",
    "hardtan": "hard_tanh",
    "leaky": 0.1,
    "linear": "linear",
    "logistic": "sigmoid",
    "mish": "mish",
    "relie": 0.01,
    "relu": "relu",
    "relu6": "relu6",
    "revleaky": 0.1,
    "selu": "selu",
    "swish": "silu",
    "tanh": "tanh",
}
# Options that change what a convolution or pooling computes, or what is in the file.
_UNSUPPORTED = (
    *("antialiasing", "binary", "coordconv", "dontload", "dontloadscales", "flipped"),
    *("rotate", "share_index", "stretch", "stretch_sway", "sway", "xnor"),
)
_WEIGHTED = re.compile(r"(?:conv|connected|batchnorm)_(\d+)")
_HEADER_NAME = re.compile(r"images_(-?\d+)_(-?\d+)_(-?\d+)_(\d+)")


def load_darknet(
    cfg_path: Path,
    weights_path: Path | None = None,
    *,
    decode: bool = False,
    input_shape: tuple[int, int, int] | None = None,
    epsilon: float = 1e-6,
) -> keras.Model:
    """Reads a Darknet network, with its weights or fresh ones.

    Knows the sections convolutional, connected, batchnorm, activation, maxpool,
    avgpool, upsample, reorg, reorg3d, route, shortcut, scale_channels, sam, crop,
    dropout, softmax, cost, region and yolo. Fresh weights are drawn as
    Darknet draws them.

    Args:
        cfg_path: the `.cfg` file.
        weights_path: the `.weights` file, whose length must be right to the byte.
        decode: whether boxes come out; raw feature maps otherwise.
        input_shape: `(height, width, channels)`; the file's own by default. Any size
            that all layers divide well will do.
        epsilon: added to variances. Darknet adds 1e-6 to standard deviations, its
            later fork 1e-5 to variances, OpenCV 1e-6 to variances as is done here.

    Returns:
        Uncompiled model of images `(batch, height, width, channels)`, 0 to 1, RGB.
        Raw, it gives what goes into each region or yolo section: `(batch, rows,
        columns, anchors * (5 + classes))`, a list where there are several; without
        such a section what the last layer gives. Decoded, it gives `(boxes_xyxy,
        scores)`, `(batch, boxes, 4)` in pixels of the network's input and `(batch,
        boxes, classes)`, of all heads one after the other.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a section, option or shape cannot be, or weights are missing or
            left over; with the line in the `.cfg`.

    Example:
        >>> import tempfile
        >>> cfg = '''[net]
        ... width=64
        ... height=32
        ... [convolutional]
        ... filters=8
        ... size=3
        ... stride=2
        ... pad=1
        ... batch_normalize=1
        ... activation=leaky
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "tiny.cfg"
        ...     _ = path.write_text(cfg)
        ...     model = load_darknet(path)
        >>> model.output_shape, model.count_params()
        ((None, 16, 32, 8), 248)

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger".
        - Redmon and Farhadi, 2018, "YOLOv3: an incremental improvement".
        - Bochkovskiy et al., 2020, "YOLOv4: optimal speed and accuracy of object
          detection".
    """
    net, *sections = read_cfg(cfg_path)
    shape = _input_shape(net, input_shape)
    header = None
    if weights_path is not None:
        content = _read(weights_path)
        header = _Header.read(content, Path(weights_path))
    inputs = keras.Input(shape, name=header.name if header else "images")
    network = _Network(inputs, epsilon, fresh=header is None)
    for section in sections:
        network.add(section)
    if not decode:
        outputs = network.raw_outputs()
    elif network.heads:
        outputs = network.decoded_outputs()
    else:
        raise ValueError(
            f"{cfg_path} has no [region] or [yolo] to decode. Leave out decode=True "
            "for what its last layer gives."
        )
    model = keras.Model(inputs, outputs, name="darknet")
    if header:
        _load_weights(model, sections, content, header, Path(weights_path))
    return model


def save_darknet_weights(model: keras.Model, path: Path) -> None:
    """Writes a model's weights as Darknet does, to the byte as they were read.

    Goes by the names of the layers, so a model that was saved, loaded, trained, or
    put into another one will do. The version and the number of pictures seen are those
    of the file it was read from; they travel in the name of its input. Without one
    they are 0.2.5 and 0.

    Args:
        model: from `load_darknet`, or one that contains it.
        path: the `.weights` file, in a folder that exists.

    Raises:
        ValueError: no layer is named as `load_darknet` does, or normalisation was
            folded.

    Example:
        >>> import tempfile
        >>> inputs = keras.Input((8, 8, 3))
        >>> model = keras.Model(inputs, layers.Conv2D(2, 3, name="conv_0")(inputs))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "tiny.weights"
        ...     save_darknet_weights(model, path)
        ...     path.stat().st_size == 20 + 4 * (2 + 2 * 3 * 3 * 3)
        True
    """
    names = [layer.name for layer in _all_layers(model)]
    matches = [match for match in map(_HEADER_NAME.fullmatch, names) if match]
    header = _Header(*map(int, matches[0].groups())) if matches else _Header()
    blocks = _weighted_layers(model)
    if not blocks:
        raise ValueError(
            "`model` must come from load_darknet: its layers are named conv_0, bn_0, "
            f"conv_1 and so on. Received: {', '.join(names[:5])}."
        )
    parts = [header.pack()]
    for _, main, norm in blocks:
        if not isinstance(norm, layers.BatchNormalization | None):
            raise ValueError(
                f"The normalisation `{norm.name}` is folded into `{main.name}`. Write "
                "the weights of the model from before."
            )
        for variable, axes in _variables(main, norm, header.transposed):
            value = keras.ops.convert_to_numpy(variable)
            parts.append(np.transpose(value, axes).astype("<f4").tobytes())
    files.write_atomically(path, *parts)


def fold_batch_normalization(model: keras.Model) -> keras.Model:
    """The same network with its normalisation within the convolutions, for use alone.

    A convolution followed by what normalisation does outside of training is another
    convolution. It takes about an eighth of the time off small networks. What comes out
    is not to be trained on, nor to be written as Darknet's weights.

    Args:
        model: from `load_darknet`, raw or decoded.

    Returns:
        A new model; the old one stays as it is.

    Example:
        >>> inputs = keras.Input((8, 8, 3))
        >>> x = layers.Conv2D(2, 3, use_bias=False, name="conv_0")(inputs)
        >>> model = keras.Model(inputs, layers.BatchNormalization(name="bn_0")(x))
        >>> model.count_params(), fold_batch_normalization(model).count_params()
        (62, 56)
    """
    norms = {main: norm for _, main, norm in _weighted_layers(model) if norm}
    folded = {norm.name for norm in norms.values()}
    normalized = {main.name for main in norms}

    def clone(layer):
        if layer.name in folded:
            return layers.Identity(name=layer.name)
        config = layer.get_config()
        if layer.name in normalized:
            config["use_bias"] = True
        return type(layer).from_config(config)

    def call(layer, *args, **kwargs):
        # Normalisation takes a mask besides, which nothing here has.
        return layer(*args, **{} if layer.name in folded else kwargs)

    new = keras.models.clone_model(model, call_function=call, clone_function=clone)
    for layer in model.layers:
        weights = layer.get_weights()
        if layer.name in normalized:
            norm, kernel = norms[layer], weights[0]
            gamma, beta, mean, variance = map(np.float64, norm.get_weights())
            factor = gamma / np.sqrt(variance + norm.epsilon)
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            filters = kernel.shape[2:] if depthwise else (-1,)
            weights = [kernel * factor.reshape(filters), beta - mean * factor]
        if weights and layer.name not in folded:
            new.get_layer(layer.name).set_weights(weights)
    return new


def _input_shape(net: Section, wanted) -> tuple[int, int, int]:
    channels = net.integer("channels", 3, least=1)
    if wanted is None:
        height = net.integer("height", None, least=1)
        width = net.integer("width", None, least=1)
        return height, width, channels
    valid = len(wanted) == 3 and all(isinstance(size, int) for size in wanted)
    if not valid or min(wanted) < 1 or wanted[2] != channels:
        raise ValueError(
            f"`input_shape` must be (height, width, {channels}), whole numbers. "
            f"Received: input_shape={wanted}."
        )
    return tuple(wanted)


# Layers


@dataclass
class _Head:
    """A region or yolo section: the map that goes in, and how to read it."""

    section: Section
    tensor: keras.KerasTensor
    anchors: list[tuple[float, float]]  # pixels
    num_classes: int
    kind: str
    strides: tuple[float, float]
    scale_xy: float
    new_coordinates: bool

    def decode(self):
        """Boxes and scores; what a cell's size is not whole or square for, in cells."""
        vertical, horizontal = self.strides
        whole = vertical == horizontal == int(vertical)
        unit = (1, 1) if whole else self.strides
        name = f"{self.section.kind}_{self.section.index}"
        boxes, scores = YoloDecode(
            [(w / unit[1], h / unit[0]) for w, h in self.anchors],
            self.num_classes,
            int(vertical) if whole else 1,
            head=self.kind,
            scale_xy=self.scale_xy,
            new_coordinates=self.new_coordinates,
            name=name,
        )(self.tensor)
        if not whole:
            pixels = [horizontal, vertical, horizontal, vertical]
            to_pixels = layers.Rescaling(pixels, dtype="float32", name=f"{name}_pixels")
            boxes = to_pixels(boxes)
        return boxes, scores


@dataclass
class _Network:
    """A network while it grows: what each layer gives, and the heads so far."""

    inputs: keras.KerasTensor
    epsilon: float
    fresh: bool  # whether weights are drawn
    tensors: list = field(default_factory=list)
    heads: list[_Head] = field(default_factory=list)

    def add(self, section: Section) -> None:
        """Builds one layer on the last one."""
        build = _BUILDERS.get(section.kind)
        if build is None:
            raise section.error(
                f"unknown section. Expected one of {', '.join(sorted(_BUILDERS))}."
            )
        if section.kind == "route":  # names all it takes, and may follow a head
            x = None
        elif section.index == 0:
            x = self.inputs
        else:
            x = self.output(section.index - 1, section)
        self.tensors.append(build(section, x, self))

    def output(self, index: int, section: Section):
        """What a layer gives, for `section` to take."""
        if not 0 <= index < len(self.tensors):
            raise section.error(
                f"there is no layer {index} before this one, which is layer "
                f"{section.index}."
            )
        if self.tensors[index] is None:
            raise section.error(
                f"layer {index} is a head, whose boxes no layer can take. Route from "
                "a layer before it."
            )
        return self.tensors[index]

    def others(self, section: Section, option: str) -> list:
        """What the layers give that an option names by index."""
        indices = section.integers(option)
        return [
            self.output(i if i >= 0 else section.index + i, section) for i in indices
        ]

    def initializer(self):
        """Draws kernels as Darknet does: evenly up to sqrt(2 / inputs)."""
        if not self.fresh:
            return "zeros"
        return keras.initializers.VarianceScaling(2 / 3, "fan_in", "uniform")

    def raw_outputs(self):
        if not self.heads:
            return self.tensors[-1]
        tensors = [head.tensor for head in self.heads]
        return tensors if len(tensors) > 1 else tensors[0]

    def decoded_outputs(self):
        num_classes = self.heads[0].num_classes
        for head in self.heads:
            same = head.num_classes == num_classes
            must = f"be {num_classes} as in the heads before"
            head.section.require("classes", same, must)
        decoded = [head.decode() for head in self.heads]
        if len(decoded) == 1:
            return decoded[0]
        boxes, scores = zip(*decoded, strict=True)
        return (
            layers.Concatenate(axis=1, name="boxes")(list(boxes)),
            layers.Concatenate(axis=1, name="scores")(list(scores)),
        )


def _convolutional(section, x, network):
    section.refuse(*_UNSUPPORTED)
    height, width, channels = _map_shape(section, x)
    filters = section.integer("filters", 1, least=1)
    groups = section.integer("groups", 1, least=1)
    size = section.integer("size", 1, least=1)
    strides = _strides(section)
    dilation = section.integer("dilation", 1, least=1) if size > 1 else 1
    padding = section.integer("padding", 0)
    if section.integer("pad", 0):
        padding = size // 2
    section.require(
        "groups",
        channels % groups == 0 and filters % groups == 0,
        f"divide the {channels} channels of the layer before and the {filters} filters",
    )
    border, reach = padding * dilation, (size - 1) * dilation
    if min(height, width) + 2 * border <= reach:
        raise section.error(
            f"a kernel of {reach + 1} does not fit into maps of {height}x{width} with "
            f"a border of {border}."
        )
    # Darknet takes the size of its output without regard to dilation, which is right
    # only where the border makes up for it.
    section.require(
        "dilation",
        dilation == 1 or 2 * padding == size - 1,
        "be 1 without pad=1 and an odd size",
    )
    name, use_bias = f"conv_{section.index}", not _is_normalized(section)
    # Keras takes no strides beside dilation, and TensorFlow none that differ where
    # each channel has its own kernel: every second place is picked afterwards.
    own_strides = dilation == 1 and (groups == 1 or strides[0] == strides[1])
    # With strides, "same" puts the border at other places than Darknet does.
    same = strides == (1, 1) and 2 * border == reach
    if border and not same:
        x = layers.ZeroPadding2D(border, name=f"pad_{section.index}")(x)
    settings = {
        "strides": strides if own_strides else 1,
        "padding": "same" if same else "valid",
        "dilation_rate": dilation,
        "use_bias": use_bias,
        "name": name,
    }
    if groups == channels > 1:
        x = layers.DepthwiseConv2D(
            size,
            depth_multiplier=filters // groups,
            depthwise_initializer=network.initializer(),
            **settings,
        )(x)
    else:
        x = layers.Conv2D(
            filters,
            size,
            groups=groups,
            kernel_initializer=network.initializer(),
            **settings,
        )(x)
    if not own_strides and strides != (1, 1):
        x = layers.MaxPooling2D(1, strides, name=f"pick_{section.index}")(x)
    return _normalize_and_activate(section, x, network)


def _connected(section, x, network):
    section.refuse("dontload", "dontloadscales")
    x = layers.Dense(
        section.integer("output", 1, least=1),
        use_bias=not _is_normalized(section),
        kernel_initializer=network.initializer(),
        name=f"connected_{section.index}",
    )(_flat(section, x))
    return _normalize_and_activate(section, x, network)


def _normalize_and_activate(section, x, network):
    if _is_normalized(section):
        norm = layers.BatchNormalization(
            epsilon=network.epsilon, name=f"bn_{section.index}"
        )
        x = norm(x)
    # Darknet's own default; OpenCV takes none.
    return _activate(section, x, default="logistic")


def _is_normalized(section):
    return section.integer("batch_normalize", 0) > 0 or section.integer("cbn", 0) > 0


def _activate(section, x, default="linear"):
    kind = section.text("activation", default)
    name = f"{kind}_{section.index}"
    if kind == "ramp":  # 1.1 * x above 0, 0.1 * x below
        x = layers.LeakyReLU(negative_slope=1 / 11, name=f"{name}_slopes")(x)
        return layers.Rescaling(1.1, name=name)(x)
    if kind not in ACTIVATIONS:
        raise section.error(
            f"unknown activation. Expected one of {', '.join(ACTIVATIONS)}, ramp. "
            f"Received: activation={kind}.",
            "activation",
        )
    activation = ACTIVATIONS[kind]
    if activation == "linear":
        return x
    if isinstance(activation, float):
        return layers.LeakyReLU(negative_slope=activation, name=name)(x)
    return layers.Activation(activation, name=name)(x)


def _batchnorm(section, x, network):
    _map_shape(section, x)
    name = f"batchnorm_{section.index}"
    return layers.BatchNormalization(epsilon=network.epsilon, name=name)(x)


def _activation(section, x, network):
    return _activate(section, x)


def _maxpool(section, x, network):
    section.refuse("antialiasing", "maxpool_zero_nonmax")
    if section.integer("maxpool_depth", 0):
        return _maxpool_depth(section, x)
    height, width, _ = _map_shape(section, x)
    strides = _strides(section)
    size = section.integer("size", section.integer("stride", 1, least=1), least=1)
    padding = section.integer("padding", size - 1)
    section.require("padding", padding < size, f"be below the size of {size}")
    if min(height, width) + padding < size:
        raise section.error(f"a window of {size} does not fit into {height}x{width}.")
    name = f"{section.kind}_{section.index}"
    if padding == 0:
        return layers.MaxPooling2D(size, strides, "valid", name=name)(x)
    before, after = (size - 1) // 2, size // 2  # the border of "same" without strides
    aligned = all(
        max((math.ceil(length / stride) - 1) * stride + size - length, 0) // 2 == before
        for length, stride in zip((height, width), strides, strict=True)
    )
    if padding == size - 1 and aligned:
        return layers.MaxPooling2D(size, strides, "same", name=name)(x)
    # With strides, "same" begins elsewhere than Darknet does: all windows are pooled,
    # and those that Darknet looks at are picked.
    x = layers.MaxPooling2D(size, 1, "same", name=f"{name}_all")(x)
    crop = (before - padding // 2, after - (padding - padding // 2))
    if any(crop):
        x = layers.Cropping2D((crop, crop), name=f"crop_{section.index}")(x)
    return layers.MaxPooling2D(1, strides, name=name)(x)


def _maxpool_depth(section, x):
    """The largest of every `out_channels`-th channel."""
    _, _, channels = _map_shape(section, x)
    num = section.integer("out_channels", 1, least=1)
    section.require(
        "out_channels",
        channels % num == 0,
        f"divide the {channels} channels of the layer before",
    )
    name = f"maxpool_{section.index}"
    parts = [
        _channels(x, start, start + num, f"{name}_from_{start}")
        for start in range(0, channels, num)
    ]
    return layers.Maximum(name=name)(parts) if len(parts) > 1 else x


def _avgpool(section, x, network):
    _map_shape(section, x)
    name = f"avgpool_{section.index}"
    return layers.GlobalAveragePooling2D(keepdims=True, name=name)(x)


def _upsample(section, x, network):
    _map_shape(section, x)
    factor = section.integer("stride", 2, least=1)
    scale = section.number("scale", 1.0)
    x = layers.UpSampling2D(factor, name=f"upsample_{section.index}")(x)
    if scale != 1:
        x = layers.Rescaling(scale, name=f"scale_{section.index}")(x)
    return x


def _reorg(section, x, network):
    """Darknet's reorg, which is not the space-to-depth that it was meant to be.

    It reads its input as if it had `stride**2` times fewer channels and `stride` times
    the height and width, takes every `stride`-th pixel of those maps, and lets the
    result be read as maps of the opposite kind.
    """
    stride = _reorg_stride(section, x)
    height, width, channels = x.shape[1:]
    fewer = channels // stride**2
    if channels % stride**2:
        raise section.error(
            f"the channels must be a multiple of {stride**2}, or pixels would be lost. "
            f"The layer before gives {channels}."
        )
    name = f"reorg_{section.index}"
    shapes = (
        (fewer, height, stride, width, stride),
        (channels * stride**2, height // stride, width // stride),
    )
    x = layers.Permute((3, 1, 2), name=f"{name}_planes")(x)
    x = layers.Reshape(shapes[0], name=f"{name}_pixels")(x)
    x = layers.Permute((3, 5, 1, 2, 4), name=f"{name}_picked")(x)
    x = layers.Reshape(shapes[1], name=f"{name}_read")(x)
    return layers.Permute((2, 3, 1), name=name)(x)


def _reorg3d(section, x, network):
    stride = _reorg_stride(section, x)
    return SpaceToDepth(stride, name=f"reorg3d_{section.index}")(x)


def _reorg_stride(section, x):
    section.refuse("reverse")
    height, width, _ = _map_shape(section, x)
    stride = section.integer("stride", 1, least=1)
    section.require(
        "stride",
        height % stride == 0 and width % stride == 0,
        f"divide the height and width of {height}x{width}",
    )
    return stride


def _route(section, x, network):
    tensors = network.others(section, "layers")
    sizes = {_map_shape(section, tensor)[:2] for tensor in tensors}
    if len(sizes) > 1:
        raise section.error(
            "the layers must have maps of one size. Received: "
            f"{', '.join(f'{h}x{w}' for h, w in sorted(sizes))}.",
            "layers",
        )
    groups = section.integer("groups", 1, least=1)
    group = section.integer("group_id", 0)
    section.require("group_id", group < groups, f"be below groups={groups}")
    name = f"route_{section.index}"
    parts = []
    for number, tensor in enumerate(tensors):
        channels, rest = divmod(tensor.shape[-1], groups)
        must = f"divide the {tensor.shape[-1]} channels"
        section.require("groups", rest == 0, must)
        start = group * channels
        parts.append(
            _channels(tensor, start, start + channels, f"{name}_part_{number}")
        )
    return layers.Concatenate(name=name)(parts) if len(parts) > 1 else parts[0]


def _shortcut(section, x, network):
    section.refuse("weights_type")
    height, width, channels = _map_shape(section, x)
    index = section.index
    terms = [_scaled(x, section.number("alpha", 1.0), f"alpha_{index}")]
    for number, other in enumerate(network.others(section, "from")):
        # Of larger maps Darknet adds every second pixel, or third.
        size = _map_shape(section, other)[:2]
        stride = max(size[0] // height, 1)
        if size != (stride * height, stride * width):
            raise section.error(
                f"the layers must have maps of one size, {height}x{width} as the layer "
                f"before, or a multiple of it. Received: {size[0]}x{size[1]}.",
                "from",
            )
        if stride > 1:
            name = f"pick_{index}_{number}"
            other = layers.MaxPooling2D(1, stride, name=name)(other)
        # Where their channels differ, Darknet adds those that both have.
        name = f"shortcut_{index}_channels_{number}"
        common = min(channels, other.shape[-1])
        other = _channels(other, 0, common, name)
        if common < channels:
            # The channels are the columns of what Keras is told to be channels first.
            other = layers.ZeroPadding2D(
                ((0, 0), (0, channels - common)),
                data_format="channels_first",
                name=name,
            )(other)
        beta = section.number("beta", 1.0)
        terms.append(_scaled(other, beta, f"beta_{index}_{number}"))
    return _activate(section, layers.Add(name=f"shortcut_{index}")(terms))


def _scaled(x, factor, name):
    return x if factor == 1 else layers.Rescaling(factor, name=name)(x)


def _scale_channels(section, x, network):
    """Multiplies a layer by one factor a channel, or a place."""
    axes = (1, 2) if section.integer("scale_wh", 0) else (3,)
    return _product(section, x, network, axes)


def _sam(section, x, network):
    return _product(section, x, network, (1, 2, 3))


def _product(section, x, network, axes):
    """A layer times `x`, whose size is the same along `axes` and 1 along others."""
    _map_shape(section, x)
    (other,) = network.others(section, "from")[:1]
    _map_shape(section, other)
    expected = [other.shape[axis] if axis in axes else 1 for axis in (1, 2, 3)]
    if list(x.shape[1:]) != expected:
        raise section.error(
            "the layer before must give {}x{}x{}, to fit `from`. ".format(*expected)
            + "Received: {}x{}x{}.".format(*x.shape[1:]),
            "from",
        )
    x = layers.Multiply(name=f"{section.kind}_{section.index}")([other, x])
    return _activate(section, x)


def _crop(section, x, network):
    """The middle of the picture, as Darknet takes it outside of training."""
    height, width, _ = _map_shape(section, x)
    crops = []
    for option, length in (("crop_height", height), ("crop_width", width)):
        inner = section.integer(option, 1, least=1)
        section.require(option, inner <= length, f"be up to {length}")
        before = (length - inner) // 2
        crops.append((before, length - inner - before))
    x = layers.Cropping2D(tuple(crops), name=f"crop_{section.index}")(x)
    if not section.integer("noadjust", 0):
        x = layers.Rescaling(2.0, offset=-1.0, name=f"adjust_{section.index}")(x)
    return x


def _dropout(section, x, network):
    rate = section.number("probability", 0.2)
    section.require("probability", 0 <= rate < 1, "be from 0 to below 1")
    return layers.Dropout(rate, name=f"dropout_{section.index}")(x)


def _softmax(section, x, network):
    section.refuse("spatial", "tree")
    section.require("groups", section.integer("groups", 1) == 1, "be 1")
    temperature = section.number("temperature", 1.0)
    section.require("temperature", temperature > 0, "be above 0")
    x = _scaled(_flat(section, x), 1 / temperature, f"temperature_{section.index}")
    return layers.Softmax(name=f"softmax_{section.index}")(x)


def _identity(section, x, network):
    return x


def _region(section, x, network):
    section.refuse("tree")
    section.require("coords", section.integer("coords", 4) == 4, "be 4")
    num = section.integer("num", 1, least=1)
    height, width, _ = _map_shape(section, x)
    vertical = network.inputs.shape[1] / height
    horizontal = network.inputs.shape[2] / width
    # Anchors of a region are in cells; without softmax its classes are as yolo's.
    anchors = [(w * horizontal, h * vertical) for w, h in _anchors(section, num)]
    kind = "region" if section.integer("softmax", 0) else "yolo"
    return _head(section, x, network, anchors, kind)


def _yolo(section, x, network):
    num = section.integer("num", 1, least=1)
    anchors = _anchors(section, num)
    mask = section.integers("mask") if "mask" in section.options else range(num)
    valid = all(0 <= i < num for i in mask)
    section.require("mask", valid, f"be numbers of anchors, 0 to {num - 1}")
    return _head(section, x, network, [anchors[i] for i in mask], "yolo")


def _anchors(section, num):
    numbers = section.numbers("anchors")
    section.require(
        "anchors",
        len(numbers) >= 2 * num and min(numbers) > 0,
        f"be {num} widths and heights above 0, as num={num} says",
    )
    return list(zip(numbers[0 : 2 * num : 2], numbers[1 : 2 * num : 2], strict=True))


def _head(section, x, network, anchors, kind):
    height, width, channels = _map_shape(section, x)
    num_classes = section.integer("classes", 20, least=1)
    expected = len(anchors) * (5 + num_classes)
    if channels != expected:
        raise section.error(
            f"{len(anchors)} anchors and {num_classes} classes need {expected} filters "
            f"in the layer before. Received: {channels}."
        )
    strides = (network.inputs.shape[1] / height, network.inputs.shape[2] / width)
    scale = section.number("scale_x_y", 1.0)
    new = bool(section.integer("new_coords", 0))
    head = _Head(section, x, anchors, num_classes, kind, strides, scale, new)
    network.heads.append(head)


_BUILDERS: dict[str, Callable] = {
    "activation": _activation,
    "avgpool": _avgpool,
    "batchnorm": _batchnorm,
    "connected": _connected,
    "convolutional": _convolutional,
    "cost": _identity,
    "crop": _crop,
    "dropout": _dropout,
    "empty": _identity,
    "maxpool": _maxpool,
    "region": _region,
    "reorg": _reorg,
    "reorg3d": _reorg3d,
    "route": _route,
    "sam": _sam,
    "scale_channels": _scale_channels,
    "shortcut": _shortcut,
    "softmax": _softmax,
    "upsample": _upsample,
    "yolo": _yolo,
}


def _map_shape(section, x) -> tuple[int, int, int]:
    """Height, width and channels of what must be feature maps."""
    if len(x.shape) != 4:
        raise section.error(
            f"expected feature maps. Received a vector of {x.shape[-1]} numbers."
        )
    return x.shape[1:]


def _strides(section) -> tuple[int, int]:
    stride = section.integer("stride", 1, least=1)
    vertical = section.integer("stride_y", stride, least=1)
    return vertical, section.integer("stride_x", stride, least=1)


def _flat(section, x):
    """A vector, in Darknet's order: channels, rows, columns."""
    if len(x.shape) == 2:
        return x
    if x.shape[1:3] != (1, 1):
        x = layers.Permute((3, 1, 2), name=f"planes_{section.index}")(x)
    return layers.Flatten(name=f"flatten_{section.index}")(x)


def _channels(x, start, stop, name):
    """Some of the channels."""
    if (start, stop) == (0, x.shape[-1]):
        return x
    # The channels are the columns of what Keras is told to be channels first.
    crop = ((0, 0), (start, x.shape[-1] - stop))
    return layers.Cropping2D(crop, data_format="channels_first", name=name)(x)


# Weights


@dataclass(frozen=True)
class _Header:
    """What stands before the numbers: the version, and how many pictures were seen."""

    major: int = 0
    minor: int = 2
    revision: int = 5
    seen: int = 0

    @property
    def transposed(self) -> bool:
        """Whether dense layers are stored inputs first."""
        return self.major > 1000 or self.minor > 1000

    @property
    def form(self) -> str:
        later = self.major * 10 + self.minor >= 2
        later = later and self.major < 1000 and self.minor < 1000
        return "<iiiQ" if later else "<iiiI"

    @property
    def name(self) -> str:
        """The model's input is called so, that the header may be written back."""
        return f"images_{self.major}_{self.minor}_{self.revision}_{self.seen}"

    @classmethod
    def read(cls, content: memoryview, path: Path) -> "_Header":
        if len(content) >= 16:
            versions = struct.unpack_from("<iii", content)
            form = cls(*versions).form
            if len(content) >= struct.calcsize(form):
                return cls(*struct.unpack_from(form, content))
        raise ValueError(
            f"{path} is no Darknet weights file: expected a header of 16 or 20 bytes "
            f"before the weights. Received {len(content)} bytes."
        )

    def pack(self) -> bytes:
        return struct.pack(self.form, self.major, self.minor, self.revision, self.seen)


def _read(path) -> memoryview:
    if not Path(path).is_file():
        raise FileNotFoundError(f"No such Darknet weights: {path}")
    return memoryview(Path(path).read_bytes())


def _load_weights(model, sections, content, header, path):
    offset = struct.calcsize(header.form)
    values = np.frombuffer(content, "<f4", (len(content) - offset) // 4, offset)
    blocks = _weighted_layers(model)
    needed = sum(
        math.prod(variable.shape)
        for _, main, norm in blocks
        for variable, _ in _variables(main, norm, header.transposed)
    )
    place = 0
    for index, main, norm in blocks:
        for variable, axes in _variables(main, norm, header.transposed):
            shape = [variable.shape[axis] for axis in axes]
            part = values[place : place + math.prod(shape)]
            if len(part) < math.prod(shape):
                raise sections[index].error(
                    f"{path} ends within the weights of this section: it holds "
                    f"{len(values):,} numbers, and the network needs {needed:,}. It is "
                    "truncated, or belongs to another network."
                )
            variable.assign(part.reshape(shape).transpose(np.argsort(axes)))
            place += len(part)
    left = len(content) - offset - 4 * place
    if left:
        last = f"{sections[blocks[-1][0]].line}" if blocks else "none"
        raise ValueError(
            f"{path} has {left:,} bytes more than the network needs, after the last "
            f"section with weights (line {last} of {sections[0].path}). It belongs to "
            "another network, or to more classes."
        )


def _all_layers(model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
        else:
            yield layer


def _weighted_layers(model) -> list[tuple[int, keras.layers.Layer, object]]:
    """Darknet's index, layer, and its normalisation or None, in Darknet's order."""
    by_name = {layer.name: layer for layer in _all_layers(model)}
    found = []
    for name, layer in by_name.items():
        if match := _WEIGHTED.fullmatch(name):
            index = int(match[1])
            found.append((index, layer, by_name.get(f"bn_{index}")))
    return sorted(found, key=lambda block: block[0])


def _variables(main, norm, transposed) -> list[tuple[object, tuple[int, ...]]]:
    """A section's variables in Darknet's order, and the order of their axes there."""
    norm = main if isinstance(main, layers.BatchNormalization) else norm
    bias = [(main.bias if norm is None else norm.beta, (0,))]
    scales = []
    if norm is not None:
        arrays = (norm.gamma, norm.moving_mean, norm.moving_variance)
        scales = [(array, (0,)) for array in arrays]
    if main is norm:
        return bias + scales
    if isinstance(main, layers.Dense):
        axes = (0, 1) if transposed else (1, 0)
        return [*bias, (main.kernel, axes), *scales]
    depthwise = isinstance(main, layers.DepthwiseConv2D)
    return [*bias, *scales, (main.kernel, (2, 3, 0, 1) if depthwise else (3, 2, 0, 1))]
