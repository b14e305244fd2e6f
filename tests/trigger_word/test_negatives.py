"""What must not fire is cut from the word's span, or spoken by voices kept apart."""

import csv
import os
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import data, speech
from dlai_keras.trigger_word.negatives import (
    babble_backgrounds,
    make_clip_folder,
    partial_words,
    reversed_clips,
    scrambled_clips,
    spoken_clips,
)
from dlai_keras.trigger_word.synthesis import Clip

needs_espeak = pytest.mark.skipif(
    not speech.is_available(),
    reason='needs espeak-ng: pip install "dlai_keras[speech]"',
)
RATE = 16_000


@pytest.fixture(scope="module")
def words():
    loaded = data.load_clips(data.EMBEDDED_CLIPS, sample_rate=RATE)
    return loaded.clips.positives["activates"]


def in_samples(clip, rate=RATE):
    first, last = clip.start * rate, (clip.start + clip.duration) * rate
    assert first == pytest.approx(round(first), abs=1e-6)
    assert last == pytest.approx(round(last), abs=1e-6)
    return round(first), round(last)


@given(
    seed=st.integers(0, 99),
    first=st.integers(0, 9_999),
    length=st.integers(1, 30_000),
    rate=st.sampled_from([8000, 16_000, 44_100]),
)
def test_parts_lie_strictly_within_the_span_of_the_word(seed, first, length, rate):
    word = Clip("word.wav", "activates", first / rate, length / rate, -20.0, "anna")
    for part in partial_words(np.random.default_rng(seed), [word], 8, sample_rate=rate):
        start, end = in_samples(part, rate)
        assert first <= start < end <= first + length
        if part.reverse:
            assert (start, end) == (first, first + length)
        elif length > 10:
            assert end - start < length, "a part, not the whole"
            assert 0.3 - 1 / length <= (end - start) / length <= 0.65 + 1 / length
        assert (part.file, part.group, part.label) == ("word.wav", "anna", "partial")


def test_beginnings_endings_middles_and_reversed_words_take_turns(words):
    parts = partial_words(np.random.default_rng(0), words, 80, label="halves")
    assert len(parts) == 80
    spans = {word.file: in_samples(word) for word in words}
    kinds = Counter()
    for part in parts:
        same = np.equal(in_samples(part), spans[part.file])
        kinds[(part.reverse, *same.tolist())] += 1
    assert kinds == {
        (False, True, False): 20,
        (False, False, True): 20,
        (False, False, False): 20,
        (True, True, True): 20,
    }
    assert {part.label for part in parts} == {"halves"}
    assert len({part.file for part in parts}) > len(words) // 2


