"""How soon a picture has its style, side by side with the course's loop."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import command_line, images
from dlai_keras.style_transfer import data, pictures

HELP = """Measures how fast the loss of an optimised picture falls.

Beside the course's loop, written plainly in TensorFlow: every step records a tape and
computes its gradients anew, and nothing is compiled. Both sides start from the same
picture, with the same network, losses and settings of Adam, and take turns. Then
L-BFGS beside Adam, both ours, for equal seconds; and the memory of a whole run."""

SIZE = (300, 400)  # height and width, pixels
REAL = (("louvre", "monet"), ("tubingen", "starry_night"))
RENDERED = ("strokes", "mosaic")
# As the course has them; the look, with other weights, costs the same time.
CONTENT_WEIGHT, STYLE_WEIGHT = 10.0, 40.0
LEARNING_RATE, EPSILON = 0.01, 1e-12  # of Adam
# What is as good: the sides add up the same numbers in another order.
TOLERANCE = 1e-3
MEMORY_SIZES = ((300, 400), (768, 1024))
MEMORY_STEPS = 3
SCRIPT = Path(__file__).parents[1] / "assignments" / "style_transfer.py"


@dataclass(frozen=True)
class _Task:
    """One content, one style of the same size, and the network that compares them."""

    name: str
    content: np.ndarray  # uint8 RGB
    style: np.ndarray
    extractor: object
    content_layer: str
    style_layers: dict[str, float]


def benchmark(
    *,
    repeats: int = 3,
    steps: int = 60,
    seconds: float = 60.0,
    no_memory: bool = False,
    output: Path = Path("runs/style_transfer_benchmark"),
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    Adam, the same settings: seconds until the loss that the course's loop has after
    its last step, from the two pictures on, with all that has to be built and
    compiled. Its first row is the ratio of the course's loop to ours.

    Adam, each step: the same without the beginning.

    L-BFGS: seconds until the same loss with our other optimiser.

    L-BFGS, loss: that of Adam over that of L-BFGS after equal seconds.

    Where the variable DLAI_DATA names a folder that has them: louvre in the style of
    monet and tubingen in that of starry_night, with SqueezeNet. Else a rendered content
    and rendered styles, with the embedded network.

    Args:
        repeats: of each measurement; medians are shown.
        steps: of the course's loop.
        seconds: for L-BFGS and for Adam.
        no_memory: leave the memory out.
        output: folder for metrics.json, loss curves and the pictures.

    Example:
        python benchmarks/style_transfer.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    if steps < 3:
        raise ValueError(f"`steps` must be 3 or more. Received: {steps}.")
    if not seconds > 0:
        raise ValueError(f"`seconds` must be above 0. Received: {seconds}.")
    begun = time.perf_counter()
    keras = command_line.load_keras()
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "The course's loop is TensorFlow's. Received: KERAS_BACKEND="
            f"{keras.backend.backend()}. Run it without KERAS_BACKEND."
        )
    command_line.set_seed(0)
    output.mkdir(parents=True, exist_ok=True)
    rows, figures = [], {}
    for task in _tasks():
        _compare(task, repeats, steps, seconds, output, rows, figures)
    command_line.show_table("ratio: the other's time, or loss, over ours", rows)
    if not no_memory:
        measured = _memory()
        command_line.show_table("memory of a whole run of `predict`", measured)
        figures |= {f"{row['']}_megabytes": row["megabytes"] for row in measured}
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _tasks():
    """Real pictures where there are any, else rendered ones."""
    from dlai_keras.style_transfer.extractors import EXTRACTORS, load_extractor

    folder = Path(os.environ.get("DLAI_DATA", "")) / "style_transfer"
    weights = sorted((folder / "squeezenet").glob("*.h5"))
    if os.environ.get("DLAI_DATA") and weights:
        name = "squeezenet"
        extractor = load_extractor(name, weights=weights[0])
        pairs = [
            (f"{content} x {style}", *map(partial(_read, folder), (content, style)))
            for content, style in REAL
        ]
    else:
        command_line.note("DLAI_DATA names no folder with SqueezeNet: rendered ones.")
        name = "embedded"
        extractor = load_extractor(name)
        content = data.make_contents(0, 1, SIZE)[0]
        styles = data.make_styles(0, SIZE, RENDERED)
        pairs = [
            (f"content x {name}", content, style) for name, style in styles.items()
        ]
    source = EXTRACTORS[name]
    for pair in pairs:
        yield _Task(*pair, extractor, source.content_layer, dict(source.style_layers))


def _read(folder, name):
    return _resize(data.read_picture(folder / "images" / f"{name}.jpg"))


def _resize(image):
    """The course's pictures are all of one size: Gram matrices need not be scaled."""
    return cv2.resize(image, SIZE[::-1], interpolation=cv2.INTER_AREA)


