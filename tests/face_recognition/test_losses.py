"""Losses equal TensorFlow Addons' numbers, their definitions, and are finite."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest
from contract import check_loss
from keras import ops
from scipy.spatial.distance import cdist

from dlai_keras.face_recognition.losses import (
    DISTANCE_METRICS,
    ArcFaceLoss,
    ContrastiveLoss,
    NPairsLoss,
    TripletHardLoss,
    TripletSemiHardLoss,
    add_angular_margin,
    arcface_loss,
    contrastive_loss,
    n_pairs_loss,
    paired_distances,
    pairwise_distances,
    triplet_hard_loss,
    triplet_semi_hard_loss,
    unit_vectors,
)

backends = pytest.mark.backends
each_metric = pytest.mark.parametrize("metric", DISTANCE_METRICS)

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "tfa_golden.npz")
TRIPLET_KEYS = [
    key
    for key in GOLDEN
    if key.startswith(("triplet/semihard/", "triplet/hard/", "triplet/hard_soft/"))
]
STORED = {lengths: GOLDEN[f"triplet/emb_{lengths}"] for lengths in ("raw", "norm")}
CONTRASTIVE_KEYS = [
    key for key in GOLDEN if key.startswith("contrastive/") and "/m" in key
]


def array(tensor):
    return ops.convert_to_numpy(tensor)


def embeddings(num=12, dim=8, seed=0, unit=True):
    drawn = np.random.default_rng(seed).normal(size=(num, dim))
    if unit:
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn.astype("float32")


def value_and_gradient(function, x):
    """Of a function with one number as its value."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        gradient = tape.gradient(value, x)
    elif backend == "jax":
        import jax

        value, gradient = jax.value_and_grad(function)(x)
    else:
        x = ops.convert_to_tensor(x).requires_grad_()
        value = function(x)
        value.backward()
        gradient = x.grad
    return float(array(value)), array(gradient)


# TensorFlow Addons


def stored_loss(kind, metric, margin):
    if kind == "semihard":
        return TripletSemiHardLoss(margin, metric)
    return TripletHardLoss(margin, kind == "hard_soft", metric)


@backends
@each_metric
@pytest.mark.parametrize("kind", ["semihard", "hard", "hard_soft"])
def test_triplet_losses_equal_tensorflow_addons(kind, metric):
    keys = [key for key in TRIPLET_KEYS if key.split("/")[1::3] == [kind, metric]]
    assert len(keys) == 2 * 4 * (1 if kind == "hard_soft" else 3)
    for key in keys:
        _, _, lengths, people, _, *margin = key.split("/")
        margin = float(margin[0].removeprefix("m")) if margin else 1.0
        loss = stored_loss(kind, metric, margin)
        found = loss(GOLDEN[f"triplet/labels_{people}"], STORED[lengths])
        # NaN there: the mean over no pair, which is 0 here.
        expected = np.nan_to_num(GOLDEN[key])
        np.testing.assert_allclose(float(found), expected, atol=5e-6, err_msg=key)


def test_all_stored_arrays_are_compared():
    assert len(TRIPLET_KEYS) == 2 * 4 * 3 * (3 + 3 + 1)
    assert sum(bool(np.isnan(GOLDEN[key])) for key in TRIPLET_KEYS) == 2 * 3 * 3
    assert len(CONTRASTIVE_KEYS) == 6


@backends
@pytest.mark.parametrize("kind", ["semihard", "hard"])
def test_gradients_equal_tensorflow_addons(kind):
    labels = GOLDEN["triplet/labels_abc"]
    loss = stored_loss(kind, "L2", 1.0)
    _, found = value_and_gradient(lambda x: loss(labels, x), STORED["norm"])
    np.testing.assert_allclose(found, GOLDEN[f"triplet/grad/{kind}"], atol=1e-5)


@backends
@pytest.mark.parametrize("key", CONTRASTIVE_KEYS)
def test_contrastive_loss_equals_tensorflow_addons(key):
    _, reduction, margin = key.split("/")
    loss = ContrastiveLoss(
        float(margin.removeprefix("m")),
        reduction=None if reduction == "none" else "sum_over_batch_size",
    )
    found = loss(GOLDEN["contrastive/y"], GOLDEN["contrastive/dist"])
    np.testing.assert_allclose(array(found), GOLDEN[key], rtol=1e-5, atol=1e-6)


