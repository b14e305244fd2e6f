"""Deep-learning assignments as Keras 3 code: layers, losses, data and scripts.

Importing this package imports nothing else; take what you need by name, for
instance `from dlai_keras.layers import LogMelSpectrogram`.
"""

__version__ = "0.1.0"
