"""Pictures with boxes: COCO json, Pascal VOC xml and YOLO txt as one kind of record.

Pixels are continuous: a box that covers the pixel columns 3 to 5, counted from 0, goes
from x = 3.0 to x = 6.0. What a file says is brought to that when it is read:

- COCO's `x, y, width, height` are continuous already.
- Pascal VOC's corners are the first and the last pixel, counted from 1, both inside.
  `xmin, xmax` become `xmin - 1, xmax`. (Tools that write xmin = 0 count otherwise; such
  a box begins at the edge of the picture, and is a pixel wider than they meant.)
- YOLO's `cx, cy, width, height` are shares of the picture's width and height.

Boxes belong to the picture as `images.read` gives it, upright as its camera says. Where
an annotation gives the width and height of the stored, lying picture instead, its boxes
are turned with the picture.

A box that sticks out of its picture is clipped, as annotations of cut off objects and
rounded numbers do so. One that lies outside altogether, has no area or has its corners
the wrong way round is an error, because then something else is wrong with the file.
"""

import ast
import json
import math
import os
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import cv2
import numpy as np
from PIL import Image

from dlai_keras import files
from dlai_keras import images as image_file

LAYOUT = (
    "a COCO json file (images, annotations, categories) with its pictures beside it or "
    "in images/; Pascal VOC xml files in annotations/ with pictures in images/ "
    "(Annotations/ and JPEGImages/ will do, too); or YOLO txt files in labels/ with "
    "pictures in images/"
)
COCO_KEYS = ("images", "annotations", "categories")
PICTURE_FOLDERS = ("images", "JPEGImages")
NAME_FILES = ("classes.txt", "*.names", "data.yaml", "data.yml")
ORIENTATION = 0x0112  # EXIF's tag
JPEG_END = b"\xff\xd9"


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """A picture with the boxes of what is on it.

    Attributes:
        boxes_xyxy: float32 `(num_boxes, 4)`: x_min, y_min, x_max, y_max in continuous
            pixels.
        class_ids: int32 `(num_boxes,)`, from 0.
        size: height and width, pixels.
        path: the picture's file, if there is one.
        image: uint8 RGB `(height, width, 3)`, if it is in memory.
        ignored: bool `(num_boxes,)`: COCO's crowds and VOC's difficult objects, which
            count neither as found nor as missed. None: all False.
        areas: float64 `(num_boxes,)`, square pixels: COCO's own areas, of the outline,
            by which it tells small from large. None: those of the boxes.
        image_id: the number of the picture in the file that it came from.

    Example:
        >>> one = AnnotatedImage([[2, 3, 12, 8]], [0], size=(20, 30))
        >>> one.boxes_xyxy.dtype, one.areas.tolist(), one.ignored.tolist()
        (dtype('float32'), [50.0], [False])
    """

    boxes_xyxy: np.ndarray
    class_ids: np.ndarray
    size: tuple[int, int]
    path: Path | None = None
    image: np.ndarray | None = None
    ignored: np.ndarray | None = None
    areas: np.ndarray | None = None
    image_id: int | str | None = None

    def __post_init__(self):
        boxes, class_ids = _boxes_and_classes(self.boxes_xyxy, self.class_ids)
        areas, ignored = self.areas, self.ignored
        if areas is None:
            sides = boxes[:, 2:].astype("float64") - boxes[:, :2]
            areas = sides.prod(axis=1)
        if ignored is None:
            ignored = np.zeros(len(boxes), bool)
        height, width = self.size
        values = {
            "boxes_xyxy": boxes,
            "class_ids": class_ids,
            "size": (int(height), int(width)),
            "path": None if self.path is None else Path(self.path),
            "ignored": np.asarray(ignored, bool).reshape(-1),
            "areas": np.asarray(areas, "float64").reshape(-1),
        }
        for name in ("ignored", "areas"):
            _check_count(name, values[name], boxes)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.boxes_xyxy)

    @property
    def name(self) -> str:
        """What to call the picture in a message."""
        if self.path is not None:
            return str(self.path)
        return "a picture" if self.image_id is None else f"picture {self.image_id}"

    def read(self) -> np.ndarray:
        """The picture as uint8 RGB `(height, width, 3)`, from memory or its file.

        Raises:
            FileNotFoundError: the file has gone.
            ValueError: it is no picture, has another size by now, or there is none.
        """
        if self.image is None and self.path is None:
            raise ValueError(
                f"{self.name} has neither `image` nor `path`: there is nothing to read."
            )
        image = image_file.read(self.path) if self.image is None else self.image
        if image.shape[:2] != self.size:
            raise ValueError(
                f"{self.name} must be {_pixels(self.size)}, as its annotation says. "
                f"Received: {_pixels(image.shape)}."
            )
        return image


