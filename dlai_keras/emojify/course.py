"""The course's own functions, with its names and argument order.

Reference:
    Course 5, week 2, "Emojify!".
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from dlai_keras.emojify.data import COURSE_EMOJI
from dlai_keras.recurrent import softmax

__all__ = [
    "convert_to_one_hot",
    "label_to_emoji",
    "model",
    "predict",
    "pretrained_embedding_layer",
    "sentence_to_avg",
    "sentences_to_indices",
    "softmax",
]


def label_to_emoji(label: int | str) -> str:
    """The emoji of one of the course's labels, 0 to 4.

    Example:
        >>> label_to_emoji(1)
        '⚾'
    """
    return COURSE_EMOJI[int(label)]


def convert_to_one_hot(Y: np.ndarray, C: int) -> np.ndarray:
    """Labels as rows of `C` numbers, one of them 1.

    Args:
        Y: whole numbers, of any shape.
        C: how many labels there are.

    Example:
        >>> convert_to_one_hot(np.array([1, 0]), 3)
        array([[0., 1., 0.],
               [1., 0., 0.]])
    """
    return np.eye(C)[np.asarray(Y).reshape(-1)]


def sentence_to_avg(
    sentence: str, word_to_vec_map: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The mean of the vectors of those words that have one; else zeros.

    Args:
        sentence: words with blanks between them; in any case.
        word_to_vec_map: word -> vector `(dim,)`.

    Example:
        >>> sentence_to_avg("A b, strange", {"a": np.ones(2), "b,": np.zeros(2)})
        array([0.5, 0.5])
    """
    zeros = np.zeros(np.shape(next(iter(word_to_vec_map.values()))))
    words = sentence.lower().split()
    found = [word_to_vec_map[word] for word in words if word in word_to_vec_map]
    return np.mean(found, axis=0) if found else zeros


def model(
    X: Sequence[str],
    Y: np.ndarray,
    word_to_vec_map: Mapping[str, np.ndarray],
    learning_rate: float = 0.01,
    num_iterations: int = 400,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Softmax on averages of vectors, one sentence at a time. Emojify V1.

    The weights are drawn from NumPy's global generator, as in the course, and the cost
    of the last sentence and the accuracy are printed every 100 iterations.

    Args:
        X: sentences.
        Y: labels from 0, `(num_sentences,)`.
        word_to_vec_map: word -> vector `(dim,)`.
        learning_rate: of the steps.
        num_iterations: how often all sentences are read.

    Returns:
        `pred (num_sentences, 1)` of the sentences, `W (num_labels, dim)` and
        `b (num_labels,)`.

    Example:
        >>> np.random.seed(1)
        >>> vectors = {"good": np.array([1.0]), "bad": np.array([-1.0])}
        >>> pred, W, b = model(["good", "bad"], np.array([0, 1]), vectors, 0.1, 50)
        Epoch: 0 --- cost = 0.1015...
        Accuracy: 1.0
        >>> pred.ravel()
        array([0., 1.])
    """
    averages = np.array([sentence_to_avg(text, word_to_vec_map) for text in X])
    Y = np.asarray(Y).astype(int)
    n_y, n_h = int(Y.max()) + 1, averages.shape[1]
    W = np.random.randn(n_y, n_h) / np.sqrt(n_h)  # noqa: NPY002
    b = np.zeros((n_y,))
    targets = convert_to_one_hot(Y, n_y)
    pred = np.zeros((len(averages), 1))
    for iteration in range(num_iterations):
        for avg, target in zip(averages, targets, strict=True):
            a = softmax(W @ avg + b)
            dz = a - target
            W -= learning_rate * np.outer(dz, avg)
            b -= learning_rate * dz
        if iteration % 100 == 0:
            print(f"Epoch: {iteration} --- cost = {-np.sum(target * np.log(a))}")
            pred = predict(X, Y, W, b, word_to_vec_map)
    pred = (averages @ W.T + b).argmax(axis=1).astype(float)[:, None]
    return pred, W, b


def predict(
    X: Sequence[str],
    Y: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    word_to_vec_map: Mapping[str, np.ndarray],
) -> np.ndarray:
    """The labels that Emojify V1 gives sentences; prints its accuracy.

    Args:
        X: sentences.
        Y: their labels.
        W: `(num_labels, dim)`.
        b: `(num_labels,)`.
        word_to_vec_map: word -> vector `(dim,)`.

    Returns:
        float64 `(num_sentences, 1)`.

    Example:
        >>> vectors = {"good": np.array([1.0])}
        >>> predict(["good"], np.array([1]), np.array([[0.0], [1.0]]), 0, vectors)
        Accuracy: 1.0
        array([[1.]])
    """
    averages = np.array([sentence_to_avg(text, word_to_vec_map) for text in X])
    pred = (averages @ np.asarray(W).T + b).argmax(axis=1).astype(float)[:, None]
    print(f"Accuracy: {np.mean(pred[:, 0] == np.ravel(Y))}")
    return pred


def sentences_to_indices(
    X: Sequence[str], word_to_index: Mapping[str, int], max_len: int
) -> np.ndarray:
    """Sentences as rows of indices, filled up with 0 at the end.

    Words without an index are left out, and what is longer than `max_len` is cut.

    Args:
        X: sentences `(num_sentences,)`.
        word_to_index: word -> index, from 1.
        max_len: indices of a row.

    Returns:
        float64 `(num_sentences, max_len)`, as in the course.

    Example:
        >>> sentences_to_indices(["I like tea"], {"i": 1, "tea": 2}, 4)
        array([[1., 2., 0., 0.]])
    """
    indices = np.zeros((len(X), max_len))
    for row, sentence in zip(indices, X, strict=True):
        words = sentence.lower().split()
        found = [word_to_index[word] for word in words if word in word_to_index]
        row[: len(found)] = found[:max_len]
    return indices


def pretrained_embedding_layer(
    word_to_vec_map: Mapping[str, np.ndarray], word_to_index: Mapping[str, int]
) -> keras.layers.Embedding:
    """A frozen layer that holds the vectors; index 0 is padding, and masked.

    The course's layer does not mask, so that its LSTM reads on over the padding.

    Args:
        word_to_vec_map: word -> vector `(dim,)`.
        word_to_index: word -> index, from 1.

    Returns:
        An `Embedding` of one row more than there are words, built.

    Example:
        >>> layer = pretrained_embedding_layer({"tea": np.ones(3)}, {"tea": 1})
        >>> layer.get_weights()[0].shape, layer.trainable
        ((2, 3), False)
    """
    dim = len(next(iter(word_to_vec_map.values())))
    matrix = np.zeros((len(word_to_index) + 1, dim), "float32")
    for word, index in word_to_index.items():
        matrix[index] = word_to_vec_map[word]
    layer = keras.layers.Embedding(*matrix.shape, mask_zero=True, trainable=False)
    layer.build((None,))
    layer.set_weights([matrix])
    return layer
