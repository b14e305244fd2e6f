"""Labelled pictures: drawn things, or anybody's folders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import images as image_file
from dlai_keras.classic_convnets import objects

SPLITS = ("train", "test")
LAYOUT = (
    "one folder of pictures a class, or train/ and test/ that hold such, or a folder "
    "that has one of these as classic_convnets/"
)


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size with their labels.

    Attributes:
        images: uint8 RGB `(num_images, size, size, 3)`.
        labels: int64 `(num_images,)`, places in `class_names`.
        class_names: of the labels.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, chosen: np.ndarray) -> "Pictures":
        """The pictures with these indices, or where this mask is true."""
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])


def make_pictures(
    rng: np.random.Generator,
    num: int,
    *,
    size: int = 32,
    workers: int = 0,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> Pictures:
    """Draws things, see `objects`; picture i does not depend on `num`.

    Args:
        rng: one integer is drawn from it.
        num: how many, at least one of each class.
        size: height and width, pixels.
        workers: processes that draw.
        progress: wraps the pictures, to show a bar.

    Raises:
        ValueError: `num` or `size` is too small.

    Example:
        >>> pictures = make_pictures(np.random.default_rng(0), 20)
        >>> pictures.images.shape, pictures.class_names[:3]
        ((20, 32, 32, 3), ('bottle', 'chair', 'clock'))
    """
    if num < len(objects.CLASSES):
        raise ValueError(
            f"`num` must be {len(objects.CLASSES)} or more, one of each class. "
            f"Received: num={num}."
        )
    drawn = objects.iterate_objects(rng, num, size=size, workers=workers)
    pairs = list(progress(drawn) if progress else drawn)
    return Pictures(
        np.stack([image for image, _ in pairs]),
        np.array([label for _, label in pairs], "int64"),
        objects.CLASSES,
    )


def load_pictures(
    path: str | Path,
    *,
    size: int = 32,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> dict[str, Pictures]:
    """Reads folders of pictures, one a class.

    Args:
        path: a folder as the README says.
        size: height and width to bring the pictures to; what is not square is cropped
            to the square in its middle.
        on_error: `"skip"` leaves broken pictures out.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        `"train"` and `"test"`, or one of them. Folders without `train/` and `test/`
        are all `"train"`.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: a picture is broken, a class empty, or the two halves differ.
    """
    path = Path(path)
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    if not path.is_dir():
        raise FileNotFoundError(f"No such folder: {path}. Expected {LAYOUT}.")
    if (path / "classic_convnets").is_dir():
        path = path / "classic_convnets"
    names = [split for split in SPLITS if (path / split).is_dir()]
    roots = {name: path / name for name in names} or {"train": path}
    read = partial(
        _read_classes, size=size, on_error=on_error, skipped=skipped, progress=progress
    )
    found = {name: read(root) for name, root in roots.items()}
    classes = {split.class_names for split in found.values()}
    if len(classes) > 1:
        raise ValueError(
            f"Training and test pictures in {path} have different classes: "
            f"{' and '.join(', '.join(one) for one in sorted(classes))}."
        )
    return found


def split(
    rng: np.random.Generator, pictures: Pictures, share: float
) -> tuple[Pictures, Pictures]:
    """Keeps a share of every class back.

    Args:
        rng: shuffles.
        pictures: what to split; a class needs two at least.
        share: of the pictures, between 0 and 1.

    Returns:
        `(the others, those kept back)`.

    Raises:
        ValueError: a class has one picture only, or `share` is out of its range.

    Example:
        >>> pictures = make_pictures(np.random.default_rng(0), 40)
        >>> [len(part) for part in split(np.random.default_rng(0), pictures, 0.25)]
        [30, 10]
    """
    if not 0 < share < 1:
        raise ValueError(f"`share` must be between 0 and 1. Received: share={share}.")
    held = np.zeros(len(pictures), bool)
    for label, name in enumerate(pictures.class_names):
        mine = np.flatnonzero(pictures.labels == label)
        if len(mine) < 2:
            raise ValueError(
                f"The class {name} needs two pictures or more, to learn from and to "
                f"test on. It has {len(mine)}."
            )
        num = min(max(1, round(share * len(mine))), len(mine) - 1)
        held[rng.permutation(mine)[:num]] = True
    return pictures.subset(~held), pictures.subset(held)


def _read_classes(root, *, size, on_error, skipped, progress):
    folders = sorted(
        folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] != "."
    )
    listed = [
        (file, label)
        for label, folder in enumerate(folders)
        for file in image_file.find(folder)
    ]
    if not listed:
        raise FileNotFoundError(f"No pictures in {root}. Expected {LAYOUT}.")
    images, labels = [], []
    for file, label in progress(listed) if progress else listed:
        try:
            images.append(image_file.read(file, size=size, fit="crop"))
            labels.append(label)
        except (ValueError, OSError, cv2.error) as error:
            if on_error == "fail":
                raise
            if skipped is not None:
                skipped(str(error))
    for label, folder in enumerate(folders):
        if label not in labels:
            raise ValueError(
                f"The class {folder.name} has no picture that can be read. Remove the "
                "folder or fill it."
            )
    return Pictures(
        np.stack(images),
        np.array(labels, "int64"),
        tuple(folder.name for folder in folders),
    )
