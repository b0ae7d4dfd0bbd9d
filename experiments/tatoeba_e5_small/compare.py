"""Set a run's accuracies beside those of pytorch_reference.py: every layer, direction, language.

    python compare.py RUN/results.json

The run must be on the same sentences with the same prefix. Writes comparison.md beside this file.
"""

import argparse
import json
from pathlib import Path

HERE = Path(__file__).parent
DIRECTIONS = ("en_to_xx", "xx_to_en")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--reference", type=Path, default=HERE / "reference.json")
    arguments = parser.parse_args()
    ours = json.loads(arguments.results.read_text(encoding="utf-8"))
    theirs = json.loads(arguments.reference.read_text(encoding="utf-8"))
    settings = {"prefix": ours["settings"]["prefix"], "limit": ours["settings"]["data.limit"]}
    expected = {"prefix": theirs["prefix"], "limit": theirs["limit"] or "null"}
    if settings != expected:
        raise SystemExit(f"the run has {settings}, the reference {expected}")

    languages = list(ours["pairs"])
    differences = {
        (layer, direction, language): by_direction[direction]["accuracy"][language]
        - theirs["layers"][layer][direction][language]
        for layer, by_direction in ours["layers"].items()
        for direction in DIRECTIONS
        for language in languages
    }
    last = list(ours["layers"])[-1]
    lines = [["", *languages], ["---", *["--:"] * len(languages)]]
    for direction in DIRECTIONS:
        for name, shares in (
            ("ours", ours["layers"][last][direction]["accuracy"]),
            ("PyTorch", theirs["layers"][last][direction]),
        ):
            cells = [f"{100 * shares[language]:.1f}" for language in languages]
            lines.append([f"{direction}, {name}", *cells])
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    sentences = {
        key: round(abs(difference) * ours["pairs"][key[2]])
        for key, difference in differences.items()
    }
    unequal = [(key, count) for key, count in sentences.items() if count]
    verdict = (
        f"Block {last}, accuracy in percent. Of {len(differences)} accuracies "
        f"({len(ours['layers'])} layers, 2 directions, {len(languages)} languages) "
        f"{len(differences) - len(unequal)} are equal"
    )
    verdict += (
        "."
        if not unequal
        else (
            f"; the others differ by {max(count for _, count in unequal)} sentences at most "
            f"({100 * max(map(abs, differences.values())):.2f} points)."
        )
    )
    (HERE / "comparison.md").write_text(f"{text}\n\n{verdict}\n", encoding="utf-8")
    print(f"{text}\n\n{verdict}")


if __name__ == "__main__":
    main()
