"""The script, for a step or two."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import run_to_exit as run

from dlai_keras import images as image_file
from dlai_keras.signs.hands import make_signs

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "assignments" / "signs.py"
SHORT = {
    "network": "convnet",
    "epochs": 2,
    "batch_size": 8,
    "size": 32,
    "validation": 0.2,
}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of three numbers, as somebody's own."""
    folder = tmp_path_factory.mktemp("pictures")
    drawn, labels = make_signs(np.random.default_rng(0), 72, size=32)
    for index, (image, label) in enumerate(zip(drawn, labels, strict=True)):
        if label < 3:
            image_file.write(folder / str(label) / f"{index}.png", image)
    return folder


@pytest.fixture(scope="module")
def trained(script, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "signs"
    figures = script["train"](
        data=folder,
        **SHORT,
        output=output,
    )
    return figures, output


def test_training_leaves_a_classifier_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text())
    assert saved["metrics"]["accuracy"] == figures["accuracy"]
    assert figures["num_training"] + figures["num_test"] < 36  # some validate
    assert figures["epochs"] == 2
    low, high = figures["accuracy_interval"]
    assert 0 <= low <= figures["accuracy"] <= high <= 1
    names = {path.name for path in output.iterdir()}
    assert {"model.keras", "classes.json", "training.png", "confusion.png"} <= names
    assert "mistakes.png" in names and "backup" not in names


def test_evaluation_meets_the_pictures_that_training_kept_back(
    script, folder, trained, tmp_path
):
    figures, output = trained
    again = script["evaluate"](model=output, data=folder, output=tmp_path)
    assert again["num_test"] == figures["num_test"]
    assert again["accuracy"] == pytest.approx(figures["accuracy"])
    every = script["evaluate"](
        model=output, data=folder, all_pictures=True, output=tmp_path
    )
    assert every["num_test"] == 36


def test_the_same_seed_gives_the_same_classifier(script, folder, trained, tmp_path):
    script["train"](
        data=folder,
        **SHORT,
        output=tmp_path,
    )
    import keras

    one, other = (
        keras.saving.load_model(path / "model.keras").get_weights()
        for path in (trained[1], tmp_path)
    )
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


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
    script["train"](**options)
    said = capsys.readouterr().err
    assert "going on after epoch 1" in said and "epoch 1 of 2" not in said
    one, other = (
        keras.saving.load_model(path / "model.keras").get_weights()
        for path in (trained[1], tmp_path)
    )
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_predictions_come_as_rows_json_and_a_sheet(
    script, folder, trained, tmp_path, capsys
):
    one = next((folder / "1").iterdir())
    result = script["predict"](
        [one, folder / "2"], model=trained[1], output=tmp_path / "out"
    )
    assert result["num_images"] == 13
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert rows == result["predictions"]
    assert rows[0]["picture"] == str(one)
    assert {row["class"] for row in rows} <= {"0", "1", "2"}
    assert (tmp_path / "out" / "predictions.png").stat().st_size > 5000
    assert "Predictions" in capsys.readouterr().out


def test_a_video_is_watched_like_a_camera(script, trained, tmp_path):
    path = tmp_path / "hand.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 64))
    for image in make_signs(np.random.default_rng(0), 6)[0]:
        writer.write(image[..., ::-1])
    writer.release()
    result = script["predict"](
        camera=str(path), model=trained[1], output=tmp_path / "out"
    )
    assert result["num_images"] == 6
    assert result["predictions"][0]["class"] in {"0", "1", "2"}


def test_transfer_without_a_network_says_so_in_one_line(
    script, folder, tmp_path, monkeypatch, capsys
):
    import keras

    def refuse(*_, **__):
        raise Exception("URL fetch failure: no network")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", refuse)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    code, lines = run(
        script,
        monkeypatch,
        capsys,
        *("train", "--data", folder, "--network", "MobileNetV2"),
        *("--output", tmp_path / "out"),
    )
    assert code == 2
    assert "ImageNet weights of MobileNetV2 cannot be fetched" in lines[-1]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["predict"], "Name pictures, folders or h5 files"),
        (["predict", "missing.jpg"], "No such picture"),
        (["predict", "--camera", "missing.mp4"], "No such video file: missing.mp4"),
        (["train", "--data", "missing"], "No such file or folder: missing"),
        (["train", "--network", "vgg", "--rendered", "60"], "`network` must be one of"),
        (["train", "--augmentation", "3"], "`augmentation` must be from 0 to 2"),
        (["train", "--rendered", "3"], "`rendered` must be 6 or more"),
        (["evaluate", "--model", "missing"], "No such file: missing"),
    ],
)
def test_mistakes_end_in_one_line(script, argv, message, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert message in lines[-1]
    assert not list(tmp_path.rglob("model.keras"))


def test_a_model_is_not_asked_about_classes_it_does_not_know(
    script, trained, tmp_path, monkeypatch, capsys
):
    image_file.write(tmp_path / "seven" / "1.png", np.zeros((8, 8, 3), "uint8"))
    argv = ("evaluate", "--model", trained[1], "--data", tmp_path, "--all-pictures")
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert "knows the classes 0, 1, 2. Received: seven" in lines[-1]
