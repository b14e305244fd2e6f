"""Soundscape synthesis in three pure steps: plan a scene, render it, label it.

`plan` draws every number a scene needs, `render` turns those numbers into audio, and
`frame_labels` into training targets. A scene holds only names and numbers, so it can
be written down and rendered again, bit for bit.
"""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Protocol

import numpy as np
from scipy import fft

from dlai_keras import audio as audio_file

COURSE_LABEL_WIDTH = 50 * 10.0 / 1375  # seconds: 50 of the course's 1375 frames
PEAK = 0.99  # a mix whose peak would exceed full scale is scaled to this one
BACKGROUND_BLOCK = 0.1  # seconds per entry of `Background.powers`
LOOP_CROSSFADE = 0.25  # seconds


@dataclass(frozen=True)
class Clip:
    """A stretch of a recording that can be laid over a background.

    Attributes:
        file: the recording's name, relative to the clip folder.
        label: what is heard, such as `"activates"`.
        start: where in the recording it begins, seconds.
        duration: seconds.
        level_db: root mean square, dBFS.
        group: recordings of one group (a speaker, a voice) stay in one split.
        reverse: played backwards: a voice that says nothing.
    """

    file: str
    label: str
    start: float
    duration: float
    level_db: float
    group: str = ""
    reverse: bool = False


@dataclass(frozen=True)
class Background:
    """A recording to lay clips over.

    Attributes:
        file: the recording's name, relative to the clip folder.
        duration: seconds.
        start: where in the recording it begins, seconds.
        powers: mean square of every `BACKGROUND_BLOCK` seconds.
        group: recordings of one group stay in one split.
    """

    file: str
    duration: float
    powers: tuple[float, ...]
    start: float = 0.0
    group: str = ""

    def level_db(self, offset: float, duration: float) -> float:
        """Level of the part from `offset` on, looped where it ends, in dBFS."""
        first = int(offset / BACKGROUND_BLOCK)
        last = max(math.ceil((offset + duration) / BACKGROUND_BLOCK - 1e-6), first + 1)
        count = len(self.powers)
        powers = [self.powers[block % count] for block in range(first, last)]
        return audio_file.power_to_db(math.fsum(powers) / len(powers))


@dataclass(frozen=True)
class Event:
    """One clip laid over the background.

    Attributes:
        label: what is heard.
        clip: file of the clip.
        clip_start: where in the file the clip begins, seconds.
        onset: when it begins in the scene, seconds.
        duration: seconds in the scene.
        gain_db: decibels added to the clip.
        snr_db: level of the clip above that of the background, decibels.
        speed: above 1 the clip is played faster and higher.
        reverse: the clip is played backwards.
        low_cut: hertz below which the clip is cut off; 0 for none.
        high_cut: hertz above which the clip is cut off; 0 for none.
        tilt_db: decibels per octave by which the clip's spectrum is tilted.
    """

    label: str
    clip: str
    clip_start: float
    onset: float
    duration: float
    gain_db: float
    snr_db: float
    speed: float = 1.0
    reverse: bool = False
    low_cut: float = 0.0
    high_cut: float = 0.0
    tilt_db: float = 0.0

    @property
    def end(self) -> float:
        """When the clip ends in the scene, seconds."""
        return self.onset + self.duration


@dataclass(frozen=True)
class Scene:
    """A background and what is laid over it: all that `render` needs.

    Attributes:
        duration: seconds.
        sample_rate: hertz.
        background: file of the background.
        background_start: where in that file the part used begins, seconds.
        background_duration: length of that part, seconds; it is looped where the
            scene is longer.
        background_offset: where in that part the scene begins, seconds.
        background_gain_db: decibels added to the background.
        events: sorted by onset.
        num_dropped: events that found no place.
        fade: seconds over which clips fade in and out.
        seed: seed of the dataset.
        index: which example of the dataset this is.
    """

    duration: float
    sample_rate: int
    background: str
    background_start: float
    background_duration: float
    background_offset: float
    background_gain_db: float
    events: tuple[Event, ...]
    num_dropped: int = 0
    fade: float = 0.0
    seed: int = 0
    index: int = 0


