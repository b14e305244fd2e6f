"""What must not fire: parts of the trigger word, and words that nobody recorded.

A detector that has heard few other words fires at every third one. What helps is
variety: the word's own halves, the same voices backwards, and thousands of words
spoken by a synthesiser.
"""

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import speech
from dlai_keras.trigger_word.data import EMBEDDED_CLIPS, measure_clip
from dlai_keras.trigger_word.synthesis import Clip

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


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


def reversed_clips(
    clips: Iterable[Clip], *, label: str = "reversed"
) -> tuple[Clip, ...]:
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


def make_clip_folder(
    word: str,
    output: Path,
    *,
    num_positives: int = 200,
    num_negatives: int = 1000,
    seed: int = 0,
    sample_rate: int = 16_000,
    progress=None,
) -> dict:
    """Makes a clip folder for a word of one's own, spoken by espeak-ng.

    `activates/` and `negatives/` hold the speech, `backgrounds/` the embedded ones,
    `clips.csv` who speaks and in which split: voices of one never stand in another.

    Args:
        word: what to say.
        output: folder; must be empty or missing.
        num_positives: clips of the word.
        num_negatives: clips of other words.
        seed: of words and voices.
        sample_rate: hertz.
        progress: wraps `(utterances, total)`, to show a bar.

    Returns:
        dict of counts.

    Raises:
        ModuleNotFoundError: there is no espeak-ng.
        ValueError: `output` is not empty, or a number is too small.
    """
    output = Path(output)
    if not word.strip():
        raise ValueError("`word` must not be empty.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output} is not empty. Choose another --output.")
    if min(num_positives, num_negatives) < 10:
        raise ValueError(
            "At least 10 positives and 10 negatives are needed. "
            f"Received: {num_positives} and {num_negatives}."
        )
    if not speech.is_available():
        speech.speak("a", speech.Voice("en-us", "f1", 170, 50, 50))  # says what to do
    # Made under another name, so that an interrupted run leaves no half folder.
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    rows = []
    for folder, text, total in (
        ("activates", word, num_positives),
        ("negatives", None, num_negatives),
    ):
        for number, (split, share) in enumerate(SHARES.items()):
            clips = spoken_clips(
                np.random.default_rng((seed, text is None, number)),
                partial / folder / split,
                max(2, round(share * total)),
                split=split,
                exclude=(word,),
                text=text,
                sample_rate=sample_rate,
                progress=progress,
            )
            for clip in clips:
                name = f"{folder}/{split}/{Path(clip.file).name}"
                rows.append((name, clip.group, split))
    shutil.copytree(EMBEDDED_CLIPS / "backgrounds", partial / "backgrounds")
    with (EMBEDDED_CLIPS / "clips.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["file"].startswith("backgrounds/"):
                rows.append((row["file"], row["voice"], row["split"]))
    with (partial / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "voice", "split"))
        writer.writerows(rows)
    if output.is_dir():
        output.rmdir()
    partial.rename(output)
    return {
        "num_positives": sum(row[0].startswith("activates/") for row in rows),
        "num_negatives": sum(row[0].startswith("negatives/") for row in rows),
        "output": output,
    }


def _repeat(rng, text, num, variants, sample_rate):
    for _ in range(num):
        voice = speech.random_voice(rng, variants)
        yield text, voice, speech.speak(text, voice, sample_rate=sample_rate)
