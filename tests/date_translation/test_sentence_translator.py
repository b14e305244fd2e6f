"""A network with its two vocabularies: searching, unknown words, batches."""

import keras
import numpy as np
import pytest

from dlai_keras import decoding
from dlai_keras.date_translation import model
from dlai_keras.date_translation.sentence_translator import (
    SENTENCE_LENGTH,
    SentenceBatches,
    SentenceTranslator,
    load_sentence_translator,
)
from dlai_keras.vocabulary import Vocabulary

backends = pytest.mark.backends
WORDS = ["i", "you", "see", "love", "tom", "cats", "dogs", "."]
MOTS = ["je", "tu", "vois", "aime", "tom", "chats", "chiens", "les", "."]
SENTENCES = [
    ("i", "see", "tom", "."),
    ("you", "love", "cats", "and", "dogs", "."),
    ("i", "."),
    ("tom", "love", "tom"),
]


@pytest.fixture(scope="module")
def untrained():
    keras.utils.set_random_seed(1)
    specials = {"start": "<start>", "end": "<end>"}
    source, target = Vocabulary(WORDS, **specials), Vocabulary(MOTS, **specials)
    network = model.sequence_translator(
        len(source), len(target), embedding_dim=6, units=8
    )
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(scale=0.7, size=variable.shape))
    return SentenceTranslator(network, source, target, {"seed": 4})


@backends
def test_a_search_gives_the_networks_own_log_probabilities(untrained):
    for one in untrained.translate(SENTENCES, num_candidates=3, beam_width=4):
        assert len(one.candidates) == 3
        scores = [score for _, score in one.candidates]
        assert scores == sorted(scores, reverse=True)
        ended = [ids for ids in one.token_ids if ids[-1] == untrained.target.end_id]
        for ids, log_prob in zip(one.token_ids, one.log_probs, strict=True):
            if ids in ended:
                tokens = [untrained.target.tokens[index] for index in ids[:-1]]
                known = untrained.log_probs([one.source], [tokens])[0]
                np.testing.assert_allclose(log_prob, known, rtol=1e-4)


def test_scores_are_log_probabilities_with_the_length_penalty(untrained):
    for one in untrained.translate(SENTENCES, beam_width=3, length_penalty=0.6):
        if one.token_ids[0][-1] == untrained.target.end_id:
            score = decoding.penalize_length(
                np.array(one.log_probs, "float32"),
                np.array([len(one.token_ids[0])]),
                0.6,
            )
            score = keras.ops.convert_to_numpy(score)
            np.testing.assert_allclose(one.candidates[0][1], score[0], rtol=1e-4)


def test_a_beam_of_one_takes_the_most_probable_token_each_time(untrained):
    for one in untrained.translate(SENTENCES, beam_width=1):
        written = list(one.token_ids[0])
        ids = untrained.encode([one.source])
        shifted = model.shift_right(np.array([written]), untrained.target.start_id)
        logits = untrained.network.predict_on_batch([ids, shifted])[0]
        assert logits.argmax(axis=-1).tolist() == written


def test_together_is_as_one_by_one_and_in_order(untrained):
    together = untrained.translate(SENTENCES, batch_size=3)
    for sentence, one in zip(SENTENCES, together, strict=True):
        alone = untrained.translate([" ".join(sentence)])[0]
        assert one.source == alone.source == sentence
        assert one.tokens == alone.tokens
        np.testing.assert_allclose(one.log_probs, alone.log_probs, rtol=1e-4)