def test_n_pairs_loss_equals_tensorflow_addons():
    similarities = GOLDEN["npairs/anchor"] @ GOLDEN["npairs/positive"].T
    found = NPairsLoss()(np.arange(6), similarities)
    np.testing.assert_allclose(float(found), GOLDEN["npairs/loss"], rtol=1e-5)


# Distances


@each_metric
def test_distances_are_those_of_scipy(metric):
    known = {"L2": "euclidean", "squared-L2": "sqeuclidean", "angular": "cosine"}
    drawn, other = embeddings(unit=False), embeddings(seed=1, unit=False)
    expected = cdist(drawn, drawn, known[metric])
    found = array(pairwise_distances(drawn, metric))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert (np.diag(found) == 0).all()
    expected = np.diag(cdist(drawn, other, known[metric]))
    found = array(paired_distances(drawn, other, metric))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_small_distances_are_exact():
    """Those of a network that gives nearly the same for all pictures."""
    drawn = np.float32([0.6, 0.8]) + 1e-4 * embeddings(6, 2, unit=False)
    expected = cdist(drawn.astype("float64"), drawn.astype("float64"))
    found = array(pairwise_distances(drawn))
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@each_metric
def test_half_precision_embeddings_get_full_precision_distances(metric):
    drawn = embeddings().astype("float16")
    found = pairwise_distances(drawn, metric)
    expected = pairwise_distances(drawn.astype("float32"), metric)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(array(found), array(expected), atol=1e-6)


# Definitions


def distances_of(drawn, metric):
    known = {"L2": "euclidean", "squared-L2": "sqeuclidean", "angular": "cosine"}
    drawn = drawn.astype("float64")
    return cdist(drawn, drawn, known[metric])


def semi_hard_by_definition(labels, drawn, margin, metric):
    """Losses of all ordered pairs of one person, by their anchor."""
    distances, losses = distances_of(drawn, metric), []
    for a, p in np.ndindex(distances.shape):
        if a == p or labels[a] != labels[p]:
            continue
        negatives = distances[a, labels != labels[a]]
        farther = negatives[negatives > distances[a, p]]
        to_negative = farther.min() if len(farther) else negatives.max()
        losses.append((a, max(distances[a, p] - to_negative + margin, 0)))
    return losses


@backends
@pytest.mark.parametrize("seed", range(4))
def test_semi_hard_is_its_definition_where_distances_are_equal_too(seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(16) % 4
    drawn = rng.integers(-1, 2, (16, 3)).astype("float32")  # exact, with many ties
    pairs = semi_hard_by_definition(labels, drawn, 0.5, "squared-L2")
    expected = np.zeros(16)
    for anchor, loss in pairs:
        expected[anchor] += loss * 16 / len(pairs)
    assert expected.any()
    found = triplet_semi_hard_loss(labels, drawn, 0.5, "squared-L2")
    np.testing.assert_allclose(array(found), expected, rtol=1e-5)


@each_metric
@pytest.mark.parametrize("soft", [False, True])
def test_hard_is_its_definition(metric, soft):
    drawn, labels = embeddings(unit=False), np.arange(12) % 3
    distances = distances_of(drawn, metric)
    expected = []
    for a in range(12):
        farthest = distances[a, labels == labels[a]].max()
        difference = farthest - distances[a, labels != labels[a]].min()
        expected.append(
            math.log(1 + math.exp(difference)) if soft else max(difference + 0.3, 0)
        )
    found = triplet_hard_loss(labels, drawn, 0.3, soft, metric)
    np.testing.assert_allclose(array(found), expected, rtol=1e-4, atol=1e-5)


def test_the_mean_over_a_batch_is_the_mean_over_pairs():
    drawn, labels = embeddings(), np.array([0] * 6 + [1] * 4 + [2, 3])
    pairs = semi_hard_by_definition(labels, drawn, 0.7, "L2")
    expected = np.mean([loss for _, loss in pairs])
    found = TripletSemiHardLoss(0.7)(labels, drawn)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [triplet_semi_hard_loss, triplet_hard_loss])
