"""What it costs that the Swahili training pairs leave words in English.

    python swahili.py --xnli_root $XNLI_ROOT --train_root $TRANSLATE_TRAIN \
        --checkpoint weights/e5_small --out runs/swahili

Rows with the same label and English texts of like length, both or none of them telephone talk, are
taken by twos; the one with more of its Swahili words left in English goes to one half, the other to
the other half. Each half is trained on in Swahili, and in English too: what the halves differ by in
English comes from their other qualities, what they differ by in Swahili beyond that from their
translations. That is the words left over, and whatever else is worse in translations that leave
words over: the rows do not tell them apart. Writes swahili.md and swahili.json next to this file.
Finished runs are left alone, as in run.py.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
from collect import half_width, points, with_width
from runs import SEEDS, SETTINGS, train
from script_gaps import read_rows, right

from infoxlm.evaluate.intervals import cluster_bootstrap
from infoxlm.evaluate.predictions import read_predictions
from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent
LANGUAGES, HALVES = ("sw", "en"), ("few", "many")
#: What tells transcripts of telephone talk, whose translations leave most words over.
TALK = re.compile(r"\b(yeah|uh|um|huh|okay)\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")
#: What fits into an epoch of half of the 9,000 rows, in batches of 256.
STEPS = 17


def share_left(swahili: list[str], english: list[str]) -> float:
    """The share of a row's Swahili words that stand in its English texts, too.

    Words with a capital in English are names, which are the same in both, and are not counted as
    left over.
    """
    known = {
        word
        for text in english[:2]
        for word in WORD.findall(text)
        if word[0].islower() and len(word) > 1
    }
    words = [word.lower() for text in swahili[:2] for word in WORD.findall(text)]
    return sum(word in known for word in words) / max(1, len(words))


def write_halves(train_root: Path, out: Path) -> dict[str, float]:
    """Write both halves in both languages; the mean share of words left in each."""
    rows = {language: read_rows(train_root / f"{language}.tsv") for language in LANGUAGES}
    shares = np.array([share_left(*pair) for pair in zip(rows["sw"], rows["en"], strict=True)])
    lengths = np.array([len(premise) + len(other) for premise, other, *_ in rows["en"]])
    labels = np.array([row[2] for row in rows["en"]])
    talk = np.array([any(TALK.search(text) for text in row[:2]) for row in rows["en"]])
    alike = np.lexsort((lengths, talk, labels))
    pairs = alike[: len(alike) // 2 * 2].reshape(-1, 2)
    ordered = np.take_along_axis(pairs, np.argsort(shares[pairs], axis=1, kind="stable"), axis=1)
    found = {}
    for half, places in zip(HALVES, ordered.T, strict=True):
        found[half] = float(shares[places].mean())
        folder = out / "data" / half
        folder.mkdir(parents=True, exist_ok=True)
        for language, of_language in rows.items():
            lines = ["premise\thypothesis\tlabel"]
            lines += ["\t".join(of_language[place]) for place in sorted(places)]
            (folder / f"{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


def scored_rows(
    out: Path, seeds: list[int], language: str, half: str, scored: str
) -> tuple[np.ndarray, np.ndarray]:
    """Which test rows the runs on a half got right, ``[seeds, rows]``, and the rows' numbers."""
    runs = [out / f"{language}-{half}-{seed}" / "predictions.jsonl" for seed in seeds]
    found = [right(read_predictions(run), scored) for run in runs]
    return np.array([values for values, _ in found]), found[0][1]


def cells(differences: np.ndarray, rows: np.ndarray) -> list[str]:
    """The mean of differences ``[seeds, rows]``: with its width over seeds, and over rows."""
    by_seed = differences.mean(axis=1)
    over_rows = cluster_bootstrap(differences.mean(axis=0), rows)
    return [
        with_width(float(by_seed.mean()), half_width(by_seed)),
        " to ".join(points(x, signed=True) for x in over_rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("xnli_root", "train_root", "checkpoint", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--settings", nargs="*", default=[], help="of every run")
    given = parser.parse_args()
    shares = write_halves(given.train_root, given.out)
    for seed in given.seeds:
        for language in LANGUAGES:
            for half in HALVES:
                settings = [
                    *SETTINGS, f"trainer.max_steps={STEPS}", f"trainer.eval_every={STEPS}",
                    f"data.root={given.xnli_root}", f"data.train_root={given.out / 'data' / half}",
                    f"data.train_languages=[{language}]", "data.eval_languages=[en,sw]",
                    f"model.checkpoint={given.checkpoint}", f"seed={seed}",
                    f"name=swahili_{language}_{half}", *given.settings,
                ]  # fmt: skip
                train(settings, given.out / f"{language}-{half}-{seed}")
    record: dict = {"share_of_words_left": shares, "seeds": given.seeds, "accuracy": {}}
    rows = []
    for scored in LANGUAGES:
        gains = {}
        for language in LANGUAGES:
            few, many = (
                scored_rows(given.out, given.seeds, language, half, scored) for half in HALVES
            )
            gains[language] = few[0] - many[0]
            record["accuracy"][f"{language} scored in {scored}"] = {
                "few": few[0].mean(axis=1).tolist(), "many": many[0].mean(axis=1).tolist()
            }  # fmt: skip
            means = [points(found[0].mean()) for found in (few, many)]
            rows.append([language, scored, *means, *cells(gains[language], few[1])])
        cost = gains["sw"] - gains["en"]
        record["accuracy"][f"cost in {scored}"] = cost.mean(axis=1).tolist()
        rows.append(["sw less en", scored, "", "", *cells(cost, few[1])])
    header = ["learned in", "scored in", *HALVES, "few minus many, ± over seeds", "over rows"]
    few_left, many_left = (points(shares[half]) for half in HALVES)
    text = (
        f"Of a row's Swahili words {few_left} % are left in English in the half with few, "
        f"{many_left} % in the one with many.\n\n{markdown_table(header, rows)}\n"
    )
    (HERE / "swahili.md").write_text(text, encoding="utf-8")
    (HERE / "swahili.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
