"""Faces: whose is it, for people that the network never saw."""
