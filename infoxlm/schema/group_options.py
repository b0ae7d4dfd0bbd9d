"""Options of a configuration group that a command can take: those whose keys it knows."""

import re
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from typing import get_type_hints

from omegaconf import MISSING

from infoxlm.schema import SCHEMAS
from infoxlm.schema.task import variants_of

#: The form of a group's name: any word that is typed in its place is looked up among the files.
_GROUP = re.compile(r"\w{1,99}(/\w{1,99})*")


def options_of(group: str) -> list[str]:
    """The options of a group; none when there is no such group."""
    if not _GROUP.fullmatch(group):
        return []
    folder = files("infoxlm.conf") / group
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir())
    return [name.removesuffix(".yaml") for name in names if name.endswith(".yaml")]


def fitting_options(group: str, command: str) -> list[str]:
    """The options of a group that a command can take.

    Of groups that have no section of their own, such as ``experiment``, these are the options
    that choose nothing in another group that the command cannot take.
    """
    section = get_type_hints(SCHEMAS[command]).get(group)
    if not is_dataclass(section):
        return [option for option in options_of(group) if chooses_fitting(group, option, command)]
    known = [field for variant in variants_of(section) for field in fields(variant)]
    fitting = [x for x in options_of(group) if keys_of(group, x) <= {y.name for y in known}]
    # Tasks are known by their names: one without options of its own has the keys of every other.
    if group != "task":
        return fitting
    names = {field.default for field in known if field.name == "name"} - {MISSING}
    return [x for x in fitting if not names or name_of(group, x) in names]


def chooses_fitting(group: str, option: str, command: str) -> bool:
    """Tell whether a command can take all that an option's file chooses in other groups."""
    chosen = re.findall(r"^  - override /(\w+): (\w+)$", option_text(group, option), re.MULTILINE)
    return all(choice in fitting_options(other, command) for other, choice in chosen)


@cache
def keys_of(group: str, option: str) -> frozenset[str]:
    """The keys at the top of an option's file and of those it builds upon."""
    keys = re.findall(r"^(\w+):", option_text(group, option), re.MULTILINE)
    return frozenset(keys) - {"defaults"}


def name_of(group: str, option: str) -> str:
    """The name that an option's file gives to what it chooses."""
    return re.findall(r"^name: (\w+)", option_text(group, option), re.MULTILINE)[-1]


def option_text(group: str, option: str) -> str:
    """An option's file, behind those it builds upon."""
    path = files("infoxlm.conf") / group / f"{option}.yaml"
    text = path.read_text(encoding="utf-8")
    bases = re.findall(r"^  - (\w+)$", text, re.MULTILINE)
    return "".join([*(option_text(group, base) for base in bases if base != "_self_"), text])
