"""The script's verbs, on small vectors whose structure is known."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import run, run_to_exit

from dlai_keras.embeddings import WordVectors, read_vectors, write_vectors
from dlai_keras.word_vectors import data

SCRIPT = Path(__file__).parents[2] / "assignments" / "word_vectors.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module")
def vectors():
    """The words of the embedded lists; women are on one side of an axis."""
    lists = data.load_bias_lists()
    rng = np.random.default_rng(0)
    made = {}
    for woman, man in lists.equal_pairs:
        middle = rng.normal(size=16)
        made[woman], made[man] = middle.copy(), middle.copy()
        made[woman][0] += 3
        made[man][0] -= 3
    others = [*lists.neutral_words, *data.load_evaluation()[0]]
    for test in data.load_associations():
        for side, words in enumerate(test.targets):
            for word in words:
                made.setdefault(word, rng.normal(size=16))
                made[word][0] = 2 - 4 * (side == 0)
        others += [word for words in test.attributes for word in words]
    for word in others:
        made.setdefault(word, rng.normal(size=16))
    return WordVectors(made, np.stack(list(made.values())))


@pytest.fixture(scope="module")
def file(vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    write_vectors(path, vectors)
    return path


def answers(out):
    return json.loads(out.strip().splitlines()[-1])["predictions"]


def test_three_words_are_an_analogy_and_others_have_neighbours(
    script, file, vectors, monkeypatch, capsys
):
    ask = ["predict", "--vectors", file, "--json", "--count", 3]
    code, out, err = run(script, monkeypatch, capsys, *ask, "man", "woman", "King")
    (found,) = answers(out)
    assert code == 0 and "words of 16 numbers" in err[0]
    assert found["asked"] == "man is to woman as king is to"
    assert found["answers"][0]["word"] == "queen" and len(found["answers"]) == 3
    _, out, _ = run(script, monkeypatch, capsys, *ask, "nurse", "boss")
    found = answers(out)
    assert [one["asked"] for one in found] == ["nurse", "boss"]
    units = vectors.normalized()
    cosines = units @ units[vectors.index("nurse")]
    best = np.argsort(-cosines)[1:4]
    assert [row["word"] for row in found[0]["answers"]] == [
        vectors.words[row] for row in best
    ]
    _, out, _ = run(script, monkeypatch, capsys, *ask, "--similar", "he", "man", "boy")
    assert [one["asked"] for one in answers(out)] == ["he", "man", "boy"]


def test_evaluation_states_coverage_and_speed(script, file, tmp_path, capsys):
    questions = tmp_path / "questions.txt"
    questions.write_text(
        ": family\nman woman\nKing Queen\nuncle aunt\nduke duchess\n", "utf-8"
    )
    figures = script["evaluate"](vectors=file, data=questions, output=tmp_path / "out")
    assert figures["analogy_accuracy"] == 1.0
    assert figures["analogy_coverage"] == 6 / 12
    assert figures["questions_per_second"] > 0
    judged = tmp_path / "judged.tsv"
    judged.write_text("man\tboy\t9\nman\tunknown\t5\nman\tnurse\t1\n", "utf-8")
    found = script["evaluate"](vectors=file, data=judged, output=tmp_path / "out")
    assert found["similarity_coverage"] == 2 / 3
    assert "analogy_accuracy" not in found
    table = {row["association"]: row for row in found["associations"]}
    assert table["science and arts, men and women"]["effect_size"] > 1
    saved = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    assert saved["metrics"]["pairs"] == 2
    limited = script["evaluate"](
        vectors=file, limit=2, data=questions, output=tmp_path / "out"
    )
    assert limited["num_words"] == 2 and limited["analogy_coverage"] == 0


def test_two_files_are_compared_on_the_words_of_both(
    script, file, vectors, tmp_path, capsys
):
    few = vectors.take([word for word in vectors.words if word != "aunt"])
    noise = np.random.default_rng(0).normal(size=few.matrix.shape)
    path = tmp_path / "noise.txt"
    write_vectors(path, WordVectors(few.words, few.matrix + 9 * noise))
    questions = tmp_path / "questions.txt"
    questions.write_text("man woman\nking queen\nuncle aunt\n", "utf-8")
    figures = script["evaluate"](
        vectors=file, beside=path, data=questions, output=tmp_path / "out"
    )
    assert figures["num_words"] == figures["beside"]["num_words"] == len(few)
    for found in (figures, figures["beside"]):
        assert found["questions_asked"] == 2 and found["analogy_coverage"] == 2 / 6
    assert figures["analogy_accuracy"] == 1 > figures["beside"]["analogy_accuracy"]
    assert f"The same {len(few)} words" in capsys.readouterr().out


def test_debiasing_leaves_fair_vectors_and_a_picture(script, file, tmp_path):
    output = tmp_path / "out"
    figures = script["debias"](vectors=file, output=output)
    assert figures["direct_bias_before"] > 0.15
    assert figures["direct_bias_after"] < 1e-6
    assert figures["analogy_accuracy_before"] > 0.1  # of the family
    assert figures["analogy_accuracy_after"] > 0.1
    for row in figures["associations"][:3]:
        assert row["before"] > 1 and row["p_before"] < 0.05
        assert (row["after"], row["p_after"]) == (0, 1)
    fair = read_vectors(output / "vectors.txt")
    both = fair.normalized()[fair.lookup(["queen", "king"])]
    cosines = fair.normalized()[fair.index("nurse")] @ both.T
    assert cosines[0] == pytest.approx(cosines[1], abs=1e-6)
    assert cv2.imread(str(output / "bias.png")).std() > 5


def test_a_map_shows_words_with_their_neighbours(script, file, tmp_path):
    figures = script["draw_map"](
        ["nurse", "king"], vectors=file, count=12, output=tmp_path / "out"
    )
    assert 10 <= figures["num_words"] <= 12
    assert cv2.imread(str(tmp_path / "out/map.png")).std() > 5
    figures = script["draw_map"](vectors=file, count=9, output=tmp_path / "out")
    assert figures["num_words"] == 9


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["predict", "man", "woman", "quen"], "'quen'. Did you mean queen?"),
        (["predict", "xyzzyq"], "No vector of the word 'xyzzyq'."),
        (["predict", "man", "boy", "king", "--method", "x"], 'must be "add" or "mul"'),
        (["predict", "man", "--count", 0], "`count` must be 1 or more"),
        (["predict", "man", "--limit", 0], "`limit` must be 1 or more"),
        (["evaluate", "--data", "nowhere"], "nowhere"),
        (["debias", "--data", "nowhere"], "definitional_pairs.json"),
        (["map", "man", "--count", 2], "`words` must be 4 to 600"),
        (["predict", "man", "--vectors", "nothing.txt"], "No such vectors"),
        (["predict", "man", "--vectors", "cut.txt"], "cut.txt, line 3, must have"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    script, file, tmp_path, monkeypatch, capsys, argv, message
):
    monkeypatch.chdir(tmp_path)
    text = file.read_text("utf-8").splitlines(keepends=True)
    Path("cut.txt").write_text("".join(text[:3])[:-30], "utf-8")
    if "--vectors" not in argv:
        argv = [*argv, "--vectors", file]
    code, lines = run_to_exit(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert lines[-1].startswith("error: ") and message in lines[-1]
    assert len([line for line in lines if "words of" not in line]) == 1


def test_vectors_are_trained_on_a_text_and_measured(
    script, monkeypatch, capsys, tmp_path
):
    rng = np.random.default_rng(0)
    names = [["cat", "dog", "cow", "pig"], ["car", "bus", "van", "cab"]]
    lines = [" ".join(rng.choice(names[row % 2], 7)) for row in range(300)]
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    argv = ["train", "--data", tmp_path / "text.txt", "--dim", 8, "--window", 3]
    argv += ["--epochs", 8, "--output", tmp_path / "run"]
    code, _, said = run(script, monkeypatch, capsys, *argv)
    assert code == 0 and any(
        "2,100 words of text, 8 different" in line for line in said
    )
    vectors = read_vectors(tmp_path / "run" / "vectors.txt")
    assert sorted(vectors.words) == sorted(names[0] + names[1]) and vectors.dim == 8
    assert cv2.imread(str(tmp_path / "run" / "map.png")) is not None
    saved = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    assert saved["metrics"]["num_tokens"] == 2100
    # Nothing is left of the text in numbers.
    assert not [path for path in (tmp_path / "run").iterdir() if path.is_dir()]
    code, lines = run_to_exit(script, monkeypatch, capsys, "train", "--data", "none")
    assert code == 2 and "No such text" in lines[-1]


def test_without_a_file_the_embedded_vectors_answer(script, monkeypatch, capsys):
    argv = ["predict", "happy", "--json", "--count", 8]
    code, out, said = run(script, monkeypatch, capsys, *argv)
    assert code == 0 and "12000 words of 64 numbers" in said[0]
    near = {row["word"] for row in answers(out)[0]["answers"]}
    assert near & {"glad", "pleased", "unhappy"}
