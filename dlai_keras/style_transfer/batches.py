"""Pictures as batches for `fit`: one batch again and again, random crops, pairs."""

from collections.abc import Mapping, Sequence

import cv2
import keras
import numpy as np

ZOOM = 2.0  # the largest crop has this times the side of the smallest


class Repeated(keras.utils.PyDataset):
    """The same batch in every step: what changes is the picture within the model.

    The arrays are handed out as they are, never copied.

    Args:
        x: inputs of the model, an array or a structure of arrays.
        y: targets, an array or a structure of arrays.
        steps: how many times.

    Raises:
        ValueError: `steps` is less than 1.

    Example:
        >>> repeated = Repeated(np.zeros((1, 1)), np.ones((1, 3)), steps=100)
        >>> repeated.num_batches, repeated[0] is repeated[99]
        (100, True)
    """

    def __init__(self, x, y, steps: int):
        super().__init__()
        if steps < 1:
            raise ValueError(f"`steps` must be 1 or more. Received: steps={steps}.")
        self.steps = steps
        self._batch = (x, y)

    @property
    def num_batches(self) -> int:
        """How many times."""
        return self.steps

    def __getitem__(self, index: int) -> tuple:
        return self._batch


def random_crop(rng: np.random.Generator, picture: np.ndarray, size: int):
    """A square part of a picture, of random place and size, mirrored half of the time.

    The part has between half of the shorter side and all of it, and no fewer pixels
    than it will have: a picture is made smaller, or stays as it is, unless all of it
    is too small.

    Args:
        rng: draws size, place and mirroring.
        picture: uint8 RGB `(height, width, 3)`.
        size: height and width of the result, pixels.

    Returns:
        uint8 RGB `(size, size, 3)`.

    Example:
        >>> picture = np.zeros((90, 120, 3), "uint8")
        >>> random_crop(np.random.default_rng(0), picture, 64).shape
        (64, 64, 3)
    """
    height, width = picture.shape[:2]
    short = min(height, width)
    least = min(short, max(size, short / ZOOM))
    side = max(1, round(rng.uniform(least, short)))
    top = rng.integers(height - side + 1)
    left = rng.integers(width - side + 1)
    crop = picture[top : top + side, left : left + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    # Areas are averaged on the way down; on the way up that would be blocks.
    way = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(crop), (size, size), interpolation=way)


