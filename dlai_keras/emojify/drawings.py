"""Small drawings of the emoji, as no font that every machine has holds them."""

import unicodedata

import numpy as np

from dlai_keras.rendering import Canvas, arc, blend, placement

FACE, EDGE, DARK, RED = (255, 204, 50), (200, 140, 20), (70, 45, 20), (221, 46, 68)
WHITE, GREY, BLUE = (250, 250, 250), (120, 130, 140), (60, 130, 220)
BROWN, GREEN, VIOLET = (150, 95, 50), (70, 160, 80), (130, 80, 190)


def draw_emoji(emoji: str, size: int = 64) -> np.ndarray | None:
    """A drawing on white.

    Args:
        emoji: with or without its variation selector.
        size: height and width, pixels.

    Returns:
        uint8 `(size, size, 3)`; None for an emoji that is not drawn here.

    Example:
        >>> draw_emoji("⚾").shape, draw_emoji("🦄")
        ((64, 64, 3), None)
    """
    draw = DRAWINGS.get(emoji.replace("\ufe0f", ""))
    if draw is None:
        return None
    canvas = Canvas(4 * size, placement((2 * size, 2 * size), 1.85 * size))
    draw(canvas)
    layer, cover = canvas.layer(size)
    white = np.full((size, size, 3), 255, "float32")
    return np.clip(blend(white, layer, cover) + 0.5, 0, 255).astype("uint8")


def _heart(canvas):
    t = np.linspace(0, 2 * np.pi, 80)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    canvas.polygon(np.stack([x, y], axis=1), RED)


def _baseball(canvas):
    canvas.ellipse((0, 0), (1, 1), GREY)
    canvas.ellipse((0, 0), (0.94, 0.94), WHITE)
    for side in (-1, 1):
        middle = (1.15 * side, 0)
        start = 128 if side > 0 else -52
        seam = arc(middle, (0.8, 0.8), start, start + 104, 9)
        canvas.stroke(seam, 0.06, RED)
        for x, y in seam[1:-1]:
            canvas.stroke([(x - 0.1, y - 0.07), (x + 0.1, y + 0.07)], 0.05, RED)


def _face(canvas, color=FACE):
    canvas.ellipse((0, 0), (1, 1), EDGE)
    canvas.ellipse((0, 0), (0.95, 0.95), color)


def _eyes(canvas):
    for x in (-0.35, 0.35):
        canvas.ellipse((x, -0.22), (0.11, 0.17), DARK)


def _smile(canvas):
    _face(canvas)
    _eyes(canvas)
    canvas.ellipse((0, 0.15), (0.62, 0.6), DARK, start=0, stop=180)
    canvas.polygon([(-0.6, 0.16), (0.6, 0.16), (0.54, 0.32), (-0.54, 0.32)], WHITE)


def _disappointed(canvas):
    _face(canvas)
    for x in (-0.38, 0.38):
        canvas.stroke(arc((x, -0.2), (0.2, 0.12), 10, 170), 0.09, DARK)
        canvas.stroke([(x * 1.5, -0.42), (x * 0.6, -0.6)], 0.07, DARK)
    canvas.stroke(arc((0, 0.75), (0.42, 0.32), 200, 340), 0.1, DARK)


def _angry(canvas):
    _face(canvas, (240, 100, 60))
    _eyes(canvas)
    for side in (-1, 1):
        brow = [(0.68 * side, -0.62), (0.15 * side, -0.38)]
        canvas.stroke(brow, 0.11, DARK)
    canvas.stroke(arc((0, 0.72), (0.45, 0.3), 195, 345), 0.11, DARK)


def _sleepy(canvas):
    _face(canvas)
    for x in (-0.38, 0.38):
        canvas.stroke(arc((x, -0.15), (0.2, 0.1), 10, 170), 0.09, DARK)
    canvas.ellipse((0, 0.45), (0.17, 0.2), DARK)
    for x, y, width in ((0.45, -0.95, 0.35), (0.8, -0.45, 0.2)):
        zed = [(x, y), (x + width, y), (x, y + width), (x + width, y + width)]
        canvas.stroke(np.array(zed) - (0.1, 0), 0.08, BLUE)


def _sick(canvas):
    _face(canvas)
    for x in (-0.38, 0.38):
        canvas.stroke([(x - 0.17, -0.22), (x + 0.17, -0.22)], 0.1, DARK)
    canvas.stroke(arc((0, 0.68), (0.4, 0.22), 200, 340), 0.1, DARK)
    canvas.stroke([(0.15, 0.5), (0.85, 0.0)], 0.2, GREY)
    canvas.stroke([(0.15, 0.5), (0.85, 0.0)], 0.13, WHITE)
    canvas.stroke([(0.15, 0.5), (0.6, 0.18)], 0.07, RED)


def _fork_and_knife(canvas):
    canvas.stroke([(-0.45, 0.0), (-0.45, 0.85)], 0.2, GREY)
    for x in (-0.7, -0.45, -0.2):
        canvas.stroke([(x, -0.85), (x, -0.25)], 0.1, GREY)
    canvas.ellipse((-0.45, -0.25), (0.31, 0.32), GREY, start=0, stop=180)
    canvas.stroke([(0.5, 0.1), (0.5, 0.85)], 0.2, GREY)
    canvas.polygon([(0.4, 0.15), (0.4, -0.9), (0.75, -0.5), (0.75, 0.15)], GREY)


