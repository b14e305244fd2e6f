"""Right models pass, and wrong gradients are named."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.foundations.model_gradients import check_gradients

on_all_backends = pytest.mark.backends
rng = np.random.default_rng(0)


def wrong_factor(factor):
    """`x -> x` whose gradient is multiplied by `factor`."""

    @ops.custom_gradient
    def identity(x):
        def gradient(*args, upstream=None):
            (upstream,) = args if upstream is None else (upstream,)
            return upstream * factor

        return x, gradient

    return identity


class WrongDense(keras.layers.Layer):
    """A dense layer whose kernel, or inputs, get a wrong gradient."""

    def __init__(self, units, factor=1.0, wrong="kernel", **kwargs):
        super().__init__(**kwargs)
        self.units, self.wrong, self.spoil = units, wrong, wrong_factor(factor)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), name="bias")

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        if self.wrong == "kernel":
            kernel = self.spoil(kernel)
        else:
            inputs = self.spoil(inputs)
        return ops.matmul(inputs, kernel) + self.bias


def dense_model(*middle):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="tanh", name="first"),
            *middle,
            keras.layers.Dense(2, name="last"),
        ]
    )


def data(num_inputs=4, num_outputs=2, m=3):
    x = rng.standard_normal((m, num_inputs)).astype("float32")
    return x, rng.standard_normal((m, num_outputs)).astype("float32")


@on_all_backends
def test_a_right_model_passes_by_a_wide_margin():
    report = check_gradients(dense_model(), *data(), loss="mse")
    assert report.ok
    assert report.dtype == "float64"
    assert report.wrong == report.causes == []
    assert max(row["relative_difference"] for row in report.rows) < 1e-7
    shapes = {(row["layer"], row["weight"]): row["shape"] for row in report.rows}
    assert shapes == {
        ("first", "kernel"): (4, 5),
        ("first", "bias"): (5,),
        ("last", "kernel"): (5, 2),
        ("last", "bias"): (2,),
    }
    assert str(report).startswith("All 4 gradients are right")


@pytest.mark.parametrize(
    "factor", [pytest.param(1.01, marks=on_all_backends), 2.0, 0.0, -1.0]
)
def test_a_wrong_weight_is_named(factor):
    model = dense_model(WrongDense(3, factor, name="wrong"))
    report = check_gradients(model, *data(), loss="mse")
    assert not report.ok
    assert report.wrong == ["wrong/kernel"]
    assert report.causes == ["wrong"]
    [row] = [row for row in report.rows if not row["ok"]]
    expected = abs(factor - 1) / (abs(factor) + 1)
    assert row["relative_difference"] == pytest.approx(expected, rel=1e-3)
    assert "1 of 6 weights has a wrong gradient: wrong/kernel" in str(report)


@on_all_backends
def test_a_layer_that_spoils_what_is_before_it_is_the_cause():
    model = dense_model(
        WrongDense(3, 1.5, wrong="inputs", name="wrong"), keras.layers.ReLU()
    )
    report = check_gradients(model, *data(), loss="mse")
    assert report.wrong == ["first/kernel", "first/bias"]
    assert report.causes == ["wrong"]


@on_all_backends
def test_kinks_under_black_pictures_and_zero_biases_are_no_mistakes():
    """Every unit of the first layer stands exactly on relu's kink somewhere."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.DepthwiseConv2D(2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    x = np.zeros((4, 8, 8, 1), "float32")
    x[:2, 2:5, 3:6] = rng.random((2, 3, 3, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for training in (False, True):
        report = check_gradients(
            model, x, np.array([0, 1, 2, 1]), loss=loss, training=training
        )
        assert report.ok, str(report)
        assert report.dtype == "float64"


@on_all_backends
def test_recurrent_layers_and_embeddings_pass():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(20, 3, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True))(x)
    outputs = keras.layers.Dense(1)(keras.layers.GRU(3)(x))
    token_ids = rng.integers(1, 20, (2, 5))
    token_ids[0, 3:] = 0
    report = check_gradients(
        keras.Model(inputs, outputs), token_ids, np.ones((2, 1)), loss="mse", entries=2
    )
    assert report.ok, str(report)
    assert report.dtype == "float64"
    assert len(report.rows) == 1 + 2 * 3 + 3 + 2


def test_one_dropout_mask_holds_for_a_whole_check_in_training():
    model = dense_model(keras.layers.Dropout(0.5, seed=1))
    report = check_gradients(model, *data(), loss="mse", training=True)
    assert report.ok, str(report)


class Composite(keras.Model):
    """A model without a config, of a shared layer and a loss of its own."""

    def __init__(self, penalty):
        super().__init__()
        self.shared = keras.layers.Dense(4, kernel_regularizer="l2", name="shared")
        self.penalty = penalty  # a function: no config could hold it

    def call(self, inputs):
        outputs = self.shared(ops.tanh(self.shared(inputs)))
        self.add_loss(self.penalty(outputs))
        return outputs

    def get_config(self):
        raise NotImplementedError


def test_a_model_without_a_config_passes_with_all_of_its_losses():
    model = Composite(lambda outputs: 3 * ops.mean(ops.abs(outputs)))
    report = check_gradients(model, *data(num_outputs=4), loss="mse")
    assert report.ok, str(report)
    assert [row["weight"] for row in report.rows] == ["kernel", "bias"]


def test_a_wrong_added_loss_lies_in_no_single_layer():
    spoil = wrong_factor(1.5)
    model = Composite(lambda outputs: 3 * ops.mean(spoil(outputs)))
    report = check_gradients(model, *data(num_outputs=4), loss="mse")
    assert report.wrong == ["shared/kernel", "shared/bias"]
    assert report.causes == []
    assert "No layer alone is wrong" in str(report)


def test_the_loss_a_model_was_compiled_with_is_taken():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="gelu")(inputs)
    outputs = {
        "number": keras.layers.Dense(1, name="number")(hidden),
        "kind": keras.layers.Dense(2, activation="softmax", name="kind")(hidden),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        loss={"number": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"number": 0.5, "kind": 2.0},
    )
    x, number = data(num_outputs=1)
    report = check_gradients(model, x, {"number": number, "kind": np.array([0, 1, 1])})
    assert report.ok, str(report)


