"""Pictures of scenes, detections and trade-offs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlai_keras.charts import (
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    new_figure,
    save_figure,
)

MAX_SECONDS = 60.0  # of a recording that fit into one picture


def draw_scenes(
    path: Path,
    scenes: Sequence,
    audios: Sequence,
    labels: Sequence[str],
    *,
    label_width: float = 0.0,
    label_offset: float = 0.0,
):
    """Spectrograms of scenes with their events and, as bars above, their targets.

    Args:
        path: PNG to write.
        scenes: `synthesis.Scene`s.
        audios: their audio.
        labels: the trigger words.
        label_width: seconds that targets of 1 last after a trigger word.
        label_offset: seconds between the end of the word and its target.
    """
    figure, axes = new_figure(len(scenes), 2.4)
    for axis, scene, audio in zip(axes, scenes, audios, strict=True):
        _spectrogram(axis, audio, scene.sample_rate)
        top = scene.sample_rate / 2000
        for event in scene.events:
            color = POSITIVE if event.label in labels else NEGATIVE
            axis.axvspan(event.onset, event.end, color=color, alpha=0.25, lw=0)
            axis.axvline(event.end, color=color, lw=1)
            if event.label in labels and label_width:
                start = event.end + label_offset
                axis.plot(
                    [start, min(start + label_width, scene.duration)],
                    [0.96 * top, 0.96 * top],
                    color=POSITIVE,
                    lw=5,
                    solid_capstyle="butt",
                )
            axis.text(
                event.onset,
                top * 1.02,
                f"{event.label} {event.snr_db:+.0f} dB",
                color=color,
                fontsize=8,
                va="bottom",
            )
        axis.set_title(
            f"example {scene.index}: {Path(scene.background).name}",
            loc="right",
            fontsize=8,
            color=MUTED,
            pad=14,
        )
    axes[-1].set_xlabel("seconds (bar: where the target is 1)")
    save_figure(figure, path)


def draw_detections(
    path: Path,
    audio: np.ndarray,
    sample_rate: int,
    times: np.ndarray,
    scores: np.ndarray,
    detections: Sequence,
    *,
    threshold: float,
    ends: Sequence[float] | None = None,
    title: str = "",
):
    """Spectrogram, score and detections of a recording.

    Args:
        path: PNG to write.
        audio: `(num_samples,)`; a minute of it at most is drawn.
        sample_rate: hertz.
        times: of the scores, seconds `(num_frames,)`.
        scores: `(num_frames, num_labels)`.
        detections: `detection.Detection`s.
        threshold: score from which on a word counts as heard.
        ends: where the words really end, if known.
        title: of the picture.
    """
    figure, (upper, lower) = new_figure(2, 2.2, sharex=True)
    audio = audio[: round(MAX_SECONDS * sample_rate)]
    seconds = len(audio) / sample_rate
    shown = times <= seconds
    _spectrogram(upper, audio, sample_rate)
    upper.set_title(title, loc="left", fontsize=10)
    lower.plot(times[shown], scores[shown], color=INK, lw=1)
    lower.axhline(threshold, color=MUTED, lw=1, ls="--")
    lower.text(seconds, threshold, " threshold", color=MUTED, fontsize=8, va="center")
    for end in ends if ends is not None else ():
        if end <= seconds:
            upper.axvline(end, color="white", lw=1, ls=":")
            lower.axvline(end, color=NEGATIVE, lw=1, ls=":")
    for detection in detections:
        if detection.time <= seconds:
            for axis in (upper, lower):
                axis.axvline(detection.time, color=POSITIVE, lw=1.2)
            lower.plot(detection.time, detection.score, "v", color=POSITIVE)
    lower.set_ylim(0, 1.05)
    lower.set_ylabel("score")
    legend = "red: word heard" + (", dotted: word ends" if ends is not None else "")
    lower.set_xlabel(f"seconds ({legend})")
    save_figure(figure, path)


def draw_tradeoff(path: Path, curves: dict[str, tuple], chosen: tuple | None = None):
    """Detection error tradeoff: misses over false accepts.

    Args:
        path: PNG to write.
        curves: name -> `(false_accepts_per_1000, misses)`; misses as a share.
        chosen: `(false_accepts_per_1000, misses)` at the threshold that was chosen.
    """
    figure, (axis,) = new_figure(1, 4.2)
    for (name, (false_accepts, misses)), color in zip(
        curves.items(), (POSITIVE, NEGATIVE, INK, MUTED), strict=False
    ):
        axis.step(
            np.maximum(false_accepts, 0.1),
            100 * np.asarray(misses),
            where="post",
            label=name,
            color=color,
        )
    if chosen is not None:
        axis.plot(
            max(chosen[0], 0.1), 100 * chosen[1], "o", color=INK, label="the threshold"
        )
    axis.set_xscale("log")
    axis.set_xlabel("false accepts per 1,000 other words (0 is drawn at 0.1)")
    axis.set_ylabel("trigger words missed, %")
    axis.set_ylim(bottom=-1)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    save_figure(figure, path)


def _spectrogram(axis, audio, sample_rate):
    hop = max(64, len(audio) // 2000)
    size = 512 if sample_rate >= 16_000 else 256
    num_frames = max(1, (len(audio) - size) // hop + 1)
    frames = np.lib.stride_tricks.sliding_window_view(
        np.pad(audio, (0, max(0, size - len(audio)))), size
    )[::hop][:num_frames]
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype("float32"))) ** 2
    decibels = 10 * np.log10(power.T + 1e-10)
    seconds = max(len(audio), 1) / sample_rate  # an empty recording has its axes, too
    axis.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, sample_rate / 2000),
        vmin=np.percentile(decibels, 20),
        vmax=decibels.max(),
        cmap="viridis",
        interpolation="nearest",
    )
    axis.set_ylabel("kHz")
    axis.set_xlim(0, seconds)
