"""Scores of translations equal sacrebleu's and their definitions."""

import math

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dlai_keras.date_translation.metrics import (
    accuracy_by,
    attribute_beam_errors,
    bleu,
    compare_bleu,
    edit_distance,
    exact_match,
    exact_matches,
    mean_edit_distance,
    sentence_bleu,
    summarize_beam_errors,
)

SMOOTHINGS = ("exp", "add-k", "floor", "none")

# Sentences of a real corpus with several translations each, and a model's attempts.
REAL = [
    (
        "est- ce que tu as faim ?",
        ["as- tu faim ?", "avez- vous faim ?", "est- ce que vous avez faim ?"],
    ),
    ("je ne sais pas .", ["j' en sais rien .", "je ne sais pas .", "aucune idée !"]),
    ("il est parti hier soir .", ["il est parti la nuit dernière ."]),
    ("cours !", ["cours !", "courez !", "prenez vos jambes à vos cous !", "file !"]),
    ("nous avons le temps .", ["on a tout le temps .", "nous avons du temps ."]),
]


def random_corpus(seed, *, num_words, num_sentences=12, shortest=0):
    rng = np.random.default_rng(seed)

    def sentence():
        length = rng.integers(shortest, 13)
        return " ".join(f"w{word}" for word in rng.integers(num_words, size=length))

    return (
        [sentence() for _ in range(num_sentences)],
        [[sentence() for _ in range(rng.integers(1, 5))] for _ in range(num_sentences)],
    )


def transposed(references):
    """As sacrebleu wants them: lists by number, filled up with None."""
    most = max(map(len, references))
    filled = [many + [None] * (most - len(many)) for many in references]
    return [list(column) for column in zip(*filled, strict=True)]


def assert_equal_to_sacrebleu(found, expected):
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)
    np.testing.assert_allclose(found.precisions, expected.precisions, atol=1e-6)
    np.testing.assert_allclose(found.brevity_penalty, expected.bp, atol=1e-9)
    assert found.num_tokens == expected.sys_len
    assert found.num_reference_tokens == expected.ref_len


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("num_words", [3, 8, 40])
@pytest.mark.parametrize("max_order", [1, 2, 4, 6])
def test_bleu_of_random_corpora_equals_sacrebleu(smoothing, num_words, max_order):
    metric = sacrebleu.BLEU(
        tokenize="none",
        force=True,
        smooth_method=smoothing,
        max_ngram_order=max_order,
    )
    scores = []
    for seed in range(6):
        hypotheses, references = random_corpus(seed, num_words=num_words)
        found = bleu(hypotheses, references, max_order=max_order, smoothing=smoothing)
        expected = metric.corpus_score(hypotheses, transposed(references))
        assert_equal_to_sacrebleu(found, expected)
        scores.append(found.score)
    assert max(scores) > 0.1 or smoothing == "none"


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("num_words", [3, 8, 40])
def test_bleu_of_random_sentences_equals_sacrebleu(smoothing, num_words):
    for seed in range(6):
        hypotheses, references = random_corpus(seed, num_words=num_words)
        for hypothesis, many in zip(hypotheses, references, strict=True):
            found = sentence_bleu(hypothesis, many, smoothing=smoothing)
            expected = sacrebleu.sentence_bleu(
                hypothesis, many, smooth_method=smoothing, tokenize="none"
            )
            assert_equal_to_sacrebleu(found, expected)


def test_bleu_of_real_sentences_equals_sacrebleu():
    hypotheses, references = map(list, zip(*REAL, strict=True))
    found = bleu(hypotheses, references)
    expected = sacrebleu.corpus_bleu(
        hypotheses, transposed(references), tokenize="none", force=True
    )
    assert_equal_to_sacrebleu(found, expected)
    assert 30 < found.score < 90
    for hypothesis, many in REAL:
        assert_equal_to_sacrebleu(
            sentence_bleu(hypothesis, many),
            sacrebleu.sentence_bleu(hypothesis, many, tokenize="none"),
        )


