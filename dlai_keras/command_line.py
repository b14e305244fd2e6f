"""What all scripts share: verbs, flags, tables, result files and one-line errors.

A script hands its plain functions to `run`; flags, types, defaults and help come
from their signatures and docstrings, so a test calls the same functions directly.
This module imports neither Keras nor anything else that is slow.
"""

import ctypes
import difflib
import errno
import importlib.metadata
import importlib.util
import inspect
import json
import math
import os
import platform
import re
import shutil
import sys
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from dlai_keras.files import write_atomically

FULL_DISK = {errno.ENOSPC, errno.EDQUOT}
SECTION = re.compile(r"(Args|Returns|Yields|Raises|Examples?|References?|Notes?):")
# typer carries click within it in some versions and depends on it in others; this
# is the class of "a usage error or the like" in both.
UsageProblem = typer.BadParameter.__mro__[2]


def run(
    help: str,
    /,
    *,
    default: str | None = None,
    argv: Sequence[str] | None = None,
    **verbs: Callable[..., dict | None],
) -> dict | None:
    """Runs one of a script's verbs as the command line says, and shows its result.

    A verb is a plain function: keyword-only parameters become options, the others
    arguments. Its docstring is the verb's help, its `Args:` the help of each option,
    its `Example:` stands below them. Underscores become dashes. Every verb has
    `--json`.

    What a verb returns is shown as a table (a list `<name>_interval` beside the figure
    `<name>`, other nested values not at all), or with `--json` as one JSON object on
    the last line of stdout. Mistakes of the user (`ValueError`, `OSError`, a missing
    extra, a wrong option) end in one line on stderr and exit code 2, Ctrl-C in one
    line and exit code 130; any other exception is a bug and keeps its traceback.
    `DLAI_TRACEBACK=1` shows the traceback of every error.

    Args:
        help: what the script does.
        default: the verb that runs when none is named. A script with this one verb
            only shows its options at once.
        argv: the command line without the program's name. `sys.argv` by default.
        **verbs: name and function.

    Returns:
        What the verb returned.

    Raises:
        SystemExit: on every error, and after `--help`.

    Example:
        >>> def train(*, epochs: int = 20):
        ...     '''Trains.'''
        ...     return {"epochs": epochs, "accuracy": 0.75}
        >>> argv = ["--epochs", "3", "--json"]
        >>> result = run("Reads signs.", default="train", argv=argv, train=train)
        {"epochs": 3, "accuracy": 0.75}
    """
    # For subprocesses and for scripts that import Keras late: no log on the screen.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    named = {name.replace("_", "-"): function for name, function in verbs.items()}
    default = default.replace("_", "-") if default else None
    if default is not None and default not in named:
        raise TypeError(f"`default` must be one of the verbs. Received: {default!r}.")
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        verb, function, arguments, as_json = _parse(help, named, default, argv)
        result = function(**arguments)
        _show_result(verb, result, as_json)
        sys.stdout.flush()  # a closed pipe shows here, not after the last line
        return result
    except (KeyboardInterrupt, UsageProblem, OSError, ValueError, ImportError) as error:
        if isinstance(error, BrokenPipeError) and _stdout_is_closed():
            # So that the interpreter's own last flush is silent, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + 13)  # as a program that was ended by SIGPIPE
        line = _one_line(error)
        if line is None or os.environ.get("DLAI_TRACEBACK", "0") not in ("", "0"):
            raise
        note(line)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 2)


