"""Hydra's and OmegaConf's complaints, in one line with a remedy."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from infoxlm.errors import UserError
from infoxlm.schema import SCHEMAS, SWEEPING
from infoxlm.schema.aliases import typed_key
from infoxlm.schema.group_options import fitting_options, options_of
from infoxlm.schema.recipes import option_keys
from infoxlm.schema.task import variants_of

#: The extra that brings an option of Hydra's groups.
PLUGINS = {
    "hydra/launcher=joblib": "sweep",
    "hydra/launcher=submitit_local": "sweep",
    "hydra/launcher=submitit_slurm": "sweep",
    "hydra/launcher=ray": "ray",
    "hydra/sweeper=optuna": "sweep",
}


def known_keys(schema: Any, prefix: str = "") -> list[str]:
    """Every key of a schema, dotted: ``model``, ``model.name``, ..."""
    keys = []
    for name, kind in get_type_hints(schema).items():
        keys.append(f"{prefix}{name}")
        if get_origin(kind) is dict:
            keys += [f"{prefix}{name}.{key}" for key in option_keys(prefix.rstrip("."))]
        for option in (kind, *get_args(kind)):  # ShapeConfig | None is a union
            for variant in variants_of(option) if is_dataclass(option) else ():
                keys += known_keys(variant, f"{prefix}{name}.")
    return list(dict.fromkeys(keys))


def check_known_keys(configuration: DictConfig, command: str) -> None:
    """Refuse keys that ``+key=value`` added, which Hydra lets pass.

    Raises:
        UserError: There is such a key, with the nearest right one.
    """
    known = set(known_keys(SCHEMAS[command]))
    for name in map(str, configuration):
        kind = OmegaConf.get_type(configuration, name)
        if is_dataclass(kind):  # of the options of several tasks, those of the one that was chosen
            known -= {key for key in known if key.startswith(f"{name}.")}
            known |= set(known_keys(kind, f"{name}."))
    for key, _ in entries(OmegaConf.to_container(configuration)):
        if key not in known:
            raise UserError(f"{key}: there is no such key", nearest_key(key, command))


def check_no_empty_values(configuration: DictConfig, command: str) -> None:
    """Refuse texts without a character, which come of variables that are not set.

    Raises:
        UserError: There is one, and no empty one by default.
    """
    defaults = OmegaConf.to_container(OmegaConf.structured(SCHEMAS[command]))
    may_be_empty = {key for key, value in entries(defaults) if value == ""}
    for key, _ in entries(OmegaConf.to_container(configuration)):
        if OmegaConf.select(configuration, key) == "" and key not in may_be_empty:
            problem = f"{typed_key(key, command)} is empty"
            raise UserError(problem, "Is the variable set that was to fill it?")


def entries(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a configuration, dotted, with its value."""
    for name, value in node.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict):
            yield from entries(value, f"{prefix}{name}.")


def nearest_key(key: str, command: str) -> str:
    """A remedy that names the key somebody probably meant."""
    if key.startswith("hydra."):
        return f"`infoxlm {command} --cfg hydra` lists Hydra's own keys."
    keys = known_keys(SCHEMAS[command])
    if key in keys:  # another configuration was composed, with --config-name
        return f"`infoxlm {command} --help` lists the keys."
    section, _, last = key.rpartition(".")
    siblings = {k.rpartition(".")[2]: k for k in keys if k.rpartition(".")[0] == section}
    near = [siblings[k] for k in get_close_matches(last, siblings, n=1, cutoff=0.5)]
    near = near or [k for k in keys if k.endswith(f".{last}")][:1]
    near = near or [k for k in keys if is_initials(last, k.rpartition(".")[2])][:1]
    near = near or get_close_matches(key, keys, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}`infoxlm {command} --help` lists the keys."


def is_initials(short: str, name: str) -> bool:
    """Tell whether a key was shortened to its words' initials, as ``lr`` for ``learning_rate``."""
    return short == "".join(word[:1] for word in name.split("_"))


