"""Pictures show what they were given."""

import cv2
import numpy as np

from dlai_keras.emojify import pictures


def test_the_matrix_shows_the_emoji_and_counts(tmp_path):
    path = tmp_path / "confusion.png"
    counts = np.array([[9, 1, 0], [2, 5, 0], [0, 0, 4]])
    pictures.draw_confusion(path, counts, ["❤️", "⚾", "🦄"], title="82 % right")
    image = cv2.imread(str(path))[..., ::-1].astype(int)
    red = (np.abs(image - (221, 46, 68)).sum(axis=-1) < 40).sum()
    blank = tmp_path / "names.png"
    pictures.draw_confusion(blank, counts, ["x", "y", "z"])
    other = cv2.imread(str(blank))[..., ::-1].astype(int)
    assert red > 200 > 10 * (np.abs(other - (221, 46, 68)).sum(axis=-1) < 40).sum()


def test_words_are_drawn(tmp_path):
    rows = [("😄", [("not", -0.5), ("bad", 1.2)]), ("🍴", [])]
    pictures.draw_influence(tmp_path / "words.png", rows)
    assert cv2.imread(str(tmp_path / "words.png")).std() > 5
