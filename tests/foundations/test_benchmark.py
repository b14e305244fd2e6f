"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "foundations.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def small(script, monkeypatch):
    names = script["benchmark"].__globals__
    sizes = {"BATCH": 2, "SIDE": 5, "LAYERS": (12, 4, 3, 1), "EXAMPLES": 6}
    for name, value in {**sizes, "ITERATIONS": 2}.items():
        monkeypatch.setitem(names, name, value)
    return script


def test_the_benchmark_prints_ratios_and_leaves_figures(small, tmp_path, capsys):
    figures = small["benchmark"](repeats=1, output=tmp_path)
    names = ["conv_forward_loops", "conv_backward_loops", "conv_forward_keras"]
    names += ["conv_forward_and_conv_backward_keras", "l_layer_model_keras"]
    for name in names:
        assert figures[f"{name}_ratio"] > 0
        assert figures[f"{name}_seconds"] > 0
    assert "ratio" in capsys.readouterr().out
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures


def test_all_sides_compute_the_same_convolution(small):
    """A fair comparison."""
    ours = small["_Convolution"](np.random.default_rng(0), "float64")
    Z, _ = ours.forward()
    gradients = ours.backward()
    forward, both = small["_keras_convolution"](ours)
    for other in (ours.forward_loops(), forward()):
        np.testing.assert_allclose(other, Z, atol=1e-10)
    for others in (ours.forward_and_backward(), ours.backward_loops(), both()):
        for gradient, other in zip(gradients, others, strict=True):
            np.testing.assert_allclose(other, gradient, atol=1e-10)


def test_no_repeats_are_a_mistake(script, tmp_path):
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
