"""results.json, and the table and the picture made of it: a section for each script here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.reporting.drawing import FAINT, INK, OURS, figure, heading
from infoxlm.runs.machine import describe_process

#: The sections in their order, each with what its table counts: key, heading, format.
SECTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "latency": (
        ("p50_ms", "p50, ms", ".1f"),
        ("p99_ms", "p99, ms", ".1f"),
        ("largest_difference", "largest difference", ".1e"),
    ),
    "files": (
        ("pairs_per_second", "pairs/s", ".0f"),
        ("seconds", "s", ".1f"),
        ("largest_difference", "largest difference", ".1e"),
    ),
    "load": (
        ("pairs_per_second", "pairs/s", ".0f"),
        ("requests", "requests", ",.0f"),
        ("answered", "answered", ",.0f"),
        ("refused", "refused (429)", ",.0f"),
        ("lost", "lost", ",.0f"),
        ("wrong", "wrong", ",.0f"),
        ("p50_ms", "p50, ms", ".0f"),
        ("p99_ms", "p99, ms", ".0f"),
        ("largest_difference", "largest difference", ".1e"),
    ),
    "chaos": (
        ("pairs_per_second", "pairs/s", ".0f"),
        ("requests", "requests", ",.0f"),
        ("answered", "answered", ",.0f"),
        ("lost", "lost", ",.0f"),
        ("wrong", "wrong", ",.0f"),
        ("p50_ms", "p50, ms", ".0f"),
        ("p99_ms", "p99, ms", ".0f"),
        ("hung_up", "hung up", ",.0f"),
        ("killed", "workers killed", ".0f"),
        ("idle", "idle connections", ".0f"),
    ),
    "formats": (
        ("megabytes", "MB", ".0f"),
        ("accuracy", "accuracy, %", ".1f"),
        ("same_label", "same label, %", ".1f"),
        ("pairs_per_second", "pairs/s", ".0f"),
        ("p50_ms", "one pair, ms", ".1f"),
        ("load_seconds", "to load, s", ".1f"),
        ("memory_mb", "memory, MB", ".0f"),
    ),
}

#: What is drawn of a section.
DRAWN = {
    "latency": ("p50_ms", "one pair, ms (median)"),
    "files": ("pairs_per_second", "a file, pairs/s"),
    "load": ("pairs_per_second", "64 clients, pairs/s"),
    "chaos": ("pairs_per_second", "64 clients, disturbed, pairs/s"),
    "formats": ("pairs_per_second", "formats, pairs/s"),
}


def record(section: str, content: Mapping[str, Any], folder: Path) -> None:
    """Put what was measured into results.json, and write results.md and results.png anew.

    Args:
        section: Which.
        content: `settings`; `sides`, the figures of each; `bars`, ratios with what they should be.
        folder: Where to.
    """
    file = folder / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    results[section] = {**content, "made_with": describe_process()}
    file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(page(results), encoding="utf-8")
    draw(results, folder / "results.png")
    print("\n".join(table(section, results[section])))


def page(results: Mapping[str, Any]) -> str:
    """All tables."""
    found = [section for section in SECTIONS if section in results]
    return "\n".join(line for section in found for line in table(section, results[section]))


def table(section: str, content: Mapping[str, Any]) -> list[str]:
    """A section as Markdown."""
    columns = SECTIONS[section]
    lines = [
        f"## {section}",
        "",
        "| | " + " | ".join(name for _, name, _ in columns) + " |",
        "|---" + "|--:" * len(columns) + "|",
    ]
    for name, figures in content["sides"].items():
        cells = [format(figures[key], form) if key in figures else "" for key, _, form in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", ", ".join(f"{key} {value}" for key, value in content["settings"].items()) + "."]
    for name, bar in content.get("bars", {}).items():
        which, wanted = next((key, bar[key]) for key in ("at least", "at most") if key in bar)
        holds = bar["ratio"] >= wanted if which == "at least" else bar["ratio"] <= wanted
        verdict = "reached" if holds else "**missed**"
        lines += ["", f"{name}: {bar['ratio']:.2f}, to be {which} {wanted}: {verdict}."]
    return [*lines, ""]


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw the main figure of each section as bars."""
    found = [section for section in DRAWN if section in results]
    heights = [0.8 + 0.32 * bars(results, each) for each in found]
    with figure(path) as (axes,):
        drawn = axes.figure
        axes.remove()  # the panels stand below each other, with nothing in common
        drawn.set_size_inches(10, 0.9 + sum(heights))
        panels = drawn.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
        for panel, section in zip(panels, found, strict=True):
            key, title = DRAWN[section]
            sides = results[section]["sides"]
            names = [name for name in reversed(sides) if key in sides[name]]
            values = [sides[name][key] for name in names]
            colors = [OURS if name.startswith("infoxlm") else FAINT for name in names]
            drawn_bars = panel.barh(names, values, color=colors, height=0.7)
            panel.bar_label(drawn_bars, [f"{value:,.4g}" for value in values], padding=4, color=INK)
            panel.set_xlim(0, 1.15 * max(values))
            panel.grid(visible=False)
            panel.set_xticks([])
            heading(panel, title, "")


def bars(results: Mapping[str, Any], section: str) -> int:
    """Count the bars that a section draws."""
    return sum(DRAWN[section][0] in figures for figures in results[section]["sides"].values())
