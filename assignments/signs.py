"""Hand signs: a residual network that learns from 1,000 pictures, or any folder."""

import json
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files, video
from dlai_keras import images as image_file
from dlai_keras.intervals import share
from dlai_keras.signs import data as signs_data
from dlai_keras.signs import hands, pictures

HELP = """Hand signs: which number do the fingers show? Or any folder of images.

`train` learns from the course's h5 files or from folders of pictures, one a class
(without --data: from rendered hands); `predict hand.jpg` tells the class, without
--model with the classifier that comes with the package."""

NETWORKS = ("signs_resnet", "signs_resnet_small", "resnet50", "convnet", "dense")
# What is not given. Pictures seen make the number of epochs.
USUAL = {
    "pictures_seen": 52_000,
    "learning_rate": 2e-3,
    "augmentation": 1.0,
    "label_smoothing": 0.1,
}
UNUSUAL = {
    "resnet50": {"learning_rate": 5e-4},
    # 1,310 parameters learn slowly, and have no room for pictures that were changed.
    "convnet": {
        "pictures_seen": 130_000,
        "learning_rate": 1e-2,
        "augmentation": 0.0,
        "label_smoothing": 0.0,
    },
}
RENDERED = 4800
TEST_SHARE = 0.2
JIT_COMPILE = True  # half the time per step, for 20 s before the first one
WINDOW = "signs: q ends it"
CALIBRATION = 2048  # pictures for the statistics of batch normalisation


