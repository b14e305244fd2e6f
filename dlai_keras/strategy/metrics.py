"""F1 and its averages, weighted errors: one number for what a team wants."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.intervals import wilson_interval

AVERAGES = ("macro", "micro", "weighted")


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> np.ndarray:
    """Counts how often each class was taken for which.

    Args:
        y_true: whole numbers `(num_examples,)` from 0.
        y_pred: the same.
        num_classes: how many there are; by default as many as occur.

    Returns:
        int64 `(num_classes, num_classes)`, true classes in rows.

    Raises:
        ValueError: the shapes differ, there is no example, or a class is no whole
            number from 0 to `num_classes` - 1.

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0]).tolist()
        [[1, 0], [1, 1]]
    """
    y_true, y_pred = _classes("y_true", y_true), _classes("y_pred", y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            "`y_true` and `y_pred` must have one class for each example. Received: "
            f"shapes {y_true.shape} and {y_pred.shape}."
        )
    highest = int(max(y_true.max(), y_pred.max()))
    if num_classes is None:
        num_classes = highest + 1
    elif highest >= num_classes:
        raise ValueError(
            f"Classes must be below `num_classes`. Received: class {highest}, "
            f"num_classes={num_classes}."
        )
    counts = np.zeros((num_classes, num_classes), "int64")
    np.add.at(counts, (y_true, y_pred), 1)
    return counts


def precision_recall_f(
    counts: ArrayLike, *, average: str | None = None, beta: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F-beta of a confusion matrix, by class or averaged.

    With the true positives `tp`, false positives `fp` and false negatives `fn` of a
    class, precision is `tp / (tp + fp)`, recall `tp / (tp + fn)` and

    `F = (1 + b²) tp / ((1 + b²) tp + b² fn + fp)`,

    for `b = 1` their harmonic mean. A share of nothing is 0. The averages are those of
    scikit-learn.

    Args:
        counts: whole numbers `(num_classes, num_classes)`, true classes in rows.
        average: None for every class; "macro" for the plain mean over the classes,
            "weighted" for the mean by the classes' examples, "micro" for the figures
            of all decisions together (all three are the accuracy then). A class that
            neither occurs nor is predicted counts as 0.
        beta: how many times recall counts as much as precision.

    Returns:
        `(precision, recall, f)`, each float64 `(num_classes,)`, or scalars of an
        average.

    Raises:
        ValueError: `counts` is no confusion matrix, `average` none of the above or
            `beta` not above 0.

    Example:
        >>> _, _, f1 = precision_recall_f([[5, 1], [2, 4]], average="macro")
        >>> round(float(f1), 3)
        0.748

    Reference:
        - van Rijsbergen, 1979, "Information retrieval", chapter 7.
        - Course 3, week 1: Single number evaluation metric.
    """
    counts = _matrix(counts)
    if average is not None and average not in AVERAGES:
        raise ValueError(
            f"`average` must be None or one of {', '.join(AVERAGES)}. "
            f"Received: {average!r}."
        )
    if not beta > 0:
        raise ValueError(f"`beta` must be above 0. Received: beta={beta}.")
    tp = np.diagonal(counts).astype("float64")
    predicted, true = counts.sum(axis=0), counts.sum(axis=1)
    if average == "micro":
        tp, predicted, true = tp.sum(), predicted.sum(), true.sum()
    precision, recall = _divide(tp, predicted), _divide(tp, true)
    f = _divide((1 + beta**2) * tp, beta**2 * true + predicted)
    if average in ("macro", "weighted"):
        weights = np.ones(len(true)) if average == "macro" else true
        return tuple(
            np.average(each, weights=weights) for each in (precision, recall, f)
        )
    return precision, recall, f


def f_score(precision: float, recall: float, *, beta: float = 1.0) -> float:
    """The weighted harmonic mean of a precision and a recall; 0 where both are.

    Args:
        precision: from 0 to 1.
        recall: from 0 to 1.
        beta: how many times recall counts as much as precision.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        The course's two cat classifiers, of 95 and 98 % precision:

        >>> round(f_score(0.95, 0.90), 3), round(f_score(0.98, 0.85), 3)
        (0.924, 0.91)

    Reference:
        - Course 3, week 1: Single number evaluation metric.
    """
    for name, value in {"precision": precision, "recall": recall}.items():
        if not 0 <= value <= 1:
            raise ValueError(f"`{name}` must be from 0 to 1. Received: {value}.")
    if not beta > 0:
        raise ValueError(f"`beta` must be above 0. Received: beta={beta}.")
    bottom = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / bottom if bottom else 0.0


