"""A run's results for programs (results.json), for readers (results.md) and for the terminal."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.evaluate.published import (
    Comparison,
    Line,
    Published,
    compare_with_published,
    reported_split,
)
from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.sections import Section, markdown_facts

#: Files that a run's folder may hold next to the report.
_FILES = {
    "results.json": "these results for programs",
    "predictions.jsonl": "every prediction on test; on dev where there is no test",
    "predictions": "the same in forms that other programs read",
    "metrics.jsonl": "what was logged while training",
    "run.json": "what it takes to repeat the run",
    ".hydra/config.yaml": "the composed configuration",
    "checkpoints/best": "the best checkpoint",
    "vdl": "VisualDL's log",
}


def write_report(
    results: Mapping[str, Any],
    folder: str | Path,
    published: Published | None = None,
    sections: Sequence[Section] = (),
    pictures: Mapping[str, str] | None = None,
) -> None:
    """Write results.json and results.md; call it after the plots, so that they are shown.

    Args:
        results: `task`, `experiment`, `model` and `data` (names); `test` and `dev` as
            `Scores.as_dict` gives them, one may be missing; optionally `best_step`, `steps`,
            `train` (`pairs_per_second`, `seconds`, `peak_rss_mb`), `evaluate`
            (`pairs_per_second`) and `settings`, a flat mapping of configuration keys.
        folder: The run's folder.
        published: The published row to compare with; None where there is none.
        sections: The task's own sections.
        pictures: Descriptions of the task's own pictures, by their files' names.
    """
    folder = Path(folder)
    write_json(folder / "results.json", results)
    text = markdown_report(results, folder, published, sections, pictures)
    write_text(folder / "results.md", text)


def markdown_report(
    results: Mapping[str, Any],
    folder: Path,
    published: Published | None = None,
    sections: Sequence[Section] = (),
    pictures: Mapping[str, str] | None = None,
) -> str:
    """Render results.md; plots and files that exist in `folder` are linked."""
    blocks = [f"# {title(results)}"]
    if reported_split(results):
        comparison = compare_with_published(results, published)
        plots = {
            "results.png": f"{comparison.metric.title.capitalize()} by language",
            "curves.png": f"Dev {comparison.metric.title} while training",
            **(pictures or {}),
        }
        blocks += [
            f"**{headline(comparison)}.**",
            *(f"> {caveat}" for caveat in comparison.caveats),
            score_section(results, comparison).markdown(heading=False),
            *(f"![{text}]({name})" for name, text in plots.items() if (folder / name).exists()),
            *(section.markdown() for section in sections),
        ]
    blocks += ["## Run", markdown_facts(run_facts(results))]
    if settings := results.get("settings"):
        blocks += ["## Settings", "\n".join(f"- `{key}={settings[key]}`" for key in settings)]
    found = [name for name in _FILES if (folder / name).exists()]
    if found:
        blocks += ["## Files", "\n".join(f"- [{name}]({name}): {_FILES[name]}" for name in found)]
    return "\n\n".join(blocks) + "\n"


def terminal_report(
    results: Mapping[str, Any], published: Published | None = None, sections: Sequence[Section] = ()
) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    if not reported_split(results):
        return Group(*(Text(f"{name} {value}") for name, value in run_facts(results)))
    comparison = compare_with_published(results, published)
    return Group(
        *(x.terminal() for x in (score_section(results, comparison), *sections)),
        Text("; ".join(f"{name} {value}" for name, value in run_facts(results))),
        Text(headline(comparison), style="bold"),
    )


def title(results: Mapping[str, Any]) -> str:
    """A report's title: experiment, model and data."""
    experiment = results.get("experiment") or results["task"]
    model, data = (results.get(key, "unknown") for key in ("model", "data"))
    return f"{experiment}: {model} on {data}"


