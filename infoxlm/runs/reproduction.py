"""repeat.json and repeat.md: whether a run came out the same again, and if not, why perhaps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.constants import TRAINING
from infoxlm.evaluate.report import title
from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.sections import Section
from infoxlm.runs.differences import (
    Difference,
    difference_section,
    different_provenance,
    different_settings,
    unrecorded,
)
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.outcome import Check


@dataclass(frozen=True)
class Reproduction:
    """A run and its reproduction.

    Attributes:
        original: The run.
        repeated: Its reproduction.
        checks: The comparison of each part of their outcomes.
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
        """Differences in configuration and provenance between the two."""
        runs = (self.original, self.repeated)
        return different_settings(*runs) + different_provenance(*runs)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if not self.is_same:
            unlike = next(check for check in self.checks if check.same is False)
            return f"Not the same: of the {unlike.part}, {unlike.finding}."
        exactly = " to the bit" if self.original.command in TRAINING else ""
        return f"The same{exactly}: {', '.join(x.part for x in self.checks if x.same)}."

    def as_dict(self) -> dict[str, Any]:
        """The form in repeat.json."""
        return {
            "run": str(self.original.folder),
            "same": self.is_same,
            "checks": [check._asdict() for check in self.checks],
            "differences": {x.name: {"then": x.first, "now": x.second} for x in self.differences},
        }


def write_reproduction(reproduction: Reproduction, folder: Path) -> None:
    """Write repeat.json and repeat.md."""
    write_json(folder / "repeat.json", reproduction.as_dict())
    blocks = [
        f"# {title(reproduction.original.results)}, repeated",
        f"**{reproduction.verdict}**",
        f"- then: `{reproduction.original.folder}`\n- now: `{reproduction.repeated.folder}`",
        *(section.markdown() for section in _sections(reproduction)),
    ]
    write_text(folder / "repeat.md", "\n\n".join(blocks) + "\n")


def terminal_reproduction(reproduction: Reproduction) -> RenderableType:
    """The report for a terminal: print it with `infoxlm.reporting.console.show`."""
    shown = [section.terminal() for section in _sections(reproduction)]
    style = "bold green" if reproduction.is_same else "bold yellow"
    return Group("", *shown, Text(reproduction.verdict, style=style))


def _sections(reproduction: Reproduction) -> list[Section]:
    words = {True: "yes", False: "no", None: "–"}
    rows = [(check.part, words[check.same], check.finding) for check in reproduction.checks]
    missing = unrecorded(reproduction.original, reproduction.repeated)
    unlike = difference_section(
        "Not as in the run", reproduction.differences, missing, ("then", "now")
    )
    if not reproduction.is_same and not unlike.rows:
        left = "What is left is the computation itself, such as the order of sums on a GPU."
        unlike = replace(unlike, note=f"{unlike.note} {left}")
    return [Section("Repeated", ("", "same", ""), rows), unlike]
