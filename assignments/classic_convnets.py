"""Classic convolutional networks: what each costs, and what it makes of pictures."""

import json
import shutil
import time
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files
from dlai_keras import images as image_file
from dlai_keras.classic_convnets import augmentation, faces, objects, pictures
from dlai_keras.classic_convnets import data as picture_data
from dlai_keras.intervals import share

HELP = """Classic convolutional networks: LeNet-5, AlexNet, VGG-16, Inception, ResNets,
MobileNet.

`train` teaches one of them, `compare` several, on drawn things or on folders of
pictures, one a class; `summary` shows what a network is made of, `landmarks` finds eyes
and mouths, `sheet` shows the ways to make more pictures of a picture."""

# What makes each small enough for pictures of 32 pixels and for a minute of training.
# VGG and GoogLeNet get the batch normalisation that came a year after them. Ten epochs
# of 3,000 pictures are too few to need dropout.
SMALL = {
    "lenet5": {},
    "lenet5_course": {},
    "alexnet": {"width": 0.1875, "small_stem": True, "dropout": 0.0},
    "vgg16": {"width": 0.1875, "batch_norm": True, "momentum": 0.9, "dropout": 0.0},
    "network_in_network": {"width": 0.25, "dropout": 0.1},
    "googlenet": {
        "width": 0.125,
        "small_stem": True,
        "batch_norm": True,
        "momentum": 0.9,
        "dropout": 0.1,
    },
    "resnet18": {"width": 0.125, "small_stem": True, "momentum": 0.9},
    "resnet34": {"width": 0.125, "small_stem": True, "momentum": 0.9},
    "resnet50": {"width": 0.125, "small_stem": True, "momentum": 0.9},
    "mobilenet": {"width": 0.375, "small_stem": True, "momentum": 0.9},
}
LEARNING_RATE = 2e-3
LEARNING_RATES = {"alexnet": 1e-3}  # without normalisation it does not stand as much
COMPARED = "lenet5_course,alexnet,vgg16,googlenet,resnet18,mobilenet"
TEST_SHARE = 0.2
NUM_TEST = 1000


def train(
    *,
    network: str = "resnet18",
    data: Path | None = None,
    num_pictures: int = 3000,
    epochs: int = 10,
    width: float | None = None,
    batch_size: int = 32,
    learning_rate: float | None = None,
    augment: bool = True,
    size: int = 32,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    output: Path = Path("runs/classic_convnets"),
) -> dict:
    """Trains one network, and tests it on pictures that it has not seen.

    A run that was interrupted goes on from its last epoch when the same command is
    given again.

    Args:
        network: lenet5 (as in 1998), lenet5_course, alexnet, vgg16,
            network_in_network, googlenet, resnet18, resnet34, resnet50 or mobilenet,
            each in a version for small pictures.
        data: folder with a folder of pictures for each class, perhaps in train/ and
            test/; drawn things without it. Without test/ a fifth is kept back.
        num_pictures: to draw and train on where there is no --data; 1,000 others test.
        epochs: how often each picture is seen.
        width: factor of the published channels; an eighth to three eighths by default.
        batch_size: pictures per step.
        learning_rate: the highest; it warms up, and falls along a cosine. 0.002 by
            default, 0.001 for alexnet.
        augment: crop, mirror and recolour at random.
        size: height and width, pixels.
        workers: processes that draw.
        seed: of pictures, weights and order.
        on_error: "skip" leaves broken pictures out.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/classic_convnets.py train --network vgg16
    """
    _check(network, epochs, width, batch_size, learning_rate, seed)
    training, test = _load(data, num_pictures, size, workers, seed, on_error)
    return _train(
        network,
        training,
        test,
        output,
        _settings(epochs, width, batch_size, learning_rate, augment, seed, training),
    )


