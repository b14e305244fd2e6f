"""The script, for a step or two."""

import functools
import io
import json
import os
import runpy
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import h5py
import numpy as np
import pytest
from scripted import run_to_exit as run

from dlai_keras import images as image_file
from dlai_keras.face_recognition.alignment import template_points
from dlai_keras.face_recognition.faces import make_faces

SCRIPT = Path(__file__).parents[2] / "assignments" / "face_recognition.py"
NUM_PEOPLE, NUM_PICTURES = 8, 4
SHORT = {
    "epochs": 2,
    "steps": 1,
    "people_per_batch": 4,
    "pictures_per_batch": 2,
    "size": 40,
    "embedding_size": 8,
}
SPLIT = {"test_share": 0.4, "validation": 0.4}  # 3 people, and 2 of the other 5
PICTURES = {"roc.png", "worst_pairs.png", "embeddings.png"}
FOUND = SimpleNamespace(
    boxes_xyxy=np.array([[2.0, 2.0, 30.0, 38.0], [4.0, 4.0, 20.0, 24.0]]),
    scores=np.array([0.99, 0.98]),
    landmarks=np.stack([template_points("arcface", (40, 34))] * 2),
)


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

    from dlai_keras.face_recognition import recognizer

    names = script["train"].__globals__
    with pytest.MonkeyPatch.context() as patched:
        load = functools.cache(recognizer.load_recognizer)
        patched.setattr(recognizer, "load_recognizer", load)
        patched.setattr(keras.Model, "compile", compile_eagerly)
        patched.setattr(keras.Model, "predict_on_batch", predict_eagerly)
        patched.setattr("matplotlib.figure.Figure.savefig", write_something)
        # t-SNE takes a second, and draws the same kind of picture.
        patched.setitem(sys.modules, "sklearn.manifold", None)
        patched.setitem(names, "NETWORK", {"widths": (4,)})
        patched.setitem(names, "NUM_SAMPLES", 20)
        yield


@pytest.fixture(autouse=True)
def without_pictures(trained, monkeypatch):
    """Drawing takes longer than everything else; the first training has done it."""
    from dlai_keras.face_recognition import pictures

    def draw(path, *_, **__):
        Path(path).write_bytes(b"a chart")

    def draw_pairs(path, read, first, second, *_, **__):
        for index in (first[0], second[-1]):
            assert read(index).dtype == np.uint8
        draw(path)

    for name in ("draw_roc", "draw_embeddings", "draw_distances"):
        monkeypatch.setattr(pictures, name, draw)
    monkeypatch.setattr(pictures, "draw_worst_pairs", draw_pairs)
    monkeypatch.setattr("dlai_keras.charts.draw_history", draw)


@pytest.fixture(scope="module")
def people():
    return make_faces(0, NUM_PEOPLE, NUM_PICTURES, size=(40, 34))


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory):
    """Pictures of people, as somebody's own."""
    folder = tmp_path_factory.mktemp("people")
    for index in range(len(people)):
        name = people.name_of(index)
        number = index % NUM_PICTURES + 1
        path = folder / name / f"{name}_{number:04d}.png"
        image_file.write(path, people.read(index))
    return folder


@pytest.fixture(scope="module")
def trained(script, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "one"
    return script["train"](data=folder, **SHORT, **SPLIT, output=output), output


@pytest.fixture
def finder(script, monkeypatch):
    """Instead of MTCNN one that sees a face, or two, always at the same places."""
    finder = SimpleNamespace(
        find=lambda image: FOUND,
        find_one=lambda image, *, several, name: SimpleNamespace(
            landmarks=FOUND.landmarks[0], note=f"{name}: {several}"
        ),
    )
    names = script["train"].__globals__
    monkeypatch.setitem(names, "_load_finder", lambda folder: finder)
    return finder


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


def test_training_leaves_a_recognizer_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text())["metrics"]
    assert saved["auc"] == figures["auc"]
    assert (figures["num_training_people"], figures["num_people"]) == (3, 3)
    assert figures["num_pairs"] == 12 * 11 // 2
    low, high = figures["auc_interval"]
    assert 0 <= low <= figures["auc"] <= high <= 1
    for name in ("accuracy", "equal_error_rate", "nearest_neighbour_accuracy"):
        assert 0 <= figures[name] <= 1
    assert 0.5 < figures["pixel_auc"] <= 1
    assert figures["threshold_from"] == "2 people it was not trained on"
    names = {path.name for path in output.iterdir()}
    assert names - {"logs"} == PICTURES | {
        "model.keras",
        "recognizer.json",
        "metrics.json",
        "training.png",
        "distances.png",
    }
    settings = json.loads((output / "recognizer.json").read_text())
    assert settings["threshold"] == figures["threshold"]
    assert settings["size"] == [40, 34] and not settings["aligned"]


