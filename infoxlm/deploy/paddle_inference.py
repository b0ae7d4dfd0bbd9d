"""Paddle Inference: a static model, with what makes it fast on CPUs."""

from enum import Enum, auto
from pathlib import Path
from typing import Any, Self

import numpy as np

from infoxlm.constants import PAD_ID
from infoxlm.deploy.checked_program import CheckedProgram
from infoxlm.deploy.model_folder import SINGLE_ROW_PROGRAM
from infoxlm.deploy.native_output import cannot_run, last_line
from infoxlm.deploy.paddle_executors import CpuExecutor, Executor, OneDnnExecutor
from infoxlm.errors import UserError
from infoxlm.hardware.environment import AVX512, cpu_words, quiet_import
from infoxlm.schema import Amp

#: Most tokens of inputs that have an executor of their own on CPUs.
SMALL_TOKENS = 128


class Kind(Enum):
    """The kind of batch that an executor is for."""

    #: One short sequence: a program of its own.
    SINGLE_ROW = auto()
    #: Few tokens, where there is no such program: the general one, which keeps its tensors.
    SMALL = auto()
    #: All else: the general program, which frees them.
    LARGE = auto()


class PaddleInference:
    """A static model in Paddle Inference.

    Each kind of executor holds the weights once more, so none is made before it is needed.

    Args:
        program: `inference.json`; the parameters lie next to it.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with.
        amp: bf16 on CPUs: oneDNN multiplies in it. Single rows have no program of their own then:
            it is not oneDNN's.

    Raises:
        UserError: A file is missing or damaged, or a program holds what no export has.
    """

    name = "Paddle Inference"

    def __init__(self, program: Path, device: str, threads: int, amp: Amp = Amp.none) -> None:
        self._arguments = (program, device, threads, amp)
        self._executors: dict[Kind, Executor] = {}
        self._on_cpu = device == "cpu"
        self._program = CheckedProgram(program)
        self.labels = self._program.labels
        self.for_every_token = self._program.for_every_token
        single_row = program.with_name(SINGLE_ROW_PROGRAM)
        in_fp32 = self._on_cpu and amp is Amp.none
        usable = in_fp32 and single_row.is_file() and cpu_words() >= AVX512
        self._single_row = CheckedProgram(single_row) if usable else None
        self._unused: dict[Kind, Any] = {}
        if not usable:
            self._load(Kind.LARGE)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        if not len(input_ids):  # Paddle would end the process
            return np.empty((0, self.labels), np.float32)
        kind = self._kind_for(input_ids)
        try:
            if kind not in self._executors:
                self._executors[kind] = self._executor(kind)
            return self._executors[kind].run(input_ids)
        except (RuntimeError, ValueError, OSError) as error:
            raise cannot_run(self._program.path, error) from error

    def prepare(self) -> None:
        """Load all that may be needed and run none of it, to be shared by forked processes."""
        self._load(Kind.LARGE)
        if self._on_cpu:
            self._load(Kind.SMALL if self._single_row is None else Kind.SINGLE_ROW)

    def clone(self) -> Self:
        """Make one for another thread."""
        return type(self)(*self._arguments)

    def _kind_for(self, input_ids: np.ndarray) -> Kind:
        if not self._on_cpu or input_ids.size > SMALL_TOKENS:
            return Kind.LARGE
        if self._single_row is None:
            return Kind.SMALL
        is_single = len(input_ids) == 1 and PAD_ID not in input_ids
        return Kind.SINGLE_ROW if is_single else Kind.LARGE

    def _load(self, kind: Kind) -> None:
        """Load a predictor for a kind of executor, unless there is one."""
        if kind not in self._unused:
            _, device, threads, amp = self._arguments
            onednn = kind is not Kind.SINGLE_ROW
            program = self._program if onednn else self._single_row
            assert program is not None
            self._unused[kind] = load_predictor(
                program, device, threads, onednn=onednn, bf16=amp is Amp.bf16
            )

    def _executor(self, kind: Kind) -> Executor:
        """Make an executor of a predictor that is loaded, or is now."""
        if kind is Kind.SMALL and kind not in self._unused and Kind.LARGE in self._unused:
            self._unused[kind] = self._unused.pop(Kind.LARGE)  # they are of the same program
        self._load(kind)
        predictor = self._unused.pop(kind)
        if not self._on_cpu:
            return Executor(predictor)
        if kind is Kind.SINGLE_ROW:
            return CpuExecutor(predictor, keeps_tensors=True)
        return OneDnnExecutor(predictor, keeps_tensors=kind is Kind.SMALL)


def load_predictor(
    program: CheckedProgram,
    device: str,
    threads: int,
    *,
    onednn: bool = True,
    bf16: bool = False,
) -> Any:
    """Load a program and the parameters next to it.

    Args:
        program: The static model. It has to last as long as the predictor.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with.
        onednn: On CPUs, put oneDNN's operations in the place of Paddle's.
        bf16: On CPUs, have oneDNN multiply in bfloat16.

    Raises:
        UserError: Paddle cannot load it.
    """
    with quiet_import():
        from paddle import inference
    options = inference.Config(str(program.copy), str(program.parameters))
    options.disable_glog_info()
    if device == "cpu":
        options.disable_gpu()
        options.set_cpu_math_library_num_threads(threads)
        if onednn:
            # oneDNN lays every matrix out in its own way: unless set to 0, again for each shape of
            # input, which takes longer than to score a pair, and keeps the copies of ten shapes.
            options.set_mkldnn_cache_capacity(0)
            if bf16:
                options.enable_mkldnn_bfloat16()
        else:
            options.disable_mkldnn()
    else:
        options.enable_use_gpu(256, int(device.partition(":")[2] or 0))
    try:
        return inference.create_predictor(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"{program.path} cannot be loaded: {last_line(error)}", "Export the checkpoint again."
        ) from error
