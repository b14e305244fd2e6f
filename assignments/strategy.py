"""Strategy: where an error comes from, and what to do next, by the third course."""

import os
import time
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files, images
from dlai_keras.intervals import newcombe_interval, share, wilson_interval
from dlai_keras.strategy import data as tables
from dlai_keras.strategy import diagnosis as errors_apart
from dlai_keras.strategy import digits, pictures, selection, splits
from dlai_keras.strategy import error_analysis as analysis
from dlai_keras.strategy import learning_curves as curves
from dlai_keras.strategy import metrics as scores
from dlai_keras.strategy import page as pages

HELP = """Strategy: where does the error come from, and what is worth doing next?

`train` shows all of it on a real training: digits learned from clean pictures, for a
poor camera. `diagnose`, `plan`, `errors`, `choose` and `curve` do one thing each,
with your numbers or files."""

RUNS = Path("runs/strategy")
SIZE = 28  # pixels of the drawn digits
WIDTHS = (8, 16, 32)
BATCH = 32
LEARNING_RATES = {"residual": 4e-3, "dense": 1e-3}
CURVE_SIZES = 5  # of the learning curve, each twice the one before
CURVE_STEPS = 400
MOST_PARAMETERS = 30_000  # what the camera has room for
EMBEDDED = 96  # pixels, most of a thumbnail


