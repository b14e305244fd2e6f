"""The canvas, and the networks that paint in one pass."""

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import layers, ops

from dlai_keras.style_transfer.losses import gram_matrices, total_variation
from dlai_keras.style_transfer.model import (
    SameSize,
    adain_decoder,
    adain_network,
    adain_trainer,
    losses_of,
    style_canvas,
    training_losses,
    transfer_network,
    transfer_trainer,
)

backends = pytest.mark.backends


def make_extractor():
    """Two layers; the second at half of the size, and one pixel short of it."""
    x = inputs = keras.Input((None, None, 3))
    features = {"a": layers.Conv2D(4, 3, padding="same", activation="relu")(x)}
    x = layers.AveragePooling2D(2)(features["a"])
    features["b"] = layers.Conv2D(6, 2, activation="relu")(x)
    model = keras.Model(inputs, features)
    model.trainable = False
    return model


@pytest.fixture(scope="module")
def extractor():
    keras.utils.set_random_seed(0)
    return make_extractor()


def pictures(num=1, size=(12, 16), seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(num, *size, 3)).astype("float32")


def numpy_of(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


# The canvas


@backends
def test_a_canvas_gives_the_features_and_gram_matrices_of_its_picture(extractor):
    model = style_canvas(
        extractor, (12, 16), content_layer="b", style_layers=["a", "b"]
    )
    (picture,) = model.trainable_weights
    assert tuple(picture.shape) == (1, 12, 16, 3)
    picture.assign(pictures())
    outputs = numpy_of(model(np.zeros((1, 1), "float32")))
    features = numpy_of(extractor(pictures()))
    assert set(outputs) == {"content", "style/a", "style/b"}
    np.testing.assert_allclose(outputs["content"], features["b"], rtol=1e-5)
    for layer in ("a", "b"):
        a = features[layer].reshape(-1, features[layer].shape[-1])
        np.testing.assert_allclose(
            outputs[f"style/{layer}"][0], a.T @ a / len(a), rtol=1e-4, atol=1e-6
        )


def test_a_canvas_with_maps_has_a_gram_matrix_of_each_region(extractor):
    rng = np.random.default_rng(1)
    maps = {"a": rng.uniform(size=(1, 12, 16, 2)), "b": rng.uniform(size=(1, 5, 7, 2))}
    layer = {"content_layer": "a", "style_layers": ["a", "b"]}
    model = style_canvas(extractor, (12, 16), **layer, maps=maps)
    model.get_layer("canvas").picture.assign(pictures())
    outputs = numpy_of(model(np.zeros((1, 1), "float32")))
    features = numpy_of(extractor(pictures()))
    for name, regions in maps.items():
        a = features[name].reshape(-1, features[name].shape[-1])
        squares = regions.reshape(-1, 2) ** 2
        expected = np.einsum("pr,pc,pd->rcd", squares / squares.sum(axis=0), a, a)
        found = outputs[f"style/{name}"][0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"map of b .*\(5, 7\).*\(1, 12, 16, 2\)"):
        style_canvas(extractor, (12, 16), **layer, maps={**maps, "b": maps["a"]})


def test_total_variation_is_a_loss_of_the_canvas(extractor):
    layer = {"content_layer": "a", "style_layers": ["a"]}
    model = style_canvas(extractor, (12, 16), **layer, total_variation=0.5)
    model.get_layer("canvas").picture.assign(pictures())
    (loss,) = model.losses
    expected = 0.5 * float(total_variation(pictures())[0])
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert not style_canvas(extractor, (12, 16), **layer).losses


def test_a_layer_that_is_not_there_is_named_with_those_that_are(extractor):
    with pytest.raises(ValueError, match=r"layers a, b\. Received: c"):
        style_canvas(extractor, (8, 8), content_layer="c", style_layers=["a"])
    with pytest.raises(ValueError, match=r"Received: bb\. Did you mean b"):
        style_canvas(extractor, (8, 8), content_layer="a", style_layers=["a", "bb"])
    with pytest.raises(ValueError, match="must be a dict"):
        adain_network(keras.Sequential([keras.Input((None, None, 3))]), ["a"])


def test_slashes_in_the_names_of_layers_are_no_matter():
    x = keras.Input((None, None, 3))
    extractor = keras.Model(x, {"fire2/concat": layers.AveragePooling2D(2)(x)})
    layer = {"content_layer": "fire2/concat", "style_layers": ["fire2/concat"]}
    outputs = style_canvas(extractor, (8, 8), **layer).output
    assert set(outputs) == {"content", "style/fire2/concat"}


def test_losses_share_their_weight_among_the_layers():
    style = {"a": 0.25, "b": 0.75}
    arguments = losses_of(style, content_weight=2, style_weight=8)
    expected = {"content": 2.0, "style/a": 2.0, "style/b": 6.0}
    assert arguments["loss_weights"] == expected
    assert set(arguments["loss"]) == set(expected)
    weights = training_losses(style, content_weight=2, style_weight=8)["loss_weights"]
    assert weights == {**expected, "total_variation": 0.0}


# One style


@pytest.mark.parametrize("norm", ["instance", "group"])
def test_a_transfer_network_has_the_layers_of_the_paper(norm):
    network = transfer_network(norm=norm)
    kernels = [
        (9, 3, 16),
        (3, 16, 32),
        (3, 32, 64),
        *[(3, 64, 64)] * 10,
        (3, 64, 32),
        (3, 32, 16),
    ]
    convolutions = sum(k * k * i * o + 2 * o for k, i, o in kernels)
    assert network.count_params() == convolutions + 9 * 9 * 16 * 3 + 3
    assert network.output_shape == (None, None, None, 3)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return transfer_network(widths=(2, 3, 8), num_blocks=1)


def test_a_transfer_network_keeps_any_size(small):
    for size in ((16, 24), (17, 23), (5, 6)):
        outputs = numpy_of(small(pictures(2, size)))
        assert outputs.shape == (2, *size, 3)
        assert outputs.min() > 0 and outputs.max() < 1
        assert np.ptp(outputs) > 0.01


def test_pictures_of_a_batch_are_painted_on_their_own(small):
    batch = pictures(2, (16, 20))
    outputs = numpy_of(small(batch))
    for number in range(2):
        alone = numpy_of(small(batch[number : number + 1]))
        np.testing.assert_allclose(outputs[number], alone[0], atol=1e-5)


def test_a_plain_picture_is_painted_without_a_frame(small):
    # Zeros beyond the border would be seen; mirrored, grey goes on for ever.
    (output,) = numpy_of(small(np.full((1, 24, 24, 3), 0.3, "float32")))
    flat = np.broadcast_to(output[0, 0], output.shape)
    np.testing.assert_allclose(output, flat, atol=1e-5)


def test_a_transfer_network_survives_the_disk(small, tmp_path):
    small.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for size in ((16, 20), (9, 11)):
        expected = numpy_of(small(pictures(1, size)))
        np.testing.assert_allclose(
            numpy_of(loaded(pictures(1, size))), expected, atol=1e-6
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": (8, 8)}, "`widths`"),
        ({"widths": (8, 0, 8)}, "`widths`"),
        ({"num_blocks": -1}, "num_blocks=-1"),
        ({"norm": "batch"}, "instance, group.*'batch'"),
    ],
)
def test_bad_arguments_of_a_transfer_network_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        transfer_network(**arguments)


