"""A sweep's report: results.csv for programs, results.md for readers, tables for the terminal."""

import csv
import shlex
from collections.abc import Sequence

from rich.console import Group as Rendered
from rich.console import RenderableType
from rich.text import Text

from infoxlm.evaluate.report import markdown_table, terminal_table
from infoxlm.files.atomic import atomic_path
from infoxlm.reporting.tables import Cells, percent
from infoxlm.sweep.job import resuming_command
from infoxlm.sweep.job_record import TRACEBACK
from infoxlm.sweep.recorded_words import FLAGS, printable, refused_words
from infoxlm.sweep.sweep_record import SweepRecord
from infoxlm.sweep.sweep_results import AVERAGE, SEED, Group, SweepResults, SweepRun

CSV, MARKDOWN, PICTURE = "results.csv", "results.md", "results.png"

MEANS = "Mean ± standard deviation over seeds"

#: With more columns than these a table of languages is no longer read; results.csv has them all.
MOST_COLUMNS = 8
#: Rows of the terminal's table.
SHOWN = 12


def write_sweep_report(results: SweepResults) -> None:
    """Write results.csv and results.md; call it after the picture, so that it is shown."""
    with (
        atomic_path(results.folder / CSV) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        csv.writer(file).writerows(long_rows(results))
    with atomic_path(results.folder / MARKDOWN) as temporary:
        temporary.write_text(markdown(results), encoding="utf-8")


def long_rows(results: SweepResults) -> list[list[object]]:
    """A row a run, split and language, with a header; a run without scores has one row.

    So has one that repeats another: whoever averages over the rows must not count it twice.
    """
    rows: list[list[object]] = [
        ["job", "state", *results.keys, "split", "language", "accuracy", "repeats"]
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
            blocks += [f"## {MEANS}", markdown_table(*means(results))]
        if (results.folder / PICTURE).exists():
            shown = heading(results.splits[0], results.chosen_by)
            blocks.append(f"![{shown} accuracy by what was varied]({PICTURE})")
        blocks += ["## Runs", markdown_table(*run_table(results))]
        if len(results.groups()) <= MOST_COLUMNS:
            blocks += ["## Languages", markdown_table(*language_table(results))]
        else:
            blocks.append(f"The accuracy of every run in every language: [{CSV}]({CSV}).")
    if results.others:
        blocks += ["## Not finished", markdown_table(*open_table(results))]
        if results.can_go_on:
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
    header, rows = means(results, most=2) if results.finished else ([], [])
    shown: list[RenderableType] = []
    if rows:
        table = terminal_table(MEANS if over_seeds(results) else "The best first", header)
        for number, row in enumerate(rows[:SHOWN]):
            table.add_row(*row, style="" if number else "bold")
        shown.append(table)
        if len(rows) > SHOWN:
            shown.append(Text(f"{len(rows) - SHOWN} more in {MARKDOWN}", style="dim"))
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
    which = f"Best on {where}: {told(best)} with" if best.varied else f"On {where}"
    runs = "seeds" if SEED in results.keys else "runs"
    seeds = f", mean of {len(best.runs)} {runs}" if len(best.runs) > 1 else ""
    text += f" {which} {figure(best, *chosen)} %{seeds}"
    if len(results.splits) > 1:
        text += f"; on {results.splits[1]} {figure(best, results.splits[1], AVERAGE)} %"
    return f"{text}."


def over_seeds(results: SweepResults) -> bool:
    """Whether there is a mean of several runs."""
    return any(len(group.runs) > 1 for group in results.groups())


def told(group: Group | SweepRun) -> str:
    """What runs were told, as it is typed."""
    return " ".join(f"{key}={brief(value)}" for key, value in group.varied.items())


def brief(value: str) -> str:
    """A value as tables show it: of a long number, such as a search draws, three digits."""
    try:
        return f"{float(value):.3g}" if len(value) > 8 else value
    except ValueError:
        return value


def figure(group: Group, split: str, name: str) -> str:
    """Mean ± standard deviation in percent."""
    found = group.mean(split, name)
    if found is None:
        return ""
    mean, deviation = found
    return percent(mean) if deviation is None else f"{percent(mean)} ± {percent(deviation)}"


def columns(results: SweepResults, most: int | None = None) -> list[tuple[str, str]]:
    """The figures that tables show: what chooses, each split's average, the last's en and gap."""
    last = results.splits[-1]
    shown = [(results.splits[0], results.chosen_by)]
    shown += [(split, AVERAGE) for split in results.splits]
    if "en" in results.languages and len(results.languages) > 1:
        shown += [(last, "en"), (last, "gap")]
    return list(dict.fromkeys(shown))[:most]


def headings(results: SweepResults, most: int | None = None) -> list[str]:
    """What tables call these figures: "dev", "test", "test en", "test gap"."""
    return [heading(split, name) for split, name in columns(results, most)]


def heading(split: str, name: str) -> str:
    """What tables call a figure."""
    return f"{split} {name}".removesuffix(f" {AVERAGE}")


def names(results: SweepResults) -> list[str]:
    """The varied keys without their sections, as far as that leaves them apart."""
    last = [key.rpartition(".")[2] for key in results.keys]
    return [
        short if last.count(short) == 1 else key
        for key, short in zip(results.keys, last, strict=True)
    ]


def means(results: SweepResults, most: int | None = None) -> Cells:
    """A row a group of seeds, the best first and marked.

    Args:
        results: The sweep.
        most: How many figures are shown; None for all.
    """
    keys = [name for key, name in zip(results.keys, names(results), strict=True) if key != SEED]
    header = [*keys, "runs", *headings(results, most)]
    figures = columns(results, most)
    rows: list[Sequence[str]] = []
    for place, group in enumerate(results.groups()):
        cells = [figure(group, split, name) for split, name in figures]
        cells[0] += " ★" if place == 0 else ""
        rows.append([*map(brief, group.varied.values()), str(len(group.runs)), *cells])
    return header, rows


def run_table(results: SweepResults) -> Cells:
    """A row a run in the order of their numbers, the best marked, repeats with what they repeat."""
    figures, best = columns(results), results.best()
    header = ["job", *names(results), *headings(results), "minutes"]
    header += ["repeats"] if results.repeats else []
    rows: list[Sequence[str]] = []
    for run in results.runs:
        cells = [percent(run.figure(split, name)) for split, name in figures]
        cells[0] = str(run.record.state) if not run.scores else cells[0]
        cells[0] += " ★" if run is best else ""
        minutes = "" if run.seconds is None else f"{run.seconds / 60:.1f}"
        values = map(brief, run.varied.values())
        row = [f"[{run.number}]({run.number})", *values, *cells, minutes]
        if results.repeats:
            row.append("" if run.repeats is None else f"[{run.repeats}]({run.repeats})")
        rows.append(row)
    return header, rows


def language_table(results: SweepResults) -> Cells:
    """A row a language, a column a group of seeds."""
    groups, split = results.groups(), results.splits[-1]
    header = [f"{split} accuracy", *(told(group) for group in groups)]
    rows: list[Sequence[str]] = [
        [name, *(figure(group, split, name) for group in groups)]
        for name in [*results.languages, AVERAGE]
    ]
    return header, rows


def open_table(results: SweepResults) -> Cells:
    """The runs that are not finished, and why."""
    rows: list[Sequence[str]] = []
    for run in results.others:
        why = run.record.problem.replace("|", "\\|")
        if (results.folder / str(run.number) / TRACEBACK).exists():
            why += f" ([traceback]({run.number}/{TRACEBACK}))"
        state = str(run.record.state)
        values = map(brief, run.varied.values())
        rows.append([f"[{run.number}]({run.number})", *values, state, why])
    return ["job", *names(results), "state", "why"], rows
