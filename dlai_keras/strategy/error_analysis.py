"""What a model gets wrong, by tag: how much each is worth, and the labels' part."""

from collections.abc import Sequence

from dlai_keras.intervals import wilson_interval
from dlai_keras.strategy.data import Example

LARGE_SHARE = 0.15  # of the mistakes; between the course's 6 % and its 30 %


def tabulate_tags(
    examples: Sequence[Example],
    *,
    error: float | None = None,
    confidence: float = 0.95,
) -> list[dict]:
    """Counts the mistakes of each tag, and how far the error could drop.

    The ceiling of a tag is what is left of the error if every mistake that has it were
    put right: with the share `s` of the mistakes, `error · (1 - s)`. An example may
    have several tags, so the shares need not add up to 1.

    Args:
        examples: a whole dev set; or, with `error`, some mistakes of it, drawn at
            random, as a person looks through.
        error: of the whole dev set, where `examples` are a part of it.
        confidence: of the intervals.

    Returns:
        A dict for each tag, the most frequent among the mistakes first: `tag`, `num`
        (mistakes with it), `share` of all mistakes with `share_low` and `share_high`,
        `ceiling` (the error that would be left) with `ceiling_low` and `ceiling_high`,
        `gain` (by how much it would drop). Of a whole dev set there are also
        `num_examples` with the tag, and `error` among them with `error_low` and
        `error_high`. The mistakes without any tag stand last, as "(no tag)".

    Raises:
        ValueError: there is no example, no mistake, or `error` is not from 0 to 1.

    Example:
        The course's dogs: 5 of 100 mistakes of a classifier with 10 % errors.

        >>> examples = [Example(str(n), "cat", "other", ("dog",) * (n < 5))
        ...             for n in range(100)]
        >>> rows = tabulate_tags(examples, error=0.1)
        >>> rows[0]["tag"], rows[0]["share"], round(rows[0]["ceiling"], 4)
        ('dog', 0.05, 0.095)

    Reference:
        - Course 3, week 2: Carrying out error analysis.
    """
    mistakes, is_whole, error = _mistakes(examples, error)
    tags = dict.fromkeys(tag for one in mistakes for tag in one.tags)
    if is_whole:
        tags |= dict.fromkeys(tag for one in examples for tag in one.tags)
    rows = []
    for tag in [*tags, None]:
        num = sum(_has(one, tag) for one in mistakes)
        if tag is None and not num:
            continue
        share = num / len(mistakes)
        low, high = _ends(num, len(mistakes), confidence)
        row = {
            "tag": "(no tag)" if tag is None else tag,
            "num": num,
            "share": share,
            "share_low": low,
            "share_high": high,
            "gain": error * share,
            "ceiling": error * (1 - share),
            "ceiling_low": error * (1 - high),
            "ceiling_high": error * (1 - low),
        }
        if is_whole:
            left = len(mistakes) - num
            low, high = _ends(left, len(examples), confidence)
            row |= {"ceiling_low": low, "ceiling_high": high}
            with_tag = sum(_has(one, tag) for one in examples)
            low, high = _ends(num, with_tag, confidence)
            row |= {
                "num_examples": with_tag,
                "error": num / with_tag,
                "error_low": low,
                "error_high": high,
            }
        rows.append(row)
    untagged = rows[-1:] if rows and rows[-1]["tag"] == "(no tag)" else []
    tagged = rows[: len(rows) - len(untagged)]
    return sorted(tagged, key=lambda row: (-row["num"], row["tag"])) + untagged


