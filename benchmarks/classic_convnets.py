"""What the networks take on this machine, beside what they take on paper."""

import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line

HELP = """Measures seconds a picture of every network, at its published size.

Beside those of keras.applications, where such a network is: the same multiply-adds,
so the same time is what to expect. The sides take turns. Multiply-adds a second tell
which kinds of layers a machine likes: few for depthwise convolutions, which are memory
traffic more than arithmetic."""

# Networks of keras.applications with the same layers.
OTHERS = {"vgg16": "VGG16", "resnet50": "ResNet50", "mobilenet": "MobileNet"}


def benchmark(
    *,
    compared: str = "lenet5,lenet5_course,alexnet,vgg16,googlenet,resnet18,resnet50,"
    "mobilenet",
    size: int | None = None,
    batch_size: int = 8,
    repeats: int = 5,
    output: Path = Path("runs/classic_convnets_benchmark"),
) -> dict:
    """Prints multiply-adds and milliseconds a picture, and leaves them in `--output`.

    Args:
        compared: names, with commas.
        size: height and width, pixels; the published ones without it.
        batch_size: pictures at a time.
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/classic_convnets.py --compared resnet50,mobilenet
    """
    for name, value in (("repeats", repeats), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    begun = time.perf_counter()
    keras = command_line.load_keras()
    from dlai_keras.classic_convnets import complexity
    from dlai_keras.classic_convnets.model import NETWORKS

    names = [name.strip() for name in compared.split(",")]
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise ValueError(
            f"`compared` must be some of {', '.join(NETWORKS)}. Received: "
            f"{', '.join(unknown)}."
        )
    command_line.set_seed(0)
    rows = []
    for name in names:
        command_line.note(f"{name} ...")
        keras.utils.clear_session()
        options = {} if size is None else {"input_shape": (size, size, 3)}
        network = NETWORKS[name](**options)
        total = complexity.totals(complexity.summary(network))
        images = np.random.default_rng(0).normal(
            size=(batch_size, *network.input_shape[1:])
        )
        images = images.astype("float32")
        sides = [network]
        if name in OTHERS:
            sides.append(
                getattr(keras.applications, OTHERS[name])(
                    weights=None, input_shape=network.input_shape[1:]
                )
            )
        for side in sides:
            side.predict_on_batch(images)  # compiles
        pairs = [[_seconds(side, images) for side in sides] for _ in range(repeats)]
        mine, *theirs = (
            statistics.median(side) / batch_size for side in zip(*pairs, strict=True)
        )
        rows.append(
            {
                "network": name,
                "parameters": total["parameters"],
                "million multiply-adds": total["multiply_adds"] / 1e6,
                "ms a picture": 1000 * mine,
                "billion multiply-adds/s": total["multiply_adds"] / mine / 1e9,
                "ms of keras.applications": 1000 * theirs[0] if theirs else None,
            }
        )
    command_line.show_table(f"One picture of {batch_size} at a time", rows)
    figures = {
        row["network"]: {key.replace(" ", "_"): row[key] for key in list(row)[1:]}
        for row in rows
    }
    figures |= {"repeats": repeats, "batch_size": batch_size}
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _seconds(network, images):
    begun = time.perf_counter()
    network.predict_on_batch(images)
    return time.perf_counter() - begun


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
