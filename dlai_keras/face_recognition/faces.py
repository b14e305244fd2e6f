"""Drawn people: faces with an identity that stays and circumstances that do not.

A head is a radius for every direction from its middle, and a colour for each. Both lie
on flat maps that are made once per person; a picture is drawn by finding for every
pixel where its ray meets the head. So the head turns, is lit and casts shadows as a
solid does, and the outline, the nose in profile and the light on a cheekbone tell as
much of a person as what is painted.

`make_identity` draws a person: the form of head, jaw, nose and chin; eyes, brows, lips
and ears; hair, beard, skin, freckles, moles. `draw_face` draws a picture of one: pose,
light, expression, glasses, clothes, background, camera.

Places on a head are those of Lambert's azimuthal projection about the direction that
the head looks in: x to the right of the picture, y down, (0, 0) between the eyes, and
near there 1 is an angle of one radian. Heads are about 1.8 units wide and 2.7 high.

Reference:
    - Domain randomisation: Tobin et al., 2017, arXiv:1703.06907.
    - Drawn faces instead of photographs of people: Bae et al., "DigiFace-1M", 2023,
      arXiv:2210.02579.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dlai_keras import rendering
from dlai_keras.face_recognition.data import People
from dlai_keras.processes import Workers

LANDMARKS = (  # left and right are those of the picture
    "left eye",
    "right eye",
    "tip of the nose",
    "left corner of the mouth",
    "right corner of the mouth",
)
SIZE = (112, 96)
SMALLEST = 32  # pixels
SUPERSAMPLING = 1.5  # heads are drawn at so many times the picture's resolution
STEPS = 3  # towards where a ray meets the head

SPAN = 1.9  # from the middle of a map to its edges
TEXTURE, RELIEF = 256, 128  # pixels of the maps of colour and of form

# What a person may be like: the least and the most of it.
TRAITS = {
    # the head, in its units
    "width": (0.84, 0.98),
    "height": (1.22, 1.4),
    "depth": (1.08, 1.2),
    "jaw": (1.8, 2.8),  # exponent of the superellipse: pointed to square
    "taper": (0.0, 0.2),
    "chin": (-0.03, 0.1),
    "cheeks": (-0.02, 0.06),
    "forehead": (-0.03, 0.06),
    "ears": (0.06, 0.2),
    # the eyes
    "eye_x": (0.35, 0.47),
    "eye_y": (-0.06, 0.05),
    "eye_width": (0.15, 0.215),
    "eye_height": (0.06, 0.115),
    "eye_slant": (-0.035, 0.045),
    "iris": (0.08, 0.1),
    "crease": (0.0, 1.0),
    "socket": (0.0, 0.05),
    # the brows
    "brow_y": (0.16, 0.26),  # above the eyes
    "brow_thick": (0.02, 0.06),
    "brow_arch": (0.0, 0.07),
    "brow_tilt": (-0.05, 0.05),
    "brow_gap": (0.1, 0.2),
    "brow_length": (0.35, 0.48),
    # the nose
    "nose_y": (0.29, 0.42),
    "nose_width": (0.13, 0.25),
    "nose_out": (0.1, 0.24),
    "bridge": (0.01, 0.09),
    "bridge_width": (0.07, 0.12),
    # the mouth
    "mouth_y": (0.6, 0.73),
    "mouth_width": (0.26, 0.42),
    "upper_lip": (0.025, 0.09),
    "lower_lip": (0.045, 0.12),
    "lip_color": (0.0, 1.0),
    # the skin
    "age": (0.0, 1.0),
    "blush": (0.0, 1.0),
}
# RGB, from very pale to very dark
SKINS = np.array(
    [
        [250, 222, 205],
        [238, 196, 168],
        [222, 172, 138],
        [196, 142, 104],
        [158, 106, 74],
        [118, 76, 52],
        [82, 54, 40],
    ],
    "float64",
)
HAIRS = np.array(  # the last two are those of age
    [
        [24, 20, 20],
        [52, 36, 28],
        [92, 62, 40],
        [138, 98, 58],
        [205, 170, 110],
        [148, 66, 34],
        [150, 148, 146],
        [222, 220, 214],
    ],
    "float64",
)
IRISES = np.array(  # the first two are those of dark skin
    [[62, 38, 22], [98, 62, 32], [118, 106, 58], [84, 118, 140], [112, 124, 130]],
    "float64",
)
HAIRCUT = ("line", "recede", "side", "low", "top", "beside", "curl", "back")
# The line above the forehead and how far it recedes at the temples; where hair begins
# beside the face and how low it hangs there; its volume above and beside; how curly it
# is; how far it falls behind the neck. Then how common the haircut is.
HAIRCUTS = {
    "bald": (-1.3, 0.0, 1.65, 0.2, 0.0, 0.0, 0.1, 0.0, 0.5),
    "shorn": (-0.67, 0.12, 1.08, 0.05, 0.02, 0.01, 0.1, 0.0, 1.0),
    "receding": (-0.85, 0.05, 1.12, 0.12, 0.04, 0.03, 0.2, 0.0, 0.8),
    "short": (-0.63, 0.05, 1.02, 0.08, 0.12, 0.035, 0.3, 0.0, 2.2),
    "fringe": (-0.42, -0.08, 0.98, 0.15, 0.14, 0.07, 0.2, 0.0, 1.2),
    "curls": (-0.6, 0.03, 0.98, 0.2, 0.26, 0.18, 1.0, 0.0, 1.2),
    "tied": (-0.7, 0.05, 1.08, 0.03, 0.04, 0.01, 0.1, 0.0, 1.0),
    "bob": (-0.57, 0.0, 0.9, 0.9, 0.14, 0.16, 0.2, 0.9, 1.0),
    "long": (-0.64, 0.0, 0.92, 1.1, 0.12, 0.13, 0.3, 1.8, 1.3),
    "waves": (-0.65, 0.0, 0.9, 1.0, 0.18, 0.22, 0.8, 1.6, 1.2),
}
BEARDS = {"none": 0.0, "stubble": 0.4, "moustache": 0.9, "goatee": 0.85, "full": 0.9}


@dataclass(frozen=True, eq=False)
class Identity:
    """A person, as `make_identity` draws one.

    Attributes:
        traits: a number for each name in `TRAITS` and in `HAIRCUT`, and `part`, by how
            much a parting tilts the line of the hair.
        skin: RGB, 0 to 255, float64 `(3,)`; likewise `hair` and `iris`.
        hair: see `skin`.
        iris: see `skin`.
        haircut: one of `HAIRCUTS`.
        beard: one of `BEARDS`.
        spots: moles and freckles: x, y, radius and darkness, `(num_spots, 4)`.
        glasses: width and height of a lens beside the eye's, exponent of its outline,
            thickness and RGB of the frame; float64 `(7,)`.
        wears_glasses: share of the pictures with glasses.
        grain: seed of what has no name: blotches and strands.
    """

    traits: Mapping[str, float]
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    haircut: str
    beard: str
    spots: np.ndarray
    glasses: np.ndarray
    wears_glasses: float
    grain: int

    @functools.cached_property
    def head(self) -> "Head":
        """The maps that pictures of this person are drawn from."""
        return Head(self)


def make_faces(
    seed: int,
    num_people: int,
    per_person: int,
    *,
    size: tuple[int, int] = SIZE,
    workers: int = 1,
) -> People:
    """Draws pictures of people.

    Person i depends on the seed and on i alone, picture j of that person also on j: a
    larger set begins with the people, and each person with the pictures, of a smaller.
    Pixels hardly tell who it is: their cosine has an area under the ROC curve of 0.69
    over all pairs of 100 people x 10, and 15 % of the nearest neighbours are right.

    Args:
        seed: 0 or more.
        num_people: how many, 0 or more.
        per_person: pictures of each, 0 or more.
        size: height and width, pixels, 32 or more each.
        workers: processes that draw; 1 draws in this one.

    Returns:
        `People`, person by person, with `landmarks`, float32 `(num_pictures, 5, 2)`:
        x and y in pixels of each of `LANDMARKS`.

    Raises:
        ValueError: for a number that is out of its range.

    Example:
        >>> people = make_faces(0, 2, 3)
        >>> people.read(5).shape, people.labels.tolist(), people.landmarks.shape
        ((112, 96, 3), [0, 0, 0, 1, 1, 1], (6, 5, 2))
    """
    drawn = iterate_faces(seed, num_people, per_person, size=size, workers=workers)
    pictures = [picture for person in drawn for picture in person]
    return People(
        [image for image, _ in pictures],
        np.repeat(np.arange(num_people), per_person),
        person_names(num_people),
        np.reshape([points for _, points in pictures], (-1, len(LANDMARKS), 2)),
    )


def iterate_faces(
    seed: int,
    num_people: int,
    per_person: int,
    *,
    size: tuple[int, int] = SIZE,
    workers: int = 1,
) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Draws the people of `make_faces` one by one, for sets that outgrow memory.

    Args:
        seed: see `make_faces`; likewise the others.
        num_people: see there.
        per_person: see there.
        size: see there.
        workers: see there.

    Returns:
        An iterator over people: of each a list of pictures with their landmarks.

    Raises:
        ValueError: for a number that is out of its range.
    """
    for name, value, least in (
        ("seed", seed, 0),
        ("num_people", num_people, 0),
        ("per_person", per_person, 0),
        ("workers", workers, 1),
    ):
        if value < least:
            raise ValueError(
                f"`{name}` must be {least} or more. Received: {name}={value}."
            )
    return _iterate(seed, num_people, per_person, _checked_size(size), workers)


