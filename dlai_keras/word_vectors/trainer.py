"""Word vectors from a text."""

from collections.abc import Callable

import keras
import numpy as np

from dlai_keras.embeddings import WordVectors
from dlai_keras.word_vectors import losses, model
from dlai_keras.word_vectors.batches import CooccurrenceBatches, WindowBatches
from dlai_keras.word_vectors.corpus import Corpus, cooccurrences

METHODS = ("skip_gram", "cbow", "glove")
# Of Adagrad, whose steps are small for words that are met often.
LEARNING_RATES = {"skip_gram": 0.3, "cbow": 0.3, "glove": 0.05}
STARTS_AT = {"skip_gram": 0.1, "cbow": 0.1, "glove": 1.0}  # of its sums of squares


def train_vectors(
    corpus: Corpus,
    *,
    method: str = "skip_gram",
    dim: int = 100,
    window: int = 5,
    epochs: int = 5,
    negatives_per_pair: float = 5.0,
    threshold: float = 1e-3,
    learning_rate: float | None = None,
    batch_size: int = 8192,
    seed: int = 0,
    on_epoch: Callable[[int, dict], None] | None = None,
) -> WordVectors:
    """Trains vectors of all words of a corpus.

    Args:
        corpus: as `read_corpus` gives it.
        method: skip_gram, cbow or glove.
        dim: numbers of a vector.
        window: the farthest reach. It varies from 1 to this for the first two, as in
            word2vec, and the weights of pairs are 1 / distance for GloVe.
        epochs: how often the text, or all pairs of GloVe, are read.
        negatives_per_pair: k of negative sampling.
        threshold: share of the text above which words are left out now and then.
        learning_rate: the highest, of Adagrad; it falls along a line. 0.3 by default,
            0.05 for GloVe.
        batch_size: words in a batch, or pairs.
        seed: of the weights and of all that is drawn.
        on_epoch: called with the epoch's number and its logs: `loss`, a word's or, with
            GloVe, a pair's.

    Returns:
        The vectors, the most frequent words first; of GloVe the sum of both vectors of
        a word.

    Raises:
        ValueError: an argument is out of its range.

    Reference:
        Mikolov et al., 2013; Pennington et al., 2014; Duchi et al., 2011, "Adaptive
        subgradient methods", JMLR 12.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be one of {', '.join(METHODS)}. Received: {method!r}."
        )
    for name, value in (("dim", dim), ("window", window), ("epochs", epochs)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    keras.utils.set_random_seed(seed)
    network = getattr(model, method)(len(corpus.words), dim)
    if method == "glove":
        pairs = cooccurrences(corpus, window=window)
        batches = CooccurrenceBatches(*pairs, batch_size=batch_size, seed=seed)
        loss = losses.GloveLoss(reduction="sum")
    else:
        length = max(64, 8 * window)
        batches = WindowBatches(
            corpus,
            rows=max(batch_size // length, 1),
            length=length,
            window=window,
            threshold=threshold,
            with_reach=method == "cbow",
            seed=seed,
        )
        one = losses.SkipGramLoss if method == "skip_gram" else losses.CbowLoss
        loss = one(negatives_per_pair, reduction="sum")
    rate = LEARNING_RATES[method] if learning_rate is None else learning_rate
    network.compile(
        keras.optimizers.Adagrad(
            keras.optimizers.schedules.PolynomialDecay(
                rate, len(batches) * epochs, end_learning_rate=1e-4 * rate
            ),
            initial_accumulator_value=STARTS_AT[method],
        ),
        loss,
        jit_compile=keras.backend.backend() == "jax",
    )
    callbacks = []
    if on_epoch is not None:

        def tell(epoch, logs):
            on_epoch(epoch, {"loss": logs["loss"] / batch_size})

        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=tell))
    network.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    matrix = _weights(network, "vectors")
    if method == "glove":
        matrix = matrix + _weights(network, "context_vectors")
    return WordVectors(corpus.words, matrix, name=method)


def _weights(network, name):
    return np.asarray(network.get_layer(name).get_weights()[0])
