"""The script, for a step or two."""

import functools
import io
import json
import os
import runpy
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scripted import run_to_exit as run

from dlai_keras import images as image_file
from dlai_keras.car_detection import data as box_data
from dlai_keras.car_detection import scenes as streets
from dlai_keras.video import Video, write_video

SCRIPT = Path(__file__).parents[2] / "assignments" / "car_detection.py"
SHORT = {
    "epochs": 2,
    "batch_size": 12,
    "size": 64,
    "num_anchors": 2,
    "learning_rate": 3e-3,
}
TINY = {"widths": (4, 8, 8, 8), "blocks": (0, 0, 0), "strides": 16}
NAMES = ["car", "lorry"]
CFG = """[net]
width=64
height=32
channels=3
[convolutional]
batch_normalize=1
filters=6
size=3
stride=8
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
"""


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module", autouse=True)
def small(script):
    """A few steps of a tiny network are not worth a compilation."""
    import keras

    compile_model = keras.Model.compile

    def compile_eagerly(self, *args, **kwargs):
        is_eager = keras.backend.backend() != "jax"
        kwargs |= {"run_eagerly": is_eager, "jit_compile": not is_eager}
        return compile_model(self, *args, **kwargs)

    def predict_eagerly(self, images):
        outputs = self(keras.ops.convert_to_tensor(images), training=False)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)

    def write_something(self, path, **_):  # charts have tests of their own
        Path(path).write_bytes(b"a chart")

    from dlai_keras.car_detection import detector

    names = script["train"].__globals__
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keras.Model, "compile", compile_eagerly)
        patched.setattr("matplotlib.figure.Figure.savefig", write_something)
        patched.setitem(names, "NUM_SAMPLES", 50)
        load = functools.cache(detector.load_detector)
        patched.setattr(detector, "load_detector", load)
        patched.setattr(keras.Model, "predict_on_batch", predict_eagerly)
        patched.setitem(names, "NETWORK", TINY)
        patched.setitem(names, "NUM_TEST", 3)
        patched.setattr(streets, "SIZE", (96, 128))
        # Boxes of a network that has learned for a moment have low scores.
        patched.setitem(names, "MEASURED", {"score_threshold": 1e-4, "max_boxes": 30})
        yield


