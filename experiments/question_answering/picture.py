"""Our scores by language, next to published averages.

    python picture.py --xquad RUN --mlqa EVALUATION

RUN is a run's folder, scored on XQuAD, EVALUATION that of its `infoxlm evaluate` on MLQA's dev set.
Writes languages.json, languages.md and languages.png next to this file, or into --out. Published
averages are over XQuAD's first eleven languages, so that ours is also given without Romanian, and
over MLQA's test set.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.files.atomic import write_json, write_text
from infoxlm.files.json_file import parse_json
from infoxlm.reporting.sections import markdown_table
from infoxlm.tasks.question_answering.published import ROWS

HERE = Path(__file__).parent
METRICS = {"f1": "F1", "exact_match": "exact match"}
TITLES = {"xquad": "XQuAD", "mlqa": "MLQA (dev)"}
#: What ours has to reach in XQuAD's English.
REQUIRED_F1 = 0.3


def figures(folder: Path, split: str, data: str) -> dict[str, Any]:
    """What a run scored, and published averages over the same languages, all from 0 to 1."""
    results = parse_json((folder / "results.json").read_text(encoding="utf-8"))
    if results["data"] != data or split not in results:
        raise SystemExit(f"{folder} is not scored on {TITLES[data]}: it has {results['data']}")
    scores = results[split]
    published = {}
    for row in ROWS[data].values():
        common = [language for language in row.languages if language in scores["f1"]]
        if common == list(row.languages):
            published[row.name] = {"f1": row.average / 100, "exact_match": exact_match(row) / 100}
    languages = next(iter(ROWS[data].values())).languages
    return {
        "model": results["model"],
        "examples": scores["examples"],
        **{metric: scores[metric] for metric in METRICS},
        "average": {metric: mean(scores[metric], list(scores[metric])) for metric in METRICS},
        "average_as_published": {
            metric: mean(scores[metric], list(languages)) for metric in METRICS
        },
        "interval": scores["interval"],
        "combinations": scores.get("combinations", {}).get("average"),
        "published": published,
    }


def exact_match(row: Any) -> float:
    """The exact match of a published row."""
    return row.secondary["exact_match"]


def mean(scores: dict[str, float], languages: list[str]) -> float | None:
    """The mean over languages; None where one was not scored."""
    if any(language not in scores for language in languages):
        return None
    return float(np.mean([scores[language] for language in languages]))


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def markdown(record: dict[str, dict[str, Any]]) -> str:
    """A table a data set, F1 and exact match by language."""
    parts = []
    for data, found in record.items():
        languages = list(found["f1"])
        header = [
            TITLES[data],
            *languages,
            "average",
            f"of {len(ROWS[data]['xlmr_base'].languages)}",
        ]
        lines = []
        for metric, title in METRICS.items():
            cells = [*found[metric].values(), found["average"][metric]]
            cells.append(found["average_as_published"][metric])
            lines.append([f"{found['model']}, {title}", *map(percent, cells)])
        for name, row in found["published"].items():
            for metric, title in METRICS.items():
                empty = [""] * (len(languages) + 1)
                lines.append([f"{name}, {title}", *empty, percent(row[metric])])
        text = markdown_table(header, lines)
        if found["combinations"]:
            means = " / ".join(percent(found["combinations"][metric]) for metric in METRICS)
            text += (
                f"\n\nAll pairs of languages of context and question: {means} (F1 / exact match)."
            )
        parts.append(text)
    english = record["xquad"]["f1"].get("en") if "xquad" in record else None
    if english is not None:
        reached = "reached" if english >= REQUIRED_F1 else "NOT reached"
        parts.append(
            f"F1 on XQuAD's English: {percent(english)}; {percent(REQUIRED_F1)} were asked for: "
            f"{reached}."
        )
    return "\n\n".join(parts) + "\n"


def plot(record: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw F1 by language with its interval, exact match as a mark, published averages aside."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    widths = [len(found["f1"]) + 3 for found in record.values()]
    figure, panels = plt.subplots(
        1, len(record), figsize=(0.55 * sum(widths) + 1, 4.2), width_ratios=widths, sharey=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for axes, (data, found) in zip(panels[0], record.items(), strict=True):
        languages = sorted(found["f1"], key=lambda language: -found["f1"][language])
        scores = np.array([found["f1"][language] for language in languages]) * 100
        ends = np.array([found["interval"][language] for language in languages]).T * 100
        places = np.arange(len(languages))
        axes.bar(places, scores, 0.7, color="#1f6feb", label="F1")
        axes.vlines(places, *ends, color="#24292f", linewidth=1)
        matches = [100 * found["exact_match"][language] for language in languages]
        axes.plot(places, matches, "_", color="#ffffff", markersize=12, label="exact match")
        # The averages stand aside: ours over the published languages, then the published ones.
        rows = {found["model"]: found["average_as_published"], **found["published"]}
        rows = {name: row for name, row in rows.items() if row["f1"] is not None}
        aside = len(languages) + 0.8 + np.arange(len(rows))
        colors = ["#0a3069", *["#c9ced6"] * len(found["published"])]
        axes.bar(aside, [100 * row["f1"] for row in rows.values()], 0.7, color=colors[: len(rows)])
        for place, row in zip(aside, rows.values(), strict=True):
            axes.plot(place, 100 * row["exact_match"], "_", color="#ffffff", markersize=12)
        axes.set_xticks([*places, *aside], [*languages, *rows])
        for label in axes.get_xticklabels()[len(languages) :]:
            label.set(rotation=45, ha="right", fontsize=8)
        average = f"average of the {len(ROWS[data]['xlmr_base'].languages)} published languages"
        axes.set_title(f"{TITLES[data]}; right: {average}", loc="left", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("F1 in percent (mark: exact match)")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--xquad", type=Path, required=True)
    parser.add_argument("--mlqa", type=Path)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    record = {"xquad": figures(arguments.xquad, "test", "xquad")}
    if arguments.mlqa is not None:
        record["mlqa"] = figures(arguments.mlqa, "dev", "mlqa")
    text = markdown(record)
    write_json(arguments.out / "languages.json", record)
    write_text(arguments.out / "languages.md", text)
    plot(record, arguments.out / "languages.png")
    print(text)


if __name__ == "__main__":
    main()
