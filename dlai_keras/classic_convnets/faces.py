"""Drawn faces with their landmarks and attributes.

`plan_face` draws a person, an expression and a view; `render_face` draws the picture.
Landmarks are exact, to a fraction of a pixel, since the same numbers draw the face;
those under sunglasses or a beard are where they would be seen.

Reference:
    Course 4, week 3, "Landmark detection"; course 3, week 2, "Multi-task learning".
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dlai_keras import rendering
from dlai_keras.processes import Workers

# Left and right are those of the picture.
LANDMARKS = (
    "left brow, outer end",
    "left brow, inner end",
    "right brow, inner end",
    "right brow, outer end",
    "left eye, outer corner",
    "left eye, inner corner",
    "right eye, inner corner",
    "right eye, outer corner",
    "tip of the nose",
    "left corner of the mouth",
    "right corner of the mouth",
    "middle of the upper lip",
    "middle of the lower lip",
    "chin",
)
# Where each landmark is in the mirrored picture.
MIRRORED = (3, 2, 1, 0, 7, 6, 5, 4, 8, 10, 9, 11, 12, 13)
EYES = (4, 7)  # the outer corners: their distance is the unit of errors in papers
ATTRIBUTES = ("glasses", "smile", "hat", "beard", "long hair")

BLOCK = 64
SUPERSAMPLING = 3
SKINS = np.array(  # RGB, from very pale to very dark
    [[246, 222, 206], [222, 175, 145], [198, 148, 112], [128, 84, 58], [70, 48, 38]],
    "float64",
)
HAIRS = np.array(
    [
        [28, 22, 20],
        [70, 45, 30],
        [120, 80, 45],
        [200, 165, 100],
        [150, 60, 30],
        [150, 150, 150],
        [225, 225, 220],
    ],
    "float64",
)


@dataclass(frozen=True)
class Face:
    """A face as it stands in the picture.

    The face's own coordinates have the nose between the eyes at (0, 0), x to the right
    and y down; a face is about two units wide.

    Attributes:
        matrix: from the face's coordinates to widths of the picture, `(2, 3)`.
        points: `LANDMARKS` in the face's coordinates, `(14, 2)`.
        attributes: of each of `ATTRIBUTES`, whether the face has it.
        turn: how far the features are moved to the side by a turn of the head.
        open_mouth: height of the gap between the lips.
        half: half of the head's width; its height is below and above (0, 0) `chin` and
            `crown`.
        chin: see `half`.
        crown: see `half`.
    """

    matrix: np.ndarray
    points: np.ndarray
    attributes: tuple[bool, ...]
    turn: float
    open_mouth: float
    half: float
    chin: float
    crown: float

    @property
    def landmarks(self) -> np.ndarray:
        """`(14, 2)`: x and y in widths of the picture, (0, 0) the upper left corner."""
        return self.points @ self.matrix[:, :2].T + self.matrix[:, 2]


def make_faces(
    rng: np.random.Generator, num: int, *, size: int = 64
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws faces with their landmarks and attributes.

    Face i depends on the seed taken from `rng` and on i, not on `num`.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many, 0 or more.
        size: width and height of the pictures, pixels, 16 or more.

    Returns:
        RGB images, uint8 `(num, size, size, 3)`; landmarks, float32 `(num, 14, 2)`, x
        and y in pixels from the upper left corner of the picture; attributes, int64
        `(num, 5)`, 0 or 1.

    Raises:
        ValueError: for a negative `num` or a `size` below 16.

    Example:
        >>> images, landmarks, attributes = make_faces(np.random.default_rng(0), 3)
        >>> images.shape, landmarks.shape, attributes.shape
        ((3, 64, 64, 3), (3, 14, 2), (3, 5))
    """
    images = np.empty((max(num, 0), size, size, 3), "uint8")
    landmarks = np.empty((max(num, 0), len(LANDMARKS), 2), "float32")
    attributes = np.empty((max(num, 0), len(ATTRIBUTES)), "int64")
    for index, one in enumerate(iterate_faces(rng, num, size=size)):
        images[index], landmarks[index], attributes[index] = one
    return images, landmarks, attributes


