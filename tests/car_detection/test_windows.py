"""One pass over a picture says what every window says by itself."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.boxes import iou, pairwise_iou
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages
from dlai_keras.car_detection.windows import (
    SlidingWindows,
    crop_classifier,
    make_crops,
    scales_of,
)


def random_image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype("uint8")


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(1)
    return crop_classifier(24, 2, filters=(4, 6, 8), units=16)


@pytest.mark.backends
def test_one_pass_equals_the_classifier_on_each_crop(classifier):
    """Crops are cut out by hand, one by one."""
    detector = SlidingWindows(classifier)
    image = random_image(37, 45)
    scores = detector.scores(image)
    boxes = detector.windows(*scores.shape[:2]).astype(int)
    assert detector.stride == 4 and scores.shape == (4, 6, 3)
    spread = 0
    for place in np.ndindex(4, 6):
        x_min, y_min, x_max, y_max = boxes[place]
        assert (x_min, y_min) == (4 * place[1], 4 * place[0])
        crop = image[y_min:y_max, x_min:x_max].astype("float32")
        expected = ops.softmax(classifier(crop[None], training=False))
        expected = ops.convert_to_numpy(expected)[0]
        np.testing.assert_allclose(scores[place], expected, atol=1e-5)
        spread = max(spread, np.abs(expected - scores[0, 0]).max())
    assert spread > 1e-3, "all windows say the same"


@pytest.mark.parametrize("batch_size", [5, 64])
def test_windows_one_by_one_say_the_same(classifier, batch_size):
    detector = SlidingWindows(classifier)
    image = random_image(41, 30, seed=2)
    np.testing.assert_allclose(
        detector.scores_one_by_one(image, batch_size=batch_size),
        detector.scores(image),
        atol=1e-5,
    )


def test_a_picture_of_one_window_has_one_score(classifier):
    scores = SlidingWindows(classifier).scores(random_image(24, 24))
    assert scores.shape == (1, 1, 3)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-6)


def square_finder(size=16):
    """A classifier by hand: a bright square in the middle half of a dark window."""
    inputs = keras.Input((size, size, 3))
    x = layers.AveragePooling2D(2)(layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    side = size // 2
    template = np.full((side, side, 3), -1.0)
    middle = slice(side // 4, side - side // 4)
    template[middle, middle] = 1
    # What matches gives side * side / 4 * 3; half of that is the limit.
    weights = np.stack([template.ravel(), np.zeros(template.size)], axis=1)
    model.set_weights([weights, np.array([-side * side * 3 / 8, 0])])
    return model


def test_objects_are_found_at_several_scales():
    image = np.zeros((96, 128, 3), "uint8")
    squares = [[8, 8, 16, 16], [92, 40, 108, 56], [24, 40, 56, 72]]
    for x_min, y_min, x_max, y_max in squares:
        image[y_min:y_max, x_min:x_max] = 255
    detector = SlidingWindows(square_finder())
    found = detector.detect(image, scales=(1, 0.5, 0.25))
    # A window is twice as large as its square.
    expected = [[4, 4, 20, 20], [84, 32, 116, 64], [8, 24, 72, 88]]
    overlap = pairwise_iou(found.boxes_xyxy, expected)
    assert overlap.shape == (3, 3) and (overlap.max(axis=0) > 0.75).all()
    assert (np.diff(found.scores) <= 0).all() and (found.scores > 0.9).all()
    assert found.class_ids.tolist() == [0, 0, 0]
    assert len(detector.detect(image, scales=(1,))) == 1
    assert len(detector.detect(np.zeros_like(image))) == 0


def test_boxes_are_those_of_the_picture_where_sizes_are_rounded():
    """At a scale of 0.7, 61 x 83 becomes 43 x 58."""
    image = np.zeros((61, 83, 3), "uint8")
    image[20:31, 30:41] = 255
    found = SlidingWindows(square_finder()).detect(image, scales=(0.7,))
    assert len(found) == 1
    middle = (found.boxes_xyxy[0, :2] + found.boxes_xyxy[0, 2:]) / 2
    np.testing.assert_allclose(middle, [35.5, 25.5], atol=1.5)
    sides = found.boxes_xyxy[0, 2:] - found.boxes_xyxy[0, :2]
    np.testing.assert_allclose(sides, [16 * 83 / 58, 16 * 61 / 43], rtol=1e-5)


def test_overlapping_windows_of_a_class_are_suppressed():
    image = np.zeros((40, 40, 3), "uint8")
    image[14:22, 14:22] = 255
    detector = SlidingWindows(square_finder())
    loose = detector.detect(
        image, scales=(1,), score_threshold=0.01, iou_threshold=1.0, max_boxes=9
    )
    assert len(loose) > 1
    strict = detector.detect(image, scales=(1,), score_threshold=0.01)
    assert len(strict) == 1 and strict.scores[0] == loose.scores[0]
    one = detector.detect(
        image, scales=(1,), score_threshold=0.01, iou_threshold=1.0, max_boxes=1
    )
    assert len(one) == 1


def test_scales_end_where_a_window_fills_the_picture():
    for image_size, largest in [((120, 200), 1.0), ((300, 90), 2.0), ((40, 40), 1.0)]:
        scales = scales_of(image_size, 40, largest=largest, step=1.5)
        assert scales[0] == largest
        np.testing.assert_allclose(np.divide(scales[:-1], scales[1:]), 1.5)
        assert round(min(image_size) * scales[-1]) >= 40
        assert round(min(image_size) * scales[-1] / 1.5) < 40
    assert scales_of((30, 60), 40) == ()
    with pytest.raises(ValueError, match="`step` must be above 1"):
        scales_of((30, 60), 40, step=1)


BOXES = [[0, 0, 20, 14], [60, 20, 110, 75], [30, 60, 38, 68]]


def draw(seed, boxes=BOXES):
    """Bright objects on black, each in a channel of its own."""
    rng = np.random.default_rng(seed)
    image = np.zeros((80, 120, 3), "uint8")
    for number, (x_min, y_min, x_max, y_max) in enumerate(boxes):
        shape = (y_max - y_min, x_max - x_min)
        image[y_min:y_max, x_min:x_max, number] = rng.integers(200, 256, shape)
    return AnnotatedImage(boxes, [0, 1, 0], (80, 120), image=image)


@pytest.fixture(scope="module")
def dataset():
    return AnnotatedImages([draw(seed) for seed in range(6)], ["small", "large"])


def test_crops_hold_their_objects_and_background_holds_none(dataset):
    images, labels = make_crops(np.random.default_rng(0), dataset, 32)
    assert images.shape == (len(labels), 32, 32, 3) and images.dtype == np.uint8
    # The third object of each picture is too small to learn from.
    assert np.bincount(labels).tolist() == [6, 6, 48]
    bright = (images > 100).mean(axis=(1, 2))
    # Boxes fill a good part of their squares; background at most little of one.
    assert (bright[labels == 0, 0] > 0.4).all()
    assert (bright[labels == 1, 1] > 0.5).all()
    assert (bright[labels == 2, 0] < bright[labels == 0, 0].min()).all()
    again = make_crops(np.random.default_rng(0), dataset, 32)
    np.testing.assert_array_equal(again[0], images)


def test_ignored_objects_are_neither_crops_nor_background():
    """Reds tell how wide a crop was: 6 more in each column."""
    image = np.zeros((40, 40, 3), "uint8")
    image[..., 0] = 6 * np.arange(40)
    whole = AnnotatedImage([[0, 0, 40, 40]], [0], (40, 40), image=image, ignored=[True])
    data = AnnotatedImages([whole], ["car"])
    images, labels = make_crops(np.random.default_rng(0), data, 64, num_background=30)
    assert len(labels) > 20 and (labels == 1).all()
    # A square of 22 pixels has an IoU of 0.3025.
    sides = np.ptp(images[..., 0], axis=(1, 2)) / 6 + 1
    assert 18 < sides.max() < 22.5
    data = AnnotatedImages([AnnotatedImage([], [], (40, 40), image=image)], ["car"])
    images, _ = make_crops(np.random.default_rng(0), data, 64, num_background=30)
    assert (np.ptp(images[..., 0], axis=(1, 2)) / 6 + 1).max() > 30
    nothing = AnnotatedImages([AnnotatedImage([], [], (40, 40), image=image)], ["car"])
    with pytest.raises(ValueError, match="Expected objects to crop"):
        make_crops(np.random.default_rng(0), nothing, num_background=0)


def test_the_classifier_learns_crops_and_finds_objects_it_has_not_seen(dataset):
    images, labels = make_crops(np.random.default_rng(0), dataset, 24)
    model = crop_classifier(24, 2, filters=(8, 8), units=16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(images, labels, epochs=30, batch_size=len(labels), verbose=0)
    elsewhere = draw(99, [[70, 8, 90, 22], [10, 12, 60, 67], [100, 60, 108, 68]])
    found = SlidingWindows(model).detect(
        elsewhere.image, scales=(24 / 22, 24 / 57), score_threshold=0.5
    )
    for class_id in (0, 1):
        boxes = found.boxes_xyxy[found.class_ids == class_id]
        assert iou(boxes, elsewhere.boxes_xyxy[class_id]).max() > 0.45


def test_wrong_arguments_are_named(classifier):
    with pytest.raises(ValueError, match=r"`size` is too small.*size=8"):
        crop_classifier(8)
    detector = SlidingWindows(classifier)
    for scores in (detector.scores, detector.scores_one_by_one):
        with pytest.raises(ValueError, match=r"24 pixels each way.*23 x 60"):
            scores(random_image(23, 60))
    with pytest.raises(ValueError, match=r"at one scale.*30 x 30.*\(0.5,\)"):
        detector.detect(random_image(30, 30), scales=(0.5,))
    inputs = keras.Input((16, 20, 3))
    wide = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r"square pictures.*20"):
        SlidingWindows(wide)
