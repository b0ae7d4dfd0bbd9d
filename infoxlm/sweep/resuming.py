"""`sweep.resume=FOLDER`: the command line of a sweep, to be run again in its folder."""

from collections.abc import Sequence
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.free_text import quoted
from infoxlm.sweep.sweep_record import SweepRecord

KEY = "sweep.resume"

#: Words that say that it is a sweep, which it is anyway.
_FLAGS = ("-m", "--multirun")
#: How jobs are launched may change.
_FREE = ("+launcher=", "hydra/launcher=", "hydra.launcher.")


def resumed_words(words: Sequence[str], command: str) -> list[str] | None:
    """The words of the sweep that ``sweep.resume`` names; None when it is not among `words`.

    Args:
        words: What was typed behind the command.
        command: The command.

    Raises:
        UserError: It names no sweep, one of another command, or other words are given besides.
    """
    named = [word for word in words if word.startswith(f"{KEY}=")]
    if not named:
        return None
    place = named[-1].removeprefix(f"{KEY}=")
    if not place:
        raise UserError(f"{KEY} is empty", "Is the variable set that was to fill it?")
    folder = Path(place).expanduser().absolute()
    record = SweepRecord.read(folder)
    if record.command != command:
        raise UserError(
            f"{named[-1]}: that is a sweep of `infoxlm {record.command}`",
            f"Go on with it: infoxlm {record.command} --multirun {named[-1]}.",
        )
    others = [word for word in words if word not in (*named, *_FLAGS, *record.words)]
    launching = [word for word in others if word.startswith(_FREE)]
    if foreign := [word for word in others if word not in launching]:
        raise UserError(
            f"{' '.join(foreign)} with {named[-1]}: the sweep began without",
            f"Leave it out: infoxlm {command} --multirun {named[-1]} runs what is missing.",
        )
    replaced = (*(_FREE if launching else ()), "hydra.sweep.dir=", f"{KEY}=")
    return [
        *(word for word in record.words if word not in _FLAGS and not word.startswith(replaced)),
        *launching,
        "--multirun",
        f"hydra.sweep.dir={quoted(str(folder))}",
        "hydra.callbacks.output_folder.resumed=true",
    ]
