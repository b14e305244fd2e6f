"""Sequences from a model that predicts the next token: the best, or random ones.

Every model of sequences can be decoded that offers one function, its step:
`step(token_ids, states) -> (logits, states)`. It takes the tokens of the last
position `(batch,)` and the model's states, a nest of tensors (hidden states of a
recurrent layer, a cache of keys and values, the encoder's outputs), each with the
batch as its first axis, and returns the logits of the next tokens
`(batch, vocabulary)` and the new states, of the shapes that it was given.

- `greedy_search` takes the most probable token at every position,
- `sample` draws each token, after `filter_top_k` and `filter_top_p` if wanted,
- `beam_search` keeps the `beam_width` best beginnings at every position,
- `sequence_log_prob` says how probable the model finds a given sequence,
- `TokenAutomaton` has the first three write nothing but sequences of a language.

The loops are `keras.ops.while_loop`: called within the `call` of a Keras layer they
are compiled with it on TensorFlow and JAX, and stop when every sequence has ended.
Called outside they run as well; but JAX then compiles them anew at every call, which
takes seconds. Layers that `step` calls must have been built before. No gradients
flow back.
"""

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

Step = Callable[[Any, Any], tuple[Any, Any]]

# What removed logits become: softmax makes it an exact 0, and sums stay finite.
REMOVED = -1e9
# Less improbable than any removed token; finite, so that differences are, too.
IMPROBABLE = -1e8


class TokenAutomaton:
    """A language as a table: which tokens may follow, and what state they lead to.

    A sequence starts in state 0. In state `s` the token `t` is allowed where
    `transitions[s, t] >= 0`, which is the next state.

    The log-probabilities of constrained sequences remain the model's own: tokens are
    forbidden after the log-softmax over the whole vocabulary. Where the model holds
    forbidden tokens probable, the log-probability of what is left is low, which tells
    an input that fits the language from one that does not.

    Args:
        transitions: integers `(num_states, vocabulary_size)`, the next state or -1.

    Attributes:
        transitions: the same as a read-only int32 array.
        num_states: rows of the table.
        vocabulary_size: columns of the table.

    Raises:
        ValueError: `transitions` is no table of whole numbers from -1 to
            `num_states - 1`, or state 0 allows no token.

    Example:
        Any number of zeros, then ones:

        >>> automaton = TokenAutomaton([[0, 1], [-1, 1]])
        >>> automaton.allows([0, 0, 1]), automaton.allows([0, 1, 0])
        (True, False)

    Reference:
        - Willard and Louf, 2023, "Efficient guided generation for large language
          models", arXiv:2307.09702.
    """

    def __init__(self, transitions: ArrayLike):
        table = np.asarray(transitions)
        if table.ndim != 2 or table.size == 0 or table.dtype.kind not in "iu":
            raise ValueError(
                "`transitions` must be whole numbers (num_states, vocabulary_size). "
                f"Received: shape={table.shape}, dtype={table.dtype}. Give one row "
                "for each state."
            )
        wrong = (table < -1) | (table >= len(table))
        if wrong.any():
            state, token = np.argwhere(wrong)[0]
            raise ValueError(
                f"`transitions` must be from -1 to num_states - 1 = {len(table) - 1}. "
                f"Received: transitions[{state}, {token}]={table[state, token]}. Use "
                "-1 for a token that is not allowed."
            )
        if (table[0] < 0).all():
            raise ValueError(
                "`transitions` must allow a token in state 0, where sequences start. "
                f"Received: transitions[0]={table[0].tolist()}. Reorder the states."
            )
        self.transitions = table.astype("int32")
        self.transitions.flags.writeable = False
        self.num_states, self.vocabulary_size = table.shape

    @classmethod
    def from_sequences(
        cls, sequences: Iterable[Sequence[int]], vocabulary_size: int
    ) -> "TokenAutomaton":
        """Builds the smallest automaton that allows the given sequences alone.

        States from which the same tokens lead to the end are one state, so that the
        73,049 days of two hundred years need 29 states.

        Args:
            sequences: rows of token ids, in any order, of any lengths; an array
                `(num_sequences, length)` or an iterable. Where lengths differ, let
                each sequence end with the end token.
            vocabulary_size: number of tokens.

        Returns:
            The automaton. The state after a whole sequence allows no token.

        Raises:
            ValueError: there is no sequence or an empty one, a token is not in the
                vocabulary, or a sequence is the beginning of another, so that nothing
                would say whether it is over.

        Example:
            >>> automaton = TokenAutomaton.from_sequences([[0, 1, 2], [1, 1, 2]], 3)
            >>> automaton.num_states
            4
            >>> automaton.allows([1, 1, 2]), automaton.allows([2, 1, 2])
            (True, False)

        Reference:
            - Revuz, 1992, "Minimisation of acyclic deterministic automata in linear
              time", Theoretical Computer Science 92, 181-189.
        """
        _check_whole("vocabulary_size", vocabulary_size, 1)
        rows = _padded(sequences)
        _check_rows(rows, vocabulary_size)

        # After sorting, rows with a common beginning are neighbours. first[i] is the
        # first position at which row i differs from the row above.
        rows = rows[np.lexsort(rows.T[::-1])]
        differs = rows[1:] != rows[:-1]
        rows = rows[np.concatenate([[True], differs.any(axis=1)])]
        differs = differs[differs.any(axis=1)]
        first = np.concatenate([[0], np.argmax(differs, axis=1)]).astype(int)
        over = rows[np.arange(len(rows) - 1), first[1:]] < 0
        if over.any():
            row = rows[np.argmax(over)]
            raise ValueError(
                "`sequences` must not hold the beginning of another sequence. "
                f"Received: {row[row >= 0].tolist()} and a longer one. Let every "
                "sequence end with an end token."
            )

        # From the last position to the first: a state is known by its edges alone.
        states: dict[bytes, int] = {b"": 0}
        edges: list[np.ndarray] = [np.empty((0, 2), int)]
        heads = np.arange(len(rows))  # the first row of every node's block
        nodes = np.zeros(len(rows), int)  # the state of every node of one depth
        for depth in reversed(range(rows.shape[1])):
            # Nodes of the depth above are blocks of rows equal up to here.
            starts = np.flatnonzero(first[heads] < depth) if depth else np.array([0])
            pairs = np.stack([rows[heads, depth], nodes], axis=1)
            pairs_of = np.split(pairs, starts[1:])
            heads = heads[starts]
            nodes = np.empty(len(heads), int)
            for node, own in enumerate(pairs_of):
                own = own[own[:, 0] >= 0]  # padding leads nowhere
                key = own.tobytes()
                if key not in states:
                    states[key] = len(edges)
                    edges.append(own)
                nodes[node] = states[key]

        # The start was found last, and is to be 0.
        transitions = np.full((len(edges), vocabulary_size), -1)
        for state, own in enumerate(edges):
            transitions[-1 - state, own[:, 0]] = len(edges) - 1 - own[:, 1]
        return cls(transitions)

    def allows(self, token_ids: Sequence[int]) -> bool:
        """Says whether every token of a sequence is allowed after those before it.

        Args:
            token_ids: whole numbers, in order from the start.

        Returns:
            Whether the automaton allows them all; the beginning of a sequence is
            allowed, too.

        Example:
            >>> TokenAutomaton([[0, 1], [-1, 1]]).allows([1, 0])
            False
        """
        state = 0
        for token in token_ids:
            if state < 0 or not 0 <= token < self.vocabulary_size:
                return False
            state = int(self.transitions[state, token])
        return state >= 0


