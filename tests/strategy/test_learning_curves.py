"""Curves of known form, and what may be said of noisy ones."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dlai_keras.strategy.learning_curves import (
    diagnose_epochs,
    diagnose_learning_curve,
    fit_learning_curve,
    predict_error,
)

SIZES = np.array([100, 200, 400, 800, 1600, 3200])


def rows_of(dev, train=0.0, num_dev=5000, sizes=SIZES):
    return [
        {
            "num_training": int(n),
            "train_error": float(np.broadcast_to(train, len(sizes))[i]),
            "dev_error": float(e),
            "num_train_measured": int(n),
            "num_dev": num_dev,
        }
        for i, (n, e) in enumerate(zip(sizes, dev, strict=True))
    ]


@pytest.mark.parametrize(
    ("floor", "scale", "exponent"), [(0.05, 2.0, 0.5), (0.0, 0.6, 0.2), (0.1, 30, 1.0)]
)
def test_a_power_law_is_found_and_goes_on_beyond_the_data(floor, scale, exponent):
    errors = floor + scale * SIZES**-exponent
    fit = fit_learning_curve(SIZES, errors)
    assert fit["exponent"] == pytest.approx(exponent, rel=0.07)
    for n in (6400, 32_000):
        expected = floor + scale * n**-exponent
        assert predict_error(fit, n) == pytest.approx(expected, abs=2e-3)


def test_the_fit_equals_scipys_least_squares():
    rng = np.random.default_rng(0)
    errors = 0.08 + 1.5 * SIZES**-0.5 + rng.normal(0, 0.003, len(SIZES))
    weights = rng.uniform(1, 3, len(SIZES))
    fit = fit_learning_curve(SIZES, errors, weights)

    def curve(n, floor, scale, exponent):
        return floor + scale * n**-exponent

    theirs, _ = curve_fit(
        curve, SIZES, errors, (0.05, 1.0, 0.5), sigma=weights**-0.5, bounds=(0, 50)
    )

    def loss(parameters):
        return (weights * (curve(SIZES, *parameters) - errors) ** 2).sum()

    ours = [fit[name] for name in ("floor", "scale", "exponent")]
    assert loss(ours) == pytest.approx(loss(theirs), rel=0.02)


def test_neither_floor_nor_scale_is_negative_and_rows_are_fitted_on_their_own():
    rising = np.linspace(0.1, 0.2, len(SIZES))
    steep = 40.0 / SIZES
    fits = fit_learning_curve(SIZES, [rising, steep])
    assert (fits["floor"] >= 0).all() and (fits["scale"] >= 0).all()
    assert fits["scale"][0] == 0
    assert fits["floor"][0] == pytest.approx(rising.mean())
    alone = fit_learning_curve(SIZES, steep)
    for name, value in alone.items():
        assert fits[name][1] == pytest.approx(value)


def test_high_variance_wants_more_data():
    found = diagnose_learning_curve(
        np.random.default_rng(0), rows_of(2.0 * SIZES**-0.5, train=0.0)
    )
    assert found["variance"] == "problem"
    assert found["bias"] == "small"
    assert found["more_data"] == "helps"
    assert any("more data will help" in line for line in found["lines"])


def test_high_bias_does_not():
    dev = 0.2 + 20.0 / SIZES
    train = 0.2 - 5.0 / SIZES
    found = diagnose_learning_curve(
        np.random.default_rng(0), rows_of(dev, train, num_dev=50_000)
    )
    assert found["bias"] == "problem"
    assert found["variance"] in ("small", "undecided")
    assert found["more_data"] == "does not help"
    assert any("bias first" in line for line in found["lines"])


def test_few_dev_examples_leave_it_undecided():
    dev = 0.1 + 0.6 * SIZES**-0.5
    few = diagnose_learning_curve(np.random.default_rng(0), rows_of(dev, num_dev=60))
    assert few["more_data"] == "undecided"
    many = diagnose_learning_curve(
        np.random.default_rng(0), rows_of(dev, num_dev=10**6), worth=0.002
    )
    assert many["more_data"] == "helps"
    width = few["error_at_twice_high"] - few["error_at_twice_low"]
    assert width > 5 * (many["error_at_twice_high"] - many["error_at_twice_low"])


def test_the_interval_of_twice_the_data_holds_what_comes():
    rng = np.random.default_rng(0)
    true = 0.05 + 1.5 * SIZES**-0.5
    after = 0.05 + 1.5 * 6400**-0.5
    held = 0
    for _ in range(60):
        drawn = rng.binomial(2000, true) / 2000
        found = diagnose_learning_curve(
            rng, rows_of(drawn, num_dev=2000), num_resamples=100
        )
        held += found["error_at_twice_low"] <= after <= found["error_at_twice_high"]
    assert held / 60 > 0.85


def test_repeats_of_one_size_are_averaged():
    rows = rows_of(2.0 * SIZES**-0.5) + rows_of(2.2 * SIZES**-0.5, train=0.02)
    found = diagnose_learning_curve(np.random.default_rng(0), rows)
    assert found["num_training"] == 3200
    assert found["train_error"] == pytest.approx(0.01)
    assert found["dev_error"] == pytest.approx(2.1 * 3200**-0.5)


# Epochs


@pytest.mark.parametrize(
    ("dev", "verdict", "best"),
    [
        ([0.4, 0.3, 0.2, 0.15, 0.15, 0.2, 0.25, 0.3], "too long", 4),
        ([0.4, 0.35, 0.3, 0.26, 0.23, 0.2, 0.17, 0.1], "too short", 8),
        ([0.4, 0.2, 0.12, 0.1, 0.1, 0.101, 0.1, 0.1], "long enough", 4),
        ([0.4, 0.1], "too short", 2),
    ],
)
def test_epochs_that_are_too_many_or_too_few_are_told(dev, verdict, best):
    rows = [
        {"epoch": n, "train_error": 0.0, "dev_error": e} for n, e in enumerate(dev, 1)
    ]
    found = diagnose_epochs(rows, num_dev=5000)
    assert (found["verdict"], found["best_epoch"]) == (verdict, best)
    # On few examples the same may be chance.
    assert diagnose_epochs(rows, num_dev=5)["verdict"] == "long enough"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_learning_curve([1, 2], [0.1, 0.1]), "three different numbers"),
        (lambda: fit_learning_curve([1, 2, 3], [0.1]), r"\(3,\), \(1,\)"),
        (lambda: fit_learning_curve([0, 2, 3], [0.1] * 3), "1 or more"),
        (lambda: fit_learning_curve([1, 2, 3], [0.1] * 3, [0, 1, 1]), "above 0"),
        (
            lambda: diagnose_learning_curve(np.random.default_rng(0), []),
            "Received none",
        ),
        (
            lambda: diagnose_learning_curve(
                np.random.default_rng(0), rows_of(1 / SIZES), worth=0
            ),
            "worth=0",
        ),
        (lambda: diagnose_epochs([{"dev_error": 0.1}], num_dev=9), "Received: 1"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
