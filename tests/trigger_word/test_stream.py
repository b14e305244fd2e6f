"""Batch `i` of a stream is a function of the seed and `i`, and its targets are fair."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from dlai_keras.processes import Workers
from dlai_keras.trigger_word import data
from dlai_keras.trigger_word.dataset import compute_features, num_target_frames
from dlai_keras.trigger_word.stream import SceneStream, stream_targets
from dlai_keras.trigger_word.synthesis import (
    Event,
    SceneSettings,
    example_rng,
    plan,
    render,
)

SCENES = SceneSettings(
    duration=2.0, sample_rate=16_000, num_positives=(1, 1), num_negatives=(0, 1)
)


@pytest.fixture(scope="module")
def loaded():
    return data.load_clips(data.EMBEDDED_CLIPS, sample_rate=16_000)


def stream_of(loaded, **options):
    settings = {"batch_size": 3, "seed": 5, **options}
    scenes = settings.pop("scenes", SCENES)
    return SceneStream(loaded.clips, loaded.root, scenes, **settings)


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_have_the_shapes_of_the_models_inputs_and_outputs(loaded):
    inputs, targets = stream_of(loaded)(0)
    assert inputs.shape == (3, 198, 40)
    assert targets.shape == (3, 66, 1)
    assert inputs.dtype == targets.dtype == np.float32
    inputs, targets = stream_of(loaded, kind="spectrogram")(0)
    assert inputs.shape == (3, 398, 101)
    assert targets.shape == (3, 96, 1)


def test_a_batch_is_the_same_whatever_was_made_before(loaded):
    forwards = [stream_of(loaded)(i) for i in range(4)]
    backwards = stream_of(loaded)
    for i in (3, 1, 0, 2, 2):
        assert_equal(backwards(i), forwards[i])


def test_every_batch_and_every_seed_is_another(loaded):
    stream = stream_of(loaded)
    batches = [stream(i)[0] for i in range(3)] + [stream_of(loaded, seed=6)(0)[0]]
    for number, one in enumerate(batches):
        for other in batches[:number]:
            assert not np.array_equal(one, other)


def test_the_size_of_batches_does_not_change_the_examples(loaded):
    one_by_one = stream_of(loaded, batch_size=1)
    inputs, targets = stream_of(loaded)(2)
    for row in range(3):
        one, target = one_by_one(6 + row)
        assert_equal((inputs[row], targets[row]), (one[0], target[0]))


def test_other_processes_make_the_same_batches(loaded):
    stream = stream_of(loaded)
    expected = [stream(i) for i in range(3)]
    with Workers(stream, 2) as workers:
        for ours, theirs in zip(workers.map(range(3)), expected, strict=True):
            assert_equal(ours, theirs)


def test_a_stream_travels_without_the_audio_it_has_read(loaded):
    stream = stream_of(loaded)
    before = len(pickle.dumps(stream))
    batch = stream(1)
    text = pickle.dumps(stream)
    assert len(text) == before
    assert_equal(pickle.loads(text)(1), batch)


def test_an_example_is_the_scene_of_its_seed_and_index(loaded):
    scene = plan(example_rng(5, 7), loaded.clips, SCENES)
    audio, _ = render(scene, data.AudioFiles(loaded.root))
    inputs, targets = stream_of(loaded).example(7)
    np.testing.assert_array_equal(inputs, compute_features("log_mel", audio, 16_000))
    num_frames = num_target_frames("log_mel", len(inputs))
    expected = stream_targets(scene.events, num_frames, SCENES, loaded.clips.labels, 0)
    np.testing.assert_array_equal(targets == 1, expected == 1)
    assert expected.sum() > 0


def event(end, label="activates", duration=0.4):
    return Event(label, "clip.wav", 0.0, end - duration, duration, 0.0, 10.0)


TARGETS = replace(SCENES, duration=10.0, label_width=0.36)


def targets_of(*events, ignore=0.12, settings=TARGETS, labels=("activates",)):
    return stream_targets(events, 1000, settings, labels, ignore)


def test_frames_beside_a_label_are_left_out_and_no_others():
    targets = targets_of(event(5.0))[:, 0]
    seconds = np.arange(1000) / 100
    inside = (seconds > 5.005) & (seconds < 5.355)
    beside = ((seconds > 4.895) & (seconds < 4.995)) | (
        (seconds > 5.375) & (seconds < 5.475)
    )
    far = (seconds < 4.87) | (seconds > 5.5)
    assert (targets[inside] == 1).all()
    assert (targets[beside] == -1).all()
    assert (targets[far] == 0).all()
    assert (targets == 1).sum() == 36
    assert (targets == -1).sum() == 24


def test_no_frame_is_rewarded_before_the_word_has_ended():
    for end in (1.0, 2.345, 9.5):
        first = np.flatnonzero(targets_of(event(end))[:, 0] == 1)[0]
        assert end < (first + 1) / 100 <= end + 0.021


def test_the_label_of_a_word_beats_what_is_left_out_beside_another():
    targets = targets_of(event(5.0), event(5.4, duration=0.3))[:, 0]
    alone = targets_of(event(5.4, duration=0.3))[:, 0]
    assert (targets[alone == 1] == 1).all()
    assert (targets == 1).sum() == 72


def test_other_words_leave_nothing_out():
    assert not targets_of(event(5.0, "negatives")).any()
    both = targets_of(event(5.0, "yes"), event(8.0, "no"), labels=("yes", "no"))
    assert (both[600:, 0] == 0).all() and (both[:700, 1] == 0).all()
    assert (both == 1).sum(axis=0).tolist() == [36, 36]


def test_a_label_at_the_end_is_cut_off_there():
    targets = targets_of(event(9.9))[:, 0]
    assert (targets[992:] == 1).all()
    assert (targets[980:990] == -1).all()


def test_with_nothing_to_ignore_the_targets_are_ones_and_zeros():
    assert set(np.unique(targets_of(event(5.0), ignore=0))) == {0.0, 1.0}
