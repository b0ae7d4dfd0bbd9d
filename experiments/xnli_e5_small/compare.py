"""Set our runs beside the PyTorch loop's, seed by seed, pair by pair.

    python compare.py --ours RUN_42 RUN_43 --pytorch OUT_42 OUT_43

Reads each folder's predictions.jsonl; writes comparison.md, comparison.json and comparison.png
beside this file. The interval is a paired bootstrap over test rows: a row is drawn with its
predictions in all languages, both seeds and both frameworks.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.paired import compare_predictions
from infoxlm.evaluate.predictions import Predictions, matched, read_predictions

HERE = Path(__file__).parent


def accuracies(runs: list[Predictions]) -> np.ndarray:
    """Accuracy of each run and language, ``[runs, 15]``."""
    return np.array(
        [
            [run.values["accuracy"][run.languages == language].mean() for language in LANGUAGES]
            for run in runs
        ]
    )


def concatenated(runs: list[Predictions]) -> Predictions:
    """The predictions of several runs one behind the other."""
    return Predictions(
        np.concatenate([run.languages for run in runs]),
        np.concatenate([run.rows for run in runs]),
        {"accuracy": np.concatenate([run.values["accuracy"] for run in runs])},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", nargs="+", type=Path, required=True)
    parser.add_argument("--pytorch", nargs="+", type=Path, required=True)
    arguments = parser.parse_args()
    pairs = [
        matched(*(read_predictions(run / "predictions.jsonl") for run in both))
        for both in zip(arguments.pytorch, arguments.ours, strict=True)
    ]
    pytorch, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    figures = compare_predictions(concatenated(pytorch), concatenated(ours))
    average = next(figure for figure in figures if figure.name == "average")
    table = {"pytorch": accuracies(pytorch), "ours": accuracies(ours)}
    averages = {name: scores.mean(axis=1) for name, scores in table.items()}
    rows = len(np.unique(ours[0].rows))

    header = ["", *LANGUAGES, "average"]
    lines = [header, ["---"] * len(header)]
    for name, scores in table.items():
        for run, row in enumerate(scores):
            cells = [*row, averages[name][run]]
            lines.append([f"{name}, run {run + 1}", *(f"{100 * x:.1f}" for x in cells)])
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    verdict = (
        f"Ours minus PyTorch, average of {len(ours)} runs over 15 languages and {rows:,} rows "
        f"each: {100 * average.difference:+.2f} points, 95 % interval "
        f"{100 * average.interval.low:+.2f} to {100 * average.interval.high:+.2f} "
        "(paired bootstrap over rows)."
    )
    (HERE / "comparison.md").write_text(f"{text}\n\n{verdict}\n", encoding="utf-8")
    record = {
        "rows": rows,
        **{name: {"accuracy": scores.tolist()} for name, scores in table.items()},
        "averages": {name: values.tolist() for name, values in averages.items()},
        "difference": [average.difference, *average.interval],
    }
    (HERE / "comparison.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    plot(table, verdict)
    print(f"{text}\n\n{verdict}")


def plot(table: dict[str, np.ndarray], verdict: str) -> None:
    """Draw each framework's mean over the runs by language, the runs as dots."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 4.2), layout="constrained")
    positions = np.arange(len(LANGUAGES))
    for shift, (name, color) in enumerate((("pytorch", "#c9ced6"), ("ours", "#1f6feb"))):
        scores = 100 * table[name]
        where = positions + 0.4 * shift - 0.2
        axes.bar(where, scores.mean(axis=0), 0.38, color=color, label=name)
        for run in scores:
            axes.plot(where, run, ".", color="#24292f", markersize=4)
    axes.axhline(100 / 3, color="#8c959f", linestyle="--", linewidth=1)
    axes.set_xticks(positions, LANGUAGES)
    axes.set_ylabel("test accuracy in percent")
    axes.set_ylim(30, None)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="upper right")
    axes.set_title(verdict.split(" (paired")[0], loc="left", fontsize=9)
    figure.savefig(HERE / "comparison.png", dpi=150)


if __name__ == "__main__":
    main()
