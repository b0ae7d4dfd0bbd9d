"""Checks of configuration values that a type cannot express."""

import math
import re
from collections.abc import Sequence
from typing import Any

from infoxlm.errors import UserError
from infoxlm.schema.choices import Amp

#: The largest size or number that Paddle and sentencepiece take.
LARGEST = 2**31 - 1

#: Codes as in BCP 47, and with an underscore as in FLORES: language, script, region.
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}([-_][A-Z][a-z]{3})?([-_]([A-Z]{2}|[0-9]{3}))?")

#: Words in the form of a code that mean every language together in reports.
NO_LANGUAGES = ("all",)

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


def check_amp(device: str, amp: Amp) -> None:
    """Check that a device knows a precision; of CPUs, whether this one does is asked elsewhere.

    Raises:
        UserError: It does not.
    """
    if device == "cpu" and amp is Amp.fp16:
        raise UserError(
            "hardware.amp=fp16 on a CPU",
            "CPUs compute in fp32 or, where they can, in bf16: set hardware.amp=none or bf16, "
            "or take hardware=gpu_fp16.",
        )


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


def is_language_code(word: str) -> bool:
    """Tell whether a word has the form of a language's code, such as ko, swh, zh-Hant or pt-BR."""
    return LANGUAGE_CODE.fullmatch(word) is not None and word not in NO_LANGUAGES


def usual_case(code: str) -> str:
    """Write a code with the capital letters that it usually has, such as zh-CN for ZH-cn."""
    first, *others = re.split("([-_])", code)
    cased = [part.title() if len(part) == 4 else part.upper() for part in others]
    return "".join([first.lower(), *cased])


def check_languages(key: str, languages: Sequence[str]) -> None:
    """Check that every language has the form of a code and comes once.

    Which languages there are, the data says when it is opened.

    Raises:
        UserError: One has not, or comes twice.
    """
    for language in languages:
        if not is_language_code(language):
            usual = usual_case(language)
            hint = f"Did you mean {usual}? " if is_language_code(usual) else ""
            if language == "False":
                hint = "In a YAML, no is False unless it is in quotes. "
            raise UserError(
                f"{key}: {language!r} is not the code of a language",
                f"{hint}A code has two or three small letters, and may name script and region "
                "behind them: de, swh, zh-Hant, pt-BR.",
            )
    if not languages or len(set(languages)) < len(languages):
        raise UserError(f"{key}={list(languages)}", "Name at least one language, and each once.")


def check_labels(key: str, labels: Sequence[str]) -> None:
    """Check that labels can be told apart; whether they are those of the data, it says itself.

    Raises:
        UserError: They are fewer than two, or one is empty, comes twice, or cannot be printed.
    """
    words = {label.strip().lower() for label in labels}  # in checkpoints case does not matter
    told_apart = len(words) == len(labels) >= 2
    if not told_apart or not all(word and word.isprintable() for word in words):
        raise UserError(
            f"{key}=[{','.join(labels)}]",
            "Name two labels or more in the order of their numbers, each once, such as "
            f"{key}=[no,yes].",
        )
