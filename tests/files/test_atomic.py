import json
import os
import shutil
from itertools import count
from pathlib import Path

import pytest

from infoxlm.files.atomic import (
    atomic_file,
    atomic_folder,
    move_into_place,
    tidy_folder,
    write_json,
)


class Crash(BaseException):
    """The end of a process; nothing of it runs afterwards."""


def test_appears_whole_with_its_suffix(tmp_path):
    target = tmp_path / "new" / "plot.png"
    with atomic_file(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".png"
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "results.json"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="midway"), atomic_file(target) as temporary:
        temporary.write_text("ne")
        raise RuntimeError("midway")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_whole_or_what_it_was(tmp_path):
    target = tmp_path / "results.json"
    write_json(target, {"ü": [1, None]})
    assert target.read_text(encoding="utf-8") == json.dumps({"ü": [1, None]}, indent=2,
                                                            ensure_ascii=False) + "\n"  # fmt: skip
    before = target.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(target, {"accuracy": float("nan")})
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("locked", [True, False])
def test_folder_replaces_another_as_a_whole(tmp_path, locked):
    target = tmp_path / "deep" / "model"
    for text in ("old", "new"):
        with atomic_folder(target, locked=locked) as part:
            assert not list(part.iterdir())
            (part / f"{text}.txt").write_text(text)
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    assert list(target.parent.iterdir()) == [target]


def test_folder_that_fails_leaves_nothing_of_itself(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "a" / "b" / "c") as part:
        (part / "file").write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_folder_locked_clears_what_a_killed_process_left(tmp_path):
    left = tmp_path / ".model.part"
    left.mkdir()
    (left / "half").touch()
    with atomic_folder(tmp_path / "model", locked=True) as part:
        assert part == left
        (part / "whole").touch()
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["whole"]
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_refused_rename_keeps_the_folder_that_was_to_be_replaced(tmp_path, monkeypatch):
    target, part = tmp_path / "model", tmp_path / ".model.part"
    for folder, name in ((target, "old"), (part, "new")):
        folder.mkdir()
        (folder / name).touch()
    rename = Path.rename

    def refuse(self, to):
        if self == part:
            raise OSError(5, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output"):
        move_into_place(part, target)
    assert [path.name for path in target.iterdir()] == ["old"]


def test_crash_at_any_moment_leaves_one_whole_folder_after_tidying(tmp_path, monkeypatch):
    """Every call that changes the disk is made the last one of the process in turn."""
    target = tmp_path / "runs" / "model"
    ends = []
    for moment in count():
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        target.mkdir(parents=True)
        (target / "old").touch()
        calls = count()

        def dying(function, calls=calls, moment=moment):
            def call(*arguments, **options):
                if next(calls) >= moment:
                    raise Crash
                return function(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            for name in ("mkdir", "rename", "unlink", "rmdir", "fsync"):
                patch.setattr(os, name, dying(getattr(os, name)))
            try:
                with atomic_folder(target, locked=True) as part:
                    (part / "new").touch()
                died = False
            except Crash:
                died = True
        tidy_folder(target.parent)
        assert list(target.parent.iterdir()) == [target]
        ends.append([path.name for path in target.iterdir()])
        assert ends[-1] in (["old"], ["new"])
        if not died:
            break
    assert ends[0] == ["old"]
    assert ends[-1] == ["new"]
    assert len(ends) > 4
