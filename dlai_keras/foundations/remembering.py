"""Sequences whose first sign is asked for, and a recurrent network that must answer."""

import numpy as np

from dlai_keras.foundations import gradient_checking, optimization, recurrent

_GATES = {"lstm": "fico", "gru": "urc"}


def make_signs(
    rng: np.random.RandomState | np.random.Generator, num: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Makes sequences of random signs, and the answer: which the first one was.

    Args:
        rng: where the signs come from.
        num: of sequences.
        steps: of each.

    Returns:
        `(x, labels)`: float64 `(2, num, steps)`, in channel 0 the signs -1 and 1, in
        channel 1 a 1 at the first step and 0 at the others; int64 `(num,)`, 1 where
        the first sign is positive.

    Example:
        >>> x, labels = make_signs(np.random.default_rng(0), 3, 5)
        >>> x.shape, bool(np.all((x[0, :, 0] > 0) == (labels == 1)))
        ((2, 3, 5), True)
    """
    x = np.zeros((2, num, steps))
    x[0] = np.where(rng.uniform(size=(num, steps)) < 0.5, -1.0, 1.0)
    x[1, :, 0] = 1.0
    return x, (x[0, :, 0] > 0).astype("int64")


class SequenceClassifier:
    """An RNN, LSTM or GRU that is asked for one of two classes after its last step.

    The course's forward and backward functions with the course's Adam.

    Args:
        kind: "rnn", "lstm" or "gru".
        rng: draws the weights, normal with variance 1 / units.
        units: of the hidden state.
        biases: name -> where a bias begins that does not begin at 0.
        learning_rate: of Adam.

    Raises:
        ValueError: if there is no such kind or no such bias.

    Example:
        >>> rng = np.random.RandomState(0)
        >>> network = SequenceClassifier("gru", rng, units=8)
        >>> costs = [network.step(*make_signs(rng, 64, 5)) for _ in range(50)]
        >>> costs[-1] < costs[0]
        True

    Reference:
        - Course 5, week 1, "Vanishing gradients with RNNs".
    """

    def __init__(
        self,
        kind: str,
        rng: np.random.RandomState | np.random.Generator,
        *,
        units: int = 16,
        biases: dict[str, float] | None = None,
        learning_rate: float = 0.01,
    ):
        if kind not in ("rnn", *_GATES):
            raise ValueError(f"`kind` must be rnn, lstm or gru. Received: kind={kind}.")
        self.kind, self.units, self.learning_rate = kind, units, learning_rate
        self._last = ("Wya", "by") if kind == "rnn" else ("Wy", "by")
        if kind == "rnn":
            shapes = {"Wax": (units, 2), "Waa": (units, units), "ba": (units, 1)}
        else:
            shapes = {f"W{gate}": (units, units + 2) for gate in _GATES[kind]}
            shapes |= {f"b{gate}": (units, 1) for gate in _GATES[kind]}
        shapes |= dict(zip(self._last, ((2, units), (2, 1)), strict=True))
        biases = biases or {}
        if unknown := [name for name in biases if name[0] == "W" or name not in shapes]:
            known = ", ".join(name for name in shapes if name[0] != "W")
            raise ValueError(
                f"`biases` of kind={kind} are {known}. Received: {unknown[0]}."
            )
        self.parameters = {
            name: rng.standard_normal(shape) / np.sqrt(units)
            if name[0] == "W"
            else np.full(shape, biases.get(name, 0.0))
            for name, shape in shapes.items()
        }
        self._v, self._s = optimization.initialize_adam(self.parameters)
        self._t = 0

    def states(self, x: np.ndarray) -> np.ndarray:
        """Hidden states of sequences `(2, num, steps)`: `(units, num, steps)`."""
        return self._forward(x)[0]

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The likelier class of every sequence, `(num,)`."""
        return self._forward(x)[1].argmax(axis=0)

    def gradients(
        self, x: np.ndarray, labels: np.ndarray
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Mean cross-entropy of the last step's answers, and its gradients `d...`."""
        a, y, caches = self._forward(x)
        m = len(labels)
        dy = (y - np.eye(2)[:, labels]) / m
        da = np.zeros_like(a)
        da[:, :, -1] = self.parameters[self._last[0]].T @ dy
        grads = self._backward(da, caches)
        grads[f"d{self._last[0]}"] = dy @ a[:, :, -1].T
        grads[f"d{self._last[1]}"] = dy.sum(axis=1, keepdims=True)
        return _cross_entropy(y, labels), grads

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Takes one step of Adam; returns the cost before it."""
        self._t += 1
        cost, grads = self.gradients(x, labels)
        self.parameters, self._v, self._s, _, _ = (
            optimization.update_parameters_with_adam(
                self.parameters, grads, self._v, self._s, self._t, self.learning_rate
            )
        )
        return cost

    def reach(self, x: np.ndarray) -> np.ndarray:
        """How much of a gradient of length 1 after the last step gets to each step.

        Args:
            x: sequences `(2, num, steps)`.

        Returns:
            Length of the gradient of each step's input, mean over the sequences,
            `(steps,)`.
        """
        a, _, caches = self._forward(x)
        da = np.zeros_like(a)
        da[:, :, -1] = 1 / np.sqrt(self.units)
        dx = self._backward(da, caches)["dx"]  # (2, num, steps)
        return np.linalg.norm(dx, axis=0).mean(axis=0)

    def check(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Relative difference between the backward pass and central differences."""
        _, grads = self.gradients(x, labels)
        wanted = gradient_checking.numerical_gradients(
            lambda changed: _cross_entropy(self._forward(x, changed)[1], labels),
            self.parameters,
            1e-5,
        )
        return gradient_checking.relative_difference(
            np.concatenate([grads[name].ravel() for name in wanted]),
            np.concatenate([array.ravel() for array in wanted.values()]),
        )

    def _forward(self, x, parameters=None):
        parameters = self.parameters if parameters is None else parameters
        a0 = np.zeros((self.units, x.shape[1]))
        a, y, *_, caches = getattr(recurrent, f"{self.kind}_forward")(x, a0, parameters)
        return a, y[:, :, -1], caches

    def _backward(self, da, caches):
        return getattr(recurrent, f"{self.kind}_backward")(da, caches)


def _cross_entropy(y, labels):
    return -float(np.mean(np.log(y[labels, np.arange(len(labels))])))
