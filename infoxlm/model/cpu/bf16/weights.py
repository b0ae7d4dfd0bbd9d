"""Where products are bfloat16, and weights that were narrowed for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import paddle

from infoxlm.model.cpu.bf16.half import Half, narrow


class Narrowed:
    """Weights in bfloat16, each narrowed once until `change` is called."""

    def __init__(self) -> None:
        # By the parameter's identity, with the parameter, so that no other can get it.
        self._kept: dict[int, tuple[paddle.Tensor, Half]] = {}
        self._current: set[int] = set()

    def change(self) -> None:
        """Narrow each anew when it is next wanted, into the memory that it has.

        What was not wanted since the last time is forgotten. Nothing that was computed before may
        be differentiated after this.
        """
        self._kept = {key: self._kept[key] for key in self._current}
        self._current.clear()

    def of(self, parameter: paddle.Tensor) -> Half:
        """A parameter in bfloat16."""
        key = id(parameter)
        if key not in self._current:
            room = self._kept[key][1] if key in self._kept else None
            self._kept[key] = parameter, narrow(parameter, room)
            self._current.add(key)
        return self._kept[key][1]


_narrowed: ContextVar[Narrowed | None] = ContextVar("narrowed", default=None)


@contextmanager
def bf16_products(narrowed: Narrowed | None = None) -> Iterator[None]:
    """Multiply in bfloat16 what the encoder multiplies within the context.

    Args:
        narrowed: Weights that were narrowed before, and are still the same; filled on the way.
    """
    token = _narrowed.set(Narrowed() if narrowed is None else narrowed)
    try:
        yield
    finally:
        _narrowed.reset(token)


def in_bf16() -> bool:
    """Tell whether products are bfloat16 here."""
    return _narrowed.get() is not None


def as_here(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that multiplies as is done here, wherever it is called."""
    narrowed = _narrowed.get()
    if narrowed is None:
        return function

    @wraps(function)
    def computed(*arguments: Any) -> Any:
        with bf16_products(narrowed):
            return function(*arguments)

    return computed


def weight_in_bf16(parameter: paddle.Tensor) -> Half:
    """A matrix in bfloat16, within `bf16_products`: narrowed once."""
    narrowed = _narrowed.get()
    assert narrowed is not None
    return narrowed.of(parameter)
