import keras
import numpy as np
import pytest

from dlai_keras.foundations import schedules
from dlai_keras.foundations.schedules import EarlyStopping

EPOCHS = np.arange(25)


@pytest.mark.parametrize(
    ("ours", "of_keras"),
    [
        (
            schedules.inverse_time_decay(0.2, EPOCHS, 0.3),
            keras.optimizers.schedules.InverseTimeDecay(0.2, 1, 0.3),
        ),
        (
            schedules.exponential_decay(0.2, EPOCHS, 0.9),
            keras.optimizers.schedules.ExponentialDecay(0.2, 1, 0.9),
        ),
        (
            schedules.staircase_decay(0.2, EPOCHS, 0.7, time_interval=6),
            keras.optimizers.schedules.ExponentialDecay(0.2, 6, 0.7, staircase=True),
        ),
    ],
)
def test_decays_equal_those_of_keras(ours, of_keras):
    expected = [float(of_keras(epoch)) for epoch in EPOCHS]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_square_root_decay_is_its_formula():
    found = schedules.inverse_sqrt_decay(0.5, np.array([1, 4, 9]), k=2)
    np.testing.assert_allclose(found, [1.0, 0.5, 1 / 3])


@pytest.mark.parametrize(
    "decay",
    [
        schedules.inverse_time_decay,
        schedules.exponential_decay,
        schedules.inverse_sqrt_decay,
        schedules.staircase_decay,
    ],
)
def test_every_decay_falls_and_takes_one_epoch_or_many(decay):
    epochs = np.arange(1, 40)
    rates = decay(0.1, epochs)
    assert np.all(np.diff(rates) <= 0)
    assert 0 < rates[-1] < rates[0]
    assert decay(0.1, 7) == rates[6]


def weighted_mean(values, beta):
    """The definition of the corrected average: the latest counts most."""
    weights = beta ** np.arange(len(values))[::-1]
    return np.tensordot(weights, values, 1) / weights.sum()


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.98])
def test_corrected_averages_are_weighted_means(beta):
    values = np.random.default_rng(0).normal(size=(30, 2))
    found = schedules.exponentially_weighted_averages(values, beta)
    expected = [weighted_mean(values[: t + 1], beta) for t in range(30)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_uncorrected_averages_start_from_zero():
    values = np.random.default_rng(0).normal(size=40)
    found = schedules.exponentially_weighted_averages(
        values, 0.9, bias_correction=False
    )
    np.testing.assert_allclose(found[0], 0.1 * values[0])
    np.testing.assert_allclose(found[1:], 0.9 * found[:-1] + 0.1 * values[1:])


class Model:
    """What the callback of Keras asks of a model."""

    def __init__(self):
        self.stop_training = False
        self.weights = 0

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        (self.weights,) = weights


@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (3, 0.0), (3, 0.05)])
def test_early_stopping_stops_when_keras_does(patience, min_delta):
    rng = np.random.default_rng(0)
    for _ in range(20):
        costs = 1 / np.arange(1, 30) + 0.1 * rng.normal(size=29)
        model = Model()
        callback = keras.callbacks.EarlyStopping(
            "val_loss", min_delta, patience, mode="min", restore_best_weights=True
        )
        callback.set_model(model)
        callback.on_train_begin()
        stopping = EarlyStopping(patience, min_delta)
        for epoch, cost in enumerate(costs):
            model.weights = epoch
            callback.on_epoch_end(epoch, {"val_loss": cost})
            stops = stopping.update(cost, {"epoch": np.array(epoch)})
            assert stops == model.stop_training
            if stops:
                break
        if stopping.best_epoch is not None and model.stop_training:
            callback.on_train_end()
            assert stopping.best_epoch == model.weights
            assert stopping.best_parameters == {"epoch": model.weights}


def test_early_stopping_keeps_a_copy_of_the_best():
    stopping = EarlyStopping(patience=2)
    parameters = {"W1": np.array([1.0])}
    assert not stopping.update(0.5, parameters)
    parameters["W1"] += 1
    assert not stopping.update(float("nan"), parameters)
    assert stopping.update(0.7, parameters)
    np.testing.assert_array_equal(stopping.best_parameters["W1"], [1.0])
    assert (stopping.best_epoch, stopping.best_cost) == (0, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.inverse_time_decay(0.1, -1), "`epoch_num` must be 0 or"),
        (lambda: schedules.inverse_sqrt_decay(0.1, [0, 1]), "`epoch_num` must be 1"),
        (lambda: schedules.exponential_decay(0.1, 1, 1.5), "`base` must be above 0"),
        (lambda: schedules.staircase_decay(0.1, 1, 0), "`factor` must be above 0"),
        (
            lambda: schedules.staircase_decay(0.1, 1, time_interval=0),
            "`time_interval` must be 1 epoch or more",
        ),
        (
            lambda: schedules.exponentially_weighted_averages([1.0], 1.0),
            "`beta` must be from 0 to below 1",
        ),
        (
            lambda: schedules.exponentially_weighted_averages(1.0),
            "must have a first axis",
        ),
        (lambda: EarlyStopping(0), "`patience` must be 1 or more"),
        (lambda: EarlyStopping(min_delta=-1), "`min_delta` 0 or more"),
    ],
)
def test_what_is_out_of_range_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
