"""Greedy search, sampling, beam search and languages as tables."""

import datetime
import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.decoding import (
    TokenAutomaton,
    beam_search,
    filter_top_k,
    filter_top_p,
    greedy_search,
    sample,
    sequence_log_prob,
)

GOLDEN = Path(__file__).parent / "data" / "tfa_golden.npz"
DASH = 10


def numpy_of(*tensors):
    arrays = [ops.convert_to_numpy(tensor) for tensor in tensors]
    return arrays if len(arrays) > 1 else arrays[0]


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class Chain:
    """A small random recurrent model, for `ops` and in NumPy.

    Its states are a nest: a hidden state, a memory that is read only, and what was
    written so far as a state of whole numbers.
    """

    def __init__(self, seed, vocabulary_size=5, width=4, batch=3, scale=2.0):
        rng = np.random.default_rng(seed)
        self.embedding = rng.normal(size=(vocabulary_size, width))
        self.recurrent = rng.normal(size=(width, width))
        self.output = scale * rng.normal(size=(width, vocabulary_size))
        hidden, memory = rng.normal(size=(2, batch, width))
        self.hidden, self.memory = hidden, memory[:, None]
        self.batch, self.vocabulary_size = batch, vocabulary_size

    def states(self):
        return {
            "hidden": ops.convert_to_tensor(self.hidden, dtype="float32"),
            "fixed": [
                ops.convert_to_tensor(self.memory, dtype="float32"),
                ops.zeros((self.batch,), dtype="int32"),
            ],
        }

    def step(self, token_ids, states):
        memory, count = states["fixed"]
        hidden = ops.tanh(
            ops.matmul(states["hidden"], self.recurrent.astype("float32"))
            + ops.take(self.embedding.astype("float32"), token_ids, axis=0)
            + 0.3 * ops.cast(count, "float32")[:, None]
        )
        logits = ops.matmul(hidden + memory[:, 0], self.output.astype("float32"))
        return logits, {"hidden": hidden, "fixed": [memory, count + 1]}

    def log_probs(self, example, tokens):
        """Log-probabilities of what follows the tokens, the start included."""
        hidden = self.hidden[example]
        for count, token in enumerate(tokens):
            hidden = np.tanh(
                hidden @ self.recurrent + self.embedding[token] + 0.3 * count
            )
        return log_softmax((hidden + self.memory[example, 0]) @ self.output)

    def log_prob(self, example, start, tokens):
        """Log-probability of a whole sequence."""
        tokens = [start, *(int(token) for token in tokens)]
        return sum(
            self.log_probs(example, tokens[:i])[tokens[i]]
            for i in range(1, len(tokens))
        )


def searched(chain, example, start, end, max_length, width, penalty, automaton=None):
    """Beam search of one example, by its definition; goes on to the last position."""
    beams = [((), 0.0, 0.0)]  # tokens, log-probability, score
    for _ in range(max_length):
        candidates = []
        for tokens, log_prob, _ in beams:
            if end is not None and end in tokens:
                score = log_prob / ((5 + len(tokens)) / 6) ** penalty
                candidates.append((tokens, log_prob, score))
                continue
            log_probs = chain.log_probs(example, [start, *tokens])
            for token, added in enumerate(log_probs):
                if automaton is None or automaton.allows([*tokens, token]):
                    length = len(tokens) + (token != end)
                    score = (log_prob + added) / ((5 + length) / 6) ** penalty
                    candidates.append(((*tokens, token), log_prob + added, score))
        beams = sorted(candidates, key=lambda beam: -beam[2])[:width]
    return beams


def padded(tokens, length, end):
    return [*tokens, *[end] * (length - len(tokens))]


# Beam search


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {
            key.removeprefix("beam/"): arrays[key]
            for key in arrays.files
            if key.startswith("beam/")
        }


def golden_step(golden):
    cell = keras.layers.GRUCell(6, reset_after=True)
    cell.build((None, 5))
    cell.set_weights([golden[f"gru_w{i}"] for i in range(3)])

    def step(token_ids, states):
        inputs = ops.take(golden["embedding"], token_ids, axis=0)
        outputs, states = cell(inputs, states)
        logits = ops.matmul(outputs, golden["dense_w0"])
        return ops.add(logits, golden["dense_w1"]), states

    return step


@pytest.mark.backends
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_beam_search_equals_tensorflow_addons(golden, penalty):
    result = beam_search(
        golden_step(golden),
        [golden["state0"]],
        start_token=1,
        end_token=2,
        max_length=8,
        beam_width=3,
        length_penalty=penalty,
    )
    token_ids, scores, log_probs, lengths = numpy_of(*result)
    expected = {
        name: golden[f"lp{penalty}/{name}"]
        for name in ("predicted_ids", "scores", "log_probs", "lengths")
    }
    np.testing.assert_array_equal(
        token_ids, expected["predicted_ids"].transpose(0, 2, 1)
    )
    np.testing.assert_array_equal(lengths, expected["lengths"])
    np.testing.assert_allclose(log_probs, expected["log_probs"], rtol=2e-5)
    np.testing.assert_allclose(scores, expected["scores"][:, -1], rtol=2e-5)


