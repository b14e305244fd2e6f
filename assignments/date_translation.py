"""Date translation: any human date becomes yyyy-mm-dd, by attention."""

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files
from dlai_keras.date_translation import data as dates
from dlai_keras.date_translation import metrics, pictures, sentences
from dlai_keras.intervals import share
from dlai_keras.vocabulary import Vocabulary

HELP = """Date translation: "tuesday 27th of august 1996" becomes 1996-08-27.

`train` learns from dates that it generates, in the course's formats or in those of 41
locales with typos, or from a file of yours; `predict "3 May 1979"` reads a date,
without --model with the translator that comes with the package.

`train --pairs FILE` learns a language instead, with the same attention: sentences and
their translations, such as English and French. `predict --model` then translates."""

NETWORKS = ("date_reader", "date_translator")
DEFAULTS = {
    "date_reader": {"epochs": 2, "batch_size": 128, "learning_rate": 8e-3},
    "date_translator": {"epochs": 11, "batch_size": 128, "learning_rate": 8e-3},
    "sentence_translator": {"epochs": 3, "batch_size": 128, "learning_rate": 4e-3},
}
VOCABULARY = 5000  # words of each language
LONGEST_SENTENCE = 16  # words of the sentences to learn from
TEST_SENTENCES = 1000
TEST_DATES = 10_000
TEST_NO_DATES = 2_000
TEST_SHARE = 0.1  # of a file of one's own
NO_DATES = 0.15  # as many texts that are no dates, for every date
SHOWN = 12  # attention maps
SENTENCE_NETWORK = {"units": 192, "dropout": 0.1, "attention": "bahdanau"}


