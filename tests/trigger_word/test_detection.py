"""Chunks give the numbers of the whole, and peaks are what a detection is."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlai_keras.trigger_word import detection, metrics
from dlai_keras.trigger_word.detection import Detection, DetectorSettings

SMALL = DetectorSettings(sample_rate=100, hop_samples=3, first_samples=5, context=0.2)


class CausalSum:
    """Frame `j`: a weighted sum of the last `memory` samples it has heard."""

    def __init__(self, settings, memory):
        self.settings = settings
        self.weights = np.random.default_rng(0).normal(size=memory)
        self.shapes = set()

    def __call__(self, batch):
        self.shapes.add(batch.shape)
        assert batch.dtype == np.float32
        hop, first = self.settings.hop_samples, self.settings.first_samples
        memory = len(self.weights)
        logits = []
        for j in range(1 + (batch.shape[1] - first) // hop):
            heard = batch[0, : first + j * hop][-memory:]
            value = float(heard @ self.weights[memory - len(heard) :])
            logits.append([value, -2 * value])
        return np.array(logits, "float32")[None]


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, "float64")))


@settings(deadline=None)
@given(
    length=st.integers(0, 300),
    hop=st.integers(1, 9),
    first=st.integers(1, 12),
    context=st.integers(1, 60),
    chunk=st.floats(0, 2),
)
def test_chunks_give_the_scores_of_the_whole(length, hop, first, context, chunk):
    options = replace(
        SMALL,
        labels=("one", "two"),
        hop_samples=hop,
        first_samples=first,
        context=context / 100,
    )
    audio = np.random.default_rng(length).normal(size=length).astype("float32")
    predict = CausalSum(options, context)
    scores = detection.score_audio(predict, audio, options, chunk=chunk)
    assert scores.dtype == np.float32
    num_frames = 0 if length < first else 1 + (length - first) // hop
    assert scores.shape == (num_frames, 2)
    if num_frames:
        whole = sigmoid(predict(audio[None])[0])
        np.testing.assert_allclose(scores, whole, atol=1e-6)


def test_a_context_that_is_too_short_is_not_enough():
    audio = np.random.default_rng(0).normal(size=400).astype("float32")
    predict = CausalSum(SMALL, 40)
    one = replace(SMALL, labels=("one", "two"), context=0.1)
    scores = detection.score_audio(predict, audio, one, chunk=0.6)
    assert np.abs(scores - sigmoid(predict(audio[None])[0])).max() > 0.01


def test_memory_is_that_of_a_chunk_and_its_context_however_long_the_recording():
    predict = CausalSum(SMALL, 20)
    options = replace(SMALL, labels=("one", "two"))
    for length in (10, 1000, 3001):
        audio = np.zeros(length, "float32")
        detection.score_audio(predict, audio, options, chunk=0.6)
    # A compiled model compiles once for the first chunk and once for all others.
    assert predict.shapes == {(1, 5 + 19 * 3), (1, 5 + 26 * 3)}


def test_the_model_gets_scaled_audio():
    seen = []

    def predict(batch):
        seen.append(np.abs(batch).max())
        return np.zeros((1, 1 + (batch.shape[1] - 5) // 3, 1), "float32")

    audio = np.full(50, 0.5, "float32")
    detection.score_audio(predict, audio, replace(SMALL, scale=32768.0))
    assert seen == [16384.0]


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(0, 90), max_size=8),
    hop=st.integers(1, 9),
    first=st.integers(1, 12),
    context=st.integers(0, 40),
    chunk=st.floats(0, 1),
)
# A hop longer than a frame: what lies between two frames must not be forgotten.
@example(lengths=[1, 1, 9], hop=2, first=1, context=0, chunk=0.0)
def test_a_stream_that_is_cut_anywhere_scores_as_the_whole(
    lengths, hop, first, context, chunk
):
    options = replace(
        SMALL,
        labels=("one", "two"),
        hop_samples=hop,
        first_samples=first,
        context=context / 100,
    )
    audio = np.random.default_rng(hop).normal(size=sum(lengths)).astype("float32")
    predict = CausalSum(options, max(1, min(context, first)))
    parts = np.split(audio, np.cumsum(lengths)[:-1]) if lengths else []
    scores = detection.score_stream(predict, iter(parts), options, chunk=chunk)
    num_frames = 0 if len(audio) < first else 1 + (len(audio) - first) // hop
    assert scores.shape == (num_frames, 2)
    if num_frames:
        whole = sigmoid(predict(audio[None])[0])
        np.testing.assert_allclose(scores, whole, atol=1e-6)


def test_a_long_stream_is_not_held_in_memory():
    def predict(batch):
        return np.zeros((1, 1 + (batch.shape[1] - 400) // 480, 1), "float32")

    minute = np.zeros(60 * 16_000, "float32")  # 4 MB
    tracemalloc.start()
    scores = detection.score_stream(
        predict, (minute.copy() for _ in range(60)), DetectorSettings()
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(scores) == 120_000
    assert peak < 25e6


def test_times_are_those_at_which_a_frame_has_heard_all_it_needs():
    times = detection.frame_times(3, DetectorSettings())
    np.testing.assert_allclose(times, [0.025, 0.055, 0.085])


def smoothed(scores, width):
    padded = np.concatenate([np.zeros(width - 1), scores])
    return np.array([padded[i : i + width].mean() for i in range(len(scores))])


# Few different values, so that equal neighbours and equal peaks occur.
score_lists = st.lists(st.integers(0, 10).map(lambda n: n / 10), max_size=60)


@given(
    scores=score_lists,
    hop=st.sampled_from([20, 30, 70, 100, 330]),
    threshold=st.sampled_from([0.0, 0.3, 0.6]),
    smoothing=st.integers(1, 4),
    refractory=st.sampled_from([0.3, 0.7, 1.0]),
)
def test_detections_are_the_peaks_and_none_is_near_a_stronger_one(
    scores, hop, threshold, smoothing, refractory
):
    options = DetectorSettings(
        sample_rate=1000, hop_samples=hop, first_samples=50, smoothing=smoothing
    )
    found = detection.find_words(
        np.array(scores, "float32").reshape(-1, 1),
        options,
        threshold=threshold,
        refractory=refractory,
    )
    smooth = smoothed(np.array(scores, "float32"), smoothing)
    times = detection.frame_times(len(smooth), options)
    assert [d.time for d in found] == sorted(d.time for d in found)
    assert all(np.diff([d.time for d in found]) >= refractory - 1e-9)
    for one in found:
        frame = int(np.argmin(np.abs(times - one.time)))
        assert one.score == pytest.approx(smooth[frame], abs=1e-6)
        assert 0 <= one.score <= 1
        neighbours = smooth[max(0, frame - 1) : frame + 2]
        assert one.score >= max(neighbours.max(), threshold) - 1e-6
    for time, score in zip(times, smooth, strict=True):
        if score >= threshold + 1e-6:
            near = [d.score for d in found if abs(d.time - time) < 2 * refractory + 0.4]
            assert near, "a loud frame is near no detection"
    if len(smooth) and smooth.max() > threshold:
        assert max(d.score for d in found) == pytest.approx(smooth.max(), abs=1e-6)


@given(seed=st.integers(0, 1000), threshold=st.floats(0.05, 0.95))
def test_a_higher_threshold_only_leaves_weaker_detections_out(seed, threshold):
    scores = np.random.default_rng(seed).random((120, 1)) ** 3
    candidates = detection.find_words(scores, DetectorSettings(), threshold=0.01)
    found = detection.find_words(scores, DetectorSettings(), threshold=threshold)
    assert found == [one for one in candidates if one.score >= threshold]


@pytest.mark.parametrize("hop", [160, 320, 480, 1600])
def test_matching_counts_every_detection_that_was_found(hop):
    options = DetectorSettings(hop_samples=hop, smoothing=1)
    scores = np.random.default_rng(hop).random((2000, 1))
    found = detection.find_words(scores, options, threshold=0.0)
    _, false_accepts = metrics.match_events([one.time for one in found], [])
    assert len(false_accepts) == len(found) > 10


def test_a_score_does_not_depend_on_what_was_heard_hours_ago():
    hour = np.ones((120_000, 1), "float32")
    hour[:] = np.random.default_rng(0).random(hour.shape)
    end = np.array([[0.0]] * 5 + [[0.9], [1e-9]] + [[0.0]] * 5, "float32")
    late = detection._smooth(np.concatenate([hour, end])[:, 0], 3)[-len(end) + 3 :]
    soon = detection._smooth(end[:, 0], 3)[3:]
    np.testing.assert_array_equal(late, soon)


def test_a_plateau_is_one_detection():
    scores = np.zeros((100, 1))
    scores[40:60] = 1.0
    found = detection.find_words(scores, DetectorSettings())
    assert [one.score for one in found] == [1.0]


def test_the_latency_is_taken_off_and_no_time_is_below_0():
    scores = np.zeros((100, 1))
    scores[50] = scores[3] = 1.0
    options = DetectorSettings(smoothing=1, latency=0.2)
    first, second = detection.find_words(scores, options)
    assert first.time == 0.0
    assert second.time == pytest.approx(0.025 + 50 * 0.03 - 0.2)


def test_words_do_not_hide_each_other():
    scores = np.zeros((100, 2))
    scores[50, 0], scores[52, 1] = 0.9, 0.8
    options = DetectorSettings(labels=("yes", "no"), smoothing=1)
    found = detection.find_words(scores, options)
    assert [(one.label, one.score) for one in found] == [("yes", 0.9), ("no", 0.8)]


def test_the_detectors_own_threshold_is_the_default():
    scores = np.zeros((50, 1))
    scores[20] = 0.5
    options = DetectorSettings(smoothing=1, threshold=0.5)
    assert len(detection.find_words(scores, options)) == 1
    assert not detection.find_words(scores, replace(options, threshold=0.51))
    assert detection.find_words(scores, options, threshold=0.4) == [
        Detection(0.025 + 20 * 0.03, 0.5, "activates")
    ]


def test_nothing_was_heard_in_nothing():
    assert detection.find_words(np.zeros((0, 1)), DetectorSettings()) == []
    assert detection.find_words(np.zeros((1, 1)), DetectorSettings()) == []


def test_settings_survive_json():
    options = DetectorSettings(
        sample_rate=44_100,
        labels=("yes", "no"),
        hop_samples=320,
        first_samples=1320,
        context=5.5,
        latency=0.1,
        threshold=0.7,
        smoothing=2,
        scale=32768.0,
    )
    text = json.dumps(options.as_dict())
    assert DetectorSettings.from_dict(json.loads(text)) == options


@pytest.mark.parametrize(
    "change",
    [
        {"labels": []},
        {"labels": [3]},
        {"colour": "red"},
        {"sample_rate": 0},
        {"sample_rate": "16 kHz"},
        {"hop_samples": 1.5},
        {"threshold": None},
        {"scale": float("nan")},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        DetectorSettings.from_dict({**DetectorSettings().as_dict(), **change})


def test_settings_without_labels_are_none():
    with pytest.raises(ValueError, match="labels"):
        DetectorSettings.from_dict({"sample_rate": 16_000})


def test_chimes_begin_where_they_should_and_the_recording_stays():
    audio = np.linspace(-0.5, 0.5, 100).astype("float32")
    before = audio.copy()
    chime = np.full(10, 0.25, "float32")
    mixed = detection.insert_chimes(audio, chime, [0.2, 0.5], sample_rate=100)
    expected = before.copy()
    expected[20:30] += 0.25
    expected[50:60] += 0.25
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_array_equal(audio, before)
    assert mixed.dtype == np.float32


def test_a_chime_at_the_end_makes_the_recording_longer():
    chime = np.full(10, 0.25, "float32")
    mixed = detection.insert_chimes(np.zeros(20, "float32"), chime, [0.19], 100)
    assert len(mixed) == 29
    assert (mixed[19:] == 0.25).all()


def test_chimes_never_clip():
    audio = np.full(50, 0.9, "float32")
    chime = np.full(20, 0.6, "float32")
    mixed = detection.insert_chimes(audio, chime, [0.1, 0.2], sample_rate=100)
    assert np.abs(mixed).max() == pytest.approx(1.0)
    assert mixed[0] == pytest.approx(0.9 / 2.1)
    assert len(detection.insert_chimes(audio[:0], chime, [], 100)) == 0


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 44_100])
def test_the_chime_is_soft_short_and_rises(sample_rate):
    chime = detection.make_chime(sample_rate)
    assert chime.dtype == np.float32
    assert len(chime) / sample_rate == pytest.approx(0.44, abs=1e-3)
    assert 0.1 < np.abs(chime).max() < 0.4
    assert abs(chime[0]) < 0.01 and abs(chime[-1]) < 0.01
    half = len(chime) // 2
    peaks = [
        np.abs(np.fft.rfft(note)).argmax() * sample_rate / len(note)
        for note in (chime[:half], chime[half:])
    ]
    assert peaks == pytest.approx([880, 1318.5], abs=8)
