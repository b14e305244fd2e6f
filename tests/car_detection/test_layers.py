"""Decoding and suppression, each against a loop from its definition."""

import inspect
import itertools
import json
import math

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras import boxes
from dlai_keras.car_detection.layers import (
    NonMaxSuppression,
    SpaceToDepth,
    YoloDecode,
)

backends = pytest.mark.backends

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the oracle is TensorFlow's"
)
OUTPUTS = ("boxes_xyxy", "scores", "class_ids", "num_detections")


def arrays(tensors):
    return keras.tree.map_structure(ops.convert_to_numpy, tensors)


def check_many(layer, inputs, tmp_path):
    """What `check_layer` asserts, for a layer of several inputs or outputs.

    Gradients are left out: what these layers find out is not trained through.
    """
    config = layer.get_config()
    for name, parameter in inspect.signature(type(layer)).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert config[name] != parameter.default, f"{name} is lost, or its default"
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    revived = keras.saving.deserialize_keras_object(json.loads(text))
    assert json.dumps(revived.get_config()) == json.dumps(config)
    symbols = [keras.Input(x.shape[1:]) for x in inputs]
    symbolic = layer(*symbols)
    model = keras.Model(symbols, symbolic)
    outputs = model.predict(inputs, verbose=0)
    for symbol, output in zip(
        keras.tree.flatten(symbolic), keras.tree.flatten(outputs), strict=True
    ):
        assert (None, *output.shape[1:]) == symbol.shape
        assert output.dtype == symbol.dtype
        assert len(output) == len(inputs[0]) and np.isfinite(output).all()
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    assert_same(arrays(loaded(inputs)), outputs)
    return outputs


def assert_same(results, expected):
    results, expected = map(keras.tree.flatten, (results, expected))
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


# Space to depth


@backends
def test_space_to_depth_keeps_the_contract_and_its_definition(tmp_path):
    images = np.random.default_rng(0).normal(size=(2, 6, 9, 2)).astype("float32")
    outputs = check_layer(SpaceToDepth(3), images, (2, 2, 3, 18), tmp_path)
    for row, column, dy, dx in np.ndindex(2, 3, 3, 3):
        pixel = images[:, 3 * row + dy, 3 * column + dx]
        first = 2 * (3 * dy + dx)
        np.testing.assert_array_equal(outputs[:, row, column, first : first + 2], pixel)


@needs_tensorflow
def test_space_to_depth_is_tensorflows():
    import tensorflow as tf

    images = np.random.default_rng(0).normal(size=(2, 4, 6, 5)).astype("float32")
    np.testing.assert_array_equal(
        arrays(SpaceToDepth()(images)), tf.nn.space_to_depth(images, 2).numpy()
    )


