"""The script, for a step or two."""

import io
import json
import runpy
import sys
from pathlib import Path

import cv2
import pytest
from scripted import run

from dlai_keras.date_translation import data

SCRIPT = Path(__file__).parents[2] / "assignments" / "date_translation.py"
SHORT = {"num_dates": 600, "epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def script():
    names = runpy.run_path(str(SCRIPT), run_name="imported")
    names["train"].__globals__["TEST_DATES"] = 200
    names["train"].__globals__["TEST_NO_DATES"] = 50
    return names


@pytest.fixture(scope="module")
def trained(script, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "dates"
    figures = script["train"](
        locales="en_US,fr", patterns="all", typos=1, **SHORT, output=output
    )
    return figures, output


def test_training_leaves_a_translator_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"]["exact_match"] == figures["exact_match"]
    assert figures["num_test"] == 200
    assert figures["num_mistakes"] == round(200 * (1 - figures["exact_match"]))
    assert set(figures["accuracy_by"]) == {"typos", "locale", "format"}
    for name in ("training.png", "accuracy.png", "attention.png"):
        assert cv2.imread(str(output / name)).std() > 5
    assert not (output / "backup").exists()


def test_no_text_of_the_test_occurs_in_the_training(script, monkeypatch, tmp_path):
    seen = {}
    names = script["train"].__globals__

    def measure(translator, test, no_dates, output):
        seen["test"] = {pair.text for pair in test} | {*no_dates}
        return {}

    def fit(keras, translator, training, no_dates, **options):
        seen["training"] = {pair.text for pair in training} | {*no_dates}

    monkeypatch.setitem(names, "_measure", measure)
    monkeypatch.setitem(names, "_fit", fit)
    # Half of all dates in few formats: without care they would meet.
    monkeypatch.setitem(names, "TEST_DATES", 3000)
    script["train"](num_dates=20_000, output=tmp_path)
    assert len(seen["training"]) > 10_000
    assert not seen["training"] & seen["test"]


def test_the_courses_network_trains_by_the_same_command(script, tmp_path):
    figures = script["train"](network="date_translator", **SHORT, output=tmp_path)
    assert figures["parameters"] == 52_960
    assert "no_dates_refused" not in figures


def test_a_file_of_dates_trains_and_evaluates(script, trained, tmp_path):
    pairs = [f"{day}. mai 19{year}\t19{year}-05-{day:02}" for day in range(1, 10)
             for year in range(70, 90)]  # fmt: skip
    file = tmp_path / "mine.tsv"
    file.write_text("\n".join(pairs), encoding="utf-8")
    figures = script["train"](data=file, **SHORT, output=tmp_path / "mine")
    assert figures["num_test"] == 18
    assert figures["num_training"] == 162
    again = script["evaluate"](model=trained[1], data=file, output=tmp_path / "found")
    assert again["num_test"] == 180


def test_evaluating_draws_other_dates(script, trained, tmp_path):
    one, other = (
        script["evaluate"](
            model=trained[1], num_dates=100, seed=seed, output=tmp_path / "out"
        )
        for seed in (5, 6)
    )
    assert one["num_test"] == other["num_test"] == 100
    assert one["mistakes"] != other["mistakes"]


def test_predicting_reads_arguments_files_and_standard_input(
    script, trained, monkeypatch, capsys, tmp_path
):
    file = tmp_path / "dates.txt"
    file.write_text("4 july 1986\n\n1/2/2003\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("5 juin 2001\n"))
    code, out, _ = run(
        script, monkeypatch, capsys, "predict", "3 May 1979", "-", "--file", file,
        "--model", trained[1], "--candidates", 2, "--output", tmp_path / "out",
        "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out.strip().splitlines()[-1])
    texts = [row["text"] for row in result["predictions"]]
    assert texts == ["3 May 1979", "4 july 1986", "1/2/2003", "5 juin 2001"]
    for row in result["predictions"]:
        assert len(row["candidates"]) == 2
        assert all(data.is_real(one["date"]) for one in row["candidates"])
    assert cv2.imread(str(tmp_path / "out" / "attention.png")).std() > 5
    saved = json.loads((tmp_path / "out" / "predictions.json").read_text("utf-8"))
    assert saved == result["predictions"]


def test_what_is_no_date_gets_no_candidates_on_the_screen(script):
    row = {
        "text": "hello",
        "date": None,
        "is_date": 0.01,
        "candidates": [{"date": "1979-05-03", "log_prob": -9.0}],
    }
    line = script["_line"](row)
    assert line == {
        "text": "hello",
        "date": "no date",
        "a date": "1.0%",
        "candidates": "",
    }


# Sentences


@pytest.fixture(scope="module")
def bilingual(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    people = {"I": "Je", "You": "Tu", "Tom": "Tom", "Anna": "Anna", "We": "On"}
    verbs = {"love": "aime", "see": "vois", "want": "veux", "need": "cherche"}
    things = {"cats": "les chats", "dogs": "les chiens", "bread": "du pain"}
    lines = [
        f"{who} {does} {what}{mark}\t{qui} {fait} {quoi}{signe}\tCC BY"
        for who, qui in people.items()
        for does, fait in verbs.items()
        for what, quoi in things.items()
        for mark, signe in ((".", "."), ("?", " ?"), ("!", " !"))
    ]
    (folder / "all.tsv").write_text("\n".join(lines), encoding="utf-8")
    figures = script["train"](
        pairs=folder / "all.tsv",
        epochs=40,
        batch_size=32,
        learning_rate=1e-2,
        output=folder / "run",
    )
    return figures, folder


def test_a_language_of_few_words_is_learned_from_its_pairs(bilingual):
    figures, folder = bilingual
    assert figures["num_training"] + 2 * figures["num_test"] == 180
    assert figures["bleu"] > 60 > 20 > figures["bleu_copy"]
    assert [row["search"] for row in figures["blame"]] == ["greedy", "beam 5"]
    for row in figures["blame"]:
        assert row["beam at fault"] + row["model at fault"] == row["wrong"]
    for name in ("training.png", "attention.png"):
        assert cv2.imread(str(folder / "run" / name)).std() > 5
    assert not (folder / "run" / "backup").exists()


def test_the_sentences_kept_back_score_as_in_the_training(script, bilingual, tmp_path):
    figures, folder = bilingual
    again = script["evaluate"](
        model=folder / "run", pairs=folder / "run" / "test.tsv", output=tmp_path / "out"
    )
    assert again["num_test"] == figures["num_test"]
    assert again["bleu"] == pytest.approx(figures["bleu"])
    with pytest.raises(ValueError, match="Give `pairs`"):
        script["evaluate"](model=folder / "run", num_dates=5, output=tmp_path / "out")
    with pytest.raises(ValueError, match="`pairs` needs `model`"):
        script["evaluate"](pairs=folder / "all.tsv", output=tmp_path / "out")


def test_a_translator_of_sentences_predicts_translations(script, bilingual, tmp_path):
    result = script["predict"](
        ["I love cats.", "Zoe see dogs!"],
        model=bilingual[1] / "run",
        candidates=2,
        output=tmp_path / "out",
    )
    first = result["predictions"][0]
    assert first["translation"] == "je aime les chats."
    assert first["translation"] == first["candidates"][0]["translation"]
    assert len(first["candidates"]) == 2
    assert cv2.imread(str(tmp_path / "out" / "attention.png")).std() > 5


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--network", "x"], "`network` must be one of date_reader"),
        (["train", "--num-dates", 0], "`num_dates` must be 1 or more"),
        (["train", "--epochs", 0], "`epochs` must be 1 or more"),
        (["train", "--seed", -1], "`seed` must be 0 or more"),
        (["train", "--locales", "en_US,xx"], "xx"),
        (["train", "--patterns", "some"], "`patterns` must be"),
        (["train", "--data", "nothing.tsv"], "nothing.tsv"),
        (["train", "--pairs", "nothing.zip"], "nothing.zip"),
        (["train", "--pairs", "a.tsv", "--data", "b.tsv"], "not both"),
        (["train", "--learning-rate", 3], "`learning_rate` must be"),
        (["evaluate", "--pairs", "nothing.tsv"], "nothing.tsv"),
        (["evaluate", "--num-dates", 0], "`num_dates` must be 1 or more"),
        (["predict"], "Give dates"),
        (["predict", "x", "--candidates", 0], "`candidates` must be 1 or more"),
        (["predict", "--file", "nothing.txt"], "nothing.txt"),
        (["predict", "x", "--model", "nowhere"], "nowhere"),
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
