"""A text file packed by gzip, read as a stream."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infoxlm.data.text_file import LITTLE, MOST_TIMES, TextFile
from infoxlm.errors import UserError

#: The ending of packed files.
GZIP = ".gz"


class GzipFile(TextFile):
    """One UTF-8 text file in a `.gz`; it may unpack to any size, but not to any ratio."""

    @property
    def suffix(self) -> str:
        """The ending of the name before `.gz`, in small letters."""
        return Path(self.path.stem).suffix.lower()

    def sha256(self) -> str:
        """Return the hex digest of the packed bytes."""
        return TextFile(self.path).sha256()

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        most = max(LITTLE, self.version()[0] * MOST_TIMES)
        try:
            with gzip.open(self.path, "rb") as packed:
                yield io.BufferedReader(_Bounded(packed, most, str(self)), 1 << 16)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise UserError(f"{self} is damaged ({error})", "Download it again.") from error
        except OSError as error:
            raise self._unreadable(error) from error


def text_file(path: Path) -> TextFile:
    """A text file on disk, packed if its name ends in `.gz`."""
    return GzipFile(path) if path.suffix.lower() == GZIP else TextFile(path)


class _Bounded(io.RawIOBase):
    """Unpacked bytes, up to a number of them."""

    def __init__(self, stream: gzip.GzipFile, most: int, name: str) -> None:
        self._stream = stream
        self._left = most
        self._most = most
        self._name = name

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer.

        Raises:
            UserError: There are more bytes than any text is packed from.
        """
        found = self._stream.read(len(buffer))
        self._left -= len(found)
        if self._left < 0:
            raise UserError(
                f"{self._name} unpacks to more than {self._most:,} bytes, {MOST_TIMES} times its "
                "size, which no text does",
                "Download it again; if it is right, unpack it.",
            )
        buffer[: len(found)] = found
        return len(found)
