import json
import shutil

import numpy as np
import pytest

from infoxlm.deploy import Predictor
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.runtimes import load_runtime
from infoxlm.errors import UserError
from infoxlm.schema import Amp


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("form", ["paddle", "onnx"])
def test_any_batch_and_length(export, checkpoint, random_token_ids, form, precision):
    model = load_runtime(ModelFolder.open(checkpoint), None, device="cpu", threads=1)
    folder = ModelFolder.open(export(precision))
    exported = load_runtime(folder, form, device="cpu", threads=1)
    tolerance = 1e-4 if precision == "fp32" else 2e-2
    for count, longest in ((1, 4), (1, 37), (5, 9), (40, 30), (2, 5)):
        ids = random_token_ids(count, longest, seed=longest).padded(range(count))
        logits = exported.run(ids)
        assert (logits.shape, logits.dtype) == ((count, 3), np.float32)
        np.testing.assert_allclose(logits, model.run(ids), atol=tolerance)


@pytest.mark.usefixtures("bf16_machine")
def test_bf16_is_close(export, checkpoint, random_token_ids):
    opened = [ModelFolder.open(folder) for folder in (checkpoint, export(onnx=False))]
    for folder in opened:
        exact, rounded = (
            load_runtime(folder, None, device="cpu", threads=1, amp=amp)
            for amp in (Amp.none, Amp.bf16)
        )
        for count, longest in ((1, 4), (1, 37), (40, 30)):
            ids = random_token_ids(count, longest, seed=longest).padded(range(count))
            expected, found = exact.run(ids), rounded.run(ids)
            assert found.dtype == np.float32
            assert (found != expected).any()
            np.testing.assert_allclose(found, expected, rtol=0, atol=0.05 * np.abs(expected).max())


def test_exported_models_on_gpus_compute_as_they_were_exported(export, monkeypatch):
    monkeypatch.setattr("infoxlm.deploy.runtimes.check_device", lambda *_: None)
    opened = ModelFolder.open(export(onnx=False))
    with pytest.raises(UserError, match=r"hardware.amp=bf16 with an exported model on a GPU"):
        load_runtime(opened, None, device="gpu", threads=1, amp=Amp.bf16)


def test_onnx_models_compute_as_they_were_exported(export, monkeypatch):
    monkeypatch.setattr("infoxlm.deploy.runtimes.check_device", lambda *_: None)
    with pytest.raises(UserError, match=r"hardware.amp=bf16 with an ONNX model"):
        load_runtime(ModelFolder.open(export()), "onnx", device="cpu", threads=1, amp=Amp.bf16)


def test_paddle_is_preferred_unless_only_onnx_is_there(export):
    for precision, expected in (("fp32", "Paddle Inference"), ("int8_static", "ONNX Runtime")):
        folder = ModelFolder.open(export(precision))
        assert load_runtime(folder, None, device="cpu", threads=1).name == expected


def damaged(source, target, name, change):
    """A copy of an exported folder with one file changed."""
    shutil.copytree(source, target)
    file = target / name
    file.write_bytes(change(file.read_bytes()))
    return target


@pytest.mark.parametrize("name", ["inference.pdiparams", "model.onnx", "config.json"])
def test_damage_is_noticed_and_named(export, tmp_path, name):
    def flip(content):
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]

    changes = {"flipped": flip, "cut": lambda content: content[:-1], "empty": lambda _: b""}
    for way, change in changes.items():
        with pytest.raises(UserError, match=rf"{way}/{name} "):
            Predictor.load(damaged(export(), tmp_path / way, name, change))
    gone = shutil.copytree(export(), tmp_path / "gone")
    (gone / name).unlink()
    with pytest.raises(UserError, match=rf"gone/{name} is missing"):
        Predictor.load(gone)


#: Of two, so that no program for a single row is asked for.
PAIRS = [("a", "b"), ("a cat", "b")]


def test_damage_without_a_manifest_is_one_line_too(export, tmp_path):
    for number, (form, name) in enumerate(
        (("paddle", "inference.json"), ("paddle", "inference.pdiparams"), ("onnx", "model.onnx"))
    ):
        folder = damaged(export(), tmp_path / str(number), name, lambda content: content[:99])
        (folder / "manifest.json").unlink()
        with pytest.raises(UserError, match="cannot be loaded: .*Export the checkpoint again"):
            Predictor.load(folder, runtime=form).predict(PAIRS)
    (folder / "inference.pdiparams").unlink()
    with pytest.raises(UserError, match="inference.pdiparams is missing"):
        Predictor.load(folder, runtime="paddle").predict(PAIRS)


def test_gpus_are_not_for_onnx(export, monkeypatch):
    monkeypatch.setattr("infoxlm.deploy.runtimes.check_device", lambda *_: None)
    with pytest.raises(UserError, match="hardware.device=gpu:1 with an ONNX model"):
        load_runtime(ModelFolder.open(export()), "onnx", device="gpu:1", threads=1)


def test_programs_of_paddle_2_are_not_read(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "classic")
    (folder / "model.safetensors").unlink()
    (folder / "inference.pdmodel").write_bytes(b"")
    with pytest.raises(UserError, match=r"inference.pdmodel is .* Paddle 2.*\. Export the check"):
        Predictor.load(folder)


@pytest.mark.parametrize("form", ["paddle", "onnx", None])
def test_no_rows_are_answered_with_no_rows(form, export, checkpoint, random_token_ids):
    predictor = Predictor.load(export() if form else checkpoint, runtime=form)
    some = random_token_ids(3, 9).padded(range(3))
    before = predictor.runtime.run(some)
    for width in (0, 1, 9):
        logits = predictor.runtime.run(np.empty((0, width), np.int64))
        assert (logits.shape, logits.dtype) == ((0, 3), np.float32)
    assert predictor.answer([]) == predictor.predict([]) == []
    np.testing.assert_array_equal(predictor.runtime.run(some), before)


@pytest.mark.parametrize("form", ["paddle", "onnx"])
def test_labels_that_are_not_the_model_s(form, export, tmp_path):
    def fewer(content):
        return json.dumps(json.loads(content) | {"id2label": {"0": "a", "1": "b"}}).encode()

    folder = damaged(export(), tmp_path / "fewer", "config.json", fewer)
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="tells 3 labels apart, its config.json names 2"):
        Predictor.load(folder, runtime=form)


@pytest.mark.parametrize("form", ["paddle", "onnx"])
def test_a_model_that_cannot_be_run_is_one_line(form, export):
    """An id for which it has no embedding, as the tokenizer of another model gives."""
    runtime = load_runtime(ModelFolder.open(export()), form, device="cpu", threads=1)
    for rows in (1, 2):
        with pytest.raises(
            UserError, match=r"(inference.json|model.onnx) cannot be run: .*\d"
        ) as error:
            runtime.run(np.full((rows, 4), 10**6))
        assert "\n" not in str(error.value)
