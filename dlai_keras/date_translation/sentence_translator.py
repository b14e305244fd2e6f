"""A network that translates sentences, with its vocabularies, and its batches."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from dlai_keras import decoding, networks
from dlai_keras.date_translation.model import (
    attention_model,
    decoding_step,
    shift_right,
)
from dlai_keras.date_translation.sentences import detokenize, tokenize
from dlai_keras.vocabulary import Vocabulary

SETTINGS_FILE = "sentence_translator.json"
STEP = 2  # lengths in the training are multiples of it
LENGTH_PENALTY = 1.0
SENTENCE_LENGTH = 60  # tokens that are read or written
LENGTHS = (16, 32, SENTENCE_LENGTH)  # of batches that are translated


@dataclass(frozen=True)
class SentenceTranslation:
    """What a sentence was translated to.

    Attributes:
        source: tokens that were read.
        candidates: the translations with the scores they were ordered by, the best
            first: tokens, unknown ones replaced.
        token_ids: of each candidate what the network wrote, with the end token where it
            came to an end.
        log_probs: of each candidate, log P(y|x).
    """

    source: tuple[str, ...]
    candidates: tuple[tuple[tuple[str, ...], float], ...]
    token_ids: tuple[tuple[int, ...], ...]
    log_probs: tuple[float, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The best candidate's."""
        return self.candidates[0][0]

    @property
    def text(self) -> str:
        """The best candidate as people write, in lower case."""
        return detokenize(self.tokens)


class SentenceTranslator:
    """Sentences in, sentences of another language out.

    Args:
        network: as `model.sequence_translator` builds it.
        source: vocabulary of what is read, with padding as id 0.
        target: vocabulary of what is written, with padding as id 0, start and end.
        notes: what else was saved with it, such as the seed.

    Raises:
        ValueError: a vocabulary lacks a special token.
    """

    def __init__(
        self,
        network: keras.Model,
        source: Vocabulary,
        target: Vocabulary,
        notes: dict | None = None,
    ):
        if (source.padding_id, target.padding_id) != (0, 0):
            raise ValueError("`source` and `target` must have padding as id 0.")
        if None in (source.unknown_id, target.start_id, target.end_id):
            raise ValueError(
                "`source` must have an unknown token, and `target` a start and an end."
            )
        self.network = network
        self.source = source
        self.target = target
        self.notes = dict(notes or {})
        self._searchers: dict[tuple, keras.Model] = {}
        self._attention: keras.Model | None = None

    def encode(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """Ids of tokens, int32 `(num_sentences, length)`, the end token last.

        Args:
            sentences: tokens; those beyond the 60th are left out.
        """
        return self._encode(self.source, sentences)

    def translate(
        self,
        sentences: Sequence[str | Sequence[str]],
        *,
        num_candidates: int = 1,
        beam_width: int = 5,
        length_penalty: float = LENGTH_PENALTY,
        batch_size: int = 100,
    ) -> list[SentenceTranslation]:
        """Translates sentences; a beam width of 1 is greedy decoding.

        A token that the vocabulary lacks comes out as `<unk>`; in its place stands the
        word of the source that was attended to most, which is right for names.

        Args:
            sentences: texts, or tokens as of `sentences.tokenize`.
            num_candidates: translations for each.
            beam_width: of the search, `num_candidates` at least.
            length_penalty: of the search; 0 prefers short translations.
            batch_size: sentences at a time, of similar lengths.

        Returns:
            One for each sentence, in their order.

        Raises:
            ValueError: an argument is out of its range.

        Reference:
            - Luong et al., 2015, "Addressing the rare word problem in neural machine
              translation", section 3.3.
        """
        if not 1 <= num_candidates <= beam_width:
            raise ValueError(
                "`num_candidates` must be 1 to `beam_width`. Received: "
                f"num_candidates={num_candidates}, beam_width={beam_width}."
            )
        sentences = [
            tuple(tokenize(one) if isinstance(one, str) else one) for one in sentences
        ]
        found: list[SentenceTranslation | None] = [None] * len(sentences)
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        for start in range(0, len(order), batch_size):
            numbers = order[start : start + batch_size]
            batch = [sentences[number] for number in numbers]
            results = self._translate(batch, num_candidates, beam_width, length_penalty)
            for number, result in zip(numbers, results, strict=True):
                found[number] = result
        return found

    def log_probs(
        self,
        sources: Sequence[Sequence[str]],
        targets: Sequence[Sequence[str]],
        *,
        batch_size: int = 100,
    ) -> np.ndarray:
        """The network's log-probability of given translations, with their end token.

        Args:
            sources: tokens.
            targets: the translation of each, tokens.
            batch_size: pairs at a time.

        Returns:
            float64 `(num_pairs,)`.
        """
        found = np.zeros(len(sources))
        order = np.argsort([len(target) for target in targets], kind="stable")
        for start in range(0, len(order), batch_size):
            numbers = order[start : start + batch_size]
            ids = self.encode([sources[number] for number in numbers])
            wanted = self._encode(self.target, [targets[number] for number in numbers])
            logits = self.network.predict_on_batch(
                [ids, shift_right(wanted, self.target.start_id)]
            ).astype("float64")
            logits -= logits.max(axis=-1, keepdims=True)
            log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
            each = np.take_along_axis(log_probs, wanted[:, :, None], axis=2)[:, :, 0]
            found[numbers] = (each * (wanted != self.target.padding_id)).sum(axis=1)
        return found

    def attention(
        self, sources: Sequence[Sequence[str]], token_ids: Sequence[Sequence[int]]
    ) -> np.ndarray:
        """Where each written token was read, `(num_sentences, steps, length)`.

        Args:
            sources: tokens.
            token_ids: what was written to each, as `translate` gives it.
        """
        ids = self.encode(sources)
        length = _common_length(max(map(len, token_ids)))
        written = np.zeros((len(ids), length), "int32")
        for row, one in zip(written, token_ids, strict=True):
            row[: len(one)] = one
        if self._attention is None:
            self._attention = attention_model(self.network)
        return self._attention.predict_on_batch(
            [ids, shift_right(written, self.target.start_id)]
        )

    def save(self, folder: Path) -> None:
        """Writes `model.keras`, and beside it `sentence_translator.json`."""
        record = {
            "source": json.loads(self.source.to_json()),
            "target": json.loads(self.target.to_json()),
            **self.notes,
        }
        networks.save(folder, self.network, SETTINGS_FILE, record)

    def _encode(self, vocabulary, sentences):
        longest = min(max(map(len, sentences), default=0) + 1, SENTENCE_LENGTH)
        return vocabulary.encode_all(
            sentences, length=_common_length(longest), add_end=True
        )

    def _translate(self, sentences, num_candidates, width, length_penalty):
        ids = self.encode(sentences)
        results = self._searcher(width, length_penalty).predict_on_batch(ids)
        all_ids, scores, log_probs, lengths = (
            ops.convert_to_numpy(part)[:, :num_candidates] for part in results
        )
        written = [
            [tuple(one[:n].tolist()) for one, n in zip(rows, many, strict=True)]
            for rows, many in zip(all_ids, lengths, strict=True)
        ]
        unknown = self.target.unknown_id
        maps = None
        if any(unknown in one for rows in written for one in rows):
            maps = [
                self.attention(sentences, [rows[place] for rows in written])
                for place in range(num_candidates)
            ]
        return [
            SentenceTranslation(
                source=source,
                candidates=tuple(
                    (
                        self._words(
                            one, source, None if maps is None else maps[place][number]
                        ),
                        float(scores[number, place]),
                    )
                    for place, one in enumerate(written[number])
                ),
                token_ids=tuple(written[number]),
                log_probs=tuple(map(float, log_probs[number])),
            )
            for number, source in enumerate(sentences)
        ]

    def _words(self, ids, source, weights):
        words = []
        for place, index in enumerate(ids):
            if index == self.target.unknown_id and source:
                words.append(source[int(np.argmax(weights[place, : len(source)]))])
            elif index not in (self.target.end_id, self.target.padding_id):
                words.append(self.target.tokens[index])
        return tuple(words)

    def _searcher(self, width, length_penalty):
        key = width, length_penalty
        if key not in self._searchers:
            source = keras.Input((None,), dtype="int32")
            search = _Search(
                self.network,
                start_token=self.target.start_id,
                end_token=self.target.end_id,
                beam_width=width,
                length_penalty=length_penalty,
                max_length=SENTENCE_LENGTH,
            )
            self._searchers[key] = keras.Model(source, search(source))
        return self._searchers[key]


class _Search(keras.layers.Layer):
    """The search within a layer: compiled, where a bare call is not."""

    def __init__(self, network, **options):
        super().__init__()
        self.network = network  # so that the layer has its weights
        self.start, self.decode = decoding_step(network)
        self.options = options

    def call(self, source_ids):
        states = self.start(source_ids)
        result = decoding.beam_search(self.decode, states, **self.options)
        return result.token_ids, result.scores, result.log_probs, result.lengths

    def compute_output_shape(self, input_shape):
        beams = (input_shape[0], self.options["beam_width"])
        return (*beams, self.options["max_length"]), beams, beams, beams


class SentenceBatches(keras.utils.PyDataset):
    """Batches of sentences of similar lengths, in a new order every epoch.

    Args:
        pairs: `(source, target)`, both tokens.
        translator: whose vocabularies are used.
        batch_size: pairs in each; what remains of an epoch is left out.
        seed: of the order.
        epoch: the first one.

    Batches are `((source, target shifted right), target)`, int32, lengths multiples
    of 2.
    """

    def __init__(self, pairs, translator, *, batch_size, seed=0, epoch=0):
        super().__init__()
        self.batch_size = min(batch_size, len(pairs))
        self.seed = seed
        self.epoch = epoch
        self.start_id = translator.target.start_id
        self.lengths = np.array([[len(side) + 1 for side in pair] for pair in pairs])
        self.lengths = np.minimum(self.lengths, SENTENCE_LENGTH)
        self.sides = [
            vocabulary.encode_all(
                [pair[side] for pair in pairs],
                length=int(self.lengths[:, side].max()),
                add_end=True,
            )
            for side, vocabulary in enumerate((translator.source, translator.target))
        ]
        self._order()

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        chosen = self.batches[index]
        widths = [_rounded(length) for length in self.lengths[chosen].max(axis=0)]
        if index == 0:
            # Keras takes for fixed what the first two batches agree on.
            widths = [_rounded(ids.shape[1]) + STEP for ids in self.sides]
        source, target = (
            _widened(ids[chosen], width)
            for ids, width in zip(self.sides, widths, strict=True)
        )
        return (source, shift_right(target, self.start_id)), target

    def on_epoch_end(self):
        self.epoch += 1
        self._order()

    def _order(self):
        rng = np.random.default_rng((self.seed, self.epoch))
        num = len(self.lengths) // self.batch_size * self.batch_size
        # Sorted by length, those of one length by chance.
        shuffled = rng.permutation(len(self.lengths))[:num]
        order = np.lexsort((self.lengths[shuffled, 0], self.lengths[shuffled, 1]))
        self.batches = rng.permutation(
            shuffled[order].reshape(-1, self.batch_size), axis=0
        )


def load_sentence_translator(path: Path) -> SentenceTranslator:
    """Reads a trained translator of sentences.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        source, target = (
            Vocabulary.from_json(json.dumps(notes.pop(name)))
            for name in ("source", "target")
        )
        return source, target, notes

    network, (source, target, notes) = networks.load(
        path, SETTINGS_FILE, parse, "the vocabularies source and target"
    )
    return SentenceTranslator(network, source, target, notes)


def _common_length(longest):
    return next(length for length in LENGTHS if length >= longest)


def _rounded(length):
    return -(-max(length, 1) // STEP) * STEP


def _widened(ids, length):
    if ids.shape[1] >= length:
        return ids[:, :length]
    return np.pad(ids, ((0, 0), (0, length - ids.shape[1])))
