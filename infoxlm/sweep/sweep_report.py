"""A sweep's report: results.csv for programs, results.md for readers, tables for the terminal."""

import csv
import shlex
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group as Rendered
from rich.console import RenderableType
from rich.text import Text

from infoxlm.evaluate.scores import ENGLISH, Metric
from infoxlm.files.atomic import atomic_file
from infoxlm.reporting.sections import Section
from infoxlm.sweep.job import resuming_command
from infoxlm.sweep.job_record import TRACEBACK
from infoxlm.sweep.recorded_words import FLAGS, printable, refused_words
from infoxlm.sweep.sweep_record import SweepRecord
from infoxlm.sweep.sweep_results import SEED, Group, SweepResults
from infoxlm.sweep.sweep_run import AVERAGE, GAP, SweepRun

CSV, MARKDOWN, PICTURE = "results.csv", "results.md", "results.png"

MEANS = "Mean ± standard deviation over seeds"

#: With more columns than these a table of languages is no longer read; results.csv has them all.
MOST_COLUMNS = 8
#: Rows of the terminal's table.
SHOWN = 12


def write_sweep_report(results: SweepResults) -> None:
    """Write results.csv and results.md; call it after the picture, so that it is shown."""
    with (
        atomic_file(results.folder / CSV) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        csv.writer(file).writerows(long_rows(results))
    with atomic_file(results.folder / MARKDOWN) as temporary:
        temporary.write_text(markdown(results), encoding="utf-8")


def long_rows(results: SweepResults) -> list[list[object]]:
    """A row a run, split and language, with a header; a run without scores has one row.

    So has one that repeats another: whoever averages over the rows must not count it twice.
    """
    rows: list[list[object]] = [
        ["job", "state", *results.keys, "split", "language", results.metric.name, "repeats"]
    ]
    for run in results.runs:
        start = [run.number, str(run.record.state), *run.varied.values()]
        found = [
            [split, name, run.figure(split, name), ""]
            for split in run.scores
            for name in (*results.languages, AVERAGE)
            if run.repeats is None
        ]
        repeats = "" if run.repeats is None else run.repeats
        rows += [[*start, *cells] for cells in found or [["", "", "", repeats]]]
    return rows


def markdown(results: SweepResults) -> str:
    """Render results.md."""
    title = f"# Sweep of {len(results.runs)} runs: {', '.join(results.keys) or 'nothing varied'}"
    blocks = [title, f"**{headline(results)}**"]
    if results.finished:
        if over_seeds(results):
            blocks.append(means(results).markdown())
        if (results.folder / PICTURE).exists():
            shown = heading(results.splits[0], results.chosen_by)
            blocks.append(f"![{shown} {results.metric.title} by what was varied]({PICTURE})")
        blocks.append(run_section(results).markdown())
        if len(results.groups()) <= MOST_COLUMNS:
            blocks.append(language_section(results).markdown())
        else:
            metric = results.metric.title
            blocks.append(f"The {metric} of every run in every language: [{CSV}]({CSV}).")
    if results.others:
        blocks.append(open_section(results).markdown())
        if results.can_resume:
            blocks.append(f"    {resuming_command(results.folder)}")
    blocks += ["## Asked for", *asked_for(results.record)]
    return "\n\n".join(blocks) + "\n"


def asked_for(record: SweepRecord) -> list[str]:
    """The command of a sweep, without words that nobody should copy out of a folder unread."""
    words = [word for word in record.words if word not in FLAGS]
    refused = refused_words(words, record.command)
    taken = [word for word in words if word not in refused]
    blocks = [f"    {shlex.join(['infoxlm', record.command, '--multirun', *taken])}"]
    if refused:
        shown = " ".join(f"`{printable(word)}`" for word in refused)
        blocks.append(f"And, not for copying before you know what it does: {shown}")
    return blocks


def terminal(results: SweepResults) -> RenderableType:
    """The report for a terminal: what is best, and the first rows of the table."""
    shown: list[RenderableType] = []
    if results.finished:
        best = means(results, most=2)
        more = len(best.rows) - SHOWN
        note = f"{more} more in {MARKDOWN}" if more > 0 else ""
        shown.append(replace(best, rows=best.rows[:SHOWN], note=note).terminal())
    return Rendered(*shown, Text(headline(results), style="bold"))


def headline(results: SweepResults) -> str:
    """The result in a sentence or two."""
    text = f"{len(results.finished)} of {len(results.runs)} runs finished."
    if repeats := len(results.repeats):
        one = repeats == 1
        text += f" {repeats} of them repeat{'s' * one} an earlier one, and count{'s' * one} once."
    groups = results.groups()
    if not groups:
        return text
    best, chosen = groups[0], (results.splits[0], results.chosen_by)
    where = heading(*chosen)
    which = f"Best on {where}: {typed(best)} with" if best.varied else f"On {where}"
    runs = "seeds" if SEED in results.keys else "runs"
    seeds = f", mean of {len(best.runs)} {runs}" if len(best.runs) > 1 else ""
    metric = results.metric
    unit = " %" if metric.percent else f" {metric.title}"
    text += f" {which} {figure(metric, best, *chosen)}{unit}{seeds}"
    if len(results.splits) > 1:
        text += f"; on {results.splits[1]} {figure(metric, best, results.splits[1], AVERAGE)}{unit}"
    return f"{text}.{unlike(results)}"


def unlike(results: SweepResults) -> str:
    """Say by what runs were scored where it is not the same, such as different blocks."""
    split = results.splits[0]
    told = {run.scores[split].explanation for run in results.finished if split in run.scores}
    if len(told) == 1:
        return ""
    scored = " ".join(sorted(filter(None, told)))
    return f" Not all are scored alike, so do not compare them: {scored}"


def over_seeds(results: SweepResults) -> bool:
    """Tell whether there is a mean of several runs."""
    return any(len(group.runs) > 1 for group in results.groups())


def typed(group: Group | SweepRun) -> str:
    """The varied values of runs, as they are typed."""
    return " ".join(f"{key}={brief(value)}" for key, value in group.varied.items())


def brief(value: str) -> str:
    """A value as tables show it: of a long number, such as a search draws, three digits."""
    try:
        return f"{float(value):.3g}" if len(value) > 8 else value
    except ValueError:
        return value


def figure(metric: Metric, group: Group, split: str, name: str) -> str:
    """Mean ± standard deviation, as the metric is shown."""
    found = group.mean(split, name)
    if found is None:
        return ""
    mean, deviation = found
    spread = "" if deviation is None else f" ± {metric.shown(deviation)}"
    return f"{metric.shown(mean)}{spread}"


def columns(results: SweepResults, most: int | None = None) -> list[tuple[str, str]]:
    """The columns of tables: the choosing figure, each split's average, the last's en and gap."""
    last = results.splits[-1]
    shown = [(results.splits[0], results.chosen_by)]
    shown += [(split, AVERAGE) for split in results.splits]
    if ENGLISH in results.languages and len(results.languages) > 1:
        shown += [(last, ENGLISH), (last, GAP)]
    return list(dict.fromkeys(shown))[:most]


def headings(results: SweepResults, most: int | None = None) -> list[str]:
    """The columns' headings: "dev", "test", "test en", "test gap"."""
    return [heading(split, name) for split, name in columns(results, most)]


def heading(split: str, name: str) -> str:
    """A figure's heading: its split and, unless it is the average, its name."""
    return f"{split} {name}".removesuffix(f" {AVERAGE}")


def names(results: SweepResults) -> list[str]:
    """The varied keys without their sections, as far as that leaves them apart."""
    last = [key.rpartition(".")[2] for key in results.keys]
    return [
        short if last.count(short) == 1 else key
        for key, short in zip(results.keys, last, strict=True)
    ]


def means(results: SweepResults, most: int | None = None) -> Section:
    """A row a group of seeds, the best first and marked.

    Args:
        results: The sweep.
        most: The number of figures to show; None for all.
    """
    keys = [name for key, name in zip(results.keys, names(results), strict=True) if key != SEED]
    header = [*keys, "runs", *headings(results, most)]
    figures = columns(results, most)
    rows: list[Sequence[str]] = []
    for place, group in enumerate(results.groups()):
        cells = [figure(results.metric, group, split, name) for split, name in figures]
        cells[0] += " ★" if place == 0 else ""
        rows.append([*map(brief, group.varied.values()), str(len(group.runs)), *cells])
    return Section(MEANS if over_seeds(results) else "The best first", header, rows, numbers=True)


def run_section(results: SweepResults) -> Section:
    """A row a run in the order of their numbers, the best marked, repeats with what they repeat."""
    figures, best = columns(results), results.best()
    header = ["job", *names(results), *headings(results), "minutes"]
    header += ["repeats"] if results.repeats else []
    rows: list[Sequence[str]] = []
    for run in results.runs:
        cells = [results.metric.shown(run.figure(split, name)) for split, name in figures]
        cells[0] = str(run.record.state) if not run.scores else cells[0]
        cells[0] += " ★" if run is best else ""
        minutes = "" if run.seconds is None else f"{run.seconds / 60:.1f}"
        values = map(brief, run.varied.values())
        row = [f"[{run.number}]({run.number})", *values, *cells, minutes]
        if results.repeats:
            row.append("" if run.repeats is None else f"[{run.repeats}]({run.repeats})")
        rows.append(row)
    return Section("Runs", header, rows, numbers=True)


def language_section(results: SweepResults) -> Section:
    """A row a language, a column a group of seeds."""
    groups, split = results.groups(), results.splits[-1]
    header = [f"{split} {results.metric.title}", *(typed(group) for group in groups)]
    rows: list[Sequence[str]] = [
        [name, *(figure(results.metric, group, split, name) for group in groups)]
        for name in [*results.languages, AVERAGE]
    ]
    return Section("Languages", header, rows, numbers=True)


def open_section(results: SweepResults) -> Section:
    """The runs that are not finished, and why."""
    rows: list[Sequence[str]] = []
    for run in results.others:
        why = run.record.problem.replace("|", "\\|")
        if (results.folder / str(run.number) / TRACEBACK).exists():
            why += f" ([traceback]({run.number}/{TRACEBACK}))"
        state = str(run.record.state)
        values = map(brief, run.varied.values())
        rows.append([f"[{run.number}]({run.number})", *values, state, why])
    return Section("Not finished", ["job", *names(results), "state", "why"], rows)
