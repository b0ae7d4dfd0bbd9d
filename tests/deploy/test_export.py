import json

import numpy as np
import pytest

from infoxlm.deploy import export as module
from infoxlm.deploy.export import ExportOptions, export_model
from infoxlm.deploy.logit_parity import LogitParity
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.errors import UserError
from infoxlm.files.manifest import check_manifest, read_manifest
from infoxlm.schema import ExportPrecision

TOKENIZER = {"sentencepiece.bpe.model", "special_tokens_map.json", "tokenizer_config.json"}
PADDLE = {"inference.json", "inference_single_row.json", "inference.pdiparams"}
ALWAYS = TOKENIZER | {"config.json", "export.json", "manifest.json"}


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("precision", "onnx", "models"),
    [
        ("fp32", False, PADDLE),
        ("fp32", True, PADDLE | {"model.onnx"}),
        ("fp16", True, PADDLE | {"model.onnx"}),
        ("int8_dynamic", True, {"model.onnx"}),
        ("int8_static", True, {"model.onnx"}),
    ],
)
def test_what_an_exported_folder_holds(export, checkpoint, precision, onnx, models):
    folder = export(precision, onnx)
    assert names(folder) == ALWAYS | models
    check_manifest(folder)
    assert set(read_manifest(folder)) == names(folder) - {"manifest.json"}
    read = ModelFolder.open(folder)
    assert read.inference.labels == ("contradiction", "entailment", "neutral")
    assert read.usable_length(None) == 32
    record = json.loads((folder / "export.json").read_text())
    assert record["checkpoint"] == str(checkpoint)
    assert (record["precision"], record["max_length"]) == (precision, 32)
    assert len(record["agreement"]) == len(models & {"inference.json", "model.onnx"})
    for agreement in record["agreement"]:
        assert agreement["pairs"] == 8 * 15 + 1
        limit = {"fp32": 1e-4, "fp16": 0.2}.get(precision, 10)
        assert 0 < agreement["largest"] < limit
        assert agreement["same_label"] > (0.95 if precision.startswith("fp") else 0.6)


def test_half_precision_takes_half_the_room(export):
    def size(precision, name):
        return read_manifest(export(precision))[name]["bytes"]

    for name in ("inference.pdiparams", "model.onnx"):
        # The rest of so small a model are biases, LayerNorms and the graph itself.
        assert size("fp16", name) < 0.85 * size("fp32", name)


def test_another_length_travels_with_the_model(checkpoint, tmp_path):
    export_model(checkpoint, tmp_path / "short", ExportOptions(max_length=16))
    assert ModelFolder.open(tmp_path / "short").usable_length(None) == 16
    with pytest.raises(UserError, match="max_length=39, but .* takes 8 to 38 tokens"):
        export_model(checkpoint, tmp_path / "long", ExportOptions(max_length=39))


@pytest.mark.parametrize("largest", [1e-4, float("nan"), float("inf")])
def test_other_logits_are_an_error_and_leave_nothing(largest, checkpoint, tmp_path, monkeypatch):
    def disagreeing(cls, runtime, expected, found):
        return cls(runtime, len(expected), largest, largest, 1.0)

    monkeypatch.setattr(LogitParity, "of", classmethod(disagreeing))
    with pytest.raises(UserError, match=r"inference.json in Paddle Inference gives logits .*1e-04"):
        export_model(checkpoint, tmp_path / "deep" / "model", ExportOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("largest", [float("nan"), float("inf")])
def test_half_precision_that_overflows_is_an_error(largest, checkpoint, tmp_path, monkeypatch):
    agreement = LogitParity("Paddle Inference", 1, largest, largest, 1.0)
    monkeypatch.setattr(module.LogitParity, "of", lambda *_: agreement)
    options = ExportOptions(precision=ExportPrecision.fp16)
    with pytest.raises(UserError, match="differ"):
        export_model(checkpoint, tmp_path / "model", options)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_model_is_noticed(checkpoint, make_checkpoint, tmp_path, monkeypatch):
    """The comparison is with the checkpoint, not of the written file with itself."""
    other = module.CheckpointModel.load(ModelFolder.open(make_checkpoint(seed=8)), "cpu")
    write = module.write_models
    monkeypatch.setattr(module, "write_models", lambda _, *rest: write(other, *rest))
    with pytest.raises(UserError, match="differ from the checkpoint's by up to"):
        export_model(checkpoint, tmp_path / "model", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_existing_target(checkpoint, tmp_path):
    target = tmp_path / "model"
    export_model(checkpoint, target, ExportOptions())
    with pytest.raises(UserError, match="overwrite=true"):
        export_model(checkpoint, target, ExportOptions())
    export_model(checkpoint, target, ExportOptions(max_length=16, overwrite=True))
    assert ModelFolder.open(target).usable_length(None) == 16


def test_targets_that_cannot_be(checkpoint, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").touch()
    for target, message in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "inside", "cannot be written"),
        (tmp_path / "precious", "has no export.json"),
        (checkpoint, "has no export.json"),
    ):
        with pytest.raises(UserError, match=message):
            export_model(checkpoint, target, ExportOptions(overwrite=True))
    assert names(tmp_path) == {"file", "precious"}


def test_what_cannot_be_exported(export, make_checkpoint, tmp_path):
    for source, message in (
        (tmp_path / "missing", "does not exist"),
        (export("fp32", False), "is exported already"),
        (
            make_checkpoint("InfoXLMModel", id2label=None),
            "does not name the labels|without a classifier",
        ),
        (make_checkpoint("InfoXLMForMaskedLM"), "encoder without a classifier"),
    ):
        with pytest.raises(UserError, match=message):
            export_model(source, tmp_path / "target", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra(checkpoint, tmp_path, monkeypatch):
    from infoxlm.deploy import onnx_model

    found = {"onnx": None, "onnxruntime": None}
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: found.get(name, "there"))
    with pytest.raises(UserError, match=r"needs onnx and onnxruntime.*infoxlm\[export\]"):
        export_model(checkpoint, tmp_path / "model", ExportOptions(onnx=True))
    assert list(tmp_path.iterdir()) == []


def test_weights_beyond_what_onnx_holds(export, tmp_path, monkeypatch):
    from infoxlm.deploy import onnx_model

    monkeypatch.setattr(onnx_model, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match="ONNX files at most 2.1.*precision=fp16"):
        onnx_model.write_onnx(export("fp32", False) / "inference.json", tmp_path / "model.onnx")


def test_agreement():
    expected = np.array([[1.0, 2.0], [3.0, 0.0]])
    agreement = LogitParity.of("x", expected, np.array([[1.5, 2.0], [3.0, 4.0]]))
    assert agreement == LogitParity("x", pairs=2, largest=4.0, mean=4.5 / 4, same_label=0.5)
