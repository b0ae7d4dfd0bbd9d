"""A comparison of two runs for programs, for readers and for the terminal."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.evaluate.paired import PairedFigure
from infoxlm.evaluate.report import write_json
from infoxlm.files.atomic import atomic_path
from infoxlm.reporting.sections import Section, difference_section
from infoxlm.reporting.tables import percent, run_facts, title
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.run_comparison import RunComparison


def headline(comparison: RunComparison) -> str:
    """Who is better, in one or two sentences."""
    overall, count = comparison.overall, len(comparison.languages)
    if not comparison.unlike:
        return f"A and B predict the same on all {comparison.pairs:,} pairs."
    low, high = overall.interval
    numbers = (
        f"{percent(overall.difference, signed=True)} points "
        f"({f'average of {count} languages' if count > 1 else overall.name}, "
        f"95 % interval {_interval(overall)})"
    )
    if low <= 0 <= high:
        text = f"No difference beyond the choice of test pairs: B − A is {numbers}."
    else:
        text = f"B is {'better' if low > 0 else 'worse'} than A: {numbers}."
    if count == 1:
        return text
    sure = [x for x in comparison.languages if x.is_significant]
    better = " ".join(x.name for x in sure if x.difference > 0) or "none"
    worse = " ".join(x.name for x in sure if x.difference < 0) or "none"
    return f"{text} Single languages, by Holm's method: B better in {better}, worse in {worse}."


def sections(comparison: RunComparison) -> list[Section]:
    """The tables of a comparison, in the order in which they are read."""
    return [
        difference_section("Configuration that differs", comparison.settings),
        difference_section("Provenance that differs", comparison.provenance, comparison.untold),
        _accuracy(comparison),
        _run_facts(comparison.first, comparison.second),
    ]


def write_comparison(comparison: RunComparison, folder: Path) -> None:
    """Write compare.json and compare.md; call it after the plot, so that it is shown."""
    write_json(comparison.as_dict(), folder / "compare.json")
    blocks = [
        f"# {title(comparison.first.results)} (A) and {title(comparison.second.results)} (B)",
        f"**{headline(comparison)}**",
        "\n".join(f"- {name}: `{run.folder}`" for name, run in _named(comparison)),
    ]
    if (folder / "compare.png").exists():
        blocks.append("![Difference by language](compare.png)")
    blocks += [section.markdown() for section in sections(comparison)]
    with atomic_path(folder / "compare.md") as temporary:
        temporary.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def terminal_comparison(comparison: RunComparison) -> RenderableType:
    """The comparison for a terminal: print it with `infoxlm.reporting.console.show`."""
    runs = [
        Text.assemble((name, "bold"), f"  {title(run.results)}\n   {run.folder}", overflow="fold")
        for name, run in _named(comparison)
    ]
    shown = [section.terminal() for section in sections(comparison)]
    return Group(*runs, "", *shown, Text(headline(comparison), style="bold"))


def _named(comparison: RunComparison) -> list[tuple[str, FinishedRun]]:
    return [("A", comparison.first), ("B", comparison.second)]


def _accuracy(comparison: RunComparison) -> Section:
    header = ("language", "A", "B", "B − A", "95 % interval", "only A", "only B", "p", "Holm")
    note = (
        "Percent, differences in points. Interval: paired bootstrap over rows, each drawn with its "
        "translations. only A, only B: pairs that one run alone got right; p: McNemar's exact test "
        "on them, over several languages its form for clusters. Holm: p adjusted for the "
        f"number of languages looked at, {len(comparison.languages)}. None of these knows how much "
        "another training seed would change."
    )
    return Section(
        f"{comparison.first.split.capitalize()} accuracy",
        header,
        [_accuracy_row(figure) for figure in comparison.figures],
        note,
        summaries=len(comparison.figures) - len(comparison.languages),
        numbers=True,
    )


def _accuracy_row(figure: PairedFigure) -> tuple[str, ...]:
    test = figure.test
    return (
        figure.name,
        percent(figure.first),
        percent(figure.second),
        percent(figure.difference, signed=True),
        _interval(figure),
        "" if test is None else f"{test.only_first:,}",
        "" if test is None else f"{test.only_second:,}",
        "" if test is None else _p_value(test.p_value),
        "" if test is None or test.p_adjusted is None else _p_value(test.p_adjusted),
    )


def _interval(figure: PairedFigure) -> str:
    return " to ".join(percent(bound, signed=True) for bound in figure.interval)


def _p_value(p_value: float) -> str:
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _run_facts(first: FinishedRun, second: FinishedRun) -> Section:
    """Steps, time, speed and memory of both, where there are any."""
    facts, others = (dict(run_facts(run.results)) for run in (first, second))
    rows = [(name, facts.get(name, "–"), others.get(name, "–")) for name in facts | others]
    note = "Speeds compare only when both ran on the same machine with nothing beside them."
    return Section("Steps, time and memory", ("", "A", "B"), rows, note, numbers=True)
