"""Batches: every character is told once, after those before it."""

import numpy as np
import pytest

from dlai_keras.dinosaur_names.batches import STEP, NameBatches, TextBatches


def sequences(num=50):
    rng = np.random.default_rng(0)
    # The first id is the name's number, so that each can be told.
    return [
        [number + 2, *rng.integers(2, 60, rng.integers(0, 12)).tolist()]
        for number in range(num)
    ]


def read_back(batches):
    """The names of an epoch as lists, from the targets that count."""
    found = []
    for index in range(len(batches)):
        inputs, targets, weights = batches[index]
        for given, wanted, counts in zip(inputs, targets, weights, strict=True):
            num = int(counts.sum())
            if num == 0:
                continue
            assert counts[:num].all() and not counts[num:].any()
            assert given[0] == 0 and wanted[num - 1] == 0
            assert given[1:num].tolist() == wanted[: num - 1].tolist()
            found.append(wanted[: num - 1].tolist())
    return found


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_name_comes_once_an_epoch(shuffle):
    names = sequences()
    found = read_back(NameBatches(names, batch_size=8, shuffle=shuffle))
    assert sorted(found) == sorted(names)
    assert (found == names) != shuffle


def test_batches_of_names_have_one_size_and_few_lengths():
    batches = NameBatches(sequences(), batch_size=8)
    assert len(batches) == 7
    shapes = {array.shape for index in range(7) for array in batches[index]}
    assert {rows for rows, _ in shapes} == {8}
    assert all(length % STEP == 0 for _, length in shapes)
    # The first is wider than any, or Keras would take the lengths for fixed.
    longest = max(length for _, length in shapes)
    assert batches[0][0].shape[1] == longest
    assert all(batches[index][0].shape[1] < longest for index in range(1, 7))


def test_names_of_similar_lengths_are_together():
    rng = np.random.default_rng(0)
    names = [[2] * length for length in rng.integers(1, 30, 256)]
    batches = NameBatches(names, batch_size=16)
    counted = sum(int(batches[i][2].sum()) for i in range(1, len(batches)))
    cells = sum(batches[i][2].size for i in range(1, len(batches)))
    assert counted / cells > 0.8  # by chance, half of the cells are padding


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: NameBatches(sequences(), batch_size=8, **options),
        lambda **options: TextBatches(
            range(2, 502), length=7, batch_size=4, num_batches=5, **options
        ),
    ],
)
def test_an_epochs_batches_depend_on_seed_and_epoch_alone(make):
    def content(batches):
        parts = [batches[index] for index in range(len(batches))]
        return [array.tolist() for arrays in parts for array in arrays]

    running = make(seed=3)
    first = content(running)
    running.on_epoch_end()
    second = content(running)
    assert first != second
    assert content(make(seed=3)) == first
    assert content(make(seed=3, epoch=1)) == second
    assert content(make(seed=4)) != first


def test_noise_makes_some_of_what_is_read_unknown_and_nothing_of_what_is_told():
    names = [[2 + number % 40] * 20 for number in range(200)]
    clean, noisy = (NameBatches(names, batch_size=8, noise=n) for n in (0.0, 0.25))
    changed = []
    for index in range(len(clean)):
        (one, *same), (other, *too) = clean[index], noisy[index]
        for array, again in zip(same, too, strict=True):
            np.testing.assert_array_equal(array, again)
        assert set(other[one != other].tolist()) == {1}
        assert (other[:, 0] == 0).all()
        changed += (other != one)[one > 0].tolist()
    assert 0.22 < np.mean(changed) < 0.28
    again = NameBatches(names, batch_size=8, noise=0.25)[3][0]
    np.testing.assert_array_equal(again, noisy[3][0])


def test_windows_are_pieces_of_the_text_with_what_follows():
    text = np.arange(2, 1002)
    batches = TextBatches(text, length=10, batch_size=8)
    for index in range(len(batches)):
        inputs, targets = batches[index]
        assert inputs.shape == targets.shape == (8, 10)
        assert (targets == targets[:, :1] + np.arange(10)).all()
        assert (inputs[:, 1:] == targets[:, :-1]).all()
        before = targets[:, 0] - 1
        assert (inputs[:, 0] == np.where(before < 2, 0, before)).all()


def test_a_pass_tells_every_character_once():
    text = np.arange(2, 1002)
    batches = TextBatches(text, length=10, batch_size=8)
    told = np.concatenate([batches[i][1].ravel() for i in range(len(batches))])
    assert len(set(told.tolist())) == len(told) == 12 * 80
    # And so does one that is spread over several epochs.
    batches = TextBatches(text, length=10, batch_size=8, num_batches=4, seed=1)
    told = []
    for _ in range(3):
        told += [batches[i][1].ravel() for i in range(4)]
        batches.on_epoch_end()
    assert len(np.unique(np.concatenate(told))) == 12 * 80


def test_unshuffled_windows_go_from_the_beginning_every_epoch():
    batches = TextBatches(range(2, 102), length=5, batch_size=2, shuffle=False)
    for _ in range(2):
        told = np.concatenate([batches[i][1].ravel() for i in range(len(batches))])
        assert told.tolist() == list(range(2, 102))
        batches.on_epoch_end()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="one name or more"):
        NameBatches([])
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more"):
        NameBatches([[2]], batch_size=0)
    with pytest.raises(ValueError, match="`noise` must be from 0 to below 1"):
        NameBatches([[2]], noise=1.0)
    with pytest.raises(ValueError, match="`length` must be 1 or more"):
        TextBatches([2, 3], length=0)
    with pytest.raises(ValueError, match="`num_batches` must be 1 or more"):
        TextBatches([2, 3, 4], length=1, batch_size=1, num_batches=0)
    with pytest.raises(ValueError, match="40 characters is too short"):
        TextBatches(range(2, 42), length=10, batch_size=8)
