"""Draws hand-sign pictures: hands that show a number, one folder a number."""

import math
from pathlib import Path

import numpy as np

from dlai_keras import command_line, files, images
from dlai_keras.signs import hands

HELP = """Draws hand-sign pictures: hands that show a number, 0 to 5.

The pictures lie in one folder a number, as every picture classifier reads them:

    runs/signs_data/0/000000.png ... runs/signs_data/5/000005.png ..."""

PREVIEW_COLUMNS = 12


def generate(
    *,
    num_examples: int = 1200,
    size: int = 64,
    seed: int = 0,
    output: Path = Path("runs/signs_data"),
) -> dict:
    """Draws a set of pictures, the six numbers in turn.

    Picture i depends on the seed, the size and on i alone: a larger set begins with
    the pictures of a smaller one, and a run that was interrupted, started again, ends
    with the same bytes. Beside the folders stands `preview.png`, a row a number.

    Args:
        num_examples: how many in all, 6 or more.
        size: width and height, pixels; 64 in the course.
        seed: same seed, same pictures.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/signs.py --num-examples 3000 --output my_signs
    """
    if num_examples < hands.NUM_CLASSES:
        raise ValueError(
            f"`num_examples` must be {hands.NUM_CLASSES} or more, one a number. "
            f"Received: num_examples={num_examples}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    signs = hands.iterate_signs(np.random.default_rng(seed), num_examples, size=size)
    names = [_file_of(index) for index in range(num_examples)]
    files.refuse_others(output, {"preview.png", *names})
    for number in range(hands.NUM_CLASSES):
        (output / str(number)).mkdir(parents=True, exist_ok=True)

    preview = []
    signs = command_line.progress(signs, "drawing", num_examples)
    for file, (image, _) in zip(names, signs, strict=True):
        images.write(output / file, image)
        if len(preview) < hands.NUM_CLASSES * PREVIEW_COLUMNS:
            preview.append(image)
    images.write(output / "preview.png", _tile(preview))
    return {"num_examples": num_examples, "size": size, "output": output}


def _file_of(index):
    """Returns where picture `index` lies below the output folder."""
    return f"{index % hands.NUM_CLASSES}/{index:06d}.png"


def _tile(pictures):
    """Returns one picture of many: a row a class, a column an example."""
    columns = math.ceil(len(pictures) / hands.NUM_CLASSES)
    blank = np.full_like(pictures[0], 255)
    pictures = pictures + [blank] * (columns * hands.NUM_CLASSES - len(pictures))
    rows = [pictures[row :: hands.NUM_CLASSES] for row in range(hands.NUM_CLASSES)]
    return np.vstack([np.hstack(row) for row in rows])


def main():
    """Runs the script."""
    command_line.run(HELP, default="generate", generate=generate)


if __name__ == "__main__":
    main()
