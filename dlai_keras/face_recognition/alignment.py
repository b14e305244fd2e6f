"""Faces turned, sized and shifted so that eyes, nose and mouth lie where they should.

Points are `(x, y)` in pixels. A face has five, in this order: the eye on the left of
the picture, the one on the right, the tip of the nose, the left corner of the mouth
and the right one.
"""

from typing import NamedTuple

import cv2
import numpy as np

NUM_POINTS = 5


class Template(NamedTuple):
    """Where the five points lie in the pictures that a network was trained on.

    Attributes:
        size: height and width of those pictures, pixels.
        points: `((x, y), ...)` of the five.
    """

    size: tuple[int, int]
    points: tuple[tuple[float, float], ...]


TEMPLATES = {
    # What SphereFace, ArcFace and MobileFaceNet are trained with.
    "arcface": Template(
        (112, 96),
        (
            (30.2946, 51.6963),
            (65.5318, 51.5014),
            (48.0252, 71.7366),
            (33.5493, 92.3655),
            (62.7299, 92.2041),
        ),
    ),
    # OpenFace aligns outer eye corners and nose with the mean of dlib's 68 points,
    # stretched to the square; these are the five of that mean. The brows touch the
    # upper edge and the chin the lower one.
    "openface": Template(
        (96, 96),
        (
            (26.6276, 16.0593),
            (67.7903, 15.2640),
            (47.2410, 40.5223),
            (29.4826, 61.6176),
            (66.7597, 60.8777),
        ),
    ),
}


def template_points(
    template: str | np.ndarray = "arcface", size: tuple[int, int] | None = None
) -> np.ndarray:
    """Where the five points should lie in a picture of some size.

    Of another size than the template's own, its picture is made as large as fits, and
    stands in the middle: the face keeps its aspect. 112 x 96 in 112 x 112 is 8 pixels
    more on either side, as ArcFace has it.

    Args:
        template: a name of `TEMPLATES`; or points `(5, 2)`, which are taken as they
            are, whatever the size.
        size: height and width, pixels; the template's own by default.

    Returns:
        float64 `(5, 2)`.

    Raises:
        ValueError: there is no such template, the points are not five, or the size is
            not two positive numbers.

    Example:
        >>> template_points("arcface", (112, 112))[0]
        array([38.2946, 51.6963])
        >>> template_points("openface", (48, 48))[2]
        array([23.6205 , 20.26115])

    Reference:
        - Liu et al., 2017, "SphereFace"; Amos et al., 2016, "OpenFace", section 3.1.
    """
    if not isinstance(template, str):
        return _points("template", template, NUM_POINTS)
    if template not in TEMPLATES:
        raise ValueError(
            f"`template` must be one of {', '.join(TEMPLATES)}, or points (5, 2). "
            f"Received: template={template!r}."
        )
    own, points = TEMPLATES[template]
    points = np.array(points)
    height, width = own if size is None else _checked_size(size)
    scale = min(height / own[0], width / own[1])
    return points * scale + [
        (width - own[1] * scale) / 2,
        (height - own[0] * scale) / 2,
    ]


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The turn, size and shift that bring points nearest to others.

    Least squares: the sum of the squared distances that remain is the smallest there
    is. No mirror image is ever taken, however well it would fit. In the plane Umeyama's
    solution is one division of complex numbers: with the points as `x + iy`, less
    their means, it is `sum(conj(source) * target) / sum(|source| ** 2)`, whose size
    and angle are those wanted.

    Args:
        source: `(num, 2)`, two points or more.
        target: `(num, 2)`, where they should go.

    Returns:
        float64 `(2, 3)`: `matrix @ (x, y, 1)` is the new place of a point, as
        `cv2.warpAffine` takes it.

    Raises:
        ValueError: the shapes are others, a number is not finite, or all points of
            `source` are one.

    Example:
        >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        >>> turned = np.array([[5, 5], [5, 7], [3, 7], [3, 5]])
        >>> similarity_transform(square, turned) + 0.0
        array([[ 0., -2.,  5.],
               [ 2.,  0.,  5.]])

    Reference:
        - Umeyama, 1991, "Least-squares estimation of transformation parameters between
          two point patterns", equations 40 to 43.
    """
    source, target = _points("source", source), _points("target", target)
    if len(source) != len(target):
        raise ValueError(
            "`source` and `target` must be as many points. Received: shapes "
            f"{source.shape} and {target.shape}."
        )
    centres = source.mean(axis=0), target.mean(axis=0)
    a, b = ((source - centres[0]) @ [1, 1j], (target - centres[1]) @ [1, 1j])
    spread = np.vdot(a, a).real
    if not spread > 1e-12 * max(1.0, np.abs(source).max() ** 2):
        raise ValueError(
            "All points of `source` are one, which says nothing about turn and size. "
            f"Received: {source[0].tolist()}."
        )
    factor = np.vdot(a, b) / spread
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, centres[1] - turn @ centres[0]])


def align_face(
    image: np.ndarray,
    landmarks: np.ndarray,
    size: tuple[int, int] | None = None,
    template: str | np.ndarray = "arcface",
) -> np.ndarray:
    """Cuts a face out of a picture, upright and of one size.

    What lies outside the picture is black. A face much larger than `size` is made
    smaller by averaging first, so that no fine pattern turns into a coarse one.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        landmarks: the face's five points in it, `(5, 2)`.
        size: height and width of the result, pixels; the template's own by default.
        template: where the points should lie: a name of `TEMPLATES`, or `(5, 2)`.

    Returns:
        uint8 `(*size, 3)`.

    Raises:
        ValueError: the picture or the points are no such thing; the points are one;
            points as a template have no size with them.

    Example:
        >>> image = np.zeros((250, 250, 3), "uint8")
        >>> points = template_points("arcface") + 60
        >>> image[int(points[2, 1]), int(points[2, 0])] = 255  # the tip of the nose
        >>> face = align_face(image, points, (112, 96))
        >>> face.shape, face[71, 48].tolist()
        ((112, 96, 3), [255, 255, 255])
    """
    check_image(image)
    target = template_points(template, size)
    if size is None:
        if not isinstance(template, str):
            raise ValueError(
                "`size` must be given where `template` is points: height and width."
            )
        size = TEMPLATES[template].size
    height, width = _checked_size(size)
    matrix = similarity_transform(_points("landmarks", landmarks, NUM_POINTS), target)
    # Pixel i of the half is over pixel 2 * i of the whole.
    while np.linalg.det(matrix[:, :2]) <= 1 / 4 and min(image.shape[:2]) > 1:
        image = cv2.pyrDown(image)
        matrix[:, :2] *= 2
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)


def check_image(image: np.ndarray, name: str = "The picture") -> None:
    """Raises where something is no colour picture.

    Args:
        image: what should be uint8 RGB `(height, width, 3)`.
        name: what to call it in the message.

    Raises:
        ValueError: it is grey, has transparency, or is no picture at all.

    Example:
        >>> check_image(np.zeros((8, 8), "uint8"), "door.png")
        Traceback (most recent call last):
        ...
        ValueError: door.png is grey. Expected uint8 RGB (height, width, 3); repeat \
