"""Networks that read a sentence's vectors: the course's two, and the one that ships."""

import keras
from keras import ops


def emojify_v2(
    embedding: keras.layers.Embedding,
    num_labels: int = 5,
    *,
    max_len: int | None = None,
    units: int = 128,
    dropout: float = 0.5,
    name: str = "emojify_v2",
) -> keras.Model:
    """The course's second network: frozen vectors, two LSTMs, dropout after each.

    Args:
        embedding: as `course.pretrained_embedding_layer` makes it, which masks padding.
        num_labels: emoji.
        max_len: words of a sentence; None takes any.
        units: of each LSTM.
        dropout: share that is dropped after each.
        name: of the model.

    Returns:
        Indices `(batch, max_len)` -> logits `(batch, num_labels)`; beside the vectors
        91,648, 131,584 and 645 parameters with 50 numbers a vector.

    Example:
        >>> layer = keras.layers.Embedding(40, 50, mask_zero=True, trainable=False)
        >>> model = emojify_v2(layer)
        >>> [one.count_params() for one in model.layers if one.name.startswith("l")]
        [91648, 131584, 645]

    Reference:
        Course 5, week 2, "Emojify!".
    """
    inputs = keras.Input((max_len,), dtype="int32", name="indices")
    outputs = _two_lstms(embedding(inputs), None, num_labels, units, dropout)
    return keras.Model(inputs, outputs, name=name)


def lstm_network(
    dim: int = 50,
    num_labels: int = 5,
    *,
    units: int = 128,
    dropout: float = 0.5,
    name: str = "emojify_v2",
) -> keras.Model:
    """The layers of `emojify_v2` above the vectors, as input instead of indices.

    Args:
        dim: numbers of a vector.
        num_labels: emoji.
        units: of each LSTM.
        dropout: share that is dropped after each.
        name: of the model.

    Returns:
        Vectors `(batch, length, dim)` and weights `(batch, length)`, 0 where no word
        is -> logits `(batch, num_labels)`.

    Example:
        >>> lstm_network(50, 5).count_params()
        223877
    """
    vectors, weights, mask = _inputs(dim)
    outputs = _two_lstms(vectors, mask, num_labels, units, dropout)
    return keras.Model([vectors, weights], outputs, name=name)


def averages_network(
    dim: int = 50, num_labels: int = 5, *, name: str = "emojify_v1"
) -> keras.Model:
    """The course's first network: softmax on the mean of the vectors.

    Args:
        dim: numbers of a vector.
        num_labels: emoji.
        name: of the model.

    Returns:
        As of `lstm_network`.

    Example:
        >>> averages_network(50, 5).count_params()
        255
    """
    vectors, weights, mask = _inputs(dim)
    mean = _weighted_mean(vectors, ops.cast(mask, "float32"))
    outputs = keras.layers.Dense(num_labels, name="logits")(mean)
    return keras.Model([vectors, weights], outputs, name=name)


def emoji_network(
    dim: int = 50,
    num_labels: int = 5,
    *,
    members: int = 8,
    filters: int = 32,
    width: int = 3,
    word_dropout: float = 0.1,
    noise: float = 0.02,
    dropout: float = 0.5,
    name: str = "emoji_network",
) -> keras.Model:
    """A few small networks side by side that see runs of words, and their mean.

    Each member has `filters` that look at `width` words beside one another, and as many
    that look at two means of all words, the rare ones counting more in both and the
    later ones in the second. Words that a
    negation denies, those of a negative weight, are words of their own to both, so that
    "not bad, good" is another thing than "bad, not good". The layer `members` has the
    logits of each member `(batch, members, num_labels)`; train on these, so that the
    members differ.

    Args:
        dim: numbers of a vector.
        num_labels: emoji.
        members: how many networks.
        filters: of each kind, of a member.
        width: words that a filter sees.
        word_dropout: share of the words that are hidden in training.
        noise: deviation of what is added to each number of a vector in training.
        dropout: share of what each filter gives that is dropped.
        name: of the model.

    Returns:
        As of `lstm_network`.

    Example:
        >>> model = emoji_network(50, 12)
        >>> model.get_layer("members").output.shape, model.output.shape
        ((None, 8, 12), (None, 12))
    """
    vectors, weights, mask = _inputs(dim)
    shown = ops.cast(mask, "float32")[..., None]
    denied = ops.cast(weights < 0, "float32")[..., None]
    x = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1))(vectors)
    x = keras.layers.GaussianNoise(noise)(x) * shown
    x = ops.concatenate([x * (1 - denied), x * denied], axis=-1)
    runs = keras.layers.Conv1D(
        members * filters, width, padding="same", activation="relu", name="runs"
    )(x)
    runs = ops.max(runs * shown, axis=1)
    rarity = ops.abs(weights)
    # What is said last is what is meant: "I was sad, today I am happy".
    place = ops.cumsum(shown[..., 0], axis=1)
    late = rarity * ops.square(place / (ops.max(place, axis=1, keepdims=True) + 1e-6))
    mean = ops.concatenate(
        [_weighted_mean(x, rarity), _weighted_mean(x, late)], axis=-1
    )
    mean = keras.layers.Dense(members * filters, activation="relu", name="bag")(mean)
    parts = [keras.layers.Reshape((members, filters))(part) for part in (runs, mean)]
    x = keras.layers.Dropout(dropout)(keras.layers.Concatenate()(parts))
    x = keras.layers.EinsumDense(
        "bmf,mfl->bml", (members, num_labels), bias_axes="ml", name="members"
    )(x)
    outputs = keras.layers.GlobalAveragePooling1D(name="logits")(x)
    return keras.Model([vectors, weights], outputs, name=name)


BUILDERS = {
    "emojify_v1": averages_network,
    "emojify_v2": lstm_network,
    "emoji_network": emoji_network,
}


def _inputs(dim):
    vectors = keras.Input((None, dim), name="vectors")
    weights = keras.Input((None,), name="weights")
    return vectors, weights, ops.not_equal(weights, 0.0)


def _weighted_mean(vectors, weights):
    total = ops.sum(vectors * weights[..., None], axis=1)
    # A sentence without any known word has the mean 0.
    return total / (ops.sum(weights, axis=1, keepdims=True) + 1e-6)


def _two_lstms(x, mask, num_labels, units, dropout):
    options = {} if mask is None else {"mask": mask}
    first = keras.layers.LSTM(units, return_sequences=True, name="lstm_1")
    x = keras.layers.Dropout(dropout)(first(x, **options))
    x = keras.layers.LSTM(units, name="lstm_2")(x, **options)
    x = keras.layers.Dropout(dropout)(x)
    return keras.layers.Dense(num_labels, name="logits")(x)
