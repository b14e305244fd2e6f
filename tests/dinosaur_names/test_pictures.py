"""Pictures of what was learned; looked at by people, checked for their content here."""

import cv2
import numpy as np

from dlai_keras.dinosaur_names import pictures


def gray(path):
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int)


def blue_cells(path):
    """Share of the picture that has the colour of the greatest surprise."""
    image = cv2.imread(str(path)).astype(int)
    dark = np.array([107, 48, 8])  # the end of the map of blues, in OpenCV's order
    return (np.abs(image - dark).max(axis=2) < 12).mean()


def test_what_surprises_is_dark(tmp_path):
    calm, one, all_ = (tmp_path / name for name in ("calm.png", "one.png", "all.png"))
    bits = [np.zeros(5)]
    pictures.draw_surprise(calm, ["Mimi"], bits)
    bits = [np.array([0, 0, 12.0, 0, 0])]
    pictures.draw_surprise(one, ["Mimi"], bits)
    pictures.draw_surprise(all_, ["Mimi"], [np.full(5, 12.0)])
    shares = [blue_cells(path) for path in (calm, one, all_)]
    assert shares[0] < shares[1] < shares[2]
    cells = (shares[2] - shares[0]) / (shares[1] - shares[0])
    assert 4.5 < cells < 5.5  # five cells, one of them dark


def test_a_long_text_goes_on_in_the_next_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "WIDEST", 10)
    for name, length in (("one.png", 10), ("three.png", 25), ("many.png", 5000)):
        text = "to be\n" * 900
        pictures.draw_surprise(
            tmp_path / name, [text[:length]], [np.linspace(0, 8, length)]
        )
    one, three, many = (
        gray(tmp_path / name).shape[0] for name in ("one.png", "three.png", "many.png")
    )
    rows = 0.27 * 110
    assert three - one == round(2 * rows) or abs(three - one - 2 * rows) < 3
    assert abs(many - one - 11 * rows) < 3  # twelve rows at most


def test_learning_curves_show_both_curves_and_the_level(tmp_path):
    history = {"training nats": [3.0, 2.5, 2.0], "validation nats": [3.1, 2.8, 2.7]}
    pictures.draw_training(tmp_path / "a.png", history)
    pictures.draw_training(tmp_path / "b.png", history, {"5-gram": 2.4})
    plain, levelled = gray(tmp_path / "a.png"), gray(tmp_path / "b.png")
    assert plain.std() > 5
    changed = (np.abs(plain - levelled) > 40).mean(axis=1)
    assert changed.max() > 0.2  # a dotted line across the picture


def test_a_comparison_has_a_row_for_every_model(tmp_path):
    bits = {"the network": [2.2, 2.3], "4-gram": [2.4, 2.4], "RNN": [2.6, 2.7]}
    path = tmp_path / "comparison.png"
    pictures.draw_comparison(path, bits)
    image = cv2.imread(str(path)).astype(int)
    red = (image[..., 2] - image[..., 0]) > 80
    blue = (image[..., 0] - image[..., 2]) > 60
    # The best one is red and stands above the others, to their left.
    red_rows, red_columns = np.nonzero(red)
    blue_rows, blue_columns = np.nonzero(blue)
    assert red_rows.mean() < blue_rows.min()
    assert red_columns.mean() < blue_columns.mean()
