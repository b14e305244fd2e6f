"""Layers that the classic networks had and Keras has not."""

import itertools

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="dlai_keras")
def scaled_tanh(x):
    """LeNet's squashing function, `1.7159 tanh(2 x / 3)`: it maps 1 to 1 and -1 to -1.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of the same shape.

    Example:
        >>> round(float(scaled_tanh(ops.array(1.0))), 4)
        1.0

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          equation 6 and appendix A.
    """
    return 1.7159 * ops.tanh(x * (2 / 3))


@keras.saving.register_keras_serializable(package="dlai_keras")
class LocalResponseNormalization(keras.layers.Layer):
    """AlexNet's normalisation across neighbouring channels.

    `b[c] = a[c] / (k + alpha * sum(a[j] ** 2)) ** beta`, the sum over the `size`
    channels j around c, as many as there are. VGG found that it does not help, and
    batch normalisation has taken its place.

    PyTorch's layer of the same name divides `alpha` by `size`: for its 1e-4 of 5
    channels say 2e-5 here.

    Args:
        size: number of channels in a sum, odd.
        k: added to the sum.
        alpha: factor of the sum.
        beta: exponent.

    Input shape:
        `(..., channels)`.
    Output shape:
        The same.

    Raises:
        ValueError: `size` is not odd, or `k` not above 0.

    Example:
        >>> layer = LocalResponseNormalization(size=3, k=1.0, alpha=1.0, beta=0.5)
        >>> ops.convert_to_numpy(layer(ops.array([[2.0, 0.0, 2.0]]))).round(3)
        array([[0.894, 0.   , 0.894]], dtype=float32)

    Reference:
        - Krizhevsky et al., 2012, "ImageNet classification with deep convolutional
          neural networks", section 3.3, whose constants are the defaults.
    """

    is_local = True  # every place of a map is treated alike

    def __init__(self, size=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        if size != int(size) or size < 1 or size % 2 == 0:
            raise ValueError(f"`size` must be odd, 1 or more. Received: size={size}.")
        if k <= 0:
            raise ValueError(f"`k` must be above 0. Received: k={k}.")
        self.size, self.k = int(size), float(k)
        self.alpha, self.beta = float(alpha), float(beta)

    def call(self, inputs):
        channels, reach = inputs.shape[-1], self.size // 2
        around = [(0, 0)] * (len(inputs.shape) - 1) + [(reach, reach)]
        squares = ops.pad(ops.square(inputs), around)
        total = sum(squares[..., i : i + channels] for i in range(self.size))
        return inputs * ops.power(self.k + self.alpha * total, -self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class Subsampling(keras.layers.Layer):
    """LeNet's trainable pooling: `coefficient * sum of the window + bias`.

    One coefficient and one bias a map; windows do not overlap. Keras' average pooling
    is this with a fixed coefficient of 1 / window.

    Args:
        pool_size: height and width of the window, pixels; what is left over at the
            lower and right edges is dropped.

    Input shape:
        `(batch, height, width, channels)`.
    Output shape:
        `(batch, height // pool_size, width // pool_size, channels)`.

    Raises:
        ValueError: `pool_size` is not 1 or more.

    Example:
        >>> layer = Subsampling(2)
        >>> ops.shape(layer(ops.ones((1, 28, 28, 6)))), layer.count_params()
        ((1, 14, 14, 6), 12)

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          section II.B, layer S2.
    """

    is_local = True  # every place of a map is treated alike

    def __init__(self, pool_size=2, **kwargs):
        super().__init__(**kwargs)
        if pool_size != int(pool_size) or pool_size < 1:
            raise ValueError(
                f"`pool_size` must be 1 or more. Received: pool_size={pool_size}."
            )
        self.pool_size = self.strides = int(pool_size)

    def build(self, input_shape):
        shape = (input_shape[-1],)
        # It starts as the mean of its window.
        start = keras.initializers.Constant(1 / self.pool_size**2)
        self.coefficient = self.add_weight(
            shape=shape, initializer=start, name="coefficient"
        )
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def call(self, inputs):
        mean = ops.average_pool(
            inputs, self.pool_size, self.pool_size, data_format="channels_last"
        )
        return mean * (self.coefficient * self.pool_size**2) + self.bias

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        pooled = [size and size // self.pool_size for size in (height, width)]
        return (batch, *pooled, channels)

    def multiply_adds(self):
        """For one picture: each pixel is added once, each sum scaled once."""
        _, height, width, channels = self.output.shape
        return height * width * channels * (self.pool_size**2 + 1)

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="dlai_keras")
class ConnectionTableConv2D(keras.layers.Layer):
    """A convolution whose output maps see some of the input maps only.

    Without strides and padding. It has weights for the connections of its table alone:
    LeNet's C3 has 60 of 6 x 16, and 1,516 parameters where all would be 2,416.

    Args:
        table: for each output map the numbers of the input maps that it sees.
        kernel_size: height and width of the kernels, pixels.

    Input shape:
        `(batch, height, width, channels)`.
    Output shape:
        `(batch, height - kernel_size + 1, width - kernel_size + 1, len(table))`.

    Raises:
        ValueError: an output map sees nothing or one map twice, or the table speaks of
            maps that the input has not.

    Example:
        >>> layer = ConnectionTableConv2D([[0, 1], [1]], kernel_size=3)
        >>> ops.shape(layer(ops.ones((1, 8, 8, 2)))), layer.count_params()
        ((1, 6, 6, 2), 29)

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          table I.
    """

    is_local = True  # every place of a map is treated alike

    def __init__(self, table, kernel_size=5, **kwargs):
        super().__init__(**kwargs)
        self.table = tuple(tuple(int(one) for one in row) for row in table)
        self.kernel_size = int(kernel_size)
        if not self.table or any(
            not row or min(row) < 0 or len(set(row)) != len(row) for row in self.table
        ):
            raise ValueError(
                "`table` must hold for each output map the numbers of input maps, from "
                f"0 on, each once. Received: table={table}."
            )
        if self.kernel_size < 1:
            raise ValueError(
                f"`kernel_size` must be 1 or more. Received: kernel_size={kernel_size}."
            )

    def build(self, input_shape):
        channels, filters = input_shape[-1], len(self.table)
        if max(itertools.chain(*self.table)) >= channels:
            raise ValueError(
                f"`table` must name maps from 0 to {channels - 1}, those of the input. "
                f"Received: {max(itertools.chain(*self.table))}."
            )
        pairs = [(i, o) for o, row in enumerate(self.table) for i in row]
        # From the connections to the places of a whole kernel.
        scatter = np.zeros((len(pairs), channels * filters), "float32")
        for number, (i, o) in enumerate(pairs):
            scatter[number, i * filters + o] = 1
        self._scatter = scatter
        area = self.kernel_size**2
        # Fan-in differs from map to map, so each gets the deviation of its own.
        widths = np.array([len(self.table[o]) * area for _, o in pairs])
        limits = np.sqrt(3.0 / widths).astype("float32")
        draw = keras.initializers.RandomUniform(-1.0, 1.0)
        self.kernel = self.add_weight(
            shape=(area, len(pairs)),
            initializer=lambda shape, dtype=None: (
                draw(shape, dtype) * ops.convert_to_tensor(limits, dtype)
            ),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(filters,), initializer="zeros", name="bias")

    def call(self, inputs):
        scatter = ops.cast(self._scatter, self.compute_dtype)
        kernel = ops.reshape(
            ops.matmul(self.kernel, scatter),
            (self.kernel_size, self.kernel_size, inputs.shape[-1], len(self.table)),
        )
        maps = ops.conv(inputs, kernel, padding="valid", data_format="channels_last")
        return maps + self.bias

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sizes = [size and size - self.kernel_size + 1 for size in (height, width)]
        return (batch, *sizes, len(self.table))

    def multiply_adds(self):
        """For one picture, those of the connections alone."""
        _, height, width, _ = self.output.shape
        connections = sum(map(len, self.table))
        return height * width * connections * self.kernel_size**2

    def get_config(self):
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class RadialBasis(keras.layers.Layer):
    """LeNet's output: the squared distance to a fixed code of each class.

    `y[c] = sum((x - codes[c]) ** 2)`: the smaller, the likelier the class. With `-y` as
    logits, cross-entropy is `y[true] + log(sum(exp(-y)))`, the paper's criterion (its
    equation 9) without the rubbish class `j`.

    Args:
        codes: one row of numbers a class; they are not trained.

    Input shape:
        `(batch, len(codes[0]))`.
    Output shape:
        `(batch, len(codes))`.

    Raises:
        ValueError: the codes are no table, or not as long as the input.

    Example:
        >>> layer = RadialBasis([[1, 1], [-1, 1]])
        >>> ops.convert_to_numpy(layer(ops.array([[1.0, 0.0]])))
        array([[1., 5.]], dtype=float32)

    Reference:
        - LeCun et al., 1998, "Gradient-based learning applied to document recognition",
          equations 7 and 9.
    """

    is_local = True  # every place of a map is treated alike

    def __init__(self, codes, **kwargs):
        super().__init__(**kwargs)
        self.codes = tuple(tuple(float(one) for one in row) for row in codes)
        if not self.codes or len({len(row) for row in self.codes}) != 1:
            raise ValueError(
                "`codes` must be rows of one length, one a class. Received rows of "
                f"{sorted({len(row) for row in self.codes})}."
            )

    def build(self, input_shape):
        if input_shape[-1] != len(self.codes[0]):
            raise ValueError(
                f"The input must be as long as the codes, {len(self.codes[0])}. "
                f"Received: shape={tuple(input_shape)}."
            )
        self.centres = self.add_weight(
            shape=(len(self.codes), len(self.codes[0])),
            initializer=lambda shape, dtype=None: ops.cast(
                np.array(self.codes, "float32"), dtype
            ),
            trainable=False,
            name="centres",
        )

    def call(self, inputs):
        offsets = ops.expand_dims(inputs, -2) - self.centres
        return ops.sum(ops.square(offsets), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], len(self.codes))

    def multiply_adds(self):
        """For one picture: one a number of each code."""
        return len(self.codes) * len(self.codes[0])

    def get_config(self):
        return {**super().get_config(), "codes": self.codes}


@keras.saving.register_keras_serializable(package="dlai_keras")
class SpatialExpectation(keras.layers.Layer):
    """Where a map is high: the mean place under the softmax of each map.

    Turns one map a landmark into the landmark's place, differentiably and finer than
    a pixel of the map. The centre of the upper left pixel of `n` columns is at
    `0.5 / n`, that of the last one at `1 - 0.5 / n`.

    Args:
        sharpness: factor of the maps before the softmax.

    Input shape:
        `(batch, height, width, num_landmarks)`.
    Output shape:
        `(batch, num_landmarks, 2)`: x and y as shares of width and height.

    Raises:
        ValueError: `sharpness` is not above 0.

    Example:
        >>> maps = np.full((1, 4, 4, 1), -50.0, "float32")
        >>> maps[0, 0, 3] = 50.0
        >>> ops.convert_to_numpy(SpatialExpectation()(maps))
        array([[[0.875, 0.125]]], dtype=float32)

    Reference:
        - Levine et al., 2016, "End-to-end training of deep visuomotor policies",
          section 5.2 ("spatial softmax").
    """

    def __init__(self, sharpness=1.0, **kwargs):
        super().__init__(**kwargs)
        if sharpness <= 0:
            raise ValueError(
                f"`sharpness` must be above 0. Received: sharpness={sharpness}."
            )
        self.sharpness = float(sharpness)

    def call(self, inputs):
        _, height, width, num = inputs.shape
        flat = ops.reshape(inputs * self.sharpness, (-1, height * width, num))
        shares = ops.reshape(ops.softmax(flat, axis=1), (-1, height, width, num))
        x = (ops.arange(width, dtype=shares.dtype) + 0.5) / width
        y = (ops.arange(height, dtype=shares.dtype) + 0.5) / height
        across = ops.einsum("bhwn,w->bn", shares, x)
        down = ops.einsum("bhwn,h->bn", shares, y)
        return ops.stack([across, down], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1], 2)

    def get_config(self):
        return {**super().get_config(), "sharpness": self.sharpness}