def test_space_to_depth_takes_pictures_of_any_size():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, SpaceToDepth()(inputs))
    assert model.output_shape == (None, None, None, 12)
    for height, width in ((4, 6), (8, 2)):
        outputs = model(np.ones((1, height, width, 3), "float32"))
        assert tuple(outputs.shape) == (1, height // 2, width // 2, 12)


def test_space_to_depth_names_what_it_cannot_divide():
    with pytest.raises(ValueError, match="multiples of block_size=2"):
        SpaceToDepth(2)(np.zeros((1, 5, 4, 3), "float32"))
    with pytest.raises(ValueError, match="`block_size`"):
        SpaceToDepth(0)


# Decoding

ANCHORS = [(10.0, 14.0), (37.0, 20.0), (81.0, 82.0)]
HEADS = {
    "region": {"head": "region"},
    "yolo": {"head": "yolo", "scale_xy": 1.2},
    "new": {"head": "yolo", "scale_xy": 2.0, "new_coordinates": True},
}


def feature_map(num_classes=4, height=3, width=2, batch=2):
    rng = np.random.default_rng(0)
    shape = (batch, height, width, len(ANCHORS) * (5 + num_classes))
    return rng.normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def naive_decode(
    features, num_classes, strides, head, scale_xy=1.0, new_coordinates=False
):
    """One cell and one anchor at a time, from the papers."""
    corners, scores = [], []
    for row, column, number in np.ndindex(*features.shape[:2], len(ANCHORS)):
        first = number * (5 + num_classes)
        values = [float(v) for v in features[row, column, first:][: 5 + num_classes]]
        tx, ty, tw, th, objectness, *classes = values
        width, height = ANCHORS[number]
        if new_coordinates:
            width, height = width * (2 * tw) ** 2, height * (2 * th) ** 2
        else:
            tx, ty, objectness = map(sigmoid, (tx, ty, objectness))
            width, height = width * math.exp(tw), height * math.exp(th)
            if head == "yolo":
                classes = [sigmoid(c) for c in classes]
            else:
                total = sum(math.exp(c) for c in classes)
                classes = [math.exp(c) / total for c in classes]
        x = (column + tx * scale_xy - 0.5 * (scale_xy - 1)) * strides
        y = (row + ty * scale_xy - 0.5 * (scale_xy - 1)) * strides
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        corners.append(box)
        scores.append([objectness * c for c in classes])
    return corners, scores


@backends
@pytest.mark.parametrize("num_classes", [4, 1])
@pytest.mark.parametrize("head", HEADS)
def test_decoding_is_its_definition(head, num_classes):
    features = feature_map(num_classes)
    decode = YoloDecode(ANCHORS, num_classes, strides=16, **HEADS[head])
    corners, scores = arrays(decode(features))
    assert corners.shape == (2, 18, 4) and scores.shape == (2, 18, num_classes)
    for number in range(2):
        expected = naive_decode(features[number], num_classes, 16, **HEADS[head])
        np.testing.assert_allclose(corners[number], expected[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(scores[number], expected[1], rtol=1e-4, atol=1e-6)


@backends
def test_decoding_keeps_the_contract(tmp_path):
    layer = YoloDecode(ANCHORS, 4, 16, "yolo", 1.1, True, 7, name="decode")
    corners, scores = check_many(layer, [feature_map()], tmp_path)
    assert corners.shape == (2, 7, 4) and scores.shape == (2, 7, 4)


@pytest.mark.parametrize("max_boxes", [1, pytest.param(7, marks=backends), 18, 30])
@pytest.mark.parametrize("head", HEADS)
def test_only_the_boxes_of_highest_objectness_are_decoded(head, max_boxes):
    features = feature_map()
    every = arrays(YoloDecode(ANCHORS, 4, 16, **HEADS[head])(features))
    best = arrays(
        YoloDecode(ANCHORS, 4, 16, **HEADS[head], max_boxes=max_boxes)(features)
    )
    objectness = features.reshape(2, 18, 9)[..., 4]
    for number in range(2):
        order = np.argsort(-objectness[number])[:max_boxes]
        for some, all_ in zip(best, every, strict=True):
            np.testing.assert_allclose(some[number], all_[number, order], rtol=1e-5)


def test_no_detection_is_lost_among_boxes_of_low_objectness():
    features = feature_map(height=8, width=8)
    features[..., 4::9] -= 2
    suppress = NonMaxSuppression(score_threshold=0.1)
    every = arrays(suppress(*YoloDecode(ANCHORS, 4, 16, "yolo")(features)))
    objectness = 1 / (1 + np.exp(-features[..., 4::9]))
    most = (objectness > 0.1).sum(axis=(1, 2, 3)).max()
    assert every["num_detections"].max() < most < 150
    decode = YoloDecode(ANCHORS, 4, 16, "yolo", max_boxes=int(most))
    assert_same(arrays(suppress(*decode(features))), every)


@pytest.mark.parametrize("max_boxes", [None, 4])
def test_maps_of_any_size_are_decoded(max_boxes):
    inputs = keras.Input((None, None, 27))
    decode = YoloDecode(ANCHORS, 4, strides=16, max_boxes=max_boxes)
    run = model = keras.Model(inputs, decode(inputs))
    assert [x.shape for x in model.outputs] == [(None, None, 4)] * 2
    if keras.backend.backend() == "tensorflow":  # only its graphs may not know either
        import tensorflow as tf

        run = tf.function(
            model, input_signature=[tf.TensorSpec((None, None, None, 27))]
        )
        decode = YoloDecode(ANCHORS, 4, strides=16)
    for height, width in ((3, 2), (1, 5)):
        features = feature_map(height=height, width=width)
        outputs = arrays(run(features))
        assert_same(outputs, arrays(decode(features)))
        all_are_decoded = max_boxes is None or decode.max_boxes is None
        num = height * width * 3 if all_are_decoded else 4
        assert outputs[0].shape == (2, num, 4)


def test_half_precision_does_not_round_the_boxes():
    decode = YoloDecode(ANCHORS, 4, strides=16, dtype="mixed_float16")
    corners, scores = decode(feature_map(width=100))
    assert {x.dtype for x in arrays((corners, scores))} == {np.dtype("float32")}
    exact = arrays(YoloDecode(ANCHORS, 4, strides=16)(feature_map(width=100))[0])
    np.testing.assert_array_equal(arrays(corners), exact)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"anchors": []}, "`anchors`"),
        ({"anchors": [(1, 2, 3)]}, "`anchors`"),
        ({"anchors": [(0, 2)]}, "`anchors`"),
        ({"num_classes": 0}, "`num_classes`"),
        ({"strides": 1.5}, "`strides`"),
        ({"head": "ssd"}, "`head` must be one of region, yolo"),
        ({"scale_xy": 0}, "`scale_xy`"),
        ({"new_coordinates": True}, "`new_coordinates`"),
        ({"max_boxes": 0}, "`max_boxes`"),
    ],
)
def test_wrong_arguments_of_decoding_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        YoloDecode(**({"anchors": ANCHORS, "num_classes": 4, "strides": 8} | arguments))