def progress(
    iterable: Iterable, description: str, total: int | None = None
) -> Iterator:
    """Yields from `iterable` under a progress bar.

    The bar is on stderr. Where that is no terminal, one line is written at the start
    and one at the end.

    Args:
        iterable: what to go through.
        description: what is being done, such as "rendering".
        total: number of items. `len(iterable)` by default, where it has one.

    Returns:
        The items, one by one.

    Example:
        >>> sum(progress([1, 2, 3], "adding"))
        6
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if sys.stderr.isatty():
        yield from _bar(iterable, description, total)
        return
    note(f"{description} ..." if total is None else f"{description}: {total} ...")
    start = time.perf_counter()
    count = 0
    for item in iterable:
        count += 1
        yield item
    note(f"{description}: {count} done in {time.perf_counter() - start:.1f} s")


def note(message: str) -> None:
    """Says one line to the user, on stderr.

    Args:
        message: the line; line breaks in it become spaces.

    Example:
        >>> note("3 broken clips were left out")
    """
    lines = (line.strip() for line in str(message).splitlines())
    print(" ".join(filter(None, lines)), file=sys.stderr, flush=True)


class EpochLines:
    """Says one line after every epoch, and keeps the history of the figures.

    Args:
        epochs: how many there will be in all.
        history: gets a list of values for every name in `shown`; a training that goes
            on from a checkpoint hands in what it has.
        shown: Keras' name of a figure -> its name for people.

    Example:
        >>> lines = EpochLines(2, {}, {"loss": "loss"})
        >>> lines(0, {"loss": 0.5})
        >>> lines.history
        {'loss': [0.5]}
    """

    def __init__(self, epochs: int, history: dict, shown: Mapping[str, str]):
        self.epochs, self.history, self.shown = epochs, history, shown
        self._begun, self._first = time.perf_counter(), None

    def __call__(self, epoch: int, logs: Mapping[str, float]) -> None:
        """To be called at the end of epoch `epoch`, counted from 0."""
        self._first = epoch if self._first is None else self._first
        parts = []
        for name, text in self.shown.items():
            if name in logs:
                self.history.setdefault(text, []).append(float(logs[name]))
                parts.append(f"{text.replace('_', ' ')} {logs[name]:.4f}")
        seconds = time.perf_counter() - self._begun
        remaining = (
            seconds / (epoch - self._first + 1) * max(self.epochs - epoch - 1, 0)
        )
        note(
            f"epoch {epoch + 1} of {self.epochs}: {', '.join(parts)}, "
            f"{seconds:.0f} s, {remaining:.0f} s to go"
        )


def training_callbacks(
    output: Path,
    epochs: int,
    history: dict,
    shown: Mapping[str, str],
    backup: Path | None = None,
) -> list:
    """The callbacks that every training shares.

    Freed memory is kept; a line an epoch; a checkpoint an epoch in `backup`, of which
    `first_epoch` says where to go on; and TensorBoard's logs in `output / "logs"` where
    it is installed (Keras writes them through TensorFlow).

    Args:
        output: folder of the run.
        epochs: how many there will be in all.
        history: as of `EpochLines`.
        shown: as of `EpochLines`.
        backup: folder of the checkpoint; None makes none.

    Returns:
        A list of `keras.callbacks.Callback`.

    Example:
        >>> callbacks = training_callbacks(Path("runs"), 2, {}, {"loss": "loss"})
        >>> type(callbacks[1]).__name__
        'LambdaCallback'
    """
    keras = load_keras()
    lines = EpochLines(epochs, history, shown)

    class KeepFreedMemory(keras.callbacks.Callback):
        """Once more, as `fit` has TensorFlow forget it with the first batch."""

        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                keep_freed_memory()

    callbacks = [KeepFreedMemory()]
    callbacks += [keras.callbacks.LambdaCallback(on_epoch_end=lines)]
    if backup is not None:
        callbacks.append(
            keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False)
        )
    if all(map(importlib.util.find_spec, ("tensorboard", "tensorflow"))):
        callbacks.append(
            keras.callbacks.TensorBoard(output / "logs", write_graph=False)
        )
    return callbacks


def check_training(learning_rate: float, seed: int, **counts: int) -> None:
    """Refuses what no training can be run with.

    Args:
        learning_rate: must be above 0 and below 1.
        seed: must be 0 or more.
        **counts: epochs and the like, which must be 1 or more.

    Raises:
        ValueError: one is out of its range; the message names it.

    Example:
        >>> check_training(0.01, 0, epochs=5)
    """
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    if not 0 < learning_rate < 1:
        raise ValueError(
            f"`learning_rate` must be above 0 and below 1. Received: {learning_rate}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")


def first_epoch(backup: Path, settings: Mapping) -> int:
    """The epoch that a training goes on with; a backup of another one is removed.

    Args:
        backup: folder of its checkpoint, as of `training_callbacks`.
        settings: what a backup must share with this training; JSON values.

    Returns:
        0 for a training that begins.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first_epoch(Path(folder), {"seed": 0})
        0
    """
    record = backup / "settings.json"
    wanted = json.dumps(settings)
    try:
        state = json.loads((backup / "training_metadata.json").read_text("utf-8"))
        if record.read_text("utf-8") == wanted and (epoch := int(state["epoch"])):
            note(f"going on after epoch {epoch}")
            return epoch
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shutil.rmtree(backup, ignore_errors=True)
    backup.mkdir(parents=True, exist_ok=True)
    write_atomically(record, wanted)
    return 0


def show_table(title: str, rows: Mapping | Sequence[Mapping]) -> None:
    """Prints a table on stdout.

    Floats have four significant digits; what is missing, NaN or None is shown as a
    dash. Underscores of names become spaces.

    Args:
        title: stands above the table.
        rows: one dict, shown as a line for each of its items, or a list of dicts with
            the same keys, shown as a line for each dict.

    Example:
        >>> show_table("Detections", [{"end": 1.25, "score": 0.91}])
        Detections
        ╭──────┬───────╮
        │  end │ score │
        ├──────┼───────┤
        │ 1.25 │  0.91 │
        ╰──────┴───────╯
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.ROUNDED,
        show_header=not isinstance(rows, Mapping),
    )
    if isinstance(rows, Mapping):
        table.add_column(overflow="fold")
        table.add_column(justify="right", overflow="fold")
        lines = [[_label(name), _cell(value)] for name, value in rows.items()]
    else:
        names = list(dict.fromkeys(name for row in rows for name in row))
        for name in names:
            values = [row.get(name) for row in rows]
            is_text = any(isinstance(value, str | Path) for value in values)
            table.add_column(
                Text(_label(name)),
                justify="left" if is_text else "right",
                overflow="fold",
            )
        lines = [[_cell(row.get(name)) for name in names] for row in rows]
    for line in lines:
        table.add_row(*map(Text, line))  # Text: a file name's brackets are no markup
    console = Console(file=sys.stdout)
    with console.capture() as capture:
        console.print(table)
    # rich fills every line of a title up to the table's width.
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def save_metrics(
    output: str | Path, metrics: Mapping, *, seed: int, seconds: float
) -> Path:
    """Writes `metrics.json`: the figures, and what is needed to get them again.

    Args:
        output: folder, made where it is missing.
        metrics: figures by name, as a verb returns them.
        seed: the run's seed.
        seconds: how long it took.

    Returns:
        The file's path.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as output:
        ...     path = save_metrics(output, {"f1": 0.97}, seed=0, seconds=61.5)
        ...     saved = json.loads(path.read_text())
        >>> saved["metrics"], saved["seed"], sorted(saved["versions"])
        ({'f1': 0.97}, 0, ['backend', 'dlai_keras', 'keras', 'numpy', 'python'])
    """
    record = {
        "metrics": metrics,
        "seed": seed,
        "seconds": round(seconds, 3),
        "versions": _versions(),
    }
    text = json.dumps(_plain(record), indent=2, allow_nan=False) + "\n"
    path = Path(output) / "metrics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path


