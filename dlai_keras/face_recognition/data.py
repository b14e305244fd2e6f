"""Pictures of people: a folder for each, pairs of them, and splits by person.

A recogniser is for people whom it never saw. So whatever is split here, for a test or
for folds of a cross-validation, is split by person: nobody has pictures on both sides.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import images as image_file

SUFFIXES = image_file.SUFFIXES | {".pgm"}  # ORL's
LAYOUT = (
    "one folder of pictures a person, NAME/1.jpg (or .png, .pgm ...), or a folder that "
    "holds such as face_recognition/DATASET"
)
PAIRS_LAYOUT = (
    "lines `NAME NUMBER NUMBER` for two pictures of one person and `NAME NUMBER NAME "
    "NUMBER` for those of two, below a first line with the number of folds and that of "
    "pairs of each kind in a fold, as LFW's pairs.txt has it"
)


@dataclass(frozen=True, eq=False)
class People:
    """Pictures of people, in memory or as files that are read when they are wanted.

    Attributes:
        images: uint8 RGB `(height, width, 3)` each, of any size, or the path of a file.
        labels: int32 `(num_pictures,)`: whose picture it is, an index of `names`.
        names: what people are called.
        landmarks: float32 `(num_pictures, 5, 2)`: x and y, in pixels, of the left and
            the right eye as one sees them, the tip of the nose, the left and the right
            corner of the mouth; None where nobody knows.

    Raises:
        ValueError: labels or landmarks do not fit the pictures or the names.

    Example:
        >>> images = [np.zeros((4, 4, 3), "uint8")] * 3
        >>> people = People(images, [0, 0, 1], ["Ann", "Bo"])
        >>> len(people), people.of_people([0]).labels.tolist(), people.paths
        (3, [0, 0], None)
    """

    images: list[np.ndarray | Path]
    labels: np.ndarray
    names: list[str]
    landmarks: np.ndarray | None = None

    def __post_init__(self):
        images = [Path(one) if isinstance(one, str) else one for one in self.images]
        labels = np.asarray(self.labels).reshape(-1).astype("int32")
        if len(labels) != len(images):
            raise ValueError(
                f"`labels` must have one value for each of the {len(images)} pictures. "
                f"Received: {len(labels)}."
            )
        wrong = (labels < 0) | (labels >= len(self.names))
        if wrong.any():
            raise ValueError(
                f"`labels` must be from 0 to {len(self.names) - 1}, indices of the "
                f"{len(self.names)} names. Received: {labels[wrong.argmax()]}."
            )
        values = {"images": images, "labels": labels, "names": list(self.names)}
        if self.landmarks is not None:
            values["landmarks"] = np.asarray(self.landmarks, "float32")
            if values["landmarks"].shape != (len(images), 5, 2):
                raise ValueError(
                    f"`landmarks` must have the shape ({len(images)}, 5, 2). Received: "
                    f"{values['landmarks'].shape}."
                )
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.images)

    @property
    def paths(self) -> list[Path] | None:
        """The files; None where a picture is in memory only."""
        if all(isinstance(image, Path) for image in self.images):
            return list(self.images)
        return None

    @property
    def num_people(self) -> int:
        """How many people have a picture here."""
        return len(np.unique(self.labels))

    def read(self, index: int) -> np.ndarray:
        """A picture, uint8 RGB `(height, width, 3)`; a grey file has three equal parts.

        Raises:
            FileNotFoundError: the file has gone.
            ValueError: the file is broken; its name is in the message.
        """
        image = self.images[index]
        return image_file.read(image) if isinstance(image, Path) else image

    def name_of(self, index: int) -> str:
        """Whose picture this is, in words."""
        return self.names[self.labels[index]]

    def subset(self, indices: Sequence[int] | np.ndarray) -> "People":
        """The pictures with these indices, or where this mask is true.

        Labels and names stay what they are, so that a person keeps the number.
        """
        indices = np.asarray(indices)
        chosen = np.arange(len(self))[indices if indices.size else slice(0)]
        return replace(
            self,
            images=[self.images[index] for index in chosen],
            labels=self.labels[chosen],
            landmarks=None if self.landmarks is None else self.landmarks[chosen],
        )

    def of_people(self, labels: Iterable[int]) -> "People":
        """All pictures of these people."""
        return self.subset(np.isin(self.labels, list(labels)))

    def with_pictures(self, least: int) -> "People":
        """The people with at least so many pictures."""
        counts = np.bincount(self.labels, minlength=len(self.names))
        return self.subset(counts[self.labels] >= least)


def load_people(
    path: str | Path,
    *,
    dataset: str | None = None,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> People:
    """Finds the pictures of people; they are read later, one by one.

    Args:
        path: a folder with one folder of pictures for each person; a folder of such
            folders; or one that has them as `face_recognition/`.
        dataset: which, where there are several.
        on_error: `"fail"`: a folder without a picture is an error at once, a broken
            file when it is read. `"skip"`: every file is read once, and what is broken
            or empty is left out.
        skipped: told what is left out and why, one message each.
        progress: wraps the list of files that are looked at, to show a bar.

    Returns:
        `People` with `paths`, by name of person and of file. Somebody with one picture
        is among them: that is enough to be told from others.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: there are several datasets, or a folder is empty.
    """
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    folder = find_people(path, dataset=dataset)
    tell = skipped or (lambda message: None)
    found = {one.name: _pictures_in(one) for one in _folders_in(folder)}
    for name in [name for name, pictures in found.items() if not pictures]:
        message = (
            f"{folder / name} holds no picture of {name}. Expected files that end in "
            f"{', '.join(sorted(SUFFIXES))}; fill the folder or remove it."
        )
        if on_error == "fail":
            raise ValueError(message)
        tell(message)
    if on_error == "skip":
        listed = [(name, file) for name, files in found.items() for file in files]
        found = {name: [] for name in found}
        for name, file in progress(listed) if progress else listed:
            try:
                image_file.read(file)
                found[name].append(file)
            except (ValueError, OSError, cv2.error) as error:
                tell(str(error))
        found = {name: pictures for name, pictures in found.items() if pictures}
    if not found:
        raise ValueError(f"{folder} holds no picture that can be read.")
    counts = [len(pictures) for pictures in found.values()]
    images = [file for pictures in found.values() for file in pictures]
    return People(images, np.repeat(np.arange(len(found)), counts), list(found))


def find_people(path: str | Path, *, dataset: str | None = None) -> Path:
    """The folder whose folders are people.

    Args:
        path: that folder; or one or two levels above it, see `load_people`.
        dataset: its name, where there are several.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: there are several, and `dataset` is none of them.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No such folder: {path}. Expected {LAYOUT}.")
    if not path.is_dir():
        raise ValueError(f"Expected {LAYOUT}. Received the file {path}.")
    if (path / "face_recognition").is_dir():
        path = path / "face_recognition"
    sets = [one for one in _folders_in(path) if _has_people(one)]
    if not sets:
        if dataset is not None and path.name != dataset:
            raise ValueError(f"{path} has no dataset {dataset!r}. Expected {LAYOUT}.")
        if not _folders_in(path):
            raise FileNotFoundError(f"No people in {path}. Expected {LAYOUT}.")
        if not _has_people(path):
            raise FileNotFoundError(f"No pictures in {path}. Expected {LAYOUT}.")
        return path
    names = [one.name for one in sets]
    if dataset is None and len(sets) > 1:
        raise ValueError(
            f"{path} holds several datasets: {', '.join(names)}. Choose one with "
            "--dataset."
        )
    if dataset is not None and dataset not in names:
        raise ValueError(
            f"{path} has no dataset {dataset!r}. Choose one of {', '.join(names)}."
        )
    return path / (dataset or names[0])


