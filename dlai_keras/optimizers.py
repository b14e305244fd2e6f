"""Muon for networks of convolutions."""

import math
import re

import keras
from keras import ops

# A polynomial whose repetition takes all singular values near 1, soon and not exactly.
QUINTIC = (3.4445, -4.7750, 2.0315)
_TINY = 1e-7


@keras.saving.register_keras_serializable(package="dlai_keras")
class Muon(keras.optimizers.Optimizer):
    """Momentum whose matrices are made orthogonal: each direction is learned alike.

    The momentum of a kernel, seen as a matrix of all its inputs times its filters, is
    U S Vᵀ; the step goes along U Vᵀ, found by a few Newton-Schulz iterations, times
    0.2 * sqrt(max(rows, columns)), so that a step is about as long as one of Adam. What
    is no kernel, such as biases and the weights of a batch normalisation, is learned by
    Adam, and so are the layers of `exclude`.

    `keras.optimizers.Muon` takes matrices only, and leaves the kernels of convolutions
    to Adam; for matrices the two are the same. In short trainings from scratch it does
    with a third of the steps of Adam.

    Args:
        learning_rate: number or schedule; 0.01 to 0.05 is usual.
        momentum: share of the gradients before that is kept.
        nesterov: whether the gradient counts once more.
        num_iterations: of Newton and Schulz; 5 in the original, 3 do nearly as well.
        adam_rate: learning rate of Adam, in that of the rest.
        beta_1: of Adam.
        beta_2: of Adam.
        exclude: patterns (`re.search`) of paths of weights that Adam learns: embeddings
            and the last layer, usually.
        name: of the optimizer.
        **kwargs: of `keras.optimizers.Optimizer`, such as `weight_decay` and
            `global_clipnorm`.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> optimizer = Muon(0.02, exclude=("head",))
        >>> kernel = keras.Variable(ops.eye(2, 3))
        >>> optimizer.apply([ops.convert_to_tensor([[4.0, 0, 0], [0, 1, 0]])], [kernel])
        >>> step = ops.eye(2, 3) - kernel
        >>> bool(abs(step[0, 0] / step[1, 1] - 1) < 0.5)  # and not 4
        True

    Reference:
        - Jordan et al., 2024, "Muon: an optimizer for hidden layers".
        - Liu et al., 2025, "Muon is scalable for LLM training", equation 4 (the 0.2).
        - Kingma and Ba, 2015, "Adam".
    """

    def __init__(
        self,
        learning_rate=0.02,
        momentum=0.95,
        nesterov=True,
        num_iterations=5,
        adam_rate=0.4,
        beta_1=0.9,
        beta_2=0.999,
        exclude=(),
        name="muon",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        for argument, value in (
            ("momentum", momentum),
            ("beta_1", beta_1),
            ("beta_2", beta_2),
        ):
            if not 0 <= value < 1:
                raise ValueError(
                    f"`{argument}` must be from 0 to below 1. Received: {value}."
                )
        if num_iterations < 1:
            raise ValueError(
                f"`num_iterations` must be 1 or more. Received: {num_iterations}."
            )
        self.momentum = momentum
        self.nesterov = nesterov
        self.num_iterations = num_iterations
        self.adam_rate = adam_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.exclude = [exclude] if isinstance(exclude, str) else list(exclude)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momenta = self.add_optimizer_variables(variables, "momentum")
        self._squares = [
            None
            if self._is_kernel(variable)
            else self.add_variable_from_reference(variable, "velocity")
            for variable in variables
        ]

    def _is_kernel(self, variable):
        return (
            len(variable.shape) >= 2
            and min(variable.shape[-1], math.prod(variable.shape[:-1])) > 1
            and not any(re.search(pattern, variable.path) for pattern in self.exclude)
        )

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        momentum, squares = self._momenta[index], self._squares[index]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if squares is not None:
            self._adam_step(
                gradient, variable, rate * self.adam_rate, momentum, squares
            )
            return
        self.assign(momentum, self.momentum * momentum + gradient)
        step = ops.convert_to_tensor(momentum)
        if self.nesterov:
            step = self.momentum * step + gradient
        shape = (math.prod(variable.shape[:-1]), variable.shape[-1])
        step = orthogonalize(ops.reshape(step, shape), self.num_iterations)
        step = 0.2 * math.sqrt(max(shape)) * ops.reshape(step, variable.shape)
        self.assign_sub(variable, rate * step)

    def _adam_step(self, gradient, variable, rate, means, squares):
        step = ops.cast(self.iterations + 1, variable.dtype)
        unbias = ops.sqrt(1 - ops.power(self.beta_2, step))
        unbias = unbias / (1 - ops.power(self.beta_1, step))
        self.assign_add(means, (gradient - means) * (1 - self.beta_1))
        self.assign_add(squares, (ops.square(gradient) - squares) * (1 - self.beta_2))
        self.assign_sub(variable, rate * unbias * means / (ops.sqrt(squares) + _TINY))

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "num_iterations": self.num_iterations,
            "adam_rate": self.adam_rate,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "exclude": self.exclude,
        }


def orthogonalize(matrix, num_iterations: int = 5):
    """About U Vᵀ of a matrix U S Vᵀ: singular values go to 0.7 to 1.2.

    Args:
        matrix: `(rows, columns)`.
        num_iterations: of `x -> (a + b x xᵀ + c (x xᵀ)²) x`.

    Returns:
        The same shape; zeros of zeros.

    Example:
        >>> matrix = ops.diag(ops.convert_to_tensor([3.0, 1.0, 0.5]))
        >>> values = ops.diag(orthogonalize(matrix))
        >>> bool(ops.all(ops.abs(values - 0.95) < 0.3))
        True

    Reference:
        Jordan et al., 2024, "Muon".
    """
    x = ops.convert_to_tensor(matrix)
    is_tall = x.shape[0] > x.shape[1]
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + _TINY)
    square = (ops.transpose(x), x) if is_tall else (x, ops.transpose(x))
    square = ops.matmul(*square)
    identity = ops.eye(square.shape[0], dtype=x.dtype)
    a, b, c = QUINTIC
    # All polynomials are of the small square, and commute: x is multiplied once.
    product = None
    for remaining in reversed(range(num_iterations)):
        factor = a * identity + b * square + c * ops.matmul(square, square)
        product = factor if product is None else ops.matmul(product, factor)
        if remaining:
            square = ops.matmul(factor, ops.matmul(square, factor))
    return ops.matmul(x, product) if is_tall else ops.matmul(product, x)
