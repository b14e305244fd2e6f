"""The script, for a step or two."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scripted import run_to_exit as run

from dlai_keras import images as image_file
from dlai_keras.style_transfer import data as style_data
from dlai_keras.video import Video, write_video

SCRIPT = Path(__file__).parents[2] / "assignments" / "style_transfer.py"
TINY = {"widths": (4, 4, 4), "num_blocks": 0}
SHORT = {
    "steps": 2,
    "size": 32,
    "batch_size": 2,
    "style_layers": "scale1=0.5,colors=0.5",
}
FEW = {"style_layers": "scale1,colors", "optimizer": "adam"}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="imported")


@pytest.fixture(scope="module", autouse=True)
def small(script):
    """A few steps of a tiny network are not worth a compilation."""
    import keras

    compile_model = keras.Model.compile

    def compile_eagerly(self, *args, **kwargs):
        is_eager = keras.backend.backend() != "jax"
        kwargs |= {"run_eagerly": is_eager, "jit_compile": not is_eager}
        return compile_model(self, *args, **kwargs)

    def write_something(self, path, **_):  # charts have tests of their own
        Path(path).write_bytes(b"a chart")

    sizes = {
        "NETWORK": TINY,
        "DECODER": {"widths": (4, 4, 4, 4)},
        "ROUND": 1,
        "PILOT": 2,
    }
    sizes |= {"NUM_TEST": 1, "NUM_STYLES": 1, "FRAME_SIZE": 24}
    sizes |= {"COMPARED_STEPS": 3, "LONGEST": 64}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keras.Model, "compile", compile_eagerly)
        patched.setattr("matplotlib.figure.Figure.savefig", write_something)
        for name, value in sizes.items():
            patched.setitem(script["train"].__globals__, name, value)
        yield


def draw(number, size=(40, 56)):
    """Something with edges and colours."""
    rng = np.random.default_rng(number)
    image = cv2.resize(rng.integers(0, 256, (5, 7, 3)).astype("uint8"), size[::-1])
    centre = tuple(int(side) for side in rng.integers(10, 30, 2))
    color = tuple(map(int, rng.integers(0, 256, 3)))
    return np.ascontiguousarray(cv2.circle(image, centre, 8, color, -1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Contents, as somebody's own."""
    folder = tmp_path_factory.mktemp("contents")
    for number in range(6):
        image_file.write(folder / f"{number}.png", draw(number))
    return folder


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """A style: narrow stripes, dark red and yellow."""
    image = np.full((48, 48, 3), (240, 210, 40), "uint8")
    image[:, ::4] = image[:, 1::4] = (120, 0, 0)
    path = tmp_path_factory.mktemp("styles") / "stripes.png"
    image_file.write(path, image)
    return path


