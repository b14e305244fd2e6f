"""Figures are those that counting by hand gives."""

import numpy as np
import pytest

from dlai_keras.emojify.data import Sentences
from dlai_keras.emojify.metrics import by_kind, by_label, confusion, correct

SENTENCES = Sentences(
    ("a b", "b a", "not c", "c", "d"),
    ((0,), (1,), (1,), (0,), (2,)),
    ("x", "y", "z"),
    np.array([0, 0, 1, 1, 2]),
    ("order", "order", "negation", "plain", "plain"),
)
PREDICTED = [(0,), (0,), (1,), (0,), (1,)]


def test_a_sentence_is_right_if_all_its_labels_are():
    assert correct(SENTENCES, PREDICTED).tolist() == [True, False, True, True, False]
    with pytest.raises(ValueError, match="one entry for each sentence"):
        correct(SENTENCES, PREDICTED[:2])


def test_confusion_has_true_labels_in_rows():
    assert confusion(SENTENCES, PREDICTED).tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 0]]


def test_each_label_has_precision_recall_and_f1():
    x, y, z = by_label(SENTENCES, PREDICTED)
    assert (x["precision"], x["recall"], x["f1"]) == (2 / 3, 1, 0.8)
    assert (y["precision"], y["recall"], y["f1"]) == (0.5, 0.5, 0.5)
    assert (z["precision"], z["recall"], z["f1"]) == (None, 0, 0)


def test_a_pair_is_right_if_both_are():
    found = by_kind(SENTENCES, correct(SENTENCES, PREDICTED))
    assert found == {
        "plain": (1, 2),
        "negation": (1, 1),
        "negation_pairs": (1, 1),
        "order_pairs": (0, 1),
    }
