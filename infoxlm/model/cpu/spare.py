"""Room that a backward pass leaves to the next forward pass."""

import paddle


class Spare:
    """One array that is free, where it is large enough for the next.

    Linux would hand out tens of megabytes page by page, which takes as long as a product.

    Args:
        dtype: Of the numbers.
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self.room: paddle.Tensor | None = None

    def take(self, count: int) -> paddle.Tensor:
        """Room for some numbers, ``[count or more]``, that is nobody else's until it is given."""
        room, self.room = self.room, None
        if room is None or room.size < count:
            # Batches differ, and what nobody writes to takes no memory.
            room = paddle.empty([count + count // 4], self._dtype)
        return room

    def give(self, room: paddle.Tensor) -> None:
        """Leave room that was taken to the next."""
        self.room = room
