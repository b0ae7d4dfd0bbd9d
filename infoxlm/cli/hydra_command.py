"""One command under Hydra: its configuration is composed and checked, and it is run on that."""

import logging
import sys
from collections.abc import Sequence
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoxlm.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig


class ConfigurationValueError(ValueError):
    """A fault in the configuration that Hydra or OmegaConf reports as one of Python's errors."""


def run_hydra(command: str, words: Sequence[str]) -> None:
    """Compose the command's configuration as Hydra does, and run the command on it."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    from infoxlm.cli.output_folder import (
        RefusedFolder,
        register_random_hex,
        remove_all_unused,
        remove_if_unused,
    )
    from infoxlm.hardware.place import ProcessInfo, words_of_rank
    from infoxlm.os_errors import os_errors_as_user_errors
    from infoxlm.schema import register_schemas
    from infoxlm.schema.aliases import meant_word
    from infoxlm.schema.free_text import quote_free_text
    from infoxlm.sweep.interception import sweeps_kept
    from infoxlm.sweep.job import CommandLine, run_job
    from infoxlm.sweep.resuming import resumed_words

    composed = False
    mistakes: list[Exception] = []

    def job(configuration: DictConfig) -> float | None:
        nonlocal composed
        composed = True
        folder = Path(HydraConfig.get().runtime.output_dir)
        sweep = HydraConfig.get().runtime.choices.get("sweep")

        def work(configuration: DictConfig) -> float | None:
            # With hydra.job.chdir=true Hydra is in the run's folder; relative paths are the user's.
            with os_errors_as_user_errors(), chdir(line.directory):
                return run_task(command, configuration, folder)

        if HydraConfig.get().mode is RunMode.MULTIRUN:
            alone = HydraConfig.get().launcher["_target_"].endswith(".BasicLauncher")
            return run_job(work, configuration, folder, line, alone)
        try:
            with remove_if_unused(folder):
                if sweep:
                    raise UserError(
                        f"sweep={sweep} without --multirun would be a single run", "Add --multirun."
                    )
                return work(configuration)
        except (UserError, OmegaConfBaseException) as error:
            mistakes.append(error)  # raised below: Hydra would print it with a traceback
            return None

    check_utf8(command, words)
    rank = ProcessInfo.of_this_process().rank
    typed = words_of_rank(resumed_words(words, command) or list(words), rank)
    words = [meant_word(word, command) for word in typed]
    words = quote_free_text(checked_words(words, command), command)
    register_schemas()
    register_random_hex()
    logging.captureWarnings(True)
    program = "infoxlm" if words[:1] == ["-sc"] else f"infoxlm {command}"
    sys.argv = [program, *words]
    line = CommandLine(sys.argv, Path.cwd())
    main = hydra.main(version_base="1.3", config_path="pkg://infoxlm.conf", config_name=command)
    try:
        with sweeps_kept(command, typed):
            main(job)()
    except RefusedFolder as refused:
        raise refused.error from None
    except (ValueError, AssertionError, AttributeError, TypeError) as error:
        # Once composed, these are faults of the code and keep their traceback.
        if composed or isinstance(error, OmegaConfBaseException):
            raise
        raise ConfigurationValueError(str(error)) from error
    except OSError as error:
        if composed or isinstance(error, HydraException | BrokenPipeError):
            raise
        where = f" {error.filename}" if error.filename else ""
        raise UserError(
            f"the run's folder{where} cannot be made: {error.strerror}",
            "Give one that can, with hydra.run.dir=FOLDER or hydra.sweep.dir=FOLDER.",
        ) from error
    finally:
        remove_all_unused()
    if mistakes:
        raise mistakes[0]


def check_utf8(command: str, words: Sequence[str]) -> None:
    """Check that words and the current folder are UTF-8: records could not hold other bytes.

    Raises:
        UserError: One is not.
    """
    if command in ("predict", "serve"):  # which keep no record
        return
    for text in (*words, str(Path.cwd())):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{text}: byte 0x{ord(text[error.start]) & 0xFF:02x} is not UTF-8",
                "Rename what is called so, or set LC_ALL to a locale with UTF-8.",
            ) from error


def checked_words(words: Sequence[str], command: str) -> list[str]:
    """Refuse flags that do not exist, and put the others in front, where Hydra wants them.

    Raises:
        UserError: There is no such flag, its value is missing or none of its choices, or it is
            --multirun and the command runs no sweeps.
    """
    from argparse import ArgumentError

    from hydra._internal.utils import get_args_parser

    from infoxlm.schema import SWEEPING

    def is_override(word: str) -> bool:
        return not word.startswith("-") and ("=" in word or word.startswith("~"))

    words = sorted(words, key=is_override)
    parser = get_args_parser()
    parser.exit_on_error = False  # argparse would print Hydra's whole usage
    remedy = f"`infoxlm {command} --hydra-help` lists the flags."
    try:
        known, unknown = parser.parse_known_args(words)
    except ArgumentError as error:
        raise UserError(str(error), remedy) from error
    if unknown:
        raise UserError(f"{unknown[0]}: there is no such flag", remedy)
    if (known.multirun or "hydra.mode=MULTIRUN" in words) and command not in SWEEPING:
        raise UserError(f"infoxlm {command} runs no sweeps", "Leave --multirun out.")
    return words


def run_task(command: str, configuration: "DictConfig", folder: Path) -> float | None:
    """Check a composed configuration against its schema and run its command in a folder."""
    from omegaconf import OmegaConf

    from infoxlm.hardware.environment import prepare_environment
    from infoxlm.hardware.place import check_devices
    from infoxlm.schema.config_errors import check_known_keys, check_no_empty_values

    check_known_keys(configuration, command)
    check_no_empty_values(configuration, command)
    plain: Any = OmegaConf.to_object(configuration)
    check_devices(command, getattr(getattr(plain, "hardware", None), "devices", 1))
    # Before anything imports paddle, which reads the environment only then.
    prepare_environment(getattr(getattr(plain, "hardware", plain), "threads", None))
    return import_module(f"infoxlm.commands.{command}").run(plain, folder)
