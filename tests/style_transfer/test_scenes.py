"""Landscapes and towns."""

import cv2
import numpy as np
import pytest

from dlai_keras.style_transfer import scenes


@pytest.mark.parametrize("scene", scenes.SCENES)
def test_scenes_come_in_any_size_and_use_the_range_of_tones(scene):
    for seed, size in enumerate((32, (48, 96), (80, 40))):
        image = scenes.make_content(np.random.default_rng(seed), size, scene=scene)
        sides = (size, size) if isinstance(size, int) else size
        assert image.shape == (*sides, 3) and image.dtype == np.uint8
        assert image.std() > 20, (scene, size)
        assert len(np.unique(image // 16)) >= 8


def test_content_i_depends_on_the_seed_and_on_i_alone():
    many = scenes.make_contents(3, 7, 32)
    np.testing.assert_array_equal(scenes.make_contents(3, 2, 32), many[:2])
    np.testing.assert_array_equal(scenes.make_contents(3, 2, 32, first=5), many[5:])
    others = scenes.make_contents(4, 7, 32)
    far = np.abs(many.astype(float)[:, None] - np.concatenate([many, others]))
    far = far.mean((2, 3, 4))
    np.fill_diagonal(far, 255)
    assert far.min() > 8  # no two are alike


def test_the_scenes_come_in_turn():
    first = len(scenes.SCENES) - 2
    contents = scenes.make_contents(0, 4, 32, first=first)
    order = [*scenes.SCENES] * 2
    for index, image in enumerate(contents, first):
        rng = np.random.default_rng((0, index))
        expected = scenes.make_content(rng, 32, scene=order[index])
        np.testing.assert_array_equal(image, expected)


def test_calm_water_mirrors_what_stands_behind_it():
    rng = np.random.default_rng(0)
    scene = scenes._Scene(rng, (64, 96), ("noon",), horizon=0.4, eye=3.0)
    scene.mountains(0.5, 0.3, 2400, (120, 112, 108), snow=True)
    dry = scene.image.copy()
    scene.water(0.5, 0.9, rough=0.0)
    for row in range(1, 16):
        above, below = dry[31 - row].ravel(), scene.image[32 + row].ravel()
        assert np.corrcoef(above, below)[0, 1] > 0.9, row
        assert below.std() < above.std()  # some of the light goes into the water
    np.testing.assert_array_equal(scene.image[:31], dry[:31])
    np.testing.assert_array_equal(scene.image[58:], dry[58:])


def test_rows_of_plants_are_closer_together_near_the_horizon():
    image = scenes.make_content(np.random.default_rng(2), (192, 192), scene="fields")
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype("float32")

    def num_rows(line):
        smooth = cv2.GaussianBlur(line, (0, 0), 1.5).mean(axis=0)
        wave = smooth - cv2.GaussianBlur(smooth[None], (0, 0), 20)[0]
        return np.count_nonzero(np.diff(np.sign(wave)))

    assert num_rows(grey[120:124]) > 1.5 * num_rows(grey[184:188])


def test_lamps_are_lit_at_dusk():
    size = (96, 96)
    dusk, noon = (
        scenes.SCENES["street"](np.random.default_rng(5), size, (name,)).astype(int)
        for name in ("dusk", "noon")
    )
    assert dusk.mean() < 0.8 * noon.mean()
    assert np.percentile(dusk[48:, :, 0], 97) > 230  # the ground is at 100


def test_mistakes_say_what_was_expected():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"`size` must be 32 pixels .* size=31"):
        scenes.make_content(rng, 31)
    with pytest.raises(ValueError, match=r"`scene` must be one of lake, .* 'moon'"):
        scenes.make_content(rng, scene="moon")
    for options in ({"seed": -1}, {"num": 0}, {"first": -1}):
        (name,) = options
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            scenes.make_contents(**{"seed": 0, "num": 1, "size": 32, **options})
