"""Scripts, run as from the command line, but within the test."""

import sys
from pathlib import Path

import pytest


def run(script, monkeypatch, capsys, *argv):
    """Returns the exit code, the output, and the lines on stderr.

    Args:
        script: what `runpy.run_path` gave of it.
        monkeypatch: of the test.
        capsys: of the test.
        *argv: verb and options.
    """
    _set_arguments(script, monkeypatch, argv)
    code = 0
    try:
        script["main"]()
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()


def run_to_exit(script, monkeypatch, capsys, *argv):
    """Returns the exit code, which there must be, and the lines on stderr."""
    _set_arguments(script, monkeypatch, argv)
    with pytest.raises(SystemExit) as stop:
        script["main"]()
    return stop.value.code, capsys.readouterr().err.strip().splitlines()


def call(module, monkeypatch, *argv):
    """Runs a script that was imported as a module."""
    _set_arguments(vars(module), monkeypatch, argv)
    module.main()


def failure(module, capsys, monkeypatch, *argv):
    """Runs what must fail, in one line; returns that line."""
    with pytest.raises(SystemExit) as stop:
        call(module, monkeypatch, *argv)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    return lines[-1]


def _set_arguments(script, monkeypatch, argv):
    name = Path(script["__file__"]).name
    monkeypatch.setattr(sys, "argv", [name, *map(str, argv)])
