"""An ONNX model on disk, found to be an export before ONNX Runtime sees it.

ONNX can name other files that hold its weights, and operators that bring their own code; exports do
neither. The file is walked through field by field as protobuf writes it, past the weights, so that
this takes no memory and no library.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from infoxlm.data.example import shown
from infoxlm.deploy.checked_program import EXPORT_AGAIN
from infoxlm.deploy.exported_operations import onnx_operators
from infoxlm.errors import UserError
from infoxlm.files.regular_file import open_regular

#: Fields of all kinds in the largest file; a model of 24 layers has 20,000.
MOST_FIELDS = 1_000_000

#: The messages inside each message, by field (onnx.proto), and what else may stand there. Missing
#: are graphs inside attributes, functions, training, sparse tensors and external data.
_INSIDE = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor"},
    "tensor": {},
}
_PLAIN = {
    "model": {1, 2, 3, 4, 5, 6, 8, 14},
    "graph": {2, 10, 11, 12, 13, 16},
    "node": {1, 2, 3, 4, 6, 7, 9},
    "attribute": {1, 2, 3, 4, 7, 8, 9, 13, 20},
    "tensor": {1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14},
}
_OPERATOR, _DOMAIN, _LOCATION = 4, 7, 14


class _ForeignError(Exception):
    """The model holds something that no export has."""


def check_onnx_file(path: Path) -> None:
    """Check that a model holds nothing but what exports hold.

    Raises:
        UserError: It is damaged, or holds something else.
    """
    try:
        with (
            open_regular(path) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            _Walk(content).message("model", 0, len(content))
    except _ForeignError as error:
        raise UserError(
            f"{path} holds {error}, which no export of infoxlm has", EXPORT_AGAIN
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} cannot be loaded: {error}", "Export the checkpoint again."
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "Export the checkpoint again."
        ) from error


class _Walk:
    """One file.

    Args:
        content: All of it.
    """

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._fields = 0

    def message(self, kind: str, start: int, end: int) -> None:
        """Go through a message and those inside it.

        Raises:
            _ForeignError: It holds what exports do not.
            ValueError: It is not written as protobuf writes.
        """
        operator = domain = b""
        for field, value, begin, stop in self._each(start, end):
            if field in _INSIDE[kind]:
                if value is not None:
                    raise ValueError(f"a number where a {_INSIDE[kind][field]} belongs")
                self.message(_INSIDE[kind][field], begin, stop)
            elif field not in _PLAIN[kind]:
                raise _ForeignError(f"field {field} of a message of kind {kind}")
            elif kind == "tensor" and field == _LOCATION and value != 0:
                raise _ForeignError("a tensor that lies in another file")
            elif kind == "node" and field in (_OPERATOR, _DOMAIN):
                word = self._content[begin : min(stop, begin + 200)]
                operator, domain = (word, domain) if field == _OPERATOR else (operator, word)
        if kind == "node":
            name = b".".join(filter(None, (domain, operator))).decode("utf-8", "replace")
            if name not in onnx_operators():
                raise _ForeignError(f"the operator {shown(name)}")

    def _each(self, start: int, end: int) -> Iterator[tuple[int, int | None, int, int]]:
        """The fields of a message: number, value if it is one, else where its bytes are."""
        at = start
        while at < end:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise ValueError(f"it has more than {MOST_FIELDS:,} fields")
            key, at = self._varint(at, end)
            value: int | None = None
            begin = at
            match key & 7:
                case 0:
                    value, at = self._varint(at, end)
                case 1:
                    at += 8
                case 2:
                    size, begin = self._varint(at, end)
                    at = begin + size
                case 5:
                    at += 4
                case _:
                    raise ValueError("it is no ONNX model")
            if at > end:
                raise ValueError("it is cut short")
            yield key >> 3, value, begin, at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """A whole number of seven bits a byte, and where it ends."""
        number = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise ValueError("it is cut short")
            byte = self._content[at]
            number |= (byte & 0x7F) << shift
            at += 1
            if byte < 0x80:
                return number, at
        raise ValueError("it is no ONNX model")
