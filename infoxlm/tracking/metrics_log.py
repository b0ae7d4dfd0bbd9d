"""metrics.jsonl: what a run logged, one JSON object a line, readable while it is written."""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file
from infoxlm.files.json_file import parse_json, parsed_lines
from infoxlm.schema.json_shapes import fields, number, whole
from infoxlm.tracking.closing import Closing

logger = logging.getLogger(__name__)

#: The file's name in a run's folder, and in its checkpoints.
METRICS = "metrics.jsonl"

_LINE = fields({"step": whole(), "time": number(0, 1e11)}, required=["step"])


class MetricsLog(Closing):
    """Writes a metrics.jsonl; a context manager.

    Args:
        path: The file; folders are made, and what was there is replaced.
        logged: Its first lines: of a run that is resumed, the records up to there.
    """

    def __init__(self, path: str | Path, logged: Sequence[Mapping[str, Any]] = ()) -> None:
        self.path = Path(path)
        with atomic_file(path) as temporary:
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
    try:
        records = list(parsed_lines(path, _parse))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Give another run.") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}", "Delete that line.") from error
    if records and records[-1] is None:
        logger.warning("%s ends in half a line, which is left out", path)
    return [record for record in records if record is not None]


def _parse(line: str) -> dict[str, Any] | None:
    """A line as it was logged; None of half a line, which can only be the last one."""
    if not line.endswith("\n"):
        return None
    record: dict[str, Any] = parse_json(line)
    _LINE(record)
    return record


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
