"""The share of PAWS-X's test pairs in its dev pairs, and a run's scores with and without it.

python overlap.py --pawsx $PAWSX_ROOT --run RUN
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from infoxlm.data.example import Example
from infoxlm.data.pawsx import LANGUAGES, pawsx_forms
from infoxlm.data.source import open_from_files


def main() -> None:
    """Print a line a language as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pawsx", required=True, type=Path)
    parser.add_argument("--run", required=True, type=Path)
    options = parser.parse_args()
    right = predicted_right(options.run / "predictions.jsonl")
    source = open_from_files(str(options.pawsx), None, pawsx_forms())
    english = {row.row: row for row in source.read("test", "en")}
    known = {text for row in source.read("dev", "en") for text in sides(row)}
    related = {row for row, pair in english.items() if known & sides(pair)}
    print("| | test pairs | same pair in dev | a sentence in dev | majority | accuracy "
          "| English related | English unrelated |")  # fmt: skip
    print("|---" * 8 + "|")
    for language in LANGUAGES:
        test, dev = (list(source.read(split, language)) for split in ("test", "dev"))
        pairs = {frozenset(sides(row)) for row in dev}
        sentences = {text for row in dev for text in sides(row)}
        same = sum(frozenset(sides(row)) in pairs for row in test)
        shared = sum(bool(sides(row) & sentences) for row in test)
        majority = Counter(row.label for row in test).most_common(1)[0][1] / len(test)
        rows = [row.row for row in test]
        figures = [
            majority,
            *(
                sum(right[language, row] for row in part) / len(part)
                for part in (
                    rows,
                    [row for row in rows if row in related],
                    [row for row in rows if row not in related],
                )
            ),
        ]
        print(f"| {language} | {len(test):,} | {same} | {shared:,} | "
              + " | ".join(f"{100 * figure:.1f}" for figure in figures) + " |")  # fmt: skip
    print(f"\n{len(related):,} of {len(english):,} English test pairs share a sentence with dev.")


def sides(pair: Example) -> set[str]:
    """The two sentences of a pair."""
    return {pair.premise, pair.hypothesis}


def predicted_right(file: Path) -> dict[tuple[str, int], bool]:
    """Whether each test pair got its label, by language and row."""
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {(each["language"], each["row"]): each["label"] == each["predicted"] for each in lines}


if __name__ == "__main__":
    main()
