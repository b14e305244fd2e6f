"""The course's functions give the course's published values."""

import os
from pathlib import Path

import numpy as np
import pytest
from pydub import AudioSegment
from pydub.generators import Sine, WhiteNoise
from scipy.io import wavfile

from dlai_keras.trigger_word import course, features
from dlai_keras.trigger_word.course import (
    create_training_example,
    get_random_time_segment,
    graph_spectrogram,
    insert_audio_clip,
    insert_ones,
    is_overlapping,
    load_raw_audio,
    match_target_amplitude,
)


@pytest.fixture(autouse=True)
def keep_global_generator():
    """The course draws from the global generator; other tests must not notice."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


def seed(value):
    np.random.seed(value)  # noqa: NPY002 (the course's published values need it)


def tone(duration_ms, frequency=440):
    return Sine(frequency, sample_rate=44_100).to_audio_segment(duration_ms, -10.0)


def white_noise(duration_ms, channels=1):
    sound = WhiteNoise(sample_rate=44_100).to_audio_segment(duration_ms, -20.0)
    return sound.set_channels(channels)


# Course 5, week 3, published in the notebook and in its tests.
@pytest.mark.parametrize(
    ("segment", "previous", "expected"),
    [
        ((950, 1430), [(2000, 2550), (260, 949)], False),
        ((2305, 2950), [(824, 1532), (1900, 2305), (3424, 3656)], True),
        ((670, 1430), [], False),
        ((500, 1000), [(100, 499), (1001, 1100)], False),
        ((750, 1250), [(100, 750), (1001, 1100)], True),
        ((750, 1250), [(300, 600), (1250, 1500)], True),
        ((750, 1250), [(300, 600), (600, 1500), (1600, 1800)], True),
        ((800, 1100), [(300, 600), (900, 1000), (1600, 1800)], True),
    ],
)
def test_is_overlapping_gives_the_published_answers(segment, previous, expected):
    assert is_overlapping(segment, previous) is expected


# Course 5, week 3: seed 5, the first activate is 916 ms long.
@pytest.mark.parametrize(
    ("previous", "expected"),
    [([(3790, 4400)], (2254, 3169)), ([(0, 4400)], (7286, 8201))],
)
def test_insert_audio_clip_gives_the_published_segments(previous, expected):
    seed(5)
    segments = list(previous)
    _, segment = insert_audio_clip(AudioSegment.silent(10_000), tone(916), segments)
    assert segment == expected
    assert segments == [*previous, expected]


# Course 5, week 3: sanity checks printed by the notebook, and its text.
def test_insert_ones_gives_the_published_labels():
    labels = insert_ones(np.zeros((1, 1375)), 9700)
    assert insert_ones(labels, 4251) is labels
    assert [labels[0][1333], labels[0][634], labels[0][635]] == [0.0, 1.0, 0.0]
    labels = insert_ones(np.zeros((1, 1375)), 5000)
    assert np.flatnonzero(labels).tolist() == list(range(688, 738))


@pytest.mark.parametrize("num_steps", [1375, 1000])
@pytest.mark.parametrize("end_ms", [0, 9800, 9999, 10_000])
def test_insert_ones_stops_at_the_end_of_the_labels(end_ms, num_steps):
    labels = insert_ones(np.zeros((1, num_steps)), end_ms)
    first = int(end_ms * num_steps / 10_000) + 1
    assert labels.shape == (1, num_steps)
    assert np.flatnonzero(labels).tolist() == list(
        range(first, min(first + 50, num_steps))
    )


def test_random_segments_have_the_length_of_the_clip_and_stay_inside():
    seed(0)
    segments = [get_random_time_segment(9_990) for _ in range(200)]
    assert {end - start for start, end in segments} == {9_989}
    assert {start for start, _ in segments} == set(range(10))


@pytest.mark.parametrize("segment_ms", [10_000, 12_000, -1])
def test_a_clip_that_does_not_fit_is_refused(segment_ms):
    with pytest.raises(ValueError, match=f"Received: segment_ms={segment_ms}"):
        get_random_time_segment(segment_ms)


def test_a_clip_without_room_is_left_out_after_five_retries(monkeypatch):
    draws = []

    def draw(segment_ms):
        draws.append(segment_ms)
        return (100, 99 + segment_ms)

    monkeypatch.setattr(course, "get_random_time_segment", draw)
    background, segments = white_noise(10_000), [(0, 9_999)]
    audio, segment = insert_audio_clip(background, tone(700), segments)
    assert segment == (10_000, 10_000)
    assert audio == background
    assert segments == [(0, 9_999)]
    assert draws == [700] * 6  # the first draw and five retries
    assert not insert_ones(np.zeros((1, 1375)), segment[1]).any()


def test_inserting_adds_the_clip_to_the_background_at_its_place():
    seed(1)
    background, clip = white_noise(10_000), tone(500)
    audio, (start, end) = insert_audio_clip(background, clip, [])
    assert end - start + 1 == 500
    assert audio == background.overlay(clip, position=start)
    assert audio[:start] == background[:start]
    assert audio[end + 1 :] == background[end + 1 :]


@pytest.mark.parametrize("target", [-20.0, -35.5])
def test_match_target_amplitude_sets_the_level(target):
    assert match_target_amplitude(tone(500), target).dBFS == pytest.approx(
        target, abs=0.01
    )


def test_silence_has_no_level_to_match():
    silence = AudioSegment.silent(100)
    assert match_target_amplitude(silence, -20.0) == silence


@pytest.mark.parametrize("channels", [1, 2])
def test_graph_spectrogram_is_the_spectrogram_of_the_first_channel(tmp_path, channels):
    path = tmp_path / "noise.wav"
    rng = np.random.default_rng(0)
    samples = rng.integers(-9000, 9000, (44_100, channels)).astype("int16")
    wavfile.write(path, 44_100, samples.squeeze())
    x = graph_spectrogram(path)
    np.testing.assert_allclose(x, features.spectrogram(samples[:, 0]).T, rtol=1e-6)


def test_graph_spectrogram_draws_only_when_asked(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    path = tmp_path / "noise.wav"
    white_noise(500).export(path, "wav").close()
    plt.close("all")
    x = graph_spectrogram(path)
    assert not plt.get_fignums()
    drawn = graph_spectrogram(path, draw=True)
    assert len(plt.gca().images) == 1
    plt.close("all")
    np.testing.assert_array_equal(drawn, x)


def test_training_examples_have_whole_words_labelled():
    background = white_noise(10_000, channels=2)
    sums = set()
    for i in range(6):
        seed(i)
        x, y = create_training_example(background, [tone(800)], [tone(300, 900)])
        assert x.shape == (101, 5511)
        assert (x > 0).all()
        assert y.shape == (1, 1375)
        assert set(np.unique(y)) <= {0.0, 1.0}
        sums.add(int(y.sum()))
    assert len(sums) > 1
    assert max(sums) <= 4 * 50


def test_training_examples_repeat_with_the_seed_and_leave_no_file(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    background, words = white_noise(10_000), [tone(800)]
    examples = []
    for _ in range(2):
        seed(3)
        examples.append(create_training_example(background, words, words, 1000))
    np.testing.assert_array_equal(examples[0][0], examples[1][0])
    np.testing.assert_array_equal(examples[0][1], examples[1][1])
    assert examples[0][1].shape == (1, 1000)
    assert not list(tmp_path.iterdir())


def test_a_training_example_is_left_where_asked_at_the_courses_level(tmp_path):
    path = tmp_path / "train.wav"
    x, _ = create_training_example(
        white_noise(10_000), [tone(800)], [tone(300)], path=path
    )
    with path.open("rb") as file:
        level = AudioSegment.from_wav(file).dBFS
    assert level == pytest.approx(-20.0, abs=0.05)
    np.testing.assert_array_equal(graph_spectrogram(path), x)


@pytest.mark.parametrize("missing", ["activates", "negatives"])
def test_a_training_example_needs_clips(missing):
    clips = {"activates": [tone(300)], "negatives": [tone(300)]} | {missing: []}
    with pytest.raises(ValueError, match=f"`{missing}` must hold"):
        create_training_example(white_noise(10_000), **clips)


def test_raw_audio_is_read_in_the_order_of_the_names(tmp_path):
    for kind in ("activates", "negatives", "backgrounds"):
        (tmp_path / kind).mkdir()
    for duration, name in ((300, "b.wav"), (100, "a.wav"), (200, "a1.wav")):
        tone(duration).export(tmp_path / "activates" / name, "wav").close()
    (tmp_path / "activates" / "notes.txt").write_text("not audio")
    activates, negatives, backgrounds = load_raw_audio(tmp_path)
    assert [len(clip) for clip in activates] == [100, 200, 300]
    assert negatives == backgrounds == []


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "activates").mkdir()
    with pytest.raises(FileNotFoundError, match="negatives is missing"):
        load_raw_audio(tmp_path)


def test_a_file_that_is_no_wav_file_is_named(tmp_path):
    for kind in ("activates", "negatives", "backgrounds"):
        (tmp_path / kind).mkdir()
    broken = tmp_path / "negatives" / "broken.wav"
    broken.write_bytes(b"RIFF, but nothing else")
    with pytest.raises(ValueError, match=r"broken\.wav cannot be read"):
        load_raw_audio(tmp_path)
    with pytest.raises(ValueError, match=r"broken\.wav cannot be read"):
        graph_spectrogram(broken)


def test_the_courses_recordings_make_the_courses_example():
    if "DLAI_DATA" not in os.environ:
        pytest.skip("needs the course's recordings: DLAI_DATA is not set")
    folder = Path(os.environ["DLAI_DATA"]) / "trigger_word" / "raw_data"
    activates, negatives, backgrounds = load_raw_audio(folder)
    assert (len(activates), len(negatives), len(backgrounds)) == (10, 10, 2)
    assert 916 in [len(clip) for clip in activates]
    seed(18)
    x, y = create_training_example(backgrounds[0], activates, negatives, 1375)
    assert x.shape == (101, 5511)
    assert (x > 0).all()
    assert y.sum() >= 50
    assert y.sum() % 50 == 0
