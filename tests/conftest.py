"""What all tests share."""

import signal
import sys

import numpy as np
import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C, and every
# script that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Starts every test, its fixtures too, from the same seed.

    Weights that a test draws are then the same whatever ran before it, alone or in one
    of several processes.
    """
    np.random.seed(0)  # noqa: NPY002 the course's functions draw from this state
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
