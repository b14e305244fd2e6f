"""A recurrent network of musical values, and melodies from it in one compiled loop."""

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from dlai_keras import decoding

# What stands before the first value. It is one-hot encoded as zeros, with which the
# course's windows and its inference begin, too.
START = -1


def music_model(
    num_values: int,
    *,
    units: int = 64,
    num_layers: int = 1,
    dropout: float = 0.0,
    name: str = "music_model",
) -> keras.Model:
    """The course's network over sequences of any length: LSTMs, and a Dense.

    With one layer it has the weights of the course's `djmodel`, in the same order.

    Args:
        num_values: size of the vocabulary of values.
        units: of each LSTM; 64 in the course.
        num_layers: LSTMs on top of one another; 1 in the course.
        dropout: share of each LSTM's outputs that a training step leaves out.
        name: of the model.

    Returns:
        Uncompiled model: ids of values `(batch, length)`, `START` before the first, to
        the logits of the next `(batch, length, num_values)`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> music_model(78).count_params(), music_model(90).count_params()
        (41678, 45530)

    Reference:
        - Course 5, week 1, "Improvise a jazz solo with an LSTM network".
    """
    _check(num_values, units, num_layers, dropout)
    values = keras.Input((None,), dtype="int32", name="values")
    x = ops.one_hot(values, num_values)
    x = _lstms(x, units, num_layers, dropout)
    logits = layers.Dense(num_values, name="logits")(x)
    return keras.Model(values, logits, name=name)


def value_parts(values: Sequence[str]) -> np.ndarray:
    """What values have in common: a table of their parts, 0 and 1.

    The parts of `"C,1/2,+3"` are its kind, its duration, its interval, and its first
    two and last two together. Of some hundred values most are rare, but none of their
    parts is.

    Args:
        values: as in `data.Corpus`.

    Returns:
        float32 `(num_values, num_parts)`.

    Raises:
        ValueError: there is no value.

    Example:
        >>> value_parts(["C,1", "S,1", "S,1,+2"])
        array([[1., 1., 1., 0., 0., 0., 0.],
               [0., 1., 0., 1., 1., 0., 0.],
               [0., 1., 0., 1., 1., 1., 1.]], dtype=float32)

    Reference:
        - Bilmes and Kirchhoff, 2003, "Factored language models and generalized parallel
          backoff", NAACL.
    """
    if not len(values):
        raise ValueError("`values` must hold a value. Received none.")
    numbers: dict[tuple, int] = {}
    rows = []
    for value in values:
        fields = value.split(",")
        parts = [*enumerate(fields), *enumerate(itertools.pairwise(fields))]
        rows.append([numbers.setdefault(part, len(numbers)) for part in parts])
    table = np.zeros((len(values), len(numbers)), "float32")
    for row, own in zip(table, rows, strict=True):
        row[own] = 1
    return table


def factored_model(
    parts: np.ndarray,
    *,
    units: int = 64,
    num_layers: int = 1,
    dropout: float = 0.0,
    name: str = "factored_model",
) -> keras.Model:
    """`music_model` in training: values that share parts learn from one another.

    A value is read as itself and as its parts, and is as probable as it and its parts
    make it: with the table `P` of parts, `logits = h W + b + (h V + c) P^T`. That is
    linear, so `fold_parts` makes of it a `music_model` that computes the same.

    Args:
        parts: 0 and 1 `(num_values, num_parts)`, see `value_parts`.
        units: as of `music_model`.
        num_layers: as of `music_model`.
        dropout: as of `music_model`.
        name: of the model.

    Returns:
        Uncompiled model, with the inputs and outputs of `music_model`.

    Example:
        >>> parts = value_parts(["C,1", "S,1", "S,1,+2"])
        >>> model = factored_model(parts, units=8)
        >>> tuple(model(np.array([[START, 2]])).shape)
        (1, 2, 3)
    """
    num_values, num_parts = parts.shape
    _check(num_values, units, num_layers, dropout)
    values = keras.Input((None,), dtype="int32", name="values")
    x = ops.one_hot(values, num_values)
    fixed = {"use_bias": False, "trainable": False}
    reading = layers.Dense(num_parts, name="parts", **fixed)
    x = layers.Concatenate(name="values_and_parts")([x, reading(x)])
    x = _lstms(x, units, num_layers, dropout)
    logits = layers.Dense(num_values, name="logits")(x)
    writing = layers.Dense(num_values, name="values_of_parts", **fixed)
    shared = writing(layers.Dense(num_parts, name="logits_of_parts")(x))
    model = keras.Model(values, layers.Add(name="sum")([logits, shared]), name=name)
    reading.set_weights([parts])
    writing.set_weights([parts.T])
    return model


