"""Pictures of hands that show a number, 0 to 5, drawn from a jointed model.

`plan_hand` poses the joints of a hand in space and places it in the picture, and
`render_hand` draws it: bones as round, tapered capsules in a depth buffer, light and
shadow, skin, background, and what a camera adds. Everything a photograph of a hand may
differ in, from the length of a finger to the compression of the file, is drawn at
random, so that a network trained on these pictures meets real ones as just another
variation.

Reference:
    Domain randomisation: Tobin et al., 2017, arXiv:1703.06907. The poses are those of
    the course's SIGNS set (course 4, week 2).
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from dlai_keras.processes import Workers

BLOCK = 64  # pictures that a process draws at a time
NUM_CLASSES = 6
FINGERS = ("thumb", "index", "middle", "ring", "pinky")

# Lengths are in palms: 1 is the distance from the wrist to the middle knuckle, about
# 9 cm. A hand lies with its fingers along y and its palm facing the viewer, along z;
# the thumb is on the side of +x.
KNUCKLES = np.array(
    [
        [0.20, 0.16, 0.07],
        [0.29, 0.95, 0],
        [0.07, 1.0, 0],
        [-0.15, 0.95, 0],
        [-0.34, 0.84, 0],
    ]
)
PHALANGES = np.array(
    [
        [0.50, 0.36, 0.27],
        [0.46, 0.27, 0.21],
        [0.51, 0.31, 0.22],
        [0.47, 0.29, 0.22],
        [0.37, 0.21, 0.19],
    ]
)
# Radius at each of a finger's four joints, from the knuckle to the tip.
RADII = np.array(
    [
        [0.18, 0.145, 0.12, 0.095],
        [0.115, 0.1, 0.09, 0.072],
        [0.115, 0.1, 0.09, 0.074],
        [0.11, 0.095, 0.085, 0.07],
        [0.1, 0.085, 0.075, 0.06],
    ]
)
PALM_RADIUS = 0.14

SUPERSAMPLING = 3  # hands are drawn at so many times the picture's resolution
FAR = -4.0  # depth where there is no hand
# What a pixel shows; the bones of the fingers are 3 * finger + bone + 1, up to 15.
BACKGROUND, PALM, FOREARM, SLEEVE = 0, 16, 17, 18

SKINS = np.array(  # RGB, from very pale to very dark
    [
        [246, 222, 206],
        [236, 198, 174],
        [222, 175, 145],
        [198, 148, 112],
        [165, 115, 80],
        [128, 84, 58],
        [92, 60, 44],
        [62, 42, 34],
    ],
    np.float32,
)


@dataclass(frozen=True)
class Hand:
    """A posed hand, as it stands in the picture.

    Coordinates are in widths of the picture: x to the right, y down, z towards the
    viewer; (0, 0) is the upper left corner.

    Attributes:
        number: what the fingers show, 0 to 5.
        extended: which of `FINGERS` are meant to be counted.
        joints: of each finger from the knuckle to the tip, of the thumb from its root
            at the wrist, shape (5, 4, 3).
        radii: of the fingers at these joints, shape (5, 4).
        palm: wrist on the thumb's side, wrist on the other, pinky knuckle and index
            knuckle, shape (4, 3).
        forearm: wrist and elbow, shape (2, 3).
        scale: length of the palm.
        is_palm: the palm faces the viewer, and not the back of the hand.
    """

    number: int
    extended: tuple[bool, ...]
    joints: np.ndarray
    radii: np.ndarray
    palm: np.ndarray
    forearm: np.ndarray
    scale: float
    is_palm: bool


def make_signs(
    rng: np.random.Generator, num: int, *, size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a set of hand signs, the six classes in turn.

    Picture i depends on the seed taken from `rng` and on i, not on `num`.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many pictures, 0 or more.
        size: width and height, pixels (the course: 64).

    Returns:
        RGB images, uint8 of shape (num, size, size, 3), and their labels, 0 to 5,
        int64 of shape (num,).

    Raises:
        ValueError: for a negative `num` or a `size` below 16.

    Example:
        >>> images, labels = make_signs(np.random.default_rng(0), 12)
        >>> images.shape, images.dtype
        ((12, 64, 64, 3), dtype('uint8'))
        >>> labels
        array([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
    """
    signs = iterate_signs(rng, num, size=size)
    images = np.empty((num, size, size, 3), np.uint8)
    labels = np.empty(num, np.int64)
    for index, (image, label) in enumerate(signs):
        images[index], labels[index] = image, label
    return images, labels


