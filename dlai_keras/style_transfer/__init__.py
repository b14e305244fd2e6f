"""Style transfer: one picture's content, painted in the style of another."""
