import shutil

import numpy as np
import pytest

from infoxlm.commands import convert
from infoxlm.data.xnli import WORDS
from infoxlm.errors import UserError


@pytest.fixture(scope="module")
def torch_folder(sentencepiece_file, tmp_path_factory):
    """A classifier with random weights, as transformers saves it."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from infoxlm import InfoXLMTokenizer

    torch.manual_seed(5)
    config = transformers.XLMRobertaConfig(
        vocab_size=InfoXLMTokenizer(sentencepiece_file).vocab_size, hidden_size=16,
        num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
        id2label=dict(enumerate(WORDS)),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("torch") / "model"
    transformers.XLMRobertaForSequenceClassification(config).save_pretrained(folder)
    shutil.copy(sentencepiece_file, folder / "sentencepiece.bpe.model")
    return folder


def test_there_and_back(torch_folder, compose, tmp_path, capsys):
    from safetensors.numpy import load_file

    paddle, back = tmp_path / "paddle", tmp_path / "back"
    convert.run(compose("convert", f"source={torch_folder}", f"target={paddle}", "verify=true"), "")
    shown = capsys.readouterr().out
    assert str(paddle / "conversion.md") in shown
    assert "equal: largest difference" in shown
    assert "Verdict: equal" in (paddle / "conversion.md").read_text()

    to_torch = ("direction=to_torch", "verify=true")
    convert.run(compose("convert", f"source={paddle}", f"target={back}", *to_torch), "")
    first, second = (load_file(folder / "model.safetensors") for folder in (torch_folder, back))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)


def test_run_means_its_best_checkpoint(torch_folder, compose, tmp_path):
    from safetensors.numpy import load_file

    from infoxlm.files.manifest import write_manifest

    best = tmp_path / "run" / "checkpoints" / "best"
    convert.run(compose("convert", f"source={torch_folder}", f"target={best}"), "")
    write_manifest(best)
    words = (f"source={tmp_path / 'run'}", f"target={tmp_path / 'back'}", "direction=to_torch")
    convert.run(compose("convert", *words, "verify=true"), "")
    first, second = (load_file(x / "model.safetensors") for x in (torch_folder, tmp_path / "back"))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)
    content = bytearray((best / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (best / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="best/model.safetensors is damaged: its checksum"):
        convert.run(compose("convert", *words, "overwrite=true"), "")


def test_names_of_a_compiled_model_are_verified_too(torch_folder, compose, tmp_path, capsys):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "compiled"
    shutil.copytree(torch_folder, folder)
    state = {f"_orig_mod.{x}": y for x, y in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    words = (f"source={folder}", f"target={tmp_path / 'paddle'}", "verify=true")
    convert.run(compose("convert", *words), "")
    assert "equal: largest difference" in capsys.readouterr().out


def test_existing_target_needs_overwrite(torch_folder, compose, tmp_path):
    words = (f"source={torch_folder}", f"target={tmp_path / 'paddle'}")
    convert.run(compose("convert", *words), "")
    with pytest.raises(UserError, match="overwrite=true"):
        convert.run(compose("convert", *words), "")
    convert.run(compose("convert", *words, "overwrite=true"), "")


def test_failed_verification_is_an_error(torch_folder, compose, tmp_path, monkeypatch):
    from infoxlm.convert.verification import Difference, Verification

    differs = Verification(sentences=1, tokens=5, differences=(Difference("embeddings", 1.0, 0.5),))
    monkeypatch.setattr(convert, "verify", lambda *_, **__: differs)
    words = (f"source={torch_folder}", f"target={tmp_path / 'paddle'}", "verify=true")
    with pytest.raises(UserError, match="does not compute what .* computes"):
        convert.run(compose("convert", *words), "")
