"""What a musician wants to see of a piece: its notes over the chords, bar by bar."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import charts
from dlai_keras.jazz_improvisation import midi
from dlai_keras.jazz_improvisation.chords import Chord

BLACK_KEYS = (1, 3, 6, 8, 10)
TINT = "#fdf0d5"  # under the tones of a chord
PLAYERS = ("melody", "chords", "bass")  # of `improvisation.arrange`, by channel
COLORS = (charts.POSITIVE, charts.NEGATIVE, "#c98a1b", "#5b8c5a", charts.MUTED)
PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
DEGREES = ("1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7")
MOST_ROWS = 24  # of 8 bars; a longer piece gets longer rows


def draw_piano_roll(
    path: str | Path,
    piece: midi.Piece,
    chords: Sequence[Chord] | None = None,
    *,
    title: str | None = None,
) -> None:
    """Notes as bars over time, in rows of eight bars like a lead sheet.

    Under each chord symbol the pitches of the chord are tinted, so that one sees what a
    note is to its chord. Louder notes are darker. Black keys are shaded.

    Args:
        path: PNG to write.
        piece: at least one note; percussion is left out.
        chords: without them the piece's markers are written above the notes.
        title: stands above; the piece's name by default.

    Raises:
        ValueError: the piece has no notes.

    Example:
        >>> import tempfile
        >>> piece = midi.Piece((midi.Note(60, 0.0, 1.0), midi.Note(64, 1.0, 3.0)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw_piano_roll(Path(folder) / "roll.png", piece)
    """
    from matplotlib.figure import Figure  # no global state, no window

    notes = [note for note in piece.notes if note.channel != midi.PERCUSSION]
    if not notes:
        raise ValueError("`piece` must have notes with a pitch. Received none.")
    num_bars = max(1, int(np.ceil(max(note.end for note in notes) / piece.bar - 1e-6)))
    bars_a_row = 8
    while -(-num_bars // bars_a_row) > MOST_ROWS:
        bars_a_row *= 2
    rows = -(-num_bars // bars_a_row)
    pitches = [note.pitch for note in notes]
    low, high = min(pitches) - 2, max(pitches) + 2
    height = float(np.clip(0.075 * (high - low), 1.5, 4.0))
    figure = Figure(figsize=(13, (height + 0.35) * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    channels = sorted({note.channel for note in notes})
    for row, axis in enumerate(axes):
        first = row * bars_a_row * piece.bar
        last = first + min(bars_a_row, num_bars) * piece.bar
        _draw_paper(axis, piece, first, last, low, high)
        if chords is not None:
            _draw_chords(axis, chords, first, last, low, high)
        else:
            for onset, text in piece.markers:
                if first <= onset < last:
                    _write_symbol(axis, onset, high, text)
        _draw_notes(axis, notes, channels, first, last)
    if len(channels) > 1:
        _draw_legend(figure, channels)
    title = piece.name if title is None else title
    tempo = f"{piece.tempo:.0f} quarters a minute"
    figure.suptitle(
        f"{title}   {tempo}" if title else tempo, fontsize=10, x=0.02, ha="left"
    )
    charts.save_figure(figure, path)


def draw_pitch_classes(
    path: str | Path,
    histograms: Mapping[str, Sequence[float]],
    *,
    to_the_root: bool = False,
    title: str = "",
) -> None:
    """How often each of the twelve pitch classes is played, side by side.

    Args:
        path: PNG to write.
        histograms: name, such as corpus, -> twelve shares.
        to_the_root: whether they count from the root of the chord, else from C.
        title: stands above.
    """
    figure, axes = charts.new_figure(1, 3.0)
    width = 0.8 / len(histograms)
    for number, (name, shares) in enumerate(histograms.items()):
        places = np.arange(12) + (number + 0.5) * width - 0.4
        color = COLORS[number % len(COLORS)]
        axes[0].bar(places, shares, width, color=color, label=name)
    axes[0].set_xticks(range(12), DEGREES if to_the_root else PITCH_CLASSES)
    axes[0].set_xlabel("degree of the chord" if to_the_root else "pitch class")
    axes[0].set_ylabel("share of the time")
    axes[0].set_title(title, fontsize=10, loc="left")
    axes[0].legend(frameon=False)
    charts.save_figure(figure, path)


def _draw_paper(axis, piece, first, last, low, high):
    """Keys, bars and beats."""
    pitches = np.arange(low, high + 1)
    black = pitches[np.isin(pitches % 12, BLACK_KEYS)]
    _draw_boxes(axis, black, first, last, colors="#f3f3f3", zorder=0)
    # The line between B and C, as on a keyboard.
    axis.hlines(pitches[pitches % 12 == 0] - 0.5, first, last, "#cccccc", lw=0.6)
    beat = 4 / piece.meter[1]
    numbers = np.arange(round((last - first) / beat) + 1)
    is_bar = numbers % piece.meter[0] == 0
    for which, color, width in ((~is_bar, "#d8d8d8", 0.5), (is_bar, charts.INK, 0.8)):
        places = first + numbers[which] * beat
        axis.vlines(places, low - 0.5, high + 0.5, color, lw=width, zorder=1)
    named = [0] if high - low > 26 else [0, 5, 7]
    ticks = pitches[np.isin(pitches % 12, named)]
    names = [f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}" for pitch in ticks]
    axis.set_yticks(ticks, names, fontsize=7)
    bars = np.arange(first, last, piece.bar)
    axis.set_xticks(bars, [f"{bar / piece.bar + 1:.0f}" for bar in bars], fontsize=7)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlim(first, last)
    axis.set_ylim(low - 0.5, high + 0.5)


def _draw_chords(axis, chords, first, last, low, high):
    pitches = np.arange(low, high + 1)
    before = None
    for chord in chords:
        if chord.end <= first + 1e-6 or chord.onset >= last - 1e-6:
            continue
        start, end = max(chord.onset, first), min(chord.end, last)
        tones = pitches[np.isin(pitches % 12, chord.tones)]
        _draw_boxes(axis, tones, start, end, colors=TINT, zorder=0.5)
        # Held over several bars a chord is named once a row.
        if chord.symbol != before:
            _write_symbol(axis, start, high, chord.symbol)
        before = chord.symbol


def _write_symbol(axis, onset, high, text):
    # A dollar sign would begin a formula.
    text = text.replace("$", r"\$")
    axis.text(onset, high + 0.8, text, fontsize=9, va="bottom", clip_on=False)


def _draw_notes(axis, notes, channels, first, last):
    from matplotlib.colors import to_rgb

    for number, channel in enumerate(channels):
        own = [
            note
            for note in notes
            if note.channel == channel and note.onset < last and note.end > first
        ]
        strengths = [0.35 + 0.65 * note.velocity / 127 for note in own]
        _draw_boxes(
            axis,
            [note.pitch for note in own],
            [max(note.onset, first) for note in own],
            [min(note.end, last) for note in own],
            colors=[(*to_rgb(_color(number)), strength) for strength in strengths],
            edgecolors="white",
            linewidths=0.4,
            height=0.9,
            zorder=3 - number / 100,
        )


def _draw_boxes(axis, pitches, starts, ends, *, colors, height=1.0, **options):
    """A box for each pitch, as one collection: a thousand patches are slow."""
    from matplotlib.collections import PolyCollection

    pitches, starts, ends = np.broadcast_arrays(
        *(np.asarray(values, "float64") for values in (pitches, starts, ends))
    )
    low, high = pitches - height / 2, pitches + height / 2
    corners = (starts, low), (ends, low), (ends, high), (starts, high)
    boxes = np.array(corners).transpose(2, 0, 1)  # (num_boxes, 4 corners, 2)
    options = {"edgecolors": "none", **options}
    axis.add_collection(
        PolyCollection(boxes, facecolors=colors, **options), autolim=False
    )


def _draw_legend(figure, channels):
    from matplotlib.patches import Patch

    known = set(channels) <= set(range(len(PLAYERS)))
    names = [PLAYERS[c] if known else f"channel {c + 1}" for c in channels]
    patches = [
        Patch(color=_color(number), label=name) for number, name in enumerate(names)
    ]
    figure.legend(
        handles=patches, loc="outside upper right", ncols=8, frameon=False, fontsize=8
    )


def _color(number):
    return COLORS[number % len(COLORS)]
