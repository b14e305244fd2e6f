"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "dinosaur_names.py"


def test_the_benchmark_prints_ratios_and_leaves_figures(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(SCRIPT), run_name="benchmark")
    names = script["benchmark"].__globals__
    small = {"NAMES": 4, "PASSAGE": 8, "ONE_BY_ONE": 2, "BATCH": 2, "LENGTH": 4}
    for name, value in {**small, "UNITS": 8}.items():
        monkeypatch.setitem(names, name, value)
    figures = script["benchmark"](repeats=1, output=tmp_path)
    assert "ratio" in capsys.readouterr().out
    for name in ("writing_names", "writing_a_passage", "training_step"):
        assert figures[f"{name}_ratio"] > 0
        assert figures[f"{name}_characters_per_second"] > 0
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
