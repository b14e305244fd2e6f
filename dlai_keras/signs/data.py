"""Labelled pictures: the course's h5 files, and folders with one folder a class."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import h5py
import numpy as np

from dlai_keras import images as image_file

SPLITS = ("train", "test")
TRUNCATED = "it is cut off, or no HDF5 file. Fetch it again"
LAYOUT = (
    "files train_NAME.h5 and test_NAME.h5 as the course's, or one folder of pictures "
    "a class, below train/ and test/ if both are there"
)
NEAR = 12.0  # grey levels between two pictures of one burst


@dataclass(frozen=True)
class LabelledImages:
    """Pictures of one size with their classes.

    Attributes:
        images: uint8 `(num_images, height, width, 3)`.
        labels: int64 `(num_images,)`, indices of `class_names`.
        class_names: what the classes are called.
        sources: where each picture is from, for people.
        groups: int `(num_images,)`: pictures of one group (one folder within the
            folder of a class) belong together; -1 for those that stand alone.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    sources: tuple[str, ...]
    groups: np.ndarray

    def __len__(self):
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> "LabelledImages":
        """The pictures with these indices, or where this mask is true."""
        chosen = np.arange(len(self))[chosen]
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            sources=tuple(self.sources[index] for index in chosen),
            groups=self.groups[chosen],
        )


def from_arrays(
    images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], source: str = ""
) -> LabelledImages:
    """Pictures that are in memory already."""
    return LabelledImages(
        images,
        np.asarray(labels, "int64"),
        tuple(class_names),
        tuple(f"{source}[{index}]" for index in range(len(labels))),
        np.full(len(labels), -1),
    )


