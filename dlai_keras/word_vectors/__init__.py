"""Word vectors: learned from text, measured, asked for analogies, and debiased."""
