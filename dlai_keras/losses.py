"""Every public loss, by name; importing this module registers them all."""

from dlai_keras.trigger_word.losses import (
    MaskedBinaryCrossentropy,
    masked_binary_crossentropy,
)

__all__ = ["MaskedBinaryCrossentropy", "masked_binary_crossentropy"]