def fold_parts(model: keras.Model, *, name: str = "music_model") -> keras.Model:
    """The `music_model` that computes what a `factored_model` does.

    Args:
        model: as `factored_model` builds it; not changed.
        name: of the new model.

    Returns:
        Uncompiled model.

    Example:
        >>> model = factored_model(value_parts(["C,1", "S,1", "S,1,+2"]), units=8)
        >>> tokens = np.array([[START, 2, 0]])
        >>> difference = fold_parts(model)(tokens) - model(tokens)
        >>> bool(ops.max(ops.abs(difference)) < 1e-6)
        True
    """
    lstms = [layer for layer in model.layers if isinstance(layer, layers.LSTM)]
    dropout = [layer.rate for layer in model.layers if hasattr(layer, "rate")]
    table, logits, of_parts = (
        list(map(ops.convert_to_numpy, model.get_layer(layer).weights))
        for layer in ("parts", "logits", "logits_of_parts")
    )
    (table,) = table  # (num_values, num_parts)
    folded = music_model(
        len(table),
        units=lstms[0].units,
        num_layers=len(lstms),
        dropout=dropout[0] if dropout else 0.0,
        name=name,
    )
    weights = [
        ops.convert_to_numpy(weight) for lstm in lstms for weight in lstm.weights
    ]
    # The first kernel reads values above, parts below.
    weights[0] = weights[0][: len(table)] + table @ weights[0][len(table) :]
    weights.append(logits[0] + of_parts[0] @ table.T)
    weights.append(logits[1] + table @ of_parts[1])
    folded.set_weights(weights)
    return folded


def decoding_step(model: keras.Model) -> tuple[Callable, Callable]:
    """A model as two functions, for `dlai_keras.decoding`.

    They share the model's weights, so training goes on to show.

    Args:
        model: as `music_model` builds it.

    Returns:
        `start(batch_size) -> states`, and `step(token_ids, states) -> (logits,
        states)` with `token_ids` `(batch,)`, `logits` `(batch, num_values)`.

    Raises:
        ValueError: the model is no such model.

    Example:
        >>> start, step = decoding_step(music_model(78))
        >>> logits, states = step(np.array([START, 5]), start(2))
        >>> tuple(logits.shape), tuple(states[0][0].shape)
        ((2, 78), (2, 64))
    """
    lstms, densor = _layers_of(model)

    def start(batch_size):
        return [[ops.zeros((batch_size, lstm.units))] * 2 for lstm in lstms]

    def step(token_ids, states):
        x = ops.one_hot(token_ids, densor.units)
        new_states = []
        for lstm, state in zip(lstms, states, strict=True):
            x, state = lstm.cell(x, state)
            new_states.append(state)
        return densor(x), new_states

    return start, step


def read_values(model: keras.Model, token_ids: Any, states: Any = None) -> Any:
    """The states of a model that has read some values.

    Args:
        model: as `music_model` builds it.
        token_ids: `(batch, length)`, `START` before the first.
        states: to go on from; of the beginning by default.

    Returns:
        States, as `decoding_step`'s `step` takes them.

    Example:
        >>> model = music_model(78)
        >>> states = read_values(model, np.array([[START, 5, 7]]))
        >>> logits, _ = decoding_step(model)[1](np.array([9]), states)
        >>> whole = model(np.array([[START, 5, 7, 9]]))[:, -1]
        >>> bool(ops.max(ops.abs(logits - whole)) < 1e-5)
        True
    """
    lstms, densor = _layers_of(model)
    x = ops.one_hot(token_ids, densor.units)
    read = []
    for number, lstm in enumerate(lstms):
        x, *state = lstm(x, initial_state=None if states is None else states[number])
        read.append(state)
    return read


