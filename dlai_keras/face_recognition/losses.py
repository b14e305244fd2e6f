"""Losses that bring pictures of one person together and keep others apart.

The triplet losses, the contrastive and the N-pairs loss equal TensorFlow Addons' where
that gives a number.
"""

import math

import keras
from keras import ops

DISTANCE_METRICS = ("L2", "squared-L2", "angular")


# Distances


def pairwise_distances(embeddings, metric: str = "L2"):
    """The distance of every embedding of a batch to every other.

    `L2` is `|a - b|`, `squared-L2` its square, `angular` is `1 - cos(a, b)` whatever
    the lengths. All take one product of matrices, `|a - b|² = |a|² + |b|² - 2 a·b`.

    Where two embeddings are equal, the distance and its gradient are 0 (of a square
    root it would be infinite).

    Args:
        embeddings: `(batch, dim)`.
        metric: one of `DISTANCE_METRICS`.

    Returns:
        float32 `(batch, batch)`, 0 on the diagonal.

    Raises:
        ValueError: `metric` is none of these, or `embeddings` has another rank.

    Example:
        >>> ops.convert_to_numpy(pairwise_distances([[0.0, 0.0], [3.0, 4.0]]))
        array([[0., 5.],
               [5., 0.]], dtype=float32)
    """
    _check_metric(metric)
    embeddings = ops.cast(ops.convert_to_tensor(embeddings), "float32")
    if len(embeddings.shape) != 2:
        raise ValueError(
            "Embeddings must be (batch, dim). Received: shape="
            f"{tuple(embeddings.shape)}."
        )
    if metric == "angular":
        units = unit_vectors(embeddings)
        distances = 1 - ops.matmul(units, ops.transpose(units))
    else:
        # Distances are the same from any origin, and most exact from the middle: else
        # those of a network that has just begun, 0.001 of unit vectors, drown in
        # rounding.
        middle = ops.stop_gradient(ops.mean(embeddings, axis=0, keepdims=True))
        embeddings = embeddings - middle
        lengths = ops.sum(ops.square(embeddings), axis=1)
        products = ops.matmul(embeddings, ops.transpose(embeddings))
        distances = lengths[:, None] + lengths[None, :] - 2 * products
    distances = ops.where(_same_place(embeddings), 0.0, ops.maximum(distances, 0.0))
    return _root(distances) if metric == "L2" else distances


def paired_distances(first, second, metric: str = "L2"):
    """The distance of each embedding to the one at its side.

    Args:
        first: `(batch, dim)`.
        second: of the same shape.
        metric: as in `pairwise_distances`.

    Returns:
        float32 `(batch,)`; gradients are finite where two are equal.

    Raises:
        ValueError: `metric` is unknown.

    Example:
        >>> float(paired_distances([[0.0, 0.0]], [[3.0, 4.0]], "squared-L2")[0])
        25.0
    """
    _check_metric(metric)
    first, second = (
        ops.cast(ops.convert_to_tensor(x), "float32") for x in (first, second)
    )
    if metric == "angular":
        cosines = ops.sum(unit_vectors(first) * unit_vectors(second), axis=-1)
        return ops.maximum(1 - cosines, 0.0)
    squared = ops.sum(ops.square(first - second), axis=-1)
    return _root(squared) if metric == "L2" else squared


