"""The loss of several yes-or-no questions, of which some have no answer."""

import keras
from keras import ops


def known_binary_crossentropy(y_true, y_pred, *, from_logits=False, missing=-1.0):
    """Cross-entropy of the labels that are known, summed over a picture's questions.

    `sum over j known of -(y[j] log p[j] + (1 - y[j]) log(1 - p[j]))`. A picture with no
    known label has a loss of 0.

    Args:
        y_true: `(batch, num_labels)`: 0, 1, or `missing`.
        y_pred: `(batch, num_labels)`: probabilities, or logits.
        from_logits: whether `y_pred` are logits.
        missing: stands for a label that nobody has given.

    Returns:
        `(batch,)`.

    Example:
        >>> y_true = ops.array([[1.0, -1.0, 0.0]])
        >>> y_pred = ops.array([[0.5, 0.9, 0.5]])
        >>> round(float(known_binary_crossentropy(y_true, y_pred)[0]), 4)  # 2 log 2
        1.3863

    Reference:
        - Course 3, week 2, "Multi-task learning": the sum runs over the j with a label.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    known = ops.cast(ops.not_equal(y_true, missing), y_pred.dtype)
    # What is missing must not become NaN before it is multiplied by 0.
    values = ops.binary_crossentropy(y_true * known, y_pred, from_logits=from_logits)
    return ops.sum(values * known, axis=-1)


@keras.saving.register_keras_serializable(package="dlai_keras")
class KnownBinaryCrossentropy(keras.losses.Loss):
    """Cross-entropy of several sigmoid labels that leaves out those not given.

    See `known_binary_crossentropy`.

    Args:
        from_logits: whether predictions are logits.
        missing: stands for a label that nobody has given.
        reduction: of the values of a batch.
        name: of the loss.

    Example:
        >>> loss = KnownBinaryCrossentropy(from_logits=True)
        >>> y_true = ops.array([[1.0, -1.0], [-1.0, -1.0]])
        >>> round(float(loss(y_true, ops.zeros((2, 2)))), 4)  # log 2 / 2
        0.3466

    Reference:
        - Course 3, week 2, "Multi-task learning".
    """

    def __init__(
        self,
        from_logits=False,
        missing=-1.0,
        reduction="sum_over_batch_size",
        name="known_binary_crossentropy",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.from_logits, self.missing = bool(from_logits), float(missing)

    def call(self, y_true, y_pred):
        return known_binary_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, missing=self.missing
        )

    def get_config(self):
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "missing": self.missing,
        }
