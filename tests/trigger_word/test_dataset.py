"""Datasets on disk: the same bytes whatever happens while they are made."""

import errno
import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from dlai_keras import audio as audio_file
from dlai_keras import files
from dlai_keras.trigger_word import annotations, data, dataset, tfrecord
from dlai_keras.trigger_word.dataset import (
    DatasetSettings,
    check_clips,
    describe,
    settings_from,
    write_dataset,
)
from dlai_keras.trigger_word.synthesis import SceneSettings, example_rng, plan, render

RATE = 8000
SCENE = SceneSettings(duration=0.4, sample_rate=RATE)
WAV = DatasetSettings(SCENE, seed=3)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 3 examples, so that a few examples are several blocks."""
    monkeypatch.setattr(dataset, "BLOCK_SECONDS", 1.3)
    monkeypatch.setattr(dataset, "SHARD_BYTES", 3.1 * 0.4 * RATE * 2)
    assert WAV.block_size == replace(WAV, format="tfrecord").block_size == 3


def make(output, clips, num_examples=8, settings=WAV, **options):
    loaded = data.load_clips(clips, sample_rate=RATE)
    return write_dataset(
        output,
        num_examples,
        settings,
        loaded.clips,
        loaded.root,
        description=describe(settings, loaded.clips, loaded.root),
        **options,
    )


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def records_of(folder):
    return list(annotations.read_records(folder / "annotations.jsonl"))


ALL_KINDS = pytest.mark.parametrize(
    "settings",
    [
        WAV,
        replace(WAV, format="flac", features="log_mel", audacity=True),
        replace(WAV, format="tfrecord"),
        replace(WAV, format="tfrecord", features="spectrogram"),
    ],
    ids=["wav", "flac and features", "tfrecord", "tfrecord and features"],
)


def test_a_dataset_is_its_audio_annotations_and_description(tmp_path, clips):
    summary = make(tmp_path / "out", clips)
    files = content(tmp_path / "out")
    assert sorted(files) == [
        "annotations.jsonl",
        *[f"audio/{index:06d}.wav" for index in range(8)],
        "dataset.json",
    ]
    loaded = data.load_clips(clips, sample_rate=RATE)
    source = data.AudioFiles(clips)
    counts, dropped = Counter(), 0
    for index, record in enumerate(records_of(tmp_path / "out")):
        scene = plan(example_rng(3, index), loaded.clips, SCENE, seed=3, index=index)
        assert annotations.record_to_scene(record) == scene
        audio, mix_gain_db = render(scene, source)
        stored, rate = soundfile.read(tmp_path / "out" / record["file"], dtype="int16")
        assert rate == RATE and record["mix_gain_db"] == mix_gain_db
        np.testing.assert_array_equal(stored, audio_file.to_int16(audio))
        counts.update(event.label for event in scene.events)
        dropped += scene.num_dropped
    assert summary == {
        "num_examples": 8,
        "num_events": dict(counts),
        "num_dropped": dropped,
        "num_scaled": 0,
    }
    description = json.loads(files["dataset.json"])
    assert description["complete"] and description["summary"] == summary
    assert settings_from(description) == WAV
    assert set(description["clips"]) == {
        path.relative_to(clips).as_posix() for path in clips.rglob("*.wav")
    }


@ALL_KINDS
def test_the_number_of_workers_does_not_change_a_byte(tmp_path, clips, settings):
    make(tmp_path / "one", clips, settings=settings)
    make(tmp_path / "two", clips, settings=settings, workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_the_number_of_examples_does_not_change_an_example(tmp_path, clips):
    make(tmp_path / "few", clips, 4)
    make(tmp_path / "many", clips, 11)
    few, many = content(tmp_path / "few"), content(tmp_path / "many")
    for name in (f"audio/{index:06d}.wav" for index in range(4)):
        assert few[name] == many[name]
    assert many["annotations.jsonl"].startswith(few["annotations.jsonl"])


@ALL_KINDS
@pytest.mark.parametrize("first", [1, 3, 10])
def test_an_extended_dataset_is_the_one_made_at_once(tmp_path, clips, settings, first):
    make(tmp_path / "once", clips, 20, settings)
    make(tmp_path / "twice", clips, first, settings)
    make(tmp_path / "twice", clips, 20, settings)
    assert content(tmp_path / "once") == content(tmp_path / "twice")


def test_what_is_complete_is_not_made_again(tmp_path, clips, monkeypatch):
    make(tmp_path / "out", clips)
    before = content(tmp_path / "out")
    monkeypatch.setattr(dataset, "render", None)
    make(tmp_path / "out", clips)
    assert content(tmp_path / "out") == before


def full_disk(monkeypatch, after):
    """Every write after the first few fails, as on a full disk."""
    write, remaining = files.write_atomically, [after]

    def write_atomically(path, *parts):
        remaining[0] -= 1
        if remaining[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, *parts)

    monkeypatch.setattr(files, "write_atomically", write_atomically)


@pytest.mark.parametrize(
    "settings",
    [WAV, replace(WAV, format="flac", features="log_mel", audacity=True)],
    ids=["wav", "flac and features"],
)
def test_a_full_disk_ends_it_and_it_resumes_wherever_it_stood(
    tmp_path, clips, settings
):
    make(tmp_path / "whole", clips, settings=settings)
    whole = content(tmp_path / "whole")
    for after in range(len(whole)):
        output = tmp_path / f"after{after}"
        with pytest.MonkeyPatch.context() as monkeypatch:
            full_disk(monkeypatch, after)
            with pytest.raises(OSError, match="No space left"):
                make(output, clips, settings=settings)
        assert not list(output.rglob("*.partial"))
        make(output, clips, settings=settings)
        assert content(output) == whole, after


def test_a_full_disk_in_the_middle_of_a_shard(tmp_path, clips, monkeypatch):
    settings = replace(WAV, format="tfrecord")
    make(tmp_path / "whole", clips, settings=settings)
    write = tfrecord.write_records

    def write_records(path, records):
        if "00001" in path.name:
            path.write_bytes(b"half a record")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, records)

    monkeypatch.setattr(tfrecord, "write_records", write_records)
    with pytest.raises(OSError, match="No space left"):
        make(tmp_path / "out", clips, settings=settings)
    assert len(records_of(tmp_path / "out")) == 3
    assert not list((tmp_path / "out").rglob("*.partial"))
    monkeypatch.setattr(tfrecord, "write_records", write)
    make(tmp_path / "out", clips, settings=settings)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@ALL_KINDS
def test_annotations_torn_anywhere_are_completed(tmp_path, clips, settings):
    output = tmp_path / "out"
    make(output, clips, settings=settings)
    whole = content(output)
    path = output / "annotations.jsonl"
    size = path.stat().st_size
    for cut in (*range(0, size, size // 9), size - 1):
        path.write_bytes(whole["annotations.jsonl"][:cut])
        make(output, clips, settings=settings)
        assert content(output) == whole, cut


def test_what_a_killed_run_left_behind_is_removed(tmp_path, clips):
    make(tmp_path / "whole", clips)
    output = tmp_path / "out"
    output.mkdir()
    # killed before the description had its name
    (output / ".dataset.json.partial").write_text('{"vers')
    make(output, clips, 4)
    for name in ("audio/.000005.wav.partial", ".dataset.json.partial"):
        (output / name).write_bytes(b"half")
    (output / "audio/000005.wav").write_bytes(b"of an older kernel")
    make(output, clips)
    assert content(output) == content(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changes", "num_examples", "message"),
    [
        ({"seed": 4}, 8, "other settings"),
        ({"format": "flac"}, 8, "other settings"),
        ({"scene": replace(SCENE, min_gap=0.2)}, 8, "other settings"),
        ({}, 7, "already holds 8 examples"),
    ],
)
@pytest.mark.parametrize("torn", [False, True])
def test_another_dataset_is_not_touched(
    tmp_path, clips, changes, num_examples, message, torn
):
    output = tmp_path / "out"
    make(output, clips)
    if torn:
        (output / "audio/.000009.wav.partial").write_bytes(b"half")
        with (output / "annotations.jsonl").open("a") as file:
            file.write('{"index":8')
    before = content(output)
    with pytest.raises(ValueError, match=message):
        make(output, clips, num_examples, replace(WAV, **changes))
    assert content(output) == before


def test_a_dataset_of_other_clips_is_not_continued(tmp_path, own_clips):
    output = tmp_path / "out"
    make(output, own_clips, 4)
    before = content(output)
    shutil.copy(own_clips / "activates/0.wav", own_clips / "activates/9.wav")
    with pytest.raises(ValueError, match="other clips"):
        make(output, own_clips, 8)
    assert content(output) == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "mine", "is not empty and holds no dataset"),
        ("dataset.json", "{", "no dataset description"),
        ("dataset.json", "[1]", "no dataset description"),
        ("dataset.json", "{}", "other settings"),
    ],
)
def test_a_foreign_folder_is_not_touched(tmp_path, clips, name, text, message):
    output = tmp_path / "out"
    output.mkdir()
    (output / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        make(output, clips)
    assert content(output) == {name: text.encode()}


@pytest.mark.parametrize(("num_examples", "workers"), [(0, 1), (8, 0), (-5, 2)])
def test_impossible_counts_make_nothing(tmp_path, clips, num_examples, workers):
    with pytest.raises(ValueError, match=f"Received: {num_examples} and {workers}"):
        make(tmp_path / "out", clips, num_examples, workers=workers)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "mp3"}, "`format`.*mp3"),
        ({"features": "mfcc"}, "`features`.*mfcc"),
        ({"seed": -1}, "`seed`"),
        ({"format": "tfrecord", "jams": True}, "--format wav or flac"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        DatasetSettings(**changes)


def test_features_and_targets_belong_to_the_audio_that_was_stored(tmp_path, clips):
    for kind in ("spectrogram", "log_mel"):
        output = tmp_path / kind
        make(output, clips, 6, replace(WAV, features=kind, audacity=True))
        ones = 0
        for record in records_of(output):
            stored = audio_file.read(output / record["file"])
            stem = f"{record['index']:06d}"
            inputs = np.load(output / "features" / f"{stem}.npy")
            np.testing.assert_array_equal(
                inputs, dataset.compute_features(kind, stored, RATE)
            )
            targets = np.load(output / "targets" / f"{stem}.npy")
            assert targets.shape == (dataset.num_target_frames(kind, len(inputs)), 1)
            words = [x for x in record["events"] if x["label"] == "activates"]
            # A word ends in the scene, its label begins right after.
            heard = [
                x
                for x in words
                if int(x["end"] / 0.4 * len(targets)) + 1 < len(targets)
            ]
            assert targets.any() == bool(heard)
            ones += targets.sum()
            labels = (output / "labels" / f"{stem}.txt").read_text().splitlines()
            assert len(labels) == len(record["events"])
            for line, event in zip(labels, record["events"], strict=True):
                onset, end, label = line.split("\t")
                assert label == event["label"]
                assert float(onset) == pytest.approx(event["onset"], abs=1e-6)
                assert float(end) == pytest.approx(event["end"], abs=1e-6)
        assert ones > 0


def test_each_trigger_word_has_a_column_of_targets(tmp_path, own_clips):
    shutil.copytree(own_clips / "activates", own_clips / "halt")
    loaded = data.load_clips(
        own_clips, positives=("halt", "activates"), sample_rate=RATE
    )
    settings = replace(
        WAV,
        features="log_mel",
        scene=replace(SCENE, num_positives=(1, 1), num_negatives=(0, 0)),
    )
    write_dataset(
        tmp_path / "out",
        8,
        settings,
        loaded.clips,
        own_clips,
        description=describe(settings, loaded.clips, own_clips),
    )
    seen = set()
    for record in records_of(tmp_path / "out"):
        targets = np.load(tmp_path / f"out/targets/{record['index']:06d}.npy")
        assert targets.shape[1] == 2
        (event,) = record["events"]
        column = ("halt", "activates").index(event["label"])
        assert not targets[:, 1 - column].any()
        if targets.any():
            seen.add(column)
    assert seen == {0, 1}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jams itself
def test_jams_files_stand_beside_the_audio(tmp_path, clips):
    jams = pytest.importorskip("jams", reason="the extra jams is not installed")
    make(tmp_path / "out", clips, 3, replace(WAV, jams=True))
    for record in records_of(tmp_path / "out"):
        path = tmp_path / f"out/jams/{record['index']:06d}.jams"
        document = jams.load(str(path))
        assert [x.time for x in document.annotations[0].data] == [
            event["onset"] for event in record["events"]
        ]


def test_shards_are_read_by_tensorflow(tmp_path, clips):
    tf = pytest.importorskip("tensorflow")
    make(tmp_path / "wav", clips)
    make(
        tmp_path / "out", clips, 8, replace(WAV, format="tfrecord", features="log_mel")
    )
    make(tmp_path / "npy", clips, 8, replace(WAV, features="log_mel"))
    shards = sorted(str(path) for path in (tmp_path / "out").glob("*.tfrecord"))
    assert len(shards) > 1
    spec = {
        "index": tf.io.FixedLenFeature([], tf.int64),
        "sample_rate": tf.io.FixedLenFeature([], tf.int64),
        "audio": tf.io.FixedLenFeature([], tf.string),
        "annotation": tf.io.FixedLenFeature([], tf.string),
        "features": tf.io.FixedLenFeature([], tf.string),
        "features_shape": tf.io.FixedLenFeature([2], tf.int64),
        "targets": tf.io.FixedLenFeature([], tf.string),
        "targets_shape": tf.io.FixedLenFeature([2], tf.int64),
    }
    count = 0
    for raw, record in zip(
        tf.data.TFRecordDataset(shards), records_of(tmp_path / "wav"), strict=True
    ):
        example = tf.io.parse_single_example(raw, spec)
        assert int(example["index"]) == count == record["index"]
        assert int(example["sample_rate"]) == RATE
        stored = audio_file.read(tmp_path / "wav" / record["file"])
        audio = tf.io.decode_raw(example["audio"], tf.int16).numpy() / 32768
        np.testing.assert_array_equal(audio.astype("float32"), stored)
        annotation = json.loads(example["annotation"].numpy())
        assert annotation["events"] == record["events"]
        for name in ("features", "targets"):
            expected = np.load(tmp_path / f"npy/{name}/{count:06d}.npy")
            array = tf.io.decode_raw(example[name], tf.float32)
            array = tf.reshape(array, example[f"{name}_shape"])
            np.testing.assert_array_equal(array, expected)
        count += 1
    assert count == 8
    names = {record["file"] for record in records_of(tmp_path / "out")}
    assert names == {path.name for path in (tmp_path / "out").glob("*.tfrecord")}


def test_scaled_mixes_and_dropped_clips_are_counted(tmp_path, clips):
    loud = replace(SCENE, snr_db=(30.0, 30.0), background_db=(-20.0, -20.0))
    crowded = replace(loud, num_positives=(9, 9))
    summary = make(tmp_path / "out", clips, 6, replace(WAV, scene=crowded))
    records = records_of(tmp_path / "out")
    assert summary["num_scaled"] == sum(x["mix_gain_db"] < 0 for x in records) > 0
    assert summary["num_dropped"] == sum(x["num_dropped"] for x in records) > 0
    for record in records:
        peak = np.abs(audio_file.read(tmp_path / "out" / record["file"])).max()
        if record["mix_gain_db"] < 0:
            assert peak == pytest.approx(0.99, abs=1e-4)


def test_a_clip_that_changed_or_went_is_named(own_clips):
    loaded = data.load_clips(own_clips, sample_rate=RATE)
    checksums = describe(WAV, loaded.clips, own_clips)["clips"]
    check_clips(own_clips, checksums)
    path = own_clips / "negatives/1.wav"
    path.write_bytes(path.read_bytes()[:-2] + b"\0\1")
    with pytest.raises(ValueError, match=r"negatives/1\.wav .*checksum differs"):
        check_clips(own_clips, checksums)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"negatives/1\.wav.*--clips"):
        check_clips(own_clips, checksums)


@pytest.mark.parametrize(
    "description",
    [{}, [], {"settings": 3}, {"settings": {"scene": {}, "loudness": 3}}],
)
def test_what_is_no_description_holds_no_settings(description):
    with pytest.raises(ValueError, match=r"dataset\.json holds no settings"):
        settings_from(description)
