"""Batches of running text, and of words that stand near one another."""

import keras
import numpy as np

from dlai_keras.word_vectors.corpus import (
    LINE_END,
    Corpus,
    noise_distribution,
    subsampling,
)


class WindowBatches(keras.utils.PyDataset):
    """Rows of text with the reach of each word's window, and words that are negatives.

    Words that are frequent are left out now and then, before windows are laid; a window
    reaches one to `window` words to both sides, not over the end of a line nor of a
    row, and rows begin elsewhere in every epoch. The negatives of a row are drawn once
    and stand beside each of its words: that turns thousands of small products into one
    of two matrices.

    Everything depends on `(seed, epoch, number of the batch)` alone.

    Args:
        corpus: the text.
        rows: about how many rows a batch has; what subsampling leaves decides.
        length: words of a row.
        window: the farthest reach.
        num_negatives: drawn for each row.
        threshold: of `corpus.subsampling`.
        with_reach: whether the reach is among the inputs, too, as `cbow` takes it.
        seed: of all that is drawn.

    Batches are `({"words": (rows, length), "negatives": (rows, num_negatives)}, reach
    (rows, length, 2))`, all int32. The reach is that to the left and that to the right;
    both are 0 where a row is filled up.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> text = np.array([0, 1, 2, -1, 1, 0, -1])
        >>> corpus = Corpus("abc", np.array([2, 2, 1]), text)
        >>> batches = WindowBatches(corpus, length=4, window=1, threshold=0)
        >>> inputs, reach = batches[0]
        >>> sorted(inputs)
        ['negatives', 'words']

    Reference:
        - Mikolov et al., 2013, "Distributed representations of words and phrases and
          their compositionality", sections 2.2 and 2.3.
        - Ji et al., 2016, "Parallelizing word2vec in shared and distributed memory",
          section 3, of shared negatives.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        rows: int = 128,
        length: int = 64,
        window: int = 5,
        num_negatives: int = 64,
        threshold: float = 1e-3,
        with_reach: bool = False,
        seed: int = 0,
    ):
        super().__init__()
        given = {"rows": rows, "window": window, "num_negatives": num_negatives}
        for name, value in given.items():
            if value < 1:
                raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
        if length <= window:
            raise ValueError(
                f"`length` must be more than `window`, {window}. Received: {length}."
            )
        self.corpus, self.length, self.window = corpus, length, window
        self.num_negatives, self.with_reach = num_negatives, with_reach
        self.seed, self.epoch = seed, 0
        self._kept = subsampling(corpus.counts, threshold)
        self._noise = noise_distribution(corpus.counts)
        # How much of the text is read for a batch, to be left with that many rows.
        share = float(corpus.counts @ self._kept) / corpus.num_tokens
        ends = len(corpus.tokens) / corpus.num_tokens
        self._chunk = max(int(rows * length * ends / share), 1)
        self._order = self._shuffled()

    def __len__(self):
        # One more, as the first of an epoch begins before the text.
        return -(-len(self.corpus.tokens) // self._chunk) + 1

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Received: {index}.")
        rng = np.random.default_rng((self.seed, self.epoch, 1 + index))
        start = self._order[index] * self._chunk - self._offset
        stop = start + self._chunk
        tokens = np.asarray(self.corpus.tokens[max(start, 0) : max(stop, 0)])
        is_end = tokens == LINE_END
        kept = ~is_end & (rng.random(len(tokens)) < self._kept[tokens])
        lines = np.cumsum(is_end)[kept]
        words = tokens[kept]
        num_rows = max(-(-len(words) // self.length), 1)
        size = num_rows * self.length
        reach = np.zeros((size, 2), np.int32)
        reach[: len(words)] = self._reach(rng, lines)
        padded = np.zeros(size, np.int32)
        padded[: len(words)] = words
        reach = reach.reshape(num_rows, self.length, 2)
        draws = rng.random((num_rows, self.num_negatives))
        inputs = {
            "words": padded.reshape(num_rows, self.length),
            "negatives": np.searchsorted(self._noise, draws, "right").astype(np.int32),
        }
        return inputs | ({"reach": reach} if self.with_reach else {}), reach

    def on_epoch_end(self):
        """A new order, other words left out, other negatives."""
        self.epoch += 1
        self._order = self._shuffled()

    def _shuffled(self):
        rng = np.random.default_rng((self.seed, self.epoch, 0))
        self._offset = int(rng.integers(self._chunk))
        return rng.permutation(len(self))

    def _reach(self, rng, lines):
        """How far the windows reach, within lines and rows."""
        count = len(lines)
        place = np.arange(count)
        begins = np.zeros(count, bool)
        begins[:: self.length] = True
        begins[1:] |= lines[1:] != lines[:-1]
        starts = np.flatnonzero(begins)
        owner = np.cumsum(begins) - 1
        left = place - starts[owner]
        right = np.append(starts, count)[owner + 1] - 1 - place
        radius = rng.integers(1, self.window + 1, count)
        return np.minimum(np.stack([left, right], axis=1), radius[:, None])


class CooccurrenceBatches(keras.utils.PyDataset):
    """Two words and how often they stand near each other.

    Each pair of different words is met both ways round. The order depends on
    `(seed, epoch)` alone.

    Args:
        rows: word numbers, int32 `(num_pairs,)`, as of `corpus.cooccurrences`.
        columns: the same of the other words.
        counts: float32 `(num_pairs,)`, above 0.
        batch_size: pairs in a batch; the last may have fewer.
        seed: of the order.

    Batches are `({"words": (batch, 1), "contexts": (batch, 1)}, counts (batch, 1))`.

    Raises:
        ValueError: there is no pair, or `batch_size` is out of its range.

    Example:
        >>> pairs = (np.array([0, 0]), np.array([0, 1]), np.array([2.0, 1.0]))
        >>> inputs, counts = CooccurrenceBatches(*pairs)[0]
        >>> sorted(zip(inputs["words"].ravel(), inputs["contexts"].ravel()))[0]
        (np.int64(0), np.int64(0))
        >>> counts.shape
        (3, 1)
    """

    def __init__(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        counts: np.ndarray,
        *,
        batch_size: int = 8192,
        seed: int = 0,
    ):
        super().__init__()
        if not len(counts):
            raise ValueError("There must be pairs of words. Received none.")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
        self.rows, self.columns, self.counts = rows, columns, counts
        # Pair i the other way round has the number len(counts) + its place in this.
        self._turned = np.flatnonzero(rows != columns)
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0
        self._order = self._shuffled()

    def __len__(self):
        return -(-len(self._order) // self.batch_size)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Received: {index}.")
        some = self._order[index * self.batch_size :][: self.batch_size]
        is_turned = some >= len(self.counts)
        pairs = np.where(is_turned, 0, some)
        pairs[is_turned] = self._turned[some[is_turned] - len(self.counts)]
        first, second = self.rows[pairs], self.columns[pairs]
        words = np.where(is_turned, second, first)
        contexts = np.where(is_turned, first, second)
        inputs = {"words": words[:, None], "contexts": contexts[:, None]}
        return inputs, self.counts[pairs][:, None]

    def on_epoch_end(self):
        """A new order."""
        self.epoch += 1
        self._order = self._shuffled()

    def _shuffled(self):
        rng = np.random.default_rng((self.seed, self.epoch))
        return rng.permutation(len(self.counts) + len(self._turned))