def headline(comparison: Comparison) -> str:
    """The result in one sentence."""
    metric, average, others = comparison.metric, comparison.average, comparison.others
    count = len(comparison.languages)
    of = f"average of {count} languages" if count > 1 else comparison.languages[0].name

    def interval(line: Line, before: str = ", ", after: str = "") -> str:
        if line.interval is None:
            return ""
        return f"{before}95 % interval {' to '.join(map(metric.shown, line.interval))}{after}"

    text = f"{comparison.split.capitalize()} {metric.title} {metric.with_unit(average.score)} ({of}"
    text += f"{interval(average)})"
    if others is None:
        return text
    return f"{text}; without English {metric.with_unit(others.score)}{interval(others, ' (', ')')}"


def score_section(results: Mapping[str, Any], comparison: Comparison) -> Section:
    """A row a language, then average, others and gap.

    The columns of the published row are left out where there is none, that of dev where it is what
    is reported, those of other metrics where there is only one.
    """
    metric, scores = comparison.metric, comparison.scores
    # With several metrics names of columns are broken, so that all fit 80 characters.
    space = "\n" if scores.secondary else " "
    of = f"\n{metric.title}" if scores.secondary else ""
    columns: dict[str, Callable[[Line], str]] = {
        "language": lambda line: line.name,
        f"{comparison.split}{of}": lambda line: metric.shown(line.score),
        f"95 %{space}interval": lambda line: "–".join(map(metric.shown, line.interval or ())),
        "examples": lambda line: "" if line.examples is None else f"{line.examples:,}",
    }
    lines = (*comparison.languages, *comparison.summaries)
    row = comparison.published
    note = f"{metric.unit.capitalize()}."
    if any(line.published is not None for line in lines):
        columns[f"paper{of}"] = lambda line: metric.shown(line.published)
        columns["difference"] = lambda line: metric.shown(
            None if line.published is None else line.score - line.published, signed=True
        )
    if row and any(line.published is not None for line in lines):
        note += f" Paper: {row.name}; source: {row.source}."
    if any(line.dev is not None for line in lines):
        columns[f"dev{of}"] = lambda line: metric.shown(line.dev)
    for other in scores.secondary:
        name = other.title.replace(" ", "\n")
        columns[name] = lambda line, x=other: x.shown(line.secondary.get(x.name))  # type: ignore[misc]
        if any(other.name in line.published_secondary for line in lines):
            columns[f"paper\n{name}"] = lambda line, x=other: x.shown(  # type: ignore[misc]
                line.published_secondary.get(x.name)
            )
    if scores.explanation:
        note += f" {scores.explanation}"
    return Section(
        title(results),
        list(columns),
        [[shown(line) for shown in columns.values()] for line in lines],
        note,
        len(comparison.summaries),
        numbers=True,
        caveats=comparison.caveats,
    )


def run_facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts about the run beyond its scores, as name and value."""
    facts = [("task", results["task"])]
    if results.get("steps") is not None:
        facts.append(("optimizer steps", f"{results['steps']:,}"))
    if results.get("best_step") is not None:
        facts.append(("best step", f"{results['best_step']:,}"))
    for section, key, name, shown in _FACTS:
        if (value := (results.get(section) or {}).get(key)) is not None:
            facts.append((name, shown(value)))
    return facts


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


#: Section and key in the results, what it is called, and how it is shown.
_FACTS: list[tuple[str, str, str, Callable[[float], str]]] = [
    ("train", "seconds", "training time", _duration),
    ("train", "pairs_per_second", "training speed", "{:,.1f} examples/s".format),
    ("train", "share_of_machine", "share of the machine's matrix products",
     lambda share: f"{100 * share:.0f} %"),
    ("train", "padding_share", "padding", lambda share: f"{100 * share:.1f} %"),
    ("train", "peak_rss_mb", "peak memory", "{:,.0f} MB".format),
    ("evaluate", "pairs_per_second", "scoring speed", "{:,.1f} examples/s".format),
]  # fmt: skip
