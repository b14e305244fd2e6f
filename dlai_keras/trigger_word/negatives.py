"""What must not fire: parts of the trigger word, and words that nobody recorded.

A detector that has heard few other words fires at every third one. What helps is
variety: the word's own halves, the same voices backwards, and thousands of words
spoken by a synthesiser.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import speech
from dlai_keras.trigger_word.data import measure_clip
from dlai_keras.trigger_word.synthesis import Clip


def partial_words(
    rng: np.random.Generator,
    clips: Iterable[Clip],
    num: int,
    *,
    sample_rate: int = 16_000,
    label: str = "partial",
) -> tuple[Clip, ...]:
    """Cut-off and reversed trigger words: what must not fire, in the same voices.

    A third are beginnings (30 to 65 % of the word), a third endings (30 to 60 %), and
    a third the whole word backwards. They keep a detector from firing at half the
    word, or at whatever is recorded through the same microphones.

    Args:
        rng: draws them.
        clips: trimmed trigger words.
        num: how many to make.
        sample_rate: hertz; cuts fall on whole samples.
        label: of the new clips.

    Returns:
        `num` clips.
    """
    clips = list(clips)
    parts = []
    for number in range(num):
        clip = clips[rng.integers(len(clips))]
        start, duration, reverse = clip.start, clip.duration, False
        kind = number % 3
        if kind == 0:
            duration = clip.duration * rng.uniform(0.3, 0.65)
        elif kind == 1:
            duration = clip.duration * rng.uniform(0.3, 0.6)
            start = clip.start + clip.duration - duration
        else:
            reverse = True
        parts.append(
            replace(
                clip,
                label=label,
                start=round(start * sample_rate) / sample_rate,
                duration=max(1, round(duration * sample_rate)) / sample_rate,
                reverse=reverse,
            )
        )
    return tuple(parts)


def reversed_clips(clips: Iterable[Clip], *, label: str = "reversed") -> tuple[Clip, ...]:
    """Every clip backwards: the voice and the microphone without the word."""
    return tuple(replace(clip, label=label, reverse=True) for clip in clips)


def spoken_clips(
    rng: np.random.Generator,
    folder: Path,
    num: int,
    *,
    split: str,
    exclude: Sequence[str] = (),
    text: str | None = None,
    label: str = "spoken",
    sample_rate: int = 16_000,
    progress=None,
) -> tuple[Clip, ...]:
    """Speaks words through espeak-ng into WAV files, and measures them as clips.

    Args:
        rng: draws words and voices.
        folder: where the files go; made if it is missing.
        num: how many.
        split: `"train"`, `"validation"` or `"test"`: the three share no voice.
        exclude: words that must not be said, with whatever contains them.
        text: say this alone; None draws words, invented words and short phrases.
        label: of the clips.
        sample_rate: hertz.
        progress: wraps the utterances while they are spoken, to show a bar.

    Returns:
        `num` clips, whose files are absolute paths.

    Raises:
        ModuleNotFoundError: there is no espeak-ng.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    variants = speech.split_voices()[split]
    if text is None:
        spoken = speech.speak_words(
            rng, num, variants=variants, exclude=exclude, sample_rate=sample_rate
        )
    else:
        spoken = _repeat(rng, text, num, variants, sample_rate)
    clips = []
    for number, (_, voice, audio) in enumerate(
        progress(spoken, num) if progress else spoken
    ):
        path = folder / f"{number:05d}.wav"
        audio_file.write(path, audio, sample_rate)
        start, duration, level_db = measure_clip(audio, sample_rate)
        clips.append(
            Clip(path.as_posix(), label, start, duration, level_db, voice.variant)
        )
    return tuple(clips)


def _repeat(rng, text, num, variants, sample_rate):
    for _ in range(num):
        voice = speech.random_voice(rng, variants)
        yield text, voice, speech.speak(text, voice, sample_rate=sample_rate)
