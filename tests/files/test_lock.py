import subprocess
import sys

import pytest

from infoxlm.errors import UserError
from infoxlm.files.lock import LOCK, is_locked, lock_folder, wait_for_lock

HOLD = """
import sys
from pathlib import Path
from infoxlm.files.lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    input()
"""


@pytest.fixture
def locked(tmp_path):
    """A folder, and the process that has locked it."""
    folder = tmp_path / "runs" / "new"
    words = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield folder, process
    process.kill()
    process.communicate()


def test_one_process_at_a_time(locked):
    folder, process = locked
    assert is_locked(folder / LOCK)
    busy = r"another process is at work in .*new\. Wait for it to end, or give .* key\.dir=FOLDER"
    with pytest.raises(UserError, match=busy), lock_folder(folder, "key.dir"):
        pytest.fail("two have it")
    process.communicate("end")
    with lock_folder(folder):
        assert is_locked(folder / LOCK)
    assert not list(folder.iterdir())


def test_of_two_that_start_at_once_one_gets_it(tmp_path):
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(words, text=True, **pipes) for _ in range(2)]
    lines = [process.stdout.readline() for process in both]
    assert sorted(lines) == ["", "locked\n"]
    refused = both[lines.index("")].communicate()[1]
    assert "another process is at work" in refused.splitlines()[-1]
    both[lines.index("locked\n")].communicate("end")


def test_killed_process_lets_go(locked):
    folder, process = locked
    process.kill()
    process.wait()
    assert not is_locked(folder / LOCK)
    with lock_folder(folder), pytest.raises(UserError), lock_folder(folder):
        pytest.fail("two have it")


def test_error_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path):
        raise ZeroDivisionError
    with lock_folder(tmp_path):
        pass


def test_waiting_lock_is_given_back(tmp_path):
    file = tmp_path / "x.lock"
    with wait_for_lock(file):
        assert is_locked(file)
    assert not is_locked(file)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    refused = pytest.raises(UserError, match=r"run cannot be written: Not a dir.*hydra\.run\.dir=")
    with refused, lock_folder(tmp_path / "file" / "run"):
        pass
