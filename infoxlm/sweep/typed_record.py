"""Dataclasses read from JSON files, each value checked against the type of its field."""

from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from infoxlm.files.json_file import read_json_object

T = TypeVar("T")


def read_record(kind: type[T], path: Path) -> T:
    """Read a dataclass from a JSON object.

    Args:
        kind: The dataclass; its fields are texts, numbers, enums of texts, lists, or None.
        path: The file.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not such an object; the message is one line.
    """
    content, hints = read_json_object(path), get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in content:
            raise ValueError(f"it has no {field.name}")
    for name, value in content.items():
        if name not in hints:
            raise ValueError(f"it has the key {shortened(name)}, which is not known")
        if not is_a(hints[name], value):
            raise ValueError(f"its {name} cannot be {shortened(value)}")
    return kind(**{name: made(hints[name], value) for name, value in content.items()})


def is_a(kind: Any, value: Any) -> bool:
    """Tell whether a value that JSON gave is of the type of a field."""
    if isinstance(kind, UnionType):
        return any(is_a(option, value) for option in get_args(kind))
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return isinstance(value, list) and all(is_a(item, x) for x in value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(value, str) and value in [member.value for member in kind]
    if kind in (int, float):  # JSON has one kind of numbers, and for Python True is one
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind)


def made(kind: Any, value: Any) -> Any:
    """The value of a field: members of enums by their names, the rest as it is."""
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


def shortened(value: Any) -> str:
    """A value for a message, cut to 40 characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
