"""Date translation: any human date becomes yyyy-mm-dd, by attention."""

import importlib.util
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files
from dlai_keras.date_translation import data as dates
from dlai_keras.date_translation import metrics, pictures
from dlai_keras.intervals import wilson_interval
from dlai_keras.vocabulary import Vocabulary

HELP = """Date translation: "tuesday 27th of august 1996" becomes 1996-08-27.

`train` learns from dates that it generates, in the course's formats or in those of 41
locales with typos, or from a file of yours; `predict "3 May 1979"` reads a date,
without --model with the translator that comes with the package."""

NETWORKS = ("date_reader", "date_translator")
EPOCHS = {"date_reader": 2, "date_translator": 10}
TEST_DATES = 10_000
TEST_NO_DATES = 2_000
TEST_SHARE = 0.1  # of a file of one's own
NO_DATES = 0.15  # as many texts that are no dates, for every date
SHOWN = 12  # attention maps


def train(
    *,
    data: Path | None = None,
    network: str = "date_reader",
    locales: str = "en_US",
    patterns: str = "course",
    typos: int = 0,
    num_dates: int = 50_000,
    epochs: int | None = None,
    batch_size: int = 256,
    learning_rate: float = 8e-3,
    seed: int = 0,
    output: Path = Path("runs/date_translation"),
) -> dict:
    """Trains a translator of dates.

    No text of the test occurs in the training. A run that was interrupted goes on from
    its last epoch when the same command is given again.

    Args:
        data: file of lines with a text, a tab and yyyy-mm-dd; a tenth is kept back for
            the test. Dates are generated without it.
        network: date_reader (the default: a bidirectional GRU read by ten learned
            queries), or date_translator, the course's: an LSTM writes one character
            after the other.
        locales: names with commas between them, such as en_US,fr,ja, or all (41).
        patterns: course for the course's 17 formats, all for every format of a locale.
        typos: most in a text, in letters only.
        num_dates: to generate for the training.
        epochs: how often each is seen; 2 by default, 10 with date_translator.
        batch_size: texts per step.
        learning_rate: the highest; it warms up, and falls along a cosine.
        seed: of the dates, the weights and the order.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/date_translation.py train --locales all --patterns all
    """
    begun = time.perf_counter()
    if network not in NETWORKS:
        raise ValueError(
            f"`network` must be one of {', '.join(NETWORKS)}. Received: {network}."
        )
    for name, value in (("num_dates", num_dates), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    epochs = EPOCHS[network] if epochs is None else epochs
    if epochs < 1:
        raise ValueError(f"`epochs` must be 1 or more. Received: {epochs}.")
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")
    names = _locales(locales)
    if data is not None:
        training, test = _split(np.random.default_rng((seed, 0)), _load(data))
        kinds = {"dates": str(data)}
    else:
        kinds = {"locales": list(names), "patterns": patterns, "typos": typos}
        test = _make(seed, 1, TEST_DATES, **kinds)
        held = {pair.text for pair in test}
        command_line.note("generating dates ...")
        made = [
            _make(seed, 2 + most, num_dates // (typos + 1), **{**kinds, "typos": most})
            for most in range(typos + 1)
        ]
        training = [pair for part in made for pair in part if pair.text not in held]
    command_line.note(f"{len(training)} dates to train on, {len(test)} to test")
    no_dates = None
    if network == "date_reader":
        no_dates = tuple(
            dates.make_no_dates(np.random.default_rng((seed, 9, part)), num)
            for part, num in enumerate((int(NO_DATES * len(training)), TEST_NO_DATES))
        )
        known = {*no_dates[1]}
        no_dates = ([text for text in no_dates[0] if text not in known], no_dates[1])

    keras = command_line.load_keras()
    from dlai_keras.date_translation import model
    from dlai_keras.date_translation.translator import LONGEST, DateTranslator

    command_line.set_seed(seed)
    characters, tokens = dates.course_vocabularies()
    if network == "date_reader":
        characters = Vocabulary.from_counts(
            [pair.text for pair in training], min_count=2
        )
        built = model.date_reader(len(characters), len(tokens))
    else:
        longest = max(len(pair.text) for pair in training)
        if data is not None or patterns != "course":
            characters = Vocabulary.from_counts([pair.text for pair in training])
        built = model.date_translator(
            Tx=max(30, min(longest, LONGEST)), num_characters=len(characters)
        )
    translator = DateTranslator(
        built, characters, tokens, {"seed": seed, "network": network, **kinds}
    )
    settings = {
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "num_dates": len(training),
        "seed": seed,
        **kinds,
    }
    history: dict[str, list[float]] = {}
    fitted = time.perf_counter()
    _fit(
        keras,
        translator,
        training,
        no_dates[0] if no_dates else [],
        settings=settings,
        output=output,
        history=history,
    )
    trained = time.perf_counter() - fitted
    translator.save(output)
    figures = _measure(translator, test, no_dates[1] if no_dates else [], output)
    figures |= {
        "num_training": len(training),
        "parameters": built.count_params(),
        "epochs": epochs,
        "training_seconds": trained,
    }
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the translator, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    locales: str = "en_US",
    patterns: str = "course",
    typos: int = 0,
    num_dates: int = TEST_DATES,
    seed: int = 1000,
    output: Path = Path("runs/date_translation/evaluation"),
) -> dict:
    """Measures a translator: by format, by locale, by number of typos.

    Args:
        model: model.keras of a training; the package's own translator without it.
        data: file of lines with a text, a tab and yyyy-mm-dd; generated without it.
        locales: names with commas between them, or all.
        patterns: course for the course's 17 formats, all for every format of a locale.
        typos: in each text that has words enough.
        num_dates: to generate.
        seed: of the generated dates; another one than the training's.
        output: folder for figures and pictures.

    Example:
        python assignments/date_translation.py evaluate --locales all --patterns all
    """
    begun = time.perf_counter()
    if num_dates < 1:
        raise ValueError(f"`num_dates` must be 1 or more. Received: {num_dates}.")
    no_dates = []
    if data is not None:
        test = _load(data)
    else:
        test = _make(seed, 1, num_dates, _locales(locales), patterns, typos)
        rng = np.random.default_rng((seed, 9))
        no_dates = dates.make_no_dates(rng, max(1, num_dates // 5))
    translator = _load_translator(model)
    figures = _measure(translator, test, no_dates, output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    texts: list[str] | None = None,
    *,
    file: Path | None = None,
    model: Path | None = None,
    candidates: int = 3,
    output: Path = Path("runs/date_translation/predictions"),
) -> dict:
    """Reads dates; what is none is said to be none, with its score.

    Beside the table on the screen, `output` gets predictions.json, and attention.png:
    which characters each character of the date was read from.

    Args:
        texts: dates, as people write them; - reads lines from standard input.
        file: text file, a date a line.
        model: model.keras of a training; the package's own translator without it.
        candidates: dates for each text, the most probable first.
        output: folder for the results.

    Example:
        python assignments/date_translation.py predict "3 May 1979" "4 juillet 1986"
    """
    if candidates < 1:
        raise ValueError(f"`candidates` must be 1 or more. Received: {candidates}.")
    texts = _list_texts(texts or [], file)
    translator = _load_translator(model)
    found = translator.translate(texts, num_candidates=candidates)
    rows = [
        {
            "text": one.text,
            "date": one.iso,
            "is_date": one.is_date,
            "candidates": [
                {"date": iso, "log_prob": log_prob} for iso, log_prob in one.candidates
            ],
        }
        for one in found
    ]
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        output / "predictions.json",
        json.dumps(rows, ensure_ascii=False, indent=1) + "\n",
    )
    _draw_attention(output / "attention.png", translator, [one.text for one in found])
    command_line.show_table("Dates", [_line(row) for row in rows[:40]])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'predictions.json'}")
    return {"num_texts": len(rows), "predictions": rows, "output": str(output)}


def _line(row):
    others = [
        f"{one['date']} {np.exp(one['log_prob']):.1%}" for one in row["candidates"]
    ]
    shown = {"text": row["text"], "date": row["date"] or "no date"}
    if row["is_date"] is not None:
        shown["a date"] = f"{row['is_date']:.1%}"
    # Of a text that is no date it would be invented.
    return shown | {"candidates": ", ".join(others) if row["date"] else ""}


def _locales(text):
    return dates.LOCALES if text == "all" else tuple(text.split(","))


def _make(seed, part, num, locales, patterns, typos):
    rng = np.random.default_rng((seed, part))
    return dates.make_dates(rng, num, locales=locales, patterns=patterns, typos=typos)


def _load(path):
    return [
        dates.DatePair(dates.normalize(text), iso, "?", "?", 0)
        for text, iso in dates.load_dates(path)
    ]


def _split(rng, pairs):
    """A tenth to test, by text: the same text never is on both sides."""
    texts = rng.permutation(sorted({pair.text for pair in pairs}))
    held = set(texts[: max(1, round(TEST_SHARE * len(texts)))].tolist())
    sides = [], []
    for pair in pairs:
        sides[pair.text in held].append(pair)
    if not sides[0]:
        raise ValueError(
            "The file must hold two different texts at least, one of them for the test."
        )
    return sides


def _fit(keras, translator, training, no_dates, *, settings, output, history):
    epochs, batch_size = settings["epochs"], settings["batch_size"]
    backup = output / "backup"
    first = command_line.first_epoch(backup, settings)
    texts = [pair.text for pair in training]
    isos = translator.tokens.encode_all([pair.iso for pair in training], length=10)
    network = translator.network
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = "accuracy"
    targets, weights = isos, None
    if settings["network"] == "date_reader":
        texts = texts + no_dates
        is_date = np.arange(len(texts))[:, None] < len(training)
        empty = np.zeros((len(no_dates), 10), isos.dtype)
        targets = {
            "iso": np.concatenate([isos, empty]),
            "is_date": is_date.astype("float32"),
        }
        weights = {
            "iso": np.repeat(is_date.astype("float32"), 10, axis=1),
            "is_date": np.ones(len(texts), "float32"),
        }
        loss = {
            "iso": loss,
            "is_date": keras.losses.BinaryCrossentropy(from_logits=True),
        }
        accuracy = None
    # Texts that are no dates may be longer, and are cut as everywhere.
    longest = max(len(pair.text) for pair in training)
    inputs = translator.encode(texts)[:, : -(-longest // 8) * 8]
    # Full batches: every other shape is compiled anew, for seconds.
    num = max(batch_size, len(inputs) // batch_size * batch_size)
    chosen = np.random.default_rng((settings["seed"], 5)).permutation(len(inputs))
    chosen = np.resize(chosen, num)
    inputs, targets, weights = keras.tree.map_structure(
        lambda array: None if array is None else array[chosen],
        (inputs, targets, weights),
        none_is_leaf=True,
    )
    # Saved without the optimizer and loss: they belong to this view of the network.
    model = keras.Model(network.inputs, network.output)
    steps = epochs * (num // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        settings["learning_rate"] / 20,
        max(1, steps - steps // 20),
        warmup_target=settings["learning_rate"],
        warmup_steps=steps // 20,
    )
    model.compile(
        keras.optimizers.Adam(schedule, global_clipnorm=1.0),
        loss=loss,
        weighted_metrics={"iso": ["accuracy"]} if accuracy is None else [accuracy],
        jit_compile=False,  # long loops are not quicker by it, and compile for long
    )
    shown = {
        "loss": "loss",
        "accuracy": "accuracy",
        "iso_accuracy": "accuracy",
        "is_date_loss": "is_date_loss",
    }
    callbacks = [
        keras.callbacks.LambdaCallback(
            on_epoch_end=command_line.EpochLines(epochs, history, shown)
        ),
        keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False),
    ]
    if all(map(importlib.util.find_spec, ("tensorboard", "tensorflow"))):
        callbacks.append(
            keras.callbacks.TensorBoard(output / "logs", write_graph=False)
        )
    if first < epochs:
        model.fit(
            inputs,
            targets,
            sample_weight=weights,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=callbacks,
            verbose=0,
        )


def _measure(translator, test, no_dates, output):
    output.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    found = translator.translate([pair.text for pair in test])
    seconds = time.perf_counter() - begun
    is_right = np.array(
        [one.iso == pair.iso for one, pair in zip(found, test, strict=True)]
    )
    tables = {
        "typos": [pair.typos for pair in test],
        "locale": [pair.locale for pair in test],
        "format": [pair.pattern for pair in test],
    }
    tables = {
        name: metrics.accuracy_by(groups, is_right)
        for name, groups in tables.items()
        if len(set(groups)) > 1
    }
    figures = {
        "exact_match": float(is_right.mean()),
        "exact_match_interval": [
            round(float(bound), 6)
            for bound in wilson_interval(int(is_right.sum()), len(test))
        ],
        "num_mistakes": int((~is_right).sum()),
        "num_test": len(test),
        "course_examples_right": sum(
            one.iso == iso
            for one, (_, iso) in zip(
                translator.translate([text for text, _ in dates.COURSE_EXAMPLES]),
                dates.COURSE_EXAMPLES,
                strict=True,
            )
        ),
        "seconds_to_read": seconds,
        "mistakes": [
            {"text": pair.text, "date": pair.iso, "read_as": one.iso}
            for one, pair, right in zip(found, test, is_right, strict=True)
            if not right
        ][:40],
        "accuracy_by": tables,
    }
    if no_dates and found[0].is_date is not None:
        figures["dates_taken_for_none"] = float(np.mean([not one.iso for one in found]))
        refused = [not one.iso for one in translator.translate(no_dates)]
        figures["no_dates_refused"] = float(np.mean(refused))
        figures["num_no_dates"] = len(no_dates)
    if tables:
        pictures.draw_accuracy(
            output / "accuracy.png",
            tables,
            title=f"{is_right.sum():,} of {len(test):,} dates right",
        )
    worst = [test[i].text for i in np.flatnonzero(~is_right)[: SHOWN // 2]]
    shown = [text for text, _ in dates.COURSE_EXAMPLES] + worst
    _draw_attention(output / "attention.png", translator, shown[:SHOWN])
    for name, rows in tables.items():
        rows = sorted(rows, key=lambda row: (row["accuracy"], str(row["group"])))
        if rows[0]["accuracy"] < 1:
            command_line.show_table(f"The worst by {name}", rows[:6])
    return figures


def _draw_attention(path, translator, texts):
    texts = [text for text in texts if dates.normalize(text)][:SHOWN]
    if not texts:
        return
    found = translator.translate(texts)
    weights = translator.attention(texts)
    pictures.draw_attention(
        path,
        [dates.normalize(text) for text in texts],
        [one.candidates[0][0] if one.iso else "no date" for one in found],
        weights,
    )


def _list_texts(texts, file):
    found = [text for text in texts if text != "-"]
    if file is not None:
        try:
            found += file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"{file} must be a text file in UTF-8.") from None
    if "-" in texts:
        found += sys.stdin.read().splitlines()
    found = [text for text in found if text.strip()]
    if not found:
        raise ValueError("Give dates, --file FILE with one a line, or - for lines.")
    return found


def _load_translator(path):
    command_line.load_keras()
    from dlai_keras.date_translation import translator

    if path is None:
        return translator.load_pretrained()
    return translator.load_translator(path)


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
