"""TFRecord files without TensorFlow, for data that must not wait for its import.

A file is a row of records, each a `tf.train.Example`: named lists of bytes, floats or
whole numbers in the protocol-buffer wire format. `tf.data.TFRecordDataset` and
`tf.io.parse_single_example` read them.

Reference:
    - TensorFlow, "TFRecord and tf.train.Example", for the framing.
    - Protocol Buffers, "Encoding", for the wire format.
"""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

# Wire-format tags: field number << 3 | 2, the type of everything with a length.
_FIRST, _SECOND, _THIRD = b"\x0a", b"\x12", b"\x1a"
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = _FIRST, _SECOND, _THIRD

_CRC_MASK = 0xA282EAD8  # the framing masks checksums, as records may hold checksums


def check_available() -> None:
    """Raises a ModuleNotFoundError if the package for the checksums is missing.

    Example:
        >>> check_available()
    """
    _crc32c()


def encode_example(features: Mapping[str, object]) -> bytes:
    """One `tf.train.Example`, with its features in the order of their names.

    Args:
        features: by name, a value or a list or array of values. `bytes` and `str`
            (as UTF-8) become a bytes list; whole numbers and truth values an int64
            list; real numbers a float list, in float32, which is all that the format
            has. Arrays are flattened in C order. An empty list is stored without a
            type, an empty array with that of its dtype.

    Returns:
        The serialised example; equal features give equal bytes.

    Raises:
        ValueError: if a name is not a string, or a value is of another kind, mixes
            kinds, or does not fit into int64.

    Example:
        >>> len(encode_example({"audio": np.zeros(160_000, "float32"), "label": 1}))
        640043
    """
    entries = []
    for name in sorted(features, key=_name_order):
        key = _delimited(_FIRST, [name.encode()])
        value = _delimited(_SECOND, _feature(name, features[name]))
        entries += _delimited(_FIRST, key + value)
    return b"".join(_delimited(_FIRST, entries))


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Writes records to a file as they come; an existing file is replaced.

    The file is complete only when this returns: write to a temporary name and rename.

    Args:
        path: the file to write.
        records: serialised examples, such as those of `encode_example`.

    Returns:
        The number of records written.

    Raises:
        ModuleNotFoundError: if `google-crc32c` is not installed. Nothing is written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_records(Path(folder) / "train.tfrecord", [b"first", b"second"])
        2
    """
    crc32c = _crc32c()
    count = 0
    with Path(path).open("wb") as file:
        for record in records:
            length = struct.pack("<Q", len(record))
            file.write(length)
            file.write(_masked(crc32c(length)))
            file.write(record)
            file.write(_masked(crc32c(record)))
            count += 1
    return count


def _crc32c():
    try:
        import google_crc32c
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "TFRecord files need google-crc32c: install dlai_keras[tfrecord]."
        ) from None
    return google_crc32c.value


def _masked(crc):
    rotated = (crc >> 15) | (crc << 17)
    return struct.pack("<I", (rotated + _CRC_MASK) & 0xFFFFFFFF)


def _name_order(name):
    if not isinstance(name, str):
        raise ValueError(f"A feature's name must be a string. Received: {name!r}.")
    return name.encode()


def _feature(name, value):
    """The pieces of a `tf.train.Feature`."""
    if isinstance(value, bytes | bytearray | memoryview | str):
        value = [value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "SUO":
        value = value.ravel().tolist()
    if isinstance(value, list | tuple):
        if not value:
            return []
        texts = [
            isinstance(item, bytes | bytearray | memoryview | str) for item in value
        ]
        if all(texts):
            return _delimited(_BYTES_LIST, _bytes_values(value))
        if any(texts):
            raise _wrong_value(name, value)
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        raise _wrong_value(name, value) from None
    if array.dtype.kind == "f":
        packed = array.astype("<f4").tobytes()
        return _delimited(_FLOAT_LIST, _packed(packed))
    if array.dtype.kind in "bi" or (
        array.dtype.kind == "u" and (not array.size or array.max() < 2**63)
    ):
        return _delimited(_INT64_LIST, _packed(_varints(array.astype("int64").ravel())))
    raise _wrong_value(name, value)


def _wrong_value(name, value):
    return ValueError(
        f"Feature `{name}` must be bytes, text, whole numbers of 64 bits or real "
        f"numbers, all of one kind. Received: {type(value).__name__} {value!r:.80}."
    )


def _bytes_values(values):
    pieces = []
    for value in values:
        data = value.encode() if isinstance(value, str) else bytes(value)
        pieces += _delimited(_FIRST, [data])
    return pieces


def _packed(data):
    # As TensorFlow writes it: an empty list has a type but no values.
    return _delimited(_FIRST, [data]) if data else []


def _delimited(tag, pieces):
    """A field of known length. Pieces are joined once, at the end: audio is large."""
    length = sum(map(len, pieces))
    prefix = bytearray(tag)
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return [prefix, *pieces]


def _varints(values):
    """Many whole numbers, seven bits to a byte, the last byte of each below 128."""
    # Negative numbers are their two's complement, always ten bytes.
    bits = values.astype("int64").view("uint64")[:, None]
    septets = bits >> np.arange(0, 70, 7, dtype="uint64")  # (num_values, 10)
    follows = np.zeros(septets.shape, bool)  # does another byte follow?
    follows[:, :-1] = septets[:, 1:] != 0
    used = np.ones(septets.shape, bool)
    used[:, 1:] = septets[:, 1:] != 0
    data = (septets & np.uint64(0x7F)) | (follows.astype("uint64") << np.uint64(7))
    return data.astype("uint8")[used].tobytes()
