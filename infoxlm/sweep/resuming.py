"""`sweep.resume=FOLDER`: the command line of a sweep, to be run again in its folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.os_errors import os_errors_as_user_errors
from infoxlm.schema.free_text import quoted
from infoxlm.sweep.recorded_words import FLAGS, printable, refused_words
from infoxlm.sweep.sweep_record import SweepRecord

KEY = "sweep.resume"
TRIALS = "hydra.sweeper.n_trials"

#: Words that choose the launcher of jobs.
_LAUNCHERS = ("+launcher=", "hydra/launcher=")
#: Words that may be added when a sweep is resumed: how jobs are launched, how long a search is.
_FREE = (*_LAUNCHERS, "hydra.launcher.", f"{TRIALS}=", "hydra.sweeper.direction=")
#: Words on the sweep's own folder; the one that it is resumed in counts.
_PLACES = ("hydra.sweep.dir=", "hydra.sweep.subdir=", f"{KEY}=")


def resumed_words(words: Sequence[str], command: str) -> list[str] | None:
    """The words of the sweep that ``sweep.resume`` names; None when it is not among `words`.

    What is typed counts, what is not comes from the sweep's record.

    Args:
        words: The words behind the command on its command line.
        command: The command.

    Raises:
        UserError: It names no sweep, one of another command, or one whose words are not taken from
            a folder; or other words are given as well.
    """
    named = [word for word in words if word.startswith(f"{KEY}=")]
    if not named:
        return None
    place = named[-1].removeprefix(f"{KEY}=")
    if not place:
        raise UserError(f"{KEY} is empty", "Is the variable set that was to fill it?")
    folder = Path(place).expanduser().absolute()
    with os_errors_as_user_errors():
        record = SweepRecord.read(folder)
    if record.command != command:
        raise UserError(
            f"{named[-1]}: that is a sweep of `infoxlm {record.command}`",
            f"Resume it: infoxlm {record.command} --multirun {named[-1]}.",
        )
    typed = [word for word in words if word not in (*named, *FLAGS, *record.words)]
    recorded = kept_words(record, words, typed)
    theirs = [word for word in recorded if word not in words]
    check_typed(typed, refused_words(theirs, command), named[-1], command)
    check_trials(record, typed)
    return [
        *merged(recorded, typed),
        "--multirun",
        f"hydra.sweep.dir={quoted(str(folder))}",
        "hydra.callbacks.output_folder.resumed=true",
    ]


def kept_words(record: SweepRecord, words: Sequence[str], typed: Sequence[str]) -> list[str]:
    """The words of a record that are run again.

    Args:
        record: The sweep's.
        words: The words typed to resume it.
        typed: Those of them that are not in the record; a launcher among them replaces its own.
    """
    kept = [word for word in record.words if word not in FLAGS and not word.startswith(_PLACES)]
    if any(word.startswith(_LAUNCHERS) for word in typed):
        launching = (*_LAUNCHERS, "hydra.launcher.")
        kept = [word for word in kept if word in words or not word.startswith(launching)]
    return kept


def check_typed(typed: Sequence[str], refused: Sequence[str], named: str, command: str) -> None:
    """Check that what is typed is all that is needed, and no more.

    Args:
        typed: The words that are not in the sweep's record.
        refused: The words of the record that have to be typed.
        named: The word that names the sweep.
        command: The sweep's command.

    Raises:
        UserError: A word asks for another sweep, or one is missing.
    """
    free, given = set(map(key_of, refused)), set(map(key_of, typed))
    if foreign := [w for w in typed if not w.startswith(_FREE) and key_of(w) not in free]:
        raise UserError(
            f"{' '.join(foreign)} with {named}: the sweep began without",
            f"Leave it out: infoxlm {command} --multirun {named} runs what is missing.",
        )
    if untyped := [printable(word) for word in refused if key_of(word) not in given]:
        raise UserError(
            f"{named}: not taken from a folder, which anybody may have written: "
            f"{' '.join(untyped)}",
            "Look at what that does. What you mean, type again behind it.",
        )


def check_trials(record: SweepRecord, typed: Sequence[str]) -> None:
    """Check that a search is not to be shorter than it is already.

    Raises:
        UserError: It has asked for more trials.
    """
    for word in typed:
        wanted = re.fullmatch(rf"{re.escape(TRIALS)}=(\d{{1,9}})", word)
        if wanted and int(wanted[1]) < len(record.jobs):
            raise UserError(
                f"{word}: the search has {len(record.jobs)} trials already",
                "Give as many or more; only then is there something to run.",
            )


def lengthened(record: SweepRecord, words: Sequence[str]) -> list[str]:
    """The words of a record, with the number of trials that a search is resumed for.

    Args:
        record: The search's record.
        words: The words that it is run with now.
    """
    return merged(record.words, [word for word in words if word.startswith(f"{TRIALS}=")])


def merged(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """Words, those with the key of another replaced by it, and the rest of the others behind."""
    replacing = {key_of(word): word for word in others}
    known = set(map(key_of, words))
    return [
        *(replacing.get(key_of(word), word) for word in words),
        *(word for key, word in replacing.items() if key not in known),
    ]


def key_of(word: str) -> str:
    """The key or group of a word."""
    return word.partition("=")[0].lstrip("+~")