def person_names(num_people: int) -> list[str]:
    """What drawn people are called.

    Example:
        >>> person_names(2)
        ['person_0000', 'person_0001']
    """
    return [f"person_{number:04d}" for number in range(num_people)]


def _iterate(seed, num_people, per_person, size, workers):
    draw = functools.partial(_draw_person, seed, per_person, size)
    with Workers(draw, workers if workers > 1 else 0) as pool:
        yield from pool.map(range(num_people))


def _draw_person(seed, per_person, size, number):
    identity = make_identity(np.random.default_rng((seed, number)))
    return [
        draw_face(identity, np.random.default_rng((seed, number, index)), size=size)
        for index in range(per_person)
    ]


def _checked_size(size):
    if np.size(size) != 2 or min(size) < SMALLEST:
        raise ValueError(
            f"`size` must be a height and a width of {SMALLEST} pixels or more. "
            f"Received: size={size}."
        )
    height, width = size
    return int(height), int(width)


# People


def make_identity(rng: np.random.Generator) -> Identity:
    """Draws a person.

    Args:
        rng: draws every trait.

    Returns:
        The `Identity`.

    Example:
        >>> identity = make_identity(np.random.default_rng(0))
        >>> all(low <= identity.traits[name] <= high
        ...     for name, (low, high) in TRAITS.items())
        True
    """
    lowest, highest = np.array(list(TRAITS.values())).T
    # Beyond the ends and back: what is far from the mean tells people apart.
    shares = np.clip(rng.uniform(-0.1, 1.1, len(TRAITS)), 0, 1)
    values = lowest + (highest - lowest) * shares
    traits = dict(zip(TRAITS, values.tolist(), strict=True))
    tone = rng.uniform(0, len(SKINS) - 1)
    low = min(int(tone), len(SKINS) - 2)
    skin = SKINS[low] + (tone - low) * (SKINS[low + 1] - SKINS[low])
    skin = skin * rng.uniform(0.94, 1.06) + rng.normal(0, 4, 3)
    # Dark skin goes with dark hair and eyes, mostly.
    shade = rng.integers(3 if tone > 3 and rng.random() < 0.9 else 6)
    if traits["age"] > 0.7 and rng.random() < 0.7:
        shade = rng.integers(6, len(HAIRS))
    iris = IRISES[rng.integers(2 if tone > 3 else len(IRISES))]
    common = np.array([row[-1] for row in HAIRCUTS.values()])
    haircut = list(HAIRCUTS)[rng.choice(len(HAIRCUTS), p=common / common.sum())]
    beard = "none"
    if haircut not in {"tied", "bob", "long", "waves"} and rng.random() < 0.5:
        beard = list(BEARDS)[rng.integers(1, len(BEARDS))]
    return Identity(
        traits=traits | _draw_haircut(rng, haircut),
        skin=np.clip(skin, 30, 255),
        hair=np.clip(
            HAIRS[shade] * rng.uniform(0.8, 1.2) + rng.normal(0, 5, 3), 8, 245
        ),
        iris=iris * rng.uniform(0.8, 1.2),
        haircut=haircut,
        beard=beard,
        spots=_draw_spots(rng),
        glasses=_draw_glasses(rng),
        wears_glasses=0.5 if rng.random() < 0.5 else 0.0,
        grain=int(rng.integers(2**31)),
    )


