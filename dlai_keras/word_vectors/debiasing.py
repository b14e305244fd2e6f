"""Bias in word vectors: its direction, taking it out, and measuring what is left."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dlai_keras.embeddings import WordVectors

BLOCK = 1 << 15  # vectors at once
EXACT = 200_000  # partitions; where there are more, some are drawn
SAME = 1e-6  # associations that differ by less are equal


class Bias(NamedTuple):
    """Where pairs of words differ.

    Attributes:
        direction: float64 `(dim,)` of length 1, on whose positive side the first words
            of the pairs are.
        shares: of the pairs' variance that every principal component explains, the
            largest first.
    """

    direction: np.ndarray
    shares: np.ndarray


def bias_direction(vectors: WordVectors, pairs: Iterable[Sequence[str]]) -> Bias:
    """The first principal component of pairs that are each centred on their mean.

    Args:
        vectors: brought to length 1 first.
        pairs: definitional pairs, such as (woman, man). A pair with a word that has no
            vector is left out.

    Returns:
        The direction, and how much of the pairs' differences it explains.

    Raises:
        ValueError: no pair has both vectors, or all pairs are of equal vectors.

    Example:
        >>> words = ["she", "he", "girl", "boy"]
        >>> vectors = WordVectors(words, [[1, 1], [1, -1], [2, 1], [2, -1.0]])
        >>> bias = bias_direction(vectors, [("she", "he"), ("girl", "boy")])
        >>> bias.direction, bias.shares
        (array([0., 1.]), array([1., 0.]))

    Reference:
        Bolukbasi et al., 2016, "Man is to computer programmer as woman is to
        homemaker?", section 5.
    """
    rows = _pair_rows(vectors, pairs)
    if not len(rows):
        raise ValueError(
            "`pairs` must have a pair whose words both have vectors. Received none."
        )
    ends = vectors.normalized()[rows].astype(np.float64)  # (num_pairs, 2, dim)
    centred = (ends - ends.mean(axis=1, keepdims=True)).reshape(-1, vectors.dim)
    if not centred.any():
        raise ValueError("`pairs` must have different vectors. Received equal ones.")
    _, lengths, components = np.linalg.svd(centred, full_matrices=False)
    direction = components[0]
    if ((ends[:, 0] - ends[:, 1]) @ direction).mean() < 0:
        direction = -direction
    # 0.0 + turns -0 into 0.
    return Bias(0.0 + direction, lengths**2 / (lengths**2).sum())


def neutralize(matrix: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Vectors without their part along a direction.

    Args:
        matrix: `(num_words, dim)`.
        direction: `(dim,)`, of any length but 0.

    Returns:
        `(num_words, dim)` of the same type, orthogonal to the direction.

    Raises:
        ValueError: the direction is zero.

    Example:
        >>> neutralize(np.array([[3.0, 4.0]]), np.array([0.0, 2.0]))
        array([[3., 0.]])
    """
    unit = _unit(direction)
    result = np.empty_like(matrix)
    for first in range(0, len(matrix), BLOCK):
        block = matrix[first : first + BLOCK].astype(np.float64)
        result[first : first + BLOCK] = block - np.outer(block @ unit, unit)
    return result