def train(
    *,
    data: Path | None = None,
    dataset: str | None = None,
    network: str = "signs_resnet",
    weights: str = "imagenet",
    epochs: int | None = None,
    fine_tune_epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float | None = None,
    augmentation: float | None = None,
    label_smoothing: float | None = None,
    validation: float | None = None,
    size: int | None = None,
    fit: str = "stretch",
    rendered: int = RENDERED,
    mixed_precision: str = "auto",
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    output: Path = Path("runs/signs"),
) -> dict:
    """Trains a classifier of pictures.

    Near duplicates, such as a burst of one hand, are never on both sides of a split.
    The figures are those of the test pictures; where the data has none, a fifth of the
    pictures is kept back. A run that was interrupted goes on from its last epoch when
    the same command is given again.

    Args:
        data: folder or h5 file, see the README; rendered hands without it.
        dataset: which set, where --data holds several.
        network: signs_resnet (the default), signs_resnet_small (a third of the
            parameters), resnet50 (the course's), convnet, dense (also the course's),
            or a network of keras.applications such as MobileNetV2, to transfer what it
            has learned.
        weights: of that network: imagenet (fetched once), none, or a file.
        epochs: 52,000 pictures' worth of them by default (convnet: 130,000), 10 in
            transfer learning.
        fine_tune_epochs: in transfer learning, with the upper half of the base
            unfrozen, after the others.
        batch_size: pictures per step.
        learning_rate: the highest; it warms up, and falls along a cosine. 0.002 by
            default, 0.0005 for resnet50, 0.01 for convnet.
        augmentation: strength of turns, shifts and light; 0 for none. 1 by default, 0
            for convnet.
        label_smoothing: share of every target that is spread over all classes; 0.1 by
            default, 0 for convnet.
        validation: share of the training pictures that is kept for the curves, on
            which nothing else depends; 0.1 by default, 0 where the data brings test
            pictures of its own.
        size: height and width, pixels; those of the h5 file, else 64 (transfer: 96).
        fit: how other shapes become square: stretch, crop or pad.
        rendered: pictures to draw where there is no --data.
        mixed_precision: on, off, or auto: on where there is a GPU.
        workers: processes that draw hands.
        seed: of the splits, the weights and the order.
        on_error: "skip" leaves broken pictures out.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/signs.py train --data my_pictures --output runs/mine
    """
    begun = time.perf_counter()
    usual = USUAL | UNUSUAL.get(network, {})
    if augmentation is None:
        augmentation = usual["augmentation"]
    if label_smoothing is None:
        label_smoothing = usual["label_smoothing"]
    if learning_rate is None:
        learning_rate = usual["learning_rate"]
    _check(batch_size, augmentation, label_smoothing, mixed_precision, seed)
    is_transfer = network not in NETWORKS
    splits = _load(data, dataset, size, fit, on_error, rendered, seed, workers)
    if "train" not in splits:
        raise ValueError(f"{data} holds no training pictures; evaluate takes it.")
    rng = np.random.default_rng((seed, 1))
    training, test = splits["train"], splits.get("test")
    if validation is None:
        validation = 0.1 if test is None else 0.0
    if test is None:
        training, test = signs_data.split_validation(rng, training, TEST_SHARE)
        command_line.note(f"no test pictures: {len(test)} were kept back for the test")
    training, held = signs_data.split_validation(rng, training, validation)
    command_line.note(
        f"{len(training)} pictures to train on, {len(held)} to validate, {len(test)} "
        f"to test; classes: {', '.join(training.class_names)}"
    )
    keras = command_line.load_keras()
    from dlai_keras.signs.classifier import Classifier

    command_line.set_seed(seed)
    _set_precision(keras, mixed_precision)
    size = training.images.shape[1]
    model = _build(network, weights, size, len(training.class_names))
    if epochs is None:
        seen = usual["pictures_seen"]
        epochs = 10 if is_transfer else max(5, round(seen / len(training)))
    if epochs < 1:
        raise ValueError(f"`epochs` must be 1 or more. Received: {epochs}.")
    # What a backup must share with this run to go on from it.
    settings = {
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "augmentation": augmentation,
        "size": size,
        "seed": seed,
        "pictures": len(training),
        "learning_rate": learning_rate,
    }
    history: dict[str, list[float]] = {}
    job = partial(
        _fit,
        keras,
        model,
        training,
        held,
        batch_size=batch_size,
        augmentation=augmentation,
        label_smoothing=label_smoothing,
        seed=seed,
        output=output,
        history=history,
    )
    fitted = time.perf_counter()
    job(epochs=epochs, learning_rate=learning_rate, settings=settings)
    if is_transfer and fine_tune_epochs:
        from dlai_keras.networks import unfreeze

        unfreeze(model, len(model.get_layer("base").layers) // 2)
        job(
            epochs=fine_tune_epochs,
            learning_rate=learning_rate / 20,
            settings=settings | {"phase": "fine tuning"},
        )
    trained = time.perf_counter() - fitted

    classifier = Classifier(
        model, training.class_names, size, {"seed": seed, "network": network}
    )
    classifier.save(output)
    figures = _measure(classifier, test, output)
    nearest = signs_data.nearest_neighbor_accuracy(training, test)
    figures |= {
        **share("nearest_neighbor_accuracy", round(nearest * len(test)), len(test)),
        "num_training": len(training),
        "parameters": model.count_params(),
        "epochs": epochs + (fine_tune_epochs if is_transfer else 0),
        "training_seconds": trained,
    }
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the classifier, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    dataset: str | None = None,
    fit: str = "stretch",
    all_pictures: bool = False,
    seed: int | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/signs/evaluation"),
) -> dict:
    """Measures a classifier on pictures it has not been trained on.

    Args:
        model: model.keras of a training; the package's own classifier without it.
        data: folder or h5 file; rendered hands without it.
        dataset: which set, where --data holds several.
        fit: how other shapes become square: stretch, crop or pad.
        all_pictures: test on every picture, training pictures too; without it on the
            test pictures, or on those that a training with the same seed keeps back.
        seed: of the rendered hands, and of the split; that of the training without it.
        on_error: "skip" leaves broken pictures out.
        output: folder for figures and pictures.

    Example:
        python assignments/signs.py evaluate --model runs/mine --data my_pictures
    """
    begun = time.perf_counter()
    classifier = _load_classifier(model)
    seed = classifier.notes.get("seed", 0) if seed is None else seed
    splits = _load(data, dataset, classifier.size, fit, on_error, 6, seed)
    if all_pictures:
        tests = list(splits.values())
    elif "test" in splits:
        tests = [splits["test"]]
    else:
        rng = np.random.default_rng((seed, 1))
        tests = [signs_data.split_validation(rng, splits["train"], TEST_SHARE)[1]]
    from dlai_keras.signs.classifier import match_classes

    test = replace(
        tests[0],
        images=np.concatenate([one.images for one in tests]),
        labels=np.concatenate(
            [
                match_classes(one.class_names, one.labels, classifier.class_names)
                for one in tests
            ]
        ),
        class_names=classifier.class_names,
        sources=sum((one.sources for one in tests), ()),
        groups=np.concatenate([one.groups for one in tests]),
    )
    figures = _measure(classifier, test, output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    inputs: list[Path] | None = None,
    *,
    model: Path | None = None,
    camera: str | None = None,
    seconds: float = 30.0,
    fit: str = "stretch",
    on_error: str = "fail",
    output: Path = Path("runs/signs/predictions"),
) -> dict:
    """Tells the class of pictures, and shows where the network looked.

    Beside the table on the screen, `output` gets predictions.json and a sheet of the
    first pictures, each with its heat map (Grad-CAM).

    Args:
        inputs: picture files, folders of pictures, h5 files.
        model: model.keras of a training; the package's own classifier of hand signs
            without it.
        camera: number of a webcam, such as 0, or a video file: watch it instead. A
            window shows it where OpenCV has windows, else camera.png in --output.
        seconds: how long to watch.
        fit: how other shapes become square: stretch, crop or pad.
        on_error: "skip" leaves broken pictures out.
        output: folder for the results.

    Example:
        python assignments/signs.py predict hand.jpg more_hands/
    """
    if not inputs and camera is None:
        raise ValueError("Name pictures, folders or h5 files, or give --camera 0.")
    if camera is not None:
        if seconds <= 0:
            raise ValueError(f"`seconds` must be above 0. Received: {seconds}.")
        with video.Video(camera, on_early_end=command_line.note) as film:
            return _watch(film, _load_classifier(model), seconds, output)
    sources = _list_inputs(inputs)  # all mistakes before the first result
    classifier = _load_classifier(model)
    names, images = [], []
    for name, read in command_line.progress(sources, "reading pictures"):
        try:
            images.append(image_file.resize(read(), classifier.size, fit=fit))
            names.append(name)
        except ValueError as error:
            if on_error != "skip":
                raise
            command_line.note(f"left out: {error}")
    if not images:
        raise ValueError("None of the inputs is a picture that can be read.")
    images = np.stack(images)
    probabilities = classifier.probabilities(images)
    rows = [
        _row(name, row, classifier.class_names)
        for name, row in zip(names, probabilities, strict=True)
    ]
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        output / "predictions.json", json.dumps(rows, indent=1) + "\n"
    )
    shown = min(len(images), 24)
    _draw(
        output / "predictions.png",
        classifier,
        images[:shown],
        [f"{row['class']}  {row['probability']:.0%}" for row in rows[:shown]],
        title="what it is, and where the network looked",
    )
    command_line.show_table("Predictions", rows[:40])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'predictions.json'}")
    return {"num_images": len(rows), "predictions": rows, "output": str(output)}


