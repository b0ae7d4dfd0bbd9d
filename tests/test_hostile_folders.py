"""A fuzz of every command with spoiled folders and files; see hostile_folders.py."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hostile_folders.py")


@pytest.fixture
def script(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return pytest.importorskip(SCRIPT.stem)


def fuzz(*words: str) -> None:
    finished = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_fuzz_that_only_refuses_is_noticed(script):
    ended = Counter({("predict", script.WELL): 2, ("predict", script.TOLD): 6})
    assert script.missed(ended, 0.25) == []
    assert script.missed(ended, 0.3) == ["25% ended well, at least 30% should"]
    ended["serve", script.TOLD] = 1
    assert script.missed(ended, 0.2) == ["no serve ended well"]
    assert script.missed(ended, 0) == []


def test_every_command_that_reads_folders_is_fuzzed(script):
    lines = [line.split() for _, lines in script.KINDS.values() for line in lines]
    assert {script.command_of(words) for words in lines} == {
        "compare", "convert", "dashboard", "evaluate", "export", "predict", "repeat", "report",
        "resume", "retrieve", "serve", "sweep.resume", "train",
    }  # fmt: skip


def test_a_server_says_that_it_is_ready_in_known_words(script):
    assert script.READY.search("served at http://127.0.0.1:1 (Ctrl-C stops it)")[1].endswith(":1")
    said = "VisualDL shows the runs in outputs at http://[::1]:8040/app (Ctrl+C stops it)"
    assert script.READY.search(said)[1] == "http://[::1]:8040/app"


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_every_command_ends_rightly_or_in_one_line() -> None:
    fuzz("--start", "0", "--count", "2000", "--least_well", "0.25")
