"""What every public layer and loss promises, checked in one call each."""

import inspect
import json

import keras
import numpy as np
from keras import ops


class _Gain(keras.layers.Layer):
    """Multiplies by a weight: its gradient shows what flows back to the inputs."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain

    def compute_output_shape(self, input_shape):
        return input_shape


def check_layer(
    layer, inputs, output_shape, tmp_path, *, differentiable=True, rtol=1e-5
):
    """Asserts that `layer` builds, has the shape it says, trains and survives saving.

    Args:
        layer: an unbuilt `keras.layers.Layer`, made with values for its arguments that
            are not the defaults, or a lost one would go unseen.
        inputs: array with a batch axis, or a list of them. Whole numbers get no
            gradient.
        output_shape: expected shape, batch included.
        tmp_path: where to write the saved model.
        differentiable: whether the outputs depend on the inputs through gradients.
        rtol: relative tolerance of equal outputs.

    Returns:
        The untrained layer's outputs as a NumPy array, for the test to look into.
    """
    output_shape = tuple(output_shape)
    _check_config(layer, base_arguments={"name", "dtype", "trainable"})
    revived = type(layer).from_config(layer.get_config())

    symbols = keras.tree.map_structure(
        lambda array: keras.Input(array.shape[1:], dtype=str(array.dtype)), inputs
    )
    model = keras.Model(symbols, layer(symbols))
    assert model.output_shape == (None, *output_shape[1:]), "the symbolic shape"
    outputs = model.predict(inputs, verbose=0)
    assert outputs.shape == output_shape, "the shape of the outputs"
    for dtype in (keras.backend.standardize_dtype(model.output.dtype), outputs.dtype):
        assert dtype == "float32", "the dtype of the outputs"
    assert np.isfinite(outputs).all(), "the outputs are not finite"

    twin = keras.Model(symbols, revived(symbols))
    assert [w.shape for w in revived.weights] == [w.shape for w in layer.weights]
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(twin.predict(inputs, verbose=0), outputs, rtol=rtol)

    differentiable = differentiable and all(
        np.issubdtype(array.dtype, np.floating) for array in keras.tree.flatten(inputs)
    )
    if differentiable or layer.trainable_weights:
        _check_layer_gradients(layer, symbols, inputs, outputs, differentiable)

    trained = model.predict(inputs, verbose=0)
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    assert loaded.get_layer(layer.name).get_config() == layer.get_config()
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), trained, rtol=rtol)
    return outputs


def check_loss(loss, y_true, y_pred, tmp_path, *, rtol=1e-5):
    """Asserts that `loss` is one value per example, trains and survives saving.

    Args:
        loss: a `keras.losses.Loss` with the default reduction, made with values for its
            arguments that are not the defaults, or a lost one would go unseen.
        y_true: array with a batch axis, of two examples or more.
        y_pred: float32 array with a batch axis, at which the loss has a gradient.
        tmp_path: where to write the saved model.
        rtol: relative tolerance of equal values.

    Returns:
        The loss of every example as a NumPy array, for the test to look into.
    """
    config = _check_config(loss, base_arguments={"name", "dtype", "reduction"})
    unreduced = type(loss).from_config({**config, "reduction": None})
    values = ops.convert_to_numpy(unreduced(y_true, y_pred))
    assert values.shape == (len(y_pred),), "a loss gives one value per example"
    assert values.dtype == "float32"
    assert np.isfinite(values).all()
    assert loss.reduction == "sum_over_batch_size"
    mean = ops.convert_to_numpy(loss(y_true, y_pred))
    np.testing.assert_allclose(mean, values.mean(), rtol=rtol)
    weights = np.linspace(0, 1, len(values), dtype="float32")
    weighted = ops.convert_to_numpy(unreduced(y_true, y_pred, sample_weight=weights))
    np.testing.assert_allclose(weighted, values * weights, rtol=rtol)

    symbol = keras.Input(y_pred.shape[1:])
    gain = _Gain()
    model = keras.Model(symbol, gain(symbol))
    model.compile(_steps(), loss=loss)
    for predictions in (np.zeros_like(y_pred), y_pred):
        gain.set_weights([np.ones(())])
        assert np.isfinite(model.train_on_batch(predictions, y_true))
        assert np.isfinite(gain.gain), "the gradient is not finite"
    assert gain.gain != 1, "the loss has no gradient; choose other predictions"

    model.save(tmp_path / "loss.keras")
    loaded = keras.saving.load_model(
        tmp_path / "loss.keras", custom_objects={"_Gain": _Gain}
    )
    assert type(loaded.loss) is type(loss)
    assert loaded.loss.get_config() == config
    np.testing.assert_allclose(
        loaded.evaluate(y_pred, y_true, verbose=0),
        model.evaluate(y_pred, y_true, verbose=0),
        rtol=rtol,
    )
    return values


def _check_config(thing, base_arguments):
    """Asserts that the config holds every argument, at a value it did not have to."""
    config = thing.get_config()
    for name, parameter in inspect.signature(type(thing)).parameters.items():
        variadic = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        if variadic or name in base_arguments:
            continue
        assert name in config, f"get_config lacks `{name}`"
        if parameter.default is not parameter.empty:
            assert not _equal(config[name], parameter.default), (
                f"`{name}` has its default value in the config: the check is called "
                "without another one, or get_config loses it"
            )
    text = json.dumps(keras.saving.serialize_keras_object(thing))
    read = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(read) is type(thing)
    for revived in (read, type(thing).from_config(config)):
        assert _equal(revived.get_config(), config), "revival changes the config"
    return config


def _equal(one, other):
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)  # JSON makes lists of tuples
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    return bool(np.all(one == other))


def _check_layer_gradients(layer, symbols, inputs, outputs, differentiable):
    """Asserts that one small step from any inputs, zeros too, leaves finite weights."""
    gains = []
    entry = symbols
    if differentiable:
        gains = [_Gain() for _ in keras.tree.flatten(inputs)]
        entry = keras.tree.pack_sequence_as(
            symbols,
            [g(s) for g, s in zip(gains, keras.tree.flatten(symbols), strict=True)],
        )
    model = keras.Model(symbols, layer(entry))
    model.compile(_steps(), loss="mse")
    target = outputs + np.random.default_rng(0).normal(size=outputs.shape)
    before = model.get_weights()
    zeros = keras.tree.map_structure(np.zeros_like, inputs)
    for batch in (zeros, inputs):
        model.set_weights(before)
        assert np.isfinite(model.train_on_batch(batch, target.astype("float32")))
        for weight in model.weights:
            finite = np.isfinite(ops.convert_to_numpy(weight)).all()
            assert finite, f"the gradient of {weight.path} is not finite"
    for weight, old in zip(model.weights, before, strict=True):
        if weight.trainable:
            new = ops.convert_to_numpy(weight)
            assert (new != old).any(), f"{weight.path} has no gradient"


def _steps():
    # Adam's step is as long for a tiny gradient as for a large one; only a gradient of
    # exactly zero leaves a weight where it was. NaN and infinity give NaN.
    return keras.optimizers.Adam(0.01, epsilon=1e-30)
