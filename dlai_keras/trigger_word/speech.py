"""Synthetic speech: words, invented words and phrases in many voices.

A detector is only as good as the variety of what it has heard and kept silent on. Here
are two thousand words, pseudo-words without number, ninety voices and eight accents,
at about two milliseconds an utterance. `espeak` does the speaking.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from dlai_keras import audio
from dlai_keras.trigger_word import espeak

PEAK = 0.7  # of a spoken utterance, out of 1
SILENCE_DB = -60.0  # below the peak: espeak-ng's padding, cut at both ends

# The variants of espeak-ng 1.52 but for Reed and caleb (other noise each time), those
# that play robots and demons, and one whose name has a space.
_VARIANTS = """
Alex Alicia Andrea Andy Annie AnxiousAndy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee
Marco Mario Michael Mike Nguyen RicishayMax RicishayMax2 RicishayMax3 Storm Tweaky adam
anika announcer antonio aunty belinda benjamin boris croak david ed edward edward2 f1 f2
f3 f4 f5 fast grandma grandpa gustave ian iven iven2 iven3 iven4 john kaukovalta klatt
klatt2 klatt3 klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel
miguel mike2 norbert pablo paul pedro quincy rob robert sandro shelby steph steph2
steph3 travis victor whisper whisperf zac
"""
VARIANTS = tuple(_VARIANTS.split())

# espeak-ng's mnemonics of English phonemes, of which pseudo-words are made
_ONSETS = str.split("b d f g h j k l m n p r s S t tS dZ v w z T")
_ONSET_CLUSTERS = str.split(
    """b|l b|r d|r f|l f|r g|l g|r k|l k|r k|w p|l p|r s|k s|l s|m s|n s|p s|t s|w t|r
    T|r s|t|r s|k|r s|p|l k|j m|j p|j f|j"""
)
_CODAS = str.split("b d f g k l m n p s S t tS dZ v z N T")
_CODA_CLUSTERS = str.split(
    "f|t k|s k|t l|d l|k l|t m|p n|d n|s n|t N|k p|t s|k s|p s|t"
)
_SHORT_VOWELS = str.split("a E I 0 V U")  # never end a word
_LONG_VOWELS = str.split("i: u: A: O: 3: eI aI OI oU aU A@ e@ i@")
_WEAK_VOWELS = str.split("@ @ I i 3 oU")


@dataclass(frozen=True)
class Voice:
    """A way to speak.

    Attributes:
        accent: `"en-us"`, `"en-gb"` or another key of `espeak.ACCENTS`.
        variant: the speaker, one of `VARIANTS`; the same speaker can speak with any
            accent, so that it is the variants that training and test must not share.
        rate: words per minute, 80 to 450; 170 is usual.
        pitch: 0 to 99; 50 is the variant's own.
        pitch_range: liveliness of the melody, 0 (none) to 99.

    Raises:
        ValueError: an accent or variant that does not exist, a number out of range.

    Example:
        >>> Voice("en-gb", "f2", rate=150).name
        'en-gb_f2'
    """

    accent: str = "en-us"
    variant: str = "m3"
    rate: int = 170
    pitch: int = 50
    pitch_range: int = 50

    def __post_init__(self):
        _check_choice("accent", self.accent, tuple(espeak.ACCENTS))
        _check_choice("variant", self.variant, VARIANTS)
        for name, low, high in (
            ("rate", 80, 450),
            ("pitch", 0, 99),
            ("pitch_range", 0, 99),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or not low <= value <= high:
                raise ValueError(
                    f"`{name}` must be an integer from {low} to {high}. "
                    f"Received: {name}={value!r}."
                )

    @property
    def name(self) -> str:
        """Accent and variant, fit for a file name."""
        return f"{self.accent}_{self.variant}"


def is_available() -> bool:
    """Whether espeak-ng is installed; without it nothing can be spoken."""
    return espeak.is_available()


def random_voice(
    rng: np.random.Generator, variants: Sequence[str] | None = None
) -> Voice:
    """Draws a voice.

    Args:
        rng: source of the draw.
        variants: whom to draw from; None is everybody, `VARIANTS`.

    Returns:
        A voice of any accent, at 120 to 230 words a minute.
    """
    variants = _nonempty(variants)
    return Voice(
        accent=str(rng.choice(list(espeak.ACCENTS))),
        variant=variants[rng.integers(len(variants))],
        rate=int(rng.integers(120, 231)),
        pitch=int(rng.integers(20, 81)),
        pitch_range=int(rng.integers(20, 91)),
    )


def split_voices(variants: Sequence[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Divides the speakers into `train`, `validation` and `test`, about 70/15/15.

    Where a variant goes depends on its name alone, never on the others or a seed, and
    variations of one speaker (`steph`, `steph2`, `steph3`) go together.

    Example:
        >>> split = split_voices()
        >>> {name: len(variants) for name, variants in split.items()}
        {'train': 59, 'validation': 15, 'test': 16}
    """
    split = {"train": [], "validation": [], "test": []}
    for variant in _nonempty(variants):
        # f1 to f5 and m1 to m8 are thirteen people, the other numbers are versions.
        numbered = re.fullmatch(r"[fm]\d", variant)
        speaker = variant if numbered else variant.rstrip("0123456789").lower()
        percent = zlib.crc32(speaker.encode()) % 100
        name = "train" if percent < 70 else "validation" if percent < 85 else "test"
        split[name].append(variant)
    return {name: tuple(members) for name, members in split.items()}


