"""A trained network, its class names, and how pictures enter it."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from dlai_keras.boxes import greedy_nms
from dlai_keras.car_detection import metrics, scenes
from dlai_keras.car_detection.augmentation import centred
from dlai_keras.car_detection.darknet import load_darknet, save_darknet_weights
from dlai_keras.car_detection.data import AnnotatedImage, AnnotatedImages, Detections
from dlai_keras.car_detection.detector import (
    Detector,
    find_heads,
    load_detector,
    load_pretrained,
    match_classes,
    read_class_names,
    select_classes,
    select_detections,
)
from dlai_keras.car_detection.model import car_detector, detector, transfer_detector

backends = pytest.mark.backends
COMPILED = keras.Model.predict_on_batch
NAMES = ("car", "lorry")
ANCHORS = [[12.0, 10.0], [30.0, 24.0]]
CFG = """[net]
width=64
height=32
channels=3
[convolutional]
batch_normalize=1
filters=6
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=14
size=1
activation=linear
[yolo]
mask=0,1
anchors=10,8, 20,16
classes=2
num=2
[route]
layers=-3
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=relu
[convolutional]
filters=7
size=1
activation=linear
[yolo]
mask=2
anchors=10,8, 20,16, 40,30
classes=2
num=3
scale_x_y=1.1
"""


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A few pictures are not worth a compilation, but on JAX."""

    def predict_eagerly(self, images):
        outputs = self(keras.ops.convert_to_tensor(images), training=False)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    if keras.backend.backend() != "jax":
        monkeypatch.setattr(keras.Model, "predict_on_batch", predict_eagerly)


def network_of(size=(32, 64), seed=0):
    """A tiny one whose boxes are all over the place, with scores of all heights."""
    keras.utils.set_random_seed(seed)
    network = car_detector((*size, 3), 2, 2, widths=(4, 8, 8, 8), strides=16)
    head = network.get_layer("head")
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.5, head.kernel.shape)
    head.set_weights([kernel, rng.normal(0, 1, head.bias.shape)])
    return network


@pytest.fixture(scope="module")
def tiny():
    model = detector(network_of(), ANCHORS, score_threshold=0.2)
    return Detector(model, NAMES, (32, 64), notes={"seed": 7})


@pytest.fixture(scope="module")
def cfg(tmp_path_factory):
    folder = tmp_path_factory.mktemp("darknet")
    path = folder / "tiny.cfg"
    path.write_text(CFG)
    keras.utils.set_random_seed(1)
    save_darknet_weights(load_darknet(path), folder / "tiny.weights")
    (folder / "tiny.names").write_text("car\nlorry\n\n")
    return path


def pictures(num, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 90, (num, 2))
    return [rng.integers(0, 256, (*size, 3), dtype="uint8") for size in sizes]


def assert_equal(one, other, atol=1e-3):
    np.testing.assert_array_equal(one.class_ids, other.class_ids)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(one.boxes_xyxy, other.boxes_xyxy, atol=atol)


class Fixed:
    """Stands in for a network: says the same of every picture, and keeps them."""

    def __init__(self, boxes_xyxy):
        self.boxes_xyxy = np.array(boxes_xyxy, "float32")
        self.seen = []

    def predict_on_batch(self, images):
        self.seen.append(images.copy())
        num, batch = len(self.boxes_xyxy), len(images)
        repeated = np.repeat(self.boxes_xyxy[None], batch, axis=0)
        return {
            "boxes_xyxy": np.pad(repeated, ((0, 0), (0, 3), (0, 0))),
            "scores": np.pad(np.full((batch, num), 0.5), ((0, 0), (0, 3))),
            "class_ids": np.pad(np.ones((batch, num), int), ((0, 0), (0, 3))) - 1,
            "num_detections": np.full(batch, num),
        }


