import csv

import numpy as np
import pytest

from dlai_keras import audio
from dlai_keras.trigger_word import embedded, espeak, speech

needs_espeak = pytest.mark.skipif(
    not speech.is_available(),
    reason='needs espeak-ng: pip install "dlai_keras[speech]"',
)


@pytest.fixture(scope="module")
def rows():
    with (embedded.CLIPS / "clips.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_embedded_clips_are_the_files_that_the_index_lists(rows):
    listed = {row["file"] for row in rows}
    files = {
        path.relative_to(embedded.CLIPS).as_posix()
        for path in embedded.CLIPS.rglob("*.flac")
    }
    assert listed == files
    assert len(listed) == len(rows)
    assert sum(row["label"] == "activates" for row in rows) == 48
    assert sum(p.stat().st_size for p in embedded.CLIPS.rglob("*")) < 2_000_000


def test_no_voice_and_no_background_stands_in_two_splits(rows):
    splits = {}
    for row in rows:
        splits.setdefault(row["voice"] or row["file"], set()).add(row["split"])
    assert {len(members) for members in splits.values()} == {1}
    for label in ("activates", "negatives", "backgrounds"):
        present = {row["split"] for row in rows if row["label"] == label}
        assert present == {"train", "validation", "test"}


def test_activates_are_all_of_different_voices(rows):
    voices = [row["voice"] for row in rows if row["label"] == "activates"]
    assert len(set(voices)) == len(voices)


def test_every_other_word_is_spoken_and_some_are_new_in_the_test(rows):
    negatives = [row for row in rows if row["label"] == "negatives"]
    assert {row["word"] for row in negatives} == set(embedded.OTHER_WORDS)
    assert embedded.TRIGGER_WORD not in embedded.OTHER_WORDS
    trained = {row["word"] for row in negatives if row["split"] == "train"}
    assert {row["word"] for row in negatives if row["split"] == "test"} - trained


def test_embedded_words_have_a_quiet_room_around_them(rows):
    for row in rows[::5]:
        path = embedded.CLIPS / row["file"]
        assert audio.info(path).sample_rate == embedded.SAMPLE_RATE
        clip = audio.read(path)
        if row["label"] == "backgrounds":
            assert audio.level_db(clip) == pytest.approx(-66, abs=1)
            continue
        edge = round(0.045 * embedded.SAMPLE_RATE)
        for silence in (clip[:edge], clip[-edge:]):
            assert -90 < audio.level_db(silence) < -70
        assert 0.03 < np.abs(clip).max() < 0.2


@needs_espeak
def test_embedded_clips_are_what_the_function_makes(tmp_path, rows):
    if not espeak._find()[0].startswith(str(espeak._find()[1].parent)):
        pytest.skip("the system's espeak-ng may be of another version")
    stale = tmp_path / "activates" / "activate-old.flac"
    stale.parent.mkdir()
    stale.touch()
    (tmp_path / "clips.csv").write_text("file\nactivates/activate-old.flac\n")
    metrics = embedded.make_embedded(tmp_path)
    assert metrics["num_activates"] == 48
    assert not stale.exists()
    made = (tmp_path / "clips.csv").read_text("utf-8")
    assert made == (embedded.CLIPS / "clips.csv").read_text("utf-8")
    for row in rows:
        expected = audio.read(embedded.CLIPS / row["file"])
        # The resampler's last bit may differ between processors.
        difference = audio.read(tmp_path / row["file"]) - expected
        assert np.abs(difference).max() <= 1.5 / 32768, row["file"]


@needs_espeak
def test_another_seed_makes_other_clips():
    first, other = (list(embedded._plan(seed)) for seed in (0, 1))
    assert len(first) == len(other)
    assert {row["file"] for row in first} != {row["file"] for row in other}
