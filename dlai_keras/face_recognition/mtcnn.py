"""Finding faces and their five points: MTCNN's three networks, one after the other.

P-Net looks at every place of a pyramid of sizes and proposes windows, R-Net looks at
each of these closely and O-Net more closely still; each drops most of what it is shown
and moves the rest to where it belongs. The weights do not come with the package. Those
that David Sandberg converted from the authors' Caffe models are in the repository
davidsandberg/facenet (MIT licence): `det1.npy`, `det2.npy` and `det3.npy` in its folder
`src/align`. `load_mtcnn` reads these, and the same arrays as `det1.npz` and so on, one
array a layer and kind, such as `conv1__weights`, `conv1__biases`, `PReLU1__alpha`.
"""

import math
import pickle
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from dlai_keras import boxes
from dlai_keras.face_recognition.alignment import NUM_POINTS, check_image

WINDOW = 12  # what P-Net looks at, pixels
STRIDE = 2  # from one window of P-Net to the next
SEVERAL = ("largest", "error")
_SHAPES = ((4,), (), (NUM_POINTS, 2))  # of a face's box, score and landmarks
# Whose area is at least this part of the largest face's could be meant as well.
LIKE_SIZE = 0.5


def p_net(
    *, kernel_initializer: str = "glorot_uniform", name: str = "p_net"
) -> keras.Model:
    """The network that proposes windows, of pictures of any size.

    Args:
        kernel_initializer: of all layers. `"zeros"` saves the drawing of weights that
            are read from a file, which takes seconds on JAX.
        name: of the model.

    Returns:
        Images `(batch, height, width, 3)`, RGB, 0 to 255, to a dict of `probabilities`
        `(batch, rows, columns, 2)`, no face and face, and `offsets`
        `(batch, rows, columns, 4)`, how far the left, upper, right and lower edge of
        the face is from the window's, in windows. Window `(i, j)` has its corner at
        row `2 * i` and column `2 * j` and 12 pixels each way.

    Example:
        >>> p_net().count_params()
        6632

    Reference:
        - Zhang et al., 2016, "Joint face detection and alignment using multi-task
          cascaded convolutional networks", figure 2.
    """
    start = {"kernel_initializer": kernel_initializer}
    images = keras.Input((None, None, 3), name="image")
    x = _convolution(_rescaled(images), 10, 3, 1, start)
    x = keras.layers.MaxPooling2D(2, padding="same", name="pool1")(x)
    x = _convolution(x, 16, 3, 2, start)
    x = _convolution(x, 32, 3, 3, start)
    logits = keras.layers.Conv2D(2, 1, **start, name="conv4_1")(x)
    outputs = {
        "probabilities": keras.layers.Softmax(name="probabilities")(logits),
        "offsets": keras.layers.Conv2D(4, 1, **start, name="conv4_2")(x),
    }
    return keras.Model(images, outputs, name=name)


def r_net(
    *, kernel_initializer: str = "glorot_uniform", name: str = "r_net"
) -> keras.Model:
    """The network that looks at the proposed windows, 24 pixels each way.

    Args:
        kernel_initializer: of all layers. `"zeros"` saves the drawing of weights that
            are read from a file, which takes seconds on JAX.
        name: of the model.

    Returns:
        Images `(batch, 24, 24, 3)`, RGB, 0 to 255, to a dict of `probabilities`
        `(batch, 2)` and `offsets` `(batch, 4)`, as of `p_net`.

    Example:
        >>> r_net().count_params()
        100178

    Reference:
        - Zhang et al., 2016, figure 2.
    """
    start = {"kernel_initializer": kernel_initializer}
    images = keras.Input((24, 24, 3), name="image")
    x = _convolution(_rescaled(images), 28, 3, 1, start)  # (batch, 22, 22, 28)
    x = keras.layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _convolution(x, 48, 3, 2, start)  # (batch, 9, 9, 48)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = _convolution(x, 64, 2, 3, start)  # (batch, 3, 3, 64)
    x = _dense(keras.layers.Flatten(name="flatten")(x), 128, 4, start)
    logits = keras.layers.Dense(2, **start, name="conv5_1")(x)
    outputs = {
        "probabilities": keras.layers.Softmax(name="probabilities")(logits),
        "offsets": keras.layers.Dense(4, **start, name="conv5_2")(x),
    }
    return keras.Model(images, outputs, name=name)


