"""A small Keras model that is trained anew for every choice of hyperparameters."""

from collections.abc import Mapping

import keras
import numpy as np

from dlai_keras.foundations import initialization


class TrialModel:
    """Trains one small classifier of points from new weights for every trial.

    With TensorFlow it is compiled once: the hyperparameters are variables of its
    optimiser. JAX would take the first trial's for all, and PyTorch gains nothing.

    Args:
        splits: "train", "validation" and "test", each `(X, Y)` as the course has
            them, `(2, examples)` and `(1, examples)` with labels 0 and 1.
        epochs: of every trial.
        sizes: units by layer, inputs first.
        batch_size: points per step.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(2, 100))
        >>> splits = dict.fromkeys(("train", "validation", "test"), (X, X[:1] > 0))
        >>> trial = TrialModel(splits, epochs=5)
        >>> trial.run(rng, alpha=0.1, one_minus_beta=0.1)["validation"] > 0.9
        True

    Reference:
        - Course 2, week 3, "Using an appropriate scale to pick hyperparameters".
    """

    def __init__(
        self,
        splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
        epochs: int,
        *,
        sizes: tuple[int, ...] = (2, 24, 24, 1),
        batch_size: int = 50,
    ):
        self.epochs, self.sizes, self.batch_size = epochs, sizes, batch_size
        self._splits = {
            name: (X.T.astype("float32"), Y.T.astype("float32"))
            for name, (X, Y) in splits.items()
        }
        *hidden, last = sizes[1:]
        self.model = keras.Sequential(
            [
                keras.Input(sizes[:1]),
                *(keras.layers.Dense(units, "relu") for units in hidden),
                keras.layers.Dense(last),
            ]
        )
        self._optimizer = None

    def run(
        self, rng: np.random.Generator, alpha: float, one_minus_beta: float
    ) -> dict[str, float]:
        """Trains with these hyperparameters.

        Args:
            rng: draws the weights, as He et al., and the order of the points.
            alpha: learning rate of Adam.
            one_minus_beta: what the average of its gradients forgets a step.

        Returns:
            Accuracy by split, "validation" and "test".
        """
        weights = initialization.initialize_parameters_he(self.sizes, rng=rng)
        self.model.set_weights(list(_as_keras(weights)))
        if self._optimizer is None or keras.backend.backend() != "tensorflow":
            self._compile(1 - one_minus_beta)
        for variable in self._state:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self._optimizer.learning_rate = alpha
        if self._beta is not None:
            self._beta.assign(1 - one_minus_beta)
        x, y = self._splits["train"]
        # All epochs in one call, many times faster than one after the other.
        order = np.concatenate([rng.permutation(len(x)) for _ in range(self.epochs)])
        self.model.fit(
            x[order], y[order], batch_size=self.batch_size, shuffle=False, verbose=0
        )
        scores = {}
        for name in ("validation", "test"):
            x, y = self._splits[name]
            logits = keras.ops.convert_to_numpy(self.model.predict_on_batch(x))
            scores[name] = float(np.mean((logits > 0) == y))
        return scores

    def _compile(self, beta):
        self._optimizer = keras.optimizers.Adam(beta_1=beta)
        self._optimizer.build(self.model.trainable_variables)
        self._state, self._beta = list(self._optimizer.variables), None
        num_steps = self.epochs * len(self._splits["train"][0]) // self.batch_size
        if keras.backend.backend() == "torch":  # it takes one step at a time
            num_steps = 1
        if keras.backend.backend() == "tensorflow":
            self._beta = keras.Variable(beta, trainable=False, name="beta")
            self._optimizer.beta_1 = self._beta
        self.model.compile(
            self._optimizer,
            keras.losses.BinaryCrossentropy(from_logits=True),
            steps_per_execution=max(1, num_steps),
        )


def _as_keras(parameters):
    """`W1, b1, ...` as Keras has them: kernels the other way round, flat biases."""
    for layer in range(1, len(parameters) // 2 + 1):
        yield parameters[f"W{layer}"].T
        yield parameters[f"b{layer}"][:, 0]
