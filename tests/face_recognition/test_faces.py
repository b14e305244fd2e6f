"""Drawn people: geometry beside closed forms, seeds, and what a picture must show."""

import dataclasses
import types

import cv2
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from dlai_keras.face_recognition import faces
from dlai_keras.face_recognition.data import all_pairs

SMALL = (48, 40)
LARGE = (224, 192)
CALM = faces.Circumstances(
    turn=np.eye(3),
    place=(0.5, 0.5),
    zoom=1.0,
    light=np.array([0.0, -0.3, 0.954]),
    ambient=0.7,
    smile=0.0,
    mouth_open=0.0,
    brows=0.0,
    lids=1.1,
    gaze=(0.0, 0.0),
    glasses="none",
)


def person(number=0, **changes):
    """Somebody bare and pale, on whom it shows what is drawn."""
    identity = faces.make_identity(np.random.default_rng(number))
    traits = {**identity.traits, "age": 0.2, **changes}
    bare = {"haircut": "short", "beard": "none", "spots": np.zeros((0, 4))}
    return dataclasses.replace(
        identity, traits=traits, skin=faces.SKINS[1], hair=faces.HAIRS[1], **bare
    )


def draw(identity, size=LARGE, seed=0, **changes):
    scene = dataclasses.replace(CALM, **changes)
    rng = np.random.default_rng(seed)
    image, landmarks = faces.render_face(identity, scene, rng, size=size)
    return image.astype("float64").mean(axis=-1), landmarks


def around(image, point, radius):
    """Mean of a square about a point."""
    x, y = np.round(point - 0.5).astype(int)
    part = image[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return part.mean()


# Seeds


@pytest.fixture(scope="module")
def few():
    return faces.make_faces(3, 3, 2, size=SMALL)


def assert_same(one, other):
    for first, second in zip(one.images, other.images, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one.landmarks, other.landmarks)
    assert one.labels.tolist() == other.labels.tolist() and one.names == other.names


def test_people_come_one_after_another(few):
    assert few.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert few.names == ["person_0000", "person_0001", "person_0002"]
    assert few.read(0).shape == (*SMALL, 3) and few.read(0).dtype == np.uint8
    assert few.landmarks.shape == (6, 5, 2) and few.landmarks.dtype == np.float32
    assert few.paths is None


def test_a_larger_set_begins_with_a_smaller_one(few):
    larger = faces.make_faces(3, 4, 3, size=SMALL)
    part = larger.subset([0, 1, 3, 4, 6, 7])
    assert_same(dataclasses.replace(part, names=few.names), few)


def test_the_same_seed_gives_the_same_people_in_any_number_of_processes(few):
    assert_same(faces.make_faces(3, 3, 2, size=SMALL, workers=2), few)


def test_another_seed_gives_other_people(few):
    other = faces.make_faces(4, 3, 2, size=SMALL)
    for first, second in zip(few.images, other.images, strict=True):
        assert (first != second).mean() > 0.5


def test_there_may_be_nobody():
    nobody = faces.make_faces(0, 0, 5)
    assert len(nobody) == 0 and nobody.landmarks.shape == (0, 5, 2)
    assert len(faces.make_faces(0, 2, 0)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "`seed` must be 0 or more. Received: seed=-1"),
        ({"num_people": -1}, "`num_people` must be 0 or more"),
        ({"per_person": -2}, "`per_person` must be 0 or more"),
        ({"workers": 0}, "`workers` must be 1 or more"),
        ({"size": (112, 31)}, "`size` must be a height and a width of 32 pixels"),
        ({"size": 112}, "`size` must be a height and a width"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_drawn(arguments, message):
    with pytest.raises(ValueError, match=message):
        faces.iterate_faces(**{"seed": 0, "num_people": 1, "per_person": 1} | arguments)


def test_traits_stay_in_their_ranges_and_fill_them():
    people = [faces.make_identity(np.random.default_rng(i)) for i in range(200)]
    for name, (low, high) in faces.TRAITS.items():
        values = np.array([one.traits[name] for one in people])
        assert values.min() >= low and values.max() <= high
        assert np.ptp(values) > 0.95 * (high - low)
    assert {one.haircut for one in people} == set(faces.HAIRCUTS)
    assert {one.beard for one in people} == set(faces.BEARDS)


# Geometry


def ball(radius=1.0):
    shape = (faces.RELIEF, faces.RELIEF)
    return types.SimpleNamespace(
        radius=np.full(shape, radius, "float32"), axes=np.ones(3, "float32")
    )


def test_rays_meet_a_ball_where_the_closed_form_says():
    turn, scale, middle = faces.rotation(0.4, -0.2, 0.1), 40.0, np.array([60.0, 55.0])
    head = ball(1.2)
    window = faces._window(head, turn, middle, scale, (110, 120))
    x, y, cover = faces._meet(head, turn, middle, scale, window)
    rows, columns = (np.arange(part.start, part.stop) + 0.5 for part in window)
    u, v = np.meshgrid((columns - middle[0]) / scale, (rows - middle[1]) / scale)
    assert cover.sum() / scale**2 == pytest.approx(np.pi * 1.2**2, rel=0.01)
    inside = u**2 + v**2 < 1.15**2
    assert (cover[inside] == 1).all() and (cover[u**2 + v**2 > 1.25**2] == 0).all()
    seen = np.stack([u, v, np.sqrt(np.maximum(1.44 - u**2 - v**2, 0))], axis=-1) / 1.2
    own = seen @ turn  # as the head has them
    expected = own[..., :2] * np.sqrt(2 / (1 + own[..., 2:]))
    factor = (faces.RELIEF - 1) / 2 / faces.SPAN
    found = np.stack([x, y], axis=-1) / factor - faces.SPAN
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-4)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.35, 0.1, -0.1), (-0.5, -0.2, 0.2)])
def test_rays_meet_a_head_in_the_places_that_project_there(angles):
    head, turn = person(4, nose_out=0.15).head, faces.rotation(*angles)
    scale, middle = 60.0, np.array([100.0, 110.0])
    window = slice(0, 220), slice(0, 200)
    x, y, _ = faces._meet(head, turn, middle, scale, window)
    places = np.array([(-0.4, 0.0), (0.4, 0.0), (0.0, -0.4), (-0.3, 0.7), (0.3, 0.7)])
    factor = (faces.RELIEF - 1) / 2 / faces.SPAN
    for place, point in zip(places, head.places(places), strict=True):
        column, row = np.floor(turn[:2] @ point * scale + middle).astype(int)
        found = np.array([x[row, column], y[row, column]]) / factor - faces.SPAN
        np.testing.assert_allclose(found, place, atol=0.06)


