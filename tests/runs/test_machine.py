import os
import subprocess

from infoxlm.runs.machine import code_checksum, describe_process, git_state


def test_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("FLAGS_cudnn_deterministic", "1")
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    process = describe_process()
    assert process["cpu"]["cores"] == os.cpu_count()
    assert process["cpu"]["name"]
    assert process["memory"]["total_mb"] > 100
    assert process["environment"]["OMP_NUM_THREADS"] == "3"
    assert process["environment"]["FLAGS_cudnn_deterministic"] == "1"
    assert "s3cret" not in str(process)
    assert len(process["code"]) == 64


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_state(tmp_path):
    package = tmp_path / "infoxlm"
    package.mkdir()
    (package / "constants.py").write_text("A = 1\n")
    assert git_state(package) is None

    git(tmp_path, "init")
    # A checkout of something else around an installed package.
    assert git_state(package) is None

    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = git_state(package)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False

    (tmp_path / "notes.txt").write_text("not source\n")
    assert git_state(package) == clean
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "train.yaml").write_text("seed: 1\n")
    assert git_state(package) == {**clean, "dirty": True}


def test_code_checksum(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.py").write_text("A = 1\n")
    (tmp_path / "inner" / "b.py").write_text("B = 1\n")
    first = code_checksum(tmp_path)
    (tmp_path / "inner" / "b.pyc").write_bytes(b"compiled")
    assert code_checksum(tmp_path) == first
    (tmp_path / "inner" / "b.py").write_text("B = 2\n")
    changed = code_checksum(tmp_path)
    (tmp_path / "inner" / "b.py").write_text("B = 1\n")
    assert code_checksum(tmp_path) == first
    (tmp_path / "inner" / "b.py").rename(tmp_path / "b.py")
    assert len({first, changed, code_checksum(tmp_path)}) == 3
