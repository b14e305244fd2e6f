"""N-grams with Kneser-Ney smoothing: what a network of characters has to beat.

Counts are sorted arrays of numbers, not dictionaries: an n-gram's key is the number of
its first n - 1 tokens among all (n-1)-grams, times the size of the vocabulary, plus its
last token. A megabyte of text with n-grams of eight characters takes seconds.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dlai_keras.dinosaur_names.metrics import bits_per_character

START = 0  # what stands before the first token of every sequence; the end token, too
FALLBACK = (0.5, 1.0, 1.5)  # discounts where there is too little to estimate them


class _Level(NamedTuple):
    """N-grams of one length."""

    keys: np.ndarray | None  # sorted; None: every token is a 1-gram
    discounted: np.ndarray  # share of its context's count that each n-gram keeps
    backoff: np.ndarray  # of each context, the share that goes to shorter contexts


class KneserNey:
    """An n-gram model of token ids, with interpolated Kneser-Ney smoothing.

    With `a` the counts and `h'` the context `h` without its first token,

    `p(w | h) = max(a(hw) - D, 0) / a(h) + backoff(h) · p(w | h')`

    where `a` is how often `hw` occurs at the highest order, and in how many contexts it
    occurs below; an n-gram that begins a sequence has no context, and its occurrences
    count. Under single tokens lies the uniform distribution, so that nothing is
    impossible. `D` is estimated for counts of one, two, and three or more ("modified"),
    per order.

    A sequence is what the model has to predict: a name with the end token behind it, a
    running text without. Token 0 stands before each of them and need not be given.

    Args:
        order: longest n-grams; 1 looks at no context.
        discount: one for all counts, from 0 to 1, as in Kneser and Ney's paper; None
            estimates three for each order. Where counts of one to three are too rare
            to estimate from, they are 0.5, 1 and 1.5.
        vocabulary_size: ids are below it.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> model = KneserNey(3, vocabulary_size=4).fit([[2, 3, 0], [2, 3, 3, 0]])
        >>> np.exp(model.log_probs([2])).round(3)
        array([0.062, 0.031, 0.062, 0.844])

    Reference:
        - Kneser and Ney, 1995, "Improved backing-off for m-gram language modeling",
          ICASSP.
        - Chen and Goodman, 1998, "An empirical study of smoothing techniques for
          language modeling", TR-10-98, Harvard: modified Kneser-Ney smoothing.
        - Heafield et al., 2013, "Scalable modified Kneser-Ney language model
          estimation", ACL: n-grams at the beginning of a sequence.
    """

    def __init__(
        self, order: int, discount: float | None = None, *, vocabulary_size: int
    ):
        if order < 1:
            raise ValueError(f"`order` must be 1 or more. Received: order={order}.")
        if discount is not None and not 0 <= discount <= 1:
            raise ValueError(
                "`discount` must be from 0 to 1, or None to estimate it. Received: "
                f"discount={discount}."
            )
        if vocabulary_size < 1:
            raise ValueError(
                "`vocabulary_size` must be 1 or more. Received: "
                f"vocabulary_size={vocabulary_size}."
            )
        self.order, self.discount = order, discount
        self.vocabulary_size = vocabulary_size
        self.discounts: list[tuple[float, ...]] = []
        self._levels: list[_Level] = []

    def fit(self, sequences: Iterable[Sequence[int]]) -> "KneserNey":
        """Counts the n-grams of some sequences; what was counted before is forgotten.

        Args:
            sequences: of ids, each with its end token if it has one.

        Returns:
            The model itself, which has `discounts` now: of each order, for counts of
            one, two, and three or more.

        Raises:
            ValueError: there is no token, or an id is out of range.
        """
        tokens, offsets = self._joined(sequences)
        if not offsets.any():
            raise ValueError("`sequences` must hold a token or more. Received: none.")
        size = self.vocabulary_size
        self.discounts, self._levels = [], []
        # Of the 1-grams. Start tokens are contexts and never predicted.
        keys, ids = None, tokens
        counts = np.bincount(tokens[offsets > 0], minlength=size)
        contexts, num_contexts = np.zeros(size, "int64"), 1
        is_first = np.zeros(size, bool)  # whether the n-gram begins a sequence
        for n in range(1, self.order):
            places = np.flatnonzero(offsets >= n)  # where longer n-grams end
            longer, first, inverse, occurrences = np.unique(
                ids[places - 1] * size + tokens[places],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            ends = places[first]
            continued = np.bincount(ids[ends], minlength=len(counts))
            counts = np.where(is_first, counts, continued)
            self._add_level(keys, counts, contexts, num_contexts)
            num_contexts = len(counts)
            keys, counts, contexts = longer, occurrences, longer // size
            is_first = offsets[ends] == n
            ids = np.full(len(tokens), -1, "int64")
            ids[places] = inverse
        self._add_level(keys, counts, contexts, num_contexts)
        return self

    def log_probs(self, context: Sequence[int] = ()) -> np.ndarray:
        """Logarithms of the probabilities of all tokens after a context.

        Args:
            context: all ids since the beginning of the sequence, or `order - 1` of them
                or more.

        Returns:
            float64 `(vocabulary_size,)`, in nats; the probabilities sum to 1.

        Raises:
            ValueError: an id is out of range, or nothing was counted yet.

        Example:
            >>> model = KneserNey(2, vocabulary_size=3).fit([[1, 2, 0]])
            >>> round(float(np.exp(model.log_probs([1])).sum()), 12)
            1.0
        """
        tokens, _ = self._joined([context])
        tokens = tokens[max(0, len(tokens) - self.order + 1) :]
        size = self.vocabulary_size
        # A row for every token that may follow.
        rows = np.column_stack([np.tile(tokens, (size, 1)), np.arange(size)])
        offsets = np.tile(np.arange(rows.shape[1]), size)
        probs = self._probs(rows.ravel(), offsets).reshape(rows.shape)
        return _log(probs[:, -1])

    def total_log_probs(self, sequences: Iterable[Sequence[int]]) -> np.ndarray:
        """Log-probabilities of whole sequences, in nats.

        Args:
            sequences: of ids, each with its end token if it has one.

        Returns:
            float64 `(num_sequences,)`.

        Raises:
            ValueError: an id is out of range, or nothing was counted yet.

        Example:
            >>> model = KneserNey(1, 0.0, vocabulary_size=2).fit([[1, 0]])
            >>> model.total_log_probs([[1, 0], [0]]).round(4)
            array([-1.3863, -0.6931])
        """
        tokens, offsets = self._joined(sequences)
        logs = np.where(offsets > 0, _log(self._probs(tokens, offsets)), 0)
        return np.add.reduceat(logs, np.flatnonzero(offsets == 0))

    def bits_per_character(self, sequences: Iterable[Sequence[int]]) -> float:
        """Mean number of bits that a token costs; the end token of a name is one.

        Args:
            sequences: of ids, each with its end token if it has one.

        Raises:
            ValueError: there is no token, an id is out of range, or nothing was counted
                yet.

        Example:
            >>> model = KneserNey(1, 0.0, vocabulary_size=2).fit([[1, 0]])
            >>> model.bits_per_character([[1, 1, 0]])
            1.0
        """
        sequences = list(sequences)
        total = self.total_log_probs(sequences).sum() if sequences else 0.0
        return bits_per_character(total, sum(map(len, sequences)))

    def sample(
        self,
        rng: np.random.Generator,
        num: int = 1,
        *,
        prefix: Sequence[int] = (),
        max_length: int = 40,
        temperature: float = 1.0,
        end_id: int | None = START,
    ) -> list[list[int]]:
        """Draws sequences, token by token.

        Args:
            rng: draws the tokens.
            num: how many sequences.
            prefix: ids that each of them begins with.
            max_length: tokens of a sequence, its prefix included.
            temperature: below 1 the probable becomes more so, above 1 less.
            end_id: ends a sequence and is left out of it; None: it is never drawn, and
                every sequence has `max_length` tokens.

        Returns:
            Lists of ids.

        Raises:
            ValueError: an argument is out of its range, or nothing was counted yet.

        Example:
            >>> model = KneserNey(3, vocabulary_size=4).fit([[2, 3, 0]] * 20)
            >>> model.sample(np.random.default_rng(0), 2, temperature=0.1)
            [[2, 3], [2, 3]]
        """
        if temperature <= 0:
            raise ValueError(
                f"`temperature` must be above 0. Received: temperature={temperature}."
            )
        known = {}  # context -> cumulative probabilities
        sequences = []
        for _ in range(num):
            ids = list(prefix)
            while len(ids) < max_length:
                context = tuple(ids[max(0, len(ids) - self.order + 1) :])
                place = (len(ids) < self.order, context)  # at the start or not
                if place not in known:
                    log_probs = self.log_probs(ids) / temperature
                    if end_id is None:
                        log_probs[START] = -np.inf
                    probs = np.exp(log_probs - log_probs.max())
                    known[place] = np.cumsum(probs / probs.sum())
                drawn = np.searchsorted(known[place], rng.random(), side="right")
                index = min(int(drawn), self.vocabulary_size - 1)  # of rounding
                if index == end_id:
                    break
                ids.append(index)
            sequences.append(ids)
        return sequences

    def _joined(self, sequences):
        """All tokens with a start token before each sequence, and their offsets."""
        pieces = [np.array([START, *ids], "int64") for ids in sequences]
        tokens = np.concatenate(pieces) if pieces else np.zeros(0, "int64")
        offsets = [np.arange(len(piece)) for piece in pieces]
        offsets = np.concatenate(offsets) if pieces else tokens
        strange = tokens[(tokens < 0) | (tokens >= self.vocabulary_size)]
        if strange.size:
            raise ValueError(
                f"Ids must be from 0 to {self.vocabulary_size - 1}. Received: "
                f"{strange[0]}."
            )
        return tokens, offsets

    def _add_level(self, keys, counts, contexts, num_contexts):
        discounts = self._discounts(counts)
        taken = np.array([0.0, *discounts])[np.minimum(counts, 3)]
        taken = np.minimum(taken, counts)
        totals = np.bincount(contexts, counts, num_contexts)
        given = np.bincount(contexts, taken, num_contexts)
        # What ends all its sequences is the context of nothing.
        backoff = np.divide(given, totals, np.ones(num_contexts), where=totals > 0)
        self.discounts.append(discounts)
        self._levels.append(_Level(keys, (counts - taken) / totals[contexts], backoff))

    def _discounts(self, counts):
        """Discounts of counts of one, two, and three or more."""
        if self.discount is not None:
            return (self.discount,) * 3
        n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5]
        if not n.all():
            return FALLBACK
        share = n[0] / (n[0] + 2 * n[1])
        found = tuple(float(k - (k + 1) * share * n[k] / n[k - 1]) for k in (1, 2, 3))
        fit = all(0 <= discount <= k for k, discount in enumerate(found, 1))
        return found if fit else FALLBACK

    def _probs(self, tokens, offsets):
        """The probability of each token after those before it in its sequence."""
        if not self._levels:
            raise ValueError("Nothing was counted yet. Call `fit` first.")
        probs = np.full(len(tokens), 1 / self.vocabulary_size)
        ids, contexts = tokens, np.zeros(len(tokens), "int64")
        for n, level in enumerate(self._levels, 1):
            seen = (contexts >= 0) & (offsets >= n - 1)
            if level.keys is not None:
                keys = contexts * self.vocabulary_size + tokens
                ids = np.searchsorted(level.keys, keys)
                ids[ids == len(level.keys)] = 0
                ids[(level.keys[ids] != keys) | ~seen] = -1
            kept = np.where(ids >= 0, level.discounted[ids], 0)
            probs = np.where(seen, kept + level.backoff[contexts] * probs, probs)
            contexts = np.concatenate([[-1], ids[:-1]])
        return probs


def best_order(
    train: Sequence[Sequence[int]],
    validation: Sequence[Sequence[int]],
    vocabulary_size: int,
    orders: Iterable[int] = range(1, 9),
) -> KneserNey:
    """Fits models of several orders and returns the one that is best on other data.

    Args:
        train: sequences to count.
        validation: sequences to choose by, in bits per character.
        vocabulary_size: ids are below it.
        orders: to choose from.

    Returns:
        The model, counted on `train`.

    Raises:
        ValueError: as of `KneserNey`.

    Example:
        >>> best_order([[1, 2, 1, 2, 1, 2, 0]], [[1, 2, 0]], 3, (1, 2)).order
        2
    """
    models = (KneserNey(n, vocabulary_size=vocabulary_size).fit(train) for n in orders)
    return min(models, key=lambda model: model.bits_per_character(validation))


def _log(probs):
    with np.errstate(divide="ignore"):  # a discount of 0 makes tokens impossible
        return np.log(probs)
