"""Labelled pictures as batches for `fit`."""

import functools
import threading
from collections.abc import Sequence

import keras
import numpy as np

from dlai_keras.signs.data import LabelledImages


class _InTraining(keras.layers.Layer):
    """A layer as in training, wherever it is called."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, inputs):
        return self.layer(inputs, training=True)

    def compute_output_shape(self, input_shape):
        return input_shape


class ImageSequence(keras.utils.PyDataset):
    """Shuffled batches of pictures with one-hot labels.

    What a batch holds, and how it is changed, depends on `(seed, epoch, index)` alone,
    so a training that goes on from a checkpoint meets the batches it would have met.
    The layers that change pictures run here and not within the network, since
    TensorFlow cannot compile them with it, which makes a step twice as quick.

    Args:
        data: the pictures.
        batch_size: pictures in a batch; the last one of an epoch is filled up with the
            epoch's first.
        augment: layers that change pictures, such as `RandomAffine`.
        seed: of the order.
        epoch: the first one.

    Example:
        >>> from dlai_keras.signs.data import from_arrays
        >>> data = from_arrays(np.zeros((5, 8, 8, 3), "uint8"), np.arange(5), "abcde")
        >>> images, labels = ImageSequence(data, batch_size=2)[2]
        >>> images.shape, labels.shape
        ((2, 8, 8, 3), (2, 5))
    """

    def __init__(
        self,
        data: LabelledImages,
        *,
        batch_size: int = 32,
        augment: Sequence[keras.layers.Layer] = (),
        seed: int = 0,
        epoch: int = 0,
    ):
        # Threads make the next batches during a step. On the other backends Keras would
        # keep some of one epoch's for the next.
        workers = 2 if keras.backend.backend() == "tensorflow" else 1
        super().__init__(workers=workers, max_queue_size=4)
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
        if not len(data):
            raise ValueError("`data` must hold at least one image. Received: none.")
        self.data = data
        self.batch_size = batch_size
        self.augment = tuple(augment)
        self.seed = seed
        self.epoch = epoch
        self._lock = threading.Lock()
        self._order = functools.lru_cache(maxsize=1)(self.order)
        self._change = self._compile() if self.augment else None
        self._targets = np.eye(len(data.class_names), dtype="float32")

    def _compile(self):
        """The layers as one function: a fifth of the time of one after another."""
        x = inputs = keras.Input(self.data.images.shape[1:], dtype="uint8")
        for layer in self.augment:
            x = _InTraining(layer)(x)
        model = keras.Model(inputs, x)
        model.compile(jit_compile=False)
        return model

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        return -(-len(self.data) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Indices of the pictures in the order of an epoch."""
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.data))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = index * self.batch_size
        # The last batch is filled up from the beginning: one shape, one compilation.
        places = np.arange(start, start + self.batch_size) % len(self.data)
        epoch = self.epoch
        chosen = self._order(epoch)[places]
        images = self.data.images[chosen]
        if self._change is not None:
            with self._lock:  # of the seeds
                for number, layer in enumerate(self.augment):
                    rng = np.random.default_rng((self.seed, epoch, index, number))
                    layer.reseed(rng.integers(2**32, size=2, dtype="uint32"))
                images = self._change.predict_on_batch(images)
        return images, self._targets[self.data.labels[chosen]]

    def on_epoch_end(self):
        """Moves on to the next epoch's order."""
        self.epoch += 1