# Pictures in, boxes of the same pictures out


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        # 200 x 100 pixels in 100 x 100: half the size, 25 pixels of grey above
        ("letterbox", [[20, 10, 60, 50]]),
        ("stretch", [[20, 30, 60, 50]]),
    ],
)
def test_boxes_are_in_pixels_of_the_picture(fit, expected):
    model = Fixed([[10, 30, 30, 50]])
    image = np.full((100, 200, 3), 77, "uint8")
    found = Detector(model, NAMES, 100, fit).detect(image)
    np.testing.assert_allclose(found.boxes_xyxy, expected)
    assert (model.seen[0][0] == 77).all() == (fit == "stretch")
    assert model.seen[0].shape == (1, 100, 100, 3)


def test_boxes_are_cut_off_at_the_edges_and_left_out_beside_the_picture():
    model = Fixed([[-9, 40, 30, 90], [0, 0, 100, 20], [40, 40, 50, 60]])
    found = Detector(model, NAMES, 100).detect(np.zeros((100, 200, 3), "uint8"))
    np.testing.assert_allclose(
        found.boxes_xyxy, [[0, 30, 60, 100], [80, 30, 100, 70]], atol=1e-4
    )


def test_pictures_go_in_batches_of_one_shape_and_no_earlier_than_needed():
    model = Fixed([[10, 10, 30, 50]])
    taken = []

    def reading():
        for number, image in enumerate(pictures(7)):
            taken.append(number)
            yield image

    results = Detector(model, NAMES, 64).detect_all(reading(), batch_size=3)
    next(results)
    assert taken == [0, 1, 2]
    assert len(list(results)) == 6
    assert [batch.shape for batch in model.seen] == [(3, 64, 64, 3)] * 3


@backends
def test_a_batch_says_the_same_as_picture_by_picture(tiny, monkeypatch):
    images = pictures(5)
    alone = [tiny.detect(image) for image in images]
    monkeypatch.setattr(keras.Model, "predict_on_batch", COMPILED)
    assert sum(len(found) for found in alone) > 10
    together = list(tiny.detect_all(images, batch_size=3))
    for one, other in zip(alone, together, strict=True):
        assert_equal(one, other)


def test_detections_are_those_of_the_network_on_the_letterboxed_picture(tiny):
    [image] = pictures(1, seed=3)
    placement = centred(image.shape[:2], (32, 64))
    outputs = tiny.model(placement.show(image)[None])
    num = int(outputs["num_detections"][0])
    found = tiny.detect(image)
    boxes = placement.to_image(np.asarray(outputs["boxes_xyxy"][0][:num]))
    height, width = image.shape[:2]
    expected = np.clip(boxes, 0, [width, height, width, height])
    expected = expected[(expected[:, 2:] > expected[:, :2]).all(axis=1)]
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found.boxes_xyxy, expected, atol=1e-3)


# Thresholds, saving


def test_other_thresholds_share_the_weights(tiny):
    [image] = pictures(1)
    lower = tiny.with_thresholds(score_threshold=0.05, max_boxes=300)
    assert (tiny.score_threshold, lower.score_threshold) == (0.2, 0.05)
    many, few = lower.detect(image), tiny.detect(image)
    assert len(many) > len(few) > 0
    assert_equal(many.above(0.2), few)
    assert tiny.with_thresholds(score_threshold=0.2) is tiny
    assert lower.model.get_layer("head") is tiny.model.get_layer("head")
    with pytest.raises(ValueError, match="score_threshold"):
        tiny.with_thresholds(score_threshold=2)
    bare = replace(tiny, model=network_of())
    with pytest.raises(ValueError, match="no NonMaxSuppression layer"):
        bare.with_thresholds(max_boxes=3)


@backends
def test_a_saved_detector_is_the_same(tiny, tmp_path):
    tiny = replace(tiny, fit="stretch").with_thresholds(score_threshold=0.11)
    tiny.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"model.keras", "detector.json"}
    [image] = pictures(1)
    again = load_detector(tmp_path)
    assert (again.class_names, again.size) == (NAMES, (32, 64))
    assert (again.fit, again.notes) == ("stretch", {"seed": 7})
    assert again.score_threshold == pytest.approx(0.11)
    assert_equal(again.detect(image), tiny.detect(image))


