"""The script, a topic at a time, for a step or two; and the course's own figures."""

import json
import os
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import run

from dlai_keras.foundations import data, deep_network, pictures, remembering
from dlai_keras.foundations import logistic_regression as neuron

SCRIPT = Path(__file__).parents[2] / "assignments" / "foundations.py"
REAL = os.environ.get("DLAI_DATA")
needs_data = pytest.mark.skipif(not REAL, reason="DLAI_DATA is not set")

# Topic -> options that make it short, and the pictures that it leaves.
TOPICS = {
    "cats": (
        {"size": 24, "iterations": 2},
        {"costs", "weights", "mistakes", "learning_rates"},
    ),
    "planar": ({"iterations": 20}, {"boundaries", "costs"}),
    "initialization": ({"iterations": 20}, {"boundaries", "costs"}),
    "regularization": ({"iterations": 20}, {"boundaries", "costs"}),
    "gradient-checking": ({}, {"differences"}),
    "optimization": (
        {"epochs": 3},
        {"race", "boundaries", "costs", "batches", "decays"},
    ),
    "convolution": ({"size": 32}, {"filters", "pooling"}),
    "recurrent": (
        {"steps": 4, "iterations": 3},
        {"gradients", "costs", "states"},
    ),
    "tuning": ({"trials": 4, "searches": 1, "epochs": 1}, {"search"}),
}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


def show(script, topic):
    return script[f"show_{topic.replace('-', '_')}"]


@pytest.fixture(scope="module")
def shown(script, tmp_path_factory):
    """Runs a topic once; returns its figures and its folder."""
    done = {}

    def run_once(topic):
        if topic not in done:
            output = tmp_path_factory.mktemp("runs") / topic
            figures = show(script, topic)(**TOPICS[topic][0], output=output)
            done[topic] = figures, output
        return done[topic]

    return run_once


def need(topic):
    if topic == "tuning":
        pytest.importorskip("optuna", reason="the extra tuning is not installed")


# Every topic


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_leaves_figures_and_pictures(shown, topic):
    need(topic)
    figures, output = shown(topic)
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert saved["seed"] == 1
    assert saved["metrics"].keys() == figures.keys()
    assert {path.stem for path in output.glob("*.png")} == TOPICS[topic][1]
    for path in output.glob("*.png"):
        assert cv2.imread(str(path)).std() > 5, path.name


@pytest.mark.parametrize("topic", ["planar", "optimization", "recurrent", "tuning"])
def test_the_same_seed_gives_the_same_figures_and_another_others(
    script, shown, topic, tmp_path, monkeypatch
):
    need(topic)
    first = shown(topic)[0]
    for name in vars(pictures):
        if name.startswith("draw_"):  # figures only
            monkeypatch.setattr(pictures, name, lambda *_, **__: None)
    options = TOPICS[topic][0]
    again = show(script, topic)(**options, output=tmp_path / "a")
    assert json.dumps(again, default=str) == json.dumps(first, default=str)
    other = show(script, topic)(**options, seed=2, output=tmp_path / "b")
    assert json.dumps(other, default=str) != json.dumps(first, default=str)


def test_the_help_of_every_topic_says_what_to_look_at(script, monkeypatch, capsys):
    for topic, (_, shown) in TOPICS.items():
        code, out, _ = run(script, monkeypatch, capsys, topic, "--help")
        assert code == 0
        text = " ".join(out.split())
        assert "week" in text
        for picture in shown - {"costs"}:
            assert f"{picture}.png" in text, (topic, picture)
        for option in ("--seed", "--output", "--json"):
            assert option in out


