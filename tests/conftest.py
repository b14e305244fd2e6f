"""What all tests share."""

import functools
import http.server
import signal
import sys
import threading
from pathlib import Path
from typing import NamedTuple

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


class WebServer(NamedTuple):
    """A server on this machine."""

    folder: Path  # that it has
    address: str
    asked: list[str]  # for what


@pytest.fixture
def web(tmp_path_factory):
    """An empty folder, which a server has."""
    folder, asked = tmp_path_factory.mktemp("web"), []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield WebServer(folder, f"http://127.0.0.1:{running.server_port}", asked)
        running.shutdown()
        thread.join()
