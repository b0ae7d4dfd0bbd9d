"""Where products are bfloat16, and weights that were narrowed for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import paddle

from infoxlm.model.cpu.bf16.half import Half, narrow

#: Narrowed weights by the parameter's identity, with the parameter, so that no other can get it.
Narrowed = dict[int, tuple[paddle.Tensor, Half]]

_narrowed: ContextVar[Narrowed | None] = ContextVar("narrowed", default=None)


@contextmanager
def bf16_products(narrowed: Narrowed | None = None) -> Iterator[None]:
    """Multiply in bfloat16 what the encoder multiplies within the context.

    Args:
        narrowed: Weights that were narrowed before, and are still the same; filled on the way.
    """
    token = _narrowed.set({} if narrowed is None else narrowed)
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
    if id(parameter) not in narrowed:
        narrowed[id(parameter)] = parameter, narrow(parameter)
    return narrowed[id(parameter)][1]