def _check(batch_size, augmentation, label_smoothing, mixed_precision, seed):
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
    if not 0 <= augmentation <= 2:
        raise ValueError(
            f"`augmentation` must be from 0 to 2. Received: {augmentation}."
        )
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"`label_smoothing` must be from 0 to below 1. Received: {label_smoothing}."
        )
    if mixed_precision not in ("auto", "on", "off"):
        raise ValueError(
            f"`mixed_precision` must be auto, on or off. Received: {mixed_precision}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")


def _load(data, dataset, size, fit, on_error, rendered, seed, workers=0):
    if data is not None:
        return signs_data.load_signs(
            data,
            dataset=dataset,
            size=size,
            fit=fit,
            on_error=on_error,
            skipped=lambda reason: command_line.note(f"left out: {reason}"),
            progress=partial(command_line.progress, description="reading pictures"),
        )
    if rendered < hands.NUM_CLASSES:
        raise ValueError(
            f"`rendered` must be {hands.NUM_CLASSES} or more. Received: {rendered}."
        )
    names = [str(number) for number in range(hands.NUM_CLASSES)]
    splits = {}
    for number, (split, num) in enumerate((("train", rendered), ("test", 600))):
        drawn = list(
            command_line.progress(
                hands.iterate_signs(
                    np.random.default_rng((seed, 2, number)),
                    num,
                    size=size or 64,
                    workers=workers,
                ),
                f"drawing hands to {split}",
                num,
            )
        )
        splits[split] = signs_data.from_arrays(
            np.stack([image for image, _ in drawn]),
            np.array([label for _, label in drawn]),
            names,
            f"rendered {split}",
        )
    return splits


