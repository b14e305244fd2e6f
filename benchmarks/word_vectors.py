"""How fast neighbours are found and analogies answered, beside a loop and gensim."""

import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import analogies as search
from dlai_keras.word_vectors.course import cosine_similarity

HELP = """Measures searches among many word vectors, against a loop and gensim.

The notebook compares a word with one other after another. gensim, which is measured
where it is installed (pip install gensim), compares it with all at once, and answers
one question after another. All have the same vectors and take turns."""

BATCH = 256  # queries at once
QUESTIONS = 4000  # analogies at once
ASKED_WORDS = 900  # that they are made of, as questions-words.txt
ONE_BY_ONE = 10  # queries or questions that the others answer
COUNT = 10  # neighbours


def benchmark(
    *,
    words: int = 400_000,
    dim: int = 300,
    repeats: int = 3,
    output: Path = Path("runs/word_vectors_benchmark"),
) -> dict:
    """Prints queries a second, and leaves them in `--output`.

    neighbours, single: the ten nearest words of one, all words compared.

    neighbours, batched: of 256 words.

    analogies: 4,000 questions, whose answer may be any word.

    Args:
        words: how many vectors are searched.
        dim: numbers of each.
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/word_vectors.py --words 100000
    """
    for name, value, least in (
        ("words", words, ASKED_WORDS),
        ("dim", dim, 2),
        ("repeats", repeats, 1),
    ):
        if value < least:
            raise ValueError(f"`{name}` must be {least} or more. Received: {value}.")
    begun = time.perf_counter()
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((words, dim), np.float32)
    vectors = WordVectors([f"w{row}" for row in range(words)], matrix)
    vectors.normalized()  # once, as the others have their lengths
    others = _gensim(vectors)
    rows = [*neighbours(vectors, others, repeats), analogies(vectors, others, repeats)]
    command_line.show_table(f"queries a second, {words} words of {dim} numbers", rows)
    figures = {
        f"{row['']}_{name}".replace(", ", "_").replace(" ", "_"): value
        for row in rows
        for name, value in row.items()
        if name
    }
    figures |= {"words": words, "dim": dim, "repeats": repeats}
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def neighbours(vectors: WordVectors, others, repeats: int) -> list[dict]:
    """Neighbours of one word and of many."""
    command_line.note("neighbours ...")
    word = vectors.words[7]

    def single():
        for _ in range(ONE_BY_ONE):
            search.neighbours(vectors, word, COUNT)
        return ONE_BY_ONE

    def batched():
        search.nearest(vectors, vectors.matrix[:BATCH], COUNT)
        return BATCH

    def loop():
        query = vectors[word]
        cosines = [cosine_similarity(query, row) for row in vectors.matrix]
        np.argsort(cosines)[-COUNT - 1 :]
        return 1

    def gensim():
        for row in range(ONE_BY_ONE):
            others.most_similar(vectors.words[row], topn=COUNT)
        return ONE_BY_ONE

    sides = {"ours": single, "a loop": loop}
    sides |= {"gensim": gensim} if others else {}
    rates = _rates(sides | {"batched": batched}, repeats)
    slow = {name: rates[name] for name in sides if name != "ours"}
    return [
        {"": "neighbours, single", "ours": rates["ours"], **slow},
        {"": "neighbours, batched", "ours": rates["batched"], **slow},
    ]


def analogies(vectors: WordVectors, others, repeats: int) -> dict:
    """Analogies, many at once."""
    command_line.note("analogies ...")
    rng = np.random.default_rng(1)
    questions = rng.integers(0, ASKED_WORDS, (QUESTIONS, 3))
    asked = [[vectors.words[row] for row in question] for question in questions]

    def ours():
        search.solve(vectors, questions)
        return QUESTIONS

    def loop():
        # The course's complete_analogy: one word after another.
        a, b, c = vectors.matrix[questions[0]]
        cosines = [cosine_similarity(b - a, row - c) for row in vectors.matrix]
        np.argmax(cosines)
        return 1

    def gensim():
        for a, b, c in asked[:ONE_BY_ONE]:
            others.most_similar(positive=[b, c], negative=[a], topn=1)
        return ONE_BY_ONE

    sides = {"ours": ours, "a loop": loop} | ({"gensim": gensim} if others else {})
    return {"": "analogies", **_rates(sides, repeats)}


def _gensim(vectors):
    """The same vectors for gensim, or None where it is not installed."""
    if importlib.util.find_spec("gensim") is None:
        command_line.note("gensim is not installed: it is left out")
        return None
    from gensim.models import KeyedVectors

    others = KeyedVectors(vectors.dim)
    others.add_vectors(list(vectors.words), vectors.matrix)
    others.fill_norms()
    return others


def _rates(sides: dict[str, Callable[[], int]], repeats: int) -> dict[str, float]:
    """Medians of how many a second; the sides take turns."""
    seconds = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            begun = time.perf_counter()
            number = side()
            seconds[name].append((time.perf_counter() - begun) / number)
    return {name: 1 / statistics.median(each) for name, each in seconds.items()}


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