@pytest.mark.backends
def test_greedy_search_equals_tensorflow_addons(golden):
    token_ids, _, lengths = numpy_of(
        *greedy_search(
            golden_step(golden),
            [golden["state0"]],
            start_token=1,
            end_token=2,
            max_length=8,
        )
    )
    np.testing.assert_array_equal(lengths, golden["greedy_lengths"])
    for ids, expected, length in zip(
        token_ids, golden["greedy_ids"], lengths, strict=True
    ):
        np.testing.assert_array_equal(ids[:length], expected[:length])
        assert (ids[length:] == 2).all()


@pytest.mark.backends
@pytest.mark.parametrize(
    ("seed", "width", "penalty", "end", "max_length"),
    [
        (0, 1, 0.0, 2, 6),
        (1, 2, 0.0, 0, 5),
        (2, 3, 0.7, 4, 7),
        (3, 4, 1.0, None, 4),
        (4, 7, 1.3, 1, 5),
        (5, 9, 0.6, 1, 3),
    ],
)
def test_beam_search_equals_its_definition(seed, width, penalty, end, max_length):
    chain = Chain(seed)
    start = np.array([1, 0, 3])
    result = beam_search(
        chain.step,
        chain.states(),
        start_token=start,
        end_token=end,
        max_length=max_length,
        beam_width=width,
        length_penalty=penalty,
    )
    token_ids, scores, log_probs, lengths = numpy_of(*result)
    assert token_ids.shape == (3, width, max_length)
    assert [array.dtype for array in (token_ids, scores, log_probs, lengths)] == [
        *("int32", "float32", "float32", "int32")
    ]
    for example in range(3):
        beams = searched(
            chain, example, start[example], end, max_length, width, penalty
        )
        tokens, own_log_probs, own_scores = zip(*beams, strict=True)
        np.testing.assert_array_equal(
            token_ids[example], [padded(t, max_length, end) for t in tokens]
        )
        np.testing.assert_array_equal(lengths[example], [len(t) for t in tokens])
        np.testing.assert_allclose(log_probs[example], own_log_probs, rtol=1e-4)
        np.testing.assert_allclose(scores[example], own_scores, rtol=1e-4)


def ending_chains():
    """Chains which end early, so that the order depends on how ends are counted."""
    for seed in range(3):
        chain = Chain(seed, vocabulary_size=3, batch=3)
        chain.output[:, 2] += 1.0
        yield chain


def test_an_examples_beams_do_not_depend_on_its_batch():
    options = {"end_token": 2, "max_length": 9, "beam_width": 3, "length_penalty": 2.0}
    chain = next(ending_chains())
    together = numpy_of(
        *beam_search(chain.step, chain.states(), start_token=0, **options)
    )
    for example in range(chain.batch):
        alone = keras.tree.map_structure(
            lambda leaf, i=example: leaf[i : i + 1], chain.states()
        )
        alone = numpy_of(*beam_search(chain.step, alone, start_token=0, **options))
        for expected, found in zip(alone, together, strict=True):
            np.testing.assert_allclose(found[example], expected[0], rtol=1e-5)


@pytest.mark.backends
def test_beams_that_have_ended_are_ranked_with_their_end_token():
    some_ended_early = False
    for chain in ending_chains():
        result = beam_search(
            chain.step,
            chain.states(),
            start_token=0,
            end_token=2,
            max_length=9,
            beam_width=3,
            length_penalty=2.0,
        )
        _, scores, log_probs, lengths = numpy_of(*result)
        assert (np.diff(scores, axis=1) <= 0).all()
        early = lengths < 9
        expected = log_probs / ((5 + lengths) / 6) ** 2.0
        np.testing.assert_allclose(scores[early], expected[early], rtol=1e-5)
        some_ended_early |= bool(early.all(axis=1).any())
    assert some_ended_early


def test_a_beam_of_one_is_greedy_search():
    for seed, end in ((0, None), (1, 1)):
        chain = Chain(seed)
        options = {"start_token": 2, "end_token": end, "max_length": 6}
        greedy = numpy_of(*greedy_search(chain.step, chain.states(), **options))
        beam = beam_search(chain.step, chain.states(), beam_width=1, **options)
        np.testing.assert_array_equal(numpy_of(beam.token_ids)[:, 0], greedy[0])
        np.testing.assert_allclose(numpy_of(beam.log_probs)[:, 0], greedy[1], 1e-5)
        np.testing.assert_array_equal(numpy_of(beam.lengths)[:, 0], greedy[2])


def test_a_beam_of_full_width_finds_the_best_of_all_sequences():
    chain = Chain(7, vocabulary_size=3)
    result = beam_search(
        chain.step, chain.states(), start_token=0, max_length=4, beam_width=27
    )
    token_ids, log_probs = numpy_of(result.token_ids, result.log_probs)
    for example in range(3):
        every = {
            tokens: chain.log_prob(example, 0, tokens)
            for tokens in itertools.product(range(3), repeat=4)
        }
        best = max(every, key=every.get)
        assert tuple(token_ids[example, 0]) == best
        np.testing.assert_allclose(log_probs[example, 0], every[best], rtol=1e-5)


