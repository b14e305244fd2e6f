"""Batches of labelled pictures."""

import keras
import numpy as np
import pytest

from dlai_keras.signs.batches import ImageSequence
from dlai_keras.signs.data import from_arrays
from dlai_keras.signs.layers import RandomAffine, RandomColor


def data(num=10):
    images = np.arange(num, dtype="uint8")[:, None, None, None] * 20
    images = np.broadcast_to(images, (num, 8, 8, 3)).copy()
    images[:, :, :4] += 5
    return from_arrays(images, np.arange(num) % 3, ("a", "b", "c"))


def shown(sequence):
    return [int(image[0, -1, 0]) // 20 for i in range(3) for image in sequence[i][0]]


def test_an_epoch_shows_every_picture_once_and_fills_up_the_last_batch():
    sequence = ImageSequence(data(), batch_size=4)
    assert sequence.num_batches == 3
    seen = shown(sequence)
    assert sorted(seen[:10]) == list(range(10))
    assert seen[10:] == seen[:2]


def test_labels_follow_their_pictures():
    images, labels = ImageSequence(data(), batch_size=4, seed=5)[1]
    assert labels.sum() == 4
    np.testing.assert_array_equal(
        labels.argmax(1), images[:, 0, -1, 0].astype(int) // 20 % 3
    )


def test_fit_meets_the_batches_in_order():
    """Though threads make them ahead of time."""

    def make():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Rescaling(1 / 255)(inputs)
        x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
        network = keras.Model(inputs, x)
        network.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
        sequence = ImageSequence(
            data(40), batch_size=2, augment=[RandomAffine(rotation=30)], seed=4
        )
        return network, sequence

    fitted, sequence = make()
    begin = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begin.append(sequence.epoch)
    )
    fitted.fit(sequence, epochs=3, shuffle=False, verbose=0, callbacks=[note])
    # TensorFlow's `fit` looks at a batch, and ends that epoch, before the first one.
    assert begin in ([0, 1, 2], [1, 2, 3])
    stepped, sequence = make()
    for epoch in begin:
        sequence.epoch = epoch
        for index in range(sequence.num_batches):
            stepped.train_on_batch(*sequence[index])
    for ours, expected in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_each_epoch_has_its_own_order_and_can_be_gone_back_to():
    sequence = ImageSequence(data(), batch_size=4, seed=1)
    first = shown(sequence)
    sequence.on_epoch_end()
    second = shown(sequence)
    assert first != second
    assert shown(ImageSequence(data(), batch_size=4, seed=1, epoch=1)) == second
    assert shown(ImageSequence(data(), batch_size=4, seed=2)) != first


def test_changes_depend_on_seed_epoch_and_index_alone():
    def make(**options):
        layers = (RandomAffine(rotation=30), RandomColor(brightness=0.4))
        return ImageSequence(data(), batch_size=4, augment=layers, seed=3, **options)

    one, other = make(), make()
    later = [one[i][0] for i in (0, 1, 2)]
    np.testing.assert_array_equal(other[2][0], later[2])
    np.testing.assert_array_equal(other[0][0], later[0])
    plain = ImageSequence(data(), batch_size=4, seed=3)[0][0]
    assert np.abs(later[0] - plain).max() > 1
    one.on_epoch_end()
    np.testing.assert_array_equal(one[1][0], make(epoch=1)[1][0])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`batch_size`"):
        ImageSequence(data(), batch_size=0)
    with pytest.raises(ValueError, match="at least one image"):
        ImageSequence(data().subset(np.zeros(10, bool)))
