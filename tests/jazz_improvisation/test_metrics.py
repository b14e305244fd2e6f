"""Figures of solos, each beside its definition or an independent library."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from dlai_keras.jazz_improvisation import data, metrics
from dlai_keras.jazz_improvisation.chords import Chord, parse_chords
from dlai_keras.jazz_improvisation.data import Tune
from dlai_keras.jazz_improvisation.midi import Note, Piece


@pytest.fixture(scope="module")
def tunes():
    return data.embedded_tunes()


def scale(*pitches, duration=1.0):
    return Piece(
        tuple(
            Note(pitch, index * duration, duration)
            for index, pitch in enumerate(pitches)
        )
    )


def distributions(seed, n=12):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(n, 0.3)), rng.dirichlet(np.full(n, 0.3))
    p[0] = 0  # an empty class is common
    return p / p.sum(), q


def test_a_histogram_counts_time():
    piece = Piece((Note(60, 0.0, 2.0), Note(72, 2.0, 1.0), Note(67, 3.0, 1.0)))
    expected = np.zeros(12)
    expected[[0, 7]] = 0.75, 0.25
    np.testing.assert_allclose(metrics.pitch_class_histogram(piece), expected)


def test_from_the_roots_keys_do_not_matter(tunes):
    for tune in tunes[:3]:
        one = metrics.pitch_class_histogram(tune.melody, tune.chords)
        moved = tune.transposed(5)
        other = metrics.pitch_class_histogram(moved.melody, moved.chords)
        np.testing.assert_allclose(one, other)
        assert one.sum() == pytest.approx(1)
        plain = metrics.pitch_class_histogram(moved.melody)
        original = metrics.pitch_class_histogram(tune.melody)
        np.testing.assert_allclose(plain, np.roll(original, 5))


@pytest.mark.parametrize("seed", range(5))
def test_jensen_shannon_is_scipys(seed):
    p, q = distributions(seed)
    expected = jensenshannon(p, q, base=2) ** 2  # SciPy returns the root
    assert metrics.jensen_shannon(p, q) == pytest.approx(expected, abs=1e-12)
    assert metrics.jensen_shannon(p, p) == 0


@pytest.mark.parametrize("seed", range(5))
def test_total_variation_is_the_largest_difference_of_an_event(seed):
    p, q = distributions(seed, 6)
    events = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1)
    expected = np.abs((p - q) @ events).max()
    assert metrics.total_variation(p, q) == pytest.approx(expected)
    assert metrics.total_variation(p, p) == 0


@pytest.mark.parametrize("distance", [metrics.total_variation, metrics.jensen_shannon])
def test_what_is_no_distribution_is_refused(distance):
    with pytest.raises(ValueError, match="sum 1"):
        distance(np.array([0.5, 0.6]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="sum 1"):
        distance(np.array([1.5, -0.5]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="same length"):
        distance(np.array([1.0]), np.array([0.5, 0.5]))


def naive_repetition(tokens, n):
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return sum(gram in grams[:i] for i, gram in enumerate(grams)) / len(grams)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_repetition_is_its_definition(n):
    rng = np.random.default_rng(n)
    tokens = rng.integers(0, 3, 60)
    assert metrics.repetition(tokens, n) == pytest.approx(naive_repetition(tokens, n))
    assert metrics.repetition(range(60), n) == 0
    assert metrics.repetition([1] * 61, n) == pytest.approx(1 - 1 / (62 - n))


def test_short_sequences_repeat_nothing():
    assert metrics.repetition([1, 1], 4) == 0
    assert metrics.novelty([1, 1], [[1, 1]], 4) == 0
    with pytest.raises(ValueError, match="`n` must be 1 or more"):
        metrics.repetition([1, 1], 0)


def test_novelty_does_not_join_sequences_of_the_corpus():
    assert metrics.novelty([1, 2, 3, 4], [[1, 2], [3, 4]], 2) == pytest.approx(1 / 3)
    assert metrics.novelty([1, 2], [[1, 2, 3]], 2) == 0
    assert metrics.novelty([3, 2], [[1, 2, 3]], 2) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_longest_copy_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    tokens, corpus = rng.integers(0, 4, 40), rng.integers(0, 4, (3, 50))
    texts = ["".join(map(str, row)) for row in corpus]
    expected = max(
        stop - start
        for start in range(40)
        for stop in range(start, 41)
        if any("".join(map(str, tokens[start:stop])) in text for text in texts)
    )
    assert metrics.longest_copy(tokens, corpus) == expected
    assert metrics.longest_copy(tokens, [tokens]) == 40
    assert metrics.longest_copy(tokens, [tokens + 10]) == 0


def test_bars_are_empty_where_nothing_sounds():
    notes = (Note(60, 0.0, 1.0), Note(60, 7.5, 1.0), Note(60, 16.0, 4.0))
    assert metrics.empty_bars(Piece(notes)) == pytest.approx(1 / 5)
    assert metrics.empty_bars(Piece(notes), 10) == pytest.approx(6 / 10)
    assert metrics.empty_bars(Piece(notes), 1) == 0
    # A note held over a bar line sounds in both; one that ends there does not.
    held = Piece((Note(60, 0.0, 4.0), Note(60, 6.0, 3.0)))
    assert metrics.empty_bars(held, 3) == 0
    assert metrics.empty_bars(Piece((Note(60, 0.0, 4.0),)), 2) == 0.5
    assert metrics.empty_bars(Piece(()), 4) == 1
    assert metrics.empty_bars(Piece(notes, meter=(3, 4)), 7) == pytest.approx(3 / 7)
    with pytest.raises(ValueError, match="`num_bars`"):
        metrics.empty_bars(Piece(()))


def test_range_and_density():
    piece = scale(60, 75, 62, 70, 61)
    assert metrics.pitch_range(piece) == 15
    assert metrics.notes_per_bar(piece) == 2.5
    assert metrics.notes_per_bar(piece, 5) == 1
    with pytest.raises(ValueError, match="`num_bars`"):
        metrics.notes_per_bar(Piece(()))


def test_scale_consistency_is_one_in_any_major_key_and_falls_outside():
    for key in range(12):
        piece = scale(*(60 + key + step for step in metrics.MAJOR))
        assert metrics.scale_consistency(piece) == 1
    assert metrics.scale_consistency(scale(*range(60, 72))) == pytest.approx(7 / 12)
    piece = scale(60, 61, 62, 63)
    chords = parse_chords("Cm7 C#m7", bar=4.0)
    assert metrics.scale_consistency(piece, chords) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "figure",
    [metrics.pitch_class_histogram, metrics.pitch_range, metrics.scale_consistency],
)
def test_figures_of_nothing_are_refused(figure):
    with pytest.raises(ValueError, match="`piece` must have notes"):
        figure(Piece(()))


def test_a_report_of_a_tune_that_is_known_and_of_one_that_is_not(tunes):
    tune, others = tunes[0], tunes[1:]
    known = metrics.improvisation_report(tune.melody, tune.chords, tunes)
    assert known["novelty"] == 0
    assert known["longest_copy"] == len(data.values_of(tune))
    fresh = metrics.improvisation_report(tune.melody, tune.chords, others)
    assert fresh["novelty"] > 0.9 and fresh["longest_copy"] < 20
    assert fresh["pitch_class_distance"] < 0.25
    assert fresh["pitch_class_divergence"] < 0.1
    assert fresh["empty_bars"] == 0
    assert fresh["notes_per_bar"] == len(tune.melody.notes) / 24
    assert all(np.isfinite(value) for value in fresh.values())


def test_random_notes_are_told_from_tunes(tunes):
    """What the figures are for: noise is far from the corpus, tunes are near."""
    rng = np.random.default_rng(0)
    tune, others = tunes[4], tunes[:4]
    noise = tune.melody.with_notes(
        Note(int(rng.integers(55, 85)), note.onset, note.duration)
        for note in tune.melody.notes
    )
    one = metrics.improvisation_report(tune.melody, tune.chords, others)
    other = metrics.improvisation_report(noise, tune.chords, others)
    for name in ("pitch_class_distance", "pitch_class_divergence"):
        assert other[name] > 1.5 * one[name]
    assert other["scale_consistency"] < 0.8 < one["scale_consistency"]


def test_the_corpus_is_weighted_by_what_sounds():
    """Two tunes: the longer counts more."""
    chord = (Chord("C", 0.0, 8.0),)
    short = Tune(scale(60), chord)
    long = Tune(scale(64, 64, 64), chord)
    report = metrics.improvisation_report(scale(64), chord, [short, long])
    assert report["pitch_class_distance"] == pytest.approx(0.25)