@dataclass(frozen=True)
class SceneSettings:
    """From what a scene is drawn; ranges are (lowest, highest), both included.

    Attributes:
        duration: seconds (the course: 10).
        sample_rate: hertz (the course: 44100; usual elsewhere: 16000).
        num_positives: how many trigger words (the course: 0 to 4).
        num_negatives: how many other words (the course: 0 to 2).
        snr_db: level of a clip above its background, decibels; None takes the
            course's fixed levels: clips at `clip_db`, backgrounds `background_gain_db`.
        background_db: level of the background, dBFS, where `snr_db` is given.
        clip_db: dBFS of every clip without `snr_db` (the course: -20).
        background_gain_db: decibels added to the background without `snr_db` (the
            course: -20).
        trim: silence around clips is cut off (the course: no).
        fade: seconds over which clips fade in and out.
        min_gap: seconds between two clips at the least.
        label_width: seconds that a label lasts (the course: 50 frames).
        label_offset: seconds between the end of the word and its label.
        speed: factor by which clips are sped up.
        channel: probability that a clip is band-limited and tilted at random, trigger
            words and others alike.
        noise_only: probability that a scene has no clips at all.
    """

    duration: float = 10.0
    sample_rate: int = 44_100
    num_positives: tuple[int, int] = (0, 4)
    num_negatives: tuple[int, int] = (0, 2)
    snr_db: tuple[float, float] | None = (5.0, 20.0)
    background_db: tuple[float, float] = (-50.0, -35.0)
    clip_db: float = -20.0
    background_gain_db: float = -20.0
    trim: bool = True
    fade: float = 0.01
    min_gap: float = 0.1
    label_width: float = COURSE_LABEL_WIDTH
    label_offset: float = 0.0
    speed: tuple[float, float] = (1.0, 1.0)
    channel: float = 0.0
    noise_only: float = 0.0

    def __post_init__(self):
        for name in ("duration", "sample_rate", "label_width"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"`{name}` must be above 0. Received: {name}={value}.")
        for name in ("fade", "min_gap"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"`{name}` must be 0 or more. Received: {value}.")
        if not np.isfinite(self.label_offset):
            raise ValueError(
                f"`label_offset` must be finite. Received: {self.label_offset}."
            )
        for name in ("channel", "noise_only"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1. Received: {value}.")
        for name in (
            "num_positives",
            "num_negatives",
            "snr_db",
            "background_db",
            "speed",
        ):
            value = getattr(self, name)
            if value is None:
                continue
            object.__setattr__(self, name, tuple(value))
            low, high = value
            if not (np.isfinite(low) and np.isfinite(high) and low <= high):
                raise ValueError(
                    f"`{name}` must be two numbers, the lower one first. "
                    f"Received: {low} {high}."
                )
            if (name.startswith("num_") and low < 0) or (name == "speed" and low <= 0):
                raise ValueError(
                    f"`{name}` must not be negative. Received: {low} {high}."
                )

    @classmethod
    def course(cls, **changes) -> "SceneSettings":
        """The course's scenes: fixed levels, clips whole and with hard edges."""
        course = cls(snr_db=None, trim=False, fade=0.0, min_gap=0.0)
        return replace(course, **changes)


@dataclass(frozen=True)
class ClipSet:
    """The recordings scenes are made of.

    Attributes:
        positives: label of a trigger word -> its clips.
        negatives: label of other sounds -> their clips.
        backgrounds: what clips are laid over.
        weights: label of negatives -> how often they are drawn, relative to the number
            of their clips; 1 where a label is missing.
    """

    positives: Mapping[str, tuple[Clip, ...]]
    negatives: Mapping[str, tuple[Clip, ...]]
    backgrounds: tuple[Background, ...]
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The trigger words, in the order of the target's columns."""
        return tuple(self.positives)

    @cached_property
    def _negative_ladder(self) -> list[float]:
        """Running totals of how often the negatives of each label are drawn."""
        return list(
            accumulate(
                self.weights.get(label, 1.0) * len(clips)
                for label, clips in self.negatives.items()
            )
        )


class AudioSource(Protocol):
    """Where `render` gets audio from; `data.AudioFiles` reads it from files."""

    def clip(self, file: str, sample_rate: int) -> np.ndarray:
        """The whole recording at `sample_rate`."""

    def background(self, scene: Scene) -> np.ndarray:
        """The scene's background, `round(duration * sample_rate)` samples."""


def example_rng(seed: int, index: int) -> np.random.Generator:
    """The generator of example `index`: the same whatever was drawn before it."""
    return np.random.default_rng((seed, index))


def plan(
    rng: np.random.Generator,
    clips: ClipSet,
    settings: SceneSettings,
    *,
    seed: int = 0,
    index: int = 0,
) -> Scene:
    """Draws a scene.

    The background and where it begins, the numbers of trigger words and of other
    words, the clips, their levels and their places are uniform within `settings`. A
    clip's place is drawn among all places where it neither touches the edge nor comes
    nearer than `settings.min_gap` to another; a clip for which there is none is
    counted in `Scene.num_dropped`.

    Args:
        rng: source of randomness, such as `example_rng(seed, index)`.
        clips: what to draw from.
        settings: see `SceneSettings`.
        seed: noted in the scene.
        index: noted in the scene.

    Returns:
        The `Scene`.
    """
    background = clips.backgrounds[rng.integers(len(clips.backgrounds))]
    slack = background.duration - settings.duration
    # A background shorter than the scene is looped, and may begin anywhere.
    offset = float(rng.uniform(0, background.duration if slack < 0 else slack))
    if abs(slack) < 1e-9:
        offset = 0.0
    source_db = background.level_db(offset, settings.duration)
    if settings.snr_db is None:
        background_gain_db = settings.background_gain_db
    else:
        background_gain_db = float(rng.uniform(*settings.background_db)) - source_db
        background_gain_db = min(background_gain_db, 60.0)  # do not amplify silence
    level_db = max(source_db + background_gain_db, audio_file.SILENCE_DB)

    num_positives = int(rng.integers(*settings.num_positives, endpoint=True))
    num_negatives = int(rng.integers(*settings.num_negatives, endpoint=True))
    if settings.noise_only and rng.random() < settings.noise_only:
        num_positives = num_negatives = 0
    if not clips.negatives:
        num_negatives = 0
    chosen = [_draw_positive(rng, clips) for _ in range(num_positives)]
    chosen += [_draw_negative(rng, clips) for _ in range(num_negatives)]

    rate = settings.sample_rate
    total = round(settings.duration * rate)
    gap = round(settings.min_gap * rate)
    busy: list[tuple[int, int]] = []
    events = []
    for clip in chosen:
        speed = float(rng.uniform(*settings.speed))
        length = max(1, round(clip.duration / speed * rate))
        onset = _free_onset(rng, busy, length, total, gap)
        if onset is None:
            continue
        busy.append((onset, onset + length))
        gain_db, snr_db = _levels(rng, clip, level_db, settings)
        events.append(
            Event(
                label=clip.label,
                clip=clip.file,
                clip_start=clip.start,
                onset=onset / rate,
                duration=length / rate,
                gain_db=gain_db,
                snr_db=snr_db,
                speed=speed,
                reverse=clip.reverse,
                **_draw_channel(rng, settings),
            )
        )
    return Scene(
        duration=settings.duration,
        sample_rate=rate,
        background=background.file,
        background_start=background.start,
        background_duration=background.duration,
        background_offset=offset,
        background_gain_db=background_gain_db,
        events=tuple(sorted(events, key=lambda event: event.onset)),
        num_dropped=len(chosen) - len(events),
        fade=settings.fade,
        seed=seed,
        index=index,
    )


def plan_stream(
    rng: np.random.Generator,
    clips: Sequence[Clip],
    background: Background,
    *,
    snr_db: float = 10.0,
    background_db: float = -40.0,
    sample_rate: int = 16_000,
    words_per_minute: float = 30.0,
    fade: float = 0.01,
    tail: float = 1.5,
) -> Scene:
    """A long scene in which every clip is heard once, in order, at an even pace.

    Args:
        rng: draws where the background begins and how far each word is off the beat.
        clips: at least one; one that is longer than the pace allows moves the rest.
        background: looped where it ends.
        snr_db: level of every word above the background, decibels.
        background_db: level of the background, dBFS.
        sample_rate: hertz.
        words_per_minute: pace.
        fade: seconds over which clips fade in and out.
        tail: seconds of background after the last word.

    Returns:
        The `Scene`, about `len(clips) * 60 / words_per_minute` seconds long.
    """
    pace = 60.0 / words_per_minute
    events, earliest = [], 0.5
    for position, clip in enumerate(clips):
        beat = position * pace + 0.5 + rng.uniform(0, 0.25 * pace)
        onset = round(max(beat, earliest) * sample_rate) / sample_rate
        duration = max(1, round(clip.duration * sample_rate)) / sample_rate
        gain_db = background_db + snr_db - clip.level_db
        events.append(
            Event(
                clip.label,
                clip.file,
                clip.start,
                onset,
                duration,
                gain_db,
                snr_db,
                reverse=clip.reverse,
            )
        )
        earliest = onset + duration + 0.2
    duration = max(len(clips) * pace, events[-1].end) + tail
    offset = float(rng.uniform(0, background.duration))
    level_db = background.level_db(offset, duration)
    return Scene(
        duration=duration,
        sample_rate=sample_rate,
        background=background.file,
        background_start=background.start,
        background_duration=background.duration,
        background_offset=offset,
        background_gain_db=min(background_db - level_db, 60.0),
        events=tuple(events),
        fade=fade,
    )


def render(scene: Scene, source: AudioSource) -> tuple[np.ndarray, float]:
    """Turns a scene into audio.

    Args:
        scene: as `plan` draws it, or as it was read from annotations.
        source: where recordings come from.

    Returns:
        `(audio, mix_gain_db)`: float32 `(num_samples,)` within [-1, 1], and the
        decibels by which the whole mix was turned down so as not to clip (0 as a
        rule).
    """
    rate = scene.sample_rate
    mix = source.background(scene) * audio_file.gain(scene.background_gain_db)
    for event in scene.events:
        first = round(event.onset * rate)
        clip = _render_event(event, scene, source)
        mix[first : first + len(clip)] += clip
    peak = max(float(mix.max()), -float(mix.min()))
    if peak <= 1.0:
        return mix, 0.0
    mix *= np.float32(PEAK / peak)
    return mix, 20 * math.log10(PEAK / peak)


def frame_labels(
    events: Sequence[Event],
    num_frames: int,
    *,
    duration: float,
    labels: Sequence[str],
    width: float = COURSE_LABEL_WIDTH,
    offset: float = 0.0,
) -> np.ndarray:
    """Targets of a scene: ones for a while after each trigger word.

    With the course's 1375 frames for 10 seconds this is `insert_ones`: 50 ones that
    begin one frame after `int(end * 1375 / 10)`.

    Args:
        events: of the scene.
        num_frames: frames of the model's output.
        duration: of the scene, seconds.
        labels: the trigger words; one column each.
        width: seconds that a label lasts.
        offset: seconds between the end of the word and its label.

    Returns:
        float32 `(num_frames, num_labels)`.
    """
    targets = np.zeros((num_frames, len(labels)), "float32")
    rate = num_frames / duration
    num_ones = max(1, round(width * rate))
    for event in events:
        if event.label in labels:
            first = max(int((event.end + offset) * rate + 1e-9) + 1, 0)
            targets[first : first + num_ones, labels.index(event.label)] = 1.0
    return targets


def _draw_positive(rng, clips):
    labels = clips.labels
    label = labels[rng.integers(len(labels))] if len(labels) > 1 else labels[0]
    of_label = clips.positives[label]
    return of_label[rng.integers(len(of_label))]


def _draw_negative(rng, clips):
    """Every clip is equally likely, but for the weight of its label."""
    labels = list(clips.negatives)
    label = labels[0]
    if len(labels) > 1:
        ladder = clips._negative_ladder
        label = labels[bisect(ladder, rng.random() * ladder[-1])]
    of_label = clips.negatives[label]
    return of_label[rng.integers(len(of_label))]


def _free_onset(rng, busy, length, total, gap):
    """A uniform onset (samples) among all that keep `gap` to `busy`, or None."""
    if length > total:
        return None
    openings, start = [], 0
    for first, last in sorted(busy):
        if first - gap - length >= start:
            openings.append((start, first - gap - length))
        start = last + gap
    if total - length >= start:
        openings.append((start, total - length))
    if not openings:
        return None
    ladder = list(accumulate(last - first + 1 for first, last in openings))
    pick = int(rng.integers(ladder[-1]))
    chosen = bisect(ladder, pick)
    return openings[chosen][1] - (ladder[chosen] - 1 - pick)


def _levels(rng, clip, background_db, settings):
    """Gain and signal-to-noise ratio of a clip, decibels."""
    if settings.snr_db is None:
        gain_db = settings.clip_db - clip.level_db
        return gain_db, settings.clip_db - background_db
    snr_db = float(rng.uniform(*settings.snr_db))
    floor_db = max(background_db, -60.0)  # a background that is silence
    return floor_db + snr_db - clip.level_db, snr_db + (floor_db - background_db)


def _draw_channel(rng, settings):
    if not settings.channel or rng.random() >= settings.channel:
        return {}
    nyquist = settings.sample_rate / 2
    return {
        "low_cut": float(rng.uniform(20.0, 350.0)),
        # From the 4 kHz of a telephone, without which fricatives are lost, upwards.
        "high_cut": min(
            float(np.exp(rng.uniform(np.log(4000), np.log(9000)))), nyquist
        ),
        "tilt_db": float(rng.uniform(-3.0, 3.0)),
    }


def _render_event(event, scene, source):
    rate = scene.sample_rate
    length = round(event.duration * rate)
    first = round(event.clip_start * rate)
    needed = max(1, round(length * event.speed))
    clip = source.clip(event.clip, rate)[first : first + needed]
    if event.reverse:
        clip = clip[::-1]
    if event.speed != 1.0:
        clip = audio_file.resample(
            np.ascontiguousarray(clip), event.speed, 1.0, quality="LQ"
        )
    clip = clip[:length]
    if event.low_cut or event.high_cut or event.tilt_db:
        clip = _filter(clip, rate, event)
    if scene.fade:
        clip = audio_file.fade_edges(clip, round(scene.fade * rate))
    return clip * audio_file.gain(event.gain_db)


def _filter(clip, sample_rate, event):
    """Band-limits and tilts a clip; its level stays what it was."""
    size = fft.next_fast_len(len(clip) + 512, real=True)
    frequencies = _bins(size, sample_rate)
    # Butterworth: 2nd order below, 8th above; a tilt in decibels per octave.
    attenuation = _power_of_two(event.low_cut / frequencies, 2) + 1
    if event.high_cut:
        attenuation *= _power_of_two(frequencies / event.high_cut, 4) + 1
    octaves = np.log(frequencies) / np.float32(math.log(2))
    nepers = np.float32(event.tilt_db * math.log(10) / 20)
    response = np.exp(nepers * octaves - np.float32(0.5) * np.log(attenuation))
    spectrum = fft.rfft(clip, size)
    spectrum *= response
    filtered = fft.irfft(spectrum, size)[: len(clip)]
    before, after = float(np.dot(clip, clip)), float(np.dot(filtered, filtered))
    if after <= 0.0:
        return clip
    return filtered * np.float32(math.sqrt(before / after))


@lru_cache(maxsize=64)
def _bins(size, sample_rate):
    """Frequencies of a spectrum, hertz; those below 50 count as 50."""
    return np.maximum(fft.rfftfreq(size, 1 / sample_rate), 50.0).astype("float32")


def _power_of_two(values, times):
    """`values ** (2 ** times)` in place, by squaring."""
    for _ in range(times):
        values *= values
    return values
