"""Verification and identification: do distances tell one person from two?

A pair of pictures is accepted, as of one person, where its distance is at most a
threshold. The true accept rate, TAR, is the share of pairs of the same person that are
accepted; the false accept rate, FAR, that of pairs of different people. Everything here
takes distances; similarities, which are high for the same person, go in with a minus.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

FALSE_ACCEPT_RATES = {"1e_2": 1e-2, "1e_3": 1e-3}  # that reports are made for
_ROWS = 512  # of a distance matrix at a time
_PAIRS = 1 << 16  # of embeddings at a time
_KEYS = 1 << 21  # of pairs counted at a time
_EDGES = 256  # distances at which a resampled curve is looked at
_GROUPS = 100  # more people than this are resampled in groups


def pair_distances(
    embeddings: np.ndarray, first: ArrayLike, second: ArrayLike
) -> np.ndarray:
    """Euclidean distances of chosen pairs of embeddings.

    Args:
        embeddings: `(num_pictures, num_dim)`.
        first: whole numbers `(num_pairs,)`, rows of `embeddings`.
        second: the same, of the other picture of each pair.

    Returns:
        float32 `(num_pairs,)`.

    Raises:
        ValueError: `embeddings` is no matrix of finite numbers.

    Example:
        >>> pair_distances([[0.0, 0.0], [3.0, 4.0]], [0, 0], [0, 1]).tolist()
        [0.0, 5.0]
    """
    embeddings = _matrix(embeddings)
    first, second = np.asarray(first), np.asarray(second)
    distances = np.empty(len(first), "float32")
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        difference = embeddings[first[part]] - embeddings[second[part]]
        distances[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def all_distances(embeddings: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs of embeddings, every pair once.

    The order is that of `np.triu_indices(num_pictures, 1)`: 0 and 1, 0 and 2, ...
    5,000 pictures make 12.5 million pairs, 50 MB.

    Args:
        embeddings: `(num_pictures, num_dim)`.

    Returns:
        float32 `(num_pictures * (num_pictures - 1) / 2,)`.

    Raises:
        ValueError: `embeddings` is no matrix of finite numbers.

    Example:
        >>> all_distances([[0.0], [1.0], [5.0]]).tolist()
        [1.0, 5.0, 4.0]
    """
    embeddings = _matrix(embeddings)
    num = len(embeddings)
    distances = np.empty(num * (num - 1) // 2, "float32")
    filled = 0
    for start in range(0, num, _ROWS):
        block = _distances(embeddings[start : start + _ROWS], embeddings[start:])
        for row, line in enumerate(block):
            size = num - start - row - 1
            distances[filled : filled + size] = line[row + 1 :]
            filled += size
    return distances


@dataclass(frozen=True, eq=False)
class Roc:
    """TAR over FAR, at every threshold where the curve changes its direction.

    Attributes:
        thresholds: float64 `(num,)`, ascending; the first, -inf, accepts nothing.
        false_accept_rates: float64 `(num,)`, from 0 to 1.
        true_accept_rates: float64 `(num,)`, from 0 to 1.
        num_same: pairs of the same person.
        num_different: pairs of different people.
    """

    thresholds: np.ndarray
    false_accept_rates: np.ndarray
    true_accept_rates: np.ndarray
    num_same: int
    num_different: int

    @property
    def auc(self) -> float:
        """Area under the curve; see `auc`."""
        return float(_auc(self.false_accept_rates, self.true_accept_rates))

    @property
    def equal_error_rate(self) -> float:
        """See `equal_error_rate`."""
        return float(_equal_error(self.false_accept_rates, self.true_accept_rates))

    def tar_at_far(self, far: float) -> float:
        """See `tar_at_far`."""
        _check_far(far)
        if self.num_different * far < 1 - 1e-9:
            return math.nan
        rates = self.false_accept_rates, self.true_accept_rates
        return float(_tar_at_far(*rates, far))


def roc_curve(distances: ArrayLike, same: ArrayLike) -> Roc:
    """The receiver operating characteristic of a verification.

    Pairs of equal distance are accepted together, whichever kind they are of.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`, whether a pair is of one person.

    Returns:
        The curve. Points on a straight line between two others are left out, so that
        there are no more than twice as many as pairs of the same person.

    Raises:
        ValueError: the shapes differ, a distance is not finite, or one of the two
            kinds of pairs is missing.

    Example:
        >>> curve = roc_curve([0.2, 0.9, 0.6, 1.4], [True, True, False, False])
        >>> curve.false_accept_rates.tolist(), curve.true_accept_rates.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
        >>> curve.thresholds.tolist()
        [-inf, 0.2, 0.6, 0.9, 1.4]
    """
    own, other = _kinds(distances, same)
    values, accepted = _steps(own)
    before = np.append(0, accepted[:-1])  # accepted below each of the values
    below = np.searchsorted(other, values, "left")
    upto = np.searchsorted(other, values, "right")
    # Two points for each distance of the same person: all below it, and it as well.
    false = np.stack([below, upto], 1).ravel()
    true = np.stack([before, accepted], 1).ravel()
    thresholds = np.stack([other[np.maximum(below - 1, 0)], values], 1).ravel()
    is_new = np.stack([below > np.append(0, upto[:-1]), np.ones(len(upto), bool)], 1)
    kept = is_new.ravel()
    first, last = ([0], [0], [-np.inf]), ([], [], [])
    if upto[-1] < len(other):
        last = ([len(other)], [len(own)], [other[-1]])
    false, true, thresholds = (
        np.concatenate([start, part[kept], end])
        for start, part, end in zip(first, (false, true, thresholds), last, strict=True)
    )
    rates = false / len(other), true / len(own)
    return Roc(thresholds.astype("float64"), *rates, len(own), len(other))


def auc(distances: ArrayLike, same: ArrayLike) -> float:
    """The area under the ROC curve.

    It is the probability that a pair of the same person is closer than one of two
    people; equal distances count half.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.

    Returns:
        1 where the two kinds are apart, 0.5 where distances say nothing.

    Raises:
        ValueError: as of `roc_curve`.

    Example:
        >>> auc([0.2, 0.9, 0.6, 0.9], [True, True, False, False])
        0.625

    Reference:
        - Hanley and McNeil, 1982, "The meaning and use of the area under a receiver
          operating characteristic (ROC) curve", Radiology 143.
    """
    return roc_curve(distances, same).auc


def equal_error_rate(distances: ArrayLike, same: ArrayLike) -> float:
    """The error rate where as many are falsely accepted as falsely refused.

    Mostly no threshold makes FAR and 1 - TAR quite equal. The rate is then taken where
    the ROC curve, its points joined by straight lines, crosses that diagonal.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.

    Returns:
        A rate, 0 where the two kinds are apart.

    Raises:
        ValueError: as of `roc_curve`.

    Example:
        >>> equal_error_rate([0.2, 0.9, 0.6, 1.4], [True, True, False, False])
        0.5
    """
    return roc_curve(distances, same).equal_error_rate


def tar_at_far(distances: ArrayLike, same: ArrayLike, far: float) -> float:
    """TAR at the highest threshold whose FAR is at most `far`.

    Nothing is interpolated: it is a rate that a threshold reaches on these pairs.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.
        far: false accept rate that is allowed, above 0 and up to 1.

    Returns:
        A rate; NaN where there are fewer than 1 / `far` pairs of different people, of
        which not one might be accepted: such a rate is not to be measured with them.

    Raises:
        ValueError: as of `roc_curve`, or `far` is no rate.

    Example:
        >>> distances, same = [0.2, 0.9, 0.6, 1.4], [True, True, False, False]
        >>> tar_at_far(distances, same, 0.5), tar_at_far(distances, same, 0.01)
        (1.0, nan)
    """
    return roc_curve(distances, same).tar_at_far(far)


def threshold_at_far(distances: ArrayLike, same: ArrayLike, far: float) -> float:
    """The highest threshold whose FAR is at most `far`.

    Every threshold between two neighbouring distances decides these pairs alike; the
    middle of the gap is returned.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.
        far: false accept rate that is allowed, above 0 and up to 1.

    Returns:
        A distance.

    Raises:
        ValueError: as of `tar_at_far`, or there are fewer than 1 / `far` pairs of
            different people.

    Example:
        >>> threshold_at_far([0.2, 0.9, 0.6, 1.4], [True, True, False, False], 0.5)
        1.15
    """
    _check_far(far)
    own, other = _kinds(distances, same)
    if len(other) * far < 1 - 1e-9:
        raise ValueError(
            f"A threshold for a false accept rate of {far:g} needs {math.ceil(1 / far)}"
            f" pairs of different people or more. Received: {len(other)}."
        )
    # How many may be accepted, and with them the first that may not.
    allowed = int(
        np.searchsorted(np.arange(1, len(other) + 1) / len(other), far, "right")
    )
    if allowed == len(other):
        return float(max(own[-1], other[-1]))
    high = other[allowed]
    num_own = int(np.searchsorted(own, high, "left"))
    num_other = int(np.searchsorted(other, high, "left"))
    below = [own[num_own - 1]] * bool(num_own) + [other[num_other - 1]] * bool(
        num_other
    )
    return _between(max(below, default=-np.inf), high)


def best_threshold(
    distances: ArrayLike, same: ArrayLike, *, balanced: bool = False
) -> float:
    """The threshold that decides most of these pairs rightly.

    Every threshold between two neighbouring distances does so; the middle of the gap is
    returned, of the widest such gap where several are equally good.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.
        balanced: whether both kinds of pairs count alike, whatever their numbers. In a
            folder of pictures nearly all pairs are of different people: there the
            unbalanced threshold refuses too much.

    Returns:
        A distance.

    Raises:
        ValueError: as of `roc_curve`.

    Example:
        >>> best_threshold([0.25, 0.5, 1.0, 1.5], [True, True, False, False])
        0.75
    """
    return _best_threshold(*_kinds(distances, same), balanced)


class KFoldAccuracy(NamedTuple):
    """What `k_fold_accuracy` returns.

    Attributes:
        accuracy: mean of the folds.
        standard_error: of that mean, by LFW's rule: the folds' standard deviation
            divided by the root of their number.
        accuracies: float64 `(num_folds,)`.
        thresholds: float64 `(num_folds,)`, each chosen on the other folds.
    """

    accuracy: float
    standard_error: float
    accuracies: np.ndarray
    thresholds: np.ndarray


def k_fold_accuracy(
    distances: ArrayLike, same: ArrayLike, folds: ArrayLike, *, balanced: bool = False
) -> KFoldAccuracy:
    """LFW's accuracy: each fold is decided by the threshold of the others.

    Args:
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.
        folds: `(num_pairs,)`, which fold a pair is of; any numbers, ten in LFW.
        balanced: how a threshold is chosen, see `best_threshold`. The accuracy is the
            share of pairs decided rightly in either case.

    Returns:
        Mean, standard error, and both figures of each fold, in the order of their
        numbers.

    Raises:
        ValueError: as of `roc_curve`, there is one fold only, or what is left beside a
            fold is of one kind only.

    Example:
        >>> distances = [0.3, 1.2, 0.4, 1.1, 0.8, 1.3]
        >>> same = [True, False] * 3
        >>> k_fold_accuracy(distances, same, [0, 0, 1, 1, 2, 2]).accuracies.tolist()
        [1.0, 1.0, 0.5]

    Reference:
        - Huang et al., 2007, "Labeled Faces in the Wild", section 3, view 2.
    """
    distances, same = _pairs(distances, same)
    folds, thresholds = _fold_thresholds(distances, same, folds, balanced)
    right = (distances <= thresholds[folds]) == same
    accuracies = np.bincount(folds, right) / np.bincount(folds)
    return KFoldAccuracy(
        float(accuracies.mean()),
        float(accuracies.std(ddof=1) / math.sqrt(len(accuracies))),
        accuracies,
        thresholds,
    )


def nearest_neighbour_accuracy(embeddings: np.ndarray, labels: ArrayLike) -> float:
    """How often the nearest other picture is of the same person.

    Pictures of people who have no other are not asked for, but may be found.

    Args:
        embeddings: `(num_pictures, num_dim)`.
        labels: `(num_pictures,)`, who is on each.

    Returns:
        A share; of equally near pictures the first counts.

    Raises:
        ValueError: the numbers differ, or nobody has two pictures.

    Example:
        >>> embeddings = [[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1], [0.3, 0.9]]
        >>> nearest_neighbour_accuracy(embeddings, [0, 0, 1, 1, 1])
        0.8
    """
    embeddings = _matrix(embeddings)
    labels = np.asarray(labels)
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            "`labels` must hold a person for each embedding. Received: shapes "
            f"{labels.shape} and {embeddings.shape}."
        )
    _, people, counts = np.unique(labels, return_inverse=True, return_counts=True)
    asked = np.flatnonzero(counts[people] > 1)
    if not len(asked):
        raise ValueError(
            "Nobody has two pictures, so no picture has another to be found. Pass two "
            "pictures or more of some people."
        )
    right = 0
    for start in range(0, len(asked), _ROWS):
        rows = asked[start : start + _ROWS]
        block = _distances(embeddings[rows], embeddings)
        block[np.arange(len(rows)), rows] = np.inf  # not itself
        right += np.count_nonzero(people[block.argmin(axis=1)] == people[rows])
    return float(right / len(asked))


