"""A database of people in one SQLite file: enrolled, recognised and really removed.

Embeddings are personal data. The file is readable by its owner only, and what is
removed is overwritten; copies of the file, and blocks that a disk or a file system
keeps of its own accord, are beyond its reach.
"""

import contextlib
import errno
import math
import os
import sqlite3
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

APPLICATION_ID = 0x444C4647  # "DLFG" in the file's header: dlai_keras, faces, gallery
FORMAT = 1  # of the tables below
LONGEST_NAME = 200
SECONDS_TO_WAIT = 30.0  # for another process that is writing
_UNIT = 1e-3  # by how much an embedding's length may be off
_TABLES = """
CREATE TABLE settings (
    model_id TEXT NOT NULL, threshold REAL NOT NULL, embedding_size INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL, embedding BLOB NOT NULL, checksum INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class Match:
    """Whom a picture shows.

    Attributes:
        name: of the person with the nearest picture; None where it is beyond the
            threshold: unknown.
        distance: to that picture, 0 to 2; infinite in an empty gallery.
    """

    name: str | None
    distance: float


class Gallery:
    """A gallery of people in a file that is there.

    Every change is a transaction: one that is interrupted, by a full disk or a killed
    process, leaves what stood there before. Several processes may use one file; each
    sees what another has changed the next time it is asked. Use it in a `with` block,
    or call `close`.

    Args:
        path: the file.
        model_id: of the model whose embeddings will be asked for. None to look only, or
            to remove somebody.

    Attributes:
        path: of the file.
        model_id: of the model that all its embeddings are from.
        threshold: largest distance of two pictures of one person.
        embedding_size: numbers in an embedding.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or no gallery, or one of another model. It is left as
            it is.
        TimeoutError: another process has been writing for longer than half a minute.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "people.gallery"
        ...     with open_gallery(path, "small-1", 0.7, embedding_size=2) as gallery:
        ...         _ = gallery.enroll("Ann", [[1, 0], [0.8, 0.6]])
        ...         _ = gallery.enroll("Bob", [0, -1])
        ...         near, far = map(gallery.identify, ([0.6, 0.8], [-0.6, 0.8]))
        >>> near.name, round(near.distance, 3), far.name, round(far.distance, 3)
        ('Ann', 0.283, None, 1.414)
    """

    def __init__(self, path: str | Path, *, model_id: str | None = None):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"No such file: {self.path}. Expected a gallery of people; enrolling "
                "somebody begins one."
            )
        self._connection = _connect(self.path)
        self._names: list[str] = []
        self._version = None  # of the data held in memory
        try:
            with self._explained():
                self._check_file()
            self._load()
            if model_id is not None and model_id != self.model_id:
                raise ValueError(
                    f"{self.path} holds embeddings of the model {self.model_id}, which "
                    f"those of {model_id} cannot be compared with. Use that model, or "
                    "enroll the pictures into a new file."
                )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __len__(self) -> int:
        """Enrolled pictures."""
        self._refresh()
        return len(self._names)

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def names(self) -> dict[str, int]:
        """Who is enrolled, in alphabetical order -> with how many pictures."""
        self._refresh()
        counts = {}
        for name in sorted(self._names):
            counts[name] = counts.get(name, 0) + 1
        return counts

    def enroll(self, name: str, embeddings: np.ndarray) -> int:
        """Adds pictures of a person, who may be there already.

        Args:
            name: any text of a line.
            embeddings: of unit length, `(num_pictures, embedding_size)` or of one.

        Returns:
            How many pictures of the person there are now.

        Raises:
            ValueError: the name or the embeddings are no such thing; nothing is added.
        """
        self.enroll_people({name: embeddings})
        with self._explained():
            return self._ask(
                "SELECT COUNT(*) FROM pictures WHERE name = ?", _checked_name(name)
            )

    def enroll_people(self, embeddings: Mapping[str, np.ndarray]) -> None:
        """Adds pictures of many people in one transaction: all of them, or none.

        Args:
            embeddings: name -> embeddings, as of `enroll`.

        Raises:
            ValueError: as of `enroll`.
        """
        rows = []
        for name, some in embeddings.items():
            name = _checked_name(name)
            for embedding in self._checked(some):
                blob = embedding.astype("<f4").tobytes()
                rows.append((name, blob, _checksum(name, blob)))
        with self._writing():
            self._connection.executemany(
                "INSERT INTO pictures (name, embedding, checksum) VALUES (?, ?, ?)",
                rows,
            )

    def identify(self, embedding: np.ndarray) -> Match:
        """The person whose nearest picture is within the threshold.

        Args:
            embedding: of unit length, `(embedding_size,)`.

        Returns:
            Name and distance; the name is None for somebody unknown.

        Raises:
            ValueError: it is no such embedding.
        """
        embedding = self._checked(embedding)
        if len(embedding) != 1:
            raise ValueError(
                "`embedding` must be of one picture. Received: embeddings of "
                f"{len(embedding)}. Ask for them one by one."
            )
        self._refresh()
        if not self._names:
            return Match(None, math.inf)
        # Not `@`: where a core is busy, its threads wait for each other for 8 ms.
        nearness = np.einsum("ij,j->i", self._embeddings, embedding[0])
        nearest = int(nearness.argmax())
        # A product of float32 vectors would be off by 0.0005 for equal ones.
        distance = float(
            np.linalg.norm(self._embeddings[nearest].astype("float64") - embedding[0])
        )
        known = distance <= self.threshold
        return Match(self._names[nearest] if known else None, distance)

    def remove(self, name: str) -> int:
        """Removes a person, name and embeddings, so that the file has no trace of them.

        What is deleted is overwritten with zeros, and the file is written anew without
        the gaps.

        Args:
            name: who is enrolled.

        Returns:
            How many pictures were removed.

        Raises:
            ValueError: nobody has this name.
            TimeoutError: another process did not let the file be written anew. The
                person is removed, but traces may be left; `compact` does the rest.
        """
        name = _checked_name(name)
        with self._writing():
            removed = self._connection.execute(
                "DELETE FROM pictures WHERE name = ?", [name]
            ).rowcount
            if not removed:
                raise ValueError(
                    f"{self.path} has nobody named {name!r}. Names are told apart by "
                    "upper and lower case; list them to see them all."
                )
        self.compact()
        return removed

    def compact(self) -> None:
        """Writes the file anew, without gaps, as after every `remove`.

        Raises:
            TimeoutError: another process is using it.
        """
        try:
            with self._explained():
                self._connection.execute("VACUUM")
        except TimeoutError:
            raise TimeoutError(
                f"{self.path} could not be written anew, for another process is using "
                "it. Nobody is found who was removed, but traces may be left in the "
                "file: call `Gallery.compact`, or remove somebody else, once that is "
                "done."
            ) from None
        self._version = None

    def _check_file(self):
        """Raises a ValueError unless this is a whole gallery; only reads."""
        ask = self._ask
        if ask("PRAGMA application_id") != APPLICATION_ID:
            raise ValueError(
                f"{self.path} is no gallery of people. It is left as it is; name "
                "another file."
            )
        version = ask("PRAGMA user_version")
        if version != FORMAT:
            raise ValueError(
                f"{self.path} is a gallery of format {version}; this version of "
                f"dlai_keras reads format {FORMAT}. Use the version that made it."
            )
        problem = ask("PRAGMA quick_check(1)")
        if problem != "ok":
            raise _damaged(self.path, problem)
        settings = self._connection.execute(
            "SELECT model_id, threshold, embedding_size, checksum FROM settings"
        ).fetchall()
        if len(settings) != 1 or settings[0][3] != _checksum(*settings[0][:3]):
            raise _damaged(self.path, "its settings have changed")
        self.model_id, self.threshold, self.embedding_size, _ = settings[0]

    def _refresh(self):
        """Reads the pictures again where somebody has changed them."""
        with self._explained():
            version = self._ask("PRAGMA data_version")
        if version != self._version:
            self._load()

    def _load(self):
        with self._explained():
            # Asked before: what changes in between is read once more.
            version = self._ask("PRAGMA data_version")
            rows = self._connection.execute(
                "SELECT name, embedding, checksum FROM pictures ORDER BY id"
            ).fetchall()
        for name, blob, checksum in rows:
            if not isinstance(name, str) or checksum != _checksum(name, blob):
                raise _damaged(self.path, "an embedding has changed")
        joined = np.frombuffer(b"".join(row[1] for row in rows), "<f4")
        if joined.size != len(rows) * self.embedding_size:
            raise _damaged(self.path, "an embedding has another size")
        self._embeddings = joined.reshape(-1, self.embedding_size)
        self._names = [row[0] for row in rows]
        self._version = version

    def _checked(self, embeddings):
        """float32 `(num_pictures, embedding_size)` of unit length."""
        embeddings = np.atleast_2d(np.asarray(embeddings, "float32"))
        if embeddings.ndim != 2 or embeddings.shape[1] != self.embedding_size:
            raise ValueError(
                f"Embeddings must have {self.embedding_size} numbers, as those in "
                f"{self.path}. Received: shape {embeddings.shape}."
            )
        if not len(embeddings):
            raise ValueError("There must be an embedding or more. Received: none.")
        lengths = np.linalg.norm(embeddings, axis=1)
        wrong = ~(np.abs(lengths - 1) <= _UNIT)  # of NaN as well
        if wrong.any():
            raise ValueError(
                "Embeddings must be of length 1, as the models make them. Received: "
                f"one of length {lengths[wrong][0]:g}."
            )
        return embeddings / lengths[:, None]

    def _ask(self, question, *values):
        return self._connection.execute(question, values).fetchone()[0]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which no other process writes into."""
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._version = None  # our own changes do not count as a version

    def _explained(self):
        return _explained(self.path)


