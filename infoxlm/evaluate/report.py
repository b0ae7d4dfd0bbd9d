"""A run's results for programs (results.json), for readers (results.md) and for the terminal."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infoxlm.evaluate.comparison import Comparison, compare_with_paper
from infoxlm.files.atomic import atomic_path
from infoxlm.reporting import tables

#: What a run's folder may hold besides the report.
_FILES = {
    "results.json": "these results for programs",
    "predictions.jsonl": "every test prediction",
    "metrics.jsonl": "what was logged while training",
    "run.json": "what it takes to repeat the run",
    ".hydra/config.yaml": "the composed configuration",
    "checkpoints/best": "the best checkpoint",
    "vdl": "VisualDL's log",
}
_PLOTS = {"results.png": "Accuracy by language", "curves.png": "Dev accuracy while training"}


def write_report(results: Mapping[str, Any], folder: str | Path) -> None:
    """Write results.json and results.md; call it after the plots, so that they are shown.

    Args:
        results: `task`, `experiment`, `model` and `data` (names); `test` and `dev` as
            `SplitScores.as_dict` gives them, one may be missing; optionally `best_step`, `steps`,
            `train` (`pairs_per_second`, `seconds`, `peak_rss_mb`), `evaluate`
            (`pairs_per_second`) and `settings`, a flat mapping of configuration keys.
        folder: The run's folder.
    """
    folder = Path(folder)
    write_json(results, folder / "results.json")
    with atomic_path(folder / "results.md") as temporary:
        temporary.write_text(markdown_report(results, folder), encoding="utf-8")


def write_json(results: Mapping[str, Any], path: Path) -> None:
    """Write results for programs, whole or not at all."""
    with atomic_path(path) as temporary:
        text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def markdown_report(results: Mapping[str, Any], folder: Path) -> str:
    """Render results.md; plots and files that exist in `folder` are linked."""
    comparison = compare_with_paper(results)
    header, rows = tables.score_table(comparison)
    languages = len(comparison.languages)
    summary = [[f"**{cell}**" if cell else "" for cell in row] for row in rows[languages:]]
    blocks = [
        f"# {tables.title(results)}",
        f"**{tables.headline(comparison)}.**",
        *(f"> {caveat}" for caveat in comparison.caveats),
        markdown_table(header, [*rows[:languages], *summary]),
        _source(comparison),
        *(f"![{text}]({name})" for name, text in _PLOTS.items() if (folder / name).exists()),
        f"## {_confusion_title(comparison)}",
        markdown_table(*tables.confusion_table(_pooled_confusion(results, comparison))),
        "## Run",
        "\n".join(f"- {name}: {value}" for name, value in tables.run_facts(results)),
    ]
    if settings := results.get("settings"):
        blocks += ["## Settings", "\n".join(f"- `{key}={settings[key]}`" for key in settings)]
    found = [name for name in _FILES if (folder / name).exists()]
    if found:
        blocks += ["## Files", "\n".join(f"- [{name}]({name}): {_FILES[name]}" for name in found)]
    return "\n\n".join(blocks) + "\n"


def terminal_report(results: Mapping[str, Any]) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    comparison = compare_with_paper(results)
    languages = len(comparison.languages)
    header, rows = tables.score_table(comparison)
    scores = terminal_table(tables.title(results), header)
    for position, row in enumerate(rows):
        summary = position >= languages
        scores.add_row(*row, style="bold" if summary else "", end_section=position == languages - 1)

    header, rows = tables.confusion_table(_pooled_confusion(results, comparison))
    confusion = terminal_table(_confusion_title(comparison), header)
    for row in rows:
        confusion.add_row(*row)
    return Group(
        scores,
        Text(_source(comparison), style="dim"),
        *(Text(caveat, style="yellow") for caveat in comparison.caveats),
        "",
        confusion,
        Text("; ".join(f"{name} {value}" for name, value in tables.run_facts(results))),
        Text(tables.headline(comparison), style="bold"),
    )


def _pooled_confusion(results: Mapping[str, Any], comparison: Comparison) -> list[list[int]]:
    counts: list[list[int]] = results[comparison.split]["confusion"]["all"]
    return counts


def _confusion_title(comparison: Comparison) -> str:
    return f"Confusion matrix ({comparison.split}, all languages)"


def _source(comparison: Comparison) -> str:
    row = comparison.reference
    return f"Accuracy in percent. Paper: {row.name}; source: {row.source}."


def terminal_table(title: str, header: Sequence[str]) -> Table:
    """An empty table for the terminal, numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position else "left", no_wrap=True)
    return table


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    lines = [" | ".join(map(markdown_cell, cells)) for cells in (header, rule, *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def markdown_cell(text: str) -> str:
    """A text that stays in its cell: without line breaks, its bars escaped."""
    return re.sub(r"(?<!\\)\|", r"\|", " ".join(text.split("\n")))
