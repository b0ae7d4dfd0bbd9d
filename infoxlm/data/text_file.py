"""A text file of one record a line, on disk or inside a zip, read without loading it."""

import codecs
import errno
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from infoxlm.data.text_encoding import START, check_encoding
from infoxlm.errors import UserError
from infoxlm.files.json_file import MOST_LINE_BYTES

#: Bytes that one file of a zip may unpack to; XNLI-MT's largest has 200 MB.
MOST_UNPACKED = 1 << 30

#: The largest ratio of a file's unpacked size to its zip's; XNLI's are 3 to 8.
MOST_TIMES = 50

#: Bytes that may be unpacked out of any zip.
LITTLE = 1 << 24

#: Compressions of zips of text. The others' decompressors may make gigabytes of a few bytes at
#: once, before anybody can count them.
_STREAMED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class TextFile:
    """One UTF-8 text file.

    Attributes:
        path: The file, or the zip that holds it.
        member: The name inside the zip; None for a file of its own.
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"

    @property
    def suffix(self) -> str:
        """The ending of the file's own name in small letters, such as `.tsv`."""
        return Path(self.member or self.path).suffix.lower()

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield line numbers (the first is 1) and lines without their line ends.

        Only a line feed ends a line: the texts hold characters such as U+0085 and U+2028 that
        `str.splitlines` would cut at. A byte order mark, carriage returns before the line feed
        and blank lines at the end of the file are left out.

        Raises:
            UserError: The file cannot be read, is empty or not UTF-8, or has a blank line, a line
                of more than a megabyte or a NUL byte inside.
        """
        number, blank = 0, 0
        for number, text in self.decoded():
            line = text.rstrip("\r\n")
            if not line:
                blank = blank or number
                continue
            if blank:
                raise UserError(f"{self}, line {blank} is blank", "Remove it.")
            yield number, line
        if number == 0 or blank == 1:
            raise UserError(f"{self} is empty", "Copy or download it again.")

    def decoded(self) -> Iterator[tuple[int, str]]:
        """Yield line numbers and lines with their line ends, blank ones too; no byte order mark.

        Raises:
            UserError: The file cannot be read, is not UTF-8, or has a NUL byte inside.
        """
        with self._open() as stream:
            limited = iter(lambda: stream.readline(MOST_LINE_BYTES + 1), b"")
            for number, raw in enumerate(limited, start=1):
                if number == 1:
                    check_encoding(raw[:START], str(self))
                    raw = raw.removeprefix(codecs.BOM_UTF8)
                if len(raw) > MOST_LINE_BYTES:
                    raise UserError(
                        f"{self}, line {number} has more than {MOST_LINE_BYTES:,} bytes",
                        "Write one record a line, as text.",
                    )
                try:
                    line = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"{self}, line {number}: byte 0x{raw[error.start]:02x} is not UTF-8",
                        "Save the file as UTF-8.",
                    ) from error
                if "\0" in line:  # UTF-16 further down, or a disk that lost a block
                    raise UserError(
                        f"{self}, line {number} holds a NUL byte", "Save the file again, as UTF-8."
                    )
                yield number, line

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes piece by piece, unpacked if they are in a zip.

        Raises:
            UserError: The file cannot be read.
        """
        with self._open() as stream:
            while chunk := stream.read(1 << 16):
                yield chunk

    def sha256(self) -> str:
        """Return the hex digest of the bytes, unpacked if they are in a zip."""
        return _sha256(self, self.version())

    def version(self) -> tuple[int, int]:
        """Return size and time of the file on disk, which tell that it was changed.

        Raises:
            UserError: It cannot be read.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_size, status.st_mtime_ns

    def _unreadable(self, error: OSError) -> UserError:
        return UserError(f"{self} cannot be read: {error.strerror or error}", "Check the path.")

    def _unpacked(self, archive: zipfile.ZipFile) -> IO[bytes]:
        """A stream of the member's bytes, which are never more than its entry says."""
        assert self.member is not None
        entry, packed = archive.getinfo(self.member), self.path.stat().st_size
        if entry.compress_type not in _STREAMED:
            raise NotImplementedError("that compression method is not supported")
        if entry.file_size > min(MOST_UNPACKED, max(LITTLE, packed * MOST_TIMES)):
            raise UserError(
                f"{self} would be {entry.file_size:,} bytes out of a zip of {packed:,}, which no "
                "text of XNLI's is",
                "Download the zip again; if it is right, unpack it and give the folder.",
            )
        return archive.open(entry)

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        # A pipe would be waited for, and could be read only once.
        if self.path.exists() and not self.path.is_file():
            raise UserError(f"{self} is not a file", "Give a file.")
        try:
            if self.member is None:
                with open(self.path, "rb") as stream:
                    yield stream
            else:
                # The buffer turns the zip's slow line reading into one as fast as a file's.
                with (
                    zipfile.ZipFile(self.path) as archive,
                    io.BufferedReader(self._unpacked(archive), 1 << 16) as stream,  # type: ignore[type-var]
                ):
                    yield stream
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError) as error:
            raise UserError(
                f"{self}: the zip is damaged ({str(error)[:100]})", "Download it again."
            ) from error
        except (RuntimeError, NotImplementedError) as error:  # encrypted; a rare compression
            raise UserError(
                f"{self} cannot be unpacked ({error})", "Unpack it and give the folder."
            ) from error
        except OSError as error:
            if self.member is not None and error.errno == errno.EINVAL:  # a place that is none
                raise UserError(f"{self}: the zip is damaged", "Download it again.") from error
            raise self._unreadable(error) from error


@cache
def _sha256(file: TextFile, version: tuple[int, int]) -> str:
    """Hash once a process: fifteen languages may share one file."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def zip_members(path: Path) -> dict[str, TextFile]:
    """Map the bare names of a zip's files to the files.

    Raises:
        UserError: The zip is damaged or cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {Path(name).name: TextFile(path, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise UserError(
            f"{path} cannot be opened as a zip ({error})", "Download it again."
        ) from error