@pytest.mark.backends
def test_a_beam_wider_than_the_vocabulary_holds_every_sequence_once():
    chain = Chain(8, vocabulary_size=3)
    result = beam_search(
        chain.step, chain.states(), start_token=0, max_length=2, beam_width=11
    )
    token_ids, log_probs, lengths = numpy_of(
        result.token_ids, result.log_probs, result.lengths
    )
    for example in range(3):
        found = {tuple(int(t) for t in ids) for ids in token_ids[example, :9]}
        assert found == set(itertools.product(range(3), repeat=2))
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1.0, rtol=1e-5)
    assert (log_probs[:, 9:] == -np.inf).all()
    assert (lengths[:, 9:] == 0).all()
    assert (token_ids[:, 9:] == 0).all()


def test_the_start_token_may_be_the_end_token():
    chain = Chain(3)
    for search, more in ((greedy_search, {}), (beam_search, {"beam_width": 1})):
        token_ids, *_ = search(
            chain.step, chain.states(), start_token=2, end_token=2, max_length=4, **more
        )
        first = numpy_of(token_ids).reshape(3, 4)[:, 0]
        expected = [np.argmax(chain.log_probs(i, [2])) for i in range(3)]
        np.testing.assert_array_equal(first, expected)
        assert (first != 2).any()


@pytest.mark.backends
@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX traces a step once, however many run"
)
def test_searches_stop_when_all_sequences_have_ended():
    steps = []

    def step(token_ids, states):
        steps.append(token_ids)
        count = states[0]
        return ops.one_hot(ops.where(count < 2, 1, 3), 4) * 50.0, [count + 1]

    for search in (
        greedy_search,
        lambda *args, **kwargs: sample(*args, **kwargs, seed=0),
        lambda *args, **kwargs: beam_search(*args, **kwargs, beam_width=1),
    ):
        steps.clear()
        token_ids, *_ = search(
            step,
            [ops.zeros((2,), dtype="int32")],
            start_token=0,
            end_token=3,
            max_length=50,
        )
        assert len(steps) == 3
        assert numpy_of(token_ids).reshape(2, 50).sum(axis=1).tolist() == [146, 146]


@pytest.mark.backends
def test_states_in_half_precision_stay_so():
    def step(token_ids, states):
        hidden = ops.cast(states, "float32") + ops.one_hot(token_ids, 3)
        return ops.cast(hidden, "float16"), hidden  # float32, as no state should be

    result = beam_search(
        step,
        ops.zeros((2, 3), dtype="float16"),
        start_token=0,
        max_length=3,
        beam_width=2,
    )
    assert numpy_of(result.log_probs).dtype == "float32"
    assert numpy_of(result.token_ids)[:, 0].tolist() == [[0, 0, 0]] * 2


# Greedy search and given sequences


@pytest.mark.backends
@pytest.mark.parametrize("end", [None, 1])
def test_greedy_search_equals_its_definition(end):
    chain = Chain(9)
    token_ids, log_probs, lengths = numpy_of(
        *greedy_search(
            chain.step, chain.states(), start_token=4, end_token=end, max_length=7
        )
    )
    for example in range(3):
        tokens = [4]
        while len(tokens) <= 7 and end not in tokens[1:]:
            tokens.append(int(np.argmax(chain.log_probs(example, tokens))))
        expected = tokens[1:]
        assert token_ids[example].tolist() == padded(expected, 7, end)
        assert lengths[example] == len(expected)
        np.testing.assert_allclose(
            log_probs[example], chain.log_prob(example, 4, expected), rtol=1e-5
        )