def compare(
    *,
    compared: str = COMPARED,
    data: Path | None = None,
    num_pictures: int = 3000,
    epochs: int = 10,
    width: float | None = None,
    batch_size: int = 32,
    learning_rate: float | None = None,
    augment: bool = True,
    size: int = 32,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    output: Path = Path("runs/classic_convnets/comparison"),
) -> dict:
    """Trains several networks alike, and shows what each costs and achieves.

    Each network has a folder of its own in --output. One that an earlier run with the
    same settings finished is not trained again.

    Args:
        compared: names, with commas; see `train`.
        data: see `train`; so are all others.
        num_pictures: to draw and train on.
        epochs: how often each picture is seen.
        width: factor of the published channels.
        batch_size: pictures per step.
        learning_rate: the highest.
        augment: crop, mirror and recolour at random.
        size: height and width, pixels.
        workers: processes that draw.
        seed: of pictures, weights and order.
        on_error: "skip" leaves broken pictures out.
        output: folder for the models, the table and the picture.

    Example:
        python assignments/classic_convnets.py compare --compared resnet18,mobilenet
    """
    begun = time.perf_counter()
    names = [name.strip() for name in compared.split(",") if name.strip()]
    for name in names or [""]:
        _check(name, epochs, width, batch_size, learning_rate, seed)
    training, test = _load(data, num_pictures, size, workers, seed, on_error)
    settings = _settings(
        epochs, width, batch_size, learning_rate, augment, seed, training
    )
    rows = []
    for name in names:
        figures = _finished(output / name, name, settings)
        if figures is None:
            command_line.note(f"{name} ...")
            figures = _train(name, training, test, output / name, settings)
        else:
            command_line.note(f"{name}: taken from {output / name}")
        rows.append(
            {
                "network": name,
                "accuracy": figures["accuracy"],
                "accuracy_interval": figures["accuracy_interval"],
                "parameters": figures["parameters"],
                "multiply_adds": figures["multiply_adds"],
                "seconds": figures["training_seconds"],
                "milliseconds": figures["milliseconds_per_picture"],
            }
        )
    pictures.draw_comparison(output / "comparison.png", rows)
    command_line.show_table("Networks", [_readable(row) for row in rows])
    best = max(rows, key=lambda row: row["accuracy"])
    figures = {
        "best": best["network"],
        "accuracy": best["accuracy"],
        "accuracy_interval": best["accuracy_interval"],
        "num_training": len(training),
        "num_test": len(test),
        "networks": rows,
    }
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the networks, the figures and comparison.png are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    seed: int | None = None,
    workers: int = 2,
    on_error: str = "fail",
    output: Path = Path("runs/classic_convnets/evaluation"),
) -> dict:
    """Measures a trained network on pictures that it has not been trained on.

    Args:
        model: model.keras of a training, or its folder; the one that comes with the
            package without it.
        data: folder of pictures as for `train`; drawn things without it. Of pictures
            without test/ those that a training with the same seed keeps back.
        seed: of the drawn things and of the split; that of the training without it.
        workers: processes that draw.
        on_error: "skip" leaves broken pictures out.
        output: folder for figures and pictures.

    Example:
        python assignments/classic_convnets.py evaluate --model runs/mine --seed 7
    """
    begun = time.perf_counter()
    network, record = _load_network(model)
    seed = record["seed"] if seed is None else seed
    _, test = _load(data, None, record["size"], workers, seed, on_error)
    known = record["class_names"]
    unknown = [name for name in test.class_names if name not in known]
    if unknown:
        raise ValueError(
            f"The network knows the classes {', '.join(known)}. Received: "
            f"{', '.join(unknown)}. Rename the folders, or leave these out."
        )
    places = np.array([known.index(name) for name in test.class_names])
    test = picture_data.Pictures(test.images, places[test.labels], tuple(known))
    figures = _measure(network, test, output)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    inputs: list[Path],
    *,
    model: Path | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/classic_convnets/predictions"),
) -> dict:
    """Tells what is on pictures.

    Args:
        inputs: picture files, or folders of them.
        model: model.keras of a training, or its folder; the one that comes with the
            package, trained on drawn things, without it.
        on_error: "skip" leaves broken pictures out.
        output: folder for predictions.json and a sheet of the first pictures.

    Example:
        python assignments/classic_convnets.py predict cup.jpg more/ --model runs/mine
    """
    paths = _list_inputs(inputs)
    network, record = _load_network(model)
    names, images = _read_all(paths, record["size"], on_error)
    probabilities = _probabilities(network, images)
    rows = []
    for name, row in zip(names, probabilities, strict=True):
        best, second = np.argsort(-row)[:2]
        rows.append(
            {
                "picture": name,
                "class": record["class_names"][best],
                "probability": round(float(row[best]), 4),
                "second": record["class_names"][second],
                "its probability": round(float(row[second]), 4),
            }
        )
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        output / "predictions.json", json.dumps(rows, indent=1) + "\n"
    )
    pictures.draw_predictions(
        output / "predictions.png",
        images[:24],
        [f"{row['class']} {row['probability']:.0%}" for row in rows[:24]],
    )
    command_line.show_table("Predictions", rows[:40])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'predictions.json'}")
    return {"num_images": len(rows), "predictions": rows, "output": str(output)}


