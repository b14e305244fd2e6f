"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "emojify.py"


def test_the_benchmark_prints_rates_and_leaves_figures(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(SCRIPT), run_name="benchmark")
    monkeypatch.setitem(script["benchmark"].__globals__, "ONE_BY_ONE", 2)
    figures = script["benchmark"](sentences=4, repeats=1, output=tmp_path)
    assert "sentences a second" in capsys.readouterr().out
    assert figures["batched_over_one_by_one"] > 0 and figures["ours_over_lstms"] > 0
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