def equalize(
    matrix: np.ndarray, pairs: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """Vectors where the words of every pair differ in nothing but a sign.

    Both get what they share on average across the direction, and along it what is
    missing to length 1, one on either side.

    Args:
        matrix: `(num_words, dim)`.
        pairs: rows of the words, `(num_pairs, 2)`. No row should stand twice.
        direction: `(dim,)`, of any length but 0.

    Returns:
        A copy of the matrix; only the rows of the pairs differ, and have length 1.

    Raises:
        ValueError: the direction is zero, or two words do not differ along it.

    Example:
        >>> matrix = np.array([[0.8, 0.6], [1.0, 0.0]])
        >>> equalize(matrix, [[0, 1]], np.array([0.0, 1.0])).round(3)
        array([[ 0.9  ,  0.436],
               [ 0.9  , -0.436]])

    Reference:
        Bolukbasi et al., 2016, section 6.
    """
    unit = _unit(direction)
    result = np.array(matrix)
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    ends = np.asarray(matrix)[pairs].astype(np.float64)  # (num_pairs, 2, dim)
    ends /= np.linalg.norm(ends, axis=2, keepdims=True)
    parts = ends @ unit  # (num_pairs, 2)
    side = np.sign(parts[:, 0] - parts[:, 1])
    if not side.all():
        pair = pairs[int(np.argmin(np.abs(side)))].tolist()
        raise ValueError(
            "The words of a pair must differ along the direction. Received equal ones "
            f"in the rows {pair}."
        )
    shared = ends.mean(axis=1)
    shared -= np.outer(shared @ unit, unit)
    missing = np.sqrt(1 - np.minimum((shared**2).sum(axis=1), 1))
    apart = (side * missing)[:, None] * unit
    result[pairs[:, 0]] = shared + apart
    result[pairs[:, 1]] = shared - apart
    return result


def debias(
    vectors: WordVectors,
    direction: np.ndarray,
    *,
    specific: Iterable[str] = (),
    equal_pairs: Iterable[Sequence[str]] = (),
) -> WordVectors:
    """Hard debiasing: all but some words are neutralized, and pairs are equalized.

    Args:
        vectors: brought to length 1.
        direction: of the bias, `(dim,)`.
        specific: words that may differ along it, such as "mother".
        equal_pairs: pairs that are to differ along it only. A pair with a word that has
            no vector is left out, and so is one with a word of a pair before it.

    Returns:
        New vectors of length 1.

    Raises:
        ValueError: the direction is zero.

    Example:
        >>> words = ["nurse", "she", "he"]
        >>> vectors = WordVectors(words, [[1.0, 1.0], [1.0, 2.0], [1.0, -3.0]])
        >>> fair = debias(vectors, [0, 1], equal_pairs=[("she", "he")])
        >>> fair.matrix.round(2)
        array([[ 1.  ,  0.  ],
               [ 0.38,  0.92],
               [ 0.38, -0.92]], dtype=float32)

    Reference:
        Bolukbasi et al., 2016, section 6.
    """
    units = vectors.normalized()
    matrix = neutralize(units, direction)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1)
    kept = vectors.lookup(specific)
    kept = kept[kept >= 0]
    matrix[kept] = units[kept]
    pairs = _pair_rows(vectors, equal_pairs)
    # Neutral words of a pair have lost what they differ in.
    matrix[pairs.ravel()] = units[pairs.ravel()]
    matrix = equalize(matrix, pairs, direction)
    return WordVectors(vectors.words, matrix, name=f"{vectors.name}, debiased")


def direct_bias(
    vectors: WordVectors, words: Iterable[str], direction: np.ndarray
) -> float:
    """How much words that should be neutral lie along a direction, on average.

    Args:
        vectors: of the words.
        words: those without a vector are left out.
        direction: of the bias, `(dim,)`.

    Returns:
        The mean of the cosines' absolute values, 0 to 1; NaN where no word has a
        vector.

    Example:
        >>> vectors = WordVectors(["nurse", "table"], [[0.6, 0.8], [2.0, 0.0]])
        >>> round(direct_bias(vectors, ["nurse", "table"], [0, 1]), 3)
        0.4

    Reference:
        Bolukbasi et al., 2016, section 5.2, with c = 1.
    """
    cosines = projections(vectors, words, direction)
    return float(np.abs(cosines).mean()) if len(cosines) else math.nan


def projections(
    vectors: WordVectors, words: Iterable[str], direction: np.ndarray
) -> np.ndarray:
    """Cosines of words with a direction.

    Args:
        vectors: of the words.
        words: those without a vector are left out.
        direction: `(dim,)`, of any length but 0.

    Returns:
        `(num_words,)`.
    """
    rows = vectors.lookup(words)
    return vectors.normalized()[rows[rows >= 0]].astype(np.float64) @ _unit(direction)


class Weat(NamedTuple):
    """What an association test found.

    Attributes:
        effect_size: from -2 to 2; 0 is none.
        p_value: share of the ways to part the targets with an association as large.
        num_words: how many of the words have vectors: of two targets, two attributes.
    """

    effect_size: float
    p_value: float
    num_words: tuple[int, int, int, int]


