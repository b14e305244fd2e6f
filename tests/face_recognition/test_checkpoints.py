"""Networks with weights from files compute what their definitions in NumPy compute."""

import os
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.lib.stride_tricks import sliding_window_view

from dlai_keras.face_recognition.checkpoints import (
    convert_checkpoint,
    load_mobile_facenet,
    load_openface,
)
from dlai_keras.face_recognition.course import img_to_encoding, verify, who_is_it
from dlai_keras.face_recognition.model import NN4_SMALL2_BLOCKS, facenet_nn4_small2


def outputs_of(model, images):
    return ops.convert_to_numpy(model(images, training=False))


# Layers as Torch defines them: maps are (batch, channels, rows, columns)


def conv(x, kernel, stride=1, pad=0, groups=1):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = kernel.shape[2:]
    windows = sliding_window_view(x, (rows, columns), (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    if groups > 1:
        return np.einsum("nchwij,cij->nchw", windows, kernel[:, 0])
    return np.moveaxis(np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))), 3, 1)


def pool(x, function, stride):
    windows = sliding_window_view(x, (3, 3), (2, 3))[:, :, ::stride, ::stride]
    return function(windows, axis=(4, 5))


def pad_maps(x, before, after):
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


def channels(vector):
    return vector[:, None, None]


def normalize(x, scale, shift, mean, variance, epsilon=1e-5):
    x = (x - channels(mean)) / np.sqrt(channels(variance) + epsilon)
    return x * channels(scale) + channels(shift)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# OpenFace

FILTERS = {  # of the 1x1 and the other convolution, by block and branch
    "3a": {"3x3": (96, 128), "5x5": (16, 32), "pool": (32,), "1x1": (64,)},
    "3b": {"3x3": (96, 128), "5x5": (32, 64), "pool": (64,), "1x1": (64,)},
    "3c": {"3x3": (128, 256), "5x5": (32, 64)},
    "4a": {"3x3": (96, 192), "5x5": (32, 64), "pool": (128,), "1x1": (256,)},
    "4e": {"3x3": (160, 256), "5x5": (64, 128)},
    "5a": {"3x3": (96, 384), "pool": (96,), "1x1": (256,)},
    "5b": {"3x3": (96, 384), "pool": (96,), "1x1": (256,)},
}
DEPTHS = (192, 256, 320, 640, 640, 1024, 736)  # what enters the blocks
STRIDED = {"3c", "4e"}
# Zeros before and after the pooled maps, as the course writes them out.
POOL_PADS = dict(
    zip(FILTERS, ((3, 4), (4, 4), (0, 1), (2, 2), (0, 1), (1, 1), (1, 1)), strict=True)
)
AVERAGED = {"3b", "4a", "5a"}


def openface_arrays():
    """By file name, whole numbers that keep the maps of an ordinary size."""
    rng = np.random.default_rng(0)
    arrays = {}

    def add(conv, bn, *shape):
        inputs = int(np.prod(shape[1:]))
        arrays[f"{conv}_w"] = rng.integers(-3, 4, shape)
        arrays[f"{conv}_b"] = rng.integers(-9, 10, shape[0])
        arrays[f"{bn}_w"] = rng.integers(1, 4, shape[0])
        arrays[f"{bn}_b"] = rng.integers(-1, 3, shape[0])
        arrays[f"{bn}_m"] = rng.integers(-9, 10, shape[0])
        arrays[f"{bn}_v"] = rng.integers(1, 8 * inputs, shape[0])

    add("conv1", "bn1", 64, 3, 7, 7)
    # In these maps the values are from 0 to 1, so that its epsilon matters.
    arrays["bn1_v"] = rng.integers(0, 3, 64)
    arrays["bn1_m"], arrays["conv1_b"] = np.zeros((2, 64), int)
    arrays["conv1_w"][:, :, 1:] = 0
    add("conv2", "bn2", 64, 64, 1, 1)
    add("conv3", "bn3", 192, 64, 3, 3)
    for depth, (block, branches) in zip(DEPTHS, FILTERS.items(), strict=True):
        for branch, filters in branches.items():
            name = f"inception_{block}_{branch}"
            numbers = ("1", "2") if len(filters) == 2 else ("",)
            size = 1 if len(filters) == 1 else int(branch[0])
            shapes = ((filters[0], depth, 1, 1), (filters[-1], filters[0], size, size))
            for number, shape in zip(numbers, shapes, strict=False):
                add(f"{name}_conv{number}", f"{name}_bn{number}", *shape)
    arrays["dense_w"] = rng.integers(-3, 4, (128, 736))
    arrays["dense_b"] = rng.integers(-9, 10, 128)
    return arrays


