"""The mean of the words around each word."""

import keras
from keras import ops

from dlai_keras.word_vectors.losses import window_mask


@keras.saving.register_keras_serializable(package="dlai_keras")
class WindowMean(keras.layers.Layer):
    """The mean of the vectors in each word's window, the word's own left out.

    Input shape:
        Vectors `(batch, length, dim)`, and how far each window reaches to the left and
        to the right, `(batch, length, 2)`.

    Output shape:
        `(batch, length, dim)`, zeros for a word with none in its window.

    Example:
        >>> vectors = ops.reshape(ops.arange(3.0), (1, 3, 1))
        >>> WindowMean()([vectors, ops.array([[[0, 2], [1, 1], [0, 0]]])]).numpy()[0].T
        array([[1.5, 1. , 0. ]], dtype=float32)

    Reference:
        Mikolov et al., 2013, "Efficient estimation of word representations in vector
        space", section 3.1.
    """

    def call(self, inputs):
        """The means."""
        vectors, reach = inputs
        mask = ops.cast(window_mask(reach), vectors.dtype)
        mask = mask / ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1.0)
        return ops.matmul(mask, vectors)

    def compute_output_shape(self, input_shape):
        """The shape of the vectors."""
        return input_shape[0]
