"""Whenever a process dies or the disk fills up, the newest whole checkpoint is found again."""

import io
import os
import shutil
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from infoxlm.errors import UserError
from infoxlm.files.manifest import check_manifest
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.training_state import TrainingState

#: The system's calls that change what is on the disk, or make it last.
CHANGING = ("mkdir", "rename", "link", "unlink", "rmdir", "fsync")

#: A run's checkpoints: step, whether it is the best, whether the run is stopped there.
SAVES = [(1, True, False), (2, False, False), (3, True, False), (4, False, True), (4, True, False)]


class Crash(BaseException):
    """The end of a process; nothing of it runs afterwards."""


def full():
    raise OSError(28, "No space left on device")


def crash():
    raise Crash


@contextmanager
def failing(number, fail, *, for_good):
    """Have the n-th changing call fail, 0 being the first; and all after it, if for good.

    Yields a list that says whether it came to that.
    """
    calls, failed = count(), []

    def watch(function, changes):
        def watched(*arguments, **options):
            if changes(*arguments, **options):
                place = next(calls)
                if place == number or (for_good and place > number):
                    failed.append(function)
                    fail()
            return function(*arguments, **options)

        return watched

    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGING:
            patch.setattr(os, name, watch(getattr(os, name), lambda *_, **__: True))
        patch.setattr(io, "open", watch(io.open, lambda path, mode="r", *_, **__: "r" not in mode))
        yield failed


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Does not wait for the disk: no machine goes down here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def save(folder, keep, step, is_best, to_resume):
    before = [one for one, was_best, _ in SAVES if was_best and one < step]

    def write(folder):
        (folder / "model.safetensors").write_text(f"weights {step}")
        TrainingState(step, best_step=step if is_best else max(before)).write(folder)

    Checkpoints(folder, keep).save(step, write, is_best=is_best, to_resume=to_resume)


def newest_step(folder, keep):
    """The step of the newest usable checkpoint, 0 for none, whole in any case."""
    found = Checkpoints(folder, keep).newest_usable()
    if found is None:
        return 0
    check_manifest(found)
    state = TrainingState.read(found)
    assert (found / "model.safetensors").read_text() == f"weights {state.step}"
    # The best is the one that the state speaks of, or one that came after it.
    check_manifest(folder / "best")
    assert TrainingState.read(folder / "best").step >= state.best_step
    return state.step


def prepare(folder, keep, saves):
    shutil.rmtree(folder, ignore_errors=True)
    for settings in saves:
        save(folder, keep, *settings)


@pytest.mark.parametrize("keep", [0, 2])
@pytest.mark.parametrize("number", range(len(SAVES)))
def test_a_crash_at_any_moment_loses_nothing_that_was_whole(number, keep, tmp_path):
    folder = tmp_path / "checkpoints"
    step, is_best, to_resume = SAVES[number]
    for moment in count():
        prepare(folder, keep, SAVES[:number])
        before, had_best = newest_step(folder, keep), (folder / "best").exists()
        try:
            with failing(moment, crash, for_good=True) as crashed:
                save(folder, keep, *SAVES[number])
        except Crash:
            pass
        # Nor does it matter when the process dies that tidies up.
        for second in range(3):
            try:
                with failing(second, crash, for_good=True):
                    Checkpoints(folder, keep).newest_usable()
            except Crash:
                pass
        after = newest_step(folder, keep)
        assert after in (before, step), f"after the crash at call {moment}"
        assert (folder / "best").exists() >= had_best
        if (folder / "best").exists():
            check_manifest(folder / "best")
        assert not list(folder.glob(".*"))
        save(folder, keep, step, is_best, to_resume)  # as the resumed run does
        kept = is_best or to_resume or keep
        assert newest_step(folder, keep) == (step if kept else before)
        if not crashed:
            break
    assert moment > 8


@pytest.mark.parametrize("number", range(len(SAVES)))
def test_a_disk_that_is_full_at_any_moment_is_an_error_and_no_loss(number, tmp_path):
    keep, folder = 1, tmp_path / "checkpoints"
    step = SAVES[number][0]
    for moment in count():
        prepare(folder, keep, SAVES[:number])
        before, had_best = newest_step(folder, keep), (folder / "best").exists()
        try:
            with failing(moment, full, for_good=False) as failed:
                save(folder, keep, *SAVES[number])
        except UserError as error:
            assert f"step-{step} cannot be written: No space left on device" in error.problem
            assert "Make room" in error.remedy
        else:
            save(folder, keep, *SAVES[number])  # if it was no matter now, it is none later
        assert not list(folder.glob(".*.part"))
        assert newest_step(folder, keep) in (before, step)
        assert (folder / "best").exists() >= had_best
        assert not list(folder.glob(".*"))
        if not failed:
            break
    assert moment > 8


@pytest.mark.parametrize("files", [0, 1, 2])
def test_a_disk_that_fills_up_while_weights_are_written_leaves_nothing_half(files, tmp_path):
    folder = tmp_path / "checkpoints"
    prepare(folder, 1, SAVES[:3])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def fill(part: Path):
        for number in range(files):
            (part / f"{number}.bin").write_bytes(b"half")
        full()

    checkpoints = Checkpoints(folder, 1)
    with pytest.raises(UserError, match="step-4 cannot be written: No space left on device"):
        checkpoints.save(4, fill, is_best=True)
    with pytest.raises(UserError, match="failed_step cannot be written: No space left on device"):
        checkpoints.save_failed(fill)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in folder.iterdir()) == ["best", "step-3"]


def test_an_error_of_the_program_is_not_taken_for_a_full_disk(tmp_path):
    def fill(part: Path):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Checkpoints(tmp_path, 1).save(4, fill, is_best=True)
    assert list(tmp_path.iterdir()) == []
