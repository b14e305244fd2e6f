"""Every emoji of the embedded sentences is drawn, and drawn differently."""

import itertools

import numpy as np

from dlai_keras.emojify.data import load_sentences
from dlai_keras.emojify.drawings import DRAWINGS, draw_emoji, emoji_name


def test_each_emoji_is_a_picture_of_its_own():
    images = [draw_emoji(emoji, 32) for emoji in load_sentences().emoji]
    assert len(images) == len(DRAWINGS)
    for image in images:
        assert image.shape == (32, 32, 3) and image.dtype == np.uint8
        drawn = (image < 250).any(axis=-1).mean()
        assert 0.1 < drawn < 0.95
    for one, other in itertools.combinations(images, 2):
        assert np.abs(one.astype(float) - other).mean() > 8


def test_others_have_names():
    assert draw_emoji("🦄") is None
    assert emoji_name("🦄") == "unicorn face" and emoji_name("⚾") == "baseball"
