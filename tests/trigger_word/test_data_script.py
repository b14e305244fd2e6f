"""The script that makes datasets, as a user meets it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_scripts import trigger_word as script
from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import annotations, dataset

ROOT = Path(__file__).parents[2]
SCRIPT = [sys.executable, str(ROOT / "data_scripts/trigger_word.py")]
RATE = 8000
SMALL = {"duration": 0.4, "sample_rate": RATE, "preview": False}
FLAGS = ["--duration", "0.4", "--sample-rate", "8000", "--no-preview"]


def generate(clips, output, **options):
    return script.generate(clips=clips, output=output, **{**SMALL, **options})


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def audio_of(folder):
    files = content(folder).items()
    return {name: data for name, data in files if not name.startswith("dataset.json")}


def command(capsys, monkeypatch, *arguments):
    """Runs the script's `main`; returns its exit code and lines on stderr."""
    monkeypatch.setattr(sys, "argv", ["trigger_word.py", *map(str, arguments)])
    code = 0
    try:
        script.main()
    except SystemExit as stop:
        code = stop.code
    return code, capsys.readouterr().err.splitlines()


def failure(capsys, monkeypatch, *arguments):
    """Runs what must fail; returns the one line that is not about progress."""
    code, lines = command(capsys, monkeypatch, *arguments)
    lines = [x for x in lines if not x.startswith(("reading clips: ", "rendering"))]
    assert code == 2
    (line,) = lines
    assert line.startswith("error: ")
    return line


