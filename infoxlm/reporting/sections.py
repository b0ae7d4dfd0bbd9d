"""Tables with a title and a note, the same for Markdown and the terminal."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Section:
    """A table with its title; one without rows is its note.

    Attributes:
        title: The heading; empty: one of its own would be one too many.
        header: A cell a column; the first column names what a row is about.
        rows: The cells below.
        note: A sentence for its reader.
        summaries: The number of rows at the end that sum up the others.
        numbers: Whether the cells are numbers, which end at the right, or text, which may wrap.
        caveats: Warnings for its reader, a sentence each; on the terminal they follow
            the note, in Markdown the report puts them first.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    summaries: int = 0
    numbers: bool = False
    caveats: Sequence[str] = ()

    def markdown(self, heading: bool = True) -> str:
        """The section for a Markdown file.

        Args:
            heading: Whether its title stands above.
        """
        single = len(self.rows) - self.summaries
        rows = [*self.rows[:single], *([_bold(cell) for cell in row] for row in self.rows[single:])]
        blocks = [f"## {self.title}"] if heading and self.title else []
        blocks += [markdown_table(self.header, rows)] if rows else []
        return "\n\n".join([*blocks, *([self.note] if self.note else [])])

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
        blocks: list[RenderableType] = [Text(self.title, style="bold")] if self.title else []
        blocks += [table] if self.rows else []
        blocks += [Text(self.note, style="dim")] if self.note else []
        blocks += [Text(caveat, style="yellow") for caveat in self.caveats]
        return Group(*blocks, "")


def _bold(cell: str) -> str:
    return f"**{cell}**" if cell else ""


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    lines = [" | ".join(map(markdown_cell, cells)) for cells in (header, rule, *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def markdown_cell(text: str) -> str:
    """A text that stays in its cell: without line breaks, its bars escaped."""
    return re.sub(r"(?<!\\)\|", r"\|", " ".join(text.split("\n")))


def markdown_facts(facts: Iterable[tuple[str, str]]) -> str:
    """Names and values as a Markdown list."""
    return "\n".join(f"- {name}: {value}" for name, value in facts)
