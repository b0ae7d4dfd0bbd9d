"""`infoxlm COMMAND KEY=VALUE ...`: find the command, compose its configuration, run it."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from infoxlm import __version__
from infoxlm.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

#: What `infoxlm --help` says of each command; each is a module in infoxlm.tasks.
COMMANDS = {
    "train": "fine-tune, scoring every language along the way",
    "evaluate": "score a checkpoint in every language",
    "retrieve": "find translations by the encoder's vectors (Tatoeba)",
    "convert": "PyTorch weights to Paddle, and back",
    "export": "a checkpoint as a static model, checked against it",
    "predict": "label pairs of texts, typed or in a file; zero-shot classification",
    "serve": "predict over HTTP, with a page to try it on",
    "dashboard": "curves and hyper-parameters of all runs in the browser",
    "report": "the runs of a sweep side by side",
    "compare": "two runs side by side, with paired tests",
    "repeat": "run again from a run's folder, and say what differs",
}

#: Keys by the names they are typed with, where Hydra would take these for a group of conf/.
TYPED_AS = {"report": ("sweep=", "folder=")}

USAGE = f"""\
infoxlm {__version__}: reproduce and extend InfoXLM with PaddlePaddle

usage: infoxlm COMMAND [KEY=VALUE ...]

{chr(10).join(f"  {name:<10} {what}" for name, what in COMMANDS.items())}

  infoxlm COMMAND --help            its groups and keys
  infoxlm COMMAND --cfg job         the configuration it would run with
  infoxlm train --multirun seed=1,2,3
  eval "$(infoxlm -sc install=bash)"    completion of commands, groups and keys

try: infoxlm train experiment=demo
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with a code other than 0 after an error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")  # noqa: T201
    elif words[0] in ("--version", "-V"):
        print(f"infoxlm {__version__}")  # noqa: T201
    elif words[0] in ("-sc", "--shell-completion") or words[0].startswith("--shell-completion="):
        complete(words)
    elif words[0] not in COMMANDS:
        fail(UserError(f"there is no command {words[0]!r}", nearest_command(words[0])))
    else:
        run_command(words[0], words[1:])


def nearest_command(word: str) -> str:
    """The remedy for a mistyped command."""
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}The commands are {', '.join(COMMANDS)}."


def fail(error: UserError, code: int = 1) -> NoReturn:
    """Print an error as one line and end the process."""
    line = " ".join(str(error).split())
    sys.stderr.write(f"infoxlm: error: {line}\n")
    sys.exit(code)


def complete(words: Sequence[str]) -> None:
    """Answer the shell's completion: commands first, then what Hydra knows of the command."""
    line = os.environ.get("COMP_LINE", "")
    _, _, rest = line.partition(" ")
    command, space, overrides = rest.lstrip().partition(" ")
    if not any("query" in word for word in words):
        run_hydra("train", words)  # install and uninstall are the same for every command
    elif not space:
        print(" ".join(name for name in COMMANDS if name.startswith(command)))  # noqa: T201
    elif command in COMMANDS:
        # Hydra completes what follows the program's name, so the command goes out of the line.
        os.environ["COMP_LINE"] = f"infoxlm {overrides}"
        from infoxlm.help_page import completions

        print(completions(printed_by_hydra(command, words), command))  # noqa: T201


def printed_by_hydra(command: str, words: Sequence[str]) -> str:
    """What Hydra prints when it answers by itself, instead of running the command."""
    with contextlib.redirect_stdout(io.StringIO()) as page:
        try:
            run_hydra(command, words)
        except SystemExit as answered:  # how Hydra ends after a help page
            if answered.code:
                raise
    return page.getvalue()


def run_command(command: str, words: Sequence[str]) -> None:
    """Run one command, turning what users can mend into one line."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from infoxlm.stopping import Interrupted, end_on_sigterm

    # Hydra would print a traceback and end the process; raised instead, errors are explained here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    end_on_sigterm()
    try:
        if {"-h", "--help"}.intersection(words):
            from infoxlm.help_page import explained

            print(explained(printed_by_hydra(command, words), command), end="")  # noqa: T201
        else:
            run_hydra(command, words)
    except UserError as error:
        fail(error)
    except (HydraException, OmegaConfBaseException, ConfigurationValueError) as error:
        from infoxlm.composition_errors import explain

        fail(explain(error, command, words))
    except Interrupted as stopped:
        sys.stderr.write(f"infoxlm: {stopped.message}\n")
        sys.exit(stopped.code)
    except KeyboardInterrupt:
        sys.stderr.write("infoxlm: interrupted\n")
        sys.exit(130)
    except BrokenPipeError:  # `infoxlm train --help | head`; the rest must not be flushed either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


class ConfigurationValueError(ValueError):
    """What Hydra and OmegaConf complain of with exceptions of Python's own."""


