"""What LeNet-5 compares its last hidden layer with: a code for each class."""

import numpy as np

# Ten digits, each 7 pixels wide and 12 high, in the manner of the paper's figure 3.
DIGITS = """
....... ....... ....... ....... ....... ####### ....... ####### ....... .......
..###.. ...##.. ..###.. .#####. ....##. #...... ..####. ......# ..###.. ..###..
.#...#. ..###.. .#...#. #.....# ...#.#. #...... .#..... .....#. .#...#. .#...#.
#.....# .#.##.. #.....# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...##.. ......# ......# ..#..#. #.###.. #...... ....#.. #.....# #.....#
#.....# ...##.. .....#. ...###. .#...#. ##...#. #.###.. ....#.. .#...#. .#...##
#.....# ...##.. ....#.. ......# #....#. ......# ##...#. ...#... ..###.. ..###.#
#.....# ...##.. ...#... ......# ####### ......# #.....# ...#... .#...#. ......#
#.....# ...##.. ..#.... ......# .....#. ......# #.....# ..#.... #.....# ......#
.#...#. ...##.. .#..... #.....# .....#. #.....# .#...#. ..#.... #.....# .....#.
..###.. ..####. ####### .#####. .....#. .#####. ..###.. ..#.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_codes() -> np.ndarray:
    """The digits 0 to 9 as codes of -1 and 1, `(10, 84)`: similar ones, similar codes.

    Example:
        >>> digit_codes().shape, sorted(set(digit_codes().ravel()))
        ((10, 84), [np.float64(-1.0), np.float64(1.0)])

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          figure 3.
    """
    rows = [line.split() for line in DIGITS.split("\n") if line]
    glyphs = ["".join(row[digit] for row in rows) for digit in range(10)]
    return np.array([[1.0 if dot == "#" else -1.0 for dot in one] for one in glyphs])


def class_codes(num_classes: int, length: int = 84) -> np.ndarray:
    """A code of -1 and 1 for each class: the digits for ten of 84, else far apart ones.

    The others are drawn, the same every time: of many, the one that is furthest from
    those before it.

    Args:
        num_classes: how many.
        length: numbers in a code.

    Returns:
        `(num_classes, length)`.

    Example:
        >>> codes = class_codes(6, 84)
        >>> distances = (codes[:, None] != codes).sum(axis=-1)
        >>> bool(distances[~np.eye(6, dtype=bool)].min() > 35)
        True
    """
    if (num_classes, length) == (10, 84):
        return digit_codes()
    rng = np.random.default_rng(1998)
    codes = rng.choice([-1.0, 1.0], (1, length))
    while len(codes) < num_classes:
        candidates = rng.choice([-1.0, 1.0], (64, length))
        distances = (candidates[:, None] != codes).sum(axis=-1)
        best = distances.min(axis=1).argmax()
        codes = np.concatenate([codes, candidates[best : best + 1]])
    return codes
