"""Endless training examples, made as they are needed and never stored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlai_keras.trigger_word.data import AudioFiles
from dlai_keras.trigger_word.dataset import compute_features, num_target_frames
from dlai_keras.trigger_word.synthesis import (
    ClipSet,
    SceneSettings,
    example_rng,
    frame_labels,
    plan,
    render,
)

CACHE_BYTES = 512_000_000  # per worker: training meets every clip again and again
IGNORED = -1.0  # a frame whose target nobody should be blamed for


@dataclass
class SceneStream:
    """Batch `i` of scenes, features and targets; a function of `(seed, i)` alone.

    Attributes:
        clips: what scenes are made of.
        root: folder that the clips' names are relative to.
        settings: of the scenes.
        batch_size: scenes per batch.
        seed: of all batches.
        kind: features, `"log_mel"` or `"spectrogram"`.
        ignore: seconds around the edges of each label in which targets are -1: there,
            whether the word has ended is a matter of taste.
    """

    clips: ClipSet
    root: Path
    settings: SceneSettings
    batch_size: int = 32
    seed: int = 0
    kind: str = "log_mel"
    ignore: float = 0.12

    def __post_init__(self):
        self.source = AudioFiles(self.root, cache_bytes=CACHE_BYTES)

    def __call__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns `(inputs, targets)`.

        Shapes `(batch_size, num_frames, bins)` and
        `(batch_size, num_target_frames, num_labels)`, float32.
        """
        examples = [
            self.example(batch * self.batch_size + row)
            for row in range(self.batch_size)
        ]
        inputs, targets = zip(*examples, strict=True)
        return np.stack(inputs), np.stack(targets)

    def example(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """One scene's features and targets."""
        settings = self.settings
        scene = plan(example_rng(self.seed, index), self.clips, settings)
        audio, _ = render(scene, self.source)
        inputs = compute_features(self.kind, audio, settings.sample_rate)
        targets = stream_targets(
            scene.events,
            num_target_frames(self.kind, len(inputs)),
            settings,
            self.clips.labels,
            self.ignore,
        )
        return inputs, targets


def stream_targets(events, num_frames, settings, labels, ignore) -> np.ndarray:
    """Targets whose edges are -1, `(num_frames, num_labels)` float32.

    Args:
        events: of a scene of `settings.duration`.
        num_frames: frames of the model's output.
        settings: gives the width and offset of labels.
        labels: the trigger words.
        ignore: seconds left out on both sides of each label.
    """
    arguments = {"duration": settings.duration, "labels": labels}
    exact = frame_labels(
        events,
        num_frames,
        width=settings.label_width,
        offset=settings.label_offset,
        **arguments,
    )
    if not ignore:
        return exact
    wide = frame_labels(
        events,
        num_frames,
        width=settings.label_width + 2 * ignore,
        offset=settings.label_offset - ignore,
        **arguments,
    )
    return np.where((wide > 0) & (exact == 0), np.float32(IGNORED), exact)
