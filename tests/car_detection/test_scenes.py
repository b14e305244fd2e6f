"""Drawn streets."""

import dataclasses
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlai_keras.boxes import convert, pairwise_iou
from dlai_keras.car_detection import scenes
from dlai_keras.car_detection.scenes import (
    CLASSES,
    compose,
    draw_street_scene,
    iterate_street_scenes,
    make_street_scenes,
)

NUM = 36


@pytest.fixture(scope="module")
def drawn():
    return make_street_scenes(4, NUM)


@pytest.fixture(scope="module")
def canvases():
    """The scenes of `drawn`, before the camera."""
    made = []
    for index in range(NUM):
        canvas, things = compose(np.random.default_rng((4, index)), scenes.SIZE)
        canvas.things(things)
        made.append(canvas)
    return made


def assert_same(first, second):
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.boxes_xyxy, second.boxes_xyxy)
    np.testing.assert_array_equal(first.class_ids, second.class_ids)
    np.testing.assert_array_equal(first.ignored, second.ignored)


def test_a_scene_depends_on_the_seed_and_its_number_alone(drawn):
    fewer = make_street_scenes(4, 5)
    assert len(fewer) == 5 and fewer.class_names == list(CLASSES)
    for one, same in zip(fewer.images, drawn.images[:5], strict=True):
        assert_same(one, same)
    # Also when the one before it was not drawn, and the stock of forms was not built.
    scenes.vehicles.model.cache_clear()
    assert_same(draw_street_scene(np.random.default_rng((4, 17))), drawn[17])
    assert (make_street_scenes(5, 1)[0].image != drawn[0].image).any()


def test_workers_draw_the_same(drawn):
    spread = list(iterate_street_scenes(4, 3, workers=2))
    assert len(spread) == 3
    for one, same in zip(spread, drawn.images[:3], strict=True):
        assert_same(one, same)