def train(
    *,
    num_source: int = 3200,
    num_target: int = 3000,
    human: float = 0.0,
    wrong_labels: float = 0.02,
    epochs: int = 6,
    repeats: int = 2,
    seed: int = 0,
    output: Path = RUNS,
) -> dict:
    """Trains a classifier of digits, and does all that the third course teaches.

    Clean pictures of digits are many; what matters are those of a poor camera: dark,
    blurred, noisy, tilted, half covered. A third of these is dev set, a third test
    set, and a third is held back, as if nobody had collected it yet. The error is
    taken apart, the dev set's mistakes are tabulated by tag on a page to browse, and
    the learning curve says if more data will help. Then what the diagnosis asks for is
    done: the third that was held back is added, and what it brought is measured. Last,
    one of the networks is chosen.

    Args:
        num_source: clean pictures.
        num_target: pictures of the poor camera.
        human: error of people, on which bias is judged: an assumption here.
        wrong_labels: share of the dev set's labels that are spoilt on purpose, for the
            table of label errors.
        epochs: of each training.
        repeats: trainings of each size of the learning curve.
        seed: of the pictures, the weights and the order.
        output: folder for the model, the figures, the pictures and the page.

    Example:
        python assignments/strategy.py train --seed 1 --output runs/mine
    """
    begun = time.perf_counter()
    _check_train(num_source, num_target, human, wrong_labels, epochs, repeats, seed)
    rng = np.random.default_rng((seed, 0))
    third = num_target // 3
    plan = splits.plan_split(
        num_target - third, num_source, dev=third, test=num_target - 2 * third
    )
    _show_plan(plan.rows())
    source, target = _draw(seed, num_source, num_target)
    indices = splits.split_indices(rng, plan)
    # The third that was held back is what follows the planned ones.
    order = rng.permutation(num_target)
    parts = {
        "train": [source[i] for i in indices["train"]["source"]],
        "train_dev": [source[i] for i in indices["train_dev"]["source"]],
        "dev": [target[order[i]] for i in indices["dev"]["target"]],
        "test": [target[order[i]] for i in indices["test"]["target"]],
        "later": [target[order[i]] for i in range(num_target - third, num_target)],
    }
    arrays = {name: _stack(part) for name, part in parts.items()}
    truth = arrays["dev"][1]
    spoilt = _spoil(np.random.default_rng((seed, 3)), truth, wrong_labels)
    arrays["dev"] = arrays["dev"][0], spoilt

    keras = command_line.load_keras()
    from dlai_keras.strategy import training

    command_line.set_seed(seed)
    output.mkdir(parents=True, exist_ok=True)
    history: dict[str, list[float]] = {}
    network = _network("residual", epochs * -(-len(parts["train"]) // BATCH))
    initial = network.get_weights()
    command_line.note("training: residual, clean ...")
    epoch_rows = _fit(keras, network, arrays["train"], arrays, epochs, history, output)
    wrong = {
        name: training.find_mistakes(network, *arrays[name])
        for name in ("train", "train_dev", "dev", "test")
    }
    diagnosis = errors_apart.diagnose(
        {"human": human} | {name: float(one.mean()) for name, one in wrong.items()},
        {name: len(one) for name, one in wrong.items()},
    )
    _show_diagnosis(diagnosis)
    pictures.draw_diagnosis(
        output / "diagnosis.png",
        diagnosis,
        title="trained on clean pictures, meant for a poor camera",
    )
    epochs_said = curves.diagnose_epochs(epoch_rows, num_dev=len(truth))
    command_line.note(f"epochs: {epochs_said['line']}")
    pictures.draw_epoch_curve(output / "epochs.png", epoch_rows, epochs_said)

    figures = _analyse_dev(
        network, parts["dev"], arrays["dev"], truth, output, seed=seed
    )
    figures |= _learning_curve(arrays, repeats, human, seed=seed, output=output)
    figures |= _what_helps(
        keras, network, initial, arrays, wrong["dev"], epochs, output
    )
    errors_of = {
        f"{name}_{what}": value
        for name, one in wrong.items()
        for what, value in _error(one).items()
    }
    figures = errors_of | {"focus": diagnosis.focus or "none"} | figures
    figures |= {
        "human_error": human,
        "gaps": diagnosis.rows(),
        "steps": list(diagnosis.steps),
        "epochs": epochs_said,
        "num_training": len(parts["train"]),
        "parameters": network.count_params(),
    }
    charts.draw_history(output / "training.png", history)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(
        f"the figures and pictures are in {output}; open {output / 'errors.html'} in a "
        "browser"
    )
    return figures


def diagnose(
    *,
    human: float | None = None,
    train: float | None = None,
    train_dev: float | None = None,
    dev: float | None = None,
    test: float | None = None,
    num_human: int | None = None,
    num_train: int | None = None,
    num_train_dev: int | None = None,
    num_dev: int | None = None,
    num_test: int | None = None,
    mismatched: bool = False,
    tolerance: float = 0.01,
    confidence: float = 0.95,
    output: Path = RUNS / "diagnosis",
) -> dict:
    """Takes an error apart: avoidable bias, variance, data mismatch, dev overfitting.

    Give two errors at least, as shares: 0.08 for 8 %. With the numbers of examples
    every gap has an interval, and what may be chance is said to be undecided.

    Args:
        human: error of people, or the lowest that can be had.
        train: error on the training set.
        train_dev: error on held-out examples of the training distribution.
        dev: error on the dev set.
        test: error on the test set.
        num_human: examples that people labelled.
        num_train: examples of the training set, or those that were measured.
        num_train_dev: examples of the train-dev set.
        num_dev: examples of the dev set.
        num_test: examples of the test set.
        mismatched: dev and test are of another distribution than the training set, as
            is taken for granted with --train-dev.
        tolerance: a gap up to this is small.
        confidence: of the intervals.
        output: folder for diagnosis.png and metrics.json.

    Example:
        python assignments/strategy.py diagnose --human 0.01 --train 0.08 --dev 0.1
    """
    given = {
        "human": (human, num_human),
        "train": (train, num_train),
        "train_dev": (train_dev, num_train_dev),
        "dev": (dev, num_dev),
        "test": (test, num_test),
    }
    found = errors_apart.diagnose(
        {name: error for name, (error, _) in given.items() if error is not None},
        {name: num for name, (_, num) in given.items() if num is not None},
        mismatched=mismatched or None,
        tolerance=tolerance,
        confidence=confidence,
    )
    _show_diagnosis(found)
    pictures.draw_diagnosis(output / "diagnosis.png", found)
    figures = {
        "focus": found.focus or "none",
        "gaps": found.rows(),
        "steps": list(found.steps),
        "levels": list(found.levels),
        "picture": str(output / "diagnosis.png"),
    }
    command_line.save_metrics(output, figures, seed=0, seconds=0.0)
    return figures


def plan(
    *,
    num_target: int,
    num_source: int = 0,
    error: float = 0.1,
    half_width: float | None = None,
    difference: float | None = None,
    disagreement: float | None = None,
    dev: int | None = None,
    test: int | None = None,
    train_dev: int | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
    seed: int = 0,
    output: Path = RUNS / "plan",
) -> dict:
    """Plans train, train-dev, dev and test set, and draws which example goes where.

    The dev set is as large as it must be to tell two models apart, the test set to
    measure the error; both are of the target only. The rest, and all of the source,
    is to train on.

    Args:
        num_target: examples of the distribution that matters.
        num_source: examples of another one, to train on.
        error: that is expected.
        half_width: of the error's interval on the test set, such as 0.01.
        difference: between two models' errors that the dev set is to detect.
        disagreement: share of the dev set on which one of the two is right and the
            other wrong; with it, far fewer examples are enough.
        dev: examples, where you know how many.
        test: the same.
        train_dev: the same.
        confidence: of the intervals.
        power: how often the difference is detected where there is one.
        seed: of the drawing.
        output: folder for split.csv and metrics.json.

    Example:
        python assignments/strategy.py plan --num-target 10000 --num-source 200000
    """
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")
    if not 0 < error < 1:
        raise ValueError(f"`error` must be above 0 and below 1. Received: {error}.")
    needed = {}
    if half_width is not None:
        needed["test"] = splits.num_for_half_width(
            half_width, error=error, confidence=confidence
        )
    if difference is not None:
        needed["dev"] = splits.num_to_detect(
            difference,
            error=error,
            disagreement=disagreement,
            confidence=confidence,
            power=power,
        )
    elif disagreement is not None:
        raise ValueError("`disagreement` needs `difference`.")
    found = splits.plan_split(
        num_target,
        num_source,
        dev=needed.get("dev") if dev is None else dev,
        test=needed.get("test") if test is None else test,
        train_dev=train_dev,
    )
    rows = found.rows()
    for row in rows:
        low, high = wilson_interval(
            round(error * row["total"]), row["total"], confidence
        )
        row[f"interval of {error:.1%}"] = f"{low:.2%} to {high:.2%}"
    _show_plan(rows)
    for line in found.notes:
        command_line.note(line)
    indices = splits.split_indices(np.random.default_rng(seed), found)
    lines = ["part,source,index"]
    for part, both in indices.items():
        for name, chosen in both.items():
            lines += [f"{part},{name},{index}" for index in chosen.tolist()]
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output / "split.csv", "\n".join(lines) + "\n")
    figures = {f"num_{row['part']}": row["total"] for row in rows}
    figures |= {f"needed_{name}": number for name, number in needed.items()}
    figures |= {"parts": rows, "notes": list(found.notes)}
    figures["split"] = str(output / "split.csv")
    command_line.save_metrics(output, figures, seed=seed, seconds=0.0)
    return figures


def errors(
    file: Path,
    *,
    error: float | None = None,
    difference: float | None = None,
    thumbnails: str = "embed",
    limit: int = 5000,
    confidence: float = 0.95,
    seed: int = 0,
    output: Path = RUNS / "errors",
) -> dict:
    """Tabulates mistakes by tag, and writes a page to browse them in.

    The file has the columns label and prediction, and as you like: tags (with ; between
    them) or a column of marks for each tag, correct_label (where the label is wrong),
    image, name, comment.

    Args:
        file: CSV file of a whole dev set; or, with --error, of mistakes of it.
        error: of the whole dev set, where the file holds only a part of its mistakes.
        difference: between two models' errors that are to be told apart, to judge what
            the label errors matter.
        thumbnails: embed (pictures become a part of the page), link or none.
        limit: most examples on the page, mistakes first.
        confidence: of the intervals.
        seed: of the bootstrap.
        output: folder for errors.html, tags.png and metrics.json.

    Example:
        python assignments/strategy.py errors dev.csv --output runs/my_errors
    """
    if thumbnails not in ("embed", "link", "none"):
        raise ValueError(
            f"`thumbnails` must be embed, link or none. Received: {thumbnails}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")
    examples = tables.load_examples(file)
    shown = [_with_thumbnail(one, file.parent, thumbnails, output) for one in examples]
    return _analyse(
        shown,
        error=error,
        difference=difference,
        confidence=confidence,
        limit=limit,
        title=f"Mistakes in {file.name}",
        seed=seed,
        output=output,
    )


def choose(
    file: Path,
    *,
    optimise: str,
    satisfice: list[str] | None = None,
    lowest: bool = False,
    num_examples: int | None = None,
    name: str | None = None,
    output: Path = RUNS / "choice",
) -> dict:
    """Chooses a model: the best by one metric of those good enough by others.

    Args:
        file: CSV file, a line for each model.
        optimise: column of which more is better.
        satisfice: what is good enough, such as "milliseconds<=100"; may be repeated.
        lowest: less of the column is better.
        num_examples: on which it was measured, a share: it is said then which models
            may be as good as the best.
        name: column of the models' names; the first one by default.
        output: folder for models.png and metrics.json.

    Example:
        python assignments/strategy.py choose models.csv --optimise accuracy
        --satisfice "milliseconds<=100"
    """
    models = tables.load_models(file)
    name = name or next(iter(models[0]))
    constraints = [selection.Constraint.parse(text) for text in satisfice or []]
    found = selection.choose_model(
        models,
        optimise,
        constraints,
        lowest=lowest,
        num_examples=num_examples,
        name=name,
    )
    figures = _show_choice(
        found, optimise, constraints, name, num_examples, output / "models.png"
    )
    command_line.save_metrics(output, figures, seed=0, seconds=0.0)
    if found.best is None:
        command_line.note("no model is good enough")
    return figures


def curve(
    file: Path,
    *,
    human: float = 0.0,
    num_dev: int | None = None,
    tolerance: float = 0.01,
    worth: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
    output: Path = RUNS / "curve",
) -> dict:
    """Reads a learning curve: high bias, high variance, will more data help?

    Args:
        file: CSV file with num_training, train_error and dev_error, a line for each
            training.
        human: the lowest error that can be had.
        num_dev: examples of the dev set; a column of the file without it.
        tolerance: a gap up to this is small.
        worth: by how much the dev error must drop for twice the data to be worth it.
        confidence: of the intervals.
        seed: of the resampling.
        output: folder for learning_curve.png and metrics.json.

    Example:
        python assignments/strategy.py curve curve.csv --human 0.01 --num-dev 2000
    """
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")
    rows = _curve_rows(tables.load_models(file), num_dev, file)
    found = curves.diagnose_learning_curve(
        np.random.default_rng(seed),
        rows,
        human=human,
        tolerance=tolerance,
        worth=worth,
        confidence=confidence,
    )
    pictures.draw_learning_curve(
        output / "learning_curve.png", rows, found, human=human
    )
    for line in found["lines"]:
        command_line.note(line)
    figures = _with_intervals(found)
    command_line.save_metrics(output, figures, seed=seed, seconds=0.0)
    return figures


def _check_train(num_source, num_target, human, wrong_labels, epochs, repeats, seed):
    least = {"num_source": (num_source, 96), "num_target": (num_target, 60)}
    least |= {"epochs": (epochs, 2), "repeats": (repeats, 1), "seed": (seed, 0)}
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise ValueError(f"`{name}` must be {lowest} or more. Received: {value}.")
    for name, value in {"human": human, "wrong_labels": wrong_labels}.items():
        if not 0 <= value < 0.5:
            raise ValueError(
                f"`{name}` must be from 0 to below 0.5. Received: {value}."
            )


def _draw(seed, num_source, num_target):
    """`(picture, digit, faults)` of clean pictures, and of those of a poor camera."""
    return [
        list(
            command_line.progress(
                digits.make_digits(
                    np.random.default_rng((seed, 1, number)),
                    num,
                    size=SIZE,
                    poor=bool(number),
                ),
                what,
                num,
            )
        )
        for number, (num, what) in enumerate(
            ((num_source, "drawing clean digits"), (num_target, "poor photographs"))
        )
    ]


def _stack(part):
    images_of, labels, _ = zip(*part, strict=True)
    return np.stack(images_of), np.array(labels)


def _spoil(rng, labels, share):
    spoilt = labels.copy()
    chosen = rng.random(len(labels)) < share
    spoilt[chosen] = (labels[chosen] + rng.integers(1, 10, chosen.sum())) % 10
    return spoilt


def _network(kind, steps):
    """A network that is compiled for so many steps; the learning rate falls to 0."""
    import keras

    from dlai_keras.signs.model import signs_resnet

    shape = (SIZE, SIZE, 3)
    if kind == "residual":
        network = signs_resnet(shape, 10, widths=WIDTHS)
    else:
        network = keras.Sequential(
            [
                keras.Input(shape, name="image"),
                keras.layers.Rescaling(1 / 127.5, offset=-1.0),
                keras.layers.Flatten(),
                keras.layers.Dense(64, "relu"),
                keras.layers.Dense(10),
            ]
        )
    _compile(network, LEARNING_RATES[kind], steps)
    return network


def _compile(network, learning_rate, steps):
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=0.01)
    network.compile(
        keras.optimizers.Adam(schedule),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def _fit(keras, network, training_set, arrays, epochs, history, output):
    """Trains a network; returns its errors by epoch."""
    from dlai_keras.strategy.training import EpochErrors

    by_epoch = EpochErrors(*training_set, *arrays["dev"])
    shown = {"loss": "loss", "accuracy": "accuracy"}
    callbacks = [
        by_epoch,
        *command_line.training_callbacks(output, epochs, history, shown),
    ]
    network.fit(
        *training_set, epochs=epochs, batch_size=BATCH, callbacks=callbacks, verbose=0
    )
    return by_epoch.rows


def _analyse_dev(network, part, dev, truth, output, *, seed):
    """Tables, page and picture of the dev set's mistakes."""
    logits = network.predict(dev[0], batch_size=256, verbose=0)
    found = logits.argmax(axis=1)
    scale = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = scale / scale.sum(axis=1, keepdims=True)
    examples = [
        tables.Example(
            name=f"dev {index}",
            label=str(dev[1][index]),
            prediction=str(found[index]),
            tags=faults,
            correct_label="" if truth[index] == dev[1][index] else str(truth[index]),
            image=pages.to_data_uri(image),
            more={"probability": f"{probabilities[index].max():.3f}"},
        )
        for index, (image, _, faults) in enumerate(part)
    ]
    figures = _analyse(
        examples,
        title="Digits of a poor camera: the dev set",
        seed=seed,
        output=output,
    )
    # Without the pictures: to tag further, and to hand to `errors`.
    rows = [row | {"image": ""} for row in tables.to_rows(examples)]
    tables.write_csv(output / "dev.csv", rows)
    # Of the network's error there is one figure, the one that is taken apart.
    kept = ("largest_tag", "num_label_errors", "tags", "label_errors", "classes")
    return {name: figures[name] for name in kept}


def _analyse(
    examples,
    *,
    error=None,
    difference=None,
    confidence=0.95,
    limit=5000,
    title,
    seed,
    output,
):
    begun = time.perf_counter()
    rows = analysis.tabulate_tags(examples, error=error, confidence=confidence)
    labels = analysis.measure_label_errors(
        examples, error=error, difference=difference, confidence=confidence
    )
    command_line.show_table(
        "Tags of the mistakes, and the error if all of one were put right",
        [
            {
                "tag": row["tag"],
                "mistakes": row["num"],
                "share": _percent(row, "share"),
                "gain": f"{row['gain']:.2%}",
                "ceiling": _percent(row, "ceiling"),
            }
            | ({"among it": _percent(row, "error")} if "error" in row else {})
            for row in rows
        ],
    )
    command_line.show_table(
        "Labels",
        {
            "error": _percent(labels, "error"),
            "of it, wrong labels": _percent(labels, "error_of_labels"),
            "of it, all else": _percent(labels, "error_of_others"),
            "correcting them": labels["verdict"],
            "why": labels["why"],
        },
    )
    notes = [
        f"Error {_percent(labels, 'error')}; {labels['num_mistakes']} mistakes.",
        f"Wrong labels make {_percent(labels, 'error_of_labels')} of the error: to "
        f"correct them is {labels['verdict']}.",
    ]
    figures = {"error": labels["error"]}
    if "error_low" in labels:
        figures["error_interval"] = [labels["error_low"], labels["error_high"]]
        figures["classes"] = _classes(examples, confidence, seed)
    figures |= {
        "num_mistakes": labels["num_mistakes"],
        "num_label_errors": labels["num_label_errors"],
        "largest_tag": rows[0]["tag"],
        "tags": rows,
        "label_errors": labels,
    }
    pictures.draw_tags(output / "tags.png", rows)
    page = output / "errors.html"
    figures["on_page"] = pages.write_page(
        page, examples, title=title, tags=rows, notes=notes, limit=limit
    )
    figures["page"] = str(page)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def _classes(examples, confidence, seed):
    """Precision, recall and F1 of every class, shown and returned."""
    names = sorted({one.label for one in examples} | {o.prediction for o in examples})
    number = {name: index for index, name in enumerate(names)}
    counts = scores.confusion_matrix(
        [number[one.label] for one in examples],
        [number[one.prediction] for one in examples],
        len(names),
    )
    rows = scores.classification_table(
        np.random.default_rng((seed, 4)), counts, names, confidence=confidence
    )
    command_line.show_table(
        f"Classes, with intervals of {confidence:.0%}",
        [
            {"class": row["class"], "examples": row["num"]}
            | {key: _percent(row, key) for key in ("precision", "recall", "f1")}
            for row in (rows if len(rows) <= 40 else rows[-3:])
        ],
    )
    return rows


def _learning_curve(arrays, repeats, human, *, seed, output):
    """Trains on growing parts of the clean pictures, measured on others like them."""
    from dlai_keras.strategy import training

    x, y = arrays["train"]
    sizes = [len(y) // 2**power for power in range(CURVE_SIZES)]
    model = _network("residual", CURVE_STEPS)
    rows = training.measure_learning_curve(
        np.random.default_rng((seed, 5)),
        model,
        x,
        y,
        *arrays["train_dev"],
        sizes=sizes,
        repeats=repeats,
        steps=CURVE_STEPS,
        batch_size=BATCH,
        progress=lambda jobs: command_line.progress(jobs, "learning curve"),
    )
    found = curves.diagnose_learning_curve(
        np.random.default_rng((seed, 6)), rows, human=human
    )
    pictures.draw_learning_curve(
        output / "learning_curve.png",
        rows,
        found,
        human=human,
        title="growing parts of the clean pictures, measured on others like them",
    )
    for line in found["lines"]:
        command_line.note(f"learning curve: {line}")
    tables.write_csv(output / "learning_curve.csv", rows)
    return {"learning_curve": _with_intervals(found), "more_data": found["more_data"]}


def _what_helps(keras, network, initial, arrays, before, epochs, output):
    """Does what the diagnosis asks for, chooses a network and saves it."""
    from dlai_keras.strategy import training

    dev, later = arrays["dev"], arrays["later"]
    both = tuple(map(np.concatenate, zip(arrays["train"], later, strict=True)))
    trained = {"residual, clean": (network, network.get_weights())}
    wrong = {"residual, clean": before}
    # The same network from the same beginning: only the pictures differ.
    network.set_weights(initial)
    steps = epochs * -(-len(both[1]) // BATCH)
    _compile(network, LEARNING_RATES["residual"], steps)
    dense = _network("dense", steps)
    for name, one, training_set in (
        ("residual, clean and camera", network, both),
        ("dense, clean and camera", dense, both),
    ):
        command_line.note(f"training: {name} ...")
        _fit(keras, one, training_set, arrays, epochs, {}, output)
        wrong[name] = training.find_mistakes(one, *dev)
        trained[name] = one, one.get_weights()
    after = wrong["residual, clean and camera"]
    low, high = newcombe_interval(before.sum(), len(before), after.sum(), len(after))
    command_line.show_table(
        "What a third of the camera's pictures in the training brought",
        {
            "dev error before": _percent(_ends(before), "error"),
            "after": _percent(_ends(after), "error"),
            "drop": f"{before.mean() - after.mean():+.1%} ({low:+.1%} to {high:+.1%})",
        },
    )
    models = [
        {
            "model": name,
            "accuracy": float(1 - one.mean()),
            "parameters": trained[name][0].count_params(),
        }
        for name, one in wrong.items()
    ]
    tables.write_csv(output / "models.csv", models)
    constraint = selection.Constraint("parameters", "<=", MOST_PARAMETERS)
    found = selection.choose_model(
        models, "accuracy", [constraint], num_examples=len(before)
    )
    chosen = _show_choice(
        found, "accuracy", [constraint], "model", len(before), output / "models.png"
    )
    chosen_network, weights = trained[chosen["chosen"]]
    chosen_network.set_weights(weights)
    chosen_network.save(output / "model.keras")
    return {
        **share("dev_error_with_camera", int(after.sum()), len(after)),
        "drop": float(before.mean() - after.mean()),
        "drop_interval": [float(low), float(high)],
        "chosen": chosen["chosen"],
        "models": chosen["models"],
    }


def _show_plan(rows):
    command_line.show_table(
        "Who goes where",
        [
            row
            | {
                "part": row["part"].replace("_", "-"),
                "target_share": f"{row['target_share']:.1%}",
            }
            for row in rows
        ],
    )


def _show_diagnosis(found):
    known = [level for level in found.levels if level["num"]]
    if known:
        command_line.show_table(
            "Errors",
            [
                {
                    "set": level["set"].replace("_", "-"),
                    "error": f"{level['error']:.2%}",
                    "interval": f"{level['low']:.2%} to {level['high']:.2%}"
                    if level["num"]
                    else None,
                    "examples": level["num"],
                }
                for level in found.levels
            ],
        )
    command_line.show_table(
        "Gaps",
        [
            {
                "gap": row["gap"].replace("_", " "),
                "from": row["from"].replace("_", "-"),
                "to": row["to"].replace("_", "-"),
                "size": f"{row['size']:+.2%}",
            }
            | (
                {"interval": f"{row['low']:+.2%} to {row['high']:+.2%}"}
                if np.isfinite(row["low"])
                else {"interval": None}
            )
            | {"verdict": row["verdict"]}
            for row in found.rows()
        ],
    )
    command_line.show_table(
        "What to do",
        [
            {"about": step["about"].replace("_", " "), "step": step["step"]}
            for step in found.steps
        ],
    )


def _show_choice(found, optimise, constraints, name, num_examples, path):
    shown = []
    for row in found.rows:
        value = row[optimise]
        line = {"": "→" if row["is_best"] else "", "model": str(row[name])}
        line[optimise] = f"{value:.4g}"
        if num_examples is not None:
            low, high = wilson_interval(round(value * num_examples), num_examples)
            line[optimise] += f" ({low:.4g} to {high:.4g})"
        line |= {one.metric: f"{row[one.metric]:g}" for one in constraints}
        shown.append(line | {"front": row["on_front"], "why": row["why"]})
    command_line.show_table("Models", shown)
    if constraints:
        pictures.draw_models(
            path,
            found.rows,
            optimise,
            constraints[0].metric,
            bound=constraints[0].bound,
            name=name,
        )
    figures = {"chosen": None if found.best is None else str(found.best[name])}
    if found.best is not None:
        value = found.best[optimise]
        if num_examples is not None:
            figures |= share(optimise, round(value * num_examples), num_examples)
        figures[optimise] = value  # as it was given, not rounded to a count
    figures["not_told_apart"] = ", ".join(map(str, found.not_told_apart))
    return figures | {"models": [dict(row) for row in found.rows]}


def _curve_rows(lines, num_dev, file):
    rows = []
    for number, line in enumerate(lines, start=2):
        if num_dev is not None:
            line = {**line, "num_dev": num_dev}
        line.setdefault("num_train_measured", line.get("num_training"))
        row = {}
        for key in ("num_training", "num_train_measured", "num_dev"):
            row[key] = line.get(key)
        for key in ("train_error", "dev_error"):
            row[key] = line.get(key)
        for key, value in row.items():
            is_share = key.endswith("error")
            good = isinstance(value, int | float) and value == value
            good = good and (0 <= value <= 1 if is_share else value >= 1)
            if not good:
                what = "a share from 0 to 1" if is_share else "a number of 1 or more"
                raise ValueError(
                    f"Line {number} of {file} must have {key}, {what}. Received: "
                    f"{value!r}." + (" Or give --num-dev." * (key == "num_dev"))
                )
            row[key] = float(value) if is_share else int(value)
        rows.append(row)
    return rows


def _with_thumbnail(example, folder, how, output):
    from dataclasses import replace

    source = example.image
    if not source or source.startswith("data:"):
        return example
    path = folder / source
    if how == "none":
        return replace(example, image="")
    if not path.is_file():
        raise FileNotFoundError(
            f"No such picture: {path}, of example {example.name}. Pictures are found "
            "from the file's folder; --thumbnails none leaves them out."
        )
    if how == "link":
        link = os.path.relpath(path.resolve(), output.resolve())
        return replace(example, image=Path(link).as_posix())
    image = images.read(path)
    if max(image.shape) > EMBEDDED:
        image = images.resize(image, EMBEDDED, fit="pad")
    return replace(example, image=pages.to_data_uri(image))


def _with_intervals(found):
    """`x_low` and `x_high` become `x_interval`, as every script's figures have it."""
    figures = {}
    for name, value in found.items():
        if f"{name}_low" in found:
            ends = [found[f"{name}_low"], found[f"{name}_high"]]
            figures |= {name: value, f"{name}_interval": ends}
        elif not name.endswith(("_low", "_high")):
            figures[name] = value
    return figures


def _error(wrong):
    return share("error", int(wrong.sum()), len(wrong))


def _ends(wrong):
    (low, high) = _error(wrong)["error_interval"]
    return {"error": float(wrong.mean()), "error_low": low, "error_high": high}


def _percent(row, name):
    text = f"{row[name]:.1%}"
    if f"{name}_low" in row:
        text += f" ({row[f'{name}_low']:.1%} to {row[f'{name}_high']:.1%})"
    return text


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        diagnose=diagnose,
        plan=plan,
        errors=errors,
        choose=choose,
        curve=curve,
    )


if __name__ == "__main__":
    main()
