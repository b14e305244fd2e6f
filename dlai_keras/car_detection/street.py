"""A street on a ground plane, and what stands and drives on it.

Lengths are metres. u goes to the right from the camera's place, v along the road.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from dlai_keras import rendering
from dlai_keras.car_detection import vehicles

CLASSES = ("car", "lorry", "pedestrian", "traffic light")
CAR, LORRY, PEDESTRIAN, LIGHT = range(4)
# How many forms there are of a thing that is annotated, and of one that is not; paint,
# place and light make the rest.
STOCK = 200
SCENERY = 60
MOST = 240  # things that drive and walk; their numbers are of eight bits
# Where a strip along the road is cut, because light and haze change along it.
STEPS = (-60, -8, 1, 4, 7, 10, 14, 20, 28, 40, 60, 90, 150, 320)
BLOB = rendering.arc((0, 0), (1, 1), num=9)[:-1]


@dataclass
class Thing:
    """Something on the street.

    Attributes:
        models: its parts.
        u: where it stands.
        v: the same.
        heading: to the right of the road's direction, radians.
        paint: RGB.
        class_id: its class, or None.
        up: above the ground.
        lamps: names of the lamps that are lit.
        is_flat: it always shows its face.
        has_shadow: it darkens the ground.
        is_behind: drawn before everything that is not.
    """

    models: tuple
    u: float
    v: float
    heading: float = 0.0
    paint: np.ndarray | tuple = (0.0, 0.0, 0.0)
    class_id: int | None = None
    up: float = 0.0
    lamps: frozenset = frozenset()
    is_flat: bool = False
    has_shadow: bool = False
    is_behind: bool = False


@dataclass
class Street:
    """A road, straight or bent, perhaps with one that crosses it.

    Attributes:
        left: u of the road's left edge.
        lane: width of a lane.
        back: number of oncoming lanes.
        ahead: number of lanes in the camera's direction.
        parking: width of the strips for parked cars, left and right, or 0.
        bend: of the road, 1 / metres.
        pavement: width of the pavement, or 0.
        crossing: v of the middle of a road that crosses, or None.
        kind: "city", "suburb" or "highway".
    """

    left: float
    lane: float
    back: int
    ahead: int
    parking: tuple[float, float]
    bend: float
    pavement: float
    crossing: float | None
    kind: str

    @classmethod
    def draw(cls, rng: np.random.Generator, place: str, yaw: float) -> "Street":
        """Draws a street.

        Args:
            rng: draws it.
            place: where the camera is: "driver", "pavement" or "bridge".
            yaw: where it looks, radians to the right.
        """
        kind = rng.random()
        kind = "city" if kind < 0.45 else "suburb" if kind < 0.8 else "highway"
        if place == "pavement" and kind == "highway":
            kind = "city"
        lane = rng.uniform(3.0, 3.7)
        back, ahead = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        if kind == "highway":
            back, ahead = int(rng.integers(0, 3)), int(rng.integers(2, 4))
        parking = tuple(
            2.2 * (kind != "highway" and rng.random() < 0.65) for _ in range(2)
        )
        pavement = rng.uniform(2.0, 4.0) if kind != "highway" else 0.0
        crossing = None
        if kind != "highway" and rng.random() < 0.65:
            crossing = rng.uniform(12, 28)
        bend = rng.normal(0, 0.0012) if rng.random() < 0.6 else 0.0
        if crossing or place != "driver":
            bend = 0.0
        width = lane * (back + ahead) + sum(parking)
        left = -parking[0] - lane * (back + rng.integers(ahead) + rng.uniform(0.4, 0.6))
        if place == "pavement":
            off = rng.uniform(0.5, 2.0)
            # The camera looks across the road.
            left = -width - off if yaw < 0 else off
        elif place == "bridge":
            left = -width * rng.uniform(0.1, 0.9)
        return cls(left, lane, back, ahead, parking, bend, pavement, crossing, kind)

    @property
    def right(self) -> float:
        """The place u of the road's right edge."""
        return self.left + self.lane * (self.back + self.ahead) + sum(self.parking)

    @property
    def junction(self) -> tuple[float, float]:
        """Where, in v, the crossing road begins and ends; infinite without one."""
        if self.crossing is None:
            return math.inf, math.inf
        return self.crossing - 2 * self.lane, self.crossing + 2 * self.lane

    def lanes(self) -> list[tuple[float, int]]:
        """The middle of each lane, and its direction, 1 or -1."""
        start = self.left + self.parking[0] + self.lane / 2
        num = self.back + self.ahead
        return [
            (start + i * self.lane, 1 if i >= self.back else -1) for i in range(num)
        ]

    def shift(self, v: float) -> float:
        """How far the bend has taken the road to the right."""
        return self.bend * max(v, 0) ** 2 / 2

    def is_free(self, v: float) -> bool:
        """There is no other road at this place."""
        start, stop = self.junction
        return not start - 2 < v < stop + 2


