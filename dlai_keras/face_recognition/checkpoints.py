"""Weights that others trained: OpenFace's CSV files, MobileFaceNet's checkpoint.

A set that lacks something, or holds something of another shape, changes nothing: all
that is wrong with it is said in one error.
"""

import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
from keras import layers

from dlai_keras import files
from dlai_keras.face_recognition.model import mobile_facenet

# Endings of OpenFace's files, in the order of the Keras layer's weights, and for a
# kernel where its axes are in Torch's order.
_OPENFACE_PARTS = {
    layers.Conv2D: (("w", (3, 2, 0, 1)), ("b", (0,))),
    layers.BatchNormalization: tuple((ending, (0,)) for ending in "wbmv"),
    layers.Dense: (("w", (1, 0)), ("b", (0,))),
}
# The same for names in a PyTorch module; PReLU has one number for a channel.
_TORCH_PARTS = {
    layers.DepthwiseConv2D: (("weight", (2, 3, 0, 1)),),
    layers.Conv2D: (("weight", (3, 2, 0, 1)),),
    layers.BatchNormalization: tuple(
        (ending, (0,)) for ending in ("weight", "bias", "running_mean", "running_var")
    ),
    layers.PReLU: (("weight", (2,)),),
}
# Where trainings put the weights in a checkpoint.
_STATE_KEYS = ("net_state_dict", "state_dict", "model_state_dict", "model")


def load_openface(model: keras.Model, folder: str | Path) -> keras.Model:
    """Reads the weights of nn4.small2 from the files that the course gives out.

    The 224 files hold comma-separated numbers: `conv1_w.csv` and `conv1_b.csv` the
    kernel (filters, channels, rows, columns) and bias of a convolution, `bn1_w.csv`,
    `_b`, `_m` and `_v` scale, shift, mean and variance of a normalisation,
    `dense_w.csv` (outputs, inputs) and `dense_b.csv` the last layer. How the numbers
    are broken into lines does not matter, as long as a line ends where a filter, a
    channel or a row does.

    Args:
        model: `facenet_nn4_small2`, of either edition. Changed in place.
        folder: holds the files, or a folder `weights` that does.

    Returns:
        `model`.

    Raises:
        FileNotFoundError: there is no such folder, or files are missing; every one of
            them is named.
        ValueError: files hold something else than numbers, or not as many as the
            network needs; every one of them is named, and those that are missing, too.
            Or the model is another.

    Example:
        >>> load_openface(keras.Sequential(), "nowhere")
        Traceback (most recent call last):
        ...
        FileNotFoundError: No OpenFace weights in nowhere: no such folder.

    Reference:
        - Amos et al., 2016, "OpenFace: a general-purpose face recognition library with
          mobile applications".
        - Course 4, week 4, "Face recognition", `load_weights_from_FaceNet`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No OpenFace weights in {folder}: no such folder.")
    if not any(folder.glob("*.csv")) and any(folder.glob("weights/*.csv")):
        folder = folder / "weights"
    names = {layer.name for layer in model.layers}
    if not {"conv1", "inception_3a_1x1_conv", "dense"} <= names:
        raise ValueError(
            "`model` must be facenet_nn4_small2, whose layers are named as the files. "
            f"Received: {model.name}."
        )
    needed = dict(_weights(model, _OPENFACE_PARTS, "_"))
    arrays, wrong = {}, []
    missing = [name for name in needed if not (folder / f"{name}.csv").is_file()]
    for name in needed.keys() - set(missing):
        shape = _stored_shape(*needed[name])
        try:
            arrays[name] = _read_csv(folder / f"{name}.csv", shape)
        except ValueError as error:
            wrong.append(f"{name}.csv {error}")
    _raise_if_any(
        folder,
        missing=[f"{name}.csv" for name in missing],
        wrong=sorted(wrong),
    )
    _assign(needed, arrays)
    return model


def load_mobile_facenet(path: str | Path) -> keras.Model:
    """Builds MobileFaceNet with the weights of a file of arrays.

    Args:
        path: NPZ file whose arrays are named as in the PyTorch module
            (`conv1.conv.weight`, ... `linear1.bn.running_var`), as `convert_checkpoint`
            writes it. The size of the pictures follows from the last depthwise kernel:
            7 x 6 is for 112 x 96.

    Returns:
        `mobile_facenet`: images from 0 to 255 to unit vectors.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or arrays are missing, too many or of another
            shape; every one of them is named.

    Example:
        >>> load_mobile_facenet("nothing.npz")
        Traceback (most recent call last):
        ...
        FileNotFoundError: No such weights: nothing.npz

    Reference:
        - Chen et al., 2018, "MobileFaceNets: efficient CNNs for accurate real-time face
          verification on mobile devices". The public checkpoint of X. Chen (Xiaoccer)
          was trained on CASIA-WebFace and has 99.3 % on LFW, aligned as for SphereFace.
    """
    path = Path(path)
    arrays = _read_npz(path)
    pool, last = arrays.get("linear7.conv.weight"), arrays.get("linear1.conv.weight")
    if pool is None or last is None or pool.ndim != 4 or last.ndim != 4:
        raise ValueError(
            f"{path} holds no MobileFaceNet: expected arrays named as "
            "`linear7.conv.weight` (channels, 1, rows, columns) and "
            f"`linear1.conv.weight`. Received: {_listed(sorted(arrays)) or 'nothing'}."
        )
    size = tuple(16 * length for length in pool.shape[2:])
    model = mobile_facenet((*size, 3), last.shape[0])
    needed = {
        _module_key(name): weight for name, weight in _weights(model, _TORCH_PARTS, ".")
    }
    wrong = [
        f"{name} has shape {arrays[name].shape}, expected {_stored_shape(*weight)}"
        for name, weight in needed.items()
        if name in arrays and arrays[name].shape != _stored_shape(*weight)
    ]
    _raise_if_any(
        path,
        missing=sorted(needed.keys() - arrays.keys()),
        wrong=wrong,
        unknown=sorted(arrays.keys() - needed.keys()),
    )
    _assign(needed, arrays)
    return model


def convert_checkpoint(path: str | Path, output: str | Path) -> Path:
    """Writes the weights of a PyTorch checkpoint as a file of arrays.

    Only arrays and plain values are read of the checkpoint: one that wants to run code
    is refused.

    Args:
        path: checkpoint, the weights themselves or a dictionary with them under
            `net_state_dict`, `state_dict`, `model_state_dict` or `model`.
        output: NPZ file, as `load_mobile_facenet` reads it. An older one is replaced.

    Returns:
        `output`.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ImportError: PyTorch is not installed.
        ValueError: it is no checkpoint, or `output` does not end in .npz.

    Example:
        >>> convert_checkpoint("nothing.ckpt", "weights.npz")
        Traceback (most recent call last):
        ...
        FileNotFoundError: No such checkpoint: nothing.ckpt
    """
    path, output = Path(path), Path(output)
    if not path.is_file():
        raise FileNotFoundError(f"No such checkpoint: {path}")
    if output.suffix != ".npz":
        raise ValueError(f"`output` must end in .npz. Received: {output}.")
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"Reading {path} takes PyTorch: pip install torch, or use a checkpoint "
            "that was converted to .npz elsewhere."
        ) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises many kinds
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"{path} is no PyTorch checkpoint: {reason}") from None
    if isinstance(content, Mapping):
        found = [content[key] for key in _STATE_KEYS if key in content]
        content = found[0] if found else content
    if not isinstance(content, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ValueError(
            f"{path} holds no weights: expected a dictionary of tensors, or one with "
            f"them under {', '.join(_STATE_KEYS)}."
        )
    # Trained on several devices, a module is wrapped in another.
    arrays = {
        name.removeprefix("module."): _array(value) for name, value in content.items()
    }
    with files.whole_file(output, suffix=".partial.npz") as partial:
        np.savez(partial, **arrays)
    return output


def _array(tensor):
    """NumPy does not know every kind of number that PyTorch has."""
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _weights(model, parts_by_kind, separator) -> Iterator[tuple[str, tuple]]:
    """Names in the file with the variable and its axes in the file's order."""
    for layer in model.layers:
        if layer.weights:
            parts = next(p for kind, p in parts_by_kind.items() if type(layer) is kind)
            for variable, (ending, axes) in zip(layer.weights, parts, strict=True):
                yield f"{layer.name}{separator}{ending}", (variable, axes)