def test_intervals_of_bleu_are_those_of_drawing_sentences_anew():
    rng = np.random.default_rng(0)
    words = ["a", "b", "c", "d", "e", "f"]
    references = [[" ".join(rng.choice(words, 8))] for _ in range(40)]
    bad = [" ".join(rng.choice(words, 8)) for _ in range(40)]
    half = [r[0] if i % 2 else b for i, (r, b) in enumerate(zip(references, bad))]  # noqa: B905
    good = [many[0] for many in references]
    systems = {"bad": bad, "half": half, "good": good}
    rows = compare_bleu(np.random.default_rng(1), systems, references)
    for row in rows:
        assert row["bleu"] == bleu(systems[row["system"]], references).score
        assert row["low"] <= row["bleu"] <= row["high"]
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    assert rows[0]["gain"] == rows[0]["gain_low"] == rows[0]["gain_high"] == 0
    assert rows[2]["low"] == rows[2]["high"] == 100
    assert rows[1]["gain_low"] > 10
    # By hand: BLEU itself of sentences drawn with replacement.
    rng, scores = np.random.default_rng(2), []
    for _ in range(300):
        drawn = rng.integers(0, 40, 40)
        scores.append(
            bleu([half[i] for i in drawn], [references[i] for i in drawn]).score
        )
    low, high = np.percentile(scores, [2.5, 97.5])
    assert abs(low - rows[1]["low"]) < 2.5
    assert abs(high - rows[1]["high"]) < 2.5
    with pytest.raises(ValueError, match="must be one or more"):
        compare_bleu(rng, {}, references)


def test_clipped_precision_is_that_of_the_course_and_the_paper():
    # Course 5, week 3: "the" seven times has a modified precision of 2/7, and the
    # bigrams of the second one have 4/6.
    references = ["the cat is on the mat", "there is a cat on the mat"]
    found = bleu(["the the the the the the the"], [references], max_order=1)
    assert (found.num_matches, found.num_ngrams) == ((2,), (7,))
    found = bleu(["the cat the cat on the mat"], [references], max_order=2)
    assert (found.num_matches[1], found.num_ngrams[1]) == (4, 6)


def test_brevity_penalty_is_its_definition_with_the_nearest_reference():
    references = ["a b c d e f g h i j k l", "a b c d e f g"]
    found = bleu(["a b c d"], [references])
    assert found.num_reference_tokens == 7
    assert found.score == pytest.approx(100 * math.exp(1 - 7 / 4))
    # As near to both: the shorter one counts, so nothing is lost.
    assert bleu(["a b c d"], [["a b c d e f", "a b"]]).num_reference_tokens == 2


def test_bleu_of_tokens_equals_that_of_their_sentences():
    hypotheses, references = random_corpus(1, num_words=8)
    ids = [[int(word[1:]) for word in one.split()] for one in hypotheses]
    reference_ids = [
        [np.array([int(word[1:]) for word in one.split()]) for one in many]
        for many in references
    ]
    assert bleu(ids, reference_ids) == bleu(hypotheses, references)
    assert sentence_bleu(ids[0], reference_ids[0]) == sentence_bleu(
        hypotheses[0], references[0]
    )


@given(st.integers(0, 1000), st.sampled_from(SMOOTHINGS), st.randoms())
def test_bleu_stays_in_its_range_and_no_order_changes_it(seed, smoothing, random):
    hypotheses, references = random_corpus(seed, num_words=5, num_sentences=4)
    before = bleu(hypotheses, references, smoothing=smoothing)
    assert 0 <= before.score <= 100 + 1e-9
    assert all(0 <= precision <= 100 for precision in before.precisions)
    for many in references:
        random.shuffle(many)
    pairs = list(zip(hypotheses, references, strict=True))
    random.shuffle(pairs)
    assert bleu(*map(list, zip(*pairs, strict=True)), smoothing=smoothing) == before


def test_a_perfect_translation_has_100_and_a_stranger_has_0():
    sentences = ["je ne sais pas .", "il est parti hier soir ."]
    assert bleu(sentences, sentences).score == pytest.approx(100, abs=1e-9)
    assert bleu(sentences, ["a b c d", "e f g h i j"]).score == 0
    assert bleu([""], ["a b"]).score == 0