def summary(
    network: str = "lenet5_course",
    *,
    size: int | None = None,
    num_classes: int | None = None,
    width: float | None = None,
    small: bool = False,
) -> dict:
    """Shows a network layer by layer: activations, parameters, multiply-adds.

    Args:
        network: see `train`; as published, or model.keras of a training.
        size: height and width, pixels; the published ones without it.
        num_classes: number of outputs; the published one without it.
        width: factor of all channels.
        small: the version for small pictures that `train` takes.

    Example:
        python assignments/classic_convnets.py summary vgg16
    """
    command_line.load_keras()
    from dlai_keras.classic_convnets import complexity
    from dlai_keras.classic_convnets.model import NETWORKS

    path = Path(network)
    if path.suffix == ".keras" or path.is_dir():
        built, _ = _load_network(path)
    else:
        _check(network, width=width)
        options = dict(SMALL[network]) if small else {}
        if width is not None:
            options["width"] = width
        if num_classes is not None or small:
            options["num_classes"] = num_classes or len(objects.CLASSES)
        if size is not None or small:
            channels = 1 if network == "lenet5" and not small else 3
            options["input_shape"] = (size or 32, size or 32, channels)
        built = _build(NETWORKS[network], options)
    rows = complexity.summary(built)
    total = complexity.totals(rows)
    shown = [
        {
            "layer": row["layer"],
            "kind": row["kind"],
            "activation shape": " × ".join(map(str, row["activation_shape"])),
            "size": _grouped(row["activation_size"]),
            "parameters": _grouped(row["parameters"]),
            "multiply-adds": _grouped(row["multiply_adds"]),
        }
        for row in rows
    ]
    command_line.show_table(built.name, shown)
    return {"network": built.name, **total, "layers": rows}


def landmarks(
    *,
    num_faces: int = 3000,
    num_test: int = 500,
    epochs: int = 10,
    missing: float = 0.2,
    size: int = 64,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/classic_convnets/landmarks"),
) -> dict:
    """Finds 14 landmarks and 5 attributes in drawn faces: one network, two tasks.

    Errors are those of faces that the network has not seen. The error in pixels is the
    mean distance of a found landmark from its place.

    Args:
        num_faces: to draw and train on.
        num_test: others, to test on, 2 or more.
        epochs: how often each face is seen.
        missing: share of the attributes' labels that are taken away in training, to
            show that the loss does without.
        size: height and width, a multiple of 16.
        batch_size: faces per step.
        learning_rate: the highest.
        workers: processes that draw.
        seed: of faces, weights and order.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/classic_convnets.py landmarks --num-faces 8000
    """
    begun = time.perf_counter()
    _check("resnet18", epochs, None, batch_size, learning_rate, seed)
    if num_faces < 1:
        raise ValueError(f"`num_faces` must be 1 or more. Received: {num_faces}.")
    if num_test < 2:
        raise ValueError(f"`num_test` must be 2 or more. Received: {num_test}.")
    if size < 16 or size % 16:
        raise ValueError(f"`size` must be a multiple of 16. Received: {size}.")
    training = _draw_faces(num_faces, size, workers, (seed, 3, 0), "to train on")
    test = _draw_faces(num_test, size, workers, (seed, 3, 1), "to test")
    labels = faces.hide_attributes(
        np.random.default_rng((seed, 4)), training[2], missing
    )
    keras = command_line.load_keras()
    from dlai_keras import networks
    from dlai_keras.classic_convnets import classifier
    from dlai_keras.classic_convnets.batches import FaceSequence
    from dlai_keras.classic_convnets.losses import KnownBinaryCrossentropy
    from dlai_keras.classic_convnets.model import face_network

    command_line.set_seed(seed)
    network = face_network((size, size, 3), len(faces.LANDMARKS), len(faces.ATTRIBUTES))
    sequence = FaceSequence(*training[:2], labels, batch_size=batch_size, seed=seed)
    history: dict[str, list[float]] = {}
    seconds = _fit(
        keras,
        network,
        sequence,
        {
            "loss": {
                "landmarks": "mean_absolute_error",
                "attributes": KnownBinaryCrossentropy(from_logits=True),
            },
            # Both begin at about the same height.
            "loss_weights": {"landmarks": 20.0, "attributes": 1.0},
        },
        {"landmarks_loss": "landmarks", "attributes_loss": "attributes"},
        epochs=epochs,
        learning_rate=learning_rate,
        settings={
            "network": "faces",
            "epochs": epochs,
            "num": num_faces,
            "seed": seed,
            "size": size,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "missing": missing,
        },
        output=output,
        history=history,
    )
    record = {"size": size, "landmarks": faces.LANDMARKS}
    record |= {"attributes": faces.ATTRIBUTES, "seed": seed}
    networks.save(output, network, classifier.FACES_FILE, record)
    figures = _measure_faces(network, training, test, output)
    figures |= {"parameters": network.count_params(), "training_seconds": seconds}
    if history:
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the network, its figures and pictures are in {output}")
    return figures


