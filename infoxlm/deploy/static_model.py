"""A checkpoint's model as a static model for Paddle Inference."""

import filecmp
from pathlib import Path
from typing import Any

import paddle
from paddle import nn
from paddle.static import InputSpec

from infoxlm.deploy.model_folder import INPUT, PARAMETERS, PROGRAM, SINGLE_ROW_PROGRAM
from infoxlm.deploy.native_output import withheld_output
from infoxlm.deploy.single_row import single_row_logits
from infoxlm.model import InfoXLMForSequenceClassification


class LogitsOnly(nn.Layer):
    """The model as an exported one has it: token ids in, logits out.

    Attributes:
        single_row: Whether the graph is to be the one for a single sequence.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.single_row = False

    def forward(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """Score `[batch, seq]` token ids, each sequence or every token of it."""
        if self.single_row:
            return single_row_logits(self.model, input_ids)
        return self.model(input_ids).logits


class HalfStored(LogitsOnly):
    """The same with every matrix kept as float16 and widened to float32 before use.

    CPUs have no kernels for float16. Both Paddle Inference and ONNX Runtime widen constants once,
    while they load the model, so only the file gets smaller.

    Args:
        model: Its matrices are taken out of it.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._matrices: list[tuple[nn.Layer, str, str]] = []
        for layer in model.sublayers(include_self=True):
            for name, parameter in list(layer.named_parameters(include_sublayers=False)):
                if parameter.ndim < 2:
                    continue  # biases and LayerNorm: a thousandth of the size
                half = self.create_parameter(
                    parameter.shape, dtype="float16", default_initializer=nn.initializer.Constant()
                )
                half.set_value(parameter.astype("float16"))
                self._matrices.append((layer, name, f"half_{len(self._matrices)}"))
                self.add_parameter(self._matrices[-1][2], half)
                del layer._parameters[name]

    def forward(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """Score `[batch, seq]` token ids, each sequence or every token of it."""
        for layer, name, half in self._matrices:
            # Past nn.Layer, which would take it for a new parameter.
            object.__setattr__(layer, name, getattr(self, half).astype("float32"))
        return super().forward(input_ids)


def write_static_model(model: Any, folder: Path, *, half: bool, single_row: bool) -> Path:
    """Write `inference.json`, whose batch and length stay open, and `inference.pdiparams`.

    Args:
        model: A layer from token ids to an object with `logits`. With `half` it cannot be used any
            more afterwards.
        folder: Where to.
        half: Store matrices as float16.
        single_row: Also write `inference_single_row.json`, a graph on the same parameters for one
            sequence at a time.

    Returns:
        The program's file.
    """
    model.eval()
    exported = HalfStored(model) if half else LogitsOnly(model)
    exported.eval()
    program = _save(exported, folder / PROGRAM, rows=None)
    # Its graph is the classifier's, written out in other operations; other heads do without.
    if single_row and isinstance(model, InfoXLMForSequenceClassification):
        exported.single_row = True
        again = _save(exported, folder / SINGLE_ROW_PROGRAM, rows=1).with_suffix(".pdiparams")
        if not filecmp.cmp(again, folder / PARAMETERS, shallow=False):
            raise RuntimeError(f"Paddle wrote other parameters into {again.name} than before")
        again.unlink()
    return program


def _save(exported: LogitsOnly, program: Path, rows: int | None) -> Path:
    """Trace a graph and write it with its parameters; returns the graph's file."""
    with withheld_output():
        paddle.jit.save(
            exported,
            str(program.with_suffix("")),
            input_spec=[InputSpec([rows, None], "int64", name=INPUT)],
        )
    return program


def remove_static_model(folder: Path) -> None:
    """Remove what `write_static_model` wrote, a single row's program left out."""
    for name in (PROGRAM, PARAMETERS):
        (folder / name).unlink()
