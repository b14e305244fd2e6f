"""From a melody that a network drew to music: clean it, accompany it, let it swing."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlai_keras.jazz_improvisation.chords import Chord, chord_at
from dlai_keras.jazz_improvisation.midi import Note, Piece
from dlai_keras.jazz_improvisation.notation import STYLES
from dlai_keras.jazz_improvisation.transcription import quantize

MELODY, COMPING, BASS = 0, 1, 2  # channels
# General MIDI's jazz guitar, electric piano and acoustic bass.
PROGRAMS = ((MELODY, 26), (COMPING, 4), (BASS, 32))
STRONG = 2.0  # every so many quarters of a bar a beat is strong
VOICING = (52, 69)  # MIDI numbers between which the piano comps
BASS_RANGE = (28, 52)
BASS_CENTRE = 40
MOST_PASSES = 20  # of cleaning; three or four are usual
# Where in a bar of four quarters the piano strikes, and for how long.
COMPING_RHYTHMS = {
    "swing": (
        ((0.0, 1.0), (1.5, 0.5)),  # the Charleston
        ((1.5, 0.5), (3.5, 0.5)),
        ((0.5, 0.5), (2.5, 1.0)),
        ((1.0, 0.5), (2.5, 0.5)),
        ((0.0, 0.5), (1.5, 0.5), (3.0, 0.5)),
    ),
    "bossa": (
        ((0.0, 0.75), (1.5, 0.5), (3.0, 0.5)),
        ((0.5, 0.5), (2.0, 0.75), (3.5, 0.5)),
    ),
    "ballad": (((0.0, 4.0),),),
}


def polish(melody: Piece, chords: Sequence[Chord], *, most_repeats: int = 2) -> Piece:
    """What makes a drawn melody sound meant.

    In this order, until nothing changes: the grid of `quantize`, `remove_overlaps`,
    `prune_repeats`, `snap_to_chords`.

    Args:
        melody: as drawn.
        chords: sorted.
        most_repeats: how often a pitch may be struck in a row.

    Returns:
        The same melody, cleaned. To clean it again changes nothing.

    Reference:
        - Course 5, week 1, "Improvise a jazz solo with an LSTM network":
          `prune_grammar`, `prune_notes` and `clean_up_notes`.
    """
    # What is left out, moved or tied changes what is right for the others.
    for _ in range(MOST_PASSES):
        line = remove_overlaps(quantize(melody))
        line = snap_to_chords(prune_repeats(line, most_repeats), chords)
        if line == melody:
            break
        melody = line
    return melody


def remove_overlaps(melody: Piece) -> Piece:
    """One note at a time: each ends where the next begins; of several the highest.

    Args:
        melody: notes of one channel.

    Returns:
        The same notes, shorter or left out.

    Example:
        >>> both = (Note(60, 0.0, 3.0), Note(64, 1.0, 1.0), Note(67, 1.0, 2.0))
        >>> [(n.pitch, n.duration) for n in remove_overlaps(Piece(both)).notes]
        [(60, 1.0), (67, 2.0)]
    """
    line: list[Note] = []
    for note in melody.notes:  # sorted: of one onset the highest comes last
        if line and line[-1].onset == note.onset:
            line.pop()
        if line and line[-1].end > note.onset:
            line[-1] = replace(line[-1], duration=note.onset - line[-1].onset)
        line.append(note)
    return melody.with_notes(line)


def prune_repeats(melody: Piece, most: int = 2) -> Piece:
    """Ties notes that repeat a pitch too often to the one before.

    Args:
        melody: one note at a time.
        most: how often a pitch may be struck in a row, 1 or more.

    Returns:
        The same melody. Where the notes touch, one that is left out makes the one
        before longer.

    Example:
        >>> same = tuple(Note(60, beat, 1.0) for beat in range(4))
        >>> [note.duration for note in prune_repeats(Piece(same)).notes]
        [1.0, 3.0]
    """
    if most < 1:
        raise ValueError(f"`most` must be 1 or more. Received: most={most}.")
    line: list[Note] = []
    in_row = 0
    for note in melody.notes:
        in_row = in_row + 1 if line and line[-1].pitch == note.pitch else 1
        if in_row <= most:
            line.append(note)
        elif math.isclose(line[-1].end, note.onset):
            line[-1] = replace(line[-1], duration=note.end - line[-1].onset)
    return melody.with_notes(line)


def snap_to_chords(melody: Piece, chords: Sequence[Chord]) -> Piece:
    """Moves notes that would sound wrong to the nearest of the chord.

    That is: a note outside the scale that begins on a strong beat or lasts a quarter;
    a note of the scale a semitone above one of the chord, that does both (the fourth
    over a major chord); and a last note outside the chord. Short notes between the
    beats may be what they like: they pass.

    Args:
        melody: one note at a time.
        chords: sorted.

    Returns:
        The same rhythm. Notes move two semitones at most.

    Example:
        >>> line = (Note(61, 0.0, 0.5), Note(61, 0.5, 0.5), Note(65, 2.0, 2.0))
        >>> piece = snap_to_chords(Piece(line), (Chord("Cmaj7"),))
        >>> [note.pitch for note in piece.notes]
        [60, 61, 64]
    """
    notes = []
    for index, note in enumerate(melody.notes):
        chord = chord_at(chords, note.onset + note.duration / 2)
        kind = chord.kind(note.pitch)
        is_strong = (note.onset % melody.bar) % STRONG < 1e-6
        is_long = note.duration >= 1 - 1e-6
        grates = kind == "S" and (note.pitch - 1) % 12 in chord.tones
        if (
            (kind == "X" and (is_strong or is_long))
            or (grates and is_strong and is_long)
            or (kind != "C" and index == len(melody.notes) - 1)
        ):
            # A seventh chord has a note within two semitones of any; a triad may not.
            near = sorted(range(note.pitch - 2, note.pitch + 3), reverse=True)
            near.sort(key=lambda pitch, of=note.pitch: abs(pitch - of))
            tones = [p for p in near if 0 <= p <= 127 and chord.kind(p) == "C"]
            scale = [p for p in near if 0 <= p <= 127 and chord.kind(p) == "S"]
            note = replace(note, pitch=(tones or scale or near)[0])
        notes.append(note)
    return melody.with_notes(notes)


def accompany(
    chords: Sequence[Chord],
    *,
    meter: tuple[int, int] = (4, 4),
    style: str = "swing",
    seed: int = 0,
    tempo: float = 120.0,
) -> Piece:
    """A pianist and a bassist for a progression.

    The piano plays voicings without the root, each as near to the one before as it
    can be. The bass walks in swing: the root where the chord changes, notes of the
    chord towards the next root, and a semitone before it. Bar i depends on the seed
    and on i, apart from where the hands were before.

    Args:
        chords: sorted, from 0 on.
        meter: of the piece.
        style: `"swing"`, `"bossa"` or `"ballad"`.
        seed: of the rhythms and the bass line.
        tempo: quarters a minute.

    Returns:
        Comping on channel 1, bass on channel 2, in straight eighths: see `swing`.

    Raises:
        ValueError: there are no chords, or the style is another.

    Example:
        >>> from dlai_keras.jazz_improvisation.chords import parse_chords
        >>> piece = accompany(parse_chords("Dm7 | G7 | Cmaj7 | %"))
        >>> piece.channels, piece.num_bars
        ((1, 2), 4)
        >>> [note.pitch % 12 for note in piece.notes if note.channel == BASS][::4]
        [2, 7, 0, 0]
    """
    if style not in STYLES:
        raise ValueError(
            f"`style` must be one of {', '.join(STYLES)}. Received: {style!r}."
        )
    chord_at(chords, 0.0)  # there must be one
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    bar = meter[0] * 4 / meter[1]
    notes = _comp(chords, bar, style, seed) + _play_bass(chords, bar, style, seed)
    return Piece(tuple(notes), tempo, "", meter, PROGRAMS[1:])


def swing(piece: Piece, ratio: float = 2 / 3) -> Piece:
    """Plays straight eighths as a band does: the first longer than the second.

    Time within each quarter is bent: what lies at its half comes at `ratio`, and
    everything between in proportion. Quarters in which a channel has triplets stay as
    they are.

    Args:
        piece: in straight eighths.
        ratio: of the quarter, where its second half begins; 1/2 changes nothing, 2/3
            is a triplet.

    Returns:
        The same notes, moved.

    Raises:
        ValueError: the ratio is not from 1/2 to below 1.

    Example:
        >>> eighths = (Note(60, 0.0, 0.5), Note(62, 0.5, 0.5))
        >>> [round(note.onset, 3) for note in swing(Piece(eighths)).notes]
        [0.0, 0.667]
    """
    if not 0.5 <= ratio < 1:
        raise ValueError(f"`ratio` must be from 1/2 to below 1. Received: {ratio}.")
    if ratio == 0.5:
        return piece
    in_triplets = {
        (note.channel, math.floor(time))
        for note in piece.notes
        for time in (note.onset, note.end)
        if abs((time % 1) - 1 / 3) < 0.02
    }

    def bend(channel, time):
        quarter = math.floor(time)
        part = time - quarter
        if (channel, quarter) in in_triplets:
            return time
        if part <= 0.5:
            return quarter + part * ratio / 0.5
        return quarter + ratio + (part - 0.5) * (1 - ratio) / 0.5

    notes = []
    for note in piece.notes:
        onset, end = (bend(note.channel, time) for time in (note.onset, note.end))
        notes.append(replace(note, onset=onset, duration=end - onset))
    return piece.with_notes(notes)


def arrange(
    melody: Piece,
    chords: Sequence[Chord],
    *,
    tempo: float | None = None,
    name: str | None = None,
    style: str = "swing",
    seed: int = 0,
    swing_ratio: float = 2 / 3,
) -> Piece:
    """A melody with its band: guitar, electric piano and bass.

    Args:
        melody: one note at a time.
        chords: sorted, from 0 on.
        tempo: quarters a minute; by default the melody's.
        name: by default the melody's.
        style: as in `accompany`.
        seed: of the accompaniment.
        swing_ratio: as in `swing`; only the style "swing" swings.

    Returns:
        Melody, comping and bass on channels 0, 1 and 2, the chord symbols as markers.

    Example:
        >>> from dlai_keras.jazz_improvisation.data import embedded_tunes
        >>> tune = embedded_tunes()[0]
        >>> piece = arrange(tune.melody, tune.chords)
        >>> piece.name, piece.channels, piece.markers[:2]
        ('Kettle Blues', (0, 1, 2), ((0.0, 'F7'), (4.0, 'Bb7')))
    """
    band = accompany(chords, meter=melody.meter, style=style, seed=seed)
    piece = Piece(
        tuple(_accent(note, melody.bar) for note in melody.notes) + band.notes,
        melody.tempo if tempo is None else tempo,
        melody.name if name is None else name,
        melody.meter,
        PROGRAMS,
        tuple((chord.onset, chord.symbol) for chord in chords),
    )
    return swing(piece, swing_ratio) if style == "swing" else piece


def _accent(note, bar):
    """Strikes a note as a player would: off the beat and high a little harder."""
    velocity = 86 + 8 * (note.onset % 1 >= 0.5) - 6 * (note.duration < 0.5)
    velocity += min(max((note.pitch - 67) // 3, -6), 6)
    return replace(note, velocity=velocity, channel=MELODY)


def _comp(chords, bar, style, seed):
    """Returns the chords of the piano."""
    end = chords[-1].end
    rhythms = COMPING_RHYTHMS[style]
    strikes = {}  # onset: (duration, chord)
    for number in range(math.ceil(end / bar - 1e-6)):
        rng = np.random.default_rng((seed, number))
        which = number if style == "bossa" else rng.integers(len(rhythms))
        for onset, duration in rhythms[which % len(rhythms)]:
            time = number * bar + onset
            if onset < bar and time < end - 1e-6:
                # What is struck an eighth before a chord belongs to it already.
                chord = chord_at(chords, time + (0.5 if time % 1 else 0.0))
                strikes[time] = (min(duration, (number + 1) * bar - time), chord)
    heard = {id(chord) for _, chord in strikes.values()}
    for chord in chords:
        if id(chord) not in heard:
            strikes[chord.onset] = (min(chord.duration, 1.0), chord)
    notes, hand, before = [], (), None
    times = sorted(strikes)
    for time, following in zip(times, [*times[1:], math.inf], strict=True):
        duration, chord = strikes[time]
        if before is None or chord.symbol != before.symbol:
            hand, before = _voicing(chord, hand), chord
        duration = min(duration, following - time, max(end - time, 0.25))
        velocity = 62 if style == "ballad" else 58 + 6 * (time % 1 > 0)
        notes += [Note(pitch, time, duration, velocity, COMPING) for pitch in hand]
    return notes


def _voicing(chord, hand):
    """Returns the pitches of a chord in close position, near to those before."""
    tones = list(chord.tones)
    if len(tones) > 3:  # the bass has the root
        tones = tones[1:5]
        ninth = (chord.root + 2) % 12
        if len(tones) == 3 and ninth in chord.scale:
            tones.append(ninth)
    tones.sort(key=lambda tone: (tone - chord.root) % 12)
    low, high = VOICING
    candidates = []
    for turn in range(len(tones)):
        inversion = tones[turn:] + tones[:turn]
        for octave in (36, 48, 60):
            pitches = [octave + inversion[0]]
            for tone in inversion[1:]:
                pitches.append(pitches[-1] + (tone - pitches[-1]) % 12)
            candidates.append(pitches)

    def effort(pitches):
        outside = sum(max(low - p, p - high, 0) for p in pitches)
        if not hand:
            return 4 * outside + abs(sum(pitches) / len(pitches) - (low + high) / 2)
        moves = sum(min(abs(p - other) for other in hand) for p in pitches)
        return 4 * outside + moves + abs(pitches[-1] - hand[-1])

    return tuple(min(candidates, key=effort))


def _play_bass(chords, bar, style, seed):
    """Returns the notes of the bass."""
    parts = _by_bars(chords, bar)
    notes: list[Note] = []
    before = BASS_CENTRE
    for index, chord in enumerate(parts):
        following = parts[(index + 1) % len(parts)]
        root = _near(chord.bass, before)
        target = _near(following.bass, root)
        rng = np.random.default_rng((seed, index, 1))
        if style == "swing":
            played = _walk(rng, chord, root, target)
        else:
            played = _two_feel(chord, root, style)
        notes += [
            Note(pitch, chord.onset + time, duration, 78, BASS)
            for time, duration, pitch in played
        ]
        before = played[-1][2]
    return notes


def _by_bars(chords, bar):
    """Cuts chords at the bar lines."""
    parts = []
    for chord in chords:
        onset = chord.onset
        while onset < chord.end - 1e-6:
            end = min((math.floor(onset / bar + 1e-6) + 1) * bar, chord.end)
            parts.append(replace(chord, onset=onset, duration=end - onset))
            onset = end
    return parts


def _walk(rng, chord, root, target):
    """Returns a quarter after the other from a root to the next."""
    num = max(math.ceil(chord.duration - 1e-6), 1)
    line = [root]
    for beat in range(1, num):
        if beat == num - 1:  # a semitone below or above, a fifth where it stands there
            step = int(rng.choice((-1, 1)))
            near = [target + step, target - step]
        else:
            # On the way, but not straight: the chord's notes, then its scale's.
            wanted = root + (target - root) * beat / num + rng.uniform(-6, 6)
            pool = [p for p in range(*BASS_RANGE) if chord.kind(p) == "C"]
            near = sorted(pool, key=lambda pitch: abs(pitch - wanted))
        line.append(next(pitch for pitch in near if pitch != line[-1]))
    return [
        (float(beat), min(1.0, chord.duration - beat), pitch)
        for beat, pitch in enumerate(line)
    ]


def _two_feel(chord, root, style):
    """Returns root and fifth: dotted quarters for a bossa, halves for a ballad."""
    fifth = next((t for t in chord.tones if (t - chord.root) % 12 in (6, 7, 8)), None)
    fifth = root if fifth is None else _near(fifth, root + 3)
    rhythm = [(0.0, 2.0, root), (2.0, 2.0, fifth)]
    if style == "bossa":
        rhythm = [(0.0, 1.5, root), (1.5, 0.5, fifth), (2.0, 1.5, fifth)]
        rhythm.append((3.5, 0.5, root))
    return [
        (time, min(duration, chord.duration - time), pitch)
        for time, duration, pitch in rhythm
        if time < chord.duration - 1e-6
    ]


def _near(pitch_class, pitch):
    """Returns the pitch of a class that is nearest to another, in the bass's range."""
    low, high = BASS_RANGE
    pool = range(low + (pitch_class - low) % 12, high, 12)
    # Towards the middle where two are as near, so that the line does not drift away.
    return min(pool, key=lambda p: abs(p - pitch) + 0.3 * abs(p - BASS_CENTRE))
