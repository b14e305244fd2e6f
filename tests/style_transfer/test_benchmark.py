"""The benchmark runs and writes what it says; how fast things are is not tested."""

import dataclasses
import json
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

from dlai_keras.style_transfer.extractors import load_extractor

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "style_transfer.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def small(script, monkeypatch):
    """Rendered pictures of few pixels are not worth a compilation."""
    compile_model = keras.Model.compile

    def compile_eagerly(self, *args, **kwargs):
        return compile_model(self, *args, **kwargs, run_eagerly=True)

    monkeypatch.setattr(keras.Model, "compile", compile_eagerly)
    names = script["benchmark"].__globals__
    for name, value in {"SIZE": (36, 48), "RENDERED": ("strokes",)}.items():
        monkeypatch.setitem(names, name, value)
    monkeypatch.delenv("DLAI_DATA", raising=False)
    (task,) = script["_tasks"]()
    assert task.content.shape == task.style.shape == (36, 48, 3)
    layers = {"scale1": 0.75, "colors": 0.25}  # the others take time
    extractor = load_extractor("embedded", layers=(task.content_layer, *layers))
    task = dataclasses.replace(task, extractor=extractor, style_layers=layers)
    monkeypatch.setitem(names, "_tasks", lambda: [task])
    return script


def test_both_sides_go_the_same_way(small):
    """A fair opponent: the same losses step by step."""
    (task,) = small["benchmark"].__globals__["_tasks"]()
    plain = small["_plain"](task, 6)
    ours, picture = small["_ours"](task, steps=6, **small["_as_the_course"]())
    assert picture.shape == task.content.shape
    for curve in (plain, ours):
        times, losses = np.transpose(curve)
        assert (np.diff(times) > 0).all()
        assert losses[-1] < losses[0]
    np.testing.assert_allclose(
        [loss for _, loss in ours], [loss for _, loss in plain], rtol=2e-3
    )


def test_the_costs_are_those_of_the_course(script):
    """Sums over all elements, as the course writes them."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 1, 4, 5, 3)).astype("float32")
    content = ((one - other) ** 2).sum() / (4 * 4 * 5 * 3)
    assert float(script["_content_cost"](one, other)) == pytest.approx(content)
    grams = [np.einsum("hwi,hwj->ij", a[0], a[0]) for a in (one, other)]
    style = ((grams[0] - grams[1]) ** 2).sum() / (4 * 3**2 * (4 * 5) ** 2)
    assert float(script["_layer_style_cost"](one, other)) == pytest.approx(style)


def test_the_benchmark_prints_ratios_and_leaves_figures(small, tmp_path, capsys):
    figures = small["benchmark"](
        repeats=1, steps=3, seconds=0.3, no_memory=True, output=tmp_path
    )
    what = "content_x_strokes_adam_the_same_settings"
    assert figures[f"{what}_ratio"] == pytest.approx(
        figures[f"{what}_other"] / figures[f"{what}_ours"]
    )
    for name in ("adam_each_step", "l_bfgs_loss"):
        assert figures[f"content_x_strokes_{name}_ratio"] > 0
    assert "content_x_strokes_l_bfgs_ratio" in figures  # 0 where it had too little time
    assert "ratio" in capsys.readouterr().out
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"][f"{what}_ratio"] == figures[f"{what}_ratio"]
    names = {path.name for path in tmp_path.iterdir()}
    start = "content_x_strokes"
    assert {f"{start}.png", f"{start}_adam.png", f"{start}_lbfgs.png"} <= names


def test_the_time_to_a_loss_is_that_of_the_first_step_that_has_it(script):
    curve = [(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (4.0, 2.0)]
    assert script["_seconds_to"](curve, 3.0) == 2.0
    assert script["_seconds_to"](curve, 1.0) == float("inf")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "`repeats` must be 1 or more"),
        ({"steps": 2}, "`steps` must be 3 or more"),
        ({"seconds": 0}, "`seconds` must be above 0"),
    ],
)
def test_too_little_to_measure_is_a_mistake(script, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        script["benchmark"](**options, output=tmp_path)