@dataclass(frozen=True, eq=False)
class AnnotatedImages:
    """Pictures with boxes, and what their classes are called.

    Attributes:
        images: the pictures.
        class_names: the name of each class.
        category_ids: the number of each class in COCO files, whose numbers have gaps.
            None: from 1 on.

    Raises:
        ValueError: a class is beyond the list.
    """

    images: list[AnnotatedImage]
    class_names: list[str]
    category_ids: tuple[int, ...] | None = None

    def __post_init__(self):
        object.__setattr__(self, "images", list(self.images))
        object.__setattr__(self, "class_names", list(self.class_names))
        numbers = self.category_ids
        if numbers is None:
            numbers = range(1, len(self.class_names) + 1)
        object.__setattr__(self, "category_ids", tuple(numbers))
        if len(self.category_ids) != len(self.class_names):
            raise ValueError(
                "`category_ids` must have one number for each class. Received: "
                f"{len(self.category_ids)} for {len(self.class_names)} classes."
            )
        for image in self.images:
            check_class_ids(image.class_ids, self.class_names, image.name)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index: int) -> AnnotatedImage:
        return self.images[index]

    def subset(self, chosen: Iterable[int]) -> "AnnotatedImages":
        """The pictures with these indices, in this order."""
        return replace(self, images=[self.images[index] for index in chosen])


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found on one picture, the best first.

    Attributes:
        boxes_xyxy: float32 `(num_boxes, 4)` in pixels of the picture.
        scores: float32 `(num_boxes,)`, higher is surer. They are put in order, equal
            ones as they come.
        class_ids: int32 `(num_boxes,)`, from 0.

    Example:
        >>> found = Detections([[0, 0, 8, 8], [2, 2, 9, 9]], [0.25, 0.75], [0, 1])
        >>> found.class_ids.tolist(), len(found)
        ([1, 0], 2)
    """

    boxes_xyxy: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray

    def __post_init__(self):
        boxes, class_ids = _boxes_and_classes(self.boxes_xyxy, self.class_ids)
        scores = np.asarray(self.scores, "float32").reshape(-1)
        _check_count("scores", scores, boxes)
        if not np.isfinite(scores).all():
            raise ValueError("`scores` must be finite numbers. Received: NaN or inf.")
        order = np.argsort(-scores, kind="stable")
        object.__setattr__(self, "boxes_xyxy", boxes[order])
        object.__setattr__(self, "scores", scores[order])
        object.__setattr__(self, "class_ids", class_ids[order])

    def __len__(self):
        return len(self.scores)

    def above(self, score_threshold: float) -> "Detections":
        """Those with at least this score."""
        kept = self.scores >= score_threshold
        return Detections(
            self.boxes_xyxy[kept], self.scores[kept], self.class_ids[kept]
        )


def check_class_ids(
    class_ids: np.ndarray, class_names: Sequence[str], where: str
) -> None:
    """Says where a class is beyond the list of names.

    Args:
        class_ids: int `(num_boxes,)`.
        class_names: the list.
        where: whose classes they are, for the message.

    Raises:
        ValueError: one of them is.
    """
    wrong = (class_ids < 0) | (class_ids >= len(class_names))
    if wrong.any():
        raise ValueError(
            f"{where}: class ids must be from 0 to {len(class_names) - 1}, one of the "
            f"{len(class_names)} class names. Received: {class_ids[wrong.argmax()]}."
        )


def _boxes_and_classes(boxes, class_ids):
    boxes = np.asarray(boxes, "float32")
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"`boxes_xyxy` must have the shape (boxes, 4). Received: {boxes.shape}."
        )
    if not np.isfinite(boxes).all():
        raise ValueError("`boxes_xyxy` must be finite numbers. Received: NaN or inf.")
    class_ids = np.asarray(class_ids).reshape(-1).astype("int32")
    _check_count("class_ids", class_ids, boxes)
    return boxes, class_ids


def _check_count(name, values, boxes):
    if len(values) != len(boxes):
        raise ValueError(
            f"`{name}` must have one value for each of the {len(boxes)} boxes. "
            f"Received: {len(values)}."
        )


def _pixels(shape):
    return f"{shape[1]} x {shape[0]} pixels"


# Readers


def load_boxes(
    path: str | Path,
    *,
    dataset: str | None = None,
    class_names: Sequence[str] | None = None,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> AnnotatedImages:
    """Reads pictures with boxes in whichever of the three formats they are.

    Args:
        path: a COCO json file; a folder with one of the formats; or a folder of such
            folders, or one that has them as `car_detection/`. In a folder json files
            win over xml files, and these over txt files.
        dataset: which, where there are several: the name of the folder, or of the json
            file without its suffix.
        class_names: the classes in their order, for Pascal VOC and YOLO.
        on_error: `"skip"` leaves pictures out that are broken or whose boxes are.
        skipped: told why, for each.
        progress: wraps the list of pictures, to show a bar.

    Returns:
        All pictures that have an annotation.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: a file is broken, or there are several datasets.
    """
    path = Path(path)
    options = {"on_error": on_error, "skipped": skipped, "progress": progress}
    if not path.exists():
        raise FileNotFoundError(f"No such file or folder: {path}. Expected {LAYOUT}.")
    if path.is_file():
        if path.suffix.lower() != ".json":
            raise ValueError(f"Expected {LAYOUT}. Received the file {path}.")
        return load_coco(path, **options)
    if (path / "car_detection").is_dir():
        path = path / "car_detection"
    found = _find_datasets(path)
    if not found:  # one level up from them
        for folder in sorted(one for one in path.iterdir() if one.is_dir()):
            found |= _find_datasets(folder)
    if not found:
        raise FileNotFoundError(f"No pictures with boxes in {path}. Expected {LAYOUT}.")
    if dataset is None and len(found) > 1:
        raise ValueError(
            f"{path} holds several datasets: {', '.join(sorted(found))}. Choose one "
            "with --dataset."
        )
    name = dataset or next(iter(found))
    if name not in found:
        raise ValueError(
            f"{path} has no dataset {name!r}. Choose one of {', '.join(sorted(found))}."
        )
    kind, place = found[name]
    if kind == "coco":
        return load_coco(place, **options)
    load = load_voc if kind == "voc" else load_yolo
    return load(place, class_names, **options)


def load_coco(
    json_path: str | Path,
    images: str | Path | None = None,
    *,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> AnnotatedImages:
    """Reads a COCO json file (instances) with its pictures.

    Classes are in the order of COCO's numbers, from 0 without gaps; the numbers are
    kept in `category_ids`. Crowds are `ignored`.

    Args:
        json_path: the file.
        images: the folder of the pictures. By default the first of these in which the
            first picture is: the json file's own folder, `images/` in it, the same one
            level up, and there the folder of the split (`val2017/` for
            `instances_val2017.json`).
        on_error: `"skip"` leaves pictures out that are broken or whose boxes are.
        skipped: told why, for each.
        progress: wraps the list of pictures, to show a bar.

    Returns:
        The pictures in the file's order, those without an object, too.

    Raises:
        FileNotFoundError: the file or a picture is missing.
        ValueError: the file is not COCO's, or a picture or an annotation is broken.

    Reference:
        - Lin et al., 2014, "Microsoft COCO: Common Objects in Context".
        - https://cocodataset.org/#format-data
    """
    json_path = Path(json_path)
    _check_on_error(on_error)
    content = _read_coco_json(json_path)
    names = _named(content["categories"], "categories", ("id", "name"), json_path)
    pictures = _named(
        content["images"], "images", ("id", "file_name", "width", "height"), json_path
    )
    if not pictures:
        raise ValueError(f"{json_path} lists no picture: its images are empty.")
    category_ids = sorted(names, key=lambda number: (isinstance(number, str), number))
    indices = {number: index for index, number in enumerate(category_ids)}
    annotations: dict = {number: [] for number in pictures}
    for index, annotation in enumerate(content["annotations"]):
        number = annotation.get("image_id") if isinstance(annotation, dict) else None
        if not _is_one_of(number, annotations):
            raise ValueError(
                f"{json_path}: annotations[{index}] must have the image_id of one of "
                f"the images. Received: {number!r}."
            )
        annotations[number].append((index, annotation))
    folder = _coco_folder(json_path, images, next(iter(pictures.values())))

    def read_one(number):
        picture = pictures[number]
        where = f"{json_path}, picture {picture['file_name']}"
        size = _declared_size(picture["width"], picture["height"], where)
        turn, size = _fit_picture(folder / picture["file_name"], size, where)
        boxes, class_ids, ignored, areas = [], [], [], []
        for index, annotation in annotations[number]:
            where = f"{json_path}, annotations[{index}] of {picture['file_name']}"
            x, y, width, height = _four_numbers(annotation, where)
            corners = (x, y, x + width, y + height)
            boxes.append(_clip(turn(corners), size, where))
            if not _is_one_of(annotation.get("category_id"), indices):
                raise ValueError(
                    f"{where}: category_id must be one of the categories. Received: "
                    f"{annotation.get('category_id')!r}."
                )
            class_ids.append(indices[annotation["category_id"]])
            ignored.append(bool(annotation.get("iscrowd", 0)))
            area = annotation.get("area", width * height)
            if not (_is_number(area) and math.isfinite(area) and area >= 0):
                raise ValueError(f"{where}: area must be a number. Received: {area!r}.")
            areas.append(area)
        return AnnotatedImage(
            boxes,
            class_ids,
            size,
            folder / picture["file_name"],
            ignored=ignored,
            areas=areas,
            image_id=number,
        )

    return AnnotatedImages(
        _collect(pictures, read_one, on_error, skipped, progress),
        [names[number]["name"] for number in category_ids],
        tuple(category_ids),
    )


def load_voc(
    folder: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> AnnotatedImages:
    """Reads Pascal VOC xml files with their pictures.

    Difficult objects are `ignored`. Pictures without an xml file are not read, because
    nobody said that nothing is on them.

    Args:
        folder: with the xml files, at any depth. A picture is beside its file, or in
            `images/` or `JPEGImages/` one level up; it has the name that the file
            gives, or else that of the file.
        class_names: the classes in their order; another one is an error. By default
            those that occur, sorted.
        on_error: `"skip"` leaves pictures out that are broken or whose xml file is.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        The pictures in the order of the xml files' names.

    Raises:
        FileNotFoundError: there is no xml file, or no picture to one.
        ValueError: a file is broken.

    Reference:
        - Everingham et al., 2010, "The Pascal Visual Object Classes (VOC) Challenge".
    """
    folder = Path(folder)
    _check_on_error(on_error)
    jobs = _find(folder, ".xml") if folder.is_dir() else []
    if not jobs:
        raise FileNotFoundError(f"No xml file in {folder}. Expected {LAYOUT}.")
    known = None if class_names is None else list(class_names)

    def read_one(path):
        root = _read_xml(path)
        size = _declared_size(
            root.findtext("size/width"), root.findtext("size/height"), path
        )
        picture = _voc_picture(path, root.findtext("filename", ""))
        turn, size = _fit_picture(picture, size, path)
        boxes, names, ignored = [], [], []
        for number, thing in enumerate(root.iter("object"), start=1):
            name = thing.findtext("name", "").strip()
            where = f"{path}, object {number} ({name or 'without a name'})"
            if not name or (known is not None and name not in known):
                expected = "a name" if known is None else ", ".join(known)
                raise ValueError(
                    f"{where}: the class must be {'' if known is None else 'one of '}"
                    f"{expected}. Received: {name!r}."
                )
            corners = [
                _number(thing.findtext(f"bndbox/{key}"), f"{where}: {key}")
                for key in ("xmin", "ymin", "xmax", "ymax")
            ]
            corners = (corners[0] - 1, corners[1] - 1, *corners[2:])
            boxes.append(_clip(turn(corners), size, where))
            names.append(name)
            ignored.append(thing.findtext("difficult", "0").strip() == "1")
        return names, AnnotatedImage(
            boxes, np.zeros(len(boxes)), size, picture, ignored=ignored
        )

    found = _collect(jobs, read_one, on_error, skipped, progress)
    if known is None:
        known = sorted({name for names, _ in found for name in names})
    return AnnotatedImages(
        [
            replace(image, class_ids=np.array([known.index(name) for name in names]))
            for names, image in found
        ],
        known,
    )


def load_yolo(
    folder: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> AnnotatedImages:
    """Reads YOLO txt files with their pictures: a line `class cx cy width height` each.

    Args:
        folder: with the pictures, at any depth. The txt file of `a/images/b.jpg` is
            `a/labels/b.txt`, or else `b.txt` beside it. A picture without one has no
            objects, as YOLO's trainers have it.
        class_names: the classes in their order. By default from `classes.txt`, a
            `.names` file or `data.yaml` in the folder or one level up; where there is
            none the classes are called by their numbers.
        on_error: `"skip"` leaves pictures out that are broken or whose txt file is.
        skipped: told why, for each.
        progress: wraps the list of pictures, to show a bar.

    Returns:
        The pictures in the order of their names.

    Raises:
        FileNotFoundError: there is no picture, or a txt file to none of them.
        ValueError: a file is broken.
    """
    folder = Path(folder)
    _check_on_error(on_error)
    jobs = image_file.find(folder) if folder.is_dir() else []
    if not any(_yolo_labels(path).is_file() for path in jobs):
        raise FileNotFoundError(
            f"No pictures with txt files in {folder}. Expected {LAYOUT}."
        )
    known = _yolo_names(folder) if class_names is None else list(class_names)

    def read_one(path):
        _, size = _fit_picture(path, None, path)
        height, width = size
        boxes, class_ids = [], []
        labels = _yolo_labels(path)
        for number, line in enumerate(_read_lines(labels), start=1):
            where = f"{labels}, line {number}"
            words = line.split()
            if not words:
                continue
            if len(words) != 5:
                raise ValueError(
                    f"{where}: expected five numbers, class cx cy width height. "
                    f"Received: {_shortened(line)}."
                )
            class_id, cx, cy, box_width, box_height = (
                _number(word, where) for word in words
            )
            if class_id != int(class_id) or class_id < 0:
                raise ValueError(
                    f"{where}: a class must be a whole number from 0. Received: "
                    f"{words[0]}."
                )
            class_ids.append(int(class_id))
            if known is not None:
                check_class_ids(np.array(class_ids[-1:]), known, where)
            corners = (
                (cx - box_width / 2) * width,
                (cy - box_height / 2) * height,
                (cx + box_width / 2) * width,
                (cy + box_height / 2) * height,
            )
            boxes.append(_clip(corners, size, where))
        return AnnotatedImage(boxes, class_ids, size, path)

    found = _collect(jobs, read_one, on_error, skipped, progress)
    if known is None:
        highest = max((image.class_ids.max(initial=-1) for image in found), default=-1)
        known = [str(number) for number in range(int(highest) + 1)]
    return AnnotatedImages(found, known)


def split_images(
    dataset: AnnotatedImages, share: float, seed: int
) -> tuple[AnnotatedImages, AnnotatedImages]:
    """Training and held out pictures, drawn one by one.

    Nothing looks for near duplicates: frames of one video fall on both sides, and make
    the held out figures too good. Split such data by video before.

    Args:
        dataset: what to split.
        share: of the pictures to hold out, from 0 to 1; rounded to whole pictures.
        seed: of the draw; the same one and the same pictures give the same split.

    Returns:
        `(training, held_out)`, each in the order of the dataset.

    Raises:
        ValueError: `share` is not from 0 to 1.

    Example:
        >>> pictures = [AnnotatedImage([], [], (8, 8)) for _ in range(10)]
        >>> parts = split_images(AnnotatedImages(pictures, ["car"]), 0.2, seed=0)
        >>> [len(part) for part in parts]
        [8, 2]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must be from 0 to 1. Received: {share}.")
    order = np.random.default_rng(seed).permutation(len(dataset))
    num_held = round(share * len(dataset))
    return (
        dataset.subset(np.sort(order[num_held:])),
        dataset.subset(np.sort(order[:num_held])),
    )


