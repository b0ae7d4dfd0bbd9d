import json

import pytest

from infoxlm.commands import export
from infoxlm.errors import UserError


def test_exports_the_best_checkpoint_of_a_run(trained, compose, tmp_path, capsys):
    target = tmp_path / "exported"
    words = (f"model.checkpoint={trained.folder}", f"target={target}")
    export.run(compose("export", *words), "")
    shown = " ".join(capsys.readouterr().out.split())
    assert "Paddle Inference" in shown
    assert "121 inputs in many languages" in shown
    assert "inference.pdiparams" in shown
    assert " 0.0 MB" not in shown
    assert json.loads((target / "config.json").read_text())["train_max_length"] == 32
    with pytest.raises(UserError, match="overwrite=true"):
        export.run(compose("export", *words), "")
    export.run(compose("export", *words, "overwrite=true", "max_length=16"), "")
    assert json.loads((target / "config.json").read_text())["train_max_length"] == 16


def test_onnx(trained, compose, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    words = (f"model.checkpoint={trained.folder}", f"target={tmp_path / 'x'}", "format=onnx")
    export.run(compose("export", *words, "precision=int8_dynamic"), "")
    shown = capsys.readouterr().out
    assert "ONNX Runtime" in shown
    assert "Paddle Inference" not in shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1400, "1.4 KB"), (1234567890, "1,234.6 MB")],
)
def test_sizes(count, shown):
    assert export.size(count) == shown


def test_random_weights_are_not_exported(compose, tmp_path):
    with pytest.raises(UserError, match="model.checkpoint is not set"):
        export.run(compose("export", "model=tiny", f"target={tmp_path / 'x'}"), "")


def test_integers_need_onnx(compose):
    with pytest.raises(UserError, match="precision=int8_static with format=paddle.*format=onnx"):
        compose("export", "model.checkpoint=a", "target=b", "precision=int8_static")
