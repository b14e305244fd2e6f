"""Emojify: the emoji that goes with a sentence."""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, embeddings, files, intervals
from dlai_keras.emojify import data as sentences_data
from dlai_keras.emojify import metrics, pictures
from dlai_keras.emojify.lookup import describe_replaced

HELP = """Emojify: the emoji that goes with a sentence.

`train` learns from the embedded sentences or from a CSV of yours (--data), with the
embedded word vectors or a file of others (--vectors glove.6B.50d.txt); `predict
"I love you"` tells the emoji and the words that decided, and without a sentence reads
lines that you type. `evaluate` measures a trained network, and with --seeds 10 trains
anew in folds, seed by seed; with --model all the course's networks, too."""

EPOCHS = {"emojify_v1": 200, "emojify_v2": 50, "emoji_network": 80}
MODELS = tuple(EPOCHS)
FOLDS = 5
SHOWN = 40  # rows of a table on the screen
ANGRY = {"😡": "😞"}  # what an emoji is where the first is no label


def train(
    *,
    data: Path | None = None,
    vectors: Path | None = None,
    model: str = "emoji_network",
    joint: bool = False,
    epochs: int | None = None,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    everything: bool = False,
    seed: int = 0,
    half: bool = False,
    output: Path = Path("runs/emojify"),
) -> dict:
    """Trains a network to tell the emoji of sentences.

    A fifth of the sentences is kept back and measured on; sentences of the same words,
    and pairs that belong together, are on one side.

    Args:
        data: CSV of sentence,label or with the header sentence,emoji, or a folder with
            emojify/train_emoji.csv; the embedded sentences without it. Several labels
            are joined by |.
        vectors: file of word vectors; the embedded ones without it.
        model: emoji_network, or the course's emojify_v1 or emojify_v2.
        joint: learn from the embedded sentences of the same emoji, too, which count
            half as much.
        epochs: how often all sentences are read; by default 80, 200 with emojify_v1
            and 50 with emojify_v2.
        batch_size: sentences per step.
        learning_rate: the highest; it falls along a cosine.
        everything: keep nothing back, and measure nothing.
        seed: of the split, the weights and the order.
        half: keep the weights in half precision: half the file, all but the same.
        output: folder for the network, its figures and pictures.

    Example:
        python assignments/emojify.py train --data train_emoji.csv --vectors glove.txt
    """
    begun = time.perf_counter()
    epochs = _check(model, epochs, batch_size, learning_rate, seed)
    corpus = sentences_data.load_sentences(data)
    lookup = _load_lookup(vectors)
    _say_replaced(lookup, corpus.texts)
    folds = _folds(corpus, seed)
    kept_back = folds == -1 if everything else folds == 0
    history = {}
    lines = command_line.EpochLines(epochs, history, {"loss": "loss"})
    from dlai_keras.emojify.reader import train_reader

    reader = train_reader(
        corpus.take(~kept_back),
        lookup,
        model=model,
        more=_more(corpus) if joint else None,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        on_epoch=lines,
    )
    reader.notes |= {"data": corpus.name, "kept_back": not everything}
    output.mkdir(parents=True, exist_ok=True)
    reader.save(output, half=half)
    figures = {"num_training": int((~kept_back).sum())}
    figures["parameters"] = reader.network.count_params()
    if not everything:
        figures |= _measure(reader, corpus.take(kept_back), output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the network, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: str = "",
    data: Path | None = None,
    vectors: Path | None = None,
    joint: bool = False,
    seeds: int = 0,
    epochs: int | None = None,
    output: Path = Path("runs/emojify/evaluation"),
) -> dict:
    """Measures a network: by emoji, on negations and on pairs of the same words.

    Of the sentences that the network learned from, those are used that its training
    kept back; of others all. With --seeds it trains anew in 5 folds for every seed,
    and shows mean and spread over the seeds.

    Args:
        model: model.keras of a training; the package's own without it. With --seeds
            the name of a network, emoji_network without it; `all` compares all three.
        data: as of train.
        vectors: with --seeds, as of train; a trained network has its own.
        joint: with --seeds, as of train.
        seeds: how often to train in folds; 0 measures the model instead.
        epochs: with --seeds, as of train.
        output: folder for figures and pictures.

    Example:
        python assignments/emojify.py evaluate --data train_emoji.csv --seeds 10
    """
    begun = time.perf_counter()
    if seeds < 0:
        raise ValueError(f"`seeds` must be 0 or more. Received: {seeds}.")
    output.mkdir(parents=True, exist_ok=True)
    seed = 0
    if seeds:
        corpus = sentences_data.load_sentences(data)
        names = MODELS if model == "all" else (model or "emoji_network",)
        figures = _compare(corpus, names, vectors, joint, seeds, epochs, output)
    else:
        reader = _load_reader(model)
        corpus = sentences_data.load_sentences(data, emoji=reader.emoji)
        seed = reader.notes.get("seed", 0)
        figures = _measure(reader, _kept_back(reader, corpus, seed), output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    sentences: list[str] | None = None,
    *,
    model: str = "",
    picture: bool = False,
    output: Path = Path("runs/emojify/predictions"),
) -> dict:
    """Tells the emoji of sentences, and which words decided.

    Args:
        sentences: each in quotes; without any, lines that are typed or piped in.
        model: model.keras of a training; the package's own without it.
        picture: draw the words in the colour of what they say.
        output: folder for predictions.json and the picture.

    Example:
        python assignments/emojify.py predict "I love you" "not feeling happy"
    """
    reader = _load_reader(model)
    rows = []
    if sentences:
        rows = _tell(reader, list(sentences))
        command_line.show_table("Emoji", [_shown(row) for row in rows][:SHOWN])
    else:
        for text in _typed():
            if not embeddings.tokenize(text):
                command_line.note("an empty line; type a sentence")
                continue
            rows += _tell(reader, [text])
            one = rows[-1]
            print(f"{text} {one['emoji']}  ({one['confidence']:.0%})", flush=True)
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    files.write_atomically(output / "predictions.json", text)
    if picture and rows:
        drawn = [(row["emoji"], list(row["words"].items())) for row in rows[:SHOWN]]
        pictures.draw_influence(output / "words.png", drawn)
    return {"num_sentences": len(rows), "predictions": rows, "output": str(output)}


