"""Boxes follow the pixels: painted boxes are measured again after every change."""

import cv2
import numpy as np
import pytest

from dlai_keras.car_detection.augmentation import (
    GREY,
    LUMA,
    MIN_VISIBLE,
    Augmentation,
    Placement,
    centred,
    crop,
    flip,
    letterbox,
    mosaic,
    place,
    random_placement,
    recolor,
    scale,
)
from dlai_keras.car_detection.data import AnnotatedImage

BOXES = [[4, 6, 24, 18], [20, 2, 58, 40], [30, 28, 36, 34]]
NEUTRAL = {
    "zoom": (1, 1),
    "aspect": 1,
    "mirror": 0,
    "hue": 0,
    "saturation": 1,
    "brightness": 1,
    "contrast": 1,
    "mosaic": 0,
}


def painted(boxes=BOXES, size=(48, 64)):
    """A black picture; box number i is bright in channel i, and of class i."""
    image = np.zeros((*size, 3), "uint8")
    for channel, (x_min, y_min, x_max, y_max) in enumerate(boxes):
        image[y_min:y_max, x_min:x_max, channel] = 255
    return AnnotatedImage(boxes, np.arange(len(boxes)), size=size, image=image)


def extent(mask):
    """The box around what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def check_boxes(picture, atol):
    """The boxes of a changed picture are where its bright pixels are."""
    assert picture.image.shape[:2] == picture.size
    measured = [extent(picture.image[..., i] > 128) for i in picture.class_ids]
    np.testing.assert_allclose(
        picture.boxes_xyxy, np.reshape(measured, (-1, 4)), atol=atol
    )


def test_flipped_boxes_are_where_the_flipped_pixels_are():
    flipped = flip(painted())
    np.testing.assert_array_equal(flipped.image, painted().image[:, ::-1])
    assert flipped.class_ids.tolist() == [0, 1, 2]
    check_boxes(flipped, atol=0)


def test_flipping_twice_is_the_identity():
    twice = flip(flip(painted()))
    np.testing.assert_array_equal(twice.image, painted().image)
    np.testing.assert_array_equal(twice.boxes_xyxy, painted().boxes_xyxy)


def test_a_crop_clips_boxes_and_drops_those_of_which_too_little_is_left():
    """The rule, from pixels that are counted: a quarter, and two pixels each way."""
    picture = painted()
    whole = [(picture.image[..., i] > 0).sum() for i in range(3)]
    rng = np.random.default_rng(0)
    clipped = dropped = 0
    for _ in range(200):
        x_min, x_max = np.sort(rng.choice(65, 2, replace=False))
        y_min, y_max = np.sort(rng.choice(49, 2, replace=False))
        part = crop(picture, (x_min, y_min, x_max, y_max))
        pixels = picture.image[y_min:y_max, x_min:x_max]
        np.testing.assert_array_equal(part.image, pixels)
        check_boxes(part, atol=0)
        for i in range(3):
            mask = pixels[..., i] > 0
            sides = (mask.any(axis=0).sum(), mask.any(axis=1).sum())
            expected = min(sides) >= 2 and mask.sum() >= MIN_VISIBLE * whole[i]
            assert (i in part.class_ids) == expected
            clipped += expected and mask.sum() < whole[i]
            dropped += mask.sum() > 0 and not expected
    assert clipped > 30 and dropped > 30


def test_exactly_a_quarter_is_enough_and_the_share_can_be_chosen():
    picture = painted([[0, 0, 16, 10]])
    assert len(crop(picture, (12, 0, 40, 40))) == 1
    assert len(crop(picture, (13, 0, 40, 40))) == 0
    assert len(crop(picture, (13, 0, 40, 40), min_visible=0)) == 1
    assert len(crop(picture, (1, 0, 40, 40), min_visible=1)) == 0


def test_what_belongs_to_a_box_is_dropped_with_it():
    picture = AnnotatedImage(
        [[0, 0, 10, 10], [30, 30, 40, 40]],
        [7, 9],
        size=(50, 50),
        image=np.zeros((50, 50, 3), "uint8"),
        ignored=[False, True],
        areas=[60, 70],
        image_id=5,
    )
    part = crop(picture, (20, 20, 50, 50))
    assert (part.class_ids.tolist(), part.ignored.tolist()) == ([9], [True])
    assert part.areas.tolist() == [100.0]  # an outline's area is not known any more
    assert part.image_id == 5


def test_a_crop_that_leaves_the_picture_is_named():
    for window in [(-1, 0, 8, 8), (0, 0, 65, 8), (5, 5, 5, 9), (8, 0, 4, 9)]:
        with pytest.raises(ValueError, match=r"within the picture of 48 x 64.*x_min="):
            crop(painted(), window)


def test_scaling_moves_boxes_as_pixels():
    for factor in (0.5, 1, 2):
        scaled = scale(painted(), factor)
        assert scaled.size == (48 * factor, 64 * factor)
        # Half of 255 is on either side of what counts as bright.
        check_boxes(scaled, atol=0)
    for factor, aspect in [(0.7, 1.3), (1.9, 0.6), (0.31, 1), (1, 2)]:
        scaled = scale(painted(), factor, aspect=aspect)
        check_boxes(scaled, atol=1)
        assert len(scaled) == 3
        assert scaled.size[1] / scaled.size[0] == pytest.approx(64 / 48 * aspect, 0.05)
    with pytest.raises(ValueError, match="`factor` and `aspect`"):
        scale(painted(), 0)


@pytest.mark.parametrize("size", [32, 64, 96, 97, (40, 90), (200, 31)])
def test_letterboxed_boxes_are_where_the_pixels_are(size):
    image, placement = letterbox(painted().image, size)
    assert image.shape == (*np.broadcast_to(size, 2), 3)
    boxes = placement.to_network(painted().boxes_xyxy)
    measured = [extent(image[..., i] > 128) for i in range(3)]
    np.testing.assert_allclose(boxes, measured, atol=1)
    np.testing.assert_allclose(placement.to_image(boxes), BOXES, atol=1e-4)


def test_a_letterbox_holds_the_resized_picture_in_its_middle():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 100, 3)).astype("uint8")
    boxed, placement = letterbox(image, 50)
    assert placement.target == (0, 10, 50, 40)
    expected = cv2.resize(image, (50, 30), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(boxed[10:40], expected)
    assert (boxed[:10] == GREY).all() and (boxed[40:] == GREY).all()
    same, _ = letterbox(image[:, :60], 60)
    np.testing.assert_array_equal(same, image[:, :60])
    same[:] = 0
    assert image.any(), "the network's input is a copy"


def test_a_stretched_picture_is_resized_as_opencv_does():
    """Its networks' pictures, `blobFromImage`, are not averaged on the way down."""
    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3)).astype("uint8")
    stretched = centred((60, 100), (32, 24), "stretch").show(image)
    blob = cv2.dnn.blobFromImage(image, size=(24, 32))[0].transpose(1, 2, 0)
    np.testing.assert_array_equal(stretched, blob)
    averaged, _ = letterbox(image, (32, 24))
    assert averaged[16].std() < 0.8 * stretched[16].std()