def test_pictures_are_uint8_of_their_size_with_boxes_inside(drawn):
    for scene in drawn.images:
        assert scene.image.shape == (192, 320, 3) and scene.image.dtype == np.uint8
        assert scene.image.std() > 5
        boxes = scene.boxes_xyxy
        assert (boxes >= 0).all() and (boxes <= [320, 192, 320, 192]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        sides = boxes[:, 2:] - boxes[:, :2]
        assert (scene.areas <= sides.prod(axis=1)).all() and (scene.areas > 0).all()


def extent(pixels):
    rows, columns = np.nonzero(pixels.any(axis=1))[0], np.nonzero(pixels.any(axis=0))[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def test_a_box_bounds_what_changes_when_its_object_is_taken_away():
    """The same scene without the object differs inside the box, and up to its edges.

    Shadows and lamps are left out, since they change what is around an object. Where an
    edge has the colour of what is behind it by chance, the change ends before the box.
    """
    num, tight = 0, 0
    for index in range(2):

        def draw(without=None, index=index):
            canvas, things = compose(np.random.default_rng((11, index)), scenes.SIZE)
            things = [
                dataclasses.replace(one, has_shadow=False, lamps=frozenset())
                for i, one in enumerate(things)
                if i != without
            ]
            canvas.things(things)
            return canvas, things

        canvas, things = draw()
        for number, (thing, *_) in enumerate(canvas.objects, 1):
            found = canvas.look(number)
            if found is None:
                continue
            box = found[0] * scenes.SUPERSAMPLING
            other, _ = draw(next(i for i, one in enumerate(things) if one is thing))
            changed = (canvas.pixels != other.pixels)[..., :3].any(axis=-1)
            if not changed.any():
                assert found[1] < 30
                continue
            seen = extent(changed)
            assert (seen[:2] >= box[:2]).all() and (seen[2:] <= box[2:]).all()
            num, tight = num + 1, tight + int(np.abs(seen - box).max() <= 2)
    assert num >= 12 and tight >= 0.9 * num


def test_what_stands_near_hides_what_is_behind_it():
    rng = np.random.default_rng(0)
    air, view = scenes.Air.draw(rng), scenes.View.draw(rng, (96, 160))
    view = dataclasses.replace(view, yaw=0.0, height=1.5, horizon=40.0, focal=150.0)
    models = scenes.vehicles.model(scenes.vehicles.car, 1)
    thing = scenes.street.Thing
    near = thing(models, 0.0, 10.0, 0.0, (255, 0, 0), class_id=0)
    far = thing(models, 0.9, 18.0, 0.0, (255, 0, 0), class_id=0)

    def draw(*things):
        canvas = scenes.Canvas(view, air)
        canvas.things(things)
        return canvas

    both, alone = draw(near, far), draw(far)
    assert [one[0].v for one in both.objects] == [18.0, 10.0]  # far ones first
    box, seen, whole = both.look(1)
    whole_box, _, all_seen = alone.look(1)
    assert whole == all_seen and 0 < seen < 0.8 * whole
    assert box[0] > whole_box[0] and box[2] == whole_box[2]
    assert both.look(2)[1] == both.look(2)[2]
    # Sizes follow the distance: the rear of the near car is 9/5 as wide.
    width, far_width = (np.diff(b[[0, 2]])[0] for b in (both.look(2)[0], whole_box))
    assert width / far_width == pytest.approx(18 / 10, rel=0.12)
    # Its wheels stand on the ground: row = horizon + focal * height / distance.
    rear = 10 + models[0].low[2]
    assert both.look(2)[0][3] == pytest.approx(40 + 150 * 1.5 / rear, abs=2.5)


def test_the_edge_of_the_picture_cuts_off_and_does_not_hide():
    rng = np.random.default_rng(0)
    air, view = scenes.Air.draw(rng), scenes.View.draw(rng, (96, 160))
    view = dataclasses.replace(view, yaw=0.0, height=1.5, horizon=40.0, focal=150.0)
    models = scenes.vehicles.model(scenes.vehicles.car, 1)
    canvas = scenes.Canvas(view, air)
    canvas.things([scenes.street.Thing(models, 4.4, 8.0, class_id=0)])
    (boxes, _, ignored, _) = canvas.annotate()
    assert boxes[0][2] == 160.0 and ignored == [False]
    # Beside the camera: corners behind it do not turn the picture inside out.
    canvas.things([scenes.street.Thing(models, 1.6, 2.0, class_id=0)])
    box = canvas.look(2)[0]
    assert box[0] > 80 and box[2] == 160.0 and box[3] == 96.0


def test_a_typical_scene_has_five_objects_or_more_of_all_sizes(drawn):
    counts = np.array([(~scene.ignored).sum() for scene in drawn.images])
    assert counts.mean() >= 5 and np.median(counts) >= 5 and (counts >= 5).mean() > 0.5
    kept = np.concatenate([s.boxes_xyxy[~s.ignored] for s in drawn.images])
    longer = (kept[:, 2:] - kept[:, :2]).max(axis=1)
    assert longer.min() >= 12
    assert (longer < 24).mean() > 0.1 and (longer > 64).mean() > 0.1
    class_ids = np.concatenate([s.class_ids[~s.ignored] for s in drawn.images])
    assert set(class_ids.tolist()) == {0, 1, 2, 3}
    assert np.bincount(class_ids).argmax() == 0


def test_more_is_learned_than_is_counted(drawn):
    more = make_street_scenes(4, 6, limits=scenes.LEARNED)
    num = 0
    for counted, learned in zip(drawn.images[:6], more.images, strict=True):
        np.testing.assert_array_equal(counted.image, learned.image)
        np.testing.assert_array_equal(counted.boxes_xyxy, learned.boxes_xyxy)
        assert (counted.ignored >= learned.ignored).all()
        num += (counted.ignored > learned.ignored).sum()
        sides = np.sort(np.diff(learned.boxes_xyxy.reshape(-1, 2, 2), axis=1)[:, 0])
        small = (sides < (scenes.LEARNED.narrowest, scenes.LEARNED.shortest)).any(1)
        assert learned.ignored[small].all()
    assert num >= 3


def test_about_a_third_of_the_objects_are_partly_hidden(drawn, canvases):
    shares, num_ignored = [], 0
    for scene, canvas in zip(drawn.images, canvases, strict=True):
        boxes, *_, areas = canvas.annotate()
        np.testing.assert_array_equal(np.reshape(boxes, (-1, 4)), scene.boxes_xyxy)
        np.testing.assert_array_equal(areas, scene.areas)
        for number in range(len(canvas.objects), 0, -1):
            found = canvas.look(number)
            if found is None:
                continue
            box, seen, whole = found
            short, long = sorted(box[2:] - box[:2])
            if long >= 12 and short >= 10 and seen >= 0.65 * whole:
                shares.append(seen / whole)
            elif long >= 6 and short >= 2:
                num_ignored += 1
    assert len(shares) == sum((~scene.ignored).sum() for scene in drawn.images)
    assert num_ignored == sum(scene.ignored.sum() for scene in drawn.images)
    assert 0.25 < np.mean(np.array(shares) < 0.99) < 0.45


def test_nights_are_darker_than_days_and_lamps_shine_in_them():
    brightness = {"day": [], "night": []}
    lamps = {"day": [], "night": []}
    for index in range(24):
        rng = np.random.default_rng((4, index))
        canvas, things = compose(rng, (96, 160))
        if canvas.air.time == "dusk":
            continue
        canvas.things(things)
        brightness[canvas.air.time].append(canvas.photograph(rng).image.mean())
        lamps[canvas.air.time].append(len(canvas.lamps))
    assert len(brightness["night"]) >= 3
    assert np.mean(brightness["night"]) < 0.65 * np.mean(brightness["day"])
    assert np.mean(lamps["night"]) > 2 * np.mean(lamps["day"])


@pytest.mark.skipif(
    "DLAI_DATA" not in os.environ or not hasattr(cv2.dnn, "readNetFromDarknet"),
    reason="DLAI_DATA is not set, or OpenCV is 5, which reads no Darknet network",
)
def test_a_detector_that_was_trained_on_photographs_finds_most_of_the_cars():
    folder = Path(os.environ["DLAI_DATA"]) / "car_detection/yolo_fastest_1.1"
    network = cv2.dnn.readNetFromDarknet(
        str(folder / "yolo-fastest-1.1-xl.cfg"),
        str(folder / "yolo-fastest-1.1-xl.weights"),
    )
    model = cv2.dnn.DetectionModel(network)
    model.setInputParams(1 / 255, (320, 320))
    num, found = 0, 0
    for scene in iterate_street_scenes(8, 28, size=(320, 480)):
        class_ids, _, boxes_xywh = model.detect(scene.image, 0.25, 0.45)
        boxes = convert(np.reshape(boxes_xywh, (-1, 4)), "xywh", "xyxy")
        boxes = boxes[np.isin(np.ravel(class_ids), (2, 5, 7))]  # car, bus, lorry
        is_large = (scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]).max(axis=1) >= 40
        cars = scene.boxes_xyxy[is_large & ~scene.ignored & (scene.class_ids == 0)]
        num += len(cars)
        if len(boxes):
            found += (pairwise_iou(cars, boxes).max(axis=1) >= 0.5).sum()
    assert num >= 40 and found / num > 0.6


@pytest.mark.parametrize("size", [(64, 64), (75, 131), (256, 256)])
def test_scenes_can_be_drawn_at_any_size(size):
    for index in range(2):
        scene = draw_street_scene(np.random.default_rng(index), size=size)
        assert scene.image.shape == (*size, 3) and scene.size == size


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"`num` must be 0 or more.*num=-1"):
        make_street_scenes(0, -1)
    with pytest.raises(ValueError, match=r"`seed` must be 0 or more.*seed=-2"):
        make_street_scenes(-2, 1)
    with pytest.raises(ValueError, match=r"`workers` must be 1 or more.*workers=0"):
        iterate_street_scenes(0, 1, workers=0)
    for size in ((63, 320), 192, (192, 320, 3)):
        with pytest.raises(ValueError, match="`size` must be a height and a width"):
            make_street_scenes(0, 1, size=size)
    assert len(make_street_scenes(0, 0)) == 0