def o_net(
    *, kernel_initializer: str = "glorot_uniform", name: str = "o_net"
) -> keras.Model:
    """The network that has the last word, on windows of 48 pixels each way.

    Args:
        kernel_initializer: of all layers. `"zeros"` saves the drawing of weights that
            are read from a file, which takes seconds on JAX.
        name: of the model.

    Returns:
        Images `(batch, 48, 48, 3)`, RGB, 0 to 255, to a dict of `probabilities`
        `(batch, 2)`, `offsets` `(batch, 4)`, as of `p_net`, and `landmarks`
        `(batch, 10)`: five x, then five y, from the window's upper left corner, in
        windows.

    Example:
        >>> o_net().count_params()
        389040

    Reference:
        - Zhang et al., 2016, figure 2.
    """
    start = {"kernel_initializer": kernel_initializer}
    images = keras.Input((48, 48, 3), name="image")
    x = _convolution(_rescaled(images), 32, 3, 1, start)  # (batch, 46, 46, 32)
    x = keras.layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _convolution(x, 64, 3, 2, start)  # (batch, 21, 21, 64)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = _convolution(x, 64, 3, 3, start)  # (batch, 8, 8, 64)
    x = keras.layers.MaxPooling2D(2, padding="same", name="pool3")(x)
    x = _convolution(x, 128, 2, 4, start)  # (batch, 3, 3, 128)
    x = _dense(keras.layers.Flatten(name="flatten")(x), 256, 5, start)
    logits = keras.layers.Dense(2, **start, name="conv6_1")(x)
    outputs = {
        "probabilities": keras.layers.Softmax(name="probabilities")(logits),
        "offsets": keras.layers.Dense(4, **start, name="conv6_2")(x),
        "landmarks": keras.layers.Dense(10, **start, name="conv6_3")(x),
    }
    return keras.Model(images, outputs, name=name)


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, best first.

    Attributes:
        boxes_xyxy: in pixels of the picture, inside it, float32 `(num, 4)`.
        scores: probabilities that they are faces, float32 `(num,)`.
        landmarks: eyes, nose and corners of the mouth, as `alignment` orders them,
            float32 `(num, 5, 2)`.
    """

    boxes_xyxy: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self):
        return len(self.scores)


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    Attributes:
        box_xyxy: in pixels, float32 `(4,)`.
        score: probability that it is a face.
        landmarks: its five points, float32 `(5, 2)`.
        note: what the user should know of the choice; empty mostly.
    """

    box_xyxy: np.ndarray
    score: float
    landmarks: np.ndarray
    note: str = ""


