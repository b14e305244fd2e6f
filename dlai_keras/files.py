"""Files that are whole whenever they exist."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path, *, suffix: str = ".partial") -> Iterator[Path]:
    """A path to write to; the file takes its name once the block has ended well.

    Whatever ends the block early, a full disk or a killed process, what stood under
    the name before still does.

    Args:
        path: the file, in a folder that exists. An older one is replaced.
        suffix: of the hidden file that is written to.

    Yields:
        The path of a hidden file beside it.

    Raises:
        OSError: where it cannot be written, with `path` in it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "words.txt") as partial:
        ...         _ = partial.write_text("alexa jarvis")
        ...     (Path(folder) / "words.txt").read_text()
        'alexa jarvis'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}{suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.errno is None:
            raise
        # In the user's eyes it is `path` that failed.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: str | Path, *parts: str | bytes | memoryview) -> None:
    """Writes a file that is whole whenever it exists, also if the process is killed.

    Args:
        path: the file, in a folder that exists. An older one is replaced.
        *parts: its content: text (written as UTF-8, line ends as they are) or bytes.

    Raises:
        OSError: where it cannot be written, with `path` in it.
    """
    content = [part.encode() if isinstance(part, str) else part for part in parts]
    with whole_file(path) as partial, partial.open("wb") as file:
        file.writelines(content)


def read_text(path: Path) -> str:
    r"""Reads a text in UTF-8, with or without a byte order mark.

    Args:
        path: the file.

    Returns:
        The text, line ends as they are.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "words.txt"
        ...     _ = path.write_bytes(b"alexa\njarvis")
        ...     read_text(path).split()
        ['alexa', 'jarvis']
    """
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}, is not UTF-8. Save the file as UTF-8."
        ) from None


def refuse_others(folder: Path, ours: Container[str]) -> None:
    """Refuses a folder with files that a run would not overwrite.

    Args:
        folder: may not exist yet.
        ours: what the run writes, relative to `folder`, with slashes.

    Raises:
        FileExistsError: `folder` is a file, or holds another file than `ours`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     refuse_others(Path(folder), {"words.txt"})
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(
            f"`output` must be a folder. Received a file: {folder}. Choose another "
            "--output."
        )
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        name = path.relative_to(folder).as_posix()
        is_partial = name.removesuffix(".partial") != name  # of a run that was killed
        if not (path.is_dir() or name in ours or is_partial):
            raise FileExistsError(
                f"{folder} already holds other files, such as {name}. Choose another "
                "--output, or remove it."
            )
