"""What feeds Keras: endless fresh scenes, a generated dataset, the course's arrays."""

import json
from pathlib import Path

import keras
import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.processes import Workers
from dlai_keras.trigger_word import annotations, dataset
from dlai_keras.trigger_word.stream import SceneStream, stream_targets


class TriggerWordSequence(keras.utils.PyDataset):
    """Batches of features and frame-wise targets for a trigger-word detector.

    Made with one of three class methods: `from_clips` draws fresh scenes for ever, in
    worker processes, and stores none; `from_dataset` reads a generated dataset;
    `from_arrays` the course's `X.npy` and `Y.npy`. Nothing is held in memory but the
    batches under way.

    Args:
        function: batch index -> `(inputs, targets)`; can be pickled.
        num_batches: batches per epoch, or None for an endless stream (give `fit` its
            `steps_per_epoch`).
        workers: processes that make batches; 0 makes them in this one.

    Example:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> np.save(folder / "X.npy", np.zeros((5, 5511, 101), "float32"))
        >>> np.save(folder / "Y.npy", np.zeros((5, 1375, 1), "float32"))
        >>> batches = TriggerWordSequence.from_arrays(folder, batch_size=2)
        >>> len(batches), batches[0][0].shape
        (3, (2, 5511, 101))
    """

    def __init__(self, function, *, num_batches=None, workers=1):
        # Threads of Keras wait for the processes and keep their results in order.
        super().__init__(
            workers=max(workers, 1), max_queue_size=2 * max(workers, 1) + 2
        )
        self.function = function
        self._num_batches = num_batches
        self._pool = Workers(function, workers)

    @property
    def num_batches(self):
        """Batches per epoch; None for an endless stream."""
        return self._num_batches

    def __len__(self):
        if self._num_batches is None:
            raise TypeError("An endless stream of scenes has no length.")
        return self._num_batches

    def __getitem__(self, index):
        return self._pool.submit(index).result()

    def close(self):
        """Ends the worker processes."""
        self._pool.close()

    @classmethod
    def from_clips(
        cls, clips, root, settings, *, batch_size=32, seed=0, workers=1, **stream
    ) -> "TriggerWordSequence":
        """Endless fresh scenes; see `stream.SceneStream` for the arguments."""
        function = SceneStream(
            clips, Path(root), settings, batch_size=batch_size, seed=seed, **stream
        )
        return cls(function, workers=workers)

    @classmethod
    def from_dataset(
        cls, folder, *, batch_size=32, kind="log_mel", ignore=0.12, workers=0
    ) -> "TriggerWordSequence":
        """A dataset made by `data_scripts/trigger_word.py` as WAV or FLAC."""
        function = GeneratedBatches(folder, batch_size, kind, ignore)
        num_batches = -(-len(function.records) // batch_size)
        return cls(function, num_batches=num_batches, workers=workers)

    @classmethod
    def from_arrays(cls, folder, *, batch_size=32, workers=0) -> "TriggerWordSequence":
        """The course's arrays: a folder with `X.npy` and `Y.npy`, or `X_dev.npy` ..."""
        function = ArrayBatches(folder, batch_size)
        num_batches = -(-len(function) // batch_size)
        return cls(function, num_batches=num_batches, workers=workers)


class GeneratedBatches:
    """Batch `i` of a generated dataset, read from its audio files.

    Args:
        folder: holds `dataset.json` and `annotations.jsonl`.
        batch_size: examples per batch; the last one may be smaller.
        kind: features to compute.
        ignore: see `stream.SceneStream`.
    """

    def __init__(self, folder, batch_size, kind, ignore=0.12):
        self.folder = Path(folder)
        path = self.folder / dataset.DESCRIPTION
        if not path.is_file():
            raise FileNotFoundError(
                f"No {dataset.DESCRIPTION} in {folder}. Expected a folder that "
                "data_scripts/trigger_word.py has made."
            )
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            self.labels = tuple(description["labels"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is no dataset description.") from None
        self.settings = dataset.settings_from(description)
        if not description.get("complete"):
            raise ValueError(
                f"{folder} is not complete. Give data_scripts/trigger_word.py the same "
                "options again to finish it."
            )
        if self.settings.format == "tfrecord":
            raise ValueError(
                f"{folder} holds TFRecord shards; read them with tf.data, or generate "
                "the dataset with --format wav or flac."
            )
        self.batch_size, self.kind, self.ignore = batch_size, kind, ignore
        # Offsets of lines, not their contents: a dataset may be larger than memory.
        self.records = []
        position = 0
        with (self.folder / dataset.ANNOTATIONS).open("rb") as file:
            for line in file:
                self.records.append(position)
                position += len(line)

    def __call__(self, batch):
        inputs, targets = [], []
        positions = self.records[batch * self.batch_size :][: self.batch_size]
        with (self.folder / dataset.ANNOTATIONS).open("rb") as file:
            for position in positions:
                file.seek(position)
                record = json.loads(file.readline())
                scene = annotations.record_to_scene(record)
                audio = audio_file.read(self.folder / record["file"])
                features = dataset.compute_features(self.kind, audio, scene.sample_rate)
                inputs.append(features)
                targets.append(
                    stream_targets(
                        scene.events,
                        dataset.num_target_frames(self.kind, len(features)),
                        self.settings.scene,
                        self.labels,
                        self.ignore,
                    )
                )
        return np.stack(inputs), np.stack(targets)


class ArrayBatches:
    """Batch `i` of the course's arrays, read from disk as needed.

    Args:
        folder: holds `X.npy` `(examples, 5511, 101)` and `Y.npy`
            `(examples, 1375, 1)`, or the same with `_dev` in the names.
        batch_size: examples per batch; the last one may be smaller.
    """

    def __init__(self, folder, batch_size):
        folder = Path(folder)
        for suffix in ("", "_dev"):
            paths = folder / f"X{suffix}.npy", folder / f"Y{suffix}.npy"
            if all(path.is_file() for path in paths):
                break
        else:
            raise FileNotFoundError(
                f"No X.npy and Y.npy (or X_dev.npy and Y_dev.npy) in {folder}."
            )
        self.paths, self.batch_size = paths, batch_size
        try:
            inputs, targets = self._arrays()
        except (ValueError, EOFError) as error:
            raise ValueError(
                f"{paths[0]} and {paths[1]} cannot be read as arrays: {error}"
            ) from None
        if len(inputs) != len(targets) or inputs.ndim != 3 or targets.ndim != 3:
            raise ValueError(
                f"{paths[0]} and {paths[1]} must be (examples, frames, bins) and "
                f"(examples, frames, labels). Received: {inputs.shape} and "
                f"{targets.shape}."
            )
        self.num_examples = len(inputs)

    def __len__(self):
        return self.num_examples

    def __call__(self, batch):
        part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        return tuple(np.array(array[part], "float32") for array in self._arrays())

    def _arrays(self):
        return [np.load(path, mmap_mode="r") for path in self.paths]