# Writers


def write_coco(dataset: AnnotatedImages, path: str | Path) -> None:
    """Writes a COCO json file.

    Pictures that have a file stay where they are, and are named from the folder of the
    json file; the others are written into `images/` beside it, as PNG. What is
    `ignored` becomes a crowd.

    Args:
        dataset: what to write.
        path: the json file; its folder is made.

    Raises:
        ValueError: two pictures have the same number, or one neither file nor pixels.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict = {
        "images": [],
        "annotations": [],
        "categories": [
            {"id": number, "name": name}
            for number, name in zip(
                dataset.category_ids, dataset.class_names, strict=True
            )
        ],
    }
    for number, image in zip(image_ids(dataset), dataset.images, strict=True):
        file = image.path
        if file is None:
            file = path.parent / "images" / f"{number}.png"
            image_file.write(file, image.read())
        content["images"].append(
            {
                "id": number,
                "file_name": Path(os.path.relpath(file, path.parent)).as_posix(),
                "width": image.size[1],
                "height": image.size[0],
            }
        )
        for index in range(len(image)):
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1,
                    "image_id": number,
                    "category_id": dataset.category_ids[image.class_ids[index]],
                    "bbox": _xywh(image.boxes_xyxy[index]),
                    "area": float(image.areas[index]),
                    "iscrowd": int(image.ignored[index]),
                }
            )
    files.write_atomically(path, json.dumps(content))


def detections_to_coco(
    detections: Sequence[Detections], dataset: AnnotatedImages
) -> list[dict]:
    """COCO's list of results, as its evaluation and `json.dump` take it.

    Args:
        detections: of each picture of the dataset, in its order.
        dataset: gives the numbers of pictures and classes.

    Returns:
        A dict for each detection: image_id, category_id, bbox, score.

    Raises:
        ValueError: the lengths differ, or a class is beyond the list.

    Example:
        >>> dataset = AnnotatedImages([AnnotatedImage([], [], (20, 30))], ["car"])
        >>> detections_to_coco([Detections([[2, 3, 12, 8]], [0.5], [0])], dataset)
        ... # doctest: +NORMALIZE_WHITESPACE
        [{'image_id': 1, 'category_id': 1, 'bbox': [2.0, 3.0, 10.0, 5.0],
          'score': 0.5}]
    """
    check_detections(detections, dataset)
    return [
        {
            "image_id": number,
            "category_id": dataset.category_ids[class_id],
            "bbox": _xywh(box),
            "score": float(score),
        }
        for number, found in zip(image_ids(dataset), detections, strict=True)
        for box, score, class_id in zip(
            found.boxes_xyxy, found.scores, found.class_ids, strict=True
        )
    ]


def write_voc(dataset: AnnotatedImages, folder: str | Path) -> None:
    """Writes a Pascal VOC xml file for each picture, and the pictures.

    `annotations/NAME.xml` and `images/NAME.SUFFIX`: files are copied as they are,
    pictures in memory become PNG. The order of the classes is not kept by this format:
    hand `class_names` to `load_voc`.

    Args:
        dataset: what to write.
        folder: is made.

    Raises:
        ValueError: a picture has neither a file nor pixels.
    """
    folder = Path(folder)
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for name, image in zip(_file_names(dataset), dataset.images, strict=True):
        picture = _store_picture(image, folder / "images" / name)
        root = ET.Element("annotation")
        ET.SubElement(root, "filename").text = picture.name
        size = ET.SubElement(root, "size")
        for key, value in zip(
            ("width", "height", "depth"), (*image.size[::-1], 3), strict=True
        ):
            ET.SubElement(size, key).text = str(value)
        for box, class_id, ignored in zip(
            image.boxes_xyxy.tolist(), image.class_ids, image.ignored, strict=True
        ):
            thing = ET.SubElement(root, "object")
            ET.SubElement(thing, "name").text = dataset.class_names[class_id]
            ET.SubElement(thing, "difficult").text = str(int(ignored))
            bounds = ET.SubElement(thing, "bndbox")
            corners = (box[0] + 1, box[1] + 1, *box[2:])  # the first pixel is 1
            for key, value in zip(
                ("xmin", "ymin", "xmax", "ymax"), corners, strict=True
            ):
                text = str(int(value)) if value == int(value) else repr(value)
                ET.SubElement(bounds, key).text = text
        ET.indent(root)
        content = ET.tostring(root, encoding="unicode") + "\n"
        files.write_atomically(folder / "annotations" / f"{name}.xml", content)


def write_yolo(dataset: AnnotatedImages, folder: str | Path) -> None:
    """Writes a YOLO txt file for each picture, the pictures and the classes' names.

    `labels/NAME.txt`, `images/NAME.SUFFIX` and `classes.txt`: files are copied as they
    are, pictures in memory become PNG. The format has no place for what is `ignored`:
    such boxes are left out, as YOLO's trainers do.

    Args:
        dataset: what to write.
        folder: is made.

    Raises:
        ValueError: a picture has neither a file nor pixels.
    """
    folder = Path(folder)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        folder / "classes.txt", "".join(f"{name}\n" for name in dataset.class_names)
    )
    for name, image in zip(_file_names(dataset), dataset.images, strict=True):
        _store_picture(image, folder / "images" / name)
        kept = ~image.ignored
        scale = np.tile(image.size[::-1], 2)
        x_min, y_min, x_max, y_max = (
            image.boxes_xyxy[kept].astype("float64") / scale
        ).T
        columns = (
            (x_min + x_max) / 2,
            (y_min + y_max) / 2,
            x_max - x_min,
            y_max - y_min,
        )
        rows = np.stack(columns, axis=1).tolist()  # (boxes, 4)
        lines = [
            f"{class_id} {' '.join(map(repr, row))}\n"
            for class_id, row in zip(image.class_ids[kept], rows, strict=True)
        ]
        files.write_atomically(folder / "labels" / f"{name}.txt", *lines)


def image_ids(dataset: AnnotatedImages) -> list[int | str]:
    """The number of each picture, and its position from 1 on where none has one.

    Raises:
        ValueError: two have the same.
    """
    numbers = [image.image_id for image in dataset.images]
    if all(number is None for number in numbers):
        return list(range(1, len(numbers) + 1))
    if None in numbers or len(set(numbers)) < len(numbers):
        twice = next((one for one in numbers if numbers.count(one) > 1), None)
        raise ValueError(
            "Every picture must have an `image_id` of its own, or none of them. "
            f"Received: {twice!r} "
            + ("twice." if twice is not None else "beside numbers.")
        )
    return numbers


def check_detections(
    detections: Sequence[Detections], dataset: AnnotatedImages
) -> None:
    """Says where detections do not belong to a dataset.

    Raises:
        ValueError: the lengths differ, or a class is beyond the list.
    """
    if len(detections) != len(dataset):
        raise ValueError(
            "There must be one `Detections` for each picture, an empty one where "
            f"nothing was found. Received: {len(detections)} for {len(dataset)} "
            "pictures."
        )
    for found, image in zip(detections, dataset.images, strict=True):
        check_class_ids(
            found.class_ids, dataset.class_names, f"The detections on {image.name}"
        )


# What the readers share


def _check_on_error(on_error):
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')


def _collect(jobs, read_one, on_error, skipped, progress):
    found, first = [], None
    for job in progress(list(jobs)) if progress else jobs:
        try:
            found.append(read_one(job))
        except (ValueError, OSError, cv2.error) as error:
            if on_error == "fail":
                raise
            first = first or error
            if skipped is not None:
                skipped(str(error))
    if not found:
        raise ValueError(f"No picture can be read. The first one: {first}")
    return found


def _fit_picture(path, declared, where):
    """How to turn boxes of an annotation, and the size of the picture upright.

    Of a whole file, only the head is read.
    """
    stored, orientation = _stored_size(path, where)
    upright = stored
    if orientation != 1:
        # Whether it is turned is up to what reads it later.
        upright = image_file.read(path).shape[:2]
    if declared in (None, upright):
        return tuple, upright
    if declared == stored == upright[::-1]:
        return lambda corners: _turn(corners, orientation, stored), upright
    raise ValueError(
        f"{where}: the annotation says {_pixels(declared)}. Received: {path} of "
        f"{_pixels(upright)}."
    )


def _stored_size(path, where):
    if not path.is_file():
        raise FileNotFoundError(f"{where}: there is no picture {path}.")
    size, orientation, is_whole = None, 1, False
    try:
        with Image.open(path) as picture:
            picture.verify()  # a PNG's checksums, a WebP's length
        with Image.open(path) as picture:
            orientation = picture.getexif().get(ORIENTATION, 1)
            size = picture.size[::-1]
            is_whole = picture.format in {"PNG", "WEBP"} or _ends_as_jpeg(path)
    except Exception:  # many kinds, one for every way in which a file can be broken
        pass
    if not is_whole:  # or of another format: reading it tells
        found = image_file.read(path).shape[:2]
        size = size or found
    return size, orientation


def _ends_as_jpeg(path):
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 16, 0))
        return JPEG_END in file.read()


def _turn(corners, orientation, stored):
    """Corners in the stored picture as corners in the upright one (EXIF 5 to 8)."""
    height, width = stored
    x_min, y_min, x_max, y_max = corners
    if orientation in (7, 8):
        x_min, x_max = width - x_max, width - x_min
    if orientation in (6, 7):
        y_min, y_max = height - y_max, height - y_min
    return y_min, x_min, y_max, x_max


def _clip(corners, size, where):
    height, width = size
    x_min, y_min, x_max, y_max = corners
    said = f"Received: x {x_min:g} to {x_max:g}, y {y_min:g} to {y_max:g}."
    if not all(map(math.isfinite, corners)):
        raise ValueError(f"{where}: a box must be of finite numbers. {said}")
    if x_max <= x_min or y_max <= y_min:
        raise ValueError(
            f"{where}: a box must have an area, and its smaller corner first. {said}"
        )
    if x_max <= 0 or y_max <= 0 or x_min >= width or y_min >= height:
        raise ValueError(
            f"{where}: a box must lie within its picture of {_pixels(size)}, in part "
            f"at least. {said}"
        )
    return max(x_min, 0), max(y_min, 0), min(x_max, width), min(y_max, height)


def _declared_size(width, height, where):
    if width is None or height is None:
        raise ValueError(
            f"{where}: there is no width and height of the picture. Add its size."
        )
    size = tuple(_number(value, f"{where}: the size") for value in (height, width))
    if min(size) < 1 or any(value != int(value) for value in size):
        raise ValueError(
            f"{where}: the size must be whole numbers of pixels. Received: "
            f"{width} x {height}."
        )
    return tuple(map(int, size))


def _number(text, where):
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where} must be a finite number. Received: {text!r}.")
    return value


def _is_one_of(number, known):
    return isinstance(number, int | str) and number in known


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shortened(text):
    text = text.strip()
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def _read_lines(path):
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text. Expected one box a line.") from None


def _find(folder, suffix):
    return sorted(
        path
        for path in folder.rglob(f"*{suffix}")
        if not any(part[0] == "." for part in path.relative_to(folder).parts)
    )


def _find_datasets(folder):
    """Name -> (format, place), of what lies in a folder."""
    found = sorted({*folder.glob("*.json"), *folder.glob("annotations/*.json")})
    jsons = [path for path in found if path.name[0] != "."]
    if len(jsons) == 1:
        return {folder.name: ("coco", jsons[0])}
    if jsons:
        return {path.stem: ("coco", path) for path in jsons}
    places = [folder, *(folder / name for name in ("annotations", "Annotations"))]
    if any(True for place in places for _ in place.glob("*.xml")):
        return {folder.name: ("voc", folder)}
    if _has_labels(folder) or _has_labels(folder / "images"):
        return {folder.name: ("yolo", folder)}
    splits = sorted(path for path in folder.glob("images/*/") if _has_labels(path))
    return {path.name: ("yolo", path) for path in splits}


def _has_labels(folder):
    return any(
        path.suffix.lower() in image_file.SUFFIXES and _yolo_labels(path).is_file()
        for path in folder.glob("*")
    )


# COCO


def _read_coco_json(path):
    try:
        content = json.loads(path.read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no JSON: {error}. Fetch it again.") from None
    if isinstance(content, list):
        held = "a list, as results do"
    elif isinstance(content, dict):
        held = ", ".join(list(content)[:8]) or "nothing"
        if all(isinstance(content.get(key), list) for key in COCO_KEYS):
            return content
    else:
        held = _shortened(repr(content))
    raise ValueError(
        f"{path} is no COCO annotation: it must hold the lists images, annotations and "
        f"categories. It holds: {held}."
    )


def _named(items, name, keys, path):
    """The items of a list of COCO's by their id, each checked to have these keys."""
    found: dict = {}
    for index, item in enumerate(items):
        missing = keys
        if isinstance(item, dict):
            missing = [key for key in keys if item.get(key) is None]
        if missing:
            raise ValueError(f"{path}: {name}[{index}] has no {', no '.join(missing)}.")
        if not isinstance(item["id"], int | str) or item["id"] in found:
            raise ValueError(
                f"{path}: {name}[{index}] must have an id of its own. Received: "
                f"{item['id']!r}."
            )
        found[item["id"]] = item | {keys[1]: str(item[keys[1]])}  # a name
    return found


