"""The script that draws hand signs, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_scripts import signs as script
from dlai_keras import files
from dlai_keras.signs import hands

SCRIPT = Path(__file__).parents[2] / "data_scripts/signs.py"


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def failure(capsys, monkeypatch, *arguments):
    """Runs what must fail; returns the one line on stderr."""
    monkeypatch.setattr(sys, "argv", ["signs.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_each_number_has_a_folder_of_pictures_of_equal_count(tmp_path):
    output = tmp_path / "deep/out"
    result = script.generate(num_examples=18, size=32, output=output)
    assert result == {"num_examples": 18, "size": 32, "output": output}
    files = content(output)
    for number in range(6):
        names = [name for name in files if name.startswith(f"{number}/")]
        indices = (number, number + 6, number + 12)
        assert names == [f"{number}/{index:06d}.png" for index in indices]
    assert len(files) == 19 and "preview.png" in files


def test_the_files_hold_the_pictures_of_make_signs(tmp_path):
    script.generate(num_examples=7, size=48, seed=3, output=tmp_path)
    images, labels = hands.make_signs(np.random.default_rng(3), 7, size=48)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        saved = cv2.imread(str(tmp_path / f"{label}/{index:06d}.png"))
        np.testing.assert_array_equal(saved[..., ::-1], image)


def test_the_preview_has_a_row_a_number(tmp_path):
    script.generate(num_examples=8, size=20, output=tmp_path)
    preview = cv2.imread(str(tmp_path / "preview.png"))
    assert preview.shape == (6 * 20, 2 * 20, 3)
    tile = cv2.imread(str(tmp_path / "1/000007.png"))
    np.testing.assert_array_equal(preview[20:40, 20:40], tile)
    assert (preview[40:, 20:] == 255).all()  # no third picture of 2 and beyond


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        script.generate(num_examples=12, size=16, seed=seed, output=tmp_path / name)
    first, again, other = (content(tmp_path / name) for name in "abc")
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_a_set_grows_by_asking_for_more(tmp_path):
    options = {"size": 16, "output": tmp_path / "out"}
    script.generate(num_examples=6, **options)
    few = content(tmp_path / "out")
    script.generate(num_examples=14, **options)
    many = content(tmp_path / "out")
    del few["preview.png"]
    assert few.items() <= many.items() and len(many) == 15


def test_a_run_that_was_killed_is_overwritten_cleanly(tmp_path, monkeypatch):
    options = {"num_examples": 12, "size": 16}
    script.generate(**options, output=tmp_path / "whole")
    write, output = files.write_atomically, tmp_path / "out"

    def dies(path, data):
        if path.name == "000008.png":
            path.with_name(f".{path.name}.partial").write_bytes(data[:50])
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            script.generate(**options, output=output)
    assert not (output / "2/000008.png").exists()
    script.generate(**options, output=output)
    assert content(output) == content(tmp_path / "whole")


def test_the_command_prints_its_result_as_json(tmp_path):
    arguments = ["--num-examples", "6", "--size", "16", "--output", "out", "--json"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"num_examples": 6, "size": 16, "output": "out"}
    assert (tmp_path / "out/5/000005.png").is_file()
    assert "drawing: 6 done" in done.stderr


def test_mistakes_are_one_line_with_exit_code_2_and_write_nothing(
    tmp_path, capsys, monkeypatch
):
    output = tmp_path / "out"

    def fails(*arguments):
        line = failure(capsys, monkeypatch, "--output", output, *arguments)
        assert not output.exists()
        return line

    assert "`num_examples` must be 6 or more" in fails("--num-examples", 5)
    assert "`size` must be 16 pixels or more. Received: size=15" in fails("--size", 15)
    assert "`seed` must be 0 or more" in fails("--seed", -1)
    assert "--num-examples" in fails("--num-exmaples", 6)


def test_an_output_that_is_a_file_or_holds_other_files_is_left_as_it_is(
    tmp_path, capsys, monkeypatch
):
    file = tmp_path / "file"
    file.write_text("mine")
    line = failure(capsys, monkeypatch, "--output", file)
    assert "must be a folder" in line and file.read_text() == "mine"

    for name in ("notes.txt", "5/000001.png", "6/000006.png", "0/holiday.png"):
        output = tmp_path / "held"
        (output / name).parent.mkdir(parents=True)
        (output / name).write_text("mine")
        arguments = ("--output", output, "--num-examples", 12, "--size", 16)
        line = failure(capsys, monkeypatch, *arguments)
        assert f"such as {name}" in line and "another --output" in line
        assert content(output) == {name: b"mine"}
        (output / name).unlink()
        for folder in [*output.glob("*"), output]:
            folder.rmdir()


def test_a_larger_set_is_not_mixed_with_a_smaller_one(tmp_path, capsys, monkeypatch):
    script.generate(num_examples=13, size=16, output=tmp_path / "out")
    before = content(tmp_path / "out")
    capsys.readouterr()
    arguments = ("--output", tmp_path / "out", "--num-examples", 12, "--size", 16)
    assert "0/000012.png" in failure(capsys, monkeypatch, *arguments)
    assert content(tmp_path / "out") == before


def test_help_shows_every_option_and_an_example(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["signs.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert not stop.value.code
    text = capsys.readouterr().out
    for word in ("--num-examples", "--size", "--seed", "--output", "Example:"):
        assert word in text
    assert "python data_scripts/signs.py --num-examples 3000" in text
