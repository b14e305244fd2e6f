"""Tunes as the tokens that a network learns from, and back.

A value says what a note is to its chord, how long it lasts, and how far it is from the
note before, so that what was learned from one tune can be played over the chords of
another, in any key.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dlai_keras.jazz_improvisation import midi
from dlai_keras.jazz_improvisation.chords import Chord, chord_at
from dlai_keras.jazz_improvisation.midi import Note, Piece
from dlai_keras.jazz_improvisation.notation import Tune, read_tunes
from dlai_keras.jazz_improvisation.transcription import (
    STEPS,
    chords_of,
    quantize,
    split_melody,
    tune_of,
)

__all__ = [
    "Corpus",
    "Tune",
    "chords_of",
    "decode",
    "duration_of",
    "embedded_tunes",
    "encode",
    "load_tunes",
    "quantize",
    "split_melody",
    "tune_of",
    "values_of",
    "windows",
]

EMBEDDED = Path(__file__).parent / "embedded" / "tunes.txt"
TEXTS = frozenset((".abc", ".txt"))
LAYOUT = (
    "a folder with MIDI files (.mid, .midi) or tunes in ABC notation (.abc), such a "
    "folder with the name jazz_improvisation within another, or one file of these"
)
OCTAVE = 12
LOW, HIGH = 55, 84  # what a soloist plays: G below the middle C, to two octaves above
START = 67
WIDEST = 24  # semitones; wider leaps are an octave less
NEAR = 3  # semitones that a note may move so that it is to its chord what it should be


@dataclass(frozen=True)
class Corpus:
    """Tunes as numbers.

    Attributes:
        values: what the numbers stand for, sorted: `"C,1/2,+3"` is a note of the chord
            (C; S: of its scale, X: another), half a quarter long, 3 semitones above
            the one before; `"C,1"` a first note; `"R,1/2"` a rest.
        tokens: int32 `(num_tokens,)`, the tunes one after the other.
        lengths: how many tokens each tune has.
    """

    values: tuple[str, ...]
    tokens: np.ndarray
    lengths: tuple[int, ...]

    def __len__(self):
        return len(self.tokens)

    def sequences(self) -> list[np.ndarray]:
        """The tokens of each tune, int32 `(length,)`."""
        return np.split(self.tokens, np.cumsum(self.lengths)[:-1])


def embedded_tunes() -> list[Tune]:
    """The tunes that come with the package: our own lines over common progressions.

    Example:
        >>> tunes = embedded_tunes()
        >>> len(tunes) >= 12, all(16 <= tune.melody.num_bars <= 32 for tune in tunes)
        (True, True)
    """
    return read_tunes(EMBEDDED)


def load_tunes(
    path: str | Path | None = None,
    *,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> list[Tune]:
    """Reads tunes from MIDI files or from text.

    Args:
        path: a folder with MIDI files or ABC tunes, also below it; a folder that has
            such as `jazz_improvisation/`; or a single file. None: the embedded tunes.
        on_error: `"skip"` leaves broken files of a folder out.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        At least one tune. Melody and chords of a MIDI file are what `tune_of` finds.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: a file is broken or holds something else.
    """
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    if path is None:
        return embedded_tunes()
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No such file or folder: {path}. Expected {LAYOUT}.")
    if (path / "jazz_improvisation").is_dir():
        path = path / "jazz_improvisation"
    if path.is_file():
        return _read_file(path)
    found = sorted([*midi.find_midi(path), *path.rglob("*.abc")])
    if not found:
        raise FileNotFoundError(f"No tunes in {path}. Expected {LAYOUT}.")
    tunes = []
    for file in progress(found) if progress else found:
        try:
            tunes += _read_file(file)
        except (ValueError, OSError) as error:
            if on_error == "fail":
                raise
            if skipped is not None:
                skipped(str(error))
    if not tunes:
        raise ValueError(
            f"None of the {len(found)} files in {path} can be read. Read one of them "
            "alone to see why."
        )
    return tunes


def _read_file(path):
    if path.suffix.lower() in TEXTS:
        return read_tunes(path)
    return [tune_of(midi.read_midi(path))]


def encode(tunes: Sequence[Tune], values: Sequence[str] | None = None) -> Corpus:
    """Tunes as numbers.

    Args:
        tunes: melodies of one note at a time, with chords.
        values: of a network that is trained already. What it never saw becomes the
            value most like it. By default those of the tunes, sorted.

    Returns:
        The corpus.

    Raises:
        ValueError: there is no tune.

    Example:
        >>> melody = Piece((Note(62, 0.0, 1.0), Note(65, 1.0, 0.5), Note(67, 2.0, 2.0)))
        >>> corpus = encode([Tune(melody, (Chord("Dm7"),))])
        >>> [corpus.values[token] for token in corpus.tokens]
        ['C,1', 'C,1/2,+3', 'R,1/2', 'S,2,+2']
    """
    if not tunes:
        raise ValueError("`tunes` must hold a tune. Received none.")
    written = [values_of(tune) for tune in tunes]
    if values is None:
        values = sorted({value for tune in written for value in tune})
    ids = {value: index for index, value in enumerate(values)}
    for value in {value for tune in written for value in tune} - set(ids):
        ids[value] = ids[_most_alike(value, values)]
    return Corpus(
        tuple(values),
        np.array([ids[value] for tune in written for value in tune], "int32"),
        tuple(len(tune) for tune in written),
    )


def values_of(tune: Tune) -> list[str]:
    """The values of a tune, see `Corpus`.

    It begins with the bar of its first note. Of rests, whole bars beyond the first are
    left out, and notes last a bar at most. A note belongs to the chord at its middle:
    one that is early by an eighth and held belongs to the chord to come.

    Args:
        tune: its onsets and ends are taken to twelfths of a quarter.

    Returns:
        One text a note or rest.

    Raises:
        ValueError: it has no notes or no chords.
    """
    if not tune.melody.notes:
        raise ValueError(f"The tune {tune.name!r} must have notes. Received none.")
    bar = round(tune.melody.bar * STEPS)
    notes = [
        (round(note.onset * STEPS), round(note.end * STEPS), note.pitch)
        for note in tune.melody.notes
    ]
    values, before = [], None
    time = notes[0][0] // bar * bar
    for index, (start, stop, pitch) in enumerate(notes):
        if index + 1 < len(notes):
            stop = min(stop, notes[index + 1][0])
        if stop <= start:
            continue
        rest = start - time
        values += [
            "R," + _write(part) for part in (bar * (rest >= bar), rest % bar) if part
        ]
        duration = min(stop - start, bar)
        middle = (start + duration / 2) / STEPS
        value = f"{chord_at(tune.chords, middle).kind(pitch)},{_write(duration)}"
        if before is not None:
            interval = pitch - before
            while abs(interval) > WIDEST:
                interval -= OCTAVE if interval > 0 else -OCTAVE
            value += f",{interval:+d}"
        values.append(value)
        before, time = pitch, start + duration
    return values


def decode(
    values: Iterable[str],
    chords: Sequence[Chord],
    *,
    start: int = START,
    low: int = LOW,
    high: int = HIGH,
    tempo: float = 120.0,
    name: str = "",
    meter: tuple[int, int] = (4, 4),
    align: bool = True,
) -> Piece:
    """A melody from values, over chords.

    A note lies the value's interval from the note before. Where that is not to its
    chord what the value says, the nearest note that is, up to a minor third away, takes
    its place; where it leaves the range, the octave changes.

    Args:
        values: as `values_of` writes them; those beyond the last chord are left out.
        chords: sorted; they need not be those that the values are from.
        start: MIDI number that the first note is near to.
        low: MIDI number of the lowest note.
        high: MIDI number of the highest note, an octave or more above `low`.
        tempo: quarters a minute.
        name: of the piece.
        meter: of the piece.
        align: where a triplet breaks off, let its last note last until the next eighth,
            so that what follows is not late for ever.

    Returns:
        The melody. With a tune's own values and chords, its first note as `start` and
        a range that holds it, it is the tune (not aligned, where that has notes after
        parts of triplets).

    Raises:
        ValueError: a value is not understood, or an argument is not as it must be.

    Example:
        >>> piece = decode(["C,1", "C,1,+3", "S,2,+2"], [Chord("Em7")], start=64)
        >>> [(note.pitch, note.onset) for note in piece.notes]
        [(64, 0.0), (67, 1.0), (69, 2.0)]
    """
    if not 0 <= low <= high - OCTAVE <= 127 - OCTAVE:
        raise ValueError(
            "`low` and `high` must be MIDI numbers, an octave apart or more. Received: "
            f"low={low}, high={high}."
        )
    chord_at(chords, 0.0)  # there must be one
    end = round(chords[-1].end * STEPS)
    notes: list[Note] = []
    time, before = 0, None
    for value in values:
        kind, duration, interval = _parse(value)
        if align and time % 3 and duration % 3 == 0 and duration % STEPS:
            missing = min(-time % (STEPS // 2), end - time)
            if notes and round(notes[-1].end * STEPS) == time:
                last = notes[-1]
                notes[-1] = replace(last, duration=last.duration + missing / STEPS)
            time += missing
        duration = min(duration, end - time)
        if duration <= 0:
            break
        if kind != "R":
            chord = chord_at(chords, (time + duration / 2) / STEPS)
            target = start if before is None else before + (interval or 0)
            pitch = _fit(target, before if interval else None, chord, kind, low, high)
            notes.append(Note(pitch, time / STEPS, duration / STEPS))
            before = pitch
        time += duration
    return Piece(tuple(notes), tempo, name, meter)


def duration_of(value: str) -> float:
    """How long a value lasts, quarters.

    Example:
        >>> duration_of("C,1/2,+3")
        0.5
    """
    return _parse(value)[1] / STEPS


def windows(
    tokens: np.ndarray,
    length: int = 30,
    *,
    num_values: int | None = None,
    stride: int = 3,
) -> tuple[np.ndarray, np.ndarray]:
    """Parts of a sequence as the course's model takes them.

    Args:
        tokens: whole numbers `(num_tokens,)`.
        length: tokens of a window.
        num_values: of the corpus; by default one more than the largest token.
        stride: tokens from the beginning of a window to that of the next.

    Returns:
        - **X**: bool `(num_windows, length, num_values)`, one-hot; what the model is
          given at each step: nothing at the first, then the token before.
        - **Y**: bool `(length, num_windows, num_values)`, one-hot; the token that it
          must say. The course leaves the last step of Y empty.

    Raises:
        ValueError: there are fewer tokens than a window has, or one is out of range.

    Example:
        >>> X, Y = windows(np.array([2, 0, 1, 2]), 3, stride=1)
        >>> X.shape, Y.shape
        ((2, 3, 3), (3, 2, 3))
        >>> Y.argmax(axis=-1).T
        array([[2, 0, 1],
               [0, 1, 2]])

    Reference:
        - Course 5, week 1, "Improvise a jazz solo with an LSTM network",
          `load_music_utils`.
    """
    tokens = np.asarray(tokens)
    if length < 1 or stride < 1:
        raise ValueError(
            "`length` and `stride` must be 1 or more. Received: "
            f"length={length}, stride={stride}."
        )
    if len(tokens) < length:
        raise ValueError(
            f"`tokens` must hold a window of {length} at least. Received: "
            f"{len(tokens)}. Give more tunes, or a shorter `length`."
        )
    if num_values is None:
        num_values = int(tokens.max()) + 1
    if tokens.min() < 0 or tokens.max() >= num_values:
        raise ValueError(
            f"`tokens` must be from 0 to {num_values - 1}. Received: from "
            f"{tokens.min()} to {tokens.max()}."
        )
    parts = np.lib.stride_tricks.sliding_window_view(tokens, length)[::stride]
    said = parts[..., None] == np.arange(num_values)  # (windows, length, values)
    given = np.zeros_like(said)
    given[:, 1:] = said[:, :-1]
    return given, said.swapaxes(0, 1)


def _write(steps):
    return str(Fraction(steps, STEPS))


def _parse(value):
    """Returns the kind, the duration in twelfths of a quarter and the interval."""
    try:
        kind, duration, *interval = value.split(",")
        steps = Fraction(duration) * STEPS
        (interval,) = map(int, interval) if interval else (None,)
        if kind not in set("CSXR") or steps < 1 or steps.denominator > 1:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            "A value must be C, S, X or R, a duration and for a note an interval, such "
            f"as C,1/2,+3. Received: {value!r}."
        ) from None
    return kind, int(steps), interval


def _most_alike(value, values):
    """Returns the value that a listener would least tell from another."""
    kind, duration, interval = _parse(value)

    def difference(other):
        other_kind, other_duration, other_interval = _parse(other)
        if (kind == "R") != (other_kind == "R"):
            return 1000.0
        cost = abs(duration - other_duration) / min(duration, other_duration)
        cost += 3 * (kind != other_kind)
        if None in (interval, other_interval):
            return cost + 10 * (interval is not other_interval)
        return cost + abs(interval - other_interval)

    return min(values, key=difference)


def _fit(target, before, chord, kind, low, high):
    """Returns the pitch nearest to a target that is what it should be to its chord."""
    while target > high:
        target -= OCTAVE
    while target < low:
        target += OCTAVE
    near = [
        pitch
        for pitch in range(max(target - NEAR, low), min(target + NEAR, high) + 1)
        if chord.kind(pitch) == kind
    ]
    # A note that should move does not stand still, if another is as good.
    return min(
        near,
        key=lambda pitch: abs(pitch - target) + 1.5 * (pitch == before),
        default=target,
    )