def load_signs(
    path: str | Path,
    *,
    dataset: str | None = None,
    size: int | None = None,
    fit: str = "stretch",
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> dict[str, LabelledImages]:
    """Reads hand signs or any other labelled pictures.

    Args:
        path: a folder with the course's h5 files (`train_signs.h5` and `test_signs.h5`,
            one of them is enough); a folder with one folder of pictures for each class,
            or with `train/` and `test/` that hold such; a folder that has one of these
            as `signs/`; or a single h5 file. h5 files win over folders beside them.
        dataset: which, where there are h5 files of several names, such as `"signs"`.
        size: height and width to bring the pictures to; None leaves h5 files as they
            are and takes 64 for folders.
        fit: how a picture that is not square becomes so, see `images.resize`.
        on_error: `"skip"` leaves broken pictures of a folder out.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        `"train"` and `"test"`, or one of them, each `LabelledImages`. Folders without
        `train/` and `test/` are all `"train"`.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: a file is broken or holds something else.

    Reference:
        - Course 2, week 3 and course 4, weeks 1 and 2, `load_dataset`.
    """
    path = Path(path)
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    if not path.exists():
        raise FileNotFoundError(f"No such file or folder: {path}. Expected {LAYOUT}.")
    if path.is_dir() and (path / "signs").is_dir():
        path = path / "signs"
    if path.is_file():
        if path.suffix.lower() not in {".h5", ".hdf5"}:
            raise ValueError(f"Expected {LAYOUT}. Received the file {path}.")
        found = _read_h5(path)
    elif files := sorted([*path.glob("*.h5"), *path.glob("*.hdf5")]):
        found = _read_h5_files(path, files, dataset)
    else:
        found = _read_folders(
            path, dataset, size or 64, fit, on_error, skipped, progress
        )
    names = {split.class_names for split in found.values()}
    if len(names) > 1:
        raise ValueError(
            f"Training and test pictures in {path} have different classes: "
            f"{' and '.join(', '.join(one) for one in sorted(names))}."
        )
    if size is None:
        return found
    return {
        name: replace(split, images=resize_all(split.images, size, fit))
        for name, split in found.items()
    }


def resize_all(images: np.ndarray, size: int, fit: str = "stretch") -> np.ndarray:
    """Every picture `(size, size, 3)`."""
    if images.shape[1:3] == (size, size):
        return images
    return np.stack([image_file.resize(image, size, fit=fit) for image in images])


def near_duplicates(images: np.ndarray, *, distance: float = NEAR) -> np.ndarray:
    """Groups of pictures that nearly are the same, such as a burst of one hand.

    Two pictures are joined if, at 16 by 16 pixels, their root mean square difference
    is below `distance`; so are those that a chain of such pairs connects.

    Args:
        images: uint8 `(num_images, height, width, 3)`.
        distance: grey levels, of 255.

    Returns:
        int `(num_images,)`: the number of each picture's group.
    """
    small = resize_all(images, 16).reshape(len(images), -1).astype("float32")
    squares = (small**2).mean(axis=1)
    parent = np.arange(len(images))

    def root(index):
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first in range(0, len(images), 1024):  # a part of the matrix at a time
        part = slice(first, first + 1024)
        gram = small[part] @ small.T / small.shape[1]
        squared = squares[part, None] + squares - 2 * gram
        for row, column in np.argwhere(squared < distance**2):
            one, other = root(first + row), root(column)
            parent[max(one, other)] = min(one, other)
    roots = [root(index) for index in range(len(images))]
    return np.unique(roots, return_inverse=True)[1]


def split_validation(
    rng: np.random.Generator, data: LabelledImages, share: float
) -> tuple[LabelledImages, LabelledImages]:
    """Training and validation pictures; what nearly is the same stays together.

    Groups of near duplicates, and of pictures in one folder within that of a class, go
    to validation whole, class by class, until it has its share. A class of several
    groups keeps one at least on both sides.

    Args:
        rng: shuffles the groups.
        data: what to split.
        share: of the pictures for validation, between 0 and 1.

    Returns:
        `(training, validation)`.
    """
    if not 0 <= share < 1:
        raise ValueError(f"`share` must be from 0 to below 1. Received: {share}.")
    groups = near_duplicates(data.images)
    for folder in np.unique(data.groups[data.groups >= 0]):
        joined = np.isin(groups, groups[data.groups == folder])
        groups[joined] = groups[joined].min()
    held = np.zeros(len(data), bool)
    for label in range(len(data.class_names)):
        mine = data.labels == label
        wanted = share * mine.sum()
        candidates = rng.permutation(np.unique(groups[mine & ~held]))
        for number, group in enumerate(candidates):
            if (held & mine).sum() >= wanted - 0.5 or number == len(candidates) - 1:
                break
            held |= groups == group
    return data.subset(~held), data.subset(held)


def nearest_neighbor_accuracy(training: LabelledImages, test: LabelledImages) -> float:
    """Share of test pictures whose nearest training picture has their class.

    The distance is Euclidean, of the pixels as they are: what a network must beat.
    """
    known = training.images.reshape(len(training), -1).astype("float32")
    asked = resize_all(test.images, training.images.shape[1])
    asked = asked.reshape(len(test), -1).astype("float32")
    squared = (known**2).sum(axis=1) - 2 * asked @ known.T
    return float((training.labels[squared.argmin(axis=1)] == test.labels).mean())


def _read_h5_files(folder, files, dataset):
    sets: dict[str, list[Path]] = {}
    for file in files:
        split, _, name = file.stem.partition("_")
        if split in SPLITS and name:
            sets.setdefault(name, []).append(file)
    if not sets:
        raise ValueError(
            f"The h5 files in {folder} must be called train_NAME.h5 and test_NAME.h5. "
            f"Received: {', '.join(file.name for file in files)}."
        )
    if dataset is None and len(sets) > 1:
        raise ValueError(
            f"{folder} holds several datasets: {', '.join(sorted(sets))}. Choose one "
            "with --dataset."
        )
    name = dataset or next(iter(sets))
    if name not in sets:
        raise ValueError(
            f"{folder} has no dataset {name!r}. Choose one of "
            f"{', '.join(sorted(sets))}."
        )
    found = {}
    for file in sets[name]:
        found |= _read_h5(file)
    return {split: found[split] for split in SPLITS if split in found}


def _read_h5(path):
    try:
        with h5py.File(path) as file:
            arrays = {
                name: file[name][()] for name in file if hasattr(file[name], "shape")
            }
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {TRUNCATED}. ({error})") from None
    found = {}
    for split in SPLITS:
        names = (f"{split}_set_x", f"{split}_set_y")
        if all(name in arrays for name in names):
            images, labels = (arrays[name] for name in names)
            class_names = _class_names(arrays.get("list_classes"), labels)
            found[split] = _check_arrays(path, names, images, labels, class_names)
    if not found:
        raise ValueError(
            f"{path} must hold train_set_x and train_set_y, or test_set_x and "
            f"test_set_y. It holds: {', '.join(arrays) or 'nothing'}."
        )
    return found


def _class_names(listed, labels):
    if listed is None:
        return tuple(str(number) for number in range(int(np.max(labels)) + 1))
    return tuple(
        name.decode() if isinstance(name, bytes) else str(name)
        for name in np.ravel(listed).tolist()
    )


def _check_arrays(path, names, images, labels, class_names):
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"{names[0]} in {path} must be whole numbers from 0 to 255 of the shape "
            f"(images, height, width, 3). Received: {images.dtype}, {images.shape}."
        )
    labels = np.ravel(labels)
    if len(labels) != len(images):
        raise ValueError(
            f"{path} must have one label an image. Received: {len(images)} images, "
            f"{len(labels)} labels."
        )
    if not len(labels):
        raise ValueError(f"{names[0]} in {path} holds no image.")
    wrong = np.flatnonzero(~np.isin(labels, np.arange(len(class_names))))
    if len(wrong):
        raise ValueError(
            f"The labels in {path} must be whole numbers from 0 to "
            f"{len(class_names) - 1}, one for each of its list_classes. Received: "
            f"{names[1]}[{wrong[0]}] = {labels[wrong[0]]}."
        )
    return from_arrays(images, labels, class_names, path.name)


