"""The rungs next to each other: translations found by block, and what fine-tuning gives.

    python collect.py --runs runs

Reads the runs of ladder.py; writes ladder.md, ladder.json and ladder.png next to this file.
"""

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from ladder import BLOCK, POOLINGS, RUNGS, SEEDS, START, run_folder

from infoxlm.evaluate.scores import Scores
from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.sections import markdown_table

HERE = Path(__file__).parent
CONTRAST = "mlm_tlm_xlco"
NAMES = {
    START: "start", "mlm": "masked LM", "mlm_tlm": "+ translation LM", CONTRAST: "+ contrast"
}  # fmt: skip
COLORS = {START: "#8c959f", "mlm": "#d4a72c", "mlm_tlm": "#2da44e", CONTRAST: "#1f6feb"}
TITLES = {
    "flores": f"FLORES, {POOLINGS['cls']}",
    **{f"tatoeba_{pooling}": f"Tatoeba, {words}" for pooling, words in POOLINGS.items()},
}

#: Accuracy by block and language, ``[blocks + 1, languages]``, and the languages.
Table = tuple[np.ndarray, list[str]]


def read(run: Path) -> dict[str, Any] | None:
    """A finished run's results."""
    path = run / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def flores(results: dict[str, Any], when: str) -> Table:
    """What a pre-training found on FLORES, `start` or `dev` (its end)."""
    figures = Scores.from_dict(results[when]).figures
    blocks = sum(name.startswith("retrieval_block_") for name in figures)
    rows = [figures[f"retrieval_block_{block}"] for block in range(blocks)]
    return np.array([list(row.values()) for row in rows]), list(rows[0])


def tatoeba(results: dict[str, Any]) -> Table:
    """What `infoxlm retrieve` found, the mean of both directions."""
    layers = [results["layers"][str(block)] for block in range(len(results["layers"]))]
    languages = list(results["pairs"])
    table = [
        [np.mean([side["accuracy"][x] for side in layer.values()]) for x in languages]
        for layer in layers
    ]
    return np.array(table), languages


def retrieval(folder: Path) -> dict[str, dict[str, list[Table]]]:
    """The tables of every rung and the start, one a seed, by data set."""
    found: dict[str, dict[str, list[Table]]] = {data: {} for data in TITLES}
    for rung in RUNGS:
        runs = [read(run_folder(folder, "pretrain", rung, seed)) for seed in SEEDS]
        finished = [run for run in runs if run is not None]
        if finished:
            found["flores"].setdefault(START, [flores(finished[0], "start")])
            found["flores"][rung] = [flores(run, "dev") for run in finished]
    for data, rung in product((f"tatoeba_{pooling}" for pooling in POOLINGS), NAMES):
        seeds = (None,) if rung == START else SEEDS
        runs = [read(run_folder(folder, data, rung, seed)) for seed in seeds]
        if tables := [tatoeba(run) for run in runs if run is not None]:
            found[data][rung] = tables
    return {data: tables for data, tables in found.items() if tables}


def averages(tables: list[Table]) -> np.ndarray:
    """The average over languages, ``[seeds, blocks + 1]``."""
    return np.array([table.mean(axis=1) for table, _ in tables])


def cells(values: np.ndarray) -> str:
    """The mean over seeds in percent, with the seeds where there are several."""
    mean = f"{100 * values.mean():.1f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({', '.join(f'{100 * x:.1f}' for x in values)})"


def gains(tables: dict[str, list[Table]], block: int) -> dict[str, Any]:
    """What the contrast raises a block above the others, next to the seeds' spread."""
    by_rung = {rung: averages(found)[:, block] for rung, found in tables.items()}
    spread = max(float(np.ptp(found)) for found in by_rung.values())
    above = {
        rung: float(by_rung[CONTRAST].mean() - found.mean())
        for rung, found in by_rung.items()
        if rung != CONTRAST
    }
    return {"above": above, "spread": spread, "raised": min(above.values()) > spread}


def section(title: str, tables: dict[str, list[Table]], names: dict[str, str], block: int) -> str:
    """The tables of a data set: by block, and by language at the contrast's block and the last.

    Args:
        title: What is shown.
        tables: One a seed, by rung.
        names: What the rungs are called, in their order.
        block: The contrast's.
    """
    rungs = [rung for rung in names if rung in tables]
    shares = {rung: averages(tables[rung]) for rung in rungs}
    last = shares[rungs[0]].shape[1] - 1
    lines = [["block", *(names[rung] for rung in rungs)]]
    for each in range(last + 1):
        lines.append([str(each), *(cells(shares[rung][:, each]) for rung in rungs)])
    parts = [f"**{title}**: accuracy at 1 in percent by block, average of the languages."]
    parts.append(markdown_table(lines[0], lines[1:]))
    languages = tables[rungs[0]][0][1]
    for each in (block, last):
        lines = [[f"block {each}", *languages]]
        for rung in rungs:
            mean = np.mean([table[each] for table, _ in tables[rung]], axis=0)
            lines.append([names[rung], *(f"{100 * share:.1f}" for share in mean)])
        parts.append(markdown_table(lines[0], lines[1:]))
    return "\n\n".join(parts)