def verification_report(
    rng: np.random.Generator,
    distances: ArrayLike,
    same: ArrayLike,
    people: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    folds: ArrayLike | None = None,
    threshold: float | None = None,
    num_samples: int = 1000,
    confidence: float = 0.95,
) -> dict:
    """Every figure of a verification, with intervals.

    Pairs that share a person are not independent, so the intervals come from a
    bootstrap over people: they are drawn with replacement, as many as there are, a pair
    counts as often as both its people together, and the ends are percentiles of the
    figures of such samples, moved by Efron's correction for bias. The threshold is
    held. More than 100 people are drawn in 100 groups.

    The intervals tell how far a figure would move with other people, not with another
    training. Of 10 to 60 people, 95 % intervals held the figure of 800 in 87 to 98 % of
    trials; of fewer they are too narrow, and where no pair is wrong they have no width.

    Args:
        rng: draws the samples; state its seed with the intervals.
        distances: `(num_pairs,)`, low for the same person.
        same: bool `(num_pairs,)`.
        people: who is on the first and who on the second pictures, `(num_pairs,)` each,
            numbers or names. Without it there are no intervals.
        folds: `(num_pairs,)`. With them the accuracies are LFW's: a fold is decided by
            the threshold of the others.
        threshold: with which all pairs are decided, that of a saved model say. By
            default, without folds, the one that is best on these very pairs, so that
            the accuracies are a little too good.
        num_samples: of the bootstrap.
        confidence: how often an interval is to hold the true figure.

    Returns:
        dict with

        - `accuracy`: share of pairs decided rightly; `balanced_accuracy`: the mean of
          this share of both kinds of pairs, which is what counts where one kind
          outnumbers the other;
        - `accuracy_standard_error`: of the folds, where there are any;
        - `auc`, `equal_error_rate`;
        - `tar_at_far_1e_2`, `tar_at_far_1e_3`: NaN where pairs are too few;
        - the same names with `_interval`: `[low, high]`, six decimals;
        - `threshold`: of the accuracies. Both kinds of pairs count alike for it; with
          folds all pairs do, and it is that of all folds together;
        - `num_same`, `num_different`.

    Raises:
        ValueError: as of `k_fold_accuracy`, `people` contradicts `same`, or `threshold`
            and `folds` are both given.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> embeddings = np.repeat(np.eye(12), 5, axis=0) + rng.normal(0, 0.3, (60, 12))
        >>> labels = np.repeat(np.arange(12), 5)
        >>> first, second = np.triu_indices(60, 1)
        >>> report = verification_report(
        ...     rng,
        ...     all_distances(embeddings),
        ...     labels[first] == labels[second],
        ...     (labels[first], labels[second]),
        ... )
        >>> low, high = report["auc_interval"]
        >>> low < report["auc"] < high, report["num_same"]
        (True, 120)

    Reference:
        - Bolle et al., 2004, "An evaluation of error confidence interval estimation
          methods", ICPR.
        - Efron, 1981, "Nonparametric standard errors and confidence intervals",
          Canadian Journal of Statistics 9, 139-158, section 7.
    """
    if folds is not None and threshold is not None:
        raise ValueError(
            "Folds choose their thresholds by each other. Received both `folds` and "
            f"threshold={threshold}; pass one of them."
        )
    distances, same = _pairs(distances, same)
    curve = roc_curve(distances, same)
    if folds is not None:
        found = k_fold_accuracy(distances, same, folds)
        numbers = np.unique(folds, return_inverse=True)[1]
        limits = found.thresholds[numbers]
        threshold = best_threshold(distances, same)
    else:
        if threshold is None:
            threshold = best_threshold(distances, same, balanced=True)
        limits = np.float64(threshold)
    right = (distances <= limits) == same
    figures = {
        "accuracy": float(right.mean()) if folds is None else found.accuracy,
        "balanced_accuracy": float(right[same].mean() + right[~same].mean()) / 2,
        "auc": curve.auc,
        "equal_error_rate": curve.equal_error_rate,
    }
    for name, far in FALSE_ACCEPT_RATES.items():
        figures[f"tar_at_far_{name}"] = curve.tar_at_far(far)
    report = {}
    samples = {}
    if people is not None:
        samples = _resampled_figures(rng, distances, same, people, right, num_samples)
    for name, figure in figures.items():
        report[name] = figure
        if name in samples and not math.isnan(figure):
            ends = _ends(figure, samples[name], confidence)
            report[f"{name}_interval"] = [round(end, 6) for end in ends]
        if name == "accuracy" and folds is not None:
            report["accuracy_standard_error"] = found.standard_error
    report["threshold"] = float(threshold)
    report["num_same"], report["num_different"] = curve.num_same, curve.num_different
    return report


