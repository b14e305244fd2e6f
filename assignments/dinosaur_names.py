"""Dinosaur names: a network that has read names writes new ones."""

import contextlib
import hashlib
import io
import json
import math
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line, files
from dlai_keras.dinosaur_names import data as names
from dlai_keras.dinosaur_names import metrics, pictures
from dlai_keras.dinosaur_names.ngram import KneserNey

HELP = """Dinosaur names: a network that has read names writes new ones.

`train` learns from the embedded list of dinosaurs, from a file of yours with one item a
line (--data), in any script, or from a running text (--text shakespeare.txt);
`predict --prefix Tyr` writes names, without --model by the network that comes with the
package. `evaluate` measures what was learned on names that were kept back, and with
--seeds 5 trains five times, beside n-grams and the course's network."""

DEFAULTS = {
    "items": {
        "cell": "lstm",
        "units": 256,
        "num_layers": 1,
        "dropout": 0.5,
        "recurrent_dropout": 0.5,
        "noise": 0.1,
        "averaging": 0.997,
        "members": 3,
        "epochs": 60,
        "seconds": 600.0,
        "batch_size": 16,
        "length": 40,
        "learning_rate": 3e-3,
        "patience": 12,
    },
    "text": {
        "cell": "gru",
        "units": 384,
        "num_layers": 1,
        "dropout": 0.1,
        "recurrent_dropout": 0.0,
        "noise": 0.0,
        "averaging": 0.0,
        "members": 1,
        "epochs": 100,
        "seconds": 600.0,
        "batch_size": 32,
        "length": 96,
        "learning_rate": 4e-3,
        "patience": 10,
    },
}
TEXT_EPOCH = 200  # batches of a running text between two lines on the screen
VALIDATED = 16  # batches of it that are validated on then
ORDERS = {"items": (2, 3, 4, 5, 6, 7), "text": (3, 4, 5, 6, 7)}
COURSE_ITERATIONS = 35_000  # the course's, one name each
WRITTEN = 500  # names, for the shares that are new and so on
SHOWN = 24  # names in the picture
PAUSE = 0.02  # seconds after each character that is typed


