"""Sliding windows: a classifier of closely cropped objects that looks everywhere.

A network is trained on crops that hold one object or none. Slid over a picture, at
several scales, it says where the objects are. One by one the windows share most of
their work and do it again and again; with its dense layers turned into convolutions the
network says all of it in one pass. What stays is that a box is a window, square and as
large as the scales allow: that is what YOLO mends.

Reference:
    - Course 4, week 3, "Object detection" and "Convolutional implementation of sliding
      windows".
    - Sermanet et al., 2014, "OverFeat: integrated recognition, localization and
      detection using convolutional networks".
"""

import math
from collections.abc import Sequence

import cv2
import keras
import numpy as np
from keras import layers, ops

from dlai_keras.boxes import greedy_nms, pairwise_iou
from dlai_keras.car_detection.augmentation import Placement
from dlai_keras.car_detection.data import AnnotatedImages, Detections
from dlai_keras.conversion import to_convolutional, window_stride, windows

SMALLEST_OBJECT = 12  # pixels of the longer side: less is no crop to learn from
BACKGROUND_IOU = 0.3  # a window with less of it on any object holds none
ATTEMPTS = 50  # to find such a window


def crop_classifier(
    size: int = 40,
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (16, 32, 64),
    units: int = 128,
    name: str = "crop_classifier",
) -> keras.Model:
    """A ConvNet that says what fills a crop, or that nothing does.

    Convolutions without padding, so that a window of a larger picture is seen exactly
    as it would be alone: `5 x 5`, then `3 x 3`, each but the last followed by `2 x 2`
    maximum pooling; two dense layers.

    Args:
        size: height and width of the crops, pixels.
        num_classes: kinds of objects; the background is one more, the last.
        filters: of each convolution.
        units: of the hidden dense layer.
        name: of the model.

    Returns:
        Uncompiled model: images 0 to 255 `(batch, size, size, 3)` to logits
        `(batch, num_classes + 1)`.

    Raises:
        ValueError: nothing is left of crops of this size.

    Example:
        >>> crop_classifier().output_shape
        (None, 2)
    """
    inputs = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1, name="rescale")(inputs)
    for number, width in enumerate(filters):
        kernel = 5 if number == 0 else 3
        is_last = number == len(filters) - 1
        if x.shape[1] < kernel + (not is_last):
            raise ValueError(
                f"`size` is too small for {len(filters)} convolutions. Received: "
                f"size={size}, filters={tuple(filters)}."
            )
        x = layers.Conv2D(width, kernel, activation="relu", name=f"conv{number}")(x)
        if not is_last:
            x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="relu", name="hidden")(x)
    return keras.Model(
        inputs, layers.Dense(num_classes + 1, name="logits")(x), name=name
    )


def make_crops(
    rng: np.random.Generator,
    dataset: AnnotatedImages,
    size: int = 40,
    *,
    num_background: int = 8,
) -> tuple[np.ndarray, np.ndarray]:
    """Closely cropped objects, and crops of a picture that hold none.

    The window of an object is square, as long as its longer side and up to a quarter
    more, a little off its centre, and within the picture. Background is any square of
    which no object's box has an IoU of 0.3 or more: parts of objects are background,
    too, or the detector would fire all over a large one.

    Args:
        rng: draws the windows.
        dataset: pictures with boxes; objects of less than 12 pixels and ignored ones
            are left out, but no background is taken from where they are.
        size: height and width of the crops, pixels.
        num_background: crops without an object from each picture, where there is room.

    Returns:
        uint8 `(num_crops, size, size, 3)` and int32 labels `(num_crops,)`, the number
        of classes for background.

    Raises:
        ValueError: there is not a single crop.
    """
    images, labels = [], []
    for picture in dataset.images:
        pixels = picture.read()
        found = [
            (_window_of(rng, box, picture.size), class_id)
            for box, class_id, ignored in zip(
                picture.boxes_xyxy, picture.class_ids, picture.ignored, strict=True
            )
            if not ignored and max(box[2:] - box[:2]) >= SMALLEST_OBJECT
        ]
        for _ in range(num_background):
            window = _background_window(rng, picture)
            if window is not None:
                found.append((window, len(dataset.class_names)))
        for window, label in found:
            target = (0, 0, size, size)
            placement = Placement(picture.size, (size, size), window, target)
            images.append(placement.show(pixels))
            labels.append(label)
    if not images:
        raise ValueError(
            "Expected objects to crop, or `num_background` above 0. Received: "
            f"{len(dataset)} pictures without either."
        )
    return np.stack(images), np.array(labels, "int32")


