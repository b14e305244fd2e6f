"""A network with its vocabularies: only real dates come out, whatever went in."""

import datetime
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from dlai_keras.date_translation import data, model, translator
from dlai_keras.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def untrained():
    keras.utils.set_random_seed(0)
    characters = Vocabulary(tuple(" ,/0123456789abemrpsty"))
    tokens = data.course_vocabularies()[1]
    network = model.date_reader(len(characters), units=8, query_units=8)
    return translator.DateTranslator(network, characters, tokens, {"seed": 3})


TEXTS = ("3 May 1979", "x", "", "31 september, 99", "a" * 90)


def test_every_candidate_is_a_real_date_of_the_two_centuries(untrained):
    for one in untrained.translate(TEXTS, num_candidates=5):
        dates = [iso for iso, _ in one.candidates]
        assert len(set(dates)) == 5
        for iso in dates:
            assert 1900 <= datetime.date.fromisoformat(iso).year <= 2099


def test_candidates_have_the_networks_own_log_probabilities_best_first(untrained):
    for one in untrained.translate(TEXTS[:2], num_candidates=3, beam_width=30):
        scores = [score for _, score in one.candidates]
        assert scores == sorted(scores, reverse=True)
        logits = untrained.network.predict_on_batch(untrained.encode([one.text]))
        logits = logits["iso"][0].astype("float64")
        known = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        for iso, score in one.candidates:
            ids = untrained.tokens.encode(iso)
            np.testing.assert_allclose(score, known[np.arange(10), ids].sum(), 1e-4)
        found = untrained.log_probs([one.text] * 3, [iso for iso, _ in one.candidates])
        np.testing.assert_allclose(found, scores, rtol=1e-4)


def test_a_wide_beam_finds_the_best_of_all_real_dates(untrained):
    """Positions are independent here, so the best date can be counted out."""
    best = untrained.translate(["3 May 1979"], beam_width=64)[0].candidates[0]
    days = datetime.date(2100, 1, 1).toordinal() - datetime.date(1900, 1, 1).toordinal()
    first = datetime.date(1900, 1, 1).toordinal()
    isos = [datetime.date.fromordinal(first + day).isoformat() for day in range(days)]
    logits = untrained.network.predict_on_batch(untrained.encode(["3 May 1979"]))
    ids = untrained.tokens.encode_all(isos)
    totals = logits["iso"][0][np.arange(10), ids].sum(axis=1)
    assert best[0] == isos[totals.argmax()]


def test_a_text_that_is_no_date_has_no_iso():
    candidates = (("1979-05-03", -0.1),)
    assert translator.Translation("x", 0.05, candidates).iso is None
    assert translator.Translation("x", 0.7, candidates).iso == "1979-05-03"
    assert translator.Translation("x", None, candidates).iso == "1979-05-03"


def test_the_score_is_low_where_what_was_read_is_no_day():
    """By hand: the 31st of April, and the 30th beside it."""
    tokens = data.course_vocabularies()[1]
    for iso, expected in (("1979-04-30", 1.0), ("1979-04-31", np.exp(-7.0))):
        logits = np.full((1, 10, len(tokens)), -60.0, "float32")
        for place, token in enumerate(tokens.encode(iso)):
            logits[0, place, token] = 0
        logits[0, 9, tokens.encode("0")[0]] = max(
            -7.0, logits[0, 9, tokens.encode("0")[0]]
        )
        outputs = {"iso": logits, "is_date": np.array([[100.0]], "float32")}
        best = translator._searcher(tokens, 4).predict_on_batch(logits)[1]
        found = translator._score(outputs, keras.ops.convert_to_numpy(best)[:, 0])
        np.testing.assert_allclose(found, expected, rtol=1e-2)


def test_many_texts_read_as_one_by_one(untrained):
    together = untrained.translate(TEXTS, batch_size=2)
    for text, one in zip(TEXTS, together, strict=True):
        alone = untrained.translate([text])[0]
        assert one.text == text
        assert one.candidates[0][0] == alone.candidates[0][0]
        np.testing.assert_allclose(one.is_date, alone.is_date, rtol=1e-4)


def test_attention_is_a_distribution_over_the_text(untrained):
    weights = untrained.attention(["3 May 1979", "3 5 99"])
    assert weights.shape[:2] == (2, 10)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


def test_networks_that_are_fed_their_own_tokens_are_searched_as_well():
    keras.utils.set_random_seed(1)
    characters, tokens = data.course_vocabularies()
    network = model.date_translator(
        Tx=12, encoder_units=4, decoder_units=6, feedback=True
    )
    one = translator.DateTranslator(network, characters, tokens)
    found = one.translate(["3 may 1979"], num_candidates=2)[0]
    assert found.is_date is None and found.iso == found.candidates[0][0]
    assert data.is_real(found.iso)
    score = one.log_probs(["3 may 1979"], [found.iso])[0]
    np.testing.assert_allclose(found.candidates[0][1], score, rtol=1e-4)
    assert one.attention(["3 may 1979"]).shape == (1, 10, 12)


def test_a_saved_translator_reads_alike(untrained, tmp_path):
    untrained.save(tmp_path)
    again = translator.load_translator(tmp_path)
    assert again.notes == {"seed": 3}
    assert again.characters == untrained.characters
    ours, theirs = (one.translate(TEXTS[:2]) for one in (again, untrained))
    for one, other in zip(ours, theirs, strict=True):
        assert one.candidates[0][0] == other.candidates[0][0]
        np.testing.assert_allclose(one.is_date, other.is_date, rtol=1e-5)


def test_what_is_no_translator_is_named(untrained, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"translator\.json"):
        translator.load_translator(tmp_path)
    untrained.save(tmp_path)
    (tmp_path / "translator.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="must hold the vocabularies"):
        translator.load_translator(tmp_path)
    untrained.save(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="no saved Keras model"):
        translator.load_translator(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_candidates": 0}, "`num_candidates` must be 1 or more"),
        ({"num_candidates": 3, "beam_width": 2}, "`beam_width` must be"),
    ],
)
def test_bad_arguments_are_named(untrained, options, message):
    with pytest.raises(ValueError, match=message):
        untrained.translate(["x"], **options)


def test_the_courses_weights_read_most_dates_in_the_courses_formats():
    folder = os.environ.get("DLAI_DATA")
    if not folder:
        pytest.skip("DLAI_DATA is not set")
    path = Path(folder) / "date_translation" / "course_model.h5"
    network = model.load_course_weights(model.date_translator(), path)
    one = translator.DateTranslator(network, *data.course_vocabularies())
    pairs = data.make_dates(np.random.default_rng(0), 500)
    found = one.translate([pair.text for pair in pairs])
    right = [read.iso == pair.iso for read, pair in zip(found, pairs, strict=True)]
    assert np.mean(right) > 0.9


def test_the_shipped_translator_reads_as_the_readme_says():
    one = translator.load_pretrained()
    found = one.translate([text for text, _ in data.COURSE_EXAMPLES])
    assert [read.iso for read in found] == [iso for _, iso in data.COURSE_EXAMPLES]
    rng = np.random.default_rng(77)
    for typos, lowest in ((0, 0.995), (2, 0.95)):
        pairs = data.make_dates(
            rng, 400, locales=data.LOCALES, patterns="all", typos=typos
        )
        found = one.translate([pair.text for pair in pairs])
        right = [read.iso == pair.iso for read, pair in zip(found, pairs, strict=True)]
        assert np.mean(right) > lowest
    refused = [not read.iso for read in one.translate(data.make_no_dates(rng, 200))]
    assert np.mean(refused) > 0.9
