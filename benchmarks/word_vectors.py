"""How fast vectors are searched and trained, beside a loop and gensim."""

import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import analogies as search
from dlai_keras.word_vectors.corpus import LINE_END, Corpus
from dlai_keras.word_vectors.course import cosine_similarity

HELP = """Measures searches among many word vectors, and training, against gensim.

The notebook compares a word with one other after another. gensim, which is measured
where it is installed (pip install gensim), compares it with all at once, and answers
one question after another. All have the same vectors and take turns. Skip-gram is
trained by both on the same drawn text, gensim with two threads."""

BATCH = 256  # queries at once
QUESTIONS = 4000  # analogies at once
ASKED_WORDS = 900  # that they are made of, as questions-words.txt
ONE_BY_ONE = 10  # queries or questions that the others answer
COUNT = 10  # neighbours
TEXT_WORDS, LINE = 20_000, 20  # of the text that vectors are trained on
TRAINED = {"dim": 100, "window": 5}


def benchmark(
    *,
    words: int = 400_000,
    dim: int = 300,
    text: int = 2_000_000,
    repeats: int = 3,
    output: Path = Path("runs/word_vectors_benchmark"),
) -> dict:
    """Prints queries a second, and leaves them in `--output`.

    neighbours, single: the ten nearest words of one, all words compared.

    neighbours, batched: of 256 words.

    analogies: 4,000 questions, whose answer may be any word.

    skip-gram: pairs of words a second, vectors of 100 numbers, windows of 5 words and
    5 negatives, which ours share within a row of text.

    Args:
        words: how many vectors are searched.
        dim: numbers of each.
        text: words of the text that vectors are trained on.
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/word_vectors.py --words 100000
    """
    for name, value, least in (
        ("words", words, ASKED_WORDS),
        ("dim", dim, 2),
        ("text", text, 100),
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
    trained = skip_gram(text, repeats)
    command_line.show_table("skip-gram, pairs a second", trained)
    figures |= {f"skip_gram_{name}": value for name, value in trained.items()}
    figures |= {"words": words, "dim": dim, "text": text, "repeats": repeats}
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


def skip_gram(num_words: int, repeats: int) -> dict[str, float]:
    """Pairs a second in training, without what comes before the first step."""
    command_line.note("skip-gram ...")
    command_line.load_keras()
    from dlai_keras.word_vectors.batches import WindowBatches
    from dlai_keras.word_vectors.trainer import train_vectors

    rng = np.random.default_rng(2)
    shares = 1 / (np.arange(TEXT_WORDS) + 3)  # Zipf's law
    lines = rng.choice(TEXT_WORDS, (num_words // LINE, LINE), p=shares / shares.sum())
    # The words by how often they stand there, as the corpus has them.
    order = np.argsort(-np.bincount(lines.ravel(), minlength=TEXT_WORDS))
    lines = np.argsort(order)[lines]
    counts = np.maximum(np.bincount(lines.ravel(), minlength=TEXT_WORDS), 1)
    tokens = np.pad(lines, ((0, 0), (0, 1)), constant_values=LINE_END).ravel()
    corpus = Corpus([f"w{row}" for row in range(TEXT_WORDS)], counts, tokens)
    batches = WindowBatches(corpus, window=TRAINED["window"])
    pairs = sum(int(batches[index][1].sum()) for index in range(len(batches)))

    ends = []
    train_vectors(
        corpus,
        **TRAINED,
        epochs=repeats + 1,
        on_epoch=lambda epoch, logs: ends.append(time.perf_counter()),
    )
    rates = {"ours": pairs / statistics.median(np.diff(ends))}
    if importlib.util.find_spec("gensim") is not None:
        from gensim.models import Word2Vec

        sentences = [[corpus.words[word] for word in line] for line in lines]
        other = Word2Vec(
            vector_size=TRAINED["dim"],
            window=TRAINED["window"],
            min_count=1,
            sg=1,
            negative=5,
            workers=2,
        )
        other.build_vocab(sentences)
        seconds = []
        for _ in range(repeats):
            begun = time.perf_counter()
            other.train(sentences, total_examples=len(sentences), epochs=1)
            seconds.append(time.perf_counter() - begun)
        rates["gensim"] = pairs / statistics.median(seconds)
        rates = {"gensim_over_ours": rates["gensim"] / rates["ours"], **rates}
    return rates


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
