"""Pictures of ten everyday things."""

import numpy as np
import pytest

from dlai_keras.classic_convnets.objects import (
    CLASSES,
    draw_object,
    iterate_objects,
    make_objects,
)


@pytest.fixture(scope="module")
def drawn():
    return make_objects(np.random.default_rng(3), 200)


def test_the_same_seed_draws_the_same_and_another_others(drawn):
    images, labels = make_objects(np.random.default_rng(3), 12)
    np.testing.assert_array_equal(images, drawn[0][:12])
    np.testing.assert_array_equal(labels, drawn[1][:12])
    others, _ = make_objects(np.random.default_rng(4), 12)
    assert (images != others).any(axis=(1, 2, 3)).all()


def test_workers_draw_the_same(drawn):
    pictures = list(iterate_objects(np.random.default_rng(3), 3, workers=1))
    for number, (image, label) in enumerate(pictures):
        np.testing.assert_array_equal(image, drawn[0][number])
        assert label == drawn[1][number]


def test_pictures_are_not_flat_and_differ_within_a_class(drawn):
    images, labels = drawn
    assert images.std(axis=(1, 2, 3)).min() > 5
    assert len({bytes(image) for image in images}) == len(images)
    assert np.bincount(labels).tolist() == [20] * 10


def test_colour_alone_does_not_tell_the_class(drawn):
    """The class whose mean colour is nearest: little better than one in ten."""
    images, labels = drawn
    colours = images.mean(axis=(1, 2))
    known = labels.repeat(1)[:100]
    means = np.stack([colours[:100][known == one].mean(axis=0) for one in range(10)])
    nearest = np.abs(colours[100:, None] - means).sum(axis=-1).argmin(axis=1)
    assert (nearest == labels[100:]).mean() < 0.3


def test_the_form_does_tell_it_in_the_mean():
    """Two classes differ more in their mean outline than halves of one class."""
    means = {}
    for name in ("clock", "key"):
        drawn = np.stack(
            [draw_object(np.random.default_rng((1, i)), name) for i in range(120)]
        )
        edges = np.abs(np.diff(drawn.astype("float64").mean(axis=-1), axis=1))
        means[name] = edges[:60].mean(axis=0), edges[60:].mean(axis=0)
    within = np.abs(means["clock"][0] - means["clock"][1]).mean()
    between = np.abs(means["clock"][0] - means["key"][0]).mean()
    assert between > 1.3 * within


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [16, 50])
def test_every_thing_can_be_drawn_at_any_size(name, size):
    image = draw_object(np.random.default_rng(0), name, size=size)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8


def test_wrong_arguments_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"`name` must be one of bottle.*'sofa'"):
        draw_object(rng, "sofa")
    with pytest.raises(ValueError, match=r"`num` must be 0 or more.*num=-1"):
        make_objects(rng, -1)
    with pytest.raises(ValueError, match=r"`size` must be 16 pixels or more.*size=15"):
        make_objects(rng, 1, size=15)
