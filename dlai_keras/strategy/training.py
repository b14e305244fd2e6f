"""Learning curves of any Keras model: by growing subsets, and by epochs."""

from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

MEASURED = 2000  # training examples whose error is measured, at most
PREDICTED_AT_ONCE = 256


def measure_learning_curve(
    rng: np.random.Generator,
    model: keras.Model,
    x,
    y,
    x_dev,
    y_dev,
    *,
    sizes: Sequence[int] | None = None,
    repeats: int = 3,
    steps: int = 300,
    batch_size: int = 32,
    is_wrong: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    progress: Callable[[list], Iterable] | None = None,
) -> list[dict]:
    """Trains clones of a model on growing subsets, and measures what they get wrong.

    Each repeat has an order of its own; its subsets are the first examples of that
    order, so a larger one holds the smaller. Every training begins with fresh weights
    and has the same number of steps: with the same number of epochs, a small subset
    would be trained less. Layers that are frozen, or were adapted to data, keep their
    weights. The model itself is not changed; Keras' generators are seeded from `rng`.

    Args:
        rng: draws the subsets, the batches, and the seed of the weights.
        model: compiled; what `keras.models.clone_model` can clone.
        x: training inputs, an array or a structure of arrays, examples first.
        y: their targets.
        x_dev: the same of the dev set.
        y_dev: its targets.
        sizes: of the subsets; by default six, from a thirty-second of the examples to
            all, each twice as large as the one before.
        repeats: trainings of each size.
        steps: of the optimiser in each training.
        batch_size: examples of a step; a smaller subset is one batch.
        is_wrong: takes targets and outputs, returns bool `(num_examples,)`. By default
            the class of the largest output is compared with a class or a one-hot
            target; where an example has several outputs (a sequence), it is wrong if
            one of them is.
        progress: wraps the list of trainings, to show a bar.

    Returns:
        A dict for each training: `num_training`, `repeat`, `train_error` (on the
        subset, or 2,000 of it), `num_train_measured`, `dev_error`, `num_dev`.

    Raises:
        ValueError: the model is not compiled, the numbers of examples differ, or an
            argument is out of its range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(96, 2)).astype("float32")
        >>> y = (x[:, 0] > 0).astype("int32")
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("adam", loss)
        >>> rows = measure_learning_curve(
        ...     rng, model, x[:64], y[:64], x[64:], y[64:], repeats=1, steps=2
        ... )
        >>> [row["num_training"] for row in rows]
        [2, 4, 8, 16, 32, 64]

    Reference:
        - Course 2, week 1: Basic recipe for machine learning.
    """
    num = _check(model, x, y, x_dev, y_dev, batch_size)
    if sizes is None:
        sizes = sorted({max(1, num // 2**power) for power in range(6)})
    for size in sizes:
        if not 1 <= size <= num or size != int(size):
            raise ValueError(
                f"`sizes` must be whole numbers from 1 to {num}, the number of "
                f"training examples. Received: {size}."
            )
    for name, value in {"repeats": repeats, "steps": steps}.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    is_wrong = is_wrong or _has_another_class
    clone = _Clone(rng, model, x)
    jobs = [(repeat, size) for repeat in range(repeats) for size in sorted(sizes)]
    orders = [rng.permutation(num) for _ in range(repeats)]
    rows = []
    for repeat, size in progress(jobs) if progress else jobs:
        subset = orders[repeat][:size]
        clone.restart()
        batches = _batches(rng, subset, min(batch_size, size))
        for _ in range(steps):
            clone.step(x, y, next(batches))
        measured = subset[:MEASURED]
        rows.append(
            {
                "num_training": int(size),
                "repeat": repeat,
                "train_error": _error(
                    clone.network, _take(x, measured), _take(y, measured), is_wrong
                ),
                "num_train_measured": len(measured),
                "dev_error": _error(clone.network, x_dev, y_dev, is_wrong),
                "num_dev": _num_examples(y_dev),
            }
        )
    return rows


class EpochErrors(keras.callbacks.Callback):
    """Measures what a model gets wrong after every epoch of `fit`.

    Unlike the accuracy that Keras shows, which is a mean over the epoch while the
    weights change and dropout is active, the training error is measured as the dev
    error is.

    Args:
        x: training inputs, an array or a structure of arrays, examples first.
        y: their targets.
        x_dev: the same of the dev set.
        y_dev: its targets.
        is_wrong: as of `measure_learning_curve`.

    Attributes:
        rows: a dict for each epoch: `epoch` from 1, `train_error` (on the first 2,000
            training examples at most), `num_train_measured`, `dev_error`, `num_dev`.

    Raises:
        ValueError: the numbers of examples differ.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(96, 2)).astype("float32")
        >>> y = (x[:, 0] > 0).astype("int32")
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("adam", loss)
        >>> errors = EpochErrors(x[:64], y[:64], x[64:], y[64:])
        >>> _ = model.fit(x[:64], y[:64], epochs=2, callbacks=[errors], verbose=0)
        >>> [row["epoch"] for row in errors.rows]
        [1, 2]

    Reference:
        - Course 2, week 1: Other regularization methods, "early stopping".
    """

    def __init__(self, x, y, x_dev, y_dev, *, is_wrong=None):
        super().__init__()
        num = min(_check_examples(x, y, x_dev, y_dev), MEASURED)
        self._train = _take(x, slice(0, num)), _take(y, slice(0, num))
        self._dev = x_dev, y_dev
        self._is_wrong = is_wrong or _has_another_class
        self.rows: list[dict] = []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(
            {
                "epoch": epoch + 1,
                "train_error": _error(self.model, *self._train, self._is_wrong),
                "num_train_measured": _num_examples(self._train[1]),
                "dev_error": _error(self.model, *self._dev, self._is_wrong),
                "num_dev": _num_examples(self._dev[1]),
            }
        )


def find_mistakes(model: keras.Model, x, y, is_wrong=None) -> np.ndarray:
    """Tells which examples a model gets wrong.

    Args:
        model: any.
        x: inputs, an array or a structure of arrays, examples first.
        y: their targets.
        is_wrong: as of `measure_learning_curve`.

    Returns:
        bool `(num_examples,)`; its mean is the error.

    Raises:
        ValueError: the outputs are no classes and there is no `is_wrong`, or it does
            not return one value for each example.
    """
    outputs = _predict(model, x)
    wrong = np.asarray((is_wrong or _has_another_class)(y, outputs), bool)
    if wrong.shape != (_num_examples(y),):
        raise ValueError(
            "`is_wrong` must return one value for each example. Received: shape "
            f"{wrong.shape} for {_num_examples(y)} examples."
        )
    return wrong


class _Clone:
    """One compiled clone, for as many trainings as wanted: compiling costs seconds."""

    def __init__(self, rng, model, x):
        keras.utils.set_random_seed(int(rng.integers(2**31)))
        self._original = model
        self._one = _take(x, slice(0, 1))
        self.network = self._fresh()
        self.network.compile_from_config(model.get_compile_config())
        self.network.optimizer.build(self.network.trainable_variables)
        self._optimizer = [
            np.array(keras.ops.convert_to_numpy(variable))
            for variable in self.network.optimizer.variables
        ]

    def _fresh(self):
        fresh = keras.models.clone_model(self._original)
        if not fresh.built:
            fresh(self._one)
        for mine, its in zip(self._original.layers, fresh.layers, strict=True):
            if not mine.trainable or hasattr(mine, "adapt"):
                its.set_weights(mine.get_weights())
                # What a normalisation computes with is made from its weights.
                getattr(its, "finalize_state", lambda: None)()
        return fresh

    def restart(self):
        self.network.set_weights(self._fresh().get_weights())
        for variable, value in zip(
            self.network.optimizer.variables, self._optimizer, strict=True
        ):
            variable.assign(value)

    def step(self, x, y, chosen):
        self.network.train_on_batch(_take(x, chosen), _take(y, chosen))


def _predict(model, x):
    """As `predict`, but every batch has one shape: another is compiled for seconds."""
    num = _num_examples(x)
    parts = []
    for first in range(0, num, PREDICTED_AT_ONCE):
        chosen = np.arange(first, first + PREDICTED_AT_ONCE)
        outputs = model.predict_on_batch(_take(x, np.minimum(chosen, num - 1)))
        parts.append(_take(outputs, slice(0, num - first)))
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def _error(model, x, y, is_wrong):
    return float(find_mistakes(model, x, y, is_wrong).mean())


def _batches(rng, indices, batch_size):
    """Batches of one size without end; each example comes once in every round."""
    waiting = np.empty(0, "int64")
    while True:
        while len(waiting) < batch_size:
            waiting = np.concatenate([waiting, rng.permutation(indices)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]


def _take(structure, chosen):
    return keras.tree.map_structure(lambda array: array[chosen], structure)


def _num_examples(structure):
    return len(keras.tree.flatten(structure)[0])


def _has_another_class(y_true, y_pred):
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_pred.ndim < 2 or y_pred.shape[-1] < 2:
        raise ValueError(
            "Give `is_wrong`: the outputs are no classes, two or more in the last "
            f"axis. Received: outputs of shape {y_pred.shape}."
        )
    found = y_pred.argmax(axis=-1)
    if y_true.shape == y_pred.shape:
        y_true = y_true.argmax(axis=-1)
    elif y_true.shape == (*found.shape, 1):
        y_true = y_true[..., 0]
    if y_true.shape != found.shape:
        raise ValueError(
            "Targets must be a class for each output, or one-hot. Received: targets of "
            f"shape {y_true.shape}, outputs of shape {y_pred.shape}."
        )
    return (found != y_true).reshape(len(found), -1).any(axis=1)


def _check(model, x, y, x_dev, y_dev, batch_size):
    if not getattr(model, "compiled", False):
        raise ValueError(
            "`model` must be compiled: its clones train as it would. Call "
            "`model.compile(...)` first."
        )
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
    return _check_examples(x, y, x_dev, y_dev)


def _check_examples(x, y, x_dev, y_dev):
    for names, one, other in (("x` and `y", x, y), ("x_dev` and `y_dev", x_dev, y_dev)):
        if not _num_examples(one) == _num_examples(other) > 0:
            raise ValueError(
                f"`{names}` must have the same number of examples, 1 or more. "
                f"Received: {_num_examples(one)} and {_num_examples(other)}."
            )
    return _num_examples(y)
