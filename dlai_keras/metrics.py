"""Every public metric, by name; importing this module registers them all."""

from dlai_keras.trigger_word.metrics import (
    choose_threshold,
    detection_error_tradeoff,
    event_metrics,
    match_events,
)

__all__ = [
    "choose_threshold",
    "detection_error_tradeoff",
    "event_metrics",
    "match_events",
]
