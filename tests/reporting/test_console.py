"""Everything that is printed comes out as it is, whatever it holds."""

import ast
import io
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

import infoxlm
from infoxlm.reporting.console import show

PACKAGE = Path(infoxlm.__file__).parent
ODD = ["[en]", "exp[/final]", "[bold red]", "[", ":smile:", "a|b", "$x$ $y$", "\\[en]", "[link=a]"]


@pytest.fixture
def shown(monkeypatch):
    """Prints into a file of an encoding, and gives what came out."""

    def printed(*parts, encoding="utf-8"):
        file = io.TextIOWrapper(io.BytesIO(), encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", file)
            patch.setenv("COLUMNS", "300")
            show(*parts)
        return file.detach().getvalue().decode(encoding)

    return printed


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("odd", ODD)
def test_cells_headings_titles_and_lines(odd, encoding, shown):
    table = Table(f"head {odd}", title=f"title {odd}", caption=f"caption {odd}")
    table.add_row(f"cell {odd}")
    out = shown(table, f"line {odd}", Text(f"text {odd}"), encoding=encoding)
    for part in ("head", "title", "caption", "cell", "line", "text"):
        assert f"{part} {odd}" in out


def test_lines_are_not_broken(shown):
    assert shown("x" * 1000) == "x" * 1000 + "\n"


def test_control_characters_are_shown_and_measured(shown):
    table = Table("a\x1b[31m", "b")
    table.add_row("\x07", "f\udcff")
    out = shown(table, "\x1b]0;title\x07")
    assert "a\\x1b[31m" in out
    assert "\\x07" in out
    assert "f\\udcff" in out
    assert out.endswith("\\x1b]0;title\\x07\n")
    assert len({len(line) for line in out.splitlines()[:5]}) == 1  # the table's edges stand


def test_letters_that_an_encoding_lacks(shown):
    table = Table("−1", "語")
    table.add_row("±", "★")
    out = shown(table, "größer", encoding="ascii")
    assert "| -1 | \\u8a9e |" in out
    assert "| +- | *      |" in out
    assert "gr\\xf6\\xdfer" in out
    assert "größer" in shown("größer", encoding="latin-1")


def names_called(tree):
    """The names of what a module calls, such as ``print`` and ``sys.stderr.write``."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


#: Modules that write to a terminal otherwise: fixed texts, JSON lines, what others have printed.
WRITERS = {
    "cli/entry.py": {"print"},
    "reporting/streams.py": {"sys.stderr.write"},
    "stopping.py": {"sys.stderr.write"},
    "sweep/job.py": {"sys.__stderr__.write"},
    "deploy/native_output.py": {"sys.stderr.write"},
}


def test_there_is_no_other_way_to_the_terminal():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        found = names_called(ast.parse(path.read_text(encoding="utf-8")))
        ways = {
            call
            for call in found
            if call in ("print", "Console", "rich.print", "rich.console.Console")
            or call.endswith(("stdout.write", "stderr.write", "__stderr__.write"))
        }
        assert ways <= WRITERS.get(name, set()), (
            f"{name} prints without infoxlm.reporting.console.show"
        )
