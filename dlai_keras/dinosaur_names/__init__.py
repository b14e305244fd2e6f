"""Dinosaur names and other texts, character by character: new, and measured."""