def test_normals_of_a_ball_are_its_directions():
    head = ball()
    normals = faces._normals(head.radius, head.axes)
    directions = faces._directions()
    x, y = np.meshgrid(faces._axis(), faces._axis())
    inside = x**2 + y**2 < 3
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(normals[inside], directions[inside], atol=0.01)


def test_a_rotation_turns_right_then_down_then_clockwise():
    ahead = np.array([0, 0, 1])
    assert (faces.rotation(0.3, 0, 0) @ ahead)[0] > 0.2
    assert (faces.rotation(0, 0.3, 0) @ ahead)[1] > 0.2
    assert (faces.rotation(0, 0, 0.3) @ [1, 0, 0])[1] > 0.2
    turn = faces.rotation(0.5, -0.3, 0.2)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


# Pictures


@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.4])
def test_eyes_are_where_the_landmarks_say(yaw):
    for number in range(3):
        identity = person(number, eye_height=0.1)
        image, landmarks = draw(identity, turn=faces.rotation(yaw, 0, 0))
        for eye in landmarks[:2]:
            beside = [around(image, np.add(eye, (0, step)), 3) for step in (-14, 16)]
            assert around(image, eye, 3) < min(beside) - 25


def test_the_mouth_is_where_the_landmarks_say():
    for number in range(3):
        identity = person(number)
        shut, landmarks = draw(identity)
        opened, _ = draw(identity, mouth_open=1.0)
        left, right = landmarks[3:]
        rows, columns = np.nonzero(np.abs(opened - shut) > 40)
        changed = np.array([columns.mean(), rows.mean()])
        assert abs(changed[0] - (left + right)[0] / 2) < 3
        assert -4 < changed[1] - (left + right)[1] / 2 < 12
        assert left[0] - 3 < columns.min() and columns.max() < right[0] + 3


def test_landmarks_move_as_the_head_turns():
    identity = person(1)
    still = draw(identity)[1]
    assert still[0, 0] < still[2, 0] < still[1, 0] and still[3, 0] < still[4, 0]
    assert still[:2, 1].max() < still[2, 1] < still[3:, 1].min()
    nose = [draw(identity, turn=faces.rotation(a, 0, 0))[1][2, 0] for a in (-0.3, 0.3)]
    assert nose[0] < still[2, 0] - 10 and nose[1] > still[2, 0] + 10
    low = draw(identity, turn=faces.rotation(0, 0.25, 0))[1]
    assert low[2, 1] > still[2, 1] + 5
    rolled = draw(identity, turn=faces.rotation(0, 0, 0.2))[1]
    slope = (rolled[1] - rolled[0]) @ [-np.sin(0.2), np.cos(0.2)]
    assert abs(slope - (still[1] - still[0])[1]) < 0.5
    half = draw(identity, size=(112, 96))[1]
    np.testing.assert_allclose(half * 2, still, atol=1e-3)


def test_a_smile_widens_the_mouth_and_lifts_its_corners():
    plain, smile = (draw(person(2), smile=value)[1] for value in (0.0, 1.0))
    assert np.ptp(smile[3:, 0]) > 1.1 * np.ptp(plain[3:, 0])
    assert (smile[3:, 1] < plain[3:, 1] - 2).all()
    np.testing.assert_array_equal(smile[:3], plain[:3])


