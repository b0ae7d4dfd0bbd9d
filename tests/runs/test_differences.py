from pathlib import Path

import pytest

from infoxlm.runs.differences import (
    FILES_NAMED,
    Difference,
    difference_section,
    different_facts,
    different_files,
    different_provenance,
    different_settings,
    unrecorded,
)
from infoxlm.runs.finished_run import FinishedRun

RECORD = {
    "started": "2026-11-22T13:30:20+00:00",
    "command": ["infoxlm train"],
    "version": "0.1.0",
    "git": {"commit": "a" * 40, "dirty": False},
    "code": "1" * 64,
    "packages": {"numpy": "1.26.4", "torch": "2.13.0"},
    "python": "3.11.7",
    "platform": "Linux",
    "cpu": {"name": "AMD EPYC", "cores": 2},
    "memory": {"total_mb": 8000},
    "environment": {"OMP_NUM_THREADS": "2"},
    "seed": 42,
    "data": {"/a/test/en.tsv": "e" * 64, "/a/test/de.tsv": "d" * 64},
    "weights": {"/m/model.safetensors": "f" * 64},
}
SETTINGS = {"seed": 42, "data.root": "/a", "trainer.epochs": 5}


def run(task="train", record=(), settings=(), without=()):
    kept = {key: value for key, value in (RECORD | dict(record)).items() if key not in without}
    results = {"task": task, "settings": SETTINGS | dict(settings)}
    return FinishedRun(Path("run"), kept, results)


def test_equal_runs():
    later = run(record={"started": "later", "command": ["infoxlm repeat"]})
    assert different_settings(run(), later) == different_provenance(run(), later) == []
    assert unrecorded(run(), later) == []


def test_settings():
    other = run(settings={"seed": 7, "trainer.patience": "null"})
    assert different_settings(run(), other) == [
        Difference("seed", 42, 7),
        Difference("trainer.patience", None, "null"),
    ]


def test_settings_of_two_commands():
    evaluation = run("evaluate", settings={"split": "dev", "seed": 7})
    assert different_settings(run(), evaluation) == [Difference("seed", 42, 7)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": "0.2.0"}, ("version", "0.1.0", "0.2.0")),
        ({"git": {"commit": "a" * 40, "dirty": True}}, ("git dirty", False, True)),
        ({"packages": {"numpy": "1.26.4"}}, ("packages torch", "2.13.0", None)),
        ({"cpu": {"name": "AMD EPYC", "cores": 8}}, ("cpu cores", 2, 8)),
        ({"environment": {"OMP_NUM_THREADS": "1"}}, ("environment OMP_NUM_THREADS", "2", "1")),
        ({"weights": {"/n/model.safetensors": "0"}}, ("model.safetensors", "f" * 64, "0")),
        ({"data": {"/a/test/en.tsv": "e" * 64}}, ("test/de.tsv", "d" * 64, None)),
    ],
)  # fmt: skip
def test_provenance(change, expected):
    assert different_provenance(run(), run(record=change)) == [Difference(*expected)]


def test_a_checkout_and_an_installation():
    found = different_facts(RECORD, RECORD | {"git": None})
    assert found == [Difference("git commit", "a" * 40, None), Difference("git dirty", False, None)]


def test_records_that_tell_less():
    older = run(without=("code", "memory", "weights"))
    assert different_provenance(run(), older) == []
    assert unrecorded(run(), older) == unrecorded(older, older) == ["code", "memory", "weights"]


def test_a_training_run_and_an_evaluation():
    scored = {"/b/test/en.tsv": "e" * 64, "/b/test/fr.tsv": "a" * 64}
    evaluation = run("evaluate", {"data": scored, "weights": {"/n/model.safetensors": "0" * 64}})
    assert different_provenance(run(), evaluation) == []
    changed = run("evaluate", {"data": {"/b/test/de.tsv": "b" * 64}})
    assert different_provenance(run(), changed) == [Difference("test/de.tsv", "d" * 64, "b" * 64)]


def test_files_are_known_by_content_wherever_they_lie():
    first = {"/a/test/en.tsv": "1", "/a/test/de.tsv": "2", "/a/dev/de.tsv": "3"}
    moved = {"/b/c/test/en.tsv": "1", "zip/german": "2", "/b/dev/de.tsv": "3"}
    assert different_files(first, moved, parts=2) == []
    changed = moved | {"/b/c/test/en.tsv": "9"}
    assert different_files(first, changed, parts=2) == [Difference("test/en.tsv", "1", "9")]


def test_a_name_that_another_file_has_now():
    first = {"/a/test/en.tsv": "1", "/a/test/de.tsv": "2"}
    renamed = {"/a/test/de.tsv": "1"}
    assert different_files(first, renamed, parts=2) == [Difference("test/de.tsv", "2", None)]


def test_a_file_that_had_the_content_of_another():
    first = {"/a/dev/en.tsv": "1", "/a/test/en.tsv": "1"}
    changed = {"/a/dev/en.tsv": "2", "/a/test/en.tsv": "1"}
    assert different_files(first, changed, parts=2) == [Difference("dev/en.tsv", "1", "2")]


def test_section_of_differences():
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


def test_files_of_one_name_are_told_apart_by_their_folders():
    first = {"/a/base/model.safetensors": "1", "/a/best/model.safetensors": "2"}
    moved = {"/b/base/model.safetensors": "1", "/b/best/model.safetensors": "2"}
    assert different_files(first, moved, parts=1) == []
    for changed, expected in (
        ({**moved, "/b/base/model.safetensors": "9"}, ("base/model.safetensors", "1", "9")),
        ({**moved, "/b/best/model.safetensors": "9"}, ("best/model.safetensors", "2", "9")),
    ):
        assert different_files(first, changed, parts=1) == [Difference(*expected)]
    twice = {"/a/model.safetensors": "1", "/a//model.safetensors": "1"}
    assert different_files(twice, twice, parts=1) == []