def train(
    *,
    data: Path | None = None,
    text: Path | None = None,
    lower: bool = False,
    cell: str | None = None,
    units: int | None = None,
    num_layers: int | None = None,
    dropout: float | None = None,
    members: int | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    batch_size: int | None = None,
    length: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    seed: int = 0,
    half: bool = False,
    output: Path = Path("runs/dinosaur_names"),
) -> dict:
    """Trains a network to tell the next character.

    Names that occur twice count once, and a tenth of them is kept back for the test, a
    tenth to know when to stop; of a running text it is the end. What is kept in the end
    is the network that validated best. A run that was interrupted goes on from its last
    epoch when the same command is given again.

    Args:
        data: file with one item a line, or a folder with dinosaur_names/dinos.txt; the
            embedded list of dinosaurs without it.
        text: file of running text instead.
        lower: learn lower case only, as in the course.
        cell: lstm (the default of names), gru (that of --text), or rnn, the course's
            plain one.
        units: of each layer; 256 by default, 384 with --text.
        num_layers: layers above one another; 1 by default.
        dropout: share of what each layer gives that is dropped in training; by default
            0.5, 0.1 with --text.
        members: networks, trained one after another, whose probabilities are averaged;
            3 by default, 1 with --text.
        epochs: how often each reads all names, at most; 60 by default. An epoch of a
            running text is 200 batches, 100 at most by default.
        seconds: how long to train all of them, at most; 600 by default.
        batch_size: names or windows per step; by default 16, 32 with --text.
        length: characters of a window of running text; 96 by default.
        learning_rate: the highest; it falls along a cosine. By default 0.003, 0.004
            with --text.
        patience: epochs without a better validation after which it stops; by default
            12, 10 with --text.
        seed: of the split, the weights and the order.
        half: keep the weights in half precision: half the file, all but the same.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/dinosaur_names.py train --data names.txt --output runs/mine
    """
    begun = time.perf_counter()
    corpus = names.load_corpus(data, text, lower=lower)
    given = {
        "cell": cell,
        "units": units,
        "num_layers": num_layers,
        "dropout": dropout,
        "members": members,
        "epochs": epochs,
        "seconds": seconds,
        "batch_size": batch_size,
        "length": length,
        "learning_rate": learning_rate,
        "patience": patience,
        "lower": lower,
    }
    settings = _settings(corpus.kind, given, seed)
    splits = _split(corpus, seed)
    _say_split(corpus.kind, splits)
    writer, history, trained = _train(corpus, splits, settings, output)
    writer.save(output, half=half)
    figures = _measure(writer, splits["test"], splits["train"], output)
    figures |= {
        "num_training": len(_all(splits["train"])),
        "parameters": writer.model.count_params(),
        "epochs": max(map(len, history.values())),
        "training_seconds": trained,
    }
    pictures.draw_training(
        output / "training.png",
        {name: np.divide(values, math.log(2)) for name, values in history.items()},
        {f"{figures['ngram_order']}-gram": figures["ngram_bits_per_character"]},
    )
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    _forget_backups(output, settings)
    command_line.note(f"the writer, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    text: Path | None = None,
    lower: bool = False,
    seeds: int = 0,
    epochs: int | None = None,
    seconds: float | None = None,
    output: Path = Path("runs/dinosaur_names/evaluation"),
) -> dict:
    """Measures bits per character on what was not learned from, beside n-grams.

    Of the list or text that the network learned from, the part is used that its
    training kept back; of another one all of it, but for the names that it knows.

    With --seeds it trains anew, each time with another split, and beside the n-grams
    stands the course's network in NumPy, too: mean and spread over the seeds.

    Args:
        model: model.keras of a training; the package's own without it.
        data: as of train.
        text: as of train.
        lower: as of train; a model knows it by itself.
        seeds: how many trainings to compare; 0 measures the model instead.
        epochs: of each training; as of train.
        seconds: of each training; as of train.
        output: folder for figures and pictures.

    Example:
        python assignments/dinosaur_names.py evaluate --data dinos.txt --seeds 5
    """
    begun = time.perf_counter()
    if seeds < 0:
        raise ValueError(f"`seeds` must be 0 or more. Received: {seeds}.")
    if seeds and model is not None:
        raise ValueError("Give `model`, or `seeds` to train anew, not both.")
    corpus = names.load_corpus(data, text, lower=lower)
    if seeds:
        given = {"epochs": epochs, "seconds": seconds, "lower": lower}
        figures = _compare(corpus, seeds, given, output)
        seed = 0
    else:
        writer = _load_writer(model)
        if writer.notes.get("lower"):
            corpus = names.load_corpus(data, text, lower=True)
        if writer.kind != corpus.kind:
            wanted = "`text`, a file" if writer.kind == "text" else "`data`, a list"
            raise ValueError(f"This network learned from {writer.kind}. Give {wanted}.")
        seed = writer.notes.get("seed", 0)
        test, training = _held_out(writer, corpus, seed)
        figures = _measure(writer, test, training, output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    *,
    model: Path | None = None,
    prefix: str = "",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    beam_width: int | None = None,
    min_distance: int = 0,
    count: int | None = None,
    length: int | None = None,
    seed: int = 0,
    live: bool = False,
    output: Path = Path("runs/dinosaur_names/predictions"),
) -> dict:
    """Writes new names, or passages of text.

    Beside the table on the screen, `output` gets predictions.json.

    Args:
        model: model.keras of a training; the package's own without it.
        prefix: what each begins with.
        temperature: below 1 the probable becomes more probable, above 1 less; 0 takes
            the most probable character each time.
        top_k: draw each character from this many at most.
        top_p: draw from the fewest characters that have this probability together.
        beam_width: search the most probable names with this many beginnings, instead
            of drawing.
        min_distance: edits that a name must be away from every known one; 1 is new.
        count: how many; 10 names or 1 passage by default.
        length: most characters of each; 40 by default, 500 of a text.
        seed: of the draws.
        live: type the result character by character.
        output: folder for the results.

    Example:
        python assignments/dinosaur_names.py predict --prefix Tyr --temperature 0.8
    """
    writer = _load_writer(model)
    texts = writer.generate(
        (10 if writer.kind == "items" else 1) if count is None else count,
        prefix=prefix,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam_width=beam_width,
        min_distance=min_distance,
        max_length=length,
        seed=seed,
    )
    if live:
        _type(texts)
    rows = _rows(writer, texts)
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        output / "predictions.json",
        json.dumps(rows, ensure_ascii=False, indent=1) + "\n",
    )
    command_line.show_table("What was written", rows[:40])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'predictions.json'}")
    return {"num_texts": len(rows), "predictions": rows, "output": str(output)}


def _rows(writer, texts):
    bits = [one.mean() / math.log(2) for one in writer.surprise(texts)]
    rows = []
    for text, bit in zip(texts, bits, strict=True):
        row = {"text": text, "bits_per_character": float(bit)}
        if writer.kind == "items" and writer.known:
            nearest, distance = metrics.nearest(text, writer.known)
            row |= {"nearest": nearest, "distance": int(distance)}
        rows.append(row)
    return rows


