"""Models that write one sequence from another, and their step for decoding."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from dlai_keras import networks
from dlai_keras.date_translation.layers import (
    AttentionDecoder,
    BahdanauAttention,
    CourseAttention,
    LearnedQueries,
    LuongAttention,
    MeanMaxPooling,
    OneHot,
    legacy_hard_sigmoid,
    masked,
)

READ_AT_ONCE = 5  # characters, by the convolution of `date_reader`
PADDING = 0  # the id that `date_reader` and `sequence_translator` read past
ATTENTIONS = {
    "course": CourseAttention,
    "bahdanau": BahdanauAttention,
    "luong": LuongAttention,
}


def date_translator(
    Tx: int = 30,
    Ty: int = 10,
    *,
    encoder_units: int = 32,
    decoder_units: int = 64,
    attention_units: int = 10,
    num_characters: int = 37,
    num_tokens: int = 11,
    attention: str = "course",
    feedback: bool = False,
    embedding_dim: int = 16,
    recurrent_activation: str | Callable = "sigmoid",
    name: str = "date_translator",
) -> keras.Model:
    """The course's attention model, its decoder as one recurrent cell.

    52,960 parameters with the defaults, as the course's, and equal numbers from equal
    weights, where the course writes `Ty` copies of the step into the graph. It has no
    mask: as in the course, padding is a character like another.

    Args:
        Tx: characters of the input.
        Ty: tokens of the output.
        encoder_units: of each direction of the bidirectional LSTM.
        decoder_units: of the LSTM after the attention.
        attention_units: width of the attention's hidden layer or keys; for `"luong"` it
            must be `decoder_units`.
        num_characters: of the input's vocabulary.
        num_tokens: of the output's vocabulary.
        attention: `"course"`, `"bahdanau"` or `"luong"`.
        feedback: whether the decoder sees its last token, too: in training the right
            one is fed (`shift_right(targets, num_tokens)` is the second input).
        embedding_dim: of the tokens fed back.
        recurrent_activation: of the LSTMs' gates.
        name: of the model.

    Returns:
        Uncompiled model: character ids `(batch, Tx)`, with `feedback` also the tokens
        before `(batch, Ty)`, to logits `(batch, Ty, num_tokens)`; the course's ends in
        a softmax.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> date_translator().count_params()
        52960

    Reference:
        - Course 5, week 3, "Neural machine translation", `modelf`.
    """
    source = keras.Input((Tx,), dtype="int32", name="source")
    x = OneHot(num_characters, name="one_hot")(source)
    memory = layers.Bidirectional(
        layers.LSTM(
            encoder_units,
            return_sequences=True,
            recurrent_activation=recurrent_activation,
        ),
        name="encoder",
    )(x)
    decoder = AttentionDecoder(
        decoder_units,
        _attention(attention, attention_units),
        num_steps=Ty,
        recurrent_activation=recurrent_activation,
        name="decoder",
    )
    inputs, embedded = source, None
    if feedback:
        target = keras.Input((Ty,), dtype="int32", name="target")
        inputs = [source, target]
        # One more than there are tokens: the start.
        embedded = layers.Embedding(
            num_tokens + 1, embedding_dim, name="target_embedding"
        )(target)
        hidden, _ = decoder(memory, embedded)
    else:
        hidden, _ = decoder(memory)
    outputs = layers.Dense(num_tokens, name="logits")(hidden)
    return keras.Model(inputs, outputs, name=name)


def date_reader(
    num_characters: int,
    num_tokens: int = 11,
    length: int = 10,
    *,
    embedding_dim: int = 32,
    filters: int = 96,
    stride: int = 2,
    units: int = 96,
    query_units: int = 64,
    dropout: float = 0.0,
    name: str = "date_reader",
) -> keras.Model:
    """The model to ship: a bidirectional GRU, read by one learned query per token.

    A convolution over five characters goes before the GRU and takes every second
    position, which halves the loop. An ISO date always has ten characters, so nothing
    has to be written one after the other: every position has its query and its own
    classifier, all in one product. A second output tells whether the text is a date at
    all. Text of any length; padding (id 0) at its end changes nothing.

    Args:
        num_characters: of the input's vocabulary, padding (id 0) included.
        num_tokens: of the output's vocabulary.
        length: tokens of the output.
        embedding_dim: of the characters.
        filters: of the convolution.
        stride: characters from one position of the GRU to the next, 1 to 5.
        units: of each direction of the GRU.
        query_units: width of queries and keys.
        dropout: share of the encoder's outputs dropped in training.
        name: of the model.

    Returns:
        Uncompiled model: character ids `(batch, time)` to `{"iso": logits
        (batch, length, num_tokens), "is_date": logit (batch, 1)}`.

    Raises:
        ValueError: `stride` is out of its range.

    Example:
        >>> date_reader(37).count_params()
        162927

    Reference:
        - Lee et al., 2019, "Set transformer", section 3.2 (pooling by attention).
    """
    if stride not in range(1, READ_AT_ONCE + 1):
        raise ValueError(
            f"`stride` must be 1 to {READ_AT_ONCE}. Received: stride={stride}."
        )
    source = keras.Input((None,), dtype="int32", name="source")
    mask = ops.not_equal(source, PADDING)
    x = layers.Embedding(num_characters, embedding_dim, name="embedding")(source)
    x = layers.Multiply(name="without_padding")([x, ops.cast(mask, x.dtype)[..., None]])
    # By hand: "same" would shift the positions with the length of the padding.
    x = layers.ZeroPadding1D(READ_AT_ONCE // 2, name="edges")(x)
    x = layers.Conv1D(
        filters, READ_AT_ONCE, strides=stride, activation="relu", name="characters"
    )(x)
    mask = mask[:, ::stride]
    memory = layers.Bidirectional(
        layers.GRU(units, return_sequences=True), name="encoder"
    )(x, mask=mask)
    memory = layers.Dropout(dropout, name="dropout")(memory)
    contexts, _ = LearnedQueries(length, query_units, name="queries")(memory, mask=mask)
    # A classifier for each position: "p" is the same letter in both of these.
    iso = layers.EinsumDense(
        "bpd,pdt->bpt", (length, num_tokens), bias_axes="pt", name="iso"
    )(contexts)
    pooled = MeanMaxPooling(name="pool")(memory, mask=mask)
    is_date = layers.Dense(1, name="is_date")(pooled)
    return keras.Model(source, {"iso": iso, "is_date": is_date}, name=name)


def sequence_translator(
    num_source: int,
    num_target: int,
    *,
    embedding_dim: int = 128,
    units: int = 192,
    dropout: float = 0.2,
    attention: str = "bahdanau",
    name: str = "sequence_translator",
) -> keras.Model:
    """An encoder-decoder with attention for sentences of any length.

    A bidirectional GRU reads; its last state starts a GRU that attends and is fed the
    token before; a `tanh` layer of `[hidden, context, embedding]` leads to the logits.
    Padding is id 0 on both sides; leave it out of the loss with
    `keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)`.

    Args:
        num_source: tokens of the language that is read.
        num_target: tokens of the language that is written.
        embedding_dim: of both, and of the layer before the logits.
        units: of each direction of the encoder, of the decoder and of the attention.
        dropout: share of the embeddings and of the last layer dropped in training.
        attention: `"bahdanau"`, `"luong"` or `"course"`.
        name: of the model.

    Returns:
        Uncompiled model: source ids `(batch, Tx)` and the target ids before
        `(batch, Ty)`, as `shift_right` makes them, to logits
        `(batch, Ty, num_target)`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> model = sequence_translator(50, 60, embedding_dim=8, units=12)
        >>> model.output_shape
        (None, None, 60)

    Reference:
        - Bahdanau, Cho, Bengio, 2015, "Neural machine translation by jointly learning
          to align and translate".
    """
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    mask = ops.not_equal(source, PADDING)
    # Keras' own start is so small that a decoder learns little but word frequencies
    # for a thousand steps.
    initializer = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.Embedding(
        num_source,
        embedding_dim,
        embeddings_initializer=initializer,
        name="source_embedding",
    )(source)
    x = layers.Dropout(dropout, name="source_dropout")(x)
    memory, *last = layers.Bidirectional(
        layers.GRU(units, return_sequences=True, return_state=True), name="encoder"
    )(x, mask=mask)
    last = layers.Concatenate(name="last_states")(last)
    start = layers.Dense(units, activation="tanh", name="bridge")(last)
    y = layers.Embedding(
        num_target,
        embedding_dim,
        embeddings_initializer=initializer.clone(),
        name="target_embedding",
    )(target)
    y = layers.Dropout(dropout, name="target_dropout")(y)
    hidden, weights = AttentionDecoder(
        units, _attention(attention, units), cell="gru", name="decoder"
    )(memory, y, mask=mask, initial_state=[start])
    # From the weights once more: cheaper than an output of the loop.
    context = layers.Dot(axes=(2, 1), name="context")([weights, memory])
    x = layers.Concatenate(name="seen")([hidden, context, y])
    x = layers.Dense(embedding_dim, activation="tanh", name="readout")(x)
    x = layers.Dropout(dropout, name="readout_dropout")(x)
    outputs = layers.Dense(num_target, name="logits")(x)
    return keras.Model([source, target], outputs, name=name)


def shift_right(token_ids: np.ndarray, start_id: int) -> np.ndarray:
    """What the decoder is fed in training: the start, then all tokens but the last.

    Args:
        token_ids: targets `(batch, Ty)`, whole numbers.
        start_id: what comes first.

    Returns:
        `(batch, Ty)`, int32.

    Example:
        >>> shift_right(np.array([[5, 6, 7]]), 1).tolist()
        [[1, 5, 6]]
    """
    token_ids = np.asarray(token_ids, dtype="int32")
    start = np.full((len(token_ids), 1), start_id, dtype="int32")
    return np.concatenate([start, token_ids[:, :-1]], axis=1)


def attention_model(model: keras.Model) -> keras.Model:
    """The attention weights of a model of this module, with its own weights.

    Args:
        model: as `date_translator`, `date_reader` or `sequence_translator` builds it.

    Returns:
        A model with the same inputs and the output `(batch, steps, time)`.

    Raises:
        ValueError: the model has no attention of this package.

    Example:
        >>> attention_model(date_reader(37)).output_shape
        (None, 10, None)
    """
    layer = _by_name(model).get("queries") or _by_name(model).get("decoder")
    if not isinstance(layer, LearnedQueries | AttentionDecoder):
        raise ValueError(_no_model(model))
    return keras.Model(model.inputs, layer.output[1], name=f"{model.name}_attention")


def decoding_step(model: keras.Model) -> tuple[Callable, Callable]:
    """A model as two functions, for greedy decoding, sampling and beam search.

    They share the model's weights, so training goes on to show. All states have the
    batch on their first axis, so that a search may repeat and reorder them.

    Where the model is fed its own tokens, the first one is the start: the vocabulary's
    own for `sequence_translator`, `num_tokens` for `date_translator(feedback=True)`.
    The others do not look at their tokens; all their logits are computed at the start,
    the position is a state, and past the last position the last logits stay.

    Args:
        model: as `date_translator`, `date_reader` or `sequence_translator` builds it.

    Returns:
        `start(source_ids) -> states`, and `step(token_ids, states) -> (logits,
        states)` with `token_ids` `(batch,)`, `logits` `(batch, num_tokens)`.

    Raises:
        ValueError: the model is none of this module's.

    Example:
        >>> start, step = decoding_step(date_translator())
        >>> states = start(np.zeros((2, 30), "int32"))
        >>> logits, states = step(np.zeros(2, "int32"), states)
        >>> tuple(logits.shape)
        (2, 11)
    """
    found = _by_name(model)
    if not isinstance(found.get("queries"), LearnedQueries) and not isinstance(
        found.get("decoder"), AttentionDecoder
    ):
        raise ValueError(_no_model(model))
    return _fed_step(model) if "target_embedding" in found else _position_step(model)


def position_step(logits) -> tuple[dict, Callable]:
    """States and step over logits that are there already, for every position.

    Args:
        logits: `(batch, length, num_tokens)`; past the last position the last stay.

    Returns:
        `states`, and `step(token_ids, states) -> (logits, states)`.

    Example:
        >>> states, step = position_step(np.zeros((2, 10, 11), "float32"))
        >>> tuple(step(np.zeros(2, "int32"), states)[0].shape)
        (2, 11)
    """
    position = ops.zeros((ops.shape(logits)[0],), dtype="int32")
    return {"logits": ops.convert_to_tensor(logits), "position": position}, (
        _read_position
    )


def _read_position(token_ids, states):
    logits, position = states["logits"], states["position"]
    last = ops.shape(logits)[1] - 1
    index = ops.minimum(position, last)[:, None, None]
    now = ops.squeeze(ops.take_along_axis(logits, index, axis=1), 1)
    return now, {"logits": logits, "position": position + 1}


def load_course_weights(model: keras.Model, path: Path) -> keras.Model:
    """Reads weights of the course's date model, as Keras 2 saved them.

    A file of a whole model says which activation its gates had, too (the course's:
    Keras 2's `hard_sigmoid`), and the model takes it over: with another one the numbers
    would not be the file's.

    Args:
        model: as `date_translator()` or the course's `modelf` builds it.
        path: legacy `.h5`, of a whole model or of weights alone.

    Returns:
        `model`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file does not hold the weights of this architecture.

    Example:
        >>> load_course_weights(date_translator(), Path("nothing.h5"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: No such weights: nothing.h5
    """
    stored, configuration = networks.read_legacy_weights(path)
    arrays = [array for layer in stored for array in layer]
    variables = course_variables(model)
    wanted = [tuple(variable.shape) for variable in variables]
    found = [array.shape for array in arrays]
    if wanted != found:
        raise ValueError(
            f"{path} does not hold weights of this model. Expected arrays of shapes "
            f"{wanted}. Received: {found}."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    activations = _gate_activations(configuration)
    if len(activations) == 1:
        _set_gate_activation(model, activations.pop())
    return model


def course_variables(model: keras.Model) -> list[keras.Variable]:
    """Variables of the course's date model, in one order for both of its forms.

    Encoder, attention, LSTM, output: `date_translator` has them in three layers, the
    unrolled `modelf` in five.

    Args:
        model: as `date_translator()` or the course's `modelf` builds it.

    Returns:
        15 variables.

    Raises:
        ValueError: the model is another one.

    Example:
        >>> len(course_variables(date_translator()))
        15
    """
    found = _by_name(model)
    decoder = found.get("decoder")
    if decoder is None:
        variables = [v for layer in model.layers for v in layer.weights]
    elif (
        "target_embedding" in found
        or not isinstance(decoder, AttentionDecoder)
        or not isinstance(decoder.cell.attention, CourseAttention)
    ):
        variables = []
    else:
        parts = (
            found["encoder"],
            decoder.cell.attention,
            decoder.cell.cell,
            found["logits"],
        )
        variables = [v for part in parts for v in part.weights]
    if len(variables) != 15:
        raise ValueError(
            "`model` must be the course's: date_translator() with its own attention "
            f"and without feedback, or modelf(). Received: model={model.name!r}."
        )
    return variables


# Decoding


def _position_step(model):
    def start(source_ids):
        logits = model(ops.convert_to_tensor(source_ids, "int32"), training=False)
        logits = logits["iso"] if isinstance(logits, dict) else logits
        return position_step(logits)[0]

    return start, _read_position


def _fed_step(model):
    found = _by_name(model)
    decoder, embedding = found["decoder"], found["target_embedding"]
    readout, logits_layer = found.get("readout"), found["logits"]
    encoded = found["encoder"].output
    outputs = {"memory": encoded[0] if isinstance(encoded, list | tuple) else encoded}
    if "bridge" in found:
        outputs["first"] = found["bridge"].output
    encode = keras.Model(model.inputs[0], outputs)
    reads_past_padding = "bridge" in found

    def start(source_ids):
        source_ids = ops.convert_to_tensor(source_ids, "int32")
        encoded = encode(source_ids, training=False)
        memory = encoded["memory"]
        states = {}
        mask = None
        if reads_past_padding:
            mask = ops.not_equal(source_ids, PADDING)
            states["mask"] = mask
            states["hidden"] = [encoded["first"]]
        else:
            states["hidden"] = decoder.initial_states(ops.shape(memory)[0])
        # Masked once here, as the decoder itself does for its keys.
        return {
            **states,
            "memory": masked(memory, mask),
            "keys": decoder.project(memory, mask),
        }

    def step(token_ids, states):
        embedded = embedding(ops.convert_to_tensor(token_ids, "int32"))
        hidden, weights, after = decoder.step(
            states["hidden"],
            states["memory"],
            keys=states["keys"],
            inputs=embedded,
            mask=states.get("mask"),
        )
        if readout is None:
            return logits_layer(hidden), {**states, "hidden": after}
        context = ops.matmul(ops.expand_dims(weights, 1), states["memory"])
        seen = [hidden, ops.squeeze(context, 1), embedded]
        logits = logits_layer(readout(ops.concatenate(seen, axis=-1)))
        return logits, {**states, "hidden": after}

    return start, step


# The course's file


def _gate_activations(configuration):
    """Names of the gates' activations that a legacy model's description holds."""
    found = set()
    if isinstance(configuration, dict):
        found |= {v for k, v in configuration.items() if k == "recurrent_activation"}
        configuration = list(configuration.values())
    if isinstance(configuration, list):
        for part in configuration:
            found |= _gate_activations(part)
    return found


def _set_gate_activation(model, name):
    activation = (
        legacy_hard_sigmoid if name == "hard_sigmoid" else keras.activations.get(name)
    )
    for layer in model._flatten_layers():
        if isinstance(layer, layers.LSTMCell):
            layer.recurrent_activation = activation
    # What was compiled before has the activation of before.
    model.train_function = model.test_function = model.predict_function = None


def _attention(name, units):
    if name not in ATTENTIONS:
        raise ValueError(
            f"`attention` must be one of {', '.join(ATTENTIONS)}. "
            f"Received: attention={name!r}."
        )
    return ATTENTIONS[name](units, name="attention")


def _by_name(model):
    return {layer.name: layer for layer in model.layers}


def _no_model(model):
    return (
        "`model` must be one that date_translator, date_reader or sequence_translator "
        f"builds. Received: model={model.name!r}."
    )