class SlidingWindows:
    """Finds objects with a classifier of crops.

    Args:
        classifier: images `(batch, size, size, 3)` to logits of the classes and, the
            last, of the background, such as `crop_classifier`. With layers that pad,
            one pass and single crops differ a little.

    Attributes:
        network: the same with convolutions for dense layers, for pictures of any size.
        size: of a window, pixels.
        stride: pixels between neighbouring windows.

    Raises:
        ValueError: the classifier takes no square pictures, or a layer cannot slide.

    Example:
        >>> detector = SlidingWindows(crop_classifier(40, num_classes=2))
        >>> detector.scores(np.zeros((48, 60, 3), "uint8")).shape
        (3, 6, 3)
        >>> detector.windows(3, 6)[1, 2]
        array([ 8.,  4., 48., 44.], dtype=float32)
    """

    def __init__(self, classifier: keras.Model):
        shape = classifier.input_shape
        if len(shape) != 4 or shape[1] is None or shape[1] != shape[2]:
            raise ValueError(
                "`classifier` must take square pictures (batch, size, size, channels). "
                f"Received an input of shape {shape}."
            )
        self.classifier = classifier
        self.network = to_convolutional(classifier)
        self.size = shape[1]
        self.stride = window_stride(classifier)

    def scores(self, image: np.ndarray) -> np.ndarray:
        """What is in every window of a picture, in one pass.

        Args:
            image: uint8 RGB `(height, width, 3)`, a window at least.

        Returns:
            Probabilities, float32 `(rows, columns, num_classes + 1)`; the window of
            each is in `windows(rows, columns)`.

        Raises:
            ValueError: the picture is smaller than a window.
        """
        self._check(image)
        logits = self.network(_batch(image[None]), training=False)
        return _softmax(logits)[0]

    def scores_one_by_one(
        self, image: np.ndarray, *, batch_size: int = 64
    ) -> np.ndarray:
        """The same from the classifier itself, window after window.

        Args:
            image: uint8 RGB `(height, width, 3)`, a window at least.
            batch_size: windows that go through the classifier together.

        Returns:
            As `scores`.

        Raises:
            ValueError: the picture is smaller than a window.
        """
        self._check(image)
        view = windows(image, self.size, self.stride)
        rows, columns = view.shape[:2]
        parts = []
        for start in range(0, rows * columns, batch_size):
            numbers = np.arange(start, min(start + batch_size, rows * columns))
            crops = view[np.unravel_index(numbers, (rows, columns))]
            parts.append(_softmax(self.classifier(_batch(crops), training=False)))
        return np.concatenate(parts).reshape(rows, columns, -1)

    def windows(self, rows: int, columns: int) -> np.ndarray:
        """The windows that `scores` speaks of, as boxes, float32 `(rows, columns, 4)`.

        Args:
            rows: of the scores.
            columns: the same.
        """
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        corner = np.stack([x, y], axis=-1) * self.stride
        return np.concatenate([corner, corner + self.size], axis=-1).astype("float32")

    def detect(
        self,
        image: np.ndarray,
        *,
        scales: Sequence[float] | None = None,
        score_threshold: float = 0.9,
        iou_threshold: float = 0.3,
        max_boxes: int = 100,
    ) -> Detections:
        """Objects of several sizes: one pass over the picture at every scale.

        Args:
            image: uint8 RGB `(height, width, 3)`.
            scales: the picture is resized by each, so that a window is `size / scale`
                pixels of it; `scales_of` by default.
            score_threshold: lowest probability of a detection.
            iou_threshold: a window with more overlap with a better one of its class
                goes, whatever scale they are from.
            max_boxes: of each class at most.

        Returns:
            Windows as boxes in pixels of `image`, best first.

        Raises:
            ValueError: the picture is smaller than a window at every scale.
        """
        if scales is None:
            scales = scales_of(image.shape[:2], self.size)
        found, scores = [], []
        for scale in scales:
            resized = _resize(image, scale)
            if min(resized.shape[:2]) < self.size:
                continue
            probabilities = self.scores(resized)[..., :-1]
            boxes = self.windows(*probabilities.shape[:2])
            # Sizes are rounded, differently each way.
            back = np.divide(image.shape[1::-1], resized.shape[1::-1])
            found.append(boxes.reshape(-1, 4) * np.tile(back, 2))
            scores.append(probabilities.reshape(len(found[-1]), -1))
        if not found:
            raise ValueError(
                f"The picture must be {self.size} pixels each way at one scale at "
                f"least. Received: {image.shape[0]} x {image.shape[1]} pixels, "
                f"scales={tuple(round(scale, 3) for scale in scales)}."
            )
        boxes_xyxy = np.concatenate(found).astype("float32")
        return _suppress(
            boxes_xyxy,
            np.concatenate(scores),
            score_threshold,
            iou_threshold,
            max_boxes,
        )

    def _check(self, image):
        if min(image.shape[:2]) < self.size:
            raise ValueError(
                f"The picture must be {self.size} pixels each way at least. Received: "
                f"{image.shape[0]} x {image.shape[1]}."
            )