def examples(
    sequences: Sequence[np.ndarray], length: int = 30, *, stride: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows for teacher forcing: each value is to be said after the one before.

    A window within a sequence is given the value before it; the course gives all its
    windows nothing there, so that `START` would mean two things.

    Args:
        sequences: ids of values, as `data.Corpus.sequences` gives them.
        length: values of a window; 30 in the course.
        stride: values from the beginning of a window to that of the next. The last
            window of a sequence ends with it.

    Returns:
        - **inputs**: int32 `(num_windows, length)`, for `music_model`.
        - **targets**: int32 of the same shape.
        - **weights**: float32 of the same shape, 0 where a sequence is shorter.

    Raises:
        ValueError: there is no value, or an argument is out of its range.

    Example:
        >>> inputs, targets, _ = examples([np.array([5, 6, 7, 8])], 3)
        >>> inputs.tolist(), targets.tolist()
        ([[-1, 5, 6], [5, 6, 7]], [[5, 6, 7], [6, 7, 8]])
    """
    if length < 1 or stride < 1:
        raise ValueError(
            "`length` and `stride` must be 1 or more. Received: "
            f"length={length}, stride={stride}."
        )
    inputs, targets, weights = [], [], []
    for sequence in sequences:
        if not len(sequence):
            continue
        given = np.concatenate([[START], sequence[:-1]])
        last = max(0, len(sequence) - length)
        for first in sorted({*range(0, last + 1, stride), last}):
            part = slice(first, first + length)
            missing = (0, max(0, length - len(sequence)))
            inputs.append(np.pad(given[part], missing, constant_values=START))
            targets.append(np.pad(sequence[part], missing))
            weights.append(np.pad(np.ones(len(given[part])), missing))
    if not inputs:
        raise ValueError("`sequences` must hold a value. Received none.")
    return (
        np.array(inputs, "int32"),
        np.array(targets, "int32"),
        np.array(weights, "float32"),
    )


def generate(
    model: keras.Model,
    num_steps: int,
    *,
    seed: int = 0,
    num_sequences: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    prime: Sequence[int] | None = None,
) -> np.ndarray:
    """Draws sequences of values, each step fed the one before, in one compiled loop.

    The first call with new options compiles, for a second or two; seeds are no reason
    to compile, nor is more training.

    Args:
        model: as `music_model` builds it.
        num_steps: values of each sequence.
        seed: for the same sequences again, on the same backend.
        num_sequences: how many, drawn together.
        temperature: below 1 the probable becomes more probable; 0 takes the most
            probable, as the course does.
        top_k: draw from this many values at most.
        top_p: draw from the fewest values of this probability together.
        prime: values that came before; they are no part of the result.

    Returns:
        int32 `(num_sequences, num_steps)`.

    Raises:
        ValueError: an argument is out of its range, or the model is no such model.

    Example:
        >>> found = generate(music_model(78), 5, num_sequences=2, top_p=0.9)
        >>> found.shape, bool((found >= 0).all() and (found < 78).all())
        ((2, 5), True)
    """
    for name, value, least in (
        ("num_steps", num_steps, 1),
        ("num_sequences", num_sequences, 1),
        ("seed", seed, 0),
    ):
        if not _is_whole(value, least):
            raise ValueError(
                f"`{name}` must be a whole number, {least} or more. Received: "
                f"{name}={value!r}."
            )
    if seed >= 2**31:
        raise ValueError(f"`seed` must be below 2 ** 31. Received: seed={seed}.")
    num_values = _layers_of(model)[1].units
    before = np.array([START, *(() if prime is None else prime)])
    if before.dtype.kind not in "iu" or not (before[1:] < num_values).all():
        raise ValueError(
            f"`prime` must be ids of values, below {num_values}. Received: "
            f"{list(before[1:])}. Encode the values first."
        )
    if (before[1:] < 0).any():
        raise ValueError(
            f"`prime` must be ids of values, 0 or more. Received: {list(before[1:])}."
        )
    player = _player(model, len(before), int(num_steps), temperature, top_k, top_p)
    # On its first step a generator of this state draws as a new one of this seed.
    player.get_layer("drawing").draws.state.assign(np.array([seed, 0]))
    before = np.repeat(before[None].astype("int32"), num_sequences, axis=0)
    return ops.convert_to_numpy(player.predict_on_batch(before)).astype("int32")


@functools.lru_cache(maxsize=8)
def _player(model, length, num_steps, temperature, top_k, top_p):
    values = keras.Input((length,), dtype="int32")
    drawing = _Drawing(model, num_steps, temperature, top_k, top_p, name="drawing")
    return keras.Model(values, drawing(values))


class _Drawing(layers.Layer):
    """The loop within a layer: compiled, where a bare call is not."""

    def __init__(self, model, num_steps, temperature, top_k, top_p, **options):
        super().__init__(**options)
        self.network = model
        self.num_steps = num_steps
        self.filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        self.draws = keras.random.SeedGenerator(0)

    def call(self, token_ids):
        start, step = decoding_step(self.network)
        if token_ids.shape[1] > 1:
            states = read_values(self.network, token_ids[:, :-1])
        else:
            states = start(ops.shape(token_ids)[0])
        found, _, _ = decoding.sample(
            step,
            states,
            start_token=token_ids[:, -1],
            max_length=self.num_steps,
            seed=self.draws,
            **self.filters,
        )
        return found

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.num_steps


def _lstms(x, units, num_layers, dropout):
    for number in range(num_layers):
        # The states are for `read_values`, which goes on from them.
        x, _, _ = layers.LSTM(
            units, return_sequences=True, return_state=True, name=f"lstm_{number}"
        )(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout_{number}")(x)
    return x


def _check(num_values, units, num_layers, dropout):
    sizes = {"num_values": num_values, "units": units, "num_layers": num_layers}
    for argument, value in sizes.items():
        if value < 1:
            raise ValueError(
                f"`{argument}` must be 1 or more. Received: {argument}={value}."
            )
    if not 0 <= dropout < 1:
        raise ValueError(
            f"`dropout` must be from 0 to below 1. Received: dropout={dropout}."
        )


def _layers_of(model):
    """The LSTMs in their order, and the layer of the logits."""
    lstms = [layer for layer in model.layers if isinstance(layer, layers.LSTM)]
    densor = model.layers[-1]
    if not lstms or not isinstance(densor, layers.Dense):
        raise ValueError(
            "`model` must be one of `music_model`: LSTMs, and a Dense at the end. "
            f"Received: {model.name}."
        )
    return lstms, densor


def _is_whole(value, least):
    try:
        return operator.index(value) >= least and not isinstance(value, bool)
    except TypeError:
        return False