def mark(
    inputs: list[Path],
    *,
    model: Path | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/classic_convnets/marked"),
) -> dict:
    """Marks the landmarks of faces, and tells their attributes.

    Args:
        inputs: picture files, or folders of them, a face each.
        model: model.keras that `landmarks` left, or its folder; the one that comes
            with the package, trained on drawn faces, without it.
        on_error: "skip" leaves broken pictures out.
        output: folder for faces.json and a sheet of the first pictures.

    Example:
        python assignments/classic_convnets.py mark face.png
    """
    paths = _list_inputs(inputs)
    command_line.load_keras()
    from dlai_keras.classic_convnets import classifier

    network, record = classifier.load_faces(model)
    names, images = _read_all(paths, record["size"], on_error)
    found, odds = _find_landmarks(network, images)
    rows = []
    for name, points, row in zip(names, found, odds, strict=True):
        rows.append({"picture": name, "size": record["size"]})
        rows[-1]["landmarks"] = {
            landmark: [round(float(x), 2), round(float(y), 2)]
            for landmark, (x, y) in zip(record["landmarks"], points, strict=True)
        }
        rows[-1]["attributes"] = {
            attribute: round(float(one), 4)
            for attribute, one in zip(record["attributes"], row, strict=True)
        }
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output / "faces.json", json.dumps(rows, indent=1) + "\n")
    shown = [_has(row, record["attributes"]) for row in odds]
    pictures.draw_landmarks(
        output / "faces.png", images[:24], found[:24], captions=shown[:24]
    )
    command_line.show_table(
        "Faces",
        [
            {"picture": name, "has": text}
            for name, text in zip(names[:40], shown[:40], strict=True)
        ],
    )
    return {"num_images": len(rows), "faces": rows, "output": str(output)}


def sheet(
    picture: Path | None = None,
    *,
    size: int = 128,
    seed: int = 0,
    output: Path = Path("runs/classic_convnets/sheet"),
) -> dict:
    """Shows the course's augmentations of a picture, one row each.

    Args:
        picture: file; a drawn thing without it.
        size: height and width, pixels.
        seed: of what is drawn.
        output: folder for augmentations.png.

    Example:
        python assignments/classic_convnets.py sheet cat.jpg
    """
    rng = np.random.default_rng((seed, 5))
    if picture is None:
        image = objects.draw_object(rng, "house", size=size)
    else:
        image = image_file.read(picture, size=size, fit="crop")
    # The colours of one picture alone where it is somebody's own.
    training = (
        image if picture is not None else picture_data.make_pictures(rng, 200).images
    )
    rows = augmentation.examples(rng, image, training)
    path = output / "augmentations.png"
    pictures.draw_augmentations(path, image, rows)
    return {"num_augmentations": len(rows), "output": str(path)}