class BeamSearchResult(NamedTuple):
    """What `beam_search` found: for every example its beams, the best first.

    Attributes:
        token_ids: int32 `(batch, beam, max_length)`, the end token after the end.
        scores: float32 `(batch, beam)`, log-probabilities with the length penalty.
        log_probs: float32 `(batch, beam)`, the model's own.
        lengths: int32 `(batch, beam)`, tokens with the end token.

    Example:
        >>> BeamSearchResult._fields
        ('token_ids', 'scores', 'log_probs', 'lengths')
    """

    token_ids: Any
    scores: Any
    log_probs: Any
    lengths: Any


def greedy_search(
    step: Step,
    states: Any,
    *,
    start_token: int | ArrayLike,
    end_token: int | None = None,
    max_length: int,
    constraint: TokenAutomaton | None = None,
) -> tuple[Any, Any, Any]:
    """Takes the most probable token at every position.

    `y_t = argmax_y P(y | y_1 ... y_{t-1})`, among the tokens that the constraint
    allows, until the end token or `max_length`.

    Args:
        step: `step(token_ids, states) -> (logits, states)`: from the last tokens
            `(batch,)` and the states to the logits of the next `(batch, vocabulary)`
            and the new states.
        states: nest of tensors, each with the batch as its first axis; may be empty
            where `start_token` is an array.
        start_token: what `step` gets first, an integer or one for each example,
            `(batch,)`; any, 0 say, for a model that ignores it. It is no part of the
            result.
        end_token: token that ends a sequence, or None where all have `max_length`.
        max_length: most tokens of a sequence, the end token included.
        constraint: allows some sequences only.

    Returns:
        `(token_ids, log_probs, lengths)`: int32 `(batch, max_length)`, the end token
        after the end; float32 `(batch,)`, the log-probability of the sequence with
        its end token; int32 `(batch,)`, the number of tokens with the end token.

    Raises:
        ValueError: an argument is out of range, or the constraint leaves no token
            before `max_length`.

    Example:
        A model in which 1 follows 0, and 2 ends:

        >>> import numpy as np
        >>> table = np.log([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.1, 0.1, 0.8]])
        >>> def step(token_ids, states):
        ...     return ops.take(table.astype("float32"), token_ids, axis=0), states
        >>> token_ids, log_probs, lengths = greedy_search(
        ...     step, (), start_token=[0, 1], end_token=2, max_length=4
        ... )
        >>> ops.convert_to_numpy(token_ids).tolist()
        [[1, 2, 2, 2], [2, 2, 2, 2]]
        >>> [f"{p:.2f}" for p in np.exp(ops.convert_to_numpy(log_probs))]
        ['0.56', '0.70']
        >>> ops.convert_to_numpy(lengths).tolist()
        [2, 1]
    """

    def most_probable(log_probs, allowed, position):
        del position
        choice = ops.maximum(log_probs, IMPROBABLE)
        if allowed is not None:
            choice = ops.where(allowed, choice, REMOVED)
        return ops.argmax(choice, axis=-1)

    return _generate(
        most_probable, step, states, start_token, end_token, max_length, constraint
    )


