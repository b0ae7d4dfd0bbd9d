"""Files from outside, which have to be files: a pipe would be waited for without end."""

import errno
import stat
from io import BufferedReader
from pathlib import Path


class IrregularFileError(OSError, ValueError):
    """A folder, a pipe, a socket or a device where a file belongs."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is not a regular file")

    def __str__(self) -> str:
        """The message alone, without the system's number."""
        return str(self.strerror)


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file for reading bytes.

    Raises:
        OSError: It is missing, cannot be read, or is no regular file.
    """
    check_regular(path)
    return open(path, "rb")  # noqa: SIM115 (the caller closes it)


def read_regular(path: str | Path) -> bytes:
    """Read all of a file.

    Raises:
        OSError: It is missing, cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return file.read()


def check_regular(path: str | Path) -> None:
    """Check that a library may open a path.

    Raises:
        OSError: It is missing, or no regular file.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise IrregularFileError
