"""Style transfer: a picture painted as another, by optimisation or in one pass."""

import hashlib
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import charts, command_line, files, video
from dlai_keras import images as image_file
from dlai_keras.style_transfer import data as style_data
from dlai_keras.style_transfer import pictures

HELP = """Style transfer: what is on one picture, painted as another.

`predict CONTENT STYLE...` changes a picture step by step until a network finds in it
what it finds in the content, and the patterns of the style. `train` has a network learn
to do that in one pass, for one style or for any; `predict --model` uses it for
pictures, folders and videos, and `evaluate` says how near it comes."""

EXTRACTOR = "embedded"  # needs no file
# Of an optimised picture.
LONGEST = 512  # pixels of the longer side, where nobody says
SECONDS = 120.0  # where nothing else bounds it
PREVIEW_SECONDS = 5.0  # from one preview to the next
FRAME_SIZE = 320  # pixels of the GIF's longer side
FRAME_RATIO = 1.2  # steps at one frame, in those at the frame before
OPTIMIZERS, INITS = ("adam", "lbfgs"), ("content", "noise")

# Networks of one pass and how they learn: what 15 minutes on two cores allow.
NETWORK: dict = {}  # what differs from the defaults of `transfer_network`
DECODER: dict = {}  # what differs from those of `adain_network`
TRAINING_SECONDS = 780.0
SIZE, BATCH_SIZE, LEARNING_RATE = 192, 4, 2e-3
ROUND = 25  # steps from one line, checkpoint and learning rate to the next, at most
PILOT = 4  # steps that tell how long one takes
LAST_RATE = 0.02  # the last learning rate, in the first one
# Where any style enters: features that still hold the picture. Those of filters that
# never learned tell a colour or a scale each, so that it takes them all.
ENCODER_LAYERS = {
    "embedded": "colors,scale1,scale2,scale3,scale4",
    "squeezenet": "fire4",
    "vgg19": "block4_conv1",
    "vgg19-normalised": "block3_conv1",
}
ANY_STYLE_WEIGHTS = (1.0, 10.0)  # of the content and of the style, as in the paper
NUM_CONTENTS = 240  # to render
NUM_STYLES = 12  # of each of our own kinds, for a network of any style
HELD_OUT = ("waves",)  # the kinds that such a network never trains on
NUM_TEST = 3
TEST_SEED = 1_000_000  # contents to test on are those of other seeds
TEST_SHARE = 0.1
ROOM = 4 / 3  # size of a rendered content, in that of a crop
SHEET_COLUMNS, SHEET_PICTURES, SHEET_SIZE = 2, 8, 256  # pairs, and pixels
COMPARED_SECONDS = 25.0  # of each optimised picture that a network is compared with
COMPARED_STEPS = None  # as many as the time allows
SMALLEST = 32  # pixels that a network trains on