def sample(
    step: Step,
    states: Any,
    *,
    start_token: int | ArrayLike,
    end_token: int | None = None,
    max_length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | keras.random.SeedGenerator,
    constraint: TokenAutomaton | None = None,
) -> tuple[Any, Any, Any]:
    """Draws every token from the model's distribution, sharpened and cut if wanted.

    In this order: the constraint removes tokens, the logits are divided by the
    temperature, `filter_top_k` and `filter_top_p` remove more, and a token is drawn
    from the softmax of what is left.

    All random numbers are drawn at once, before the first step. A seed therefore
    repeats its sequences on one backend; other backends draw others.

    Args:
        step: as in `greedy_search`.
        states: as in `greedy_search`.
        start_token: as in `greedy_search`.
        end_token: as in `greedy_search`.
        max_length: as in `greedy_search`.
        temperature: below 1 the probable becomes more probable, above 1 less; 0 is
            `greedy_search`.
        top_k: draw from this many tokens at most, or None.
        top_p: draw from the fewest tokens of this probability together, or None.
        seed: an integer, for the same sequences at every call, or a
            `keras.random.SeedGenerator`, for others each time. A compiled layer
            must hold the generator as its attribute.
        constraint: allows some sequences only.

    Returns:
        `(token_ids, log_probs, lengths)` as `greedy_search` does. The
        log-probabilities are those of the model, at temperature 1 and without
        filters, so that they compare with those of the other functions.

    Raises:
        ValueError: an argument is out of range, or the constraint leaves no token
            before `max_length`.

    Example:
        A fair coin, thrown eight times in 1000 games:

        >>> import numpy as np
        >>> def step(token_ids, states):
        ...     return ops.zeros((1000, 2)), states
        >>> token_ids, log_probs, _ = sample(
        ...     step, (), start_token=np.zeros(1000, int), max_length=8, seed=1
        ... )
        >>> bool(0.45 < ops.convert_to_numpy(token_ids).mean() < 0.55)
        True
        >>> f"{2 ** -8:.4f} {np.exp(ops.convert_to_numpy(log_probs)[0]):.4f}"
        '0.0039 0.0039'

    Reference:
        - Holtzman et al., 2020, "The curious case of neural text degeneration", ICLR,
          arXiv:1904.09751.
    """
    if not _is_number(temperature) or temperature < 0:
        raise ValueError(
            "`temperature` must be a finite number, 0 or more. Received: "
            f"temperature={temperature}. Use 1.0 for the model's own distribution, 0 "
            "for the most probable tokens."
        )
    if top_k is not None:
        _check_whole("top_k", top_k, 1, "Use None to draw from all tokens.")
    if top_p is not None:
        _check_mass("top_p", top_p, "Use None to draw from all tokens.")
    if not isinstance(seed, keras.random.SeedGenerator):
        _check_whole(
            "seed", seed, 0, "Or give a keras.random.SeedGenerator, for new draws."
        )
        seed = int(seed)
    if temperature == 0:
        return greedy_search(
            step,
            states,
            start_token=start_token,
            end_token=end_token,
            max_length=max_length,
            constraint=constraint,
        )
    _check_whole("max_length", max_length, 1)
    batch, _ = _check_batch(states, start_token)
    uniform = keras.random.uniform((batch, int(max_length)), dtype="float32", seed=seed)

    def draw(log_probs, allowed, position):
        logits = ops.maximum(log_probs, IMPROBABLE)
        if allowed is not None:
            logits = ops.where(allowed, logits, REMOVED)
        best = ops.max(logits, axis=-1, keepdims=True)
        logits = ops.maximum((logits - best) / temperature, IMPROBABLE)
        if allowed is not None:
            logits = ops.where(allowed, logits, REMOVED)
        if top_k is not None:
            logits = filter_top_k(logits, top_k)
        if top_p is not None:
            logits = filter_top_p(logits, top_p)
        probs = ops.softmax(logits, axis=-1)
        cumulative = ops.cumsum(probs, axis=-1)
        threshold = ops.take(uniform, position, axis=1)[:, None]
        # The first token that passes the threshold. Rounding may have a token of
        # probability 0 pass it, or none.
        passes = (cumulative > threshold * cumulative[:, -1:]) & (probs > 0)
        return ops.where(
            ops.any(passes, axis=-1),
            ops.argmax(ops.cast(passes, "int32"), axis=-1),
            ops.argmax(probs, axis=-1),
        )

    return _generate(draw, step, states, start_token, end_token, max_length, constraint)


