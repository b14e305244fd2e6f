"""Events are counted as a person with pencil and paper would count them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dlai_keras.metrics import (
    choose_threshold,
    detection_error_tradeoff,
    event_metrics,
    match_events,
)

# Hundredths of a second: exact ties occur, and are what goes wrong.
times = st.lists(st.integers(0, 800).map(lambda n: n / 100), max_size=7)


def best_number_of_hits(detections, ends, earliest, latest):
    """The most pairs of a detection and a word in its window, by trying them all."""
    if not detections or not ends:
        return 0
    small, large = sorted((detections, ends), key=len)
    best = 0
    for chosen in itertools.permutations(range(len(large)), len(small)):
        pairs = [(small[i], large[j]) for i, j in enumerate(chosen)]
        if small is ends:
            pairs = [(detection, end) for end, detection in pairs]
        hits = sum(
            earliest - 1e-9 <= detection - end <= latest + 1e-9
            for detection, end in pairs
        )
        best = max(best, hits)
    return best


def without_repetitions(detections, refractory):
    kept = []
    for time in sorted(detections):
        if not kept or time - kept[-1] >= refractory - 1e-9:
            kept.append(time)
    return kept


@given(st.lists(st.integers(0, 800).map(lambda n: n / 100), max_size=5), times)
def test_matching_finds_as_many_hits_as_any_matching_could(ends, detections):
    hits, false_accepts = match_events(detections, ends)
    counted = without_repetitions(detections, 1.0)
    assert hits.shape == (len(ends),)
    assert hits.sum() == best_number_of_hits(counted, ends, -0.25, 0.75)
    assert hits.sum() + len(false_accepts) == len(counted)
    assert set(false_accepts) <= set(counted)


@given(
    st.lists(st.integers(0, 300).map(lambda n: n / 100), max_size=5),
    st.lists(st.integers(0, 300).map(lambda n: n / 100), max_size=5),
)
def test_matching_is_best_for_crowded_words_and_other_windows_too(ends, detections):
    hits, false_accepts = match_events(
        detections, ends, earliest=-0.1, latest=0.4, refractory=0.2
    )
    counted = without_repetitions(detections, 0.2)
    assert hits.sum() == best_number_of_hits(counted, ends, -0.1, 0.4)
    assert hits.sum() + len(false_accepts) == len(counted)


@given(times, times, st.randoms())
def test_the_order_of_detections_and_words_changes_nothing(detections, ends, random):
    hits, false_accepts = match_events(detections, ends)
    order = list(range(len(ends)))
    random.shuffle(order)
    random.shuffle(detections)
    again, same = match_events(detections, [ends[i] for i in order])
    assert sorted(again) == sorted(hits)
    np.testing.assert_array_equal(same, false_accepts)


@pytest.mark.parametrize("end", [0.25, 0.3, 1.1, 2.0, 7.35, 3599.7])
@pytest.mark.parametrize(
    ("offset", "is_hit"),
    [
        (-0.26, False),
        (-0.25, True),
        (0.0, True),
        (0.74, True),
        (0.75, True),
        (0.76, False),
    ],
)
def test_a_hit_is_from_a_quarter_before_to_three_quarters_after_the_end(
    end, offset, is_hit
):
    # Written as decimals: 0.85 is within the window of 1.1 though 1.1 - 0.25 is more.
    hits, false_accepts = match_events([round(end + offset, 2)], [end])
    assert hits.tolist() == [is_hit]
    assert len(false_accepts) == (not is_hit)


def test_a_second_detection_within_a_second_counts_once():
    hits, false_accepts = match_events([1.0, 1.3, 1.99], [1.0])
    assert hits.tolist() == [True]
    assert len(false_accepts) == 0
    _, false_accepts = match_events([5.0, 5.4, 5.9], [1.0])
    assert false_accepts.tolist() == [5.0]


def test_a_detection_a_second_after_the_first_counts_again():
    for first in (0.1, 0.3, 1.3, 2.3, 1000.1):
        _, false_accepts = match_events([first, first + 1.0], [])
        assert len(false_accepts) == 2, first


def test_one_detection_hits_one_word_only():
    hits, _ = match_events([1.2], [1.0, 1.1])
    assert hits.sum() == 1


def test_a_detection_goes_to_the_word_whose_window_closes_first():
    options = {"earliest": -0.1, "latest": 0.4, "refractory": 0.2}
    hits, false_accepts = match_events([1.25, 1.5], [1.0, 1.3], **options)
    assert hits.tolist() == [True, True]  # 1.5 is too late for the first word
    assert len(false_accepts) == 0


def test_nothing_heard_and_nothing_said():
    assert [len(x) for x in match_events([], [])] == [0, 0]
    assert match_events([], [1.0])[0].tolist() == [False]
    assert match_events([4.0], [])[1].tolist() == [4.0]


def test_event_metrics_equal_their_definitions():
    figures = event_metrics(45, 50, 3, hours=0.5, num_negatives=1500)
    assert figures["precision"] == pytest.approx(45 / 48)
    assert figures["recall"] == pytest.approx(0.9)
    assert figures["misses"] == pytest.approx(0.1)
    precision, recall = 45 / 48, 0.9
    f1 = 2 * precision * recall / (precision + recall)
    assert figures["f1"] == pytest.approx(f1)
    assert figures["false_accepts_per_hour"] == pytest.approx(6.0)
    assert figures["false_accepts_per_1000_negatives"] == pytest.approx(2.0)
    counts = ("num_words", "num_misses", "num_false_accepts", "num_negatives")
    assert [figures[name] for name in counts] == [50, 5, 3, 1500]


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_intervals_of_event_metrics_equal_scipy(confidence):
    figures = event_metrics(
        45, 50, 3, hours=0.5, num_negatives=1500, confidence=confidence
    )
    wilson = stats.binomtest(5, 50).proportion_ci(confidence, method="wilson")
    assert figures["misses_interval"] == pytest.approx(wilson, abs=1e-6)
    hits = stats.binomtest(45, 50).proportion_ci(confidence, method="wilson")
    assert figures["recall_interval"] == pytest.approx(hits, abs=1e-6)
    hits = stats.binomtest(45, 48).proportion_ci(confidence, method="wilson")
    assert figures["precision_interval"] == pytest.approx(hits, abs=1e-6)
    # The end where j hits of 53 stand for f1 = 2 j / (1 + j).
    hits = stats.binomtest(45, 53).proportion_ci(confidence, method="wilson")
    f1 = [2 / (1 + 1 / bound) for bound in hits]
    assert figures["f1_interval"] == pytest.approx(f1, abs=1e-6)
    assert f1[0] < figures["f1"] < f1[1]
    tail = (1 - confidence) / 2
    rates = np.array([stats.gamma.ppf(tail, 3), stats.gamma.isf(tail, 4)])
    per_hour = figures["false_accepts_per_hour_interval"]
    assert per_hour == pytest.approx(rates / 0.5, abs=1e-6)
    per_1000 = figures["false_accepts_per_1000_negatives_interval"]
    assert per_1000 == pytest.approx(rates / 1.5, abs=1e-6)


def test_rates_without_a_denominator_are_nan_and_have_no_interval():
    figures = event_metrics(0, 0, 0, hours=0.0, num_negatives=0)
    for name in ("precision", "recall", "f1", "misses", "false_accepts_per_hour"):
        assert math.isnan(figures[name]), name
    assert not any("interval" in name for name in figures)
    assert event_metrics(0, 4, 2, hours=1, num_negatives=9)["f1"] == 0.0


def spaced(rng, num):
    """Detections as `find_words` gives them: no two within a second."""
    seconds = 1.0 + np.cumsum(rng.uniform(1.0, 3.0, num))
    return list(zip(seconds, rng.random(num), strict=True))


@given(st.integers(0, 10_000))
def test_a_higher_threshold_never_misses_less_nor_accepts_more(seed):
    rng = np.random.default_rng(seed)
    detections = spaced(rng, 25)
    ends = rng.uniform(0, 55, 15)
    thresholds = np.linspace(0, 1, 21)
    num_misses, num_false_accepts = detection_error_tradeoff(
        detections, ends, thresholds
    )
    assert (np.diff(num_misses) >= 0).all()
    assert (np.diff(num_false_accepts) <= 0).all()
    assert num_misses[-1] == 15
    assert num_false_accepts[-1] == 0


def test_the_tradeoff_equals_matching_at_every_threshold():
    rng = np.random.default_rng(3)
    detections, ends = spaced(rng, 20), rng.uniform(0, 45, 12)
    thresholds = sorted(score for _, score in detections)  # a candidate's own counts
    num_misses, num_false_accepts = detection_error_tradeoff(
        detections, ends, thresholds
    )
    for number, threshold in enumerate(thresholds):
        loud = [time for time, score in detections if score >= threshold]
        hits, false_accepts = match_events(loud, ends)
        assert num_misses[number] == (~hits).sum()
        assert num_false_accepts[number] == len(false_accepts)


def test_the_tradeoff_without_detections_is_all_misses():
    num_misses, num_false_accepts = detection_error_tradeoff([], [1.0, 2.0], [0.1, 0.9])
    assert num_misses.tolist() == [2, 2]
    assert num_false_accepts.tolist() == [0, 0]


def choose(misses, false_accepts, **options):
    options = {
        "num_words": 50,
        "num_negatives": 1000,
        "max_misses": 0.1,
        "max_false_accepts_per_1000": 5.0,
        "slack": 0.0,
        **options,
    }
    thresholds = np.arange(1, len(misses) + 1) / 10
    return choose_threshold(thresholds, misses, false_accepts, **options)


def test_a_miss_and_a_false_accept_weigh_what_is_bearable_of_each():
    # Five of 50 words are as bad as five of 1000 others: a unit of each.
    assert choose([0, 5, 9], [9, 3, 0]) == pytest.approx(0.2)  # 1.8, 1.6, 1.8
    assert choose([0, 5, 9], [7, 3, 0]) == pytest.approx(0.1)  # 1.4, 1.6, 1.8
    assert choose([0, 5, 7], [9, 3, 0]) == pytest.approx(0.3)  # 1.8, 1.6, 1.4


def test_false_accepts_are_weighed_by_the_number_of_negatives():
    assert choose([0, 2, 6], [8, 2, 0]) == pytest.approx(0.2)
    assert choose([0, 2, 6], [8, 2, 0], num_negatives=8000) == pytest.approx(0.1)


def test_of_equally_good_thresholds_the_middle_of_the_longest_run_is_taken():
    assert choose([1, 1, 1, 9], [0, 0, 0, 0]) == pytest.approx(0.2)
    assert choose([1, 9, 1, 1, 9], [0, 0, 0, 0, 0]) == pytest.approx(0.35)


def test_a_threshold_at_which_nothing_is_heard_is_not_the_best():
    assert choose([0, 5, 50], [12, 10, 0]) == pytest.approx(0.1)


def test_no_threshold_is_chosen_beside_a_cliff():
    misses = [0, 0, 0, 0, 0, 40, 50]
    false_accepts = [9, 8, 7, 6, 1, 1, 1]
    assert choose(misses, false_accepts) == pytest.approx(0.5)
    assert choose(misses, false_accepts, slack=0.1) == pytest.approx(0.4)


def test_no_threshold_is_chosen_within_slack_of_the_ends():
    assert choose([0] * 5, [9, 9, 9, 9, 0], slack=0.1) == pytest.approx(0.4)
    assert choose([0, 0], [9, 0], slack=0.3) == pytest.approx(0.15)


def test_without_words_or_negatives_the_other_decides():
    assert choose([0, 0, 0], [4, 0, 0], num_words=0) == pytest.approx(0.25)
    assert choose([0, 0, 9], [0, 0, 0], num_negatives=0) == pytest.approx(0.15)
