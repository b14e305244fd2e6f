"""Car detection: a small YOLO that learns from rendered streets, or any Darknet one."""

import hashlib
import json
import shutil
import time
from collections import Counter, deque
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files, video
from dlai_keras import images as image_file
from dlai_keras.car_detection import data as box_data
from dlai_keras.car_detection import metrics, pictures
from dlai_keras.car_detection import scenes as streets
from dlai_keras.car_detection.anchors import cluster_anchors
from dlai_keras.car_detection.augmentation import Augmentation, centred

HELP = """Car detection: what is on a picture, and where?

`train` learns from rendered streets, or from pictures with boxes (COCO json, Pascal VOC
xml, YOLO txt), with a small network of its own or with one of Darknet's; `predict`
draws boxes on pictures and videos, `evaluate` prints COCO's table."""

# The small detector and how it learns: what eight minutes on two cores allow.
RECIPE = {
    "size": streets.SIZE,
    "epochs": 5,
    "batch_size": 8,
    "learning_rate": 3e-2,
}
NUM_SCENES = 4100
NETWORK: dict = {}  # what differs from the defaults of `car_detector`
# An object is learned in up to three cells, by every anchor that fits: there is little
# time, and most places are empty.
TARGETS = {"neighbors": True, "extra_iou": 0.4}
LOSS = {
    "box_loss": "ciou",
    "objectness_loss": "crossentropy",
    "rescore": False,
    "coordinate_weight": 5.0,
    "no_object_weight": 1.0,
    "max_boxes": 32,  # more than a street has
}
OPTIMIZER = {"weight_decay": 1e-4, "global_clipnorm": 50.0}
MUON = {"num_iterations": 3, "exclude": ["head"]}  # for a network that knows nothing
WARMUP = 0.05  # share of the steps in which the learning rate rises
# Every scene is another one already: light, and which side of the road.
SCENE_AUGMENTATION = {
    "zoom": (1.0, 1.0),
    "aspect": 1.0,
    "hue": 0.0,
    "saturation": 1.0,
    "brightness": 1.15,
    "contrast": 1.15,
    "mosaic": 0.0,
}
# A network that detects already: new heads first, then all of it.
FINE_TUNING = {
    "epochs": 25,
    "batch_size": 8,
    "learning_rate": 2.5e-3,
}
LATER = 0.2  # the learning rate of all of it, in those of the heads
NUM_TEST = 300
TEST_SEED = 1_000_000  # scenes to test on are those of other seeds
TEST_SHARE = 0.2
# Low scores count in average precision; nobody wants to see them.
MEASURED = {"score_threshold": 0.005, "max_boxes": 100, "max_candidates": 3000}
NUM_KNOWN = 200  # pictures that tell from which score to show boxes
NUM_SAMPLES = 1000  # of the bootstrap
WINDOW = "car detection: q ends it"


