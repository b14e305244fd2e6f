"""A trained network with its emoji and word vectors: it reads sentences."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from dlai_keras import networks
from dlai_keras.embeddings import (
    embedded_vectors,
    read_vectors,
    tokenize,
    write_compact,
)
from dlai_keras.emojify.data import Sentences
from dlai_keras.emojify.lookup import Lookup
from dlai_keras.emojify.model import BUILDERS

SETTINGS_FILE = "reader.json"
VECTORS_FILE = "vectors.npz"
PRETRAINED = Path(__file__).parent / "weights"
MAX_KEPT = 50_000  # words of a file of vectors that are kept beside the network
STEP = 0.01  # of the differences that stand for gradients


class EmojiReader:
    """Tells the emoji of sentences.

    Args:
        network: vectors and weights -> logits, as the builders in `model` make it.
        emoji: of the labels.
        lookup: from sentences to vectors and weights.
        multi_label: whether every emoji has a probability of its own.
        notes: kept with it, such as the seed.

    Example:
        >>> from dlai_keras.embeddings import WordVectors
        >>> vectors = WordVectors(["good", "bad"], np.eye(2))
        >>> network = BUILDERS["emojify_v1"](2, 2)
        >>> network.set_weights([np.eye(2), np.zeros(2)])
        >>> reader = EmojiReader(network, ("😄", "😞"), Lookup(vectors))
        >>> reader.probabilities(["good", "bad"]).round(2)
        array([[0.73, 0.27],
               [0.27, 0.73]], dtype=float32)
    """

    def __init__(
        self,
        network: keras.Model,
        emoji: Sequence[str],
        lookup: Lookup,
        *,
        multi_label: bool = False,
        notes: dict | None = None,
    ):
        self.network, self.emoji, self.lookup = network, tuple(emoji), lookup
        self.multi_label, self.notes = multi_label, dict(notes or {})

    def logits(self, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
        """Logits of every label, float32 `(num_texts, num_labels)`.

        Args:
            texts: sentences with at least one word each.
            batch_size: sentences at a time.

        Raises:
            ValueError: a sentence is empty.
        """
        for place, text in enumerate(texts, 1):
            if not tokenize(text):
                raise ValueError(
                    f"Sentence {place} has no word. Received: {text!r}. Write one."
                )
        parts = [
            self._run(*self.lookup(texts[start : start + batch_size]))
            for start in range(0, len(texts), batch_size)
        ]
        return np.concatenate(parts)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities of every label, float32 `(num_texts, num_labels)`.

        Args:
            texts: as of `logits`.
        """
        logits = self.logits(texts)
        if self.multi_label:
            return 1 / (1 + np.exp(-logits))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The labels of each sentence: the most probable, or all of 0.5 and more.

        Args:
            texts: as of `logits`.
        """
        return self.labels(self.probabilities(texts))

    def labels(self, probabilities: np.ndarray) -> list[tuple[int, ...]]:
        """The labels that probabilities tell, as of `predict`.

        Args:
            probabilities: as of `probabilities`.
        """
        if self.multi_label:
            return [tuple(np.flatnonzero(row >= 0.5).tolist()) for row in probabilities]
        return [(int(row.argmax()),) for row in probabilities]

    def influence(self, text: str, label: int) -> list[tuple[str, float]]:
        """How much each word speaks for a label: gradient times input.

        It is the change of the logit, less the mean of all, along the word's own
        vector, measured by a central difference.

        Args:
            text: a sentence.
            label: the emoji's number.

        Returns:
            Words with a vector and their influence; above 0 speaks for the label.

        Reference:
            Shrikumar, Greenside, Kundaje, 2017, "Learning important features through
            propagating activation differences", ICML.
        """
        words = self.lookup.words(text)
        if not words:
            return []
        vectors, weights = self.lookup([text])
        num = len(words)
        scaled = np.repeat(vectors, 2 * num, axis=0)
        places = np.arange(num)
        scaled[places, places] *= 1 + STEP
        scaled[num + places, places] *= 1 - STEP
        logits = self._run(scaled, np.repeat(weights, 2 * num, axis=0))
        own = logits[:, label] - logits.mean(axis=1)
        change = (own[:num] - own[num:]) / (2 * STEP)
        return [(word, float(one)) for word, one in zip(words, change, strict=True)]

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Writes `model.keras`, and beside it `reader.json` and any own vectors.

        Vectors that came from a file are kept to 8 bits, the first 50,000 of them.

        Args:
            folder: made if it is missing.
            half: whether the weights are kept in half precision.
        """
        vectors = self.lookup.vectors
        own = [one for one in vectors if one is not embedded_vectors()]
        record = {
            "emoji": list(self.emoji),
            "multi_label": self.multi_label,
            "own_vectors": bool(own),
            "embedded_vectors": len(own) < len(vectors),
            "notes": self.notes,
        }
        networks.save(folder, self.network, SETTINGS_FILE, record, half=half)
        if own:
            kept = own[0].take(own[0].words[:MAX_KEPT])
            write_compact(Path(folder) / VECTORS_FILE, kept)

    def _run(self, vectors, weights):
        # Called as it is: to compile it for a shape takes longer than a few sentences.
        inputs = [ops.convert_to_tensor(vectors), ops.convert_to_tensor(weights)]
        return ops.convert_to_numpy(self.network(inputs, training=False))