def test_a_dataset_is_made_with_its_preview_and_summary(tmp_path, clips, capsys):
    output = tmp_path / "out"
    result = generate(clips, output, num_examples=5, preview=True)
    assert result["num_examples"] == 5 and result["output"] == output
    records = list(annotations.read_records(output / "annotations.jsonl"))
    count = sum(x["label"] == "activates" for r in records for x in r["events"])
    assert result["num_activates"] == count > 0
    assert (output / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert not list(output.rglob("*.partial"))
    before = content(output)
    shutil.rmtree(output)
    generate(clips, output, num_examples=5, preview=True)
    assert content(output) == before
    capsys.readouterr()


def test_the_command_prints_its_result_as_json(tmp_path, clips):
    arguments = ["--clips", clips, "--num-examples", "3", "--output", "out", "--json"]
    done = subprocess.run(
        [*SCRIPT, *arguments, *FLAGS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["num_examples"] == 3 and result["output"] == "out"
    assert len(list((tmp_path / "out/audio").glob("*.wav"))) == 3


def test_presets_and_options_reach_the_description(tmp_path, clips):
    def scene_of(name, **options):
        generate(clips, tmp_path / name, num_examples=1, **options)
        description = json.loads((tmp_path / name / "dataset.json").read_text())
        return description["settings"]["scene"]

    usual = scene_of("usual", snr=(3.0, 9.0), num_positives=(1, 2), label_offset=0.1)
    assert usual["snr_db"] == [3.0, 9.0] and usual["trim"] and usual["fade"] == 0.01
    assert usual["num_positives"] == [1, 2] and usual["label_offset"] == 0.1
    course = scene_of("course", preset="course")
    assert course["snr_db"] is None and not course["trim"]
    assert (course["fade"], course["min_gap"]) == (0.0, 0.0)
    mixed = scene_of("mixed", preset="course", levels="snr", trim=True, min_gap=0.02)
    assert mixed["snr_db"] == [5.0, 20.0] and mixed["trim"]
    assert mixed["min_gap"] == 0.02
    assert scene_of("fixed", levels="course")["snr_db"] is None


def test_several_words_are_several_labels(tmp_path, own_clips):
    (own_clips / "activates").rename(own_clips / "start")
    shutil.copytree(own_clips / "start", own_clips / "halt")
    result = generate(
        own_clips, tmp_path / "out", positive=["start", "halt"], num_examples=12
    )
    assert result["num_start"] > 0 and result["num_halt"] > 0
    description = json.loads((tmp_path / "out/dataset.json").read_text())
    assert description["labels"] == ["start", "halt"]


# Reproduction from annotations


@pytest.mark.parametrize(
    ("workers", "options"),
    [
        (1, {}),
        (2, {}),
        (1, {"format": "flac", "features": "log_mel", "audacity": True}),
        (1, {"format": "tfrecord", "features": "spectrogram"}),
        (1, {"preset": "course"}),
        (1, {"snr": (35.0, 40.0)}),  # mixes that are scaled
    ],
    ids=["wav", "two workers", "flac", "tfrecord", "course", "scaled"],
)
def test_annotations_give_the_dataset_again_bit_for_bit(
    tmp_path, own_clips, capsys, options, workers
):
    shutil.copytree(own_clips / "activates", own_clips / "halt")
    first, again = tmp_path / "first", tmp_path / "again"
    generate(
        own_clips,
        first,
        num_examples=9,
        seed=5,
        positive=["halt", "activates"],
        **options,
    )
    capsys.readouterr()
    script.generate(
        from_annotations=first / "annotations.jsonl",
        output=again,
        workers=workers,
        preview=False,
    )
    assert audio_of(again) == audio_of(first)
    assert "fix" not in capsys.readouterr().err
    moved = own_clips.rename(tmp_path / "moved")
    script.generate(
        from_annotations=again / "annotations.jsonl",
        output=tmp_path / "third",
        clips=moved,
        preview=False,
    )
    assert audio_of(tmp_path / "third") == audio_of(first)


def edit(path, change):
    lines = path.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    change(records)
    path.write_text("".join(annotations.to_line(record) for record in records))


def regenerate(first, output, **options):
    return script.generate(
        from_annotations=first / "annotations.jsonl",
        output=output,
        preview=False,
        **options,
    )


def test_speed_reversal_and_channel_in_annotations_are_rendered(tmp_path, clips):
    first = tmp_path / "first"
    generate(clips, first, num_examples=6, seed=1)

    def change(records):
        for record in records:
            for event in record["events"]:
                event |= {"speed": 0.9, "reverse": True, "low_cut": 90.0}
                event |= {"high_cut": 3000.0, "tilt_db": -2.0}

    edit(first / "annotations.jsonl", change)
    regenerate(first, tmp_path / "again")
    assert audio_of(tmp_path / "again") != audio_of(first)
    regenerate(tmp_path / "again", tmp_path / "third")
    assert audio_of(tmp_path / "third") == audio_of(tmp_path / "again")


def test_an_edited_annotation_is_honoured_and_no_other_changes(tmp_path, clips):
    first = tmp_path / "first"
    generate(clips, first, num_examples=4, num_positives=(1, 1), num_negatives=(0, 0))
    moved = {}

    def change(records):
        (event,) = records[2]["events"]
        moved["from"] = event["onset"]
        event["onset"] = moved["to"] = 0.2 if event["onset"] < 0.1 else 0.0
        event["gain_db"] += 20

    edit(first / "annotations.jsonl", change)
    regenerate(first, tmp_path / "again")
    old, new = audio_of(first), audio_of(tmp_path / "again")
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"audio/000002.wav", "annotations.jsonl"}  # `end` follows
    audio = audio_file.read(tmp_path / "again/audio/000002.wav")
    peak = np.abs(audio).argmax() / RATE
    assert moved["to"] <= peak < moved["to"] + 0.07
    record = list(annotations.read_records(tmp_path / "again/annotations.jsonl"))[2]
    (event,) = record["events"]
    assert event["end"] == moved["to"] + event["duration"]


def test_a_selection_of_annotations_keeps_the_names_of_its_files(tmp_path, clips):
    first = tmp_path / "first"
    generate(clips, first, num_examples=6)
    (tmp_path / "few").mkdir()
    shutil.copy(first / "dataset.json", tmp_path / "few")
    lines = (first / "annotations.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "few/annotations.jsonl").write_text(lines[1] + lines[4])
    regenerate(tmp_path / "few", tmp_path / "again")
    files, whole = content(tmp_path / "again"), content(first)
    names = [name for name in files if name.startswith("audio/")]
    assert names == ["audio/000001.wav", "audio/000004.wav"]
    assert all(files[name] == whole[name] for name in names)


def test_annotations_that_changed_since_are_not_taken_for_the_same(tmp_path, clips):
    first = tmp_path / "first"
    generate(clips, first, num_examples=4)
    regenerate(first, tmp_path / "again")
    before = content(tmp_path / "again")
    edit(first / "annotations.jsonl", lambda records: records.pop())
    with pytest.raises(ValueError, match="other annotations"):
        regenerate(first, tmp_path / "again")
    with pytest.raises(ValueError, match="other annotations"):
        generate(clips, tmp_path / "again", num_examples=6)
    assert content(tmp_path / "again") == before


def test_a_reproduction_that_was_interrupted_resumes(tmp_path, clips, monkeypatch):
    monkeypatch.setattr(dataset, "BLOCK_SECONDS", 1.3)  # blocks of 3 examples
    first, again = tmp_path / "first", tmp_path / "again"
    generate(clips, first, num_examples=11)
    regenerate(first, again)
    whole = content(again)
    for cut in (0, 300, len(whole["annotations.jsonl"]) * 2 // 3):
        (again / "annotations.jsonl").write_bytes(whole["annotations.jsonl"][:cut])
        (again / "audio/000010.wav").unlink()
        regenerate(first, again)
        assert content(again) == whole


def test_options_that_annotations_fix_are_ignored_with_a_note(tmp_path, clips, capsys):
    first = tmp_path / "first"
    generate(clips, first, num_examples=3)
    capsys.readouterr()
    regenerate(first, tmp_path / "again", seed=9, min_gap=0.3, format="flac")
    assert audio_of(tmp_path / "again") == audio_of(first)
    (note,) = [x for x in capsys.readouterr().err.splitlines() if "fix" in x]
    assert "--format, --min-gap, --seed" in note


def test_what_cannot_be_reproduced_is_one_line(
    tmp_path, own_clips, capsys, monkeypatch
):
    first, output = tmp_path / "first", tmp_path / "again"
    generate(own_clips, first, num_examples=3, num_positives=(1, 1))
    capsys.readouterr()

    def fails(path=first / "annotations.jsonl", into=output):
        line = failure(
            capsys, monkeypatch, "--from-annotations", path, "--output", into
        )
        assert not output.exists()
        return line

    assert "annotations.jsonl" in fails(tmp_path / "nowhere/annotations.jsonl")
    shutil.copy(first / "annotations.jsonl", tmp_path)
    assert "dataset.json" in fails(tmp_path / "annotations.jsonl")
    assert "Choose another" in fails(into=first)
    for text, message in (("{", "no JSON"), ("{}", "holds no settings")):
        (tmp_path / "dataset.json").write_text(text)
        assert message in fails(tmp_path / "annotations.jsonl")

    lines = (first / "annotations.jsonl").read_text()
    (first / "annotations.jsonl").write_text(lines + "{torn")
    assert "line 4" in fails()
    (first / "annotations.jsonl").write_text(lines)
    edit(first / "annotations.jsonl", lambda x: x[1]["events"][0].update(onset=0.39))
    assert "line 2: The event at 0.39 s must end within" in fails()
    (first / "annotations.jsonl").write_text(lines)

    clip = own_clips / "activates/1.wav"
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-2] + b"\0\1")
    assert "activates/1.wav is not the clip" in fails()
    clip.unlink()
    assert "No such clip" in fails()


# Mistakes


def test_mistakes_are_one_line_with_exit_code_2_and_write_nothing(
    tmp_path, own_clips, capsys, monkeypatch
):
    output = tmp_path / "out"

    def fails(*arguments, clips=own_clips):
        line = failure(
            capsys,
            monkeypatch,
            *("--clips", clips, "--output", output, "--num-examples", 3),
            *(*FLAGS, *arguments),
        )
        assert not output.exists()
        return line

    assert "`duration` must be above 0" in fails("--duration", "-1")
    assert "`duration`" in fails("--duration", "nan")
    assert "`sample_rate`" in fails("--sample-rate", "0")
    assert "`snr_db`" in fails("--snr", "9", "3")
    assert "--levels snr" in fails("--preset", "course", "--snr", "3", "9")
    assert "`num_positives`" in fails("--num-positives", "4", "0")
    assert "`min_gap`" in fails("--min-gap", "-1")
    assert "`label_offset`" in fails("--label-offset", "inf")
    assert "`seed`" in fails("--seed", "-1")
    assert "Received: 0 and 1" in fails("--num-examples", "0")
    assert "Received: 3 and 0" in fails("--workers", "0")
    assert "mp4" in fails("--format", "mp4")
    assert "--num-examples" in fails("--num-exmaples", "3")
    assert "--format tfrecord" in fails("--format", "tfrecord", "--jams")
    assert "lasts 0.03 s, longer than the example" in fails("--duration", "0.02")
    assert "dogs" in fails("--negative", "dogs")
    assert "nowhere" in fails(clips=tmp_path / "nowhere")

    soundfile.write(own_clips / "activates/torn.flac", np.zeros(7000), RATE)
    torn = (own_clips / "activates/torn.flac").read_bytes()
    (own_clips / "activates/torn.flac").write_bytes(torn[: len(torn) // 2])
    line = fails()
    assert "activates/torn.flac" in line and "--on-error skip" in line
    for path in (own_clips / "negatives").iterdir():
        path.unlink()
    assert "No audio files in" in fails() and "negatives" in fails()


def test_on_error_skip_lists_what_was_left_out(tmp_path, own_clips, capsys):
    generate(own_clips, tmp_path / "sound", num_examples=4)
    (own_clips / "activates/bad.wav").write_text("no audio")
    (own_clips / "backgrounds/bad.mp3").write_bytes(b"")
    capsys.readouterr()
    generate(own_clips, tmp_path / "out", num_examples=4, on_error="skip")
    notes = [x for x in capsys.readouterr().err.splitlines() if "left out" in x]
    assert len(notes) == 2
    assert "activates/bad.wav" in notes[0] and "backgrounds/bad.mp3" in notes[1]
    assert audio_of(tmp_path / "out") == audio_of(tmp_path / "sound")
    description = json.loads((tmp_path / "out/dataset.json").read_text())
    assert description["skipped"] == ["activates/bad.wav", "backgrounds/bad.mp3"]


def test_other_settings_for_the_same_output_are_refused(
    tmp_path, clips, capsys, monkeypatch
):
    output = tmp_path / "out"
    arguments = ["--clips", clips, "--output", output, *FLAGS, "--num-examples"]
    assert command(capsys, monkeypatch, *arguments, 5)[0] == 0
    before = content(output)
    line = failure(capsys, monkeypatch, *arguments, 5, "--seed", 1)
    assert "other settings" in line and "another --output" in line
    assert "already holds 5" in failure(capsys, monkeypatch, *arguments, 4)
    assert content(output) == before


# Killed, and started again

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc"
)


def start(clips, output, workers, num_examples, stderr=subprocess.DEVNULL):
    arguments = ["--clips", clips, "--output", output, "--num-examples", num_examples]
    return subprocess.Popen(
        [*SCRIPT, *map(str, arguments), "--workers", str(workers), *FLAGS],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.002)
    return False


def children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, clips):
    output = tmp_path_factory.mktemp("uninterrupted") / "out"
    generate(clips, output, num_examples=700)
    return content(output)


@needs_proc
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    tmp_path, clips, uninterrupted, workers
):
    output = tmp_path / "out"
    rng = random.Random(workers)
    audio = output / "audio"
    killed_midway = 0
    for _ in range(4 - workers):
        have = len(list(audio.glob("*.wav"))) if audio.is_dir() else 0
        target = have + rng.randrange(1, 180)
        process = start(clips, output, workers, 700)
        try:
            wait_until(
                lambda target=target, process=process: (
                    process.poll() is not None
                    or (audio.is_dir() and len(list(audio.glob("*.wav"))) >= target)
                )
            )
            children = children_of(process.pid)
        finally:
            process.kill()
            process.wait()
        if process.returncode == -signal.SIGKILL:
            killed_midway += 1
        assert len(children) >= (workers if workers > 1 else 0)
        gone = wait_until(lambda c=children: not any(map(is_running, c)), 5.0)
        assert gone, "workers outlived the process that started them"
    assert killed_midway >= 1
    assert start(clips, output, workers, 700).wait() == 0
    files = content(output)
    assert files.keys() == uninterrupted.keys()
    assert files == uninterrupted


def started_long_run(clips, output, **options):
    """A run with two workers that has written some examples and is far from its end."""
    process = start(clips, output, 2, 100_000, **options)
    lines = output / "annotations.jsonl"
    assert wait_until(lambda: lines.is_file() and lines.stat().st_size > 0)
    return process


def assert_resumes(clips, output, fresh):
    # Two workers may have begun five blocks of 64 behind the last annotation.
    num_examples = (output / "annotations.jsonl").read_bytes().count(b"\n") + 500
    generate(clips, output, num_examples=num_examples)
    generate(clips, fresh, num_examples=num_examples)
    assert content(output) == content(fresh)


@needs_proc
def test_ctrl_c_ends_in_good_order_and_the_run_resumes(tmp_path, clips):
    output = tmp_path / "out"
    process = started_long_run(clips, output)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert not list(output.rglob("*.partial"))
    assert (output / "annotations.jsonl").read_bytes().endswith(b"\n")
    assert_resumes(clips, output, tmp_path / "fresh")


@needs_proc
def test_a_worker_that_was_killed_is_one_line_and_the_run_resumes(tmp_path, clips):
    output = tmp_path / "out"
    process = started_long_run(clips, output, stderr=subprocess.PIPE)
    os.kill(max(children_of(process.pid)), signal.SIGKILL)
    errors = process.communicate(timeout=20)[1].splitlines()
    assert process.returncode == 2
    assert [line for line in errors if "worker process" in line] == errors[-1:]
    assert_resumes(clips, output, tmp_path / "fresh")


def test_a_preview_that_failed_does_not_spoil_the_dataset(
    tmp_path, clips, monkeypatch, uninterrupted
):
    from dlai_keras.trigger_word import pictures

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "draw_scenes", full)
        with pytest.raises(OSError, match="No space"):
            generate(clips, tmp_path / "out", num_examples=3, preview=True)
    generate(clips, tmp_path / "out", num_examples=700)
    assert content(tmp_path / "out") == uninterrupted


def peak_megabytes(clips, output, num_examples, **options):
    code = (
        "import resource, sys; from pathlib import Path;"
        "from data_scripts import trigger_word as script;"
        f"script.generate(clips=Path({str(clips)!r}), output=Path({str(output)!r}),"
        f" num_examples={num_examples}, duration=0.1, sample_rate=8000,"
        f" preview=False, **{options!r});"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units")
def test_memory_does_not_grow_with_the_number_of_examples(tmp_path, clips):
    few = peak_megabytes(clips, tmp_path / "few", 200)
    many = peak_megabytes(clips, tmp_path / "many", 4000)
    assert many < few + 5


def test_the_verbs_are_offered_by_help(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["trigger_word.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert not stop.value.code
    help_text = capsys.readouterr().out
    assert all(verb in help_text for verb in ("generate", "speak", "embedded"))