def filter_top_k(logits: Any, k: int) -> Any:
    """Keeps the `k` largest logits and makes the others a large negative number.

    Args:
        logits: `(..., vocabulary)`.
        k: how many to keep, at least 1; all where the vocabulary is smaller. Of equal
            ones the first are kept.

    Returns:
        float32 of the same shape; -1e9 where removed, which softmax makes 0.

    Raises:
        ValueError: `k` is no whole number of 1 or more.

    Example:
        >>> filtered = filter_top_k([1.0, 3.0, 2.0, 0.0], 2)
        >>> ops.convert_to_numpy(ops.softmax(filtered) > 0).tolist()
        [False, True, True, False]

    Reference:
        - Fan et al., 2018, "Hierarchical neural story generation", ACL,
          arXiv:1805.04833.
    """
    _check_whole("k", k, 1)
    logits = ops.cast(logits, "float32")
    ranks = ops.argsort(ops.argsort(-logits, axis=-1), axis=-1)
    return ops.where(ranks < k, logits, REMOVED)


def filter_top_p(logits: Any, p: float) -> Any:
    """Keeps the nucleus: the fewest tokens that have probability `p` together.

    The tokens are taken from the most probable on until their probabilities sum to
    `p` at least; one is always kept.

    Args:
        logits: `(..., vocabulary)`.
        p: probability mass, from 0 (the most probable token alone) to 1 (all). Sums
            count as reached within 1e-6, float32's rounding.

    Returns:
        float32 of the same shape; -1e9 where removed, which softmax makes 0.

    Raises:
        ValueError: `p` is not from 0 to 1.

    Example:
        >>> import numpy as np
        >>> filtered = filter_top_p(np.log([0.15, 0.5, 0.05, 0.3]), 0.8)
        >>> [f"{p:.3f}" for p in ops.convert_to_numpy(ops.softmax(filtered))]
        ['0.000', '0.625', '0.000', '0.375']

    Reference:
        - Holtzman et al., 2020, "The curious case of neural text degeneration", ICLR,
          arXiv:1904.09751, section 3.1.
    """
    _check_mass("p", p)
    logits = ops.cast(logits, "float32")
    if p == 1:
        return logits  # rounding must not cost the least probable ones
    order = ops.argsort(-logits, axis=-1)
    ranks = ops.argsort(order, axis=-1)
    probs = ops.take_along_axis(ops.softmax(logits, axis=-1), order, axis=-1)
    before = ops.cumsum(probs, axis=-1) - probs
    needed = ops.take_along_axis(before, ranks, axis=-1) < p - 1e-6
    return ops.where(needed | (ranks == 0), logits, REMOVED)


