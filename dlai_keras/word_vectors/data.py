"""Files that word vectors are measured with, and lists that they are debiased with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlai_keras import files

EMBEDDED = Path(__file__).parent / "embedded"
QUESTIONS, SIMILARITIES, BIAS = "questions-words.txt", "wordsim353.tsv", "debias"
Questions = dict[str, list[tuple[str, str, str, str]]]
Judgments = list[tuple[str, str, float]]


@dataclass(frozen=True)
class BiasLists:
    """Words that a debiasing needs.

    Attributes:
        definitional_pairs: that differ in nothing but what the bias is about.
        equal_pairs: that are to differ in it only, afterwards.
        specific_words: that may have it.
        neutral_words: that should not, such as professions.
    """

    definitional_pairs: list[tuple[str, str]]
    equal_pairs: list[tuple[str, str]]
    specific_words: list[str]
    neutral_words: list[str]


@dataclass(frozen=True)
class Association:
    """Words of an association test.

    Attributes:
        name: what it compares.
        about: "gender", or another kind of association.
        targets: two lists of words, such as of sciences and of arts.
        attributes: two lists of words, such as of men and of women.
    """

    name: str
    about: str
    targets: tuple[list[str], list[str]]
    attributes: tuple[list[str], list[str]]


def read_questions(path: str | Path) -> Questions:
    r"""Reads a file of analogies.

    A line `: name` begins a section. A line of four words is a question, "a is to b as
    c is to d". A line of two words is a pair: every two pairs of a section make a
    question, in both orders.

    Args:
        path: a text in UTF-8, such as `questions-words.txt`.

    Returns:
        Section -> questions `(a, b, c, d)`, as they are spelled there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has another number of words, or there is no question.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "two.txt"
        ...     _ = path.write_text(": family\nman woman\nking queen\n")
        ...     read_questions(path)["family"]
        [('man', 'woman', 'king', 'queen'), ('king', 'queen', 'man', 'woman')]

    Reference:
        Mikolov et al., 2013, "Efficient estimation of word representations in vector
        space", which published the file.
    """
    path = Path(path)
    lines: dict[str, list[list[str]]] = {}
    section = path.stem
    for number, line in enumerate(_read(path).split("\n"), 1):
        words = line.split()
        if words and words[0].startswith(":"):
            section = " ".join(words).removeprefix(":").strip()
        elif words:
            if len(words) not in (2, 4):
                raise ValueError(
                    f"{path}, line {number}, must have four words, or two that are a "
                    f"pair. Received: {' '.join(words)[:60]!r}."
                )
            lines.setdefault(section, []).append(words)
    questions: Questions = {}
    for section, rows in lines.items():
        pairs = [row for row in rows if len(row) == 2]
        both = [(*p, *q) for p in pairs for q in pairs if p != q]
        found = [tuple(row) for row in rows if len(row) == 4] + both
        if found:
            questions[section] = found
    if not questions:
        raise ValueError(
            f"{path} must have a question of four words, or two pairs. Received none."
        )
    return questions


def read_similarities(path: str | Path) -> Judgments:
    r"""Reads people's judgments of how similar words are.

    Every line has two words and then, in the first column that is one, a number. They
    are parted by tabs, semicolons or commas, or else by spaces. Lines that begin with #
    are skipped, and so is a first line without a number.

    Args:
        path: a text in UTF-8, such as `wordsim353.tsv`, `combined.csv` of the same
            collection, or `SimLex-999.txt`.

    Returns:
        Words and their judgments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has no two words and a number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "pairs.tsv"
        ...     _ = path.write_text("# judged\ntiger\tcat\t7.35\ncup\tart\t1\n")
        ...     read_similarities(path)
        [('tiger', 'cat', 7.35), ('cup', 'art', 1.0)]

    Reference:
        Finkelstein et al., 2002, "Placing search in context: the concept revisited".
    """
    path = Path(path)
    judgments: Judgments = []
    is_first = True
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        delimiter = next((mark for mark in "\t;," if mark in line), None)
        first, second, *rest = [*line.strip().split(delimiter), "", ""]
        value = next((float(text) for text in rest if _is_number(text)), None)
        if value is not None and first.strip() and second.strip():
            judgments.append((first.strip(), second.strip(), value))
        elif not is_first:
            raise ValueError(
                f"{path}, line {number}, must have two words and a number. Received: "
                f"{line.strip()[:60]!r}."
            )
        is_first = False
    if len(judgments) < 2:
        raise ValueError(
            f"{path} must have two lines or more of two words and a number. Received: "
            f"{len(judgments)}."
        )
    return judgments


def load_evaluation(
    data: str | Path | None = None,
) -> tuple[Questions, Judgments, str]:
    """What vectors are measured with.

    Args:
        data: a folder with questions-words.txt, wordsim353.tsv or both, or the folder
            above it, where it is called word_vectors; or one file of either kind. None:
            the analogies that ship with the package.

    Returns:
        `(questions, judgments, name)`; what is not there is empty.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: a file is something else.

    Example:
        >>> questions, judgments, name = load_evaluation()
        >>> questions["family"][0], judgments, name
        (('man', 'woman', 'boy', 'girl'), [], 'embedded analogies')
    """
    if data is None:
        return read_questions(EMBEDDED / "analogies.txt"), [], "embedded analogies"
    data = Path(data)
    if data.is_dir():
        folder = _own_folder(data, QUESTIONS, SIMILARITIES)
        questions, judged = folder / QUESTIONS, folder / SIMILARITIES
        return (
            read_questions(questions) if questions.is_file() else {},
            read_similarities(judged) if judged.is_file() else [],
            folder.name,
        )
    if _has_numbers(data):
        return {}, read_similarities(data), data.name
    return read_questions(data), [], data.name


def load_bias_lists(data: str | Path | None = None) -> BiasLists:
    """The words that a debiasing needs.

    Args:
        data: a folder with definitional_pairs.json, equalize_pairs.json,
            gender_specific_full.json and professions.json, as Bolukbasi et al. publish
            them; or the folder above it, where it is called debias; or the one above
            that, called word_vectors. None: lists on gender that ship with the package.

    Returns:
        The lists, as they are spelled there.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is something else.

    Example:
        >>> load_bias_lists().definitional_pairs[0]
        ('woman', 'man')
    """
    if data is None:
        lists = json.loads((EMBEDDED / "bias.json").read_text("utf-8"))
        pairs = {
            name: [tuple(pair) for pair in lists.pop(name)]
            for name in ("definitional_pairs", "equal_pairs")
        }
        return BiasLists(**pairs, **lists)
    name = "definitional_pairs.json"
    data = Path(data)
    if (data / BIAS).is_dir():
        data = data / BIAS
    elif (data / "word_vectors" / BIAS).is_dir():
        data = data / "word_vectors" / BIAS
    return BiasLists(
        read_pairs(data / name),
        read_pairs(data / "equalize_pairs.json"),
        read_words(data / "gender_specific_full.json"),
        read_words(data / "professions.json"),
    )


def load_associations() -> list[Association]:
    """The association tests that ship with the package.

    Example:
        >>> [test.about for test in load_associations()]
        ['gender', 'gender', 'gender', 'feelings']
    """
    tests = json.loads((EMBEDDED / "associations.json").read_text("utf-8"))
    return [
        Association(
            test["name"],
            test["about"],
            tuple(test["targets"]),
            tuple(test["attributes"]),
        )
        for test in tests
    ]


def read_pairs(path: str | Path) -> list[tuple[str, str]]:
    """Reads a JSON list of pairs of words.

    Args:
        path: such as `[["woman", "man"], ["girl", "boy"]]`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is something else.
    """
    pairs = _read_list(path, "pairs of words")
    for pair in pairs:
        if len(_strings(pair)) != 2 or len(pair) != 2:
            raise ValueError(
                f"{path} must be a JSON list of pairs of words. Received in it: "
                f"{str(pair)[:60]}."
            )
    return [tuple(pair) for pair in pairs]


def read_words(path: str | Path) -> list[str]:
    """Reads a JSON list of words, or of lists that each begin with a word.

    Args:
        path: such as `["he", "she"]` or `[["nurse", 0.1, -0.9]]`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is something else.
    """
    words = []
    for entry in _read_list(path, "words"):
        first = entry[:1] if isinstance(entry, list) else [entry]
        if not _strings(first):
            raise ValueError(
                f"{path} must be a JSON list of words. Received in it: "
                f"{str(entry)[:60]}."
            )
        words += first
    return words


def _strings(entry):
    """The strings of a list; none of anything else."""
    if not isinstance(entry, Sequence) or isinstance(entry, str):
        return []
    return [word for word in entry if isinstance(word, str)]


def _read_list(path, wanted):
    path = Path(path)
    try:
        entries = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}, is no JSON: {error.msg}. Expected a list of "
            f"{wanted}."
        ) from None
    if not isinstance(entries, list):
        raise ValueError(
            f"{path} must be a JSON list of {wanted}. Received: {str(entries)[:40]}."
        )
    return entries


def _read(path):
    if not path.is_file():
        raise FileNotFoundError(f"No such file: {path}")
    return files.read_text(path).replace("\r\n", "\n")


def _own_folder(data, *names):
    """The folder with one of the files: the one given, or word_vectors in it."""
    for folder in (data, data / "word_vectors"):
        if any((folder / name).is_file() for name in names):
            return folder
    raise FileNotFoundError(
        f"No {' or '.join(names)} in {data}. Give the folder that holds them, or one "
        "file."
    )


def _has_numbers(path):
    """Whether most lines of a file hold a number: then it is of judgments."""
    lines = [
        line.replace(",", " ").replace(";", " ") for line in _read(path).split("\n")
    ]
    lines = [line.split() for line in lines if line.strip() and line[0] != "#"]
    numbered = sum(any(map(_is_number, words[2:])) for words in lines)
    return 2 * numbered > len(lines)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
