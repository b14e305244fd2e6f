"""Points in the plane and small pictures: made from a generator, or read from files.

Points come as the course has them: `X` of shape `(2, num_points)`, one column a point,
and `Y` of shape `(1, num_points)`, its class. With `numpy.random.RandomState(seed)` the
flower, circles, moons, blobs and quantiles are the course's own, number for number.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np

from dlai_keras.foundations import draws
from dlai_keras.foundations.draws import Rng

SPLITS = ("train", "test")
CATS_LAYOUT = (
    "a folder with train_catvnoncat.h5 and test_catvnoncat.h5 as the course's, or one "
    "that holds it as foundations/"
)
POINTS_LAYOUT = (
    "a .csv of x1,x2,label a line, a .npz with X and Y, or a .mat as the course's "
    "data.mat (X, y, Xval, yval)"
)
CLASSES = ("non-cat", "cat")
Split = tuple[np.ndarray, np.ndarray]


def make_flower(rng: Rng, num_points: int = 400) -> Split:
    """Draws the flower: petals of two colours, which no line can part.

    Args:
        rng: None, RandomState or Generator; the course's is `RandomState(1)`.
        num_points: in all, half of each class.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` is below 2.

    Example:
        >>> X, Y = make_flower(np.random.RandomState(1))
        >>> X.shape, X[:, 0].round(8).tolist()
        ((2, 400), [1.20444229, 3.57611415])

    Reference:
        - Course 1, week 3, `load_planar_dataset`.
    """
    half = _check_number(num_points) // 2
    parts = []
    for petal, number in enumerate((half, num_points - half)):
        angle = np.linspace(petal * 3.12, (petal + 1) * 3.12, number)
        angle = angle + draws.normal(rng, number) * 0.2
        radius = 4 * np.sin(4 * angle) + draws.normal(rng, number) * 0.2
        parts.append([radius * np.sin(angle), radius * np.cos(angle)])
    return np.concatenate(parts, axis=1), _labels(half, num_points - half)


def make_circles(
    rng: Rng, num_points: int = 300, *, noise: float = 0.05, factor: float = 0.8
) -> Split:
    """Draws two circles about one centre: class 0 outside, class 1 inside.

    Args:
        rng: None, RandomState or Generator; the course trains on `RandomState(1)` and
            tests on 100 points of `RandomState(2)`.
        num_points: in all, half of each class.
        noise: standard deviation of what is added to each coordinate.
        factor: radius of the inner circle; the outer one has 1.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` is below 2, or `noise` negative.

    Example:
        >>> X, Y = make_circles(np.random.RandomState(0), 6, noise=0.0)
        >>> np.hypot(*X).round(2).tolist(), Y.tolist()
        ([0.8, 1.0, 1.0, 0.8, 1.0, 0.8], [[1, 0, 0, 1, 0, 1]])

    Reference:
        - Course 2, week 1, Initialization, `load_dataset`.
    """
    half = _check_number(num_points) // 2
    outer, inner = (
        np.linspace(0, 2 * np.pi, number, endpoint=False)
        for number in (half, num_points - half)
    )
    rings = [[np.cos(outer), np.sin(outer)]]
    rings.append([factor * np.cos(inner), factor * np.sin(inner)])
    X = np.concatenate(rings, axis=1)
    return _shuffle(rng, X, _labels(half, num_points - half), noise)


def make_moons(rng: Rng, num_points: int = 300, *, noise: float = 0.2) -> Split:
    """Draws two half circles that reach into one another.

    Args:
        rng: None, RandomState or Generator; the course's is `RandomState(3)`.
        num_points: in all, half of each class.
        noise: standard deviation of what is added to each coordinate.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` is below 2, or `noise` negative.

    Example:
        >>> X, Y = make_moons(np.random.RandomState(3), 300)
        >>> X.shape, int(Y.sum())
        ((2, 300), 150)

    Reference:
        - Course 2, week 2, Optimization methods, `load_dataset`.
    """
    half = _check_number(num_points) // 2
    upper = np.linspace(0, np.pi, half)
    lower = np.linspace(0, np.pi, num_points - half)
    moons = [[np.cos(upper), np.sin(upper)]]
    moons.append([1 - np.cos(lower), 0.5 - np.sin(lower)])
    X = np.concatenate(moons, axis=1)
    return _shuffle(rng, X, _labels(half, num_points - half), noise)


def make_blobs(rng: Rng, num_points: int = 200, *, centers: int = 6) -> Split:
    """Draws round clouds about random centres, coloured in turn.

    Args:
        rng: None, RandomState or Generator; the course's is `RandomState(5)`.
        num_points: in all, shared out among the centres.
        centers: how many; the even ones are class 0, the odd ones class 1.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` or `centers` is below 2.

    Example:
        >>> X, Y = make_blobs(np.random.RandomState(5))
        >>> X.shape, sorted(set(Y.ravel().tolist()))
        ((2, 200), [0, 1])

    Reference:
        - Course 1, week 3, `load_extra_datasets`.
    """
    if centers < 2:
        raise ValueError(f"`centers` must be 2 or more. Received: centers={centers}.")
    _check_number(num_points)
    middles = -10 + 20 * draws.uniform(rng, centers, 2)
    counts = np.full(centers, num_points // centers)
    counts[: num_points % centers] += 1
    X = np.concatenate(
        [
            middle + draws.normal(rng, number, 2)
            for middle, number in zip(middles, counts, strict=True)
        ]
    )
    Y = np.repeat(np.arange(centers), counts)[None] % 2
    return _shuffle(rng, X.T, Y.astype("uint8"), 0.0)


def make_quantiles(rng: Rng, num_points: int = 200) -> Split:
    """Draws one round cloud: class 0 is the half near its middle.

    Args:
        rng: None, RandomState or Generator.
        num_points: in all, half of each class.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` is below 2.

    Example:
        >>> X, Y = make_quantiles(np.random.RandomState(0))
        >>> bool(np.hypot(*X)[Y[0] == 0].max() < np.hypot(*X)[Y[0] == 1].min())
        True

    Reference:
        - Course 1, week 3, `load_extra_datasets`, `gaussian_quantiles`.
    """
    half = _check_number(num_points) // 2
    X = np.sqrt(0.5) * draws.normal(rng, num_points, 2)
    X = X[np.argsort((X**2).sum(axis=1), kind="stable")]
    return _shuffle(rng, X.T, _labels(half, num_points - half), 0.0)


def make_spirals(
    rng: Rng, num_points: int = 300, *, noise: float = 0.05, turns: float = 1.25
) -> Split:
    """Draws two spirals that wind about each other: the hardest set here.

    Args:
        rng: None, RandomState or Generator.
        num_points: in all, half of each class.
        noise: standard deviation of what is added to each coordinate.
        turns: of each spiral, from the middle to radius 1.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: `num_points` is below 2, or `noise` negative.

    Example:
        >>> X, Y = make_spirals(np.random.RandomState(0), 400)
        >>> X.shape, int(Y.sum())
        ((2, 400), 200)
    """
    half = _check_number(num_points) // 2
    arms = []
    for arm, number in enumerate((half, num_points - half)):
        # Evenly along the arm, not in the angle: the middle would be crowded.
        radius = np.sqrt(np.linspace(0.01, 1, number))
        angle = 2 * np.pi * turns * radius + np.pi * arm
        arms.append([radius * np.cos(angle), radius * np.sin(angle)])
    X = np.concatenate(arms, axis=1)
    return _shuffle(rng, X, _labels(half, num_points - half), noise)


def make_football(rng: Rng, num_points: int = 211) -> Split:
    """Draws headers on a football field, much like the course's `data.mat`.

    A slanted, slightly bent front parts the teams, and some headers near it, and few
    far from it, are won by the wrong one: whoever follows each of these overfits.

    Args:
        rng: None, RandomState or Generator.
        num_points: in all; the course has 211 to train on and 200 to test.

    Returns:
        `(X, Y)`: float64 `(2, num_points)`, place along and across the field, and uint8
        `(1, num_points)`, 1 where the own team heads the ball.

    Raises:
        ValueError: `num_points` is below 2.

    Example:
        >>> X, Y = make_football(np.random.RandomState(0))
        >>> X.shape, X.min().round(1).item(), Y.mean().round(1).item()
        ((2, 211), -0.6, 0.5)

    Reference:
        - Course 2, week 1, Regularization.
    """
    _check_number(num_points)
    X = np.array([[-0.6], [-0.65]]) + np.array([[0.9], [1.2]]) * draws.uniform(
        rng, 2, num_points
    )
    along, across = X
    beyond = along - (0.5 * across - 0.1 + 0.04 * np.sin(6 * across))
    # Three in a hundred are won far from the front: the ones to be overfitted.
    ours = 0.015 + 0.97 / (1 + np.exp(beyond / 0.035))
    return X, (draws.uniform(rng, num_points) < ours).astype("uint8")[None]


POINT_SETS: dict[str, Callable[..., Split]] = {
    "flower": make_flower,
    "circles": make_circles,
    "moons": make_moons,
    "blobs": make_blobs,
    "quantiles": make_quantiles,
    "spirals": make_spirals,
    "football": make_football,
}


def make_points(name: str, rng: Rng, num_points: int | None = None) -> Split:
    """Draws one of the sets by its name.

    Args:
        name: flower, circles, moons, blobs, quantiles, spirals or football.
        rng: None, RandomState or Generator.
        num_points: in all; by default as many as the course has.

    Returns:
        `(X, Y)`: float64 `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        ValueError: there is no such set, or `num_points` is below 2.

    Example:
        >>> X, Y = make_points("moons", np.random.RandomState(3), 100)
        >>> X.shape, Y.shape
        ((2, 100), (1, 100))
    """
    if name not in POINT_SETS:
        raise ValueError(
            f"The set must be one of {', '.join(POINT_SETS)}. Received: {name}."
        )
    return POINT_SETS[name](rng, *([] if num_points is None else [num_points]))


def load_points(path: str | Path) -> dict[str, Split]:
    r"""Reads points of two classes from a file.

    Args:
        path: CSV with a line `x1,x2,label` a point (a first line of names is left out);
            NPZ with `X` `(2, num_points)` and `Y`, and `X_test` and `Y_test` where
            there is a test set; MAT as the course's `data.mat`; or a folder with
            `data.mat`, or one that holds it as `foundations/`.

    Returns:
        `"train"`, and `"test"` where the file has one, each `(X, Y)`: float64
        `(2, num_points)` and uint8 `(1, num_points)`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mine.csv"
        ...     _ = path.write_text("x1,x2,label\n0.5,1,0\n2,3,1\n")
        ...     X, Y = load_points(path)["train"]
        >>> X.tolist(), Y.tolist()
        ([[0.5, 2.0], [1.0, 3.0]], [[0, 1]])

    Reference:
        - Course 2, week 1, Regularization, `load_2D_dataset`.
    """
    path = _inside(Path(path), "data.mat", POINTS_LAYOUT)
    readers = {".csv": _read_csv, ".npz": _read_npz, ".mat": _read_mat}
    if path.suffix.lower() not in readers:
        raise ValueError(f"Expected {POINTS_LAYOUT}. Received: {path}.")
    return {
        split: _check_points(path, *arrays)
        for split, arrays in readers[path.suffix.lower()](path).items()
    }


def load_cats(path: str | Path) -> dict[str, Split]:
    """Reads the course's pictures of cats and of other things.

    Args:
        path: folder with `train_catvnoncat.h5` and `test_catvnoncat.h5`, or one that
            holds it as `foundations/`.

    Returns:
        `"train"` and `"test"`, each uint8 images `(num_images, height, width, 3)` and
        uint8 labels `(1, num_images)`, 1 for a cat.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file holds something else, or is broken.

    Reference:
        - Course 1, week 2, `load_dataset`.
    """
    found = {}
    for split in SPLITS:
        name = f"{split}_catvnoncat.h5"
        file = _inside(Path(path), name, CATS_LAYOUT)
        if file.name != name:
            raise ValueError(f"Expected {CATS_LAYOUT}. Received the file {path}.")
        try:
            with h5py.File(file) as opened:
                arrays = [
                    opened[f"{split}_set_{part}"][()]
                    if f"{split}_set_{part}" in opened
                    # Said below: the shape is not the one that is wanted.
                    else np.zeros(0)
                    for part in "xy"
                ]
        except OSError as error:
            raise ValueError(
                f"{file} cannot be read: it is cut off, or no HDF5 file. Fetch it "
                f"again. ({error})"
            ) from None
        images, labels = arrays
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"{split}_set_x in {file} must be whole numbers from 0 to 255 of the "
                "shape (images, height, width, 3). Received: "
                f"{images.dtype}, {images.shape}."
            )
        if labels.shape != (len(images),) or not np.isin(labels, (0, 1)).all():
            raise ValueError(
                f"{split}_set_y in {file} must be one label, 0 or 1, for each of the "
                f"{len(images)} images. Received the shape {labels.shape}."
            )
        found[split] = images, labels.astype("uint8")[None]
    shapes = {split: images.shape[1:] for split, (images, _) in found.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"Training and test pictures in {path} must have one size. Received: "
            f"{shapes['train']} and {shapes['test']}."
        )
    return found


def flatten_images(images: np.ndarray) -> np.ndarray:
    """Lays every picture out as one column of numbers from 0 to 1.

    Args:
        images: uint8 `(num_images, height, width, 3)`.

    Returns:
        float64 `(height * width * 3, num_images)`.

    Raises:
        ValueError: the shape is another.

    Example:
        >>> flatten_images(np.full((5, 64, 64, 3), 51, "uint8"))[:2, 0].tolist()
        [0.2, 0.2]

    Reference:
        - Course 1, week 2.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "`images` must have the shape (num_images, height, width, 3). Received: "
            f"{images.shape}."
        )
    return images.reshape(len(images), -1).T / 255