def keep_freed_memory():
    """Has the C library keep large blocks that are freed, where it can be told to.

    Every step of a training frees the buffers that the next one needs. Given back to
    the system, and page by page cleared by it again, they cost a third of the time.
    The first batch of a `fit` on TensorFlow undoes it: say it again after that one, as
    `training_callbacks` do. Where the C library is another, nothing happens.

    Example:
        >>> keep_freed_memory()
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # as in glibc's malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    mallopt(trim_threshold, 2**30)
    mallopt(top_pad, 2**26)
    # Older ones take no more than 32 MB here.
    _ = mallopt(mmap_threshold, 2**30) or mallopt(mmap_threshold, 2**25)


def load_keras():
    """Imports Keras with its backend's start-up messages kept off the screen.

    TensorFlow tells every user without a graphics card, four times, that there is
    none. `DLAI_TRACEBACK=1` lets it speak.

    Returns:
        The module `keras`.

    Example:
        >>> load_keras().__name__
        'keras'
    """
    if "keras" in sys.modules or os.environ.get("DLAI_TRACEBACK", "0") not in ("", "0"):
        import keras

        return keras
    note("loading Keras ...")
    keep_freed_memory()
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras

        keras.ops.zeros(1)  # devices, too, are looked for aloud
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
    return keras


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and Keras' backend; a script calls it once, at its start.

    Args:
        seed: integer, 0 or more.

    Example:
        >>> set_seed(0)
    """
    import keras  # 4 s, and --help has no use for it

    keras.utils.set_random_seed(seed)


