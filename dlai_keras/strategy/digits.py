"""Pictures of digits: clean ones in plenty, and as a poor camera takes them."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

NUM_CLASSES = 10
# How often each happens to a picture of the poor camera; several may.
FAULTS = {"dark": 0.35, "blurred": 0.3, "noisy": 0.3, "tilted": 0.3, "covered": 0.2}
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
SUPERSAMPLING = 4  # digits are drawn at so many times the picture's resolution


def draw_digit(rng: np.random.Generator, digit: int, *, size: int = 28) -> np.ndarray:
    """Draws a dark digit on light paper, in some font, colour, place and slant.

    Args:
        rng: draws all of that.
        digit: 0 to 9.
        size: height and width, pixels.

    Returns:
        uint8 RGB `(size, size, 3)`.

    Raises:
        ValueError: for another `digit`, or a `size` below 12.

    Example:
        >>> draw_digit(np.random.default_rng(0), 7).shape
        (28, 28, 3)
    """
    if digit not in range(NUM_CLASSES):
        raise ValueError(f"`digit` must be from 0 to 9. Received: {digit}.")
    if size < 12:
        raise ValueError(f"`size` must be 12 or more. Received: {size}.")
    side = size * SUPERSAMPLING
    font = FONTS[rng.integers(len(FONTS))]
    thickness = max(1, round(side * rng.uniform(0.04, 0.1)))
    scale = side * rng.uniform(0.55, 0.8) / 22  # Hershey's digits are 21 units high
    (width, height), _ = cv2.getTextSize(str(digit), font, scale, thickness)
    ink = np.zeros((side, side), "uint8")
    origin = (side - width) // 2, (side + height) // 2
    cv2.putText(ink, str(digit), origin, font, scale, 255, thickness, cv2.LINE_AA)
    middle = side / 2
    turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-12, 12), 1.0)
    slant = rng.uniform(-0.25, 0.25)
    turn[:, 2] += rng.uniform(-0.08, 0.08, 2) * side
    turn[0, 1] += slant
    turn[0, 2] -= slant * middle
    ink = cv2.warpAffine(ink, turn, (side, side))
    ink = cv2.resize(ink, (size, size), interpolation=cv2.INTER_AREA) / 255.0
    paper, pen = rng.uniform(170, 255, 3), rng.uniform(0, 120, 3)
    shade = np.linspace(1, rng.uniform(0.7, 1.0), size)[:, None, None]
    picture = (paper + (pen - paper) * ink[..., None]) * shade
    return np.clip(picture, 0, 255).round().astype("uint8")


def make_digits(
    rng: np.random.Generator, num: int, *, size: int = 28, poor: bool = False
) -> Iterator[tuple[np.ndarray, int, tuple[str, ...]]]:
    """Draws pictures of digits, the ten in turn.

    Picture i depends on the seed taken from `rng` and on i, not on `num`.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many.
        size: height and width, pixels.
        poor: as the poor camera takes them; clean ones otherwise.

    Yields:
        A picture, uint8 RGB `(size, size, 3)`, its digit and the names of its faults.

    Raises:
        ValueError: `num` is negative, or `size` below 12.

    Example:
        >>> digits = list(make_digits(np.random.default_rng(0), 12, poor=True))
        >>> [digit for _, digit, _ in digits]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    if num < 0:
        raise ValueError(f"`num` must be 0 or more. Received: num={num}.")
    seed = int(rng.integers(2**32))
    for index in range(num):
        own = np.random.default_rng((seed, index))
        digit = index % NUM_CLASSES
        picture, faults = draw_digit(own, digit, size=size), ()
        if poor:
            picture, faults = photograph(own, picture)
        yield picture, digit, faults


def photograph(
    rng: np.random.Generator, image: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A picture with the faults of a poor camera in a hurry, and which these are.

    Dark: a quarter to half of the light. Blurred: moved while it was taken. Noisy:
    grains of 20 to 40 grey levels. Tilted: turned by 20 to 40 degrees. Covered: a
    finger in one corner, up to a third of the width. Each comes as often as `FAULTS`
    says, on its own.

    Args:
        rng: draws the faults and their strength.
        image: uint8 RGB `(height, width, 3)`.

    Returns:
        A picture of the same shape, and the names of its faults.

    Raises:
        ValueError: the array is no picture.

    Example:
        >>> image = np.full((32, 32, 3), 200, "uint8")
        >>> photographed, faults = photograph(np.random.default_rng(3), image)
        >>> faults, int(photographed.mean()) < 200
        (('dark', 'blurred', 'covered'), True)
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be uint8 (height, width, 3). Received: "
            f"{image.dtype}, shape {image.shape}."
        )
    # All are drawn, wanted or not: a fault does not change what the next one draws.
    drawn = rng.random(len(FAULTS))
    faults = [
        name
        for name, draw, often in zip(FAULTS, drawn, FAULTS.values(), strict=True)
        if draw < often
    ]
    pixels = image.astype("float32")
    for name in ("tilted", "covered", "dark", "blurred", "noisy"):  # as light travels
        seen = _MAKERS[name](np.random.default_rng(rng.integers(2**32)), pixels)
        pixels = seen if name in faults else pixels
    return np.clip(pixels, 0, 255).round().astype("uint8"), tuple(faults)


def _tilt(rng, pixels):
    angle = rng.uniform(20, 40) * rng.choice((-1, 1))
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)


def _cover(rng, pixels):
    height, width = pixels.shape[:2]
    corner = rng.choice((0, height)), rng.choice((0, width))
    radius = rng.uniform(0.25, 0.35) * width
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - corner[0], columns - corner[1])
    cover = np.clip((radius - distance) / (0.05 * width) + 0.5, 0, 1)[..., None]
    skin = np.array([190, 110, 90]) * rng.uniform(0.5, 1.1)
    return ((1 - cover) * pixels + cover * skin).astype("float32")


def _darken(rng, pixels):
    return pixels * np.float32(rng.uniform(0.25, 0.5))


def _blur(rng, pixels):
    length = max(3, round(rng.uniform(0.1, 0.16) * pixels.shape[1]))
    kernel = np.zeros((length, length), "float32")
    kernel[length // 2] = 1 / length
    middle = (length - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(0, 180), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return cv2.filter2D(
        pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT
    )


def _add_noise(rng, pixels):
    grain = rng.uniform(20, 40)
    return pixels + rng.normal(0, grain, pixels.shape).astype("float32")


_MAKERS: dict[str, Callable] = {
    "dark": _darken,
    "blurred": _blur,
    "noisy": _add_noise,
    "tilted": _tilt,
    "covered": _cover,
}
