"""With Paddle's program: processes that compute are forked from one that has loaded it."""

import os
import shutil
import signal
import sys
from dataclasses import replace

import numpy as np
import psutil
import pytest

from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.errors import UserError
from infoxlm.serve.computing import Model
from infoxlm.serve.fork_server import ForkServer, may_fork
from infoxlm.serve.worker import started

#: A batch, and a single row, which may have a program of its own.
BATCHES = [np.array([[0, 5, 6, 2], [0, 9, 2, 1]]), np.array([[0, 5, 6, 2]])]

#: Seconds in which a model is loaded anew, on a busy machine and after pauses.
LOADING = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there processes are forked")


@pytest.fixture(scope="module")
def folder(exported_folder):
    return ModelFolder.open(exported_folder)


@pytest.fixture(scope="module")
def expected(folder):
    from infoxlm.deploy.runtimes import load_runtime

    model = load_runtime(folder, "paddle", device="cpu", threads=1)
    return [model.run(ids) for ids in BATCHES]


@pytest.fixture
def right(expected):
    """Whether a worker scores as the model does."""

    def scores_right(worker):
        found = [worker.run(ids) for ids in BATCHES]
        return all(map(np.array_equal, found, expected))

    return scores_right


def parent(worker):
    return psutil.Process(worker.pid).ppid()


def test_what_may_be_forked(folder, served_folder):
    model = Model(folder, None, "cpu", 1)
    assert may_fork(model)
    assert not may_fork(replace(model, runtime="onnx"))
    assert not may_fork(replace(model, device="gpu"))
    assert not may_fork(replace(model, folder=ModelFolder.open(served_folder)))
    assert not may_fork(replace(model, folder=replace(folder, program=None)))


def test_two_processes_of_one_that_loaded_the_model(folder, right, soon):
    with started(2, folder, None, "cpu", threads=2) as workers:
        (forks,) = {parent(worker) for worker in workers}
        assert psutil.Process(forks).ppid() == os.getpid()
        assert all(right(worker) for worker in workers)
        assert psutil.Process(forks).num_threads() <= 3  # none of those that compute
    assert not any(worker.is_alive() for worker in workers)
    soon(lambda: not psutil.pid_exists(forks))


def test_a_process_that_ended_is_forked_again(folder, right, caplog, soon):
    with started(2, folder, None, "cpu", threads=2) as workers:
        forks = parent(workers[0])
        for worker in (*workers, workers[0]):
            before = worker.pid
            os.kill(before, signal.SIGKILL)
            soon(lambda worker=worker, before=before: worker.ready and worker.pid != before)
            assert parent(worker) == forks
            assert all(map(right, workers))
    assert caplog.text.count("ended with code -9; restarting it") == 3


def test_processes_go_on_without_the_one_that_forked_them(folder, right, caplog, soon):
    with started(2, folder, None, "cpu", threads=2) as workers:
        forks = parent(workers[0])
        os.kill(forks, signal.SIGKILL)
        soon(lambda: parent(workers[0]) != forks)
        assert all(map(right, workers))
        before = workers[0].pid
        os.kill(before, signal.SIGKILL)
        soon(lambda: workers[0].ready and workers[0].pid != before, LOADING)
        assert parent(workers[0]) != forks
        assert psutil.Process(parent(workers[0])).ppid() == os.getpid()
        assert all(map(right, workers))
    assert "ended with code 255; restarting it" in caplog.text  # nobody could tell it
    assert not any(worker.is_alive() for worker in workers)


def test_a_model_that_is_gone_for_a_while(folder, right, tmp_path, caplog, soon):
    moved = tmp_path / "model"
    shutil.copytree(folder.path, moved)
    with started(1, ModelFolder.open(moved), None, "cpu", threads=1) as (worker,):
        parameters = moved / "inference.pdiparams"
        parameters.rename(moved / "elsewhere")
        for pid in (parent(worker), worker.pid):
            os.kill(pid, signal.SIGKILL)
        soon(lambda: "inference.pdiparams is missing" in caplog.text, LOADING)
        assert "could not be started" in caplog.text
        (moved / "elsewhere").rename(parameters)
        soon(lambda: worker.ready, LOADING)
        assert right(worker)


def test_a_model_that_cannot_be_loaded(folder, tmp_path):
    moved = tmp_path / "model"
    shutil.copytree(folder.path, moved)
    opened = ModelFolder.open(moved)
    (moved / "inference.pdiparams").unlink()
    with (
        pytest.raises(UserError, match="inference.pdiparams is missing"),
        started(2, opened, None, "cpu", threads=1),
    ):
        pytest.fail("started")


def test_a_forked_process_is_ended_at_once(folder):
    forks = ForkServer(Model(folder, None, "cpu", 1))
    try:
        connection, process = forks.start(1)
        assert connection.recv() is None
        assert process.is_alive()
        process.kill()
        process.join(5)
        assert (process.exitcode, process.is_alive()) == (-signal.SIGKILL, False)
        process.kill()  # whatever has the number by now is left alone
        connection, process = forks.start(1)
        assert connection.recv() is None
        connection.close()
        process.join(5)
        assert process.exitcode == 0
    finally:
        forks.close()