def open_gallery(
    path: str | Path, model_id: str, threshold: float, embedding_size: int
) -> Gallery:
    """Opens a gallery, or begins one where there is none.

    Args:
        path: the file; a folder that is missing is made.
        model_id: of the model that makes the embeddings, such as a hash of its weights.
        threshold: largest distance, 0 to 2, of two pictures of one person. A gallery
            that is there keeps its own.
        embedding_size: numbers in an embedding.

    Raises:
        ValueError: as of `Gallery`, or an argument is out of its range.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if not isinstance(model_id, str) or not model_id:
        raise ValueError(f"`model_id` must be a text. Received: {model_id!r}.")
    if not 0 <= threshold <= 2:
        raise ValueError(
            "`threshold` must be a distance of unit vectors, 0 to 2. Received: "
            f"{threshold}."
        )
    if embedding_size < 1:
        raise ValueError(
            f"`embedding_size` must be 1 or more. Received: {embedding_size}."
        )
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        path.parent.mkdir(parents=True, exist_ok=True)
        _begin(path, (model_id, float(threshold), int(embedding_size)))
    gallery = Gallery(path, model_id=model_id)
    if gallery.embedding_size != embedding_size:
        gallery.close()
        raise ValueError(
            f"{path} holds embeddings of {gallery.embedding_size} numbers. Received: "
            f"embedding_size={embedding_size}."
        )
    return gallery


def _begin(path, settings):
    """Makes an empty gallery, unless another process does so at the same time."""
    # For its owner only; SQLite gives its journals the same rights.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _connect(path)
    with contextlib.closing(connection), _explained(path):
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            values = (*settings, _checksum(*settings))
            connection.execute("INSERT INTO settings VALUES (?, ?, ?, ?)", values)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")


def _connect(path):
    with _explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",  # never makes a file
            uri=True,
            timeout=SECONDS_TO_WAIT,
            isolation_level=None,  # transactions begin where we say so
        )
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # no copy in another folder
        return connection


def _checked_name(name):
    if not isinstance(name, str):
        raise ValueError(f"A name must be a text. Received: {name!r}.")
    # One way to write each accented letter, so that equal names are the same.
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(
            f"A name must be a line of 1 to {LONGEST_NAME} characters. Received: "
            f"{name[:40]!r}."
        )
    return name


def _checksum(*values):
    """CRC-32 of values, by which a file's owner learns that bits have changed."""
    total = 0
    for value in values:
        total = zlib.crc32(
            value if isinstance(value, bytes) else str(value).encode(), total
        )
    return total


def _damaged(path, reason):
    return ValueError(
        f"{path} is damaged: {' '.join(str(reason).split())}. It is left as it is; put "
        "a copy of it in its place, or enroll the pictures into a new file."
    )


@contextlib.contextmanager
def _explained(path):
    """Turns SQLite's errors into those of a file."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a closed gallery, or one of another thread: nothing is wrong with it
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise TimeoutError(
                f"{path} is in use by another process. Try again once that is done."
            ) from None
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise PermissionError(
                errno.EACCES, "the file, or its folder, cannot be written", str(path)
            ) from None
        if code == sqlite3.SQLITE_NOTADB:
            raise ValueError(
                f"{path} is no gallery of people, or a damaged one. It is left as it "
                "is; name another file, or put a copy of it in its place."
            ) from None
        raise _damaged(path, error) from None
