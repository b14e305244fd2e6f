"""Neighbours and analogies, for any number of questions at once.

Words are compared in tiles of similarities that stay in the cache, so memory does not
grow with the number of questions, and a file of 20,000 of them takes seconds.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from dlai_keras.embeddings import WordVectors

METHODS = ("add", "mul")
TILE = 1 << 21  # similarities that are held at once
BATCH = 256  # questions
EPSILON = 1e-3  # Levy and Goldberg's, against a division by 0


def nearest(
    vectors: WordVectors,
    queries: np.ndarray,
    count: int = 10,
    *,
    left_out: Sequence[Sequence[int]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The words whose vectors have the most similar direction.

    Args:
        vectors: what is searched.
        queries: `(num_queries, dim)`, of any length.
        count: words per query; fewer where there are fewer.
        left_out: rows of words that are no answer, for every query.

    Returns:
        `(rows, cosines)`: int64 and float32 `(num_queries, count)`, the most similar
        first. Where a query has fewer answers, -1 and minus infinity.

    Raises:
        ValueError: the queries have another shape, or count is below 1.

    Example:
        >>> vectors = WordVectors(["a", "b", "c"], [[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
        >>> rows, cosines = nearest(vectors, [[0.0, 9.0]], 2)
        >>> [vectors.words[row] for row in rows[0]], cosines[0]
        (['c', 'b'], array([1. , 0.8], dtype=float32))
    """
    queries = np.asarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != vectors.dim:
        raise ValueError(
            f"`queries` must have the shape (num_queries, {vectors.dim}). Received the "
            f"shape: {queries.shape}."
        )
    lengths = np.linalg.norm(queries, axis=1, keepdims=True)
    units = queries / np.where(lengths > 0, lengths, 1)
    everything = vectors.normalized()

    def compare(first, end):
        return lambda part: units[part] @ everything[first:end].T

    tile = TILE // max(1, min(len(queries), BATCH))
    return _best(compare, _padded(left_out, len(queries)), len(vectors), tile, count)


def neighbours(
    vectors: WordVectors, word: str, count: int = 10
) -> list[tuple[str, float]]:
    """The words that are most similar to a word.

    Args:
        vectors: that have it.
        word: is left out of the answer.
        count: how many.

    Returns:
        Words and their cosines, the most similar first.

    Raises:
        KeyError: it has no vector.

    Example:
        >>> vectors = WordVectors(["a", "b", "c"], [[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
        >>> [(word, round(cosine, 2)) for word, cosine in neighbours(vectors, "a")]
        [('b', 0.6), ('c', 0.0)]
    """
    row = vectors.index(word)
    rows, cosines = nearest(vectors, vectors.matrix[[row]], count, left_out=[[row]])
    return _named(vectors, rows[0], cosines[0])


