import json
import logging
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hydra.core.global_hydra import GlobalHydra

from infoxlm import __version__, cli

SCRIPTS = Path(sys.executable).parent
TINY = [
    "model=tiny", "data=sample", "data.limit_train=32", "data.limit_eval=6", "data.max_length=32",
    "data.eval_languages=[en,sw]", "trainer.max_steps=2", "trainer.eval_every=1",
]  # fmt: skip


def options(group):
    folder = Path(__file__).parents[1] / "conf" / group
    return sorted(path.stem for path in folder.glob("*.yaml"))


class Finished(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def infoxlm(tmp_path, monkeypatch, capsys):
    """Runs a command line inside this process, in an empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", sys.argv)
    # What the command line sets itself, so that it is set back, and so that a paddle which
    # another test has imported is not told to have been imported too early.
    for name, value in (("OMP_NUM_THREADS", "1"), ("MKL_DEBUG_CPU_TYPE", "5")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*words):
        GlobalHydra.instance().clear()
        try:
            cli.main(words)
            code = 0
        except SystemExit as end:
            code = end.code
        return Finished(code, *capsys.readouterr())

    yield run
    logging.captureWarnings(False)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    GlobalHydra.instance().clear()


def python(code, *words, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, **options
    )


# Help, version, configuration


def test_help_is_quick_and_names_every_command():
    code = (
        "import sys; from infoxlm.cli import main; main(sys.argv[1:]);"
        "print({'hydra', 'paddle', 'omegaconf', 'numpy'} & {*sys.modules}, file=sys.stderr)"
    )
    times = []
    for _ in range(3):
        started = time.perf_counter()
        finished = python(code, "--help")
        times.append(time.perf_counter() - started)
    assert finished.stderr == "set()\n"
    for command in ("train", "evaluate", "convert", "dashboard"):
        assert re.search(rf"^  {command} +\w", finished.stdout, re.MULTILINE)
    # A tenth of a second on an idle machine.
    assert statistics.median(times) < 1.5


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
        ("evaluate", ["data", "hardware", "model"], ["split: test"]),
        ("convert", [], ["source: ???", "verify: false"]),
        ("dashboard", [], ["port: 8040"]),
    ],
)
def test_help_of_a_command(infoxlm, command, groups, keys):
    code, out, err = infoxlm(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"infoxlm {command}: ")
    for line in (*(f"{group}: {', '.join(options(group))}" for group in groups), *keys):
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


# Mistakes

BASE = "model=tiny data=sample"
MISTAKES = [
    # command, flag
    ("trian", ["'trian'", "Did you mean train?", "evaluate"]),
    ("frobnicate", ["'frobnicate'", "train, evaluate, convert, dashboard"]),
    ("--cofnig", ["'--cofnig'", "train, evaluate"]),
    ("train --nonsense", ["--nonsense", "--hydra-help"]),
    ("train --cfg", ["--cfg", "expected one argument"]),
    ("train --cfg jbo", ["--cfg", "'jbo'", "'job'"]),
    # key
    ("train lr=1", ["lr:", "Did you mean optimizer.learning_rate?"]),
    ("train optimizer.lr=1", ["optimizer.lr:", "Did you mean optimizer.learning_rate?"]),
    ("train trainer.max_step=2", ["trainer.max_step:", "Did you mean trainer.max_steps?"]),
    ("train +sed=2", ["sed:", "Did you mean seed?"]),
    ("train +data.max_lenght=9", ["data.max_lenght:", "Did you mean data.max_length?"]),
    ("train ++optimizer.momentum=9", ["optimizer.momentum:", "--help"]),
    ("train model.shape.hidden_size=64", ["model.shape", "model=tiny"]),
    ("train model.shape={hidden_size:64}", ["model.shape", "model=tiny"]),
    ("train foo.bar=1", ["foo", "infoxlm train --help"]),
    ("evaluate trainer.epochs=1", ["trainer", "infoxlm evaluate --help"]),
    ("dashboard prot=3", ["prot", "Did you mean port?"]),
    # group, option
    ("train modle=tiny", ["modle", "Did you mean model?"]),
    ("train model=infoxlm_bse", ["model=infoxlm_bse", "Did you mean infoxlm_base?", "tiny"]),
    ("train experiment=dmeo", ["experiment=dmeo", "Did you mean demo?", "quick_verify"]),
    ("train hardware=tpu", ["hardware=tpu", "cpu, gpu, gpu_bf16, gpu_fp16"]),
    ("train model=???", ["model", "infoxlm_large"]),
    # type
    ("train seed=abc", ["seed", "'abc'", "Integer"]),
    ("train trainer.epochs=2.5", ["trainer.epochs", "'2.5'", "Integer"]),
    ("train model.recompute=maybe", ["model.recompute", "'maybe'", "bool"]),
    ("train hardware.amp=fp8", ["hardware.amp", "'fp8'", "none, bf16, fp16"]),
    ("train trainer.select_on=test", ["trainer.select_on", "'test'", "dev_average, dev_en"]),
    ("train data.eval_languages=en", ["data.eval_languages", "list"]),
    ("train data.cache_dir=null", ["data.cache_dir", "not Optional"]),
    ("train trainer=fast", ["trainer", "fast"]),
    ("convert source=a target=b direction=up", ["direction", "'up'", "to_paddle, to_torch"]),
    ("dashboard port=http", ["port", "'http'"]),
    # language
    ("train data.train_languages=[xx]", ["data.train_languages", "'xx'", "ar bg de"]),
    ("train data.eval_languages=[EN]", ["data.eval_languages", "'EN'", "Did you mean en?"]),
    ("train data.eval_languages=[en,en]", ["data.eval_languages", "each once"]),
    ("train data.eval_languages=[]", ["data.eval_languages", "at least one"]),
    (f"train {BASE} data.train_languages=[de]", ["train pairs in de", "data.train_languages"]),
    # path
    ("train data.root=/no/such model=tiny", ["data.root=/no/such", "Give"]),
    ("train data=sample data.train_root=/no/such", ["data.train_root=/no/such", "Give"]),
    ("train data=sample model.checkpoint=/no/such", ["model.checkpoint=/no/such", "Give a run"]),
    ("convert source=./no/such target=x", ["./no/such", "Give"]),
    ("dashboard folder=/no/such", ["/no/such", "outputs"]),
    (f"train {BASE} data.cache_dir=/proc/x", ["/proc/x", "Set data.cache_dir"]),
    (f"train {BASE} hydra.run.dir=/proc/x", ["/proc/x", "hydra.run.dir=FOLDER"]),
    # range
    ("train data.max_length=9999", ["data.max_length=9999", "from 8 to 512"]),
    ("train optimizer.learning_rate=-1", ["optimizer.learning_rate=-1", "above 0"]),
    ("train optimizer.learning_rate=nan", ["optimizer.learning_rate=nan", "above 0"]),
    ("train trainer.effective_batch_size=0", ["trainer.effective_batch_size=0", "1 or more"]),
    ("train model=tiny model.shape.hidden_size=0", ["model.shape.hidden_size=0", "1 or more"]),
    (f"train {BASE} model.shape.vocab_size=9", ["model.shape.vocab_size=9", "1000 or more"]),
    ("train optimizer.name=sgd", ["optimizer.name=sgd", "adamw or adam"]),
    ("train hardware.device=gpu:x", ["hardware.device=gpu:x", "gpu:N"]),
    ("train hardware.amp=bf16", ["hardware.amp=bf16", "hardware=gpu_bf16"]),
    ("evaluate split=train", ["split=train", "dev or test"]),
    ("dashboard port=0", ["port=0", "from 1 to 65535"]),
    # combination
    ("train optimizer=adam optimizer.weight_decay=0.1", ["weight_decay=0.1", "optimizer=adamw"]),
    ("train trainer.select_on=dev_en data.eval_languages=[de]", ["select_on=dev_en", "Add en"]),
    # missing
    ("convert", ["source is not set", "infoxlm convert source=VALUE"]),
    ("convert source=a", ["target is not set", "infoxlm convert target=VALUE"]),
    ("train optimizer.learning_rate=???", ["optimizer.learning_rate is not set", "=VALUE"]),
    ("train ~data", ["data is not set", "data=VALUE"]),
    (f"train {BASE} model.shape=null", ["model.checkpoint is not set", "model=tiny"]),
    ("evaluate model=tiny data=sample", ["model.checkpoint is not set", "Give a run"]),
    # junk
    ("train data.root", ["data.root", "KEY=VALUE"]),
    ("train trainer.max_steps={", ["trainer.max_steps={", "KEY=VALUE"]),
    ("train data.root=a[b", ["data.root=a[b", "quotes"]),
    ("train =3", ["--help"]),
    ("train seed=1,2", ["seed=1,2", "--multirun"]),
    ("train --multirun seed=abc,1", ["seed", "'abc'"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_mistakes_are_one_line(infoxlm, line, expected):
    heavy = {"paddle", "torch"} & sys.modules.keys()
    code, out, err = infoxlm(*line.split())
    assert code not in (0, None)
    assert out == ""
    assert err.startswith("infoxlm: error: ")
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    for part in expected:
        assert part in err
    assert {"paddle", "torch"} & sys.modules.keys() == heavy
    left = [path for path in Path.cwd().rglob("*") if path.name != "multirun.yaml"]
    assert not [path for path in left if path.is_file()]
    assert not left or "--multirun" in line


@pytest.mark.parametrize(
    "line",
    [
        f"train {BASE} data.train_languages=[de]",
        "train data=sample model.checkpoint=/no/such",
        "evaluate model=tiny data=sample",
        "convert source=/no/such target=x",
    ],
)
def test_late_mistakes_are_told_without_paddle(line, tmp_path):
    code = (
        "import sys; from infoxlm.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print({'paddle', 'torch'} & {*sys.modules})"
    )
    finished = python(code, *line.split(), cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stdout == "set()\n"
    assert finished.stderr.startswith("infoxlm: error: ")


def test_mistake_found_by_the_model_leaves_no_folder(infoxlm):
    code, _, err = infoxlm("train", *TINY, "model.shape.num_attention_heads=5")
    assert code == 1
    assert err.splitlines()[-1].startswith("infoxlm: error: hidden_size=32 is not a multiple")
    assert not list(Path.cwd().iterdir())


def test_programming_error_keeps_its_traceback_and_its_folder(infoxlm, monkeypatch):
    from infoxlm.tasks import dashboard, train

    def broken(config, folder):
        raise KeyError("a bug")

    monkeypatch.setattr(train, "run", broken)
    with pytest.raises(KeyError, match="a bug"):
        infoxlm("train", *TINY)
    assert list(Path.cwd().glob("outputs/train/default/*/.hydra/config.yaml"))
    monkeypatch.setattr(dashboard, "run", broken)
    with pytest.raises(KeyError, match="a bug"):
        infoxlm("dashboard")


def test_folder_that_holds_something_stays(tmp_path):
    folder = tmp_path / "run"
    (folder / ".hydra").mkdir(parents=True)
    (folder / "results.json").write_text("{}")
    cli.remove_untouched(folder, "train")
    assert (folder / "results.json").is_file()
    (folder / "results.json").rename(folder / "notes.log")  # the user's own, before the run
    cli.remove_untouched(folder, "train")
    assert (folder / "notes.log").is_file()
    (folder / "notes.log").unlink()
    (folder / "train.log").write_text("started\n")
    cli.remove_untouched(folder, "train")
    assert not folder.exists()
    assert tmp_path.is_dir()


def test_interrupt(infoxlm, monkeypatch):
    from infoxlm.tasks import dashboard

    def interrupted(config, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard, "run", interrupted)
    assert infoxlm("dashboard") == (130, "", "infoxlm: interrupted\n")


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


@pytest.mark.parametrize("lengths", ["32,9999", "9999,32"])
def test_one_failing_job_does_not_stop_the_others(infoxlm, lengths):
    code, _, err = infoxlm("train", "-m", *TINY, f"data.max_length={lengths}")
    assert code == 1
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("infoxlm: error: data.max_length=9999 is out of range")
    (result,) = results_below(Path.cwd()).values()
    assert result["settings"]["data.max_length"] == 32


def test_as_a_module_in_a_process_of_its_own(tmp_path):
    words = [sys.executable, "-m", "infoxlm", "train", *TINY]
    finished = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Test accuracy" in finished.stdout
    assert "arning" not in finished.stderr
    (result,) = results_below(tmp_path).values()
    assert result["steps"] == 2


# Completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("infoxlm ", "train evaluate convert dashboard"),
        ("infoxlm tr", "train"),
        ("infoxlm x", ""),
        ("infoxlm frobnicate mo", ""),
        ("infoxlm train mod", "model. model="),
        ("infoxlm train model=", " ".join(f"model={option}" for option in options("model"))),
        ("infoxlm train model=ti", "model=tiny"),
        ("infoxlm train model=tiny opt", "optimizer. optimizer="),
        ("infoxlm train trainer.max", "trainer.max_steps="),
        ("infoxlm train experiment=q", "experiment=quick_verify"),
        ("infoxlm evaluate spl", "split="),
        ("infoxlm convert dir", "direction="),
        ("infoxlm dashboard p", "port="),
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
    reason="infoxlm is not installed beside this Python, or there is no bash",
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
    checkout = Path(__file__).parents[1]
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
    for folder, pattern in (("conf", "*.yaml"), ("infoxlm/data/sample", "*.tsv")):
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
