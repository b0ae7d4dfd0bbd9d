"""Rows some thousands at a time, so that memory grows neither with a file nor with its texts."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

#: Characters of the rows that are in memory at a time; a longer row goes alone.
CHARACTERS = 1 << 22


def chunks(
    rows: Iterable[Item], most: int, texts: Callable[[Item], Iterable[str]]
) -> Iterator[list[Item]]:
    """Yield rows in lists of at most so many rows and about so many characters.

    Args:
        rows: Any number of rows.
        most: Most rows of a list.
        texts: Gives the texts of a row.
    """
    chunk: list[Item] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += sum(map(len, texts(row)))
        if len(chunk) >= most or characters >= CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
