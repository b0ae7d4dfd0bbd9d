"""Executors of a static model of Paddle's."""

import threading
from typing import Any

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.deploy.model_folder import INPUT

#: Gigabytes of tensors no longer needed that an executor collects before it frees them; -1: it
#: frees none, and overwrites them when it runs again.
KEPT = "FLAGS_eager_delete_tensor_gb"

#: oneDNN compiles kernels for each shape of input and keeps them, a megabyte or two a shape.
MOST_SHAPES = 256

_beginning = threading.Lock()


class Executor:
    """A predictor of Paddle's with its input and its output."""

    def __init__(self, predictor: Any) -> None:
        self._take(predictor)

    def _take(self, predictor: Any) -> None:
        self.predictor = predictor
        self._input = predictor.get_input_handle(INPUT)
        self._output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score token ids, int64 `[batch, seq]`, as logits."""
        self._input.copy_from_cpu(input_ids)
        self.predictor.run()
        return self._output.copy_to_cpu()


class CpuExecutor(Executor):
    """A predictor on a CPU.

    Args:
        predictor: Paddle's.
        keeps_tensors: Whether tensors stay between its operations: to free them is the work of
            another thread, and to wake it for each takes a sixth of the time of a pair. For 128
            tokens of e5_small it is 50 MB.
    """

    def __init__(self, predictor: Any, keeps_tensors: bool) -> None:
        self.keeps_tensors = keeps_tensors
        super().__init__(predictor)

    def _take(self, predictor: Any) -> None:
        import paddle

        super()._take(predictor)
        # Paddle asks for the flag once, in the first run.
        with _beginning:
            before = paddle.get_flags(KEPT)
            if self.keeps_tensors:
                paddle.set_flags({KEPT: -1.0})
            try:
                Executor.run(self, np.array([[BOS_ID, EOS_ID]]))
            finally:
                paddle.set_flags(before)


class OneDnnExecutor(CpuExecutor):
    """A predictor whose matrices oneDNN has laid out once, for inputs of any shape.

    It starts again after `MOST_SHAPES` shapes, which takes a second, so that what oneDNN keeps does
    not grow for ever. What is kept of a shape is found again by its numbers written without a
    space, where 1 x 138 reads like 11 x 38 and makes Paddle fail: the later of two such shapes gets
    a column of padding.

    Args:
        predictor: Paddle's, configured to keep what belongs to every shape.
        keeps_tensors: As in `CpuExecutor`.
    """

    def _take(self, predictor: Any) -> None:
        super()._take(predictor)
        self._shapes = {"12": (1, 2)}  # the first run's

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score token ids, int64 `[batch, seq]`, as logits."""
        if len(self._shapes) >= MOST_SHAPES and input_ids.shape not in self._shapes.values():
            self._take(self.predictor.clone())
        rows, width = input_ids.shape
        while self._shapes.setdefault(f"{rows}{width}", (rows, width)) != (rows, width):
            width += 1
        if width > input_ids.shape[1]:
            padding = ((0, 0), (0, width - input_ids.shape[1]))
            input_ids = np.pad(input_ids, padding, constant_values=PAD_ID)
        return super().run(input_ids)