def _draw_haircut(rng, haircut):
    drawn = dict(zip(HAIRCUT, HAIRCUTS[haircut], strict=False))
    for name, most in (("line", 0.1), ("recede", 0.08), ("side", 0.08), ("low", 0.17)):
        drawn[name] += rng.uniform(-most, most)
    if haircut == "fringe":  # above the brows
        drawn["line"] = min(drawn["line"], -0.38)
    for name in ("top", "beside", "curl", "back"):
        drawn[name] *= rng.uniform(0.6, 1.4)
    part = rng.uniform(-0.13, 0.13) if rng.random() < 0.7 else 0.0
    if haircut in {"bald", "shorn", "curls"}:
        part *= 0.3
    return drawn | {"part": part}


def _draw_spots(rng):
    moles = int(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1]))
    freckles = int(rng.integers(25, 80)) if rng.random() < 0.18 else 0
    place = rng.uniform((-0.75, -0.5), (0.75, 1.0), (moles, 2))
    form = rng.uniform((0.018, 0.5), (0.035, 0.75), (moles, 2))
    spread = rng.normal((0, 0.22), (0.38, 0.16), (freckles, 2))
    fine = rng.uniform((0.009, 0.15), (0.015, 0.4), (freckles, 2))
    return np.concatenate([np.hstack([place, form]), np.hstack([spread, fine])])


def _draw_glasses(rng):
    frame = rng.choice([(20, 20, 22), (70, 42, 26), (120, 120, 125), (110, 30, 30)])
    form = rng.uniform((1.25, 1.3, 2.0, 0.025), (1.5, 2.0, 5.0, 0.06))
    return np.concatenate([form, np.clip(frame * rng.uniform(0.7, 1.3), 5, 200)])


# The maps of a head


class Head:
    """Maps of a person's form and colours.

    Args:
        identity: whose head it is.

    Attributes:
        axes: half of width, height and depth, float32 `(3,)`.
        radius: in every direction, in `axes`, float32 `(RELIEF, RELIEF)`.
        normals: of the surface, float32 `(RELIEF, RELIEF, 3)`.
        shine: how much of the light is mirrored, float32 `(RELIEF, RELIEF)`.
        texture: colours but for what an expression moves, uint8
            `(TEXTURE, TEXTURE, 3)`.
    """

    def __init__(self, identity: Identity):
        traits = identity.traits
        rng = np.random.default_rng(identity.grain)
        axes = [traits[name] for name in ("width", "height", "depth")]
        self.axes = np.array(axes, "float32")
        straight, curly = _noise(rng, 10, 56, RELIEF), _noise(rng, 36, 36, RELIEF)
        curl = np.float32(min(traits["curl"], 1.0))
        strands = np.clip(straight + curl * (curly - straight), -2.5, 2.5)
        hair = cv2.GaussianBlur(_hair_mask(identity, rng), (0, 0), 1.0)
        beard = cv2.GaussianBlur(_beard_mask(identity), (0, 0), 2.0)
        self.radius = _radius(identity, hair, beard, strands)
        self.normals = _normals(self.radius, self.axes)
        self.shine = 1 - np.maximum(0.75 * hair, 0.8 * beard)
        skin = _skin(identity, rng)
        self.texture = _with_hair(identity, rng, skin, hair, beard, strands)

    def places(self, points: np.ndarray) -> np.ndarray:
        """Points in space `(num, 3)` of places on the map `(num, 2)`."""
        points = np.asarray(points, "float64")
        squared = (points**2).sum(axis=1, keepdims=True)
        flat = points * np.sqrt(1 - squared / 4)
        directions = np.concatenate([flat, 1 - squared / 2], axis=1)
        cells = np.round((points / SPAN + 1) * (RELIEF - 1) / 2).astype(int)
        return directions * self.axes * self.radius[cells[:, 1], cells[:, 0], None]


@functools.cache
def _directions():
    """Unit vectors, float32 `(RELIEF, RELIEF, 3)`, of the places on a map."""
    x, y = np.meshgrid(_axis(), _axis())
    squared = x**2 + y**2
    # There is nothing in the corners: what is behind the head stands there, too.
    inside = np.minimum(squared, 3.9)
    shorter = np.sqrt((1 - inside / 4) * inside / np.maximum(squared, 1e-6))
    return np.stack([x * shorter, y * shorter, 1 - inside / 2], axis=-1)


@functools.cache
def _axis():
    return np.linspace(-SPAN, SPAN, RELIEF, dtype="float32")


def _bump(x, y, wide, high):
    """A hill on a map, 1 on top; one beside the middle stands on both sides."""
    across = np.exp(-(((_axis() - x) / wide) ** 2))
    if x:
        across += across[::-1]
    return np.outer(np.exp(-(((_axis() - y) / high) ** 2)), across)


