"""Sweeps from the command line, with Hydra's basic launcher and with joblib's."""

import json
import re
from pathlib import Path

import pytest

TINY = (
    "model=tiny", "data=sample", "data.limit_train=16", "data.limit_eval=3", "data.max_length=32",
    "data.eval_languages=[en,de]", "trainer.effective_batch_size=8", "trainer.max_steps=2",
    "trainer.eval_every=1",
)  # fmt: skip
SAMPLE = Path(__file__).parents[2] / "infoxlm" / "data" / "sample"
RESUME = re.compile(r"Run just those with: infoxlm (train --multirun sweep\.resume=\S+)\n")


def states(sweep):
    return {
        path.parent.name: json.loads(path.read_text())["state"] for path in sweep.glob("*/job.json")
    }


def test_failed_jobs_are_recorded_and_run_again(infoxlm, tmp_path):
    late = tmp_path / "late"
    code, out, err = infoxlm("train", "-m", *TINY, "seed=1,2", f"data.root=embedded,{late}")
    (sweep,) = Path.cwd().glob("outputs/sweeps/default/*")
    assert code == 1
    assert states(sweep) == {"0": "finished", "1": "failed", "2": "finished", "3": "failed"}
    assert f"job 3 data.root={late} seed=2 failed: data.root={late} does not exist" in err
    assert "2 of 4 runs finished" in out
    record = json.loads((sweep / "3" / "job.json").read_text())
    assert record["problem"] == f"data.root={late} does not exist"
    assert record["remedy"]
    done = {n: (sweep / n / "results.json").stat().st_mtime_ns for n in "02"}

    late.symlink_to(SAMPLE)  # what was missing is there now
    code, out, err = infoxlm(*RESUME.search(err)[1].split())
    assert (code, states(sweep)) == (0, dict.fromkeys("0123", "finished"))
    assert {n: (sweep / n / "results.json").stat().st_mtime_ns for n in "02"} == done
    values = [json.loads((sweep / n / "job.json").read_text())["value"] for n in "0123"]
    assert values[0] == values[1]  # the same seed and data
    assert "4 of 4 runs finished" in out
    assert {"results.md", "results.csv", "results.png"} <= {x.name for x in sweep.iterdir()}

    assert infoxlm("report", f"sweep={sweep}").code == 0
    # a job that came to its end, but was killed before it could write that down
    (sweep / "2" / "job.json").write_text('{"state": "running"}')
    assert infoxlm("train", f"sweep.resume={sweep}").code == 0
    assert json.loads((sweep / "2" / "job.json").read_text())["value"] == values[2]
    assert (sweep / "2" / "results.json").stat().st_mtime_ns == done["2"]


def test_repeats_take_the_earlier_result(infoxlm):
    code, out, err = infoxlm(
        "train", "-m", *TINY, "seed=1,2,1", "optimizer.learning_rate=1e-3,0.001"
    )
    (sweep,) = Path.cwd().glob("outputs/sweeps/default/*")
    assert (code, states(sweep)) == (0, dict.fromkeys("012345", "finished"))
    records = [json.loads((sweep / n / "job.json").read_text()) for n in "012345"]
    assert [record["repeats"] for record in records] == [None, 0, None, 2, 0, 0]
    assert {n for n in "012345" if (sweep / n / "results.json").exists()} == {"0", "2"}
    assert records[5]["value"] == records[0]["value"]
    assert "job 4 repeats job 0, and takes its result" in out + err
    assert "4 of them repeat an earlier one" in out
    assert "mean of 2" in out

    (sweep / "4" / "job.json").unlink()
    assert infoxlm("train", f"sweep.resume={sweep}").code == 0
    assert json.loads((sweep / "4" / "job.json").read_text())["repeats"] == 0


@pytest.fixture
def figures(monkeypatch):
    """Replaces training by a formula; what was run is listed."""
    from infoxlm.commands import train

    run = []

    def formula(config, folder):
        run.append(folder)
        return 0.5 - (config.optimizer.learning_rate - 0.01) ** 2 + config.seed / 10

    monkeypatch.setattr(train, "run", formula)
    return run


SPACE = ("optimizer.learning_rate=tag(log,interval(1e-4,1e-1))", "seed=choice(1,2)",
         "scheduler.warmup_ratio=choice(0.0,1.5)")  # fmt: skip


def test_a_longer_search_is_one_that_began_as_long(infoxlm, figures):
    """Past the ten random trials of TPE, also where trials fail."""
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    line = ("train", "-m", *TINY, "+sweep=optuna", *SPACE)
    for trials in (4, 12):
        first = [*line, f"hydra.sweeper.n_trials={trials}", "hydra.sweep.dir=longer"]
        more = ["train", "sweep.resume=longer", f"hydra.sweeper.n_trials={trials}"]
        code, _, err = infoxlm(*(first if trials == 4 else more))
        assert code == (1 if "failed" in states(Path("longer")).values() else 0), err
    count = len(figures)
    infoxlm(*line, "hydra.sweeper.n_trials=12", "hydra.sweep.dir=once")
    longer, once = (json.loads(Path(x, "sweep.json").read_text()) for x in ("longer", "once"))
    assert longer["jobs"] == once["jobs"]
    assert len(once["jobs"]) == 12
    assert states(Path("longer")) == states(Path("once"))
    assert set(states(Path("once")).values()) == {"finished", "failed"}
    assert len(figures) == 2 * count  # nothing was run twice
    best = "optimization_results.yaml"
    assert Path("longer", best).read_text() == Path("once", best).read_text()
    assert "hydra.sweeper.n_trials=12" in longer["words"]


