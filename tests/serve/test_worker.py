"""With real processes, which load an ONNX model: that takes a second, not five."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.errors import UserError
from infoxlm.serve.batching import RuntimeEndedError
from infoxlm.serve.worker import WorkerError, started

IDS = np.array([[0, 5, 6, 2], [0, 9, 2, 1]])


@pytest.fixture(scope="module")
def folder(exported_folder):
    return ModelFolder.open(exported_folder)


@pytest.fixture
def expected(folder):
    from infoxlm.deploy.runtimes import load_runtime

    return load_runtime(folder, "onnx", device="cpu", threads=1).run(IDS)


def test_two_processes_score_as_the_model_does(folder, expected):
    with started(2, folder, "onnx", "cpu", threads=2) as workers:
        assert len({worker.pid for worker in workers} | {os.getpid()}) == 3
        for worker in workers:
            assert np.array_equal(worker.run(IDS), expected)
    assert not any(worker.is_alive() for worker in workers)


def test_a_process_that_ended_is_started_again_at_once(folder, expected, caplog, soon):
    with started(1, folder, "onnx", "cpu", threads=1) as (worker,):
        for number in (signal.SIGKILL, signal.SIGKILL):
            first = worker.pid
            os.kill(first, number)
            soon(lambda: not worker.ready)
            with pytest.raises(RuntimeEndedError):
                worker.run(IDS)
            soon(lambda: worker.ready)  # though nobody asks
            assert worker.pid != first
            assert np.array_equal(worker.run(IDS), expected)
        assert caplog.text.count("ended with code -9; restarting it") == 2


def test_a_process_that_ends_on_a_batch(folder, expected, soon):
    with started(1, folder, "onnx", "cpu", threads=1) as (worker,):
        os.kill(worker.pid, signal.SIGSTOP)
        ending = threading.Timer(0.2, os.kill, (worker.pid, signal.SIGKILL))
        ending.start()
        with pytest.raises(RuntimeEndedError):
            worker.run(IDS)
        assert not worker.ready  # before the thread that starts it again can have noticed
        soon(lambda: worker.ready)
        assert np.array_equal(worker.run(IDS), expected)


def test_a_process_that_cannot_be_started_again(folder, expected, tmp_path, caplog, soon):
    moved = tmp_path / "model"
    shutil.copytree(folder.path, moved)
    with started(1, ModelFolder.open(moved), "onnx", "cpu", threads=1) as (worker,):
        (moved / "model.onnx").rename(moved / "elsewhere")
        os.kill(worker.pid, signal.SIGKILL)
        soon(lambda: "could not be started" in caplog.text)
        assert not worker.ready
        (moved / "elsewhere").rename(moved / "model.onnx")
        soon(lambda: worker.ready)
        assert np.array_equal(worker.run(IDS), expected)


def test_closing_while_a_process_is_started_again(folder):
    with started(2, folder, "onnx", "cpu", threads=2) as workers:
        os.kill(workers[0].pid, signal.SIGKILL)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert not any(worker.is_alive() for worker in workers)


def test_signals_to_all_are_the_servers_to_answer(folder, expected):
    with started(1, folder, "onnx", "cpu", threads=1) as (worker,):
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker.pid, number)
        time.sleep(0.2)
        assert worker.is_alive()
        assert np.array_equal(worker.run(IDS), expected)


def test_a_batch_that_fails_ends_nothing(folder, expected):
    with started(1, folder, "onnx", "cpu", threads=1) as (worker,):
        before = worker.pid
        with pytest.raises(WorkerError, match=r"ONNX Runtime, input_ids \[1, 1\]: .*Gather"):
            worker.run(np.array([[10**9]]))  # no such token
        assert np.array_equal(worker.run(IDS), expected)
        assert worker.pid == before


def test_a_model_that_cannot_be_loaded(folder, served_folder, tmp_path):
    with (
        pytest.raises(UserError, match="has no ONNX model.*format=onnx"),
        started(2, ModelFolder.open(served_folder), "onnx", "cpu", threads=1),
    ):
        pytest.fail("started")


@pytest.mark.parametrize("runtime", ["onnx", "paddle"])  # whose processes are forked
def test_no_process_outlives_a_server_that_is_killed(runtime, exported_folder, tmp_path):
    code = (
        "import sys, os, time\n"
        "from infoxlm.deploy.model_folder import ModelFolder\n"
        "from infoxlm.serve.worker import started\n"
        "if __name__ == '__main__':\n"
        "    folder = ModelFolder.open(sys.argv[1])\n"
        "    with started(2, folder, sys.argv[2], 'cpu', threads=2) as workers:\n"
        "        print(*(worker.pid for worker in workers), flush=True)\n"
        "        time.sleep(60)\n"
    )
    script = tmp_path / "server.py"
    script.write_text(code)
    words = [sys.executable, str(script), str(exported_folder), runtime]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        workers = list(map(int, server.stdout.readline().split()))
        others = {psutil.Process(pid).ppid() for pid in workers} - {server.pid}
        assert (len(workers), len(others)) == (2, int(runtime == "paddle"))
        server.kill()
    deadline = time.monotonic() + 10
    while any(map(running, (*workers, *others))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, (*workers, *others)))


def running(pid):
    """Whether a process computes; one that has ended may wait to be noticed."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
