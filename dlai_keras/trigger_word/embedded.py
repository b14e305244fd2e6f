"""The clips that ship with the package: a trigger word, other words, backgrounds.

Everything is synthetic, so that it may be given away with the package and remade:
words by espeak-ng, backgrounds by NumPy. Training, validation and test share no
speaker and no background.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlai_keras import audio, files
from dlai_keras.trigger_word import speech

CLIPS = Path(__file__).with_name("clips")  # where the package keeps them
SAMPLE_RATE = 16_000  # Hz
TRIGGER_WORD = "activate"
COLUMNS = ("file", "label", "word", "voice", "split")

_SIMILAR_WORDS = """
captivate motivate cultivate excavate elevate animate hesitate activist active actor
activity acrobat accurate attitude aggravate renovate factory practice native octave
"""
_COMMON_WORDS = """
hello yes no stop window morning seven music kitchen banana water telephone monday
garden yellow alexander umbrella light weather computer
"""
SIMILAR_WORDS = tuple(_SIMILAR_WORDS.split())
OTHER_WORDS = SIMILAR_WORDS + tuple(_COMMON_WORDS.split())

_NUM_TRIGGERS = {"train": 32, "validation": 8, "test": 8}
_BACKGROUNDS = {
    "train": ("room", "rain", "fan", "babble"),
    "validation": ("traffic", "babble"),
    "test": ("kitchen", "babble"),
}
_BACKGROUND_DURATION = 6.0  # seconds
_BACKGROUND_DB = -66.0  # loud noise makes large files; a mix sets its own level
_NOISE_FLOOR_DB = -82.0  # of the silence around a word


def make_embedded(output: Path, *, seed: int = 0) -> dict:
    """Makes the embedded clips.

    `output` then holds `activates/`, `negatives/` and `backgrounds/` with 16 kHz mono
    FLAC files, and `clips.csv` with the columns file, label (the folder), word, voice
    (the espeak-ng variant) and split (train, validation or test). Files of the same
    name are overwritten, those of an earlier `clips.csv` that are no more are removed.

    Args:
        output: folder to write to; made where missing. The package's own is `CLIPS`.
        seed: of the draws of voices, speeds, levels and noise.

    Returns:
        `num_activates`, `num_negatives`, `num_backgrounds`, `num_voices`, `seconds`
        (of audio) and `num_bytes`.

    Raises:
        ModuleNotFoundError: espeak-ng is not installed.
    """
    output = Path(output)
    rows, num_samples, num_bytes = [], 0, 0
    for index, row in enumerate(_plan(seed)):
        # The speaking comes first: without espeak-ng nothing is left half-made.
        rng = np.random.default_rng((seed, index))
        if row["label"] == "backgrounds":
            clip = _background(rng, row["word"], row["split"])
        else:
            clip = _word(rng, row)
        path = output / row["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, clip, SAMPLE_RATE)
        num_samples += len(clip)
        num_bytes += path.stat().st_size
        rows.append({column: row[column] for column in COLUMNS})
    _write_index(output / "clips.csv", rows)
    labels = [row["label"] for row in rows]
    return {
        **{f"num_{label}": labels.count(label) for label in dict.fromkeys(labels)},
        "num_voices": len({row["voice"] for row in rows} - {""}),
        "seconds": round(num_samples / SAMPLE_RATE, 1),
        "num_bytes": num_bytes,
    }


def _plan(seed: int) -> Iterator[dict]:
    """What there is to make: rows of `clips.csv`, words also with their accent."""
    rng = np.random.default_rng(seed)
    voices = {
        split: [str(variant) for variant in rng.permutation(variants)]
        for split, variants in speech.split_voices().items()
    }
    for split, num in _NUM_TRIGGERS.items():
        for index, variant in enumerate(voices[split][:num]):
            yield _word_row(rng, "activates", TRIGGER_WORD, variant, split, index)
    turn = dict.fromkeys(voices, 0)
    for index, word in enumerate(OTHER_WORDS):
        # Confusable words are worth two voices. Every fifth is never trained on.
        num_train = (2 if word in SIMILAR_WORDS else 1) if index % 5 else 0
        splits = ["train"] * num_train + ["test" if index % 2 else "validation"]
        for number, split in enumerate(splits):
            variant = voices[split][turn[split] % len(voices[split])]
            turn[split] += 1
            yield _word_row(rng, "negatives", word, variant, split, number)
    for split, kinds in _BACKGROUNDS.items():
        for kind in kinds:
            yield {
                "file": f"backgrounds/{kind}-{split}.flac",
                "label": "backgrounds",
                "word": kind,
                "voice": "",
                "split": split,
            }


def _word_row(rng, label, word, variant, split, number):
    voice = speech.random_voice(rng, [variant])
    return {
        "file": f"{label}/{word}-{voice.name}-{number}.flac",
        "label": label,
        "word": word,
        "voice": variant,
        "split": split,
        "speaks": voice,
    }


def _word(rng, row):
    """A word with 50 to 150 ms of a quiet room on either side."""
    spoken = speech.speak(row["word"], row["speaks"], sample_rate=SAMPLE_RATE)
    spoken = audio.fade_edges(spoken, SAMPLE_RATE // 200)
    before, after = (rng.uniform(0.05, 0.15, 2) * SAMPLE_RATE).astype(int)
    clip = _at_level(_noise(rng, len(spoken) + before + after, 1.5), _NOISE_FLOOR_DB)
    level = audio.gain(rng.uniform(-26, -16))  # near or far; quiet files are small
    clip[before : before + len(spoken)] += level * spoken
    return clip


def _background(rng, kind, split):
    num_samples = round(_BACKGROUND_DURATION * SAMPLE_RATE)
    seconds = np.arange(num_samples) / SAMPLE_RATE
    if kind == "babble":
        sound = _babble(rng, num_samples, speech.split_voices()[split])
        sound = _at_level(sound, 0) + 0.3 * _hum(rng, seconds)
    elif kind == "room":
        sound = _noise(rng, num_samples, 1.0)
    elif kind == "rain":
        sound = _noise(rng, num_samples, 0.3) + 0.5 * _drops(rng, num_samples, 150)
    elif kind == "fan":
        turning = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(8, 14) * seconds)
        sound = _noise(rng, num_samples, 1.4) * turning + 0.5 * _hum(rng, seconds)
    elif kind == "traffic":
        passing = 1.2 + np.sin(2 * np.pi * (0.2 * seconds + rng.random()))
        sound = _noise(rng, num_samples, 1.8) * passing
    else:  # a kitchen: the refrigerator, and dishes being put away
        clatter = _drops(rng, num_samples, 3, decay=0.05)
        sound = 0.6 * _hum(rng, seconds) + _noise(rng, num_samples, 1.0) + clatter
    return _at_level(sound, _BACKGROUND_DB)


def _noise(rng, num_samples, exponent):
    """Noise whose power falls with frequency to the `exponent`; 1 is pink noise."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequencies = np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE)
    spectrum *= np.maximum(frequencies, 40.0) ** (-exponent / 2)
    return _at_level(np.fft.irfft(spectrum, num_samples), 0)


