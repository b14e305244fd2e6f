"""A recurrent network that tells the next character, whole texts or step by step."""

import itertools
import math
from collections.abc import Sequence

import keras
from keras import layers, ops

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}


def character_model(
    vocabulary_size: int,
    *,
    units: int = 128,
    num_layers: int = 1,
    cell: str = "lstm",
    embedding_dim: int | None = None,
    dropout: float = 0.0,
    recurrent_dropout: float = 0.0,
    tied: bool = False,
    name: str = "character_model",
) -> keras.Model:
    """A recurrent network that reads characters and tells at each what comes next.

    `P(y_t | y_1 ... y_{t-1}) = softmax(W h_t + b)`, where `h_t` is the state of the
    last recurrent layer after it has read `y_{t-1}`; before the first character it
    reads the start, id 0.

    Args:
        vocabulary_size: number of characters, start and unknown included.
        units: of each recurrent layer.
        num_layers: recurrent layers above one another.
        cell: `"lstm"`, `"gru"` or `"rnn"`, the course's plain one.
        embedding_dim: of the characters; by default `units` where the weights are
            tied, else `units` or 64, whichever is less.
        dropout: share of the embeddings and of each layer's outputs that is dropped
            in training.
        recurrent_dropout: share of the states that is dropped in training on their way
            to the next character, the same ones for a whole text.
        tied: whether the embedding is the output's kernel, too, which then has no
            bias; needs Keras 3.13.
        name: of the model.

    Returns:
        Uncompiled model: token ids `(batch, time)`, int32, each the one before that
        to be told, to logits `(batch, time, vocabulary_size)`. Time is of any length.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> model = character_model(28, units=50, cell="rnn", embedding_dim=28)
        >>> model.output_shape, model.count_params()
        ((None, None, 28), 6162)

    Reference:
        - Graves, 2013, "Generating sequences with recurrent neural networks".
        - Gal and Ghahramani, 2016, "A theoretically grounded application of dropout in
          recurrent neural networks".
        - Press and Wolf, 2017, "Using the output embedding to improve language
          models" (tied weights).
        - Sequence Models, week 1, "Dinosaurus Island".
    """
    if embedding_dim is None:
        embedding_dim = units if tied else min(units, 64)
    _check(vocabulary_size, units, num_layers, cell, embedding_dim)
    _check_shares(dropout=dropout, recurrent_dropout=recurrent_dropout)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    make = layers.ReversibleEmbedding if tied else layers.Embedding
    # Keras' own start is so small that for many steps characters are hardly told
    # apart; as the output's kernel it has to be small.
    initializer = keras.initializers.RandomNormal(
        stddev=embedding_dim**-0.5 if tied else 1.0
    )
    embedding = make(
        vocabulary_size,
        embedding_dim,
        embeddings_initializer=initializer,
        name="embedding",
    )
    x = embedding(token_ids)
    x = layers.Dropout(dropout, name="embedding_dropout")(x)
    for number in range(1, num_layers + 1):
        # The states are for `stateful_model`; training leaves them alone.
        x, *_ = CELLS[cell](
            units,
            return_sequences=True,
            return_state=True,
            recurrent_dropout=recurrent_dropout,
            name=f"recurrent_{number}",
        )(x)
        x = layers.Dropout(dropout, name=f"dropout_{number}")(x)
    if not tied:
        outputs = layers.Dense(vocabulary_size, name="logits")(x)
    else:
        if embedding_dim != units:
            x = layers.Dense(embedding_dim, name="readout")(x)
        outputs = embedding(x, reverse=True)
    return keras.Model(token_ids, outputs, name=name)


def mixture(members: Sequence[keras.Model], name: str = "mixture") -> keras.Model:
    """Several networks as one: the mean of their probabilities.

    Networks that began with other weights err in other places, so that their mean is
    less often sure of what is wrong. It writes and scores as one network does.

    Args:
        members: as `character_model` builds them, of the same vocabulary and of
            different names; trained, one by one.
        name: of the model.

    Returns:
        Uncompiled model: token ids `(batch, time)` to `log(mean_m P_m)` `(batch, time,
        vocabulary_size)`. It shares the members' weights.

    Raises:
        ValueError: there are no members, two have the same name, or one is another
            model or of another vocabulary.

    Example:
        >>> members = [character_model(28, units=8, name=name) for name in "ab"]
        >>> mixture(members).output_shape
        (None, None, 28)

    Reference:
        - Hansen and Salamon, 1990, "Neural network ensembles".
    """
    for member in members:
        _recurrent(member)  # raises where it is another model
    names = {member.name for member in members}
    shapes = {member.output_shape for member in members}
    if len(names) != len(members) or len(shapes) != 1:
        raise ValueError(
            "`members` must be models of different names and of one vocabulary. "
            f"Received: {[(member.name, member.output_shape) for member in members]}."
        )
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    logits = [member(token_ids) for member in members]
    return keras.Model(token_ids, _mean_log_probs(logits), name=name)


