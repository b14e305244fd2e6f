"""The classic convolutional networks: what they cost, and what they see."""
