"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "signs.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def small(script, monkeypatch):
    """Compiling takes minutes where others are busy, and changes no name."""

    def network(*, weights, input_shape, classes, classifier_activation):
        assert weights is None and classifier_activation is None
        inputs = keras.Input(input_shape)
        x = keras.layers.GlobalAveragePooling2D()(inputs)
        return keras.Model(inputs, keras.layers.Dense(classes)(x))

    monkeypatch.setattr(keras.applications, "ResNet50", network)
    names = script["benchmark"].__globals__
    compile_network = names["_compile"]
    monkeypatch.setitem(
        names,
        "_compile",
        lambda keras, model, jit_compile: compile_network(
            keras, model, jit_compile=False
        ),
    )
    monkeypatch.setitem(names, "BATCH", 6)
    return script


def test_the_benchmark_prints_ratios_and_leaves_figures(small, tmp_path, capsys):
    figures = small["benchmark"](repeats=1, output=tmp_path)
    for what in ("augmentation", "augmentation_and_step", "step_against_resnet50"):
        assert figures[f"{what}_ratio"] > 0
        assert figures[f"{what}_pictures_per_second"] > 0
    assert "ratio" in capsys.readouterr().out
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"]["augmentation_ratio"] == figures["augmentation_ratio"]


def test_the_plain_way_changes_pictures_as_little_as_ours(script):
    """A fair opponent: the same size, type and range of values."""
    image = np.full((64, 64, 3), 100, "uint8")
    plain = script["_plain_augmentation"](np.random.default_rng(0), image)
    assert plain.shape == image.shape
    assert 79 < plain.min() < 126
    assert plain.max() == pytest.approx(plain.min(), rel=1e-5)


def test_no_repeats_are_a_mistake(script, tmp_path):
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)
