"""The strategy of a machine-learning project: what to measure, what to do next."""
