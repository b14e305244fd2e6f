"""Clip folders: finding, checking, reading and splitting them."""

import csv
import os
import shutil
import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import data
from dlai_keras.trigger_word.data import (
    AudioFiles,
    find_clips,
    group_of,
    load_clips,
    split_clips,
)
from dlai_keras.trigger_word.synthesis import (
    Background,
    Clip,
    ClipSet,
    Scene,
    SceneSettings,
    example_rng,
    plan,
    render,
)

RATE = 8000
REAL = os.environ.get("DLAI_DATA")


def noise(seconds, *, rate=RATE, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype("float32")


def scene_over(file, *, total, offset, duration, rate=RATE):
    return Scene(duration, rate, file, 0.0, total, offset, 0.0, ())


def test_clips_have_their_file_label_level_and_length(clips):
    loaded = load_clips(clips, sample_rate=RATE)
    assert loaded.clips.labels == ("activates",)
    (first, *_) = loaded.clips.positives["activates"]
    assert first.file == "activates/0.wav" and first.label == "activates"
    assert first.duration == 0.03
    assert first.level_db == pytest.approx(-13.47, abs=0.1)
    assert [x.file for x in loaded.clips.backgrounds] == [
        "backgrounds/long.wav",
        "backgrounds/short.wav",
    ]
    assert loaded.clips.backgrounds[0].duration == 1.5
    assert loaded.clips.backgrounds[0].level_db(0, 1.5) == pytest.approx(-20, abs=0.3)
    assert loaded.skipped == ()


def test_the_set_does_not_depend_on_where_the_folder_lies(clips, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(clips, copy)
    assert load_clips(copy).clips == load_clips(clips).clips


def test_the_onset_of_a_trimmed_clip_is_that_of_the_audible_word(own_clips):
    recording = noise(1.5, level=0.0005)
    time = np.arange(round(0.4 * RATE)) / RATE
    first = round(0.63 * RATE)
    recording[first : first + len(time)] += (
        0.2 * np.sin(2 * np.pi * 700 * time)
    ).astype("float32")
    recording[800:824] += 0.3  # a click
    soundfile.write(own_clips / "activates/0.wav", recording, RATE)
    trimmed = load_clips(own_clips, sample_rate=RATE).clips.positives["activates"][0]
    assert trimmed.start == pytest.approx(0.63, abs=0.03)
    assert trimmed.start + trimmed.duration == pytest.approx(1.03, abs=0.03)
    assert trimmed.level_db == pytest.approx(-17, abs=0.5)
    whole = load_clips(own_clips, sample_rate=RATE, trim=False).clips
    assert whole.positives["activates"][0].start == 0
    assert whole.positives["activates"][0].duration == 1.5
    # and in the scene: what is heard begins and ends where the annotation says
    scene_settings = SceneSettings(
        duration=1.0, sample_rate=RATE, num_positives=(1, 1), num_negatives=(0, 0)
    )
    one = ClipSet({"activates": (trimmed,)}, {}, (Background("b", 5.0, (0.01,)),))
    scene = plan(example_rng(0, 0), one, scene_settings)

    class Silent(AudioFiles):
        def background(self, scene):
            return np.zeros(round(scene.duration * scene.sample_rate), "float32")

    heard = np.flatnonzero(np.abs(render(scene, Silent(own_clips))[0]) > 0.005)
    (event,) = scene.events
    assert heard[0] / RATE == pytest.approx(event.onset, abs=0.03)
    assert heard[-1] / RATE == pytest.approx(event.end, abs=0.03)


def test_stereo_and_any_rate_become_the_rate_of_the_examples(own_clips):
    for rate in (11_025, 44_100, 48_000):
        channels = np.stack([noise(0.2, rate=rate), noise(0.2, rate=rate)], axis=1)
        soundfile.write(own_clips / f"activates/at_{rate}.flac", channels, rate)
    loaded = load_clips(own_clips, sample_rate=RATE, trim=False)
    source = AudioFiles(own_clips)
    for clip in loaded.clips.positives["activates"][3:]:
        assert clip.duration == pytest.approx(0.2, abs=1 / RATE)
        audio = source.clip(clip.file, RATE)
        assert len(audio) == round(clip.duration * RATE)
        assert clip.level_db == pytest.approx(audio_file.level_db(audio), abs=1e-6)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.53, 1.27, 4.0])
