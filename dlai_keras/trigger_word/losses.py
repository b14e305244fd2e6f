"""The loss of a trigger-word detector."""

import keras
from keras import ops


def masked_binary_crossentropy(y_true, y_pred, positive_weight=1.0):
    """Binary cross-entropy over frames, some of which nobody is blamed for.

    `-(w * y * log p + (1 - y) * log(1 - p))` with `p = sigmoid(y_pred)` and
    `w = positive_weight`, averaged over the frames with `y_true >= 0`.

    A trigger word is rare: with the course's labels four in a hundred frames are
    ones, and an output of zeros is 96 % accurate. A weight above 1 makes a missed
    word cost more than a false alarm of the same length. Frames next to the edges of
    a label carry a target of -1 and count for nothing: whether the word has ended
    there is a matter of taste.

    Args:
        y_true: `(batch, num_frames, num_labels)`: 1, 0, or -1 for "leave out".
        y_pred: logits of the same shape.
        positive_weight: weight of ones.

    Returns:
        `(batch,)`: one value per example, 0 where every frame is left out.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    counted = ops.cast(y_true >= 0, y_pred.dtype)
    ones = ops.maximum(y_true, 0.0)
    losses = positive_weight * ones * ops.softplus(-y_pred) + (
        1.0 - ones
    ) * ops.softplus(y_pred)
    axes = tuple(range(1, len(y_pred.shape)))
    return ops.sum(losses * counted, axis=axes) / ops.maximum(
        ops.sum(counted, axis=axes), 1.0
    )


@keras.saving.register_keras_serializable(package="dlai_keras")
class MaskedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of logits that leaves out frames with a target of -1.

    See `masked_binary_crossentropy` for the formula.

    Args:
        positive_weight: weight of ones; above 1 where ones are rare.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true` and `y_pred`: `(batch, num_frames, num_labels)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Raises:
        ValueError: `positive_weight` is not above 0, or not finite.

    Example:
        >>> import numpy as np
        >>> loss = MaskedBinaryCrossentropy(positive_weight=2.0)
        >>> value = loss(np.array([[[1.0], [0.0], [-1.0]]]), np.zeros((1, 3, 1)))
        >>> round(float(value), 4)  # (2 log 2 + log 2) / 2
        1.0397

    Reference:
        - Course 5, week 3, "Trigger word detection"; the weight as in King and Zeng,
          2001, "Logistic regression in rare events data".
    """

    def __init__(
        self,
        positive_weight=1.0,
        reduction="sum_over_batch_size",
        name="masked_binary_crossentropy",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        if not 0 < positive_weight < float("inf"):
            raise ValueError(
                "`positive_weight` must be above 0 and finite. "
                f"Received: positive_weight={positive_weight}."
            )
        self.positive_weight = float(positive_weight)

    def call(self, y_true, y_pred):
        return masked_binary_crossentropy(y_true, y_pred, self.positive_weight)

    def get_config(self):
        return {**super().get_config(), "positive_weight": self.positive_weight}
