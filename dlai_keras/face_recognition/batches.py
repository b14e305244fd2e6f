"""Batches of several pictures of several people, and of pairs, for `fit`."""

import functools
import math
from dataclasses import dataclass

import cv2
import keras
import numpy as np

from dlai_keras.face_recognition.data import People

_KEPT_BYTES = 2**27  # of decoded pictures; 4,000 of 112 x 96 pixels


@dataclass(frozen=True)
class Augmentation:
    """How far pictures may be changed, each on its own.

    Attributes:
        mirror: whether half of them change left and right.
        shift: largest shift either way, as a share of height and width; edges repeat.
        rotation: largest angle either way, degrees.
        zoom: largest change of size; 0.1 means from 1 / 1.1 to 1.1.
        brightness: largest gain; 0.2 means from 1 / 1.2 to 1.2.
        contrast: the same for the contrast about the picture's mean.

    Raises:
        ValueError: a bound is below 0 or not finite.

    Example:
        >>> Augmentation(rotation=5).mirror
        True
    """

    mirror: bool = True
    shift: float = 0.04
    rotation: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.2
    contrast: float = 0.0

    def __post_init__(self):
        for name in ("shift", "rotation", "zoom", "brightness", "contrast"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"`{name}` must be 0 or more and finite. Received: "
                    f"{name}={getattr(self, name)}."
                )