def _compare(task, repeats, steps, seconds, output, rows, figures):
    """Adds the rows and figures of one pair, and draws its curves."""
    command_line.note(f"{task.name} ...")
    _ours(task, steps=1), _plain(task, 1)  # what only the first call of all does
    same, each, other, losses = [], [], [], []
    for _ in range(repeats):
        plain = _plain(task, steps)
        # A few steps more: rounding must not keep it above the other's last loss.
        adam, _ = _ours(task, steps=steps + steps // 10 + 1, **_as_the_course())
        lbfgs, picture = _ours(task, seconds=seconds, optimizer="lbfgs")
        long, long_picture = _ours(task, seconds=seconds, optimizer="adam")
        goal = plain[-1][1] * (1 + TOLERANCE)
        theirs = plain[-1][0]
        same.append((theirs / _seconds_to(adam, goal), _seconds_to(adam, goal), theirs))
        each.append((_per_step(plain) / _per_step(adam), _per_step(adam)))
        first = _seconds_to(lbfgs, goal)
        other.append((theirs / first, first, theirs))
        best = [min(loss for _, loss in curve) for curve in (lbfgs, long)]
        losses.append((best[1] / best[0], *best))
    curves = {
        "the course's loop": plain,
        "Adam, the same settings": adam,
        "Adam": long,
        "L-BFGS": lbfgs,
    }
    name = task.name.replace(" ", "_")
    pictures.draw_losses(
        output / f"{name}.png",
        {name: [loss for _, loss in curve] for name, curve in curves.items()},
        at={name: [when for when, _ in curve] for name, curve in curves.items()},
        label="seconds",
        title=task.name,
    )
    images.write(output / f"{name}_lbfgs.png", picture)
    images.write(output / f"{name}_adam.png", long_picture)
    for what, unit, values in (
        ("Adam, the same settings", "s", same),
        ("Adam, each step", "s", [(*pair, pair[0] * pair[1]) for pair in each]),
        ("L-BFGS", "s", other),
        ("L-BFGS, loss", "loss", losses),
    ):
        ratio, mine, theirs = map(statistics.median, zip(*values, strict=True))
        ratios = [value[0] for value in values]
        rows.append(
            {
                "ratio": ratio,
                "": f"{task.name}: {what}",
                "lowest to highest": f"{min(ratios):.2f} to {max(ratios):.2f}",
                "ours": mine,
                "other": theirs,
                "unit": unit,
            }
        )
        key = f"{name}_{what}".lower().replace(",", "").replace("-", "_")
        key = key.replace(" ", "_")
        figures |= {
            f"{key}_ratio": ratio,
            f"{key}_ours": mine,
            f"{key}_other": theirs,
        }


def _as_the_course():
    return {"optimizer": "adam", "learning_rate": LEARNING_RATE}


def _ours(task, *, steps=None, seconds=None, optimizer="adam", **options):
    """What `predict` does: `(seconds, loss)` of every step, and the picture."""
    from dlai_keras.style_transfer.transfer import stylize

    begun, curve = time.perf_counter(), []

    def note(step, losses, picture):
        curve.append((time.perf_counter() - begun, float(losses["loss"])))

    result = stylize(
        task.content,
        [task.style],
        task.extractor,
        content_layer=task.content_layer,
        style_layers=task.style_layers,
        content_weight=CONTENT_WEIGHT,
        style_weight=STYLE_WEIGHT,
        total_variation=0.0,
        optimizer=optimizer,
        steps=steps,
        seconds=seconds,
        sizes=[max(SIZE)],
        init="content",
        seed=0,
        on_step=note,
        **options,
    )
    return curve, result.picture


def _plain(task, steps):
    """The loop as the course tells it: `(seconds, loss)` of every step.

    The features of content and style are computed once; each step looks at the
    generated picture, adds up the costs of the layers, and lets Adam follow the
    gradient. The Gram matrix of the style is computed with the generated one's.
    """
    import keras
    import tensorflow as tf

    begun, curve = time.perf_counter(), []
    content, style = (
        tf.constant(image[None] / np.float32(255))
        for image in (task.content, task.style)
    )
    a_C = task.extractor(content)[task.content_layer]
    a_S = task.extractor(style)
    generated = keras.Variable(content)
    optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            a_G = task.extractor(generated.value)
            content_cost = _content_cost(a_C, a_G[task.content_layer])
            style_cost = 0.0
            for layer, weight in task.style_layers.items():
                style_cost += weight * _layer_style_cost(a_S[layer], a_G[layer])
            cost = CONTENT_WEIGHT * content_cost + STYLE_WEIGHT * style_cost
        gradient = tape.gradient(cost, generated.value)
        optimizer.apply([gradient], [generated])
        generated.assign(tf.clip_by_value(generated.value, 0.0, 1.0))
        curve.append((time.perf_counter() - begun, float(cost)))
    return curve


def _content_cost(a_C, a_G):
    import tensorflow as tf

    _, height, width, channels = a_G.shape
    difference = tf.reduce_sum(tf.square(a_C - a_G))
    return difference / (4 * height * width * channels)


def _layer_style_cost(a_S, a_G):
    import tensorflow as tf

    _, height, width, channels = a_G.shape
    unrolled = [tf.transpose(tf.reshape(a, (-1, channels))) for a in (a_S, a_G)]
    gram_S, gram_G = (tf.matmul(a, tf.transpose(a)) for a in unrolled)
    difference = tf.reduce_sum(tf.square(gram_S - gram_G))
    # In floats: the product has more digits than whole numbers of 32 bits.
    return difference / (4.0 * channels**2 * float(height * width) ** 2)


def _seconds_to(curve, loss):
    """When a curve is as low for the first time; infinity where it never is."""
    return next((seconds for seconds, value in curve if value <= loss), float("inf"))


def _per_step(curve):
    """Seconds of a step in the middle; the first ones compile."""
    times = [seconds for seconds, _ in curve]
    return statistics.median(np.diff(times[1:]).tolist())


def _memory():
    """The most memory that `predict` takes, in a process of its own for each size."""
    rows = []
    for height, width in MEMORY_SIZES:
        command_line.note(f"memory at {width} x {height} ...")
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "in" / "content.png"
            images.write(picture, data.make_contents(0, 1, (height, width))[0])
            options = {
                "--style": RENDERED[0],
                "--longest": max(height, width),
                "--steps": MEMORY_STEPS,
                "--output": Path(folder) / "out",
            }
            command = [sys.executable, SCRIPT, "predict", picture, "--json"]
            command += [part for option in options.items() for part in option]
            done = subprocess.run(
                list(map(str, command)), capture_output=True, text=True
            )
        if done.returncode:
            raise RuntimeError(f"`predict` failed: {done.stderr[-500:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            {"": f"{width}x{height}", "megabytes": result["peak_memory_megabytes"]}
        )
    return rows


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