def _hum(rng, seconds):
    """The mains: 50 or 60 Hz and harmonics that get weaker."""
    fundamental = rng.choice((50.0, 60.0))
    waves = [
        np.sin(2 * np.pi * (fundamental * harmonic * seconds + rng.random())) / harmonic
        for harmonic in range(1, 9)
    ]
    return np.sum(waves, axis=0)


def _drops(rng, num_samples, per_second, *, decay=0.004):
    """Short rings of random pitch and loudness at random times."""
    sound = np.zeros(num_samples)
    size = round(6 * decay * SAMPLE_RATE)
    seconds = np.arange(size) / SAMPLE_RATE
    for _ in range(rng.poisson(per_second * num_samples / SAMPLE_RATE)):
        start = rng.integers(num_samples - size)
        ring = np.sin(2 * np.pi * rng.uniform(800, 5000) * seconds)
        loudness = rng.exponential(2.0)
        sound[start : start + size] += loudness * ring * np.exp(-seconds / decay)
    return sound


def _babble(rng, num_samples, variants, *, num_talkers=6):
    """Several people at once who say nothing that means anything."""
    sound = np.zeros(num_samples)
    for _ in range(num_talkers):
        voice = speech.random_voice(rng, variants)
        loudness = rng.uniform(0.4, 1.0)
        position = int(rng.integers(-SAMPLE_RATE, 0))
        while position < num_samples:
            text = "_".join(speech.pseudo_word(rng) for _ in range(3))
            mumble = speech.speak(text, voice, sample_rate=SAMPLE_RATE, phonemes=True)
            mumble = mumble[max(0, -position) :]
            start = max(0, position)
            part = mumble[: num_samples - start]
            sound[start : start + len(part)] += loudness * part
            position = start + len(part) + int(rng.uniform(0.1, 0.6) * SAMPLE_RATE)
    return sound


def _at_level(sound, level_db):
    sound = sound.astype("float32")
    return sound * audio.gain(level_db - audio.level_db(sound))


def _write_index(path, rows):
    """Writes `clips.csv` and removes what an earlier one listed and is no more."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            stale = {row["file"] for row in csv.DictReader(file)}
        for name in stale - {row["file"] for row in rows}:
            (path.parent / name).unlink(missing_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_atomically(path, text.getvalue())