def explain(error: Exception, command: str, words: Sequence[str] = ()) -> UserError:
    """Turn a composition error into what, where, value and remedy.

    Args:
        error: The exception of Hydra or OmegaConf.
        command: The command that was composed.
        words: The words typed behind it.
    """
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = str(error)
    key = getattr(cause, "full_key", None) or ""
    reason = getattr(cause, "msg", None) or str(cause)
    first_line = next((line for line in str(reason).splitlines() if line.strip()), text)

    if re.search("root: NoneType|'NoneType' object has no attribute", text):
        return UserError(  # it is the only section that may be null
            "model.shape cannot be set where it is null",
            "Take model=tiny, which has a shape.",
        )
    if match := re.search(r"Could not find '([^']*?)/?([^'/]*)'", text):
        group, option = match.groups()
        listed = re.findall(r"^\t(\w+)$", text, re.MULTILINE)
        fitting = [name for name in listed if name in fitting_options(group, command)]
        return no_such_option(group, option, fitting or listed)
    if "Config group override must be" in text:  # and it does not say which
        for group, option in (word.split("=", 1) for word in words if "=" in word):
            options = fitting_options(group, command) if options_of(group) else []
            if options and option not in options:
                return no_such_option(group, option, options)
    if re.search("can only concatenate str|is not iterable", text):  # nor does it here
        for group, option in (word.lstrip("+").split("=", 1) for word in words if "=" in word):
            if option.startswith("[") and (options_of(group) or group.startswith("hydra/")):
                options = fitting_options(group, command)
                remedy = f"The options of {group} are {', '.join(options)}." if options else ""
                problem = f"{group}={option}: an option is a word, and no list or number"
                return UserError(problem, remedy or "Give its name.")
    if match := re.search(r"Ambiguous value for argument '(.+)'", text):
        written = "a list is KEY=[A,B], a text KEY=\"'A,B'\"."
        return UserError(
            f"{match.group(1)}: several values for a single run",
            f"Add --multirun for a run each; {written}"
            if command in SWEEPING
            else f"Give one; {written}",
        )
    if "BasicSweeper does not support sweep type" in text:
        asked = next((word for word in words if "interval(" in word), "interval(...)")
        return UserError(
            f"{asked}: an interval has no end of values, and this sweep would try each",
            "List them, KEY=A,B,C or KEY=range(A,B,STEP), or let Optuna draw some: +sweep=optuna.",
        )
    match = re.search(r"Could not override '([^']+)'", text)
    # A data set chooses its task, where the command has none: then its own line is at fault.
    typed = match is not None and not re.search(r"In '[^']+': Could not override", text)
    if not typed and (misfit := option_of_another_command(command, words)):
        return misfit
    if match:
        key = match.group(1)
    if match := re.search(r"(?:Key|key) '([^']+)' (?:is )?not in", f"{text} {reason}"):
        missing = key if key.endswith(match.group(1)) else match.group(1)
        return UserError(f"{missing}: there is no such key", nearest_key(missing, command))
    if "mandatory value" in text.lower():
        typed_as = typed_key(key, command)
        return UserError(f"{typed_as} is not set", f"Give it: infoxlm {command} {typed_as}=VALUE.")
    if match := re.search(r"field '(.+)' is not Optional", first_line):
        return UserError(f"{match.group(1)}=null: it needs a value",
                         f"`infoxlm {command} --help` shows its form.")  # fmt: skip
    if match := re.search(r"Interpolation key '([^'\[\]]+)\[\d+\]' not found", first_line):
        owner = match.group(1)  # such as the languages, of which the first is trained on
        return UserError(f"{owner} is empty, and {key} is taken from it",
                         f"Name at least one: {owner}=[A,B].")  # fmt: skip
    if key and isinstance(cause, InterpolationKeyError | InterpolationResolutionError):
        return UserError(f"{key}: {first_line}",
                         "Correct what stands in ${...}, or write the value itself.")  # fmt: skip
    if isinstance(cause, OmegaConfBaseException) and key:
        return UserError(f"{key}: {first_line}", f"`infoxlm {command} --help` shows its form.")
    if isinstance(cause, OverrideParseException) or isinstance(error, OverrideParseException):
        override = getattr(error, "override", None) or getattr(cause, "override", "")
        return UserError(
            f"{override}: this is not KEY=VALUE as Hydra reads it",
            "Put a value with special characters into two pairs of quotes: KEY=\"'VALUE'\".",
        )
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("See ")]
    problem = " ".join(lines).rstrip("!.")
    return UserError(problem, f"`infoxlm {command} --help` shows the form.")


def option_of_another_command(command: str, words: Sequence[str]) -> UserError | None:
    """The error for an option with keys that a command does not know; None: there is none."""
    for group, option in (word.split("=", 1) for word in words if "=" in word):
        fitting = fitting_options(group, command)
        if option in options_of(group) and option not in fitting:
            return UserError(
                f"{group}={option} is not for `infoxlm {command}`",
                f"The options of {group} are {', '.join(fitting)}.",
            )
    return None


def no_such_option(group: str, option: str, options: Sequence[str]) -> UserError:
    """The error for an option that a group does not have."""
    if extra := PLUGINS.get(f"{group}={option}"):
        return UserError(
            f"{group}={option}: Hydra's plug-in for it is not installed",
            f'Install it: pip install "infoxlm[{extra}]".',
        )
    near = get_close_matches(option, options, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return UserError(
        f"{group}={option}: there is no such option",
        f"{hint}The options of {group} are {', '.join(options)}.",
    )
