"""Pictures with boxes as batches for `fit`."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import keras
import numpy as np

from dlai_keras.car_detection.anchors import assign_targets_to_heads
from dlai_keras.car_detection.augmentation import Augmentation, centred, place
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages


class DetectionSequence(keras.utils.PyDataset):
    """Batches of pictures of one size, with what a detector should say about them.

    Pictures are read when their batch is made, or taken from memory where the dataset
    holds them. How picture i is changed depends on `(seed, epoch, i)` alone, and the
    order of an epoch on `(seed, epoch)`: neither the number of threads nor the order in
    which batches are asked for makes a difference, and a training that goes on from a
    checkpoint meets the batches it would have met. Call `fit` with `shuffle=False`: it
    would shuffle the batches from a state of its own.

    Args:
        dataset: the pictures.
        anchors: `(num_anchors, 2)`, width and height in pixels of the input; for a
            network with several heads, a list of them.
        strides: pixels between neighbouring cells; a list for several heads.
        size: of the input, pixels: one number, or (height, width).
        batch_size: pictures in a batch.
        training: shuffles, and leaves out what is too little for a batch at the end of
            an epoch; it comes in another one. Otherwise pictures come in their order,
            and the last batch may be smaller.
        augmentation: how pictures are changed; None not at all.
        fit: `"letterbox"` or `"stretch"`, see `augmentation.centred`.
        extra_iou: see `anchors.assign_targets`.
        neighbors: see `anchors.assign_targets`; the heads need `scale_xy=2` then.
        seed: of the order and of the changes.
        epoch: the first one.
        workers: threads that make batches ahead of time; 2 on TensorFlow. On other
            backends more than 1 may hand batches of one epoch on to the next.
        on_error: `"fail"` or `"skip"`: then the next picture stands in for one that
            cannot be read.
        skipped: told why, once for each such picture.

    Raises:
        ValueError: sizes do not fit, a picture is no such thing (when its batch is
            made; see `own_errors`), or there are too few.

    Example:
        >>> image = np.zeros((90, 160, 3), "uint8")
        >>> picture = AnnotatedImage([[40, 20, 120, 60]], [0], (90, 160), image=image)
        >>> sequence = DetectionSequence(
        ...     AnnotatedImages([picture] * 5, ["car"]),
        ...     [[40, 20], [90, 50]], 16, 96, batch_size=2,
        ... )
        >>> images, targets = sequence[1]
        >>> images.shape, images.dtype, targets.shape, sequence.num_batches
        ((2, 96, 96, 3), dtype('uint8'), (2, 6, 6, 2, 6), 2)
    """

    def __init__(
        self,
        dataset: AnnotatedImages,
        anchors: Sequence,
        strides: int | Sequence[int],
        size: int | tuple[int, int],
        *,
        batch_size: int = 16,
        training: bool = True,
        augmentation: Augmentation | None = None,
        fit: str = "letterbox",
        extra_iou: float | None = None,
        neighbors: bool = False,
        seed: int = 0,
        epoch: int = 0,
        workers: int | None = None,
        on_error: str = "fail",
        skipped: Callable[[str], None] | None = None,
    ):
        if workers is None:
            workers = 2 if keras.backend.backend() == "tensorflow" else 1
        super().__init__(workers=workers, max_queue_size=4)
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
        if on_error not in {"fail", "skip"}:
            raise ValueError(
                f'`on_error` must be "fail" or "skip". Received: {on_error!r}.'
            )
        self.size = centred((1, 1), size, fit).size  # checks both
        self.has_one_head = np.ndim(strides) == 0
        self.anchors = [anchors] if self.has_one_head else list(anchors)
        self.strides = [strides] if self.has_one_head else list(strides)
        for stride in self.strides:
            if stride < 1 or self.size[0] % stride or self.size[1] % stride:
                raise ValueError(
                    "`size` must be a multiple of the strides. Received: "
                    f"size={self.size}, strides={strides}."
                )
        self.grids = [
            (self.size[0] // stride, self.size[1] // stride) for stride in self.strides
        ]
        least = batch_size if training else 1
        if len(dataset) < least:
            raise ValueError(
                f"There must be {least} pictures at least, to make a batch. Received: "
                f"{len(dataset)}. Give more pictures or a smaller `batch_size`."
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.training = training
        self.augmentation = augmentation
        self.fit = fit
        self.extra_iou = extra_iou
        self.neighbors = neighbors
        self.seed = seed
        self.epoch = epoch
        self.error: Exception | None = None
        self._pictures = _Readable(dataset, on_error == "skip", skipped)
        self._order = functools.lru_cache(maxsize=1)(self.order)

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        if self.training:
            return len(self.dataset) // self.batch_size
        return -(-len(self.dataset) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Indices of the pictures in the order of an epoch."""
        num = len(self.dataset)
        if not self.training:
            return np.arange(num)
        # The last number is no picture's: the generators of pictures are others.
        return np.random.default_rng((self.seed, epoch, num)).permutation(num)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | tuple]:
        if not 0 <= index < self.num_batches:
            raise IndexError(
                f"There are {self.num_batches} batches. Received: index={index}."
            )
        epoch = self.epoch
        start = index * self.batch_size
        chosen = self._order(epoch)[start : start + self.batch_size]
        try:
            examples = [self.example(int(number), epoch) for number in chosen]
            targets = [self._targets(example) for example in examples]
        except Exception as error:
            self.error = error
            raise
        images = np.stack([example.image for example in examples])
        heads = tuple(np.stack(head) for head in zip(*targets, strict=True))
        return images, heads[0] if self.has_one_head else heads

    def example(self, number: int, epoch: int) -> AnnotatedImage:
        """A picture of the dataset as the network meets it in an epoch.

        Args:
            number: of the picture.
            epoch: in training; it makes no difference without augmentation.

        Returns:
            A picture in memory of the network's size, with its boxes there.
        """
        if self.augmentation is None:
            picture = self._pictures[number]
            return place(picture, centred(picture.size, self.size, self.fit))
        rng = np.random.default_rng((self.seed, epoch, number))
        return self.augmentation.apply(rng, self._pictures, number, self.size, self.fit)

    @contextlib.contextmanager
    def own_errors(self) -> Iterator[None]:
        """Raises what is wrong with a picture as it is, whoever wrapped it.

        TensorFlow makes one of its own errors, of many lines, of what goes wrong while
        `fit` asks for a batch: `with sequence.own_errors(): model.fit(sequence)`.
        """
        self.error = None
        try:
            yield
        except Exception as error:
            if self.error is None or error is self.error:
                raise
            raise self.error from error

    def on_epoch_end(self):
        """Moves on to the next epoch's order and changes."""
        self.epoch += 1

    def _targets(self, example):
        return assign_targets_to_heads(
            example.boxes_xyxy,
            example.class_ids,
            self.anchors,
            self.grids,
            self.strides,
            len(self.dataset.class_names),
            ignored=example.ignored,
            extra_iou=self.extra_iou,
            neighbors=self.neighbors,
        )


class _Readable(Sequence):
    """A dataset's pictures, read when they are asked for."""

    def __init__(self, dataset, skip, skipped):
        self.dataset = dataset
        self.skip = skip
        self.skipped = skipped
        self.broken = set()
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, number):
        for next_number in range(number, number + len(self)):
            index = next_number % len(self)
            if index in self.broken:
                continue
            picture = self.dataset[index]
            try:
                return replace(picture, image=picture.read())
            except (OSError, ValueError) as error:
                if not self.skip:
                    raise
                self._note(index, error)
        raise ValueError(
            f"None of the {len(self)} pictures can be read, such as "
            f"{self.dataset[number].name}."
        )

    def _note(self, number, error):
        with self._lock:
            is_new = number not in self.broken
            self.broken.add(number)
        if is_new and self.skipped is not None:
            self.skipped(str(error))
