"""Drawing of synthetic scenes: shapes on a canvas, a background, light, a camera.

Pictures are float32 RGB from 0 to 255 while they are made, and uint8 once
`photograph` has taken them.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

SHIFT = 4  # places are exact to 1/16 of a pixel


def placement(
    centre: tuple[float, float],
    scale: float,
    *,
    angle: float = 0.0,
    stretch: float = 1.0,
    shear: float = 0.0,
    mirror: bool = False,
) -> np.ndarray:
    """The affine map that places a drawing in a picture.

    `mirror`, then `stretch` (wider by this factor, lower by it), then `shear`, then a
    turn by `angle`, then `scale`, then a move to `centre`.

    Args:
        centre: where the drawing's (0, 0) goes, (x, y) in pixels.
        scale: pixels to a unit of the drawing.
        angle: clockwise, radians.
        stretch: above 1 is wider and lower.
        shear: how far a row moves to the right by its distance below the middle.
        mirror: left becomes right.

    Returns:
        `(2, 3)`: `[x', y'] = matrix @ [x, y, 1]`.

    Example:
        >>> placement((32, 32), 10) @ [1, -1, 1]
        array([42., 22.])
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    wide = math.sqrt(stretch)
    form = np.array([[1, shear], [0, 1]]) @ np.diag([wide, 1 / wide])
    flip = np.diag([-1.0 if mirror else 1.0, 1.0])
    linear = scale * turn @ form @ flip
    return np.concatenate([linear, np.reshape(centre, (2, 1))], axis=1)


