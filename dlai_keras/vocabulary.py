"""Which token has which number, for every model that reads or writes sequences."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np


class Vocabulary:
    """Tokens and their numbers.

    A token's number is its place in `tokens`. Special tokens that `tokens` holds keep
    their places; the others come first, in the order padding, unknown, start, end.

    Args:
        tokens: all different. A string is its characters.
        padding: fills sequences up to a common length; None: there is none.
        unknown: stands for every token that is not in the vocabulary; None: such
            tokens are an error.
        start: what a decoder is given first; None: there is none.
        end: ends a sequence; None: there is none.

    Raises:
        ValueError: a token stands twice, is empty, or is no string.

    Example:
        >>> vocabulary = Vocabulary("abc", end="<end>")
        >>> vocabulary.tokens
        ('<pad>', '<unk>', '<end>', 'a', 'b', 'c')
        >>> vocabulary.encode("cabd", length=6, add_end=True)
        array([5, 3, 4, 1, 2, 0], dtype=int32)
        >>> vocabulary.decode([5, 3, 4, 2, 0])
        ['c', 'a', 'b']
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        padding: str | None = "<pad>",
        unknown: str | None = "<unk>",
        start: str | None = None,
        end: str | None = None,
    ):
        tokens = tuple(tokens)
        specials = [token for token in (padding, unknown, start, end) if token]
        if len(set(specials)) < len(specials):
            raise ValueError(
                "`padding`, `unknown`, `start` and `end` must differ. Received: "
                f"{', '.join(map(repr, specials))}."
            )
        for token in tokens:
            if not isinstance(token, str) or not token:
                raise ValueError(
                    f"`tokens` must be strings that are not empty. Received: {token!r}."
                )
        held = set(tokens)
        self.tokens = (*(token for token in specials if token not in held), *tokens)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            twice, _ = Counter(self.tokens).most_common(1)[0]
            raise ValueError(f"`tokens` must be different. Received twice: {twice!r}.")
        self.padding, self.unknown = padding or None, unknown or None
        self.start, self.end = start or None, end or None
        self.padding_id = self._ids.get(self.padding)
        self.unknown_id = self._ids.get(self.unknown)
        self.start_id = self._ids.get(self.start)
        self.end_id = self._ids.get(self.end)

    @classmethod
    def from_counts(
        cls,
        sequences: Iterable[Iterable[str]],
        *,
        max_size: int | None = None,
        min_count: int = 1,
        **specials: str | None,
    ) -> "Vocabulary":
        """The tokens of some sequences, the most frequent first.

        Tokens of the same count stand in sorted order, so that the order of the
        sequences does not matter.

        Args:
            sequences: of tokens; a string is its characters.
            max_size: of the vocabulary, special tokens included; None: no limit.
            min_count: tokens that are rarer are left out.
            **specials: `padding`, `unknown`, `start`, `end`.

        Example:
            >>> Vocabulary.from_counts(["banana", "bee"], min_count=2).tokens
            ('<pad>', '<unk>', 'a', 'b', 'e', 'n')
        """
        num_specials = len(cls((), **specials))
        if max_size is not None and max_size < num_specials:
            raise ValueError(
                f"`max_size` must be {num_specials} or more, the number of special "
                f"tokens. Received: max_size={max_size}."
            )
        counts = Counter()
        for sequence in sequences:
            counts.update(sequence)
        for special in cls((), **specials).tokens:
            counts.pop(special, None)
        kept = [token for token, count in counts.items() if count >= min_count]
        kept.sort(key=lambda token: (-counts[token], token))
        if max_size is not None:
            kept = kept[: max_size - num_specials]
        return cls(kept, **specials)

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def __eq__(self, other):
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self._config() == other._config()

    def __hash__(self):
        return hash((self.tokens, self.padding, self.unknown, self.start, self.end))

    def __repr__(self):
        return f"<Vocabulary of {len(self)} tokens>"

    def encode(
        self, tokens: Iterable[str], *, length: int | None = None, add_end: bool = False
    ) -> np.ndarray:
        """Numbers of tokens.

        Args:
            tokens: a string is its characters.
            length: to be cut or padded to; None leaves the length as it is.
            add_end: add the end token. It stays where the tokens are cut.

        Returns:
            int32 `(length,)`.

        Raises:
            ValueError: a token is unknown, or padding or end are needed, and there is
                no such special token.

        Example:
            >>> Vocabulary("ab").encode("abba", length=3)
            array([2, 3, 3], dtype=int32)
        """
        ids = self._numbers(tokens, add_end)
        return self._fit([ids], len(ids) if length is None else length, add_end)[0]

    def encode_all(
        self,
        items: Iterable[Iterable[str]],
        *,
        length: int | None = None,
        add_end: bool = False,
    ) -> np.ndarray:
        """Numbers of many sequences, as one array.

        Args:
            items: sequences of tokens; a string is its characters.
            length: to be cut or padded to; by default that of the longest.
            add_end: add the end token to each. It stays where the tokens are cut.

        Returns:
            int32 `(num_items, length)`.

        Raises:
            ValueError: as `encode`.

        Example:
            >>> Vocabulary("ab").encode_all(["a", "bab"])
            array([[2, 0, 0],
                   [3, 2, 3]], dtype=int32)
        """
        rows = [self._numbers(item, add_end) for item in items]
        if length is None:
            length = max(map(len, rows), default=0)
        return self._fit(rows, length, add_end)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Tokens of numbers, up to the end token, without padding and start.

        Args:
            ids: whole numbers.

        Returns:
            The tokens.

        Raises:
            ValueError: a number belongs to no token.

        Example:
            >>> "".join(Vocabulary("ab").decode([2, 3, 3, 0]))
            'abb'
        """
        left_out = {self.padding_id, self.start_id} - {None}
        tokens = []
        for index in np.asarray(ids).tolist():
            if not 0 <= index < len(self):
                raise ValueError(
                    f"`ids` must be from 0 to {len(self) - 1}. Received: {index}."
                )
            if index == self.end_id:
                break
            if index not in left_out:
                tokens.append(self.tokens[index])
        return tokens

    def to_json(self) -> str:
        """The vocabulary as text, for `from_json`.

        Example:
            >>> Vocabulary.from_json(Vocabulary("ab").to_json()).tokens
            ('<pad>', '<unk>', 'a', 'b')
        """
        return json.dumps(self._config(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """A vocabulary from what `to_json` gave.

        Args:
            text: JSON.

        Raises:
            ValueError: it is something else.

        Example:
            >>> len(Vocabulary.from_json('{"tokens": ["a", "b"], "padding": null}'))
            3
        """
        try:
            config = json.loads(text)
            tokens = config.pop("tokens")
            return cls(tokens, **config)
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                "`text` must be JSON as `Vocabulary.to_json` writes it. Received: "
                f"{str(text)[:40]!r}."
            ) from error

    def _config(self):
        return {
            "tokens": list(self.tokens),
            "padding": self.padding,
            "unknown": self.unknown,
            "start": self.start,
            "end": self.end,
        }

    def _numbers(self, tokens, add_end):
        ids = [self._ids.get(token, self.unknown_id) for token in tokens]
        if self.unknown_id is None and None in ids:
            strange = next(token for token in tokens if token not in self._ids)
            raise ValueError(
                f"`tokens` must be in the vocabulary, which has no unknown token. "
                f"Received: {strange!r}."
            )
        if add_end:
            if self.end_id is None:
                raise ValueError(
                    "`add_end` needs an end token. Make the vocabulary with `end`."
                )
            ids.append(self.end_id)
        return ids

    def _fit(self, rows: Sequence[list[int]], length: int, ended: bool) -> np.ndarray:
        if length < ended:
            raise ValueError(
                f"`length` must be {int(ended)} or more. Received: length={length}."
            )
        if self.padding_id is None and any(len(row) < length for row in rows):
            raise ValueError(
                "Sequences of different lengths need a padding token. Make the "
                "vocabulary with `padding`, or give sequences of one length."
            )
        fill = 0 if self.padding_id is None else self.padding_id
        array = np.full((len(rows), length), fill, "int32")
        for target, row in zip(array, rows, strict=True):
            if len(row) > length:
                row = [*row[: length - 1], row[-1]] if ended else row[:length]
            target[: len(row)] = row
        return array