def beam_search(
    step: Step,
    states: Any,
    *,
    start_token: int | ArrayLike,
    end_token: int | None = None,
    max_length: int,
    beam_width: int,
    length_penalty: float = 0.0,
    constraint: TokenAutomaton | None = None,
) -> BeamSearchResult:
    """Finds probable sequences: keeps the `beam_width` best beginnings at each step.

    Beginnings are ordered by

    `score = log P(y_1 ... y_n) / ((5 + n) / 6) ** length_penalty`,

    where `n` counts the tokens. A beam that has ended keeps its place among the others
    as long as its score allows.

    It equals TensorFlow Addons' `BeamSearchDecoder`, which counts the end token in
    `n` from the step after it was written, and not on the step itself. What this
    means for the final order:

    - every example is ranked as if it had gone on to `max_length`, so that `n` counts
      the end token of every beam that ended before the last position; one that ends
      on the last position is ranked without it,
    - an example therefore has the same result whatever else is in its batch. In
      TensorFlow Addons it has not: there the whole batch stops on the step that ends
      its last beam, which is then ranked without its end token.

    `scores` holds what the beams were ordered by; `log_probs` and `lengths` are
    without surprises. With a length penalty of 0 none of it matters.

    Args:
        step: as in `greedy_search`, with `batch * beam_width` in place of the batch:
            the beams of an example are neighbours.
        states: as in `greedy_search`, with the batch as first axis: each is repeated
            for the beams and follows them when they are reordered. What all beams of
            an example share, such as the encoder's outputs, is cheaper when `step`
            holds it, as `ops.repeat(encoder_states, beam_width, axis=0)`, than as a
            state.
        start_token: as in `greedy_search`.
        end_token: as in `greedy_search`.
        max_length: as in `greedy_search`.
        beam_width: number of beams; 1 is `greedy_search`.
        length_penalty: 0 prefers short sequences, as probabilities multiply; 0.6 to 1
            make up for it.
        constraint: allows some sequences only; its state goes with each beam.

    Returns:
        A `BeamSearchResult` `(token_ids, scores, log_probs, lengths)`, best beam
        first. Where there are fewer sequences than beams, the last ones are empty:
        log-probability and score -inf, length 0, and end tokens (0 without one) only.

    Raises:
        ValueError: an argument is out of range, or the constraint leaves no token
            before `max_length`.

    Example:
        The most probable first token (0.5) leads to no probable sequence:

        >>> import numpy as np
        >>> table = np.array([[0.4, 0.3, 0.3], [0.1, 0.9, 0.0], [0.5, 0.3, 0.2]])
        >>> def step(token_ids, states):
        ...     return ops.log(ops.take(table, token_ids, axis=0) + 1e-9), states
        >>> result = beam_search(
        ...     step, (), start_token=[2], max_length=2, beam_width=2
        ... )
        >>> ops.convert_to_numpy(result.token_ids).tolist()
        [[[1, 1], [0, 0]]]
        >>> [f"{p:.2f}" for p in np.exp(ops.convert_to_numpy(result.log_probs[0]))]
        ['0.27', '0.20']

    Reference:
        - Wu et al., 2016, "Google's neural machine translation system",
          arXiv:1609.08144, equation 14.
        - TensorFlow Addons 0.23.0, `tfa.seq2seq.BeamSearchDecoder`.
        - Sequence Models, week 3, "Beam search".
    """
    _check_whole("beam_width", beam_width, 1)
    if not _is_number(length_penalty) or length_penalty < 0:
        raise ValueError(
            "`length_penalty` must be a finite number, 0 or more. Received: "
            f"length_penalty={length_penalty}. Use 0.0 for plain log-probabilities."
        )
    _check_lengths(end_token, max_length, constraint)
    batch, tokens = _check_batch(states, start_token)
    width = int(beam_width)
    fill = 0 if end_token is None else int(end_token)

    def search(position, tokens, token_ids, lengths, log_probs, scores, state, states):
        step_log_probs, states = _next_log_probs(
            step, tokens, states, end_token, constraint
        )
        num_tokens = step_log_probs.shape[-1]
        following = _following(constraint, state)
        if following is not None:
            step_log_probs = ops.where(following >= 0, step_log_probs, -math.inf)

        # What has ended goes on with end tokens only, at no cost.
        grows = 1
        if end_token is not None:
            is_end = ops.arange(num_tokens) == end_token  # (vocabulary,)
            ended = _ended(tokens, position, end_token)[:, None]
            ending = ops.where(is_end, 0.0, -math.inf)
            step_log_probs = ops.where(ended, ending, step_log_probs)
            grows = ops.cast(~ended & ~is_end, "int32")  # the quirk: not with the end
        total = ops.reshape(log_probs, (-1, 1)) + step_log_probs
        candidates = penalize_length(
            total, ops.reshape(lengths, (-1, 1)) + grows, length_penalty
        )

        # Of all beams' continuations the best; top_k orders them.
        candidates = ops.reshape(candidates, (-1, width * num_tokens))
        scores, best = ops.top_k(candidates, width)  # (batch, beam)
        best = ops.cast(best, "int32")
        parents = best // num_tokens
        first_rows = ops.arange(batch, dtype="int32")[:, None] * width
        parents = ops.reshape(first_rows + parents, (-1,))  # (batch * beam,)
        log_probs = ops.take_along_axis(
            ops.reshape(total, (-1, width * num_tokens)), best, axis=1
        )
        new_tokens = ops.reshape(best % num_tokens, (-1,))

        added = 1
        if end_token is not None:
            ended = ops.take(ended[:, 0], parents, axis=0)
            added = ops.cast(~ended, "int32")
        lengths = ops.take(ops.reshape(lengths, (-1,)), parents, axis=0) + added
        token_ids = _write(ops.take(token_ids, parents, axis=0), position, new_tokens)
        if following is not None:
            following = ops.take(following, parents, axis=0)
            state = ops.take_along_axis(following, new_tokens[:, None], axis=1)[:, 0]
            state = ops.maximum(state, 0)  # a dead beam may have gone anywhere
        states = [ops.take(leaf, parents, axis=0) for leaf in states]
        return new_tokens, token_ids, lengths, log_probs, scores, state, states

    # The first step has one beam to continue: the others hold the same.
    head = np.full((1, width), -math.inf, "float32")
    head[0, 0] = 0.0
    log_probs = ops.zeros((batch, 1)) + ops.convert_to_tensor(head)
    repeated = keras.tree.map_structure(
        lambda leaf: ops.repeat(ops.convert_to_tensor(leaf), width, axis=0), states
    )
    num_rows = batch * width
    position, _, token_ids, lengths, log_probs, scores, _, _ = _loop(
        search,
        max_length,
        end_token,
        (
            ops.repeat(tokens, width, axis=0),
            ops.full((num_rows, int(max_length)), fill, dtype="int32"),
            ops.zeros((num_rows,), dtype="int32"),
            log_probs,
            log_probs,
            ops.zeros((num_rows,), dtype="int32"),
        ),
        repeated,
    )

    # Where all had ended, one more step would have counted their end tokens.
    lengths = ops.reshape(lengths, (-1, width))
    scores = ops.where(
        position < max_length,
        penalize_length(log_probs, lengths, length_penalty),
        scores,
    )
    scores, order = ops.top_k(scores, width)
    order = ops.cast(order, "int32")
    log_probs = ops.take_along_axis(log_probs, order, axis=1)
    empty = ops.isinf(log_probs)
    lengths = ops.where(empty, 0, ops.take_along_axis(lengths, order, axis=1))
    token_ids = ops.reshape(token_ids, (-1, width, int(max_length)))
    token_ids = ops.take_along_axis(token_ids, order[:, :, None], axis=1)
    token_ids = ops.where(empty[:, :, None], fill, token_ids)
    return BeamSearchResult(token_ids, scores, log_probs, lengths)


