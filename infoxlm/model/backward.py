"""The backward pass, which errors and signals leave as what they are.

Paddle turns whatever Python raises within a backward pass, in a PyLayer's ``backward`` or in a
tensor's hook, into ``OSError("(External) ...")`` without a cause: a KeyboardInterrupt would look
like a file that cannot be read. So such functions keep what they raise, and it is raised again
where the pass was started; handlers of signals wait until then.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from paddle.autograd import PyLayer

from infoxlm.os_errors import is_of_paddle
from infoxlm.stopping import signals_deferred

Function = TypeVar("Function", bound=Callable[..., Any])


class _Kept(threading.local):
    """The first error of this thread's backward pass, when one is under way."""

    under_way = False
    error: BaseException | None = None


_kept = _Kept()


def keeps_errors(function: Function) -> Function:
    """Decorate what Paddle calls in a backward pass, so that its errors survive it."""

    @wraps(function)
    def keeping(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except BaseException as error:
            if _kept.under_way and _kept.error is None:
                _kept.error = error
            raise

    return keeping  # type: ignore[return-value]


class Operation(PyLayer):
    """An operation with a ``backward`` of its own, whose errors survive the backward pass."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.backward = staticmethod(keeps_errors(cls.backward))


@contextmanager
def backward_pass() -> Iterator[None]:
    """Surround a call of ``backward()``: errors in it are raised as what they were.

    Raises:
        RuntimeError: Paddle's own code failed, or Python's that keeps no errors.
    """
    with signals_deferred():
        _kept.under_way = True
        try:
            yield
        except OSError as error:
            if _kept.error is not None:
                raise _kept.error from None
            if is_of_paddle(error):
                raise RuntimeError(str(error)) from None
            raise
        finally:
            _kept.under_way, _kept.error = False, None
