import io

from rich.console import Console

from infoxlm.reporting.sections import Section, markdown_cell, markdown_facts


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


def test_a_title_and_caveats_can_stand_elsewhere():
    section = Section("", ("language", "A"), [("en", "1")], caveats=("Mind the gap.",))
    assert section.markdown() == "| language | A |\n| --- | --: |\n| en | 1 |"
    assert SCORES.markdown(heading=False).startswith("| language")
    assert "Mind the gap." in shown(section)


def test_long_values_wrap_and_stay_whole():
    value = "/".join(["folder"] * 20)
    text = shown(Section("T", ("", "A", "B"), [("data.root", value, "")]), 60)
    assert max(map(len, text.splitlines())) <= 60
    assert value in "".join(text.split())


def test_cells_stay_in_their_cell():
    assert markdown_cell("a|b\nc\\|d") == "a\\|b c\\|d"
    assert markdown_facts([("time", "1 s"), ("speed", "2/s")]) == "- time: 1 s\n- speed: 2/s"
