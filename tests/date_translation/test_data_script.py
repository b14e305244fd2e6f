"""The script that generates dates, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_scripts import date_translation as script
from dlai_keras import files
from dlai_keras.date_translation import data

SCRIPT = Path(__file__).parents[2] / "data_scripts/date_translation.py"


def failure(capsys, monkeypatch, *arguments):
    """Runs what must fail; returns the one line on stderr."""
    monkeypatch.setattr(sys, "argv", ["date_translation.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_the_file_holds_the_dates_of_make_dates(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "CHUNK", 30)  # in several blocks
    output = tmp_path / "deep/dates.tsv"
    options = {"patterns": "all", "typos": 1}
    result = script.generate(
        num_dates=70, locales="fr, ja", seed=3, output=output, **options
    )
    rng = np.random.default_rng(3)
    pairs = data.make_dates(rng, 70, locales=["fr", "ja"], **options)
    assert data.load_dates(output) == [(pair.text, pair.iso) for pair in pairs]
    texts = len({pair.text for pair in pairs})
    assert result == {"num_dates": 70, "num_texts": texts, "output": output}


def test_the_same_seed_gives_the_same_bytes_and_more_begin_with_the_fewer(tmp_path):
    content = {}
    for name, seed, count in (("a", 5, 20), ("b", 5, 20), ("c", 6, 20), ("d", 5, 40)):
        script.generate(num_dates=count, seed=seed, output=tmp_path / name)
        content[name] = (tmp_path / name).read_bytes()
    assert content["a"] == content["b"] != content["c"]
    assert content["d"].startswith(content["a"]) and content["a"].count(b"\n") == 20


def test_annotations_say_where_each_date_is_from(tmp_path):
    output, annotations = tmp_path / "dates.tsv", tmp_path / "deep/dates.jsonl"
    result = script.generate(
        num_dates=12,
        locales="all",
        patterns="all",
        typos=2,
        output=output,
        annotations=annotations,
    )
    assert result["annotations"] == annotations
    lines = [json.loads(line) for line in annotations.read_text("utf-8").splitlines()]
    assert [(line["text"], line["iso"]) for line in lines] == data.load_dates(output)
    assert all(line["locale"] in data.LOCALES for line in lines)
    assert set(lines[0]) == {"text", "iso", "locale", "pattern", "typos"}


def test_an_older_file_stays_where_the_writing_fails(tmp_path, monkeypatch):
    output = tmp_path / "dates.tsv"
    script.generate(num_dates=5, output=output)
    before = output.read_bytes()

    def dies(path, *parts):
        path.with_name(f".{path.name}.partial").write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            script.generate(num_dates=5, seed=1, output=output)
    assert output.read_bytes() == before


def test_the_command_prints_its_result_as_json(tmp_path):
    arguments = ["--num-dates", "6", "--output", "dates.tsv", "--json"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"num_dates": 6, "num_texts": 6, "output": "dates.tsv"}
    assert len(data.load_dates(tmp_path / "dates.tsv")) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num-dates", 0], "Received: num_dates=0"),
        (["--seed", -1], "Received: seed=-1"),
        (["--typos", -2], "Received: typos=-2"),
        (["--locales", "en_US,xx"], "Received: 'xx'"),
        (["--patterns", "none"], "Received: 'none'"),
        (["--annotations", "dates.tsv"], "another file than `output`"),
    ],
)
def test_mistakes_end_in_one_line(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # The progress line of a run that began is no part of the error.
    monkeypatch.setattr(
        "dlai_keras.command_line.progress", lambda iterable, *_: iterable
    )
    line = failure(capsys, monkeypatch, "--output", "dates.tsv", *arguments)
    assert message in line
    assert not (tmp_path / "dates.tsv").exists()


def test_a_folder_as_output_is_refused(capsys, monkeypatch, tmp_path):
    assert "is a folder" in failure(capsys, monkeypatch, "--output", tmp_path)
