"""Words and their vectors: files of every usual kind, and words spelled otherwise.

Text files are read once; what was read is kept beside them in binary, and the next
reading maps that into memory.
"""

import codecs
import functools
import gzip
import itertools
import os
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dlai_keras import files

EMBEDDED = Path(__file__).parent / "word_vectors/embedded/vectors.npz"
KINDS = (
    "GloVe's text (a word and its numbers a line), word2vec's text or .bin, .npy with "
    "a .txt of words beside it, .npz as `write_compact` writes it, or one of the texts "
    "as .gz"
)
BLOCK = 1 << 22  # bytes that are parsed at once
CACHED_FROM = 1 << 24  # bytes; a smaller file is as quickly parsed again
FOOTER = struct.Struct("<8sQqQ")  # magic, size and time of the source, where words are
MAGIC = b"dlaivec1"
LARGEST = float(np.finfo(np.float32).max)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPELLED_FROM, SPELLED_TO = 4, 20  # letters; what is shorter is near to everything
TWO_EDITS_FROM = 8  # letters
# "don't", and how it is typed in a hurry.
NEGATION = re.compile(
    r"\w+n't|cannot|(?:do|did|does|ca|wo|is|was|are|were|could|would|should|ha[sd]|have)nt"
)
CONTRACTED = re.compile(r"'(?:s|m|re|ll|ve|d)?$")  # I'm, you're
SHORT_FORMS = (
    (re.compile(r"\b(can't|cannot)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'(m|re|s|ve|ll|d)\b"), r" \1"),
)
WORD = re.compile(r"[^\W_]+")
Chunk = tuple[list[str], np.ndarray]


def tokenize(text: str) -> list[str]:
    """The words of a text, in lower case, without punctuation.

    Short forms are taken apart, so that a negation is a word: "can't" is two.

    Args:
        text: of any length.

    Example:
        >>> tokenize("Don't worry, it's FINE!")
        ['do', 'not', 'worry', 'it', 's', 'fine']
    """
    text = text.lower().replace("’", "'")
    if "'" in text or "cannot" in text:
        for pattern, replacement in SHORT_FORMS:
            text = pattern.sub(replacement, text)
    return WORD.findall(text)


