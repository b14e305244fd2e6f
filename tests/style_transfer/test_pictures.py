"""Colours, regions, sheets, curves and animations."""

import cv2
import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from dlai_keras import charts
from dlai_keras.style_transfer import pictures


def random_picture(seed=0, low=0, high=256, size=(24, 32)):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (*size, 3), dtype="uint8")


def plain(color, height=40, width=60):
    values = np.array(matplotlib.colors.to_rgb(color)) * 255
    return np.broadcast_to(values.round().astype("uint8"), (height, width, 3))


def num_pixels(path, color):
    image = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02).all(-1).sum())


# Colours


def luma(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 0].astype(int)


def test_the_brightness_is_the_stylised_pictures_whatever_the_colours():
    stylised, content = random_picture(0), random_picture(1)
    kept = pictures.keep_colors(stylised, content)
    assert kept.dtype == np.uint8
    assert np.abs(luma(kept) - luma(stylised)).max() <= 1


def test_where_there_is_room_the_chroma_is_the_contents():
    stylised, content = random_picture(0, 110, 145), random_picture(1, 90, 165)
    kept = pictures.keep_colors(stylised, content)
    expected = cv2.cvtColor(content, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int)
    found = cv2.cvtColor(kept, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int)
    assert np.abs(found - expected).max() <= 1


def test_colours_that_do_not_fit_fade_and_keep_their_hue():
    white, red = plain("white"), plain("red")
    np.testing.assert_array_equal(pictures.keep_colors(white, red), white)
    grey = np.full_like(red, 160)
    kept = pictures.keep_colors(grey, red)[0, 0].astype(int)
    assert kept[0] == 255 and kept[1] == kept[2] < 160
    np.testing.assert_array_equal(pictures.keep_colors(red, red), red)


def test_pictures_of_two_shapes_have_no_common_colours():
    with pytest.raises(ValueError, match=r"one shape. Received: \(24, 32, 3\) and"):
        pictures.keep_colors(random_picture(), random_picture(size=(24, 31)))


def moments(image):
    colors = image.reshape(-1, 3).astype("float64")
    return colors.mean(axis=0), np.cov(colors.T, bias=True)


def test_matched_colours_have_the_contents_mean_and_covariance():
    style, content = random_picture(0, 60, 190), random_picture(1, 100, 160, (9, 70))
    content = (content * (1.0, 0.8, 0.6) + content[..., :1] * (0, 0.2, 0.3)).astype(
        "uint8"
    )
    matched = pictures.match_colors(style, content)
    assert matched.shape == style.shape and matched.dtype == np.uint8
    (mean, covariance), (want, spread) = moments(matched), moments(content)
    np.testing.assert_allclose(mean, want, atol=0.3)
    np.testing.assert_allclose(covariance, spread, atol=0.02 * spread.max())


def test_a_picture_in_its_own_colours_stays_as_it_is():
    style = random_picture(0)
    np.testing.assert_array_equal(pictures.match_colors(style, style), style)


def test_grey_and_plain_pictures_are_matched_too():
    grey = np.repeat(random_picture(0)[..., :1], 3, axis=-1)
    content = random_picture(1, 80, 180)
    for style in (grey, np.full_like(grey, 90)):
        matched = pictures.match_colors(style, content)
        np.testing.assert_allclose(
            moments(matched)[0], moments(content)[0], atol=0.5, err_msg=str(style[0, 0])
        )
    assert (pictures.match_colors(content, np.full_like(grey, 90)) == 90).all()


# Regions


