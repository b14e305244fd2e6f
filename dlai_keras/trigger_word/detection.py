"""From a detector's outputs to the times at which the word was spoken."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from numbers import Integral, Real

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word.metrics import REFRACTORY


@dataclass(frozen=True)
class Detection:
    """A trigger word that was heard.

    Attributes:
        time: when the word ends, seconds.
        score: the highest probability there, 0 to 1.
        label: the word.
    """

    time: float
    score: float
    label: str


@dataclass(frozen=True)
class DetectorSettings:
    """What belongs to a trained detector beside its weights.

    Attributes:
        sample_rate: of the audio the model takes, hertz.
        labels: the trigger words, one a column of the model's output.
        hop_samples: samples from one output to the next.
        first_samples: samples that the first output has seen.
        context: seconds of sound that an output may depend on.
        latency: seconds between the end of a word and the peak of its score.
        threshold: score from which on a word counts as heard, chosen on validation.
        smoothing: outputs over which the score is averaged.
        scale: what audio in [-1, 1] is multiplied by before it meets the model.
    """

    sample_rate: int = 16_000
    labels: tuple[str, ...] = ("activates",)
    hop_samples: int = 480
    first_samples: int = 400
    context: float = 3.0
    latency: float = 0.0
    threshold: float = 0.5
    smoothing: int = 11
    scale: float = 1.0

    def __post_init__(self):
        if not self.labels or not all(isinstance(x, str) for x in self.labels):
            raise ValueError(
                f"`labels` must be one word or more. Received: labels={self.labels!r}."
            )
        for name in ("sample_rate", "hop_samples", "first_samples"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(
                    f"`{name}` must be a whole number, 1 or more. "
                    f"Received: {name}={value!r}."
                )
        for name in ("context", "latency", "threshold", "smoothing", "scale"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not np.isfinite(value):
                raise ValueError(
                    f"`{name}` must be a number. Received: {name}={value!r}."
                )

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, values: dict) -> "DetectorSettings":
        """The settings of `as_dict`.

        Raises:
            ValueError: `labels` are missing, or a field is unknown or no such value.
        """
        try:
            return cls(**{**values, "labels": tuple(values["labels"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"These are no detector settings: {error}.") from None


def score_audio(
    predict: Callable[[np.ndarray], np.ndarray],
    audio: np.ndarray,
    settings: DetectorSettings,
    *,
    chunk: float = 20.0,
) -> np.ndarray:
    """Probabilities of every output frame of a recording; see `score_stream`."""
    return score_stream(predict, [audio], settings, chunk=chunk)


def score_stream(
    predict: Callable[[np.ndarray], np.ndarray],
    parts: Iterable[np.ndarray],
    settings: DetectorSettings,
    *,
    chunk: float = 20.0,
) -> np.ndarray:
    """Probabilities of every output frame of a stream of any length.

    The detector is called with pieces of equal length, each with as much of what came
    before as an output may depend on; so memory stays flat, and a causal model gives
    the numbers of the whole.

    Args:
        predict: `(batch, num_samples)` float32 to logits `(batch, frames, labels)`.
        parts: the stream, cut anywhere: arrays `(num_samples,)` at
            `settings.sample_rate`.
        settings: of the detector.
        chunk: seconds per call.

    Returns:
        float32 `(num_frames, num_labels)`; frame `j` has heard
        `first_samples + j * hop_samples` samples.
    """
    hop, first = settings.hop_samples, settings.first_samples
    context = -(-round(settings.context * settings.sample_rate) // hop)  # frames
    step = max(1, round(chunk * settings.sample_rate / hop))  # frames
    scores = [np.zeros((0, len(settings.labels)), "float32")]
    heard = np.zeros(0, "float32")  # from frame `base` on
    base = done = 0

    def score(count):
        before = min(context, done)
        part = np.zeros(first + (before + step - 1) * hop, "float32")
        piece = heard[(done - before - base) * hop :][
            : first + (before + count - 1) * hop
        ]
        part[: len(piece)] = piece
        logits = np.asarray(predict(part[None] * np.float32(settings.scale)))[0]
        scores.append(_sigmoid(logits[before : before + count]).astype("float32"))

    for part in parts:
        heard = np.concatenate([heard, part]) if len(heard) else part
        while base + (len(heard) - first) // hop + 1 >= done + step:
            score(step)
            done += step
            # At least the last frame stays: the next may begin behind what was heard.
            oldest = max(done - max(context, 1), 0)
            heard, base = heard[(oldest - base) * hop :], oldest
    if (rest := base + (len(heard) - first) // hop + 1 - done) > 0:
        score(rest)
    return np.concatenate(scores)


def frame_times(num_frames: int, settings: DetectorSettings) -> np.ndarray:
    """When each output has heard what it depends on, seconds."""
    samples = settings.first_samples + np.arange(num_frames) * settings.hop_samples
    return samples / settings.sample_rate


def find_words(
    scores: np.ndarray,
    settings: DetectorSettings,
    *,
    threshold: float | None = None,
    refractory: float = REFRACTORY,
) -> list[Detection]:
    """The peaks of the score, strongest first, none within `refractory` of another.

    Args:
        scores: probabilities `(num_frames, num_labels)`.
        settings: of the detector.
        threshold: lowest score that counts; None takes the detector's own.
        refractory: seconds.

    Returns:
        Detections sorted by time.
    """
    threshold = settings.threshold if threshold is None else threshold
    hop = settings.hop_samples / settings.sample_rate
    times = frame_times(len(scores), settings) - settings.latency
    found = []
    for column, label in enumerate(settings.labels):
        smooth = _smooth(scores[:, column], settings.smoothing)
        blocked = np.zeros(len(smooth), bool)
        reach = int(np.ceil(refractory / hop)) - 1
        peaks = np.flatnonzero(
            (smooth >= threshold)
            & (smooth >= np.append(smooth[1:], -np.inf))
            & (smooth >= np.append(-np.inf, smooth[:-1]))
        )
        for peak in peaks[np.argsort(-smooth[peaks], kind="stable")]:
            if not blocked[peak]:
                blocked[max(0, peak - reach) : peak + reach + 1] = True
                time = max(float(times[peak]), 0.0)
                found.append(Detection(time, float(smooth[peak]), label))
    return sorted(found, key=lambda detection: (detection.time, detection.label))


def insert_chimes(
    audio: np.ndarray, chime: np.ndarray, times: list[float], sample_rate: int
) -> np.ndarray:
    """A copy with a chime after each detection, as the course's `chime_on_activate`.

    Args:
        audio: `(num_samples,)`.
        chime: `(num_chime_samples,)` at the same rate.
        times: where chimes begin, seconds.
        sample_rate: hertz.

    Returns:
        float32 `(num_samples,)`; longer where the last chime needs it. What exceeds
        full scale is scaled down as a whole.
    """
    starts = [round(time * sample_rate) for time in times]
    length = max([len(audio), *(start + len(chime) for start in starts)])
    mixed = np.zeros(length, "float32")
    mixed[: len(audio)] = audio
    for start in starts:
        mixed[start : start + len(chime)] += chime
    peak = np.abs(mixed).max(initial=0.0)
    return mixed / peak if peak > 1 else mixed


def make_chime(sample_rate: int) -> np.ndarray:
    """Two soft rising notes, 0.44 s, float32."""
    notes = []
    for frequency in (880.0, 1318.5):
        time = np.arange(round(0.22 * sample_rate)) / sample_rate
        tone = np.sin(2 * np.pi * frequency * time) * np.exp(-time * 14)
        notes.append(audio_file.fade_edges(0.3 * tone, round(0.004 * sample_rate)))
    return np.concatenate(notes).astype("float32")


def _smooth(scores, width):
    scores = scores.astype("float64")
    if width <= 1 or not len(scores):
        return scores
    # Sums of the few, not differences of two sums of all: those do not forget.
    return np.convolve(scores, np.ones(width))[: len(scores)] / width


def _sigmoid(logits):
    return 0.5 * (1.0 + np.tanh(0.5 * logits))
