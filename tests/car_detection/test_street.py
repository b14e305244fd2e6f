"""Streets on the ground plane, and what stands and drives on them."""

import math

import numpy as np
import pytest

from dlai_keras.car_detection import street, vehicles


def streets(num):
    """Streets of all kinds, each with the generator that drew it."""
    for index in range(num):
        rng = np.random.default_rng((2, index))
        place = ("driver", "pavement", "bridge")[index % 3]
        yaw = rng.normal(0, 0.6)
        yield rng, street.Street.draw(rng, place, yaw), place, yaw


def test_lanes_lie_side_by_side_between_the_edges():
    kinds = set()
    for _, road, place, yaw in streets(60):
        kinds.add(road.kind)
        middles = [u for u, _ in road.lanes()]
        assert len(middles) == road.back + road.ahead
        np.testing.assert_allclose(np.diff(middles), road.lane)
        assert middles[0] - road.lane / 2 == pytest.approx(road.left + road.parking[0])
        assert middles[-1] + road.lane / 2 == pytest.approx(
            road.right - road.parking[1]
        )
        directions = [direction for _, direction in road.lanes()]
        assert directions == [-1] * road.back + [1] * road.ahead
        if place == "driver":  # on the right lane of the road
            assert min(abs(u) for u, way in road.lanes() if way > 0) < 0.4 * road.lane
        elif place == "pavement":  # beside the road, which it looks at
            assert road.left > 0 if yaw >= 0 else road.right < 0
    assert kinds == {"city", "suburb", "highway"}


def test_a_bend_moves_the_road_with_the_square_of_the_distance():
    road = street.Street(-5, 3.5, 1, 1, (0, 0), 0.002, 0, None, "highway")
    assert [road.shift(v) for v in (-50, 0, 50, 100)] == [0, 0, 2.5, 10]
    assert road.is_free(1e6) and road.junction == (math.inf, math.inf)
    crossed = street.Street(-5, 3.5, 1, 1, (0, 0), 0.0, 0, 20.0, "city")
    assert crossed.junction == (13, 27)
    assert not crossed.is_free(12) and not crossed.is_free(28)
    assert crossed.is_free(10) and crossed.is_free(30)


def test_marks_lie_on_the_road():
    num = 0
    for rng, road, *_ in streets(20):
        shapes = street.ground(rng, road, is_wet=False)
        for corners, color in shapes:
            color = np.asarray(color)
            u, v = np.array(corners).T
            is_thin = np.ptp(u) < 0.5
            if color.min() > 140 and is_thin and not road.pavement:
                shift = np.array([road.shift(one) for one in v])
                assert (u - shift > road.left - 0.01).all()
                assert (u - shift < road.right + 0.01).all()
                num += 1
        assert all(len(corners) == 4 for corners, _ in shapes)
    assert num > 50


def test_houses_and_trees_stand_beside_the_road():
    num = 0
    for rng, road, *_ in streets(30):
        for thing in street.surroundings(rng, road, is_dark=False):
            if thing.v > 110:
                continue
            assert not thing.lamps and thing.class_id is None
            u = thing.u - road.shift(thing.v)
            assert u < road.left or u > road.right
            num += 1
            if thing.is_behind and not thing.is_flat:  # no corner of a house either
                left, right, rear, front, _ = vehicles.footprint(thing.models)
                for x in (left, right):
                    for z in (rear, front):
                        corner = u + x * math.cos(thing.heading)
                        corner += z * math.sin(thing.heading)
                        assert corner < road.left or corner > road.right
    assert num > 300


def test_nothing_drives_into_anything():
    for rng, road, *_ in streets(30):
        traffic = street.Traffic(rng, road, are_lights_on=False)
        boxes = np.array(traffic.taken)
        for i, (left, near, right, far) in enumerate(boxes):
            others = np.delete(boxes, i, axis=0)
            apart = (others[:, 0] >= right) | (others[:, 2] <= left)
            apart |= (others[:, 1] >= far) | (others[:, 3] <= near)
            assert apart.all()
        # The camera's own place is the first.
        assert boxes[0].tolist() == [-2.2, -4, 2.2, 4]


def test_vehicles_look_where_their_lane_goes():
    num = 0
    for rng, road, *_ in streets(30):
        for thing in street.Traffic(rng, road, are_lights_on=True).things:
            if thing.class_id not in (street.CAR, street.LORRY) or not thing.lamps:
                continue
            u = thing.u - road.shift(thing.v)
            for middle, direction in road.lanes():
                if abs(u - middle) < 0.5 and road.is_free(thing.v):
                    turn = thing.heading - road.bend * thing.v
                    assert math.cos(turn) * direction > 0.9
                    num += 1
    assert num > 60


def test_lights_stand_at_crossings_and_all_show_the_same():
    seen = 0
    for rng, road, *_ in streets(40):
        things = street.Traffic(rng, road, are_lights_on=False).things
        lights = [one for one in things if one.class_id == street.LIGHT]
        if road.crossing is None:
            assert not lights
        if lights:
            seen += 1
            assert len({one.lamps for one in lights}) == 1
            (lamp,) = lights[0].lamps
            assert lamp in vehicles.SIGNALS
            assert all(one.up > 2 for one in lights)
    assert seen > 5


def test_lamps_are_lit_in_the_dark():
    for is_dark in (False, True):
        lit, parked = 0, 0
        for rng, road, *_ in streets(12):
            things = street.surroundings(rng, road, is_dark=is_dark)
            assert any(one.lamps for one in things) == is_dark
            for one in street.Traffic(rng, road, are_lights_on=is_dark).things:
                lit += "head" in one.lamps
                parked += not one.lamps and one.class_id == street.CAR
        assert parked > 0 and (lit > 30) == is_dark
