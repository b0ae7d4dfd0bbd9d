"""Memory that is used again: Linux hands it out page by page, which takes as long as a product."""

import paddle


def with_room_to_grow(count: int) -> int:
    """A quarter more: batches differ, and of a large array only what is written to takes memory."""
    return count + count // 4


class Spare:
    """One free array, handed out again where it is large enough.

    It stays when training ends.

    Args:
        dtype: Of the numbers.

    Attributes:
        free: The array, or nothing while it is in use.
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self.free: list[paddle.Tensor] = []

    def take(self, count: int) -> paddle.Tensor:
        """Room for some numbers, ``[count or more]``: nobody else's until it is given back."""
        try:
            room = self.free.pop()  # at once, for threads
        except IndexError:
            room = None
        if room is None or room.size < count:
            room = paddle.empty([with_room_to_grow(count)], self._dtype)
        return room

    def give(self, room: paddle.Tensor) -> None:
        """Give room back; of two the larger is kept."""
        self.free = [max([room, *self.free], key=lambda each: each.size)]