@on_all_backends
def test_the_check_leaves_the_model_as_it_was():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="relu", dtype="mixed_float16"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=3),
            keras.layers.Dense(2),
        ]
    )
    policies = [layer.dtype_policy.name for layer in model.layers]
    before = [keras.ops.convert_to_numpy(v) for v in model.variables]
    x, y = data()
    outputs = keras.ops.convert_to_numpy(model(x))
    report = check_gradients(model, x, y, loss="mse", training=True)
    assert report.ok, str(report)
    assert report.dtype == "float64"
    assert [layer.dtype_policy.name for layer in model.layers] == policies
    assert keras.config.floatx() == "float32"
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), old)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(x)), outputs)


class SinglePrecision(keras.layers.Layer):
    """Computes in float32 whatever it is told, and may be wrong."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.spoil = wrong_factor(factor)

    def call(self, inputs):
        single = ops.tanh(self.spoil(ops.cast(inputs, "float32")))
        return ops.cast(single, inputs.dtype)


@on_all_backends
@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_where_single_precision_is_insisted_on_the_tolerance_grows(factor):
    model = dense_model(SinglePrecision(factor, name="single"))
    report = check_gradients(model, *data(), loss="mse")
    assert report.ok == (factor == 1), str(report)
    assert report.causes == ([] if factor == 1 else ["single"])


class NoDouble(keras.layers.Layer):
    """Breaks down in double precision."""

    def call(self, inputs):
        if keras.backend.standardize_dtype(inputs.dtype) != "float32":
            raise TypeError("single precision only")
        return ops.square(inputs)


def test_what_breaks_down_in_double_precision_is_checked_in_its_own():
    report = check_gradients(dense_model(NoDouble()), *data(), loss="mse")
    assert report.ok, str(report)
    assert report.dtype == "float32"
    model = dense_model(NoDouble(), WrongDense(3, 1.5, name="wrong"))
    report = check_gradients(model, *data(), loss="mse")
    assert (report.wrong, report.causes) == (["wrong/kernel"], ["wrong"])


def test_a_gradient_that_is_stopped_is_a_wrong_one():
    class Stopped(keras.layers.Layer):
        def call(self, inputs):
            return ops.stop_gradient(inputs)

    report = check_gradients(dense_model(Stopped(name="stop")), *data(), loss="mse")
    assert report.wrong == ["first/kernel", "first/bias"]
    assert report.causes == ["stop"]


def test_a_weight_without_influence_has_a_right_gradient_of_zero():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3)(inputs)
    outputs = keras.layers.Dense(2)(x * 0)
    report = check_gradients(keras.Model(inputs, outputs), *data(), loss="mse")
    assert report.ok, str(report)


def test_frozen_weights_are_left_out():
    model = dense_model()
    model.get_layer("first").trainable = False
    report = check_gradients(model, *data(), loss="mse")
    assert [row["layer"] for row in report.rows] == ["last", "last"]
    model.trainable = False
    with pytest.raises(ValueError, match=r"have trainable weights\. Received: none"):
        check_gradients(model, *data(), loss="mse")


def test_mistakes_are_named():
    model, (x, y) = dense_model(), data()
    with pytest.raises(ValueError, match=r"`model` must be a keras\.Model"):
        check_gradients(model.layers[0], x, y)
    with pytest.raises(ValueError, match="`entries` must be 0 or more"):
        check_gradients(model, x, y, entries=-1)
    with pytest.raises(ValueError, match="`tolerance` must be between 0 and 1"):
        check_gradients(model, x, y, tolerance=0)
    with pytest.raises(ValueError, match=r"loss must be finite\. Received: nan"):
        check_gradients(model, x * np.nan, y)
    with pytest.raises(ValueError, match="`y` and `loss` must be given"):
        check_gradients(model, x)
