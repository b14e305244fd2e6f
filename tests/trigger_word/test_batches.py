"""Keras gets every batch once, in order, from clips, datasets and arrays alike."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.trigger_word import data, dataset
from dlai_keras.trigger_word.batches import TriggerWordSequence
from dlai_keras.trigger_word.stream import SceneStream
from dlai_keras.trigger_word.synthesis import SceneSettings

SCENES = SceneSettings(
    duration=1.5, sample_rate=16_000, num_positives=(0, 1), num_negatives=(0, 1)
)


@pytest.fixture(scope="module")
def loaded():
    return data.load_clips(data.EMBEDDED_CLIPS, sample_rate=16_000)


def mean_output(y_true, y_pred):
    return ops.mean(y_pred)


def watching_model():
    """Learns nothing: its metric tells which batches it was given."""
    inputs = keras.Input((None, 40))
    outputs = keras.layers.Conv1D(1, 1, 3, kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), loss="mse", metrics=[mean_output])
    return model


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_endless_stream_goes_on_with_fresh_batches_over_epochs(
    loaded, workers, capfd
):
    options = {"batch_size": 2, "seed": 3}
    scenes = TriggerWordSequence.from_clips(
        loaded.clips, loaded.root, SCENES, workers=workers, **options
    )
    history = watching_model().fit(
        scenes, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0
    )
    scenes.close()
    batches = SceneStream(loaded.clips, loaded.root, SCENES, **options)
    means = [batches(i)[0][:, ::3].sum(axis=-1).mean() for i in range(6)]
    expected = [np.mean(means[:3]), np.mean(means[3:])]
    np.testing.assert_allclose(history.history["mean_output"], expected, rtol=1e-4)
    assert expected[0] != pytest.approx(expected[1], rel=1e-3)
    assert not multiprocessing.active_children()
    assert "Traceback" not in capfd.readouterr().err


def test_an_endless_stream_has_no_length(loaded):
    scenes = TriggerWordSequence.from_clips(
        loaded.clips, loaded.root, SCENES, workers=0
    )
    assert scenes.num_batches is None
    with pytest.raises(TypeError, match="endless"):
        len(scenes)


def test_a_stream_passes_its_options_on(loaded):
    scenes = TriggerWordSequence.from_clips(
        loaded.clips,
        loaded.root,
        SCENES,
        batch_size=2,
        workers=0,
        kind="spectrogram",
        ignore=0.0,
    )
    inputs, targets = scenes[4]
    expected = SceneStream(
        loaded.clips, loaded.root, SCENES, 2, kind="spectrogram", ignore=0.0
    )(4)
    np.testing.assert_array_equal(inputs, expected[0])
    np.testing.assert_array_equal(targets, expected[1])


def test_an_error_in_a_worker_reaches_fit(loaded, tmp_path):
    scenes = TriggerWordSequence.from_clips(loaded.clips, tmp_path, SCENES, workers=2)
    with pytest.raises((ValueError, OSError), match=r"No such.*\.flac"):
        watching_model().fit(scenes, steps_per_epoch=1, shuffle=False, verbose=0)
    scenes.close()
    assert not multiprocessing.active_children()


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_no_process_outlives_a_training_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing

            if __name__ == "__main__":
                from dlai_keras.trigger_word import batches, data, synthesis

                loaded = data.load_clips(data.EMBEDDED_CLIPS, sample_rate=16_000)
                scenes = batches.TriggerWordSequence.from_clips(
                    loaded.clips, loaded.root,
                    synthesis.SceneSettings(duration=1.5, sample_rate=16_000),
                    batch_size=2, workers=2,
                )
                calls = [scenes._pool.submit(i) for i in range(4)]
                [call.result() for call in calls]
                pids = [child.pid for child in multiprocessing.active_children()]
                print(*pids, flush=True)
                while True:
                    scenes[0]
            """
        )
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
    assert pids
    give_up = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not any(is_alive(pid) for pid in pids)


# A generated dataset