def speak(
    text: str, voice: Voice, *, sample_rate: int = 16_000, phonemes: bool = False
) -> np.ndarray:
    """Speaks a text; the same text and voice give the same samples every time.

    Args:
        text: English text, or espeak-ng's phoneme mnemonics without brackets.
        voice: who speaks and how.
        sample_rate: of the result, in hertz; espeak-ng's own is 22,050.
        phonemes: whether `text` is mnemonics, as `pseudo_word` gives them.

    Returns:
        float32 `(num_samples,)` with a peak of 0.7 and no silence at either end.

    Raises:
        ModuleNotFoundError: espeak-ng is not installed.
        ValueError: nothing in `text` can be spoken.

    Example:
        >>> audio = speak("activate", Voice("en-gb", "f2"))
        >>> audio.dtype, 0.4 < len(audio) / 16_000 < 0.9
        (dtype('float32'), True)
    """
    if not espeak.has_variant(voice.variant):
        raise ValueError(
            "`voice` must be one that the installed espeak-ng knows. "
            f"Received: {voice}. Choose another variant or install espeak-ng 1.52."
        )
    samples, rate = espeak.synthesize(
        text,
        voice.accent,
        voice.variant,
        rate=int(voice.rate),
        pitch=int(voice.pitch),
        pitch_range=int(voice.pitch_range),
        phonemes=phonemes,
    )
    loudness = np.abs(samples.astype("float32"))
    peak = loudness.max(initial=0.0)
    if peak == 0:
        raise ValueError(f"`text` must hold a word. Received: text={text!r}.")
    audible = np.flatnonzero(loudness > peak * audio.gain(SILENCE_DB))
    samples = samples[audible[0] : audible[-1] + 1].astype("float32")
    spoken = audio.resample(samples, rate, sample_rate)
    return spoken * np.float32(PEAK / np.abs(spoken).max())