def _set_precision(keras, mixed_precision):
    has_gpu = any("gpu" in name for name in keras.distribution.list_devices())
    is_mixed = mixed_precision == "on" or (mixed_precision == "auto" and has_gpu)
    keras.mixed_precision.set_global_policy("mixed_float16" if is_mixed else "float32")


def _build(network, weights, size, num_classes):
    from dlai_keras.signs import course, model

    shape = (size, size, 3)
    if network == "signs_resnet":
        return model.signs_resnet(shape, num_classes)
    if network == "signs_resnet_small":
        return model.signs_resnet(shape, num_classes, widths=(16, 32, 64, 128))
    builders = {
        "resnet50": model.resnet50,
        "convnet": course.convolutional_model,
        "dense": course.dense_model,
    }
    if network in builders:
        return _with_rescaling(builders[network](shape, num_classes))
    if network not in model.TRANSFER_BASES:
        raise ValueError(
            f"`network` must be one of {', '.join((*NETWORKS, *model.TRANSFER_BASES))}."
            f" Received: {network}."
        )
    side = max(size, 96)
    return model.transfer_model(
        num_classes,
        input_shape=(side, side, 3),
        base=network,
        weights=None if weights == "none" else weights,
    )


def _with_rescaling(network):
    """The course's networks take images in [0, 1]; what is saved takes any picture."""
    import keras

    inputs = keras.Input(network.input_shape[1:], name="image")
    x = keras.layers.Rescaling(1 / 255, name="rescale")(inputs)
    outputs = {network.input.name: x}
    for operation in network.operations[1:]:
        arguments = keras.tree.map_structure(
            lambda tensor: outputs[tensor.name], operation.input
        )
        outputs[operation.output.name] = operation(arguments)
    return keras.Model(inputs, outputs[network.output.name], name=network.name)


def _augmentation(strength):
    """Layers that change pictures as another hand, light or camera would."""
    from dlai_keras.signs.layers import RandomAffine, RandomColor

    if not strength:
        return ()
    return (
        RandomAffine(
            rotation=15 * strength,
            scale=(0.89**strength, 1.12**strength),
            shear=0.06 * strength,
            translation=0.055 * strength,
            flip=True,
            dtype="float32",
        ),
        RandomColor(
            brightness=0.15 * strength,
            tint=0.05 * strength,
            contrast=0.15 * strength,
            dtype="float32",
        ),
    )


def _fit(
    keras,
    network,
    training,
    held,
    *,
    epochs,
    learning_rate,
    settings,
    batch_size,
    augmentation,
    label_smoothing,
    seed,
    output,
    history,
):
    from dlai_keras.signs import batches
    from dlai_keras.signs.model import calibrate_batch_norm

    backup = output / "backup" / settings.get("phase", "training").replace(" ", "_")
    first = command_line.first_epoch(backup, settings)
    sequence = batches.ImageSequence(
        training,
        batch_size=batch_size,
        augment=_augmentation(augmentation),
        seed=seed,
        epoch=first,
    )
    # Saved without the optimizer and loss: they belong to this view of the network.
    model = keras.Model(network.inputs, network.outputs)
    steps = epochs * sequence.num_batches
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        max(1, steps - steps // 20),
        warmup_target=learning_rate,
        warmup_steps=steps // 20,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE and keras.backend.backend() != "torch",
    )
    shown = {
        "loss": "loss",
        "accuracy": "accuracy",
        "val_loss": "validation_loss",
        "val_accuracy": "validation_accuracy",
    }
    callbacks = command_line.training_callbacks(output, epochs, history, shown, backup)
    if held is not None and len(held):
        targets = np.eye(len(held.class_names), dtype="float32")[held.labels]
        validation = (held.images, targets)
    else:
        validation = None
    # Without an epoch left it only reads the weights back.
    model.fit(
        sequence,
        epochs=epochs,
        validation_data=validation,
        validation_batch_size=min(len(held), 256) or None,
        shuffle=False,  # the sequence is
        callbacks=callbacks,
        verbose=0,
    )
    # The averages of a short training still hold their first values.
    order = np.random.default_rng((seed, 4)).permutation(len(training))[:CALIBRATION]
    calibrate_batch_norm(network, training.images[order], batch_size=batch_size)


