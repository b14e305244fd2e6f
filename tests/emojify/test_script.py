"""The script's verbs, on a few sentences."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import run, run_to_exit

from dlai_keras.embeddings import WordVectors, write_vectors

SCRIPT = Path(__file__).parents[2] / "assignments" / "emojify.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sentences that a word decides, and vectors."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    words = ["the", "dog", "man", "runs", "hugs", "cooks", "here", "now"]
    vectors = WordVectors(words, rng.normal(size=(len(words), 10)))
    write_vectors(folder / "vectors.txt", vectors)
    lines = ["sentence,emoji"]
    for who in ("the dog", "the man", "dog", "man"):
        for where in ("", " here", " now", " here now", " now here"):
            lines += [f"{who} hugs{where},❤️", f"{who} cooks{where},🍴"]
    (folder / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(script, folder):
    figures = script["train"](
        data=folder / "a.csv",
        vectors=folder / "vectors.txt",
        epochs=20,
        output=folder / "run",
    )
    return figures, folder / "run"


def test_training_measures_what_it_kept_back_and_leaves_pictures(trained):
    figures, output = trained
    assert figures["num_training"] + figures["num_sentences"] == 40
    assert figures["num_sentences"] == 8 and figures["accuracy"] >= 0.75
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"]["accuracy"] == figures["accuracy"]
    assert cv2.imread(str(output / "confusion.png")) is not None
    assert isinstance(json.loads((output / "errors.json").read_text()), list)


def test_evaluation_leaves_out_what_the_network_learned(
    script, trained, folder, tmp_path
):
    figures, output = trained
    model = str(output / "model.keras")
    again = script["evaluate"](model=model, data=folder / "a.csv", output=tmp_path)
    assert again["num_sentences"] == figures["num_sentences"]
    assert again["accuracy"] == figures["accuracy"]


def test_sentences_get_emoji_and_the_words_that_decided(
    script, trained, monkeypatch, capsys, tmp_path
):
    model = trained[1] / "model.keras"
    argv = ("predict", "the dog cooks", "man hugs", "--model", model, "--json")
    code, out, _ = run(
        script, monkeypatch, capsys, *argv, "--picture", "--output", tmp_path
    )
    assert code == 0
    rows = json.loads(out.strip().splitlines()[-1])["predictions"]
    assert [row["emoji"] for row in rows] == ["🍴", "❤️"]
    decided = max(rows[0]["words"], key=rows[0]["words"].get)
    assert decided == "cooks"
    assert (tmp_path / "words.png").is_file()
    assert len(json.loads((tmp_path / "predictions.json").read_text("utf-8"))) == 2


def test_lines_are_read_where_no_sentence_is_given(
    script, trained, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr("sys.stdin", Typed(["dog cooks here\n", "\n"]))
    found = script["predict"](model=str(trained[1]), output=tmp_path)
    assert found["num_sentences"] == 1
    said = capsys.readouterr()
    assert "dog cooks here 🍴" in said.out and "an empty line" in said.err


def test_seeds_are_averaged_over_folds(script, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(script["evaluate"].__globals__, "FOLDS", 2)
    found = script["evaluate"](
        model="emojify_v1",
        data=folder / "a.csv",
        vectors=folder / "vectors.txt",
        seeds=2,
        epochs=40,
        output=tmp_path,
    )
    majority, ours = found["systems"]
    assert majority["accuracy"] <= 0.5 < ours["accuracy"] == found["accuracy"]
    assert len(found["by_seed"]["emojify_v1"]) == 2
    assert ours["accuracy"] == pytest.approx(np.mean(found["by_seed"]["emojify_v1"]))
    for name in ("seeds.png", "confusion.png"):
        assert (tmp_path / name).is_file()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("train", "--data", "none.csv"), "No such sentences"),
        (("train", "--model", "emojify_v3"), "Did you mean"),
        (("train", "--epochs", "0"), "`epochs` must be 1 or more"),
        (("train", "--learning-rate", "2"), "`learning_rate` must be above 0"),
        (("train", "--vectors", "none.txt"), "none.txt"),
        (("evaluate",), "nothing is left to measure it on"),
        (("evaluate", "--seeds", "-1"), "`seeds` must be 0 or more"),
        (("evaluate", "--data", "unicorns.csv"), "the emoji must be one of"),
        (("predict", ""), "Sentence 1 has no word"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    script, monkeypatch, capsys, tmp_path, argv, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unicorns.csv").write_text("I ride,🦄\nI run,🦓\n", encoding="utf-8")
    code, lines = run_to_exit(script, monkeypatch, capsys, *argv)
    errors = [line for line in lines if line.startswith("error: ")]
    assert code == 2 and errors == lines[-1:] and message in errors[0]


class Typed(list):
    def isatty(self):
        return False
