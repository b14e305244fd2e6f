"""Batches of people and of pairs."""

from collections import Counter

import keras
import numpy as np
import pytest

from dlai_keras.face_recognition.batches import (
    Augmentation,
    PairSequence,
    PeopleSequence,
    augment,
)
from dlai_keras.face_recognition.data import People
from dlai_keras.face_recognition.layers import SiameseHead
from dlai_keras.face_recognition.losses import TripletHardLoss

STILL = Augmentation(mirror=False, shift=0, brightness=0)


def crowd(counts=(4, 4, 4, 4, 4), size=(8, 6)):
    """Picture i of all is i everywhere; labels are 10, 13, 16..."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = [np.full((*size, 3), i, "uint8") for i in range(len(labels))]
    names = [f"person {i}" for i in range(10 + 3 * len(counts))]
    return People(images, (10 + 3 * labels).astype("int32"), names)


def numbers(images):
    return images[:, 0, 0, 0].astype(int)


def epoch_of(sequence):
    return [sequence[index] for index in range(sequence.num_batches)]


# People


def test_a_batch_is_some_people_with_several_pictures_each():
    people = crowd()
    sequence = PeopleSequence(people, num_people=3, num_pictures=2)
    for images, labels in epoch_of(sequence):
        assert images.shape == (6, 8, 6, 3) and images.dtype == "uint8"
        assert labels.dtype == "int32"
        assert sorted(Counter(labels.tolist()).values()) == [2, 2, 2]
        assert len(set(numbers(images))) == 6
        np.testing.assert_array_equal(
            sequence.labels[labels], people.labels[numbers(images)]
        )


def test_an_epoch_shows_every_picture_of_equal_people_once():
    sequence = PeopleSequence(crowd((4,) * 6), num_people=3, num_pictures=2)
    shown = [n for images, _ in epoch_of(sequence) for n in numbers(images)]
    assert sequence.num_batches == 4
    assert sorted(shown) == list(range(24))


def test_the_last_batch_of_a_round_is_filled_up_with_other_people():
    sequence = PeopleSequence(crowd(), num_people=3, num_pictures=4)
    (_, first), (_, last) = epoch_of(sequence)
    assert len(set(first)) == len(set(last)) == 3
    assert set(first) | set(last) == set(range(5))


def test_people_count_alike_however_many_pictures_they_have():
    sequence = PeopleSequence(crowd((20, 2, 1, 3)), num_people=4, num_pictures=4)
    assert sequence.num_batches == 2
    for images, labels in epoch_of(sequence):
        assert sorted(labels) == sorted([0, 1, 2, 3] * 4)
        distinct = Counter(numbers(images))
        shown = [sum(sequence._numbers[n] == i for n in distinct) for i in range(4)]
        assert shown == [4, 2, 1, 3]


def test_who_has_many_pictures_shows_others_in_the_next_epoch():
    sequence = PeopleSequence(crowd((20, 4)), num_people=2, num_pictures=4, rounds=1)
    seen = set()
    for _ in range(20):
        images, _ = sequence[0]
        seen |= set(numbers(images))
        sequence.on_epoch_end()
    assert seen == set(range(24))


def test_people_with_one_picture_are_left_out_where_asked():
    people = crowd((3, 1, 3, 1))
    sequence = PeopleSequence(people, num_people=2, num_pictures=3, min_pictures=2)
    for images, labels in epoch_of(sequence):
        assert set(labels) == {0, 2}
        assert not {3, 7} & set(numbers(images))


def test_one_picture_is_repeated_and_each_copy_changed_in_its_own_way():
    people = crowd((1, 3))
    options = {"num_people": 2, "num_pictures": 3}
    images, labels = PeopleSequence(people, **options)[0]
    assert len(set(numbers(images[labels == 0]))) == 1
    people.images[0][:] = 100
    sequence = PeopleSequence(people, **options, augmentation=Augmentation())
    images, labels = sequence[0]
    assert len(set(numbers(images[labels == 0]))) == 3


@pytest.mark.parametrize("kind", [PeopleSequence, PairSequence])
def test_batches_depend_on_seed_epoch_and_index_alone(kind):
    options = {"num_people": 3} if kind is PeopleSequence else {"batch_size": 6}
    people, options["augmentation"] = crowd(), Augmentation()

    def pictures(sequence, index):
        images = sequence[index][0]
        return images if isinstance(images, np.ndarray) else np.concatenate(images)

    one, other = (kind(people, seed=4, **options) for _ in range(2))
    later = [pictures(one, index) for index in range(one.num_batches)]
    np.testing.assert_array_equal(pictures(other, 1), later[1])
    np.testing.assert_array_equal(pictures(other, 0), later[0])
    assert (pictures(kind(people, seed=5, **options), 0) != later[0]).any()
    one.on_epoch_end()
    assert (pictures(one, 0) != later[0]).any()
    resumed = kind(people, seed=4, epoch=1, **options)
    np.testing.assert_array_equal(pictures(one, 1), pictures(resumed, 1))


def test_pictures_are_brought_to_one_size():
    people = crowd((2, 2))
    people.images[3] = np.full((40, 31, 3), 3, "uint8")
    for size, expected in ((None, (8, 6)), ((16, 10), (16, 10))):
        images, _ = PeopleSequence(people, num_people=2, num_pictures=2, size=size)[0]
        assert images.shape == (4, *expected, 3)
        assert sorted(numbers(images)) == [0, 1, 2, 3]


def test_a_network_learns_from_them():
    """Three people who differ in colour, under any brightness."""
    rng = np.random.default_rng(0)
    colors = np.repeat(rng.uniform(40, 200, (3, 3)), 4, axis=0)
    images = rng.normal(colors[:, None, None], 20, (12, 4, 4, 3)).clip(0, 255)
    people = People(list(images.astype("uint8")), np.arange(12) // 4, list("abc"))
    sequence = PeopleSequence(
        people, num_people=3, num_pictures=4, rounds=10, augmentation=Augmentation()
    )
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
    x = keras.layers.UnitNormalization()(keras.layers.Dense(4)(x))
    model = keras.Model(inputs, x)
    optimizer = keras.optimizers.Adam(0.02)
    model.compile(optimizer, TripletHardLoss(soft=True), jit_compile=False)
    losses = model.fit(sequence, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


# Pairs


def test_half_of_the_pairs_are_of_one_person():
    people = crowd((5, 3, 1, 4))
    sequence = PairSequence(people, batch_size=5)
    assert sequence.num_batches == 3
    for (first, second), same in epoch_of(sequence):
        assert first.shape == second.shape == (5, 8, 6, 3) and first.dtype == "uint8"
        assert same.tolist() == [1, 1, 0, 0, 0] and same.dtype == "float32"
        a, b = numbers(first), numbers(second)
        np.testing.assert_array_equal(people.labels[a] == people.labels[b], same)
        assert (a != b).all()


def test_every_picture_is_in_pairs_and_all_people_are_drawn():
    people = crowd((5, 3, 1, 4))
    sequence = PairSequence(people, batch_size=4)
    firsts, seconds = [], []
    for _ in range(8):
        for (first, second), same in epoch_of(sequence):
            firsts.extend(numbers(first))
            seconds.extend(people.labels[numbers(second)][same == 0])
        sequence.on_epoch_end()
    assert set(firsts) == set(range(13))
    assert set(seconds) == set(people.labels)


def test_a_siamese_network_takes_them():
    people = crowd((4, 4, 4), size=(4, 4))
    embed = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    model = keras.Model(inputs, SiameseHead()([embed(x) for x in inputs]))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    history = model.fit(PairSequence(people, batch_size=6), verbose=0).history
    assert np.isfinite(history["loss"][0])


# Changes


def photo(height=20, width=16):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), "uint8")


def changed(num=40, **bounds):
    bounds = {"mirror": False, "shift": 0, "brightness": 0} | bounds
    rng = np.random.default_rng(0)
    return [augment(rng, photo(), Augmentation(**bounds)) for _ in range(num)]


def test_nothing_asked_changes_nothing_and_the_picture_given_is_kept():
    image = photo()
    for found in changed(5):
        np.testing.assert_array_equal(found, image)
    found = augment(np.random.default_rng(0), image, STILL)
    found[:] = 0
    assert image.any()
    augment(np.random.default_rng(0), image, Augmentation(contrast=0.5, rotation=9))
    np.testing.assert_array_equal(image, photo())


def test_half_of_the_pictures_are_mirrored_exactly():
    same = [np.array_equal(found, photo()) for found in changed(mirror=True)]
    mirrored = [
        np.array_equal(found, photo()[:, ::-1]) for found in changed(mirror=True)
    ]
    assert np.logical_xor(same, mirrored).all()
    assert 10 <= sum(mirrored) <= 30


def test_shifts_are_whole_pixels_within_bounds_and_edges_repeat():
    padded = np.pad(photo(), ((2, 2), (2, 2), (0, 0)), mode="edge")
    shifts = Counter()
    for found in changed(200, shift=0.12):  # up to 2.4 rows and 1.9 columns
        places = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if np.array_equal(found, padded[y : y + 20, x : x + 16])
        ]
        assert len(places) == 1
        shifts[places[0]] += 1
    assert len(shifts) == 25


def test_turns_and_sizes_stay_within_bounds():
    """Two dots tell by how much."""
    image = np.zeros((65, 65, 3), "uint8")
    image[31:34, 15:18] = image[31:34, 47:50] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    angles, sizes = [], []
    augmentation = Augmentation(
        mirror=False, shift=0, brightness=0, rotation=20, zoom=0.25
    )
    for seed in range(60):
        found = augment(np.random.default_rng(seed), image, augmentation)
        weight = found.sum(-1).astype("float64")
        y, x = np.mgrid[:65, :65]
        ends = []
        for half in (x < 32, x > 32):
            part = weight * half
            ends.append([(part * x).sum() / part.sum(), (part * y).sum() / part.sum()])
        dx, dy = np.subtract(ends[1], ends[0])
        angles.append(np.degrees(np.arctan2(dy, dx)))
        sizes.append(np.hypot(dx, dy) / 32)
    assert 15 < max(angles) < 21 and -21 < min(angles) < -15
    assert 1.15 < max(sizes) < 1.27 and 1 / 1.27 < min(sizes) < 1 / 1.15


def test_brightness_is_a_gain_and_contrast_leaves_the_mean():
    image = np.full((4, 4, 3), 100, "uint8")
    augmentation = Augmentation(mirror=False, shift=0, brightness=0.5)
    gains = [
        augment(np.random.default_rng(seed), image, augmentation).mean() / 100
        for seed in range(60)
    ]
    assert 1.4 < max(gains) <= 1.5 and 0.66 <= min(gains) < 0.72
    image[:, 2:] = 140
    augmentation = Augmentation(mirror=False, shift=0, brightness=0, contrast=0.5)
    spreads = []
    for seed in range(60):
        found = augment(np.random.default_rng(seed), image, augmentation)
        assert abs(found.mean() - 120) <= 1
        spreads.append(np.ptp(found) / 40)
    assert max(spreads) > 1.35 and min(spreads) < 0.75


def test_one_option_does_not_change_the_draws_of_another():
    plain = changed(10, mirror=True)
    shifted = changed(10, mirror=True, contrast=0.01)
    for one, other in zip(plain, shifted, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 4


# Refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_people": 6}, "from 2 to the number of people, 5 with 1 pictures"),
        ({"num_people": 1}, "`num_people` must be from 2"),
        ({"num_people": 2, "min_pictures": 5}, "0 with 5 pictures"),
        ({"num_people": 2, "num_pictures": 1}, "`num_pictures` must be 2 or more"),
        ({"num_people": 2, "rounds": 0}, "`rounds` must be 1 or more"),
        ({"num_people": 2, "size": (0, 6)}, "`size` must be height and width"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PeopleSequence(crowd(), **options)


def test_pairs_that_cannot_be_made_are_refused():
    with pytest.raises(ValueError, match="`batch_size` must be 2 or more"):
        PairSequence(crowd(), batch_size=1)
    for counts in ((1, 1, 1), (4,)):
        with pytest.raises(ValueError, match="two people or more, and one with two"):
            PairSequence(crowd(counts))
    with pytest.raises(ValueError, match="a picture or more"):
        PairSequence(crowd(()))


@pytest.mark.parametrize("bounds", [{"shift": -1}, {"zoom": float("nan")}])
def test_bounds_below_nothing_are_refused(bounds):
    with pytest.raises(ValueError, match="must be 0 or more and finite"):
        Augmentation(**bounds)