class WordVectors:
    """Words and their vectors.

    Args:
        words: all different; row i of the matrix belongs to word i. The more frequent
            come first, as in the usual files.
        matrix: `(num_words, dim)`, turned to float32; may be mapped from a file.
        name: where they are from, to be shown.

    Raises:
        ValueError: a word stands twice, or the shapes do not fit.

    Example:
        >>> vectors = WordVectors(["cat", "dog"], [[3.0, 4.0], [0.0, 2.0]])
        >>> vectors["cat"], vectors.index("dog"), "cow" in vectors
        (array([3., 4.], dtype=float32), 1, False)
        >>> vectors.normalized()[0]
        array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, words: Iterable[str], matrix: np.ndarray, *, name: str = ""):
        words = tuple(words)
        if not (isinstance(matrix, np.ndarray) and matrix.dtype == np.float32):
            matrix = np.asarray(matrix, np.float32)
        if matrix.ndim != 2 or not matrix.shape[1]:
            raise ValueError(
                "`matrix` must have the shape (num_words, dim). Received the shape: "
                f"{matrix.shape}."
            )
        if len(words) != len(matrix):
            raise ValueError(
                "`words` and `matrix` must have the same length. Received: "
                f"{len(words)} words and {len(matrix)} vectors."
            )
        self._rows = {word: row for row, word in enumerate(words)}
        if len(self._rows) < len(words):
            twice, _ = Counter(words).most_common(1)[0]
            raise ValueError(f"`words` must be different. Received twice: {twice!r}.")
        self.words: Sequence[str] = words
        self.matrix = matrix
        self.name = name
        self._normalized = None
        self._resolved: dict[str, str | None] = {}

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self.matrix.shape[1]

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self._rows

    def __getitem__(self, word):
        return self.matrix[self.index(word)]

    def __repr__(self):
        return f"<{len(self)} word vectors of {self.dim} numbers>"

    def index(self, word: str) -> int:
        """The row of a word.

        Args:
            word: exactly as it is spelled there.

        Raises:
            KeyError: it has no vector.
        """
        try:
            return self._rows[word]
        except KeyError:
            raise KeyError(f"No vector of the word {word!r}.") from None

    def lookup(self, words: Iterable[str]) -> np.ndarray:
        """The rows of many words.

        Args:
            words: exactly as they are spelled there.

        Returns:
            int64 `(num_words,)`, -1 for a word that has no vector.

        Example:
            >>> WordVectors(["cat", "dog"], np.eye(2)).lookup(["dog", "cow"])
            array([ 1, -1])
        """
        return np.array([self._rows.get(word, -1) for word in words], np.int64)

    def take(self, words: Iterable[str]) -> "WordVectors":
        """The vectors of some words only.

        Args:
            words: in the order that is wanted. Those without a vector are left out, and
                so is a word that stood before.

        Example:
            >>> vectors = WordVectors(["cat", "dog", "cow"], np.eye(3))
            >>> vectors.take(["cow", "yak", "cat"]).words
            ('cow', 'cat')
        """
        kept = [word for word in dict.fromkeys(words) if word in self._rows]
        return WordVectors(kept, self.matrix[self.lookup(kept)], name=self.name)

    def normalized(self) -> np.ndarray:
        """The vectors at length 1, computed once; a vector of zeros stays as it is.

        Returns:
            float32 `(num_words, dim)`, not to be written to.
        """
        if self._normalized is None:
            unit = np.array(self.matrix, np.float32)
            lengths = np.sqrt(np.einsum("wd,wd->w", unit, unit))
            unit /= np.where(lengths > 0, lengths, 1)[:, None]
            unit.flags.writeable = False
            self._normalized = unit
        return self._normalized

    def resolve(self, token: str) -> str | None:
        """The word whose vector stands for a token.

        In this order: the token itself; in lower case; "n't" or "not" for "don't" and
        its like; without what an apostrophe adds, without accents and hyphens, with
        letters that are drawn out ("sooo") twice or once; its stem, without the endings
        of plurals, verbs, comparisons and adverbs; the nearest spelling, of tokens of
        four letters or more at one edit (a letter more, less or another, or two that
        changed places), of eight or more at two. Of several spellings the most frequent
        word, which is the first of the file.

        Args:
            token: a word as somebody typed it.

        Returns:
            A word that has a vector, or None where nothing is near.

        Example:
            >>> vectors = WordVectors(["happy", "stop", "baby", "mum"], np.eye(4))
            >>> [vectors.resolve(word) for word in ("HAPPYYY", "stopped", "hapy")]
            ['happy', 'stop', 'happy']
            >>> [vectors.resolve(word) for word in ("mum's", "babies", "xylophone")]
            ['mum', 'baby', None]
        """
        if token in self._rows:
            return token
        if token not in self._resolved:
            self._resolved[token] = self._resolve(token)
        return self._resolved[token]

    def _resolve(self, token):
        for form in itertools.chain(_plain_forms(token), _stems(token)):
            if form in self._rows:
                return form
        word = _letters(token)
        if not word.isalpha() or not SPELLED_FROM <= len(word) <= SPELLED_TO:
            return None
        once = _one_edit(word)
        near = once & self._rows.keys()
        if not near and len(word) >= TWO_EDITS_FROM:
            near = set().union(*map(_one_edit, once)) & self._rows.keys()
        return min(near, key=self._rows.get, default=None)


def _letters(token):
    """A token in lower case, without accents, apostrophes and hyphens."""
    token = token.lower().replace("’", "'")
    composed = unicodedata.normalize("NFKD", token)
    plain = "".join(c for c in composed if not unicodedata.combining(c))
    return plain.replace("'", "").replace("-", "")


def _plain_forms(token):
    lower = token.lower().replace("’", "'")
    forms = [lower]
    if NEGATION.fullmatch(lower):
        forms += ["n't", "not"]
    shorter = CONTRACTED.sub("", lower)
    for letters in (shorter, _letters(shorter), _letters(lower)):
        forms.append(letters)
        forms.append(re.sub(r"(.)\1{2,}", r"\1\1", letters))
        forms.append(re.sub(r"(.)\1{2,}", r"\1", letters))
    return list(dict.fromkeys(filter(None, forms)))


def _stems(token):
    """What a word may be without its ending, the likeliest first."""
    word = re.sub(r"(.)\1{2,}", r"\1\1", _letters(token))
    stems = []
    for ending, replacements in (
        ("ies", ("y", "ie")),
        ("iest", ("y",)),
        ("ier", ("y",)),
        ("ily", ("y",)),
        ("ied", ("y", "ie")),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ing", ("", "e")),
        ("in", ("ing",)),  # "nothin"
        ("ed", ("", "e")),
        ("est", ("", "e")),
        ("er", ("", "e")),
        ("ly", ("", "le")),
        ("ness", ("",)),
        ("ful", ("",)),
        ("less", ("",)),
    ):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3 - (ending in ("ies", "ied")):
            continue
        stems += [stem + replacement for replacement in replacements]
        if len(stem) > 3 and stem[-1] == stem[-2]:
            stems.append(stem[:-1])  # stopped, biggest
    return stems


def _one_edit(word):
    """All that is one edit away from a word, most of it no words."""
    halves = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in halves if tail}
    found |= {
        head + tail[1] + tail[0] + tail[2:] for head, tail in halves if len(tail) > 1
    }
    for letter in LETTERS:
        found |= {head + letter + tail for head, tail in halves}
        found |= {head + letter + tail[1:] for head, tail in halves if tail}
    return found - {word}


def on_a_plane(
    points: np.ndarray, *, perplexity: float = 30.0, num_steps: int = 500
) -> np.ndarray:
    """Points of many dimensions as points of a map, near where they were near (t-SNE).

    It begins with the first two principal components, draws nothing, and takes seconds
    for a thousand points: time and memory grow with the square of their number.

    Args:
        points: `(num_points, dim)`.
        perplexity: about how many neighbours count; a third of the points at most.
        num_steps: of gradient descent, half of them with exaggerated neighbourhoods.

    Returns:
        float64 `(num_points, 2)`, centred.

    Raises:
        ValueError: another shape, or less than 4 points.

    Example:
        >>> apart = np.repeat(np.eye(3), 4, axis=0) + np.eye(12, 3) / 99
        >>> on_a_plane(apart, num_steps=50).shape
        (12, 2)

    Reference:
        van der Maaten and Hinton, 2008, "Visualizing data using t-SNE", JMLR 9.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or len(points) < 4:
        raise ValueError(
            "`points` must have the shape (num_points, dim) with 4 points or more. "
            f"Received the shape: {points.shape}."
        )
    num = len(points)
    near = _affinities(points, min(perplexity, (num - 1) / 3))
    centred = points - points.mean(axis=0)
    places = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    places = np.pad(places, [(0, 0), (0, 2 - places.shape[1])])
    places *= 1e-4 / max(places[:, 0].std(), 1e-12)
    velocity, gains = np.zeros_like(places), np.ones_like(places)
    exaggeration = 12.0
    rate = max(num / exaggeration / 4, 50.0)
    for step in range(num_steps):
        is_early = step < num_steps // 2
        similar = 1 / (1 + _squared_distances(places))
        np.fill_diagonal(similar, 0)
        target = near * exaggeration if is_early else near
        pull = (target - similar / similar.sum()) * similar
        gradient = 4 * (pull.sum(axis=1)[:, None] * places - pull @ places)
        turned = np.sign(gradient) == np.sign(velocity)
        gains = np.maximum(np.where(turned, gains * 0.8, gains + 0.2), 0.01)
        velocity = (0.5 if is_early else 0.8) * velocity - rate * gains * gradient
        places = places + velocity
        places -= places.mean(axis=0)
    return places


