"""A retrieval run for programs (results.json, layers.csv), for readers and for the terminal."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.evaluate.report import markdown_table, terminal_table, write_json
from infoxlm.files.atomic import atomic_path
from infoxlm.retrieval import comparison
from infoxlm.retrieval.scores import DIRECTIONS

LAYERS_CSV = "layers.csv"
_PLOTS = {"results.png": "Accuracy by language", "layers.png": "Accuracy by block"}
_FILES = {
    "results.json": "these results for programs",
    LAYERS_CSV: "accuracy by block, direction and language, fractions",
    "metrics.jsonl": "the same as VisualDL's curves; the step is the block",
    "run.json": "versions, machine and data checksums",
    ".hydra/config.yaml": "the composed configuration",
    "vdl": "VisualDL's log",
}


def write_retrieval_report(results: Mapping[str, Any], folder: Path) -> None:
    """Write results.json, results.md and, of several layers, layers.csv; after the plots.

    Args:
        results: `task`, `experiment`, `model`, `data`; the scores as `RetrievalScores.as_dict`
            gives them; `retrieve` (`seconds`, `sentences`, `encoded`, `encoding_seconds`);
            `settings`, a flat mapping of configuration keys.
        folder: The run's folder.
    """
    write_json(results, folder / "results.json")
    if len(results["layers"]) > 1:
        write_layers(results, folder / LAYERS_CSV)
    with atomic_path(folder / "results.md") as temporary:
        temporary.write_text(markdown_report(results, folder), encoding="utf-8")


def write_layers(results: Mapping[str, Any], path: Path) -> None:
    """Write accuracy as fractions: a row a layer and direction, a column a language."""
    languages = list(results["pairs"])
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["layer", "direction", *languages, "average"])
        for layer, scores in results["layers"].items():
            for direction in DIRECTIONS:
                shares = [scores[direction]["accuracy"][language] for language in languages]
                shares.append(scores[direction]["average"])
                rows.writerow([layer, direction, *(f"{share:.6f}" for share in shares)])


def markdown_report(results: Mapping[str, Any], folder: Path) -> str:
    """Render results.md; plots and files that exist in `folder` are linked."""
    header, rows = comparison.score_table(results)
    rows = [*rows[:-1], [f"**{cell}**" for cell in rows[-1]]]
    blocks = [
        f"# {comparison.title(results)}",
        f"**{comparison.headline(results)}.**",
        *(f"> {caveat}" for caveat in comparison.caveats(results)),
        markdown_table(header, rows),
        comparison.source(),
        *(f"![{text}]({name})" for name, text in _PLOTS.items() if (folder / name).exists()),
    ]
    if len(results["layers"]) > 1:
        blocks += ["## By block", markdown_table(*comparison.layer_table(results))]
    settings = results["settings"]
    blocks += [
        "## Run",
        "\n".join(f"- {name}: {value}" for name, value in comparison.run_facts(results)),
        "## Settings",
        "\n".join(f"- `{key}={settings[key]}`" for key in settings),
        "## Files",
        "\n".join(f"- [{x}]({x}): {_FILES[x]}" for x in _FILES if (folder / x).exists()),
    ]
    return "\n\n".join(blocks) + "\n"


def terminal_report(results: Mapping[str, Any]) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    header, rows = comparison.score_table(results)
    scores = terminal_table(comparison.title(results), header)
    for position, row in enumerate(rows, start=1):
        average = position == len(rows)
        scores.add_row(*row, style="bold" if average else "", end_section=position == len(rows) - 1)
    parts: list[RenderableType] = [scores, Text(comparison.source(), style="dim")]
    parts += [Text(caveat, style="yellow") for caveat in comparison.caveats(results)]
    if len(results["layers"]) > 1:
        header, rows = comparison.layer_table(results)
        layers = terminal_table("average by block", header)
        for row in rows:
            layers.add_row(*row)
        parts += ["", layers]
    facts = "; ".join(f"{name} {value}" for name, value in comparison.run_facts(results))
    return Group(*parts, Text(facts), Text(comparison.headline(results), style="bold"))
