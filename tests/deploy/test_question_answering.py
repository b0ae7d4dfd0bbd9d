"""A model that answers for every token, exported in each form, next to its checkpoint."""

import json
import shutil

import numpy as np
import pytest

from infoxlm.deploy import Predictor
from infoxlm.deploy.export import ExportOptions, export_model
from infoxlm.deploy.logit_parity import LogitParity
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.runtimes import load_runtime
from infoxlm.deploy.static_scoring import static_graph
from infoxlm.errors import UserError
from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.model.question_answering import PADDING_LOGIT
from infoxlm.schema import ExportPrecision, HardwareConfig

ROWS = [
    ("who ran home?", "the cat sat on the mat and the dog ran home, " * 4),
    ("谁在看书?", "孩子在家里看书,狗在睡觉。"),
    ("where?", "a"),
]
#: The largest difference from the checkpoint's logits; integers are far off on random weights.
LARGEST = {"fp32": 1e-4, "fp16": 0.2, "int8_dynamic": 10, "int8_static": 10}


@pytest.fixture(scope="module")
def answerer(make_answerer):
    return make_answerer()


@pytest.fixture(scope="module")
def exported(answerer, tmp_path_factory):
    """Exports the tiny model, in each precision once."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("answerers")
    for precision in ExportPrecision:
        options = ExportOptions(onnx=True, precision=precision)
        export_model(answerer, folder / precision.value, options)
    return folder


@pytest.mark.parametrize("precision", LARGEST)
def test_every_form_gives_the_checkpoints_tokens(exported, answerer, precision):
    checkpoint = Predictor.load(answerer, threads=1)
    token_ids = checkpoint.encode(ROWS).token_ids
    assert len(token_ids) > len(ROWS)
    expected = checkpoint.outputs(token_ids)
    assert [x.shape for x in expected] == [(length, 2) for length in token_ids.lengths]
    folder = exported / precision
    forms = ["onnx"] if precision.startswith("int8") else ["paddle", "onnx"]
    assert (folder / "inference.json").is_file() == ("paddle" in forms)
    for form in forms:
        predictor = Predictor.load(folder, runtime=form, threads=1)
        assert predictor.runtime.for_every_token
        found = predictor.outputs(token_ids)
        assert [x.shape for x in found] == [x.shape for x in expected]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=LARGEST[precision])
        if precision == "fp32":
            assert [x.answer for x in predictor.predict(ROWS)] == [
                x.answer for x in checkpoint.predict(ROWS)
            ]
        padded = predictor.runtime.run(np.array([[0, 9, 2, 1, 1], [0, 9, 8, 7, 2]]))
        assert (padded[0, 3:5] == PADDING_LOGIT).all()


def test_what_an_exported_folder_says(exported):
    import onnxruntime

    for precision in LARGEST:
        folder = exported / precision
        assert not (folder / "inference_single_row.json").exists()
        record = json.loads((folder / "export.json").read_text())
        for agreement in record["agreement"]:
            assert 0 < agreement["largest"] < LARGEST[precision]
            assert precision.startswith("int8") or agreement["same_label"] > 0.95
        session = onnxruntime.InferenceSession(folder / "model.onnx")
        (made,) = session.get_outputs()
        assert (made.name, made.shape) == ("logits", ["batch", "sequence", 2])
        facts = session.get_modelmeta().custom_metadata_map
        assert json.loads(facts["outputs"]) == ["start", "end"]


@pytest.mark.parametrize("form", ["paddle", "onnx"])
@pytest.mark.parametrize("tokens", [True, False])
def test_a_model_of_another_kind_is_refused(form, tokens, exported, export, tmp_path, monkeypatch):
    """Two columns for every token are not two labels, nor the other way round."""
    folder = shutil.copytree(exported / "fp32" if tokens else export(), tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    config["task_name"] = "classification" if tokens else "question_answering"
    config["id2label"] = {"0": "no", "1": "yes"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "manifest.json").unlink()
    kinds = ["every token", "each sequence"] if tokens else ["each sequence", "every token"]
    opened = ModelFolder.open(folder)
    if not tokens:
        monkeypatch.setattr(type(opened.inference), "outputs", 3)
    with pytest.raises(UserError, match=f"answers for {kinds[0]}, its config.json is .*{kinds[1]}"):
        load_runtime(opened, form, device="cpu", threads=1)


def test_the_static_graph_gives_an_evaluator_the_tokens(tiny_model, random_token_ids, tmp_path):
    model, token_ids = tiny_model("InfoXLMForQuestionAnswering"), random_token_ids(40)
    hardware = HardwareConfig("cpu", eval_batch_tokens=90)
    expected = Evaluator(hardware).token_outputs(model, token_ids, 2)
    with static_graph(model, tmp_path) as compute:
        found = Evaluator(hardware, compute=compute).token_outputs(model, token_ids, 2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_parity_counts_the_same_starts_and_ends():
    expected = [np.array([[3.0, 0], [0, 0], [0, 3]]), np.array([[1.0, 1]])]
    moved = [np.array([[3.0, 0], [0, 4], [0, 3]]), np.array([[0.0, 1]])]
    parity = LogitParity.of("x", expected, moved)
    assert (parity.pairs, parity.largest, parity.same_label) == (2, 4.0, 0.5)


def test_a_checkpoint_of_another_head_is_not_exported(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint(task_name="question_answering")
    with pytest.raises(UserError, match="without a head of question answering; its classifier"):
        export_model(checkpoint, tmp_path / "target", ExportOptions())
    assert list(tmp_path.iterdir()) == []
