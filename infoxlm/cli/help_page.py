"""A command's help page: Hydra's, without the groups of other commands, keys explained."""

import re
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from importlib.resources import files

from infoxlm.constants import TRAINING
from infoxlm.schema import SCHEMAS, SWEEPING
from infoxlm.schema.group_options import fitting_options, option_text, options_of

#: A key of a YAML file with the comment behind it.
COMMENTED_KEY = re.compile(r"^[ \t]*(\w+):[^\n]*?[ \t]# (.+)$", re.MULTILINE)

#: A part of every page's end that is true of commands that sweep.
ON_SWEEPS = ", also several at once with --multirun"

#: Groups that only override, and so have no section of their own.
OVERRIDING = dict.fromkeys(TRAINING, ("experiment", "launcher", "sweep"))


def sections(command: str) -> set[str]:
    """The keys and groups at the top of a command's configuration."""
    return {field.name for field in fields(SCHEMAS[command])} | set(OVERRIDING.get(command, ()))


def completions(found: str, command: str) -> str:
    """Those of Hydra's completions that mean something to a command.

    Args:
        found: Hydra's completions, with spaces between.
        command: The command being typed.
    """
    known = sections(command) | {"hydra"}

    def fits(word: str) -> bool:
        group, _, option = word.partition("=")
        foreign = option in options_of(group) and option not in fitting_options(group, command)
        return re.split(r"[=./]", word)[0] in known and not foreign

    return " ".join(word for word in found.split() if fits(word))


def explained(page: str, command: str) -> str:
    """A help page without the groups and flags of other commands, and each key with its comment.

    The comments are those of the command's own file and of the groups' default options, so that
    they are written down once.

    Args:
        page: Hydra's page.
        command: The command it is about.
    """
    lines = page.splitlines()
    groups = re.compile(r"^(\w+): (\w+(?:, \w+)*)$")
    heading = next((i for i, line in enumerate(lines) if line.startswith("Configuration (")), 0)
    top = []
    for line in lines[:heading]:
        if not (found := groups.match(line)):
            top.append(line)
        elif found[1] in sections(command):
            fitting = fitting_options(found[1], command)
            listed = [option for option in found[2].split(", ") if option in fitting]
            top.append(f"{found[1]}: {', '.join(listed)}")
    if not any(groups.match(line) for line in top):
        top = [line for line in top if not line.startswith("Groups,")]
    page = "\n".join([*top, *commented(lines[heading:], command)])
    if command not in SWEEPING:
        page = page.replace(ON_SWEEPS, "")
    return re.sub(r"\n{3,}", "\n\n", page) + "\n"


def commented(lines: Iterable[str], command: str) -> Iterable[str]:
    """Put behind each key of a printed configuration what its YAML file says about it."""
    section, option = "", None
    for line in lines:
        key = re.match(r"^(\s*)(\w+):", line)
        if key and not key[1]:
            section, option = key[2], None
        elif name := re.fullmatch(r"  name: (\w+)", line):
            option = name[1]
        inside = section if key and key[1] else ""
        comment = comments(inside, command, option).get(key[2] if key else "")
        yield f"{line}  # {comment}" if comment else line


@cache
def comments(section: str, command: str, option: str | None = None) -> dict[str, str]:
    """The comments in the file that fills a section, by key.

    Args:
        section: The section; empty for the command's own keys.
        command: The command.
        option: What was chosen for the section; None, or a name that is no option: the default.
    """
    own = (files("infoxlm.conf") / f"{command}.yaml").read_text(encoding="utf-8")
    default = re.search(rf"^  - {section}: (\w+)\b", own, re.MULTILINE) if section else None
    if default is None:
        return dict(COMMENTED_KEY.findall(own))
    chosen = option if option in options_of(section) else default[1]
    return dict(COMMENTED_KEY.findall(option_text(section, chosen)))