def _matrix(embeddings):
    embeddings = np.asarray(embeddings, "float64")
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise ValueError(
            "`embeddings` must be finite numbers (num_pictures, num_dim). Received: "
            f"shape {embeddings.shape}"
            + (", some not finite." if embeddings.ndim == 2 else ".")
        )
    return embeddings


def _distances(one, other):
    """Distances `(n, m)` of rows; in float64 equal rows come out as such."""
    squares = one @ other.T
    squares *= -2
    squares += np.einsum("ij,ij->i", one, one)[:, None]
    squares += np.einsum("ij,ij->i", other, other)
    return np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


def _pairs(distances, same):
    """Both as arrays, checked."""
    distances, same = np.asarray(distances), np.asarray(same)
    if distances.dtype not in (np.float32, np.float64):
        distances = distances.astype("float64")
    if distances.ndim != 1 or distances.shape != same.shape:
        raise ValueError(
            "`distances` and `same` must have a value for each pair. Received: shapes "
            f"{distances.shape} and {same.shape}."
        )
    if same.dtype != bool:
        if not np.isin(same, (0, 1)).all():
            raise ValueError(
                "`same` must be True or False for each pair. Received: "
                f"{same[~np.isin(same, (0, 1))][0]!r}. Were the two swapped?"
            )
        same = same.astype(bool)
    if not np.isfinite(distances).all():
        worst = distances[~np.isfinite(distances)][0]
        raise ValueError(f"`distances` must be finite. Received: {worst}.")
    num_same = np.count_nonzero(same)
    if not 0 < num_same < len(same):
        raise ValueError(
            "There must be pairs of the same person and of different people. "
            f"Received: {num_same} and {len(same) - num_same}."
        )
    return distances, same


