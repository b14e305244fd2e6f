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
from dlai_keras.style_transfer.layers import (
    AdaptiveInstanceNormalization,
    Canvas,
    ChannelStatistics,
    GramMatrix,
    PixelRange,
    ReflectionPadding2D,
)
from dlai_keras.trigger_word.layers import LogMelSpectrogram, PowerSpectrogram
from dlai_keras.word_vectors.layers import WindowMean

__all__ = [
    "AdaptiveInstanceNormalization",
    "ArcFaceLogits",
    "AttentionCell",
    "AttentionDecoder",
    "BahdanauAttention",
    "Canvas",
    "ChannelStatistics",
    "ConnectionTableConv2D",
    "CourseAttention",
    "GramMatrix",
    "LearnedQueries",
    "LocalResponseNormalization",
    "LogMelSpectrogram",
    "LuongAttention",
    "MeanMaxPooling",
    "NonMaxSuppression",
    "OneHot",
    "PairedDistance",
    "PixelRange",
    "PowerSpectrogram",
    "RadialBasis",
    "RandomAffine",
    "RandomColor",
    "ReflectionPadding2D",
    "SiameseHead",
    "SpaceToDepth",
    "SpatialExpectation",
    "Subsampling",
    "WindowMean",
    "YoloDecode",
]