def test_all_topics_are_run_and_one_is_left_out_without_optuna(
    script, monkeypatch, capsys, tmp_path
):
    names = script["train"].__globals__
    seen = {}
    for topic in TOPICS:

        def stub(*, seed, output, topic=topic, **options):
            seen[topic] = seed, output, options
            if topic == "tuning":
                raise ImportError("tuning needs the package optuna")
            return {"accuracy": 0.5}

        monkeypatch.setitem(names, f"show_{topic.replace('-', '_')}", stub)
    loaded = []
    sets = script["train"].__globals__["sets"]
    monkeypatch.setattr(sets, "load_cats", loaded.append)
    monkeypatch.setattr(sets, "load_points", loaded.append)
    result = script["train"](seed=3, output=tmp_path, data=tmp_path / "data")
    assert loaded == [tmp_path / "data"] * 2  # at once, not after minutes
    assert list(seen) == list(TOPICS)
    for topic, (seed, output, _) in seen.items():
        assert (seed, output) == (3, tmp_path / topic)
    for topic in ("cats", "regularization"):
        assert seen[topic][2]["data"] == tmp_path / "data"
    assert set(result) == {topic.replace("-", "_") for topic in TOPICS} - {"tuning"}
    out, err = capsys.readouterr()
    assert "tuning was left out: tuning needs the package optuna" in err
    assert all(topic in out for topic in set(TOPICS) - {"tuning"})
    assert (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["cats", "--data", "nowhere"], "No such file: nowhere"),
        (["cats", "--size", "8"], "`size` must be 24 or more"),
        (["cats", "--iterations", "0"], "`iterations` must be 1 or more"),
        (["planar", "--dataset", "tulips"], "flower, circles"),
        (["planar", "--data", "points.txt"], "No such file: points.txt"),
        (["initialization", "--iterations", "0"], "`iterations` must be 1"),
        (["regularization", "--keep-prob", "0"], "`keep_prob` must be above 0"),
        (["regularization", "--lambd", "-1"], "`lambd` must be 0 or more"),
        (["gradient-checking", "--seed", "-1"], "`seed` must be from 0"),
        (["optimization", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["convolution", "--image", "cat.jpg"], "cat.jpg"),
        (["recurrent", "--steps", "1"], "`steps` must be 2 or more"),
        (["tuning", "--trials", "10"], "`trials` must be a square number"),
        (["tuning", "--trials", "-4"], "`trials` must be a square number"),
        (["evaluate", "--model", "nowhere"], "Run cats first"),
        (["predict", "cat.jpg", "--model", "nowhere"], "Run cats first"),
        (["tunning"], "Did you mean tuning?"),
    ],
)
def test_a_mistake_ends_in_one_line(
    script, monkeypatch, capsys, tmp_path, argv, message
):
    monkeypatch.chdir(tmp_path)
    code, _, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_without_optuna_one_line_says_how_to_get_it(
    script, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "optuna", None)  # as if it were not installed
    code, _, lines = run(script, monkeypatch, capsys, "tuning")
    assert code == 2
    assert len(lines) == 1
    assert "pip install 'dlai_keras[tuning]'" in lines[0]


# What the topics show


def test_the_gradient_check_gives_the_published_differences_and_finds_the_layer(shown):
    figures, _ = shown("gradient-checking")
    # Course 2, week 1: 1.1890913e-07 when mended, 0.285093156781 as handed out.
    assert figures["difference_right"] == pytest.approx(1.189e-7, rel=0.02)
    assert figures["difference_wrong"] == pytest.approx(0.285093156781, rel=1e-6)
    assert figures["wrong_gradients"] == ["db1", "dW2", "all together"]
    assert figures["wrong_layers"] == ["wrong_double"]
    assert figures["wrong_weights"] == ["first/kernel", "first/bias"]


def test_the_shapes_of_a_convolution_are_those_of_the_formula(shown):
    figures, _ = shown("convolution")
    for row in figures["shapes"]:
        f = int(row["filter"][0])
        side = (32 + 2 * row["pad"] - f) // row["stride"] + 1
        assert row["output"] == f"{side} x {side} x 8"
        assert row["parameters"] == 8 * (f * f + 1)
    assert figures["gradient_difference"] < 1e-8


def test_a_picture_of_ones_own_goes_through_the_filters(script, tmp_path):
    picture = np.zeros((40, 50, 3), "uint8")
    picture[:, 25:] = 255  # one vertical edge
    cv2.imwrite(str(tmp_path / "edge.png"), picture)
    for name, options in (("mine", {"image": tmp_path / "edge.png"}), ("drawn", {})):
        show(script, "convolution")(**options, size=32, output=tmp_path / name)
    mine, drawn = (
        (tmp_path / name / "filters.png").read_bytes() for name in ("mine", "drawn")
    )
    assert mine != drawn


def test_backward_passes_through_time_are_right_for_all_networks(shown):
    figures, _ = shown("recurrent")
    assert len(figures["networks"]) == 4
    for row in figures["networks"]:
        assert row["backward pass, difference"] < 1e-7


def test_an_open_gate_lets_the_gradient_back_and_a_half_open_one_does_not(script):
    reached = {}
    x, _ = remembering.make_signs(np.random.RandomState(0), 20, 60)
    for name, (kind, biases) in script["REMEMBERING"].items():
        network = remembering.SequenceClassifier(
            kind, np.random.RandomState(1), biases=biases
        )
        reached[name] = network.reach(x)
        assert len(reached[name]) == 60
    assert reached["RNN"][0] < 1e-3 * reached["RNN"][-1]
    assert reached["LSTM"][0] < 1e-6 * reached["LSTM"][-1]
    assert reached["LSTM, forget gate open"][0] > 0.01


