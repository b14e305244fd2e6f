"""Pictures of what was read; looked at by people, checked for their content here."""

import cv2
import numpy as np

from dlai_keras.date_translation import pictures


def test_an_attention_map_is_dark_where_it_looked(tmp_path):
    weights = np.zeros((1, 10, 16), "float32")
    weights[:, :, 3] = 1
    pictures.draw_attention(tmp_path / "a.png", ["3 may 1979"], ["1979-05-03"], weights)
    weights[:] = 0
    pictures.draw_attention(tmp_path / "b.png", ["3 may 1979"], ["1979-05-03"], weights)
    dark, light = (
        cv2.imread(str(tmp_path / name), cv2.IMREAD_GRAYSCALE).astype(int)
        for name in ("a.png", "b.png")
    )
    assert dark.shape == light.shape
    changed = np.abs(dark - light) > 50
    columns = np.flatnonzero(changed.any(axis=0))
    # One of ten characters is a tenth of the map's width.
    assert 0.05 < (columns[-1] - columns[0] + 1) / dark.shape[1] < 0.12


def test_words_are_named_and_what_is_beyond_them_is_left_out(tmp_path):
    weights = np.full((6, 8), 0.2)
    text, output = ("a", "cat", "<end>"), ("un", "chat", ".", "<end>")
    pictures.draw_attention(tmp_path / "a.png", [text], [output], [weights])
    weights[4:] = weights[:, 3:] = 1  # padding
    pictures.draw_attention(tmp_path / "b.png", [text], [output], [weights])
    one, other = (cv2.imread(str(tmp_path / name)) for name in ("a.png", "b.png"))
    assert np.array_equal(one, other)
    assert one.std() > 5


def test_mistakes_are_drawn_for_every_table(tmp_path):
    def row(group, accuracy):
        return {
            "group": group,
            "num": 10,
            "accuracy": accuracy,
            "low": accuracy - 0.1,
            "high": min(1, accuracy + 0.1),
        }

    path = tmp_path / "accuracy.png"
    tables = {
        "typos": [row(0, 1.0), row(1, 0.9)],
        "locale": [row(f"l{number}", 0.5) for number in range(50)],
    }
    pictures.draw_accuracy(path, tables, title="some right")
    two = cv2.imread(str(path))
    pictures.draw_accuracy(path, {"typos": tables["typos"]})
    one = cv2.imread(str(path))
    assert two.shape[0] > 1.5 * one.shape[0]
    red = (two[..., 2].astype(int) - two[..., 1]) > 80
    assert red.mean() > 0.05  # bars
