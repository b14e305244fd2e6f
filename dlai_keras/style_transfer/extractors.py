"""Networks whose features tell what is on a picture, and how it is painted.

All take pictures from 0 to 1; what a network was trained on (another order of colours,
means, values to 255) is inside.
"""

import dataclasses
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import scipy.io
from keras import layers, ops

from dlai_keras import command_line, networks
from dlai_keras.style_transfer.layers import ReflectionPadding2D

# Filters and number of convolutions of the blocks.
_VGG19_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
# Filters of the squeezing and of either expanding convolution.
_FIRES = {
    **dict.fromkeys((2, 3), (16, 64)),
    **dict.fromkeys((4, 5), (32, 128)),
    **dict.fromkeys((6, 7), (48, 192)),
    **dict.fromkeys((8, 9), (64, 256)),
}
# Means of red, green and blue on ImageNet, from 0 to 255, as either network's authors
# took them off.
_VGG_MEANS = (123.68, 116.779, 103.939)
_SQUEEZENET_MEANS = (122.679, 116.669, 104.006)

# The embedded extractor.
_SEED = 0
_SIZE = 9
_NUM_FILTERS = (24, 48, 64, 64, 64)  # by scale, most where pictures are small
_NUM_COLORS = 32
_FLAT = 1.0  # below it the response to a place is weak
_GAIN = 8.0  # responses are then about 1, as those of the colours are
# Brightness, red against blue, green against both, from pictures from 0 to 1.
_OPPONENTS = np.array([[4 / 3, 4 / 3, 4 / 3], [2, 0, -2], [-1, 2, -1]])
_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16  # blurs before every second pixel is taken
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])
_SURROUND = 15  # pixels of the halved picture that a content feature is compared with


@dataclasses.dataclass(frozen=True)
class Source:
    """A kind of features, and which of them are used unless others are asked for.

    Args:
        name: as `load_extractor` takes it.
        layers: names of its layers.
        content_layer: keeps what is on a picture.
        style_layers: those whose Gram matrices are the style, with weights of sum 1.
        needs: the weights that it needs, in words; None where it needs no file.
        content_weight: of the content loss, with which results look good.
        style_weight: of the style loss, likewise.
        total_variation: weight of the total variation, likewise.
        aliases: other names of layers, and what they stand for.
    """

    name: str
    layers: tuple[str, ...]
    content_layer: str
    style_layers: Mapping[str, float]
    needs: str | None
    content_weight: float
    style_weight: float
    total_variation: float
    aliases: Mapping[str, str]


def _vgg19_kernels():
    """Shapes of VGG-19's kernels, by layer."""
    kernels, depth = {}, 3
    for block, (filters, num_layers) in enumerate(_VGG19_BLOCKS, start=1):
        for number in range(1, num_layers + 1):
            kernels[f"block{block}_conv{number}"] = (3, 3, depth, filters)
            depth = filters
    return kernels


def _squeezenet_kernels():
    """Shapes of SqueezeNet's kernels, by layer, in the order of its files."""
    kernels, depth = {"conv1": (3, 3, 3, 64)}, 64
    for number, (squeeze, expand) in _FIRES.items():
        kernels[f"fire{number}_squeeze1x1"] = (1, 1, depth, squeeze)
        kernels[f"fire{number}_expand1x1"] = (1, 1, squeeze, expand)
        kernels[f"fire{number}_expand3x3"] = (3, 3, squeeze, expand)
        depth = 2 * expand
    return kernels


_VGG19 = _vgg19_kernels()
_SQUEEZENET = _squeezenet_kernels()
_VGG19_ALIASES = {
    name.replace("block", kind).replace("_conv", "_"): name
    for name in _VGG19
    for kind in ("conv", "relu")
}
_SCALES = tuple(f"scale{number}" for number in range(1, len(_NUM_FILTERS) + 1))


def _equal_weights(*names):
    return dict.fromkeys(names, 1 / len(names))


