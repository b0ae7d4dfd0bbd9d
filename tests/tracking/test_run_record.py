import json
import subprocess
import sys
from importlib.metadata import version

import infoxlm
from infoxlm.tracking.run_record import _git_state, write_run_record


def test_written_record(tmp_path):
    write_run_record(tmp_path / "run.json", seed=42, device="cpu", data={"test/en.tsv": "ab12"})
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["version"] == infoxlm.__version__
    assert record["packages"]["numpy"] == version("numpy")
    assert record["command"] == sys.argv
    assert record["cpu"]["cores"] >= 1
    assert record["cpu"]["name"]
    assert (record["seed"], record["device"]) == (42, "cpu")
    assert record["data"] == {"test/en.tsv": "ab12"}
    assert record["started"].endswith("+00:00")


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_state(tmp_path):
    package = tmp_path / "infoxlm"
    package.mkdir()
    (package / "constants.py").write_text("A = 1\n")
    assert _git_state(package) is None

    git(tmp_path, "init")
    # A checkout of something else around an installed package.
    assert _git_state(package) is None

    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = _git_state(package)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False

    (tmp_path / "notes.txt").write_text("not source\n")
    assert _git_state(package) == clean
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "train.yaml").write_text("seed: 1\n")
    assert _git_state(package) == {**clean, "dirty": True}


def test_imports_nothing_heavy():
    code = (
        "import sys; from infoxlm.tracking.run_record import run_record;"
        "import infoxlm.tracking.visualdl_writer, infoxlm.tracking.dashboard;"
        "import infoxlm.evaluate.report, infoxlm.evaluate.plot;"
        "run_record(seed=1, device='cpu', data={});"
        "print(sorted({'paddle', 'paddlenlp', 'torch', 'matplotlib', 'visualdl'} & {*sys.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