def _read_folders(path, dataset, size, fit, on_error, skipped, progress):
    if dataset is not None:
        path = path / dataset
        if not path.is_dir():
            raise FileNotFoundError(f"No such folder: {path}. Expected {LAYOUT}.")
    names = [split for split in SPLITS if (path / split).is_dir()]
    roots = {name: path / name for name in names} or {"train": path}
    return {
        name: _read_classes(root, size, fit, on_error, skipped, progress)
        for name, root in roots.items()
    }


def _read_classes(root, size, fit, on_error, skipped, progress):
    folders = sorted(
        folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] != "."
    )
    if not folders:
        raise FileNotFoundError(f"No pictures in {root}. Expected {LAYOUT}.")
    listed = []
    for label, folder in enumerate(folders):
        pictures = image_file.find(folder)
        if not pictures:
            raise ValueError(
                f"The class {folder.name} has no picture: {folder} holds no file that "
                f"ends in {', '.join(sorted(image_file.SUFFIXES))}. Remove the folder "
                "or fill it."
            )
        listed += [(file, label, file.parent != folder) for file in pictures]
    parents: dict[Path, int] = {}
    images, labels, sources, groups = [], [], [], []
    for file, label, is_nested in progress(listed) if progress else listed:
        try:
            images.append(image_file.read(file, size=size, fit=fit))
        except (ValueError, OSError, cv2.error) as error:
            if on_error == "fail":
                raise
            if skipped is not None:
                skipped(str(error))
            continue
        labels.append(label)
        sources.append(file.relative_to(root).as_posix())
        group = parents.setdefault(file.parent, len(parents)) if is_nested else -1
        groups.append(group)
    for label, folder in enumerate(folders):
        if label not in labels:
            raise ValueError(
                f"The class {folder.name} has no picture that can be read."
            )
    return LabelledImages(
        np.stack(images),
        np.array(labels, "int64"),
        tuple(folder.name for folder in folders),
        tuple(sources),
        np.array(groups),
    )