def test_the_measured_ratio_is_snr_db_whatever_the_rate_of_the_background(
    own_clips, rate, seconds
):
    # White noise loses what lies above half the rate of the examples.
    for path in (own_clips / "backgrounds").iterdir():
        path.unlink()
    path = own_clips / "backgrounds/white.wav"
    soundfile.write(path, noise(seconds, rate=rate), rate)
    clip_set = load_clips(own_clips, sample_rate=RATE).clips
    scene_settings = SceneSettings(
        duration=1.0,
        sample_rate=RATE,
        snr_db=(10.0, 10.0),
        num_positives=(1, 2),
        fade=0.0,
    )
    source = AudioFiles(own_clips)
    for index in range(5):
        scene = plan(example_rng(0, index), clip_set, scene_settings)
        alone = render(replace(scene, events=()), source)[0]
        added = render(scene, source)[0] - alone
        for event in scene.events:
            heard = added[round(event.onset * RATE) : round(event.end * RATE)]
            measured = audio_file.level_db(heard) - audio_file.level_db(alone)
            assert measured == pytest.approx(10.0, abs=0.35)


def test_several_words_give_several_labels_in_the_order_given(own_clips):
    (own_clips / "words").mkdir()
    (own_clips / "activates").rename(own_clips / "words/start")
    shutil.copytree(own_clips / "words/start", own_clips / "words/halt")
    loaded = load_clips(own_clips, positives=("words/start", "words/halt"))
    assert loaded.clips.labels == ("start", "halt")
    assert loaded.clips.positives["halt"][0].file == "words/halt/0.wav"


def test_a_folder_has_one_role_and_a_label_one_folder(own_clips):
    shutil.copytree(own_clips / "activates", own_clips / "other/activates")
    with pytest.raises(ValueError, match="named `activates`"):
        load_clips(own_clips, negatives=("other/activates",))
    with pytest.raises(ValueError, match="one role"):
        load_clips(own_clips, negatives=("activates/",))
    with pytest.raises(ValueError, match="At least one positive"):
        load_clips(own_clips, positives=())
    with pytest.raises(ValueError, match="`on_error`"):
        load_clips(own_clips, on_error="ignore")


def test_missing_and_empty_folders_are_named_with_the_layout(own_clips):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*DIR/activates"):
        load_clips(own_clips / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"/dogs\."):
        load_clips(own_clips, negatives=("dogs",))
    shutil.rmtree(own_clips / "negatives")
    (own_clips / "negatives").mkdir()
    (own_clips / "negatives/notes.txt").write_text("later")
    with pytest.raises(FileNotFoundError, match=r"No audio files in .*negatives"):
        load_clips(own_clips)
    assert load_clips(own_clips, negatives=()).clips.negatives == {}


def broken_flac(path):
    soundfile.write(path, noise(1.0), RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_broken_clip_is_fatal_or_left_out_and_listed(own_clips):
    sound = load_clips(own_clips).clips
    broken_flac(own_clips / "activates/1a.flac")
    (own_clips / "negatives/zz.wav").write_text("no audio")
    soundfile.write(own_clips / "negatives/silent.wav", np.zeros(800), RATE)
    broken_flac(own_clips / "backgrounds/rain.flac")
    with pytest.raises(audio_file.AudioFileError, match=r"1a\.flac.*--on-error skip"):
        load_clips(own_clips)
    loaded = load_clips(own_clips, on_error="skip")
    assert [file for file, _ in loaded.skipped] == [
        "activates/1a.flac",
        "negatives/silent.wav",
        "negatives/zz.wav",
        "backgrounds/rain.flac",
    ]
    assert loaded.clips == sound


def test_a_folder_of_nothing_but_broken_clips_is_an_error_also_when_skipping(own_clips):
    for path in (own_clips / "activates").iterdir():
        path.write_bytes(b"")
    with pytest.raises(audio_file.AudioFileError, match=r"activates is broken.*0\.wav"):
        load_clips(own_clips, on_error="skip")


@pytest.mark.skipif(not REAL, reason="DLAI_DATA is not set: no real broken recordings")
def test_real_broken_recordings_are_named(own_clips):
    corrupt = Path(REAL) / "trigger_word/corrupt"
    for path in corrupt.glob("*.flac"):
        shutil.copy(path, own_clips / "activates")
    with pytest.raises(audio_file.AudioFileError, match=r"142\.flac"):
        load_clips(own_clips)
    loaded = load_clips(own_clips, on_error="skip")
    assert [x for x, _ in loaded.skipped] == [
        "activates/142.flac",
        "activates/275.flac",
    ]


def test_a_clip_longer_than_the_example_is_named(own_clips):
    with pytest.raises(audio_file.AudioFileError, match=r"2\.wav lasts 0\.06 s.*0\.05"):
        load_clips(own_clips, max_duration=0.05, trim=False)
    loaded = load_clips(own_clips, max_duration=0.05, trim=False, on_error="skip")
    assert len(loaded.skipped) == 2
    # exactly as long is not longer
    assert not load_clips(own_clips, max_duration=0.06, trim=False).skipped


class CountingFile(soundfile.SoundFile):
    frames_read = 0

    def read(self, frames=-1, *arguments, **options):
        audio = super().read(frames, *arguments, **options)
        CountingFile.frames_read += len(audio)
        return audio


@pytest.fixture
def ten_minutes(tmp_path):
    """A background of ten minutes whose samples tell where they stand."""
    path = tmp_path / "long.wav"
    ramp = (np.arange(600 * RATE) % 32_749 - 16_000).astype("int16")
    soundfile.write(path, ramp, RATE)
    return path


@pytest.mark.parametrize("offset", [0.0, 0.02, 123.456, 598.0])
def test_of_a_long_background_the_part_is_cropped_and_only_it_is_read(
    ten_minutes, monkeypatch, offset
):
    monkeypatch.setattr(soundfile, "SoundFile", CountingFile)
    CountingFile.frames_read = 0
    scene = scene_over("long.wav", total=600.0, offset=offset, duration=2.0)
    tracemalloc.start()
    part = AudioFiles(ten_minutes.parent).background(scene)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    first = round(offset * RATE)
    expected = np.arange(first, first + 16_000) % 32_749 - 16_000
    np.testing.assert_array_equal(part * 32768, expected)
    assert CountingFile.frames_read <= 2.2 * RATE
    assert peak < 1_000_000  # the whole would be 19 MB


@pytest.mark.parametrize("offset", [0.02, 30.0, 60.995])
def test_a_part_at_another_rate_is_right_up_to_its_edges(tmp_path, offset):
    time = np.arange(62 * RATE) / RATE
    soundfile.write(tmp_path / "hum.flac", 0.5 * np.cos(2 * np.pi * 100 * time), RATE)
    scene = scene_over("hum.flac", total=62.0, offset=offset, duration=1.0, rate=4000)
    part = AudioFiles(tmp_path).background(scene)
    assert part.shape == (4000,)
    time = offset + np.arange(4000) / 4000
    np.testing.assert_allclose(part, 0.5 * np.cos(2 * np.pi * 100 * time), atol=2e-3)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100])
