"""The course's functions on word vectors, with its names and argument order.

Vectors are a mapping of words to arrays `(dim,)`, as the course's `read_glove_vecs`
gives them; `dict(zip(vectors.words, vectors.matrix))` makes one of a `WordVectors`.

Reference:
    - Course 5, week 2, "Operations on word vectors".
"""

from collections.abc import Mapping, Sequence

import numpy as np

Vectors = Mapping[str, np.ndarray]
TINY = 1e-32  # a product of lengths below which there is no angle


def cosine_similarity(u: np.ndarray, v: np.ndarray) -> float:
    """The cosine of the angle between two vectors.

    Args:
        u: `(dim,)`.
        v: `(dim,)`.

    Returns:
        From -1 to 1; 1 for equal vectors, else 0 where one is zero.

    Example:
        >>> round(cosine_similarity(np.array([1.0, 0.0]), np.array([1.0, 1.0])), 4)
        0.7071
    """
    if np.all(u == v):
        return 1.0
    lengths = np.sqrt(np.sum(u**2)) * np.sqrt(np.sum(v**2))
    return 0.0 if lengths < TINY else float(np.dot(u, v) / lengths)


def complete_analogy(
    word_a: str, word_b: str, word_c: str, word_to_vec_map: Vectors
) -> str:
    """The word d for which b - a and d - c have the most similar directions.

    The words of the question are no answers, but for a question whose a is its c: what
    it asks for is b.

    Args:
        word_a: a of "a is to b as c is to d"; case does not matter.
        word_b: b.
        word_c: c.
        word_to_vec_map: word -> vector `(dim,)`.

    Returns:
        d.

    Raises:
        KeyError: a word has no vector.
        ValueError: there are no other words.

    Example:
        >>> rows = {"man": [1, 0], "woman": [1, 1], "king": [3, 0.0], "queen": [3, 1]}
        >>> vectors = {word: np.array(row) for word, row in rows.items()}
        >>> complete_analogy("man", "woman", "king", vectors)
        'queen'
    """
    word_a, word_b, word_c = word_a.lower(), word_b.lower(), word_c.lower()
    e_a, e_b, e_c = (_vector(w, word_to_vec_map) for w in (word_a, word_b, word_c))
    left_out = {word_a, word_c} | ({word_b} if word_a != word_c else set())
    words = [word for word in word_to_vec_map if word not in left_out]
    if not words:
        raise ValueError(
            "`word_to_vec_map` must hold other words than the question's. Received: "
            f"{', '.join(word_to_vec_map)}."
        )
    wanted = e_b - e_a
    # As cosine_similarity(wanted, d - c) of every d, at once.
    steps = np.array([word_to_vec_map[word] for word in words]) - e_c
    lengths = np.linalg.norm(steps, axis=1) * np.linalg.norm(wanted)
    cosines = steps @ wanted / np.where(lengths < TINY, 1, lengths)
    cosines[(steps == wanted).all(axis=1)] = 1
    return words[int(np.argmax(cosines))]


def neutralize(word: str, g: np.ndarray, word_to_vec_map: Vectors) -> np.ndarray:
    """A word's vector without its part along the bias axis.

    Args:
        word: in lower case, as in the map.
        g: `(dim,)`, the axis, such as woman - man; of any length but 0.
        word_to_vec_map: word -> vector `(dim,)`.

    Returns:
        `(dim,)`, orthogonal to g.

    Raises:
        KeyError: the word has no vector.
        ValueError: g is zero.

    Example:
        >>> neutralize("nurse", np.array([2.0, 0.0]), {"nurse": np.array([0.5, 3.0])})
        array([0., 3.])
    """
    e = _vector(word, word_to_vec_map)
    return e - _along(e, g)


def equalize(
    pair: Sequence[str], bias_axis: np.ndarray, word_to_vec_map: Vectors
) -> tuple[np.ndarray, np.ndarray]:
    """Makes two words differ in nothing but the sign along the bias axis.

    The words' vectors, brought to length 1, get what they share on average across the
    axis, and along it what is missing to length 1: one on either side. Published
    notebooks differ in a norm here; this is the paper's, for which both words have the
    same distance from every neutralized word.

    Args:
        pair: two words.
        bias_axis: `(dim,)`, of any length but 0.
        word_to_vec_map: word -> vector `(dim,)`.

    Returns:
        Two vectors `(dim,)` of length 1, whose cosines with the axis are opposite.

    Raises:
        KeyError: a word has no vector.
        ValueError: the axis is zero, or the two do not differ along it.

    Example:
        >>> vectors = {"man": np.array([-1.0, 0.0]), "woman": np.array([0.6, 0.8])}
        >>> equalize(("man", "woman"), np.array([1.0, 0.0]), vectors)
        (array([-0.91651514,  0.4       ]), array([0.91651514, 0.4       ]))

    Reference:
        Bolukbasi et al., 2016, "Man is to computer programmer as woman is to
        homemaker?", section 6.
    """
    e_w1, e_w2 = (
        e / np.linalg.norm(e) for e in (_vector(w, word_to_vec_map) for w in pair)
    )
    mu = (e_w1 + e_w2) / 2
    mu_b = _along(mu, bias_axis)
    mu_orth = mu - mu_b
    corrected = []
    for e in (e_w1, e_w2):
        side = _along(e, bias_axis) - mu_b
        length = np.linalg.norm(side)
        if length < 1e-12:
            raise ValueError(
                f"`pair` must differ along the bias axis. Received: {', '.join(pair)}."
            )
        corrected.append(np.sqrt(1 - mu_orth @ mu_orth) * side / length + mu_orth)
    return corrected[0], corrected[1]


def _vector(word, word_to_vec_map):
    try:
        return np.asarray(word_to_vec_map[word], np.float64)
    except KeyError:
        raise KeyError(f"No vector of the word {word!r}.") from None


def _along(e, g):
    """The part of a vector along an axis."""
    g = np.asarray(g, np.float64)
    if not g.any():
        raise ValueError("The bias axis must not be zero. Received zeros only.")
    return np.dot(e, g) / np.sum(g**2) * g
