"""The script that writes points and pictures."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.foundations import data

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "foundations.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


def run(script, monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["foundations.py", *map(str, argv)])
    code = 0
    try:
        script["main"]()
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_points_are_read_again_to_the_last_bit(
    script, monkeypatch, capsys, tmp_path, suffix
):
    path = tmp_path / "new" / f"moons{suffix}"
    code, out, _ = run(
        script, monkeypatch, capsys, "moons", "--num-points", 30, "--seed", 3,
        "--output", path, "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out.splitlines()[-1])["num_points"] == 30
    X, Y = data.load_points(path)["train"]
    their_X, their_Y = data.make_moons(np.random.RandomState(3), 30)
    np.testing.assert_array_equal(X, their_X)
    np.testing.assert_array_equal(Y, their_Y)


def test_a_test_set_is_written_beside_and_is_another(script, tmp_path):
    path = tmp_path / "football.npz"
    script["points"]("football", num_test=200, output=path)
    found = data.load_points(path)
    assert found["train"][0].shape == (2, 211)
    assert found["test"][0].shape == (2, 200)
    assert (found["train"][0][:, :200] != found["test"][0]).all()


def test_cats_are_read_again_as_the_courses(script, tmp_path):
    figures = script["cats"](num_train=6, num_test=3, size=16, output=tmp_path)
    found = data.load_cats(tmp_path)
    images, labels = data.make_cats(np.random.default_rng(1), 9, size=16)
    np.testing.assert_array_equal(found["train"][0], images[:6])
    np.testing.assert_array_equal(found["test"][0], images[6:])
    np.testing.assert_array_equal(found["test"][1], labels[:, 6:])
    assert figures["cats"] == labels.sum()


def test_the_same_seed_gives_the_same_bytes(script, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        script["points"]("flower", seed=seed, output=tmp_path / f"{name}.csv")
    one, again, other = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert one == again
    assert one != other


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tulips"], "flower, circles"),
        (["moons", "--output", "moons.txt"], "must end in one of .csv, .npz"),
        (["moons", "--num-test", "5"], "needs an .npz file"),
        (["moons", "--num-points", "1"], "`num_points` must be 2 or more"),
        (["moons", "--seed", "-1"], "`seed` must be from 0"),
        (["cats", "--num-test", "0"], "`num_test` must be 1 or more"),
        (["cats", "--size", "4"], "`size` must be 16 or more"),
    ],
)
def test_a_mistake_ends_in_one_line(
    script, monkeypatch, capsys, tmp_path, argv, message
):
    monkeypatch.chdir(tmp_path)
    code, _, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert len(lines) == 1
    assert message in lines[0]
    assert not list(tmp_path.rglob("*.*"))
