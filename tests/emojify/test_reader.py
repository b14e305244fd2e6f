"""A reader learns, tells which words decided, and comes back from disk."""

import numpy as np
import pytest

from dlai_keras.embeddings import WordVectors, write_vectors
from dlai_keras.emojify.data import load_sentences
from dlai_keras.emojify.lookup import Lookup
from dlai_keras.emojify.reader import (
    EmojiReader,
    load_lookup,
    load_pretrained,
    load_reader,
    train_reader,
)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """What has "good" is 😄 and what has "bad" 😞, unless "not" stands before."""
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(60):
        words = [str(word) for word in rng.choice(["the", "a", "day", "it"], 2)]
        good, negated = rng.random(2) < 0.5
        words += ["not"] * int(negated) + ["good" if good else "bad"]
        lines.append(f"{' '.join(words)},{2 if good != negated else 3}")
    path = tmp_path_factory.mktemp("sentences") / "a.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_sentences(path)


@pytest.fixture(scope="module")
def lookup():
    words = ["the", "a", "day", "it", "not", "good", "bad"]
    matrix = np.random.default_rng(1).normal(size=(len(words), 12))
    return Lookup(WordVectors(words, matrix, name="seven"))


@pytest.fixture(scope="module")
def reader(sentences, lookup):
    return train_reader(sentences, lookup, epochs=25, seed=1)


def test_it_learns_what_a_word_before_another_means(reader):
    told = reader.predict(["it good", "it not good", "a day bad", "the not bad"])
    assert [reader.emoji[labels[0]] for labels in told] == ["😄", "😞", "😞", "😄"]


def test_the_word_that_decides_has_the_most_influence(reader):
    influence = dict(reader.influence("a day bad", reader.emoji.index("😞")))
    assert max(influence, key=influence.get) == "bad"
    assert influence["bad"] > 0
    assert reader.influence("zzgrmpf", 0) == []


def test_influence_is_the_gradient_times_the_vector(reader, lookup):
    import tensorflow as tf

    vectors, weights = lookup(["it not good"])
    with tf.GradientTape() as tape:
        watched = tf.Variable(vectors)
        logits = reader.network([watched, tf.constant(weights)])
        own = logits[0, 0] - tf.reduce_mean(logits)
    gradient = tape.gradient(own, watched)
    wanted = (gradient * vectors).numpy().sum(axis=-1)[0]
    found = [value for _, value in reader.influence("it not good", 0)]
    np.testing.assert_allclose(found, wanted, rtol=0.05, atol=0.02)


def test_it_comes_back_from_disk_with_its_vectors(reader, tmp_path):
    reader.save(tmp_path)
    again = load_reader(tmp_path / "model.keras")
    assert again.emoji == reader.emoji and again.notes == reader.notes
    texts = ["it not good", "a day bad"]
    np.testing.assert_allclose(
        again.probabilities(texts), reader.probabilities(texts), atol=0.02
    )


def test_an_empty_sentence_is_named(reader):
    with pytest.raises(ValueError, match="Sentence 2 has no word"):
        reader.probabilities(["good", " ?! "])
    with pytest.raises(ValueError, match="`model` must be one of"):
        train_reader(None, None, model="bert")


def test_several_labels_have_probabilities_of_their_own(lookup, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sentence,emoji\n" + "good day,x|y\nbad day,y\n" * 20)
    found = load_sentences(path)
    many = train_reader(found, lookup, model="emojify_v1", epochs=60, seed=0)
    assert many.multi_label
    told = many.predict(["good day", "bad day"])
    assert [{many.emoji[label] for label in labels} for labels in told] == [
        {"x", "y"},
        {"y"},
    ]


def test_vectors_of_a_file_stand_beside_those_of_the_package(tmp_path):
    path = tmp_path / "few.txt"
    write_vectors(path, WordVectors(["happy", "sad"], np.eye(2, 4)))
    both, alone = load_lookup(path), load_lookup()
    assert both.dim == 4 + alone.dim
    assert both.words("happy baseball") == ["happy", "baseball"]


def test_the_reader_that_ships_knows_what_it_learned():
    reader = load_pretrained()
    assert isinstance(reader, EmojiReader)
    told = reader.predict(["I love you so much", "we play baseball", "I am hungry"])
    assert [reader.emoji[labels[0]] for labels in told] == ["❤️", "⚾", "🍴"]