def train(
    *,
    data: Path | None = None,
    pairs: Path | None = None,
    network: str = "date_reader",
    locales: str = "en_US",
    patterns: str = "course",
    typos: int = 0,
    num_dates: int = 42_000,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    output: Path = Path("runs/date_translation"),
) -> dict:
    """Trains a translator of dates.

    No text of the test occurs in the training. A run that was interrupted goes on from
    its last epoch when the same command is given again.

    Args:
        data: file of lines with a text, a tab and yyyy-mm-dd; a tenth is kept back for
            the test. Dates are generated without it.
        pairs: file of lines with a sentence, a tab and its translation, or a zip with
            one, as manythings.org has them: a language is learned instead of dates.
        network: date_reader (the default: a bidirectional GRU read by ten learned
            queries), or date_translator, the course's: an LSTM writes one character
            after the other.
        locales: names with commas between them, such as en_US,fr,ja, or all (41).
        patterns: course for the course's 17 formats, all for every format of a locale.
        typos: most in a text, in letters only.
        num_dates: to generate for the training.
        epochs: how often each is seen; by default 2, 11 with date_translator, 3 with
            --pairs.
        batch_size: texts per step; by default 128.
        learning_rate: the highest; it warms up, and falls along a cosine. By default
            0.008, 0.004 with --pairs.
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
    if data is not None and pairs is not None:
        raise ValueError("Give `data` (dates) or `pairs` (sentences), not both.")
    network = "sentence_translator" if pairs is not None else network
    options = {"epochs": epochs, "batch_size": batch_size}
    options["learning_rate"] = learning_rate
    given = {name: value for name, value in options.items() if value is not None}
    options = DEFAULTS[network] | given
    command_line.check_training(seed=seed, num_dates=num_dates, **options)
    if pairs is not None:
        figures = _train_sentences(pairs, {**options, "seed": seed}, output)
        command_line.save_metrics(
            output, figures, seed=seed, seconds=time.perf_counter() - begun
        )
        command_line.note(f"the translator, its figures and pictures are in {output}")
        return figures
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
        **options,
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
        "epochs": options["epochs"],
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
    pairs: Path | None = None,
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
        pairs: file of sentences and translations, for a translator of sentences: the
            test.tsv that its training kept back, or others.
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
    if pairs is not None:
        test = sentences.group_pairs(sentences.load_pairs(pairs))
        translator = _load_translator(model)
        if not _is_of_sentences(translator):
            raise ValueError("`pairs` needs `model`, of a training with --pairs.")
        figures = _measure_sentences(translator, test, output)
        command_line.save_metrics(
            output, figures, seed=seed, seconds=time.perf_counter() - begun
        )
        return figures
    no_dates = []
    if data is not None:
        test = _load(data)
    else:
        test = _make(seed, 1, num_dates, _locales(locales), patterns, typos)
        rng = np.random.default_rng((seed, 9))
        no_dates = dates.make_no_dates(rng, max(1, num_dates // 5))
    translator = _load_translator(model)
    if _is_of_sentences(translator):
        raise ValueError(f"{model} translates sentences. Give `pairs`, a file of them.")
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
    """Reads dates, or translates sentences with a --model that has learned them.

    A text that is no date is said to be none, with its score.

    Beside the table on the screen, `output` gets predictions.json, and attention.png:
    which characters each character of the date was read from.

    Args:
        texts: dates, as people write them, or sentences; - reads standard input.
        file: text file, a date or sentence a line.
        model: model.keras of a training; the package's own translator without it.
        candidates: for each text, the most probable first.
        output: folder for the results.

    Example:
        python assignments/date_translation.py predict "3 May 1979" "4 juillet 1986"
    """
    if candidates < 1:
        raise ValueError(f"`candidates` must be 1 or more. Received: {candidates}.")
    texts = _list_texts(texts or [], file)
    translator = _load_translator(model)
    output.mkdir(parents=True, exist_ok=True)
    if _is_of_sentences(translator):
        rows, lines = _translate_sentences(translator, texts, candidates, output)
    else:
        rows, lines = _read_dates(translator, texts, candidates, output)
    files.write_atomically(
        output / "predictions.json",
        json.dumps(rows, ensure_ascii=False, indent=1) + "\n",
    )
    command_line.show_table("What was read", lines[:40])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'predictions.json'}")
    return {"num_texts": len(rows), "predictions": rows, "output": str(output)}


def _train_sentences(path, settings, output):
    every = sentences.load_pairs(path)
    splits = sentences.split_pairs(
        np.random.default_rng((settings["seed"], 0)),
        every,
        num_test=min(TEST_SENTENCES, max(1, len(every) // 10)),
        num_validation=min(TEST_SENTENCES, max(1, len(every) // 10)),
        max_length=LONGEST_SENTENCE,
    )
    training = sentences.to_pairs(splits.train)
    if not training:
        raise ValueError(
            f"{path} must hold pairs of at most {LONGEST_SENTENCE} words a side."
        )
    command_line.note(
        f"{len(training)} pairs of {len(splits.train)} sentences to train on, "
        f"{len(splits.test)} sentences to test"
    )
    keras = command_line.load_keras()
    from dlai_keras.date_translation import model
    from dlai_keras.date_translation.sentence_translator import (
        SentenceBatches,
        SentenceTranslator,
    )

    command_line.set_seed(settings["seed"])
    source, target = (
        Vocabulary.from_counts(
            [pair[side] for pair in training],
            max_size=VOCABULARY,
            start="<start>",
            end="<end>",
        )
        for side in (0, 1)
    )
    network = model.sequence_translator(len(source), len(target), **SENTENCE_NETWORK)
    translator = SentenceTranslator(
        network, source, target, {"seed": settings["seed"], "pairs": path.name}
    )
    settings = {**settings, "num_pairs": len(training), "pairs": path.name}
    epochs = settings["epochs"]
    backup = output / "backup"
    first = command_line.first_epoch(backup, settings)
    options = {"batch_size": settings["batch_size"], "seed": settings["seed"]}
    batches = SentenceBatches(training, translator, epoch=first, **options)
    held_out = SentenceBatches(
        sentences.to_pairs(splits.validation), translator, **options
    )
    fitted = keras.Model(network.inputs, network.output)
    fitted.compile(
        _optimizer(keras, settings, len(batches)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        jit_compile=_by_xla(keras, "sentence_translator"),
    )
    begun, history = time.perf_counter(), {}
    shown = {"loss": "loss", "val_loss": "validation loss"}
    # Without an epoch left it only reads the weights back.
    fitted.fit(
        batches,
        epochs=epochs,
        validation_data=held_out,
        callbacks=command_line.training_callbacks(
            output, epochs, history, shown, backup
        ),
        verbose=0,
    )
    trained = time.perf_counter() - begun
    translator.save(output)
    _write_sentences(output / "test.tsv", splits.test)
    figures = _measure_sentences(translator, splits.test, output)
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    return figures | {
        "num_training": len(training),
        "parameters": network.count_params(),
        "epochs": epochs,
        "training_seconds": trained,
    }


def _write_sentences(path, held_out):
    lines = [
        f"{sentences.detokenize(one.source, language='en')}\t"
        f"{sentences.detokenize(reference)}\n"
        for one in held_out
        for reference in one.references
    ]
    files.write_atomically(path, "".join(lines))


def _measure_sentences(translator, test, output):
    """BLEU of greedy decoding, beam search and a copy; who is to blame; pictures."""
    output.mkdir(parents=True, exist_ok=True)
    sources = [one.source for one in test]
    references = [[" ".join(many) for many in one.references] for one in test]
    found, seconds = {}, {}
    for name, width in (("greedy", 1), ("beam 5", 5)):
        command_line.note(f"translating {len(test)} sentences, {name} ...")
        begun = time.perf_counter()
        found[name] = translator.translate(sources, beam_width=width)
        seconds[name] = time.perf_counter() - begun
    systems = {"copy of the source": sources} | {
        name: [one.tokens for one in many] for name, many in found.items()
    }
    systems = {name: [" ".join(one) for one in many] for name, many in systems.items()}
    rows = metrics.compare_bleu(np.random.default_rng(0), systems, references)
    for row in rows:
        outputs = systems[row["system"]]
        is_right = metrics.exact_matches(outputs, references)
        row |= share("exact_match", int(is_right.sum()), len(is_right))
    # What beam search weighs is log P with a length penalty, so that is compared.
    pairs = sentences.to_pairs(test)
    log_probs = translator.log_probs(*map(list, zip(*pairs, strict=True)))
    scores = _scores(log_probs, [len(target) + 1 for _, target in pairs])
    ends = np.cumsum([len(one.references) for one in test])
    scores = [part.tolist() for part in np.split(scores, ends[:-1])]
    num_tokens = sum(len(target) + 1 for _, target in pairs)
    blame = []
    for name, many in found.items():
        wrong = metrics.attribute_beam_errors(
            systems[name],
            references,
            _scores(
                [one.log_probs[0] for one in many],
                [len(one.token_ids[0]) for one in many],
            ).tolist(),
            scores,
        )
        blame.append(
            {"search": name, "wrong": len(wrong)}
            | {
                f"{row['at_fault']} at fault": row["num"]
                for row in metrics.summarize_beam_errors(wrong)
            }
        )
    command_line.show_table(
        "BLEU",
        [
            {
                "": row["system"],
                "BLEU": row["bleu"],
                "95 % interval": f"{row['low']:.1f} to {row['high']:.1f}",
                "equal to a reference": f"{row['exact_match']:.1%}",
                "its interval": "{:.1%} to {:.1%}".format(*row["exact_match_interval"]),
            }
            for row in rows
        ],
    )
    command_line.show_table("Who is to blame for what equals no reference", blame)
    shown = [one for one in found["beam 5"] if 4 <= len(one.source) <= 12][:6]
    command_line.show_table(
        "Held-out sentences",
        [{"source": " ".join(one.source), "translation": one.text} for one in shown],
    )
    _draw_sentences(output / "attention.png", translator, shown)
    return {
        "bleu": rows[-1]["bleu"],
        "bleu_greedy": rows[1]["bleu"],
        "bleu_copy": rows[0]["bleu"],
        "systems": rows,
        "blame": blame,
        "perplexity": float(np.exp(-log_probs.sum() / num_tokens)),
        "num_test": len(test),
        "seconds_to_translate": seconds,
        "translations": [
            {
                "source": " ".join(one.source),
                "greedy": greedy.text,
                "beam": one.text,
                "references": many,
            }
            for one, greedy, many in zip(
                found["beam 5"], found["greedy"], references, strict=True
            )
        ][:200],
    }


def _scores(log_probs, lengths):
    from dlai_keras import decoding
    from dlai_keras.date_translation.sentence_translator import LENGTH_PENALTY

    scores = decoding.penalize_length(
        np.array(log_probs, "float32"), np.array(lengths), LENGTH_PENALTY
    )
    return np.asarray(scores)


def _draw_sentences(path, translator, found):
    if not found:
        return
    written = [one.token_ids[0] for one in found]
    weights = translator.attention([one.source for one in found], written)
    pictures.draw_attention(
        path,
        [(*one.source, "<end>") for one in found],
        [[translator.target.tokens[i] for i in ids] for ids in written],
        weights,
    )


def _translate_sentences(translator, texts, candidates, output):
    found = translator.translate(
        texts, num_candidates=candidates, beam_width=max(5, candidates)
    )
    rows = [
        {
            "text": text,
            "translation": one.text,
            "candidates": [
                {"translation": sentences.detokenize(tokens), "score": score}
                for tokens, score in one.candidates
            ],
        }
        for text, one in zip(texts, found, strict=True)
    ]
    _draw_sentences(output / "attention.png", translator, found[:SHOWN])
    return rows, [
        {"text": row["text"], "translation": row["translation"]} for row in rows
    ]


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
    command_line.first_epoch(backup, settings)
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
    fixed = network.inputs[0].shape[1]
    longest = fixed or max(len(pair.text) for pair in training)
    inputs = translator.encode(texts)[:, :longest]
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
    model.compile(
        _optimizer(keras, settings, num // batch_size),
        loss=loss,
        weighted_metrics={"iso": ["accuracy"]} if accuracy is None else [accuracy],
        jit_compile=_by_xla(keras, settings["network"]),
    )
    shown = {
        "loss": "loss",
        "accuracy": "accuracy",
        "iso_accuracy": "accuracy",
        "is_date_loss": "is_date_loss",
    }
    # Without an epoch left it only reads the weights back.
    model.fit(
        inputs,
        targets,
        sample_weight=weights,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=command_line.training_callbacks(
            output, epochs, history, shown, backup
        ),
        verbose=0,
    )


def _by_xla(keras, network):
    if keras.backend.backend() == "tensorflow":
        # Loops of fixed length are quicker by it; the others compile for long.
        return network == "date_translator"
    return keras.backend.backend() == "jax"


def _optimizer(keras, settings, steps_per_epoch):
    steps = settings["epochs"] * steps_per_epoch
    schedule = keras.optimizers.schedules.CosineDecay(
        settings["learning_rate"] / 20,
        max(1, steps - steps // 20),
        warmup_target=settings["learning_rate"],
        warmup_steps=steps // 20,
    )
    return keras.optimizers.Adam(schedule, global_clipnorm=1.0)


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
        **share("exact_match", int(is_right.sum()), len(is_right)),
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
        refused = {
            "dates_taken_for_none": [not one.iso for one in found],
            "no_dates_refused": [not one.iso for one in translator.translate(no_dates)],
        }
        for name, each in refused.items():
            figures |= share(name, sum(each), len(each))
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


def _read_dates(translator, texts, candidates, output):
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
    _draw_attention(output / "attention.png", translator, [one.text for one in found])
    return rows, [_line(row) for row in rows]


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
    from dlai_keras.date_translation import sentence_translator, translator

    if path is None:
        return translator.load_pretrained()
    folder = path if path.is_dir() else path.parent
    if (folder / sentence_translator.SETTINGS_FILE).is_file():
        return sentence_translator.load_sentence_translator(path)
    return translator.load_translator(path)


def _is_of_sentences(translator):
    return hasattr(translator, "source")


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
