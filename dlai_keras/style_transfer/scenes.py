"""Drawing landscapes and towns that look like photographs, each from a seed."""

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from dlai_keras import rendering

LEAST = 32  # pixels each way


@dataclass(frozen=True)
class Light:
    """A time of day: colours are RGB from 0 to 255, gains multiply them.

    Attributes:
        sky: colours above, half way down, and at the horizon.
        haze: what far things fade to.
        sun: gain of what the sun shines on.
        shade: gain of what lies in shadow.
        clouds: share of the sky that they may cover.
        has_sun: the sun may be seen.
        is_dark: lamps are lit.
    """

    sky: tuple
    haze: tuple
    sun: tuple
    shade: tuple
    clouds: float = 0.45
    has_sun: bool = True
    is_dark: bool = False


LIGHTS = {
    "noon": Light(
        ((48, 110, 196), (112, 170, 228), (206, 230, 243)),
        haze=(180, 205, 228),
        sun=(1.12, 1.08, 0.98),
        shade=(0.52, 0.60, 0.76),
    ),
    "morning": Light(
        ((104, 150, 208), (186, 205, 222), (253, 230, 196)),
        haze=(232, 220, 206),
        sun=(1.14, 1.04, 0.86),
        shade=(0.55, 0.60, 0.74),
    ),
    "evening": Light(
        ((70, 98, 168), (218, 160, 148), (255, 208, 128)),
        haze=(236, 178, 146),
        sun=(1.22, 0.95, 0.66),
        shade=(0.46, 0.44, 0.60),
        clouds=0.55,
    ),
    "dusk": Light(
        ((24, 32, 88), (104, 72, 136), (250, 146, 98)),
        haze=(134, 92, 128),
        sun=(0.82, 0.62, 0.62),
        shade=(0.34, 0.34, 0.54),
        is_dark=True,
    ),
    "cloudy": Light(
        ((128, 146, 170), (172, 184, 196), (220, 222, 220)),
        haze=(186, 194, 202),
        sun=(0.94, 0.94, 0.92),
        shade=(0.64, 0.67, 0.72),
        clouds=0.8,
        has_sun=False,
    ),
}
LEAVES = ((74, 112, 44), (98, 128, 48), (58, 98, 56), (116, 132, 62))
AUTUMN = ((196, 118, 36), (176, 72, 34), (206, 158, 50), (128, 112, 48))
WALLS = (
    (226, 206, 170),
    (214, 160, 116),
    (196, 106, 84),
    (232, 224, 208),
    (160, 178, 178),
    (222, 184, 96),
    (150, 164, 120),
    (206, 150, 150),
    (126, 152, 186),
)
ROOFS = ((168, 84, 58), (140, 70, 56), (96, 92, 100), (186, 104, 66))
FINE = 3  # canvas pixels to one of the picture