# Ground


def ground(rng: np.random.Generator, street: Street, *, is_wet: bool) -> list:
    """What lies on the ground, from the lowest to the highest.

    Args:
        rng: draws colours, patches and marks.
        street: the street.
        is_wet: it rains.

    Returns:
        Polygons, each the places of its corners, (u, v), and its colour.
    """
    grass = np.array([88, 108, 58]) * rng.uniform(0.6, 1.2)
    if rng.random() < 0.3:
        grass = np.array([135, 120, 95]) * rng.uniform(0.6, 1.2)
    asphalt = np.full(3, rng.uniform(68, 118)) * rng.uniform(0.97, 1.03, 3)
    slabs = np.full(3, rng.uniform(115, 170)) * rng.uniform(0.95, 1.05, 3)
    if is_wet:
        asphalt, slabs = asphalt * 0.75, slabs * 0.8
    if street.kind == "city" and rng.random() < 0.7:
        grass = slabs * 0.92
    shapes = []

    def rectangle(u, u2, v, v2, color):
        shapes.append((((u, v), (u2, v), (u2, v2), (u, v2)), color))

    def strip(u, u2, color):
        for v, v2 in itertools.pairwise(STEPS):
            a, b = street.shift(v), street.shift(v2)
            corners = (u + a, v), (u2 + a, v), (u2 + b, v2), (u + b, v2)
            shapes.append((corners, color))

    for v, v2 in zip(STEPS, [*STEPS[1:], 4000], strict=False):
        rectangle(-1200, 1200, v, v2, grass)
    if street.pavement:
        joint = rng.uniform(1.5, 3)
        for u in (street.left - street.pavement, street.right):
            strip(u, u + street.pavement, slabs)
            for v in np.arange(2, 30, joint).tolist():
                rectangle(u, u + street.pavement, v, v + 0.03, slabs * 0.8)
    strip(street.left - 0.35, street.right + 0.35, slabs * rng.uniform(0.8, 1.15))
    strip(street.left, street.right, asphalt)
    for _ in range(int(rng.integers(0, 6))):  # patches, seams
        wide, long = rng.uniform(0.1, 2.0), rng.uniform(0.5, 9)
        u = rng.uniform(street.left, street.right - wide)
        v = rng.uniform(4, 45)
        rectangle(u, u + wide, v, v + long, asphalt * rng.uniform(0.84, 1.1))
    for u, _ in street.lanes():  # where wheels run
        if rng.random() < 0.4:
            worn = asphalt * rng.uniform(0.88, 1.06)
            strip(u - 1.0, u - 0.5, worn)
            strip(u + 0.5, u + 1.0, worn)
    if street.crossing is not None:
        start, stop = street.junction
        for color, more in ((slabs, 0.35), (asphalt, 0.0)):
            for u, u2 in ((-300, -60), (-60, -20), (-20, 20), (20, 60), (60, 300)):
                rectangle(u, u2, start - more, stop + more, color)
        rectangle(street.left, street.right, start - 1, stop + 1, asphalt)
    _marks(rng, street, shapes, rectangle)
    return shapes


