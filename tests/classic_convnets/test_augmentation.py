"""More pictures of a picture."""

import numpy as np
import pytest

from dlai_keras.classic_convnets.augmentation import (
    crop,
    examples,
    mirror,
    principal_colors,
    random_batch,
    rotate,
    shear,
    shift_colors,
    shift_principal_colors,
)


def picture(size=16, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (size, size, 3)).astype("uint8")


def test_mirroring_twice_is_nothing():
    np.testing.assert_array_equal(mirror(mirror(picture())), picture())
    np.testing.assert_array_equal(mirror(picture())[:, 0], picture()[:, -1])


def test_a_crop_is_enlarged_to_the_pictures_size():
    image = picture()
    image[4:12, 6:14] = 77
    np.testing.assert_array_equal(crop(image, 4, 6, 8), np.full_like(image, 77))
    np.testing.assert_array_equal(crop(image, 0, 0, 16), image)


@pytest.mark.parametrize("place", [(-1, 0, 8), (0, 9, 8), (0, 0, 17), (0, 0, 0)])
def test_a_crop_that_leaves_the_picture_is_named(place):
    with pytest.raises(ValueError, match=r"within the picture of 16 x 16.*size="):
        crop(picture(), *place)


def test_a_quarter_turn_is_numpys():
    turned = rotate(picture(), 90)
    np.testing.assert_array_equal(turned, np.rot90(picture(), -1))
    np.testing.assert_array_equal(rotate(picture(), 0), picture())


def test_shearing_moves_each_row_by_its_distance_from_the_middle():
    image = np.zeros((33, 33, 3), "uint8")
    image[:, 16] = 255
    sheared = shear(image, 0.5)
    for row in (0, 8, 16, 24, 32):
        assert sheared[row, :, 0].argmax() == 16 + (row - 16) // 2


def test_colours_are_shifted_and_cut_off():
    image = np.array([[[250, 10, 100]]], "uint8")
    assert shift_colors(image, (10, -20, 5.4)).ravel().tolist() == [255, 0, 105]


def test_principal_colours_are_those_of_numpys_covariance():
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("uint8")
    images[..., 1] = images[..., 0] // 2
    values, vectors = principal_colors(images)
    covariance = np.cov(images.reshape(-1, 3).T.astype("float64"), bias=True)
    np.testing.assert_allclose(vectors * values @ vectors.T, covariance, atol=1e-8)
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-12)


def test_pca_shift_moves_along_the_directions_by_their_deviation():
    image = np.full((4, 4, 3), 100, "uint8")
    values, vectors = np.array([400.0, 100.0, 0.0]), np.eye(3)
    shifted = shift_principal_colors(image, values, vectors, (0.5, -1.0, 3.0))
    assert shifted[0, 0].tolist() == [110, 90, 100]


def test_a_random_batch_holds_shifted_and_mirrored_pictures():
    images = np.stack([picture(16, seed) for seed in range(200)])
    changed = random_batch(np.random.default_rng(0), images, padding=2)
    assert changed.shape == images.shape and changed.dtype == np.uint8
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    flips, shifts = 0, set()
    for whole, part in zip(padded, changed, strict=True):
        found = [
            (row, column, flipped)
            for row in range(5)
            for column in range(5)
            for flipped in (False, True)
            if np.array_equal(
                whole[row : row + 16, column : column + 16],
                part[:, ::-1] if flipped else part,
            )
        ]
        assert len(found) == 1
        flips += found[0][2]
        shifts.add(found[0][:2])
    assert 70 < flips < 130 and len(shifts) == 25


def test_a_random_batch_shifts_colours_picture_by_picture():
    images = np.full((50, 8, 8, 3), 100, "uint8")
    colors = np.array([900.0, 0.0, 0.0]), np.eye(3)
    changed = random_batch(np.random.default_rng(0), images, colors=colors, alpha=0.5)
    assert (changed[..., 1:] == 100).all()
    assert (changed[..., 0].std(axis=(1, 2)) == 0).all()
    assert changed[:, 0, 0, 0].std() == pytest.approx(15, rel=0.4)


def test_without_padding_and_flips_a_batch_stays_as_it_is():
    images = np.stack([picture(16, seed) for seed in range(4)])
    same = random_batch(np.random.default_rng(0), images, padding=0, flip=False)
    np.testing.assert_array_equal(same, images)


def test_examples_show_each_of_the_courses_augmentations():
    rows = examples(np.random.default_rng(0), picture(), picture()[None], num=3)
    assert list(rows) == [
        "mirroring",
        "random cropping",
        "rotation",
        "shearing",
        "colour shifting",
        "PCA colour shifting",
    ]
    for name, changed in rows.items():
        assert all(one.shape == (16, 16, 3) for one in changed)
        differs = [(one != picture()).any() for one in changed]
        assert sum(differs) >= len(differs) - (name in ("rotation", "shearing"))
