"""Maps and the picture of a bias."""

import cv2
import numpy as np
import pytest

from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import pictures


@pytest.fixture(scope="module")
def vectors():
    """Two topics."""
    rng = np.random.default_rng(0)
    centers = np.repeat(5 * np.eye(2, 8), 12, axis=0)
    words = [f"{topic}{i}" for topic in ("sea", "sun") for i in range(12)]
    return WordVectors(words, centers + rng.normal(size=(24, 8)))


def test_words_of_a_topic_are_near_on_the_map(vectors, tmp_path):
    path = tmp_path / "map.png"
    groups = {"sea": vectors.words[:12], "none": []}
    places = pictures.draw_map(path, vectors, vectors.words, groups=groups)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    assert ((nearest < 12) == (np.arange(24) < 12)).all()
    image = cv2.imread(str(path))
    colored = image.max(axis=2).astype(int) - image.min(axis=2) > 80
    assert colored.sum() > 100  # one group has a colour
    assert (image.max(axis=2) < 60).sum() > 100  # the others are black
    for words in (vectors.words[:3], ["sea0"] * 700):
        with pytest.raises(ValueError, match=f"Received: {len(words)}"):
            pictures.draw_map(path, vectors, words)


def test_labels_are_moved_until_none_covers_another():
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 120, (30, 2))
    centers[1] = centers[0]
    sizes = np.stack([rng.uniform(10, 30, 30), np.full(30, 8.0)], axis=1)
    moved = pictures._apart(centers, sizes)
    least = (sizes[:, None] + sizes) / 2
    overlap = (np.abs(moved[:, None] - moved) < least - 0.5).all(axis=2)
    assert overlap.sum() == 30  # each with itself
    alone = np.array([[0.0, 0.0], [90.0, 0.0]])
    np.testing.assert_array_equal(pictures._apart(alone, sizes[:2]), alone)


def test_a_bias_is_drawn_before_and_after(tmp_path):
    path = tmp_path / "bias.png"
    words = ["nurse", "boss", "clerk"]
    pictures.draw_bias(path, words, [0.4, -0.3, 0.1], [0.0, 0.0, 0.0])
    image = cv2.imread(str(path)).astype(int)
    red = (image[:, :, 2] - image[:, :, 0] > 80) & (image[:, :, 2] > 150)
    blue = image[:, :, 0] - image[:, :, 2] > 60
    left = image.shape[1] // 2
    assert red[:, :left].any() and red[:, left:].any() and blue.any()
