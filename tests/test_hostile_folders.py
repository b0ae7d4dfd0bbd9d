"""A fuzz of every command with spoiled folders and files; see hostile_folders.py."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hostile_folders.py")


def fuzz(*words: str) -> None:
    finished = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_every_command_ends_rightly_or_in_one_line() -> None:
    fuzz("--start", "0", "--count", "2000")
