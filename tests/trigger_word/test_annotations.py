"""Scenes as records: JSON lines, Audacity label tracks, JAMS."""

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras.trigger_word import annotations
from dlai_keras.trigger_word.synthesis import Event, Scene

texts = st.text(alphabet='aß/\\"\n\u2028 ', max_size=4)
numbers = st.floats(0.001, 100.0)
decibels = st.floats(-100.0, 100.0)
events = st.builds(
    Event,
    label=texts,
    clip=texts,
    clip_start=numbers,
    onset=numbers,
    duration=numbers,
    gain_db=decibels,
    snr_db=decibels,
    speed=numbers,
    reverse=st.booleans(),
    low_cut=numbers,
    high_cut=numbers,
    tilt_db=decibels,
)
scenes = st.builds(
    Scene,
    duration=st.floats(200.0, 1e6),
    sample_rate=st.integers(1, 192_000),
    background=texts,
    background_start=numbers,
    background_duration=numbers,
    background_offset=numbers,
    background_gain_db=decibels,
    events=st.lists(events, max_size=3).map(tuple),
    num_dropped=st.integers(0, 9),
    fade=numbers,
    seed=st.integers(0, 2**64),
    index=st.integers(0, 10**9),
)


def some_scene():
    event = Event("on", "on/1.wav", 0.5, 1.0, 0.25, -3.0, 12.5, speed=1.1, tilt_db=-2.0)
    later = replace(event, label="dog", onset=1.75, reverse=True)
    return Scene(2.0, 8000, "rain.wav", 0.0, 9.0, 3.3, -20.0, (event, later), index=4)


def record_of(scene=None):
    scene = scene or some_scene()
    return annotations.scene_to_record(scene, file="audio/4.wav", mix_gain_db=-0.25)


@given(scenes)
def test_a_scene_survives_its_line_exactly(scene):
    line = annotations.to_line(record_of(scene))
    assert line.count("\n") == 1 and line.endswith("\n")
    assert annotations.record_to_scene(json.loads(line)) == scene


def test_a_record_says_where_each_event_ends_and_what_was_scaled():
    record = record_of()
    assert record["index"] == 4 and record["file"] == "audio/4.wav"
    assert record["mix_gain_db"] == -0.25
    assert [event["end"] for event in record["events"]] == [1.25, 2.0]
    assert {"label", "clip", "onset", "end", "gain_db", "snr_db"} <= set(
        record["events"][0]
    )


@pytest.mark.parametrize("name", annotations.SCENE_FIELDS)
def test_a_scene_with_a_missing_field_is_refused_by_name(name):
    record = record_of()
    del record[name]
    with pytest.raises(ValueError, match=name):
        annotations.record_to_scene(record)


@pytest.mark.parametrize("name", annotations.EVENT_FIELDS)
def test_an_event_with_a_missing_field_is_refused_by_name(name):
    record = record_of()
    del record["events"][0][name]
    with pytest.raises(ValueError, match=name):
        annotations.record_to_scene(record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("onset", "0.5"),
        ("onset", -0.1),
        ("onset", None),
        ("onset", float("nan")),
        ("onset", True),
        ("duration", 0),
        ("duration", 1.5),
        ("gain_db", float("inf")),
        ("snr_db", [3]),
        ("speed", 0.0),
        ("reverse", 1),
        ("label", 7),
        ("clip", None),
    ],
)
def test_an_event_edited_to_nonsense_is_refused_by_name(name, value):
    record = record_of()
    record["events"][1][name] = value
    with pytest.raises(ValueError, match=f"{name}"):
        annotations.record_to_scene(record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_rate", 0),
        ("sample_rate", 8000.0),
        ("duration", -1),
        ("background", 3),
        ("background_offset", -0.5),
        ("index", "../7"),
        ("index", -1),
        ("events", 5),
    ],
)
def test_a_scene_edited_to_nonsense_is_refused(name, value):
    with pytest.raises(ValueError, match=name if name != "events" else "annotation"):
        annotations.record_to_scene({**record_of(), name: value})


def write_lines(path, *lines):
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_records_are_read_one_at_a_time_and_a_wrong_line_is_named(tmp_path):
    good = annotations.to_line(record_of())
    for bad in ("{no json\n", "[1]\n", "\n", good[: len(good) // 2]):
        path = write_lines(tmp_path / "a.jsonl", good, good, bad)
        records = iter(annotations.read_records(path))
        assert next(records) == next(records) == record_of()
        with pytest.raises(ValueError, match=r"a\.jsonl, line 3, is no JSON"):
            next(records)
    with pytest.raises(FileNotFoundError, match=r"b\.jsonl"):
        list(annotations.read_records(tmp_path / "b.jsonl"))


def test_scenes_are_counted_and_checked(tmp_path):
    def line(index, **changes):
        return annotations.to_line({**record_of(), "index": index, **changes})

    path = tmp_path / "a.jsonl"
    assert annotations.count_scenes(write_lines(path)) == 0
    assert annotations.count_scenes(write_lines(path, line(3), line(7))) == 2
    with pytest.raises(ValueError, match=r"line 2: `index` must rise"):
        annotations.count_scenes(write_lines(path, line(3), line(3)))
    with pytest.raises(ValueError, match=r"line 2: `duration` must be"):
        annotations.count_scenes(write_lines(path, line(3), line(4, duration="2")))


def test_audacity_reads_labels_as_tab_separated_seconds():
    text = annotations.audacity_labels([(0.5, 1.25, "on"), (2, 3, "the dog")])
    assert text == "0.500000\t1.250000\ton\n2.000000\t3.000000\tthe dog\n"
    assert annotations.audacity_labels([]) == ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jams itself
def test_jams_loads_what_is_written_for_it(tmp_path):
    jams = pytest.importorskip("jams", reason="the extra jams is not installed")
    path = write_lines(tmp_path / "scene.jams", annotations.to_jams(some_scene()))
    document = jams.load(str(path), validate=True)
    assert document.file_metadata.duration == 2.0
    (annotation,) = document.annotations
    found = [(x.time, x.duration, x.value) for x in annotation.data]
    assert found == [(1.0, 0.25, "on"), (1.75, 0.25, "dog")]
    assert annotation.sandbox.scene["background"] == "rain.wav"


def test_without_jams_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jams", None)
    with pytest.raises(ModuleNotFoundError, match=r"dlai_keras\[jams\]"):
        annotations.to_jams(some_scene())
