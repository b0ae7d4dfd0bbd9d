"""Sentences typed on the command line, quoted so that they come through as they are.

Between the shell and a command's configuration stand Hydra's grammar, in which commas, brackets,
quotes and equal signs mean something, and OmegaConf, to which `${` and `???` do.
"""

import re
from collections.abc import Sequence

#: The keys of each command whose value is text as it stands.
FREE_TEXTS = {
    "predict": (
        "text", "premise", "hypothesis", "question", "context", "template", "input", "output",
    ),
    "retrieve": ("prefix",),
    "serve": ("api_key",),
}  # fmt: skip

#: The keys whose value is a list of such texts, as in `labels=[politics,"art, music"]`.
FREE_LISTS = {"predict": ("labels",)}

#: One element of a list with the comma behind it; quotes of either kind may enclose a comma.
_ELEMENT = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|\Z)""")


def quote_free_text(words: Sequence[str], command: str) -> list[str]:
    """Quote the values of a command's free-text keys for Hydra; other words stay as they are.

    Args:
        words: The words typed behind the command, `KEY=VALUE` words among them.
        command: The command.
    """

    def quote(word: str) -> str:
        key, equals, value = word.partition("=")
        if equals and key in FREE_TEXTS.get(command, ()):
            return f"{key}={quoted(value)}"
        if equals and key in FREE_LISTS.get(command, ()):
            return f"{key}=[{','.join(map(quoted, elements(value)))}]"
        return word

    return [quote(word) for word in words]


def quoted(text: str) -> str:
    r"""Write a text as a quoted value of Hydra's grammar that OmegaConf leaves alone, too.

    - OmegaConf resolves `${`, wants `\${` for a plain one and halves the backslashes before it.
    - OmegaConf takes a value of `???` for a missing one; see `literal`, which undoes it.
    - Hydra ends the value at the next `'`, wants `\'` for a plain one, and halves the backslashes
      before any `'`, the closing one too.
    """
    if re.fullmatch(r"\\*\?\?\?", text):
        text = f"\\{text}"
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return "'" + re.sub(r"(\\*)('|\Z)", lambda m: 2 * m[1] + (m[2] and "\\'"), text) + "'"


def typed_path(path: str) -> str:
    """A path as a value that is typed: quoted unless Hydra reads it as it stands."""
    return path if re.fullmatch(r"[\w.-]*/[\w./-]*", path, re.ASCII) else quoted(path)


def literal(text: str) -> str:
    r"""Take away the backslash that `quoted` puts before a text of `???` alone."""
    return text[1:] if re.fullmatch(r"\\+\?\?\?", text) else text


def elements(value: str) -> list[str]:
    """Split the value of a list at its commas; the brackets around it may be missing."""
    inside = value.strip()
    if inside.startswith("[") and inside.endswith("]"):
        inside = inside[1:-1]
    if not inside.strip():
        return []
    found = [match[1] for match in _ELEMENT.finditer(inside)]
    # The pattern also matches nothing at the very end; that counts only behind a comma.
    if not inside.rstrip().endswith(","):
        found = found[:-1] if found[-1] == "" else found
    return [
        text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
        for text in found
    ]
