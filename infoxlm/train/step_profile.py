"""Profile of a step by Paddle's profiler: time by operator and by phase of the step."""

import contextlib
import io
from pathlib import Path

import paddle
from paddle import profiler

from infoxlm.files.atomic import atomic_file
from infoxlm.tracking.closing import Closing

#: The first steps create the optimizer's state and fill caches; a few after them are recorded.
SKIPPED, RECORDED = 1, 2


class StepProfile(Closing):
    """Records some steps of a training run; a context manager around its loop.

    Args:
        folder: Where ``profile.txt`` (a table) and ``profile.json`` (for chrome://tracing or
            Perfetto) are written; None: nothing is recorded.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._steps = 0
        self._profiler: profiler.Profiler | None = None

    def step_begins(self) -> None:
        """Begin or end recording, as the number of steps wants it."""
        if self._folder is None:
            return
        if self._steps == SKIPPED:
            targets = [profiler.ProfilerTarget.CPU]
            if paddle.device.is_compiled_with_cuda():
                targets.append(profiler.ProfilerTarget.GPU)
            # Paddle's own handler would write into the working directory.
            self._profiler = profiler.Profiler(targets=targets, on_trace_ready=lambda _: None)
            self._profiler.start()
        elif self._steps == SKIPPED + RECORDED:
            self.close()
        self._steps += 1

    def close(self) -> None:
        """Write what was recorded, if it has not been."""
        if self._profiler is None or self._folder is None:
            return
        self._profiler.stop()
        with atomic_file(self._folder / "profile.json") as temporary:
            self._profiler.export(str(temporary), format="json")
        table = io.StringIO()
        with contextlib.redirect_stdout(table):
            self._profiler.summary(sorted_by=profiler.SortedKeys.CPUTotal)
        with atomic_file(self._folder / "profile.txt") as temporary:
            temporary.write_text(table.getvalue(), encoding="utf-8")
        self._profiler = None
