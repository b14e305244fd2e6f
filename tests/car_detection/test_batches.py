"""Batches of pictures with what a detector should say about them."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.car_detection.augmentation import Augmentation, letterbox
from dlai_keras.car_detection.batches import DetectionSequence
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages

ANCHORS = [[10, 10], [24, 16]]
AUGMENTATION = Augmentation(mosaic=0.5)


def picture(number, size=(32, 48), **options):
    """A picture whose pixels outside of its boxes are its number times 20."""
    rng = np.random.default_rng(number)
    image = np.full((*size, 3), 20 * number, "uint8")
    boxes = [[4, 5, 16, 14], [20, 8, 44, 26]]
    for x_min, y_min, x_max, y_max in boxes:
        shape = (y_max - y_min, x_max - x_min, 3)
        image[y_min:y_max, x_min:x_max] = rng.integers(0, 256, shape)
    return AnnotatedImage(boxes, [number % 2, 1], size=size, image=image, **options)


@pytest.fixture(scope="module")
def dataset():
    return AnnotatedImages([picture(number) for number in range(10)], ["car", "lorry"])


def make(dataset, **options):
    options = {"batch_size": 4, **options}
    return DetectionSequence(dataset, ANCHORS, 8, 48, **options)


def batches(sequence):
    return [sequence[index] for index in range(sequence.num_batches)]


def numbers(sequence):
    """Which pictures an epoch shows: their pixels in a corner of the letterbox."""
    return [image[8, 0, 0] // 20 for images, _ in batches(sequence) for image in images]


def assert_same(one, other):
    for ours, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_an_epoch_of_training_shows_pictures_once_and_drops_what_is_no_batch(dataset):
    sequence = make(dataset)
    assert sequence.num_batches == 2
    seen = set()
    for epoch in range(8):
        shown = numbers(make(dataset, epoch=epoch))
        assert len(set(shown)) == len(shown) == 8
        assert numbers(sequence) == shown
        sequence.on_epoch_end()
        seen |= set(shown)
    assert seen == set(range(10)), "what is left out in one epoch comes in another"


def test_without_training_all_pictures_come_in_their_order(dataset):
    sequence = make(dataset, training=False, epoch=3)
    assert numbers(sequence) == list(range(10))
    assert [len(images) for images, _ in batches(sequence)] == [4, 4, 2]


def test_shapes_and_types_are_those_of_the_network(dataset):
    images, targets = make(dataset, augmentation=AUGMENTATION)[1]
    assert (images.shape, images.dtype) == ((4, 48, 48, 3), "uint8")
    assert (targets.shape, targets.dtype) == ((4, 6, 6, 2, 7), "float32")
    wide = DetectionSequence(dataset, ANCHORS, 8, (32, 64), batch_size=4)
    assert wide[0][0].shape == (4, 32, 64, 3)
    assert wide[0][1].shape == (4, 4, 8, 2, 7)


def boxes_of(target, strides=8):
    """Corners and classes of a target: its definition, read backwards."""
    found = []
    for row, column, anchor in np.argwhere(target[..., 4] == 1):
        x, y, width, height = target[row, column, anchor, :4]
        x, y = (x + column) * strides, (y + row) * strides
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        found.append((box, int(target[row, column, anchor, 5:].argmax())))
    return sorted(found)


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_targets_are_the_boxes_of_the_pictures(dataset, fit):
    sequence = make(dataset, training=False, fit=fit)
    for images, targets in batches(sequence):
        for image, target in zip(images, targets, strict=True):
            number = image[24, 0, 0] // 20
            expected = dataset[number]
            # 32 x 48 in 48 x 48: 8 rows of grey above, or higher by a half.
            scale, offset = (1, 8) if fit == "letterbox" else (1.5, 0)
            for (box, class_id), true, true_id in zip(
                boxes_of(target), expected.boxes_xyxy, expected.class_ids, strict=True
            ):
                placed = true * [1, scale, 1, scale] + [0, offset, 0, offset]
                np.testing.assert_allclose(box, placed, atol=1e-4)
                assert class_id == true_id
    plain, _ = letterbox(dataset[9].image, 48)
    if fit == "letterbox":
        np.testing.assert_array_equal(images[-1], plain)


def test_targets_follow_the_changes_of_the_pictures():
    """White boxes on black are measured again in the changed pictures."""
    image = np.zeros((60, 80, 3), "uint8")
    image[10:30, 20:56] = 255
    data = AnnotatedImages(
        [AnnotatedImage([[20, 10, 56, 30]], [0], (60, 80), image=image)] * 32, ["car"]
    )
    still = Augmentation(mosaic=0, hue=0, saturation=1, brightness=1, contrast=1)
    sequence = make(data, batch_size=32, augmentation=still)
    images, targets = sequence[0]
    count = 0
    for shown, target in zip(images, targets, strict=True):
        rows, columns = np.nonzero(shown[..., 0] > 128)
        for box, _ in boxes_of(target):
            measured = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, measured, atol=1.01)
            count += 1
    assert count > 25


def test_several_heads_get_targets_of_their_own():
    boxes = [[4, 4, 12, 14], [8, 16, 60, 58]]
    image = np.zeros((64, 64, 3), "uint8")
    data = AnnotatedImages([AnnotatedImage(boxes, [0, 1], (64, 64), image=image)], "ab")
    sequence = DetectionSequence(
        data, [[[10, 10]], [[40, 40], [60, 30]]], [8, 16], 64, training=False
    )
    _, (fine, coarse) = sequence[0]
    assert fine.shape == (1, 8, 8, 1, 7) and coarse.shape == (1, 4, 4, 2, 7)
    assert boxes_of(fine[0]) == [(boxes[0], 0)]
    assert boxes_of(coarse[0], 16) == [(boxes[1], 1)]


def test_ignored_objects_are_neither_there_nor_missing():
    data = AnnotatedImages([picture(1, ignored=[True, False])], ["car", "lorry"])
    _, targets = make(data, training=False)[0]
    assert sorted(targets[..., 4].ravel())[:2] == [-1, 0]
    assert (targets[..., 4] == 1).sum() == 1


def test_batches_depend_on_seed_and_epoch_alone(dataset):
    """Not on the order in which they are asked for, nor on how many threads ask."""
    options = {"augmentation": AUGMENTATION, "seed": 3, "batch_size": 2}
    one = make(dataset, **options)
    expected = batches(one)
    backwards = make(dataset, **options)
    for index in reversed(range(5)):
        assert_same(backwards[index], expected[index])
    threaded = make(dataset, **options)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(threaded.__getitem__, range(5)))
    for ours, plain in zip(made, expected, strict=True):
        assert_same(ours, plain)
    one.on_epoch_end()
    later = batches(make(dataset, epoch=1, **options))
    for index in range(5):
        assert_same(one[index], later[index])
    assert any((a != b).any() for (a, _), (b, _) in zip(later, expected, strict=True))
    other = make(dataset, **options | {"seed": 4})
    assert (other[0][0] != expected[0][0]).any()


def test_a_picture_changes_as_it_does_in_batches_of_any_size(dataset):
    small = make(dataset, augmentation=AUGMENTATION, batch_size=1)
    large = make(dataset, augmentation=AUGMENTATION, batch_size=10)
    shown = dict(zip(large.order(0), large[0][0], strict=True))
    for index, number in enumerate(small.order(0)):
        np.testing.assert_array_equal(small[index][0][0], shown[number])


def detector(num_outputs=1):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((48, 48, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    outputs = [
        keras.layers.Reshape((6, 6, 2, 7))(keras.layers.Conv2D(14, 8, strides=8)(x))
        for _ in range(num_outputs)
    ]
    network = keras.Model(inputs, outputs[0] if num_outputs == 1 else outputs)
    network.compile("sgd", "mse" if num_outputs == 1 else ["mse"] * num_outputs)
    return network


def test_fit_meets_the_batches_in_order(dataset):
    """Though threads make them ahead of time."""
    options = {"augmentation": AUGMENTATION, "batch_size": 2, "seed": 4}
    fitted, sequence = detector(), make(dataset, **options)
    begin = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begin.append(sequence.epoch)
    )
    fitted.fit(sequence, epochs=3, shuffle=False, verbose=0, callbacks=[note])
    # TensorFlow's `fit` looks at a batch, and ends that epoch, before the first one.
    assert begin in ([0, 1, 2], [1, 2, 3])
    stepped, sequence = detector(), make(dataset, **options)
    for epoch in begin:
        sequence.epoch = epoch
        for batch in batches(sequence):
            stepped.train_on_batch(*batch)
    for ours, expected in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_fit_takes_several_heads(dataset):
    sequence = DetectionSequence(
        dataset, [ANCHORS, [[30, 30], [40, 20]]], [8, 8], 48, batch_size=5
    )
    history = detector(2).fit(sequence, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.fixture
def files(tmp_path):
    """Four pictures as files; the third is none."""
    made = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        one = picture(number, path=path)
        if number == 2:
            path.write_bytes(b"not a picture")
        else:
            image_file.write(path, one.image)
        made.append(AnnotatedImage(one.boxes_xyxy, one.class_ids, one.size, path=path))
    return AnnotatedImages(made, ["car", "lorry"])


def test_pictures_are_read_from_their_files(files, dataset):
    files = files.subset([0, 1, 3])
    assert_same(
        make(files, training=False)[0],
        make(dataset.subset([0, 1, 3]), training=False)[0],
    )


def test_a_broken_picture_names_itself(files):
    sequence = make(files, batch_size=2, training=False)
    sequence[0]
    with pytest.raises(ValueError, match=r"2\.png is no picture"):
        sequence[1]
    gone = files[3].path
    gone.unlink()
    with pytest.raises(FileNotFoundError, match=r"3\.png"):
        make(files.subset([3]), training=False)[0]


def test_a_broken_picture_names_itself_in_fit(files):
    many = files.subset([0, 1, 3] * 8 + [2])
    sequence = make(many, batch_size=1, training=False)
    network = detector()
    message = r"^\S*2\.png is no picture"
    with pytest.raises(ValueError, match=message), sequence.own_errors():
        network.fit(sequence, shuffle=False, verbose=0)
    with pytest.raises(KeyError), sequence.own_errors():
        raise KeyError


def test_a_broken_picture_is_told_once_and_the_next_one_stands_in(files):
    told = []
    options = {"on_error": "skip", "skipped": told.append, "training": False}
    sequence = make(files, **options)
    first = sequence[0]
    assert_same(sequence[0], first)
    assert len(told) == 1 and "2.png is no picture" in told[0]
    np.testing.assert_array_equal(first[0][2], first[0][3])
    assert_same(first, make(files.subset([0, 1, 3, 3]), training=False)[0])
    with pytest.raises(ValueError, match=r"None of the 1 pictures.*2\.png"):
        make(files.subset([2]), **options)[0]


def test_a_picture_of_another_size_than_its_annotation_is_named(dataset):
    image = np.zeros((30, 48, 3), "uint8")
    wrong = AnnotatedImage([], [], (32, 48), image=image, image_id=77)
    with pytest.raises(ValueError, match=r"picture 77 must be 48 x 32"):
        make(AnnotatedImages([wrong], ["car"]), training=False)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be 1 or more"),
        ({"batch_size": 11}, "must be 11 pictures at least.*Received: 10"),
        ({"on_error": "ignore"}, "`on_error` must be"),
        ({"fit": "crop"}, "`fit` must be"),
        ({"strides": 7}, r"`size` must be a multiple.*\(48, 48\), strides=7"),
        ({"size": 0}, "`size` must be a number"),
    ],
)
def test_wrong_arguments_are_named(dataset, options, message):
    arguments = {"anchors": ANCHORS, "strides": 8, "size": 48} | options
    with pytest.raises(ValueError, match=message):
        DetectionSequence(dataset, **arguments)


def test_batches_that_are_not_there_are_named(dataset):
    for index in (2, -1):
        with pytest.raises(IndexError, match=f"2 batches.*index={index}"):
            make(dataset)[index]