def openface_forward(arrays, images, edition, blocks=tuple(FILTERS)):
    """nn4.small2 from Torch's definition, or as the course changed it."""

    def conv_bn_relu(x, conv_name, bn_name, stride=1, epsilon=1e-5):
        kernel = arrays[f"{conv_name}_w"].astype("float64")
        x = conv(x, kernel, stride, pad=kernel.shape[2] // 2)
        x = x + channels(arrays[f"{conv_name}_b"])
        x = normalize(x, *(arrays[f"{bn_name}_{part}"] for part in "wbmv"), epsilon)
        return np.maximum(x, 0)

    def across_channels(x):
        if edition == "course":
            return x
        near = np.pad(x**2, ((0, 0), (2, 2), (0, 0), (0, 0)))
        mean = sliding_window_view(near, 5, axis=1).sum(axis=-1) / 5
        return x / (1 + 1e-4 * mean) ** 0.75

    def pooled(x, block):
        if block not in AVERAGED:
            return pool(x, np.max, 2)
        if edition == "course":
            return pool(x, np.mean, 3)
        return np.sqrt(pool(x**2, np.sum, 3))

    x = np.moveaxis(images.astype("float64"), 3, 1) / 255
    epsilon = 1e-3 if edition == "course" else 1e-5
    x = conv_bn_relu(x, "conv1", "bn1", stride=2, epsilon=epsilon)
    x = across_channels(pool(pad_maps(x, 1, 1), np.max, 2))
    x = conv_bn_relu(x, "conv2", "bn2")
    x = across_channels(conv_bn_relu(x, "conv3", "bn3"))
    x = pool(pad_maps(x, 1, 1), np.max, 2)
    for block in blocks:
        name, branches = f"inception_{block}", FILTERS[block]
        parts = []
        for branch in ("3x3", "5x5"):
            if branch in branches:
                part = f"{name}_{branch}"
                y = conv_bn_relu(x, f"{part}_conv1", f"{part}_bn1")
                stride = 2 if block in STRIDED else 1
                y = conv_bn_relu(y, f"{part}_conv2", f"{part}_bn2", stride)
                parts.append(y)
        y = pooled(x, block)
        if "pool" in branches:
            y = conv_bn_relu(y, f"{name}_pool_conv", f"{name}_pool_bn")
        parts.append(pad_maps(y, *POOL_PADS[block]))
        if "1x1" in branches:
            parts.append(conv_bn_relu(x, f"{name}_1x1_conv", f"{name}_1x1_bn"))
        x = np.concatenate(parts, axis=1)
    return unit(x.mean(axis=(2, 3)) @ arrays["dense_w"].T + arrays["dense_b"])


def write_csv(path, array):
    rows = array.reshape(len(array), -1).tolist()
    path.write_text("".join(f"{str(row)[1:-1]}\n" for row in rows))


@pytest.fixture(scope="module")
def openface(tmp_path_factory):
    """The arrays, the folder with their files, and the course's network."""
    folder = tmp_path_factory.mktemp("openface")
    arrays = openface_arrays()
    for name, array in arrays.items():
        write_csv(folder / f"{name}.csv", array)
    model = facenet_nn4_small2()
    assert load_openface(model, folder) is model
    return arrays, folder, model


def faces(*size):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (2, *size, 3)).astype("uint8")


def test_the_test_writes_the_whole_set(openface):
    arrays, folder, model = openface
    assert len(list(folder.iterdir())) == len(arrays) == 37 * 6 + 2
    assert sum(array.size for array in arrays.values()) == model.count_params()


def test_the_course_network_is_its_definition_in_numpy(openface):
    arrays, _, model = openface
    images = faces(96, 96)
    expected = openface_forward(arrays, images, "course")
    assert np.linalg.norm(expected[0] - expected[1]) > 0.05
    np.testing.assert_allclose(outputs_of(model, images), expected, atol=2e-5)


