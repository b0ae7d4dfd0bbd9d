"""The windows that both sides are measured on."""

from pathlib import Path

import numpy as np

LENGTH = 384


class Windows:
    """Windows in memory, and which of them a step is made of.

    Args:
        path: What speed.py wrote.
        step: Windows of an optimizer step.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._arrays = dict(np.load(path))
        self._step = step
        self._drawn = np.random.default_rng(42)
        ids = self._arrays["train_ids"]
        count = len(ids) // LENGTH
        # Answers anywhere: only their cost is measured.
        places = np.random.default_rng(1).integers(0, LENGTH, (2, count))
        self._arrays |= {
            "full_ids": np.where(ids < 4, 4, ids)[: count * LENGTH],
            "full_offsets": np.arange(count + 1) * LENGTH,
            "full_start": places[0],
            "full_end": places[1],
        }

    def sequences(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """The ids and offsets of `train`, `full` or `test`."""
        return self._arrays[f"{kind}_ids"], self._arrays[f"{kind}_offsets"]

    def targets(self, kind: str) -> dict[str, np.ndarray]:
        """The tokens that begin and end the answers of `train` or `full`."""
        prefix = "full_" if kind == "full" else ""
        return {name: self._arrays[prefix + name] for name in ("start", "end")}

    def rows(self, kind: str) -> np.ndarray:
        """The windows of the next step."""
        count = len(self.sequences(kind)[1]) - 1
        return self._drawn.choice(count, min(self._step, count), replace=False)
