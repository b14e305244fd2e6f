"""Pictures of ten everyday things, drawn: what the networks are compared on.

Form, proportions, colours, pose, light, what lies around and before the thing, and the
camera are drawn at random; colour and background say nothing about the class. Pictures
are in the manner of CIFAR-10: small, one thing each, ten classes.

Reference:
    Domain randomisation: Tobin et al., 2017, arXiv:1703.06907.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from dlai_keras import rendering
from dlai_keras.processes import Workers

BLOCK = 64  # pictures that a process draws at a time
SUPERSAMPLING = 3  # things are drawn at so many times the picture's resolution


def make_objects(
    rng: np.random.Generator, num: int, *, size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a set of pictures, the ten classes in turn.

    Picture i depends on the seed taken from `rng` and on i, not on `num`.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many pictures, 0 or more.
        size: width and height, pixels, 16 or more.

    Returns:
        RGB images, uint8 `(num, size, size, 3)`, and labels, int64 `(num,)`, the places
        of their classes in `CLASSES`.

    Raises:
        ValueError: for a negative `num` or a `size` below 16.

    Example:
        >>> images, labels = make_objects(np.random.default_rng(0), 12)
        >>> images.shape, labels
        ((12, 32, 32, 3), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]))
    """
    images = np.empty((max(num, 0), size, size, 3), "uint8")
    labels = np.empty(max(num, 0), "int64")
    for index, (image, label) in enumerate(iterate_objects(rng, num, size=size)):
        images[index], labels[index] = image, label
    return images, labels


