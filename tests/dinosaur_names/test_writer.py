"""A network with its characters: what it writes is what it finds probable."""

import itertools

import numpy as np
import pytest

from dlai_keras.dinosaur_names import metrics, writer
from dlai_keras.dinosaur_names.data import (
    CharacterVocabulary,
    load_genera,
    split_items,
)
from dlai_keras.dinosaur_names.model import character_model

LETTERS = "abcé"
SHORT = 6  # the same in most tests: every length is compiled


def build(kind="items", known=(), scale=0.9, **notes):
    vocabulary = CharacterVocabulary(LETTERS)
    model = character_model(len(vocabulary), units=5, cell="gru", embedding_dim=3)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.get_weights()])
    return writer.Writer(model, vocabulary, kind, known, notes)


@pytest.fixture(scope="module")
def names():
    return build(known=("ab", "ba", "ccé"), seed=3)


@pytest.fixture(scope="module")
def passages():
    return build("text")


def log_softmax(one, tokens):
    """The definition, from the whole network: float64 `(length, vocabulary)`."""
    logits = one.model.predict_on_batch(np.array([tokens], "int32"))[0]
    logits = logits.astype("float64")
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def score(one, text):
    ids = one.vocabulary.encode(text, add_end=one.kind == "items")
    return log_softmax(one, [0, *ids[:-1]])[np.arange(len(ids)), ids]


# Writing


def test_temperature_0_is_the_most_probable_character_each_time(names):
    expected = []
    while len(expected) < SHORT:
        log_probs = log_softmax(names, [0, *expected])[-1]
        log_probs[1] = -np.inf
        log_probs[0] = -np.inf if not expected else log_probs[0]
        expected.append(int(log_probs.argmax()))
    (found,) = names.generate(1, temperature=0, max_length=SHORT)
    assert found == names.vocabulary.decode(expected)


def test_the_first_names_are_the_same_however_many(names):
    options = {"max_length": SHORT, "seed": 5}
    many = names.generate(70, **options)
    assert len(many) == 70
    assert names.generate(3, **options) == many[:3]
    assert names.generate(70, max_length=SHORT, seed=6) != many
    assert len({*many[:32]} ^ {*many[32:64]}) > 5  # every round draws anew


def test_names_are_never_empty_and_of_known_characters(names):
    for name in names.generate(200, max_length=SHORT, seed=8):
        assert 1 <= len(name) <= SHORT
        assert {*name} <= {*LETTERS}


def test_first_characters_come_as_often_as_the_network_says(names):
    probs = np.exp(log_softmax(names, [0])[0])
    probs = probs[2:] / probs[2:].sum()  # neither the end nor the unknown one
    first = [name[0] for name in names.generate(1600, max_length=SHORT, seed=1)]
    shares = [first.count(letter) / 1600 for letter in LETTERS]
    np.testing.assert_allclose(shares, probs, atol=4 * 0.5 / np.sqrt(1600))


def test_a_prefix_stands_first_and_is_remembered(names):
    (best,) = names.generate(1, prefix="ca", temperature=0, max_length=SHORT)
    expected = names.vocabulary.encode("ca")
    while len(expected) < SHORT:
        log_probs = log_softmax(names, [0, *expected])[-1]
        log_probs[1] = -np.inf
        if log_probs.argmax() == 0:
            break
        expected.append(int(log_probs.argmax()))
    assert best == names.vocabulary.decode(expected)
    written = names.generate(40, prefix="ca", max_length=SHORT)
    assert all(name.startswith("ca") and len(name) <= SHORT for name in written)
    assert len(set(written)) > 5
    # Composed or not, é is one character.
    (one,) = names.generate(1, prefix="e\u0301", temperature=0, max_length=SHORT)
    assert one.startswith("é")


def test_top_k_and_top_p_leave_the_probable(names):
    options = {"max_length": SHORT}
    (greedy,) = names.generate(1, temperature=0, **options)
    assert {*names.generate(40, top_k=1, top_p=0.5, **options)} == {greedy}