def test_the_original_network_is_its_definition_in_numpy(openface, monkeypatch):
    arrays, _, course = openface
    # The first two blocks have all that is different.
    first = dict(list(NN4_SMALL2_BLOCKS.items())[:2])
    module = "dlai_keras.face_recognition.model"
    monkeypatch.setattr(f"{module}.NN4_SMALL2_BLOCKS", first)
    model = facenet_nn4_small2(edition="openface")
    for layer in model.layers:
        if layer.weights and layer.name != "dense":
            layer.set_weights(course.get_layer(layer.name).get_weights())
    short = arrays | {"dense_w": arrays["dense_w"][:, :320]}
    model.get_layer("dense").set_weights([short["dense_w"].T, short["dense_b"]])
    images = faces(96, 96)[:1]
    expected = openface_forward(short, images, "openface", blocks=first)
    np.testing.assert_allclose(outputs_of(model, images), expected, atol=2e-5)
    other = openface_forward(short, images, "course", blocks=first)
    assert np.linalg.norm(other - expected) > 0.05, "the editions do not differ"


# Errors need no whole network: the files follow from the names of its layers.


def small_network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 3, name="conv1"),
            layers.BatchNormalization(name="bn1"),
            layers.Conv2D(4, 1, name="inception_3a_1x1_conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, name="dense"),
        ]
    )


SMALL = {
    "conv1_w": (2, 3, 3, 3),
    "conv1_b": (2,),
    **{f"bn1_{part}": (2,) for part in "wbmv"},
    "inception_3a_1x1_conv_w": (4, 2, 1, 1),
    "inception_3a_1x1_conv_b": (4,),
    "dense_w": (5, 4),
    "dense_b": (5,),
}


@pytest.fixture
def small(tmp_path):
    """A network and its files, the numbers of each in order from 0."""
    for name, shape in SMALL.items():
        write_csv(tmp_path / f"{name}.csv", np.arange(np.prod(shape)).reshape(shape))
    return small_network(), tmp_path


def test_every_number_has_its_place(small):
    model, folder = small
    load_openface(model, folder)
    kernel, bias = model.get_layer("conv1").get_weights()
    # Torch has (filters, channels, rows, columns).
    expected = np.arange(54).reshape(2, 3, 3, 3).transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected)
    np.testing.assert_array_equal(bias, [0, 1])
    kernel, bias = model.get_layer("dense").get_weights()
    np.testing.assert_array_equal(kernel, np.arange(20).reshape(5, 4).T)
    np.testing.assert_array_equal(bias, np.arange(5))


@pytest.mark.parametrize("shape", [(1, 54), (54, 1), (2, 27), (6, 9), (18, 3)])
def test_lines_may_end_where_an_axis_does(small, shape):
    model, folder = small
    write_csv(folder / "conv1_w.csv", np.arange(54).reshape(shape))
    load_openface(model, folder)
    expected = np.arange(54).reshape(2, 3, 3, 3).transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_layer("conv1").get_weights()[0], expected)


def test_a_folder_that_holds_the_folder_is_found(small):
    model, folder = small
    (folder / "weights").mkdir()
    for path in folder.glob("*.csv"):
        path.rename(folder / "weights" / path.name)
    load_openface(model, folder)
    np.testing.assert_array_equal(model.get_layer("conv1").get_weights()[1], [0, 1])


def test_everything_that_is_wrong_is_named_at_once(small):
    model, folder = small
    before = model.get_weights()
    (folder / "bn1_m.csv").unlink()
    (folder / "dense_b.csv").unlink()
    write_csv(folder / "conv1_b.csv", np.arange(3))
    write_csv(folder / "dense_w.csv", np.arange(20).reshape(4, 5))  # turned
    (folder / "bn1_w.csv").write_text("<!DOCTYPE HTML>\n<html>")
    (folder / "bn1_v.csv").write_text("1.0,nan\n")
    (folder / "bn1_b.csv").write_text("")
    with pytest.raises(ValueError, match="does not hold") as error:
        load_openface(model, folder)
    message = str(error.value)
    assert str(folder) in message
    assert "missing (2): bn1_m.csv, dense_b.csv" in message
    assert "wrong (5): " in message
    for part in (
        "bn1_b.csv holds no numbers, expected 2",
        "bn1_v.csv holds numbers that are not finite",
        "bn1_w.csv holds something else than comma-separated numbers",
        "conv1_b.csv holds 3 x 1 numbers, expected 2",
        "dense_w.csv holds 4 x 5 numbers, expected 5 x 4",
    ):
        assert part in message
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_every_missing_file_of_the_whole_set_is_named(openface, tmp_path):
    arrays, folder, model = openface
    kept = {"bn1_w", "dense_b"}
    for name in kept:
        (tmp_path / f"{name}.csv").write_bytes((folder / f"{name}.csv").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"missing \(222\)") as error:
        load_openface(model, tmp_path)
    for name in arrays.keys() - kept:
        assert f" {name}.csv" in str(error.value)