def _folders_in(folder):
    return sorted(
        one for one in folder.iterdir() if one.is_dir() and one.name[0] != "."
    )


def _pictures_in(folder):
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and file.name[0] != "." and file.is_file()
    )


def _has_people(folder):
    return any(_pictures_in(one) for one in _folders_in(folder))


# Pairs


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures, to be told whether they show one person.

    Attributes:
        first: the files on the one side.
        second: those on the other.
        same: bool `(num_pairs,)`: they show one person.
        fold: int32 `(num_pairs,)`, from 0: the part of the list that a pair is in.
        num_missing: pairs of the list that are left out, since a file is not there.
    """

    first: list[Path]
    second: list[Path]
    same: np.ndarray
    fold: np.ndarray
    num_missing: int = 0

    def __len__(self):
        return len(self.first)


def load_pairs(pairs_txt: str | Path, folder: str | Path) -> Pairs:
    """Reads a list of pairs as LFW's `pairs.txt` is one.

    Its first line has the number of folds and of pairs of each kind in a fold, then
    come, fold by fold, the pairs of one person and those of two. A file may have one
    number there (one fold, as `pairsDevTest.txt`), or no such line: then a fold ends
    where pairs of one person follow those of two.

    Args:
        pairs_txt: the list.
        folder: where picture 7 of NAME is NAME/NAME_0007.jpg; other suffixes will do,
            and so do the folders around it that `load_people` takes.

    Returns:
        `Pairs` whose two files are there; the others are counted.

    Raises:
        FileNotFoundError: no list, no folder, or none of its pictures.
        ValueError: a line is none of a list, or lines are missing.

    Reference:
        - Huang et al., "Labeled Faces in the Wild", 2007, "View 2".
    """
    pairs_txt, folder = Path(pairs_txt), Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No such folder: {folder}. Expected {LAYOUT}.")
    listed, folds = _read_pairs(pairs_txt)
    roots = [folder]
    for above in (folder / "face_recognition", folder):
        if above.is_dir():
            roots += _folders_in(above)
    # Of several data sets it is the one with people of the list.
    people = {name for pair in listed for name, _ in pair}
    root = max(
        roots, key=lambda one: len(people & {inner.name for inner in _folders_in(one)})
    )
    pictures = {name: _pictures_by_stem(root / name) for name in people}
    files = {
        (name, number): pictures[name].get(f"{name}_{number:04d}")
        for pair in listed
        for name, number in pair
    }
    kept = [index for index, (a, b) in enumerate(listed) if files[a] and files[b]]
    if not kept:
        raise FileNotFoundError(
            f"None of the {len(listed)} pairs of {pairs_txt} has its pictures in "
            f"{folder}. Expected files such as "
            f"{'{0}/{0}_{1:04d}.jpg'.format(*listed[0][0])}."
        )
    pairs = [listed[index] for index in kept]
    return Pairs(
        [files[a] for a, _ in pairs],
        [files[b] for _, b in pairs],
        np.array([a[0] == b[0] for a, b in pairs]),
        np.asarray(folds, "int32")[kept],
        len(listed) - len(kept),
    )


def _pictures_by_stem(folder):
    return {file.stem: file for file in _pictures_in(folder)} if folder.is_dir() else {}


def _read_pairs(path):
    """Returns pairs of (name, number), and the fold of each."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text. Expected {PAIRS_LAYOUT}.") from None
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    rows = [(number, words) for number, words in rows if words]
    num_folds = num_pairs = None
    if rows and len(rows[0][1]) <= 2:
        words = rows.pop(0)[1]
        if not all(word.isdecimal() and int(word) > 0 for word in words):
            raise ValueError(
                f"{path}, line 1: expected {PAIRS_LAYOUT}. Received: {' '.join(words)}."
            )
        num_folds, num_pairs = map(int, words if len(words) == 2 else (1, *words))
    listed = [_pair_of(path, number, words) for number, words in rows]
    if not listed:
        raise ValueError(f"{path} lists no pairs. Expected {PAIRS_LAYOUT}.")
    same = np.array([a[0] == b[0] for a, b in listed])
    if num_folds is None:
        return listed, np.cumsum(np.diff(same.astype(int), prepend=same[0]) > 0)
    expected = np.tile(np.repeat([True, False], num_pairs), num_folds)
    if len(same) != len(expected):
        raise ValueError(
            f"{path} must have {len(expected)} pairs below its first line, "
            f"{num_folds} x 2 x {num_pairs}. Received: {len(same)}."
        )
    if (same != expected).any():
        first = int((same != expected).argmax())
        kind = "one person" if expected[first] else "two people"
        raise ValueError(
            f"{path}, line {rows[first][0]}: expected a pair of {kind}, as each fold "
            f"has {num_pairs} pairs of one person and then {num_pairs} of two. "
            f"Received: {' '.join(rows[first][1])}."
        )
    return listed, np.repeat(np.arange(num_folds), 2 * num_pairs)


