"""Letterboxing, and more pictures of a picture; the boxes follow.

All geometry is a `Placement`: which part of a picture is shown where in another one,
and how its boxes move with it. What is drawn at random is drawn first and applied
afterwards. Pictures are uint8 RGB.

A box that a crop cuts is clipped to what is left of it. It is dropped where less than
`MIN_VISIBLE` of its area is left, or less than `MIN_SIDE` pixels of a side: nobody can
tell any longer what it was.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dlai_keras.car_detection.data import AnnotatedImage

FITS = ("letterbox", "stretch")
GREY = 128  # beside a picture
MIN_VISIBLE = 0.25  # of a box's area
MIN_SIDE = 2.0  # pixels
LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue are


@dataclass(frozen=True)
class Placement:
    """Where a picture, or a part of it, stands within the input of a network.

    Edges are continuous coordinates, whole numbers here, so that pixels and boxes are
    moved by exactly the same map.

    Attributes:
        image_size: (height, width) of the picture.
        size: (height, width) of the network's input.
        window: x_min, y_min, x_max, y_max of the part that is shown, in the picture.
        target: where that part stands, in the network's input.
        mirrored: left and right have changed places within `target`.
        average: below half the size each pixel is the mean of an area. Otherwise it is
            interpolated from four neighbours at any size, as networks that were trained
            with Darknet saw it.

    Example:
        >>> placement = centred((720, 1280), 608)
        >>> placement.target
        (0, 133, 608, 475)
        >>> placement.to_network([[640, 360, 1280, 720]])
        array([[304., 304., 608., 475.]], dtype=float32)
        >>> placement.to_image([[304, 304, 608, 475]])
        array([[ 640.,  360., 1280.,  720.]], dtype=float32)
    """

    image_size: tuple[int, int]
    size: tuple[int, int]
    window: tuple[int, int, int, int]
    target: tuple[int, int, int, int]
    mirrored: bool = False
    average: bool = True

    def to_network(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Boxes of the picture, `(..., 4)`, in pixels of the network's input.

        They are not clipped, see `follow`.
        """
        return self._to_network(boxes_xyxy).astype("float32")

    def to_image(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Boxes of the network's input, `(..., 4)`, in pixels of the picture.

        They are not clipped: what a network finds may reach beyond the picture.
        """
        boxes = self._turn(np.asarray(boxes_xyxy, "float64"))
        boxes = (boxes - self._twice(self.target)) / self._scales()
        return (boxes + self._twice(self.window)).astype("float32")

    def follow(
        self, boxes_xyxy: np.ndarray, min_visible: float = MIN_VISIBLE
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is left of boxes of the picture once only the window is shown.

        Args:
            boxes_xyxy: `(num_boxes, 4)` in the picture.
            min_visible: the share of its area that a box must show to be kept.

        Returns:
            Boxes that are kept, clipped to `target`, float32 `(num_kept, 4)`, and which
            of all they are, bool `(num_boxes,)`.
        """
        whole = self._to_network(boxes_xyxy).reshape(-1, 4)
        x_min, y_min, x_max, y_max = self.target
        shown = np.clip(
            whole, [x_min, y_min, x_min, y_min], [x_max, y_max, x_max, y_max]
        )
        sides = shown[:, 2:] - shown[:, :2]
        area = np.prod(whole[:, 2:] - whole[:, :2], axis=1)
        kept = (sides >= MIN_SIDE).all(axis=1)
        kept &= np.prod(sides, axis=1) >= min_visible * area
        return shown[kept].astype("float32"), kept

    def show(self, image: np.ndarray, onto: np.ndarray | None = None) -> np.ndarray:
        """Draws the picture where it stands.

        Args:
            image: uint8 `(height, width, 3)` of `image_size`.
            onto: uint8 of `size` to draw on; without it, a grey one.

        Returns:
            uint8 `(*size, 3)`; `onto`, if it was given.

        Raises:
            ValueError: the picture has another size.
        """
        if image.shape[:2] != tuple(self.image_size):
            raise ValueError(
                f"Expected a picture of {_by(self.image_size)} pixels. Received one of "
                f"{_by(image.shape[:2])}; its annotation may have been made before it "
                "was turned or resized."
            )
        x_min, y_min, x_max, y_max = self.window
        part = image[y_min:y_max, x_min:x_max]
        x_min, y_min, x_max, y_max = self.target
        part = _resize(part, (y_max - y_min, x_max - x_min), self.average)
        if self.mirrored:
            part = part[:, ::-1]
        if onto is None:
            if self.target == (0, 0, *reversed(self.size)):
                return np.array(part)
            onto = np.full((*self.size, image.shape[-1]), GREY, "uint8")
        onto[y_min:y_max, x_min:x_max] = part
        return onto

    def _to_network(self, boxes_xyxy):
        boxes = np.asarray(boxes_xyxy, "float64")
        boxes = (boxes - self._twice(self.window)) * self._scales()
        return self._turn(boxes + self._twice(self.target))

    def _turn(self, boxes):
        if not self.mirrored:
            return boxes
        x_min, y_min, x_max, y_max = np.moveaxis(boxes, -1, 0)
        both = self.target[0] + self.target[2]
        return np.stack([both - x_max, y_min, both - x_min, y_max], axis=-1)

    def _scales(self):
        window, target = np.reshape([self.window, self.target], (2, 2, 2))
        return np.tile((target[1] - target[0]) / (window[1] - window[0]), 2)

    def _twice(self, corners):
        return np.tile(corners[:2], 2)


def centred(
    image_size: tuple[int, int],
    size: int | tuple[int, int],
    fit: str = "letterbox",
) -> Placement:
    """Where the whole of a picture stands in the input of a network.

    Args:
        image_size: (height, width) of the picture.
        size: of the network's input, pixels: one number, or (height, width).
        fit: `"letterbox"` keeps the aspect and leaves grey beside the picture,
            `"stretch"` does not, and does not average, as Darknet and OpenCV do.

    Raises:
        ValueError: a size is below one pixel, or `fit` is neither.

    Example:
        >>> centred((360, 640), 416).target, centred((360, 640), 416, "stretch").target
        ((0, 91, 416, 325), (0, 0, 416, 416))
    """
    height, width = _pair(size)
    whole = (0, 0, image_size[1], image_size[0])
    scales = _fitting_scales(image_size, (height, width), fit)
    # A very long picture keeps a pixel of its short side.
    rows, columns = (
        min(room, max(1, round(side * scale)))
        for room, side, scale in zip((height, width), image_size, scales, strict=True)
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    target = (left, top, left + columns, top + rows)
    return Placement(
        tuple(image_size),
        (height, width),
        whole,
        target,
        average=fit == "letterbox",
    )


def letterbox(
    image: np.ndarray, size: int | tuple[int, int]
) -> tuple[np.ndarray, Placement]:
    """A picture as large as fits in the input of a network, with grey beside it.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        size: of the network's input, pixels: one number, or (height, width).

    Returns:
        uint8 `(*size, 3)`, and the `Placement` that takes boxes there and back.

    Example:
        >>> image, placement = letterbox(np.zeros((360, 640, 3), "uint8"), 416)
        >>> image.shape, placement.target
        ((416, 416, 3), (0, 91, 416, 325))
    """
    placement = centred(image.shape[:2], size)
    return placement.show(image), placement


def place(
    picture: AnnotatedImage,
    placement: Placement,
    *,
    min_visible: float = MIN_VISIBLE,
) -> AnnotatedImage:
    """A picture as it is shown by a placement, with the boxes that are left.

    Args:
        picture: with its boxes; it is read if it is not in memory.
        placement: from `centred`, `random_placement` or by hand.
        min_visible: see `Placement.follow`.

    Returns:
        The same record in the pixels of the network's input, in memory.
    """
    image = placement.show(picture.read())
    boxes_xyxy, kept = placement.follow(picture.boxes_xyxy, min_visible)
    return replace(
        picture,
        image=image,
        size=tuple(placement.size),
        boxes_xyxy=boxes_xyxy,
        class_ids=picture.class_ids[kept],
        ignored=picture.ignored[kept],
        areas=None,  # those of the boxes as they are now
    )


def flip(picture: AnnotatedImage) -> AnnotatedImage:
    """Left and right change places.

    Example:
        >>> scene = AnnotatedImage(
        ...     boxes_xyxy=np.array([[0, 0, 3, 4]], "float32"),
        ...     class_ids=np.array([0], "int32"),
        ...     size=(8, 10),
        ...     image=np.zeros((8, 10, 3), "uint8"),
        ... )
        >>> flip(scene).boxes_xyxy
        array([[ 7.,  0., 10.,  4.]], dtype=float32)
    """
    whole = (0, 0, picture.size[1], picture.size[0])
    placement = Placement(tuple(picture.size), tuple(picture.size), whole, whole, True)
    # Nothing is cut off, so no box is lost.
    return _keep_all(picture, placement)


def crop(
    picture: AnnotatedImage,
    window_xyxy: Sequence[int],
    *,
    min_visible: float = MIN_VISIBLE,
) -> AnnotatedImage:
    """A part of a picture.

    Args:
        picture: with its boxes.
        window_xyxy: x_min, y_min, x_max, y_max of the part, whole pixels.
        min_visible: boxes that show a smaller share of themselves are dropped, the
            others are clipped.

    Raises:
        ValueError: the part does not lie within the picture.

    Example:
        >>> scene = AnnotatedImage(
        ...     boxes_xyxy=np.array([[0, 0, 4, 4], [0, 0, 9, 9]], "float32"),
        ...     class_ids=np.array([0, 1], "int32"),
        ...     size=(10, 10),
        ...     image=np.zeros((10, 10, 3), "uint8"),
        ... )
        >>> crop(scene, (3, 3, 10, 10)).boxes_xyxy  # a sixteenth of the first is left
        array([[0., 0., 6., 6.]], dtype=float32)
    """
    x_min, y_min, x_max, y_max = window = tuple(int(edge) for edge in window_xyxy)
    height, width = picture.size
    if not (0 <= x_min < x_max <= width and 0 <= y_min < y_max <= height):
        raise ValueError(
            f"The part must lie within the picture of {_by(picture.size)} pixels. "
            f"Received: x_min={x_min}, y_min={y_min}, x_max={x_max}, y_max={y_max}."
        )
    size = (y_max - y_min, x_max - x_min)
    target = (0, 0, size[1], size[0])
    placement = Placement(tuple(picture.size), size, window, target)
    return place(picture, placement, min_visible=min_visible)


def scale(
    picture: AnnotatedImage, factor: float, *, aspect: float = 1.0
) -> AnnotatedImage:
    """A picture that is larger or smaller; no box is lost.

    Args:
        picture: with its boxes.
        factor: above 1 is larger.
        aspect: above 1 is wider and lower, the area stays.

    Raises:
        ValueError: a factor is not above 0.

    Example:
        >>> scene = AnnotatedImage(
        ...     boxes_xyxy=np.array([[2, 2, 4, 4]], "float32"),
        ...     class_ids=np.array([0], "int32"),
        ...     size=(10, 20),
        ...     image=np.zeros((10, 20, 3), "uint8"),
        ... )
        >>> scale(scene, 0.5).boxes_xyxy
        array([[1., 1., 2., 2.]], dtype=float32)
    """
    if not (factor > 0 and aspect > 0):
        raise ValueError(
            "`factor` and `aspect` must be above 0. Received: "
            f"factor={factor}, aspect={aspect}."
        )
    rows = max(1, round(picture.size[0] * factor / math.sqrt(aspect)))
    columns = max(1, round(picture.size[1] * factor * math.sqrt(aspect)))
    placement = centred(picture.size, (rows, columns), "stretch")
    placement = replace(placement, average=True)
    return _keep_all(picture, placement)


def recolor(
    image: np.ndarray,
    *,
    hue: float = 0.0,
    saturation: float = 1.0,
    brightness: float = 1.0,
    contrast: float = 1.0,
) -> np.ndarray:
    """A picture in other light, or of other paint.

    One linear map of red, green and blue: the hue is turned about the line of greys,
    `saturation` scales the distance from the grey of the same luma, `brightness`
    everything, `contrast` the distance from mid-grey; then 0 and 255 are the limits.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        hue: degrees; 120 makes red green, green blue and blue red.
        saturation: 0 is grey, 1 as it is.
        brightness: 1 is as it is.
        contrast: 1 is as it is.

    Returns:
        uint8 of the same shape.

    Example:
        >>> recolor(np.array([[[200, 10, 0]]], "uint8"), hue=120).ravel()
        array([  0, 200,  10], dtype=uint8)
        >>> recolor(np.array([[[200, 10, 0]]], "uint8"), brightness=2).ravel()
        array([255,  20,   0], dtype=uint8)
    """
    angle = math.radians(hue)
    # Rodrigues' rotation about (1, 1, 1).
    axis = np.ones(3) / math.sqrt(3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    turn = math.cos(angle) * np.eye(3) + math.sin(angle) * cross
    turn += (1 - math.cos(angle)) * np.outer(axis, axis)
    grey = np.ones((3, 1)) * LUMA
    vivid = grey + saturation * (np.eye(3) - grey)
    linear = contrast * brightness * vivid @ turn
    offset = np.full((3, 1), 127.5 * (1 - contrast))
    return cv2.transform(image, np.concatenate([linear, offset], axis=1))


def mosaic(
    rng: np.random.Generator,
    pictures: Sequence[AnnotatedImage],
    size: int | tuple[int, int],
    *,
    share: tuple[float, float] = (0.5, 1.0),
    mirror: float = 0.5,
    min_visible: float = MIN_VISIBLE,
) -> AnnotatedImage:
    """Parts of four pictures around one point: more objects, and smaller ones.

    Args:
        rng: draws the point, from the middle 40 % of each side, and the parts.
        pictures: four, with their boxes.
        size: of the result, pixels: one number, or (height, width).
        share: the smallest and the largest size of a part, of the largest that the
            picture has with the aspect that is needed.
        mirror: the probability that a part is mirrored.
        min_visible: see `Placement.follow`.

    Returns:
        One picture in memory, with the boxes of all parts.

    Raises:
        ValueError: there are not four pictures.

    Reference:
        - Bochkovskiy et al., 2020, "YOLOv4: optimal speed and accuracy of object
          detection", section 3.4.
    """
    if len(pictures) != 4:
        raise ValueError(f"A mosaic has 4 pictures. Received: {len(pictures)}.")
    height, width = _pair(size)
    if min(height, width) < 4:
        raise ValueError(f"`size` must be 4 or more. Received: {size}.")
    x, y = (round(side * rng.uniform(0.3, 0.7)) for side in (width, height))
    targets = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
    canvas = np.full((height, width, 3), GREY, "uint8")
    boxes_xyxy, class_ids, ignored = [], [], []
    for picture, target in zip(pictures, targets, strict=True):
        window = _random_window(rng, picture.size, target, share)
        mirrored = bool(rng.random() < mirror)
        placement = Placement(
            tuple(picture.size), (height, width), window, target, mirrored
        )
        placement.show(picture.read(), onto=canvas)
        boxes, kept = placement.follow(picture.boxes_xyxy, min_visible)
        boxes_xyxy.append(boxes)
        class_ids.append(picture.class_ids[kept])
        ignored.append(picture.ignored[kept])
    return AnnotatedImage(
        boxes_xyxy=np.concatenate(boxes_xyxy),
        class_ids=np.concatenate(class_ids),
        size=(height, width),
        image=canvas,
        ignored=np.concatenate(ignored),
    )


def random_placement(
    rng: np.random.Generator,
    image_size: tuple[int, int],
    size: int | tuple[int, int],
    *,
    fit: str = "letterbox",
    zoom: tuple[float, float] = (0.7, 1.5),
    aspect: float = 1.2,
    mirror: float = 0.5,
) -> Placement:
    """A picture of another size and aspect somewhere in the input, perhaps mirrored.

    Where it is larger than the input it is cropped, where it is smaller grey is beside
    it: random scaling, cropping and moving in one resize.

    Args:
        rng: draws all of it.
        image_size: (height, width) of the picture.
        size: of the network's input, pixels: one number, or (height, width).
        fit: what sizes and aspects are relative to, see `centred`.
        zoom: the smallest and the largest size; 1 is that of `centred`.
        aspect: at most so much wider or higher than it is.
        mirror: the probability that it is mirrored.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> random_placement(rng, (360, 640), 416, zoom=(1, 1), aspect=1).target
        (0, 3, 416, 237)
    """
    height, width = _pair(size)
    bounds = np.log(zoom)
    scale = math.exp(rng.uniform(bounds[0], bounds[1]))
    wide = math.exp(rng.uniform(-0.5, 0.5) * math.log(aspect))
    vertical, horizontal = _fitting_scales(image_size, (height, width), fit)
    columns, across = _random_span(rng, image_size[1], width, horizontal * scale * wide)
    rows, down = _random_span(rng, image_size[0], height, vertical * scale / wide)
    return Placement(
        tuple(image_size),
        (height, width),
        (columns[0], rows[0], columns[1], rows[1]),
        (across[0], down[0], across[1], down[1]),
        bool(rng.random() < mirror),
        fit == "letterbox",
    )


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed in training.

    Attributes:
        zoom: see `random_placement`.
        aspect: the same.
        mirror: the same.
        hue: degrees, at most, each way.
        saturation: at most so many times, or one over it; so are the next two.
        brightness: see `recolor`.
        contrast: the same.
        mosaic: the probability that a picture becomes one of four.
        min_visible: see `Placement.follow`.

    Example:
        >>> Augmentation(mosaic=0, zoom=(1, 1), aspect=1).mirror
        0.5

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", section 3:
          random crops, colour shifting.
    """

    zoom: tuple[float, float] = (0.7, 1.5)
    aspect: float = 1.2
    mirror: float = 0.5
    hue: float = 10.0
    saturation: float = 1.5
    brightness: float = 1.3
    contrast: float = 1.2
    mosaic: float = 0.25
    min_visible: float = MIN_VISIBLE

    def __post_init__(self):
        low, high = self.zoom
        if not 0 < low <= high:
            raise ValueError(
                "`zoom` must be two numbers above 0, the smaller one first. Received: "
                f"{self.zoom}."
            )
        for name in ("aspect", "saturation", "brightness", "contrast"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be 1 or more; 1 changes nothing. Received: "
                    f"{getattr(self, name)}."
                )
        for name in ("mirror", "mosaic", "min_visible"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"`{name}` must be from 0 to 1. Received: {getattr(self, name)}."
                )

    def apply(
        self,
        rng: np.random.Generator,
        pictures: Sequence[AnnotatedImage],
        index: int,
        size: int | tuple[int, int],
        fit: str = "letterbox",
    ) -> AnnotatedImage:
        """One picture of a dataset, changed at random.

        Args:
            rng: draws everything.
            pictures: all of them: a mosaic takes three others.
            index: of the picture.
            size: of the network's input, pixels: one number, or (height, width).
            fit: see `centred`.

        Returns:
            A picture of that size in memory, with its boxes.
        """
        picture = pictures[index]
        if rng.random() < self.mosaic:
            others = rng.integers(len(pictures), size=3)
            changed = mosaic(
                rng,
                [picture, *(pictures[int(other)] for other in others)],
                size,
                mirror=self.mirror,
                min_visible=self.min_visible,
            )
        else:
            placement = random_placement(
                rng,
                picture.size,
                size,
                fit=fit,
                zoom=self.zoom,
                aspect=self.aspect,
                mirror=self.mirror,
            )
            changed = place(picture, placement, min_visible=self.min_visible)
        colors = {
            name: math.exp(rng.uniform(-1, 1) * math.log(getattr(self, name)))
            for name in ("saturation", "brightness", "contrast")
        }
        hue = rng.uniform(-self.hue, self.hue)
        return replace(changed, image=recolor(changed.image, hue=hue, **colors))


def _keep_all(picture, placement):
    return replace(
        picture,
        image=placement.show(picture.read()),
        size=tuple(placement.size),
        boxes_xyxy=placement.to_network(picture.boxes_xyxy),
        areas=None,
    )


def _fitting_scales(image_size, size, fit):
    """Vertical and horizontal: what brings the whole picture into the input."""
    if min(image_size) < 1:
        raise ValueError(
            f"A picture must have a pixel at least. Received: {_by(image_size)}."
        )
    if fit not in FITS:
        raise ValueError(f"`fit` must be one of {', '.join(FITS)}. Received: {fit!r}.")
    scales = size[0] / image_size[0], size[1] / image_size[1]
    return (min(scales),) * 2 if fit == "letterbox" else scales


def _random_span(rng, length, room, scale):
    """Along one axis: which part of `length` is shown, and where in `room`."""
    shown = length * scale
    spare = room - shown
    start = rng.uniform(min(0, spare), max(0, spare))
    # Whole pixels on both sides; the map between them is taken from these.
    low = min(round(max(start, 0)), room - 1)
    high = max(low + 1, round(min(start + shown, room)))
    first = min(max(round((low - start) / scale), 0), length - 1)
    last = max(first + 1, min(round((high - start) / scale), length))
    return (first, last), (low, high)


def _random_window(rng, image_size, target, share):
    """A part of a picture with the target's aspect."""
    width, height = target[2] - target[0], target[3] - target[1]
    largest = min(image_size[0] / height, image_size[1] / width)
    scale = largest * rng.uniform(*share)
    columns = min(max(1, round(width * scale)), image_size[1])
    rows = min(max(1, round(height * scale)), image_size[0])
    x_min = int(rng.integers(image_size[1] - columns + 1))
    y_min = int(rng.integers(image_size[0] - rows + 1))
    return x_min, y_min, x_min + columns, y_min + rows


def _resize(image, size, average):
    """To (height, width); a copy is made only where something changes."""
    if image.shape[:2] == tuple(size):
        return image
    # Four neighbours skip no pixel down to half the size, in a fraction of the time.
    factors = image.shape[0] / size[0], image.shape[1] / size[1]
    skips = min(factors) >= 1 and max(factors) > 2
    way = cv2.INTER_AREA if average and skips else cv2.INTER_LINEAR
    return cv2.resize(image, (size[1], size[0]), interpolation=way)


def _pair(size):
    pair = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(
            "`size` must be a number of pixels, or (height, width), 1 or more. "
            f"Received: {size}."
        )
    return int(pair[0]), int(pair[1])


def _by(size):
    return f"{size[0]} x {size[1]}"
