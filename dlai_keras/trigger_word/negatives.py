"""What must not fire: parts of the trigger word, and words that nobody recorded.

A detector that has heard few other words fires at every third one. What helps is
variety: the word's own halves, the same voices backwards, and thousands of words
spoken by a synthesiser.
"""

import csv
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word import speech
from dlai_keras.trigger_word.data import (
    EMBEDDED_CLIPS,
    SPLITS,
    measure_background,
    measure_clip,
)
from dlai_keras.trigger_word.synthesis import AudioSource, Background, Clip

HELD_OUT = 0.15  # of the clips, for validation, and as many for testing


def partial_words(
    rng: np.random.Generator,
    clips: Iterable[Clip],
    num: int,
    *,
    sample_rate: int = 16_000,
    label: str = "partial",
) -> tuple[Clip, ...]:
    """Cut-off and reversed trigger words: what must not fire, in the same voices.

    In turn: a beginning or an ending (30 to 60 % of the word), a middle (35 to
    60 %), and the whole word backwards. They keep a detector from firing at
    half the word, or at whatever is recorded through the same microphones.

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
    # Where the silence around a word was not recognised, half of the clip may hold the
    # whole word: of unusually long ones no parts are taken.
    usual = 1.2 * np.median([clip.duration for clip in clips])
    clips = [clip for clip in clips if clip.duration <= usual]
    parts = []
    for number in range(num):
        clip = clips[rng.integers(len(clips))]
        first = round(clip.start * sample_rate)
        whole = length = max(1, round(clip.duration * sample_rate))
        kind = number % 4
        if kind == 0:
            length = max(1, round(whole * rng.uniform(0.3, 0.6)))
        elif kind == 1:
            length = max(1, round(whole * rng.uniform(0.3, 0.6)))
            first += whole - length
        elif kind == 2:
            length = max(1, round(whole * rng.uniform(0.35, 0.6)))
            first += (whole - length) // 2
        parts.append(
            replace(
                clip,
                label=label,
                start=first / sample_rate,
                duration=length / sample_rate,
                reverse=kind == 3,
            )
        )
    return tuple(parts)


def reversed_clips(
    clips: Iterable[Clip], *, label: str = "reversed"
) -> tuple[Clip, ...]:
    """Every clip backwards: the voice and the microphone without the word."""
    return tuple(replace(clip, label=label, reverse=True) for clip in clips)


def scrambled_clips(
    rng: np.random.Generator,
    folder: Path,
    num: int,
    clips: Sequence[Clip],
    source: AudioSource,
    *,
    sample_rate: int = 16_000,
    label: str = "scrambled",
) -> tuple[Clip, ...]:
    """New "words" from pieces of recordings: real voices that say nothing.

    Each is two to four pieces of 80 to 250 ms, from as many clips, at the same level,
    one fading into the next. A synthesiser's words differ from recorded trigger words
    by their sound alone; these do not, so that a detector must listen to the order.

    Args:
        rng: draws the pieces.
        folder: where the WAV files go; made if it is missing.
        num: how many.
        clips: what to cut pieces from, the trigger word included.
        source: where recordings come from.
        sample_rate: hertz.
        label: of the new clips.

    Returns:
        `num` clips, whose files are absolute paths.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    fade = round(0.01 * sample_rate)
    scrambled = []
    for number in range(num):
        word = np.zeros(0, "float32")
        for index in rng.integers(len(clips), size=rng.integers(2, 5)):
            piece = _draw_piece(rng, clips[index], source, sample_rate)
            piece = audio_file.fade_edges(piece, fade)
            overlap = min(fade, len(word), len(piece))
            word = np.concatenate([word, piece[overlap:]])
            if overlap:
                word[len(word) - len(piece) : len(word) - len(piece) + overlap] += (
                    piece[:overlap]
                )
        word *= np.float32(0.7 / max(float(np.abs(word).max()), 1e-6))
        path = folder / f"{number:05d}.wav"
        audio_file.write(path, word, sample_rate)
        scrambled.append(
            Clip(
                path.as_posix(),
                label,
                0.0,
                len(word) / sample_rate,
                audio_file.level_db(word),
                label,
            )
        )
    return tuple(scrambled)


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
    for number, (said, voice, audio) in enumerate(
        progress(spoken, num) if progress else spoken
    ):
        path = folder / f"{number:05d}-{_slug(said)}-{voice.name}.wav"
        audio_file.write(path, audio, sample_rate)
        start, duration, level_db = measure_clip(audio, sample_rate)
        clips.append(
            Clip(path.as_posix(), label, start, duration, level_db, voice.variant)
        )
    return tuple(clips)


