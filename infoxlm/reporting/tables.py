"""The text of a report, the same for Markdown and the terminal: cells, headline, facts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infoxlm.constants import LABELS
from infoxlm.evaluate.comparison import Comparison, Line

#: Header cells and body rows.
Cells = tuple[Sequence[str], list[Sequence[str]]]


def percent(share: float | None, signed: bool = False) -> str:
    """A fraction as percent with one decimal and a true minus sign; empty for None."""
    if share is None:
        return ""
    rounded = round(100 * share, 1) + 0.0  # the sum of a negative zero and a zero is a zero
    return f"{rounded:{'+' if signed else ''}.1f}".replace("-", "−")


def title(results: Mapping[str, Any]) -> str:
    """Which run this is."""
    experiment = results.get("experiment") or results["task"]
    model, data = (results.get(key, "unknown") for key in ("model", "data"))
    return f"{experiment}: {model} on {data}"


def headline(comparison: Comparison) -> str:
    """The result in one sentence."""
    average, others = comparison.average, comparison.others
    count = len(comparison.languages)
    of = f"average of {count} languages" if count > 1 else comparison.languages[0].name
    text = f"{comparison.split.capitalize()} accuracy {percent(average.score)} % ({of}"
    text += f"{_interval(average)})"
    if others is None:
        return text
    return f"{text}; without English {percent(others.score)} %{_interval(others, ' (', ')')}"


def _interval(line: Line, before: str = ", ", after: str = "") -> str:
    if line.interval is None:
        return ""
    return f"{before}95 % interval {' to '.join(map(percent, line.interval))}{after}"


def score_table(comparison: Comparison) -> Cells:
    """A row a language, then average, others and gap; the dev column only when dev is extra."""
    split = comparison.split
    header = ["language", split, "95 % interval", "examples", "paper", "difference", "dev"]
    rows: list[Sequence[str]] = [_score_row(line) for line in comparison.lines]
    if all(line.dev is None for line in comparison.lines):
        return header[:-1], [row[:-1] for row in rows]
    return header, rows


def confusion_table(counts: Sequence[Sequence[int]]) -> Cells:
    """Gold labels down, predictions across, and the share of each gold label that was found."""
    rows: list[Sequence[str]] = []
    for label, row in enumerate(counts):
        recall = row[label] / sum(row) if sum(row) else None
        rows.append((LABELS[label], *(f"{count:,}" for count in row), percent(recall)))
    return ("gold \\ predicted", *LABELS, "recall"), rows


def run_facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known about the run beyond its scores, as name and value."""
    facts = [("task", results["task"])]
    if results.get("steps") is not None:
        facts.append(("optimizer steps", f"{results['steps']:,}"))
    if results.get("best_step") is not None:
        facts.append(("best step", f"{results['best_step']:,}"))
    for section, key, name, shown in _FACTS:
        if (value := (results.get(section) or {}).get(key)) is not None:
            facts.append((name, shown(value)))
    return facts


def _score_row(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        percent(line.score),
        "" if line.interval is None else "–".join(map(percent, line.interval)),
        "" if line.examples is None else f"{line.examples:,}",
        percent(line.reference),
        percent(line.score - line.reference, signed=True),
        percent(line.dev),
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


#: Section and key in the results, what it is called, and how it is shown.
_FACTS: list[tuple[str, str, str, Callable[[float], str]]] = [
    ("train", "seconds", "training time", _duration),
    ("train", "pairs_per_second", "training speed", "{:,.1f} pairs/s".format),
    ("train", "share_of_machine", "share of the machine's matrix products",
     lambda share: f"{100 * share:.0f} %"),
    ("train", "padding_share", "padding", lambda share: f"{100 * share:.1f} %"),
    ("train", "peak_rss_mb", "peak memory", "{:,.0f} MB".format),
    ("evaluate", "pairs_per_second", "scoring speed", "{:,.1f} pairs/s".format),
]  # fmt: skip
