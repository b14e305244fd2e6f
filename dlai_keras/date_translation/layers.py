"""Attention one query at a time, the recurrent decoder around it, learned queries."""

import contextlib
import math

import keras
from keras import ops

CELLS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}


@keras.saving.register_keras_serializable(package="dlai_keras")
def legacy_hard_sigmoid(x):
    """The `hard_sigmoid` of Keras 2: `clip(0.2 * x + 0.5, 0, 1)`.

    Keras 3 has `clip(x / 6 + 0.5, 0, 1)` under that name, so recurrent weights of the
    course's time need this one for their gates.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of the same shape, in [0, 1].

    Example:
        >>> [round(float(y), 2) for y in legacy_hard_sigmoid(ops.array([-3.0, 1.0]))]
        [0.0, 0.7]
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="dlai_keras")
class OneHot(keras.layers.Layer):
    """Token ids to one-hot vectors, in the layer's dtype.

    Args:
        num_classes: width of the vectors.

    Input shape:
        `(...)`, whole numbers in `[0, num_classes)`; others give zeros.
    Output shape:
        `(..., num_classes)`.

    Raises:
        ValueError: `num_classes` is not a whole number of 1 or more.

    Example:
        >>> tuple(OneHot(3)(ops.array([[0, 2]])).shape)
        (1, 2, 3)
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = _positive("num_classes", num_classes)

    def call(self, inputs):
        token_ids = ops.cast(inputs, "int32")
        return ops.one_hot(token_ids, self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.num_classes)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


