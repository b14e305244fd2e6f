"""Gradient checking for any Keras model: which weight's gradient is wrong, and why.

The backend's gradients are compared with central differences of the loss. Differences
need double precision, or their rounding is larger than what is looked for: the model is
evaluated in float64 as it stands, without being rebuilt, by giving its layers another
dtype policy and its variables other values for as long as the check lasts.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found.

    Args:
        rows: a dict for each trainable weight, in the model's order: `layer`, `weight`,
            `shape`, `relative_difference` and `ok`; `command_line.show_table` shows
            them.
        causes: names of the layers that bring wrong gradients in: their own, with
            respect to their inputs or weights, are wrong when checked alone.
        dtype: what was computed in, `"float64"` where nothing stood against it.

    Example:
        >>> row = {"layer": "dense", "weight": "kernel", "shape": (3, 2)}
        >>> row |= {"relative_difference": 0.33, "ok": False}
        >>> report = GradientReport([row], ["dense"], "float64")
        >>> print(report.ok, report.wrong)
        False ['dense/kernel']
        >>> print(report)
        1 of 1 weights has a wrong gradient: dense/kernel (0.33). The cause: dense.
    """

    rows: list[dict]
    causes: list[str]
    dtype: str

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return all(row["ok"] for row in self.rows)

    @property
    def wrong(self) -> list[str]:
        """The weights with wrong gradients, as `layer/weight`."""
        return [_path(row) for row in self.rows if not row["ok"]]

    def __str__(self):
        total = len(self.rows)
        if self.ok:
            largest = max(row["relative_difference"] for row in self.rows)
            return f"All {total} gradients are right; they differ by {largest:.2g}."
        wrong = [row for row in self.rows if not row["ok"]]
        names = [f"{_path(row)} ({row['relative_difference']:.2g})" for row in wrong]
        verb = "has a wrong gradient" if len(wrong) == 1 else "have wrong gradients"
        cause = "No layer alone is wrong: look at the loss and the model's own call."
        if self.causes:
            cause = f"The cause: {', '.join(self.causes)}."
        return f"{len(wrong)} of {total} weights {verb}: {', '.join(names)}. {cause}"


def check_gradients(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    entries: int = 6,
    tolerance: float = 1e-6,
    training: bool = False,
    seed: int = 0,
) -> GradientReport:
    """Compares a model's gradients with central differences, weight by weight.

    Of every trainable weight some entries are checked, half of them where the gradient
    is largest, and all entries together along one drawn direction. The weight's
    relative difference is the course's: `|gradient - difference| / (|gradient| +
    |difference|)`, as lengths of the vectors of what was checked.

    The check is made in float64, also for models of single or mixed precision, and
    leaves the model as it was. It is made beside the model's weights, moved by about a
    hundredth of their size: with zeros as biases and inputs many units stand exactly on
    a kink such as relu's at 0, where there is no gradient to compare with. Kinks that
    lie between the two sides of a difference are avoided by smaller steps. How much the
    loss's rounding makes it jump is measured first: where a part computes in single
    precision all the same, steps and tolerance grow with it.

    If a gradient is wrong, every layer is checked alone, with respect to its inputs,
    too: a layer without weights can spoil the gradients of all before it.

    Args:
        model: any built Keras model, or one that is built by being called with `x`.
        x: inputs as the model takes them, a batch of a few examples.
        y: targets as the loss takes them.
        loss: what `compile` takes. By default what the model was compiled with, or the
            mean squared error if it was not compiled. Losses that layers add, and
            regularisation, are part of it.
        entries: number of single entries of each weight.
        tolerance: largest relative difference that is right. Right gradients come to
            1e-8 or less, a wrong factor of 1.01 gives 5e-3.
        training: whether to check what training computes: dropout with one mask for
            all, batch normalisation by the batch.
        seed: of the drawn entries, directions and the move.

    Returns:
        A `GradientReport`: its `ok` is the verdict, its `rows` the weights.

    Raises:
        ValueError: the model has no trainable weights, there is no loss, or an
            argument is out of its range.

    Example:
        >>> keras.utils.set_random_seed(0)
        >>> dense = keras.layers.Dense(2, activation="relu", name="dense")
        >>> model = keras.Sequential([keras.Input((3,)), dense])
        >>> x, y = np.ones((4, 3)), np.ones((4, 2))
        >>> report = check_gradients(model, x, y, loss="mse")
        >>> report.ok, [row["weight"] for row in report.rows]
        (True, ['kernel', 'bias'])

    Reference:
        - Course 2, week 1, "Gradient checking".
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a keras.Model. Received: {model!r}. Wrap a layer in "
            "keras.Sequential([keras.Input(shape), layer])."
        )
    if entries < 0:
        raise ValueError(f"`entries` must be 0 or more. Received: entries={entries}.")
    if not 0 < tolerance < 1:
        raise ValueError(
            "`tolerance` must be between 0 and 1. Received: "
            f"tolerance={tolerance}. Take 1e-6."
        )
    if not model.built:
        model(x)
    variables = model.trainable_variables
    if not variables:
        raise ValueError(
            "`model` must have trainable weights. Received: none, "
            f"{len(model.weights)} in all. Set `trainable` of its layers."
        )
    check = _Check(entries, tolerance, seed)
    try:
        with _double_precision(model):
            return _report(check, model, x, y, loss, training, "float64")
    except Exception as error:
        # Code that insists on its own precision, perhaps: as it is, then.
        try:
            own = model.variable_dtype
            return _report(check, model, x, y, loss, training, own)
        except Exception:
            raise error from None  # precision has nothing to do with it


def _report(check, model, x, y, loss, training, dtype):
    x, y = (_cast(nest, dtype) for nest in (x, y))
    loss_function = _loss_of(model, y, loss, dtype)
    variables, state = model.trainable_variables, _State(model, dtype)

    def cost(tensors):
        with state(variables, tensors):
            return loss_function(x, y, model(x, training=training))

    results = check.run(cost, [_numpy(variable) for variable in variables], dtype)
    rows = []
    for variable, (difference, ok) in zip(variables, results, strict=True):
        path = variable.path.removeprefix(f"{model.name}/")
        layer, _, weight = path.rpartition("/")
        rows.append(
            {
                "layer": layer,
                "weight": weight,
                "shape": tuple(variable.shape),
                "relative_difference": difference,
                "ok": ok,
            }
        )
    right = all(row["ok"] for row in rows)
    causes = [] if right else _causes(check, model, x, training, state)
    return GradientReport(rows, causes, dtype)


# Layers one by one


def _causes(check, model, x, training, state):
    """Names of the layers whose gradients are wrong when they are checked alone."""
    calls = {}
    with contextlib.ExitStack() as stack:
        for layer in dict.fromkeys(_layers(model)):
            stack.enter_context(_recorded(layer, calls))
        with state():
            model(x, training=training)
    names = []
    for layer, (args, kwargs) in calls.items():
        # What cannot be checked alone is no cause that could be named.
        with contextlib.suppress(Exception):
            if not _layer_is_right(check, layer, args, kwargs, state):
                names.append(layer.name)
    return names


def _layers(model):
    """The layers that a model is made of, also of models within it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