def test_search_in_hydra_s_own_spelling_looks_for_the_highest(infoxlm, figures):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    words = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=6", "seed=choice(1,2)"]
    assert infoxlm("train", "-m", *TINY, *words, "hydra.sweep.dir=x").code == 0
    assert "seed: 2" in Path("x", "optimization_results.yaml").read_text()
    assert len(figures) == 2
    assert infoxlm("train", "sweep.resume=x", "hydra.sweeper.n_trials=8").code == 0
    assert len(states(Path("x"))) == 8


def test_programming_errors_leave_a_traceback(infoxlm, monkeypatch):
    from infoxlm.commands import train

    run = train.run

    def broken(config, folder):
        if config.seed == 1:
            raise KeyError("a bug")
        return run(config, folder)

    monkeypatch.setattr(train, "run", broken)
    code, _, err = infoxlm("train", "-m", *TINY, "seed=1,2")
    (sweep,) = Path.cwd().glob("outputs/sweeps/default/*")
    assert (code, states(sweep)) == (1, {"0": "failed", "1": "finished"})
    assert "job 0 seed=1 failed: KeyError: 'a bug'" in err
    assert "Traceback" not in err
    assert "in broken" in (sweep / "0" / "traceback.txt").read_text()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["optimizer.learning_rate=1e-4,abc"], "optimizer.learning_rate: Value 'abc'"),
        (["optimizer.learning_rate=1e-4,-1"], "optimizer.learning_rate=-1.0 is out of range"),
        (["optimizer.lr=1,2"], "Did you mean optimizer.learning_rate?"),
        (["+foo=1,2"], "foo: there is no such key"),
        (["seed=interval(1,3)"], "seed=interval(1,3): an interval has no end of values"),
        (["optimizer.name=adamw,adam", "optimizer.weight_decay=0.1"], "weight_decay=0.1 with"),
    ],
)
def test_a_wrong_value_is_refused_before_the_first_job(words, named, infoxlm):
    code, out, err = infoxlm("train", "-m", *TINY, *words)
    assert code == 1
    assert named in err
    assert err.count("infoxlm: error") == 1
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("word", "other"),
    [("experiment=glob(none*)", "seed=range(1,3)"), ("seed=range(3,3)", "task=glob(cl*)")],
)
def test_a_sweep_without_runs_is_a_mistake(word, other, infoxlm):
    code, _, err = infoxlm("train", "-m", *TINY, other, word)
    assert code == 1
    assert f"the sweep has no runs: {word} gives no value. Write the values out" in err
    assert not list(Path.cwd().iterdir())


def test_two_do_not_run_the_same_sweep(infoxlm, tmp_path):
    from infoxlm.files.lock import lock_folder

    sweep = tmp_path / "sweep"
    assert infoxlm("train", "-m", *TINY, "seed=1", f"hydra.sweep.dir={sweep}").code == 0
    with lock_folder(sweep):
        code, _, err = infoxlm("train", f"sweep.resume={sweep}")
    assert code == 1
    assert "another process is at work in" in err
    assert "hydra.sweep.dir=FOLDER" in err
    assert infoxlm("train", f"sweep.resume={sweep}").code == 0


def test_plugins_that_are_not_installed(infoxlm):
    code, _, err = infoxlm("train", "-m", *TINY, "seed=1,2", "+launcher=ray")
    if code == 0:
        pytest.skip("ray is installed")
    assert 'Install it: pip install "infoxlm[ray]".' in err


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_report_of_what_is_no_sweep(folder, infoxlm):
    code, _, err = infoxlm("report", f"sweep={folder}")
    assert code == 1
    assert "Give the folder of a sweep" in err


@pytest.mark.parametrize(
    "text", ["[" * 3000 + "]" * 3000, '{"jobs": 1e999}', "7", '{"command": []}']
)
@pytest.mark.parametrize("words", [("report", "sweep=odd"), ("train", "-m", "sweep.resume=odd")])
def test_odd_record_is_told_in_one_line(words, text, infoxlm):
    Path("odd").mkdir()
    Path("odd", "sweep.json").write_text(text)
    code, out, err = infoxlm(*words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "sweep.json is damaged" in err


@pytest.mark.parametrize("words", [("report", "sweep={}"), ("train", "-m", "sweep.resume={}")])
def test_names_that_cannot_be_are_told_in_one_line(words, infoxlm):
    code, _, err = infoxlm(*(word.format("a" * 300) for word in words))
    assert (code, err.count("\n")) == (1, 1)
    assert "File name too long" in err


def test_words_of_a_stranger_s_folder_are_named(infoxlm, tmp_path):
    record = {"command": "train", "directory": "", "started": "", "jobs": [["seed=1"]]}
    words = [*TINY, "seed=1", "hydra.job_logging.root.level=ERROR"]
    (tmp_path / "sweep.json").write_text(json.dumps(record | {"words": words}))
    code, out, err = infoxlm("train", f"sweep.resume={tmp_path}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "not taken from a folder, which anybody may have written: hydra.job_logging.root" in err
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.json", "empty"}
