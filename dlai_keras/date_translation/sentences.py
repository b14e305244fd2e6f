"""Sentences and their translations: reading, taking apart, splitting.

The same encoder-decoder that reads dates can translate a real language. What comes
out is in tokens; `dlai_keras.vocabulary.Vocabulary` turns them into ids, and
`dlai_keras.date_translation.metrics` scores them. To know what a score is worth, score
also the source sentence as if it were the translation.
"""

import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

Tokens = tuple[str, ...]

_APOSTROPHES = str.maketrans("’‘ʼ", "'''")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")  # of no width
# French: j'ai is two words, aujourd'hui is one.
_ELISION = r"(?<!\w)(?:[cdjlmnst]|qu|(?:jus|lors|puis|quel|quoi|pres)qu)'(?=\w)"
# English: what stands behind the verb or noun of I'm, don't, Tom's.
_CONTRACTION = r"(?<=\w)(?:n't|'(?:s|m|d|re|ve|ll))(?!\w)"
# French: the pronoun behind its verb, as in avez-vous, a-t-il, celui-ci.
_INVERSION = (
    r"(?<=\w)-(?:t-)?(?:je|tu|ils?|elles?|on|nous|vous|ce|moi|toi|l[ae]|les|leur|lui|en"
    r"|y|ci|là)(?![\w'-])"
)
_NUMBER = r"\d+(?:[.,:]\d+)+"
_ABBREVIATION = r"(?<!\w)(?:[^\W\d_]\.){2,}"  # p.m., U.S.
_WORD = rf"\w(?:(?!{_CONTRACTION}|{_INVERSION})(?:\w|['-](?=\w)))*"
_MARK = r"\.{2,}|[^\w\s]"
_TOKEN = re.compile(
    f"{_ELISION}|{_CONTRACTION}|{_INVERSION}|{_NUMBER}|{_ABBREVIATION}|{_WORD}|{_MARK}"
)
_CLOSING = frozenset(",)]}%…")
_HIGH = frozenset("?!:;‽")  # French puts a space before them
_OPENING = frozenset("([{$€£¿¡")
_LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class Sentence:
    """A sentence and all of its translations, taken apart.

    Attributes:
        source: its tokens.
        references: the tokens of each translation, one at least.
    """

    source: Tokens
    references: tuple[Tokens, ...]


@dataclass(frozen=True)
class Splits:
    """Sentences to learn from and sentences to be judged by.

    Attributes:
        train: in random order.
        validation: the same, to watch the training by.
        test: the same, to be looked at in the end.
    """

    train: tuple[Sentence, ...]
    validation: tuple[Sentence, ...]
    test: tuple[Sentence, ...]


