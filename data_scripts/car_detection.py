"""Draws street scenes with the boxes of what is on them, as a COCO data set."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from dlai_keras import command_line, files, images
from dlai_keras.car_detection import data, pictures, scenes

HELP = """Draws street scenes, and writes where cars, lorries, people and lights are.

The folder is a data set in COCO's form, which every detector reads:

    runs/car_detection_data/images/000000.png ... instances.json

Boxes bound what can be seen of an object. What is hidden but for a fifth, or shorter
than 12 pixels, is marked as a crowd, which counts neither as found nor as missed."""

PREVIEW = 24  # pictures
PREVIEW_COLUMNS = 4


def generate(
    *,
    num_examples: int = 1000,
    height: int = scenes.SIZE[0],
    width: int = scenes.SIZE[1],
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/car_detection_data"),
) -> dict:
    """Draws a set of scenes.

    Scene i depends on the seed, the size and on i alone: a larger set begins with the
    scenes of a smaller one, and a run that was interrupted, started again, ends with
    the same bytes. preview.png shows the first two dozen with their boxes.

    Args:
        num_examples: how many, 1 or more.
        height: of the pictures, pixels.
        width: of the pictures, pixels.
        workers: processes that draw; 1 draws in this one.
        seed: same seed, same scenes.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/car_detection.py --num-examples 5000 --output my_streets
    """
    if num_examples < 1:
        raise ValueError(
            f"`num_examples` must be 1 or more. Received: num_examples={num_examples}."
        )
    drawn = scenes.iterate_street_scenes(
        seed, num_examples, size=(height, width), workers=workers
    )
    names = [f"images/{index:06d}.png" for index in range(num_examples)]
    files.refuse_others(output, {"preview.png", "instances.json", *names})

    annotated, preview = [], []
    drawn = command_line.progress(drawn, "drawing", num_examples)
    for index, (name, scene) in enumerate(zip(names, drawn, strict=True)):
        images.write(output / name, scene.image)
        if len(preview) < PREVIEW:
            preview.append(_with_boxes(scene))
        # Without its pixels: they would fill the memory.
        path = output / name
        annotated.append(replace(scene, image=None, path=path, image_id=index))
    dataset = data.AnnotatedImages(annotated, list(scenes.CLASSES))
    data.write_coco(dataset, output / "instances.json")
    images.write(output / "preview.png", images.grid(preview, PREVIEW_COLUMNS))
    counted = [scene.class_ids[~scene.ignored] for scene in annotated]
    totals = np.bincount(np.concatenate(counted), minlength=len(scenes.CLASSES))
    return {
        "num_examples": num_examples,
        "size": (height, width),
        "num_objects": int(totals.sum()),
        "objects_by_class": dict(zip(scenes.CLASSES, totals.tolist(), strict=True)),
        "output": output,
    }


def _with_boxes(scene):
    """Returns the picture with a box around each object that counts."""
    kept = ~scene.ignored
    colors = pictures.class_colors(len(scenes.CLASSES))[scene.class_ids[kept]]
    labels = [""] * int(kept.sum())
    return pictures.draw_boxes(scene.image, scene.boxes_xyxy[kept], colors, labels)


def main():
    """Runs the script."""
    command_line.run(HELP, default="generate", generate=generate)


if __name__ == "__main__":
    main()
