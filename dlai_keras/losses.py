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
from dlai_keras.style_transfer.losses import (
    ContentLoss,
    StatisticsLoss,
    StyleLoss,
    TotalVariation,
    content_loss,
    gram_matrices,
    statistics_loss,
    style_loss,
    total_variation,
)
from dlai_keras.trigger_word.losses import (
    MaskedBinaryCrossentropy,
    masked_binary_crossentropy,
)
from dlai_keras.word_vectors.losses import (
    CbowLoss,
    GloveLoss,
    SkipGramLoss,
    cbow_loss,
    glove_loss,
    skip_gram_loss,
    window_mask,
)

__all__ = [
    "ArcFaceLoss",
    "CbowLoss",
    "ContentLoss",
    "ContrastiveLoss",
    "GloveLoss",
    "KnownBinaryCrossentropy",
    "MaskedBinaryCrossentropy",
    "NPairsLoss",
    "SkipGramLoss",
    "StatisticsLoss",
    "StyleLoss",
    "TotalVariation",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "YoloLoss",
    "arcface_loss",
    "cbow_loss",
    "content_loss",
    "contrastive_loss",
    "glove_loss",
    "gram_matrices",
    "known_binary_crossentropy",
    "masked_binary_crossentropy",
    "n_pairs_loss",
    "skip_gram_loss",
    "statistics_loss",
    "style_loss",
    "total_variation",
    "triplet_hard_loss",
    "triplet_semi_hard_loss",
    "window_mask",
    "yolo_loss",
]
