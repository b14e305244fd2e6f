"""Event metrics: did it hear the word, and how often did it fire at nothing.

Accuracy over frames says nothing about a trigger word: an output of zeros is right in
more than nine frames of ten. What counts are events. A detection is a hit from
0.25 s before to 0.75 s after the end of a word; a second one within a second of the
first counts once.
"""

from collections.abc import Sequence

import numpy as np

from dlai_keras.intervals import poisson_interval, wilson_interval

EARLIEST, LATEST = -0.25, 0.75  # seconds around the end of a word
REFRACTORY = 1.0  # seconds in which a second detection is the same one
_ROUNDING = 1e-9  # seconds: 1.3 and 2.3 are a second apart, whatever floats say


def match_events(
    detections: Sequence[float],
    ends: Sequence[float],
    *,
    earliest: float = EARLIEST,
    latest: float = LATEST,
    refractory: float = REFRACTORY,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs detections with words, one to one, in the order of time.

    Args:
        detections: times, seconds.
        ends: when each word ends, seconds.
        earliest: how far from a word's end a hit may be, seconds; below 0: before.
        latest: the same, after.
        refractory: a detection this soon after the one counted before it is left out.

    Returns:
        `(hits, false_accepts)`: bool `(num_words,)`, and the times of detections that
        belong to no word.

    Example:
        >>> hits, false_accepts = match_events([1.1, 1.6, 5.0], [1.0, 3.0])
        >>> hits.tolist(), false_accepts.tolist()
        ([True, False], [5.0])
    """
    ends = np.asarray(ends, "float64")
    hits = np.zeros(len(ends), bool)
    false_accepts = []
    counted = -np.inf
    for time in np.sort(np.asarray(detections, "float64")):
        if time - counted < refractory - _ROUNDING:
            continue
        counted = time
        late = time - ends
        near = np.flatnonzero(
            ~hits & (late >= earliest - _ROUNDING) & (late <= latest + _ROUNDING)
        )
        if len(near):
            hits[near[np.argmin(ends[near])]] = True
        else:
            false_accepts.append(time)
    return hits, np.array(false_accepts)


def event_metrics(
    num_hits: int,
    num_words: int,
    num_false_accepts: int,
    *,
    hours: float,
    num_negatives: int,
    confidence: float = 0.95,
) -> dict:
    """Precision, recall, F1, misses and false accepts, with intervals.

    Args:
        num_hits: trigger words that were heard.
        num_words: trigger words that were spoken.
        num_false_accepts: detections that belong to no trigger word.
        hours: length of what was listened to.
        num_negatives: other words that were spoken.
        confidence: of the intervals (Wilson for shares, exact Poisson for rates).

    Returns:
        dict with the field's names; rates whose denominator is 0 are NaN. `misses` is
        a share of the trigger words.
    """
    num_misses = num_words - num_hits
    num_detections = num_hits + num_false_accepts
    precision = num_hits / num_detections if num_detections else float("nan")
    recall = num_hits / num_words if num_words else float("nan")
    denominator = num_hits + 0.5 * (num_misses + num_false_accepts)
    metrics = {
        "precision": precision,
        "recall": recall,
        "f1": num_hits / denominator if denominator else float("nan"),
        "misses": num_misses / num_words if num_words else float("nan"),
        "false_accepts_per_hour": _rate(num_false_accepts, hours),
        "false_accepts_per_1000_negatives": _rate(
            num_false_accepts, num_negatives / 1000
        ),
        "num_words": num_words,
        "num_misses": num_misses,
        "num_false_accepts": num_false_accepts,
        "num_negatives": num_negatives,
        "hours": hours,
    }
    if num_words:
        for name, num in (("misses", num_misses), ("recall", num_hits)):
            metrics[f"{name}_interval"] = _floats(
                wilson_interval(num, num_words, confidence)
            )
    if num_detections:
        metrics["precision_interval"] = _floats(
            wilson_interval(num_hits, num_detections, confidence)
        )
    if num_words + num_false_accepts:
        # Hits among all that was spoken or detected: f1 = 2 j / (1 + j).
        shares = wilson_interval(num_hits, num_words + num_false_accepts, confidence)
        metrics["f1_interval"] = _floats([2 * j / (1 + j) for j in shares])
    if hours > 0:
        metrics["false_accepts_per_hour_interval"] = _floats(
            poisson_interval(num_false_accepts, hours, confidence)
        )
    if num_negatives:
        metrics["false_accepts_per_1000_negatives_interval"] = _floats(
            poisson_interval(num_false_accepts, num_negatives / 1000, confidence)
        )
    return metrics


def detection_error_tradeoff(
    detections: Sequence[tuple[float, float]],
    ends: Sequence[float],
    thresholds: Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Misses and false accepts for every threshold.

    Args:
        detections: `(time, score)` of every candidate, however low its score, as
            `detection.find_words` gives them: none within a second of another. Then
            misses rise with the threshold, and false accepts fall.
        ends: when each trigger word ends, seconds.
        thresholds: scores from which on a candidate counts.

    Returns:
        `(num_misses, num_false_accepts)`: int arrays `(num_thresholds,)`.
    """
    times, scores = np.array(detections, "float64").reshape(-1, 2).T
    counts = []
    for threshold in thresholds:
        hits, false_accepts = match_events(times[scores >= threshold], ends)
        counts.append((len(hits) - int(hits.sum()), len(false_accepts)))
    num_misses, num_false_accepts = np.array(counts, int).reshape(-1, 2).T
    return num_misses, num_false_accepts


def choose_threshold(
    thresholds: Sequence[float],
    num_misses: np.ndarray,
    num_false_accepts: np.ndarray,
    *,
    num_words: int,
    num_negatives: int,
    max_misses: float = 0.05,
    max_false_accepts_per_1000: float = 3.0,
    slack: float = 0.08,
) -> float:
    """The threshold to ship, chosen on validation: misses weighed with false accepts.

    Minimises the share of misses in units of `max_misses` plus the rate of false
    accepts in units of `max_false_accepts_per_1000`; so one is as bad as the other
    where both are just bearable. Other recordings have somewhat other scores: the cost
    of a threshold is the mean over all within `slack`, so that none is chosen beside a
    cliff, and of the longest run of equally good ones the middle is taken.

    Args:
        thresholds: candidates, rising.
        num_misses: of each.
        num_false_accepts: of each.
        num_words: trigger words in the validation recordings.
        num_negatives: other words there.
        max_misses: share of trigger words that may be missed.
        max_false_accepts_per_1000: false accepts per 1,000 other words that are
            bearable.
        slack: by how much the scores of other recordings may differ. A threshold
            nearer to the lowest or highest one is not chosen if there are others.

    Returns:
        One of `thresholds`, or the middle of two.

    Example:
        >>> choose_threshold([0.2, 0.5, 0.8], np.array([0, 1, 4]),
        ...                  np.array([9, 1, 0]), num_words=50, num_negatives=1000)
        0.5
    """
    thresholds = np.asarray(thresholds, "float64")
    cost = np.asarray(num_misses) / (max_misses * max(num_words, 1))
    cost = cost + np.asarray(num_false_accepts) / (
        max_false_accepts_per_1000 * max(num_negatives, 1) / 1000
    )
    near = np.abs(thresholds[:, None] - thresholds) <= slack + 1e-9
    cost = near @ cost / near.sum(axis=1)
    inner = (thresholds >= thresholds[0] + slack - 1e-9) & (
        thresholds <= thresholds[-1] - slack + 1e-9
    )
    if inner.any():
        cost = np.where(inner, cost, np.inf)
    best = np.isclose(cost, cost.min())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], best, [0]])))
    starts, ends = edges[::2], edges[1::2] - 1
    longest = int(np.argmax(ends - starts))
    return float((thresholds[starts[longest]] + thresholds[ends[longest]]) / 2)


def _rate(count, exposure):
    return count / exposure if exposure > 0 else float("nan")


def _floats(bounds):
    return [round(float(bound), 6) for bound in bounds]
