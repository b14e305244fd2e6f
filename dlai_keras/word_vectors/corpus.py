"""Running text as whole numbers on disk, however long it is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlai_keras.embeddings import tokenize

BLOCK = 1 << 20  # characters that are taken apart at once
LINE_END = -1  # stands between lines; no window reaches over it
PRUNED_AT = 2_000_000  # different words; the rarest are forgotten then


@dataclass(frozen=True)
class Corpus:
    """A text as numbers of words.

    Args:
        words: the vocabulary, the most frequent first; word i has the number i.
        counts: how often each stands in the text, int64 `(num_words,)`.
        tokens: the text, int32, `LINE_END` where a line ends; may be mapped from a
            file. Words that are not in the vocabulary are left out.
    """

    words: Sequence[str]
    counts: np.ndarray
    tokens: np.ndarray

    @property
    def num_tokens(self) -> int:
        """Words of the text that are in the vocabulary."""
        return int(self.counts.sum())


def read_corpus(
    path: str | Path,
    folder: str | Path,
    *,
    min_count: int = 5,
    max_words: int | None = None,
) -> Corpus:
    r"""Reads a text twice: to count its words, and to write down their numbers.

    Memory is needed for the different words alone; the numbers are mapped from a file.
    Beyond two million different words those that stood once so far are forgotten.

    Args:
        path: UTF-8 text, a sentence, a paragraph or more a line; or a folder, of which
            every .txt is read.
        folder: gets the numbers, `tokens.npy`.
        min_count: words that stand less often are left out.
        max_words: of the vocabulary, the most frequent; None takes all.

    Raises:
        FileNotFoundError: no such file, or a folder without .txt.
        ValueError: a file is not UTF-8, or no word is frequent enough.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     _ = (Path(name) / "a.txt").write_text("the cat\nThe Dog! the cat.\n")
        ...     corpus = read_corpus(Path(name) / "a.txt", name, min_count=2)
        ...     corpus.words, corpus.counts.tolist(), corpus.tokens.tolist()
        (('the', 'cat'), [3, 2], [0, 1, -1, 0, 0, 1, -1])
    """
    if min_count < 1:
        raise ValueError(f"`min_count` must be 1 or more. Received: {min_count}.")
    paths = _texts(Path(path))
    counter: Counter[str] = Counter()
    for lines in _lines(paths):
        for tokens in lines:
            counter.update(tokens)
        if len(counter) > PRUNED_AT:
            counter = Counter({word: n for word, n in counter.items() if n > 1})
    # By count, and then by spelling, so that the order of the files does not matter.
    kept = sorted(
        (-count, word) for word, count in counter.items() if count >= min_count
    )
    kept = kept[:max_words]
    if len(kept) < 2:
        raise ValueError(
            f"{path} must have two or more words that stand {min_count} times or more. "
            f"Received: {len(kept)} of {len(counter)} words. Give more text, or a "
            "smaller `min_count`."
        )
    words = tuple(word for _, word in kept)
    rows = {word: row for row, word in enumerate(words)}
    place = Path(folder) / "tokens.npy"
    place.parent.mkdir(parents=True, exist_ok=True)
    length = 0
    with place.open("wb") as file:
        header = {"descr": "<i4", "fortran_order": False, "shape": (1,)}
        # The length is not known yet; the header has room for it.
        np.lib.format.write_array_header_1_0(file, header)
        for lines in _lines(paths):
            numbers = []
            for tokens in lines:
                known = [rows[token] for token in tokens if token in rows]
                if known:
                    numbers += known
                    numbers.append(LINE_END)
            length += len(numbers)
            file.write(np.array(numbers, "<i4").tobytes())
        file.seek(0)
        header["shape"] = (length,)
        np.lib.format.write_array_header_1_0(file, header)
    counts = np.array([-count for count, _ in kept], np.int64)
    return Corpus(words, counts, np.load(place, mmap_mode="r"))


def subsampling(counts: np.ndarray, threshold: float = 1e-3) -> np.ndarray:
    """The probability with which each word of the text is read.

    Args:
        counts: how often the words stand in the text, `(num_words,)`.
        threshold: share of a text above which words are left out now and then; 0 for
            never.

    Returns:
        `min(1, sqrt(t / f) + t / f)` with the threshold t and the word's share f, as
        word2vec's program has it; float64 `(num_words,)`.

    Example:
        >>> subsampling(np.array([99, 1]), 0.04).round(2)
        array([0.24, 1.  ])

    Reference:
        Mikolov et al., 2013, "Distributed representations of words and phrases and
        their compositionality", section 2.3.
    """
    if threshold < 0:
        raise ValueError(f"`threshold` must be 0 or more. Received: {threshold}.")
    if not threshold:
        return np.ones(len(counts))
    ratio = threshold * np.sum(counts) / np.asarray(counts, np.float64)
    return np.minimum(np.sqrt(ratio) + ratio, 1)


def noise_distribution(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """Cumulative probabilities of the words that are drawn as negatives.

    Args:
        counts: how often the words stand in the text, `(num_words,)`.
        power: of the counts; 1 draws words as often as they stand, 0 all alike.

    Returns:
        float64 `(num_words,)`, rising to 1.

    Example:
        >>> noise_distribution(np.array([16, 1]))
        array([0.88888889, 1.        ])

    Reference:
        Mikolov et al., 2013, as above, section 2.2.
    """
    cumulative = np.cumsum(np.asarray(counts, np.float64) ** power)
    return cumulative / cumulative[-1]


def cooccurrences(corpus: Corpus, *, window: int = 5) -> tuple[np.ndarray, ...]:
    """How often words stand near one another, `1 / distance` each time.

    Args:
        corpus: the text. Twelve bytes of memory are needed for every two words that
            stand near one another anywhere, and as much again while they are counted.
        window: the largest distance.

    Returns:
        Rows and columns, int32, and counts, float32, all `(num_pairs,)`. Each pair
        stands once, its smaller number as the row: the counts are symmetric.

    Example:
        >>> corpus = Corpus("ab", np.array([2, 1]), np.array([0, 1, 0, -1]))
        >>> [part.tolist() for part in cooccurrences(corpus)]
        [[0, 0], [0, 1], [1.0, 2.0]]

    Reference:
        Pennington et al., 2014, "GloVe: Global vectors for word representation",
        section 4.2. A word beside itself counts for both directions.
    """
    num = len(corpus.words)
    keys, sums = np.zeros(0, np.int64), np.zeros(0, np.float64)
    for tokens in _pieces(corpus.tokens, window):
        some, values = [keys], [sums]
        line = np.cumsum(tokens == LINE_END)
        for distance in range(1, window + 1):
            first, second = tokens[:-distance], tokens[distance:]
            inside = (line[:-distance] == line[distance:]) & (first >= 0)
            first, second = first[inside], second[inside]
            low, high = np.minimum(first, second), np.maximum(first, second)
            some.append(low.astype(np.int64) * num + high)
            values.append((1.0 + (low == high)) / distance)
        keys, owner = np.unique(np.concatenate(some), return_inverse=True)
        sums = np.bincount(owner, np.concatenate(values), len(keys))
    rows, columns = np.divmod(keys, num)
    return rows.astype(np.int32), columns.astype(np.int32), sums.astype(np.float32)


def _pieces(tokens: np.ndarray, window: int) -> Iterator[np.ndarray]:
    """The text in pieces that end where lines do, or else anywhere."""
    start = 0
    while start < len(tokens):
        piece = np.asarray(tokens[start : start + BLOCK])
        ends = np.flatnonzero(piece == LINE_END)
        if len(ends):
            piece = piece[: ends[-1] + 1]
        yield piece
        start += len(piece)


def _texts(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob("*.txt"))
        if not found:
            raise FileNotFoundError(f"No .txt in {path}. Give a text, or its folder.")
        return found
    if not path.is_file():
        raise FileNotFoundError(f"No such text: {path}. Give a text, or its folder.")
    return [path]


def _lines(paths: Iterable[Path]) -> Iterator[list[list[str]]]:
    """The words of each line, many lines at a time."""
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig") as file:
                rest = ""
                while block := file.read(BLOCK):
                    text = rest + block
                    # A text without line ends is cut between words.
                    cut = text.rfind("\n") + 1 or text.rfind(" ") + 1 or len(text)
                    yield [tokenize(line) for line in text[:cut].split("\n")]
                    rest = text[cut:]
                yield [tokenize(rest)]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not UTF-8 ({error.reason}). Save the file as UTF-8."
            ) from None
