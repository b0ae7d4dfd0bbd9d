import logging
import subprocess
import sys

import pytest

from infoxlm.errors import UserError
from infoxlm.runs.run_folder import LOCK, lock_folder, log_into

HOLD = """
import sys
from pathlib import Path
from infoxlm.runs.run_folder import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder():
    """Starts processes that hold a folder until they are told to end."""
    started = []

    def hold(folder):
        words = [sys.executable, "-c", HOLD, folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(words, text=True, **pipes))
        return started[-1]

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_folder_is_held_by_one_process(holder, tmp_path):
    process = holder(tmp_path / "runs" / "new")
    assert process.stdout.readline() == "held\n"
    busy = pytest.raises(UserError, match=r"another process is at work in .*new\. Wait")
    with busy, lock_folder(tmp_path / "runs" / "new"):
        pytest.fail("two hold it")
    process.communicate("end")
    assert process.returncode == 0
    with lock_folder(tmp_path / "runs" / "new"):
        assert (tmp_path / "runs" / "new" / LOCK).exists()
    assert list((tmp_path / "runs" / "new").iterdir()) == []


def test_of_two_that_start_at_once_one_gets_it(holder, tmp_path):
    both = [holder(tmp_path / "run") for _ in range(2)]
    lines = [process.stdout.readline() for process in both]
    assert sorted(lines) == ["", "held\n"]
    refused = both[lines.index("")].communicate()[1]
    assert "another process is at work" in refused.splitlines()[-1]


def test_a_process_that_is_killed_lets_go(holder, tmp_path):
    process = holder(tmp_path)
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.wait()
    assert (tmp_path / LOCK).exists()
    with lock_folder(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_an_error_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path):
        raise ZeroDivisionError
    with lock_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused = pytest.raises(UserError, match=r"folder .*file/run cannot be written.*hydra\.run")
    with refused, lock_folder(tmp_path / "file" / "run"):
        pass


@pytest.fixture
def root():
    """The root logger with handlers of this test alone."""
    root = logging.getLogger()
    kept, level = root.handlers, root.level
    root.handlers = []
    root.setLevel(logging.INFO)
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers = kept
    root.setLevel(level)


@pytest.mark.parametrize("consoles", [0, 1, 2])
def test_the_log_goes_on_in_another_folder(consoles, root, tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    (tmp_path / "old" / "train.log").write_text("from before\n")
    for name in ("train.log", "more.log"):
        handler = logging.FileHandler(tmp_path / "new" / name)
        handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
        root.addHandler(handler)
        root.handlers.extend(logging.NullHandler() for _ in range(consoles))
    before = len(root.handlers)
    logging.info("one")
    log_into(tmp_path / "old")
    logging.info("two")
    assert len(root.handlers) == before
    assert (tmp_path / "new" / "train.log").read_text() == "[INFO] one\n"
    assert (tmp_path / "old" / "train.log").read_text() == "from before\n[INFO] two\n"
    assert (tmp_path / "old" / "more.log").read_text() == "[INFO] two\n"
    assert (tmp_path / "new" / "more.log").read_text() == "[INFO] one\n"
