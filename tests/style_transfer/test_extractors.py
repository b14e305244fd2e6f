"""Extractors compute what NumPy, or keras.applications, computes from their weights."""

import os
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import scipy.io
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view

from dlai_keras.style_transfer.extractors import (
    EXTRACTORS,
    available,
    load_extractor,
    random_filters,
)

each_extractor = pytest.mark.parametrize("name", EXTRACTORS)


def features_of(extractor, picture):
    """By layer, without the batch."""
    features = extractor(ops.convert_to_tensor(picture[None]))
    return {name: ops.convert_to_numpy(maps)[0] for name, maps in features.items()}


def a_picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    smooth = np.stack([y, x, 1 - x * y], axis=-1)
    return (0.7 * smooth + 0.3 * rng.uniform(size=smooth.shape)).astype("float32")


def data_folder(name):
    folder = Path(os.environ.get("DLAI_DATA", ""), "style_transfer", name)
    if not os.environ.get("DLAI_DATA") or not folder.is_dir():
        pytest.skip(f"set DLAI_DATA to the folder with style_transfer/{name}")
    return folder


def read_image(path, longest):
    cv2 = pytest.importorskip("cv2")
    image = cv2.imread(str(path))[..., ::-1]
    scale = longest / max(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return image.astype("float32") / 255


# The definitions: maps are (rows, columns, channels)


def conv(x, weights, stride=1):
    kernel, bias = weights
    windows = sliding_window_view(x.astype("float64"), kernel.shape[:2], (0, 1))
    windows = windows[::stride, ::stride]
    return np.tensordot(windows, kernel, ((3, 4, 2), (0, 1, 2))) + bias


def relu(x):
    return np.maximum(x, 0)


def pad(x, width, mode="constant"):
    return np.pad(x, ((width, width), (width, width), (0, 0)), mode=mode)


def pool(x, size, function=np.max):
    windows = sliding_window_view(x, (size, size), (0, 1))[::2, ::2]
    return function(windows, axis=(3, 4))


def caffe(picture, means):
    """As these networks were trained: 0 to 255, blue first, without the means."""
    return 255.0 * picture[..., ::-1].astype("float64") - means


def write_legacy(path, arrays):
    """A file of weights as Keras 2 left it."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["input_1", *arrays], "S")
        file.create_group("input_1").attrs["weight_names"] = []
        for name, (kernel, bias) in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array(["uniform1", f"{name}_b"], "S")
            group["uniform1"], group[f"{name}_b"] = kernel, bias
    return path


def drawn(shapes, seed=0, scale=1.0):
    """Kernels that keep the size of what passes, and biases that matter."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in shapes.items():
        deviation = np.sqrt(2 / np.prod(shape[:3]))
        kernel, bias = rng.normal(0, deviation, shape), rng.normal(0, scale, shape[3])
        arrays[name] = (kernel.astype("float32"), bias.astype("float32"))
    return arrays


# The embedded one

PINNED = (-2.271144, -0.494399, -2.151692)  # drawn once: no machine has others


@pytest.fixture(scope="module")
def embedded():
    return load_extractor("embedded")


def gram(features):
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat / len(flat)


def embedded_forward(extractor, picture):
    """From the kernels that it has; borders are repeated."""

    def apply(name, x, stride=1):
        kernel, *bias = extractor.get_layer(name).get_weights()
        padded = pad(x, kernel.shape[0] // 2, "edge")
        return conv(padded, (kernel, bias[0] if bias else 0), stride)

    half = apply("halve", picture, stride=2)
    features = {
        "colors": relu(apply("colors", half)),
        "content": apply("content", half),
    }
    level = picture
    for name in available("embedded")[1:-1]:
        x = relu(apply(name, level))
        features[name] = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1)
        level = apply("halve", level, stride=2)
    return features


@pytest.mark.backends
def test_the_embedded_extractor_equals_its_definition(embedded):
    picture = a_picture(19, 30)
    expected = embedded_forward(embedded, picture)
    found = features_of(embedded, picture)
    assert set(found) == set(available("embedded"))
    for name, maps in found.items():
        np.testing.assert_allclose(maps, expected[name], atol=2e-5, err_msg=name)
        assert maps.std() > 0.01


def test_the_embedded_extractor_is_the_same_on_every_machine(embedded):
    again = load_extractor("embedded", layers=["scale2"])
    kernel, bias = embedded.get_layer("scale2").get_weights()
    np.testing.assert_array_equal(again.get_layer("scale2").get_weights()[0], kernel)
    assert not bias.any()
    np.testing.assert_allclose(kernel[3, 3, :, 0], PINNED, rtol=1e-5)
    first = embedded.get_layer("scale1").get_weights()[0]
    assert np.abs(first - kernel[..., : first.shape[-1]]).max() > 0.1


def test_random_filters_are_blind_to_the_level_of_a_color():
    filters = random_filters(np.random.default_rng(0), 16, 9)
    assert filters.shape == (9, 9, 3, 16) and filters.dtype == np.float32
    np.testing.assert_allclose(filters.sum((0, 1)), 0, atol=1e-5)
    assert np.linalg.matrix_rank(filters.reshape(-1, 16)) == 16


def test_halving_blurs_with_opencv_s_pyramid(embedded):
    cv2 = pytest.importorskip("cv2")
    picture = a_picture(22, 31)
    kernel = embedded.get_layer("halve").get_weights()[0]
    found = conv(pad(picture, 2, "edge"), (kernel, 0), stride=2)
    expected = cv2.pyrDown(picture, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_light_changes_the_colors_and_nothing_else(embedded):
    dark = 0.6 * a_picture(24, 24)
    light = dark + np.float32(0.3)
    one, other = features_of(embedded, dark), features_of(embedded, light)
    for name in available("embedded")[1:]:
        np.testing.assert_allclose(one[name], other[name], atol=1e-4)
    assert np.abs(gram(one["colors"]) - gram(other["colors"])).max() > 0.1


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (33, 20)])
def test_the_embedded_extractor_takes_any_size(embedded, size):
    found = features_of(embedded, a_picture(*size))
    for scale in range(5):
        expected = tuple(-(-side // 2**scale) for side in size)
        assert found[f"scale{scale + 1}"].shape[:2] == expected
    assert all(np.isfinite(maps).all() for maps in found.values())


def textures(rng, kind, size=64):
    """A picture of a texture, from another place of it each time."""
    y, x = np.mgrid[:size, :size] + rng.uniform(0, 100, (2, 1, 1))
    noise = rng.normal(size=(size, size))
    plane = {
        "stripes": np.sin(x),
        "rows": np.sin(y),
        "checks": np.sign(np.sin(x / 2) * np.sin(y / 2)),
        "coarse stripes": np.sin(x / 2),
        "noise": noise,
    }[kind]
    plane = 0.5 + 0.25 * plane / plane.std() + 0.03 * noise
    return np.repeat(plane[..., None], 3, axis=2).clip(0, 1).astype("float32")


def test_gram_matrices_tell_textures_apart(embedded):
    """Pieces of one texture are nearer than those of others, though no pixel agrees."""
    kinds = ("stripes", "rows", "checks", "coarse stripes", "noise")
    rng = np.random.default_rng(0)
    styles = [
        [features_of(embedded, textures(rng, kind)) for _ in range(2)] for kind in kinds
    ]

    def distance(one, other):
        return sum(
            weight * np.mean((gram(one[layer]) - gram(other[layer])) ** 2)
            for layer, weight in EXTRACTORS["embedded"].style_layers.items()
        )

    table = np.array([[distance(a, b) for _, b in styles] for a, _ in styles])
    others = table + np.diag(np.full(len(kinds), np.inf))
    assert (2 * table.diagonal() < others.min(1)).all(), table.round(4)


def test_an_extractor_survives_saving(embedded, tmp_path):
    embedded.save(tmp_path / "extractor.keras")
    loaded = keras.saving.load_model(tmp_path / "extractor.keras")
    picture = a_picture(12, 16)
    expected = features_of(embedded, picture)
    for name, maps in features_of(loaded, picture).items():
        np.testing.assert_array_equal(maps, expected[name])


# SqueezeNet

FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128)}
FIRES |= {6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}