def test_another_network_and_an_empty_folder_are_refused(small, tmp_path_factory):
    model, folder = small
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="other")
    with pytest.raises(ValueError, match=r"must be facenet_nn4_small2.* other"):
        load_openface(other, folder)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=rf"missing \({len(SMALL)}\)"):
        load_openface(model, empty)
    with pytest.raises(FileNotFoundError, match="in nowhere: no such folder"):
        load_openface(model, Path("nowhere"))


# MobileFaceNet

# Expansion, channels, number and first strides of the blocks: fewer than there are, to
# be quick. The public weights are for all of them.
STAGES = ((2, 64, 2, 2), (4, 128, 1, 2), (2, 128, 2, 1), (4, 128, 1, 2))


@pytest.fixture
def few_blocks(monkeypatch):
    module = "dlai_keras.face_recognition.model"
    monkeypatch.setattr(f"{module}.MOBILE_FACENET_STAGES", STAGES)


def mobile_arrays(embedding_size=6, pool=(2, 1)):
    """By name in the PyTorch module, for pictures of 32 x 16."""
    rng = np.random.default_rng(0)
    arrays = {}

    def add_conv(name, *shape):
        spread = 1 / np.sqrt(np.prod(shape[1:]))
        arrays[f"{name}.weight"] = rng.normal(0, spread, shape)

    def add_bn(name, num):
        arrays[f"{name}.weight"] = rng.uniform(0.5, 1.5, num)
        arrays[f"{name}.bias"] = rng.normal(0, 0.2, num)
        arrays[f"{name}.running_mean"] = rng.normal(0, 0.2, num)
        arrays[f"{name}.running_var"] = rng.uniform(0.5, 1.5, num)
        arrays[f"{name}.num_batches_tracked"] = np.array(7)

    def add_block(name, *shape, prelu=True):
        add_conv(f"{name}.conv", *shape)
        add_bn(f"{name}.bn", shape[0])
        if prelu:
            arrays[f"{name}.prelu.weight"] = rng.uniform(-0.1, 0.5, shape[0])

    add_block("conv1", 64, 3, 3, 3)
    add_block("dw_conv1", 64, 1, 3, 3)
    number, inputs = 0, 64
    for expansion, filters, num_blocks, _ in STAGES:
        for _ in range(num_blocks):
            name, inside = f"blocks.{number}.conv", inputs * expansion
            add_conv(f"{name}.0", inside, inputs, 1, 1)
            add_bn(f"{name}.1", inside)
            arrays[f"{name}.2.weight"] = rng.uniform(-0.1, 0.5, inside)
            add_conv(f"{name}.3", inside, 1, 3, 3)
            add_bn(f"{name}.4", inside)
            arrays[f"{name}.5.weight"] = rng.uniform(-0.1, 0.5, inside)
            add_conv(f"{name}.6", filters, inside, 1, 1)
            add_bn(f"{name}.7", filters)
            number, inputs = number + 1, filters
    add_block("conv2", 512, 128, 1, 1)
    add_block("linear7", 512, 1, *pool, prelu=False)
    add_block("linear1", embedding_size, 512, 1, 1, prelu=False)
    return {name: np.asarray(array, "float32") for name, array in arrays.items()}


