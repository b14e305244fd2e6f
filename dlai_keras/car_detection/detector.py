"""A trained network with what belongs to it: class names, and how pictures enter it."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np

from dlai_keras import boxes, networks
from dlai_keras.car_detection.augmentation import FITS, Placement, centred
from dlai_keras.car_detection.darknet import fold_batch_normalization, load_darknet
from dlai_keras.car_detection.data import AnnotatedImages, Detections
from dlai_keras.car_detection.layers import NonMaxSuppression, YoloDecode

SETTINGS_FILE = "detector.json"
PRETRAINED = Path(__file__).parent / "weights"
# Darknet's lists, and Pascal VOC's, spell some of COCO's classes otherwise.
SPELLINGS = {
    "aeroplane": "airplane",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
}


@dataclass(frozen=True)
class Detector:
    """Pictures of any size in, boxes in their own pixels out.

    Attributes:
        model: images `(batch, height, width, 3)`, 0 to 255, to a dict of `boxes_xyxy`
            in pixels of the input, `scores`, `class_ids` and `num_detections`, as
            `NonMaxSuppression` returns it.
        class_names: of the class ids.
        size: height and width of the input, pixels. One number stands for both.
        fit: how a picture gets that size: `"letterbox"` keeps its aspect and pads,
            `"stretch"` does not, as Darknet and OpenCV do.
        notes: what else was saved with it, such as the seed.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    size: tuple[int, int]
    fit: str = "letterbox"
    notes: dict = field(default_factory=dict)

    def __post_init__(self):
        size = self.size if isinstance(self.size, Sequence) else (self.size,) * 2
        object.__setattr__(self, "size", tuple(int(side) for side in size))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"`size` must be height and width. Received: {self.size}.")
        if self.fit not in FITS:
            raise ValueError(
                f"`fit` must be one of {', '.join(FITS)}. Received: {self.fit!r}."
            )

    @classmethod
    def from_darknet(
        cls,
        cfg: str | Path,
        weights: str | Path,
        names: str | Path | Sequence[str],
        *,
        fit: str = "stretch",
        score_threshold: float = 0.25,
        iou_threshold: float = 0.45,
        max_boxes: int = 100,
    ) -> "Detector":
        """Builds a detector from Darknet's files.

        Args:
            cfg: the network.
            weights: its weights.
            names: file with a class name a line, or the names.
            fit: Darknet's networks are mostly trained with `"stretch"`.
            score_threshold: lowest score of a detection; Darknet's default.
            iou_threshold: overlap from which the lesser box of a class goes;
                Darknet's default.
            max_boxes: detections of a picture at most.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is no such thing, or there are more or fewer names than
                classes.
        """
        network = fold_batch_normalization(load_darknet(cfg, weights, decode=True))
        if not isinstance(names, Sequence) or isinstance(names, str):
            source, names = names, read_class_names(names)
        else:
            source = "`names`"
        _, height, width, channels = network.input_shape
        if channels != 3:
            raise ValueError(
                f"{cfg} is a network for pictures of {channels} channels. Expected 3."
            )
        images = keras.Input((height, width, 3), name="image")
        # Darknet's networks take 0 to 1.
        outputs = network(keras.layers.Rescaling(1 / 255, name="rescale")(images))
        found, scores = outputs
        if scores.shape[-1] != len(names):
            raise ValueError(
                f"{source} must name the {scores.shape[-1]} classes of {cfg}. "
                f"Received: {len(names)} names."
            )
        suppress = NonMaxSuppression(
            iou_threshold=iou_threshold,
            score_threshold=score_threshold,
            max_boxes=max_boxes,
            name="detections",
        )
        model = keras.Model(images, suppress(found, scores), name=network.name)
        return cls(model, tuple(names), (height, width), fit)

    def detect(self, image: np.ndarray) -> Detections:
        """What is on one picture.

        Args:
            image: uint8 RGB `(height, width, 3)`, of any size.

        Returns:
            Boxes in pixels of `image`, inside it, best first.

        Raises:
            ValueError: it is no such picture.
        """
        return next(self.detect_all([image], batch_size=1))

    def detect_all(
        self, images: Iterable[np.ndarray], *, batch_size: int = 8
    ) -> Iterator[Detections]:
        """Yields what is on each picture; only a batch of them is held at a time.

        Args:
            images: uint8 RGB `(height, width, 3)` each, of any sizes.
            batch_size: pictures that go through the network together.

        Yields:
            Boxes in pixels of that picture, inside it, best first.

        Raises:
            ValueError: one is no such picture.
        """
        images = iter(images)
        while batch := list(itertools.islice(images, batch_size)):
            # One shape, one compilation; what is padded is left out again.
            inputs = np.zeros((batch_size, *self.size, 3), "uint8")
            placements = []
            for row, image in zip(inputs, batch, strict=False):
                row[...], placement = self._placed(image)
                placements.append(placement)
            outputs = self.model.predict_on_batch(inputs)
            for number, placement in enumerate(placements):
                one = {name: values[number] for name, values in outputs.items()}
                yield _detections(one, placement)

    def with_thresholds(self, **changes) -> "Detector":
        """The same detector with another suppression; the weights are shared.

        Args:
            **changes: arguments of `NonMaxSuppression`, such as `score_threshold`,
                `iou_threshold`, `max_boxes`.
        """
        layer = self._suppression()
        config = layer.get_config()
        if changes.items() <= config.items():
            return self
        changed = NonMaxSuppression(**config | changes)
        model = keras.Model(
            self.model.inputs, changed(*layer.input), name=self.model.name
        )
        return replace(self, model=model)

    @property
    def score_threshold(self) -> float:
        """The lowest score of what it detects."""
        return float(self._suppression().get_config()["score_threshold"])

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `detector.json`.

        Args:
            folder: made if it is missing.
            half: as of `networks.save`.
        """
        record = {
            "class_names": list(self.class_names),
            "size": list(self.size),
            "fit": self.fit,
        }
        record |= self.notes
        networks.save(folder, self.model, SETTINGS_FILE, record, half=half)

    def _suppression(self):
        for layer in self.model.layers:
            if isinstance(layer, NonMaxSuppression):
                return layer
        raise ValueError(
            f"{self.model.name} has no NonMaxSuppression layer. Build it with "
            "`model.detector`."
        )

    def _placed(self, image):
        """The picture as the network takes it, and where it stands in there."""
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                "A picture must be uint8 RGB (height, width, 3). Received: "
                f"{image.dtype} {image.shape}."
            )
        placement = centred(image.shape[:2], self.size, self.fit)
        return placement.show(image), placement


def load_detector(path: str | Path) -> Detector:
    """Reads a trained detector.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        class_names, size = tuple(notes.pop("class_names")), tuple(notes.pop("size"))
        return class_names, size, notes.pop("fit"), notes

    model, (class_names, size, fit, notes) = networks.load(
        Path(path), SETTINGS_FILE, parse, "class_names, size and fit"
    )
    return Detector(model, class_names, size, fit, notes)