def squeezenet_shapes():
    shapes, depth = {"conv1": (3, 3, 3, 64)}, 64
    for number, (squeeze, expand) in FIRES.items():
        shapes[f"fire{number}/squeeze1x1"] = (1, 1, depth, squeeze)
        shapes[f"fire{number}/expand1x1"] = (1, 1, squeeze, expand)
        shapes[f"fire{number}/expand3x3"] = (3, 3, squeeze, expand)
        depth = 2 * expand
    return shapes


def squeezenet_forward(arrays, picture, function=np.max):
    x = caffe(picture, (104.006, 116.669, 122.679))
    x = relu(conv(x, arrays["conv1"], stride=2))
    features = {"conv1": x}
    for number in FIRES:
        if number in {2, 4, 6}:
            x = pool(x, 3, function)
        x = relu(conv(x, arrays[f"fire{number}/squeeze1x1"]))
        narrow = relu(conv(x, arrays[f"fire{number}/expand1x1"]))
        wide = relu(conv(pad(x, 1), arrays[f"fire{number}/expand3x3"]))
        x = features[f"fire{number}"] = np.concatenate([narrow, wide], axis=-1)
    return features


def read_arrays(path):
    with h5py.File(path) as file:
        return {
            name: [file[name][key][()] for key in file[name].attrs["weight_names"]]
            for name in (layer.decode() for layer in file.attrs["layer_names"])
            if len(file[name].attrs["weight_names"])
        }


