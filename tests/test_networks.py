"""Networks on disk are whole, and come back with what belongs to them."""

import json

import h5py
import keras
import numpy as np
import pytest

from dlai_keras import networks


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


def test_what_is_saved_comes_back_with_its_record(network, tmp_path):
    networks.save(tmp_path / "new", network, "notes.json", {"name": "für"})
    for path in (tmp_path / "new", tmp_path / "new" / "model.keras"):
        again, name = networks.load(path, "notes.json", lambda r: r["name"], "a name")
        assert name == "für"
        for ours, theirs in zip(again.weights, network.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"model.keras", "notes.json"}


def test_half_precision_takes_half_the_file_and_keeps_three_digits(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((200,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(200)(inputs))
    network = keras.Model(inputs, x)
    large = network.layers[-1].moving_variance
    large.assign(np.full(200, 1e6))  # beyond half precision
    for half in (False, True):
        networks.save(tmp_path / str(half), network, "notes.json", {}, half=half)
    sizes = [(tmp_path / str(h) / "model.keras").stat().st_size for h in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    again, _ = networks.load(tmp_path / "True", "notes.json", dict, "notes")
    for ours, theirs in zip(again.weights, network.weights, strict=True):
        assert keras.backend.standardize_dtype(ours.dtype) == "float32"
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(ours),
            keras.ops.convert_to_numpy(theirs),
            rtol=2**-11,
            atol=1e-7,
        )


def test_what_is_missing_or_no_such_thing_is_named(network, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"beside it notes\.json"):
        networks.load(tmp_path, "notes.json", dict, "a name")
    networks.save(tmp_path, network, "notes.json", {})
    with pytest.raises(ValueError, match=r"notes\.json must hold a name"):
        networks.load(tmp_path, "notes.json", lambda record: record["name"], "a name")
    (tmp_path / "model.keras").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="no saved Keras model"):
        networks.load(tmp_path, "notes.json", dict, "a name")


def test_legacy_weights_come_by_layer_with_the_configuration(tmp_path):
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"a": 1})
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"input", b"dense"]
        group.create_group("input").attrs["weight_names"] = []
        dense = group.create_group("dense")
        dense.attrs["weight_names"] = [b"kernel", b"bias"]
        dense["kernel"], dense["bias"] = np.ones((3, 2)), np.zeros(2)
    arrays, configuration = networks.read_legacy_weights(path)
    assert [[array.shape for array in layer] for layer in arrays] == [[(3, 2), (2,)]]
    assert configuration == {"a": 1}


def test_other_files_are_no_legacy_weights(tmp_path):
    (tmp_path / "text.h5").write_text("no", encoding="utf-8")
    with pytest.raises(ValueError, match="no HDF5 file"):
        networks.read_legacy_weights(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match="holds no weights as Keras 2"):
        networks.read_legacy_weights(tmp_path / "other.h5")