def test_light_from_a_side_lights_that_side():
    identity = person(3)
    for side in (-1, 1):
        light = np.array([side, 0, 1]) / np.sqrt(2)
        image, landmarks = draw(identity, light=light, ambient=0.4)
        cheeks = (landmarks[:2] + landmarks[3:]) / 2 + np.array([[-8, 6], [8, 6]])
        left, right = (around(image, cheek, 4) for cheek in cheeks)
        assert side * (right - left) > 15


def test_a_nose_casts_a_shadow_away_from_the_light():
    # Of two heads that differ in the nose only, and of which one casts none.
    light = np.array([0.8, 0, 0.6])
    scene = dataclasses.replace(CALM, light=light, ambient=0.4)
    long, flat = (person(3, nose_out=out, bridge=out / 2) for out in (0.24, 0.0))
    difference = faces._light_map(long.head, scene) - faces._light_map(flat.head, scene)
    row = round((0.25 / faces.SPAN + 1) * (faces.RELIEF - 1) / 2)
    columns = np.round(
        (np.array([-0.3, 0.3]) / faces.SPAN + 1) * (faces.RELIEF - 1) / 2
    )
    left, right = difference[row, columns.astype(int), 0]
    assert left < -0.1 and left < right - 0.1


def test_glasses_change_the_picture_about_the_eyes_only():
    for kind in ("clear", "dark"):
        bare, landmarks = draw(person(2))
        worn, _ = draw(person(2), glasses=kind)
        # Beyond the noise and what compression makes of it.
        changed = cv2.blur(np.abs(worn - bare), (3, 3)) > 25
        rows, columns = np.nonzero(changed)
        assert changed.sum() > 100
        assert np.percentile(rows, 99) < landmarks[3:, 1].min() - 5
        assert np.percentile(rows, 1) > landmarks[:2, 1].mean() - 40
        middle = landmarks[:2, 0].mean()
        assert columns.min() < middle - 15 and columns.max() > middle + 15


def test_hair_a_beard_and_moles_are_seen():
    identity = person(0)
    image, landmarks = draw(identity)
    changes = {
        "beard": ("full", np.add(landmarks[3:].mean(axis=0), (0, 25))),
        "spots": (np.array([[-0.5, 0.35, 0.06, 0.8]]), None),
    }
    for name, (value, where) in changes.items():
        changed, _ = draw(dataclasses.replace(identity, **{name: value}))
        if where is None:
            point = identity.head.places([(-0.5, 0.35)])[0]
            scale = 0.35 * LARGE[1]
            where = point[:2] * scale + np.array(LARGE[::-1]) / 2
        assert around(changed, where, 2) < around(image, where, 2) - 20, name
    bald, _ = draw(dataclasses.replace(identity, haircut="bald"))
    above = landmarks[:2].mean(axis=0) - (0, 62)
    assert around(image, above, 3) < around(bald, above, 3) - 40


def test_all_landmarks_lie_in_the_picture_and_the_head_fills_much_of_it(crowd):
    people, _ = crowd
    assert people.landmarks.min() > 4
    assert (people.landmarks < np.array(faces.SIZE[::-1]) - 4).all()
    apart = np.linalg.norm(people.landmarks[:, 0] - people.landmarks[:, 1], axis=1)
    low, high = np.percentile(apart, (5, 95))
    assert low > 15 and high < 35


# Whether people can be told apart


@pytest.fixture(scope="module")
def crowd():
    """Forty people, and their pictures with the eyes and the mouth in one place."""
    people = faces.make_faces(0, 40, 6)
    eyes, mouth = people.landmarks[:, :2], people.landmarks[:, 3:].mean(axis=1)
    points = np.concatenate([eyes, mouth[:, None]], axis=1).astype("float32")
    target = np.float32([(15, 26), (33, 26), (24, 46)])
    aligned = [
        cv2.warpAffine(image, cv2.getAffineTransform(three, target), (48, 56))
        for image, three in zip(people.images, points, strict=True)
    ]
    return people, np.stack(aligned).reshape(len(people), -1).astype("float32")


def auc(vectors, labels):
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second, same = all_pairs(labels)
    return roc_auc_score(same, (vectors @ vectors.T)[first, second])


def test_pixels_hardly_tell_who_it_is_and_learned_features_do(crowd):
    people, aligned = crowd
    raw = np.stack(people.images).reshape(len(people), -1).astype("float32")
    learned_from = people.labels < 28
    strangers = people.labels[~learned_from]
    pixels = auc(raw[~learned_from], strangers)
    assert 0.55 < pixels < 0.75 and 0.55 < auc(raw, people.labels) < 0.75
    reduced = PCA(60, whiten=True, random_state=0).fit(aligned[learned_from])
    classes = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.3, n_components=20)
    classes.fit(reduced.transform(aligned[learned_from]), people.labels[learned_from])
    learned = classes.transform(reduced.transform(aligned[~learned_from]))
    assert auc(learned, strangers) > pixels + 0.1