def test_the_runners_of_the_race_follow_their_definitions(script):
    start = np.array([-4.4, 1.9])
    slope = np.array(script["_valley"](*start)[1:])
    rates = script["RATES_OF_RACE"]
    first = {name: script["_walk"](name)[1] - start for name in rates}
    np.testing.assert_allclose(first["gd"], -rates["gd"] * slope)
    np.testing.assert_allclose(first["momentum"], -0.1 * rates["momentum"] * slope)
    # The first step of the two others is as long in both directions.
    np.testing.assert_allclose(
        first["rmsprop"], -rates["rmsprop"] / np.sqrt(0.1) * np.sign(slope), rtol=1e-6
    )
    np.testing.assert_allclose(
        first["adam"], -rates["adam"] * np.sign(slope), rtol=1e-6
    )
    step = 1e-6
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        above, below = (script["_valley"](*(start + s))[0] for s in (shift, -shift))
        assert slope[axis] == pytest.approx((above - below) / (2 * step), rel=1e-6)


def test_a_search_tries_what_its_strategy_says(shown):
    pytest.importorskip("optuna", reason="the extra tuning is not installed")
    figures, _ = shown("tuning")
    values = {row["strategy"]: row["values of alpha"] for row in figures["strategies"]}
    assert values == {"grid": 2, "random, linear": 4, "random, log": 4, "TPE, log": 4}
    for row in figures["strategies"]:
        assert 0 <= row["from"] <= row["validation %"] <= row["to"] <= 100


# Cats


