"""Foundations: the first courses' networks by hand, a topic a command."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files
from dlai_keras import images as image_file
from dlai_keras.foundations import (
    convolution,
    deep_network,
    gradient_checking,
    initialization,
    logistic_regression,
    optimization,
    pictures,
    planar_network,
    regularization,
    remembering,
    schedules,
)
from dlai_keras.foundations import data as sets
from dlai_keras.intervals import share, wilson_interval

HELP = """Foundations: networks by hand in NumPy, a command for each topic.

Every command prints a table and leaves its pictures and metrics.json in --output. Seed
1, the default, gives the course's own numbers where the data are the course's. Without
--data all data are generated; `train` runs every topic, about two minutes.

Course 1, weeks 2 and 4: cats; week 3: planar. Course 2, week 1: initialization,
regularization, gradient-checking; week 2: optimization; week 3: tuning. Course 4, week
1: convolution. Course 5, week 1: recurrent."""

RUNS = Path("runs/foundations")
CLASSIFIERS = ("logistic regression", "two layers", "four layers")
HIDDEN_SIZES = (1, 2, 3, 4, 5, 20, 50)
# What the course's notebooks print, train and test accuracy in per cent.
PUBLISHED = {
    "logistic regression": (99.04, 70.0),
    "two layers": (100.0, 72.0),
    "four layers": (98.56, 80.0),
    "zeros": (50.0, 50.0),
    "random": (83.0, 86.0),
    "he": (99.33, 96.0),
    "no remedy": (94.79, 91.5),
    "L2": (93.84, 93.0),
    "dropout, the same units in every step": (92.89, 95.0),
    1: (67.5, None),
    2: (67.25, None),
    3: (90.75, None),
    4: (90.5, None),
    5: (91.25, None),
    20: (90.0, None),
    50: (90.25, None),
    "gd": (79.67, None),
    "momentum": (79.67, None),
    "adam": (94.0, None),
}
PIXELS = 24  # the least size of a picture that cats can be told on
RATES = (0.01, 0.001, 0.0001)  # that the course compares
MISTAKES = 12  # shown


def train(*, data: Path | None = None, seed: int = 1, output: Path = RUNS) -> dict:
    """Runs every topic, on generated data, in about two minutes.

    A folder of pictures for each topic, and one table at the end: what was measured,
    and which picture shows it. Each topic alone has more options, and trains longer.

    Args:
        data: folder with the course's train_catvnoncat.h5, test_catvnoncat.h5 and
            data.mat, for cats and regularization; generated without it.
        seed: of all data and weights; 1 gives the course's numbers.
        output: folder for a folder a topic.

    Example:
        python assignments/foundations.py train --output runs/foundations
    """
    begun = time.perf_counter()
    _check_seed(seed)
    if data is not None:  # what is missing is missed now, not after minutes
        sets.load_cats(data)
        sets.load_points(data)
    shorter: dict[str, tuple[Callable, dict]] = {
        "cats": (show_cats, {"data": data} if data else {"size": 32}),
        "planar": (show_planar, {}),
        "initialization": (show_initialization, {}),
        "regularization": (show_regularization, {"data": data, "iterations": 8000}),
        "gradient-checking": (show_gradient_checking, {}),
        "optimization": (show_optimization, {"epochs": 1500}),
        "convolution": (show_convolution, {}),
        "recurrent": (show_recurrent, {"iterations": 150}),
        "tuning": (show_tuning, {"trials": 9, "searches": 3}),
    }
    figures, rows = {}, []
    for topic, (show, options) in shorter.items():
        command_line.note(f"{topic} ...")
        started = time.perf_counter()
        try:
            found = show(**options, seed=seed, output=output / topic)
        except ImportError as error:  # what a topic needs beyond the others
            command_line.note(f"{topic} was left out: {error}")
            continue
        figures[topic.replace("-", "_")] = found
        name, value = next(iter(found.items()))
        row = {"topic": topic, "measured": f"{name.replace('_', ' ')} {value:.3g}"}
        row["seconds"] = time.perf_counter() - started
        row["pictures"] = ", ".join(
            path.stem for path in sorted((output / topic).glob("*.png"))
        )
        rows.append(row)
    command_line.show_table("Every topic", rows)
    command_line.note(f"the pictures are in {output}, a folder a topic")
    return _finish(figures, begun, seed, output)


def show_cats(
    *,
    data: Path | None = None,
    size: int = 64,
    iterations: int | None = None,
    seed: int = 1,
    output: Path = RUNS / "cats",
) -> dict:
    """Is it a cat? One neuron, two layers, four layers. Course 1, weeks 2 and 4.

    All three learn by heart what they are trained on; look at how far the test falls
    behind, and how much depth helps. costs.png: how the cost falls (the course's
    curves). weights.png: the weights of the neuron and of a first layer of seven, as
    pictures: ghosts of training pictures, and noise where a unit never was on.
    mistakes.png: what four layers take for what it is not. learning_rates.png: the
    neuron with three rates.

    Args:
        data: folder with the course's train_catvnoncat.h5 and test_catvnoncat.h5; cats
            and other things are drawn without it.
        size: height and width of drawn pictures.
        iterations: of each training; 2000 for the neuron and 2500 for the others by
            default, as in the course.
        seed: of the drawn pictures and the weights.
        output: folder for the classifiers, their figures and pictures.

    Example:
        python assignments/foundations.py cats --data DATA
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("iterations", iterations, 1)
    splits = _load_cats(data, size, seed)
    train_x, train_y, test_x, test_y = _columns(splits)
    # The course's own pictures and settings, and no others, have published figures.
    usual = data is not None and iterations is None and seed == 1
    is_courses = usual and train_x.shape == (12288, 209)
    size = splits["train"][0].shape[1]
    num_inputs = len(train_x)
    command_line.note(
        f"{train_x.shape[1]} pictures to train on, {test_x.shape[1]} to test, of "
        f"{size} by {size} pixels"
    )
    layers = {
        "logistic regression": [num_inputs, 1],
        "two layers": [num_inputs, 7, 1],
        "four layers": [num_inputs, 20, 7, 5, 1],
    }
    trained, costs = {}, {}
    for name in command_line.progress(CLASSIFIERS, "training"):
        if name == "logistic regression":
            model = logistic_regression.model(
                train_x, train_y, test_x, test_y, iterations or 2000, 0.005
            )
            trained[name] = {"W1": model["w"].T, "b1": np.array([[model["b"]]])}
            costs[name] = model["costs"]
            continue
        rng = np.random.RandomState(seed)
        fit = deep_network.two_layer_model
        fit = deep_network.L_layer_model if name == "four layers" else fit
        trained[name], costs[name] = fit(
            train_x, train_y, layers[name], 0.0075, iterations or 2500, rng=rng
        )
    output.mkdir(parents=True, exist_ok=True)
    _save_classifiers(output / "cats.npz", trained, size)
    rows = _judge_cats(trained, splits, is_courses)
    command_line.show_table("Cats", rows)

    pictures.draw_costs(output / "costs.png", costs, every=100)
    units = {"the neuron": trained["logistic regression"]["W1"][0]}
    for number, weights in enumerate(trained["two layers"]["W1"], 1):
        units[f"two layers, unit {number}"] = weights
    pictures.draw_weights(output / "weights.png", units, size, columns=4)
    _draw_mistakes(output / "mistakes.png", trained["four layers"], splits["test"])
    curves = {}
    for rate in command_line.progress(RATES, "comparing learning rates"):
        model = logistic_regression.model(
            train_x, train_y, test_x, test_y, iterations or 1500, rate
        )
        curves[f"learning rate {rate}"] = model["costs"]
    pictures.draw_costs(output / "learning_rates.png", curves, every=100)
    figures = {
        **_accuracy(rows[-1]["test %"], test_x.shape[1]),
        "num_train": train_x.shape[1],
        "num_test": test_x.shape[1],
        "classifiers": rows,
        "costs": costs,
    }
    return _finish(figures, begun, seed, output)


