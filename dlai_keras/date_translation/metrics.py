"""How good a translation is, and whose fault it is where it is wrong.

What is compared are hypotheses, which a model wrote, and references, which people
wrote. A hypothesis is a string or a sequence of tokens (words, ids). It has one
reference or several: `references[i]` is a list of them, all of the same kind as the
hypothesis; a single string may stand for a list of one.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.intervals import wilson_interval

_SMOOTHINGS = ("exp", "add-k", "floor", "none")
_FLOOR = 0.1  # matches counted where there is none, with "floor"
_ADDED = 1  # matches and n-grams added to the orders above 1, with "add-k"

Text = str | Sequence[Hashable]


@dataclass(frozen=True)
class Bleu:
    """A BLEU score and what it was made of.

    Attributes:
        score: 0 to 100.
        precisions: of each order from 1 on, smoothed, 0 to 100.
        brevity_penalty: 1, or less where the hypotheses are too short.
        num_tokens: of all hypotheses together.
        num_reference_tokens: the same of the references, of each example the one
            whose length is nearest to the hypothesis'.
        num_matches: of each order, the n-grams that are in a reference too.
        num_ngrams: of each order, the hypotheses' n-grams.
    """

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    num_tokens: int
    num_reference_tokens: int
    num_matches: tuple[int, ...]
    num_ngrams: tuple[int, ...]


def bleu(
    hypotheses: Sequence[Text],
    references: Sequence[Text | Sequence[Text]],
    *,
    max_order: int = 4,
    smoothing: str = "exp",
) -> Bleu:
    """Computes BLEU of a whole corpus, on the scale 0 to 100.

    With `p_n` the share of the hypotheses' n-grams that occur in a reference of
    theirs (each at most as often as in the reference where it is most frequent), `c`
    the number of tokens in all hypotheses and `r` in the references nearest to them
    in length, it is

    `100 · min(1, exp(1 - r / c)) · (p_1 · p_2 · ... · p_N)^(1/N)`.

    The score is that of sacrebleu with `tokenize="none"`. It depends on how words are
    told apart: compare only scores with the same tokens.

    Args:
        hypotheses: strings, whose tokens are apart by white space, or sequences of
            tokens.
        references: of each hypothesis, a list of references; their number may vary.
            A single string may stand for a list of one.
        max_order: N, the longest n-grams counted. 4 is what reports use.
        smoothing: what stands for `p_n` where nothing matches. "exp", the default of
            sacrebleu: a half of one match, for the next such order a quarter, and so
            on. "floor": a tenth of one match. "add-k": one match and one n-gram more
            at every order above 1, whether or not something matches. "none": 0, and
            so is the score. Where not even a single token matches, the score is 0.

    Returns:
        The `Bleu`.

    Raises:
        ValueError: there is nothing to score, the numbers of hypotheses and
            references differ, a hypothesis has no reference or one of another kind,
            or `max_order` or `smoothing` is none of the above.

    Example:
        >>> result = bleu(["the cat sat on the mat"], [["the cat sat on a mat"]])
        >>> f"{result.score:.1f}", [round(p) for p in result.precisions]
        ('53.7', [83, 60, 50, 33])

    Reference:
        - Papineni et al., 2002, "BLEU: a method for automatic evaluation of machine
          translation", ACL.
        - Chen and Cherry, 2014, "A systematic comparison of smoothing techniques for
          sentence-level BLEU", WMT: their methods 3, 2 and 1.
        - Post, 2018, "A call for clarity in reporting BLEU scores", WMT.
        - Course 5, week 3: Bleu score.
    """
    _check_bleu(max_order, smoothing)
    pairs = _pairs(hypotheses, references)
    return _score(_counts(pairs, max_order).sum(0), smoothing, effective_order=False)


def compare_bleu(
    rng: np.random.Generator,
    systems: Mapping[str, Sequence[Text]],
    references: Sequence[Text | Sequence[Text]],
    *,
    num_resamples: int = 1000,
) -> list[dict]:
    """BLEU of several systems on the same sentences, with 95 % intervals.

    Paired bootstrap: the sentences are drawn anew, with replacement, the same ones for
    all systems; an interval holds the middle 95 % of what comes out.

    Args:
        rng: draws the sentences.
        systems: name -> hypotheses.
        references: of each hypothesis, as of `bleu`.
        num_resamples: how often.

    Returns:
        For each system a dict: `system`, `bleu`, `low`, `high`, and how much it gains
        over the first, `gain`, with `gain_low` and `gain_high`.

    Raises:
        ValueError: as of `bleu`; or there is no system or no resample.

    Example:
        >>> rows = compare_bleu(
        ...     np.random.default_rng(0),
        ...     {"one": ["a cat sat on a mat"], "other": ["the cat sat on the mat"]},
        ...     [["the cat sat on the mat"]],
        ... )
        >>> rows[1]["gain"] > 0
        True

    Reference:
        - Koehn, 2004, "Statistical significance tests for machine translation
          evaluation", EMNLP.
    """
    if not systems or num_resamples < 1:
        raise ValueError(
            "`systems` and `num_resamples` must be one or more. Received: "
            f"{len(systems)} systems, num_resamples={num_resamples}."
        )
    num = len(references)
    _check_bleu(4, "exp")
    counts = {
        name: _counts(_pairs(hypotheses, references), 4)
        for name, hypotheses in systems.items()
    }
    times = rng.multinomial(num, np.full(num, 1 / num), size=num_resamples)
    scores = {
        name: np.array(
            [
                _score(total, "exp", effective_order=False).score
                for total in [each.sum(0), *(times @ each)]
            ]
        )
        for name, each in counts.items()
    }
    rows = []
    first = next(iter(scores.values()))
    for name, score in scores.items():
        low, high = np.percentile(score[1:], [2.5, 97.5])
        gain = score - first
        gain_low, gain_high = np.percentile(gain[1:], [2.5, 97.5])
        row = {"system": name, "bleu": score[0], "low": low, "high": high}
        row |= {"gain": gain[0], "gain_low": gain_low, "gain_high": gain_high}
        rows.append({k: v if k == "system" else float(v) for k, v in row.items()})
    return rows


def sentence_bleu(
    hypothesis: Text,
    references: Text | Sequence[Text],
    *,
    max_order: int = 4,
    smoothing: str = "exp",
) -> Bleu:
    """Computes BLEU of one sentence, on the scale 0 to 100.

    As `bleu`, but a sentence of fewer than N tokens is scored with the orders that it
    has ("effective order"), as sacrebleu's `sentence_bleu` does. The mean over
    sentences is not the BLEU of the corpus.

    Args:
        hypothesis: a string, whose tokens are apart by white space, or a sequence of
            tokens.
        references: a list of references, or a single string.
        max_order: the longest n-grams counted.
        smoothing: as of `bleu`.

    Returns:
        The `Bleu`.

    Raises:
        ValueError: as of `bleu`.

    Example:
        Three words have no n-grams of four; in a corpus, they would cost it all.

        >>> sentence_bleu("le chat dort", ["le chat dort"]).score
        100.0
        >>> bleu(["le chat dort"], ["le chat dort"]).precisions
        (100.0, 100.0, 100.0, 0.0)

    Reference:
        - Chen and Cherry, 2014, "A systematic comparison of smoothing techniques for
          sentence-level BLEU", WMT.
    """
    _check_bleu(max_order, smoothing)
    pairs = _pairs([hypothesis], [references])
    return _score(_counts(pairs, max_order).sum(0), smoothing, effective_order=True)


def exact_matches(
    hypotheses: Sequence[Text], references: Sequence[Text | Sequence[Text]]
) -> np.ndarray:
    """Tells which hypotheses are equal to one of their references.

    Args:
        hypotheses: strings or sequences of tokens.
        references: of each hypothesis, a list of references or a single string.

    Returns:
        bool `(num_hypotheses,)`.

    Raises:
        ValueError: as of `bleu`.

    Example:
        >>> exact_matches(["1979-05-03", "2009-04-05"], ["1979-05-03", "2009-05-04"])
        array([ True, False])
    """
    return np.array([one in many for one, many in _pairs(hypotheses, references)])


def exact_match(
    hypotheses: Sequence[Text], references: Sequence[Text | Sequence[Text]]
) -> float:
    """Computes the share of hypotheses that are equal to one of their references.

    Args:
        hypotheses: strings or sequences of tokens.
        references: of each hypothesis, a list of references or a single string.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: as of `bleu`.

    Example:
        >>> exact_match(["1979-05-03", "2009-04-05"], ["1979-05-03", "2009-05-04"])
        0.5
    """
    return float(exact_matches(hypotheses, references).mean())


def edit_distance(first: Text, second: Text) -> int:
    """Computes the Levenshtein distance of two sequences.

    It is the least number of insertions, deletions and substitutions that turn one
    into the other.

    Args:
        first: a string, whose elements are its characters, or a sequence of tokens.
        second: the same.

    Returns:
        A number from 0 to the length of the longer one.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
        >>> edit_distance("le chat dort".split(), "le chien dort bien".split())
        2

    Reference:
        - Levenshtein, 1966, "Binary codes capable of correcting deletions,
          insertions, and reversals", Soviet Physics Doklady 10.
        - Wagner and Fischer, 1974, "The string-to-string correction problem", Journal
          of the ACM 21.
    """
    first, second = _elements(first), _elements(second)
    if len(first) > len(second):
        first, second = second, first
    # What both begin or end with costs nothing; most wrong dates differ in a digit.
    start = 0
    while start < len(first) and first[start] == second[start]:
        start += 1
    end = 0
    while end < len(first) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    first = first[start : len(first) - end]
    second = second[start : len(second) - end]
    if not first:
        return len(second)
    ids = {}
    codes = np.array([ids.setdefault(element, len(ids)) for element in second])
    columns = np.arange(len(second) + 1)
    row = columns
    for number, element in enumerate(first, start=1):
        deleted = row + 1
        substituted = row[:-1] + (codes != ids.get(element, -1))
        best = np.concatenate([[number], np.minimum(deleted[1:], substituted)])
        # An insertion goes one column on for a cost of 1, any number of times: the
        # minimum over all columns to the left of best[k] + (column - k).
        row = np.minimum.accumulate(best - columns) + columns
    return int(row[-1])


def mean_edit_distance(
    hypotheses: Sequence[Text],
    references: Sequence[Text | Sequence[Text]],
    *,
    normalize: bool = False,
) -> float:
    """Computes the mean distance of hypotheses from their nearest references.

    Args:
        hypotheses: strings, which are compared by character, or sequences of tokens.
        references: of each hypothesis, a list of references or a single string.
        normalize: divide each distance by the length of the longer of the two: 0
            where they are equal, 1 where they have nothing in common.

    Returns:
        A number of edits; with `normalize`, a number from 0 to 1.

    Raises:
        ValueError: as of `bleu`.

    Example:
        >>> mean_edit_distance(["1 may", "2 mar"], ["1 may", "2 march"])
        1.0
    """
    distances = []
    for hypothesis, candidates in _pairs(hypotheses, references):
        found = [
            edit_distance(hypothesis, reference)
            / (max(len(hypothesis), len(reference), 1) if normalize else 1)
            for reference in candidates
        ]
        distances.append(min(found))
    return float(np.mean(distances))


def attribute_beam_errors(
    hypotheses: Sequence[Text],
    references: Sequence[Text | Sequence[Text]],
    log_probs_hypotheses: ArrayLike,
    log_probs_references: Sequence[float | Sequence[float]],
    *,
    length_power: float = 0.0,
    is_right: ArrayLike | None = None,
) -> list[dict]:
    """Tells for every wrong translation whether the search or the model is at fault.

    Let ŷ be the hypothesis and y* a person's translation. If P(y*|x) > P(ŷ|x), the
    model prefers the right one and beam search did not find it: the beam is at fault.
    Otherwise the model itself prefers the wrong one and is at fault, since no search
    could help. Of several references the one with the highest score is taken.

    Where the search maximises a score that is normalised by length, so must this:
    with `length_power` a, what is compared is `log P(y|x) / length^a`. Where the
    search has a score of another form, pass its scores for the log-probabilities.

    Args:
        hypotheses: strings or sequences of tokens, what beam search found.
        references: of each hypothesis, a list of references or a single string.
        log_probs_hypotheses: log P(ŷ|x), one for each hypothesis.
        log_probs_references: log P(y*|x) of each hypothesis' references, a list as
            long as theirs or, for a single one, a number.
        length_power: 0 does not normalise, 1 takes the mean over tokens; the course
            suggests 0.7. A length is the number of characters of a string and of
            tokens of a sequence, at least 1.
        is_right: bool, one for each hypothesis: which are good though they are equal
            to no reference. None takes those that are equal to one.

    Returns:
        A list of dicts, one for each wrong example: `example` (its number),
        `hypothesis`, `reference` (the one with the highest score),
        `log_prob_hypothesis` and `log_prob_reference` (normalised as asked for), and
        `at_fault`, "beam" or "model".

    Raises:
        ValueError: as of `bleu`; or the numbers of log-probabilities are not those of
            the texts, one of them is NaN or above 0, or `length_power` is negative.

    Example:
        >>> rows = attribute_beam_errors(
        ...     ["Jane visited Africa last September", "Jane went to Africa"],
        ...     ["Jane visits Africa in September", "Jane visits Africa"],
        ...     [-23.7, -9.5],
        ...     [-22.3, -11.0],
        ... )
        >>> [row["at_fault"] for row in rows]
        ['beam', 'model']

    Reference:
        - Course 5, week 3: Error analysis in beam search; Refinements to beam search.
    """
    pairs = _pairs(hypotheses, references)
    if not length_power >= 0:
        raise ValueError(
            "`length_power` must be 0 or more. "
            f"Received: length_power={length_power}. 0 does not normalise."
        )
    if is_right is None:
        is_right = [one in many for one, many in pairs]
    for name, values in [
        ("log_probs_hypotheses", log_probs_hypotheses),
        ("log_probs_references", log_probs_references),
        ("is_right", is_right),
    ]:
        _check_same_number(name, values, len(pairs))
    rows = []
    for number, (hypothesis, candidates) in enumerate(pairs):
        found = _log_probs("log_probs_hypotheses", log_probs_hypotheses[number], 1)
        wanted = _log_probs(
            "log_probs_references", log_probs_references[number], len(candidates)
        )
        if is_right[number]:
            continue
        score = found[0] / max(len(hypothesis), 1) ** length_power
        scores = [
            log_prob / max(len(reference), 1) ** length_power
            for log_prob, reference in zip(wanted, candidates, strict=True)
        ]
        best = int(np.argmax(scores))
        rows.append(
            {
                "example": number,
                "hypothesis": hypothesis,
                "reference": candidates[best],
                "log_prob_hypothesis": score,
                "log_prob_reference": scores[best],
                "at_fault": "beam" if scores[best] > score else "model",
            }
        )
    return rows


def summarize_beam_errors(rows: Iterable[dict]) -> list[dict]:
    """Counts how many errors the beam and how many the model is at fault for.

    Args:
        rows: of `attribute_beam_errors`.

    Returns:
        Two dicts, for "beam" and "model": `at_fault`, `num` and `share` of all
        errors (NaN where there are none).

    Example:
        Most of the work should go into the model here, not into a wider beam.

        >>> rows = [{"at_fault": "model"}] * 3 + [{"at_fault": "beam"}]
        >>> for row in summarize_beam_errors(rows):
        ...     print(row)
        {'at_fault': 'beam', 'num': 1, 'share': 0.25}
        {'at_fault': 'model', 'num': 3, 'share': 0.75}

    Reference:
        - Course 5, week 3: Error analysis in beam search.
    """
    counts = Counter(row["at_fault"] for row in rows)
    total = counts.total()
    return [
        {
            "at_fault": name,
            "num": counts[name],
            "share": counts[name] / total if total else math.nan,
        }
        for name in ("beam", "model")
    ]


def accuracy_by(
    groups: Sequence[Hashable], is_right: ArrayLike, *, confidence: float = 0.95
) -> list[dict]:
    """Computes the accuracy of every group: by format, by locale, by typos.

    Args:
        groups: of each example, what it belongs to; all of one type.
        is_right: bool, one for each example.
        confidence: of the Wilson interval.

    Returns:
        A list of dicts in sorted order: `group`, `num` (examples), `accuracy`, and
        `low` and `high`, the ends of its interval.

    Raises:
        ValueError: the numbers of groups and answers differ, or `confidence` is not
            between 0 and 1.

    Example:
        >>> for row in accuracy_by([0, 0, 2, 2, 2], [True, True, True, False, True]):
        ...     print({name: round(value, 2) for name, value in row.items()})
        {'group': 0, 'num': 2, 'accuracy': 1.0, 'low': 0.34, 'high': 1.0}
        {'group': 2, 'num': 3, 'accuracy': 0.67, 'low': 0.21, 'high': 0.94}

    Reference:
        - Wilson, 1927, "Probable inference, the law of succession, and statistical
          inference", Journal of the American Statistical Association 22.
    """
    is_right = np.asarray(is_right, bool)
    _check_same_number("is_right", is_right, len(groups), "groups")
    nums = Counter(groups)
    rights = Counter(
        group for group, right in zip(groups, is_right, strict=True) if right
    )
    names = sorted(nums)
    lows, highs = wilson_interval(
        [rights[name] for name in names], [nums[name] for name in names], confidence
    )
    return [
        {
            "group": name,
            "num": nums[name],
            "accuracy": rights[name] / nums[name],
            "low": float(low),
            "high": float(high),
        }
        for name, low, high in zip(names, lows, highs, strict=True)
    ]


def _counts(pairs, max_order):
    """Of each pair two lengths, the matches and the n-grams of each order."""
    counts = np.zeros((len(pairs), 2 + 2 * max_order), int)
    for row, (hypothesis, references) in zip(counts, pairs, strict=True):
        tokens = _tokens(hypothesis)
        candidates = [_tokens(reference) for reference in references]
        # Of two that are equally near the shorter one counts.
        nearest = min((abs(len(one) - len(tokens)), len(one)) for one in candidates)[1]
        row[:2] = len(tokens), nearest
        for order in range(1, max_order + 1):
            ngrams = _ngrams(tokens, order)
            allowed = Counter()
            for one in candidates:
                allowed |= _ngrams(one, order)
            row[1 + order] = (ngrams & allowed).total()
            row[1 + max_order + order] = ngrams.total()
    return counts


def _score(counts, smoothing, *, effective_order):
    num_tokens, num_reference_tokens, *both = counts.tolist()
    num_matches, num_ngrams = both[: len(both) // 2], both[len(both) // 2 :]
    brevity_penalty = 1.0
    if num_tokens < num_reference_tokens:
        missing = num_reference_tokens / num_tokens - 1 if num_tokens else math.inf
        brevity_penalty = math.exp(-missing)
    precisions = _precisions(num_matches, num_ngrams, smoothing)
    used = precisions
    if effective_order and smoothing != "add-k":
        used = precisions[: np.count_nonzero(num_ngrams)]
    score = 0.0
    if used and min(used) > 0:
        mean_log = math.fsum(math.log(one / 100) for one in used) / len(used)
        score = 100 * brevity_penalty * math.exp(mean_log)
    return Bleu(
        score=score,
        precisions=tuple(precisions),
        brevity_penalty=brevity_penalty,
        num_tokens=num_tokens,
        num_reference_tokens=num_reference_tokens,
        num_matches=tuple(num_matches),
        num_ngrams=tuple(num_ngrams),
    )


def _precisions(num_matches, num_ngrams, smoothing):
    if not any(num_matches):
        return [0.0] * len(num_matches)
    precisions = []
    share = 1.0
    for order, (matched, num) in enumerate(zip(num_matches, num_ngrams, strict=True)):
        if smoothing == "add-k" and order > 0:
            matched, num = matched + _ADDED, num + _ADDED
        elif matched == 0 and num > 0 and smoothing == "exp":
            share /= 2
            matched = share
        elif matched == 0 and smoothing == "floor":
            matched = _FLOOR
        precisions.append(100.0 * matched / num if num else 0.0)
    return precisions


def _ngrams(tokens, order):
    return Counter(
        tuple(tokens[start : start + order]) for start in range(len(tokens) - order + 1)
    )


def _tokens(text):
    return text.split() if isinstance(text, str) else text


def _elements(text):
    if isinstance(text, np.ndarray):
        text = text.tolist()  # Python's integers, which compare faster
    return text if isinstance(text, str) else tuple(text)


def _pairs(hypotheses, references):
    """A list of `(hypothesis, [reference, ...])`, each a string or a tuple."""
    if isinstance(hypotheses, str):
        raise ValueError(
            "`hypotheses` must be a list of strings or of sequences of tokens. "
            f"Received: hypotheses={hypotheses!r}. Put a single one into a list."
        )
    if len(hypotheses) == 0:
        raise ValueError(
            "`hypotheses` must hold one at least. Received: hypotheses=[]. "
            "Nothing has no score."
        )
    _check_same_number("references", references, len(hypotheses))
    pairs = []
    for number, hypothesis in enumerate(hypotheses):
        candidates = references[number]
        if isinstance(candidates, str) and isinstance(hypothesis, str):
            candidates = [candidates]
        of_one_kind = not isinstance(candidates, str) and all(
            isinstance(one, str) == isinstance(hypothesis, str)
            and isinstance(one, str | Sequence | np.ndarray)
            for one in candidates
        )
        if not of_one_kind or len(candidates) == 0:
            kind = "strings" if isinstance(hypothesis, str) else "sequences of tokens"
            raise ValueError(
                f"`references[{number}]` must be a list of {kind}, one at least, as "
                f"the hypothesis is. Received: references[{number}]={candidates!r}. "
                "Put a single reference into a list."
            )
        pairs.append((_elements(hypothesis), [_elements(one) for one in candidates]))
    return pairs


def _check_same_number(name, values, num, of="hypotheses"):
    if len(values) != num:
        raise ValueError(
            f"`{name}` must be as many as `{of}`, {num}. "
            f"Received: {len(values)}. Each example has one entry in both."
        )


def _check_bleu(max_order, smoothing):
    if not (isinstance(max_order, int) and max_order >= 1):
        raise ValueError(
            "`max_order` must be a whole number, 1 or more. "
            f"Received: max_order={max_order}. 4 is what reports use."
        )
    if smoothing not in _SMOOTHINGS:
        raise ValueError(
            f"`smoothing` must be one of {', '.join(_SMOOTHINGS)}. "
            f'Received: smoothing={smoothing!r}. "exp" is what reports use.'
        )


def _log_probs(name, values, num):
    values = np.atleast_1d(np.asarray(values, "float64"))
    if values.shape != (num,):
        raise ValueError(
            f"`{name}` must hold one number for each text. Received: shape "
            f"{values.shape} for {num}. Each reference has its own."
        )
    # Sums of float32 can be a hair above 0.
    if not np.all(values <= 1e-4):
        raise ValueError(
            f"`{name}` must be at most 0. Received: {values.max():g}. "
            "Pass logarithms of probabilities."
        )
    return values.tolist()
