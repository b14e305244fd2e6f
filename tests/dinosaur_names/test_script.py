"""The script, for a step or two."""

import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scripted import run

from dlai_keras.dinosaur_names import data
from dlai_keras.dinosaur_names.writer import load_writer

SCRIPT = Path(__file__).parents[2] / "assignments" / "dinosaur_names.py"
# The quickest to compile.
SHORT = {"cell": "rnn", "units": 12, "members": 1, "epochs": 2}
NUM_NAMES = 120


@pytest.fixture(scope="module")
def script():
    names = runpy.run_path(str(SCRIPT), run_name="imported")
    settings = names["train"].__globals__
    settings |= {"WRITTEN": 32, "COURSE_ITERATIONS": 50, "PAUSE": 0}
    settings |= {"TEXT_EPOCH": 3, "VALIDATED": 2}
    settings["ORDERS"] = {"items": (2, 3), "text": (2, 3)}
    return names


@pytest.fixture(scope="module")
def names_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("names") / "names.txt"
    names = data.load_genera().items[::9][:NUM_NAMES]
    file.write_text("\n".join(names), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(script, names_file, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "names"
    return script["train"](data=names_file, **SHORT, output=output), output


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "play.txt"
    rng = np.random.default_rng(0)
    words = ["to be", "or not", "that is", "the question", "whether", "'tis"]
    file.write_text(
        "".join(f"{words[i]},\n" for i in rng.integers(0, 6, 900)), encoding="utf-8"
    )
    return file


def test_training_leaves_a_writer_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"]["bits_per_character"] == figures["bits_per_character"]
    assert figures["nats_per_character"] == pytest.approx(
        figures["bits_per_character"] * np.log(2)
    )
    assert 2 < figures["ngram_bits_per_character"] < 5
    assert figures["bits_per_character"] < 5.8  # by chance, log2 of the characters
    assert figures["epochs"] == 2 and figures["num_training"] == 96
    assert 0 <= figures["new"] <= 1 and figures["num_written"] == 32
    for name in ("training.png", "surprise.png"):
        assert cv2.imread(str(output / name)).std() > 5
    assert not (output / "backup").exists()


def test_no_name_of_the_test_occurs_in_the_training(script, monkeypatch, tmp_path):
    file = tmp_path / "names.txt"
    # Many twice, in other letters: without care they would meet.
    names = data.load_genera().items[:200]
    file.write_text(
        "\n".join([*names, *map(str.upper, names), *names]), encoding="utf-8"
    )
    seen = {}

    def train(corpus, splits, settings, output):
        seen.update(splits)
        raise InterruptedError

    monkeypatch.setitem(script["train"].__globals__, "_train", train)
    with pytest.raises(InterruptedError):
        script["train"](data=file, output=tmp_path / "out")
    training, validation, test = (
        {name.casefold() for name in seen[part]}
        for part in ("train", "validation", "test")
    )
    assert len(training) + len(validation) + len(test) == 200
    assert len(test) == len(validation) == 20


def test_an_interrupted_training_goes_on_where_it_was(script, tmp_path, monkeypatch):
    names = script["train"].__globals__
    nothing = {"ngram_order": 2, "ngram_bits_per_character": 3.0}
    monkeypatch.setitem(names, "_measure", lambda *arguments: dict(nothing))
    file = tmp_path / "names.txt"
    file.write_text("\n".join(data.load_genera().items[:40]), encoding="utf-8")
    options = {"data": file, **SHORT, "epochs": 3, "seconds": 1e6, "dropout": 0.0}
    options["members"] = 2
    make, begun = names["_follower"], []

    def interrupted(*arguments):
        follower = make(*arguments)
        end = follower.on_epoch_end
        begun.append(follower)

        def stop(epoch, logs=None):
            end(epoch, logs)
            if epoch == 1 and len(begun) == 2:  # in the middle of the second member
                raise KeyboardInterrupt

        follower.on_epoch_end = stop
        return follower

    with monkeypatch.context() as patch:
        patch.setitem(names, "_follower", interrupted)
        with pytest.raises(KeyboardInterrupt):
            script["train"](**options, output=tmp_path / "parts")
    assert (tmp_path / "parts" / "member_2" / "backup").exists()
    runs = {}
    for name in ("parts", "whole"):
        figures = script["train"](**options, output=tmp_path / name)
        assert figures["epochs"] == 3
        runs[name] = load_writer(tmp_path / name).model.get_weights()
        assert not list((tmp_path / name).rglob("backup"))
    assert np.abs(runs["whole"][0] - runs["whole"][len(runs["whole"]) // 2]).max() > 0.1
    for one, other in zip(runs["parts"], runs["whole"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class Pretended:
    """What a follower asks of a model."""

    def __init__(self):
        self.optimizer = SimpleNamespace(learning_rate=None)
        self.stop_training = False
        self.saved = []

    def save_weights(self, path):
        self.saved.append(path)


def follow(script, tmp_path, losses, **settings):
    """Leads a follower through epochs; returns it, the model and the rates."""
    keras = script["command_line"].load_keras()
    usual = {"epochs": 10, "seconds": 1e6, "patience": 3, "learning_rate": 0.5}
    follower = script["_follower"](keras, usual | settings, tmp_path, 0)
    model, rates = Pretended(), []
    follower.set_model(model)
    for epoch, loss in enumerate(losses):
        follower.on_epoch_begin(epoch)
        rates.append(model.optimizer.learning_rate)
        follower.on_epoch_end(epoch, {"val_nats": loss})
        if model.stop_training:
            break
    return follower, model, rates


def test_the_best_weights_are_kept_and_patience_ends_the_rest(script, tmp_path):
    losses = [3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.5, 1.0]
    follower, model, rates = follow(script, tmp_path, losses)
    assert len(rates) == 7  # three without a better one
    assert len(model.saved) == 3  # the first, the second and the fourth
    assert follower.state["best"] == 1.5


def test_the_rate_falls_along_a_cosine_and_time_ends_the_training(script, tmp_path):
    _, model, rates = follow(script, tmp_path, np.arange(10, 0, -1.0))
    assert not model.stop_training
    expected = 0.5 * (
        0.01 + 0.99 * (1 + np.cos(np.pi * (np.arange(10) + 0.5) / 10)) / 2
    )
    np.testing.assert_allclose(rates, expected)
    _, model, rates = follow(script, tmp_path, [3.0, 2.0], seconds=1e-9)
    assert model.stop_training and len(rates) == 1


def test_evaluating_finds_the_part_that_was_kept_back(
    script, trained, names_file, tmp_path
):
    figures, output = trained
    again = script["evaluate"](model=output, data=names_file, output=tmp_path / "out")
    for name in ("bits_per_character", "ngram_bits_per_character", "num_test", "new"):
        assert again[name] == pytest.approx(figures[name], abs=1e-6)
    # Of another list all that it did not learn from.
    known = names_file.read_text(encoding="utf-8").splitlines()
    file = tmp_path / "mine.txt"
    file.write_text("\n".join([*known, "Xyzosaurus"]), encoding="utf-8")
    other = script["evaluate"](model=output, data=file, output=tmp_path / "out")
    assert other["num_test"] == NUM_NAMES - 96 + 1
    assert cv2.imread(str(tmp_path / "out" / "surprise.png")).std() > 5


def test_several_seeds_are_compared_with_ngrams_and_the_courses_network(
    script, trained, names_file, tmp_path, monkeypatch
):
    one = load_writer(trained[1])
    seen = []

    def train(corpus, splits, settings, output):
        seen.append(splits["test"])
        return one, {}, 0.0

    monkeypatch.setitem(script["train"].__globals__, "_train", train)
    figures = script["evaluate"](data=names_file, seeds=2, output=tmp_path / "out")
    assert seen[0] != seen[1]
    systems = {row["system"]: row for row in figures["systems"]}
    assert set(systems) == {"the network", "2-gram", "3-gram", "the course's RNN"}
    for name, values in figures["by_seed"].items():
        assert len(values) == 2
        assert systems[name]["bits_per_character"] == pytest.approx(np.mean(values))
        assert systems[name]["spread"] == pytest.approx(np.std(values, ddof=1))
    ours = [one.bits_per_character(test) for test in seen]
    assert figures["by_seed"]["the network"] == pytest.approx(ours)
    best = min(systems[name]["bits_per_character"] for name in ("2-gram", "3-gram"))
    assert figures["ngram_bits_per_character"] == best
    assert 3 < figures["course_bits_per_character"] < 5  # after so few steps
    assert cv2.imread(str(tmp_path / "out" / "comparison.png")).std() > 5
    assert (tmp_path / "out" / "seed_1" / "model.keras").is_file()


def test_running_text_is_learned_written_and_measured(script, play, tmp_path, capsys):
    output = tmp_path / "run"
    figures = script["train"](text=play, **SHORT, output=output)
    length = len(play.read_text(encoding="utf-8"))
    assert figures["num_test"] == round(0.1 * length)
    assert "new" not in figures
    again = script["evaluate"](model=output, text=play, output=tmp_path / "out")
    assert again["nats_per_character"] == pytest.approx(figures["nats_per_character"])
    assert again["num_test"] == figures["num_test"]
    result = script["predict"](
        model=output, length=30, live=True, output=tmp_path / "written"
    )
    (row,) = result["predictions"]
    assert len(row["text"]) == 30 and "nearest" not in row
    assert row["text"] + "\n" in capsys.readouterr().out


def test_predicting_writes_names_as_asked(
    script, trained, monkeypatch, capsys, tmp_path
):
    code, out, _ = run(
        script, monkeypatch, capsys, "predict", "--model", trained[1], "--prefix",
        "Ma", "--count", 4, "--temperature", 0.8, "--top-k", 9, "--top-p", 0.95,
        "--min-distance", 2, "--length", 12, "--seed", 3, "--live", "--output",
        tmp_path / "out", "--json",
    )  # fmt: skip
    assert code == 0
    *typed, last = out.strip().splitlines()
    result = json.loads(last)
    names = [row["text"] for row in result["predictions"]]
    assert len(set(names)) == 4
    assert typed[:4] == names
    for row in result["predictions"]:
        assert row["text"].startswith("Ma") and len(row["text"]) <= 12
        assert row["distance"] >= 2
        assert row["bits_per_character"] > 0
    saved = json.loads((tmp_path / "out" / "predictions.json").read_text("utf-8"))
    assert saved == result["predictions"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--data", "nothing.txt"], "nothing.txt"),
        (["train", "--data", "empty.txt"], "empty.txt must hold two different items"),
        (["train", "--data", "one.txt"], "one.txt must hold two different items"),
        (["train", "--data", "latin.txt"], "latin.txt, line 2, is not UTF-8"),
        (["train", "--text", "one.txt"], "one.txt must be a running text"),
        (["train", "--text", "a", "--data", "b"], "give one of them"),
        (["train", "--epochs", 0], "`epochs` must be 1 or more"),
        (["train", "--seconds", 0], "`seconds` must be above 0"),
        (["train", "--patience", 0], "`patience` must be 1 or more"),
        (["train", "--learning-rate", 3], "`learning_rate` must be"),
        (["train", "--seed", -1], "`seed` must be 0 or more"),
        (["train", "--cell", "x"], "`cell` must be one of lstm, gru, rnn"),
        (["evaluate", "--seeds", -1], "`seeds` must be 0 or more"),
        (["evaluate", "--seeds", 2, "--model", "x"], "not both"),
        (["evaluate", "--model", "nowhere"], "nowhere"),
        (["predict", "--model", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    script, monkeypatch, capsys, tmp_path, argv, message
):
    monkeypatch.chdir(tmp_path)
    for name, content in (("empty", b""), ("one", b"Minmi\n"), ("latin", b"a\n\xe9\n")):
        (tmp_path / f"{name}.txt").write_bytes(content)
    code, _, errors = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert message in errors[-1]
    assert errors[-1].startswith("error: ")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_prefix_of_strange_characters_is_one_line(
    script, trained, monkeypatch, capsys
):
    code, _, errors = run(
        script, monkeypatch, capsys, "predict", "--model", trained[1], "--prefix", "T9!"
    )
    assert code == 2
    assert "Received: '9', '!'. It knows: " in errors[-1]


def test_the_courses_file_is_split_without_its_duplicates(script):
    folder = os.environ.get("DLAI_DATA")
    if not folder:
        pytest.skip("DLAI_DATA is not set")
    corpus = data.load_corpus(Path(folder))
    splits = script["_split"](corpus, 0)
    names = [name for part in splits.values() for name in part]
    assert len(names) == len(set(names)) == len(corpus.items)
    folded = [{name.casefold() for name in part} for part in splits.values()]
    assert not folded[0] & folded[1] and not folded[0] & folded[2]
    assert not folded[1] & folded[2]