def test_a_short_background_is_looped_without_a_dip(tmp_path, rate):
    recording = noise(1.3, rate=rate)
    soundfile.write(tmp_path / "short.wav", recording, rate)
    source = AudioFiles(tmp_path)
    for offset in (0.0, 0.7, 1.29):
        scene = scene_over("short.wav", total=1.3, offset=offset, duration=6.0)
        looped = source.background(scene)
        assert looped.shape == (48_000,)
        levels = 10 * np.log10(np.mean(looped.reshape(-1, 800) ** 2, axis=1))
        assert np.ptp(levels) < 1.5
        assert np.abs(np.diff(looped)).max() < 1.0


def test_a_background_of_exactly_the_scenes_length_is_not_looped(tmp_path):
    recording = noise(1.0, rate=44_100)
    soundfile.write(tmp_path / "even.wav", recording, 44_100)
    scene = scene_over("even.wav", total=1.0, offset=0.0, duration=1.0)
    whole = audio_file.read(tmp_path / "even.wav", sample_rate=RATE)
    np.testing.assert_array_equal(AudioFiles(tmp_path).background(scene), whole)


def test_recent_clips_are_kept_up_to_a_limit_and_cannot_be_changed(tmp_path):
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", noise(0.1), RATE)
    source = AudioFiles(tmp_path, cache_bytes=7000)  # of two clips
    kept = source.clip("a.wav", RATE)
    assert source.clip("a.wav", RATE) is kept
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1
    source.clip("b.wav", RATE)
    source.clip("a.wav", RATE)
    source.clip("c.wav", RATE)  # sends b away, which was used longest ago
    assert source.clip("a.wav", RATE) is kept
    source.clip("b.wav", RATE)
    source.clip("c.wav", RATE)
    assert source.clip("a.wav", RATE) is not kept
    held = sum(audio.nbytes for audio in source._cache.values())
    assert held <= 7000


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("x/7_nicolas_21.wav", "nicolas"),
        ("1-21934-A.ogg", "21934"),
        ("5-9032-A-0.wav", "9032"),
        ("yes/0a7c2a8d_nohash_3.wav", "0a7c2a8d"),
        ("activates/7.wav", "activates/7.wav"),
    ],
)
def test_the_group_of_published_file_names_is_their_speaker(name, group):
    assert group_of(Path(name)) == group