def penalize_length(log_probs: Any, lengths: Any, length_penalty: float) -> Any:
    """Scores as `beam_search` orders by: `log P / ((5 + n) / 6) ** length_penalty`.

    Args:
        log_probs: tensor.
        lengths: tokens of each sequence, of a shape that goes with it.
        length_penalty: 0 changes nothing.

    Returns:
        Tensor.

    Example:
        >>> import numpy as np
        >>> scores = penalize_length(ops.array([-3.0]), np.array([7]), 1.0)
        >>> ops.convert_to_numpy(scores).tolist()
        [-1.5]
    """
    if not length_penalty:
        return log_probs
    return log_probs / ((5.0 + ops.cast(lengths, "float32")) / 6.0) ** float(
        length_penalty
    )


def sequence_log_prob(
    step: Step,
    states: Any,
    token_ids: ArrayLike,
    *,
    start_token: int | ArrayLike,
    lengths: ArrayLike | None = None,
) -> Any:
    """Computes how probable a model finds given sequences.

    `log P(y) = sum_t log P(y_t | y_1 ... y_{t-1})`: the model is fed the sequence
    itself (teacher forcing). Beside the log-probability of what a search has found it
    tells who is to blame for an error: if the model finds the right answer more
    probable, the search missed it; if not, the model is wrong.

    Args:
        step: as in `greedy_search`.
        states: as in `greedy_search`.
        token_ids: integers `(batch, length)`, with the end token where the model
            writes one.
        start_token: as in `greedy_search`.
        lengths: how many tokens of each sequence count, `(batch,)`, the end token
            included; all where None. What follows may be any number.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: `token_ids` is not `(batch, length)`, or does not go with the other
            arguments.

    Example:
        >>> import numpy as np
        >>> table = np.log([[0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.1, 0.1, 0.8]])
        >>> def step(token_ids, states):
        ...     return ops.take(table.astype("float32"), token_ids, axis=0), states
        >>> log_probs = sequence_log_prob(
        ...     step, (), [[1, 2], [0, 2]], start_token=[0, 0]
        ... )
        >>> [f"{p:.2f}" for p in np.exp(ops.convert_to_numpy(log_probs))]
        ['0.56', '0.01']

    Reference:
        - Sequence Models, week 3, "Error analysis in beam search".
    """
    token_ids = ops.convert_to_tensor(token_ids)
    if len(token_ids.shape) != 2 or not _is_integer(token_ids):
        raise ValueError(
            "`token_ids` must be integers (batch, length). Received: "
            f"shape={tuple(token_ids.shape)}, dtype={_dtype(token_ids)}. Give a single "
            "sequence as a batch of one."
        )
    batch, tokens = _check_batch(states, start_token, token_ids=token_ids)
    token_ids = ops.cast(token_ids, "int32")
    length = token_ids.shape[1]
    if lengths is None:
        lengths = ops.full((batch,), length, dtype="int32")
    else:
        lengths = ops.convert_to_tensor(lengths)
        if len(lengths.shape) != 1 or not _is_integer(lengths):
            raise ValueError(
                "`lengths` must be integers (batch,). Received: "
                f"shape={tuple(lengths.shape)}, dtype={_dtype(lengths)}. Give one for "
                "each sequence."
            )
        lengths = ops.cast(lengths, "int32")

    def follow(position, tokens, log_probs, states):
        step_log_probs, states = _next_log_probs(step, tokens, states)
        counts = position < lengths
        tokens = ops.where(counts, ops.take(token_ids, position, axis=1), 0)
        own = ops.take_along_axis(step_log_probs, tokens[:, None], axis=1)[:, 0]
        return tokens, log_probs + ops.where(counts, own, 0.0), states

    _, _, log_probs, _ = _loop(
        follow, length, None, (tokens, ops.zeros((batch,))), states
    )
    return log_probs


# The loop