class Canvas:
    """Flat shapes, given in coordinates of their own, and what they cover.

    What is drawn later lies above. Colours are RGB from 0 to 255.

    Args:
        size: height and width, pixels. Draw at three or four times the size that is
            wanted, and hand on what `layer` returns.
        matrix: from the shapes' coordinates to pixels, as `placement` makes it.

    Example:
        >>> canvas = Canvas(32, placement((16, 16), 10))
        >>> canvas.ellipse((0, 0), (1, 0.5), (255, 0, 0))
        >>> image, cover = canvas.layer(8)
        >>> image.shape, cover.shape
        ((8, 8, 3), (8, 8))
    """

    def __init__(self, size: int, matrix: np.ndarray):
        self.matrix = np.asarray(matrix, "float64")
        self.image = np.zeros((size, size, 3), "uint8")
        self.cover = np.zeros((size, size), "uint8")
        # Of a line's width: the mean of all directions.
        self.scale = math.sqrt(abs(np.linalg.det(self.matrix[:, :2])))

    def places(self, points: Sequence) -> np.ndarray:
        """Pixels `(num_points, 2)` of points in the drawing's coordinates."""
        return np.asarray(points, "float64") @ self.matrix[:, :2].T + self.matrix[:, 2]

    def polygon(self, points: Sequence, color: Sequence[float] | None) -> None:
        """Fills a polygon; without a colour it becomes a hole."""
        fixed = np.round(self.places(points) * 2**SHIFT).astype("int32")
        cv2.fillPoly(self.cover, [fixed], 0 if color is None else 255, shift=SHIFT)
        if color is not None:
            cv2.fillPoly(self.image, [fixed], tuple(map(float, color)), shift=SHIFT)

    def ellipse(
        self,
        centre: Sequence[float],
        radii: Sequence[float],
        color: Sequence[float] | None,
        *,
        start: float = 0.0,
        stop: float = 360.0,
    ) -> None:
        """Fills an ellipse along the axes, or its part between two angles.

        Args:
            centre: (x, y).
            radii: along x and y.
            color: None makes a hole.
            start: degrees, clockwise from the right.
            stop: the same.
        """
        self.polygon(arc(centre, radii, start, stop), color)

    def stroke(
        self, points: Sequence, width: float, color: Sequence[float], closed=False
    ) -> None:
        """Draws a line with round ends, `width` in the drawing's units."""
        fixed = np.round(self.places(points) * 2**SHIFT).astype("int32")
        thickness = max(1, round(width * self.scale))
        for target, value in (
            (self.cover, 255),
            (self.image, tuple(map(float, color))),
        ):
            cv2.polylines(target, [fixed], closed, value, thickness, shift=SHIFT)

    def layer(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """What was drawn, at another size.

        Returns:
            Image, float32 `(size, size, 3)`, black where nothing is, and cover, float32
            `(size, size)` from 0 to 1.
        """
        cover = self.cover.astype("float32") / 255
        image = self.image * cover[..., None]
        if size != len(cover):
            both = cv2.merge([*cv2.split(image), cover])
            both = cv2.resize(both, (size, size), interpolation=cv2.INTER_AREA)
            image, cover = both[..., :3], both[..., 3]
        return image / np.maximum(cover, 1e-3)[..., None], cover


def arc(
    centre: Sequence[float],
    radii: Sequence[float],
    start: float = 0.0,
    stop: float = 360.0,
    num: int = 40,
) -> np.ndarray:
    """Points `(num, 2)` on an ellipse, angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, stop, num))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii + centre


def color(rng: np.random.Generator, *, saturation=(0.15, 0.95), value=(0.2, 1.0)):
    """A random colour, RGB from 0 to 255, float64 `(3,)`.

    Args:
        rng: draws hue, saturation and value evenly.
        saturation: lowest and highest, from 0 to 1.
        value: the same.
    """
    hue, chroma, bright = (
        rng.uniform(0, 6),
        rng.uniform(*saturation),
        rng.uniform(*value),
    )
    wheel = np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1
    return 255 * bright * (1 - chroma * (1 - np.clip(wheel, 0, 1)))


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Something behind a scene: a gradient, blotches, and sometimes stripes or checks.

    Args:
        rng: draws it.
        size: height and width, pixels.

    Returns:
        float32 `(size, size, 3)`, 0 to 255.

    Example:
        >>> background(np.random.default_rng(0), 32).shape
        (32, 32, 3)
    """
    y, x = np.mgrid[:size, :size].astype("float32") / size - 0.5
    angle = rng.uniform(0, 2 * math.pi)
    along = x * math.cos(angle) + y * math.sin(angle)
    first = color(rng, saturation=(0.0, 0.7))
    second = np.clip(first + rng.normal(0, 45, 3), 0, 255)
    share = np.clip(along + 0.5, 0, 1)
    kind = rng.random()
    if kind < 0.2:  # stripes, or checks
        waves = rng.uniform(2, 9)
        pattern = np.sin(2 * math.pi * waves * along + rng.uniform(0, 6))
        if kind < 0.08:
            across = y * math.cos(angle) - x * math.sin(angle)
            pattern *= np.sin(2 * math.pi * waves * across + rng.uniform(0, 6))
        share = (0.5 + 0.5 * np.clip(pattern * rng.uniform(1, 4), -1, 1)) * 0.9
    elif kind < 0.4:  # a table before a wall
        share = (along > rng.uniform(-0.2, 0.3)).astype("float32")
        second = color(rng, saturation=(0.0, 0.7))
    image = first + (second - first) * share[..., None]
    cells = int(rng.integers(3, 9))
    blotches = rng.normal(0, rng.uniform(2, 16), (cells, cells, 3)).astype("float32")
    blotches *= rng.uniform(0.3, 1, 3)
    image = image + cv2.resize(blotches, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype("float32")


def clutter(
    rng: np.random.Generator,
    image: np.ndarray,
    num: int,
    *,
    sizes: tuple[float, float] = (0.05, 0.25),
) -> np.ndarray:
    """A picture with things in it that mean nothing: triangles, discs, sticks, boxes.

    Args:
        rng: draws them.
        image: float32 `(size, size, 3)`, left as it is.
        num: how many.
        sizes: smallest and largest radius, in widths of the picture.

    Returns:
        A new picture of the same kind.
    """
    size = len(image)
    for _ in range(num):
        radius = rng.uniform(*sizes)
        matrix = placement(
            rng.uniform(0, size, 2) * 2,
            radius * size * 2,
            angle=rng.uniform(0, 2 * math.pi),
            stretch=rng.uniform(0.6, 1.7),
        )
        canvas = Canvas(2 * size, matrix)
        shape, paint = rng.integers(4), color(rng)
        if shape == 0:
            canvas.polygon(rng.uniform(-1, 1, (3, 2)), paint)
        elif shape == 1:
            canvas.ellipse((0, 0), (1, rng.uniform(0.4, 1)), paint)
            if rng.random() < 0.4:
                canvas.ellipse((0, 0), (0.6, 0.4), None)
        elif shape == 2:
            bend = rng.uniform(-0.6, 0.6)
            canvas.stroke([(-1, 0), (0, bend), (1, 0)], rng.uniform(0.1, 0.35), paint)
        else:
            canvas.polygon([(-1, -0.6), (1, -0.6), (1, 0.6), (-1, 0.6)], paint)
            canvas.polygon(
                [(-0.7, -0.3), (0.2, -0.3), (0.2, 0.3), (-0.7, 0.3)], color(rng)
            )
        layer, cover = canvas.layer(size)
        image = blend(image, shade(rng, layer), cover)
    return image


def shade(rng: np.random.Generator, image: np.ndarray, strength: float = 0.35):
    """A picture in uneven light: a gradient of gain from a random side.

    Args:
        rng: draws direction and strength.
        image: float32 `(height, width, 3)`.
        strength: largest change of gain from the middle to an edge.
    """
    height, width = image.shape[:2]
    angle, gain = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * strength)
    x = np.linspace(-0.5, 0.5, width, dtype="float32") * math.cos(angle)
    y = np.linspace(-0.5, 0.5, height, dtype="float32") * math.sin(angle)
    return image * (1 + np.float32(gain) * (x + y[:, None]))[..., None]


def blend(image: np.ndarray, layer: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """`layer` above `image` where `cover` is 1.

    Example:
        >>> blend(np.zeros((2, 2, 3)), np.ones((2, 2, 3)), np.full((2, 2), 0.25))[0, 0]
        array([0.25, 0.25, 0.25])
    """
    return image + (layer - image) * cover[..., None]


def cast_shadow(
    rng: np.random.Generator, image: np.ndarray, cover: np.ndarray
) -> np.ndarray:
    """What lies behind something, darker where its soft shadow falls.

    Args:
        rng: draws offset, softness and depth of the shadow.
        image: float32 `(size, size, 3)`.
        cover: what casts it, `(size, size)` from 0 to 1.
    """
    size = len(image)
    dx, dy = rng.uniform(-0.06, 0.06, 2) * size
    moved = cv2.warpAffine(cover, np.float32([[1, 0, dx], [0, 1, dy]]), (size, size))
    width = 2 * int(rng.uniform(0.02, 0.06) * size) + 1
    moved = cv2.blur(moved, (width, width))
    return image * (1 - np.float32(rng.uniform(0, 0.6)) * moved)[..., None]


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a camera makes of a scene: exposure, tint, blur, noise, sometimes JPEG.

    Args:
        rng: draws them.
        image: float32 `(height, width, 3)`, 0 to 255.

    Returns:
        uint8 `(height, width, 3)`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> photograph(rng, background(rng, 32)).dtype
        dtype('uint8')
    """
    image = shade(rng, image, 0.2)
    mean = image.mean()
    image = (image - mean) * np.float32(rng.uniform(0.65, 1.15)) + mean
    image = image * np.float32(rng.uniform(0.7, 1.2))
    image = image * rng.uniform(0.93, 1.07, 3).astype("float32")
    if rng.random() < 0.5:
        sigma = rng.uniform(0.2, 0.013 * len(image) + 0.2)
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    noise = rng.standard_normal(image.shape, "float32")
    image = image + noise * np.float32(rng.uniform(0, 6))
    image = np.clip(image + 0.5, 0, 255).astype("uint8")
    if rng.random() < 0.3:
        quality = int(rng.integers(50, 96))
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return image
