"""English training and dev questions that no test question's text is among.

    python prepare.py --train $SQUAD_TRAIN $SQUADSHIFTS $TYDIQA_TRAIN --dev $SQUAD_DEV \
        --xquad_root $XQUAD_ROOT --mlqa_root $MLQA_ROOT --out prepared

Writes OUT/train.en.json and OUT/dev.en.json, the questions of the files but those on a paragraph
that XQuAD or MLQA's dev set has too. Both are in SQuAD's form; paragraphs are the same if their
words are. What is left out is printed.
"""

import argparse
import json
from collections.abc import Set
from pathlib import Path
from typing import Any, NamedTuple

#: A file in SQuAD's form.
SquadFile = dict[str, Any]


class Count(NamedTuple):
    """Numbers of a file, or of what is left out of it."""

    questions: int
    paragraphs: int

    def __str__(self) -> str:
        return f"{self.questions:,} questions on {self.paragraphs:,} paragraphs"


def read(path: Path) -> SquadFile:
    return json.loads(path.read_text(encoding="utf-8-sig"))


def words(context: str) -> str:
    """A context whose white space does not matter."""
    return " ".join(context.split())


def contexts(files: list[Path]) -> set[str]:
    """The words of all paragraphs of files.

    Raises:
        SystemExit: There is no file, so that nothing would be left out.
    """
    if not files:
        raise SystemExit("a folder holds no English questions: see the README's Commands")
    return {
        words(paragraph["context"])
        for file in files
        for article in read(file)["data"]
        for paragraph in article["paragraphs"]
    }


def english(root: Path) -> list[Path]:
    """The English files of XQuAD or MLQA's dev set: contexts in English."""
    names = ("en.json", "xquad.en.json", "dev-context-en-question-*.json")
    folders = (root, root / "dev")
    return [file for folder in folders for name in names for file in sorted(folder.glob(name))]


def without(file: SquadFile, unwanted: Set[str]) -> SquadFile:
    """A file without the paragraphs that have such words, and without articles left empty."""
    articles = [
        {
            **article,
            "paragraphs": [
                paragraph
                for paragraph in article["paragraphs"]
                if words(paragraph["context"]) not in unwanted
            ],
        }
        for article in file["data"]
    ]
    return {**file, "data": [article for article in articles if article["paragraphs"]]}


def count(file: SquadFile) -> Count:
    paragraphs = [paragraph for article in file["data"] for paragraph in article["paragraphs"]]
    return Count(sum(len(paragraph["qas"]) for paragraph in paragraphs), len(paragraphs))


def prepared(files: list[Path], unwanted: Set[str]) -> SquadFile:
    """Files as one, without unwanted paragraphs; prints what is kept of each."""
    articles = []
    for path in files:
        whole = read(path)
        kept = without(whole, unwanted)
        articles += kept["data"]
        before, after = count(whole), count(kept)
        left_out = Count(*(x - y for x, y in zip(before, after, strict=True)))
        print(f"{path}: {after} (left out: {left_out})")
    return {"version": "1.1", "data": articles}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", nargs="+", type=Path, required=True)
    parser.add_argument("--dev", nargs="+", type=Path, required=True)
    for name in ("xquad_root", "mlqa_root", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    scored = contexts(english(arguments.xquad_root)) | contexts(english(arguments.mlqa_root))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for split, files in (("train", arguments.train), ("dev", arguments.dev)):
        file = prepared(files, scored)
        path = arguments.out / f"{split}.en.json"
        path.write_text(json.dumps(file, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path}: {count(file)}")


if __name__ == "__main__":
    main()
