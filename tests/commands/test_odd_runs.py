"""Runs' folders that somebody else, a crash or an editor has made odd: told in one line, or read.

Each case spoils a finished run in a way that follows from its number alone.
"""

import json
import logging
import os
import random
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from infoxlm.commands import compare, repeat, report, train
from infoxlm.errors import UserError
from infoxlm.runs.resume import fingerprint, newest_unfinished
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import CompareConfig, ReportConfig
from infoxlm.sweep import ending
from infoxlm.sweep.job_record import JobRecord, JobState
from infoxlm.sweep.sweep_record import SweepRecord

CASES = int(os.environ.get("INFOXLM_ODD_RUNS") or 40)

#: A value of this machine's environment, which no folder may have read.
SECRET = "sesame-3141"

FILES = ("run.json", "results.json", "predictions.jsonl", "metrics.jsonl")
VALUES = (
    None, True, False, -1, 0, 1, 2, 3.5, 10**30, -(10**30), 1e308,
    "", "x", "[en]", "[/final]", "en", "${oc.env:ODD_SECRET}", "${", "a\0b", "a\nb", "\x1b[2J",
    "../../..", "/", "²", "x" * 5000,
    [], {}, [[]], [1, 2, 3], ["x"], {"a": 1}, {"": ""}, {"a": {"b": [{}]}},
)  # fmt: skip
#: JSON that Python would not write: put in where a value was.
RAW = (
    "NaN", "-Infinity", "1e400", "9" * 400, "9" * 5000, "[" * 70 + "]" * 70, "[" * 900 + "]" * 900,
    '{"a":' * 500 + "1" + "}" * 500, '"\\ud800"', "01", "'x'", "",
)  # fmt: skip
TEXTS = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"7",
    b"{",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"\n\n\n",
    b'"x"',
)


class ReachedError(Exception):
    """The run would have begun again: nothing was found odd, or nothing that matters."""


def spoil(folder, number):
    """Make a finished run odd, once or a few times."""
    draw = random.Random(number)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        file = folder / draw.choice(FILES)
        if file.is_file() and draw.random() < 0.85:
            lines = file.read_text(errors="replace").splitlines()
            if file.suffix == ".jsonl" and lines:
                spoil_lines(lines, draw)
                file.write_text("\n".join(lines) + "\n" * draw.choice([0, 1, 1, 1]))
            else:
                file.write_text(spoilt("\n".join(lines), draw))
        else:
            spoil_file(file, draw)
    (folder / ".hydra").mkdir(exist_ok=True)
    (folder / ".hydra" / "config.yaml").write_text("data: ${oc.env:ODD_SECRET}\n&a: [*a\n")