def test_maps_of_other_depths_are_refused():
    with pytest.raises(ValueError, match=r"3 anchors of 5 \+ 4 numbers.*26"):
        YoloDecode(ANCHORS, 4, 16)(np.zeros((1, 2, 2, 26), "float32"))


# Suppression


def crowd(batch=3, num=40, num_classes=3, seed=0):
    """Boxes in a small room, half of the scores below 0.5; no two scores are equal."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 30, (batch, num, 2))
    size = rng.uniform(5, 25, (batch, num, 2))
    corners = np.concatenate([corner, corner + size], axis=-1).astype("float32")
    scores = rng.permutation(batch * num * num_classes) / (batch * num * num_classes)
    return corners, scores.reshape(batch, num, num_classes).astype("float32")


def naive(corners, scores, *, iou=0.45, score=0.25, most=100, bound=1000, agnostic):
    """Greedy, one picture and one pair at a time."""
    pairs = [(float(scores[i, c]), i, c) for i, c in np.ndindex(scores.shape)]
    if agnostic:
        pairs = [p for p in pairs if p[0] == scores[p[1]].max()]
    pairs = sorted((p for p in pairs if p[0] > score), reverse=True)[:bound]
    overlap = boxes.pairwise_iou(corners, corners)
    kept = []
    for value, i, c in pairs:
        hits = (overlap[i, j] > iou for _, j, other in kept if agnostic or other == c)
        if len(kept) < most and not any(hits):
            kept.append((value, i, c))
    return kept


def assert_detections(outputs, number, expected, corners, most):
    """The n-th picture's outputs are the pairs `(score, box, class)`, padded."""
    num = len(expected)
    assert outputs["num_detections"][number] == num
    values, places, class_ids = zip(*expected, strict=True) if num else ((), (), ())
    np.testing.assert_allclose(outputs["scores"][number, :num], values, rtol=1e-5)
    assert outputs["class_ids"][number, :num].tolist() == list(class_ids)
    found = outputs["boxes_xyxy"][number, :num]
    np.testing.assert_array_equal(found, corners[list(places)].reshape(num, 4))
    assert not outputs["boxes_xyxy"][number, num:].any()
    assert not outputs["scores"][number, num:].any()
    assert (outputs["class_ids"][number, num:] == -1).all()
    assert outputs["class_ids"].shape[1] == most


LIMITS = (
    {},
    {"iou": 0.0, "score": 0.0},
    {"score": 0.6, "bound": 20},
    {"score": 1.0},
)


@pytest.mark.parametrize(
    ("limits", "agnostic"),
    [
        *itertools.product(LIMITS, (False, True)),
        pytest.param({"iou": 0.7, "most": 7}, False, marks=backends),
    ],
    ids=str,
)
def test_suppression_is_its_definition(limits, agnostic):
    corners, scores = crowd()
    most = limits.get("most", 100)
    layer = NonMaxSuppression(
        limits.get("iou", 0.45),
        limits.get("score", 0.25),
        max_boxes=most,
        max_candidates=limits.get("bound", 1000),
        class_agnostic=agnostic,
    )
    outputs = arrays(layer(corners, scores))
    assert sorted(outputs) == sorted(OUTPUTS)
    for number in range(len(corners)):
        expected = naive(corners[number], scores[number], agnostic=agnostic, **limits)
        assert_detections(outputs, number, expected, corners[number], most)


@backends
def test_suppression_keeps_the_contract(tmp_path):
    layer = NonMaxSuppression(0.3, 0.4, 15, 60, 0.6, True, name="nms")
    outputs = check_many(layer, list(crowd()), tmp_path)
    assert outputs["boxes_xyxy"].shape == (3, 15, 4)
    assert outputs["num_detections"].min() > 0


