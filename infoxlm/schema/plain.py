"""Configurations as plain values and back: what a run's folder keeps of them.

Nothing is resolved on the way: a text such as ``${oc.env:HOME}`` in a folder that somebody else
wrote stays that text, while OmegaConf would read this machine's environment for it.
"""

import dataclasses
from collections.abc import Mapping
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import MISSING

from infoxlm.schema.json_shapes import MisfitError, brief
from infoxlm.schema.task import TASK_CONFIGS, TaskConfig


def plain_config(config: Any) -> Any:
    """A configuration as nested dicts of plain values; members of enums by their names.

    The schemas name each member as its value.
    """
    if dataclasses.is_dataclass(config):
        names = (field.name for field in dataclasses.fields(config))
        return {name: plain_config(getattr(config, name)) for name in names}
    if isinstance(config, list | tuple):
        return [plain_config(item) for item in config]
    if isinstance(config, Mapping):
        return {key: plain_config(value) for key, value in config.items()}
    return config.name if isinstance(config, Enum) else config


def configuration(schema: type, plain: Any) -> Any:
    """A configuration made of plain values, checked as if it had been typed.

    Args:
        schema: Its dataclass. Keys that are not there take its defaults.
        plain: The plain values, in the form of `plain_config`.

    Raises:
        MisfitError: A key is unknown or missing, or a value is of another type.
        UserError: A value is out of range.
    """
    if not isinstance(plain, Mapping):
        raise MisfitError(f"is {brief(plain)}, not an object")
    if schema is TaskConfig:
        schema = TASK_CONFIGS.get(str(plain.get("name")), schema)
    kinds, values = get_type_hints(schema), {}
    for key, value in plain.items():
        if key not in kinds:
            raise MisfitError("is not a key that is known", str(key))
        try:
            values[key] = _typed(kinds[key], value)
        except MisfitError as misfit:
            raise misfit.below(key) from None
    for field in dataclasses.fields(schema):
        if field.name not in values and field.default == MISSING:
            raise MisfitError(f"has no {field.name}")
    return schema(**values)


def _typed(kind: Any, value: Any) -> Any:
    """A plain value as what a field of the schema holds."""
    options = [option for option in get_args(kind) if option is not NoneType]
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise MisfitError(f"is {brief(value)}, not a list")
        return [_typed(options[0], item) for item in value]
    if get_origin(kind) is dict:
        return _typed_entries(options[1], value)
    if options:  # such as `str | None`
        return None if value is None else _typed(options[0], value)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return configuration(kind, value)  # type: ignore[arg-type]
    if issubclass(kind, Enum) and isinstance(value, str) and value in kind.__members__:
        return kind[value]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        names = " or ".join(kind.__members__) if issubclass(kind, Enum) else kind.__name__
        raise MisfitError(f"is {brief(value)}, not {names}")
    return value


def _typed_entries(kind: Any, value: Any) -> dict[str, Any]:
    """A plain object as a dictionary whose values are of one kind."""
    if not isinstance(value, Mapping):
        raise MisfitError(f"is {brief(value)}, not an object")
    entries = {}
    for key, entry in value.items():
        try:
            entries[str(key)] = _typed(kind, entry)
        except MisfitError as misfit:
            raise misfit.below(str(key)) from None
    return entries
