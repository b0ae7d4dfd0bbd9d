"""metrics.jsonl: what a run logged, one JSON object a line, readable while it is written."""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infoxlm.atomic import atomic_path
from infoxlm.errors import UserError
from infoxlm.tracking.closing import Closing

logger = logging.getLogger(__name__)

#: The file's name in a run's folder, and in its checkpoints.
METRICS = "metrics.jsonl"


class MetricsLog(Closing):
    """Writes a metrics.jsonl; a context manager.

    Args:
        path: The file; folders are made, and what was there is replaced.
        logged: What it begins with: of a run that goes on, its records up to there.
    """

    def __init__(self, path: str | Path, logged: Sequence[Mapping[str, Any]] = ()) -> None:
        self.path = Path(path)
        with atomic_path(path) as temporary:
            temporary.write_text("".join(map(_line, logged)), encoding="utf-8")
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (see close)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append `{"step": step, "time": now, **values}` and flush.

        The time is in seconds since 1970. Numbers that JSON cannot hold (NaN, infinities) become
        null; numpy scalars plain numbers.
        """
        self._file.write(_line({"step": step, "time": round(time.time(), 3), **values}))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Read a metrics.jsonl; a last line cut off by a crash is left out with a warning.

    Raises:
        UserError: The file is missing, or another line is not an object with a step.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist", "Give the metrics.jsonl of a run's folder.")
    text = path.read_text(encoding="utf-8", errors="replace")
    complete, _, rest = text.rpartition("\n")
    if rest:
        logger.warning("%s ends in half a line, which is left out", path)
    records = []
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            record = json.loads(line)
            step = record["step"]
        except (ValueError, TypeError, KeyError):
            step = None
        if not isinstance(step, int):
            raise UserError(
                f"{path} line {number} is not a JSON object with a step: {line[:60]!r}",
                "Delete that line.",
            )
        records.append(record)
    return records


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
