"""Paddle Inference: a static model, with what makes it fast on CPUs."""

from pathlib import Path
from typing import Any, Self

import numpy as np

from infoxlm.deploy.model_folder import INPUT, PARAMETERS
from infoxlm.deploy.native_output import last_line
from infoxlm.deploy.paddle_executors import CpuExecutor, Executor
from infoxlm.errors import UserError
from infoxlm.hardware import quiet_import

#: Inputs of at most so many tokens have an executor of their own on CPUs.
SMALL_TOKENS = 128


class PaddleInference:
    """A static model in Paddle Inference.

    On CPUs small inputs have an executor that keeps its tensors, large ones one that frees them.
    Each holds the weights once more, so neither is made before it is needed.

    Args:
        predictor: Paddle's.
        on_cpu: Whether it computes on a CPU.
    """

    name = "Paddle Inference"

    def __init__(self, predictor: Any, on_cpu: bool) -> None:
        self._unused = [predictor]
        self._on_cpu = on_cpu
        self._executors: dict[bool, Executor] = {}

    @classmethod
    def load(cls, program: Path, device: str, threads: int) -> Self:
        """Load `inference.json` or `inference.pdmodel` and the parameters beside it.

        Args:
            program: The static model.
            device: `cpu`, `gpu` or `gpu:N`.
            threads: Threads to compute with.

        Raises:
            UserError: A file is missing or damaged, or the model takes something else.
        """
        parameters = program.with_name(PARAMETERS)
        if not parameters.is_file():
            raise UserError(f"{parameters} is missing", "Export the checkpoint again.")
        with quiet_import():
            from paddle import inference
        options = inference.Config(str(program), str(parameters))
        options.disable_glog_info()
        if device == "cpu":
            options.disable_gpu()
            options.set_cpu_math_library_num_threads(threads)
            # oneDNN lays every matrix out in its own way: unless told 0, anew for each shape of
            # input, which takes longer than to score a pair, and keeps the copies of ten shapes.
            options.set_mkldnn_cache_capacity(0)
        else:
            options.enable_use_gpu(256, int(device.partition(":")[2] or 0))
        try:
            predictor = inference.create_predictor(options)
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(
                f"{program} cannot be loaded: {last_line(error)}", "Export the checkpoint again."
            ) from error
        if (names := predictor.get_input_names()) != [INPUT]:
            raise UserError(
                f"{program} takes {', '.join(names)} instead of {INPUT}",
                "Give a folder that `infoxlm export` wrote.",
            )
        return cls(predictor, on_cpu=device == "cpu")

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        is_small = self._on_cpu and input_ids.size <= SMALL_TOKENS
        if is_small not in self._executors:
            predictor = self._unused.pop() if self._unused else self._new_predictor()
            self._executors[is_small] = (
                CpuExecutor(predictor, keeps_tensors=is_small)
                if self._on_cpu
                else Executor(predictor)
            )
        return self._executors[is_small].run(input_ids)

    def clone(self) -> Self:
        """Make one for another thread."""
        return type(self)(self._new_predictor(), self._on_cpu)

    def _new_predictor(self) -> Any:
        any_of_them = [*self._unused, *(each.predictor for each in self._executors.values())]
        return any_of_them[0].clone()
