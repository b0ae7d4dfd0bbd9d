"""The same texts for both sides."""

import csv
import random
from pathlib import Path

LANGUAGES = [
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
]  # fmt: skip
LABELS = ["entailment", "neutral", "contradiction"]

#: Pairs of one optimizer step, and of the blocks that stand for a step in quick mode.
STEP, BLOCK = 256, 16


def read(path: Path, limit: int) -> list[tuple[str, str, int]]:
    """Premise, hypothesis and label of the first rows of a TSV with header."""
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        pairs = ((row["premise"], row["hypothesis"], LABELS.index(row["label"])) for row in rows)
        return [pair for pair, _ in zip(pairs, range(limit), strict=False)]


def read_languages(folder: Path, rows: int) -> list[tuple[str, str, int]]:
    """The first rows of every language."""
    return [pair for language in LANGUAGES for pair in read(folder / f"{language}.tsv", rows)]


def windows(pairs: int, seed: int = 42) -> list[list[int]]:
    """Random windows of 256 rows, without replacement."""
    order = random.Random(seed).sample(range(pairs), pairs)
    return [order[start : start + STEP] for start in range(0, pairs - STEP + 1, STEP)]


def measured(window: list[int], lengths, quick: bool) -> list[int]:
    """A window by length; in quick mode every fourth block of it, so that padding stays alike."""
    by_length = sorted(window, key=lambda row: lengths[row])
    if not quick:
        return by_length
    blocks = [by_length[start : start + BLOCK] for start in range(0, STEP, BLOCK)]
    return [row for block in blocks[2::4] for row in block]
