"""Tiny clips for the tests of synthesis: everything is 8 kHz and below two seconds."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 8000


def make_clips(root: Path) -> Path:
    """Words of 30 to 60 ms, a background of 1.5 s and one of 0.2 s that is looped."""
    rng = np.random.default_rng(7)
    for folder, base in (("activates", 400), ("negatives", 1100)):
        (root / folder).mkdir(parents=True)
        for number in range(3):
            time = np.arange(240 + 120 * number) / RATE
            tone = 0.3 * np.sin(2 * np.pi * (base + 90 * number) * time)
            soundfile.write(root / folder / f"{number}.wav", tone, RATE)
    (root / "backgrounds").mkdir()
    for name, seconds in (("long", 1.5), ("short", 0.2)):
        noise = 0.1 * rng.standard_normal(round(seconds * RATE))
        soundfile.write(root / "backgrounds" / f"{name}.wav", noise, RATE)
    return root


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """A clip folder in the course's layout; not to be written to."""
    return make_clips(tmp_path_factory.mktemp("data") / "clips")


@pytest.fixture
def own_clips(tmp_path) -> Path:
    """A clip folder that a test may change."""
    return make_clips(tmp_path / "clips")
