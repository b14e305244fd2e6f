"""Trials: held-out words in a stream of sound, and what a detector makes of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dlai_keras.trigger_word.detection import (
    DetectorSettings,
    find_words,
    score_audio,
)
from dlai_keras.trigger_word.metrics import match_events
from dlai_keras.trigger_word.synthesis import (
    AudioSource,
    Background,
    Clip,
    plan_stream,
    render,
)

LOWEST_SCORE = 0.01  # candidates below are not kept
WORDS_PER_STREAM = 60


@dataclass(frozen=True)
class Trial:
    """What a detector said to a stream of words, whatever its threshold.

    Attributes:
        candidates: `(time, score)` of every peak of the score.
        ends: when each trigger word ends, seconds.
        words: `(onset, end, label)` of every word in the stream.
        hours: length of the stream.
    """

    candidates: tuple[tuple[float, float], ...]
    ends: tuple[float, ...]
    words: tuple[tuple[float, float, str], ...]
    hours: float

    @property
    def num_negatives(self) -> int:
        """Words in the stream that are no trigger words."""
        return len(self.words) - len(self.ends)

    def outcome(self, threshold: float) -> tuple[int, int, dict[str, int]]:
        """Hits, false accepts, and after which words the detector fired falsely.

        Args:
            threshold: score from which on a candidate counts.
        """
        times = [time for time, score in self.candidates if score >= threshold]
        hits, false_accepts = match_events(times, self.ends)
        blamed: Counter = Counter()
        ends = np.array([end for _, end, _ in self.words])
        for time in false_accepts:
            blamed[self.words[int(np.argmin(np.abs(ends - time)))][2]] += 1
        return int(hits.sum()), len(false_accepts), dict(blamed)

    def latencies(self, threshold: float = 0.3) -> np.ndarray:
        """Seconds from a word's end to the peak of its score, for words heard."""
        times = np.array(
            [time for time, score in self.candidates if score >= threshold]
        )
        if not len(times):
            return np.zeros(0)
        nearest = [times[np.argmin(np.abs(times - end))] - end for end in self.ends]
        return np.array([delay for delay in nearest if abs(delay) <= 0.75])


def run_trial(
    rng: np.random.Generator,
    predict: Callable[[np.ndarray], np.ndarray],
    settings: DetectorSettings,
    clips: Sequence[Clip],
    backgrounds: Sequence[Background],
    source: AudioSource,
    *,
    snr_db: float = 10.0,
    words_per_minute: float = 30.0,
    progress=None,
) -> Trial:
    """Has a detector listen to every clip once, at an even pace over backgrounds.

    Args:
        rng: shuffles the clips and draws backgrounds.
        predict: audio `(batch, num_samples)` to logits `(batch, frames, labels)`.
        settings: of the detector; its first label is the trigger word.
        clips: trigger words and others.
        backgrounds: at least one.
        source: where recordings come from.
        snr_db: level of every word above the background, decibels.
        words_per_minute: pace of the stream.
        progress: wraps the streams of `WORDS_PER_STREAM` words, to show a bar.

    Returns:
        The `Trial`.
    """
    clips = [clips[number] for number in rng.permutation(len(clips))]
    streams = [
        clips[first : first + WORDS_PER_STREAM]
        for first in range(0, len(clips), WORDS_PER_STREAM)
    ]
    label = settings.labels[0]
    candidates, ends, words, seconds = [], [], [], 0.0
    for stream in progress(streams) if progress else streams:
        background = backgrounds[rng.integers(len(backgrounds))]
        scene = plan_stream(
            rng,
            stream,
            background,
            snr_db=snr_db,
            sample_rate=settings.sample_rate,
            words_per_minute=words_per_minute,
        )
        audio, _ = render(scene, source)
        scores = score_audio(predict, audio, settings)[:, :1]
        found = find_words(scores, settings, threshold=LOWEST_SCORE)
        candidates += [(one.time + seconds, one.score) for one in found]
        for event in scene.events:
            words.append((event.onset + seconds, event.end + seconds, event.label))
            if event.label == label:
                ends.append(event.end + seconds)
        # A gap, so that no detection is taken for one of the next stream's words.
        seconds += scene.duration + 2.0
    hours = (seconds - 2.0 * len(streams)) / 3600
    return Trial(tuple(candidates), tuple(ends), tuple(words), hours)
