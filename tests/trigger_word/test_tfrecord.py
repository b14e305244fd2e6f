"""What is written without TensorFlow, TensorFlow reads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.trigger_word import tfrecord
from dlai_keras.trigger_word.tfrecord import encode_example, write_records

pytest.importorskip("google_crc32c")
tf = pytest.importorskip("tensorflow")

NUMBERS = [0, 1, -1, 127, 128, 300, 16_383, 16_384, 2**31, 2**63 - 1, -(2**63)]


def tensorflow_example(features):
    """The same example, serialised by TensorFlow's own classes."""
    example = tf.train.Example()
    for name, (kind, values) in features.items():
        # An empty list has a type all the same.
        getattr(example.features.feature[name], kind).SetInParent()
        getattr(example.features.feature[name], kind).value.extend(values)
    return example.SerializeToString(deterministic=True)


def test_examples_are_the_bytes_that_tensorflow_writes():
    ours = encode_example(
        {
            "words": ["activate", b"\x00\xff", ""],
            "audio": np.linspace(-1, 1, 1001),
            "numbers": NUMBERS,
            "label": True,
            "snr_db": -3.5,
            "rate": np.int16(16_000),
            "text": "Grüße",
            "none": np.zeros(0, "int64"),
            "no_audio": np.zeros(0, "float32"),
        }
    )
    theirs = tensorflow_example(
        {
            "words": ("bytes_list", [b"activate", b"\x00\xff", b""]),
            "audio": ("float_list", np.linspace(-1, 1, 1001)),
            "numbers": ("int64_list", NUMBERS),
            "label": ("int64_list", [1]),
            "snr_db": ("float_list", [-3.5]),
            "rate": ("int64_list", [16_000]),
            "text": ("bytes_list", ["Grüße".encode()]),
            "none": ("int64_list", []),
            "no_audio": ("float_list", []),
        }
    )
    assert tf.train.Example.FromString(ours) == tf.train.Example.FromString(theirs)
    assert ours == theirs


def test_no_features_are_an_example_too():
    assert tf.train.Example.FromString(encode_example({})) == tf.train.Example(
        features=tf.train.Features()
    )


def test_tensorflow_reads_ten_seconds_as_floats_and_as_int16(tmp_path):
    rng = np.random.default_rng(0)
    audio = rng.uniform(-1, 1, (3, 441_000)).astype("float32")
    samples = (audio * 32_767).astype("<i2")
    labels = rng.integers(0, 2, (3, 1375))
    path = tmp_path / "train.tfrecord"
    written = write_records(
        path,
        (
            encode_example({"audio": a, "samples": s.tobytes(), "labels": y})
            for a, s, y in zip(audio, samples, labels, strict=True)
        ),
    )
    assert written == 3
    spec = {
        "audio": tf.io.FixedLenFeature([441_000], tf.float32),
        "samples": tf.io.FixedLenFeature([], tf.string),
        "labels": tf.io.FixedLenFeature([1375], tf.int64),
    }
    read = [
        tf.io.parse_single_example(record, spec)
        for record in tf.data.TFRecordDataset(str(path))
    ]
    assert len(read) == 3
    for i, example in enumerate(read):
        np.testing.assert_array_equal(example["audio"], audio[i])
        np.testing.assert_array_equal(
            tf.io.decode_raw(example["samples"], tf.int16), samples[i]
        )
        np.testing.assert_array_equal(example["labels"], labels[i])


def test_tensorflow_reads_lists_of_any_length(tmp_path):
    path = tmp_path / "lists.tfrecord"
    onsets = [[], [0.5], [0.25, 3.0, 9.5]]
    write_records(
        path, (encode_example({"onset": o, "clip": ["a"] * len(o)}) for o in onsets)
    )
    spec = {
        "onset": tf.io.VarLenFeature(tf.float32),
        "clip": tf.io.VarLenFeature(tf.string),
    }
    for record, expected in zip(
        tf.data.TFRecordDataset(str(path)), onsets, strict=True
    ):
        example = tf.io.parse_single_example(record, spec)
        assert example["onset"].values.numpy().tolist() == expected
        assert len(example["clip"].values) == len(expected)


def test_files_are_the_bytes_that_tensorflow_writes(tmp_path):
    records = [b"", b"one", bytes(range(256)) * 300]
    assert write_records(tmp_path / "ours", iter(records)) == 3
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_a_file_without_records_is_empty(tmp_path):
    assert write_records(tmp_path / "empty", []) == 0
    assert (tmp_path / "empty").read_bytes() == b""


def test_records_are_written_as_they_come(tmp_path):
    path = tmp_path / "stream"
    sizes = []

    def records():
        for _ in range(3):
            sizes.append(path.stat().st_size)
            yield bytes(1_000_000)  # beyond any buffer

    write_records(path, records())
    assert sizes[0] == 0
    assert sizes[1] >= 1_000_000
    assert sizes[2] >= 2_000_000


def test_the_order_of_features_does_not_change_the_bytes():
    features = {"b": 1, "a": [1.0, 2.0], "c": b"x"}
    assert encode_example(features) == encode_example(dict(reversed(features.items())))


@pytest.mark.parametrize(
    "value",
    [
        None,
        1j,
        [b"a", 1],
        [1, "a"],
        2**63,
        -(2**63) - 1,
        {"a": 1},
        [[1], [1, 2]],
        np.array([2**63], "uint64"),
        np.array(["2024"], "datetime64[D]"),
    ],
)
def test_a_value_that_the_format_has_no_place_for_is_named(value):
    with pytest.raises(ValueError, match="Feature `odd` must be"):
        encode_example({"odd": value})


def test_a_name_that_is_no_string_is_refused():
    with pytest.raises(ValueError, match="name must be a string"):
        encode_example({1: 1})


def test_a_missing_package_is_one_line_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    message = r"install dlai_keras\[tfrecord\]"
    with pytest.raises(ModuleNotFoundError, match=message):
        tfrecord.check_available()
    with pytest.raises(ModuleNotFoundError, match=message):
        write_records(tmp_path / "train.tfrecord", [b"x"])
    assert not list(tmp_path.iterdir())


def test_writing_does_not_import_tensorflow():
    code = (
        "import sys, dlai_keras.trigger_word.tfrecord as t; t.check_available(); "
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
