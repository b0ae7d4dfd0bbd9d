"""The sections of a report that only classification has."""

from collections.abc import Mapping, Sequence
from typing import Any

from infoxlm.constants import LABELS
from infoxlm.evaluate.scores import ACCURACY
from infoxlm.reporting.sections import Section


def report_sections(results: Mapping[str, Any], split: str) -> list[Section]:
    """The confusion matrix over all languages.

    Args:
        results: What results.json holds; `labels` are the classes' names by id.
        split: The split that is reported.
    """
    counts = results[split].get("confusion", {}).get("all")
    if not counts:
        return []
    names = results.get("labels") or _names(len(counts))
    named = enumerate(zip(names, counts, strict=True))
    rows = [_row(name, number, row) for number, (name, row) in named]
    title = f"Confusion matrix ({split}, all languages)"
    return [Section(title, ("gold \\ predicted", *names, "recall"), rows, numbers=True)]


def _row(name: str, number: int, counts: Sequence[int]) -> tuple[str, ...]:
    """A class, how often it was taken for which, and the share that was found."""
    recall = counts[number] / sum(counts) if sum(counts) else None
    return (name, *(f"{count:,}" for count in counts), ACCURACY.shown(recall))


def _names(classes: int) -> Sequence[str]:
    """The classes of results that do not name them: XNLI's in those of before."""
    return LABELS if classes == len(LABELS) else [str(number) for number in range(classes)]
