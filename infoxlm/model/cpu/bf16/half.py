"""Matrices in bfloat16, and the room that they and what is on the way to them take."""

import threading
from collections.abc import Sequence
from typing import Self

import paddle

from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.spare import with_room_to_grow

_kept = threading.local()


class Half:
    """A matrix in bfloat16, perhaps at the beginning of more room than it takes.

    Args:
        room: A bfloat16 tensor of as many numbers or more.
        shape: ``[rows, width]``.

    Attributes:
        room: As given.
        shape: ``[rows, width]``.
    """

    __slots__ = ("_address", "room", "shape")

    def __init__(self, room: paddle.Tensor, shape: Sequence[int]) -> None:
        self.room, self._address = room, room.data_ptr()
        self.shape = tuple(shape)

    @classmethod
    def empty(cls, *shape: int) -> Self:
        """One that holds nothing yet, in memory of its own."""
        return cls(paddle.empty(shape, "bfloat16"), shape)

    @classmethod
    def reused(cls, name: str, *shape: int) -> Self:
        """One that holds nothing yet, where the last one of this name was: that one is overwritten.

        To be given memory takes longer than to fill it, and a core's cache still has the last.
        """
        return cls(_room(name, shape[0] * shape[1], "bfloat16"), shape)

    def data_ptr(self) -> int:
        """Its address."""
        return self._address

    def widened(self) -> paddle.Tensor:
        """It in float32."""
        rows, width = self.shape
        return self.room.flatten()[: rows * width].astype("float32").reshape([rows, width])


def narrow(x: paddle.Tensor, out: Half | None = None, bias: paddle.Tensor | None = None) -> Half:
    """Round to bfloat16, to nearest even.

    Args:
        x: float32 ``[rows, width]``, or with `out` at least as many numbers of any shape.
        out: Where to; None: memory of its own.
        bias: Is added first, ``[width]``.
    """
    out = Half.empty(*x.shape) if out is None else out
    call_bf16("narrow", *out.shape, x, bias, out)
    return out


def scratch(count: int) -> paddle.Tensor:
    """Room for some numbers, float32 ``[count or more]``, that anything may write to next.

    Linux would hand out tens of megabytes page by page, which takes as long as a product.
    """
    return _room("sums", count, "float32")


def _room(name: str, count: int, dtype: str) -> paddle.Tensor:
    """This thread's room of a name, made anew where it is too small."""
    rooms: dict[str, tuple[int, paddle.Tensor]] = _kept.__dict__
    size, room = rooms.get(name, (-1, None))
    if size < count:
        size = with_room_to_grow(count)
        room = paddle.empty([size], dtype)
        rooms[name] = size, room
    return room
