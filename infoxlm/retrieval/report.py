"""A retrieval run for programs (results.json, layers.csv), for readers and for the terminal."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.files.atomic import atomic_file, write_json, write_text
from infoxlm.reporting.sections import markdown_facts
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
    write_json(folder / "results.json", results)
    if len(results["layers"]) > 1:
        write_layers(results, folder / LAYERS_CSV)
    write_text(folder / "results.md", markdown_report(results, folder))


def write_layers(results: Mapping[str, Any], path: Path) -> None:
    """Write accuracy as fractions: a row a layer and direction, a column a language."""
    languages = list(results["pairs"])
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["layer", "direction", *languages, "average"])
        for layer, scores in results["layers"].items():
            for direction in DIRECTIONS:
                shares = [scores[direction]["accuracy"][language] for language in languages]
                shares.append(scores[direction]["average"])
                rows.writerow([layer, direction, *(f"{share:.6f}" for share in shares)])


def markdown_report(results: Mapping[str, Any], folder: Path) -> str:
    """Render results.md; plots and files that exist in `folder` are linked."""
    blocks = [
        f"# {comparison.title(results)}",
        f"**{comparison.headline(results)}.**",
        *(f"> {caveat}" for caveat in comparison.caveats(results)),
        comparison.score_section(results).markdown(heading=False),
        *(f"![{text}]({name})" for name, text in _PLOTS.items() if (folder / name).exists()),
    ]
    if len(results["layers"]) > 1:
        blocks.append(comparison.layer_section(results).markdown())
    settings = results["settings"]
    blocks += [
        "## Run",
        markdown_facts(comparison.run_facts(results)),
        "## Settings",
        "\n".join(f"- `{key}={settings[key]}`" for key in settings),
        "## Files",
        "\n".join(f"- [{x}]({x}): {_FILES[x]}" for x in _FILES if (folder / x).exists()),
    ]
    return "\n\n".join(blocks) + "\n"


def terminal_report(results: Mapping[str, Any]) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    blocks = [comparison.score_section(results).terminal()]
    if len(results["layers"]) > 1:
        blocks.append(comparison.layer_section(results).terminal())
    facts = "; ".join(f"{name} {value}" for name, value in comparison.run_facts(results))
    return Group(*blocks, Text(facts), Text(comparison.headline(results), style="bold"))