def _kinds(distances, same):
    """Sorted distances of the same person, and those of different people."""
    distances, same = _pairs(distances, same)
    return np.sort(distances[same]), np.sort(distances[~same])


def _steps(ascending):
    """The values that occur, and how many of all are at most each."""
    ends = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True))
    return ascending[ends], ends + 1


def _between(low, high):
    """The middle of a gap; at most `low` is at most it, and `high` is not."""
    if math.isinf(low):
        return float(np.nextafter(high, np.array(-np.inf, high.dtype)))
    middle = low + (high - low) / 2
    return float(middle if middle < high else low)


def _best_threshold(own, other, balanced):
    own_weight, other_weight = (len(other), len(own)) if balanced else (1, 1)
    values, true = _steps(own)  # nothing is gained between two of these
    values, true = np.append([-np.inf], values), np.append(0, true)
    values = values.astype(own.dtype)
    false = np.searchsorted(other, values, "right")
    gain = own_weight * true - other_weight * false
    following = np.minimum(
        np.append(own, np.array(np.inf, own.dtype))[true],
        np.append(other, np.array(np.inf, own.dtype))[false],
    )
    width = following - values
    width[np.isinf(width)] = -1  # all accepted, or nothing: no gap
    best = np.flatnonzero(gain == gain.max())
    best = best[width[best].argmax()]
    if math.isinf(following[best]):
        return float(values[best])
    return _between(values[best], following[best])


