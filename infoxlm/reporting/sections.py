"""Tables with a title and a note, the same for Markdown and the terminal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infoxlm.evaluate.report import markdown_table
from infoxlm.runs.differences import Difference

#: Files that differ are named up to this many; the others are counted.
FILES_NAMED = 4


@dataclass(frozen=True)
class Section:
    """A table with its title; one without rows is its note.

    Attributes:
        title: What it shows.
        header: A cell a column; the first column names what a row is about.
        rows: The cells below.
        note: What its reader has to know.
        summaries: How many rows at the end sum up the others.
        numbers: Whether the cells are numbers, which end at the right, or text, which may wrap.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    summaries: int = 0
    numbers: bool = False

    def markdown(self) -> str:
        """The section for a Markdown file."""
        single = len(self.rows) - self.summaries
        rows = [*self.rows[:single], *([_bold(cell) for cell in row] for row in self.rows[single:])]
        table = [markdown_table(self.header, rows)] if rows else []
        return "\n\n".join([f"## {self.title}", *table, *([self.note] if self.note else [])])

    def terminal(self) -> RenderableType:
        """The section for `infoxlm.reporting.console.show`."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for position, name in enumerate(self.header):
            right = self.numbers and position > 0
            table.add_column(
                name,
                justify="right" if right else "left",
                no_wrap=self.numbers or position == 0,
                overflow="fold",
            )
        single = len(self.rows) - self.summaries
        for position, row in enumerate(self.rows):
            table.add_row(
                *row,
                style="bold" if position >= single else "",
                end_section=position == single - 1 and self.summaries > 0,
            )
        # A title of the table's own would wrap where the table is narrow.
        parts: list[RenderableType] = [Text(self.title, style="bold")]
        parts += [table] if self.rows else []
        parts += [Text(self.note, style="dim")] if self.note else []
        return Group(*parts, "")


def difference_section(
    title: str,
    differences: Sequence[Difference],
    untold: Sequence[str] = (),
    names: tuple[str, str] = ("A", "B"),
) -> Section:
    """What differs between two runs, side by side.

    Args:
        title: What it is about.
        differences: What differs.
        untold: What could not be compared, as one record or both do not tell it.
        names: What the runs are called.
    """
    files = [x for x in differences if _is_sha256(x.first) or _is_sha256(x.second)]
    uncounted = files[FILES_NAMED:] if len(files) > FILES_NAMED + 1 else []
    rows = [(x.name, _shown(x.first), _shown(x.second)) for x in differences if x not in uncounted]
    notes = [] if rows else ["Nothing that both records tell." if untold else "Nothing."]
    if uncounted:
        notes.append(f"And {len(uncounted)} more files.")
    if untold:
        notes.append(f"Not compared, as not both records tell it: {', '.join(untold)}.")
    return Section(title, ("", *names), rows, " ".join(notes))


def _bold(cell: str) -> str:
    return f"**{cell}**" if cell else ""


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _shown(value: Any) -> str:
    """A value in a cell; checksums and commits by their first digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text) else text
