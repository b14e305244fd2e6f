"""From a performance to a tune: its voice, its rhythm and its chords."""

import math
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from dlai_keras.jazz_improvisation.chords import Chord, spell
from dlai_keras.jazz_improvisation.midi import Note, Piece
from dlai_keras.jazz_improvisation.notation import Tune

STEPS = 12  # to a quarter: both its fourths and its thirds
OCTAVE = 12
MOSTLY_ALONE = 0.9  # share of its notes that a line of one voice keeps
LEFT_HAND = 18  # semitones below the middle of the notes around
AROUND = 8  # how many notes before and after those are
# Notes a quarter that a player may have meant, and what the rarer ones must be better
# by to be believed, in squared quarters.
GRIDS = {4: 0.0, 3: 0.002, 6: 0.008}
COLLISION = 0.02  # the same, for two notes that would fall on one step
TOGETHER = 1 / 24  # quarters between notes of one stroke
GAP = 0.5  # quarters of silence that are a rest, and no articulation
# How well a chord explains what sounds: a template for each, root to major seventh.
TEMPLATES = {
    "maj7": {0: 1.2, 4: 1.0, 7: 0.7, 11: 0.9},
    "7": {0: 1.2, 4: 1.0, 7: 0.6, 10: 1.0},
    "m7": {0: 1.2, 3: 1.0, 7: 0.7, 10: 0.9},
    "m7b5": {0: 1.2, 3: 0.9, 6: 1.0, 10: 0.9},
    "dim7": {0: 1.1, 3: 0.9, 6: 1.0, 9: 1.0},
}
MELODY_WEIGHT = 0.3  # of a second of the melody, beside one of the others
BASS_BONUS = 0.35
SPLIT_BONUS = 0.06  # what two chords in a bar must explain better than one


def tune_of(piece: Piece) -> Tune:
    """What a network can learn from a piece: its melody, on a grid, and its chords.

    The melody is that of `split_melody`, brought to the grid of `quantize`; gaps of
    less than half a quarter are closed, as they are articulation. The chords are those
    of `chords_of`.

    Args:
        piece: of one player or of many.

    Returns:
        The tune.
    """
    melody = quantize(split_melody(piece))
    return Tune(melody.with_notes(_close_gaps(melody.notes)), chords_of(piece))


def split_melody(piece: Piece) -> Piece:
    """The voice that sings.

    Of several channels the one is taken that mostly plays one note at a time, plays
    many, of many pitches, and not in the bass. Of what sounds together in it the
    highest note is the melody; a note that is held ends where the next begins, unless
    that is an octave or more below: then that one accompanies. Where several notes
    often sound together, those far below the others around are left out, too.

    Args:
        piece: with at least one note.

    Returns:
        The same piece with the melody alone, on channel 0.

    Example:
        >>> low = tuple(Note(48, beat, 1.0, channel=1) for beat in range(4))
        >>> high = (Note(72, 0.0, 2.0), Note(64, 0.0, 2.0), Note(74, 2.0, 2.0))
        >>> [note.pitch for note in split_melody(Piece(high + low)).notes]
        [72, 74]

    Reference:
        - Uitdenbogerd and Zobel, 1999, "Melodic matching techniques for large music
          databases", ACM Multimedia ("all-mono", the skyline).
    """
    if not piece.notes:
        raise ValueError("`piece` must have notes. Received one without any.")
    channel = _melody_channel(piece)
    notes = [
        replace(note, channel=0) for note in piece.notes if note.channel == channel
    ]
    line: list[Note] = []
    for note in notes:
        if not line or note.onset >= line[-1].end:
            line.append(note)
        elif note.onset - line[-1].onset <= TOGETHER:  # one stroke: the highest
            if note.pitch > line[-1].pitch:
                line[-1] = note
        elif line[-1].pitch - note.pitch < OCTAVE:
            held = line[-1]
            line[-1] = replace(held, duration=note.onset - held.onset)
            line.append(note)
    if len(line) < MOSTLY_ALONE * len(notes):
        line = _without_left_hand(line)
    programs = tuple((0, p) for other, p in piece.programs if other == channel)
    return replace(piece, notes=tuple(line), programs=programs)


