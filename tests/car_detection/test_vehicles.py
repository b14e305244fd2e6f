"""Cars, lorries, people and lights as faces in space."""

import cv2
import numpy as np
import pytest

from dlai_keras.car_detection import vehicles
from dlai_keras.car_detection.vehicles import Solid, footprint, model

BUILDERS = {
    vehicles.car: ((3.6, 6.0), (1.6, 2.6), (1.2, 2.3)),
    vehicles.lorry: ((5.5, 16), (2.0, 3.3), (2.2, 4.0)),
    vehicles.pedestrian: ((0, 0.01), (1.0, 1.9), (1.0, 1.9)),
    vehicles.traffic_light: ((0.2, 0.3), (0.3, 0.95), (0.95, 1.6)),
}


def outward(corners):
    """A vector out of a face whose corners are as one sees them from outside."""
    a, b, _, d = np.asarray(corners, float)
    return np.cross(d - a, b - a)


def test_the_faces_of_a_box_look_out_of_it():
    solid = Solid()
    faces = solid.box(-1, 2, 0, 3, -4, 5, (9, 9, 9))
    centre = np.array([0.5, 1.5, 0.5])
    ways = []
    for face in faces:
        corners = np.array(solid.corners[face], float)
        way = outward(corners)
        assert way @ (corners.mean(axis=0) - centre) > 0
        ways.append(tuple(np.sign(way).astype(int).tolist()))
    expected = [(0, 0, -1), (0, 0, 1), (-1, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert ways == expected  # rear, front, left, right, top


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda one: one.__name__)
def test_things_have_the_size_they_have_on_streets(builder):
    for number in range(12):
        left, right, rear, front, high = footprint(model(builder, number))
        values = front - rear, right - left, high
        for value, (least, most) in zip(values, BUILDERS[builder], strict=True):
            assert least <= value <= most
        low = min(part.low[1] for part in model(builder, number))
        assert abs(low) < 0.15  # on the ground


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda one: one.__name__)
def test_colours_are_linear_in_the_paint(builder):
    paint = np.array([40.0, 90.0, 200.0])
    rng = np.random.default_rng((3, 20170))  # as `model` seeds it
    for solid, part in zip(builder(rng, paint), model(builder, 3), strict=True):
        np.testing.assert_allclose(
            part.base + part.gain * paint, solid.colors, atol=1e-3
        )
        assert (part.gain != 0).any() or len(solid.colors) < 90
        np.testing.assert_allclose(part.corners, solid.corners, atol=1e-6)


def test_a_model_knows_its_polygons():
    solid = Solid()
    face = solid.face([(-1, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 2, 0)], (9, 9, 9))
    solid.paint(face, [(0, 0), (1, 0), (0.2, 0.2), (0, 1)], (5, 5, 5), lamp="tail")
    solid.rectangle(face, 0.1, 0.2, 0.3, 0.4, (1, 2, 3), fine=True)
    made = vehicles.Model(solid, solid)
    assert made.counts.tolist() == [4, 4, 4] and made.faces.tolist() == [0, 0, 0]
    assert made.convex.tolist() == [True, False, True]
    assert made.fine.tolist() == [False, False, True]
    names = [None, *vehicles.LAMPS]
    assert [names[i] for i in made.lamps] == [None, "tail", None]
    np.testing.assert_allclose(
        made.shares[8:], [(0.1, 0.2), (0.3, 0.2), (0.3, 0.4), (0.1, 0.4)]
    )
    assert made.low.tolist() == [-1, 0, 0] and made.high.tolist() == [1, 2, 0]


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda one: one.__name__)
def test_convex_polygons_are_those_that_are_their_own_hull(builder):
    for part in model(builder, 5):
        stops = np.cumsum(part.counts)
        for convex, count, stop in zip(part.convex, part.counts, stops, strict=True):
            polygon = part.shares[stop - count : stop]
            area = cv2.contourArea(polygon)
            hull = cv2.contourArea(cv2.convexHull(polygon))
            if area > 1e-4:
                assert hull < 1.0001 * area if convex else hull > (1 + 1e-6) * area


def test_the_same_number_is_the_same_form_and_numbers_differ():
    assert model(vehicles.car, 7) is model(vehicles.car, 7)
    sizes = {model(vehicles.car, number)[0].high.tobytes() for number in range(10)}
    assert len(sizes) == 10


def test_cars_have_lamps_in_front_and_behind():
    names = [None, *vehicles.LAMPS]
    for number in range(8):
        (part,) = model(vehicles.car, number)
        for lamp, sign in (("tail", -1), ("head", 1)):
            faces = part.faces[part.lamps == names.index(lamp)]
            assert len(faces) == 2
            assert (sign * part.corners[faces][..., 2] > 1.5).all()


def test_a_quarter_of_the_cars_is_white_and_few_are_gaudy():
    rng = np.random.default_rng(0)
    colors = np.stack([vehicles.car_color(rng) for _ in range(600)])
    assert 0.2 < (colors.min(axis=1) > 195).mean() < 0.33
    assert 0.55 < (np.ptp(colors, axis=1) < 30).mean() < 0.85


def test_smaller_keeps_the_middle():
    got = vehicles.smaller(vehicles.WHOLE, 0.5)
    assert got == [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
