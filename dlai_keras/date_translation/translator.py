"""A trained network with what belongs to it: its vocabularies, and real dates only."""

import datetime
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from keras import ops

from dlai_keras import decoding, networks
from dlai_keras.date_translation.data import normalize
from dlai_keras.date_translation.model import (
    attention_model,
    decoding_step,
    position_step,
)
from dlai_keras.vocabulary import Vocabulary

SETTINGS_FILE = "translator.json"
PRETRAINED = Path(__file__).parent / "weights"
YEARS = (1900, 2099)  # of the dates that can come out
LONGEST = 40  # characters that are read
# Of a date. Low, as an invented 29th of February is caught by its reading, and a real
# one is not to be refused for the many that are invented.
LEAST_SCORE = 0.1


@dataclass(frozen=True)
class Translation:
    """What a text was read as.

    Attributes:
        text: as it was given.
        is_date: score from 0 to 1 of it being a date at all: the network's probability,
            times P(best candidate) / P(best ten characters), which is small where what
            it read is no day of the calendar, as the 31st of April. None where the
            network does not tell.
        candidates: ISO dates with their log-probabilities, the best first.
    """

    text: str
    is_date: float | None
    candidates: tuple[tuple[str, float], ...]

    @property
    def iso(self) -> str | None:
        """The best candidate, None where the text is no date."""
        if self.is_date is not None and self.is_date < LEAST_SCORE:
            return None
        return self.candidates[0][0]