def load_pairs(path: str | Path) -> list[tuple[str, str]]:
    r"""Reads pairs of sentences, one a line, from a text file or a zip with one.

    Args:
        path: UTF-8, the columns apart by tabs: source, translation; further columns
            are left out, and so are empty lines. In a zip, as manythings.org has
            them, it is the one file `*.txt` whose name does not begin with `_`.

    Returns:
        A list of `(source, translation)`, as they stand there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no zip though called so, holds no text file or
            several, is not UTF-8, holds no pair, or a line has no two columns with
            something in them; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "pairs.tsv"
        ...     _ = path.write_text("Go.\tVa !\nRun!\tCours !\n", encoding="utf-8")
        ...     load_pairs(path)
        [('Go.', 'Va !'), ('Run!', 'Cours !')]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"`path` must be a text file with tab-separated pairs, or a zip with one. "
            f"Received: {path}, which is no file. A line is: source, tab, translation."
        )
    content = _read_zip(path) if path.suffix.lower() == ".zip" else path.read_bytes()
    pairs = []
    # Not splitlines: some characters that it takes for line ends occur in sentences.
    for number, line in enumerate(
        content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1
    ):
        try:
            columns = [column.strip() for column in line.decode().split("\t")]
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}, line {number}: must be UTF-8. Received: {line[:40]!r}. "
                "Save the file with that encoding."
            ) from None
        if columns == [""]:
            continue
        if len(columns) < 2 or not columns[0] or not columns[1]:
            raise ValueError(
                f"{path}, line {number}: must be a sentence, a tab and its "
                f"translation. Received: {line.decode().strip()[:40]!r}. "
                "Correct it or delete the line."
            )
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise ValueError(
            f"`path` must hold one pair at least. Received: {path}, which is empty. "
            "A line is: source, tab, translation."
        )
    return pairs


def tokenize(text: str) -> list[str]:
    """Takes a sentence apart into words and punctuation, in lower case.

    Made for English and French, without being told which it is. An elided French word
    keeps its apostrophe (`j' ai`), and the rest of an English contraction or a French
    pronoun behind its verb begins with its mark (`do n't`, `tom 's`, `avez -vous`), so
    that `detokenize` knows what to join. All kinds of apostrophes and of white space
    are one; characters without width are dropped.

    Args:
        text: one sentence or more.

    Returns:
        A list of tokens without white space.

    Example:
        >>> tokenize("J'ai faim, n'est-ce pas\u202f?")
        ["j'", 'ai', 'faim', ',', "n'", 'est', '-ce', 'pas', '?']
        >>> tokenize("Don't pay $2.50 for Tom's T-shirt!")
        ['do', "n't", 'pay', '$', '2.50', 'for', 'tom', "'s", 't-shirt', '!']
    """
    text = _INVISIBLE.sub("", text).translate(_APOSTROPHES).lower()
    return _TOKEN.findall(unicodedata.normalize("NFC", text))


def detokenize(tokens: Iterable[str], *, language: str = "fr") -> str:
    """Joins tokens to a sentence that people would write, in lower case.

    Where quotation marks of one form open and close is a guess, by turns.

    Args:
        tokens: as of `tokenize`.
        language: "fr" puts a space before `? ! : ;` and a percent sign, "en" does not.

    Returns:
        One line. `tokenize` takes it apart into the same tokens.

    Raises:
        ValueError: `language` is neither.

    Example:
        >>> detokenize(["j'", "ai", "faim", ",", "avez", "-vous", "faim", "?"])
        "j'ai faim, avez-vous faim ?"
        >>> detokenize(["i", "do", "n't", "know", "."], language="en")
        "i don't know."
    """
    if language not in _LANGUAGES:
        raise ValueError(
            '`language` must be "en" or "fr". '
            f"Received: language={language!r}. They differ in spaces before marks."
        )
    text, is_joined, in_quotes = "", True, False
    for token in tokens:
        joins_next = token in _OPENING or (len(token) > 1 and token.endswith("'"))
        joins_last = token in _CLOSING or token[0] == "." or token == "n't"
        joins_last |= len(token) > 1 and token[0] in "'-"
        if language == "en":
            joins_last |= token in _HIGH
        elif token == "%":
            joins_last = False
        if token == '"':
            joins_last, joins_next = in_quotes, not in_quotes
            in_quotes = not in_quotes
        text += token if is_joined or joins_last else f" {token}"
        is_joined = joins_next
    return text


def split_pairs(
    rng: np.random.Generator,
    pairs: Sequence[tuple[str, str]],
    *,
    num_test: int = 1000,
    num_validation: int = 1000,
    max_length: int | None = None,
) -> Splits:
    """Splits pairs by source sentence, so that no sentence is both learned and asked.

    Sentences are the same where their tokens are: "Hi." and "hi ." are one. All
    translations of a sentence go where it goes. Those of test and validation are
    references, however long; what is learned from is short on both sides.

    Args:
        rng: draws which sentences are held out, and their order.
        pairs: as of `load_pairs`.
        num_test: sentences to be judged by.
        num_validation: sentences to watch the training by.
        max_length: the most tokens of a source sentence anywhere and of a translation
            in the training set. None takes all.

    Returns:
        The `Splits`.

    Raises:
        ValueError: a number is negative, `max_length` is not positive, or there are
            not more sentences than are held out.

    Example:
        >>> pairs = [("Go.", "Va !"), ("Hi.", "Salut !"), ("Go.", "Marche.")]
        >>> splits = split_pairs(
        ...     np.random.default_rng(3), pairs, num_test=1, num_validation=0
        ... )
        >>> splits.test
        (Sentence(source=('hi', '.'), references=(('salut', '!'),)),)
        >>> splits.train
        (Sentence(source=('go', '.'), references=(('va', '!'), ('marche', '.'))),)
    """
    for name, value in [("num_test", num_test), ("num_validation", num_validation)]:
        if value < 0:
            raise ValueError(
                f"`{name}` must be 0 or more. Received: {name}={value}. "
                "It is a number of sentences."
            )
    if max_length is not None and max_length < 1:
        raise ValueError(
            f"`max_length` must be 1 or more. Received: max_length={max_length}. "
            "None takes sentences of any length."
        )
    longest = np.inf if max_length is None else max_length
    together = [one for one in group_pairs(pairs) if 0 < len(one.source) <= longest]
    num_held_out = num_test + num_validation
    if len(together) <= num_held_out:
        raise ValueError(
            "`num_test` and `num_validation` must leave sentences to learn from. "
            f"Received: num_test={num_test}, num_validation={num_validation} of "
            f"{len(together)} sentences, max_length={max_length}. Hold out fewer."
        )
    sentences = [together[number] for number in rng.permutation(len(together))]
    train = []
    for sentence in sentences[num_held_out:]:
        short = tuple(one for one in sentence.references if len(one) <= longest)
        if short:
            train.append(Sentence(sentence.source, short))
    return Splits(
        train=tuple(train),
        validation=tuple(sentences[num_test:num_held_out]),
        test=tuple(sentences[:num_test]),
    )


def group_pairs(pairs: Iterable[tuple[str, str]]) -> list[Sentence]:
    """Puts all translations of a sentence together, in the order of the pairs.

    Sentences are the same where their tokens are: "Hi." and "hi ." are one.

    Args:
        pairs: as of `load_pairs`; those without a token on a side are left out.

    Returns:
        A list of `Sentence`.

    Example:
        >>> group_pairs([("Hi.", "Salut !"), ("Hi .", "Bonjour !")])[0].references
        (('salut', '!'), ('bonjour', '!'))
    """
    references: dict[Tokens, dict[Tokens, None]] = {}  # sets that keep the order
    for source_text, target_text in pairs:
        source, target = tuple(tokenize(source_text)), tuple(tokenize(target_text))
        if source and target:
            references.setdefault(source, {})[target] = None
    return [Sentence(source, tuple(many)) for source, many in references.items()]


def to_pairs(sentences: Iterable[Sentence]) -> list[tuple[Tokens, Tokens]]:
    """Lists every sentence with each of its translations: what a model learns from.

    Args:
        sentences: as of `split_pairs`.

    Returns:
        A list of `(source, translation)`, both tokens.

    Example:
        >>> to_pairs([Sentence(("go", "."), (("va", "!"), ("marche", ".")))])
        [(('go', '.'), ('va', '!')), (('go', '.'), ('marche', '.'))]
    """
    return [
        (sentence.source, reference)
        for sentence in sentences
        for reference in sentence.references
    ]


def _read_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.endswith(".txt")
                and not name.startswith("__MACOSX/")
                and not PurePosixPath(name).name.startswith(("_", "."))
            ]
            if len(names) != 1:
                raise ValueError(
                    f"`path` must hold one text file. Received: {path} with "
                    f"{', '.join(names) or 'none'}. Unpack it and pass the file."
                )
            return archive.read(names[0])
    except zipfile.BadZipFile:
        raise ValueError(
            f"`path` must be a zip that is whole. Received: {path}, which is not. "
            "Fetch it again, or rename it where it is a text file."
        ) from None
