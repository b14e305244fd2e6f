"""Networks on disk, with what belongs to them, and how a part of one is trained on."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from dlai_keras import files


def save(
    folder: Path,
    network: keras.Model,
    beside: str,
    record: Mapping,
    *,
    half: bool = False,
) -> None:
    """Writes `model.keras`, and beside it a JSON file of what else belongs to it.

    Args:
        folder: made if it is missing.
        network: any model.
        beside: name of the JSON file.
        record: what it holds.
        half: whether the file holds the weights in half precision, in half the bytes;
            read again they are float32 as before, with three digits.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with files.whole_file(folder / "model.keras", suffix=".partial.keras") as partial:
        network.save(partial)
        if half:
            _halve(partial)
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    files.write_atomically(folder / beside, text)


def _halve(path):
    """Rewrites a `.keras` file with its weights in half precision."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    weights = io.BytesIO()
    with (
        h5py.File(io.BytesIO(entries["model.weights.h5"])) as whole,
        h5py.File(weights, "w") as halved,
    ):

        def copy(name, item):
            if isinstance(item, h5py.Group):
                target = halved.require_group(name)
            else:
                values = item[()]
                # What half precision cannot hold stays as it is.
                if values.dtype == "float32" and np.abs(values).max(initial=0) < 6e4:
                    values = values.astype("float16")
                target = halved.create_dataset(name, data=values)
            target.attrs.update(item.attrs)

        halved.attrs.update(whole.attrs)
        whole.visititems(copy)
    entries["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries.items():
            target.writestr(name, content)


def load(
    path: Path, beside: str, parse: Callable[[dict], Any], wanted: str
) -> tuple[keras.Model, Any]:
    """Reads what `save` wrote.

    Args:
        path: `model.keras`, or the folder that holds it.
        beside: name of the JSON file.
        parse: makes of the record what is returned with the network.
        wanted: what the record must hold, for the message where `parse` fails.

    Returns:
        `(network, parsed record)`; the network is not compiled.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """
    path = Path(path)
    path = path / "model.keras" if path.is_dir() else path
    settings = path.parent / beside
    for file in (path, settings):
        if not file.is_file():
            raise FileNotFoundError(
                f"No such file: {file}. Expected model.keras and beside it "
                f"{beside}, as a training leaves them."
            )
    try:
        parsed = parse(json.loads(settings.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{settings} must hold {wanted}, as a training leaves them."
        ) from None
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras and zipfile raise many kinds
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"{path} is no saved Keras model: {reason}") from None
    return network, parsed


def unfreeze(model: keras.Model, num_layers: int | None = None) -> keras.Model:
    """Makes the base of a transfer model trainable, its batch normalisation excepted.

    The moving statistics of batch normalisation are those of millions of images; a
    small dataset would only make them worse.

    Args:
        model: has a layer `base` that is a model, as the transfer models here do.
            Changed in place; compile it afterwards.
        num_layers: how many of the last layers of the base; None means all.

    Returns:
        `model`.

    Raises:
        ValueError: if the model has no base, or `num_layers` is negative.

    Example:
        >>> base = keras.Sequential(
        ...     [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)],
        ...     name="base",
        ... )
        >>> base.trainable = False
        >>> model = keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(1)])
        >>> len(model.trainable_weights), len(unfreeze(model, 1).trainable_weights)
        (2, 4)
    """
    bases = [layer for layer in model.layers if layer.name == "base"]
    if not bases or not isinstance(bases[0], keras.Model):
        raise ValueError(
            "The model has no layer `base` that is a model, as transfer models have. "
            f"Received: {model.name}."
        )
    if num_layers is not None and num_layers < 0:
        raise ValueError(
            f"`num_layers` must not be negative. Received: num_layers={num_layers}."
        )
    base = bases[0]
    base.trainable = True
    first = 0 if num_layers is None else max(0, len(base.layers) - num_layers)
    for index, layer in enumerate(base.layers):
        frozen = index < first or isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not frozen
    return model


def read_legacy_weights(path: Path) -> tuple[list[list[np.ndarray]], dict]:
    """Reads weights as Keras 2 saved them.

    Args:
        path: legacy `.h5`, of a whole model or of weights alone.

    Returns:
        `(arrays, configuration)`: the arrays of every layer that has any, in the
        model's order, and the model's configuration, empty for weights alone.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no such thing.

    Example:
        >>> read_legacy_weights(Path("nothing.h5"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: No such weights: nothing.h5
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No such weights: {path}")
    arrays = []
    try:
        with h5py.File(path, "r") as file:
            group = file.get("model_weights", file)
            for layer in map(_text, group.attrs["layer_names"]):
                names = [_text(name) for name in group[layer].attrs["weight_names"]]
                if names:
                    arrays.append([np.asarray(group[layer][name]) for name in names])
            configuration = json.loads(_text(file.attrs.get("model_config", "{}")))
    except OSError:
        raise ValueError(f"{path} is no HDF5 file.") from None
    except (KeyError, json.JSONDecodeError):
        raise ValueError(
            f"{path} holds no weights as Keras 2 saved them: `layer_names`, and a "
            "group of `weight_names` for each."
        ) from None
    return arrays, configuration


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
