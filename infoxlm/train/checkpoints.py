"""A run's checkpoints: the newest few and the best, each whole or not there."""

import os
import shutil
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.tokenizer import InfoXLMTokenizer


class Checkpoints:
    """Writes ``step-N`` folders and ``best`` below a run's ``checkpoints``.

    Args:
        folder: The run's ``checkpoints`` folder.
        tokenizer: Saved into each checkpoint, so that it can be used by itself.
        keep: Number of ``step-N`` folders to keep; the best is kept besides.
    """

    def __init__(self, folder: Path, tokenizer: InfoXLMTokenizer, keep: int) -> None:
        self.folder = folder
        self._tokenizer = tokenizer
        self._keep = keep

    @property
    def best(self) -> Path:
        """The best checkpoint so far."""
        return self.folder / "best"

    def save(self, step: int, model: InfoXLMForSequenceClassification, is_best: bool) -> None:
        """Write a checkpoint, as the newest and perhaps as the best, and remove old ones.

        Raises:
            UserError: The disk is full or the folder cannot be written.
        """
        newest = self.folder / f"step-{step}"
        part = self.folder / f".step-{step}.part"
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            model.save_pretrained(part)
            self._tokenizer.save_pretrained(part)
            if is_best:
                self._replace_best(part)
            if self._keep:
                shutil.rmtree(newest, ignore_errors=True)
                part.rename(newest)
            for old in self._steps()[: -self._keep or None]:
                shutil.rmtree(old)
        except OSError as error:
            raise UserError(
                f"checkpoint {newest} cannot be written: {error.strerror or error}",
                "Make room, or give another folder with hydra.run.dir=FOLDER.",
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _replace_best(self, written: Path) -> None:
        """Make ``best`` a folder of hard links to a checkpoint just written."""
        part = self.folder / ".best.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(written, part, copy_function=link_or_copy)
        replaced = self.folder / ".best.replaced"
        if self.best.exists():
            self.best.rename(replaced)
        part.rename(self.best)
        shutil.rmtree(replaced, ignore_errors=True)

    def _steps(self) -> list[Path]:
        """The ``step-N`` folders, oldest first."""
        return sorted(self.folder.glob("step-*"), key=lambda path: int(path.name[5:]))


def link_or_copy(source: str, target: str) -> None:
    """Hard-link a file, or copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
