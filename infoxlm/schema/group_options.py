"""Options of a configuration group that a command can take: those whose keys it knows."""

import re
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from typing import get_type_hints

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

    Groups that have no section of their own, such as ``experiment``, are taken whole.
    """
    section = get_type_hints(SCHEMAS[command]).get(group)
    if not is_dataclass(section):
        return options_of(group)
    known = {field.name for variant in variants_of(section) for field in fields(variant)}
    return [option for option in options_of(group) if keys_of(group, option) <= known]


@cache
def keys_of(group: str, option: str) -> frozenset[str]:
    """The keys at the top of an option's file and of those it builds upon."""
    keys = re.findall(r"^(\w+):", option_text(group, option), re.MULTILINE)
    return frozenset(keys) - {"defaults"}


def option_text(group: str, option: str) -> str:
    """An option's file, behind those it builds upon."""
    path = files("infoxlm.conf") / group / f"{option}.yaml"
    text = path.read_text(encoding="utf-8")
    bases = re.findall(r"^  - (\w+)$", text, re.MULTILINE)
    return "".join([*(option_text(group, base) for base in bases if base != "_self_"), text])
