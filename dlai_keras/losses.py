"""Every public loss, by name; importing this module registers them all."""

from dlai_keras.car_detection.losses import YoloLoss, yolo_loss
from dlai_keras.classic_convnets.losses import (
    KnownBinaryCrossentropy,
    known_binary_crossentropy,
)
from dlai_keras.trigger_word.losses import (
    MaskedBinaryCrossentropy,
    masked_binary_crossentropy,
)

__all__ = [
    "KnownBinaryCrossentropy",
    "MaskedBinaryCrossentropy",
    "YoloLoss",
    "known_binary_crossentropy",
    "masked_binary_crossentropy",
    "yolo_loss",
]
