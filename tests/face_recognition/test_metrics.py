"""Verification against scikit-learn, plain loops and resampling by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics as reference
from sklearn.neighbors import NearestNeighbors

from dlai_keras.face_recognition import metrics
from dlai_keras.face_recognition.metrics import (
    all_distances,
    auc,
    best_threshold,
    equal_error_rate,
    k_fold_accuracy,
    nearest_neighbour_accuracy,
    pair_distances,
    roc_curve,
    tar_at_far,
    threshold_at_far,
    verification_report,
)

SAME = np.array([True, True, False, False])


@st.composite
def verifications(draw):
    """Distances of both kinds, with ties more often than not."""
    num = draw(st.integers(2, 40))
    same = np.arange(num) % draw(st.integers(2, 5)) == 0
    values = st.integers(0, draw(st.integers(0, 20))).map(lambda number: number / 8)
    distances = draw(st.lists(values, min_size=num, max_size=num))
    return np.array(distances, draw(st.sampled_from(["float32", "float64"]))), same


def people(rng, num_people=12, per_person=5, *, noise=0.5, size=8):
    """Embeddings of unit length, and labels."""
    centres = rng.normal(size=(num_people, size))
    labels = np.repeat(np.arange(num_people), per_person)
    embeddings = centres[labels] + noise * rng.normal(size=(len(labels), size))
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), labels


def pairs_of(embeddings, labels):
    first, second = np.triu_indices(len(labels), 1)
    same = labels[first] == labels[second]
    return all_distances(embeddings), same, (labels[first], labels[second])


def rates(distances, same, threshold):
    accepted = distances <= np.float64(threshold)
    return accepted[~same].mean(), accepted[same].mean()


def all_thresholds(distances):
    return [-np.inf, *np.unique(distances)]


# Distances


def test_distances_equal_their_definition():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(1030, 5)).astype("float32")  # more than two blocks
    embeddings[7] = embeddings[3]
    first, second = np.triu_indices(1030, 1)
    found = all_distances(embeddings)
    assert found.dtype == np.float32
    chosen = rng.integers(0, len(found), 70_000)  # more than one block
    expected = np.linalg.norm(
        embeddings[first[chosen]].astype("float64") - embeddings[second[chosen]], axis=1
    )
    np.testing.assert_allclose(found[chosen], expected, atol=1e-6)
    np.testing.assert_allclose(
        pair_distances(embeddings, first[chosen], second[chosen]), expected, atol=1e-6
    )
    equal = np.flatnonzero((first == 3) & (second == 7))[0]
    assert found[equal] < 1e-6


def test_few_embeddings_have_few_distances():
    assert all_distances(np.zeros((1, 4))).shape == (0,)
    assert all_distances(np.zeros((0, 4))).shape == (0,)
    assert pair_distances(np.zeros((2, 4)), [], []).shape == (0,)


@pytest.mark.parametrize("embeddings", [np.zeros(3), [[0.0, np.nan]]])
def test_embeddings_are_checked(embeddings):
    with pytest.raises(ValueError, match="`embeddings` must be finite numbers"):
        all_distances(embeddings)


# Curves


@settings(deadline=None, max_examples=25)
@given(case=verifications())
def test_curve_and_area_equal_scikit_learn(case):
    distances, same = case
    curve = roc_curve(distances, same)
    far, tar, thresholds = reference.roc_curve(
        same, -distances.astype("float64"), drop_intermediate=False
    )
    thresholds = -thresholds
    kept = np.searchsorted(thresholds, curve.thresholds)
    np.testing.assert_array_equal(thresholds[kept], curve.thresholds)
    np.testing.assert_array_equal(far[kept], curve.false_accept_rates)
    np.testing.assert_array_equal(tar[kept], curve.true_accept_rates)
    assert kept[0] == 0 and kept[-1] == len(far) - 1
    # What is left out lies on the straight lines between the others.
    for start, end in itertools.pairwise(kept):
        between = slice(start + 1, end)
        turn = (far[between] - far[start]) * (tar[end] - tar[start])
        turn -= (tar[between] - tar[start]) * (far[end] - far[start])
        np.testing.assert_allclose(turn, 0, atol=1e-12)
    assert auc(distances, same) == pytest.approx(
        reference.roc_auc_score(same, -distances), abs=1e-12
    )
    assert (curve.num_same, curve.num_different) == (same.sum(), (~same).sum())


@settings(deadline=None, max_examples=25)
@given(case=verifications())
def test_area_is_the_share_of_pairs_in_the_right_order(case):
    distances, same = case
    own, other = distances[same][:, None], distances[~same]
    expected = np.mean((own < other) + 0.5 * (own == other))
    assert auc(distances, same) == pytest.approx(expected, abs=1e-12)
    assert auc(-distances, ~same) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(case=verifications())
def test_equal_error_rate_is_where_the_curve_crosses_the_diagonal(case):
    distances, same = case
    points = np.array([rates(distances, same, t) for t in all_thresholds(distances)])
    error = equal_error_rate(distances, same)
    # The one point of the polygon with equal errors: TAR = 1 - FAR.
    far, tar = points.T
    for number in range(len(far) - 1):
        low, high = far[number] + tar[number] - 1, far[number + 1] + tar[number + 1] - 1
        if low < 0 <= high:
            part = -low / (high - low)
            expected = far[number] + part * (far[number + 1] - far[number])
    assert error == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.0),
        ([0.3, 0.4, 0.1, 0.2], 1.0),
        ([0.1, 0.3, 0.2, 0.4], 0.5),
        ([0.5, 0.5, 0.5, 0.5], 0.5),  # nothing but a tie
    ],
)
def test_equal_error_rates_that_are_known(distances, expected):
    assert equal_error_rate(distances, SAME) == pytest.approx(expected)


@settings(deadline=None, max_examples=25)
@given(case=verifications(), far=st.sampled_from([0.05, 0.1, 0.29, 0.5, 0.9, 1.0]))
def test_tar_at_far_is_the_best_that_a_threshold_reaches(case, far):
    distances, same = case
    every = [rates(distances, same, t) for t in all_thresholds(distances)]
    found = tar_at_far(distances, same, far)
    if far * (~same).sum() < 1 - 1e-9:
        assert math.isnan(found)
        with pytest.raises(ValueError, match="pairs of different people or more"):
            threshold_at_far(distances, same, far)
        return
    assert found == max(tar for false, tar in every if false <= far)
    threshold = threshold_at_far(distances, same, far)
    false, tar = rates(distances, same, threshold)
    assert false <= far and tar == found
    # It is the highest: the next distance above is one too many.
    above = distances[distances > threshold]
    assert far == 1 or not len(above) or rates(distances, same, above.min())[0] > far


def test_rates_of_a_hundred_pairs_are_counted_without_rounding_errors():
    distances = np.concatenate([[0.5], np.arange(1, 101) / 100])
    same = np.arange(101) == 0
    for num in range(1, 100):
        threshold = threshold_at_far(distances, same, num / 100)
        assert (distances[1:] <= threshold).sum() == num


def test_too_few_pairs_of_different_people_say_nothing_about_rare_errors():
    distances, same = np.linspace(0, 1, 1000), np.arange(1000) < 1
    assert math.isnan(tar_at_far(distances, same, 1e-3))  # 999 pairs
    assert tar_at_far(distances[:-1], same[:-1], 1 / 998) == 1.0


# Thresholds


@settings(deadline=None, max_examples=40)
@given(case=verifications(), balanced=st.booleans())
def test_no_threshold_decides_more_pairs_rightly_than_the_best(case, balanced):
    distances, same = case

    def share_right(threshold):
        right = (distances <= np.float64(threshold)) == same
        if balanced:
            return (right[same].mean() + right[~same].mean()) / 2
        return right.mean()

    found = best_threshold(distances, same, balanced=balanced)
    assert math.isfinite(found)
    best = max(map(share_right, all_thresholds(distances)))
    assert share_right(found) == pytest.approx(best, abs=1e-12)


def test_the_threshold_lies_in_the_middle_of_the_widest_gap():
    distances = [0.25, 0.5, 0.75, 1.0, 2.0]
    same = [True, True, False, True, False]
    # 0.625 and 1.5 decide four of five rightly.
    assert best_threshold(distances, same) == 1.5


def test_a_threshold_between_neighbouring_floats_parts_them():
    low = np.float32(0.7)
    high = np.nextafter(low, np.float32(1))
    distances = np.array([low, high])
    threshold = best_threshold(distances, [True, False])
    assert (distances <= threshold).tolist() == [True, False]
    assert threshold_at_far(np.array([low, high, high]), [1, 0, 0], 0.5) == low


def test_many_pairs_of_different_people_do_not_move_a_balanced_threshold():
    rng = np.random.default_rng(0)
    own, other = rng.normal(0.6, 0.15, 400), rng.normal(1.2, 0.15, 400)

    def threshold(times, balanced):
        distances = np.concatenate([own, np.repeat(other, times)])
        same = np.arange(len(distances)) < 400
        return best_threshold(distances, same, balanced=balanced)

    assert threshold(1, True) == threshold(50, True) == threshold(1, False)
    assert threshold(50, False) < threshold(50, True)


# Folds


def test_k_fold_accuracy_is_lfws():
    rng = np.random.default_rng(0)
    folds = np.repeat(np.arange(1, 11), 30)
    same = np.tile(np.arange(30) < 15, 10)
    distances = np.where(same, 0.8, 1.2) + rng.normal(0, 0.2, 300) + 0.02 * folds
    found = k_fold_accuracy(distances, same, folds)
    for fold in range(1, 11):
        train = folds != fold
        shares = [
            np.mean((distances[train] <= threshold) == same[train])
            for threshold in distances[train]
        ]
        accepted = distances <= found.thresholds[fold - 1]
        assert np.mean(accepted[train] == same[train]) == max(shares)
        expected = np.mean(accepted[~train] == same[~train])
        assert found.accuracies[fold - 1] == pytest.approx(expected)
    assert len(set(found.thresholds)) > 3
    assert found.accuracy == pytest.approx(found.accuracies.mean())
    assert found.standard_error == pytest.approx(
        np.sqrt(np.sum((found.accuracies - found.accuracy) ** 2) / 9) / np.sqrt(10)
    )


def test_a_fold_does_not_choose_its_own_threshold():
    # The pairs of fold 1 are all further apart; with its own threshold it is right.
    distances, same = [0.2, 0.4, 0.7, 0.9], [True, False, True, False]
    found = k_fold_accuracy(distances, same, [0, 0, 1, 1])
    np.testing.assert_allclose(found.thresholds, [0.8, 0.3])
    np.testing.assert_allclose(found.accuracies, [0.5, 0.5])


def test_folds_that_leave_nothing_to_choose_from_are_refused():
    distances, same = [0.2, 0.4, 0.7], [True, True, False]
    with pytest.raises(ValueError, match="two folds or more"):
        k_fold_accuracy(distances, same, [3, 3, 3])
    with pytest.raises(ValueError, match="Beside fold 7 all pairs are of one kind"):
        k_fold_accuracy(distances, same, [4, 7, 7])
    with pytest.raises(ValueError, match="a value for each pair"):
        k_fold_accuracy(distances, same, [1, 2])


# Identification


def test_nearest_neighbours_equal_scikit_learns():
    embeddings, labels = people(np.random.default_rng(0), 30, 20, noise=0.8)
    found = NearestNeighbors(n_neighbors=2).fit(embeddings).kneighbors(embeddings)[1]
    expected = np.mean(labels[found[:, 1]] == labels)
    assert 0.3 < expected < 0.95
    assert nearest_neighbour_accuracy(embeddings, labels) == pytest.approx(expected)


def test_people_with_one_picture_are_not_asked_for_but_may_be_found():
    embeddings = [[0.0], [1.0], [1.4], [5.0]]
    assert nearest_neighbour_accuracy(embeddings[:3], ["a", "a", "b"]) == 0.5
    assert nearest_neighbour_accuracy(embeddings, ["a", "a", "b", "c"]) == 0.5
    with pytest.raises(ValueError, match="Nobody has two pictures"):
        nearest_neighbour_accuracy(embeddings, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="a person for each embedding"):
        nearest_neighbour_accuracy(embeddings, [0, 0, 1])


# The report


def test_the_report_holds_every_figure():
    embeddings, labels = people(np.random.default_rng(0), 15, 6, noise=0.8)
    distances, same, who = pairs_of(embeddings, labels)
    report = verification_report(np.random.default_rng(1), distances, same, who)
    threshold = best_threshold(distances, same, balanced=True)
    far, tar = rates(distances, same, threshold)
    expected = {
        "accuracy": np.mean((distances <= np.float64(threshold)) == same),
        "balanced_accuracy": (tar + 1 - far) / 2,
        "auc": auc(distances, same),
        "equal_error_rate": equal_error_rate(distances, same),
        "tar_at_far_1e_2": tar_at_far(distances, same, 1e-2),
        "tar_at_far_1e_3": tar_at_far(distances, same, 1e-3),
    }
    for name, value in expected.items():
        assert report[name] == pytest.approx(value), name
        low, high = report[f"{name}_interval"]
        assert low < report[name] < high
    assert report["threshold"] == threshold
    assert report["num_same"] == 15 * 15
    assert report["num_different"] == len(distances) - 15 * 15
    assert set(report) == {
        *expected,
        *(f"{name}_interval" for name in expected),
        *("threshold", "num_same", "num_different"),
    }


def test_the_report_without_people_has_no_intervals():
    distances = np.array([0.2, 0.6, 0.5, 1.0])
    report = verification_report(np.random.default_rng(0), distances, SAME)
    assert not [name for name in report if name.endswith("_interval")]
    assert report["accuracy"] == 0.75
    assert math.isnan(report["tar_at_far_1e_2"])
    report = verification_report(
        np.random.default_rng(0), distances, SAME, threshold=0.3
    )
    assert (report["accuracy"], report["threshold"]) == (0.75, 0.3)
    assert report["balanced_accuracy"] == 0.75


def test_the_report_of_folds_is_lfws():
    embeddings, labels = people(np.random.default_rng(0), 10, 4, noise=0.8)
    distances, same, who = pairs_of(embeddings, labels)
    folds = np.arange(len(same)) % 10
    report = verification_report(
        np.random.default_rng(1), distances, same, who, folds=folds, num_samples=200
    )
    found = k_fold_accuracy(distances, same, folds)
    assert report["accuracy"] == found.accuracy
    assert report["accuracy_standard_error"] == found.standard_error
    assert report["threshold"] == best_threshold(distances, same)
    low, high = report["accuracy_interval"]
    assert low < found.accuracy < high
    with pytest.raises(ValueError, match="pass one of them"):
        verification_report(
            np.random.default_rng(1), distances, same, folds=folds, threshold=0.5
        )


@pytest.mark.parametrize("num_groups", [7, 3])
def test_the_bootstrap_resamples_people_with_all_their_pairs(num_groups, monkeypatch):
    embeddings, labels = people(np.random.default_rng(0), 7, 3, noise=1.0)
    distances, same, who = pairs_of(embeddings, labels)
    right = (distances <= 1.0) == same
    levels = {"1e_2": 0.1, "1e_3": 0.3}  # that 189 pairs can show
    monkeypatch.setattr(metrics, "FALSE_ACCEPT_RATES", levels)
    monkeypatch.setattr(metrics, "_GROUPS", num_groups)
    found = metrics._resampled_figures(
        np.random.default_rng(1), distances, same, who, right, 30
    )
    rng = np.random.default_rng(1)
    groups = np.arange(7) if num_groups == 7 else rng.permutation(7) % 3
    first, second = groups[who[0]], groups[who[1]]
    drawn = rng.multinomial(num_groups, np.full(num_groups, 1 / num_groups), 30)
    expected = []
    for counts in [np.ones(num_groups, int), *drawn]:
        # By hand: copies of groups, of which none meets another of the same.
        rows = []
        copies = np.repeat(np.arange(num_groups), counts)
        for number, one in enumerate(copies):
            rows += np.flatnonzero((first == one) & (second == one)).tolist()
            for other in copies[:number]:
                meet = (first == one) & (second == other)
                meet |= (first == other) & (second == one)
                rows += np.flatnonzero(meet & (one != other)).tolist()
        d, s, r = distances[rows], same[rows], right[rows]
        if s.all():
            continue
        expected.append(
            {
                "accuracy": r.mean(),
                "balanced_accuracy": (r[s].mean() + r[~s].mean()) / 2,
                "auc": reference.roc_auc_score(s, -d),
                "equal_error_rate": equal_error_rate(d, s),
                "tar_at_far_1e_2": tar_at_far(d, s, 0.1),
                "tar_at_far_1e_3": tar_at_far(d, s, 0.3),
            }
        )
    for name, (counted, samples) in found.items():
        ours = np.append(counted, samples)
        theirs = np.array([one[name] for one in expected])
        assert theirs.std() > 0
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_ends_are_efrons_percentiles():
    samples = np.random.default_rng(0).normal(0.8, 0.02, 999)
    for counted in (0.79, 0.8, 0.82):
        bias = norm.ppf(np.mean(samples < counted))
        levels = norm.cdf(2 * bias + np.array([-1, 1]) * norm.ppf(0.95))
        expected = np.quantile(samples, levels) - counted + 0.7
        expected = min(expected[0], 0.7), max(expected[1], 0.7)
        assert metrics._ends(0.7, (counted, samples), 0.9) == pytest.approx(expected)


def test_intervals_are_as_wide_as_other_people_would_move_the_figure():
    rng = np.random.default_rng(0)
    figures = {"auc": [], "equal_error_rate": []}
    for _ in range(150):
        distances, same, _ = pairs_of(*people(rng, 20, 4, noise=1.0))
        for name, figure in zip(
            figures,
            (auc(distances, same), equal_error_rate(distances, same)),
            strict=True,
        ):
            figures[name].append(figure)
    widths = {name: [] for name in figures}
    for _ in range(12):
        distances, same, who = pairs_of(*people(rng, 20, 4, noise=1.0))
        report = verification_report(rng, distances, same, who, num_samples=400)
        for name, some in widths.items():
            low, high = report[f"{name}_interval"]
            some.append(high - low)
    for name, figure in figures.items():
        expected = np.subtract(*np.percentile(figure, [97.5, 2.5]))
        assert np.mean(widths[name]) == pytest.approx(expected, rel=0.25)


def test_many_people_are_resampled_in_groups_and_many_pairs_at_chosen_distances():
    rng = np.random.default_rng(0)
    distances, same, who = pairs_of(*people(rng, 130, 4, noise=1.0))
    few = verification_report(rng, distances, same, who, num_samples=300)
    embeddings, labels = people(rng, 130, 4, noise=1.0)
    report = verification_report(rng, *pairs_of(embeddings, labels), num_samples=300)
    for name in ("auc", "equal_error_rate", "tar_at_far_1e_2"):
        low, high = report[f"{name}_interval"]
        # Two such populations agree, and the intervals have a width of sampling.
        assert low < report[name] < high
        other_low, other_high = few[f"{name}_interval"]
        assert low < other_high and other_low < high
        assert 0.5 < (high - low) / (other_high - other_low) < 2


def test_people_may_have_names_and_a_seed_gives_the_same_interval():
    distances, same, who = pairs_of(*people(np.random.default_rng(0), 6, 3))
    names = np.array([f"person {number}" for number in range(6)])
    reports = [
        verification_report(np.random.default_rng(5), distances, same, some)
        for some in (who, (names[who[0]], names[who[1]]))
    ]
    np.testing.assert_equal(reports[0], reports[1])


def test_people_who_contradict_the_pairs_are_refused():
    distances, same, who = pairs_of(*people(np.random.default_rng(0), 4, 3))
    with pytest.raises(ValueError, match="Pair 0 is of 3 and 0, and `same` says True"):
        verification_report(
            np.random.default_rng(0), distances, same, (who[0][::-1], who[1])
        )
    with pytest.raises(ValueError, match="a person for each first and each second"):
        verification_report(np.random.default_rng(0), distances, same, (who[0], [1]))
    with pytest.raises(ValueError, match="`confidence` must be between 0 and 1"):
        verification_report(
            np.random.default_rng(0), distances, same, who, confidence=95
        )


# Bad input


@pytest.mark.parametrize(
    ("distances", "same", "message"),
    [
        ([0.1, 0.2], [True], "a value for each pair"),
        ([[0.1, 0.2]], [[True, False]], "a value for each pair"),
        ([0.1, np.nan], [True, False], "`distances` must be finite. Received: nan"),
        ([0.1, 0.2], [True, True], "Received: 2 and 0"),
        ([0.1, 0.2], [0, 0], "Received: 0 and 2"),
        ([], [], "Received: 0 and 0"),
        ([1, 0], [0.3, 0.8], "Were the two swapped"),
    ],
)
def test_pairs_are_checked(distances, same, message):
    with pytest.raises(ValueError, match=message):
        roc_curve(distances, same)


@pytest.mark.parametrize("far", [0, -0.1, 1.5, math.nan])
def test_rates_are_checked(far):
    for figure in (tar_at_far, threshold_at_far):
        with pytest.raises(ValueError, match="`far` must be a rate"):
            figure([0.1, 0.2], [True, False], far)