def one_step_model(model: keras.Model) -> keras.Model:
    """The same network for one character: what a loop that writes calls.

    It shares the layers, so that training goes on to show. Its recurrent layers are
    their cells: there is no loop over time within the step.

    Args:
        model: as `character_model` or `mixture` builds it.

    Returns:
        Uncompiled model: `[token (batch, 1), *states]` to `[logits (batch,
        vocabulary_size), *states]`. States are `(batch, units)`: the hidden state of
        every layer, for an LSTM each followed by its memory cell.

    Raises:
        ValueError: the model is another one.

    Example:
        >>> model = character_model(28, units=8, num_layers=2, cell="gru")
        >>> [output.shape for output in one_step_model(model).outputs]
        [(None, 28), (None, 8), (None, 8)]
    """
    token = keras.Input((1,), dtype="int32", name="token")
    if _members(model):
        return _together(model, token, one_step_model, "step")
    states = _state_inputs(model)
    found = _by_name(model)
    x = ops.squeeze(found["embedding"](token), axis=1)
    after = []
    for layer, own in _with_states(model, states):
        # Keras calls them all alike, and wants different names within a model.
        layer.cell.name = f"{layer.name}_cell"
        x, new = layer.cell(x, own)
        after += new
    outputs = [_logits(found, x), *after]
    return keras.Model([token, *states], outputs, name=f"{model.name}_step")


def stateful_model(model: keras.Model) -> keras.Model:
    """The same network from given states to the states after: for text in pieces.

    Args:
        model: as `character_model` or `mixture` builds it.

    Returns:
        Uncompiled model: `[token ids (batch, time), *states]` to `[logits (batch,
        time, vocabulary_size), *states]`, states as of `one_step_model`.

    Raises:
        ValueError: the model is another one.

    Example:
        >>> model = stateful_model(character_model(28, units=8))
        >>> [output.shape for output in model.outputs]
        [(None, None, 28), (None, 8), (None, 8)]
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    if _members(model):
        return _together(model, token_ids, stateful_model, "stateful")
    states = _state_inputs(model)
    found = _by_name(model)
    x = found["embedding"](token_ids)
    after = []
    for layer, own in _with_states(model, states):
        x, *new = layer(x, initial_state=own)
        after += new
    outputs = [_logits(found, x), *after]
    return keras.Model([token_ids, *states], outputs, name=f"{model.name}_stateful")


def initial_states(model: keras.Model, batch_size: int) -> list:
    """The states before the first character: zeros.

    Args:
        model: as `character_model` or `mixture` builds it.
        batch_size: rows of each.

    Returns:
        Float32 tensors `(batch_size, units)`, as `one_step_model` takes them.

    Raises:
        ValueError: the model is another one.

    Example:
        >>> [state.shape[1] for state in initial_states(character_model(9, units=8), 2)]
        [8, 8]
    """
    return [ops.zeros((batch_size, size)) for size in _state_sizes(model)]


def _members(model):
    """Those of a mixture; none where the model is one network."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]


def _mean_log_probs(logits):
    """`log(mean_m softmax(logits_m))`."""
    log_probs = ops.stack([ops.log_softmax(one) for one in logits])
    return ops.logsumexp(log_probs, axis=0) - math.log(len(logits))


def _together(model, tokens, make, kind):
    """What `make` builds of each member, with all their states side by side."""
    states = _state_inputs(model)
    rest, logits, after = iter(states), [], []
    for member in _members(model):
        part = make(member)
        own = itertools.islice(rest, len(part.inputs) - 1)
        told, *new = part([tokens, *own])
        logits.append(told)
        after += new
    outputs = [_mean_log_probs(logits), *after]
    return keras.Model([tokens, *states], outputs, name=f"{model.name}_{kind}")


def _by_name(model):
    return {layer.name: layer for layer in model.layers}


def _recurrent(model):
    found = _by_name(model)
    names = (f"recurrent_{number}" for number in itertools.count(1))
    recurrent = [
        found[name] for name in itertools.takewhile(lambda name: name in found, names)
    ]
    if not recurrent or "embedding" not in found:
        raise ValueError(
            f"`model` must be one that character_model builds. Received: {model.name}."
        )
    return recurrent


def _sizes(layer):
    size = layer.cell.state_size
    return list(size) if isinstance(size, list | tuple) else [size]


def _state_sizes(model):
    if members := _members(model):
        return [size for member in members for size in _state_sizes(member)]
    return [size for layer in _recurrent(model) for size in _sizes(layer)]


def _state_inputs(model):
    return [
        keras.Input((size,), name=f"state_{number}")
        for number, size in enumerate(_state_sizes(model), 1)
    ]


def _with_states(model, states):
    """Every recurrent layer with its own of the states."""
    rest = iter(states)
    for layer in _recurrent(model):
        yield layer, list(itertools.islice(rest, len(_sizes(layer))))


def _logits(found, x):
    if "logits" in found:
        return found["logits"](x)
    if "readout" in found:
        x = found["readout"](x)
    return found["embedding"](x, reverse=True)


def _check(vocabulary_size, units, num_layers, cell, embedding_dim):
    for name, value, least in (
        ("vocabulary_size", vocabulary_size, 2),
        ("units", units, 1),
        ("num_layers", num_layers, 1),
        ("embedding_dim", embedding_dim, 1),
    ):
        if value < least:
            raise ValueError(f"`{name}` must be {least} or more. Received: {value}.")
    if cell not in CELLS:
        raise ValueError(
            f"`cell` must be one of {', '.join(CELLS)}. Received: cell={cell!r}."
        )


def _check_shares(**shares):
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"`{name}` must be from 0 to below 1. Received: {share}.")