def f1_interval(
    counts: ArrayLike, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """The interval of every class's F1.

    Of the `n = tp + fp + fn` examples that a class has to do with, the share `j` of
    `tp` is a proportion with a Wilson interval, and `F1 = 2j / (1 + j)` rises with it:
    its ends are those of the interval.

    Args:
        counts: whole numbers `(num_classes, num_classes)`, true classes in rows.
        confidence: of the intervals.

    Returns:
        `(low, high)`, float64 `(num_classes,)` each.

    Raises:
        ValueError: `counts` is no confusion matrix.

    Example:
        >>> low, high = f1_interval([[90, 10], [5, 95]])
        >>> f"{low[1]:.3f} to {high[1]:.3f}"
        '0.881 to 0.956'
    """
    counts = _matrix(counts)
    tp = np.diagonal(counts)
    involved = counts.sum(axis=0) + counts.sum(axis=1) - tp
    low, high = wilson_interval(tp, involved, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def classification_table(
    rng: np.random.Generator,
    counts: ArrayLike,
    class_names: Sequence[str] | None = None,
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> list[dict]:
    """Precision, recall and F1 of every class, the averages and the accuracy.

    Every figure has an interval: Wilson's for shares, `f1_interval` for F1, the
    bootstrap for averages (the examples are drawn anew, with replacement).

    Args:
        rng: draws the examples of the bootstrap.
        counts: whole numbers `(num_classes, num_classes)`, true classes in rows.
        class_names: of the rows; their numbers by default.
        confidence: of the intervals.
        num_resamples: of the bootstrap.

    Returns:
        Dicts: `class`, `num` (examples), and for each of `precision`, `recall` and
        `f1` the figure with `..._low` and `..._high`. After the classes stand
        "macro average", "weighted average", and "accuracy", which is the micro
        average, with all three equal.

    Raises:
        ValueError: `counts` is no confusion matrix, or there is not one name a class.

    Example:
        >>> rows = classification_table(np.random.default_rng(0), [[90, 10], [5, 95]])
        >>> [row["class"] for row in rows]
        ['0', '1', 'macro average', 'weighted average', 'accuracy']
        >>> [round(rows[-1][key], 3) for key in ("f1", "f1_low", "f1_high")]
        [0.925, 0.88, 0.954]
    """
    counts = _matrix(counts)
    num_classes, total = len(counts), int(counts.sum())
    if class_names is None:
        class_names = [str(number) for number in range(num_classes)]
    if len(class_names) != num_classes:
        raise ValueError(
            "`class_names` must have one name for each row of `counts`. Received: "
            f"{len(class_names)} names, counts of shape {counts.shape}."
        )
    tp = np.diagonal(counts)
    predicted, true = counts.sum(axis=0), counts.sum(axis=1)
    figures = precision_recall_f(counts)
    intervals = (
        wilson_interval(tp, predicted, confidence),
        wilson_interval(tp, true, confidence),
        f1_interval(counts, confidence),
    )
    rows = [
        _row(
            class_names[number],
            int(true[number]),
            [figure[number] for figure in figures],
            [(low[number], high[number]) for low, high in intervals],
        )
        for number in range(num_classes)
    ]
    drawn = rng.multinomial(total, counts.ravel() / total, size=num_resamples)
    drawn = drawn.reshape(-1, num_classes, num_classes)
    ends = [50 * (1 - confidence), 50 * (1 + confidence)]
    for average in ("macro", "weighted"):
        figures = precision_recall_f(counts, average=average)
        samples = [precision_recall_f(each, average=average) for each in drawn]
        bounds = np.percentile(np.array(samples, "float64"), ends, axis=0).T
        rows.append(_row(f"{average} average", total, figures, bounds))
    accuracy = tp.sum() / total
    bounds = wilson_interval(int(tp.sum()), total, confidence)
    rows.append(_row("accuracy", total, [accuracy] * 3, [bounds] * 3))
    return rows


def weighted_error(
    y_true: ArrayLike, y_pred: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """The error in which some mistakes count more: `sum(w · wrong) / sum(w)`.

    Args:
        y_true: `(num_examples,)`.
        y_pred: the same.
        weights: 0 or more, `(num_examples,)`; the plain error without them.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: the shapes differ, there is no example, or no weight.

    Example:
        A picture that nobody may be shown counts ten times:

        >>> weighted_error([0, 1, 1, 0], [0, 1, 0, 0], [1, 1, 10, 1])
        0.7692307692307693

    Reference:
        - Course 3, week 1: When to change dev/test sets and metrics.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    weights = np.ones(y_true.shape) if weights is None else np.asarray(weights)
    if y_true.ndim != 1 or not (y_true.shape == y_pred.shape == weights.shape):
        raise ValueError(
            "`y_true`, `y_pred` and `weights` must have one value for each example. "
            f"Received: shapes {y_true.shape}, {y_pred.shape} and {weights.shape}."
        )
    if not len(weights) or weights.min() < 0 or not weights.sum() > 0:
        raise ValueError("`weights` must be 0 or more, and one of them above 0.")
    return float(weights[y_true != y_pred].sum() / weights.sum())


def _row(name, num, figures, intervals):
    row = {"class": name, "num": num}
    for key, figure, (low, high) in zip(
        ("precision", "recall", "f1"), figures, intervals, strict=True
    ):
        row |= {
            key: float(figure),
            f"{key}_low": float(low),
            f"{key}_high": float(high),
        }
    return row


def _divide(top, bottom):
    top, bottom = np.asarray(top, "float64"), np.asarray(bottom, "float64")
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _classes(name, values):
    values = np.asarray(values)
    whole = np.issubdtype(values.dtype, np.number) and np.all(values == values // 1)
    if values.ndim != 1 or not values.size or not whole or values.min() < 0:
        raise ValueError(
            f"`{name}` must be one whole number from 0 on for each example. Received: "
            f"shape {values.shape}, dtype {values.dtype}."
        )
    return values.astype("int64")


def _matrix(counts):
    counts = np.asarray(counts)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1]
    if not square or not counts.sum() > 0 or counts.min() < 0:
        raise ValueError(
            "`counts` must be a square of counts, true classes in rows, not all 0. "
            f"Received: shape {counts.shape}."
        )
    return counts
