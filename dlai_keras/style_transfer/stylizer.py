"""A network that paints in one pass, with what belongs to it."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from dlai_keras import networks
from dlai_keras.style_transfer import layers, model  # noqa: F401, for the saved models

SETTINGS_FILE = "stylizer.json"
PRETRAINED = Path(__file__).parent / "weights"
ONE_STYLE, ADAIN = KINDS = ("one-style", "adain")
_LEAST = 16  # pixels of a side; smaller pictures have nothing to paint


@dataclass(frozen=True)
class Stylizer:
    """Pictures of any size in, painted pictures of the same size out.

    Attributes:
        network: as `transfer_network` or `adain_network` makes it.
        kind: `"one-style"`, or `"adain"` for one that is told the style each time.
        size: of the pictures that it learned from, pixels; styles are brought to it.
        notes: what else was saved with it, such as the seed.

    Raises:
        ValueError: `kind` or `size` is no such thing.

    Example:
        >>> network = model.transfer_network(widths=(4, 4, 4), num_blocks=0)
        >>> stylizer = Stylizer(network, "one-style", size=64)
        >>> stylizer.stylize(np.zeros((20, 30, 3), "uint8")).shape
        (20, 30, 3)
    """

    network: keras.Model
    kind: str
    size: int
    notes: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {', '.join(KINDS)}. Received: {self.kind!r}."
            )
        if int(self.size) != self.size or self.size < 1:
            raise ValueError(
                f"`size` must be 1 pixel or more. Received: size={self.size}."
            )

    def stylize(
        self,
        image: np.ndarray,
        style: np.ndarray | None = None,
        *,
        alpha: float = 1.0,
    ) -> np.ndarray:
        """A picture, painted.

        Args:
            image: uint8 RGB `(height, width, 3)`, 16 pixels or more each way.
            style: the same for a network of any style, and None for one of its own. A
                larger one is made smaller until its shorter side is `size`, as the
                network has seen styles.
            alpha: strength, from 0, the picture as the network repeats it (as it is, of
                one style), to 1.

        Returns:
            uint8 RGB `(height, width, 3)`.

        Raises:
            ValueError: a picture is none, there is a style too many or none, or `alpha`
                is out of its range.
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"`alpha` must be from 0 to 1. Received: alpha={alpha}.")
        content = _as_batch("image", image)
        if self.kind == ONE_STYLE:
            if style is not None:
                raise ValueError(
                    "This network has one style of its own: leave out `style`, or take "
                    "a network of any style."
                )
            painted = self._run(content)
            painted = content + np.float32(alpha) * (painted - content)
        else:
            if style is None:
                raise ValueError(
                    "This network paints in any style: `style` must be a picture. "
                    "Received: none."
                )
            inputs = {
                "content": content,
                "style": _as_batch("style", _at_most(style, self.size)),
                "alpha": np.full((1, 1), alpha, "float32"),
            }
            painted = self._run(inputs)
        return np.round(np.clip(painted[0], 0, 1) * 255).astype("uint8")

    def _run(self, inputs):
        # Layer by layer: a function would be compiled anew for each size of picture.
        return ops.convert_to_numpy(self.network(inputs, training=False))

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `stylizer.json`.

        Args:
            folder: made if it is missing.
            half: whether the weights are kept in half precision, in half the bytes.
        """
        record = {"kind": self.kind, "size": int(self.size), **self.notes}
        networks.save(folder, self.network, SETTINGS_FILE, record, half=half)


def load_stylizer(path: Path) -> Stylizer:
    """Reads a trained network.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        kind, size = notes.pop("kind"), int(notes.pop("size"))
        if kind not in KINDS or size < 1:
            raise ValueError
        return kind, size, notes

    network, (kind, size, notes) = networks.load(
        path, SETTINGS_FILE, parse, f"kind ({' or '.join(KINDS)}) and size"
    )
    return Stylizer(network, kind, size, notes)


def load_pretrained() -> Stylizer:
    """The network that comes with the package: in the style "strokes", in one pass."""
    return load_stylizer(PRETRAINED)


def _at_most(style, size):
    """A style picture whose shorter side is `size`, or less where it was less."""
    _check("style", style)
    short = min(style.shape[:2])
    if short <= size:
        return style
    height, width = (max(size, round(side * size / short)) for side in style.shape[:2])
    return cv2.resize(style, (width, height), interpolation=cv2.INTER_AREA)


def _as_batch(name, image):
    """float32 `(1, height, width, 3)`, 0 to 1."""
    _check(name, image)
    return image[None] / np.float32(255)


def _check(name, image):
    shape = getattr(image, "shape", None)
    dtype = getattr(image, "dtype", type(image).__name__)
    if (
        dtype != "uint8"
        or shape is None
        or len(shape) != 3
        or shape[2] != 3
        or min(shape[:2]) < _LEAST
    ):
        raise ValueError(
            f"`{name}` must be a uint8 RGB picture (height, width, 3) of {_LEAST} "
            f"pixels or more each way. Received: dtype={dtype}, shape={shape}."
        )
