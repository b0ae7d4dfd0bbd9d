"""The sections of a report that only classification has."""

from collections.abc import Mapping, Sequence
from typing import Any

from infoxlm.data.xnli import WORDS
from infoxlm.evaluate.metric import ACCURACY
from infoxlm.reporting.sections import Section

#: By how much a label may be more frequent than the others before a report tells it.
_EVEN = 0.02

#: The least share of a language's rows that are in another script before a report tells it.
_SEVERAL = 0.01


def report_sections(results: Mapping[str, Any], split: str) -> list[Section]:
    """Rows in another script, the confusion matrix over all languages, the most frequent labels.

    Args:
        results: The content of results.json; `labels` of the split are the classes' names by id.
        split: The split that is reported.
    """
    scripts = _scripts(results[split].get("scripts", {}), split)
    confusion = results[split].get("confusion", {})
    if not (counts := confusion.get("all")):
        return scripts
    names = _names(results[split].get("labels"), len(counts))
    named = enumerate(zip(names, counts, strict=True))
    rows = [_row(name, number, row) for number, (name, row) in named]
    title = f"Confusion matrix ({split}, all languages)"
    matrix = Section(title, ("gold \\ predicted", *names, "recall"), rows, numbers=True)
    return [*scripts, matrix, *_most_frequent(results[split]["accuracy"], confusion, names, split)]


def _scripts(scripts: Mapping[str, Mapping[str, Mapping[str, Any]]], split: str) -> list[Section]:
    """Accuracy of rows in the language's script and of the others; none where these are few."""
    rows = []
    for language, parts in scripts.items():
        own, other = parts["in_script"], parts["other"]
        if other["examples"] < _SEVERAL * (own["examples"] + other["examples"]):
            continue
        shown = [
            cell
            for part in (own, other)
            for cell in (f"{part['examples']:,}", ACCURACY.shown(part["accuracy"]))
        ]
        rows.append((language, *shown))
    if not rows:
        return []
    return [
        Section(
            f"Rows in another script ({split})",
            ("language", "in its script", "accuracy", "in another", "accuracy"),
            rows,
            "A row is in another script when one of its texts has hardly a letter of the "
            "language's own: transcribed, or left in English.",
            numbers=True,
        )
    ]


def _most_frequent(
    accuracy: Mapping[str, float],
    confusion: Mapping[str, Sequence[Sequence[int]]],
    names: Sequence[str],
    split: str,
) -> list[Section]:
    """The majority baseline, as a section; none where all labels are as frequent."""
    rows, largest = [], 0.0
    for language, share in accuracy.items():
        gold = [sum(counts) for counts in confusion.get(language, ())]
        if not any(gold):
            continue
        majority = max(gold) / sum(gold)
        largest = max(largest, majority)
        label = names[gold.index(max(gold))]
        figures = (ACCURACY.shown(majority), ACCURACY.shown(share - majority, signed=True))
        rows.append((language, label, *figures))
    if largest < 1 / len(names) + _EVEN:
        return []
    return [
        Section(
            f"The most frequent label ({split})",
            ("language", "label", "share", "accuracy minus share"),
            rows,
            "Its share is what a model would score that always gives it.",
            numbers=True,
        )
    ]


def _row(name: str, number: int, counts: Sequence[int]) -> tuple[str, ...]:
    """A class, how often it was taken for which, and the share that was found."""
    recall = counts[number] / sum(counts) if sum(counts) else None
    return (name, *(f"{count:,}" for count in counts), ACCURACY.shown(recall))


def _names(labels: Any, classes: int) -> Sequence[str]:
    """The classes of results; those of before do not name them, and had XNLI's as a rule."""
    if isinstance(labels, list) and len(labels) == classes:
        return [str(label) for label in labels]
    return WORDS if classes == len(WORDS) else [str(number) for number in range(classes)]
