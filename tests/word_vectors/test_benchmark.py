"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "word_vectors.py"


def test_the_benchmark_prints_rates_and_leaves_figures(tmp_path, monkeypatch, capsys):
    script = runpy.run_path(str(SCRIPT), run_name="benchmark")
    names = script["benchmark"].__globals__
    small = {"BATCH": 4, "QUESTIONS": 8, "ASKED_WORDS": 20, "ONE_BY_ONE": 1}
    small["TEXT_WORDS"] = 50
    for name, value in small.items():
        monkeypatch.setitem(names, name, value)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no gensim
    figures = script["benchmark"](words=30, dim=4, text=400, repeats=1, output=tmp_path)
    assert "queries a second" in capsys.readouterr().out
    for name in ("neighbours_single", "neighbours_batched", "analogies"):
        assert figures[f"{name}_ours"] > 0 and figures[f"{name}_a_loop"] > 0
    assert figures["skip_gram_ours"] > 0
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures
    with pytest.raises(ValueError, match="`words` must be 20 or more"):
        script["benchmark"](words=3, output=tmp_path)