def test_placements_go_there_and_back_for_arrays_of_any_shape():
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(-50, 900, (2, 5, 2, 2)), axis=2).reshape(2, 5, 4)
    for fit in ("letterbox", "stretch"):
        placement = centred((719, 1281), (416, 608), fit)
        back = placement.to_image(placement.to_network(boxes))
        assert back.dtype == np.float32
        np.testing.assert_allclose(back, boxes, atol=1e-3)
    assert placement.to_network(np.zeros((0, 4))).shape == (0, 4)
    whole = [0, 0, 1281, 719]
    np.testing.assert_allclose(placement.to_network(whole), [0, 0, 608, 416])


@pytest.mark.parametrize("image_size", [(1, 3000), (3000, 1), (1, 1), (2000, 3)])
def test_pictures_of_any_form_are_letterboxed(image_size):
    image, placement = letterbox(np.zeros((*image_size, 3), "uint8"), 32)
    assert (image == 0).any()
    box = [0, 0, image_size[1], image_size[0]]
    np.testing.assert_allclose(
        placement.to_image(placement.to_network(box)), box, rtol=1e-4
    )


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_random_placements_move_boxes_as_pixels(fit):
    rng = np.random.default_rng(0)
    mirrored = cropped = smaller = kept = 0
    for _ in range(150):
        placement = random_placement(
            rng, (48, 64), (80, 72), fit=fit, zoom=(0.5, 2), aspect=1.5
        )
        shown = place(painted(), placement)
        assert shown.size == (80, 72)
        check_boxes(shown, atol=1.01)
        back = placement.to_image(placement.to_network(BOXES))
        np.testing.assert_allclose(back, BOXES, atol=1e-3)
        mirrored += placement.mirrored
        cropped += placement.window != (0, 0, 64, 48)
        smaller += placement.target != (0, 0, 72, 80)
        kept += len(shown)
    assert 50 < mirrored < 100 and cropped > 50 and smaller > 50
    assert 200 < kept < 450


