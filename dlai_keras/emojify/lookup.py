"""From the words of sentences to arrays of vectors, words without a vector included."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from dlai_keras.embeddings import WordVectors, tokenize

RARITY = 1e-3  # of Arora et al.: a word of this share of a text has half the weight
RANK_OFFSET = 10  # of Zipf's law; the most frequent words are less apart than it says
CLAUSE_END = re.compile(r"[,.;:!?]|\bbut\b", re.IGNORECASE)
DENYING = {"not", "no", "never", "nothing", "nobody", "none", "neither", "nor"}
DENYING |= {"without", "hardly"}
NAMED = 12  # words of a line that says what was replaced
SCOPE = 4  # words after one of these, in the same clause, are denied


def denied_words(text: str) -> list[tuple[str, bool]]:
    """The words of a sentence, and whether a negation before them denies them.

    A negation reaches four words far, and not over the end of its clause: punctuation,
    or "but", which is left out.

    Args:
        text: a sentence.

    Example:
        >>> denied_words("not bad, good")
        [('not', False), ('bad', True), ('good', False)]

    Reference:
        Pang, Lee, Vaithyanathan, 2002, "Thumbs up? Sentiment classification using
        machine learning techniques", EMNLP, section 5.
    """
    found = []
    for clause in CLAUSE_END.split(text):
        left = 0
        for word in tokenize(clause):
            found.append((word, left > 0))
            left = SCOPE if word in DENYING else left - 1
    return found


def describe_replaced(replaced: Mapping[str, str | None]) -> list[str]:
    """Lines that say which words have no vector of their own, and what stood for them.

    Args:
        replaced: as of `Lookup.replaced`.

    Example:
        >>> describe_replaced({"hapy": "happy", "zzgrmpf": None})
        ['words read as others: hapy as happy', 'words left out: zzgrmpf']
    """
    near = [f"{word} as {other}" for word, other in replaced.items() if other]
    none = [word for word, other in replaced.items() if not other]
    lines = []
    for words, text in ((near, "read as others"), (none, "left out")):
        if words:
            more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
            lines.append(f"words {text}: {', '.join(words[:NAMED])}{more}")
    return lines


class Lookup:
    """Turns sentences into the vectors of their words, at length 1, and weights.

    Of several sets of vectors each word gets those of all, side by side: what two texts
    have taught is more than what one has. Where one of them lacks the word its part is
    zeros; where all do, the word's stem or nearest spelling stands for it
    (`WordVectors.resolve`), and where there is none it is left out.

    The weight of a word is `a / (a + p)` with `a` 0.001 and `p` its share of a text,
    which Zipf's law tells by its row; it is negative for a word that a negation before
    it denies.

    Args:
        *vectors: one set or more, the more frequent words first.

    Example:
        >>> vectors = WordVectors(["i", "tea"], [[0.0, 2.0], [3.0, 4.0]])
        >>> arrays, weights = Lookup(vectors)(["I like tea!"])
        >>> arrays[0]
        array([[0. , 1. ],
               [0.6, 0.8]], dtype=float32)

    Reference:
        Arora, Liang, Ma, 2017, "A simple but tough-to-beat baseline for sentence
        embeddings", ICLR.
    """

    def __init__(self, *vectors: WordVectors):
        if not vectors:
            raise ValueError("`vectors` must be one set or more. Received none.")
        self.vectors = vectors
        self._found: dict[str, tuple] = {}

    @property
    def dim(self) -> int:
        """Numbers of a word."""
        return sum(one.dim for one in self.vectors)

    def words(self, text: str) -> list[str]:
        """The words of a sentence that have a vector, or another word's.

        Args:
            text: a sentence.
        """
        words = [word for word, _ in denied_words(text)]
        return [word for word in words if self._find(word)[0] is not None]

    def replaced(self, texts: Sequence[str]) -> dict[str, str | None]:
        """Words whose own vector is missing, and what stands for them.

        Args:
            texts: sentences.

        Returns:
            Word -> the word whose vector it gets; None where it is left out.
        """
        words = dict.fromkeys(word for text in texts for word in tokenize(text))
        found = {word: self._find(word)[0] for word in words}
        return {word: other for word, other in found.items() if other != word}

    def __call__(
        self, texts: Sequence[str], *, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The arrays that the networks read.

        Args:
            texts: sentences.
            length: of the arrays; the longest sentence's by default. What is longer is
                cut.

        Returns:
            Vectors, float32 `(num_texts, length, dim)`, and weights, float32
            `(num_texts, length)`, 0 where no word is.
        """
        rows = [
            [(self._find(word), denied) for word, denied in denied_words(text)]
            for text in texts
        ]
        rows = [[one for one in row if one[0][0] is not None] for row in rows]
        if length is None:
            length = max(map(len, rows), default=0) or 1
        vectors = np.zeros((len(rows), length, self.dim), "float32")
        weights = np.zeros((len(rows), length), "float32")
        for row, found in enumerate(rows):
            for place, ((_, vector, weight), denied) in enumerate(found[:length]):
                vectors[row, place] = vector
                weights[row, place] = -weight if denied else weight
        return vectors, weights

    def _find(self, word):
        """`(the word whose vector it is, vector, weight)`."""
        if word not in self._found:
            self._found[word] = self._search(word)
        return self._found[word]

    def _search(self, word):
        if not any(word in one for one in self.vectors):
            nearest = (one.resolve(word) for one in self.vectors)
            word = next((near for near in nearest if near is not None), None)
            if word is None:
                return None, None, 0.0
        parts, weights = [], []
        for one in self.vectors:
            parts.append(np.zeros(one.dim, "float32"))
            if word in one:
                row = one.index(word)
                parts[-1] = one.matrix[row] / max(np.linalg.norm(one.matrix[row]), 1e-9)
                weights.append(_weight(row, len(one)))
        return word, np.concatenate(parts) / len(parts) ** 0.5, float(np.mean(weights))


def _weight(row, num_words):
    total = np.log((num_words + RANK_OFFSET) / RANK_OFFSET)  # of Zipf's shares
    return RARITY / (RARITY + 1 / (row + RANK_OFFSET) / total)
