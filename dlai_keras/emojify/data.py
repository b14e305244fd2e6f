"""Sentences with emoji: those that ship with the package, and files of one's own."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlai_keras import files
from dlai_keras.embeddings import tokenize

EMBEDDED = Path(__file__).parent / "embedded/sentences.tsv"
COURSE_EMOJI = ("❤️", "⚾", "😄", "😞", "🍴")  # the course's labels 0 to 4
KINDS = ("plain", "negation", "order")
VARIATION = "\ufe0f"  # asks for the coloured form of a character
LAYOUT = (
    "lines of sentence,label as the course's train_emoji.csv, or a header "
    "sentence,emoji and then such lines"
)


@dataclass(frozen=True)
class Sentences:
    """Sentences with their emoji.

    Args:
        texts: the sentences.
        labels: for each of them the numbers of its emoji, one or, of many labels, any.
        emoji: the label's names; label i is `emoji[i]`.
        groups: int64 `(num_sentences,)`; what has the same number must stay on one
            side of a split.
        kinds: of each plain, negation or order, the last for one of a pair that has
            the same words in another order.
        multi_label: whether a sentence may have several emoji, or none.
        name: where they are from.
    """

    texts: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]
    emoji: tuple[str, ...]
    groups: np.ndarray
    kinds: tuple[str, ...]
    multi_label: bool = False
    name: str = ""

    def __len__(self):
        return len(self.texts)

    def take(self, rows: Sequence[int] | np.ndarray) -> "Sentences":
        """Some of the sentences, with the same list of emoji."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Sentences(
            tuple(self.texts[row] for row in rows),
            tuple(self.labels[row] for row in rows),
            self.emoji,
            self.groups[rows],
            tuple(self.kinds[row] for row in rows),
            self.multi_label,
            self.name,
        )

    def targets(self) -> np.ndarray:
        """1 where a sentence has an emoji, float32 `(num_sentences, num_labels)`."""
        array = np.zeros((len(self), len(self.emoji)), "float32")
        for row, labels in enumerate(self.labels):
            array[row, list(labels)] = 1
        return array


def load_sentences(
    path: str | Path | None = None, *, emoji: Sequence[str] | None = None
) -> Sentences:
    """Reads sentences with emoji.

    Sentences of the same words are one group; a column `group` joins others, a column
    `kind` says what they are. Whole numbers as labels are, from 0 to 4, the course's.

    Args:
        path: CSV, or with tabs; or a folder with train_emoji.csv, its own or in
            emojify/; the sentences that ship with the package without it. Several
            labels are joined by "|", as in ☔|😞.
        emoji: the only ones that may occur, in this order; by default those that do
            occur.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has no label or no sentence, the text is not UTF-8, or an
            emoji is not one of `emoji`. The message names the line.

    Example:
        >>> sentences = load_sentences()
        >>> len(sentences) > 480, len(sentences.emoji)
        (True, 15)
    """
    path = _find(EMBEDDED if path is None else Path(path))
    rows = _rows(path)
    columns = _columns(rows[0][1], path)
    rows = rows[1:] if columns["header"] else rows
    texts, names, groups, kinds = [], [], [], []
    for line, cells in rows:
        text = _cell(cells, columns["sentence"])
        if not tokenize(text):
            raise ValueError(f"{path}, line {line}, has no sentence. Write one there.")
        own = [part.strip() for part in _cell(cells, columns["emoji"]).split("|")]
        if not all(own):
            raise ValueError(f"{path}, line {line}, has no label. Expected {LAYOUT}.")
        kind = _cell(cells, columns.get("kind")) or "plain"
        if kind not in KINDS:
            raise ValueError(
                f"{path}, line {line}: `kind` must be one of {', '.join(KINDS)}. "
                f"Received: {kind!r}."
            )
        texts.append(text)
        names.append(own)
        groups.append(_cell(cells, columns.get("group")))
        kinds.append(kind)
    if not texts:
        raise ValueError(f"{path} has no sentences. Expected {LAYOUT}.")
    names = _named(names)
    known = _known(names, emoji, path, [line for line, _ in rows])
    place = {_bare(name): label for label, name in enumerate(known)}
    labels = tuple(tuple(sorted({place[_bare(one)] for one in own})) for own in names)
    multi_label = any(len(own) > 1 for own in labels)
    return Sentences(
        tuple(texts),
        labels,
        known,
        _groups(texts, groups),
        tuple(kinds),
        multi_label,
        path.name,
    )


