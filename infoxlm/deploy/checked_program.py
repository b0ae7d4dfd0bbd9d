"""A static model on disk, found to be an export before Paddle sees any of it."""

import json
import shutil
import struct
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from infoxlm.deploy.exported_operations import Operations
from infoxlm.deploy.model_folder import INPUT, PARAMETERS
from infoxlm.deploy.paddle_program import PARAMETER_BYTES, PaddleProgram, ProgramError, Tensor
from infoxlm.errors import UserError
from infoxlm.files.regular_file import open_regular

#: The numbers by which a file of parameters calls their types.
_TYPE_NUMBERS = {"0.t_f16": 4, "0.t_f32": 5}

EXPORT_AGAIN = "Export the checkpoint again; use programs of people you trust only."


class CheckedProgram:
    """A program and its parameters.

    Paddle reads the program again whenever a predictor is cloned, when it may be another: so it is
    given a copy of what was checked, which lasts as long as this object.

    Args:
        program: `inference.json` or the like; the parameters lie next to it.

    Attributes:
        path: The program's file.
        copy: A file that holds what was read of it.
        parameters: The parameters' file.
        labels: The columns of its logits.
        for_every_token: Whether every token has logits, and not each sequence.

    Raises:
        UserError: A file is missing or damaged, or the program holds what no export has.
    """

    def __init__(self, program: Path) -> None:
        self.path = program
        self.parameters = program.with_name(PARAMETERS)
        try:
            read = PaddleProgram.read(program, Operations.of_exports())
        except OSError as error:
            raise UserError(
                f"{program} cannot be read: {error.strerror}", "Export the checkpoint again."
            ) from error
        except ValueError as error:
            raise UserError(
                f"{program} cannot be loaded: {error}", "Export the checkpoint again."
            ) from error
        except ProgramError as error:
            raise UserError(
                f"{program} holds {error}, which no export of infoxlm has", EXPORT_AGAIN
            ) from error
        if read.inputs != (INPUT,):
            raise UserError(
                f"{program} takes {', '.join(read.inputs) or 'nothing'} instead of {INPUT}",
                "Give a folder that `infoxlm export` wrote.",
            )
        check_parameters(self.parameters, read.parameters)
        self.labels = read.logits.shape[-1]
        self.for_every_token = len(read.logits.shape) == 3
        folder = Path(tempfile.mkdtemp(prefix="infoxlm-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.copy = folder / program.name
        self.copy.write_text(json.dumps(read.content), encoding="utf-8")


def check_parameters(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Check that a file holds a program's parameters and nothing else, without reading values.

    Paddle writes them one after the other in the order of their names, each behind its type, and
    when it reads them it trusts what it finds.

    Args:
        path: `inference.pdiparams`.
        tensors: The program's parameters, by name.

    Raises:
        UserError: It does not.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing", "Export the checkpoint again.")
    try:
        with open_regular(path) as file:
            for name in sorted(tensors):
                expected = _header(tensors[name])
                if file.read(len(expected)) != expected:
                    raise UserError(
                        f"{path} cannot be loaded: it does not hold {name} where it belongs",
                        "Export the checkpoint again.",
                    )
                file.seek(_bytes_of(tensors[name]), 1)
            if (end := file.tell()) != (size := path.stat().st_size):
                raise UserError(
                    f"{path} cannot be loaded: it has {size:,} bytes instead of {end:,}",
                    "Export the checkpoint again.",
                )
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", "Export the checkpoint again."
        ) from error


def _bytes_of(tensor: Tensor) -> int:
    size = PARAMETER_BYTES[tensor.kind]
    for length in tensor.shape:
        size *= length
    return size


def _header(tensor: Tensor) -> bytes:
    """The header of a parameter's values: versions and its type, a message of protobuf's."""
    kind = b"\x08" + _varint(_TYPE_NUMBERS[tensor.kind])
    described = kind + b"".join(b"\x10" + _varint(length) for length in tensor.shape)
    return struct.pack("<IQIi", 0, 0, 0, len(described)) + described


def _varint(number: int) -> bytes:
    """A whole number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])
