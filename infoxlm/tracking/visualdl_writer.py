"""Curves and hyper-parameters in VisualDL's log format."""

import contextlib
import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infoxlm.atomic import atomic_path
from infoxlm.tracking.closing import Closing

#: VisualDL shows only the file of a folder whose name sorts last. One fixed name that is appended
#: to keeps the curves whole over a resume; the name must hold "vdlrecords".
LOG_FILE = "vdlrecords.main.log"


class VisualDLWriter(Closing):
    """Writes one run's log; a context manager. What is written shows up within a second or two.

    Args:
        folder: Where the log goes; the dashboard calls this folder a run.
        display_name: The run's name in the dashboard. Two runs of one name hide each other there.
        resume_step: Continue after this step: later records of an interrupted run are dropped,
            so that the curves do not double back. None appends to whatever is there.
    """

    def __init__(
        self, folder: str | Path, display_name: str, resume_step: int | None = None
    ) -> None:
        from visualdl import LogWriter

        # The record's id of hyper-parameters is a hash of this path: make it the same from
        # wherever the run is started.
        folder = Path(folder).resolve()
        if resume_step is not None and (folder / LOG_FILE).exists():
            _drop_after(folder / LOG_FILE, resume_step)
        # LogWriter passes on these two numbers in exchanged places, hence twice the same. It
        # prints a line when the file exists.
        with contextlib.redirect_stdout(io.StringIO()):
            self._writer = LogWriter(
                str(folder),
                file_name=LOG_FILE,
                display_name=display_name,
                max_queue=2,
                flush_secs=2,
            )

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each of the curves named by the keys, such as "train/loss".

        The part before the first "/" groups curves. "%" cannot appear in a name.
        """
        for tag, value in values.items():
            self._writer.add_scalar(tag, float(value), step)

    def hyperparameters(
        self, config: Mapping[str, Any], metrics: Mapping[str, float], step: int = 0
    ) -> None:
        """Add the run to the table of hyper-parameters; once, at its end.

        Args:
            config: Flat configuration, such as {"optimizer.learning_rate": 1e-5}; shown there
                with slashes for dots.
            metrics: The figures to compare runs by; each also becomes a curve of one point.
            step: Where that point is put.
        """
        self.scalars(step, metrics)
        # The dashboard's table leaves the cells of keys with a dot empty.
        cells = {key.replace(".", "/"): _plain(value) for key, value in config.items()}
        self._writer.add_hparams(cells, list(metrics))

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._writer.close()


def _plain(value: Any) -> int | float | str:
    """What VisualDL can store: it refuses bool and drops None and sequences."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return value


def _drop_after(file: Path, step: int) -> None:
    """Rewrite a log without the records of later steps and without a record cut off by a crash."""
    from visualdl.proto.record_pb2 import Record

    kept = []
    for data in _records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        # Not a curve's point: a name or hyper-parameters, whose id is no step.
        if record.values[0].WhichOneof("one_value") != "value" or record.values[0].id <= step:
            kept.append(struct.pack("<Q", len(data)) + data)
    with atomic_path(file) as temporary:
        temporary.write_bytes(b"".join(kept))


def _records(log: bytes) -> Iterator[bytes]:
    """Split a log: each record is its length as a little-endian uint64, then its bytes."""
    start = 0
    while start + 8 <= len(log):
        (length,) = struct.unpack_from("<Q", log, start)
        data = log[start + 8 : start + 8 + length]
        if len(data) < length:
            return
        yield data
        start += 8 + length
