"""Foundations: networks by hand in NumPy, topic by topic as the course teaches them."""
