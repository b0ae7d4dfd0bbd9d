import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from infoxlm.deploy import Predictor
from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.deploy.runtimes import load_runtime
from infoxlm.errors import UserError


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
    monkeypatch.setattr("infoxlm.deploy.runtimes.check_device", lambda device: None)
    with pytest.raises(UserError, match="hardware.device=gpu:1 with an ONNX model"):
        load_runtime(ModelFolder.open(export()), "onnx", device="gpu:1", threads=1)


#: Writes the format of Paddle 2, which a process has to be started for, and which Paddle 3.3 can
#: write for so simple a model only.
CLASSIC = """
import sys
import paddle

class Bag(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = paddle.nn.Embedding(int(sys.argv[2]), 8)
        self.linear = paddle.nn.Linear(8, 3)

    def forward(self, ids):
        return self.linear(self.embedding(ids).mean(axis=1))

spec = paddle.static.InputSpec([None, None], "int64", name=sys.argv[3])
bag = Bag()
paddle.jit.save(bag, f"{sys.argv[1]}/inference", input_spec=[spec])
print(bag(paddle.to_tensor([[0, 7, 9, 2, *[1] * 12]])).tolist())  # it minds padding
"""


@pytest.mark.parametrize("name", ["input_ids", "tokens"])
def test_pdmodel_is_read(checkpoint, tmp_path, name):
    vocabulary = str(ModelFolder.open(checkpoint).config["vocab_size"])
    folder = shutil.copytree(checkpoint, tmp_path / "classic")
    (folder / "model.safetensors").unlink()
    script = tmp_path / "classic.py"  # a file, because Paddle reads the source of what it exports
    script.write_text(CLASSIC)
    finished = subprocess.run(
        [sys.executable, script, folder, vocabulary, name],
        env={**os.environ, "FLAGS_enable_pir_api": "0"}, capture_output=True, text=True,
    )  # fmt: skip
    assert (folder / "inference.pdmodel").is_file(), finished.stderr
    if name == "tokens":
        with pytest.raises(UserError, match="inference.pdmodel takes tokens instead of input_ids"):
            Predictor.load(folder)
        return
    predictor = Predictor.load(folder)
    found = predictor.runtime.run(np.array([[0, 7, 9, 2, *[1] * 12]]))
    np.testing.assert_allclose(found, json.loads(finished.stdout), atol=1e-6)
    assert predictor.predict([("a", "b")])[0].label in predictor.labels