def _generate(choose, step, states, start_token, end_token, max_length, constraint):
    """Writes one sequence for each example, with tokens as `choose` picks them."""
    _check_lengths(end_token, max_length, constraint)
    batch, tokens = _check_batch(states, start_token)
    fill = 0 if end_token is None else int(end_token)

    def write(position, tokens, token_ids, lengths, log_probs, state, states):
        step_log_probs, states = _next_log_probs(
            step, tokens, states, end_token, constraint
        )
        following = _following(constraint, state)
        allowed = None if following is None else following >= 0
        chosen = ops.cast(choose(step_log_probs, allowed, position), "int32")
        own = ops.take_along_axis(step_log_probs, chosen[:, None], axis=1)[:, 0]
        if following is not None:
            state = ops.take_along_axis(following, chosen[:, None], axis=1)[:, 0]
            state = ops.maximum(state, 0)  # a sequence that has ended goes anywhere
        grows = 1
        if end_token is not None:
            ended = _ended(tokens, position, end_token)
            chosen = ops.where(ended, fill, chosen)
            own = ops.where(ended, 0.0, own)
            grows = ops.cast(~ended, "int32")
        token_ids = _write(token_ids, position, chosen)
        return chosen, token_ids, lengths + grows, log_probs + own, state, states

    _, _, token_ids, lengths, log_probs, _, _ = _loop(
        write,
        max_length,
        end_token,
        (
            tokens,
            ops.full((batch, int(max_length)), fill, dtype="int32"),
            ops.zeros((batch,), dtype="int32"),
            ops.zeros((batch,)),
            ops.zeros((batch,), dtype="int32"),
        ),
        states,
    )
    return token_ids, log_probs, lengths


def _loop(body, max_length, end_token, variables, states):
    """Repeats `body(position, *variables, states)` until all ended or `max_length`.

    The first of the variables are the last tokens; `body` returns the new variables
    and states. `step` is given the nest of states, `body` its leaves.
    """
    num_variables = len(variables)
    leaves = [ops.convert_to_tensor(leaf) for leaf in keras.tree.flatten(states)]

    def goes_on(position, tokens, *rest):
        del rest
        more = position < max_length
        if end_token is None:
            return more
        return more & ~ops.all(_ended(tokens, position, end_token))

    def next_position(position, *values):
        new = body(
            position,
            *values[:num_variables],
            _States(states, values[num_variables:]),
        )
        new = [*new[:-1], *new[-1]]
        new = [_like(new_one, old) for new_one, old in zip(new, values, strict=True)]
        return (position + 1, *new)

    position = ops.convert_to_tensor(0, dtype="int32")
    values = ops.while_loop(goes_on, next_position, (position, *variables, *leaves))
    return (*values[: num_variables + 1], values[num_variables + 1 :])


class _States(NamedTuple):
    """The states in the loop: what the nest looks like, and its leaves."""

    structure: Any
    leaves: Sequence[Any]


def _like(new, old):
    # TensorFlow's loop wants shapes and dtypes to stay as they are, as far as they are
    # known; a mixed-precision cell returns other ones than it was given.
    return ops.reshape(ops.cast(new, old.dtype), ops.shape(old))


def _next_log_probs(step, tokens, states, end_token=None, constraint=None):
    """Takes a step; returns float32 log-probabilities and the states' leaves."""
    nest = keras.tree.pack_sequence_as(states.structure, list(states.leaves))
    logits, new_states = step(tokens, nest)
    if len(logits.shape) != 2 or logits.shape[-1] is None:
        raise ValueError(
            "`step` must return logits (batch, vocabulary) first. Received: "
            f"shape={tuple(logits.shape)}. Leave out the axis of time."
        )
    num_tokens = logits.shape[-1]
    if end_token is not None and end_token >= num_tokens:
        raise ValueError(
            f"`end_token` must be below {num_tokens}, the size of the vocabulary. "
            f"Received: end_token={end_token}. Use None where sequences have no end."
        )
    if constraint is not None and constraint.vocabulary_size != num_tokens:
        raise ValueError(
            f"`constraint` must be for {num_tokens} tokens, as the logits are. "
            f"Received: constraint.vocabulary_size={constraint.vocabulary_size}. "
            "Build it for the model's vocabulary."
        )
    new_leaves = keras.tree.flatten(new_states)
    shapes = [tuple(leaf.shape)[1:] for leaf in new_leaves]
    expected = [tuple(leaf.shape)[1:] for leaf in states.leaves]
    if len(shapes) != len(expected) or not all(map(_agree, shapes, expected)):
        raise ValueError(
            "`step` must return states of the shapes that it was given, "
            f"{expected} without the batch. Received: {shapes}. A cache that grows "
            "needs room for `max_length` from the start."
        )
    logits = ops.stop_gradient(ops.cast(logits, "float32"))
    new_leaves = [ops.stop_gradient(leaf) for leaf in new_leaves]
    return ops.log_softmax(logits, axis=-1), new_leaves


def _agree(shape, other):
    return len(shape) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(shape, other, strict=True)
    )


def _following(constraint, state):
    """The states that the tokens lead to `(rows, vocabulary)`, -1: not allowed."""
    if constraint is None:
        return None
    table = ops.convert_to_tensor(constraint.transitions, dtype="int32")
    return ops.take(table, state, axis=0)


def _ended(tokens, position, end_token):
    # The first tokens are start tokens, of which one may be the end token.
    return (tokens == end_token) & (position > 0)


def _write(token_ids, position, tokens):
    here = ops.arange(token_ids.shape[1], dtype="int32") == position
    return ops.where(here, tokens[:, None], token_ids)