def _party(canvas):
    canvas.polygon([(-0.95, 0.95), (-0.55, -0.2), (0.3, 0.6)], FACE)
    canvas.polygon([(-0.72, 0.3), (-0.62, 0.0), (0.05, 0.66), (-0.2, 0.72)], RED)
    dots = ((0.1, -0.3, RED), (0.6, -0.7, BLUE), (0.8, 0.1, GREEN), (-0.3, -0.8, GREEN))
    for x, y, color in (*dots, (0.3, -0.85, VIOLET), (0.55, 0.4, VIOLET)):
        canvas.ellipse((x, y), (0.11, 0.11), color)
    canvas.stroke(arc((0.75, -0.2), (0.45, 0.25), 150, 330), 0.08, VIOLET)
    canvas.stroke(arc((-0.1, -0.6), (0.2, 0.4), 60, 250), 0.08, BLUE)


def _dog(canvas):
    canvas.ellipse((0, 0.05), (0.75, 0.85), (205, 150, 95))
    for side in (-1, 1):
        canvas.ellipse((0.75 * side, -0.15), (0.24, 0.6), BROWN)
        canvas.ellipse((0.3 * side, -0.15), (0.1, 0.13), DARK)
    canvas.ellipse((0, 0.45), (0.42, 0.36), (245, 225, 200))
    canvas.ellipse((0, 0.3), (0.17, 0.12), DARK)
    canvas.stroke([(0, 0.4), (0, 0.55)], 0.06, DARK)
    canvas.ellipse((0, 0.68), (0.13, 0.18), RED)


def _money(canvas):
    canvas.ellipse((0, 0.3), (0.85, 0.68), FACE)
    canvas.polygon([(-0.3, -0.3), (0.3, -0.3), (0.5, -0.85), (-0.5, -0.85)], FACE)
    canvas.stroke([(-0.36, -0.36), (0.36, -0.36)], 0.14, BROWN)
    canvas.stroke(arc((0, 0.14), (0.22, 0.18), 90, 340), 0.1, BROWN)
    canvas.stroke(arc((0, 0.5), (0.22, 0.18), -90, 160), 0.1, BROWN)
    canvas.stroke([(0, -0.14), (0, 0.78)], 0.08, BROWN)


def _umbrella(canvas):
    canvas.stroke([(0, 0), (0, 0.65)], 0.1, BROWN)
    canvas.stroke(arc((0.16, 0.68), (0.16, 0.2), 0, 180), 0.1, BROWN)
    canvas.ellipse((0, 0.1), (0.95, 0.75), VIOLET, start=180, stop=360)
    for x in (-0.63, 0, 0.63):
        canvas.ellipse((x, 0.1), (0.3, 0.14), None, start=180, stop=360)
    for x, y in ((-0.75, -0.6), (-0.4, -0.85), (0.4, -0.85), (0.75, -0.6)):
        canvas.stroke([(x, y), (x - 0.05, y + 0.14)], 0.1, BLUE)


def _sun(canvas):
    for angle in np.arange(8) * np.pi / 4:
        out = np.array([np.cos(angle), np.sin(angle)])
        side = np.array([-out[1], out[0]]) * 0.2
        canvas.polygon([out * 0.62 + side, out, out * 0.62 - side], (255, 160, 30))
    canvas.ellipse((0, 0), (0.58, 0.58), FACE)


def _music(canvas):
    canvas.ellipse((-0.45, 0.62), (0.33, 0.24), VIOLET)
    canvas.stroke([(-0.18, 0.6), (-0.18, -0.85)], 0.14, VIOLET)
    flag = [(-0.18, -0.9), (0.15, -0.5), (0.6, -0.35), (0.5, 0.1)]
    canvas.stroke(flag, 0.14, VIOLET)


def _plane(canvas):
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    for points, color in (
        ([(-0.15, 0.1), (0.25, 0.1), (-0.25, 1.0), (-0.5, 1.0)], BLUE),
        ([(-0.15, -0.1), (0.25, -0.1), (-0.25, -1.0), (-0.5, -1.0)], BLUE),
        ([(-0.95, 0), (-0.7, 0), (-0.85, 0.4), (-1.05, 0.4)], BLUE),
        ([(-0.95, 0), (-0.7, 0), (-0.85, -0.4), (-1.05, -0.4)], BLUE),
        (arc((0, 0), (1.05, 0.17)), GREY),
    ):
        canvas.polygon(np.asarray(points) @ turn.T * 0.9, color)


DRAWINGS = {
    "❤": _heart,
    "⚾": _baseball,
    "😄": _smile,
    "😞": _disappointed,
    "😡": _angry,
    "😴": _sleepy,
    "🤒": _sick,
    "🍴": _fork_and_knife,
    "🎉": _party,
    "🐶": _dog,
    "💰": _money,
    "☔": _umbrella,
    "☀": _sun,
    "🎵": _music,
    "✈": _plane,
}


def emoji_name(emoji: str) -> str:
    """What an emoji is called, for fonts without it; other labels as they are.

    Example:
        >>> emoji_name("🦄"), emoji_name("sad")
        ('unicorn face', 'sad')
    """
    bare = emoji.replace("\ufe0f", "")
    return unicodedata.name(bare, bare).lower() if len(bare) == 1 else bare
