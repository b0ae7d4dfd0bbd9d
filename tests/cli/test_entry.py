import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infoxlm import __version__
from infoxlm.cli import entry as cli

SCRIPTS = Path(sys.executable).parent
TINY = [
    "model=tiny", "data=sample", "data.limit_train=32", "data.limit_eval=6", "data.max_length=32",
    "data.eval_languages=[en,sw]", "trainer.max_steps=2", "trainer.eval_every=1",
]  # fmt: skip


#: What belongs to one command alone; the other options of these groups are of the others.
OWN = {
    "tatoeba": "retrieve",
    **dict.fromkeys(
        (
            "corpus",
            "sample_corpus",
            "pretraining",
            "infoxlm_pretraining",
            "pretraining_demo",
            "pretraining_short",
        ),
        "pretrain",
    ),
}


def options(group, command):
    folder = Path(__file__).parents[2] / "conf" / group
    found = sorted(path.stem for path in folder.glob("*.yaml"))
    if group not in ("data", "task", "experiment"):
        return found
    wanted = command if command in OWN.values() else None
    return [option for option in found if OWN.get(option) == wanted]


def python(code, *words, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, **options
    )


# Help, version, configuration


def test_help_is_quick_and_names_every_command():
    code = (
        "import sys; from infoxlm.cli.entry import main; main(sys.argv[1:]);"
        "print({'hydra', 'paddle', 'omegaconf', 'numpy'} & {*sys.modules}, file=sys.stderr)"
    )
    times = []
    for _ in range(3):
        started = time.perf_counter()
        finished = python(code, "--help")
        times.append(time.perf_counter() - started)
    assert finished.stderr == "set()\n"
    for command in cli.COMMANDS:
        assert re.search(rf"^  {command} +\w", finished.stdout, re.MULTILINE)
    # A tenth of a second on an idle machine.
    assert statistics.median(times) < 1.5


def test_showing_a_configuration_imports_no_numpy():
    code = (
        "import sys; from infoxlm.cli.entry import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print({'paddle', 'numpy', 'matplotlib'} & {*sys.modules}, file=sys.stderr)"
    )
    finished = python(code, "train", "--cfg", "job")
    assert "effective_batch_size" in finished.stdout
    assert finished.stderr == "set()\n"


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_ways_to_ask_for_help(infoxlm, words):
    assert infoxlm(*words) == (0, cli.USAGE, "")


def test_version(infoxlm):
    assert infoxlm("--version") == (0, f"infoxlm {__version__}\n", "")


@pytest.mark.parametrize(
    ("command", "groups", "keys"),
    [
        (
            "train",
            ["data", "experiment", "hardware", "model", "optimizer", "scheduler", "sweep"],
            ["learning_rate: 2.0e-05", "effective_batch_size: 256"],
        ),
        (
            "pretrain",
            ["data", "experiment", "hardware", "model", "optimizer", "scheduler", "task"],
            ["temperature: 0.25", "effective_batch_size: 2048"],
        ),
        ("evaluate", ["data", "hardware", "model"], ["split: test"]),
        ("retrieve", ["data", "hardware", "model"], ["layer: 7", "similarity: cosine"]),
        ("convert", [], ["source: ???", "verify: false"]),
        ("dashboard", [], ["port: 8040"]),
        ("compare", [], ["run_a: ???"]),
        ("repeat", [], ["run: ???", "data_root: null"]),
    ],
)
def test_help_of_a_command(infoxlm, command, groups, keys):
    code, out, err = infoxlm(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"infoxlm {command}: ")
    for line in (*(f"{group}: {', '.join(options(group, command))}" for group in groups), *keys):
        assert re.search(rf"^ *{re.escape(line)}", out, re.MULTILINE), line


def test_cfg_shows_what_would_run_wherever_flags_stand(infoxlm):
    words = ["model=tiny", "--cfg", "job", "trainer.epochs=7"]
    code, out, _ = infoxlm("train", *words)
    assert code == 0
    assert "name: tiny" in out
    assert "epochs: 7" in out
    assert not list(Path.cwd().iterdir())


def test_closed_pipe_is_no_error(tmp_path):
    line = f"{sys.executable} -m infoxlm train --help | true"
    finished = subprocess.run(
        line, shell=True, capture_output=True, text=True, cwd=tmp_path, executable="/bin/bash"
    )
    assert finished.stderr == ""


# Mistakes of ours; those of users are in tests/bad_input


