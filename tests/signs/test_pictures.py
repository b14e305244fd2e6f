"""Sheets of pictures."""

import matplotlib.colors
import matplotlib.image
import numpy as np

from dlai_keras import charts
from dlai_keras.signs.pictures import draw_predictions


def num_pixels(path, color):
    image = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02).all(-1).sum())


def plain(color, num):
    values = np.array(matplotlib.colors.to_rgb(color)) * 255
    return np.broadcast_to(values.round().astype("uint8"), (num, 8, 8, 3))


def test_every_picture_is_on_the_sheet(tmp_path):
    for num in (1, 9):
        draw_predictions(tmp_path / f"{num}.png", plain("lime", num), ["x"] * num)
    one, nine = (num_pixels(tmp_path / f"{num}.png", "lime") for num in (1, 9))
    assert one > 1000
    assert nine > 6 * one


def test_mistakes_are_red_and_the_others_are_not(tmp_path):
    images = plain("white", 2)
    for name, correct in (("right", [True, True]), ("wrong", [False, False])):
        path = tmp_path / f"{name}.png"
        draw_predictions(path, images, ["IIIIIIII"] * 2, correct=correct)
    assert num_pixels(tmp_path / "wrong.png", charts.POSITIVE) > 20
    assert num_pixels(tmp_path / "right.png", charts.POSITIVE) == 0


def test_heat_maps_are_laid_over_a_second_copy(tmp_path):
    images = plain("lime", 2)
    draw_predictions(tmp_path / "plain.png", images, "ab")
    draw_predictions(tmp_path / "warm.png", images, "ab", heatmaps=np.ones((2, 4, 4)))
    plain_height, warm_height = (
        matplotlib.image.imread(tmp_path / name).shape[0]
        for name in ("plain.png", "warm.png")
    )
    assert warm_height > 1.5 * plain_height
    assert num_pixels(tmp_path / "warm.png", "lime") > 1000