def test_suppression_in_a_model_equals_itself(tmp_path):
    inputs = keras.Input((3, 2, 27))
    decode = YoloDecode(ANCHORS, 4, strides=16, head="yolo")
    suppress = NonMaxSuppression(score_threshold=0.3, max_boxes=12, name="nms")
    model = keras.Model(inputs, suppress(*decode(inputs)))
    features = feature_map(batch=5)
    outputs = model.predict(features, verbose=0)
    corners, scores = arrays(decode(features))
    for number in range(5):
        expected = naive(
            corners[number], scores[number], score=0.3, most=12, agnostic=False
        )
        assert len(expected) > 3
        found = outputs["num_detections"][number]
        assert found == len(expected)
        assert outputs["class_ids"][number, :found].tolist() == [p[2] for p in expected]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(arrays(loaded(features)), outputs)


@needs_tensorflow
@pytest.mark.parametrize(
    ("num", "threshold", "most"),
    [(120, 0.6, 5), (120, 0.6, 40), (400, 0.6, 100), (400, 0.9, 100)],
)
def test_suppression_is_tensorflows_operation(num, threshold, most):
    import tensorflow as tf

    # Of 400 boxes nearly all are above the lower threshold, and few above the higher.
    corners, scores = crowd(batch=4, num=num, num_classes=5, seed=1)
    theirs = tf.image.combined_non_max_suppression(
        corners[:, :, None],
        scores,
        max_output_size_per_class=most,
        max_total_size=most,
        iou_threshold=0.45,
        score_threshold=threshold,
        clip_boxes=False,
    )
    layer = NonMaxSuppression(score_threshold=threshold, max_boxes=most)
    ours = arrays(layer(corners, scores))
    found = ours["num_detections"]
    np.testing.assert_array_equal(found, theirs.valid_detections.numpy())
    np.testing.assert_array_equal(ours["scores"], theirs.nmsed_scores.numpy())
    np.testing.assert_array_equal(ours["boxes_xyxy"], theirs.nmsed_boxes.numpy())
    there = np.arange(most) < found[:, None]
    class_ids = theirs.nmsed_classes.numpy()
    np.testing.assert_array_equal(ours["class_ids"][there], class_ids[there])


def test_long_chains_settle_as_the_loop_does():
    # Each box suppresses the next one only: every other one is kept, in all tiles.
    num = 150
    left = np.arange(num, dtype="float32") * 4
    corners = np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=-1)[None]
    scores = np.linspace(0.9, 0.3, num, dtype="float32")[None, :, None]
    outputs = arrays(NonMaxSuppression(0.4, max_boxes=100)(corners, scores))
    assert outputs["num_detections"].tolist() == [75]
    np.testing.assert_array_equal(outputs["boxes_xyxy"][0, :75, 0], left[::2])


def test_pictures_of_a_batch_do_not_depend_on_each_other():
    corners, scores = crowd(batch=3)
    scores[1] = 0  # nothing there
    scores[2] *= 0.3  # little there
    layer = NonMaxSuppression(max_boxes=50)
    together = arrays(layer(corners, scores))
    assert together["num_detections"][1] == 0
    for number in range(3):
        alone = arrays(layer(corners[[number]], scores[[number]]))
        assert_same({k: v[0] for k, v in alone.items()}, {
            k: v[number] for k, v in together.items()
        })  # fmt: skip


def test_inverted_corners_and_touching_boxes():
    corners = np.array([[[10, 10, 0, 0], [0, 0, 10, 9], [10, 0, 20, 10]]], "float32")
    scores = np.array([[[0.5], [0.6], [0.7]]], "float32")
    outputs = arrays(NonMaxSuppression(0.0, max_boxes=3)(corners, scores))
    assert outputs["num_detections"].tolist() == [2]
    assert outputs["boxes_xyxy"][0, 1].tolist() == [0, 0, 10, 9]


def test_of_equal_scores_the_first_is_kept():
    corners = np.array([[[0, 0, 10, 10], [1, 0, 11, 10]]], "float32")
    outputs = arrays(NonMaxSuppression()(corners, np.full((1, 2, 2), 0.5, "float32")))
    assert outputs["num_detections"].tolist() == [2]
    assert outputs["boxes_xyxy"][0, :2, 0].tolist() == [0, 0]
    assert sorted(outputs["class_ids"][0, :2].tolist()) == [0, 1]