def train(
    *,
    data: Path | None = None,
    dataset: str | None = None,
    classes: str | None = None,
    model: Path | None = None,
    darknet: Path | None = None,
    weights: Path | None = None,
    num_scenes: int = NUM_SCENES,
    epochs: int | None = None,
    frozen_epochs: int = 2,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    size: int | None = None,
    fit: str | None = None,
    num_anchors: int = 3,
    test_share: float = TEST_SHARE,
    augment: bool = True,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    half: bool = False,
    output: Path = Path("runs/car_detection"),
) -> dict:
    """Trains a detector, and tests it on pictures that it has not seen.

    A run that was interrupted goes on from its last epoch when the same command is
    given again.

    Args:
        data: folder or json file with pictures and boxes, see the README; rendered
            streets without it.
        dataset: which set, where --data holds several.
        classes: only these of the data, with commas; truck=lorry gives one another
            name, and two may have the same.
        model: model.keras of a training to go on from, with these classes for its own.
        darknet: cfg file of a network to go on from, with these classes for its own.
        weights: that network's weights.
        num_scenes: to render and train on where there is no --data.
        epochs: how often each picture is seen; 5 by default, 25 of a network that
            detects already.
        frozen_epochs: so many of them before that network's own weights change, too.
        batch_size: pictures per step; 8 by default.
        learning_rate: the highest; it warms up, and falls along a cosine. 0.03 by
            default, 0.0025 of such a network (later a fifth of it).
        size: height and width of what the network sees, pixels, a multiple of 32; 192
            and 320 by default, or those of the cfg file.
        fit: letterbox keeps a picture's aspect, stretch does not; the usual one of the
            network without it.
        num_anchors: sizes that boxes are measured from, found in the training boxes.
        test_share: of the pictures in --data, kept back for the test.
        augment: crop, zoom, mirror, recolour and mix pictures at random.
        workers: processes that render.
        seed: of scenes, splits, weights and order.
        on_error: "skip" leaves broken pictures out.
        half: keep the weights in half precision: half the file, all but the same boxes.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/car_detection.py train --data my_pictures --output runs/mine
    """
    begun = time.perf_counter()
    is_new = model is None and darknet is None
    usual = RECIPE if is_new else FINE_TUNING
    epochs = usual["epochs"] if epochs is None else epochs
    batch_size = usual["batch_size"] if batch_size is None else batch_size
    learning_rate = usual["learning_rate"] if learning_rate is None else learning_rate
    _check_training(
        epochs=epochs,
        batch_size=batch_size,
        num_scenes=num_scenes,
        num_anchors=num_anchors,
        learning_rate=learning_rate,
        frozen_epochs=frozen_epochs,
        size=size,
        test_share=test_share,
        seed=seed,
    )
    _check_source(model, darknet, weights)
    whole, training, test = _load_splits(
        data, dataset, classes, num_scenes, test_share, seed, workers, on_error
    )
    command_line.note(
        f"{len(training)} pictures to train on, {len(test)} to test; classes: "
        f"{', '.join(training.class_names)}"
    )
    keras = command_line.load_keras()
    from dlai_keras.car_detection.batches import DetectionSequence
    from dlai_keras.car_detection.detector import Detector
    from dlai_keras.car_detection.layers import NonMaxSuppression
    from dlai_keras.car_detection.model import decode_and_suppress
    from dlai_keras.networks import unfreeze

    command_line.set_seed(seed)
    if is_new:
        shape = RECIPE["size"] if size is None else (size, size)
        fit = fit or "letterbox"
        network, heads = _new_network(training, shape, fit, num_anchors, seed)
    else:
        network, heads, shape, fit = _known_network(
            model, darknet, weights, size, fit, len(training.class_names)
        )
    parts = (tuple(head.anchors for head in heads), tuple(h.strides for h in heads))
    changes = Augmentation(**SCENE_AUGMENTATION if data is None else {})
    sequence = DetectionSequence(
        training,
        *(parts if len(heads) > 1 else (part[0] for part in parts)),
        shape,
        batch_size=min(batch_size, len(training)),
        augmentation=changes if augment else None,
        fit=fit,
        **(TARGETS if is_new else {}),
        seed=seed,
        on_error=on_error,
        skipped=lambda reason: command_line.note(f"left out: {reason}"),
    )
    history: dict[str, list[float]] = {}
    # What a backup must share with this run to go on from it.
    settings = {
        "epochs": epochs,
        "frozen_epochs": frozen_epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "size": shape,
        "fit": fit,
        "augment": augment,
        "seed": seed,
        "data": _fingerprint(training),
        "network": str(darknet or model or "car_detector"),
        "anchors": [head.anchors for head in heads],
    }
    job = partial(_fit, keras, network, heads, sequence, output, history, is_new)
    fitted = time.perf_counter()
    if is_new:
        job(0, epochs, learning_rate, settings)
    else:
        frozen_epochs = min(frozen_epochs, epochs)
        if frozen_epochs:
            job(0, frozen_epochs, learning_rate, settings | {"phase": "heads"})
        if epochs > frozen_epochs:
            unfreeze(network)
            settings["phase"] = "all"
            job(frozen_epochs, epochs, learning_rate * LATER, settings)
    trained = time.perf_counter() - fitted

    notes = {"seed": seed, "test_share": test_share, "data": _fingerprint(whole)}
    detector = Detector(
        decode_and_suppress(network, heads, NonMaxSuppression(name="detections")),
        training.class_names,
        shape,
        fit,
        notes,
    )
    threshold = _choose_threshold(detector, training)
    detector = detector.with_thresholds(score_threshold=threshold)
    detector.save(output, half=half)
    figures = _measure(detector, test, output, seed)
    figures |= {
        "score_threshold": threshold,
        "num_training": len(training),
        "parameters": network.count_params(),
        "epochs": epochs,
        "training_seconds": trained,
    }
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the detector, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    darknet: Path | None = None,
    weights: Path | None = None,
    names: Path | None = None,
    data: Path | None = None,
    dataset: str | None = None,
    classes: str | None = None,
    all_pictures: bool = False,
    fit: str | None = None,
    num_scenes: int = NUM_TEST,
    batch_size: int = 8,
    workers: int = 2,
    seed: int | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/car_detection/evaluation"),
) -> dict:
    """Measures a detector as COCO does: twelve figures, and each class at IoU 0.5.

    Args:
        model: model.keras of a training, or its folder; the package's own detector
            without it.
        darknet: cfg file of a Darknet network instead.
        weights: its weights.
        names: its class names, one a line.
        data: folder or json file with pictures and boxes; rendered streets without it.
        dataset: which set, where --data holds several.
        classes: only these of the data, with commas; truck=lorry compares the data's
            truck with the model's lorry.
        all_pictures: also those that the model was trained on.
        fit: letterbox or stretch; the model's own way without it.
        num_scenes: to render where there is no --data.
        batch_size: pictures at a time.
        workers: processes that render.
        seed: of the rendered streets; that of the training without it.
        on_error: "skip" leaves broken pictures out.
        output: folder for figures, detections.json and pictures.

    Example:
        python assignments/car_detection.py evaluate --model runs/mine --data my_test
    """
    begun = time.perf_counter()
    _check_positive(num_scenes=num_scenes, batch_size=batch_size)
    detector = _load_detector(model, darknet, weights, names, fit)
    notes = detector.notes
    seed = notes.get("seed", 0) if seed is None else seed
    if data is None:
        truth = _render(num_scenes, TEST_SEED + seed, workers, "to test")
    else:
        truth = _load(data, dataset, on_error)
        if notes.get("data") == _fingerprint(truth) and not all_pictures:
            _, truth = box_data.split_images(truth, notes["test_share"], notes["seed"])
            command_line.note(
                f"the model was trained on these pictures: only the {len(truth)} that "
                "were kept back are measured (--all-pictures takes all)"
            )
    figures = _measure(detector, truth, output, seed, classes, batch_size)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    inputs: list[Path] | None = None,
    *,
    model: Path | None = None,
    darknet: Path | None = None,
    weights: Path | None = None,
    names: Path | None = None,
    camera: str | None = None,
    seconds: float = 30.0,
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
    fit: str | None = None,
    batch_size: int = 8,
    on_error: str = "skip",
    output: Path = Path("runs/car_detection/predictions"),
) -> dict:
    """Finds things on pictures and videos, and draws boxes around them.

    `output` gets detections.json, a record for each box as COCO has it (image_id,
    category_id from 1, bbox as x, y, width and height, score) with the names of the
    file and the class, and every picture and video with its boxes.

    Args:
        inputs: picture files, video files, folders of them.
        model: model.keras of a training, or its folder; the package's own detector
            without it.
        darknet: cfg file of a Darknet network instead.
        weights: its weights.
        names: its class names, one a line.
        camera: number of a webcam, such as 0. A window shows it where OpenCV has
            windows, else camera.png in --output.
        seconds: how long to watch the camera.
        score_threshold: lowest score of a box; the model's own without it.
        iou_threshold: overlap from which the lesser box of a class goes.
        fit: letterbox or stretch; the model's own way without it.
        batch_size: pictures at a time.
        on_error: "skip" names a broken picture and goes on, "fail" ends there.
        output: folder for the results.

    Example:
        python assignments/car_detection.py predict street.jpg drive.mp4
    """
    if not inputs and camera is None:
        raise ValueError("Name pictures, videos or folders, or give --camera 0.")
    _check_positive(batch_size=batch_size)
    # All mistakes before the first result.
    sources = _list_inputs(inputs or [], output)
    if seconds <= 0:
        raise ValueError(f"`seconds` must be above 0. Received: {seconds}.")
    if on_error not in ("fail", "skip"):
        raise ValueError(f"`on_error` must be fail or skip. Received: {on_error}.")
    film = camera and video.Video(camera, on_early_end=command_line.note)
    detector = _load_detector(model, darknet, weights, names, fit)
    changes = {"score_threshold": score_threshold, "iou_threshold": iou_threshold}
    detector = detector.with_thresholds(
        **{name: value for name, value in changes.items() if value is not None}
    )
    output.mkdir(parents=True, exist_ok=True)
    book = _Book(detector.class_names)
    if film:
        with film:
            _watch(film, detector, seconds, book, output)
    stills = [path for path in sources if not _is_video(path)]
    _predict_pictures(detector, stills, book, batch_size, on_error, output)
    for path in filter(_is_video, sources):
        try:
            _predict_video(detector, path, book, batch_size, on_error, output)
        except ValueError as error:
            if on_error == "fail":
                raise
            book.leave_out(error)
    if not book.images:
        raise ValueError("None of the inputs is a picture or video that can be read.")
    book.write(output / "detections.json")
    rows = book.table()
    command_line.show_table("Found", rows[:40])
    if len(rows) > 40:
        command_line.note(f"{len(rows) - 40} more are in {output / 'detections.json'}")
    return {
        "num_images": book.images,
        "num_detections": len(book.records),
        "num_left_out": book.left_out,
        "num_by_class": dict(Counter(record["class"] for record in book.records)),
        "output": str(output),
    }


