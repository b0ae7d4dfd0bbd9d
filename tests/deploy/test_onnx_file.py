import random

import numpy as np
import pytest

from infoxlm.deploy.onnx_file import check_onnx_file
from infoxlm.errors import UserError

onnx = pytest.importorskip("onnx")


@pytest.fixture
def changed(export, tmp_path):
    """Checks a copy of an exported model in which a function has changed something."""

    def check(change):
        model = onnx.load(export() / "model.onnx")
        change(model)
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        check_onnx_file(tmp_path / "model.onnx")

    return check


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8_dynamic", "int8_static"])
def test_exports_are_read(export, precision):
    check_onnx_file(export(precision) / "model.onnx")


def first(model, operator):
    return next(node for node in model.graph.node if node.op_type == operator)


def operator(name, domain=""):
    def change(model):
        node = first(model, "Tanh")
        node.op_type, node.domain = name, domain

    return change


def unused(model):
    model.graph.node.add(op_type="Sign", input=["input_ids"], output=["unused"])


def weights(model):
    """The tensor of a constant."""
    return first(model, "Constant").attribute[0].t


def elsewhere(tensor_of):
    def change(model):
        tensor = tensor_of(model)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../weights")

    return change


def location_only(model):
    weights(model).data_location = onnx.TensorProto.EXTERNAL


def path_only(model):
    weights(model).external_data.add(key="location", value="weights")


def initializer(model):
    model.graph.initializer.add(name="other", dims=[1], data_type=1)
    return model.graph.initializer[-1]


def branch(model):
    attribute = first(model, "Tanh").attribute.add(name="then", type=onnx.AttributeProto.GRAPH)
    attribute.g.name = "inner"


def branches(model):
    first(model, "Tanh").attribute.add(name="all").graphs.add(name="inner")


def function(model):
    model.functions.add(name="Tanh")


def sparse(model):
    model.graph.sparse_initializer.add()


def training(model):
    model.training_info.add()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (operator("Sign"), "the operator 'Sign'"),
        (operator("Tanh", "my.own"), "the operator 'my.own.Tanh'"),
        (operator("x" * 9999), "the operator 'xxx"),
        (operator(""), "the operator ''"),
        (unused, "the operator 'Sign'"),
        (elsewhere(weights), "tensor"),
        (elsewhere(initializer), "tensor"),
        (location_only, "a tensor that lies in another file"),
        (path_only, "field 13 of a message of kind tensor"),
        (branch, "field 6 of a message of kind attribute"),
        (branches, "field 11 of a message of kind attribute"),
        (function, "field 25 of a message of kind model"),
        (sparse, "field 15 of"),
        (training, "field 20 of"),
    ],
)
def test_what_no_export_holds(changed, change, problem):
    with pytest.raises(UserError, match=rf"model\.onnx holds .*({problem}).* no export") as error:
        changed(change)
    assert len(str(error.value)) < 500


def test_what_may_be_added(changed):
    changed(lambda model: model.metadata_props.add(key="note", value="mine"))
    changed(lambda model: setattr(weights(model), "data_location", 0))
    changed(lambda model: setattr(first(model, "Tanh"), "doc_string", "the head"))


def test_spoiled_copies_end_in_one_line(export, tmp_path):
    whole = (export() / "model.onnx").read_bytes()
    path = tmp_path / "model.onnx"
    told = 0
    for seed in range(300):
        rng = random.Random(seed)
        content = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.choice(
                (0, 1, 0x7F, 0xFF, rng.randrange(256))
            )
        if seed % 10 == 0:
            del content[rng.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            check_onnx_file(path)
        except UserError as error:
            told += 1
            assert len(str(error)) < 500
    assert told > 30


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, b"\x0b", b"\x08" * 3_000_000, b"text"])
def test_other_files(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.onnx (cannot be loaded|holds)"):
        check_onnx_file(tmp_path / "model.onnx")


def test_weights_are_not_read(export, tmp_path):
    """A number of weights that is not there takes no memory."""
    model = onnx.load(export() / "model.onnx")
    model.graph.initializer.add(name="large", dims=[1], data_type=1).raw_data = bytes(
        np.zeros(1 << 22, np.uint8)
    )
    content = model.SerializeToString()
    (tmp_path / "model.onnx").write_bytes(content)
    check_onnx_file(tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="it is cut short|holds"):
        check_onnx_file(tmp_path / "model.onnx")
