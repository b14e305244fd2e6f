"""The script, for a step or two."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from scripted import run_to_exit as run

from dlai_keras import images as image_file
from dlai_keras.classic_convnets import faces, objects

SCRIPT = Path(__file__).parents[2] / "assignments" / "classic_convnets.py"
SHORT = {"network": "lenet5_course", "epochs": 2, "batch_size": 8, "size": 16}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module", autouse=True)
def uncompiled():
    """A few steps are not worth a compilation."""
    import keras

    compile_model = keras.Model.compile

    def compile_eagerly(self, *args, **kwargs):
        is_eager = keras.backend.backend() != "jax"
        kwargs |= {"run_eagerly": is_eager, "jit_compile": not is_eager}
        return compile_model(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keras.Model, "compile", compile_eagerly)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of three things, as somebody's own."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(36):
        name = ("clock", "key", "mug")[index % 3]
        image = objects.draw_object(np.random.default_rng(index), name, size=20)
        image_file.write(folder / name / f"{index}.png", image)
    return folder


@pytest.fixture(scope="module")
def trained(script, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "one"
    return script["train"](data=folder, **SHORT, output=output), output


def test_training_leaves_a_network_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text())
    assert saved["metrics"]["accuracy"] == figures["accuracy"]
    assert figures["num_training"] == 30 and figures["num_test"] == 6
    low, high = figures["accuracy_interval"]
    assert 0 <= low <= figures["accuracy"] <= high <= 1
    # 16 pixels: 12, 6, 2, 1 on the way to 16 features; three classes.
    assert figures["parameters"] == 608 + 3216 + 17 * 120 + 10_164 + 85 * 3
    names = {path.name for path in output.iterdir()}
    assert names - {"logs"} == {
        "model.keras",
        "classes.json",
        "metrics.json",
        "training.png",
        "confusion.png",
        "mistakes.png",
    }


def test_evaluation_meets_the_pictures_that_training_kept_back(
    script, folder, trained, tmp_path
):
    figures, output = trained
    again = script["evaluate"](model=output, data=folder, output=tmp_path)
    assert again["num_test"] == figures["num_test"]
    assert again["accuracy"] == pytest.approx(figures["accuracy"])


def test_the_same_seed_gives_the_same_network(script, folder, trained, tmp_path):
    import keras

    script["train"](data=folder, **SHORT, output=tmp_path)
    one, other = (
        keras.saving.load_model(path / "model.keras").get_weights()
        for path in (trained[1], tmp_path)
    )
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_prediction_tells_the_class_of_files_and_folders(
    script, folder, trained, tmp_path
):
    result = script["predict"]([folder / "mug"], model=trained[1], output=tmp_path)
    assert result["num_images"] == 12
    assert {row["class"] for row in result["predictions"]} <= {"clock", "key", "mug"}
    assert json.loads((tmp_path / "predictions.json").read_text())
    assert (tmp_path / "predictions.png").is_file()


def test_comparison_trains_each_once_and_shows_what_each_costs(
    script, folder, tmp_path, capsys
):
    options = {key: SHORT[key] for key in ("batch_size", "size")} | {
        "data": folder,
        "epochs": 1,
        "compared": "lenet5_course, network_in_network",
        "width": 0.125,
        "output": tmp_path,
    }
    figures = script["compare"](**options)
    assert [row["network"] for row in figures["networks"]] == [
        "lenet5_course",
        "network_in_network",
    ]
    assert figures["best"] in {"lenet5_course", "network_in_network"}
    assert (tmp_path / "comparison.png").is_file()
    shown = capsys.readouterr().out
    assert "multiply-adds" in shown and "network_in_network" in shown
    before = (tmp_path / "network_in_network" / "model.keras").stat().st_mtime_ns
    again = script["compare"](**options)
    assert again["networks"] == figures["networks"]
    assert (
        tmp_path / "network_in_network" / "model.keras"
    ).stat().st_mtime_ns == before
    assert "taken from" in capsys.readouterr().err


def test_side_outputs_are_trained_and_left_out(script, folder, tmp_path, monkeypatch):
    import keras

    from dlai_keras.classic_convnets import model

    def tiny(input_shape, num_classes, **options):
        inputs = keras.Input(input_shape)
        x = keras.layers.Flatten()(inputs)
        x = keras.layers.Rescaling(1 / 255)(x)
        outputs = [keras.layers.Dense(num_classes, name="logits")(x)]
        outputs.append(keras.layers.Dense(num_classes, name="side")(x))
        return keras.Model(inputs, outputs)

    monkeypatch.setitem(model.NETWORKS, "googlenet", tiny)
    options = SHORT | {"network": "googlenet"}
    figures = script["train"](data=folder, **options, output=tmp_path)
    saved = keras.saving.load_model(tmp_path / "model.keras")
    assert saved.output_shape == (None, 3)
    assert [layer.name for layer in saved.layers][-1] == "logits"
    assert figures["parameters"] == 3 * (16 * 16 * 3 + 1)


def test_drawn_things_are_used_without_data(script, tmp_path, monkeypatch):
    monkeypatch.setitem(script["train"].__globals__, "NUM_TEST", 20)
    figures = script["train"](
        network="lenet5", num_pictures=20, epochs=1, workers=0, output=tmp_path
    )
    assert figures["num_training"] == 20 and figures["num_test"] == 20
    figures = script["evaluate"](model=tmp_path, workers=0, output=tmp_path / "more")
    assert set(figures["recall_by_class"]) == set(objects.CLASSES)


def test_the_summary_is_the_courses_table(script, capsys):
    figures = script["summary"]()
    assert figures["parameters"] == 62_958
    shown = capsys.readouterr().out
    for number in ("608", "3,216", "48,120", "10,164", "850", "28 × 28 × 8"):
        assert number in shown
    small = script["summary"]("alexnet", small=True, num_classes=3)
    assert small["layers"][-1]["activation_shape"] == (3,)


def test_the_summary_takes_a_trained_network(script, trained):
    figures = script["summary"](str(trained[1]))
    assert figures["parameters"] == trained[0]["parameters"]


def test_landmarks_are_learnt_measured_and_marked(script, tmp_path, monkeypatch):
    figures = script["landmarks"](
        num_faces=16, num_test=12, epochs=1, size=32, workers=0, output=tmp_path
    )
    assert figures["num_test"] == 12
    low, high = figures["error_pixels_interval"]
    assert 0 < low < figures["error_pixels"] < high < 32
    assert set(figures["error_by_landmark"]) == set(faces.LANDMARKS)
    assert 0 <= figures["long_hair_accuracy"] <= 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"logs"} == {  # these where TensorBoard is installed
        "model.keras",
        "faces.json",
        "metrics.json",
        "landmarks.png",
        "training.png",
    }
    images, _, _ = faces.make_faces(np.random.default_rng(0), 2, size=48)
    image_file.write(tmp_path / "faces" / "a.png", images[0])
    result = script["mark"](
        [tmp_path / "faces"], model=tmp_path, output=tmp_path / "marked"
    )
    row = result["faces"][0]
    assert set(row["attributes"]) == set(faces.ATTRIBUTES)
    assert all(0 < x < 32 and 0 < y < 32 for x, y in row["landmarks"].values())
    assert (tmp_path / "marked" / "faces.png").is_file()


def test_the_sheet_takes_a_picture_or_draws_one(script, folder, tmp_path):
    one = script["sheet"](size=32, output=tmp_path / "one")
    assert one["num_augmentations"] == 6 and Path(one["output"]).is_file()
    picture = next((folder / "mug").iterdir())
    other = script["sheet"](picture, size=32, output=tmp_path / "other")
    assert Path(other["output"]).read_bytes() != Path(one["output"]).read_bytes()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--network", "lenet6"], "`network` must be one of lenet5,"),
        (["train", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["train", "--width", "9"], "`width` must be above 0"),
        (["train", "--network", "lenet5", "--width", "1"], "lenet5 has no `width`"),
        (["train", "--learning-rate", "0"], "`learning_rate` must be above 0"),
        (["train", "--seed", "-1"], "`seed` must be 0 or more"),
        (["train", "--num-pictures", "5"], "`num` must be 10 or more"),
        (["train", "--data", "no/such/folder"], "No such folder"),
        (["compare", "--compared", ","], "`network` must be one of"),
        (["evaluate", "--model", "no/model"], "No such file"),
        (["predict", "no_such.png"], "No such picture or folder"),
        (["landmarks", "--size", "40"], "`size` must be a multiple of 16"),
        (["landmarks", "--num-faces", "0"], "`num_faces` must be 1 or more"),
        (["summary", "lenet7"], "`network` must be one of"),
        (["summary", "vgg16", "--size", "20"], "Give another --size"),
    ],
)
def test_mistakes_end_in_one_line(script, argv, message, monkeypatch, capsys):
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert len([line for line in lines if not line.endswith("...")]) == 1
    assert message in lines[-1]


def test_other_classes_than_those_learnt_are_named(script, trained, tmp_path):
    for index in range(4):
        image = objects.draw_object(np.random.default_rng(index), "leaf", size=16)
        image_file.write(tmp_path / "data" / "leaf" / f"{index}.png", image)
    with pytest.raises(ValueError, match=r"knows the classes clock.*Received: leaf"):
        script["evaluate"](model=trained[1], data=tmp_path / "data", output=tmp_path)
