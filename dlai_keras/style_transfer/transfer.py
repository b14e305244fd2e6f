"""A picture that is painted by its gradient, with Adam or L-BFGS, coarse to fine."""

import hashlib
import json
import math
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from dlai_keras import command_line, files
from dlai_keras.style_transfer.batches import Repeated
from dlai_keras.style_transfer.data import resize
from dlai_keras.style_transfer.extractors import EXTRACTORS, Source
from dlai_keras.style_transfer.losses import gram_matrices
from dlai_keras.style_transfer.model import check_layers, losses_of, style_canvas

OPTIMIZERS = ("adam", "lbfgs")
INITS = ("content", "noise")
COARSE = 512  # a longer side begins with a smaller picture
_FIGURES = ("step", "seconds", "size", "loss", "content_loss", "style_loss")
_UNLIMITED = 10**9
# For an extractor that `EXTRACTORS` does not know: the course's weights.
_COURSE = Source(
    name="other",
    layers=(),
    content_layer=None,
    style_layers=None,
    needs=None,
    content_weight=10.0,
    style_weight=40.0,
    total_variation=0.0,
    aliases={},
)
# Losses are means, so the gradient of one pixel may be far below Keras' 1e-7.
_EPSILON = 1e-12
_FIRST_MOVE = 0.01  # of a pixel, on average, that L-BFGS tries first
_INPUT = np.zeros((1, 1), "float32")  # of a canvas, which does not look at it
# On a CPU, TensorFlow's own convolutions take a third of the time of compiled ones, and
# there is nothing to wait for before the first step.
_JIT = keras.backend.backend() == "jax"


@dataclass(frozen=True)
class Result:
    """A stylised picture, and how it came about.

    Attributes:
        picture: uint8 RGB `(height, width, 3)`.
        history: lists of a value for each step: `step`, `seconds`, `size` (longer side,
            pixels), `loss`, `content_loss`, `style_loss`, those of earlier sessions
            included.
        content_loss: of the picture, without its weight.
        style_loss: of the picture, all layers with their weights, without the common
            one.
        steps: evaluations of loss and gradient, in all sessions.
        seconds: in all sessions.
        resumed: steps that an earlier session had taken.
    """

    picture: np.ndarray
    history: dict[str, list]
    content_loss: float
    style_loss: float
    steps: int
    seconds: float
    resumed: int = 0