def _fold_thresholds(distances, same, folds, balanced):
    """Numbers of the folds from 0 `(num_pairs,)`, and the threshold of each fold."""
    folds = np.asarray(folds)
    if folds.shape != distances.shape:
        raise ValueError(
            "`folds` must have a value for each pair. Received: shapes "
            f"{folds.shape} and {distances.shape}."
        )
    names, folds = np.unique(folds, return_inverse=True)
    if len(names) < 2:
        raise ValueError("There must be two folds or more. Received: one.")
    thresholds = []
    for number, name in enumerate(names):
        rest = folds != number
        if same[rest].all() or not same[rest].any():
            raise ValueError(
                f"Beside fold {name} all pairs are of one kind, so that no threshold "
                "can be chosen. Use fewer folds, or more pairs."
            )
        thresholds.append(
            best_threshold(distances[rest], same[rest], balanced=balanced)
        )
    return folds, np.array(thresholds)


def _check_far(far):
    if not 0 < far <= 1:
        raise ValueError(f"`far` must be a rate above 0, up to 1. Received: far={far}.")


# The figures of curves: rates are `(..., num)`, ascending from 0 to 1.


def _auc(far, tar):
    # One minus what lies above the curve: exact where that is little.
    above = np.diff(tar) * (far[..., 1:] + far[..., :-1]) / 2
    return 1 - above.sum(axis=-1)