def plain_edit_distance(first, second):
    """The recurrence as it is written."""
    table = np.zeros((len(first) + 1, len(second) + 1), int)
    table[:, 0] = range(len(first) + 1)
    table[0] = range(len(second) + 1)
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            table[i + 1, j + 1] = min(
                table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j] + (one != other)
            )
    return table[-1, -1]


@given(st.text("abc", max_size=12), st.text("abcd", max_size=12))
def test_edit_distance_equals_its_definition(first, second):
    found = edit_distance(first, second)
    assert found == plain_edit_distance(first, second)
    assert edit_distance(list(second), tuple(first)) == found


@given(*[st.lists(st.integers(0, 3), max_size=9)] * 3)
def test_edit_distance_is_a_metric(first, second, third):
    assert edit_distance(first, second) <= max(len(first), len(second))
    assert (edit_distance(first, second) == 0) == (first == second)
    assert edit_distance(first, third) <= (
        edit_distance(first, second) + edit_distance(second, third)
    )


def test_edit_distance_of_long_sequences_equals_its_definition():
    rng = np.random.default_rng(0)
    first, second = rng.integers(20, size=100), rng.integers(20, size=130)
    assert edit_distance(first, second) == plain_edit_distance(first, second)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("intention", "execution", 5), ("saturday", "sunday", 3), ("", "abc", 3)],
)
def test_edit_distance_equals_published_values(first, second, distance):
    # Jurafsky and Martin, "Speech and language processing", chapter 2; Wagner-Fischer.
    assert edit_distance(first, second) == distance


def test_exact_match_counts_what_equals_any_reference():
    hypotheses = ["salut !", "cours !", "quoi ?"]
    references = [["hé !", "salut !"], ["courez !"], "quoi ?"]
    np.testing.assert_array_equal(
        exact_matches(hypotheses, references), [True, False, True]
    )
    assert exact_match(hypotheses, references) == pytest.approx(2 / 3)
    ids = np.array([[1, 2], [3, 4]])
    assert exact_match(ids, [[[1, 2]], [[3, 5], [4, 3]]]) == 0.5


def test_mean_edit_distance_takes_the_nearest_reference():
    hypotheses = ["abcd", "xy"]
    references = [["ab", "abcde"], ["pq"]]
    assert mean_edit_distance(hypotheses, references) == (1 + 2) / 2
    found = mean_edit_distance(hypotheses, references, normalize=True)
    assert found == pytest.approx((1 / 5 + 2 / 2) / 2)
    assert mean_edit_distance([""], [""], normalize=True) == 0


def test_the_beam_is_at_fault_where_the_model_prefers_the_reference():
    # Course 5, week 3: P(y*) = 2e-10 against P(ŷ) = 1e-10, and the other way round.
    rows = attribute_beam_errors(
        ["a b", "c", "d", "right"],
        ["x", "y", "z", "right"],
        np.log([1e-10, 2e-10, 3e-10, 1e-3]),
        np.log([2e-10, 1e-10, 3e-10, 1e-3]),
    )
    assert [row["at_fault"] for row in rows] == ["beam", "model", "model"]
    assert [row["example"] for row in rows] == [0, 1, 2]
    assert rows[0]["hypothesis"] == "a b"
    assert rows[0]["log_prob_reference"] == pytest.approx(math.log(2e-10))
    assert summarize_beam_errors(rows) == [
        {"at_fault": "beam", "num": 1, "share": pytest.approx(1 / 3)},
        {"at_fault": "model", "num": 2, "share": pytest.approx(2 / 3)},
    ]


def test_normalising_by_length_can_move_the_fault():
    # Log-probabilities of -4 over two tokens and -5 over five: -2 and -1 a token.
    arguments = [[["a", "b"]], [[["v", "w", "x", "y", "z"]]], [-4.0], [[-5.0]]]
    (row,) = attribute_beam_errors(*arguments)
    assert row["at_fault"] == "model"
    (row,) = attribute_beam_errors(*arguments, length_power=1.0)
    assert row["at_fault"] == "beam"
    assert (row["log_prob_hypothesis"], row["log_prob_reference"]) == (-2.0, -1.0)
    (row,) = attribute_beam_errors(*arguments, length_power=0.7)
    assert row["log_prob_hypothesis"] == pytest.approx(-4 / 2**0.7)