def train(
    *,
    style: str = "strokes",
    any_style: bool = False,
    data: Path | None = None,
    styles: Path | None = None,
    size: int = SIZE,
    seconds: float | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    extractor: str = EXTRACTOR,
    extractor_weights: Path | None = None,
    encoder_layers: str | None = None,
    content_layer: str | None = None,
    style_layers: str | None = None,
    content_weight: float | None = None,
    style_weight: float | None = None,
    total_variation: float | None = None,
    norm: str = "instance",
    num_contents: int = NUM_CONTENTS,
    compare_seconds: float = COMPARED_SECONDS,
    seed: int = 0,
    on_error: str = "fail",
    half: bool = False,
    output: Path = Path("runs/style_transfer"),
) -> dict:
    """Trains a network that paints in one pass, and compares it with optimisation.

    In the end it paints contents that it never trained on, and with --any-style in
    styles that it never trained on; the same pictures are optimised, and one loss
    measures both. A run that was interrupted goes on from its last checkpoint when the
    same command is given again.

    Args:
        style: what to paint in: a picture file, or the name of a style of our own.
        any_style: learn to paint in any style; `predict` is then told which.
        data: folder of content pictures; rendered ones without it.
        styles: folder of styles for --any-style; without it many of our own.
        size: height and width of what the network trains on, pixels.
        seconds: of training; 780 where neither --steps nor --epochs are given.
        steps: batches to train on, instead.
        epochs: how often each content is seen, instead.
        batch_size: pictures per step.
        learning_rate: the highest; it falls along a cosine.
        extractor: whose features are compared: embedded (needs no file), squeezenet,
            vgg19, vgg19-normalised.
        extractor_weights: file or folder of its weights.
        encoder_layers: of the extractor, with commas, where any style enters.
        content_layer: whose features are to stay; the extractor's usual one by default.
        style_layers: whose patterns are to be the style's, such as conv1,fire2 or with
            weights conv1=0.2,fire2=0.8.
        content_weight: of what is to stay; the extractor's usual one by default, 1 with
            --any-style.
        style_weight: of the style; 10 with --any-style.
        total_variation: weight of a smooth picture; the usual one by default.
        norm: of the network, instance or group; not with --any-style.
        num_contents: to render where there is no --data.
        compare_seconds: for each optimised picture at the end.
        seed: of contents, splits, weights and order.
        on_error: "skip" leaves broken pictures out.
        half: keep the weights in half precision: half the file, all but the same.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/style_transfer.py train --style monet.jpg --data my_pictures
    """
    begun = time.perf_counter()
    bounds = _Bounds.of(seconds, steps, epochs)
    _check_positive(
        batch_size=batch_size,
        num_contents=num_contents,
        learning_rate=learning_rate,
        compare_seconds=compare_seconds,
    )
    if size < SMALLEST:
        raise ValueError(f"`size` must be {SMALLEST} or more. Received: {size}.")
    _check_choice("on_error", on_error, ("fail", "skip"))
    _check_choice("norm", norm, ("instance", "group"))
    _check_seed(seed)
    if not any_style and (styles is not None or encoder_layers is not None):
        raise ValueError(
            "--styles and --encoder-layers belong to --any-style. Give that, too."
        )
    one = None if any_style else _read_style(style, size)
    look = _Look(
        *(extractor, extractor_weights, content_layer, style_layers),
        *(content_weight, style_weight, total_variation),
    )
    look.check()
    keras = command_line.load_keras()
    command_line.set_seed(seed)
    # All mistakes before the first result, and before anything that takes long.
    if any_style:
        weights = (look.content_weight, look.style_weight)
        # What `predict` does measures the network, too.
        look = replace(look, content_weight=None, style_weight=None).completed()
        named = _parts(encoder_layers or ENCODER_LAYERS[look.extractor])
        network, trainer, losses = _any_style(look, named, weights)
    else:
        look = look.completed()
        network, trainer, losses = _one_style(look, norm, one)
    contents = _load_contents(data, num_contents, size, seed, on_error)
    if any_style:
        painted = _load_styles(styles, size, seed, on_error)
        to_paint = painted.training
    else:
        painted = _Split((), [one], ["its style"], "")
        to_paint = [one]
    command_line.note(
        f"{len(contents.training)} contents to train on, {len(contents.test)} to test; "
        f"{len(to_paint)} to paint in"
    )
    from dlai_keras.style_transfer import batches
    from dlai_keras.style_transfer.stylizer import Stylizer

    kind = "adain" if any_style else "one-style"
    notes = {
        "look": look.record(),
        "seed": seed,
        "style": None if any_style else _name_of(style),
        "contents": contents.digest,
        "styles": painted.digest if any_style else None,
    }
    stylizer = Stylizer(network, kind, size=size, notes=notes)
    make = partial(
        *(batches.StylePairs, contents.training, to_paint)
        if any_style
        else (batches.PictureSequence, contents.training),
        size=size,
        batch_size=batch_size,
        targets={name: np.zeros((1, 1)) for name in losses["loss"]},
        seed=seed,
    )
    history: dict[str, list[float]] = {}
    # What a backup must share with this run to go on from it.
    settings = {
        **{key: value for key, value in notes.items() if key != "style"},
        "kind": kind,
        "style": None if one is None else _digest([one.tobytes()]),
        "bounds": asdict(bounds),
        "size": size,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "norm": norm,
        "weights": losses["loss_weights"],
    }
    fitted = time.perf_counter()
    num_steps = _fit(
        *(keras, trainer, make, bounds, -(-len(contents.training) // batch_size)),
        learning_rate=learning_rate,
        losses=losses,
        settings=settings,
        history=history,
        output=output,
        show=partial(
            *(_draw_preview, output / "preview.png", stylizer),
            *(contents.test, painted.test if any_style else None),
        ),
    )
    trained = time.perf_counter() - fitted

    stylizer.save(output, half=half)
    if one is not None:
        image_file.write(output / "style.png", one)
    figures = _compare(
        *(stylizer, look, contents.test, painted.test, painted.test_names),
        seconds=compare_seconds,
        seed=seed,
        output=output,
    )
    figures |= {
        "num_training": len(contents.training),
        "num_styles": len(to_paint),
        "parameters": network.count_params(),
        "steps": num_steps,
        "training_seconds": trained,
    }
    if history:  # empty where the run was interrupted after its last round
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the network, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    style: str | None = None,
    styles: Path | None = None,
    all_pictures: bool = False,
    num_pictures: int = NUM_TEST,
    size: int | None = None,
    seconds: float = COMPARED_SECONDS,
    extractor_weights: Path | None = None,
    seed: int | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/style_transfer/evaluation"),
) -> dict:
    """Measures a trained network beside optimised pictures, by one loss.

    Contents that the network did not train on are painted by it and optimised for some
    seconds; both losses, and that of the content as it is, are those of `predict`. A
    network of any style paints in styles that it did not train on.

    Args:
        model: model.keras of a training, or its folder; the package's own without it.
        data: folder of contents; rendered ones without it.
        style: file or name of what to paint in; without it the model's own, or those
            that it has never seen.
        styles: folder of styles, for a model of any style.
        all_pictures: also those that the model was trained on.
        num_pictures: contents to paint, and styles of --styles, at most.
        size: their longer side, pixels; that of the training without it.
        seconds: of each optimisation.
        extractor_weights: file or folder of the weights of its extractor; where they
            were in the training without it.
        seed: of the rendered contents; that of the training without it.
        on_error: "skip" leaves broken pictures out.
        output: folder for figures and pictures.

    Example:
        python assignments/style_transfer.py evaluate --model runs/mine --data my_test
    """
    begun = time.perf_counter()
    _check_positive(num_pictures=num_pictures, seconds=seconds)
    _check_choice("on_error", on_error, ("fail", "skip"))
    if size is not None and size < SMALLEST:
        raise ValueError(f"`size` must be {SMALLEST} or more. Received: {size}.")
    if style is not None and styles is not None:
        raise ValueError("Give --style or --styles, not both.")
    stylizer = _load_stylizer(model)
    notes = stylizer.notes
    seed = notes.get("seed", 0) if seed is None else seed
    _check_seed(seed)
    size = stylizer.size if size is None else size
    look = _Look.from_notes(notes, extractor_weights)
    is_any = stylizer.kind != "one-style"
    if styles is not None and not is_any:
        raise ValueError("--styles belong to a model of any style; this one has its.")
    unseen = partial(
        _read_unseen,
        size=size,
        notes=notes,
        all_pictures=all_pictures,
        most=num_pictures,
        on_error=on_error,
    )
    if data is None:
        contents = _render_contents(TEST_SEED + seed, num_pictures, size)
    else:
        contents, _ = unseen(data, key="contents")
    if style is not None:
        painted, names = [_read_style(style, size)], [_name_of(style)]
    elif not is_any:
        painted, names = [_own_style(model, notes, size)], ["its style"]
    elif styles is not None:
        painted, names = unseen(styles, key="styles")
    else:
        painted, names = _unseen_styles(size)
    figures = _compare(
        *(stylizer, look, contents, painted, names),
        seconds=seconds,
        seed=seed,
        output=output,
    )
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    inputs: list[Path] | None = None,
    *,
    model: Path | None = None,
    fast: bool = False,
    style: str | None = None,
    weights: str | None = None,
    mask: Path | None = None,
    keep_colors: bool = False,
    match_colors: bool = False,
    longest: int | None = None,
    strength: float | None = None,
    optimizer: str | None = None,
    init: str | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    style_scale: float | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    content_layer: str | None = None,
    style_layers: str | None = None,
    content_weight: float | None = None,
    style_weight: float | None = None,
    total_variation: float | None = None,
    on_error: str = "fail",
    seed: int = 0,
    output: Path = Path("runs/style_transfer/predictions"),
) -> dict:
    """Paints a picture in the style of others, or many in one pass with --model.

    `predict CONTENT STYLE...` optimises: preview.png is what it has so far, and in the
    end stylised.png, a sheet with all pictures, the way there as a GIF and the losses
    are in --output. The same command again goes on where it stood.

    `predict --model M INPUT...` and `predict --fast INPUT...` paint pictures, folders
    of them and videos (without their sound) with a network.

    Args:
        inputs: CONTENT STYLE..., files; with --model or --fast all are to be painted.
        model: model.keras of a training, or its folder.
        fast: paint with the network that comes with the package.
        style: what to paint in, with commas: picture files, or styles of our own, which
            are strokes, mosaic, pointillism, woodcut, waves and stained_glass.
        weights: of several styles, with commas, such as 0.7,0.3; equal ones without it.
        mask: picture whose regions, from dark to light, take one style each.
        keep_colors: have the style change the brightness only.
        match_colors: bring the style's colours to those of the content first.
        longest: longer side of the result, pixels; that of the content, but 512 at
            most, without it (with a network: that of the input).
        strength: of a network's style, from 0 to 1.
        optimizer: adam or lbfgs.
        init: begin with the content or with noise.
        seconds: of the optimisation; 120 without --steps.
        steps: evaluations of the loss, instead.
        learning_rate: of Adam.
        style_scale: longer side of the styles as a share of the content's; smaller
            styles have smaller strokes.
        extractor: whose features are compared: embedded (needs no file), squeezenet,
            vgg19, vgg19-normalised.
        extractor_weights: file or folder of its weights.
        content_layer: whose features are to stay; the extractor's usual one by default.
        style_layers: whose patterns are to be the style's, such as conv1,fire2 or with
            weights conv1=0.2,fire2=0.8.
        content_weight: of what is to stay; the extractor's usual one by default.
        style_weight: of the style, likewise.
        total_variation: weight of a smooth picture, likewise.
        on_error: of a network's inputs, "skip" names a broken one and goes on.
        seed: of the noise.
        output: folder for the results.

    Example:
        python assignments/style_transfer.py predict photo.jpg monet.jpg --seconds 60

        python assignments/style_transfer.py predict photo.jpg --style strokes,mosaic
    """
    if not inputs:
        raise ValueError(
            "Name a content picture and a style, or pictures for --model or --fast."
        )
    _check_choice("on_error", on_error, ("fail", "skip"))
    _check_seed(seed)
    if model is not None and fast:
        raise ValueError("Give --model or --fast, not both.")
    if longest is not None and longest < style_data.LEAST:
        raise ValueError(
            f"`longest` must be {style_data.LEAST} or more. Received: {longest}."
        )
    slow_only = {
        "weights": weights,
        "mask": mask,
        "match_colors": match_colors or None,
        "optimizer": optimizer,
        "init": init,
        "seconds": seconds,
        "steps": steps,
        "learning_rate": learning_rate,
        "style_scale": style_scale,
        "extractor": extractor,
        "extractor_weights": extractor_weights,
        "content_layer": content_layer,
        "style_layers": style_layers,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "total_variation": total_variation,
    }
    if model is not None or fast:
        for name, value in slow_only.items():
            if value is not None:
                flag = name.replace("_", "-")
                raise ValueError(
                    f"--{flag} belongs to an optimised picture: leave out "
                    f"{'--fast' if fast else '--model'}."
                )
        return _paint_fast(
            *(inputs, model, style, strength, keep_colors, longest, on_error, output)
        )
    if strength is not None:
        raise ValueError("--strength belongs to a network: give --model or --fast.")
    look = _Look(
        EXTRACTOR if extractor is None else extractor,
        *(extractor_weights, content_layer, style_layers),
        *(content_weight, style_weight, total_variation),
    )
    options = {
        "optimizer": OPTIMIZERS[0] if optimizer is None else optimizer,
        "init": INITS[0] if init is None else init,
        "seconds": SECONDS if seconds is None and steps is None else seconds,
        "steps": steps,
        "style_scale": 1.0 if style_scale is None else style_scale,
        "seed": seed,
    }
    if learning_rate is not None:
        options["learning_rate"] = learning_rate
    _check_choice("optimizer", options["optimizer"], OPTIMIZERS)
    _check_choice("init", options["init"], INITS)
    _check_positive(
        seconds=seconds,
        steps=steps,
        learning_rate=learning_rate,
        style_scale=style_scale,
    )
    if keep_colors and match_colors:
        raise ValueError("Give --keep-colors or --match-colors, not both.")
    return _paint(
        *(inputs, style, weights, mask, keep_colors, match_colors, longest),
        *(look, options, output),
    )


