"""A run's checkpoints: the newest few and the best, each whole or not there."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.atomic import PART, move_into_place, tidy_folder
from infoxlm.files.manifest import check_manifest, write_manifest
from infoxlm.train.training_state import TrainingState

logger = logging.getLogger(__name__)

#: The folder of a step that could not be taken.
FAILED = "failed_step"


class Checkpoints:
    """Writes ``step-N`` folders and ``best`` below a run's ``checkpoints``.

    A checkpoint is written under another name, listed in a manifest of checksums, synced to the
    disk and only then given its own; what it replaces is removed after that. So whenever the
    process or the machine dies, every folder that has its name is whole, and damage done later is
    recognised.

    Args:
        folder: The run's ``checkpoints`` folder.
        keep: Number of ``step-N`` folders to keep; the best is kept as well.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep
        self._whole: dict[Path, bool] = {}

    @property
    def best(self) -> Path:
        """The best checkpoint so far."""
        return self.folder / "best"

    def save(
        self, step: int, write: Callable[[Path], None], *, is_best: bool, to_resume: bool = False
    ) -> None:
        """Write a checkpoint, as the newest and perhaps as the best, and remove old ones.

        Args:
            step: The optimizer steps behind it.
            write: Fills the folder it is given.
            is_best: Whether it becomes ``best`` as well.
            to_resume: Keep it for the time being even where ``keep`` is 0.

        Raises:
            UserError: The disk is full or the folder cannot be written; older checkpoints stay.
        """
        newest = self.folder / f"step-{step}"
        with self._writing(newest) as part:
            self._write(part, write)
            if is_best:
                self._link_as_best(part)
            if self._keep or to_resume:
                move_into_place(part, newest)
            # What lies ahead was passed over when the run was resumed from before: it goes first.
            ahead = [path for path in self._steps() if step_of(path) > step]
            behind = [path for path in self._steps() if step_of(path) <= step]
            for old in [*ahead, *behind[: -max(self._keep, to_resume) or None]]:
                shutil.rmtree(old)

    def save_failed(self, write: Callable[[Path], None]) -> Path:
        """Write the folder of a step that failed, which no run resumes from, and return it.

        Raises:
            UserError: The disk is full or the folder cannot be written.
        """
        target = self.folder / FAILED
        with self._writing(target) as part:
            self._write(part, write)
            move_into_place(part, target)
        return target

    def newest_usable(self) -> Path | None:
        """The checkpoint with the most steps that is undamaged; None when there is none."""
        return next(self.usable(), None)

    def usable(self) -> Iterator[Path]:
        """The checkpoints that are undamaged, those of most steps first.

        Also tidies up after a process that died while it was writing. Damage is named in the log.
        """
        tidy_folder(self.folder)
        self._whole.clear()
        found = []
        for folder in [*self._steps(), self.best]:
            if folder.is_dir():
                try:
                    found.append((TrainingState.read(folder).step, folder))
                except UserError as error:
                    self._pass_over(folder, error)
        # Of a step and a best of the same content the step comes first.
        for _, folder in sorted(found, key=lambda pair: (pair[0], pair[1] != self.best))[::-1]:
            if self._is_whole(folder):
                yield folder

    def restore_best(self, step: int) -> bool:
        """See to it that ``best`` is whole and of a step, taking it from ``step-N`` if need be.

        Args:
            step: The step of the best checkpoint; 0 before there is one.

        Returns:
            False when no whole copy of it is left.
        """
        if step == 0:
            return True
        if self._is_whole(self.best) and TrainingState.read(self.best).step == step:
            return True
        twin = self.folder / f"step-{step}"
        if not self._is_whole(twin):
            return False
        logger.warning("%s: taken again from %s", self.best, twin.name)
        with self._writing(self.best):
            self._link_as_best(twin)
        self._whole[self.best] = True
        return True

    def set_best_aside(self) -> None:
        """Give a best that cannot be used another name, so that none is taken for it."""
        aside = self.folder / "best.damaged"
        self._whole.pop(self.best, None)
        shutil.rmtree(aside, ignore_errors=True)
        if self.best.exists():
            self.best.rename(aside)

    def _is_whole(self, folder: Path) -> bool:
        """Tell whether a checkpoint is undamaged; each is read once."""
        if folder not in self._whole:
            self._whole[folder] = False
            if folder.is_dir():
                try:
                    check_manifest(folder)
                    self._whole[folder] = True
                except UserError as error:
                    self._pass_over(folder, error)
        return self._whole[folder]

    def _pass_over(self, folder: Path, error: UserError) -> None:
        self._whole[folder] = False
        logger.warning("%s: passed over", error.problem)

    def _link_as_best(self, whole: Path) -> None:
        links = self.folder / f".best{PART}"
        shutil.rmtree(links, ignore_errors=True)
        shutil.copytree(whole, links, copy_function=link_or_copy)
        move_into_place(links, self.best)

    @contextmanager
    def _writing(self, target: Path) -> Iterator[Path]:
        """Give the folder to write in place of `target`, and explain what goes wrong."""
        part = target.with_name(f".{target.name}{PART}")
        try:
            yield part
        except OSError as error:
            raise UserError(
                f"checkpoint {target} cannot be written: {error.strerror or error}",
                "Make room, or give another folder with hydra.run.dir=FOLDER.",
            ) from error
        finally:
            for unnamed in self.folder.glob(f".*{PART}"):
                shutil.rmtree(unnamed, ignore_errors=True)

    def _write(self, part: Path, write: Callable[[Path], None]) -> None:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        write(part)
        write_manifest(part)

    def _steps(self) -> list[Path]:
        """The ``step-N`` folders, oldest first."""
        named = (path for path in self.folder.glob("step-*") if path.name[5:].isdecimal())
        return sorted(named, key=step_of)


def step_of(folder: Path) -> int:
    """The N of a ``step-N`` folder."""
    return int(folder.name[5:])


def link_or_copy(source: str, target: str) -> None:
    """Hard-link a file, or copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
