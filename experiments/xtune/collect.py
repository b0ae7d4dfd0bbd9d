"""Lay the variants next to plain fine-tuning, seed by seed and row by row.

    python collect.py --runs runs

Reads the runs of run.py, and writes comparison.md, comparison.json and comparison.png next to this
file. A variant and plain fine-tuning are paired by their seeds, which decide the head, the order of
the pairs and the scored rows of both. Two intervals of 95 % stand next to each difference: one over
seeds (Student's t of the differences by seed), which tells whether other seeds would say the same,
and one over rows (paired bootstrap; a row with all languages, seeds and both variants), which
tells whether other test rows would.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from runs import CHANGED, SEEDS, VARIANTS, run_folder, second_stage
from scipy import stats

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.paired import compare_predictions
from infoxlm.evaluate.predictions import Predictions, concatenated, matched, read_predictions
from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent
FIGURES = (*LANGUAGES, "average", "gap")


def figures_of(run: Predictions) -> np.ndarray:
    """Accuracy in each language, their average, and English minus the others' average."""
    right = run.values["accuracy"]
    accuracy = [right[run.languages == language].mean() for language in LANGUAGES]
    english = LANGUAGES.index("en")
    others = np.delete(accuracy, english).mean()
    return np.array([*accuracy, np.mean(accuracy), accuracy[english] - others])


def half_width(differences: np.ndarray) -> float | None:
    """Of the 95 % interval over seeds; None for a single one, of which nothing is known."""
    count = len(differences)
    if count < 2:
        return None
    return float(stats.t.ppf(0.975, count - 1) * stats.sem(differences))


def finished(folder: Path, variant: str) -> dict[int, Path]:
    """The finished runs of a variant by seed."""
    runs = {seed: run_folder(folder, variant, seed) for seed in SEEDS}
    return {seed: run for seed, run in runs.items() if (run / "results.json").exists()}


def compared(folder: Path, variant: str, baseline: str) -> dict:
    """A variant next to another one, over the seeds that both have."""
    runs, others = finished(folder, variant), finished(folder, baseline)
    seeds = sorted(runs.keys() & others.keys())
    pairs = [
        matched(*(read_predictions(x[seed] / "predictions.jsonl") for x in (others, runs)))
        for seed in seeds
    ]
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    table = np.array([figures_of(run) for run in after])
    differences = table - np.array([figures_of(run) for run in before])
    rows = {x.name: x for x in compare_predictions(concatenated(before), concatenated(after))}
    average = rows["average"]
    return {
        "seeds": seeds,
        "baseline": baseline,
        "figures": dict(zip(FIGURES, table.mean(axis=0).tolist(), strict=True)),
        "difference": dict(zip(FIGURES, differences.mean(axis=0).tolist(), strict=True)),
        "half_width_over_seeds": {
            name: half_width(differences[:, column]) for column, name in enumerate(FIGURES)
        },
        "interval_over_rows": [average.interval.low, average.interval.high],
    }


def script_gaps(folder: Path, results: dict) -> dict:
    """By variant, over its compared seeds, what rows in another script cost Hindi and Urdu."""
    found = {}
    for variant, variant_results in results.items():
        tests = [
            json.loads((run_folder(folder, variant, seed) / "results.json").read_text())["test"]
            for seed in variant_results["seeds"]
        ]
        found[variant] = {
            language: {
                "all": np.mean([test["accuracy"][language] for test in tests]),
                **{
                    part: np.mean([test["scripts"][language][part]["accuracy"] for test in tests])
                    for part in ("in_script", "other")
                },
                "english": np.mean([test["accuracy"]["en"] for test in tests]),
                "rows": tests[0]["scripts"][language]["other"]["examples"],
            }
            for language in ("hi", "ur")
            if all(language in test.get("scripts", {}) for test in tests)
        }
    return found