def fine_tuned(folder: Path) -> dict[str, dict[str, Any]]:
    """XNLI's accuracy by rung: the average of each seed, and the mean of each language."""
    found = {}
    for rung in NAMES:
        runs = [read(run_folder(folder, "xnli", rung, seed)) for seed in SEEDS]
        tests = [run["test"] for run in runs if run is not None]
        if tests:
            found[rung] = {
                "averages": [test["average"] for test in tests],
                "languages": {
                    x: float(np.mean([test["accuracy"][x] for test in tests]))
                    for x in tests[0]["accuracy"]
                },
            }
    return found


def xnli_section(found: dict[str, dict[str, Any]]) -> str:
    """Accuracy after fine-tuning on English, by language."""
    languages = list(next(iter(found.values()))["languages"])
    lines = [["XNLI", *languages, "average"]]
    for rung, scores in found.items():
        values = [f"{100 * share:.1f}" for share in scores["languages"].values()]
        lines.append([NAMES[rung], *values, cells(np.array(scores["averages"]))])
    return markdown_table(lines[0], lines[1:])


def plot(found: dict[str, dict[str, list[Table]]], path: Path) -> None:
    """Draw accuracy by block: a thick line a rung, its seeds thin."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        1, len(found), figsize=(4 * len(found) + 1, 4), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axes, (data, tables) in zip(panels[0], found.items(), strict=True):
        for rung in (rung for rung in NAMES if rung in tables):
            shares = 100 * averages(tables[rung])
            axes.plot(shares.T, color=COLORS[rung], lw=0.8, alpha=0.6)
            axes.plot(shares.mean(axis=0), color=COLORS[rung], lw=2.5, label=NAMES[rung])
        axes.axvline(BLOCK, color="#c9ced6", lw=1, linestyle=(0, (4, 3)), zorder=0)
        axes.set_xticks(range(shares.shape[1]))
        axes.set_xlabel("block (0: embeddings); dashed: the contrast's")
        axes.set_title(TITLES[data], loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("translations found, percent")
    panels[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def verdict(found: dict[str, dict[str, list[Table]]]) -> dict[str, Any]:
    """By data set and block, whether the contrast raised it and its neighbours.

    Not before every rung has two seeds: one has no spread.
    """
    return {
        data: {str(block): gains(tables, block) for block in (BLOCK - 1, BLOCK, BLOCK + 1)}
        for data, tables in found.items()
        if START in tables and all(len(tables.get(rung, ())) > 1 for rung in RUNGS)
    }


def sentence(data: str, blocks: dict[str, Any]) -> str:
    """The verdict in words."""
    parts = []
    for block, gain in blocks.items():
        least = min(gain["above"], key=gain["above"].__getitem__)
        parts.append(
            f"block {block} {100 * gain['above'][least]:+.1f} points to the nearest, "
            f"{NAMES[least]} (seeds differ by up to {100 * gain['spread']:.1f}): "
            f"{'raised' if gain['raised'] else 'NOT raised'}"
        )
    return f"{TITLES[data]}, what the contrast adds: {'; '.join(parts)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    found, accuracy = retrieval(given.runs), fine_tuned(given.runs)
    if not found:
        raise SystemExit(f"{given.runs} has no finished run of ladder.py")
    raised = verdict(found)
    parts = [sentence(data, blocks) for data, blocks in raised.items()]
    parts += [section(TITLES[data], tables, NAMES, BLOCK) for data, tables in found.items()]
    parts += [xnli_section(accuracy)] if accuracy else []
    record = {
        "retrieval": {
            data: {
                rung: [{"languages": names, "by_block": table.tolist()} for table, names in of_rung]
                for rung, of_rung in tables.items()
            }
            for data, tables in found.items()
        },
        "raised": raised,
        "xnli": accuracy,
    }
    write_json(given.out / "ladder.json", record)
    write_text(given.out / "ladder.md", "\n\n".join(parts) + "\n")
    plot(found, given.out / "ladder.png")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