def _affinities(points, perplexity):
    """The joint probabilities `(num, num)` of being neighbours, sum 1."""
    distances = _squared_distances(points)
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)
    low, high = np.zeros(len(points)), np.full(len(points), np.inf)
    precision = 1 / np.maximum(
        np.median(distances, axis=1), 1e-12
    )  # of every point's Gaussian
    for _ in range(60):  # halves the interval each time
        weights = np.exp(-distances * precision[:, None])
        weights /= weights.sum(axis=1, keepdims=True)
        entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)
        is_wide = entropy > np.log(perplexity)
        low, high = (
            np.where(is_wide, precision, low),
            np.where(is_wide, high, precision),
        )
        precision = np.where(np.isinf(high), precision * 2, (low + high) / 2)
    joint = weights + weights.T
    return joint / joint.sum()


def _squared_distances(points):
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    return np.maximum(distances, 0)


# Reading


def read_vectors(
    path: str | Path, *, limit: int | None = None, cache: bool = True
) -> WordVectors:
    r"""Reads a file of word vectors; what kind it is, its content tells.

    A large text or .bin is parsed once, block by block; vectors and words are written
    to a file `NAME.cache` beside it, or where that may not be written to the user's
    folder of caches, and mapped into memory from there, now and every time until the
    file changes.

    Args:
        path: text as GloVe writes it, a word and its numbers a line; text or .bin as
            word2vec writes it, with a header; either of them as .gz; .npy with the
            words, one a line, in a .txt of the same name; or .npz as `write_compact`
            writes it. Words are UTF-8, and may hold spaces in GloVe's text. Where a
            word stands twice its first vector counts, with a warning.
        limit: words from the start of the file; None reads all.
        cache: whether to keep what was parsed, and to use what was kept.

    Returns:
        The vectors, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is something else, is cut, or has lines of different
            lengths; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "two.txt"
        ...     _ = path.write_text("the 0.5 1.5\ncat 2 -1\n")
        ...     read_vectors(path)["cat"]
        array([ 2., -1.], dtype=float32)

    Reference:
        Pennington, Socher and Manning, 2014, GloVe; Mikolov et al., 2013, word2vec.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be 1 or more. Received: limit={limit}.")
    if path.is_dir():
        raise ValueError(f"`path` must be a file of vectors. Received a folder: {path}")
    if not path.is_file():
        raise FileNotFoundError(f"No such vectors: {path}. Expected {KINDS}.")
    with path.open("rb") as file:
        start = file.read(6)
    if start == b"\x93NUMPY":
        words, matrix = _read_npy(path)
    elif start[:4] == b"PK\x03\x04":
        words, matrix = _read_compact(path)
    else:
        cache = cache and path.stat().st_size >= CACHED_FROM
        kept = _read_cache(path) if cache else None
        if kept is None and cache and limit is None:
            kept = _make_cache(path)
        words, matrix = kept or _in_memory(_chunks(path, limit))
    return WordVectors(words[:limit], matrix[:limit], name=path.name)


def _read_npy(path):
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        raise FileNotFoundError(
            f"No such words: {beside}. Expected one word a line for every vector of "
            f"{path.name}."
        )
    try:
        matrix = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read; it may be cut: {error}") from None
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise ValueError(
            f"{path} must hold numbers of the shape (num_words, dim). Received: "
            f"{matrix.dtype} of the shape {matrix.shape}."
        )
    words = files.read_text(beside).removesuffix("\n").split("\n")
    words = [word.removesuffix("\r") for word in words]
    # Or is it the same vectors as text?
    if len(words) != len(matrix) or len(words[0].split()) > matrix.shape[1]:
        raise ValueError(
            f"{beside} must have one word a line for every vector of {path.name}. "
            f"Received: {len(words)} lines for {len(matrix)} vectors, the first "
            f"{words[0][:40]!r}."
        )
    for first in range(0, len(matrix), 1 << 16):
        wrong = ~np.isfinite(matrix[first : first + (1 << 16)]).all(axis=1)
        if wrong.any():
            row = first + int(wrong.argmax())
            raise ValueError(
                f"{path}, vector {row + 1} ({words[row]!r}), holds NaN or infinity."
            )
    return words, matrix


def _in_memory(chunks: Iterable[Chunk]):
    """All words and vectors of a file."""
    words, parts = [], []
    for some, matrix in chunks:
        words += some
        parts.append(matrix)
    return words, np.concatenate(parts)


def _read_cache(path):
    """What an earlier reading of the file as it is now has kept, or None."""
    source = path.stat()
    for place in _cache_places(path):
        try:
            with place.open("rb") as file:
                file.seek(-FOOTER.size, os.SEEK_END)
                magic, size, time, offset = FOOTER.unpack(file.read())
                if (magic, size, time) != (MAGIC, source.st_size, source.st_mtime_ns):
                    continue
                file.seek(offset)
                words = file.read()[: -FOOTER.size].decode().split("\n")
            return words, np.lib.format.open_memmap(place, mode="r")
        except (OSError, ValueError):
            continue
    return None


def _make_cache(path):
    """Parses the file into the first place that can be written to, and maps that."""
    source = path.stat()
    for place in _cache_places(path):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with (
                files.whole_file(place, suffix=f".{os.getpid()}.partial") as partial,
                partial.open("w+b") as file,
            ):
                _write_cache(file, path, source)
            return _read_cache(path)
        except OSError:
            continue  # not writable, or full
    return None


def _cache_places(path):
    yield path.with_name(f"{path.name}.cache")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = f"{zlib.crc32(os.fsencode(path.resolve())):08x}"
    yield folder / "dlai_keras" / f"{path.name}.{key}.cache"


def _write_cache(file, path, source):
    """An .npy file, then the words, then what file they are from."""
    words = []
    for some, matrix in _chunks(path):
        if not words:
            header = {"descr": "<f4", "fortran_order": False}
            # The number of rows is not known yet; the header has room for it.
            header |= {"shape": (len(some), matrix.shape[1])}
            np.lib.format.write_array_header_1_0(file, header)
        words += some
        file.write(matrix.astype("<f4", copy=False).data)
    offset = file.tell()
    file.write("\n".join(words).encode())
    file.write(FOOTER.pack(MAGIC, source.st_size, source.st_mtime_ns, offset))
    file.seek(0)
    header["shape"] = (len(words), header["shape"][1])
    np.lib.format.write_array_header_1_0(file, header)


# Parsing


def _chunks(path: Path, limit: int | None = None) -> Iterator[Chunk]:
    """Words and vectors of a text or .bin, block by block, no word twice."""
    seen, twice = set(), []
    try:
        for words, matrix in _parsed(path):
            fresh = []
            for row, word in enumerate(words):
                if word in seen:
                    twice.append(word)
                else:
                    seen.add(word)
                    fresh.append(row)
            if len(fresh) < len(words):
                words, matrix = [words[row] for row in fresh], matrix[fresh]
            yield words, matrix
            if limit is not None and len(seen) >= limit:
                break
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} cannot be unpacked; it may be cut: {error}") from None
    if twice:
        warnings.warn(
            f"{path}: {len(twice)} words stand twice, such as {twice[0]!r}; the first "
            "vector of each counts.",
            stacklevel=2,
        )


def _parsed(path):
    with path.open("rb") as file:
        is_zipped = file.read(2) == b"\x1f\x8b"
    with (gzip.open if is_zipped else open)(path, "rb") as stream:
        start = stream.read(1 << 16).removeprefix(codecs.BOM_UTF8)
        blocks = iter(lambda: stream.read(BLOCK), b"")
        header = re.match(rb"(\d+)[ \t]+(\d+)[ \t]*\r?\n", start)
        if header is None:
            dim = _width(start, path)
            yield from _text_chunks(itertools.chain([start], blocks), path, dim)
            return
        num_words, dim = map(int, header.groups())
        if not num_words or not dim:
            raise ValueError(
                f"{path}, line 1, must have the number of words and of each vector's "
                f"numbers. Received: {num_words} and {dim}."
            )
        start = start[header.end() :]
        parse = _text_chunks if _is_text(start, dim) else _binary_chunks
        yield from parse(itertools.chain([start], blocks), path, dim, num_words)


def _width(start, path):
    """Numbers of a vector: most of the first lines agree on it."""
    lines = start.split(b"\n")
    lines = [line.split() for line in (lines[:-1] or lines)[:100]]
    widths = Counter(len(tokens) - 1 for tokens in lines if tokens)
    (dim, _) = widths.most_common(1)[0] if widths else (0, 0)
    first = next((tokens for tokens in lines if len(tokens) - 1 == dim), [b""])
    if dim < 1 or not all(map(_is_number, first[1:])):
        raise ValueError(f"{path} holds no word vectors. Expected {KINDS}.")
    return dim


def _is_text(body, dim):
    """Whether what follows word2vec's header is text."""
    tokens = body.split(b"\n", 1)[0].split()
    return len(tokens) > 1 and all(
        map(_is_number, tokens[-min(dim, len(tokens) - 1) :])
    )


