"""What the pictures show."""

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from dlai_keras.charts import MUTED, NEGATIVE, POSITIVE
from dlai_keras.strategy import pictures
from dlai_keras.strategy.data import Example
from dlai_keras.strategy.diagnosis import diagnose
from dlai_keras.strategy.error_analysis import tabulate_tags
from dlai_keras.strategy.learning_curves import (
    diagnose_epochs,
    diagnose_learning_curve,
)
from dlai_keras.strategy.selection import choose_model


def num_pixels(path, color):
    image = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02).all(-1).sum())


def test_a_gap_has_the_colour_of_its_verdict(tmp_path):
    for name, errors, num in (
        ("problem", {"train": 0.05, "dev": 0.2}, {}),
        ("small", {"train": 0.20, "dev": 0.201}, {}),
        ("undecided", {"train": 0.1, "dev": 0.15}, {"train": 100, "dev": 50}),
        ("reversed", {"train": 0.2, "dev": 0.1}, {}),
    ):
        found = diagnose(errors, num)
        assert found.gaps[0].verdict == name
        pictures.draw_diagnosis(tmp_path / f"{name}.png", found)
    colors = {
        "problem": POSITIVE,
        "small": MUTED,
        "undecided": pictures.UNSURE,
        "reversed": NEGATIVE,
    }
    for name, color in colors.items():
        assert num_pixels(tmp_path / f"{name}.png", color) > 20
    assert num_pixels(tmp_path / "small.png", POSITIVE) == 0
    assert num_pixels(tmp_path / "problem.png", pictures.UNSURE) == 0


@pytest.fixture
def rows():
    return [
        {
            "num_training": n,
            "train_error": 0.01,
            "dev_error": 2 * n**-0.5,
            "num_train_measured": n,
            "num_dev": 1000,
        }
        for n in (100, 200, 400)
    ]


def test_a_learning_curve_has_both_errors_and_goes_on(rows, tmp_path):
    found = diagnose_learning_curve(np.random.default_rng(0), rows)
    pictures.draw_learning_curve(tmp_path / "plain.png", rows)
    pictures.draw_learning_curve(tmp_path / "full.png", rows, found, human=0.005)
    for name in ("plain", "full"):
        assert num_pixels(tmp_path / f"{name}.png", POSITIVE) > 100
        assert num_pixels(tmp_path / f"{name}.png", NEGATIVE) > 100
    dark = [
        num_pixels(tmp_path / f"{name}.png", "#1b1b1b") for name in ("plain", "full")
    ]
    assert dark[1] > dark[0] + 200  # the fitted curve, its intervals


def test_epochs_are_drawn_with_the_best_one(tmp_path):
    rows = [
        {"epoch": e, "train_error": 0.3 / e, "dev_error": 0.4 / e} for e in (1, 2, 3)
    ]
    pictures.draw_epoch_curve(tmp_path / "plain.png", rows)
    pictures.draw_epoch_curve(
        tmp_path / "full.png", rows, diagnose_epochs(rows, num_dev=100)
    )
    plain, full = (num_pixels(tmp_path / f"{n}.png", MUTED) for n in ("plain", "full"))
    assert full > plain + 50


def test_a_tag_with_more_mistakes_has_a_longer_bar(tmp_path):
    for name, num in (("few", 5), ("many", 45)):
        examples = [
            Example(str(n), "a", "b", ("dark",) * (n < num) + ("all",))
            for n in range(50)
        ]
        pictures.draw_tags(tmp_path / f"{name}.png", tabulate_tags(examples))
    few, many = (num_pixels(tmp_path / f"{n}.png", POSITIVE) for n in ("few", "many"))
    assert many > 1.5 * few > 500


def test_the_chosen_model_is_red(tmp_path):
    models = [
        {"model": "A", "accuracy": 0.9, "ms": 80},
        {"model": "B", "accuracy": 0.92, "ms": 95},
        {"model": "C", "accuracy": 0.95, "ms": 1500},
    ]
    for name, bound in (("one", 100), ("none", 1)):
        choice = choose_model(models, "accuracy", [f"ms<={bound}"])
        pictures.draw_models(
            tmp_path / f"{name}.png", choice.rows, "accuracy", "ms", bound=bound
        )
    assert num_pixels(tmp_path / "one.png", POSITIVE) > 20
    assert num_pixels(tmp_path / "none.png", POSITIVE) == 0
    assert num_pixels(tmp_path / "none.png", NEGATIVE) > 50