def augment(
    rng: np.random.Generator, image: np.ndarray, augmentation: Augmentation
) -> np.ndarray:
    """A picture as another camera might have taken it.

    Args:
        rng: draws the same numbers whatever is switched on.
        image: uint8 RGB `(height, width, 3)`.
        augmentation: how far.

    Returns:
        uint8 of the same shape; the picture given stays as it is.

    Example:
        >>> image = np.full((112, 96, 3), 100, "uint8")
        >>> changed = augment(np.random.default_rng(0), image, Augmentation())
        >>> changed.shape, int(changed[0, 0, 0])
        ((112, 96, 3), 112)
    """
    height, width = image.shape[:2]
    x, y, turn, size, gain, contrast = rng.uniform(-1, 1, 6)
    mirror = rng.random() < 0.5 and augmentation.mirror
    # Whole pixels: a shift and a mirror alone do not blur.
    shift = np.round(augmentation.shift * np.array([x * width, y * height]))
    angle = math.radians(turn * augmentation.rotation)
    factor = math.exp(size * math.log1p(augmentation.zoom))
    if mirror or shift.any() or angle or factor != 1:
        cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        if mirror:
            linear[:, 0] = -linear[:, 0]
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        offset = middle - linear @ middle + shift
        image = cv2.warpAffine(
            image,
            np.concatenate([linear, offset[:, None]], axis=1),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    gain = math.exp(gain * math.log1p(augmentation.brightness))
    contrast = math.exp(contrast * math.log1p(augmentation.contrast))
    if gain == contrast == 1:
        return image.copy()
    mean = image.mean()
    values = ((np.arange(256) - mean) * contrast + mean) * gain
    return cv2.LUT(image, np.clip(np.round(values), 0, 255).astype("uint8"))


class _Sequence(keras.utils.PyDataset):
    """Pictures of people; a batch depends on `(seed, epoch, index)` alone."""

    def __init__(self, people, size, augmentation, seed, epoch):
        # Threads make the next batches during a step. On the other backends Keras would
        # keep some of one epoch's for the next.
        workers = 2 if keras.backend.backend() == "tensorflow" else 1
        super().__init__(workers=workers, max_queue_size=4)
        if not len(people):
            raise ValueError("`people` must hold a picture or more. Received: none.")
        self.people = people
        self.size = tuple(people.read(0).shape[:2] if size is None else size)
        if len(self.size) != 2 or not all(int(s) == s and s > 0 for s in self.size):
            raise ValueError(
                "`size` must be height and width in pixels, (112, 96) say. Received: "
                f"size={size}."
            )
        self.augmentation = augmentation
        self.seed, self.epoch = seed, epoch
        labels, self._numbers = np.unique(people.labels, return_inverse=True)
        self.labels = labels
        self._pictures_of = [
            np.flatnonzero(self._numbers == number) for number in range(len(labels))
        ]
        num_kept = _KEPT_BYTES // (3 * math.prod(self.size))
        self._picture = functools.lru_cache(num_kept)(self._read)

    def _read(self, index):
        image = self.people.read(int(index))
        height, width = self.size
        if image.shape[:2] == self.size:
            return image
        # Areas are averaged on the way down; on the way up that would be blocks.
        smaller = height < image.shape[0] or width < image.shape[1]
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return cv2.resize(image, (width, height), interpolation=way)

    def _rng(self, purpose, number, epoch):
        return np.random.default_rng((self.seed, epoch, purpose, number))

    def _images(self, rng, indices):
        images = np.empty((len(indices), *self.size, 3), "uint8")
        for place, index in enumerate(indices):
            image = self._picture(index)
            if self.augmentation is not None:
                image = augment(rng, image, self.augmentation)
            images[place] = image
        return images

    def on_epoch_end(self):
        """Moves on to the next epoch's order."""
        self.epoch += 1


_PEOPLE, _PICTURES, _CHANGES = range(3)  # what a generator is for


class PeopleSequence(_Sequence):
    """Batches of P people with K pictures each, as triplet losses want them.

    An epoch has some rounds; in each every person comes once, in a new order, with the
    next K of their pictures, which each epoch shuffles. Thus all people count alike,
    however many pictures there are of them; who has more shows others the next time.
    The K pictures differ wherever a person has K; who has fewer repeats some, and who
    has one repeats it, changed by the augmentation: no use as a positive, yet good as
    a negative. `min_pictures=2` leaves such people out.

    A batch is `(images, labels)`: uint8 `(P * K, height, width, 3)` and int32
    `(P * K,)`, a person's pictures one after another. Labels count the people of
    `people` from 0 in the order of their own labels, which `labels` holds.

    Args:
        people: pictures and whose they are.
        num_people: P, people in a batch.
        num_pictures: K, pictures of each.
        size: height and width, pixels; other pictures are resized. None: those of the
            first picture.
        augmentation: how pictures are changed; None leaves them as they are.
        min_pictures: who has fewer is left out.
        rounds: in an epoch; None shows as many pictures as there are, about.
        seed: of the order and the changes.
        epoch: the first one.

    Raises:
        ValueError: there are too few people, or an argument is out of its range.

    Example:
        >>> pictures = np.zeros((12, 8, 6, 3), "uint8")
        >>> sequence = PeopleSequence(
        ...     People(list(pictures), np.repeat(np.arange(3), 4), ["a", "b", "c"]),
        ...     num_people=2,
        ...     num_pictures=2,
        ... )
        >>> images, labels = sequence[0]
        >>> images.shape, len(set(labels.tolist())), sequence.num_batches
        ((4, 8, 6, 3), 2, 4)

    Reference:
        - Hermans et al., 2017, "In defense of the triplet loss", section 2.
    """

    def __init__(
        self,
        people: People,
        *,
        num_people: int = 8,
        num_pictures: int = 4,
        size: tuple[int, int] | None = None,
        augmentation: Augmentation | None = None,
        min_pictures: int = 1,
        rounds: int | None = None,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(people, size, augmentation, seed, epoch)
        enough = [
            number
            for number, pictures in enumerate(self._pictures_of)
            if len(pictures) >= min_pictures
        ]
        if not 2 <= num_people <= len(enough):
            raise ValueError(
                f"`num_people` must be from 2 to the number of people, {len(enough)} "
                f"with {min_pictures} pictures or more. Received: "
                f"num_people={num_people}."
            )
        if num_pictures < 2:
            raise ValueError(
                "`num_pictures` must be 2 or more: one person's pictures are compared. "
                f"Received: num_pictures={num_pictures}."
            )
        self._chosen = np.array(enough)
        num_shown = sum(len(self._pictures_of[number]) for number in enough)
        if rounds is None:
            rounds = -(-num_shown // (len(enough) * num_pictures))
        if rounds < 1:
            raise ValueError(f"`rounds` must be 1 or more. Received: {rounds}.")
        self.num_people, self.num_pictures = num_people, num_pictures
        self.rounds = rounds

    @property
    def _batches_of_round(self):
        return -(-len(self._chosen) // self.num_people)

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        return self.rounds * self._batches_of_round

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch = self.epoch
        number, part = divmod(index, self._batches_of_round)
        order = self._rng(_PEOPLE, number, epoch).permutation(self._chosen)
        # The last batch is filled up from the round's beginning: one shape, one
        # compilation, and nobody comes twice, since there are num_people or more.
        start = part * self.num_people
        numbers = order[np.arange(start, start + self.num_people) % len(order)]
        indices = []
        for person in numbers:
            pictures = self._rng(_PICTURES, int(person), epoch).permutation(
                self._pictures_of[person]
            )
            start = number * self.num_pictures
            places = np.arange(start, start + self.num_pictures) % len(pictures)
            indices.extend(pictures[places])
        images = self._images(self._rng(_CHANGES, index, epoch), indices)
        return images, self._numbers[indices].astype("int32")


class PairSequence(_Sequence):
    """Batches of pairs, one half of one person and the other half of two people.

    For `SiameseHead` and `ContrastiveLoss`. Each epoch goes through the pictures in a
    new order, for either half; the second picture is drawn: another one of the same
    person, all of theirs alike, or one of another person, all people alike. People
    with one picture are in pairs of two people only.

    A batch is `((first, second), same)`: twice uint8 `(batch_size, height, width, 3)`,
    and float32 `(batch_size,)`, 1 for one person.

    Args:
        people: pictures and whose they are.
        batch_size: pairs in a batch; of an odd number one more is of two people.
        size: height and width, pixels; other pictures are resized. None: those of the
            first picture.
        augmentation: how pictures are changed; None leaves them as they are.
        seed: of the order and the changes.
        epoch: the first one.

    Raises:
        ValueError: there are fewer than two people or none with two pictures, or an
            argument is out of its range.

    Example:
        >>> pictures = np.zeros((12, 8, 6, 3), "uint8")
        >>> people = People(list(pictures), np.repeat(np.arange(3), 4), ["a", "b", "c"])
        >>> (first, second), same = PairSequence(people, batch_size=4)[0]
        >>> first.shape, second.shape, same
        ((4, 8, 6, 3), (4, 8, 6, 3), array([1., 1., 0., 0.], dtype=float32))

    Reference:
        - Course 4, week 4, "Face verification and binary classification".
    """

    def __init__(
        self,
        people: People,
        *,
        batch_size: int = 32,
        size: tuple[int, int] | None = None,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(people, size, augmentation, seed, epoch)
        if batch_size < 2:
            raise ValueError(f"`batch_size` must be 2 or more. Received: {batch_size}.")
        counts = np.array([len(pictures) for pictures in self._pictures_of])
        if len(counts) < 2 or counts.max() < 2:
            raise ValueError(
                "Pairs need two people or more, and one with two pictures or more. "
                f"Received: {len(counts)} people with up to {counts.max()} pictures."
            )
        self.batch_size = batch_size
        self._paired = np.flatnonzero(counts[self._numbers] > 1)

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        return -(-len(self.people) // self.batch_size)

    def __getitem__(self, index: int) -> tuple:
        epoch = self.epoch
        num_same = self.batch_size // 2
        num_other = self.batch_size - num_same
        same = self._anchors(self._paired, index, num_same, 0, epoch)
        other = self._anchors(np.arange(len(self.people)), index, num_other, 1, epoch)
        rng = self._rng(_PICTURES, index, epoch)
        seconds = []
        for anchor in same:
            pictures = self._pictures_of[self._numbers[anchor]]
            seconds.append(rng.choice(pictures[pictures != anchor]))
        for anchor in other:
            person = rng.integers(len(self.labels) - 1)
            person += person >= self._numbers[anchor]
            seconds.append(rng.choice(self._pictures_of[person]))
        rng = self._rng(_CHANGES, index, epoch)
        first = self._images(rng, [*same, *other])
        targets = np.repeat(np.array([1, 0], "float32"), [num_same, num_other])
        return (first, self._images(rng, seconds)), targets

    def _anchors(self, pictures, index, num, half, epoch):
        """The next ones of an epoch's order, from its beginning again at its end."""
        order = self._rng(_PEOPLE, half, epoch).permutation(pictures)
        return order[np.arange(index * num, (index + 1) * num) % len(order)]