def _step(values, low, high):
    """From 0 at `low` to 1 at `high`, smoothly."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _noise(rng, rows, columns, size):
    cells = rng.standard_normal((rows, columns), "float32")
    return cv2.resize(cells, (size, size), interpolation=cv2.INTER_LINEAR)


def _radius(identity, hair, beard, strands):
    traits = identity.traits
    down = _directions()[..., 1]
    across, vertical, front = np.moveaxis(np.abs(_directions()), -1, 0)
    power = 2.3 + (traits["jaw"] - 2.3) * _step(down, -0.2, 0.6)
    total = across**power + vertical**power + np.maximum(front, 1e-3) ** power
    radius = total ** (-1 / power)
    radius *= 1 - traits["taper"] * _step(down, 0.0, 0.9) * across**2

    nose, wide, out = traits["nose_y"], traits["nose_width"], traits["nose_out"]
    # Its ridge, from between the eyes to the tip.
    along = _step(_axis(), -0.16, nose)
    rise = traits["bridge"] * _step(_axis(), -0.22, 0.05)
    rise = rise + (out - traits["bridge"]) * along**1.6
    rise *= 1 - _step(_axis(), nose + 0.02, nose + 0.13)
    narrow = traits["bridge_width"] * (1 + 0.35 * along)
    radius += rise[:, None] * np.exp(-((_axis() / narrow[:, None]) ** 2))

    mouth, eye_x, eye_y = traits["mouth_y"], traits["eye_x"], traits["eye_y"]
    socket, cheeks = traits["socket"], traits["cheeks"]
    hills = (
        (0, nose - 0.02, 0.09, 0.08, 0.25 * out),  # the tip and the wings
        (0.7 * wide, nose + 0.03, 0.075, 0.07, 0.055),
        (0, mouth + 0.02, 0.5, 0.3, 0.03),  # teeth, lips and chin
        (0, mouth - 0.055, 0.2, 0.05, 0.035),
        (0, mouth + 0.065, 0.17, 0.055, 0.045),
        (0, mouth + 0.17, 0.22, 0.06, -0.025),
        (0, 1.02, 0.24, 0.2, 0.06 + traits["chin"]),
        (0, 1.3, 0.5, 0.35, traits["chin"]),
        (eye_x, eye_y, 0.22, 0.15, -0.03 - socket),
        (eye_x, eye_y + 0.01, 0.13, 0.09, 0.03),
        (0.3, eye_y - traits["brow_y"], 0.35, 0.09, 0.4 * socket),
        (0.62, 0.28, 0.25, 0.2, cheeks),
        (0.72, 0.75, 0.25, 0.25, -0.6 * cheeks - 0.01),
        (0, -0.55, 0.6, 0.3, traits["forehead"]),
        (1.45, 0.1, 0.075, 0.17, traits["ears"]),
        (1.52, -0.02, 0.09, 0.1, 0.6 * traits["ears"]),
    )
    for *place, height in hills:
        radius += np.float32(height) * _bump(*place)

    top = _step(-down, -0.1, 0.8)
    volume = traits["beside"] + (traits["top"] - traits["beside"]) * top
    volume *= 1 + 0.25 * traits["curl"] * strands
    # It rises inwards from the edge, and not as a cliff, which `_meet` could not climb.
    radius += volume * _step(cv2.GaussianBlur(hair, (0, 0), 4.0), 0.45, 1.0)
    if identity.beard in {"goatee", "full"}:
        radius += np.float32(0.04) * beard
    return cv2.GaussianBlur(radius.astype("float32"), (3, 3), 0.7)


def _normals(radius, axes):
    places = _directions() * radius[..., None] * axes
    x0, y0, z0 = cv2.split(cv2.Sobel(places, cv2.CV_32F, 1, 0))
    x1, y1, z1 = cv2.split(cv2.Sobel(places, cv2.CV_32F, 0, 1))
    x, y, z = y0 * z1 - z0 * y1, z0 * x1 - x0 * z1, x0 * y1 - y0 * x1
    length = np.maximum(np.sqrt(x * x + y * y + z * z), 1e-6)
    return cv2.merge([x / length, y / length, z / length])


def _pixels(points, size):
    """Places on a map of `size` pixels, as OpenCV draws them."""
    factor = (size - 1) / 2 / SPAN * 16
    return np.rint(np.asarray(points) * factor + (size - 1) * 8).astype("int32")


def _mask(polygons):
    """Float32 `(RELIEF, RELIEF)`, 1 where one of the polygons is."""
    mask = np.zeros((RELIEF, RELIEF), "uint8")
    for polygon in polygons:
        cv2.fillPoly(mask, [_pixels(polygon, RELIEF)], 255, cv2.LINE_AA, shift=4)
    return mask.astype("float32") / 255


def _hair_mask(identity, rng):
    traits = identity.traits
    top, side, low = traits["line"], traits["side"], traits["low"]
    recede = traits["recede"]
    if identity.haircut == "bald":
        edge = [(side, -0.1), (side, 0.4)]
    else:
        edge = [(0, top), (0.3, top + 0.02), (0.58, top - recede + 0.06)]
        edge += [(0.75 * side, 0.55 * top - 0.5 * recede), (side, -0.15)]
    if low > 0.5:  # over the ears
        edge += [(side + 0.02, 0.5 * low), (side + 0.1, low), (SPAN, low + 0.2)]
    else:
        edge += [(side + 0.03, low), (side + 0.16, min(low, 0) - 0.02)]
        edge += [(1.3, -0.26), (1.62, -0.12), (1.7, 0.5), (SPAN, 0.6)]
    line = _smooth(edge)
    line = np.concatenate([line[::-1] * (-1, 1), line])
    above = line[:, 1] < -0.1
    line[above, 1] += traits["part"] * np.clip(2 * line[above, 0], -1, 1)
    jagged = rng.normal(0, 0.012 + 0.02 * traits["curl"], len(line))
    line[:, 1] += jagged * (line[:, 1] < 0.2)
    if identity.haircut == "bald":
        left, right = np.split(line, 2)
        return _mask([[*left, (-SPAN, -0.1)], [*right, (SPAN, -0.1)]])
    return _mask([[*line, (SPAN, -SPAN), (-SPAN, -SPAN)]])


def _beard_mask(identity):
    traits = identity.traits
    mouth, wide = traits["mouth_y"], traits["mouth_width"]
    above = (traits["nose_y"] + mouth) / 2 + 0.02
    moustache = [(0, above), (0.6 * wide, above), (1.15 * wide, mouth + 0.02)]
    full = [*moustache[:2], (1.3 * wide, mouth - 0.02), (0.75, 0.5), (0.98, 0.0)]
    full += [(1.2, 0.05), (1.25, 0.9), (0.8, 1.5), (0, 1.6)]
    moustache += [(1.1 * wide, mouth + 0.08), (0, mouth + 0.02)]
    chin = rendering.arc((0, 0.5 * above + 0.65), (1.15 * wide, 0.42))
    outlines = {
        "none": [],
        "stubble": [_both_sides(full)],
        "moustache": [_both_sides(moustache)],
        "goatee": [_both_sides(moustache), chin],
        "full": [_both_sides(full)],
    }
    return _mask(outlines[identity.beard])


def _both_sides(points):
    points = np.asarray(points, "float64")
    return np.concatenate([points, points[::-1] * (-1, 1)])


def _smooth(points, num=4):
    """A curve through points, `num` pieces between two (Catmull and Rom)."""
    points = np.asarray(points, "float64")
    padded = np.concatenate([2 * points[:1] - points[1:2], points, points[-1:]])
    a, b, c, d = (padded[i : i + len(points) - 1] for i in range(4))
    t = (np.arange(num) / num)[:, None, None]
    bend = (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    curve = b + ((c - a) * t + bend) / 2  # (num, pieces, 2)
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _skin(identity, rng):
    """Skin without hair, float32 `(TEXTURE, TEXTURE, 3)`."""
    traits = identity.traits
    skin = identity.skin
    mouth, nose, age = traits["mouth_y"], traits["nose_y"], traits["age"]
    eye_x, eye_y = traits["eye_x"], traits["eye_y"]
    blotches = 0.6 * _noise(rng, 9, 9, RELIEF) + 0.4 * _noise(rng, 30, 30, RELIEF)
    red = 0.09 * _bump(0.6, 0.33, 0.22, 0.17) + 0.05 * _bump(0, nose, 0.14, 0.1)
    red *= np.float32(traits["blush"])
    # Where little light comes, whichever side it is from.
    dark = 0.16 * _bump(eye_x - 0.1, eye_y - 0.07, 0.16, 0.07)
    dark += np.float32(0.05 + 0.16 * age) * _bump(eye_x, eye_y + 0.13, 0.14, 0.045)
    dark += 0.25 * _bump(0, nose + 0.1, 0.14, 0.04)
    dark += 0.14 * _bump(0, mouth + 0.16, 0.16, 0.04)
    dark += 0.2 * _bump(1.4, 0.1, 0.04, 0.12)
    folds = np.zeros((RELIEF, RELIEF), "uint8")
    for points, strength in _wrinkles(traits):
        for sign in (-1, 1):
            line = _pixels(np.multiply(points, (sign, 1)), RELIEF)
            cv2.polylines(folds, [line], False, 255 * strength, 1, cv2.LINE_AA, 4)
    dark += cv2.GaussianBlur(folds.astype("float32"), (5, 5), 0.9) * np.float32(0.0018)
    gain = 1 + np.float32(0.022) * blotches
    image = cv2.merge(
        [
            np.float32(skin[k]) * gain * (1 - redder * red) * (1 - darker * dark)
            for k, (redder, darker) in enumerate([(0.1, 0.75), (1.0, 1.0), (0.9, 1.05)])
        ]
    )
    paint = _Paint(_as_bytes(_larger(image)))
    for x, y, radius, strength in identity.spots:
        color = skin * (1 - strength * np.array([0.75, 0.95, 1]))
        paint.disc((x, y), radius, color)
    for sign in (-1, 1):  # nostrils
        place = (sign * 0.55 * traits["nose_width"], nose + 0.065)
        paint.disc(place, (0.05, 0.026), skin * (0.38, 0.28, 0.26))
    return cv2.GaussianBlur(paint.image, (3, 3), 0.7).astype("float32")


def _wrinkles(traits):
    """Yields lines beside the middle, and how deep they are."""
    age, wide, corner = traits["age"], traits["nose_width"], traits["mouth_width"]
    mouth, nose = traits["mouth_y"], traits["nose_y"]
    yield [(wide, nose - 0.02), (1.15 * wide, nose + 0.04), (wide, nose + 0.08)], 0.6
    fold = [(1.25 * wide, nose), (1.25 * corner, mouth - 0.08), (1.3 * corner, mouth)]
    yield fold, 0.25 + 0.75 * age
    if age > 0.55:
        for y in (-0.42, -0.52):
            yield [(0.0, y), (0.3, y + 0.01), (0.45, y + 0.04)], 0.9 * (age - 0.4)
        outer = traits["eye_x"] + traits["eye_width"] + 0.05
        for y in (-0.06, 0.02, 0.09):
            yield [(outer, traits["eye_y"]), (outer + 0.14, y)], age - 0.45
        yield [(0.06, -0.18), (0.05, -0.28)], age - 0.4


def _with_hair(identity, rng, skin, hair, beard, strands):
    grain = _larger(strands) + 0.5 * _noise(rng, 48, 128, TEXTURE)
    colored = cv2.merge([np.float32(c) * (1 + 0.16 * grain) for c in identity.hair])
    image = skin
    if identity.beard != "none":
        rough = 0.25 if identity.beard == "stubble" else 0.1
        cover = BEARDS[identity.beard] * _larger(beard)
        cover *= 1 + rough * _noise(rng, 110, 110, TEXTURE)
        image = rendering.blend(image, 0.9 * colored, np.clip(cover, 0, 1))
    share = 0.75 if identity.haircut == "shorn" else 1
    return _as_bytes(rendering.blend(image, colored, share * _larger(hair)))


def _larger(image):
    return cv2.resize(image, (TEXTURE, TEXTURE), interpolation=cv2.INTER_LINEAR)


def _as_bytes(image):
    return cv2.convertScaleAbs(np.maximum(image, 0))


class _Paint:
    """Flat shapes on a texture, in the map's coordinates.

    A drawing of its own, and not `rendering.Canvas`: an expression is some sixty
    shapes, which should take less than a millisecond.
    """

    ROUND = rendering.arc((0, 0), (1, 1), 0, 340, 18)

    def __init__(self, image):
        self.image = image

    def polygon(self, points, color):
        fixed = _pixels(points, TEXTURE)
        cv2.fillPoly(self.image, [fixed], tuple(color), cv2.LINE_AA, shift=4)

    def disc(self, centre, radius, color):
        self.polygon(self.ROUND * radius + centre, color)

    def line(self, points, width, color):
        fixed, thickness = _pixels(points, TEXTURE), round(width * TEXTURE / 2 / SPAN)
        cv2.polylines(
            self.image, [fixed], False, tuple(color), max(1, thickness), cv2.LINE_AA, 4
        )


# Pictures


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What differs between two pictures of one person.

    Attributes:
        turn: from the head to the viewer, `(3, 3)`; x right, y down, z to the viewer.
        place: of the head's middle, shares of the picture's width and height.
        zoom: beside the usual size.
        light: unit vector towards it, as the viewer sees it.
        ambient: light from all sides, 0 to 1; the rest comes from `light`.
        smile: -0.5 to 1.
        mouth_open: 0 to 1.
        brows: how far they are raised, -0.5 to 1.
        lids: how far the eyes are open, 0.15 to 1.15.
        gaze: of the eyes, to the right and down, -1 to 1.
        glasses: `"none"`, `"clear"` or `"dark"`.
    """

    turn: np.ndarray
    place: tuple[float, float]
    zoom: float
    light: np.ndarray
    ambient: float
    smile: float
    mouth_open: float
    brows: float
    lids: float
    gaze: tuple[float, float]
    glasses: str