def mobile_forward(arrays, images):
    """MobileFaceNet from the PyTorch module's definition."""

    def bn(x, name):
        parts = ("weight", "bias", "running_mean", "running_var")
        return normalize(x, *(arrays[f"{name}.{part}"] for part in parts))

    def prelu(x, name):
        return np.where(x > 0, x, channels(arrays[f"{name}.weight"]) * x)

    def block(x, name, **how):
        x = bn(conv(x, arrays[f"{name}.conv.weight"], **how), f"{name}.bn")
        has_prelu = f"{name}.prelu.weight" in arrays
        return prelu(x, f"{name}.prelu") if has_prelu else x

    x = (np.moveaxis(images.astype("float64"), 3, 1) - 127.5) / 128
    x = block(x, "conv1", stride=2, pad=1)
    x = block(x, "dw_conv1", pad=1, groups=64)
    number = 0
    for _, _, num_blocks, first_stride in STAGES:
        for index in range(num_blocks):
            name, stride = f"blocks.{number}.conv", 1 if index else first_stride
            y = prelu(bn(conv(x, arrays[f"{name}.0.weight"]), f"{name}.1"), f"{name}.2")
            kernel = arrays[f"{name}.3.weight"]
            y = conv(y, kernel, stride, pad=1, groups=len(kernel))
            y = prelu(bn(y, f"{name}.4"), f"{name}.5")
            y = bn(conv(y, arrays[f"{name}.6.weight"]), f"{name}.7")
            x = x + y if x.shape == y.shape else y
            number += 1
    x = block(x, "conv2")
    x = block(x, "linear7", groups=512)
    return unit(block(x, "linear1")[:, :, 0, 0])


def test_mobile_facenet_is_its_definition_in_numpy(few_blocks, tmp_path):
    arrays = mobile_arrays()
    np.savez(tmp_path / "weights.npz", **arrays)
    model = load_mobile_facenet(tmp_path / "weights.npz")
    # Their size follows from the last depthwise kernel.
    assert model.input_shape == (None, 32, 16, 3)
    images = faces(32, 16)
    expected = mobile_forward(arrays, images)
    assert np.linalg.norm(expected[0] - expected[1]) > 0.05
    np.testing.assert_allclose(outputs_of(model, images), expected, atol=2e-5)


def test_arrays_that_do_not_fit_are_named_at_once(few_blocks, tmp_path):
    arrays = mobile_arrays()
    del arrays["conv1.prelu.weight"], arrays["blocks.3.conv.4.running_var"]
    arrays["conv2.bn.bias"] = np.zeros(511, "float32")
    arrays["blocks.15.conv.0.weight"] = np.zeros((256, 128, 1, 1), "float32")
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(ValueError, match=r"weights\.npz does not hold") as error:
        load_mobile_facenet(tmp_path / "weights.npz")
    message = str(error.value)
    for part in (
        "missing (2): blocks.3.conv.4.running_var, conv1.prelu.weight",
        "wrong (1): conv2.bn.bias has shape (511,), expected (512,)",
        "unknown (1): blocks.15.conv.0.weight",
    ):
        assert part in message


