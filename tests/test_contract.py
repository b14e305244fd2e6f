"""The contract lets good layers and losses pass and catches each kind of bad one."""

import keras
import numpy as np
import pytest
from contract import check_layer, check_loss
from keras import ops

pytestmark = pytest.mark.backends

INPUTS = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


@keras.saving.register_keras_serializable(package="test_contract")
class Scale(keras.layers.Layer):
    """Good: multiplies by a weight for each feature, and by a factor."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.scale * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Forgets(Scale):
    def get_config(self):
        return keras.layers.Layer.get_config(self)


class Resets(Scale):
    def get_config(self):
        return {**super().get_config(), "factor": 1.0}


class Unregistered(Scale):
    pass


@keras.saving.register_keras_serializable(package="test_contract")
class WrongShape(Scale):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 7)


@keras.saving.register_keras_serializable(package="test_contract")
class HalfPrecision(Scale):
    def call(self, inputs):
        return ops.cast(super().call(inputs), "float16")


@keras.saving.register_keras_serializable(package="test_contract")
class RootOfSquares(Scale):
    def call(self, inputs):  # finite at zero, its gradient is not
        return ops.sqrt(ops.square(super().call(inputs)))


@keras.saving.register_keras_serializable(package="test_contract")
class Detached(Scale):
    def call(self, inputs):
        return ops.stop_gradient(super().call(inputs)) + 0 * inputs * self.scale


@keras.saving.register_keras_serializable(package="test_contract")
class Sum(keras.layers.Layer):
    """Good: of two inputs."""

    def call(self, inputs):
        return inputs[0] + inputs[1]


@keras.saving.register_keras_serializable(package="test_contract")
class Power(keras.losses.Loss):
    """Good: mean power of the differences."""

    def __init__(self, exponent=2, name="power", **kwargs):
        super().__init__(name=name, **kwargs)
        self.exponent = exponent

    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** self.exponent, axis=-1)

    def get_config(self):
        return {**super().get_config(), "exponent": self.exponent}


@keras.saving.register_keras_serializable(package="test_contract")
class ForgetfulPower(Power):
    def get_config(self):
        return keras.losses.Loss.get_config(self)


@keras.saving.register_keras_serializable(package="test_contract")
class TotalPower(Power):
    def call(self, y_true, y_pred):
        return ops.mean(super().call(y_true, y_pred))


@keras.saving.register_keras_serializable(package="test_contract")
class RootPower(Power):
    def call(self, y_true, y_pred):
        return ops.sqrt(ops.mean(ops.square(y_pred), axis=-1)) + 0 * y_true[:, 0]


@keras.saving.register_keras_serializable(package="test_contract")
class FlatPower(Power):
    def call(self, y_true, y_pred):
        return super().call(y_true, ops.stop_gradient(y_pred)) + 0 * y_pred[:, 0]


def test_a_good_layer_passes_and_its_outputs_come_back(tmp_path):
    outputs = check_layer(Scale(2.0), INPUTS, (3, 4), tmp_path)
    np.testing.assert_allclose(outputs, 2 * INPUTS)


def test_a_layer_with_two_inputs_passes(tmp_path):
    outputs = check_layer(Sum(), [INPUTS, INPUTS], (3, 4), tmp_path)
    np.testing.assert_allclose(outputs, 2 * INPUTS)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Forgets, "get_config lacks `factor`"),
        (Resets, "`factor` has its default value"),
        (Unregistered, "Could not locate class"),
        (WrongShape, "the symbolic shape"),
        (HalfPrecision, "the dtype of the outputs"),
        (RootOfSquares, "is not finite"),
        (Detached, "has no gradient"),
    ],
)
def test_a_bad_layer_is_caught(layer, message, tmp_path):
    with pytest.raises((AssertionError, TypeError), match=message):
        check_layer(layer(2.0), INPUTS, (3, 4), tmp_path)


def test_a_layer_called_with_its_defaults_is_caught(tmp_path):
    with pytest.raises(AssertionError, match="`factor` has its default value"):
        check_layer(Scale(), INPUTS, (3, 4), tmp_path)


def test_a_good_loss_passes_and_its_values_come_back(tmp_path):
    values = check_loss(Power(3), np.zeros_like(INPUTS), INPUTS, tmp_path)
    np.testing.assert_allclose(values, np.mean(np.abs(INPUTS) ** 3, 1), rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (ForgetfulPower, "get_config lacks `exponent`"),
        (TotalPower, "one value per example"),
        (RootPower, "not finite"),
        (FlatPower, "no gradient"),
    ],
)
def test_a_bad_loss_is_caught(loss, message, tmp_path):
    with pytest.raises(AssertionError, match=message):
        check_loss(loss(3), np.ones_like(INPUTS), INPUTS, tmp_path)