def evaluate(
    *,
    model: Path,
    data: Path | None = None,
    size: int | None = None,
    seed: int = 1000,
    output: Path = RUNS / "evaluation",
) -> dict:
    """Measures the classifiers that `cats` has left, on other pictures.

    Args:
        model: folder of a run of cats, or its cats.npz.
        data: folder with the course's train_catvnoncat.h5 and test_catvnoncat.h5;
            pictures are drawn without it.
        size: the pictures' height and width; that of the training without it.
        seed: of the drawn pictures; another one than the training's.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py evaluate --model runs/foundations/cats
    """
    begun = time.perf_counter()
    trained, trained_size = _load_classifiers(model)
    if size not in (None, trained_size):
        raise ValueError(
            f"`size` must be that of the training, {trained_size}. Received: {size}."
        )
    _check_seed(seed)
    splits = _load_cats(data, trained_size, seed)
    if splits["test"][0].shape[1] != trained_size:
        raise ValueError(
            f"{model} was trained on pictures of {trained_size} by {trained_size}. "
            f"Received: {splits['test'][0].shape[1:3]}."
        )
    rows = _judge_cats(trained, splits, is_courses=False)
    for row in rows:
        row.pop("train %")
        row.pop("published", None)
    command_line.show_table("Cats", rows)
    _draw_mistakes(output / "mistakes.png", trained["four layers"], splits["test"])
    figures = {
        **_accuracy(rows[-1]["test %"], splits["test"][1].size),
        "num_test": splits["test"][1].size,
        "classifiers": rows,
    }
    return _finish(figures, begun, seed, output)


def predict(
    inputs: list[Path], *, model: Path, output: Path = RUNS / "predictions"
) -> dict:
    """Tells whether pictures show a cat: the course's test with one's own image.

    Args:
        inputs: picture files, and folders of pictures.
        model: folder of a run of cats, or its cats.npz.
        output: folder for predictions.json and predictions.png.

    Example:
        python assignments/foundations.py predict cat.jpg --model runs/foundations/cats
    """
    trained, size = _load_classifiers(model)
    paths = []
    for path in inputs:
        paths += image_file.find(path) if path.is_dir() else [path]
    if not paths:
        raise ValueError("None of the inputs is a picture.")
    images = np.stack([image_file.read(path, size=size) for path in paths])
    columns = sets.flatten_images(images)
    scores = {name: _cat_scores(trained[name], columns) for name in CLASSIFIERS}
    rows = [
        {"picture": str(path)} | {name: float(scores[name][i]) for name in CLASSIFIERS}
        for i, path in enumerate(paths)
    ]
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(
        output / "predictions.json", json.dumps(rows, indent=1) + "\n"
    )
    last = scores["four layers"]
    pictures.draw_images(
        output / "predictions.png",
        images[:36],
        [f"{sets.CLASSES[int(score > 0.5)]}, {score:.2f}" for score in last[:36]],
    )
    command_line.show_table("How surely it is a cat, from 0 to 1", rows)
    return {"num_images": len(rows), "predictions": rows, "output": str(output)}


