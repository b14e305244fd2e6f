"""Every public layer, by name; importing this module registers them all."""

from dlai_keras.trigger_word.layers import LogMelSpectrogram, PowerSpectrogram

__all__ = ["LogMelSpectrogram", "PowerSpectrogram"]