EXTRACTORS: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "embedded",
            layers=("colors", *_SCALES, "content"),
            content_layer="content",
            # Strokes are on the fine scales; there are few places on the coarse ones.
            style_layers={
                "colors": 0.2,
                "scale1": 0.3,
                "scale2": 0.28,
                "scale3": 0.16,
                "scale4": 0.05,
                "scale5": 0.01,
            },
            needs=None,
            content_weight=15.0,
            style_weight=1000.0,
            total_variation=0.0,
            aliases={},
        ),
        Source(
            "vgg19",
            layers=tuple(_VGG19),
            content_layer="block4_conv2",
            style_layers=_equal_weights(*(f"block{n}_conv1" for n in range(1, 6))),
            needs="vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 of "
            "keras.applications (80 MB, fetched where no file is given) or the "
            "course's imagenet-vgg-verydeep-19.mat",
            content_weight=10.0,
            style_weight=40.0,
            total_variation=0.0,
            aliases=_VGG19_ALIASES,
        ),
        Source(
            "squeezenet",
            layers=("conv1", *(f"fire{number}" for number in _FIRES)),
            content_layer="fire4",
            style_layers=_equal_weights("conv1", "fire2", "fire4", "fire6"),
            needs="squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5 of "
            "keras-squeezenet (3 MB)",
            content_weight=1.0,
            style_weight=1.0,
            total_variation=0.0,
            aliases={"relu_conv1": "conv1"}
            | {f"fire{number}/concat": f"fire{number}" for number in _FIRES},
        ),
        Source(
            "vgg19-normalised",
            layers=tuple(_VGG19)[:5],
            content_layer="block3_conv1",
            style_layers=_equal_weights(*(f"block{n}_conv1" for n in range(1, 4))),
            needs="vgg_normalised_conv3_1.npz, or conv2_1 or conv1_1 for fewer layers",
            content_weight=1.0,
            style_weight=10.0,
            total_variation=0.0,
            aliases={
                alias: name
                for alias, name in _VGG19_ALIASES.items()
                if name in tuple(_VGG19)[:5]
            },
        ),
    )
}

# Files of weights in a folder.
_PATTERNS = {
    "vgg19": ("*verydeep-19*.mat", "*vgg19*.h5"),
    "squeezenet": ("*squeezenet*.h5",),
    "vgg19-normalised": ("vgg_normalised*.npz",),
}


def available(name: str) -> tuple[str, ...]:
    """Names of the layers that an extractor has.

    Args:
        name: of the extractor, one of `EXTRACTORS`.

    Raises:
        ValueError: there is no such extractor.

    Example:
        >>> available("squeezenet")[:3]
        ('conv1', 'fire2', 'fire3')
    """
    return _source(name).layers


def load_extractor(
    name: str = "embedded",
    *,
    weights: str | Path | None = None,
    layers: Sequence[str] | None = None,
    pooling: str = "max",
) -> keras.Model:
    """Builds a frozen network that gives the features of some layers.

    - `"embedded"`: random waves on five scales, in need of no file and the same on all
      machines. Its responses are weighed by their local strength, so that every place
      counts; `"content"` is what is brighter or darker than its surroundings.
    - `"vgg19"`: VGG-19 trained on ImageNet, as in the course and in Gatys et al.
      `weights` is None to fetch those of `keras.applications` (once), or a file: a
      legacy `.h5` with or without top, or the course's `.mat`. Layers are named
      `block4_conv2` as by Keras, or `conv4_2` as by the course.
    - `"squeezenet"`: SqueezeNet 1.1 trained on ImageNet, 28 times smaller.
    - `"vgg19-normalised"`: VGG-19 down to `conv3_1`, scaled so that the mean response
      of every filter is 1, with reflected borders.

    Features are those behind the ReLU.

    Args:
        name: one of `EXTRACTORS`.
        weights: file of weights, or the folder that holds it.
        layers: names of layers; None means the content and style layers of
            `EXTRACTORS[name]`. The network is as deep as they need.
        pooling: `"max"` as in training or `"avg"`, which Gatys et al. prefer, between
            the convolutions of a trained network.

    Returns:
        Uncompiled functional model without trainable weights: pictures
        `(batch, height, width, 3)`, RGB from 0 to 1, to a dictionary of features
        `(batch, rows, columns, channels)` by the names in `layers`.

    Raises:
        ValueError: there is no such extractor, layer or pooling, or the file holds
            other weights.
        FileNotFoundError: there is no such file.
        OSError: the weights cannot be fetched.

    Example:
        >>> extractor = load_extractor("embedded", layers=["scale1", "scale2"])
        >>> features = extractor(np.zeros((1, 32, 48, 3), "float32"))
        >>> tuple(features["scale2"].shape)
        (1, 16, 24, 48)

    Reference:
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks".
        - Simonyan and Zisserman, 2015, "Very deep convolutional networks for
          large-scale image recognition".
        - Iandola et al., 2016, "SqueezeNet".
        - Ustyuzhaninov et al., 2016, "Texture synthesis using shallow convolutional
          networks with random filters".
        - Course 4, week 4, "Art generation with neural style transfer".
    """
    source = _source(name)
    if pooling not in {"max", "avg"}:
        raise ValueError(f"`pooling` must be max or avg. Received: pooling={pooling}.")
    if layers is None:
        layers = (source.content_layer, *source.style_layers)
    asked = {layer: _layer(source, layer) for layer in layers}
    if not asked:
        raise ValueError("`layers` must name one layer or more. Received: none.")
    arrays = _read(source, weights)
    picture = keras.Input((None, None, 3), name="picture")
    features = {}
    for layer, maps in _BUILDERS[name](picture, pooling):
        features[layer] = maps
        if features.keys() >= {*asked.values()}:
            break  # nothing deeper is built
    model = keras.Model(
        picture,
        {layer: features[known] for layer, known in asked.items()},
        name=name.replace("-", "_"),
    )
    _assign(model, arrays, weights)
    model.trainable = False
    return model


