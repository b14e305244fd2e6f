"""The script: a small training, and the verbs that take numbers and files."""

import csv
import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import run

from dlai_keras import images
from dlai_keras.strategy.data import load_examples, load_models

SCRIPT = Path(__file__).parents[2] / "assignments" / "strategy.py"
CATS = "model,accuracy,milliseconds\nA,0.90,80\nB,0.92,95\nC,95%,1500\n"
SETS = ("train", "train_dev", "dev", "test")


@pytest.fixture(scope="module")
def script():
    names = runpy.run_path(str(SCRIPT), run_name="imported")
    names["network"] = names["_network"]
    settings = names["train"].__globals__
    settings["SIZE"] = 16
    settings["CURVE_SIZES"], settings["CURVE_STEPS"] = 3, 3
    settings["_network"] = tiny_network  # the real ones take long to compile
    return names


def tiny_network(kind, steps):
    import keras

    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1.0),
            keras.layers.Flatten(),
            keras.layers.Dense({"residual": 10, "dense": 40}[kind]),
        ]
    )
    network.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return network


@pytest.fixture(scope="module")
def trained(script, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "strategy"
    figures = script["train"](
        num_source=120,
        num_target=90,
        wrong_labels=0.3,
        epochs=2,
        repeats=1,
        seed=3,
        output=output,
    )
    return figures, output


def result(out):
    return json.loads(out.strip().splitlines()[-1])


def test_training_leaves_its_figures_with_intervals_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    for name in SETS:
        low, high = figures[f"{name}_error_interval"]
        assert low <= figures[f"{name}_error"] <= high
        assert saved["metrics"][f"{name}_error"] == figures[f"{name}_error"]
    sizes = [gap["size"] for gap in figures["gaps"]]
    assert sum(sizes) == pytest.approx(figures["test_error"] - figures["human_error"])
    assert figures["num_training"] == 108  # a tenth of the clean ones is train-dev
    for name in ("diagnosis", "epochs", "tags", "learning_curve", "models", "training"):
        assert cv2.imread(str(output / f"{name}.png")).std() > 5
    assert (output / "model.keras").is_file()
    drop = figures["dev_error"] - figures["dev_error_with_camera"]
    assert figures["drop"] == pytest.approx(drop)
    assert figures["drop_interval"][0] <= drop <= figures["drop_interval"][1]
    rows = load_models(output / "models.csv")
    assert figures["chosen"] in [row["model"] for row in rows]
    assert len((output / "learning_curve.csv").read_text().splitlines()) == 4


def test_the_networks_are_one_that_fits_the_camera_and_one_that_does_not(script):
    settings = script["train"].__globals__
    sizes = {}
    for kind in ("residual", "dense"):
        network = script["network"](kind, 10)
        assert network.output_shape == (None, 10)
        schedule = network.optimizer.get_config()["learning_rate"]["config"]
        assert schedule["decay_steps"] == 10
        sizes[kind] = network.count_params()
    assert sizes["residual"] <= settings["MOST_PARAMETERS"] < sizes["dense"]


def test_the_dev_sets_spoilt_labels_are_found_again(trained):
    figures, output = trained
    examples = load_examples(output / "dev.csv")
    assert len(examples) == 30
    spoilt = [one for one in examples if one.is_label_error]
    assert 3 <= len(spoilt) <= 18
    right = [one for one in spoilt if one.prediction == one.correct_label]
    assert figures["num_label_errors"] == len(right)
    wrong = np.mean([one.is_mistake for one in examples])
    assert figures["dev_error"] == pytest.approx(wrong)
    tags = {row["tag"]: row["num_examples"] for row in figures["tags"]}
    assert tags["dark"] == sum("dark" in one.tags for one in examples)
    page = (output / "errors.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 30


def test_the_model_that_is_saved_is_the_chosen_one(trained):
    import keras

    figures, output = trained
    model = keras.saving.load_model(output / "model.keras")
    assert model.input_shape == (None, 16, 16, 3)
    rows = {row["model"]: row for row in load_models(output / "models.csv")}
    assert model.count_params() == rows[figures["chosen"]]["parameters"]


def test_what_errors_makes_of_the_dev_set_is_what_training_made(
    script, trained, tmp_path
):
    figures, output = trained
    again = script["errors"](output / "dev.csv", output=tmp_path)
    assert again["error"] == pytest.approx(figures["dev_error"])
    assert again["tags"] == figures["tags"]
    assert again["label_errors"] == figures["label_errors"]


def test_numbers_are_diagnosed(script, monkeypatch, capsys, tmp_path):
    argv = ("diagnose", "--human", 0.01, "--train", 0.08, "--dev", 0.1)
    code, out, _ = run(
        script, monkeypatch, capsys, *argv, "--output", tmp_path, "--json"
    )
    assert code == 0
    found = result(out)
    assert found["focus"] == "avoidable_bias"
    assert [gap["verdict"] for gap in found["gaps"]] == ["problem", "problem"]
    assert "train a bigger network" in out
    assert cv2.imread(str(tmp_path / "diagnosis.png")).std() > 5
    code, out, _ = run(
        script, monkeypatch, capsys, *argv, "--num-train", 5000, "--num-dev", 300,
        "--output", tmp_path, "--json",
    )  # fmt: skip
    assert [gap["verdict"] for gap in result(out)["gaps"]] == ["problem", "undecided"]


def test_a_plan_is_drawn(script, tmp_path):
    figures = script["plan"](
        num_target=1000,
        num_source=500,
        half_width=0.05,
        difference=0.08,
        disagreement=0.1,
        output=tmp_path,
    )
    assert figures["num_test"] == figures["needed_test"]
    assert figures["num_dev"] == figures["needed_dev"]
    with (tmp_path / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1500
    assert len({(row["source"], row["index"]) for row in rows}) == 1500
    for part in SETS:
        assert sum(row["part"] == part for row in rows) == figures[f"num_{part}"]
    assert all(row["source"] == "target" for row in rows if row["part"] == "dev")


def test_a_table_of_mistakes_becomes_a_page_with_pictures(script, tmp_path):
    picture = np.zeros((200, 100, 3), "uint8")
    images.write(tmp_path / "pictures" / "a.png", picture)
    file = tmp_path / "mistakes.csv"
    file.write_text(
        "id,label,prediction,dog,blurry,image\n"
        "1,cat,no cat,x,,pictures/a.png\n"
        "2,cat,no cat,,x,pictures/a.png\n",
        encoding="utf-8",
    )
    pages = {}
    for how in ("embed", "link", "none"):
        output = tmp_path / how
        figures = script["errors"](file, error=0.1, thumbnails=how, output=output)
        pages[how] = (output / "errors.html").read_text(encoding="utf-8")
        assert figures["tags"][0]["ceiling"] == pytest.approx(0.05)
        assert cv2.imread(str(output / "tags.png")).std() > 5
    assert pages["embed"].count("data:image/png") == 2
    assert pages["link"].count('src="../pictures/a.png"') == 2
    assert "<img" not in pages["none"]


def test_a_model_is_chosen_and_the_others_told_why(
    script, monkeypatch, capsys, tmp_path
):
    file = tmp_path / "models.csv"
    file.write_text(CATS, encoding="utf-8")
    argv = ("choose", file, "--optimise", "accuracy", "--output", tmp_path, "--json")
    argv = (*argv, "--satisfice", "milliseconds<=100", "--num-examples", 400)
    code, out, _ = run(script, monkeypatch, capsys, *argv)
    assert code == 0
    found = result(out)
    assert (found["chosen"], found["not_told_apart"]) == ("B", "A")
    assert found["accuracy_interval"][0] < 0.92 < found["accuracy_interval"][1]
    assert cv2.imread(str(tmp_path / "models.png")).std() > 5
    code, out, err = run(
        script, monkeypatch, capsys, *argv, "--satisfice", "accuracy>1"
    )
    assert code == 0
    assert result(out)["chosen"] is None
    assert err[-1] == "no model is good enough"


def test_a_learning_curve_is_read_from_a_file(script, tmp_path):
    file = tmp_path / "curve.csv"
    lines = [f"{n},0.0,{2 * n**-0.5}" for n in (100, 200, 400, 800)]
    file.write_text("\n".join(["num_training,train_error,dev_error", *lines]))
    figures = script["curve"](file, num_dev=5000, output=tmp_path)
    assert figures["more_data"] == "helps"
    low, high = figures["gain_of_twice_interval"]
    assert low < figures["gain_of_twice"] < high
    assert cv2.imread(str(tmp_path / "learning_curve.png")).std() > 5
    with pytest.raises(ValueError, match=r"Line 2 .* num_dev.*Or give --num-dev"):
        script["curve"](file, output=tmp_path)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--epochs", 1], "`epochs` must be 2 or more"),
        (["train", "--num-source", 9], "`num_source` must be"),
        (["train", "--wrong-labels", 0.7], "`wrong_labels` must be from 0"),
        (["train", "--seed", -1], "`seed` must be 0 or more"),
        (["diagnose", "--train", 0.1], "Received: train"),
        (["diagnose", "--train", 8, "--dev", 10], "Write 8 % as 0.08"),
        (["diagnose", "--train", 0.1, "--dev", 0.2, "--num-test", 9], "without its"),
        (["plan"], "num-target"),
        (["plan", "--num-target", 100, "--half-width", 0.01], "Collect"),
        (["plan", "--num-target", 100, "--disagreement", 0.1], "needs `difference`"),
        (["plan", "--num-target", 100, "--error", 0], "`error` must be above 0"),
        (["errors", "nothing.csv"], "nothing.csv"),
        (["errors", "nothing.csv", "--thumbnails", "x"], "embed, link or none"),
        (["choose", "nothing.csv", "--optimise", "f1"], "nothing.csv"),
        (["choose", "x.csv"], "optimise"),
        (["curve", "nothing.csv"], "nothing.csv"),
        (["evaluate"], "there is no verb"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    script, monkeypatch, capsys, tmp_path, argv, message
):
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert message in errors[-1]
    assert errors[-1].startswith("error: ")
    assert not any(tmp_path.iterdir())


def test_a_missing_picture_is_told_by_its_example(script, tmp_path):
    file = tmp_path / "mistakes.csv"
    file.write_text("id,label,prediction,image\n7,a,b,gone.png\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"gone\.png, of example 7"):
        script["errors"](file, output=tmp_path / "out")
