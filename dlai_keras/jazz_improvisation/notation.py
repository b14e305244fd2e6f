"""Tunes as text: melodies with chord symbols, in ABC notation."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from dlai_keras.jazz_improvisation.chords import ACCIDENTALS, LETTERS, Chord
from dlai_keras.jazz_improvisation.midi import Note, Piece

STYLES = ("swing", "bossa", "ballad")
VELOCITY = 84
FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
SHARPS = "FCGDAEB"  # in the order in which a key signature takes them
# Fifths from the major key of the same first note.
MODES = {"": 0, "maj": 0, "lyd": 1, "mix": -1, "dor": -2, "m": -3, "min": -3, "phr": -4}
MARKS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
TOKEN = re.compile(
    r"""(?P<chord>"[^"]*")
    | (?P<bar>\[\||\|\]|\|\||\|)
    | \((?P<tuplet>[2-9])
    | (?P<mark>\^\^|\^|__|_|=)?(?P<letter>[A-Ga-gz])(?P<octave>[,']*)
      (?P<length>\d*/*\d*)(?P<tie>-?)
    | (?P<space>\s+|[()\\])""",
    re.VERBOSE,
)
IN_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # tuplets: so many in the time of so many


@dataclass(frozen=True)
class Tune:
    """A melody and its chords.

    Attributes:
        melody: one note at a time.
        chords: sorted, without gaps.
        style: `"swing"`, `"bossa"` or `"ballad"`: how it is accompanied.
    """

    melody: Piece
    chords: tuple[Chord, ...]
    style: str = "swing"

    @property
    def name(self) -> str:
        """Its title."""
        return self.melody.name

    @property
    def duration(self) -> float:
        """Quarters until melody and chords have ended."""
        return max(self.melody.duration, *(chord.end for chord in self.chords[-1:]), 0)

    def transposed(self, semitones: int) -> "Tune":
        """The tune that many semitones higher."""
        return replace(
            self,
            melody=self.melody.transposed(semitones),
            chords=tuple(chord.transposed(semitones) for chord in self.chords),
        )


def read_tunes(path: str | Path) -> list[Tune]:
    """Reads a file of tunes in ABC notation, see `parse_tunes`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, holds no tune, or something that is not understood.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No such file: {path}. Expected tunes in ABC notation."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte {error.start + 1}). Save the file as UTF-8."
        ) from None
    try:
        return parse_tunes(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_tunes(text: str) -> list[Tune]:
    """Reads tunes in ABC notation.

    What is understood, of ABC 2.1: the fields X, T, M, L, Q, K and R (a style), chord
    symbols in quotes, notes with accidentals, octaves and lengths, rests, ties,
    tuplets, bar lines and comments. An accidental holds until the bar line. Repeats are
    written out. A first bar that is too short is a pick-up.

    Args:
        text: one tune or several, each from a line `X:1` on.

    Returns:
        At least one tune.

    Raises:
        ValueError: there is no tune, or one that is not understood; the message says
            which tune and which bar.

    Example:
        >>> (tune,) = parse_tunes('''X:1
        ... T:Two bars
        ... Q:1/4=132
        ... K:F
        ... "Gm7" B2 d2 "C7" (3efe c2 | "Fmaj7" A6- A2 |''')
        >>> [note.pitch for note in tune.melody.notes]
        [70, 74, 76, 77, 76, 72, 69]
        >>> tune.melody.notes[-1].duration, tune.chords[-1].symbol
        (4.0, 'Fmaj7')

    Reference:
        - Walshaw, 2011, "The abc music standard 2.1".
    """
    parts = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    tunes = [_parse_tune(part) for part in parts if part.startswith("X:")]
    if not tunes:
        raise ValueError(
            "there is no tune. Begin each with a line X:1, in ABC notation."
        )
    return tunes


def _parse_tune(text):
    fields, body = {}, []
    for line in text.splitlines():
        line = re.sub(r"(?<!\\)%.*", "", line).rstrip()
        field = re.match(r"([A-Za-z]):\s*(.*)", line)
        if field and "K" not in fields:
            fields.setdefault(field[1], field[2])
        elif not (field and field[1] in "wWsmINP"):
            body.append(line)
    name = fields.get("T", f"X:{fields['X']}")
    try:
        meter = _meter(fields.get("M", "4/4"))
        unit = 4 * _fraction(fields.get("L", "1/8"))
        tempo = _tempo(fields.get("Q", "120"))
        signature = _signature(fields.get("K", "C"))
        style = fields.get("R", "swing").lower()
        if style not in STYLES:
            raise ValueError(f"R: must be one of {', '.join(STYLES)}")
        bars = _read_bars("\n".join(body), unit, signature)
        notes, chords = _lay_out(bars, Fraction(meter[0] * 4, meter[1]))
    except ValueError as error:
        raise ValueError(f"tune {name!r}: {error}.") from None
    piece = Piece(tuple(notes), tempo, name, meter)
    return Tune(piece, tuple(chords), style)


def _read_bars(body, unit, signature):
    """Returns a list for each bar, of what stands in it.

    That is `("chord", symbol)` and `("note", pitch, length, is_tied)`. Lengths are
    quarters, as fractions; the pitch of a rest is None.
    """
    bars, bar, marks, position = [], [], {}, 0
    tuplet, left = Fraction(1), 0
    tied = None
    while position < len(body):
        match = TOKEN.match(body, position)
        if match is None:
            around = body[position : position + 12].split("\n")[0]
            raise ValueError(
                f"bar {len(bars) + 1}: {around!r} is not understood. Write repeats and "
                "broken rhythms out, one note at a time"
            )
        position = match.end()
        if match["chord"]:
            symbol = match["chord"][1:-1]
            if symbol and symbol[0] not in "^_<>@":  # those are words, not chords
                bar.append(("chord", symbol))
        elif match["bar"]:
            if bar:
                bars.append(bar)
            bar, marks = [], {}
        elif match["tuplet"]:
            num = int(match["tuplet"])
            tuplet, left = Fraction(IN_TIME_OF.get(num, 2), num), num
        elif match["letter"]:
            length = unit * _length(match["length"])
            if left:
                length, left = length * tuplet, left - 1
            pitch = _pitch(match, marks, signature, tied)
            bar.append(("note", pitch, length, bool(match["tie"])))
            name = (match["letter"], match["octave"])
            tied = (name, pitch) if match["tie"] else None
    return [*bars, bar] if bar else bars


def _lay_out(bars, length):
    """Returns the notes and the chords at their times."""
    notes, changes = [], []
    time = Fraction(0)
    open_tie = False
    for number, bar in enumerate(bars):
        total = sum(item[2] for item in bar if item[0] == "note")
        if number == 0 and total < length:
            time = length - total  # a pick-up
        elif total != length and not (number == len(bars) - 1 and total < length):
            raise ValueError(
                f"bar {number + 1} must be {length} quarters long. Received: {total}"
            )
        for kind, value, *rest in bar:
            if kind == "chord":
                changes.append((time, value))
                continue
            duration, tie = rest
            if value is not None:
                if open_tie and notes and notes[-1][0] == value:
                    notes[-1][2] += duration
                else:
                    notes.append([value, time, duration])
            open_tie = tie
            time += duration
    if not notes:
        raise ValueError("it has no notes")
    if not changes:
        raise ValueError('it has no chords. Write their symbols in quotes, "Dm7"')
    end = -(-time // length) * length
    times = [Fraction(0), *(time for time, _ in changes[1:]), end]
    chords = [
        Chord(symbol, float(start), float(stop - start))
        for (_, symbol), start, stop in zip(changes, times, times[1:], strict=False)
        if stop > start
    ]
    return [
        Note(pitch, float(start), float(duration), VELOCITY)
        for pitch, start, duration in notes
    ], chords


def _pitch(match, marks, signature, tied):
    """Returns the MIDI number of a note, None for a rest."""
    letter, octave = match["letter"], match["octave"]
    if letter == "z":
        return None
    name = letter.upper()
    if match["mark"]:
        marks[name] = MARKS[match["mark"]]
    elif tied and tied[0] == (letter, octave):
        return tied[1]  # a tie carries its accidental over the bar line
    pitch = 60 + LETTERS[name] + 12 * letter.islower()
    pitch += 12 * (octave.count("'") - octave.count(","))
    return pitch + marks.get(name, signature.get(name, 0))


def _length(text):
    """Returns how many units: `3`, `/2`, `3/2`, `/` (a half), `//` (a quarter)."""
    if "/" not in text:
        return Fraction(int(text or 1))
    above, slashes, below = re.fullmatch(r"(\d*)(/+)(\d*)", text).groups()
    divisor = int(below) if below else 2 ** len(slashes)
    if not divisor:
        raise ValueError(f"the length {text!r} divides by 0")
    return Fraction(int(above or 1), divisor)


def _fraction(text):
    match = re.fullmatch(r"\s*(\d+)\s*/\s*([1-9]\d*)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} must be a fraction, such as 1/8")
    return Fraction(int(match[1]), int(match[2]))


def _meter(text):
    text = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text)
    _fraction(text)
    beats, unit = text.split("/")
    return int(beats), int(unit)


def _tempo(text):
    """Returns quarters a minute of `132` or `1/4=132`, with words in quotes or not."""
    text = re.sub(r'"[^"]*"', "", text).strip()
    unit, _, number = text.rpartition("=")
    if not re.fullmatch(r"\d+(\.\d+)?", number.strip()):
        raise ValueError(f"Q:{text} must be a tempo, such as 1/4=132")
    return float(number) * float(4 * _fraction(unit) if unit else 1)


def _signature(text):
    """Returns the accidentals of a key, such as Bb, F#m, Ddor."""
    match = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", text.strip())
    mode = match[3].lower()[:3] if match else ""
    if match is None or mode not in MODES:
        raise ValueError(f"K:{text} must be a key, such as Bb, F#m or Ddor")
    fifths = FIFTHS[match[1]] + 7 * ACCIDENTALS[match[2]] + MODES[mode]
    signature = {}
    for turn in range(abs(fifths)):
        letter = SHARPS[turn % 7] if fifths > 0 else SHARPS[::-1][turn % 7]
        signature[letter] = signature.get(letter, 0) + (1 if fifths > 0 else -1)
    return signature
