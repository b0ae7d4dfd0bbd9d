"""Our runs next to the PyTorch loop's, question by question.

    python compare.py --ours RUN_1 RUN_2 --pytorch OUT_1 OUT_2 --xquad_root $XQUAD_ROOT

Reads predictions/predictions.{language}.json of each folder, which are in SQuAD's form on both
sides, and scores them by SQuAD 1.1's rules; writes comparison.md, comparison.json and
comparison.png next to this file, or into --out. The intervals are paired bootstraps over questions:
one is drawn with its answers in all languages, of both seeds and both sides.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from features import LANGUAGES, read_questions, xquad_file

from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.paired import PairedFigure, compare_predictions
from infoxlm.evaluate.predictions import Predictions, concatenated
from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.sections import markdown_table
from infoxlm.tasks.question_answering.answer_scores import SQUAD, AnswerScore, score_answer

HERE = Path(__file__).parent
#: What tells answers apart, and what it is called.
METRICS = {"f1": "F1", "exact_match": "exact match"}
SIDES = {"pytorch": "PyTorch loop", "ours": "ours"}


def scored(run: Path, xquad_root: Path) -> Predictions:
    """Score a run's answers, language by language in the order of the files."""
    languages, rows, scores = [], [], []
    for language in LANGUAGES:
        path = run / "predictions" / f"predictions.{language}.json"
        if not path.exists():
            continue
        answers = json.loads(path.read_text(encoding="utf-8"))
        for question in read_questions(xquad_file(xquad_root, language)):
            if question.id in answers:
                golds = [gold.text for gold in question.answers]
                languages.append(language)
                rows.append(question.row)
                scores.append(score_answer(answers[question.id], golds, SQUAD, language))
    if not scores:
        raise SystemExit(f"{run} has no answers to XQuAD's questions in predictions/")
    values = np.array(scores)
    columns = {name: values[:, place] for place, name in enumerate(AnswerScore._fields)}
    return Predictions(np.array(languages), np.array(rows, np.int64), columns)


def check_same_questions(runs: list[Predictions]) -> None:
    """Stop where runs did not answer the same questions."""
    asked = [list(zip(run.languages.tolist(), run.rows.tolist(), strict=True)) for run in runs]
    if any(each != asked[0] for each in asked):
        raise SystemExit("the runs answered different questions: score all on the same")


def by_language(runs: list[Predictions], metric: str) -> np.ndarray:
    """The mean of each run and language, ``[runs, languages]``."""
    return np.array(
        [
            [run.values[metric][places].mean() for places in run.by_language().values()]
            for run in runs
        ]
    )


def compared(sides: dict[str, list[Predictions]]) -> dict[str, Any]:
    """All figures, by metric."""
    first = sides["ours"][0]
    record: dict[str, Any] = {
        "languages": list(first.by_language()),
        "questions": len(np.unique(first.rows)),
    }
    pytorch, ours = (concatenated(sides[side]) for side in SIDES)
    for metric in METRICS:
        table = {side: by_language(runs, metric) for side, runs in sides.items()}
        averages = {side: scores.mean(axis=1) for side, scores in table.items()}
        figures = {x.name: x for x in compare_predictions(pytorch, ours, Metric(metric))}
        record[metric] = {
            **{side: scores.tolist() for side, scores in table.items()},
            "averages": {side: found.tolist() for side, found in averages.items()},
            "spread_of_seeds": {side: float(np.ptp(found)) for side, found in averages.items()},
            "differences": {name: difference(x) for name, x in figures.items() if name != "gap"},
        }
    return record


def difference(figure: PairedFigure) -> dict[str, Any]:
    """What ours is more than PyTorch's, with its interval and significance."""
    test = figure.test
    adjusted = None if test is None else test.p_adjusted
    return {"mean": figure.difference, "interval": list(figure.interval), "p_adjusted": adjusted}


def markdown(record: dict[str, Any]) -> str:
    """The tables of both metrics, each with what follows from it."""
    parts = []
    for metric, title in METRICS.items():
        found = record[metric]
        header = [title, *record["languages"], "average"]
        lines = []
        for side, name in SIDES.items():
            for run, scores in enumerate(found[side]):
                cells = [*scores, found["averages"][side][run]]
                lines.append([f"{name}, run {run + 1}", *(f"{100 * x:.1f}" for x in cells)])
        changes = [found["differences"].get(name) for name in header[1:]]
        lines.append(
            ["ours minus PyTorch", *(f"{100 * x['mean']:+.1f}" if x else "" for x in changes)]
        )
        parts.append(f"{markdown_table(header, lines)}\n\n{verdict(record, metric)}")
    return "\n\n".join(parts) + "\n"


def verdict(record: dict[str, Any], metric: str) -> str:
    """What the averages say, in two sentences."""
    found = record[metric]
    total = found["differences"].get("average") or next(iter(found["differences"].values()))
    low, high = (100 * end for end in total["interval"])
    spreads = {side: 100 * found["spread_of_seeds"][side] for side in SIDES}
    within = abs(100 * total["mean"]) <= max(spreads.values())
    return (
        f"Ours minus PyTorch, {METRICS[metric]}, {len(found['ours'])} runs a side over "
        f"{len(record['languages'])} languages and {record['questions']:,} questions each: "
        f"{100 * total['mean']:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f} (paired "
        f"bootstrap over questions). The seeds of a side differ by {spreads['ours']:.2f} (ours) "
        f"and {spreads['pytorch']:.2f} (PyTorch) points: the difference is "
        f"{'within' if within else 'NOT within'} their spread."
    )


def plot(record: dict[str, Any], path: Path) -> None:
    """Draw each side's mean over its runs by language, the runs as dots."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(2, 1, figsize=(10, 6.4), sharex=True, layout="constrained")
    names = [*record["languages"], "average"]
    positions = np.arange(len(names))
    for axes, (metric, title) in zip(rows, METRICS.items(), strict=True):
        found = record[metric]
        for shift, (side, color) in enumerate((("pytorch", "#c9ced6"), ("ours", "#1f6feb"))):
            scores = np.column_stack([found[side], found["averages"][side]]) * 100
            where = positions + 0.4 * shift - 0.2
            axes.bar(where, scores.mean(axis=0), 0.38, color=color, label=SIDES[side])
            for run in scores:
                axes.plot(where, run, ".", color="#24292f", markersize=4)
        axes.set_ylabel(f"{title} in percent")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(verdict(record, metric).split(" (paired")[0], loc="left", fontsize=9)
    rows[1].set_xticks(positions, names)
    rows[0].legend(frameon=False, ncols=2, loc="upper right")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", nargs="+", type=Path, required=True)
    parser.add_argument("--pytorch", nargs="+", type=Path, required=True)
    parser.add_argument("--xquad_root", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    sides = {
        side: [scored(run, arguments.xquad_root) for run in getattr(arguments, side)]
        for side in SIDES
    }
    check_same_questions([run for runs in sides.values() for run in runs])
    record = compared(sides)
    text = markdown(record)
    write_json(arguments.out / "comparison.json", record)
    write_text(arguments.out / "comparison.md", text)
    plot(record, arguments.out / "comparison.png")
    print(text)


if __name__ == "__main__":
    main()
