"""The course's own functions, with its names and argument order.

Reference:
    - Course 5, week 3, "Neural machine translation with attention".
"""

from typing import NamedTuple

import keras
from keras import layers, ops

from dlai_keras.date_translation.model import course_variables


@keras.saving.register_keras_serializable(package="dlai_keras")
def softmax(x, axis: int = 1):
    """The softmax along an axis, by default along the second one: the course's time.

    Args:
        x: tensor of two axes or more.
        axis: along which the result sums to 1.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: `x` has one axis or none.

    Example:
        >>> softmax(ops.zeros((1, 4, 1)))[0, :, 0].numpy().tolist()
        [0.25, 0.25, 0.25, 0.25]

    Reference:
        - Course 5, week 3, `nmt_utils.softmax`.
    """
    if len(x.shape) < 2:
        raise ValueError(
            f"`x` must have two axes or more. Received: shape={tuple(x.shape)}."
        )
    return ops.softmax(x, axis=axis)


class AttentionLayers(NamedTuple):
    """The layers of the attention, which all steps of a model share."""

    repeator: layers.RepeatVector
    concatenator: layers.Concatenate
    densor1: layers.Dense
    densor2: layers.Dense
    activator: layers.Activation
    dotor: layers.Dot


def attention_layers(Tx: int) -> AttentionLayers:
    """Fresh layers for `one_step_attention`, under the course's names.

    Args:
        Tx: characters of the input.

    Returns:
        Six layers; pass them to every step of one model.

    Example:
        >>> attention_layers(30).densor1.units
        10
    """
    return AttentionLayers(
        layers.RepeatVector(Tx),
        layers.Concatenate(axis=-1),
        layers.Dense(10, activation="tanh"),
        layers.Dense(1, activation="relu"),
        layers.Activation(softmax, name="attention_weights"),
        layers.Dot(axes=1),
    )


def one_step_attention(a, s_prev, shared: AttentionLayers | None = None):
    """A context for one step of the decoder: a weighted sum of the encoder's states.

    Args:
        a: states of the encoder, `(batch, Tx, 2 * n_a)`.
        s_prev: state of the decoder before the step, `(batch, n_s)`.
        shared: the layers, as `attention_layers` makes them. The course has them as
            globals; without them the step gets new ones.

    Returns:
        `(batch, 1, 2 * n_a)`.

    Example:
        >>> tuple(one_step_attention(ops.ones((2, 30, 64)), ops.ones((2, 64))).shape)
        (2, 1, 64)

    Reference:
        - Course 5, week 3, exercise 1.
    """
    shared = attention_layers(a.shape[1]) if shared is None else shared
    s_prev = shared.repeator(s_prev)  # (batch, Tx, n_s)
    concat = shared.concatenator([a, s_prev])
    e = shared.densor1(concat)
    energies = shared.densor2(e)
    alphas = shared.activator(energies)  # (batch, Tx, 1)
    return shared.dotor([alphas, a])


def modelf(
    Tx: int,
    Ty: int,
    n_a: int,
    n_s: int,
    human_vocab_size: int,
    machine_vocab_size: int,
) -> keras.Model:
    """The course's model, its `Ty` steps written one after the other into the graph.

    `dlai_keras.date_translation.model.date_translator` is the same network as one
    recurrent cell: it builds and trains faster. `copy_weights` takes weights from one
    to the other, and `load_course_weights` reads the course's file into both.

    Args:
        Tx: characters of the input.
        Ty: tokens of the output.
        n_a: units of each direction of the bidirectional LSTM.
        n_s: units of the LSTM after the attention.
        human_vocab_size: characters of the input's vocabulary.
        machine_vocab_size: of the output's.

    Returns:
        Uncompiled model: one-hot characters `(batch, Tx, human_vocab_size)`, `s0` and
        `c0` `(batch, n_s)`, to a list of `Ty` probabilities
        `(batch, machine_vocab_size)`.

    Example:
        >>> modelf(30, 10, 32, 64, 37, 11).count_params()
        52960

    Reference:
        - Course 5, week 3, exercise 2.
    """
    X = keras.Input((Tx, human_vocab_size))
    s0 = keras.Input((n_s,), name="s0")
    c0 = keras.Input((n_s,), name="c0")
    shared = attention_layers(Tx)
    post_activation_LSTM_cell = layers.LSTM(n_s, return_state=True)
    output_layer = layers.Dense(machine_vocab_size, activation=softmax)
    s, c = s0, c0
    outputs = []
    a = layers.Bidirectional(layers.LSTM(n_a, return_sequences=True))(X)
    for _ in range(Ty):
        context = one_step_attention(a, s, shared)
        _, s, c = post_activation_LSTM_cell(context, initial_state=[s, c])
        outputs.append(output_layer(s))
    return keras.Model(inputs=[X, s0, c0], outputs=outputs)


def copy_weights(source: keras.Model, target: keras.Model) -> keras.Model:
    """Gives one form of the course's model the weights of the other.

    Args:
        source: as `modelf` or `date_translator()` builds it.
        target: the same, or the other one.

    Returns:
        `target`.

    Raises:
        ValueError: one of them is another model, or they differ in size.

    Example:
        >>> from dlai_keras.date_translation.model import date_translator
        >>> unrolled = modelf(30, 10, 32, 64, 37, 11)
        >>> copy_weights(unrolled, date_translator()).count_params()
        52960
    """
    given, wanted = course_variables(source), course_variables(target)
    shapes = [[tuple(v.shape) for v in variables] for variables in (given, wanted)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "`source` and `target` must have the same sizes. Received: weights of "
            f"shapes {shapes[0]} and {shapes[1]}."
        )
    for variable, other in zip(wanted, given, strict=True):
        # A copy: JAX gives the memory of what a model has seen to something else.
        variable.assign(ops.convert_to_numpy(other))
    return target
