"""Text for terminals: harmless, and in whatever encoding they have."""

import codecs
import os
import re
import sys

#: Control characters, which a terminal obeys, and surrogates, which no encoding holds.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: Substitutes for the signs of our own reports where an encoding lacks them.
_NEAREST = {"−": "-", "–": "-", "±": "+-", "★": "*", "…": "..."}


def visible(text: str) -> str:
    r"""A text with control characters and bytes that were no UTF-8 as escapes, such as ``\x1b``.

    So are the signs that turn the direction of the text behind them.
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def encodable(text: str, encoding: str | None) -> str:
    """A text in which only characters are left that an encoding holds; None: it holds all."""
    if encoding is None or holds_all(encoding):
        return text
    return text.encode(encoding, _ERRORS).decode(encoding)


def holds_all(encoding: str) -> bool:
    """Tell whether an encoding is one of Unicode's."""
    return codecs.lookup(encoding).name.startswith("utf")


def say(line: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{visible(line)}\n")


def prepare_streams() -> None:
    """Have standard output show every text, where it would raise at what its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors=_ERRORS)


def forget_empty_variables() -> None:
    """Unset our variables in the environment that are empty: by convention, they are not set.

    A key of the server's that is empty stays, and is refused: leaving it out would open the server.
    """
    for name, value in list(os.environ.items()):
        if name.startswith("INFOXLM_") and name != "INFOXLM_API_KEY" and not value:
            del os.environ[name]


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """Replace a character that an encoding lacks: an error handler for ``codecs``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    if sign in _NEAREST:
        return _NEAREST[sign], error.start + 1
    shown, _ = codecs.backslashreplace_errors(
        UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    )
    return str(shown), error.start + 1


_ERRORS = "infoxlm.nearest"
codecs.register_error(_ERRORS, _nearest)