@pytest.mark.backends
def test_sequence_log_prob_equals_its_definition():
    chain = Chain(10)
    token_ids = np.random.default_rng(0).integers(0, 5, (3, 6))
    lengths = np.array([6, 3, 1])
    found = numpy_of(
        sequence_log_prob(
            chain.step, chain.states(), token_ids, start_token=1, lengths=lengths
        )
    )
    expected = [
        chain.log_prob(i, 1, token_ids[i, : lengths[i]]) for i in range(chain.batch)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    whole = numpy_of(
        sequence_log_prob(chain.step, chain.states(), token_ids, start_token=1)
    )
    expected = [chain.log_prob(i, 1, token_ids[i]) for i in range(chain.batch)]
    np.testing.assert_allclose(whole, expected, rtol=1e-5)


def test_what_follows_a_sequence_does_not_count():
    chain = Chain(11)
    options = {"start_token": 1, "lengths": [2, 2, 2]}
    found = [
        numpy_of(sequence_log_prob(chain.step, chain.states(), token_ids, **options))
        for token_ids in (np.full((3, 2), 3), np.tile([3, 3, -1, 99], (3, 1)))
    ]
    np.testing.assert_array_equal(*found)


def test_sequence_log_prob_agrees_with_every_search():
    chain = Chain(12)
    options = {"start_token": 0, "end_token": 2, "max_length": 6}
    for search in (
        greedy_search(chain.step, chain.states(), **options),
        sample(chain.step, chain.states(), seed=3, temperature=2.0, **options),
    ):
        token_ids, log_probs, lengths = search
        found = sequence_log_prob(
            chain.step, chain.states(), token_ids, start_token=0, lengths=lengths
        )
        np.testing.assert_allclose(*numpy_of(found, log_probs), rtol=1e-5)


# Sampling


LOGITS = np.array([1.0, -0.5, 0.3, 2.0, -2.0, 0.9], "float32")


def draws(num=20_000, seed=0, **options):
    """First tokens of many sequences of a model without memory."""

    def step(token_ids, states):
        del token_ids
        return ops.broadcast_to(ops.convert_to_tensor(LOGITS), (num, 6)), states

    token_ids, log_probs, _ = sample(
        step, (), start_token=np.zeros(num, int), max_length=1, seed=seed, **options
    )
    return numpy_of(token_ids)[:, 0], numpy_of(log_probs)


def assert_distributed(tokens, probs):
    counts = np.bincount(tokens, minlength=len(probs))
    assert (counts[probs == 0] == 0).all()
    expected = len(tokens) * probs[probs > 0]
    chi_squared = ((counts[probs > 0] - expected) ** 2 / expected).sum()
    assert chi_squared < 25.0  # one in 7,000 exceeds it with 5 degrees of freedom


@pytest.mark.backends
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_samples_are_distributed_as_the_softmax(temperature):
    tokens, log_probs = draws(temperature=temperature)
    assert_distributed(tokens, np.exp(log_softmax(LOGITS / temperature)))
    np.testing.assert_allclose(log_probs, log_softmax(LOGITS)[tokens], rtol=1e-5)


def test_top_k_draws_from_the_k_best_in_their_proportion():
    probs = np.exp(log_softmax(LOGITS))
    probs[[1, 2, 4]] = 0
    tokens, _ = draws(top_k=3)
    assert_distributed(tokens, probs / probs.sum())


@pytest.mark.backends
def test_top_p_draws_from_the_nucleus_in_its_proportion():
    probs = np.exp(log_softmax(LOGITS))  # 0.19 0.04 0.09 0.50 0.01 0.17
    probs[[1, 2, 4]] = 0
    tokens, _ = draws(top_p=0.75)
    assert_distributed(tokens, probs / probs.sum())


def test_the_temperature_comes_before_the_nucleus():
    tokens, _ = draws(temperature=0.2, top_p=0.75)
    assert set(tokens.tolist()) == {3}


def test_constraints_come_before_the_filters():
    automaton = TokenAutomaton([[0, 0, 0, -1, 0, -1]])
    tokens, log_probs = draws(top_k=2, constraint=automaton)
    assert set(tokens.tolist()) == {0, 2}
    np.testing.assert_allclose(log_probs, log_softmax(LOGITS)[tokens], rtol=1e-5)


@pytest.mark.backends
def test_a_constraint_renormalizes_what_is_drawn():
    automaton = TokenAutomaton([[0, -1, 0, -1, 0, -1]])
    probs = np.exp(log_softmax(LOGITS))
    probs[[1, 3, 5]] = 0
    for temperature in (1.0, 1e12):  # a flat distribution over what is allowed
        tokens, _ = draws(constraint=automaton, temperature=temperature)
        flat = (probs > 0).astype(float)
        weights = probs if temperature == 1.0 else flat
        assert_distributed(tokens, weights / weights.sum())


def test_later_tokens_follow_the_model():
    chain = Chain(13, vocabulary_size=3, batch=1, scale=1.0)
    num = 20_000
    states = keras.tree.map_structure(
        lambda leaf: ops.repeat(leaf, num, axis=0), chain.states()
    )
    token_ids, _, lengths = sample(
        chain.step, states, start_token=0, end_token=2, max_length=3, seed=5
    )
    token_ids, lengths = numpy_of(token_ids, lengths)
    found = {}
    for ids, length in zip(token_ids.tolist(), lengths, strict=True):
        assert all(token == 2 for token in ids[length:])
        tokens = tuple(ids[:length])
        found[tokens] = found.get(tokens, 0) + 1
    expected = {tokens: np.exp(chain.log_prob(0, 0, tokens)) for tokens in found}
    assert sum(expected.values()) > 0.99
    for tokens, count in found.items():
        spread = np.sqrt(expected[tokens] / num)
        assert abs(count / num - expected[tokens]) < 4.5 * spread + 1 / num


@pytest.mark.backends
def test_a_seed_repeats_and_a_generator_goes_on():
    chain = Chain(14)

    def drawn(seed):
        options = {"start_token": 0, "max_length": 20, "temperature": 3.0}
        return numpy_of(sample(chain.step, chain.states(), seed=seed, **options)[0])

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert (drawn(1) != drawn(2)).any()
    generator = keras.random.SeedGenerator(1)
    first, second = drawn(generator), drawn(generator)
    assert (first != second).any()
    np.testing.assert_array_equal(drawn(keras.random.SeedGenerator(1)), first)


def test_examples_are_drawn_independently():
    tokens, _ = draws(1000)
    assert len(set(tokens.tolist())) == 6


def test_temperature_zero_is_greedy_search():
    chain = Chain(15)
    options = {"start_token": 0, "end_token": 1, "max_length": 6}
    greedy = greedy_search(chain.step, chain.states(), **options)
    for temperature in (0.0, 1e-30):
        drawn = sample(
            chain.step, chain.states(), seed=0, temperature=temperature, **options
        )
        for found, expected in zip(drawn, greedy, strict=True):
            np.testing.assert_allclose(*numpy_of(found, expected), rtol=1e-6)


@pytest.mark.backends
def test_top_k_keeps_exactly_the_largest():
    logits = np.random.default_rng(0).normal(size=(2, 3, 10)).astype("float32")
    for k in (1, 4, 10, 12):
        filtered = numpy_of(filter_top_k(logits, k))
        kept = logits >= np.sort(logits, axis=-1)[..., -min(k, 10)][..., None]
        np.testing.assert_array_equal(filtered[kept], logits[kept])
        assert (filtered[~kept] == -1e9).all()
    ties = numpy_of(filter_top_k([2.0, 2.0, 2.0, 1.0, 2.0], 2))
    np.testing.assert_array_equal(ties > -1e9, [True, True, False, False, False])


@pytest.mark.backends
def test_the_nucleus_is_the_smallest_set_of_enough_mass():
    rng = np.random.default_rng(0)
    logits = (3 * rng.normal(size=(20, 8))).astype("float32")
    for p in (0.0, 1e-9, 0.3, 0.8, 0.99, 1.0):
        filtered = numpy_of(filter_top_p(logits, p))
        for row, kept in zip(logits.astype("float64"), filtered > -1e9, strict=True):
            probs = np.exp(log_softmax(row))
            mass = probs[kept].sum()
            assert kept.any()
            assert mass >= p - 2e-6
            assert kept.sum() == 1 or mass - probs[kept].min() < p
            assert kept.all() or probs[kept].min() >= probs[~kept].max()
        np.testing.assert_array_equal(
            filtered[filtered > -1e9], logits[filtered > -1e9]
        )


@pytest.mark.backends
def test_a_nucleus_is_not_enlarged_by_rounding_or_ties():
    probs = np.array([0.5, 0.3, 0.15, 0.05])
    for p, size in ((0.5, 1), (0.8, 2), (0.95, 3), (0.951, 4)):
        assert (numpy_of(filter_top_p(np.log(probs), p)) > -1e9).sum() == size
    for size in range(1, 13):
        kept = numpy_of(filter_top_p(np.zeros(12), size / 12)) > -1e9
        assert kept.sum() == size
    improbable = np.array([50.0, 0.0, -50.0])
    assert (numpy_of(filter_top_p(improbable, 1.0)) > -1e9).all()


# Constraints


def days(first_year, last_year):
    day, end = datetime.date(first_year, 1, 1), datetime.date(last_year, 12, 31)
    return [
        (day + datetime.timedelta(i)).isoformat() for i in range((end - day).days + 1)
    ]


def encoded(text):
    return [DASH if character == "-" else int(character) for character in text]


def decoded(token_ids):
    return "".join("-" if token == DASH else str(token) for token in token_ids)


def language(automaton, longest):
    """Every sequence that cannot be continued, by trying all tokens."""
    found, beginnings = set(), [()]
    for _ in range(longest + 1):
        longer = []
        for tokens in beginnings:
            following = [
                (*tokens, token)
                for token in range(automaton.vocabulary_size)
                if automaton.allows([*tokens, token])
            ]
            longer += following
            if not following:
                found.add(tokens)
        beginnings = longer
    assert not beginnings
    return found


@pytest.fixture(scope="module")
def dates():
    return TokenAutomaton.from_sequences(map(encoded, days(1900, 2099)), 11)


def test_an_automaton_is_the_set_of_its_sequences():
    rng = np.random.default_rng(0)
    for _ in range(20):
        sequences = {
            (*(int(t) for t in rng.integers(0, 3, rng.integers(0, 5))), 3)
            for _ in range(rng.integers(1, 30))
        }
        automaton = TokenAutomaton.from_sequences(sequences, 4)
        assert language(automaton, 5) == sequences


def test_an_automaton_has_no_state_too_many():
    rng = np.random.default_rng(1)
    for _ in range(10):
        sequences = {
            (*(int(t) for t in rng.integers(0, 2, rng.integers(0, 6))), 2)
            for _ in range(40)
        }
        automaton = TokenAutomaton.from_sequences(sequences, 3)
        beginnings = {s[:i] for s in sequences for i in range(len(s) + 1)}
        continuations = {
            frozenset(s[len(b) :] for s in sequences if s[: len(b)] == b)
            for b in beginnings
        }
        assert automaton.num_states == len(continuations)


def test_order_and_repetition_of_sequences_do_not_matter():
    sequences = np.array([encoded(day) for day in days(1999, 2001)])
    automaton = TokenAutomaton.from_sequences(sequences, 11)
    shuffled = np.random.default_rng(0).permutation(np.tile(sequences, (2, 1)))
    again = TokenAutomaton.from_sequences(shuffled.tolist(), 11)
    np.testing.assert_array_equal(automaton.transitions, again.transitions)


def test_the_days_of_two_centuries_are_a_small_automaton(dates):
    assert dates.num_states == 29
    reached = np.zeros(dates.num_states, int)  # how many beginnings lead to a state
    reached[0] = 1
    for _ in range(10):
        following = np.zeros_like(reached)
        for state, token in np.argwhere(dates.transitions >= 0):
            following[dates.transitions[state, token]] += reached[state]
        reached = following
    assert reached.sum() == len(days(1900, 2099)) == 73_049
    assert all(dates.allows(encoded(day)) for day in days(1999, 2001))
    for day in ("1979-05-33", "1900-02-29", "2001-02-29", "2100-01-01", "1999-1-01"):
        assert not dates.allows(encoded(day)), day
    assert dates.allows(encoded("2000-02-29"))


def wild_step(seed=0):
    """A model that would write any characters at all."""
    table = 5 * np.random.default_rng(seed).normal(size=(11, 11)).astype("float32")

    def step(token_ids, states):
        hidden = 0.9 * states + ops.take(table, token_ids, axis=0)
        return hidden, hidden

    return step


@pytest.mark.backends
def test_no_constrained_search_writes_what_is_no_date(dates):
    states = np.random.default_rng(2).normal(size=(40, 11)).astype("float32")
    options = {"start_token": 0, "max_length": 10}
    step = wild_step()
    free = numpy_of(greedy_search(step, states, **options)[0])
    assert not any(dates.allows(ids) for ids in free)
    found = [
        greedy_search(step, states, constraint=dates, **options)[0],
        sample(step, states, constraint=dates, seed=0, **options)[0],
        sample(step, states, constraint=dates, seed=0, temperature=1e6, **options)[0],
        sample(step, states, constraint=dates, seed=0, top_p=0.9, **options)[0],
        beam_search(step, states, constraint=dates, beam_width=5, **options).token_ids,
    ]
    for token_ids in found:
        written = [decoded(ids) for ids in numpy_of(token_ids).reshape(-1, 10)]
        for text in written:
            datetime.date.fromisoformat(text)
            assert "1900" <= text[:4] <= "2099"
        assert len(set(written)) > 1


@pytest.mark.backends
def test_a_model_certain_of_no_date_gets_another():
    text = "1979-05-33"
    certain = np.zeros((10, 11), "float32")
    certain[np.arange(10), encoded(text)] = np.inf  # the rest has probability 0
    certain = np.where(certain > 0, 0.0, -np.inf).astype("float32")

    def step(token_ids, states):
        del token_ids
        return ops.take(certain, states, axis=0), states + 1

    automaton = TokenAutomaton.from_sequences(map(encoded, days(1979, 1980)), 11)
    states = ops.zeros((2,), dtype="int32")
    options = {"start_token": 0, "max_length": 10}
    token_ids, log_probs, _ = greedy_search(step, states, **options)
    assert [decoded(ids) for ids in numpy_of(token_ids)] == [text, text]
    assert numpy_of(log_probs).tolist() == [0.0, 0.0]
    for search in (
        greedy_search(step, states, constraint=automaton, **options),
        sample(step, states, constraint=automaton, seed=0, **options),
    ):
        for ids in numpy_of(search[0]):
            assert decoded(ids)[:9] == "1979-05-3"
            datetime.date.fromisoformat(decoded(ids))
        assert (numpy_of(search[1]) == -np.inf).all()


@pytest.mark.backends
def test_constrained_beam_search_equals_its_definition():
    chain = Chain(16)
    rng = np.random.default_rng(3)
    sequences = {
        (*(int(t) for t in rng.integers(1, 5, rng.integers(1, 5))), 0)
        for _ in range(60)
    }
    automaton = TokenAutomaton.from_sequences(sequences, 5)
    result = beam_search(
        chain.step,
        chain.states(),
        start_token=1,
        end_token=0,
        max_length=5,
        beam_width=6,
        length_penalty=0.8,
        constraint=automaton,
    )
    token_ids, _, log_probs, lengths = numpy_of(*result)
    for example in range(3):
        beams = searched(chain, example, 1, 0, 5, 6, 0.8, automaton)
        for i, (tokens, log_prob, _) in enumerate(beams):
            assert tokens in sequences
            assert tuple(token_ids[example, i, : lengths[example, i]]) == tokens
            np.testing.assert_allclose(log_probs[example, i], log_prob, rtol=1e-4)


def test_log_probs_of_constrained_sequences_are_the_models_own(dates):
    step = wild_step(1)
    states = np.zeros((1, 11), "float32")
    result = beam_search(
        step, states, start_token=0, max_length=10, beam_width=4, constraint=dates
    )
    found = sequence_log_prob(
        step, np.repeat(states, 4, axis=0), result.token_ids[0], start_token=0
    )
    np.testing.assert_allclose(*numpy_of(found, result.log_probs[0]), rtol=1e-5)


@pytest.mark.backends
def test_a_small_language_leaves_the_last_beams_empty():
    chain = Chain(17)
    sequences = [[0, 4], [1, 2, 4], [1, 3, 3, 4]]
    result = beam_search(
        chain.step,
        chain.states(),
        start_token=0,
        end_token=4,
        max_length=6,
        beam_width=5,
        length_penalty=5.0,
        constraint=TokenAutomaton.from_sequences(sequences, 5),
    )
    token_ids, scores, log_probs, lengths = numpy_of(*result)
    for example in range(3):
        found = [
            ids[:length].tolist()
            for ids, length in zip(token_ids[example], lengths[example], strict=True)
        ]
        assert sorted(found[:3]) == sequences
        assert found[3:] == [[], []]
    assert np.isfinite(log_probs[:, :3]).all()
    assert (log_probs[:, 3:] == -np.inf).all()
    assert (scores[:, 3:] == -np.inf).all()
    assert (token_ids[:, 3:] == 4).all()


# Within a model


class Writer(keras.layers.Layer):
    """Writes sequences from a first hidden state, within `call`."""

    def __init__(self, search, units=6, vocabulary_size=9):
        super().__init__()
        self.search = search
        self.cell = keras.layers.GRUCell(units)
        self.embedding = keras.layers.Embedding(vocabulary_size, 5)
        self.logits = keras.layers.Dense(vocabulary_size)
        self.seed_generator = keras.random.SeedGenerator(3)

    def build(self, input_shape):
        self.embedding.build((None,))
        self.cell.build((None, 5))
        self.logits.build((None, input_shape[-1]))

    def step(self, token_ids, states):
        outputs, states = self.cell(self.embedding(token_ids), states)
        return 5.0 * self.logits(outputs), states

    def call(self, hidden):
        return tuple(self.search(self, [hidden]))


def search_of(kind, constraint):
    options = {
        "start_token": 1,
        "end_token": 2,
        "max_length": 7,
        "constraint": constraint,
    }
    return {
        "greedy": lambda writer, states: greedy_search(writer.step, states, **options),
        "sample": lambda writer, states: sample(
            writer.step, states, seed=writer.seed_generator, top_p=0.9, **options
        ),
        "beam": lambda writer, states: beam_search(
            writer.step, states, beam_width=3, length_penalty=1.0, **options
        ),
    }[kind]


@pytest.mark.backends
@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("kind", ["greedy", "sample", "beam"])
def test_a_compiled_model_writes_what_the_eager_one_does(kind, constrained):
    keras.utils.set_random_seed(4)
    rows = np.random.default_rng(5).integers(3, 9, (50, 6))
    rows = np.concatenate([rows, np.full((50, 1), 2)], axis=1)
    constraint = TokenAutomaton.from_sequences(rows, 9) if constrained else None
    writer = Writer(search_of(kind, constraint))
    inputs = keras.Input((6,))
    model = keras.Model(inputs, writer(inputs))
    assert model.output[0].shape == ((None, 3, 7) if kind == "beam" else (None, 7))
    hidden = np.random.default_rng(6).normal(size=(5, 6)).astype("float32")
    compiled = model.predict(hidden, verbose=0)
    writer.seed_generator.state.assign(keras.random.SeedGenerator(3).state)
    eager = numpy_of(*writer(ops.convert_to_tensor(hidden)))
    for found, expected in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert [array.dtype for array in compiled] == [array.dtype for array in eager]
    if constrained:
        allowed = {tuple(row) for row in rows.tolist()}
        assert {tuple(ids) for ids in compiled[0].reshape(-1, 7).tolist()} <= allowed


def test_beams_go_with_the_states_that_a_step_holds():
    """The encoder's outputs, repeated by the caller, serve as well as a state does."""
    chain = Chain(18)
    hidden = chain.states()["hidden"]
    memory = chain.states()["fixed"][0]
    options = {"start_token": 0, "end_token": 1, "max_length": 5, "beam_width": 3}

    def step_with(memory, token_ids, states):
        hidden, count = states
        logits, states = chain.step(
            token_ids, {"hidden": hidden, "fixed": [memory, count]}
        )
        return logits, (states["hidden"], states["fixed"][1])

    held = ops.repeat(memory, 3, axis=0)
    states = (hidden, ops.zeros((3,), dtype="int32"))
    found = beam_search(
        lambda token_ids, states: step_with(held, token_ids, states), states, **options
    )
    expected = beam_search(chain.step, chain.states(), **options)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(*numpy_of(one, other))


# Bad arguments


GOOD = {"start_token": 0, "max_length": 3}
PAIRS = TokenAutomaton.from_sequences([[0, 1], [1, 1]], 5)


def flat_step(token_ids, states):
    del token_ids
    return states * 0.0, states


def wrong_logits(token_ids, states):
    del token_ids
    return states[:, None], states


def growing(token_ids, states):
    del token_ids
    return states, ops.concatenate([states, states], axis=1)


@pytest.mark.parametrize(
    ("search", "wrong", "words"),
    [
        (greedy_search, {"max_length": 0}, "`max_length` must be a whole number, 1"),
        (greedy_search, {"max_length": 2.5}, "`max_length` must .*2.5"),
        (greedy_search, {"end_token": -1}, "`end_token` must .*end_token=-1"),
        (greedy_search, {"end_token": 5}, "`end_token` must be below 5.*end_token=5"),
        (greedy_search, {"start_token": 0.5}, "`start_token` must be an integer"),
        (greedy_search, {"start_token": [[0]]}, r"`start_token` must .*\(1, 1\)"),
        (greedy_search, {"start_token": [0, 0, 0]}, r"one batch.*\[2, 3\]"),
        (greedy_search, {"states": ()}, r"`start_token` must be an array \(batch,\)"),
        (greedy_search, {"states": 1.0}, "`states` must have the batch"),
        (greedy_search, {"step": wrong_logits}, r"`step` must .*\(2, 1, 5\)"),
        (greedy_search, {"step": growing}, r"`step` must return states.*\(10,\)"),
        (greedy_search, {"constraint": "dates"}, "`constraint` must be a TokenAuto"),
        (greedy_search, {"constraint": PAIRS}, "after 2 tokens, with max_length=3"),
        (
            greedy_search,
            {"constraint": TokenAutomaton([[0, 0]])},
            "`constraint` must be for 5 tokens.*vocabulary_size=2",
        ),
        (beam_search, {"beam_width": 0}, "`beam_width` must .*beam_width=0"),
        (beam_search, {"length_penalty": -1}, "`length_penalty` must .*penalty=-1"),
        (beam_search, {"length_penalty": np.nan}, "`length_penalty` must .*nan"),
        (beam_search, {"constraint": PAIRS}, "after 2 tokens, with max_length=3"),
        (sample, {"temperature": -0.1}, "`temperature` must .*temperature=-0.1"),
        (sample, {"temperature": np.inf}, "`temperature` must .*inf"),
        (sample, {"top_k": 0}, "`top_k` must .*top_k=0"),
        (sample, {"top_p": 1.1}, "`top_p` must be from 0 to 1.*top_p=1.1"),
        (sample, {"seed": None}, "`seed` must .*seed=None"),
        (sample, {"max_length": 0}, "`max_length` must be a whole number, 1"),
    ],
)
def test_searches_refuse_bad_arguments(search, wrong, words):
    more = {beam_search: {"beam_width": 2}, sample: {"seed": 0}}.get(search, {})
    arguments = GOOD | more | {"step": flat_step, "states": np.zeros((2, 5), "float32")}
    with pytest.raises(ValueError, match=words):
        search(**(arguments | wrong))


def test_the_good_arguments_are_good():
    states = np.zeros((2, 5), "float32")
    for token_ids in (
        greedy_search(flat_step, states, **GOOD)[0],
        sample(flat_step, states, seed=0, **GOOD)[0],
        beam_search(flat_step, states, beam_width=2, **GOOD).token_ids[:, 0],
    ):
        assert tuple(token_ids.shape) == (2, 3)


def test_sequence_log_prob_refuses_bad_arguments():
    states = np.zeros((2, 5), "float32")
    for token_ids, lengths, words in (
        ([0, 1], None, r"`token_ids` must be integers \(batch, length\)"),
        ([[0.5], [0.5]], None, "`token_ids` must be integers"),
        ([[0], [1], [2]], None, r"one batch.*\[2, 3\]"),
        ([[0], [1]], [[1]], r"`lengths` must be integers \(batch,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            sequence_log_prob(
                flat_step, states, token_ids, start_token=0, lengths=lengths
            )


def test_filters_refuse_bad_arguments():
    with pytest.raises(ValueError, match=r"`k` must be a whole number.*k=0"):
        filter_top_k(LOGITS, 0)
    with pytest.raises(ValueError, match=r"`p` must be from 0 to 1.*p=-0.5"):
        filter_top_p(LOGITS, -0.5)


@pytest.mark.parametrize(
    ("transitions", "words"),
    [
        ([0, 1], r"`transitions` must be whole numbers.*shape=\(2,\)"),
        ([[0.0]], "`transitions` must be whole numbers.*float64"),
        ([[0, 2], [-1, 1]], r"from -1 to num_states - 1 = 1.*transitions\[0, 1\]=2"),
        ([[0, -2]], r"transitions\[0, 1\]=-2"),
        ([[-1, -1], [0, 1]], "must allow a token in state 0"),
    ],
)
def test_automata_refuse_bad_tables(transitions, words):
    with pytest.raises(ValueError, match=words):
        TokenAutomaton(transitions)


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        ([], "`sequences` must hold one sequence or more.*0 sequences"),
        ([[0], []], "2 sequences, 1 of them empty"),
        ([[0, 1], [3]], "below vocabulary_size=3.*Received: 3"),
        ([[0, -1]], "whole numbers of 0 or more. Received: -1"),
        (np.array([[0, -1]]), "whole numbers of 0 or more. Received: -1"),
        ([[0.5]], "whole numbers of 0 or more. Received: 0.5"),
        (["01"], "whole numbers of 0 or more. Received: '0'"),
        ([[1, 2], [0, 1], [0, 1, 2]], r"beginning of another.*\[0, 1\] and a longer"),
    ],
)
def test_automata_refuse_bad_sequences(sequences, words):
    with pytest.raises(ValueError, match=words):
        TokenAutomaton.from_sequences(sequences, 3)


def test_an_automaton_cannot_be_changed():
    automaton = TokenAutomaton([[0, 1], [-1, 1]])
    with pytest.raises(ValueError, match="read-only"):
        automaton.transitions[0, 0] = 1
    assert not automaton.allows([2])
    assert not automaton.allows([-1])