def _check(network, epochs=1, width=None, batch_size=1, learning_rate=1e-3, seed=0):
    if network not in SMALL:
        raise ValueError(
            f"`network` must be one of {', '.join(SMALL)}. Received: {network!r}."
        )
    if width is not None and not 0 < width <= 4:
        raise ValueError(f"`width` must be above 0, at most 4. Received: {width}.")
    if width is not None and network == "lenet5":
        raise ValueError("lenet5 has no `width`; lenet5_course has.")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    if learning_rate is not None and learning_rate <= 0:
        raise ValueError(f"`learning_rate` must be above 0. Received: {learning_rate}.")
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")


def _settings(epochs, width, batch_size, learning_rate, augment, seed, training):
    """What a network must share with a run to be its result."""
    return {
        "epochs": epochs,
        "width": width,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "augment": augment,
        "seed": seed,
        "pictures": list(training.images.shape),
        "mean": float(training.images.mean()),
        "class_names": list(training.class_names),
    }


def _load(data, num_pictures, size, workers, seed, on_error):
    """Training and test pictures; of drawn ones no training pictures for None."""
    if data is None:
        splits = [None, None]
        for number, num in enumerate((num_pictures, NUM_TEST)):
            if num is not None:
                text = "drawing things to " + ("test" if number else "train on")
                splits[number] = picture_data.make_pictures(
                    np.random.default_rng((seed, 2, number)),
                    num,
                    size=size,
                    workers=workers,
                    progress=lambda drawn, text=text, num=num: command_line.progress(
                        drawn, text, num
                    ),
                )
        return splits
    splits = picture_data.load_pictures(
        data,
        size=size,
        on_error=on_error,
        skipped=lambda reason: command_line.note(f"left out: {reason}"),
        progress=lambda listed: command_line.progress(listed, "reading pictures"),
    )
    training, test = splits.get("train"), splits.get("test")
    if training is None and num_pictures is not None:
        raise ValueError(f"{data} holds no training pictures; evaluate takes it.")
    if test is None:
        rng = np.random.default_rng((seed, 1))
        training, test = picture_data.split(rng, training, TEST_SHARE)
        command_line.note(f"no test pictures: {len(test)} were kept back for the test")
    return training, test


def _build(builder, options):
    try:
        return builder(**options)
    except ValueError as error:
        if "input_shape" in str(error):
            raise ValueError(f"Give another --size. {error}") from None
        raise


def _train(name, training, test, output, settings):
    begun = time.perf_counter()
    keras = command_line.load_keras()
    from dlai_keras import networks
    from dlai_keras.classic_convnets import classifier, complexity
    from dlai_keras.classic_convnets.batches import PictureSequence
    from dlai_keras.classic_convnets.model import NETWORKS

    keras.utils.clear_session()
    command_line.set_seed(settings["seed"])
    size = training.images.shape[1]
    options = SMALL[name] | {
        "input_shape": (size, size, 3),
        "num_classes": len(training.class_names),
        "rescale": True,
    }
    if settings["width"] is not None:
        options["width"] = settings["width"]
    network = _build(NETWORKS[name], options)
    num_outputs = len(network.outputs)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compiled = {"loss": crossentropy, "metrics": ["accuracy"]}
    shown = {"loss": "loss", "accuracy": "accuracy"}
    if num_outputs > 1:  # the sides count for less, and are left out afterwards
        compiled = {
            "loss": [crossentropy] * num_outputs,
            "loss_weights": [1.0] + [0.3] * (num_outputs - 1),
            "metrics": [["accuracy"]] + [[] for _ in range(num_outputs - 1)],
        }
        shown = {"logits_loss": "loss", "logits_accuracy": "accuracy"}
    sequence = PictureSequence(
        training,
        batch_size=settings["batch_size"],
        augment=settings["augment"],
        num_outputs=num_outputs,
        seed=settings["seed"],
    )
    history: dict[str, list[float]] = {}
    seconds = _fit(
        keras,
        network,
        sequence,
        compiled,
        shown,
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"]
        or LEARNING_RATES.get(name, LEARNING_RATE),
        settings={"network": name} | settings,
        output=output,
        history=history,
    )
    if num_outputs > 1:
        network = keras.Model(network.input, network.outputs[0], name=network.name)
    record = {"class_names": list(training.class_names), "size": size}
    record |= {"network": name, "seed": settings["seed"]}
    networks.save(output, network, classifier.CLASSIFIER_FILE, record)
    figures = {"network": name} | _measure(network, test, output)
    figures |= complexity.totals(complexity.summary(network))
    figures |= {
        "num_training": len(training),
        "epochs": settings["epochs"],
        "training_seconds": round(seconds, 1),
        "settings": settings,
    }
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output,
        figures,
        seed=settings["seed"],
        seconds=time.perf_counter() - begun,
    )
    command_line.note(f"the network, its figures and pictures are in {output}")
    return figures