@pytest.fixture(scope="module", params=["drawn", "trained"])
def squeezenet_file(request, tmp_path_factory):
    if request.param == "trained":
        return next(data_folder("squeezenet").glob("*.h5"))
    path = tmp_path_factory.mktemp("weights") / "squeezenet.h5"
    return write_legacy(path, drawn(squeezenet_shapes(), scale=5.0))


def test_squeezenet_equals_its_definition(squeezenet_file):
    extractor = load_extractor(
        "squeezenet", weights=squeezenet_file, layers=available("squeezenet")
    )
    assert extractor.count_params() == 722_496
    assert not extractor.trainable_weights
    picture = a_picture(54, 67)
    expected = squeezenet_forward(read_arrays(squeezenet_file), picture)
    for name, maps in features_of(extractor, picture).items():
        scale = expected[name].max()
        assert scale > 0
        np.testing.assert_allclose(maps, expected[name], atol=1e-5 * scale)


def test_squeezenet_pools_means_where_asked(tmp_path):
    arrays = drawn(squeezenet_shapes(), scale=5.0)
    extractor = load_extractor(
        "squeezenet",
        weights=write_legacy(tmp_path / "squeezenet.h5", arrays),
        layers=["fire2", "fire4"],
        pooling="avg",
    )
    picture = a_picture(39, 47)
    expected = squeezenet_forward(arrays, picture, np.mean)
    for name, maps in features_of(extractor, picture).items():
        scale = expected[name].max()
        np.testing.assert_allclose(maps, expected[name], atol=1e-5 * scale)


def test_layers_are_found_by_the_names_in_the_file_too(tmp_path):
    write_legacy(tmp_path / "squeezenet.h5", drawn(squeezenet_shapes()))
    extractor = load_extractor(
        "squeezenet", weights=tmp_path, layers=["relu_conv1", "fire2/concat", "fire2"]
    )
    found = features_of(extractor, a_picture(23, 31))
    assert list(found) == ["relu_conv1", "fire2/concat", "fire2"]
    np.testing.assert_array_equal(found["fire2"], found["fire2/concat"])


# VGG-19


