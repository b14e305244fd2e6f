"""Sheets, comparisons and marked faces are drawn and not empty."""

import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.classic_convnets import pictures


def images(num, size=16):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (num, size, size, 3)).astype("uint8")


def check(path, ink=0.01):
    drawn = image_file.read(path)
    assert (drawn < 200).any(axis=-1).mean() > ink
    return drawn


def test_an_augmentation_sheet_has_a_row_each(tmp_path):
    rows = {"one": list(images(3)), "two": list(images(1))}
    pictures.draw_augmentations(tmp_path / "a.png", images(1)[0], rows)
    two = check(tmp_path / "a.png", 0.2)
    rows["three"] = list(images(3))
    pictures.draw_augmentations(tmp_path / "b.png", images(1)[0], rows)
    assert check(tmp_path / "b.png", 0.2).shape[0] > 1.3 * two.shape[0]


def test_wrong_predictions_have_a_red_caption(tmp_path):
    grey = np.full((2, 8, 8, 3), 128, "uint8")
    reds = []
    for correct in ([True, True], [True, False]):
        path = tmp_path / "p.png"
        pictures.draw_predictions(path, grey, ["mug", "key"], correct=correct)
        drawn = check(path).astype(int)
        reds.append((drawn[..., 0] - drawn[..., 1] > 60).sum())
    assert reds[0] == 0 and reds[1] > 0


def rows():
    return [
        {
            "network": name,
            "accuracy": accuracy,
            "accuracy_interval": [accuracy - 0.02, accuracy + 0.02],
            "parameters": 10**number,
            "multiply_adds": 10 ** (number + 2),
            "seconds": 3.0 * number,
        }
        for number, (name, accuracy) in enumerate(
            [("lenet5", 0.6), ("vgg16", 0.9)], start=4
        )
    ]


@pytest.mark.parametrize("num", [1, 2])
def test_a_comparison_is_drawn_of_any_number_of_networks(num, tmp_path):
    pictures.draw_comparison(tmp_path / "c.png", rows()[:num])
    check(tmp_path / "c.png")


def test_marked_faces_show_what_was_found_and_what_is_true(tmp_path):
    places = [np.array([[4.0, 4.0], [12.0, 12.0]])] * 2
    dark = np.zeros((2, 16, 16, 3), "uint8")
    pictures.draw_landmarks(tmp_path / "one.png", dark, places)
    pictures.draw_landmarks(
        tmp_path / "two.png", dark, places, truth=places, captions=["a", "b"], title="t"
    )
    one, two = check(tmp_path / "one.png"), check(tmp_path / "two.png")
    red = (one.astype(int)[..., 0] - one[..., 1] > 60).sum()
    assert red > 20
    assert two.shape[0] >= one.shape[0]
