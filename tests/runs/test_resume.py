import json
import logging
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from infoxlm.errors import UserError
from infoxlm.files.lock import LOCK, lock_folder
from infoxlm.runs import resume
from infoxlm.runs.resume import fingerprint, folder_to_write, record_resume
from infoxlm.runs.run_folder import RESULTS, RUN_RECORD
from infoxlm.runs.run_record import plain_config, write_run_record
from infoxlm.runs.settings import flat_settings

DATA = {"/data/train/en.tsv": "a1", "/data/dev/en.tsv": "b2"}
WEIGHTS = {"/weights/model.safetensors": "c3"}
HOLD = """
import sys
from pathlib import Path
from infoxlm.files.lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The root logger without pytest's own files, which would move as well."""
    handlers = [x for x in logging.getLogger().handlers if not isinstance(x, logging.FileHandler)]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)


@pytest.fixture
def runs(tmp_path):
    """The folder of a command's runs."""
    return tmp_path / "outputs" / "train"


@pytest.fixture
def begun(runs, train_config):
    """Makes the folder of a run that began at some second."""

    def begin(name, second=0, config=None, data=DATA, weights=WEIGHTS):
        folder = runs / name
        folder.mkdir(parents=True)
        record = {
            "started": f"2026-11-22T14:00:{second:02}+00:00",
            "data": data,
            "weights": weights,
            "config": plain_config(config or train_config()),
        }
        (folder / RUN_RECORD).write_text(json.dumps(record))
        return folder

    return begin


@pytest.fixture
def chosen(runs, train_config):
    """Tells which folder is written, and whether a run in it is resumed."""

    def choose(resume="auto", new="name/new", data=DATA, weights=WEIGHTS, config=None):
        config = config or train_config()
        config = replace(config, trainer=replace(config.trainer, resume=resume and str(resume)))
        wanted = fingerprint(flat_settings(config), data, weights)
        with folder_to_write(config.trainer.resume, runs / new, wanted) as (folder, resumed):
            assert (folder / LOCK).exists()
        assert not (folder / LOCK).exists()
        return folder.relative_to(runs).as_posix(), resumed

    return choose


# auto


def test_newest_unfinished_run_is_resumed(begun, chosen):
    begun("name/a", 5)
    begun("name/b", 7)
    begun("other/c", 6)
    assert chosen() == ("name/b", True)


def test_of_two_of_one_second_the_later_name_is_the_newer(begun, chosen):
    begun("name/14-00-00_000002", 5)
    begun("name/14-00-00_000001", 5)
    assert chosen() == ("name/14-00-00_000002", True)


def test_without_one_a_run_begins(begun, chosen, caplog):
    with caplog.at_level(logging.INFO):
        assert chosen() == ("name/new", False)
    assert "No unfinished run of this configuration: a new one begins" in caplog.text


def test_finished_ones_are_passed_over(begun, chosen):
    begun("name/a", 5)
    (begun("name/b", 7) / RESULTS).write_text("{}")
    assert chosen() == ("name/a", True)


def test_the_given_folder_is_resumed_wherever_it_is(begun, chosen):
    folder = begun("../../mine", 5)
    begun("name/newer", 7)
    assert chosen(new="../../mine") == ("../../mine", True)
    assert sorted(path.name for path in folder.iterdir()) == [RUN_RECORD]


def test_jobs_of_a_sweep_find_their_like(begun, chosen, train_config):
    for number, seed in enumerate((1, 2, 3)):
        begun(f"time1/{number}", 5, train_config(seed=seed))
    assert chosen(new="time2/0", config=train_config(seed=2)) == ("time1/1", True)


@pytest.mark.parametrize("folder", ["/run", "run", "."])
def test_a_folder_without_grandparents_has_no_neighbours(folder, train_config, monkeypatch):
    monkeypatch.setattr(resume, "lock_folder", nullcontext)  # nothing is written there
    wanted = fingerprint(flat_settings(train_config()), DATA, WEIGHTS)
    with folder_to_write("auto", Path(folder), wanted) as chosen:
        assert chosen == (Path(folder), False)


@pytest.fixture
def held():
    """Has another process hold a folder."""
    started = []

    def hold(folder):
        words = [sys.executable, "-c", HOLD, folder]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_locked_runs_are_passed_over(begun, chosen, held, caplog):
    begun("name/a", 5)
    held(begun("name/b", 7))
    with caplog.at_level(logging.INFO):
        assert chosen() == ("name/a", True)
    assert "another process is at work in" in caplog.text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": 7}', '{"config": {"unknown": 1}}'])