def iterate_faces(
    rng: np.random.Generator, num: int, *, size: int = 64, workers: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draws the faces of `make_faces` one by one.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many, 0 or more.
        size: width and height, pixels, 16 or more.
        workers: processes that draw; the faces are the same for any number.

    Returns:
        An iterator over images, landmarks and attributes.

    Raises:
        ValueError: for a negative `num` or a `size` below 16.
    """
    if num < 0:
        raise ValueError(f"`num` must be 0 or more. Received: num={num}.")
    if size < 16:
        raise ValueError(f"`size` must be 16 pixels or more. Received: size={size}.")
    return _iterate(int(rng.integers(2**32)), num, size, workers)


def _iterate(seed, num, size, workers):
    block = BLOCK if workers else 1
    blocks = (range(first, min(first + block, num)) for first in range(0, num, block))
    with Workers(functools.partial(_draw_block, seed, size), workers) as pool:
        for faces in pool.map(blocks):
            yield from faces


def _draw_block(seed, size, indices):
    drawn = []
    for index in indices:
        rng = np.random.default_rng((seed, index))
        face = plan_face(rng)
        image = render_face(rng, face, size=size)
        landmarks = (face.landmarks * size).astype("float32")
        drawn.append((image, landmarks, np.array(face.attributes, "int64")))
    return drawn


def hide_attributes(
    rng: np.random.Generator, attributes: np.ndarray, share: float
) -> np.ndarray:
    """Labels as people leave them: some are not there, and become -1.

    Args:
        rng: draws which.
        attributes: whole numbers of any shape.
        share: of the labels that go missing, 0 to 1.

    Returns:
        An array of the same shape.

    Example:
        >>> hide_attributes(np.random.default_rng(1), np.ones((2, 4), int), 0.5)
        array([[ 1,  1, -1,  1],
               [-1, -1,  1, -1]])
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must be from 0 to 1. Received: share={share}.")
    return np.where(rng.random(attributes.shape) < share, -1, attributes)


def plan_face(rng: np.random.Generator) -> Face:
    """Draws a person, an expression and a view.

    Args:
        rng: draws proportions, attributes, expression, turn, place and size.

    Returns:
        The `Face`; all of its landmarks are inside of the picture.

    Example:
        >>> plan_face(np.random.default_rng(0)).landmarks.shape
        (14, 2)
    """
    attributes = tuple(bool(x) for x in rng.random(5) < (0.35, 0.5, 0.3, 0.3, 0.45))
    smile = attributes[ATTRIBUTES.index("smile")]
    half, chin, crown = rng.uniform(0.86, 1.05), rng.uniform(1.15, 1.5), 1.0
    apart, eye = rng.uniform(0.34, 0.44), rng.uniform(0.15, 0.2)
    slant = rng.normal(0, 0.02)
    brow, tilt = rng.uniform(0.22, 0.34), rng.normal(0.0, 0.05)
    nose, mouth = rng.uniform(0.35, 0.5), rng.uniform(0.68, 0.82)
    mouth = min(mouth, chin - 0.33)
    width = rng.uniform(0.34, 0.46) if smile else rng.uniform(0.22, 0.36)
    # Corners rise in a smile; else they are level or hang.
    corners = -rng.uniform(0.09, 0.2) if smile else rng.uniform(-0.01, 0.08)
    gap = rng.uniform(0.0, 0.2) if rng.random() < (0.6 if smile else 0.3) else 0.0
    upper, lower = mouth - 0.06 - 0.2 * gap, mouth + 0.07 + 0.8 * gap
    points = np.array(
        [
            (-apart - 1.35 * eye, -brow + tilt + 0.04),
            (-apart + 1.1 * eye, -brow - tilt),
            (apart - 1.1 * eye, -brow - tilt),
            (apart + 1.35 * eye, -brow + tilt + 0.04),
            (-apart - eye, slant),
            (-apart + eye, 0.0),
            (apart - eye, 0.0),
            (apart + eye, slant),
            (0.0, nose),
            (-width, mouth + corners),
            (width, mouth + corners),
            (0.0, upper),
            (0.0, lower),
            (0.0, max(chin, lower + 0.12)),
        ]
    )
    chin = points[13, 1]
    # A turned head: features move along, most where the face is nearest, and what is
    # on the far side is narrower.
    turn = float(np.clip(rng.normal(0, 0.16), -0.35, 0.35))
    near = np.sqrt(np.maximum(1 - (points[:, 0] / 1.1) ** 2, 0.05))
    near[8] *= 1.5  # the nose stands out
    near[13] *= 0.5
    points[:, 0] = points[:, 0] * math.cos(2 * turn) + turn * near

    matrix = rendering.placement(
        (0, 0),
        rng.uniform(0.2, 0.34),
        angle=float(np.clip(rng.normal(0, 0.22), -0.6, 0.6)),
        stretch=math.exp(rng.normal(0, 0.06)),
    )
    placed = points @ matrix[:, :2].T
    low, high = placed.min(axis=0), placed.max(axis=0)
    # The hat or the hair may leave the picture, a landmark may not.
    lowest, highest = 0.04 - low, 0.96 - high
    lowest[1] = min(lowest[1] + 0.15, highest[1])
    matrix[:, 2] = lowest + (highest - lowest) * rng.beta(2, 2, 2)
    return Face(matrix, points, attributes, turn, gap, half, chin, crown)


def render_face(rng: np.random.Generator, face: Face, *, size: int = 64) -> np.ndarray:
    """Draws a face.

    Args:
        rng: draws skin, hair, clothes, background, light and camera.
        face: from `plan_face`.
        size: width and height, pixels.

    Returns:
        RGB image, uint8 `(size, size, 3)`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> render_face(rng, plan_face(rng), size=96).shape
        (96, 96, 3)
    """
    image = rendering.background(rng, size)
    image = rendering.clutter(rng, image, int(rng.integers(0, 4)))
    large = SUPERSAMPLING * size
    canvas = rendering.Canvas(large, face.matrix * large)
    _draw(rng, canvas, face)
    layer, cover = canvas.layer(size)
    image = rendering.cast_shadow(rng, image, cover)
    layer = rendering.shade(rng, layer, 0.7)
    image = rendering.blend(image, layer, cover).astype("float32")
    if rng.random() < 0.15:
        image = rendering.clutter(rng, image, 1, sizes=(0.04, 0.1))
    return rendering.photograph(rng, image)


def _draw(rng, canvas, face):
    has = dict(zip(ATTRIBUTES, face.attributes, strict=True))
    place = rng.uniform(0, len(SKINS) - 1)
    low = min(int(place), len(SKINS) - 2)
    skin = SKINS[low] + (place - low) * (SKINS[low + 1] - SKINS[low])
    skin = np.clip(skin * rng.uniform(0.9, 1.1) + rng.normal(0, 5, 3), 25, 255)
    hair = HAIRS[rng.integers(len(HAIRS))] * rng.uniform(0.8, 1.2)
    hair = np.clip(hair + rng.normal(0, 6, 3), 5, 250)
    dark = skin * 0.72
    middle = face.turn * 0.35  # the head moves less than its features
    half, chin, crown = face.half, face.chin, face.crown
    _draw_hair_behind(rng, canvas, has, hair, middle, half, chin, crown)
    canvas.polygon(  # neck and shoulders
        [
            (middle - 0.45, 0.6),
            (middle + 0.45, 0.6),
            (middle + 0.5, chin + 1),
            (middle - 0.5, chin + 1),
        ],
        skin * 0.85,
    )
    canvas.ellipse((middle, chin + 1.5), (1.9, 1.15), rendering.color(rng))
    for side in (-1, 1):
        ear = middle + side * half * 0.98 - face.turn * 0.5
        canvas.ellipse((ear, 0.1), (0.14, 0.24), dark)
    _draw_head(canvas, middle, half, chin, crown, skin)
    if has["beard"]:
        _draw_beard(rng, canvas, face, hair, middle)
    _draw_features(rng, canvas, face, skin, hair, has)
    _draw_hair_before(rng, canvas, has, hair, middle, half, crown)
    if has["glasses"]:
        _draw_glasses(rng, canvas, face, middle)
    if has["hat"]:
        _draw_hat(rng, canvas, middle, half, crown)


def _draw_head(canvas, middle, half, chin, crown, skin):
    angles = np.linspace(0, 2 * math.pi, 60)
    x, y = np.cos(angles), np.sin(angles)
    # Narrower towards the chin.
    x = x * half * np.where(y > 0, 1 - 0.25 * y**2, 1)
    y = np.where(y > 0, y * chin, y * crown)
    canvas.polygon(np.stack([x + middle, y], axis=1), skin)


def _draw_hair_behind(rng, canvas, has, hair, middle, half, chin, crown):
    if has["long hair"]:
        wide, low = half + rng.uniform(0.15, 0.4), chin + rng.uniform(0.1, 0.7)
        canvas.ellipse((middle, -0.15), (wide, crown + 0.1), hair)
        sides = [(middle - wide, -0.15), (middle + wide, -0.15)]
        flare = wide + rng.uniform(-0.1, 0.2)
        canvas.polygon([*sides, (middle + flare, low), (middle - flare, low)], hair)
    elif rng.random() < 0.85:  # else bald
        canvas.ellipse(
            (middle, -0.25), (half + 0.06, crown - 0.08), hair, start=170, stop=370
        )


def _draw_hair_before(rng, canvas, has, hair, middle, half, crown):
    if not has["long hair"] and rng.random() < 0.25:
        return
    line = -rng.uniform(0.45, 0.62)  # the hairline
    part = middle + rng.uniform(-0.4, 0.4)
    edge = half * 0.97
    top = rendering.arc((middle, -0.1), (half + 0.05, crown + 0.06), 188, 352)
    front = [(middle + edge, -0.2), (middle + 0.6 * half, line), (part, line - 0.12)]
    front += [(middle - 0.6 * half, line), (middle - edge, -0.2)]
    canvas.polygon([*top, *front], hair)


def _draw_beard(rng, canvas, face, hair, middle):
    mouth = face.points[[9, 10]].mean(axis=0)
    half, chin = face.half, face.chin
    sides = np.linspace(0.35, 1, 20)
    right = np.stack([half * np.sqrt(1 - 0.5 * sides**2) * 0.98, sides * chin], axis=1)
    right[:, 0] *= 1 - 0.28 * sides**3
    full = rng.random() < 0.7
    if full:
        low = [(middle + 0.3, chin + 0.1), (middle - 0.3, chin + 0.1)]
        left = right[::-1] * [-1, 1]
        outline = [*np.add(right, [middle, 0]), *low, *np.add(left, [middle, 0])]
        inner = [(mouth[0] - 0.5, mouth[1] - 0.16), (mouth[0] + 0.5, mouth[1] - 0.16)]
        canvas.polygon([*outline, *inner], hair)
    else:  # around the mouth
        canvas.ellipse((mouth[0], mouth[1] + 0.1), (0.4, 0.3), hair)
        canvas.ellipse((middle, chin - 0.1), (0.24, 0.22), hair)
    canvas.ellipse((mouth[0], mouth[1] - 0.13), (0.42, 0.1), hair)


def _draw_features(rng, canvas, face, skin, hair, has):
    points = face.points
    white = np.full(3, rng.uniform(205, 250))
    iris = rendering.color(rng, saturation=(0.2, 0.7), value=(0.15, 0.6))
    look = rng.uniform(-0.35, 0.35)
    open_eyes = rng.uniform(0.35, 0.55)
    for outer, inner in ((4, 5), (7, 6)):
        a, b = points[outer], points[inner]
        middle, radius = (a + b) / 2, abs(b[0] - a[0]) / 2
        lids = radius * open_eyes
        canvas.stroke([a, b], 0.04, skin * 0.5)
        canvas.ellipse(middle, (radius, lids), white)
        pupil = np.add(middle, [look * radius, 0])
        canvas.ellipse(pupil, (0.42 * radius, min(0.42 * radius, lids)), iris)
        canvas.ellipse(pupil, (0.18 * radius, min(0.18 * radius, lids)), (10, 10, 10))
        lid = rendering.arc(middle, (radius, lids), 180, 360)
        canvas.stroke(lid, 0.05, skin * 0.45)
    thick = rng.uniform(0.05, 0.11)
    brow = np.minimum(hair, skin * 0.75)
    for a, b in ((0, 1), (3, 2)):
        raised = (points[a] + points[b]) / 2 - [0, 0.06]
        canvas.stroke([points[a], raised, points[b]], thick, brow)
    tip, bridge = points[8], [face.turn * 0.6, 0.02]
    side = 0.1 if face.turn <= 0 else -0.1
    base = [(tip[0] - 0.14, tip[1] + 0.03), (tip[0] + 0.14, tip[1] + 0.03)]
    canvas.polygon([bridge, base[0], base[1]], np.clip(skin * 1.06, 0, 255))
    canvas.stroke([bridge, (tip[0] + side, tip[1])], 0.035, skin * 0.78)
    canvas.stroke([base[0], np.add(tip, [0, 0.06]), base[1]], 0.045, skin * 0.65)
    _draw_mouth(rng, canvas, face, skin)


def _draw_mouth(rng, canvas, face, skin):
    left, right, upper, lower = face.points[9:13]
    lips = np.clip(skin * [0.95, 0.62, 0.62] + rng.uniform(-15, 25), 0, 255)
    top = _curve(left, upper, right)
    bottom = _curve(right, lower, left)
    canvas.polygon([*top, *bottom], lips)
    line = (upper + lower) / 2
    if face.open_mouth > 0.02:
        inner = 0.86
        middle = (left + right) / 2
        ends = [middle + (left - middle) * inner, middle + (right - middle) * inner]
        above, below = np.add(upper, [0, 0.05]), np.add(lower, [0, -0.06])
        gap = [*_curve(ends[0], above, ends[1]), *_curve(ends[1], below, ends[0])]
        canvas.polygon(gap, (60, 20, 25))
        if rng.random() < 0.8:  # teeth
            low = above + (below - above) * 0.45
            teeth = [*_curve(ends[0], above, ends[1]), *_curve(ends[1], low, ends[0])]
            canvas.polygon(teeth, (238, 234, 225))
    else:
        canvas.stroke(_curve(left, line, right), 0.035, lips * 0.55)


def _curve(start, through, stop, num=15):
    """A parabola from `start` to `stop` through a point in the middle, `(num, 2)`."""
    t = np.linspace(0, 1, num)[:, None]
    control = 2 * np.asarray(through) - (np.asarray(start) + stop) / 2
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * stop


def _draw_glasses(rng, canvas, face, middle):
    frame = rendering.color(rng, value=(0.0, 0.5 if rng.random() < 0.8 else 1.0))
    wide = rng.uniform(0.045, 0.1)
    form = (rng.uniform(1.25, 1.5), rng.uniform(1.0, 1.4))
    is_round, is_dark = rng.random() < 0.5, rng.random() < 0.25
    centres = []
    for outer, inner in ((4, 5), (7, 6)):
        a, b = face.points[outer], face.points[inner]
        centre, radius = (a + b) / 2, abs(b[0] - a[0]) / 2
        centres.append(centre)
        radii = np.array(form) * radius
        if is_round:
            rim = rendering.arc(centre, radii)
        else:
            rim = centre + radii * [(-1, -0.8), (1, -0.8), (0.85, 0.8), (-0.85, 0.8)]
        if is_dark:
            canvas.polygon(rim, frame * 0.4)
        canvas.stroke(rim, wide, frame, closed=True)
    left, right = centres
    gap = np.array([form[0] * abs(face.points[5, 0] - face.points[4, 0]) / 2, 0])
    canvas.stroke([left + gap, right - gap], wide, frame)
    canvas.stroke([left - gap, (middle - face.half * 0.97, -0.02)], wide, frame)
    canvas.stroke([right + gap, (middle + face.half * 0.97, -0.02)], wide, frame)


def _draw_hat(rng, canvas, middle, half, crown):
    cloth = rendering.color(rng)
    edge = -rng.uniform(0.5, 0.62)
    high, wide = crown + rng.uniform(0.25, 0.6), half + rng.uniform(0.02, 0.1)
    if rng.random() < 0.5:  # a cap or a bonnet
        canvas.ellipse((middle, edge), (wide, high + edge), cloth, start=180, stop=360)
        band = [(middle - wide, edge), (middle + wide, edge)]
        canvas.stroke(band, rng.uniform(0.1, 0.25), cloth * 0.7)
    else:  # a brim
        narrow = wide * rng.uniform(0.75, 1.0)
        sides = [(middle - wide, edge), (middle - narrow, -high)]
        canvas.polygon([*sides, (middle + narrow, -high), (middle + wide, edge)], cloth)
        canvas.polygon(
            [
                (middle - wide, edge),
                (middle - wide, edge - 0.16),
                (middle + wide, edge - 0.16),
                (middle + wide, edge),
            ],
            rendering.color(rng),
        )
        brim = wide + rng.uniform(0.3, 0.6)
        canvas.ellipse((middle, edge), (brim, 0.1), cloth * 0.85)