def _equal_error(far, tar):
    excess = far + tar - 1  # ascending from -1 to 1
    after = np.argmax(excess >= 0, axis=-1)[..., None]
    low, high, far_low, far_high = (
        np.take_along_axis(values, place, -1)[..., 0]
        for values in (excess, far)
        for place in (after - 1, after)
    )
    return far_low + (far_high - far_low) * low / (low - high)


def _tar_at_far(far, tar, level):
    last = np.count_nonzero(far <= level, axis=-1) - 1
    return np.take_along_axis(tar, last[..., None], -1)[..., 0]


# The bootstrap over people


def _resampled_figures(rng, distances, same, people, right, num_samples):
    """Name -> `(figure of the pairs as counted here, those of the samples)`."""
    first, second = _groups(rng, people, same)
    num = int(max(first.max(), second.max())) + 1
    weights = rng.multinomial(num, np.full(num, 1 / num), num_samples)
    weights = np.concatenate([np.ones((1, num)), weights])  # first as they are
    codes, num_codes = _codes(distances, same)
    own = _count(first[same], codes[same], num, num_codes)
    own_right = np.bincount(first[same], right[same], num)
    # Pairs of groups, one below the diagonal of the matrix of groups.
    low, high = np.minimum(first, second)[~same], np.maximum(first, second)[~same]
    cells = high * (high + 1) // 2 + low
    columns, rows = np.tril_indices(num)
    other = _count(cells, codes[~same], len(rows), num_codes)
    other_right = np.bincount(cells, right[~same], len(rows))
    products = weights[:, rows] * weights[:, columns]
    # Within a group that is drawn twice all pairs are there twice, not four times.
    products[:, rows == columns] = weights
    own_counts, other_counts = weights @ own, products @ other  # (samples, codes)
    num_own, num_other = own_counts.sum(axis=1), other_counts.sum(axis=1)
    possible = (num_own > 0) & (num_other > 0)
    own_share = (weights @ own_right)[possible] / num_own[possible]
    other_share = (products @ other_right)[possible] / num_other[possible]
    num_own, num_other = num_own[possible], num_other[possible]
    far, tar = (
        np.pad(np.cumsum(counts[possible], axis=1) / num[:, None], [(0, 0), (1, 0)])
        for counts, num in ((other_counts, num_other), (own_counts, num_own))
    )
    figures = {
        "accuracy": (own_share * num_own + other_share * num_other)
        / (num_own + num_other),
        "balanced_accuracy": (own_share + other_share) / 2,
        "auc": _auc(far, tar),
        "equal_error_rate": _equal_error(far, tar),
    }
    for name, level in FALSE_ACCEPT_RATES.items():
        figures[f"tar_at_far_{name}"] = _tar_at_far(far, tar, level)
    return {name: (values[0], values[1:]) for name, values in figures.items()}