def unit_vectors(vectors, axis: int = -1):
    """Vectors of length 1, or 0 where they are 0.

    There `ops.normalize` has a gradient of NaN (JAX, PyTorch) or 1e12 (TensorFlow);
    here it is 1e6, as in `tf.math.l2_normalize`.

    Args:
        vectors: of any shape.
        axis: along which a vector lies.

    Returns:
        The same shape and dtype.

    Example:
        >>> ops.convert_to_numpy(unit_vectors(ops.array([[3.0, 4.0], [0.0, 0.0]])))
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    vectors = ops.convert_to_tensor(vectors)
    squared = ops.sum(ops.square(vectors), axis=axis, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squared, 1e-12))


# Triplets


def triplet_semi_hard_loss(
    y_true, y_pred, margin: float = 1.0, distance_metric: str = "L2"
):
    """For every pair of one person the nearest other person that is farther still.

    For an anchor a and a positive p, n is the nearest negative with d(a, n) > d(a, p),
    or the farthest negative where there is none, and the pair's loss
    `max(d(a, p) - d(a, n) + margin, 0)`. The definition takes the mean over all ordered
    pairs. Here every anchor gets the sum over its pairs times `batch / num_pairs`, so
    that the mean over the batch is just that mean over pairs, and a sample weight
    weighs an anchor.

    Rows of distances are sorted, so that it takes `batch²` numbers and not `batch³` as
    TensorFlow Addons. Without a positive pair all values are 0 (there, NaN); without a
    negative d(a, n) is 0 (as there), so a batch should hold several people.

    Args:
        y_true: whose picture it is, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings `(batch, dim)`, of length 1 as a rule.
        margin: by how much negatives should be farther.
        distance_metric: as in `pairwise_distances`.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: shapes or the metric are not as above.

    Example:
        >>> embeddings = ops.array([[0.0], [1.0], [1.5], [4.0]])
        >>> values = triplet_semi_hard_loss(ops.array([0, 0, 1, 1]), embeddings)
        >>> ops.convert_to_numpy(values)  # 1 - 1.5 + 1, 1 - 3 + 1, 2.5 - 1.5 + 1, ...
        array([0.5, 0. , 2. , 0.5], dtype=float32)

    Reference:
        - Schroff et al., 2015, "FaceNet", section 3.2, equation 4.
    """
    distances = pairwise_distances(y_pred, distance_metric)
    positive, negative = _same_and_other(y_true)
    num = ops.shape(distances)[0]
    to_negatives = ops.where(negative, distances, math.inf)
    # From near to far. Sorts are stable, so that of equally distant pictures negatives
    # come first: what follows a positive is truly farther.
    both = [to_negatives, ops.where(positive, distances, math.inf)]
    both = ops.concatenate(both, axis=1)  # (batch, 2 * batch)
    order = ops.argsort(both, axis=1)
    to_positive = ops.take_along_axis(both, order, axis=1)
    num_passed = ops.cumsum(ops.cast(order < num, "int32"), axis=1)
    num_negatives = ops.sum(ops.cast(negative, "int32"), axis=1, keepdims=True)
    # The next negative, or the last one where none is left.
    chosen = ops.maximum(ops.minimum(num_passed, num_negatives - 1), 0)
    to_negative = ops.sort(to_negatives, axis=1)
    to_negative = ops.take_along_axis(to_negative, chosen, axis=1)
    to_negative = ops.where(num_negatives > 0, to_negative, 0.0)
    is_pair = ops.logical_and(order >= num, to_positive < math.inf)
    losses = ops.relu(to_positive - to_negative + margin)
    losses = ops.where(is_pair, losses, 0.0)
    num_pairs = ops.maximum(ops.sum(ops.cast(is_pair, "float32")), 1.0)
    return ops.cast(num, "float32") / num_pairs * ops.sum(losses, axis=1)


def triplet_hard_loss(
    y_true,
    y_pred,
    margin: float = 1.0,
    soft: bool = False,
    distance_metric: str = "L2",
):
    """For every picture the farthest of its person and the nearest of another.

    `max(d(a, p) - d(a, n) + margin, 0)`, or with `soft` the smooth
    `log(1 + exp(d(a, p) - d(a, n)))`, which never stops pulling.

    As in TensorFlow Addons d(a, p) is 0 for an anchor that is alone of its person, and
    d(a, n) the largest distance of a batch that holds one person only.

    Args:
        y_true: whose picture it is, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings `(batch, dim)`, of length 1 as a rule.
        margin: by how much negatives should be farther; not used with `soft`.
        soft: see above.
        distance_metric: as in `pairwise_distances`.

    Returns:
        float32 `(batch,)`: one value per anchor.

    Raises:
        ValueError: shapes or the metric are not as above.

    Example:
        >>> embeddings = ops.array([[0.0], [1.0], [1.5], [4.0]])
        >>> values = triplet_hard_loss(ops.array([0, 0, 1, 1]), embeddings)
        >>> ops.convert_to_numpy(values)  # 1 - 1.5 + 1, 1 - 0.5 + 1, ...
        array([0.5, 1.5, 3. , 0.5], dtype=float32)

    Reference:
        - Hermans et al., 2017, "In defense of the triplet loss", equation 5 and
          section 3 ("soft margin").
    """
    distances = pairwise_distances(y_pred, distance_metric)
    positive, negative = _same_and_other(y_true)
    to_positive = ops.max(ops.where(positive, distances, 0.0), axis=1)
    farthest = ops.max(distances, axis=1, keepdims=True)
    to_negative = ops.min(ops.where(negative, distances, farthest), axis=1)
    difference = to_positive - to_negative
    return ops.softplus(difference) if soft else ops.relu(difference + margin)


@keras.saving.register_keras_serializable(package="dlai_keras")
class TripletSemiHardLoss(keras.losses.Loss):
    """Triplet loss with the semi-hard negatives of a batch.

    See `triplet_semi_hard_loss`. With the default reduction a batch's value is the
    mean over its positive pairs, TensorFlow Addons' number.

    Args:
        margin: by how much negatives should be farther.
        distance_metric: `"L2"`, `"squared-L2"` (FaceNet's, with a margin of 0.2) or
            `"angular"`.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: whole numbers `(batch,)` or `(batch, 1)`; `y_pred`: embeddings
        `(batch, dim)`.
    Output shape:
        `(batch,)` with `reduction=None`: an anchor's part of the mean over pairs,
        times `batch`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> loss = TripletSemiHardLoss(margin=1.0)
        >>> embeddings = ops.array([[0.0], [1.0], [1.5], [4.0]])
        >>> float(loss(ops.array([0, 0, 1, 1]), embeddings))
        0.75

    Reference:
        - Schroff et al., 2015, "FaceNet", section 3.2; course 4, week 4.
    """

    def __init__(
        self,
        margin=1.0,
        distance_metric="L2",
        reduction="sum_over_batch_size",
        name="triplet_semi_hard_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = _checked_margin(margin)
        self.distance_metric = _check_metric(distance_metric)

    def call(self, y_true, y_pred):
        return triplet_semi_hard_loss(y_true, y_pred, self.margin, self.distance_metric)

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "distance_metric": self.distance_metric,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class TripletHardLoss(keras.losses.Loss):
    """Triplet loss with the hardest positive and negative of every picture of a batch.

    See `triplet_hard_loss`. With the default reduction a batch's value is the mean over
    its anchors, TensorFlow Addons' number.

    Args:
        margin: by how much negatives should be farther; not used with `soft`.
        soft: the smooth form, `log(1 + exp(d(a, p) - d(a, n)))`.
        distance_metric: `"L2"`, `"squared-L2"` or `"angular"`.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: whole numbers `(batch,)` or `(batch, 1)`; `y_pred`: embeddings
        `(batch, dim)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> loss = TripletHardLoss(margin=1.0)
        >>> embeddings = ops.array([[0.0], [1.0], [1.5], [4.0]])
        >>> float(loss(ops.array([0, 0, 1, 1]), embeddings))
        1.375

    Reference:
        - Hermans et al., 2017, "In defense of the triplet loss".
    """

    def __init__(
        self,
        margin=1.0,
        soft=False,
        distance_metric="L2",
        reduction="sum_over_batch_size",
        name="triplet_hard_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = _checked_margin(margin)
        self.soft = bool(soft)
        self.distance_metric = _check_metric(distance_metric)

    def call(self, y_true, y_pred):
        return triplet_hard_loss(
            y_true, y_pred, self.margin, self.soft, self.distance_metric
        )

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft": self.soft,
            "distance_metric": self.distance_metric,
        }


# Pairs


def contrastive_loss(y_true, y_pred, margin: float = 1.0):
    """Pairs of one person should be close, others at least `margin` apart.

    `y * d² + (1 - y) * max(margin - d, 0)²`

    Args:
        y_true: 1 for a pair of one person, 0 for two, `(batch,)` or `(batch, 1)`.
        y_pred: distances of the pairs, of the same shapes, as `PairedDistance` gives
            them.
        margin: distance from which two people are let alone.

    Returns:
        float32 `(batch,)`.

    Raises:
        ValueError: there is not one number per pair.

    Example:
        >>> values = contrastive_loss(ops.array([1, 0, 0]), ops.array([0.5, 0.5, 2.0]))
        >>> ops.convert_to_numpy(values)
        array([0.25, 0.25, 0.  ], dtype=float32)

    Reference:
        - Hadsell et al., 2006, "Dimensionality reduction by learning an invariant
          mapping", equation 4 (there with a factor of 1/2, and 0 for one person).
    """
    same = ops.cast(_flat("y_true", y_true), "float32")
    distances = ops.cast(_flat("y_pred", y_pred), "float32")
    lacking = ops.relu(margin - distances)
    return same * ops.square(distances) + (1 - same) * ops.square(lacking)


def n_pairs_loss(y_true, y_pred):
    """Which of the positives is the anchor's own: the cross-entropy of similarities.

    Row i of `y_pred` holds the products of anchor i with every positive of the batch,
    as logits. Its own and those of the same person share the target evenly.

    Args:
        y_true: whose pair it is, `(batch,)` or `(batch, 1)`.
        y_pred: similarities `(batch, batch)` of anchors (rows) and positives.

    Returns:
        float32 `(batch,)`: one value per anchor.

    Raises:
        ValueError: `y_pred` is not square.

    Example:
        >>> anchors = ops.array([[1.0, 0.0], [0.0, 1.0]])
        >>> similarities = ops.matmul(anchors, ops.transpose(anchors))
        >>> values = n_pairs_loss(ops.array([0, 1]), similarities)
        >>> round(float(values[0]), 4)  # log(1 + exp(-1))
        0.3133

    Reference:
        - Sohn, 2016, "Improved deep metric learning with multi-class N-pair loss
          objective", equation 7, without its term for the embeddings' length.
    """
    labels = _flat("y_true", y_true)
    y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
    if len(y_pred.shape) != 2 or len({*y_pred.shape} - {None}) > 1:
        raise ValueError(
            "`y_pred` must be similarities of anchors and positives, (batch, batch):"
            " ops.matmul(anchors, ops.transpose(positives)). Received: shape="
            f"{tuple(y_pred.shape)}."
        )
    same = ops.cast(ops.equal(labels[:, None], labels[None, :]), "float32")
    targets = same / ops.sum(same, axis=1, keepdims=True)
    return -ops.sum(targets * ops.log_softmax(y_pred, axis=1), axis=1)


@keras.saving.register_keras_serializable(package="dlai_keras")
class ContrastiveLoss(keras.losses.Loss):
    """Pairs of one person should be close, others at least `margin` apart.

    See `contrastive_loss`; the default reduction gives TensorFlow Addons' number.

    Args:
        margin: distance from which two people are let alone.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: 1 (same person) or 0, `(batch,)` or `(batch, 1)`; `y_pred`: distances
        of the same shapes.
    Output shape:
        `(batch,)` with `reduction=None`.

    Raises:
        ValueError: `margin` is out of its range.

    Example:
        >>> loss = ContrastiveLoss(margin=1.0)
        >>> float(loss(ops.array([1, 0]), ops.array([0.5, 0.5])))
        0.25

    Reference:
        - Hadsell et al., 2006, "Dimensionality reduction by learning an invariant
          mapping", equation 4.
    """

    def __init__(
        self,
        margin=1.0,
        reduction="sum_over_batch_size",
        name="contrastive_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.margin = _checked_margin(margin)

    def call(self, y_true, y_pred):
        return contrastive_loss(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(package="dlai_keras")
class NPairsLoss(keras.losses.Loss):
    """Cross-entropy of the similarities of N anchors with N positives.

    See `n_pairs_loss`; the default reduction gives TensorFlow Addons' number.

    Args:
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: whole numbers `(batch,)` or `(batch, 1)`; `y_pred`: similarities
        `(batch, batch)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Example:
        >>> anchors, positives = keras.Input((8,)), keras.Input((8,))
        >>> similarities = ops.matmul(anchors, ops.transpose(positives))
        >>> model = keras.Model([anchors, positives], similarities)
        >>> model.compile(loss=NPairsLoss())
        >>> round(float(NPairsLoss()(ops.array([0, 1]), ops.zeros((2, 2)))), 4)  # log 2
        0.6931

    Reference:
        - Sohn, 2016, "Improved deep metric learning with multi-class N-pair loss
          objective".
    """

    def __init__(self, reduction="sum_over_batch_size", name="n_pairs_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        return n_pairs_loss(y_true, y_pred)


# Classes


def add_angular_margin(cosines, labels, margin: float = 0.5):
    """Moves every example away from its own class by an angle.

    `cos(θ + margin)` in the column of an example's own class, `cos θ` as it is in all
    others. Beyond `θ = π - margin`, where that cosine would rise again, it goes on as
    `cos θ - margin * sin(margin)`.

    Args:
        cosines: of embeddings and classes, `(batch, num_classes)`.
        labels: whole numbers `(batch,)`, below `num_classes`.
        margin: radians.

    Returns:
        float32 `(batch, num_classes)`; gradients are finite at cosines of 1 and -1.

    Example:
        >>> moved = add_angular_margin(ops.array([[0.0, 0.0]]), ops.array([1]), 0.5)
        >>> ops.convert_to_numpy(moved).round(4)  # -sin(0.5)
        array([[ 0.    , -0.4794]], dtype=float32)

    Reference:
        - Deng et al., 2019, "ArcFace", equation 3; the line is that of its authors'
          code.
    """
    cosines = ops.cast(ops.convert_to_tensor(cosines), "float32")
    labels = ops.cast(labels, "int32")
    own = ops.take_along_axis(cosines, labels[:, None], axis=1)  # (batch, 1)
    sines = _root(1 - ops.square(own))
    moved = own * math.cos(margin) - sines * math.sin(margin)
    line = own - margin * math.sin(margin)
    moved = ops.where(own > -math.cos(margin), moved, line)
    is_own = ops.equal(labels[:, None], ops.arange(ops.shape(cosines)[1])[None, :])
    return ops.where(is_own, moved, cosines)


def arcface_loss(y_true, y_pred, scale: float = 64.0, margin: float = 0.5):
    """Softmax cross-entropy after the angle to the own class has grown by `margin`.

    Args:
        y_true: classes `(batch,)` or `(batch, 1)`.
        y_pred: `scale * cos θ`, `(batch, num_classes)`, as `ArcFaceLogits` gives them
            without labels.
        scale: of `y_pred`.
        margin: radians.

    Returns:
        float32 `(batch,)`.

    Example:
        >>> values = arcface_loss(ops.array([0]), ops.array([[8.0, 0.0]]), 8.0)
        >>> round(float(values[0]), 6)  # log(1 + exp(-8 cos 0.5))
        0.000893

    Reference:
        - Deng et al., 2019, "ArcFace", equation 3.
    """
    labels = ops.cast(_flat("y_true", y_true), "int32")
    y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
    logits = scale * add_angular_margin(y_pred / scale, labels, margin)
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


@keras.saving.register_keras_serializable(package="dlai_keras")
class ArcFaceLoss(keras.losses.Loss):
    """ArcFace on logits without a margin: what is predicted and measured has none.

    See `arcface_loss`. `ArcFaceLogits` with labels and a softmax cross-entropy give the
    same value; there the labels are an input of the network, here they are not.

    Args:
        scale: of the predictions, as in `ArcFaceLogits`.
        margin: radians.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.

    Input shape:
        `y_true`: classes `(batch,)` or `(batch, 1)`; `y_pred`: `scale * cos θ`,
        `(batch, num_classes)`.
    Output shape:
        `(batch,)` with `reduction=None`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> loss = ArcFaceLoss(scale=8.0, margin=0.5)
        >>> round(float(loss(ops.array([0]), ops.array([[8.0, 0.0]]))), 6)
        0.000893

    Reference:
        - Deng et al., 2019, "ArcFace", equation 3.
    """

    def __init__(
        self,
        scale=64.0,
        margin=0.5,
        reduction="sum_over_batch_size",
        name="arcface_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        check_arcface(scale, margin)
        self.scale, self.margin = float(scale), float(margin)

    def call(self, y_true, y_pred):
        return arcface_loss(y_true, y_pred, self.scale, self.margin)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "margin": self.margin}


def check_arcface(scale: float, margin: float) -> None:
    """Refuses what is no scale or no angle.

    Raises:
        ValueError: `scale` is not above 0, or `margin` not from 0 to π / 2.
    """
    if not 0 < scale < math.inf:
        raise ValueError(f"`scale` must be above 0 and finite. Received: {scale}.")
    if not 0 <= margin <= math.pi / 2:
        raise ValueError(
            "`margin` must be an angle from 0 to π / 2, 0.5 say. Received: "
            f"margin={margin}."
        )


def _same_and_other(y_true):
    """Which pictures are of an anchor's person, and which of others; (batch, batch)."""
    labels = _flat("y_true", y_true)
    same = ops.equal(labels[:, None], labels[None, :])
    positive = ops.logical_and(same, ops.logical_not(_same_place(labels)))
    return positive, ops.logical_not(same)


def _same_place(batch):
    """The diagonal, (batch, batch)."""
    places = ops.arange(ops.shape(batch)[0])
    return ops.equal(places[:, None], places[None, :])


def _root(x):
    """Square root with a gradient of 0 where x is 0 or, by rounding, below."""
    above = x > 0
    return ops.where(above, ops.sqrt(ops.where(above, x, 1.0)), 0.0)


def _flat(name, values):
    """One number per example, (batch,)."""
    values = ops.convert_to_tensor(values)
    if len(values.shape) == 1:
        return values
    if len(values.shape) == 2 and values.shape[1] == 1:
        return ops.reshape(values, (-1,))
    raise ValueError(
        f"`{name}` must hold one number per example, (batch,) or (batch, 1); take the "
        f"argmax of one-hot labels. Received: shape={tuple(values.shape)}."
    )


def _check_metric(metric):
    if metric not in DISTANCE_METRICS:
        raise ValueError(
            f"The distance must be one of {', '.join(DISTANCE_METRICS)}. Received: "
            f"{metric!r}."
        )
    return metric


def _checked_margin(margin):
    if not 0 <= margin < math.inf:
        raise ValueError(
            f"`margin` must be 0 or more and finite. Received: margin={margin}."
        )
    return float(margin)