def babble_backgrounds(
    rng: np.random.Generator,
    folder: Path,
    num: int,
    clips: Sequence[Clip],
    source: AudioSource,
    *,
    duration: float = 10.0,
    sample_rate: int = 16_000,
) -> tuple[Background, ...]:
    """Rooms full of people: several voices talking at once, none of them loud.

    Args:
        rng: draws voices, words and pauses.
        folder: where the WAV files go; made if it is missing.
        num: how many.
        clips: words, without the trigger word.
        source: where recordings come from.
        duration: seconds of each.
        sample_rate: hertz.

    Returns:
        `num` backgrounds, whose files are absolute paths.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    backgrounds = []
    for number in range(num):
        mix = rng.normal(scale=1e-3, size=round(duration * sample_rate))
        mix = mix.astype("float32")
        for _ in range(rng.integers(3, 8)):
            distance_db = rng.uniform(-12.0, 0.0)
            position = -int(rng.integers(sample_rate))
            while position < len(mix):
                clip = clips[rng.integers(len(clips))]
                word = _cut(clip, source, sample_rate)
                word = word * audio_file.gain(distance_db - 30.0 - clip.level_db)
                word = word[max(-position, 0) :]
                position = max(position, 0)
                part = mix[position : position + len(word)]
                part += word[: len(part)]
                position += len(word) + int(rng.uniform(0.0, 0.4) * sample_rate) + 1
        path = folder / f"{number:05d}.wav"
        audio_file.write(path, mix, sample_rate)
        backgrounds.append(
            measure_background(path, path.as_posix(), path.as_posix(), sample_rate)
        )
    return tuple(backgrounds)


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
    # Tells what is wrong before anything is made: no synthesiser, or no word.
    speech.speak(word, speech.Voice("en-us", "f1", 170, 50, 50))
    # Made under another name, so that an interrupted run leaves no half folder.
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    rows = []
    for folder, text, total in (
        ("activates", word, num_positives),
        ("negatives", None, num_negatives),
    ):
        held_out = max(2, round(HELD_OUT * total))
        counts = (total - 2 * held_out, held_out, held_out)
        for number, (split, count) in enumerate(zip(SPLITS, counts, strict=True)):
            clips = spoken_clips(
                np.random.default_rng((seed, text is None, number)),
                partial / folder / split,
                count,
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


def _cut(clip, source, sample_rate):
    """The clip's own part of its recording, at least one sample."""
    first = round(clip.start * sample_rate)
    length = max(1, round(clip.duration * sample_rate))
    return source.clip(clip.file, sample_rate)[first : first + length]


def _draw_piece(rng, clip, source, sample_rate):
    """80 to 250 ms of a clip, at -20 dBFS."""
    audio = _cut(clip, source, sample_rate)
    length = min(len(audio), round(rng.uniform(0.08, 0.25) * sample_rate))
    start = int(rng.integers(len(audio) - length, endpoint=True))
    piece = audio[start : start + length]
    # Near silence stays quiet: a pause is not turned up to the level of speech.
    level_db = max(audio_file.level_db(piece), clip.level_db - 12.0)
    return piece * audio_file.gain(-20.0 - level_db)


def _slug(text):
    """What is said, as a part of a file name; invented words have no spelling."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "word"