def train_reader(
    sentences: Sentences,
    lookup: Lookup,
    *,
    model: str = "emoji_network",
    more: Sentences | None = None,
    more_weight: float = 0.5,
    epochs: int = 80,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.05,
    label_smoothing: float = 0.1,
    seed: int = 0,
    on_epoch: Callable[[int, dict], None] | None = None,
) -> EmojiReader:
    """Trains a network on all sentences that it is given.

    Args:
        sentences: to learn from.
        lookup: from sentences to vectors.
        model: emojify_v1, emojify_v2 or emoji_network.
        more: sentences of the same emoji that count less.
        more_weight: how much.
        epochs: how often all are read.
        batch_size: sentences per step.
        learning_rate: the highest; it falls along a cosine.
        weight_decay: as of AdamW.
        label_smoothing: share of a target that is spread over all labels.
        seed: of the weights, the order and the dropout.
        on_epoch: called with the epoch's number and its logs.

    Returns:
        The reader, which has not been measured yet.

    Raises:
        ValueError: there is no such model.
    """
    if model not in BUILDERS:
        raise ValueError(
            f"`model` must be one of {', '.join(BUILDERS)}. Received: {model!r}."
        )
    keras.utils.set_random_seed(seed)
    network = BUILDERS[model](lookup.dim, len(sentences.emoji))
    parts = [sentences] if more is None else [sentences, more]
    targets = np.concatenate([part.targets() for part in parts])
    num_more = len(targets) - len(sentences)
    counts = np.repeat([1.0, more_weight], [len(sentences), num_more])
    inputs = list(lookup([text for part in parts for text in part.texts]))
    trained = network
    if model == "emoji_network":
        members = network.get_layer("members").output
        trained = keras.Model(network.inputs, members)
        targets = np.repeat(targets[:, None], members.shape[1], axis=1)
        counts = np.repeat(counts[:, None], members.shape[1], axis=1)
    loss = (
        keras.losses.BinaryCrossentropy
        if sentences.multi_label
        else keras.losses.CategoricalCrossentropy
    )
    steps = -(-len(targets) // batch_size) * epochs
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    trained.compile(
        keras.optimizers.AdamW(rate, weight_decay=weight_decay),
        loss(from_logits=True, label_smoothing=label_smoothing),
        jit_compile=keras.backend.backend() == "jax",
    )
    told = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch)
    trained.fit(
        inputs,
        targets,
        sample_weight=counts,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[told] if on_epoch else [],
    )
    return EmojiReader(
        network,
        sentences.emoji,
        lookup,
        multi_label=sentences.multi_label,
        notes={"model": model, "seed": seed},
    )


def load_reader(path: Path) -> EmojiReader:
    """Reads a trained reader.

    Args:
        path: `model.keras`, or the folder that holds it.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """

    def parse(record):
        names = ("emoji", "multi_label", "own_vectors", "embedded_vectors", "notes")
        return tuple(record[name] for name in names)

    network, (emoji, multi_label, own, embedded, notes) = networks.load(
        path,
        SETTINGS_FILE,
        parse,
        "emoji, multi_label, own_vectors, embedded_vectors and notes",
    )
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    sets = [read_vectors(folder / VECTORS_FILE)] if own else []
    lookup = Lookup(*sets, *([embedded_vectors()] if embedded else []))
    return EmojiReader(network, emoji, lookup, multi_label=multi_label, notes=notes)


def load_lookup(path: Path | None = None) -> Lookup:
    """The embedded vectors, and beside them those of a file.

    Args:
        path: as of `embeddings.read_vectors`; None takes the embedded ones alone.
    """
    if path is None:
        return Lookup(embedded_vectors())
    return Lookup(read_vectors(path), embedded_vectors())


def load_pretrained() -> EmojiReader:
    """The reader that comes with the package; it learned the embedded sentences."""
    return load_reader(PRETRAINED)