def solve(
    vectors: WordVectors, questions: np.ndarray, count: int = 1, *, method: str = "add"
) -> tuple[np.ndarray, np.ndarray]:
    r"""Answers "a is to b as c is to ?" for many questions.

    "add" looks for the d with the highest cos(d, b) - cos(d, a) + cos(d, c), which is
    the one nearest to b - a + c (3CosAdd); "mul" for the highest
    cos(d, b) cos(d, c) / (cos(d, a) + 0.001) of cosines that were moved to 0 to 1
    (3CosMul), where no single term outweighs the others. The words of a question are
    left out of its answer.

    Args:
        vectors: what is searched.
        questions: whole numbers `(num_questions, 3)`, the rows of a, b and c.
        count: answers per question, the best first.
        method: "add" or "mul".

    Returns:
        `(rows, scores)`: int64 and float32 `(num_questions, count)`. Scores are the sum
        or the quotient above.

    Raises:
        ValueError: another shape, another method, or a row that does not exist.

    Example:
        >>> words = ["man", "woman", "king", "queen"]
        >>> vectors = WordVectors(words, [[1, 0.1], [1, 1.0], [3, 0.2], [3, 3.2]])
        >>> rows, _ = solve(vectors, [[0, 1, 2]])
        >>> words[rows[0, 0]]
        'queen'

    Reference:
        Levy and Goldberg, 2014, "Linguistic regularities in sparse and explicit word
        representations".
    """
    questions = np.asarray(questions, np.int64)
    if questions.ndim != 2 or questions.shape[1] != 3:
        raise ValueError(
            "`questions` must have the shape (num_questions, 3). Received the shape: "
            f"{questions.shape}."
        )
    if questions.size and not 0 <= questions.min() <= questions.max() < len(vectors):
        raise ValueError(
            f"`questions` must hold rows from 0 to {len(vectors) - 1}. Received: "
            f"{questions.min()} to {questions.max()}."
        )
    if method not in METHODS:
        raise ValueError(
            f'`method` must be "add" or "mul". Received: method={method!r}.'
        )
    # Questions share words: each is compared once with all the others.
    words, places = np.unique(questions, return_inverse=True)
    a, b, c = places.reshape(-1, 3).T
    everything = vectors.normalized()
    units = everything[words]

    def compare(first, end):
        cosines = units @ everything[first:end].T  # (num_words, tile)
        positive = negative = cosines
        if method == "mul":  # products are sums of logarithms
            shifted = np.maximum((cosines + 1) / 2, 1e-9)
            positive, negative = np.log(shifted), np.log(shifted + EPSILON)

        def score(part):
            total = positive[b[part]]
            total += positive[c[part]]
            total -= negative[a[part]]
            return total

        return score

    tile = max(64, TILE // max(1, len(words)))
    rows, scores = _best(compare, questions, len(vectors), tile, count)
    return rows, np.exp(scores) if method == "mul" else scores


def complete(
    vectors: WordVectors,
    a: str,
    b: str,
    c: str,
    count: int = 5,
    *,
    method: str = "add",
) -> list[tuple[str, float]]:
    """Answers one question: a is to b as c is to what?

    Args:
        vectors: that have the three.
        a: as man in "man is to woman as king is to ?".
        b: woman.
        c: king.
        count: answers, the best first.
        method: "add" or "mul", as of `solve`.

    Returns:
        Words and their scores.

    Raises:
        KeyError: a word has no vector.
        ValueError: another method.

    Example:
        >>> words = ["man", "woman", "king", "queen"]
        >>> vectors = WordVectors(words, [[1, 0.1], [1, 1.0], [3, 0.2], [3, 3.2]])
        >>> [word for word, _ in complete(vectors, "man", "woman", "king")]
        ['queen']
    """
    question = [[vectors.index(word) for word in (a, b, c)]]
    rows, scores = solve(vectors, question, count, method=method)
    return _named(vectors, rows[0], scores[0])


def _named(vectors, rows, scores):
    return [
        (vectors.words[row], float(score))
        for row, score in zip(rows, scores, strict=True)
        if row >= 0
    ]


def _padded(left_out, num):
    """Rows to leave out as one array, -1 where there are none."""
    left_out = [()] * num if left_out is None else left_out
    rows = np.full((num, max(map(len, left_out), default=0)), -1, np.int64)
    for target, own in zip(rows, left_out, strict=True):
        target[: len(own)] = own
    return rows


def _slices(total: int, size: int) -> Iterator[slice]:
    for first in range(0, total, size):
        yield slice(first, min(first + size, total))


def _best(
    compare: Callable[[int, int], Callable[[slice], np.ndarray]],
    left_out: np.ndarray,
    num_words: int,
    tile: int,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The best words of every query, tile by tile.

    Args:
        compare: from the first row of a tile and the row behind it to a function, which
            gives the scores of some queries with the tile's words.
        left_out: rows that are no answers, `(num_queries, any)`, -1 for none.
        num_words: how many are searched.
        tile: words at once.
        count: answers per query.
    """
    if count < 1:
        raise ValueError(f"`count` must be 1 or more. Received: count={count}.")
    count = min(count, num_words)
    rows = np.full((len(left_out), count), -1, np.int64)
    scores = np.full((len(left_out), count), -np.inf, np.float32)
    for first in range(0, num_words, tile):
        end = min(first + tile, num_words)
        score = compare(first, end)
        for part in _slices(len(left_out), BATCH):
            found = score(part)  # (queries, tile)
            query, place = np.nonzero(
                (left_out[part] >= first) & (left_out[part] < end)
            )
            found[query, left_out[part][query, place] - first] = -np.inf
            places, tops = _better(found, scores[part][:, -1:], count)
            candidates = np.concatenate([rows[part], first + places], axis=1)
            both = np.concatenate([scores[part], tops], axis=1)
            order = np.argsort(-both, axis=1, kind="stable")[:, :count]
            rows[part] = np.take_along_axis(candidates, order, axis=1)
            scores[part] = np.take_along_axis(both, order, axis=1)
    rows[np.isneginf(scores)] = -1
    return rows, scores


def _better(scores, limits, count):
    """The places and scores of what may be among the best of every row.

    Args:
        scores: `(queries, tile)`.
        limits: the worst of the best so far, `(queries, 1)`.
        count: how many are kept.
    """
    width = scores.shape[1]
    if count == 1:  # in one pass
        places = scores.argmax(axis=1)[:, None]
        return places, np.take_along_axis(scores, places, axis=1)
    if np.isfinite(limits).all():  # from the second tile on few are better
        query, place = np.divmod(np.flatnonzero(scores > limits), width)
        column = np.arange(len(query)) - np.searchsorted(query, query)
        most = column.max(initial=-1) + 1
        if most <= 4 * count:
            places = np.zeros((len(scores), most), np.int64)
            tops = np.full((len(scores), most), -np.inf, np.float32)
            places[query, column], tops[query, column] = place, scores[query, place]
            return places, tops
    if count < width:
        places = np.argpartition(scores, -count, axis=1)[:, -count:]
    else:
        places = np.broadcast_to(np.arange(width), scores.shape)
    return places, np.take_along_axis(scores, places, axis=1)
