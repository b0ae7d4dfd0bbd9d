"""Paddle Inference: a static model, with what makes it fast on single pairs."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID
from infoxlm.deploy.model_folder import INPUT, PARAMETERS
from infoxlm.deploy.native_output import last_line
from infoxlm.errors import UserError
from infoxlm.hardware import quiet_import

#: oneDNN lays every matrix out anew for each shape of input it meets, which takes longer than
#: computing a single pair, and keeps this many shapes' copies, as far as they fit into the bytes.
SHAPES = 12
SHAPES_BYTES = 1 << 30

#: Inputs of at most so many tokens are padded to a multiple, so that their shapes come again.
#: Those of large batches hardly ever do, and the padding would cost more than it brings.
SMALL_TOKENS = 128

#: Most pairs of a sentence each have fewer tokens: so many widths are to be kept.
USUAL_TOKENS = 96

#: Gigabytes of tensors no longer needed that an executor collects before it frees them; -1: it
#: frees none, and overwrites them when it runs again.
KEPT = "FLAGS_eager_delete_tensor_gb"


class PaddleInference:
    """A static model in Paddle Inference.

    Small inputs have an executor of their own on CPUs, which frees no tensor between its
    operations: freeing is the work of another thread, and waking it for each takes a sixth of the
    time of a pair. What it keeps is the activations of `SMALL_TOKENS` tokens, 50 MB for e5_small.

    Args:
        predictor: Paddle's.
        multiple: What small inputs are padded to a multiple of; None: inputs stay as they are,
            and one executor serves all.
    """

    name = "Paddle Inference"

    def __init__(self, predictor: Any, multiple: int | None) -> None:
        self._predictor = predictor
        self._multiple = multiple
        self._large = Executor(predictor)
        self._small = self._large if multiple is None else keeping_executor(predictor.clone())

    @classmethod
    def load(cls, program: Path, config: Mapping[str, Any], device: str, threads: int) -> Self:
        """Load `inference.json` or `inference.pdmodel` and the parameters beside it.

        Args:
            program: The static model.
            config: The model's config.json.
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
        multiple = None
        if device == "cpu":
            shapes = shapes_kept(config)
            multiple = multiple_for(shapes)
            options.disable_gpu()
            options.set_cpu_math_library_num_threads(threads)
            options.set_mkldnn_cache_capacity(shapes)
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
        return cls(predictor, multiple)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        if self._multiple is None or input_ids.size > SMALL_TOKENS:
            return self._large.run(input_ids)
        missing = -input_ids.shape[1] % self._multiple
        return self._small.run(np.pad(input_ids, ((0, 0), (0, missing)), constant_values=PAD_ID))

    def clone(self) -> Self:
        """Share the weights with a predictor for another thread."""
        return type(self)(self._predictor.clone(), self._multiple)


class Executor:
    """A predictor of Paddle's with its input and its output."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._input = predictor.get_input_handle(INPUT)
        self._output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score token ids, int64 `[batch, seq]`, as logits."""
        self._input.copy_from_cpu(input_ids)
        self._predictor.run()
        return self._output.copy_to_cpu()


_building = threading.Lock()


def keeping_executor(predictor: Any) -> Executor:
    """An executor that frees no tensor; Paddle asks for this flag once, in the first run."""
    import paddle

    executor = Executor(predictor)
    with _building:
        before = paddle.get_flags(KEPT)
        paddle.set_flags({KEPT: -1.0})
        try:
            executor.run(np.array([[BOS_ID, EOS_ID]]))
        finally:
            paddle.set_flags(before)
    return executor


def shapes_kept(config: Mapping[str, Any]) -> int:
    """How many shapes' copies of all matrices oneDNN may keep."""
    return min(SHAPES, max(1, SHAPES_BYTES // matrix_bytes(config)))


def multiple_for(shapes: int) -> int:
    """The number of tokens whose multiples give so many widths for usual pairs: eights."""
    return -(-USUAL_TOKENS // (8 * shapes)) * 8


def matrix_bytes(config: Mapping[str, Any]) -> int:
    """The size of all blocks' matrices in float32."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    return 4 * config["num_hidden_layers"] * (4 * hidden * hidden + 2 * hidden * inner)