@cache
def words() -> tuple[str, ...]:
    """About two thousand English words, names, places, numbers and short phrases."""
    lines = Path(__file__).with_name("words.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def pseudo_word(rng: np.random.Generator, num_syllables: int | None = None) -> str:
    """Invents a word that sounds English.

    Args:
        rng: source of the draw.
        num_syllables: 1 or more; None draws 1 to 4.

    Returns:
        espeak-ng's phoneme mnemonics, for `speak(..., phonemes=True)`.

    Example:
        >>> pseudo_word(np.random.default_rng(0), num_syllables=2)
        "s|t|@|v|'oU"
    """
    if num_syllables is None:
        num_syllables = 1 + int(rng.choice(4, p=(0.2, 0.4, 0.3, 0.1)))
    if num_syllables < 1:
        raise ValueError(
            f"`num_syllables` must be at least 1. Received: {num_syllables}."
        )
    stressed = int(rng.integers(min(num_syllables, 3)))
    phonemes = []
    for index in range(num_syllables):
        is_last = index == num_syllables - 1
        if index > 0 or rng.random() < 0.85:
            phonemes.append(
                _pick(rng, _ONSET_CLUSTERS if rng.random() < 0.3 else _ONSETS)
            )
        if index == stressed:
            vowels = _SHORT_VOWELS if rng.random() < 0.5 else _LONG_VOWELS
        elif rng.random() < 0.6:
            vowels = _WEAK_VOWELS
        else:
            vowels = _SHORT_VOWELS + _LONG_VOWELS
        vowel = _pick(rng, vowels)
        phonemes.append(f"'{vowel}" if index == stressed else vowel)
        needs_coda = is_last and vowel in _SHORT_VOWELS
        if needs_coda or rng.random() < (0.6 if is_last else 0.25):
            # Inside a word the next onset follows: a cluster would be unspeakable.
            is_cluster = is_last and rng.random() < 0.35
            phonemes.append(_pick(rng, _CODA_CLUSTERS if is_cluster else _CODAS))
    return "|".join(phonemes)


def random_utterance(
    rng: np.random.Generator, exclude: Sequence[str] = ()
) -> tuple[str, bool]:
    """Draws something to say: a word (45 %), a pseudo-word (30 %), 2 or 3 words (25 %).

    Args:
        rng: source of the draw.
        exclude: words that must not be spoken, such as the trigger word. What has one
            of them as a part, inflected or with a prefix, is left out, and so is what
            sounds like one or has its sound inside: for `"two"` neither "too" nor
            "tools" is said.

    Returns:
        `(text, phonemes)` for `speak(text, voice, phonemes=phonemes)`.

    Example:
        >>> random_utterance(np.random.default_rng(2), exclude=("activate",))
        ('bee', False)
    """
    exclude = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    vocabulary, forbidden = _vocabulary(exclude)
    while True:
        kind = rng.random()
        if kind < 0.45:
            return _pick(rng, vocabulary)[0], False
        if kind < 0.75:
            text, is_phonemes = pseudo_word(rng), True
            sound = _plain(text)
        else:
            drawn = [_pick(rng, vocabulary) for _ in range(rng.integers(2, 4))]
            text, is_phonemes = " ".join(word for word, _ in drawn), False
            sound = "".join(sound for _, sound in drawn)
        if not any(other in sound for other in forbidden):
            return text, is_phonemes


def speak_words(
    rng: np.random.Generator,
    num: int,
    *,
    variants: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    sample_rate: int = 16_000,
) -> Iterator[tuple[str, Voice, np.ndarray]]:
    """Speaks random utterances in random voices.

    Args:
        rng: source of the draws.
        num: how many.
        variants: who may speak; None is everybody. See `split_voices`.
        exclude: what must not be said. See `random_utterance`.
        sample_rate: of the audio, in hertz.

    Yields:
        `(text, voice, audio)`, the audio as `speak` gives it. The text of a
        pseudo-word is its phoneme mnemonics.
    """
    for _ in range(num):
        text, phonemes = random_utterance(rng, exclude)
        voice = random_voice(rng, variants)
        spoken = speak(text, voice, sample_rate=sample_rate, phonemes=phonemes)
        yield text, voice, spoken


@cache
def _vocabulary(
    exclude: tuple[str, ...],
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The words that may be said, with their sounds, and the sounds that may not."""
    if not exclude:  # needs no synthesiser
        return tuple((word, "") for word in words()), ()
    for word in exclude:
        if not re.search(r"\w", word):
            raise ValueError(f"`exclude` must hold words. Received: {exclude!r}.")
    sounds = [_plain(sound) for sound in espeak.transcribe([*exclude, *words()])]
    forbidden = tuple(sounds[: len(exclude)])
    patterns = [_inflections(word) for word in exclude]
    allowed = tuple(
        (word, sound)
        for word, sound in zip(words(), sounds[len(exclude) :], strict=True)
        if not any(pattern.search(word.lower()) for pattern in patterns)
        and not any(other in sound for other in forbidden)
    )
    return allowed, forbidden


def _inflections(word: str) -> re.Pattern:
    """Matches `word` with the usual endings, after any prefix."""
    word = word.lower()
    if word.endswith("e"):
        endings = r"(?:e|es|e's|ed|er|ers|ing|ings)"
        return re.compile(rf"{re.escape(word[:-1])}{endings}\b")
    last = re.escape(word[-1])
    endings = rf"(?:'?s|es|{last}?(?:ed|er|ers|ing|ings))?"
    return re.compile(rf"{re.escape(word)}{endings}\b")


def _plain(mnemonics: str) -> str:
    """Phonemes without stress, length and separators, to compare sounds."""
    return re.sub(r"[^A-Za-z@03]", "", mnemonics)


def _pick(rng, items):
    return items[rng.integers(len(items))]


def _nonempty(variants):
    if variants is None:
        return VARIANTS
    if isinstance(variants, str) or not len(variants):
        raise ValueError(
            f"`variants` must be a list of voice variants. Received: {variants!r}."
        )
    for variant in variants:
        _check_choice("variant", variant, VARIANTS)
    return tuple(variants)


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {name}={value!r}."
        )
