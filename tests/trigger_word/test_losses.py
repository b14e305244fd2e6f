"""The loss equals its definition, and frames left out count for nothing."""

import keras
import numpy as np
import pytest
from contract import check_loss
from keras import ops

from dlai_keras.losses import MaskedBinaryCrossentropy, masked_binary_crossentropy

pytestmark = pytest.mark.backends


def by_definition(y_true, y_pred, positive_weight):
    """Per example, in float64, frame by frame."""
    values = []
    for targets, logits in zip(y_true, y_pred.astype("float64"), strict=True):
        losses = []
        for target, logit in zip(targets.flat, logits.flat, strict=True):
            p = 1 / (1 + np.exp(-logit))
            if target == 1:
                losses.append(-positive_weight * np.log(p))
            elif target == 0:
                losses.append(-np.log(1 - p))
        values.append(np.mean(losses) if losses else 0.0)
    return np.array(values)


def frames(shape=(4, 30, 2), seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.choice([-1.0, 0.0, 1.0], shape, p=[0.2, 0.6, 0.2]).astype("float32")
    return targets, rng.normal(0, 3, shape).astype("float32")


def value_and_gradient(y_true, y_pred):
    """The mean over examples, and its gradient by one step of gradient descent."""
    inputs = keras.Input((1,))
    logits = keras.layers.Dense(y_pred.size // len(y_pred), use_bias=False)(inputs)
    logits = keras.layers.Reshape(y_pred.shape[1:])(logits)
    model = keras.Model(inputs, logits)
    model.set_weights([y_pred[:1].reshape(1, -1)])
    model.compile(keras.optimizers.SGD(1.0), loss=MaskedBinaryCrossentropy())
    value = model.train_on_batch(np.ones((1, 1), "float32"), y_true[:1])
    after = model.get_weights()[0].reshape(y_pred[:1].shape)
    return float(value), y_pred[:1] - after


def test_masked_binary_crossentropy_keeps_the_contract(tmp_path):
    y_true, y_pred = frames()
    loss = MaskedBinaryCrossentropy(positive_weight=2.5)
    values = check_loss(loss, y_true, y_pred, tmp_path)
    np.testing.assert_allclose(values, by_definition(y_true, y_pred, 2.5), rtol=1e-5)


@pytest.mark.parametrize("positive_weight", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 9, 1), (3, 5, 4), (5, 6)])
def test_the_function_equals_its_definition(shape, positive_weight):
    y_true, y_pred = frames(shape, seed=1)
    values = masked_binary_crossentropy(y_true, y_pred, positive_weight)
    expected = by_definition(y_true, y_pred, positive_weight)
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=2e-5)


def test_without_a_mask_and_a_weight_it_is_the_usual_cross_entropy():
    y_true, y_pred = frames()
    y_true = np.abs(y_true)
    usual = keras.losses.BinaryCrossentropy(from_logits=True)
    ours = float(MaskedBinaryCrossentropy()(y_true, y_pred))
    assert ours == pytest.approx(float(usual(y_true, y_pred)), rel=1e-5)


def test_targets_of_any_number_type_mean_the_same():
    y_true, y_pred = frames()
    expected = ops.convert_to_numpy(masked_binary_crossentropy(y_true, y_pred))
    for dtype in ("int8", "int32", "float64"):
        values = masked_binary_crossentropy(y_true.astype(dtype), y_pred)
        np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-6)


def test_what_a_left_out_frame_holds_changes_nothing():
    y_true, y_pred = frames()
    other = np.where(y_true < 0, np.float32(1e4), y_pred)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(masked_binary_crossentropy(y_true, other)),
        ops.convert_to_numpy(masked_binary_crossentropy(y_true, y_pred)),
    )


def test_left_out_frames_are_not_in_the_mean_either():
    y_true = np.array([[[1.0], [0.0]], [[1.0], [-1.0]]], "float32")
    values = masked_binary_crossentropy(y_true, np.zeros((2, 2, 1), "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(values), np.log(2), rtol=1e-6)


def test_left_out_frames_get_no_gradient_and_the_others_do():
    y_true, y_pred = frames((1, 20, 1))
    value, gradient = value_and_gradient(y_true, y_pred)
    assert value > 0
    np.testing.assert_array_equal(gradient[y_true < 0], 0.0)
    # SGD with a rate of 1 moves by p - y over the number of frames that count.
    p = 1 / (1 + np.exp(-y_pred))
    expected = np.where(y_true < 0, 0, p - y_true) / (y_true >= 0).sum()
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_an_example_whose_frames_are_all_left_out_is_0_with_gradients_of_0():
    y_true, y_pred = np.full((1, 7, 1), -1.0, "float32"), frames((1, 7, 1))[1]
    value, gradient = value_and_gradient(y_true, y_pred)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


def test_extreme_logits_give_finite_losses_and_gradients():
    y_true = np.array([[[1.0], [0.0], [1.0], [0.0], [-1.0]]], "float32")
    y_pred = np.array([[[-1e4], [1e4], [1e4], [-1e4], [1e30]]], "float32")
    value, gradient = value_and_gradient(y_true, y_pred)
    assert value == pytest.approx(5000.0)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("positive_weight", [0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_positive_number_is_refused(positive_weight):
    with pytest.raises(ValueError, match=r"`positive_weight` must be .*Received"):
        MaskedBinaryCrossentropy(positive_weight=positive_weight)