def show_planar(
    *,
    data: Path | None = None,
    dataset: str = "flower",
    iterations: int = 5000,
    seed: int = 1,
    output: Path = RUNS / "planar",
) -> dict:
    """A flower that no line can part: one hidden layer does. Course 1, week 3.

    boundaries.png: logistic regression draws a line and fails; with three hidden units
    or more the petals are found; with fifty, single points get islands of their own.
    costs.png: how the cost falls for each size.

    Args:
        data: points of your own (.csv of x1,x2,label; .npz; .mat) instead.
        dataset: what to generate: flower, circles, moons, blobs, quantiles, spirals or
            football.
        iterations: of each training; 5000 as in the course's comparison of sizes.
        seed: of the points and, one higher, of the weights.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py planar --dataset spirals
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("iterations", iterations, 1)
    splits = _load_points(data, dataset, np.random.RandomState(seed))
    X, Y = splits["train"]
    is_courses = data is None and (dataset, iterations, seed) == ("flower", 5000, 1)

    def line(places):
        return logistic_regression.predict(model["w"], model["b"], places)

    model = logistic_regression.model(X, Y, X, Y, iterations, 0.1)
    score = np.mean(line(X) == Y)
    rows = [_hidden_row("none", score, X.shape[1])]
    if is_courses:
        rows[0]["published"] = 47.0
    panels = [(f"logistic regression: {100 * score:.1f} %", line, X, Y)]
    curves = {}
    for size in command_line.progress(HIDDEN_SIZES, "training hidden layers"):
        curves[f"{size} hidden"] = []
        parameters = _train_hidden_layer(
            X, Y, size, iterations, curves[f"{size} hidden"], seed
        )
        score = np.mean(planar_network.predict(parameters, X) == Y)
        rows.append(_hidden_row(size, score, X.shape[1]))
        if is_courses:
            rows[-1]["published"] = PUBLISHED[size][0]
        if "test" in splits:
            right = planar_network.predict(parameters, splits["test"][0])
            rows[-1]["test %"] = 100 * np.mean(right == splits["test"][1])
        panels.append(
            (
                f"{size} hidden: {100 * score:.1f} %",
                lambda places, parameters=parameters: (
                    planar_network.forward_propagation(places, parameters)[0]
                ),
                X,
                Y,
            )
        )
    command_line.show_table("Hidden layers on the points", rows)
    pictures.draw_boundaries(output / "boundaries.png", panels)
    pictures.draw_costs(output / "costs.png", curves, every=50)
    best = max(rows, key=lambda row: row["train %"])
    figures = {
        **_accuracy(best["train %"], X.shape[1]),
        "hidden_units": best["hidden units"],
        "num_points": X.shape[1],
        "sizes": rows,
        "costs": curves,
    }
    return _finish(figures, begun, seed, output)


def show_initialization(
    *,
    dataset: str = "circles",
    iterations: int = 15_000,
    seed: int = 1,
    output: Path = RUNS / "initialization",
) -> dict:
    """Three layers from zeros, from large weights, from He's. Course 2, week 1.

    From zeros all units stay the same and nothing is learned; large weights start
    saturated and learn slowly; He's and Xavier's get there. boundaries.png: what each
    has learned; costs.png: the flat line is zeros.

    Args:
        dataset: what to generate: circles (the course's), flower, moons, blobs,
            quantiles, spirals or football.
        iterations: of each training; 15,000 in the course.
        seed: of the training points; one higher for the test points, two for weights.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py initialization --dataset moons
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("iterations", iterations, 1)
    X, Y = sets.make_points(dataset, np.random.RandomState(seed))
    test_X, test_Y = sets.make_points(dataset, np.random.RandomState(seed + 1), 100)
    is_courses = (dataset, iterations, seed) == ("circles", 15_000, 1)
    rows, panels, curves = [], [], {}
    starts = ("zeros", "random", "xavier", "he")
    for name in command_line.progress(starts, "training from each start"):
        curves[name] = []
        parameters = initialization.model(
            X,
            Y,
            0.01,
            iterations,
            print_cost=False,
            initialization=name,
            costs=curves[name],
            rng=np.random.RandomState(seed + 2),
        )
        row = _judge(name, parameters, (X, Y), (test_X, test_Y), is_courses)
        rows.append(row)
        panels.append(_panel(f"{name}: test {row['test %']:.0f} %", parameters, X, Y))
    command_line.show_table("Ways to start", rows)
    pictures.draw_boundaries(output / "boundaries.png", panels)
    pictures.draw_costs(output / "costs.png", _capped(curves), every=1000)
    figures = _accuracy(rows[-1]["test %"], test_Y.size)
    figures |= {"starts": rows, "costs": curves}
    return _finish(figures, begun, seed, output)


def show_regularization(
    *,
    data: Path | None = None,
    iterations: int = 30_000,
    lambd: float = 0.7,
    keep_prob: float = 0.86,
    seed: int = 1,
    output: Path = RUNS / "regularization",
) -> dict:
    """No remedy, L2 and dropout side by side. Course 2, week 1.

    Where on the field will the own team head the ball? boundaries.png: without a remedy
    the boundary winds about single points; L2 and dropout smooth it, training falls a
    little and the test does not. The course's notebook seeds dropout in every step, so
    it always drops the same units: that is one panel, dropout as it is meant another.

    Args:
        data: the course's data.mat, a folder with it, or points of your own (.csv,
            .npz); a look-alike is generated without it.
        iterations: of each training; 30,000 in the course.
        lambd: strength of L2.
        keep_prob: share of the units that dropout keeps.
        seed: of the generated points and the masks; two higher of the weights.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py regularization --lambd 0.1 --keep-prob 0.8
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("iterations", iterations, 1)
    # Now, and not after half of the trainings.
    if not 0 < keep_prob <= 1:
        raise ValueError(
            f"`keep_prob` must be above 0 and at most 1. Received: {keep_prob}."
        )
    _check_number("lambd", lambd, 0)
    splits = _load_points(data, "football", np.random.RandomState(seed), num_test=200)
    (X, Y), test = splits["train"], splits.get("test")
    usual = (iterations, lambd, keep_prob, seed) == (30_000, 0.7, 0.86, 1)
    is_courses = data is not None and usual and X.shape == (2, 211)
    remedies = {
        "no remedy": {},
        "L2": {"lambd": lambd},
        "dropout, the same units in every step": {"keep_prob": keep_prob},
        "dropout": {"keep_prob": keep_prob},
    }
    rows, panels, curves = [], [], {}
    for name in command_line.progress(remedies, "training with each remedy"):
        options, curves[name] = remedies[name], []
        rng = np.random.RandomState(seed + 2)
        if "same units" in name:
            parameters = _train_with_one_mask(
                X, Y, iterations, keep_prob, curves[name], rng, seed
            )
        else:
            parameters = regularization.model(
                X,
                Y,
                0.3,
                iterations,
                print_cost=False,
                costs=curves[name],
                rng=rng,
                **options,
            )
        row = _judge(name, parameters, (X, Y), test, is_courses)
        rows.append(row)
        kind = "test" if test is not None else "train"
        score = row[f"{kind} %"]
        panels.append(_panel(f"{name}: {kind} {score:.1f} %", parameters, X, Y))
    command_line.show_table("Remedies for overfitting", rows)
    pictures.draw_boundaries(output / "boundaries.png", panels)
    pictures.draw_costs(output / "costs.png", curves, every=1000)
    judged = (X, Y) if test is None else test
    figures = {
        **_accuracy(rows[1].get("test %", rows[1]["train %"]), judged[1].size),
        "num_points": X.shape[1],
        "remedies": rows,
        "costs": curves,
    }
    return _finish(figures, begun, seed, output)


def show_gradient_checking(
    *, seed: int = 1, output: Path = RUNS / "gradient-checking"
) -> dict:
    """Is the backward pass right? Asked of the cost itself. Course 2, week 1.

    The course hands out a backward pass with two mistakes: the table says which
    gradients are wrong. differences.png: with a right gradient the difference falls
    with epsilon until rounding takes over; with a wrong one it stays where it is. Then
    the same for a Keras model, with a layer whose gradient is wrong: which one is it?

    Args:
        seed: of the examples and the weights.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py gradient-checking
    """
    begun = time.perf_counter()
    _check_seed(seed)
    rng = np.random.RandomState(seed)
    # The course's own test case, drawn in its order.
    X, Y = rng.randn(4, 3), np.array([[1, 1, 0]])
    sizes = [4, 5, 3, 1]
    parameters = {}
    for layer in (1, 2, 3):
        parameters[f"W{layer}"] = rng.randn(sizes[layer], sizes[layer - 1])
        parameters[f"b{layer}"] = rng.randn(sizes[layer], 1)
    _, cache = gradient_checking.forward_propagation_n(X, Y, parameters)
    passes = {
        "right": gradient_checking.backward_propagation_n(X, Y, cache),
        "with two mistakes": (
            gradient_checking.backward_propagation_n_with_mistakes(X, Y, cache)
        ),
    }
    wanted = gradient_checking.numerical_gradients(
        lambda changed: gradient_checking.forward_propagation_n(X, Y, changed)[0],
        parameters,
    )
    rows = []
    for key in parameters:
        row = {"gradient": f"d{key}"}
        for name, gradients in passes.items():
            row[name] = gradient_checking.relative_difference(
                gradients[f"d{key}"], wanted[f"d{key}"]
            )
        # Single gradients of few numbers differ by more than all of them together.
        row["verdict"] = "wrong" if row["with two mistakes"] > 1e-3 else "right"
        rows.append(row)
    total = {
        name: gradient_checking.gradient_check_n(parameters, gradients, X, Y)
        for name, gradients in passes.items()
    }
    rows.append({"gradient": "all together", **total, "verdict": "wrong"})
    command_line.show_table("Relative difference from central differences", rows)
    widths = [10.0**-power for power in range(1, 13)]
    pictures.draw_differences(
        output / "differences.png",
        {
            name: {
                width: gradient_checking.gradient_check_n(
                    parameters, gradients, X, Y, width
                )
                for width in widths
            }
            for name, gradients in passes.items()
        },
        bound=2e-7,
    )
    reports = _check_keras_models(seed)
    for name, report in reports.items():
        command_line.show_table(name, report.rows)
        command_line.note(str(report))
    figures = {
        "difference_right": total["right"],
        "difference_wrong": total["with two mistakes"],
        "wrong_gradients": [
            row["gradient"] for row in rows if row["verdict"] != "right"
        ],
        "wrong_weights": reports["A Keras model with a wrong layer"].wrong,
        "wrong_layers": reports["A Keras model with a wrong layer"].causes,
        "rows": rows,
    }
    return _finish(figures, begun, seed, output)


def show_convolution(
    *,
    image: Path | None = None,
    size: int = 96,
    seed: int = 1,
    output: Path = RUNS / "convolution",
) -> dict:
    """What filters and pooling do to a picture. Course 4, week 1.

    filters.png: red where a filter answers, blue where it answers the other way; edges
    of one direction light up and those of the other vanish. pooling.png: a sixteenth of
    the numbers, or less; the maximum keeps what is bright, the average blurs.
    The table: how padding and stride change height and width.

    Args:
        image: picture file; a cat is drawn without it.
        size: height and width that it is brought to.
        seed: of the drawn cat.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py convolution --image cat.jpg
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("size", size, PIXELS)
    if image is None:
        rng = np.random.default_rng(seed)
        images, labels = sets.make_cats(rng, 16, size=size)
        picture = images[int(np.argmax(labels))]
    else:
        picture = image_file.read(image, size=size, fit="crop")
    grey = picture.mean(axis=-1)[None, :, :, None] / 255  # (1, size, size, 1)
    shown = {"the picture": picture, "grey": grey[0, :, :, 0]}
    kernels = np.stack(list(FILTERS.values()), axis=-1)[:, :, None]  # (3, 3, 1, num)
    answers, _ = convolution.conv_forward(
        grey,
        kernels.astype("float64"),
        np.zeros((1, 1, 1, len(FILTERS))),
        {"stride": 1, "pad": 1},
    )
    for number, name in enumerate(FILTERS):
        # Without the frame, where the filter meets the zeros that pad the picture.
        shown[name] = answers[0, 1:-1, 1:-1, number]
    pictures.draw_images(
        output / "filters.png", list(shown.values()), list(shown), columns=5
    )
    pooled = {"the picture": picture / 255}
    for width in (4, 8):
        for mode in ("max", "average"):
            pooled[f"{mode} of {width} by {width}"] = convolution.pool_forward(
                picture[None] / 255, {"f": width, "stride": width}, mode
            )[0][0]
    edges = np.maximum(answers[:, 2:-2, 2:-2, :1], 0)
    pooled["vertical edges, ReLU"] = edges[0, :, :, 0]
    pooled["then max of 4 by 4"] = convolution.pool_forward(
        edges, {"f": 4, "stride": 4}, "max"
    )[0][0, :, :, 0]
    pictures.draw_images(
        output / "pooling.png", list(pooled.values()), list(pooled), columns=4
    )
    rows = []
    for f, pad, stride in ((3, 0, 1), (3, 1, 1), (5, 0, 1), (5, 2, 1), (3, 0, 2)):
        out, _ = convolution.conv_forward(
            grey,
            np.zeros((f, f, 1, 8)),
            np.zeros((1, 1, 1, 8)),
            {"stride": stride, "pad": pad},
        )
        kind = "same" if out.shape[1] == size else "valid" if pad == 0 else "padded"
        rows.append(
            {
                "filter": f"{f} by {f}, 8 of them",
                "pad": pad,
                "stride": stride,
                "kind": kind,
                "output": " x ".join(map(str, out.shape[1:])),
                "parameters": (f * f * 1 + 1) * 8,
            }
        )
    command_line.show_table(
        f"From {size} x {size} x 1, floor((n + 2p - f) / s) + 1", rows
    )
    figures = {
        "gradient_difference": _check_convolution(seed),
        "filters": len(FILTERS),
        "shapes": rows,
    }
    return _finish(figures, begun, seed, output)


def show_recurrent(
    *,
    steps: int = 60,
    iterations: int = 200,
    seed: int = 1,
    output: Path = RUNS / "recurrent",
) -> dict:
    """A basic RNN, an LSTM and a GRU that must remember. Course 5, week 1.

    Each reads a sequence of signs and is asked at its end for the first one.
    gradients.png: how much of the gradient gets back to each step before training, on a
    logarithmic axis. The RNN's vanishes; so does the LSTM's, whose forget gate begins
    half open, unless its bias opens it; the GRU's likewise. costs.png: who learns to
    remember. states.png: the hidden units while they read one sequence; a row that
    keeps its colour is what is remembered.

    Args:
        steps: of a sequence; with 10 all learn it.
        iterations: of each training, 64 fresh sequences each.
        seed: of the sequences and the weights.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py recurrent --steps 10
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("steps", steps, 2)
    _check_number("iterations", iterations, 1)
    rows, curves, reached, states = [], {}, {}, {}
    test_x, test_y = remembering.make_signs(np.random.RandomState(seed + 1), 500, steps)
    width = max(1, iterations // 50)
    for name in command_line.progress(REMEMBERING, "training to remember"):
        kind, biases = REMEMBERING[name]
        network, small = (
            remembering.SequenceClassifier(
                kind, np.random.RandomState(seed), units=units, biases=biases
            )
            for units in (16, 4)
        )
        reached[name] = network.reach(test_x[:, :64]).tolist()
        difference = small.check(test_x[:, :4, -3:], test_y[:4])
        rng = np.random.RandomState(seed + 2)
        costs = [
            network.step(*remembering.make_signs(rng, 64, steps))
            for _ in range(iterations)
        ]
        curves[name] = [
            float(np.mean(costs[i : i + width])) for i in range(0, iterations, width)
        ]
        score = float(np.mean(network.answer(test_x) == test_y))
        rows.append(
            {
                "network": name,
                "parameters": sum(p.size for p in network.parameters.values()),
                "backward pass, difference": difference,
                "gradient at the first step": reached[name][0],
                "test %": 100 * score,
                "95 % interval": _interval(score, len(test_y)),
            }
        )
        states[f"{name}: {100 * score:.0f} % right"] = network.states(test_x[:, :1])[
            :, 0
        ]
    command_line.show_table(f"To remember the first of {steps} signs", rows)
    pictures.draw_costs(
        output / "gradients.png",
        reached,
        xlabel="time step; the question comes after the last",
        ylabel="gradient that reaches the input",
        log=True,
    )
    pictures.draw_costs(output / "costs.png", curves, every=width)
    pictures.draw_states(output / "states.png", states)
    figures = _accuracy(max(row["test %"] for row in rows), len(test_y))
    figures["steps"] = steps
    return _finish({**figures, "networks": rows}, begun, seed, output)


def show_optimization(
    *,
    data: Path | None = None,
    dataset: str = "moons",
    epochs: int = 10_000,
    seed: int = 1,
    output: Path = RUNS / "optimization",
) -> dict:
    """Gradient descent, momentum, RMSprop and Adam. Course 2, week 2.

    race.png: all four down one bent valley; gradient descent jumps from side to side,
    momentum rolls, RMSprop and Adam make steps of one length in every direction.
    boundaries.png and costs.png: a small network on two moons with each, the same
    number of epochs. batches.png: the first epochs by batch size. decays.png: the
    learning rate's ways down.

    Args:
        data: points of your own (.csv of x1,x2,label; .npz; .mat) instead.
        dataset: what to generate: moons (the course's), flower, circles, blobs,
            quantiles, spirals or football.
        epochs: of each training; 10,000 in the course of 2017, 5,000 since 2021.
        seed: one of all: 2 is added for points and weights, 9 for the mini-batches.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py optimization --epochs 2000
    """
    begun = time.perf_counter()
    _check_seed(seed)
    _check_number("epochs", epochs, 1)
    splits = _load_points(data, dataset, np.random.RandomState(seed + 2))
    X, Y = splits["train"]
    is_courses = data is None and (dataset, epochs, seed) == ("moons", 10_000, 1)
    paths = {name: _walk(name) for name in RATES_OF_RACE}
    pictures.draw_race(
        output / "race.png",
        lambda x, y: _valley(x, y)[0],
        paths,
        limits=(-5.0, 1.5, -1.6, 2.6),
        goal=(0.0, 0.0),
    )
    rows, panels, curves = [], [], {}
    for name in command_line.progress(RATES_OF_RACE, "training with each optimiser"):
        curves[name] = []
        parameters = optimization.model(
            X,
            Y,
            [2, 5, 2, 1],
            name,
            num_epochs=epochs,
            print_cost=False,
            seed=seed + 9,
            costs=curves[name],
            rng=np.random.RandomState(seed + 2),
        )
        row = _judge(name, parameters, (X, Y), splits.get("test"), is_courses)
        height = _valley(*paths[name][-1])[0]
        row = {"optimiser": name, **row, "left after the race": float(height)}
        row.pop("")
        rows.append(row)
        panels.append(_panel(f"{name}: {row['train %']:.1f} %", parameters, X, Y))
    command_line.show_table("Optimisers", rows)
    pictures.draw_boundaries(output / "boundaries.png", panels)
    pictures.draw_costs(output / "costs.png", curves, every=100, xlabel="epoch")
    pictures.draw_costs(
        output / "batches.png",
        {
            f"batches of {size}": _first_costs(X, Y, size, min(epochs, 30), seed)
            for size in (X.shape[1], 32, 1)
        },
        xlabel="examples seen",
        every=10,
    )
    epoch = np.arange(100)
    pictures.draw_costs(
        output / "decays.png",
        {
            "1 / (1 + 0.1 t)": schedules.inverse_time_decay(0.2, epoch, 0.1),
            "0.95^t": schedules.exponential_decay(0.2, epoch),
            "1 / sqrt(t + 1)": schedules.inverse_sqrt_decay(0.2, epoch + 1),
            "halved every 20 epochs": schedules.staircase_decay(
                0.2, epoch, 0.5, time_interval=20
            ),
        },
        xlabel="epoch t",
        ylabel="learning rate, from 0.2",
    )
    figures = _accuracy(rows[-1]["train %"], X.shape[1])
    figures |= {f"{row['optimiser']}_accuracy": row["train %"] / 100 for row in rows}
    figures |= {"optimisers": rows, "costs": curves}
    return _finish(figures, begun, seed, output)


def show_tuning(
    *,
    trials: int = 16,
    searches: int = 8,
    epochs: int = 10,
    dataset: str = "spirals",
    seed: int = 1,
    output: Path = RUNS / "tuning",
) -> dict:
    """Random against grid, logarithmic against linear scale. Course 2, week 3.

    Each trial trains a small Keras model with another learning rate alpha and another
    1 - beta of its optimiser. search.png above: where each strategy looked; a grid of
    16 has tried only four values of alpha, which is what matters, and a linear scale
    hardly tries the small ones. Below: the best accuracy so far, over several searches
    with other weights, other random points and another range of alpha. It needs optuna.

    Args:
        trials: of every search; a square number, for the grid.
        searches: of every strategy.
        epochs: of every trial.
        dataset: what to generate: spirals, flower, circles, moons, blobs, quantiles or
            football.
        seed: of the points, the weights and the strategies.
        output: folder for figures and pictures.

    Example:
        python assignments/foundations.py tuning --trials 9 --searches 3
    """
    begun = time.perf_counter()
    _check_seed(seed)
    for name, value in (("searches", searches), ("epochs", epochs)):
        _check_number(name, value, 1)
    side = round(np.sqrt(max(trials, 0)))
    if side < 2 or side * side != trials:
        raise ValueError(
            f"`trials` must be a square number, 4 or more, for the grid. Received: "
            f"{trials}. Try {max(side, 2) ** 2}."
        )
    optuna = _import_optuna()
    splits = {
        split: sets.make_points(dataset, np.random.RandomState(seed + part), 300)
        for part, split in enumerate(("train", "validation", "test"))
    }
    command_line.load_keras()
    from dlai_keras.foundations.trials import TrialModel

    command_line.set_seed(seed)
    trainer = TrialModel(splits, epochs)
    ranges = [_range_of_search(seed, search) for search in range(searches)]
    grids = [
        {name: np.geomspace(*limits, side).tolist() for name, limits in one.items()}
        for one in ranges
    ]
    samplers = {
        "grid": lambda search: optuna.samplers.GridSampler(
            grids[search], seed=1000 * seed + search
        ),
        "random, linear": lambda search: optuna.samplers.RandomSampler(
            1000 * seed + search
        ),
        "random, log": lambda search: optuna.samplers.RandomSampler(
            1000 * seed + search
        ),
        # By default its first ten trials are random.
        "TPE, log": lambda search: optuna.samplers.TPESampler(
            seed=1000 * seed + search, n_startup_trials=5
        ),
    }
    jobs = [(name, search) for search in range(searches) for name in samplers]
    found: dict[str, list] = {name: [] for name in samplers}
    for name, search in command_line.progress(jobs, "searching"):
        study = optuna.create_study(
            direction="maximize", sampler=samplers[name](search)
        )

        def objective(trial, name=name, search=search):
            chosen = {
                key: trial.suggest_float(key, *limits, log="linear" not in name)
                for key, limits in ranges[search].items()
            }
            draw = np.random.default_rng((seed, search, trial.number))
            scores = trainer.run(draw, **chosen)
            trial.set_user_attr("test", scores["test"])
            return scores["validation"]

        study.optimize(objective, n_trials=trials)
        found[name].append(study)
    strategies, rows = {}, []
    for name, studies in found.items():
        values = np.array([[trial.value for trial in s.trials] for s in studies])
        points = [
            [trial.params[key] for key in SEARCHED] for trial in studies[0].trials
        ]
        strategies[name] = {
            "points": np.array(points),
            "values": values[0],
            "best": np.maximum.accumulate(values, axis=1),
        }
        best = values.max(axis=1)
        tests = [study.best_trial.user_attrs["test"] for study in studies]
        rows.append(
            {
                "strategy": name,
                "validation %": 100 * best.mean(),
                "from": 100 * best.min(),
                "to": 100 * best.max(),
                "test %": 100 * np.mean(tests),
                "values of alpha": len(set(strategies[name]["points"][:, 0])),
                "beats the grid": (
                    None if name == "grid" else _wins(best, found["grid"])
                ),
            }
        )
    command_line.show_table(f"{searches} searches of {trials} trials each", rows)
    pictures.draw_search(
        output / "search.png",
        strategies,
        names=("alpha, the learning rate", "1 - beta"),
        goal="validation accuracy",
    )
    figures = {"accuracy": rows[2]["validation %"] / 100}
    figures |= {"trials": trials, "searches": searches}
    for row in rows:
        key = row["strategy"].replace(", ", "_").lower()
        figures[f"{key}_accuracy"] = row["validation %"] / 100
    return _finish({**figures, "strategies": rows}, begun, seed, output)


# Cats


def _load_cats(path, size, seed):
    if path is not None:
        return sets.load_cats(path)
    _check_number("size", size, PIXELS)
    rng = np.random.default_rng(seed)
    images, labels = sets.make_cats(rng, 259, size=size)  # as many as the course's
    return {
        "train": (images[:209], labels[:, :209]),
        "test": (images[209:], labels[:, 209:]),
    }


def _columns(splits):
    """`train_x, train_y, test_x, test_y`, as the course's notebooks have them."""
    (train, train_y), (test, test_y) = splits["train"], splits["test"]
    return sets.flatten_images(train), train_y, sets.flatten_images(test), test_y


def _cat_scores(parameters, columns):
    """How surely each column is a cat; one neuron is a network of one layer."""
    return deep_network.L_model_forward(columns, parameters)[0][0]


def _judge_cats(trained, splits, is_courses):
    train_x, train_y, test_x, test_y = _columns(splits)
    rows = []
    for name, parameters in trained.items():
        train_score, test_score = (
            float(np.mean((_cat_scores(parameters, x) > 0.5) == y[0]))
            for x, y in ((train_x, train_y), (test_x, test_y))
        )
        rows.append(
            {
                "classifier": name,
                "parameters": sum(array.size for array in parameters.values()),
                "train %": 100 * train_score,
                "test %": 100 * test_score,
                "95 % interval": _interval(test_score, test_y.size),
            }
        )
        if is_courses:
            rows[-1]["published"] = "{:g} and {:g}".format(*PUBLISHED[name])
    return rows


def _draw_mistakes(path, parameters, split):
    images, labels = split
    scores = _cat_scores(parameters, sets.flatten_images(images))
    wrong = np.flatnonzero((scores > 0.5) != labels[0])
    # The surest mistakes first, then, where there are few, what is right.
    order = [*wrong[np.argsort(-np.abs(scores[wrong] - 0.5), kind="stable")]]
    order += [i for i in range(len(scores)) if i not in set(order)]
    shown = order[:MISTAKES]
    pictures.draw_images(
        path,
        images[shown],
        [f"{sets.CLASSES[int(scores[i] > 0.5)]}, {scores[i]:.2f}" for i in shown],
        colors=[charts.POSITIVE if i in set(wrong) else charts.INK for i in shown],
    )


def _save_classifiers(path, trained, size):
    arrays = {"size": np.array(size)}
    for number, name in enumerate(CLASSIFIERS):
        for key, array in trained[name].items():
            arrays[f"{number}_{key}"] = array.astype("float32")
    with files.whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def _load_classifiers(path):
    file = path / "cats.npz" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"No such file: {file}. Expected the folder of a run of cats, with its "
            "cats.npz. Run cats first."
        )
    try:
        with np.load(file) as opened:
            arrays = dict(opened)
            trained = {
                name: {
                    key.partition("_")[2]: array.astype("float64")
                    for key, array in arrays.items()
                    if key.startswith(f"{number}_")
                }
                for number, name in enumerate(CLASSIFIERS)
            }
            return trained, int(arrays["size"])
    except (OSError, ValueError, EOFError, KeyError):
        raise ValueError(f"{file} is no cats.npz of a run of cats.") from None


# Points


def _load_points(path, dataset, rng, num_test=0):
    if path is not None:
        return sets.load_points(path)
    splits = {"train": sets.make_points(dataset, rng)}
    if num_test:
        splits["test"] = sets.make_points(dataset, rng, num_test)
    return splits


def _train_hidden_layer(X, Y, size, iterations, costs, seed):
    """As `planar_network.nn_model`, with a finer curve of the cost."""
    parameters = planar_network.initialize_parameters(
        len(X), size, 1, rng=np.random.RandomState(seed + 1)
    )
    for i in range(iterations):
        A2, cache = planar_network.forward_propagation(X, parameters)
        if i % 50 == 0:
            costs.append(float(planar_network.compute_cost(A2, Y)))
        grads = planar_network.backward_propagation(parameters, cache, X, Y)
        parameters = planar_network.update_parameters(parameters, grads)
    return parameters


def _judge(name, parameters, train, test, is_courses):
    """A line of the table of networks on points."""

    def score(X, Y):
        return float(np.mean(initialization.predict_dec(parameters, X) == Y))

    row = {"": name, "train %": 100 * score(*train)}
    if test is not None:
        row["test %"] = 100 * score(*test)
        row["95 % interval"] = _interval(score(*test), test[1].size)
    if is_courses and name in PUBLISHED:
        known = [f"{value:g}" for value in PUBLISHED[name] if value is not None]
        row["published"] = " and ".join(known)
    return row


def _panel(title, parameters, X, Y):
    def predict(places):
        return initialization.forward_propagation(places, parameters)[0]

    return title, predict, X, Y


def _capped(curves):
    """Without the first costs of saturated weights, which would hide all others."""
    return {
        name: [np.nan if cost > 2 else cost for cost in costs]
        for name, costs in curves.items()
    }


def _train_with_one_mask(X, Y, iterations, keep_prob, costs, rng, seed):
    """As `regularization.model`, but seeding in every step, as the notebook does."""
    parameters = regularization.initialize_parameters([len(X), 20, 3, 1], rng=rng)
    for i in range(iterations):
        a3, cache = regularization.forward_propagation_with_dropout(
            X, parameters, keep_prob, rng=np.random.RandomState(seed)
        )
        if i % 1000 == 0:
            costs.append(float(regularization.compute_cost(a3, Y)))
        grads = regularization.backward_propagation_with_dropout(X, Y, cache, keep_prob)
        parameters = deep_network.update_parameters(parameters, grads, 0.3)
    return parameters


# Gradients


def _check_keras_models(seed):
    keras = command_line.load_keras()
    from dlai_keras.foundations.model_gradients import check_gradients

    @keras.ops.custom_gradient
    def double(x):
        """Twice its input; its gradient says three times."""

        def backward(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return 3 * upstream

        return 2 * x, backward

    class WrongDouble(keras.layers.Layer):
        def call(self, inputs):
            return double(inputs)

        def compute_output_shape(self, input_shape):
            return input_shape

    command_line.set_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(8, 4)), rng.integers(0, 2, (8, 1)).astype("float64")
    reports = {}
    for name, middle in (
        ("A Keras model", []),
        ("A Keras model with a wrong layer", [WrongDouble(name="wrong_double")]),
    ):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(5, "tanh", name="first"),
                *middle,
                keras.layers.Dense(3, "tanh", name="second"),
                keras.layers.Dense(1, "sigmoid", name="last"),
            ]
        )
        reports[name] = check_gradients(model, x, y, loss="binary_crossentropy")
    return reports