class _Attention(keras.layers.Layer):
    """What all forms share: masking, the softmax over time and the weighted sum."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = _positive("units", units)
        self.supports_masking = True

    def project(self, memory, mask=None):
        """The part of the scores that no query changes, once a sequence.

        Args:
            memory: `(batch, time, depth)`.
            mask: `(batch, time)`, true where there is something to attend to.

        Returns:
            Keys `(batch, time, units)`.

        Raises:
            ValueError: the layer has no weights yet.
        """
        if not self.built:
            raise ValueError(
                f"`{type(self).__name__}` must be built before it projects. Call it "
                "once, or `build(query_shape, memory_shape)`."
            )
        memory = ops.cast(memory, self.compute_dtype)
        return self._keys(masked(memory, mask))

    def call(self, query, memory, keys=None, mask=None):
        if keys is None:
            keys = self.project(memory, mask)
        weights = masked_softmax(self._scores(query, keys), mask)  # (batch, time)
        context = ops.matmul(ops.expand_dims(weights, 1), memory)
        return ops.squeeze(context, 1), weights

    def compute_mask(self, inputs, previous_mask):
        return None  # of the outputs neither is a sequence to be skipped over

    def compute_output_shape(self, query_shape, memory_shape):
        batch, time, depth = memory_shape
        return (batch, depth), (batch, time)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="dlai_keras")
class BahdanauAttention(_Attention):
    """Additive attention: `score = v . tanh(W query + U memory)`, one query at a time.

    With `normalize`, `v` is replaced by `g * v / |v|` and a bias is added inside of the
    tanh. The scores are those of `keras.layers.AdditiveAttention` after two `Dense`
    layers, and those of TensorFlow Addons' mechanism of the same name. This one exists
    for decoders that ask step by step: the memory is projected once a sequence
    (`keys = layer.project(memory, mask)`), the weights come back with the context, and
    there is the normalised form.

    Args:
        units: width of the space in which query and memory meet.
        normalize: whether the scores have a learned scale and bias.

    Input shape:
        `query`: `(batch, query_depth)`; `memory`: `(batch, time, depth)`; optional
        `keys`: `(batch, time, units)` as `project` returns them, and `mask`:
        `(batch, time)`, true where there is something to attend to.
    Output shape:
        `context`: `(batch, depth)`; attention weights: `(batch, time)`, which sum to 1,
        or to 0 where all is masked.

    Raises:
        ValueError: `units` is not a whole number of 1 or more.

    Example:
        >>> query, memory = ops.ones((2, 5)), ops.ones((2, 7, 4))
        >>> context, weights = BahdanauAttention(6)(query, memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 4), (2, 7))

    Reference:
        - Bahdanau, Cho, Bengio, 2015, "Neural machine translation by jointly learning
          to align and translate", appendix A.1.2.
        - Salimans, Kingma, 2016, "Weight normalization", for `normalize`.
    """

    def __init__(self, units, normalize=False, **kwargs):
        super().__init__(units, **kwargs)
        self.normalize = bool(normalize)

    def build(self, query_shape, memory_shape):
        self.query_kernel = self.add_weight(
            shape=(query_shape[-1], self.units), name="query_kernel"
        )
        self.memory_kernel = self.add_weight(
            shape=(memory_shape[-1], self.units), name="memory_kernel"
        )
        self.score_vector = self.add_weight(
            shape=(self.units,), initializer="glorot_uniform", name="score_vector"
        )
        if self.normalize:
            self.score_scale = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(math.sqrt(1 / self.units)),
                name="score_scale",
            )
            self.score_bias = self.add_weight(
                shape=(self.units,), initializer="zeros", name="score_bias"
            )

    def _keys(self, memory):
        return ops.matmul(memory, self.memory_kernel)

    def _scores(self, query, keys):
        query = ops.matmul(query, self.query_kernel)
        vector = ops.convert_to_tensor(self.score_vector)
        if self.normalize:
            query = query + self.score_bias
            length = ops.sqrt(ops.sum(ops.square(vector)))
            vector = vector * (self.score_scale / length)
        hidden = ops.tanh(keys + ops.expand_dims(query, 1))
        return ops.squeeze(ops.matmul(hidden, ops.expand_dims(vector, 1)), -1)

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}


@keras.saving.register_keras_serializable(package="dlai_keras")
class LuongAttention(_Attention):
    """Multiplicative attention: `score = query . (U memory)`, one query at a time.

    The scores are those of `keras.layers.Attention` after a `Dense` layer on its keys,
    and those of TensorFlow Addons' mechanism of the same name; why this one exists:
    `BahdanauAttention` says.

    Args:
        units: width of the keys, which must be the query's.
        scale: whether the scores have a learned factor.

    Input shape:
        As of `BahdanauAttention`, with `query`: `(batch, units)`.
    Output shape:
        As of `BahdanauAttention`.

    Raises:
        ValueError: `units` is not a whole number of 1 or more, or not the query's
            width.

    Example:
        >>> query, memory = ops.ones((2, 6)), ops.ones((2, 7, 4))
        >>> context, weights = LuongAttention(6)(query, memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 4), (2, 7))

    Reference:
        - Luong, Pham, Manning, 2015, "Effective approaches to attention-based neural
          machine translation", equation 8 ("general").
    """

    def __init__(self, units, scale=False, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = bool(scale)

    def build(self, query_shape, memory_shape):
        if query_shape[-1] != self.units:
            raise ValueError(
                f"`units` must be the width of the query, {query_shape[-1]}. "
                f"Received: units={self.units}. Project the query, or change `units`."
            )
        self.memory_kernel = self.add_weight(
            shape=(memory_shape[-1], self.units), name="memory_kernel"
        )
        if self.scale:
            self.score_scale = self.add_weight(
                shape=(), initializer="ones", name="score_scale"
            )

    def _keys(self, memory):
        return ops.matmul(memory, self.memory_kernel)

    def _scores(self, query, keys):
        scores = ops.squeeze(ops.matmul(keys, ops.expand_dims(query, -1)), -1)
        return scores * self.score_scale if self.scale else scores

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="dlai_keras")
class CourseAttention(_Attention):
    """The course's `one_step_attention`: a network of two layers gives each score.

    `score = relu(tanh([memory, query] W + b) . v + c)`, a softmax over time and the
    weighted sum. `[memory, query] W` is computed as `memory W1 + query W2` without the
    concatenation: the numbers are equal, and the first term is the same in all steps.

    Args:
        units: width of the hidden layer; the course's 10.

    Input shape:
        As of `BahdanauAttention`.
    Output shape:
        As of `BahdanauAttention`.

    Raises:
        ValueError: `units` is not a whole number of 1 or more.

    Example:
        >>> layer = CourseAttention(10)
        >>> context, weights = layer(ops.ones((2, 64)), ops.ones((2, 30, 64)))
        >>> layer.count_params()
        1301

    Reference:
        - Course 5, week 3, "Neural machine translation", `one_step_attention`.
    """

    def __init__(self, units=10, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, query_shape, memory_shape):
        self._depth = memory_shape[-1]
        self.kernel = self.add_weight(
            shape=(self._depth + query_shape[-1], self.units), name="kernel"
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", name="bias"
        )
        self.energy_kernel = self.add_weight(
            shape=(self.units, 1), name="energy_kernel"
        )
        self.energy_bias = self.add_weight(
            shape=(1,), initializer="zeros", name="energy_bias"
        )

    def _keys(self, memory):
        return ops.matmul(memory, self.kernel[: self._depth]) + self.bias

    def _scores(self, query, keys):
        query = ops.matmul(query, self.kernel[self._depth :])
        hidden = ops.tanh(keys + ops.expand_dims(query, 1))
        energies = ops.matmul(hidden, self.energy_kernel) + self.energy_bias
        return ops.squeeze(ops.relu(energies), -1)


@keras.saving.register_keras_serializable(package="dlai_keras")
class AttentionCell(keras.layers.Layer):
    """A recurrent cell that looks at a memory before every step.

    `context, weights = attention(hidden, memory)`, then the cell's step on
    `[inputs, context]`. `keras.layers.RNN` knows no constants: the memory is held by
    the cell while `attending` lasts, as Keras' own cells hold their dropout masks.
    (States that never change would do the same, but every step would carry them on, and
    a mask of the steps would be laid over them.)

    Args:
        units: of the recurrent cell.
        attention: layer with the interface of `BahdanauAttention`.
        cell: `"lstm"` or `"gru"`.
        recurrent_activation: of the gates.

    Input shape:
        `(batch, features)`, of which there may be none: the step then sees its context
        only, as the course's does.
    Output shape:
        `(batch, units + time)`: the new hidden state, then the attention weights, for
        an RNN's steps have one output.

    Raises:
        ValueError: an argument is out of its range, or there is no memory.

    Example:
        >>> cell = AttentionCell(8, BahdanauAttention(6))
        >>> rnn = keras.layers.RNN(cell, return_sequences=True)
        >>> with cell.attending(ops.ones((2, 7, 4))):
        ...     outputs = rnn(ops.ones((2, 5, 3)))
        >>> tuple(outputs.shape)
        (2, 5, 15)

    Reference:
        - Bahdanau, Cho, Bengio, 2015, "Neural machine translation by jointly learning
          to align and translate", section 3.1.
    """

    def __init__(
        self, units, attention, cell="lstm", recurrent_activation="sigmoid", **kwargs
    ):
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ValueError(
                f"`cell` must be one of {', '.join(CELLS)}. Received: cell={cell!r}."
            )
        if not isinstance(attention, _Attention):
            raise ValueError(
                "`attention` must be a layer such as BahdanauAttention(units). "
                f"Received: attention={attention!r}."
            )
        self.units = _positive("units", units)
        self.attention = attention
        self.cell = CELLS[cell](
            self.units, recurrent_activation=recurrent_activation, name=cell
        )
        self._kind = cell
        self._held = None

    @contextlib.contextmanager
    def attending(self, memory, mask=None, *, keys=None):
        """Has the steps within the `with` block attend to `memory`.

        Args:
            memory: `(batch, time, depth)`.
            mask: `(batch, time)`, true where there is something to attend to.
            keys: of the memory, if they are known.

        Yields:
            None.
        """
        if not self.attention.built:
            shape = tuple(memory.shape)
            self.attention.build((shape[0], self.units), shape)
            self.attention.built = True
        if keys is None:
            keys = self.attention.project(memory, mask)
        self._held = (memory, keys, mask)
        try:
            yield
        finally:
            self._held = None  # a tensor of a compiled function must not outlive it

    @property
    def state_size(self):
        """Sizes of the states, the hidden one first."""
        return [self.units] * (2 if self._kind == "lstm" else 1)

    @property
    def output_size(self):
        """Width of the outputs: it depends on the length of the memory."""
        return self.units + self._memory()[0].shape[1]

    def get_initial_state(self, batch_size=None):
        """Zeros.

        Args:
            batch_size: of the states.

        Returns:
            A list of one or two tensors `(batch, units)`.
        """
        return [
            ops.zeros((batch_size, size), dtype=self.compute_dtype)
            for size in self.state_size
        ]

    def build(self, input_shape, memory_shape=None):
        if memory_shape is None:
            memory_shape = self._memory()[0].shape
        batch, features = input_shape[0], input_shape[-1]
        if not self.attention.built:
            self.attention.build((batch, self.units), tuple(memory_shape))
            self.attention.built = True
        self.cell.build((batch, features + memory_shape[-1]))
        self.cell.built = True

    def call(self, inputs, states, training=False):
        memory, keys, mask = self._memory()
        context, weights = self.attention(states[0], memory, keys=keys, mask=mask)
        if inputs.shape[-1] != 0:
            context = ops.concatenate([inputs, context], axis=-1)
        hidden, states = self.cell(context, list(states), training=training)
        return ops.concatenate([hidden, weights], axis=-1), states

    def _memory(self):
        if self._held is None:
            raise ValueError(
                "`AttentionCell` has nothing to attend to. Run it within "
                "`with cell.attending(memory, mask):`, or use AttentionDecoder."
            )
        return self._held

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "attention": _without_shapes(self.attention),
            "cell": self._kind,
            "recurrent_activation": keras.activations.serialize(
                self.cell.recurrent_activation
            ),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**_with_attention(config))


@keras.saving.register_keras_serializable(package="dlai_keras")
class AttentionDecoder(keras.layers.Layer):
    """Writes a sequence from a memory: one attention cell under `keras.layers.RNN`.

    With `inputs`, one vector a step is fed, such as the embedding of the token before
    (teacher forcing in training). Without, a step sees its context only, as the
    course's does, and `num_steps` says how many there are. `step` takes one step at a
    time with the same weights, for decoding.

    Args:
        units: of the recurrent cell.
        attention: layer with the interface of `BahdanauAttention`.
        cell: `"lstm"` or `"gru"`.
        num_steps: length of the output where nothing is fed.
        recurrent_activation: of the gates.

    Input shape:
        `memory`: `(batch, time, depth)`; optional `inputs`: `(batch, steps, features)`;
        `mask` of the memory: `(batch, time)`, true where there is something to attend
        to; `initial_state`: a list of `(batch, units)`, two for an LSTM, else zeros.
    Output shape:
        Hidden states `(batch, steps, units)` and attention weights
        `(batch, steps, time)`.

    Raises:
        ValueError: an argument is out of its range, or neither `inputs` nor
            `num_steps` is given.

    Example:
        >>> decoder = AttentionDecoder(8, CourseAttention(), num_steps=10)
        >>> hidden, weights = decoder(ops.ones((2, 30, 4)))
        >>> tuple(hidden.shape), tuple(weights.shape)
        ((2, 10, 8), (2, 10, 30))

    Reference:
        - Bahdanau, Cho, Bengio, 2015, "Neural machine translation by jointly learning
          to align and translate", section 3.1.
        - Course 5, week 3, "Neural machine translation", `modelf`.
    """

    def __init__(
        self,
        units,
        attention,
        cell="lstm",
        num_steps=None,
        recurrent_activation="sigmoid",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_steps is not None:
            num_steps = _positive("num_steps", num_steps)
        self.num_steps = num_steps
        self.cell = AttentionCell(
            units, attention, cell, recurrent_activation, name="cell"
        )
        self.rnn = keras.layers.RNN(self.cell, return_sequences=True, name="rnn")
        self.units = self.cell.units
        self.supports_masking = True

    def build(self, memory_shape, inputs_shape=None):
        if inputs_shape is None:
            self._check_num_steps()
            inputs_shape = (memory_shape[0], self.num_steps, 0)
        step_shape = (inputs_shape[0], inputs_shape[2])
        self.cell.build(step_shape, memory_shape)
        self.cell.built = True
        self.rnn.build(inputs_shape)
        self.rnn.built = True

    def call(self, memory, inputs=None, mask=None, initial_state=None):
        if inputs is None:
            self._check_num_steps()
            shape = (ops.shape(memory)[0], self.num_steps, 0)
            inputs = ops.zeros(shape, dtype=self.compute_dtype)
        if initial_state is not None:
            initial_state = list(keras.tree.flatten(initial_state))
        with self.cell.attending(memory, mask):
            outputs = self.rnn(inputs, initial_state=initial_state)
        return outputs[..., : self.units], outputs[..., self.units :]

    def project(self, memory, mask=None):
        """Keys of the memory, for `step`.

        Args:
            memory: `(batch, time, depth)`.
            mask: `(batch, time)`, true where there is something to attend to.

        Returns:
            `(batch, time, units of the attention)`.
        """
        return self.cell.attention.project(memory, mask)

    def step(self, states, memory, *, keys, inputs=None, mask=None):
        """One step, as `call` takes many.

        Args:
            states: list of `(batch, units)`; `initial_states` makes the first ones.
            memory: `(batch, time, depth)`.
            keys: as `project` returns them.
            inputs: `(batch, features)`, or None as in `call`.
            mask: of the memory, `(batch, time)`.

        Returns:
            `(hidden, weights, states)`: `(batch, units)`, `(batch, time)` and the
            states for the next step.
        """
        if inputs is None:
            inputs = ops.zeros((ops.shape(memory)[0], 0), dtype=self.compute_dtype)
        with self.cell.attending(memory, mask, keys=keys):
            outputs, states = self.cell(inputs, states)
        return outputs[:, : self.units], outputs[:, self.units :], list(states)

    def initial_states(self, batch_size):
        """Zeros, the states before the first step.

        Args:
            batch_size: number of sequences.

        Returns:
            A list of `(batch, units)`, two for an LSTM.
        """
        return self.cell.get_initial_state(batch_size)

    def compute_mask(self, inputs, previous_mask):
        return None  # the memory's mask says nothing about the steps

    def compute_output_shape(
        self, memory_shape, inputs_shape=None, initial_state_shape=None
    ):
        batch, time, _ = memory_shape
        steps = self.num_steps if inputs_shape is None else inputs_shape[1]
        return (batch, steps, self.units), (batch, steps, time)

    def _check_num_steps(self):
        if self.num_steps is None:
            raise ValueError(
                "`num_steps` must be given where no `inputs` are fed. Received: "
                "num_steps=None, inputs=None. Make AttentionDecoder(..., num_steps=10)."
            )

    def get_config(self):
        config = self.cell.get_config()
        names = ("units", "attention", "cell", "recurrent_activation")
        return {
            **super().get_config(),
            **{name: config[name] for name in names},
            "num_steps": self.num_steps,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**_with_attention(config))


@keras.saving.register_keras_serializable(package="dlai_keras")
class LearnedQueries(keras.layers.Layer):
    """Reads a memory with queries that are weights: one context each, without a loop.

    `weights = softmax(queries (memory K)^T / sqrt(units))` over time, then the weighted
    sums. All queries are asked at once, so an output of fixed length needs no decoder.

    Args:
        num_queries: number of contexts.
        units: width of queries and keys.

    Input shape:
        `memory`: `(batch, time, depth)`; optional `mask`: `(batch, time)`, true where
        there is something to attend to.
    Output shape:
        Contexts `(batch, num_queries, depth)` and attention weights
        `(batch, num_queries, time)`, which sum to 1, or to 0 where all is masked.

    Raises:
        ValueError: an argument is not a whole number of 1 or more.

    Example:
        >>> contexts, weights = LearnedQueries(10, 16)(ops.ones((2, 7, 4)))
        >>> tuple(contexts.shape), tuple(weights.shape)
        ((2, 10, 4), (2, 10, 7))

    Reference:
        - Lee et al., 2019, "Set transformer", section 3.2 (pooling by attention).
        - Vaswani et al., 2017, "Attention is all you need", equation 1.
    """

    def __init__(self, num_queries, units, **kwargs):
        super().__init__(**kwargs)
        self.num_queries = _positive("num_queries", num_queries)
        self.units = _positive("units", units)
        self.supports_masking = True

    def build(self, memory_shape):
        self.queries = self.add_weight(
            shape=(self.num_queries, self.units),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="queries",
        )
        self.memory_kernel = self.add_weight(
            shape=(memory_shape[-1], self.units), name="memory_kernel"
        )

    def call(self, memory, mask=None):
        # The same as projecting the memory first, with fewer products: no key is used
        # for anything but the queries.
        kernel = ops.matmul(self.memory_kernel, ops.transpose(self.queries))
        scores = ops.matmul(memory, kernel) / math.sqrt(self.units)
        scores = ops.transpose(scores, (0, 2, 1))  # (batch, num_queries, time)
        weights = masked_softmax(
            scores, None if mask is None else ops.expand_dims(mask, 1)
        )
        return ops.matmul(weights, memory), weights

    def compute_mask(self, inputs, previous_mask):
        return None  # there is a context for every query

    def compute_output_shape(self, memory_shape):
        batch, time, depth = memory_shape
        return (batch, self.num_queries, depth), (batch, self.num_queries, time)

    def get_config(self):
        return {
            **super().get_config(),
            "num_queries": self.num_queries,
            "units": self.units,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class MeanMaxPooling(keras.layers.Layer):
    """Mean and maximum over time, of what is not masked.

    Input shape:
        `inputs`: `(batch, time, depth)`; optional `mask`: `(batch, time)`.
    Output shape:
        `(batch, 2 * depth)`, the means first; zeros where all is masked.

    Example:
        >>> MeanMaxPooling()(ops.array([[[1.0], [3.0]]])).numpy().tolist()
        [[2.0, 3.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            pooled = [ops.mean(inputs, axis=1), ops.max(inputs, axis=1)]
            return ops.concatenate(pooled, axis=-1)
        mask = ops.expand_dims(ops.cast(mask, "bool"), -1)  # (batch, time, 1)
        count = ops.sum(ops.cast(mask, inputs.dtype), axis=1)
        mean = ops.sum(ops.where(mask, inputs, 0), axis=1) / ops.maximum(count, 1)
        highest = ops.max(ops.where(mask, inputs, _lowest(inputs)), axis=1)
        highest = ops.where(count > 0, highest, 0)
        return ops.concatenate([mean, highest], axis=-1)

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[2])


def masked(memory, mask):
    """The memory, zero where there is nothing to attend to.

    Args:
        memory: `(batch, time, depth)`.
        mask: `(batch, time)` or None.

    Returns:
        `(batch, time, depth)`.

    Example:
        >>> float(ops.sum(masked(ops.ones((1, 3, 2)), ops.array([[1, 1, 0]]))))
        4.0
    """
    if mask is None:
        return memory
    return memory * ops.cast(ops.expand_dims(mask, -1), memory.dtype)


def masked_softmax(scores, mask):
    """Softmax over the last axis, of what is not masked.

    Args:
        scores: `(..., time)`.
        mask: false where the weight is to be 0; None for none. Broadcasts to `scores`.

    Returns:
        `(..., time)`; rows sum to 1, or to 0 where all is masked.

    Example:
        >>> masked_softmax(ops.zeros((1, 3)), ops.array([[1, 0, 1]])).numpy().tolist()
        [[0.5, 0.0, 0.5]]
    """
    if mask is None:
        return ops.softmax(scores, axis=-1)
    mask = ops.cast(mask, "bool")
    weights = ops.softmax(ops.where(mask, scores, _lowest(scores)), axis=-1)
    return ops.where(mask, weights, 0)


def _lowest(tensor):
    """A number that no score is below, with room for differences."""
    return -3e4 if keras.backend.standardize_dtype(tensor.dtype) == "float16" else -1e30


def _without_shapes(layer):
    """A layer's description, the same whether or not it has been built."""
    description = keras.saving.serialize_keras_object(layer)
    return {key: v for key, v in description.items() if key != "build_config"}


def _with_attention(config):
    """The config with its attention as a layer."""
    attention = keras.saving.deserialize_keras_object(config["attention"])
    return {**config, "attention": attention}


def _positive(name, value):
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"`{name}` must be a whole number of 1 or more. Received: {name}={value!r}."
        )
    return value
