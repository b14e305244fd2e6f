"""The script that draws street scenes, as a user meets it."""

import json
import sys

import cv2
import numpy as np
import pytest

from data_scripts import car_detection as script
from dlai_keras import files
from dlai_keras.car_detection import scenes
from dlai_keras.car_detection.data import load_boxes, load_coco

SIZE = {"height": 64, "width": 96}


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    output = tmp_path_factory.mktemp("scenes") / "deep/out"
    result = script.generate(num_examples=5, workers=1, seed=3, output=output, **SIZE)
    return output, result


def test_the_folder_is_read_back_as_it_was_drawn(drawn):
    output, _ = drawn
    read = load_coco(output / "instances.json")
    made = scenes.make_street_scenes(3, 5, size=(64, 96))
    assert read.class_names == list(scenes.CLASSES) and len(read) == 5
    for ours, theirs in zip(made.images, read.images, strict=True):
        np.testing.assert_array_equal(ours.image, theirs.read())
        np.testing.assert_array_equal(ours.boxes_xyxy, theirs.boxes_xyxy)
        np.testing.assert_array_equal(ours.class_ids, theirs.class_ids)
        np.testing.assert_array_equal(ours.ignored, theirs.ignored)
        np.testing.assert_allclose(ours.areas, theirs.areas)


def test_the_kind_of_data_set_is_found_out(drawn):
    assert len(load_boxes(drawn[0])) == 5


def test_the_result_counts_the_objects(drawn):
    output, result = drawn
    content = json.loads((output / "instances.json").read_text())
    counted = [one for one in content["annotations"] if not one["iscrowd"]]
    assert result["num_objects"] == len(counted)
    assert sum(result["objects_by_class"].values()) == len(counted)
    assert result["num_examples"] == 5 and result["size"] == (64, 96)


def test_the_preview_shows_the_pictures_with_boxes(drawn):
    preview = cv2.imread(str(drawn[0] / "preview.png"))
    assert preview.shape == (2 * 64 + 2, 4 * 96 + 3 * 2, 3)
    first = cv2.imread(str(drawn[0] / "images/000000.png"))
    changed = (preview[:64, :96] != first).any(axis=-1)
    scene = scenes.make_street_scenes(3, 1, size=(64, 96))[0]
    assert changed.any() == (~scene.ignored).any()
    assert changed.mean() < 0.6


def test_a_set_grows_by_asking_for_more(drawn, tmp_path):
    script.generate(num_examples=3, workers=1, seed=3, output=tmp_path, **SIZE)
    few = content(tmp_path)
    script.generate(num_examples=5, workers=1, seed=3, output=tmp_path, **SIZE)
    assert content(tmp_path) == content(drawn[0])
    del few["preview.png"], few["instances.json"]
    assert len(few) == 3 and few.items() <= content(drawn[0]).items()


def test_a_run_that_was_killed_is_overwritten_cleanly(drawn, tmp_path, monkeypatch):
    options = {"num_examples": 5, "workers": 1, "seed": 3, "output": tmp_path, **SIZE}
    write = files.write_atomically

    def dies(path, data):
        if path.name == "000002.png":
            path.with_name(f".{path.name}.partial").write_bytes(data[:50])
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            script.generate(**options)
    assert not (tmp_path / "images/000002.png").exists()
    script.generate(**options)
    assert content(tmp_path) == content(drawn[0])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--num-examples", "0"], "`num_examples` must be 1 or more"),
        (["--seed", "-1"], "`seed` must be 0 or more"),
        (["--workers", "0"], "`workers` must be 1 or more"),
        (["--height", "40"], "`size` must be a height and a width of 64 pixels"),
        (["--num-exmaples", "5"], "Did you mean --num-examples"),
    ],
)
def test_mistakes_end_in_one_line(argv, message, monkeypatch, capsys, tmp_path):
    output = tmp_path / "new"
    monkeypatch.setattr(sys, "argv", ["x", *argv, "--output", str(output)])
    with pytest.raises(SystemExit) as stop:
        script.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and message in line and not output.exists()


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"such as thesis\.txt"):
        script.generate(num_examples=1, workers=1, output=tmp_path, **SIZE)
    with pytest.raises(FileExistsError, match="must be a folder"):
        script.generate(num_examples=1, workers=1, output=tmp_path / "thesis.txt")
    assert content(tmp_path) == {"thesis.txt": b"mine"}