def _check_convolution(seed):
    """How far `conv_backward` is from central differences, for a small layer."""
    rng = np.random.RandomState(seed)
    hparameters = {"stride": 2, "pad": 1}
    arrays = {
        "A_prev": rng.randn(2, 5, 5, 2),
        "W": rng.randn(3, 3, 2, 3),
        "b": rng.randn(1, 1, 1, 3),
    }
    Z, cache = convolution.conv_forward(*arrays.values(), hparameters)
    upstream = rng.randn(*Z.shape)
    wanted = gradient_checking.numerical_gradients(
        lambda changed: np.sum(
            upstream * convolution.conv_forward(*changed.values(), hparameters)[0]
        ),
        arrays,
        1e-5,
    )
    found = convolution.conv_backward(upstream, cache)
    return max(
        gradient_checking.relative_difference(gradient, wanted[f"d{name}"])
        for name, gradient in zip(arrays, found, strict=True)
    )


# Filters: 3 by 3, of one channel.

FILTERS = {
    "vertical edges": np.array([[1, 0, -1]] * 3),
    "horizontal edges": np.array([[1, 0, -1]] * 3).T,
    "Sobel, vertical": np.outer([1, 2, 1], [1, 0, -1]),
    "Sobel, horizontal": np.outer([1, 0, -1], [1, 2, 1]),
    "diagonal edges": np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]]),
    "Laplace": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "blur": np.full((3, 3), 1 / 9),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
}


