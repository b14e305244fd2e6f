"""Drawing pictures in the manner of paintings, mosaics, prints and glass."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from dlai_keras import rendering
from dlai_keras.style_transfer.scenes import SCENES, check_size, named, noise_tiles

BRIGHT = "noon", "morning", "evening"
INDIGO = (26, 36, 74)


def _strokes(rng, size):
    """Thick paint in brush strokes that follow whirls: a night with lights."""
    height, width = size
    aspect = width / height
    x, y = _grid(size)
    horizon = 0.66 + 0.07 * np.sin(x * 3.1 / aspect + rng.uniform(0, 6))
    horizon = horizon - 0.06 * np.sin(x * 7 / aspect + rng.uniform(0, 6))
    is_sky = y < horizon
    # Whirls turn the wind, and each has a light in it.
    along, across = np.ones_like(x), 0.25 * np.sin(4 * x + 5 * y)
    night = np.array(((18, 38, 110), (34, 78, 160), (66, 126, 190), (128, 178, 208)))
    tone = 0.5 + 0.5 * np.sin(9 * y + 3 * np.sin(4 * x)) + 0.25 * np.cos(14 * x - 6 * y)
    color = _ramp(night, np.clip(0.15 + 0.45 * tone, 0, 1))
    num = round(6 * max(1.0, aspect))
    for i in range(num):
        cx = aspect * (i + rng.uniform(0.25, 0.75)) / num
        cy, reach = rng.uniform(0.08, 0.5), rng.uniform(0.08, 0.16)
        dx, dy = x - cx, y - cy
        far = np.hypot(dx, dy) / reach
        pull = 3.2 * np.exp(-((far / 1.25) ** 2)) * rng.choice([-1, 1])
        along, across = along - pull * dy / reach, across + pull * dx / reach
        light = _ramp(((255, 250, 214), (252, 214, 84), (236, 158, 48)), far / 0.9)
        ring = 0.35 * np.exp(-(((far - 1.35) / 0.2) ** 2))
        share = np.clip(np.exp(-((far / 0.75) ** 4)) + ring, 0, 1)
        color = rendering.blend(color, light, share)
    land = np.array(((20, 44, 50), (36, 84, 66), (96, 128, 58), (206, 168, 66)))
    deep = np.clip((y - horizon) / (1 - horizon), 0, 1)
    bands = 0.5 + 0.5 * np.sin(22 * deep**0.7 + 3 * x) + 0.3 * deep
    color = np.where(is_sky[..., None], color, _ramp(land, np.clip(0.75 * bands, 0, 1)))
    rise = np.gradient(horizon, axis=1) * height
    along = np.where(is_sky, along, 1.0)
    across = np.where(is_sky, across, rise + 0.5 * np.sin(6 * x + 8 * deep))
    return _paint(rng, color, along, across, (0.032, 0.019, 0.012))


def _paint(rng, color, along, across, widths):
    """Lays brush strokes of falling width over one another, with relief."""
    height, width = color.shape[:2]
    scale = 2
    size = (width * scale, height * scale)
    canvas = cv2.resize(color.astype("float32"), size).clip(0, 255).astype("uint8")
    relief = np.zeros((size[1], size[0]), "uint8")
    length = np.maximum(np.hypot(along, across), 1e-6)
    along, across = along / length, across / length
    for layer, wide in enumerate(widths):
        thick = wide * height * scale
        if layer and thick < 2:  # finer than the canvas
            break
        num = int(1.5 * size[0] * size[1] / (thick * thick * 5))
        at = rng.uniform(0, 1, (num, 2)) * (width - 1, height - 1)
        starts = at.astype("int32")
        paths = [at]
        for _ in range(6):
            column, row = np.rint(at).astype("int32").T
            row, column = row.clip(0, height - 1), column.clip(0, width - 1)
            step = np.stack([along[row, column], across[row, column]], -1)
            at = at + step * wide * height
            paths.append(at)
        paths = np.stack(paths, 1) * scale  # (num, points, 2)
        normal = (paths[:, -1] - paths[:, 0])[:, ::-1] * (-1, 1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
        tones = color[starts[:, 1], starts[:, 0]] + rng.normal(0, 13, (num, 1))
        tones = tones + rng.normal(0, 9, (num, 3))
        bristles = round(np.clip(thick, 2, 5))
        offsets = np.linspace(-0.5, 0.5, bristles)
        shades = rng.normal(0, 14, (num, bristles))
        heights = np.clip(rng.normal(120 + 30 * layer, 55, (num, bristles)), 20, 255)
        thin = max(1, round(thick / bristles * 1.5))
        lines = (
            paths[:, None] + normal[:, None, None] * (offsets * thick)[:, None, None]
        )
        lines = np.rint(lines * 16).astype("int32")
        for i in range(num):
            for j in range(bristles):
                paint = np.clip(tones[i] + shades[i, j], 0, 255).tolist()
                cv2.polylines(canvas, [lines[i, j]], False, paint, thin, cv2.LINE_AA, 4)
                cv2.polylines(
                    relief, [lines[i, j]], False, heights[i, j], thin, cv2.LINE_8, 4
                )
    relief = cv2.GaussianBlur(relief.astype("float32"), (0, 0), 0.8)
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    lit = canvas * (1 + np.clip(slope / 900, -0.3, 0.35))[..., None]
    return _finish(cv2.resize(lit, (width, height), interpolation=cv2.INTER_AREA))


def _mosaic(rng, size):
    """Small stones in rings about a sun, and in scales that are waves."""
    height, width = size
    aspect = width / height
    soft, rough = noise_tiles(rng)
    x, y = _grid(size, 2)
    full = x.shape[::-1]
    x = x + 0.006 * cv2.resize(soft, full, interpolation=cv2.INTER_CUBIC)
    y = y + 0.006 * cv2.resize(soft.T.copy(), full, interpolation=cv2.INTER_CUBIC)
    stone = 0.026
    cx, cy = aspect * rng.uniform(0.3, 0.7), rng.uniform(0.24, 0.34)
    # Which stone a pixel is of, and how far from the stone's edges.
    far = np.hypot(x - cx, y - cy) / stone
    ring = np.floor(far)
    angle = np.arctan2(y - cy, x - cx) / (2 * math.pi) + 0.5
    count = np.maximum(np.rint(ring * 6), 3)
    turn = angle * count + 0.5 * (ring % 2)
    edge = np.minimum(_edge(far), _edge(turn) * (ring + 0.5) * 2 * math.pi / count)
    identity = ring * 1009 + np.floor(turn)
    sun = ((255, 240, 180), (250, 206, 72), (240, 160, 40), (214, 84, 40))
    sky = ((238, 204, 150), (120, 176, 190), (52, 118, 160), (28, 66, 120))
    rays = 0.5 + 0.5 * np.cos(angle * 2 * math.pi * 16)
    color = _ramp(sky, np.clip((ring - 6) / 26, 0, 1))
    glow = ((rays > 0.62) & (ring < 6 + 9 * rays) & (ring > 6))[..., None]
    color = np.where(glow, (246, 196, 80), color)
    color = np.where((ring < 6)[..., None], _ramp(sun, ring / 6), color)
    color = np.where((ring == 6)[..., None], (128, 34, 36), color)
    radius = 0.135
    waves = np.array(
        ((246, 240, 222), (20, 60, 104), (40, 124, 150), (96, 182, 178), (228, 188, 88))
    )
    for row in range(12):
        top = 0.60 + row * radius * 0.5
        column = np.floor(x / (2 * radius) + 0.5 * (row % 2))
        middle = (column + 0.5 - 0.5 * (row % 2)) * 2 * radius
        depth = radius - np.hypot(x - middle, y - top - radius * 0.55)
        far = depth / stone
        inside = depth > 0
        level = np.floor(far)
        bow = np.arctan2(y - top - radius * 0.55, x - middle) / (2 * math.pi) + 0.5
        steps = np.maximum(np.rint((radius / stone - level - 0.5) * 6.3), 2)
        turn = bow * steps + 0.5 * (level % 2)
        span = np.maximum(radius / stone - level - 0.5, 0.3) * 2 * math.pi / steps
        edges = np.minimum(_edge(far), _edge(turn) * span)
        edge = np.where(inside, edges, edge)
        own = 7919 * (row + 1) + column * 997 + level * 131 + np.floor(turn)
        identity = np.where(inside, own, identity)
        order = ((level + row) % 2 + 2 * (level > 1)).astype("int32")
        order = np.where(level == 0, 0, np.clip(order + 1, 1, 4))
        color = np.where(inside[..., None], waves[order], color)
    # Each stone has a tone and a tilt of its own.
    code = (identity.astype("int64") * 2654435761) % 4096
    tone = rng.normal(1, 0.13, 4096)[code][..., None]
    tint = rng.normal(0, 9, (4096, 3))[code]
    tilt = rng.uniform(-0.5, 0.5, (4096, 2))[code]
    image = color * tone + tint
    image = (
        image
        * (1 + 0.25 * (tilt[..., 0] * np.sin(x / stone * 2) + tilt[..., 1]))[..., None]
    )
    bevel = np.clip((edge - 0.08) / 0.14, 0, 1)
    image = image * (0.82 + 0.18 * bevel)[..., None]
    grain = cv2.resize(np.tile(rough, (2, 2)), full)
    image = image * (1 + 0.06 * grain)[..., None]
    grout = np.array((66, 58, 52)) * (1 + 0.15 * grain)[..., None]
    image = rendering.blend(grout, image, np.clip((edge - 0.05) / 0.05, 0, 1))
    return _finish(
        cv2.resize(
            image.astype("float32"), (width, height), interpolation=cv2.INTER_AREA
        )
    )


def _edge(value):
    """How far a number is from the nearest whole one, up to 0.5."""
    return np.abs(value - np.rint(value))


def _pointillism(rng, size):
    """Dots of pure colour, a park by the water from them."""
    height, width = size
    scene = SCENES[("lake", "coast", "canal")[rng.integers(3)]](
        rng, size, BRIGHT
    ).astype("float32")
    color = cv2.GaussianBlur(scene, (0, 0), height / 160)
    hsv = cv2.cvtColor(color / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.35 + 0.12, 0, 1)
    hsv[..., 2] = np.clip(hsv[..., 2] * 1.1 + 0.10, 0, 1)
    scale = 3
    canvas = np.empty((height * scale, width * scale, 3), "uint8")
    canvas[:] = (240, 228, 200)
    for radius, density in ((0.0115, 1.5), (0.0085, 1.5)):
        num = int(density / (math.pi * radius**2) * width / height)
        at = rng.uniform(0, 1, (num, 2)) * (width, height)
        dots = hsv[at[:, 1].astype("int32"), at[:, 0].astype("int32")].copy()
        kind = rng.random(num)
        # Beside the colour itself its neighbours, and a few of its opposite.
        dots[:, 0] += rng.normal(0, 16, num) + np.where(kind < 0.09, 180, 0)
        dots[:, 1] = np.clip(dots[:, 1] * rng.uniform(0.8, 1.35, num), 0, 1)
        dots[:, 2] = np.clip(
            dots[:, 2] * rng.uniform(0.82, 1.2, num) + 0.1 * (kind < 0.09), 0, 1
        )
        dots[:, 0] %= 360
        paints = cv2.cvtColor(dots[None].astype("float32"), cv2.COLOR_HSV2RGB)[0] * 255
        centres = np.rint(at * scale * 16).astype("int32").tolist()
        radii = (
            np.rint(radius * height * scale * 16 * rng.uniform(0.75, 1.2, num))
            .astype("int32")
            .tolist()
        )
        for centre, r, paint in zip(centres, radii, paints.tolist(), strict=True):
            cv2.circle(canvas, centre, r, paint, -1, cv2.LINE_8, 4)
    return _finish(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA))


def _woodcut(rng, size):
    """Black lines cut along the forms, and a second block of colour."""
    height, width = size
    big = height * 2, width * 2
    scene = SCENES[("village", "lake", "canal")[rng.integers(3)]](rng, size, BRIGHT)
    grey = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY).astype("float32")
    grey = cv2.createCLAHE(2.5, (4, 4)).apply(grey.astype("uint8")).astype("float32")
    grey = cv2.resize(grey, big[::-1], interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(grey, (0, 0), height / 60)
    soft = (soft - soft.min()) / np.ptp(soft)
    sharp = cv2.GaussianBlur(grey, (0, 0), height / 220) / 255
    tile = cv2.GaussianBlur(
        noise_tiles(rng)[0], (0, 0), 9, borderType=cv2.BORDER_REFLECT
    )
    bend = cv2.resize(tile, big[::-1], interpolation=cv2.INTER_CUBIC)
    x, y = _grid(size, 2)
    # The direction of the cuts changes with the tone, their width too.
    pitch = 0.0165
    phases = [
        y + 0.05 * bend + 0.25 * soft,
        0.6 * x + 0.8 * y + 0.04 * bend,
        -0.7 * x + 0.7 * y + 0.04 * bend,
    ]
    level = np.digitize(soft, (0.3, 0.55))
    phase = np.choose(2 - level, phases) / pitch
    wave = 0.5 + 0.5 * np.cos(2 * math.pi * phase)
    tone = np.clip(1.25 * sharp - 0.08, 0, 1)
    ink = np.clip((wave - tone) * 5 + 0.5, 0, 1)
    ink = np.where(tone < 0.17, 1, np.where(tone > 0.93, 0, ink))
    edges = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 2).astype("uint8"), 30, 80)
    edges = cv2.dilate(edges, np.ones((3, 3), "uint8"))
    ink = np.maximum(ink, edges.astype("float32") / 255)
    paper = np.array((242, 230, 204)) * (1 + 0.012 * rng.standard_normal((*big, 1)))
    warm = ((204, 84, 48), (54, 110, 128), (206, 152, 52))[rng.integers(3)]
    block = np.clip((0.80 - soft + 0.06 * bend) * 14, 0, 1) * (soft > 0.2)
    image = rendering.blend(paper, np.array(warm), 0.85 * block)
    image = rendering.blend(image, np.array((24, 20, 24)), ink * 0.97)
    return _finish(
        cv2.resize(
            image.astype("float32"), (width, height), interpolation=cv2.INTER_AREA
        )
    )


def _waves(rng, size):
    """Flat colours and dark outlines, as in prints of a rough sea."""
    height, width = size
    aspect = width / height
    scale = 3
    _x, y = _grid(size, scale)
    sky = _ramp(((222, 206, 170), (244, 230, 196), (240, 196, 150)), y / 0.55)
    canvas = sky.clip(0, 255).astype("uint8")
    line_width = max(1, round(0.005 * height * scale))

    def fixed(points):
        return np.rint(np.asarray(points) * height * scale * 16).astype("int32")

    def shape(points, paint, outline=True):
        cv2.fillPoly(canvas, [fixed(points)], paint, cv2.LINE_AA, 4)
        if outline:
            cv2.polylines(
                canvas, [fixed(points)], True, INDIGO, line_width, cv2.LINE_AA, 4
            )

    cx = aspect * rng.uniform(0.2, 0.8)
    shape(rendering.arc((cx, 0.26), (0.13, 0.13), num=80), (206, 62, 46))
    for i in range(3):  # bands of mist
        low, left = 0.16 + 0.08 * i, aspect * rng.uniform(-0.1, 0.5)
        long = rng.uniform(0.35, 0.6)
        ends = np.concatenate(
            [
                rendering.arc((left + long, low), (0.016, 0.016), -90, 90),
                rendering.arc((left, low), (0.016, 0.016), 90, 270),
            ]
        )
        shape(ends, (246, 236, 208), outline=False)
    blues = ((30, 60, 112), (44, 96, 150), (96, 152, 186), (176, 206, 206))
    rows = 6
    for row in range(rows):
        t = np.linspace(-0.4, aspect + 0.4, 700)
        depth = row / (rows - 1)
        base, tall = 0.42 + 0.1 * row, 0.05 + 0.055 * depth + rng.uniform(0, 0.02)
        length = (0.34 + 0.22 * depth) * rng.uniform(0.85, 1.15)
        phase = rng.uniform(0, 1)
        cycle = (t / length + phase) % 1.0
        # Crests are steep ahead and lean over.
        crest = np.where(
            cycle < 0.68, (cycle / 0.68) ** 2.0, ((1 - cycle) / 0.32) ** 1.3
        )
        lean = 0.75 * tall * crest**3
        colors = blues if row % 2 == 0 else (blues[1], blues[0], blues[3], blues[2])
        for band in range(7):
            drop = band * (0.016 + 0.006 * depth)
            high = np.maximum(crest * (1 - 0.07 * band), 0)
            top = np.stack(
                [t + lean * (1 - 0.1 * band), base - tall * 2 * high + drop], -1
            )
            points = np.concatenate([top, [(aspect + 0.5, 1.3), (-0.5, 1.3)]])
            paint = (244, 238, 218) if band == 0 else colors[(band - 1) % 4]
            shape(points, paint, outline=band in (0, 1, 3, 5))
        # Foam falls from the crests in claws.
        tops = np.flatnonzero((cycle[:-1] < 0.68) & (cycle[1:] >= 0.68))
        for index in tops:
            px, py = t[index] + lean[index], base - tall * 2 * crest[index]
            for k in range(9):
                a = k / 8
                size_ = tall * (0.20 - 0.09 * a) * rng.uniform(0.85, 1.2)
                fx = px + tall * (0.55 * math.sin(2.6 * a) - 0.55 * (1 - a))
                fy = py + tall * (0.06 + 0.85 * a**1.6) * (1 if a > 0.4 else 0.6)
                shape(rendering.arc((fx, fy), (size_, size_)), (248, 244, 230))
            for _ in range(10):
                spray = np.array(
                    (
                        px + rng.normal(0.25, 0.4) * tall,
                        py - abs(rng.normal(0, 0.45)) * tall,
                    )
                )
                dot = 0.004 * rng.uniform(0.6, 1.6)
                shape(
                    rendering.arc(spray, (dot, dot), num=12),
                    (250, 246, 232),
                    outline=False,
                )
    image = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(
        "float32"
    )
    fibres = cv2.resize(noise_tiles(rng)[1], (width, height))
    grain = cv2.GaussianBlur(fibres, (0, 0), sigmaX=max(0.1, width / 90), sigmaY=0.3)
    return _finish(image * (1 + 0.04 * fibres + 0.10 * grain)[..., None])


def _stained_glass(rng, size):
    """Panes in the colours of jewels, held by dark lead."""
    from scipy.spatial import cKDTree

    height, width = size
    scene = SCENES[("coast", "fields", "village")[rng.integers(3)]](
        rng, size, BRIGHT
    ).astype("float32")
    x, y = _grid(size, 2)
    num = int(330 * width / height)
    seeds = rng.uniform(0, 1, (num, 2)) * (width / height, 1)
    # Seeds keep apart, and more of them lie where the picture changes.
    pixels = np.stack([x, y], -1)
    for _ in range(2):
        _, own = cKDTree(seeds).query(pixels[::6, ::6].reshape(-1, 2))
        count = np.maximum(np.bincount(own, minlength=num), 1)
        mean = [
            np.bincount(own, pixels[::6, ::6, axis].ravel(), num) for axis in (0, 1)
        ]
        seeds = np.where(
            np.bincount(own, minlength=num)[:, None] > 0,
            np.stack(mean, -1) / count[:, None],
            seeds,
        )
    far, own = cKDTree(seeds).query(pixels, k=2)
    gap = far[..., 1] - far[..., 0]
    own = own[..., 0]
    color = cv2.resize(scene, x.shape[::-1])
    sums = [np.bincount(own.ravel(), color[..., c].ravel(), num) for c in range(3)]
    panes = (
        np.stack(sums, -1)
        / np.maximum(np.bincount(own.ravel(), minlength=num), 1)[:, None]
    )
    hsv = cv2.cvtColor(panes[None].astype("float32") / 255, cv2.COLOR_RGB2HSV)[0]
    hsv[:, 0] = (hsv[:, 0] + rng.normal(0, 14, num)) % 360
    hsv[:, 1] = np.clip(hsv[:, 1] * 1.5 + 0.3, 0, 1)
    hsv[:, 2] = np.clip(hsv[:, 2] * rng.uniform(0.85, 1.35, num) + 0.15, 0.4, 1)
    panes = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] * 255
    soft, rough = noise_tiles(rng)
    streaks = cv2.resize(soft, x.shape[::-1], interpolation=cv2.INTER_CUBIC)
    bubbles = cv2.resize(rough, x.shape[::-1])
    image = panes[own] * (0.9 + 0.14 * streaks + 0.05 * bubbles)[..., None]
    rim = np.clip(gap / 0.04, 0, 1)
    image = image * (0.72 + 0.4 * rim)[..., None] + 18 * rim[..., None]
    lead = np.clip((gap - 0.010) / 0.004, 0, 1)
    shine = 1 - np.clip(np.abs(gap - 0.003) / 0.003, 0, 1)
    metal = np.array((30, 28, 34)) + 34 * shine[..., None]
    image = rendering.blend(metal, image, lead)
    return _finish(
        cv2.resize(
            image.astype("float32"), (width, height), interpolation=cv2.INTER_AREA
        )
    )


def _grid(size, scale=1):
    """X and y of each pixel, in heights of the picture."""
    height, width = size
    columns = (np.arange(width * scale, dtype="float32") + 0.5) / (height * scale)
    rows = (np.arange(height * scale, dtype="float32") + 0.5) / (height * scale)
    return np.meshgrid(columns, rows)


def _ramp(colors, share):
    """Colours on the way from the first (share 0) to the last (share 1)."""
    colors = np.asarray(colors, "float64")
    places = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(share, places, colors[:, c]) for c in range(3)], -1)


def _finish(image):
    return np.clip(np.rint(image), 0, 255).astype("uint8")


STYLES = {
    "strokes": _strokes,
    "mosaic": _mosaic,
    "pointillism": _pointillism,
    "woodcut": _woodcut,
    "waves": _waves,
    "stained_glass": _stained_glass,
}


def make_style(
    rng: np.random.Generator, name: str, size: int | tuple[int, int] = 256
) -> np.ndarray:
    """A picture in a manner that nobody mistakes.

    Args:
        rng: draws it.
        name: one of `STYLES`.
        size: pixels of the square, or (height, width); each side 32 or more.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        ValueError: there is no such style, or the size is not as said here.

    Example:
        >>> make_style(np.random.default_rng(0), "waves", 64).shape
        (64, 64, 3)
    """
    size = check_size(size)
    return named("name", STYLES, name)(rng, size)


def make_styles(
    seed: int = 0,
    size: int | tuple[int, int] = 256,
    names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """One picture of each style; the same for the same seed, whichever are asked for.

    Args:
        seed: 0 or more.
        size: pixels of the square, or (height, width); each side 32 or more.
        names: of `STYLES`; all by default.

    Returns:
        name -> uint8 `(height, width, 3)`.

    Raises:
        ValueError: there is no such style, or a number is not as said here.

    Example:
        >>> list(make_styles(0, 48, ["waves", "woodcut"]))
        ['waves', 'woodcut']
    """
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    order = list(STYLES)
    pictures = {}
    for name in order if names is None else names:
        named("names", STYLES, name)
        rng = np.random.default_rng((seed, order.index(name)))
        pictures[name] = make_style(rng, name, size)
    return pictures
