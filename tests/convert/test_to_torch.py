import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from infoxlm.convert import convert_to_paddle, convert_to_torch
from infoxlm.errors import UserError


@pytest.fixture
def there_and_back(tmp_path, torch_folder):
    def convert(state, **changes):
        convert_to_paddle(
            str(torch_folder(state, **changes)), tmp_path / "paddle", cache_dir=tmp_path
        )
        return tmp_path / "back", convert_to_torch(tmp_path / "paddle", tmp_path / "back")

    return convert


def test_there_and_back_gives_the_same_values(there_and_back, tiny_state, tmp_path):
    state = tiny_state("roberta.pooler", "lm_head", "classifier")
    folder, report = there_and_back(state)
    back = load_file(folder / "model.safetensors")
    assert back.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array, err_msg=name)
    with safe_open(folder / "model.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}
    config = json.loads((folder / "config.json").read_text())
    assert config["torch_dtype"] == "float32"
    assert "dtype" not in config
    assert "complete" in report.verdict

    def checksums(path):
        lines = (path / "conversion.md").read_text(encoding="utf-8").splitlines()
        rows = [line.split(" | ") for line in lines if line.startswith("| `")]
        return {row[1]: row[4] for row in rows}

    assert len(checksums(folder)) == len(state)
    assert checksums(folder) == checksums(tmp_path / "paddle")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("roberta.pooler",), "XLMRobertaModel"),
        (("classifier",), "XLMRobertaForSequenceClassification"),
        (("qa_outputs",), "XLMRobertaForQuestionAnswering"),
        (("lm_head",), "XLMRobertaForMaskedLM"),
    ],
)
def test_transformers_loads_it(parts, name, there_and_back, tiny_state):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    state = tiny_state(*parts)
    folder, _ = there_and_back(state)
    model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for parameter, tensor in model.named_parameters():
        original = parameter if parameter in state else f"roberta.{parameter}"
        np.testing.assert_array_equal(tensor.detach().numpy(), state[original])


def test_a_folder_that_our_model_saved(tmp_path, sentencepiece_file, tiny_torch_config):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from infoxlm import InfoXLMConfig, InfoXLMModel, InfoXLMTokenizer

    model = InfoXLMModel(InfoXLMConfig.from_dict({**tiny_torch_config, "torch_dtype": None}))
    model.save_pretrained(tmp_path / "ours")
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(tmp_path / "ours")
    convert_to_torch(tmp_path / "ours", tmp_path / "torch")

    loaded = transformers.XLMRobertaModel.from_pretrained(
        tmp_path / "torch", add_pooling_layer=False
    )
    ours = {name: parameter.numpy() for name, parameter in model.named_parameters()}
    for name, tensor in loaded.named_parameters():
        transposed = tensor.ndim == 2 and "embeddings" not in name
        np.testing.assert_array_equal(
            tensor.detach().numpy(), ours[name].T if transposed else ours[name]
        )
    import torch

    outputs = loaded(torch.tensor([[0, 5, 2]]))
    assert outputs.last_hidden_state.shape == (1, 3, 16)


def test_pytorch_weights_are_refused(tmp_path, tiny_state, torch_folder):
    with pytest.raises(UserError, match="PyTorch"):
        convert_to_torch(torch_folder(tiny_state()), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_weights_in_the_wrong_layout_are_refused(tmp_path, tiny_state, torch_folder):
    folder = torch_folder(tiny_state())
    save_file(tiny_state(), folder / "model.safetensors", metadata={"format": "np"})
    with pytest.raises(UserError, match="has shape"):
        convert_to_torch(folder, tmp_path / "back")
