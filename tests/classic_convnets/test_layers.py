"""What the classic networks had and Keras has not."""

import keras
import numpy as np
import pytest
from contract import check_layer
from keras import ops

from dlai_keras.classic_convnets.layers import (
    ConnectionTableConv2D,
    LocalResponseNormalization,
    RadialBasis,
    SpatialExpectation,
    Subsampling,
    scaled_tanh,
)

pytestmark = pytest.mark.backends


def maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def outputs_of(layer, inputs):
    return ops.convert_to_numpy(layer(inputs))


def test_local_response_normalization_keeps_the_contract(tmp_path):
    layer = LocalResponseNormalization(3, 1.5, 0.2, 0.5)
    check_layer(layer, maps(2, 4, 4, 6), (2, 4, 4, 6), tmp_path)


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_local_response_normalization_equals_its_definition(size):
    inputs, k, alpha, beta = maps(2, 3, 2, 7), 2.0, 0.3, 0.75
    expected = np.empty_like(inputs)
    for c in range(7):
        low, high = max(0, c - size // 2), min(6, c + size // 2)
        total = (inputs[..., low : high + 1] ** 2).sum(axis=-1)
        expected[..., c] = inputs[..., c] / (k + alpha * total) ** beta
    outputs = outputs_of(LocalResponseNormalization(size, k, alpha, beta), inputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
def test_local_response_normalization_equals_tensorflows():
    import tensorflow as tf

    inputs = 20 * maps(2, 3, 3, 12)
    expected = tf.nn.local_response_normalization(inputs, 2, 2.0, 1e-4, 0.75)
    outputs = outputs_of(LocalResponseNormalization(), inputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


@pytest.mark.parametrize("arguments", [{"size": 4}, {"size": 0}, {"k": 0}])
def test_wrong_arguments_of_local_response_normalization_are_named(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        LocalResponseNormalization(**arguments)


def test_subsampling_keeps_the_contract(tmp_path):
    check_layer(Subsampling(3), maps(2, 7, 6, 3), (2, 2, 2, 3), tmp_path)


def test_subsampling_starts_as_the_mean_and_scales_and_shifts_each_map():
    inputs, layer = maps(2, 4, 6, 3), Subsampling(2)
    mean = inputs.reshape(2, 2, 2, 3, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(outputs_of(layer, inputs), mean, rtol=1e-4, atol=1e-6)
    coefficient, bias = np.array([1, 2, 3]), np.array([0.5, 0, -1])
    layer.set_weights([coefficient, bias])
    expected = coefficient * 4 * mean + bias
    np.testing.assert_allclose(
        outputs_of(layer, inputs), expected, rtol=1e-4, atol=1e-5
    )


def test_connection_table_keeps_the_contract(tmp_path):
    layer = ConnectionTableConv2D([[0, 2], [1], [0, 1, 2], [2]], 3)
    check_layer(layer, maps(2, 6, 5, 3), (2, 4, 3, 4), tmp_path)


def test_connection_table_equals_a_convolution_whose_other_weights_are_zero():
    table = [[0, 2], [1], [0, 1, 2], [2]]
    inputs, layer = maps(2, 6, 5, 3), ConnectionTableConv2D(table, 3)
    outputs = outputs_of(layer, inputs)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (9, 7)  # weights of the seven connections, and no others
    bias = np.arange(4.0)
    layer.set_weights([kernel, bias])
    whole = np.zeros((3, 3, 3, 4), "float32")
    column = 0
    for filters, row in enumerate(table):
        for channel in row:
            whole[..., channel, filters] = kernel[:, column].reshape(3, 3)
            column += 1
    plain = keras.layers.Conv2D(4, 3)
    plain.build(inputs.shape)
    plain.set_weights([whole, bias])
    expected = outputs_of(plain, inputs)
    np.testing.assert_allclose(outputs_of(layer, inputs), expected, atol=1e-5)
    assert np.abs(outputs - expected).max() > 0.5  # the biases


@pytest.mark.parametrize("table", [[], [[]], [[0, 0]], [[-1]]])
def test_a_wrong_connection_table_is_named(table):
    with pytest.raises(ValueError, match="`table` must hold"):
        ConnectionTableConv2D(table)


def test_a_table_of_maps_that_are_not_there_is_named():
    with pytest.raises(ValueError, match=r"`table` must name maps from 0 to 2.*: 3"):
        ConnectionTableConv2D([[3]])(maps(1, 8, 8, 3))


def test_radial_basis_keeps_the_contract(tmp_path):
    layer = RadialBasis([[1, -1, 1], [0.5, 1, 2]])
    outputs = check_layer(layer, maps(4, 3), (4, 2), tmp_path)
    offsets = maps(4, 3)[:, None] - np.array([[1, -1, 1], [0.5, 1, 2]])
    np.testing.assert_allclose(outputs, (offsets**2).sum(-1), rtol=1e-5)


def test_codes_are_not_trained():
    layer = RadialBasis([[1, -1, 1]])
    layer.build((None, 3))
    assert not layer.trainable_weights and layer.count_params() == 3


def test_wrong_codes_are_named():
    with pytest.raises(ValueError, match=r"`codes` must be rows of one length.*1, 2"):
        RadialBasis([[1, 2], [1]])
    with pytest.raises(ValueError, match=r"as long as the codes, 3.*\(2, 4\)"):
        RadialBasis([[1, 2, 3]])(maps(2, 4))


def test_spatial_expectation_keeps_the_contract(tmp_path):
    outputs = check_layer(
        SpatialExpectation(2.0), maps(2, 5, 4, 3), (2, 3, 2), tmp_path
    )
    weights = np.exp(2.0 * maps(2, 5, 4, 3).astype("float64"))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    x = np.einsum("bhwn,w->bn", weights, (np.arange(4) + 0.5) / 4)
    y = np.einsum("bhwn,h->bn", weights, (np.arange(5) + 0.5) / 5)
    np.testing.assert_allclose(outputs, np.stack([x, y], -1), rtol=1e-4)


def test_a_level_map_says_the_middle():
    outputs = outputs_of(SpatialExpectation(), np.zeros((1, 6, 8, 2), "float32"))
    np.testing.assert_allclose(outputs, 0.5, rtol=1e-6)


def test_sharpness_must_be_above_zero():
    with pytest.raises(ValueError, match="`sharpness` must be above 0"):
        SpatialExpectation(0)


def test_the_squashing_function_is_lenets():
    x = np.linspace(-3, 3, 7).astype("float32")
    outputs = ops.convert_to_numpy(scaled_tanh(ops.array(x)))
    np.testing.assert_allclose(outputs, 1.7159 * np.tanh(2 / 3 * x), rtol=1e-5)
    assert outputs[4] == pytest.approx(1, abs=1e-4)
