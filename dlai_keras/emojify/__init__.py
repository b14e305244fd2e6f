"""Emojify: the emoji that goes with a sentence."""
