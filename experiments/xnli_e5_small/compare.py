"""Our runs next to the PyTorch loop's: over seeds, and pair by pair.

    python compare.py --ours RUN_42 RUN_43 RUN_44 --pytorch OUT_42 OUT_43

Reads each folder's predictions.jsonl; writes comparison.md, comparison.json and comparison.png
next to this file, or into --out. Runs of both sides are given in the order of their seeds; one side
may have more. Three intervals of 95 % tell three things: over all seeds (Welch's t), what other
seeds would give; over the seeds that both sides have, paired (Student's t), the same without what a
seed's head and order of pairs do alike to both; over rows (paired bootstrap; a row with all
languages, seeds and sides), what other test rows would give.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.paired import compare_predictions
from infoxlm.evaluate.predictions import Predictions, concatenated, matched, read_predictions
from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent


def accuracies(runs: list[Predictions]) -> np.ndarray:
    """Accuracy of each run and language, ``[runs, 15]``."""
    return np.array(
        [
            [run.values["accuracy"][run.languages == language].mean() for language in LANGUAGES]
            for run in runs
        ]
    )


def over_seeds(ours: np.ndarray, pytorch: np.ndarray) -> dict[str, Any]:
    """Ours minus PyTorch of averages by seed, with the intervals over seeds."""
    common = min(len(ours), len(pytorch))
    welch = stats.ttest_ind(ours, pytorch, equal_var=False).confidence_interval()
    paired = ours[:common] - pytorch[:common]
    interval = stats.ttest_1samp(paired, 0).confidence_interval()
    return {
        "difference": float(ours.mean() - pytorch.mean()),
        "interval": [float(welch.low), float(welch.high)],
        "paired": paired.tolist(),
        "paired_difference": float(paired.mean()),
        "paired_interval": [float(interval.low), float(interval.high)],
    }


def points(difference: float, interval: list[float]) -> str:
    """A difference in points with its interval."""
    low, high = (f"{100 * end:+.2f}" for end in interval)
    return f"{100 * difference:+.2f} points, 95 % interval {low} to {high}"


def verdict(record: dict[str, Any]) -> str:
    """What the figures say."""
    counts = {name: len(values) for name, values in record["averages"].items()}
    seeds, rows = record["over_seeds"], record["over_rows"]
    common = len(seeds["paired"])
    return (
        f"Ours minus PyTorch, average of 15 languages and {record['rows']:,} rows each, "
        f"{counts['ours']} seeds of ours and {counts['pytorch']} of PyTorch: "
        f"{points(seeds['difference'], seeds['interval'])} (over seeds, Welch's t). The {common} "
        f"seeds that both have, paired: "
        f"{points(seeds['paired_difference'], seeds['paired_interval'])} (over seeds, Student's "
        f"t); {points(rows['difference'], rows['interval'])} (over rows, paired bootstrap)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--ours", nargs="+", type=Path, required=True)
    parser.add_argument("--pytorch", nargs="+", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    if min(len(given.ours), len(given.pytorch)) < 2:
        raise SystemExit("one run has no spread: give two seeds a side at least")
    sides = {
        name: [read_predictions(run / "predictions.jsonl") for run in runs]
        for name, runs in (("pytorch", given.pytorch), ("ours", given.ours))
    }
    first = sides["ours"][0]
    sides = {name: [matched(first, run)[1] for run in runs] for name, runs in sides.items()}
    pairs = list(zip(sides["pytorch"], sides["ours"], strict=False))  # one side may have more
    before, after = (concatenated([pair[side] for pair in pairs]) for side in (0, 1))
    figures = compare_predictions(before, after)
    average = next(figure for figure in figures if figure.name == "average")
    table = {name: accuracies(runs) for name, runs in sides.items()}
    averages = {name: scores.mean(axis=1) for name, scores in table.items()}
    record = {
        "rows": len(np.unique(after.rows)),
        **{name: {"accuracy": scores.tolist()} for name, scores in table.items()},
        "averages": {name: values.tolist() for name, values in averages.items()},
        "over_seeds": over_seeds(averages["ours"], averages["pytorch"]),
        "over_rows": {"difference": average.difference, "interval": list(average.interval)},
    }
    lines = []
    for name, scores in table.items():
        for run, row in enumerate(scores):
            cells = [*row, averages[name][run]]
            lines.append([f"{name}, run {run + 1}", *(f"{100 * x:.1f}" for x in cells)])
        means = [*scores.mean(axis=0), averages[name].mean()]
        lines.append([f"**{name}, mean**", *(f"{100 * x:.1f}" for x in means)])
    text = f"{markdown_table(['', *LANGUAGES, 'average'], lines)}\n\n{verdict(record)}\n"
    (given.out / "comparison.md").write_text(text, encoding="utf-8")
    written = json.dumps(record, indent=2) + "\n"
    (given.out / "comparison.json").write_text(written, encoding="utf-8")
    seeds = record["over_seeds"]
    title = f"ours minus PyTorch, over seeds: {points(seeds['difference'], seeds['interval'])}"
    plot(table, title, given.out / "comparison.png")
    print(text)


def draw_bars(axes: Any, table: dict[str, np.ndarray], colors: dict[str, str]) -> None:
    """Draw each side's mean over its runs by language, ``[runs, 15]``, and the runs as dots."""
    positions = np.arange(len(LANGUAGES))
    for shift, (name, color) in enumerate(colors.items()):
        scores = 100 * table[name]
        where = positions + 0.4 * shift - 0.2
        axes.bar(where, scores.mean(axis=0), 0.38, color=color, label=name)
        for run in scores:
            axes.plot(where, run, ".", color="#24292f", markersize=4)
    axes.set_xticks(positions, LANGUAGES)
    axes.set_ylabel("test accuracy in percent")
    axes.set_ylim(30, None)


def plot(table: dict[str, np.ndarray], title: str, path: Path) -> None:
    """Draw each framework's mean over the runs by language, the runs as dots."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 4.2), layout="constrained")
    draw_bars(axes, table, {"pytorch": "#c9ced6", "ours": "#1f6feb"})
    axes.axhline(100 / 3, color="#8c959f", linestyle="--", linewidth=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="upper right")
    axes.set_title(title, loc="left", fontsize=9)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