# Checks at the door


def _is_number(value):
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def _check_whole(name, value, least, advice="Give a whole number."):
    try:
        good = operator.index(value) >= least and not isinstance(value, bool)
    except TypeError:
        good = False
    if not good:
        raise ValueError(
            f"`{name}` must be a whole number, {least} or more. Received: "
            f"{name}={value!r}. {advice}"
        )


def _check_mass(name, value, advice="Give a probability, 0.9 say."):
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be from 0 to 1. Received: {name}={value!r}. {advice}"
        )


def _check_lengths(end_token, max_length, constraint):
    _check_whole("max_length", max_length, 1)
    if end_token is not None:
        _check_whole("end_token", end_token, 0, "Use None where there is no end.")
    if constraint is None:
        return
    if not isinstance(constraint, TokenAutomaton):
        raise ValueError(
            "`constraint` must be a TokenAutomaton. Received: "
            f"constraint={constraint!r}. Build one with TokenAutomaton.from_sequences."
        )
    table = constraint.transitions.copy()
    stuck = (table < 0).all(axis=1)
    if not stuck.any():
        return
    if end_token is not None:
        table[:, end_token : end_token + 1] = -1  # nothing needs to follow
    reached = np.array([0])
    for num_tokens in range(max_length):
        if stuck[reached].any():
            raise ValueError(
                "`constraint` must allow a token until the sequence is over. Received: "
                f"an automaton that may allow none after {num_tokens} tokens, with "
                f"max_length={max_length}, end_token={end_token}. Lower `max_length`, "
                "or let its sequences end with `end_token`."
            )
        reached = np.unique(table[reached])
        reached = reached[reached >= 0]


def _check_batch(states, start_token, **others):
    """Returns the batch size and the start tokens `(batch,)`, as an int32 tensor."""
    tokens = ops.convert_to_tensor(start_token)
    if len(tokens.shape) > 1 or not _is_integer(tokens):
        raise ValueError(
            "`start_token` must be an integer, or integers (batch,). Received: "
            f"shape={tuple(tokens.shape)}, dtype={_dtype(tokens)}. Use 0 for a model "
            "that ignores it."
        )
    leaves = [ops.convert_to_tensor(leaf) for leaf in keras.tree.flatten(states)]
    if any(len(leaf.shape) == 0 for leaf in leaves):
        raise ValueError(
            "`states` must have the batch as their first axis. Received: a scalar. "
            "Repeat it for every example."
        )
    having = [*others.values(), *leaves, *([tokens] if len(tokens.shape) else [])]
    if not having:
        raise ValueError(
            "`start_token` must be an array (batch,) where there are no states. "
            f"Received: start_token={start_token}. Repeat it for every example."
        )
    sizes = {array.shape[0] for array in having} - {None}
    if len(sizes) > 1:
        names = ", ".join(["`states`", "`start_token`", *(f"`{n}`" for n in others)])
        raise ValueError(
            f"{names} must be for one batch. Received: first axes of "
            f"{sorted(sizes)}. Repeat what all examples share."
        )
    batch = ops.shape(having[0])[0]
    tokens = ops.cast(tokens, "int32")
    return batch, tokens + ops.zeros((batch,), dtype="int32")


def _dtype(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def _is_integer(tensor):
    return _dtype(tensor).startswith(("int", "uint"))


def _padded(sequences):
    """Token ids as an array `(num_sequences, longest)`, -1 after the end."""
    if isinstance(sequences, np.ndarray) and sequences.ndim == 2:
        if sequences.dtype.kind in "iu" and sequences.size and sequences.min() >= 0:
            return sequences.astype("int64")
        sequences = sequences.tolist()
    sequences = [tuple(sequence) for sequence in sequences]
    lengths = np.fromiter(map(len, sequences), int, len(sequences))
    if not len(lengths) or not lengths.min():
        raise ValueError(
            "`sequences` must hold one sequence or more, none of them empty. Received: "
            f"{len(lengths)} sequences, {np.sum(lengths == 0)} of them empty. An end "
            "token alone is a sequence, too."
        )
    tokens = np.array(list(itertools.chain.from_iterable(sequences)))
    if tokens.dtype.kind not in "iu" or tokens.min() < 0:
        wrong = tokens[tokens < 0] if tokens.dtype.kind in "iuf" else tokens
        raise ValueError(
            "`sequences` must hold token ids, whole numbers of 0 or more. Received: "
            f"{(wrong if len(wrong) else tokens)[0].item()!r}. Encode them with the "
            "vocabulary."
        )
    rows = np.full((len(lengths), lengths.max()), -1)
    rows[np.arange(lengths.max()) < lengths[:, None]] = tokens
    return rows


def _check_rows(rows, vocabulary_size):
    if rows.max() >= vocabulary_size:
        raise ValueError(
            f"`sequences` must hold token ids below vocabulary_size={vocabulary_size}. "
            f"Received: {rows.max()}. Encode them with the same vocabulary."
        )