def iterate_signs(
    rng: np.random.Generator, num: int, *, size: int = 64, workers: int = 0
) -> Iterator[tuple[np.ndarray, int]]:
    """Draws the pictures of `make_signs` one by one, for sets that outgrow memory.

    Args:
        rng: source of randomness; one integer is drawn from it.
        num: how many pictures, 0 or more.
        size: width and height, pixels.
        workers: processes that draw; the pictures are the same for any number.

    Returns:
        An iterator over RGB images, uint8 of shape (size, size, 3), and labels.

    Raises:
        ValueError: for a negative `num` or a `size` below 16.

    Example:
        >>> signs = iterate_signs(np.random.default_rng(0), 1_000_000)
        >>> image, label = next(signs)
        >>> image.shape, label
        ((64, 64, 3), 0)
    """
    if num < 0:
        raise ValueError(f"`num` must be 0 or more. Received: num={num}.")
    _check_size(size)
    return _iterate(int(rng.integers(2**32)), num, size, workers)


def _iterate(seed, num, size, workers):
    block = BLOCK if workers else 1
    blocks = (range(first, min(first + block, num)) for first in range(0, num, block))
    with Workers(functools.partial(_draw_block, seed, size), workers) as pool:
        for images in pool.map(blocks):
            yield from images


def _draw_block(seed, size, indices):
    labels = [index % NUM_CLASSES for index in indices]
    return [
        (draw_hand(np.random.default_rng((seed, index)), label, size=size), label)
        for index, label in zip(indices, labels, strict=True)
    ]


def draw_hand(rng: np.random.Generator, number: int, *, size: int = 64) -> np.ndarray:
    """Draws a picture of a hand that shows a number.

    Args:
        rng: draws pose, view, skin, light, background and camera.
        number: 0 (thumb and fingers form a ring, or a fist), 1 (index), 2 (index and
            middle), 3 (thumb, index and middle, or the three middle fingers), 4 (all
            but the thumb, or all but the pinky) or 5 (the open hand).
        size: width and height, pixels (the course: 64).

    Returns:
        RGB image, uint8 of shape (size, size, 3).

    Raises:
        ValueError: for another `number` or a `size` below 16.

    Example:
        >>> draw_hand(np.random.default_rng(0), 3).shape
        (64, 64, 3)
    """
    return render_hand(rng, plan_hand(rng, number), size=size)


def plan_hand(rng: np.random.Generator, number: int) -> Hand:
    """Poses a hand and places it in the picture with all fingertips inside.

    Poses in which a finger that counts points at the viewer, or hides behind another,
    are drawn again.

    Args:
        rng: draws proportions, angles, view and place.
        number: 0 to 5.

    Returns:
        The `Hand`.

    Raises:
        ValueError: for another `number`.

    Example:
        >>> sum(plan_hand(np.random.default_rng(0), 4).extended)
        4
    """
    if number not in range(NUM_CLASSES):
        raise ValueError(
            f"`number` must be an integer from 0 to 5. Received: number={number}."
        )
    while True:
        hand = _place(rng, number, *_pose(rng, number))
        if _is_clear(hand):
            return hand


def _check_size(size):
    if size < 16:
        raise ValueError(f"`size` must be 16 pixels or more. Received: size={size}.")


# Pose: joints in the hand's own frame, in palms


def _pose(rng, number):
    """Draws a hand's proportions and angles.

    Returns:
        Which fingers count, their joints (5, 4, 3) and radii (5, 4), the knuckles
        (5, 3), and whether thumb and fingers form a ring.
    """
    is_ring = number == 0 and rng.random() < 0.75
    extended = _choose_fingers(rng, number)
    lengths = PHALANGES * rng.uniform(0.82, 1.06) * rng.uniform(0.95, 1.05, (5, 1))
    radii = RADII * rng.uniform(0.9, 1.22) * rng.uniform(0.96, 1.04, (5, 1))
    knuckles = KNUCKLES * [rng.uniform(1.0, 1.25), 1, 1]
    bends = np.empty((5, 3))  # at knuckle, middle and last joint
    # A loose fist: the thumb meets the tips of the fingers that are not shown.
    is_loose = number in (1, 2) and rng.random() < 0.4
    closed = rng.uniform(0, 1)  # fingers that bend do so in much the same way
    relaxed = rng.uniform(0, 1) ** 2
    for finger in range(1, 5):
        jitter = rng.normal(0, 0.06, 3)
        if is_ring:
            bends[finger] = [0.62 + 0.25 * closed, 0.85, 0.6]
            bends[finger] += [0.05 * (finger - 1), 0.05 * (finger - 1), 0]
        elif is_loose and not extended[finger]:
            bends[finger] = [0.95 + 0.25 * closed, 1.2, 0.6]
        elif extended[finger]:
            bends[finger] = [0.02 + 0.3 * relaxed, 0.06 + 0.25 * relaxed, 0.05]
            jitter *= 1.2
        else:
            bends[finger] = [1.05 + 0.45 * closed, 1.85 - 0.15 * closed, 0.95]
        bends[finger] += jitter
    spreads = _spread(rng, number, extended, is_ring)
    joints = np.empty((5, 4, 3))
    angles = np.cumsum(bends, axis=1)
    for finger in range(1, 5):
        joints[finger] = _chain(
            knuckles[finger], lengths[finger], angles[finger], spreads[finger]
        )
    meets = next((i for i in range(1, 4) if not extended[i]), 4)
    meets = meets if is_ring or is_loose else None
    joints[0] = _thumb(rng, extended, meets, knuckles[0], lengths[0], joints)
    return extended, joints, radii, knuckles, is_ring