def _marks(rng, street, shapes, rectangle):
    """Lines on the road, and before a crossing."""
    white = np.array([212, 212, 208]) * rng.uniform(0.65, 1.05)
    yellow = np.array([205, 165, 60]) * rng.uniform(0.75, 1.1)
    start, stop = street.junction
    blocked = start - 6, stop + 5
    first = street.left + street.parking[0]
    num = street.back + street.ahead

    def dash(u, v, v2, color, half=0.08):
        a, b = street.shift(v), street.shift(v2)
        corners = (u - half + a, v), (u + half + a, v)
        corners += (u + half + b, v2), (u - half + b, v2)
        shapes.append((corners, color))

    def line(u, color):
        for v, v2 in itertools.pairwise(STEPS):
            for a, b in ((v, min(v2, blocked[0])), (max(v, blocked[1]), v2)):
                if a < b:
                    dash(u, a, b, color)

    offset, gap = rng.uniform(-9, 0), rng.uniform(5, 9)
    length = rng.uniform(2, 3.5)
    in_middle = yellow if rng.random() < 0.5 else white
    for i in range(1, num):
        u = first + i * street.lane
        style = rng.random() if i == street.back else 1
        if style < 0.5:
            line(u - 0.12, in_middle)
            line(u + 0.12, in_middle)
        elif style < 0.75:
            line(u, in_middle)
        else:
            for v in np.arange(offset, 80, length + gap).tolist():
                if v + length < blocked[0] or v > blocked[1]:
                    dash(u, v, v + length, white, 0.1)
    if rng.random() < 0.6 or street.kind == "highway":
        line(first + 0.1, white)
        line(first + num * street.lane - 0.1, white)
    if street.crossing is None:
        return
    near = start - 1.2
    style = rng.random()
    if style < 0.4:  # a zebra
        for u in np.arange(street.left + 0.4, street.right - 0.5, 1.1).tolist():
            rectangle(u, u + 0.55, near - 3, near, white)
    elif style < 0.8:
        for v in (near - 2.8, near):
            rectangle(street.left, street.right, v, v + 0.25, white)
    middle = first + street.lane * street.back
    rectangle(middle, street.right, near - 4.6, near - 4.1, white)


# What stands there


def surroundings(rng: np.random.Generator, street: Street, *, is_dark: bool) -> list:
    """Houses, trees, lamps, signs, and what there is far off.

    Args:
        rng: draws them.
        street: the street.
        is_dark: lamps are lit.

    Returns:
        Things.
    """
    things = []
    lamps = frozenset(["street", "window"] if is_dark else [])

    def put(builder, u, v, heading=0.0, paint=(0.0, 0.0, 0.0), **options):
        models = vehicles.model(builder, int(rng.integers(SCENERY)))
        u, turn = u + street.shift(v), street.bend * max(v, 0)
        things.append(Thing(models, u, v, heading + turn, paint, **options))
        return models

    green = np.array([75, 101, 50]) * rng.uniform(0.6, 1.15)
    for side, kerb in ((-1, street.left), (1, street.right)):
        edge = kerb + side * street.pavement
        outward = side * math.pi / 2  # the front of a house looks back to the road
        v = rng.uniform(-20, -8)
        houses = {"city": (_block, 0.2, 3), "suburb": (_cottage, 5, 10)}
        builder, *off = houses.get(street.kind, (None, 0, 1))
        off = rng.uniform(*off)
        while builder and v < 110:
            models = vehicles.model(builder, int(rng.integers(SCENERY)))
            half = float(models[0].high[0])
            v += half
            if (
                street.is_free(v - half)
                and street.is_free(v)
                and street.is_free(v + half)
            ):
                u = edge + side * off + street.shift(v)
                heading = outward + street.bend * max(v, 0)
                thing = Thing(models, u, v, heading, _wall_paint(rng), lamps=lamps)
                thing.is_behind = True
                things.append(thing)
            v += half + (rng.uniform(2, 12) if builder is _cottage else 0)
        num_trees = rng.poisson({"city": 3, "suburb": 7, "highway": 6}[street.kind])
        if rng.random() < 0.15:
            num_trees = 0
        for v in (7 + 95 * rng.random(num_trees) ** 1.5).tolist():
            off = rng.uniform(-0.8 * street.pavement, 0.5)
            if street.kind == "highway":
                off = rng.uniform(4, 18)
            elif street.kind == "suburb" and rng.random() < 0.6:
                off = rng.uniform(1, 9)
            if street.is_free(v):
                paint = green * rng.uniform(0.85, 1.15, 3)
                if rng.random() < 0.06:  # autumn
                    paint = np.array([165, 110, 45]) * rng.uniform(0.7, 1.1)
                put(_tree, edge + side * off, v, paint=paint, is_flat=True)
        if rng.random() < 0.6:
            v = rng.uniform(8, 30)
            gray = np.full(3, rng.uniform(55, 130))
            while v < 100:
                u = kerb + side * min(0.6, street.pavement + 0.5)
                turn = 0.0 if side > 0 else math.pi
                put(_street_lamp, u, v, turn, gray, lamps=lamps)
                v += rng.uniform(22, 35)
        for v in rng.uniform(6, 45, rng.integers(0, 3)).tolist():
            put(_sign, kerb + side * 0.7, v, is_flat=True)
        if rng.random() < 0.25 and street.kind != "city":  # a hedge or a wall
            paint = green * 0.85 if rng.random() < 0.6 else _wall_paint(rng)
            for v in np.arange(4, 60, 6.0).tolist():
                if street.is_free(v):
                    put(_hedge, edge + side * 0.8, v, paint=paint)
    # Woods and the roofs of a town along the horizon.
    share = rng.random()
    for u in range(-200, 200, 33):
        far = rng.uniform(125, 180)
        for _ in range(rng.binomial(3, share)):
            at = u + rng.uniform(0, 33)
            put(_far_house, at, far, paint=_wall_paint(rng), is_behind=True)
        paint = green * rng.uniform(0.8, 1.1)
        put(_wood, u, far - 1, paint=paint, is_behind=True, is_flat=True)
        if abs(u) > 30:  # also beside the road
            u2 = math.copysign(85, u)
            put(_wood, u2, 0.8 * u, paint=paint, is_behind=True, is_flat=True)
    return things