def test_every_usual_layout_is_found(tmp_path, clips):
    assert find_clips(None).root == data.EMBEDDED_CLIPS
    assert find_clips(clips) == data.ClipFolders(clips)
    assert find_clips(clips.parent).root == clips
    with pytest.raises(FileNotFoundError, match="DIR/activates"):
        find_clips(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_clips(tmp_path / "nowhere")
    for folder in ("wake_words/alexa", "wake_words/jarvis", "spoken_digits", "noise"):
        (tmp_path / "trigger_word" / folder).mkdir(parents=True)
    with pytest.raises(ValueError, match="--dataset: alexa, jarvis"):
        find_clips(tmp_path)
    with pytest.raises(ValueError, match="Received: hal"):
        find_clips(tmp_path, "hal")
    assert find_clips(tmp_path, "jarvis") == data.ClipFolders(
        tmp_path / "trigger_word",
        ("wake_words/jarvis",),
        ("wake_words/alexa", "spoken_digits"),
        ("noise",),
    )


def many_clips(label, count, num_groups):
    return tuple(
        Clip(f"{label}/{i}.wav", label, 0.0, 0.5, -20.0, f"voice{i % num_groups}")
        for i in range(count)
    )


def split_of(clip_set, *, seed=0, splits=None):
    loaded = data.LoadedClips(clip_set, Path(), (), splits)
    return split_clips(np.random.default_rng(seed), loaded)


@pytest.mark.parametrize("seed", range(3))
def test_no_clip_voice_or_background_is_on_two_sides(seed):
    clip_set = ClipSet(
        {"on": many_clips("on", 60, 12)},
        {"dog": many_clips("dog", 90, 20)},
        tuple(Background(f"{i}.wav", 5.0, (0.1,) * 50, group=f"{i}") for i in range(9)),
    )
    parts = split_of(clip_set, seed=seed)
    voices, files = Counter(), Counter()
    for part in parts.values():
        clips = [x for items in (part.positives, part.negatives) for x in items.items()]
        clips = [clip for _, items in clips for clip in items]
        voices.update({clip.group for clip in clips})
        files.update(clip.file for clip in clips)
        files.update(background.file for background in part.backgrounds)
        assert part.positives["on"] and part.negatives["dog"] and part.backgrounds
    assert set(voices.values()) == {1} and set(files.values()) == {1}
    assert len(files) == 60 + 90 + 9
    assert len(parts["train"].positives["on"]) == pytest.approx(36, abs=6)
    assert [len(part.backgrounds) for part in parts.values()] == [5, 2, 2]
    assert split_of(clip_set, seed=seed) == parts


def test_few_backgrounds_are_cut_in_time(tmp_path):
    powers = tuple(float(i) for i in range(100))
    clip_set = ClipSet(
        {"on": many_clips("on", 9, 9)}, {}, (Background("b", 9.97, powers),)
    )
    parts = split_of(clip_set)
    spans = [part.backgrounds[0] for part in parts.values()]
    assert spans[0].start == 0 and spans[-1].start + spans[-1].duration == 9.97
    for before, after in pairwise(spans):
        assert before.start + before.duration == pytest.approx(after.start)
    assert sum((span.powers for span in spans), ()) == powers
    assert spans[0].duration == pytest.approx(6.0)
    # what is rendered comes from the part alone
    soundfile.write(tmp_path / "b.wav", np.arange(997) / 1000, 100)
    scene = plan(
        example_rng(0, 0),
        replace(parts["test"], backgrounds=(replace(spans[-1], file="b.wav"),)),
        SceneSettings(duration=1.0, sample_rate=100, num_positives=(0, 0)),
    )
    heard = AudioFiles(tmp_path).background(scene)
    assert heard.min() > spans[-1].start / 10 - 0.001


def test_too_few_recordings_to_split_are_an_error():
    clip_set = ClipSet(
        {"on": many_clips("on", 9, 2)}, {}, (Background("b", 9.0, (0.1,) * 90),)
    )
    with pytest.raises(ValueError, match="`on` has no clip for"):
        split_of(clip_set)


def write_manifest(root, rows):
    with (root / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(rows)


def test_the_manifest_names_voices_and_splits(own_clips):
    rows = [("file", "voice", "split")]
    for folder in ("activates", "negatives"):
        for number, split in enumerate(data.SPLITS):
            rows.append((f"{folder}/{number}.wav", f"v{number}", split))
    write_manifest(own_clips, rows)
    loaded = load_clips(own_clips)
    assert [x.group for x in loaded.clips.negatives["negatives"]] == ["v0", "v1", "v2"]
    parts = split_clips(np.random.default_rng(0), loaded)
    for number, split in enumerate(data.SPLITS):
        assert [x.file for x in parts[split].positives["activates"]] == [
            f"activates/{number}.wav"
        ]
    write_manifest(own_clips, [("file", "split"), ("activates/0.wav", "holdout")])
    with pytest.raises(ValueError, match="holdout"):
        load_clips(own_clips)
    write_manifest(own_clips, [("name",), ("activates/0.wav",)])
    with pytest.raises(ValueError, match="column `file`"):
        load_clips(own_clips)