def test_the_same_seed_draws_the_same_parts(words):
    draws = [partial_words(np.random.default_rng(n), words, 20) for n in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_reversed_clips_are_the_same_clips_backwards(words):
    backwards = reversed_clips(words)
    assert len(backwards) == len(words)
    for one, other in zip(words, backwards, strict=True):
        assert other.reverse and not one.reverse
        assert other.label == "reversed"
        assert (other.file, other.start, other.duration) == (
            one.file,
            one.start,
            one.duration,
        )
        assert other.group == one.group


def test_scrambled_words_are_pieces_of_the_clips_at_an_even_level(words, tmp_path):
    source = data.AudioFiles(data.EMBEDDED_CLIPS)
    made = scrambled_clips(
        np.random.default_rng(0), tmp_path / "new", 12, words[:5], source
    )
    assert len({clip.file for clip in made}) == 12
    for clip in made:
        audio = audio_file.read(clip.file)
        assert in_samples(clip) == (0, len(audio))
        assert 0.13 < clip.duration <= 1.0
        assert np.abs(audio).max() == pytest.approx(0.7, abs=1e-3)
        assert clip.level_db == pytest.approx(audio_file.level_db(audio), abs=0.05)
        assert clip.label == "scrambled"


def test_scrambled_words_are_the_same_for_the_same_seed(words, tmp_path):
    source = data.AudioFiles(data.EMBEDDED_CLIPS)
    contents = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        scrambled_clips(np.random.default_rng(seed), tmp_path / name, 3, words, source)
        contents.append([p.read_bytes() for p in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_a_scrambled_word_has_the_sound_of_its_clips_and_no_other(tmp_path):
    """Pieces of two steady tones hold these two tones only, and in turns."""
    tones = {"low.wav": 500.0, "high.wav": 2000.0}

    class Tones:
        def clip(self, file, sample_rate):
            seconds = np.arange(sample_rate) / sample_rate
            wave = 0.2 * np.sin(2 * np.pi * tones[file] * seconds)
            return wave.astype("float32")

    clips = [Clip(name, "w", 0.2, 0.5, -17.0) for name in tones]
    heard = set()
    for clip in scrambled_clips(np.random.default_rng(3), tmp_path, 10, clips, Tones()):
        audio = audio_file.read(clip.file)
        power = np.abs(np.fft.rfft(audio)) ** 2
        frequencies = np.fft.rfftfreq(len(audio), 1 / RATE)
        near = [np.abs(frequencies - tone) < 60 for tone in tones.values()]
        shares = [power[band].sum() / power.sum() for band in near]
        assert sum(shares) > 0.97, "clicks between the pieces"
        assert np.abs(audio[[0, 1, 2, -3, -2, -1]]).max() < 0.005, "a hard edge"
        heard.add(tuple(np.array(shares) > 0.1))
    assert (True, True) in heard


@needs_espeak
def test_spoken_clips_of_the_three_splits_share_no_voice(tmp_path):
    groups = {}
    for split in data.SPLITS:
        rng = np.random.default_rng(0)
        clips = spoken_clips(rng, tmp_path / split, 25, split=split)
        groups[split] = {clip.group for clip in clips}
        assert groups[split] <= set(speech.split_voices()[split])
        assert len(groups[split]) > 4
    assert not groups["train"] & groups["validation"]
    assert not groups["train"] & groups["test"]
    assert not groups["validation"] & groups["test"]


@needs_espeak
def test_spoken_clips_are_files_that_can_be_read_and_heard(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips = spoken_clips(
        np.random.default_rng(1), "said", 5, split="train", sample_rate=8000
    )
    for number, clip in enumerate(clips):  # number, what is said, and who says it
        name = os.path.basename(clip.file)  # noqa: PTH119
        assert re.fullmatch(rf"{number:05d}-[a-z0-9-]+-en-.*_{clip.group}\.wav", name)
    source = data.AudioFiles(tmp_path / "elsewhere")  # the files' paths are absolute
    for clip in clips:
        audio = source.clip(clip.file, 8000)
        first, last = in_samples(clip, 8000)
        assert 0 <= first < last <= len(audio)
        level_db = audio_file.level_db(audio[first:last])
        assert clip.level_db == pytest.approx(level_db, abs=0.01)
        assert clip.level_db > -40
        assert clip.label == "spoken"


@needs_espeak
def test_the_word_itself_is_spoken_in_many_voices_with_its_label(tmp_path):
    clips = spoken_clips(
        np.random.default_rng(2),
        tmp_path,
        8,
        split="test",
        text="computer",
        label="computer",
    )
    assert {clip.label for clip in clips} == {"computer"}
    assert len({clip.group for clip in clips}) > 2
    assert all("-computer-" in clip.file for clip in clips)
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 8


@needs_espeak
def test_a_progress_bar_sees_every_utterance_once(tmp_path):
    seen = []

    def progress(items, total):
        for item in items:
            seen.append(total)
            yield item

    clips = spoken_clips(
        np.random.default_rng(0), tmp_path, 4, split="train", progress=progress
    )
    assert len(clips) == 4
    assert seen == [4] * 4


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if not speech.is_available():
        pytest.skip('needs espeak-ng: pip install "dlai_keras[speech]"')
    folder = tmp_path_factory.mktemp("made") / "new" / "computer"
    summary = make_clip_folder(
        "computer", folder, num_positives=13, num_negatives=10, seed=4
    )
    return folder, summary


def test_a_made_folder_holds_as_many_clips_as_asked_for(made):
    folder, summary = made
    assert summary == {"num_positives": 13, "num_negatives": 10, "output": folder}
    assert len(list((folder / "activates").rglob("*.wav"))) == 13
    assert len(list((folder / "negatives").rglob("*.wav"))) == 10
    assert {x.name for x in folder.iterdir()} == {
        "activates",
        "negatives",
        "backgrounds",
        "clips.csv",
    }
    assert [x.name for x in folder.parent.iterdir()] == ["computer"]


def test_a_made_folder_is_split_as_its_manifest_says(made):
    folder, _ = made
    with (folder / "clips.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    loaded = data.load_clips(folder, sample_rate=RATE)
    splits = data.split_clips(np.random.default_rng(0), loaded)
    voices = {}
    for split, clips in splits.items():
        both = [*clips.positives["activates"], *clips.negatives["negatives"]]
        assert both and clips.backgrounds
        for item in [*both, *clips.backgrounds]:
            assert rows.pop(item.file)["split"] == split
        voices[split] = {clip.group for clip in both}
        assert voices[split] <= set(speech.split_voices()[split])
    assert not rows, "the manifest lists what is not there"
    assert not voices["train"] & (voices["validation"] | voices["test"])
    assert not voices["validation"] & voices["test"]


def test_the_same_seed_makes_the_same_folder(made, tmp_path):
    folder, _ = made
    make_clip_folder(
        "computer", tmp_path / "again", num_positives=13, num_negatives=10, seed=4
    )
    for path in folder.rglob("*"):
        if path.is_file():
            again = tmp_path / "again" / path.relative_to(folder)
            assert path.read_bytes() == again.read_bytes()


@needs_espeak
def test_the_negatives_of_a_made_folder_never_say_the_word(tmp_path, monkeypatch):
    excluded = []

    def speak_words(rng, num, *, exclude, **options):
        excluded.append(exclude)
        yield from spoken(rng, num, exclude=exclude, **options)

    spoken = speech.speak_words
    monkeypatch.setattr(speech, "speak_words", speak_words)
    make_clip_folder("yes", tmp_path / "clips", num_positives=10, num_negatives=10)
    assert excluded == [("yes",)] * 3


@needs_espeak
def test_an_empty_folder_may_be_filled_and_no_other(tmp_path):
    (tmp_path / "empty").mkdir()
    options = {"num_positives": 10, "num_negatives": 10}
    make_clip_folder("yes", tmp_path / "empty", **options)
    assert (tmp_path / "empty" / "clips.csv").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file", "empty"):
        with pytest.raises(ValueError, match=f"{name} is not empty"):
            make_clip_folder("yes", tmp_path / name, **options)
    assert [x.name for x in (tmp_path / "full").iterdir()] == ["mine.txt"]


@needs_espeak
def test_what_a_killed_run_left_is_not_mixed_in(tmp_path):
    left = tmp_path / ".clips.partial" / "activates" / "train"
    left.mkdir(parents=True)
    (left / "99999.wav").write_bytes(b"half a file")
    make_clip_folder("yes", tmp_path / "clips", num_positives=10, num_negatives=10)
    assert not list((tmp_path / "clips").rglob("99999.wav"))
    assert [x.name for x in tmp_path.iterdir()] == ["clips"]


@pytest.mark.parametrize(
    ("word", "num_positives", "expected"),
    [("  ", 20, "`word` must not be empty"), ("yes", 9, r"At least 10.*Received: 9")],
)
def test_wrong_wishes_are_refused_before_anything_is_made(
    tmp_path, word, num_positives, expected
):
    with pytest.raises(ValueError, match=expected):
        make_clip_folder(word, tmp_path / "clips", num_positives=num_positives)
    assert not list(tmp_path.iterdir())


@needs_espeak
def test_a_word_that_cannot_be_spoken_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"must hold a word.*'\.\.\.'"):
        make_clip_folder("...", tmp_path / "clips")
    assert not list(tmp_path.iterdir())


def test_babble_is_many_words_at_once_and_reaches_from_end_to_end(tmp_path):
    rate = 16_000
    time = np.arange(rate // 2) / rate
    audio_file.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * time), rate)
    clip = Clip(
        "a.wav",
        "other",
        0.1,
        0.3,
        audio_file.level_db(audio_file.read(tmp_path / "a.wav")),
    )
    one, two = babble_backgrounds(
        np.random.default_rng(0),
        tmp_path / "rooms",
        2,
        [clip],
        data.AudioFiles(tmp_path),
        duration=4.0,
    )
    assert (one.duration, two.duration) == (4.0, 4.0)
    assert len(one.powers) == 40
    assert min(one.powers) > 1e-5  # somebody always talks
    first, second = (audio_file.read(background.file) for background in (one, two))
    assert np.abs(first - second).max() > 0.01
    spectrum = np.abs(np.fft.rfft(first))
    assert np.argmax(spectrum) / 4.0 == pytest.approx(440, abs=5)