def _wall_paint(rng):
    kind = rng.random()
    if kind < 0.25:  # bricks
        return np.array([150, 92, 72]) * rng.uniform(0.7, 1.2)
    if kind < 0.5:  # plaster
        return np.array([205, 185, 150]) * rng.uniform(0.75, 1.1)
    return rng.uniform(105, 205) * rng.uniform(0.92, 1.06, 3)


def _front(solid, half, tall):
    return solid.face([(-half, 0, 0), (half, 0, 0), (half, tall, 0), (-half, tall, 0)])


def _block(rng, paint):
    """A house in a row of houses, its front at z = 0."""
    wide, tall = rng.uniform(9, 20), rng.uniform(6, 18)
    half, rows = wide / 2, max(2, round(tall / 3.2))
    solid = vehicles.Solid()
    sides = solid.box(
        -half, half, 0, tall, 0.01, 11, [None, None, paint * 0.9, paint * 0.9, None]
    )[2:4]
    front = _front(solid, half, tall)
    solid.paint(front, vehicles.WHOLE, paint)
    glass = np.array([70, 82, 95]) * rng.uniform(0.6, 1.2)
    shop = rng.random() < 0.6
    if shop:
        sign = rendering.color(rng)
        solid.rectangle(front, 0.03, 0.01, 0.97, 0.7 / rows, glass * 0.7)
        for at in np.linspace(0.03, 0.97, int(rng.integers(3, 7))).tolist():
            solid.rectangle(front, at - 0.01, 0, at + 0.01, 0.72 / rows, paint * 0.8)
        solid.rectangle(front, 0.02, 0.72 / rows, 0.98, 0.95 / rows, sign)
        spots = np.sort(rng.uniform(0.1, 0.8, 2))
        for at in spots.tolist():
            solid.rectangle(front, at, 0.02, at + 0.1, 0.6 / rows, glass, lamp="window")
    _windows(rng, solid, front, paint, glass, wide, range(int(shop), rows), rows)
    for face in sides:
        for row in range(rows):
            low = (row + 0.3) / rows
            for at in (0.15, 0.6):
                solid.rectangle(face, at, low, at + 0.2, low + 0.45 / rows, glass)
    solid.rectangle(front, 0, 0.965, 1, 1, paint * 0.75)
    return [solid]


