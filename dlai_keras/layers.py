"""Every public layer by name; importing this registers them for `load_model`."""

from dlai_keras.signs.layers import RandomAffine, RandomColor
from dlai_keras.trigger_word.layers import LogMelSpectrogram, PowerSpectrogram

__all__ = ["LogMelSpectrogram", "PowerSpectrogram", "RandomAffine", "RandomColor"]