def _coco_folder(json_path, images, first):
    if images is not None:
        return Path(images)
    here = json_path.parent
    split = json_path.stem.rpartition("_")[2]
    folders = [here, here / "images", here.parent, here.parent / "images"]
    folders += [place / split for place in (here, here.parent, here.parent / "images")]
    for folder in folders:
        if (folder / first["file_name"]).is_file():
            return folder
    # Then the first picture may be missing alone.
    return next((one for one in folders if one.is_dir() and image_file.find(one)), here)


def _four_numbers(annotation, where):
    box = annotation.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
        raise ValueError(
            f"{where}: bbox must be four numbers, x, y, width and height. Received: "
            f"{_shortened(repr(box))}."
        )
    return box


def _xywh(box):
    x_min, y_min, x_max, y_max = (float(value) for value in box)
    return [x_min, y_min, x_max - x_min, y_max - y_min]


# Pascal VOC


def _read_xml(path):
    content = path.read_bytes()
    if not content.strip():
        raise ValueError(f"{path} is empty, which is no xml. Save it again.")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{path} is no xml that can be read: {error}.") from None
    if root.tag != "annotation":
        raise ValueError(
            f"{path} is no Pascal VOC annotation: expected <annotation>. Received: "
            f"<{root.tag}>."
        )
    return root


