"""How fast boxes are decoded and suppressed, pictures read, and windows slid."""

import os
import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import boxes, command_line, images

HELP = """Measures decoding with suppression, whole pictures and sliding windows.

Decoding and suppression beside TensorFlow's combined_non_max_suppression and beside a
loop in NumPy, after the same decoding; pictures through imported Darknet networks
beside OpenCV's DNN on the same weights; one pass over a large picture beside its
windows one by one. The sides get the same numbers, find the same, and take turns."""

BATCHES = (1, 32)
NUM_CLASSES = 80
NUM_OBJECTS, NUM_AROUND = 20, 5  # in a picture, and boxes around each
NUM_BOXES, NUM_DECODED = 100, 500  # kept at most, and worth decoding
IOU_THRESHOLD, SCORE_THRESHOLD = 0.45, 0.25
# Cells each way, pixels from one to the next, anchors in pixels; and the head.
YOLO_V2 = [(18, 22), (60, 66), (107, 176), (252, 113), (313, 294)]
GRIDS = {
    "19 x 19 x 5 x 80": ("region", [(19, 32, YOLO_V2)]),
    "8,400 x 80": ("yolo", [(80, 8, [(24, 24)]), (40, 16, [(64, 64)]),
                            (20, 32, [(160, 160)])]),
}  # fmt: skip
WITH_XLA = True  # for decoding and suppression; `predict` has it with a GPU only
WINDOW, PICTURE = 64, (192, 256)  # pixels, of the sliding windows


