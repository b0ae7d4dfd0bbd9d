import json
import re
import shutil
from importlib.metadata import version

import numpy as np
import pytest

import infoxlm
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


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8_dynamic", "int8_static"])
def test_what_a_model_says_of_itself(export, precision):
    import onnxruntime

    session = onnxruntime.InferenceSession(export(precision) / "model.onnx")
    (taken,), (made,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == (
        "input_ids", "tensor(int64)", ["batch", "sequence"],
    )  # fmt: skip
    assert (made.name, made.type, made.shape) == ("logits", "tensor(float)", ["batch", 3])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["labels"]) == ["contradiction", "entailment", "neutral"]
    assert (facts["max_length"], facts["precision"]) == ("32", precision)
    assert facts["infoxlm"] == infoxlm.__version__
    assert facts["paddle2onnx"] == version("paddle2onnx")
    assert re.fullmatch(r"3\.\d+\.\d+", facts["paddle"])


def test_models_of_earlier_versions_are_read(export, tmp_path, random_token_ids):
    """Their output had the name that Paddle gave it, and their sizes other names."""
    from infoxlm.deploy.runtimes import load_runtime

    folder = shutil.copytree(export(), tmp_path / "before")
    (folder / "manifest.json").unlink()
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        node.output[:] = ["fetch_name_0" if x == "logits" else x for x in node.output]
    model.graph.output[0].name = "fetch_name_0"
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "DynamicDimension.2"
    del model.metadata_props[:]
    onnx.save(model, folder / "model.onnx")
    ids = random_token_ids(3, 9).padded(range(3))
    now, before = (
        load_runtime(ModelFolder.open(x), "onnx", device="cpu", threads=1).run(ids)
        for x in (export(), folder)
    )
    np.testing.assert_array_equal(now, before)


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
