"""The course's ways to make more pictures of a picture, in NumPy.

Each takes the pictures and what to change them by; `random_batch` draws that for
training. Pictures are uint8 RGB.

Reference:
    Course 4, week 2, "Data augmentation".
"""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np


def mirror(image: np.ndarray) -> np.ndarray:
    """Left and right change places.

    Example:
        >>> mirror(np.array([[[1], [2]]], "uint8")).ravel()
        array([2, 1], dtype=uint8)
    """
    return np.ascontiguousarray(image[:, ::-1])


def crop(image: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    """A square part of a picture, brought back to the picture's size.

    Args:
        image: uint8 `(height, width, 3)`.
        top: first row.
        left: first column.
        size: height and width of the part.

    Returns:
        uint8 of the picture's shape.

    Raises:
        ValueError: the part does not lie within the picture.
    """
    height, width = image.shape[:2]
    if not (0 <= top <= height - size and 0 <= left <= width - size and size > 0):
        raise ValueError(
            f"The part must lie within the picture of {height} x {width} pixels. "
            f"Received: top={top}, left={left}, size={size}."
        )
    part = image[top : top + size, left : left + size]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)


def rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turned clockwise about the middle; edges are repeated outside."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return _warp(image, np.array([[cosine, -sine], [sine, cosine]]))


def shear(image: np.ndarray, amount: float) -> np.ndarray:
    """Rows move to the right by `amount` of their distance below the middle."""
    return _warp(image, np.array([[1.0, amount], [0.0, 1.0]]))


def shift_colors(image: np.ndarray, shifts: Sequence[float]) -> np.ndarray:
    """Adds a number to each channel.

    Args:
        image: uint8 RGB.
        shifts: to red, green and blue, of 255.

    Example:
        >>> shift_colors(np.full((1, 1, 3), 200, "uint8"), (20, -20, 100)).ravel()
        array([220, 180, 255], dtype=uint8)
    """
    return np.clip(np.round(image + np.asarray(shifts, "float64")), 0, 255).astype(
        "uint8"
    )


def principal_colors(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In which directions the colours of a set of pictures vary, and how much.

    Args:
        images: uint8 `(..., 3)`, all training pictures.

    Returns:
        Eigenvalues `(3,)` of the covariance of red, green and blue, the largest first,
        and eigenvectors `(3, 3)` in columns.

    Example:
        >>> grey = np.repeat(np.arange(4, dtype="uint8"), 3).reshape(4, 3)
        >>> values, vectors = principal_colors(grey)
        >>> np.abs(values.round(2)), np.abs(vectors[:, 0].round(2))
        (array([3.75, 0.  , 0.  ]), array([0.58, 0.58, 0.58]))
    """
    pixels = np.asarray(images).reshape(-1, 3)
    mean = pixels.mean(axis=0, dtype="float64")
    total = np.zeros((3, 3))
    for start in range(0, len(pixels), 2**20):  # a float64 copy of all is too large
        part = pixels[start : start + 2**20] - mean
        total += part.T @ part
    values, vectors = np.linalg.eigh(total / len(pixels))
    return values[::-1], vectors[:, ::-1]


def shift_principal_colors(
    image: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    alphas: Sequence[float],
) -> np.ndarray:
    """AlexNet's colour shifting: adds `vectors @ (alphas * values)` to every pixel.

    The paper speaks of eigenvalues; its alphas of 0.1 suit the square roots, the
    standard deviations, of pixels from 0 to 255, and that is what everybody takes and
    what is taken here.

    Args:
        image: uint8 RGB.
        values: as `principal_colors` returns them.
        vectors: the same.
        alphas: three numbers; the paper draws them from a normal distribution of
            standard deviation 0.1, once a picture.

    Reference:
        - Krizhevsky et al., 2012, section 4.1.
    """
    deviations = np.sqrt(np.maximum(values, 0))
    return shift_colors(image, vectors @ (np.asarray(alphas) * deviations))


def random_batch(
    rng: np.random.Generator,
    images: np.ndarray,
    *,
    padding: int | None = None,
    flip: bool = True,
    colors: tuple[np.ndarray, np.ndarray] | None = None,
    alpha: float = 0.1,
) -> np.ndarray:
    """Random crops of padded pictures, half of them mirrored, perhaps recoloured.

    Args:
        rng: draws for every picture.
        images: uint8 `(num, size, size, 3)`.
        padding: pixels of repeated border before the crop; an eighth of the size.
        flip: whether half of the pictures are mirrored.
        colors: eigenvalues and eigenvectors for AlexNet's colour shifting.
        alpha: its standard deviation.

    Returns:
        uint8 of the same shape.

    Example:
        >>> images = np.zeros((4, 32, 32, 3), "uint8")
        >>> random_batch(np.random.default_rng(0), images).shape
        (4, 32, 32, 3)
    """
    num, height, width, _ = images.shape
    padding = height // 8 if padding is None else padding
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = np.pad(images, around, mode="edge")
    rows = rng.integers(0, 2 * padding + 1, num)[:, None] + np.arange(height)
    columns = rng.integers(0, 2 * padding + 1, num)[:, None] + np.arange(width)
    if flip:
        columns = np.where(rng.random(num)[:, None] < 0.5, columns[:, ::-1], columns)
    changed = padded[np.arange(num)[:, None, None], rows[..., None], columns[:, None]]
    if colors is not None:
        values, vectors = colors
        alphas = rng.normal(0, alpha, (num, 3))
        shifts = (alphas * np.sqrt(np.maximum(values, 0))) @ vectors.T
        changed = shift_colors(changed, shifts[:, None, None])
    return changed


def examples(
    rng: np.random.Generator, image: np.ndarray, training: np.ndarray, num: int = 5
) -> Mapping[str, list[np.ndarray]]:
    """Each augmentation of the course, a few times.

    Args:
        rng: draws by how much.
        image: uint8 `(size, size, 3)`.
        training: uint8 `(num_images, height, width, 3)`, whose colours vary.
        num: examples of each.

    Returns:
        Name -> pictures.
    """
    size = image.shape[0]
    part = round(0.75 * size)
    places = rng.integers(0, size - part + 1, (num, 2))
    colors = principal_colors(training)
    return {
        "mirroring": [mirror(image)],
        "random cropping": [crop(image, *place, part) for place in places],
        "rotation": [rotate(image, angle) for angle in np.linspace(-30, 30, num)],
        "shearing": [shear(image, amount) for amount in np.linspace(-0.4, 0.4, num)],
        "colour shifting": [
            shift_colors(image, shifts) for shifts in rng.uniform(-45, 45, (num, 3))
        ],
        # Three times AlexNet's 0.1, to be seen.
        "PCA colour shifting": [
            shift_principal_colors(image, *colors, alphas)
            for alphas in rng.normal(0, 0.3, (num, 3))
        ],
    }


def _warp(image, linear):
    """Moves what is at p, from the middle, to `linear @ p`."""
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.concatenate([linear, (middle - linear @ middle)[:, None]], axis=1)
    return cv2.warpAffine(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
