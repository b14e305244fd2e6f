"""Every public metric, by name; importing this module registers them all."""

from dlai_keras.car_detection.metrics import (
    average_precision_voc,
    coco_table,
    cost_of_mistakes,
    evaluate_detections,
    map_interval,
    precision_recall_curves,
)
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
    "average_precision_voc",
    "bleu",
    "choose_threshold",
    "classification_table",
    "coco_table",
    "compare_bleu",
    "confusion_matrix",
    "cost_of_mistakes",
    "detection_error_tradeoff",
    "edit_distance",
    "evaluate_detections",
    "event_metrics",
    "exact_match",
    "f1_interval",
    "f_score",
    "map_interval",
    "match_events",
    "mean_edit_distance",
    "precision_recall_curves",
    "precision_recall_f",
    "sentence_bleu",
    "summarize_beam_errors",
    "weighted_error",
]