def draw_picture(number):
    """A bright car and, on every other picture, a dark lorry, on grey."""
    rng = np.random.default_rng(number)
    image = rng.integers(100, 120, (60, 90, 3)).astype("uint8")
    boxes, class_ids = [], []
    for class_id, level in ((0, 250), (1, 10))[: 1 + number % 2]:
        x, y = rng.integers(0, 30, 2) + np.array([45 * class_id, 0])
        width, height = rng.integers(10, 26, 2)
        box = [x, y, min(x + width, 90), min(y + height, 60)]
        image[box[1] : box[3], box[0] : box[2]] = level
        boxes.append(box)
        class_ids.append(class_id)
    return box_data.AnnotatedImage(
        boxes, class_ids, (60, 90), image=image, image_id=number + 1
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures with boxes, as somebody's own."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures = [draw_picture(number) for number in range(15)]
    box_data.write_coco(
        box_data.AnnotatedImages(pictures, NAMES), folder / "instances.json"
    )
    return folder


@pytest.fixture(scope="module")
def trained(script, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "one"
    return script["train"](data=folder, **SHORT, output=output), output


@pytest.fixture(scope="module")
def darknet(tmp_path_factory):
    """Options of a network of Darknet's."""
    from dlai_keras.car_detection.darknet import load_darknet, save_darknet_weights

    folder = tmp_path_factory.mktemp("darknet")
    cfg = folder / "tiny.cfg"
    cfg.write_text(CFG)
    save_darknet_weights(load_darknet(cfg), cfg.with_suffix(".weights"))
    cfg.with_suffix(".names").write_text("car\nlorry\n")
    return {"darknet": cfg, "weights": cfg.with_suffix(".weights")}


def weights_of(path):
    """All arrays of a saved network; what names it does not matter."""
    with zipfile.ZipFile(path / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    found = []

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            found.append(np.asarray(item))

    with h5py.File(content) as file:
        file.visititems(collect)
    return found


# Training


def test_training_leaves_a_detector_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text())["metrics"]
    assert saved["map_50"] == figures["map_50"]
    assert (figures["num_training"], figures["num_test"]) == (12, 3)
    low, high = figures["map_50_interval"]
    assert 0 <= low <= figures["map_50"] <= high <= 1
    assert 0.1 <= figures["score_threshold"] <= 0.7
    names = {path.name for path in output.iterdir()}
    assert names - {"logs"} == {
        "model.keras",
        "detector.json",
        "metrics.json",
        "detections.json",
        "training.png",
        "precision_recall.png",
        "mistakes.png",
        "detections.png",
    }
    settings = json.loads((output / "detector.json").read_text())
    assert settings["class_names"] == NAMES and settings["size"] == [64, 64]


def test_an_interrupted_training_goes_on_and_ends_the_same(
    script, folder, trained, tmp_path, capsys, monkeypatch
):
    import keras

    options = {**SHORT, "data": folder, "output": tmp_path}
    fit = keras.Model.fit

    def fit_one_epoch(self, *args, callbacks, **kwargs):
        def stop(epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

        callbacks = [*callbacks, keras.callbacks.LambdaCallback(on_epoch_begin=stop)]
        return fit(self, *args, callbacks=callbacks, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "fit", fit_one_epoch)
        with pytest.raises(KeyboardInterrupt):
            script["train"](**options)
    capsys.readouterr()

    def refuse(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # after the last epoch, this time
        patched.setitem(script["train"].__globals__, "_measure", refuse)
        with pytest.raises(KeyboardInterrupt):
            script["train"](**options)
    said = capsys.readouterr().err
    assert "going on after epoch 1" in said and "epoch 1 of 2" not in said
    script["train"](**options)
    assert "going on after epoch 2" in capsys.readouterr().err
    for mine, theirs in zip(weights_of(trained[1]), weights_of(tmp_path), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_streets_are_rendered_without_data(script, tmp_path):
    options = SHORT | {"epochs": 1, "num_scenes": 4, "workers": 1}
    figures = script["train"](**options, output=tmp_path)
    assert (figures["num_training"], figures["num_test"]) == (4, 3)
    again = script["evaluate"](
        model=tmp_path, num_scenes=3, workers=1, output=tmp_path / "again"
    )
    assert again["map_50"] == pytest.approx(figures["map_50"])


def test_classes_can_be_left_out_and_renamed(script, folder, tmp_path):
    figures = script["train"](
        data=folder,
        **SHORT | {"epochs": 1},
        classes="lorry=van",
        test_share=0.4,
        output=tmp_path,
    )
    assert list(figures["ap_50"]) == ["van"]
    settings = json.loads((tmp_path / "detector.json").read_text())
    assert settings["class_names"] == ["van"]


@pytest.mark.parametrize("source", ["darknet", "model"])
def test_a_network_that_detects_already_gets_new_classes(
    source, script, folder, trained, darknet, tmp_path
):
    from dlai_keras.car_detection import detector

    options = {key: SHORT[key] for key in ("epochs", "batch_size", "learning_rate")}
    options |= darknet if source == "darknet" else {"model": trained[1]}
    figures = script["train"](
        data=folder, **options, frozen_epochs=1, classes="car", output=tmp_path
    )
    assert list(figures["ap_50"]) == ["car"]
    settings = json.loads((tmp_path / "detector.json").read_text())
    is_darknet = source == "darknet"
    assert settings["size"] == ([32, 64] if is_darknet else [64, 64])
    assert settings["fit"] == ("stretch" if is_darknet else "letterbox")
    history = sorted(tmp_path.glob("training.png"))
    assert history and not (tmp_path / "backup").exists()
    result = script["predict"](
        [folder / "images" / "1.png"], model=tmp_path, output=tmp_path / "out"
    )
    assert result["num_images"] == 1
    detector.load_detector.cache_clear()  # it shares layers with what was trained


# Measuring


def test_evaluation_meets_the_pictures_that_training_kept_back(
    script, folder, trained, tmp_path, capsys
):
    figures, output = trained
    again = script["evaluate"](model=output, data=folder, output=tmp_path)
    shown = capsys.readouterr()
    assert "only the 3 that were kept back" in shown.err
    assert again["num_test"] == 3
    assert again["map_50"] == pytest.approx(figures["map_50"])
    table = [line for line in shown.out.splitlines() if "maxDets" in line]
    assert len(table) == 12 and "IoU=0.50:0.95" in table[0]
    every = script["evaluate"](
        model=output, data=folder, all_pictures=True, output=tmp_path
    )
    assert every["num_test"] == 15
    records = json.loads((tmp_path / "detections.json").read_text())
    assert {record["image_id"] for record in records} <= set(range(1, 16))
    assert {record["category_id"] for record in records} <= {1, 2}


def test_evaluation_compares_only_the_classes_that_are_asked_for(
    script, folder, darknet, tmp_path
):
    names = darknet["darknet"].with_suffix(".names")
    options = {**darknet, "names": names, "data": folder, "output": tmp_path}
    every = script["evaluate"](**options)
    assert set(every["ap_50"]) == {"car", "lorry"}
    one = script["evaluate"](**options, classes="car")
    assert one["ap_50"] == {"car": every["ap_50"]["car"]}
    swapped = script["evaluate"](**options, classes="car=lorry")
    assert list(swapped["ap_50"]) == ["lorry"]


# Predicting


def test_prediction_draws_boxes_and_writes_them_as_coco_does(
    script, folder, trained, tmp_path, capsys
):
    from dlai_keras.car_detection.detector import load_detector

    one = sorted((folder / "images").iterdir())[0]
    result = script["predict"](
        [one, folder],
        model=trained[1],
        score_threshold=0.001,
        batch_size=4,
        output=tmp_path / "out",
    )
    assert result["num_images"] == 16 and result["num_left_out"] == 0
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert result["num_detections"] == len(records) > 0
    assert sum(result["num_by_class"].values()) == len(records)
    detector = load_detector(trained[1]).with_thresholds(score_threshold=0.001)
    found = detector.detect(image_file.read(one))
    first = [record for record in records if record["image_id"] == 1]
    assert [record["score"] for record in first] == pytest.approx(
        found.scores.tolist(), abs=1e-4
    )
    left, top, right, bottom = found.boxes_xyxy[0].tolist()
    assert first[0]["bbox"] == pytest.approx(
        [left, top, right - left, bottom - top], abs=0.02
    )
    assert first[0]["file_name"] == str(one)
    assert first[0]["class"] == NAMES[first[0]["category_id"] - 1]
    drawn = image_file.read(tmp_path / "out" / one.name)
    assert drawn.shape == (60, 90, 3) and (drawn != image_file.read(one)).any()
    # The same picture was named twice, and has two drawings.
    assert (tmp_path / "out" / f"{one.stem}_2.png").is_file()
    assert "Found" in capsys.readouterr().out


def test_one_bad_picture_is_named_and_the_rest_goes_on(
    script, trained, tmp_path, capsys
):
    image_file.write(tmp_path / "in" / "good.png", draw_picture(0).image)
    (tmp_path / "in" / "text.jpg").write_text("no picture")
    (tmp_path / "in" / "text.mp4").write_text("no video")
    options = {"model": trained[1], "output": tmp_path / "out"}
    result = script["predict"]([tmp_path / "in"], **options)
    assert (result["num_images"], result["num_left_out"]) == (1, 2)
    said = capsys.readouterr().err
    assert "left out:" in said and "text.jpg is no picture" in said
    assert "text.mp4 is no video" in said
    with pytest.raises(ValueError, match=r"text\.jpg is no picture"):
        script["predict"]([tmp_path / "in"], on_error="fail", **options)
    with pytest.raises(ValueError, match="None of the inputs"):
        script["predict"]([tmp_path / "in" / "text.jpg"], **options)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "drive.mp4"
    with write_video(path, fps=10, size=(60, 90)) as write:
        for number in range(11):
            write(draw_picture(number).image)
    return path


def test_a_video_gets_boxes_in_every_frame(script, trained, film, tmp_path):
    result = script["predict"](
        [film],
        model=trained[1],
        score_threshold=0.001,
        batch_size=4,
        output=tmp_path,
    )
    assert result["num_images"] == 11
    with Video(tmp_path / "drive.mp4") as drawn:
        assert (drawn.size, drawn.fps) == ((60, 90), 10.0)
        assert len(list(drawn)) == 11
    records = json.loads((tmp_path / "detections.json").read_text())
    assert {record["frame"] for record in records} <= set(range(11))
    for record in records:
        assert record["image_id"] == record["frame"] + 1
        assert record["seconds"] == pytest.approx(record["frame"] / 10)


def test_a_video_that_ends_early_is_used_as_far_as_it_goes(
    script, trained, tmp_path, capsys
):
    path = tmp_path / "cut.avi"
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), codec, 10, (90, 60))
    for number in range(40):
        writer.write(draw_picture(number).image)
    writer.release()
    os.truncate(path, path.stat().st_size // 2)
    options = {"model": trained[1], "output": tmp_path / "out"}
    result = script["predict"]([path], **options)
    assert 0 < result["num_images"] < 40
    assert "of 40 frames: it is cut off" in capsys.readouterr().err
    with pytest.raises(ValueError, match="of 40 frames"):
        script["predict"]([path], on_error="fail", **options)


def test_a_film_is_watched_like_a_camera(script, trained, film, tmp_path):
    result = script["predict"](camera=str(film), model=trained[1], output=tmp_path)
    assert result["num_images"] == 11
    assert (tmp_path / "camera.png").is_file()
    assert (tmp_path / "detections.json").is_file()


# The other verbs


def test_sliding_windows_say_the_same_in_one_pass(script, folder, tmp_path):
    figures = script["windows"](data=folder, size=24, epochs=1, output=tmp_path)
    assert figures["largest_difference"] < 1e-4
    assert figures["num_windows"] == 10 * 17
    assert figures["times_faster"] > 0
    for name in ("heat.png", "windows.png"):
        assert image_file.read(tmp_path / name).shape == (60, 90, 3)


def test_scenes_are_shown_with_and_without_boxes(script, tmp_path):
    figures = script["scenes"](num_scenes=3, workers=1, output=tmp_path)
    assert sum(figures.get(name, 0) for name in streets.CLASSES) >= 3
    plain, boxed = (
        image_file.read(tmp_path / name) for name in ("scenes.png", "boxes.png")
    )
    assert plain.shape == (96, 3 * 128 + 2 * 4, 3)
    assert boxed.shape == (2 * 96, 3 * 256 + 2 * 4, 3)
    assert (boxed[::2, :256:2] != plain[:, :128]).any()


# Mistakes


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["predict"], "Name pictures, videos or folders"),
        (["predict", "missing.jpg"], "No such picture, video or folder"),
        (["predict", "."], "holds no picture or video"),
        (["predict", "--camera", "missing.mp4"], "No such video file"),
        (["predict", "--camera", "0", "--seconds", "0"], "`seconds` must be above 0"),
        (["predict", "--camera", "0", "--on-error", "x"], "`on_error` must be fail or"),
        (["evaluate", "--model", "missing"], "No such file: missing"),
        (["evaluate", "--darknet", "a.cfg"], "needs --weights FILE and --names FILE"),
        (["evaluate", "--names", "a.names"], "belong to --darknet CFG"),
        (["evaluate", "--model", "a", "--darknet", "b"], "not both"),
        (["train", "--darknet", "a.cfg"], "needs --weights FILE."),
        (["train", "--data", "missing"], "No such file or folder: missing"),
        (["train", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["train", "--size", "100"], "`size` must be a multiple of 32"),
        (["train", "--learning-rate", "0"], "`learning_rate` must be above 0"),
        (["train", "--test-share", "1"], "`test_share` must be between 0 and 1"),
        (["train", "--seed", "-1"], "`seed` must be 0 or more"),
        (["train", "--frozen-epochs", "-1"], "`frozen_epochs` must be 0 or more"),
        (["windows", "--num-scenes", "0"], "`num_scenes` must be 1 or more"),
        (["scenes", "--num-scenes", "0"], "`num_scenes` must be 1 or more"),
    ],
)
def test_mistakes_end_in_one_line(script, argv, message, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert len([line for line in lines if not line.endswith("...")]) == 1
    assert message in lines[-1]
    assert not list(tmp_path.rglob("model.keras"))


def test_without_a_model_one_line_says_what_to_do(
    script, folder, monkeypatch, capsys, tmp_path
):
    from dlai_keras.car_detection import detector

    monkeypatch.setattr(detector, "PRETRAINED", tmp_path)
    code, lines = run(script, monkeypatch, capsys, "predict", folder)
    assert code == 2
    assert "No detector comes with the package. Train one" in lines[-1]


def write_yolo(folder, line):
    image_file.write(folder / "images" / "one.png", draw_picture(0).image)
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "one.txt").write_text(line)
    (folder / "classes.txt").write_text("car\nlorry\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.2 0.2\n", "class ids must be from 0 to 1"),
        ("0 0.5 0.5\n", "expected five numbers"),
        ("0 1.5 0.5 0.2 0.2\n", "one.txt, line 1"),
        ("", "nothing to measure"),
    ],
)
def test_bad_annotations_end_in_one_line(
    line, message, script, trained, monkeypatch, capsys, tmp_path
):
    write_yolo(tmp_path / "data", line)
    argv = ("evaluate", "--model", trained[1], "--data", tmp_path / "data")
    code, lines = run(script, monkeypatch, capsys, *argv, "--output", tmp_path / "out")
    assert code == 2
    assert message in lines[-1]