def benchmark(
    *, repeats: int = 9, output: Path = Path("runs/car_detection_benchmark")
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    decode + NMS: feature maps as a trained network gives them, with 20 objects in each
    picture and some boxes around each, to at most 100 boxes; batches of 1 and 32. Ours
    decodes the 500 boxes of highest objectness, and in the next row all, as the others
    do.

    pictures: from 320 x 320 pixels to boxes, with Yolo-Fastest 1.1, where the variable
    DLAI_DATA names a folder that has it. Ours is compiled without XLA, whose depthwise
    convolutions are many times slower on a processor.

    sliding windows: a small classifier of 64 x 64 pixels over 192 x 256 pixels.

    Args:
        repeats: of each measurement; medians are shown. The NumPy loop takes a third.
        output: folder for metrics.json.

    Example:
        python benchmarks/car_detection.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    keras = command_line.load_keras()
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "The comparison is with TensorFlow's operation. Received: KERAS_BACKEND="
            f"{keras.backend.backend()}. Run it without KERAS_BACKEND."
        )
    command_line.set_seed(0)
    few = max(1, repeats // 3)
    comparisons = {}  # ours, the other, pictures at a time, how often
    for name in GRIDS:
        for batch in BATCHES:
            ours, ours_all, operation, loop = _suppressions(name, batch)
            label = f"decode + NMS, {name}, batch {batch}"
            comparisons |= {
                f"{label}, TensorFlow": (ours, operation, batch, repeats),
                f"{label}, all decoded, TensorFlow": (
                    *(ours_all, operation),
                    *(batch, repeats),
                ),
                f"{label}, NumPy": (ours, loop, batch, few),
            }
    for name, sides in _imported_networks().items():
        comparisons[f"picture, {name}, OpenCV"] = (*sides, 1, repeats)
    one_pass, one_by_one, batched = _sliding()
    comparisons |= {
        "sliding windows, one by one": (one_pass, one_by_one, 1, few),
        "sliding windows, in one batch": (one_pass, batched, 1, repeats),
    }
    rows, figures = [], {}
    for name, (ours, other, amount, times) in comparisons.items():
        command_line.note(f"{name} ...")
        ours(), other()  # compile
        pairs = [(_seconds(ours), _seconds(other)) for _ in range(times)]
        ratios = [theirs / mine for mine, theirs in pairs]
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.3g} to {max(ratios):.3g}",
                "ours, ms a picture": 1000 * mine / amount,
                "other, ms a picture": 1000 * theirs / amount,
            }
        )
        key = "".join(c for c in name.lower() if c.isalnum() or c == " ")
        key = "_".join(key.split())
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_seconds": mine / amount,
        }
    command_line.show_table("ratio: the other's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _feature_maps(rng, name, batch):
    """What a trained network says: little almost everywhere, and much at objects.

    Some cells around an object agree on its box and class, and are more or less sure.
    """
    head, maps = GRIDS[name]
    features = []
    for side, _, anchors in maps:
        shape = (batch, side, side, len(anchors), 5 + NUM_CLASSES)
        values = rng.normal(0, 0.5, shape).astype("float32")
        values[..., 4] = rng.normal(-7, 1, shape[:-1])
        classes = values[..., 5:]
        classes[...] = rng.normal(0 if head == "region" else -5, 1, classes.shape)
        for picture in values:
            for _ in range(-(-NUM_OBJECTS // len(maps))):
                centre = rng.uniform(0, side, 2)  # y, x in cells
                size = anchors[rng.integers(len(anchors))] * rng.uniform(0.7, 1.4, 2)
                class_id = rng.integers(NUM_CLASSES)
                for _ in range(NUM_AROUND):
                    y, x = np.clip(centre + rng.integers(-1, 2, 2), 0, side - 1)
                    number = rng.integers(len(anchors))
                    offset = np.clip(centre - (int(y), int(x)), 0.05, 0.95)[::-1]
                    box = picture[int(y), int(x), number]
                    box[:2] = np.log(offset / (1 - offset))
                    box[2:4] = np.log(size / anchors[number]) + rng.normal(0, 0.1, 2)
                    box[4] = rng.normal(1, 1.5)
                    box[5 + class_id] += 8
        features.append(values.reshape(*shape[:3], -1))
    return features


def _suppressions(name, batch):
    """Ours twice, TensorFlow's and NumPy's, each from feature maps to arrays.

    Ours decodes the boxes of highest objectness only, or all of them as the others do.
    All but TensorFlow's operation, which XLA does not know, are compiled by it.
    """
    import keras
    import tensorflow as tf

    from dlai_keras.car_detection.layers import NonMaxSuppression, YoloDecode

    head, maps = GRIDS[name]
    features = _feature_maps(np.random.default_rng(0), name, batch)
    inputs = [keras.Input(x.shape[1:]) for x in features]
    tensors = [tf.constant(x) for x in features]

    def decoded(max_boxes=None):
        outputs = [
            YoloDecode(anchors, NUM_CLASSES, strides, head, max_boxes=max_boxes)(x)
            for x, (_, strides, anchors) in zip(inputs, maps, strict=True)
        ]
        return [
            x[0] if len(x) == 1 else keras.layers.Concatenate(axis=1)(list(x))
            for x in zip(*outputs, strict=True)
        ]

    def detector(max_boxes=None):
        suppress = NonMaxSuppression(IOU_THRESHOLD, SCORE_THRESHOLD, NUM_BOXES)
        model = keras.Model(inputs, suppress(*decoded(max_boxes)))
        detect = tf.function(model, jit_compile=WITH_XLA)

        def run():
            found = {key: value.numpy() for key, value in detect(tensors).items()}
            return found["boxes_xyxy"], found["scores"], found["class_ids"]

        return run

    decode = tf.function(keras.Model(inputs, decoded()), jit_compile=WITH_XLA)

    @tf.function
    def operation():
        corners, scores = decode(tensors)
        return tf.image.combined_non_max_suppression(
            corners[:, :, None],
            scores,
            max_output_size_per_class=NUM_BOXES,
            max_total_size=NUM_BOXES,
            iou_threshold=IOU_THRESHOLD,
            score_threshold=SCORE_THRESHOLD,
            clip_boxes=False,
        )

    def theirs():
        return [x.numpy() for x in operation()[:3]]

    def loop():
        return _numpy_loop(*(x.numpy() for x in decode(tensors)))

    return detector(NUM_DECODED), detector(), theirs, loop


def _numpy_loop(corners, scores):
    """Picture by picture and class by class."""
    shape = (len(corners), NUM_BOXES)
    found = (
        np.zeros((*shape, 4), "float32"),
        np.zeros(shape, "float32"),
        np.zeros(shape),
    )
    for number, (own_corners, own_scores) in enumerate(
        zip(corners, scores, strict=True)
    ):
        kept = []
        for class_id in range(own_scores.shape[-1]):
            values = own_scores[:, class_id]
            (index,) = np.nonzero(values > SCORE_THRESHOLD)
            best = boxes.greedy_nms(
                own_corners[index], values[index], IOU_THRESHOLD, NUM_BOXES
            )
            kept += [(values[i], i, class_id) for i in index[best]]
        kept = sorted(kept, key=lambda item: -item[0])[:NUM_BOXES]
        for place, (value, i, class_id) in enumerate(kept):
            found[0][number, place] = own_corners[i]
            found[1][number, place] = value
            found[2][number, place] = class_id
    return found


def _imported_networks():
    """Ours and OpenCV's for each Darknet network that is there."""
    folder = Path(os.environ.get("DLAI_DATA", "")) / "car_detection"
    paths = sorted((folder / "yolo_fastest_1.1").glob("*.cfg"))
    if not os.environ.get("DLAI_DATA") or not paths:
        command_line.note("No pictures: DLAI_DATA names no folder with Yolo-Fastest.")
        return {}
    import cv2

    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        command_line.note(f"No pictures: OpenCV {cv2.__version__} reads no Darknet.")
        return {}
    image = images.read(folder / "driveai" / "test.jpg", size=320)
    return {path.stem: _imported_network(path, image) for path in paths}


def _imported_network(path, image):
    import cv2
    import keras
    import tensorflow as tf

    from dlai_keras.car_detection import darknet
    from dlai_keras.car_detection.layers import NonMaxSuppression

    weights = path.with_suffix(".weights")
    network = darknet.load_darknet(path, weights, decode=True)
    suppress = NonMaxSuppression(IOU_THRESHOLD, SCORE_THRESHOLD, NUM_BOXES)
    detect = tf.function(keras.Model(network.inputs, suppress(*network.outputs)))
    other = cv2.dnn.readNetFromDarknet(str(path), str(weights))
    names = other.getUnconnectedOutLayersNames()

    def ours():
        found = detect(tf.constant(image[None] / np.float32(255)))
        num = int(found["num_detections"][0])
        return [found[key][0, :num].numpy() for key in ("boxes_xyxy", "class_ids")]

    def opencv():
        other.setInput(cv2.dnn.blobFromImage(image, 1 / 255))
        rows = np.concatenate(other.forward(names))  # centre, size, objectness, classes
        # A box may have several classes, for ours as well.
        index, class_ids = np.nonzero(rows[:, 5:] > SCORE_THRESHOLD)
        rows, scores = rows[index], rows[index, 5 + class_ids]
        corners = boxes.convert(rows[:, :4] * 320, "cxcywh", "xyxy")
        kept = cv2.dnn.NMSBoxesBatched(
            boxes.convert(corners, "xyxy", "xywh").tolist(),
            scores.tolist(),
            class_ids.tolist(),
            SCORE_THRESHOLD,
            IOU_THRESHOLD,
        )
        kept = np.array(kept, int)[:NUM_BOXES]
        return [corners[kept], class_ids[kept]]

    return ours, opencv


def _sliding():
    """One pass, and windows one by one or all at once: `(rows, columns, 4)` each."""
    import keras
    import tensorflow as tf

    from dlai_keras.conversion import to_convolutional, window_stride, windows

    inputs = keras.Input((WINDOW, WINDOW, 3))
    x = inputs
    for filters in (16, 32, 64):
        x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    classifier = keras.Model(inputs, keras.layers.Dense(4)(x))
    picture = np.random.default_rng(0).random((*PICTURE, 3)).astype("float32")
    crops = windows(picture, WINDOW, window_stride(classifier))
    rows, columns = crops.shape[:2]
    crops = np.ascontiguousarray(crops.reshape(-1, WINDOW, WINDOW, 3))
    slide, classify = tf.function(to_convolutional(classifier)), tf.function(classifier)

    def one_pass():
        return slide(picture[None]).numpy()[0]

    def one_by_one():
        found = [classify(crops[i : i + 1]).numpy() for i in range(len(crops))]
        return np.concatenate(found).reshape(rows, columns, -1)

    def batched():
        return classify(crops).numpy().reshape(rows, columns, -1)

    return one_pass, one_by_one, batched


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