def test_the_threshold_is_not_that_of_the_people_it_is_tested_on(
    script, folder, trained
):
    """It is the best for those who were left out to choose it by."""
    from dlai_keras.face_recognition import data as people_data
    from dlai_keras.face_recognition import metrics
    from dlai_keras.face_recognition.recognizer import load_recognizer

    everybody = people_data.load_people(folder)
    rest, test = people_data.split_people(everybody.labels, 0.4, 0)
    _, held = people_data.split_people(everybody.labels[rest], 0.4, 1)
    held = everybody.subset(rest[held])
    assert held.num_people == 2
    assert not set(held.labels) & set(everybody.labels[test])
    recognizer = load_recognizer(trained[1])
    embeddings = recognizer.embed(held.read(index) for index in range(len(held)))
    _, _, same = people_data.all_pairs(held.labels)
    best = metrics.best_threshold(
        metrics.all_distances(embeddings), same, balanced=True
    )
    assert recognizer.threshold == pytest.approx(best, abs=1e-5)


def test_an_interrupted_training_goes_on_and_ends_the_same(
    script, folder, trained, tmp_path, capsys, monkeypatch
):
    import keras

    options = {**SHORT, **SPLIT, "data": folder, "output": tmp_path}
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
    assert "positive distance" in said  # of people it does not learn from
    script["train"](**options)
    assert "going on after epoch 2" in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()
    for mine, theirs in zip(weights_of(trained[1]), weights_of(tmp_path), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_in_cross_validation_everybody_is_kept_back_once(
    script, folder, tmp_path, capsys
):
    figures = script["train"](
        data=folder, **SHORT | {"epochs": 1}, folds=2, output=tmp_path
    )
    # No picture is compared with one that another network has embedded.
    assert figures["num_pairs"] == 2 * (16 * 15 // 2)
    assert (figures["num_people"], figures["num_images"]) == (8, 32)
    assert figures["num_training_people"] == 8  # those of the network that is saved
    assert len(figures["auc_by_fold"]) == 2
    assert "2 folds" in figures["threshold_from"]
    assert figures["accuracy_standard_error"] >= 0
    shown = capsys.readouterr()
    assert "Folds" in shown.out
    assert "fold 2 of 2: 4 people to train on, 4 to test on" in shown.err
    script["evaluate"](model=tmp_path, data=folder, output=tmp_path / "again")
    assert "has learned from all of these people" in capsys.readouterr().err


@pytest.mark.parametrize(
    "loss", ["batch-hard-soft", "arcface", "contrastive", "siamese"]
)
def test_every_loss_trains_the_same_kind_of_network(
    loss, script, folder, trained, tmp_path
):
    from dlai_keras.face_recognition.recognizer import load_recognizer

    figures = script["train"](
        data=folder, **SHORT | {"epochs": 1}, **SPLIT, loss=loss, output=tmp_path
    )
    assert 0 <= figures["auc"] <= 1
    recognizer = load_recognizer(tmp_path)
    assert recognizer.embedding_size == 8  # nothing of the loss is left in it
    assert recognizer.notes["loss"] == loss
    other = load_recognizer(trained[1])
    for mine, theirs in zip(recognizer.model.weights, other.model.weights, strict=True):
        assert mine.shape == theirs.shape
    assert recognizer.model_id != other.model_id


def test_people_are_rendered_without_data(script, tmp_path):
    options = {"num_people": 6, "num_pictures": 3, "workers": 1}
    figures = script["train"](
        **SHORT | {"epochs": 1}, **options, test_share=0.5, output=tmp_path
    )
    assert (figures["num_training_people"], figures["num_people"]) == (3, 3)
    assert figures["threshold_from"] == "the people it was trained on"
    again = script["evaluate"](model=tmp_path, **options, output=tmp_path / "again")
    assert (again["num_people"], again["num_images"]) == (6, 18)


def test_training_learns_from_aligned_faces_where_they_are_found(
    script, folder, finder, trained, tmp_path, capsys, monkeypatch
):
    options = {**SHORT, "epochs": 1, **SPLIT, "data": folder, "mtcnn": tmp_path}
    script["train"](**options, output=tmp_path / "run")
    said = capsys.readouterr().err
    assert "in 32 of 32 pictures there are several faces; the largest" in said
    model = tmp_path / "run"
    assert json.loads((model / "recognizer.json").read_text())["aligned"]
    options = {"model": model, "data": folder, "output": tmp_path / "evaluation"}
    assert not script["evaluate"](**options, no_align=True)["aligned"]
    assert script["evaluate"](**options, mtcnn=tmp_path)["aligned"]

    def find_none(folder):
        raise FileNotFoundError(folder)

    monkeypatch.setitem(script["train"].__globals__, "_load_finder", find_none)
    with pytest.raises(ValueError, match=r"takes aligned faces\. Give --mtcnn"):
        script["evaluate"](**options)


# Measuring


def test_evaluation_meets_the_people_that_training_kept_back(
    script, folder, trained, tmp_path, capsys
):
    figures, output = trained
    again = script["evaluate"](model=output, data=folder, output=tmp_path)
    assert "only the 3 who were kept back" in capsys.readouterr().err
    assert again["num_people"] == 3
    for name in ("auc", "accuracy", "pixel_auc", "threshold"):
        assert again[name] == pytest.approx(figures[name], abs=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {*PICTURES, "metrics.json"}
    every = script["evaluate"](
        model=output, data=folder, all_people=True, output=tmp_path
    )
    assert (every["num_people"], every["num_pairs"]) == (8, 32 * 31 // 2)


def test_of_very_many_pictures_some_pairs_are_compared(
    script, folder, trained, tmp_path, capsys, monkeypatch
):
    names = script["train"].__globals__
    monkeypatch.setitem(names, "MOST_PICTURES", 20)
    monkeypatch.setitem(names, "NUM_DIFFERENT", 100)
    figures = script["evaluate"](
        model=trained[1], data=folder, all_people=True, output=tmp_path
    )
    assert figures["num_same"] == NUM_PEOPLE * 6  # all of them
    assert 60 < figures["num_different"] <= 100
    assert "pairs are compared" in capsys.readouterr().err


def test_listed_pairs_are_decided_by_the_threshold_of_the_other_folds(
    script, folder, trained, people, tmp_path
):
    from dlai_keras.face_recognition import data as people_data
    from dlai_keras.face_recognition import metrics
    from dlai_keras.face_recognition.recognizer import load_recognizer

    names = people.names
    lines = ["2\t2"]
    for fold in range(2):
        lines += [f"{names[fold]}\t1\t2", f"{names[fold]}\t3\t{4 + 5 * fold}"]
        lines += [f"{names[fold]}\t1\t{names[fold + 2]}\t{n}" for n in (1, 2)]
    listed = tmp_path / "pairs.txt"
    listed.write_text("\n".join(lines) + "\n")
    figures = script["evaluate"](
        model=trained[1], data=folder, pairs=listed, output=tmp_path / "out"
    )
    assert (figures["num_pairs"], figures["num_missing_pairs"]) == (7, 1)
    recognizer = load_recognizer(trained[1])
    pairs = people_data.load_pairs(listed, folder)
    distances = [
        recognizer.verify(image_file.read(one), image_file.read(other))[1]
        for one, other in zip(pairs.first, pairs.second, strict=True)
    ]
    expected = metrics.k_fold_accuracy(distances, pairs.same, pairs.fold)
    assert figures["accuracy"] == pytest.approx(expected.accuracy)
    assert figures["auc"] == pytest.approx(metrics.auc(distances, pairs.same))


def test_broken_pictures_are_named_or_left_out(
    script, folder, trained, tmp_path, capsys
):
    for index in (0, 1):
        for number in (1, 2, 3):
            source = (
                folder / f"person_{index:04d}" / f"person_{index:04d}_000{number}.png"
            )
            target = tmp_path / "in" / str(index) / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (tmp_path / "in" / "1" / "3.png").write_text("no picture")
    options = {"model": trained[1], "data": tmp_path / "in", "output": tmp_path / "out"}
    with pytest.raises(ValueError, match=r"3\.png is no picture"):
        script["evaluate"](**options)
    figures = script["evaluate"](**options, on_error="skip")
    assert figures["num_images"] == 5
    assert "left out:" in capsys.readouterr().err


# Two pictures, and the database


def picture(folder, person, number):
    name = f"person_{person:04d}"
    return folder / name / f"{name}_{number:04d}.png"


def test_two_pictures_are_verified(script, folder, trained):
    one, other = picture(folder, 0, 1), picture(folder, 5, 1)
    result = script["predict"](one, one, model=trained[1])
    assert result["same"] and result["distance"] == pytest.approx(0, abs=1e-3)
    settings = json.loads((trained[1] / "recognizer.json").read_text())
    assert result["threshold"] == settings["threshold"]
    apart = script["predict"](one, other, model=trained[1])["distance"]
    assert apart > 0.01
    for threshold, same in ((apart * 0.9, False), (min(2, apart * 1.1), True)):
        result = script["predict"](one, other, model=trained[1], threshold=threshold)
        assert (result["same"], result["threshold"]) == (same, threshold)


def test_people_are_enrolled_identified_and_removed(
    script, folder, trained, tmp_path, capsys
):
    database = tmp_path / "faces.sqlite"
    options = {"database": database, "model": trained[1]}
    first = script["enroll"](
        "Ann", [picture(folder, 0, 1), picture(folder, 0, 2)], **options, threshold=1e-3
    )
    assert (first["num_pictures"], first["num_people"]) == (2, 1)
    second = script["enroll"]("Bob", [folder / "person_0001"], **options)
    assert (second["num_pictures"], second["num_people"]) == (4, 2)
    assert second["threshold"] == 1e-3  # as it was begun
    asked = [picture(folder, 1, 3), picture(folder, 2, 1)]
    result = script["identify"](asked, **options)
    assert [face["name"] for face in result["faces"]] == ["Bob", None]
    assert (result["num_images"], result["num_unknown"]) == (2, 1)
    assert result["faces"][0]["distance"] == pytest.approx(0, abs=1e-3)
    assert "unknown" in capsys.readouterr().out
    alone = script["identify"](asked[:1], **options)
    assert alone["name"] == "Bob"
    result = script["remove"]("Bob", database=database)
    assert result == {"removed": "Bob", "num_pictures": 4, "num_people": 1}
    assert script["identify"](asked[:1], **options)["name"] is None
    assert b"Bob" not in database.read_bytes()


def test_every_face_of_a_picture_is_named(script, folder, trained, finder, tmp_path):
    database = tmp_path / "faces.sqlite"
    options = {"database": database, "model": trained[1], "mtcnn": tmp_path}
    asked = [picture(folder, 0, 1)]
    script["enroll"]("Ann", asked, **options)
    result = script["identify"](asked * 2, **options, output=tmp_path / "out")
    assert [face["name"] for face in result["faces"]] == ["Ann"] * 4
    for name in (asked[0].stem, f"{asked[0].stem}_2"):
        drawn = image_file.read(tmp_path / "out" / f"{name}.png")
        assert drawn.shape == (40, 34, 3)
        assert (drawn != image_file.read(asked[0])).any()
    finder.find = lambda image: SimpleNamespace(
        boxes_xyxy=np.zeros((0, 4)), landmarks=np.zeros((0, 5, 2))
    )
    with pytest.raises(ValueError, match="None of the pictures shows a face"):
        script["identify"](asked, **options, output=tmp_path / "out")


def test_of_two_faces_nobody_is_enrolled_or_verified(
    script, folder, trained, finder, tmp_path
):
    def find_one(image, *, several, name):
        assert several == "error"
        raise ValueError(f"{name} shows 2 faces of like size")

    finder.find_one = find_one
    one = picture(folder, 0, 1)
    options = {"model": trained[1], "mtcnn": tmp_path}
    database = tmp_path / "faces.sqlite"
    with pytest.raises(ValueError, match=r"0001\.png shows 2 faces"):
        script["enroll"]("Ann", [one], **options, database=database)
    assert not database.exists()
    with pytest.raises(ValueError, match=r"0001\.png shows 2 faces"):
        script["predict"](one, one, **options)


def write_film(path, images):
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), codec, 10, (68, 80))
    for image in images:
        writer.write(cv2.resize(image, (68, 80))[..., ::-1])
    writer.release()


def test_the_door_opens_for_who_is_enrolled_and_stays(
    script, folder, trained, tmp_path, capsys
):
    ann, stranger = (image_file.read(picture(folder, person, 1)) for person in (0, 5))
    film, database = tmp_path / "door.avi", tmp_path / "faces.sqlite"
    # Two frames are too few; the third opens it, and it stays open for the fourth.
    write_film(film, [ann] * 2 + [stranger] + [ann] * 4 + [stranger] * 3)
    apart = script["predict"](
        picture(folder, 0, 1), picture(folder, 5, 1), model=trained[1]
    )["distance"]
    options = {"database": database, "model": trained[1]}
    script["enroll"]("Ann", [picture(folder, 0, 1)], **options, threshold=apart / 2)
    result = script["door"](camera=str(film), **options, output=tmp_path / "out")
    assert result["num_images"] == 10
    assert [opening["name"] for opening in result["openings"]] == ["Ann"]
    assert "it's Ann, welcome in!" in capsys.readouterr().err
    assert image_file.read(tmp_path / "out" / "door.png").shape == (80, 68, 3)


def test_with_two_faces_before_it_the_door_stays_shut(
    script, folder, trained, finder, tmp_path
):
    film, database = tmp_path / "door.avi", tmp_path / "faces.sqlite"
    write_film(film, [image_file.read(picture(folder, 0, 1))] * 4)
    options = {"database": database, "model": trained[1], "mtcnn": tmp_path}
    script["enroll"]("Ann", [picture(folder, 0, 1)], **options, threshold=2.0)
    result = script["door"](camera=str(film), **options, output=tmp_path / "out")
    assert (result["num_images"], result["num_openings"]) == (4, 0)


# Mistakes


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--data", "missing"], "No such folder: missing"),
        (["train", "--data", "."], "No people in"),
        (["train", "--loss", "hinge"], "`loss` must be one of semi-hard"),
        (["train", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["train", "--size", "8"], "`size` must be 32 or more"),
        (["train", "--people-per-batch", "1"], "`people_per_batch` must be 2 or more"),
        (["train", "--learning-rate", "0"], "`learning_rate` must be above 0"),
        (["train", "--test-share", "1"], "`test_share` must be between 0 and 1"),
        (["train", "--validation", "1"], "`validation` must be from 0 to below 1"),
        (["train", "--folds", "1"], "`folds` must be 2 or more"),
        (["train", "--seed", "-1"], "`seed` must be 0 or more"),
        (["train", "--on-error", "x"], "`on_error` must be one of fail, skip"),
        (["train", "--num-people", "0"], "`num_people` must be 1 or more"),
        (["evaluate", "--pairs", "pairs.txt"], "Give their folder with --data"),
        (["evaluate", "--model", "missing"], "No such file: missing"),
        (["evaluate", "--mobile-facenet", "a.npz"], "No such weights: a.npz"),
        (
            ["evaluate", "--model", "a", "--openface", "b"],
            "only one of --model and --o",
        ),
        (["evaluate", "--mtcnn", "a", "--no-align"], "--mtcnn aligns faces"),
        (["predict", "a.png"], "missing argument"),
        (["predict", "a.png", "b.png"], "No such file or directory: a.png"),
        (["enroll", "Ann"], "missing argument"),
        (["enroll", "Ann", "a.png"], "No such picture or folder: a.png"),
        (["enroll", "Ann", "."], "holds no picture"),
        (["identify", "a.png"], "No such picture or folder: a.png"),
        (["remove", "Ann"], "No such file: faces.sqlite"),
        (["door"], "No such file: faces.sqlite"),
        (["door", "--seconds", "0"], "`seconds` must be above 0"),
        (["opens"], "there is no verb 'opens'"),
    ],
)
def test_mistakes_end_in_one_line(script, argv, message, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert len([line for line in lines if not line.endswith("...")]) == 1
    assert message in lines[-1]
    assert not list(tmp_path.iterdir())


def test_without_a_model_the_one_of_the_package_compares(script, folder):
    from dlai_keras.face_recognition.recognizer import load_pretrained

    two = picture(folder, 0, 1), picture(folder, 0, 2)
    figures = script["predict"](*two)
    assert 0 <= figures["distance"] <= 2
    assert figures["threshold"] == load_pretrained().threshold


def test_a_database_is_not_asked_with_another_model_nor_damaged(
    script, folder, trained, monkeypatch, capsys, tmp_path
):
    from dlai_keras.face_recognition.recognizer import load_recognizer

    database, one = tmp_path / "faces.sqlite", picture(folder, 0, 1)
    script["enroll"]("Ann", [one], database=database, model=trained[1])
    content = database.read_bytes()
    replace(load_recognizer(trained[1]), mirror=False).save(tmp_path / "other")
    argv = ("--database", database, "--model", tmp_path / "other")
    for verb in (("identify", one), ("enroll", "Bob", one)):
        code, lines = run(script, monkeypatch, capsys, *verb, *argv)
        assert code == 2 and "cannot be compared" in lines[-1]
    argv = ("--database", database, "--model", trained[1], "--threshold", "0.123")
    code, lines = run(script, monkeypatch, capsys, "enroll", "Bob", one, *argv)
    assert code == 2 and "has the threshold" in lines[-1]
    code, lines = run(script, monkeypatch, capsys, "remove", "Bob", *argv[:2])
    assert code == 2 and "nobody named 'Bob'" in lines[-1]
    assert database.read_bytes() == content
    database.write_bytes(b"no database")
    for verb in (("identify", one), ("remove", "Ann"), ("door",)):
        code, lines = run(script, monkeypatch, capsys, *verb, "--database", database)
        assert code == 2 and "no gallery of people" in lines[-1]
    assert database.read_bytes() == b"no database"


def test_people_who_cannot_be_split_are_refused_before_training(
    script, folder, tmp_path
):
    for person in range(4):
        target = tmp_path / "in" / str(person) / "1.png"
        target.parent.mkdir(parents=True)
        target.write_bytes(picture(folder, person, 1).read_bytes())
    with pytest.raises(ValueError, match="two pictures or more of one of them"):
        script["train"](data=tmp_path / "in", **SHORT, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["train", "evaluate", "enroll", "door"])
def test_help_says_how_it_is_used(script, verb, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["face_recognition.py", verb, "--help"])
    with pytest.raises(SystemExit) as stop:
        script["main"]()
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"python assignments/face_recognition.py {verb}" in shown
    assert "MTCNN" in shown


# Real pictures


@pytest.mark.skipif(
    "DLAI_DATA" not in os.environ, reason="DLAI_DATA names no folder with real data"
)
def test_mobile_facenet_tells_the_people_of_lfw_apart(script, tmp_path):
    root = Path(os.environ["DLAI_DATA"]) / "face_recognition"
    few = tmp_path / "lfw"
    for person in sorted((root / "lfw").iterdir())[:3]:
        for path in sorted(person.iterdir())[:2]:
            target = few / person.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    figures = script["evaluate"](
        mobile_facenet=root / "mobilefacenet" / "mobilefacenet_068.npz",
        data=few,
        output=tmp_path / "out",
    )
    assert figures["aligned"]  # by the MTCNN that lies beside
    assert figures["auc"] > 0.99
    assert figures["nearest_neighbour_accuracy"] == 1
