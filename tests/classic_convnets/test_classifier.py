"""The networks that come with the package, and how a mistaken file is named."""

import json

import numpy as np
import pytest

from dlai_keras.classic_convnets import classifier, faces
from dlai_keras.classic_convnets.data import make_pictures


def metrics(name):
    path = classifier.PRETRAINED / name / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8"))["metrics"]


def test_the_shipped_network_knows_fresh_drawn_things_as_its_record_says():
    network, record = classifier.load_classifier()
    test = make_pictures(np.random.default_rng(101), 200, size=record["size"])
    assert list(test.class_names) == record["class_names"]
    found = np.asarray(network.predict_on_batch(test.images)).argmax(axis=1)
    stated = metrics("objects")
    # Three standard errors of 200 pictures.
    assert np.mean(found == test.labels) > stated["accuracy"] - 0.09


def test_the_shipped_network_finds_landmarks_of_fresh_faces_as_its_record_says():
    network, record = classifier.load_faces()
    assert record["landmarks"] == list(faces.LANDMARKS)
    assert record["attributes"] == list(faces.ATTRIBUTES)
    rng = np.random.default_rng(102)
    images, places, _ = faces.make_faces(rng, 100, size=record["size"])
    found = np.asarray(network.predict_on_batch(images)["landmarks"])
    errors = np.linalg.norm(found * record["size"] - places, axis=-1)
    stated = metrics("faces")
    assert errors.mean() < 1.15 * stated["error_pixels"]


@pytest.mark.parametrize("load", [classifier.load_classifier, classifier.load_faces])
def test_a_missing_or_mistaken_file_is_named(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        load(tmp_path)
    (tmp_path / "model.keras").write_text("no model")
    for name in (classifier.CLASSIFIER_FILE, classifier.FACES_FILE):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match=r"must hold .*size"):
        load(tmp_path)
