"""The script that writes the embedded tunes, as a user meets it."""

import sys

import pytest

from data_scripts import jazz_improvisation as script
from dlai_keras.jazz_improvisation import data, midi
from dlai_keras.jazz_improvisation.chords import write_chords


def failure(capsys, monkeypatch, *arguments):
    """Runs what must fail; returns the one line on stderr."""
    monkeypatch.setattr(sys, "argv", ["jazz_improvisation.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    output = tmp_path_factory.mktemp("tunes") / "deep/out"
    script.generate(output=output)
    return output


@pytest.fixture(scope="module")
def written(folder):
    return data.load_tunes(folder)


def test_the_files_are_the_tunes(folder, written):
    tunes = data.embedded_tunes()
    assert len(list(folder.iterdir())) == len(written) == len(tunes)
    for found, tune in zip(written, tunes, strict=True):
        lines = [
            [(note.pitch, round(note.onset, 2)) for note in one.melody.notes]
            for one in (found, tune)
        ]
        assert lines[0] == lines[1], tune.name
        assert write_chords(found.chords) == write_chords(tune.chords)
        assert found.melody.tempo == pytest.approx(tune.melody.tempo, abs=1e-3)
    first = midi.read_midi(folder / "01_kettle_blues.mid")
    assert first.channels == (0, 1, 2)


def test_a_network_learns_the_same_from_the_files_as_from_the_text(written):
    files, embedded = (data.encode(one) for one in (written, data.embedded_tunes()))
    assert files.values == embedded.values
    assert files.tokens.tolist() == embedded.tokens.tolist()


def test_the_same_arguments_give_the_same_bytes(folder, tmp_path):
    script.generate(output=tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_melodies_alone_in_several_keys(tmp_path, monkeypatch):
    tunes = data.embedded_tunes()[:2]
    monkeypatch.setattr(data, "embedded_tunes", lambda: tunes)
    result = script.generate(band=False, keys=3, output=tmp_path)
    assert result["num_files"] == len(list(tmp_path.iterdir())) == 6
    names = ("", "_up1", "_down1")
    pieces = [midi.read_midi(tmp_path / f"01_kettle_blues{name}.mid") for name in names]
    assert {piece.channels for piece in pieces} == {(0,)}
    for piece, semitones in zip(pieces, (0, 1, -1), strict=True):
        assert piece.notes[0].pitch == pieces[0].notes[0].pitch + semitones
    assert [piece.markers[0][1] for piece in pieces] == ["F7", "Gb7", "E7"]


def test_all_twelve_keys_are_different():
    steps = script._transpositions(12)
    assert sorted(step % 12 for step in steps) == list(range(12))


def test_mistakes_are_one_line(tmp_path, capsys, monkeypatch):
    line = failure(capsys, monkeypatch, "--keys", 13, "--output", tmp_path / "a")
    assert "`keys` must be from 1 to 12" in line
    line = failure(capsys, monkeypatch, "--swing", 1.5, "--output", tmp_path / "a")
    assert "`swing` must be from 0.5" in line
    (tmp_path / "letter.txt").write_text("dear")
    line = failure(capsys, monkeypatch, "--output", tmp_path)
    assert "already holds other files, such as letter.txt" in line
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