def test_the_order_of_a_batch_and_the_names_of_people_do_not_matter(loss):
    rng = np.random.default_rng(3)
    drawn, labels = embeddings(), rng.integers(0, 4, 12)
    values = array(loss(labels, drawn, 0.5))
    order = rng.permutation(12)
    moved = array(loss(700 - 10 * labels[order], drawn[order], 0.5))
    np.testing.assert_allclose(moved, values[order], rtol=1e-4, atol=1e-6)


def test_labels_in_a_column_are_labels():
    drawn, labels = embeddings(), np.arange(12) % 3
    for loss in (triplet_semi_hard_loss, triplet_hard_loss):
        np.testing.assert_array_equal(loss(labels[:, None], drawn), loss(labels, drawn))
    same = np.array([1, 0, 0, 1])
    column = contrastive_loss(same[:, None], np.ones((4, 1), "float32") / 2)
    assert column.shape == (4,)
    np.testing.assert_array_equal(column, contrastive_loss(same, np.ones(4) / 2))


def test_people_who_come_twice_share_the_target_of_n_pairs():
    similarities = embeddings(3, 3)
    found = array(n_pairs_loss(np.array([5, 5, 2]), similarities))
    logs = similarities - np.log(np.exp(similarities).sum(1, keepdims=True))
    expected = [-(logs[0, 0] + logs[0, 1]) / 2, -(logs[1, 0] + logs[1, 1]) / 2]
    np.testing.assert_allclose(found, [*expected, -logs[2, 2]], rtol=1e-5)


# Finite


def all_losses():
    for metric in DISTANCE_METRICS:
        yield TripletSemiHardLoss(0.5, metric)
        yield TripletHardLoss(0.5, metric == "L2", metric)


@backends
@pytest.mark.parametrize("kind", ["zeros", "equal", "twins", "alone", "one person"])
def test_values_and_gradients_are_finite(kind):
    drawn, labels = embeddings(), np.arange(12) // 2
    if kind == "zeros":
        drawn = np.zeros_like(drawn)
    elif kind == "equal":
        drawn = np.repeat(drawn[:1], 12, axis=0)
    elif kind == "twins":  # a positive and a negative that are the anchor's copies
        drawn[[1, 2]] = drawn[0]
    elif kind == "alone":
        labels = np.arange(12)
    else:
        labels = np.zeros(12, int)
    for loss in all_losses():
        value, gradient = value_and_gradient(
            lambda x, loss=loss: loss(labels, x), drawn
        )
        assert np.isfinite(value) and np.isfinite(gradient).all(), loss.name
        if kind == "alone" and isinstance(loss, TripletSemiHardLoss):
            assert value == 0 and not gradient.any()


@backends
@each_metric
def test_the_distance_of_equal_pairs_has_a_finite_gradient(metric):
    drawn = embeddings(3, 4)
    drawn[2] = 0

    def total(x):
        return ops.sum(paired_distances(x, ops.stop_gradient(x), metric))

    value, gradient = value_and_gradient(total, drawn)
    # The angle of nothing and nothing is no angle; 1 - 0 stands for it.
    assert value == pytest.approx(float(metric == "angular"), abs=1e-5)
    assert np.abs(gradient).max() < 1e-3


# The contract


@backends
@pytest.mark.parametrize(
    "loss",
    [
        TripletSemiHardLoss(0.4, "squared-L2"),
        TripletHardLoss(0.4, True, "squared-L2"),
        ContrastiveLoss(0.7),
        NPairsLoss(),
        ArcFaceLoss(8.0, 0.3),
    ],
    ids=lambda loss: loss.name,
)
def test_losses_keep_the_contract(loss, tmp_path):
    labels, y_pred = np.arange(6, dtype="int32") % 2, embeddings(6, 6)
    if isinstance(loss, ContrastiveLoss):
        y_pred = np.abs(y_pred[:, 0])
    check_loss(loss, labels, y_pred, tmp_path, rtol=1e-4)