def _choose_fingers(rng, number):
    """Returns for each of `FINGERS` whether it is stretched out."""
    usual = rng.random() < (0.75 if number == 3 else 0.95)
    chosen = {
        0: (0, 0, 0, 0, 0),
        1: (0, 1, 0, 0, 0),
        2: (0, 1, 1, 0, 0),
        3: (1, 1, 1, 0, 0) if usual else (0, 1, 1, 1, 0),
        4: (0, 1, 1, 1, 1) if usual else (1, 1, 1, 1, 0),
        5: (1, 1, 1, 1, 1),
    }
    return tuple(map(bool, chosen[number]))


def _spread(rng, number, extended, is_ring):
    """Returns the angles of the fingers to the palm's axis, towards the thumb."""
    if is_ring:
        return np.array([0, -0.02, 0, 0.02, 0.04]) + rng.normal(0, 0.02, 5)
    # How far each finger stands off its neighbour; 0 lies close to it.
    together = rng.random() < 0.22
    gaps = rng.uniform(0.0, 0.06, 3) if together else rng.uniform(0.06, 0.36, 3)
    if number >= 4 and rng.random() < 0.15:
        gaps = rng.permutation([0.0, 0.0, rng.uniform(0.25, 0.4)])  # split in two
    if number == 2 and not together:
        gaps[0] = rng.uniform(0.15, 0.6)
    centre = rng.normal(0, 0.08)
    first = gaps[0] * rng.uniform(0.4, 0.8)
    spreads = [0, first, first - gaps[0], first - gaps[0] - gaps[1]]
    spreads.append(spreads[-1] - gaps[2])
    spreads = np.array(spreads) + centre
    return np.where(
        extended, spreads, rng.normal(0, 0.05, 5) - 0.04 * np.arange(5) + 0.1
    )


def _chain(start, lengths, angles, spread):
    """Returns joints (4, 3) of a finger bent by running `angles` out of the palm."""
    steps = np.empty((3, 3))
    steps[:, 0] = np.cos(angles) * math.sin(spread)
    steps[:, 1] = np.cos(angles) * math.cos(spread)
    steps[:, 2] = np.sin(angles)
    joints = np.empty((4, 3))
    joints[0] = start
    joints[1:] = start + np.cumsum(steps * lengths[:, None], axis=0)
    return joints


def _thumb(rng, extended, meets, start, lengths, joints):
    """Returns joints (4, 3) of the thumb; it may meet the tip of finger `meets`."""
    jitter = rng.normal(0, 0.07, (3, 3))
    if extended[0]:
        angle = rng.uniform(0.3, 1.1)
        forward = rng.uniform(-0.05, 0.5)
        bend = rng.uniform(-0.3, 0.6)
        turns = np.array([angle + 0.1, angle, max(angle - bend, 0.0)])
        steps = np.stack([np.sin(turns), np.cos(turns), [forward] * 3], axis=1)
        return _walk(start, lengths, steps + 0.5 * jitter)
    if meets is not None:
        target = joints[meets, 3] + [0.02, -0.09, 0.04]
        target[0] += rng.uniform(-0.1, 0.04)
        steps = np.array([[0.3, 0.45, 0.85], [0.05, 0.75, 0.65], [-0.1, 1.0, -0.1]])
    elif sum(extended) >= 4:
        target = np.array([rng.uniform(-0.28, 0.12), rng.uniform(0.42, 0.8), 0.26])
        steps = np.array([[0.5, 0.7, 0.5], [-0.5, 0.7, 0.3], [-0.9, 0.3, -0.1]])
    else:
        # On the first folded finger, or on the one after it.
        folded = [finger for finger in range(1, 5) if not extended[finger]]
        finger = folded[min(int(rng.integers(2)), len(folded) - 1)]
        place = rng.uniform(0.3, 1.0)
        target = joints[finger, 1] * (1 - place) + joints[finger, 2] * place
        target += np.array([0.03, -0.05, 0.17])
        steps = np.array([[0.6, 0.5, 0.7], [0.0, 0.85, 0.6], [-0.8, 0.5, 0.1]])
    return _reach(_walk(start, lengths, steps + jitter), lengths, target)


