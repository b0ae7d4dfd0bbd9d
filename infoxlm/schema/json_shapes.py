"""Shapes of JSON from outside: checks that are put together like the values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infoxlm.schema.checks import LARGEST

#: Raises `MisfitError` when a value is not what it has to be.
Shape = Callable[[Any], None]


class MisfitError(ValueError):
    """A value that is not what it has to be.

    Args:
        problem: The fault, such as "is 'x', not a text".
        where: Its key, such as ``dev.accuracy.en``.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        self.problem = problem
        self.where = where
        super().__init__(f"{where or 'it'} {problem}")

    def below(self, key: str) -> "MisfitError":
        """The same misfit, seen from what holds its place."""
        dot = "." if self.where and not self.where.startswith("[") else ""
        return MisfitError(self.problem, f"{key}{dot}{self.where}")


def anything(value: Any) -> None:
    """Accept every value."""


def text(value: Any) -> None:
    """Accept a text."""
    _check(isinstance(value, str), value, "a text")


def scalar(value: Any) -> None:
    """Accept a text, a number, a truth value or null."""
    _check(isinstance(value, str | int | float | None), value, "a single value")


def boolean(value: Any) -> None:
    """Accept true and false."""
    _check(isinstance(value, bool), value, "true or false")


def whole(low: int = 0, high: int = LARGEST) -> Shape:
    """Accept whole numbers of a range, both ends included."""

    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            _check(False, value, f"a whole number from {low} to {high}")

    return check


def number(low: float, high: float) -> Shape:
    """Accept numbers of a range, both ends included."""

    def check(value: Any) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            _check(False, value, f"a number from {low:g} to {high:g}")

    return check


def one_of(choices: Sequence[str]) -> Shape:
    """Accept some texts only."""

    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in choices:
            _check(False, value, f"one of {' '.join(choices)}")

    return check


def optional(shape: Shape) -> Shape:
    """Accept null too."""

    def check(value: Any) -> None:
        if value is not None:
            shape(value)

    return check


def items(shape: Shape, count: int | None = None) -> Shape:
    """Accept lists of one shape, of any length or of a given one."""

    def check(value: Any) -> None:
        fits = isinstance(value, list) and count in (None, len(value))
        _check(fits, value, "a list" if count is None else f"a list of {count}")
        for position, item in enumerate(value):
            try:
                shape(item)
            except MisfitError as misfit:
                raise misfit.below(f"[{position}]") from None

    return check


def entries(shape: Shape) -> Shape:
    """Accept objects whose values are all of one shape, under any keys."""

    def check(value: Any) -> None:
        _check(isinstance(value, dict), value, "an object")
        for key, item in value.items():
            try:
                shape(item)
            except MisfitError as misfit:
                raise misfit.below(key) from None

    return check


def fields(shapes: Mapping[str, Shape], required: Sequence[str] = ()) -> Shape:
    """Accept objects in which known keys have their shapes; other keys may be anything.

    Args:
        shapes: The shape of each known key, for where it is there.
        required: The keys that have to be there.
    """

    def check(value: Any) -> None:
        _check(isinstance(value, dict), value, "an object")
        for key in required:
            if key not in value:
                raise MisfitError(f"has no {key}")
        for key in shapes.keys() & value.keys():
            try:
                shapes[key](value[key])
            except MisfitError as misfit:
                raise misfit.below(key) from None

    return check


def _check(fits: bool, value: Any, wanted: str) -> None:
    if not fits:
        raise MisfitError(f"is {brief(value)}, not {wanted}")


def brief(value: Any, width: int = 60) -> str:
    """A value for a message of one line, cut when it is long."""
    shown = repr(value)
    return shown if len(shown) <= width else f"{shown[: width - 3]}..."
