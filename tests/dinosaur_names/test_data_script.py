"""The script that writes, checks and fetches texts, as a user meets it."""

import functools
import hashlib
import json
from dataclasses import replace

import pytest
import scripted

from data_scripts import dinosaur_names as script
from dlai_keras import files
from dlai_keras.dinosaur_names import data

PLAY = "To be, or not to be: that is the question.\n" * 5


run = functools.partial(scripted.call, script)
failure = functools.partial(scripted.failure, script)


# The names


def test_the_bare_command_writes_the_embedded_names(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "--json")
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    path = tmp_path / "runs/dinosaur_names_data/genera.txt"
    assert tmp_path / result["output"] == path
    assert path.read_bytes() == data.EMBEDDED.read_bytes()
    assert result["num_items"] == len(data.load_corpus(path).items)


def test_lower_case_is_written_where_asked_for(tmp_path):
    path = tmp_path / "deep/names.txt"
    script.genera(lower=True, output=path)
    assert data.read_items(path).items == data.load_corpus(lower=True).items


def test_an_older_file_stays_where_the_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "names.txt"
    path.write_text("mine\n")

    def dies(path, *parts):
        path.with_name(f".{path.name}.partial").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_atomically", dies)
    with pytest.raises(KeyboardInterrupt):
        script.genera(output=path)
    assert path.read_text() == "mine\n"


# A list of one's own


def test_check_says_what_is_in_a_list(monkeypatch, capsys, tmp_path):
    path = tmp_path / "towns.txt"
    path.write_text("Ulm\nBath\nULM\nUlm\nBrzk\nÅrhus\n", "utf-8")
    run(monkeypatch, "check", path, "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "file": "towns.txt",
        "num_items": 5,
        "num_differing_in_case_only": 1,
        "num_characters": 15,
        "shortest": 3,
        "median_length": 4,
        "longest": 5,
        "pronounceable": 0.8,
    }
    assert script.check(tmp_path)["file"] == "towns.txt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Received none: the file is empty"),
        (b"Ulm\n", "Received one: 'Ulm'"),
        (b"Ulm\nK\xf6ln\n", "line 2, is not UTF-8: byte 6"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(
    content, message, monkeypatch, capsys, tmp_path
):
    path = tmp_path / "towns.txt"
    path.write_bytes(content)
    line = failure(capsys, monkeypatch, "check", path)
    assert message in line and str(path) in line
    assert "No such file" in failure(capsys, monkeypatch, "check", tmp_path / "no.txt")


# The running text


@pytest.fixture
def plays(web, monkeypatch):
    """The server with the text, where `fetch` looks for it."""
    (web.folder / "tinyshakespeare.txt").write_text(PLAY)
    wanted = replace(
        script.TEXTS["tinyshakespeare"],
        url=f"{web.address}/tinyshakespeare.txt",
        checksum=hashlib.sha256(PLAY.encode()).hexdigest(),
    )
    monkeypatch.setitem(script.TEXTS, "tinyshakespeare", wanted)
    return web


def folders(tmp_path):
    return {"cache": tmp_path / "cache", "output": tmp_path / "out/deep"}


def test_a_text_is_fetched_once(plays, tmp_path):
    result = script.fetch(**folders(tmp_path))
    path = tmp_path / "out/deep/tinyshakespeare.txt"
    assert result["output"] == path and result["num_characters"] == len(PLAY)
    assert data.load_corpus(text=path).items == (PLAY,)
    # From the cache, without a server.
    (plays.folder / "tinyshakespeare.txt").unlink()
    path.unlink()
    assert script.fetch(**folders(tmp_path)) == result
    assert path.read_text() == PLAY


def test_a_file_with_another_checksum_is_refused_and_not_kept(
    plays, monkeypatch, tmp_path, capsys
):
    (plays.folder / "tinyshakespeare.txt").write_text(PLAY[:-1])
    argv = ["fetch", "--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    line = failure(capsys, monkeypatch, *argv)
    assert "is not the file that was expected: its checksum is" in line
    assert not list((tmp_path / "cache").iterdir())
    assert not (tmp_path / "out").exists()


def test_a_broken_file_in_the_cache_is_fetched_again(plays, tmp_path, capsys):
    (tmp_path / "cache").mkdir()
    cached = tmp_path / "cache/tinyshakespeare.txt"
    cached.write_text("To be")
    script.fetch(**folders(tmp_path))
    assert cached.read_text() == PLAY
    assert "is broken or another version" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_one_line_and_a_mirror_helps(
    plays, monkeypatch, tmp_path, capsys
):
    folder, address, _ = plays
    argv = ["fetch", "--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    line = failure(capsys, monkeypatch, *argv, "--mirror", f"{address}/gone")
    assert f"{address}/gone/tinyshakespeare.txt cannot be fetched: HTTP Error" in line
    line = failure(capsys, monkeypatch, *argv, "--mirror", tmp_path / "nowhere")
    assert "tinyshakespeare.txt cannot be fetched" in line and "--mirror" in line
    result = script.fetch(mirror=str(folder), **folders(tmp_path))
    assert result["num_characters"] == len(PLAY)
    line = failure(capsys, monkeypatch, "fetch", "hamlet")
    assert "`text` must be one of tinyshakespeare. Received: hamlet" in line


def test_a_folder_as_output_is_refused(capsys, monkeypatch, tmp_path):
    line = failure(capsys, monkeypatch, "genera", "--output", tmp_path)
    assert "is a folder. Give the name of a file" in line


def test_the_known_checksums_are_sha256():
    for one in script.TEXTS.values():
        assert len(bytes.fromhex(one.checksum)) == 32
        assert one.url.startswith("https://")
