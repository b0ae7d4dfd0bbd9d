"""How fast this machine multiplies matrices at the moment: what training is measured against."""

import time

import numpy as np
import paddle

#: Rows and columns of the matrices; larger ones are no faster on the CPUs tried.
SIZE = 2048

#: Seconds between two measurements, each of which takes a tenth of one.
INTERVAL = 30.0


class MachineSpeed:
    """Measures fp32 matrix products every now and then, on CPUs.

    Args:
        device: ``cpu``, or a GPU, on which nothing is measured.
    """

    def __init__(self, device: str) -> None:
        self._measures = device == "cpu"
        self._found: list[float] = []
        self._next = 0.0

    @property
    def median(self) -> float | None:
        """Operations a second; None when nothing was measured."""
        return float(np.median(self._found)) if self._found else None

    @paddle.no_grad()
    def measure_now_and_then(self) -> None:
        """Measure unless it was done lately."""
        if not self._measures or time.perf_counter() < self._next:
            return
        # Drawn by NumPy: the state of Paddle's generator is the run's.
        matrix = paddle.to_tensor(np.random.default_rng(0).random((SIZE, SIZE), np.float32))
        seconds = []
        for _ in range(4):
            started = time.perf_counter()
            paddle.matmul(matrix, matrix)
            seconds.append(time.perf_counter() - started)
        self._found.append(2 * SIZE**3 / min(seconds))
        self._next = time.perf_counter() + INTERVAL