# The race

RATES_OF_RACE = {"gd": 0.52, "momentum": 0.52, "rmsprop": 0.1, "adam": 0.25}
RACE_STEPS = 80


def _valley(x, y):
    """A long bent valley, steep across and flat along; its gradient beside it."""
    bend, slope = 0.6 * np.sin(1.2 * x), 0.72 * np.cos(1.2 * x)
    across = y - bend
    height = 0.05 * x**2 + 1.3 * across**2
    return height, 0.1 * x - 2.6 * across * slope, 2.6 * across


def _walk(name):
    """Where an optimiser is after every step from the start of the race."""
    place = {"W1": np.array([-4.4, 1.9])}
    v, s = optimization.initialize_adam(place)
    rate, walked = RATES_OF_RACE[name], [place["W1"]]
    for t in range(1, RACE_STEPS + 1):
        grads = {"dW1": np.array(_valley(*place["W1"])[1:])}
        if name == "gd":
            place = optimization.update_parameters_with_gd(place, grads, rate)
        elif name == "momentum":
            place, v = optimization.update_parameters_with_momentum(
                place, grads, v, 0.9, rate
            )
        elif name == "rmsprop":
            place, s = optimization.update_parameters_with_rmsprop(
                place, grads, s, 0.9, rate
            )
        else:
            place, v, s, _, _ = optimization.update_parameters_with_adam(
                place, grads, v, s, t, rate
            )
        walked.append(place["W1"])
    return np.array(walked)