def _parse(help, verbs, default, argv):
    """Returns the verb's name, its function, its arguments, and if JSON is wanted.

    typer only parses and nothing runs inside it: `run` sees what a verb raises as it
    was raised.
    """
    single = default is not None and len(verbs) == 1
    if not single:
        argv = _with_verb(verbs, default, argv)
    elif argv[:1] == [default]:
        argv = argv[1:]
    app = typer.Typer(
        help=help,
        epilog=f"Without a verb: {default}." if default else None,
        add_completion=False,
        rich_markup_mode=None,
    )
    for verb, function in verbs.items():
        sections = _sections(function)
        app.command(
            verb,
            help=f"{help}\n\n{sections['']}" if single else sections[""],
            epilog=_example(sections.get("Example")),
        )(_capture(verb, function))
    if not single:
        app.callback()(lambda: None)  # a group, even where it has one verb
    command = typer.main.get_command(app)
    parsed = command.main(argv, Path(sys.argv[0]).name, standalone_mode=False)
    if not isinstance(parsed, tuple):  # --help was shown
        sys.exit(parsed)
    return parsed


def _with_verb(verbs, default, argv):
    first = argv[0] if argv else "-"
    if first in verbs or first == "--help":
        return argv
    if default and (first.startswith("-") or _takes_arguments(verbs[default])):
        return [default, *argv]
    problem = (
        "a verb must come first."
        if first.startswith("-")
        else f"there is no verb {first!r}.{did_you_mean(first, verbs)}"
    )
    raise ValueError(f"{problem} Choose from: {', '.join(verbs)}.")


def _takes_arguments(function):
    parameters = inspect.signature(function).parameters.values()
    return any(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in parameters)


def _capture(verb, function):
    """Returns a function with the flags of `function` that hands back their values."""

    def capture(*, as_json, **arguments):
        return verb, function, arguments, as_json

    hints = typing.get_type_hints(function, include_extras=True)
    descriptions = _argument_help(function)
    parameters = [
        parameter.replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            annotation=_flag(parameter, hints[name], descriptions.get(name)),
        )
        for name, parameter in inspect.signature(function).parameters.items()
    ]
    as_json = inspect.Parameter(
        "as_json",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=typing.Annotated[
            bool, typer.Option("--json", help="Print the result as JSON, in one line.")
        ],
    )
    capture.__signature__ = inspect.Signature([*parameters, as_json])
    capture.__annotations__ = {p.name: p.annotation for p in [*parameters, as_json]}
    return capture


def _flag(parameter, hint, description):
    """Adds typer's description of the flag to the type hint, where it has none yet."""
    for extra in getattr(hint, "__metadata__", ()):
        if hasattr(extra, "param_decls"):
            extra.help = extra.help or description
            return hint
    if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        return typing.Annotated[hint, typer.Argument(help=description)]
    is_switch = hint is bool and parameter.default is False  # --no-... has no use then
    names = [f"--{parameter.name.replace('_', '-')}"] if is_switch else []
    return typing.Annotated[hint, typer.Option(*names, help=description)]


def _sections(function):
    """Splits a Google docstring into its text, under "", and its sections by name."""
    sections = {"": []}
    lines = sections[""]
    for line in (inspect.getdoc(function) or "").splitlines():
        if heading := SECTION.fullmatch(line):
            lines = sections.setdefault(heading[1].removesuffix("s"), [])
        else:
            lines.append(line)
    return {
        name: inspect.cleandoc("\n" + "\n".join(lines))
        for name, lines in sections.items()
    }