def _type(texts):
    for text in texts:
        for character in text + "\n":
            sys.stdout.write(character)
            sys.stdout.flush()
            time.sleep(PAUSE)


def _settings(kind, given, seed):
    """What a training is defined by: what was given, and the defaults of the kind."""
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = DEFAULTS[kind] | chosen
    for name in ("members", "epochs", "batch_size", "length", "patience"):
        if settings[name] < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {settings[name]}.")
    if not settings["seconds"] > 0:
        raise ValueError(
            f"`seconds` must be above 0. Received: {settings['seconds']}. It bounds "
            "the training."
        )
    command_line.check_training(settings["learning_rate"], seed)
    return settings | {"seed": seed}


def _split(corpus, seed):
    return names.split_items(corpus, np.random.default_rng((seed, 0)))


def _say_split(kind, splits):
    unit = "names" if kind == "items" else "characters"
    sizes = [f"{len(_all(part)):,} {unit} to {name}" for name, part in splits.items()]
    command_line.note(", ".join(sizes))


def _all(part):
    """The names, or the characters of a running text."""
    return part if len(part) != 1 else part[0]


def _digest(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _train(corpus, splits, settings, output):
    keras = command_line.load_keras()
    from dlai_keras.dinosaur_names.model import character_model, mixture
    from dlai_keras.dinosaur_names.writer import Writer

    vocabulary = names.CharacterVocabulary.of(splits["train"])
    shape = ("cell", "units", "num_layers", "dropout", "recurrent_dropout")
    ids = {name: list(map(vocabulary.encode, part)) for name, part in splits.items()}
    settings = {**settings, "training": _digest(splits["train"])}
    members, history, trained = [], {}, 0.0
    for number, folder in enumerate(_folders(output, settings)):
        # Each begins with other weights, and reads in another order.
        seed = settings["seed"]
        own = {
            **settings,
            "seed": seed if number == 0 else _seed_of(seed, number),
            "seconds": settings["seconds"] / settings["members"],
        }
        command_line.set_seed(own["seed"])
        label = f", member {number + 1}" if settings["members"] > 1 else ""
        if label:
            command_line.note(f"member {number + 1} of {settings['members']}")
        member = character_model(
            len(vocabulary),
            **{name: settings[name] for name in shape},
            name=f"member_{number + 1}",
        )
        lines, seconds = _fit(keras, member, ids, corpus.kind, own, folder)
        members.append(member)
        history |= {f"{name}{label}": values for name, values in lines.items()}
        trained += seconds
    model = members[0] if len(members) == 1 else mixture(members)
    notes = {name: settings[name] for name in ("seed", "cell", "lower", "training")}
    known = splits["train"] if corpus.kind == "items" else ()
    writer = Writer(
        model, vocabulary, corpus.kind, known, {"corpus": corpus.name, **notes}
    )
    return writer, history, trained


def _folders(output, settings):
    """Where each member's logs and backup are."""
    if settings["members"] == 1:
        return [output]
    return [output / f"member_{n}" for n in range(1, settings["members"] + 1)]


def _forget_backups(output, settings):
    for folder in _folders(output, settings):
        shutil.rmtree(folder / "backup", ignore_errors=True)


def _seed_of(seed, number):
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)


def _fit(keras, model, ids, kind, settings, output):
    backup = output / "backup"
    first = command_line.first_epoch(backup, settings)
    options = {"seed": settings["seed"], "epoch": first}
    batches = _batches(kind, ids["train"], settings, TEXT_EPOCH, **options)
    held = _batches(kind, ids["validation"], settings, VALIDATED, shuffle=False)
    # Saved without the optimizer and loss: they belong to this view of the network.
    fitted = keras.Model(model.inputs, model.output)
    fitted.compile(
        keras.optimizers.Adam(
            settings["learning_rate"],
            global_clipnorm=1.0,
            use_ema=settings["averaging"] > 0,
            ema_momentum=settings["averaging"],
        ),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        # The loss is a mean of means; this is the mean over all characters.
        weighted_metrics=[
            keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="nats")
        ],
    )
    follower = _follower(keras, settings, backup, first)
    average = []
    if settings["averaging"]:
        # Validated, and kept, are averages over the last steps.
        average.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    shown = {"nats": "training nats", "val_nats": "validation nats"}
    # A member that was done is not begun again when another was interrupted.
    if not follower.is_done():
        fitted.fit(
            batches,
            epochs=settings["epochs"],
            validation_data=held,
            callbacks=[
                *command_line.training_callbacks(
                    output, settings["epochs"], follower.state["history"], shown, backup
                ),
                *average,
                follower,
            ],
            verbose=0,
        )
    fitted.optimizer.build(fitted.trainable_variables)  # its state is in the file, too
    fitted.load_weights(follower.best)
    return follower.state["history"], follower.state["seconds"]


