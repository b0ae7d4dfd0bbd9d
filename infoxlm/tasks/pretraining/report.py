"""The sections and the picture of a report that only pre-training has: before and after."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.scores import Scores
from infoxlm.reporting.drawing import FAINT, INK, OURS, PAPER, figure, heading
from infoxlm.reporting.sections import Section

#: The picture of retrieval by block.
BLOCKS = "blocks.png"

#: The names of the figures, as `retrieval_scores` and `masked_scores` have them.
_BLOCK, _PERPLEXITY, _ACCURACY = "retrieval_block_", "perplexity", "masked_accuracy"

#: With as many blocks, accuracies are shown without a digit behind the point.
_MOST_WITH_DIGITS = 10

_SHARE = Metric("accuracy")
_NUMBER = Metric("perplexity", percent=False)

Figures = Mapping[str, Mapping[str, float]]


def report_sections(results: Mapping[str, Any], split: str) -> list[Section]:
    """Retrieval by block and language, and held-out text, as far as they were scored.

    Args:
        results: What results.json holds.
        split: The split that is reported.
    """
    best = _figures(results, split)
    start = _figures(results, "start")
    steps = f"step {results['best_step']:,}" if results.get("best_step") else "the end"
    sections = []
    if blocks := _blocks(best):
        sections.append(_by_block(blocks, start, best, steps))
        shown = [("before training", start), (f"after {steps}", best)]
        sections += [_by_language(blocks, found, when) for when, found in shown if found]
    if _PERPLEXITY in best:
        sections.append(_held_out(start, best, steps))
    return sections


def draw(results: Mapping[str, Any], folder: Path) -> Mapping[str, str]:
    """Draw retrieval by block, before and after; nothing where it was not scored.

    Args:
        results: What results.json holds.
        folder: The run's folder.

    Returns:
        What the picture shows, by its name.
    """
    best, start = _figures(results, "dev"), _figures(results, "start")
    blocks = _blocks(best)
    if not blocks:
        return {}
    curves = [("before", PAPER, start), (f"after step {results.get('best_step')}", OURS, best)]
    with figure(folder / BLOCKS) as (axes,):
        for name, color, found in curves:
            if not found:
                continue
            shares = 100 * np.array([list(found[f"{_BLOCK}{x}"].values()) for x in blocks])
            axes.plot(blocks, shares, color=color, lw=0.8, alpha=0.6)
            axes.plot(blocks, shares.mean(axis=1), color=color, lw=3, marker="o", label=name)
        axes.axvline(results["dev"]["block"], color=FAINT, lw=1, linestyle=(0, (4, 3)), zorder=0)
        axes.set_ylim(0, 100)
        axes.set_xticks(blocks)
        axes.set_xlabel("block (0: embeddings)", color=INK)
        axes.legend(loc="upper right", ncols=2, frameon=False, bbox_to_anchor=(1, 1.1))
        heading(
            axes, f"{results['model']}: translations found", "percent; thick: mean of the languages"
        )
    return {BLOCKS: "Retrieval by block, before and after"}


def _figures(results: Mapping[str, Any], key: str) -> Figures:
    """The figures of some scores with those of their metric; empty where there are none."""
    if not results.get(key):
        return {}
    scores = Scores.from_dict(results[key])
    return {**scores.values, **scores.figures}


def _blocks(figures: Figures) -> list[int]:
    """The blocks that retrieval was scored by."""
    names = (name.removeprefix(_BLOCK) for name in figures if name.startswith(_BLOCK))
    return sorted(int(name) for name in names if name.isdecimal())


def _mean(figures: Figures, name: str) -> float | None:
    return float(np.mean(list(figures[name].values()))) if figures.get(name) else None


def _by_block(blocks: Sequence[int], start: Figures, best: Figures, steps: str) -> Section:
    """A row a block: the averages over the languages."""
    rows = []
    for block in blocks:
        before, after = (_mean(found, f"{_BLOCK}{block}") for found in (start, best))
        change = None if before is None or after is None else after - before
        named = f"{block} (embeddings)" if block == 0 else str(block)
        rows.append(
            (named, _SHARE.shown(before), _SHARE.shown(after), _SHARE.shown(change, signed=True))
        )
    return Section(
        "Retrieval by block",
        ("block", "before", "after", "change"),
        rows,
        f"Accuracy at 1 in percent, both directions, average of the languages; after: {steps}.",
        numbers=True,
    )


def _by_language(blocks: Sequence[int], figures: Figures, when: str) -> Section:
    """A row a language, a column a block."""
    # A terminal is 80 characters wide; results.json has every digit.
    digits = 1 if len(blocks) < _MOST_WITH_DIGITS else 0

    def row(name: str, found: Iterable[float | None]) -> Sequence[str]:
        return (name, *(_SHARE.shown(share, digits=digits) for share in found))

    columns = [figures[f"{_BLOCK}{block}"] for block in blocks]
    rows = [row(name, (column.get(name) for column in columns)) for name in columns[0]]
    average = row("average", (_mean(figures, f"{_BLOCK}{block}") for block in blocks))
    return Section(
        f"Retrieval by language and block, {when}",
        ("language", *map(str, blocks)),
        [*rows, average],
        summaries=1,
        numbers=True,
    )


def _held_out(start: Figures, best: Figures, steps: str) -> Section:
    """A row a language or pair of languages: perplexity and masked tokens found."""

    def row(name: str) -> Sequence[str]:
        found = [
            metric.shown(figures.get(kind, {}).get(name), digits=digits)
            for metric, kind, digits in ((_NUMBER, _PERPLEXITY, -1), (_SHARE, _ACCURACY, 1))
            for figures in (start, best)
        ]
        return (name, *found)

    return Section(
        "Held-out text",
        ("language", "perplexity\nbefore", "after", "masked tokens\nfound before", "after"),
        [row(name) for name in best[_PERPLEXITY]],
        f"Masked tokens found in percent; after: {steps}.",
        numbers=True,
    )