def test_programming_error_keeps_its_traceback_and_its_folder(infoxlm, monkeypatch):
    from infoxlm.commands import dashboard, train

    def broken(config, folder):
        raise KeyError("a bug")

    monkeypatch.setattr(train, "run", broken)
    with pytest.raises(KeyError, match="a bug"):
        infoxlm("train", *TINY)
    assert list(Path.cwd().glob("outputs/train/default/*/.hydra/config.yaml"))
    monkeypatch.setattr(dashboard, "run", broken)
    with pytest.raises(KeyError, match="a bug"):
        infoxlm("dashboard")


def test_interrupt(infoxlm, monkeypatch):
    from infoxlm.commands import dashboard

    def interrupted(config, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard, "run", interrupted)
    assert infoxlm("dashboard") == (130, "", "infoxlm: interrupted\n")


#: A command line of each command that is composed without a mistake.
COMPLETE = [
    "train model=tiny data=sample", "pretrain model=tiny data=sample_corpus task.block=2",
    "evaluate model.checkpoint=m data=sample", "retrieve model.checkpoint=m",
    "convert source=a target=b",
    "export model.checkpoint=m target=t", "predict model.checkpoint=m text=a<sep>b",
    "serve model.checkpoint=m", "dashboard", "report sweep=s", "compare run_a=a run_b=b",
    "repeat run=a",
]  # fmt: skip


def test_a_complete_line_of_every_command():
    assert [line.split()[0] for line in COMPLETE] == list(cli.COMMANDS)


@pytest.mark.parametrize("line", COMPLETE)
def test_paths_are_meant_from_where_one_typed(line, infoxlm, monkeypatch):
    command, *words = line.split()
    here, seen = Path.cwd(), []
    run = f"infoxlm.commands.{command}.run"
    monkeypatch.setattr(run, lambda config, folder: seen.append((Path.cwd(), folder)))
    for how in ("true", "false"):
        assert infoxlm(command, *words, f"hydra.job.chdir={how}").code == 0
    assert [place for place, _ in seen] == [here, here]
    assert all(folder.is_absolute() for _, folder in seen)


@pytest.mark.parametrize("line", [line for line in COMPLETE if "sweep" not in line])
def test_an_empty_cache_variable_is_none(line, infoxlm, monkeypatch, tmp_path):
    command, *words = line.split()
    seen = []
    monkeypatch.setattr(f"infoxlm.commands.{command}.run", lambda config, _: seen.append(config))
    monkeypatch.setenv("INFOXLM_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert infoxlm(command, *words) == (0, "", "")
    found = {getattr(x, "cache_dir", None) for x in (seen[0], getattr(seen[0], "data", None))}
    assert found <= {None, str(tmp_path / ".cache" / "infoxlm")}
    assert len(found) == (1 if command in ("dashboard", "compare") else 2)


def test_bytes_that_are_no_text(infoxlm, monkeypatch, tmp_path):
    words = ["train", *TINY, f"hydra.run.dir={os.fsdecode(bytes([0x66, 0xF6]))}"]
    told = "dir=f\\udcf6: byte 0xf6 is not UTF-8. Rename what is called so, or set LC_ALL"
    assert told in infoxlm(*words).err
    odd = Path(os.fsdecode(bytes([0x67, 0xFF])))
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert "g\\udcff: byte 0xff is not UTF-8" in infoxlm("train", *TINY).err
    assert not list(Path.cwd().iterdir())


# Runs


def results_below(folder):
    return {path.parent.name: json.loads(path.read_text()) for path in folder.rglob("results.json")}


def test_run_folder(infoxlm):
    code, out, err = infoxlm("train", *TINY, "name=example")
    assert code == 0
    assert "Traceback" not in err
    (folder,) = Path.cwd().glob("outputs/train/example/*")
    assert f"{folder.relative_to(Path.cwd())}/results.md" in out
    names = {path.name for path in folder.iterdir()}
    assert {".hydra", "train.log", "results.json", "predictions.jsonl", "checkpoints"} <= names
    assert "2 in all" in (folder / "train.log").read_text()
    overrides = (folder / ".hydra" / "overrides.yaml").read_text()
    assert "trainer.max_steps=2" in overrides


def test_multirun(infoxlm):
    code, out, _ = infoxlm("train", *TINY, "--multirun", "seed=1,2")
    assert code == 0
    (sweep,) = Path.cwd().glob("outputs/sweeps/default/*")
    results = results_below(sweep)
    assert {name: run["settings"]["seed"] for name, run in results.items()} == {"0": 1, "1": 2}
    losses = [(sweep / name / "metrics.jsonl").read_text().splitlines()[0] for name in "01"]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("roots", ["embedded,/no/such", "/no/such,embedded"])
def test_one_failing_job_does_not_stop_the_others(infoxlm, roots):
    code, _, err = infoxlm("train", "-m", *TINY, f"data.root={roots}")
    assert code == 1
    assert "Traceback" not in err
    assert "failed: data.root=/no/such does not exist" in err
    last = err.splitlines()[-1]
    assert last.startswith("infoxlm: error: 1 of 2 jobs are not finished. Run just those with:")
    (result,) = results_below(Path.cwd()).values()
    assert result["settings"]["data.root"] == "embedded"


def test_as_a_module_in_a_process_of_its_own(tmp_path):
    words = [sys.executable, "-m", "infoxlm", "train", *TINY]
    finished = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Test accuracy" in finished.stdout
    assert "Warning" not in finished.stderr
    (result,) = results_below(tmp_path).values()
    assert result["steps"] == 2


# Completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("infoxlm ", " ".join(cli.COMMANDS)),
        ("infoxlm tr", "train"),
        ("infoxlm x", ""),
        ("infoxlm frobnicate mo", ""),
        ("infoxlm train mod", "model. model="),
        (
            "infoxlm train model=",
            " ".join(f"model={option}" for option in options("model", "train")),
        ),
        ("infoxlm train model=ti", "model=tiny"),
        ("infoxlm train model=tiny opt", "optimizer. optimizer="),
        ("infoxlm train trainer.max", "trainer.max_steps="),
        ("infoxlm train experiment=qu", "experiment=quick_verify"),
        ("infoxlm evaluate spl", "split="),
        ("infoxlm retrieve lay", "layer="),
        ("infoxlm retrieve data=", "data=tatoeba"),
        ("infoxlm convert dir", "direction="),
        ("infoxlm dashboard p", "port="),
        ("infoxlm compare run", "run_a= run_b="),
    ],
)
def test_completion(infoxlm, monkeypatch, line, expected):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    code, out, err = infoxlm("-sc", "query=bash")
    assert (code, err) == (0, "")
    assert out.split() == expected.split()


