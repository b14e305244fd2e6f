"""Charts."""

import matplotlib.colors
import matplotlib.image
import numpy as np

from dlai_keras import charts


def num_pixels(path, color):
    image = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02).all(-1).sum())


def test_every_figure_of_a_history_has_its_curve(tmp_path):
    path = tmp_path / "training.png"
    charts.draw_history(path, {"loss": [0.5, 0.2], "validation_loss": [0.6, 0.3]})
    assert num_pixels(path, charts.POSITIVE) > 100
    charts.draw_history(path, {"loss": [0.5]})
    assert num_pixels(path, charts.POSITIVE) == 0


def test_accuracy_is_drawn_apart_from_losses(tmp_path):
    charts.draw_history(tmp_path / "one.png", {"loss": [0.5, 0.2]})
    charts.draw_history(tmp_path / "two.png", {"loss": [0.5, 0.2], "accuracy": [0, 1]})
    one, two = (
        matplotlib.image.imread(tmp_path / name) for name in ("one.png", "two.png")
    )
    assert two.shape[0] > 1.7 * one.shape[0]


def test_a_confusion_matrix_darkens_where_the_counts_are(tmp_path):
    right, wrong = np.diag([9, 9, 9]), np.full((3, 3), 3)
    charts.draw_confusion(tmp_path / "right.png", right, "abc", title="27 of 27")
    charts.draw_confusion(tmp_path / "wrong.png", wrong, "abc")
    dark = matplotlib.colormaps["Blues"](1.0)[:3]
    assert num_pixels(tmp_path / "right.png", dark) > 1000
    assert num_pixels(tmp_path / "wrong.png", dark) == 0


def test_the_best_of_several_systems_is_red_and_stands_above(tmp_path):
    path = tmp_path / "seeds.png"
    values = {"good": [0.7, 0.8], "bad": [0.5, 0.6]}
    places = []
    for less_is_better in (False, True):
        charts.draw_seeds(path, values, label="x", less_is_better=less_is_better)
        image = matplotlib.image.imread(path)[..., :3]
        assert image.std() > 5 / 255
        for color in (charts.POSITIVE, charts.NEGATIVE):
            near = np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02
            places.append(np.argwhere(near.all(-1)).mean(axis=0))
    (red, blue), (turned_red, turned_blue) = places[:2], places[2:]
    assert red[0] < blue[0] and red[1] > blue[1]  # above, and to the right
    assert turned_red[0] < turned_blue[0] and turned_red[1] < turned_blue[1]
