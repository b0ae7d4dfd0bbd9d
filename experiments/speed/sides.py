"""Workers of both sides as child processes, and measuring them in turn."""

import json
import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Any, Self

from infoxlm.hardware.environment import CPUINFO
from infoxlm.runs.machine import describe_process

HERE = Path(__file__).parent
#: The library with which PyTorch trains fastest; Debian: libtcmalloc-minimal4.
TCMALLOC = "tcmalloc_minimal"


def cpu_kind() -> str:
    """The CPU, on x86 with its family and model: processors of one name differ by two."""
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.exists() else []
    values = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    kind = [f", {x.split()[-1]} {values[x]}" for x in ("cpu family", "model") if x in values]
    return describe_process()["cpu"]["name"] + "".join(kind)


def environment_with(preload: str | None) -> dict[str, str]:
    """The environment of a process whose memory another library hands out.

    PyTorch leaves memory to the C library. glibc's gives large arrays back to Linux as they are
    freed and gets them anew page by page, which PyTorch's tuning guide advises against.
    """
    if preload is None:
        return dict(os.environ)
    library = find_library(preload)
    if library is None:
        raise RuntimeError(
            f"no library {preload} on this machine (apt install libtcmalloc-minimal4)"
        )
    return os.environ | {"LD_PRELOAD": library}


class Side:
    """A worker that waits while another one is measured; a context manager.

    Args:
        name: What its numbers are filed under.
        script: The worker's, a path or a name in this folder.
        preload: A library that hands out its memory, like `TCMALLOC`; None: glibc.
        options: The worker's command line.
    """

    def __init__(self, name: str, script: str, preload: str | None = None, **options: Any) -> None:
        self.name = name
        words = [f"--{key}={value}" for key, value in options.items() if value is not True]
        flags = [f"--{key}" for key, value in options.items() if value is True]
        self._process = subprocess.Popen(
            [sys.executable, HERE / script, *words, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment_with(preload),
        )

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.name} ended: exit code {self._process.wait()}")

    def order(self, what: str) -> dict[str, Any]:
        """Have something measured."""
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        return self._answer()

    def __enter__(self) -> Self:
        self._answer()  # ready
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