def _tell(reader, texts):
    probabilities = reader.probabilities(texts)
    _say_replaced(reader.lookup, texts)
    rows = []
    told = reader.labels(probabilities)
    for text, labels, row in zip(texts, told, probabilities, strict=True):
        best = int(row.argmax())
        emoji = "|".join(reader.emoji[label] for label in labels) or "none"
        words = {}
        for word, value in reader.influence(text, best):
            words[word] = words.get(word, 0.0) + value
        confidence = float(row[list(labels)].min()) if labels else float(1 - row[best])
        rows.append(
            {"sentence": text, "emoji": emoji, "confidence": confidence, "words": words}
        )
    return rows


def _shown(row):
    decided = sorted(row["words"].items(), key=lambda item: -item[1])[:3]
    words = ", ".join(f"{word} {value:+.2f}" for word, value in decided if value > 0)
    return {
        "sentence": f"{row['sentence']} {row['emoji']}",
        "confidence": row["confidence"],
        "decided": words,
    }


def _typed():
    if sys.stdin.isatty():
        command_line.note("type a sentence; an end of file (Ctrl-D) ends it")
    for line in sys.stdin:
        yield line.rstrip("\n")


def _check(model, epochs, batch_size, learning_rate, seed):
    if model not in MODELS:
        raise ValueError(
            f"`model` must be one of {', '.join(MODELS)}. Received: {model!r}."
            + command_line.did_you_mean(model, MODELS)
        )
    epochs = EPOCHS[model] if epochs is None else epochs
    command_line.check_training(
        learning_rate, seed, epochs=epochs, batch_size=batch_size
    )
    return epochs


def _load_lookup(vectors):
    command_line.load_keras()
    from dlai_keras.emojify.reader import load_lookup

    return load_lookup(vectors)


def _load_reader(model):
    command_line.load_keras()
    from dlai_keras.emojify import reader

    return reader.load_reader(Path(model)) if model else reader.load_pretrained()


def _say_replaced(lookup, texts):
    for line in describe_replaced(lookup.replaced(texts)):
        command_line.note(line)


def _folds(corpus, seed):
    return sentences_data.split_folds(np.random.default_rng((seed, 0)), corpus, FOLDS)


def _more(corpus):
    """The embedded sentences of the same emoji, anger as disappointment."""
    embedded = sentences_data.load_sentences()
    place = {name: label for label, name in enumerate(corpus.emoji)}
    rows, labels = [], []
    for row, own in enumerate(embedded.labels):
        name = embedded.emoji[own[0]]
        name = name if name in place else ANGRY.get(name)
        if name in place:
            rows.append(row)
            labels.append((place[name],))
    if not rows:
        raise ValueError("`joint` needs emoji that the embedded sentences have, too.")
    chosen = embedded.take(rows)
    return sentences_data.Sentences(
        chosen.texts, tuple(labels), corpus.emoji, chosen.groups, chosen.kinds
    )


