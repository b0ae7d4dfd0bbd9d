import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError

from infoxlm.convert.hub import download_checkpoint
from infoxlm.errors import UserError


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with these files; the names that were asked for are recorded."""
    asked = []

    def make(*files):
        def hf_hub_download(repository, name):
            asked.append(name)
            if name not in files:
                raise EntryNotFoundError(f"404 {repository}\nno {name}")
            return str(tmp_path / name)

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
        return asked

    return make


FILES = ["config.json", "sentencepiece.bpe.model"]


def test_one_file_of_weights_is_enough(hub, tmp_path):
    asked = hub(*FILES, "model.safetensors", "pytorch_model.bin")
    assert download_checkpoint("microsoft/infoxlm-base") == tmp_path
    assert asked == [*FILES, "model.safetensors"]


def test_the_pickle_is_the_second_choice(hub, tmp_path):
    pytest.importorskip("torch")
    asked = hub(*FILES, "pytorch_model.bin")
    download_checkpoint("microsoft/infoxlm-base")
    assert asked == [*FILES, "model.safetensors", "pytorch_model.bin"]


def test_a_failure_is_one_line_with_a_way_out(hub):
    hub("config.json")
    with pytest.raises(UserError, match="HF_ENDPOINT.*give their folder as source") as error:
        download_checkpoint("microsoft/infoxlm-base")
    assert "\n" not in str(error.value)


def test_offline_without_a_copy(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="microsoft/infoxlm-base cannot be fetched") as error:
        download_checkpoint("microsoft/infoxlm-base")
    assert "\n" not in str(error.value)
