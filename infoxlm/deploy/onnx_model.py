"""A static model as ONNX, in single precision or quantised to 8-bit integers."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.deploy.model_folder import INPUT, PARAMETERS
from infoxlm.deploy.native_output import withheld_output
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import TokenIds

#: The first with LayerNormalization as one operator.
OPSET = 17

#: What an exported model answers with, float32 `[batch, labels]`, or `[batch, sequence, labels]`
#: where it answers for every token; before, it had another name.
OUTPUT = "logits"

#: What protobuf, and so a single ONNX file, can hold.
MAX_BYTES = 2**31

#: Most tokens of a batch while static ranges are measured.
CALIBRATION_TOKENS = 512


def check_onnx(purpose: str) -> None:
    """Check that what writes and runs ONNX models is installed, before anything long is done.

    Args:
        purpose: What wants it, for the message.

    Raises:
        UserError: It is not.
    """
    missing = [name for name in ("onnx", "onnxruntime", "paddle2onnx") if find_spec(name) is None]
    if missing:
        raise UserError(
            f"{purpose} needs {' and '.join(missing)}", 'Run `pip install "infoxlm[export]"`.'
        )


def write_onnx(program: Path, target: Path) -> None:
    """Translate Paddle's static model.

    Args:
        program: `inference.json`, its parameters next to it.
        target: The file to write.

    Raises:
        UserError: The weights are more than an ONNX file can hold.
    """
    parameters = program.with_name(PARAMETERS)
    if parameters.stat().st_size >= MAX_BYTES:
        raise UserError(
            f"the weights have {parameters.stat().st_size / 1e9:.1f} GB, ONNX files at most 2.1",
            "Take precision=fp16, or leave format=onnx out.",
        )
    import paddle2onnx

    with withheld_output():
        # Its default optimize_tool would run pip.
        paddle2onnx.export(
            str(program), str(parameters), str(target), opset_version=OPSET, optimize_tool="None"
        )


def describe_model(path: Path, facts: Mapping[str, str]) -> None:
    """Name a model's input sizes and its output, and write into it what a user has to know.

    Args:
        path: The ONNX model.
        facts: What to write into its `metadata_props`.
    """
    import onnx

    model = onnx.load(path)
    (taken,), (made,) = model.graph.input, model.graph.output
    for node in model.graph.node:
        node.output[:] = [OUTPUT if name == made.name else name for name in node.output]
    made.name = OUTPUT
    for value in (taken, made):
        sizes = value.type.tensor_type.shape.dim
        open_sizes = sizes if value is taken else list(sizes)[:-1]
        for size, name in zip(open_sizes, ("batch", "sequence"), strict=False):
            size.dim_param = name
    # Shapes inside the graph, which the library knew by other names.
    del model.graph.value_info[:]
    onnx.helper.set_model_props(model, dict(facts))
    onnx.save(model, path)


def quantize(model: Path, target: Path, calibration: TokenIds | None) -> None:
    """Write an ONNX model with its matrices and embeddings as 8-bit integers.

    Weights are quantised by column, and `narrowing_products` not at all. Seven of the eight bits
    are used: with all of them, products overflow on x86 CPUs without VNNI
    (onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "reduce_range").

    Args:
        model: A model in single precision.
        target: The file to write.
        calibration: Pairs to measure the ranges of activations on, once and for all (static
            quantisation); None: they are measured again in each batch, so that a pair's logits
            depend a little on its company (dynamic quantisation).
    """
    from onnxruntime import quantization

    prepared = target.with_name(f"prepared.{target.name}")
    common: dict[str, Any] = {
        "per_channel": True,
        "reduce_range": True,
        "weight_type": quantization.QuantType.QInt8,
    }
    try:
        with withheld_output(), without_advice():
            # Makes constants of the weights, without which nothing is found to be quantised.
            quantization.quant_pre_process(model, prepared, skip_symbolic_shape=True)
            common["nodes_to_exclude"] = narrowing_products(prepared)
            if calibration is None:
                quantization.quantize_dynamic(prepared, target, **common)
            else:
                quantization.quantize_static(
                    prepared,
                    target,
                    calibration_reader(calibration),
                    op_types_to_quantize=["MatMul", "Gemm", "Gather"],
                    extra_options={"MatMulConstBOnly": True},
                    **common,
                )
    finally:
        prepared.unlink(missing_ok=True)


def calibration_reader(pairs: TokenIds) -> Any:
    """The pairs in batches, in the class that onnxruntime asks for."""
    from onnxruntime.quantization import CalibrationDataReader

    class Batches(CalibrationDataReader):
        def __init__(self) -> None:
            self._rows = micro_batches(pairs.lengths, CALIBRATION_TOKENS)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(({INPUT: pairs.padded(rows)} for rows in self._rows), None)

    return Batches()


def narrowing_products(model: Path) -> list[str]:
    """The products that lead from the wide feed-forward layer back, to be left in float32.

    Behind GELU a few activations are far larger than the rest, and one range for all of them
    leaves the rest few bits. With these products quantised as well, multilingual-e5-small
    fine-tuned on MultiNLI gave the label of float32 to 62 percent of XNLI's pairs instead of 93
    (static ranges), and to 91 instead of 95 (dynamic ones).
    """
    import onnx

    graph = onnx.load(model).graph
    shapes = {each.name: tuple(each.dims) for each in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul"
        and len(shape := shapes.get(node.input[1], ())) == 2
        and shape[0] > shape[1]
    ]


@contextmanager
def without_advice() -> Iterator[None]:
    """Silence the advice that onnxruntime's quantisation gives through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