@pytest.fixture(scope="module")
def oracle():
    """Keras' own VGG-19, with drawn weights and biases."""
    network = keras.applications.VGG19(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.weights:
            layer.bias.assign(rng.normal(0, 3, layer.bias.shape))
    return network


def vgg_file(oracle, path, num_layers):
    """The first convolutions of Keras' VGG-19, as Keras 2 or MatConvNet stores them."""
    weighted = [layer for layer in oracle.layers if layer.weights][:num_layers]
    arrays = {layer.name: layer.get_weights() for layer in weighted}
    if path.suffix == ".h5":
        return write_legacy(path, arrays)
    stored = []
    for name, (kernel, bias) in arrays.items():
        if not stored:
            kernel = kernel[:, :, ::-1]  # it sees red first
        cell = np.empty((1, 2), object)
        cell[0, 0], cell[0, 1] = kernel, bias[None]
        stored += [
            {"name": name, "type": "conv", "weights": cell, "stride": [1, 1]},
            {"name": f"relu_{name}", "type": "relu"},
        ]
    layers = np.empty((1, len(stored)), object)
    layers[0] = stored
    scipy.io.savemat(path, {"layers": layers, "classes": {"name": "cat"}})
    return path


def oracle_features(oracle, picture, names):
    images = keras.applications.vgg19.preprocess_input(255.0 * picture[None])
    outputs = {name: oracle.get_layer(name).output for name in names}
    maps = keras.Model(oracle.input, outputs)(images)
    return {name: ops.convert_to_numpy(x)[0] for name, x in maps.items()}


def assert_equals_oracle(extractor, oracle, names):
    picture = a_picture(37, 50)
    expected = oracle_features(oracle, picture, names)
    for name, maps in features_of(extractor, picture).items():
        scale = expected[name].max()
        assert scale > 0
        np.testing.assert_allclose(maps, expected[name], atol=2e-5 * scale)


def test_vgg19_is_that_of_keras_applications(oracle, monkeypatch):
    asked = []

    def fetch(**arguments):
        asked.append(arguments)
        return oracle

    monkeypatch.setattr(keras.applications, "VGG19", fetch)
    names = available("vgg19")
    extractor = load_extractor("vgg19", layers=names)
    assert asked == [{"include_top": False, "weights": "imagenet"}]
    assert extractor.count_params() == 20_024_384 == oracle.count_params()
    assert not extractor.trainable_weights
    assert_equals_oracle(extractor, oracle, names)


@pytest.mark.parametrize("file", ["vgg19_notop.h5", "imagenet-vgg-verydeep-19.mat"])
def test_vgg19_reads_files_of_keras_2_and_of_the_course(oracle, tmp_path, file):
    vgg_file(oracle, tmp_path / file, 4)
    names = available("vgg19")[:4]
    extractor = load_extractor("vgg19", weights=tmp_path, layers=names)
    assert_equals_oracle(extractor, oracle, names)


def test_vgg19_pools_means_as_the_course_does(oracle, tmp_path):
    path = vgg_file(oracle, tmp_path / "vgg19.h5", 3)
    extractor = load_extractor(
        "vgg19", weights=path, layers=["conv1_2", "conv2_1"], pooling="avg"
    )
    found = features_of(extractor, a_picture(21, 18))
    weights = oracle.get_layer("block2_conv1").get_weights()
    x = pad(pool(found["conv1_2"], 2, np.mean), 1)
    expected = relu(conv(x, weights))
    scale = expected.max()
    np.testing.assert_allclose(found["conv2_1"], expected, atol=1e-5 * scale)


def test_layers_of_vgg19_have_the_names_of_keras_and_of_the_course(oracle, tmp_path):
    path = vgg_file(oracle, tmp_path / "vgg19.h5", 3)
    names = ["conv2_1", "relu2_1", "block2_conv1"]
    extractor = load_extractor("vgg19", weights=path, layers=names)
    found = features_of(extractor, a_picture(8, 8))
    assert list(found) == names
    for name in names[1:]:
        np.testing.assert_array_equal(found[name], found[names[0]])


def test_the_network_is_as_deep_as_its_layers_need(oracle, tmp_path):
    path = vgg_file(oracle, tmp_path / "vgg19.h5", 3)
    extractor = load_extractor("vgg19", weights=path, layers=["conv1_2"])
    assert extractor.count_params() == 3 * 9 * 64 + 64 + 64 * 9 * 64 + 64


def test_a_failed_download_says_which_file_to_give(monkeypatch):
    def fail(**arguments):
        raise Exception("URL fetch failure\non a server: None -- [Errno -3]")

    monkeypatch.setattr(keras.applications, "VGG19", fail)
    with pytest.raises(OSError, match=r"URL fetch .*`weights`.*notop\.h5") as error:
        load_extractor("vgg19")
    assert "\n" not in str(error.value)


# VGG-19, normalised

NORMALISED = {2: (64, 3), 5: (64, 64), 9: (128, 64), 12: (128, 128), 16: (256, 128)}


@pytest.fixture(scope="module", params=["drawn", "trained"])
def normalised_folder(request, tmp_path_factory):
    if request.param == "trained":
        return data_folder("vgg19_normalised")
    folder = tmp_path_factory.mktemp("normalised")
    rng = np.random.default_rng(0)
    arrays = {
        "0.weight": 255 * np.eye(3)[::-1, :, None, None],
        "0.bias": np.array([-103.939, -116.779, -123.68]),
    }
    for number, (filters, depth) in NORMALISED.items():
        deviation = np.sqrt(2 / 9 / depth)
        arrays[f"{number}.weight"] = rng.normal(0, deviation, (filters, depth, 3, 3))
        arrays[f"{number}.bias"] = rng.normal(size=filters)
    arrays = {name: array.astype("float32") for name, array in arrays.items()}
    names = list(arrays)
    for layer, count in (("conv1_1", 4), ("conv2_1", 8), ("conv3_1", 12)):
        part = {name: arrays[name] for name in names[:count]}
        np.savez(folder / f"vgg_normalised_{layer}.npz", **part)
    return folder


def normalised_forward(path, picture):
    """With mirrored borders, as Torch's file of the network says."""
    with np.load(path) as stored:
        arrays = {
            number: (
                stored[f"{number}.weight"].transpose(2, 3, 1, 0),
                stored[f"{number}.bias"],
            )
            for number in (0, *NORMALISED)
        }
    x = conv(picture, arrays[0])
    features = []
    for number in NORMALISED:
        if number in {9, 16}:
            # The last row of an odd number stays, as Torch's `ceil_mode` has it.
            odd = [(0, side % 2) for side in x.shape[:2]]
            x = pool(np.pad(x, (*odd, (0, 0)), mode="edge"), 2)
        x = relu(conv(pad(x, 1, "reflect"), arrays[number]))
        features.append(x)
    return features


def test_the_normalised_network_equals_its_definition(normalised_folder):
    picture = a_picture(21, 34)
    path = normalised_folder / "vgg_normalised_conv3_1.npz"
    names = ["conv1_1", "block1_conv2", "conv2_1", "conv2_2", "conv3_1"]
    for weights in (normalised_folder, path):
        extractor = load_extractor("vgg19-normalised", weights=weights, layers=names)
        found = features_of(extractor, picture)
        for name, expected in zip(
            names, normalised_forward(path, picture), strict=True
        ):
            scale = expected.max()
            np.testing.assert_allclose(found[name], expected, atol=1e-5 * scale)


def test_the_mean_response_of_a_normalised_filter_is_1_on_photographs():
    folder = data_folder("vgg19_normalised")
    images = data_folder("images")
    names = ["conv1_1", "conv2_1", "conv3_1"]
    extractor = load_extractor("vgg19-normalised", weights=folder, layers=names)
    found = [
        features_of(extractor, read_image(images / name, 160))
        for name in ("louvre.jpg", "tubingen.jpg", "golden_gate.jpg", "persian_cat.jpg")
    ]
    for name in names:
        means = np.mean([maps[name].mean((0, 1)) for maps in found], axis=0)
        assert 0.7 < np.median(means) < 1.4


# What is refused


def fails(match, **arguments):
    error = FileNotFoundError if match.startswith("No ") else ValueError
    with pytest.raises(error, match=match) as raised:
        load_extractor(**arguments)
    assert "\n" not in str(raised.value)


def test_an_unknown_extractor_gets_the_list_of_those_that_exist():
    fails("embedded, vgg19, squeezenet.*Did you mean squeezenet", name="squeezent")
    with pytest.raises(ValueError, match="embedded, vgg19"):
        available("vgg")


@each_extractor
def test_an_unknown_layer_gets_the_list_of_those_that_exist(name):
    listed = ", ".join(available(name))
    fails(f"no layer conv9_9.*{listed}", name=name, layers=["conv9_9"])


def test_a_misspelt_layer_gets_the_nearest():
    fails(
        "no layer block4conv2. Did you mean block4_conv2",
        name="vgg19",
        layers=["block4conv2"],
    )
    fails("no layer conv42. Did you mean conv4_2", name="vgg19", layers=["conv42"])


def test_no_layer_and_an_unknown_pooling_are_refused():
    fails("`layers` must name one", layers=[])
    fails("`pooling` must be max or avg.*median", pooling="median")


def test_missing_files_are_named(tmp_path):
    for name in set(EXTRACTORS) - {"embedded"}:
        fails("No such weights: .*nothing", name=name, weights=tmp_path / "nothing.h5")
        fails(f"No weights in .*{name}", name=name, weights=tmp_path)
    for name in ("squeezenet", "vgg19-normalised"):
        fails(f"{name} needs `weights`", name=name)
    fails("must be None for embedded", name="embedded", weights=tmp_path)


def test_weights_of_another_network_are_refused_by_their_first_difference(
    oracle, tmp_path
):
    squeezenet = write_legacy(tmp_path / "s.h5", drawn(squeezenet_shapes()))
    fails(
        "another network.*`block1_conv2`.*3, 3, 64, 64.*1, 1, 64, 16",
        name="vgg19",
        weights=squeezenet,
    )
    vgg = vgg_file(oracle, tmp_path / "v.h5", 3)
    fails("another network.*`fire2_squeeze1x1`", name="squeezenet", weights=vgg)
    # VGG-16 begins as VGG-19 does; its third block is the shorter one.
    arrays = {layer.name: layer.get_weights() for layer in oracle.layers[1:]}
    arrays = {name: pair for name, pair in arrays.items() if pair}
    kept = [name for name in arrays if name not in {"block3_conv4", "block4_conv4"}]
    shallow = write_legacy(tmp_path / "v16.h5", {n: arrays[n] for n in kept[:8]})
    fails(
        "another network.*`block3_conv4`",
        name="vgg19",
        weights=shallow,
        layers=["conv1_1"],
    )


def test_a_file_that_ends_too_early_is_refused(oracle, tmp_path):
    vgg = vgg_file(oracle, tmp_path / "v.h5", 3)
    fails(
        "ends before `block2_conv2`. It holds: block1_conv1, block1_conv2, block2",
        name="vgg19",
        weights=vgg,
        layers=["conv2_2"],
    )
    fails("ends before `block2_conv2`", name="vgg19", weights=vgg)


def test_files_that_hold_no_weights_are_refused(tmp_path):
    for name, suffix in (
        ("vgg19", ".h5"),
        ("vgg19", ".mat"),
        ("squeezenet", ".h5"),
        ("vgg19-normalised", ".npz"),
    ):
        path = tmp_path / f"text{suffix}"
        path.write_text("no weights", encoding="utf-8")
        fails(f"text{suffix} is no", name=name, weights=path)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    fails(
        "is no NPZ file of conv",
        name="vgg19-normalised",
        weights=tmp_path / "other.npz",
    )


# What is used unless something else is asked for


@each_extractor
def test_the_layers_that_are_used_exist_and_their_weights_sum_to_1(name):
    source = EXTRACTORS[name]
    assert source.name == name
    assert {source.content_layer, *source.style_layers} <= set(source.layers)
    assert set(source.aliases.values()) <= set(source.layers)
    assert sum(source.style_layers.values()) == pytest.approx(1)
    assert min(source.content_weight, source.style_weight) > 0


def test_vgg19_uses_the_layers_of_the_course():
    source = EXTRACTORS["vgg19"]
    assert source.aliases["conv4_2"] == source.content_layer
    assert source.style_layers == {f"block{n}_conv1": 0.2 for n in range(1, 6)}