class _Scene:
    """A picture in the making, with a camera on a plane and the light of a day.

    Places in the picture are in heights of it: x to the right, y down. Places in the
    world are metres: u to the right, v ahead, up.
    """

    def __init__(self, rng, size, lights, *, horizon, eye):
        self.rng = rng
        self.height, self.width = size
        self.aspect = self.width / self.height
        self.light = LIGHTS[lights[rng.integers(len(lights))]]
        self.shade, self.haze = np.array(self.light.shade), np.array(self.light.haze)
        self.sunny = self.light.sun - self.shade
        self.side = int(rng.choice([-1, 1]))  # where the sun is
        self.horizon, self.eye = horizon, eye
        self.middle = self.aspect * rng.uniform(0.42, 0.58)
        self.wind = rng.uniform(0, 2 * math.pi)
        leaves = AUTUMN if rng.random() < 0.22 else LEAVES
        self.leaves = [np.array(leaf) * rng.uniform(0.85, 1.1) for leaf in leaves]
        rows = (np.arange(self.height, dtype="float32") + 0.5) / self.height
        columns = (np.arange(self.width, dtype="float32") + 0.5) / self.height
        self.x, self.y = np.meshgrid(columns, rows)
        self.soft, self.rough = noise_tiles(rng)
        # Plaster, tiles and leaves are never of one colour.
        grain = self.sample(self.x, self.y, 1.3, rough=True)
        grain += self.sample(self.x, self.y, 0.9)
        self.grain = (1 + 0.055 * grain)[..., None]
        self.image = self._sky()

    # Numbers

    def sample(self, x, y, scale, *, rough=False):
        """Noise of about -1 to 1 that repeats after 1 / scale."""
        tile = self.rough if rough else self.soft
        places = []
        for axis in (x, y):
            share = np.asarray(axis, "float32") * np.float32(scale)
            places.append((share - np.floor(share)) * np.float32(len(tile)))
        return cv2.remap(tile, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)

    def curve(self, waves, rough=0.5):
        """A random line over the columns, about -1 to 1."""
        places = np.linspace(0, 1, self.width)
        line = np.zeros(self.width)
        for octave in range(7):
            num = int(waves * 2**octave) + 3
            knots = self.rng.uniform(-1, 1, num)
            line += rough**octave * np.interp(places, np.linspace(0, 1, num), knots)
        return (line * (1 - rough)).astype("float32")

    def place(self, u, v, up=0.0):
        """Where in the picture a place of the world is."""
        return self.middle + u / v, self.horizon + (self.eye - up) / v

    def lit(self, paint, share, v=0.0):
        """A colour in sun (share 1) or shade (0), `v` metres off."""
        stay = math.exp(-v / 1800)
        return paint * (self.shade + share * self.sunny) * stay + self.haze * (1 - stay)

    def cover(self, layer, share):
        """Lays a colour or a picture over the scene where `share` says so."""
        self.image = rendering.blend(self.image, np.float32(layer), np.float32(share))

    def below(self, line):
        """1 below a line `(width,)` in the picture, 0 above, soft for one pixel."""
        return np.clip((self.y - line) * self.height + 0.5, 0, 1)

    def canvas(self):
        size = FINE * max(self.height, self.width)
        matrix = rendering.placement((0, 0), FINE * self.height)
        return rendering.Canvas(size, matrix)

    def put(self, canvas):
        # What is not covered is black, so areas may be averaged as they are.
        size = max(self.height, self.width)
        layer, cover = (
            cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA)
            for part in (canvas.image, canvas.cover)
        )
        part = slice(self.height), slice(self.width)
        cover = cover[part][..., None] / np.float32(255)
        self.image = self.image * (1 - cover) + layer[part] * self.grain

    def _sky(self):
        rng, light = self.rng, self.light
        high, half, low = np.float32(light.sky)
        t = np.clip(self.y / self.horizon, 0, 1)[..., None]
        sky = np.where(
            t < 0.55,
            high + (half - high) * t / 0.55,
            half + (low - half) * (t / 0.45 - 0.55 / 0.45),
        ).astype("float32")
        off = rng.uniform(0.12, 0.42) * self.aspect
        self.sun = (
            self.aspect / 2 + self.side * off,
            self.horizon * rng.uniform(0.2, 0.9),
        )
        if light.is_dark:
            self.sun = self.sun[0], self.horizon * 0.98
        far = np.hypot(self.x - self.sun[0], self.y - self.sun[1])
        if light.has_sun:
            glow = 0.75 * np.exp(-far / 0.16) + 0.25 * np.exp(-far / 0.5)
            sky += glow[..., None] * (np.float32((255, 240, 205)) - sky) * 0.8
        # Clouds lie on a plane above, so they are flat and small near the horizon.
        depth = 0.35 / (self.horizon - np.minimum(self.y, self.horizon) + 0.16)
        x, y = (self.x - self.middle) * depth, depth
        ox, oy = rng.uniform(0, 1, 2)
        noise, toward = (
            self.sample(x + ox + a, y * 1.6 + oy + b, 0.5)
            for a, b in ((0, 0), (0.035 * self.side, -0.03))
        )
        share = rng.uniform(0.15, light.clouds)
        level = np.quantile(noise[::4, ::4], 1 - share)
        thick = np.clip((noise - level) / 0.75, 0, 1)
        thick = thick * thick * (3 - 2 * thick)
        bright = np.clip(0.72 + 1.3 * (noise - toward) - 0.25 * thick, 0, 1)[..., None]
        white = np.minimum(np.float32(light.sun) * 252, 255)
        white = white * 0.75 + np.float32(light.sky[2]) * 0.25
        grey = np.float32(light.sky[1]) * 0.55 + np.float32(light.haze) * 0.35
        clouds = grey + (white - grey) * bright
        return rendering.blend(sky, clouds, thick * 0.92)

    # Land

    def mountains(self, base, tall, v, paint, *, snow=False):
        """A chain that stands on the line `base` and fades at `v` metres."""
        rng = self.rng
        waves = rng.uniform(2, 4)
        rises = 1 - np.abs(self.curve(waves, 0.45)) * 1.9
        line = base - tall * (0.35 + 0.65 * rises) - 0.1 * tall * self.curve(30, 0.6)
        line = line.astype("float32")
        deep = np.maximum(self.y - line, 0)
        # Ribs run down from the crest, and one side of each is in the light.
        slope = np.gradient(cv2.GaussianBlur(line[None], (0, 0), self.width / 90)[0])
        slope = self.side * slope * self.width / tall * 0.2
        bent = self.x + 0.8 * deep * self.sample(self.x, self.y, 1.2)
        index = np.clip(bent * self.height, 0, self.width - 1).astype("int32")
        rough = self.sample(bent * 1.5, self.y * 0.7, 3.0)
        share = np.clip(0.45 + slope[index] + 0.30 * rough, 0, 1)[..., None]
        dark, bright = (np.float32(self.lit(paint, s, v)) for s in (0, 1))
        layer = dark + (bright - dark) * share
        if snow:
            melt = 0.42 * tall * (1 + 0.9 * self.sample(self.x, self.y, 2.5))
            white = np.clip((melt - deep) / 0.02 - 2.5 * (rough > 0.45), 0, 1)
            cold, warm = (
                np.float32(self.lit((250, 250, 252), s, v * 0.6)) for s in (0.2, 1)
            )
            layer = rendering.blend(layer, cold + (warm - cold) * share, white * 0.95)
        fog = np.clip(deep / tall * 0.5, 0, 0.55) * min(1, v / 1500)
        layer = rendering.blend(layer, np.float32(self.light.haze), fog)
        self.cover(layer, self.below(line))

    def hills(self, base, tall, v, paint, *, woods=0.5, where=1.0):
        """Rounded land with fields and woods on it, as high as `where` says."""
        line = 0.5 + 0.5 * self.curve(self.rng.uniform(1, 3), 0.3)
        line = base + 0.01 * (np.float32(where) < 0.02) - tall * line * where
        wooded = self.rng.random() < woods
        if wooded:
            line = line - 0.012 * np.abs(self.curve(60, 0.7)) * where
        line = line.astype("float32")
        deep = np.maximum(self.y - line, 0)
        grain = self.sample(self.x, self.y * 2.2, 3.5 if wooded else 1.6)
        share = np.clip(0.75 - 2.2 * deep + (0.5 if wooded else 0.2) * grain, 0, 1)
        paint = np.array(paint) * (0.7 if wooded else 1.0)
        dark, bright = (np.float32(self.lit(paint, s, v)) for s in (0, 1))
        layer = dark + (bright - dark) * share[..., None]
        patches = self.sample(self.x + deep * 2, deep * 5 + v, 0.8)
        yellow = np.float32(self.lit((198, 182, 96), 0.9, v))
        if not wooded:
            layer = rendering.blend(layer, yellow, 0.6 * (patches > 0.25))
        fog = np.clip(deep * 4, 0, 0.5) * min(1, v / 1200)
        layer = rendering.blend(layer, np.float32(self.light.haze), fog)
        self.cover(layer, self.below(line))
        return line

    def plane(self):
        """U and v of each pixel below the horizon; v is far above it."""
        v = self.eye / np.maximum(self.y - self.horizon, 1e-3)
        return (self.x - self.middle) * v, v

    def meadow(self, line, paint, flowers=None):
        """Grass from the line to the lower edge."""
        u, v = self.plane()
        near = np.clip(14 / v, 0, 1)
        blades = self.sample(u, v * 0.35, 0.09, rough=True) * near
        grain = self.sample(u, v * 0.35, 0.02) + 0.6 * self.sample(u, v * 0.4, 0.07)
        share = np.clip(0.62 + 0.22 * grain + 0.3 * blades, 0, 1)[..., None]
        dark, bright = (np.float32(self.lit(paint, s)) for s in (0.1, 1))
        layer = dark + (bright - dark) * share
        dry = np.float32(self.lit(np.array(paint) * (1.35, 1.1, 0.8), 0.9))
        layer = rendering.blend(layer, dry, np.clip(grain * 0.6, 0, 0.6))
        if flowers is not None:
            dots = self.sample(u + 9, v * 0.7, 0.045, rough=True)
            dots += 0.5 * self.sample(u, v * 0.5, 0.02)
            share = np.clip((dots - 0.75) * 4, 0, 1) * np.clip(30 / v, 0, 1)
            layer = rendering.blend(layer, np.float32(self.lit(flowers, 1)), share)
        fog = 1 - np.exp(-v / 500)
        layer = rendering.blend(layer, np.float32(self.light.haze), fog)
        self.cover(layer, self.below(np.float32(line)))

    def rows(self, line, spacing, paint, soil):
        """Rows of plants that meet at the horizon."""
        u, v = self.plane()
        turned = u + v * math.tan(self.rng.uniform(-0.35, 0.35))
        wobble = 0.12 * self.sample(u, v, 0.06)
        phase = (turned / spacing + wobble) * 2 * math.pi
        wide = np.clip(
            1.2 - v / spacing / self.height * 2.5, 0, 1
        )  # what pixels resolve
        wave = np.sin(phase) * wide
        bushy = self.sample(u, v * 0.6, 0.08, rough=True) * np.clip(16 / v, 0, 1)
        bushy = wave + 0.5 * bushy
        top = np.clip(bushy * 1.6 + 0.5, 0, 1)[..., None]
        lee = np.clip(0.62 + 0.5 * np.sin(phase + self.side * 1.3) * wide, 0, 1)[
            ..., None
        ]
        dark, bright = (np.float32(self.lit(paint, s)) for s in (0, 1))
        earth = np.float32(self.lit(soil, 0.75))
        layer = earth + (dark + (bright - dark) * lee - earth) * top
        fog = 1 - np.exp(-v / 600)
        layer = rendering.blend(layer, np.float32(self.light.haze), fog)
        self.cover(layer, self.below(np.float32(line)))

    def path(self, wide, paint, bend, end=200.0):
        """A way that winds towards the horizon."""
        u, v = self.plane()
        middle = self.way(v, bend)
        edge = wide / 2 * (1 + 0.25 * self.sample(u * 0 + 3, v, 0.15))
        soft = np.maximum(v / self.height, 0.12)
        share = np.clip((edge - np.abs(u - middle)) / soft + 0.5, 0, 1) * (v < end)
        grain = self.sample(u, v * 0.5, 0.09, rough=True) * np.clip(12 / v, 0, 1)
        grain = 0.6 + 0.22 * grain + 0.15 * self.sample(u, v, 0.1)
        ruts = 0.12 * np.cos(np.clip((u - middle) / edge, -1, 1) * 2 * math.pi)
        dark, bright = (np.float32(self.lit(paint, s)) for s in (0, 1))
        layer = dark + (bright - dark) * np.clip(grain + ruts, 0, 1)[..., None]
        layer = rendering.blend(
            layer, np.float32(self.light.haze), 1 - np.exp(-v / 500)
        )
        self.cover(layer, share * (self.y > self.horizon))

    def way(self, v, bend):
        amount, phase = bend
        return amount * np.sin(np.log(v + 3) * 2.2 + phase) * np.minimum(v, 60) * 0.16

    # Water

    def water(self, base, shore, *, rough=1.0, tint=(40, 92, 110)):
        """Mirrors what stands above the line `base` down to the line `shore`.

        Both are a height in the picture, or one for each column.
        """
        base = np.broadcast_to(np.float32(base), (self.width,))
        shore = np.broadcast_to(np.float32(shore), (self.width,))
        deep = np.maximum(self.y - base.min(), 0)
        # Waves are seen flatter the farther they are.
        v = 0.05 / (deep + 0.012)
        ripple = self.sample(self.x * v * 0.5, v * 3, 0.6)
        ripple += 0.7 * self.sample(self.x * v * 1.4 + 0.3, v * 9, 0.6)
        shift = rough * ripple * np.minimum(0.03, 0.004 + 0.09 * deep)
        y = (2 * base - self.y + shift) * self.height - 0.5
        x = (self.x + 0.35 * shift) * self.height - 0.5
        mirrored = cv2.remap(
            self.image.astype("float32"),
            np.float32(x),
            np.float32(y),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        tone = np.float32(self.lit(tint, 0.7))
        share = np.clip(0.16 + 0.75 * deep + 0.10 * rough * ripple, 0, 0.7)
        mirrored = rendering.blend(mirrored * np.float32(0.94), tone, share)
        bright = np.clip(ripple * rough - 1.1, 0, 1) * 0.5
        mirrored = rendering.blend(mirrored, np.float32(self.light.sky[2]), bright)
        cover = np.minimum(self.below(base), 1 - self.below(shore))
        self.cover(mirrored, cover)

    # Things

    def tree(self, canvas, u, v, kind="leaf", tall=None):
        """A tree on the ground: with leaves, with needles, a poplar or a bush."""
        rng = self.rng
        heights = {"leaf": (5, 9), "needle": (6, 13), "poplar": (8, 13), "bush": (1, 2)}
        tall = rng.uniform(*heights[kind]) if tall is None else tall
        x, y = self.place(u, v)
        high = tall / v
        paint = self.leaves[rng.integers(len(self.leaves))] * rng.uniform(0.85, 1.1)
        if kind == "needle":
            paint = np.array((44, 82, 58)) * rng.uniform(0.8, 1.15)
            return self._conifer(canvas, x, y, high, paint, v)
        wide = {"leaf": rng.uniform(0.34, 0.46), "poplar": 0.13, "bush": 0.75}[kind]
        low = {"leaf": 0.26, "poplar": 0.08, "bush": 0.0}[kind]
        bark = self.lit((92, 72, 56), 0.45, v)
        if low:
            thick = high * rng.uniform(0.022, 0.034)
            top = y - high * (low + 0.3)
            lean = rng.normal(0, 0.02) * high
            stem = [(x - thick, y), (x + thick, y), (x + lean + thick / 2, top)]
            canvas.polygon([*stem, (x + lean - thick / 2, top)], bark)
            for side in (-1, 1):
                tip = x + lean + side * 0.5 * wide * high, y - high * (low + 0.28)
                root = x + lean / 2, y - high * low
                canvas.stroke([root, tip], thick * 0.6, bark)
        num = int(np.clip(high * self.height, 7, 0.6 * self.height))
        # Clumps first, then leaves around them, the sunny ones last.
        clumps = rng.uniform(-1, 1, (6, 2)) * (0.62, 0.58)
        at = clumps[rng.integers(6, size=num)] + rng.normal(0, 0.26, (num, 2))
        reach = np.hypot(at[:, 0], at[:, 1])
        at /= np.maximum(reach / 0.88, 1)[:, None]
        toward = 0.6 * self.side * at[:, 0] - 0.8 * at[:, 1]
        order = np.argsort(toward + rng.normal(0, 0.25, num))
        size = rng.uniform(0.16, 0.3, num) * (1.5 if num < 20 else 1)
        centre = y - high * (low + (1 - low) / 2)
        radii = np.array([wide * high, (1 - low) / 2 * high * 0.92])
        canvas.ellipse((x, centre), radii * 0.72, self.lit(paint, 0.1, v))
        ring = _ring(rng, num)
        if num > 40:  # so near that leaves are seen: small tufts over large ones
            size[rng.random(num) < 0.75] *= min(0.45, 6.5 / math.sqrt(self.height))
        blobs = (at[:, None] + size[:, None, None] * ring) * radii + (x, centre)
        share = np.clip(0.42 + 0.5 * toward + rng.normal(0, 0.1, num), 0, 1)[:, None]
        gains = [0.82 + 0.4 * share, 0.85 + 0.32 * share, np.full_like(share, 0.9)]
        tones = self.lit(paint * np.concatenate(gains, axis=1), share, v)
        for i in order.tolist():
            canvas.polygon(blobs[i], tones[i])

    def _conifer(self, canvas, x, y, high, paint, v):
        rng = self.rng
        thick = 0.02 * high
        bark = self.lit((84, 66, 54), 0.4, v)
        canvas.polygon(
            [
                (x - thick, y),
                (x + thick, y),
                (x + thick, y - 0.2 * high),
                (x - thick, y - 0.2 * high),
            ],
            bark,
        )
        num = int(np.clip(high * 30, 5, 13))
        for i in range(num):
            low = 0.08 + 0.8 * i / num
            reach = 0.23 * high * (1.02 - low) * rng.uniform(0.85, 1.12)
            bottom, top = y - high * low, y - high * min(1, low + 1.9 / num + 0.06)
            teeth = np.linspace(-1, 1, 9)
            edge = [
                (x + t * reach, bottom + (0.35 * (j % 2) - 0.15 * t * t) * high / num)
                for j, t in enumerate(teeth)
            ]
            canvas.polygon([*edge, (x, top)], self.lit(paint, 0.12 + 0.1 * low, v))
            lit = [edge[j] for j in range(9) if (teeth[j]) * self.side >= -0.1]
            canvas.polygon([*lit, (x, top)], self.lit(paint * 1.12, 0.75, v))

    def solid(self, canvas, corners, paint, share, v):
        """A face, its corners (u, v, up), in front of the camera."""
        canvas.polygon(
            [self.place(*corner) for corner in corners], self.lit(paint, share, v)
        )

    def house(self, canvas, u, v, *, size=None, turn=None, paint=None, church=False):
        """A house with a ridged roof; `u`, `v` is the middle of its ground."""
        rng = self.rng
        wide, deep, tall = size or (
            rng.uniform(6, 9),
            rng.uniform(7, 11),
            rng.uniform(3, 5),
        )
        turn = rng.uniform(0.25, 0.9) * rng.choice([-1, 1]) if turn is None else turn
        paint = np.array(WALLS[rng.integers(len(WALLS))] if paint is None else paint)
        paint = paint * rng.uniform(0.9, 1.05)
        tiles = np.array(ROOFS[rng.integers(len(ROOFS))]) * rng.uniform(0.85, 1.1)
        roof = tall + wide * rng.uniform(0.32, 0.5)
        cosine, sine = math.cos(turn), math.sin(turn)

        def at(a, b, up):
            return u + a * cosine - b * sine, v + a * sine + b * cosine, up

        a, b = wide / 2, deep / 2

        def facing(normal, half):
            return -1 if normal @ (normal * half + (u, v)) > 0 else 1

        # The gables look along b, the eaves along a; one of each looks to the camera.
        gable = facing(np.array([-sine, cosine]), b)
        eave = facing(np.array([cosine, sine]), a)
        normals = gable * np.array([-sine, cosine]), eave * np.array([cosine, sine])
        sun = np.array([self.side * 0.85, -0.5])
        shares = [
            float(np.clip(0.5 + 0.65 * normal @ sun, 0.08, 1)) for normal in normals
        ]
        if church:
            foot = at(0, -gable * b * 0.7, 0)
            self._tower(canvas, foot, wide * 0.45, roof * 1.75, paint, tiles)
        face = [at(a * s, b * gable, up) for s, up in ((-1, 0), (1, 0), (1, tall))]
        face += [at(0, b * gable, roof), at(-a, b * gable, tall)]
        self.solid(canvas, face, paint, shares[0], v)
        side = [
            at(a * eave, b * s, up)
            for s, up in ((-1, 0), (1, 0), (1, tall), (-1, tall))
        ]
        self.solid(canvas, side, paint, shares[1], v)
        over, drop = 0.06, 0.12 * (roof - tall)
        slope = [
            at(a * eave * (1 + 2 * over), b * s * (1 + over), tall - drop)
            for s in (-1, 1)
        ]
        slope += [at(0, b * s * (1 + over), roof) for s in (1, -1)]
        share = float(np.clip(shares[1] * 0.7 + 0.35, 0, 1))
        self.solid(canvas, slope, tiles, share, v)
        if self.height / v > 1.5:
            for t in np.linspace(0.12, 0.9, 6):
                line = [
                    at(a * eave * (1 - t), b * s, tall + t * (roof - tall))
                    for s in (-1, 1)
                ]
                canvas.stroke(
                    [self.place(*p) for p in line],
                    0.07 / v,
                    self.lit(tiles * 0.8, share, v),
                )
        out = b * gable * (1 + over)
        rim = [at(s * a * (1 + 2 * over), out, tall - drop) for s in (-1, 1)]
        rim.insert(1, at(0, out, roof))
        canvas.stroke(
            [self.place(*p) for p in rim], 0.3 / v, self.lit(tiles * 0.75, 0.6, v)
        )
        self._openings(canvas, at, v, paint, shares, (a, b, tall, gable, eave))
        if rng.random() < 0.8:
            foot = at(a * eave * 0.4, b * rng.uniform(-0.6, 0.6), roof * 0.86)
            x, y = self.place(*foot)
            self._box(canvas, x, y, 0.45 / v, 1.5 / v, self.lit((150, 96, 80), 0.7, v))

    def house_at(self, canvas, x, y, v):
        """A house on a hill: at this place in the picture, as large as `v` m off."""
        eye, self.eye = self.eye, (y - self.horizon) * v
        self.house(canvas, (x - self.middle) * v, v)
        self.eye = eye

    def _openings(self, canvas, at, v, paint, shares, form):
        rng = self.rng
        a, b, tall, gable, eave = form
        frame = np.minimum(np.asarray(paint) * 1.15 + 12, 255)
        shutter = rendering.color(rng, saturation=(0.3, 0.7), value=(0.25, 0.6))
        floors = max(1, round(tall / 2.8))
        for along, share in ((False, shares[0]), (True, shares[1])):
            reach = b if along else a
            num, half = max(2, round(reach / 1.3)), 0.42 / reach
            edge = 1.25 * half

            def wall(s, up, along=along):
                if along:
                    return at(a * eave * 1.003, b * s, up)
                return at(a * s, b * gable * 1.003, up)

            def draw(left, right, low, high, paint, bright, wall=wall):
                corners = _corners(left, right, low, high)
                self.solid(canvas, [wall(*one) for one in corners], paint, bright, v)

            for floor in range(floors):
                low = tall * (floor + 0.32) / floors
                high = low + tall * 0.42 / floors
                for i in range(num):
                    t = -1 + 2 * (i + 0.5) / num
                    if not along and floor == 0 and i == num // 2:  # the door
                        draw(t - half, t + half, 0, 2.1, shutter, share)
                        continue
                    draw(t - edge, t + edge, low - 0.1, high + 0.1, frame, share)
                    draw(t - half, t + half, low, high, *self._glass(share))
                    if self.height / v > 2:
                        for left in (t - 2.1 * half, t + edge):
                            draw(left, left + 0.85 * half, low, high, shutter, share)

    def _glass(self, share):
        """Colour of a window and how bright it is: when it is dark some are lit."""
        if not self.light.is_dark:
            return (63, 80, 97), min(1.0, share + 0.1)
        if self.rng.random() < 0.65:
            return np.array((255, 213, 129)) / self.light.sun, 1.0
        return (60, 66, 84), share

    def _box(self, canvas, x, y, wide, high, color):
        canvas.polygon(
            [(x - wide, y), (x + wide, y), (x + wide, y - high), (x - wide, y - high)],
            color,
        )

    def _tower(self, canvas, foot, wide, tall, paint, tiles):
        u, v, _ = foot
        x, y = self.place(u, v)
        half, high = wide / 2 / v, tall / v
        split = x + self.side * half * 0.25
        for left, right, share in (
            (x - half, split, 0.95 if self.side < 0 else 0.25),
            (split, x + half, 0.95 if self.side > 0 else 0.25),
        ):
            canvas.polygon(
                [(left, y), (right, y), (right, y - high), (left, y - high)],
                self.lit(paint, share, v),
            )
        top = y - high
        canvas.polygon(
            [(x - half * 1.2, top), (split, top), (x, top - high * 0.55)],
            self.lit(tiles, 0.95 if self.side < 0 else 0.3, v),
        )
        canvas.polygon(
            [(split, top), (x + half * 1.2, top), (x, top - high * 0.55)],
            self.lit(tiles, 0.95 if self.side > 0 else 0.3, v),
        )
        dark = self.lit((50, 48, 54), 0.6, v)
        self._box(canvas, x, top + high * 0.28, half * 0.28, high * 0.13, dark)
        canvas.ellipse(
            (x, top + high * 0.4),
            (half * 0.32, half * 0.32),
            self.lit((240, 232, 210), 0.9, v),
        )

    def front(self, canvas, side, u, near, far):
        """A house whose front looks across a street, from `near` to `far`."""
        rng = self.rng
        floors = int(rng.integers(2, 5))
        tall = floors * rng.uniform(2.7, 3.1) + 0.4
        roof, deep = tall + rng.uniform(1.4, 2.6), 4.0
        paint = np.array(WALLS[rng.integers(len(WALLS))]) * rng.uniform(0.9, 1.06)
        tiles = np.array(ROOFS[rng.integers(len(ROOFS))]) * rng.uniform(0.85, 1.1)
        share = 0.9 if side != self.side else 0.12
        v, back, eaves = (near + far) / 2, side * (u + deep), side * (u - 0.35)
        seen = max(near, 2.2)  # nothing is drawn that lies beside the camera

        def draw(left, right, low, high, paint, bright=share, out=0.0):
            corners = [
                (side * (u - out), seen + t * (far - seen), up)
                for t, up in _corners(left, right, low, high)
            ]
            self.solid(canvas, corners, paint, bright, v)

        if near > 2.5:  # the end wall, above a lower neighbour
            end, other = side * u, side * (u + 2 * deep)
            wall = [(end, near, 0), (other, near, 0), (other, near, tall)]
            wall += [(back, near, roof), (end, near, tall)]
            self.solid(canvas, wall, paint * 0.93, 0.42, v)
        slope = [(eaves, seen, tall), (eaves, far, tall)]
        slope += [(back, far, roof), (back, seen, roof)]
        self.solid(canvas, slope, tiles, 0.75 * share + 0.25, v)
        draw(0, 1, 0, tall, paint)
        draw(0, 1, tall - 0.35, tall, paint * 0.8)
        frame = np.minimum(paint * 1.12 + 14, 255)
        shutter = rendering.color(rng, saturation=(0.3, 0.7), value=(0.25, 0.6))
        num = max(2, round((far - seen) / 2.5))
        half = 0.55 / (far - seen)
        has_shop, has_shutters = rng.random() < 0.5, rng.random() < 0.6
        is_near = self.height / v > 8
        for floor in range(floors):
            low = 0.35 + tall * (floor + 0.28) / floors
            high = low + 0.5 * tall / floors
            for i in range(num):
                t = (i + 0.5) / num
                if floor == 0 and i == num // 2:
                    draw(t - half, t + half, 0, high, shutter * 0.8)
                    continue
                if floor == 0 and has_shop:
                    draw(t - 2 * half, t + 2 * half, 0.7, high, *self._glass(share))
                    continue
                if is_near:
                    edge = 1.3 * half
                    draw(t - edge, t + edge, low - 0.12, high + 0.12, frame)
                draw(t - half, t + half, low, high, *self._glass(share))
                if is_near and has_shutters:
                    draw(t - 2 * half, t - half, low, high, shutter)
                    draw(t + half, t + 2 * half, low, high, shutter)
                elif is_near:
                    draw(t - 0.08 * half, t + 0.08 * half, low, high, frame)
                if is_near and floor and rng.random() < 0.3:
                    bloom = ((206, 66, 84), (232, 160, 60), (236, 236, 230))[i % 3]
                    draw(t - half, t + half, low - 0.4, low, bloom, out=0.15)
        if has_shop:
            self._awning(canvas, side, u, (seen, far), 0.95 * tall / floors, share)

    def _awning(self, canvas, side, u, ends, up, share):
        """Striped cloth above a shop."""
        cloth = rendering.color(self.rng, saturation=(0.5, 0.9), value=(0.5, 0.85))
        stripes = np.linspace(*ends, 9).tolist()
        for i, (near, far) in enumerate(itertools.pairwise(stripes)):
            paint = cloth if i % 2 else (240, 236, 226)
            corners = [(side * u, near, up), (side * u, far, up)]
            corners += [(side * (u - 1.1), v, up - 0.6) for v in (far, near)]
            self.solid(canvas, corners, paint, min(1, share + 0.15), sum(ends) / 2)

    def paving(self, line, half):
        """Stones from the line to the lower edge, pavements, and a shadow."""
        u, v = self.plane()
        stones = self.sample(u, v * 0.8, 0.11, rough=True) * np.clip(14 / v, 0, 1)
        joints = np.maximum(np.cos(u * 9), np.cos(v * 7 + np.rint(u * 9 / 6.283) * 2.2))
        joints = np.clip(joints * 4 - 3, 0, 1) * np.clip(7 / v - 0.25, 0, 1)
        share = 0.68 + 0.14 * stones + 0.12 * self.sample(u, v, 0.05) - 0.16 * joints
        reach = half * self.rng.uniform(0.5, 1.3)
        dim = np.clip((self.side * u - half + reach) * 2, 0, 1)
        share = np.clip(share * (1 - 0.75 * dim), 0, 1)[..., None]
        paint = np.where(
            (np.abs(u) > half - 1.9)[..., None], (206, 198, 184), (172, 162, 150)
        )
        dark, bright = (np.float32(self.lit((1, 1, 1), s)) for s in (0, 1))
        layer = np.float32(paint) * (dark + (bright - dark) * share)
        kerb = np.abs(np.abs(u) - half + 1.9) < np.maximum(0.07, 0.7 * v / self.height)
        layer = rendering.blend(layer, layer * 0.72, kerb.astype("float32"))
        fog = 1 - np.exp(-v / 400)
        layer = rendering.blend(layer, np.float32(self.light.haze), fog)
        self.cover(layer, self.below(np.float32(line)))

    def lamp(self, canvas, u, v, side):
        x, y = self.place(u, v)
        iron = self.lit((52, 56, 60), 0.5, v)
        high = 3.4 / v
        canvas.stroke([(x, y), (x, y - high)], 0.1 / v, iron)
        canvas.stroke([(x, y - 0.25 / v), (x, y)], 0.24 / v, iron)
        canvas.stroke(
            [(x, y - high), (x + side * 0.5 / v, y - high - 0.12 / v)], 0.08 / v, iron
        )
        glass = (
            (255, 226, 150) if self.light.is_dark else self.lit((232, 230, 214), 0.9, v)
        )
        x, y = x + side * 0.5 / v, y - high
        canvas.polygon(
            [
                (x - 0.2 / v, y - 0.1 / v),
                (x + 0.2 / v, y - 0.1 / v),
                (x + 0.13 / v, y + 0.3 / v),
                (x - 0.13 / v, y + 0.3 / v),
            ],
            glass,
        )
        canvas.polygon(
            [
                (x - 0.26 / v, y - 0.1 / v),
                (x + 0.26 / v, y - 0.1 / v),
                (x, y - 0.3 / v),
            ],
            iron,
        )

    def lighthouse(self, canvas, x, y, high):
        """A white tower with red bands; its lamp is lit when it is dark."""

        def level(t, left, right):
            half = high * (0.10 - 0.035 * t)
            return [(x + left * half, y - t * high), (x + right * half, y - t * high)]

        for band in range(6):
            low, top = 0.8 * band / 6, 0.8 * (band + 1) / 6
            paint = (206, 62, 54) if band % 2 else (246, 242, 234)
            for left, right, share in (
                (-1, 1, 0.3),
                *(((-1, 0.25, 0.95),) if self.side < 0 else ((-0.25, 1, 0.95),)),
            ):
                canvas.polygon(
                    [*level(low, left, right), *level(top, left, right)[::-1]],
                    self.lit(paint, share, 200),
                )
        iron = self.lit((60, 60, 66), 0.5, 200)
        canvas.polygon([*level(0.8, -1.5, 1.5), *level(0.83, -1.5, 1.5)[::-1]], iron)
        lamp = (255, 236, 160) if self.light.is_dark else self.lit((206, 220, 224), 0.9)
        canvas.polygon([*level(0.83, -0.8, 0.8), *level(0.93, -0.8, 0.8)[::-1]], lamp)
        canvas.polygon(
            [*level(0.93, -1.1, 1.1), (x, y - high * 1.03)],
            self.lit((190, 58, 50), 0.7, 200),
        )

    def bridge(self, canvas, half, v):
        """An arch of stone over a canal."""
        stone = (176, 160, 138)
        outer = [
            (u, v, 0.4 + 2.2 * (1 - (u / half / 1.5) ** 2))
            for u in np.linspace(-1.5 * half, 1.5 * half, 15)
        ]
        self.solid(
            canvas,
            [(-1.5 * half, v, -0.8), *outer, (1.5 * half, v, -0.8)],
            stone,
            0.6,
            v,
        )
        rail = [self.place(a, b, up + 0.12) for a, b, up in outer]
        canvas.stroke(rail, 0.28 / v, self.lit(stone, 0.95, v))
        arch = [
            (u, v, 1.9 * math.sqrt(max(0, 1 - (u / half / 0.9) ** 2)) - 0.8)
            for u in np.linspace(-0.9 * half, 0.9 * half, 21)
        ]
        self.solid(canvas, arch, (64, 74, 76), 0.6, v)

    def glitter(self, base):
        """The sun's way on the water."""
        if not self.light.has_sun:
            return
        deep = np.maximum(self.y - base, 0)
        wide = 0.025 + 0.25 * deep
        v = 0.05 / (deep + 0.01)
        sparks = self.sample(self.x * v * 1.1, v * 12, 0.9, rough=True)
        share = np.exp(-(((self.x - self.sun[0]) / wide) ** 2)) * np.clip(
            deep * 90, 0, 1
        )
        share = share * np.clip(0.25 + 1.2 * sparks, 0, 1) * 0.85
        self.cover(np.float32((255, 238, 196)), share)

    def tuft(self, canvas, u, v):
        """Long blades of grass."""
        rng = self.rng
        x, y = self.place(u, v)
        for _ in range(14):
            high = rng.uniform(0.3, 0.9) / v
            lean = rng.normal(0.15 * self.side, 0.3) * high
            paint = np.array((122, 140, 66)) * rng.uniform(0.8, 1.25)
            root = x + rng.normal(0, 0.12) / v
            points = [
                (root, y),
                (root + 0.3 * lean, y - 0.6 * high),
                (root + lean, y - high),
            ]
            canvas.stroke(points, 0.035 / v, self.lit(paint, rng.uniform(0.3, 1)))

    def boat(self, canvas, x, y, size, *, sails=True):
        """A boat at a place in the picture, with its mirror image below."""
        rng = self.rng
        hull = rendering.color(rng, saturation=(0.3, 0.9), value=(0.3, 0.8))
        white = rng.random() < 0.6
        cloth = (
            (246, 240, 226)
            if white
            else rendering.color(rng, saturation=(0.4, 0.8), value=(0.6, 0.9))
        )
        lean = rng.normal(0, 0.05)
        for sign, share in ((-0.8, 0.25), (1, 0.85)):
            side = self.side

            def p(a, b, sign=sign):
                return x + size * (a + lean * b * (sign > 0)), y - sign * size * b

            tone = 1 if sign > 0 else 0.7
            if sails:
                canvas.stroke(
                    [p(0.05, 0), p(0.05, 1.75)],
                    0.035 * size,
                    self.lit((80, 62, 50), 0.5),
                )
                canvas.polygon(
                    [p(0.1, 0.25), p(0.85, 0.3), p(0.62, 0.75), p(0.1, 1.7)],
                    self.lit(np.array(cloth) * tone, 0.95 if side > 0 else 0.6),
                )
                canvas.polygon(
                    [p(0.0, 0.25), p(-0.75, 0.3), p(0.0, 1.45)],
                    self.lit(np.array(cloth) * tone, 0.95 if side < 0 else 0.6),
                )
            canvas.polygon(
                [p(-1, 0.26), p(1.05, 0.3), p(0.8, 0), p(-0.75, 0)],
                self.lit(hull * tone, share),
            )
            if sign > 0:
                canvas.stroke(
                    [p(-1, 0.26), p(1.05, 0.3)],
                    0.05 * size,
                    self.lit((235, 228, 214), 0.8),
                )

    def develop(self):
        """What a camera makes of it."""
        image = self.image
        x, y = self.x / self.aspect - 0.5, self.y - 0.5
        image = image * (1.04 - 0.34 * (x * x + y * y))[..., None]
        grain = self.rng.standard_normal((self.height, self.width, 1), "float32")
        return np.clip(image + 2.2 * grain + 0.5, 0, 255).astype("uint8")


def noise_tiles(rng: np.random.Generator, size: int = 256) -> list[np.ndarray]:
    """Two tiles of noise that repeat without a seam, about -1 to 1: clouds, grain."""
    waves = np.fft.rfft2(rng.standard_normal((size, size)))
    rate = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    rate[0, 0] = np.inf
    tiles = [np.fft.irfft2(waves / rate**power, (size, size)) for power in (1.6, 0.6)]
    return [(tile / tile.std() / 2).astype("float32") for tile in tiles]


def _corners(left, right, low, high):
    return (left, low), (right, low), (right, high), (left, high)


def _ring(rng, num, corners=8):
    """Ragged discs `(num, corners, 2)` of radius about 1."""
    angles = np.arange(corners) * 2 * math.pi / corners
    disc = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return disc * rng.uniform(0.7, 1.2, (num, corners, 1))


def _lake(rng, size, lights=tuple(LIGHTS)):
    scene = _Scene(rng, size, lights, horizon=rng.uniform(0.42, 0.52), eye=3.0)
    base, far = scene.horizon + 0.012, scene.aspect
    stone = np.array((120, 116, 122)) * rng.uniform(0.85, 1.1, 3)
    scene.mountains(
        base, rng.uniform(0.28, 0.38), 2400, stone, snow=rng.random() < 0.75
    )
    scene.mountains(base, rng.uniform(0.14, 0.22), 900, (86, 104, 96))
    scene.hills(base, rng.uniform(0.05, 0.09), 350, (92, 116, 70), woods=0.8)
    canvas = scene.canvas()
    shore = scene.eye / (base - scene.horizon)
    for x in np.sort(rng.uniform(-0.5, 0.5, 26)):
        if rng.random() < 0.85:
            kind = "needle" if rng.random() < 0.75 else "leaf"
            scene.tree(canvas, x * far * shore, shore, kind, rng.uniform(8, 22))
    if rng.random() < 0.7:
        scene.house(
            canvas, rng.uniform(-0.3, 0.3) * far * shore, shore * 0.98, size=(13, 16, 7)
        )
    scene.put(canvas)
    edge = base + rng.uniform(0.26, 0.36) + 0.05 * scene.curve(3)
    edge = edge + rng.uniform(0.2, 0.35) * scene.side * (scene.x[0] / far - 0.5)
    scene.water(base, edge, rough=rng.uniform(0.3, 1.0))
    canvas = scene.canvas()
    if rng.random() < 0.75:
        y = base + rng.uniform(0.06, 0.13)
        scene.boat(canvas, rng.uniform(0.25, 0.75) * far, y, rng.uniform(0.03, 0.05))
        scene.put(canvas)
    scene.meadow(
        edge, (98, 128, 52), flowers=(236, 214, 90) if rng.random() < 0.4 else None
    )
    canvas = scene.canvas()
    for _ in range(int(rng.integers(4, 9))):
        v = rng.uniform(3.2, 7.5)
        scene.tree(
            canvas, rng.uniform(-0.5, 0.5) * v * far, v, "bush", rng.uniform(0.25, 0.7)
        )
    v = rng.uniform(6, 8)
    scene.tree(
        canvas,
        -scene.side * rng.uniform(0.38, 0.46) * far * v,
        v,
        "leaf",
        v * rng.uniform(0.6, 0.85),
    )
    scene.put(canvas)
    return scene.develop()


def _fields(rng, size, lights=tuple(LIGHTS)):
    lights = tuple(name for name in lights if name != "dusk")
    scene = _Scene(
        rng, size, lights, horizon=rng.uniform(0.36, 0.48), eye=rng.uniform(2.2, 3.5)
    )
    base = scene.horizon + 0.01
    scene.mountains(base, rng.uniform(0.08, 0.18), 2600, (110, 120, 140))
    scene.hills(base, rng.uniform(0.06, 0.11), 1000, (122, 138, 78))
    scene.hills(base, rng.uniform(0.02, 0.05), 450, (112, 132, 62))
    crops = (
        ((126, 88, 172), (120, 108, 84)),
        ((206, 178, 84), (150, 128, 84)),
        ((98, 138, 56), (136, 100, 72)),
        ((212, 72, 78), (96, 122, 58)),
        ((226, 188, 50), (98, 126, 56)),
    )
    paint, soil = crops[rng.integers(len(crops))]
    scene.rows(base, rng.uniform(0.9, 1.7), paint, soil)
    canvas = scene.canvas()
    far = scene.aspect
    things = [(rng.uniform(70, 110), "house", rng.uniform(-0.3, 0.3))]
    kinds = (
        ("poplar", "poplar", "leaf")
        if rng.random() < 0.5
        else ("leaf", "leaf", "poplar")
    )
    things += [
        (rng.uniform(60, 150), kinds[rng.integers(3)], rng.uniform(-0.55, 0.55))
        for _ in range(11)
    ]
    things += [(rng.uniform(9, 13), "leaf", scene.side * -rng.uniform(0.36, 0.5))]
    for v, kind, place in sorted(things, reverse=True):
        if kind == "house":
            scene.house(canvas, place * far * v, v, size=(9, 13, 5))
        else:
            scene.tree(canvas, place * far * v, v, kind)
    scene.put(canvas)
    return scene.develop()


def _village(rng, size, lights=tuple(LIGHTS)):
    scene = _Scene(
        rng, size, lights, horizon=rng.uniform(0.44, 0.54), eye=rng.uniform(3, 5)
    )
    base = scene.horizon + 0.012
    scene.mountains(
        base, rng.uniform(0.16, 0.3), 2400, (116, 118, 132), snow=rng.random() < 0.5
    )
    scene.hills(base, rng.uniform(0.07, 0.14), 800, (106, 130, 72))
    scene.meadow(
        base,
        (104, 138, 56),
        flowers=[None, (232, 210, 80), (214, 80, 84), (244, 240, 236)][rng.integers(4)],
    )
    bend = rng.uniform(0.5, 1.0), rng.uniform(0, 6)
    scene.path(rng.uniform(2.2, 3.2), (206, 182, 142), bend)
    canvas = scene.canvas()
    far = scene.aspect
    things = []
    for _ in range(int(rng.integers(5, 8))):
        v = rng.uniform(24, 85)
        things.append((v, "house", rng.uniform(-0.42, 0.42) * far * v))
    v = rng.uniform(45, 60)
    things.append((v, "church", rng.uniform(-0.25, 0.25) * far * v))
    for _ in range(16):
        v = rng.uniform(16, 100)
        kind = ("leaf", "leaf", "leaf", "poplar", "needle", "bush")[rng.integers(6)]
        things.append((v, kind, rng.uniform(-0.55, 0.55) * far * v))
    v = rng.uniform(9, 12)
    things.append((v, "leaf", -scene.side * rng.uniform(0.38, 0.5) * far * v))
    taken = []
    for v, kind, u in sorted(things, reverse=True):
        middle = scene.way(v, bend)
        near = 6.5 if kind in {"house", "church"} else 2.5
        if abs(u - middle) < near:
            u = middle + near * (1 if u > middle else -1)
        if kind in {"house", "church"}:
            if any(abs(u - a) < 9 and abs(v - b) < 10 for a, b in taken):
                continue
            taken.append((u, v))
            form = {"size": (9, 18, 7), "paint": (236, 228, 212), "church": True}
            scene.house(canvas, u, v, **form if kind == "church" else {})
        else:
            scene.tree(canvas, u, v, kind)
    scene.put(canvas)
    return scene.develop()


def _coast(rng, size, lights=tuple(LIGHTS)):
    scene = _Scene(rng, size, lights, horizon=rng.uniform(0.42, 0.52), eye=4.0)
    far, side = scene.aspect, -scene.side
    base = scene.horizon
    t = 0.5 + side * (scene.x[0] / far - 0.5)  # 0 at the open side
    if rng.random() < 0.6:
        scene.mountains(base + 0.004, 0.1, 2600, (110, 120, 140))
    where = np.clip((t - rng.uniform(0.45, 0.6)) * 5, 0, 1) ** 0.7
    tall = rng.uniform(0.16, 0.26)
    line = scene.hills(base + 0.02, tall, 260, (128, 126, 88), where=where)
    canvas = scene.canvas()
    place = int((0.5 + side * rng.uniform(0.22, 0.34)) * scene.width)
    scene.lighthouse(
        canvas, scene.x[0, place], float(line[place]) + 0.01, rng.uniform(0.14, 0.2)
    )
    for _ in range(int(rng.integers(2, 5))):
        place = int((0.5 + side * rng.uniform(0.2, 0.48)) * scene.width)
        x, y = scene.x[0, place], float(line[place]) + 0.03
        scene.house_at(canvas, x, y, 110)
    scene.put(canvas)
    edge = base + rng.uniform(0.24, 0.34) + 0.03 * scene.curve(3)
    edge = edge - 0.22 * (t - 0.5)
    shore = np.where(where > 0.02, base + 0.018, base)
    scene.water(shore, 2.0, rough=rng.uniform(0.8, 1.5), tint=(26, 104, 128))
    scene.glitter(base)
    canvas = scene.canvas()
    for y in sorted(rng.uniform(0.025, 0.16, int(rng.integers(2, 6)))):
        x = 0.5 - side * rng.uniform(-0.2, 0.42)
        scene.boat(canvas, x * far, base + y, 0.008 + 0.3 * y)
    scene.put(canvas)
    scene.meadow(edge, (226, 200, 152))
    foam = np.abs(scene.y - edge - 0.006 * scene.curve(25)) * scene.height
    lap = np.abs(scene.y - edge + 0.03 + 0.012 * scene.curve(9)) * scene.height
    for far_off, wide in ((foam, 0.012), (lap, 0.006)):
        share = np.clip(wide * scene.height + 0.5 - far_off, 0, 1) * 0.85
        scene.cover(scene.lit((250, 250, 248), 1), share)
    canvas = scene.canvas()
    for _ in range(int(rng.integers(6, 12))):
        v = rng.uniform(4.6, 8)
        scene.tuft(canvas, rng.uniform(-0.5, 0.5) * v * far, v)
    scene.put(canvas)
    return scene.develop()


def _town(scene, half, off, end):
    """Houses along both sides of a street or a canal, from far to near."""
    rng = scene.rng
    canvas = scene.canvas()
    fronts = []
    for side in (-1, 1):
        v = 4.2
        while v < end:
            wide = rng.uniform(6, 10)
            fronts.append((v, v + wide, side))
            v += wide + (rng.uniform(1, 3) if rng.random() < 0.12 else 0)
    for near, far, side in sorted(fronts, reverse=True):
        scene.front(canvas, side, half + off, near, far)
    return canvas


def _street(rng, size, lights=tuple(LIGHTS)):
    scene = _Scene(
        rng, size, lights, horizon=rng.uniform(0.5, 0.58), eye=rng.uniform(2.4, 3.4)
    )
    base, end = scene.horizon, rng.uniform(60, 90)
    scene.hills(base + 0.05, rng.uniform(0.12, 0.2), 700, (104, 124, 84))
    half = rng.uniform(4.5, 6)
    scene.paving(base, half)
    canvas = scene.canvas()
    scene.house(
        canvas,
        rng.uniform(-3, 3),
        end + 18,
        church=True,
        size=(12, 20, 9),
        paint=(232, 222, 204),
    )
    scene.put(canvas)
    canvas = _town(scene, half, 0.0, end)
    things = [
        (v, side)
        for side in (-1, 1)
        for v in np.arange(rng.uniform(7, 10), end, rng.uniform(11, 16))
    ]
    is_planted = rng.random() < 0.6
    for v, side in sorted(things, reverse=True):
        u = side * (half - 1.2)
        if is_planted and rng.random() < 0.55:
            scene.tree(canvas, u, v, "leaf", rng.uniform(3.5, 5))
        else:
            scene.lamp(canvas, u, v, -side)
    scene.put(canvas)
    return scene.develop()


def _canal(rng, size, lights=tuple(LIGHTS)):
    scene = _Scene(
        rng, size, lights, horizon=rng.uniform(0.48, 0.56), eye=rng.uniform(3.0, 4.0)
    )
    end, half, quay = rng.uniform(45, 70), rng.uniform(5, 6.5), rng.uniform(1.6, 2.6)
    base = scene.horizon
    scene.hills(base + 0.05, rng.uniform(0.14, 0.22), 600, (104, 124, 84))
    scene.paving(base, half + quay)
    canvas = _town(scene, half, quay, end)
    for side in (-1, 1):
        wall = [
            (side * half, v, up)
            for v, up in ((2.2, -0.8), (end, -0.8), (end, 0), (2.2, 0))
        ]
        scene.solid(
            canvas, wall, (156, 144, 128), 0.85 if side != scene.side else 0.2, 12
        )
    scene.bridge(canvas, half, end)
    things = [
        (v, side)
        for side in (-1, 1)
        for v in np.arange(rng.uniform(6, 9), end, rng.uniform(7, 13))
    ]
    for v, side in sorted(things, reverse=True):
        if rng.random() < 0.5:
            scene.tree(canvas, side * (half + 0.7), v, "leaf", rng.uniform(3.5, 5.5))
        else:
            scene.lamp(canvas, side * (half + 0.5), v, -side)
    scene.put(canvas)
    eye = scene.eye + 0.8
    off = np.abs(scene.x[0] - scene.middle)
    edge = base + np.maximum(eye * off / half, eye / end)
    scene.water(edge, 2.0, rough=rng.uniform(0.35, 0.8), tint=(52, 92, 88))
    canvas = scene.canvas()
    for v in sorted(rng.uniform(7, 30, int(rng.integers(2, 5))), reverse=True):
        x = scene.middle + rng.choice([-1, 1]) * rng.uniform(0.5, 0.75) * half / v
        scene.boat(canvas, x, base + eye / v, 1.3 / v, sails=False)
    scene.put(canvas)
    return scene.develop()


SCENES = {
    "lake": _lake,
    "fields": _fields,
    "village": _village,
    "coast": _coast,
    "street": _street,
    "canal": _canal,
}


def make_content(
    rng: np.random.Generator,
    size: int | tuple[int, int] = 256,
    *,
    scene: str | None = None,
) -> np.ndarray:
    """A landscape or a town, drawn as a camera would see it.

    Args:
        rng: draws it: place, time of day, weather and what stands there.
        size: pixels of the square, or (height, width); each side 32 or more.
        scene: one of `SCENES`; None draws which.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        ValueError: the size or the scene is not as said here.

    Example:
        >>> make_content(np.random.default_rng(0), 64, scene="lake").shape
        (64, 64, 3)
    """
    size = check_size(size)
    if scene is None:
        scene = list(SCENES)[rng.integers(len(SCENES))]
    return named("scene", SCENES, scene)(rng, size)


def make_contents(
    seed: int, num: int, size: int | tuple[int, int] = 256, *, first: int = 0
) -> np.ndarray:
    """Landscapes and towns, one scene after another; the same for the same seed.

    Picture i depends on the seed, the size and on i alone, so a larger set begins with
    the pictures of a smaller one.

    Args:
        seed: 0 or more.
        num: how many, 1 or more.
        size: pixels of the square, or (height, width); each side 32 or more.
        first: number of the first; to draw a set in parts.

    Returns:
        uint8 `(num, height, width, 3)`.

    Raises:
        ValueError: a number is not as said here.

    Example:
        >>> make_contents(0, 2, (48, 64)).shape
        (2, 48, 64, 3)
    """
    for name, value, least in (("seed", seed, 0), ("num", num, 1), ("first", first, 0)):
        if value < least:
            raise ValueError(
                f"`{name}` must be {least} or more. Received: {name}={value}."
            )
    kinds = list(SCENES)
    return np.stack(
        [
            make_content(
                np.random.default_rng((seed, index)),
                size,
                scene=kinds[index % len(kinds)],
            )
            for index in range(first, first + num)
        ]
    )


def check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a square's side or of a pair; ValueError below `LEAST`."""
    sides = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(sides) != 2 or min(sides) < LEAST:
        raise ValueError(
            f"`size` must be {LEAST} pixels or more, or a pair (height, width) "
            f"of such. Received: size={size}."
        )
    return tuple(map(int, sides))


def named(argument: str, choices: dict, name: str):
    """The choice of this name; ValueError with all names where there is none."""
    if name not in choices:
        raise ValueError(
            f"`{argument}` must be one of {', '.join(choices)}. Received: {name!r}."
        )
    return choices[name]