def _module_key(name):
    """The layer `blocks_0_conv_1` is the module's `blocks.0.conv.1`."""
    layer, ending = name.split(".")
    layer = layer.replace("_", ".").replace("dw.conv1", "dw_conv1")
    return f"{layer}.{ending}"


def _stored_shape(variable, axes):
    return tuple(variable.shape[axis] for axis in axes)


def _assign(needed, arrays):
    for name, (variable, axes) in needed.items():
        array = arrays[name]
        if len(axes) > 1:
            array = array.transpose(np.argsort(axes))
        variable.assign(array.reshape(variable.shape))


def _read_csv(path, shape):
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file
            numbers = np.loadtxt(path, "float32", delimiter=",", ndmin=2)
    except ValueError:
        raise ValueError("holds something else than comma-separated numbers") from None
    # A line may be as long as any number of the last axes together.
    lengths = {math.prod(shape[axis:]) for axis in range(len(shape) + 1)}
    if numbers.size != math.prod(shape) or numbers.shape[1] not in lengths:
        received = " x ".join(map(str, numbers.shape)) if numbers.size else "no"
        expected = " x ".join(map(str, shape))
        raise ValueError(f"holds {received} numbers, expected {expected}")
    if not np.isfinite(numbers).all():
        raise ValueError("holds numbers that are not finite")
    return numbers.reshape(shape)


def _read_npz(path):
    if not path.is_file():
        raise FileNotFoundError(f"No such weights: {path}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        arrays = None
    # A PyTorch checkpoint is a ZIP file too.
    if arrays is None or not all(isinstance(x, np.ndarray) for x in arrays.values()):
        raise ValueError(
            f"{path} is no NPZ file of arrays. A PyTorch checkpoint becomes one with "
            "convert_checkpoint."
        )
    # How many batches there were matters to a training only.
    return {
        name: array
        for name, array in arrays.items()
        if not name.endswith("num_batches_tracked")
    }


def _raise_if_any(path, **problems):
    problems = {kind: names for kind, names in problems.items() if names}
    if problems:
        text = "; ".join(
            f"{kind} ({len(names)}): {', '.join(names)}"
            for kind, names in problems.items()
        )
        is_absence = path.is_dir() and problems.keys() == {"missing"}
        error = FileNotFoundError if is_absence else ValueError
        raise error(f"{path} does not hold this network's weights. {text}.")


def _listed(names, most=5):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