def test_damaged_records_are_named_and_passed_over(text, begun, chosen, caplog):
    begun("name/a", 5)
    (begun("name/b", 7) / RUN_RECORD).write_text(text)
    assert chosen() == ("name/a", True)
    (message,) = caplog.messages
    assert "name/b is passed over: " in message


# A run that is named


def test_the_named_run_is_resumed(begun, chosen, tmp_path, monkeypatch):
    run = begun("name/a", 5)
    begun("name/newer", 7)
    assert chosen(run) == ("name/a", True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert chosen("~/outputs/train/name/a") == ("name/a", True)


def test_another_configuration_and_other_files_make_another_run(begun, chosen, train_config):
    run = begun("name/a")
    for changes in ({"config": train_config(seed=2)}, {"data": {}}, {"weights": {}}):
        assert chosen(**changes) == ("name/new", False)
    with pytest.raises(UserError) as refused:
        chosen(run, config=train_config(seed=2, max_steps=7), data={})
    assert refused.value.problem == (
        f"trainer.resume={run} began with seed=1 instead of 2, trainer.max_steps=6 instead of 7, "
        "data files of other content"
    )
    assert "Give the configuration it began with" in refused.value.remedy


def test_a_finished_or_missing_or_busy_run_is_refused(begun, chosen, held, runs):
    run = begun("name/a")
    with lock_folder(run), pytest.raises(UserError, match="another process is at work"):
        chosen(run)
    held(run)
    with pytest.raises(UserError, match="another process is at work"):
        chosen(run)
    (begun("name/b") / RESULTS).write_text("{}")
    with pytest.raises(UserError, match=r"name/b: that run is finished\. Score it"):
        chosen(runs / "name/b")
    with pytest.raises(UserError, match="^trainer.resume=.*name/c does not exist"):
        chosen(runs / "name/c")
    assert not (runs / "name" / "c").exists()


def test_what_is_no_training_run_is_refused(begun, chosen, tmp_path):
    def refusal(folder):
        with pytest.raises(UserError) as refused:
            chosen(folder)
        return refused.value.problem, refused.value.remedy

    remedy = "Give a folder that `infoxlm train` wrote, such as outputs/train/NAME/TIME."
    (tmp_path / "file").touch()
    for place, problem in (
        ("file", "is a file"),
        (".", "is not the folder of a run: it has no run.json"),
        ("absent", "does not exist"),
    ):
        assert refusal(tmp_path / place) == (f"trainer.resume={tmp_path / place} {problem}", remedy)

    scoring = begun("name/a")
    record = json.loads((scoring / RUN_RECORD).read_text())
    del record["config"]["trainer"]
    (scoring / RUN_RECORD).write_text(json.dumps(record))
    for _ in range(2):  # unfinished, then finished
        told = f"trainer.resume={scoring} is a scoring, not a training run"
        assert refusal(scoring) == (told, remedy)
        (scoring / RESULTS).write_text("{}")

    (begun("name/b") / RUN_RECORD).write_text("{")
    assert refusal(scoring.parent / "b")[0].startswith(f"trainer.resume={scoring.parent / 'b'}: ")


def test_without_resume_a_folder_must_be_new(begun, chosen):
    begun("name/a")
    assert chosen(None) == ("name/new", False)
    with pytest.raises(UserError, match=r"holds an unfinished run .*trainer\.resume=.*name/a"):
        chosen(None, new="name/a")
    (begun("name/b") / RESULTS).write_text("{}")
    with pytest.raises(UserError, match="name/b holds a finished run already"):
        chosen(None, new="name/b")
    begun("name/c", data={})
    with pytest.raises(UserError, match="name/c holds an unfinished run already"):
        chosen(new="name/c", weights={})


def test_the_log_moves_with_the_run(begun, chosen, runs):
    run = begun("name/a")
    (runs / "name" / "new").mkdir()
    logging.getLogger().addHandler(logging.FileHandler(runs / "name" / "new" / "train.log"))
    chosen(run)
    logging.getLogger("infoxlm").warning("after")
    logging.getLogger().handlers[-1].close()
    assert (run / "train.log").read_text() == "after\n"


# run.json


def test_a_record_as_it_is_written_fits(runs, chosen, train_config):
    folder = runs / "name" / "a"
    folder.mkdir(parents=True)
    write_run_record(
        folder / RUN_RECORD, config=train_config(), device="cpu", data=DATA, weights=WEIGHTS
    )
    assert chosen() == ("name/a", True)


def test_each_resumption_is_recorded(begun):
    run = begun("name/a")
    before = json.loads((run / RUN_RECORD).read_text())
    record_resume(run)
    record_resume(run)
    after = json.loads((run / RUN_RECORD).read_text())
    assert [one["command"] for one in after.pop("resumed")] == [sys.argv, sys.argv]
    assert after == before
