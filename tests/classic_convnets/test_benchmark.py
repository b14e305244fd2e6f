"""The benchmark, for one small network on each side."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "classic_convnets.py"


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path(str(SCRIPT), run_name="imported")["benchmark"]


def test_the_benchmark_measures_both_sides_and_says_so(benchmark, tmp_path, capsys):
    figures = benchmark(
        compared="lenet5_course, mobilenet",
        size=32,
        batch_size=1,
        repeats=1,
        output=tmp_path,
    )
    assert figures["lenet5_course"]["million_multiply-adds"] == pytest.approx(0.84932)
    assert figures["lenet5_course"]["ms_of_keras.applications"] is None
    assert figures["mobilenet"]["ms_of_keras.applications"] > 0
    assert json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert "mobilenet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "`repeats` must be 1 or more"),
        ({"compared": "lenet6"}, r"`compared` must be some of.*lenet6"),
    ],
)
def test_wrong_arguments_are_named(benchmark, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        benchmark(**options, output=tmp_path)
