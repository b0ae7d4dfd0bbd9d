"""Things that are closed when a block ends."""

from types import TracebackType
from typing import Self


class Closing:
    """Makes a class with a ``close`` method a context manager."""

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
