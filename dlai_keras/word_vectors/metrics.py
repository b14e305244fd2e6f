"""How good word vectors are, always with the share of words that they have."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dlai_keras import intervals
from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors.analogies import solve


def spell(vectors: WordVectors, words: Iterable[str]) -> list[str]:
    """Words as the vectors spell them: as they are, or else in lower case.

    Args:
        vectors: that may have them.
        words: of a file that was made for other vectors, such as "Athens".

    Example:
        >>> spell(WordVectors(["athens", "IBM"], np.eye(2)), ["Athens", "IBM", "Oz"])
        ['athens', 'IBM', 'oz']
    """
    return [word if word in vectors else word.lower() for word in words]


def analogy_accuracy(
    vectors: WordVectors,
    questions: Mapping[str, Sequence[tuple[str, str, str, str]]],
    *,
    method: str = "add",
) -> list[dict]:
    """The share of analogies that are answered right, section by section.

    A question whose four words do not all have vectors cannot be asked; the coverage
    says how many can. The words of a question are no answers to it.

    Args:
        vectors: all their words may be answers.
        questions: section -> `(a, b, c, d)`, as `data.read_questions` gives them.
        method: "add" or "mul", as of `analogies.solve`.

    Returns:
        A dict for every section and, where there are several, one for "all": `section`;
        `accuracy` among those that can be asked, NaN where there is none; `coverage`;
        `right`, `asked` and `questions`, which are counts.

    Example:
        >>> words = ["man", "woman", "king", "queen"]
        >>> vectors = WordVectors(words, [[1, 0.1], [1, 1.0], [3, 0.2], [3, 3.2]])
        >>> asked = {"family": [tuple(words), ("man", "woman", "duke", "duchess")]}
        >>> analogy_accuracy(vectors, asked)[0]["accuracy"]
        1.0

    Reference:
        Mikolov et al., 2013, section 4.1; Levy and Goldberg, 2014.
    """
    rows = [
        vectors.lookup(spell(vectors, question))
        for section in questions.values()
        for question in section
    ]
    rows = np.array(rows, np.int64).reshape(-1, 4)
    is_asked = (rows >= 0).all(axis=1)
    is_right = np.zeros(len(rows), bool)
    answers, _ = solve(vectors, rows[is_asked, :3], method=method)
    is_right[is_asked] = answers[:, 0] == rows[is_asked, 3]
    table, first = [], 0
    for name, section in questions.items():
        own = slice(first, first + len(section))
        table.append(_shares(name, is_right[own], is_asked[own]))
        first = own.stop
    if len(table) > 1:
        table.append(_shares("all", is_right, is_asked))
    return table


def _shares(name, is_right, is_asked):
    right, asked = int(is_right.sum()), int(is_asked.sum())
    return {
        "section": name,
        "accuracy": right / asked if asked else math.nan,
        "coverage": asked / len(is_asked),
        "right": right,
        "asked": asked,
        "questions": len(is_asked),
    }


def similarity(
    vectors: WordVectors, judgments: Sequence[tuple[str, str, float]]
) -> dict:
    """How well cosines order pairs of words as people do.

    Args:
        vectors: of the words. A pair without both is left out; the coverage says how
            many are not.
        judgments: words and how similar people find them.

    Returns:
        `spearman`, the rank correlation, NaN where fewer than two pairs have vectors;
        `spearman_interval`, of 95 %, where there are more than three; `coverage`;
        `pairs`, a count.

    Raises:
        ValueError: there are no judgments.

    Example:
        >>> vectors = WordVectors(["a", "b", "c"], [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> found = similarity(vectors, [("a", "b", 9.0), ("a", "c", 1.0)])
        >>> round(found["spearman"], 4), found["coverage"]
        (1.0, 1.0)

    Reference:
        Bonett and Wright, 2000, "Sample size requirements for estimating Pearson,
        Kendall and Spearman correlations", of the interval.
    """
    from scipy import stats  # half a second

    if not judgments:
        raise ValueError("`judgments` must have a pair of words. Received none.")
    rows = np.array(
        [vectors.lookup(spell(vectors, pair)) for *pair, _ in judgments], np.int64
    )
    has_both = (rows >= 0).all(axis=1)
    first, second = (vectors.normalized()[column] for column in rows[has_both].T)
    cosines = np.einsum("pd,pd->p", first, second)
    judged = np.array([value for *_, value in judgments])[has_both]
    found = {"coverage": float(has_both.mean()), "pairs": int(has_both.sum())}
    if found["pairs"] < 2:
        return {"spearman": math.nan, **found}
    spearman = float(stats.spearmanr(cosines, judged).statistic)
    if found["pairs"] > 3:
        # Fisher's transform, with the variance of ranks.
        wide = 1.96 * math.sqrt((1 + spearman**2 / 2) / (found["pairs"] - 3))
        middle = math.atanh(min(max(spearman, -1 + 1e-12), 1 - 1e-12))
        ends = [math.tanh(middle - wide), math.tanh(middle + wide)]
        found = {"spearman_interval": ends, **found}
    return {"spearman": spearman, **found}


def summary(table: Sequence[Mapping], found: Mapping | None) -> dict:
    """The figures of a whole evaluation, as a script reports them.

    Args:
        table: of `analogy_accuracy`; may be empty.
        found: of `similarity`, or None.

    Returns:
        `analogy_accuracy` with its interval, `analogy_coverage`, `questions_asked`;
        `spearman` with its interval, `similarity_coverage`, `pairs`: those that there
        are.

    Example:
        >>> rows = [{"section": "all", "right": 3, "asked": 4, "coverage": 0.5}]
        >>> summary(rows, None)["analogy_accuracy"]
        0.75
    """
    figures = {}
    if table:
        whole = table[-1]
        if whole["asked"]:
            figures |= intervals.share(
                "analogy_accuracy", whole["right"], whole["asked"]
            )
        figures |= {
            "analogy_coverage": whole["coverage"],
            "questions_asked": whole["asked"],
        }
    if found is not None:
        figures |= {
            name: found[name]
            for name in ("spearman", "spearman_interval")
            if name in found
        }
        figures |= {"similarity_coverage": found["coverage"], "pairs": found["pairs"]}
    return figures
