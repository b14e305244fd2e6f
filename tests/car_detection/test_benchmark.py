"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "car_detection.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def small(script, monkeypatch):
    """Small maps and pictures, nothing to compile, and no network of anybody's."""
    names = script["benchmark"].__globals__
    grids = {
        "One": ("region", [(6, 32, [(30, 40), (90, 80)])]),
        "Two": ("yolo", [(8, 16, [(20, 20)]), (4, 32, [(40, 60)])]),
    }
    sizes = {"GRIDS": grids, "BATCHES": (2,), "NUM_CLASSES": 4, "NUM_OBJECTS": 6}
    sizes |= {"NUM_BOXES": 20, "NUM_DECODED": 50, "PICTURE": (64, 80)}
    for name, value in {**sizes, "WITH_XLA": False}.items():
        monkeypatch.setitem(names, name, value)
    monkeypatch.delenv("DLAI_DATA", raising=False)
    return script


def test_the_benchmark_prints_ratios_and_leaves_figures(small, tmp_path, capsys):
    small["benchmark"].__globals__["GRIDS"].pop("One")
    figures = small["benchmark"](repeats=1, output=tmp_path)
    names = [
        f"decode_nms_two_batch_2_{other}"
        for other in ("tensorflow", "all_decoded_tensorflow", "numpy")
    ]
    names += ["sliding_windows_one_by_one", "sliding_windows_in_one_batch"]
    for name in names:
        assert figures[f"{name}_ratio"] > 0
        assert figures[f"{name}_seconds"] > 0
    assert "ratio" in capsys.readouterr().out
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures


@pytest.mark.parametrize("grid", ["One", "Two"])
def test_all_sides_find_the_same_boxes(small, grid):
    """A fair comparison; objects are found, and some of their boxes suppressed."""
    (corners, scores, class_ids), *others = [
        side() for side in small["_suppressions"](grid, 2)
    ]
    num = (scores > 0).sum(axis=1)
    assert num.min() >= 3 and num.max() < 20
    for other_corners, other_scores, other_ids in others:
        np.testing.assert_allclose(other_scores, scores, rtol=1e-4)
        np.testing.assert_allclose(other_corners, corners, rtol=1e-4, atol=1e-3)
        there = np.arange(20) < num[:, None]
        np.testing.assert_array_equal(other_ids[there], class_ids[there])


def test_all_ways_to_slide_see_the_same(small):
    one_pass, *others = small["_sliding"]()
    for other in others:
        np.testing.assert_allclose(other(), one_pass(), rtol=1e-4, atol=1e-5)


def test_no_repeats_are_a_mistake(script, tmp_path):
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
