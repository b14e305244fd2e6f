"""How well a reader does: by label, by kind of sentence, and on pairs."""

from collections.abc import Sequence

import numpy as np

from dlai_keras.emojify.data import KINDS, Sentences

Labels = Sequence[tuple[int, ...]]


def correct(sentences: Sentences, predicted: Labels) -> np.ndarray:
    """Whether exactly the labels of each sentence were told, bool `(num_sentences,)`.

    Args:
        sentences: with their labels.
        predicted: labels in rising order, one tuple a sentence.

    Raises:
        ValueError: there is not one for each sentence.
    """
    if len(predicted) != len(sentences):
        raise ValueError(
            "`predicted` must have one entry for each sentence. Received: "
            f"{len(predicted)} for {len(sentences)}."
        )
    pairs = zip(sentences.labels, predicted, strict=True)
    return np.array([own == tuple(other) for own, other in pairs], bool)


def confusion(sentences: Sentences, predicted: Labels) -> np.ndarray:
    """How often each label was taken for which, int64 `(num_labels, num_labels)`.

    Args:
        sentences: with one label each, which are the rows.
        predicted: one label each, which are the columns.
    """
    counts = np.zeros((len(sentences.emoji),) * 2, np.int64)
    for own, other in zip(sentences.labels, predicted, strict=True):
        counts[own[0], other[0]] += 1
    return counts


def by_label(sentences: Sentences, predicted: Labels) -> list[dict]:
    """Precision, recall and F1 of every emoji; None where they are not defined.

    Args:
        sentences: with their labels.
        predicted: as of `correct`.
    """
    rows = []
    for label, emoji in enumerate(sentences.emoji):
        own = np.array([label in labels for labels in sentences.labels])
        told = np.array([label in labels for labels in predicted])
        hits = int((own & told).sum())
        rows.append(
            {
                "emoji": emoji,
                "sentences": int(own.sum()),
                "precision": hits / int(told.sum()) if told.any() else None,
                "recall": hits / int(own.sum()) if own.any() else None,
                "f1": 2 * hits / max(int(own.sum() + told.sum()), 1),
            }
        )
    return rows


def by_kind(sentences: Sentences, right: np.ndarray) -> dict[str, tuple[int, int]]:
    """Successes and trials of plain sentences, negations and word-order pairs.

    A pair counts once, and as right only where both its sentences are. Negation pairs
    are those groups in which a negation stands beside its positive.

    Args:
        sentences: with their kinds and groups.
        right: bool `(num_sentences,)`, as `correct` gives it.

    Returns:
        `{"plain": ..., "negation": ..., "negation_pairs": ..., "order_pairs": ...}`,
        without those that do not occur.

    Example:
        >>> from dlai_keras.emojify.data import load_sentences
        >>> sentences = load_sentences()
        >>> by_kind(sentences, np.ones(len(sentences), bool))["order_pairs"]
        (39, 39)
    """
    kinds = np.array(sentences.kinds)
    found = {}
    for kind in KINDS[:2]:
        of_kind = kinds == kind
        found[kind] = int((right & of_kind).sum()), int(of_kind.sum())
    for kind in KINDS[1:]:
        groups = np.unique(sentences.groups[kinds == kind])
        members = [sentences.groups == group for group in groups]
        members = [one for one in members if one.sum() > 1]
        successes = sum(bool(right[one].all()) for one in members)
        found[f"{kind}_pairs"] = successes, len(members)
    return {name: counts for name, counts in found.items() if counts[1]}
