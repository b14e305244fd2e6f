"""Words that are used alike get vectors that are alike, by each of the methods."""

import numpy as np
import pytest

from dlai_keras.word_vectors.corpus import read_corpus
from dlai_keras.word_vectors.trainer import METHODS, train_vectors

TOPICS = (
    ("cat", "dog", "cow", "fur", "paw", "tail"),
    ("car", "bus", "van", "road", "tyre", "fuel"),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(TOPICS[i % 2], 8)) for i in range(600)]
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    return read_corpus(folder / "text.txt", folder, min_count=1)


@pytest.mark.parametrize("method", METHODS)
def test_words_of_a_topic_are_near_each_other(corpus, method):
    told = []
    vectors = train_vectors(
        corpus,
        method=method,
        dim=8,
        epochs=10 if method == "glove" else 4,
        window=3,
        threshold=0,
        batch_size=64 if method == "glove" else 512,
        on_epoch=lambda epoch, logs: told.append(logs["loss"]),
    )
    assert vectors.words == corpus.words
    cosines = vectors.normalized() @ vectors.normalized().T
    topic = np.array([word in TOPICS[0] for word in vectors.words])
    same = (topic[:, None] == topic) & ~np.eye(len(topic), dtype=bool)
    assert cosines[same].mean() > cosines[topic[:, None] != topic].mean() + 0.5
    assert told[-1] < told[0]


def test_the_same_seed_gives_the_same_vectors(corpus):
    options = {"dim": 4, "epochs": 1, "batch_size": 512}
    one, other = (train_vectors(corpus, **options, seed=seed) for seed in (3, 3))
    np.testing.assert_array_equal(one.matrix, other.matrix)
    another = train_vectors(corpus, **options, seed=4)
    assert not np.allclose(one.matrix, another.matrix)


def test_bad_arguments_are_named(corpus):
    with pytest.raises(ValueError, match="`method` must be one of skip_gram"):
        train_vectors(corpus, method="lda")
    with pytest.raises(ValueError, match="`dim` must be 1 or more"):
        train_vectors(corpus, dim=0)