@dataclass(frozen=True)
class DateTranslator:
    """Texts in, ISO dates out.

    Attributes:
        network: as `model.date_reader` or `model.date_translator` builds it.
        characters: vocabulary of the texts.
        tokens: vocabulary of the ISO dates.
        notes: what else was saved with it, such as the seed.
    """

    network: keras.Model
    characters: Vocabulary
    tokens: Vocabulary
    notes: dict = field(default_factory=dict)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Normalised and as ids, int32 `(num_texts, length)`; what is too long is cut.

        Args:
            texts: of any case.
        """
        texts = [normalize(text) for text in texts]
        fixed = self.network.inputs[0].shape[1]
        if fixed is not None:
            return self.characters.encode_all(texts, length=fixed)
        longest = min(max(map(len, texts), default=1), LONGEST)
        # Few different shapes, few compilations.
        return self.characters.encode_all(texts, length=-(-max(longest, 1) // 8) * 8)

    def translate(
        self,
        texts: Sequence[str],
        *,
        num_candidates: int = 1,
        beam_width: int | None = None,
        batch_size: int = 1024,
    ) -> list[Translation]:
        """Reads texts; only real dates of the years 1900 to 2099 come out.

        Args:
            texts: to read.
            num_candidates: dates for each.
            beam_width: of the search, `num_candidates` at least; 4 or more by default.
            batch_size: texts at a time.

        Raises:
            ValueError: an argument is out of its range.
        """
        if num_candidates < 1:
            raise ValueError(
                f"`num_candidates` must be 1 or more. Received: {num_candidates}."
            )
        width = max(4, num_candidates) if beam_width is None else beam_width
        if width < num_candidates:
            raise ValueError(
                "`beam_width` must be `num_candidates` or more. Received: "
                f"beam_width={beam_width}, num_candidates={num_candidates}."
            )
        found = []
        for start in range(0, len(texts), batch_size):
            batch = list(texts[start : start + batch_size])
            found += self._translate(batch, num_candidates, width)
        return found

    def _translate(self, texts, num_candidates, width):
        ids = self.encode(texts)
        is_date = None
        if self._writes_in_turn:
            start, step = decoding_step(self.network)
            result = _search(step, start(ids), self.tokens, width)
        else:
            outputs = self.network.predict_on_batch(ids)
            tells = isinstance(outputs, dict)
            logits = outputs["iso"] if tells else outputs
            result = _searcher(self.tokens, width).predict_on_batch(logits)
            if tells:
                is_date = _score(outputs, ops.convert_to_numpy(result[1])[:, 0])
                is_date *= [bool(normalize(text)) for text in texts]
        token_ids, log_probs = (ops.convert_to_numpy(part) for part in result)
        return [
            Translation(
                text,
                None if is_date is None else float(is_date[number]),
                tuple(
                    ("".join(self.tokens.decode(ids)), float(log_prob))
                    for ids, log_prob in zip(
                        token_ids[number][:num_candidates],
                        log_probs[number][:num_candidates],
                        strict=True,
                    )
                ),
            )
            for number, text in enumerate(texts)
        ]

    @property
    def _writes_in_turn(self):
        return len(self.network.inputs) > 1

    def log_probs(self, texts: Sequence[str], isos: Sequence[str]) -> np.ndarray:
        """The network's log-probability of given dates, float32 `(num_texts,)`.

        Args:
            texts: what is read.
            isos: a date for each.
        """
        start, step = decoding_step(self.network)
        found = decoding.sequence_log_prob(
            step,
            start(self.encode(texts)),
            self.tokens.encode_all(isos, length=10),
            start_token=len(self.tokens),
        )
        return ops.convert_to_numpy(found)

    def attention(self, texts: Sequence[str]) -> np.ndarray:
        """Where each character of the date was read, `(num_texts, 10, length)`.

        A network that takes several characters at a time has one weight for them, of
        which each gets its share.

        Args:
            texts: what is read.
        """
        ids = self.encode(texts)
        inputs = [ids]
        if self._writes_in_turn:
            best = self.translate(texts)
            right = [one.candidates[0][0] for one in best]
            targets = self.tokens.encode_all(right, length=10)
            first = np.full((len(ids), 1), len(self.tokens), "int32")
            inputs.append(np.concatenate([first, targets[:, :-1]], axis=1))
        weights = attention_model(self.network).predict(inputs, verbose=0)
        stride = -(-ids.shape[1] // weights.shape[2])
        return np.repeat(weights / stride, stride, axis=2)[:, :, : ids.shape[1]]

    def save(self, folder: Path) -> None:
        """Writes `model.keras`, and beside it `translator.json`."""
        record = {
            "characters": json.loads(self.characters.to_json()),
            "tokens": json.loads(self.tokens.to_json()),
            **self.notes,
        }
        networks.save(folder, self.network, SETTINGS_FILE, record)


def _score(outputs, best):
    probability = 1 / (1 + np.exp(-outputs["is_date"][:, 0].astype("float64")))
    logits = outputs["iso"].astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    freely = -np.log(np.exp(logits).sum(axis=-1)).sum(axis=-1)
    return probability * np.exp(np.minimum(best - freely, 0))


class _Search(keras.layers.Layer):
    """The search within a layer: compiled, where a bare call is not."""

    def __init__(self, tokens, width):
        super().__init__()
        self.tokens = tokens
        self.width = width

    def call(self, logits):
        states, step = position_step(logits)
        return _search(step, states, self.tokens, self.width)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.width, 10), (input_shape[0], self.width)


@functools.lru_cache(maxsize=8)
def _searcher(tokens, width):
    logits = keras.Input((10, len(tokens)))
    return keras.Model(logits, _Search(tokens, width)(logits))


def _search(step, states, tokens, width):
    result = decoding.beam_search(
        step,
        states,
        start_token=len(tokens),
        max_length=10,
        beam_width=width,
        constraint=real_dates(tokens),
    )
    return result.token_ids, result.log_probs


@functools.lru_cache(maxsize=8)
def real_dates(tokens: Vocabulary) -> decoding.TokenAutomaton:
    """Allows the days of the calendar from 1900 to 2099, and nothing else.

    Args:
        tokens: vocabulary of the ISO dates.
    """
    first, last = (
        datetime.date(year, month, day).toordinal()
        for year, month, day in ((YEARS[0], 1, 1), (YEARS[1], 12, 31))
    )
    dates = map(datetime.date.fromordinal, range(first, last + 1))
    ids = tokens.encode_all([date.isoformat() for date in dates], length=10)
    return decoding.TokenAutomaton.from_sequences(ids, len(tokens))


def load_translator(path: Path) -> DateTranslator:
    """Reads a trained translator.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        characters, tokens = (
            Vocabulary.from_json(json.dumps(notes.pop(name)))
            for name in ("characters", "tokens")
        )
        return characters, tokens, notes

    network, (characters, tokens, notes) = networks.load(
        path, SETTINGS_FILE, parse, "the vocabularies characters and tokens"
    )
    return DateTranslator(network, characters, tokens, notes)


def load_pretrained() -> DateTranslator:
    """The translator that comes with the package: 41 locales, typos and all."""
    return load_translator(PRETRAINED)
