"""How fast pictures are changed and trained on, side by side with the plain way."""

import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.signs import data, hands

HELP = """Measures pictures per second in augmentation and in training.

Against the plain way: augmentation as `ImageDataGenerator` did it (SciPy, one channel
of one picture at a time) and a step on its batches; and against
keras.applications.ResNet50 on the same input. The sides take turns."""

BATCH = 32


def benchmark(*, repeats: int = 7, output: Path = Path("runs/signs_benchmark")) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    augmentation: one batch of 32 pictures of 64 x 64, turned, scaled, sheared,
    shifted, mirrored and brightened.

    training: the augmentation and one step of the small network. The plain way takes
    the same network, not compiled by XLA.

    ResNet50: one training step of the small network against one of
    keras.applications.ResNet50, both compiled, without augmentation.

    Args:
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/signs.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    images, labels = hands.make_signs(np.random.default_rng(0), BATCH)
    pictures = data.from_arrays(images, labels, tuple("012345"))
    keras = command_line.load_keras()
    from dlai_keras.signs.batches import ImageSequence
    from dlai_keras.signs.layers import RandomAffine, RandomColor
    from dlai_keras.signs.model import signs_resnet

    command_line.set_seed(0)
    sequence = ImageSequence(
        pictures,
        batch_size=BATCH,
        augment=(
            RandomAffine(25, (0.82, 1.22), 0.1, 0.09, True),
            RandomColor(brightness=0.25, tint=0.08),
        ),
    )
    targets = np.eye(6, dtype="float32")[labels]
    rng = np.random.default_rng(0)
    compiled = _compile(keras, signs_resnet(), jit_compile=True)
    plain = _compile(keras, signs_resnet(), jit_compile=False)
    large = _compile(
        keras,
        keras.applications.ResNet50(
            weights=None,
            input_shape=(64, 64, 3),
            classes=6,
            classifier_activation=None,
        ),
        jit_compile=True,
    )
    comparisons = {
        "augmentation": (lambda: sequence[0], lambda: _plain_batch(rng, images)),
        "augmentation and step": (
            lambda: compiled.train_on_batch(*sequence[0]),
            lambda: plain.train_on_batch(_plain_batch(rng, images), targets),
        ),
        "step, against ResNet50": (
            lambda: compiled.train_on_batch(images, targets),
            lambda: large.train_on_batch(images, targets),
        ),
    }
    rows, figures = [], {}
    for name, (ours, other) in comparisons.items():
        command_line.note(f"{name} ...")
        ours(), other()  # compile
        pairs = [(_seconds(ours), _seconds(other)) for _ in range(repeats)]
        ratios = [theirs / mine for mine, theirs in pairs]
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.2f} to {max(ratios):.2f}",
                "ours, pictures/s": BATCH / mine,
                "other, pictures/s": BATCH / theirs,
            }
        )
        key = name.replace(",", "").replace(" ", "_").lower()
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_pictures_per_second": BATCH / mine,
        }
    command_line.show_table("ratio: the other's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _compile(keras, model, *, jit_compile):
    model.compile(
        keras.optimizers.AdamW(1e-3),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    return model


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _plain_batch(rng, images):
    return np.stack([_plain_augmentation(rng, image) for image in images])


def _plain_augmentation(rng, image):
    """One picture, channel by channel, as `apply_affine_transform` does it."""
    from scipy import ndimage

    angle, shear = np.radians(rng.uniform(-25, 25)), rng.uniform(-0.1, 0.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ [[1, shear], [0, 1]] / rng.uniform(0.82, 1.22)
    middle = (np.array(image.shape[:2]) - 1) / 2
    offset = middle - matrix @ middle + rng.uniform(-0.09, 0.09, 2) * image.shape[0]
    channels = [
        ndimage.affine_transform(
            image[..., channel].astype("float32"),
            matrix,
            offset,
            order=1,
            mode="nearest",
        )
        for channel in range(3)
    ]
    result = np.stack(channels, axis=-1)
    if rng.random() < 0.5:
        result = result[:, ::-1]
    return np.clip(result * rng.uniform(0.8, 1.25), 0, 255)


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
