"""Files from the web."""

import hashlib

import pytest

from dlai_keras.downloads import Download, fetch

CONTENT = bytes(range(256)) * 2000  # more than one chunk


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_comes_once_whole_and_checked(algorithm, web, tmp_path):
    (web.folder / "a.bin").write_bytes(CONTENT)
    checksum = hashlib.new(algorithm, CONTENT).hexdigest()
    wanted = Download("b.bin", f"{web.address}/a.bin", checksum)
    for _ in range(2):
        path = fetch(wanted, tmp_path / "cache")
        assert path == tmp_path / "cache/b.bin" and path.read_bytes() == CONTENT
    assert web.asked == ["/a.bin"]
    path.write_bytes(CONTENT[:-1])  # as a disk that was full left it
    assert fetch(wanted, tmp_path / "cache").read_bytes() == CONTENT
    assert len(web.asked) == 2


def test_another_file_is_refused_and_the_cache_stays_as_it_was(web, tmp_path):
    (web.folder / "a.bin").write_bytes(CONTENT)
    (tmp_path / "a.bin").write_bytes(b"older")
    wanted = Download("a.bin", f"{web.address}/a.bin", "0" * 64)
    with pytest.raises(ValueError, match="not the file that was expected"):
        fetch(wanted, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a.bin": b"older"
    }


def test_a_missing_file_names_its_address_and_the_way_out(web, tmp_path):
    wanted = Download("a.bin", f"{web.address}/a.bin", "0" * 64)
    with pytest.raises(ConnectionError, match=rf"{web.address}/a.bin .*--mirror"):
        fetch(wanted, tmp_path)
    with pytest.raises(ConnectionError, match=r"folder with a\.bin"):
        fetch(wanted, tmp_path, mirror=str(tmp_path / "nowhere"))
    (web.folder / "a.bin").write_bytes(CONTENT)
    checksum = hashlib.sha256(CONTENT).hexdigest()
    wanted = Download("a.bin", "http://127.0.0.1:9", checksum)
    assert fetch(wanted, tmp_path, mirror=f"{web.address}/").read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [tmp_path / "a.bin"]
