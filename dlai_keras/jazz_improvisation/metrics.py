"""How a solo compares with the music that it was learned from, note by note."""

from collections.abc import Iterable, Sequence

import numpy as np

from dlai_keras.jazz_improvisation.chords import Chord, chord_at
from dlai_keras.jazz_improvisation.data import Tune, encode
from dlai_keras.jazz_improvisation.midi import Piece

MAJOR = (0, 2, 4, 5, 7, 9, 11)
COPIED = 8  # notes in a row that a listener would recognise
PHRASE = 4  # notes and rests


def pitch_class_histogram(
    piece: Piece, chords: Sequence[Chord] | None = None
) -> np.ndarray:
    """Share of the sounding time that each of the twelve pitch classes has.

    Args:
        piece: with at least one note.
        chords: sorted; then classes are counted from the root of the chord at the
            middle of each note, so that pieces in different keys compare.

    Returns:
        float64 `(12,)`, of sum 1; the first is C, or the root.

    Raises:
        ValueError: there is no note.

    Example:
        >>> from dlai_keras.jazz_improvisation.midi import Note
        >>> piece = Piece((Note(60, 0.0, 3.0), Note(64, 3.0, 1.0)))
        >>> pitch_class_histogram(piece)[:5]
        array([0.75, 0.  , 0.  , 0.  , 0.25])
    """
    _check_notes(piece)
    counts = np.zeros(12)
    for note in piece.notes:
        root = 0
        if chords is not None:
            root = chord_at(chords, note.onset + note.duration / 2).root
        counts[(note.pitch - root) % 12] += note.duration
    return counts / counts.sum()


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Half the sum of absolute differences of two distributions: 0 equal, 1 disjoint.

    Args:
        p: shares `(n,)`, of sum 1.
        q: shares `(n,)`, of sum 1.

    Example:
        >>> total_variation(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
        0.5
    """
    p, q = _check_distributions(p, q)
    return float(np.abs(p - q).sum() / 2)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint.

    The mean Kullback-Leibler divergence of the two from their mean.

    Args:
        p: shares `(n,)`, of sum 1.
        q: shares `(n,)`, of sum 1.

    Example:
        >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        1.0

    Reference:
        - Lin, 1991, "Divergence measures based on the Shannon entropy", IEEE
          Transactions on Information Theory, eq. 3.1.
    """
    p, q = _check_distributions(p, q)
    middle = (p + q) / 2

    def divergence(a):
        seen = a > 0
        return float((a[seen] * np.log2(a[seen] / middle[seen])).sum())

    return min(max((divergence(p) + divergence(q)) / 2, 0.0), 1.0)


def repetition(tokens: Sequence[int], n: int = PHRASE) -> float:
    """Share of the n-grams that occurred before in the same sequence.

    Args:
        tokens: whole numbers or texts `(num_tokens,)`.
        n: length of the n-grams.

    Returns:
        From 0 (nothing comes twice) to below 1; 0 where there are no n-grams.

    Example:
        >>> repetition("abcabcabc", 3)
        0.5714285714285714
    """
    grams = _ngrams(tokens, n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def novelty(
    tokens: Sequence[int], corpus: Iterable[Sequence[int]], n: int = PHRASE
) -> float:
    """Share of the n-grams that the corpus does not have.

    Args:
        tokens: whole numbers or texts `(num_tokens,)`.
        corpus: sequences of the same kind.
        n: length of the n-grams.

    Returns:
        From 0 (all copied) to 1; 0 where there are no n-grams.

    Example:
        >>> novelty("abcd", ["xabc", "cd"], 2), novelty("abcd", ["xabc", "cd"], 3)
        (0.0, 0.5)
    """
    grams = _ngrams(tokens, n)
    known = {gram for sequence in corpus for gram in _ngrams(sequence, n)}
    return sum(gram not in known for gram in grams) / len(grams) if grams else 0.0


def longest_copy(tokens: Sequence[int], corpus: Iterable[Sequence[int]]) -> int:
    """Most tokens in a row that one sequence of the corpus has in the same order.

    Args:
        tokens: whole numbers or texts `(num_tokens,)`.
        corpus: sequences of the same kind.

    Example:
        >>> longest_copy("abcde", ["xbcdx", "ab"])
        3
    """
    tokens = np.array(list(tokens))
    best = 0
    for sequence in corpus:
        # run[j]: length of the run that ends at token j and at this one.
        run = np.zeros(len(tokens) + 1, int)
        for token in sequence:
            run[1:] = np.where(tokens == token, run[:-1] + 1, 0)
            best = max(best, int(run.max()))
    return best


def empty_bars(piece: Piece, num_bars: int | None = None) -> float:
    """Share of the bars in which no note sounds.

    Args:
        piece: may be without notes.
        num_bars: how many there are; by default up to the last note's end.

    Example:
        >>> from dlai_keras.jazz_improvisation.midi import Note
        >>> empty_bars(Piece((Note(60, 0.0, 1.0),)), 4)
        0.75
    """
    num_bars = piece.num_bars if num_bars is None else num_bars
    if num_bars < 1:
        raise ValueError(
            "`num_bars` must be 1 or more; a piece without notes has none of its own. "
            f"Received: num_bars={num_bars}."
        )
    sounding = set()
    for note in piece.notes:
        first, last = note.onset / piece.bar, note.end / piece.bar
        sounding.update(range(int(first + 1e-6), int(np.ceil(last - 1e-6))))
    return 1 - len(sounding & set(range(num_bars))) / num_bars


def notes_per_bar(piece: Piece, num_bars: int | None = None) -> float:
    """How many notes a bar has in the mean.

    Args:
        piece: may be without notes.
        num_bars: how many there are; by default up to the last note's end.
    """
    num_bars = piece.num_bars if num_bars is None else num_bars
    if num_bars < 1:
        raise ValueError(
            "`num_bars` must be 1 or more; a piece without notes has none of its own. "
            f"Received: num_bars={num_bars}."
        )
    return len(piece.notes) / num_bars


def pitch_range(piece: Piece) -> int:
    """Semitones from the lowest to the highest note.

    Raises:
        ValueError: there is no note.
    """
    _check_notes(piece)
    pitches = [note.pitch for note in piece.notes]
    return max(pitches) - min(pitches)


def scale_consistency(piece: Piece, chords: Sequence[Chord] | None = None) -> float:
    """Share of the notes that lie in the scale.

    Args:
        piece: with at least one note.
        chords: sorted; then each note is asked for the scale of the chord at its
            middle. Without them it is the one major scale that holds most notes.

    Returns:
        From 0 to 1. Without chords random notes have 0.58 and a little more.

    Raises:
        ValueError: there is no note.

    Example:
        >>> from dlai_keras.jazz_improvisation.midi import Note
        >>> piece = Piece(tuple(Note(p, float(i), 1.0) for i, p in enumerate((60, 61))))
        >>> scale_consistency(piece), scale_consistency(piece, [Chord("C")])
        (1.0, 0.5)

    Reference:
        - Mogren, 2016, "C-RNN-GAN: continuous recurrent neural networks with
          adversarial training", arXiv:1611.09904, section 4 (without chords).
    """
    _check_notes(piece)
    if chords is not None:
        kinds = [
            chord_at(chords, note.onset + note.duration / 2).kind(note.pitch)
            for note in piece.notes
        ]
        return 1 - kinds.count("X") / len(kinds)
    counts = np.bincount([note.pitch % 12 for note in piece.notes], minlength=12)
    in_scales = [np.roll(counts, -key)[list(MAJOR)].sum() for key in range(12)]
    return float(max(in_scales) / counts.sum())


def improvisation_report(
    melody: Piece, chords: Sequence[Chord], tunes: Sequence[Tune]
) -> dict:
    """A solo in figures, beside the tunes that it was learned from.

    Args:
        melody: one note at a time.
        chords: that it is played over.
        tunes: the corpus.

    Returns:
        - `pitch_class_distance`, `pitch_class_divergence`: total variation and
          Jensen-Shannon divergence (bits) between its pitch classes, counted from the
          chords' roots, and those of the corpus.
        - `repetition`: share of its phrases of four values that come again.
        - `novelty`: share of its phrases of eight values that the corpus lacks.
        - `longest_copy`: values in a row that a tune of the corpus has.
        - `empty_bars`, `notes_per_bar`, `pitch_range`, `scale_consistency`, each also
          as `corpus_...`, the mean over the tunes, and `corpus_repetition`.
    """
    _check_notes(melody)
    num_bars = max(round(chords[-1].end / melody.bar), 1)
    solo = Tune(melody, tuple(chords))
    corpus = encode([*tunes, solo])
    *known, tokens = corpus.sequences()
    weights = [sum(note.duration for note in tune.melody.notes) for tune in tunes]
    expected = np.average(
        [pitch_class_histogram(tune.melody, tune.chords) for tune in tunes],
        axis=0,
        weights=weights,
    )
    found = pitch_class_histogram(melody, chords)

    def mean(figure):
        return float(np.mean([figure(tune) for tune in tunes]))

    return {
        "pitch_class_distance": total_variation(found, expected),
        "pitch_class_divergence": jensen_shannon(found, expected),
        "repetition": repetition(tokens),
        "corpus_repetition": float(np.mean([repetition(part) for part in known])),
        "novelty": novelty(tokens, known, COPIED),
        "longest_copy": longest_copy(tokens, known),
        "empty_bars": empty_bars(melody, num_bars),
        "corpus_empty_bars": mean(lambda tune: empty_bars(tune.melody)),
        "notes_per_bar": notes_per_bar(melody, num_bars),
        "corpus_notes_per_bar": mean(lambda tune: notes_per_bar(tune.melody)),
        "pitch_range": pitch_range(melody),
        "corpus_pitch_range": mean(lambda tune: pitch_range(tune.melody)),
        "scale_consistency": scale_consistency(melody, chords),
        "corpus_scale_consistency": mean(
            lambda tune: scale_consistency(tune.melody, tune.chords)
        ),
    }


def _ngrams(tokens, n):
    if n < 1:
        raise ValueError(f"`n` must be 1 or more. Received: n={n}.")
    tokens = tokens.tolist() if isinstance(tokens, np.ndarray) else list(tokens)
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))


def _check_notes(piece):
    if not piece.notes:
        raise ValueError("`piece` must have notes. Received one without any.")


def _check_distributions(p, q):
    p, q = np.asarray(p, "float64"), np.asarray(q, "float64")
    if p.shape != q.shape or p.ndim != 1:
        raise ValueError(
            "Two distributions must have the same length. Received: shapes "
            f"{p.shape} and {q.shape}."
        )
    for one in (p, q):
        if (one < 0).any() or not np.isclose(one.sum(), 1):
            raise ValueError(
                "A distribution must be of shares, of sum 1. Received the sum "
                f"{one.sum():.6g} and the least share {one.min():.6g}."
            )
    return p, q