def test_a_grey_mask_goes_from_the_first_region_to_the_last():
    mask = np.zeros((4, 6), "uint8")
    mask[:, 2:4], mask[:, 4:] = 128, 255
    for given in (mask, np.repeat(mask[..., None], 3, axis=-1)):
        maps = pictures.region_maps(given, 3)
        assert maps.shape == (4, 6, 3) and maps.dtype == np.float32
        np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)
        assert maps.argmax(axis=-1)[0].tolist() == [0, 0, 1, 1, 2, 2]
    halves = pictures.region_maps(mask, 2)
    np.testing.assert_allclose(halves[0, 2], [0.5, 0.5], atol=0.01)
    np.testing.assert_array_equal(
        pictures.region_maps(mask > 200, 2), np.eye(2)[(mask > 200).astype(int)]
    )


def test_a_coloured_mask_has_a_region_a_colour_from_dark_to_bright():
    mask = np.empty((40, 60, 3), "uint8")
    mask[:] = (250, 220, 30)
    mask[:, :20] = (20, 20, 120)
    mask[:10] = (200, 30, 30)
    expected = np.full((40, 60), 2)
    expected[:, :20] = 0
    expected[:10] = 1
    _, code = cv2.imencode(".jpg", mask[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    smeared = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    for given, share in ((mask, 1.0), (smeared, 0.97)):
        maps = pictures.region_maps(given, 3)
        np.testing.assert_array_equal(maps.sum(axis=-1), 1)
        assert (maps.argmax(axis=-1) == expected).mean() >= share
    with pytest.raises(ValueError, match=r"sky.png has 3 of 4 colours"):
        pictures.region_maps(mask, 4, name="sky.png")


def test_arrays_are_regions_as_they_are_and_may_overlap():
    first, second = np.ones((3, 5)), np.zeros((3, 5))
    second[0] = 2.5
    maps = pictures.region_maps([first, second], 2)
    np.testing.assert_array_equal(maps, np.stack([first, second], -1))
    bytes_ = [np.full((3, 5), 255, "uint8"), np.full((3, 5), 51, "uint8")]
    np.testing.assert_allclose(pictures.region_maps(bytes_, 2)[0, 0], [1, 0.2])


def test_maps_come_in_the_size_of_the_picture():
    mask = np.zeros((8, 12), "uint8")
    mask[:, 6:] = 255
    for size in ((4, 6), (16, 24), (8, 12)):
        maps = pictures.region_maps(mask, 2, size=size)
        assert maps.shape == (*size, 2)
        np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)
        assert maps[0, 0].tolist() == [1, 0] and maps[-1, -1].tolist() == [0, 1]


NOTHING = np.zeros((3, 5))
MASKS = {
    "`num` must be 2 or more": (np.zeros((3, 5), "uint8"), 1),
    "Region 2 of 2 is nowhere in the mask": (np.zeros((3, 5), "uint8"), 2),
    "Region 1 of 2 is nowhere": (np.full((3, 5), 255, "uint8"), 2),
    "must be a picture .* Received: \\(3, 5, 4\\)": (np.zeros((3, 5, 4), "uint8"), 2),
    "or 3 arrays .* Received: 2": ([NOTHING, NOTHING], 3),
    "one for each region": ([NOTHING, np.zeros((3, 4))], 2),
    "numbers from 0 on, and no NaN": ([NOTHING - 1, NOTHING], 2),
    "and no NaN": ([NOTHING + 1, NOTHING + np.nan], 2),
}


@pytest.mark.parametrize("message", MASKS)
def test_masks_that_mean_nothing_are_refused(message):
    with pytest.raises(ValueError, match=message):
        pictures.region_maps(*MASKS[message])


# To look at


def test_a_sheet_shows_content_styles_and_result_at_one_height(tmp_path):
    path = tmp_path / "deep/sheet.png"
    styles = [plain("blue", 20, 20), plain("yellow", 30, 60)]
    pictures.draw_sheet(path, plain("lime"), styles, plain("red"), title="all")
    widths = {"lime": 1.5, "blue": 1, "yellow": 2, "red": 1.5}
    areas = np.array([num_pixels(path, color) for color in widths])
    assert areas.min() > 10_000
    np.testing.assert_allclose(
        areas / areas.sum(), np.array([*widths.values()]) / 6, atol=0.02
    )


def test_a_large_result_is_not_made_smaller(tmp_path):
    result = np.zeros((600, 450, 3), "uint8")
    result[:] = (255, 0, 0)
    pictures.draw_sheet(tmp_path / "a.png", plain("lime"), plain("blue"), result)
    assert num_pixels(tmp_path / "a.png", "red") > 0.75 * 600 * 450


def test_captions_stand_below_and_are_as_many_as_the_pictures(tmp_path):
    given = plain("white"), plain("white"), [plain("white")] * 2
    for name, captions in (("few", ["", "", "", ""]), ("many", ["MMMMMMMM"] * 4)):
        pictures.draw_sheet(tmp_path / f"{name}.png", *given, captions)
    few, many = (
        num_pixels(tmp_path / f"{name}.png", charts.INK) for name in ("few", "many")
    )
    assert few == 0 and many > 100
    with pytest.raises(ValueError, match=r"`captions` must be 4.* Received: 3"):
        pictures.draw_sheet(tmp_path / "a.png", *given, ["a", "b", "c"])


def test_losses_are_drawn_over_steps_and_over_seconds(tmp_path):
    curves = {"Adam": [9.0, 3.0, 1.0], "L-BFGS": [9.0, 0.5]}
    pictures.draw_losses(tmp_path / "steps.png", curves, title="two")
    seconds = {"Adam": [1, 2, 3], "L-BFGS": [2, 40]}
    pictures.draw_losses(tmp_path / "time.png", curves, at=seconds, label="seconds")
    for name in ("steps", "time"):
        for color in (charts.INK, charts.POSITIVE):
            assert num_pixels(tmp_path / f"{name}.png", color) > 100
    steps, time = (
        (tmp_path / f"{name}.png").read_bytes() for name in ("steps", "time")
    )
    assert steps != time
    for at in ({"Adam": [1, 2, 3]}, {"Adam": [1], "L-BFGS": [1, 2]}):
        with pytest.raises(ValueError, match="`at` must say where each value"):
            pictures.draw_losses(tmp_path / "a.png", curves, at=at)
    assert not (tmp_path / "a.png").exists()


def test_an_animation_holds_every_frame_and_stays_on_the_last(tmp_path):
    path = tmp_path / "deep/way.gif"
    frames = [plain(color) for color in ("red", "lime", "blue")]
    pictures.write_gif(path, iter(frames), fps=10, hold=2)
    with Image.open(path) as opened:
        assert opened.n_frames == 3 and opened.info["loop"] == 0
        durations = []
        for number, frame in enumerate(frames):
            opened.seek(number)
            np.testing.assert_array_equal(np.array(opened.convert("RGB")), frame)
            durations.append(opened.info["duration"])
    assert durations == [100, 100, 2100]
    assert [file.name for file in path.parent.iterdir()] == ["way.gif"]


def test_an_animation_that_fails_leaves_the_older_one(tmp_path):
    path = tmp_path / "way.gif"
    pictures.write_gif(path, [plain("red")])
    before = path.read_bytes()
    wrong = {
        "no frames": [],
        "uint8 .* Received: float64": [plain("red") / 255],
        r"Received: uint8 \(40, 60\)": [plain("red")[..., 0]],
        r"one size. Received: \(40, 60\) and \(40, 61\)": [
            plain("red"),
            plain("red", width=61),
        ],
    }
    for message, frames in wrong.items():
        with pytest.raises(ValueError, match=message):
            pictures.write_gif(path, frames)
    for options in ({"fps": 0}, {"fps": 51}, {"hold": -1}, {"fps": float("nan")}):
        with pytest.raises(ValueError, match="`fps` must be above 0"):
            pictures.write_gif(path, [plain("red")], **options)
    with pytest.raises(ValueError, match=r"must end in .gif"):
        pictures.write_gif(tmp_path / "way.png", [plain("red")])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["way.gif"]
