"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "date_translation.py"


def test_the_benchmark_prints_ratios_and_leaves_figures(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(SCRIPT), run_name="benchmark")
    names = script["benchmark"].__globals__
    for name, value in (("BATCH", 4), ("ONE_BY_ONE", 2), ("DATES", 20)):
        monkeypatch.setitem(names, name, value)
    figures = script["benchmark"](repeats=1, output=tmp_path)
    assert "ratio" in capsys.readouterr().out
    assert figures["training_step_ratio"] > 0
    assert figures["reading_10000_dates_ratio"] > 0
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