def _batches(kind, sequences, settings, num_batches, **options):
    from dlai_keras.dinosaur_names.batches import NameBatches, TextBatches

    if kind == "items":
        if options.get("shuffle", True):
            options["noise"] = settings["noise"]
        return NameBatches(sequences, batch_size=settings["batch_size"], **options)
    (ids,) = sequences
    # A short text fills fewer and shorter windows.
    length = max(1, min(settings["length"], len(ids) // 2))
    room = len(ids) - length
    batch_size = max(1, min(settings["batch_size"], room // length))
    num_batches = max(1, min(num_batches, room // (length * batch_size)))
    options |= {"length": length, "batch_size": batch_size}
    return TextBatches(ids, num_batches=num_batches, **options)


def _follower(keras, settings, backup, first):
    """The falling rate, the best weights so far, and when it is enough."""

    class Follower(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.best = backup / "best.weights.h5"
            self.record = backup / "follower.json"
            self.state = {"seconds": 0.0, "best": math.inf, "since": 0, "history": {}}
            if first and self.record.is_file():
                self.state |= json.loads(self.record.read_text(encoding="utf-8"))
            self.last = 0.0  # seconds of the last epoch

        def on_epoch_begin(self, epoch, logs=None):
            self.begun = time.perf_counter()
            # Both bounds end where the rate does; its middle stands for the epoch.
            passed = max(
                (epoch + 0.5) / settings["epochs"],
                (self.state["seconds"] + self.last / 2) / settings["seconds"],
            )
            share = 0.01 + 0.99 * (1 + math.cos(math.pi * min(passed, 1.0))) / 2
            self.model.optimizer.learning_rate = settings["learning_rate"] * share

        def on_epoch_end(self, epoch, logs=None):
            state = self.state
            if logs["val_nats"] < state["best"]:
                state |= {"best": float(logs["val_nats"]), "since": 0}
                self.model.save_weights(self.best)
            else:
                state["since"] += 1
            self.last = time.perf_counter() - self.begun
            state["seconds"] += self.last
            files.write_atomically(self.record, json.dumps(state))
            if self.is_done():
                self.model.stop_training = True

        def is_done(self):
            """Whether the patience, the time or, read from a backup, all is used up."""
            late = self.state["seconds"] + self.last / 2 >= settings["seconds"]
            return (
                first >= settings["epochs"]
                or late
                or self.state["since"] >= settings["patience"]
            )

    return Follower()


# Measuring


def _measure(writer, test, training, output):
    """Bits per character beside n-grams, and what is written like."""
    output.mkdir(parents=True, exist_ok=True)
    scores = writer.surprise(test)
    bits = metrics.bits_per_character(
        -sum(float(one.sum()) for one in scores), sum(map(len, scores))
    )
    rows = [{"system": "the network", "bits_per_character": bits}]
    figures = {
        "bits_per_character": bits,
        "nats_per_character": bits * math.log(2),
        "num_test": len(_all(test)),
    }
    if training:
        ngrams = _ngram_bits(writer.kind, writer.vocabulary, training, test)
        best = min(ngrams, key=ngrams.get)
        figures |= {"ngram_bits_per_character": ngrams[best], "ngram_order": best}
        rows += [
            {"system": f"{order}-gram", "bits_per_character": value}
            for order, value in ngrams.items()
        ]
    command_line.show_table("Bits per character, held out", rows)
    if writer.kind == "items":
        figures |= _report(writer)
    pictures.draw_surprise(
        output / "surprise.png",
        [text[: len(one)] for text, one in zip(test[:SHOWN], scores, strict=False)],
        [one / math.log(2) for one in scores[:SHOWN]],
    )
    return figures | {"systems": rows}


def _report(writer):
    """Shares of names, as many as `WRITTEN`, that are new, unique and so on."""
    written = writer.generate(WRITTEN, seed=1)
    return {"num_written": len(written)} | metrics.generation_report(
        written, writer.known
    )


def _ngram_bits(kind, vocabulary, training, test):
    """Bits per character of Kneser-Ney models by their order."""
    sequences = [
        [_choices(kind, vocabulary, text) for text in part] for part in (training, test)
    ]
    found = {}
    for order in command_line.progress(ORDERS[kind], "counting n-grams"):
        ngram = KneserNey(order, vocabulary_size=len(vocabulary))
        ngram.fit(sequences[0])
        found[order] = float(ngram.bits_per_character(sequences[1]))
    return found


def _choices(kind, vocabulary, text):
    """Token ids with the end of a name, which counts like every character."""
    return vocabulary.encode(text, add_end=kind == "items")


def _held_out(writer, corpus, seed):
    """What the network did not learn from, and what n-grams may learn from."""
    splits = _split(corpus, seed)
    if _digest(splits["train"]) == writer.notes.get("training"):
        return splits["test"], splits["train"]
    if writer.kind == "text":
        return corpus.items, ()
    known = {name.casefold() for name in writer.known}
    test = tuple(name for name in corpus.items if name.casefold() not in known)
    if not test:
        raise ValueError("The network learned from all of these names. Give others.")
    command_line.note(
        f"another list than the training's: {len(test)} of {len(corpus.items)} names "
        "are new to the network"
    )
    return test, writer.known


def _compare(corpus, seeds, given, output):
    """Networks, n-grams and the course's network, each with the split of its seed."""
    bits: dict[str, list[float]] = {"the network": []}
    reports = []
    for seed in range(seeds):
        command_line.note(f"seed {seed}, {seed + 1} of {seeds}")
        splits = _split(corpus, seed)
        folder = output / f"seed_{seed}"
        settings = _settings(corpus.kind, given, seed)
        writer, _, _ = _train(corpus, splits, settings, folder)
        writer.save(folder)
        _forget_backups(folder, settings)
        bits["the network"].append(writer.bits_per_character(splits["test"]))
        ngrams = _ngram_bits(
            corpus.kind, writer.vocabulary, splits["train"], splits["test"]
        )
        for order, value in ngrams.items():
            bits.setdefault(f"{order}-gram", []).append(value)
        if corpus.kind == "items":
            bits.setdefault("the course's RNN", []).append(_course_bits(splits))
            reports.append(_report(writer))
    rows = [
        {
            "system": name,
            "bits_per_character": float(np.mean(values)),
            "spread": float(np.std(values, ddof=1)) if seeds > 1 else None,
            "lowest": min(values),
            "highest": max(values),
        }
        for name, values in bits.items()
    ]
    command_line.show_table(f"Bits per character, held out, {seeds} seeds", rows)
    pictures.draw_comparison(output / "comparison.png", bits)
    ngrams = [row for row in rows if row["system"].endswith("-gram")]
    best = min(ngrams, key=lambda row: row["bits_per_character"])
    ours = bits["the network"]
    figures = {
        "bits_per_character": rows[0]["bits_per_character"],
        "bits_per_character_spread": rows[0]["spread"],
        "nats_per_character": rows[0]["bits_per_character"] * math.log(2),
        "ngram_bits_per_character": best["bits_per_character"],
        "ngram_order": int(best["system"].partition("-")[0]),
        "seeds_better_than_ngram": int(np.sum(np.less(ours, bits[best["system"]]))),
        "num_seeds": seeds,
    }
    if reports:
        figures["course_bits_per_character"] = float(np.mean(bits["the course's RNN"]))
    for name in reports[0] if reports else ():
        values = [one[name] for one in reports]
        figures[name] = None if None in values else float(np.mean(values))
    return figures | {"systems": rows, "by_seed": bits}


def _course_bits(splits):
    """Trains the course's network on the names, and scores the held-out ones.

    In lower case, which it is made for, and which is a little easier.
    """
    from dlai_keras.dinosaur_names import course

    command_line.note("training the course's network in NumPy ...")
    training, test = ([name.lower() for name in splits[p]] for p in ("train", "test"))
    vocabulary = names.CharacterVocabulary.of(training)
    # Numbered as in the vocabulary: first the end, then what is unknown.
    character_of = dict(enumerate(("\n", "\ufffd", *vocabulary.characters)))
    id_of = {character: number for number, character in character_of.items()}
    with contextlib.redirect_stdout(io.StringIO()):  # names, every 2000 iterations
        parameters = course.model(
            training,
            character_of,
            id_of,
            num_iterations=COURSE_ITERATIONS,
            vocab_size=len(vocabulary),
        )
    hidden = np.zeros((len(parameters["Waa"]), 1))
    total = count = 0
    for name in test:
        ids = vocabulary.encode(name, add_end=True)
        loss, _ = course.rnn_forward(
            [None, *ids[:-1]], ids, hidden, parameters, len(vocabulary)
        )
        total += float(loss)
        count += len(ids)
    return metrics.bits_per_character(-total, count)


def _load_writer(path):
    command_line.load_keras()
    from dlai_keras.dinosaur_names import writer

    return writer.load_pretrained() if path is None else writer.load_writer(path)


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