def test_what_is_missing_or_broken_is_said(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.keras"):
        load_detector(tmp_path)
    tiny.save(tmp_path)
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(ValueError, match="no saved Keras model"):
        load_detector(tmp_path)
    (tmp_path / "detector.json").write_text(json.dumps({"class_names": ["car"]}))
    with pytest.raises(ValueError, match="must hold class_names, size and fit"):
        load_detector(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": (1, 2, 3)}, "`size` must be height and width"),
        ({"size": 0}, "`size` must be height and width"),
        ({"fit": "crop"}, "`fit` must be one of letterbox, stretch"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Detector(**{"model": None, "class_names": NAMES, "size": 64} | arguments)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 4)])
def test_other_than_rgb_pictures_are_refused(shape):
    image = np.zeros(shape, "uint8")
    with pytest.raises(ValueError, match="must be uint8 RGB"):
        Detector(Fixed([]), NAMES, 64).detect(image)


def test_without_a_detector_in_the_package_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(load_pretrained.__globals__, "PRETRAINED", tmp_path)
    with pytest.raises(FileNotFoundError, match="give it with --model"):
        load_pretrained()


# Darknet


def test_a_darknet_detector_is_its_network_and_suppression_by_hand(cfg):
    tiny = Detector.from_darknet(
        cfg,
        cfg.with_suffix(".weights"),
        cfg.with_suffix(".names"),
        score_threshold=0.05,
        max_boxes=1000,
    )
    assert (tiny.class_names, tiny.size, tiny.fit) == (NAMES, (32, 64), "stretch")
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), dtype="uint8")
    network = load_darknet(cfg, cfg.with_suffix(".weights"), decode=True)
    shown = centred((64, 128), (32, 64), "stretch").show(image)
    boxes, scores = (np.asarray(part)[0] for part in network(shown[None] / 255))
    expected = []
    for class_id in range(2):
        above = np.flatnonzero(scores[:, class_id] > 0.05)
        kept = above[greedy_nms(boxes[above], scores[above, class_id], 0.45)]
        expected += [(scores[i, class_id], class_id, *boxes[i] * 2) for i in kept]
    expected = np.array(sorted(expected, key=lambda row: -row[0]))
    expected[:, 2:] = np.clip(expected[:, 2:], 0, [128, 64, 128, 64])
    found = tiny.detect(image)
    assert len(found) == len(expected) > 5
    np.testing.assert_allclose(found.scores, expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy, expected[:, 2:], atol=0.01)


def test_a_darknet_detector_survives_saving(cfg, tmp_path):
    weights = cfg.with_suffix(".weights")
    tiny = Detector.from_darknet(cfg, weights, NAMES, score_threshold=0.05)
    tiny.save(tmp_path)
    [image] = pictures(1)
    assert len(tiny.detect(image)) > 3
    assert_equal(load_detector(tmp_path).detect(image), tiny.detect(image))


def test_names_must_be_those_of_the_classes(cfg, tmp_path):
    weights = cfg.with_suffix(".weights")
    with pytest.raises(ValueError, match=r"the 2 classes of .*Received: 3 names"):
        Detector.from_darknet(cfg, weights, ["a", "b", "c"])
    names = tmp_path / "other.names"
    names.write_text("a\n")
    with pytest.raises(ValueError, match=r"other\.names must name the 2 classes"):
        Detector.from_darknet(cfg, weights, names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "a class name on each line"),
        (b"car\n\nlorry\n", "a class name on each line"),
        (b"\xff\xfe\x00", "is no text"),
    ],
)
def test_names_are_a_text_with_one_a_line(content, message, tmp_path):
    path = tmp_path / "a.names"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_class_names(path)


