"""Curves, hyper-parameters and vectors in VisualDL's log format."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.tracking.closing import Closing

#: VisualDL shows only the file of a folder whose name sorts last, so there is one, of a fixed name;
#: the name must hold "vdlrecords".
LOG_FILE = "vdlrecords.main.log"

#: Of vectors longer than 200 the dashboard's PCA makes heaps of a few points, and it does not
#: centre; fifty components are what t-SNE is usually given.
SHOWN_COMPONENTS = 50


class VisualDLWriter(Closing):
    """Writes one run's log; a context manager. What is written shows up within a second or two.

    Args:
        folder: The log's folder; the dashboard calls it a run.
        display_name: The run's name in the dashboard. Two runs of one name hide each other there.
        logged: The curves' first points: of a run that is resumed, its records in metrics.jsonl
            up to there. What was in the folder before is replaced by it, so that the curves have
            neither gaps nor points twice.
    """

    def __init__(
        self, folder: str | Path, display_name: str, logged: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        from visualdl import LogWriter

        # The record's id of hyper-parameters is a hash of this path: make it the same from
        # wherever the run is started.
        folder = Path(folder).resolve()
        (folder / LOG_FILE).unlink(missing_ok=True)
        # LogWriter passes on the last two numbers in exchanged places, hence twice the same.
        self._writer = LogWriter(
            str(folder),
            file_name=LOG_FILE,
            display_name=display_name,
            max_queue=2,
            flush_secs=2,
        )
        for record in logged:
            milliseconds = round(1000 * record.get("time", 0))
            for tag, value in record.items():
                if tag not in ("step", "time") and isinstance(value, int | float):
                    self._writer.add_scalar(tag, value, record["step"], walltime=milliseconds)

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
            step: The step of that point.
        """
        self.scalars(step, metrics)
        # The dashboard's table leaves the cells of keys with a dot empty.
        cells = {key.replace(".", "/"): _plain(value) for key, value in config.items()}
        self._writer.add_hparams(cells, list(metrics))

    def embeddings(
        self, tag: str, vectors: NDArray[np.float32], labels: Mapping[str, Sequence[str]]
    ) -> None:
        """Show vectors as points of the high-dimensional view; a tag once.

        Args:
            tag: Their name in the dashboard.
            vectors: `[n, hidden]`; their principal components are stored.
            labels: `n` words for each way of naming and colouring the points, such as "language".
        """
        columns = [list(words) for words in labels.values()]
        components = principal_components(vectors, SHOWN_COMPONENTS)
        self._writer.add_embeddings(tag, components, columns, list(labels))

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._writer.close()


def principal_components(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Turn vectors `[n, hidden]`, centred, into their first components, `[n, count]` or fewer."""
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return left[:, :count] * scale[:count]


def _plain(value: Any) -> int | float | str:
    """Convert a value to one that VisualDL stores: it refuses bool, drops None and sequences."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return value
