"""Picture files: read in any common format, resized, written whole, laid in a grid."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import files

SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
FITS = ("stretch", "crop", "pad")


def read(path: str | Path, *, size: int | None = None, fit: str = "stretch"):
    """A picture as RGB, turned upright as its camera says.

    Args:
        path: file of any format that OpenCV reads. Grey ones become RGB, transparency
            is dropped.
        size: height and width to bring it to, pixels; None keeps its own.
        fit: see `resize`.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture.
    """
    path = Path(path)
    content = np.frombuffer(path.read_bytes(), "uint8")
    image = None
    if len(content):
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(
            f"{path} is no picture that can be read. Expected one of "
            f"{', '.join(sorted(SUFFIXES))}; remove the file or save it again."
        )
    image = image[..., ::-1]
    return np.ascontiguousarray(image if size is None else resize(image, size, fit=fit))


def resize(image: np.ndarray, size: int, *, fit: str = "stretch") -> np.ndarray:
    """A square picture of `size` pixels each way.

    Args:
        image: uint8 `(height, width, 3)`.
        size: pixels.
        fit: `"stretch"` changes the aspect, `"crop"` keeps the square in the middle,
            `"pad"` keeps everything and repeats the edges.

    Returns:
        uint8 `(size, size, 3)`.

    Raises:
        ValueError: `fit` is none of these.

    Example:
        >>> resize(np.zeros((40, 80, 3), "uint8"), 64, fit="crop").shape
        (64, 64, 3)
    """
    if fit not in FITS:
        raise ValueError(f"`fit` must be one of {', '.join(FITS)}. Received: {fit!r}.")
    height, width = image.shape[:2]
    short, long = sorted((height, width))
    if fit == "crop":
        top, left = (height - short) // 2, (width - short) // 2
        image = image[top : top + short, left : left + short]
    elif fit == "pad":
        rows, columns = long - height, long - width
        image = np.pad(
            image,
            (
                (rows // 2, rows - rows // 2),
                (columns // 2, columns - columns // 2),
                (0, 0),
            ),
            mode="edge",
        )
    if image.shape[:2] == (size, size):
        return image
    # Areas are averaged on the way down; on the way up that would be blocks.
    way = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=way)


def write(path: str | Path, image: np.ndarray) -> None:
    """Writes a picture; the file is whole or not there.

    Args:
        path: its suffix says the format.
        image: uint8 RGB `(height, width, 3)`.

    Raises:
        ValueError: the suffix is of no format that can be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"A picture's name must end in one of {', '.join(sorted(SUFFIXES))}. "
            f"Received: {path}."
        )
    _, content = cv2.imencode(path.suffix, np.ascontiguousarray(image[..., ::-1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, content.tobytes())


def find(folder: str | Path) -> list[Path]:
    """Picture files below a folder, by their suffix, sorted by name.

    Files and folders whose name begins with a dot are left out.
    """
    folder = Path(folder)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )


def grid(images: Sequence[np.ndarray], columns: int, *, gap: int = 2) -> np.ndarray:
    """Lays pictures of one size side by side, row by row, on white.

    Args:
        images: uint8 `(height, width, 3)` each.
        columns: pictures in a row.
        gap: pixels between them.

    Returns:
        uint8 `(rows * (height + gap) - gap, columns * (width + gap) - gap, 3)`.

    Example:
        >>> grid([np.zeros((8, 8, 3), "uint8")] * 5, columns=3).shape
        (18, 28, 3)
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, 255, "uint8")
    for number, image in enumerate(images):
        top = number // columns * (height + gap)
        left = number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet
