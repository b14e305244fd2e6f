"""A trained network with its characters: it writes, and says how probable a text is."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from dlai_keras import decoding, networks
from dlai_keras.dinosaur_names import metrics
from dlai_keras.dinosaur_names.batches import END, START, UNKNOWN
from dlai_keras.dinosaur_names.data import CharacterVocabulary
from dlai_keras.dinosaur_names.model import (
    initial_states,
    one_step_model,
    stateful_model,
)

SETTINGS_FILE = "writer.json"
PRETRAINED = Path(__file__).parent / "weights"
KINDS = ("items", "text")
LENGTHS = {"items": 40, "text": 500}  # characters, unless told otherwise
# Written together. Fixed, so that the first names are the same however many are
# asked for, and a loop is compiled once.
TOGETHER = {"items": 32, "text": 1}
MAX_ROUNDS = 40  # of writing, until all names are new enough
WIDENED = 4  # times that a search is, until there are enough
CHUNK = 256  # characters that are read at a time
PIECE = 2048  # characters of a long text that are scored in one row
WARM_UP = 256  # characters that are read before them


class Writer:
    """Writes names or running text, and scores them.

    Args:
        model: as `model.character_model` or `model.mixture` builds it.
        vocabulary: its characters.
        kind: `"items"` for names and the like, which come to an end, or `"text"`.
        known: names that it learned from; `min_distance` is the distance from these.
        notes: what else is saved with it, such as the seed.

    Raises:
        ValueError: `kind` is another one, or the vocabulary is not the model's.

    Example:
        >>> from dlai_keras.dinosaur_names.model import character_model
        >>> vocabulary = CharacterVocabulary.of(["abba", "baa"])
        >>> model = character_model(len(vocabulary), units=4)
        >>> writer = Writer(model, vocabulary, "items")
        >>> names = writer.generate(3, prefix="b", max_length=5)
        >>> len(names), {name[0] for name in names}
        (3, {'b'})
    """

    def __init__(
        self,
        model: keras.Model,
        vocabulary: CharacterVocabulary,
        kind: str,
        known: Sequence[str] = (),
        notes: dict | None = None,
    ):
        if kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {', '.join(KINDS)}. Received: {kind!r}."
            )
        if model.output_shape[-1] != len(vocabulary):
            raise ValueError(
                f"`vocabulary` must have {model.output_shape[-1]} characters, as the "
                f"model's logits have. Received: {len(vocabulary)}."
            )
        self.model = model
        self.vocabulary = vocabulary
        self.kind = kind
        self.known = tuple(known)
        self.notes = dict(notes or {})
        self._step = _compiled(one_step_model(model))
        self._reader = _compiled(stateful_model(model))
        self._loops: dict[tuple, keras.Model] = {}

    def generate(
        self,
        num: int = 1,
        *,
        prefix: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        max_length: int | None = None,
        beam_width: int | None = None,
        min_distance: int = 0,
    ) -> list[str]:
        """Writes names, or passages of text.

        All characters of all names come from one compiled loop. The first names of a
        seed are the same however many are asked for.

        Args:
            num: how many.
            prefix: what each begins with.
            temperature: as of `decoding.sample`: below 1 the probable becomes more
                probable, 0 is the most probable character each time.
            top_k: draw from this many characters at most.
            top_p: draw from the fewest characters of this probability together.
            seed: repeats the names, on one backend.
            max_length: most characters of each, the prefix included; 40 by default,
                of a text 500. A name that has not ended by then is left as it is.
            beam_width: search the most probable names instead, the best first, with
                this many beginnings, or `num` where that is more. Nothing is drawn,
                and what has not ended is no name.
            min_distance: edits, insertions and deletions that are needed at least to
                make any known name of it. With 1 or more no name is written twice.

        Returns:
            Strings.

        Raises:
            ValueError: an argument is out of its range, the prefix has a character
                that the network never saw, or too few names are new enough.
        """
        length = LENGTHS[self.kind] if max_length is None else max_length
        self._check(num, prefix, seed, length, beam_width, min_distance)
        prefix = self.vocabulary.decode(self.vocabulary.encode(prefix))  # composed
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        if beam_width is not None:
            rounds = self._searched(prefix, length, max(num, beam_width))
        else:
            rounds = self._drawn(prefix, length, seed, options)
        found, tried = [], 0
        for texts in itertools.islice(rounds, MAX_ROUNDS if min_distance else None):
            tried += len(texts)
            found += [one for one in texts if self._is_new(one, min_distance)]
            if min_distance or beam_width is not None:
                found = list(dict.fromkeys(found))
            if len(found) >= num:
                return found[:num]
        far = f", {min_distance} edits or more from every known one"
        raise ValueError(
            f"Only {len(found)} of {num} different names{far if min_distance else ''} "
            f"were found in {tried} tries. Lower `num` or `min_distance`, raise "
            "`temperature`, `top_p` or `max_length`, or give a shorter `prefix`."
        )

    def log_probs(
        self, texts: Sequence[str], *, batch_size: int = 64
    ) -> tuple[np.ndarray, np.ndarray]:
        """How probable the network finds texts, natural logarithms.

        A name counts with its end, which is a choice like every character; a running
        text has no end. The states are carried from piece to piece, so that nothing is
        cut off. Of a text of more than 2048 characters the pieces are read beside one
        another, each after the 256 characters before it.

        Args:
            texts: to score.
            batch_size: rows at a time.

        Returns:
            `(log_probs, num_characters)`: float64 `(num_texts,)`, and how many choices
            each text was, its end included, int64.
        """
        each = self.surprise(texts, batch_size=batch_size)
        totals = np.array([-one.sum() for one in each], "float64")
        return totals, np.array([len(one) for one in each], "int64")

    def surprise(
        self, texts: Sequence[str], *, batch_size: int = 64
    ) -> list[np.ndarray]:
        """`-log P` of every character given those before it, nats.

        Args:
            texts: as of `log_probs`.
            batch_size: rows at a time.

        Returns:
            For each text float64 `(length,)`, for a name one more: its end.
        """
        rows, owners = [], []
        found = []
        for text in texts:
            ids = self.vocabulary.encode(text, add_end=self.kind == "items")
            tokens = np.array([START, *ids], "int32")
            found.append(np.zeros(len(tokens) - 1))
            for start in range(0, len(tokens) - 1, PIECE):
                first = max(0, start - WARM_UP)
                rows.append((tokens[first : start + PIECE + 1], start - first))
                owners.append(found[-1][start : start + PIECE])
        # Rows of similar lengths together.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            scores = self._score([rows[i][0] for i in chosen])
            for i, score in zip(chosen, scores, strict=True):
                owners[i][:] = score[rows[i][1] : len(rows[i][0]) - 1]
        return found

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """The mean of `-log2 P` over all characters and, of names, their ends.

        Args:
            texts: to score.

        Raises:
            ValueError: there is nothing to score.
        """
        totals, counts = self.log_probs(texts)
        return metrics.bits_per_character(float(totals.sum()), int(counts.sum()))

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `writer.json`.

        Args:
            folder: made if it is missing.
            half: whether the weights are kept in half precision, in half the bytes.
        """
        record = {
            "characters": self.vocabulary.to_json(),
            "kind": self.kind,
            "known": list(self.known),
            **self.notes,
        }
        networks.save(folder, self.model, SETTINGS_FILE, record, half=half)

    def _is_new(self, text, min_distance):
        if not (self.known and min_distance):
            return True
        return metrics.nearest(text, self.known)[1] >= min_distance

    def _check(self, num, prefix, seed, length, beam_width, min_distance):
        for name, value, least in (
            ("num", num, 1),
            ("max_length", length, 1),
            ("beam_width", 1 if beam_width is None else beam_width, 1),
            ("min_distance", min_distance, 0),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ValueError(
                    f"`{name}` must be {least} or more. Received: {value}."
                )
        strange = self.vocabulary.unknown(prefix)
        if strange:
            known = "".join(self.vocabulary.characters)
            raise ValueError(
                "`prefix` must be of characters that the network has seen. Received: "
                f"{', '.join(map(repr, strange))}. It knows: {known!r}."
            )
        if len(prefix) >= length:
            raise ValueError(
                f"`max_length` must be above {len(prefix)}, the length of the prefix. "
                f"Received: {length}."
            )

    # Writing

    def _drawn(self, prefix, length, seed, options):
        rows = TOGETHER[self.kind]
        loop = self._loop("sample", length, bool(prefix), **options)
        start = self._read_prefix(prefix, rows)
        for number in itertools.count():
            drawn = np.random.SeedSequence((seed, number)).generate_state(1)[0]
            loop.layers[-1].reseed(int(drawn) >> 1)
            yield self._texts(prefix, length, *loop.predict_on_batch(start))

    def _searched(self, prefix, length, width):
        # Where many are too near to known names, or have not ended, ever wider.
        for _ in range(WIDENED):
            loop = self._loop("beam", length, bool(prefix), beam_width=width)
            token_ids, lengths = (
                beams[0]
                for beams in loop.predict_on_batch(self._read_prefix(prefix, 1))
            )
            found = lengths > 0
            if self.kind == "items":
                found &= (token_ids == END).any(axis=1)
            yield self._texts(prefix, length, token_ids[found], lengths[found])
            width *= 4

    def _read_prefix(self, prefix, rows):
        """What a loop starts from: the last character and the states before it."""
        tokens = [START, *self.vocabulary.encode(prefix)]
        states = self._zeros(1)
        for token in tokens[:-1]:
            token = np.array([[token]], "int32")
            _, *states = self._step.predict_on_batch([token, *states])
        last = np.full((rows, 1), tokens[-1], "int32")
        return [last, *(np.repeat(state, rows, axis=0) for state in states)]

    def _texts(self, prefix, length, token_ids, lengths):
        texts = []
        for ids, num in zip(token_ids.tolist(), lengths.tolist(), strict=True):
            ids = ids[: min(num, length - len(prefix))]
            texts.append(prefix + self.vocabulary.decode(ids))
        return texts

    def _loop(self, name, length, has_prefix, **options):
        has_prefix = has_prefix or self.kind == "text"  # where it makes no difference
        key = name, length, has_prefix, *options.values()
        if key not in self._loops:
            start = [
                keras.Input(one.shape[1:], dtype=one.dtype, name=f"start_{number}")
                for number, one in enumerate(self._step.inputs)
            ]
            write = _Write(
                self._step,
                name,
                constraint=self._allowed(has_prefix),
                end_token=END if self.kind == "items" else None,
                # A name's end, too, where nothing else came.
                max_length=length + (self.kind == "items"),
                **options,
            )
            self._loops[key] = _compiled(keras.Model(start, write(start)))
        return self._loops[key]

    def _allowed(self, has_prefix):
        """Only known characters, and no name without any."""
        table = np.zeros((2, len(self.vocabulary)), int) + 1
        table[:, UNKNOWN] = -1
        if self.kind == "text":
            table[:, END] = -1
        elif not has_prefix:
            table[0, END] = -1
        return decoding.TokenAutomaton(table)

    # Scoring

    def _zeros(self, rows):
        states = initial_states(self.model, rows)
        return [ops.convert_to_numpy(state) for state in states]

    def _score(self, rows):
        """`-log P` of the tokens after the first, `(num_rows, longest)`."""
        longest = max(map(len, rows)) - 1
        # Few different shapes, few compilations.
        width = (
            -(-longest // 8) * 8 if longest < CHUNK else -(-longest // CHUNK) * CHUNK
        )
        tokens = np.zeros((len(rows), width + 1), "int32")
        for target, row in zip(tokens, rows, strict=True):
            target[: len(row)] = row
        scores = np.zeros((len(rows), width))
        states = self._zeros(len(rows))
        for i in range(0, width, CHUNK):
            inputs = tokens[:, i : min(i + CHUNK, width)]
            targets = tokens[:, i + 1 : i + 1 + inputs.shape[1]]
            logits, *states = self._reader.predict_on_batch([inputs, *states])
            logits = logits.astype("float64")
            logits -= logits.max(axis=-1, keepdims=True)
            own = np.take_along_axis(logits, targets[:, :, None], axis=2)[:, :, 0]
            part = np.log(np.exp(logits).sum(axis=-1)) - own
            scores[:, i : i + inputs.shape[1]] = part
        return scores


class _Write(keras.layers.Layer):
    """The loop within a layer: compiled, where a bare call is not."""

    def __init__(self, one_step, name, **options):
        super().__init__()
        self.one_step = one_step  # so that the layer has its weights
        self.method = name
        self.options = options
        self.draws = keras.random.SeedGenerator(0)

    def reseed(self, seed):
        """Has the next call draw what it draws after this seed."""
        state = self.draws.state
        state.assign(np.array([seed, 0], keras.backend.standardize_dtype(state.dtype)))

    def call(self, start):
        token, *states = start

        def step(token_ids, states):
            logits, *states = self.one_step([token_ids[:, None], *states])
            return logits, states

        options = {**self.options, "start_token": token[:, 0]}
        if self.method == "beam":
            result = decoding.beam_search(step, states, **options)
            return result.token_ids, result.lengths
        token_ids, _, lengths = decoding.sample(
            step, states, seed=self.draws, **options
        )
        return token_ids, lengths

    def compute_output_shape(self, start_shapes):
        shape = (start_shapes[0][0],)
        if self.method == "beam":
            shape = (*shape, self.options["beam_width"])
        return (*shape, self.options["max_length"]), shape


def _compiled(model):
    # TensorFlow's own graphs run such small steps no slower than XLA's, and are there
    # at once.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model


def load_writer(path: Path) -> Writer:
    """Reads a trained writer.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(notes):
        vocabulary = CharacterVocabulary.from_json(notes.pop("characters"))
        return vocabulary, notes.pop("kind"), tuple(notes.pop("known")), notes

    model, (vocabulary, kind, known, notes) = networks.load(
        path, SETTINGS_FILE, parse, "characters, kind and known names"
    )
    return Writer(model, vocabulary, kind, known, notes)


def load_pretrained() -> Writer:
    """The writer that comes with the package: it learned from the embedded genera."""
    return load_writer(PRETRAINED)
