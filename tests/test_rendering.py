"""What scenes are drawn with."""

import math

import numpy as np
import pytest

from dlai_keras import rendering


def test_a_placement_is_its_steps_one_after_another():
    angle, stretch, shear = 0.3, 1.5, 0.2
    matrix = rendering.placement(
        (5, 7), 3, angle=angle, stretch=stretch, shear=shear, mirror=True
    )
    x, y = 0.4, -0.8
    x = -x
    x, y = x * math.sqrt(stretch), y / math.sqrt(stretch)
    x = x + shear * y
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = cosine * x - sine * y, sine * x + cosine * y
    np.testing.assert_allclose(matrix @ [0.4, -0.8, 1], [5 + 3 * x, 7 + 3 * y])


def test_shapes_cover_their_areas():
    size, scale = 200, 50
    place = rendering.placement((100, 100), scale, angle=0.4)
    canvas = rendering.Canvas(size, place)
    canvas.ellipse((0, 0), (1.0, 0.5), (10, 20, 30))
    area = (canvas.cover > 0).sum() / scale**2
    assert area == pytest.approx(math.pi * 0.5, rel=0.05)
    canvas.polygon([(-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)], None)
    hole = area - (canvas.cover > 0).sum() / scale**2
    assert hole == pytest.approx(0.16, rel=0.1)
    assert canvas.image[100, 140].tolist() == [10, 20, 30]


def test_a_stroke_is_as_wide_as_it_says():
    canvas = rendering.Canvas(200, rendering.placement((100, 100), 50))
    canvas.stroke([(-1, 0), (1, 0)], 0.4, (200, 0, 0))
    assert (canvas.cover[:, 100] > 0).sum() == pytest.approx(20, abs=2)


def test_a_layer_keeps_colours_up_to_its_edges():
    canvas = rendering.Canvas(90, rendering.placement((45, 45), 30))
    canvas.ellipse((0, 0), (1, 1), (60, 120, 240))
    image, cover = canvas.layer(30)
    assert cover.min() == 0 and cover.max() == 1
    edge = (cover > 0.2) & (cover < 0.9)
    assert edge.sum() > 20
    np.testing.assert_allclose(image[edge], [[60, 120, 240]] * edge.sum(), atol=1.5)


def test_blending_is_a_weighted_mean():
    rng = np.random.default_rng(0)
    image, layer = rng.uniform(0, 255, (2, 4, 5, 3))
    cover = rng.random((4, 5))
    expected = image * (1 - cover[..., None]) + layer * cover[..., None]
    np.testing.assert_allclose(rendering.blend(image, layer, cover), expected)


def test_arcs_begin_and_end_where_they_say():
    points = rendering.arc((1, 2), (3, 4), 0, 90)
    np.testing.assert_allclose(points[[0, -1]], [(4, 2), (1, 6)], atol=1e-9)


def test_colours_keep_their_bounds():
    rng = np.random.default_rng(0)
    grey = [rendering.color(rng, saturation=(0, 0), value=(0.5, 0.5)) for _ in "abc"]
    np.testing.assert_allclose(grey, 127.5)
    full = [rendering.color(rng, saturation=(1, 1), value=(1, 1)) for _ in range(50)]
    np.testing.assert_allclose(np.max(full, axis=1), 255)
    np.testing.assert_allclose(np.min(full, axis=1), 0, atol=1e-9)
    assert np.std(full, axis=0).min() > 40  # of every hue


@pytest.mark.parametrize("seed", range(6))
def test_scenes_are_pictures_and_the_same_for_a_seed(seed):
    drawn = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        image = rendering.clutter(rng, rendering.background(rng, 40), 3)
        drawn.append(rendering.photograph(rng, image))
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].shape == (40, 40, 3) and drawn[0].dtype == np.uint8
    assert drawn[0].std() > 2


def test_clutter_leaves_the_picture_it_is_given():
    rng = np.random.default_rng(0)
    image = rendering.background(rng, 40)
    before = image.copy()
    changed = rendering.clutter(rng, image, 5)
    np.testing.assert_array_equal(image, before)
    assert (changed != before).any(axis=-1).mean() > 0.02


def test_a_shadow_darkens_near_what_casts_it_and_nothing_far_away():
    cover = np.zeros((60, 60), "float32")
    cover[25:35, 25:35] = 1
    image = np.full((60, 60, 3), 200, "float32")
    darker = []
    for seed in range(10):
        shaded = rendering.cast_shadow(np.random.default_rng(seed), image, cover)
        assert (shaded <= 200).all() and (shaded[:10] == 200).all()
        darker.append(shaded.min())
    assert min(darker) < 140


def test_uneven_light_keeps_the_mean():
    image = np.full((50, 50, 3), 100, "float32")
    lit = [rendering.shade(np.random.default_rng(s), image) for s in range(8)]
    np.testing.assert_allclose([one.mean() for one in lit], 100, rtol=1e-3)
    assert max(np.ptp(one) for one in lit) > 15
    assert max(np.abs(one - 100).max() for one in lit) <= 35 * math.sqrt(2)
