import io

from rich.console import Console

from infoxlm.reporting.sections import FILES_NAMED, Section, difference_section
from infoxlm.runs.differences import Difference


def shown(section, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(section.terminal())
    return console.file.getvalue()


SCORES = Section(
    "Scores", ("language", "A"), [("en", "70.0"), ("average", "65.0")], "In percent.", 1, True
)


def test_markdown():
    assert SCORES.markdown().splitlines() == [
        "## Scores", "", "| language | A |", "| --- | --: |", "| en | 70.0 |",
        "| **average** | **65.0** |", "", "In percent.",
    ]  # fmt: skip
    assert Section("Empty", ("", "A"), [], "Nothing.").markdown() == "## Empty\n\nNothing."


def test_terminal():
    lines = [line.rstrip() for line in shown(SCORES).splitlines()]
    assert lines[0] == "Scores"
    assert shown(SCORES, 30).splitlines()[0].strip() == "Scores"
    assert lines[1].split() == ["language", "A"]
    assert lines[3] == "en        70.0"
    assert lines[5] == "average   65.0"
    assert "In percent." in lines
    assert shown(Section("Empty", ("", "A"), [], "Nothing.")).split() == ["Empty", "Nothing."]


def test_long_values_wrap_and_stay_whole():
    value = "/".join(["folder"] * 20)
    section = difference_section("T", [Difference("data.root", value, "")])
    text = shown(section, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert value in "".join(text.split())


def test_differences():
    section = difference_section(
        "Differences",
        [
            Difference("code", "0a" * 32, None),
            Difference("git commit", "b" * 40, "c" * 40),
            Difference("git dirty", True, False),
            Difference("seed", 42, 7),
        ],
        ["memory"],
        ("then", "now"),
    )
    assert section.header == ("", "then", "now")
    assert section.rows == [
        ("code", "0a0a0a0a0a0a", "–"),
        ("git commit", "b" * 12, "c" * 12),
        ("git dirty", "yes", "no"),
        ("seed", "42", "7"),
    ]
    assert section.note == "Not compared, as not both records tell it: memory."
    assert difference_section("Differences", []).note == "Nothing."
    assert difference_section("Differences", [], ["git"]).note == (
        "Nothing that both records tell. Not compared, as not both records tell it: git."
    )


def test_many_files_are_counted():
    files = [Difference(f"test/{n}.tsv", f"{n:064x}", f"{n + 1:064x}") for n in range(15)]
    section = difference_section("Files", [*files, Difference("seed", 1, 2)])
    assert [row[0] for row in section.rows] == [
        *(f"test/{n}.tsv" for n in range(FILES_NAMED)), "seed",
    ]  # fmt: skip
    assert section.note == f"And {15 - FILES_NAMED} more files."
    # One more would take the same line as its count.
    assert len(difference_section("Files", files[: FILES_NAMED + 1]).rows) == FILES_NAMED + 1
