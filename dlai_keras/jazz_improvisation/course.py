"""The course's own functions, with its names and argument order.

`dlai_keras.jazz_improvisation.model.music_model` is the same network as one recurrent
model: it builds and trains faster, and draws what it plays instead of repeating the
most probable. `music_model(78).set_weights(djmodel(...).get_weights())` takes the
weights over, in either direction.

Reference:
    - Course 5, week 1, "Improvise a jazz solo with an LSTM network".
"""

import keras
import numpy as np
from keras import layers, ops


def one_hot(x):
    """The most probable value, as the next step's input.

    Args:
        x: probabilities `(batch, n_values)`.

    Returns:
        `(batch, 1, n_values)`, a 1 where `x` is highest.

    Raises:
        ValueError: `x` is not `(batch, n_values)`.

    Example:
        >>> found = one_hot(np.array([[0.2, 0.7, 0.1]], "float32"))
        >>> ops.convert_to_numpy(found).tolist()
        [[[0.0, 1.0, 0.0]]]

    Reference:
        - Course 5, week 1, `one_hot`.
    """
    if len(x.shape) != 2 or x.shape[1] is None:
        raise ValueError(
            f"`x` must be (batch, n_values). Received: shape={tuple(x.shape)}. Give "
            "the output of one step."
        )
    return ops.expand_dims(ops.one_hot(ops.argmax(x, axis=-1), x.shape[1]), axis=1)


def djmodel(
    Tx: int, LSTM_cell: layers.LSTM, densor: layers.Dense, reshaper: layers.Reshape
) -> keras.Model:
    """The course's network in training: `Tx` steps, written out one after the other.

    Args:
        Tx: values of a window; the course has 30.
        LSTM_cell: `LSTM(n_a, return_state=True)`, shared by all steps.
        densor: `Dense(n_values, activation="softmax")`, shared by all steps.
        reshaper: `Reshape((1, n_values))`.

    Returns:
        Uncompiled model: one-hot values `(batch, Tx, n_values)`, `a0` and `c0`
        `(batch, n_a)`, to a list of `Tx` probabilities `(batch, n_values)`.

    Raises:
        ValueError: `Tx` is below 1, or `LSTM_cell` does not return its state.

    Example:
        >>> shared = layers.LSTM(64, return_state=True), layers.Dense(78)
        >>> djmodel(2, *shared, layers.Reshape((1, 78))).count_params()
        41678

    Reference:
        - Course 5, week 1, exercise 1.
    """
    _check_steps("Tx", Tx, LSTM_cell)
    n_values, n_a = densor.units, LSTM_cell.units
    X = keras.Input((Tx, n_values), name="X")
    a0 = keras.Input((n_a,), name="a0")
    c0 = keras.Input((n_a,), name="c0")
    a, c = a0, c0
    outputs = []
    for t in range(Tx):
        x = reshaper(ops.take(X, t, axis=1))  # (batch, 1, n_values)
        a, _, c = LSTM_cell(x, initial_state=[a, c])
        outputs.append(densor(a))
    return keras.Model(inputs=[X, a0, c0], outputs=outputs, name="djmodel")


def music_inference_model(
    LSTM_cell: layers.LSTM, densor: layers.Dense, Ty: int = 100
) -> keras.Model:
    """The course's network at play: each step is fed the last one's most probable.

    Args:
        LSTM_cell: the trained layer of `djmodel`.
        densor: the trained layer of `djmodel`.
        Ty: how many values it plays.

    Returns:
        Uncompiled model: `x0` `(batch, 1, n_values)`, `a0` and `c0` `(batch, n_a)`, to
        a list of `Ty` probabilities `(batch, n_values)`.

    Raises:
        ValueError: `Ty` is below 1, or `LSTM_cell` does not return its state.

    Example:
        >>> shared = layers.LSTM(64, return_state=True), layers.Dense(90)
        >>> model = music_inference_model(*shared, Ty=2)
        >>> model.count_params(), len(model.outputs)
        (45530, 2)

    Reference:
        - Course 5, week 1, exercise 2.
    """
    _check_steps("Ty", Ty, LSTM_cell)
    n_values, n_a = densor.units, LSTM_cell.units
    x0 = keras.Input((1, n_values), name="x0")
    a0 = keras.Input((n_a,), name="a0")
    c0 = keras.Input((n_a,), name="c0")
    x, a, c = x0, a0, c0
    outputs = []
    for _ in range(Ty):
        a, _, c = LSTM_cell(x, initial_state=[a, c])
        out = densor(a)
        outputs.append(out)
        x = one_hot(out)
    return keras.Model(
        inputs=[x0, a0, c0], outputs=outputs, name="music_inference_model"
    )


def predict_and_sample(
    inference_model: keras.Model,
    x_initializer: np.ndarray | None = None,
    a_initializer: np.ndarray | None = None,
    c_initializer: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What the network plays: despite its name, the most probable value at each step.

    Args:
        inference_model: as `music_inference_model` builds it.
        x_initializer: the first value, one-hot `(1, 1, n_values)`. Like the others it
            is zeros by default, as the course's globals are.
        a_initializer: the first hidden state `(1, n_a)`.
        c_initializer: the first memory `(1, n_a)`.

    Returns:
        `(results, indices)`: the values one-hot `(Ty, n_values)`, and their numbers
        `(Ty, 1)`.

    Raises:
        ValueError: an initializer is for more than one melody, or of another width.

    Example:
        >>> shared = layers.LSTM(8, return_state=True), layers.Dense(5)
        >>> model = music_inference_model(*shared, Ty=3)
        >>> results, indices = predict_and_sample(model)
        >>> results.shape, indices.shape
        ((3, 5), (3, 1))

    Reference:
        - Course 5, week 1, exercise 3.
    """
    given = (x_initializer, a_initializer, c_initializer)
    initializers = []
    for tensor, value in zip(inference_model.inputs, given, strict=True):
        shape = (1, *tensor.shape[1:])
        value = np.zeros(shape, "float32") if value is None else np.asarray(value)
        if value.shape != shape:
            raise ValueError(
                f"The initializer of {tensor.name} must be {shape}. Received: "
                f"shape={value.shape}. Start one melody at a time."
            )
        initializers.append(value.astype("float32"))
    pred = inference_model.predict(initializers, verbose=0)
    # A model of one output gives it bare.
    pred = np.stack(pred if isinstance(pred, list) else [pred])  # (Ty, 1, n_values)
    indices = pred.argmax(axis=-1)
    return np.eye(pred.shape[-1], dtype="float32")[indices[:, 0]], indices


def _check_steps(name, num, LSTM_cell):
    if num < 1:
        raise ValueError(f"`{name}` must be 1 or more. Received: {name}={num}.")
    if not LSTM_cell.return_state or LSTM_cell.return_sequences:
        raise ValueError(
            "`LSTM_cell` must return its state, and the last step only. Received: "
            f"return_state={LSTM_cell.return_state}, "
            f"return_sequences={LSTM_cell.return_sequences}. Use "
            "LSTM(n_a, return_state=True)."
        )
