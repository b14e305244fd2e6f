"""The course's functions give the published values."""

import numpy as np
import pytest

from dlai_keras.emojify import course

VECTORS = {
    "a": [3, 3],
    "synonym_of_a": [3, 3],
    "a_nw": [2, 4],
    "a_s": [3, 2],
    "c": [-2, 1],
    "c_n": [-2, 2],
    "c_ne": [-1, 2],
    "c_e": [-1, 1],
    "c_se": [-1, 0],
    "c_s": [-2, 0],
    "c_sw": [-3, 0],
    "c_w": [-3, 1],
    "c_nw": [-3, 2],
}
VECTORS = {word: np.array(vector, float) for word, vector in VECTORS.items()}


@pytest.mark.parametrize(
    ("sentence", "average"),
    [
        ("a a_nw c_w a_s", [1.25, 2.5]),
        ("love a a_nw c_w a_s", [1.25, 2.5]),
        ("love", [0, 0]),
        ("c_se foo a a_nw c_w a_s deeplearning c_nw", [0.1666667, 2.0]),
    ],
)
def test_averages_are_the_published_ones(sentence, average):
    found = course.sentence_to_avg(sentence, VECTORS)
    np.testing.assert_allclose(found, average, rtol=1e-5, atol=1e-8)


def test_indices_are_the_published_ones():
    words = ["i", "like", "learning", "deep", "machine", "love", "smile", "´0.="]
    numbers = {word: place for place, word in enumerate(words, 1)}
    sentences = [
        "I like deep learning",
        "deep ´0.= love machine",
        "machine learning smile",
        "$",
    ]
    wanted = [[1, 2, 4, 3], [4, 8, 6, 5], [5, 3, 7, 0], [0, 0, 0, 0]]
    found = course.sentences_to_indices(np.array(sentences), numbers, 4)
    np.testing.assert_array_equal(found, wanted)
    # What is longer than the row is cut.
    np.testing.assert_array_equal(
        course.sentences_to_indices(sentences[:1], numbers, 2), [[1, 2]]
    )


def test_the_first_network_learns_with_steps_that_a_loop_makes(capsys):
    rng = np.random.default_rng(0)
    names = [f"w{i}" for i in range(20)]
    vectors = {name: rng.normal(size=5) for name in names}
    X = [" ".join(rng.choice(names, 3)) for _ in range(12)]
    Y = np.arange(12) % 3
    np.random.seed(1)  # noqa: NPY002 (the course's generator)
    pred, W, b = course.model(X, Y, vectors, learning_rate=0.1, num_iterations=2)
    np.random.seed(1)  # noqa: NPY002
    weights = np.random.randn(3, 5) / np.sqrt(5)  # noqa: NPY002
    biases = np.zeros(3)
    for _ in range(2):
        for text, label in zip(X, Y, strict=True):
            average = np.mean([vectors[word] for word in text.split()], axis=0)
            powers = np.exp(weights @ average + biases)
            error = powers / powers.sum()
            error[label] -= 1
            for i in range(3):
                weights[i] -= 0.1 * error[i] * average
            biases -= 0.1 * error
    np.testing.assert_allclose(W, weights, rtol=1e-9)
    np.testing.assert_allclose(b, biases, rtol=1e-9, atol=1e-12)
    assert pred.shape == (12, 1)
    assert "Epoch: 0 --- cost = " in capsys.readouterr().out
    again = course.predict(X, Y, W, b, vectors)
    np.testing.assert_array_equal(again, pred)
    share = (pred[:, 0] == Y).mean()
    assert capsys.readouterr().out == f"Accuracy: {share}\n"


def test_the_frozen_layer_holds_each_words_vector_and_masks_padding():
    numbers = {word: place for place, word in enumerate(VECTORS, 1)}
    layer = course.pretrained_embedding_layer(VECTORS, numbers)
    assert not layer.trainable
    (table,) = layer.get_weights()
    np.testing.assert_array_equal(table[0], 0)
    for word, number in numbers.items():
        np.testing.assert_array_equal(table[number], VECTORS[word])
    mask = np.asarray(layer.compute_mask(np.array([[2, 0]])))
    assert mask.tolist() == [[True, False]]


def test_labels_are_the_courses():
    assert [course.label_to_emoji(str(label)) for label in range(5)] == [
        "❤️",
        "⚾",
        "😄",
        "😞",
        "🍴",
    ]
    np.testing.assert_array_equal(
        course.convert_to_one_hot(np.array([[2], [0]]), 3), [[0, 0, 1], [1, 0, 0]]
    )