# What comes in


def _check_positive(**values):
    for name, value in values.items():
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` must be above 0. Received: {value}.")


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {value}."
        )


def _check_seed(seed):
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: {seed}.")


@dataclass(frozen=True)
class _Bounds:
    """How long a training is: one of the three."""

    seconds: float | None = None
    steps: int | None = None
    epochs: int | None = None

    @classmethod
    def of(cls, seconds, steps, epochs):
        given = {"seconds": seconds, "steps": steps, "epochs": epochs}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"Give one of --{' and --'.join(given)}, not all.")
        _check_positive(**given)
        return cls(**given) if given else cls(seconds=TRAINING_SECONDS)

    def rounds(self, per_epoch):
        """How many, None where only the time says it, and steps in each."""
        if self.seconds is not None:
            return None, ROUND
        steps = self.steps if self.steps is not None else self.epochs * per_epoch
        rounds = -(-steps // ROUND)
        return rounds, -(-steps // rounds)


@dataclass(frozen=True)
class _Look:
    """What makes a picture like the content and like the style, for some extractor."""

    extractor: str = EXTRACTOR
    extractor_weights: Path | None = None
    content_layer: str | None = None
    style_layers: str | dict[str, float] | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    total_variation: float | None = None

    @classmethod
    def from_notes(cls, notes, extractor_weights):
        """That of a training, with weights that may lie elsewhere by now."""
        try:
            look = cls(**notes["look"])
        except (KeyError, TypeError):
            raise ValueError(
                "The model does not say what it was trained on: its stylizer.json must "
                "hold `look`, as a training leaves it."
            ) from None
        path = extractor_weights or look.extractor_weights
        return replace(look, extractor_weights=path and Path(path))

    def record(self):
        """What JSON can hold."""
        path = self.extractor_weights
        return asdict(self) | {"extractor_weights": path and str(path.absolute())}

    def check(self):
        """Whatever can be wrong without knowing the extractor."""
        for name in ("content_weight", "style_weight", "total_variation"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"`{name}` must be 0 or more. Received: {value}.")
        if isinstance(self.style_layers, str):
            _parse_layers(self.style_layers)

    def completed(self):
        """With what is usual for the extractor where nothing was said."""
        from dlai_keras.style_transfer import extractors

        extractors.available(self.extractor)  # says which there are
        source = extractors.EXTRACTORS[self.extractor]
        names = ("content_layer", "content_weight", "style_weight", "total_variation")
        usual = {
            name: getattr(source, name) for name in names if getattr(self, name) is None
        }
        layers = self.style_layers
        if layers is None:
            layers = dict(source.style_layers)
        elif isinstance(layers, str):
            layers = _parse_layers(layers)
        return replace(self, style_layers=layers, **usual)

    def load(self, *more_layers):
        """The extractor, with these layers too."""
        from dlai_keras.style_transfer.extractors import load_extractor

        layers = (self.content_layer, *self.style_layers, *more_layers)
        return load_extractor(
            self.extractor,
            weights=self.extractor_weights,
            layers=tuple(dict.fromkeys(layers)),
        )

    def loss(self, content_loss, style_loss):
        """What is made small, but for the smoothness."""
        return self.content_weight * content_loss + self.style_weight * style_loss


def _parse_layers(text):
    """`{layer: weight}` of `a,b` or `a=0.2,b=0.8`."""
    parts = [part.partition("=") for part in _parts(text)]
    try:
        layers = {
            name.strip(): float(value) if equals else 1 / len(parts)
            for name, equals, value in parts
        }
    except ValueError:
        layers = {}
    if not layers or not all(0 <= value < math.inf for value in layers.values()):
        raise ValueError(
            "`style_layers` must be names with commas, or names with weights such as "
            f"conv1=0.2,fire2=0.8. Received: {text}."
        )
    return layers


def _parts(text):
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class _Split:
    """Pictures to train on and others to test on."""

    training: Sequence
    test: Sequence
    test_names: Sequence[str]
    digest: str  # what says that two runs have read the same pictures


def _digest(parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def _read_folder(path, size, on_error, what):
    """Its pictures, and what says that they are these."""
    found = style_data.load_contents(
        path,
        longest=2 * size,  # crops have from half to all of a picture
        on_error=on_error,
        skipped=lambda reason: command_line.note(f"left out: {reason}"),
        progress=partial(command_line.progress, description=f"reading {what}"),
    )
    lines = (f"{path.name} {path.stat().st_size}\n".encode() for path in found.paths)
    return found, _digest(lines)


def _split(found, digest, size, seed):
    """Keeps some pictures of a folder back."""
    if len(found) < 2:
        raise ValueError(
            f"{found.paths[0].parent} holds one picture. There must be two or more: "
            "one is kept back for the test."
        )
    order = np.random.default_rng((seed, 1)).permutation(len(found))
    num_test = max(1, min(NUM_TEST, round(TEST_SHARE * len(found))))
    test, training = np.split(order, [num_test])
    names = [found.paths[i].name for i in sorted(test)]
    return _Split(
        style_data.Pictures(
            [found.paths[i] for i in sorted(training)], longest=found.longest
        ),
        [style_data.resize_to(found[i], size) for i in sorted(test)],
        names,
        digest,
    )


def _load_contents(data, num, size, seed, on_error):
    if data is not None:
        return _split(*_read_folder(data, size, on_error, "contents"), size, seed)
    return _Split(
        _render_contents(seed, num, round(ROOM * size), "to train on"),
        _render_contents(TEST_SEED + seed, NUM_TEST, size),
        [f"rendered {number}" for number in range(NUM_TEST)],
        f"rendered {seed} {num}",
    )


def _load_styles(path, size, seed, on_error):
    if path is not None:
        return _split(*_read_folder(path, size, on_error, "styles"), size, seed)
    kinds = [name for name in style_data.STYLES if name not in HELD_OUT]
    tasks = [(name, number) for number in range(NUM_STYLES) for name in kinds]
    drawn = [
        _draw_style(name, round(ROOM * size), seed=number)
        for name, number in command_line.progress(tasks, "drawing styles")
    ]
    return _Split(drawn, *_unseen_styles(size), f"rendered {len(drawn)}")


def _unseen_styles(size):
    return [_draw_style(name, size) for name in HELD_OUT], list(HELD_OUT)


def _read_unseen(path, size, notes, key, all_pictures, most, on_error):
    """What a training with these pictures kept back, or others; and their names."""
    found, digest = _read_folder(path, size, on_error, key)
    if notes.get(key) == digest and not all_pictures:
        split = _split(found, digest, size, notes.get("seed", 0))
        command_line.note(
            f"the model was trained on these pictures: only the {len(split.test)} that "
            "were kept back are measured (--all-pictures takes all)"
        )
        return split.test[:most], split.test_names[:most]
    test = [style_data.resize_to(one, size) for one in found[:most]]
    return test, [path.name for path in found.paths[:most]]


def _render_contents(seed, num, size, text="to test on"):
    drawn = (
        style_data.make_contents(seed, 1, size, first=index)[0] for index in range(num)
    )
    return list(command_line.progress(drawn, f"rendering contents {text}", num))


def _draw_style(name, size, seed=0):
    return style_data.make_styles(seed, size, [name])[name]


def _read_style(name, longest=None):
    """A picture file, or a style of our own."""
    path = Path(name)
    if not path.exists() and str(name) in style_data.STYLES:
        return _draw_style(str(name), LONGEST if longest is None else longest)
    if not path.exists():
        raise FileNotFoundError(
            f"No such style: {name}. Expected a picture file, or one of our own: "
            f"{', '.join(style_data.STYLES)}."
        )
    return style_data.read_picture(path, longest=longest, note=command_line.note)


def _name_of(style):
    return Path(style).name


def _own_style(model, notes, size):
    """What a network of one style has learned to paint in."""
    if model is not None:
        folder = model if model.is_dir() else model.parent
        if (folder / "style.png").is_file():
            return style_data.read_picture(folder / "style.png", longest=size)
    if notes.get("style") in style_data.STYLES:
        return _draw_style(notes["style"], size)
    raise ValueError(
        "style.png is not beside the model. Say with --style what it has learned."
    )


def _load_stylizer(path):
    command_line.load_keras()
    from dlai_keras.style_transfer import stylizer

    return stylizer.load_pretrained() if path is None else stylizer.load_stylizer(path)


# Training


def _one_style(look, norm, style):
    """The network, the model that trains it, and the losses of that."""
    from dlai_keras.style_transfer import model as models
    from dlai_keras.style_transfer.losses import gram_matrices

    extractor = look.load()
    features = extractor(style[None] / np.float32(255))
    network = models.transfer_network(norm=norm, **NETWORK)
    trainer = models.transfer_trainer(
        network,
        extractor,
        content_layer=look.content_layer,
        grams={layer: gram_matrices(features[layer]) for layer in look.style_layers},
    )
    losses = models.training_losses(
        look.style_layers,
        content_weight=look.content_weight,
        style_weight=look.style_weight,
        total_variation=look.total_variation,
    )
    return network, trainer, losses


def _any_style(look, encoder_layers, weights):
    """The same for a network of any style; `weights` of content and style."""
    from dlai_keras.style_transfer import model as models

    extractor = look.load(*encoder_layers)
    network = models.adain_network(extractor, encoder_layers, **DECODER)
    trainer = models.adain_trainer(
        network,
        extractor,
        encoder_layers=encoder_layers,
        style_layers=tuple(look.style_layers),
    )
    content_weight, style_weight = (
        usual if given is None else given
        for given, usual in zip(weights, ANY_STYLE_WEIGHTS, strict=True)
    )
    losses = models.training_losses(
        look.style_layers,
        content_weight=content_weight,
        style_weight=style_weight,
        total_variation=look.total_variation,
    )
    return network, trainer, losses


def _fit(
    keras,
    trainer,
    make,
    bounds,
    per_epoch,
    *,
    learning_rate,
    losses,
    settings,
    history,
    output,
    show,
):
    """Trains for so many rounds, or so many as the time allows; says how many steps.

    Time is counted over all sessions, and decides how far the learning rate has fallen.
    """
    backup = output / "backup"
    clock = backup / "seconds.txt"
    trainer.compile(keras.optimizers.Adam(learning_rate), **losses)
    first = command_line.first_epoch(backup, settings)
    used = float(clock.read_text("utf-8")) if first and clock.is_file() else 0.0
    rounds, per_round = bounds.rounds(per_epoch)
    if rounds is None:
        known = first and used
        each = (
            used / first if known else ROUND * _seconds_per_step(keras, trainer, make)
        )
        left = max(0.0, bounds.seconds - used)
        rounds = max(1, first + round(left / each))
    done, begun = first, time.perf_counter()

    def seconds():
        return used + time.perf_counter() - begun

    def rate(epoch, _):
        share = epoch / rounds
        if bounds.seconds is not None:
            share = min(1.0, max(share, seconds() / bounds.seconds))
        falling = (1 + math.cos(math.pi * share)) / 2
        return learning_rate * (LAST_RATE + (1 - LAST_RATE) * falling)

    def end(epoch, logs):
        nonlocal done
        done = epoch + 1
        files.write_atomically(clock, str(seconds()))
        show()
        # Another round would take more of the time than is left.
        each = seconds() / done
        if bounds.seconds is not None and seconds() + each / 2 > bounds.seconds:
            trainer.stop_training = True

    shown = {"loss": "loss", "content_loss": "content_loss"}
    callbacks = command_line.training_callbacks(output, rounds, history, shown, backup)
    callbacks += [
        keras.callbacks.LearningRateScheduler(rate),
        keras.callbacks.LambdaCallback(on_epoch_end=end),
    ]
    # Without a round left it only reads the weights back.
    trainer.fit(
        make(steps=per_round, epoch=first),
        epochs=rounds,
        shuffle=False,  # the sequence is
        callbacks=callbacks,
        verbose=0,
    )
    return done * per_round


def _seconds_per_step(keras, trainer, make):
    """Of a few steps, after the first one, which compiles."""
    command_line.note("seeing how long a step takes ...")
    times = []

    def note(batch, logs):
        times.append(time.perf_counter())

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=note)]
    trainer.fit(make(steps=PILOT), shuffle=False, callbacks=callbacks, verbose=0)
    return float(np.median(np.diff(times)))


def _draw_preview(path, stylizer, contents, styles):
    """Contents above, and below them what the network makes of them by now."""
    above, below = [], []
    for number, content in enumerate(contents):
        style = None if styles is None else styles[number % len(styles)]
        above.append(content)
        below.append(stylizer.stylize(content, style))
    side = stylizer.size
    cells = [image_file.resize(image, side, fit="crop") for image in above + below]
    image_file.write(path, image_file.grid(cells, len(above), gap=4))


# Measuring


def _losses(extractor, look, picture, content, style):
    """Content and style loss of any picture, as of an optimised one."""
    from dlai_keras.style_transfer import losses

    generated, kept, wanted = (
        extractor(image[None] / np.float32(255)) for image in (picture, content, style)
    )
    layer = look.content_layer
    in_content = losses.content_loss(kept[layer], generated[layer])
    in_style = sum(
        weight
        * losses.style_loss(
            losses.gram_matrices(wanted[layer]), losses.gram_matrices(generated[layer])
        )
        for layer, weight in look.style_layers.items()
    )
    return float(in_content[0]), float(in_style[0])


def _compare(stylizer, look, contents, styles, names, *, seconds, seed, output):
    """Figures of a network beside optimisation, a table, and comparison.png."""
    from dlai_keras.style_transfer.transfer import stylize

    extractor = look.load()
    is_any = stylizer.kind != "one-style"
    tasks = [
        (number, content, name, style)
        for name, style in zip(names, styles, strict=True)
        for number, content in enumerate(contents)
    ]
    rows, cells = [], []
    for number, content, name, style in command_line.progress(tasks, "comparing"):
        style = style_data.resize_to(style, min(max(style.shape), max(content.shape)))
        given = style if is_any else None
        stylizer.stylize(content, given)  # the first time takes longer
        begun = time.perf_counter()
        fast = stylizer.stylize(content, given)
        own_seconds = time.perf_counter() - begun
        best = stylize(
            content,
            [style],
            extractor,
            content_layer=look.content_layer,
            style_layers=look.style_layers,
            content_weight=look.content_weight,
            style_weight=look.style_weight,
            total_variation=look.total_variation,
            optimizer=OPTIMIZERS[0],
            steps=COMPARED_STEPS,
            seconds=seconds,
            sizes=[max(content.shape)],
            seed=seed,
        )
        untouched = look.loss(*_losses(extractor, look, content, content, style))
        parts = _losses(extractor, look, fast, content, style)
        optimised = look.loss(best.content_loss, best.style_loss)
        way = [
            look.loss(*both)
            for both in zip(
                best.history["content_loss"], best.history["style_loss"], strict=True
            )
        ]
        own = look.loss(*parts)
        reached = next(
            (
                (best.history["step"][i], best.history["seconds"][i])
                for i, loss in enumerate(way)
                if loss <= own
            ),
            (None, None),
        )
        # 0 for the content as it is, 1 for the optimised picture.
        gain = untouched - optimised
        # Some seconds on a busy machine may be too few for the first step.
        share = (untouched - own) / gain if gain > 0.01 * untouched else None
        rows.append(
            {
                "content": number,
                "style": name,
                "as it is": untouched,
                "one pass": own,
                "optimised": optimised,
                "share": share,
                "as good after steps": reached[0],
                "as good after seconds": reached[1],
                "one pass, ms": 1000 * own_seconds,
                "content loss": parts[0],
                "style loss": parts[1],
                "optimised content loss": best.content_loss,
                "optimised style loss": best.style_loss,
            }
        )
        cells += [content, style, fast, best.picture]
    command_line.show_table(
        "Losses: contents as they are, painted in one pass, and optimised",
        [dict(list(row.items())[:6]) for row in rows],
    )
    side = max(max(content.shape) for content in contents)
    cells = [image_file.resize(image, side, fit="pad") for image in cells]
    image_file.write(output / "comparison.png", image_file.grid(cells, 4, gap=4))

    def mean(name):
        values = [row[name] for row in rows if row[name] is not None]
        return float(np.mean(values)) if values else None

    shares = [row["share"] for row in rows if row["share"] is not None]

    return {
        "share_of_optimised": mean("share"),
        "lowest_share_of_optimised": min(shares, default=None),
        "untouched_loss": mean("as it is"),
        "one_pass_loss": mean("one pass"),
        "optimised_loss": mean("optimised"),
        "content_loss": mean("content loss"),
        "style_loss": mean("style loss"),
        "optimised_content_loss": mean("optimised content loss"),
        "optimised_style_loss": mean("optimised style loss"),
        "as_good_after_steps": mean("as good after steps"),
        "as_good_after_seconds": mean("as good after seconds"),
        "milliseconds_per_picture": mean("one pass, ms"),
        "num_compared": len(rows),
        "comparisons": rows,
    }


# Painting by optimisation


class _Way:
    """What is shown of an optimisation while it runs, and kept for the GIF."""

    def __init__(self, path, size, finish, say, replaces):
        self.path, self.finish, self.say = path, finish, say
        self.replaces = replaces  # whether there may be another run
        self.size = size
        self.frames = []
        self._first, self._next, self._shown = None, 0, -math.inf
        self._begun = time.perf_counter()

    def __call__(self, step, losses, picture):
        if self._first is None:
            self._first = step
            if step > 1:
                command_line.note(f"going on after step {step - 1}")
            elif self.replaces:
                command_line.note(f"what is in {self.path.parent} will be replaced")
        now = time.perf_counter()
        is_frame, is_due = step >= self._next, now - self._shown >= PREVIEW_SECONDS
        if not (is_frame or is_due):
            return
        image = self.finish(picture())
        if is_frame:
            self.add(image)
            self._next = max(step + 1, math.ceil(step * FRAME_RATIO))
        if is_due:
            self._shown = now
            image_file.write(self.path, image)
            self.say(step, losses, now - self._begun)

    def add(self, image):
        """One more frame, of the size that all have."""
        width, height = self.size
        is_smaller = width < image.shape[1]
        way = cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC
        self.frames.append(cv2.resize(image, (width, height), interpolation=way))


def _paint(
    inputs,
    style,
    weights,
    mask,
    keep_colors,
    match_colors,
    longest,
    look,
    options,
    output,
):
    """One picture, optimised."""
    begun = time.perf_counter()
    look.check()
    if any(video.SUFFIXES & {path.suffix.lower()} or path.is_dir() for path in inputs):
        raise ValueError(
            "Videos and folders are painted in one pass: give --model or --fast."
        )
    _refuse_own(inputs, output)
    content = style_data.read_picture(inputs[0], note=command_line.note)
    own = max(content.shape)
    longest = min(LONGEST, own) if (is_usual := longest is None) else longest
    content = style_data.resize_to(content, longest)
    if min(content.shape[:2]) < style_data.LEAST:
        raise ValueError(
            f"{inputs[0]} would be {content.shape[1]} x {content.shape[0]} pixels. "
            f"Each side must be {style_data.LEAST} or more: give a larger --longest."
        )
    names = [*map(str, inputs[1:]), *([] if style is None else _style_names(style))]
    if not names:
        raise ValueError(
            "Name a style: a picture after the content, or --style with one of our "
            f"own: {', '.join(style_data.STYLES)}."
        )
    blend = None if weights is None else _numbers(weights, len(names))
    masks = None
    if mask is not None:
        if blend is not None:
            raise ValueError("Give --weights or --mask, not both.")
        if len(names) < 2:
            raise ValueError(
                "--mask gives each region a style: name two styles or more."
            )
        masks = pictures.region_maps(
            style_data.read_picture(mask),
            len(names),
            size=content.shape[:2],
            name=str(mask),
        )
    styles = [_read_style(name) for name in names]
    command_line.load_keras()
    from dlai_keras.style_transfer.transfer import stylize

    command_line.set_seed(options["seed"])
    look = look.completed()
    extractor = look.load()
    if match_colors:
        styles = [pictures.match_colors(one, content) for one in styles]
    if is_usual and longest < own:
        command_line.note(
            f"{inputs[0]}: painted with a longer side of {longest} pixels; --longest "
            f"{own} keeps its size"
        )
    output.mkdir(parents=True, exist_ok=True)

    def finish(picture):
        if not keep_colors:
            return picture
        height, width = picture.shape[:2]
        small = cv2.resize(content, (width, height), interpolation=cv2.INTER_AREA)
        return pictures.keep_colors(picture, small)

    def say(step, losses, seconds):
        bound = options["seconds"]
        to_go = "" if bound is None else f", {max(0, bound - seconds):.0f} s to go"
        of = "" if options["steps"] is None else f" of {options['steps']}"
        command_line.note(
            f"step {step}{of}: loss {losses['loss']:.4g}, content "
            f"{losses['content_loss']:.4g}, style {losses['style_loss']:.4g}, "
            f"{seconds:.0f} s{to_go}"
        )

    height, width = content.shape[:2]
    scale = min(1.0, FRAME_SIZE / longest)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    state = output / "state.npz"
    way = _Way(output / "preview.png", size, finish, say, state.is_file())
    way.add(content)
    try:
        result = stylize(
            content,
            styles,
            extractor,
            content_layer=look.content_layer,
            style_layers=look.style_layers,
            weights=blend,
            masks=masks,
            content_weight=look.content_weight,
            style_weight=look.style_weight,
            total_variation=look.total_variation,
            on_step=way,
            state=state,
            **options,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{way.path} is how far it came; the same command goes on"
        ) from None
    picture = finish(result.picture)
    way.add(picture)
    image_file.write(output / "stylised.png", picture)
    pictures.draw_sheet(output / "sheet.png", content, styles, picture)
    curves = {
        name.replace("_", " "): result.history[name]
        for name in ("loss", "content_loss", "style_loss")
    }
    pictures.draw_losses(output / "losses.png", curves)
    pictures.write_gif(output / "way.gif", way.frames)
    way.path.unlink(missing_ok=True)
    if result.resumed:
        command_line.note(
            f"{result.resumed} steps were those of an earlier run; another --output "
            "begins anew"
        )
    figures = {
        "loss": look.loss(result.content_loss, result.style_loss),
        "content_loss": result.content_loss,
        "style_loss": result.style_loss,
        "steps": result.steps,
        "optimisation_seconds": result.seconds,
        "height": height,
        "width": width,
        "peak_memory_megabytes": _peak_megabytes(),
    }
    command_line.save_metrics(
        output,
        figures
        | {
            "content": inputs[0],
            "styles": names,
            "look": look.record(),
            "options": options,
        },
        seed=options["seed"],
        seconds=time.perf_counter() - begun,
    )
    return figures | {"output": str(output)}


def _style_names(text):
    """A file whose name has a comma is one style."""
    return [text] if Path(text).is_file() else _parts(text)


def _numbers(text, num):
    try:
        numbers = [float(part) for part in _parts(text)]
    except ValueError:
        numbers = []
    is_right = len(numbers) == num and all(0 <= n < math.inf for n in numbers)
    if not is_right or not any(numbers):
        raise ValueError(
            f"`weights` must be {num} numbers of 0 or more with commas, one for each "
            f"style. Received: {text}."
        )
    return numbers


def _refuse_own(paths, output):
    if any(path.parent.resolve() == output.resolve() for path in paths):
        raise ValueError(
            f"The results would replace pictures in {output}. Give another --output."
        )


def _peak_megabytes():
    """The most memory that this process had; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


# Painting in one pass


def _paint_fast(inputs, model, style, strength, keep_colors, longest, on_error, output):
    """Pictures, folders and videos with a network."""
    strength = 1.0 if strength is None else strength
    if not 0 <= strength <= 1:
        raise ValueError(f"`strength` must be from 0 to 1. Received: {strength}.")
    sources = _list_inputs(inputs, output)
    stylizer = _load_stylizer(model)
    is_any = stylizer.kind != "one-style"
    if is_any and style is None:
        raise ValueError(
            "This network paints in any style: name one with --style, a picture or one "
            f"of our own: {', '.join(style_data.STYLES)}."
        )
    if not is_any and style is not None:
        raise ValueError("This network has a style of its own: leave out --style.")
    image = None if style is None else _read_style(style)

    def paint(content):
        painted = stylizer.stylize(content, image, alpha=strength)
        return pictures.keep_colors(painted, content) if keep_colors else painted

    output.mkdir(parents=True, exist_ok=True)
    job = _OnePass(paint, longest, on_error, output)
    stills = [path for path in sources if not _is_video(path)]
    for path in command_line.progress(stills, "painting") if stills else ():
        job.picture(path)
    for path in filter(_is_video, sources):
        job.video(path)
    if not job.num_pictures and not job.num_frames:
        raise ValueError("None of the inputs is a picture or video that can be read.")
    if job.cells:
        sheet = image_file.grid(
            job.cells, min(2 * SHEET_COLUMNS, len(job.cells)), gap=4
        )
        image_file.write(output / "sheet.png", sheet)
    figures = {
        "num_pictures": job.num_pictures,
        "num_frames": job.num_frames,
        "num_left_out": job.num_left_out,
        "milliseconds_per_picture": 1000
        * job.seconds
        / (job.num_pictures + job.num_frames),
        "megapixels_per_second": job.pixels / 1e6 / max(job.seconds, 1e-9),
    }
    command_line.save_metrics(output, figures, seed=0, seconds=job.seconds)
    return figures | {"output": str(output)}


class _OnePass:
    """Paints files one after another, and counts."""

    def __init__(self, paint, longest, on_error, output):
        self.paint, self.longest = paint, longest
        self.on_error, self.output = on_error, output
        self.num_pictures = self.num_frames = self.num_left_out = self.pixels = 0
        self.seconds = 0.0
        self.cells = []  # of the sheet
        self._names = Counter()

    def picture(self, path):
        try:
            content = style_data.read_picture(
                path, longest=self.longest, note=command_line.note
            )
        except (ValueError, OSError) as error:
            self._leave_out(error)
            return
        painted = self._painted(content)
        image_file.write(self._path(path, ".png"), painted)
        self.num_pictures += 1
        if len(self.cells) < 2 * SHEET_PICTURES:
            self.cells += [
                image_file.resize(image, SHEET_SIZE, fit="pad")
                for image in (content, painted)
            ]

    def video(self, path):
        early = None if self.on_error == "fail" else command_line.note
        try:
            with video.Video(path, on_early_end=early) as film:
                command_line.note(f"{path}: {video.NO_SOUND}")
                self._film(path, film)
        except ValueError as error:
            self._leave_out(error)

    def _film(self, path, film):
        frames = (self._smaller(frame) for frame in film)
        height, width = self._smaller(np.zeros((*film.size, 3), "uint8")).shape[:2]
        with video.write_video(
            self._path(path, ".mp4"), fps=film.fps, size=(height, width)
        ) as write:
            for frame in command_line.progress(
                frames, f"painting {path.name}", film.num_frames
            ):
                write(self._painted(frame))
                self.num_frames += 1

    def _smaller(self, image):
        if self.longest is None or max(image.shape) <= self.longest:
            return image
        return style_data.resize_to(image, self.longest)

    def _painted(self, content):
        begun = time.perf_counter()
        painted = self.paint(content)
        self.seconds += time.perf_counter() - begun
        self.pixels += content.shape[0] * content.shape[1]
        return painted

    def _leave_out(self, error):
        if self.on_error == "fail":
            raise error
        self.num_left_out += 1
        command_line.note(f"left out: {error}")

    def _path(self, path, suffix):
        """Another name for a second file of this one, from another folder."""
        name = f"{path.stem}{suffix}"
        self._names[name] += 1
        number = self._names[name]
        return self.output / (name if number == 1 else f"{path.stem}_{number}{suffix}")


def _is_video(path):
    return path.suffix.lower() in video.SUFFIXES


def _list_inputs(inputs, output):
    paths = []
    for path in inputs:
        if path.is_dir():
            found = image_file.find(path)
            found += sorted(filter(_is_video, path.rglob("*")))
            if not found:
                raise ValueError(f"{path} holds no picture or video.")
            paths += found
        elif not path.exists():
            raise FileNotFoundError(f"No such picture, video or folder: {path}.")
        else:
            paths.append(path)
    _refuse_own(paths, output)
    return paths


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
