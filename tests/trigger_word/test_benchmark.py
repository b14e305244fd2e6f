"""The benchmark runs and writes what it says; how fast things are is not tested."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import soundfile

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "trigger_word.py"
ROWS = ("in_memory", "to_wav", "wav_and_features", "two_workers")


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="benchmark")


@pytest.fixture
def clips(tmp_path):
    """A folder as small as can be: 44.1 kHz and 16 kHz, mono and stereo."""
    rng = np.random.default_rng(0)
    for folder, rate, shape in (
        ("activates", 44_100, (20_000, 2)),
        ("negatives", 16_000, (6_000,)),
        ("backgrounds", 16_000, (48_000,)),
    ):
        (tmp_path / "clips" / folder).mkdir(parents=True)
        noise = rng.uniform(-0.1, 0.1, shape)
        soundfile.write(tmp_path / "clips" / folder / "1.wav", noise, rate)
    return tmp_path / "clips"


def test_the_benchmark_reports_ratios_and_leaves_figures_and_a_picture_only(
    script, clips, tmp_path, monkeypatch, capsys
):
    # Two processes more would take longer than all the rest.
    monkeypatch.setitem(script["benchmark"].__globals__, "WORKER_EXAMPLES", 4)
    output = tmp_path / "runs" / "benchmark"
    metrics = script["benchmark"](clips=clips, num_examples=1, repeats=1, output=output)

    for name in ROWS:
        row = metrics[name]
        assert row["ratio"] == pytest.approx(row["other_ms"] / row["ours_ms"])
        assert row["lowest"] == row["ratio"] == row["highest"] > 0
    assert metrics["stream"]["examples_per_second"] > 0
    assert metrics["num_worker_examples"] == 4
    saved = json.loads((output / "metrics.json").read_text())
    assert saved["metrics"] == metrics
    assert (output / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in output.iterdir()) == [
        "benchmark.png",
        "metrics.json",
    ]
    lines = capsys.readouterr().out.splitlines()
    header = [line for line in lines if line.startswith("│")][:2]  # may be wrapped
    assert "ratio" in [line.split("│")[1].strip() for line in header]


def test_both_sides_make_the_same_kind_of_example(script, clips, tmp_path):
    ours = script["_Ours"](clips, tmp_path)
    course = script["_Course"](clips, tmp_path)
    inputs, targets = ours.with_features(0)
    their_inputs, their_targets = course.with_features(0)
    assert inputs.shape == their_inputs.T.shape == (5511, 101)
    assert targets.shape == their_targets.T.shape == (1375, 1)
    for index, side in enumerate((ours, course), start=1):
        side.to_wav(index)
    for name in ("ours-0", "ours-1", "course-0", "course-2"):
        written = soundfile.info(tmp_path / f"{name}.wav")
        assert (written.samplerate, written.subtype) == (44_100, "PCM_16")
        assert written.frames == 441_000


def test_the_ratio_is_the_median_of_the_repeats(script):
    ours, others = np.array([1.0, 2.0, 4.0]), np.array([8.0, 8.0, 8.0])
    row = script["_row"](ours, others, 2)
    assert (row["lowest"], row["ratio"], row["highest"]) == (2.0, 4.0, 8.0)
    assert row["ours_ms"] == 1000.0
    assert row["ours_per_second"] == 1.0


def test_without_clips_the_recordings_of_the_course_are_taken_where_they_are(
    script, tmp_path, monkeypatch
):
    monkeypatch.setenv("DLAI_DATA", str(tmp_path))
    embedded = script["data"].EMBEDDED_CLIPS
    assert script["_clip_folder"](None) == embedded
    recordings = tmp_path / "trigger_word" / "raw_data"
    recordings.mkdir(parents=True)
    assert script["_clip_folder"](None) == recordings
    monkeypatch.delenv("DLAI_DATA")
    assert script["_clip_folder"](None) == embedded
    assert script["_clip_folder"](tmp_path) == tmp_path


def test_no_examples_are_refused(script, tmp_path):
    with pytest.raises(ValueError, match=r"must be 1 or more\. Received: 0 and 1"):
        script["benchmark"](num_examples=0, repeats=1, output=tmp_path)
