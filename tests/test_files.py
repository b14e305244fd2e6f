import errno
from pathlib import Path

import pytest

from dlai_keras import files


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("1.0\tactivate\r\né\n",), "1.0\tactivate\r\né\n".encode()),
        ((b"\x00", memoryview(b"\xff")), b"\x00\xff"),
    ],
)
def test_an_atomic_write_replaces_the_file_and_leaves_nothing_else(
    tmp_path, parts, expected
):
    path = tmp_path / "labels.txt"
    path.write_text("old")
    files.write_atomically(path, *parts)
    assert path.read_bytes() == expected
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing_step", ["open", "replace"])
def test_a_failed_write_keeps_the_old_file_and_names_it(
    tmp_path, monkeypatch, failing_step
):
    def fail(self, *args):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    path = tmp_path / "labels.txt"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, failing_step, fail)
        with pytest.raises(OSError, match=r"labels\.txt'$") as raised:
            files.write_atomically(path, "new")
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with (
        pytest.raises(KeyboardInterrupt),
        files.whole_file(path, suffix=".partial.keras") as partial,
    ):
        assert partial.suffix == ".keras"
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_is_utf_8_or_its_line_is_named(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9\r\ntwo\n")
    assert files.read_text(path) == "café\r\ntwo\n"
    path.write_bytes(b"one\ncaf\xe9\n")
    with pytest.raises(ValueError, match=r"words\.txt, line 2, is not UTF-8"):
        files.read_text(path)