def _voc_picture(path, file_name):
    here = path.parent
    folders = [here, *(here.parent / name for name in PICTURE_FOLDERS), here.parent]
    names = [PureWindowsPath(file_name.strip()).name] if file_name.strip() else []
    for suffix in sorted(image_file.SUFFIXES):
        names += [path.stem + suffix, path.stem + suffix.upper()]
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise FileNotFoundError(
        f"{path}: there is no picture {names[0]} in {', '.join(map(str, folders))}."
    )


# YOLO


def _yolo_labels(picture):
    """The txt file of a picture; it may not be there."""
    parts = list(picture.parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        parts[last] = "labels"
        labels = Path(*parts).with_suffix(".txt")
        if labels.parent.is_dir():
            return labels
    return picture.with_suffix(".txt")


def _yolo_names(folder):
    for place in (folder, *folder.parents[:2]):
        for pattern in NAME_FILES:
            for path in sorted(place.glob(pattern)):
                lines = _read_lines(path)
                if path.suffix in {".yaml", ".yml"}:
                    names = _yaml_names(path, lines)
                else:
                    names = [line.strip() for line in lines if line.strip()]
                if names:
                    return names
    return None


def _yaml_names(path, lines):
    """The list `names` of a data.yaml, on one line or one name a line."""
    start = next(
        (number for number, line in enumerate(lines) if line.startswith("names:")), None
    )
    if start is None:
        return []
    inline = lines[start].removeprefix("names:").partition("#")[0].strip()
    if inline:
        try:
            names = ast.literal_eval(inline)
        except (ValueError, SyntaxError):  # words without quotation marks
            names = [name.strip(" '\"") for name in inline.strip("[]").split(",")]
        return list(names.values()) if isinstance(names, dict) else list(names)
    names = []
    for line in lines[start + 1 :]:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if line[0] not in " -":
            break
        key, _, name = text.partition(" ")
        if key != "-" and not key.rstrip(":").isdigit():
            raise ValueError(
                f"{path}: expected the names as '- NAME' or 'NUMBER: NAME'. Received: "
                f"{_shortened(text)}."
            )
        names.append(name.strip(" '\""))
    return names


# What the writers share


def _file_names(dataset):
    stems = [None if one.path is None else one.path.stem for one in dataset.images]
    if None not in stems and len(set(stems)) == len(stems):
        return stems
    return [f"{number:06d}" for number in range(1, len(stems) + 1)]


def _store_picture(image, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    if image.path is None:
        place = place.with_name(f"{place.name}.png")
        image_file.write(place, image.read())
        return place
    place = place.with_name(f"{place.name}{image.path.suffix}")
    shutil.copyfile(image.path, place)
    return place