@pytest.fixture(scope="module", params=["wav", "flac"])
def generated(request, loaded, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "dataset"
    settings = dataset.DatasetSettings(SCENES, seed=3, format=request.param)
    description = dataset.describe(settings, loaded.clips, loaded.root)
    dataset.write_dataset(
        folder, 5, settings, loaded.clips, loaded.root, description=description
    )
    return folder


def test_a_dataset_gives_the_examples_it_was_made_of(generated, loaded):
    batches = TriggerWordSequence.from_dataset(generated, batch_size=2)
    assert len(batches) == batches.num_batches == 3
    stream = SceneStream(loaded.clips, loaded.root, SCENES, 1, seed=3)
    shapes = []
    for index in range(3):
        inputs, targets = batches[index]
        shapes.append(inputs.shape[0])
        for row in range(len(inputs)):
            expected, wanted = stream(2 * index + row)
            # The files hold 16 bits of each sample.
            np.testing.assert_allclose(inputs[row], expected[0], atol=0.2)
            np.testing.assert_array_equal(targets[row], wanted[0])
    assert shapes == [2, 2, 1]


def test_fit_takes_a_dataset_epoch_after_epoch(generated):
    batches = TriggerWordSequence.from_dataset(generated, batch_size=2, ignore=0.0)
    everything = [batches[i][0][:, ::3].sum(axis=-1).mean() for i in range(3)]
    history = watching_model().fit(batches, epochs=2, verbose=0).history
    expected = [np.mean(everything)] * 2  # whatever the order
    np.testing.assert_allclose(history["mean_output"], expected, rtol=1e-4)


def test_a_dataset_that_is_none_is_named(generated, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No dataset\.json in"):
        TriggerWordSequence.from_dataset(tmp_path)
    for text in ("{", "[]", "{}", '{"labels": ["a"]}', '{"labels": 3}'):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(ValueError, match=r"dataset\.json"):
            TriggerWordSequence.from_dataset(tmp_path)


@pytest.mark.parametrize(
    ("complete", "format", "expected"),
    [(False, "wav", "not complete.*to finish it"), (True, "tfrecord", "TFRecord")],
)
def test_a_dataset_that_cannot_be_read_says_why(
    generated, tmp_path, complete, format, expected
):
    description = json.loads((generated / "dataset.json").read_text())
    description["complete"] = complete
    description["settings"]["format"] = format
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match=expected):
        TriggerWordSequence.from_dataset(tmp_path)


# The course's arrays


def write_arrays(folder, *, suffix="", num_examples=5, num_frames=50):
    rng = np.random.default_rng(0)
    inputs = rng.random((num_examples, num_frames, 7), "float32")
    targets = rng.integers(0, 2, (num_examples, 10, 1)).astype("float64")
    np.save(folder / f"X{suffix}.npy", inputs)
    np.save(folder / f"Y{suffix}.npy", targets)
    return inputs, targets


@pytest.mark.parametrize("suffix", ["", "_dev"])
def test_arrays_come_in_order_and_the_last_batch_is_smaller(tmp_path, suffix):
    inputs, targets = write_arrays(tmp_path, suffix=suffix)
    batches = TriggerWordSequence.from_arrays(tmp_path, batch_size=2)
    parts = [batches[i] for i in range(len(batches))]
    assert [len(part[0]) for part in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), inputs)
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), targets)
    assert all(array.dtype == np.float32 for part in parts for array in part)


def test_arrays_are_never_held_in_memory(tmp_path):
    write_arrays(tmp_path, num_examples=1000, num_frames=500)  # 14 MB
    tracemalloc.start()
    batches = TriggerWordSequence.from_arrays(tmp_path, batch_size=10)
    total = sum(len(batches[i][0]) for i in range(len(batches)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 1000
    assert peak < 1e6


def test_folders_without_arrays_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No X\.npy and Y\.npy"):
        TriggerWordSequence.from_arrays(tmp_path)
    write_arrays(tmp_path)
    (tmp_path / "Y.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"No X\.npy and Y\.npy"):
        TriggerWordSequence.from_arrays(tmp_path)


def test_arrays_that_do_not_belong_together_are_refused(tmp_path):
    write_arrays(tmp_path)
    np.save(tmp_path / "Y.npy", np.zeros((4, 10, 1)))
    with pytest.raises(ValueError, match=r"must be \(examples.*\(4, 10, 1\)"):
        TriggerWordSequence.from_arrays(tmp_path)
    np.save(tmp_path / "Y.npy", np.zeros((5, 10)))
    with pytest.raises(ValueError, match=r"must be \(examples.*\(5, 10\)"):
        TriggerWordSequence.from_arrays(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 60, 4000])
def test_broken_arrays_are_named(tmp_path, keep):
    write_arrays(tmp_path)
    content = (tmp_path / "X.npy").read_bytes()
    (tmp_path / "X.npy").write_bytes(content[:keep])
    with pytest.raises(ValueError, match=r"X\.npy and .*cannot be read as arrays"):
        TriggerWordSequence.from_arrays(tmp_path)