def stylize(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    extractor: keras.Model,
    *,
    content_layer: str | None = None,
    style_layers: Mapping[str, float] | None = None,
    weights: Sequence[float] | None = None,
    masks: np.ndarray | None = None,
    style_masks: Sequence[np.ndarray] | None = None,
    content_weight: float | None = None,
    style_weight: float | None = None,
    total_variation: float | None = None,
    optimizer: str = "adam",
    steps: int | None = 300,
    seconds: float | None = None,
    init: str = "content",
    learning_rate: float = 0.02,
    seed: int = 0,
    sizes: Sequence[int] | None = None,
    style_scale: float = 1.0,
    on_step: Callable[[int, dict, Callable[[], np.ndarray]], None] | None = None,
    state: str | Path | None = None,
    save_seconds: float = 20.0,
) -> Result:
    """Paints the content picture in the style of others.

    The picture is the weight of a model, `style_canvas`, which is trained by plain
    `compile` and `fit` with Adam, or by SciPy's L-BFGS with the gradients of the same
    model. A picture of more than 512 pixels begins at half of its size, or a quarter:
    large strokes are quick to find there. Each size gets about the same time.

    Several styles are blended: the target is the weighted mean of their Gram matrices.
    The squared difference to that mean is the weighted sum of those to each style, up
    to a constant, so the pictures are the same.

    With `masks` each region takes the style of its own picture, or with `style_masks`
    that of the same region in the styles.

    Args:
        content: uint8 RGB `(height, width, 3)`.
        styles: uint8 RGB pictures of any size, or one of them. They are made smaller
            where they are larger than the content, and never larger.
        extractor: as `load_extractor` returns it.
        content_layer: name of its layer; None for the one of `EXTRACTORS`.
        style_layers: weights of its layers; None for those of `EXTRACTORS`.
        weights: of the styles; None for equal ones. Their sum does not matter.
        masks: regions of the content `(height, width, regions)`, 0 or more; where all
            are 0, only the content counts.
        style_masks: the same for each style; None: region i has the style i.
        content_weight: of the content loss; None for that of `EXTRACTORS`, or the
            course's 10.
        style_weight: of the style loss; None for that of `EXTRACTORS`, or the course's
            40.
        total_variation: weight of the differences between neighbouring pixels; None
            for that of `EXTRACTORS`, or 0.
        optimizer: `"adam"`, or `"lbfgs"`, which takes no learning rate and ends lower.
        steps: evaluations of loss and gradient, at all sizes together; None for as many
            as `seconds` allow.
        seconds: ends the work early, also that of a resumed session.
        init: what to begin with, `"content"` or `"noise"`.
        learning_rate: of Adam, for colours from 0 to 1.
        seed: of the noise.
        sizes: longer sides, pixels, in rising order; the last one is that of the
            result. None: the content's own, and coarser ones above 512.
        style_scale: longer side of the styles as a share of the content's; smaller
            styles have smaller strokes.
        on_step: called after each step with its number, the losses by name, and a
            function that gives the picture so far, uint8.
        state: file that keeps the run, written now and then and at the end. Where it
            holds a run with the same pictures and settings, that one goes on (with Adam
            as if it had never stopped; L-BFGS learns the curvature anew); another run
            in it is overwritten.
        save_seconds: how often `state` is written, at most.

    Returns:
        The picture and its losses.

    Raises:
        ValueError: an argument is not as said above.

    Example:
        >>> x = keras.Input((None, None, 3))
        >>> extractor = keras.Model(x, {"mean": keras.layers.AveragePooling2D(2)(x)})
        >>> content = np.full((8, 12, 3), 200, "uint8")
        >>> style = np.full((8, 8, 3), 50, "uint8")
        >>> settings = {"content_layer": "mean", "style_layers": {"mean": 1.0}}
        >>> result = stylize(content, [style], extractor, steps=3, **settings)
        >>> result.picture.shape, result.steps, bool(result.picture.mean() < 200)
        ((8, 12, 3), 3, True)

    Reference:
        - Course 4, week 4, "Art generation with neural style transfer".
        - Gatys et al., 2016, "Image style transfer using convolutional neural
          networks" (L-BFGS).
        - Gatys et al., 2017, "Controlling perceptual factors in neural style transfer",
          sections 4 (regions) and 7 (coarse to fine).
    """
    styles = [styles] if getattr(styles, "ndim", None) == 3 else list(styles)
    source = EXTRACTORS.get(extractor.name.replace("_", "-"), _COURSE)
    content_layer, style_layers = _layers(source, content_layer, style_layers)
    check_layers(extractor, content_layer, style_layers)
    content_weight, style_weight, total_variation = (
        getattr(source, name) if value is None else float(value)
        for name, value in (
            ("content_weight", content_weight),
            ("style_weight", style_weight),
            ("total_variation", total_variation),
        )
    )
    _check_numbers(optimizer, init, steps, seconds, learning_rate, style_scale)
    for name, picture in [("content", content)] + [("styles", s) for s in styles]:
        _check_picture(name, picture)
    weights = _blend(styles, weights, masks, style_masks)
    masks, style_masks = _check_masks(content, styles, masks, style_masks)
    levels = level_sizes(content.shape[:2], sizes)
    motif = _Motif(
        *(extractor, content, styles, weights, masks, style_masks),
        *(content_layer, style_layers, total_variation, style_scale),
    )
    losses = losses_of(
        style_layers, content_weight=content_weight, style_weight=style_weight
    )
    run = _Run(
        style_layers=style_layers,
        settings={
            "motif": motif.digest(),
            "loss_weights": losses["loss_weights"],
            "optimizer": [optimizer, learning_rate],
            "init": [init, seed],
            "sizes": levels,
        },
        on_step=on_step,
        state=None if state is None else Path(state),
        save_seconds=save_seconds,
    )
    run.resume()
    resumed = run.step
    if run.picture is None:
        run.picture = _first_picture(content, levels[0], init, seed)
    paint = {"adam": _adam, "lbfgs": _lbfgs}[optimizer]
    end = math.inf if seconds is None else time.perf_counter() + seconds
    budgets = level_steps(levels, steps)
    for level in range(run.level, len(levels)):
        if level > run.level:
            run.begin_level(level)
        model, targets = motif.canvas(levels[level], levels[-1])
        picture = np.clip(_resize(run.picture, levels[level]), 0, 1)
        model.get_layer("canvas").picture.assign(picture[None])
        run.size = max(levels[level])
        budget = budgets[level]
        run.steps_left = _UNLIMITED if budget is None else budget - run.level_step
        # The time that is left is shared by the sizes that are left.
        now = time.perf_counter()
        run.deadline = now + (end - now) / (len(levels) - level)
        if run.steps_left > 0:
            try:
                paint(model, targets, losses, run, learning_rate)
            except KeyboardInterrupt:
                run.keep()
                raise
            run.keep()
    content_loss, style_loss = _measure(model, targets, losses["loss"], style_layers)
    return Result(
        _as_uint8(run.picture),
        run.history,
        content_loss,
        style_loss,
        run.step,
        run.seconds,
        resumed,
    )