def _fit(
    keras,
    network,
    sequence,
    compiled,
    shown,
    *,
    epochs,
    learning_rate,
    settings,
    output,
    history,
):
    """Trains, and returns for how many seconds."""
    backup = output / "backup"
    first = command_line.first_epoch(backup, settings)
    sequence.epoch = first
    # Saved without the optimizer and loss: they belong to this view of the network.
    model = keras.Model(network.input, network._outputs_struct)
    steps = epochs * sequence.num_batches
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        max(1, steps - steps // 20),
        warmup_target=learning_rate,
        warmup_steps=steps // 20,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        **compiled,
        # XLA gains nothing on these, and takes six times as long on MobileNet's steps.
        jit_compile=keras.backend.backend() == "jax",
    )
    begun = time.perf_counter()
    # Without an epoch left it only reads the weights back.
    model.fit(
        sequence,
        epochs=epochs,
        shuffle=False,  # the sequence is
        callbacks=command_line.training_callbacks(
            output, epochs, history, shown, backup
        ),
        verbose=0,
    )
    return time.perf_counter() - begun


def _finished(folder, name, settings):
    """Figures of a training with these settings, or None."""
    try:
        record = json.loads((folder / "metrics.json").read_text("utf-8"))["metrics"]
        is_same = record["network"] == name and record["settings"] == settings
        return record if is_same and (folder / "model.keras").is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _probabilities(network, images, batch_size=100):
    """float64 `(num_images, num_classes)`."""
    parts = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        # One shape, one compilation; what is padded is cut off again.
        padded = np.zeros((batch_size, *images.shape[1:]), images.dtype)
        padded[: len(batch)] = batch
        logits = np.asarray(network.predict_on_batch(padded), "float64")[: len(batch)]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        parts.append(odds / odds.sum(axis=1, keepdims=True))
    return np.concatenate(parts)


def _measure(network, test, output):
    """Accuracy, pictures and speed of a network on labelled pictures."""
    output.mkdir(parents=True, exist_ok=True)
    _probabilities(network, test.images[:1])  # compiles
    begun = time.perf_counter()
    probabilities = _probabilities(network, test.images)
    seconds = time.perf_counter() - begun
    found = probabilities.argmax(axis=1)
    is_right = found == test.labels
    names = test.class_names
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (test.labels, found), 1)
    charts.draw_confusion(
        output / "confusion.png",
        counts,
        names,
        title=f"{is_right.sum()} of {len(test)} right",
    )
    truth = probabilities[np.arange(len(test)), test.labels]
    # The worst first; the least sure of those that are right, after the mistakes.
    worst = np.argsort(np.where(is_right, truth + 1, truth), kind="stable")[:32]
    pictures.draw_predictions(
        output / "mistakes.png",
        test.images[worst],
        [
            f"{names[test.labels[i]]}: {names[found[i]]} {probabilities[i].max():.0%}"
            for i in worst
        ],
        correct=is_right[worst],
        title="the worst (true: taken for; red is wrong)",
    )
    present = np.flatnonzero(counts.sum(axis=1))
    return {
        **share("accuracy", int(is_right.sum()), len(test)),
        "num_mistakes": int((~is_right).sum()),
        "num_test": len(test),
        "milliseconds_per_picture": 1000 * seconds / len(test),
        "recall_by_class": {
            names[i]: float(counts[i, i] / counts[i].sum()) for i in present
        },
    }


def _draw_faces(num, size, workers, seed, text):
    drawn = command_line.progress(
        faces.iterate_faces(
            np.random.default_rng(seed), num, size=size, workers=workers
        ),
        f"drawing faces {text}",
        num,
    )
    return [np.stack(column) for column in zip(*drawn, strict=True)]