@pytest.fixture(scope="module")
def trained(script, folder, stripes, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "one"
    options = {**SHORT, "data": folder, "style": str(stripes), "output": output}
    return script["train"](**options), output


@pytest.fixture(scope="module")
def trained_any(script, tmp_path_factory):
    """On contents and styles that are drawn."""
    output = tmp_path_factory.mktemp("runs") / "any"
    options = {**SHORT, "any_style": True, "num_contents": 3, "output": output}
    return script["train"](**options), output


def weights_of(path):
    from dlai_keras.style_transfer.stylizer import load_stylizer

    return load_stylizer(path).network.get_weights()


# Training


def test_training_leaves_a_network_its_figures_and_pictures(trained, stripes):
    figures, output = trained
    saved = json.loads((output / "metrics.json").read_text())["metrics"]
    assert saved["one_pass_loss"] == figures["one_pass_loss"]
    assert (figures["num_training"], figures["num_compared"]) == (5, 1)
    assert figures["steps"] == 2
    assert figures["optimised_loss"] < figures["untouched_loss"]
    row = figures["comparisons"][0]
    assert row["share"] == pytest.approx(
        (row["as it is"] - row["one pass"]) / (row["as it is"] - row["optimised"])
    )
    names = {path.name for path in output.iterdir()} - {"logs"}
    assert names == {
        "model.keras",
        "stylizer.json",
        "style.png",
        "metrics.json",
        "preview.png",
        "comparison.png",
        "training.png",
    }
    style = image_file.read(output / "style.png")
    assert style.shape == (32, 32, 3)
    # Two contents of 32 pixels above, and what became of them below.
    assert image_file.read(output / "preview.png").shape == (2 * 32 + 4, 32, 3)
    assert image_file.read(output / "comparison.png").shape == (32, 4 * 32 + 12, 3)


def test_a_network_of_any_style_is_tested_on_styles_it_never_saw(script, trained_any):
    figures, output = trained_any
    held_out = script["HELD_OUT"]
    kinds = len(style_data.STYLES) - len(held_out)
    assert figures["num_styles"] == kinds > 1
    assert [row["style"] for row in figures["comparisons"]] == list(held_out)
    assert (figures["num_training"], figures["num_compared"]) == (3, 1)
    assert json.loads((output / "stylizer.json").read_text())["kind"] == "adain"
    assert not (output / "style.png").exists()


def test_an_interrupted_training_goes_on_and_ends_the_same(
    script, folder, stripes, trained, tmp_path, capsys, monkeypatch
):
    import keras

    options = {**SHORT, "data": folder, "style": str(stripes), "output": tmp_path}
    fit = keras.Model.fit

    def fit_one_round(self, *args, callbacks, **kwargs):
        def stop(epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

        callbacks = [*callbacks, keras.callbacks.LambdaCallback(on_epoch_begin=stop)]
        return fit(self, *args, callbacks=callbacks, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "fit", fit_one_round)
        with pytest.raises(KeyboardInterrupt):
            script["train"](**options)
    capsys.readouterr()
    script["train"](**options)
    said = capsys.readouterr().err
    assert "going on after epoch 1" in said and "epoch 1 of 2" not in said
    assert not (tmp_path / "backup").exists()
    for mine, theirs in zip(weights_of(trained[1]), weights_of(tmp_path), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.fixture
def fit(script, tmp_path):
    """The loop of a training, around something that is quick to train."""
    import keras

    from dlai_keras.style_transfer.batches import Repeated

    def fit(**bounds):
        trainer = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

        def make(steps, epoch=0):
            return Repeated(np.ones((2, 1)), np.zeros((2, 1)), steps)

        return script["_fit"](
            *(keras, trainer, make, script["_Bounds"](**bounds), 3),
            learning_rate=0.01,
            losses={"loss": "mean_squared_error"},
            settings=bounds,
            history={},
            output=tmp_path,
            show=lambda: None,
        )

    return fit


def test_time_bounds_a_training(fit, capsys):
    # As many steps as there was time for, at least one however slow the machine is.
    assert 1 <= fit(seconds=0.5) < 1000
    said = capsys.readouterr().err
    assert "how long a step takes" in said
    # Nothing is left of the time, and it has been counted.
    assert fit(seconds=0.5) >= 1
    assert "going on after epoch" in capsys.readouterr().err


def test_epochs_are_of_all_contents(fit):
    assert fit(epochs=2) == 6  # of 3 batches each


def test_the_learning_rate_falls_along_a_cosine(script, fit, monkeypatch):
    import keras

    rates = []
    begin = keras.callbacks.LearningRateScheduler.on_epoch_begin

    def record(self, epoch, logs=None):
        begin(self, epoch, logs)
        rates.append(float(self.model.optimizer.learning_rate))

    monkeypatch.setattr(keras.callbacks.LearningRateScheduler, "on_epoch_begin", record)
    assert fit(steps=8) == 8
    last = script["LAST_RATE"]
    falling = (1 + np.cos(np.pi * np.arange(8) / 8)) / 2
    np.testing.assert_allclose(rates, 0.01 * (last + (1 - last) * falling), rtol=1e-5)


# Measuring


def test_evaluation_meets_the_pictures_that_training_kept_back(
    script, folder, trained, tmp_path, capsys
):
    figures, output = trained
    options = {"model": output, "data": folder, "num_pictures": 2, "output": tmp_path}
    again = script["evaluate"](**options)
    assert "only the 1 that were kept back" in capsys.readouterr().err
    assert again["num_compared"] == 1
    assert again["one_pass_loss"] == pytest.approx(figures["one_pass_loss"], rel=1e-4)
    every = script["evaluate"](**options, all_pictures=True)
    assert every["num_compared"] == 2 < 6  # --num-pictures, at most


def test_evaluation_draws_the_same_pictures_as_training(script, trained_any, tmp_path):
    figures, output = trained_any
    options = {"model": output, "num_pictures": 1, "output": tmp_path}
    again = script["evaluate"](**options)
    assert again["one_pass_loss"] == pytest.approx(figures["one_pass_loss"], rel=1e-4)


def test_evaluation_paints_in_any_style_that_is_asked_for(
    script, folder, stripes, trained_any, tmp_path
):
    options = {"model": trained_any[1], "data": folder, "num_pictures": 1}
    figures = script["evaluate"](**options, style=str(stripes), output=tmp_path)
    assert [row["style"] for row in figures["comparisons"]] == ["stripes.png"]


def test_a_network_and_an_optimisation_are_measured_by_one_loss(script):
    """The first loss of an optimisation is that of the content as it is."""
    from dlai_keras.style_transfer.transfer import stylize

    look = script["_Look"](style_layers="scale2,colors", style_weight=3.0).completed()
    extractor = look.load()
    content, style = draw(0), draw(1, (32, 32))
    result = stylize(
        *(content, [style], extractor),
        content_layer=look.content_layer,
        style_layers=look.style_layers,
        content_weight=look.content_weight,
        style_weight=look.style_weight,
        optimizer="adam",
        steps=2,
    )
    measure = script["_losses"]
    content_loss, style_loss = measure(extractor, look, content, content, style)
    assert content_loss == 0
    assert style_loss == pytest.approx(result.history["style_loss"][0], rel=1e-4)
    assert look.loss(0, style_loss) == pytest.approx(
        result.history["loss"][0], rel=1e-4
    )
    content_loss, style_loss = measure(extractor, look, result.picture, content, style)
    # The picture has been rounded to 8 bits.
    assert content_loss == pytest.approx(result.content_loss, rel=0.2)
    assert style_loss == pytest.approx(result.style_loss, rel=0.02)


# Painting by optimisation


def test_a_picture_is_painted_and_the_way_is_shown(
    script, folder, stripes, tmp_path, capsys
):
    result = script["predict"](
        [folder / "0.png", stripes], steps=5, **FEW, output=tmp_path
    )
    assert (result["height"], result["width"]) == (40, 56)
    assert result["steps"] == 5
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "stylised.png",
        "sheet.png",
        "losses.png",
        "way.gif",
        "state.npz",
        "metrics.json",
    }
    assert image_file.read(tmp_path / "stylised.png").shape == (40, 56, 3)
    with Image.open(tmp_path / "way.gif") as way:
        assert way.size == (24, 17) and way.n_frames >= 6
    saved = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert saved["content_loss"] == result["content_loss"] > 0
    assert saved["styles"] == [str(stripes)]
    assert result["loss"] == pytest.approx(
        saved["look"]["content_weight"] * result["content_loss"]
        + saved["look"]["style_weight"] * result["style_loss"]
    )
    assert "step 1 of 5: loss" in capsys.readouterr().err


def test_the_same_command_goes_on_where_it_stood(
    script, folder, stripes, tmp_path, capsys, monkeypatch
):
    inputs = [folder / "0.png", stripes]
    whole = script["predict"](inputs, steps=4, **FEW, output=tmp_path / "whole")
    globals_ = script["predict"].__globals__
    way = globals_["_Way"]

    class Interrupted(way):
        def __call__(self, step, losses, picture):
            super().__call__(step, losses, picture)
            if step == 2:
                raise KeyboardInterrupt

    output = tmp_path / "parts"
    with monkeypatch.context() as patched:
        patched.setitem(globals_, "_Way", Interrupted)
        with pytest.raises(KeyboardInterrupt, match="is how far it came"):
            script["predict"](inputs, steps=4, **FEW, output=output)
    assert (output / "preview.png").is_file()
    assert not (output / "stylised.png").exists()
    capsys.readouterr()
    parts = script["predict"](inputs, steps=4, **FEW, output=output)
    assert "going on after step 2" in capsys.readouterr().err
    assert parts["steps"] == 4
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-3)
    np.testing.assert_allclose(
        image_file.read(output / "stylised.png").astype(int),
        image_file.read(tmp_path / "whole" / "stylised.png"),
        atol=2,
    )


def test_the_longer_side_is_as_asked_for_and_the_aspect_stays(
    script, folder, tmp_path, capsys
):
    options = {**FEW, "steps": 1, "style": "strokes", "output": tmp_path}
    result = script["predict"]([folder / "0.png"], **options, longest=84)
    assert (result["height"], result["width"]) == (60, 84)
    wide = tmp_path / "in" / "wide.png"
    image_file.write(wide, draw(0, (100, 600)))
    script["predict"].__globals__["LONGEST"], before = (
        48,
        script["predict"].__globals__["LONGEST"],
    )
    try:
        with pytest.raises(ValueError, match="give a larger --longest"):
            script["predict"]([wide], **options)
        result = script["predict"]([folder / "0.png"], **options)
    finally:
        script["predict"].__globals__["LONGEST"] = before
    assert result["width"] == 48
    assert "--longest 56 keeps its size" in capsys.readouterr().err


def test_regions_take_the_style_that_is_theirs(script, folder, tmp_path):
    """Left, where the mask is dark, becomes red, and right blue."""
    for name, color in (("red", (230, 20, 20)), ("blue", (20, 20, 230))):
        image = np.full((40, 40, 3), color, "uint8")
        image_file.write(tmp_path / "in" / f"{name}.png", image)
    mask = np.zeros((40, 56, 3), "uint8")
    mask[:, 28:] = 255
    image_file.write(tmp_path / "in" / "mask.png", mask)
    script["predict"](
        [folder / "0.png", *(tmp_path / "in" / f"{c}.png" for c in ("red", "blue"))],
        mask=tmp_path / "in" / "mask.png",
        style_layers="colors",
        content_weight=0.0,
        optimizer="adam",
        learning_rate=0.1,
        steps=8,
        output=tmp_path / "out",
    )
    before, after = (
        image_file.read(path).astype(float)
        for path in (folder / "0.png", tmp_path / "out" / "stylised.png")
    )
    change = (after - before).mean(axis=0)  # (columns, colours)
    redder = change[:, 0] - change[:, 2]
    assert redder[:26].mean() > 20 and redder[30:].mean() < -20


def test_colours_are_kept(script, folder, stripes, tmp_path):
    options = {"steps": 3, **FEW, "learning_rate": 0.1}
    inputs = [folder / "0.png", stripes]
    chroma = {}
    for name, more in (("own", {"keep_colors": True}), ("theirs", {})):
        script["predict"](inputs, **options, **more, output=tmp_path / name)
        painted = image_file.read(tmp_path / name / "stylised.png")
        chroma[name] = cv2.cvtColor(painted, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int)
    before = cv2.cvtColor(image_file.read(inputs[0]), cv2.COLOR_RGB2YCrCb)[..., 1:]
    difference = {key: np.abs(c - before).mean() for key, c in chroma.items()}
    assert difference["own"] < 0.3 * difference["theirs"]


def test_several_styles_are_blended_as_their_weights_say(
    script, folder, stripes, tmp_path
):
    inputs = [folder / "0.png", stripes, folder / "5.png"]
    options = {"steps": 1, **FEW}
    one = script["predict"](inputs[:2], **options, output=tmp_path / "one")
    only = script["predict"](inputs, **options, weights="3,0", output=tmp_path / "only")
    both = script["predict"](inputs, **options, weights="3,1", output=tmp_path / "both")
    assert only["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert both["loss"] != pytest.approx(one["loss"], rel=1e-2)


# Painting in one pass


def test_pictures_and_folders_are_painted_in_one_pass(
    script, folder, trained, tmp_path, capsys
):
    from dlai_keras.style_transfer.stylizer import load_stylizer

    one = folder / "0.png"
    result = script["predict"]([one, folder], model=trained[1], output=tmp_path / "out")
    assert result["num_pictures"] == 7
    painted = image_file.read(tmp_path / "out" / "0.png")
    expected = load_stylizer(trained[1]).stylize(image_file.read(one))
    np.testing.assert_array_equal(painted, expected)
    assert (tmp_path / "out" / "0_2.png").is_file()  # named twice, painted twice
    assert (tmp_path / "out" / "sheet.png").is_file()
    half = script["predict"](
        [one], model=trained[1], strength=0.5, longest=28, output=tmp_path / "half"
    )
    assert half["num_pictures"] == 1
    assert image_file.read(tmp_path / "half" / "0.png").shape == (20, 28, 3)


def test_any_style_is_named_when_painting(
    script, folder, stripes, trained_any, tmp_path
):
    options = {"model": trained_any[1]}
    for style in ("mosaic", str(stripes)):
        output = tmp_path / Path(style).stem
        script["predict"]([folder / "0.png"], **options, style=style, output=output)
    painted = [
        image_file.read(tmp_path / name / "0.png") for name in ("mosaic", "stripes")
    ]
    assert painted[0].shape == painted[1].shape
    assert (painted[0] != painted[1]).any()
    with pytest.raises(ValueError, match="paints in any style: name one with --style"):
        script["predict"]([folder / "0.png"], **options, output=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_video_is_painted_frame_by_frame(script, trained, tmp_path, capsys):
    path = tmp_path / "in" / "walk.mp4"
    with write_video(path, fps=10, size=(40, 56)) as write:
        for number in range(5):
            write(draw(number))
    result = script["predict"](
        [path], model=trained[1], longest=28, output=tmp_path / "out"
    )
    assert (result["num_frames"], result["num_pictures"]) == (5, 0)
    with Video(tmp_path / "out" / "walk.mp4") as painted:
        assert (painted.size, painted.fps) == ((20, 28), 10.0)
        assert len(list(painted)) == 5
    assert "audio is lost" in capsys.readouterr().err


def test_one_bad_picture_is_named_and_the_rest_goes_on(
    script, trained, tmp_path, capsys
):
    image_file.write(tmp_path / "in" / "good.png", draw(0))
    (tmp_path / "in" / "text.jpg").write_text("no picture")
    (tmp_path / "in" / "text.mp4").write_text("no video")
    options = {"model": trained[1], "output": tmp_path / "out"}
    result = script["predict"]([tmp_path / "in"], on_error="skip", **options)
    assert (result["num_pictures"], result["num_left_out"]) == (1, 2)
    said = capsys.readouterr().err
    assert "left out:" in said and "text.jpg is no picture" in said
    with pytest.raises(ValueError, match=r"text\.jpg is no picture"):
        script["predict"]([tmp_path / "in"], **options)
    with pytest.raises(ValueError, match="None of the inputs"):
        script["predict"]([tmp_path / "in" / "text.jpg"], on_error="skip", **options)


# Mistakes


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, folder):
    """A folder to stand in: good.png, and pictures that are none or are unusual."""
    place = tmp_path_factory.mktemp("inputs")
    good = draw(0)
    image_file.write(place / "good.png", good)
    image_file.write(place / "mask.png", np.zeros((40, 56, 3), "uint8"))
    image_file.write(place / "line.png", np.zeros((40, 1, 3), "uint8"))
    (place / "text.jpg").write_text("no picture")
    (place / "cut.png").write_bytes((place / "good.png").read_bytes()[:200])
    (place / "empty").mkdir()
    Image.fromarray(good).convert("CMYK").save(place / "cmyk.jpg")
    cv2.imwrite(str(place / "deep.png"), good.astype("uint16") * 257)
    alpha = np.dstack([good, np.full((40, 56), 100, "uint8")])
    Image.fromarray(alpha).save(place / "alpha.png")
    (place / "other.h5").write_bytes(b"no weights")
    return place


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["predict"], "Name a content picture and a style"),
        (["predict", "missing.png", "good.png"], "No such picture: missing.png"),
        (["predict", "good.png"], "Name a style: a picture after the content, or"),
        (["predict", "good.png", "missing.png"], "No such style: missing.png"),
        (["predict", "good.png", "--style", "wavs"], "No such style: wavs"),
        (["predict", "text.jpg", "good.png"], "text.jpg is no picture"),
        (["predict", "good.png", "cut.png"], "cut.png is no picture"),
        (["predict", "line.png", "good.png"], "line.png is 1 x 40 pixels"),
        (["predict", "empty", "good.png"], "folders are painted in one pass"),
        (["predict", "walk.mp4", "good.png"], "folders are painted in one pass"),
        (["predict", "good.png", "good.png", "--steps", "0"], "`steps` must be above"),
        (["predict", "good.png", "good.png", "--seconds", "0"], "`seconds` must be"),
        (["predict", "good.png", "good.png", "--longest", "9"], "`longest` must be 16"),
        (["predict", "good.png", "good.png", "--init", "x"], "`init` must be one of"),
        (["predict", "good.png", "good.png", "--optimizer", "sgd"], "`optimizer` must"),
        (
            ["predict", "good.png", "good.png", "--weights", "1,2"],
            "`weights` must be 1",
        ),
        (["predict", "good.png", "good.png", "--weights", "x"], "Received: x"),
        (["predict", "good.png", "good.png", "--mask", "no.png"], "two styles or more"),
        (
            ["predict", "good.png", "--style", "waves,mosaic", "--mask", "no.png"],
            "No such picture: no.png",
        ),
        (
            ["predict", "good.png", "--style", "waves,mosaic", "--mask", "mask.png"],
            "Region 2 of 2 is nowhere in mask.png",
        ),
        (
            ["predict", "good.png", "good.png", "--strength", "1"],
            "belongs to a network",
        ),
        (["predict", "good.png", "good.png", "--output", "."], "would replace"),
        (
            ["predict", "good.png", "good.png", "--style-layers", "scale1,scale9"],
            "scale9",
        ),
        (
            ["predict", "good.png", "good.png", "--style-layers", "scale1=x"],
            "`style_layers` must be names with commas",
        ),
        (["predict", "good.png", "good.png", "--content-layer", "conv4_2"], "conv4_2"),
        (["predict", "good.png", "good.png", "--extractor", "vgg16"], "vgg19"),
        (
            ["predict", "good.png", "good.png", "--extractor", "squeezenet"],
            "squeezenet needs `weights`",
        ),
        (
            ["train", "--extractor", "squeezenet", "--extractor-weights", "other.h5"],
            "other.h5",
        ),
        (["predict", "--model", "missing", "good.png"], "No such file: missing"),
        (["predict", "--model", "m", "--fast", "good.png"], "not both"),
        (["predict", "--model", "m", "good.png", "--mask", "mask.png"], "leave out"),
        (["predict", "--model", "m", "missing"], "No such picture, video or folder"),
        (["predict", "--model", "m", "empty"], "empty holds no picture or video"),
        (["predict", "--model", "m", "good.png", "--strength", "2"], "from 0 to 1"),
        (["predict", "good.png", "good.png", "--seed", "-1"], "`seed` must be 0"),
        (["predict", "good.png", "--on-error", "x"], "`on_error` must be one of"),
        (["train", "--style", "missing"], "No such style: missing"),
        (["train", "--data", "missing", "--size", "32"], "No such file or folder"),
        (["train", "--size", "8"], "`size` must be 32 or more"),
        (["train", "--steps", "0"], "`steps` must be above 0"),
        (["train", "--steps", "3", "--epochs", "1"], "one of --steps and --epochs"),
        (["train", "--styles", "."], "belong to --any-style"),
        (["train", "--norm", "batch"], "`norm` must be one of instance, group"),
        (["train", "--style-weight", "-1"], "`style_weight` must be 0 or more"),
        (["train", "--content-layer", "conv9"], "conv9"),
        (["evaluate", "--model", "missing"], "No such file: missing"),
        (["evaluate", "--num-pictures", "0"], "`num_pictures` must be above 0"),
        (["evaluate", "--style", "a", "--styles", "b"], "not both"),
    ],
)
def test_mistakes_end_in_one_line(script, inputs, argv, message, monkeypatch, capsys):
    monkeypatch.chdir(inputs)
    before = sorted(inputs.rglob("*"))
    code, lines = run(script, monkeypatch, capsys, *argv)
    assert code == 2
    assert len([line for line in lines if not line.endswith("...")]) == 1
    assert message in lines[-1]
    assert sorted(inputs.rglob("*")) == before  # nothing is half written


def test_unusual_pictures_are_taken_and_what_was_done_is_said(
    script, inputs, tmp_path, capsys
):
    names = ("alpha.png", "deep.png", "cmyk.jpg")
    script["predict"](
        [inputs / name for name in names], steps=1, **FEW, output=tmp_path
    )
    assert image_file.read(tmp_path / "stylised.png").shape == (40, 56, 3)
    said = capsys.readouterr().err
    assert "alpha.png: what is transparent becomes white" in said
    assert "cmyk.jpg: CMYK becomes RGB" in said


def test_one_picture_is_too_few_to_train_on(script, tmp_path):
    image_file.write(tmp_path / "one.png", draw(0))
    with pytest.raises(ValueError, match="There must be two or more"):
        script["train"](**SHORT, data=tmp_path, output=tmp_path / "out")


def test_help_names_all_styles_of_our_own(script):
    for name in style_data.STYLES:
        assert name in script["predict"].__doc__
