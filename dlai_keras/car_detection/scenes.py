"""Streets, drawn: roads in perspective with cars, lorries, people and traffic lights.

A scene is built on a ground plane in metres and seen through a camera, so that sizes
follow the distance; what stands near hides what is farther off. Every object is drawn
with a number of its own beside its colour, and its box bounds, to half a pixel, what
can be seen of it: neither what something hides, nor what the picture's edge cuts off,
nor its shadow or the glow of its lamps.

An object is marked as `ignored`, counting neither way, if more than 35 % of what lies
in the picture are hidden, as among the "reasonable" of the Caltech pedestrians, or if
its box is less than 12 pixels long or less than 10 pixels across (`COUNTED`). A box
less than 6 pixels long is left out. To train on, more is worth knowing (`LEARNED`): who
was never told how large the small ones are sees them too large.

Reference:
    Drawn streets as training data: Johnson-Roberson et al., "Driving in the Matrix",
    2017, arXiv:1610.01983. Domain randomisation: Tobin et al., 2017, arXiv:1703.06907.
    What is reasonable: Dollar et al., "Pedestrian detection: an evaluation of the state
    of the art", 2012.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from dlai_keras import rendering
from dlai_keras.car_detection import street, vehicles
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages
from dlai_keras.processes import Workers

CLASSES = street.CLASSES
SIZE = (192, 320)
SUPERSAMPLING = 2  # scenes are drawn at so many times the picture's resolution
BLOCK = 16  # pictures that a process draws at a time
LEFT_OUT = 6  # pixels; what is shorter has no box at all
NEAR = 0.5  # metres before the camera; what is nearer is cut off
DETAILS = 18  # pixels; what is less tall is drawn without them
SHADOWS = 4  # shadows are drawn at so many times less the resolution
SHIFT = rendering.SHIFT
LIMIT = 2**24  # fixed-point pixels; OpenCV draws nothing beyond 2^26


class Limits(NamedTuple):
    """Beyond which an object is `ignored`.

    Args:
        shortest: pixels along the longer side of its box.
        narrowest: pixels along the shorter one.
        hidden: largest share of it.
    """

    shortest: float
    narrowest: float
    hidden: float


COUNTED = Limits(shortest=12, narrowest=10, hidden=0.35)
LEARNED = Limits(shortest=8, narrowest=5, hidden=0.6)


def make_street_scenes(
    seed: int,
    num: int,
    *,
    size: tuple[int, int] = SIZE,
    limits: Limits = COUNTED,
    workers: int = 1,
) -> AnnotatedImages:
    """Draws a set of street scenes.

    Scene i depends on the seed, the size and on i, not on `num` or `workers`.

    Args:
        seed: 0 or more.
        num: how many, 0 or more.
        size: height and width, pixels, 64 or more each.
        limits: of what counts; pictures and boxes are the same with any.
        workers: processes that draw; 1 draws in this one.

    Returns:
        The scenes, each with its picture in memory.

    Raises:
        ValueError: for a negative seed or number, no worker, or too small a size.

    Example:
        >>> scenes = make_street_scenes(0, 2, size=(96, 160))
        >>> scenes[0].image.shape, scenes.class_names[0]
        ((96, 160, 3), 'car')
    """
    scenes = list(
        iterate_street_scenes(seed, num, size=size, limits=limits, workers=workers)
    )
    return AnnotatedImages(scenes, list(CLASSES))


def iterate_street_scenes(
    seed: int,
    num: int,
    *,
    size: tuple[int, int] = SIZE,
    limits: Limits = COUNTED,
    workers: int = 1,
) -> Iterator[AnnotatedImage]:
    """Draws the scenes of `make_street_scenes` one by one.

    Args:
        seed: 0 or more.
        num: how many, 0 or more.
        size: height and width, pixels, 64 or more each.
        limits: of what counts; pictures and boxes are the same with any.
        workers: processes that draw; 1 draws in this one.

    Returns:
        An iterator over scenes.

    Raises:
        ValueError: as `make_street_scenes`.
    """
    for name, value, least in (("seed", seed, 0), ("num", num, 0)):
        if value < least:
            raise ValueError(
                f"`{name}` must be {least} or more. Received: {name}={value}."
            )
    if workers < 1:
        raise ValueError(f"`workers` must be 1 or more. Received: workers={workers}.")
    size = _checked_size(size)
    return _iterate(int(seed), int(num), size, limits, 0 if workers == 1 else workers)


def _checked_size(size):
    if np.shape(size) != (2,) or min(size) < 64:
        raise ValueError(
            "`size` must be a height and a width of 64 pixels or more. Received: "
            f"size={size}."
        )
    return int(size[0]), int(size[1])


def _iterate(seed, num, size, limits, workers):
    block = BLOCK if workers else 1
    blocks = (range(first, min(first + block, num)) for first in range(0, num, block))
    with Workers(functools.partial(_draw_block, seed, size, limits), workers) as pool:
        for scenes in pool.map(blocks):
            yield from scenes


def _draw_block(seed, size, limits, indices):
    return [
        draw_street_scene(
            np.random.default_rng((seed, index)), size=size, limits=limits
        )
        for index in indices
    ]


def draw_street_scene(
    rng: np.random.Generator,
    *,
    size: tuple[int, int] = SIZE,
    limits: Limits = COUNTED,
) -> AnnotatedImage:
    """Draws one scene.

    Args:
        rng: draws everything.
        size: height and width, pixels, 64 or more each.
        limits: of what counts.

    Returns:
        The scene, with `image` uint8 RGB `(height, width, 3)`, boxes of what is seen of
        each object, nearest first, and `areas` the numbers of pixels that are seen.

    Raises:
        ValueError: the size is too small.

    Example:
        >>> scene = draw_street_scene(np.random.default_rng(0))
        >>> scene.size, scene.boxes_xyxy.shape[1]
        ((192, 320), 4)
    """
    canvas, things = compose(rng, _checked_size(size))
    canvas.things(things)
    return canvas.photograph(rng, limits)


def compose(rng: np.random.Generator, size: tuple[int, int]) -> tuple["Canvas", list]:
    """A canvas with sky and ground, and the things that are to be drawn on it."""
    air = Air.draw(rng)
    view = View.draw(rng, size)
    road = street.Street.draw(rng, view.kind, view.yaw)
    canvas = Canvas(view, air)
    canvas.sky(rng)
    canvas.ground(street.ground(rng, road, is_wet=air.rain > 0))
    things = street.surroundings(rng, road, is_dark=air.time != "day")
    things += street.Traffic(rng, road, air.are_lights_on).things
    return canvas, things


# Light, weather, camera


@dataclass
class Air:
    """Time of day, weather, and the light they make.

    Attributes:
        time: "day", "dusk" or "night".
        ambient: light from everywhere, 1 is a bright day.
        sun: further light on a face that looks at the sun.
        toward: unit vector to the sun: right, up, forwards.
        tint: colour of the light, RGB about 1.
        haze: metres after which two thirds of a colour are gone.
        horizon: colour of the sky there, and of the haze.
        zenith: colour of the sky at the top of a picture.
        rain: 0 or how strong.
    """

    time: str
    ambient: float
    sun: float
    toward: np.ndarray
    tint: np.ndarray
    haze: float
    horizon: np.ndarray
    zenith: np.ndarray
    rain: float

    @classmethod
    def draw(cls, rng):
        kind = rng.random()
        time = "day" if kind < 0.65 else "dusk" if kind < 0.8 else "night"
        rain = rng.uniform(0.3, 1) if rng.random() < 0.15 else 0.0
        angle = rng.uniform(0, 2 * math.pi)
        toward = np.array([math.cos(angle), rng.uniform(0.4, 1.2), math.sin(angle)])
        toward /= np.linalg.norm(toward)
        haze = rng.uniform(150, 900)
        if time == "day":
            is_clear = rng.random() < 0.55 and not rain
            ambient, sun = (0.72, 0.38) if is_clear else (0.86, 0.08)
            gray = rng.uniform(165, 235)
            horizon = np.array([gray * 0.97, gray, gray * 1.04])
            zenith = np.full(3, gray * rng.uniform(0.75, 1.0))
            if is_clear:
                zenith = np.array([85, 135, 205]) * rng.uniform(0.8, 1.15)
            tint = 1 + rng.normal(0, 0.03, 3)
        elif time == "dusk":
            ambient, sun = rng.uniform(0.5, 0.7), rng.uniform(0, 0.15)
            warm = rng.random()
            horizon = np.array([175 + 60 * warm, 150, 150 - 50 * warm])
            horizon *= rng.uniform(0.6, 0.95)
            zenith = np.array([75, 90, 130]) * rng.uniform(0.6, 1.2)
            tint = np.array([1.04, 0.98, 1.0]) + rng.normal(0, 0.04, 3)
        else:
            ambient, sun = rng.uniform(0.3, 0.5), 0.0
            horizon = np.array([42, 40, 46]) * rng.uniform(0.4, 1.4)
            zenith = np.array([14, 16, 28]) * rng.uniform(0.3, 1.2)
            tint = np.array([1.12, 0.98, 0.8]) + rng.normal(0, 0.05, 3)
        if rng.random() < (0.5 if rain else 0.08):
            haze = rng.uniform(35, 110)
            zenith = 0.3 * zenith + 0.7 * horizon
        return cls(time, ambient, sun, toward, tint, haze, horizon, zenith, rain)

    @property
    def are_lights_on(self):
        return self.time != "day" or self.rain > 0


@dataclass
class View:
    """The camera: where it stands over the road, where it looks.

    Attributes:
        size: height and width of the picture, pixels.
        height: of the camera, metres.
        focal: pixels.
        horizon: row of the horizon, pixels.
        yaw: to the right of the road's direction, radians.
        kind: "driver", "pavement" or "bridge".
    """

    size: tuple[int, int]
    height: float
    focal: float
    horizon: float
    yaw: float
    kind: str

    @classmethod
    def draw(cls, rng, size):
        height, width = size
        kind = rng.random()
        kind = "driver" if kind < 0.66 else "pavement" if kind < 0.88 else "bridge"
        field_of_view = rng.uniform(48 if kind == "driver" else 58, 74)
        focal = 0.5 * width / math.tan(math.radians(field_of_view / 2))
        yaw, up, horizon = rng.normal(0, 0.05), rng.uniform(1.15, 1.9), None
        if kind == "driver":
            up = rng.uniform(2, 2.8) if rng.random() < 0.2 else up
            horizon = rng.uniform(0.32, 0.56)
        elif kind == "pavement":
            up = rng.uniform(1.3, 2.2)
            yaw = rng.choice([-1, 1]) * rng.uniform(0.15, 1.1)
            horizon = rng.uniform(0.3, 0.5)
        else:
            up = rng.uniform(3.5, 7.5)
            yaw = rng.normal(0, 0.3)
            horizon = rng.uniform(0.1, 0.32)
        return cls((height, width), up, focal, horizon * height, yaw, kind)


class Pose(NamedTuple):
    """How a thing stands before the camera, metres."""

    right: float
    ahead: float
    sine: float
    cosine: float
    up: float

    def distance(self, z: float = 0.0) -> float:
        """Of a point of the thing that is `z` before its middle."""
        return math.hypot(self.right + z * self.sine, self.ahead + z * self.cosine)


class Shapes(NamedTuple):
    """Polygons that are to be filled, one after the other."""

    spans: np.ndarray  # first corner and the one after the last
    colors: np.ndarray  # of four channels
    part_of: np.ndarray
    is_convex: np.ndarray
    low: np.ndarray  # least x and y
    high: np.ndarray


class Canvas:
    """Draws things, far ones first, in colours and in numbers.

    Four channels of uint8 at `SUPERSAMPLING` times the resolution: red, green, blue,
    and the number of the object that a pixel belongs to, 0 for none.
    """

    def __init__(self, view, air):
        self.view, self.air = view, air
        height, width = view.size
        self.rows, self.columns = SUPERSAMPLING * height, SUPERSAMPLING * width
        self.focal = SUPERSAMPLING * view.focal
        self.horizon = SUPERSAMPLING * view.horizon
        self.pixels = np.zeros((self.rows, self.columns, 4), "uint8")
        self.objects = []  # thing, number of pixels, window
        self.lamps = []  # what may shine: x, y, kind, metres ahead
        self.sine, self.cosine = math.sin(view.yaw), math.cos(view.yaw)

    def sky(self, rng):
        """Fills everything above the horizon, with clouds by day."""
        air = self.air
        rows = int(np.clip(self.horizon + 2, 4, self.rows))
        size = self.columns // 4, rows // 4  # there is nothing sharp in it
        share = np.linspace(1, 0, size[1], dtype="float32")[:, None, None] ** 0.8
        sky = air.horizon + (air.zenith - air.horizon) * share
        sky = np.broadcast_to(sky, (*size[::-1], 3)).astype("float32")
        if air.time != "night" and rng.random() < 0.6:
            cells = int(rng.integers(3, 7)), int(rng.integers(3, 7))
            clouds = rng.standard_normal(cells, "float32")
            clouds = cv2.resize(clouds, size, interpolation=cv2.INTER_CUBIC)
            clouds = np.clip(clouds, 0, 2) * np.float32(rng.uniform(0.1, 0.4))
            white = air.horizon * 0.6 + 100 * min(air.ambient, 1)
            sky += (white.astype("float32") - sky) * clouds[..., None] * share
        sky = np.clip(sky, 0, 255).astype("uint8")
        self.pixels[:rows, :, :3] = cv2.resize(sky, (self.columns, rows))

    # Geometry: right, up from the camera, forwards; metres

    def _turn(self, u, v):
        return u * self.cosine - v * self.sine, u * self.sine + v * self.cosine

    def _project(self, places):
        """Fixed-point pixels int32 `(..., 2)` of places `(..., 3)` in the view."""
        scale = 2**SHIFT * self.focal / places[..., 2]
        pixels = np.empty((*places.shape[:-1], 2))
        middle = 2**SHIFT * (self.columns - 1) / 2
        pixels[..., 0] = middle + scale * places[..., 0]
        pixels[..., 1] = 2**SHIFT * (self.horizon - 0.5)
        pixels[..., 1] -= scale * places[..., 1]
        return np.clip(np.rint(pixels), -LIMIT, LIMIT).astype("int32")

    def _lit(self, colors, normals, ahead):
        """Colours `(num, 3)` in the light there is, and behind the haze."""
        air = self.air
        light = air.ambient + air.sun * np.maximum(normals @ air.toward, 0)
        light *= 0.86 + 0.14 * normals[:, 1]
        if air.time != "day" and self.view.kind == "driver":  # our own headlights
            toward = np.maximum(-normals[:, 2], 0) + 0.4 * np.maximum(normals[:, 1], 0)
            light += (0.9 - air.ambient) * toward * np.exp(-np.maximum(ahead, 0) / 14)
        colors = colors * light[:, None] * air.tint
        share = np.exp(-np.maximum(ahead, 0) / air.haze)[:, None]
        return np.clip(air.horizon + (colors - air.horizon) * share, 0, 255)

    def ground(self, shapes):
        """Fills polygons on the ground, as `street.ground` gives them."""
        corners = np.array([corners for corners, _ in shapes], "float64")
        right, ahead = self._turn(corners[..., 0], corners[..., 1])
        places = np.stack([right, np.full_like(right, -self.view.height), ahead], -1)
        colors = np.array([color for _, color in shapes], "float64")
        middle = np.maximum(np.median(ahead, axis=1), NEAR)
        up = np.broadcast_to([0.0, 1.0, 0.0], colors.shape)
        colors = self._lit(colors, up, middle).tolist()
        flat, spans = _before(places.reshape(-1, 3), np.full(len(colors), 4))
        pixels = self._project(flat)
        for color, (start, stop) in zip(colors, spans.tolist(), strict=True):
            if start < stop:
                cv2.fillConvexPoly(
                    self.pixels, pixels[start:stop], (*color, 0), shift=SHIFT
                )

    # Things

    def things(self, things):
        """Draws things, far ones first, and notes what each object covers."""
        placed, slope = [], 0.5 * self.columns / self.focal
        for thing in things:
            right, ahead = self._turn(thing.u, thing.v)
            reach = max(model.reach for model in thing.models)
            if ahead + reach < NEAR:
                continue
            if abs(right) - 1.4 * reach > slope * (ahead + reach):
                continue
            angle = thing.heading - self.view.yaw
            if thing.is_flat:
                angle = math.atan2(right, max(ahead, 1e-3))
            pose = Pose(right, ahead, math.sin(angle), math.cos(angle), thing.up)
            placed.append((thing, pose))
        # What is behind everything comes first.
        placed.sort(key=lambda one: (not one[0].is_behind, -one[1].distance()))
        self._cast_shadows([one for one in placed if one[0].has_shadow])
        parts = []
        for thing, pose in placed:
            models = thing.models
            if len(models) > 1:  # the far part first
                models = sorted(models, key=lambda m, p=pose: -p.distance(m.centre))
            parts += [(model, thing, pose) for model in models]
        if parts:
            self._draw(parts)

    def _cast_shadows(self, placed):
        """Darkens the ground below things, and where they keep the sun off it."""
        if not placed:
            return
        air, shade = self.air, np.zeros(np.array(self.pixels.shape[:2]) // SHADOWS)
        shade = shade.astype("uint8")
        depth = 255 * (0.5 if air.time == "night" else 0.72)
        away = -0.8 * air.toward[[0, 2]] / max(air.toward[1], 0.6)
        # Corners of what they stand on, then those moved away from the sun.
        feet = np.array([vehicles.footprint(thing.models) for thing, _ in placed])
        flat = np.array([thing.is_flat for thing, _ in placed])
        feet[flat] = (-0.2, 0.2, -0.15, 0.15, 1.6)
        pose = np.array([pose for _, pose in placed])
        right, ahead, sine, cosine = pose.T[:4, :, None]
        x, z = feet[:, [0, 1, 1, 0]] * 1.06, feet[:, [2, 2, 3, 3]] * 1.03
        base = np.stack([right + x * cosine + z * sine, ahead - x * sine + z * cosine])
        base = base.transpose(1, 2, 0)
        moved = base + np.minimum(feet[:, 4], 3)[:, None, None] * away
        outlines = np.concatenate([base, moved], axis=1)
        places = np.insert(outlines, 1, -self.view.height, axis=-1)
        pixels = self._project(np.maximum(places, (-np.inf, -np.inf, NEAR))) // SHADOWS
        is_far = outlines[..., 1] > NEAR
        for outline, good in zip(pixels, is_far, strict=True):
            if good[:4].all():
                cv2.fillConvexPoly(shade, outline[:4], depth, shift=SHIFT)
            if air.sun > 0.2 and good.all():
                hull = cv2.convexHull(outline)
                cv2.fillConvexPoly(shade, hull, depth, shift=SHIFT)
        top = int(min(max(self.horizon, 0), self.rows - 1))
        soft = 255 - cv2.blur(shade, (3, 3))
        soft = cv2.resize(soft, (self.columns, self.rows))[top:]
        # Numbers in the fourth channel are still 0.
        self.pixels[top:] = cv2.multiply(
            self.pixels[top:], cv2.merge([soft] * 4), scale=1 / 255
        )

    def _draw(self, parts):
        """Draws parts in their order: model, thing, pose."""
        things = [thing for _, thing, _ in parts]
        is_new = [
            i == 0 or thing is not things[i - 1] for i, thing in enumerate(things)
        ]
        numbers = []
        for thing, new in zip(things, is_new, strict=True):
            if new and thing.class_id is not None:
                self.objects.append([thing, 0, None])
            numbers.append(len(self.objects) if thing.class_id is not None else 0)
        corners, shapes = self._shapes(parts, np.array(numbers))
        if shapes is None:
            return
        polygons = [corners[a:b] for a, b in shapes.spans.tolist()]
        colors, is_convex = shapes.colors.tolist(), shapes.is_convex.tolist()
        firsts = np.nonzero(is_new)[0]
        bounds = np.searchsorted(shapes.part_of, [*firsts, len(parts)]).tolist()
        for number, start, stop in zip(
            [numbers[i] for i in firsts], bounds, bounds[1:], strict=False
        ):
            for i in range(start, stop):
                if is_convex[i]:  # which is quicker
                    cv2.fillConvexPoly(self.pixels, polygons[i], colors[i], shift=SHIFT)
                else:
                    cv2.fillPoly(self.pixels, [polygons[i]], colors[i], shift=SHIFT)
            if number and start < stop:
                low = shapes.low[start:stop].min(axis=0)
                high = shapes.high[start:stop].max(axis=0)
                self._note(number, low, high)

    def _corners(self, parts):
        """Corners `(num_faces, 4, 3)` of all parts, as the camera has them."""
        pose = np.array([pose for *_, pose in parts])
        pose = np.repeat(pose, [len(part[0].corners) for part in parts], axis=0)
        right, ahead, sine, cosine, up = pose.T[..., None]
        own = np.concatenate([model.corners for model, *_ in parts]).astype("float64")
        x, y, z = own[..., 0], own[..., 1], own[..., 2]
        corners = np.empty_like(own)
        corners[..., 0] = right + x * cosine + z * sine
        corners[..., 1] = y + up - self.view.height
        corners[..., 2] = ahead - x * sine + z * cosine
        return corners

    def _shapes(self, parts, numbers):
        """What can be seen of all that is painted on the parts, all at once.

        Returns:
            Fixed-point pixels of corners, and `Shapes`, which are spans of them; None
            where nothing can be seen.
        """
        models = [model for model, *_ in parts]

        def gather(name):
            return np.concatenate([getattr(model, name) for model in models])

        corners = self._corners(parts)
        normals = np.cross(corners[:, 3] - corners[:, 0], corners[:, 1] - corners[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        middle = corners.mean(axis=1)
        is_seen = (normals * middle).sum(axis=1) < 0
        is_seen &= corners[..., 2].max(axis=1) > NEAR

        num_polygons = [len(model.counts) for model in models]
        part_of = np.repeat(np.arange(len(parts)), num_polygons)
        first = np.cumsum([0, *(len(model.corners) for model in models[:-1])])
        faces = gather("faces") + np.repeat(first, num_polygons)
        tall = np.array([model.high[1] - model.low[1] for model in models])
        tall *= self.view.focal / np.maximum([pose.ahead for *_, pose in parts], NEAR)
        keep = is_seen[faces] & ~(gather("fine") & (tall < DETAILS)[part_of])
        if not keep.any():
            return None, None
        counts = gather("counts")
        shares = gather("shares")[np.repeat(keep, counts)].astype("float64")
        faces, counts, part_of = faces[keep], counts[keep], part_of[keep]

        s, t = shares[:, :1], shares[:, 1:]
        c = corners[np.repeat(faces, counts)]
        places = (1 - t) * ((1 - s) * c[:, 0] + s * c[:, 1])
        places += t * ((1 - s) * c[:, 3] + s * c[:, 2])
        places, spans = _before(places, counts)
        pixels = self._project(places)
        paint = np.array([thing.paint for _, thing, _ in parts], "float64")
        colors = gather("base")[keep] + gather("gain")[keep] * paint[part_of]
        ahead = middle[faces, 2]
        colors = self._lit(colors, normals[faces], ahead)

        lamps = gather("lamps")[keep]
        is_lit = np.zeros((len(parts), len(KINDS)), bool)
        for i, (_, thing, _) in enumerate(parts):
            if thing.lamps:
                is_lit[i] = [kind in thing.lamps for kind in KINDS]
        is_lit = is_lit[part_of, lamps]
        colors[is_lit] = SHINE[lamps[is_lit]]
        colors = np.concatenate([colors, numbers[part_of, None]], axis=1)

        # reduceat takes starts and stops in turn; the last stop may be the end.
        padded = np.concatenate([pixels, pixels[-1:]])
        low = np.minimum.reduceat(padded, spans.ravel())[::2]
        high = np.maximum.reduceat(padded, spans.ravel())[::2]
        # Not behind, not beside the picture, not less than a pixel of the canvas.
        edge = np.array([self.columns, self.rows]) * 2**SHIFT
        worth = ((high >= 0) & (low < edge)).all(axis=1) & (spans[:, 0] < spans[:, 1])
        worth &= (high - low).max(axis=1) >= 2**SHIFT
        for i in np.nonzero(worth & is_lit)[0]:
            x, y = (low[i] + high[i]) // 2 ** (SHIFT + 1)
            self.lamps.append((int(x), int(y), KINDS[lamps[i]], float(ahead[i])))
        is_convex = gather("convex")[keep]
        shapes = (spans, colors, part_of, is_convex, low, high)
        return pixels, Shapes(*(values[worth] for values in shapes))

    def _note(self, number, low, high):
        """Notes how many pixels an object has that was just drawn, and where."""
        limit = self.columns, self.rows
        left, top = np.clip(low // 2**SHIFT - 1, 0, limit).tolist()
        right, bottom = np.clip(high // 2**SHIFT + 3, 0, limit).tolist()
        if left < right and top < bottom:
            window = slice(top, bottom), slice(left, right)
            whole = cv2.countNonZero(self._mask(window, number))
            self.objects[number - 1][1:] = whole, window

    def _mask(self, window, number):
        return cv2.inRange(cv2.extractChannel(self.pixels[window], 3), number, number)

    def look(self, number):
        """The box of what is seen of an object, and how much of it that is.

        Args:
            number: from 1, as in the fourth channel of `pixels`.

        Returns:
            Box `(4,)`, seen pixels before they are scaled down, and all pixels; or None
            where nothing is seen.
        """
        _, whole, window = self.objects[number - 1]
        if not whole:
            return None
        mask = self._mask(window, number)
        seen = cv2.countNonZero(mask)
        if not seen:
            return None
        left, top, width, height = cv2.boundingRect(mask)
        left, top = left + window[1].start, top + window[0].start
        box = np.array([left, top, left + width, top + height]) / SUPERSAMPLING
        return box, seen, whole

    def annotate(self, limits=COUNTED):
        """Boxes, classes, ignored, areas of what can be seen, nearest first."""
        boxes, class_ids, ignored, areas = [], [], [], []
        for number in range(len(self.objects), 0, -1):
            found = self.look(number)
            if found is None:
                continue
            box, seen, whole = found
            short, long = sorted(box[2:] - box[:2])
            if long < LEFT_OUT or short < 2:
                continue
            is_small = long < limits.shortest or short < limits.narrowest
            boxes.append(box)
            class_ids.append(self.objects[number - 1][0].class_id)
            ignored.append(is_small or seen < (1 - limits.hidden) * whole)
            areas.append(seen / SUPERSAMPLING**2)
        return boxes, class_ids, ignored, areas

    # Camera

    def photograph(self, rng, limits=COUNTED):
        """What the camera makes of it, with its annotation."""
        boxes, class_ids, ignored, areas = self.annotate(limits)
        height, width = self.view.size
        image = cv2.resize(
            cv2.merge(cv2.split(self.pixels)[:3]),
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        image = self._texture(rng, image.astype("float32"))
        image = self._glow(image)
        if self.air.rain:
            image = self._rain(rng, image)
        image = _expose(rng, image, self.air)
        return AnnotatedImage(
            np.reshape(boxes, (-1, 4)),
            class_ids,
            size=self.view.size,
            image=image,
            ignored=ignored,
            areas=areas,
        )

    def _texture(self, rng, image):
        """Roughness of the ground, and blotches of light."""
        height, width = self.view.size
        top = int(np.clip(self.view.horizon, 0, height - 1))
        fine = rng.integers(0, 256, (height - top, width // 2), "uint8")
        fine = cv2.resize(fine.astype("float32") - 128, (width, height - top))
        fine *= np.linspace(0.02, 0.13, height - top, dtype="float32")[:, None]
        fine *= np.float32(rng.uniform(0.2, 1) * min(self.air.ambient + 0.1, 1))
        cv2.add(image[top:], cv2.merge([fine] * 3), dst=image[top:])
        blotches = rng.normal(1, rng.uniform(0.01, 0.06), (5, 7)).astype("float32")
        blotches = cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)
        return cv2.multiply(image, cv2.merge([blotches] * 3))

    def _glow(self, image):
        """Light around lamps that are seen."""
        if not self.lamps:
            return image
        height, width = self.view.size
        rows, columns = height // 2, width // 2
        near = np.zeros((rows, columns, 3), "float32")
        far = np.zeros_like(near)
        scale = 2 * SUPERSAMPLING
        strength = {"day": 0.2, "dusk": 0.6, "night": 0.85}[self.air.time]
        for x, y, lamp, ahead in self.lamps:
            color = vehicles.LAMPS[lamp]
            if not (0 <= x < self.columns and 0 <= y < self.rows):
                continue
            if np.abs(self.pixels[y, x, :3].astype(int) - color).max() > 8:
                continue  # something stands before it
            size = REACH[lamp] * self.focal / max(ahead, 2)
            radius = min(max(size / scale, 0.6), 0.08 * columns)
            centre = round(x / scale * 16), round(y / scale * 16)
            value = tuple(strength * 1.6 * channel for channel in color)
            cv2.circle(near, centre, round(radius * 16), value, -1, shift=4)
            value = tuple(0.5 * channel for channel in value)
            cv2.circle(far, centre, round(2.5 * radius * 16), value, -1, shift=4)
        near = cv2.GaussianBlur(near, (0, 0), 1.0)
        far = cv2.blur(cv2.blur(far, (9, 9)), (13, 13))
        return image + cv2.resize(0.5 * near + 0.8 * far, (width, height))

    def _rain(self, rng, image):
        height, width = self.view.size
        drops = np.zeros((height, width), "uint8")
        slant = rng.normal(0, 0.15)
        for x, y in rng.uniform(0, 1, (int(120 * self.air.rain), 2)):
            length = rng.uniform(0.03, 0.12) * height
            start = int(x * width), int(y * height)
            stop = int(start[0] + slant * length), int(start[1] + length)
            cv2.line(drops, start, stop, 255, 1, cv2.LINE_AA)
        drops = cv2.blur(drops, (1, 3)).astype("float32") / 255
        white = 90 + 110 * self.air.ambient
        return image + (white - image) * (0.22 * drops)[..., None]


KINDS = (None, *vehicles.LAMPS)  # as a model counts lamps
SHINE = np.array([(0, 0, 0), *vehicles.LAMPS.values()])
GRAY = np.tile([0.299, 0.587, 0.114], (3, 1))
REACH = {"head": 0.26, "tail": 0.12, "street": 0.5, "window": 0.1}
REACH |= dict.fromkeys(vehicles.SIGNALS, 0.16)


def _before(places, counts):
    """Cuts off what of many polygons is too near (Sutherland and Hodgman).

    Args:
        places: corners `(num, 3)` of one polygon after the other.
        counts: how many corners each of them has.

    Returns:
        Corners `(num, 3)`, and where each polygon starts and stops among them
        `(num_polygons, 2)`: at once, where nothing is left of it.
    """
    stops = np.cumsum(counts)
    starts = stops - counts
    is_far = places[:, 2] > NEAR
    whole = np.logical_and.reduceat(is_far, starts)
    some = np.logical_or.reduceat(is_far, starts) & ~whole
    cut, num = [], len(places)
    new_starts, new_stops = starts.copy(), np.where(whole, stops, starts)
    for i in np.nonzero(some)[0].tolist():
        points = places[starts[i] : stops[i]].tolist()
        new_starts[i] = num + len(cut)
        for this, that in zip(points, points[1:] + points[:1], strict=True):
            a, b = this[2] - NEAR, that[2] - NEAR
            if a > 0:
                cut.append(this)
            if (a > 0) != (b > 0):
                share = a / (a - b)
                cut.append(
                    [p + (q - p) * share for p, q in zip(this, that, strict=True)]
                )
        new_stops[i] = num + len(cut)
    places = np.where(is_far[:, None], places, NEAR)  # so that all can be projected
    if cut:
        places = np.concatenate([places, cut])
    return places, np.stack([new_starts, new_stops], axis=1)


def _expose(rng, image, air):
    """Colour, contrast, softness and grain of a camera; sometimes JPEG's traces."""
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.75))
    # All that is linear at once.
    gain = rng.uniform(0.8, 1.15) * (rng.uniform(0.9, 1.5) if air.time != "day" else 1)
    contrast, lift = rng.uniform(0.75, 1.1), rng.uniform(0, 18)
    if air.time == "day":
        lift += 110 * (1 - contrast)
    saturation = rng.uniform(0.8, 1.15)
    if rng.random() < 0.15:
        saturation = 0.0 if rng.random() < 0.25 else rng.uniform(0.3, 0.8)
    matrix = saturation * np.eye(3) + (1 - saturation) * GRAY
    matrix = contrast * gain * rng.uniform(0.95, 1.05, (3, 1)) * matrix
    matrix = np.concatenate([matrix, np.full((3, 1), lift)], axis=1)
    image = cv2.transform(image, matrix.astype("float32"))
    grain = rng.uniform(0, 0.09) * (1.5 if air.time == "night" else 1)
    noise = rng.integers(0, 256, image.shape, "uint8")
    image = cv2.addWeighted(image, 1, noise, grain, -127.5 * grain, dtype=cv2.CV_32F)
    image = cv2.add(image, 0, dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        quality = int(rng.integers(45, 95))
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return image
