"""Encodings and compressions recognised by a file's first bytes, to be named in refusals."""

from infoxlm.errors import UserError

#: The number of bytes that are looked at.
START = 64

_WANTED = "not text in UTF-8"
_SAVE = "Save it as UTF-8 (in Excel: CSV UTF-8; in a shell: iconv -f {encoding} -t UTF-8)."
_UNPACK = "Unpack it."

#: First bytes, what has them, what to do. UTF-32's mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32", _SAVE),
    (b"\0\0\xfe\xff", "UTF-32", _SAVE),
    (b"\xff\xfe", "UTF-16", _SAVE),
    (b"\xfe\xff", "UTF-16", _SAVE),
    (b"\x1f\x8b", "gzip", _UNPACK),
    (b"PK\3\4", "zip (as .xlsx files are)", "Unpack it, or save the sheet as text in UTF-8."),
    (b"PAR1", "Parquet", "Give it the ending .parquet."),
)


def check_encoding(start: bytes, name: str) -> None:
    """Check that a text file does not begin as one of another encoding, or a compressed one.

    Args:
        start: Its first bytes, `START` of them.
        name: The file, for the message.

    Raises:
        UserError: It does; the message names the encoding.
    """
    for mark, encoding, remedy in _MARKS:
        if start.startswith(mark):
            raise UserError(f"{name} is {encoding}, {_WANTED}", remedy.format(encoding=encoding))
    # Latin letters in UTF-16 without a mark: every other byte is NUL.
    for first, encoding in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        if len(start) > 1 and not any(start[first::2]) and all(start[1 - first :: 2]):
            raise UserError(f"{name} is {encoding}, {_WANTED}", _SAVE.format(encoding=encoding))


def holds_all_characters(text: str) -> bool:
    """Tell whether a text can be written in UTF-8: it holds no lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
