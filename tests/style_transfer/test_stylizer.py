"""A network that paints in one pass, on disk and on pictures."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from dlai_keras.style_transfer.data import make_contents, make_styles
from dlai_keras.style_transfer.extractors import EXTRACTORS, load_extractor
from dlai_keras.style_transfer.losses import gram_matrices
from dlai_keras.style_transfer.model import adain_network, transfer_network
from dlai_keras.style_transfer.stylizer import (
    Stylizer,
    load_pretrained,
    load_stylizer,
)


def picture(height=20, width=30, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), "uint8")


@pytest.fixture(scope="module")
def one_style():
    keras.utils.set_random_seed(0)
    network = transfer_network(widths=(2, 3, 4), num_blocks=1)
    return Stylizer(network, "one-style", size=64, notes={"seed": 3})


@pytest.fixture(scope="module")
def any_style():
    keras.utils.set_random_seed(0)
    x = keras.Input((None, None, 3))
    extractor = keras.Model(x, {"a": layers.Conv2D(5, 3, 2, activation="relu")(x)})
    return Stylizer(adain_network(extractor, ["a"]), "adain", size=24)


def test_a_picture_is_painted_at_its_own_size(one_style, any_style):
    for size in ((20, 30), (33, 17)):
        painted = one_style.stylize(picture(*size))
        assert painted.shape == (*size, 3) and painted.dtype == "uint8"
        painted = any_style.stylize(picture(*size), picture(40, 50, seed=1))
        assert painted.shape == (*size, 3) and painted.dtype == "uint8"


def test_a_picture_is_what_the_network_makes_of_it(one_style):
    image = picture()
    expected = np.asarray(one_style.network(image[None] / np.float32(255)))[0]
    painted = one_style.stylize(image)
    assert np.abs(painted - expected * 255).max() < 0.51
    assert np.ptp(painted) > 20


def test_alpha_blends_picture_and_painting(one_style):
    image = picture()
    np.testing.assert_array_equal(one_style.stylize(image, alpha=0), image)
    full, half = (one_style.stylize(image, alpha=a).astype(int) for a in (1, 0.5))
    assert np.abs(half - (full + image) / 2).max() <= 1


def test_any_style_is_painted_and_alpha_is_handed_on(any_style):
    image, style = picture(), picture(24, 24, seed=1) // 4
    full = any_style.stylize(image, style)
    assert (full != any_style.stylize(image, picture(24, 24, seed=1))).any()
    weak = any_style.stylize(image, style, alpha=0)
    assert (full != weak).any()
    np.testing.assert_array_equal(weak, any_style.stylize(image, 255 - style, alpha=0))


def test_large_styles_are_brought_to_the_size_that_was_learned(any_style):
    style = picture(24, 30, seed=1)
    large = style.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(
        any_style.stylize(picture(), large), any_style.stylize(picture(), style)
    )


@pytest.mark.parametrize("half", [False, True])
def test_a_stylizer_survives_the_disk(one_style, half, tmp_path):
    one_style.save(tmp_path, half=half)
    loaded = load_stylizer(tmp_path / "model.keras" if half else tmp_path)
    assert (loaded.kind, loaded.size) == ("one-style", 64)
    assert loaded.notes == {"seed": 3}
    painted = loaded.stylize(picture()).astype(int)
    assert np.abs(painted - one_style.stylize(picture())).max() <= (2 if half else 0)


def test_a_stylizer_of_any_style_survives_the_disk(any_style, tmp_path):
    any_style.save(tmp_path)
    image, style = picture(), picture(24, 24, seed=1)
    painted = load_stylizer(tmp_path).stylize(image, style)
    np.testing.assert_array_equal(painted, any_style.stylize(image, style))


def test_files_of_something_else_are_refused(one_style, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"stylizer\.json|model\.keras"):
        load_stylizer(tmp_path)
    one_style.save(tmp_path)
    for record in ({"size": 64}, {"kind": "gatys", "size": 64}, ["kind"]):
        (tmp_path / "stylizer.json").write_text(json.dumps(record))
        with pytest.raises(ValueError, match=r"kind \(one-style or adain\) and size"):
            load_stylizer(tmp_path)


def test_the_style_must_suit_the_network(one_style, any_style):
    with pytest.raises(ValueError, match="one style of its own"):
        one_style.stylize(picture(), picture())
    with pytest.raises(ValueError, match="`style` must be a picture"):
        any_style.stylize(picture())


@pytest.mark.parametrize(
    "image", [picture()[..., 0], picture() / 255, picture(8, 30), None]
)
def test_what_is_no_picture_is_refused(one_style, any_style, image):
    with pytest.raises(ValueError, match="`image` must be a uint8 RGB picture"):
        one_style.stylize(image)
    with pytest.raises(ValueError, match="`style` must be a"):
        any_style.stylize(picture(), image)


def test_bad_arguments_are_named(one_style):
    with pytest.raises(ValueError, match="`kind` must be one of one-style, adain"):
        Stylizer(one_style.network, "gatys", 64)
    with pytest.raises(ValueError, match="size=0"):
        Stylizer(one_style.network, "adain", 0)
    for alpha in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="`alpha`"):
            one_style.stylize(picture(), alpha=alpha)


def test_the_network_that_comes_with_the_package_paints_in_its_style():
    stylizer = load_pretrained()
    content = make_contents(54_321, 1, 96)[0]
    painted = stylizer.stylize(content)
    assert painted.shape == content.shape
    style = make_styles(0, 96, [stylizer.notes["style"]])[stylizer.notes["style"]]
    extractor = load_extractor("embedded")
    features = extractor(np.stack([style, content, painted]) / np.float32(255))
    weights = EXTRACTORS["embedded"].style_layers
    before, after = 0.0, 0.0
    for layer, weight in weights.items():
        grams = keras.ops.convert_to_numpy(gram_matrices(features[layer]))
        errors = np.square(grams[1:] - grams[0]).mean(axis=(1, 2))
        before, after = before + weight * errors[0], after + weight * errors[1]
    assert after < 0.2 * before
