"""A trained network with what belongs to it: its threshold, and how faces enter it."""

import functools
import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import keras
import numpy as np

from dlai_keras import networks
from dlai_keras.face_recognition.alignment import TEMPLATES, align_face, check_image
from dlai_keras.face_recognition.checkpoints import load_mobile_facenet, load_openface
from dlai_keras.face_recognition.model import facenet_nn4_small2

SETTINGS_FILE = "recognizer.json"
PRETRAINED = Path(__file__).parent / "weights"
OPENFACE_THRESHOLD = 0.99**0.5  # OpenFace's own, of squared distances
# Of five people of LFW, aligned, pairs of the same are up to 1.11 apart and pairs of
# different ones 1.09 or more.
MOBILE_FACENET_THRESHOLD = 1.1


@dataclass(frozen=True)
class FaceRecognizer:
    """Faces in, embeddings out; two faces are compared by the distance of these.

    Attributes:
        model: images `(batch, height, width, 3)`, 0 to 255, to unit vectors
            `(batch, embedding_size)`.
        threshold: largest Euclidean distance, 0 to 2, of two pictures of one person.
        size: height and width of the input, pixels.
        template: a name in `alignment.TEMPLATES`: where the network expects eyes, nose
            and mouth.
        mirror: embeddings are the directions between those of a picture and of its
            mirror image. They are better, and take twice the time.
        notes: what else was saved with it, such as the seed.

    Raises:
        ValueError: the threshold, the size or the template is no such thing.
    """

    model: keras.Model
    threshold: float
    size: tuple[int, int]
    template: str = "arcface"
    mirror: bool = False
    notes: dict = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "size", tuple(int(side) for side in self.size))
        object.__setattr__(self, "threshold", float(self.threshold))
        if not 0 <= self.threshold <= 2:
            raise ValueError(
                "`threshold` must be a distance of unit vectors, 0 to 2. Received: "
                f"{self.threshold}."
            )
        if self.size != self.model.input_shape[1:3]:
            raise ValueError(
                f"`size` must be that of the model, {self.model.input_shape[1:3]}. "
                f"Received: {self.size}."
            )
        if self.template not in TEMPLATES:
            raise ValueError(
                f"`template` must be one of {', '.join(map(str, TEMPLATES))}. "
                f"Received: {self.template!r}."
            )

    @classmethod
    def from_mobile_facenet(cls, path: str | Path) -> "FaceRecognizer":
        """The public MobileFaceNet.

        Args:
            path: its weights as npz file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such thing.
        """
        model = load_mobile_facenet(path)
        return cls(
            model,
            MOBILE_FACENET_THRESHOLD,
            model.input_shape[1:3],
            notes={"aligned": True, "network": "mobile_facenet"},
        )

    @classmethod
    def from_openface(cls, folder: str | Path) -> "FaceRecognizer":
        """OpenFace's nn4.small2, as it was trained, which the course uses in part.

        Args:
            folder: the CSV files of its weights.

        Raises:
            FileNotFoundError: there is none.
            ValueError: files are missing, or have another shape.
        """
        model = facenet_nn4_small2(edition="openface")
        return cls(
            load_openface(model, folder),
            OPENFACE_THRESHOLD,
            model.input_shape[1:3],
            "openface",
            notes={"aligned": True, "network": "facenet_nn4_small2"},
        )

    @property
    def embedding_size(self) -> int:
        """Numbers in an embedding."""
        return self.model.output_shape[-1]

    @functools.cached_property
    def model_id(self) -> str:
        """16 hex digits that another network, or the same one retrained, has not.

        Saved in half precision a network is still the same.
        """
        digest = hashlib.sha256(repr((self.size, self.template, self.mirror)).encode())
        for array in self.model.get_weights():
            with np.errstate(over="ignore"):
                half = array.astype("<f2")
            digest.update(repr(array.shape).encode() + half.tobytes())
        return digest.hexdigest()[:16]

    def with_threshold(self, threshold: float) -> "FaceRecognizer":
        """The same recognizer with another threshold; the weights are shared."""
        return replace(self, threshold=threshold)

    def face(
        self, image: np.ndarray, landmarks: np.ndarray | None = None
    ) -> np.ndarray:
        """A picture as the network takes it.

        Args:
            image: uint8 RGB `(height, width, 3)`.
            landmarks: the five points of the face in it, `(5, 2)`, as `FaceFinder`
                finds them: it is turned and scaled onto the template. Without them the
                picture is a crop already, and its middle is scaled.

        Returns:
            uint8 of `size`.

        Raises:
            ValueError: it is no such picture.
        """
        return crop_face(image, self.size, self.template, landmarks)

    def embed(
        self, images: Iterable[np.ndarray], *, batch_size: int = 32
    ) -> np.ndarray:
        """Embeddings of faces; only a batch of pictures is held at a time.

        Args:
            images: uint8 RGB `(height, width, 3)`, of any sizes: crops of faces, as of
                `face`. Their middles are scaled where that is needed.
            batch_size: pictures that go through the network together.

        Returns:
            float32 `(num_images, embedding_size)` of unit length.

        Raises:
            ValueError: one is no such picture.
        """
        images = iter(images)
        parts = [np.zeros((0, self.embedding_size), "float32")]
        while batch := list(itertools.islice(images, batch_size)):
            # Few shapes, few compilations; what is padded is cut off again.
            room = min(1 << (len(batch) - 1).bit_length(), batch_size)
            inputs = np.zeros((room, *self.size, 3), "uint8")
            for row, image in zip(inputs, batch, strict=False):
                row[...] = fit_face(image, self.size)
            found = np.asarray(self.model.predict_on_batch(inputs), "float32")
            if self.mirror:
                mirrored = np.ascontiguousarray(inputs[:, :, ::-1])
                found = found + np.asarray(self.model.predict_on_batch(mirrored))
                found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
            parts.append(found[: len(batch)])
        return np.concatenate(parts)

    def verify(self, first: np.ndarray, second: np.ndarray) -> tuple[bool, float]:
        """Whether two pictures show one person.

        Args:
            first: uint8 RGB `(height, width, 3)`, a crop of a face as of `face`.
            second: another one.

        Returns:
            `(same, distance)`; the distance is from 0 to 2.

        Raises:
            ValueError: one is no such picture.
        """
        one, other = self.embed([first, second])
        distance = float(np.linalg.norm(one - other))
        return distance <= self.threshold, distance

    def save(self, folder: str | Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `recognizer.json`.

        Args:
            folder: made if it is missing.
            half: whether the file holds the weights in half precision.
        """
        record = {
            "threshold": self.threshold,
            "size": list(self.size),
            "template": self.template,
            "mirror": self.mirror,
            "model_id": self.model_id,
        }
        record |= self.notes
        networks.save(Path(folder), self.model, SETTINGS_FILE, record, half=half)


def load_recognizer(path: str | Path) -> FaceRecognizer:
    """Reads a trained recognizer.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing, or the two do not belong together.
    """

    def parse(notes):
        record = {
            "threshold": float(notes.pop("threshold")),
            "size": tuple(notes.pop("size")),
            "template": notes.pop("template"),
            "mirror": bool(notes.pop("mirror")),
        }
        return notes.pop("model_id"), record, notes

    model, (model_id, record, notes) = networks.load(
        Path(path), SETTINGS_FILE, parse, "threshold, size, template and model_id"
    )
    try:
        recognizer = FaceRecognizer(model, **record, notes=notes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if recognizer.model_id != model_id:
        raise ValueError(
            f"{path}: {SETTINGS_FILE} belongs to the model {model_id}, and beside it "
            f"stands {recognizer.model_id}. Copy the two files of one training."
        )
    return recognizer


def load_pretrained() -> FaceRecognizer:
    """The recognizer that comes with the package, trained on drawn faces alone."""
    return load_recognizer(PRETRAINED)


def crop_face(
    image: np.ndarray,
    size: tuple[int, int],
    template: str = "arcface",
    landmarks: np.ndarray | None = None,
) -> np.ndarray:
    """A picture as a network takes it; see `FaceRecognizer.face`.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        size: height and width that are wanted, pixels.
        template: a name in `alignment.TEMPLATES`.
        landmarks: the five points of the face, `(5, 2)`; None for a crop.

    Returns:
        uint8 `(*size, 3)`.

    Raises:
        ValueError: it is no such picture.

    Example:
        >>> crop_face(np.zeros((250, 250, 3), "uint8"), (96, 96)).shape
        (96, 96, 3)
    """
    if landmarks is None:
        return fit_face(image, size)
    return align_face(image, landmarks, size, template)


def fit_face(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of a picture, of the right aspect, scaled.

    Args:
        image: uint8 RGB `(height, width, 3)`.
        size: height and width that are wanted, pixels.

    Returns:
        uint8 `(*size, 3)`.

    Raises:
        ValueError: it is no such picture.

    Example:
        >>> fit_face(np.zeros((250, 250, 3), "uint8"), (112, 96)).shape
        (112, 96, 3)
    """
    check_image(image)
    image = np.asarray(image)
    height, width = image.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows = min(height, max(1, round(scale * size[0])))
    columns = min(width, max(1, round(scale * size[1])))
    top, left = (height - rows) // 2, (width - columns) // 2
    image = image[top : top + rows, left : left + columns]
    if image.shape[:2] == tuple(size):
        return image
    # Areas are averaged on the way down; on the way up that would be blocks.
    way = cv2.INTER_AREA if rows > size[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (size[1], size[0]), interpolation=way)
