"""The report printed where a run ends."""

import pytest
from rich.table import Table

from infoxlm.reporting.console import show_report


@pytest.fixture
def report():
    table = Table("language", "accuracy")
    table.add_row("sw", "51.5")
    return table


def test_files_below_the_current_folder_are_told_from_there(report, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / ("a-name-that-is-longer-than-the-terminal-is-wide" * 3)
    show_report(report, folder, {"results": "results.md", "by block": "layers.png"})
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == [
        f"results    {folder.relative_to(tmp_path)}/results.md",
        f"by block   {folder.relative_to(tmp_path)}/layers.png",
    ]
    assert any("sw" in line and "51.5" in line for line in out)


def test_files_elsewhere_are_told_by_their_whole_path(report, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    show_report(report, tmp_path / "there", {"results": "results.md"})
    assert capsys.readouterr().out.splitlines()[-1] == f"results    {tmp_path}/there/results.md"


def test_brackets_of_a_path_are_printed(report, tmp_path, capsys):
    """As in a folder named by ${hydra.job.override_dirname}."""
    folder = tmp_path / "data.eval_languages=[en,de],seed=1"
    show_report(report, folder, {"results": "results.md"})
    assert capsys.readouterr().out.splitlines()[-1] == f"results    {folder}/results.md"
