"""A trained network with what belongs to it: class names and the size of its images."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from dlai_keras import networks

SETTINGS_FILE = "classes.json"
PRETRAINED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Classifier:
    """Images in, classes out.

    Attributes:
        network: images `(batch, size, size, 3)`, 0 to 255, to logits.
        class_names: of the logits.
        size: height and width of the images, pixels.
        notes: what else was saved with it, such as the seed.
    """

    network: keras.Model
    class_names: tuple[str, ...]
    size: int
    notes: dict = field(default_factory=dict)

    def probabilities(self, images: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
        """float32 `(num_images, num_classes)`, rows of sum 1.

        Args:
            images: uint8 `(num_images, size, size, 3)`.
            batch_size: images at a time.
        """
        parts = [np.zeros((0, len(self.class_names)), "float32")]
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            # One shape, one compilation; what is padded is cut off again.
            padded = np.zeros((batch_size, *images.shape[1:]), images.dtype)
            padded[: len(batch)] = batch
            logits = np.asarray(self.network.predict_on_batch(padded), "float32")
            logits = logits[: len(batch)] - logits[: len(batch)].max(1, keepdims=True)
            odds = np.exp(logits)
            parts.append(odds / odds.sum(axis=1, keepdims=True))
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Writes `model.keras`, and beside it `classes.json`."""
        record = {"class_names": list(self.class_names), "size": self.size}
        networks.save(folder, self.network, SETTINGS_FILE, {**record, **self.notes})


def load_classifier(path: Path) -> Classifier:
    """Reads a trained classifier.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        return tuple(notes.pop("class_names")), int(notes.pop("size")), notes

    network, (class_names, size, notes) = networks.load(
        path, SETTINGS_FILE, parse, "class_names and size"
    )
    return Classifier(network, class_names, size, notes)


def load_pretrained() -> Classifier:
    """The classifier that comes with the package, trained on rendered hands alone."""
    return load_classifier(PRETRAINED)


def match_classes(
    class_names: Sequence[str], labels: np.ndarray, known: Sequence[str]
) -> np.ndarray:
    """Labels of other data in the numbers of a classifier.

    Args:
        class_names: of the data.
        labels: indices of `class_names`.
        known: the classifier's class names.

    Returns:
        Indices of `known`.

    Raises:
        ValueError: the classifier does not know a class.

    Example:
        >>> match_classes(["one", "two"], np.array([1, 0]), ["zero", "one", "two"])
        array([2, 1])
    """
    unknown = [name for name in class_names if name not in known]
    if unknown:
        raise ValueError(
            f"The model knows the classes {', '.join(known)}. Received: "
            f"{', '.join(unknown)}. Rename the classes of the data, or leave these out."
        )
    places = np.array([list(known).index(name) for name in class_names])
    return places[labels]
