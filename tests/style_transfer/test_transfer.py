"""A picture painted by its gradient: against NumPy, resumed, bounded, in regions."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from dlai_keras.style_transfer.model import losses_of, style_canvas
from dlai_keras.style_transfer.transfer import (
    RecordGradient,
    level_sizes,
    level_steps,
    stylize,
)

backends = pytest.mark.backends
EAGER = keras.backend.backend() == "torch"
CONTENT_LAYER, STYLE_LAYERS = "b", {"a": 0.25, "b": 0.75}
LAYERS = {"content_layer": CONTENT_LAYER, "style_layers": STYLE_LAYERS}


def picture(height=6, width=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), "uint8")


def make_extractor(kernels):
    (k1, b1), (k2, b2) = kernels
    inputs = keras.Input((None, None, 3))
    first = layers.Conv2D(4, 1, activation="tanh")
    second = layers.Conv2D(5, 1, activation="tanh")
    a = first(inputs)
    b = second(layers.AveragePooling2D(2)(a))
    model = keras.Model(inputs, {"a": a, "b": b})
    first.set_weights([k1[None, None], b1])
    second.set_weights([k2[None, None], b2])
    model.trainable = False
    return model


def draw_kernels():
    rng = np.random.default_rng(7)
    return [
        (rng.normal(size=shape), rng.normal(size=shape[1]))
        for shape in ((3, 4), (4, 5))
    ]


KERNELS = draw_kernels()


@pytest.fixture(scope="module")
def extractor():
    return make_extractor(KERNELS)


# The same in NumPy, by definition


def numpy_features(x):
    (k1, b1), (k2, b2) = KERNELS
    a = np.tanh(x @ k1 + b1)
    height, width, channels = a.shape
    pooled = a.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))
    return {"a": a, "b": np.tanh(pooled @ k2 + b2)}


def numpy_gram(features):
    unrolled = features.reshape(-1, features.shape[-1])
    return unrolled.T @ unrolled / len(unrolled)


def numpy_loss(x, content, styles, weights, alpha, beta, smooth):
    """Of each style its own loss: their weighted sum."""
    own = numpy_features(x)
    difference = own[CONTENT_LAYER] - numpy_features(content)[CONTENT_LAYER]
    loss = alpha * (difference**2).mean() / 4
    for style, share in zip(styles, weights, strict=True):
        wanted = numpy_features(style)
        for name, weight in STYLE_LAYERS.items():
            gap = numpy_gram(own[name]) - numpy_gram(wanted[name])
            loss += beta * share * weight * (gap**2).mean() / 4
    down, right = np.diff(x, axis=0), np.diff(x, axis=1)
    return loss + smooth * ((down**2).sum() + (right**2).sum()) / x.size


def numpy_gradient(function, x, step=1e-6):
    gradient = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        move = np.zeros_like(x)
        move[place] = step
        gradient[place] = (function(x + move) - function(x - move)) / (2 * step)
    return gradient


def numpy_adam(function, x, steps, rate):
    m = v = 0.0
    for step in range(1, steps + 1):
        gradient = numpy_gradient(function, x)
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        move = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-12)
        x = np.clip(x - rate * move, 0, 1)
    return x


@backends
def test_the_gradient_of_the_canvas_is_that_of_the_definition(extractor):
    content, style, x = (picture(seed=s) / 255 for s in (1, 2, 3))
    model = style_canvas(
        extractor,
        (6, 8),
        content_layer=CONTENT_LAYER,
        style_layers=tuple(STYLE_LAYERS),
        total_variation=0.3,
    )
    losses = losses_of(STYLE_LAYERS, content_weight=2, style_weight=5)
    model.compile(RecordGradient(), **losses, run_eagerly=EAGER)
    model.get_layer("canvas").picture.assign(x[None])
    grams = {
        f"style/{name}": numpy_gram(features)[None]
        for name, features in numpy_features(style).items()
    }
    targets = {"content": numpy_features(content)[CONTENT_LAYER][None], **grams}
    targets = {name: target.astype("float32") for name, target in targets.items()}

    def definition(x):
        return numpy_loss(x, content, [style], [1.0], 2, 5, 0.3)

    for _ in range(2):  # the gradient is recorded, not summed, and nothing moves
        loss = model.train_on_batch(
            np.zeros((1, 1), "float32"), targets, return_dict=True
        )["loss"]
        assert loss == pytest.approx(definition(x), rel=1e-4)
        recorded = keras.ops.convert_to_numpy(model.optimizer.gradients[0])[0]
        np.testing.assert_allclose(
            recorded, numpy_gradient(definition, x), rtol=1e-3, atol=1e-6
        )
    left = keras.ops.convert_to_numpy(model.get_layer("canvas").picture)[0]
    np.testing.assert_allclose(left, x, atol=1e-7)


@backends
def test_adam_paints_what_adam_in_numpy_paints_and_styles_are_blended(
    extractor, tmp_path
):
    # The sum of the styles' losses here, the loss to their mean there: one picture.
    content, *styles = (picture(seed=s) for s in (1, 2, 3))
    seen = []
    result = stylize(
        content,
        styles,
        extractor,
        **LAYERS,
        weights=[3, 1],
        content_weight=2,
        style_weight=5,
        total_variation=0.3,
        steps=6,
        learning_rate=0.03,
        state=tmp_path / "run.npz",
        on_step=lambda *step: seen.append((step[0], step[1], step[2]())),
    )
    scaled = [style / 255 for style in styles]

    def definition(x):
        return numpy_loss(x, content / 255, scaled, [0.75, 0.25], 2, 5, 0.3)

    expected = numpy_adam(definition, content / 255, 6, 0.03)
    painted = np.load(tmp_path / "run.npz")["picture"]
    np.testing.assert_allclose(painted, expected, atol=1e-3)
    assert np.abs(painted - content / 255).max() > 0.1
    np.testing.assert_array_equal(result.picture, np.round(painted * 255))

    # Losses are those of each step alone, before it; at the end, of the picture.
    assert result.steps == 6 and result.resumed == 0
    assert result.history["step"] == [1, 2, 3, 4, 5, 6] == [step for step, *_ in seen]
    assert result.history["size"] == [8] * 6
    assert result.history["loss"] == [losses["loss"] for _, losses, _ in seen]
    assert result.history["content_loss"][0] == pytest.approx(0, abs=1e-9)
    for x, content_loss in (
        (seen[3][2] / 255, result.history["content_loss"][4]),
        (painted, result.content_loss),
    ):
        own = numpy_features(x)[CONTENT_LAYER]
        gap = own - numpy_features(content / 255)[CONTENT_LAYER]
        assert (gap**2).mean() / 4 == pytest.approx(content_loss, rel=0.03)
    mean = {
        name: 0.75 * numpy_gram(numpy_features(scaled[0])[name])
        + 0.25 * numpy_gram(numpy_features(scaled[1])[name])
        for name in STYLE_LAYERS
    }
    own = numpy_features(painted)
    style_loss = sum(
        weight * ((numpy_gram(own[name]) - mean[name]) ** 2).mean() / 4
        for name, weight in STYLE_LAYERS.items()
    )
    assert result.style_loss == pytest.approx(style_loss, rel=1e-3)
    np.testing.assert_array_equal(seen[-1][2], result.picture)


# L-BFGS


@pytest.fixture(scope="module")
def mirror():
    """Its features are the picture."""
    inputs = keras.Input((None, None, 3))
    layer = layers.Conv2D(3, 1, use_bias=False)
    model = keras.Model(inputs, {"p": layer(inputs)})
    layer.set_weights([np.eye(3)[None, None]])
    model.trainable = False
    return model


MIRROR = {"content_layer": "p", "style_layers": {"p": 1.0}}


def test_lbfgs_reaches_the_minimum_of_a_quadratic(mirror, tmp_path):
    content = picture()
    result = stylize(
        content,
        [content],
        mirror,
        **MIRROR,
        content_weight=1,
        style_weight=0,
        total_variation=0.2,
        optimizer="lbfgs",
        init="noise",
        steps=80,
        state=tmp_path / "run.npz",
    )
    # mean((x - c)²) / 4 + 0.2 * mean of squared differences: (I / 4 + 0.2 L) x = c / 4,
    # with the Laplacian L of the grid.
    number = np.arange(48).reshape(6, 8)
    pairs = np.concatenate(
        [
            np.stack([number[1:], number[:-1]], axis=-1).reshape(-1, 2),
            np.stack([number[:, 1:], number[:, :-1]], axis=-1).reshape(-1, 2),
        ]
    )
    laplacian = np.zeros((48, 48))
    for one, other in pairs:
        laplacian[[one, other], [one, other]] += 1
        laplacian[[one, other], [other, one]] -= 1
    flat = content.reshape(48, 3) / 255
    expected = np.linalg.solve(np.eye(48) / 4 + 0.2 * laplacian, flat / 4)
    painted = np.load(tmp_path / "run.npz")["picture"].reshape(48, 3)
    np.testing.assert_allclose(painted, expected, atol=2e-3)
    assert result.steps <= 80
    content_loss = ((expected - flat) ** 2).mean() / 4
    assert result.content_loss == pytest.approx(content_loss, rel=1e-2)
    assert result.history["loss"][0] > 2 * min(result.history["loss"])


def test_lbfgs_gives_its_best_picture_and_goes_on_from_it(extractor, tmp_path):
    content, style = picture(seed=1), picture(seed=2)
    settings = {**LAYERS, "optimizer": "lbfgs", "state": tmp_path / "run.npz"}
    settings |= {"content_weight": 1, "style_weight": 100}
    first = stylize(content, [style], extractor, **settings, steps=5)
    assert first.steps == 5 and len(first.history["loss"]) == 5

    def total(result):
        return result.content_loss + 100 * result.style_loss

    assert total(first) == pytest.approx(min(first.history["loss"]), rel=1e-3)
    second = stylize(content, [style], extractor, **settings, steps=12)
    assert second.resumed == 5 and 5 < second.steps <= 12
    assert second.history["loss"][:5] == first.history["loss"]
    assert second.history["loss"][5] == pytest.approx(total(first), rel=1e-3)
    assert total(second) < total(first)


# A run that goes on


def test_an_interrupted_run_ends_as_one_that_was_not(mirror, tmp_path):
    content, style = picture(12, 16, seed=1), picture(10, 20, seed=2)
    settings = {**MIRROR, "sizes": [8, 16], "steps": 10, "init": "noise", "seed": 4}
    arguments = (content, [style], mirror)
    whole = stylize(*arguments, **settings, state=tmp_path / "whole.npz")
    assert whole.history["size"] == [8] * 8 + [16] * 2

    def interrupt(step, losses, picture):
        if step == 9:
            raise KeyboardInterrupt

    state = tmp_path / "deep" / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        stylize(*arguments, **settings, state=state, on_step=interrupt)
    rest = stylize(*arguments, **settings, state=state)
    assert (rest.resumed, rest.steps) == (9, 10)
    with np.load(tmp_path / "whole.npz") as one, np.load(state) as other:
        np.testing.assert_allclose(other["picture"], one["picture"], atol=1e-6)
    np.testing.assert_array_equal(rest.picture, whole.picture)
    assert rest.history["step"] == list(range(1, 11))
    np.testing.assert_allclose(rest.history["loss"], whole.history["loss"], rtol=1e-5)

    # What is done is not done again.
    again = stylize(*arguments, **settings, state=state)
    assert (again.resumed, again.steps) == (10, 10)
    np.testing.assert_array_equal(again.picture, whole.picture)
    assert again.style_loss == pytest.approx(whole.style_loss, rel=1e-4)


def test_the_same_seed_gives_the_same_picture_and_no_other_run_goes_on(
    mirror, tmp_path
):
    content, style = picture(seed=1), picture(seed=2)
    state, broken = tmp_path / "run.npz", tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 and then the disk was full")

    def paint(seed, state):
        settings = {**MIRROR, "steps": 2, "init": "noise", "seed": seed}
        return stylize(content, [style], mirror, **settings, state=state)

    first, again, other = paint(0, state), paint(0, broken), paint(1, state)
    np.testing.assert_array_equal(again.picture, first.picture)
    assert np.abs(other.picture.astype(int) - first.picture).max() > 20
    for result in (first, again, other):
        assert (result.resumed, result.steps) == (0, 2)
    with np.load(state) as one, np.load(broken) as two:
        assert one["settings"] != two["settings"], "both hold what came last"


# Bounds


def test_seconds_end_the_work(mirror):
    content, style = picture(seed=1), picture(seed=2)
    settings = {**MIRROR, "steps": None, "seconds": 0.6}
    result = stylize(content, [style], mirror, **settings)
    assert result.history["seconds"][-1] >= 0.6
    assert all(second < 0.6 for second in result.history["seconds"][:-1])


class Counted(layers.Layer):
    """Counts how often Python runs it: once for each time a model is traced."""

    calls = 0

    def call(self, inputs):
        type(self).calls += 1
        return inputs


def test_steps_neither_trace_again_nor_pile_up_memory():
    inputs = keras.Input((None, None, 3))
    x = Counted()(inputs)
    extractor = keras.Model(inputs, {"p": layers.AveragePooling2D(2)(x)})
    content, style = picture(64, 64, seed=1), picture(64, 64, seed=2)
    calls, resident = [], []

    def look(step, losses, picture):
        calls.append(Counted.calls)
        if Path("/proc/self/statm").is_file():
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident.append(pages * 4096)

    stylize(content, [style], extractor, **MIRROR, steps=150, on_step=look)
    assert len(calls) == 150 and calls[0] == calls[-1]
    if resident:
        # 49 kB a picture: 100 of them would be 5 MB.
        assert resident[-1] - resident[-100] < 2.5e6


# Regions


def halves(height, width, axis):
    mask = np.zeros((height, width, 2), "float32")
    first, second = np.array_split(np.arange((height, width)[axis]), 2)
    mask[(slice(None),) * axis + (first,)] = [1, 0]
    mask[(slice(None),) * axis + (second,)] = [0, 1]
    return mask


COLORS = np.array([[200, 60, 40], [40, 90, 210]], "uint8")


@pytest.mark.parametrize("of_one_style", [False, True])
def test_each_region_takes_the_style_of_its_own(mirror, of_one_style):
    content = np.full((8, 12, 3), 128, "uint8")
    masks = halves(8, 12, axis=1)
    if of_one_style:  # above the first colour, below the second
        styles = [COLORS.repeat(4, axis=0)[:, None].repeat(6, axis=1)]
        arguments = {"style_masks": [halves(8, 6, axis=0)]}
    else:
        styles = [np.full((5, 7, 3), color, "uint8") for color in COLORS]
        arguments = {}
    result = stylize(
        content,
        styles,
        mirror,
        **MIRROR,
        masks=masks,
        **arguments,
        content_weight=0,
        style_weight=1,
        optimizer="lbfgs",
        steps=40,
    )
    expected = np.where(masks[..., :1] > 0, COLORS[0], COLORS[1])
    assert np.abs(result.picture.astype(int) - expected).max() <= 3
    assert result.style_loss < 1e-5


# Coarse to fine


@pytest.mark.parametrize(
    ("size", "sizes", "expected"),
    [
        ((512, 300), None, [(512, 300)]),
        ((513, 300), None, [(257, 150), (513, 300)]),
        ((1500, 2000), None, [(375, 500), (750, 1000), (1500, 2000)]),
        ((300, 400), [100, 200], [(75, 100), (150, 200)]),
        ((1, 400), [10], [(1, 10)]),
    ],
)
def test_sizes_go_from_coarse_to_fine(size, sizes, expected):
    assert level_sizes(size, sizes) == expected


@pytest.mark.parametrize("sizes", [[], [200, 100], [100, 100], [0, 100]])
def test_sizes_must_rise(sizes):
    with pytest.raises(ValueError, match="rising order"):
        level_sizes((300, 400), sizes)


def test_steps_are_shared_and_none_is_lost():
    levels = level_sizes((1500, 2000))
    for steps in (3, 10, 300, 1001):
        parts = level_steps(levels, steps)
        assert sum(parts) == steps and min(parts) >= 1
    times = [
        part * height * width
        for part, (height, width) in zip(
            level_steps(levels, 21_000), levels, strict=True
        )
    ]
    assert max(times) < 1.02 * min(times), "the same time for each"
    assert level_steps(levels, None) == [None] * 3


# What comes in


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"content": np.zeros((6, 8, 4), "uint8")}, "`content` must be uint8 RGB"),
        ({"content": np.zeros((6, 8, 3))}, "`content` must be uint8 RGB.*float64"),
        ({"styles": [picture(), "monet.jpg"]}, "`styles` must be uint8 RGB.*str"),
        ({"styles": []}, "`styles` must hold one picture"),
        ({"weights": [1, 2]}, "`weights` must be 1 numbers"),
        ({"weights": [0]}, "`weights` must be 1 numbers"),
        ({"optimizer": "sgd"}, "`optimizer` must be one of adam, lbfgs"),
        ({"init": "style"}, "`init` must be one of content, noise"),
        ({"steps": 0}, "`steps` must be above 0"),
        ({"steps": None}, "`steps` or `seconds`"),
        ({"seconds": -1}, "`seconds` must be above 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be above 0"),
        ({"style_scale": 0}, "`style_scale` must be above 0"),
        ({"sizes": [16, 8]}, "rising order"),
        ({"style_layers": {}}, "`style_layers` must be weights"),
        ({"style_layers": {"a": -1}}, "`style_layers` must be weights"),
        ({"style_layers": None}, "`content_layer` and `style_layers` must be named"),
        ({"style_layers": {"c": 1}}, r"layers a, b\. Received: c"),
        ({"masks": np.ones((5, 8, 1))}, r"`masks` must be .*\(6, 8, regions\)"),
        ({"masks": -np.ones((6, 8, 1))}, "`masks` must be numbers of 0 or more"),
        ({"masks": np.ones((6, 8, 2))}, "2 regions, so there must be 2 styles"),
        ({"masks": np.ones((6, 8)), "weights": [1]}, "choose one of the two"),
        ({"style_masks": [np.ones((6, 8))]}, "`style_masks` need `masks`"),
        ({"masks": np.ones((6, 8)), "style_masks": []}, "one for each of the 1 styles"),
        (
            {"masks": np.ones((6, 8, 2)), "style_masks": [np.ones((6, 8, 1))]},
            r"`style_masks` must be .*\(6, 8, 2\)",
        ),
        (
            {"masks": np.ones((6, 8, 2)), "style_masks": [np.eye(2)[:1].repeat(48, 0)]},
            "`style_masks` must be",
        ),
        (
            {
                "masks": np.ones((6, 8, 2)),
                "style_masks": [np.ones((6, 8, 2)) * [1, 0]],
            },
            "Region 1 is in the content and not in a style",
        ),
    ],
)
def test_bad_arguments_are_named(extractor, arguments, message):
    arguments = {"content": picture(), "styles": [picture()], **LAYERS, **arguments}
    with pytest.raises(ValueError, match=message):
        stylize(
            arguments.pop("content"), arguments.pop("styles"), extractor, **arguments
        )


def test_a_loss_that_explodes_is_reported(mirror):
    settings = {**MIRROR, "style_weight": float("inf"), "steps": 3}
    with pytest.raises(ValueError, match="loss of step 1 is not finite"):
        stylize(picture(), [picture(seed=1)], mirror, **settings)
