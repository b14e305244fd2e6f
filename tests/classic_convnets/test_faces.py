"""Drawn faces are where they say."""

import numpy as np
import pytest

from dlai_keras.classic_convnets.faces import (
    ATTRIBUTES,
    LANDMARKS,
    MIRRORED,
    hide_attributes,
    iterate_faces,
    make_faces,
    plan_face,
    render_face,
)


@pytest.fixture(scope="module")
def planned():
    return [plan_face(np.random.default_rng((0, i))) for i in range(300)]


def test_the_same_seed_draws_the_same():
    one = make_faces(np.random.default_rng(3), 4)
    other = make_faces(np.random.default_rng(3), 2)
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine[:2], theirs)
    assert (one[0][0] != one[0][1]).any()


def test_workers_draw_the_same():
    image, landmarks, attributes = next(
        iterate_faces(np.random.default_rng(3), 1, workers=1)
    )
    images, places, labels = make_faces(np.random.default_rng(3), 1)
    np.testing.assert_array_equal(image, images[0])
    np.testing.assert_array_equal(landmarks, places[0])
    np.testing.assert_array_equal(attributes, labels[0])


def test_every_landmark_is_inside_of_the_picture(planned):
    places = np.stack([face.landmarks for face in planned])
    assert places.shape == (300, 14, 2)
    assert places.min() > 0 and places.max() < 1


def test_landmarks_are_in_order_in_an_upright_face(planned):
    for face in planned:
        points = dict(zip(LANDMARKS, face.points, strict=True))
        assert (
            points["left eye, outer corner"][0] < points["right eye, inner corner"][0]
        )
        assert points["left brow, outer end"][1] < points["left eye, outer corner"][1]
        assert points["tip of the nose"][1] < points["middle of the upper lip"][1]
        assert points["middle of the lower lip"][1] < points["chin"][1]


def test_corners_of_a_smile_are_above_its_middle(planned):
    smile = ATTRIBUTES.index("smile")
    for face in planned:
        corners = face.points[[9, 10], 1].mean()
        middle = face.points[[11, 12], 1].mean()
        if face.attributes[smile]:
            assert corners < middle - 0.05
        assert face.attributes[smile] or corners > middle - 0.15


def test_every_attribute_is_there_and_not_there_often(planned):
    shares = np.mean([face.attributes for face in planned], axis=0)
    assert (shares > 0.2).all() and (shares < 0.6).all()


def test_the_picture_is_drawn_where_the_landmarks_are():
    """Pupils are dark: between the corners of an eye it is darker than below."""
    darker = 0
    for i in range(60):
        rng = np.random.default_rng((1, i))
        face = plan_face(rng)
        image = render_face(rng, face, size=128).mean(axis=-1)
        for outer, inner in ((4, 5), (7, 6)):
            x, y = face.landmarks[[outer, inner]].mean(axis=0) * 128
            below = face.landmarks[[outer, inner, 8]].mean(axis=0) * 128
            reach = slice(int(y) - 3, int(y) + 4), slice(int(x) - 4, int(x) + 5)
            darker += image[reach].min() < image[int(below[1]), int(below[0])] - 3
    assert darker > 100  # of 120; glasses and shadows hide some


def test_mirrored_landmarks_are_the_other_sides():
    for number, other in enumerate(MIRRORED):
        name = LANDMARKS[number]
        swapped = {"left": "right", "right": "left"}
        words = name.replace(",", " ,").split()
        expected = " ".join(swapped.get(word, word) for word in words)
        assert LANDMARKS[other] == expected.replace(" ,", ",")


def test_hidden_attributes_are_minus_one_and_the_others_stay():
    labels = np.random.default_rng(0).integers(0, 2, (400, 5))
    hidden = hide_attributes(np.random.default_rng(0), labels, 0.3)
    missing = hidden == -1
    assert missing.mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(hidden[~missing], labels[~missing])
    with pytest.raises(ValueError, match=r"`share` must be from 0 to 1.*share=2"):
        hide_attributes(np.random.default_rng(0), labels, 2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"`num` must be 0 or more.*num=-1"):
        make_faces(np.random.default_rng(0), -1)
    with pytest.raises(ValueError, match=r"`size` must be 16 pixels or more.*size=8"):
        make_faces(np.random.default_rng(0), 1, size=8)