def _windows(rng, solid, face, paint, glass, wide, rows, num_rows):
    num = max(2, int(wide / rng.uniform(2.2, 4)))
    high, share = rng.uniform(0.4, 0.65) / num_rows, rng.uniform(0.05, 0.4)
    broad = rng.uniform(0.4, 0.75) / num
    frame = paint * rng.uniform(0.7, 1.15)
    for row in rows:
        low = (row + 0.25) / num_rows
        if rng.random() < 0.3:
            solid.rectangle(face, 0, low - 0.1 / num_rows, 1, low, frame, fine=True)
        for column in range(num):
            left = (column + 0.5) / num - broad / 2
            lamp = "window" if rng.random() < share else None
            gain = rng.uniform(0.8, 1.15)
            solid.rectangle(
                face, left, low, left + broad, low + high, glass * gain, lamp=lamp
            )
            solid.rectangle(
                face,
                left + 0.46 * broad,
                low,
                left + 0.54 * broad,
                low + high,
                frame,
                fine=True,
            )


def _cottage(rng, paint):
    """A house for a family, its front at z = 0."""
    wide, tall, deep = rng.uniform(8, 14), rng.uniform(2.8, 5.8), rng.uniform(7, 10)
    half = wide / 2
    solid = vehicles.Solid()
    sides = [None, None, paint * 0.92, paint * 0.92, None]
    sides = solid.box(-half, half, 0, tall, 0.01, deep, sides)[2:4]
    front = _front(solid, half, tall)
    solid.paint(front, vehicles.WHOLE, paint)
    glass = np.array([66, 78, 90]) * rng.uniform(0.6, 1.2)
    rows = 2 if tall > 4.5 else 1
    _windows(rng, solid, front, paint, glass, wide, range(rows), rows)
    at = rng.uniform(0.15, 0.4)
    door = rendering.color(rng, value=(0.1, 0.5))
    solid.rectangle(front, at, 0, at + 1.1 / wide, 2.1 / tall, door)
    if rng.random() < 0.5:  # a garage
        solid.rectangle(front, 0.65, 0, 0.95, 2.2 / tall, paint * 0.8 + 30)
    for face in sides:
        solid.rectangle(face, 0.3, 0.4, 0.45, 0.7, glass)
    tiles = np.array([105, 75, 65]) * rng.uniform(0.5, 1.2)
    over, ridge = half + 0.5, tall + rng.uniform(1.4, 2.8)
    for x, order in ((-half, -1), (half, 1)):
        low = [(x, tall, 0), (x, tall, deep)][::order]
        solid.face([*low, (x, ridge, deep / 2), (x, ridge, deep / 2)], paint * 0.86)
    eaves = [(-over, tall - 0.15, -0.5), (over, tall - 0.15, -0.5)]
    solid.face([*eaves, (over, ridge, deep / 2), (-over, ridge, deep / 2)], tiles)
    return [solid]


def _far_house(rng, paint):
    """A house far off: a front with windows."""
    wide, tall = rng.uniform(8, 16), rng.uniform(6, 26)
    solid = vehicles.Solid()
    front = _front(solid, wide / 2, tall)
    solid.paint(front, vehicles.WHOLE, paint)
    rows = max(2, int(tall / 4))
    for row in range(rows):
        low = (row + 0.3) / rows
        solid.rectangle(front, 0.06, low, 0.94, low + 0.4 / rows, paint * 0.6)
    return [solid]


def _wood(rng, paint):
    """A part of a wood far off: an outline with lighter and darker spots."""
    wide, tall = rng.uniform(38, 55), rng.uniform(4, 13)
    solid = vehicles.Solid()
    face = _front(solid, wide / 2, tall)
    shares = np.linspace(0, 1, 25)
    outline = [(s, t) for s, t in zip(shares, rng.uniform(0.55, 1, 25), strict=True)]
    outline[0], outline[-1] = (0, 0.3), (1, 0.3)
    solid.paint(face, [(1, 0), (0, 0), *outline], paint * rng.uniform(0.75, 1.0))
    for _ in range(16):
        s, t = rng.uniform(0.05, 0.95), rng.uniform(0.15, 0.75)
        blob = BLOB * rng.uniform(0.6, 1.1, (8, 1)) * (0.035, 0.13) + (s, t)
        solid.paint(
            face, blob.tolist(), paint * rng.uniform(0.7, 1.0) * (0.7 + 0.5 * t)
        )
    return [solid]


