"""The script that draws pictures."""

import csv
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.classic_convnets import faces, objects
from dlai_keras.classic_convnets.data import load_pictures

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "classic_convnets.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


def test_drawn_folders_are_what_the_networks_learn_from(script, tmp_path):
    options = {"num_examples": 20, "size": 16, "workers": 0, "output": tmp_path}
    script["draw_objects"](**options)
    read = load_pictures(tmp_path, size=16)["train"]
    assert read.class_names == tuple(sorted(objects.CLASSES)) and len(read) == 20
    first = image_file.read(tmp_path / "bottle" / "000000.png")
    drawn, _ = objects.make_objects(np.random.default_rng(0), 1, size=16)
    np.testing.assert_array_equal(first, drawn[0])
    assert image_file.read(tmp_path / "preview.png").shape[1] == 10 * 18 - 2
    script["draw_objects"](**options)  # over itself


def test_the_table_of_faces_holds_landmarks_and_attributes(script, tmp_path):
    script["draw_faces"](num_examples=3, size=32, workers=0, output=tmp_path)
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images, landmarks, attributes = faces.make_faces(
        np.random.default_rng(0), 3, size=32
    )
    for number, row in enumerate(rows):
        image = image_file.read(tmp_path / row["file"])
        np.testing.assert_array_equal(image, images[number])
        x, y = float(row["chin, x"]), float(row["chin, y"])
        np.testing.assert_allclose((x, y), landmarks[number, -1], atol=0.006)
        found = [int(row[name]) for name in faces.ATTRIBUTES]
        assert found == attributes[number].tolist()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--num-examples", "9"], "`num_examples` must be 10 or more"),
        (["faces", "--num-examples", "0"], "`num_examples` must be 1 or more"),
        (["--seed", "-1"], "`seed` must be 0 or more"),
        (["faces", "--size", "8", "--workers", "0"], "`size` must be 16"),
    ],
)
def test_mistakes_end_in_one_line(script, argv, message, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["x", *argv, "--output", str(tmp_path / "new")])
    with pytest.raises(SystemExit) as stop:
        script["main"]()
    lines = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2 and len(lines) == 1 and message in lines[0]


def test_other_files_are_not_overwritten(script, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"such as thesis\.txt"):
        script["draw_objects"](num_examples=10, output=tmp_path)
