"""Checks of configuration values that a type cannot express."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from infoxlm.constants import LABELS, LANGUAGES, OTHER_LANGUAGES
from infoxlm.errors import UserError

#: The largest size or number that Paddle and sentencepiece take.
LARGEST = 2**31 - 1

#: More threads or processes than any machine has cores; the system cannot start any number.
MOST_THREADS = 1024


def check(holds: bool, key: str, value: Any, wanted: str) -> None:
    """Raise the error of a value out of range, naming the key.

    Raises:
        UserError: The condition does not hold.
    """
    if not holds:
        raise UserError(f"{key}={value} is out of range", f"It must be {wanted}.")


def check_positive(owner: Any, section: str, *keys: str) -> None:
    """Check that each key that is set is 1 or more, and no more than an int32 holds."""
    for key in keys:
        value = getattr(owner, key)
        check(value is None or value >= 1, f"{section}.{key}", value, "1 or more")
        check(value is None or value <= LARGEST, f"{section}.{key}", value, f"at most {LARGEST}")


def check_above_zero(owner: Any, section: str, *keys: str) -> None:
    """Check that each key that is set is above 0 and finite."""
    for key in keys:
        value = getattr(owner, key)
        fits = value is None or (value > 0 and math.isfinite(value))
        check(fits, f"{section}.{key}", value, "above 0 and finite")


def check_threads(key: str, threads: int | None) -> None:
    """Check a number of threads or processes; None is for all cores."""
    fits = threads is None or 1 <= threads <= MOST_THREADS
    check(fits, key, threads, f"1 or more, at most {MOST_THREADS}")


def check_fraction(owner: Any, section: str, *keys: str) -> None:
    """Check that each key that is set is at least 0 and below 1."""
    for key in keys:
        value = getattr(owner, key)
        check(value is None or 0 <= value < 1, f"{section}.{key}", value, "at least 0 and below 1")


def check_name(key: str, name: str, names: tuple[str, ...]) -> None:
    """Check that a name is one of those that are implemented.

    Raises:
        UserError: It is not.
    """
    if name not in names:
        raise UserError(f"{key}={name}", f"It must be {' or '.join(names)}.")


def check_run_name(name: str) -> None:
    """Check that a run's name can be a folder's.

    Raises:
        UserError: It cannot, or would lead elsewhere.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise UserError(f"name={name}", "It must be a name for a folder, without slashes.")


def check_languages(key: str, languages: list[str]) -> None:
    """Check that every language is one of XNLI's fifteen and comes once.

    Raises:
        UserError: One is not, with the nearest right one.
    """
    for language in languages:
        if language not in LANGUAGES:
            near = []  # a language's own code is no slip of the keyboard
            if language not in OTHER_LANGUAGES:
                near = get_close_matches(language.lower(), LANGUAGES, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UserError(
                f"{key}: {language!r} is not a language of XNLI",
                f"{hint}The languages are {' '.join(LANGUAGES)}.",
            )
    if not languages or len(set(languages)) < len(languages):
        raise UserError(f"{key}={languages}", "Name at least one language, and each once.")


def check_labels(key: str, labels: Sequence[str]) -> None:
    """Check that labels are XNLI's, each once, in whichever order.

    Raises:
        UserError: They are not.
    """
    if sorted(labels) != sorted(LABELS):
        raise UserError(
            f"{key}=[{','.join(labels)}]",
            f"Name what 0, 1 and 2 mean, in their order, such as [{','.join(LABELS)}].",
        )