def _first_costs(X, Y, size, epochs, seed):
    """The cost over all examples after every 10 that are seen."""
    parameters = optimization.initialize_parameters(
        [2, 5, 2, 1], rng=np.random.RandomState(seed + 2)
    )
    costs, seen = [], 0
    for epoch in range(epochs):
        for x, y in optimization.random_mini_batches(X, Y, size, seed + 10 + epoch):
            if seen % 10 == 0 or size >= 10:
                a3, _ = optimization.forward_propagation(X, parameters)
                cost = float(initialization.compute_loss(a3, Y))
            costs += [cost] * x.shape[1]
            seen += x.shape[1]
            _, cache = optimization.forward_propagation(x, parameters)
            grads = optimization.backward_propagation(x, y, cache)
            parameters = optimization.update_parameters_with_gd(parameters, grads, 0.1)
    return costs[::10]


# Recurrent networks


# Name -> kind, and the biases of a gate that do not begin with 0.
REMEMBERING: dict[str, tuple[str, dict[str, float]]] = {
    "RNN": ("rnn", {}),
    "LSTM": ("lstm", {}),
    "LSTM, forget gate open": ("lstm", {"bf": 3.0}),
    "GRU, update gate closed": ("gru", {"bu": -3.0}),
}


# Tuning

SEARCHED = {"alpha": (1e-4, 1.0), "one_minus_beta": (1e-3, 0.5)}


