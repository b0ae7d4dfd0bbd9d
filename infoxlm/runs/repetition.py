"""repeat.json and repeat.md: whether a run came out the same again, and if not, why perhaps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.evaluate.report import write_json
from infoxlm.files.atomic import atomic_path
from infoxlm.reporting.sections import Section, difference_section
from infoxlm.reporting.tables import title
from infoxlm.runs.differences import (
    Difference,
    different_provenance,
    different_settings,
    untold,
)
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.outcome import Check


@dataclass(frozen=True)
class Repetition:
    """A run and its repetition.

    Attributes:
        original: The run.
        repeated: Its repetition.
        checks: Which parts of what they computed are the same.
    """

    original: FinishedRun
    repeated: FinishedRun
    checks: list[Check]

    @property
    def is_same(self) -> bool:
        """Whether nothing that could be looked at differs."""
        return all(check.same is not False for check in self.checks)

    @property
    def differences(self) -> list[Difference]:
        """What the repetition was told or made with that the run was not."""
        runs = (self.original, self.repeated)
        return different_settings(*runs) + different_provenance(*runs)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if not self.is_same:
            unlike = next(check for check in self.checks if check.same is False)
            return f"Not the same: of the {unlike.part}, {unlike.finding}."
        exactly = " to the bit" if self.original.command == "train" else ""
        return f"The same{exactly}: {', '.join(x.part for x in self.checks if x.same)}."

    def as_dict(self) -> dict[str, Any]:
        """The form in repeat.json."""
        return {
            "run": str(self.original.folder),
            "same": self.is_same,
            "checks": [check._asdict() for check in self.checks],
            "differences": {x.name: {"then": x.first, "now": x.second} for x in self.differences},
        }


def write_repetition(repetition: Repetition, folder: Path) -> None:
    """Write repeat.json and repeat.md."""
    write_json(repetition.as_dict(), folder / "repeat.json")
    blocks = [
        f"# {title(repetition.original.results)}, repeated",
        f"**{repetition.verdict}**",
        f"- then: `{repetition.original.folder}`\n- now: `{repetition.repeated.folder}`",
        *(section.markdown() for section in _sections(repetition)),
    ]
    with atomic_path(folder / "repeat.md") as temporary:
        temporary.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def terminal_repetition(repetition: Repetition) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    shown = [section.terminal() for section in _sections(repetition)]
    style = "bold green" if repetition.is_same else "bold yellow"
    return Group("", *shown, Text(repetition.verdict, style=style))


def _sections(repetition: Repetition) -> list[Section]:
    words = {True: "yes", False: "no", None: "–"}
    rows = [(check.part, words[check.same], check.finding) for check in repetition.checks]
    missing = untold(repetition.original, repetition.repeated)
    unlike = difference_section(
        "Not as in the run", repetition.differences, missing, ("then", "now")
    )
    if not repetition.is_same and not unlike.rows:
        left = "What is left is the computation itself, such as the order of sums on a GPU."
        unlike = replace(unlike, note=f"{unlike.note} {left}")
    return [Section("Repeated", ("", "same", ""), rows), unlike]