@contextlib.contextmanager
def _recorded(layer, calls):
    """Keeps the arguments of the layer's first call in `calls`."""
    call = layer.call

    def recorder(*args, **kwargs):
        calls.setdefault(layer, (args, kwargs))
        return call(*args, **kwargs)

    object.__setattr__(layer, "call", recorder)
    try:
        yield
    finally:
        object.__delattr__(layer, "call")


def _layer_is_right(check, layer, args, kwargs, state):
    variables = layer.trainable_variables
    leaves = keras.tree.flatten((args, kwargs))
    inputs = [n for n, leaf in enumerate(leaves) if _is_float_tensor(leaf)]
    values = [_numpy(v) for v in (*variables, *(leaves[n] for n in inputs))]

    def outputs(tensors):
        given = list(leaves)
        for position, tensor in zip(inputs, tensors[len(variables) :], strict=True):
            given[position] = tensor
        args_, kwargs_ = keras.tree.pack_sequence_as((args, kwargs), given)
        with state(variables, tensors[: len(variables)]):
            results = keras.tree.flatten(layer.call(*args_, **kwargs_))
        return [result for result in results if _is_float_tensor(result)]

    rng = np.random.default_rng(check.seed)
    tensors = [_tensor(value, state.dtype) for value in values]
    shapes = [tuple(result.shape) for result in outputs(tensors)]
    weights = [_tensor(rng.standard_normal(shape), state.dtype) for shape in shapes]

    def cost(tensors):
        pairs = zip(outputs(tensors), weights, strict=True)
        return sum(ops.sum(result * weight) for result, weight in pairs)

    results = check.run(cost, values, state.dtype)
    return all(ok for _, ok in results)


# The comparison