def _tree(rng, paint):
    """A tree with leaves, with needles, or a palm."""
    tall, wide = rng.uniform(5, 11), rng.uniform(3.5, 7)
    solid = vehicles.Solid()
    face = _front(solid, wide / 2, tall)
    bark = np.array([85, 72, 58]) * rng.uniform(0.6, 1.2)
    thin = rng.uniform(0.12, 0.3) / wide
    kind = rng.random()
    trunk = 0.85 if kind < 0.06 else 0.6
    stem = [(0.5 - thin, 0), (0.5 + thin, 0)]
    stem += [(0.5 + thin / 2, trunk), (0.5 - thin / 2, trunk)]
    solid.paint(face, stem, bark)
    if kind < 0.06:
        for angle in np.linspace(-0.3, math.pi + 0.3, 9) + rng.normal(0, 0.1, 9):
            x, y = 0.42 * math.cos(angle), 0.16 * math.sin(angle)
            leaf = [(0.5, 0.85), (0.5 + 0.6 * x, 0.9 + y), (0.5 + x, 0.82 + 0.6 * y)]
            leaf.append((0.5 + 0.5 * x, 0.84 + 0.7 * y))
            solid.paint(face, leaf, paint * rng.uniform(0.6, 1.1))
        return [solid]
    if kind < 0.22:
        layers = int(rng.integers(5, 9))
        for low in np.linspace(0.1, 0.76, layers).tolist():
            reach = 0.4 * (1.05 - low)
            for side in (-1, 1):
                tips = rng.uniform(0.85, 1.1) * reach
                needles = [
                    (0.5, low),
                    (0.5 + side * tips, low - 0.02),
                    (0.5, low + 0.28),
                ]
                gain = rng.uniform(0.55, 0.75) + (0.12 if side > 0 else 0)
                solid.paint(face, needles, paint * gain)
        return [solid]
    num = 40
    angles, reach = rng.uniform(0, 2 * math.pi, num), np.sqrt(rng.uniform(0, 1, num))
    x = 0.5 + 0.36 * reach * np.cos(angles)
    y = 0.66 + 0.26 * reach * np.sin(angles)
    radii = rng.uniform(0.06, 0.14, num)
    radii[:8] *= 1.7  # a dense middle, which the rest is scattered over
    y[:8] = 0.66 + (y[:8] - 0.66) * 0.6
    gains = 0.62 + 0.9 * (y - 0.5) + 0.35 * (x - 0.5) + rng.normal(0, 0.13, num)
    gains[:8] = rng.uniform(0.45, 0.6, 8)
    aspect = min(wide / tall, 1.2)
    for i in range(num):
        blob = rng.uniform(0.7, 1.15, (8, 1)) * BLOB * radii[i] * (1, aspect)
        blob += x[i], y[i]
        solid.paint(face, blob.tolist(), paint * max(gains[i], 0.35))
    return [solid]


def _hedge(rng, paint):
    solid, tall = vehicles.Solid(), rng.uniform(0.7, 1.6)
    solid.box(-0.4, 0.4, 0, tall, -3.05, 3.05, paint * rng.uniform(0.92, 1.05))
    return [solid]


def _street_lamp(rng, paint):
    """A lamp whose arm reaches to the left."""
    solid, tall, arm = vehicles.Solid(), rng.uniform(5.5, 9), rng.uniform(0.8, 2.2)
    solid.box(-0.07, 0.07, 0, tall, -0.07, 0.07, paint)
    solid.box(-arm, 0.07, tall - 0.08, tall, -0.05, 0.05, paint)
    ends = -arm - 0.3, -arm + 0.25
    for face in solid.box(*ends, tall - 0.25, tall - 0.05, -0.15, 0.15, paint)[:4]:
        solid.rectangle(face, 0, 0, 1, 0.7, (215, 215, 205), lamp="street")
    return [solid]