def _walk(start, lengths, steps):
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return np.concatenate(
        [[start], start + np.cumsum(steps * lengths[:, None], axis=0)]
    )


def _reach(joints, lengths, target):
    """Moves the end of a chain to `target`, or as near as it gets (FABRIK)."""
    joints = [list(joint) for joint in joints.tolist()]
    lengths, target = lengths.tolist(), target.tolist()
    start = joints[0]
    for _ in range(4):
        joints[3] = target
        for i in (2, 1, 0):
            joints[i] = _towards(joints[i + 1], joints[i], lengths[i])
        joints[0] = start
        for i in (0, 1, 2):
            joints[i + 1] = _towards(joints[i], joints[i + 1], lengths[i])
    return np.array(joints)


def _towards(origin, point, length):
    step = [b - a for a, b in zip(origin, point, strict=True)]
    factor = length / max(math.hypot(*step), 1e-9)
    return [a + factor * d for a, d in zip(origin, step, strict=True)]


# View: from the hand's frame to the picture


def _place(rng, number, extended, joints, radii, knuckles, is_ring):
    """Turns, scales and moves a pose into the picture."""
    is_palm = rng.random() < 0.82
    if is_ring:
        yaw = rng.uniform(0.3, 1.9)
        pitch = rng.normal(0, 0.2)
        is_palm = yaw < math.pi / 2
    else:
        yaw = float(np.clip(rng.normal(0, 0.48), -0.95, 0.95))
        pitch = float(np.clip(rng.normal(0.05, 0.25), -0.6, 0.6))
        if not is_palm:
            yaw += math.pi
    roll = float(np.clip(rng.normal(0, 0.55), -1.6, 1.6))
    side = 1.0 if rng.random() < 0.5 else -1.0  # a left hand, or a right one

    palm = np.array([[0.22, 0.06, 0], [-0.24, 0.08, 0], knuckles[4], knuckles[1]])
    points = np.concatenate([joints.reshape(20, 3), palm])
    points = (points - [0, 0.8, 0]) * [side, 1, 1]  # turned about the palm's middle
    points = points @ _rotation(yaw * side, pitch, roll).T
    points = np.concatenate([points, _forearm(rng, roll, yaw, points[20:22])])
    points[:, 1] *= -1
    # A camera that is near makes larger what is near.
    depth = rng.uniform(0, 0.14)
    factor = 1 + depth * np.clip(points[:, 2], -1.2, 1.2)
    points[:, :2] *= factor[:, None]
    radii = radii * factor[:20].reshape(5, 4)

    thick = np.concatenate([radii.ravel(), np.full(4, PALM_RADIUS)])
    low = (points[:24, :2] - thick[:, None]).min(axis=0)
    high = (points[:24, :2] + thick[:, None]).max(axis=0)
    extent = high - low
    cover = rng.uniform(0.48, 1.0)
    scale = cover / max(extent.max(), 1.75)
    # Every fingertip and knuckle is in the picture, and the palm for its larger part.
    margin = 0.025
    low = (points[:20, :2] - thick[:20, None]).min(axis=0)
    high = (points[:20, :2] + thick[:20, None]).max(axis=0)
    scale = min(scale, (1 - 2 * margin) / (high - low).max())
    centre = 0.5 - (high + low) / 2 * scale
    room = np.maximum(0.5 - margin - (high - low) / 2 * scale, 0)
    centre = centre + room * np.clip(rng.normal(0, 0.5, 2), -1, 1)
    points *= scale
    points[:, :2] += centre
    return Hand(
        number=number,
        extended=extended,
        joints=points[:20].reshape(5, 4, 3),
        radii=radii * scale,
        palm=points[20:24],
        forearm=points[24:],
        scale=scale,
        is_palm=is_palm,
    )


def _forearm(rng, roll, yaw, wrist):
    """Returns wrist and elbow (2, 3) of a forearm that leaves the picture."""
    # The wrist tends to bring the forearm back to the vertical.
    angle = roll * rng.uniform(0.2, 1.0) + rng.normal(0, 0.15)
    angle = min(max(angle, roll - 0.8), roll + 0.8)
    down = np.array([math.sin(angle), -math.cos(angle), rng.normal(0, 0.15)])
    start = wrist.mean(axis=0) - [0, 0, 0.06 * abs(math.cos(yaw))]
    return np.stack([start, start + 4 * down])