def _measure(classifier, test, output):
    """Accuracy and pictures of a classifier on labelled pictures."""
    output.mkdir(parents=True, exist_ok=True)
    probabilities = classifier.probabilities(test.images)
    found = probabilities.argmax(axis=1)
    is_right = found == test.labels
    num_classes = len(classifier.class_names)
    counts = np.zeros((num_classes, num_classes), int)
    np.add.at(counts, (test.labels, found), 1)
    charts.draw_confusion(
        output / "confusion.png",
        counts,
        classifier.class_names,
        title=f"{is_right.sum()} of {len(test)} right",
    )
    names = classifier.class_names
    truth = probabilities[np.arange(len(test)), test.labels]
    # The worst first; the least sure of those that are right, after the mistakes.
    worst = np.argsort(np.where(is_right, truth + 1, truth), kind="stable")[:24]
    _draw(
        output / "mistakes.png",
        classifier,
        test.images[worst],
        [
            f"{names[test.labels[i]]}: {names[found[i]]} {probabilities[i].max():.0%}"
            for i in worst
        ],
        correct=is_right[worst],
        title="the worst (true: taken for; red is wrong), and where the network looked",
    )
    present = np.flatnonzero(counts.sum(axis=1))
    return {
        **share("accuracy", int(is_right.sum()), len(test)),
        "num_mistakes": int((~is_right).sum()),
        "num_test": len(test),
        "recall_by_class": {
            names[i]: float(counts[i, i] / counts[i].sum()) for i in present
        },
        "mistakes": [
            {
                "source": test.sources[i],
                "class": names[test.labels[i]],
                "taken_for": names[found[i]],
                "probability": float(probabilities[i].max()),
            }
            for i in worst
            if not is_right[i]
        ],
    }


def _draw(path, classifier, images, captions, *, correct=None, title=""):
    from dlai_keras.signs.explanation import grad_cam

    try:
        heatmaps = grad_cam(classifier.network, images)
    except ValueError:  # a dense network has no maps
        heatmaps = None
    pictures.draw_predictions(
        path, images, captions, heatmaps=heatmaps, correct=correct, title=title
    )


def _load_classifier(path):
    command_line.load_keras()
    from dlai_keras.signs import classifier

    if path is None:
        return classifier.load_pretrained()
    return classifier.load_classifier(path)


def _list_inputs(inputs):
    """`(name, function that reads it)` of every picture that is asked for."""
    sources = []
    for path in inputs:
        if path.is_dir():
            found = image_file.find(path)
            if not found:
                raise ValueError(f"{path} holds no picture.")
            sources += [(str(file), partial(image_file.read, file)) for file in found]
        elif path.suffix.lower() in {".h5", ".hdf5"}:
            for split in signs_data.load_signs(path).values():
                sources += [
                    (source, partial(np.asarray, image))
                    for source, image in zip(split.sources, split.images, strict=True)
                ]
        elif not path.exists():
            raise FileNotFoundError(f"No such picture, folder or h5 file: {path}.")
        else:
            sources.append((str(path), partial(image_file.read, path)))
    return sources


def _row(name, probabilities, class_names):
    best, second = np.argsort(-probabilities)[:2]
    return {
        "picture": name,
        "class": class_names[best],
        "probability": round(float(probabilities[best]), 4),
        "second": class_names[second],
        "its probability": round(float(probabilities[second]), 4),
    }


def _watch(film, classifier, seconds, output):
    """Classifies what a camera sees, until `seconds` are over or q is pressed."""
    seen, rows, begun, told = 0, [], time.perf_counter(), 0.0
    with video.Preview(WINDOW, output / "camera.png") as preview:
        for frame in film:
            elapsed = time.perf_counter() - begun
            if elapsed >= seconds:
                break
            seen += 1
            image = image_file.resize(frame, classifier.size, fit="crop")
            row = _row(
                f"{elapsed:.1f} s",
                classifier.probabilities(image[None], batch_size=1)[0],
                classifier.class_names,
            )
            text = f"{row['class']} {row['probability']:.0%}"
            if not rows or elapsed - told >= 1:
                told = elapsed
                rows.append(row)
                command_line.note(f"{row['picture']}: {text}")
            if not preview.show(video.with_text(frame, text)):
                break
    return {"num_images": seen, "predictions": rows, "output": str(output)}


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