class _Crops(keras.utils.PyDataset):
    """Random crops; what a batch holds depends on `(seed, epoch, index)` alone."""

    def __init__(self, pictures, size, batch_size, steps, targets, seed, epoch):
        # Threads make the next batches during a step. On the other backends Keras would
        # keep some of one epoch's for the next.
        workers = 2 if keras.backend.backend() == "tensorflow" else 1
        super().__init__(workers=workers, max_queue_size=4)
        if not len(pictures):
            raise ValueError("There must be one picture or more. Received: none.")
        for name, value in (("size", size), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
        if steps is not None and steps < 1:
            raise ValueError(f"`steps` must be 1 or more. Received: steps={steps}.")
        self.pictures = pictures
        self.size, self.batch_size = size, batch_size
        self.steps = steps or -(-len(pictures) // batch_size)
        self.targets = {
            name: np.repeat(np.asarray(target, "float32"), batch_size, axis=0)
            for name, target in (targets or {}).items()
        }
        self.seed, self.epoch = seed, epoch

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        return self.steps

    def on_epoch_end(self):
        """Moves on to the next epoch's order."""
        self.epoch += 1

    def __getitem__(self, index):
        epoch = self.epoch
        start = (epoch * self.steps + index) * self.batch_size
        rng = np.random.default_rng((self.seed, epoch, index))
        inputs = self._inputs(rng, start)
        return (inputs, self.targets) if self.targets else (inputs,)

    def _crops(self, rng, pictures, purpose, start):
        """The next ones: all pictures once in an order, then all in another."""
        crops = np.empty((self.batch_size, self.size, self.size, 3), "float32")
        for place in range(self.batch_size):
            round_, number = divmod(start + place, len(pictures))
            order = np.random.default_rng((self.seed, purpose, round_))
            chosen = order.permutation(len(pictures))[number]
            picture = np.asarray(pictures[int(chosen)])
            crops[place] = random_crop(rng, picture, self.size)
        crops /= 255
        return crops


class PictureSequence(_Crops):
    """Random crops of pictures, each with the same targets: for `transfer_trainer`.

    All pictures come once before any comes again. What a batch holds depends on
    `(seed, epoch, index)` alone, so a training that goes on from a checkpoint meets
    the batches it would have met.

    A batch is `(pictures, targets)`: float32 `(batch_size, size, size, 3)`, 0 to 1,
    and a dict of float32 `(batch_size, ...)`; without targets `(pictures,)`.

    Args:
        pictures: uint8 RGB `(height, width, 3)`, of any sizes; whatever has a length
            and gives such an array for a number, so that files may be read late.
        size: height and width of the crops, pixels.
        batch_size: pictures in a batch.
        steps: batches in an epoch; None for as many as show every picture.
        targets: by output of the model, `(1, ...)`; repeated for each picture.
        seed: of the order and the crops.
        epoch: the first one.

    Raises:
        ValueError: there is no picture, or an argument is out of its range.

    Example:
        >>> pictures = [np.zeros((90, 120, 3), "uint8"), np.ones((64, 80, 3), "uint8")]
        >>> targets = {"content": np.zeros((1, 1, 1, 1)), "style/a": np.ones((1, 8, 8))}
        >>> sequence = PictureSequence(pictures, size=32, batch_size=4, targets=targets)
        >>> x, y = sequence[0]
        >>> x.shape, y["style/a"].shape
        ((4, 32, 32, 3), (4, 8, 8))
    """

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        *,
        size: int = 256,
        batch_size: int = 4,
        steps: int | None = None,
        targets: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(pictures, size, batch_size, steps, targets, seed, epoch)

    def _inputs(self, rng, start):
        return self._crops(rng, self.pictures, 0, start)


class StylePairs(_Crops):
    """Random crops of contents beside random crops of styles: for `adain_trainer`.

    Contents and styles each have an order of their own, so that all pairs come
    together in time. A batch depends on `(seed, epoch, index)` alone.

    A batch is `(inputs, targets)`: a dict of float32 `"content"` and `"style"`
    `(batch_size, size, size, 3)`, 0 to 1, and `"alpha"` `(batch_size, 1)`, all 1; and a
    dict of float32 `(batch_size, ...)`; without targets `(inputs,)`.

    Args:
        contents: as `pictures` of `PictureSequence`.
        styles: the same.
        size: height and width of the crops, pixels.
        batch_size: pairs in a batch.
        steps: batches in an epoch; None for as many as show every content.
        targets: by output of the model, `(1, ...)`; repeated for each pair.
        seed: of the orders and the crops.
        epoch: the first one.

    Raises:
        ValueError: there is no picture, or an argument is out of its range.

    Example:
        >>> contents = [np.zeros((90, 120, 3), "uint8")] * 3
        >>> styles = [np.ones((64, 80, 3), "uint8")] * 2
        >>> (x,) = StylePairs(contents, styles, size=32, batch_size=4)[0]
        >>> x["content"].shape, x["style"].shape, x["alpha"].shape
        ((4, 32, 32, 3), (4, 32, 32, 3), (4, 1))
    """

    def __init__(
        self,
        contents: Sequence[np.ndarray],
        styles: Sequence[np.ndarray],
        *,
        size: int = 256,
        batch_size: int = 4,
        steps: int | None = None,
        targets: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(contents, size, batch_size, steps, targets, seed, epoch)
        if not len(styles):
            raise ValueError("There must be one style or more. Received: none.")
        self.styles = styles

    def _inputs(self, rng, start):
        return {
            "content": self._crops(rng, self.pictures, 0, start),
            "style": self._crops(rng, self.styles, 1, start),
            "alpha": np.ones((self.batch_size, 1), "float32"),
        }