def points(value: float, signed: bool = False) -> str:
    """A share, or a difference of two, in percent points."""
    return f"{100 * value:{'+' if signed else ''}.1f}"


def with_width(difference: float, width: float | None) -> str:
    """A difference in percent points, with its half-width over seeds where there are several."""
    text = points(difference, signed=True)
    return text if width is None else f"{text} ± {points(width)}"


def written(results: dict, scripts: dict) -> str:
    """The tables for comparison.md."""
    rows = []
    for variant, found in results.items():
        cells = [""] * 4
        if variant != found["baseline"]:
            rows_ = (points(x, signed=True) for x in found["interval_over_rows"])
            average, gap = (
                with_width(found["difference"][name], found["half_width_over_seeds"][name])
                for name in ("average", "gap")
            )
            cells = [average, " to ".join(rows_), gap, found["baseline"]]
        own = (points(found["figures"][name]) for name in ("average", "gap"))
        rows.append([variant, str(len(found["seeds"])), *own, *cells])
    header = [
        "", "seeds", "average", "gap", "average minus baseline, ± over seeds", "over rows",
        "gap minus baseline, ± over seeds", "baseline",
    ]  # fmt: skip
    by_language = [
        [variant, *(points(found["figures"][x]) for x in LANGUAGES)]
        for variant, found in results.items()
    ]
    gains = [
        [variant, *(points(found["difference"][x], signed=True) for x in LANGUAGES)]
        for variant, found in results.items()
        if variant != found["baseline"]
    ]
    scripted = [
        [
            variant, language, str(x["rows"]), points(x["in_script"]), points(x["other"]),
            points(x["all"]), points(x["english"] - x["all"]), points(x["in_script"] - x["all"]),
        ]
        for variant, found in scripts.items()
        for language, x in found.items()
    ]  # fmt: skip
    blocks = [
        "Accuracy in percent on XNLI's test rows, mean over seeds.",
        markdown_table(header, rows),
        "By language:",
        markdown_table(["", *LANGUAGES], by_language),
        "Minus the baseline:",
        markdown_table(["", *LANGUAGES], gains),
        "Rows in another script than the language's, and how much of the gap to English they are:",
        markdown_table(
            ["", "language", "rows", "in its script", "in another", "all", "gap to English",
             "of it other scripts"],
            scripted,
        ),
    ]  # fmt: skip
    return "\n\n".join(blocks) + "\n"


def plot(results: dict) -> None:
    """Draw each variant's difference to its baseline by language."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = {x: found for x, found in results.items() if x != found["baseline"]}
    if not shown:
        return
    figure, axes = plt.subplots(figsize=(10, 4.2), layout="constrained")
    positions = np.arange(len(LANGUAGES) + 1)
    width = 0.8 / len(shown)
    for number, (variant, found) in enumerate(shown.items()):
        values = [100 * found["difference"][x] for x in (*LANGUAGES, "average")]
        axes.bar(positions + number * width - 0.4 + width / 2, values, width, label=variant)
    axes.axhline(0, color="#24292f", linewidth=1)
    axes.set_xticks(positions, [*LANGUAGES, "average"])
    axes.set_ylabel("points more than the baseline")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2)
    figure.savefig(HERE / "comparison.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    variants = [variant for variant in VARIANTS if finished(arguments.runs, variant)]
    if "plain" not in variants:
        raise SystemExit(f"{arguments.runs} holds no finished run plain-SEED: see run.py")
    results = {variant: compared(arguments.runs, variant, "plain") for variant in variants}
    for variant in CHANGED:
        if finished(arguments.runs, name := second_stage(variant)):
            results[name] = compared(arguments.runs, name, variant)
    scripts = script_gaps(arguments.runs, results)
    text = written(results, scripts)
    (HERE / "comparison.md").write_text(text, encoding="utf-8")
    record = {"variants": results, "scripts": scripts}
    (HERE / "comparison.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    plot(results)
    print(text)


if __name__ == "__main__":
    main()
