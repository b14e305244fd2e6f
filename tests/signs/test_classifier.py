"""A trained network and its class names."""

import keras
import numpy as np
import pytest

from dlai_keras.signs.classifier import (
    Classifier,
    load_classifier,
    load_pretrained,
    match_classes,
)
from dlai_keras.signs.hands import make_signs
from dlai_keras.signs.model import signs_resnet


@pytest.fixture
def classifier():
    keras.utils.set_random_seed(0)
    network = signs_resnet((16, 16, 3), 3, widths=(4, 8))
    return Classifier(network, ("a", "b", "c"), 16, {"seed": 7})


def pictures(num):
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (num, 16, 16, 3), dtype="uint8")


def test_probabilities_are_the_softmax_of_the_logits_however_many(classifier):
    images = pictures(7)
    logits = keras.ops.convert_to_numpy(classifier.network(images)).astype("float64")
    odds = np.exp(logits)
    expected = odds / odds.sum(axis=1, keepdims=True)
    for batch_size in (2, 7, 64):
        found = classifier.probabilities(images, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert classifier.probabilities(images[:0]).shape == (0, 3)


def test_a_saved_classifier_is_the_same(classifier, tmp_path):
    classifier.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"model.keras", "classes.json"}
    for path in (tmp_path, tmp_path / "model.keras"):
        again = load_classifier(path)
        assert (again.class_names, again.size) == (("a", "b", "c"), 16)
        assert again.notes == {"seed": 7}
        np.testing.assert_allclose(
            again.probabilities(pictures(3)),
            classifier.probabilities(pictures(3)),
            atol=1e-6,
        )


def test_what_is_missing_or_broken_is_said(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        load_classifier(tmp_path)
    classifier.save(tmp_path)
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(ValueError, match="no saved Keras model"):
        load_classifier(tmp_path)
    (tmp_path / "classes.json").write_text("[]")
    with pytest.raises(ValueError, match="must hold class_names and size"):
        load_classifier(tmp_path)


def test_unknown_classes_are_named():
    assert match_classes(["b"], np.array([0, 0]), ["a", "b"]).tolist() == [1, 1]
    with pytest.raises(ValueError, match="knows the classes a, b"):
        match_classes(["b", "7"], np.array([0]), ["a", "b"])


def test_the_classifier_of_the_package_reads_hands_it_has_not_seen():
    pretrained = load_pretrained()
    assert pretrained.class_names == tuple("012345")
    images, labels = make_signs(np.random.default_rng(12345), 120)
    found = pretrained.probabilities(images).argmax(axis=1)
    assert (found == labels).mean() > 0.7
