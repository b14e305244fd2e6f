"""The script, for a step or two."""

import json
import operator
import os
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from scripted import run

from dlai_keras.jazz_improvisation import data, improvisation, midi

SCRIPT = Path(__file__).parents[2] / "assignments" / "jazz_improvisation.py"
SHORT = {"units": 12, "epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def script():
    names = runpy.run_path(str(SCRIPT), run_name="imported")
    names["train"].__globals__["SOLOS"] = 1
    names["train"].__globals__["STRIDE"] = 12
    return names


@pytest.fixture(scope="module")
def trained(script, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "jazz"
    return script["train"](**SHORT, output=output), output


def test_training_leaves_an_improviser_its_figures_and_pictures(trained):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert saved["metrics"]["loss"] == figures["loss"]
    assert figures["epochs"] == 2
    assert figures["num_tunes"] == len(data.embedded_tunes())
    assert figures["loss"] < np.log(figures["num_values"])  # better than chance
    assert figures["perplexity"] == pytest.approx(np.exp(figures["loss"]))
    assert min(figures[f"loss_{name}"] for name in ("trigram", "repeat_the_last")) > 0
    for name in ("training.png", "pitch_classes.png", "solo.png"):
        assert cv2.imread(str(output / name)).std() > 5
    assert not (output / "backup").exists()


def test_evaluating_measures_the_tunes_that_were_kept_back(script, trained, tmp_path):
    figures, output = trained
    again = script["evaluate"](model=output, solos=1, output=tmp_path)
    for name in ("loss", "loss_bigram", "loss_unigram", "num_test_values", "tunes"):
        assert again[name] == pytest.approx(figures[name], rel=1e-4), name


def test_training_tunes_are_never_tested_on(script):
    tunes = data.embedded_tunes()
    parts = script["_split"](np.random.default_rng(0), tunes)
    names = [tune.name for part in parts.values() for tune in part]
    assert sorted(names) == sorted(tune.name for tune in tunes)
    # Few tunes are divided in time, and no note is in two parts.
    few = script["_split"](np.random.default_rng(0), tunes[:2])
    for number, tune in enumerate(tunes[:2]):
        pieces = [few[name][number] for name in ("train", "validation", "test")]
        for items in ("melody.notes", "chords"):
            get = operator.attrgetter(items)
            found, begin = [], 0
            for piece in pieces:
                # Each part begins at 0, and its chords end where its bars do.
                found += [(begin + one.onset, one.end + begin) for one in get(piece)]
                begin += piece.chords[-1].end
            # No note is in two parts. A chord may be, on both sides of a line.
            assert {one.onset for one in get(tune)} <= {onset for onset, _ in found}
            assert {one.end for one in get(tune)} <= {end for _, end in found}
        assert sum(len(piece.melody.notes) for piece in pieces) == len(
            tune.melody.notes
        )


def test_a_folder_of_midi_files_trains_and_evaluates(script, trained, tmp_path):
    folder = tmp_path / "midi"
    folder.mkdir()
    for number, tune in enumerate(data.embedded_tunes()[:2]):
        piece = improvisation.arrange(tune.melody, tune.chords, style="bossa")
        midi.write_midi(folder / f"{number}.mid", piece)
    (folder / "broken.mid").write_bytes(b"no midi")
    figures = script["train"](
        data=folder, on_error="skip", **SHORT, output=tmp_path / "run"
    )
    assert figures["num_tunes"] == 2
    other = script["evaluate"](
        model=trained[1], data=folder / "0.mid", solos=1, output=tmp_path / "out"
    )
    # Nothing that n-grams could learn from.
    assert "loss_bigram" not in other and other["num_test_values"] > 50


def test_predicting_leaves_midi_sound_and_a_picture(
    script, trained, monkeypatch, capsys, tmp_path
):
    code, out, _ = run(
        script, monkeypatch, capsys, "predict", "--chords", "Dm7 G7 | Cmaj7",
        "--bars", 3, "--model", trained[1], "--tempo", 240, "--count", 2, "--seed", 5,
        "--temperature", 1.2, "--top-p", 0.9, "--output", tmp_path, "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out.strip().splitlines()[-1])
    assert [Path(row["file"]).name for row in result["solos"]] == [
        "solo_5.mid",
        "solo_6.mid",
    ]
    for row in result["solos"]:
        piece = midi.read_midi(row["file"])
        assert piece.tempo == 240 and piece.num_bars == 3 == row["bars"]
        assert [text for _, text in piece.markers] == [
            "Dm7",
            "G7",
            "Cmaj7",
            "Dm7",
            "G7",
        ]
        assert sum(note.channel == 0 for note in piece.notes) == row["notes"]
        sound, rate = soundfile.read(row["wav"])
        assert rate == 44_100 and np.abs(sound).max() == pytest.approx(0.891, abs=0.002)
        # Three bars of four quarters at 240 a minute, and the room.
        assert 3 <= len(sound) / rate < 5
        assert cv2.imread(row["picture"]).std() > 5


def test_predicting_plays_over_the_chords_of_a_file(script, trained, tmp_path):
    tune = data.embedded_tunes()[0]
    file = tmp_path / "tune.mid"
    midi.write_midi(file, improvisation.arrange(tune.melody, tune.chords, tempo=200.0))
    found = script["_progression"](None, file)
    assert found[1:] == ((4, 4), 200.0)
    assert [chord.symbol for chord in found[0]][:2] == ["F7", "Bb7"]
    result = script["predict"](
        over=file, bars=2, tempo=300.0, model=trained[1], output=tmp_path / "out"
    )
    assert result["solos"][0]["chords"] == "F7 | Bb7"


def test_an_ngram_is_witten_and_bells_by_hand(script):
    """Of `0 1 0 0` alone, over three values."""
    log_probs = script["_ngram_log_probs"]
    training = [np.array([0, 1, 0, 0])]
    unigram = np.array([(3 + 2 / 3) / 6, (1 + 2 / 3) / 6, (0 + 2 / 3) / 6])
    found = log_probs(training, [np.array([0, 1, 2])], 3, 1)
    np.testing.assert_allclose(np.exp(found), unigram)
    # After 0 came 1 and 0, after 1 came 0; after 2 nothing.
    after_0 = (np.array([1, 1, 0]) + 2 * unigram) / 4
    after_1 = (np.array([1, 0, 0]) + 1 * unigram) / 2
    found = log_probs(training, [np.array([0, 2, 2, 1, 0])], 3, 2)
    expected = [unigram[0], after_0[2], unigram[2], unigram[1], after_1[0]]
    np.testing.assert_allclose(np.exp(found), expected)
    for table in (unigram, after_0, after_1):
        assert table.sum() == pytest.approx(1)


def test_repeating_the_last_is_a_distribution(script):
    training = [np.array([0, 0, 1, 2])]
    pairs = [[np.array([first, then])] for first in range(3) for then in range(3)]
    found = [np.exp(script["_repeat_log_probs"](training, one, 3)) for one in pairs]
    table = np.array([one[1] for one in found]).reshape(3, 3)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert (np.diag(table) > table.mean(axis=0)).all()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "--epochs", "0"], "`epochs` must be 1 or more"),
        (["train", "--data", "nowhere"], "No such file or folder: nowhere"),
        (["predict", "--chords", "Dm7 | H9"], "'H9' is no chord symbol"),
        (["predict", "--count", "0"], "`count` must be 1 or more"),
        (["predict", "--over", "nowhere.mid"], "nowhere.mid"),
        (["predict", "--chords", "C", "--over", "a.mid"], "Give `chords` or `over`"),
        (["evaluate", "--solos", "0"], "`solos` must be 1 or more"),
        (["evaluate", "--model", "nowhere"], "No such file: nowhere"),
    ],
)
def test_mistakes_end_in_one_line(script, monkeypatch, capsys, tmp_path, argv, message):
    monkeypatch.chdir(tmp_path)
    code, _, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert message in lines[-1] and lines[-1].startswith("error: ")


def test_a_midi_file_without_notes_is_named_in_one_line(
    script, monkeypatch, capsys, tmp_path
):
    file = tmp_path / "silent.mid"
    midi.write_midi(file, midi.Piece(()))
    code, _, lines = run(script, monkeypatch, capsys, "train", "--data", file)
    assert code == 2 and str(file) in lines[-1] and "no notes" in lines[-1]


def test_the_tune_that_comes_with_the_course_trains(script, tmp_path):
    folder = os.environ.get("DLAI_DATA")
    if not folder:
        pytest.skip("DLAI_DATA is not set")
    file = Path(folder) / "jazz_improvisation" / "original_metheny.mid"
    figures = script["train"](data=file, **SHORT, output=tmp_path)
    assert figures["num_tunes"] == 1 and figures["num_training"] > 100
    assert figures["loss"] < np.log(figures["num_values"])
