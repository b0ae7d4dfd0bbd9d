"""Medians, spread and ratios of what was measured, as table and picture."""

import statistics
from pathlib import Path
from typing import Any

from paths import PRECISIONS

from infoxlm.runs.machine import describe_process

#: Bar and goal of each comparison, as ratios of ours to theirs, and the bar against the defaults.
Bars = tuple[float | None, float | None, float | None]
NONE: Bars = (None, None, None)
#: What is compared: work, size, the number in a line, its name, and the bars in fp32 and in bf16.
ROWS: list[tuple[str, str, str, str, Bars, Bars]] = [
    ("train", "base", "pairs_per_second", "fine-tuning, base shape, pairs/s",
     (1.3, 1.5, 3.5), (1.4, 1.8, None)),
    ("train", "e5_small", "pairs_per_second", "fine-tuning, e5_small, pairs/s",
     (1.2, 1.4, 3.5), (1.3, 1.7, None)),
    ("score", "base", "pairs_per_second", "scoring 15 languages, base shape, pairs/s",
     (1.15, 1.3, 3.0), (1.15, 1.4, None)),
    ("score", "e5_small", "pairs_per_second", "scoring 15 languages, e5_small, pairs/s",
     (1.15, 1.3, 3.0), (1.15, 1.4, None)),
    ("score_alone", "base", "pairs_per_second", "scoring with fixed weights, base shape, pairs/s",
     (1.15, 1.3, None), (1.1, 1.3, None)),
    ("score_alone", "e5_small", "pairs_per_second", "scoring with fixed weights, e5_small, pairs/s",
     (1.15, 1.3, None), (1.1, 1.3, None)),
    ("memory", "base", "peak_mb", "peak memory, base shape, MB",
     (0.5, 0.4, 0.5), (0.42, 0.33, None)),
    ("memory", "e5_small", "peak_mb", "peak memory, e5_small, MB", NONE, NONE),
    ("start", "base", "seconds", "to the end of the first micro-batch, base shape, s",
     (1.0, 0.7, None), (0.8, 0.6, None)),
    ("start", "e5_small", "seconds", "to the end of the first micro-batch, e5_small, s",
     (1.0, 0.7, None), (0.8, 0.6, None)),
]  # fmt: skip


def values(lines: list[dict[str, Any]], key: str, **wanted: str) -> list[float]:
    """Select what a side measured in turns with another."""
    return [line[key] for line in lines if all(line[k] == v for k, v in wanted.items())]


def compare(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a work: both sides' numbers beside each opponent, and the ratio of medians."""
    rows = []
    kinds = [(precision, row) for precision in PRECISIONS for row in ROWS]
    for precision, (work, size, key, name, *bars) in kinds:
        bar, goal, bar_defaults = bars[list(PRECISIONS).index(precision)]
        row: dict[str, Any] = {"name": name, "bar": bar, "goal": goal, "bar_defaults": bar_defaults}
        row["precision"] = precision
        for beside in ("best", "defaults"):
            about = {"size": size, "work": work, "precision": precision, "beside": beside}
            ours = values(lines, key, side="ours", **about)
            theirs = values(lines, key, side=beside, **about)
            if ours and theirs:
                row[beside] = {
                    "ours": ours,
                    "theirs": theirs,
                    "ratio": statistics.median(ours) / statistics.median(theirs),
                }
        if "best" in row:
            rows.append(row)
    return rows


def number(found: list[float]) -> str:
    """The median, and the least and the most when there are several."""
    digits = 0 if statistics.median(found) >= 1000 else 1
    text = f"{statistics.median(found):,.{digits}f}"
    if len(found) > 1:
        text += f" ({min(found):,.{digits}f} to {max(found):,.{digits}f})"
    return text


def markdown(rows: list[dict[str, Any]], lines: list[dict[str, Any]]) -> str:
    """The table."""
    out = [
        "| | | ours | PyTorch, best | ratio | bar, goal | PyTorch, defaults | ratio | bar |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        best, defaults = row["best"], row.get("defaults")
        bars = "" if row["bar"] is None else f"{row['bar']}, {row['goal']}"
        out.append(
            f"| {row['precision']} | {row['name']} | {number(best['ours'])} "
            f"| {number(best['theirs'])} "
            f"| **{best['ratio']:.2f}** | {bars} "
            + (
                f"| {number(defaults['theirs'])} | **{defaults['ratio']:.2f}** "
                f"| {row['bar_defaults'] or ''} |"
                if defaults
                else "| | | |"
            )
        )
    shares = [
        line["share_of_machine"]
        for line in lines
        if line["size"] == "base"
        and line["beside"] == "best"
        and line["precision"] == "fp32"
        and line.get("share_of_machine")
    ]
    if shares:
        out += [
            "",
            "Useful floating-point work of fine-tuning the base shape in fp32, as a share of this "
            f"machine's sgemm, measured just after each window: "
            f"{100 * statistics.median(shares):.0f} % "
            f"({100 * min(shares):.0f} to {100 * max(shares):.0f} %).",
        ]
    machine = describe_process()
    packages = ", ".join(
        f"{name} {version}"
        for name, version in machine["packages"].items()
        if name in ("paddlepaddle", "torch", "transformers")
    )
    cpus: dict[str, list[str]] = {}
    for precision in PRECISIONS:
        for cpu in dict.fromkeys(x["cpu"] for x in lines if x["precision"] == precision):
            cpus.setdefault(cpu, []).append(precision)
    where = "; ".join(f"{' and '.join(kinds)}: {cpu}" for cpu, kinds in cpus.items())
    out += [
        "",
        f"{where}. 2 threads; {packages}; medians (least to most). Ours is measured beside each "
        "opponent anew; its column shows the turns with PyTorch's best settings.",
    ]
    return "\n".join(out) + "\n"


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """A dot for each ratio, so that more is better everywhere, and a tick for each bar."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(9, 0.55 * len(rows) + 1.4), layout="constrained")
    for place, row in enumerate(reversed(rows)):
        less_is_better = row["bar"] is not None and row["bar"] <= 1 or "memory" in row["name"]
        for beside, colour in (("best", "#1f6feb"), ("defaults", "#8b949e")):
            if beside in row:
                ratio = row[beside]["ratio"]
                ratio = 1 / ratio if less_is_better else ratio
                axis.plot(ratio, place, "o", color=colour, markersize=9)
                axis.annotate(f"{ratio:.2f}", (ratio, place), (0, 8), ha="center",
                              textcoords="offset points", fontsize=8, color=colour)  # fmt: skip
        if row["bar"]:
            bar = 1 / row["bar"] if less_is_better else row["bar"]
            axis.plot(bar, place, "|", color="#cf222e", markersize=16, markeredgewidth=2)
    axis.axvline(1, color="#57606a", linewidth=0.8)
    names = [f"{row['name'].rsplit(',', 1)[0]}, {row['precision']}" for row in reversed(rows)]
    axis.set_yticks(range(len(rows)), names)
    axis.set_ylim(-0.6, len(rows) - 0.3)
    axis.set_xlabel(
        "times as good as PyTorch + transformers:\n"
        "blue at its best settings, grey at its defaults; red: the bar",
        fontsize=8,
    )
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)


def write_report(lines: list[dict[str, Any]], stem: Path) -> None:
    """Write ``<stem>.md`` and ``<stem>.png``, and print the table."""
    rows = compare(lines)
    text = markdown(rows, lines)
    stem.with_suffix(".md").write_text(text, encoding="utf-8")
    plot(rows, stem.with_suffix(".png"))
    print(text)
