"""A trained network, its threshold, and how faces enter it."""

import json

import cv2
import keras
import numpy as np
import pytest

from dlai_keras.face_recognition.alignment import template_points
from dlai_keras.face_recognition.faces import make_faces
from dlai_keras.face_recognition.metrics import all_distances, auc
from dlai_keras.face_recognition.recognizer import (
    FaceRecognizer,
    crop_face,
    fit_face,
    load_pretrained,
    load_recognizer,
)

SIZE = (16, 12)


def tiny_network(seed=0):
    """Numbers of a colour's share, so that pictures of one colour are near."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((*SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.UnitNormalization()(x))


@pytest.fixture(scope="module")
def network():
    return tiny_network()


@pytest.fixture
def recognizer(network):
    return FaceRecognizer(network, 0.5, SIZE, notes={"seed": 7})


def faces(num, size=SIZE):
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (num, *size, 3), dtype="uint8")


def test_embeddings_are_those_of_the_network_however_many(recognizer):
    images = faces(7)
    expected = keras.ops.convert_to_numpy(recognizer.model(images))
    for batch_size in (2, 5, 32):
        found = recognizer.embed(iter(images), batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert recognizer.embed([]).shape == (0, 5) and recognizer.embedding_size == 5


def test_mirrored_embeddings_do_not_know_left_from_right(network):
    recognizer = FaceRecognizer(network, 0.5, SIZE, mirror=True)
    images = faces(3)
    found = recognizer.embed(images)
    plain = FaceRecognizer(network, 0.5, SIZE).embed(images)
    other = FaceRecognizer(network, 0.5, SIZE).embed(images[:, :, ::-1])
    mean = (plain + other) / np.linalg.norm(plain + other, axis=1, keepdims=True)
    np.testing.assert_allclose(found, mean, atol=1e-6)
    np.testing.assert_allclose(recognizer.embed(images[:, :, ::-1]), found, atol=1e-6)
    assert np.abs(plain - other).max() > 0.01


def test_two_pictures_are_verified_by_their_distance(recognizer):
    first, second = faces(2)
    one, other = recognizer.embed([first, second])
    same, distance = recognizer.verify(first, second)
    assert distance == pytest.approx(np.linalg.norm(one - other), abs=1e-6)
    assert 0.01 < distance < 2
    assert same == (distance <= 0.5)
    assert recognizer.with_threshold(distance + 0.001).verify(first, second)[0]
    assert not recognizer.with_threshold(distance - 0.001).verify(first, second)[0]
    assert recognizer.verify(first, first) == (True, pytest.approx(0, abs=1e-3))


def test_the_middle_of_a_larger_picture_is_taken(recognizer):
    image = np.zeros((40, 60, 3), "uint8")
    image[:, 15:45] = 200  # 40 x 30 has the aspect of 16 x 12
    fitted = fit_face(image, SIZE)
    assert fitted.shape == (*SIZE, 3) and (fitted == 200).all()
    tall = np.zeros((80, 30, 3), "uint8")
    tall[20:60] = 90
    assert (fit_face(tall, SIZE) == 90).all()
    assert (fit_face(np.full((1, 1, 3), 9, "uint8"), SIZE) == 9).all()
    exact = faces(1)[0]
    np.testing.assert_array_equal(fit_face(exact, SIZE), exact)
    np.testing.assert_allclose(
        recognizer.embed([image]), recognizer.embed([fitted]), atol=1e-6
    )


def test_a_found_face_is_turned_onto_the_template(recognizer):
    """The five points of a face that was turned and shrunk lie where they should."""
    points = template_points("arcface", SIZE)
    turn = cv2.getRotationMatrix2D((8, 8), 25, 4.0)
    turn[:, 2] += 30
    moved = points @ turn[:, :2].T + turn[:, 2]
    image = np.zeros((120, 120, 3), "uint8")
    for number, (x, y) in enumerate(moved):
        cv2.circle(image, (round(x), round(y)), 3, (50 * number + 50, 255, 0), -1)
    face = recognizer.face(image, moved)
    assert face.shape == (*SIZE, 3)
    np.testing.assert_array_equal(face, crop_face(image, SIZE, landmarks=moved))
    for x, y in points:
        assert face[round(y), round(x), 1] > 100
    assert face[..., 1].mean() < 60


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9), "uint8"), "is grey"),
        (np.zeros((9, 9, 4), "uint8"), "has transparency"),
        (np.zeros((9, 9, 3)), "float64"),
        (np.zeros((0, 9, 3), "uint8"), "no picture"),
    ],
)
def test_what_is_no_picture_is_refused(recognizer, image, message):
    with pytest.raises(ValueError, match=message):
        recognizer.embed([image])


def test_a_saved_recognizer_is_the_same(recognizer, tmp_path):
    recognizer.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"model.keras", "recognizer.json"}
    for path in (tmp_path, tmp_path / "model.keras"):
        again = load_recognizer(path)
        assert (again.threshold, again.size) == (0.5, SIZE)
        assert (again.template, again.mirror) == ("arcface", False)
        assert again.notes == {"seed": 7}
        assert again.model_id == recognizer.model_id
        np.testing.assert_allclose(
            again.embed(faces(3)), recognizer.embed(faces(3)), atol=1e-6
        )


def test_in_half_precision_it_is_half_as_large_and_the_same(recognizer, tmp_path):
    recognizer.save(tmp_path / "whole")
    recognizer.save(tmp_path / "half", half=True)
    again = load_recognizer(tmp_path / "half")
    assert again.model_id == recognizer.model_id
    weights = again.model.get_weights()[0]
    assert weights.dtype == "float32"
    assert np.abs(weights - recognizer.model.get_weights()[0]).max() > 0
    difference = again.embed(faces(3)) - recognizer.embed(faces(3))
    assert np.abs(difference).max() < 2e-3


def test_another_network_has_another_id(recognizer, network):
    assert recognizer.model_id == FaceRecognizer(network, 0.9, SIZE).model_id
    assert len(recognizer.model_id) == 16
    others = {
        FaceRecognizer(tiny_network(1), 0.5, SIZE).model_id,
        FaceRecognizer(network, 0.5, SIZE, mirror=True).model_id,
        FaceRecognizer(network, 0.5, SIZE, "openface").model_id,
    }
    assert len(others | {recognizer.model_id}) == 4


def test_what_is_missing_or_broken_is_said(recognizer, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        load_recognizer(tmp_path)
    recognizer.save(tmp_path)
    settings = tmp_path / "recognizer.json"
    record = json.loads(settings.read_text())
    settings.write_text(json.dumps(record | {"model_id": "0" * 16}))
    with pytest.raises(ValueError, match="Copy the two files of one training"):
        load_recognizer(tmp_path)
    settings.write_text(json.dumps(record | {"size": [9, 9]}))
    with pytest.raises(ValueError, match="`size` must be that of the model"):
        load_recognizer(tmp_path)
    settings.write_text("[]")
    with pytest.raises(ValueError, match="must hold threshold, size, template and"):
        load_recognizer(tmp_path)
    (tmp_path / "model.keras").write_text("no model")
    settings.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="no saved Keras model"):
        load_recognizer(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 2.1}, "`threshold` must be a distance of unit vectors"),
        ({"size": (12, 16)}, "`size` must be that of the model"),
        ({"template": "eyes"}, "`template` must be one of"),
    ],
)
def test_settings_that_do_not_fit_are_refused(network, change, message):
    settings = {"threshold": 0.5, "size": SIZE, "template": "arcface"} | change
    with pytest.raises(ValueError, match=message):
        FaceRecognizer(network, **settings)


def test_the_recognizer_of_the_package_tells_people_it_never_saw_apart():
    people = make_faces(987_654, 12, 5)
    pretrained = load_pretrained()
    embeddings = pretrained.embed(people.images)
    assert embeddings.shape == (60, pretrained.embedding_size)
    first, second = np.triu_indices(len(people), 1)
    same = people.labels[first] == people.labels[second]
    distances = all_distances(embeddings)
    assert auc(distances, same) > 0.95  # pixels: 0.7
    right = (distances < pretrained.threshold) == same
    assert min(right[same].mean(), right[~same].mean()) > 0.85