def load_pretrained() -> Detector:
    """The detector that comes with the package, trained on rendered streets alone.

    Raises:
        FileNotFoundError: none came with it.
    """
    if not (PRETRAINED / "model.keras").is_file():
        raise FileNotFoundError(
            "No detector comes with the package. Train one and give it with --model, "
            "or give --darknet CFG --weights FILE --names FILE."
        )
    return load_detector(PRETRAINED)


def find_heads(model: keras.Model) -> list[tuple[str, str, YoloDecode]]:
    """Where `transfer_detector` can cut a detector, to put other heads there.

    Args:
        model: with a `YoloDecode` for each head, as of `Detector` and of
            `load_darknet(..., decode=True)`.

    Returns:
        For each head the name of the layer before it, the name of its convolution, and
        what decodes it.

    Raises:
        ValueError: there is no head, or one is no convolution.
    """

    def maker(tensor):
        for layer in model.layers:
            if any(one is tensor for one in keras.tree.flatten(layer.output)):
                return layer
        raise ValueError(f"{model.name} has a head that none of its layers makes.")

    found = []
    for decode in model.layers:
        if not isinstance(decode, YoloDecode):
            continue
        head = maker(decode.input)
        if not isinstance(head, keras.layers.Conv2D) or decode.new_coordinates:
            raise ValueError(
                f"Layer {head.name} of {model.name} cannot be replaced: expected a "
                "convolution whose numbers are decoded as those of YOLOv2 to v4."
            )
        found.append((maker(head.input).name, head.name, decode))
    if not found:
        raise ValueError(f"{model.name} has no head that gives boxes.")
    return found


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """Class names from a file with one a line, as Darknet has it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, or empty.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No such file: {path}. Expected a class name on each line."
        )
    try:
        names = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text. Expected a class name a line.") from None
    while names and not names[-1]:
        names.pop()
    if not names or not all(names):
        raise ValueError(f"{path} must have a class name on each line.")
    return tuple(names)


def match_classes(
    known: Sequence[str], class_names: Sequence[str], wanted: str | None = None
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Finds a model's classes in those of a data set.

    The names are compared without case, spaces and underscores, and Darknet's spelling
    of COCO's classes is known.

    Args:
        known: class names of the model.
        class_names: of the data.
        wanted: classes to compare, with commas; all of the data's without it.
            `truck=lorry` says that the data's truck is the model's lorry.

    Returns:
        `(names, model_ids, data_ids)`: the compared classes, and for each class of the
        model and of the data its place among them, -1 where it does not count.

    Raises:
        ValueError: a class is not there.

    Example:
        >>> match_classes(["car", "lorry"], ["cat", "Car", "truck"], "car,truck=lorry")
        (['car', 'lorry'], array([0, 1]), array([-1,  0,  1]))
    """
    models, datas = (
        {_spelling(name): number for number, name in reversed(list(enumerate(names)))}
        for names in (known, class_names)
    )
    if wanted is None:
        pairs = [(name, name) for name in class_names]
    else:
        parts = [part.strip() for part in wanted.split(",") if part.strip()]
        pairs = [(part.partition("=")[0], part.rpartition("=")[2]) for part in parts]
    names: list[str] = []
    model_ids, data_ids = np.full(len(known), -1), np.full(len(class_names), -1)
    missing = [one for one, _ in pairs if _spelling(one) not in datas]
    if missing:
        raise ValueError(
            f"The data has no class {_some(missing)}. It has: {_some(class_names)}."
        )
    missing = [other for _, other in pairs if _spelling(other) not in models]
    if missing or not pairs:
        raise ValueError(
            f"The model does not know {_some(missing) or 'no class'}. It knows: "
            f"{_some(known)}. Name the classes to compare: --classes car, or "
            "--classes truck=lorry for the data's truck and the model's lorry."
        )
    for one, other in pairs:
        model_id = models[_spelling(other)]
        if model_ids[model_id] < 0:
            model_ids[model_id] = len(names)
            names.append(known[model_id])
        data_ids[datas[_spelling(one)]] = model_ids[model_id]
    return names, model_ids, data_ids