def _groups(rng, people, same):
    """Numbers from 0 of who is resampled together, of both pictures of each pair."""
    first, second = (np.asarray(part) for part in people)
    if first.shape != same.shape or second.shape != same.shape:
        raise ValueError(
            "`people` must hold a person for each first and each second picture. "
            f"Received: shapes {first.shape} and {second.shape} for {same.shape} pairs."
        )
    wrong = (first == second) != same
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"Pair {at} is of {first[at]} and {second[at]}, and `same` says "
            f"{bool(same[at])}. Pass the people in the order of the pairs."
        )
    names = np.unique(np.concatenate([np.unique(first), np.unique(second)]))
    group = np.arange(len(names), dtype="int32")  # of millions of pairs
    if len(names) > _GROUPS:
        group = rng.permutation(group) % _GROUPS
    return group[np.searchsorted(names, first)], group[np.searchsorted(names, second)]


def _codes(distances, same):
    """Each distance as a whole number of the same order, and how many there are.

    Odd numbers are distances of the same person, even ones lie between two of them, so
    that nothing of the curve is lost where these are few. Where they are many, some
    stand for all.
    """
    edges, _ = _steps(np.sort(distances[same]))
    if len(edges) > _EDGES:
        edges = edges[np.linspace(0, len(edges) - 1, _EDGES).round().astype(int)]
    place = np.searchsorted(edges, distances, "left")
    codes = 2 * place + (edges[np.minimum(place, len(edges) - 1)] == distances)
    return codes.astype("int32"), 2 * len(edges) + 1


def _count(rows, columns, num_rows, num_columns):
    """How often each row comes with each column, float64 `(num_rows, num_columns)`."""
    counts = np.zeros(num_rows * num_columns)
    for start in range(0, len(rows), _KEYS):
        part = slice(start, start + _KEYS)
        counts += np.bincount(
            rows[part] * num_columns + columns[part], None, len(counts)
        )
    return counts.reshape(num_rows, num_columns)


def _ends(figure, samples, confidence):
    """Percentiles, moved by the share of samples below what was resampled."""
    if not 0 < confidence < 1:
        raise ValueError(
            "`confidence` must be between 0 and 1. "
            f"Received: confidence={confidence}. Write 95 % as 0.95."
        )
    counted, samples = samples
    normal = NormalDist()
    below = np.mean(samples < counted) + np.mean(samples == counted) / 2
    edge = 0.5 / len(samples)
    shift = 2 * normal.inv_cdf(float(np.clip(below, edge, 1 - edge)))
    reach = normal.inv_cdf((1 + confidence) / 2)
    levels = [normal.cdf(shift - reach), normal.cdf(shift + reach)]
    low, high = np.quantile(samples, levels) - counted + figure
    return float(np.clip(min(low, figure), 0, 1)), float(
        np.clip(max(high, figure), 0, 1)
    )