def make_cats(
    rng: np.random.Generator, num_images: int, *, size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Draws cats, and dogs, bears, rabbits and things that are none.

    A cat is told by its upright pointed ears, slit pupils and whiskers, not by colour,
    place, size or background, which all have at random. Half of what is no cat is an
    animal of the same fur.

    Args:
        rng: draws everything. A larger set begins with the pictures of a smaller one.
        num_images: how many; about half are cats.
        size: height and width, pixels.

    Returns:
        uint8 images `(num_images, size, size, 3)` and uint8 labels `(1, num_images)`, 1
        for a cat.

    Raises:
        ValueError: `num_images` is below 1 or `size` below 16.

    Example:
        >>> images, labels = make_cats(np.random.default_rng(0), 4, size=32)
        >>> images.shape, labels.tolist()
        ((4, 32, 32, 3), [[0, 0, 1, 1]])
    """
    if num_images < 1:
        raise ValueError(
            f"`num_images` must be 1 or more. Received: num_images={num_images}."
        )
    if size < 16:
        raise ValueError(f"`size` must be 16 or more. Received: size={size}.")
    images = np.zeros((num_images, size, size, 3), "uint8")
    labels = np.zeros((1, num_images), "uint8")
    for index in range(num_images):
        labels[0, index] = rng.random() < 0.5
        kinds = (_cat,) if labels[0, index] else (*ANIMALS, *THINGS)
        kind = kinds[int(rng.random() * len(kinds))]
        images[index] = _draw_scene(rng, kind, size)
    return images, labels


def _check_number(num_points):
    if num_points < 2:
        raise ValueError(
            f"`num_points` must be 2 or more. Received: num_points={num_points}."
        )
    return num_points


def _labels(*numbers):
    return np.repeat(np.arange(len(numbers), dtype="uint8"), numbers)[None]


def _shuffle(rng, X, Y, noise):
    """Mixes the points, then moves them: in the order in which scikit-learn draws."""
    if noise < 0:
        raise ValueError(f"`noise` must be 0 or more. Received: noise={noise}.")
    order = draws.permutation(rng, X.shape[1])
    X, Y = X[:, order], Y[:, order]
    if noise:
        X = X + noise * draws.normal(rng, X.shape[1], 2).T
    return X, Y


def _inside(path, name, layout):
    """The file that is meant: `path`, or `name` in it or in its `foundations/`."""
    if path.is_file():
        return path
    for folder in (path, path / "foundations"):
        if (folder / name).is_file():
            return folder / name
    problem = f"No file {name} in {path}" if path.is_dir() else f"No such file: {path}"
    raise FileNotFoundError(f"{problem}. Expected {layout}.")


def _read_csv(path):
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be a text file in UTF-8.") from None
    rows = []
    for number, line in enumerate(filter(str.strip, lines), 1):
        try:
            rows.append([float(value) for value in line.split(",")])
        except ValueError:
            if number == 1:  # the names of the columns
                continue
            rows.append([])
        if len(rows[-1]) != 3:
            raise ValueError(
                f"Every line of {path} must be x1,x2,label, three numbers. Received in "
                f"line {number}: {line[:60]}"
            )
    table = np.array(rows).reshape(-1, 3)
    return {"train": (table[:, :2].T, table[:, 2])}


def _read_npz(path):
    names = {"train": ("X", "Y"), "test": ("X_test", "Y_test")}
    try:
        with np.load(path) as file:
            return _named(path, dict(file), names)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is no NPZ file that can be read.") from None


def _read_mat(path):
    import scipy.io  # 0.1 s that no other set needs

    try:
        arrays = scipy.io.loadmat(path)
    except Exception:  # the reader raises whatever a broken file leads it to
        raise ValueError(f"{path} is no MAT file that can be read.") from None
    names = {"train": ("X", "y"), "test": ("Xval", "yval")}
    return {split: (X.T, Y) for split, (X, Y) in _named(path, arrays, names).items()}


def _named(path, arrays, names):
    found = {
        split: tuple(arrays[name] for name in pair)
        for split, pair in names.items()
        if all(name in arrays for name in pair)
    }
    if "train" not in found:
        listed = ", ".join(name for name in arrays if name[0] != "_")
        raise ValueError(
            f"{path} must hold {' and '.join(names['train'])}. It holds: "
            f"{listed or 'nothing'}."
        )
    return found


def _check_points(path, X, Y):
    X, Y = np.asarray(X, "float64"), np.ravel(Y)
    if X.ndim != 2 or len(X) != 2 or X.shape[1] < 2:
        raise ValueError(
            f"The points in {path} must have two coordinates each, and be two or more. "
            f"Received the shape {X.shape}."
        )
    if Y.shape != X.shape[1:]:
        raise ValueError(
            f"{path} must have one label a point. Received: {X.shape[1]} points, "
            f"{len(Y)} labels."
        )
    if not np.isin(Y, (0, 1)).all():
        wrong = Y[~np.isin(Y, (0, 1))][0]
        raise ValueError(f"The labels in {path} must be 0 or 1. Received: {wrong:g}.")
    if not np.isfinite(X).all():
        raise ValueError(f"The coordinates in {path} must be finite numbers.")
    return X, Y.astype("uint8")[None]


# What the pictures show: parts of a figure that is 2 wide and 2 high about the origin,
# y downwards, each a polygon with its colour, the later ones on top.

INK, WHITE, PINK = (20, 20, 25), (240, 240, 235), (215, 130, 140)
FURS = (
    (205, 130, 60),
    (150, 105, 70),
    (90, 80, 75),
    (45, 42, 45),
    (160, 155, 150),
    (225, 215, 200),
    (190, 165, 130),
)


def _oval(x, y, width, height, tilt=0.0):
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    points = np.stack([width * np.cos(angle), height * np.sin(angle)], axis=1)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return points @ turn + (x, y)


def _mirrored(points, color):
    points = np.array(points, "float64")
    return [(points, color), (points * (-1, 1), color)]


def _shade(color, factor):
    return tuple(float(np.clip(value * factor, 0, 255)) for value in color)


def _fur(rng):
    base = np.array(FURS[int(rng.random() * len(FURS))], "float64")
    return tuple(np.clip(base * rng.uniform(0.8, 1.2) + rng.normal(0, 8, 3), 0, 255))


def _face(rng, pupil_width, muzzle, nose):
    """Eyes, muzzle and nose, as all animals have them."""
    iris = tuple(rng.uniform((90, 110, 20), (220, 200, 120)))
    eye = rng.uniform(0.13, 0.18)
    parts = _mirrored(_oval(0.33, -0.1, eye, eye * 0.85), iris)
    parts += _mirrored(_oval(0.33, -0.1, pupil_width * eye, eye * 0.75), INK)
    parts.append((_oval(0, 0.36, *muzzle[:2]), muzzle[2]))
    parts.append((_oval(0, 0.24, nose[0], nose[0] * 0.7), nose[1]))
    return parts


def _cat(rng):
    fur = _fur(rng)
    lean, top = rng.uniform(0.55, 0.85), rng.uniform(-1.1, -0.9)
    parts = _mirrored([(0.15, -0.5), (lean, top), (0.78, -0.1)], fur)
    parts += _mirrored(
        [(0.32, -0.5), (lean - 0.03, top + 0.18), (0.66, -0.25)], _shade(PINK, 0.9)
    )
    parts.append((_oval(0, 0.05, 0.82, 0.68), fur))
    if rng.random() < 0.5:  # a tabby
        for x in (-0.2, 0.0, 0.2):
            stripe = [(x - 0.04, -0.6), (x + 0.04, -0.6), (x * 0.7, -0.25)]
            parts.append((np.array(stripe), _shade(fur, 0.55)))
    pale = WHITE if rng.random() < 0.5 else _shade(fur, 1.15)
    slit = rng.uniform(0.2, 0.45)
    parts += _face(rng, slit, (0.27, 0.18, pale), (0.08, PINK))
    whisker = WHITE if np.mean(fur) < 140 else INK
    for drop in (-0.12, 0.0, 0.12):
        line = [(0.2, 0.33), (0.2, 0.36), (1.05, 0.36 + drop + rng.normal(0, 0.03))]
        parts += _mirrored(line, whisker)
    return parts


def _dog(rng):
    fur = _fur(rng)
    parts = [(_oval(0, 0, 0.68, 0.8), fur)]
    ear = _oval(0.7, 0.05, 0.2, rng.uniform(0.45, 0.6), rng.uniform(-0.3, 0.1))
    parts += _mirrored(ear, _shade(fur, 0.7))
    pale = WHITE if rng.random() < 0.5 else _shade(fur, 1.15)
    parts += _face(rng, 0.75, (0.36, 0.34, pale), (0.15, INK))
    if rng.random() < 0.5:
        parts.append((_oval(0, 0.75, 0.12, 0.22), PINK))
    return parts


def _bear(rng):
    fur = _fur(rng)
    ear = rng.uniform(0.22, 0.3)
    parts = _mirrored(_oval(0.6, -0.6, ear, ear), fur)
    parts += _mirrored(_oval(0.6, -0.6, ear * 0.6, ear * 0.6), _shade(fur, 0.7))
    parts.append((_oval(0, 0.05, 0.82, 0.76), fur))
    return parts + _face(rng, 0.8, (0.34, 0.26, _shade(fur, 1.3)), (0.13, INK))


def _rabbit(rng):
    fur = _fur(rng)
    tilt = rng.uniform(-0.4, 0.1)
    parts = _mirrored(_oval(0.33, -0.85, 0.16, 0.55, tilt), fur)
    parts += _mirrored(_oval(0.33, -0.85, 0.08, 0.42, tilt), PINK)
    parts.append((_oval(0, 0.15, 0.62, 0.62), fur))
    return parts + _face(rng, 0.8, (0.24, 0.18, WHITE), (0.07, PINK))


def _house(rng):
    wall, roof = rng.uniform(60, 240, (2, 3))
    eaves = rng.uniform(0.8, 1.0)
    parts = [(np.array([(-0.75, 0), (0.75, 0), (0.75, 0.9), (-0.75, 0.9)]), wall)]
    parts.append((np.array([(-eaves, 0), (0, -0.8), (eaves, 0)]), roof))
    window = [(0.25, 0.2), (0.55, 0.2), (0.55, 0.5), (0.25, 0.5)]
    parts += _mirrored(window, rng.uniform(120, 250, 3))
    door = [(-0.15, 0.4), (0.15, 0.4), (0.15, 0.9), (-0.15, 0.9)]
    return [*parts, (np.array(door), rng.uniform(30, 120, 3))]


def _flower(rng):
    petal, middle = rng.uniform(100, 255, (2, 3))
    stalk = [(-0.05, 0), (0.05, 0), (0.05, 1.1), (-0.05, 1.1)]
    parts = [(np.array(stalk), (60, 130, 50))]
    number = 5 + int(rng.random() * 4)
    for angle in 2 * np.pi * np.arange(number) / number:
        place = 0.5 * np.cos(angle), 0.5 * np.sin(angle) - 0.2
        parts.append((_oval(*place, 0.34, 0.2, -angle), petal))
    return [*parts, (_oval(0, -0.2, 0.24, 0.24), middle)]


def _car(rng):
    body = rng.uniform(40, 240, 3)
    parts = [(np.array([(-1, 0), (1, 0), (1, 0.45), (-1, 0.45)]), body)]
    cabin = [(-0.6, 0), (-0.35, -0.45), (0.4, -0.45), (0.7, 0)]
    parts.append((np.array(cabin), _shade(body, 0.85)))
    pane = [(-0.42, -0.03), (-0.28, -0.36), (0.33, -0.36), (0.5, -0.03)]
    parts.append((np.array(pane), (180, 205, 220)))
    parts += _mirrored(_oval(0.55, 0.48, 0.22, 0.22), INK)
    return parts + _mirrored(_oval(0.55, 0.48, 0.1, 0.1), (170, 170, 170))


def _ball(rng):
    first, second = rng.uniform(30, 250, (2, 3))
    parts = [(_oval(0, 0, 0.85, 0.85), first)]
    for x in (-0.45, 0.0, 0.45):
        parts.append((_oval(x, 0, 0.1, 0.83 * np.sqrt(1 - x**2)), second))
    return parts


ANIMALS, THINGS = (_dog, _bear, _rabbit), (_house, _flower, _car, _ball)


def _draw_scene(rng, kind, size):
    """One picture, drawn at four times its size and made smaller: smooth edges."""
    large = 4 * size
    # A background that goes from one colour to another, with what lies about.
    tones = rng.uniform(50, 210, (2, 2, 1)) + rng.normal(0, 25, (2, 2, 3))
    corners = np.clip(tones, 0, 255).astype("float32")
    canvas = np.ascontiguousarray(
        cv2.resize(corners, (large, large), interpolation=cv2.INTER_LINEAR)
    )
    for _ in range(int(rng.random() * 5)):
        where = rng.uniform(-1, 1, 2)
        blob = _oval(*where, *rng.uniform(0.1, 0.5, 2), rng.uniform(0, 3.1))
        _fill(canvas, blob, rng.uniform(30, 235, 3))
    scale, turn = rng.uniform(0.5, 0.7), rng.normal(0, 0.15)
    middle = np.array([0, 0.1]) + rng.uniform(-0.15, 0.15, 2)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    stretch = rng.uniform(0.85, 1.15)
    for points, color in kind(rng):
        placed = (points * (stretch, 1 / stretch)) @ rotation * scale + middle
        _fill(canvas, placed, color)
    image = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(image, (0, 0), size / 64 * rng.uniform(0.2, 0.9))
    light = rng.uniform(0.7, 1.2) * (1 + rng.normal(0, 0.05, 3))
    image = image * light + rng.normal(0, rng.uniform(2, 10), image.shape)
    return np.clip(image, 0, 255).astype("uint8")


def _fill(canvas, points, color):
    places = np.round((points + 1) / 2 * len(canvas)).astype("int32")
    cv2.fillPoly(canvas, [places], tuple(float(value) for value in color))
