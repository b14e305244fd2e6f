"""Intervals against published values, SciPy and the promise they make."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dlai_keras.intervals import (
    newcombe_interval,
    poisson_interval,
    share,
    wilson_interval,
)


def test_wilson_interval_equals_newcombes_published_examples():
    # Newcombe, 1998, Statistics in Medicine 17, table I, method 3.
    low, high = wilson_interval([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


def test_poisson_interval_equals_the_published_table_of_exact_limits():
    # Garwood, 1936, as in every table of 95 % limits of a Poisson count.
    low, high = poisson_interval([0, 1, 2, 5, 10, 20], 1.0)
    np.testing.assert_allclose(
        low, [0.0, 0.0253, 0.2422, 1.6235, 4.7954, 12.2165], atol=1e-4
    )
    np.testing.assert_allclose(
        high, [3.6889, 5.5716, 7.2247, 11.6683, 18.3904, 30.8884], atol=1e-4
    )


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 7), (7, 7), (49, 1000)])
def test_wilson_interval_equals_scipy(successes, trials, confidence):
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, "wilson")
    np.testing.assert_allclose(
        wilson_interval(successes, trials, confidence), expected, atol=1e-12
    )


@given(
    count=st.integers(1, 10_000),
    exposure=st.floats(0.001, 1000),
    confidence=st.floats(0.01, 0.999),
)
def test_poisson_ends_are_where_the_count_becomes_improbable(
    count, exposure, confidence
):
    low, high = poisson_interval(count, exposure, confidence)
    tail = (1 - confidence) / 2
    np.testing.assert_allclose(
        stats.poisson.sf(count - 1, low * exposure), tail, rtol=1e-6
    )
    np.testing.assert_allclose(
        stats.poisson.cdf(count, high * exposure), tail, rtol=1e-6
    )


@given(
    trials=st.integers(0, 10**6),
    share=st.floats(0, 1),
    confidence=st.floats(0.01, 0.9999),
)
def test_wilson_interval_holds_its_proportion_and_stays_within_0_and_1(
    trials, share, confidence
):
    successes = round(share * trials)
    low, high = wilson_interval(successes, trials, confidence)
    assert 0 <= low < high <= 1
    if trials:
        assert low <= successes / trials <= high
    mirrored = wilson_interval(trials - successes, trials, confidence)
    np.testing.assert_allclose(mirrored, (1 - high, 1 - low), atol=1e-12)


def test_wilson_interval_covers_as_often_as_it_promises():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, size=20_000)
    low, high = wilson_interval(rng.binomial(60, true), 60, 0.9)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.9, abs=0.01)


def test_no_trials_leave_everything_possible():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_ends_are_exact_where_nothing_and_everything_succeeded():
    low, high = wilson_interval([0, 13], [13, 13])
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert poisson_interval(0, 3.5)[0] == 0.0


def test_intervals_broadcast_and_give_scalars_for_scalars():
    low, high = wilson_interval([[0], [1]], [4, 5, 6])
    assert low.shape == high.shape == (2, 3)
    low, high = poisson_interval([[0], [1]], [4.0, 5.0, 6.0])
    assert low.shape == high.shape == (2, 3)
    for ends in (wilson_interval(1, 4), poisson_interval(1, 4.0)):
        assert all(np.ndim(end) == 0 and isinstance(end, float) for end in ends)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(5, 3), "successes=5, trials=3"),
        (lambda: wilson_interval([1, 9], [4, 4]), "successes=9, trials=4"),
        (lambda: wilson_interval(-1, 3), "`successes` must be a whole number"),
        (lambda: wilson_interval(0.5, 3), "successes=0.5"),
        (lambda: wilson_interval(1, float("nan")), "trials=nan"),
        (lambda: wilson_interval(1, 3, 95), "confidence=95"),
        (lambda: poisson_interval(-2, 3.0), "count=-2"),
        (lambda: poisson_interval(1, 0), "exposure=0"),
        (lambda: poisson_interval([1, 1], [2.0, -1.0]), "exposure=-1"),
        (lambda: poisson_interval(1, float("inf")), "exposure=inf"),
        (lambda: poisson_interval(1, 1.0, 0), "confidence=0"),
    ],
)
def test_impossible_arguments_are_named_with_their_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The difference of two proportions


def test_a_share_is_reported_as_plain_numbers_with_its_interval():
    figures = share("accuracy", np.int64(38), np.int64(40))
    assert json.loads(json.dumps(figures)) == figures
    low, high = wilson_interval(38, 40)
    assert figures == {
        "accuracy": 0.95,
        "accuracy_interval": [round(float(low), 6), round(float(high), 6)],
    }
    with pytest.raises(ValueError, match="`trials` must be 1 or more"):
        share("accuracy", 0, 0)


def test_newcombe_interval_equals_his_published_examples():
    # Newcombe, 1998, Statistics in Medicine 17, table II, method 10.
    low, high = newcombe_interval(
        [56, 9, 6, 5, 0, 0, 10, 10],
        [70, 10, 7, 56, 10, 10, 10, 10],
        [48, 3, 2, 0, 0, 0, 0, 0],
        [80, 10, 7, 29, 20, 10, 20, 10],
    )
    np.testing.assert_allclose(
        low,
        [0.0524, 0.1705, 0.0582, -0.0381, -0.1611, -0.2775, 0.6791, 0.6075],
        atol=5e-5,
    )
    np.testing.assert_allclose(
        high,
        [0.3339, 0.8090, 0.8062, 0.1926, 0.2775, 0.2775, 1.0, 1.0],
        atol=5e-5,
    )


def test_newcombe_interval_covers_as_often_as_it_promises():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(0.02, 0.98, size=(2, 20_000))
    low, high = newcombe_interval(
        rng.binomial(80, first), 80, rng.binomial(50, second), 50, 0.9
    )
    true = first - second
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.9, abs=0.015)


@settings(deadline=None)
@given(
    trials=st.tuples(st.integers(1, 10**5), st.integers(1, 10**5)),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_newcombe_interval_holds_its_difference_and_turns_with_its_sides(
    trials, shares
):
    successes = [round(s * n) for s, n in zip(shares, trials, strict=True)]
    one = (successes[0], trials[0])
    other = (successes[1], trials[1])
    low, high = newcombe_interval(*one, *other)
    difference = one[0] / one[1] - other[0] / other[1]
    assert -1 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1
    np.testing.assert_allclose(
        newcombe_interval(*other, *one), (-high, -low), atol=1e-12
    )


def test_a_difference_of_no_trials_may_be_anything_and_mistakes_are_named():
    assert newcombe_interval(0, 0, 3, 10) == (-1.0, 1.0)
    low, high = newcombe_interval([[0], [1]], [4, 5, 6], 2, 9)
    assert low.shape == high.shape == (2, 3)
    with pytest.raises(ValueError, match="successes=5, trials=3"):
        newcombe_interval(1, 3, 5, 3)
