"""Heads above embeddings: one question for two pictures, or a class for each person."""

import keras
from keras import ops

from dlai_keras.face_recognition.losses import (
    DISTANCE_METRICS,
    add_angular_margin,
    check_arcface,
    paired_distances,
    unit_vectors,
)

DIFFERENCES = ("absolute", "chi-squared")


@keras.saving.register_keras_serializable(package="dlai_keras")
class SiameseHead(keras.layers.Layer):
    """Do two embeddings belong to one person? A logit, as the course teaches it.

    `w · |a - b| + c`, or with `difference="chi-squared"`
    `w · ((a - b)² / (|a| + |b|)) + c`, which is the course's and DeepFace's χ² for
    features that are not negative. The order of the two does not matter. Train it with
    `BinaryCrossentropy(from_logits=True)`, 1 for one person.

    Args:
        difference: `"absolute"` or `"chi-squared"`.

    Input shape:
        Two tensors `(batch, dim)`, in a list.
    Output shape:
        `(batch, 1)`, above 0 for one person.

    Raises:
        ValueError: `difference` is unknown, or the inputs are not two of one shape.

    Example:
        >>> ops.shape(SiameseHead()([ops.ones((2, 8)), ops.zeros((2, 8))]))
        (2, 1)

    Reference:
        - Course 4, week 4, "Face verification and binary classification".
        - Taigman et al., 2014, "DeepFace", section 4.1 (weighted χ²) and 4.2.
    """

    def __init__(self, difference="absolute", **kwargs):
        super().__init__(**kwargs)
        if difference not in DIFFERENCES:
            raise ValueError(
                f"`difference` must be one of {', '.join(DIFFERENCES)}. Received: "
                f"difference={difference!r}."
            )
        self.difference = difference

    def build(self, input_shape):
        first, _ = _check_two(self, input_shape)
        self.kernel = self.add_weight(
            shape=(first[-1], 1), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs):
        first, second = inputs
        difference = ops.abs(first - second)
        if self.difference == "chi-squared":
            total = ops.abs(first) + ops.abs(second)
            total = ops.where(total > 0, total, ops.ones_like(total))
            difference = difference * (difference / total)  # a square may underflow
        return ops.matmul(difference, self.kernel) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)

    def get_config(self):
        return {**super().get_config(), "difference": self.difference}


@keras.saving.register_keras_serializable(package="dlai_keras")
class PairedDistance(keras.layers.Layer):
    """The distance of two embeddings, for `ContrastiveLoss`.

    Args:
        metric: `"L2"`, `"squared-L2"` or `"angular"`, see `pairwise_distances`.

    Input shape:
        Two tensors `(batch, dim)`, in a list.
    Output shape:
        `(batch,)`.

    Raises:
        ValueError: `metric` is unknown, or the inputs are not two of one shape.

    Example:
        >>> a, b = ops.array([[0.0, 0.0]]), ops.array([[3.0, 4.0]])
        >>> float(PairedDistance()([a, b])[0])
        5.0

    Reference:
        - Course 4, week 4, "Siamese network": d(x1, x2) = ||f(x1) - f(x2)||.
    """

    def __init__(self, metric="L2", **kwargs):
        super().__init__(**kwargs)
        if metric not in DISTANCE_METRICS:
            raise ValueError(
                f"`metric` must be one of {', '.join(DISTANCE_METRICS)}. Received: "
                f"metric={metric!r}."
            )
        self.metric = metric

    def build(self, input_shape):
        _check_two(self, input_shape)

    def call(self, inputs):
        distances = paired_distances(*inputs, self.metric)
        return ops.cast(distances, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0],)

    def get_config(self):
        return {**super().get_config(), "metric": self.metric}


@keras.saving.register_keras_serializable(package="dlai_keras")
class ArcFaceLogits(keras.layers.Layer):
    """`scale * cos θ` of embeddings and one direction per class, perhaps with a margin.

    Embeddings and directions count as of length 1. With labels the angle to the own
    class grows by `margin`, so that a softmax cross-entropy asks for more; without, the
    logits are what one would predict with, and `ArcFaceLoss` adds the margin.

    Args:
        num_classes: people in the training set.
        scale: of the cosines; 64 in the paper, less for few people.
        margin: radians.

    Input shape:
        Embeddings `(batch, dim)`; or these and whole labels `(batch,)` or `(batch, 1)`,
        below `num_classes`, in a list.
    Output shape:
        `(batch, num_classes)`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> layer = ArcFaceLogits(10, scale=16)
        >>> embeddings, labels = keras.random.normal((4, 8)), ops.array([3, 1, 4, 1])
        >>> plain, harder = layer(embeddings), layer([embeddings, labels])
        >>> bool(ops.all(ops.take_along_axis(harder - plain, labels[:, None], 1) < 0))
        True

    Reference:
        - Deng et al., 2019, "ArcFace", equation 3.
    """

    def __init__(self, num_classes, scale=64.0, margin=0.5, **kwargs):
        super().__init__(**kwargs)
        if int(num_classes) != num_classes or num_classes < 1:
            raise ValueError(
                "`num_classes` must be a whole number above 0. Received: "
                f"num_classes={num_classes}."
            )
        check_arcface(scale, margin)
        self.num_classes = int(num_classes)
        self.scale, self.margin = float(scale), float(margin)

    def build(self, input_shape):
        dim = _embedding_shape(input_shape)[-1]
        self.kernel = self.add_weight(
            shape=(dim, self.num_classes), initializer="glorot_uniform", name="kernel"
        )

    def call(self, inputs):
        embeddings, labels = inputs, None
        if isinstance(inputs, list | tuple):
            embeddings, labels = inputs
        # Half precision has no room for a sine beside a cosine of almost 1.
        cosines = ops.matmul(
            unit_vectors(ops.cast(embeddings, "float32"), axis=1),
            unit_vectors(ops.cast(self.kernel, "float32"), axis=0),
        )
        if labels is not None:
            labels = ops.reshape(labels, (-1,))
            cosines = add_angular_margin(cosines, labels, self.margin)
        return ops.cast(self.scale * cosines, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (_embedding_shape(input_shape)[0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "scale": self.scale,
            "margin": self.margin,
        }


def _check_two(layer, input_shape):
    """The shapes of two inputs."""
    shapes = [tuple(s) if isinstance(s, list | tuple) else s for s in input_shape]
    if len(shapes) != 2 or shapes[0] != shapes[1] or not isinstance(shapes[0], tuple):
        raise ValueError(
            f"`{type(layer).__name__}` takes a list of two tensors of one shape "
            f"(batch, dim). Received: shapes={shapes}."
        )
    return shapes


def _embedding_shape(input_shape):
    """Of embeddings, or of embeddings and labels."""
    first = input_shape[0]
    return tuple(first if isinstance(first, list | tuple) else input_shape)
