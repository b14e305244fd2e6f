"""Names and running text as batches for `fit`."""

from collections.abc import Sequence

import keras
import numpy as np

from dlai_keras.dinosaur_names.data import CharacterVocabulary

UNKNOWN = CharacterVocabulary.unknown_id
# Before the first character, and after a name's last one.
START = END = CharacterVocabulary.end_id
STEP = 4  # lengths of batches of names are multiples of it
BUCKET = 8  # batches of names that are sorted by length together


class NameBatches(keras.utils.PyDataset):
    """Batches of names: inputs, the characters that follow, and which of them count.

    A name `abc` is read as `start a b c` and to be told as `a b c end`. Names of
    similar lengths are put together; what pads the shorter ones has weight 0. The
    order depends on `(seed, epoch)` alone, so a training that goes on from a checkpoint
    meets the batches it would have met.

    Noise makes some of the characters that are read unknown, while they are still to be
    told. It does for a network what smoothing does for n-grams: it cannot rely on all
    of a rare context.

    Args:
        sequences: the names' token ids, without start and end.
        batch_size: names in each; the last batch is filled up with rows of weight 0.
        noise: share of the characters read that are made unknown.
        shuffle: a new order every epoch; without it the names stay as they are.
        seed: of the order.
        epoch: the first one.

    Batches are `(inputs, targets, weights)`, int32, int32 and float32, each
    `(batch_size, length)`.

    Raises:
        ValueError: there are no names, or `batch_size` is out of its range.

    Example:
        >>> inputs, targets, weights = NameBatches([[5, 6, 7], [8]], batch_size=2)[0]
        >>> sorted(inputs[:, :4].tolist())
        [[0, 5, 6, 7], [0, 8, 0, 0]]
        >>> sorted(targets[:, :4].tolist()), int(weights.sum())
        ([[5, 6, 7, 0], [8, 0, 0, 0]], 6)

    Reference:
        - Xie et al., 2017, "Data noising as smoothing in neural network language
          models", ICLR, section 3.3 (blank noising).
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]],
        *,
        batch_size: int = 32,
        noise: float = 0.0,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__()
        if not 0 <= noise < 1:
            raise ValueError(f"`noise` must be from 0 to below 1. Received: {noise}.")
        if not len(sequences):
            raise ValueError("`sequences` must hold one name or more. Received: none.")
        _check_whole(batch_size=batch_size)
        self.rows = [np.asarray(one, "int32") for one in sequences]
        self.lengths = np.array([len(row) + 1 for row in self.rows])
        self.batch_size = batch_size
        self.noise = noise
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = epoch
        self._order()

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        chosen = self.batches[index]
        longest = self.lengths[chosen].max(initial=1)
        if index == 0:
            # Keras takes for fixed what the first two batches agree on.
            longest = self.lengths.max() + STEP
        shape = (self.batch_size, -(-int(longest) // STEP) * STEP)
        inputs, targets = (np.full(shape, fill, "int32") for fill in (START, END))
        weights = np.zeros(shape, "float32")
        for place, number in enumerate(chosen):
            row = self.rows[number]
            inputs[place, 1 : len(row) + 1] = row
            targets[place, : len(row)] = row
            weights[place, : len(row) + 1] = 1
        if self.noise:
            rng = np.random.default_rng((self.seed, self.epoch, index))
            inputs[(rng.random(shape) < self.noise) & (inputs != START)] = UNKNOWN
        return inputs, targets, weights

    def on_epoch_end(self):
        """Moves on to the next epoch's order."""
        self.epoch += 1
        self._order()

    def _order(self):
        order = np.arange(len(self.rows))
        if self.shuffle:
            rng = np.random.default_rng((self.seed, self.epoch))
            order = rng.permutation(order)
            # Within a bucket by length, so that little is padded.
            size = BUCKET * self.batch_size
            buckets = [order[i : i + size] for i in range(0, len(order), size)]
            order = np.concatenate(
                [one[np.argsort(self.lengths[one], kind="stable")] for one in buckets]
            )
        starts = range(0, len(order), self.batch_size)
        self.batches = [order[i : i + self.batch_size] for i in starts]
        if self.shuffle:
            self.batches = [self.batches[i] for i in rng.permutation(len(starts))]


class TextBatches(keras.utils.PyDataset):
    """Batches of windows of a running text, and of the characters that follow.

    The text is cut into windows from a place that is drawn for every pass over it, and
    the windows come in an order that is drawn as well: in a pass each character is told
    once, but for those that fill no batch. Batch `i` of epoch `e` depends on
    `(seed, e, i)` alone.

    Args:
        token_ids: of the text, whole numbers.
        length: characters of a window.
        batch_size: windows in each.
        num_batches: of an epoch; one pass by default.
        shuffle: without it the windows start at the text's beginning and stay as they
            are.
        seed: of the draws.
        epoch: the first one.

    Batches are `(inputs, targets)`, int32 `(batch_size, length)`. Before the first
    character stands the start, id 0.

    Raises:
        ValueError: the text is too short for one batch, or an argument is out of its
            range.

    Example:
        >>> batches = TextBatches([5, 6, 7, 8], length=2, batch_size=2, shuffle=False)
        >>> inputs, targets = batches[0]
        >>> inputs.tolist(), targets.tolist()
        ([[0, 5], [6, 7]], [[5, 6], [7, 8]])
    """

    def __init__(
        self,
        token_ids: Sequence[int],
        *,
        length: int = 128,
        batch_size: int = 32,
        num_batches: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
    ):
        super().__init__()
        _check_whole(length=length, batch_size=batch_size)
        self.tokens = np.concatenate([[START], np.asarray(token_ids)]).astype("int32")
        # Where the place is drawn, the last window may not fit any more.
        room = len(self.tokens) - 1 - (length - 1 if shuffle else 0)
        self.per_pass = max(room, 0) // length // batch_size
        if not self.per_pass:
            raise ValueError(
                f"A text of {len(self.tokens) - 1} characters is too short for a batch "
                f"of {batch_size} windows of {length}. Lower `batch_size` or `length`, "
                "or give more text."
            )
        self.per_epoch = self.per_pass if num_batches is None else num_batches
        _check_whole(num_batches=self.per_epoch)
        self.length = length
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = epoch
        self._passes: dict[int, np.ndarray] = {}

    def __len__(self):
        return self.per_epoch

    def __getitem__(self, index):
        whole = self.epoch * self.per_epoch if self.shuffle else 0
        number, place = divmod(whole + index, self.per_pass)
        starts = self._starts(number)
        starts = starts[place * self.batch_size : (place + 1) * self.batch_size]
        windows = self.tokens[starts[:, None] + np.arange(self.length + 1)]
        return windows[:, :-1], windows[:, 1:]  # (batch_size, length)

    def on_epoch_end(self):
        """Moves on to the next epoch's batches."""
        self.epoch += 1

    def _starts(self, number):
        """Where the windows of a pass begin, `(num_windows,)`, in their order."""
        if number not in self._passes:
            starts = np.arange((len(self.tokens) - 1) // self.length) * self.length
            if self.shuffle:
                rng = np.random.default_rng((self.seed, number))
                starts = starts + rng.integers(self.length)
                starts = starts[starts + self.length < len(self.tokens)]
                starts = rng.permutation(starts)
            self._passes = {number: starts}  # of one pass at a time
        return self._passes[number]


def _check_whole(**values):
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
