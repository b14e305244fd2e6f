"""Trained networks with what belongs to them: class names, landmarks, sizes."""

from pathlib import Path

import keras

from dlai_keras import networks
from dlai_keras.classic_convnets import layers  # noqa: F401, for the saved models

CLASSIFIER_FILE = "classes.json"
FACES_FILE = "faces.json"
PRETRAINED = Path(__file__).parent / "weights"


def load_classifier(path: Path | None = None) -> tuple[keras.Model, dict]:
    """Reads a trained classifier of pictures.

    Args:
        path: `model.keras`, or the folder that holds it; the one that comes with the
            package, trained on drawn things, without it.

    Returns:
        `(network, record)`: images `(batch, size, size, 3)`, 0 to 255, to logits; and
        `class_names`, `size` and `seed`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.

    Example:
        >>> network, record = load_classifier()
        >>> network.output_shape == (None, len(record["class_names"]))
        True
    """
    return networks.load(
        PRETRAINED / "objects" if path is None else path,
        CLASSIFIER_FILE,
        lambda one: {key: one[key] for key in ("class_names", "size", "seed")},
        "class_names, size and seed",
    )


def load_faces(path: Path | None = None) -> tuple[keras.Model, dict]:
    """Reads a trained network that finds landmarks and attributes of faces.

    Args:
        path: `model.keras`, or the folder that holds it; the one that comes with the
            package, trained on drawn faces, without it.

    Returns:
        `(network, record)`: images `(batch, size, size, 3)`, 0 to 255, to `landmarks`
        and `attributes`; and `size` and the names of `landmarks` and `attributes`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.

    Example:
        >>> network, record = load_faces()
        >>> sorted(network.output_names)
        ['attributes', 'landmarks']
    """
    return networks.load(
        PRETRAINED / "faces" if path is None else path,
        FACES_FILE,
        lambda one: {key: one[key] for key in ("size", "landmarks", "attributes")},
        "size, landmarks and attributes",
    )
