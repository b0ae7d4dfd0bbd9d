"""Every table that is printed or written, with brackets and bars in all that comes from outside."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from infoxlm.commands.train import replay_table
from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate import report
from infoxlm.evaluate.plot import plot_results
from infoxlm.reporting.console import show
from infoxlm.retrieval import report as retrieval_report
from infoxlm.retrieval.scores import RetrievalScores
from infoxlm.runs.outcome import Check
from infoxlm.runs.reproduction import Reproduction, terminal_reproduction, write_reproduction
from infoxlm.runs.run_comparison import compare_runs
from infoxlm.runs.run_comparison_report import terminal_comparison, write_comparison
from infoxlm.sweep.job_record import JobRecord, JobState
from infoxlm.sweep.sweep_record import SweepRecord
from infoxlm.sweep.sweep_report import markdown, terminal
from infoxlm.sweep.sweep_results import SweepResults
from infoxlm.train.failed_step import FailedStep

#: A name, a list of languages as it is typed, a path, a label, a number's place.
ODD = ("n[/final]", "[en,de]", "/d[en]/[bold]", "l|[a]", "$x$ :smile:")
NAME, LANGS, PATH, LABEL, MONEY = ODD


@pytest.fixture
def shown(monkeypatch):
    """Print in an encoding, and return the text."""

    def printed(renderable, encoding):
        file = io.TextIOWrapper(io.BytesIO(), encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", file)
            patch.setenv("COLUMNS", "400")
            show(renderable)
        return file.detach().getvalue().decode(encoding)

    return printed


@pytest.fixture
def comparison(make_run):
    right = dict.fromkeys(LANGUAGES, np.arange(30) % 2 == 0)
    files = [{f"{PATH}/{name}/en.tsv": digit * 64} for name, digit in (("a", "1"), ("b", "2"))]
    names = {"experiment": NAME, "model": LABEL, "data": MONEY}
    first, second = (
        make_run(
            folder, right, {"data.train_languages": languages, LABEL: value},
            {"data": data, "packages": {NAME: value}, "git": {"commit": value}}, **names,
        )
        for folder, languages, value, data in zip(
            ("a[b]", "c[/d]"), (LANGS, "[en]"), (PATH, MONEY), files, strict=True
        )
    )  # fmt: skip
    return compare_runs(first, second)


def written(comparison, scores_of, tmp_path):
    """Each report: its name, what is printed, its Markdown, and what has to stand in both."""
    told = (NAME, LABEL, MONEY)
    scores = scores_of({"en": np.ones(30, bool), "de": np.ones(30, bool)})
    results = {
        "task": "train", "experiment": NAME, "model": LABEL, "data": MONEY,
        "test": scores.as_dict(),
        "settings": {"data.train_languages": LANGS, "data.root": PATH},
    }  # fmt: skip
    yield "report", report.terminal_report(results), report.markdown_report(results, tmp_path), told

    found = RetrievalScores()
    for layer in (0, 1):
        found.add(layer, "de", 10, {"en_to_xx": 5, "xx_to_en": 6})
    retrieved = results | found.as_dict() | {"task": "retrieve", "retrieve": {"seconds": 1.0}}
    retrieved["retrieve"] |= {"sentences": 1, "encoded": 1, "encoding_seconds": 1.0}
    retrieved["settings"] = retrieved["settings"] | {
        "pooling": "mean", "special_tokens": "true", "similarity": "cosine", "prefix": LABEL
    }  # fmt: skip
    (tmp_path / "retrieved").mkdir()
    retrieval_report.write_retrieval_report(retrieved, tmp_path / "retrieved")
    text = (tmp_path / "retrieved" / "results.md").read_text()
    yield "retrieval", retrieval_report.terminal_report(retrieved), text, told

    write_comparison(comparison, tmp_path)
    text = (tmp_path / "compare.md").read_text()
    yield "comparison", terminal_comparison(comparison), text, (*ODD, "a[b]", "c[/d]", "[en]")

    again = Reproduction(
        comparison.first, comparison.second, [Check(LABEL, False, f"{PATH} {NAME}")]
    )
    write_reproduction(again, tmp_path)
    text = (tmp_path / "repeat.md").read_text()
    yield "repetition", terminal_reproduction(again), text, (*ODD, "[en]")

    sweep = tmp_path / "s[w]"
    jobs = [[f"data.train_languages={LANGS}", "seed=1"], [f"name={LABEL}", "seed=2"]]
    SweepRecord("train", [PATH], str(tmp_path), "2026-11-22", jobs=[*jobs, jobs[0]]).write(sweep)
    for number, run in enumerate((comparison.first, comparison.second)):
        Path(run.folder).rename(sweep / str(number))
        JobRecord(JobState.finished, value=0.5).write(sweep / str(number))
    JobRecord(JobState.failed, problem=f"{NAME} | {PATH}").write(sweep / "2")
    swept = SweepResults.read(sweep)
    yield "sweep", terminal(swept), markdown(swept), (LANGS, LABEL)


def test_printed_and_written(comparison, scores_of, shown, tmp_path):
    seen = []
    for name, renderable, text, told in written(comparison, scores_of, tmp_path):
        seen.append(name)
        for encoding in ("utf-8", "ascii"):
            out = shown(renderable, encoding)
            for part in told:
                assert part in out, (name, encoding)
        for part in told:
            assert part in text.replace("\\|", "|"), name
        for table in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
            columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(columns) == 1, (name, table)
    assert seen == ["report", "retrieval", "comparison", "repetition", "sweep"]


def test_replayed_step(shown):
    class Replayed(FailedStep):
        parameters = (NAME,)

    pair = {"language": LANGS, "file": PATH, "row": 1, "tokens": 2, "loss": None}
    out = shown(replay_table(Replayed(1, 0.1, None, None, [pair])), "utf-8")
    for part in (NAME, LANGS, PATH):
        assert part in out


def test_pictures_take_dollars_for_dollars(comparison, tmp_path):
    scores = comparison.first.results["test"]
    for name in ("$x$", "$ $", "a$\\frac$"):
        results = {"task": "train", "experiment": name, "model": name, "data": name, "test": scores}
        plot_results(results, tmp_path / "results.png")
        assert (tmp_path / "results.png").stat().st_size > 1000
