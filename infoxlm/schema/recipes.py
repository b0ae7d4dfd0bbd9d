"""The choices of a group, by the files of ``conf/``: ``conf/optimizer/lamb.yaml`` makes lamb known.

So an optimizer or a schedule is added with its code, its line in `train/optimization.py` or
`train/schedules.py`, and its file.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import yaml

from infoxlm.errors import UserError
from infoxlm.schema.checks import check, check_name


@cache
def recipes(group: str) -> dict[str, tuple[str, ...]]:
    """The names in the files of a group, each with the keys of its ``options``."""
    found = {}
    for path in sorted((files("infoxlm.conf") / group).iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml"):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            found[content["name"]] = tuple(content.get("options", ()))
    return found


def option_keys(group: str) -> list[str]:
    """The keys that ``options`` of a group may have, whatever is chosen in it."""
    return sorted({key for keys in recipes(group).values() for key in keys})


def check_recipe(group: str, name: str, options: Mapping[str, float]) -> None:
    """Check that a name of a group is known, and that its options are its own, 0 or above.

    Raises:
        UserError: They are not.
    """
    known = recipes(group)
    check_name(f"{group}.name", name, tuple(known))
    for key, value in options.items():
        if key not in known[name]:
            near = get_close_matches(key, known[name], n=1, cutoff=0.5)
            has = f"It has {', '.join(known[name])}." if known[name] else "It has no options."
            hint = f"Did you mean {group}.options.{near[0]}? " if near else ""
            raise UserError(f"{group}.options.{key} is no option of {group}={name}", hint + has)
        check(0 <= value < float("inf"), f"{group}.options.{key}", value, "0 or more and finite")
