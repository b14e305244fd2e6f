"""The assignment's script: every verb for a step on the embedded clips."""

import json
import subprocess
import sys

import numpy as np
import pytest

from assignments import trigger_word as script
from dlai_keras import audio as audio_file
from dlai_keras import command_line
from dlai_keras.trigger_word import data, model


@pytest.fixture(autouse=True)
def embedded_only(monkeypatch, tmp_path):
    monkeypatch.delenv("DLAI_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "STEPS_PER_EPOCH", 2)
        patch.setattr(script, "JIT_COMPILE", False)
        figures = script.train(
            epochs=2, batch_size=4, filters=8, workers=0, output=folder
        )
    return folder, figures


def run(capsys, *argv):
    """Runs the command line; returns its last line as JSON."""
    command_line.run(
        script.HELP,
        default="train",
        argv=[*map(str, argv), "--json"],
        train=script.train,
        evaluate=script.evaluate,
        predict=script.predict,
    )
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def fails(capsys, *argv):
    """Runs a command line that must fail; returns its one line."""
    with pytest.raises(SystemExit) as caught:
        run(capsys, *argv)
    assert caught.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    errors = [line for line in output.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    return errors[0]


def test_training_leaves_the_model_its_figures_and_pictures(trained):
    folder, figures = trained
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "model.keras",
        "detector.json",
        "metrics.json",
        "training.png",
        "tradeoff.png",
        "held_out.png",
        "held_out.wav",
    }
    assert not [name for name in names if name.endswith(".partial")]
    saved = json.loads((folder / "metrics.json").read_text())
    assert saved["metrics"]["misses"] == pytest.approx(figures["misses"])
    assert figures["num_words"] == 8  # the embedded test voices
    assert figures["epochs"] == 2


def test_the_same_seed_trains_the_same_detector(trained, tmp_path, monkeypatch):
    folder, figures = trained
    monkeypatch.setattr(script, "STEPS_PER_EPOCH", 2)
    monkeypatch.setattr(script, "JIT_COMPILE", False)
    again = script.train(
        epochs=2, batch_size=4, filters=8, workers=2, output=tmp_path / "again"
    )
    first, second = (
        json.loads((path / "detector.json").read_text())
        for path in (folder, tmp_path / "again")
    )
    assert first == second
    for name in set(figures) - {"training_seconds"}:
        np.testing.assert_equal(figures[name], again[name])


def test_evaluation_measures_the_clips_that_training_kept_back(trained, capsys):
    folder, figures = trained
    result = run(capsys, "evaluate", "--model", folder)
    for name in ("num_words", "num_negatives", "misses"):
        assert result[name] == pytest.approx(figures[name])
    everything = run(capsys, "evaluate", "--model", folder, "--all-clips")
    assert everything["num_words"] == 48


def test_the_shipped_detector_has_the_figures_that_it_ships_with(capsys):
    """Words spoken by voices, and over backgrounds, that training never met."""
    result = run(capsys, "evaluate")
    shipped = json.loads((model.WEIGHTS / "activate" / "metrics.json").read_text())
    for name in ("num_words", "num_negatives"):
        assert result[name] == shipped["metrics"][name]
    # A score that lies at the threshold may fall on either side elsewhere.
    for name in ("num_misses", "num_false_accepts"):
        assert abs(result[name] - shipped["metrics"][name]) <= 1
    assert result["recall"] >= 0.75
    assert result["precision"] >= 0.7


def test_prediction_writes_times_labels_pictures_and_chimes(trained, tmp_path, capsys):
    folder, _ = trained
    recording = folder / "held_out.wav"
    result = run(
        capsys,
        *("predict", recording, "--chime", tmp_path / "chimed.wav"),
        *("--output", tmp_path / "out"),
    )
    (one,) = result["results"]
    saved = json.loads((tmp_path / "out" / "held_out.json").read_text())
    assert saved == one
    assert result["num_detections"] == len(one["detections"]) > 0
    lines = (tmp_path / "out" / "held_out.txt").read_text().splitlines()
    assert [float(line.split("\t")[0]) for line in lines] == pytest.approx(
        [found["time"] for found in one["detections"]], abs=1e-3
    )
    assert (tmp_path / "out" / "held_out.png").stat().st_size > 10_000
    before, after = (
        audio_file.read(path) for path in (recording, tmp_path / "chimed.wav")
    )
    start = round(one["detections"][0]["time"] * 16_000)
    assert (
        np.abs(after[start : start + 3000] - before[start : start + 3000]).max() > 0.1
    )
    np.testing.assert_allclose(after[: start - 10], before[: start - 10], atol=1e-3)


def test_the_demo_leaves_a_dataset_a_detector_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "STEPS_PER_EPOCH", 1)
    monkeypatch.setattr(script, "JIT_COMPILE", False)
    figures = script.demo(output=tmp_path / "demo")
    assert figures["recall"] == pytest.approx(1 - figures["misses"])
    for name in (
        "dataset/preview.png",
        "dataset/audio/000019.wav",
        "detector/model.keras",
        "held_out.png",
        "held_out_with_chimes.wav",
    ):
        assert (tmp_path / "demo" / name).stat().st_size > 1000


def test_a_saved_detector_loads_where_nothing_was_trained(trained):
    folder, _ = trained
    code = (
        "import sys; from dlai_keras.trigger_word.model import load_detector;"
        f"load_detector({str(folder)!r});"
        "sys.exit('dlai_keras.trigger_word.losses' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_threshold_that_nothing_reaches_hears_nothing(tmp_path, capsys):
    audio_file.write(tmp_path / "quiet.wav", np.zeros(16_000 * 3, "float32"), 16_000)
    assert run(capsys, "predict", "quiet.wav")["num_detections"] == 0


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["predict", "missing.wav"], "No such audio file"),
        (["predict"], "recordings"),
        (["train", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["train", "--data", "nowhere"], "No such folder"),
        (["train", "--unknown", "music"], "--unknown must name negatives"),
        (["evaluate", "--model", "nowhere"], "No such file"),
        (["train", "--epoch", "3"], "--epochs"),
    ],
)
def test_a_mistake_ends_in_one_line(argv, expected, capsys):
    assert expected in fails(capsys, *argv)


def test_a_recording_that_is_none_is_named_before_any_result(tmp_path, capsys):
    audio_file.write(tmp_path / "good.wav", np.zeros(16_000, "float32"), 16_000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    assert "bad.wav" in fails(capsys, "predict", "good.wav", "bad.wav")
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_several_sets_lists_them(tmp_path):
    for name in ("alexa", "jarvis"):
        (tmp_path / "wake_words" / name).mkdir(parents=True)
    (tmp_path / "noise").mkdir()
    with pytest.raises(ValueError, match="alexa, jarvis"):
        data.find_clips(tmp_path)
