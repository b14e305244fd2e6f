"""Every public metric, by name; importing this module registers them all."""

from dlai_keras.date_translation.metrics import (
    accuracy_by,
    attribute_beam_errors,
    bleu,
    compare_bleu,
    edit_distance,
    exact_match,
    mean_edit_distance,
    sentence_bleu,
    summarize_beam_errors,
)
from dlai_keras.strategy.metrics import (
    classification_table,
    confusion_matrix,
    f1_interval,
    f_score,
    precision_recall_f,
    weighted_error,
)
from dlai_keras.trigger_word.metrics import (
    choose_threshold,
    detection_error_tradeoff,
    event_metrics,
    match_events,
)

__all__ = [
    "accuracy_by",
    "attribute_beam_errors",
    "bleu",
    "choose_threshold",
    "classification_table",
    "compare_bleu",
    "confusion_matrix",
    "detection_error_tradeoff",
    "edit_distance",
    "event_metrics",
    "exact_match",
    "f1_interval",
    "f_score",
    "match_events",
    "mean_edit_distance",
    "precision_recall_f",
    "sentence_bleu",
    "summarize_beam_errors",
    "weighted_error",
]