def weat(
    vectors: WordVectors,
    targets: Sequence[Iterable[str]],
    attributes: Sequence[Iterable[str]],
    rng: np.random.Generator,
    *,
    num_draws: int = 20_000,
) -> Weat:
    r"""The word embedding association test.

    How much nearer the words X are to A than to B, beside the words Y:
    s(w) = mean cos(w, A) - mean cos(w, B), and the effect size is
    (mean s(X) - mean s(Y)) / std s(X and Y). The one-sided p value is the share of the
    partitions of X and Y into parts of the same sizes whose difference is as large; of
    all where these are 200,000 at most, the one that was observed included, else of
    drawn ones and the observed.

    Args:
        vectors: of the words; those without a vector are left out.
        targets: words X and words Y, such as sciences and arts.
        attributes: words A and words B, such as of men and of women.
        rng: draws partitions.
        num_draws: how many.

    Returns:
        Effect size, p value, and of how many words. Where all associations are the
        same, 0 and 1.

    Raises:
        ValueError: two words of a target or one of an attribute are not there.

    Example:
        >>> words = ["rose", "lily", "wasp", "moth", "good", "bad"]
        >>> rows = [[3, 1], [2, 1], [1, 3], [1, 2], [1, 0], [0, 1.0]]
        >>> test = weat(
        ...     WordVectors(words, rows),
        ...     [("rose", "lily"), ("wasp", "moth")],
        ...     [("good",), ("bad",)],
        ...     np.random.default_rng(0),
        ... )
        >>> round(test.effect_size, 2), round(test.p_value, 3)
        (1.97, 0.167)

    Reference:
        Caliskan, Bryson and Narayanan, 2017, "Semantics derived automatically from
        language corpora contain human-like biases", Science 356.
    """
    sets = []
    for words in (*targets, *attributes):
        rows = vectors.lookup(words)
        sets.append(vectors.normalized()[rows[rows >= 0]].astype(np.float64))
    sizes = tuple(map(len, sets))
    if min(sizes[:2]) < 2 or min(sizes[2:]) < 1:
        raise ValueError(
            "An association test needs vectors of two words or more of each target, "
            "and of one or more of each attribute. Received vectors of: "
            f"{', '.join(map(str, sizes))} words."
        )
    x, y, a, b = sets
    both = np.concatenate([x, y])
    scores = (both @ a.T).mean(axis=1) - (both @ b.T).mean(axis=1)
    difference = scores[: len(x)].mean() - scores[len(x) :].mean()
    spread = scores.std()
    if spread < SAME:  # nothing but rounding is left of the association
        return Weat(0.0, 1.0, sizes)
    p_value = _p_value(scores, len(x), rng, num_draws)
    return Weat(float(difference / spread), p_value, sizes)


def _p_value(scores, size, rng, num_draws):
    """Share of the partitions whose first part has as large a sum."""
    observed = scores[:size].sum() - SAME
    total = math.comb(len(scores), size)
    if total <= EXACT:
        parts = itertools.combinations(range(len(scores)), size)
        chosen = np.fromiter(
            itertools.chain.from_iterable(parts), np.int16, total * size
        )
        sums = scores[chosen.reshape(total, size)].sum(axis=1)
        return float((sums >= observed).mean())
    order = rng.random((num_draws, len(scores))).argsort(axis=1)[:, :size]
    as_large = (scores[order].sum(axis=1) >= observed).sum()
    return float((as_large + 1) / (num_draws + 1))


def _pair_rows(vectors, pairs):
    """Rows of the pairs whose words both have vectors, no word twice."""
    found, used = [], set()
    for pair in pairs:
        rows = vectors.lookup(pair).tolist()
        if len(rows) != 2:
            raise ValueError(f"A pair must be two words. Received: {list(pair)}.")
        if min(rows) >= 0 and rows[0] != rows[1] and not used & set(rows):
            found.append(rows)
            used |= set(rows)
    return np.array(found, np.int64).reshape(-1, 2)


def _unit(direction):
    direction = np.asarray(direction, np.float64)
    length = np.linalg.norm(direction)
    if not length > 0:
        raise ValueError("`direction` must not be zero. Received zeros only.")
    return direction / length