def _is_number(token):
    try:
        float(token)
    except ValueError:
        return False
    return True


def _text_chunks(blocks, path, dim, num_words=None):
    number = 1 if num_words is None else 2  # of the line, counted from 1
    count = 0
    for lines in _lines(blocks):
        words, matrix = _parse_lines(lines, dim) or _parse_each(
            lines, path, dim, number
        )
        number += len(lines)
        count += len(words)
        if words:
            yield words, matrix
    if num_words is not None and count != num_words:
        raise ValueError(
            f"{path} must have {num_words} words, as its first line says. Received: "
            f"{count}. The file is cut or damaged."
        )


def _lines(blocks):
    """Lists of whole lines."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _parse_lines(lines, dim):
    """Words and vectors at once, or None where a line has anything unusual."""
    if b"\r" in lines[0] or lines[0].endswith(b" "):
        lines = [line.rstrip() for line in lines]
    words, numbers = [], []
    for line in lines:
        word, _, rest = line.partition(b" ")
        if rest.count(b" ") != dim - 1 or not word:
            return None
        words.append(word)
        numbers.append(rest)
    try:
        decoded = b"\n".join(words).decode().split("\n")
        values = np.fromstring(b" ".join(numbers), np.float32, sep=" ")
    except ValueError:
        return None
    if len(values) != len(words) * dim or not np.isfinite(values).all():
        return None
    return decoded, values.reshape(-1, dim)


def _parse_each(lines, path, dim, first):
    """Words and vectors line by line; says which of them is wrong."""
    words, rows = [], []
    for number, line in enumerate(lines, first):
        where = f"{path}, line {number},"
        tokens = line.split()
        if not tokens:
            continue
        numbers = tokens[-dim:]
        name = b" ".join(tokens[:-dim])
        try:
            word = name.decode()
        except UnicodeDecodeError:
            raise ValueError(
                f"{where} is not UTF-8: {name!r}. Save the file as UTF-8."
            ) from None
        # A word may hold spaces, but hardly a number: then the line is too long.
        too_long = len(tokens) > dim + 1 and _is_number(tokens[-dim - 1])
        if len(tokens) < dim + 1 or too_long:
            raise ValueError(
                f"{where} must have a word and {dim} numbers. Received: "
                f"{len(tokens) - 1} numbers. The file is cut or damaged."
            )
        for token in numbers:
            if not (_is_number(token) and abs(float(token)) <= LARGEST):
                shown = token.decode(errors="replace")
                raise ValueError(f"{where} must hold finite numbers. Received: {shown}")
        words.append(word)
        rows.append(np.array(numbers, np.float32))
    return words, np.array(rows, np.float32).reshape(-1, dim)


def _binary_chunks(blocks, path, dim, num_words):
    """Of each word its letters, a space, and its numbers as bytes."""
    size, count, rest = 4 * dim, 0, b""
    for block in itertools.chain(blocks, [b""]):
        data, place = rest + block, 0
        words, rows = [], []
        while count < num_words:
            space = data.find(b" ", place)
            if space < 0 or space + 1 + size > len(data):
                break
            word = data[place:space].removeprefix(b"\n")  # that word2vec writes
            try:
                words.append(word.decode())
            except UnicodeDecodeError:
                raise ValueError(
                    f"{path}, word {count + 1}, is not UTF-8: {word[:40]!r}. The file "
                    "is damaged, or no word2vec file."
                ) from None
            rows.append(data[space + 1 : space + 1 + size])
            place = space + 1 + size
            count += 1
        rest = data[place:]
        if words:
            matrix = np.frombuffer(b"".join(rows), "<f4").reshape(-1, dim)
            wrong = ~np.isfinite(matrix).all(axis=1)
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{path}, word {count - len(words) + row + 1} ({words[row]!r}), "
                    "holds NaN or infinity."
                )
            yield words, matrix.astype(np.float32, copy=False)
        if count == num_words:
            return
    raise ValueError(
        f"{path} ends within word {count + 1} of {num_words}. The file is cut; fetch "
        "it again."
    )


@functools.cache
def embedded_vectors() -> WordVectors:
    """The vectors that come with the package, read once.

    12,000 words, trained by `dlai_keras.word_vectors.trainer` on WordNet's definitions
    and everyday sentences.

    Example:
        >>> "happy" in embedded_vectors()
        True
    """
    return read_vectors(EMBEDDED)


# Writing


def write_vectors(path: str | Path, vectors: WordVectors) -> None:
    """Writes vectors; the ending of the name says how.

    Args:
        path: .txt as GloVe writes it; .bin as word2vec; .npy, with the words beside it
            in a .txt; .npz as `write_compact`. The numbers come back as they were, but
            for .npz.
        vectors: what to write.

    Raises:
        ValueError: another ending, or a word that cannot be written so.

    Example:
        >>> import tempfile
        >>> vectors = WordVectors(["the", "cat"], [[0.1, 1.5], [2.0, -1.0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_vectors(Path(folder) / "two.bin", vectors)
        ...     read_vectors(Path(folder) / "two.bin").words
        ('the', 'cat')
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    writers = {".txt": _write_text, ".bin": _write_binary, ".npy": _write_npy}
    writers[".npz"] = write_compact
    if path.suffix not in writers:
        raise ValueError(f"`path` must end in {', '.join(writers)}. Received: {path}.")
    # Text is split at spaces from the right, .bin from the left.
    forbidden = r"[\n\r ]|^$" if path.suffix == ".bin" else r"[\n\r]|^\s|\s$|^$"
    for word in vectors.words:
        if re.search(forbidden, word):
            raise ValueError(f"{path.name} cannot hold the word {word!r}.")
    writers[path.suffix](path, vectors)


def _write_text(path, vectors):
    line = " ".join(["%s", *["%.9g"] * vectors.dim]) + "\n"
    with files.whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            file.write(line % (word, *row.tolist()))


def _write_binary(path, vectors):
    with files.whole_file(path) as partial, partial.open("wb") as file:
        file.write(f"{len(vectors)} {vectors.dim}\n".encode())
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")


def _write_npy(path, vectors):
    text = "".join(f"{word}\n" for word in vectors.words)
    files.write_atomically(path.with_suffix(".txt"), text)
    with files.whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, vectors.matrix)


def write_compact(path: str | Path, vectors: WordVectors) -> None:
    """Writes vectors in a quarter of the bytes, each number as one of 255 steps.

    An .npz with `words`, their UTF-8 joined by line ends, as uint8; `values`, int8
    `(num_words, dim)`; and `scales`, float16 `(num_words,)`. A vector is its values
    times its scale, and is off by half a step at most, 0.4 % of its largest number.

    Args:
        path: .npz to write.
        vectors: what to write.

    Raises:
        ValueError: a vector is too large for its scale.

    Example:
        >>> import tempfile
        >>> vectors = WordVectors(["cat", "dog"], [[127.0, -1.0], [0.0, 0.0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_compact(Path(folder) / "two.npz", vectors)
        ...     read_vectors(Path(folder) / "two.npz")["cat"]
        array([127.,  -1.], dtype=float32)
    """
    path = Path(path)
    largest = np.abs(vectors.matrix).max(axis=1, initial=0)
    scales = (largest / 127).astype(np.float16)
    if not np.isfinite(scales).all():
        row = int(np.argmax(~np.isfinite(scales)))
        raise ValueError(
            f"The vector of {vectors.words[row]!r} must have numbers below 8,000,000. "
            f"Received: {largest[row]:g}."
        )
    steps = scales.astype(np.float32)[:, None]
    values = np.rint(vectors.matrix / np.where(steps > 0, steps, 1)).clip(-127, 127)
    words = np.frombuffer("\n".join(vectors.words).encode(), np.uint8)
    with files.whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file, words=words, values=values.astype(np.int8), scales=scales
        )


def _read_compact(path):
    try:
        # Opened here, as NumPy leaves open what turns out to be no archive.
        with path.open("rb") as file, np.load(file) as arrays:
            words, values, scales = (arrays[n] for n in ("words", "values", "scales"))
        words = words.tobytes().decode().split("\n")
        matrix = values.astype(np.float32) * scales.astype(np.float32)[:, None]
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ValueError(
            f"{path} must be an .npz with `words`, `values` and `scales`, as "
            "`write_compact` writes it. The file is another, or cut; unpack an archive "
            "of texts first."
        ) from None
    return words, matrix
