"""Hand signs: which number do the fingers show, and any folder of images."""
