"""What word vectors are trained to: word2vec's objectives, and GloVe's."""

import keras
from keras import ops

__all__ = [
    "CbowLoss",
    "GloveLoss",
    "SkipGramLoss",
    "cbow_loss",
    "glove_loss",
    "skip_gram_loss",
    "window_mask",
]


def window_mask(reach):
    """Which words stand in whose window.

    Args:
        reach: how far each word's window reaches to the left and to the right, whole
            numbers `(batch, length, 2)`.

    Returns:
        float32 `(batch, length, length)`, 1 where the word of the column stands in the
        window of the word of the row; no word stands in its own.

    Example:
        >>> window_mask([[[0, 2], [1, 0], [1, 0]]]).numpy()[0]
        array([[0., 1., 1.],
               [1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """
    reach = ops.cast(reach, "int32")
    place = ops.arange(ops.shape(reach)[1], dtype="int32")
    distance = place[None, :] - place[:, None]
    inside = (distance >= -reach[..., :1]) & (distance <= reach[..., 1:])
    return ops.cast(inside & (distance != 0), "float32")


def skip_gram_loss(y_true, y_pred, negatives_per_pair=5.0):
    """Skip-gram with negative sampling, summed over each row of text.

    `-log s(u·v)` for each word and another one in its window, with the sigmoid s, and
    `negatives_per_pair` times the mean of `-log s(-u·v)` over the row's negatives, once
    for each of them.

    Args:
        y_true: reach of each word's window, `(batch, length, 2)`.
        y_pred: products of each word's vector with the contexts of all words of the
            row, then with those of the negatives, `(batch, length, length + num)`.
        negatives_per_pair: k of the paper.

    Returns:
        `(batch,)`.

    Example:
        >>> loss = skip_gram_loss([[[0, 1], [1, 0]]], ops.zeros((1, 2, 3)))
        >>> round(float(loss[0]), 4)  # two pairs, six terms of log 2 each
        8.3178

    Reference:
        Mikolov et al., 2013, "Distributed representations of words and phrases and
        their compositionality", equation 4.
    """
    mask = window_mask(y_true)
    length = ops.shape(mask)[-1]
    near = ops.sum(mask * ops.softplus(-y_pred[..., :length]), axis=-1)
    far = ops.mean(ops.softplus(y_pred[..., length:]), axis=-1)
    pairs = ops.sum(mask, axis=-1)
    return ops.sum(near + negatives_per_pair * pairs * far, axis=-1)


def cbow_loss(y_true, y_pred, negatives_per_word=5.0):
    """The continuous bag of words with negative sampling, summed over a row of text.

    Args:
        y_true: reach of each word's window, `(batch, length, 2)`; words without any
            other in their window do not count.
        y_pred: products of the mean of each window with the word in its middle, then
            with the row's negatives, `(batch, length, 1 + num)`.
        negatives_per_word: weight of the mean over the negatives.

    Returns:
        `(batch,)`.

    Example:
        >>> loss = cbow_loss([[[0, 1], [1, 0], [0, 0]]], ops.zeros((1, 3, 4)))
        >>> round(float(loss[0]), 4)  # two words, six terms of log 2 each
        8.3178

    Reference:
        Mikolov et al., 2013, "Efficient estimation of word representations in vector
        space", section 3.1.
    """
    counts = ops.cast(ops.any(ops.cast(y_true, "int32") > 0, axis=-1), "float32")
    near = ops.softplus(-y_pred[..., 0])
    far = ops.mean(ops.softplus(y_pred[..., 1:]), axis=-1)
    return ops.sum(counts * (near + negatives_per_word * far), axis=-1)


def glove_loss(y_true, y_pred, x_max=10.0, alpha=0.75):
    """GloVe's weighted squared error of log counts.

    Args:
        y_true: how often two words stand near each other, above 0, `(batch, 1)`.
        y_pred: product of their vectors and their biases added up, `(batch, 1)`.
        x_max: count from which the weight is 1.
        alpha: power with which it falls below.

    Returns:
        `min(1, (x / x_max)^alpha) (y_pred - log x)^2`, `(batch,)`.

    Example:
        >>> glove_loss([[1.0], [16.0]], [[2.0], [0.0]], x_max=16).numpy().round(3)
        array([0.5  , 7.687], dtype=float32)

    Reference:
        Pennington et al., 2014, "GloVe: Global vectors for word representation",
        equations 8 and 9; x_max is 100 there, for texts of billions of words.
    """
    y_true = ops.convert_to_tensor(y_true)
    weight = ops.minimum((y_true / x_max) ** alpha, 1.0)
    return ops.sum(weight * ops.square(y_pred - ops.log(y_true)), axis=-1)


@keras.saving.register_keras_serializable(package="dlai_keras")
class SkipGramLoss(keras.losses.Loss):
    """The loss `skip_gram_loss`, averaged over rows by default.

    With `reduction="sum"` a step is word2vec's for every pair of the batch at once.

    Args:
        negatives_per_pair: k of the paper.
        reduction: of Keras.
        name: of the loss.

    Example:
        >>> loss = SkipGramLoss()([[[0, 1], [1, 0]]], ops.zeros((1, 2, 3)))
        >>> round(float(loss), 4)
        8.3178
    """

    def __init__(
        self,
        negatives_per_pair=5.0,
        reduction="sum_over_batch_size",
        name="skip_gram",
        **options,
    ):
        super().__init__(reduction=reduction, name=name, **options)
        self.negatives_per_pair = negatives_per_pair

    def call(self, y_true, y_pred):
        """The loss of each row."""
        return skip_gram_loss(y_true, y_pred, self.negatives_per_pair)

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "negatives_per_pair": self.negatives_per_pair}


@keras.saving.register_keras_serializable(package="dlai_keras")
class CbowLoss(keras.losses.Loss):
    """The loss `cbow_loss`, averaged over rows by default.

    Args:
        negatives_per_word: weight of the mean over the negatives.
        reduction: of Keras.
        name: of the loss.

    Example:
        >>> loss = CbowLoss()([[[0, 1], [1, 0], [0, 0]]], ops.zeros((1, 3, 4)))
        >>> round(float(loss), 4)
        8.3178
    """

    def __init__(
        self,
        negatives_per_word=5.0,
        reduction="sum_over_batch_size",
        name="cbow",
        **options,
    ):
        super().__init__(reduction=reduction, name=name, **options)
        self.negatives_per_word = negatives_per_word

    def call(self, y_true, y_pred):
        """The loss of each row."""
        return cbow_loss(y_true, y_pred, self.negatives_per_word)

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "negatives_per_word": self.negatives_per_word}


@keras.saving.register_keras_serializable(package="dlai_keras")
class GloveLoss(keras.losses.Loss):
    """The loss `glove_loss`, averaged over pairs by default.

    Args:
        x_max: count from which the weight is 1.
        alpha: power with which it falls below.
        reduction: of Keras.
        name: of the loss.

    Example:
        >>> float(GloveLoss(x_max=16)([[1.0], [1.0]], [[2.0], [2.0]]))
        0.5
    """

    def __init__(
        self,
        x_max=10.0,
        alpha=0.75,
        reduction="sum_over_batch_size",
        name="glove",
        **options,
    ):
        super().__init__(reduction=reduction, name=name, **options)
        self.x_max, self.alpha = x_max, alpha

    def call(self, y_true, y_pred):
        """The loss of each pair."""
        return glove_loss(y_true, y_pred, self.x_max, self.alpha)

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "x_max": self.x_max, "alpha": self.alpha}
