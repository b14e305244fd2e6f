"""A trained network with the values that it plays: chords in, a piece out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from dlai_keras import networks
from dlai_keras.jazz_improvisation import improvisation
from dlai_keras.jazz_improvisation.chords import Chord, loop_chords, parse_chords
from dlai_keras.jazz_improvisation.data import decode, duration_of
from dlai_keras.jazz_improvisation.midi import Piece
from dlai_keras.jazz_improvisation.model import START, generate

SETTINGS_FILE = "improviser.json"
PRETRAINED = Path(__file__).parent / "weights"
STEPS_AT_A_TIME = 128  # few different lengths, few compilations
LONGEST = 512  # bars


@dataclass(frozen=True)
class Improviser:
    """Plays over any chords what it has learned from tunes.

    Attributes:
        network: as `model.music_model` builds it.
        values: what its numbers stand for, as in `data.Corpus`.
        notes: what else was saved with it, such as the seed.
    """

    network: keras.Model
    values: tuple[str, ...]
    notes: dict = field(default_factory=dict)

    def draw_values(
        self,
        duration: float,
        *,
        num: int = 1,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prime: Sequence[str] = (),
    ) -> list[list[str]]:
        """What the network writes: values that last as long as asked for, or longer.

        Args:
            duration: quarters.
            num: how many melodies, drawn together.
            seed: for the same values again, on the same backend.
            temperature: below 1 the probable becomes more probable, above 1 less.
            top_k: draw from this many values at most.
            top_p: draw from the fewest values of this probability together.
            prime: values to go on from.

        Returns:
            A list of values for each melody.

        Raises:
            ValueError: an argument is out of its range, or `prime` holds values that
                the network does not know.
        """
        if not duration > 0:
            raise ValueError(f"`duration` must be above 0. Received: {duration}.")
        unknown = [value for value in prime if value not in self.values]
        if unknown:
            raise ValueError(
                f"`prime` must hold values that the network knows. Received: {unknown}."
                " Encode the tune with `data.encode(tunes, improviser.values)`."
            )
        lasting = np.array([duration_of(value) for value in self.values])
        # Enough even if all values are of the shortest.
        num_steps = int(np.ceil(duration / lasting.min()))
        num_steps = -(-num_steps // STEPS_AT_A_TIME) * STEPS_AT_A_TIME
        ids = {value: number for number, value in enumerate(self.values)}
        drawn = generate(
            self.network,
            num_steps,
            seed=seed,
            num_sequences=num,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            prime=[ids[value] for value in prime],
        )
        found = []
        for row in drawn:
            needed = np.searchsorted(np.cumsum(lasting[row]), duration - 1e-6) + 1
            found.append([self.values[number] for number in row[:needed]])
        return found

    def solos(
        self,
        chords: str | Sequence[Chord],
        *,
        bars: int | None = None,
        num: int = 1,
        meter: tuple[int, int] = (4, 4),
        polished: bool = True,
        **options,
    ) -> list[Piece]:
        """Melodies over chords.

        Args:
            chords: a progression such as `Dm7 G7 | Cmaj7 | %`, or `Chord`s. It is
                played again and again.
            bars: how many; by default the progression once.
            num: how many melodies.
            meter: beats of a bar, and which note is a beat.
            polished: whether `improvisation.polish` goes over them.
            **options: of `draw_values`.

        Returns:
            Pieces of one voice.

        Raises:
            ValueError: an argument is out of its range.
        """
        chords = self.chords(chords, bars=bars, meter=meter)
        written = self.draw_values(chords[-1].end, num=num, **options)
        found = [decode(values, chords, meter=meter) for values in written]
        if polished:
            found = [improvisation.polish(melody, chords) for melody in found]
        return found

    def improvise(
        self,
        chords: str | Sequence[Chord],
        *,
        bars: int | None = None,
        tempo: float = 150.0,
        meter: tuple[int, int] = (4, 4),
        style: str = "swing",
        swing_ratio: float = 2 / 3,
        seed: int = 0,
        name: str = "",
        **options,
    ) -> Piece:
        """A piece: a melody over chords, with somebody at the piano and at the bass.

        Args:
            chords: a progression such as `Dm7 G7 | Cmaj7 | %`, or `Chord`s.
            bars: how many; by default the progression once.
            tempo: quarters a minute.
            meter: beats of a bar, and which note is a beat.
            style: of the accompaniment, as of `improvisation.accompany`.
            swing_ratio: share of a quarter that the first of two eighths gets; 1/2 is
                even.
            seed: of all that is drawn.
            name: of the piece.
            **options: of `draw_values`: `temperature, top_k, top_p, prime`.

        Returns:
            The piece, its chord symbols as markers.

        Raises:
            ValueError: an argument is out of its range, or the melody is all rests.
        """
        chords = self.chords(chords, bars=bars, meter=meter)
        (melody,) = self.solos(chords, meter=meter, seed=seed, **options)
        return improvisation.arrange(
            melody,
            chords,
            tempo=tempo,
            name=name,
            style=style,
            seed=seed,
            swing_ratio=swing_ratio,
        )

    @staticmethod
    def chords(
        chords: str | Sequence[Chord],
        *,
        bars: int | None = None,
        meter: tuple[int, int] = (4, 4),
    ) -> tuple[Chord, ...]:
        """A progression, read if it is text, and as long as asked for.

        Args:
            chords: as of `improvise`.
            bars: how many, 512 at most.
            meter: beats of a bar, and which note is a beat.

        Raises:
            ValueError: there is no chord, or `bars` is out of its range.

        Example:
            >>> len(Improviser.chords("Dm7 G7 | Cmaj7", bars=4))
            6
        """
        bar = meter[0] * 4 / meter[1]
        if isinstance(chords, str):
            chords = parse_chords(chords, bar=bar)
        if bars is None:
            return loop_chords(chords, chords[-1].end if chords else 1)
        if not 1 <= bars <= LONGEST:
            raise ValueError(
                f"`bars` must be from 1 to {LONGEST}. Received: bars={bars}."
            )
        return loop_chords(chords, bars * bar)

    def log_probs(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """How probable the network finds given tokens.

        Args:
            sequences: of ids, as `data.Corpus.sequences` gives them.

        Returns:
            float32 `(num_tokens,)`: of each token after those before it, in nats, one
            sequence after the other.
        """
        found = [np.zeros(0, "float32")]
        for sequence in sequences:
            sequence = np.asarray(sequence)
            if not len(sequence):
                continue
            # Few different shapes, few compilations; what comes later changes nothing.
            given = np.full((1, -(-len(sequence) // 64) * 64), START, "int32")
            given[0, 1 : len(sequence)] = sequence[:-1]
            logits = self.network.predict_on_batch(given)[0, : len(sequence)]
            logits = logits - logits.max(axis=-1, keepdims=True)  # (length, num_values)
            total = np.log(np.exp(logits).sum(axis=-1))
            found.append(logits[np.arange(len(sequence)), sequence] - total)
        return np.concatenate(found)

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `improviser.json`.

        Args:
            folder: made if it is missing.
            half: whether the weights are written in half precision.
        """
        record = {"values": list(self.values), **self.notes}
        networks.save(folder, self.network, SETTINGS_FILE, record, half=half)


def load_improviser(path: Path) -> Improviser:
    """Reads a trained improviser.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        values = tuple(notes.pop("values"))
        lasting = [duration_of(value) for value in values]
        if not lasting or min(lasting) <= 0:
            raise ValueError(values)
        return values, notes

    network, (values, notes) = networks.load(
        path, SETTINGS_FILE, parse, "a list of the values that the network plays"
    )
    return Improviser(network, values, notes)


def load_pretrained() -> Improviser:
    """The improviser that comes with the package, trained on the embedded tunes."""
    return load_improviser(PRETRAINED)
