"""What it costs that the Swahili training pairs leave words in English.

    python swahili.py --xnli_root $XNLI_ROOT --train_root $TRANSLATE_TRAIN \
        --checkpoint weights/e5_small --out runs/swahili

The rows are cut into two halves by the share of their Swahili words that were left in English. Each
half is trained on in Swahili, and in English too: what the halves differ by in English comes from
their other qualities, what they differ by in Swahili beyond that from the words left over. Writes
swahili.md and swahili.json next to this file. Finished runs are left alone, as in run.py.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
from collect import half_width, points, with_width
from runs import SEEDS, SETTINGS, train

from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent
LANGUAGES, HALVES = ("sw", "en"), ("few", "many")
WORD = re.compile(r"[^\W\d_]+")
#: An epoch of half of the 9,000 rows, in batches of 256.
STEPS = 17


def read_rows(path: Path) -> list[list[str]]:
    """Premise, hypothesis and label of each row of a TSV with a header."""
    with path.open(encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines][1:]


def share_left(swahili: list[str], english: list[str]) -> float:
    """The share of a row's Swahili words that stand in its English texts, too.

    Names, which are the same in both, do not count: they are the words with a capital in English.
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
    order = np.argsort(shares, kind="stable")
    middle = len(order) // 2
    found = {}
    for half, places in zip(HALVES, (order[:middle], order[middle:]), strict=True):
        found[half] = float(shares[places].mean())
        folder = out / "data" / half
        folder.mkdir(parents=True, exist_ok=True)
        for language, of_language in rows.items():
            lines = ["premise\thypothesis\tlabel"]
            lines += ["\t".join(of_language[place]) for place in sorted(places)]
            (folder / f"{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


def accuracies(out: Path, seeds: list[int], language: str, half: str, scored: str) -> np.ndarray:
    """Test accuracy in a language of the runs on a half, by seed."""
    runs = [out / f"{language}-{half}-{seed}" / "results.json" for seed in seeds]
    return np.array([json.loads(run.read_text())["test"]["accuracy"][scored] for run in runs])


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
                accuracies(given.out, given.seeds, language, half, scored) for half in HALVES
            )
            gains[language] = few - many
            record["accuracy"][f"{language} scored in {scored}"] = {
                "few": few.tolist(), "many": many.tolist()
            }  # fmt: skip
            cells = [points(few.mean()), points(many.mean()), over_seeds(few - many)]
            rows.append([f"learned in {language}, scored in {scored}", *cells])
        cost = gains["sw"] - gains["en"]
        record["accuracy"][f"cost in {scored}"] = cost.tolist()
        rows.append([f"cost of the words left, scored in {scored}", "", "", over_seeds(cost)])
    header = ["", *(f"{half} ({points(shares[half])} % left)" for half in HALVES), "few minus many"]
    text = markdown_table(header, rows) + "\n"
    (HERE / "swahili.md").write_text(text, encoding="utf-8")
    (HERE / "swahili.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(text)


def over_seeds(differences: np.ndarray) -> str:
    """The mean of differences by seed, with the half-width of its 95 % interval."""
    return with_width(float(differences.mean()), half_width(differences))


if __name__ == "__main__":
    main()
