"""`infoxlm COMMAND KEY=VALUE ...`: find the command, compose its configuration, run it."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from infoxlm import __version__
from infoxlm.errors import UserError
from infoxlm.reporting.streams import forget_empty_variables, prepare_streams, say

#: The summary of each command in `infoxlm --help`; each is a module in infoxlm.commands.
COMMANDS = {
    "train": "fine-tune, scoring every language along the way",
    "pretrain": "learn from text and translations: masked LM, TLM and contrast",
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
    prepare_streams()
    forget_empty_variables()
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
    say(f"infoxlm: error: {line}")
    sys.exit(code)


def complete(words: Sequence[str]) -> None:
    """Answer the shell's completion: commands first, then what Hydra knows of the command."""
    line = os.environ.get("COMP_LINE", "")
    _, _, rest = line.partition(" ")
    command, space, overrides = rest.lstrip().partition(" ")
    if not any("query" in word for word in words):
        from infoxlm.cli.hydra_command import run_hydra

        run_hydra("train", words)  # install and uninstall are the same for every command
    elif not space:
        print(" ".join(name for name in COMMANDS if name.startswith(command)))  # noqa: T201
    elif command in COMMANDS:
        # Hydra completes what follows the program's name, so the command goes out of the line.
        os.environ["COMP_LINE"] = f"infoxlm {overrides}"
        from infoxlm.cli.help_page import completions

        print(completions(printed_by_hydra(command, words), command))  # noqa: T201


def printed_by_hydra(command: str, words: Sequence[str]) -> str:
    """Hydra's own answer to words such as ``--help``, which do not run the command."""
    from infoxlm.cli.hydra_command import run_hydra

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

    from infoxlm.cli.hydra_command import ConfigurationValueError, run_hydra
    from infoxlm.stopping import Interrupted, end_on_sigterm

    # Hydra would print a traceback and end the process; raised instead, errors are explained here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    end_on_sigterm()
    try:
        if {"-h", "--help"}.intersection(words):
            from infoxlm.cli.help_page import explained

            print(explained(printed_by_hydra(command, words), command), end="")  # noqa: T201
        else:
            run_hydra(command, words)
    except UserError as error:
        fail(error)
    except (HydraException, OmegaConfBaseException, ConfigurationValueError) as error:
        from infoxlm.schema.config_errors import explain

        fail(explain(error, command, words))
    except Interrupted as stopped:
        say(f"infoxlm: {stopped.message}")
        sys.exit(stopped.code)
    except KeyboardInterrupt:
        say("infoxlm: interrupted")
        sys.exit(130)
    except BrokenPipeError:  # `infoxlm train --help | head`; the rest must not be flushed either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
