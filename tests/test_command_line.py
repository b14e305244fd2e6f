"""The command line of every script: flags, results, errors and files."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
import typer

from dlai_keras import command_line

ROOT = Path(__file__).parents[1]
FULL = OSError(errno.ENOSPC, "No space left on device", "out/3.wav")


def train(
    *,
    epochs: int = 20,
    rate: float = 0.5,
    name: str = "signs",
    shuffle: bool = True,
    overwrite: bool = False,
    data: Path | None = None,
    output: Path = Path("runs/signs"),
    folds: list[Path] = [],  # noqa: B006 - as a script may write it
    snr_range_db: tuple[float, float] | None = None,
    format: Literal["wav", "flac"] = "wav",
    workers: Annotated[int, typer.Option(min=0, max=8)] = 0,
) -> dict:
    r"""Trains the classifier of hand signs.

    A second paragraph, [bracketed].

    Args:
        epochs: passes over
            the training data.
        rate (float): learning rate.
        name: model.keras carries it.
        shuffle: whether to shuffle.
        overwrite: whether to replace what is there.
        data: folder of pictures.
        output: folder for the model.
        folds: folders left out.
        snr_range_db: decibels.
        format: of the files.
        workers: processes.

    Returns:
        Everything it was given.

    Example:
        train.py --epochs 3
        train.py --epochs 5 \
            --data pictures

        train.py --help
    """
    return dict(locals())


def predict(recordings: list[Path], *, model: Path | None = None) -> dict:
    """Finds the word.

    Args:
        recordings: sound files.
        model: a saved model.
    """
    return {"recordings": recordings, "model": model}


def make_data(source: Path, count: int = 3) -> None:
    """Makes data."""


def call(*argv, default="train", **verbs):
    verbs = verbs or {"train": train, "predict": predict, "make_data": make_data}
    return command_line.run("Hand signs.", default=default, argv=argv, **verbs)


def failure(capsys, *argv, **options):
    """Runs what must fail as a mistake of the user; returns its one line."""
    with pytest.raises(SystemExit) as stop:
        call(*argv, **options)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


def failing(error):
    def verb():
        raise error

    return {"default": "verb", "verb": verb}


def help_of(capsys, *argv, **options):
    with pytest.raises(SystemExit) as stop:
        call(*argv, "--help", **options)
    assert not stop.value.code
    return capsys.readouterr().out


def test_flags_have_the_types_and_defaults_of_the_signature():
    assert call() == {
        "epochs": 20,
        "rate": 0.5,
        "name": "signs",
        "shuffle": True,
        "overwrite": False,
        "data": None,
        "output": Path("runs/signs"),
        "folds": [],
        "snr_range_db": None,
        "format": "wav",
        "workers": 0,
    }
    flags = "--epochs 3 --rate 1e-3 --name x --no-shuffle --overwrite --data d --output"
    flags += " o --folds a --folds b --snr-range-db -5 10 --format flac --workers 2"
    assert call(*flags.split()) == {
        "epochs": 3,
        "rate": 1e-3,
        "name": "x",
        "shuffle": False,
        "overwrite": True,
        "data": Path("d"),
        "output": Path("o"),
        "folds": [Path("a"), Path("b")],
        "snr_range_db": (-5.0, 10.0),
        "format": "flac",
        "workers": 2,
    }


def test_parameters_that_are_not_keyword_only_are_arguments():
    result = call("predict", "a.wav", "b.wav", "--model", "m.keras")
    assert result["recordings"] == [Path("a.wav"), Path("b.wav")]
    assert result["model"] == Path("m.keras")


@pytest.mark.parametrize("argv", [["--epochs", "2"], ["train", "--epochs", "2"]])
def test_the_default_verb_runs_with_and_without_its_name(argv):
    assert call(*argv)["epochs"] == 2
    assert call(*argv, train=train)["epochs"] == 2


def test_a_default_verb_with_arguments_takes_them_at_once():
    assert call("a.wav", default="predict")["recordings"] == [Path("a.wav")]


def test_underscores_of_verbs_become_dashes(capsys):
    assert call("make-data", "clips") is None
    assert "make-data" in help_of(capsys)
    assert call("clips", default="make_data") is None


def test_help_lists_the_verbs_and_says_which_is_the_default(capsys):
    text = help_of(capsys)
    assert "Hand signs." in text
    assert "train      Trains the classifier of hand signs." in text
    assert "Without a verb: train." in text
    assert "completion" not in text


def test_help_of_a_verb_comes_from_its_docstring(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = help_of(capsys, "train")
    assert "A second paragraph, [bracketed]." in text
    assert "Passes over the training data. [default: 20]" in " ".join(text.split())
    assert "model.keras carries it." in text
    assert "Processes." in text
    assert "--overwrite " in text
    assert "--no-overwrite" not in text
    assert "Everything it was given" not in text
    example = "Example:\n\ntrain.py --epochs 3\ntrain.py --epochs 5 \\\n    --data pic"
    assert textwrap.indent(example, "  ").replace("  \n", "\n") in text
    assert "  train.py --help" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_script_with_one_verb_shows_its_flags_at_once(capsys):
    text = help_of(capsys, train=train)
    assert "Hand signs." in text
    assert "Trains the classifier" in text
    assert "--epochs" in text


def test_json_is_one_object_on_the_last_line(capsys):
    def evaluate():
        command_line.show_table("Before", {"rows": 1})
        return {
            "f1": np.float32(0.5),
            "misses": np.int64(3),
            "hit": np.bool_(True),
            "threshold": float("nan"),
            "ratio": np.float64("inf"),
            "interval": (np.float64(0.25), 1),
            "scores": np.array([[1.0, np.nan]]),
            "model": Path("runs/model.keras"),
            "by_word": {np.int64(7): {"f1": None}},
            "note": "é",
        }

    call("--json", default="evaluate", evaluate=evaluate)
    lines = capsys.readouterr().out.splitlines()
    assert "Before" in lines[0]
    assert json.loads(lines[-1]) == {
        "f1": 0.5,
        "misses": 3,
        "hit": True,
        "threshold": None,
        "ratio": None,
        "interval": [0.25, 1],
        "scores": [[1.0, None]],
        "model": str(Path("runs/model.keras")),
        "by_word": {"7": {"f1": None}},
        "note": "é",
    }


def test_json_of_a_verb_without_a_result_is_an_empty_object(capsys):
    call("make-data", "clips", "--json")
    assert capsys.readouterr().out == "{}\n"


def test_a_result_is_shown_as_a_table_without_its_nested_values(capsys):
    def evaluate():
        return {
            "false_accepts_per_hour": np.float32(1.23456),
            "words": 12345678,
            "threshold": float("nan"),
            "model": Path("[red]/model.keras"),
            "causal": True,
            "interval": (0.1, 0.2),
            "by_word": {"alexa": 1},
        }

    call(default="evaluate", evaluate=evaluate)
    rows = [
        line.strip("│ ").split("  ") for line in capsys.readouterr().out.splitlines()
    ]
    cells = {row[0].strip(): row[-1].strip(" │") for row in rows}
    assert cells["false accepts per hour │"] == "1.235"
    assert any("12345678" in row[-1] for row in rows)
    text = "\n".join("  ".join(row) for row in rows)
    assert "[red]/model.keras" in text.replace(os.sep, "/")
    assert "yes" in text
    assert "interval" not in text
    assert "alexa" not in text


def test_a_table_of_rows_shows_every_key_and_a_dash_for_what_is_missing(capsys):
    command_line.show_table("Found", [{"a": 1}, {"a": 22, "b_c": "x"}])
    text = capsys.readouterr().out
    assert [line.strip("│ \n") for line in text.splitlines()] == [
        "Found",
        "╭────┬─────╮",
        "a │ b c",
        "├────┼─────┤",
        "1 │ -",
        "22 │ x",
        "╰────┴─────╯",
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epoch", "3"], "no such option: --epoch. Did you mean --epochs?"),
        (["--epochs", "many"], "'--epochs'"),
        (["--format", "mp3"], "'mp3' is not one of 'wav', 'flac'"),
        (["--workers", "9"], "'--workers'"),
        (["--epochs"], "'--epochs' requires an argument"),
        (["predict"], "missing argument 'recordings"),
        (["train", "surplus"], "surplus"),
        (["predcit"], "there is no verb 'predcit'. Did you mean predict? Choose from:"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_names_it(capsys, argv, message):
    assert message.lower() in failure(capsys, *argv).lower()  # typer's cases vary


def test_without_a_default_a_verb_is_asked_for(capsys):
    expected = "a verb must come first. Choose from: train, predict, make-data."
    assert failure(capsys, default=None) == expected
    assert failure(capsys, "--epochs", "3", default=None) == expected


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("`strides` must be 1.\nReceived: 3."), None),
        (ValueError(), "ValueError"),
        (FileNotFoundError("no clips in x"), "no clips in x"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a b.wav"),
            "No such file or directory: a b.wav",
        ),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "Is a directory: x"),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            "Permission denied: x",
        ),
        (
            FULL,
            "the disk is full: out/3.wav. Free some space and run the same command "
            "again, it continues.",
        ),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe"),
        (ModuleNotFoundError("no ffmpeg here"), "no ffmpeg here"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_mistake_of_the_user_is_one_line_and_exit_code_2(capsys, error, message):
    message = message or "`strides` must be 1. Received: 3."
    if isinstance(error, BrokenPipeError):  # a worker's pipe; stdout is fine
        with pytest.raises(SystemExit, match="2"):
            call(**failing(error))
        assert capsys.readouterr().err == "error: Broken pipe\n"
    else:
        assert failure(capsys, **failing(error)) == message


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    capsys, monkeypatch
):
    requirements = [
        "numpy>=2.1",
        'google-crc32c>=1.7; extra == "tfrecord"',
        'google-crc32c>=1.7; extra == "test"',
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: requirements)
    error = ModuleNotFoundError("No module named", name="google_crc32c.cext")
    assert failure(capsys, **failing(error)) == (
        "the package google-crc32c is not installed. Install it with: "
        "pip install 'dlai_keras[tfrecord]'"
    )


@pytest.mark.parametrize(
    "error",
    [
        KeyError("onset"),
        TypeError("a bug"),
        ModuleNotFoundError("No module named 'nowhere'", name="nowhere"),
        ImportError("cannot import name 'x' from 'numpy'", name="numpy"),
    ],
)
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(type(error)) as raised:
        call(**failing(error))
    assert raised.value is error


def test_the_traceback_is_shown_on_demand(monkeypatch):
    monkeypatch.setenv("DLAI_TRACEBACK", "1")
    with pytest.raises(ValueError, match="strides"):
        call(**failing(ValueError("strides")))


def test_ctrl_c_is_one_line_and_exit_code_130(capsys):
    with pytest.raises(SystemExit) as stop:
        call(**failing(KeyboardInterrupt()))
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def script(tmp_path, body):
    path = tmp_path / "script.py"
    path.write_text(
        "import sys, time\nfrom dlai_keras import command_line\n"
        f"def verb():\n{textwrap.indent(body, '    ')}\n"
        "command_line.run('Help.', default='verb', verb=verb)\n"
    )
    return {
        "args": [sys.executable, path],
        "env": {**os.environ, "PYTHONPATH": str(ROOT)},
        "text": True,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes and signals")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_silent(tmp_path, unbuffered):
    options = script(tmp_path, "for i in range(100_000): print(i)")
    options["env"]["PYTHONUNBUFFERED"] = unbuffered
    with subprocess.Popen(**options) as process:
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes and signals")
def test_a_real_ctrl_c_leaves_one_line(tmp_path):
    options = script(tmp_path, "print('up', flush=True); time.sleep(60)")
    with subprocess.Popen(**options) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "interrupted\n"
        assert process.wait() == 130


def test_a_default_that_is_no_verb_is_a_bug():
    with pytest.raises(TypeError, match="nothing"):
        call(default="nothing")


def test_progress_yields_everything_and_writes_two_lines_where_no_terminal_is(capsys):
    assert list(command_line.progress("abc", "reading")) == ["a", "b", "c"]
    first, last = capsys.readouterr().err.splitlines()
    assert first == "reading: 3 ..."
    assert last.startswith("reading: 3 done in ")
    assert list(command_line.progress(iter("ab"), "counting")) == ["a", "b"]
    assert capsys.readouterr().err.startswith("counting ...\ncounting: 2 done in ")


def test_progress_says_nothing_of_an_end_that_was_not_reached(capsys):
    def items():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(command_line.progress(items(), "reading", total=2))
    assert capsys.readouterr().err == "reading: 2 ...\n"


def test_progress_draws_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(command_line.progress([5, 6], "reading [fast]")) == [5, 6]
    captured = capsys.readouterr()
    assert "reading [fast]" in captured.err
    assert "2/2" in captured.err
    assert captured.out == ""


def test_note_is_one_line_on_stderr(capsys):
    command_line.note("two\n  lines")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "two lines\n")


def test_metrics_file_holds_figures_seed_seconds_and_versions(tmp_path):
    output = tmp_path / "runs" / "signs"
    path = command_line.save_metrics(
        output, {"f1": np.float32(0.5), "map_50": float("nan")}, seed=7, seconds=1.23456
    )
    assert path == output / "metrics.json"
    saved = json.loads(path.read_text())
    assert saved["metrics"] == {"f1": 0.5, "map_50": None}
    assert saved["seed"] == 7
    assert saved["seconds"] == 1.235
    assert saved["versions"]["numpy"] == np.__version__
    assert saved["versions"]["python"] == sys.version.split()[0]
    assert saved["versions"]["dlai_keras"]


def test_metrics_file_names_the_backend_once_keras_is_in_use(tmp_path):
    import keras

    path = command_line.save_metrics(tmp_path, {}, seed=0, seconds=0)
    versions = json.loads(path.read_text())["versions"]
    assert versions["backend"].startswith(keras.config.backend())
    assert versions["keras"] == keras.__version__


def test_a_seed_makes_numpy_and_keras_repeat_themselves():
    import keras

    def draw():
        command_line.set_seed(3)
        kernel = keras.ops.convert_to_numpy(keras.initializers.GlorotUniform()((2, 3)))
        return np.random.rand(), kernel.tolist()  # noqa: NPY002

    assert draw() == draw()


def test_importing_the_command_line_imports_nothing_slow():
    code = "import sys, dlai_keras.command_line; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    assert "dlai_keras.command_line" in loaded
    assert not {"keras", "tensorflow", "numpy", "matplotlib"} & set(loaded)


def test_an_interval_is_shown_beside_its_figure(capsys):
    def measure():
        """Measures."""
        return {"misses": 0.05, "misses_interval": [0.01, 0.125], "by_label": {"a": 1}}

    command_line.run("Help.", default="measure", argv=[], measure=measure)
    shown = capsys.readouterr().out
    assert "0.05 (0.01 to 0.125)" in shown
    assert "interval" not in shown
    assert "by label" not in shown


# Training


def test_an_interrupted_training_goes_on_from_its_backup(tmp_path, capsys):
    keras = command_line.load_keras()
    backup, settings = tmp_path / "backup", {"seed": 1}

    def fit(epochs, stop=None):
        first = command_line.first_epoch(backup, settings)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = {}
        callbacks = command_line.training_callbacks(
            tmp_path, epochs, history, {"loss": "loss"}, backup
        )
        if stop is not None:
            callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=stop))
        x = np.ones((4, 1))
        model.fit(x, x, epochs=epochs, callbacks=callbacks, verbose=0)
        return first, history, model.get_weights()

    def stop(epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(5, stop)
    first, history, weights = fit(5)
    assert first == 2
    assert len(history["loss"]) == 3
    assert "epoch 5 of 5: loss" in capsys.readouterr().err
    # Interrupted after its last epoch, it has its weights again and learns no more.
    first, history, again = fit(5)
    assert (first, history) == (5, {})
    np.testing.assert_array_equal(again[0], weights[0])
    settings["seed"] = 2
    assert command_line.first_epoch(backup, settings) == 0


def test_a_training_without_backup_leaves_none(tmp_path):
    callbacks = command_line.training_callbacks(tmp_path, 1, {}, {})
    names = [type(callback).__name__ for callback in callbacks]
    assert "BackupAndRestore" not in names
    assert names[:2] == ["KeepFreedMemory", "LambdaCallback"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "`epochs` must be 1 or more. Received: 0."),
        ({"learning_rate": 1}, "`learning_rate` must be above 0 and below 1."),
        ({"learning_rate": 0}, "`learning_rate` must be above 0 and below 1."),
        ({"seed": -1}, "`seed` must be 0 or more. Received: -1."),
    ],
)
def test_a_training_that_cannot_be_run_is_refused(given, message):
    usual = {"learning_rate": 0.1, "seed": 0, "epochs": 1}
    command_line.check_training(**usual)
    with pytest.raises(ValueError, match=re.escape(message)):
        command_line.check_training(**(usual | given))