def test_min_distance_keeps_known_names_and_repetitions_away(names):
    free = names.generate(40, max_length=SHORT)
    assert min(metrics.nearest(name, names.known)[1] for name in free) < 3
    far = names.generate(40, max_length=SHORT, min_distance=3)
    assert len(set(far)) == 40
    for name in far:
        assert all(edits(name, known) >= 3 for known in names.known)


def edits(one, other):
    """By the definition: what turning one string into another takes at least."""
    if not one or not other:
        return len(one) + len(other)
    changed = edits(one[1:], other[1:]) + (one[0] != other[0])
    return min(changed, edits(one[1:], other) + 1, edits(one, other[1:]) + 1)


def test_a_distance_that_cannot_be_is_said(names, monkeypatch):
    monkeypatch.setattr(writer, "MAX_ROUNDS", 2)
    with pytest.raises(
        ValueError, match=r"Only 0 of 3 .*, 9 edits or more .* 64 tries"
    ):
        names.generate(3, max_length=SHORT, min_distance=9)


def test_a_wide_beam_finds_the_most_probable_of_all_names(names, monkeypatch):
    monkeypatch.setattr(writer, "WIDENED", 1)
    every = [
        "".join(letters)
        for length in (1, 2)
        for letters in itertools.product(LETTERS, repeat=length)
    ]
    totals, _ = names.log_probs(every)
    best = sorted(every, key=dict(zip(every, -totals, strict=True)).get)
    # 84 beginnings are all there are, and 20 of them are names.
    assert names.generate(20, beam_width=84, max_length=2) == best
    with pytest.raises(ValueError, match="Only 20 of 21 different names were found"):
        names.generate(21, beam_width=84, max_length=2)


def test_running_text_has_the_length_asked_for(passages):
    one, other = passages.generate(2, max_length=50)
    assert len(one) == len(other) == 50 and one != other
    assert passages.generate(1, max_length=50) == [one]
    (begun,) = passages.generate(1, prefix="abc", max_length=50)
    assert begun.startswith("abc") and len(begun) == 50


# Scoring


def test_names_are_as_probable_as_by_the_definition(names):
    texts = ["a", "abca", "ccéba", "", "bax"]  # x is unknown
    totals, counts = names.log_probs(texts, batch_size=2)
    assert counts.tolist() == [2, 5, 6, 1, 4]
    expected = [score(names, text).sum() for text in texts]
    np.testing.assert_allclose(totals, expected, atol=1e-5)
    for one, text in zip(names.surprise(texts), texts, strict=True):
        np.testing.assert_allclose(one, -score(names, text), atol=1e-5)
    bits = names.bits_per_character(texts)
    assert bits == pytest.approx(-sum(expected) / 18 / np.log(2), abs=1e-5)


def test_the_probabilities_of_all_names_sum_to_1(names):
    letters = LETTERS + "\N{REPLACEMENT CHARACTER}"
    ended = ["".join(p) for n in (0, 1) for p in itertools.product(letters, repeat=n)]
    total = np.exp(names.log_probs(ended)[0]).sum()
    longer = ["".join(pair) for pair in itertools.product(letters, repeat=2)]
    total += sum(np.exp(-one[:2].sum()) for one in names.surprise(longer))
    assert total == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_read_to_its_end_whatever_the_pieces(passages, monkeypatch):
    rng = np.random.default_rng(0)
    text = "".join(rng.choice([*LETTERS], 90))
    expected = score(passages, text)
    monkeypatch.setattr(writer, "CHUNK", 16)
    np.testing.assert_allclose(-passages.surprise([text])[0], expected, atol=1e-5)
    # In pieces that know all before them nothing changes; with little, something.
    monkeypatch.setattr(writer, "PIECE", 40)
    monkeypatch.setattr(writer, "WARM_UP", 90)
    np.testing.assert_allclose(-passages.surprise([text])[0], expected, atol=1e-5)
    monkeypatch.setattr(writer, "WARM_UP", 0)
    error = np.abs(-passages.surprise([text])[0] - expected)
    assert error[:40].max() < 1e-5 < 1e-3 < error[40]
    assert len(passages.surprise([text])[0]) == 90  # a running text has no end


