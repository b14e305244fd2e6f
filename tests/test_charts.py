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
