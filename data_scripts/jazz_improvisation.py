"""Writes the embedded tunes as MIDI files, with or without a band."""

import re
from dataclasses import replace
from pathlib import Path

from dlai_keras import command_line, files
from dlai_keras.jazz_improvisation import data, improvisation, midi

HELP = """Writes the tunes that come with the package as MIDI files.

    runs/jazz_improvisation_data/01_kettle_blues.mid ...

Any program that reads MIDI plays them, and `--data` of the assignment reads them back:
the chord symbols are markers in the files."""

NUM_KEYS = 12


def generate(
    *,
    band: bool = True,
    keys: int = 1,
    swing: float = 0.5,
    seed: int = 0,
    output: Path = Path("runs/jazz_improvisation_data"),
) -> dict:
    """Writes a file a tune and key.

    The same arguments give the same bytes. Files of an earlier run are replaced.

    Args:
        band: with piano and bass; without, the melody alone.
        keys: in how many keys, 1 to 12: as written, then a semitone higher, a semitone
            lower, and so on.
        swing: where in a quarter its second eighth comes: 0.5 is straight, as a network
            should read it; 0.667 swings, to be listened to. Bossas and ballads stay
            straight.
        seed: of what the band plays.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/jazz_improvisation.py --swing 0.667 --output my_tunes
    """
    if not 1 <= keys <= NUM_KEYS:
        raise ValueError(f"`keys` must be from 1 to 12. Received: keys={keys}.")
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    if not 0.5 <= swing < 1:
        raise ValueError(
            f"`swing` must be from 0.5 to below 1. Received: swing={swing}."
        )
    pieces = {}
    for number, tune in enumerate(data.embedded_tunes(), 1):
        for semitones in _transpositions(keys):
            name = f"{number:02d}_{_slug(tune.name)}"
            if semitones:
                name += f"_{'up' if semitones > 0 else 'down'}{abs(semitones)}"
            pieces[f"{name}.mid"] = _play(
                tune.transposed(semitones) if semitones else tune,
                band,
                swing,
                (seed * 1000 + number),
            )
    files.refuse_others(output, pieces)
    output.mkdir(parents=True, exist_ok=True)
    for name, piece in command_line.progress(pieces.items(), "writing", len(pieces)):
        midi.write_midi(output / name, piece)
    return {
        "num_files": len(pieces),
        "num_notes": sum(len(piece.notes) for piece in pieces.values()),
        "output": output,
    }


def _play(tune, band, ratio, seed):
    piece = improvisation.arrange(
        tune.melody,
        tune.chords,
        style=tune.style,
        seed=seed,
        swing_ratio=ratio,
    )
    if band:
        return piece
    melody = [note for note in piece.notes if note.channel == improvisation.MELODY]
    return replace(piece, notes=tuple(melody), programs=piece.programs[:1])


def _transpositions(num):
    """Returns 0, 1, -1, 2, -2, ..., 6: so many of them."""
    return [(step + 1) // 2 * (1 if step % 2 else -1) for step in range(num)]


def _slug(name):
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def main():
    """Runs the script."""
    command_line.run(HELP, default="generate", generate=generate)


if __name__ == "__main__":
    main()