def _sign(rng, paint):
    solid, tall = vehicles.Solid(), rng.uniform(2.2, 3)
    solid.box(-0.035, 0.035, 0, tall, 0, 0.05, np.full(3, rng.uniform(90, 150)))
    low, half = tall - rng.uniform(0.6, 0.9), 0.36
    corners = [(-half, low, -0.01), (half, low, -0.01)]
    face = solid.face([*corners, (half, tall, -0.01), (-half, tall, -0.01)])
    red, white, blue = (190, 30, 35), (230, 230, 228), (35, 80, 160)
    kind = rng.integers(5)
    if kind == 0:
        solid.paint(face, vehicles.CIRCLE, red)
        solid.paint(face, vehicles.smaller(vehicles.CIRCLE, 0.72), white)
    elif kind == 1:
        solid.paint(face, [(0, 0.05), (1, 0.05), (0.5, 0.95)], red)
        solid.paint(face, [(0.2, 0.17), (0.8, 0.17), (0.5, 0.7)], white)
    elif kind == 2:
        solid.rectangle(face, 0.05, 0.05, 0.95, 0.95, blue)
        solid.rectangle(face, 0.4, 0.25, 0.6, 0.75, white)
    elif kind == 3:
        solid.paint(face, [(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)], (225, 175, 40))
    else:
        solid.rectangle(face, 0.15, 0, 0.85, 1, white)
        solid.rectangle(face, 0.3, 0.3, 0.7, 0.6, (40, 40, 40))
    return [solid]


def _post(rng, paint):
    solid = vehicles.Solid()
    solid.box(-0.08, 0.08, 0, 3.4, 0, 0.16, paint)
    return [solid]


def _mast(rng, paint):
    """A post whose arm reaches 6 m to the left."""
    solid = vehicles.Solid()
    solid.box(-0.1, 0.1, 0, 6.2, 0, 0.2, paint)
    solid.box(-6, 0, 6.0, 6.14, 0.04, 0.16, paint)
    return [solid]


# What is annotated