# Files


@pytest.mark.parametrize("half", [False, True])
def test_a_saved_writer_writes_and_scores_alike(names, half, tmp_path):
    names.save(tmp_path, half=half)
    again = writer.load_writer(tmp_path)
    assert (again.kind, again.known, again.notes) == (
        "items",
        names.known,
        {"seed": 3},
    )
    assert again.vocabulary == names.vocabulary
    ours, theirs = (one.log_probs(["ab", "éc"])[0] for one in (again, names))
    np.testing.assert_allclose(ours, theirs, atol=1e-2 if half else 1e-6)
    if not half:
        assert again.generate(4, max_length=SHORT) == names.generate(
            4, max_length=SHORT
        )


def test_what_is_no_writer_is_named(names, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"writer\.json"):
        writer.load_writer(tmp_path)
    names.save(tmp_path)
    (tmp_path / "writer.json").write_text('{"characters": 3}', encoding="utf-8")
    with pytest.raises(ValueError, match="must hold characters"):
        writer.load_writer(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num": 0}, "`num` must be 1 or more"),
        ({"max_length": 0}, "`max_length` must be 1 or more"),
        ({"beam_width": 0}, "`beam_width` must be 1 or more"),
        ({"min_distance": -1}, "`min_distance` must be 0 or more"),
        ({"seed": -1}, "`seed` must be 0 or more"),
        ({"prefix": "Tyr"}, r"Received: 'T', 'y', 'r'\. It knows: 'abcé'"),
        ({"prefix": "abca", "max_length": 4}, "`max_length` must be above 4"),
        ({"temperature": -1.0}, "`temperature` must be"),
        ({"top_k": 0}, "`top_k` must be"),
        ({"top_p": 2.0}, "`top_p` must be"),
    ],
)
def test_bad_arguments_are_named(names, options, message):
    with pytest.raises(ValueError, match=message):
        names.generate(**options)


def test_what_does_not_belong_together_is_named(names):
    with pytest.raises(ValueError, match="`kind` must be one of items, text"):
        writer.Writer(names.model, names.vocabulary, "list")
    with pytest.raises(ValueError, match="`vocabulary` must have 6 characters"):
        writer.Writer(names.model, CharacterVocabulary("ab"), "items")


@pytest.mark.backends
def test_a_loop_writes_what_the_network_finds_probable_on_every_backend():
    one = build("text", scale=1.5)
    (greedy,) = one.generate(1, temperature=0, max_length=3)
    assert one.generate(1, beam_width=1, max_length=3) == [greedy]
    drawn = one.generate(4, max_length=3, seed=2)
    assert drawn == one.generate(4, max_length=3, seed=2)
    assert len(set(drawn)) > 1
    totals, _ = one.log_probs(["ab"])
    assert totals[0] == pytest.approx(score(one, "ab").sum(), abs=1e-4)


def test_the_writer_that_comes_with_the_package_writes_new_names():
    shipped = writer.load_pretrained()
    kept_back = split_items(load_genera(), np.random.default_rng((0, 0)))["test"]
    assert not set(kept_back) & set(shipped.known)
    assert shipped.bits_per_character(kept_back) < 2.7  # 4.75 of 27 equal characters
    written = shipped.generate(40, prefix="Tyr", temperature=0.8, min_distance=1)
    assert all(name.startswith("Tyr") for name in written)
    assert not set(written) & set(shipped.known)
    report = metrics.generation_report(shipped.generate(40), shipped.known)
    assert report["new"] > 0.9 and report["pronounceable"] > 0.8
