"""Every public layer by name; importing this registers them for `load_model`."""

from dlai_keras.car_detection.layers import (
    NonMaxSuppression,
    SpaceToDepth,
    YoloDecode,
)
from dlai_keras.classic_convnets.layers import (
    ConnectionTableConv2D,
    LocalResponseNormalization,
    RadialBasis,
    SpatialExpectation,
    Subsampling,
)
from dlai_keras.date_translation.layers import (
    AttentionCell,
    AttentionDecoder,
    BahdanauAttention,
    CourseAttention,
    LearnedQueries,
    LuongAttention,
    MeanMaxPooling,
    OneHot,
)
from dlai_keras.face_recognition.layers import (
    ArcFaceLogits,
    PairedDistance,
    SiameseHead,
)
from dlai_keras.signs.layers import RandomAffine, RandomColor
from dlai_keras.trigger_word.layers import LogMelSpectrogram, PowerSpectrogram

__all__ = [
    "ArcFaceLogits",
    "AttentionCell",
    "AttentionDecoder",
    "BahdanauAttention",
    "ConnectionTableConv2D",
    "CourseAttention",
    "LearnedQueries",
    "LocalResponseNormalization",
    "LogMelSpectrogram",
    "LuongAttention",
    "MeanMaxPooling",
    "NonMaxSuppression",
    "OneHot",
    "PairedDistance",
    "PowerSpectrogram",
    "RadialBasis",
    "RandomAffine",
    "RandomColor",
    "SiameseHead",
    "SpaceToDepth",
    "SpatialExpectation",
    "Subsampling",
    "YoloDecode",
]