def test_the_classifiers_that_cats_leaves_are_measured_and_asked(
    script, shown, monkeypatch, capsys, tmp_path
):
    _, model = shown("cats")
    code, out, _ = run(
        script, monkeypatch, capsys, "evaluate", "--model", model, "--output",
        tmp_path / "evaluation", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out.splitlines()[-1])["num_test"] == 50
    image = data.make_cats(np.random.default_rng(3), 1, size=40)[0][0]
    cv2.imwrite(str(tmp_path / "mine.png"), image)
    code, out, _ = run(
        script, monkeypatch, capsys, "predict", tmp_path / "mine.png", "--model",
        model / "cats.npz", "--output", tmp_path / "predictions", "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out.splitlines()[-1])
    (row,) = result["predictions"]
    for name in ("logistic regression", "two layers", "four layers"):
        assert 0 < row[name] < 1
    saved = json.loads((tmp_path / "predictions/predictions.json").read_text())
    assert saved == result["predictions"]
    assert (tmp_path / "predictions/predictions.png").exists()


def test_saved_classifiers_say_what_they_said(script, shown):
    figures, model = shown("cats")
    trained, size = script["_load_classifiers"](model)
    assert size == 24
    rows = script["_judge_cats"](trained, script["_load_cats"](None, 24, 1), False)
    for row, saved in zip(rows, figures["classifiers"], strict=True):
        assert row == saved
    rows = script["_judge_cats"](trained, script["_load_cats"](None, 24, 1), True)
    published = [row["published"] for row in rows]
    assert published == ["99.04 and 70", "100 and 72", "98.56 and 80"]
    n = 24 * 24 * 3
    sizes = [n + 1, 7 * n + 7 + 8, 20 * n + 20 + 147 + 40 + 6]
    assert [row["parameters"] for row in rows] == sizes


def test_a_broken_file_of_classifiers_is_refused(script, tmp_path):
    (tmp_path / "cats.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"no cats\.npz"):
        script["_load_classifiers"](tmp_path)


# The course's own figures, from its seeds


def test_the_flower_gives_the_published_accuracies(script, monkeypatch, tmp_path):
    planar = show(script, "planar")
    monkeypatch.setitem(planar.__globals__, "HIDDEN_SIZES", (1, 3))
    figures = planar(output=tmp_path)
    none, one, three = figures["sizes"]
    # Course 1, week 3: "Accuracy of logistic regression: 47 %", "Accuracy for 1 hidden
    # units: 67.5 %", "... for 3 hidden units: 90.75 %".
    assert none["train %"] == pytest.approx(47.0)
    assert one["train %"] == pytest.approx(67.5)
    assert three["train %"] == pytest.approx(90.75)


def test_the_circles_give_the_published_costs(script, tmp_path):
    figures = show(script, "initialization")(iterations=2001, output=tmp_path)
    # Course 2, week 1: "Cost after iteration 0, 1000, 2000" from He's weights.
    expected = [0.8830537463419761, 0.6879825919728063, 0.6751286264523371]
    np.testing.assert_allclose(figures["costs"]["he"], expected, rtol=1e-9)
    np.testing.assert_allclose(figures["costs"]["zeros"], np.log(2))
    # From weights this large rounding grows: processors differ in the third digit.
    assert figures["costs"]["random"][1] == pytest.approx(0.6239567039908781, abs=5e-3)


def test_the_moons_give_the_published_costs(shown):
    costs = shown("optimization")[0]["costs"]
    # Course 2, week 2 (2021): "Cost after epoch 0" with each optimiser.
    expected = {"gd": 0.702405, "momentum": 0.702413, "adam": 0.702166}
    for name, cost in expected.items():
        assert costs[name][0] == pytest.approx(cost, abs=5e-7)


def columns():
    splits = data.load_cats(REAL)
    (train, train_y), (test, test_y) = splits["train"], splits["test"]
    return data.flatten_images(train), train_y, data.flatten_images(test), test_y


@needs_data
def test_cats_start_from_the_published_costs(script, tmp_path):
    figures = show(script, "cats")(data=Path(REAL), iterations=1, output=tmp_path)
    starts = {name: costs[0] for name, costs in figures["costs"].items()}
    # Course 1, weeks 2 and 4: "Cost after iteration 0".
    assert starts["logistic regression"] == pytest.approx(0.693147, abs=1e-6)
    assert starts["two layers"] == pytest.approx(0.693049735659989, abs=1e-12)
    assert starts["four layers"] == pytest.approx(0.771749, abs=1e-6)
    # These say nothing of a training of one step.
    assert not any("published" in row for row in figures["classifiers"])


@needs_data
def test_the_neuron_reaches_99_04_and_70_percent():
    train_x, train_y, test_x, test_y = columns()
    # From weights of 0 every step stays among the 209 directions of the pictures: the
    # same training there is sixty times faster.
    Q, R = np.linalg.qr(train_x)
    model = neuron.model(R, train_y, Q.T @ test_x, test_y, 2000, 0.005)
    assert model["costs"][19] == pytest.approx(0.140872, abs=1e-6)
    train, test = (
        100 * np.mean(model[f"Y_prediction_{split}"] == labels)
        for split, labels in (("train", train_y), ("test", test_y))
    )
    assert train == pytest.approx(99.04306220095694)
    assert test == pytest.approx(70.0)


@needs_data
@pytest.mark.parametrize(
    ("sizes", "costs", "train", "test"),
    [
        # Course 1, week 4: costs after 0, 100 and 2400 iterations.
        (
            (12288, 7, 1),
            (0.6930497356599888, 0.6464320953428849, 0.048554785628770226),
            100.0,
            72.0,
        ),
        ((12288, 20, 7, 5, 1), (0.771749, 0.672053, 0.092878), 98.5645933014, 80.0),
    ],
    ids=["two layers", "four layers"],
)
def test_layers_reach_the_published_costs_and_accuracies(sizes, costs, train, test):
    train_x, train_y, test_x, test_y = columns()
    rng = np.random.RandomState(1)
    if len(sizes) == 3:
        start = deep_network.initialize_parameters(*sizes, rng=rng)
    else:
        start = deep_network.initialize_parameters_deep(sizes, scale="fan_in", rng=rng)
    # Gradients of W1 are sums of pictures: train along their 209 directions only.
    Q, R = np.linalg.qr(train_x)
    reduced = {**start, "W1": start["W1"] @ Q}
    found = []
    for i in range(2500):
        AL, caches = deep_network.L_model_forward(R, reduced)
        if i in (0, 100, 2400):
            found.append(deep_network.compute_cost(AL, train_y))
        grads = deep_network.L_model_backward(AL, train_y, caches)
        reduced = deep_network.update_parameters(reduced, grads, 0.0075)
    np.testing.assert_allclose(found, costs, atol=1e-6)
    learned = (reduced["W1"] - start["W1"] @ Q) @ Q.T
    parameters = {**reduced, "W1": start["W1"] + learned}
    for x, y, accuracy in ((train_x, train_y, train), (test_x, test_y, test)):
        right = deep_network.predict(x, y, parameters, print_accuracy=False) == y
        assert 100 * np.mean(right) == pytest.approx(accuracy)


@needs_data
def test_the_field_starts_from_the_published_costs(script, tmp_path):
    figures = show(script, "regularization")(
        data=Path(REAL), iterations=1, output=tmp_path
    )
    starts = {name: costs[0] for name, costs in figures["costs"].items()}
    # Course 2, week 1: "Cost after iteration 0" of the three models.
    assert starts["no remedy"] == pytest.approx(0.6557412523481002, rel=1e-12)
    assert starts["L2"] == pytest.approx(0.6974484493131264, rel=1e-12)
    same = starts["dropout, the same units in every step"]
    assert same == pytest.approx(0.6543912405149825, rel=1e-12)
