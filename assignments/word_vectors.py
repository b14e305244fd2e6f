"""Word vectors: trained, measured, asked for analogies, mapped and debiased."""

import tempfile
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line, embeddings
from dlai_keras.word_vectors import analogies, debiasing, metrics, pictures
from dlai_keras.word_vectors import data as lists
from dlai_keras.word_vectors.corpus import read_corpus

HELP = """Word vectors: trained, measured, asked for analogies, mapped and debiased.

`train` learns them from any text, by skip-gram, CBOW or GloVe. `predict happy` names
the words that are most similar, `predict man woman king` answers "man is to woman as
king is to ?". `evaluate` measures analogies and similarities, `debias` takes a bias out
and shows it before and after, `map` draws words near those they are similar to.
--vectors is any file of GloVe or word2vec; without it, the 12,000 words that come with
the package are taken."""

GENDER = ("man", "woman")  # the ends of the bias direction
# Words that may differ in gender, shown beside those that should not.
SHOWN = ("she", "he", "mother", "father", "sister", "brother", "queen", "king")
MAPPED = 200  # words of a map
SMALLEST_MAP = 4
SUGGESTED_FROM = 20_000  # words; the rarer are no suggestions


def train(
    *,
    data: Path,
    method: str = "skip_gram",
    dim: int = 100,
    window: int = 5,
    epochs: int = 5,
    min_count: int = 5,
    max_words: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    output: Path = Path("runs/word_vectors"),
) -> dict:
    """Trains word vectors on a text, and measures them.

    The text may be larger than memory: its words are counted, and then read as numbers
    from a file. `output` gets vectors.txt, as GloVe writes it, and a map of the words.

    Args:
        data: text in UTF-8, a sentence or more a line; or a folder of .txt.
        method: skip_gram tells the words around each word, cbow each word from those
            around it, glove the counts of words that stand near one another.
        dim: numbers of a vector.
        window: words to either side that count as near.
        epochs: how often the text is read; GloVe's counts want 15 and more.
        min_count: words that stand less often are left out.
        max_words: of the vocabulary, the most frequent; all by default.
        learning_rate: the highest; 0.3 by default, 0.05 for glove.
        seed: of the weights and of all that is drawn.
        output: folder for the vectors, figures and the map.

    Example:
        python assignments/word_vectors.py train --data corpus.txt --method glove
    """
    begun = time.perf_counter()
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        text = read_corpus(data, folder, min_count=min_count, max_words=max_words)
        command_line.note(
            f"{text.num_tokens:,} words of text, {len(text.words):,} different ones"
        )
        command_line.load_keras()
        from dlai_keras.word_vectors.trainer import train_vectors

        history: dict = {}
        trained = train_vectors(
            text,
            method=method,
            dim=dim,
            window=window,
            epochs=epochs,
            learning_rate=learning_rate,
            seed=seed,
            on_epoch=command_line.EpochLines(epochs, history, {"loss": "loss"}),
        )
        num_tokens = text.num_tokens
    embeddings.write_vectors(output / "vectors.txt", trained)
    figures = {"num_tokens": num_tokens, "loss": history["loss"]}
    figures |= _measure(trained, *lists.load_evaluation()[:2], "add", seed)
    shown = _frequent(trained, MAPPED)
    if len(shown) >= SMALLEST_MAP:
        pictures.draw_map(output / "map.png", trained, shown)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the vectors, their figures and a map are in {output}")
    return figures | {"vectors": str(output / "vectors.txt")}