def spoil_lines(lines, draw):
    place = draw.randrange(len(lines))
    match draw.choice(["value", "value", "value", "twice", "gone", "half", "swapped"]):
        case "value":
            lines[place] = spoilt(lines[place], draw)
        case "twice":
            lines.insert(draw.randrange(len(lines)), lines[place])
        case "gone":
            del lines[place:][: draw.choice([1, 2, 1000])]
        case "half":
            lines[place] = lines[place][: len(lines[place]) // 2]
        case "swapped":
            lines[place], lines[0] = lines[0], lines[place]


def spoil_file(file, draw):
    if file.is_dir():
        return
    file.unlink(missing_ok=True)
    match draw.choice(["text", "text", "gone", "folder", "circle", "pipe"]):
        case "text":
            file.write_bytes(draw.choice(TEXTS))
        case "folder":
            file.mkdir()
        case "circle":
            file.symlink_to(file.name)
        case "pipe":
            os.mkfifo(file)


def spoilt(text, draw):
    """JSON with one node changed: another value, none, one more, or JSON that is none."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    if not isinstance(content, dict | list) or not content:
        return json.dumps(draw.choice(VALUES))
    holder, key = place_in(content, draw)
    raw = draw.choice(RAW)
    match draw.choice(["value", "value", "raw", "gone", "more", "sibling"]):
        case "value":
            holder[key] = draw.choice(VALUES)
        case "raw":
            holder[key] = "RAW"
        case "gone":
            del holder[key]
        case "more" if isinstance(holder, list):
            holder.append(holder[key])
        case "more":
            holder[draw.choice(["", "x", "task", "average", "en", "all"])] = draw.choice(VALUES)
        case "sibling":
            holder[key] = holder[draw.choice(list(holder) if isinstance(holder, dict) else [0])]
    return json.dumps(content).replace('"RAW"', raw)


def place_in(holder, draw):
    """A key or position at any level, what stands further out as likely as all that is inside."""
    while True:
        key = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.5:
            return holder, key
        holder = inner


@pytest.fixture
def odd(trained, tmp_path, monkeypatch):
    """Copies of the finished run, spoilt by their numbers."""
    monkeypatch.setenv("ODD_SECRET", SECRET)

    def make(number, name="odd", where=tmp_path):
        folder = where / name
        ignored = shutil.ignore_patterns("checkpoints", "vdl", "*.png")
        shutil.copytree(trained.folder, folder, ignore=ignored)
        spoil(folder, number)
        return folder

    return make


def one_line(error):
    """Check what a user is told."""
    for text in (error.problem, error.remedy):
        assert SECRET not in text
        assert len(text) < 1500
    assert "\n" not in error.remedy


def nothing_was_read_of_the_environment(folder):
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("number", range(CASES))
def test_compare(number, odd, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare, "plot_differences", lambda *_: None)
    folder = odd(number)
    runs = [str(folder), str(trained.folder)]
    for run_a, run_b in (runs, runs[::-1]):
        try:
            compare.run(CompareConfig(run_a, run_b), tmp_path / "compared")
        except UserError as error:
            one_line(error)
    nothing_was_read_of_the_environment(tmp_path / "compared")
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("number", range(CASES))
def test_repeat(number, odd, tmp_path, compose, monkeypatch, caplog):
    def reached(config, folder):
        assert config.data.cache_dir == cache
        raise ReachedError

    monkeypatch.setattr(train, "run", reached)
    config = compose("repeat", f"run={odd(number)}")
    cache = config.cache_dir
    with caplog.at_level(logging.INFO):
        try:
            repeat.run(config, tmp_path / "again")
        except UserError as error:
            one_line(error)
        except ReachedError:
            assert f"the cache {cache}" in caplog.text
    assert SECRET not in caplog.text
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("number", range(CASES))
def test_report(number, odd, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ending, "plot_sweep", lambda *_: None)
    sweep = tmp_path / "sweep"
    jobs = [["seed=1"], ["seed=2"], ["seed=3"]]
    SweepRecord("train", ["model=tiny"], str(tmp_path), "2026-11-22", jobs=jobs).write(sweep)
    shutil.copytree(trained.folder, sweep / "1", ignore=shutil.ignore_patterns("checkpoints"))
    for name, spoiled_by in (("0", number), ("2", number + 1000)):
        odd(spoiled_by, name, sweep)
    for name in ("0", "1", "2"):
        JobRecord(JobState.finished, value=0.5).write(sweep / name)
    try:
        report.run(ReportConfig(str(sweep)), tmp_path)
    except UserError as error:
        one_line(error)
    assert SECRET not in capsys.readouterr().out
    nothing_was_read_of_the_environment(sweep)


@pytest.mark.parametrize("number", range(CASES))
def test_resume_passes_over_odd_neighbours(number, odd, trained, tmp_path, caplog):
    record = json.loads((trained.folder / "run.json").read_text())
    settings = flat_settings(trained.config)
    wanted = fingerprint(settings, record["data"], record["weights"])
    runs = tmp_path / "outputs" / "train" / "name"
    folder = odd(number, "odd", runs)
    if not (folder / "results.json").is_dir():
        (folder / "results.json").unlink(missing_ok=True)
    good = Path(shutil.copytree(trained.folder, runs / "good"))
    (good / "results.json").unlink()
    with ExitStack() as held:
        found = newest_unfinished(runs / "new", wanted, held)
    assert found in (good, folder)
    assert SECRET not in caplog.text
    assert all(message.startswith(f"{folder} is passed over: ") for message in caplog.messages)