def _range_of_search(seed, search):
    """Where to look, by hyperparameter: another range in every search.

    Nobody knows where the best learning rate lies. In one range for all searches one
    column of the grid would happen to be near it, or far from it, every time.
    """
    shift = 10 ** np.random.default_rng((seed, search)).uniform(-0.75, 0.75)
    return SEARCHED | {"alpha": tuple(shift * limit for limit in SEARCHED["alpha"])}


def _import_optuna():
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ImportError(
            "tuning needs the package optuna. Install it with: "
            "pip install 'dlai_keras[tuning]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _wins(best, grids):
    """In how many searches a strategy found more than the grid did, ties as halves."""
    theirs = np.array([study.best_value for study in grids])
    wins = np.sum(best > theirs) + 0.5 * np.sum(best == theirs)
    return f"{wins:g} of {len(best)}"


# What all topics share


def _finish(figures, begun, seed, output):
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"figures and pictures are in {output}")
    return figures


def _hidden_row(size, score, number):
    row = {"hidden units": size, "train %": 100 * score}
    return row | {"95 % interval": _interval(score, number)}


def _accuracy(percent, number):
    return share("accuracy", round(percent / 100 * number), number)


def _interval(score, number):
    low, high = wilson_interval(round(score * number), number)
    return f"{100 * low:.0f} to {100 * high:.0f}"


def _check_seed(seed):
    if not 0 <= seed < 2**31:
        raise ValueError(f"`seed` must be from 0 to 2**31 - 1. Received: {seed}.")


def _check_number(name, value, least):
    if value is not None and value < least:
        raise ValueError(f"`{name}` must be {least} or more. Received: {value}.")


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        cats=show_cats,
        planar=show_planar,
        initialization=show_initialization,
        regularization=show_regularization,
        gradient_checking=show_gradient_checking,
        optimization=show_optimization,
        convolution=show_convolution,
        recurrent=show_recurrent,
        tuning=show_tuning,
        evaluate=evaluate,
        predict=predict,
    )


if __name__ == "__main__":
    main()