@dataclass(frozen=True)
class FaceFinder:
    """Pictures of any size in, faces with their five points out.

    Attributes:
        p_net: as `p_net` builds it.
        r_net: as `r_net` builds it.
        o_net: as `o_net` builds it.
        min_size: smallest face that is looked for, pixels.
        factor: from one size of the pyramid to the next; the authors' 0.709 halves the
            area.
        thresholds: lowest probabilities after P-, R- and O-Net.
        max_side: longer side of the pyramid's largest picture, pixels. It bounds time
            and memory: on a picture of 4,000 pixels, faces below 62 are not looked for.

    Raises:
        ValueError: an attribute is out of its range.

    Reference:
        - Zhang et al., 2016, "Joint face detection and alignment using multi-task
          cascaded convolutional networks"; 0.6, 0.7, 0.7 are the authors' thresholds.
    """

    p_net: keras.Model
    r_net: keras.Model
    o_net: keras.Model
    min_size: float = 20
    factor: float = 0.709
    thresholds: Sequence[float] = (0.6, 0.7, 0.7)
    max_side: int = 768

    def __post_init__(self):
        if not self.min_size >= 1:
            raise ValueError(
                f"`min_size` must be 1 pixel or more. Received: {self.min_size}."
            )
        if not 0 < self.factor < 1:
            raise ValueError(
                "`factor` must be between 0 and 1, 0.709 say. Received: "
                f"factor={self.factor}."
            )
        if len(self.thresholds) != 3 or not all(0 <= t <= 1 for t in self.thresholds):
            raise ValueError(
                "`thresholds` must be three probabilities, of P-, R- and O-Net. "
                f"Received: {self.thresholds}."
            )
        if not self.max_side >= WINDOW:
            raise ValueError(
                f"`max_side` must be {WINDOW} pixels or more. Received: "
                f"max_side={self.max_side}."
            )

    def find(self, image: np.ndarray) -> Faces:
        """The faces of a picture.

        Args:
            image: uint8 RGB `(height, width, 3)`.

        Returns:
            All of them, best first; none is no error.

        Raises:
            ValueError: it is no such picture.
        """
        check_image(image)
        image = np.asarray(image)
        windows = self._propose(image)
        windows = self._refine(image, windows)
        return self._conclude(image, windows)

    def find_one(
        self,
        image: np.ndarray,
        *,
        several: str = "largest",
        min_width: float = 20,
        name: str = "The picture",
    ) -> Face:
        """The face of a picture that shows one person.

        Where there is none, the picture is looked at once more with a margin around it:
        a face that fills it or touches its edge may be missed otherwise.

        Args:
            image: uint8 RGB `(height, width, 3)`.
            several: what becomes of more than one face: `"largest"` takes the largest
                and says so in `Face.note`; `"error"` raises where another one is of
                like size, at least half its area. People far behind do not count.
            min_width: a face narrower than this, in pixels, is refused: too little is
                left of it to know it by.
            name: of the picture, for the messages.

        Returns:
            The face.

        Raises:
            ValueError: there is no face, it is too small, there are several, or it is
                no such picture.
        """
        if several not in SEVERAL:
            raise ValueError(
                f"`several` must be one of {', '.join(SEVERAL)}. Received: {several!r}."
            )
        check_image(image, name)
        image = np.asarray(image)
        height, width = image.shape[:2]
        faces = self.find(image)
        if not len(faces):
            faces = self._find_with_margin(image)
        if not len(faces):
            raise ValueError(
                f"{name} shows no face that can be found, of {width} x {height} "
                "pixels. Take one with a face from the front, in good light and not "
                "cut off, or say that it is a crop of a face already."
            )
        areas = boxes.area(faces.boxes_xyxy)
        order = np.argsort(-areas, kind="stable")
        best = order[0]
        widths = faces.boxes_xyxy[:, 2] - faces.boxes_xyxy[:, 0]
        if widths[best] < min_width:
            raise ValueError(
                f"{name} shows only a tiny face, {widths[best]:.0f} pixels wide. "
                f"Expected {min_width:g} or more; take a picture from nearer."
            )
        alike = [i for i in order if areas[i] >= LIKE_SIZE * areas[best]]
        if several == "error" and len(alike) > 1:
            raise ValueError(
                f"{name} shows {len(alike)} faces of like size, "
                f"{' and '.join(f'{widths[i]:.0f}' for i in alike)} pixels wide. "
                "Expected one person; crop the picture to the one who is meant."
            )
        note = ""
        if len(faces) > 1:
            note = (
                f"{name} shows {len(faces)} faces; the largest was taken, "
                f"{widths[best]:.0f} pixels wide."
            )
        score, landmarks = float(faces.scores[best]), faces.landmarks[best]
        return Face(faces.boxes_xyxy[best], score, landmarks, note)

    def _find_with_margin(self, image):
        """Faces that fill the picture, which has no window around them without one."""
        margin = min(image.shape[:2]) // 4
        edges = [margin] * 4
        faces = self.find(cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE))
        found = boxes.clip(faces.boxes_xyxy - margin, *image.shape[:2])
        seen = boxes.area(found) > 0
        return Faces(found[seen], faces.scores[seen], faces.landmarks[seen] - margin)

    def _propose(self, image):
        """Windows `(num, 4)` that P-Net takes for faces, squares of whole pixels."""
        height, width = image.shape[:2]
        sizes = self._pyramid(height, width)
        if not sizes:
            return np.zeros((0, 4))
        # All sizes on one sheet: one pass through the network, and one shape for all
        # pictures of a size. Windows across two of them are not looked at.
        places, sheet_size = pack(sizes)
        sheet = np.zeros((1, *sheet_size, 3), "uint8")
        for (rows, columns), (top, left) in zip(sizes, places, strict=True):
            sheet[0, top : top + rows, left : left + columns] = _resized(
                image, rows, columns
            )
        outputs = self.p_net.predict_on_batch(sheet)
        all_scores = np.asarray(outputs["probabilities"], "float32")[0, ..., 1]
        all_offsets = np.asarray(outputs["offsets"], "float32")[0]
        parts = []
        for (rows, columns), (top, left) in zip(sizes, places, strict=True):
            here = (
                slice(top // STRIDE, (top + rows - WINDOW) // STRIDE + 1),
                slice(left // STRIDE, (left + columns - WINDOW) // STRIDE + 1),
            )
            scores, offsets = all_scores[here], all_offsets[here]
            found = np.nonzero(scores >= self.thresholds[0])
            corners = np.stack(found[::-1], axis=1) * STRIDE  # (num, x and y)
            found_boxes = np.concatenate([corners, corners + WINDOW], axis=1)
            found_boxes = found_boxes * np.tile([width / columns, height / rows], 2)
            scores, offsets = scores[found], offsets[found]
            kept = boxes.greedy_nms(found_boxes, scores, 0.5)
            parts.append((found_boxes[kept], scores[kept], offsets[kept]))
        windows, scores, offsets = map(np.concatenate, zip(*parts, strict=True))
        kept = boxes.greedy_nms(windows, scores, 0.7)
        return _squares(_regressed(windows[kept], offsets[kept]), height, width)

    def _refine(self, image, windows):
        """The windows that R-Net takes for faces, better placed."""
        if not len(windows):
            return windows
        outputs = _predict(self.r_net, _crops(image, windows, 24), 32)
        scores = outputs["probabilities"][:, 1]
        passed = np.flatnonzero(scores >= self.thresholds[1])
        kept = passed[boxes.greedy_nms(windows[passed], scores[passed], 0.7)]
        windows = _regressed(windows[kept], outputs["offsets"][kept])
        return _squares(windows, *image.shape[:2])

    def _conclude(self, image, windows):
        """The faces that O-Net sees in the windows."""
        if not len(windows):
            return Faces(*(np.zeros((0, *shape), "float32") for shape in _SHAPES))
        outputs = _predict(self.o_net, _crops(image, windows, 48), 8)
        scores = outputs["probabilities"][:, 1]
        passed = np.flatnonzero(scores >= self.thresholds[2])
        corners, sides = (
            windows[:, None, :2],
            windows[:, None, 2:] - windows[:, None, :2],
        )
        points = outputs["landmarks"].reshape(-1, 2, NUM_POINTS).transpose(0, 2, 1)
        landmarks = corners + points * sides  # (num, points, x and y)
        found = _regressed(windows, outputs["offsets"])
        kept = passed[suppress_contained(found[passed], scores[passed], 0.7)]
        return Faces(
            boxes.clip(found[kept], *image.shape[:2]).astype("float32"),
            scores[kept],
            landmarks[kept].astype("float32"),
        )

    def _pyramid(self, height, width):
        """Rows and columns of the pictures that P-Net looks at, even, largest first."""
        scale = min(WINDOW / self.min_size, self.max_side / max(height, width))
        sizes = []
        while min(height, width) * scale >= WINDOW:
            # Of an odd size the last window would hang over the edge.
            sizes.append(
                tuple(
                    STRIDE * math.ceil(side * scale / STRIDE - 1e-6)
                    for side in (height, width)
                )
            )
            scale *= self.factor
        return sizes


def load_mtcnn(folder: str | Path, **settings) -> FaceFinder:
    """Builds a face finder from the files of the three networks.

    The networks were trained on pictures whose rows and columns are exchanged, as
    MATLAB stores them. Their weights are turned here, once, and not every picture.

    Args:
        folder: holds `det1`, `det2` and `det3` as `.npy` of davidsandberg/facenet, or
            as `_plain.npz` or `.npz` with plain arrays; or holds a folder
            `face_recognition/mtcnn` or `mtcnn` with them.
        **settings: attributes of `FaceFinder`, such as `min_size`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing, or a setting is out of its range.
    """
    paths = [_weights_file(Path(folder), number) for number in (1, 2, 3)]
    arrays = [_read_arrays(path) for path in paths]
    networks = []
    for build, path, weights in zip((p_net, r_net, o_net), paths, arrays, strict=True):
        networks.append(build(kernel_initializer="zeros"))
        _set_weights(networks[-1], weights, path)
    return FaceFinder(*networks, **settings)


def pack(sizes: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple]:
    """Finds room for pictures on one sheet: each on the first shelf that has any.

    Args:
        sizes: rows and columns of each; no later one is higher than an earlier one.

    Returns:
        `(places, sheet_size)`: the upper left corner of each, row and column, and the
        rows and columns of the sheet. The sheet is as wide as the widest picture, and
        both are rounded up to a multiple of 32, so that few shapes occur.

    Example:
        >>> pack([(100, 60), (70, 42), (50, 30), (36, 16)])
        ([(0, 0), (100, 0), (170, 0), (100, 42)], (224, 64))
    """
    width = max(columns for _, columns in sizes)
    places, shelves, height = [], [], 0  # shelves: upper edge, columns taken
    for rows, columns in sizes:
        for shelf in shelves:
            if shelf[1] + columns <= width:
                break
        else:
            shelf = [height, 0]
            shelves.append(shelf)
            height += rows
        places.append((shelf[0], shelf[1]))
        shelf[1] += columns
    return places, tuple(32 * math.ceil(side / 32) for side in (height, width))


def suppress_contained(
    boxes_xyxy: np.ndarray, scores: np.ndarray, threshold: float
) -> np.ndarray:
    """Non-maximum suppression that also drops a box inside another one.

    As `boxes.greedy_nms`, but what two boxes share is divided by the area of the
    smaller, not by that of both: a nose is not a second face.

    Args:
        boxes_xyxy: `(num, 4)`.
        scores: `(num,)`; of equal ones the earlier is the better.
        threshold: a box is dropped if it shares more than this with a kept one.

    Returns:
        Indices of the kept boxes, int64 `(num_kept,)`, best first.

    Example:
        >>> found = np.array([[0, 0, 10, 10], [2, 2, 6, 6], [9, 0, 19, 10]])
        >>> suppress_contained(found, np.array([0.9, 0.8, 0.7]), 0.7)
        array([0, 2])
    """
    ious = boxes.pairwise_iou(boxes_xyxy, boxes_xyxy)
    areas = boxes.area(boxes_xyxy)
    # iou = shared / (a + b - shared)
    shared = ious * (areas[:, None] + areas) / (1 + ious)
    too_much = shared > threshold * np.minimum(areas[:, None], areas)
    kept = []
    for best in np.argsort(-scores, kind="stable"):
        if not too_much[best, kept].any():
            kept.append(best)
    return np.array(kept, "int64")


def _rescaled(images):
    return keras.layers.Rescaling(1 / 128, offset=-127.5 / 128, name="rescale")(images)


def _convolution(x, filters, size, number, start):
    x = keras.layers.Conv2D(filters, size, **start, name=f"conv{number}")(x)
    return keras.layers.PReLU(shared_axes=[1, 2], name=f"prelu{number}")(x)


def _dense(x, units, number, start):
    x = keras.layers.Dense(units, **start, name=f"conv{number}")(x)
    return keras.layers.PReLU(name=f"prelu{number}")(x)


def _predict(model, crops, batch_size):
    """What a network makes of any number of crops."""
    parts = []
    for start in range(0, len(crops), batch_size):
        batch = crops[start : start + batch_size]
        # One shape, one compilation; what is padded is cut off again.
        padded = np.zeros((batch_size, *crops.shape[1:]), crops.dtype)
        padded[: len(batch)] = batch
        outputs = model.predict_on_batch(padded)
        parts.append(
            {
                name: np.asarray(values, "float32")[: len(batch)]
                for name, values in outputs.items()
            }
        )
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def _regressed(windows, offsets):
    """Each edge moved by its offset, in sizes of the window."""
    return windows + offsets * np.tile(windows[:, 2:] - windows[:, :2], 2)


def _squares(windows, height, width):
    """Squares of whole pixels about the same centres, the longer side kept.

    What is no window any more, or has nothing to do with the picture, is left out.
    """
    centres = (windows[:, :2] + windows[:, 2:]) / 2
    sides = (windows[:, 2:] - windows[:, :2]).max(axis=1, keepdims=True)
    sane = np.isfinite(windows).all(axis=1) & (sides[:, 0] <= 2 * max(height, width))
    sides = np.round(np.where(sane[:, None], sides, 0))
    corners = np.round(np.where(sane[:, None], centres, 0) - sides / 2)
    inside = (corners < [width, height]) & (corners + sides > 0)
    kept = (sides[:, 0] >= 1) & inside.all(axis=1)
    return np.concatenate([corners, corners + sides], axis=1)[kept]


def _crops(image, windows, size):
    """What is in the windows, uint8 `(num, size, size, 3)`, black outside."""
    height, width = image.shape[:2]
    crops = np.empty((len(windows), size, size, 3), "uint8")
    for crop, window in zip(crops, windows.astype(int).tolist(), strict=True):
        left, top, right, bottom = window
        part = image[max(top, 0) : bottom, max(left, 0) : right]
        beyond = [max(-top, 0), max(bottom - height, 0)]
        beyond += [max(-left, 0), max(right - width, 0)]
        if any(beyond):
            part = cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT, value=0)
        crop[...] = _resized(part, size, size)
    return crops


def _resized(image, rows, columns):
    # As the authors' code in Python does it, up as well as down.
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)