@keras.saving.register_keras_serializable(package="dlai_keras")
class RecordGradient(keras.optimizers.Optimizer):
    """Keeps the gradients and changes nothing: `train_on_batch` becomes a function.

    It gives the loss, and `gradients` then holds the gradient of each trainable weight,
    for an optimiser that is not Keras'; on every backend alike.

    Args:
        learning_rate: not used; every optimizer has one.
        name: of the optimizer.
        **kwargs: of `keras.optimizers.Optimizer`.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.set_weights([np.array([[3.0]]), np.zeros(1)])
        >>> optimizer = RecordGradient()
        >>> model.compile(optimizer, "mean_squared_error")
        >>> round(float(model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1)))), 4)
        9.0
        >>> [ops.convert_to_numpy(gradient).item() for gradient in optimizer.gradients]
        [6.0, 6.0]
    """

    def __init__(self, learning_rate=0.0, name="record_gradient", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.gradients = self.add_optimizer_variables(variables, "gradient")

    def update_step(self, gradient, variable, learning_rate):
        record = self.gradients[self._get_variable_index(variable)]
        self.assign(record, ops.cast(gradient, record.dtype))


def level_sizes(
    size: tuple[int, int], sizes: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Heights and widths, coarse to fine, in which a picture is painted.

    Args:
        size: (height, width) of the content, pixels.
        sizes: longer sides; None halves the content's own until it is 512 or less.

    Returns:
        (height, width) of each size, the last one that of the result.

    Raises:
        ValueError: `sizes` are not in rising order.

    Example:
        >>> level_sizes((300, 400)), level_sizes((768, 1024))
        ([(300, 400)], [(384, 512), (768, 1024)])
    """
    longest = max(size)
    if sizes is None:
        sizes = [longest]
        while sizes[0] > COARSE:
            sizes = [-(-sizes[0] // 2), *sizes]
    sizes = list(sizes)
    if not sizes or sizes[0] < 1 or sorted(set(sizes)) != sizes:
        raise ValueError(
            "`sizes` must be longer sides in pixels, in rising order. Received: "
            f"sizes={sizes}."
        )
    return [
        tuple(max(1, round(side * length / longest)) for side in size)
        for length in sizes
    ]


def level_steps(
    levels: Sequence[tuple[int, int]], steps: int | None
) -> list[int | None]:
    """How many of the steps each size gets: about the same time for each.

    Args:
        levels: (height, width) of each size.
        steps: in all; None for no limit.

    Returns:
        Steps of each size, one or more; their sum is `steps`, where there are enough.

    Example:
        >>> level_steps([(384, 512), (768, 1024)], 300)
        [240, 60]
    """
    if steps is None:
        return [None] * len(levels)
    shares = np.array([1 / math.prod(size) for size in levels])
    shares = shares / shares.sum()
    parts = [max(1, int(part)) for part in np.round(steps * shares)]
    parts[0] = max(1, steps - sum(parts[1:]))
    return parts


# What is optimised


@dataclass(frozen=True)
class _Motif:
    """What is to be painted, at any size."""

    extractor: keras.Model
    content: np.ndarray
    styles: list[np.ndarray]
    weights: list[float] | None  # of the styles; None: each has its region
    masks: np.ndarray | None
    style_masks: list[np.ndarray]
    content_layer: str
    style_layers: dict[str, float]
    total_variation: float
    style_scale: float

    def digest(self):
        """The same for the same picture to be, and for no other."""
        digest = hashlib.sha256()
        for array in (
            *(self.content, *self.styles, *self.style_masks),
            *([] if self.masks is None else [self.masks]),
            *self.extractor.get_weights(),
        ):
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array))
        settings = (self.weights, self.content_layer, self.style_layers)
        settings += (self.total_variation, self.style_scale, self.masks is None)
        digest.update(json.dumps(settings).encode())
        return digest.hexdigest()

    def canvas(self, size, last):
        """The model of a size, and the targets of its outputs; `last`: of the result.

        Gram matrices are means over places, so pictures of different sizes compare.
        """
        features = self.extractor(_resize(self.content, size)[None] / 255)
        targets = {"content": ops.convert_to_numpy(features[self.content_layer])}
        maps = None
        if self.masks is not None:
            maps = {
                layer: _map(self.masks, features[layer].shape[1:3])
                for layer in self.style_layers
            }
        grams = [self._grams(number, size, last) for number in range(len(self.styles))]
        for layer in self.style_layers:
            matrices = [gram[layer] for gram in grams]
            if self.weights is None:  # a style for each region
                target = np.stack(matrices, axis=1)
            else:
                target = np.tensordot(self.weights, matrices, axes=1)
            targets[f"style/{layer}"] = target.astype("float32")
        model = style_canvas(
            self.extractor,
            size,
            content_layer=self.content_layer,
            style_layers=tuple(self.style_layers),
            total_variation=self.total_variation,
            maps=maps,
        )
        return model, targets

    def _grams(self, number, size, last):
        """The Gram matrices of a style by layer; with style masks those of regions."""
        style = self.styles[number]
        longest = max(style.shape[:2])
        # As the content, it is smaller at a coarse size; it is never made larger.
        length = min(longest, max(last) * self.style_scale) * max(size) / max(last)
        shape = [max(1, round(side * length / longest)) for side in style.shape[:2]]
        features = self.extractor(_resize(style, shape)[None] / 255)
        grams = {}
        for layer in self.style_layers:
            x, maps = features[layer], None
            if self.style_masks:
                maps = _map(self.style_masks[number], x.shape[1:3])
            grams[layer] = ops.convert_to_numpy(gram_matrices(x, maps))
        return grams


def _map(regions, size):
    """float32 `(1, height, width, regions)` of another size."""
    parts = [_resize(part, size) for part in np.moveaxis(regions, -1, 0)]
    return np.maximum(np.stack(parts, axis=-1), 0)[None]


def _measure(model, targets, losses, style_layers):
    """The content loss and the style loss of the picture as it is."""
    outputs = model(_INPUT)
    values = {
        name: ops.convert_to_numpy(loss(targets[name], outputs[name])).item()
        for name, loss in losses.items()
    }
    style = sum(w * values[f"style/{layer}"] for layer, w in style_layers.items())
    return values["content"], style


# The two optimisers


def _adam(model, targets, losses, run, learning_rate):
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=_EPSILON)
    model.compile(optimizer, **losses, jit_compile=_JIT)
    optimizer.build(model.trainable_variables)
    for variable, value in zip(optimizer.variables, run.optimizer, strict=False):
        variable.assign(value)
    callback = _Steps(run)
    run.read = lambda: _picture_of(callback.model)
    run.read_optimizer = lambda: [
        np.array(ops.convert_to_numpy(variable))
        for variable in callback.model.optimizer.variables
    ]
    batches = Repeated(_INPUT, targets, run.steps_left)
    model.fit(batches, shuffle=False, callbacks=[callback], verbose=0)


class _Steps(keras.callbacks.Callback):
    """Hands the figures of each step on, and ends `fit` where the time is up."""

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # else they are means of all steps so far

    def on_train_batch_end(self, batch, logs=None):
        if self.run.record(logs):
            self.model.stop_training = True


class _TimeIsUp(Exception):
    """Ends SciPy's loop."""


def _lbfgs(model, targets, losses, run, _):
    from scipy import optimize  # half a second that Adam has no use for

    model.compile(RecordGradient(), **losses, jit_compile=_JIT)
    canvas = model.get_layer("canvas").picture
    shape = canvas.shape
    batch = keras.tree.map_structure(ops.convert_to_tensor, (_INPUT, targets))
    best = {"loss": math.inf, "picture": run.picture}
    run.read, run.read_optimizer = lambda: best["picture"], lambda: []
    scale = None

    def evaluate(flat):
        nonlocal scale
        picture = np.clip(flat, 0, 1).astype("float32").reshape(shape)
        canvas.assign(picture)
        logs = model.train_on_batch(*batch, return_dict=True)
        gradient = ops.convert_to_numpy(model.optimizer.gradients[0])
        gradient = gradient.ravel().astype("float64")
        if scale is None:
            # It first goes down the gradient as it is, which is far too little for
            # losses that are means.
            scale = _FIRST_MOVE / max(float(np.sqrt(np.mean(gradient**2))), 1e-30)
        if logs["loss"] < best["loss"]:
            best.update(loss=logs["loss"], picture=picture[0])
        if run.record(logs):
            raise _TimeIsUp
        # Colours beyond 0 and 1 are cut off, and cost what they are beyond. SciPy's own
        # bounds lead as far, and take longer to compute than the gradient.
        beyond = flat - np.clip(flat, 0, 1)
        loss = logs["loss"] * scale + beyond @ beyond
        return loss, np.where(beyond == 0, gradient * scale, 2 * beyond)

    options = {"maxiter": _UNLIMITED, "maxfun": _UNLIMITED, "ftol": 0, "gtol": 0}
    try:
        while True:
            before = best["loss"]
            start = ops.convert_to_numpy(canvas).ravel().astype("float64")
            optimize.minimize(
                evaluate, start, method="L-BFGS-B", jac=True, options=options
            )
            # Its line search fails where the curvature it has seen misleads it: it
            # begins again, once more, with none.
            if not best["loss"] < before:
                break
            canvas.assign(best["picture"][None])
    except _TimeIsUp:
        pass
    canvas.assign(best["picture"][None])


# A run, from its beginning or from a file


class _Run:
    """How far a picture is, what it was on the way, and when to stop."""

    def __init__(self, *, style_layers, settings, on_step, state, save_seconds):
        self.style_layers = style_layers
        self.settings = json.dumps(settings)
        self.on_step = on_step
        self.state, self.save_seconds = state, save_seconds
        self.level = self.level_step = self.step = self.size = 0
        self.steps_left, self.deadline = _UNLIMITED, math.inf
        self.picture, self.optimizer = None, []
        self.history = {name: [] for name in _FIGURES}
        self.read = self.read_optimizer = None
        self._begun = self._saved = time.perf_counter()

    @property
    def seconds(self):
        return time.perf_counter() - self._begun

    def begin_level(self, level):
        self.level, self.level_step, self.optimizer = level, 0, []

    def record(self, logs):
        """Notes a step; says whether it was the last one."""
        self.step += 1
        self.level_step += 1
        self.steps_left -= 1
        losses = {
            "loss": float(logs["loss"]),
            "content_loss": float(logs["content_loss"]),
            "style_loss": sum(
                weight * float(logs[f"style/{layer}_loss"])
                for layer, weight in self.style_layers.items()
            ),
        }
        if not math.isfinite(losses["loss"]):
            raise ValueError(
                f"The loss of step {self.step} is not finite. Lower the weights or the "
                "learning rate."
            )
        seconds = round(self.seconds, 3)
        for name, value in (
            ("step", self.step),
            ("seconds", seconds),
            ("size", self.size),
            *losses.items(),
        ):
            self.history[name].append(value)
        if self.level_step == 2:  # `fit` has TensorFlow forget it with its first step
            command_line.keep_freed_memory()
        if self.on_step is not None:
            self.on_step(self.step, losses, lambda: _as_uint8(self.read()))
        now = time.perf_counter()
        if self.state is not None and now - self._saved >= self.save_seconds:
            self.keep()
        return self.steps_left <= 0 or now >= self.deadline

    def keep(self):
        """Takes over the picture as it is, and writes the file."""
        self.picture, self.optimizer = self.read(), self.read_optimizer()
        if self.state is None:
            return
        arrays = {f"optimizer_{i}": value for i, value in enumerate(self.optimizer)}
        arrays |= {f"history_{name}": values for name, values in self.history.items()}
        places = [self.level, self.level_step, self.step]
        self.state.parent.mkdir(parents=True, exist_ok=True)
        with files.whole_file(self.state) as partial, partial.open("wb") as file:
            np.savez(
                file,
                settings=self.settings,
                places=places,
                seconds=self.seconds,
                picture=self.picture,
                **arrays,
            )
        self._saved = time.perf_counter()

    def resume(self):
        """Goes on with the run in the file, where that is this one."""
        if self.state is None or not self.state.is_file():
            return
        try:
            with self.state.open("rb") as file, np.load(file) as stored:
                if stored["settings"].item() != self.settings:
                    return
                arrays = dict(stored)
            history = {name: arrays[f"history_{name}"].tolist() for name in _FIGURES}
            places, seconds = arrays["places"].tolist(), float(arrays["seconds"])
            picture = arrays["picture"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return  # no run that could go on
        self.level, self.level_step, self.step = places
        self.picture, self.history = picture, history
        self.optimizer = [
            arrays[name]
            for name in sorted(
                (name for name in arrays if name.startswith("optimizer_")),
                key=lambda name: int(name.partition("_")[2]),
            )
        ]
        self._begun = time.perf_counter() - seconds


def _picture_of(model):
    # A copy: PyTorch's arrays are the weights themselves.
    return np.array(ops.convert_to_numpy(model.get_layer("canvas").picture)[0])


def _as_uint8(picture):
    return np.round(np.clip(picture, 0, 1) * 255).astype("uint8")


def _first_picture(content, size, init, seed):
    picture = _resize(content, size) / np.float32(255)
    if init == "noise":
        noise = np.random.default_rng(seed).normal(0.5, 0.15, picture.shape)
        picture = np.clip(noise, 0, 1).astype("float32")
    return picture


def _resize(array, size):
    """float32 of another (height, width)."""
    return resize(np.asarray(array, "float32"), tuple(size))


# What comes in


def _layers(source, content_layer, style_layers):
    content_layer = source.content_layer if content_layer is None else content_layer
    style_layers = source.style_layers if style_layers is None else style_layers
    if content_layer is None or style_layers is None:
        raise ValueError(
            "`content_layer` and `style_layers` must be named for an extractor other "
            f"than {', '.join(EXTRACTORS)}."
        )
    style_layers = {name: float(weight) for name, weight in dict(style_layers).items()}
    if not style_layers or min(style_layers.values()) < 0:
        raise ValueError(
            "`style_layers` must be weights of 0 or more for one layer or more. "
            f"Received: style_layers={style_layers}."
        )
    return content_layer, style_layers


def _check_numbers(optimizer, init, steps, seconds, learning_rate, style_scale):
    for name, value, known in (
        ("optimizer", optimizer, OPTIMIZERS),
        ("init", init, INITS),
    ):
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(known)}. Received: {value!r}."
            )
    if steps is None and seconds is None:
        raise ValueError("`steps` or `seconds` must bound the work. Received: neither.")
    for name, value in (
        ("steps", steps),
        ("seconds", seconds),
        ("learning_rate", learning_rate),
        ("style_scale", style_scale),
    ):
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` must be above 0. Received: {name}={value}.")


def _check_picture(name, picture):
    shape = getattr(picture, "shape", None)
    dtype = getattr(picture, "dtype", type(picture).__name__)
    if shape is None or dtype != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise ValueError(
            f"`{name}` must be uint8 RGB pictures (height, width, 3). Received: dtype="
            f"{dtype}, shape={shape}."
        )


def _blend(styles, weights, masks, style_masks):
    """Shares of the styles, of sum 1; None where each has a region of its own."""
    if not styles:
        raise ValueError("`styles` must hold one picture or more. Received: none.")
    if masks is not None and style_masks is None:
        if weights is not None:
            raise ValueError(
                "`weights` blend styles, and `masks` give each a region of its own: "
                "choose one of the two, or add `style_masks`."
            )
        return None
    weights = [1.0] * len(styles) if weights is None else [float(w) for w in weights]
    total = sum(weights)
    if len(weights) != len(styles) or min(weights) < 0 or not 0 < total < math.inf:
        raise ValueError(
            f"`weights` must be {len(styles)} numbers of 0 or more, one for each style "
            f"and not all 0. Received: weights={weights}."
        )
    return [weight / total for weight in weights]


def _check_masks(content, styles, masks, style_masks):
    """The masks as float32, and a list of those of the styles, empty without."""
    if masks is None:
        if style_masks is not None:
            raise ValueError("`style_masks` need `masks` of the content beside them.")
        return None, []
    masks = _check_mask("masks", masks, content, None)
    num = masks.shape[2]
    if style_masks is None:
        if len(styles) != num:
            raise ValueError(
                f"`masks` have {num} regions, so there must be {num} styles, one for "
                f"each, or `style_masks`. Received: {len(styles)} styles."
            )
        return masks, []
    if len(style_masks) != len(styles):
        raise ValueError(
            f"`style_masks` must be one for each of the {len(styles)} styles. "
            f"Received: {len(style_masks)}."
        )
    style_masks = [
        _check_mask("style_masks", mask, style, num)
        for mask, style in zip(style_masks, styles, strict=True)
    ]
    for region in range(num):
        used = masks[..., region].any()
        if used and not all(mask[..., region].any() for mask in style_masks):
            raise ValueError(
                f"Region {region} is in the content and not in a style: `style_masks` "
                "must show where its style is."
            )
    return masks, style_masks


def _check_mask(name, mask, picture, num):
    mask = np.asarray(mask, "float32")
    mask = mask[..., None] if mask.ndim == 2 else mask
    regions = "regions" if num is None else num
    if (
        mask.ndim != 3
        or mask.shape[:2] != picture.shape[:2]
        or mask.shape[2] != (num or mask.shape[2])
        or not (mask >= 0).all()
        or not mask.any()
    ):
        height, width = picture.shape[:2]
        raise ValueError(
            f"`{name}` must be numbers of 0 or more, not all 0, of shape ({height}, "
            f"{width}, {regions}) as their picture is. Received: shape={mask.shape}."
        )
    return mask