its one channel three times, or read it with `dlai_keras.images.read`. Received: \
uint8 (8, 8).
    """
    image = np.asarray(image)
    shape = image.shape
    if image.dtype == np.uint8 and len(shape) == 3 and shape[2] == 3 and all(shape):
        return
    problem, advice = "is no picture", "read it"
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        problem, advice = "is grey", "repeat its one channel three times, or read it"
    elif len(shape) == 3 and shape[2] in (2, 4):
        problem, advice = "has transparency", "leave its last channel out, or read it"
        if shape[2] == 2:
            problem = "is grey with transparency"
            advice = "repeat its first channel three times, or read it"
    elif len(shape) == 3 and shape[2] == 3 and all(shape):
        problem, advice = "is not of whole numbers 0 to 255", "convert it, or read it"
    raise ValueError(
        f"{name} {problem}. Expected uint8 RGB (height, width, 3); {advice} with "
        f"`dlai_keras.images.read`. Received: {image.dtype} {shape}."
    )


def _points(argument, points, number=None):
    points = np.asarray(points, "float64")
    least = 2 if number is None else number
    wrong = points.ndim != 2 or points.shape[1:] != (2,) or len(points) < least
    if wrong or (number is not None and len(points) != number):
        wanted = "two points or more (num, 2)" if number is None else "(5, 2)"
        raise ValueError(
            f"`{argument}` must be {wanted}, each x and y in pixels. Received: "
            f"shape={points.shape}."
        )
    if not np.isfinite(points).all():
        raise ValueError(f"`{argument}` must be finite. Received: {points.tolist()}.")
    return points


def _checked_size(size):
    size = np.atleast_1d(size)
    if size.shape != (2,) or not np.issubdtype(size.dtype, np.integer) or min(size) < 1:
        raise ValueError(
            f"`size` must be height and width, whole pixels. Received: {size.tolist()}."
        )
    return tuple(size.tolist())
