"""Workers of both sides as child processes, and measuring them in turn."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent


class Side:
    """A worker that waits while another one is measured; a context manager."""

    def __init__(self, name: str, script: str, **options: Any) -> None:
        self.name = name
        words = [f"--{key}={value}" for key, value in options.items() if value is not True]
        flags = [f"--{key}" for key, value in options.items() if value is True]
        self._process = subprocess.Popen(
            [sys.executable, HERE / script, *words, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
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
