"""The files of a run's folder, and its log."""

import logging
from pathlib import Path

RUN_RECORD = "run.json"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"


def log_into(folder: Path) -> None:
    """Continue the log file of this process in another run's folder."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.FileHandler):
            file = Path(handler.baseFilename)
            moved = logging.FileHandler(
                folder / file.name, encoding="utf-8", errors="backslashreplace"
            )
            moved.setFormatter(handler.formatter)
            root.addHandler(moved)
            root.removeHandler(handler)
            handler.close()
