"""Every public loss, by name; importing this module registers them all."""

from dlai_keras.car_detection.losses import YoloLoss, yolo_loss
from dlai_keras.classic_convnets.losses import (
    KnownBinaryCrossentropy,
    known_binary_crossentropy,
)
from dlai_keras.face_recognition.losses import (
    ArcFaceLoss,
    ContrastiveLoss,
    NPairsLoss,
    TripletHardLoss,
    TripletSemiHardLoss,
    arcface_loss,
    contrastive_loss,
    n_pairs_loss,
    triplet_hard_loss,
    triplet_semi_hard_loss,
)
from dlai_keras.trigger_word.losses import (
    MaskedBinaryCrossentropy,
    masked_binary_crossentropy,
)

__all__ = [
    "ArcFaceLoss",
    "ContrastiveLoss",
    "KnownBinaryCrossentropy",
    "MaskedBinaryCrossentropy",
    "NPairsLoss",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "YoloLoss",
    "arcface_loss",
    "contrastive_loss",
    "known_binary_crossentropy",
    "masked_binary_crossentropy",
    "n_pairs_loss",
    "triplet_hard_loss",
    "triplet_semi_hard_loss",
    "yolo_loss",
]
