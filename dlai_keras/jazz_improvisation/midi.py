"""Notes, and the MIDI files that hold them.

Time is measured in quarter notes throughout, so that it does not depend on the tempo.
"""

import io
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dlai_keras import files

SUFFIXES = frozenset((".mid", ".midi", ".kar"))
TICKS = 480  # to a quarter; 3, 4 and 6 notes a quarter fall on whole ticks
PERCUSSION = 9  # channel 10, as musicians count
NUM_CHANNELS = 16
MICROSECONDS = 60_000_000  # a minute
DEFAULT_TEMPO = 120.0  # what MIDI means where a file names none
LAYOUT = "a MIDI file, or a folder of files that end in .mid, .midi or .kar"


@dataclass(frozen=True)
class Note:
    """A note.

    Attributes:
        pitch: MIDI number, 0 to 127; 60 is the middle C.
        onset: when it begins, quarters from the start.
        duration: how long it sounds, quarters, above 0.
        velocity: how hard it is struck, 1 to 127.
        channel: who plays it, 0 to 15; 9 is percussion.

    Example:
        >>> Note(60, 1.0, 0.5).end
        1.5
    """

    pitch: int
    onset: float
    duration: float
    velocity: int = 80
    channel: int = 0

    def __post_init__(self):
        for name, least, most in (
            ("pitch", 0, 127),
            ("velocity", 1, 127),
            ("channel", 0, NUM_CHANNELS - 1),
        ):
            value = getattr(self, name)
            if not least <= value <= most or value != int(value):
                raise ValueError(
                    f"`{name}` must be a whole number from {least} to {most}. "
                    f"Received: {name}={value}."
                )
        if not 0 <= self.onset < float("inf"):
            raise ValueError(f"`onset` must be 0 or more. Received: {self.onset}.")
        if not 0 < self.duration < float("inf"):
            raise ValueError(f"`duration` must be above 0. Received: {self.duration}.")

    @property
    def end(self) -> float:
        """When it ends, quarters from the start."""
        return self.onset + self.duration


