"""Chord symbols: which notes belong to them, and progressions as text."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
# Minor and diminished chords stand where keys have sharps: F#m7, seldom Gbm7.
SHARP_NAMES = {1: "C#", 6: "F#", 8: "G#"}
MINOR = re.compile(r"m(?!aj)|-|dim|o|ø|°")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}
SYMBOL = re.compile(r"([A-G])([#b♯♭]?)([^/]*?)(?:/([A-G])([#b♯♭]?))?")

IONIAN = (0, 2, 4, 5, 7, 9, 11)
LYDIAN = (0, 2, 4, 6, 7, 9, 11)
MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 10)
LYDIAN_DOMINANT = (0, 2, 4, 6, 7, 9, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
LOCRIAN = (0, 1, 3, 5, 6, 8, 10)
MELODIC_MINOR = (0, 2, 3, 5, 7, 9, 11)
PHRYGIAN_DOMINANT = (0, 1, 4, 5, 7, 8, 10)
ALTERED = (0, 1, 3, 4, 6, 8, 10)
WHOLE_TONE = (0, 2, 4, 6, 8, 10)
HALF_WHOLE = (0, 1, 3, 4, 6, 7, 9, 10)
WHOLE_HALF = (0, 2, 3, 5, 6, 8, 9, 11)

# Spellings of a quality, the intervals of the chord, those of its scale.
# fmt: off
QUALITIES = (
    (("",), (0, 4, 7), IONIAN),
    (("6", "maj6", "M6"), (0, 4, 7, 9), IONIAN),
    (("69", "6add9"), (0, 4, 7, 9, 2), IONIAN),
    (("add9",), (0, 4, 7, 2), IONIAN),
    (("maj7", "M7", "Maj7", "ma7", "j7", "Δ", "Δ7", "maj"), (0, 4, 7, 11), IONIAN),
    (("maj9", "M9", "Δ9"), (0, 4, 7, 11, 2), IONIAN),
    (("maj7#11", "M7#11", "Δ#11"), (0, 4, 7, 11, 6), LYDIAN),
    (("m", "min", "mi", "-"), (0, 3, 7), DORIAN),
    (("m6", "min6", "-6"), (0, 3, 7, 9), DORIAN),
    (("m69", "-69"), (0, 3, 7, 9, 2), DORIAN),
    (("m7", "min7", "mi7", "-7"), (0, 3, 7, 10), DORIAN),
    (("m9", "min9", "-9"), (0, 3, 7, 10, 2), DORIAN),
    (("m11", "min11", "-11"), (0, 3, 7, 10, 2, 5), DORIAN),
    (("mmaj7", "mM7", "-maj7", "-Δ7"), (0, 3, 7, 11), MELODIC_MINOR),
    (("7", "dom7"), (0, 4, 7, 10), MIXOLYDIAN),
    (("9",), (0, 4, 7, 10, 2), MIXOLYDIAN),
    (("13",), (0, 4, 7, 10, 2, 9), MIXOLYDIAN),
    (("sus", "7sus", "7sus4", "9sus", "9sus4", "13sus", "11"),
     (0, 5, 7, 10), MIXOLYDIAN),
    (("sus4",), (0, 5, 7), MIXOLYDIAN),
    (("sus2",), (0, 2, 7), IONIAN),
    (("7#11", "9#11", "13#11", "7b5"), (0, 4, 10, 6), LYDIAN_DOMINANT),
    (("7b9",), (0, 4, 7, 10, 1), PHRYGIAN_DOMINANT),
    (("13b9",), (0, 4, 7, 10, 1, 9), HALF_WHOLE),
    (("7#9",), (0, 4, 7, 10, 3), HALF_WHOLE),
    (("7b13", "7b9b13"), (0, 4, 7, 10, 8), PHRYGIAN_DOMINANT),
    (("7alt", "7#5#9", "7b9#5", "7#5b9"), (0, 4, 8, 10, 3), ALTERED),
    (("7#5", "+7", "aug7", "7+"), (0, 4, 8, 10), WHOLE_TONE),
    (("aug", "+"), (0, 4, 8), WHOLE_TONE),
    (("m7b5", "min7b5", "-7b5", "ø", "ø7"), (0, 3, 6, 10), LOCRIAN),
    (("dim", "o", "°"), (0, 3, 6), WHOLE_HALF),
    (("dim7", "o7", "°7"), (0, 3, 6, 9), WHOLE_HALF),
    (("5",), (0, 7), MIXOLYDIAN),
)
# fmt: on
BY_SUFFIX = {
    suffix: (tones, scale)
    for suffixes, tones, scale in QUALITIES
    for suffix in suffixes
}


@dataclass(frozen=True)
class Chord:
    """A chord symbol and when it sounds.

    Attributes:
        symbol: such as Dm7, G7b9, Bbmaj7, F#m7b5 or C/E. Brackets and commas within
            are ignored: G7(b9) is G7b9.
        onset: quarters from the start.
        duration: quarters, above 0.

    Raises:
        ValueError: the symbol is none.

    Example:
        >>> chord = Chord("G7", onset=4.0)
        >>> chord.tones, chord.scale
        ((7, 11, 2, 5), (7, 9, 11, 0, 2, 4, 5))
        >>> [chord.kind(pitch) for pitch in (59, 60, 61)]
        ['C', 'S', 'X']
    """

    symbol: str
    onset: float = 0.0
    duration: float = 4.0

    def __post_init__(self):
        _analyze(self.symbol)
        if not 0 <= self.onset < float("inf") or not 0 < self.duration < float("inf"):
            raise ValueError(
                "`onset` must be 0 or more and `duration` above 0. Received: "
                f"onset={self.onset}, duration={self.duration} for {self.symbol}."
            )

    @property
    def root(self) -> int:
        """Pitch class of the root: 0 is C, 11 is B."""
        return _analyze(self.symbol)[0]

    @property
    def bass(self) -> int:
        """Pitch class of the lowest note: the root, or what stands after the slash."""
        return _analyze(self.symbol)[1]

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes of the chord, the root first."""
        return _analyze(self.symbol)[2]

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the scale that goes with it, upwards from the root."""
        return _analyze(self.symbol)[3]

    @property
    def end(self) -> float:
        """When it ends, quarters from the start."""
        return self.onset + self.duration

    def kind(self, pitch: int) -> str:
        """What a pitch is to the chord.

        Args:
            pitch: MIDI number.

        Returns:
            `"C"` for a note of the chord, `"S"` for one of its scale, `"X"` for others.
        """
        if pitch % 12 in self.tones:
            return "C"
        return "S" if pitch % 12 in self.scale else "X"

    def transposed(self, semitones: int) -> "Chord":
        """The chord that many semitones higher."""
        match = SYMBOL.fullmatch(self.symbol)
        symbol = spell(self.root + semitones, match[3])
        if match[4]:
            symbol += "/" + NAMES[(self.bass + semitones) % 12]
        return replace(self, symbol=symbol)


def spell(root: int, suffix: str) -> str:
    """The symbol of a chord, as musicians mostly write its root.

    Args:
        root: pitch class, or any number that is one modulo 12.
        suffix: what stands behind the root, such as m7.

    Example:
        >>> spell(6, "m7b5"), spell(6, "maj7"), spell(14, "")
        ('F#m7b5', 'Gbmaj7', 'D')
    """
    root %= 12
    name = SHARP_NAMES.get(root) if MINOR.match(suffix) else None
    return (name or NAMES[root]) + suffix


def parse_chords(text: str, *, bar: float = 4.0) -> tuple[Chord, ...]:
    """Reads a progression as musicians write it.

    Args:
        text: bars with | between them; the chords of a bar share it evenly. % repeats
            the bar before. The end of a line ends a bar, too.
        bar: quarters of a bar.

    Returns:
        The chords, without gaps. Bars that repeat one chord are several chords.

    Raises:
        ValueError: a symbol is unknown, or there is no chord.

    Example:
        >>> for chord in parse_chords("Dm7 G7 | Cmaj7 | %"):
        ...     print(chord.symbol, chord.onset, chord.duration)
        Dm7 0.0 2.0
        G7 2.0 2.0
        Cmaj7 4.0 4.0
        Cmaj7 8.0 4.0
    """
    bars: list[list[str]] = []
    lines = [line.replace("||", "|").strip().strip("|") for line in text.splitlines()]
    written = "|".join(filter(str.strip, lines))
    for number, part in enumerate(written.split("|"), 1):
        symbols = part.split()
        if symbols == ["%"] and bars:
            symbols = bars[-1]
        if not symbols or "%" in symbols:
            raise ValueError(
                f"Bar {number} of the chords must hold chords, such as Dm7 G7, or be % "
                f"after another bar. Received: {part.strip()!r}."
            )
        bars.append(symbols)
    return tuple(
        Chord(symbol, (index + place / len(symbols)) * bar, bar / len(symbols))
        for index, symbols in enumerate(bars)
        for place, symbol in enumerate(symbols)
    )


def write_chords(chords: Sequence[Chord], *, bar: float = 4.0) -> str:
    """A progression as `parse_chords` reads it.

    A bar is divided evenly, in as many parts as its changes need.

    Args:
        chords: without gaps, from 0 on.
        bar: quarters of a bar.

    Returns:
        Bars with | between them.

    Example:
        >>> write_chords(parse_chords("Dm7 G7 | Cmaj7 | %"))
        'Dm7 G7 | Cmaj7 | %'
        >>> write_chords([Chord("C", 0.0, 3.0), Chord("G7", 3.0, 1.0)])
        'C C C G7'
    """
    bars = []
    num_bars = round(max((chord.end for chord in chords), default=0.0) / bar)
    for index in range(num_bars):
        changes = [
            Fraction((chord.onset - index * bar) / bar).limit_denominator(48)
            for chord in chords
            if index * bar < chord.onset < (index + 1) * bar
        ]
        parts = 1
        while any(change * parts % 1 for change in changes):
            parts += 1
        symbols = [
            chord_at(chords, (index + (place + 0.5) / parts) * bar).symbol
            for place in range(parts)
        ]
        bars.append(" ".join(symbols))
    return " | ".join(
        "%" if index and bar == bars[index - 1] else bar
        for index, bar in enumerate(bars)
    )


def chord_at(chords: Sequence[Chord], onset: float) -> Chord:
    """The chord that sounds at a time: the last that has begun, or the first.

    Args:
        chords: sorted by onset, at least one.
        onset: quarters from the start.

    Example:
        >>> chord_at(parse_chords("Dm7 G7"), 2.0).symbol
        'G7'
    """
    if not chords:
        raise ValueError("`chords` must hold a chord. Received none.")
    low, high = 0, len(chords)
    while high - low > 1:
        middle = (low + high) // 2
        # Onsets in thirds of a quarter are not exact.
        if chords[middle].onset <= onset + 1e-6:
            low = middle
        else:
            high = middle
    return chords[low]


def loop_chords(chords: Sequence[Chord], duration: float) -> tuple[Chord, ...]:
    """A progression again and again, cut to a length.

    Args:
        chords: without gaps, from 0 on.
        duration: quarters, above 0.

    Example:
        >>> write_chords(loop_chords(parse_chords("Dm7 | G7"), 12.0))
        'Dm7 | G7 | Dm7'
    """
    if not chords:
        raise ValueError("`chords` must hold a chord. Received none.")
    if not duration > 0:
        raise ValueError(f"`duration` must be above 0. Received: {duration}.")
    length = chords[-1].end
    looped = []
    for turn in range(int(-(-duration // length))):
        for chord in chords:
            onset = turn * length + chord.onset
            if onset < duration - 1e-6:
                end = min(onset + chord.duration, duration)
                looped.append(replace(chord, onset=onset, duration=end - onset))
    return tuple(looped)


@functools.cache
def _analyze(symbol):
    """Returns the root, the bass, the chord's tones and its scale."""
    match = SYMBOL.fullmatch(symbol)
    suffix = re.sub(r"[(),\s]", "", match[3]) if match else ""
    suffix = suffix.replace("♯", "#").replace("♭", "b")
    if match is None or suffix not in BY_SUFFIX:
        known = ", ".join(filter(None, (names[0] for names, _, _ in QUALITIES)))
        raise ValueError(
            f"{symbol!r} is no chord symbol that is known here. Write a root, alone or "
            f"with one of {known}. Examples: C, Dm7, G7b9, Bbmaj7, F#m7b5, C/E."
        )
    tones, scale = BY_SUFFIX[suffix]
    root = _pitch_class(match[1], match[2])
    bass = _pitch_class(match[4], match[5]) if match[4] else root
    return (
        root,
        bass,
        tuple((root + interval) % 12 for interval in tones),
        tuple((root + interval) % 12 for interval in scale),
    )


def _pitch_class(letter, accidental):
    return (LETTERS[letter] + ACCIDENTALS[accidental]) % 12