def windows(
    picture: Path | None = None,
    *,
    data: Path | None = None,
    dataset: str | None = None,
    classes: str = "car",
    num_scenes: int = 300,
    epochs: int = 4,
    size: int = 40,
    score_threshold: float = 0.9,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    output: Path = Path("runs/car_detection/windows"),
) -> dict:
    """Slides a classifier of crops over a picture, as the course teaches.

    The classifier learns from crops that hold an object or none. With its dense layers
    turned into convolutions one pass over the picture says what all windows hold; the
    same is done window by window, and the two are compared.

    Args:
        picture: file; a rendered street without it.
        data: see `train`; so are the others.
        dataset: which set.
        classes: what to look for.
        num_scenes: to render and take crops from where there is no --data.
        epochs: how often each crop is seen.
        size: of a window, pixels.
        score_threshold: lowest probability of a box.
        workers: processes that render.
        seed: of scenes, crops and weights.
        on_error: "skip" leaves broken pictures out.
        output: folder for the pictures and figures.

    Example:
        python assignments/car_detection.py windows street.jpg
    """
    begun = time.perf_counter()
    _check_positive(num_scenes=num_scenes, epochs=epochs, size=size)
    _, training, test = _load_splits(
        data, dataset, classes, num_scenes, TEST_SHARE, seed, workers, on_error, 1
    )
    image = test[0].read() if picture is None else image_file.read(picture)
    keras = command_line.load_keras()
    from dlai_keras.car_detection import windows as sliding

    command_line.set_seed(seed)
    crops, labels = sliding.make_crops(np.random.default_rng((seed, 6)), training, size)
    names = training.class_names
    command_line.note(f"{len(labels)} crops of {', '.join(names)}, and of nothing")
    classifier = sliding.crop_classifier(size, len(names))
    classifier.compile(
        keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history: dict[str, list[float]] = {}
    shown = {"loss": "loss", "accuracy": "accuracy"}
    classifier.fit(
        crops,
        labels,
        batch_size=64,
        epochs=epochs,
        callbacks=command_line.training_callbacks(output, epochs, history, shown),
        verbose=0,
    )
    slider = sliding.SlidingWindows(classifier)
    together, apart = slider.scores, slider.scores_one_by_one
    (at_once, seconds), (one_by_one, slow) = (
        _timed(f, image) for f in (together, apart)
    )
    found = slider.detect(image, score_threshold=score_threshold)
    output.mkdir(parents=True, exist_ok=True)
    heat = at_once[..., :-1].max(axis=-1)
    image_file.write(
        output / "heat.png",
        pictures.draw_heat_map(image, heat, slider.windows(*heat.shape)),
    )
    image_file.write(
        output / "windows.png", pictures.draw_detections(image, found, names)
    )
    figures = {
        "accuracy_of_crops": history["accuracy"][-1],
        "num_crops": len(labels),
        "num_windows": int(np.prod(heat.shape)),
        "num_detections": len(found),
        "largest_difference": float(np.abs(at_once - one_by_one).max()),
        "milliseconds_one_pass": 1000 * seconds,
        "milliseconds_one_by_one": 1000 * slow,
        "times_faster": slow / seconds,
    }
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures | {"output": str(output)}


def scenes(
    *,
    num_scenes: int = 12,
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/car_detection/scenes"),
) -> dict:
    """Shows rendered streets, with and without their boxes.

    Args:
        num_scenes: how many.
        workers: processes that render.
        seed: of the scenes.
        output: folder for scenes.png and boxes.png.

    Example:
        python assignments/car_detection.py scenes --seed 7
    """
    _check_positive(num_scenes=num_scenes)
    drawn = _render(num_scenes, seed, workers, "to look at")
    plain = [one.read() for one in drawn.images]
    boxed = [
        pictures.draw_boxes(
            np.repeat(np.repeat(image, 2, axis=0), 2, axis=1),  # room for the labels
            2 * one.boxes_xyxy,
            pictures.class_colors(len(drawn.class_names))[one.class_ids],
            [drawn.class_names[class_id] for class_id in one.class_ids],
        )
        for image, one in zip(plain, drawn.images, strict=True)
    ]
    columns = min(4, num_scenes)
    for name, shown in (("scenes.png", plain), ("boxes.png", boxed)):
        image_file.write(output / name, image_file.grid(shown, columns, gap=4))
    counts = Counter(
        drawn.class_names[class_id]
        for one in drawn.images
        for class_id in one.class_ids
    )
    return {"num_scenes": num_scenes, **counts, "output": str(output)}


# Data


def _render(num, seed, workers, text, limits=streets.COUNTED):
    drawn = command_line.progress(
        streets.iterate_street_scenes(
            seed, num, size=streets.SIZE, limits=limits, workers=workers
        ),
        f"rendering streets {text}",
        num,
    )
    return box_data.AnnotatedImages(list(drawn), list(streets.CLASSES))


def _load(data, dataset, on_error):
    return box_data.load_boxes(
        data,
        dataset=dataset,
        on_error=on_error,
        skipped=lambda reason: command_line.note(f"left out: {reason}"),
        progress=partial(command_line.progress, description="reading annotations"),
    )


def _load_splits(
    data,
    dataset,
    classes,
    num,
    test_share,
    seed,
    workers,
    on_error,
    num_test=None,
):
    """Everything as it was read, training and test pictures."""
    if data is None:
        training = _render(num, seed, workers, "to train on", streets.LEARNED)
        test = _render(num_test or NUM_TEST, TEST_SEED + seed, workers, "to test")
        whole, parts = training, (training, test)
    else:
        whole = _load(data, dataset, on_error)
        parts = box_data.split_images(whole, test_share, seed)
        command_line.note(f"{len(parts[1])} pictures were kept back for the test")
    if classes is not None:
        new = [part.rpartition("=")[2].strip() for part in classes.split(",")]
        new = list(dict.fromkeys(filter(None, new)))
        command_line.load_keras()
        from dlai_keras.car_detection.detector import match_classes, select_classes

        names, _, data_ids = match_classes(new, whole.class_names, classes)
        parts = [select_classes(part, data_ids, names) for part in parts]
    if not any(len(one.class_ids) for one in parts[0].images):
        raise ValueError(
            f"There is no object in the {len(parts[0])} training pictures."
        )
    return whole, *parts


def _fingerprint(dataset):
    """What says that two runs have read the same pictures and boxes."""
    digest = hashlib.sha256(",".join(dataset.class_names).encode())
    for one in dataset.images:
        digest.update(one.path.name.encode() if one.path else b"")
        digest.update(one.boxes_xyxy.tobytes() + one.class_ids.tobytes())
    return digest.hexdigest()[:16]


# Training


def _check_positive(**values):
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")


def _check_training(
    *, learning_rate, frozen_epochs, size, test_share, seed, **at_least_one
):
    _check_positive(**at_least_one)
    if learning_rate <= 0:
        raise ValueError(f"`learning_rate` must be above 0. Received: {learning_rate}.")
    if frozen_epochs < 0:
        raise ValueError(
            f"`frozen_epochs` must be 0 or more. Received: {frozen_epochs}."
        )
    if size is not None and (size < 32 or size % 32):
        raise ValueError(f"`size` must be a multiple of 32. Received: {size}.")
    if not 0 < test_share < 1:
        raise ValueError(
            f"`test_share` must be between 0 and 1. Received: {test_share}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")


def _check_source(model, darknet, weights, names=None, *, needs_names=False):
    if model is not None and darknet is not None:
        raise ValueError("Give --model or --darknet, not both.")
    if darknet is None and (weights is not None or names is not None):
        raise ValueError(
            "--weights and --names belong to --darknet CFG. Give that, too."
        )
    if darknet is not None and (weights is None or (needs_names and names is None)):
        also = " and --names FILE" if needs_names else ""
        raise ValueError(f"--darknet needs --weights FILE{also}.")


def _new_network(training, shape, fit, num_anchors, seed):
    """The small detector, and what its head means."""
    from dlai_keras.car_detection.layers import YoloDecode
    from dlai_keras.car_detection.model import car_detector, head_strides

    sizes = np.concatenate(
        [
            np.diff(
                centred(one.size, shape, fit)
                .to_network(one.boxes_xyxy[~one.ignored])
                .reshape(-1, 2, 2),
                axis=1,
            )[:, 0]
            for one in training.images
        ]
    )
    sizes = np.maximum(sizes, 1)  # a line has no area to compare
    anchors, mean_iou = cluster_anchors(
        np.random.default_rng((seed, 3)), sizes, num_anchors
    )
    written = ", ".join(f"{width:.0f} x {height:.0f}" for width, height in anchors)
    command_line.note(f"anchors: {written}; mean IoU with the objects {mean_iou:.2f}")
    num_classes = len(training.class_names)
    network = car_detector((*shape, 3), num_classes, num_anchors, **NETWORK)
    head = YoloDecode(
        anchors.tolist(),
        num_classes,
        head_strides(network)[0],
        head=_kind("region", num_classes),
        scale_xy=2.0 if TARGETS["neighbors"] else 1.0,
    )
    return network, [head]


def _known_network(model, darknet, weights, size, fit, num_classes):
    """A network that detects already, with heads for other classes."""
    from dlai_keras.car_detection.darknet import load_darknet
    from dlai_keras.car_detection.detector import find_heads, load_detector
    from dlai_keras.car_detection.model import transfer_detector

    if darknet is None:
        detector = load_detector(model)
        if size is not None and (size, size) != detector.size:
            raise ValueError(
                f"`size` must be that of the model, {detector.size}. Received: {size}."
            )
        known, shape = detector.model, detector.size
        fit = fit or detector.fit
    else:
        options = {} if size is None else {"input_shape": (size, size, 3)}
        known = load_darknet(darknet, weights, decode=True, **options)
        shape, fit = known.input_shape[1:3], fit or "stretch"
    cuts, old_heads, decodes = zip(*find_heads(known), strict=True)
    network = transfer_detector(
        known,
        cuts,
        num_classes,
        [decode.anchors for decode in decodes],
        old_heads=old_heads,
        rescale=darknet is not None,
    )
    heads = []
    for decode in decodes:
        kind = _kind(decode.head, num_classes)
        config = {**decode.get_config(), "num_classes": num_classes, "head": kind}
        heads.append(type(decode).from_config(config))
    return network, heads, tuple(shape), fit


def _kind(head, num_classes):
    """A softmax over one class would say nothing."""
    return head if num_classes > 1 else "yolo"


def _fit(
    keras,
    network,
    heads,
    sequence,
    output,
    history,
    is_new,
    start,
    stop,
    learning_rate,
    settings,
):
    """Trains from epoch `start` on to `stop`."""
    from dlai_keras.car_detection.losses import YoloLoss
    from dlai_keras.optimizers import Muon

    backup = output / "backup" / settings.get("phase", "training")
    epochs = stop - start
    first = command_line.first_epoch(backup, settings)
    sequence.epoch = start + first
    losses = [
        YoloLoss(
            head.anchors,
            head.strides,
            scale_xy=head.scale_xy,
            class_loss="softmax" if head.head == "region" else "sigmoid",
            **LOSS,
        )
        for head in heads
    ]
    # Saved without the optimizer and loss: they belong to this view of the network.
    model = keras.Model(network.inputs, network.outputs)
    steps = epochs * sequence.num_batches
    warmup = round(WARMUP * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        max(1, steps - warmup),
        warmup_target=learning_rate,
        warmup_steps=warmup,
    )
    make = partial(Muon, **MUON) if is_new else keras.optimizers.AdamW
    model.compile(
        make(schedule, **OPTIMIZER),
        loss=losses if len(losses) > 1 else losses[0],
        jit_compile=keras.backend.backend() == "jax",
    )
    callbacks = command_line.training_callbacks(
        output, epochs, history, {"loss": "loss"}, backup
    )
    # Without an epoch left it only reads the weights back.
    with sequence.own_errors():
        model.fit(
            sequence,
            epochs=epochs,
            shuffle=False,  # the sequence is
            callbacks=callbacks,
            verbose=0,
        )


# Measuring


def _choose_threshold(detector, training):
    """The score from which to show boxes: where F1 is best on training pictures."""
    known = training.subset(range(min(NUM_KNOWN, len(training))))
    found = list(
        detector.with_thresholds(**MEASURED).detect_all(
            (one.read() for one in known.images), batch_size=8
        )
    )
    curves = metrics.precision_recall_curves(known, found)
    if not curves:
        return detector.score_threshold
    best = [curve.best_f1()[1] for curve in curves.values()]
    return float(np.clip(np.mean(best), 0.1, 0.7))


def _measure(detector, truth, output, seed, classes=None, batch_size=8):
    """COCO's figures, and pictures of mistakes at the detector's own threshold."""
    from dlai_keras.car_detection.detector import (
        match_classes,
        select_classes,
        select_detections,
    )

    names, model_ids, data_ids = match_classes(
        detector.class_names, truth.class_names, classes
    )
    truth = select_classes(truth, data_ids, names)
    if not any((~one.ignored).any() for one in truth.images):
        raise ValueError(
            f"There is no {' or '.join(names)} in the {len(truth)} pictures: nothing "
            "to measure."
        )
    output.mkdir(parents=True, exist_ok=True)
    threshold = detector.score_threshold
    detector = detector.with_thresholds(**MEASURED)
    begun = time.perf_counter()
    found = [
        select_detections(one, model_ids)
        for one in command_line.progress(
            detector.detect_all(
                (one.read() for one in truth.images), batch_size=batch_size
            ),
            "detecting",
            len(truth),
        )
    ]
    seconds = time.perf_counter() - begun
    records = box_data.detections_to_coco(found, truth)
    files.write_atomically(output / "detections.json", json.dumps(records))
    figures = metrics.evaluate_detections(truth, found)
    print(metrics.coco_table(figures))
    curves = metrics.precision_recall_curves(truth, found)
    best = [curve.best_f1() for curve in curves.values()]
    command_line.show_table(
        "Classes",
        [
            {
                "class": name,
                "objects": curve.num_objects,
                "AP at .5": curve.average_precision,
                "AP": figures["ap"][name],
                "best F1": f1,
                "at score": score,
            }
            for (name, curve), (f1, score) in zip(curves.items(), best, strict=True)
        ],
    )
    pictures.draw_precision_recall(
        output / "precision_recall.png",
        curves,
        title=f"mAP at IoU 0.5: {figures['map_50']:.3f}, {len(truth)} pictures",
    )
    pictures.draw_mistakes(
        output / "mistakes.png",
        truth,
        pictures.find_mistakes(truth, found, score_threshold=threshold),
    )
    pictures.draw_comparison(
        output / "detections.png", truth, found, score_threshold=threshold
    )
    figures["map_50_interval"] = list(
        metrics.map_interval(
            np.random.default_rng((seed, 5)), truth, found, num_samples=NUM_SAMPLES
        )
    )
    figures |= {
        "num_test": len(truth),
        "num_objects": sum(curve.num_objects for curve in curves.values()),
        "milliseconds_per_picture": 1000 * seconds / len(truth),
    }
    return figures


# Predicting


def _load_detector(model, darknet, weights, names, fit):
    _check_source(model, darknet, weights, names, needs_names=True)
    command_line.load_keras()
    from dlai_keras.car_detection import detector

    if darknet is not None:
        return detector.Detector.from_darknet(
            darknet, weights, names, fit=fit or "stretch"
        )
    found = (
        detector.load_pretrained() if model is None else detector.load_detector(model)
    )
    return found if fit is None else replace(found, fit=fit)


def _is_video(path):
    return path.suffix.lower() in video.SUFFIXES


def _list_inputs(inputs, output):
    paths = []
    for path in inputs:
        if path.is_dir():
            found = image_file.find(path)
            found += sorted(filter(_is_video, path.rglob("*")))
            if not found:
                raise ValueError(f"{path} holds no picture or video.")
            paths += found
        elif not path.exists():
            raise FileNotFoundError(f"No such picture, video or folder: {path}.")
        else:
            paths.append(path)
    if any(path.parent.resolve() == output.resolve() for path in paths):
        raise ValueError(
            f"The pictures with boxes would replace those in {output}. Give another "
            "--output."
        )
    return paths


class _Book:
    """What was found on which picture: records, a table, and names for new files."""

    def __init__(self, class_names):
        self.class_names = class_names
        self.images, self.left_out = 0, 0
        self.records = []
        self._found = {}
        self._names = Counter()

    def add(self, source, detections, **more):
        self.images += 1
        frames, found = self._found.setdefault(str(source), ([], Counter()))
        frames.append(self.images)
        for box, score, class_id in zip(
            detections.boxes_xyxy.tolist(),
            detections.scores.tolist(),
            detections.class_ids.tolist(),
            strict=True,
        ):
            found[self.class_names[class_id]] += 1
            left, top, right, bottom = box
            record = {"image_id": self.images, "file_name": str(source), **more}
            record |= {
                "category_id": class_id + 1,
                "class": self.class_names[class_id],
                "bbox": [
                    round(value, 2) for value in (left, top, right - left, bottom - top)
                ],
                "score": round(score, 4),
            }
            self.records.append(record)

    def leave_out(self, reason):
        self.left_out += 1
        command_line.note(f"left out: {reason}")

    def table(self):
        return [
            {
                "input": source,
                "pictures": len(frames),
                "found": ", ".join(
                    f"{count} {name}" for name, count in found.most_common()
                )
                or "nothing",
            }
            for source, (frames, found) in self._found.items()
        ]

    def file_name(self, path, suffix):
        """Another one for a second file of this name, from another folder."""
        name = f"{path.stem}{suffix}"
        self._names[name] += 1
        number = self._names[name]
        return name if number == 1 else f"{path.stem}_{number}{suffix}"

    def write(self, path):
        files.write_atomically(path, json.dumps(self.records, indent=1) + "\n")


def _predict_pictures(detector, paths, book, batch_size, on_error, output):
    if not paths:
        return
    pending = deque()

    def read():
        for path in command_line.progress(paths, "detecting"):
            try:
                image = image_file.read(path)
            except (ValueError, OSError) as error:
                if on_error == "fail":
                    raise
                book.leave_out(error)
                continue
            pending.append((path, image))
            yield image

    for found in detector.detect_all(read(), batch_size=min(batch_size, len(paths))):
        path, image = pending.popleft()
        book.add(path, found)
        drawn = pictures.draw_detections(image, found, detector.class_names)
        suffix = path.suffix if path.suffix.lower() in image_file.SUFFIXES else ".png"
        image_file.write(output / book.file_name(path, suffix), drawn)


def _predict_video(detector, path, book, batch_size, on_error, output):
    early = None if on_error == "fail" else command_line.note
    pending = deque()
    with video.Video(path, on_early_end=early) as film:

        def read():
            for frame in command_line.progress(
                film, f"detecting in {path.name}", film.num_frames
            ):
                pending.append(frame)
                yield frame

        name = output / book.file_name(path, ".mp4")
        with video.write_video(name, fps=film.fps, size=film.size) as write:
            for number, found in enumerate(
                detector.detect_all(read(), batch_size=batch_size)
            ):
                frame = pending.popleft()
                write(pictures.draw_detections(frame, found, detector.class_names))
                seconds = round(number / film.fps, 3)
                book.add(path, found, frame=number, seconds=seconds)


def _watch(film, detector, seconds, book, output):
    """Detects what a camera sees, until `seconds` are over or q is pressed."""
    begun, told = time.perf_counter(), -1.0
    with video.Preview(WINDOW, output / "camera.png") as preview:
        for number, frame in enumerate(film):
            found = detector.detect(frame)
            elapsed = time.perf_counter() - begun
            book.add(film.name, found, frame=number, seconds=round(elapsed, 3))
            if elapsed - told >= 1:
                told = elapsed
                command_line.note(f"{elapsed:.0f} s: {len(found)} found")
            drawn = pictures.draw_detections(frame, found, detector.class_names)
            if not preview.show(drawn) or elapsed >= seconds:
                break


def _timed(function, image, times=3):
    """What a function gives for a picture, and the seconds of its fastest call."""
    function(image)  # compiles
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        result = function(image)
        seconds.append(time.perf_counter() - begun)
    return result, min(seconds)


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        evaluate=evaluate,
        predict=predict,
        windows=windows,
        scenes=scenes,
    )


if __name__ == "__main__":
    main()
