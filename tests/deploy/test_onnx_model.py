import numpy as np
import pytest

from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.onnx_model import calibration_reader, narrowing_products

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def weights(folder):
    """Data type of each weight of an ONNX model, by the shape of the matrix."""
    graph = onnx.load(folder / "model.onnx").graph
    tensors = list(graph.initializer)
    tensors += [
        node.attribute[0].t for node in graph.node if node.op_type == "Constant"
    ]  # as paddle2onnx writes weights
    types = {}
    for tensor in tensors:
        if len(tensor.dims) == 2:
            name = onnx.TensorProto.DataType.Name(tensor.data_type)
            types.setdefault(tuple(tensor.dims), set()).add(name)
    return types


def test_how_weights_are_stored(export, checkpoint):
    config = ModelFolder.open(checkpoint).config
    table = (config["vocab_size"], config["hidden_size"])
    widening = (config["hidden_size"], config["intermediate_size"])
    narrowing = widening[::-1]
    single, half = weights(export("fp32")), weights(export("fp16"))
    assert single[table] == single[widening] == single[narrowing] == {"FLOAT"}
    assert half[table] == half[widening] == half[narrowing] == {"FLOAT16"}
    for precision in ("int8_dynamic", "int8_static"):
        integer = weights(export(precision))
        assert integer[widening] == {"INT8"}
        assert integer[table] <= {"INT8", "UINT8"}
        assert integer[narrowing] == {"FLOAT"}


def test_static_ranges_do_not_depend_on_the_company(export, random_token_ids):
    from infoxlm.deploy.runtimes import load_runtime

    pairs = random_token_ids(6, 20)
    alone = pairs.padded([3])

    def difference(precision):
        runtime = load_runtime(ModelFolder.open(export(precision)), "onnx", device="cpu", threads=1)
        together = runtime.run(np.concatenate([alone, pairs.padded(range(6))[:, : alone.shape[1]]]))
        return np.abs(together[0] - runtime.run(alone)[0]).max()

    assert difference("int8_static") < 1e-5 < difference("int8_dynamic")


def test_narrowing_products_are_one_a_layer(export, tmp_path):
    from onnxruntime.quantization import quant_pre_process

    quant_pre_process(export() / "model.onnx", tmp_path / "x.onnx", skip_symbolic_shape=True)
    found = narrowing_products(tmp_path / "x.onnx")
    assert len(found) == len(set(found)) == 2


def test_calibration_goes_once_through_the_pairs(random_token_ids):
    pairs = random_token_ids(60, 20)
    reader = calibration_reader(pairs)
    batches = []
    while (batch := reader.get_next()) is not None:
        assert list(batch) == ["input_ids"]
        batches.append(batch["input_ids"])
    assert sum(len(ids) for ids in batches) == 60
    assert sum((ids != 1).sum() for ids in batches) == pairs.lengths.sum()
    assert all(ids.size <= 512 for ids in batches)
    assert len(batches) > 1
