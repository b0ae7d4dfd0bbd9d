"""The console that every command prints its tables and lines to."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from infoxlm.reporting.streams import encodable, visible


class PlainConsole(Console):
    """Prints texts as they are.

    Names and values from outside stand in every table. Nothing in them is taken for markup, as
    ``[en]`` would be, for an emoji's name or for the terminal's control, and nothing is lost or
    raised because of the terminal's encoding.
    """

    def __init__(self) -> None:
        super().__init__(markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a string, such as a cell, into text that is measured and laid out."""
        return super().render_str(self._shown(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Turn something that is laid out into pieces of text."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else self._shown(segment.text)
            yield segment._replace(text=text)

    def _shown(self, text: str) -> str:
        return encodable(visible(text), getattr(self.file, "encoding", None))


def show(*blocks: RenderableType) -> None:
    """Print tables and lines. A line is not broken, so that a path in it can be copied."""
    console = PlainConsole()
    for block in blocks:
        console.print(block, soft_wrap=isinstance(block, str))


def show_report(report: RenderableType, folder: Path, files: Mapping[str, str]) -> None:
    """Print a report and where its files are.

    Args:
        report: The table or text to print.
        folder: The run's folder.
        files: Names of files in it, by what they are called.
    """
    shown = from_here(folder)
    show(report, *(f"{what:<10} {shown / name}" for what, name in files.items()))


def from_here(folder: Path) -> Path:
    """A folder as it is shown: by its path from the current one, when it is below."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
