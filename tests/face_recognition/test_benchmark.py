"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "face_recognition.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def small(script, monkeypatch):
    """Few pictures and people, and networks that compile quickly."""
    import keras

    from dlai_keras.face_recognition import model

    def network(input_shape, embedding_size):
        inputs = keras.Input(input_shape)
        x = keras.layers.Dense(embedding_size)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.UnitNormalization()(x))

    for name in ("face_embedder", "mobile_facenet"):
        monkeypatch.setattr(model, name, network)
    names = script["benchmark"].__globals__
    sizes = {"BATCH": 12, "NUM_PER_PERSON": 3, "SIZE": 6, "NUM_IMAGES": 5}
    sizes |= {"NUM_KNOWN": 40, "SMALL": {"input_shape": (7, 6, 3), "embedding_size": 6}}
    for name, value in sizes.items():
        monkeypatch.setitem(names, name, value)
    return script


def test_the_benchmark_prints_ratios_and_leaves_figures(small, tmp_path, capsys):
    figures = small["benchmark"](repeats=1, output=tmp_path)
    for name in (
        "batch_hard_loop_over_anchors",
        "embeddings_small_network_one_by_one",
        "embeddings_mobilefacenet_one_by_one",
        "identify_loop",
        "identify_scikit_learn",
    ):
        assert figures[f"{name}_ratio"] > 0
        assert figures[f"{name}_per_second"] * figures[
            f"{name}_seconds"
        ] == pytest.approx(1)
    assert "ratio" in capsys.readouterr().out
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == figures


def test_all_sides_find_the_same(small, tmp_path):
    """A fair comparison."""
    ours, loop = small["_losses"]()
    assert ours() == pytest.approx(loop(), rel=1e-5)
    assert ours() > 0.1
    for batched, one_by_one in small["_embeddings"]().values():
        np.testing.assert_allclose(batched(), one_by_one(), atol=1e-5)
    gallery, ours, others = small["_identification"](tmp_path)
    with gallery:
        assert ours() == "person 20"
        assert {name: other() for name, other in others.items()} == dict.fromkeys(
            ("loop", "scikit-learn"), "person 20"
        )


def test_no_repeats_are_a_mistake(script, tmp_path):
    with pytest.raises(ValueError, match="`repeats` must be 1 or more"):
        script["benchmark"](repeats=0, output=tmp_path)


def test_addons_answers_from_its_own_environment(small, tmp_path, monkeypatch):
    """Here one that has our loss under the name of theirs."""
    module = tmp_path / "tensorflow_addons" / "losses.py"
    module.parent.mkdir()
    (module.parent / "__init__.py").touch()
    module.write_text(
        "import tensorflow as tf\n"
        "from dlai_keras.face_recognition.losses import triplet_hard_loss as of_each\n"
        "def triplet_hard_loss(*arguments):\n"
        "    return tf.reduce_mean(of_each(*arguments))\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with small["_loss_of_addons"](sys.executable, tmp_path) as theirs:
        ours, _ = small["_losses"]()
        assert theirs() == pytest.approx(ours(), rel=1e-5)
        assert theirs() == pytest.approx(ours(), rel=1e-5)


def test_an_environment_without_addons_is_a_mistake(small, tmp_path):
    with pytest.raises(ValueError, match=r"make parity.*nowhere"):
        small["benchmark"](addons=tmp_path / "nowhere", output=tmp_path)
    with (
        pytest.raises(ValueError, match=r"did not answer.*make parity"),
        small["_loss_of_addons"](sys.executable, tmp_path) as theirs,
    ):
        theirs()