def evaluate(
    *,
    vectors: Path | None = None,
    beside: Path | None = None,
    data: Path | None = None,
    method: str = "add",
    limit: int | None = None,
    seed: int = 0,
    output: Path = Path("runs/word_vectors/evaluation"),
) -> dict:
    """Measures analogies and similarities, with the share of them that can be asked.

    A question is asked if all its words have vectors, as they are spelled or else in
    lower case. All words but those of the question may be the answer.

    Args:
        vectors: file of vectors, text or binary; the embedded ones without it.
        beside: another file, to compare with; of both only the words are used that
            both have.
        data: folder with word_vectors/questions-words.txt and wordsim353.tsv, or one
            such file; without it the embedded analogies.
        method: add takes the word nearest to b - a + c, mul multiplies the cosines.
        limit: use that many of the vectors, the most frequent words.
        seed: of the drawn partitions in association tests.
        output: folder for metrics.json.

    Example:
        python assignments/word_vectors.py evaluate --vectors glove.6B.50d.txt --data d
    """
    begun = time.perf_counter()
    *measured, name = lists.load_evaluation(data)
    words = _load(vectors, limit)
    others = None if beside is None else _load(beside)
    if others is not None:
        common = [word for word in words.words if word in others]
        words, others = words.take(common), others.take(common)
    figures = _measure(words, *measured, method, seed)
    if figures["sections"]:
        command_line.show_table(f"Analogies of {name}", figures["sections"])
    command_line.show_table("Associations (WEAT)", figures["associations"])
    if others is not None:
        theirs = _measure(others, *measured, method, seed)
        rows = [
            {
                "": figure.replace("_", " "),
                words.name: value,
                others.name: theirs[figure],
            }
            for figure, value in figures.items()
            if figure in theirs and isinstance(value, float)
        ]
        command_line.show_table(f"The same {len(words)} words", rows)
        figures["beside"] = theirs
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    words: list[str],
    *,
    vectors: Path | None = None,
    count: int = 10,
    method: str = "add",
    similar: bool = False,
    limit: int | None = None,
) -> dict:
    """Names similar words; of three words, answers the analogy.

    Args:
        words: one or more, such as "happy"; or three, a b c, for "a is to b as c is
            to ?".
        vectors: file of vectors, text or binary; the embedded ones without it.
        count: how many answers.
        method: of analogies, as of evaluate.
        similar: three words are no analogy; name what is similar to each.
        limit: use that many of the vectors, the most frequent words.

    Example:
        python assignments/word_vectors.py predict man woman king --vectors glove.txt
    """
    known = _load(vectors, limit)
    words = [_known(known, word) for word in words]
    if len(words) == 3 and not similar:
        found = analogies.complete(known, *words, count, method=method)
        a, b, c = words
        title = f"{a} is to {b} as {c} is to"
        answers = {title: found}
    else:
        answers = {word: analogies.neighbours(known, word, count) for word in words}
    predictions = []
    for title, found in answers.items():
        rows = [{"word": word, "score": score} for word, score in found]
        command_line.show_table(title, rows)
        predictions.append({"asked": title, "answers": rows})
    return {"predictions": predictions}