@pytest.mark.skipif(
    not (SCRIPTS / "infoxlm").exists() or shutil.which("bash") is None,
    reason="infoxlm is not installed next to this Python, or there is no bash",
)
def test_completion_in_bash(tmp_path):
    script = """
    eval "$(infoxlm -sc install=bash)"
    complete_function=$(complete -p infoxlm | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
    press_tab() {
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1) COMP_CWORD=$2 COMPREPLY=()
        $complete_function
        echo "${COMPREPLY[@]}"
    }
    press_tab "infoxlm ev" 1
    press_tab "infoxlm train model=ti" 2
    press_tab "infoxlm train data=sample hardware=gpu_" 3
    """
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == [
        "evaluate",
        "model=tiny",
        "hardware=gpu_bf16 hardware=gpu_fp16",
    ]


# Packaging


@pytest.mark.slow
def test_wheel_runs_from_an_empty_folder(tmp_path):
    checkout = Path(__file__).parents[2]
    # A copy: the build leaves files behind in the folder that it builds.
    copy = tmp_path / "checkout"
    skipped = shutil.ignore_patterns(".*", "outputs", "*.egg-info", "build", "dist", "tests")
    shutil.copytree(checkout, copy, ignore=skipped)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, copy]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = tmp_path.glob("infoxlm-*.whl")
    installed = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", installed, wheel], check=True)
    for folder, pattern in (
        ("conf", "*.yaml"),
        ("infoxlm/data/sample", "*.tsv"),
        ("infoxlm/tasks/question_answering/sample", "*.json"),
    ):
        package = "infoxlm/conf" if folder == "conf" else folder
        expected = {
            path.relative_to(checkout / folder) for path in (checkout / folder).rglob(pattern)
        }
        found = {
            path.relative_to(installed / package) for path in (installed / package).rglob(pattern)
        }
        assert expected == found

    empty = tmp_path / "empty"
    empty.mkdir()
    where = python("import infoxlm; print(infoxlm.__file__)", cwd=empty, env=path_first(installed))
    assert where.stdout.startswith(str(installed))
    run = subprocess.run(
        [sys.executable, "-m", "infoxlm", "train", "experiment=quick_verify"],
        cwd=empty, env=path_first(installed), capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert [path.name for path in empty.iterdir()] == ["outputs"]
    assert len(results_below(empty)) == 1


def path_first(folder):
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_an_error_does_not_steer_the_terminal(capsys):
    from infoxlm.cli import entry as cli
    from infoxlm.errors import UserError

    with pytest.raises(SystemExit) as end:
        cli.fail(UserError("a\x1b[2J\nfile\u202e 'x'\x07 ひ", "Give another."))
    assert end.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith("infoxlm: error: a")
    assert line.endswith("ひ. Give another.\n")
    assert line[:-1].isprintable()
