"""One batch again and again, random crops, pairs of content and style."""

import keras
import numpy as np
import pytest

from dlai_keras.style_transfer.batches import (
    PictureSequence,
    Repeated,
    StylePairs,
    random_crop,
)


def flat_pictures(num, size=(20, 24)):
    """Picture i has the value 10 * i everywhere."""
    return [np.full((*size, 3), 10 * i, "uint8") for i in range(num)]


def shown(pictures):
    """Which of the flat pictures are in a batch."""
    means = np.asarray(pictures).mean(axis=(1, 2, 3)) * 25.5
    assert np.abs(means - means.round()).max() < 1e-3
    return means.round().astype(int).tolist()


def test_a_repeated_batch_is_the_same_object_in_every_step():
    x, y = np.zeros((1, 1)), {"a": np.ones((1, 3))}
    repeated = Repeated(x, y, 7)
    assert repeated.num_batches == 7
    assert all(repeated[i][0] is x and repeated[i][1] is y for i in range(7))
    with pytest.raises(ValueError, match="steps=0"):
        Repeated(x, y, 0)


def test_fit_takes_as_many_steps_as_a_repeated_batch_has():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mean_squared_error", jit_compile=False)
    model.fit(Repeated(np.ones((1, 1)), np.ones((1, 1)), 5), verbose=0)
    assert int(model.optimizer.iterations) == 5


def test_a_crop_is_a_square_part_of_the_picture_or_its_mirror_image():
    y, x = np.mgrid[:120, :200]
    picture = np.stack([x, y, np.zeros_like(x)], axis=-1).astype("uint8")
    sides, mirrored, corners = [], [], []
    for seed in range(200):
        crop = random_crop(np.random.default_rng(seed), picture, 32).astype(float)
        assert crop.shape == (32, 32, 3)
        across = (crop[:, -1, 0] - crop[:, 0, 0]).mean() / 31  # pixels a pixel
        down = (crop[-1, :, 1] - crop[0, :, 1]).mean() / 31
        assert abs(across) == pytest.approx(down, abs=0.06), "the aspect is kept"
        sides.append(down * 32)
        mirrored.append(across < 0)
        corners.append((crop[..., 0].min(), crop[..., 1].min()))
    assert 58 < min(sides) < 65 and 115 < max(sides) < 122  # half to all of 120
    assert 70 < sum(mirrored) < 130
    assert np.ptp(np.array(corners)[:, 0]) > 100, "anywhere in the picture"


@pytest.mark.parametrize("shape", [(16, 40), (32, 32), (33, 32), (1, 1)])
def test_small_pictures_give_crops_of_the_size_too(shape):
    picture = np.full((*shape, 3), 77, "uint8")
    crop = random_crop(np.random.default_rng(0), picture, 32)
    assert crop.shape == (32, 32, 3) and (crop == 77).all()


def test_a_batch_depends_on_seed_epoch_and_index_alone():
    pictures = [
        np.random.default_rng(i).integers(0, 256, (30, 40, 3), "uint8")
        for i in range(5)
    ]

    def batch(index, **arguments):
        sequence = PictureSequence(pictures, size=16, batch_size=3, **arguments)
        return sequence[index][0]

    np.testing.assert_array_equal(batch(1, seed=3, epoch=2), batch(1, seed=3, epoch=2))
    for other in (
        batch(0, seed=3, epoch=2),
        batch(1, seed=4, epoch=2),
        batch(1, seed=3, epoch=1),
    ):
        assert (batch(1, seed=3, epoch=2) != other).any()
    sequence = PictureSequence(pictures, size=16, batch_size=3, seed=3)
    first = sequence[0][0]
    assert first.dtype == "float32" and first.min() >= 0 and first.max() <= 1
    assert first.max() > 0.9, "from 0 to 1"
    for _ in range(2):
        sequence.on_epoch_end()
    np.testing.assert_array_equal(sequence[1][0], batch(1, seed=3, epoch=2))


def test_all_pictures_come_once_before_any_comes_again():
    sequence = PictureSequence(flat_pictures(5), size=8, batch_size=2, steps=5)
    seen = []
    for _ in range(2):
        seen += [number for index in range(5) for number in shown(sequence[index][0])]
        sequence.on_epoch_end()
    assert len(seen) == 20
    for start in range(0, 20, 5):
        assert sorted(seen[start : start + 5]) == list(range(5))
    assert seen[:5] != seen[5:10]


def test_targets_are_repeated_for_each_picture():
    targets = {"content": np.zeros((1, 1)), "style/a": np.arange(6.0).reshape(1, 2, 3)}
    sequence = PictureSequence(flat_pictures(2), size=8, batch_size=3, targets=targets)
    _, y = sequence[0]
    assert y["content"].shape == (3, 1)
    np.testing.assert_array_equal(y["style/a"], [targets["style/a"][0]] * 3)
    assert y["style/a"].dtype == "float32"
    assert len(PictureSequence(flat_pictures(2), size=8)[0]) == 1


def test_an_epoch_shows_every_picture_unless_told_otherwise():
    assert PictureSequence(flat_pictures(9), batch_size=4).num_batches == 3
    assert PictureSequence(flat_pictures(9), steps=50).num_batches == 50


def test_pairs_have_orders_of_their_own():
    contents, styles = flat_pictures(4), flat_pictures(3)
    pairs = StylePairs(contents, styles, size=8, batch_size=2, steps=12, seed=1)
    met = set()
    for index in range(12):
        (x,) = pairs[index]
        assert x["alpha"].shape == (2, 1) and (x["alpha"] == 1).all()
        met |= set(zip(shown(x["content"]), shown(x["style"]), strict=True))
    assert {content for content, _ in met} == set(range(4))
    assert {style for _, style in met} == set(range(3))
    assert len(met) > 6, "not always the same pairs"


def test_pictures_may_be_read_late():
    class Files:
        def __init__(self):
            self.opened = []

        def __len__(self):
            return 3

        def __getitem__(self, index):
            self.opened.append(index)
            return flat_pictures(3)[index]

    files = Files()
    sequence = PictureSequence(files, size=8, batch_size=1)
    assert files.opened == []
    assert [shown(sequence[index][0])[0] for index in range(3)] == files.opened


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pictures": []}, "one picture or more"),
        ({"size": 0}, "`size`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"steps": 0}, "`steps`"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    pictures = arguments.pop("pictures", flat_pictures(1))
    with pytest.raises(ValueError, match=message):
        PictureSequence(pictures, **arguments)


def test_pairs_need_a_style():
    with pytest.raises(ValueError, match="one style or more"):
        StylePairs(flat_pictures(1), [])