def test_the_outputs_of_a_trainer_are_the_losses_of_its_pictures(small, extractor):
    network = small
    style = numpy_of(extractor(pictures(1, (20, 12), seed=5)))
    grams = {name: numpy_of(gram_matrices(style[name])) for name in ("a", "b")}
    trainer = transfer_trainer(network, extractor, content_layer="b", grams=grams)
    batch = pictures(2)
    outputs = numpy_of(trainer(batch))
    stylised = numpy_of(network(batch))
    before, after = numpy_of(extractor(batch)), numpy_of(extractor(stylised))
    content = ((before["b"] - after["b"]) ** 2).mean(axis=(1, 2, 3)) / 4
    np.testing.assert_allclose(outputs["content"][:, 0], content, rtol=1e-4)
    for name, gram in grams.items():
        own = numpy_of(gram_matrices(after[name]))
        expected = ((own - gram) ** 2).mean(axis=(1, 2)) / 4
        np.testing.assert_allclose(outputs[f"style/{name}"][:, 0], expected, rtol=1e-3)
    smooth = numpy_of(total_variation(stylised))
    np.testing.assert_allclose(outputs["total_variation"][:, 0], smooth, rtol=1e-4)


def test_training_changes_the_network_and_not_the_extractor():
    extractor = make_extractor()
    x = keras.Input((None, None, 3))
    network = keras.Model(x, layers.Conv2D(3, 1, activation="sigmoid")(x))
    grams = {"a": np.full((1, 4, 4), 0.5, "float32")}
    trainer = transfer_trainer(network, extractor, content_layer="b", grams=grams)
    assert {w.path for w in trainer.trainable_weights} == {
        w.path for w in network.trainable_weights
    }
    frozen = [w.copy() for w in extractor.get_weights()]
    trainer.compile(
        keras.optimizers.Adam(0.01),
        **training_losses({"a": 1.0}, total_variation=0.1),
        jit_compile=False,
    )
    zeros = {name: np.zeros((2, 1), "float32") for name in trainer.output}
    losses = [trainer.train_on_batch(pictures(2), zeros, return_dict=True)["loss"]]
    for _ in range(5):
        losses.append(trainer.train_on_batch(pictures(2), zeros))
    assert np.ravel(losses[-1])[0] < losses[0]
    for old, new in zip(frozen, extractor.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# Any style


@pytest.fixture(scope="module")
def adain(extractor):
    keras.utils.set_random_seed(0)
    return adain_network(extractor, ["b"], widths=(6, 4))


def paint(network, content, style, alpha=1.0):
    alpha = np.full((len(content), 1), alpha, "float32")
    return numpy_of(network({"content": content, "style": style, "alpha": alpha}))


@pytest.mark.parametrize("size", [(12, 16), (13, 9)])
def test_an_adain_network_keeps_the_size_of_the_content(adain, size):
    outputs = paint(adain, pictures(2, size), pictures(2, (20, 11), seed=1))
    assert outputs.shape == (2, *size, 3)
    assert outputs.min() > 0 and outputs.max() < 1


def test_only_the_decoder_learns(adain):
    decoder = adain.get_layer("decoder")
    assert len(adain.trainable_weights) == len(decoder.trainable_weights) == 6
    assert adain.get_layer("encoder").weights


def test_alpha_goes_from_the_content_to_the_style(adain, extractor):
    content, style = pictures(1), pictures(1, (8, 8), seed=1) ** 3
    mixed = keras.Model(adain.input, adain.get_layer("mixed_b").output)
    own = numpy_of(extractor(content))["b"]
    none, half, full = (paint(mixed, content, style, a) for a in (0, 0.5, 1))
    np.testing.assert_allclose(none, own, atol=1e-5)
    np.testing.assert_allclose(half, (none + full) / 2, atol=1e-5)
    wanted = numpy_of(extractor(style))["b"]
    mean, deviation = own.mean((1, 2)), np.sqrt(own.var((1, 2)) + 1e-5)
    expected = (own - mean) / deviation * np.sqrt(wanted.var((1, 2)) + 1e-5)
    np.testing.assert_allclose(full, expected + wanted.mean((1, 2)), atol=1e-4)


def test_the_style_of_the_content_itself_changes_nothing(adain):
    content = pictures(1)
    np.testing.assert_allclose(
        paint(adain, content, content, 1.0),
        paint(adain, content, content, 0.0),
        atol=1e-4,
    )


def test_the_outputs_of_an_adain_trainer_are_losses(adain, extractor):
    trainer = adain_trainer(
        adain, extractor, encoder_layers=["b"], style_layers=["a", "b"]
    )
    content, style = pictures(2), pictures(2, seed=1) ** 2
    outputs = paint(trainer, content, style)
    stylised = paint(adain, content, style)
    mixed = paint(
        keras.Model(adain.input, adain.get_layer("mixed_b").output), content, style
    )
    after, wanted = numpy_of(extractor(stylised)), numpy_of(extractor(style))
    expected = ((after["b"] - mixed) ** 2).mean((1, 2, 3)) / 4
    np.testing.assert_allclose(outputs["content"][:, 0], expected, rtol=1e-3)
    for name in ("a", "b"):
        means = [x[name].mean((1, 2)) for x in (after, wanted)]
        deviations = [np.sqrt(x[name].var((1, 2)) + 1e-5) for x in (after, wanted)]
        expected = sum(
            ((one - other) ** 2).mean(axis=1) for one, other in (means, deviations)
        )
        np.testing.assert_allclose(outputs[f"style/{name}"][:, 0], expected, rtol=1e-3)
    assert {w.path for w in trainer.trainable_weights} == {
        w.path for w in adain.trainable_weights
    }


def test_an_adain_network_survives_the_disk(adain, tmp_path):
    adain.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    content, style = pictures(1, (9, 11)), pictures(1, (8, 8), seed=1)
    np.testing.assert_allclose(
        paint(loaded, content, style), paint(adain, content, style), atol=1e-6
    )


@pytest.mark.parametrize("size", [(12, 16), (13, 9)])
def test_several_layers_enter_at_their_sizes(extractor, size):
    network = adain_network(extractor, ["a", "b"])
    content, style = pictures(2, size), pictures(2, (20, 11), seed=1)
    assert paint(network, content, style).shape == (2, *size, 3)
    trainer = adain_trainer(
        network, extractor, encoder_layers=["a", "b"], style_layers=["a"]
    )
    mixed = {x: network.get_layer(f"mixed_{x}").output for x in ("a", "b")}
    mixed = paint(keras.Model(network.input, mixed), content, style)
    after = numpy_of(extractor(paint(network, content, style)))
    each = [((after[x] - mixed[x]) ** 2).mean((1, 2, 3)) / 4 for x in ("a", "b")]
    np.testing.assert_allclose(
        paint(trainer, content, style)["content"][:, 0], np.mean(each, 0), rtol=1e-3
    )
    with pytest.raises(ValueError, match="must name a layer"):
        adain_network(extractor, [])


def test_features_join_the_decoder_where_it_has_their_size():
    decoder = adain_decoder({4: 6, 1: 2})
    small, large = pictures(1, (3, 4))[..., :1], pictures(1, (11, 15))[..., :2]
    small = np.repeat(small, 6, axis=-1)
    outputs = numpy_of(decoder([small, large]))
    assert outputs.shape == (1, 11, 15, 3)
    large[:, 5, 7] += 1
    changed = np.abs(numpy_of(decoder([small, large])) - outputs).sum(-1)[0] > 0
    assert changed[3:8, 5:10].any() and not changed[:2].any()
    with pytest.raises(ValueError, match="one entry or more"):
        adain_decoder({})


def test_a_decoder_doubles_the_size_as_often_as_it_must():
    decoder = adain_decoder({8: 40})
    filters = [x.filters for x in decoder.layers if isinstance(x, layers.Conv2D)]
    assert filters == [40, 20, 16, 16, 3]
    assert numpy_of(decoder(np.zeros((1, 2, 3, 40)))).shape == (1, 16, 24, 3)
    with pytest.raises(ValueError, match="Received: 6"):
        adain_decoder({6: 8})
    with pytest.raises(ValueError, match="must be 3 numbers"):
        adain_decoder({4: 8}, widths=(8, 4))


# The last pixels


@backends
def test_same_size_keeps_the_contract(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 2)).astype("float32")
    like = np.zeros((2, 3, 8, 3), "float32")
    outputs = check_layer(
        SameSize(), [x, like], (2, 3, 8, 2), tmp_path, differentiable=False
    )
    rows, columns = [0, 1, 2], [0, 0, 0, 1, 2, 3, 3, 3]
    np.testing.assert_array_equal(outputs, x[:, rows][:, :, columns])


@backends
def test_same_size_knows_sizes_that_are_open_until_it_runs():
    inputs = [keras.Input((None, None, 1)), keras.Input((None, None, 3))]
    model = keras.Model(inputs, SameSize()(inputs))
    x = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    for size in ((2, 3), (1, 2), (4, 6)):
        outputs = model.predict([x, np.zeros((1, *size, 3))], verbose=0)
        assert outputs.shape == (1, *size, 1)
        np.testing.assert_array_equal(
            np.unique(outputs), np.unique(x[:, : size[0], : size[1]])
        )
