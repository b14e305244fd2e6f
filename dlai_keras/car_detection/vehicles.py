"""Cars, lorries, people and lights: flat faces in space, and what is painted on them.

Lengths are metres. A thing has its own coordinates: x to its right, y up from the
ground, z forwards. A face has four corners, as one sees them from outside: lower left,
lower right, upper right, upper left; what is painted on it is given in shares of the
face, from the lower left corner.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from dlai_keras import rendering

TYRE = (28, 28, 30)
GLASS = (38, 46, 54)
PLASTIC = (42, 43, 45)
WHOLE = ((0, 0), (1, 0), (1, 1), (0, 1))
SIGNALS = {"red": (255, 60, 45), "amber": (255, 185, 60), "green": (70, 245, 170)}
# Colours of lamps that are lit.
LAMPS = {
    "head": (255, 250, 228),
    "tail": (235, 30, 24),
    "street": (255, 214, 150),
    "window": (250, 205, 130),
    **SIGNALS,
}
CIRCLE = [(0.5 + 0.5 * x, 0.5 + 0.5 * y) for x, y in rendering.arc((0, 0), (1, 1))[::3]]

# Length, width, height, clearance, height of the window line, of the front end of the
# bonnet and of the tail; where the rear window begins and ends, and where the
# windscreen ends and begins: shares of the length from the rear.
BODIES = {
    "saloon": (4.7, 1.83, 1.45, 0.2, 0.93, 0.76, 0.98, 0.13, 0.29, 0.56, 0.76),
    "coupe": (4.5, 1.85, 1.32, 0.17, 0.85, 0.68, 0.9, 0.08, 0.31, 0.53, 0.73),
    "hatchback": (4.1, 1.76, 1.49, 0.2, 0.94, 0.77, 0.95, 0.01, 0.11, 0.55, 0.77),
    "estate": (4.7, 1.82, 1.5, 0.2, 0.94, 0.77, 0.95, 0.01, 0.09, 0.57, 0.77),
    "suv": (4.7, 1.93, 1.75, 0.27, 1.09, 0.98, 1.08, 0.01, 0.08, 0.57, 0.76),
    "minivan": (4.9, 1.95, 1.78, 0.2, 1.02, 0.88, 1.02, 0.01, 0.06, 0.64, 0.88),
    "van": (5.2, 2.0, 2.1, 0.24, 1.15, 1.0, 1.15, 0.0, 0.02, 0.74, 0.93),
    "pickup": (5.5, 1.98, 1.86, 0.32, 1.12, 1.02, 1.1, 0.36, 0.39, 0.6, 0.74),
}
SHARES = (0.26, 0.05, 0.16, 0.1, 0.22, 0.08, 0.05, 0.08)


class Solid:
    """Faces, and what is painted on them, in the order it was painted.

    Example:
        >>> solid = Solid()
        >>> face = solid.face([(-1, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 2, 0)], (9, 9, 9))
        >>> solid.paint(face, [(0, 0), (1, 0), (0.5, 1)], (255, 0, 0))
        >>> len(solid.polygons)
        2
    """

    def __init__(self):
        self.corners = []
        self.polygons = []  # of shares
        self.faces = []
        self.colors = []
        self.lamps = []  # of what shines: its kind, else None
        self.fine = []  # of what is left out where the thing is small

    def face(self, corners: Sequence, color: Sequence | None = None) -> int:
        """Adds a face, of one colour or of none, and returns its number."""
        self.corners.append(corners)
        number = len(self.corners) - 1
        if color is not None:
            self.paint(number, WHOLE, color)
        return number

    def paint(
        self,
        face: int,
        polygon: Sequence,
        color: Sequence,
        *,
        lamp: str | None = None,
        fine: bool = False,
    ) -> None:
        """Adds a polygon on a face."""
        self.polygons.append(polygon)
        self.faces.append(face)
        self.colors.append(color)
        self.lamps.append(lamp)
        self.fine.append(fine)

    def rectangle(self, face, left, low, right, high, color, **options) -> None:
        """Adds a rectangle on a face."""
        polygon = ((left, low), (right, low), (right, high), (left, high))
        self.paint(face, polygon, color, **options)

    def box(self, left, right, low, high, rear, front, colors) -> list[int]:
        """Adds the faces of a box: rear, front, left, right, top.

        Args:
            left: x of the left side.
            right: x of the right side.
            low: y of the ground.
            high: y of the top.
            rear: z of the rear.
            front: z of the front.
            colors: one for all faces, or one for each; None leaves a face unpainted.
        """
        if not isinstance(colors, list):
            colors = [colors] * 5

        def upright(a, b):
            return [(*a, low), (*b, low), (*b, high), (*a, high)]

        sides = [
            upright((left, rear), (right, rear)),
            upright((right, front), (left, front)),
            upright((left, front), (left, rear)),
            upright((right, rear), (right, front)),
        ]
        quads = [[(x, y, z) for x, z, y in side] for side in sides]
        quads.append(
            [
                (left, high, rear),
                (right, high, rear),
                (right, high, front),
                (left, high, front),
            ]
        )
        return [self.face(q, c) for q, c in zip(quads, colors, strict=True)]

    def wheel(self, x: float, z: float, radius: float, rim, *, side: int) -> None:
        """Adds the outside of a wheel; `side` is -1 on the left, 1 on the right."""
        ends = (z - side * radius, z + side * radius)
        corners = [(x, 0, ends[0]), (x, 0, ends[1])]
        corners += [(x, 2 * radius, ends[1]), (x, 2 * radius, ends[0])]
        face = self.face(corners)
        self.paint(face, CIRCLE, TYRE)
        self.paint(face, smaller(CIRCLE, 0.62), rim)
        self.paint(face, smaller(CIRCLE, 0.45), np.multiply(rim, 0.55), fine=True)
        self.paint(face, smaller(CIRCLE, 0.16), rim, fine=True)


def smaller(polygon: Sequence, share: float) -> list:
    """A polygon of shares, drawn together about the middle of the face."""
    return [(0.5 + share * (s - 0.5), 0.5 + share * (t - 0.5)) for s, t in polygon]


class Model:
    """A solid as arrays, its colours linear in the paint it is given.

    Args:
        solid: painted with 0.
        painted: the same, painted with 1.

    Attributes:
        corners: float32 `(num_faces, 4, 3)`.
        faces: the face of each polygon, `(num_polygons,)`.
        counts: how many corners each polygon has.
        shares: places on their faces of all corners of all polygons, `(num_points, 2)`.
        base: `(num_polygons, 3)`; colours are `base + gain * paint`.
        gain: the same.
        lamps: for each polygon 0, or 1 + the number of its lamp in `LAMPS`.
        fine: for each polygon, if it is left out where the thing is small.
        convex: for each polygon.
        low: least x, y and z.
        high: largest.
        centre: z of the middle.
        reach: no point is farther from (0, 0) on the ground.
    """

    def __init__(self, solid: Solid, painted: Solid):
        self.corners = np.array(solid.corners, "float32")
        self.faces = np.array(solid.faces, "int32")
        self.counts = np.array([len(polygon) for polygon in solid.polygons], "int32")
        points = [point for polygon in solid.polygons for point in polygon]
        self.shares = np.array(points, "float32")
        self.base = np.array(solid.colors, "float32")
        self.gain = np.array(painted.colors, "float32") - self.base
        numbers = {None: 0} | {name: i for i, name in enumerate(LAMPS, 1)}
        self.lamps = np.array([numbers[lamp] for lamp in solid.lamps], "int32")
        self.fine = np.array(solid.fine)
        self.convex = np.array([_is_convex(polygon) for polygon in solid.polygons])
        flat = self.corners.reshape(-1, 3)
        self.low, self.high = flat.min(axis=0), flat.max(axis=0)
        self.centre = float(self.low[2] + self.high[2]) / 2
        self.reach = float(np.hypot(flat[:, 0], flat[:, 2]).max())


@functools.cache
def footprint(models: tuple[Model, ...]) -> tuple[float, ...]:
    """Least and largest x, least and largest z, and the height of all parts."""
    low = np.min([part.low for part in models], axis=0)
    high = np.max([part.high for part in models], axis=0)
    return tuple(map(float, (low[0], high[0], low[2], high[2], high[1])))


def _is_convex(polygon):
    if polygon is CIRCLE or polygon is WHOLE or len(polygon) == 3:
        return True
    (s, t), (s2, t2) = polygon[-2:]
    before, signs = (s2 - s, t2 - t), set()
    for s3, t3 in polygon:
        after = s3 - s2, t3 - t2
        turn = before[0] * after[1] - before[1] * after[0]
        if abs(turn) > 1e-9:
            signs.add(turn > 0)
        s2, t2, before = s3, t3, after
    return len(signs) < 2


@functools.cache
def model(builder: Callable, number: int) -> tuple[Model, ...]:
    """The parts of a thing in stock: the same number, the same form, in any scene.

    Args:
        builder: function of a generator and a paint that returns solids.
        number: 0 or more.

    Example:
        >>> len(model(car, 0))
        1
    """
    solids = [
        builder(np.random.default_rng((number, 20170)), np.full(3, paint))
        for paint in (0.0, 1.0)
    ]
    return tuple(Model(*pair) for pair in zip(*solids, strict=True))


def car_color(rng: np.random.Generator) -> np.ndarray:
    """The colour of a car, as often as they are seen, RGB float64 `(3,)`."""
    kind = rng.random()
    if kind < 0.25:
        return np.full(3, rng.uniform(205, 245)) + rng.normal(0, 3, 3)
    if kind < 0.43:
        return np.full(3, rng.uniform(22, 52)) + rng.normal(0, 4, 3)
    if kind < 0.72:
        return np.full(3, rng.uniform(70, 195)) + rng.normal(0, 5, 3)
    if kind < 0.83:  # blue
        return np.array([30, 60, 120]) * rng.uniform(0.6, 1.7)
    if kind < 0.91:  # red
        return np.array([150, 25, 30]) * rng.uniform(0.6, 1.4)
    if kind < 0.94:  # beige and brown
        return np.array([150, 130, 100]) * rng.uniform(0.5, 1.3)
    return rendering.color(rng, saturation=(0.3, 0.9), value=(0.25, 0.9))


def lorry_color(rng: np.random.Generator) -> np.ndarray:
    """The colour of a lorry or a bus: often white, RGB float64 `(3,)`."""
    if rng.random() < 0.45:
        return np.full(3, rng.uniform(195, 240))
    return rendering.color(rng, saturation=(0.05, 0.85), value=(0.3, 0.95))


def car(rng: np.random.Generator, paint: np.ndarray) -> list[Solid]:
    """A car of one of several bodies.

    Args:
        rng: draws body, sizes and details.
        paint: its colour.
    """
    body = list(BODIES)[rng.choice(len(SHARES), p=SHARES)]
    spread = 1 + rng.normal(0, 0.03, 3)
    length, width, height, clear, belt, nose, tail, *places = BODIES[body]
    length, width = length * spread[0], width * spread[1]
    height, belt, nose, tail = np.array([height, belt, nose, tail]) * spread[2]
    back_low, back_high, screen_high, screen_low = (np.array(places) - 0.5) * length
    trim = np.array(PLASTIC) if rng.random() < 0.5 else paint * 0.8
    glass = np.multiply(GLASS, rng.uniform(0.6, 1.7))
    half, rear, front = width / 2, -length / 2, length / 2
    solid = Solid()
    _underbody(solid, half, rear, front, clear)
    # The lower body: from the rear's lower edge over the top to the front's.
    middle = 0.55 if belt < 1.05 else 0.65
    narrow = half * rng.uniform(0.83, 0.9)
    line = [
        (rear + 0.06, clear, narrow),
        (rear, middle, narrow),
        (rear + 0.05, tail, narrow),
        (rear + 0.25, tail + 0.02, half),
        (max(back_low, rear + 0.27), belt, half),
        (screen_low, belt, half),
        (front - 0.35, nose + 0.03, half),
        (front - 0.06, nose - 0.06, narrow),
        (front, middle - 0.05, narrow),
        (front - 0.06, clear, narrow),
    ]
    tops = []
    for number, ((z, y, w), (z2, y2, w2)) in enumerate(itertools.pairwise(line)):
        color = trim if number in (0, 8) else paint
        corners = [(-w, y, z), (w, y, z), (w2, y2, z2), (-w2, y2, z2)]
        tops.append(solid.face(corners, color))
    corner_faces = {}
    for side in (-1, 1):
        for end, z_end, z_side, top in (
            (-1, rear + 0.03, rear + 0.25, tail),
            (1, front - 0.03, front - 0.35, nose - 0.02),
        ):
            places = [(side * half, z_side), (side * narrow, z_end)]
            if side != end:  # seen from outside, the end is on the left
                places.reverse()
            (x, z), (x2, z2) = places
            corners = [(x, clear, z), (x2, clear, z2), (x2, top, z2), (x, top, z)]
            corner_faces[side, end] = solid.face(corners, paint)
            solid.rectangle(corner_faces[side, end], 0, 0, 1, 0.25, trim)
    wheel_radius = rng.uniform(0.31, 0.35) * (1.12 if belt > 1.05 else 1)
    axles = rear + length * 0.2, front - length * 0.185
    rim = np.full(3, rng.uniform(60, 190))
    outline = [(rear + 0.25, clear), (rear + 0.25, tail + 0.02)]
    outline += [(line[4][0], belt), (screen_low, belt), (front - 0.35, nose + 0.03)]
    outline += [(front - 0.35, clear)]
    for side in (-1, 1):
        x = side * half
        ends = (front, rear) if side < 0 else (rear, front)
        face = solid.face(
            [(x, 0, ends[0]), (x, 0, ends[1]), (x, 1, ends[1]), (x, 1, ends[0])]
        )

        def share(z, side=side):
            return 0.5 + side * z / length

        solid.paint(face, [(share(z), y) for z, y in outline], paint)
        lit = paint * 1.12 + 8
        shoulder = belt - 0.1
        solid.paint(
            face,
            [
                (share(rear + 0.3), shoulder),
                (share(front - 0.5), nose - 0.06),
                (share(front - 0.5), nose),
                (share(rear + 0.3), shoulder + 0.08),
            ],
            lit,
            fine=True,
        )
        left, right = sorted((share(rear + 0.25), share(front - 0.35)))
        solid.rectangle(face, left, clear, right, clear + 0.13, paint * 0.55)
        doors = (0.62, 0.4) if body not in ("coupe", "pickup") else (0.62,)
        for place in doors:
            at = share(rear + length * place)
            solid.rectangle(
                face, at - 0.003, clear + 0.1, at + 0.003, belt, paint * 0.5, fine=True
            )
            solid.rectangle(
                face,
                at - 0.03 - side * 0.02,
                belt - 0.17,
                at + 0.01 - side * 0.02,
                belt - 0.13,
                paint * 0.6,
                fine=True,
            )
        for z in axles:
            reach = (wheel_radius + 0.06) / length
            arch = [
                (share(z) + 2 * reach * (s - 0.5), (2 * wheel_radius + 0.1) * t)
                for s, t in CIRCLE
            ]
            solid.paint(face, arch, (20, 20, 22))
        for z in axles:
            solid.wheel(x * 1.005, z, wheel_radius, rim, side=side)
    lights = "led" if rng.random() < 0.3 else "round" if rng.random() < 0.2 else "plain"
    _tail(rng, solid, tops, corner_faces, body, lights)
    _nose(rng, solid, tops, corner_faces, paint, lights)
    _cabin(
        rng,
        solid,
        (half * 0.94, half * rng.uniform(0.72, 0.8)),
        (belt, height),
        (max(back_low, rear + 0.02), back_high, screen_high, screen_low),
        paint,
        glass,
        body,
    )
    if body == "pickup":  # the open bed
        z = line[4][0]
        solid.face(
            [
                (-half * 0.86, tail + 0.03, rear + 0.15),
                (half * 0.86, tail + 0.03, rear + 0.15),
                (half * 0.86, belt + 0.005, z),
                (-half * 0.86, belt + 0.005, z),
            ],
            (35, 35, 36),
        )
    return [solid]


def _underbody(solid, half, rear, front, clear):
    """What is seen below a car: the tyres from behind and in front, and darkness."""
    inner = half * 0.98
    solid.box(
        -inner * 0.9,
        inner * 0.9,
        clear * 0.6,
        clear + 0.05,
        rear + 0.5,
        front - 0.5,
        (14, 14, 15),
    )
    for x in (-inner, inner - 0.22):
        for z in (rear + 0.55, front - 1.15):
            solid.box(x, x + 0.22, 0, clear + 0.25, z, z + 0.6, (20, 20, 21))


def _tail(rng, solid, tops, corner_faces, body, lights):
    """Paints the rear: lights, number plate, bumper."""
    bumper, panel = tops[0], tops[1]
    red = np.array([150, 16, 18]) * rng.uniform(0.7, 1.3)
    high = body in ("van", "minivan") or (body == "suv" and rng.random() < 0.4)
    low, top = (0.3, 0.98) if high else (0.42, 0.86)
    wide = rng.uniform(0.1, 0.14) if high else rng.uniform(0.16, 0.26)
    if lights == "led":
        low += 0.15
    for left, right in ((0, wide), (1 - wide, 1)):
        solid.rectangle(panel, left, low, right, top, red, lamp="tail")
        solid.rectangle(
            panel,
            left + 0.02,
            low + 0.05,
            right - 0.02,
            low + 0.13,
            (205, 190, 180),
            fine=True,
        )
    for side in (-1, 1):
        face = corner_faces[side, -1]
        left, right = (0.35, 1) if side < 0 else (0, 0.65)
        solid.rectangle(face, left, 0.45 + low * 0.55, right, 0.45 + top * 0.55, red)
    plate = (225, 222, 214) if rng.random() < 0.7 else (215, 185, 60)
    at = 0.1 if rng.random() < 0.7 else -1
    face, low = (panel, 0.18) if at > 0 else (bumper, 0.45)
    solid.rectangle(face, 0.37, low, 0.63, low + 0.3, plate)
    solid.rectangle(face, 0.41, low + 0.1, 0.59, low + 0.2, (70, 70, 90), fine=True)
    solid.rectangle(bumper, 0.03, 0, 0.97, 0.3, (30, 30, 31))
    solid.rectangle(panel, 0, -0.03, 1, 0.05, (40, 40, 42), fine=True)
    if lights == "led" and rng.random() < 0.5:
        solid.rectangle(panel, 0.1, top - 0.12, 0.9, top - 0.04, red)


def _nose(rng, solid, tops, corner_faces, paint, lights):
    """Paints the front: lamps, grille, number plate. Its shares count from above."""
    panel, bumper = tops[7], tops[8]
    lens = np.array([205, 208, 212]) * rng.uniform(0.75, 1.1)
    depth = rng.uniform(0.45, 0.7)
    solid.rectangle(panel, 0.26, 0.1, 0.74, 0.85, (30, 30, 32))
    if rng.random() < 0.5:
        solid.rectangle(panel, 0.28, 0.38, 0.72, 0.5, (150, 152, 155), fine=True)
    solid.rectangle(panel, 0.47, 0.2, 0.53, 0.5, (190, 190, 195), fine=True)
    for left, right in ((0.0, 0.24), (0.76, 1.0)):
        solid.rectangle(panel, left, 0.12, right, 0.12 + depth, lens, lamp="head")
        if lights == "round":
            middle = (left + right) / 2
            spot = [(middle + 0.16 * (s - 0.5), 0.05 + 0.7 * t) for s, t in CIRCLE]
            solid.paint(panel, spot, np.clip(lens * 1.15, 0, 255), fine=True)
    for side in (-1, 1):
        left, right = (0.0, 0.6) if side < 0 else (0.4, 1.0)
        solid.rectangle(corner_faces[side, 1], left, 0.66, right, 0.95, lens * 0.9)
    solid.rectangle(bumper, 0.2, 0.35, 0.8, 0.8, (24, 24, 26))
    for left in (0.04, 0.82):
        solid.rectangle(bumper, left, 0.35, left + 0.14, 0.7, (32, 32, 34), fine=True)
    if rng.random() < 0.8:
        solid.rectangle(bumper, 0.38, 0.05, 0.62, 0.35, (222, 220, 212))


def _cabin(rng, solid, halves, heights, places, paint, glass, body):
    """Adds what lies above the window line."""
    wide, slim = halves
    low, high = heights
    back_low, back_high, screen_high, screen_low = places
    rear = solid.face(
        [
            (-wide, low, back_low),
            (wide, low, back_low),
            (slim, high - 0.04, back_high),
            (-slim, high - 0.04, back_high),
        ],
        paint,
    )
    front = solid.face(
        [
            (wide, low, screen_low),
            (-wide, low, screen_low),
            (-slim, high - 0.04, screen_high),
            (slim, high - 0.04, screen_high),
        ],
        paint,
    )
    has_rear_window = body != "van" or rng.random() < 0.5
    if has_rear_window:
        bottom = 0.12 if body in ("saloon", "coupe", "pickup") else 0.08
        solid.paint(
            rear, [(0.08, bottom), (0.92, bottom), (0.9, 0.88), (0.1, 0.88)], glass
        )
        solid.paint(
            rear,
            [(0.15, 0.3), (0.6, 0.3), (0.75, 0.85), (0.3, 0.85)],
            np.clip(np.multiply(glass, 1.5) + 12, 0, 255),
            fine=True,
        )
        for left in (0.2, 0.62):  # head rests
            solid.rectangle(
                rear, left, 0.12, left + 0.16, 0.4, np.multiply(glass, 0.5), fine=True
            )
    solid.rectangle(rear, 0.42, 0.9, 0.58, 0.95, (120, 14, 16), fine=True)
    solid.paint(front, [(0.06, 0.03), (0.94, 0.03), (0.92, 0.92), (0.08, 0.92)], glass)
    solid.paint(
        front,
        [(0.1, 0.3), (0.5, 0.3), (0.7, 0.9), (0.15, 0.9)],
        np.clip(np.multiply(glass, 1.7) + 18, 0, 255),
        fine=True,
    )
    for left in (0.2, 0.62):  # who sits there
        solid.rectangle(
            front, left, 0.05, left + 0.16, 0.5, np.multiply(glass, 0.6), fine=True
        )
    for side in (-1, 1):
        x, x2 = side * wide, side * slim
        corners = [
            (x, low, screen_low),
            (x, low, back_low),
            (x2, high - 0.02, back_high),
            (x2, high - 0.02, screen_high),
        ]
        if side > 0:
            corners = [corners[i] for i in (1, 0, 3, 2)]
        face = solid.face(corners, paint)

        def mirror(share, side=side):
            return share if side > 0 else 1 - share

        # From the rear (0) to the front (1).
        panes = {"van": [(0.72, 0.93)], "pickup": [(0.08, 0.45), (0.5, 0.92)]}.get(
            body, [(0.05, 0.29), (0.32, 0.58), (0.61, 0.94)]
        )
        if body == "coupe":
            panes = [(0.1, 0.42), (0.46, 0.93)]
        for start, stop in panes:
            solid.paint(
                face,
                [
                    (mirror(start), 0.08),
                    (mirror(stop), 0.08),
                    (mirror(stop - 0.01), 0.88),
                    (mirror(start + 0.01), 0.88),
                ],
                glass,
            )
            solid.paint(
                face,
                [
                    (mirror(start + 0.05), 0.45),
                    (mirror(stop - 0.05), 0.45),
                    (mirror(stop - 0.05), 0.85),
                    (mirror(start + 0.05), 0.85),
                ],
                np.clip(np.multiply(glass, 1.35) + 8, 0, 255),
                fine=True,
            )
        # The mirror.
        at = screen_low - 0.35
        out = sorted((side * (wide + 0.03), side * (wide + 0.22)))
        solid.box(*out, low + 0.02, low + 0.16, at - 0.05, at + 0.06, paint * 0.85)
    roof = [(-slim, high - 0.03, back_high), (slim, high - 0.03, back_high)]
    roof += [(slim, high - 0.03, screen_high), (-slim, high - 0.03, screen_high)]
    solid.face(roof, paint * 1.05)
    if body in ("suv", "estate") and rng.random() < 0.5:
        for side in (-1, 1):
            x = sorted((side * slim, side * (slim - 0.05)))
            solid.box(*x, high, high + 0.05, back_high, screen_high, (60, 60, 62))


def lorry(rng: np.random.Generator, paint: np.ndarray) -> list[Solid]:
    """A lorry with a box, with a trailer or an open bed, or a bus.

    Args:
        rng: draws which, its sizes and further colours.
        paint: the colour of its box.
    """
    kind = rng.random()
    if kind < 0.3:
        return [_bus(rng, paint)]
    return _lorry(rng, paint, long=kind > 0.75, is_open=0.3 < kind < 0.4)


def _lorry(rng, paint, *, long, is_open):
    length = rng.uniform(10, 13) if long else rng.uniform(4.2, 7)
    half = rng.uniform(1.1, 1.27)
    high = rng.uniform(3.3, 3.9) if length > 5.5 else rng.uniform(2.8, 3.3)
    cab_high = min(high - 0.3, rng.uniform(2.3, 2.9))
    cab_paint = paint if rng.random() < 0.5 else rendering.color(rng)
    rear = -(length + 2) / 2
    split = rear + length
    front = split + 2.1
    cargo = Solid()
    dark = (36, 36, 38)
    cargo.box(-half * 0.8, half * 0.8, 0.5, 0.95, rear + 0.1, split, dark)
    axles = [rear + 1.1, rear + 2.2] if length > 6 else [rear + 1.2]
    for side in (-1, 1):
        for z in axles:
            inner = sorted((side * half * 0.98, side * (half * 0.98 - 0.5)))
            cargo.box(*inner, 0, 0.9, z - 0.42, z + 0.42, (20, 20, 21))
            cargo.wheel(side * half, z, 0.48, (110, 110, 112), side=side)
    low = rng.uniform(0.9, 1.1)
    top = low + 0.6 if is_open else high
    faces = cargo.box(-half, half, low, top, rear, split - 0.1, paint)
    back, _, left, right, _ = faces
    # Doors, frame, stripes, writing.
    for place in (0.0, 0.485, 0.97):
        cargo.rectangle(back, place, 0, place + 0.03, 1, paint * 0.7)
    cargo.rectangle(back, 0, 0, 1, 0.05, paint * 0.6)
    cargo.rectangle(back, 0, 0.95, 1, 1, paint * 0.75)
    for place in (0.3, 0.4, 0.6, 0.7):
        cargo.rectangle(back, place, 0.05, place + 0.012, 0.95, paint * 0.6, fine=True)
    band = rendering.color(rng)
    style = rng.random()
    for face in (left, right):
        cargo.rectangle(face, 0, 0, 1, 0.06, paint * 0.65)
        cargo.rectangle(face, 0, 0.95, 1, 1, paint * 0.8)
        if style < 0.4:
            cargo.rectangle(face, 0.15, 0.4, 0.85, 0.7, band)
        elif style < 0.6:
            for place in np.linspace(0.08, 0.92, 9):
                cargo.rectangle(
                    face, place, 0.06, place + 0.01, 0.95, paint * 0.8, fine=True
                )
    if style < 0.25:
        cargo.rectangle(back, 0.12, 0.5, 0.88, 0.75, band)
    bar = cargo.face(
        [
            (-half, 0.45, rear - 0.02),
            (half, 0.45, rear - 0.02),
            (half, low, rear - 0.02),
            (-half, low, rear - 0.02),
        ]
    )
    cargo.rectangle(bar, 0, 0.3, 1, 0.65, (45, 45, 47))
    for at in (0.02, 0.83):
        cargo.rectangle(bar, at, 0.62, at + 0.15, 0.95, (160, 20, 20), lamp="tail")
    cargo.rectangle(bar, 0.42, 0.35, 0.6, 0.6, (215, 205, 170), fine=True)

    cab = Solid()
    slim = half * 0.95
    cab.box(-slim * 0.9, slim * 0.9, 0.3, 0.7, split, front - 0.05, dark)
    for side in (-1, 1):
        inner = sorted((side * slim * 0.98, side * (slim * 0.98 - 0.3)))
        cab.box(*inner, 0, 0.9, front - 1.55, front - 0.7, (20, 20, 21))
    back, face, left, right, _ = cab.box(
        -slim, slim, 0.45, cab_high, split, front, cab_paint
    )
    glass = np.multiply(GLASS, rng.uniform(0.7, 1.5))
    cab.rectangle(face, 0.06, 0.5, 0.94, 0.86, glass)
    cab.paint(
        face,
        [(0.1, 0.6), (0.4, 0.6), (0.55, 0.84), (0.1, 0.84)],
        glass * 1.6,
        fine=True,
    )
    cab.rectangle(face, 0.25, 0.2, 0.75, 0.42, (38, 38, 40))
    cab.rectangle(face, 0, 0, 1, 0.15, (52, 52, 54))
    for at in (0.03, 0.8):
        cab.rectangle(face, at, 0.13, at + 0.17, 0.25, (210, 210, 205), lamp="head")
    cab.rectangle(face, 0.42, 0.03, 0.58, 0.1, (220, 218, 205), fine=True)
    for side, window in ((left, (0.12, 0.62)), (right, (0.38, 0.88))):
        cab.rectangle(side, window[0], 0.5, window[1], 0.85, glass)
        cab.rectangle(side, 0, 0, 1, 0.1, (45, 45, 47))
    for side in (-1, 1):
        cab.wheel(side * slim * 1.01, front - 1.1, 0.48, (110, 110, 112), side=side)
        out = sorted((side * (slim + 0.02), side * (slim + 0.25)))
        cab.box(*out, cab_high - 1, cab_high - 0.4, front - 0.1, front, (25, 25, 27))
    return [cargo, cab]


def _bus(rng, paint):
    length, half, high = rng.uniform(8.5, 12), 1.27, rng.uniform(2.9, 3.3)
    glass = np.multiply(GLASS, rng.uniform(0.7, 1.5))
    solid = Solid()
    rear, front = -length / 2, length / 2
    axles = rear + 2.6, front - 2.4
    solid.box(-1.15, 1.15, 0.2, 0.5, rear + 0.3, front - 0.3, (18, 18, 19))
    for x in (-1.24, 0.94):
        for z in axles:
            solid.box(x, x + 0.3, 0, 0.6, z - 0.45, z + 0.45, (20, 20, 21))
    back, face, left, right, _ = solid.box(-half, half, 0.35, high, rear, front, paint)
    band = rendering.color(rng)
    for side in (left, right):
        if rng.random() < 0.5:
            solid.rectangle(side, 0, 0.1, 1, 0.3, band)
        solid.rectangle(side, 0.02, 0.42, 0.98, 0.82, glass)
        for place in np.linspace(0.02, 0.98, 9)[1:-1]:
            solid.rectangle(side, place - 0.006, 0.42, place + 0.006, 0.82, paint * 0.7)
        solid.rectangle(side, 0, 0, 1, 0.06, paint * 0.5)
    door = 0.04, 0.14
    solid.rectangle(right, 1 - door[1], 0.04, 1 - door[0], 0.82, glass * 0.8)
    for side in (-1, 1):
        for z in axles:
            solid.wheel(side * half * 1.004, z, 0.48, (120, 120, 122), side=side)
    solid.rectangle(back, 0.1, 0.55, 0.9, 0.85, glass)
    solid.rectangle(back, 0.15, 0.12, 0.85, 0.42, paint * 0.7)
    solid.rectangle(back, 0, 0, 1, 0.08, (45, 45, 46))
    solid.rectangle(back, 0.42, 0.1, 0.58, 0.15, (220, 218, 205), fine=True)
    for at in (0.02, 0.88):
        solid.rectangle(back, at, 0.18, at + 0.1, 0.45, (165, 20, 22), lamp="tail")
    solid.rectangle(face, 0.05, 0.35, 0.95, 0.82, glass)
    solid.paint(
        face,
        [(0.1, 0.45), (0.45, 0.45), (0.6, 0.8), (0.1, 0.8)],
        glass * 1.6,
        fine=True,
    )
    solid.rectangle(face, 0.2, 0.85, 0.8, 0.95, (25, 25, 27))
    solid.rectangle(face, 0.3, 0.87, 0.7, 0.93, (240, 170, 40), fine=True)
    solid.rectangle(face, 0, 0, 1, 0.1, (45, 45, 46))
    for at in (0.05, 0.79):
        solid.rectangle(face, at, 0.13, at + 0.16, 0.23, (215, 215, 210), lamp="head")
    return solid


SKINS = ((240, 205, 180), (215, 165, 130), (170, 115, 80), (105, 70, 50), (70, 48, 38))


def pedestrian(rng: np.random.Generator, paint: np.ndarray) -> list[Solid]:
    """A person who stands or walks, as a flat figure that faces the camera.

    Args:
        rng: draws height, clothes, step, which way, and what is carried.
        paint: the colour of the coat.
    """
    tall = rng.uniform(1.55, 1.9)
    if rng.random() < 0.12:  # a child
        tall = rng.uniform(1.0, 1.45)
    skin = np.array(SKINS[rng.integers(len(SKINS))])
    hair = np.array([(30, 24, 20), (70, 48, 30), (150, 120, 70), (140, 140, 140)])[
        rng.integers(4)
    ]
    coat = paint
    legs = rendering.color(rng, saturation=(0.0, 0.55), value=(0.1, 0.5))
    shoes = np.full(3, rng.uniform(20, 90))
    solid = Solid()
    # Shares of the height, also sideways: 0.5 is the middle.
    w = tall / 2
    face = solid.face([(-w, 0, 0), (w, 0, 0), (w, tall, 0), (-w, tall, 0)])
    broad = rng.uniform(0.105, 0.135)
    step = 0.0 if rng.random() < 0.25 else rng.uniform(0.02, 0.13)
    sideways = rng.random() < 0.5
    if sideways:
        broad *= 0.75
    else:
        step *= 0.35
    hip, shoulder, turn = 0.49, 0.82, rng.choice([-1, 1])

    def limb(points, widths, color):
        points = np.asarray(points)
        along = np.gradient(points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-6
        across = along[:, ::-1] * (-1, 1) * np.asarray(widths)[:, None] / 2
        polygon = [*(points + across), *(points - across)[::-1]]
        solid.paint(face, polygon, color)

    def arm(swing, color):
        top = (0.5 + swing * 0.2, shoulder - 0.02)
        if not sideways:
            top = (0.5 + np.sign(swing) * broad * 0.92, shoulder - 0.02)
        elbow = (top[0] + swing * 0.5, 0.64)
        hand = (elbow[0] + swing * 0.6 + (0.02 * turn if sideways else 0), 0.5)
        limb([top, elbow, hand], [0.07, 0.06, 0.045], color)
        solid.paint(face, _disc(hand, 0.023), skin)

    swing = max(step, 0.03)
    arm(-swing, coat * 0.75)
    gap = 0.0 if sideways else 0.045
    for side, dark in ((-1, 0.8), (1, 1.0)):
        foot = 0.5 + side * (gap + step)
        knee = 0.5 + side * (gap + step * 0.45) + (0.02 * turn * (step > 0.04))
        limb(
            [(0.5 + side * gap, hip + 0.03), (knee, 0.27), (foot, 0.04)],
            [0.115, 0.085, 0.06],
            legs * dark,
        )
        toe = 0.05 * turn if sideways else 0.012 * side
        solid.paint(
            face,
            [
                (foot - 0.03, 0),
                (foot + 0.03 + max(toe, 0), 0),
                (foot + 0.03, 0.045),
                (foot - 0.03 + min(toe, 0), 0.045),
            ],
            shoes,
        )
    hem = rng.uniform(0.36, 0.5)
    body = [
        (0.5 - broad * 0.8, hem),
        (0.5 + broad * 0.8, hem),
        (0.5 + broad * 0.85, 0.62),
        (0.5 + broad, shoulder - 0.03),
        (0.5 + broad * 0.5, shoulder + 0.02),
        (0.5 - broad * 0.5, shoulder + 0.02),
        (0.5 - broad, shoulder - 0.03),
        (0.5 - broad * 0.85, 0.62),
    ]
    solid.paint(face, body, coat)
    solid.rectangle(face, 0.5, hem, 0.5 + broad * 0.8, 0.75, coat * 0.88, fine=True)
    arm(swing, coat * 0.9)
    solid.rectangle(face, 0.475, 0.81, 0.525, 0.88, skin * 0.9)
    back = not sideways and rng.random() < 0.5
    solid.paint(face, _disc((0.5, 0.935), 0.062, 0.05), hair if back else skin)
    crown = [(0.5 + 0.054 * x, 0.945 + 0.055 * y) for x, y in _arch()]
    if sideways:
        crown = [(s - 0.012 * turn, t) for s, t in crown]
    solid.paint(face, crown, hair)
    if rng.random() < 0.25:
        bag = rendering.color(rng)
        x = 0.5 - turn * broad
        solid.rectangle(face, x - 0.06, 0.55, x + 0.06, 0.78, bag)
    return [solid]


def _disc(middle, tall, wide=None):
    wide = tall if wide is None else wide
    return [
        (middle[0] + 2 * wide * (s - 0.5), middle[1] + 2 * tall * (t - 0.5))
        for s, t in CIRCLE
    ]


def _arch():
    return [(math.cos(a), math.sin(a)) for a in np.linspace(-0.15, math.pi + 0.15, 9)]


def traffic_light(rng: np.random.Generator, paint: np.ndarray) -> list[Solid]:
    """The head of a traffic light, its lower edge at y = 0, seen from its front.

    Args:
        rng: draws size and form.
        paint: the colour of the housing.
    """
    tall = rng.uniform(1.0, 1.35)
    half = tall * rng.uniform(0.18, 0.22)
    solid = Solid()
    if rng.random() < 0.65:  # a board behind it
        solid.box(-half * 1.5, half * 1.5, -0.12, tall + 0.12, 0.0, 0.02, (20, 21, 21))
    face, *_ = solid.box(-half, half, 0, tall, -0.25, 0, paint)
    for number, name in enumerate(SIGNALS):
        middle = (0.5, 0.83 - 0.33 * number)
        wide = 0.145 * tall / (2 * half)
        solid.paint(face, _disc(middle, 0.157, 1.08 * wide), paint * 0.5)
        solid.paint(
            face,
            _disc(middle, 0.145, wide),
            np.multiply(SIGNALS[name], 0.22),
            lamp=name,
        )
    return [solid]