def measure_label_errors(
    examples: Sequence[Example],
    *,
    error: float | None = None,
    difference: float | None = None,
    confidence: float = 0.95,
) -> dict:
    """How much of the error is the labels' fault, and whether to correct them.

    A mistake is the label's fault where the label is wrong, and the prediction is not
    known to be wrong too. Where all examples were looked at, those that the model got
    "right" with a wrong label count too: corrected, they are mistakes.

    Correcting is worth it where it could change what is decided by the dev set: where
    the labels make a large part of the error, or more than the difference between the
    models that are compared.

    Args:
        examples: a whole dev set; or, with `error`, mistakes of it, drawn at random.
        error: of the whole dev set, where `examples` are a part of it.
        difference: between the errors of two models that are to be told apart.
        confidence: of the intervals.

    Returns:
        `error`; `error_of_labels` and `error_of_others`, which add up to it, each
        with an interval `..._low` and `..._high`; `share_of_labels` of the error, with
        its interval; `num_mistakes`, `num_label_errors` (among the mistakes); of a
        whole dev set the interval of `error`, `num_wrong_but_right` (a wrong label
        that was predicted) and `corrected_error` with its interval, what the error is
        after all known wrong labels are put right; `verdict`, "worth it", "not worth
        it" or "undecided", and `why`.

    Raises:
        ValueError: as of `tabulate_tags`, or `difference` is not above 0.

    Example:
        The course's: 6 % of the mistakes of 10 % are the labels', and later, of a
        better classifier, 30 % of 2 %.

        >>> def mistakes(num_of_labels):
        ...     return [Example(str(n), "no cat", "cat",
        ...                     ("mislabeled",) * (n < num_of_labels))
        ...             for n in range(100)]
        >>> early = measure_label_errors(mistakes(6), error=0.10)
        >>> round(early["error_of_labels"], 4), early["verdict"]
        (0.006, 'not worth it')
        >>> late = measure_label_errors(mistakes(30), error=0.02)
        >>> round(late["error_of_labels"], 4), late["verdict"]
        (0.006, 'worth it')

    Reference:
        - Course 3, week 2: Cleaning up incorrectly labeled data.
    """
    if difference is not None and not difference > 0:
        raise ValueError(
            f"`difference` must be above 0. Received: difference={difference}."
        )
    mistakes, is_whole, error = _mistakes(examples, error)
    num = sum(one.is_label_error and not _is_wrong_anyway(one) for one in mistakes)
    share = num / len(mistakes)
    low, high = _ends(num, len(mistakes), confidence)
    found = {
        "error": error,
        "error_of_labels": error * share,
        "error_of_labels_low": error * low,
        "error_of_labels_high": error * high,
        "error_of_others": error * (1 - share),
        "error_of_others_low": error * (1 - high),
        "error_of_others_high": error * (1 - low),
        "share_of_labels": share,
        "share_of_labels_low": low,
        "share_of_labels_high": high,
        "num_mistakes": len(mistakes),
        "num_label_errors": num,
    }
    if is_whole:
        total = len(examples)
        hidden = sum(one.is_label_error and not one.is_mistake for one in examples)
        counts = {
            "error": len(mistakes),
            "error_of_labels": num,
            "error_of_others": len(mistakes) - num,
            "corrected_error": len(mistakes) - num + hidden,
        }
        found["num_wrong_but_right"] = hidden
        for name, count in counts.items():
            low, high = _ends(count, total, confidence)
            found |= {name: count / total, f"{name}_low": low, f"{name}_high": high}
    return found | _verdict(found, difference)


def _verdict(found, difference):
    if difference is not None:
        low, high = found["error_of_labels_low"], found["error_of_labels_high"]
        bound, what = difference, f"the difference of {difference:.2%} to be told apart"
        of = f"labels make {low:.2%} to {high:.2%} of error"
    else:
        low, high = found["share_of_labels_low"], found["share_of_labels_high"]
        bound, what = LARGE_SHARE, f"{LARGE_SHARE:.0%}"
        of = f"labels make {low:.0%} to {high:.0%} of the mistakes"
    if low >= bound:
        return {"verdict": "worth it", "why": f"{of}, more than {what}"}
    if high < bound:
        return {"verdict": "not worth it", "why": f"{of}, less than {what}"}
    return {"verdict": "undecided", "why": f"{of}: look at more mistakes, or at {what}"}


def _ends(count, total, confidence):
    low, high = wilson_interval(count, total, confidence)
    return float(low), float(high)


def _mistakes(examples, error):
    examples = list(examples)
    mistakes = [one for one in examples if one.is_mistake]
    if error is not None and not 0 < error <= 1:
        raise ValueError(
            f"`error` must be above 0, and at most 1. Received: error={error}."
        )
    if not examples:
        raise ValueError("`examples` must hold one or more. Received none.")
    if not mistakes:
        raise ValueError(
            f"None of the {len(examples)} examples is a mistake: there is nothing to "
            "analyse."
        )
    if error is None:
        return mistakes, True, len(mistakes) / len(examples)
    return mistakes, False, error


def _has(example, tag):
    return not example.tags if tag is None else tag in example.tags


def _is_wrong_anyway(example):
    """The prediction is neither the label nor what the example really is."""
    return bool(example.correct_label) and example.prediction != example.correct_label