def select_classes(
    truth: AnnotatedImages, class_ids: np.ndarray, class_names: Sequence[str]
) -> AnnotatedImages:
    """Annotated pictures with only some classes, under other numbers.

    Args:
        truth: the pictures; those that lose all their objects stay.
        class_ids: for each class the new one, -1 where its objects are left out.
        class_names: of the new ones.
    """
    changed = []
    for one in truth.images:
        new = np.asarray(class_ids)[one.class_ids]
        kept = new >= 0
        changed.append(
            replace(
                one,
                boxes_xyxy=one.boxes_xyxy[kept],
                class_ids=new[kept].astype("int32"),
                ignored=one.ignored[kept],
                areas=None if one.areas is None else one.areas[kept],
            )
        )
    return AnnotatedImages(changed, list(class_names))


def select_detections(detections: Detections, class_ids: np.ndarray) -> Detections:
    """Detections of only some classes, under other numbers.

    Args:
        detections: of one picture.
        class_ids: for each class the new one, -1 where its boxes are left out.

    Example:
        >>> found = Detections([[0, 0, 9, 9], [1, 1, 5, 5]], [0.9, 0.2], [2, 0])
        >>> select_detections(found, np.array([0, -1, -1])).scores.tolist()
        [0.20000000298023224]
    """
    new = np.asarray(class_ids)[detections.class_ids]
    kept = new >= 0
    return Detections(
        detections.boxes_xyxy[kept],
        detections.scores[kept],
        new[kept].astype("int32"),
    )


def _detections(outputs, placement: Placement):
    num = int(outputs["num_detections"])
    found = placement.to_image(outputs["boxes_xyxy"][:num])
    found = boxes.clip(found, *placement.image_size)
    seen = boxes.area(found) > 0  # not in the grey
    return Detections(
        found[seen],
        outputs["scores"][:num][seen],
        outputs["class_ids"][:num][seen],
    )


def _spelling(name):
    name = "".join(name.lower().replace("_", " ").split())
    return SPELLINGS.get(name, name)


def _some(names, most=8):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