def test_random_placements_stay_within_the_sizes_that_are_asked_for():
    rng = np.random.default_rng(0)
    scales = []
    for _ in range(300):
        placement = random_placement(
            rng, (480, 640), 416, zoom=(0.5, 2), aspect=1.44, mirror=0
        )
        assert not placement.mirrored
        window, target = np.reshape([placement.window, placement.target], (2, 2, 2))
        assert (window >= 0).all() and (window <= (640, 480)).all()
        assert (target >= 0).all() and (target <= 416).all()
        scales.append((target[1] - target[0]) / (window[1] - window[0]))
    zoom = np.sqrt(np.prod(scales, axis=1)) / (416 / 640)
    aspect = np.divide(*np.transpose(scales))
    assert 0.49 < zoom.min() < 0.55 and 1.8 < zoom.max() < 2.02
    assert 1 / 1.46 < aspect.min() < 0.74 and 1.36 < aspect.max() < 1.46


def test_a_mosaic_has_the_boxes_of_its_four_parts():
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], bool)
    sizes = [(48, 64), (90, 40), (60, 60), (30, 100)]
    pictures = []
    for number, (color, size) in enumerate(zip(colors, sizes, strict=True)):
        image = np.zeros((*size, 3), "uint8")
        image[8:24, 10:32] = color * np.uint8(255)
        pictures.append(AnnotatedImage([[10, 8, 32, 24]], [number], size, image=image))
    rng = np.random.default_rng(0)
    counts, visible = [], 0
    for _ in range(60):
        made = mosaic(rng, pictures, (70, 100))
        assert made.image.shape == (70, 100, 3)
        bright = made.image > 127
        for box, number in zip(made.boxes_xyxy, made.class_ids, strict=True):
            mask = (bright == colors[number]).all(axis=-1)
            np.testing.assert_allclose(box, extent(mask), atol=1.01)
        visible += sum((bright == color).all(axis=-1).any() for color in colors)
        counts.append(len(made))
    assert min(counts) < 4 and max(counts) == 4  # some are cut off too much
    assert visible >= sum(counts) > 0.6 * visible


def test_a_mosaic_shows_no_padding_and_follows_its_generator():
    rng = np.random.default_rng(1)
    white = np.full((40, 50, 3), 255, "uint8")
    pictures = [AnnotatedImage([], [], (40, 50), image=white)] * 4
    assert (mosaic(rng, pictures, 64).image == 255).all()
    pictures = [painted()] * 4
    one, other, third = (
        mosaic(np.random.default_rng(seed), pictures, 64) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.image, other.image)
    assert (one.image != third.image).any()
    with pytest.raises(ValueError, match="has 4 pictures"):
        mosaic(rng, pictures[:3], 64)