# The size of what is computed


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="looks into TensorFlow's graph"
)
@pytest.mark.parametrize("loss", [triplet_semi_hard_loss, triplet_hard_loss])
def test_a_large_batch_needs_one_product_and_no_more_than_its_distances(loss):
    import tensorflow as tf

    num = 1024
    graph = tf.function(loss).get_concrete_function(
        tf.TensorSpec((num,), "int32"), tf.TensorSpec((num, 128), "float32")
    )
    operations = graph.graph.get_operations()
    assert sum("MatMul" in operation.type for operation in operations) == 1
    sizes = [tensor.shape.num_elements() for op in operations for tensor in op.outputs]
    assert None not in sizes
    assert max(sizes) <= 2 * num**2
    assert not any("While" in operation.type for operation in operations)


# ArcFace


def test_the_angle_to_the_own_class_grows_by_the_margin():
    angles = np.linspace(0.01, math.pi - 0.51, 9)
    cosines = np.stack([np.cos(angles), np.full(9, 0.3)], axis=1).astype("float32")
    found = array(add_angular_margin(cosines, np.zeros(9, "int32"), 0.5))
    np.testing.assert_allclose(found[:, 0], np.cos(angles + 0.5), atol=1e-4)
    np.testing.assert_array_equal(found[:, 1], cosines[:, 1])


def test_a_larger_angle_is_never_the_better_one():
    angles = np.linspace(0, math.pi, 200)
    cosines = np.cos(angles)[:, None].astype("float32")
    moved = array(add_angular_margin(cosines, np.zeros(200, "int32"), 0.5))[:, 0]
    assert (np.diff(moved) < 1e-6).all()
    assert (moved < cosines[:, 0] + 1e-6).all()


@backends
def test_gradients_are_finite_at_the_ends():
    cosines = np.array([[1, 0], [-1, 0], [1, -1]], "float32")
    labels = np.array([0, 0, 1], "int32")
    value, gradient = value_and_gradient(
        lambda x: ops.sum(add_angular_margin(x, labels)), cosines
    )
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_without_a_margin_it_is_the_usual_cross_entropy():
    logits, labels = 8 * embeddings(6, 4), np.arange(6) % 4
    found = array(arcface_loss(labels, logits, 8.0, 0.0))
    usual = keras.losses.sparse_categorical_crossentropy(labels, logits, True)
    np.testing.assert_allclose(found, array(usual), rtol=1e-5)
    assert (array(arcface_loss(labels, logits, 8.0, 0.5)) > found).all()


def test_zero_vectors_stay_zero_with_a_finite_gradient():
    vectors = np.array([[3, 4], [0, 0]], "float32")
    np.testing.assert_allclose(array(unit_vectors(vectors)), [[0.6, 0.8], [0, 0]])
    _, gradient = value_and_gradient(lambda x: ops.sum(unit_vectors(x)), vectors)
    assert np.isfinite(gradient).all()


# Refused


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize(
    "kind", [TripletSemiHardLoss, TripletHardLoss, ContrastiveLoss]
)
def test_a_margin_that_is_none_is_refused(kind, margin):
    with pytest.raises(ValueError, match=r"`margin` must be 0 or more.*Received"):
        kind(margin)


def test_wrong_arguments_are_named():
    with pytest.raises(
        ValueError, match=r"L2, squared-L2, angular\. Received: 'cosine'"
    ):
        TripletHardLoss(distance_metric="cosine")
    with pytest.raises(ValueError, match="one of L2"):
        paired_distances(embeddings(), embeddings(), "l2")
    with pytest.raises(ValueError, match="`scale` must be above 0"):
        ArcFaceLoss(scale=0)
    with pytest.raises(ValueError, match="`margin` must be an angle"):
        ArcFaceLoss(margin=2)


def test_wrong_shapes_are_named():
    labels, drawn = np.arange(12) % 3, embeddings()
    with pytest.raises(ValueError, match=r"argmax of one-hot.*\(12, 3\)"):
        triplet_hard_loss(np.eye(3)[labels], drawn)
    with pytest.raises(ValueError, match=r"Embeddings must be .*\(12, 2, 4\)"):
        triplet_semi_hard_loss(labels, drawn.reshape(12, 2, 4))
    with pytest.raises(ValueError, match=r"`y_pred` must hold one number per example"):
        contrastive_loss(labels, drawn)
    with pytest.raises(ValueError, match=r"must be similarities .*\(12, 8\)"):
        n_pairs_loss(labels, drawn)
