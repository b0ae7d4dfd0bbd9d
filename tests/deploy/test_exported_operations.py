"""The list of operations is that of exports: it is made of them here, and compared.

After a change of what `export` writes, INFOXLM_LIST_OPERATIONS=1 has this test write the list
again; what is not in exports any more stays in it as `earlier`.
"""

import json
import os
from itertools import chain, product
from pathlib import Path

import pytest

from infoxlm.deploy import exported_operations as module
from infoxlm.deploy.exported_operations import LIST, Operations, onnx_operators
from infoxlm.deploy.paddle_program import PARAMETER, operations_of
from infoxlm.schema import ExportPrecision

onnx = pytest.importorskip("onnx")

#: Shares no size with the tiny model of the fixtures, nor anything else that a program may hold.
OTHER = {
    "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 5, "intermediate_size": 28,
    "max_position_embeddings": 50, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
    "id2label": {0: "no", 1: "yes"}, "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def exports(make_checkpoint, make_answerer, tmp_path_factory):
    """The folders of models of two sizes with each head, exported in every form and precision."""
    from infoxlm.deploy.export import ExportOptions, export_model

    # Whatever they hold: `export` itself would refuse what is not in the list yet.
    patches = pytest.MonkeyPatch()
    patches.setattr(Operations, "check", lambda self, operation: None)
    folders = []
    for changes in ({}, OTHER):
        folders.append([])
        for make, precision in product((make_checkpoint, make_answerer), ExportPrecision):
            folder = tmp_path_factory.mktemp("exports") / precision.value
            options = ExportOptions(onnx=True, precision=precision)
            export_model(make(**changes), folder, options)
            folders[-1].append(folder)
    patches.undo()
    return folders


def operations(program: Path):
    content = json.loads(program.read_text())
    return [each for each in operations_of(content) if each["#"] != PARAMETER]


@pytest.fixture(scope="module")
def listed(exports):
    """The list that today's exports lead to."""
    paddle = Operations.describe(
        chain.from_iterable(operations(file) for x in folders for file in x.glob("inference*.json"))
        for folders in exports
    ).described
    models = [file for folders in exports for x in folders for file in x.glob("*.onnx")]
    nodes = chain.from_iterable(onnx.load(file).graph.node for file in models)
    operators = {f"{node.domain}.{node.op_type}".lstrip(".") for node in nodes}
    return {"paddle": paddle, "onnx": sorted(operators)}


def test_the_list_is_made_of_exports(listed, exports):
    assert {len(folders) for folders in exports} == {2 * len(ExportPrecision)}
    file = Path(module.__file__).with_name(LIST)
    known = json.loads(file.read_text())
    if os.environ.get("INFOXLM_LIST_OPERATIONS") == "1":
        for form, now in listed.items():
            gone = {name for name in known[form]["now"] if name not in now}
            earlier = known[form]["earlier"]
            if isinstance(earlier, dict):
                earlier |= {name: known[form]["now"][name] for name in gone}
            else:
                earlier = sorted({*earlier, *gone})
            known[form] = {"now": now, "earlier": earlier}
        file.write_text(json.dumps(known, indent=1) + "\n")
    assert known["paddle"]["now"] == listed["paddle"]
    assert known["onnx"]["now"] == listed["onnx"]


def test_earlier_exports_may_hold_what_todays_do_not():
    known = json.loads(Path(module.__file__).with_name(LIST).read_text())
    assert known["paddle"]["earlier"].keys() == {"1.dropout", "1.flatten"}
    assert known["onnx"]["earlier"] == ["Concat", "Shape"]
    assert Operations.of_exports().described.keys() >= {"1.dropout", "1.matmul"}
    assert onnx_operators() >= {"Concat", "MatMul"}


def test_sizes_may_be_others(listed):
    free = {
        (name, attribute)
        for name, described in listed["paddle"].items()
        for attribute, values in described["attributes"].items()
        if "types" in values
    }
    assert free == {
        ("1.full", "value"), ("1.full_int_array", "value"), ("1.layer_norm", "epsilon"),
        ("1.fused_bias_residual_layernorm", "epsilon"), ("1.self_dp_attention", "alpha"),
        ("1.self_dp_attention", "head_number"),
    }  # fmt: skip
