"""Workers give results in order, pass errors on, and never outlive their parent."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from dlai_keras.processes import Workers


class Slow:
    """Takes longer for smaller numbers; knows how much it was given to carry."""

    def __init__(self, state=b""):
        self.state = state

    def __call__(self, number):
        time.sleep(max(0, 5 - number) * 0.02)
        return number * number + len(self.state)


def process_id(_):
    return os.getpid()


def reciprocal(number):
    return 1 / number


def loaded_modules(names):
    return [name for name in names if name in sys.modules]


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition, seconds=20.0):
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_results_come_in_the_order_of_the_arguments(num_workers):
    with Workers(Slow(b"12"), num_workers) as workers:
        expected = [number * number + 2 for number in range(12)]
        assert list(workers.map(range(12))) == expected
        assert workers.submit(3).result() == 11
        assert list(workers.map([])) == []


def test_without_workers_the_function_runs_in_this_process():
    with Workers(process_id, 0) as workers:
        assert list(workers.map(range(3))) == [os.getpid()] * 3
        assert workers.submit(0).result() == os.getpid()


def test_several_workers_are_other_processes_and_end_with_close():
    with Workers(process_id, 2) as workers:
        pids = set(workers.map(range(30)))
        assert os.getpid() not in pids
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_an_error_reaches_the_caller_and_the_workers_live_on(num_workers):
    with Workers(reciprocal, num_workers) as workers:
        with pytest.raises(ZeroDivisionError):
            list(workers.map([1, 0, 2]))
        failed = workers.submit(0)
        with pytest.raises(ZeroDivisionError):
            failed.result()
        assert list(workers.map([1, 2, 4])) == [1, 0.5, 0.25]


def test_few_arguments_are_drawn_ahead_of_an_endless_stream():
    drawn = []

    def endless():
        for number in itertools.count():
            drawn.append(number)
            yield number

    with Workers(Slow(), 2) as workers:
        results = workers.map(endless())
        assert [next(results) for _ in range(10)] == [n * n for n in range(10)]
        assert len(drawn) <= 10 + 2 * 2 + 1
        results.close()


def test_threads_may_share_the_workers():
    results = {}

    def work(number):
        results[number] = workers.submit(number).result()

    with Workers(Slow(), 2) as workers:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {n: n * n for n in range(8)}


def test_a_worker_imports_what_its_function_needs_and_nothing_else():
    with Workers(loaded_modules, 2) as workers:
        names = ["keras", "tensorflow", "librosa"]
        assert workers.submit(names).result() == []


def test_closing_twice_is_no_error():
    workers = Workers(process_id, 2)
    workers.close()
    workers.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        workers.submit(0)


@pytest.fixture
def script(tmp_path):
    """Starts a script that keeps two workers busy; gives it and the workers' ids."""
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent(
            r"""
            import os, sys, time
            from dlai_keras.processes import Workers

            def nap(seconds):
                os.write(1, f"{os.getpid()}\n".encode())  # one piece: two may write
                time.sleep(seconds)

            if __name__ == "__main__":
                with Workers(nap, 2) as workers:
                    calls = [workers.submit(float(sys.argv[1])) for _ in range(2)]
                    for call in calls:
                        call.result()
                    time.sleep(float(sys.argv[2]))
            """
        )
    )
    started = []

    def start(nap, then):
        root = str(Path(__file__).parents[1])
        process = subprocess.Popen(
            [sys.executable, str(path), str(nap), str(then)],
            env={**os.environ, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pids = set()
        started.append((process, pids))
        pids |= {int(process.stdout.readline()) for _ in range(2)}
        return process, pids

    yield start
    for process, pids in started:
        for pid in [process.pid, *pids]:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        if not process.stdout.closed:
            process.communicate()


@pytest.mark.parametrize(("nap", "then"), [(60, 0), (0.2, 60)], ids=["busy", "idle"])
def test_no_worker_outlives_a_killed_parent(script, nap, then):
    process, pids = script(nap, then)
    time.sleep(0.5)
    assert all(is_alive(pid) for pid in pids)
    process.kill()
    process.wait()
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_ctrl_c_is_the_parents_business(script):
    process, pids = script(1.0, 0)
    for pid in pids:
        os.kill(pid, signal.SIGINT)  # as a terminal does to the whole group
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "KeyboardInterrupt" not in errors
    assert not any(is_alive(pid) for pid in pids)