def test_of_several_references_the_most_probable_is_compared():
    arguments = [["a"], [["b", "c", "d"]], [-3.0]]
    (row,) = attribute_beam_errors(*arguments, [[-9.0, -2.0, -5.0]])
    assert (row["reference"], row["at_fault"]) == ("c", "beam")
    (row,) = attribute_beam_errors(*arguments, [[-9.0, -4.0, -5.0]])
    assert (row["reference"], row["at_fault"]) == ("c", "model")
    assert attribute_beam_errors(["d"], [["b", "d"]], [-3.0], [[-1.0, -3.0]]) == []


def test_a_person_may_call_another_translation_right():
    arguments = [["a", "b"], ["x", "y"], [-1.0, -1.0], [-2.0, -2.0]]
    (row,) = attribute_beam_errors(*arguments, is_right=[True, False])
    assert row["example"] == 1


def test_no_errors_have_no_shares():
    for row in summarize_beam_errors([]):
        assert row["num"] == 0
        assert math.isnan(row["share"])


def test_accuracy_by_group_has_scipys_intervals():
    rng = np.random.default_rng(0)
    groups = rng.choice(["short", "long", "full"], size=300).tolist()
    is_right = rng.random(300) < 0.9
    rows = accuracy_by(groups, is_right, confidence=0.9)
    assert [row["group"] for row in rows] == ["full", "long", "short"]
    assert sum(row["num"] for row in rows) == 300
    for row in rows:
        chosen = is_right[np.array(groups) == row["group"]]
        assert (row["num"], row["accuracy"]) == (len(chosen), chosen.mean())
        expected = stats.binomtest(int(chosen.sum()), len(chosen)).proportion_ci(
            0.9, "wilson"
        )
        np.testing.assert_allclose((row["low"], row["high"]), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("function", "arguments", "options", "message"),
    [
        (bleu, ([], []), {}, "`hypotheses` must hold one"),
        (bleu, ("a b", ["a b"]), {}, "Put a single one into a list"),
        (bleu, (["a"], ["a", "b"]), {}, "`references` must be as many"),
        (bleu, (["a"], [[]]), {}, r"`references\[0\]` must be a list of strings"),
        (bleu, (["a"], [[["a"]]]), {}, "must be a list of strings"),
        (bleu, ([["a"]], ["a"]), {}, "must be a list of sequences of tokens"),
        (bleu, ([["a"]], [["a"]]), {}, "must be a list of sequences of tokens"),
        (exact_match, ([[1, 2]], [[1, 2]]), {}, "Put a single reference into a list"),
        (bleu, (["a"], ["a"]), {"max_order": 0}, "`max_order` must be"),
        (sentence_bleu, ("a", "a"), {"smoothing": "exponential"}, "must be one of exp"),
        (
            attribute_beam_errors,
            (["a"], ["b"], [0.5], [-1.0]),
            {},
            "`log_probs_hypotheses` must be at most 0",
        ),
        (
            attribute_beam_errors,
            (["a"], ["b"], [-1.0], [math.nan]),
            {},
            "`log_probs_references` must be at most 0",
        ),
        (
            attribute_beam_errors,
            (["a"], [["b", "c"]], [-1.0], [-1.0]),
            {},
            "must hold one number for each text",
        ),
        (
            attribute_beam_errors,
            (["a"], ["b"], [-1.0, -2.0], [-1.0]),
            {},
            "`log_probs_hypotheses` must be as many",
        ),
        (
            attribute_beam_errors,
            (["a"], ["b"], [-1.0], [-1.0]),
            {"length_power": -1},
            "`length_power` must be 0 or more",
        ),
        (accuracy_by, (["a"], [True, False]), {}, "`is_right` must be as many"),
    ],
)
def test_what_cannot_be_scored_is_said(function, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments, **options)
