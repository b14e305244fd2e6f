"""Drawn digits and the faults of a poor camera."""

import numpy as np
import pytest

from dlai_keras.strategy.digits import FAULTS, draw_digit, make_digits, photograph


def test_a_picture_depends_on_its_number_alone():
    few, many = (
        list(make_digits(np.random.default_rng(3), num, poor=True)) for num in (4, 12)
    )
    for (one, digit, faults), (other, same, tags) in zip(few, many, strict=False):
        np.testing.assert_array_equal(one, other)
        assert (digit, faults) == (same, tags)
    assert not np.array_equal(many[0][0], many[10][0])


def test_digits_can_be_told_apart_by_their_ink():
    # The nearest mean of a class, of pictures whose paper is made one: far above 10 %.
    drawn = [
        (np.abs(image.mean(-1) - np.median(image.mean(-1))), digit)
        for image, digit, _ in make_digits(np.random.default_rng(0), 600)
    ]
    ink = np.array([each / each.max() for each, _ in drawn]).reshape(600, -1)
    labels = np.array([digit for _, digit in drawn])
    means = np.array([ink[:500][labels[:500] == digit].mean(0) for digit in range(10)])
    distance = ((ink[500:, None] - means) ** 2).sum(-1)
    assert (distance.argmin(axis=1) == labels[500:]).mean() > 0.4


def test_faults_come_as_often_as_they_say_and_do_what_they_say():
    rng = np.random.default_rng(0)
    image = draw_digit(rng, 8)
    seen = [photograph(rng, image) for _ in range(800)]
    for name, often in FAULTS.items():
        found = np.mean([name in faults for _, faults in seen])
        assert found == pytest.approx(often, abs=0.06)
    only = {}
    for picture, faults in seen:
        if len(faults) < 2:
            only.setdefault(faults[0] if faults else "none", picture.astype(float))
    assert set(only) == {"none", *FAULTS}
    np.testing.assert_array_equal(only["none"], image)
    before = image.astype(float)

    def rough(pixels):
        return np.abs(np.diff(pixels, axis=0)).mean()

    assert only["dark"].mean() < 0.55 * before.mean()
    assert rough(only["blurred"]) < 0.8 * rough(before)
    assert rough(only["noisy"]) > rough(before) + 5
    assert (only["tilted"] != before).mean() > 0.2
    changed = (only["covered"] != before).any(axis=-1)
    assert 0.01 < changed.mean() < 0.2


def test_a_clean_set_has_no_faults_and_a_poor_one_has():
    clean = list(make_digits(np.random.default_rng(0), 20))
    poor = list(make_digits(np.random.default_rng(0), 20, poor=True))
    assert not any(faults for _, _, faults in clean)
    assert any(faults for _, _, faults in poor)
    assert clean[0][0].shape == (28, 28, 3)
    assert next(make_digits(np.random.default_rng(0), 1, size=16))[0].shape[0] == 16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: draw_digit(rng, 10), "Received: 10"),
        (lambda rng: draw_digit(rng, 1, size=4), "Received: 4"),
        (lambda rng: list(make_digits(rng, -1)), "num=-1"),
        (lambda rng: photograph(rng, np.zeros((4, 4, 3))), "float64"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))
