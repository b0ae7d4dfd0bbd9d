"""Paddle's program in `inference.json`: a list of operations, read strictly before Paddle sees it.

Paddle runs whatever a program says, operations that read and write files among them. So a program
has to be one block of operations that exports have, each with the attributes it has there;
whatever else JSON could hold, blocks inside operations among it, is refused.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infoxlm.data.example import shown
from infoxlm.deploy.exported_operations import ABSENT, Operations
from infoxlm.files.json_file import read_json_object

PARAMETER = "p"
FETCH = "1.fetch"

#: Bytes of the largest program; that of 24 layers has 700,000.
MOST_BYTES = 16 << 20

#: The largest dimension of a tensor.
MOST_SIZE = 2**31

#: Parameters' types: what a program calls them, and the sizes of their values.
PARAMETER_BYTES = {"0.t_f32": 4, "0.t_f16": 2}

#: Types of all values.
TYPES = {*PARAMETER_BYTES, "0.t_i32", "0.t_i64", "0.t_ui8", "0.t_bool"}

_BASE = {"magic": "pir", "trainable": True, "version": 4}
_OPERATION = ("#", "A", "I", "O", "OA")
_PARAMETER = ("#", "A", "DA", "O", "OA", "QA")
#: Of every parameter: neither spread over machines nor quantised, to be trained and clipped.
_PARAMETER_FIXED = {"DA": [], "QA": [], "OA": [1, 0, 1]}


class ProgramError(Exception):
    """The program holds something that no export has."""


@dataclass(frozen=True)
class Tensor:
    """The type of a value.

    Attributes:
        kind: What its numbers are, in the program's words.
        shape: Its sizes; -1 where they stay open.
    """

    kind: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, described: Any) -> Self:
        """Read what a program says of a tensor."""
        data = _only(described, "#", "D")["D"]
        if described["#"] != "0.t_dtensor" or not isinstance(data, list) or len(data) != 5:
            raise ProgramError(f"a value of type {_word(described['#'])}")
        kind, shape = _only(data[0], "#")["#"], data[1]
        if kind not in TYPES or data[2:] != ["NCHW", [], 0]:
            raise ProgramError(f"a tensor of type {_word(kind)} or of a rare layout")
        if not isinstance(shape, list) or not all(
            type(size) is int and -1 <= size < MOST_SIZE for size in shape
        ):
            raise ProgramError("a tensor of impossible sizes")
        return cls(kind, tuple(shape))


@dataclass(frozen=True)
class PaddleProgram:
    """A program that holds nothing but what exports hold.

    Attributes:
        content: All of the JSON.
        parameters: The type of each parameter, by name.
        inputs: The names of what it takes.
        logits: The type of what it answers with.
    """

    content: Mapping[str, Any]
    parameters: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    logits: Tensor

    @classmethod
    def read(cls, path: Path, allowed: Operations) -> Self:
        """Read a program and hold it against the operations of exports.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is not JSON.
            ProgramError: It holds something that no export has.
        """
        content = read_json_object(path, MOST_BYTES)
        parameters: dict[str, Tensor] = {}
        values: dict[int, list[Tensor]] = {ABSENT: []}
        answers, inputs = [], []
        for operation in operations_of(content):
            if operation.get("#") == PARAMETER:
                name, tensor = _parameter(operation)
                if name in parameters:
                    raise ProgramError(f"two parameters {shown(name)}")
                parameters[name] = tensor
                _define(values, [operation["O"]])
                continue
            _only(operation, *_OPERATION)
            taken = [values.get(number) for number in _numbers(operation["I"])]
            if None in taken:
                raise ProgramError("a value that is used before it is there")
            try:
                allowed.check(operation)
            except ValueError as error:
                raise ProgramError(str(error)) from error
            if operation["#"] == FETCH:
                answers += [tensor for value in taken if value for tensor in value]
            if operation["#"] == "1.data":
                inputs.append(operation["A"][0]["AT"]["D"])
            _define(values, operation["O"])
        if (
            len(answers) != 1
            or len(answers[0].shape) not in (2, 3)  # of each sequence, or of every token
            or answers[0].shape[-1] < 1
            or answers[0].kind != "0.t_f32"
        ):
            raise ProgramError(f"{len(answers)} answers, or one that is no row of logits")
        return cls(content, parameters, tuple(inputs), answers[0])


def operations_of(content: Mapping[str, Any]) -> list[Any]:
    """The operations of a program's only block.

    Raises:
        ProgramError: There are more blocks, or none.
    """
    root = _only(content, "base_code", "program")
    if root["base_code"] != _BASE:
        raise ProgramError("a form of program that Paddle 3.3 does not write")
    (region,) = _single(_only(root["program"], "regions")["regions"])
    (block,) = _single(_only(region, "#", "blocks")["blocks"])
    if _only(block, "#", "args", "ops")["args"] != [] or not isinstance(block["ops"], list):
        raise ProgramError("a block that takes arguments, or has no operations")
    if {type(region["#"]), type(block["#"])} != {str}:
        raise ProgramError("a block without a name")
    return block["ops"]


def _parameter(operation: Any) -> tuple[str, Tensor]:
    """Name and type of a parameter."""
    _only(operation, *_PARAMETER)
    words = operation["A"]
    if (
        any(operation[key] != value for key, value in _PARAMETER_FIXED.items())
        or not isinstance(words, list)
        or words[:3] != [0, 1, 1]
        or len(words) != 4
        or not isinstance(words[3], str)
    ):
        raise ProgramError("a parameter unlike those of exports")
    tensor = Tensor.of(_only(operation["O"], "%", "TT")["TT"])
    if tensor.kind not in PARAMETER_BYTES:
        raise ProgramError(f"parameter {shown(words[3])} of type {tensor.kind}")
    if min(tensor.shape, default=1) < 1 or math.prod(tensor.shape) > 2**40:
        raise ProgramError(f"parameter {shown(words[3])} of impossible sizes")
    return words[3], tensor


def _define(values: dict[int, list[Tensor]], outputs: Any) -> None:
    """Take what an operation makes into the table of values."""
    for number, output in zip(_numbers(outputs, "%", "TT"), outputs, strict=True):
        if number in values:
            raise ProgramError("a value that is there twice")
        described = output["TT"]
        several = isinstance(described, dict) and described.get("#") == "0.t_vec"
        parts = _only(described, "#", "D")["D"] if several else [described]
        if not isinstance(parts, list):
            raise ProgramError("a list of values that is none")
        values[number] = [Tensor.of(part) for part in parts]


def _numbers(references: Any, *keys: str) -> Iterator[int]:
    """The numbers of the values that an operation takes or makes."""
    if not isinstance(references, list):
        raise ProgramError("an operation without its values")
    for reference in references:
        number = _only(reference, *(keys or ("%",)))["%"]
        if type(number) is not int or not 0 <= number < MOST_SIZE:
            raise ProgramError("a value without a number")
        yield number


def _only(value: Any, *keys: str) -> dict[str, Any]:
    """The value as an object that has these keys and no other."""
    if not isinstance(value, dict) or value.keys() != set(keys):
        found = f"the keys {', '.join(value)}" if isinstance(value, dict) else "no keys"
        raise ProgramError(f"{shown(found)} where {', '.join(keys)} belong")
    return value


def _single(values: Any) -> list[Any]:
    if not isinstance(values, list) or len(values) != 1:
        raise ProgramError("several blocks of operations, or none")
    return values


def _word(value: Any) -> str:
    return shown(str(value))