def _kept_back(reader, corpus, seed):
    if reader.notes.get("data") != corpus.name:
        return corpus
    if not reader.notes["kept_back"]:
        raise ValueError(
            f"The network has learned all of {corpus.name}: nothing is left to measure "
            "it on. Give other sentences with --data, or --seeds 1 to train in folds."
        )
    folds = _folds(corpus, seed)
    command_line.note("measured on the sentences that the training kept back")
    return corpus.take(folds == 0)


def _measure(reader, corpus, output):
    predicted = reader.predict(corpus.texts)
    right = metrics.correct(corpus, predicted)
    figures = intervals.share("accuracy", int(right.sum()), len(right))
    figures["num_sentences"] = len(right)
    for name, (successes, trials) in metrics.by_kind(corpus, right).items():
        figures |= intervals.share(f"{name}_accuracy", successes, trials)
    rows = metrics.by_label(corpus, predicted)
    command_line.show_table("By emoji", rows)
    errors = [
        {
            "sentence": corpus.texts[row],
            "is": "|".join(corpus.emoji[label] for label in corpus.labels[row]),
            "taken for": "|".join(corpus.emoji[label] for label in predicted[row]),
        }
        for row in np.flatnonzero(~right)
    ]
    if errors:
        command_line.show_table("Errors", errors[:SHOWN])
    text = json.dumps(errors, ensure_ascii=False, indent=1) + "\n"
    files.write_atomically(output / "errors.json", text)
    if not (corpus.multi_label or reader.multi_label):
        counts = metrics.confusion(corpus, predicted)
        title = f"{right.mean():.1%} of {len(right)} right"
        pictures.draw_confusion(
            output / "confusion.png", counts, corpus.emoji, title=title
        )
    return figures | {"by_label": rows}


def _compare(corpus, names, vectors, joint, seeds, epochs, output):
    """Trains in folds, seed by seed; all that is told is on what was kept back."""
    settings = {name: _check(name, epochs, 1, 0.1, 0) for name in names}
    lookup = _load_lookup(vectors)
    _say_replaced(lookup, corpus.texts)
    from dlai_keras.emojify.reader import train_reader

    more = _more(corpus) if joint else None
    systems = ["majority", *names]
    accuracies = {name: [] for name in systems}
    kinds = {name: [] for name in systems}
    rounds = [(seed, fold) for seed in range(seeds) for fold in range(FOLDS)]
    told = {}
    for seed, fold in command_line.progress(rounds, "training"):
        folds = _folds(corpus, seed)
        training, test = corpus.take(folds != fold), np.flatnonzero(folds == fold)
        most = max(set(training.labels), key=training.labels.count)
        for name in systems:
            if fold == 0:
                told[name] = [()] * len(corpus)
            predicted = [most] * len(test)
            if name in settings:
                reader = train_reader(
                    training,
                    lookup,
                    model=name,
                    more=more,
                    epochs=settings[name],
                    seed=seed * FOLDS + fold,
                )
                predicted = reader.predict(corpus.take(test).texts)
            for row, labels in zip(test, predicted, strict=True):
                told[name][row] = labels
            if fold == FOLDS - 1:
                right = metrics.correct(corpus, told[name])
                accuracies[name].append(float(right.mean()))
                kinds[name].append(metrics.by_kind(corpus, right))
    rows = [_spread(name, accuracies[name], kinds[name]) for name in systems]
    command_line.show_table(f"Kept back, {FOLDS} folds, {seeds} seeds", rows)
    label = "accuracy on what was kept back"
    charts.draw_seeds(output / "seeds.png", accuracies, label=label, form=".1%")
    last = rows[-1]
    if not corpus.multi_label:
        counts = metrics.confusion(corpus, told[names[-1]])
        title = f"{names[-1]}, the last seed"
        pictures.draw_confusion(
            output / "confusion.png", counts, corpus.emoji, title=title
        )
    return {
        "accuracy": last["accuracy"],
        "accuracy_spread": last["spread"],
        "num_seeds": seeds,
        "systems": rows,
        "by_seed": accuracies,
    }


def _spread(name, values, kinds):
    row = {
        "system": name,
        "accuracy": float(np.mean(values)),
        "spread": statistics.stdev(values) if len(values) > 1 else None,
        "lowest": min(values),
        "highest": max(values),
    }
    for kind in kinds[0]:
        if kind != "plain":
            row[kind] = float(np.mean([one[kind][0] / one[kind][1] for one in kinds]))
    return row


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
