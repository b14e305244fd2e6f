"""Files from the web: once, and none but the right ones."""

import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dlai_keras import command_line, files

CHUNK = 1 << 18  # bytes
TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes:
        name: what it is called in the cache.
        url: where it is.
        checksum: hexadecimal, its MD5 (32 digits), if its publisher gives no better, or
            its SHA-256 (64).
        note: what it is for, in one line.

    Example:
        >>> Download("one.txt", "https://example.org/one.txt", "0" * 64).algorithm
        'sha256'
    """

    name: str
    url: str
    checksum: str
    note: str = ""

    @property
    def algorithm(self) -> str:
        """Of the checksum, as `hashlib` calls it."""
        return {32: "md5", 64: "sha256"}[len(self.checksum)]


def fetch(wanted: Download, cache: str | Path, *, mirror: str = "") -> Path:
    """Returns where a file lies in the cache, which has it then.

    What is there already, and has the right checksum, is not fetched again. The file
    is there as a whole or not at all.

    Args:
        wanted: which file.
        cache: folder; made if it is missing.
        mirror: address or folder with a file of the same name, instead of `url`.

    Raises:
        ConnectionError: it cannot be fetched.
        ValueError: what came is another file.
        OSError: it cannot be written.
    """
    cache = Path(cache)
    path = cache / wanted.name
    if path.is_file():
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, wanted.algorithm).hexdigest()
        if checksum == wanted.checksum:
            return path
        command_line.note(f"{path} is broken or another version; it is fetched again")
    source = f"{mirror.rstrip('/')}/{wanted.name}" if mirror else wanted.url
    if mirror and "://" not in mirror:
        source = Path(source).resolve().as_uri()
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.new(wanted.algorithm)
    with files.whole_file(path) as partial:
        try:
            with (
                urllib.request.urlopen(source, timeout=TIMEOUT) as answer,
                partial.open("wb") as file,
            ):
                length = int(answer.headers.get("Content-Length") or 0)
                chunks = iter(lambda: answer.read(CHUNK), b"")
                num_chunks = -(-length // CHUNK) or None
                for chunk in command_line.progress(
                    chunks, f"fetching {wanted.name}", num_chunks
                ):
                    digest.update(chunk)
                    file.write(chunk)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is the server's answer
            is_ours = getattr(error, "errno", None) is not None  # a full disk, say
            if is_ours and not isinstance(error, ConnectionError):
                raise
            raise ConnectionError(
                f"{source} cannot be fetched: {error}. Try again, or give a --mirror: "
                f"an address or a folder with {wanted.name}."
            ) from None
        if digest.hexdigest() != wanted.checksum:
            raise ValueError(
                f"{source} is not the file that was expected: its checksum is "
                f"{digest.hexdigest()}, and not {wanted.checksum}. Try again, or give "
                "another --mirror."
            )
    return path