def test_heads_are_found_where_they_can_be_replaced(cfg):
    known = load_darknet(cfg, decode=True)
    cuts, heads, decodes = zip(*find_heads(known), strict=True)
    assert cuts == ("leaky_0", "relu_4")
    assert heads == ("conv_1", "conv_5")
    assert [decode.scale_xy for decode in decodes] == [1.0, 1.1]
    network = transfer_detector(
        known, cuts, 1, [decode.anchors for decode in decodes], old_heads=heads
    )
    assert [head.shape[-1] for head in network.outputs] == [2 * 6, 6]
    own = detector(network_of(), ANCHORS)
    [(cut, head, _)] = find_heads(own)
    assert (cut, head) == ("neck_relu", "head")
    with pytest.raises(ValueError, match="no head that gives boxes"):
        find_heads(load_darknet(cfg))


# Classes


MATCHES = [
    # known to the model, of the data, wanted; names, model_ids, data_ids
    (["a", "b"], ["b", "a"], None, ["b", "a"], [1, 0], [0, 1]),
    (["a", "b"], ["b", "a"], "a", ["a"], [0, -1], [-1, 0]),
    (["lorry"], ["truck", "bus"], "truck=lorry, bus=lorry", ["lorry"], [0], [0, 0]),
    (["car", "x"], ["Car", "y"], "car", ["car"], [0, -1], [0, -1]),
    (["motorbike", "tvmonitor"], ["tv", "motorcycle"], None, None, [1, 0], [0, 1]),
    (["dining table"], ["diningtable"], None, ["dining table"], [0], [0]),
]


@pytest.mark.parametrize("case", MATCHES)
def test_classes_are_matched_by_name(case):
    known, class_names, wanted, names, model_ids, data_ids = case
    found = match_classes(known, class_names, wanted)
    assert names is None or found[0] == names
    assert found[1].tolist() == model_ids
    assert found[2].tolist() == data_ids


def test_classes_that_are_not_there_are_named():
    with pytest.raises(ValueError, match=r"does not know cat\. It knows: car"):
        match_classes(["car"], ["car", "cat"])
    with pytest.raises(ValueError, match=r"has no class dog\. It has: car, cat"):
        match_classes(["car"], ["car", "cat"], "dog=car")
    with pytest.raises(ValueError, match="does not know truck"):
        match_classes(["car"], ["truck"], "truck")
    with pytest.raises(ValueError, match="Name the classes"):
        match_classes(["car"], ["car"], " , ")


def test_pictures_and_detections_keep_only_the_classes_that_count():
    one = AnnotatedImage(
        [[0, 0, 4, 4], [1, 1, 9, 9], [2, 2, 5, 5]],
        [0, 1, 2],
        (10, 10),
        ignored=[False, True, False],
        areas=[1, 2, 3],
        image_id=5,
    )
    truth = AnnotatedImages([one], ["a", "b", "c"])
    changed = select_classes(truth, np.array([-1, 1, 0]), ["c", "b"])
    assert changed.class_names == ["c", "b"]
    assert changed[0].class_ids.tolist() == [1, 0]
    assert changed[0].ignored.tolist() == [True, False]
    assert changed[0].areas.tolist() == [2, 3]
    assert changed[0].image_id == 5
    found = Detections([[0, 0, 4, 4], [1, 1, 9, 9]], [0.9, 0.5], [2, 0])
    kept = select_detections(found, np.array([-1, -1, 4]))
    assert (kept.class_ids.tolist(), kept.scores.tolist()) == (
        [4],
        [pytest.approx(0.9)],
    )


def test_the_detector_of_the_package_finds_things_on_streets_it_has_not_seen():
    pretrained = load_pretrained()
    assert pretrained.class_names == scenes.CLASSES
    streets = scenes.make_street_scenes(7_654_321, 24)
    found = list(
        pretrained.with_thresholds(score_threshold=0.01).detect_all(
            street.image for street in streets.images
        )
    )
    assert metrics.evaluate_detections(streets, found)["map_50"] > 0.8
