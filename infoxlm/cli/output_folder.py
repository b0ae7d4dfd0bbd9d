"""The folder that Hydra makes for a run or a sweep: checked before, removed if unused."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from infoxlm.errors import UserError
from infoxlm.files.new_folders import first_missing, remove_empty
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.schema.checks import check_run_name
from infoxlm.sweep.sweep_record import SWEEP_RECORD

HYDRA, SWEEP = ".hydra", "multirun.yaml"


def register_random_hex() -> None:
    """Tell OmegaConf ``${random_hex:N}``: N hexadecimal digits, the same in all of a configuration.

    Names of folders hold them, so that two runs that start at the same moment do not share one.
    """
    OmegaConf.register_new_resolver(
        "random_hex",
        lambda digits: secrets.token_hex(digits)[:digits],
        replace=True,
        use_cache=True,
    )


class RefusedFolder(BaseException):
    """Carries an error out of a callback, where Hydra turns each `Exception` into a warning.

    Args:
        error: The error for the user.
    """

    def __init__(self, error: UserError) -> None:
        self.error = error
        super().__init__(str(error))


@dataclass(frozen=True)
class Before:
    """State of a folder before Hydra made it.

    Attributes:
        names: The names of its entries.
        first_new: The topmost folder that has to be made for it; None when it was there.
        log: The name of the log file that Hydra will write.
    """

    names: frozenset[str]
    first_new: Path | None
    log: str


#: By the absolute path of each folder that Hydra was going to make in this process.
_before: dict[Path, Before] = {}


class OutputDirCallback(Callback):
    """Checks a folder before Hydra makes it or writes into it; named in the configuration.

    Args:
        resumed: Whether the folder is that of a sweep that is resumed.
    """

    def __init__(self, resumed: bool = False) -> None:
        self.resumed = resumed

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the folder of a single run."""
        check_output_dir("hydra.run.dir", config)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the folder of a sweep."""
        check_output_dir("hydra.sweep.dir", config, self.resumed)


def check_output_dir(key: str, config: DictConfig, resumed: bool = False) -> None:
    """Check that a folder holds no run or sweep, and remember what it holds.

    Args:
        key: The key that names it.
        config: The whole configuration, Hydra's part too.
        resumed: Whether what the folder holds is resumed.

    Raises:
        RefusedFolder: It is not named, is named for a run that cannot be called so, or holds
            results that would be written over.
    """
    try:
        name = OmegaConf.select(config, key)
        check_run_name(config.name)
    except OmegaConfBaseException:  # Hydra meets it again and tells it
        return
    except UserError as error:
        raise RefusedFolder(error) from error
    if not name:
        raise RefusedFolder(
            UserError(f"{key} is empty", "Is the variable set that was to fill it?")
        )
    folder = Path(name).absolute()
    try:
        first_new = first_missing(folder)
        names = set() if first_new else {path.name for path in folder.iterdir()}
    except OSError:  # Hydra tells why it cannot be made
        return
    resumes = resumed or OmegaConf.select(config, "trainer.resume") is not None
    if not resumes and names & {HYDRA, SWEEP, RUN_RECORD, SWEEP_RECORD}:
        raise RefusedFolder(
            UserError(f"{key}={name} holds a run already", f"Give another with {key}=FOLDER.")
        )
    _before[folder] = Before(frozenset(names), first_new, f"{config.hydra.job.name}.log")


@contextmanager
def remove_if_unused(folder: Path) -> Iterator[None]:
    """Undo what Hydra made when the block ends, also by a mistake of the user or by Ctrl-C.

    After a programming error the folder stays, to look into.
    """
    try:
        yield
    except (UserError, OmegaConfBaseException, KeyboardInterrupt):
        undo(folder)
        raise
    except BaseException:
        _before.pop(folder, None)
        raise
    undo(folder)


def undo(folder: Path) -> None:
    """Undo what Hydra made of a folder, unless the command has written to it.

    Args:
        folder: The absolute path of a run's folder, a sweep's, or that of a sweep's job.
    """
    before = _before.get(folder)
    if before is None and folder.parent in _before:
        before = Before(frozenset(), folder, _before[folder.parent].log)
    if before is None or not folder.is_dir():
        return
    new = {path.name for path in folder.iterdir()} - before.names
    if new <= {HYDRA, SWEEP, before.log}:
        for name in new:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink()
        if before.first_new is not None:
            remove_empty(folder, before.first_new)


def remove_all_unused() -> None:
    """Undo what Hydra made of folders that no command has written to, as of a sweep's own."""
    for folder in _before:
        undo(folder)