def _pair_of(path, line, words):
    numbers = words[1::2] if len(words) == 4 else words[1:]
    if len(words) not in {3, 4} or not all(one.isdecimal() for one in numbers):
        raise ValueError(
            f"{path}, line {line}: expected {PAIRS_LAYOUT}. Received: "
            f"{' '.join(words)[:80]}."
        )
    one, other = map(int, numbers)
    return (words[0], one), (words[2] if len(words) == 4 else words[0], other)


def all_pairs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of pictures once.

    Args:
        labels: int `(num_pictures,)`.

    Returns:
        Indices of the first and of the second picture, int `(num_pairs,)`, first below
        second, and whether they show one person, bool `(num_pairs,)`.

    Example:
        >>> first, second, same = all_pairs([4, 4, 7])
        >>> first.tolist(), second.tolist(), same.tolist()
        ([0, 0, 1], [1, 2, 2], [True, False, False])
    """
    labels = np.asarray(labels)
    first, second = np.triu_indices(len(labels), 1)
    return first, second, labels[first] == labels[second]


# Splits


def split_people(
    labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps a share of the people back, with all their pictures.

    Args:
        labels: int `(num_pictures,)`.
        share: of the people who are kept back, between 0 and 1; one at least, and one
            at least stays.
        seed: 0 or more; draws who.

    Returns:
        Indices of the pictures that stay and of those kept back, int, in order.

    Raises:
        ValueError: there is one person only, or `share` is out of its range.

    Example:
        >>> train, test = split_people([5, 5, 8, 9, 9, 9], 0.34, seed=0)
        >>> train.tolist(), test.tolist()
        ([0, 1, 2], [3, 4, 5])
    """
    labels, people = _shuffled_people(labels, seed, 2)
    if not 0 < share < 1:
        raise ValueError(f"`share` must be between 0 and 1. Received: share={share}.")
    num = min(max(round(share * len(people)), 1), len(people) - 1)
    kept_back = np.isin(labels, people[:num])
    return np.flatnonzero(~kept_back), np.flatnonzero(kept_back)


