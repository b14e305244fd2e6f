"""Layers that change pictures while a network trains."""

import keras
import numpy as np
import pytest
from contract import check_layer

from dlai_keras.signs.layers import RandomAffine, RandomColor

pytestmark = pytest.mark.backends


def pictures(num=4, size=16):
    rng = np.random.default_rng(0)
    return rng.uniform(20, 230, (num, size, size, 3)).astype("float32")


def smooth(size=33):
    y, x = np.mgrid[:size, :size] / (size - 1)
    picture = np.stack([x, y, x * y], axis=-1) * 200 + 20
    return picture[None].astype("float32")


def train(layer, images):
    return keras.ops.convert_to_numpy(layer(images, training=True))


def test_random_affine_keeps_the_contract(tmp_path):
    layer = RandomAffine(20, (0.8, 1.3), 0.1, 0.2, True, "reflect", 3)
    outputs = check_layer(layer, pictures(), (4, 16, 16, 3), tmp_path)
    np.testing.assert_allclose(outputs, pictures())


def test_random_color_keeps_the_contract(tmp_path):
    layer = RandomColor(0.2, 0.1, 0.3, 0.02, (0.0, 300.0), 3)
    outputs = check_layer(layer, pictures(), (4, 16, 16, 3), tmp_path)
    np.testing.assert_allclose(outputs, pictures())


def test_flipping_mirrors_half_of_the_pictures():
    images = pictures(200, 8)
    outputs = train(RandomAffine(flip=True, seed=0), images)
    same = np.isclose(outputs, images, atol=0.01).all((1, 2, 3))
    mirrored = np.isclose(outputs, images[:, :, ::-1], atol=0.01).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert 70 < mirrored.sum() < 130


def test_angle_size_and_place_are_those_of_opencv():
    cv2 = pytest.importorskip("cv2")
    image = smooth()
    layer = RandomAffine(rotation=40, scale=(0.7, 1.4), translation=0.1, seed=1)
    output = train(layer, image)[0]
    # One of all turns, sizes and shifts in range must explain the picture: fit the
    # three corners that the red and green ramps give away.
    inner = slice(10, 23)
    y, x = np.mgrid[inner, inner].reshape(2, -1)
    red, green = ((output[inner, inner, i].ravel() - 20) / 200 * 32 for i in (0, 1))
    design = np.stack([x, y, np.ones_like(x)], axis=1).astype("float64")
    a, _, _, _ = np.linalg.lstsq(design, np.stack([red, green], axis=1), rcond=None)
    matrix = a.T  # where in the image each pixel comes from
    warped = cv2.warpAffine(
        image[0],
        matrix,
        (33, 33),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    assert (
        np.abs(warped - output)[8:25, 8:25].max() < 3
    )  # of 255; OpenCV rounds places to 1/32 of a pixel
    (xx, xy, _), (yx, yy, _) = matrix
    assert xx == pytest.approx(yy, abs=0.02) and xy == pytest.approx(-yx, abs=0.02)
    scale = 1 / np.hypot(xx, yx)
    assert 0.7 <= scale <= 1.4
    assert abs(np.degrees(np.arctan2(yx, xx))) <= 40.5
    centre = matrix @ [16, 16, 1]
    assert np.abs(centre - 16).max() <= 0.1 * 32 + 0.1


def test_color_is_changed_within_its_bounds():
    images = np.full((300, 4, 4, 3), 100, "float32")
    outputs = train(RandomColor(brightness=0.5, seed=0), images)[:, 0, 0]
    np.testing.assert_allclose(outputs[:, 0], outputs[:, 1], rtol=1e-5)
    assert 66 <= outputs.min() < 72 and 140 < outputs.max() <= 150.1
    tinted = train(RandomColor(tint=0.2, seed=0), images)[:, 0, 0]
    assert np.abs(tinted[:, 0] - tinted[:, 2]).max() > 15
    assert tinted.min() > 83 and tinted.max() < 120.1


def test_contrast_keeps_the_mean():
    images = smooth()
    outputs = train(RandomColor(contrast=0.3, seed=2), images)
    assert outputs.mean() == pytest.approx(images.mean(), rel=0.01)
    ratio = outputs.std() / images.std()
    assert 1 / 1.31 < ratio < 1.31 and abs(ratio - 1) > 0.01


def test_noise_has_its_level_and_values_stay_in_range():
    images = np.full((400, 8, 8, 3), 128, "float32")
    outputs = train(RandomColor(noise=0.1, seed=0), images)
    levels = outputs.std(axis=(1, 2, 3))
    assert levels.max() < 0.1 * 255 * 1.15
    assert levels.mean() == pytest.approx(0.05 * 255, rel=0.15)
    loud = train(RandomColor(brightness=9, seed=0), images)
    assert loud.max() == 255 and loud.min() >= 0


def test_reseeded_layers_repeat_themselves():
    layer = RandomAffine(rotation=30, seed=0)
    results = []
    for seed in ([1, 2], [1, 3], [1, 2]):
        layer.reseed(np.array(seed, "uint32"))
        results.append(train(layer, pictures()))
    np.testing.assert_array_equal(results[0], results[2])
    assert np.abs(results[0] - results[1]).max() > 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"rotation": -1},
        {"scale": (1.2, 0.8)},
        {"scale": (0, 1)},
        {"fill_mode": "mirror"},
    ],
)
def test_wrong_arguments_of_random_affine_are_named(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        RandomAffine(**arguments)


@pytest.mark.parametrize("arguments", [{"noise": -1}, {"value_range": (255, 0)}])
def test_wrong_arguments_of_random_color_are_named(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        RandomColor(**arguments)


def test_what_is_no_batch_of_images_is_refused():
    with pytest.raises(ValueError, match="takes images"):
        RandomAffine()(np.zeros((4, 4, 3), "float32"))
