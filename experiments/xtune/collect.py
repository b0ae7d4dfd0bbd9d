"""Lay the variants next to plain fine-tuning, seed by seed and row by row.

    python collect.py --runs runs --xnli_root $XNLI_ROOT

Reads the runs of run.py, and writes comparison.md, comparison.json and comparison.png next to this
file. A variant and plain fine-tuning are paired by their seeds, which decide the head and, where
both learn from the same rows, their order. Two intervals of 95 % belong to a difference: one over
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
from script_gaps import script_gap, script_masks

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
    return {
        "seeds": seeds,
        "baseline": baseline,
        "figures": dict(zip(FIGURES, table.mean(axis=0).tolist(), strict=True)),
        "difference": dict(zip(FIGURES, differences.mean(axis=0).tolist(), strict=True)),
        "half_width_over_seeds": {
            name: half_width(differences[:, column]) for column, name in enumerate(FIGURES)
        },
        "interval_over_rows": {name: list(rows[name].interval) for name in FIGURES},
    }


def points(value: float, signed: bool = False) -> str:
    """A share, or a difference of two, in percent points."""
    return f"{100 * value:{'+' if signed else ''}.1f}"


def with_width(difference: float, width: float | None) -> str:
    """A difference in percent points, with its half-width over seeds where there are several."""
    text = points(difference, signed=True)
    return text if width is None else f"{text} ± {points(width)}"


def difference(found: dict, name: str) -> str:
    """A figure minus its baseline, with the half-width over seeds."""
    return with_width(found["difference"][name], found["half_width_over_seeds"][name])


def written(results: dict, scripts: dict) -> str:
    """The tables for comparison.md."""
    rows = []
    for variant, found in results.items():
        cells = [""] * 5
        if variant != found["baseline"]:
            cells = [found["baseline"]]
            for name in ("average", "gap"):
                over_rows = (points(x, signed=True) for x in found["interval_over_rows"][name])
                cells += [difference(found, name), " to ".join(over_rows)]
        own = (points(found["figures"][name]) for name in ("average", "gap"))
        rows.append([variant, str(len(found["seeds"])), *own, *cells])
    header = [
        "", "seeds", "average", "gap", "baseline", "average minus baseline, ± over seeds",
        "over rows", "gap minus baseline, ± over seeds", "over rows",
    ]  # fmt: skip
    by_language = [
        [variant, *(points(found["figures"][x]) for x in LANGUAGES)]
        for variant, found in results.items()
    ]
    gains = [
        [variant, *(difference(found, x) for x in LANGUAGES)]
        for variant, found in results.items()
        if variant != found["baseline"]
    ]
    scripted = [
        [
            variant, language, str(x["rows"]),
            *(points(x[name]) for name in ("in_script", "other")),
            *(points(x[f"english_{name}"]) for name in ("in_script", "other")),
            points(x["gap"]),
            f"{points(x['added'])} ({' to '.join(points(y) for y in x['interval'])})",
        ]
        for variant, found in scripts.items()
        for language, x in found.items()
    ]  # fmt: skip
    blocks = [
        "Accuracy in percent on XNLI's test rows, mean over seeds.",
        markdown_table(header, rows),
        "By language:",
        markdown_table(["", *LANGUAGES], by_language),
        "Minus the baseline, ± over seeds:",
        markdown_table(["", *LANGUAGES], gains),
        "Rows with a side in another script than the language's, and what they add to the gap to "
        "English, which answers the same rows (95 % over rows):",
        markdown_table(
            ["", "language", "rows", "in its script", "in another", "English there, in its script",
             "in another", "gap to English", "added by other scripts"],
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
        label = variant if found["baseline"] == "plain" else f"{variant}, minus {found['baseline']}"
        axes.bar(positions + number * width - 0.4 + width / 2, values, width, label=label)
    axes.axhline(0, color="#24292f", linewidth=1)
    axes.set_xticks(positions, [*LANGUAGES, "average"])
    axes.set_ylabel("points more than the baseline")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", frameon=False, ncols=3)
    figure.savefig(HERE / "comparison.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--xnli_root", type=Path, required=True)
    arguments = parser.parse_args()
    variants = [variant for variant in VARIANTS if finished(arguments.runs, variant)]
    if "plain" not in variants:
        raise SystemExit(f"{arguments.runs} holds no finished run plain-SEED: see run.py")
    with_plain = finished(arguments.runs, "plain").keys()
    results = {
        variant: compared(arguments.runs, variant, "plain")
        for variant in variants
        if with_plain & finished(arguments.runs, variant).keys()
    }
    for variant in CHANGED:
        if finished(arguments.runs, name := second_stage(variant)):
            results[name] = compared(arguments.runs, name, variant)
    masks = script_masks(arguments.xnli_root)
    scripts = {}
    for variant, found in results.items():
        folders = (run_folder(arguments.runs, variant, seed) for seed in found["seeds"])
        runs = [read_predictions(folder / "predictions.jsonl") for folder in folders]
        scripts[variant] = {x: script_gap(runs, x, mask) for x, mask in masks.items()}
    text = written(results, scripts)
    (HERE / "comparison.md").write_text(text, encoding="utf-8")
    record = {"variants": results, "scripts": scripts}
    (HERE / "comparison.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    plot(results)
    print(text)


if __name__ == "__main__":
    main()