def run_hydra(command: str, words: Sequence[str]) -> None:
    """Compose the command's configuration as Hydra does, and run the command on it."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    from infoxlm.free_text import quote_free_text
    from infoxlm.output_folder import RefusedFolder, clear_all, cleared
    from infoxlm.ranks.place import Place, words_of_rank
    from infoxlm.schema import register_schemas
    from infoxlm.sweep.interception import sweeps_kept
    from infoxlm.sweep.job import CommandLine, run_job
    from infoxlm.sweep.resuming import resumed_words
    from infoxlm.system_errors import refusals_explained

    composed = False
    mistakes: list[Exception] = []

    def job(configuration: DictConfig) -> float | None:
        nonlocal composed
        composed = True
        folder = Path(HydraConfig.get().runtime.output_dir)
        sweep = HydraConfig.get().runtime.choices.get("sweep")

        def work(configuration: DictConfig) -> float | None:
            with refusals_explained():
                return run_task(command, configuration, folder)

        if HydraConfig.get().mode is RunMode.MULTIRUN:
            alone = HydraConfig.get().launcher["_target_"].endswith(".BasicLauncher")
            return run_job(work, configuration, folder, line, alone)
        try:
            with cleared(folder):
                if sweep:
                    raise UserError(
                        f"sweep={sweep} without --multirun would be a single run", "Add --multirun."
                    )
                return work(configuration)
        except (UserError, OmegaConfBaseException) as error:
            mistakes.append(error)
            return None

    rank = Place.of_this_process().rank
    typed = words_of_rank(resumed_words(words, command) or list(words), rank)
    words = [with_key(word, *TYPED_AS.get(command, ("", ""))) for word in typed]
    words = quote_free_text(checked_words(words, command), command)
    register_schemas()
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
    except (ValueError, AssertionError, AttributeError) as error:
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
        clear_all()
    if mistakes:
        raise mistakes[0]


def with_key(word: str, typed: str, meant: str) -> str:
    """A word with the key that is meant."""
    return meant + word.removeprefix(typed) if word.startswith(typed) else word


def checked_words(words: Sequence[str], command: str) -> list[str]:
    """Refuse flags that do not exist, and put the others in front, where Hydra wants them.

    Raises:
        UserError: There is no such flag, or its value is missing or none of its choices.
    """
    from argparse import ArgumentError

    from hydra._internal.utils import get_args_parser

    def is_override(word: str) -> bool:
        return not word.startswith("-") and ("=" in word or word.startswith("~"))

    words = sorted(words, key=is_override)
    parser = get_args_parser()
    parser.exit_on_error = False  # argparse would print Hydra's whole usage
    remedy = f"`infoxlm {command} --hydra-help` lists the flags."
    try:
        _, unknown = parser.parse_known_args(words)
    except ArgumentError as error:
        raise UserError(str(error), remedy) from error
    if unknown:
        raise UserError(f"{unknown[0]}: there is no such flag", remedy)
    return words


def run_task(command: str, configuration: "DictConfig", folder: Path) -> float | None:
    """Check a composed configuration against its schema and run its command in a folder."""
    from omegaconf import OmegaConf

    from infoxlm.composition_errors import refuse_empty_values, refuse_unknown_keys
    from infoxlm.hardware import prepare_environment
    from infoxlm.ranks.place import refuse_devices

    refuse_unknown_keys(configuration, command)
    refuse_empty_values(configuration, command)
    plain: Any = OmegaConf.to_object(configuration)
    refuse_devices(command, getattr(getattr(plain, "hardware", None), "devices", 1))
    # Before anything imports paddle, which reads the environment only then.
    prepare_environment(getattr(getattr(plain, "hardware", plain), "threads", None))
    return import_module(f"infoxlm.tasks.{command}").run(plain, folder)