def _weights_file(folder, number):
    names = [f"det{number}{ending}" for ending in ("_plain.npz", ".npz", ".npy")]
    for place in (folder, folder / "face_recognition" / "mtcnn", folder / "mtcnn"):
        for name in names:
            if (place / name).is_file():
                return place / name
    raise FileNotFoundError(
        f"{folder} holds no det{number}.npy. Expected det1, det2 and det3, as .npy of "
        "the folder src/align of davidsandberg/facenet, or as .npz of plain arrays."
    )


def _set_weights(network, arrays, path):
    problems, before = [], None
    for layer in network.layers:
        values = []
        for weight in layer.weights:
            kind = {"kernel": "weights", "bias": "biases"}.get(weight.name, weight.name)
            key, shape = f"{layer.name}__{kind}", tuple(weight.shape)
            if kind == "alpha":
                shape = shape[-1:]
            array = arrays.get(key)
            if array is None:
                problems.append(f"{key} is missing")
            elif array.shape != shape:
                problems.append(f"{key} has shape {array.shape} and not {shape}")
            else:
                values.append(_turned(array, before).reshape(weight.shape))
        if values and not problems:
            layer.set_weights(values)
        before = layer
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{path} holds no weights of {network.name}: {', '.join(problems[:3])}"
            f"{more}."
        )