@dataclass(frozen=True)
class Piece:
    """Notes of one or several players.

    Attributes:
        notes: sorted by onset, then pitch, whatever order they are given in.
        tempo: quarters a minute.
        name: title.
        meter: beats of a bar, and which note is a beat: `(3, 4)` is a waltz.
        programs: `(channel, program)` pairs: General MIDI's number of the instrument,
            0 to 127. Channels that are not named play the piano.
        markers: `(onset, text)` pairs, such as chord symbols.

    Example:
        >>> piece = Piece((Note(64, 4.0, 1.0), Note(60, 0.0, 2.0)))
        >>> [note.pitch for note in piece.notes], piece.duration, piece.num_bars
        ([60, 64], 5.0, 2)
    """

    notes: tuple[Note, ...]
    tempo: float = DEFAULT_TEMPO
    name: str = ""
    meter: tuple[int, int] = (4, 4)
    programs: tuple[tuple[int, int], ...] = ()
    markers: tuple[tuple[float, str], ...] = ()

    def __post_init__(self):
        if not 3.6 <= self.tempo <= 10_000:  # what MIDI can say, and a musician play
            raise ValueError(
                "`tempo` must be from 3.6 to 10,000 quarters a minute. Received: "
                f"tempo={self.tempo}."
            )
        beats, unit = self.meter
        if not 1 <= beats <= 255 or unit not in (1, 2, 4, 8, 16, 32):
            raise ValueError(
                "`meter` must be a number of beats and 1, 2, 4, 8, 16 or 32, such as "
                f"(3, 4). Received: meter={self.meter}."
            )
        in_order = sorted(
            self.notes, key=lambda note: (note.onset, note.pitch, note.channel)
        )
        object.__setattr__(self, "notes", tuple(in_order))

    @property
    def duration(self) -> float:
        """Quarters until the last note has ended; 0 without notes."""
        return max((note.end for note in self.notes), default=0.0)

    @property
    def bar(self) -> float:
        """Quarters of a bar."""
        return self.meter[0] * 4 / self.meter[1]

    @property
    def num_bars(self) -> int:
        """Bars that have begun when the last note ends."""
        return int(-(-round(self.duration, 6) // self.bar))

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels with notes, in order."""
        return tuple(sorted({note.channel for note in self.notes}))

    def with_notes(self, notes: Iterable[Note]) -> "Piece":
        """The same piece with other notes."""
        return replace(self, notes=tuple(notes))

    def transposed(self, semitones: int) -> "Piece":
        """Every note but percussion that many semitones higher.

        Raises:
            ValueError: a note leaves MIDI's range.
        """
        return self.with_notes(
            note
            if note.channel == PERCUSSION
            else replace(note, pitch=note.pitch + semitones)
            for note in self.notes
        )


def read_midi(path: str | Path) -> Piece:
    """Reads the notes of a MIDI file.

    - The tempo is the first that the file names; where later ones follow, the notes
      are where they are written, in quarters.
    - A note that is struck again while it sounds ends there. A note that nothing ends
      lasts until its track does.
    - Percussion is left out: it has no pitch.
    - Tracks that share a channel get one each, as long as there are free ones, so that
      the hands of a pianist, say, stay apart.

    Args:
        path: a file of one track (format 0) or of many (format 1).

    Returns:
        The piece. Its name is the file's without the ending.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: mido is not installed.
        ValueError: it is no MIDI file, is broken, or holds no note with a pitch.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "two.mid"
        ...     write_midi(file, Piece((Note(60, 0.0, 1.0), Note(67, 1.5, 0.5))))
        ...     [(note.pitch, note.onset) for note in read_midi(file).notes]
        [(60, 0.0), (67, 1.5)]

    Reference:
        - MIDI Manufacturers Association, 1996, "The complete MIDI 1.0 detailed
          specification", "Standard MIDI files 1.0".
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No such file: {path}. Expected {LAYOUT}.")
    file = _parse(path)
    ticks = file.ticks_per_beat
    if ticks <= 0:
        raise ValueError(
            f"{path} counts film frames instead of quarter notes. Save it with ticks "
            "per quarter note."
        )
    if file.type == 2:
        raise ValueError(
            f"{path} holds independent sequences (format 2). Save one of them as "
            "format 0 or 1."
        )
    tempo, meter, markers, programs = None, None, [], {}
    parts: dict[tuple[int, int], list[Note]] = {}
    for number, track in enumerate(file.tracks):
        events, end = [], 0
        for message in track:
            end += message.time
            if message.type == "set_tempo" and message.tempo and tempo is None:
                tempo = round(MICROSECONDS / message.tempo, 3)
            elif message.type == "time_signature" and meter is None:
                meter = (message.numerator, message.denominator)
            elif message.type == "marker" and _text(message.text).strip():
                markers.append((end / ticks, _text(message.text).strip()))
            elif message.type == "program_change":
                programs.setdefault((number, message.channel), message.program)
            elif message.type in ("note_on", "note_off"):
                events.append((end, message))
        for channel, notes in _notes(events, end, ticks).items():
            if channel != PERCUSSION:
                parts[number, channel] = notes
    if not any(parts.values()):
        raise ValueError(
            f"{path} holds no notes with a pitch (percussion does not count). Give "
            "another file."
        )
    channels = _own_channels(parts)
    # A program may stand in another track than the notes of its channel.
    anywhere = {
        part[1]: program for part, program in programs.items() if part not in parts
    }
    used = {
        channels[part]: programs.get(part, anywhere.get(part[1], 0)) for part in parts
    }
    return Piece(
        tuple(
            replace(note, channel=channels[part])
            for part, notes in parts.items()
            for note in notes
        ),
        tempo=min(max(tempo or DEFAULT_TEMPO, 3.6), 10_000),
        name=path.stem,
        meter=meter if meter and meter[0] and meter[1] <= 32 else (4, 4),
        programs=tuple(sorted(used.items())),
        markers=tuple(sorted(markers)),
    )


def write_midi(path: str | Path, piece: Piece) -> None:
    """Writes a MIDI file (format 1): a track for tempo and markers, one a channel.

    The same piece gives the same bytes. The file appears under its name only once it
    is whole. Onsets and ends are rounded to 480ths of a quarter.

    Args:
        path: where to, in a folder that exists.
        piece: what to write.

    Raises:
        ImportError: mido is not installed.
        OSError: it cannot be written.
    """
    import mido

    conductor = [
        (0, 0, mido.MetaMessage("track_name", name=piece.name)),
        (0, 1, mido.MetaMessage("set_tempo", tempo=round(MICROSECONDS / piece.tempo))),
        (
            0,
            2,
            mido.MetaMessage(
                "time_signature", numerator=piece.meter[0], denominator=piece.meter[1]
            ),
        ),
    ]
    conductor += [
        (_ticks(onset), 3, mido.MetaMessage("marker", text=text))
        for onset, text in piece.markers
    ]
    tracks = {-1: conductor}
    programs = dict(piece.programs)
    for channel in piece.channels:
        program = mido.Message(
            "program_change", channel=channel, program=programs.get(channel, 0)
        )
        tracks[channel] = [(0, 0, program)]
    for note in piece.notes:
        start = _ticks(note.onset)
        stop = max(_ticks(note.end), start + 1)
        options = {"note": note.pitch, "channel": note.channel}
        struck = mido.Message("note_on", velocity=note.velocity, **options)
        released = mido.Message("note_off", velocity=64, **options)
        # At the same tick a note ends before the next one of its pitch begins.
        tracks[note.channel] += [(start, 2, struck), (stop, 1, released)]
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    for events in tracks.values():
        track, before = mido.MidiTrack(), 0
        for tick, _, message in sorted(events, key=lambda event: event[:2]):
            track.append(message.copy(time=tick - before))
            before = tick
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    files.write_atomically(path, buffer.getvalue())


def read_folder(
    path: str | Path,
    on_error: str = "fail",
    *,
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> list[Piece]:
    """Reads all MIDI files below a folder, in the order of their names, or one file.

    Args:
        path: the folder or the file.
        on_error: `"skip"` leaves broken files of a folder out.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        At least one piece.

    Raises:
        FileNotFoundError: there is no such folder, or no MIDI file in it.
        ValueError: a file is broken; or all are, with `on_error="skip"`.
    """
    path = Path(path)
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    if not path.is_dir():
        return [read_midi(path)]
    found = find_midi(path)
    if not found:
        raise FileNotFoundError(f"No MIDI file in {path}. Expected {LAYOUT}.")
    pieces = []
    for file in progress(found) if progress else found:
        try:
            pieces.append(read_midi(file))
        except (ValueError, OSError) as error:
            if on_error == "fail":
                raise
            if skipped is not None:
                skipped(str(error))
    if not pieces:
        raise ValueError(
            f"None of the {len(found)} MIDI files in {path} can be read. Read one of "
            "them alone to see why."
        )
    return pieces


def find_midi(folder: str | Path) -> list[Path]:
    """MIDI files below a folder, in an order that never changes."""
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
    )


def _parse(path):
    import mido

    content = path.read_bytes()
    if not content:
        raise ValueError(f"{path} is empty. Expected {LAYOUT}.")
    try:
        # mido fails in as many ways as a file can be broken.
        return mido.MidiFile(file=io.BytesIO(content))
    except Exception as error:
        reason = str(error) or "it ends too early"
        raise ValueError(f"{path} is no MIDI file, or is broken: {reason}.") from None


def _notes(events, end, ticks):
    """Returns the notes of a track, a list a channel."""
    sounding = defaultdict(deque)
    found = defaultdict(list)  # [start, stop, pitch, velocity] in ticks
    for tick, message in events:
        key = (message.channel, message.note)
        if message.type == "note_on" and message.velocity:
            sounding[key].append((tick, message.velocity))
        elif sounding[key]:
            start, velocity = sounding[key].popleft()
            found[message.channel].append([start, tick, message.note, velocity])
    for (channel, pitch), waiting in sounding.items():
        for start, velocity in waiting:
            found[channel].append([start, end, pitch, velocity])
    return {
        channel: [
            Note(pitch, start / ticks, max(stop - start, 1) / ticks, velocity, channel)
            for start, stop, pitch, velocity in _restruck(notes)
        ]
        for channel, notes in found.items()
    }


def _restruck(notes):
    """Ends each note where the next of its pitch begins, at the latest."""
    notes = sorted(notes, key=lambda note: (note[2], note[0], note[1]))
    for i, note in enumerate(notes):
        if i + 1 < len(notes) and notes[i + 1][2] == note[2]:
            following = notes[i + 1][0]
            if following == note[0]:
                continue  # written twice: the longer one stays
            note[1] = min(note[1], following)
        yield note


def _own_channels(parts):
    """Maps (track, channel) to a channel of its own, while there are any."""
    count = Counter(channel for _, channel in parts)
    free = [
        channel
        for channel in range(NUM_CHANNELS)
        if channel != PERCUSSION and channel not in count
    ]
    channels, taken = {}, set()
    for part in parts:
        channel = part[1]
        if channel in taken and free:
            channel = free.pop(0)
        taken.add(channel)
        channels[part] = channel
    return channels


def _text(text):
    """Undoes mido's reading as Latin-1 where a text is UTF-8."""
    try:
        return text.encode("latin1").decode()
    except UnicodeError:
        return text


def _ticks(quarters):
    return round(quarters * TICKS)
