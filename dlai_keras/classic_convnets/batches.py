"""Labelled pictures and faces as batches for `fit`."""

import keras
import numpy as np

from dlai_keras.classic_convnets import augmentation, faces
from dlai_keras.classic_convnets.data import Pictures


class _Sequence(keras.utils.PyDataset):
    """Shuffled batches; what one holds depends on `(seed, epoch, index)` alone."""

    def __init__(self, num, batch_size, seed, epoch):
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
        if num < 1:
            raise ValueError("There must be one picture or more. Received: none.")
        self.num, self.batch_size = num, batch_size
        self.seed, self.epoch = seed, epoch

    @property
    def num_batches(self) -> int:
        """In an epoch."""
        return -(-self.num // self.batch_size)

    def __getitem__(self, index):
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.num)
        start = index * self.batch_size
        # The last batch is filled up from the beginning: one shape, one compilation.
        places = np.arange(start, start + self.batch_size) % self.num
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return self._batch(rng, order[places])

    def on_epoch_end(self):
        """Moves on to the next epoch's order."""
        self.epoch += 1


class PictureSequence(_Sequence):
    """Shuffled batches of pictures, cropped, mirrored and recoloured at random.

    Args:
        pictures: what to learn from.
        batch_size: pictures in a batch; the last one of an epoch is filled up with the
            epoch's first.
        augment: whether pictures are changed, see `augmentation.random_batch`.
        num_outputs: how many outputs of the network get the labels.
        seed: of the order and the changes.
        epoch: the first one.

    Example:
        >>> from dlai_keras.classic_convnets.data import make_pictures
        >>> pictures = make_pictures(np.random.default_rng(0), 10)
        >>> images, labels = PictureSequence(pictures, batch_size=4)[2]
        >>> images.shape, labels.shape
        ((4, 32, 32, 3), (4,))
    """

    def __init__(
        self,
        pictures: Pictures,
        *,
        batch_size: int = 64,
        augment: bool = True,
        num_outputs: int = 1,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(len(pictures), batch_size, seed, epoch)
        self.pictures = pictures
        self.num_outputs = num_outputs
        self.augment = augment
        self.colors = augmentation.principal_colors(pictures.images)

    def _batch(self, rng, chosen):
        images = self.pictures.images[chosen]
        if self.augment:
            images = augmentation.random_batch(rng, images, colors=self.colors)
        labels = self.pictures.labels[chosen]
        return images, labels if self.num_outputs == 1 else (labels,) * self.num_outputs


class FaceSequence(_Sequence):
    """Shuffled batches of faces, half of them mirrored, with landmarks and attributes.

    Args:
        images: uint8 `(num, size, size, 3)`.
        landmarks: pixels `(num, num_landmarks, 2)`; in batches they are shares of the
            size.
        attributes: `(num, num_attributes)`; -1 for what is not known.
        batch_size: faces in a batch.
        seed: of the order and of mirroring.
        epoch: the first one.

    Example:
        >>> drawn = faces.make_faces(np.random.default_rng(0), 4)
        >>> images, targets = FaceSequence(*drawn, batch_size=2)[0]
        >>> images.shape, targets["landmarks"].shape, targets["attributes"].shape
        ((2, 64, 64, 3), (2, 14, 2), (2, 5))
    """

    def __init__(
        self,
        images: np.ndarray,
        landmarks: np.ndarray,
        attributes: np.ndarray,
        *,
        batch_size: int = 32,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__(len(images), batch_size, seed, epoch)
        self.images, self.attributes = images, attributes.astype("float32")
        self.landmarks = (landmarks / images.shape[1]).astype("float32")

    def _batch(self, rng, chosen):
        images, landmarks = self.images[chosen], self.landmarks[chosen]
        flip = rng.random(len(chosen)) < 0.5
        images = np.where(flip[:, None, None, None], images[:, :, ::-1], images)
        # What was the left eye is the right one now.
        mirrored = landmarks[:, list(faces.MIRRORED)] * [-1, 1] + [1, 0]
        landmarks = np.where(flip[:, None, None], mirrored, landmarks)
        targets = {
            "landmarks": landmarks.astype("float32"),
            "attributes": self.attributes[chosen],
        }
        return images, targets