@pytest.mark.parametrize(("num_classes", "agnostic"), [(1, True), (3, False)])
def test_the_number_of_boxes_may_be_unknown(num_classes, agnostic):
    inputs = keras.Input((None, 4)), keras.Input((None, num_classes))
    layer = NonMaxSuppression(
        max_boxes=9, max_candidates=30, class_agnostic=agnostic, score_threshold=0
    )
    run = model = keras.Model(inputs, layer(*inputs))
    if keras.backend.backend() == "tensorflow":  # only its graphs may not know either
        import tensorflow as tf

        shapes = [tf.TensorSpec((None, None, n)) for n in (4, num_classes)]
        run = tf.function(model, input_signature=[shapes])
    for num in (5, 40):  # fewer than candidates, and more
        corners, scores = crowd(num=num, num_classes=num_classes)
        outputs = arrays(run([corners, scores]))
        for number in range(3):
            expected = naive(
                *(corners[number], scores[number]),
                **{"score": 0, "most": 9, "bound": 30, "agnostic": agnostic},
            )
            assert_detections(outputs, number, expected, corners[number], 9)


# Soft-NMS


def naive_soft(corners, scores, decay, score, most):
    """Bodla's loop, one class: the best is taken, the rest decay beside it."""
    overlap = boxes.pairwise_iou(corners, corners)
    rest = {i: float(s) for i, s in enumerate(scores)}
    kept = []
    while rest and len(kept) < most:
        best = max(rest, key=rest.get)
        value = rest.pop(best)
        if value <= score:
            break
        kept.append((value, best, 0))
        for i in rest:
            rest[i] *= decay(float(overlap[best, i]))
    return kept


@pytest.mark.parametrize(
    ("sigma", "decay"),
    [
        pytest.param(0.5, lambda iou: math.exp(-(iou**2) / 0.5), marks=backends),
        ("linear", lambda iou: 1 - iou if iou > 0.4 else 1.0),
    ],
    ids=["gaussian", "linear"],
)
def test_soft_nms_is_the_papers_loop(sigma, decay):
    corners, scores = crowd(batch=2, num=25, num_classes=1)
    layer = NonMaxSuppression(
        0.4, 0.3, max_boxes=12, soft_sigma=sigma, class_agnostic=True
    )
    outputs = arrays(layer(corners, scores))
    for number in range(2):
        expected = naive_soft(corners[number], scores[number, :, 0], decay, 0.3, 12)
        assert len(expected) > 3
        assert_detections(outputs, number, expected, corners[number], 12)


@needs_tensorflow
def test_soft_nms_is_tensorflows_with_half_its_sigma():
    import tensorflow as tf

    corners, scores = crowd(batch=1, num=50, num_classes=1)
    index, values = tf.image.non_max_suppression_with_scores(
        *(corners[0], scores[0, :, 0]),
        max_output_size=20,
        iou_threshold=1.0,
        score_threshold=0.2,
        soft_nms_sigma=0.3,
    )
    layer = NonMaxSuppression(score_threshold=0.2, max_boxes=20, soft_sigma=0.6)
    outputs = arrays(layer(corners, scores))
    num = int(outputs["num_detections"][0])
    assert num == len(index)
    np.testing.assert_allclose(outputs["scores"][0, :num], values, rtol=1e-4)
    np.testing.assert_array_equal(
        outputs["boxes_xyxy"][0, :num], corners[0][index.numpy()]
    )


def test_soft_nms_of_one_class_leaves_the_others_alone():
    corners = np.array([[[0, 0, 10, 10], [0, 0, 10, 10]]], "float32")
    scores = np.array([[[0.9, 0.0], [0.0, 0.8]]], "float32")
    layer = NonMaxSuppression(soft_sigma=0.5)
    outputs = arrays(layer(corners, scores))
    np.testing.assert_allclose(outputs["scores"][0, :3], [0.9, 0.8, 0], rtol=1e-6)
    outputs = arrays(layer(corners, scores.max(axis=-1, keepdims=True)))
    assert outputs["num_detections"].tolist() == [1]  # 0.8 * exp(-2) is too little


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"iou_threshold": 1.5}, "`iou_threshold`"),
        ({"score_threshold": -0.1}, "`score_threshold`"),
        ({"max_boxes": 0}, "`max_boxes`"),
        ({"max_candidates": 2.5}, "`max_candidates`"),
        ({"soft_sigma": 0}, "`soft_sigma`"),
        ({"soft_sigma": "hard"}, "`soft_sigma`"),
    ],
)
def test_wrong_arguments_of_suppression_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression(**arguments)


def test_boxes_and_scores_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 3, 5\) and \(1, 3, 2\)"):
        NonMaxSuppression()(np.zeros((1, 3, 5)), np.zeros((1, 3, 2)))