def random_filters(rng: np.random.Generator, num: int, size: int) -> np.ndarray:
    """Draws filters that answer to strokes: waves in an elongated window.

    Direction, wavelength, phase, window and colour are random. A filter is blind to the
    level of each colour.

    Args:
        rng: where the filters come from.
        num: how many.
        size: rows and columns.

    Returns:
        float32 `(size, size, 3, num)`, a kernel for pictures from 0 to 1.

    Example:
        >>> filters = random_filters(np.random.default_rng(0), 4, 9)
        >>> filters.shape, bool(np.allclose(filters.sum((0, 1)), 0, atol=1e-5))
        ((9, 9, 3, 4), True)

    Reference:
        - Ustyuzhaninov et al., 2016, "Texture synthesis using shallow convolutional
          networks with random filters".
        - Daugman, 1985, "Uncertainty relation for resolution in space, spatial
          frequency, and orientation" (the waves).
    """
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2)[..., None]
    # Directions all round, so that few filters leave no gap.
    angle = np.pi * (np.arange(num) + rng.uniform(size=num)) / num
    across = x * np.cos(angle) + y * np.sin(angle)
    along = y * np.cos(angle) - x * np.sin(angle)
    wavelength = rng.uniform(2, 8, num)
    width = wavelength * rng.uniform(0.25, 0.4, num)
    length = np.minimum(width * rng.uniform(1, 2.5, num), size / 3.5)
    window = np.exp(-((across / width) ** 2 + (along / length) ** 2) / 2)
    phase = rng.uniform(0, 2 * np.pi, num)
    planes = window * np.cos(2 * np.pi * across / wavelength + phase)
    planes -= window * planes.sum((0, 1)) / window.sum((0, 1))
    planes /= np.sqrt((planes**2).sum((0, 1)))
    # Mostly brightness, which tells most of what is seen.
    colors = rng.normal(size=(3, num)) * [[1], [0.5], [0.5]]
    colors /= np.linalg.norm(colors, axis=0)
    colors = _GAIN * (_OPPONENTS.T @ colors)
    return (planes[:, :, None] * colors).astype("float32")


def _gaussian(size, deviation):
    """Of sum 1."""
    line = np.exp(-(((np.arange(size) - (size - 1) / 2) / deviation) ** 2) / 2)
    return line / line.sum()


# Networks, as pairs of layer and maps from the picture inwards


def _vgg19(picture, pooling):
    x = layers.Rescaling(
        255.0, offset=[-mean for mean in _VGG_MEANS], name="preprocess"
    )(picture)
    return _vgg(x, _VGG19, pooling)


def _vgg19_normalised(picture, pooling):
    # The file's own first layer: to 255, blue first, without the means.
    x = layers.Conv2D(3, 1, name="preprocess", kernel_initializer="zeros")(picture)
    names = EXTRACTORS["vgg19-normalised"].layers
    kernels = {name: _VGG19[name] for name in names}
    return _vgg(x, kernels, pooling, reflect=True)


def _vgg(x, kernels, pooling, *, reflect=False):
    for name, shape in kernels.items():
        if name.endswith("_conv1") and name != "block1_conv1":
            # An odd last row is kept where borders are, as by Torch's networks.
            x = _pool(pooling, 2, "same" if reflect else "valid")(x)
        if reflect:
            x = ReflectionPadding2D(1)(x)
        x = _convolution(name, shape, padding="valid" if reflect else "same")(x)
        yield name, x