def test_what_holds_no_mobile_facenet_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        load_mobile_facenet(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    np.savez(tmp_path / "whole.npz", **{"linear7.conv.weight": np.zeros((9, 1, 7, 6))})
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    for name in ("text", "cut", "one", "objects"):
        with pytest.raises(ValueError, match=rf"{name}\.npz is no NPZ file"):
            load_mobile_facenet(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "other.npz", kernel=np.zeros(3))
    with pytest.raises(ValueError, match=r"no MobileFaceNet.*Received: kernel\."):
        load_mobile_facenet(tmp_path / "other.npz")


@pytest.fixture(scope="module")
def public():
    """The folder of the course's pictures, and the network with the public weights."""
    if "DLAI_DATA" not in os.environ:
        pytest.skip("DLAI_DATA is not set")
    folder = Path(os.environ["DLAI_DATA"], "face_recognition")
    model = load_mobile_facenet(folder / "mobilefacenet" / "mobilefacenet_068.npz")
    model.compile(run_eagerly=True)  # a few pictures are not worth a compilation
    return folder / "assignment_images", model


def test_mobile_facenet_gives_what_pytorch_gives_with_the_public_weights(public):
    _, model = public
    y, x = np.mgrid[:112, :96]
    image = np.stack([2 * y, 2 * x, y + x], axis=-1).astype("uint8")
    # PyTorch 2.13, the module's definition with torch.nn.functional, float32:
    # normalize(forward((image - 127.5) / 128)), the first eight and the last two.
    expected = [
        *(-0.015293, -0.064576, -0.059507, 0.008263, 0.060247),
        *(0.055432, -0.018994, 0.150134, 0.041034, 0.077528),
    ]
    found = outputs_of(model, image[None])[0]
    assert found.shape == (128,)
    np.testing.assert_allclose(found[[*range(8), 126, 127]], expected, atol=1e-5)


def test_mobile_facenet_has_the_published_blocks(public):
    _, model = public
    assert model.input_shape == (None, 112, 96, 3)
    strides = [
        layer.strides[0]
        for layer in model.layers
        if isinstance(layer, layers.DepthwiseConv2D) and layer.name != "linear7_conv"
    ]
    assert strides == [1, 2, *[1] * 4, 2, *[1] * 6, 2, 1, 1]
    adds = [layer for layer in model.layers if isinstance(layer, layers.Add)]
    assert len(adds) == 4 + 6 + 2


def test_mobile_facenet_knows_the_courses_visitors(public):
    pictures, model = public
    database = {
        name: img_to_encoding(pictures / f"{name}.jpg", model)
        for name in ("benoit", "kian", "younes")
    }
    assert who_is_it(pictures / "camera_0.jpg", database, model)[1] == "younes"
    # Benoit says that he is Kian, as in the course.
    visitor = pictures / "camera_2.jpg"
    assert not verify(visitor, "kian", database, model)[1]
    assert verify(visitor, "benoit", database, model)[1]


# PyTorch's checkpoints


def test_a_checkpoint_becomes_a_file_of_arrays(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = {"conv.weight": np.arange(6.0).reshape(1, 2, 1, 3), "bn.num": np.array(3)}
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    half = {name: tensor.bfloat16() for name, tensor in state.items()}
    half["bn.num"] = torch.nn.Parameter(state["bn.num"].float())
    forms = {
        "plain": state,
        "half": half,
        "trained": {"iters": 7, "net_state_dict": state},
        "parallel": {"state_dict": wrapped},
    }
    for name, content in forms.items():
        torch.save(content, tmp_path / f"{name}.ckpt")
        output = tmp_path / f"{name}.npz"
        assert convert_checkpoint(tmp_path / f"{name}.ckpt", output) == output
        with np.load(output) as found:
            assert set(found.files) == set(arrays)
            for key, array in arrays.items():
                np.testing.assert_array_equal(found[key], array)
    with pytest.raises(ValueError, match="convert_checkpoint"):
        load_mobile_facenet((tmp_path / "plain.ckpt").rename(tmp_path / "raw.npz"))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    output = tmp_path / "weights.npz"
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    with pytest.raises(ValueError, match=r"text\.ckpt is no PyTorch checkpoint"):
        convert_checkpoint(tmp_path / "text.ckpt", output)
    # What would run code when it is read.
    torch.save({"state_dict": Harmful()}, tmp_path / "harmful.ckpt")
    with pytest.raises(ValueError, match=r"harmful\.ckpt is no PyTorch checkpoint"):
        convert_checkpoint(tmp_path / "harmful.ckpt", output)
    torch.save({"epoch": 3}, tmp_path / "empty.ckpt")
    with pytest.raises(ValueError, match="expected a dictionary of tensors"):
        convert_checkpoint(tmp_path / "empty.ckpt", output)
    assert not output.exists()


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_without_pytorch_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "a.ckpt").write_bytes(b"")
    with pytest.raises(ImportError, match="takes PyTorch: pip install torch"):
        convert_checkpoint(tmp_path / "a.ckpt", tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match=r"b\.ckpt"):
        convert_checkpoint(tmp_path / "b.ckpt", tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        convert_checkpoint(tmp_path / "a.ckpt", tmp_path / "a.npy")


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_public_checkpoint_becomes_the_public_file_of_arrays(tmp_path):
    pytest.importorskip("torch")
    folder = Path(os.environ["DLAI_DATA"], "face_recognition", "mobilefacenet")
    convert_checkpoint(folder / "068.ckpt", tmp_path / "068.npz")
    with (
        np.load(folder / "mobilefacenet_068.npz") as expected,
        np.load(tmp_path / "068.npz") as found,
    ):
        assert set(found.files) == set(expected.files)
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])