def _find_landmarks(network, images, batch_size=100):
    """Landmarks in pixels, and the probability of each attribute."""
    found = network.predict(images, batch_size=batch_size, verbose=0)
    odds = 1 / (1 + np.exp(-found["attributes"].astype("float64")))
    return found["landmarks"] * images.shape[1], odds


def _has(odds, attributes):
    """Attributes in words."""
    names = [name for name, one in zip(attributes, odds, strict=True) if one >= 0.5]
    return ", ".join(names) or "nothing"


def _measure_faces(network, training, test, output):
    images, places, attributes = test
    found, odds = _find_landmarks(network, images)
    errors = np.linalg.norm(found - places, axis=-1)  # (num_faces, num_landmarks)
    left, right = faces.EYES
    eyes = np.linalg.norm(places[:, left] - places[:, right], axis=-1)
    mean_face = np.linalg.norm(training[1].mean(axis=0) - places, axis=-1)
    per_face = errors.mean(axis=1)
    figures = {
        "error_pixels": float(errors.mean()),
        # Of the mean over faces, each of which is one draw.
        "error_pixels_interval": [
            round(
                float(
                    per_face.mean()
                    + sign * 1.96 * per_face.std(ddof=1) / np.sqrt(len(per_face))
                ),
                4,
            )
            for sign in (-1, 1)
        ],
        "error_pixels_median": float(np.median(errors)),
        "error_pixels_95_percent": float(np.quantile(errors, 0.95)),
        "error_by_eye_distance": float((errors / eyes[:, None]).mean()),
        "error_pixels_of_mean_face": float(mean_face.mean()),
        "error_by_landmark": {
            name: float(one)
            for name, one in zip(faces.LANDMARKS, errors.mean(axis=0), strict=True)
        },
        "size": int(images.shape[1]),
        "num_training": len(training[0]),
        "num_test": len(images),
    }
    is_right = (odds >= 0.5) == (attributes == 1)
    rows = []
    for number, name in enumerate(faces.ATTRIBUTES):
        key = f"{name.replace(' ', '_')}_accuracy"
        figures |= share(key, int(is_right[:, number].sum()), len(images))
        low, high = figures[f"{key}_interval"]
        often = attributes[:, number].mean()
        rows.append(
            {
                "attribute": name,
                "accuracy": figures[key],
                "interval": f"{low:.3f} to {high:.3f}",
                "always the same": float(max(often, 1 - often)),
            }
        )
    command_line.show_table("Attributes", rows)
    pictures.draw_landmarks(
        output / "landmarks.png",
        images[:24],
        found[:24],
        truth=places[:24],
        captions=[_has(row, faces.ATTRIBUTES) for row in odds[:24]],
        title=f"found (dots) and true (rings): {errors.mean():.2f} pixels apart "
        "on average",
    )
    return figures


def _load_network(path):
    command_line.load_keras()
    from dlai_keras.classic_convnets import classifier

    return classifier.load_classifier(path)


def _list_inputs(inputs):
    paths = []
    for path in inputs:
        if path.is_dir():
            found = image_file.find(path)
            if not found:
                raise ValueError(f"{path} holds no picture.")
            paths += found
        elif not path.exists():
            raise FileNotFoundError(f"No such picture or folder: {path}.")
        else:
            paths.append(path)
    return paths


def _read_all(paths, size, on_error):
    names, images = [], []
    for path in command_line.progress(paths, "reading pictures"):
        try:
            images.append(image_file.read(path, size=size, fit="crop"))
            names.append(str(path))
        except ValueError as error:
            if on_error != "skip":
                raise
            command_line.note(f"left out: {error}")
    if not images:
        raise ValueError("None of the inputs is a picture that can be read.")
    return names, np.stack(images)


def _grouped(number):
    return "" if number is None else f"{number:,}"


def _readable(row):
    low, high = row["accuracy_interval"]
    return {
        "network": row["network"],
        "accuracy": f"{row['accuracy']:.1%} ({low:.0%}-{high:.0%})",
        "parameters": _grouped(row["parameters"]),
        "multiply-adds": _grouped(row["multiply_adds"]),
        "seconds": f"{row['seconds']:.0f}",
    }


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        compare=compare,
        evaluate=evaluate,
        predict=predict,
        summary=summary,
        landmarks=landmarks,
        mark=mark,
        sheet=sheet,
    )


if __name__ == "__main__":
    main()