def _squeezenet(picture, pooling):
    x = layers.Rescaling(
        255.0, offset=[-mean for mean in _SQUEEZENET_MEANS], name="preprocess"
    )(picture)
    x = _convolution("conv1", _SQUEEZENET["conv1"], strides=2)(x)
    yield "conv1", x
    for number in _FIRES:
        if number in {2, 4, 6}:
            x = _pool(pooling, 3, "valid")(x)
        squeeze, narrow, wide = (
            _convolution(name, _SQUEEZENET[name], padding="same")
            for name in (
                f"fire{number}_squeeze1x1",
                f"fire{number}_expand1x1",
                f"fire{number}_expand3x3",
            )
        )
        x = squeeze(x)
        x = layers.Concatenate(name=f"fire{number}")([narrow(x), wide(x)])
        yield f"fire{number}", x


def _embedded(picture, pooling):
    halve = layers.Conv2D(3, 5, strides=2, use_bias=False, name="halve")
    levels = [picture]
    for _ in _NUM_FILTERS[1:]:
        levels.append(halve(_with_border(levels[-1], 2)))
    yield "colors", _convolution("colors", (1, 1, 3, _NUM_COLORS))(levels[1])
    for level, name, filters in zip(levels, _SCALES, _NUM_FILTERS, strict=True):
        shape = (_SIZE, _SIZE, 3, filters)
        x = _convolution(name, shape)(_with_border(level, _SIZE // 2))
        # Every place counts alike, not only where contrasts are strong: else the
        # edges of the content would pass for the strokes of the style.
        strength = ops.mean(ops.square(x), axis=-1, keepdims=True)
        yield name, x / ops.sqrt(strength + _FLAT**2)
    content = layers.Conv2D(1, _SURROUND, use_bias=False, name="content")
    yield "content", content(_with_border(levels[1], _SURROUND // 2))


def _with_border(x, width):
    """Repeats the border, however small the picture: zeros would draw a frame."""
    for _ in range(width):
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    return x


_BUILDERS = {
    "embedded": _embedded,
    "vgg19": _vgg19,
    "squeezenet": _squeezenet,
    "vgg19-normalised": _vgg19_normalised,
}


def _convolution(name, shape, **options):
    return layers.Conv2D(
        shape[-1],
        shape[:2],
        activation="relu",
        kernel_initializer="zeros",  # random ones would only take time
        name=name,
        **options,
    )


def _pool(pooling, size, padding):
    kind = {"max": layers.MaxPooling2D, "avg": layers.AveragePooling2D}[pooling]
    return kind(size, strides=2, padding=padding)


# Weights: a kernel and a bias by layer, for RGB


def _read(source, weights):
    """Kernels and biases by layer, from a file or made here."""
    if source.name == "embedded":
        if weights is not None:
            raise ValueError(
                f"`weights` must be None for embedded. Received: weights={weights}."
            )
        return _embedded_arrays()
    if weights is None:
        if source.name == "vgg19":
            fetched = _fetch_vgg19(source)
            return _blue_first(_checked(fetched, _VGG19, "keras.applications"))
        raise ValueError(
            f"{source.name} needs `weights`: the file or folder of {source.needs}."
        )
    path = _find(source, Path(weights))
    if source.name == "vgg19-normalised":
        arrays = _read_npz(path)
        kernels = {name: _VGG19[name] for name in source.layers}
        return _checked(arrays, {"preprocess": (1, 1, 3, 3), **kernels}, path)
    if path.suffix == ".mat":
        return _checked(_read_mat(path), _VGG19, path)
    arrays, _ = networks.read_legacy_weights(path)
    kernels = _VGG19 if source.name == "vgg19" else _SQUEEZENET
    return _blue_first(_checked(arrays, kernels, path))


def _embedded_arrays():
    """Filters of every scale from a stream of their own, so that more change none."""
    arrays = {"halve": [_blur(_BINOMIAL)[..., None, None] * np.eye(3)]}
    for number, (name, filters) in enumerate(zip(_SCALES, _NUM_FILTERS, strict=True)):
        rng = np.random.default_rng((_SEED, number))
        arrays[name] = [random_filters(rng, filters, _SIZE), np.zeros(filters)]
    # Ramps that begin at random colours, in random directions of colour.
    rng = np.random.default_rng((_SEED, len(_SCALES)))
    directions = rng.normal(size=(3, _NUM_COLORS))
    directions /= np.linalg.norm(directions, axis=0)
    kernel = _OPPONENTS.T @ directions  # (red green blue, filters)
    origins = rng.uniform(size=(3, _NUM_COLORS))
    arrays["colors"] = [kernel[None, None], -(kernel * origins).sum(0)]
    # What is brighter or darker than its surroundings: edges and shapes.
    difference = -_blur(_gaussian(_SURROUND, _SURROUND / 4))
    difference[_SURROUND // 2, _SURROUND // 2] += 1
    arrays["content"] = [4 * difference[..., None, None] * _BRIGHTNESS[:, None]]
    return arrays


def _blur(line):
    return line[:, None] * line


def _fetch_vgg19(source):
    try:
        network = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a plain Exception
        reason = " ".join(str(error).split())[:200]
        raise OSError(
            f"The weights of vgg19 cannot be fetched ({reason}). Give `weights`: the "
            f"file or folder of {source.needs}."
        ) from None
    weighted = [layer for layer in network.layers if layer.weights]
    return [layer.get_weights() for layer in weighted]


def _find(source, path):
    """The file of weights: the path itself, or what a folder holds."""
    if path.is_file():
        return path
    below = source.name.replace("-", "_")
    for folder in (path, path / below, path / "style_transfer" / below):
        found = [
            file
            for pattern in _PATTERNS[source.name]
            for file in sorted(folder.glob(pattern))
        ]
        if found:
            return found[-1]  # of the normalised ones, the deepest
    what = "No weights in" if path.is_dir() else "No such weights:"
    raise FileNotFoundError(
        f"{what} {path}. Expected of {source.name}: {source.needs}."
    )


def _read_mat(path):
    """Kernels and biases of MatConvNet's convolutions, which see red first."""
    try:
        stored = scipy.io.loadmat(path)["layers"].ravel()
        stored = [entry[0, 0] for entry in stored]
    except Exception:  # SciPy raises many kinds
        raise ValueError(f"{path} is no network of MatConvNet.") from None
    arrays = []
    for entry in stored:
        fields = entry.dtype.names or ()
        if "weights" in fields and entry["weights"].size:
            kernel, bias = entry["weights"].ravel()[:2]
        elif "filters" in fields:  # before its version 1.0-beta9
            kernel, bias = entry["filters"], entry["biases"]
        else:
            continue
        arrays.append([kernel, bias.ravel()])
    return arrays


def _read_npz(path):
    """Kernels and biases of convolutions as Torch has them: filters first."""
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        numbers = sorted(int(name.partition(".")[0]) for name in arrays)[::2]
        return [
            [
                arrays[f"{number}.weight"].transpose(2, 3, 1, 0),
                arrays[f"{number}.bias"],
            ]
            for number in numbers
        ]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        raise ValueError(
            f"{path} is no NPZ file of convolutions: `0.weight`, `0.bias`, `2.weight`, "
            "and so on."
        ) from None


def _checked(arrays, kernels, path):
    """`arrays` by layer; as many as the file has, and a classifier on top is left."""
    known = {}
    for (name, shape), stored in zip(kernels.items(), arrays, strict=False):
        wanted = [shape, shape[-1:]]
        found = [array.shape for array in stored]
        if found != wanted:
            raise ValueError(
                f"{path} holds weights of another network: expected of `{name}` a "
                f"kernel {wanted[0]} and a bias {wanted[1]}. Received: {found}."
            )
        known[name] = stored
    return known


def _blue_first(arrays):
    """Turns the first kernel around, so that the pictures need not be."""
    first, (kernel, bias) = next(iter(arrays.items()))
    return arrays | {first: [kernel[:, :, ::-1], bias]}


def _assign(model, arrays, path):
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in arrays:
            raise ValueError(
                f"{path} ends before `{layer.name}`. It holds: "
                f"{', '.join(arrays) or 'nothing'}."
            )
        layer.set_weights(arrays[layer.name])


# Names


def _source(name):
    if name not in EXTRACTORS:
        raise ValueError(
            f"`name` must be one of {', '.join(EXTRACTORS)}. Received: name={name}."
            f"{command_line.did_you_mean(name, EXTRACTORS)}"
        )
    return EXTRACTORS[name]


def _layer(source, name):
    known = source.aliases.get(name, name)
    if known not in source.layers:
        raise ValueError(
            f"`{source.name}` has no layer {name}."
            f"{command_line.did_you_mean(name, (*source.layers, *source.aliases))} "
            f"It has: {', '.join(source.layers)}."
        )
    return known
