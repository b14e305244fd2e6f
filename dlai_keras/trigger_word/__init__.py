"""Trigger-word detection: synthesise a dataset, train a detector, hear the word."""
