"""What a network costs, layer by layer."""

import keras
import numpy as np
import pytest
from keras import layers

from dlai_keras.classic_convnets.complexity import nodes, summary, totals


def multiply_adds(layer, shape):
    inputs = keras.Input(shape)
    return summary(keras.Model(inputs, layer(inputs)))[-1]["multiply_adds"]


def counted(kernel_shape, out_shape, groups=1):
    """By the definition: go through every output and count what is multiplied."""
    count = 0
    for _ in np.ndindex(*out_shape):
        for _ in np.ndindex(*kernel_shape):
            count += 1
    return count // groups


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Dense(4), (6,), counted((6,), (4,))),
        (layers.Dense(4), (3, 6), counted((6,), (3, 4))),
        (layers.Conv2D(4, 3), (6, 7, 2), counted((3, 3, 2), (4, 5, 4))),
        (layers.Conv2D(4, 3, 2, "same"), (6, 7, 2), counted((3, 3, 2), (3, 4, 4))),
        (layers.Conv2D(4, 3, groups=2), (5, 5, 6), counted((3, 3, 3), (3, 3, 4))),
        (layers.Conv1D(4, 3), (8, 2), counted((3, 2), (6, 4))),
        (layers.DepthwiseConv2D(3), (5, 5, 6), counted((3, 3), (3, 3, 6))),
        (
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            (5, 5, 2),
            counted((3, 3), (3, 3, 4)),
        ),
        (
            layers.SeparableConv2D(4, 3),
            (5, 5, 6),
            counted((3, 3), (3, 3, 6)) + counted((6,), (3, 3, 4)),
        ),
        (layers.MaxPooling2D(), (4, 4, 2), 0),
        (layers.BatchNormalization(), (4, 4, 2), 0),
        (layers.Flatten(), (4, 4, 2), 0),
    ],
)
def test_multiply_adds_equal_those_counted_one_by_one(layer, shape, expected):
    assert multiply_adds(layer, shape) == expected


def test_rows_have_shapes_sizes_and_parameters():
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    model = keras.Model(inputs, layers.Flatten(name="flat")(x))
    rows = summary(model)
    assert [row["layer"] for row in rows] == ["image", "conv", "flat"]
    assert [row["activation_shape"] for row in rows] == [(8, 8, 3), (6, 6, 4), (144,)]
    assert [row["activation_size"] for row in rows] == [192, 144, 144]
    assert [row["parameters"] for row in rows] == [0, 112, 0]
    assert totals(rows) == {"parameters": 112, "multiply_adds": 36 * 4 * 27}
    assert totals(rows)["parameters"] == model.count_params()


def test_nested_and_sequential_models_are_opened():
    inner = keras.Sequential(
        [keras.Input((6, 6, 2)), layers.Conv2D(3, 3, name="conv")], name="inner"
    )
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), inner, layers.Flatten(), layers.Dense(2, name="top")]
    )
    rows = {row["layer"]: row for row in summary(model)}
    assert rows["inner/conv"]["parameters"] == 57
    assert rows["top"]["multiply_adds"] == 48 * 2
    assert totals(list(rows.values()))["parameters"] == model.count_params()


def test_a_layer_that_is_used_twice_costs_twice_and_has_its_parameters_once():
    inputs = keras.Input((5,))
    dense = layers.Dense(5)
    model = keras.Model(inputs, dense(dense(inputs)))
    assert totals(summary(model)) == {"parameters": 30, "multiply_adds": 50}
    assert len(nodes(model)) == 3


def test_sizes_that_are_not_known_are_none():
    inputs = keras.Input((None, None, 3))
    rows = summary(keras.Model(inputs, layers.Conv2D(2, 3)(inputs)))
    assert rows[1]["activation_size"] is None and rows[1]["multiply_adds"] is None
    assert totals(rows) == {"parameters": 56, "multiply_adds": None}


def test_what_is_not_built_is_refused():
    with pytest.raises(ValueError, match=r"built Keras model.*sequential"):
        summary(keras.Sequential([layers.Dense(2)], name="sequential"))