class Traffic:
    """Puts cars, lorries, people and lights on a street, none into another.

    Args:
        rng: draws them.
        street: the street.
        are_lights_on: it is dark, or it rains.

    Attributes:
        things: what there is, with the posts of the lights.
    """

    def __init__(self, rng: np.random.Generator, street: Street, are_lights_on: bool):
        self.rng, self.street, self.are_lights_on = rng, street, are_lights_on
        self.things: list[Thing] = []
        # Nothing that drives stands right before the camera.
        self.taken: list[tuple] = [(-2.2, -4, 2.2, 4)]
        self._drive()
        self._cross()
        self._park()
        self._walk()
        self._signal()

    def _add(self, models, u, v, heading, class_id, half_width, half_length, **options):
        if len(self.taken) >= MOST:
            return
        box = u - half_width, v - half_length, u + half_width, v + half_length
        for left, near, right, far in self.taken:
            if box[0] < right and left < box[2] and box[1] < far and near < box[3]:
                return
        self.taken.append(box)
        heading += self.street.bend * max(v, 0)
        self.things.append(
            Thing(
                models,
                u + self.street.shift(v),
                v,
                heading,
                class_id=class_id,
                has_shadow=True,
                **options,
            )
        )

    def _put_vehicle(self, u, v, heading, *, is_parked=False):
        rng = self.rng
        is_lorry = rng.random() < (0.12 if is_parked else 0.33)
        builder = vehicles.lorry if is_lorry else vehicles.car
        models = vehicles.model(builder, int(rng.integers(STOCK)))
        paint = vehicles.lorry_color(rng) if is_lorry else vehicles.car_color(rng)
        lamps = ()
        if not is_parked:
            if self.are_lights_on or rng.random() < 0.15:
                lamps = "head", "tail"
            elif rng.random() < 0.25:
                lamps = ("tail",)  # it brakes
        *_, rear, front, _ = vehicles.footprint(models)
        halves = 1.1, (front - rear) / 2 + 0.4
        if abs(math.sin(heading)) > 0.7:
            halves = halves[::-1]
        class_id = LORRY if is_lorry else CAR
        lamps = frozenset(lamps)
        self._add(models, u, v, heading, class_id, *halves, paint=paint, lamps=lamps)

    def _drive(self):
        rng = self.rng
        busy = rng.uniform(0.5, 1.3)
        for u, direction in self.street.lanes():
            v = rng.uniform(5.5, 16)
            if abs(u) < 1.5:  # before us
                v = rng.uniform(7, 25)
            while v < 55:
                if self.street.is_free(v) or rng.random() < 0.2:
                    heading = 0 if direction > 0 else math.pi
                    heading += rng.normal(0, 0.03)
                    self._put_vehicle(u + rng.normal(0, 0.2), v, heading)
                v += rng.uniform(9, 9 + rng.uniform(12, 34) / busy)

    def _cross(self):
        if self.street.crossing is None:
            return
        rng = self.rng
        for lane in (-1.5, -0.5, 0.5, 1.5):
            v = self.street.crossing + lane * self.street.lane
            u = rng.uniform(-28, -15)
            while u < 28:
                if rng.random() < 0.3:
                    heading = math.copysign(math.pi / 2, -lane) + rng.normal(0, 0.12)
                    self._put_vehicle(u, v, heading)
                u += rng.uniform(7, 16)

    def _park(self):
        rng, street = self.rng, self.street
        for side, width in zip((-1, 1), street.parking, strict=True):
            if not width:
                continue
            u = street.left + 1.05 if side < 0 else street.right - 1.05
            v, share = rng.uniform(2, 9), rng.uniform(0.3, 0.8)
            while v < 32:
                if rng.random() < share and street.is_free(v):
                    backwards = rng.random() < (0.8 if side < 0 else 0.2)
                    heading = math.pi * backwards + rng.normal(0, 0.03)
                    self._put_vehicle(
                        u + rng.normal(0, 0.1), v, heading, is_parked=True
                    )
                v += rng.uniform(5.6, 8.5)

    def _walk(self):
        rng, street = self.rng, self.street
        means = {"city": 10.0, "suburb": 6.5, "highway": 0.3}
        for _ in range(rng.poisson(means[street.kind])):
            side, v = rng.choice([-1, 1]), rng.uniform(4, 19)
            edge = street.right if side > 0 else street.left
            u = edge + side * rng.uniform(0.4, max(street.pavement, 0.9))
            if rng.random() < 0.25:  # on the road
                u = rng.uniform(street.left, street.right)
                if street.crossing:
                    v = street.junction[0] - rng.uniform(1.5, 3.8)
            models = vehicles.model(vehicles.pedestrian, int(rng.integers(STOCK)))
            paint = rendering.color(rng, saturation=(0.0, 0.8), value=(0.1, 0.95))
            self._add(models, u, v, 0, PEDESTRIAN, 0.3, 0.3, paint=paint, is_flat=True)

    def _signal(self):
        """Lights before a crossing or behind it, on posts or on arms over the road."""
        rng, street = self.rng, self.street
        if street.crossing is None or rng.random() < 0.1:
            return
        names = list(vehicles.SIGNALS)
        lamps = frozenset([names[rng.choice(3, p=(0.45, 0.1, 0.45))]])
        gray = np.full(3, rng.uniform(50, 140))
        housing = np.array((190, 150, 30) if rng.random() < 0.35 else (30, 32, 32))
        near, far = street.junction[0] - 2, street.junction[1] + 1.5

        def head(u, v, up):
            models = vehicles.model(vehicles.traffic_light, int(rng.integers(STOCK)))
            thing = Thing(models, u, v, rng.normal(0, 0.12), housing, LIGHT, up, lamps)
            self.things.append(thing)

        v = near if rng.random() < 0.6 else far
        sides = [street.right + 0.7]
        if rng.random() < 0.7:
            sides.append(street.left - 0.7)
        for u in sides:
            self.things.append(Thing(vehicles.model(_post, 0), u, v, 0.0, gray))
            head(u, v - 0.05, 2.2)
        if rng.random() < 0.6:
            v = far if rng.random() < 0.6 else near
            u = street.right + 0.9
            self.things.append(Thing(vehicles.model(_mast, 0), u, v, 0.0, gray))
            for off in (rng.uniform(1.5, 3.5), 5.7):
                head(u - off, v - 0.1, 5.1)