def draw_face(
    identity: Identity, rng: np.random.Generator, *, size: tuple[int, int] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a picture of a person.

    Args:
        identity: whom, from `make_identity`.
        rng: draws pose, light, expression, glasses, clothes, background and camera.
        size: height and width, pixels, 32 or more each.

    Returns:
        RGB image, uint8 `(height, width, 3)`, and `LANDMARKS`, float32 `(5, 2)`: x and
        y in pixels.

    Raises:
        ValueError: for a smaller `size`.

    Example:
        >>> identity = make_identity(np.random.default_rng(0))
        >>> image, landmarks = draw_face(identity, np.random.default_rng(1))
        >>> image.shape, landmarks.shape
        ((112, 96, 3), (5, 2))
    """
    return render_face(
        identity, draw_circumstances(rng, identity), rng, size=_checked_size(size)
    )


def draw_circumstances(rng: np.random.Generator, identity: Identity) -> Circumstances:
    """Draws pose, light and expression of a picture, and whether glasses are worn."""
    angles = [
        _within(angle, -most, most)
        for angle, most in zip(
            rng.normal(0, (0.27, 0.13, 0.09)).tolist(), (0.6, 0.3, 0.25), strict=True
        )
    ]
    light = np.array([rng.normal(0, 0.75), rng.normal(-0.45, 0.5), 1.0])
    smile = rng.uniform(0.2, 1) if rng.random() < 0.4 else rng.uniform(-0.5, 0.25)
    mouth_open = rng.uniform(0.15, 1) if rng.random() < 0.3 else 0.0
    is_tired = rng.random() < 0.08
    glasses = "none"
    if rng.random() < identity.wears_glasses:
        glasses = "dark" if rng.random() < 0.06 else "clear"
    return Circumstances(
        turn=rotation(*angles),
        place=(0.5 + rng.normal(0, 0.02), 0.5 + rng.normal(0, 0.02)),
        zoom=math.exp(_within(rng.normal(0, 0.06), -0.12, 0.12)),
        light=light / math.sqrt(light @ light),
        ambient=rng.uniform(0.4, 0.8),
        smile=smile,
        mouth_open=mouth_open,
        brows=_within(rng.normal(0, 0.35), -0.5, 1.0),
        lids=rng.uniform(0.15, 0.6) if is_tired else rng.uniform(0.75, 1.15),
        gaze=tuple(_within(x, -0.8, 0.8) for x in rng.normal(0, (0.35, 0.15)).tolist()),
        glasses=glasses,
    )


def _within(value, low, high):
    return min(max(value, low), high)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The turn of a head, `(3, 3)`: to the right, then down, then clockwise.

    Right and clockwise are those of the picture; angles are in radians.

    Example:
        >>> (rotation(0, 0, np.pi / 2) @ [1, 0, 0]).round().astype(int)
        array([0, 1, 0])
    """
    a, b, c = math.cos(yaw), math.cos(pitch), math.cos(roll)
    d, e, f = math.sin(yaw), math.sin(pitch), math.sin(roll)
    about_y = np.array([[a, 0, d], [0, 1, 0], [-d, 0, a]])
    about_x = np.array([[1, 0, 0], [0, b, e], [0, -e, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def render_face(
    identity: Identity,
    scene: Circumstances,
    rng: np.random.Generator,
    *,
    size: tuple[int, int] = SIZE,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a picture of a person in given circumstances.

    Args:
        identity: whom.
        scene: pose, light, expression and glasses.
        rng: draws the rest: clothes, background and camera.
        size: height and width, pixels.

    Returns:
        As `draw_face`.
    """
    height, width = size
    rows, columns = round(height * SUPERSAMPLING), round(width * SUPERSAMPLING)
    scale = 0.35 * min(columns, rows * SIZE[1] / SIZE[0]) * scene.zoom
    middle = np.array(scene.place) * (columns, rows)
    head = identity.head

    image = _backdrop(rng, rows, columns)
    _draw_body(rng, image, identity, scene, middle, scale)
    window = _window(head, scene.turn, middle, scale, image.shape)
    x, y, cover = _meet(head, scene.turn, middle, scale, window)
    lit = _lit(identity, scene, x, y)
    lit -= image[window]
    lit *= _three(cover)
    image[window] += lit
    image = _as_bytes(image)
    if scene.glasses != "none":
        _wear_glasses(image, identity, scene, middle, scale)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    points = head.places(_landmark_places(identity.traits, scene))
    points = points @ scene.turn[:2].T * scale + middle
    points *= (width / columns, height / rows)
    return rendering.photograph(rng, image.astype("float32")), points.astype("float32")


def _backdrop(rng, rows, columns):
    """What is behind a person, out of focus."""
    image = rendering.background(rng, 32)
    if rng.random() < 0.4:
        image = rendering.clutter(rng, image, 1, sizes=(0.15, 0.5))
    grey = image.mean(axis=-1, keepdims=True)
    image = grey + (image - grey) * np.float32(rng.uniform(0.1, 0.9))
    image = image.astype("float32")
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)


def _draw_body(rng, image, identity, scene, middle, scale):
    """Hair behind the head, the neck and the shoulders."""
    traits, light = identity.traits, scene.ambient
    wide, high, deep = (traits[name] for name in ("width", "height", "depth"))
    light += 0.6 * (1 - light) * max(scene.light[2], 0)
    hair, skin = identity.hair * light, identity.skin * light

    def fill(points, color):
        pixels = np.rint((np.asarray(points) * scale + middle) * 16).astype("int32")
        cv2.fillPoly(image, [pixels], tuple(color), shift=4)

    if traits["back"]:
        out = wide * (1.05 + traits["beside"])
        x, y = scene.turn[:2] @ (0, -0.1 * high, -0.4 * deep)
        low, flare = y + 0.6 + traits["back"], out + 0.1 + traits["beside"]
        fill(rendering.arc((x, y), (out, high), 180, 360), 0.75 * hair)
        fill([(x - out, y), (x + out, y), (flare, low), (-flare, low)], 0.6 * hair)
    throat, below = scene.turn[:2] @ (0, 0.55 * high, -0.3 * deep)
    half, bottom = 0.66 * wide, high + 1.4
    left, right = (throat - half, below), (throat + half, below)
    ends = (1.15 * half, bottom), (-1.15 * half, bottom)
    fill([left, right, *ends], 0.68 * skin)
    # The side where the light is.
    side = 1 if scene.light[0] > 0 else -1
    lit = [(throat + side * half, below), (1.15 * side * half, bottom)]
    lit += [(0.3 * side * half, bottom), (throat + 0.4 * side * half, below)]
    fill(lit, 0.85 * skin)
    top, collar = high + rng.uniform(0.2, 0.35), rng.uniform(0.5, 0.8)
    cloth = rendering.color(rng, saturation=(0.0, 0.8), value=(0.1, 0.95))
    fill(rendering.arc((0, top + 1.2), (rng.uniform(1.7, 2.3), 1.2)), cloth * light)
    opening = [(-1.1 * half, top - 0.05), (1.1 * half, top - 0.05), (0, top + collar)]
    kind = rng.random()
    if kind < 0.5:
        fill(opening, 0.75 * skin)
    elif kind < 0.75:
        shirt = rendering.color(rng, saturation=(0.0, 0.3), value=(0.6, 1.0))
        fill(opening, shirt * light)


def _window(head, turn, middle, scale, shape):
    """The part of a picture that the head can be in, as slices of rows and columns."""
    extent = float(head.radius.max()) * scale
    reach = extent * np.sqrt(((turn[:2] * head.axes) ** 2).sum(axis=1)) + 1
    low = np.maximum(middle - reach, 0).astype(int)
    high = np.minimum(middle + reach + 1, shape[1::-1]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _meet(head, turn, middle, scale, window):
    """Where on the head's map the ray of every pixel ends.

    In units of its axes a head is a ball but for `radius`. A ray meets the ball of
    radius s in closed form; s is then the radius in the direction of that point, and so
    on.

    Returns:
        x and y on the map, and how much of the pixel the head covers.
    """
    rows, columns = (np.arange(part.start, part.stop) + 0.5 for part in window)
    u = ((columns - middle[0]) / scale).astype("float32")
    v = ((rows - middle[1]) / scale).astype("float32")
    basis = (turn / head.axes).astype("float32")
    way = basis[2]
    squared = way @ way
    # The point of each ray that is nearest to the middle.
    start = basis[:2] - np.outer(basis[:2] @ way / squared, way)
    nearest = [v[:, None] * start[1, k] + u * start[0, k] for k in range(3)]
    distance = nearest[0] ** 2 + nearest[1] ** 2 + nearest[2] ** 2
    radius = np.float32(1.1)
    factor, offset = np.float32((RELIEF - 1) / 2 / SPAN), np.float32((RELIEF - 1) / 2)
    for _ in range(STEPS):
        reach = np.maximum(radius * radius, distance)
        t = cv2.sqrt((reach - distance) / squared)
        inverse = 1 / cv2.sqrt(reach)
        z = np.maximum((nearest[2] + t * way[2]) * inverse, np.float32(-0.95))
        inverse *= cv2.sqrt(2 / (1 + z)) * factor
        x = (nearest[0] + t * way[0]) * inverse + offset
        y = (nearest[1] + t * way[1]) * inverse + offset
        radius = cv2.remap(head.radius, x, y, cv2.INTER_LINEAR)
    edge = (radius - cv2.sqrt(distance)) * np.float32(scale * head.axes[:2].mean())
    return x, y, np.clip(edge + 0.5, 0, 1)


def _lit(identity, scene, x, y):
    """The head's colours where the rays end, in the light of the scene."""
    light = cv2.remap(_light_map(identity.head, scene), x, y, cv2.INTER_LINEAR)
    factor = np.float32((TEXTURE - 1) / (RELIEF - 1))
    texture = _paint_expression(identity, scene)
    image = cv2.remap(texture, x * factor, y * factor, cv2.INTER_LINEAR)
    scattered, mirrored = cv2.split(light)
    return image * _three(scattered) + _three(mirrored)


def _three(channel):
    """A channel for each of red, green and blue; NumPy's broadcasting is slower."""
    return cv2.merge([channel] * 3)


def _light_map(head, scene):
    """Light that the surface scatters and that it mirrors, `(RELIEF, RELIEF, 2)`."""
    light = (scene.light @ scene.turn).astype("float32")  # as the head sees it
    between = light + scene.turn[2].astype("float32")
    between /= math.sqrt(between @ between)
    falling = cv2.transform(head.normals, light[None])
    flat = math.hypot(light[0], light[1])
    # Shadow: what lies towards the light stands out further than the light's ray rises
    # above the ball.
    height = cv2.transform(_directions(), light[None])
    rise = height / cv2.sqrt(np.maximum(1 - height * height, np.float32(0.05)))
    over = np.float32(0)
    for far in (0.09, 0.17, 0.28):
        dx, dy = -far * light[:2] / max(flat, 1e-3) * RELIEF / 2 / SPAN
        moved = cv2.warpAffine(
            head.radius,
            np.float32([[1, 0, dx], [0, 1, dy]]),
            (RELIEF, RELIEF),
            borderMode=cv2.BORDER_REPLICATE,
        )
        moved -= head.radius
        moved -= np.float32(far) * (rise + np.float32(far / 2))
        over = np.maximum(over, moved)
    open_to_light = 1 - np.minimum(cv2.blur(over, (3, 3)) * np.float32(12), 0.85)
    direct = np.float32(1.4 * (1.08 - scene.ambient))
    scattered = np.maximum(falling, 0) * open_to_light * direct
    up = head.normals[..., 1] * np.float32(-0.1 * scene.ambient)
    scattered += up + np.float32(scene.ambient)
    mirrored = np.maximum(cv2.transform(head.normals, between[None]), 0)
    mirrored = cv2.pow(mirrored, 24) * head.shine * open_to_light
    return cv2.merge([scattered, mirrored * (45 * direct)])


def _landmark_places(traits, scene):
    """Places on the map of `LANDMARKS`."""
    eye, eye_y = traits["eye_x"], traits["eye_y"]
    corner, corner_y = _mouth_corner(traits, scene)
    eyes = [(-eye, eye_y), (eye, eye_y)]
    return [*eyes, (0, traits["nose_y"]), (-corner, corner_y), (corner, corner_y)]


def _mouth_corner(traits, scene):
    half = traits["mouth_width"] * (1 + 0.16 * scene.smile - 0.1 * scene.mouth_open)
    return half, traits["mouth_y"] - 0.06 * scene.smile + 0.02 * scene.mouth_open


def _parabola_weights(num=9):
    t = np.linspace(0, 1, num)
    side = t * (1 - t)
    return np.stack([(1 - t) ** 2 - side, 4 * side, t**2 - side], axis=1)


WEIGHTS = _parabola_weights()


def _curve(start, through, stop):
    """A parabola from `start` to `stop`, half way `through` a point, `(9, 2)`."""
    return WEIGHTS @ np.array((start, through, stop))


def _paint_expression(identity, scene):
    """The texture with eyes, brows and mouth as they are in one picture."""
    paint = _Paint(identity.head.texture.copy())
    _paint_eyes(paint, identity, scene)
    _paint_brows(paint, identity, scene)
    _paint_mouth(paint, identity, scene)
    return paint.image


def _paint_eyes(paint, identity, scene):
    traits, skin = identity.traits, identity.skin
    x, y, half = traits["eye_x"], traits["eye_y"], traits["eye_width"]
    gap = traits["eye_height"] * scene.lids * (1 - 0.2 * max(scene.smile, 0))
    inner, outer = (x - half, y + 0.01), (x + half, y - traits["eye_slant"])
    upper = _curve(inner, (x, y - 0.95 * gap), outer)
    lower = _curve(inner, (x, y + 0.6 * gap), outer)
    above = _curve((inner[0], y - 0.02), (x, y - 0.16), (outer[0], outer[1] - 0.03))
    below = _curve((inner[0], y + 0.03), (x, y + 0.15), (outer[0], outer[1] + 0.02))
    ball = np.concatenate([upper, lower[::-1]])
    # The lids cover what of the iris is beyond them.
    lids = np.concatenate([upper, above[::-1]]), np.concatenate([lower, below[::-1]])
    crease = upper[1:-1] - (0, 0.03 + 0.025 * traits["crease"])

    iris = traits["iris"]
    for sign in (-1, 1):
        mirror = np.array([sign, 1])
        paint.polygon(ball * mirror, (226, 222, 218))
        gaze = 0.07 * scene.gaze[0], 0.03 * scene.gaze[1] - 0.012
        place = np.array([sign * x + gaze[0], y + gaze[1]])
        paint.disc(place, iris, identity.iris * 0.6)
        paint.disc(place, 0.8 * iris, identity.iris)
        paint.disc(place, 0.42 * iris, (12, 10, 10))
        glint = place + np.array([0.4 * iris * scene.light[0], -0.35 * iris])
        paint.disc(glint, 0.2 * iris, (245, 245, 245))
        paint.polygon(lids[0] * mirror, skin * (0.88, 0.82, 0.8))
        paint.polygon(lids[1] * mirror, skin * (0.94, 0.88, 0.87))
        paint.line(upper * mirror, 0.03, skin * (0.32, 0.26, 0.25))
        paint.line(lower * mirror, 0.012, skin * (0.68, 0.56, 0.54))
        if traits["crease"] > 0.35:
            paint.line(crease * mirror, 0.012, skin * (0.66, 0.56, 0.54))


def _paint_brows(paint, identity, scene):
    traits, skin = identity.traits, identity.skin
    y = traits["eye_y"] - traits["brow_y"] - 0.05 * scene.brows
    inner, length = traits["brow_gap"], traits["brow_length"]
    tilt, thick = traits["brow_tilt"], traits["brow_thick"]
    peak = (inner + 0.55 * length, y - traits["brow_arch"] - 0.5 * tilt)
    spine = _curve((inner, y + tilt), peak, (inner + length, y + 0.05 - tilt))
    rise = np.zeros_like(spine)
    rise[:, 1] = thick * np.linspace(1, 0.25, len(spine))
    rise[0] *= 0.7
    color = np.minimum(0.8 * identity.hair + 0.15 * skin, 0.75 * skin)
    outline = np.concatenate([spine - rise, (spine + rise)[::-1]])
    for sign in (-1, 1):
        paint.polygon(outline * (sign, 1), color)


def _paint_mouth(paint, identity, scene):
    traits, skin = identity.traits, identity.skin
    red, smile, gap = traits["lip_color"], max(scene.smile, 0), 0.2 * scene.mouth_open
    stretch = 1 - 0.2 * smile
    upper, lower = traits["upper_lip"] * stretch, traits["lower_lip"] * stretch
    half, corner = _mouth_corner(traits, scene)
    left, right = (-half, corner), (half, corner)
    sag = traits["mouth_y"] + 0.025 * smile  # the line between the lips
    top = sag - 0.25 * gap
    line = _curve(left, (0, top), right)
    floor = _curve(left, (0, sag + 0.9 * gap), right)
    bottom = _curve(left, (0, sag + 0.9 * gap + lower), right)
    bow = [left, (-0.55 * half, top - 0.75 * upper), (-0.2 * half, top - 1.1 * upper)]
    bow = _smooth([*bow, (0, top - 0.85 * upper)], 3)
    bow = np.concatenate([bow, bow[-2::-1] * (-1, 1)])
    lips = skin * (0.92, 0.72 - 0.12 * red, 0.72 - 0.1 * red)
    paint.polygon(np.concatenate([bow, line[::-1]]), lips * 0.86)
    if gap:
        paint.polygon(np.concatenate([line, floor[::-1]]), (62.0, 22.0, 24.0))
        if smile or gap > 0.1:
            ends = (-0.8 * half, corner), (0.8 * half, corner)
            teeth = _curve(ends[0], (0, top + min(0.07, 0.6 * gap)), ends[1])
            paint.polygon(np.concatenate([line[1:-1], teeth[::-1]]), (226, 220, 208))
    paint.polygon(np.concatenate([floor, bottom[::-1]]), lips)
    paint.line(line, 0.016, skin * (0.48, 0.3, 0.3))
    if gap:
        paint.line(floor, 0.012, skin * (0.6, 0.38, 0.38))


def _wear_glasses(image, identity, scene, middle, scale):
    """Draws glasses on a picture."""
    wide, high, power, thick, *frame = identity.glasses.tolist()
    traits, head = identity.traits, identity.head
    ear_y = traits["eye_y"] - 0.05
    eye, ear = head.places([(traits["eye_x"], traits["eye_y"]), (1.08, ear_y)])
    radius = traits["eye_width"] * head.axes[0] * wide
    tall = 0.085 * head.axes[1] * high
    angles = np.linspace(0, 2 * math.pi, 28)
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rim = unit * (np.abs(unit) ** power).sum(axis=1, keepdims=True) ** (-1 / power)
    rim = rim * (radius, tall)
    front, y = eye[2] + 0.14, eye[1] + 0.03
    thickness = max(1, round(thick * scale))

    def pixels(points):
        seen = np.asarray(points) @ scene.turn[:2].T * scale + middle
        return [np.rint(seen * 16).astype("int32")]

    def draw(points):
        cv2.polylines(image, pixels(points), False, frame, thickness, cv2.LINE_AA, 4)

    share, tint = (0.88, (25, 25, 30)) if scene.glasses == "dark" else (0.1, (230,) * 3)
    glass, rims = image.copy(), []
    for sign in (-1, 1):
        # A little wound about the face.
        z = front - 0.12 * np.abs(rim[:, :1] + sign * 0.3 * radius)
        rims.append(np.concatenate([np.add(rim, (sign * eye[0], y)), z], axis=1))
        cv2.fillPoly(glass, pixels(rims[-1]), tint, shift=4)
    cv2.addWeighted(glass, share, image, 1 - share, 0, dst=image)
    for sign, points in zip((-1, 1), rims, strict=True):
        draw(points)
        if sign * scene.turn[2, 0] > -0.1:  # else the head hides it
            hinge = (sign * (eye[0] + radius), y - 0.3 * tall, front - 0.1)
            draw([hinge, ear * (sign, 1, 1)])
    inner = eye[0] - radius
    draw(
        [
            (-inner, eye[1], front),
            (0, eye[1] - 0.04, front + 0.03),
            (inner, eye[1], front),
        ]
    )