def split_folds(
    rng: np.random.Generator, sentences: Sentences, num_folds: int
) -> np.ndarray:
    """Deals whole groups out to folds, those of each emoji evenly.

    Args:
        rng: the order.
        sentences: to be split.
        num_folds: two or more.

    Returns:
        The fold of each sentence, int64 `(num_sentences,)`.

    Raises:
        ValueError: there are fewer groups than folds.

    Example:
        >>> folds = split_folds(np.random.default_rng(0), load_sentences(), 5)
        >>> sorted(set(folds.tolist()))
        [0, 1, 2, 3, 4]
    """
    names, first, owner = np.unique(
        sentences.groups, return_index=True, return_inverse=True
    )
    if not 2 <= num_folds <= len(names):
        raise ValueError(
            f"`num_folds` must be from 2 to {len(names)}, the sentences that differ. "
            f"Received: num_folds={num_folds}."
        )
    order = rng.permutation(len(names))
    label = [sentences.labels[row] for row in first]
    order = sorted(order, key=lambda group: label[group])
    folds = np.empty(len(names), np.int64)
    folds[order] = (np.arange(len(names)) + rng.integers(num_folds)) % num_folds
    return folds[owner]


def _find(path):
    if path.is_dir():
        for place in (path / "train_emoji.csv", path / "emojify/train_emoji.csv"):
            if place.is_file():
                return place
        raise FileNotFoundError(
            f"No train_emoji.csv in {path} or in its emojify/. Give the CSV itself."
        )
    if not path.is_file():
        raise FileNotFoundError(f"No such sentences: {path}. Expected {LAYOUT}.")
    return path


def _rows(path):
    """`(line number, cells)` of what is not empty."""
    text = files.read_text(path)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        rows = [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV: {error}. Expected {LAYOUT}.") from None
    if not rows:
        raise ValueError(f"{path} is empty. Expected {LAYOUT}.")
    return rows


def _columns(first, path):
    names = [cell.strip().lower() for cell in first]
    if "sentence" not in names:
        return {"sentence": 0, "emoji": 1, "header": False}
    label = next((name for name in ("emoji", "label") if name in names), None)
    if label is None:
        raise ValueError(f"{path} has no column `emoji`. Expected {LAYOUT}.")
    found = {name: names.index(name) for name in ("group", "kind") if name in names}
    places = {"sentence": names.index("sentence"), "emoji": names.index(label)}
    return {**places, **found, "header": True}


def _cell(cells, column):
    return cells[column].strip() if column is not None and column < len(cells) else ""


def _bare(name):
    return name.replace(VARIATION, "")


def _named(names):
    """The course's numbers as its emoji, where no others occur."""
    numbers = {str(number): one for number, one in enumerate(COURSE_EMOJI)}
    if all(name in numbers for own in names for name in own):
        return [[numbers[name] for name in own] for own in names]
    return names


def _known(names, emoji, path, lines):
    if emoji is None:
        seen = {_bare(name): name for own in names for name in own}
        course = [name for name in COURSE_EMOJI if _bare(name) in seen]
        rest = [seen[bare] for bare in seen if bare not in set(map(_bare, course))]
        if len(seen) < 2:
            raise ValueError(
                f"{path} must have two or more emoji. Received: {next(iter(seen))}."
            )
        return (*course, *rest)
    allowed = set(map(_bare, emoji))
    for line, own in zip(lines, names, strict=True):
        for name in own:
            if _bare(name) not in allowed:
                raise ValueError(
                    f"{path}, line {line}: the emoji must be one of {' '.join(emoji)}. "
                    f"Received: {name}."
                )
    return tuple(emoji)


def _groups(texts, given):
    """Numbers of groups: by the column where there is one, and by the words."""
    owner, numbers = {}, []
    for text, name in zip(texts, given, strict=True):
        words = ("words", *tokenize(text))
        key = owner.get(words, ("group", name) if name else words)
        owner.setdefault(words, key)
        numbers.append(key)
    places = {key: place for place, key in enumerate(dict.fromkeys(numbers))}
    return np.array([places[key] for key in numbers], np.int64)
