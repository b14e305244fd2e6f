"""A network with its values: chords in, pieces out."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.jazz_improvisation import data, improvisation, improviser, model
from dlai_keras.jazz_improvisation.chords import parse_chords

CHORDS = "Dm7 | G7 | Cmaj7 | %"


@pytest.fixture(scope="module")
def untrained():
    keras.utils.set_random_seed(0)
    values = data.encode(data.embedded_tunes()[:2]).values
    network = model.music_model(len(values), units=8)
    return improviser.Improviser(network, values, {"seed": 3})


def test_values_last_as_long_as_asked_for_and_no_longer_than_needed(untrained):
    for duration in (0.25, 7.0, 16.0):
        for values in untrained.draw_values(duration, num=3):
            lasting = [data.duration_of(value) for value in values]
            assert sum(lasting) >= duration - 1e-6 > sum(lasting[:-1]) - 1e-5
            assert set(values) <= set(untrained.values)


def test_a_solo_keeps_to_its_chords(untrained):
    """Values that are notes of the chord become notes of the chord, in any key."""
    values = ("C,1", "C,1/2,+3", "C,1/2,-2", "C,1,+0")
    network = model.music_model(len(values), units=4)
    player = improviser.Improviser(network, values)
    chords = parse_chords("Ebm7 | Ab7 | Dbmaj7 | Gbmaj7", bar=4.0)
    for melody in player.solos(chords, num=2, polished=False, temperature=2.0):
        assert melody.duration == 16.0
        for note in melody.notes:
            chord = chords[int(note.onset // 4)]
            middle = note.onset + note.duration / 2
            chord = chords[min(int(middle // 4), 3)]
            assert note.pitch % 12 in chord.tones


def test_solos_are_polished_melodies_of_one_voice(untrained):
    for melody in untrained.solos(CHORDS, bars=8, num=3, seed=2):
        assert 0 < melody.duration <= 32
        chords = untrained.chords(CHORDS, bars=8)
        assert improvisation.polish(melody, chords).notes == melody.notes
        for one, following in zip(melody.notes, melody.notes[1:], strict=False):
            assert one.end <= following.onset + 1e-6


def test_a_piece_has_melody_chords_and_bass_over_all_bars(untrained):
    piece = untrained.improvise(
        CHORDS, bars=6, tempo=96, seed=4, name="six", temperature=0.8, top_p=0.9
    )
    assert (piece.tempo, piece.name, piece.num_bars) == (96, "six", 6)
    assert piece.channels == (0, 1, 2)
    symbols = [text for _, text in piece.markers]
    assert symbols == ["Dm7", "G7", "Cmaj7", "Cmaj7", "Dm7", "G7"]
    solo = untrained.solos(CHORDS, bars=6, seed=4, temperature=0.8, top_p=0.9)[0]
    melody = [note.pitch for note in piece.notes if note.channel == 0]
    assert melody == [note.pitch for note in solo.notes]


def test_a_seed_repeats_a_piece(untrained):
    one, again, other = (untrained.improvise(CHORDS, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_a_waltz_is_in_three(untrained):
    piece = untrained.improvise("Fmaj7 | Gm7 C7", meter=(3, 4), bars=4)
    assert piece.meter == (3, 4) and piece.num_bars == 4
    assert [onset for onset, _ in piece.markers] == [0, 3, 4.5, 6, 9, 10.5]


def test_what_was_played_before_counts(untrained):
    """After every other beginning the network says something else."""
    found = {
        tuple(untrained.draw_values(8.0, temperature=0, prime=prime)[0])
        for prime in ([], untrained.values[:5], untrained.values[20:23])
    }
    assert len(found) > 1
    with pytest.raises(ValueError, match="`prime` must hold values that the network"):
        untrained.draw_values(4.0, prime=["C,7/12,+11"])


def test_log_probs_are_the_networks_by_definition(untrained):
    sequences = [np.array([3, 1, 4, 1, 5]), np.array([], int), np.arange(70) % 9]
    found = untrained.log_probs(sequences)
    assert found.shape == (75,)
    expected = []
    for sequence in sequences[::2]:
        given = np.concatenate([[model.START], sequence[:-1]])[None].astype("int32")
        probs = ops.convert_to_numpy(ops.softmax(untrained.network(given)))[0]
        expected += np.log(probs[np.arange(len(sequence)), sequence]).tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("half", [False, True])
def test_a_saved_improviser_plays_alike(untrained, tmp_path, half):
    untrained.save(tmp_path, half=half)
    again = improviser.load_improviser(tmp_path / "model.keras")
    assert again.values == untrained.values
    assert again.notes == {"seed": 3}
    sequence = [np.arange(20)]
    np.testing.assert_allclose(
        again.log_probs(sequence),
        untrained.log_probs(sequence),
        rtol=1e-2 if half else 1e-5,
    )
    if not half:
        assert again.improvise(CHORDS) == untrained.improvise(CHORDS)


def test_what_is_no_improviser_is_named(untrained, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"improviser\.json|model\.keras"):
        improviser.load_improviser(tmp_path)
    untrained.save(tmp_path)
    for content in ("{}", '{"values": []}', '{"values": ["la la la"]}'):
        (tmp_path / "improviser.json").write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match="must hold a list of the values"):
            improviser.load_improviser(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chords": "H7"}, "is no chord symbol"),
        ({"chords": []}, "`chords` must hold a chord"),
        ({"bars": 0}, "`bars` must be from 1 to 512"),
        ({"bars": 513}, "`bars` must be from 1 to 512"),
        ({"style": "polka"}, "`style` must be one of"),
        ({"top_k": 0}, "`top_k` must be a whole number"),
    ],
)
def test_bad_arguments_are_named(untrained, options, message):
    with pytest.raises(ValueError, match=message):
        untrained.improvise(**{"chords": CHORDS, **options})


def test_nothing_lasts_no_time(untrained):
    with pytest.raises(ValueError, match="`duration` must be above 0"):
        untrained.draw_values(0)


def test_the_shipped_improviser_knows_the_embedded_tunes():
    """It finds them far more probable than chance, and plays music over new chords."""
    player = improviser.load_pretrained()
    tunes = data.embedded_tunes()
    sequences = data.encode(tunes, player.values).sequences()
    perplexity = np.exp(-player.log_probs(sequences).mean())
    assert perplexity < 0.3 * len(player.values)
    chords = player.chords("F#m7b5 | B7b9 | Em7 | A7", bars=16)
    for melody in player.solos(chords, num=3, top_p=0.95):
        assert 2 < len(melody.notes) / 16 < 12
        assert len({note.pitch for note in melody.notes}) > 8
