"""Draws pictures of ten everyday things, or faces with landmarks and attributes."""

import csv
import io
from pathlib import Path

import numpy as np

from dlai_keras import command_line, files, images
from dlai_keras.classic_convnets import faces, objects

HELP = """Draws the pictures that the classic networks learn from.

`objects` draws ten everyday things, one folder a class, as every picture classifier
reads them:

    runs/classic_convnets_data/bottle/000000.png ... umbrella/000009.png ...

`faces` draws faces, and writes where their landmarks are, and what they have:

    runs/faces_data/000000.png ... faces.csv"""

PREVIEW = 100  # pictures


def draw_objects(
    *,
    num_examples: int = 2000,
    size: int = 32,
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/classic_convnets_data"),
) -> dict:
    """Draws things, the ten classes in turn; preview.png shows the first hundred.

    Picture i depends on the seed, the size and on i alone: a larger set begins with the
    pictures of a smaller one.

    Args:
        num_examples: how many in all, 10 or more.
        size: width and height, pixels.
        workers: processes that draw.
        seed: same seed, same pictures.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/classic_convnets.py objects --size 64 --output my_things
    """
    num = len(objects.CLASSES)
    if num_examples < num:
        raise ValueError(
            f"`num_examples` must be {num} or more, one a class. Received: "
            f"num_examples={num_examples}."
        )
    _check_seed(seed)
    drawn = objects.iterate_objects(
        np.random.default_rng(seed), num_examples, size=size, workers=workers
    )
    names = [f"{objects.CLASSES[i % num]}/{i:06d}.png" for i in range(num_examples)]
    files.refuse_others(output, {"preview.png", *names})
    preview = []
    drawn = command_line.progress(drawn, "drawing", num_examples)
    for name, (image, _) in zip(names, drawn, strict=True):
        images.write(output / name, image)
        preview += [image] * (len(preview) < PREVIEW)
    images.write(output / "preview.png", images.grid(preview, num))
    return {"num_examples": num_examples, "size": size, "output": output}


def draw_faces(
    *,
    num_examples: int = 1000,
    size: int = 64,
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/faces_data"),
) -> dict:
    """Draws faces, with their landmarks and attributes in faces.csv.

    A row of the table is a face: the file, x and y of every landmark in pixels from the
    upper left corner, then 0 or 1 for every attribute.

    Args:
        num_examples: how many, 1 or more.
        size: width and height, pixels.
        workers: processes that draw.
        seed: same seed, same faces.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/classic_convnets.py faces --num-examples 5000
    """
    if num_examples < 1:
        raise ValueError(
            f"`num_examples` must be 1 or more. Received: num_examples={num_examples}."
        )
    _check_seed(seed)
    drawn = faces.iterate_faces(
        np.random.default_rng(seed), num_examples, size=size, workers=workers
    )
    names = [f"{i:06d}.png" for i in range(num_examples)]
    files.refuse_others(output, {"preview.png", "faces.csv", *names})
    header = ["file"]
    header += [f"{name}, {axis}" for name in faces.LANDMARKS for axis in "xy"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*header, *faces.ATTRIBUTES])
    preview = []
    drawn = command_line.progress(drawn, "drawing", num_examples)
    for name, (image, landmarks, attributes) in zip(names, drawn, strict=True):
        images.write(output / name, image)
        places = [f"{value:.2f}" for value in landmarks.ravel()]
        table.writerow([name, *places, *attributes.tolist()])
        preview += [image] * (len(preview) < PREVIEW)
    files.write_atomically(output / "faces.csv", text.getvalue())
    images.write(output / "preview.png", images.grid(preview, 10))
    return {"num_examples": num_examples, "size": size, "output": output}


def _check_seed(seed):
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")


def main():
    """Runs the script."""
    command_line.run(HELP, default="objects", objects=draw_objects, faces=draw_faces)


if __name__ == "__main__":
    main()