def _rotation(yaw, pitch, roll):
    """Matrix that turns about y, then x, then z; all in radians."""
    a, b, c = math.cos(yaw), math.cos(pitch), math.cos(roll)
    d, e, f = math.sin(yaw), math.sin(pitch), math.sin(roll)
    about_y = np.array([[a, 0, -d], [0, 1, 0], [d, 0, a]])
    about_x = np.array([[1, 0, 0], [0, b, -e], [0, e, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def _is_clear(hand):
    """Whether each finger that counts is seen at length and apart from the others."""
    tips = []
    for finger in range(5):
        if hand.extended[finger]:
            first = 1 if finger == 0 else 0
            start, tip = hand.joints[finger, [first, 3], :2].tolist()
            whole = PHALANGES[finger, first:].sum() * hand.scale
            if math.dist(start, tip) < (0.6 if finger == 0 else 0.65) * whole:
                return False
            tips.append(tip)
    closest = 0.15 * hand.scale
    if any(math.dist(a, b) < closest for a, b in itertools.combinations(tips, 2)):
        return False
    if hand.extended[0]:
        # The thumb's tip lies off the outline of palm and index.
        outline = np.vstack([hand.palm[[0]], hand.joints[1]])[:, :2]
        steps = np.diff(outline, axis=0)
        offsets = hand.joints[0, 3, :2] - outline[:-1]
        along = (offsets * steps).sum(axis=1) / (steps**2).sum(axis=1)
        offsets -= np.clip(along, 0, 1)[:, None] * steps
        if np.hypot(*offsets.T).min() < 0.3 * hand.scale:
            return False
    return not (_is_hidden(hand) & hand.extended).any()


def _is_hidden(hand):
    """Whether another finger lies before the last bone of each finger, shape (5,)."""
    starts = hand.joints[:, :3].reshape(15, 3)
    steps = hand.joints[:, 1:].reshape(15, 3) - starts
    last = hand.joints[:, 2:]
    points = np.stack([last[:, 1], (last[:, 0] + last[:, 1]) / 2], axis=1)
    offsets = points[:, :, None] - starts  # (finger, point, bone, axis)
    along = np.einsum("fpbi,bi->fpb", offsets[..., :2], steps[:, :2])
    along /= np.einsum("bi,bi->b", steps[:, :2], steps[:, :2])
    offsets -= np.clip(along, 0, 1)[..., None] * steps
    is_near = np.hypot(offsets[..., 0], offsets[..., 1]) < hand.radii[:, 1:].ravel()
    is_before = (is_near & (offsets[..., 2] < 0)).any(axis=1).reshape(5, 5, 3)
    return (is_before & ~np.eye(5, dtype=bool)[..., None]).any(axis=(1, 2))


# Rendering


def render_hand(rng: np.random.Generator, hand: Hand, *, size: int = 64) -> np.ndarray:
    """Draws a posed hand.

    Args:
        rng: draws skin, light, background and camera.
        hand: from `plan_hand`.
        size: width and height, pixels.

    Returns:
        RGB image, uint8 of shape (size, size, 3).

    Raises:
        ValueError: for a `size` below 16.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> render_hand(rng, plan_hand(rng, 2), size=96).shape
        (96, 96, 3)
    """
    _check_size(size)
    direction = rng.uniform(-0.9, 0.9), -rng.uniform(-0.1, 0.9), rng.uniform(0.6, 1.2)
    light = np.array(direction) / np.linalg.norm(direction)
    skin, sleeve = _draw_skin(rng)
    has_sleeve = rng.random() < 0.2
    surface = _rasterise(hand, light, SUPERSAMPLING * size, has_sleeve=has_sleeve)
    shade, cover, tone, sleeved = _shade(rng, surface, hand, size)

    background = _draw_background(rng, size, skin)
    background = _cast_shadow(rng, background, cover, light, hand.scale * size)
    # Skin in the dark turns red: blue light scatters less in it.
    colour = skin * np.power(shade[..., None], [0.9, 1.08, 1.18], dtype=np.float32)
    colour *= tone[..., None]
    colour += (sleeve * shade[..., None] - colour) * sleeved[..., None]
    image = background + (colour - background) * cover[..., None]
    return _photograph(rng, image)


def _rasterise(hand, light, resolution, *, has_sleeve):
    """Returns depth, light and part of each pixel, each (resolution, resolution)."""
    surface = _Surface(resolution, light)
    scale = hand.scale
    wrist, elbow = hand.forearm
    surface.capsule(wrist, elbow, 0.23 * scale, 0.42 * scale, FOREARM)
    if has_sleeve:
        cuff = wrist + (elbow - wrist) * 0.15
        surface.capsule(cuff, elbow, 0.32 * scale, 0.55 * scale, SLEEVE)
    thick = PALM_RADIUS * scale
    corners = hand.palm
    surface.slab(corners, thick, PALM)
    for i in range(4):
        surface.capsule(corners[i], corners[(i + 1) % 4], thick, thick, PALM)
    thumb = hand.joints[0]
    surface.capsule(thumb[0], thumb[1], 0.21 * scale, hand.radii[0, 1], PALM)
    web = (hand.joints[0, 1] + 2 * corners[3] + 2 * corners[0]) / 5
    surface.capsule(web, corners[3], 0.12 * scale, 0.1 * scale, PALM)
    for finger in range(5):
        for bone in range(3):
            if finger == 0 and bone == 0:
                continue
            a, b = hand.joints[finger, bone : bone + 2]
            part = 3 * finger + bone + 1
            surface.capsule(a, b, *hand.radii[finger, bone : bone + 2], part)
    return surface


class _Surface:
    """A depth buffer: what is nearest to the viewer is seen."""

    def __init__(self, resolution, light):
        shape = (resolution, resolution)
        self.resolution = resolution
        self.light = light
        self.depth = np.full(shape, FAR, np.float32)
        self.shade = np.zeros(shape, np.float32)
        self.part = np.zeros(shape, np.uint8)
        self.centres = (np.arange(resolution, dtype=np.float32) + 0.5) / resolution

    def capsule(self, a, b, radius_a, radius_b, part):
        """Draws the hull of a ball at `a` and one at `b`."""
        (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
        ra, rb = float(radius_a), float(radius_b)
        window = self._window(
            min(ax - ra, bx - rb),
            max(ax + ra, bx + rb),
            min(ay - ra, by - rb),
            max(ay + ra, by + rb),
        )
        if window is None:
            return
        rows, columns = window
        x = self.centres[columns] - np.float32(ax)
        y = self.centres[rows, None] - np.float32(ay)
        dx, dy, dz = bx - ax, by - ay, bz - az
        flat = max(math.hypot(dx, dy), 1e-6)
        length = math.hypot(flat, dz)
        ux, uy = dx / flat, dy / flat
        along = x * ux + y * uy
        across = x * uy - y * ux
        across *= across
        # The ball of the hull that is nearest to the viewer at each pixel.
        mean = (ra + rb) / 2
        t = np.maximum(mean * mean - across, 0)
        np.sqrt(t, out=t)
        t *= dz / length
        t += along
        t /= flat
        np.maximum(t, 0, out=t)
        np.minimum(t, 1, out=t)
        radius = t * (rb - ra)
        radius += ra
        along -= t * flat
        along *= along
        along += across
        height = radius * radius
        height -= along
        inside = height > 0
        np.maximum(height, 0, out=height)
        np.sqrt(height, out=height)
        depth = t * dz
        depth += height
        depth += az
        inside &= depth > self.depth[window]
        lx, ly, lz = self.light.tolist()
        height *= lz
        height += lx * x + ly * y
        t *= lx * dx + ly * dy
        height -= t
        height /= radius
        np.copyto(self.shade[window], height, where=inside)
        np.copyto(self.depth[window], depth, where=inside)
        np.copyto(self.part[window], np.uint8(part), where=inside)

    def slab(self, corners, thickness, part):
        """Draws a flat quadrilateral, nearer to the viewer by its thickness."""
        normal = np.cross(corners[2] - corners[0], corners[3] - corners[1])
        normal /= np.linalg.norm(normal)
        if normal[2] < 0:
            normal = -normal
        if normal[2] < 0.05:
            return
        corners = corners + thickness * normal
        x, y = corners[:, 0], corners[:, 1]
        window = self._window(x.min(), x.max(), y.min(), y.max())
        if window is None:
            return
        rows, columns = window
        offset = [columns.start, rows.start]
        pixels = np.round((corners[:, :2] * self.resolution - offset) * 16)
        inside = np.zeros(self.depth[window].shape, np.uint8)
        cv2.fillPoly(inside, [pixels.astype(np.int32)], 1, shift=4)
        middle = corners.mean(axis=0)
        slope = -normal[:2] / normal[2]
        depth = (
            middle[2]
            + slope[0] * (self.centres[columns] - middle[0])
            + slope[1] * (self.centres[rows, None] - middle[1])
        )
        inside = (inside > 0) & (depth > self.depth[window])
        np.copyto(self.depth[window], depth, where=inside, casting="same_kind")
        np.copyto(self.shade[window], self.light @ normal, where=inside)
        self.part[window][inside] = part

    def _window(self, left, right, top, bottom):
        n = self.resolution
        columns = slice(max(int(left * n), 0), min(int(right * n) + 2, n))
        rows = slice(max(int(top * n), 0), min(int(bottom * n) + 2, n))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return None
        return rows, columns


def _shade(rng, surface, hand, size):
    """Returns light, cover, tone and sleeve of each pixel, each (size, size)."""
    tones = np.ones(256, np.float32)
    tones[BACKGROUND] = 0
    tones[1:16] = rng.normal(1, 0.03, 15)
    cover = (surface.part != BACKGROUND).astype(np.float32)
    sleeve = (surface.part == SLEEVE).astype(np.float32)
    tone = tones[surface.part]
    palm = hand.scale * surface.resolution  # pixels
    # Soft tissue: the seams of the capsules are no edges.
    soft = (_odd(0.06 * palm),) * 2
    shade = cv2.blur(surface.shade, soft) / np.maximum(cv2.blur(cover, soft), 1e-3)
    ambient = rng.uniform(0.35, 0.75)
    shade = ambient + (1 - ambient) * np.maximum(shade, 0)
    # What lies lower than what is around it gets less light: gaps, creases, contours.
    floor = hand.joints[..., 2].min() - 0.3 * hand.scale
    depth = np.maximum(surface.depth, np.float32(floor))
    gap = cv2.blur(depth, (_odd(0.16 * palm),) * 2) - depth
    gap *= np.float32(rng.uniform(2.5, 6.0) / hand.scale)
    shade *= 1 - np.clip(gap, 0, np.float32(rng.uniform(0.4, 0.7)))
    if hand.is_palm and rng.random() < 0.6:
        _draw_palm_lines(rng, tone, hand, surface.resolution)
    layers = cv2.merge([shade * cover, cover, tone, sleeve])
    layers = cv2.resize(layers, (size, size), interpolation=cv2.INTER_AREA)
    cover = layers[..., 1]
    layers[..., [0, 2, 3]] /= np.maximum(cover, 1e-3)[..., None]
    return layers[..., 0], cover, layers[..., 2], layers[..., 3]


def _odd(length):
    return 2 * int(length / 2) + 1


def _draw_palm_lines(rng, tone, hand, resolution):
    """Darkens the palm's three lines in `tone`."""
    wrist, far_wrist, pinky, index = hand.palm
    lines = np.zeros(tone.shape, np.uint8)
    # Weights of (wrist, far wrist, pinky, index): begin, middle and end of each line.
    for weights in (
        ((0.2, 0, 0, 0.8), (0.3, 0.2, 0.1, 0.4), (0.6, 0.3, 0.05, 0.05)),
        ((0.25, 0, 0, 0.75), (0.15, 0.15, 0.3, 0.4), (0.1, 0.4, 0.5, 0)),
        ((0, 0, 0.3, 0.7), (0, 0.1, 0.6, 0.3), (0, 0.25, 0.75, 0)),
    ):
        points = np.array(weights) @ np.stack([wrist, far_wrist, pinky, index])
        pixels = np.round(points[:, :2] * resolution * 16).astype(np.int32)
        width = max(1, round(0.03 * hand.scale * resolution))
        cv2.polylines(lines, [pixels], False, 255, width, cv2.LINE_AA, shift=4)
    tone -= lines * np.float32(rng.uniform(0.05, 0.2) / 255)


def _draw_skin(rng):
    """Returns the colours of the skin and of a sleeve, RGB from 0 to 1, shape (3,)."""
    place = rng.uniform(0, len(SKINS) - 1)
    first = min(int(place), len(SKINS) - 2)
    skin = SKINS[first] + (place - first) * (SKINS[first + 1] - SKINS[first])
    skin = skin / 255 + rng.normal(0, 0.015, 3)
    skin *= rng.uniform(0.95, 1.2)
    sleeve = rng.uniform(0.05, 0.9) + rng.normal(0, 0.15, 3)
    return skin.clip(0.05, 1.1).astype(np.float32), sleeve.clip(0, 1).astype(np.float32)


def _draw_background(rng, size, skin):
    """Returns what is behind the hand, RGB from 0 to 1, shape (size, size, 3)."""
    kind = rng.random()
    if kind < 0.5:  # a pale wall
        colour = rng.uniform(0.6, 0.97) + rng.normal(0, 0.03, 3)
    else:
        colour = rng.uniform(0.05, 0.95) + rng.normal(0, 0.1, 3)
    # The hand must stand out.
    contrast = float(np.mean(colour - skin))
    if abs(contrast) < 0.18:
        colour = colour - contrast + (0.28 if skin.mean() < 0.55 else -0.28)
    image = np.full((size, size, 3), colour, np.float32)
    if kind > 0.8:
        _draw_clutter(rng, image, skin)
    elif kind > 0.6:
        texture = sum(
            _clouds(rng, size, cells, 1)[..., None] / level
            for level, cells in enumerate((4, 9, 20), 1)
        )
        image += texture * (rng.uniform(0.02, 0.12) * rng.uniform(0.5, 1.2, 3))
    elif kind > 0.5:
        _draw_stripes(rng, image)
    # Light falls off over the picture, and differs a little in colour.
    x, y = _plane(size)
    angle = rng.uniform(0, 2 * math.pi)
    slope = (math.cos(angle) * x + math.sin(angle) * y)[..., None]
    image += slope * (rng.uniform(0, 0.16) + rng.normal(0, 0.02, 3))
    image += _clouds(rng, size, 3, 1)[..., None] * rng.uniform(0, 0.04)
    return image.clip(0, 1).astype(np.float32)


def _plane(size):
    """Returns x and y of each pixel, from -1 to 1, shapes (1, size) and (size, 1)."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None], line[:, None]


def _clouds(rng, size, cells, num_channels):
    """Returns smooth noise, shape (size, size), or with channels as the last axis."""
    noise = rng.standard_normal((cells, cells, num_channels), dtype=np.float32)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


def _draw_stripes(rng, image):
    """Draws the stripes or tiles of a wall or a cloth."""
    x, y = _plane(image.shape[0])
    for _ in range(rng.integers(1, 3)):
        angle = rng.uniform(0, math.pi)
        wave = np.sin(
            rng.uniform(5, 30) * (math.cos(angle) * x + math.sin(angle) * y)
            + rng.uniform(0, 6)
        )
        image += (wave > rng.uniform(-0.5, 0.95))[..., None] * rng.normal(0, 0.08, 3)


def _draw_clutter(rng, image, skin):
    """Draws a room out of focus: boxes and blobs that are not of the skin's colour."""
    size = image.shape[0]
    for _ in range(rng.integers(3, 10)):
        colour = rng.uniform(0.05, 0.9) + rng.normal(0, 0.15, 3)
        if abs(np.mean(colour - skin)) < 0.15:
            continue
        x, y = (int(v) for v in rng.uniform(-0.1, 1.1, 2) * size)
        width, height = (int(v) + 1 for v in rng.uniform(0.05, 0.5, 2) * size)
        if rng.random() < 0.6:
            box = ((x, y), (width, height), rng.uniform(0, 90))
            corners = cv2.boxPoints(box).astype(np.int32)
            cv2.fillPoly(image, [corners], colour.tolist())
        else:
            axes = (width // 2 + 1, height // 2 + 1)
            cv2.ellipse(image, (x, y), axes, 0, 0, 360, colour.tolist(), -1)
    sigma = rng.uniform(0.01, 0.06) * size
    cv2.GaussianBlur(image, (0, 0), sigma, dst=image)


def _cast_shadow(rng, background, cover, light, palm):
    """Darkens the background where the hand keeps the light off; `palm` in pixels."""
    if rng.random() < 0.25:
        return background
    distance = rng.uniform(0.05, 0.7) * palm
    x, y = -light[:2] / light[2] * distance
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    border = {"borderMode": cv2.BORDER_REPLICATE}
    shadow = cv2.warpAffine(cover, move, cover.shape[::-1], **border)
    shadow = cv2.GaussianBlur(
        shadow, (0, 0), 0.4 + (0.1 + rng.uniform(0, 0.3)) * distance
    )
    return background * (1 - rng.uniform(0.05, 0.5) * shadow)[..., None]


def _photograph(rng, image):
    """Turns a scene, RGB from 0 to 1, into what a camera stores, uint8."""
    size = image.shape[0]
    image = image * (1 + rng.normal(0, 0.05, 3)).astype(np.float32)  # white balance
    image *= rng.uniform(0.75, 1.15)
    np.clip(image, 0, 1, out=image)
    image **= np.float32(math.exp(rng.normal(0, 0.18)))
    if rng.random() < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.9) * size / 64)
    if rng.random() < 0.7:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image += noise * np.float32(rng.uniform(0.002, 0.03))
    image = (image * 255).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image