def folds_of_people(
    labels: np.ndarray, num_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits for a cross-validation, in which everybody is kept back once.

    Args:
        labels: int `(num_pictures,)`.
        num_folds: 2 or more, at most one for each person.
        seed: 0 or more; draws who is kept back together.

    Returns:
        For each fold the indices of the pictures that stay and of those kept back, as
        `split_people`. Folds differ by one person at most.

    Raises:
        ValueError: `num_folds` is out of its range.

    Example:
        >>> folds = folds_of_people([0, 0, 1, 2, 2], 3, seed=0)
        >>> [test.tolist() for _, test in folds]
        [[3, 4], [0, 1], [2]]
    """
    labels, people = _shuffled_people(labels, seed, 2)
    if not 2 <= num_folds <= len(people):
        raise ValueError(
            f"`num_folds` must be from 2 to {len(people)}, the number of people. "
            f"Received: num_folds={num_folds}."
        )
    folds = []
    for first in range(num_folds):
        kept_back = np.isin(labels, people[first::num_folds])
        folds.append((np.flatnonzero(~kept_back), np.flatnonzero(kept_back)))
    return folds


def _shuffled_people(labels, seed, least):
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    labels = np.asarray(labels).reshape(-1)
    people = np.unique(labels)
    if len(people) < least:
        raise ValueError(
            f"A split by person needs {least} people or more. Received: {len(people)}."
        )
    return labels, np.random.default_rng(seed).permutation(people)
