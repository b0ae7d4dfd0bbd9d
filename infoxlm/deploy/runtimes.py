"""Three ways from token ids to logits: Paddle Inference, ONNX Runtime, and the model itself."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from infoxlm.constants import PAD_ID
from infoxlm.deploy.model_folder import PARAMETERS, ModelFolder
from infoxlm.errors import UserError
from infoxlm.hardware import check_device, load_paddle, prepare_environment, quiet_import

#: What an exported model takes: padded token ids, int64 `[batch, seq]`.
INPUT = "input_ids"

#: oneDNN lays every matrix out anew for each shape of input it meets, which takes longer than
#: computing a single pair, and keeps this many shapes' copies, as far as they fit into the bytes.
SHAPES = 8
SHAPES_BYTES = 1 << 30

#: Inputs of at most so many tokens are padded to a multiple, so that their shapes come again.
#: Those of large batches hardly ever do, and the padding would cost more than it brings.
SMALL_TOKENS, MULTIPLE = 128, 16


class Runtime(Protocol):
    """Computes logits. One object serves one thread; `clone` makes another on the same weights."""

    name: str

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids, int64 `[batch, seq]`, as logits, float32 `[batch, labels]`."""

    def clone(self) -> Self:
        """Return an object for another thread."""


def load_runtime(
    folder: ModelFolder, runtime: str | None, *, device: str, threads: int | None
) -> Runtime:
    """Load a folder's model.

    Args:
        folder: Where it lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with; None: OMP_NUM_THREADS, or every available core.

    Raises:
        UserError: The folder has no such model, or it cannot be loaded here.
    """
    # Before anything imports paddle, which reads the environment only then.
    threads = prepare_environment(threads)
    check_device(device)
    if runtime == "onnx" or (runtime is None and folder.program is None and folder.onnx):
        if folder.onnx is None:
            raise UserError(
                f"{folder.path} has no ONNX model",
                "Write one: infoxlm export model.checkpoint=CHECKPOINT target=FOLDER format=onnx.",
            )
        if device != "cpu":
            raise UserError(
                f"hardware.device={device} with an ONNX model",
                "ONNX models are run on CPUs here: take hardware=cpu, or Paddle's model.",
            )
        return OnnxRuntime.load(folder.onnx, threads)
    if folder.program is not None:
        shapes = min(SHAPES, max(1, SHAPES_BYTES // matrix_bytes(folder.config)))
        return PaddleInference.load(folder.program, device, threads, shapes)
    if folder.is_checkpoint:
        return CheckpointModel.load(folder.path, device)
    raise UserError(f"{folder.path} has only an ONNX model", "Leave runtime=paddle out.")


class PaddleInference:
    """A static model in Paddle Inference."""

    name = "Paddle Inference"

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._input = predictor.get_input_handle(INPUT)
        self._output = predictor.get_output_handle(predictor.get_output_names()[0])

    @classmethod
    def load(cls, program: Path, device: str, threads: int, shapes: int) -> Self:
        """Load `inference.json` or `inference.pdmodel` and the parameters beside it.

        Args:
            program: The static model.
            device: `cpu`, `gpu` or `gpu:N`.
            threads: Threads to compute with.
            shapes: How many shapes' copies of all matrices oneDNN may keep.

        Raises:
            UserError: A file is missing or damaged, or the model takes something else.
        """
        parameters = program.with_name(PARAMETERS)
        if not parameters.is_file():
            raise UserError(f"{parameters} is missing", "Export the checkpoint again.")
        with quiet_import():
            from paddle import inference
        config = inference.Config(str(program), str(parameters))
        config.disable_glog_info()
        if device == "cpu":
            config.disable_gpu()
            config.set_cpu_math_library_num_threads(threads)
            config.set_mkldnn_cache_capacity(shapes)
        else:
            config.enable_use_gpu(256, int(device.partition(":")[2] or 0))
        try:
            predictor = inference.create_predictor(config)
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(
                f"{program} cannot be loaded: {last_line(error)}", "Export the checkpoint again."
            ) from error
        if (names := predictor.get_input_names()) != [INPUT]:
            raise UserError(
                f"{program} takes {', '.join(names)} instead of {INPUT}",
                "Give a folder that `infoxlm export` wrote.",
            )
        return cls(predictor)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        if input_ids.size <= SMALL_TOKENS:
            missing = -input_ids.shape[1] % MULTIPLE
            input_ids = np.pad(input_ids, ((0, 0), (0, missing)), constant_values=PAD_ID)
        self._input.copy_from_cpu(input_ids)
        self._predictor.run()
        return self._output.copy_to_cpu()

    def clone(self) -> Self:
        """Share the weights with a predictor for another thread."""
        return type(self)(self._predictor.clone())


class OnnxRuntime:
    """An ONNX model in onnxruntime; no paddle is imported."""

    name = "ONNX Runtime"

    def __init__(self, session: Any) -> None:
        self._session = session

    @classmethod
    def load(cls, model: Path, threads: int) -> Self:
        """Load `model.onnx`.

        Raises:
            UserError: onnxruntime is not installed, or the model is damaged or takes something
                else.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(
                f"ONNX models need onnxruntime ({error})", 'Run `pip install "infoxlm[export]"`.'
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors; it warns of what it tidies up by itself
        try:
            session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions have no base class of their own
            raise UserError(
                f"{model} cannot be loaded: {last_line(error)}", "Export the checkpoint again."
            ) from error
        if (names := [each.name for each in session.get_inputs()]) != [INPUT]:
            raise UserError(
                f"{model} takes {', '.join(names)} instead of {INPUT}",
                "Give a folder that `infoxlm export` wrote.",
            )
        return cls(session)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        return self._session.run(None, {INPUT: input_ids})[0]

    def clone(self) -> Self:
        """Return itself: a session may be run by several threads at once."""
        return self


class CheckpointModel:
    """The classifier of a checkpoint, not exported."""

    name = "the checkpoint"

    def __init__(self, model: Any) -> None:
        self.model = model
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Load a Paddle model folder.

        Raises:
            UserError: Its weights are missing or damaged.
        """
        load_paddle()
        from infoxlm.model import InfoXLMForSequenceClassification
        from infoxlm.model.loading import select_device

        select_device(device)
        model = InfoXLMForSequenceClassification.from_pretrained(folder)
        model.eval()
        return cls(model)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        import paddle

        with self._lock, paddle.no_grad():
            return self.model(paddle.to_tensor(input_ids)).logits.numpy()

    def clone(self) -> Self:
        """Return itself: threads take turns."""
        return self


def matrix_bytes(config: Mapping[str, Any]) -> int:
    """The size of all blocks' matrices in float32."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    return 4 * config["num_hidden_layers"] * (4 * hidden * hidden + 2 * hidden * inner)


def last_line(error: Exception) -> str:
    """The end of what a C++ library says, where the reason stands."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
