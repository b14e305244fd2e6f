"""Writes the generated points and pictures to files."""

from pathlib import Path

import h5py
import numpy as np

from dlai_keras import command_line, files
from dlai_keras.foundations import data

HELP = """Writes what the foundations are trained on to files.

`points` writes one of the sets of points in the plane, `cats` pictures of cats and of
other things in the course's h5 layout. assignments/foundations.py reads both with
--data."""

FORMATS = (".csv", ".npz")


def points(
    dataset: str = "flower",
    *,
    num_points: int | None = None,
    num_test: int = 0,
    seed: int = 1,
    output: Path | None = None,
) -> dict:
    """Writes one of the sets of points in the plane.

    Args:
        dataset: flower, circles, moons, blobs, quantiles, spirals or football.
        num_points: how many; by default as many as the course has.
        num_test: a test set of so many, for .npz only.
        seed: same seed, same points; the course's flower and circles have 1, its moons
            3, its blobs 5.
        output: .csv (x1,x2,label a line) or .npz (X, Y and, of a test set, X_test and
            Y_test); by default runs/foundations_data and the set's name.

    Example:
        python data_scripts/foundations.py points moons --seed 3
    """
    _check_seed(seed)
    output = output or Path("runs/foundations_data") / f"{dataset}.csv"
    if output.suffix.lower() not in FORMATS:
        raise ValueError(
            f"`output` must end in one of {', '.join(FORMATS)}. Received: {output}."
        )
    if num_test and output.suffix.lower() != ".npz":
        raise ValueError(
            "`num_test` needs an .npz file, which has room for both. "
            f"Received: {output}."
        )
    rng = np.random.RandomState(seed)
    X, Y = data.make_points(dataset, rng, num_points)
    arrays = {"X": X, "Y": Y}
    if num_test:
        test_X, test_Y = data.make_points(dataset, rng, num_test)
        arrays |= {"X_test": test_X, "Y_test": test_Y}
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix.lower() == ".csv":
        lines = [
            f"{x1!r},{x2!r},{label}\n"
            for (x1, x2), label in zip(X.T.tolist(), Y[0].tolist(), strict=True)
        ]
        files.write_atomically(output, "x1,x2,label\n", *lines)
    else:
        with files.whole_file(output) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)
    return {"num_points": X.shape[1], "num_test": num_test, "output": output}


def cats(
    *,
    num_train: int = 209,
    num_test: int = 50,
    size: int = 64,
    seed: int = 1,
    output: Path = Path("runs/foundations_data"),
) -> dict:
    """Writes train_catvnoncat.h5 and test_catvnoncat.h5, as the course's.

    Args:
        num_train: pictures to train on.
        num_test: pictures to test on.
        size: height and width, pixels.
        seed: same seed, same pictures.
        output: folder; files that are there are replaced.

    Example:
        python data_scripts/foundations.py cats --num-train 2000 --num-test 500
    """
    _check_seed(seed)
    for name, value in (("num_train", num_train), ("num_test", num_test)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    images, labels = data.make_cats(
        np.random.default_rng(seed), num_train + num_test, size=size
    )
    output.mkdir(parents=True, exist_ok=True)
    parts = {"train": slice(num_train), "test": slice(num_train, None)}
    for split, part in parts.items():
        with (
            files.whole_file(output / f"{split}_catvnoncat.h5") as partial,
            h5py.File(partial, "w") as file,
        ):
            file[f"{split}_set_x"] = images[part]
            file[f"{split}_set_y"] = labels[0, part].astype("int64")
            file["list_classes"] = np.array(data.CLASSES, "S7")
    return {
        "num_train": num_train,
        "num_test": num_test,
        "cats": int(labels.sum()),
        "output": output,
    }


def _check_seed(seed):
    if not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be from 0 to 2**32 - 1. Received: {seed}.")


def main():
    """Runs the script."""
    command_line.run(HELP, default="points", points=points, cats=cats)


if __name__ == "__main__":
    main()
