"""Three ways from token ids to logits: Paddle Inference, ONNX Runtime, and the model itself."""

import threading
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.deploy.model_folder import INPUT, ModelFolder
from infoxlm.deploy.native_output import cannot_run, last_line
from infoxlm.deploy.onnx_file import check_onnx_file
from infoxlm.deploy.paddle_inference import PaddleInference
from infoxlm.errors import UserError
from infoxlm.hardware.environment import check_device, load_paddle, prepare_environment
from infoxlm.schema import Amp


class Runtime(Protocol):
    """Computes logits. One object serves one thread; `clone` makes another of the same model."""

    name: str

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Compute logits of padded token ids, int64 `[batch, seq]`.

        Returns:
            float32 `[batch, labels]`, or `[batch, seq, labels]` of a model that answers for every
            token. A batch of no rows is answered with no rows.

        Raises:
            UserError: The model cannot be run.
        """

    def clone(self) -> Self:
        """Return an object for another thread."""


class LoadedRuntime(Runtime, Protocol):
    """A runtime in this process, which knows its model."""

    #: The columns of its logits.
    labels: int
    #: Whether every token has logits, and not each sequence.
    for_every_token: bool


def load_runtime(
    folder: ModelFolder,
    runtime: str | None,
    *,
    device: str,
    threads: int | None,
    amp: Amp = Amp.none,
) -> LoadedRuntime:
    """Load a folder's model.

    Args:
        folder: Where it lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with; None: OMP_NUM_THREADS, or every available core.
        amp: The precision of products.

    Raises:
        UserError: The folder has no such model, it cannot be loaded here, or it has other labels
            than the folder's config.json.
    """
    loaded = _load(folder, runtime, device=device, threads=threads, amp=amp)
    if loaded.labels != folder.inference.outputs:
        raise UserError(
            f"the model in {folder.path} tells {loaded.labels} labels apart, its {CONFIG_FILE} "
            f"names {folder.inference.outputs}",
            "Give a folder whose files belong together.",
        )
    if loaded.for_every_token != folder.inference.for_every_token:
        kinds = ("each sequence", "every token")
        raise UserError(
            f"the model in {folder.path} answers for {kinds[loaded.for_every_token]}, its "
            f"{CONFIG_FILE} is of one for {kinds[folder.inference.for_every_token]}",
            "Give a folder whose files belong together.",
        )
    return loaded


def _load(
    folder: ModelFolder, runtime: str | None, *, device: str, threads: int | None, amp: Amp
) -> LoadedRuntime:
    # Before anything imports paddle, which reads the environment only then.
    threads = prepare_environment(threads)
    check_device(device, amp)
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
        if amp is not Amp.none:
            raise UserError(
                f"hardware.amp={amp.value} with an ONNX model, which computes as it was exported",
                "Set hardware.amp=none, or take Paddle's model.",
            )
        return OnnxRuntime.load(folder.onnx, threads)
    if folder.program is not None:
        if device != "cpu" and amp is not Amp.none:
            raise UserError(
                f"hardware.amp={amp.value} with an exported model on a GPU, which computes as it "
                "was exported",
                "Set hardware.amp=none, or export it with precision=fp16.",
            )
        return PaddleInference(folder.program, device, threads, amp)
    if folder.is_checkpoint:
        return CheckpointModel.load(folder, device, amp)
    raise UserError(f"{folder.path} has only an ONNX model", "Leave runtime=paddle out.")


class OnnxRuntime:
    """An ONNX model in onnxruntime; no paddle is imported."""

    name = "ONNX Runtime"

    def __init__(self, model: Path, session: Any) -> None:
        self._model, self._session = model, session
        shape = session.get_outputs()[0].shape
        self.labels, self.for_every_token = shape[-1], len(shape) == 3

    @classmethod
    def load(cls, model: Path, threads: int) -> Self:
        """Load `model.onnx`.

        Raises:
            UserError: onnxruntime is not installed, or the model is damaged, takes something
                else or holds what no export has.
        """
        check_onnx_file(model)
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
        answers = [[type(size) for size in each.shape] for each in session.get_outputs()]
        if answers not in ([[str, int]], [[str, str, int]]):
            raise UserError(
                f"{model} does not answer with logits [batch, labels]",
                "Give a folder that `infoxlm export` wrote.",
            )
        return cls(model, session)

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        if not len(input_ids):
            return np.empty((0, self.labels), np.float32)
        try:
            return self._session.run(None, {INPUT: input_ids})[0]
        except Exception as error:  # as above
            raise cannot_run(self._model, error) from error

    def clone(self) -> Self:
        """Return itself: a session may be run by several threads at once."""
        return self


class CheckpointModel:
    """The model of a checkpoint, not exported."""

    name = "the checkpoint"

    def __init__(self, model: Any, labels: int, for_every_token: bool, precision: Any) -> None:
        self.model = model
        self.precision = precision
        self.labels = labels
        self.for_every_token = for_every_token
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: ModelFolder, device: str, amp: Amp = Amp.none) -> Self:
        """Load a checkpoint.

        Raises:
            UserError: Its weights are missing or damaged.
        """
        load_paddle()
        from infoxlm.model.loading import select_device
        from infoxlm.model.precision import Precision

        select_device(device)
        inference = folder.inference
        model = inference.load_model(folder.path)
        model.eval()
        return cls(
            model, inference.outputs, inference.for_every_token, Precision(amp, constant=True)
        )

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids; see `Runtime`."""
        import paddle

        if not len(input_ids):
            return np.empty((0, self.labels), np.float32)
        with self._lock, paddle.no_grad(), self.precision.autocast():
            return self.model(paddle.to_tensor(input_ids)).logits.astype("float32").numpy()

    def clone(self) -> Self:
        """Return itself: threads take turns."""
        return self