def _turned(array, before):
    """Rows and columns exchanged, of a kernel or of what `Flatten` made a list of."""
    if array.ndim == 4:
        return array.transpose(1, 0, 2, 3)
    if array.ndim == 2 and isinstance(before, keras.layers.Flatten):
        maps = array.reshape(*before.input.shape[1:], -1)
        return maps.transpose(1, 0, 2, 3)
    return array


def _read_arrays(path):
    """Arrays by name, such as `conv4_1__weights`."""
    try:
        if path.suffix == ".npz":
            # NumPy leaves a file that it opened itself open where it is broken.
            with path.open("rb") as file, np.load(file) as archive:
                arrays = dict(archive)
        else:
            layers = _read_facenet(path)
            arrays = {
                f"{layer}__{kind}": np.asarray(array)
                for layer, kinds in layers.items()
                for kind, array in kinds.items()
            }
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(
            f"{path} holds no weights of MTCNN that can be read: {reason}"
        ) from None
    return {name.lower().replace("-", "_"): array for name, array in arrays.items()}


def _read_facenet(path):
    """The pickled dictionary of dictionaries in facenet's files."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version} of the format is not expected")
        np.lib.format.read_array_header_1_0(file)
        return _ArraysOnly(file, encoding="latin1").load().item()


class _ArraysOnly(pickle.Unpickler):
    """Reads pickled arrays. Anything else in the file is refused, not run."""

    def find_class(self, module, name):
        known = {
            "_reconstruct": np.zeros(0).__reduce__()[0],
            "dtype": np.dtype,
            "ndarray": np.ndarray,
        }
        if module.partition(".")[0] == "numpy" and name in known:
            return known[name]
        raise pickle.UnpicklingError(f"it holds {module}.{name}, which is no array")


_BROKEN = (
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)
