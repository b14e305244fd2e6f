"""Worker processes that return results in order and never outlive their parent."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor


class Workers:
    """Applies one function in several processes.

    The function travels to each process once, so it may carry a large state; new
    processes import what it needs and nothing else (no fork: that is unsafe in a
    process that runs TensorFlow). A script that uses them needs the usual
    `if __name__ == "__main__":`. Use as a context manager, or call `close`.

    Args:
        function: of one argument; it, its arguments and its results can be pickled.
        num_workers: processes; with 0 the function runs in this one.

    Example:
        >>> with Workers(abs, 0) as workers:
        ...     list(workers.map([-1, -2]))
        [1, 2]
    """

    def __init__(self, function: Callable, num_workers: int):
        self.function = function
        self.num_workers = num_workers
        self._pool = None
        if num_workers > 0:
            self._pool = ProcessPoolExecutor(
                num_workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(function,),
            )

    def map(self, arguments: Iterable) -> Iterator:
        """Yields the results in order; only a few arguments are drawn ahead."""
        if self._pool is None:
            yield from map(self.function, arguments)
            return
        pending: deque = deque()
        try:
            for argument in arguments:
                pending.append(self.submit(argument))
                if len(pending) > 2 * self.num_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def submit(self, argument) -> Future:
        """Starts one call; its result is `submit(argument).result()`."""
        if self._pool is None:
            future: Future = Future()
            try:
                future.set_result(self.function(argument))
            except Exception as error:
                future.set_exception(error)
            return future
        return self._pool.submit(_call, argument)

    def close(self) -> None:
        """Ends the processes; calls that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_FUNCTION: Callable | None = None


def _start(function):
    global _FUNCTION
    _FUNCTION = function
    # Ctrl-C reaches every process of a terminal; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent():
    # A worker whose parent was killed would wait for its next call for ever.
    multiprocessing.parent_process().join()
    os._exit(1)


def _call(argument):
    return _FUNCTION(argument)
