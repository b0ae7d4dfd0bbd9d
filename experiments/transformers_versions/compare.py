"""One line a file of theirs.py or ours.py: python compare.py REFERENCE.npz OTHER.npz ..."""

import sys
from pathlib import Path

import numpy as np
from theirs import LANGUAGES

OUTPUTS = ("logits", "sentence_transformers", "ctranslate2")


def main() -> None:
    reference = np.load(sys.argv[1])
    print("| file | packages | pairs | pairs with other ids | largest difference of the outputs |")
    print("|---|---|--:|--:|---|")
    for path in map(Path, sys.argv[2:]):
        other = np.load(path)
        differing = {language: different_rows(reference, other, language) for language in LANGUAGES}
        pairs = sum(len(other[f"ends_{language}"]) for language in LANGUAGES)
        where = ", ".join(f"{language} {n}" for language, n in differing.items() if n)
        distances = "; ".join(
            f"{name} {np.abs(reference[name] - other[name]).max():.1e}"
            for name in OUTPUTS
            if name in other and name in reference
        )
        different = f"{sum(differing.values())}{where and f' ({where})'}"
        print(f"| {path.stem} | {other['packages']} | {pairs:,} | {different} | {distances} |")


def different_rows(first: np.lib.npyio.NpzFile, second: np.lib.npyio.NpzFile, language: str) -> int:
    """Count the pairs of a language whose ids differ between two files."""
    rows = [
        np.split(file[f"ids_{language}"], file[f"ends_{language}"][:-1]) for file in (first, second)
    ]
    return sum(not np.array_equal(a, b) for a, b in zip(*rows, strict=True))


if __name__ == "__main__":
    main()
