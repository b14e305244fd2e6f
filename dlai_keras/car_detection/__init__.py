"""Car detection: boxes around what is in a picture, with YOLO."""