def test_colours_change_by_their_definition():
    """Pixel by pixel, in floating point."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 9, 3)).astype("uint8")
    changed = recolor(image, saturation=1.6, brightness=0.8, contrast=1.3)
    expected = np.empty(image.shape)
    for place_, pixel in zip(np.ndindex(12, 9), image.reshape(-1, 3), strict=True):
        grey = (pixel * LUMA).sum()
        bright = 0.8 * (grey + 1.6 * (pixel - grey))
        expected[place_] = 127.5 + 1.3 * (bright - 127.5)
    np.testing.assert_allclose(changed, np.clip(expected, 0, 255), atol=0.51)


def test_a_third_of_a_turn_of_the_hue_changes_the_channels_places():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")
    np.testing.assert_array_equal(recolor(image, hue=120), image[..., [2, 0, 1]])
    np.testing.assert_array_equal(recolor(image, hue=-120), image[..., [1, 2, 0]])
    np.testing.assert_array_equal(recolor(image, hue=360), image)
    np.testing.assert_array_equal(recolor(image), image)


def test_greys_have_neither_hue_nor_saturation():
    greys = np.repeat(np.arange(256, dtype="uint8"), 3).reshape(16, 16, 3)
    np.testing.assert_array_equal(recolor(greys, hue=77, saturation=3), greys)
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")
    faded = recolor(colours, saturation=0)
    assert (np.ptp(faded, axis=-1) == 0).all()
    np.testing.assert_allclose(faded[..., 0], colours @ LUMA, atol=0.51)


def test_augmentation_moves_boxes_as_pixels():
    pictures = [painted(), painted([[2, 2, 30, 30], [31, 5, 60, 45], [1, 31, 9, 44]])]
    still = Augmentation(hue=0, saturation=1, brightness=1, contrast=1, mosaic=0)
    rng = np.random.default_rng(0)
    for number in range(60):
        check_boxes(still.apply(rng, pictures, number % 2, 96), atol=1.01)


def test_augmentation_follows_its_generator_and_its_index():
    pictures = [painted(), painted([[2, 2, 30, 30]])]

    def make(seed, index):
        return Augmentation().apply(np.random.default_rng(seed), pictures, index, 64)

    for seed in range(8):
        one, other = make(seed, 0), make(seed, 0)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.boxes_xyxy, other.boxes_xyxy)
        assert (make(seed + 100, 0).image != one.image).any()
        assert (make(seed, 1).image != one.image).any()


def test_mosaics_come_as_often_as_asked_for():
    pictures = [painted([[8, 8, 56, 40]])]
    options = NEUTRAL | {"mosaic": 0.4}
    rng = np.random.default_rng(0)
    made = [Augmentation(**options).apply(rng, pictures, 0, 64) for _ in range(200)]
    assert 55 < sum(len(picture) > 1 for picture in made) < 105


def test_augmentation_that_changes_nothing_changes_nothing():
    rng = np.random.default_rng(0)
    same = Augmentation(**NEUTRAL).apply(rng, [painted()], 0, (48, 64))
    np.testing.assert_array_equal(same.image, painted().image)
    np.testing.assert_array_equal(same.boxes_xyxy, painted().boxes_xyxy)
    stretched = Augmentation(**NEUTRAL).apply(rng, [painted()], 0, 96, "stretch")
    expected = centred((48, 64), 96, "stretch").to_network(BOXES)
    np.testing.assert_array_equal(stretched.boxes_xyxy, expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zoom": (2, 1)},
        {"zoom": (0, 1)},
        {"aspect": 0.5},
        {"brightness": 0.9},
        {"mirror": 1.5},
        {"mosaic": -0.1},
    ],
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        Augmentation(**wrong)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match=r"`size` must be.*Received: 0"):
        letterbox(painted().image, 0)
    with pytest.raises(ValueError, match=r"a pixel at least.*0 x 9"):
        letterbox(np.zeros((0, 9, 3), "uint8"), 8)
    with pytest.raises(ValueError, match=r"one of letterbox, stretch.*'crop'"):
        centred((8, 8), 8, "crop")
    placement = Placement((8, 8), (8, 8), (0, 0, 8, 8), (0, 0, 8, 8))
    with pytest.raises(ValueError, match=r"of 8 x 8 pixels.*9 x 8"):
        placement.show(np.zeros((9, 8, 3), "uint8"))