class _Check:
    """Compares the gradients of a function of some arrays with its differences."""

    def __init__(self, entries, tolerance, seed):
        self.entries, self.tolerance, self.seed = entries, tolerance, seed

    def run(self, cost: Callable[[list], Any], values: list[np.ndarray], dtype: str):
        """Returns the relative difference and the verdict for each of the arrays.

        Args:
            cost: from tensors to a number.
            values: the arrays; where they are floats, the gradients are checked beside
                them.
            dtype: what to compute in.
        """
        rng = np.random.default_rng(self.seed)
        values = [_moved(rng, value).astype(dtype) for value in values]
        tensors = [_tensor(value, dtype) for value in values]
        evaluate, differentiate = _backend_functions(cost, tensors)

        def at(moves):
            """The cost with some of the arrays moved."""
            moved = list(tensors)
            for position, move in moves.items():
                moved[position] = _tensor(values[position] + move.astype(dtype), dtype)
            return float(_numpy(evaluate(moved)))

        here = at({})
        if not np.isfinite(here):
            raise ValueError(
                f"The loss must be finite. Received: {here}. Check the inputs and the "
                "weights for NaN, and their size."
            )
        gradients = [
            np.zeros(value.shape) if gradient is None else _numpy(gradient)
            for gradient, value in zip(differentiate(tensors), values, strict=True)
        ]
        rounding = float(np.finfo(dtype).eps) * max(1.0, abs(here))
        noises = sorted({rounding, max(rounding, _noise(rng, at, values))})
        return [
            self._compare(
                rng,
                gradient.astype("float64"),
                lambda move, position=position: at({position: move}),
                noises,
            )
            for position, gradient in enumerate(gradients)
        ]

    def _compare(self, rng, gradient, at, noises):
        """Returns one array's relative difference and verdict."""
        pairs, verdicts = [], []
        for direction in self._directions(rng, gradient):
            slope = float(np.sum(gradient * direction))

            def along(step, direction=direction):
                return (at(step * direction) - at(-step * direction)) / (2 * step)

            difference, ok = self._difference(slope, along, noises)
            pairs.append((slope, difference))
            verdicts.append(ok)
        slopes, differences = np.transpose(pairs)
        lengths = np.linalg.norm(slopes) + np.linalg.norm(differences)
        # A gradient of zero and a difference of mere rounding are the same.
        floor = _slack(noises[0], _first_step(noises[0])) / self.tolerance
        floor *= np.sqrt(len(pairs))
        relative = np.linalg.norm(slopes - differences) / (lengths + floor)
        return float(relative), all(verdicts)

    def _difference(self, slope, along, noises):
        """Returns a difference to compare with the slope, and the verdict.

        Smaller steps step over fewer kinks. If no step agrees with the slope, and none
        for the noise that was measured, the two neighbours that agree best with each
        other decide; how far they are apart is how far they can be trusted.
        """
        found = {}
        for noise in noises:
            first = _first_step(noise)
            tolerance = max(self.tolerance, 10 * noise ** (2 / 3))
            for step in (first, first / 10, first / 100, first / 1000):
                if step not in found:
                    found[step] = along(step)
                size = abs(slope) + abs(found[step])
                slack = _slack(noise, step)
                if step < first and slack > 1e-4 * size:
                    break  # would agree with anything
                if abs(slope - found[step]) <= tolerance * size + slack:
                    return found[step], True
        ordered = [found[step] for step in sorted(found)]
        gaps = np.abs(np.diff(ordered))
        best = int(np.argmin(gaps))
        return ordered[best], bool(abs(slope - ordered[best]) <= 2 * gaps[best])

    def _directions(self, rng, gradient):
        """Entries one by one, then one direction through all."""
        sizes = np.abs(gradient).reshape(-1)
        count = min(self.entries, sizes.size)
        largest = np.argsort(-sizes, kind="stable")[: (count + 1) // 2]
        rest = np.setdiff1d(np.arange(sizes.size), largest)
        drawn = rng.choice(rest, count - len(largest), replace=False)
        for entry in (*largest, *drawn):
            direction = np.zeros(sizes.size)
            direction[entry] = 1
            yield direction.reshape(gradient.shape)
        if sizes.size > count:
            direction = rng.standard_normal(gradient.shape)
            yield direction / np.linalg.norm(direction)


def _first_step(noise):
    """The step at which rounding and curvature do the same harm, about."""
    return float(np.clip(2 * noise ** (1 / 3), 1e-5, 1e-2))


def _slack(noise, step):
    """What noise makes of a difference, with a margin."""
    return 10 * noise / step


def _moved(rng, value):
    value = value.astype("float64")
    size = max(0.1, float(np.sqrt(np.mean(value**2)))) if value.size else 0.0
    return value + 0.01 * size * rng.standard_normal(value.shape)


def _noise(rng, at, values):
    """How much rounding makes the cost jump: third differences leave nothing else.

    Reference:
        - Moré, Wild, 2011, "Estimating computational noise".
    """
    directions = [rng.standard_normal(value.shape) for value in values]
    costs = [
        at({n: 1e-7 * k * direction for n, direction in enumerate(directions)})
        for k in range(9)
    ]
    return float(np.sqrt(np.mean(np.diff(costs, 3) ** 2) / 20))  # 1 + 9 + 9 + 1


# The backends


def _backend_functions(function, tensors):
    """Two functions of tensors such as these: the number, and its gradients."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # Traced here: TensorFlow warns of functions that are made again and again.
        compiled = tf.function(function).get_concrete_function(tensors)

        def differentiate(tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                result = compiled(tensors)
            gradients = tape.gradient(result, tensors)
            # Of an embedding: slices of the whole.
            return [g if g is None else tf.convert_to_tensor(g) for g in gradients]

        return compiled, differentiate
    if backend == "jax":
        import jax

        return jax.jit(function), jax.jit(jax.grad(function))
    import torch

    def evaluate(tensors):
        with torch.no_grad():
            return function(tensors)

    def differentiate(tensors):
        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        result = function(tensors)
        if not result.requires_grad:
            return [None] * len(tensors)
        return torch.autograd.grad(result, tensors, allow_unused=True)

    return evaluate, differentiate


def _tensor(value, dtype):
    if np.issubdtype(value.dtype, np.floating):
        return ops.convert_to_tensor(value, dtype=dtype)
    return ops.convert_to_tensor(value)


def _numpy(tensor):
    value = ops.convert_to_numpy(tensor)
    # bfloat16 is no floating type of NumPy's own.
    return value.astype("float32") if value.dtype.name == "bfloat16" else value


@contextlib.contextmanager
def _double_precision(model):
    """Has the model, and Keras, compute in float64."""
    layers = model._flatten_layers()
    policies = [layer.dtype_policy for layer in layers]
    floatx = keras.config.floatx()
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "jax":
            import jax

            stack.enter_context(jax.enable_x64(True))
        stack.enter_context(_no_narrowing())
        try:
            keras.config.set_floatx("float64")
            for layer in layers:
                layer.dtype_policy = "float64"
            yield
        finally:
            keras.config.set_floatx(floatx)
            for layer, policy in zip(layers, policies, strict=True):
                layer.dtype_policy = policy


@contextlib.contextmanager
def _no_narrowing():
    """Lets float64 stay float64: on JAX and PyTorch, Keras' operations narrow it.

    The table that says so is none of Keras' public parts. Without it, or if it goes
    away, the check still works, as for models that compute in single precision.
    """
    try:
        from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE as table
    except ImportError:
        yield
        return
    before = dict(table)
    table["float64"] = "float64"
    try:
        yield
    finally:
        table.update(before)


class _State:
    """The variables' values, and a scope in which some of them have others."""

    def __init__(self, model, dtype):
        self.dtype = dtype
        self.values = [(variable, _numpy(variable)) for variable in model.variables]

    @contextlib.contextmanager
    def __call__(self, variables=(), tensors=()):
        given = {id(variable) for variable in variables}
        with keras.StatelessScope(collect_losses=True) as scope:
            # Not by the scope's argument, which would cast to the variables' dtype.
            for variable, value in self.values:
                if id(variable) not in given:
                    scope.add_update((variable, _tensor(value, self.dtype)))
            for variable, tensor in zip(variables, tensors, strict=True):
                scope.add_update((variable, tensor))
            yield


def _cast(nest, dtype):
    def cast(array):
        array = np.asarray(array)
        return array.astype(dtype) if array.dtype.kind == "f" else array

    return None if nest is None else keras.tree.map_structure(cast, nest)


def _is_float_tensor(value):
    if not ops.is_tensor(value):
        return False
    return keras.backend.standardize_dtype(value.dtype).startswith(("float", "bfloat"))


# The loss


def _loss_of(model, y, loss, dtype):
    """A function of inputs, targets and outputs: the number that is minimised."""
    if loss is None and model.compiled:
        if type(model).compute_loss is not keras.Model.compute_loss:
            return lambda x, y, outputs: model.compute_loss(
                x=x, y=y, y_pred=outputs, training=True
            )
        loss = model.loss
        weights = getattr(model._compile_loss, "_user_loss_weights", None)
    else:
        weights = None
        if loss is None and y is None:
            raise ValueError(
                "`y` and `loss` must be given for a model that is not compiled. "
                "Received: neither."
            )
        loss = "mse" if loss is None else loss
    # A shell that knows everything `compile` knows about losses, and has no outputs.
    shell = keras.Sequential(name="loss")
    if dtype == "float64":
        loss = keras.tree.map_structure(_double_loss, loss)
    shell.compile(loss=loss, loss_weights=weights)
    shell.output_names = getattr(model, "output_names", None)

    def compute_loss(x, y, outputs):
        total = 0 if loss is None else shell.compute_loss(x=x, y=y, y_pred=outputs)
        for added in model.losses:
            total = total + ops.sum(added)
        return total

    return compute_loss


def _double_loss(loss):
    """The same loss in float64: its dtype is fixed when it is made."""
    if not isinstance(loss, keras.losses.Loss):
        return loss
    try:
        return type(loss).from_config(loss.get_config())
    except Exception:  # a loss without a config stays as it is
        return loss


def _path(row):
    return f"{row['layer']}/{row['weight']}" if row["layer"] else row["weight"]