def debias(
    *,
    vectors: Path | None = None,
    data: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    output: Path = Path("runs/word_vectors/debiased"),
) -> dict:
    """Takes the bias of gender out, and shows it before and after.

    The direction is the first principal component of pairs such as (woman, man). All
    words but those that mean a gender lose their part along it, and pairs come to
    differ in nothing else. `output` gets the debiased vectors in vectors.txt, and a
    picture.

    Args:
        vectors: file of vectors, text or binary; the embedded ones without it.
        data: folder with word_vectors/debias/, the lists that Bolukbasi et al. publish;
            the embedded lists without it.
        limit: use that many of the vectors, the most frequent words.
        seed: of the drawn partitions in association tests.
        output: folder for the vectors, figures and picture.

    Example:
        python assignments/word_vectors.py debias --vectors glove.6B.50d.txt
    """
    begun = time.perf_counter()
    needed = lists.load_bias_lists(data)
    before = _load(vectors, limit)
    spell = metrics.spell
    pairs = [spell(before, pair) for pair in needed.definitional_pairs]
    direction, shares = debiasing.bias_direction(before, pairs)
    after = debiasing.debias(
        before,
        direction,
        specific=spell(before, needed.specific_words),
        equal_pairs=[spell(before, pair) for pair in needed.equal_pairs],
    )
    neutral = [word for word in spell(before, needed.neutral_words) if word in before]
    # Professions such as "actress" mean a gender.
    neutral = sorted({*neutral} - {*spell(before, needed.specific_words)})
    both = (before, after)
    bias = [debiasing.direct_bias(one, neutral, direction) for one in both]
    rows = []
    for one, other in zip(*(_associations(v, seed) for v in both), strict=True):
        rows.append(
            {
                "association": one["association"],
                "before": one["effect_size"],
                "p_before": one["p_value"],
                "after": other["effect_size"],
                "p_after": other["p_value"],
            }
        )
    command_line.show_table("Associations (WEAT), effect sizes", rows)
    shown = [word for word in (*neutral[:60], *SHOWN) if word in before]
    pictures.draw_bias(
        output / "bias.png",
        shown,
        *(debiasing.projections(one, shown, direction) for one in both),
        ends=GENDER,
    )
    embeddings.write_vectors(output / "vectors.txt", after)
    questions = lists.load_evaluation()[0]
    kept = [metrics.summary(metrics.analogy_accuracy(v, questions), None) for v in both]
    figures = {
        "direction_share": float(shares[0]),
        "direct_bias_before": bias[0],
        "direct_bias_after": bias[1],
        "num_neutral_words": len(neutral),
        "analogy_accuracy_before": kept[0].get("analogy_accuracy"),
        "analogy_accuracy_after": kept[1].get("analogy_accuracy"),
        "associations": rows,
        "vectors": str(output / "vectors.txt"),
    }
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def draw_map(
    words: list[str] | None = None,
    *,
    vectors: Path | None = None,
    count: int = MAPPED,
    limit: int | None = None,
    output: Path = Path("runs/word_vectors/map"),
) -> dict:
    """Draws words on a map (t-SNE), near those they are similar to.

    Args:
        words: whose neighbours are drawn, each with its own in one colour; without any,
            the most frequent words.
        vectors: file of vectors, text or binary; the embedded ones without it.
        count: how many words are on the map.
        limit: use that many of the vectors, the most frequent words.
        output: folder for map.png.

    Example:
        python assignments/word_vectors.py map happy food baseball --vectors glove.txt
    """
    known = _load(vectors, limit)
    words = [_known(known, word) for word in words or ()]
    if words:
        each = max(1, count // len(words) - 1)
        groups, placed = {}, set()
        for word in words:
            near = [word, *(w for w, _ in analogies.neighbours(known, word, each))]
            groups[word] = [one for one in near if one not in placed]
            placed |= set(near)
        shown = [word for near in groups.values() for word in near]
    else:
        groups, shown = None, _frequent(known, count)
    pictures.draw_map(output / "map.png", known, shown, groups=groups)
    command_line.note(f"the map is in {output / 'map.png'}")
    return {"num_words": len(shown), "picture": str(output / "map.png")}


def _load(path, limit=None):
    """The vectors that were asked for."""
    begun = time.perf_counter()
    path = embeddings.EMBEDDED if path is None else path
    words = embeddings.read_vectors(path, limit=limit)
    command_line.note(
        f"{len(words)} words of {words.dim} numbers, "
        f"read in {time.perf_counter() - begun:.1f} s"
    )
    return words


def _frequent(vectors, count):
    """The most frequent words of three letters or more."""
    words = [word for word in vectors.words if word.isalpha() and len(word) > 2]
    return words[:count]


def _known(vectors, word):
    """A word as the vectors spell it, or an error that names a near one."""
    (spelled,) = metrics.spell(vectors, [word])
    if spelled in vectors:
        return spelled
    near = vectors.resolve(word)
    hint = f" Did you mean {near}?" if near else ""
    hint = hint or command_line.did_you_mean(word, vectors.words[:SUGGESTED_FROM])
    raise ValueError(f"No vector of the word {word!r}.{hint}")


def _measure(vectors, questions, judgments, method, seed):
    """All figures of some vectors."""
    vectors.normalized()  # not a part of what is timed
    begun = time.perf_counter()
    table = metrics.analogy_accuracy(vectors, questions, method=method)
    seconds = time.perf_counter() - begun
    found = metrics.similarity(vectors, judgments) if judgments else None
    figures = {"num_words": len(vectors), "dim": vectors.dim}
    figures |= metrics.summary(table, found)
    if table:
        figures["questions_per_second"] = table[-1]["asked"] / seconds
    return figures | {"sections": table, "associations": _associations(vectors, seed)}


def _associations(vectors, seed):
    """Effect sizes of the association tests that can be made."""
    rows = []
    for test in lists.load_associations():
        sides = (test.targets, test.attributes)
        sides = [[metrics.spell(vectors, words) for words in side] for side in sides]
        try:
            found = debiasing.weat(vectors, *sides, np.random.default_rng((seed, 0)))
        except ValueError:  # too few of the words have vectors
            found = debiasing.Weat(float("nan"), float("nan"), (0, 0, 0, 0))
        rows.append(
            {
                "association": test.name,
                "effect_size": found.effect_size,
                "p_value": found.p_value,
                "words": sum(found.num_words),
            }
        )
    return rows


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        train=train,
        evaluate=evaluate,
        predict=predict,
        debias=debias,
        map=draw_map,
    )


if __name__ == "__main__":
    main()