def test_an_unknown_word_is_copied_from_where_the_network_looked(untrained):
    unknown = untrained.target.unknown_id
    weights = np.array([[0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])
    ids = [unknown, untrained.target.encode(["vois"])[0], untrained.target.end_id]
    words = untrained._words(ids, ("see", "boris"), weights)
    assert words == ("boris", "vois")
    found = untrained.translate(SENTENCES, num_candidates=4, beam_width=4)
    written = [ids for one in found for ids in one.token_ids]
    assert any(unknown in ids for ids in written)  # else nothing is copied here
    for one in found:
        for tokens, _ in one.candidates:
            assert "<unk>" not in tokens
            assert set(tokens) <= set(MOTS) | set(one.source) | {"<start>"}


def test_attention_is_a_distribution_over_the_sentence(untrained):
    found = untrained.translate(SENTENCES)
    weights = untrained.attention(SENTENCES, [one.token_ids[0] for one in found])
    for sentence, one, map_ in zip(SENTENCES, found, weights, strict=True):
        map_ = map_[: len(one.token_ids[0])]
        np.testing.assert_allclose(map_.sum(axis=-1), 1, rtol=1e-5)
        assert np.all(map_[:, len(sentence) + 1 :] == 0)  # nothing behind the end


def test_what_is_saved_reads_alike(untrained, tmp_path):
    untrained.save(tmp_path)
    loaded = load_sentence_translator(tmp_path)
    assert loaded.notes == {"seed": 4}
    for one, other in zip(
        untrained.translate(SENTENCES), loaded.translate(SENTENCES), strict=True
    ):
        assert one.tokens == other.tokens
    (tmp_path / "sentence_translator.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="the vocabularies source and target"):
        load_sentence_translator(tmp_path)


def test_an_endless_sentence_is_cut(untrained):
    assert untrained.encode([["tom"] * 500]).shape == (1, SENTENCE_LENGTH)
    assert untrained.encode([["tom"] * 500])[0, -1] == untrained.source.end_id
    assert untrained.translate([""])[0].source == ()


@pytest.mark.parametrize(("num", "width"), [(0, 5), (6, 5)])
def test_more_candidates_than_beams_is_said(untrained, num, width):
    with pytest.raises(ValueError, match=f"num_candidates={num}, beam_width={width}"):
        untrained.translate(["tom"], num_candidates=num, beam_width=width)


def test_vocabularies_must_have_what_decoding_needs(untrained):
    plain = Vocabulary(WORDS)
    with pytest.raises(ValueError, match="a start and an end"):
        SentenceTranslator(untrained.network, plain, plain)
    with pytest.raises(ValueError, match="padding as id 0"):
        SentenceTranslator(
            untrained.network, Vocabulary(WORDS, padding=None), untrained.target
        )


# Batches


def pairs(num):
    rng = np.random.default_rng(0)
    return [
        (
            tuple(rng.choice(WORDS, rng.integers(1, 9))),
            tuple(rng.choice(MOTS, rng.integers(1, 9))),
        )
        for _ in range(num)
    ]


def test_an_epoch_has_every_pair_once_in_batches_of_like_lengths(untrained):
    every = pairs(120)
    batches = SentenceBatches(every, untrained, batch_size=10, seed=2)
    assert len(batches) == 12
    found = []
    padding = 0
    for index in range(len(batches)):
        (source, shifted), target = batches[index]
        assert {part.dtype.name for part in (source, shifted, target)} == {"int32"}
        assert source.shape[1] % 2 == target.shape[1] % 2 == 0
        assert np.array_equal(
            shifted, model.shift_right(target, untrained.target.start_id)
        )
        padding += (target == 0).mean() if index else 0
        for one, other in zip(source, target, strict=True):
            words = untrained.source.decode(one), untrained.target.decode(other)
            found.append(tuple(map(tuple, words)))
    assert sorted(found) == sorted(every)
    assert padding / 11 < 0.2  # in any order it is 0.4


def test_the_first_two_batches_agree_on_no_length(untrained):
    """Keras would take what they agree on for the length of all."""
    for seed in range(20):
        batches = SentenceBatches(pairs(30), untrained, batch_size=5, seed=seed)
        (source, _), target = batches[0]
        (other_source, _), other_target = batches[1]
        assert source.shape[1] != other_source.shape[1]
        assert target.shape[1] != other_target.shape[1]


def test_the_order_belongs_to_seed_and_epoch(untrained):
    def order(**options):
        batches = SentenceBatches(pairs(40), untrained, batch_size=4, **options)
        return [batches[index][1].tolist() for index in range(len(batches))]

    assert order(seed=1) == order(seed=1)
    assert order(seed=1) != order(seed=2)
    batches = SentenceBatches(pairs(40), untrained, batch_size=4, seed=1)
    batches.on_epoch_end()
    second = [batches[index][1].tolist() for index in range(len(batches))]
    assert second == order(seed=1, epoch=1) != order(seed=1)