def _without_left_hand(line):
    """Leaves out what is the highest voice only because the melody rests."""
    pitches = np.array([note.pitch for note in line])
    return [
        note
        for index, note in enumerate(line)
        if note.pitch
        > np.median(pitches[max(index - AROUND, 0) : index + AROUND + 1]) - LEFT_HAND
    ]


def _melody_channel(piece):
    channels = defaultdict(list)
    for note in piece.notes:
        channels[note.channel].append(note)
    return max(channels, key=lambda channel: _melodiousness(channels[channel]))


def _melodiousness(notes):
    """How much a channel looks like a melody, 0 or more."""
    alone, end = 0, -math.inf
    for note in notes:
        alone += note.onset > end - 0.1
        end = max(end, note.end)
    mean = sum(note.pitch for note in notes) / len(notes)
    register = min(max((mean - 42) / 20, 0.05), 1)
    counts = Counter(note.pitch for note in notes).values()
    variety = -sum(c / len(notes) * math.log2(c / len(notes)) for c in counts)
    return (alone / len(notes)) ** 2 * register * math.sqrt(len(notes)) * (1 + variety)


def quantize(piece: Piece) -> Piece:
    """Moves notes to where they were meant, on fourths, thirds or sixths of a quarter.

    Each quarter is given the grid that its notes are nearest to; the simpler wins
    unless the other is clearly better, or keeps notes apart. Ends are rounded to
    twelfths. Of notes of one channel and pitch on one step the longest stays.

    Args:
        piece: as it was played.

    Returns:
        The same piece on the grid.

    Example:
        >>> played = (Note(60, 0.02, 0.3), Note(62, 0.35, 0.3), Note(64, 0.65, 0.3))
        >>> [round(note.onset, 3) for note in quantize(Piece(played)).notes]
        [0.0, 0.333, 0.667]
    """
    quarters = defaultdict(list)
    for note in piece.notes:
        quarters[math.floor(note.onset)].append(note)
    moved: dict[tuple, Note] = {}
    for quarter, notes in quarters.items():
        grid = min(GRIDS, key=lambda grid: _grid_cost(grid, quarter, notes))
        for note in notes:
            onset = quarter * STEPS + _slot(note, quarter, grid) * STEPS // grid
            end = max(round(note.end * STEPS), onset + STEPS // 6)
            new = replace(note, onset=onset / STEPS, duration=(end - onset) / STEPS)
            key = (onset, note.pitch, note.channel)
            if key not in moved or moved[key].duration < new.duration:
                moved[key] = new
    return piece.with_notes(moved.values())


def _slot(note, quarter, grid):
    return round((note.onset - quarter) * grid)


def _grid_cost(grid, quarter, notes):
    slots = [_slot(note, quarter, grid) for note in notes]
    squares = sum(
        (note.onset - quarter - slot / grid) ** 2
        for note, slot in zip(notes, slots, strict=True)
    )
    played = {(note.channel, round(note.onset / TOGETHER)) for note in notes}
    kept = {(note.channel, slot) for note, slot in zip(notes, slots, strict=True)}
    return squares + GRIDS[grid] + COLLISION * max(len(played) - len(kept), 0)


def _close_gaps(notes):
    """Lets each note of a line last until the next, or until a rest on an eighth."""
    closed = []
    for index, note in enumerate(notes):
        following = notes[index + 1].onset if index + 1 < len(notes) else math.inf
        if following <= note.onset:
            continue  # two notes on one step of a line: the later, higher one stays
        end = math.ceil(round(note.end * 2, 3)) / 2
        end = following if following - note.end < GAP else min(end, following)
        closed.append(replace(note, duration=end - note.onset))
    return closed


def chords_of(piece: Piece) -> tuple[Chord, ...]:
    """The chords of a piece.

    Markers that are chord symbols are believed. Otherwise each bar, or each half of
    it where that is clearly better, gets the chord whose notes sound longest in it,
    with a bonus for the root in the bass. The melody of several voices counts less.

    Args:
        piece: with at least one note.

    Returns:
        Chords without gaps from 0 to the end of the last bar. Bars that repeat a chord
        are one longer chord, unless markers say otherwise.

    Example:
        >>> notes = [Note(pitch, 0.0, 4.0) for pitch in (50, 65, 69, 72)]
        >>> notes += [Note(pitch, 4.0, 4.0) for pitch in (43, 65, 71)]
        >>> [chord.symbol for chord in chords_of(Piece(tuple(notes)))]
        ['Dm7', 'G7']
    """
    end = max(piece.num_bars, 1) * piece.bar
    marked = _marked_chords(piece, end)
    if marked:
        return marked
    if not piece.notes:
        raise ValueError("`piece` must have notes. Received one without any.")
    halves = piece.num_bars * 2
    half = piece.bar / 2
    weights = np.zeros((halves, 12))
    lowest = np.full(halves, 128)
    singer = _melody_channel(piece)
    for note in piece.notes:
        voice = MELODY_WEIGHT if note.channel == singer else 1.0
        last = min(math.ceil(note.end / half), halves)
        for index in range(int(note.onset / half), last):
            start = index * half
            sounds = min(note.end, start + half) - max(note.onset, start)
            weights[index, note.pitch % 12] += sounds * voice
            # On the beat the bass has the root, later it walks.
            if note.onset < start + 0.25 < note.end:
                lowest[index] = min(lowest[index], note.pitch)
    found = []  # (symbol, number of halves)
    for index in range(0, halves, 2):
        pair = weights[index] + weights[index + 1]
        whole = _best_chord(pair, lowest[index])
        parts = [_best_chord(weights[i], lowest[i]) for i in (index, index + 1)]
        if all(parts) and sum(part[0] for part in parts) / 2 > whole[0] + SPLIT_BONUS:
            found += [(part[1], 1) for part in parts]
        else:
            found.append((whole[1] if whole else None, 2))
    first = next(symbol for symbol, _ in found if symbol)
    chords, time = [], 0.0
    for symbol, num in found:
        symbol = symbol or (chords[-1].symbol if chords else first)
        if chords and chords[-1].symbol == symbol:
            last = chords[-1]
            chords[-1] = replace(last, duration=last.duration + num * half)
        else:
            chords.append(Chord(symbol, time, num * half))
        time += num * half
    return tuple(chords)


def _marked_chords(piece, end):
    """Returns the chords that markers name, or nothing where they name parts."""
    named = []
    for onset, text in piece.markers:
        try:
            named.append(Chord(text, onset if named else 0.0, 1.0))
        except ValueError:
            return ()
    if all(len(chord.symbol) == 1 for chord in named):  # parts A, B, C
        return ()
    end = max(end, named[-1].onset + 1)
    stops = [*(chord.onset for chord in named[1:]), -(-end // piece.bar) * piece.bar]
    return tuple(
        replace(chord, duration=stop - chord.onset)
        for chord, stop in zip(named, stops, strict=True)
        if stop > chord.onset
    )


def _templates():
    """Returns the symbols of all chords and their templates `(num_chords, 12)`."""
    symbols, rows = [], []
    for quality, template in TEMPLATES.items():
        shape = np.zeros(12)
        shape[list(template)] = list(template.values())
        for root in range(12):
            symbols.append(spell(root, quality))
            rows.append(np.roll(shape, root) / np.linalg.norm(shape))
    return symbols, np.array(rows)


SYMBOLS, SHAPES = _templates()


def _best_chord(weights, lowest):
    """Returns how well the best chord explains the weights, and its symbol."""
    total = np.linalg.norm(weights)
    if not total:
        return ()
    scores = SHAPES @ weights / total
    scores[lowest % 12 :: 12] += BASS_BONUS if lowest < 128 else 0.0
    best = int(scores.argmax())
    return scores[best], SYMBOLS[best]
