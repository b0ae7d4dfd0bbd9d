"""Messages of C++ libraries: past Python's streams, and in their exceptions."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infoxlm.errors import UserError

#: Characters of a reason that are shown.
LONGEST = 300


@contextmanager
def withheld_output() -> Iterator[None]:
    """Keep whatever is written to standard output and error from the terminal.

    Paddle, paddle2onnx and onnxruntime comment on each step of an export. When the block raises,
    what they said comes after all, on standard error: it may name the reason.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    with tempfile.TemporaryFile() as said:
        failed = True
        try:
            for number in (1, 2):
                os.dup2(said.fileno(), number)
            yield
            failed = False
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, stream in zip((1, 2), kept, strict=True):
                os.dup2(stream, number)
                os.close(stream)
            if failed:
                said.seek(0)
                sys.stderr.write(said.read().decode(errors="replace"))


def last_line(error: Exception) -> str:
    """The end of what a C++ library says, where the reason stands."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Behind the reason Paddle names the kernel of the operation, which is called like all others.
    reasons = [line for line in lines if not line.startswith("[operator <")]
    return reasons[-1][:LONGEST] if reasons else type(error).__name__


def cannot_run(model: Path, error: Exception) -> UserError:
    """The error for a model whose operations fail on input that they should take."""
    return UserError(f"{model} cannot be run: {last_line(error)}", "Export the checkpoint again.")