def scales_of(
    image_size: tuple[int, int],
    size: int,
    *,
    largest: float = 1.0,
    step: float = math.sqrt(2),
) -> tuple[float, ...]:
    """Scales from fine to coarse, until one window fills the picture's short side.

    Args:
        image_size: (height, width) of the picture.
        size: of a window, pixels.
        largest: the first scale; at 2, windows are half as large in the picture.
        step: between one scale and the next.

    Returns:
        Scales; none where the picture is smaller than a window even at the largest.

    Example:
        >>> [round(scale, 2) for scale in scales_of((120, 200), 40)]
        [1.0, 0.71, 0.5, 0.35]
    """
    if not (step > 1 and largest > 0):
        raise ValueError(
            "`step` must be above 1 and `largest` above 0. Received: "
            f"step={step}, largest={largest}."
        )
    scales = []
    while round(min(image_size) * largest) >= size:
        scales.append(largest)
        largest /= step
    return tuple(scales)


def _suppress(boxes_xyxy, scores, score_threshold, iou_threshold, max_boxes):
    numbers, class_ids = [], []
    for class_id in range(scores.shape[1]):
        above = np.flatnonzero(scores[:, class_id] >= score_threshold)
        kept = greedy_nms(
            boxes_xyxy[above], scores[above, class_id], iou_threshold, max_boxes
        )
        numbers.append(above[kept])
        class_ids.append(np.full(len(kept), class_id))
    numbers, class_ids = np.concatenate(numbers), np.concatenate(class_ids)
    return Detections(boxes_xyxy[numbers], scores[numbers, class_ids], class_ids)


def _window_of(rng, box, image_size):
    """A square around a box, within the picture."""
    longer = float(max(box[2:] - box[:2]))
    side = longer * rng.uniform(1, 1.25)
    centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.06, 0.06, 2) * longer
    return _square(centre - side / 2, side, image_size)


def _background_window(rng, picture):
    """A square that holds no object, or None where none is found."""
    short = min(picture.size)
    low, high = math.log(min(SMALLEST_OBJECT, short)), math.log(short)
    for _ in range(ATTEMPTS):
        side = math.exp(rng.uniform(low, high))
        height, width = picture.size
        corner = rng.uniform(0, 1, 2) * (width - side, height - side)
        window = _square(corner, side, picture.size)
        boxes = np.array([window], "float32")
        if (pairwise_iou(boxes, picture.boxes_xyxy) < BACKGROUND_IOU).all():
            return window
    return None


def _square(corner, side, image_size):
    """Whole pixels, moved into the picture where they are not."""
    side = min(max(1, round(side)), *image_size)
    x = min(max(0, round(float(corner[0]))), image_size[1] - side)
    y = min(max(0, round(float(corner[1]))), image_size[0] - side)
    return x, y, x + side, y + side


def _resize(image, scale):
    if scale == 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=way)


def _batch(images):
    return ops.convert_to_tensor(images.astype("float32"))


def _softmax(logits):
    return ops.convert_to_numpy(ops.softmax(logits, axis=-1))