def test_a_text_that_is_called_a_picture_is_named(
    script, trained, monkeypatch, capsys, tmp_path
):
    write_yolo(tmp_path / "data", "0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data" / "images" / "two.jpg").write_text("no picture")
    argv = ("evaluate", "--model", trained[1], "--data", tmp_path / "data")
    code, lines = run(script, monkeypatch, capsys, *argv, "--output", tmp_path / "out")
    assert code == 2
    assert "two.jpg" in lines[-1]
    figures = script["evaluate"](
        model=trained[1],
        data=tmp_path / "data",
        on_error="skip",
        output=tmp_path / "out",
    )
    assert figures["num_test"] == 1


def test_training_without_an_object_is_refused(script, tmp_path):
    write_yolo(tmp_path, "")
    image_file.write(tmp_path / "images" / "two.png", draw_picture(1).image)
    with pytest.raises(ValueError, match="no object in the 1 training pictures"):
        script["train"](data=tmp_path, **SHORT, test_share=0.5, output=tmp_path / "out")


def test_other_classes_than_those_learnt_are_named(script, trained, tmp_path):
    write_yolo(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "classes.txt").write_text("tram\n")
    with pytest.raises(ValueError, match=r"does not know tram.*--classes"):
        script["evaluate"](model=trained[1], data=tmp_path, output=tmp_path / "out")


def test_inputs_are_never_replaced(script, trained, folder, tmp_path):
    image_file.write(tmp_path / "one.png", draw_picture(0).image)
    with pytest.raises(ValueError, match="would replace"):
        script["predict"]([tmp_path], model=trained[1], output=tmp_path)