def _argument_help(function):
    descriptions = {}
    name = None
    for line in _sections(function).get("Arg", "").splitlines():
        if entry := re.match(r"\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)", line):
            name = entry[1]
            descriptions[name] = entry[2]
        elif name:
            descriptions[name] = f"{descriptions[name]} {line.strip()}".strip()
    # As a sentence, unless it starts with a name: "model.keras, or ...".
    return {
        name: text[0].upper() + text[1:]
        if re.match(r"[a-z]+([ ,;:]|\.?$)", text)
        else text
        for name, text in descriptions.items()
    }


def _example(text):
    if not text:
        return None
    # \\b keeps typer from joining the lines of a paragraph.
    paragraphs = f"Example:\n\n{text}".split("\n\n")
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in paragraphs)


def _show_result(verb, result, as_json):
    if as_json:
        print(json.dumps(_plain(result or {}), allow_nan=False))
        return
    result = result or {}
    flat = {}
    for name, value in result.items():
        if not isinstance(_plain(value), dict | list):
            bounds = result.get(f"{name}_interval")
            if bounds is not None:  # a figure is shown with its confidence interval
                value = f"{_cell(value)} ({_cell(bounds[0])} to {_cell(bounds[1])})"
            flat[name] = value
    if flat:
        show_table(verb, flat)


def _plain(value):
    """Turns NumPy's values, paths and non-finite numbers into what JSON can hold."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def _label(name):
    return str(name).replace("_", " ")


def _cell(value):
    value = _plain(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _bar(iterable, description, total):
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        yield from bar.track(iterable, total=total, description=description)


def _versions():
    keras = sys.modules.get("keras")
    backend = keras.config.backend() if keras else None
    return {
        "dlai_keras": _version("dlai_keras"),
        "python": platform.python_version(),
        "keras": _version("keras"),
        "backend": f"{backend} {_version(backend)}" if backend else None,
        "numpy": _version("numpy"),
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return getattr(sys.modules.get(package), "__version__", None)


def _one_line(error):
    """Words an error for the user; None for what is a bug of ours."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted: {error}" if str(error) else "interrupted"
    if isinstance(error, ImportError):
        message = _missing_extra(error)
        return message and f"error: {message}"
    if isinstance(error, UsageProblem):
        message = _usage_message(error)
    elif isinstance(error, OSError) and error.errno is not None:
        message = error.strerror or os.strerror(error.errno)
        if error.errno in FULL_DISK:
            message = "the disk is full"
        if error.filename:
            message += f": {error.filename}"
        if error.errno in FULL_DISK:
            message += ". Free some space and run the same command again, it continues."
    else:
        message = str(error) or type(error).__name__
    return f"error: {message}"


def _usage_message(error):
    """Words a problem of the command line and adds the flag that was probably meant."""
    context = getattr(error, "ctx", None)
    if hasattr(error, "possibilities") and context:
        flags = [
            flag for parameter in context.command.params for flag in parameter.opts
        ]
        message = f"no such option: {error.option_name}."
        message += did_you_mean(error.option_name, flags)
    else:
        message = error.format_message().replace("Value error, ", "").rstrip(".") + "."
        message = message[0].lower() + message[1:]
    return f"{message} See {context.command_path} --help." if context else message


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The end of an error's line: the nearest of what there is, if anything is near.

    Example:
        >>> did_you_mean("trian", ["train", "evaluate"])
        ' Did you mean train?'
    """
    close = difflib.get_close_matches(str(word), list(choices), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _missing_extra(error):
    """Returns which extra brings the missing module, or None where none does."""
    if error.name is None:  # raised by our own code, with its own advice
        return str(error)
    if not isinstance(error, ModuleNotFoundError):
        return None
    package = error.name.partition(".")[0].replace("_", "-").lower()
    try:
        requirements = importlib.metadata.requires("dlai_keras") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for requirement in requirements:
        match = re.match(r"([\w.-]+).*\bextra == ['\"]([\w-]+)['\"]", requirement)
        if match and match[1].replace("_", "-").lower() == package:
            return (
                f"the package {package} is not installed. Install it with: "
                f"pip install 'dlai_keras[{match[2]}]'"
            )
    return None


def _stdout_is_closed():
    try:
        print(flush=True)  # a flush alone says nothing where stdout is unbuffered
    except BrokenPipeError:
        return True
    return False  # the pipe that broke was another, to a worker say
