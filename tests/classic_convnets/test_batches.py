"""Batches for `fit`."""

import numpy as np
import pytest

from dlai_keras.classic_convnets.batches import FaceSequence, PictureSequence
from dlai_keras.classic_convnets.data import Pictures
from dlai_keras.classic_convnets.faces import make_faces


@pytest.fixture(scope="module")
def pictures():
    images = (
        np.zeros((10, 16, 16, 3), "uint8")
        + np.arange(10, dtype="uint8")[:, None, None, None]
    )
    return Pictures(images, np.arange(10) % 3, ("a", "b", "c"))


def numbers(sequence):
    batches = [sequence[index] for index in range(sequence.num_batches)]
    return [images[:, 0, 0, 0].tolist() for images, _ in batches]


def test_an_epoch_holds_every_picture_and_fills_the_last_batch(pictures):
    sequence = PictureSequence(pictures, batch_size=4, augment=False)
    first, second, third = numbers(sequence)
    assert sorted(first + second + third[:2]) == list(range(10))
    assert third[2:] == first[:2]
    assert sequence.num_batches == 3


def test_labels_belong_to_their_pictures(pictures):
    sequence = PictureSequence(pictures, batch_size=4, augment=False)
    images, labels = sequence[0]
    np.testing.assert_array_equal(images[:, 0, 0, 0] % 3, labels)


def test_batches_depend_on_seed_epoch_and_index_alone(pictures):
    one = PictureSequence(pictures, batch_size=4, seed=1)
    other = PictureSequence(pictures, batch_size=4, seed=1)
    later = other[2]
    np.testing.assert_array_equal(later[0], (one[0], one[1], one[2])[2][0])
    assert numbers(one) != numbers(PictureSequence(pictures, batch_size=4, seed=2))
    one.on_epoch_end()
    resumed = PictureSequence(pictures, batch_size=4, seed=1, epoch=1)
    np.testing.assert_array_equal(one[1][0], resumed[1][0])
    assert numbers(one) != numbers(other)


def test_side_outputs_get_the_labels_too(pictures):
    _, labels = PictureSequence(pictures, batch_size=4, num_outputs=3)[0]
    assert len(labels) == 3
    np.testing.assert_array_equal(labels[0], labels[2])


def test_mirrored_faces_have_mirrored_landmarks():
    images, landmarks, attributes = make_faces(np.random.default_rng(0), 6)
    sequence = FaceSequence(images, landmarks, attributes, batch_size=6)
    changed, targets = sequence[0]
    flips = 0
    for image, places, labels in zip(
        changed, targets["landmarks"], targets["attributes"], strict=True
    ):
        same = [np.array_equal(image, one) for one in images]
        flipped = [np.array_equal(image[:, ::-1], one) for one in images]
        assert sum(same) + sum(flipped) == 1
        index = (same if any(same) else flipped).index(True)
        expected = landmarks[index] / 64
        if any(flipped):
            flips += 1
            # By hand: the left eye's outer corner is now the right one's.
            np.testing.assert_allclose(
                places[7], [1, 0] + expected[4] * [-1, 1], rtol=1e-5
            )
            np.testing.assert_allclose(
                places[8], [1, 0] + expected[8] * [-1, 1], rtol=1e-5
            )
        else:
            np.testing.assert_allclose(places, expected, rtol=1e-5)
        np.testing.assert_array_equal(labels, attributes[index])
    assert 0 < flips < 6


def test_wrong_arguments_are_named(pictures):
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more"):
        PictureSequence(pictures, batch_size=0)
    with pytest.raises(ValueError, match="one picture or more"):
        PictureSequence(pictures.subset(np.arange(0)))
