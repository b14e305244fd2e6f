"""Lists of names and running texts, and their characters as whole numbers.

A corpus is a list of items, one a line, or one running text. Any script will do:
characters are Unicode code points, composed (NFC), so that é is one of them however
it was typed.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlai_keras.vocabulary import Vocabulary

EMBEDDED = Path(__file__).parent / "embedded/genera.txt"
KINDS = ("items", "text")
PARTS = ("train", "validation", "test")
LAYOUT = "a text file in UTF-8 with one item a line"
MIN_CHARACTERS = 100  # of a running text


@dataclass(frozen=True)
class Corpus:
    """What a model of characters learns from.

    Attributes:
        items: the items, or one running text.
        kind: "items" or "text".
        name: where they are from, to be shown.

    Raises:
        ValueError: `kind` is neither of the two, or a text is not one item.

    Example:
        >>> Corpus(("Minmi", "Mei"), "items", "two names").items[0]
        'Minmi'
    """

    items: tuple[str, ...]
    kind: str
    name: str

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f'`kind` must be "items" or "text". Received: {self.kind!r}.'
            )
        if self.kind == "text" and len(self.items) != 1:
            raise ValueError(
                f"A running text must be one item. Received: {len(self.items)} items."
            )


def read_items(path: str | Path, *, lower: bool = False) -> Corpus:
    r"""Reads a list with one item a line.

    White space around an item and blank lines are dropped, and so is an item that
    stood before. The order stays.

    Args:
        path: a text file in UTF-8, with or without a byte order mark.
        lower: turn everything to lower case, as the course does.

    Returns:
        The corpus.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no text in UTF-8, or has less than two different items.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "names.txt"
        ...     _ = path.write_text("Minmi\n\n Mei \nMinmi\n", "utf-8")
        ...     read_items(path).items
        ('Minmi', 'Mei')
    """
    path = Path(path)
    text = _read(path, LAYOUT)
    if lower:
        text = text.lower()
    items = tuple(filter(None, dict.fromkeys(map(str.strip, text.split("\n")))))
    if len(items) < 2:
        received = f"one: {_short(items[0])}" if items else "none: the file is empty"
        raise ValueError(
            f"{path} must hold two different items or more, one a line. Received "
            f"{received}. Put every item on a line of its own, or read the file as a "
            "running text (--text)."
        )
    return Corpus(items, "items", path.name)


def read_text(path: str | Path, *, lower: bool = False) -> Corpus:
    r"""Reads a running text.

    Line ends become "\n"; all else stays.

    Args:
        path: a text file in UTF-8, with or without a byte order mark.
        lower: turn everything to lower case.

    Returns:
        The corpus, whose only item is the text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no text in UTF-8, or has less than 100 characters.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "play.txt"
        ...     _ = path.write_text("To be, or not to be:\n" * 5, "utf-8")
        ...     len(read_text(path).items[0])
        105
    """
    path = Path(path)
    text = _read(path, "a running text in UTF-8")
    if len(text.strip()) < MIN_CHARACTERS:
        raise ValueError(
            f"{path} must be a running text of {MIN_CHARACTERS} characters or more. "
            f"Received {len(text.strip())} characters: {_short(text.strip())}. Give a "
            "longer text."
        )
    return Corpus((text.lower() if lower else text,), "text", path.name)


def load_genera() -> Corpus:
    """The names of dinosaurs that ship with the package.

    They are 1,168 genera that were named in publications, birds left out, in
    alphabetical order. A few are in doubt among scientists, or known from teeth only;
    as names they are all real.

    Returns:
        The corpus.

    Example:
        >>> genera = load_genera()
        >>> len(genera.items), genera.items[0]
        (1168, 'Aardonyx')
    """
    return Corpus(read_items(EMBEDDED).items, "items", "dinosaur genera")


def load_corpus(
    data: str | Path | None = None,
    text: str | Path | None = None,
    *,
    lower: bool = False,
) -> Corpus:
    """The corpus that a user asks for.

    Args:
        data: a file with one item a line; or a folder with `dinos.txt` or one other
            .txt file, or the folder above it, where it is called `dinosaur_names`.
            None: the genera that ship with the package.
        text: a file with a running text, instead.
        lower: turn everything to lower case.

    Returns:
        The corpus.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: both are given, or what is there cannot be used.

    Example:
        >>> load_corpus().name
        'dinosaur genera'
    """
    if data is not None and text is not None:
        raise ValueError(
            "`data` is a list of items and `text` a running text: give one of them. "
            f"Received: data={data}, text={text}."
        )
    if text is not None:
        text = Path(text)
        if text.is_dir():
            raise ValueError(
                f"`text` must be a file. Received a folder: {text}. Choose a file in "
                f"it{_listed(_text_files(text))}."
            )
        return read_text(text, lower=lower)
    if data is not None:
        return read_items(_file_of(Path(data)), lower=lower)
    genera = load_genera()
    if not lower:
        return genera
    return Corpus(tuple(map(str.lower, genera.items)), genera.kind, genera.name)


def split_items(
    corpus: Corpus,
    rng: np.random.Generator | None,
    test_share: float = 0.1,
    validation_share: float = 0.1,
) -> dict[str, tuple[str, ...]]:
    """Splits a corpus into what is learned from and what it is measured on.

    Items are drawn; those that differ in upper and lower case only stay together, and
    each part keeps the order of the corpus. Of a running text the last share is for
    the test and what is before it for the validation, so that neither is seen in
    pieces.

    Args:
        corpus: items or running text.
        rng: draws the items. A running text needs none.
        test_share: of the items or characters; rounded, and at least one if not 0.
        validation_share: the same.

    Returns:
        `train`, `validation` and `test`, each a tuple of items, or of one text.

    Raises:
        ValueError: a share is not from 0 to 1, or nothing is left for the training.

    Example:
        >>> parts = split_items(load_genera(), np.random.default_rng(0))
        >>> {name: len(items) for name, items in parts.items()}
        {'train': 934, 'validation': 117, 'test': 117}
    """
    shares = {"test_share": test_share, "validation_share": validation_share}
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"`{name}` must be from 0 to below 1. Received: {share}.")
    is_text = corpus.kind == "text"
    keys = list(dict.fromkeys(item.casefold() for item in corpus.items))
    total = len(corpus.items[0]) if is_text else len(keys)
    num_test, num_validation = (
        max(1, round(share * total)) if share else 0 for share in shares.values()
    )
    num_train = total - num_test - num_validation
    if num_train < 1:
        unit = "characters" if is_text else "different items"
        raise ValueError(
            f"{corpus.name} has {total} {unit}, too few for a test set of {num_test} "
            f"and a validation set of {num_validation}. Give more, or smaller shares."
        )
    if is_text:
        (text,) = corpus.items
        end = num_train + num_validation
        pieces = text[:num_train], text[num_train:end], text[end:]
        parts = [(piece,) if piece else () for piece in pieces]
        return dict(zip(PARTS, parts, strict=True))
    if rng is None:
        raise ValueError("`rng` must draw the items. Received: None.")
    order = [keys[index] for index in rng.permutation(total)]
    of = dict.fromkeys(order, "train")
    of |= dict.fromkeys(order[:num_test], "test")
    of |= dict.fromkeys(order[num_test : num_test + num_validation], "validation")
    return {
        part: tuple(item for item in corpus.items if of[item.casefold()] == part)
        for part in PARTS
    }


class CharacterVocabulary:
    """Characters and their numbers.

    0 ends an item, and it is what a model is given before the first character. 1
    stands for every character that is not in the vocabulary, and is read back as the
    replacement character U+FFFD. The others follow in their order.

    Args:
        characters: all different, each of length 1.

    Raises:
        ValueError: a character stands twice, or is not one character.

    Example:
        >>> vocabulary = CharacterVocabulary.of(["Mei", "Minmi"])
        >>> vocabulary.characters
        ('M', 'e', 'i', 'm', 'n')
        >>> vocabulary.encode("Mine", add_end=True)
        [2, 4, 6, 3, 0]
        >>> vocabulary.decode([2, 4, 6, 3, 0])
        'Mine'
    """

    end_id = 0
    unknown_id = 1
    _end, _unknown = "<end>", "\N{REPLACEMENT CHARACTER}"

    def __init__(self, characters: Iterable[str]):
        characters = tuple(characters)
        for character in characters:
            if not isinstance(character, str) or len(character) != 1:
                raise ValueError(
                    "`characters` must be strings of length 1. Received: "
                    f"{character!r}."
                )
        self._vocabulary = Vocabulary(
            (self._end, self._unknown, *characters),
            padding=None,
            unknown=self._unknown,
            end=self._end,
        )
        self.characters = characters

    @classmethod
    def of(cls, texts: Iterable[str]) -> "CharacterVocabulary":
        """The characters of some texts, in the order of their code points.

        Args:
            texts: items or running texts. One string is one text.

        Example:
            >>> len(CharacterVocabulary.of(["abba"]))
            4
        """
        texts = [texts] if isinstance(texts, str) else texts
        found = set().union(*map(_composed, texts)) - {cls._unknown}
        return cls(sorted(found))

    def __len__(self):
        return len(self._vocabulary)

    def __eq__(self, other):
        if not isinstance(other, CharacterVocabulary):
            return NotImplemented
        return self.characters == other.characters

    def __hash__(self):
        return hash(self.characters)

    def __repr__(self):
        return f"<CharacterVocabulary of {len(self)} tokens>"

    def encode(self, text: str, *, add_end: bool = False) -> list[int]:
        """Numbers of the characters of a text, composed first.

        Args:
            text: any string.
            add_end: add the end token: what a model of items has to predict.

        Example:
            >>> CharacterVocabulary("ab").encode("abc")
            [2, 3, 1]
        """
        return self._vocabulary.encode(_composed(text), add_end=add_end).tolist()

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some numbers, up to the end token.

        Args:
            ids: whole numbers.

        Raises:
            ValueError: a number belongs to no character.

        Example:
            >>> CharacterVocabulary("ab").decode([3, 2, 0, 2])
            'ba'
        """
        return "".join(self._vocabulary.decode(ids))

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that are not in the vocabulary, each once.

        Args:
            text: any string.

        Example:
            >>> CharacterVocabulary("ab").unknown("abcdc")
            ['c', 'd']
        """
        known = {*self.characters}
        return [c for c in dict.fromkeys(_composed(text)) if c not in known]

    def to_json(self) -> list[str]:
        """The characters as a list that a JSON file can hold, for `from_json`.

        Example:
            >>> CharacterVocabulary("ab").to_json()
            ['a', 'b']
        """
        return list(self.characters)

    @classmethod
    def from_json(cls, characters: Sequence[str]) -> "CharacterVocabulary":
        """A vocabulary from what `to_json` gave.

        Args:
            characters: a list of strings of length 1.

        Raises:
            ValueError: it is something else.

        Example:
            >>> CharacterVocabulary.from_json(["a", "b"]).encode("ba")
            [3, 2]
        """
        if not isinstance(characters, list | tuple):
            raise ValueError(
                "`characters` must be a list of strings of length 1. Received: "
                f"{str(characters)[:40]!r}."
            )
        return cls(characters)


def _read(path, layout):
    """The text of a file, composed, with line ends of one kind."""
    if path.is_dir():
        raise ValueError(f"Expected {layout}. Received a folder: {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"No such file: {path}. Expected {layout}.")
    content = path.read_bytes()
    try:
        text = content.decode()
        place = text.find("\0")  # UTF-16 without a mark is often decoded, too
        if place >= 0:
            place = len(text[:place].encode())
    except UnicodeDecodeError as error:
        place = error.start
    if place >= 0:
        line = content.count(b"\n", 0, place) + 1
        raise ValueError(
            f"{path}, line {line}, is not UTF-8: byte {place + 1} of the file is "
            f"{content[place]:#04x}. Save the file as UTF-8."
        )
    text = text.removeprefix("\ufeff")
    return _composed(text.replace("\r\n", "\n").replace("\r", "\n"))


def _file_of(path):
    """The file with items that a folder, or a folder of folders, holds."""
    if not path.is_dir():
        return path
    folder = path / "dinosaur_names"
    if not folder.is_dir():
        folder = path
    names = _text_files(folder)
    if "dinos.txt" in names:
        return folder / "dinos.txt"
    if not names:
        raise FileNotFoundError(
            f"{folder} holds no .txt file. Expected {LAYOUT}, or a folder with one."
        )
    if len(names) > 1:
        raise ValueError(
            f"{folder} holds several files{_listed(names)}. Give one of them, such as "
            f"{folder / names[0]}."
        )
    return folder / names[0]


def _text_files(folder):
    return sorted(path.name for path in folder.glob("*.txt") if path.is_file())


def _listed(names):
    return f": {', '.join(names[:5])}{', ...' * (len(names) > 5)}" if names else ""


def _composed(text):
    return unicodedata.normalize("NFC", text)


def _short(text):
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
