"""Python's pickles, followed instruction by instruction without anything being called.

A pickle is a program, and Python's unpickler does as it says before anybody can look at the
result. The few instructions that dictionaries of plain values are written with are followed here;
what a pickle may call, and what stands for it, is the caller's to say.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

#: Instructions of the largest file that is read; a model of 24 layers needs a tenth of them.
MOST_INSTRUCTIONS = 200_000

#: Bytes of the longest text that may be a name.
LONGEST_NAME = 1 << 16

#: Characters of a function's name that a message may show.
LONGEST_SHOWN = 100

_NUMBERS = {b"J": "<i", b"K": "<B", b"M": "<H", b"G": ">d"}
_CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False, b")": ()}
_TEXTS = {b"X": "<I", b"\x8c": "<B", b"\x8d": "<Q"}
_BYTES = {b"B": "<I", b"C": "<B", b"\x8e": "<Q"}
_PUTS = {b"q": "<B", b"r": "<I"}
_GETS = {b"h": "<B", b"j": "<I"}
_TUPLES = {b"\x85": 1, b"\x86": 2, b"\x87": 3}


class ForeignCodeError(Exception):
    """A pickle names a function or class that no dictionary of arrays needs."""


class DamagedPickleError(Exception):
    """A pickle is cut short, or says what no dictionary of arrays needs."""


class Utf8(bytes):
    """A text too long for a name, not decoded: with protocol 2 the bytes of an array."""


class StandIn:
    """A placeholder for an object that a pickle makes and then gives a state."""

    def build(self, state: tuple[Any, ...]) -> None:
        """Take the state."""
        raise NotImplementedError


class _Mark:
    """A mark on the stack where a list of items begins."""


class PickleReader:
    """One file, instruction by instruction.

    Args:
        file: At its beginning.
        size: Its bytes.
        callables: What it may call, and what is called in its place.
    """

    def __init__(
        self, file: BinaryIO, size: int, callables: Mapping[tuple[str, str], Callable[..., Any]]
    ) -> None:
        self._file = file
        self._left = size
        self._callables = callables
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        #: What an instruction does that takes nothing from the file.
        self._acts: dict[bytes, Callable[[], object]] = {
            b"(": lambda: self._push(_Mark()),
            b"}": lambda: self._push({}),
            b"]": lambda: self._push([]),
            b"t": lambda: self._push(tuple(self._items())),
            b"s": self._set_item,
            b"u": self._set_items,
            b"a": self._append,
            b"e": self._extend,
            b"R": self._call,
            b"b": self._build,
            b"\x93": self._name_on_stack,
            b"\x94": lambda: self._put(len(self._memo)),
        }

    def result(self) -> Any:
        """Follow the instructions to the last, and return what they leave."""
        for _ in range(MOST_INSTRUCTIONS):
            code = self._read(1)
            if code == b".":
                return self._pop()
            self._follow(code)
        raise DamagedPickleError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")

    def _follow(self, code: bytes) -> None:
        if code in self._acts:
            self._acts[code]()
        elif code in _NUMBERS:
            self._push(self._number(_NUMBERS[code]))
        elif code in _CONSTANTS:
            self._push(_CONSTANTS[code])
        elif code in _TEXTS:
            self._push(self._text(self._number(_TEXTS[code])))
        elif code in _BYTES:
            self._push(self._read(self._number(_BYTES[code])))
        elif code in _PUTS:
            self._put(self._number(_PUTS[code]))
        elif code in _GETS:
            self._push(self._memoized(self._number(_GETS[code])))
        elif code in _TUPLES:
            self._push(tuple(self._pop() for _ in range(_TUPLES[code]))[::-1])
        elif code == b"\x8a":
            self._push(int.from_bytes(self._read(self._number("<B")), "little", signed=True))
        elif code == b"c":
            self._name(self._line(), self._line())
        elif code == b"\x80":
            self._read(1)  # the protocol
        elif code == b"\x95":
            self._read(8)  # the size of a frame, which only helps to read ahead
        else:
            raise DamagedPickleError(f"instruction {code!r}, which no dictionary of arrays needs")

    def _read(self, size: int) -> bytes:
        """Read so many bytes, none of which are made room for unless they are there."""
        if size > self._left:
            raise DamagedPickleError("it is cut short")
        self._left -= size
        return self._file.read(size)

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    def _text(self, size: int) -> "str | Utf8":
        content = self._read(size)
        if size > LONGEST_NAME:
            return Utf8(content)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedPickleError("a text that is not UTF-8") from error

    def _line(self) -> str:
        line = self._file.readline(LONGEST_NAME)
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise DamagedPickleError("a name without an end")
        return line[:-1].decode("utf-8", "replace")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack or isinstance(self._stack[-1], _Mark):
            raise DamagedPickleError("an instruction without what it works on")
        return self._stack.pop()

    def _items(self) -> list[Any]:
        """Pop the items put on the stack since the last mark, and the mark."""
        items = []
        while self._stack and not isinstance(self._stack[-1], _Mark):
            items.append(self._stack.pop())
        if not self._stack:
            raise DamagedPickleError("items without a beginning")
        self._stack.pop()
        return items[::-1]

    def _put(self, place: int) -> None:
        value = self._pop()
        self._memo[place] = value
        self._push(value)

    def _memoized(self, place: int) -> Any:
        if place not in self._memo:
            raise DamagedPickleError(f"it refers to value {place}, which is not there")
        return self._memo[place]

    def _set_items(self) -> None:
        items, target = self._items(), self._pop()
        if not isinstance(target, dict) or len(items) % 2:
            raise DamagedPickleError("entries of something that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):
                raise DamagedPickleError("a key that is neither a text nor a number")
            target[key] = value
        self._push(target)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._stack += [_Mark(), key, value]
        self._set_items()

    def _extend(self) -> None:
        items, target = self._items(), self._pop()
        if not isinstance(target, list):
            raise DamagedPickleError("items of something that is no list")
        target.extend(items)
        self._push(target)

    def _append(self) -> None:
        self._stack += [_Mark(), self._pop()]
        self._extend()

    def _name_on_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise DamagedPickleError("a name that is no text")
        self._name(module, name)

    def _name(self, module: str, name: str) -> None:
        if (module, name) not in self._callables:
            whole = f"{module}.{name}"
            if len(whole) > LONGEST_SHOWN or not whole.isprintable():
                raise DamagedPickleError("a name that is none")
            raise ForeignCodeError(whole)
        self._push(self._callables[module, name])

    def _call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if function not in self._callables.values() or not isinstance(arguments, tuple):
            raise DamagedPickleError("a call of something that is no function")
        try:
            self._push(function(*arguments))
        except TypeError as error:
            raise DamagedPickleError("a call with too few arguments or too many") from error

    def _build(self) -> None:
        state, target = self._pop(), self._pop()
        if not isinstance(target, StandIn) or not isinstance(state, tuple):
            raise DamagedPickleError("a state of something that has none")
        target.build(state)
        self._push(target)