def iterate_objects(
    rng: np.random.Generator, num: int, *, size: int = 32, workers: int = 0
) -> Iterator[tuple[np.ndarray, int]]:
    """Draws the pictures of `make_objects` one by one.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many pictures, 0 or more.
        size: width and height, pixels, 16 or more.
        workers: processes that draw; the pictures are the same for any number.

    Returns:
        An iterator over RGB images, uint8 `(size, size, 3)`, and labels.

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
        for pictures in pool.map(blocks):
            yield from pictures


def _draw_block(seed, size, indices):
    return [
        (
            draw_object(
                np.random.default_rng((seed, index)),
                CLASSES[index % len(CLASSES)],
                size=size,
            ),
            index % len(CLASSES),
        )
        for index in indices
    ]


def draw_object(rng: np.random.Generator, name: str, *, size: int = 32) -> np.ndarray:
    """Draws a picture of one thing.

    Args:
        rng: draws form, pose, light, clutter and camera.
        name: one of `CLASSES`.
        size: width and height, pixels.

    Returns:
        RGB image, uint8 `(size, size, 3)`.

    Raises:
        ValueError: for another name.

    Example:
        >>> draw_object(np.random.default_rng(0), "mug", size=64).shape
        (64, 64, 3)
    """
    if name not in DRAWINGS:
        raise ValueError(
            f"`name` must be one of {', '.join(CLASSES)}. Received: name={name!r}."
        )
    image = rendering.background(rng, size)
    image = rendering.clutter(rng, image, int(rng.integers(0, 3)))
    large = SUPERSAMPLING * size
    scale = rng.uniform(0.36, 0.49)
    room = max(0.5 - scale, 0.05)
    matrix = rendering.placement(
        (0.5 + rng.uniform(-room, room, 2)) * large,
        scale * large,
        angle=rng.normal(0, 0.6 if name in LYING else 0.2),
        stretch=math.exp(rng.normal(0, 0.15)),
        shear=rng.normal(0, 0.12),
        mirror=rng.random() < 0.5,
    )
    canvas = rendering.Canvas(large, matrix)
    DRAWINGS[name](rng, canvas, _paints(rng, image.mean(axis=(0, 1))))
    layer, cover = canvas.layer(size)
    image = rendering.cast_shadow(rng, image, cover)
    layer = rendering.shade(rng, layer, 0.6)
    layer = layer + rng.normal(0, rng.uniform(0, 8), (size, size, 1))
    image = rendering.blend(image, layer, cover).astype("float32")
    if rng.random() < 0.3:  # something before it
        image = rendering.clutter(rng, image, 1, sizes=(0.05, 0.14))
    return rendering.photograph(rng, image)


def _paints(rng, behind):
    """Three colours `(3, 3)`, the first one not that of the background."""
    while True:
        paints = np.stack([rendering.color(rng) for _ in range(3)])
        if np.abs(paints[0] - behind).mean() > 50:
            break
    if rng.random() < 0.5:  # of one material
        paints[1:] = np.clip(paints[0] * rng.uniform(0.5, 1.4, (2, 1)), 0, 255)
    return paints


# Drawings, each within [-1, 1] both ways, y downwards


def _bottle(rng, canvas, paints):
    body, neck = rng.uniform(0.24, 0.42), rng.uniform(0.09, 0.15)
    shoulder = rng.uniform(-0.45, 0.0)
    slope = rng.uniform(0.12, 0.35)
    half = [(body, 0.95), (body, shoulder), (neck, shoulder - slope), (neck, -0.85)]
    mirrored = [(-x, y) for x, y in half]
    canvas.polygon([*mirrored, *half[::-1]], paints[0])
    cap = neck + 0.03
    canvas.polygon([(-cap, -0.97), (cap, -0.97), (cap, -0.8), (-cap, -0.8)], paints[1])
    if rng.random() < 0.7:
        top = shoulder + rng.uniform(0.1, 0.3)
        low = min(top + rng.uniform(0.3, 0.5), 0.85)
        canvas.polygon(
            [(-body, top), (body, top), (body, low), (-body, low)], paints[2]
        )


def _chair(rng, canvas, paints):
    back, right, front, left = np.array(
        [(-0.5, 0.1), (0.3, 0.02), (0.6, 0.24), (-0.2, 0.34)]
    )
    height, legs = rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.62)
    width = rng.uniform(0.08, 0.14)
    for corner in (back, right, front, left):
        foot = np.add(corner, [rng.normal(0, 0.03), legs])
        canvas.stroke([corner, foot], width, paints[1])
    up = np.array([rng.uniform(-0.15, 0.05), -height])
    if rng.random() < 0.5:
        canvas.polygon([back, right, right + up, back + up], paints[0])
    else:  # slats
        for share in np.linspace(0, 1, int(rng.integers(2, 5))):
            foot = back + share * (right - back)
            canvas.stroke([foot, foot + up], width, paints[0])
        canvas.stroke([back + up, right + up], 1.5 * width, paints[0])
    canvas.polygon([back, right, front, left], paints[0] * 0.85)


def _clock(rng, canvas, paints):
    rim = rng.uniform(0.07, 0.2)
    if rng.random() < 0.35:  # an alarm clock's bells and feet
        for side in (-0.5, 0.5):
            canvas.ellipse((side, -0.8), (0.25, 0.2), paints[1])
            canvas.stroke([(side * 0.8, 0.6), (side * 1.3, 0.95)], 0.1, paints[1])
    canvas.ellipse((0, 0), (0.9, 0.9), paints[0])
    face = rendering.color(rng, saturation=(0, 0.2), value=(0.8, 1))
    ink = rendering.color(rng, saturation=(0, 0.6), value=(0, 0.3))
    if rng.random() < 0.2:
        face, ink = ink, face
    canvas.ellipse((0, 0), (0.9 - rim, 0.9 - rim), face)
    reach = 0.84 - rim
    num = int(rng.choice([4, 12]))
    for angle in np.arange(num) * 2 * math.pi / num:
        mark = np.array([math.cos(angle), math.sin(angle)])
        canvas.stroke([mark * reach * 0.85, mark * reach * 0.95], 0.06, ink)
    for length, width in ((0.75, 0.06), (0.45, 0.1)):
        angle = rng.uniform(0, 2 * math.pi)
        tip = np.array([math.cos(angle), math.sin(angle)]) * length * reach
        canvas.stroke([(0, 0), tip], width, ink)


def _fish(rng, canvas, paints):
    height = rng.uniform(0.25, 0.5)
    tail = rng.uniform(0.25, 0.48)
    canvas.polygon([(0.4, 0), (0.98, -tail), (0.8, 0), (0.98, tail)], paints[1])
    if rng.random() < 0.8:
        fin = rng.uniform(0.15, 0.35)
        canvas.polygon(
            [(-0.35, -0.7 * height), (0.1, -height - fin), (0.3, -0.5 * height)],
            paints[1],
        )
    canvas.ellipse((-0.15, 0), (0.75, height), paints[0])
    if rng.random() < 0.5:
        for x in (-0.25, 0.0, 0.25):
            span = 0.75 * height * math.sqrt(1 - ((x + 0.15) / 0.75) ** 2)
            canvas.stroke([(x, -span), (x, span)], 0.09, paints[2])
    canvas.ellipse((-0.6, -0.25 * height), (0.09, 0.09), (245, 245, 245))
    canvas.ellipse((-0.6, -0.25 * height), (0.05, 0.05), (15, 15, 15))


def _house(rng, canvas, paints):
    half, eaves = rng.uniform(0.5, 0.75), rng.uniform(-0.25, 0.1)
    over = half + rng.uniform(0.05, 0.2)
    if rng.random() < 0.6:  # a chimney
        x = rng.uniform(0.2, 0.4)
        canvas.polygon(
            [(x, eaves), (x, -0.85), (x + 0.16, -0.85), (x + 0.16, eaves)], paints[2]
        )
    canvas.polygon(
        [(-half, eaves), (half, eaves), (half, 0.9), (-half, 0.9)], paints[0]
    )
    ridge = 0.0 if rng.random() < 0.6 else over * 0.5
    canvas.polygon(
        [(-over, eaves), (-ridge, -0.9), (ridge, -0.9), (over, eaves)], paints[1]
    )
    door = rng.uniform(-half + 0.2, half - 0.2)
    canvas.polygon(
        [
            (door - 0.13, 0.9),
            (door - 0.13, 0.4),
            (door + 0.13, 0.4),
            (door + 0.13, 0.9),
        ],
        paints[2],
    )
    pane = rendering.color(rng, value=(0.05, 0.4) if rng.random() < 0.6 else (0.8, 1))
    for x in (-0.5 * half, 0.5 * half):
        y = eaves + 0.25
        canvas.polygon(
            [
                (x - 0.13, y - 0.1),
                (x + 0.13, y - 0.1),
                (x + 0.13, y + 0.12),
                (x - 0.13, y + 0.12),
            ],
            pane,
        )


def _key(rng, canvas, paints):
    radius = rng.uniform(0.25, 0.38)
    width = rng.uniform(0.09, 0.15)
    middle = (-0.95 + radius, 0)
    canvas.stroke([(middle[0], 0), (0.92, 0)], width, paints[0])
    for x in np.linspace(0.9, rng.uniform(0.45, 0.6), int(rng.integers(2, 4))):
        canvas.stroke([(x, 0), (x, rng.uniform(0.2, 0.36))], 0.11, paints[0])
    canvas.ellipse(middle, (radius, radius * rng.uniform(0.8, 1.1)), paints[0])
    hole = radius * rng.uniform(0.4, 0.65)
    canvas.ellipse(middle, (hole, hole), None)


def _lamp(rng, canvas, paints):
    top, low = rng.uniform(0.18, 0.4), rng.uniform(0.45, 0.75)
    edge = rng.uniform(-0.2, 0.05)
    canvas.stroke([(0, edge), (0, 0.85)], rng.uniform(0.07, 0.13), paints[1])
    if rng.random() < 0.4:
        canvas.ellipse((0, 0.5), (0.22, 0.3), paints[1])
    canvas.ellipse((0, 0.87), (rng.uniform(0.28, 0.45), 0.1), paints[1])
    canvas.polygon([(-low, edge), (-top, -0.92), (top, -0.92), (low, edge)], paints[0])
    if rng.random() < 0.5:
        at = edge - 0.1
        canvas.stroke([(-low * 0.9, at), (low * 0.9, at)], 0.06, paints[2])


def _leaf(rng, canvas, paints):
    width = rng.uniform(0.35, 0.6)
    along = np.linspace(0, 1, 25)
    power = rng.uniform(0.7, 1.3)
    half = width * np.sin(math.pi * along**power)
    y = -0.9 + 1.5 * along
    outline = [*zip(half, y, strict=True), *zip(-half[::-1], y[::-1], strict=True)]
    canvas.polygon(outline, paints[0])
    vein = np.clip(paints[0] * (0.55 if paints[0].mean() > 110 else 1.7), 0, 255)
    bend = rng.normal(0, 0.1)
    canvas.stroke([(0, -0.7), (0, 0.6), (bend, 0.97)], 0.07, vein)
    for share in (0.3, 0.5, 0.7):
        y, reach = -0.9 + 1.5 * share, 0.75 * width * math.sin(math.pi * share**power)
        for side in (-1, 1):
            canvas.stroke([(0, y + 0.1), (side * reach, y - 0.12)], 0.045, vein)


def _mug(rng, canvas, paints):
    half, low = rng.uniform(0.42, 0.56), rng.uniform(0.55, 0.85)
    foot = half * rng.uniform(0.75, 1.0)
    left = -0.2
    grip = rng.uniform(0.26, 0.38)
    handle = rendering.arc((left + half, low * 0.05), (grip + 0.1, grip), -90, 90)
    canvas.stroke(handle, rng.uniform(0.1, 0.16), paints[0])
    body = [(left - half, -0.6), (left + half, -0.6), (left + foot, low)]
    canvas.polygon([*body, (left - foot, low)], paints[0])
    canvas.ellipse((left, low), (foot, 0.13), paints[0])
    canvas.ellipse((left, -0.6), (half, 0.15), np.clip(paints[0] * 1.15, 0, 255))
    canvas.ellipse((left, -0.6), (half - 0.07, 0.1), paints[0] * 0.4)
    if rng.random() < 0.5:
        canvas.stroke([(left - half, 0.1), (left + half, 0.1)], 0.14, paints[2])


def _umbrella(rng, canvas, paints):
    depth = rng.uniform(0.55, 0.85)
    ribs = int(rng.integers(3, 6))
    canvas.stroke([(0, -0.95), (0, 0.7)], 0.08, paints[1])
    canvas.stroke(rendering.arc((0.16, 0.7), (0.16, 0.2), 180, 0), 0.08, paints[1])
    canvas.ellipse((0, 0), (0.95, depth), paints[0], start=180, stop=360)
    edges = np.linspace(-0.95, 0.95, ribs + 1)
    for number, (left, right) in enumerate(itertools.pairwise(edges)):
        middle, half = (left + right) / 2, (right - left) / 2
        if number % 2 and rng.random() < 0.7:
            canvas.polygon([(left, 0), (0, -depth), (right, 0)], paints[2])
        canvas.ellipse((middle, 0.01), (half, 0.13), None, start=180, stop=360)
    canvas.stroke([(0, -0.1), (0, 0.7)], 0.08, paints[1])


DRAWINGS = {
    "bottle": _bottle,
    "chair": _chair,
    "clock": _clock,
    "fish": _fish,
    "house": _house,
    "key": _key,
    "lamp": _lamp,
    "leaf": _leaf,
    "mug": _mug,
    "umbrella": _umbrella,
}
CLASSES = tuple(DRAWINGS)
LYING = {"fish", "key", "leaf"}  # may lie any way round
